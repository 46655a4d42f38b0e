/* SPDX-License-Identifier: MIT */

/* Imports of the wrong objects, with the wrong rights, and of the right ones
 * with wrong contents; and exports under names that are taken
 */
#include "import.h"

#include <string.h>

#include "hostile.h"

/* Of an episode, as many imports */
#define STEPS 32

/* The object that is imported into ----------------------------------------- */

/* Private or shared, and with some state */
static struct vk_sync *
create_target(enum vk_sync_win32_kind kind)
{
   struct vk_sync *target =
      fuzz_chance(30) ? fuzz_shared_sync(kind, NULL, fuzz_chance(50)) :
                        fuzz_sync(kind, 0);

   if (fuzz_chance(50))
      REQUIRE(vk_sync_signal(fuzz_device, target,
                             kind == VK_SYNC_WIN32_KIND_TIMELINE ?
                             1 + fuzz_below(100) : 0) == VK_SUCCESS);
   return target;
}

/* All that a refusal must leave as it was, except for the message */
struct snapshot {
   struct vk_sync_win32 sync;
   uint64_t word;
   uint32_t refcount;
   uint64_t messages;
   struct fuzz_counts counts;
};

static struct snapshot
take_snapshot(const struct vk_sync *sync)
{
   const struct vk_sync_win32_payload *payload = fuzz_payload(sync);

   return (struct snapshot) {
      .sync = *(const struct vk_sync_win32 *)sync,
      .word = vk_sync_win32_load64(payload->word),
      .refcount = payload->refcount,
      .messages = fuzz_message_count(),
      .counts = fuzz_count(),
   };
}

static void
check_refusal(const struct vk_sync *sync, const struct snapshot *before)
{
   const struct snapshot after = take_snapshot(sync);

   FUZZ_CHECK(memcmp(&after.sync, &before->sync, sizeof(after.sync)) == 0);
   FUZZ_CHECK(after.word == before->word);
   FUZZ_CHECK(after.refcount == before->refcount);
   FUZZ_CHECK(after.messages > before->messages);
   FUZZ_CHECK(after.counts.views == before->counts.views);
   FUZZ_CHECK(after.counts.handles == before->counts.handles);
   FUZZ_CHECK(after.counts.allocations == before->counts.allocations);
}

/* What has come by a number can be told by it. */
static void
check_success(struct vk_sync *target, enum vk_sync_win32_kind kind,
              const struct snapshot *before, const struct attempt *attempt)
{
   const struct vk_sync_win32_payload *payload = fuzz_payload(target);

   if (!FUZZ_CHECK(vk_sync_win32_payload_is_section(payload)))
      return;
   FUZZ_CHECK(payload->kind == kind);
   FUZZ_CHECK(fuzz_message_count() == before->messages);
   if (attempt->type == FUZZ_NUMBER)
      FUZZ_CHECK(fuzz_export_number(target) == attempt->handle);
}

/* A number that was made up may be that of what the target lets go of. */
static bool
is_own(const struct vk_sync *target, HANDLE handle)
{
   struct vk_sync_win32_payload *payload = fuzz_payload(target);

   return vk_sync_win32_payload_is_section(payload) &&
          vk_sync_win32_section_get(payload)->handle == handle;
}

/* Import, a case, and check the verdict: after a refusal all is as before,
 * and there is a message.  Returns whether it has been imported.
 */
static bool
try_import(struct vk_sync *target, const struct attempt *attempt)
{
   const struct snapshot before = take_snapshot(target);
   const enum vk_sync_win32_kind kind = fuzz_payload(target)->kind;
   const enum verdict verdict =
      attempt->verdict == GOOD && attempt->kind != kind ?
      BAD : attempt->verdict;

   fuzz_guard_handle(is_own(target, attempt->handle) ? NULL : attempt->handle);
   fuzz_enter(attempt->what, (uint64_t)(uintptr_t)attempt->handle);
   const VkResult result =
      fuzz_import(target, attempt->type ? attempt->type : FUZZ_NT_HANDLE,
                  attempt->handle, attempt->name);
   fuzz_leave(0);
   fuzz_guard_handle(NULL);
   fuzz_count_case();

   FUZZ_CHECK(fuzz_count().wrong_closes == before.counts.wrong_closes);
   FUZZ_CHECK(result == VK_SUCCESS || result == REFUSED);
   if (verdict != EITHER)
      FUZZ_CHECK((result == VK_SUCCESS) == (verdict == GOOD));
   if (verdict == BAD_UNMAPPED)
      FUZZ_CHECK(fuzz_count().maps == before.counts.maps);

   if (result == VK_SUCCESS)
      check_success(target, kind, &before, attempt);
   else
      check_refusal(target, &before);
   return result == VK_SUCCESS;
}

/* Imports at random -------------------------------------------------------- */

static struct attempt
attempt_from_list(const struct list *list)
{
   struct attempt attempt = list->all[fuzz_below(list->count)];
   uintptr_t value = (uintptr_t)attempt.handle;

   /* The system ignores these bits of a handle. */
   if (attempt.type == 0 && (intptr_t)value > 0 && fuzz_chance(20))
      attempt.handle = (HANDLE)(value | fuzz_below(4));
   return attempt;
}

/* Any value but those that this process has open, nor could have */
static struct attempt
attempt_no_handle(void)
{
   const uint64_t value = fuzz_random() >> fuzz_below(48);
   intptr_t handle;

   /* Pseudo-handles, 32-bit values that were extended either way */
   switch (fuzz_below(8)) {
   case 0:
      handle = -(intptr_t)(1 + fuzz_below(16));
      break;
   case 1:
      handle = (int32_t)((uint32_t)value | 0x80000000u);
      break;
   case 2:
      handle = (intptr_t)((uint32_t)value | 0x80000000u);
      break;
   case 3:
      handle = (intptr_t)((uintptr_t)1 <<
                          (20 + fuzz_below(sizeof(uintptr_t) * 8 - 20)));
      break;
   default:
      handle = (intptr_t)(value | 0x1000000u);
      break;
   }
   return (struct attempt) {
      .what = "no handle at all", .handle = (HANDLE)handle,
      .verdict = BAD_UNMAPPED,
   };
}

static struct attempt
attempt_rights(const struct list *list)
{
   const DWORD needed = SECTION_QUERY | SECTION_MAP_READ | SECTION_MAP_WRITE;
   const DWORD rights = (DWORD)fuzz_random() &
                        (fuzz_chance(50) ? SECTION_ALL_ACCESS : 0xf);
   struct attempt attempt = {
      .what = "a payload with some rights", .kind = list->kind,
      .verdict = (rights & needed) == needed ? GOOD :
                 /* Who may write may often read. */
                 (rights & needed) == (needed & ~SECTION_MAP_READ) ? EITHER :
                 rights & SECTION_QUERY ? BAD : BAD_UNMAPPED,
   };

   attempt.close = DuplicateHandle(GetCurrentProcess(), list->genuine,
                                   GetCurrentProcess(), &attempt.handle,
                                   rights, FALSE, 0);
   if (!attempt.close)
      attempt.verdict = BAD_UNMAPPED;
   return attempt;
}

static struct attempt
attempt_closed(const struct list *list)
{
   struct attempt attempt = {
      .what = "a closed handle", .verdict = BAD_UNMAPPED,
   };

   REQUIRE(DuplicateHandle(GetCurrentProcess(), list->genuine,
                           GetCurrentProcess(), &attempt.handle, 0, FALSE,
                           DUPLICATE_SAME_ACCESS));
   CloseHandle(attempt.handle);
   return attempt;
}

/* The contents of a payload in a section of some size, whatever the system
 * makes of that size
 */
static struct attempt
attempt_size(const struct list *list)
{
   struct vk_sync_win32_layout *layout = fuzz_layout(list->sync);
   struct {
      void *base;
      ULONG attributes;
      LARGE_INTEGER size;
   } info = {0};
   const SIZE_T size = fuzz_chance(50) ?
                       1 + fuzz_below(3 * sizeof(*layout)) :
                       sizeof(*layout) - 2 + fuzz_below(4);
   struct attempt attempt = {
      .what = "a copy of some size", .kind = list->kind, .close = true,
      .handle = make_section(layout, size, PAGE_READWRITE, NULL),
   };

   REQUIRE(attempt.handle != NULL);
   REQUIRE(vk_sync_win32_nt.query_section(attempt.handle, 0, &info,
                                          sizeof(info), NULL) ==
           VK_SYNC_WIN32_STATUS_SUCCESS);
   attempt.verdict = info.size.QuadPart >= (LONGLONG)sizeof(*layout) ?
                     GOOD : BAD_UNMAPPED;
   return attempt;
}

/* Next to a number that is there */
static struct attempt
attempt_number(const struct list *list)
{
   const uintptr_t bit = (uintptr_t)1 << fuzz_below(sizeof(bit) * 8);

   return (struct attempt) {
      .what = "nearly a number", .type = FUZZ_NUMBER,
      .handle = (HANDLE)((uintptr_t)list->number ^ bit),
      .verdict = BAD_UNMAPPED,
   };
}

static struct attempt
make_attempt(const struct list *list)
{
   const uint32_t dice = fuzz_below(100);

   if (dice < 60)
      return attempt_from_list(list);
   if (dice < 75)
      return attempt_no_handle();
   if (dice < 78)
      /* It may happen to be open, and be anything. */
      return (struct attempt) {
         .what = "a value of low",
         .handle = (HANDLE)(uintptr_t)fuzz_below(4096),
         .verdict = EITHER,
      };
   if (dice < 86)
      return attempt_rights(list);
   if (dice < 90)
      return attempt_number(list);
   if (dice < 95)
      return attempt_closed(list);
   return attempt_size(list);
}

/* Into an object of the kind, mostly */
static void
import_some(void *lists)
{
   enum vk_sync_win32_kind kind = fuzz_any_kind();
   struct vk_sync *target = create_target(kind);

   for (unsigned i = 0; i < STEPS; i++) {
      const struct attempt attempt =
         make_attempt((struct list *)lists + fuzz_below(FUZZ_KINDS));

      if (attempt.kind != 0 && attempt.kind != kind && fuzz_chance(70)) {
         fuzz_destroy(target);
         kind = attempt.kind;
         target = create_target(kind);
      }
      if (try_import(target, &attempt)) {
         fuzz_destroy(target);
         kind = fuzz_any_kind();
         target = create_target(kind);
      }
      if (attempt.close)
         CloseHandle(attempt.handle);
   }
   fuzz_destroy(target);
}

/* Kinds of sections that no program can create everywhere, by what the kernel
 * says of them
 */
static void
import_pretended(void *lists)
{
   static const ULONG bits[] = {
      0x00200000 /* based */, SEC_FILE, SEC_IMAGE, SEC_PROTECTED_IMAGE,
      SEC_RESERVE, SEC_COMMIT, SEC_NOCACHE, SEC_WRITECOMBINE, SEC_LARGE_PAGES,
   };
   const LONGLONG least = sizeof(struct vk_sync_win32_layout);
   const LONGLONG sizes[] = {
      0, 1, -1, INT64_MIN, INT64_MAX, 4095, 4096, least - 1, least, least + 1,
      INT64_C(0x100000000), INT64_C(0xffffffff),
   };

   for (unsigned i = 0; i < STEPS; i++) {
      const struct list *list = (struct list *)lists + fuzz_below(FUZZ_KINDS);
      struct vk_sync *target = create_target(list->kind);
      struct fuzz_section_info info = {
         .attributes = SEC_COMMIT,
         .size = sizes[fuzz_below(TEST_COUNT(sizes))],
      };

      if (fuzz_chance(70))
         info.attributes ^= bits[fuzz_below(TEST_COUNT(bits))];
      if (fuzz_chance(30))
         info.attributes ^= bits[fuzz_below(TEST_COUNT(bits))];
      if (fuzz_chance(10))
         info.status = (LONG)fuzz_random();

      const bool good = info.status == VK_SYNC_WIN32_STATUS_SUCCESS &&
                        info.attributes == SEC_COMMIT && info.size >= least;

      fuzz_pretend(&info);
      try_import(target, &(struct attempt) {
         .what = "a section of some kind", .kind = list->kind,
         .handle = list->genuine, .verdict = good ? GOOD : BAD_UNMAPPED,
      });
      fuzz_pretend(NULL);
      fuzz_destroy(target);
   }
}

/* What a name leads to is never adopted, nor has a number a name. */
static void
export_taken(void *lists)
{
   for (unsigned i = 0; i < STEPS; i++) {
      const struct list *list = (struct list *)lists + fuzz_below(FUZZ_KINDS);
      const bool numbered = fuzz_chance(20);
      struct vk_sync *sync = fuzz_sync(fuzz_any_kind(), VK_SYNC_IS_SHAREABLE);
      const struct snapshot before = take_snapshot(sync);

      fuzz_enter("exporting by name", numbered);
      FUZZ_CHECK(fuzz_share(sync, numbered ? L"mesa-fuzz-free" :
                            list->names[fuzz_below(list->name_count)],
                            numbered) == VK_ERROR_OUT_OF_DEVICE_MEMORY);
      fuzz_leave(0);
      fuzz_count_case();
      check_refusal(sync, &before);
      fuzz_destroy(sync);
   }
}

static void
with_lists(const char *part, uint32_t episodes, void (*episode)(void *lists))
{
   struct list lists[FUZZ_KINDS];

   fuzz_open_device();
   create_lists(lists);
   fuzz_run(part, episodes, STEPS, episode, lists);
   destroy_lists(lists);
   fuzz_check_nothing_left(false, true);
}

static void
wrong_handles(UNUSED intptr_t arg)
{
   with_lists("wrong handles", 1600, import_some);
}

static void
kinds_of_sections(UNUSED intptr_t arg)
{
   with_lists("kinds of sections", 800, import_pretended);
}

static void
taken_names(UNUSED intptr_t arg)
{
   with_lists("taken names", 100, export_taken);
}

/* Mutated sections -------------------------------------------------------- */

struct mutated {
   struct vk_sync_win32_layout genuine[FUZZ_KINDS];
   struct fuzz_page page;
   struct fuzz_bystander bystanders[FUZZ_BYSTANDERS];
};

/* If it could be imported, it can be used as well. */
static void
use_imported(struct mutated *mutated, struct vk_sync *sync)
{
   struct hostile hostile = {
      .kind = fuzz_payload(sync)->kind, .sync = sync, .page = mutated->page,
   };

   for (unsigned n = fuzz_below(4); n > 0; n--) {
      fuzz_mutate(mutated->page.layout, FIELDS_ANY);
      hostile_use(&hostile, mutated->bystanders);
   }
   if (hostile.peer != NULL)
      fuzz_destroy(hostile.peer);
}

static void
import_mutated(void *data)
{
   struct mutated *mutated = data;
   struct vk_sync_win32_layout *layout = mutated->page.layout;

   for (unsigned i = 0; i < STEPS; i++) {
      const enum vk_sync_win32_kind kind = fuzz_any_kind();
      const enum vk_sync_win32_kind into =
         fuzz_chance(85) ? kind : fuzz_any_kind();

      *layout = mutated->genuine[kind - VK_SYNC_WIN32_KIND_FENCE];
      for (unsigned n = fuzz_below(8); n > 0; n--)
         fuzz_mutate(layout, FIELDS_ANY);

      struct vk_sync *target = create_target(into);
      if (try_import(target, &(struct attempt) {
             .what = "a mutated section", .kind = into,
             .handle = mutated->page.handle,
             .verdict = fuzz_is_payload(layout, into) ? GOOD : BAD,
          }))
         use_imported(mutated, target);
      fuzz_destroy(target);
      fuzz_bystanders_use(mutated->bystanders);
   }
}

static void
mutated_sections(UNUSED intptr_t arg)
{
   static const struct vk_sync_win32_layout zeros;
   struct mutated mutated;

   fuzz_learn_decoys();
   fuzz_open_device();
   fuzz_bystanders_create(mutated.bystanders);
   fuzz_page_open(&mutated.page,
                  make_section(&zeros, sizeof(zeros), PAGE_READWRITE, NULL));
   for (unsigned i = 0; i < FUZZ_KINDS; i++) {
      struct vk_sync *sync =
         fuzz_shared_sync(VK_SYNC_WIN32_KIND_FENCE + i, NULL, true);

      EXPECT(fuzz_wait(sync, i == 2, FUZZ_MS) == VK_TIMEOUT);
      mutated.genuine[i] = *fuzz_layout(sync);
      fuzz_learn(&mutated.genuine[i]);
      fuzz_destroy(sync);
   }

   fuzz_run("mutated sections", 1000, STEPS, import_mutated, &mutated);
   fuzz_page_close(&mutated.page);
   fuzz_bystanders_destroy(mutated.bystanders);
   fuzz_check_nothing_left(true, true);
}

int
main(int argc, char **argv)
{
   static const struct test_case cases[] = {
      { "wrong handles", wrong_handles, 0, 240 },
      { "kinds of sections", kinds_of_sections, 0, 240 },
      { "mutated sections", mutated_sections, 0, 240 },
      { "taken names", taken_names, 0, 240 },
      { 0 },
   };

   return test_main(argc, argv, cases, NULL);
}

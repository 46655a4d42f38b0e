/* SPDX-License-Identifier: MIT */

/* Imports by handle: of the wrong objects, with the wrong rights, and of the
 * right ones with wrong contents
 */
#include "import.h"

#include "hostile.h"

static struct attempt
attempt_from_list(const struct wrong_handles *wrong)
{
   struct attempt attempt = wrong->all[fuzz_below(wrong->count)];
   uintptr_t value = (uintptr_t)attempt.handle;

   /* The system ignores these bits of a handle. */
   if ((intptr_t)value > 0 && fuzz_chance(20))
      attempt.handle = (HANDLE)(value | fuzz_below(4));
   return attempt;
}

static struct attempt
attempt_rights(const struct wrong_handles *wrong)
{
   const DWORD needed = SECTION_QUERY | SECTION_MAP_READ | SECTION_MAP_WRITE;
   const DWORD rights = (DWORD)fuzz_random() &
                        (fuzz_chance(50) ? SECTION_ALL_ACCESS : 0xf);
   struct attempt attempt = {
      .what = "a payload with some rights", .kind = wrong->kind,
      .verdict = (rights & needed) == needed ? GOOD :
                 /* Who may write may often read. */
                 (rights & needed) == (needed & ~SECTION_MAP_READ) ? EITHER :
                 rights & SECTION_QUERY ? BAD : BAD_UNMAPPED,
   };

   attempt.close = DuplicateHandle(GetCurrentProcess(), wrong->genuine,
                                   GetCurrentProcess(), &attempt.handle,
                                   rights, FALSE, 0);
   if (!attempt.close)
      attempt.verdict = BAD_UNMAPPED;
   return attempt;
}

static struct attempt
attempt_closed(const struct wrong_handles *wrong)
{
   struct attempt attempt = {
      .what = "a closed handle", .verdict = BAD_UNMAPPED,
   };

   REQUIRE(DuplicateHandle(GetCurrentProcess(), wrong->genuine,
                           GetCurrentProcess(), &attempt.handle, 0, FALSE,
                           DUPLICATE_SAME_ACCESS));
   CloseHandle(attempt.handle);
   return attempt;
}

/* The contents of a payload in a section of some size, whatever the system
 * makes of that size
 */
static struct attempt
attempt_size(const struct wrong_handles *wrong)
{
   struct vk_sync_win32_layout *layout = fuzz_layout(wrong->sync);
   struct {
      void *base;
      ULONG attributes;
      LARGE_INTEGER size;
   } info = {0};
   const SIZE_T size = fuzz_chance(50) ?
                       1 + fuzz_below(3 * sizeof(*layout)) :
                       sizeof(*layout) - 2 + fuzz_below(4);
   struct attempt attempt = {
      .what = "a copy of some size", .kind = wrong->kind, .close = true,
      .handle = wrong_section(layout, sizeof(*layout), size, PAGE_READWRITE,
                              NULL),
   };

   REQUIRE(attempt.handle != NULL);
   REQUIRE(vk_sync_win32_nt.query_section(attempt.handle, 0, &info,
                                          sizeof(info), NULL) ==
           VK_SYNC_WIN32_STATUS_SUCCESS);
   attempt.verdict = info.size.QuadPart >= (LONGLONG)sizeof(*layout) ?
                     GOOD : BAD_UNMAPPED;
   return attempt;
}

static struct attempt
make_attempt(void *data)
{
   const struct wrong_handles *wrong = data;
   const uint32_t dice = fuzz_below(100);

   wrong += fuzz_below(FUZZ_KINDS);
   if (dice < 60)
      return attempt_from_list(wrong);
   if (dice < 75)
      return (struct attempt) {
         .what = "no handle at all", .handle = no_handle(),
         .verdict = BAD_UNMAPPED,
      };
   if (dice < 78)
      /* It may happen to be open, and be anything. */
      return (struct attempt) {
         .what = "a value of low",
         .handle = (HANDLE)(uintptr_t)fuzz_below(4096),
         .verdict = EITHER,
      };
   if (dice < 90)
      return attempt_rights(wrong);
   if (dice < 95)
      return attempt_closed(wrong);
   return attempt_size(wrong);
}

static void
import_some_handles(void *data)
{
   import_some(make_attempt, data);
}

/* Kinds of sections that no program can create everywhere, by what the kernel
 * says of them
 */
static void
import_pretended(void *data)
{
   static const ULONG bits[] = {
      0x00200000 /* based */, SEC_FILE, SEC_IMAGE, SEC_PROTECTED_IMAGE,
      SEC_RESERVE, SEC_COMMIT, SEC_NOCACHE, SEC_WRITECOMBINE, SEC_LARGE_PAGES,
   };
   const LONGLONG least = sizeof(struct vk_sync_win32_layout);
   static const LONGLONG sizes[] = {
      0, 1, -1, INT64_MIN, INT64_MAX, 4095, 4096,
      (LONGLONG)sizeof(struct vk_sync_win32_layout) - 1,
      (LONGLONG)sizeof(struct vk_sync_win32_layout),
      (LONGLONG)sizeof(struct vk_sync_win32_layout) + 1,
      INT64_C(0x100000000), INT64_C(0xffffffff),
   };
   const struct wrong_handles *all = data;

   for (unsigned i = 0; i < IMPORT_STEPS; i++) {
      const struct wrong_handles *wrong = &all[fuzz_below(FUZZ_KINDS)];
      const struct target target = target_create(wrong->kind);
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
      target_import(&target, &(struct attempt) {
         .what = "a section of some kind", .kind = wrong->kind,
         .handle = wrong->genuine, .verdict = good ? GOOD : BAD_UNMAPPED,
      });
      fuzz_pretend(NULL);
      fuzz_destroy(target.sync);
   }
}

static void
with_wrong_handles(const char *part, uint32_t episodes,
                   void (*episode)(void *data))
{
   struct wrong_handles wrong[FUZZ_KINDS];

   fuzz_open_device();
   wrong_handles_create(wrong);
   fuzz_run(part, episodes, IMPORT_STEPS, episode, wrong);
   wrong_handles_destroy(wrong);
   fuzz_check_nothing_left(false, true);
}

void
import_handles(UNUSED intptr_t arg)
{
   with_wrong_handles("wrong handles", 1600, import_some_handles);
}

void
import_answers(UNUSED intptr_t arg)
{
   with_wrong_handles("kinds of sections", 800, import_pretended);
}

/* Mutated sections --------------------------------------------------------- */

struct mutated {
   struct vk_sync_win32_layout genuine[FUZZ_KINDS];
   struct fuzz_page page;
   struct fuzz_bystander bystanders[FUZZ_BYSTANDERS];
};

/* If it could be imported, it can be used as well. */
static void
use_imported(struct mutated *mutated, const struct target *target)
{
   struct hostile hostile = {
      .kind = target->kind, .sync = target->sync, .page = mutated->page,
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

   for (unsigned i = 0; i < IMPORT_STEPS; i++) {
      const enum vk_sync_win32_kind kind = fuzz_any_kind();
      const enum vk_sync_win32_kind into =
         fuzz_chance(85) ? kind : fuzz_any_kind();

      *layout = mutated->genuine[kind - VK_SYNC_WIN32_KIND_FENCE];
      for (unsigned n = fuzz_below(8); n > 0; n--)
         fuzz_mutate(layout, FIELDS_ANY);

      const struct target target = target_create(into);
      if (target_import(&target, &(struct attempt) {
             .what = "a mutated section", .kind = into,
             .handle = mutated->page.handle,
             .verdict = fuzz_is_payload(layout, into) ? GOOD : BAD,
          }))
         use_imported(mutated, &target);
      fuzz_destroy(target.sync);
      fuzz_bystanders_use(mutated->bystanders);
   }
}

void
import_sections(UNUSED intptr_t arg)
{
   struct mutated mutated;

   fuzz_learn_decoys();
   fuzz_open_device();
   fuzz_bystanders_create(mutated.bystanders);
   fuzz_page_open(&mutated.page,
                  wrong_section("", 1, sizeof(mutated.genuine[0]),
                                PAGE_READWRITE, NULL));
   for (unsigned i = 0; i < FUZZ_KINDS; i++) {
      struct vk_sync *sync =
         fuzz_shared_sync(VK_SYNC_WIN32_KIND_FENCE + i, NULL, true);

      EXPECT(fuzz_wait(sync, i == 2, FUZZ_MS) == VK_TIMEOUT);
      mutated.genuine[i] = *fuzz_layout(sync);
      fuzz_learn(&mutated.genuine[i]);
      fuzz_destroy(sync);
   }

   fuzz_run("mutated sections", 1000, IMPORT_STEPS, import_mutated, &mutated);
   fuzz_page_close(&mutated.page);
   fuzz_bystanders_destroy(mutated.bystanders);
   fuzz_check_nothing_left(true, true);
}

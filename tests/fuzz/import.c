/* SPDX-License-Identifier: MIT */

/* Imports of the wrong objects, with the wrong rights, and of the right ones
 * with wrong contents; and exports under names that are taken
 */
#include "import.h"

#include <string.h>

#include "foreign_handles.h"
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
      REQUIRE_OK(unit_signal(fuzz_device, target, 1 + fuzz_below(100)));
   return target;
}

/* All that a refusal must leave as it was, but for one message */
struct snapshot {
   struct vk_sync_win32 sync;
   uint64_t word;
   uint32_t refcount;
   uint64_t messages;
   struct fuzz_counts counts;
};

static struct snapshot
take_snapshot(struct vk_sync *sync)
{
   const struct vk_sync_win32_payload *payload = unit_payload(sync);

   return (struct snapshot) {
      .sync = *(const struct vk_sync_win32 *)sync,
      .word = vk_sync_win32_load64(payload->word),
      .refcount = payload->refcount,
      .messages = fuzz_message_count(),
      .counts = fuzz_count(),
   };
}

static void
check_refusal(struct vk_sync *sync, const struct snapshot *before)
{
   const struct snapshot after = take_snapshot(sync);

   FUZZ_CHECK(memcmp(&after.sync, &before->sync, sizeof(after.sync)) == 0);
   FUZZ_CHECK(after.word == before->word);
   FUZZ_CHECK(after.refcount == before->refcount);
   FUZZ_CHECK(after.messages == before->messages + 1);
   FUZZ_CHECK(after.counts.views == before->counts.views);
   FUZZ_CHECK(after.counts.handles == before->counts.handles);
   FUZZ_CHECK(after.counts.allocations == before->counts.allocations);
}

/* What has come by a number can be told by it. */
static void
check_success(struct vk_sync *target, enum vk_sync_win32_kind kind,
              const struct snapshot *before, const struct attempt *attempt)
{
   const struct vk_sync_win32_payload *payload = unit_payload(target);

   if (!FUZZ_CHECK(vk_sync_win32_payload_is_section(payload)))
      return;
   FUZZ_CHECK(payload->kind == kind);
   FUZZ_CHECK(fuzz_message_count() == before->messages);
   if (attempt->type == FUZZ_NUMBER)
      FUZZ_CHECK(fuzz_export(target, FUZZ_NUMBER) == attempt->handle);
}

/* Import and check the verdict: after a refusal all is as before.  Returns
 * whether it has been imported.
 */
static bool
try_import(struct vk_sync *target, const struct attempt *attempt)
{
   const struct snapshot before = take_snapshot(target);
   const enum vk_sync_win32_kind kind = unit_payload(target)->kind;
   const enum verdict verdict =
      attempt->verdict == GOOD && attempt->kind != kind ?
      BAD : attempt->verdict;

   fuzz_enter(attempt->what, (uint64_t)(uintptr_t)attempt->handle);
   const VkResult result =
      fuzz_import(target, attempt->type ? attempt->type : FUZZ_NT_HANDLE,
                  attempt->handle, attempt->name);
   fuzz_leave(0);

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

/* Any value but those that this process has open, nor could have; among them
 * pseudo-handles, and 32-bit values that were extended either way
 */
static HANDLE
no_handle(void)
{
   const uint64_t value = fuzz_random() >> fuzz_below(48);
   const uint32_t half = (uint32_t)value | 0x80000000u;
   const uint32_t bit = 20 + fuzz_below(sizeof(uintptr_t) * 8 - 20);

   switch (fuzz_below(8)) {
   case 0: return (HANDLE)-(intptr_t)(1 + fuzz_below(16));
   case 1: return (HANDLE)(intptr_t)(int32_t)half;
   case 2: return (HANDLE)(uintptr_t)half;
   case 3: return (HANDLE)((uintptr_t)1 << bit);
   default: return (HANDLE)(uintptr_t)(value | 0x1000000u);
   }
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

/* SECTION_BASIC_INFORMATION, in no header that all compilers have */
struct section_info {
   void *base;
   ULONG attributes;
   LARGE_INTEGER size;
};

/* The contents of a payload in a section of some size, whatever the system
 * makes of that size
 */
static struct attempt
attempt_size(const struct list *list)
{
   struct vk_sync_win32_layout *layout = unit_layout(list->sync);
   struct section_info info = {0};
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

static struct attempt
make_attempt(const struct list *list)
{
   const uint32_t dice = fuzz_below(100);
   const uintptr_t bit = (uintptr_t)1 << fuzz_below(sizeof(bit) * 8);
   struct attempt attempt = { .verdict = BAD_UNMAPPED };

   if (dice < 60)
      return attempt_from_list(list);
   if (dice < 68)
      return attempt_rights(list);
   if (dice < 73)
      return attempt_size(list);
   if (dice < 88) {
      attempt.what = "no handle at all";
      attempt.handle = no_handle();
   } else if (dice < 91) {
      /* It may happen to be open, and be anything. */
      attempt.what = "a value of low";
      attempt.handle = (HANDLE)(uintptr_t)fuzz_below(4096);
      attempt.verdict = EITHER;
   } else if (dice < 95) {
      attempt.what = "nearly a number";
      attempt.handle = (HANDLE)((uintptr_t)list->number ^ bit);
      attempt.type = FUZZ_NUMBER;
   } else {
      attempt.what = "a closed handle";
      attempt.handle = foreign_closed(list->genuine);
   }
   return attempt;
}

/* Into an object of the kind, mostly */
static void
import_some(void)
{
   for (unsigned i = 0; i < STEPS; i++) {
      const struct list *list = any_list();
      struct vk_sync *target =
         create_target(fuzz_chance(80) ? list->kind : fuzz_any_kind());
      /* Last: nothing may take the value of a closed handle. */
      const struct attempt attempt = make_attempt(list);

      try_import(target, &attempt);
      fuzz_destroy(target);
      if (attempt.close)
         CloseHandle(attempt.handle);
   }
}

static LONG(WINAPI *real_query_section)(HANDLE, int, void *, SIZE_T, SIZE_T *);

/* What the kernel says of a section in its stead, unless NULL */
static const struct section_info *pretended;
static LONG pretended_status;

static LONG WINAPI
query_section(HANDLE section, int info_class, void *info, SIZE_T size,
              SIZE_T *result_size)
{
   const LONG status =
      real_query_section(section, info_class, info, size, result_size);

   if (pretended == NULL || status != VK_SYNC_WIN32_STATUS_SUCCESS)
      return status;
   memcpy(info, pretended, sizeof(*pretended));
   return pretended_status;
}

/* Kinds of sections that no program can create everywhere, by what the kernel
 * says of them
 */
static void
import_pretended(void)
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
      const struct list *list = any_list();
      struct vk_sync *target = create_target(list->kind);
      struct section_info info = {
         .attributes = SEC_COMMIT,
         .size.QuadPart = sizes[fuzz_below(TEST_COUNT(sizes))],
      };

      if (fuzz_chance(70))
         info.attributes ^= bits[fuzz_below(TEST_COUNT(bits))];
      if (fuzz_chance(30))
         info.attributes ^= bits[fuzz_below(TEST_COUNT(bits))];
      pretended_status = fuzz_chance(10) ? (LONG)fuzz_random() :
                         VK_SYNC_WIN32_STATUS_SUCCESS;

      const bool good = pretended_status == VK_SYNC_WIN32_STATUS_SUCCESS &&
                        info.attributes == SEC_COMMIT &&
                        info.size.QuadPart >= least;

      pretended = &info;
      try_import(target, &(struct attempt) {
         .what = "a section of some kind", .kind = list->kind,
         .handle = list->genuine, .verdict = good ? GOOD : BAD_UNMAPPED,
      });
      pretended = NULL;
      fuzz_destroy(target);
   }
}

/* What a name leads to is never adopted, nor has a number a name. */
static void
export_taken(void)
{
   for (unsigned i = 0; i < STEPS; i++) {
      const struct list *list = any_list();
      const bool numbered = fuzz_chance(20);
      struct vk_sync *sync = fuzz_sync(fuzz_any_kind(), VK_SYNC_IS_SHAREABLE);
      const struct snapshot before = take_snapshot(sync);

      fuzz_enter("exporting by name", numbered);
      FUZZ_CHECK(fuzz_share(sync, numbered ? L"mesa-fuzz-free" :
                            list->names[fuzz_below(list->name_count)],
                            numbered) == VK_ERROR_OUT_OF_DEVICE_MEMORY);
      fuzz_leave(0);
      check_refusal(sync, &before);
      fuzz_destroy(sync);
   }
}

enum { WRONG_HANDLES, KINDS_OF_SECTIONS, TAKEN_NAMES };

static void
with_lists(intptr_t part)
{
   static const struct {
      uint32_t episodes;
      void (*episode)(void);
   } parts[] = {
      [WRONG_HANDLES] = { 1600, import_some },
      [KINDS_OF_SECTIONS] = { 800, import_pretended },
      [TAKEN_NAMES] = { 100, export_taken },
   };

   fuzz_open_device();
   if (real_query_section == NULL) {
      real_query_section = vk_sync_win32_nt.query_section;
      vk_sync_win32_nt.query_section = query_section;
   }
   create_lists();
   fuzz_run(parts[part].episodes, parts[part].episode);
   destroy_lists();
   fuzz_check_nothing_left(false);
}

/* Mutated sections -------------------------------------------------------- */

/* If it could be imported, it can be used as well. */
static void
use_imported(const struct fuzz_page *page, struct vk_sync *sync)
{
   struct hostile hostile = {
      .kind = unit_payload(sync)->kind, .sync = sync, .page = *page,
   };

   for (unsigned n = fuzz_below(4); n > 0; n--) {
      fuzz_mutate(page->layout, true);
      hostile_use(&hostile);
   }
   hostile_destroy(&hostile);
}

static void
import_mutated(void)
{
   const SIZE_T size = sizeof(struct vk_sync_win32_layout);
   struct fuzz_page page;

   fuzz_page_open(&page,
                  make_section(bystander_layout(VK_SYNC_WIN32_KIND_FENCE),
                               size, PAGE_READWRITE, NULL));
   for (unsigned i = 0; i < STEPS; i++) {
      const enum vk_sync_win32_kind kind = fuzz_any_kind();
      const enum vk_sync_win32_kind into =
         fuzz_chance(85) ? kind : fuzz_any_kind();
      struct vk_sync *target = create_target(into);

      *page.layout = *bystander_layout(kind);
      for (unsigned n = fuzz_below(8); n > 0; n--)
         fuzz_mutate(page.layout, true);

      if (try_import(target, &(struct attempt) {
             .what = "a mutated section", .kind = into, .handle = page.handle,
             .verdict = fuzz_is_payload(page.layout, into) ? GOOD : BAD,
          }))
         use_imported(&page, target);
      else
         fuzz_destroy(target);
      bystanders_use(0);
   }
   fuzz_page_close(&page);
}

static void
mutated_sections(UNUSED intptr_t arg)
{
   hostile_run(1000, import_mutated);
}

const struct test_case test_cases[] = {
   { "wrong handles", with_lists, WRONG_HANDLES, 240 },
   { "kinds of sections", with_lists, KINDS_OF_SECTIONS, 240 },
   { "mutated sections", mutated_sections, 0, 240 },
   { "taken names", with_lists, TAKEN_NAMES, 240 },
   { 0 },
};

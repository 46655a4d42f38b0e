/* SPDX-License-Identifier: MIT */

/* Imports by handle: of the wrong objects, with the wrong rights, and of the
 * right ones with wrong contents
 */
#include "import.h"

#include "util/os_time.h"

#include "hostile.h"

#define STEPS 32

struct handles {
   struct vk_device *device;
   struct wrong_handles wrong[3];
};

struct attempt {
   const char *what;
   HANDLE handle;
   enum verdict verdict;
   bool close;
};

static struct attempt
attempt_from_list(struct fuzz_rng *rng, const struct wrong_handles *wrong)
{
   const struct wrong_handle *one =
      &wrong->all[fuzz_below(rng, wrong->count)];
   uintptr_t value = (uintptr_t)one->handle;

   /* The system ignores these bits of a handle. */
   if ((intptr_t)value > 0 && fuzz_chance(rng, 20))
      value |= fuzz_below(rng, 4);

   return (struct attempt) {
      .what = one->what, .handle = (HANDLE)value, .verdict = one->verdict,
   };
}

static struct attempt
attempt_rights(struct fuzz_rng *rng, const struct wrong_handles *wrong)
{
   const DWORD needed = SECTION_QUERY | SECTION_MAP_READ | SECTION_MAP_WRITE;
   const DWORD rights = (DWORD)fuzz_random(rng) &
                        (fuzz_chance(rng, 50) ? SECTION_ALL_ACCESS : 0xf);
   struct attempt attempt = {
      .what = "a payload with some rights",
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
attempt_size(struct fuzz_rng *rng, const struct wrong_handles *wrong)
{
   struct vk_sync_win32_layout *layout = fuzz_layout(wrong->sync);
   struct {
      void *base;
      ULONG attributes;
      LARGE_INTEGER size;
   } info = {0};
   const SIZE_T size = fuzz_chance(rng, 50) ?
                       1 + fuzz_below(rng, 3 * sizeof(*layout)) :
                       sizeof(*layout) - 2 + fuzz_below(rng, 4);
   struct attempt attempt = {
      .what = "a copy of some size",
      .handle = wrong_section(layout, sizeof(*layout), size, PAGE_READWRITE,
                              NULL),
      .close = true,
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
make_attempt(struct fuzz_rng *rng, const struct wrong_handles *wrong)
{
   const uint32_t dice = fuzz_below(rng, 100);

   if (dice < 60)
      return attempt_from_list(rng, wrong);
   if (dice < 75)
      return (struct attempt) {
         .what = "no handle at all", .handle = no_handle(rng),
         .verdict = BAD_UNMAPPED,
      };
   if (dice < 78)
      /* It may happen to be open, and be anything. */
      return (struct attempt) {
         .what = "a value of low",
         .handle = (HANDLE)(uintptr_t)fuzz_below(rng, 4096),
         .verdict = EITHER,
      };
   if (dice < 90)
      return attempt_rights(rng, wrong);
   if (dice < 95)
      return attempt_closed(wrong);
   return attempt_size(rng, wrong);
}

static void
import_some_handles(struct fuzz_thread *self, void *data)
{
   struct handles *handles = data;
   struct target target;

   target_create(&target, handles->device, fuzz_any_kind(&self->rng),
                 &self->rng);
   for (unsigned i = 0; i < STEPS; i++) {
      const struct wrong_handles *wrong =
         &handles->wrong[fuzz_below(&self->rng, 3)];
      struct attempt attempt = make_attempt(&self->rng, wrong);
      const struct fuzz_import_info info =
         fuzz_import_info(attempt.handle);

      if (attempt.verdict == GOOD && wrong->kind != target.kind)
         attempt.verdict = BAD;
      if (target_import(self, &target, &info, attempt.verdict,
                        attempt.what)) {
         target_destroy(&target);
         target_create(&target, handles->device, fuzz_any_kind(&self->rng),
                       &self->rng);
      }
      if (attempt.close)
         CloseHandle(attempt.handle);
   }
   target_destroy(&target);
}

void
import_handles(intptr_t arg)
{
   const uint32_t episodes = 1600;
   struct handles handles = { .device = fuzz_device() };

   (void)arg;
   for (unsigned i = 0; i < 3; i++)
      wrong_handles_create(&handles.wrong[i], handles.device,
                           VK_SYNC_WIN32_KIND_FENCE + i);
   fuzz_run("wrong handles", episodes, episodes * STEPS, import_some_handles,
            &handles);
   for (unsigned i = 0; i < 3; i++)
      wrong_handles_destroy(&handles.wrong[i], handles.device);
   fuzz_check_nothing_left(false, true);
}

/* Kinds of sections that no program can create everywhere, by what the kernel
 * says of them
 */
static void
import_pretended(struct fuzz_thread *self, void *data)
{
   static const ULONG bits[] = {
      0x00200000 /* based */, SEC_FILE, SEC_IMAGE, SEC_PROTECTED_IMAGE,
      SEC_RESERVE, SEC_COMMIT, SEC_NOCACHE, SEC_WRITECOMBINE, SEC_LARGE_PAGES,
   };
   static const LONGLONG sizes[] = {
      0, 1, -1, INT64_MIN, INT64_MAX, 4095, 4096,
      (LONGLONG)sizeof(struct vk_sync_win32_layout) - 1,
      (LONGLONG)sizeof(struct vk_sync_win32_layout),
      (LONGLONG)sizeof(struct vk_sync_win32_layout) + 1,
      INT64_C(0x100000000), INT64_C(0xffffffff),
   };
   struct handles *handles = data;

   for (unsigned i = 0; i < STEPS; i++) {
      const struct wrong_handles *wrong =
         &handles->wrong[fuzz_below(&self->rng, 3)];
      struct fuzz_section_info info = {
         .attributes = SEC_COMMIT,
         .size = sizes[fuzz_below(&self->rng, TEST_COUNT(sizes))],
      };
      struct target target;

      if (fuzz_chance(&self->rng, 70))
         info.attributes ^= bits[fuzz_below(&self->rng, TEST_COUNT(bits))];
      if (fuzz_chance(&self->rng, 30))
         info.attributes ^= bits[fuzz_below(&self->rng, TEST_COUNT(bits))];
      if (fuzz_chance(&self->rng, 10))
         info.status = (LONG)fuzz_random(&self->rng);

      const bool good = info.status == VK_SYNC_WIN32_STATUS_SUCCESS &&
                        info.attributes == SEC_COMMIT &&
                        info.size >= (LONGLONG)
                                     sizeof(struct vk_sync_win32_layout);
      const struct fuzz_import_info import =
         fuzz_import_info(wrong->genuine);

      target_create(&target, handles->device, wrong->kind, &self->rng);
      fuzz_pretend(&info);
      target_import(self, &target, &import, good ? GOOD : BAD_UNMAPPED,
                    "a section of some kind");
      fuzz_pretend(NULL);
      target_destroy(&target);
   }
}

void
import_answers(intptr_t arg)
{
   const uint32_t episodes = 800;
   struct handles handles = { .device = fuzz_device() };

   (void)arg;
   for (unsigned i = 0; i < 3; i++)
      wrong_handles_create(&handles.wrong[i], handles.device,
                           VK_SYNC_WIN32_KIND_FENCE + i);
   fuzz_run("kinds of sections", episodes, episodes * STEPS, import_pretended,
            &handles);
   for (unsigned i = 0; i < 3; i++)
      wrong_handles_destroy(&handles.wrong[i], handles.device);
   fuzz_check_nothing_left(false, true);
}

/* Mutated sections --------------------------------------------------------- */

struct mutated {
   struct vk_device *device;
   struct vk_sync_win32_layout genuine[3];
   struct fuzz_page page;
   struct fuzz_bystanders bystanders;
};

/* If it could be imported, it can be used as well. */
static void
use_imported(struct fuzz_thread *self, struct mutated *mutated,
             struct target *target)
{
   struct hostile hostile = {
      .device = mutated->device,
      .kind = target->kind,
      .sync = target->sync,
      .page = mutated->page,
   };

   for (unsigned n = fuzz_below(&self->rng, 4); n > 0; n--) {
      fuzz_mutate(&self->rng, mutated->page.layout, FIELDS_ANY);
      hostile_use(self, &hostile, &mutated->bystanders);
   }
   if (hostile.peer != NULL)
      vk_sync_destroy(mutated->device, hostile.peer);
}

static void
import_mutated(struct fuzz_thread *self, void *data)
{
   struct mutated *mutated = data;
   struct vk_sync_win32_layout *layout = mutated->page.layout;
   struct target target;

   for (unsigned i = 0; i < STEPS; i++) {
      const enum vk_sync_win32_kind kind = fuzz_any_kind(&self->rng);
      const enum vk_sync_win32_kind into =
         fuzz_chance(&self->rng, 85) ? kind : fuzz_any_kind(&self->rng);
      const struct fuzz_import_info info =
         fuzz_import_info(mutated->page.handle);

      *layout = mutated->genuine[kind - VK_SYNC_WIN32_KIND_FENCE];
      for (unsigned n = fuzz_below(&self->rng, 8); n > 0; n--)
         fuzz_mutate(&self->rng, layout, FIELDS_ANY);

      target_create(&target, mutated->device, into, &self->rng);
      const bool good = layout->magic == VK_SYNC_WIN32_SECTION_MAGIC &&
                        layout->kind == (uint32_t)into;
      if (target_import(self, &target, &info, good_if(good),
                        "a mutated section"))
         use_imported(self, mutated, &target);
      target_destroy(&target);
      fuzz_bystanders_use(self, &mutated->bystanders);
   }
}

void
import_sections(intptr_t arg)
{
   const uint32_t episodes = 1000;
   struct fuzz_thread self = {0};
   struct mutated mutated;

   (void)arg;
   fuzz_learn_decoys();
   mutated.device = fuzz_device();
   fuzz_bystanders_create(&mutated.bystanders, mutated.device);
   fuzz_page_open(&mutated.page,
                  wrong_section("", 1, sizeof(mutated.genuine[0]),
                                PAGE_READWRITE, NULL));
   for (unsigned i = 0; i < 3; i++) {
      struct vk_sync *sync = fuzz_shared_sync(
         mutated.device, VK_SYNC_WIN32_KIND_FENCE + i, NULL, true);

      EXPECT(vk_sync_wait(mutated.device, sync, i == 2,
                          VK_SYNC_WAIT_COMPLETE,
                          os_time_get_absolute_timeout(FUZZ_MS)) ==
             VK_TIMEOUT);
      mutated.genuine[i] = *fuzz_layout(sync);
      fuzz_learn(&mutated.genuine[i]);
      vk_sync_destroy(mutated.device, sync);
   }

   fuzz_run("mutated sections", episodes, episodes * STEPS, import_mutated,
            &mutated);
   fuzz_page_close(&mutated.page);
   fuzz_bystanders_destroy(&self, &mutated.bystanders);
   fuzz_check_nothing_left(true, true);
}

/* SPDX-License-Identifier: MIT */

/* The same through the loader and the driver, with its queue */
#include "foreign_handles.h"
#include "section.h"
#include "vkt.h"

#define REFUSED VK_ERROR_INVALID_EXTERNAL_HANDLE
#define STEPS 32
#define KINDS 3

struct driver {
   struct vkt_device *device;
   struct vkt_object *genuine[KINDS];
   HANDLE handles[KINDS];
   /* What the queue works on beside the hostile ones */
   struct vkt_object *progress;
   uint64_t value;
};

static void
driver_open(struct driver *driver)
{
   *driver = (struct driver) { .device = vkt_open() };
   for (unsigned kind = 0; kind < KINDS; kind++) {
      driver->genuine[kind] =
         vkt_create_exportable(driver->device, (enum vkt_kind)kind);
      driver->handles[kind] = vkt_export(driver->genuine[kind]);
   }
   driver->progress = vkt_create(driver->device, VKT_TIMELINE);
   fuzz_hook_module(GetModuleHandleA("vulkan_lvp.dll"));
}

/* The queue does its work, and the device is not lost. */
static void
check_progress(struct fuzz_thread *self, struct driver *driver)
{
   fuzz_enter(self, "a submit beside it", driver->value);
   vkt_queue_signal(driver->progress, ++driver->value);
   FUZZ_CHECK(self, vkt_wait(driver->progress, driver->value, VKT_LONG_MS) ==
                    VK_SUCCESS);
   FUZZ_CHECK(self, vkt_value(driver->progress) == driver->value);
   fuzz_leave(self, 0);
}

/* Wrong handles ------------------------------------------------------------ */

struct foreign {
   const char *what;
   foreign_handle make;
   /* Whether it has to be mapped to see that it is wrong */
   bool mapped;
};

static const struct foreign foreign[] = {
   { "NULL", foreign_null, false },
   { "the invalid value", foreign_invalid_value, false },
   { "this process", foreign_current_process, false },
   { "this thread", foreign_current_thread, false },
   { "an event", foreign_event, false },
   { "a mutex", foreign_mutex, false },
   { "a semaphore", foreign_win32_semaphore, false },
   { "a timer", foreign_timer, false },
   { "a file", foreign_file, false },
   { "a pipe", foreign_pipe, false },
   { "a process", foreign_process, false },
   { "a thread", foreign_thread, false },
   { "a token", foreign_token, false },
   { "a section of zeros", foreign_zero_section, true },
   { "a section of garbage", foreign_random_section, true },
   { "a small section", foreign_small_section, true },
   { "a huge section", foreign_huge_section, true },
   { "a file's section", foreign_file_section, false },
   { "a program's section", foreign_image_section, false },
   { "reserved memory", foreign_reserve_section, false },
   { "a section to be read", foreign_read_only, true },
   { "a section to be queried", foreign_query_only, true },
};

struct foreign_set {
   struct driver driver;
   HANDLE handles[KINDS][TEST_COUNT(foreign)];
};

struct attempt {
   const char *what;
   HANDLE handle;
   VkFlags type;
   bool mapped;
};

static struct attempt
make_attempt(struct fuzz_rng *rng, const struct foreign_set *set,
             enum vkt_kind kind)
{
   static const VkFlags types[] = {
      VKT_OPAQUE_WIN32_KMT, VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT,
      VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT, 0, 0x40000000,
   };
   const unsigned which = fuzz_below(rng, TEST_COUNT(foreign));
   const unsigned other = (kind + 1 + fuzz_below(rng, KINDS - 1)) % KINDS;

   switch (fuzz_below(rng, 8)) {
   case 0:
      return (struct attempt) {
         .what = "no handle at all", .type = VKT_OPAQUE_WIN32,
         .handle = (HANDLE)(uintptr_t)(fuzz_random(rng) | 0x1000000),
      };
   case 1:
      return (struct attempt) {
         .what = "a payload of another kind", .type = VKT_OPAQUE_WIN32,
         .handle = set->driver.handles[other], .mapped = true,
      };
   case 2:
      return (struct attempt) {
         .what = "a handle of another type",
         .type = types[fuzz_below(rng, TEST_COUNT(types))],
         .handle = set->driver.handles[kind],
      };
   default:
      return (struct attempt) {
         .what = foreign[which].what, .type = VKT_OPAQUE_WIN32,
         .handle = set->handles[kind][which],
         .mapped = foreign[which].mapped,
      };
   }
}

static void
import_foreign(struct fuzz_thread *self, void *data)
{
   struct foreign_set *set = data;
   struct vkt_device *device = set->driver.device;
   const enum vkt_kind kind = (enum vkt_kind)fuzz_below(&self->rng, KINDS);
   struct vkt_object *target = fuzz_chance(&self->rng, 50) ?
                               vkt_create(device, kind) :
                               vkt_create_exportable(device, kind);

   for (unsigned i = 0; i < STEPS; i++) {
      const struct attempt attempt = make_attempt(&self->rng, set, kind);
      const bool temporary =
         kind != VKT_TIMELINE && fuzz_chance(&self->rng, 50);
      const struct fuzz_counts before = fuzz_count();

      vkt_clear_messages(device);
      fuzz_guard_handle(attempt.handle);
      fuzz_enter(self, attempt.what, (uint64_t)(uintptr_t)attempt.handle);
      FUZZ_CHECK(self, vkt_try_import(target, attempt.type, temporary,
                                      attempt.handle, NULL) == REFUSED);
      fuzz_leave(self, 0);
      fuzz_guard_handle(NULL);
      self->cases++;

      const struct fuzz_counts after = fuzz_count();
      FUZZ_CHECK(self, vkt_message_count(device) > 0);
      FUZZ_CHECK(self, after.views == before.views);
      FUZZ_CHECK(self, after.handles == before.handles);
      FUZZ_CHECK(self, after.wrong_closes == before.wrong_closes);
      FUZZ_CHECK(self, attempt.mapped || after.maps == before.maps);
   }
   vkt_expect_works(target);
   vkt_destroy(target);
   check_progress(self, &set->driver);
}

static void
wrong_handles(intptr_t arg)
{
   const uint32_t episodes = 60;
   struct foreign_set set;

   (void)arg;
   driver_open(&set.driver);
   for (unsigned kind = 0; kind < KINDS; kind++) {
      for (unsigned i = 0; i < TEST_COUNT(foreign); i++)
         set.handles[kind][i] = foreign[i].make(set.driver.handles[kind]);
   }
   fuzz_run("wrong handles", episodes, episodes * STEPS, import_foreign,
            &set);
}

/* Mutated sections --------------------------------------------------------- */

/* The sync type's names for the kinds */
static uint32_t
layout_kind(enum vkt_kind kind)
{
   return kind == VKT_FENCE ? VK_SYNC_WIN32_KIND_FENCE :
          kind == VKT_BINARY ? VK_SYNC_WIN32_KIND_BINARY :
                               VK_SYNC_WIN32_KIND_TIMELINE;
}

struct shared {
   struct driver *driver;
   enum vkt_kind kind;
   struct fuzz_page page;
   /* Who created it, and who has imported it or is NULL */
   struct vkt_object *source, *import;
   volatile LONG stop;
};

static struct vkt_object *
any_holder(struct fuzz_thread *self, const struct shared *shared)
{
   return shared->import != NULL && fuzz_chance(&self->rng, 50) ?
          shared->import : shared->source;
}

static void
drop_import(struct shared *shared)
{
   if (shared->import != NULL)
      vkt_destroy(shared->import);
   shared->import = NULL;
}

static void
import_again(struct fuzz_thread *self, struct shared *shared)
{
   const struct vk_sync_win32_layout *layout = shared->page.layout;
   const bool good = layout->magic == VK_SYNC_WIN32_SECTION_MAGIC &&
                     layout->kind == layout_kind(shared->kind);
   const bool temporary =
      shared->kind != VKT_TIMELINE && fuzz_chance(&self->rng, 50);
   struct vkt_object *import =
      vkt_create(shared->driver->device, shared->kind);
   const VkResult result = vkt_try_import(import, VKT_OPAQUE_WIN32, temporary,
                                          shared->page.handle, NULL);

   FUZZ_CHECK(self, result == (good ? VK_SUCCESS : REFUSED));
   if (result != VK_SUCCESS)
      vkt_expect_works(import);
   drop_import(shared);
   if (result == VK_SUCCESS)
      shared->import = import;
   else
      vkt_destroy(import);
}

static void
use_fence(struct fuzz_thread *self, struct shared *shared)
{
   VkDevice device = shared->driver->device->handle;
   const VkFence fence = any_holder(self, shared)->fence;
   VkResult result;

   switch (fuzz_below(&self->rng, 4)) {
   case 0:
      result = vkGetFenceStatus(device, fence);
      FUZZ_CHECK(self, result == VK_SUCCESS || result == VK_NOT_READY);
      break;
   case 1:
      FUZZ_CHECK(self, vkResetFences(device, 1, &fence) == VK_SUCCESS);
      break;
   case 2:
      result = vkWaitForFences(device, 1, &fence, VK_TRUE,
                               fuzz_below(&self->rng, 2 * 1000 * 1000));
      FUZZ_CHECK(self, result == VK_SUCCESS || result == VK_TIMEOUT);
      break;
   default:
      FUZZ_CHECK(self, vkQueueSubmit(shared->driver->device->queue, 0, NULL,
                                     fence) == VK_SUCCESS);
      break;
   }
}

/* As nobody else does, let go who waits in the queue, for whatever ticket.
 * Nobody is rung, so it takes until he looks again: up to a second.  Every
 * ticket is reached by one half of all counts of signals.
 */
static void
let_go(struct fuzz_thread *self, struct shared *shared,
       struct vkt_object *done)
{
   const unsigned tries = 10, wait_ms = 1500;
   VkResult result = VK_TIMEOUT;

   fuzz_leave(self, 0);
   fuzz_enter(self, "letting go", shared->page.layout->word);
   for (uint32_t i = 1; i <= tries && result == VK_TIMEOUT; i++) {
      vk_sync_win32_store64(&shared->page.layout->word,
                            shared->kind == VKT_TIMELINE ? UINT64_MAX :
                            (uint32_t)(i * 0x40000000u));
      result = vkt_wait(done, 0, wait_ms);
   }
   FUZZ_CHECK(self, result == VK_SUCCESS);
   fuzz_leave(self, tries * wait_ms * FUZZ_MS);
   fuzz_enter(self, "after letting go", 0);
}

/* To signal 0 is an error of the application's. */
static uint64_t
some_value(struct fuzz_thread *self, const struct shared *shared)
{
   const uint64_t value =
      fuzz_value64(&self->rng, shared->page.layout->word);

   return value != 0 ? value : 1;
}

static void
use_queue(struct fuzz_thread *self, struct shared *shared)
{
   struct vkt_object *holder = any_holder(self, shared);
   const uint64_t value = some_value(self, shared);

   if (fuzz_chance(&self->rng, 97)) {
      vkt_queue_signal(holder, value);
   } else {
      struct vkt_object *done = vkt_queue_wait(holder, value);

      if (fuzz_chance(&self->rng, 50))
         fuzz_mutate(&self->rng, shared->page.layout,
                     FIELDS_ANY & ~FIELDS_HEADER);
      let_go(self, shared, done);
      vkt_destroy(done);

      /* If that was temporary, it has its own payload again. */
      if (holder == shared->import)
         drop_import(shared);
   }
}

static void
use_timeline(struct fuzz_thread *self, struct shared *shared)
{
   VkDevice device = shared->driver->device->handle;
   const VkSemaphore semaphore = any_holder(self, shared)->semaphore;
   uint64_t value = some_value(self, shared);
   const VkSemaphoreSignalInfo signal = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
      .semaphore = semaphore,
      .value = value,
   };
   const VkSemaphoreWaitInfo wait = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
      .semaphoreCount = 1,
      .pSemaphores = &semaphore,
      .pValues = &value,
   };
   VkResult result;

   switch (fuzz_below(&self->rng, 4)) {
   case 0:
      FUZZ_CHECK(self, vkGetSemaphoreCounterValue(device, semaphore,
                                                  &value) == VK_SUCCESS);
      break;
   case 1:
      result = vkSignalSemaphore(device, &signal);
      FUZZ_CHECK(self, result == VK_SUCCESS || result == VK_ERROR_UNKNOWN);
      break;
   case 2:
      result = vkWaitSemaphores(device, &wait,
                                fuzz_below(&self->rng, 2 * 1000 * 1000));
      FUZZ_CHECK(self, result == VK_SUCCESS || result == VK_TIMEOUT);
      break;
   default:
      use_queue(self, shared);
      break;
   }
}

static void
export_again(struct fuzz_thread *self, struct shared *shared)
{
   HANDLE handle = NULL;

   FUZZ_CHECK(self, vkt_try_export(shared->source, VKT_OPAQUE_WIN32,
                                   &handle) == VK_SUCCESS);
   CloseHandle(handle);
}

static void
use_once(struct fuzz_thread *self, struct shared *shared)
{
   const uint32_t dice = fuzz_below(&self->rng, 100);

   fuzz_enter(self, dice < 20 ? "importing" : dice < 25 ? "exporting" :
                    "using", shared->page.layout->word);
   if (dice < 20)
      import_again(self, shared);
   else if (dice < 25)
      export_again(self, shared);
   else if (shared->kind == VKT_FENCE)
      use_fence(self, shared);
   else if (shared->kind == VKT_TIMELINE)
      use_timeline(self, shared);
   else
      use_queue(self, shared);
   /* What the queue still uses may be neither imported into nor destroyed. */
   vkt_wait_idle(shared->driver->device);
   fuzz_leave(self, 2 * FUZZ_MS);
   self->cases++;
}

/* All the while, and not only between our calls */
static void
scribble(void *data)
{
   struct shared *shared = data;
   struct fuzz_thread *self = fuzz_thread(1);

   while (!shared->stop) {
      fuzz_mutate(&self->rng, shared->page.layout,
                  FIELDS_ANY & ~FIELDS_HEADER);
      if (fuzz_chance(&self->rng, 2))
         Sleep(1);
   }
}

static void
use_some(struct fuzz_thread *self, struct shared *shared)
{
   for (unsigned i = 0; i < STEPS; i++) {
      for (unsigned n = fuzz_below(&self->rng, 4); n > 0; n--)
         fuzz_mutate(&self->rng, shared->page.layout, FIELDS_ANY);
      use_once(self, shared);
   }
}

static void
use_mutated(struct fuzz_thread *self, void *data)
{
   struct driver *driver = data;
   struct shared shared = {
      .driver = driver,
      .kind = (enum vkt_kind)fuzz_below(&self->rng, KINDS),
   };
   HANDLE handle = NULL;

   shared.source = vkt_create_exportable(driver->device, shared.kind);
   REQUIRE_OK(vkt_try_export(shared.source, VKT_OPAQUE_WIN32, &handle));
   fuzz_page_open(&shared.page, handle);

   if (fuzz_chance(&self->rng, 30)) {
      struct test_thread *scribbler = test_thread_start(scribble, &shared);

      use_some(self, &shared);
      InterlockedExchange(&shared.stop, 1);
      test_thread_join(scribbler);
   } else {
      use_some(self, &shared);
   }
   check_progress(self, driver);

   drop_import(&shared);
   vkt_destroy(shared.source);
   fuzz_page_close(&shared.page);
}

static void
mutated_sections(intptr_t arg)
{
   const uint32_t episodes = 150;
   struct driver driver;

   (void)arg;
   fuzz_learn_decoys();
   driver_open(&driver);

   const struct fuzz_counts before = fuzz_count();
   fuzz_run("mutated sections", episodes, episodes * STEPS, use_mutated,
            &driver);
   EXPECT_U64((uint64_t)fuzz_count().views, (uint64_t)before.views);
   EXPECT_U64(fuzz_count().wrong_closes, before.wrong_closes);
}

int
main(int argc, char **argv)
{
   static const struct test_case cases[] = {
      { "wrong handles", wrong_handles, 0, 240 },
      { "mutated sections", mutated_sections, 0, 240 },
      { 0 },
   };

   return test_main(argc, argv, cases, NULL);
}

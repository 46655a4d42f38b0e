/* SPDX-License-Identifier: MIT */

/* Mutated sections through the loader and the driver, with its queue */
#include "section.h"
#include "vkt.h"

#define REFUSED VK_ERROR_INVALID_EXTERNAL_HANDLE
#define STEPS 32

static struct vkt_device *device;
/* A timeline that nobody shares */
static struct vkt_object *progress;

/* The sync type's names for the kinds */
static const enum vk_sync_win32_kind layout_kinds[] = {
   [VKT_FENCE] = VK_SYNC_WIN32_KIND_FENCE,
   [VKT_BINARY] = VK_SYNC_WIN32_KIND_BINARY,
   [VKT_TIMELINE] = VK_SYNC_WIN32_KIND_TIMELINE,
};

struct shared {
   enum vkt_kind kind;
   struct fuzz_page page;
   /* Who created it, and who has imported it or is NULL */
   struct vkt_object *source, *import;
   volatile LONG letting_go, stop;
};

static struct vkt_object *
any_holder(const struct shared *shared)
{
   return shared->import != NULL && fuzz_chance(50) ?
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
import_again(struct shared *shared)
{
   const bool good =
      fuzz_is_payload(shared->page.layout, layout_kinds[shared->kind]);
   const bool temporary = shared->kind != VKT_TIMELINE && fuzz_chance(50);
   struct vkt_object *import = vkt_create(device, shared->kind);
   const VkResult result = vkt_try_import(import, VKT_OPAQUE_WIN32, temporary,
                                          shared->page.handle, NULL);

   FUZZ_CHECK(result == (good ? VK_SUCCESS : REFUSED));
   drop_import(shared);
   if (result == VK_SUCCESS) {
      shared->import = import;
   } else {
      vkt_expect_works(import);
      vkt_destroy(import);
   }
}

/* As nobody else does, let go who waits in the queue, for whatever ticket.
 * Nobody is rung, so it takes until he looks again: up to a second.  Every
 * ticket is reached by one half of all counts of signals, but the greatest value
 * by no other: from the second try on, whoever scribbles leaves it there.
 */
static void
let_go(struct shared *shared, struct vkt_object *done)
{
   const unsigned tries = 10, wait_ms = 1500;
   VkResult result = VK_TIMEOUT;

   fuzz_leave(0);
   fuzz_enter("letting go", shared->page.layout->word);
   for (uint32_t i = 1; i <= tries && result == VK_TIMEOUT; i++) {
      InterlockedExchange(&shared->letting_go, i > 1);
      vk_sync_win32_store64(&shared->page.layout->word,
                            shared->kind == VKT_TIMELINE ? UINT64_MAX :
                            (uint32_t)(i * 0x40000000u));
      result = vkt_wait(done, 0, wait_ms);
   }
   FUZZ_CHECK(result == VK_SUCCESS);
   InterlockedExchange(&shared->letting_go, 0);
   fuzz_leave(tries * wait_ms);
   fuzz_enter("after letting go", 0);
}

/* To signal 0 is an error of the application's. */
static uint64_t
some_value(const struct shared *shared)
{
   const uint64_t value = fuzz_value64(shared->page.layout->word);

   return value != 0 ? value : 1;
}

static void
use_queue(struct shared *shared)
{
   struct vkt_object *holder = any_holder(shared);
   const uint64_t value = some_value(shared);

   if (fuzz_chance(97)) {
      vkt_queue_signal(holder, value);
   } else {
      struct vkt_object *done = vkt_queue_wait(holder, value);

      if (fuzz_chance(50))
         fuzz_mutate(shared->page.layout, false);
      let_go(shared, done);
      vkt_destroy(done);

      /* If that was temporary, it has its own payload again. */
      if (holder == shared->import)
         drop_import(shared);
   }
}

/* Fences and timelines */
static void
use_host(struct shared *shared)
{
   struct vkt_object *holder = any_holder(shared);
   const VkSemaphoreSignalInfo signal = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
      .semaphore = holder->semaphore,
      .value = some_value(shared),
   };
   VkResult result;

   switch (fuzz_below(3)) {
   case 0:
      vkt_value(holder);
      break;
   case 1:
      result = vkt_wait(holder, some_value(shared), fuzz_below(3));
      FUZZ_CHECK(result == VK_SUCCESS || result == VK_TIMEOUT);
      break;
   default:
      result = shared->kind == VKT_FENCE ?
               vkResetFences(device->handle, 1, &holder->fence) :
               vkSignalSemaphore(device->handle, &signal);
      FUZZ_CHECK(result == VK_SUCCESS ||
                 (shared->kind == VKT_TIMELINE && result == VK_ERROR_UNKNOWN));
      break;
   }
}

static void
use_once(struct shared *shared)
{
   const uint32_t dice = fuzz_below(100);

   fuzz_enter(dice < 20 ? "importing" : dice < 25 ? "exporting" :
                    "using", shared->page.layout->word);
   if (dice < 20)
      import_again(shared);
   else if (dice < 25)
      vkt_close_export(vkt_export(shared->source));
   else if (shared->kind != VKT_BINARY && dice < 80)
      use_host(shared);
   else if (shared->kind == VKT_FENCE)
      vkt_submit(device, &(struct vkt_batch){0}, any_holder(shared));
   else
      use_queue(shared);
   /* What the queue still uses may be neither imported into nor destroyed. */
   vkt_wait_idle(device);
   fuzz_leave(3);
}

/* Nearly all the while, and not only between our calls */
static void
scribble(void *data)
{
   struct shared *shared = data;

   while (!shared->stop) {
      if (!shared->letting_go)
         fuzz_mutate(shared->page.layout, false);
      if (shared->letting_go || fuzz_chance(2))
         Sleep(1);
   }
}

/* The queue does its work, and the device is not lost. */
static void
check_progress(void)
{
   const uint64_t value = vkt_value(progress) + 1;

   fuzz_enter("a submit beside it", value);
   vkt_queue_signal(progress, value);
   FUZZ_CHECK(vkt_wait(progress, value, VKT_LONG_MS) == VK_SUCCESS);
   FUZZ_CHECK(vkt_value(progress) == value);
   fuzz_leave(0);
}

static void
use_mutated(void)
{
   struct shared shared = {
      .kind = (enum vkt_kind)fuzz_below(TEST_COUNT(layout_kinds)),
   };
   struct test_thread *scribbler = NULL;
   HANDLE handle = NULL;

   shared.source = vkt_create_exportable(device, shared.kind);
   REQUIRE_OK(vkt_try_export(shared.source, VKT_OPAQUE_WIN32, &handle));
   fuzz_page_open(&shared.page, handle);

   if (fuzz_chance(30))
      scribbler = fuzz_start(1, scribble, &shared);
   for (unsigned i = 0; i < STEPS; i++) {
      for (unsigned n = fuzz_below(4); n > 0; n--)
         fuzz_mutate(shared.page.layout, true);
      use_once(&shared);
   }
   InterlockedExchange(&shared.stop, 1);
   if (scribbler != NULL)
      test_thread_join(scribbler);
   check_progress();

   drop_import(&shared);
   vkt_destroy(shared.source);
   fuzz_page_close(&shared.page);
}

static void
mutated_sections(UNUSED intptr_t arg)
{
   fuzz_learn_decoys();
   device = vkt_open();
   progress = vkt_create(device, VKT_TIMELINE);
   fuzz_hook_module(GetModuleHandleA("vulkan_lvp.dll"));

   const struct fuzz_counts before = fuzz_count();
   fuzz_run(150, use_mutated);
   fuzz_expect_counts(&before, false, false);
}

const struct test_case test_cases[] = {
   { "mutated sections", mutated_sections, 0, 240 },
   { 0 },
};

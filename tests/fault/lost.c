/* SPDX-License-Identifier: MIT */

/* A lost device ends every wait on it, wherever its threads block, and no wait
 * on another device.
 */
#include "api.h"

#include "vk_common_entrypoints.h"

#include "util/macros.h"
#include "util/os_time.h"

#include "vk_sync_win32_wait.h"

#define MS UINT64_C(1000000)
#define NEVER (UINT64_C(1) << 40)
#define PATIENCE_S 20

/* From the loss to the return.  Blocked threads look as often; the rest is for
 * them to come to it.
 */
#define LIMIT_MS 1100.0
#define TRIES 3

enum place {
   PRIVATE_TIMELINE,
   PRIVATE_FENCE,
   SHARED_TIMELINE,
   SHARED_FENCE,
   SHARED_TICKET,
   SHARED_POLLING,
   ANY_PRIVATE,
   ANY_MIXED,
   ALL_PRIVATE,
   ALL_SHARED,
   ALL_MIXED,
   /* A batch that waits for a semaphore, and who waits for its fence */
   QUEUE_FENCE,
   /* All again, on another device */
   PLACES,
};

static const char *const names[PLACES] = {
   "private timeline", "private fence", "shared timeline", "shared fence",
   "ticket", "polling", "any of private ones", "any of a mix",
   "all of private ones", "all of shared ones", "all of a mix",
   "fence of a queue",
};

struct world {
   struct vk_device *device;
   VkQueue queue;
   VkSemaphore semaphore;
   VkFence fence;
   struct vk_sync *private, *private_fence, *shared, *shared_fence;
   struct vk_sync *semaphore_sync, *polled;
   struct cell {
      struct world *world;
      struct test_thread *thread;
      uint32_t waiting;
      VkResult result;
      double ended_ms;
   } cells[PLACES];
};

static VkResult
wait_two(struct vk_device *device, struct vk_sync *a, struct vk_sync *b,
         enum vk_sync_wait_flags flags)
{
   const struct vk_sync_wait waits[] = {
      { .sync = a, .wait_value = a->flags & VK_SYNC_IS_TIMELINE ? NEVER : 0 },
      { .sync = b, .wait_value = b->flags & VK_SYNC_IS_TIMELINE ? NEVER : 0 },
   };

   return vk_sync_wait_many(device, a == b ? 1 : 2, waits, flags, UINT64_MAX);
}

static VkResult
wait_for_ticket(struct world *world)
{
   struct vk_sync *pending = peer_private(world->device,
                                          VK_SYNC_WIN32_KIND_BINARY);

   REQUIRE(vk_sync_move(world->device, pending, world->semaphore_sync) ==
           VK_SUCCESS);
   const VkResult result = vk_sync_wait(world->device, pending, 0,
                                        VK_SYNC_WAIT_COMPLETE, UINT64_MAX);
   vk_sync_destroy(world->device, pending);
   return result;
}

static VkResult
block(struct world *world, enum place place)
{
   struct vk_device *device = world->device;
   struct vk_sync *private = world->private, *shared = world->shared;
   struct vk_sync *private_fence = world->private_fence;

   switch (place) {
   case PRIVATE_TIMELINE:
      return wait_two(device, private, private, 0);
   case PRIVATE_FENCE:
      return wait_two(device, private_fence, private_fence, 0);
   case SHARED_TIMELINE:
      return wait_two(device, shared, shared, 0);
   case SHARED_FENCE:
      return wait_two(device, world->shared_fence, world->shared_fence, 0);
   case SHARED_TICKET:
      return wait_for_ticket(world);
   case SHARED_POLLING:
      return wait_two(device, world->polled, world->polled, 0);
   case ANY_PRIVATE:
      return wait_two(device, private, private_fence, VK_SYNC_WAIT_ANY);
   case ANY_MIXED:
      return wait_two(device, private, shared, VK_SYNC_WAIT_ANY);
   case ALL_PRIVATE:
      return wait_two(device, private, private_fence, 0);
   case ALL_SHARED:
      return wait_two(device, shared, world->shared_fence, 0);
   case ALL_MIXED:
      return wait_two(device, shared, private, 0);
   default:
      return api_wait_fence(device, world->fence, UINT64_MAX);
   }
}

static void
place_run(void *data)
{
   struct cell *cell = data;

   vk_sync_win32_store32(&cell->waiting, 1);
   cell->result = block(cell->world,
                        (enum place)(cell - cell->world->cells));
   cell->ended_ms = test_now_ms();
   vk_sync_win32_store32(&cell->waiting, 2);
}

static void
create_world(struct world *world)
{
   struct vk_device *device = unit_device();

   world->device = device;
   world->queue = unit_queue(device);
   world->semaphore = api_semaphore(device, false);
   world->fence = api_fence(device);
   world->private = peer_private(device, VK_SYNC_WIN32_KIND_TIMELINE);
   world->private_fence = peer_private(device, VK_SYNC_WIN32_KIND_FENCE);
   world->shared = peer_shared(device, VK_SYNC_WIN32_KIND_TIMELINE);
   world->shared_fence = peer_shared(device, VK_SYNC_WIN32_KIND_FENCE);
   world->semaphore_sync = peer_shared(device, VK_SYNC_WIN32_KIND_BINARY);
   world->polled = peer_shared(device, VK_SYNC_WIN32_KIND_TIMELINE);

   /* Not one slot is free, and this process lives. */
   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++)
      REQUIRE(vk_sync_win32_slot_claim(unit_layout(world->polled)) == i);

   api_submit(world->queue, &(struct api_batch) {
      .wait = world->semaphore, .fence = world->fence,
   });
   for (unsigned i = 0; i < PLACES; i++) {
      world->cells[i].world = world;
      world->cells[i].thread = test_thread_start(place_run, &world->cells[i]);
   }
   for (unsigned i = 0; i < PLACES; i++)
      PEER_AWAIT(vk_sync_win32_load32(&world->cells[i].waiting), PATIENCE_S);
}

static void
signal_world(struct world *world)
{
   struct vk_device *device = world->device;

   REQUIRE(vk_sync_signal(device, world->private, NEVER) == VK_SUCCESS);
   REQUIRE(vk_sync_signal(device, world->private_fence, 0) == VK_SUCCESS);
   REQUIRE(vk_sync_signal(device, world->shared, NEVER) == VK_SUCCESS);
   REQUIRE(vk_sync_signal(device, world->shared_fence, 0) == VK_SUCCESS);
   REQUIRE(vk_sync_signal(device, world->semaphore_sync, 0) == VK_SUCCESS);
   REQUIRE(vk_sync_signal(device, world->polled, NEVER) == VK_SUCCESS);
   REQUIRE(vk_sync_signal(device, api_semaphore_sync(world->semaphore), 0) ==
           VK_SUCCESS);
}

static void
destroy_world(struct world *world, VkResult result)
{
   VkDevice device = vk_device_to_handle(world->device);

   for (unsigned i = 0; i < PLACES; i++) {
      test_thread_join(world->cells[i].thread);
      if (world->cells[i].result != result)
         test_fail(false, __FILE__, __LINE__, "%s: result %d", names[i],
                   world->cells[i].result);
   }
   if (result == VK_SUCCESS)
      REQUIRE(vk_common_QueueWaitIdle(world->queue) == VK_SUCCESS);
   vk_common_DestroyFence(device, world->fence, NULL);
   vk_common_DestroySemaphore(device, world->semaphore, NULL);
   vk_sync_destroy(world->device, world->private);
   vk_sync_destroy(world->device, world->private_fence);
   vk_sync_destroy(world->device, world->shared);
   vk_sync_destroy(world->device, world->shared_fence);
   vk_sync_destroy(world->device, world->semaphore_sync);
   vk_sync_destroy(world->device, world->polled);
}

/* `blocked_ms`: how long the threads have been blocked, which makes them look
 * less and less often.
 */
static bool
lose_device(unsigned blocked_ms)
{
   struct world lost = {0}, other = {0};
   bool in_time = true;
   double most_ms = 0;

   create_world(&lost);
   create_world(&other);
   Sleep(blocked_ms);

   const double start_ms = test_now_ms();
   (void)vk_device_set_lost(lost.device, "as a test");
   for (unsigned i = 0; i < PLACES; i++) {
      struct cell *cell = &lost.cells[i];

      PEER_AWAIT(vk_sync_win32_load32(&cell->waiting) == 2, PATIENCE_S);
      const double ms = cell->ended_ms - start_ms;
      if (ms > LIMIT_MS) {
         test_diag("%s: %.0f ms", names[i], ms);
         in_time = false;
      }
      most_ms = MAX2(most_ms, ms);
   }
   test_diag("blocked for %u ms: all waits end within %.0f ms", blocked_ms,
             most_ms);

   for (unsigned i = 0; i < PLACES; i++)
      EXPECT_U64(vk_sync_win32_load32(&other.cells[i].waiting), 1);
   signal_world(&other);
   destroy_world(&other, VK_SUCCESS);
   destroy_world(&lost, VK_ERROR_DEVICE_LOST);
   return in_time;
}

static void
lost_device_ends_waits(intptr_t blocked_ms)
{
   bool in_time = false;

   for (unsigned i = 0; i < TRIES && !in_time; i++)
      in_time = lose_device((unsigned)blocked_ms + test_random_below(200));
   EXPECT(in_time);
}

static const struct test_case cases[] = {
   { "waits that have just begun", lost_device_ends_waits, 0, 90 },
   { "waits that have lasted for long", lost_device_ends_waits, 1700, 90 },
   { 0 },
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}

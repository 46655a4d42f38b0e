/* SPDX-License-Identifier: MIT */

/* A lost device ends every wait on it, wherever its threads block, and no wait
 * on another device.
 */
#include "peer.h"

#include "util/macros.h"
#include "vk_common_entrypoints.h"

#define NEVER (UINT64_C(1) << 40)

/* From the loss to the return.  Blocked threads look as often; the rest is for
 * them to come to it.
 */
#define LIMIT_MS 1100.0
#define TRIES 3

enum payload {
   NOTHING,
   PRIVATE,
   PRIVATE_FENCE,
   SHARED,
   SHARED_FENCE,
   TICKET,
   /* Without a slot */
   POLLED,
   /* A batch waits for a semaphore, and who waits for its fence */
   QUEUE_FENCE,
   PAYLOADS,
};

static const struct place {
   const char *name;
   enum payload payloads[2];
   bool any;
   unsigned minutes;
} places[] = {
   { "private timeline", { PRIVATE } },
   { "private fence", { PRIVATE_FENCE } },
   { "shared timeline", { SHARED } },
   { "shared fence", { SHARED_FENCE } },
   { "ticket", { TICKET } },
   { "polling", { POLLED } },
   { "fence of a queue", { QUEUE_FENCE } },
   { "private fence, for a minute", { PRIVATE_FENCE }, .minutes = 1 },
   { "shared fence, for a minute", { SHARED_FENCE }, .minutes = 1 },
   { "any of private ones", { PRIVATE, PRIVATE_FENCE }, .any = true },
   { "any of a mix", { PRIVATE, SHARED }, .any = true },
   { "all of private ones", { PRIVATE, PRIVATE_FENCE } },
   { "all of shared ones", { SHARED, SHARED_FENCE } },
   { "all of a mix", { SHARED, PRIVATE } },
};

#define PLACES TEST_COUNT(places)

struct world {
   struct vk_device *device;
   VkQueue queue;
   /* What is waited for, and whose signal it takes */
   struct vk_sync *syncs[PAYLOADS], *signals[PAYLOADS];
   struct vk_sync_wait waits[PLACES][2];
   struct unit_waiter waiters[PLACES];
};

static void
create_world(struct world *world)
{
   struct vk_device *device = unit_device();
   struct vk_sync *binary = unit_shared(device, 0);
   VkSemaphore semaphore = unit_semaphore(device, 0);
   VkFence fence = unit_fence(device);

   *world = (struct world) {
      .device = device,
      .queue = unit_queue(device),
      .syncs = {
         [PRIVATE] = unit_sync(device, VK_SYNC_IS_TIMELINE, 0),
         [PRIVATE_FENCE] = unit_sync(device, VK_SYNC_IS_FENCE, 0),
         [SHARED] = unit_shared(device, VK_SYNC_IS_TIMELINE),
         [SHARED_FENCE] = unit_shared(device, VK_SYNC_IS_FENCE),
         [TICKET] = unit_take(device, binary),
         [POLLED] = unit_shared(device, VK_SYNC_IS_TIMELINE),
         [QUEUE_FENCE] = unit_fence_sync(fence),
      },
   };
   for (unsigned i = 1; i < PAYLOADS; i++)
      world->signals[i] = world->syncs[i];
   world->signals[TICKET] = binary;
   world->signals[QUEUE_FENCE] = unit_semaphore_sync(semaphore);

   /* Not one slot is free, and this process lives. */
   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++)
      REQUIRE(vk_sync_win32_slot_claim(
                 unit_layout(world->syncs[POLLED])) == i);
   REQUIRE_OK(unit_submit(world->queue, 1,
                          &(struct unit_batch) { .wait = semaphore }, fence));
}

static void
block_world(struct world *world)
{
   for (unsigned i = 0; i < PLACES; i++) {
      const struct place *place = &places[i];
      unsigned count = 0;

      for (; count < 2 && place->payloads[count] != NOTHING; count++) {
         struct vk_sync *sync = world->syncs[place->payloads[count]];

         world->waits[i][count] = (struct vk_sync_wait) {
            .sync = sync,
            .wait_value = sync->flags & VK_SYNC_IS_TIMELINE ? NEVER : 0,
         };
      }
      if (place->minutes > 0)
         unit_block(&world->waiters[i], world->device,
                    world->waits[i][0].sync, NEVER,
                    place->minutes * 60000 * MS);
      else
         unit_block_many(&world->waiters[i], world->device, count,
                         world->waits[i], place->any ? VK_SYNC_WAIT_ANY :
                                                       VK_SYNC_WAIT_COMPLETE);
   }
}

static void
join_world(struct world *world, VkResult result)
{
   for (unsigned i = 0; i < PLACES; i++) {
      if (unit_waiter_join(&world->waiters[i]) != result)
         test_fail(false, __FILE__, __LINE__, "%s: result %d", places[i].name,
                   world->waiters[i].result);
   }
}

/* `blocked_ms`: how long the threads have been blocked, which makes them look
 * less and less often.
 */
static bool
lose_device(unsigned blocked_ms)
{
   static struct world lost, other;
   bool in_time = true;
   double most_ms = 0;

   create_world(&lost);
   create_world(&other);
   block_world(&lost);
   block_world(&other);
   Sleep(blocked_ms);

   const double start_ms = test_now_ms();
   (void)vk_device_set_lost(lost.device, "as a test");
   join_world(&lost, VK_ERROR_DEVICE_LOST);
   for (unsigned i = 0; i < PLACES; i++) {
      const double ms = lost.waiters[i].ended_ms - start_ms;

      if (ms > LIMIT_MS) {
         test_diag("%s: %.0f ms", places[i].name, ms);
         in_time = false;
      }
      most_ms = MAX2(most_ms, ms);
   }
   test_diag("blocked for %u ms: all waits end within %.0f ms", blocked_ms,
             most_ms);

   for (unsigned i = 0; i < PLACES; i++)
      EXPECT(!other.waiters[i].done);
   for (unsigned i = 1; i < PAYLOADS; i++)
      REQUIRE_OK(unit_signal(other.device, other.signals[i], NEVER));
   join_world(&other, VK_SUCCESS);
   REQUIRE_OK(vk_common_QueueWaitIdle(other.queue));

   /* What is there can still be seen. */
   for (unsigned i = PRIVATE; i <= SHARED_FENCE; i++) {
      REQUIRE_OK(unit_signal(lost.device, lost.syncs[i], NEVER));
      EXPECT_OK(unit_wait(lost.device, lost.syncs[i], NEVER, UINT64_MAX));
   }
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

const struct test_case test_cases[] = {
   { "waits that have just begun", lost_device_ends_waits, 0, 90 },
   { "waits that have lasted for long", lost_device_ends_waits, 1700, 90 },
   { 0 },
};

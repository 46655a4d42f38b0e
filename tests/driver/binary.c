/* SPDX-License-Identifier: MIT */

/* Binary semaphores: every wait takes exactly one signal, whoever holds the
 * payload, and in the order of submission.
 */
#include "work.h"

static void
expect_pairs(struct vkt_object *a, struct vkt_device *device)
{
   struct vkt_object *b = vkt_share(a, device);

   for (unsigned i = 0; i < 300 && !test_failed(); i++)
      vkt_expect_shared(a, b);
}

static void
pairs_one_queue(UNUSED intptr_t arg)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), VKT_BINARY);

   expect_pairs(a, a->device);
}

static void
pairs_two_devices(UNUSED intptr_t arg)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), VKT_BINARY);

   expect_pairs(a, vkt_open_sibling(a->device));
}

static void
pairs_two_instances(UNUSED intptr_t arg)
{
   expect_pairs(vkt_create_exportable(vkt_open(), VKT_BINARY), vkt_open());
}

/* (trap 6) A wait does not detach the payload from the semaphore, and takes
 * the signal from all holders.
 */
static void
wait_consumes_for_all(UNUSED intptr_t arg)
{
   const struct vkt_pair p = vkt_open_pair(VKT_BINARY);
   struct vkt_object *c = vkt_share(p.a, vkt_open());

   vkt_mark(p.a);
   vkt_expect_marked(p.b);
   vkt_expect_unsignalled(c, p.a);
   vkt_expect_unsignalled(p.b, c);
   vkt_expect_unsignalled(p.a, p.b);
}

/* Two signals that are held back one by one, and a wait for each. */
static void
waits_pair_in_order(UNUSED intptr_t arg)
{
   const struct vkt_pair p = vkt_open_pair(VKT_BINARY);
   struct vkt_object *c = vkt_share(p.a, vkt_open());
   struct vkt_object *gate = vkt_create(p.a->device, VKT_TIMELINE);

   for (uint64_t i = 0; i < 10; i += 2) {
      struct vkt_object *first, *second;

      vkt_queue_chain(gate, i + 1, p.a, 0);
      first = vkt_queue_wait(p.b, 0);
      vkt_queue_chain(gate, i + 2, p.a, 0);
      second = vkt_queue_wait(c, 0);

      vkt_expect_pending(first);
      vkt_host_signal(gate, i + 1);
      vkt_expect_done(first);
      vkt_expect_pending(second);
      vkt_host_signal(gate, i + 2);
      vkt_expect_done(second);
      vkt_destroy(first);
      vkt_destroy(second);
   }
}

/* The API forbids it, but processes that agree by other means do it, and a
 * wait that ended early or never would be hard to find.
 */
static void
wait_submitted_before_signal(UNUSED intptr_t arg)
{
   const struct vkt_pair p = vkt_open_pair(VKT_BINARY);
   struct vkt_object *done = vkt_queue_wait(p.b, 0);

   vkt_expect_pending(done);
   vkt_queue_signal(p.a, 0);
   vkt_expect_done(done);
   vkt_expect_unsignalled(p.b, p.a);
}

static void
chain_over_devices(UNUSED intptr_t arg)
{
   enum { DEVICES = 4 };
   struct vkt_device *devices[DEVICES];
   struct vkt_object *signals[DEVICES], *waits[DEVICES];

   for (unsigned i = 0; i < DEVICES; i++)
      devices[i] = vkt_open();
   for (unsigned i = 0; i < DEVICES; i++) {
      signals[i] = vkt_create_exportable(devices[i], VKT_BINARY);
      waits[i] = vkt_share(signals[i], devices[(i + 1) % DEVICES]);
   }

   for (unsigned round = 0; round < 100; round++) {
      vkt_queue_signal(signals[0], 0);
      for (unsigned i = 1; i < DEVICES; i++)
         vkt_queue_chain(waits[i - 1], 0, signals[i], 0);
      vkt_take(waits[DEVICES - 1], 0);
   }
}

static void
several_in_one_batch(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   struct vkt_batch signal = {0}, wait = {0};
   struct vkt_object *done = vkt_create(other, VKT_FENCE);

   for (unsigned i = 0; i < VKT_MAX_SEMAPHORES; i++) {
      struct vkt_object *a = vkt_create_exportable(device, VKT_BINARY);

      signal.signals[i].semaphore = a;
      wait.waits[i].semaphore = vkt_share(a, other);
   }
   for (unsigned round = 0; round < 50; round++) {
      vkt_submit(device, &signal, NULL);
      vkt_submit(other, &wait, done);
      vkt_expect_done(done);
      vkt_reset(done);
   }
   for (unsigned i = 0; i < VKT_MAX_SEMAPHORES; i += 3)
      vkt_expect_unsignalled(wait.waits[i].semaphore,
                             signal.signals[i].semaphore);
}

enum merge {
   COMMANDS_THEN_WAIT,
   COMMANDS_THEN_WAIT_AND_COMMANDS,
   TWO_COMMANDS_THEN_WAIT,
   EMPTY_THEN_WAIT,
};

/* By vkQueueSubmit, which the runtime makes one vkQueueSubmit2. */
static void
submit_merged(struct vkt_object *semaphore, VkCommandBuffer commands,
              enum merge merge)
{
   const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
   const VkSubmitInfo work = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
      .commandBufferCount = merge != EMPTY_THEN_WAIT,
      .pCommandBuffers = &commands,
   };
   const VkSubmitInfo wait = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
      .waitSemaphoreCount = 1,
      .pWaitSemaphores = &semaphore->semaphore,
      .pWaitDstStageMask = &stage,
      .commandBufferCount = merge == COMMANDS_THEN_WAIT_AND_COMMANDS,
      .pCommandBuffers = &commands,
   };
   const VkSubmitInfo submits[] = {work, work, wait};
   const uint32_t first = merge != TWO_COMMANDS_THEN_WAIT;

   REQUIRE_OK(vkQueueSubmit(semaphore->device->queue,
                            TEST_COUNT(submits) - first, submits + first,
                            VK_NULL_HANDLE));
}

/* The runtime merges batches without semaphores into the next one. The wait
 * of the merged batch has to take the signal all the same.
 */
static void
merged_wait_consumes(intptr_t merge)
{
   const struct vkt_pair p = vkt_open_pair(VKT_BINARY);
   VkCommandBuffer commands = work_empty_commands(p.a->device);

   for (unsigned i = 0; i < 2; i++) {
      vkt_mark(p.a);
      submit_merged(p.a, commands, merge);
      vkt_wait_idle(p.a->device);
      vkt_expect_unsignalled(p.a, p.b);
      vkt_expect_unsignalled(p.b, p.a);
   }
}

/* The semaphore is private while the merged batch waits, and exported only
 * to look at it afterwards.
 */
static void
merged_wait_consumes_private(intptr_t merge)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), VKT_BINARY);
   VkCommandBuffer commands = work_empty_commands(a->device);

   for (unsigned i = 0; i < 3; i++) {
      vkt_mark(a);
      submit_merged(a, commands, merge);
   }
   vkt_wait_idle(a->device);
   vkt_expect_unsignalled(a, vkt_share(a, vkt_open()));
}

static void
wait_and_signal_in_one_batch(UNUSED intptr_t arg)
{
   const struct vkt_pair p = vkt_open_pair(VKT_BINARY);

   vkt_mark(p.a);
   for (unsigned i = 0; i < 50; i++)
      vkt_queue_chain(p.a, 0, p.a, 0);
   vkt_expect_marked(p.b);
   vkt_expect_unsignalled(p.b, p.a);
}

const struct test_case test_cases[] = {
   {"binary_pairs_one_queue", pairs_one_queue},
   {"binary_pairs_two_devices", pairs_two_devices},
   {"binary_pairs_two_instances", pairs_two_instances},
   {"binary_wait_consumes_for_all", wait_consumes_for_all},
   {"binary_waits_pair_in_order", waits_pair_in_order},
   {"binary_wait_submitted_before_signal", wait_submitted_before_signal},
   {"binary_chain_over_devices", chain_over_devices},
   {"binary_several_in_one_batch", several_in_one_batch},
   {"binary_wait_and_signal_in_one_batch", wait_and_signal_in_one_batch},
   {"merged_commands_then_wait", merged_wait_consumes, COMMANDS_THEN_WAIT},
   {"merged_commands_then_wait_and_commands", merged_wait_consumes,
    COMMANDS_THEN_WAIT_AND_COMMANDS},
   {"merged_two_commands_then_wait", merged_wait_consumes,
    TWO_COMMANDS_THEN_WAIT},
   {"merged_empty_then_wait", merged_wait_consumes, EMPTY_THEN_WAIT},
   {"merged_commands_then_wait_private", merged_wait_consumes_private,
    COMMANDS_THEN_WAIT},
   {0},
};

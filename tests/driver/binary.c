/* SPDX-License-Identifier: MIT */

/* Binary semaphores: every wait takes exactly one signal, whoever holds the
 * payload, and in the order of submission.
 */
#include "work.h"

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

/* Batches without semaphores, and what the one after them has beside a wait */
static const struct merge {
   uint32_t batches;
   bool with_commands, and_commands;
} merges[] = {
   {1, true, false},
   {1, true, true},
   {2, true, false},
   {1, false, false},
};

/* By vkQueueSubmit, which the runtime makes one vkQueueSubmit2. */
static void
submit_merged(struct vkt_object *semaphore, VkCommandBuffer commands,
              const struct merge *merge)
{
   const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
   VkSubmitInfo submits[3];

   for (uint32_t i = 0; i < merge->batches; i++)
      submits[i] = (VkSubmitInfo){
         .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
         .commandBufferCount = merge->with_commands,
         .pCommandBuffers = &commands,
      };
   submits[merge->batches] = (VkSubmitInfo){
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
      .waitSemaphoreCount = 1,
      .pWaitSemaphores = &semaphore->semaphore,
      .pWaitDstStageMask = &stage,
      .commandBufferCount = merge->and_commands,
      .pCommandBuffers = &commands,
   };
   REQUIRE_OK(vkQueueSubmit(semaphore->device->queue, merge->batches + 1,
                            submits, VK_NULL_HANDLE));
}

/* The runtime merges batches without semaphores into the next one. The wait
 * of the merged batch has to take the signal all the same, be the semaphore
 * shared from the start or exported only to look at it afterwards.
 */
static void
merged_wait_consumes(intptr_t is_shared)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   VkCommandBuffer commands = work_empty_commands(device);

   for (unsigned m = 0; m < TEST_COUNT(merges); m++) {
      struct vkt_object *a = vkt_create_exportable(device, VKT_BINARY);
      struct vkt_object *b = is_shared ? vkt_share(a, other) : NULL;

      test_diag("merge %u", m);
      for (unsigned i = 0; i < 3; i++) {
         vkt_mark(a);
         submit_merged(a, commands, &merges[m]);
      }
      vkt_wait_idle(device);
      if (!is_shared)
         b = vkt_share(a, other);
      vkt_expect_unsignalled(a, b);
      vkt_expect_unsignalled(b, a);
   }
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
   {"binary_waits_pair_in_order", waits_pair_in_order},
   {"binary_several_in_one_batch", several_in_one_batch},
   {"binary_wait_and_signal_in_one_batch", wait_and_signal_in_one_batch},
   {"merged_wait_consumes_private", merged_wait_consumes, false},
   {"merged_wait_consumes_shared", merged_wait_consumes, true},
   {0},
};

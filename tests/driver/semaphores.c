/* SPDX-License-Identifier: MIT */

/* Semaphores. Of binary ones, every wait takes exactly one signal, whoever
 * holds the payload, and in the order of submission. Of timelines, host and
 * queue operations see the values of all holders.
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

static void
queue_wait(intptr_t by_queue)
{
   void (*signal)(struct vkt_object *object, uint64_t value) =
      by_queue ? vkt_queue_signal : vkt_host_signal;
   const struct vkt_pair p = vkt_open_pair(VKT_TIMELINE);
   struct vkt_object *done = vkt_queue_wait(p.b, 5);

   vkt_expect_pending(done);
   signal(p.a, 4);
   vkt_expect_pending(done);
   signal(p.a, by_queue ? 6 : 5);
   vkt_expect_done(done);
}

static void
wait_times_out(UNUSED intptr_t arg)
{
   const struct vkt_pair p = vkt_open_pair(VKT_TIMELINE);
   double start = test_now_ms();

   EXPECT_RESULT(vkt_wait(p.b, 1, 100), VK_TIMEOUT);
   EXPECT(test_now_ms() - start >= 90);
   /* A wait that was given up leaves nothing that a signal trips over. */
   vkt_expect_linked(p.a, p.b);
   EXPECT_RESULT(vkt_wait(p.b, 100, 20), VK_TIMEOUT);
   vkt_expect_linked(p.b, p.a);
}

/* Both halves of the word, and the top bit. What is passed is reached. */
static void
large_values(UNUSED intptr_t arg)
{
   static const uint64_t values[] = {
      UINT64_C(0xfffffffe),         UINT64_C(0xffffffff),
      UINT64_C(0x100000000),        UINT64_C(0x1ffffffff),
      UINT64_C(0x7fffffffffffffff), UINT64_C(0x8000000000000000),
      UINT64_C(0xfffffffffffffffe), UINT64_C(0xffffffffffffffff),
   };
   const struct vkt_pair p = vkt_open_pair(VKT_TIMELINE);

   for (size_t i = 0; i < TEST_COUNT(values); i++) {
      struct vkt_object *done = vkt_queue_wait(p.b, values[i]);

      EXPECT_RESULT(vkt_wait(p.b, values[i], 0), VK_TIMEOUT);
      if (i % 2)
         vkt_queue_signal(p.a, values[i]);
      else
         vkt_host_signal(p.a, values[i]);
      EXPECT_OK(vkt_wait(p.b, values[i], VKT_LONG_MS));
      EXPECT_U64(vkt_value(p.b), values[i]);
      vkt_expect_done(done);
      EXPECT_OK(vkt_wait(p.b, 0, 0));
      vkt_take(p.b, values[i] - 1);
   }
}

/* The last link of the chain is submitted first. */
static void
chain_submitted_backwards(UNUSED intptr_t arg)
{
   enum { DEVICES = 4 };
   struct vkt_object *links[DEVICES];

   links[0] = vkt_create_exportable(vkt_open(), VKT_TIMELINE);
   for (unsigned i = 1; i < DEVICES; i++)
      links[i] = vkt_share(links[0], vkt_open());

   for (unsigned i = DEVICES; i-- > 0;)
      vkt_queue_chain(links[i], 1 + i, links[i], 2 + i);
   EXPECT_RESULT(vkt_wait(links[0], 2, VKT_PENDING_MS), VK_TIMEOUT);
   vkt_host_signal(links[0], 1);
   EXPECT_OK(vkt_wait(links[0], 1 + DEVICES, VKT_LONG_MS));
}

/* Two semaphores of one device on the same payload, in one submission. */
static void
two_aliases_in_one_batch(UNUSED intptr_t arg)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), VKT_TIMELINE);
   struct vkt_object *b = vkt_share(a, a->device);
   const struct vkt_batch batch = {
      .waits = {{a, 1}, {b, 2}},
      .signals = {{a, 3}},
   };

   vkt_submit(a->device, &batch, NULL);
   EXPECT_RESULT(vkt_wait(b, 3, VKT_PENDING_MS), VK_TIMEOUT);
   vkt_host_signal(a, 1);
   EXPECT_RESULT(vkt_wait(b, 3, VKT_PENDING_MS), VK_TIMEOUT);
   vkt_host_signal(b, 2);
   EXPECT_OK(vkt_wait(b, 3, VKT_LONG_MS));
}

const struct test_case test_cases[] = {
   {"binary_waits_pair_in_order", waits_pair_in_order},
   {"binary_several_in_one_batch", several_in_one_batch},
   {"binary_wait_and_signal_in_one_batch", wait_and_signal_in_one_batch},
   {"merged_wait_consumes_private", merged_wait_consumes, false},
   {"merged_wait_consumes_shared", merged_wait_consumes, true},
   {"timeline_host_signal_queue_wait", queue_wait, false},
   {"timeline_queue_signal_queue_wait", queue_wait, true},
   {"timeline_wait_times_out", wait_times_out},
   {"timeline_large_values", large_values},
   {"timeline_chain_submitted_backwards", chain_submitted_backwards},
   {"timeline_two_aliases_in_one_batch", two_aliases_in_one_batch},
   {0},
};

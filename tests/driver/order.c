/* SPDX-License-Identifier: MIT */

/* Signal operations in submission order, as another device sees them: once
 * a later one has happened, so have the earlier ones.
 */
#include "work.h"

#define SIGNALS 12
#define ROUNDS 4

struct row {
   enum vkt_kind kind;
   struct vkt_device *device, *other;
   struct vkt_object *signals[SIGNALS];
   struct vkt_object *aliases[SIGNALS];
   /* At 1 from the start. The runtime merges no batch that waits with those
    * before it.
    */
   struct vkt_object *gate;
};

static bool
waits(unsigned batch)
{
   return batch % 3 == 2;
}

static struct row
open_row(enum vkt_kind kind)
{
   const struct vkt_object_info gate = {.kind = VKT_TIMELINE, .initial = 1};
   struct row row = {.kind = kind, .device = vkt_open(), .other = vkt_open()};

   row.gate = vkt_create_info(row.device, &gate);
   for (unsigned i = 0; i < SIGNALS; i++) {
      row.signals[i] = vkt_create_exportable(row.device, kind);
      row.aliases[i] = vkt_share(row.signals[i], row.other);
   }
   return row;
}

/* One call with a batch for each signal; the first batch renders. The runtime
 * makes it one vkQueueSubmit2.
 */
static void
submit_all(const struct row *row, VkCommandBuffer commands, uint64_t value)
{
   const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
   const uint64_t passed = 1;
   VkTimelineSemaphoreSubmitInfo values[SIGNALS];
   VkSubmitInfo submits[SIGNALS];

   for (unsigned i = 0; i < SIGNALS; i++) {
      values[i] = (VkTimelineSemaphoreSubmitInfo){
         .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
         .waitSemaphoreValueCount = waits(i),
         .pWaitSemaphoreValues = &passed,
         .signalSemaphoreValueCount = 1,
         .pSignalSemaphoreValues = &value,
      };
      submits[i] = (VkSubmitInfo){
         .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
         .pNext = &values[i],
         .waitSemaphoreCount = waits(i),
         .pWaitSemaphores = &row->gate->semaphore,
         .pWaitDstStageMask = &stage,
         .commandBufferCount = i == 0,
         .pCommandBuffers = &commands,
         .signalSemaphoreCount = 1,
         .pSignalSemaphores = &row->signals[i]->semaphore,
      };
   }
   REQUIRE_OK(vkQueueSubmit(row->device->queue, SIGNALS, submits,
                            VK_NULL_HANDLE));
}

static void
submit_each(const struct row *row, VkCommandBuffer commands, uint64_t value)
{
   for (unsigned i = 0; i < SIGNALS; i++) {
      const struct vkt_batch batch = {
         .commands = i == 0 ? commands : VK_NULL_HANDLE,
         .signals = {{row->signals[i], value}},
      };

      vkt_submit(row->device, &batch, NULL);
   }
}

/* All that the other device can tell once the last signal is there */
static void
expect_all_signalled(const struct row *row, uint64_t value)
{
   if (row->kind == VKT_TIMELINE) {
      EXPECT_OK(vkt_wait(row->aliases[SIGNALS - 1], value, VKT_LONG_MS));
      for (unsigned i = 0; i < SIGNALS; i++)
         EXPECT_U64(vkt_value(row->aliases[i]), value);
      return;
   }
   vkt_take(row->aliases[SIGNALS - 1], 0);
   for (unsigned i = 0; i < SIGNALS - 1; i++)
      vkt_take(row->aliases[i], 0);
}

static void
signal_order(intptr_t arg)
{
   struct row row = open_row(arg & 0xff);
   struct work *work = work_create(row.device, 128);

   for (uint32_t round = 1; round <= ROUNDS; round++) {
      if (arg >> 8)
         submit_each(&row, work_record(work, round, 50), round);
      else
         submit_all(&row, work_record(work, round, 50), round);
      expect_all_signalled(&row, round);
      EXPECT_U64(work_wrong_pixels(work, round), 0);
      vkt_wait_idle(row.device);
   }
}

/* A fence is signalled after the semaphores of its submission, and of those
 * before.
 */
static void
fence_after_semaphores(UNUSED intptr_t arg)
{
   struct row row = open_row(VKT_TIMELINE);
   struct work *work = work_create(row.device, 128);
   struct vkt_object *fence = vkt_create_exportable(row.device, VKT_FENCE);
   struct vkt_object *alias = vkt_share(fence, row.other);

   for (uint32_t round = 1; round <= ROUNDS; round++) {
      submit_all(&row, work_record(work, round, 50), round);
      vkt_queue_signal(fence, 0);
      vkt_expect_done(alias);
      for (unsigned i = 0; i < SIGNALS; i++)
         EXPECT_U64(vkt_value(row.aliases[i]), round);
      vkt_reset(alias);
      vkt_wait_idle(row.device);
   }
}

const struct test_case test_cases[] = {
   {"signal_order_binary_submit", signal_order, VKT_BINARY},
   {"signal_order_binary_separate_submits", signal_order,
    VKT_WITH(VKT_BINARY, true)},
   {"signal_order_timeline_submit", signal_order, VKT_TIMELINE},
   {"signal_order_timeline_separate_submits", signal_order,
    VKT_WITH(VKT_TIMELINE, true)},
   {"fence_after_semaphores_submit", fence_after_semaphores},
   {0},
};

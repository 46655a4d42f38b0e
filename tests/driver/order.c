/* SPDX-License-Identifier: MIT */

/* Signal operations in submission order, as another device sees them: once
 * a later one has happened, so have the earlier ones.
 */
#include "work.h"

#define SIGNALS 12
#define ROUNDS 8

struct row {
   enum vkt_kind kind;
   struct vkt_device *device, *other;
   struct vkt_object *signals[SIGNALS], *fence;
   struct vkt_object *aliases[SIGNALS], *fence_alias;
   /* The runtime merges no batch that waits with those before it. */
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
   struct row row = {.kind = kind, .device = vkt_open(), .other = vkt_open()};

   row.gate = vkt_create(row.device, VKT_TIMELINE);
   row.fence = vkt_create_exportable(row.device, VKT_FENCE);
   row.fence_alias = vkt_share(row.fence, row.other);
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
   VkTimelineSemaphoreSubmitInfo values[SIGNALS];
   VkSubmitInfo submits[SIGNALS];

   for (unsigned i = 0; i < SIGNALS; i++) {
      values[i] = (VkTimelineSemaphoreSubmitInfo){
         .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
         .waitSemaphoreValueCount = waits(i),
         .pWaitSemaphoreValues = &value,
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
                            row->fence->fence));
}

/* All that the other device can tell once the last semaphore, or the fence of
 * the submission, is signalled
 */
static void
expect_all_signalled(const struct row *row, uint64_t value, bool by_fence)
{
   struct vkt_object *last = row->aliases[SIGNALS - 1];

   if (by_fence)
      vkt_expect_done(row->fence_alias);
   if (row->kind == VKT_TIMELINE) {
      if (!by_fence)
         EXPECT_OK(vkt_wait(last, value, VKT_LONG_MS));
      for (unsigned i = 0; i < SIGNALS; i++)
         EXPECT_U64(vkt_value(row->aliases[i]), value);
      return;
   }
   vkt_take(last, 0);
   for (unsigned i = 0; i < SIGNALS - 1; i++)
      vkt_take(row->aliases[i], 0);
}

static void
signal_order(intptr_t kind)
{
   struct row row = open_row(kind);
   struct work *work = work_create(row.device, 128);

   for (uint32_t round = 1; round <= ROUNDS; round++) {
      if (round > 1)
         vkt_host_signal(row.gate, round);
      submit_all(&row, work_record(work, round, 50), round);
      if (round == 1) {
         vkt_expect_pending(row.fence_alias);
         vkt_host_signal(row.gate, round);
      }
      expect_all_signalled(&row, round, round % 2);
      EXPECT_U64(work_wrong_pixels(work, round), 0);
      vkt_expect_done(row.fence_alias);
      vkt_reset(row.fence_alias);
      vkt_wait_idle(row.device);
   }
}

const struct test_case test_cases[] = {
   {"signal_order_binary", signal_order, VKT_BINARY},
   {"signal_order_timeline", signal_order, VKT_TIMELINE},
   {0},
};

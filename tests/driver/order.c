/* SPDX-License-Identifier: MIT */

/* Signal operations in submission order, as another device sees them: once
 * a later one has happened, so have the earlier ones.
 */
#include "work.h"

#define SIGNALS 12
#define ROUNDS 4

enum api {
   SUBMIT,
   SUBMIT_2,
   SEPARATE_SUBMITS,
};

#define ORDER(kind, api, type) \
   ((intptr_t)(type) << 16 | (intptr_t)(api) << 8 | (kind))

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
open_row(enum vkt_kind kind, VkFlags type)
{
   struct row row = {.kind = kind, .device = vkt_open(), .other = vkt_open()};

   row.gate = vkt_create_info(row.device, &(struct vkt_object_info){
                                             .kind = VKT_TIMELINE,
                                             .initial = 1,
                                          });
   for (unsigned i = 0; i < SIGNALS; i++) {
      HANDLE handle = NULL;

      row.signals[i] = vkt_create_info(
         row.device,
         &(struct vkt_object_info){.kind = kind, .export_types = type});
      row.aliases[i] = vkt_create(row.other, kind);
      REQUIRE_OK(vkt_try_export(row.signals[i], type, &handle));
      if (type == VKT_OPAQUE_WIN32)
         test_own_handle(handle);
      REQUIRE_OK(vkt_try_import(row.aliases[i], type, false, handle, NULL));
   }
   return row;
}

/* One call with a batch for each signal; the first batch renders. */
static void
submit_all(const struct row *row, VkCommandBuffer commands,
           const uint64_t *value)
{
   const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
   const uint64_t passed = 1;
   const VkTimelineSemaphoreSubmitInfo values = {
      .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
      .signalSemaphoreValueCount = 1,
      .pSignalSemaphoreValues = value,
   };
   const VkTimelineSemaphoreSubmitInfo waiting = {
      .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
      .waitSemaphoreValueCount = 1,
      .pWaitSemaphoreValues = &passed,
      .signalSemaphoreValueCount = 1,
      .pSignalSemaphoreValues = value,
   };
   VkSubmitInfo submits[SIGNALS];

   for (unsigned i = 0; i < SIGNALS; i++) {
      submits[i] = (VkSubmitInfo){
         .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
         .pNext = waits(i) ? &waiting : &values,
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
submit_all_2(const struct row *row, VkCommandBuffer commands, uint64_t value)
{
   const VkCommandBufferSubmitInfo command_info = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
      .commandBuffer = commands,
   };
   const VkSemaphoreSubmitInfo wait = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
      .semaphore = row->gate->semaphore,
      .value = 1,
      .stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
   };
   VkSemaphoreSubmitInfo signals[SIGNALS];
   VkSubmitInfo2 submits[SIGNALS];

   for (unsigned i = 0; i < SIGNALS; i++) {
      signals[i] = (VkSemaphoreSubmitInfo){
         .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
         .semaphore = row->signals[i]->semaphore,
         .value = value,
         .stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
      };
      submits[i] = (VkSubmitInfo2){
         .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
         .waitSemaphoreInfoCount = waits(i),
         .pWaitSemaphoreInfos = &wait,
         .commandBufferInfoCount = i == 0,
         .pCommandBufferInfos = &command_info,
         .signalSemaphoreInfoCount = 1,
         .pSignalSemaphoreInfos = &signals[i],
      };
   }
   REQUIRE_OK(vkQueueSubmit2(row->device->queue, SIGNALS, submits,
                             VK_NULL_HANDLE));
}

static void
submit_each(const struct row *row, VkCommandBuffer commands, uint64_t value)
{
   for (unsigned i = 0; i < SIGNALS; i++) {
      vkt_submit(row->device,
                 &(struct vkt_batch){
                    .commands = i == 0 ? commands : VK_NULL_HANDLE,
                    .signals = {{row->signals[i], value}},
                 },
                 NULL);
   }
}

static void
submit(const struct row *row, enum api api, VkCommandBuffer commands,
       uint64_t value)
{
   switch (api) {
   case SUBMIT:
      submit_all(row, commands, &value);
      break;
   case SUBMIT_2:
      submit_all_2(row, commands, value);
      break;
   case SEPARATE_SUBMITS:
      submit_each(row, commands, value);
      break;
   }
}

/* All that the other device can tell once the last signal is there */
static void
expect_all_signalled(const struct row *row, uint64_t value)
{
   struct vkt_object *done;

   if (row->kind == VKT_TIMELINE) {
      EXPECT_OK(vkt_wait(row->aliases[SIGNALS - 1], value, VKT_LONG_MS));
      for (unsigned i = 0; i < SIGNALS; i++)
         EXPECT_U64(vkt_value(row->aliases[i]), value);
      return;
   }
   done = vkt_queue_wait(row->aliases[SIGNALS - 1], 0);
   vkt_expect_done(done);
   vkt_destroy(done);
   for (unsigned i = 0; i < SIGNALS - 1; i++) {
      done = vkt_queue_wait(row->aliases[i], 0);
      vkt_expect_done(done);
      vkt_destroy(done);
   }
}

static void
signal_order(intptr_t arg)
{
   const enum vkt_kind kind = (enum vkt_kind)(arg & 0xff);
   const enum api api = (enum api)(arg >> 8 & 0xff);
   struct row row = open_row(kind, (VkFlags)(arg >> 16));
   struct work *work = work_create(row.device, 128);

   for (uint32_t round = 1; round <= ROUNDS; round++) {
      submit(&row, api, work_record(work, round, 50), round);
      expect_all_signalled(&row, round);
      EXPECT_U64(work_wrong_pixels(work, round), 0);
      vkt_wait_idle(row.device);
   }
}

/* A fence is signalled after the semaphores of its submission, and of those
 * before.
 */
static void
fence_after_semaphores(intptr_t api)
{
   struct row row = open_row(VKT_TIMELINE, VKT_OPAQUE_WIN32);
   struct work *work = work_create(row.device, 128);
   struct vkt_object *fence = vkt_create_exportable(row.device, VKT_FENCE);
   struct vkt_object *alias =
      vkt_alias(row.other, VKT_FENCE, vkt_export(fence));

   for (uint32_t round = 1; round <= ROUNDS; round++) {
      submit(&row, (enum api)api, work_record(work, round, 50), round);
      vkt_queue_signal(fence, 0);
      vkt_expect_done(alias);
      for (unsigned i = 0; i < SIGNALS; i++)
         EXPECT_U64(vkt_value(row.aliases[i]), round);
      vkt_reset(alias);
      vkt_wait_idle(row.device);
   }
}

#define ORDERS(name, kind, type) \
   {name "_submit", signal_order, ORDER(kind, SUBMIT, type), 0}, \
   {name "_submit2", signal_order, ORDER(kind, SUBMIT_2, type), 0}, \
   {name "_separate_submits", signal_order, \
    ORDER(kind, SEPARATE_SUBMITS, type), 0}

static const struct test_case cases[] = {
   ORDERS("signal_order_binary", VKT_BINARY, VKT_OPAQUE_WIN32),
   ORDERS("signal_order_timeline", VKT_TIMELINE, VKT_OPAQUE_WIN32),
   ORDERS("signal_order_kmt_binary", VKT_BINARY, VKT_OPAQUE_WIN32_KMT),
   ORDERS("signal_order_kmt_timeline", VKT_TIMELINE, VKT_OPAQUE_WIN32_KMT),
   {"fence_after_semaphores_submit", fence_after_semaphores, SUBMIT, 0},
   {"fence_after_semaphores_submit2", fence_after_semaphores, SUBMIT_2, 0},
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}

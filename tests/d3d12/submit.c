/* SPDX-License-Identifier: MIT */

/* Binary semaphores with fences of D3D12: VkD3D12FenceSubmitInfoKHR. */
#include "share.h"

#include "work.h"

#define SIZE 512
#define EFFORT 400

/* For submit_one(), instead of a count */
#define NO_STRUCTURE 100

static void
wait_for_value(intptr_t arg)
{
   struct share_pair pair = share_pair(VKT_BINARY, 0);
   struct vkt_object *done = share_queue_wait(pair.semaphore, 5);

   vkt_expect_pending(done);
   runtime_signal(pair.fence, 4);
   vkt_expect_pending(done);
   runtime_signal(pair.fence, 6);
   vkt_expect_done(done);

   /* A wait consumes nothing, and may be for what has passed. */
   vkt_expect_done(share_queue_wait(pair.semaphore, 6));
   vkt_expect_done(share_queue_wait(pair.semaphore, 1));
   EXPECT_U64(ID3D12Fence_GetCompletedValue(pair.fence), 6);
}

/* Twice: somebody starts from the beginning. */
static void
large_values(intptr_t kind)
{
   static const uint64_t values[] = {
      UINT64_C(0xfffffffe),         UINT64_C(0xffffffff),
      UINT64_C(0x100000000),        UINT64_C(0x1ffffffff),
      UINT64_C(0x7fffffffffffffff), UINT64_C(0x8000000000000000),
      UINT64_C(0xfffffffffffffffd), UINT64_C(0xfffffffffffffffe),
   };
   struct share_pair pair = share_pair((enum vkt_kind)kind, 0);

   for (size_t i = 0; i < 2 * TEST_COUNT(values); i++) {
      const uint64_t value = values[i % TEST_COUNT(values)];
      struct vkt_object *done;

      if (i == TEST_COUNT(values))
         runtime_signal(pair.fence, 0);
      done = share_queue_wait(pair.semaphore, value);
      EXPECT_U64(vkt_value(done), 0);
      if (i % 2 == 0)
         runtime_signal(pair.fence, value);
      else
         share_queue_signal(share_import(vkt_open(), (enum vkt_kind)kind,
                                         pair.handle), value);
      vkt_expect_done(done);
      runtime_expect_value(pair.fence, value);
      vkt_destroy(done);
   }
}

/* A list of all kinds: each semaphore takes what is meant for it, and the
 * others' values are ignored.
 */
static void
mixed_lists(intptr_t arg)
{
   struct share_pair one = share_pair(VKT_BINARY, 0);
   struct share_pair two = share_pair(VKT_TIMELINE, 0);
   struct vkt_device *device = one.device;
   struct vkt_object *binary = vkt_create(device, VKT_BINARY);
   struct vkt_object *shared = vkt_create_exportable(device, VKT_BINARY);
   struct vkt_object *timeline = vkt_create(device, VKT_TIMELINE);
   struct vkt_object *d3d12_timeline =
      share_import(device, VKT_TIMELINE, two.handle);
   struct vkt_object *fence = vkt_create(device, VKT_FENCE);

   for (uint64_t i = 1; i <= 8; i++) {
      const uint64_t noise = test_random();
      const struct vkt_batch signals = {.signals = {
         {binary, noise}, {one.semaphore, 10 * i + 1}, {shared, noise},
         {timeline, 3 * i}, {d3d12_timeline, 7 * i},
      }};
      const struct vkt_batch waits = {.waits = {
         {timeline, 3 * i}, {shared, noise}, {d3d12_timeline, 7 * i},
         {binary, noise}, {one.semaphore, 10 * i + 2},
      }};

      share_submit(device, &signals, NULL);
      share_submit(device, &waits, fence);
      runtime_expect_value(one.fence, 10 * i + 1);
      EXPECT_U64(vkt_value(fence), 0);
      runtime_signal(one.fence, 10 * i + 2);
      vkt_expect_done(fence);
      EXPECT_U64(ID3D12Fence_GetCompletedValue(two.fence), 7 * i);
      EXPECT_U64(vkt_value(timeline), 3 * i);
      vkt_reset(fence);
   }
   vkt_expect_works(binary);
   vkt_expect_works(shared);
}

/* A batch that waits for one semaphore, or signals it, with just
 * VkD3D12FenceSubmitInfoKHR
 */
static VkResult
submit_one(struct vkt_object *semaphore, bool is_signal, uint32_t count,
           const uint64_t *values, struct vkt_object *fence)
{
   const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
   const VkD3D12FenceSubmitInfoKHR info = {
      .sType = VK_STRUCTURE_TYPE_D3D12_FENCE_SUBMIT_INFO_KHR,
      .waitSemaphoreValuesCount = is_signal ? 0 : count,
      .pWaitSemaphoreValues = values,
      .signalSemaphoreValuesCount = is_signal ? count : 0,
      .pSignalSemaphoreValues = values,
   };
   const VkSubmitInfo submit = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
      .pNext = count == NO_STRUCTURE ? NULL : &info,
      .waitSemaphoreCount = !is_signal,
      .pWaitSemaphores = &semaphore->semaphore,
      .pWaitDstStageMask = &stage,
      .signalSemaphoreCount = is_signal,
      .pSignalSemaphores = &semaphore->semaphore,
   };

   return vkQueueSubmit(semaphore->device->queue, 1, &submit,
                        fence ? fence->fence : VK_NULL_HANDLE);
}

/* For timelines, no VkTimelineSemaphoreSubmitInfo. Without any values, a binary
 * semaphore's is 1, as on drivers of graphics cards.
 */
static void
structure_alone(intptr_t arg)
{
   const enum vkt_kind kind = arg & 0xff;
   const uint32_t count = (uint32_t)(arg >> 8);
   const uint64_t value = kind == VKT_TIMELINE ? 2 : 1;
   const uint64_t *values = kind == VKT_TIMELINE ? &value : NULL;
   struct share_pair pair = share_pair(kind, 0);
   struct vkt_object *fence = vkt_create(pair.device, VKT_FENCE);

   REQUIRE_OK(submit_one(pair.semaphore, false, count, values, fence));
   vkt_expect_pending(fence);
   runtime_signal(pair.fence, value);
   vkt_expect_done(fence);
   runtime_signal(pair.fence, value - 1);
   REQUIRE_OK(submit_one(pair.semaphore, true, count, values, NULL));
   runtime_expect_value(pair.fence, value);

   /* VkSemaphoreSubmitInfo::value is for timelines, and ignored else. */
   if (kind == VKT_BINARY) {
      runtime_signal(pair.fence, 0);
      vkt_queue_signal(pair.semaphore, 60);
      vkt_expect_done(vkt_queue_wait(pair.semaphore, 50));
      EXPECT_U64(ID3D12Fence_GetCompletedValue(pair.fence), 1);
   }
   share_expect_linked(pair.semaphore, pair.fence);
}

/* VUID-VkD3D12FenceSubmitInfoKHR-waitSemaphoreValuesCount-00079 and -00080 */
static void
wrong_counts(intptr_t kind)
{
   static const char text[] = "VkD3D12FenceSubmitInfoKHR has %u values for "
                              "the 1 semaphores that a submit %s";
   struct share_pair pair = share_pair((enum vkt_kind)kind, 0);
   const uint64_t values[] = {7, 8};

   for (unsigned i = 0; i < 4; i++) {
      const uint32_t count = i < 2 ? 0 : 2;
      char expected[128];

      vkt_clear_messages(pair.device);
      EXPECT_RESULT(submit_one(pair.semaphore, i % 2, count, values, NULL),
                    VK_ERROR_UNKNOWN);
      snprintf(expected, sizeof(expected), text, count,
               i % 2 ? "signals" : "waits for");
      vkt_expect_message(pair.device, VK_ERROR_UNKNOWN, expected);
   }
   vkt_wait_idle(pair.device);
   EXPECT_U64(ID3D12Fence_GetCompletedValue(pair.fence), 0);
   share_expect_linked(pair.semaphore, pair.fence);
}

/* Values for a semaphore that has no such payload, or no more */
static void
values_without_fence(intptr_t arg)
{
   struct share_pair pair = share_pair(VKT_BINARY, 0);
   struct vkt_object *opaque = vkt_create_exportable(pair.device, VKT_BINARY);

   share_queue_signal(opaque, UINT64_MAX);
   vkt_expect_done(share_queue_wait(opaque, UINT64_MAX));

   vkt_import(pair.semaphore, vkt_export(opaque));
   share_queue_signal(pair.semaphore, 77);
   vkt_expect_done(share_queue_wait(opaque, 78));
   EXPECT_U64(ID3D12Fence_GetCompletedValue(pair.fence), 0);
}

static void
temporary_import(intptr_t arg)
{
   struct share_pair pair = share_pair(VKT_BINARY, 0);
   struct vkt_object *object = vkt_create(pair.device, VKT_BINARY);
   struct vkt_object *done;

   vkt_queue_signal(object, 0);
   REQUIRE_OK(vkt_try_import(object, SHARE_D3D12, true, pair.handle, NULL));
   done = share_queue_wait(object, 2);
   vkt_expect_pending(done);

   runtime_signal(pair.fence, 2);
   vkt_expect_done(done);

   /* The wait has restored the permanent payload, which has a signal. */
   vkt_expect_done(vkt_queue_wait(object, 0));
   vkt_expect_works(object);

   /* A signal goes to the temporary payload. */
   REQUIRE_OK(vkt_try_import(object, SHARE_D3D12, true, pair.handle, NULL));
   share_queue_signal(object, 9);
   runtime_expect_value(pair.fence, 9);
   vkt_expect_done(share_queue_wait(object, 9));
   vkt_expect_works(object);
}

static void
signal_after_rasterization(intptr_t kind)
{
   struct share_pair pair = share_pair((enum vkt_kind)kind, 0);
   struct work *work = work_create(pair.device, SIZE);

   for (uint32_t tag = 1; tag <= 8; tag++) {
      const struct vkt_batch batch = {
         .commands = work_record(work, tag, EFFORT),
         .signals = {{pair.semaphore, tag}},
      };

      share_submit(pair.device, &batch, NULL);
      runtime_expect_value(pair.fence, tag);
      EXPECT_U64(work_wrong_pixels(work, tag), 0);
   }
}

/* No value is skipped or comes early. */
static void
in_submission_order(intptr_t kind)
{
   struct share_pair pair = share_pair((enum vkt_kind)kind, 0);
   struct vkt_object *gate = vkt_create(pair.device, VKT_TIMELINE);
   struct vkt_batch batch = {.waits = {{gate, 1}}};
   uint64_t last = 0;

   share_submit(pair.device, &batch, NULL);
   for (uint64_t i = 1; i <= 200; i++)
      share_queue_signal(pair.semaphore, i);
   EXPECT_U64(ID3D12Fence_GetCompletedValue(pair.fence), 0);
   vkt_host_signal(gate, 1);
   while (last < 200) {
      const uint64_t value = ID3D12Fence_GetCompletedValue(pair.fence);

      REQUIRE(value >= last && value <= 200);
      last = value;
   }
   vkt_wait_idle(pair.device);
}

const struct test_case test_cases[] = {
   {"wait_for_value", wait_for_value, 0, 0},
   SHARE_CASES(large_values),
   {"mixed_lists", mixed_lists, 0, 0},
   {"without_structure", structure_alone,
    VKT_WITH(VKT_BINARY, NO_STRUCTURE), 0},
   {"without_arrays", structure_alone, VKT_WITH(VKT_BINARY, 1), 0},
   {"timeline_with_these_values_only", structure_alone,
    VKT_WITH(VKT_TIMELINE, 1), 0},
   SHARE_CASES(wrong_counts),
   {"values_without_fence", values_without_fence, 0, 0},
   {"temporary_import", temporary_import, 0, 0},
   SHARE_CASES(signal_after_rasterization),
   SHARE_CASES(in_submission_order),
   {0},
};

/* SPDX-License-Identifier: MIT */

/* The state rules: what signals, resets and waits do to a payload. */
#include "fixture.h"

#include "cases.h"

#include "util/os_time.h"

#define MS UINT64_C(1000000)

static void
fence_signal_and_reset(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *fence = unit_sync(device, 0, 0);

   EXPECT(unit_wait(device, fence, 0, 0) == VK_TIMEOUT);
   EXPECT(vk_sync_signal(device, fence, 0) == VK_SUCCESS);
   EXPECT(unit_wait(device, fence, 0, 0) == VK_SUCCESS);
   EXPECT(unit_wait(device, fence, 0, UINT64_MAX) == VK_SUCCESS);

   /* Signalling twice is the same as once. */
   EXPECT(vk_sync_signal(device, fence, 0) == VK_SUCCESS);
   EXPECT(vk_sync_reset(device, fence) == VK_SUCCESS);
   EXPECT(unit_wait(device, fence, 0, 0) == VK_TIMEOUT);
   EXPECT(vk_sync_reset(device, fence) == VK_SUCCESS);
   EXPECT(vk_sync_signal(device, fence, 0) == VK_SUCCESS);
   EXPECT(unit_wait(device, fence, 0, 0) == VK_SUCCESS);
}

static void
fence_created_signalled(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *fence = unit_sync(device, 0, 1);

   EXPECT(unit_wait(device, fence, 0, 0) == VK_SUCCESS);
   EXPECT(vk_sync_reset(device, fence) == VK_SUCCESS);
   EXPECT(unit_wait(device, fence, 0, 0) == VK_TIMEOUT);
}

static void
fence_keeps_its_state_when_made_shareable(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *fence = unit_sync(device, VK_SYNC_IS_SHAREABLE, 1);
   const struct vk_sync_win32_export_params params = {
      .object_type = VK_OBJECT_TYPE_FENCE,
      .handle_types = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT,
   };

   REQUIRE(vk_sync_set_win32_export_params(device, fence, &params) ==
           VK_SUCCESS);
   EXPECT(unit_payload(fence)->section != NULL);
   EXPECT(unit_wait(device, fence, 0, 0) == VK_SUCCESS);
}

static void
timeline_only_increases(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *timeline = unit_sync(device, VK_SYNC_IS_TIMELINE, 5);
   uint64_t value = 0;

   EXPECT(vk_sync_get_value(device, timeline, &value) == VK_SUCCESS);
   EXPECT_U64(value, 5);
   EXPECT(vk_sync_signal(device, timeline, 9) == VK_SUCCESS);
   EXPECT(vk_sync_signal(device, timeline, 9) != VK_SUCCESS);
   EXPECT(vk_sync_signal(device, timeline, 7) != VK_SUCCESS);
   EXPECT(vk_sync_get_value(device, timeline, &value) == VK_SUCCESS);
   EXPECT_U64(value, 9);

   EXPECT(unit_wait(device, timeline, 0, 0) == VK_SUCCESS);
   EXPECT(unit_wait(device, timeline, 9, 0) == VK_SUCCESS);
   EXPECT(unit_wait(device, timeline, 10, 0) == VK_TIMEOUT);

   EXPECT(vk_sync_signal(device, timeline, UINT64_MAX) == VK_SUCCESS);
   EXPECT(unit_wait(device, timeline, UINT64_MAX, 0) == VK_SUCCESS);
}

static struct vk_sync *
take_wait(struct vk_device *device, struct vk_sync *semaphore)
{
   struct vk_sync *wait = unit_sync(device, 0, 0);
   REQUIRE(vk_sync_move(device, wait, semaphore) == VK_SUCCESS);
   return wait;
}

/* Two signals and two waits, submitted in order and executed in any. */
static void
binary_waits_pair_in_submission_order(intptr_t shared)
{
   struct vk_device *device = unit_device();
   struct vk_sync *semaphore = shared ? unit_shared(device, 0) :
                                        unit_sync(device, 0, 0);
   struct vk_sync *first = take_wait(device, semaphore);
   struct vk_sync *second = take_wait(device, semaphore);

   EXPECT(unit_wait(device, first, 0, 0) == VK_TIMEOUT);
   EXPECT(vk_sync_signal(device, semaphore, 0) == VK_SUCCESS);
   EXPECT(unit_wait(device, second, 0, 0) == VK_TIMEOUT);
   EXPECT(unit_wait(device, first, 0, 0) == VK_SUCCESS);

   /* Both signals have been consumed. */
   EXPECT(vk_sync_signal(device, semaphore, 0) == VK_SUCCESS);
   EXPECT(unit_wait(device, second, 0, 0) == VK_SUCCESS);
   EXPECT(unit_wait(device, semaphore, 0, 0) == VK_TIMEOUT);

   /* A signal that nobody has asked for yet is kept for the next wait. */
   EXPECT(vk_sync_signal(device, semaphore, 0) == VK_SUCCESS);
   struct vk_sync *third = take_wait(device, semaphore);
   EXPECT(unit_wait(device, third, 0, 0) == VK_SUCCESS);
   EXPECT(unit_wait(device, semaphore, 0, 0) == VK_TIMEOUT);
}

static void
temporary_wait_consumes_for_all(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *semaphore = unit_shared(device, 0);
   struct vk_sync *peer = unit_import(device, semaphore, true);
   struct vk_sync *temporary = unit_import(device, semaphore, false);

   EXPECT(vk_sync_signal(device, peer, 0) == VK_SUCCESS);
   temporary->type->begin_wait(device, temporary);
   EXPECT(unit_wait(device, temporary, 0, 0) == VK_SUCCESS);
   EXPECT(unit_wait(device, semaphore, 0, 0) == VK_TIMEOUT);
   EXPECT(unit_wait(device, peer, 0, 0) == VK_TIMEOUT);
}

static void
counters_wrap(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *semaphore = unit_sync(device, 0, 0);

   *unit_payload(semaphore)->word = UINT64_C(0xffffffff) << 32 | 0xffffffff;

   for (unsigned i = 0; i < 3; i++) {
      EXPECT(unit_wait(device, semaphore, 0, 0) == VK_TIMEOUT);
      struct vk_sync *first = take_wait(device, semaphore);
      struct vk_sync *second = take_wait(device, semaphore);
      EXPECT(vk_sync_signal(device, semaphore, 0) == VK_SUCCESS);
      EXPECT(unit_wait(device, first, 0, 0) == VK_SUCCESS);
      EXPECT(unit_wait(device, second, 0, 0) == VK_TIMEOUT);
      EXPECT(vk_sync_signal(device, semaphore, 0) == VK_SUCCESS);
      EXPECT(unit_wait(device, second, 0, 0) == VK_SUCCESS);
   }

   EXPECT(vk_sync_signal(device, semaphore, 0) == VK_SUCCESS);
   EXPECT(unit_wait(device, semaphore, 0, 0) == VK_SUCCESS);
   EXPECT(vk_sync_reset(device, semaphore) == VK_SUCCESS);
   EXPECT(unit_wait(device, semaphore, 0, 0) == VK_TIMEOUT);
}

static void
pending_waits_succeed_at_once(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *semaphore = unit_sync(device, 0, 0);
   struct vk_sync *timeline = unit_sync(device, VK_SYNC_IS_TIMELINE, 0);

   EXPECT(vk_sync_wait(device, semaphore, 0, VK_SYNC_WAIT_PENDING,
                       UINT64_MAX) == VK_SUCCESS);
   EXPECT(vk_sync_wait(device, timeline, 7, VK_SYNC_WAIT_PENDING,
                       UINT64_MAX) == VK_SUCCESS);
}

static void
payload_outlives_its_sync(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *fence = unit_sync(device, 0, 0);
   struct vk_sync_win32_payload *payload = vk_sync_win32_get_payload(fence);

   unit_sync_destroy(device, fence);
   EXPECT(vk_sync_win32_payload_signal(payload, 0));
   vk_sync_win32_payload_unref(payload);
}

static void
object_sizes(UNUSED intptr_t arg)
{
   const size_t size = sizeof(struct vk_sync_win32) - sizeof(struct vk_sync) +
                       sizeof(struct vk_sync_win32_payload);
   test_diag("%u bytes beyond Mesa's structs for each private payload",
             (unsigned)size);
   EXPECT(size <= 128);
}

const struct test_case payload_cases[] = {
   { "fence is signalled and reset", fence_signal_and_reset },
   { "fence can be created signalled", fence_created_signalled },
   { "fence keeps its state when made shareable",
     fence_keeps_its_state_when_made_shareable },
   { "timeline only increases", timeline_only_increases },
   { "private binary waits pair in submission order",
     binary_waits_pair_in_submission_order, 0 },
   { "shared binary waits pair in submission order",
     binary_waits_pair_in_submission_order, 1 },
   { "temporary wait consumes the signal for all holders",
     temporary_wait_consumes_for_all },
   { "signal and ticket counters wrap", counters_wrap },
   { "pending waits succeed at once", pending_waits_succeed_at_once },
   { "payload outlives its vk_sync", payload_outlives_its_sync },
   { "private payloads are small", object_sizes },
   { 0 },
};

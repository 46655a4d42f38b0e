/* SPDX-License-Identifier: MIT */

/* The state rules: what signals, resets and waits do to a payload. */
#include "fixture.h"

#include <malloc.h>

static void
fence_signal_and_reset(intptr_t shared)
{
   struct vk_device *device = unit_device();
   struct vk_sync *fence = unit_sync(device, VK_SYNC_IS_SHAREABLE, 1);

   /* It keeps its state. */
   if (shared)
      unit_share(device, fence, NULL);
   EXPECT(vk_sync_win32_payload_is_section(unit_payload(fence)) == !!shared);
   EXPECT_OK(unit_wait(device, fence, 0, 0));

   EXPECT_OK(vk_sync_reset(device, fence));
   EXPECT_RESULT(unit_wait(device, fence, 0, 0), VK_TIMEOUT);
   EXPECT_OK(vk_sync_reset(device, fence));
   EXPECT_OK(vk_sync_wait(device, fence, 0, VK_SYNC_WAIT_PENDING,
                          UINT64_MAX));
   EXPECT_OK(vk_sync_signal(device, fence, 0));
   EXPECT_OK(unit_wait(device, fence, 0, 0));
   EXPECT_OK(unit_wait(device, fence, 0, UINT64_MAX));

   /* Signalling twice is the same as once. */
   EXPECT_OK(vk_sync_signal(device, fence, 0));
   EXPECT_OK(vk_sync_reset(device, fence));
   EXPECT_RESULT(unit_wait(device, fence, 0, 0), VK_TIMEOUT);
}

static void
timeline_only_increases(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *timeline = unit_sync(device, VK_SYNC_IS_TIMELINE, 5);
   uint64_t value = 0;

   EXPECT_OK(vk_sync_get_value(device, timeline, &value));
   EXPECT_U64(value, 5);
   EXPECT_OK(vk_sync_signal(device, timeline, 9));
   EXPECT_OK(vk_sync_signal(device, timeline, 9));
   EXPECT_OK(vk_sync_signal(device, timeline, 7));
   EXPECT_OK(vk_sync_get_value(device, timeline, &value));
   EXPECT_U64(value, 9);

   EXPECT_OK(unit_wait(device, timeline, 0, 0));
   EXPECT_OK(unit_wait(device, timeline, 9, 0));
   EXPECT_RESULT(unit_wait(device, timeline, 10, 0), VK_TIMEOUT);

   EXPECT_OK(vk_sync_signal(device, timeline, UINT64_MAX));
   EXPECT_OK(unit_wait(device, timeline, UINT64_MAX, 0));
}

#define SHARED 1

/* A private one's counters start there. */
static void
binary_waits_pair_in_submission_order(intptr_t start_or_shared)
{
   const uint32_t start =
      start_or_shared == SHARED ? 0 : (uint32_t)start_or_shared;
   struct vk_device *device = unit_device();
   struct vk_sync *semaphore =
      unit_create(device, 0, start_or_shared == SHARED);

   *unit_payload(semaphore)->word = vk_sync_win32_pair(start, start);

   /* A signal that nobody has asked for yet is kept for the next wait; a second
    * one before that is none.
    */
   EXPECT_OK(vk_sync_signal(device, semaphore, 0));
   EXPECT_OK(vk_sync_signal(device, semaphore, 0));
   EXPECT_OK(unit_wait(device, unit_take(device, semaphore), 0, 0));
   EXPECT_RESULT(unit_wait(device, semaphore, 0, 0), VK_TIMEOUT);
   EXPECT_U64(unit_payload(semaphore)->refcount, 2);

   /* Two signals and two waits, submitted in order and executed in any */
   struct vk_sync *first = unit_take(device, semaphore);
   struct vk_sync *second = unit_take(device, semaphore);

   EXPECT_RESULT(unit_wait(device, first, 0, 0), VK_TIMEOUT);
   EXPECT_OK(vk_sync_signal(device, semaphore, 0));
   EXPECT_RESULT(unit_wait(device, second, 0, 0), VK_TIMEOUT);
   EXPECT_OK(unit_wait(device, first, 0, 0));

   /* Both signals have been consumed. */
   EXPECT_OK(vk_sync_signal(device, semaphore, 0));
   EXPECT_OK(unit_wait(device, second, 0, 0));
   EXPECT_RESULT(unit_wait(device, semaphore, 0, 0), VK_TIMEOUT);

   EXPECT_OK(vk_sync_signal(device, semaphore, 0));
   EXPECT_OK(vk_sync_reset(device, semaphore));
   EXPECT_RESULT(unit_wait(device, semaphore, 0, 0), VK_TIMEOUT);
}

static struct {
   struct vk_device *device;
   struct vk_sync_win32 fences[3];
} destroyed;

/* As an application that sees the first signal, before there is another */
static void
destroy_when_woken(UNUSED uint32_t *const *states, UNUSED uint32_t count)
{
   for (unsigned i = 0; i < TEST_COUNT(destroyed.fences); i++)
      vk_sync_finish(destroyed.device, &destroyed.fences[i].base);
   memset(destroyed.fences, 0xdd, sizeof(destroyed.fences));
}

static void
collect_nothing(UNUSED uint32_t *state)
{
}

/* Whoever sees the first of a submit's signals may destroy the others. */
static void
submit_signals_what_may_be_destroyed(UNUSED intptr_t arg)
{
   const struct vk_sync_win32_parker parker = {
      .unpark = destroy_when_woken, .collect = collect_nothing,
   };
   const struct vk_sync_win32_parker *chosen = vk_sync_win32_chosen_parker;
   struct vk_device *device = unit_device();
   struct vk_sync *timeline = unit_sync(device, VK_SYNC_IS_TIMELINE, 0);
   struct vk_sync_win32_payload *payload = unit_payload(timeline);
   struct vk_sync_signal signals[4] = {
      { .sync = timeline, .signal_value = 1 },
   };

   destroyed.device = device;
   for (unsigned i = 0; i < TEST_COUNT(destroyed.fences); i++) {
      struct vk_sync *fence = signals[1 + i].sync = &destroyed.fences[i].base;

      REQUIRE_OK(vk_sync_init(device, fence, &vk_sync_win32_type,
                              VK_SYNC_IS_SHAREABLE, 0));
      if (i == 0)
         unit_share(device, fence, NULL);
   }
   uint32_t *seat = payload->ops->sit(payload, 1);
   REQUIRE(seat != NULL);

   vk_sync_win32_chosen_parker = &parker;
   EXPECT_OK(vk_sync_signal_many(device, 4, signals));
   vk_sync_win32_leave(seat);
   vk_sync_win32_chosen_parker = chosen;
   EXPECT(destroyed.fences[0].base.type != &vk_sync_win32_type);
}

/* Whoever else has been quicker, the device goes on. */
static void
submit_signals_what_cannot_increase(intptr_t shared)
{
   struct vk_device *device = unit_device();
   struct vk_sync *timeline = unit_create(device, VK_SYNC_IS_TIMELINE, shared);
   struct vk_sync *fence = unit_sync(device, 0, 0);
   const struct vk_sync_signal signals[] = {
      { .sync = timeline, .signal_value = 5 },
      { .sync = timeline, .signal_value = 5 },
      { .sync = timeline, .signal_value = 3 },
      { .sync = fence },
   };
   uint64_t value = 0;

   EXPECT_OK(vk_sync_signal_many(device, 4, signals));
   EXPECT_OK(vk_sync_get_value(device, timeline, &value));
   EXPECT_U64(value, 5);
   EXPECT_OK(unit_wait(device, fence, 0, 0));
   EXPECT(!vk_device_is_lost(device));
   EXPECT_U64(unit_payload(timeline)->refcount, 1);
}

/* Whoever waits next finds it free, and needs no record. */
static void
wait_leaves_its_seat(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *timeline = unit_sync(device, VK_SYNC_IS_TIMELINE, 0);
   struct vk_sync_win32_payload *payload = unit_payload(timeline);

   EXPECT_RESULT(unit_wait(device, timeline, 1, 1000), VK_TIMEOUT);
   uint32_t *seat = payload->ops->sit(payload, 1);
   REQUIRE(seat != NULL);
   vk_sync_win32_leave(seat);
}

static void
object_sizes(UNUSED intptr_t arg)
{
   struct vk_sync *fence = unit_sync(unit_device(), 0, 0);
   const size_t size = sizeof(struct vk_sync_win32) - sizeof(struct vk_sync) +
                       _msize(unit_payload(fence));
   test_diag("%u bytes beyond Mesa's structs for each private payload",
             (unsigned)size);
   EXPECT(size <= 128);
}

const struct test_case test_cases[] = {
   UNIT_CASES("a fence is signalled and reset", fence_signal_and_reset),
   { "timeline only increases", timeline_only_increases },
   { "private binary waits pair in submission order",
     binary_waits_pair_in_submission_order, 0 },
   { "shared binary waits pair in submission order",
     binary_waits_pair_in_submission_order, SHARED },
   { "binary waits pair where the first signal wraps",
     binary_waits_pair_in_submission_order, -1 },
   { "binary waits pair where the second signal wraps",
     binary_waits_pair_in_submission_order, -2 },
   { "a submit signals what may be destroyed at once",
     submit_signals_what_may_be_destroyed },
   UNIT_CASES("a submit signals what cannot increase",
              submit_signals_what_cannot_increase),
   { "a wait leaves its seat", wait_leaves_its_seat },
   { "private payloads are small", object_sizes },
   { 0 },
};

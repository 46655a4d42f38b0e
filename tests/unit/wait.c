/* SPDX-License-Identifier: MIT */

/* Blocking: who is woken, when, and that nobody is forgotten. */
#include "fixture.h"

#include <math.h>
#include <stdlib.h>

#include "util/macros.h"
#include "util/os_time.h"
#include "vk_sync_win32_wait.h"

static void
timeouts_are_never_early(intptr_t shared)
{
   struct vk_device *device = unit_device();
   struct vk_sync *fence = unit_create(device, 0, shared);
   static const uint64_t timeouts_ns[] = {
      0, 1, 99, 100, 101, 9999, 100 * 1000, MS, 3 * MS + 1, 20 * MS, 250 * MS,
   };

   for (unsigned i = 0; i < TEST_COUNT(timeouts_ns); i++) {
      const uint64_t start = os_time_get_nano();
      const uint64_t deadline = start + timeouts_ns[i];
      EXPECT_RESULT(vk_sync_wait(device, fence, 0, VK_SYNC_WAIT_COMPLETE,
                                 deadline), VK_TIMEOUT);
      EXPECT((uint64_t)os_time_get_nano() >= deadline);
   }
}

/* A thread that nobody has woken looks for itself, later: of most, only a
 * forgotten one is that slow.
 */
static void
expect_woken(const double *ms, unsigned count, double look_ms)
{
   unsigned late = 0;

   for (unsigned i = 0; i < count; i++)
      late += ms[i] >= look_ms / 2;
   if (late > 0 && 2 * late >= count)
      test_fail(false, __FILE__, __LINE__, "%u of %u were not woken", late,
                count);
}

static void
signal_wakes_a_blocked_wait(intptr_t shared)
{
   struct vk_device *device = unit_device();
   double ms[20];

   for (unsigned i = 0; i < 200; i++) {
      struct vk_sync *fence = unit_create(device, 0, shared);
      struct vk_sync *peer = shared ? unit_import(device, fence) : fence;
      struct unit_waiter waiter;

      unit_block(&waiter, device, fence, 0, UINT64_MAX);
      while (i % 10 == 9 &&
             vk_sync_win32_load32(&unit_payload(fence)->refcount) < 2)
         Sleep(1);
      if (i % 2)
         Sleep(i % 10 == 9 ? 10 : 1);
      const double start_ms = test_now_ms();
      EXPECT_OK(vk_sync_signal(device, peer, 0));
      EXPECT_OK(unit_waiter_join(&waiter));
      if (i % 10 == 9)
         ms[i / 10] = waiter.ended_ms - start_ms;
      unit_sync_destroy(device, fence);
      if (shared)
         unit_sync_destroy(device, peer);
   }
   expect_woken(ms, TEST_COUNT(ms), VK_SYNC_WIN32_LOOK_NS / 1e6);
}

#define CROWD 200

/* More than are woken under one lock.  After so long they look once a second. */
static void
signal_wakes_a_crowd(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *timeline = unit_sync(device, VK_SYNC_IS_TIMELINE, 0);
   static struct unit_waiter waiters[CROWD];
   double ms[CROWD];

   for (unsigned i = 0; i < CROWD; i++)
      unit_block(&waiters[i], device, timeline, 1, UINT64_MAX);
   Sleep(2000);

   const double start_ms = test_now_ms();
   EXPECT_OK(vk_sync_signal(device, timeline, 1));
   for (unsigned i = 0; i < CROWD; i++) {
      EXPECT_OK(unit_waiter_join(&waiters[i]));
      ms[i] = waiters[i].ended_ms - start_ms;
   }
   expect_woken(ms, CROWD, VK_SYNC_WIN32_LONGEST_LOOK_NS / 2e6);
}

#define THREADS 12

static void
only_reached_values_are_woken(intptr_t shared)
{
   struct vk_device *device = unit_device();
   struct vk_sync *timeline = unit_create(device, VK_SYNC_IS_TIMELINE, shared);
   struct unit_waiter waiters[THREADS];

   for (unsigned i = 0; i < THREADS; i++)
      unit_block(&waiters[i], device, timeline, 10 * (i + 1), UINT64_MAX);
   Sleep(50);

   for (unsigned i = 0; i < THREADS; i++) {
      EXPECT_OK(vk_sync_signal(device, timeline, 10 * i + 9));
      Sleep(2);
      for (unsigned j = i; j < THREADS; j++)
         EXPECT(!waiters[j].done);

      EXPECT_OK(vk_sync_signal(device, timeline, 10 * i + 10));
      EXPECT_OK(unit_waiter_join(&waiters[i]));
   }
}

static struct vk_sync_wait *
fill_mix(struct vk_device *device, unsigned count, bool with_shared)
{
   struct vk_sync_wait *waits = calloc(count, sizeof(*waits));

   test_defer(free, waits);
   for (unsigned i = 0; i < count; i++) {
      const enum vk_sync_flags flags = i % 2 ? VK_SYNC_IS_TIMELINE : 0;

      waits[i] = (struct vk_sync_wait) {
         .sync = unit_create(device, flags, with_shared && i % 3 == 0),
         .wait_value = i % 2,
      };
   }
   return waits;
}

static void
wait_for_any(struct vk_device *device, struct vk_sync_wait *waits,
             unsigned count)
{
   double ms[2][20];
   unsigned done[2] = { 0 };

   for (unsigned round = 0; round < 20; round++) {
      const unsigned i = test_random_below(count);
      struct unit_waiter waiter;

      unit_block_many(&waiter, device, count, waits, VK_SYNC_WAIT_ANY);
      Sleep(5);
      EXPECT(!waiter.done);
      const double start_ms = test_now_ms();
      EXPECT_OK(vk_sync_signal(device, waits[i].sync, waits[i].wait_value));
      EXPECT_OK(unit_waiter_join(&waiter));
      ms[i % 2][done[i % 2]++] = waiter.ended_ms - start_ms;

      if (waits[i].sync->flags & VK_SYNC_IS_TIMELINE)
         waits[i].wait_value++;
      else
         EXPECT_OK(vk_sync_reset(device, waits[i].sync));
   }
   /* Of fences, then of timelines.  Beginning and ending take their time, too. */
   for (unsigned i = 0; i < 2 && count < 1000; i++)
      expect_woken(ms[i], done[i], VK_SYNC_WIN32_LOOK_NS / 1e6);
}

static void
wait_for_all(struct vk_device *device, const struct vk_sync_wait *waits,
             unsigned count)
{
   struct unit_waiter waiter;

   unit_block_many(&waiter, device, count, waits, VK_SYNC_WAIT_COMPLETE);
   Sleep(5);

   const unsigned last = test_random_below(count);
   for (unsigned i = 0; i < count; i++) {
      if (i != last)
         EXPECT_OK(vk_sync_signal(device, waits[i].sync, waits[i].wait_value));
   }
   Sleep(5);
   EXPECT(!waiter.done);
   EXPECT_OK(vk_sync_signal(device, waits[last].sync, waits[last].wait_value));
   EXPECT_OK(unit_waiter_join(&waiter));
}

static void
wait_for_many(intptr_t count)
{
   struct vk_device *device = unit_device();
   struct vk_sync_wait *waits = fill_mix(device, count, count % 3 == 0);

   wait_for_any(device, waits, count);
   wait_for_all(device, waits, count);
}

static uint64_t
get_cpu_us(void)
{
   FILETIME created, exited, kernel, user;

   REQUIRE(GetProcessTimes(GetCurrentProcess(), &created, &exited, &kernel,
                           &user));
   return ((uint64_t)kernel.dwHighDateTime << 32 | kernel.dwLowDateTime) / 10 +
          ((uint64_t)user.dwHighDateTime << 32 | user.dwLowDateTime) / 10;
}

static void
wait_any_does_not_spin(intptr_t with_shared)
{
   struct vk_device *device = unit_device();
   struct vk_sync_wait *waits = fill_mix(device, 100, with_shared);

   const uint64_t before = get_cpu_us();
   EXPECT_RESULT(vk_sync_wait_many(device, 100, waits, VK_SYNC_WAIT_ANY,
                                   os_time_get_absolute_timeout(500 * MS)),
                 VK_TIMEOUT);
   const uint64_t used = get_cpu_us() - before;
   test_diag("%u us of CPU in 500 ms", (unsigned)used);
   EXPECT(used < 100000);
}

/* A signaller that has been overtaken: it changes the word, and comes to look
 * for waiters only after the fence has been reset and waited on again.
 */
static void
stale_signal_is_not_taken_for_a_new_one(intptr_t shared)
{
   struct vk_device *device = unit_device();
   struct vk_sync *fence = unit_create(device, 0, shared);
   struct vk_sync_win32_payload *payload = unit_payload(fence);
   struct unit_waiter waiter;

   EXPECT_OK(vk_sync_signal(device, fence, 0));
   EXPECT_OK(vk_sync_reset(device, fence));
   unit_block(&waiter, device, fence, 0, UINT64_MAX);
   Sleep(250);
   EXPECT(!waiter.done);

   /* Signalled and reset again before anybody comes to look: it counts. */
   uint64_t word;
   EXPECT(vk_sync_win32_word_signal(VK_SYNC_WIN32_KIND_BINARY, payload->word,
                                    0, &word));
   EXPECT_OK(vk_sync_reset(device, fence));
   EXPECT_OK(unit_waiter_join(&waiter));
}

/* Whoever has been told that the device is lost may destroy what others still
 * wait for.
 */
static void
wait_keeps_its_payload(intptr_t shared)
{
   struct vk_device *device = unit_device();
   struct vk_sync *fence = unit_create(device, 0, shared);
   struct vk_sync_win32_payload *payload = unit_payload(fence);
   struct unit_waiter waiter;

   unit_block(&waiter, device, fence, 0, UINT64_MAX);
   while (shared ? unit_armed(fence) == 0 :
                   vk_sync_win32_load32(&payload->refcount) < 2)
      Sleep(1);
   EXPECT_U64(vk_sync_win32_load32(&payload->refcount), 2);
   vk_sync_win32_payload_ref(payload);

   vk_device_set_lost(device, "on purpose");
   unit_sync_destroy(device, fence);
   EXPECT_RESULT(unit_waiter_join(&waiter), VK_ERROR_DEVICE_LOST);
   EXPECT_U64(vk_sync_win32_load32(&payload->refcount), 1);
   vk_sync_win32_payload_unref(payload);
}

/* The least that a wait in vain takes, which is over before it blocks */
static double
get_shortest_ms(struct vk_device *device, struct vk_sync *timeline,
                uint32_t failures)
{
   double shortest_ms = INFINITY;

   for (unsigned i = 0; i < 100; i++) {
      const double start_ms = test_now_ms();

      for (unsigned j = 0; j < 10; j++) {
         vk_sync_win32_store32(&unit_payload(timeline)->spin_failures,
                               failures);
         EXPECT_RESULT(vk_sync_wait(device, timeline, 1, VK_SYNC_WAIT_COMPLETE,
                                    1), VK_TIMEOUT);
      }
      shortest_ms = MIN2(shortest_ms, test_now_ms() - start_ms);
   }
   return shortest_ms / 10;
}

/* Where looking was in vain, the next wait does less of it. */
static void
waits_in_vain_get_shorter(intptr_t shared)
{
   struct vk_device *device = unit_device();
   struct vk_sync *timeline = unit_create(device, VK_SYNC_IS_TIMELINE, shared);

   for (uint32_t i = 1; i <= 5; i++) {
      EXPECT_RESULT(unit_wait(device, timeline, 1, 1000), VK_TIMEOUT);
      EXPECT_U64(unit_payload(timeline)->spin_failures, i);
   }

   /* Where it helped, the next one looks as long as ever. */
   struct vk_sync_win32_record reached = { .payload = unit_payload(timeline) };
   EXPECT_OK(vk_sync_win32_wait_one(device, &reached, 1));
   EXPECT_U64(reached.payload->spin_failures, 0);

   const double first_ms = get_shortest_ms(device, timeline, 0);
   const double tenth_ms = get_shortest_ms(device, timeline, 10);

   test_diag("%.2f us, then %.2f us", first_ms * 1000, tenth_ms * 1000);
   EXPECT(tenth_ms < first_ms / 2);
}

const struct test_case test_cases[] = {
   UNIT_CASES("waits that look in vain get shorter",
              waits_in_vain_get_shorter),
   UNIT_CASES("a payload is kept while a thread waits",
              wait_keeps_its_payload),
   UNIT_CASES("time-outs are never early", timeouts_are_never_early),
   UNIT_CASES("signal wakes a wait", signal_wakes_a_blocked_wait),
   UNIT_CASES("only reached values are woken", only_reached_values_are_woken),
   { "signal wakes a crowd", signal_wakes_a_crowd },
   { "waits for any and all of 8 private payloads", wait_for_many, 8 },
   { "waits for any and all of 9 mixed payloads", wait_for_many, 9 },
   { "waits for any and all of 300 mixed payloads", wait_for_many, 300 },
   { "waits for any and all of 10000 private payloads", wait_for_many,
     10000 },
   UNIT_CASES("wait-any does not spin", wait_any_does_not_spin),
   UNIT_CASES("a stale signal is not taken for a new one",
              stale_signal_is_not_taken_for_a_new_one),
   { 0 },
};

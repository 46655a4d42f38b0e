/* SPDX-License-Identifier: MIT */

/* What blocked threads cost: of CPU time, and whoever signals. */
#include "runtime.h"

#include <math.h>

#include "util/os_time.h"

static double
filetime_ms(FILETIME time)
{
   return (double)((uint64_t)time.dwHighDateTime << 32 |
                   time.dwLowDateTime) / 1e4;
}

/* Of this process so far; counts in ticks of 10 ms and more */
static double
cpu_ms(void)
{
   FILETIME creation, exit, kernel, user;

   REQUIRE(GetProcessTimes(GetCurrentProcess(), &creation, &exit,
                           &kernel, &user));
   return filetime_ms(kernel) + filetime_ms(user);
}

#define FENCES 1024
#define SECONDS_OURS 8
#define SECONDS_UPSTREAM 2

/* Averaged over several waits: the clock ticks are longer than the limit. */
static double
idle_wait_cpu_ms(enum bench_side side, unsigned seconds)
{
   static struct vk_sync_wait waits[FENCES];

   for (unsigned i = 0; i < FENCES; i++)
      waits[i] = (struct vk_sync_wait) {.sync = bench_sync(side, 0)};

   const double start = cpu_ms();
   for (unsigned i = 0; i < seconds; i++) {
      const uint64_t end_ns = os_time_get_absolute_timeout(1000000000);

      REQUIRE(vk_sync_wait_many(bench_device(side), FENCES, waits,
                                VK_SYNC_WAIT_ANY, end_ns) ==
              VK_TIMEOUT);
      REQUIRE((uint64_t)os_time_get_nano() >= end_ns);
   }
   return (cpu_ms() - start) / seconds;
}

/* One thread, for any of many private fences */
static void
wait_any(UNUSED intptr_t arg)
{
   const double ours = idle_wait_cpu_ms(BENCH_OURS, SECONDS_OURS);
   const double upstream = idle_wait_cpu_ms(BENCH_COMPARATOR,
                                            SECONDS_UPSTREAM);

   bench_report(NULL, bench_compare(ours, upstream), "ms CPU a second",
                BENCH_OURS_AT_MOST, 5);
}

#define IDLE 64
#define IDLE_MS 10000

/* Waits for what processes share, in which the parker has no part */
static void
blocked(UNUSED intptr_t arg)
{
   bench_gather_apart(IDLE);

   const double start = cpu_ms();
   Sleep(IDLE_MS);
   bench_report(NULL, bench_compare(cpu_ms() - start, NAN), "ms CPU in 10 s",
                BENCH_OURS_AT_MOST, 30);
   bench_dismiss();
}

#define SIGNALS 5000
#define SIGNAL_ROUNDS 101

/* Nobody waits for any of these. */
static double
signal_round(void *data)
{
   struct vk_sync *timeline = data;
   uint64_t value;

   REQUIRE(vk_sync_get_value(bench_device(BENCH_OURS), timeline, &value) ==
           VK_SUCCESS);
   const double start = bench_now_ns();
   for (unsigned i = 0; i < SIGNALS; i++)
      bench_signal(BENCH_OURS, timeline, ++value);
   return (bench_now_ns() - start) / SIGNALS;
}

static void
signal_waiters(UNUSED intptr_t arg)
{
   static const uint32_t sizes[] = {1, 10, 100, 1000};
   struct vk_sync *timelines[TEST_COUNT(sizes)];
   uint32_t waiters = 0;

   /* Of whose calls each is counted */
   bench_use_parker("keyed");
   bench_count_calls();
   for (unsigned i = 0; i < TEST_COUNT(sizes); i++) {
      timelines[i] = bench_sync(BENCH_OURS, VK_SYNC_IS_TIMELINE);
      bench_gather(timelines[i], sizes[i]);
      waiters += sizes[i];
   }
   while (bench_all_calls() < waiters)
      Sleep(10);
   /* From the call to being really blocked */
   Sleep(200);

   const uint32_t before = bench_calls.wakes;
   for (unsigned i = 1; i < TEST_COUNT(sizes); i++) {
      char detail[32];

      snprintf(detail, sizeof(detail), "%u", sizes[i]);
      bench_report(detail,
                   bench_alternate(SIGNAL_ROUNDS, signal_round, timelines[i],
                                   timelines[0]),
                   "ns", BENCH_RATIO_AT_MOST, 2.0);
   }
   bench_report("woken", bench_compare(bench_calls.wakes - before, NAN),
                "waiters", BENCH_OURS_EXACTLY, 0);
   bench_dismiss();
}

#define CROWD 100

static int
wait_until_later(int argc, char **argv)
{
   struct bench_orders orders;

   bench_peer_open(argc, argv, &orders);
   bench_gather(bench_shared_import(VK_SYNC_IS_TIMELINE, orders.handles[0]),
                CROWD);
   bench_join();
   return 0;
}

/* The waiters are another process's. */
static void
signal_beside(UNUSED intptr_t arg)
{
   bench_use_parker("keyed");

   struct vk_sync *alone = bench_shared_create(VK_SYNC_IS_TIMELINE);
   struct vk_sync *later = bench_shared_create(VK_SYNC_IS_TIMELINE);
   const struct bench_orders orders = {
      .handle_count = 1,
      .handles = {unit_export(bench_device(BENCH_OURS), later)},
   };
   struct child *peer = bench_peer_start("later", &orders);

   while (unit_armed(later) != CROWD)
      Sleep(10);

   bench_count_calls();
   const struct bench_result times =
      bench_alternate(SIGNAL_ROUNDS, signal_round, later, alone);
   bench_report("added", bench_compare(times.ours - times.comparator, NAN),
                "ns", BENCH_OURS_AT_MOST, 500);
   bench_report("transitions", bench_compare(bench_all_calls(), NAN), "calls",
                BENCH_OURS_EXACTLY, 0);

   bench_signal(BENCH_OURS, later, BENCH_LATER + CROWD);
   bench_report("rings", bench_compare(bench_calls.wakes, NAN),
                "calls for 100 waiters", BENCH_OURS_EXACTLY, CROWD);
   REQUIRE_U64(child_join(peer, 60000), 0);
}

const struct test_case test_cases[] = {
   {"wait-any-1024", wait_any, 0, BENCH_SECONDS},
   {"blocked-10s", blocked, 0, BENCH_SECONDS},
   {"signal-waiters", signal_waiters, 0, BENCH_SECONDS},
   {"signal-beside-keyed", signal_beside, 0, BENCH_SECONDS},
   {0},
};

const struct test_role test_roles[] = {
   {"later", wait_until_later},
   {0},
};

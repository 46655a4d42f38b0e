/* SPDX-License-Identifier: MIT */

/* What blocked threads cost: of CPU time, and whoever signals. */
#include "peer.h"
#include "runtime.h"

#include "util/os_time.h"

/* One thread, for any of many private fences -------------------------------- */

#define FENCES 1024
#define SECONDS_OURS 8
#define SECONDS_UPSTREAM 2

/* Averaged over several waits: the clock ticks are longer than the limit. */
static double
idle_wait_cpu_ms(enum bench_side side, unsigned seconds)
{
   static struct vk_sync_wait waits[FENCES];

   for (unsigned i = 0; i < FENCES; i++)
      waits[i] = (struct vk_sync_wait) {.sync = bench_fence(side)};

   const double start = bench_cpu_ms();
   for (unsigned i = 0; i < seconds; i++) {
      const uint64_t end_ns = os_time_get_absolute_timeout(1000000000);

      REQUIRE(vk_sync_wait_many(bench_device(side), FENCES, waits,
                                VK_SYNC_WAIT_ANY, end_ns) ==
              VK_TIMEOUT);
      REQUIRE((uint64_t)os_time_get_nano() >= end_ns);
   }
   return (bench_cpu_ms() - start) / seconds;
}

static void
wait_any(const struct bench_case *c)
{
   const double ours = idle_wait_cpu_ms(BENCH_OURS, SECONDS_OURS);
   const double upstream = idle_wait_cpu_ms(BENCH_COMPARATOR,
                                            SECONDS_UPSTREAM);

   bench_report(c, NULL, bench_compare(ours, upstream), "ms CPU a second",
                BENCH_OURS_AT_MOST, 5);
}

/* Many threads -------------------------------------------------------------- */

struct waiter {
   struct vk_sync *timeline;
   uint64_t target;
   struct test_thread *thread;
};

static struct waiter waiters[1111];
static uint32_t waiter_count;

static void
wait_for_target(void *data)
{
   const struct waiter *waiter = data;

   bench_wait(BENCH_OURS, waiter->timeline, waiter->target);
}

/* Further than any signal that is measured */
#define LATER (UINT64_C(1) << 40)

static void
gather(struct vk_sync *timeline, uint32_t size)
{
   for (uint32_t i = 0; i < size; i++) {
      struct waiter *waiter = &waiters[waiter_count++];

      *waiter = (struct waiter) {timeline, LATER + i};
      waiter->thread = test_thread_start(wait_for_target, waiter);
   }
}

static void
join_waiters(void)
{
   for (uint32_t i = 0; i < waiter_count; i++)
      test_thread_join(waiters[i].thread);
}

static void
dismiss_waiters(void)
{
   for (uint32_t i = 0; i < waiter_count; i++)
      bench_signal(BENCH_OURS, waiters[i].timeline, waiters[i].target);
   join_waiters();
}

#define IDLE 64
#define IDLE_MS 10000

/* Waits for what processes share, in which the parker has no part */
static void
blocked(const struct bench_case *c)
{
   for (uint32_t i = 0; i < IDLE; i++)
      gather(bench_shared_create(VK_SYNC_IS_TIMELINE), 1);
   for (uint32_t i = 0; i < IDLE; i++) {
      while (bench_shared_blocked(waiters[i].timeline) == 0)
         Sleep(1);
   }
   Sleep(20);

   const double start = bench_cpu_ms();
   Sleep(IDLE_MS);
   bench_report(c, NULL, bench_ours_alone(bench_cpu_ms() - start),
                "ms CPU in 10 s", BENCH_OURS_AT_MOST, 30);
   dismiss_waiters();
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
signal_waiters(const struct bench_case *c)
{
   static const uint32_t sizes[] = {1, 10, 100, 1000};
   struct vk_sync *timelines[TEST_COUNT(sizes)];

   for (unsigned i = 0; i < TEST_COUNT(sizes); i++)
      timelines[i] = bench_timeline(BENCH_OURS);
   bench_count_transitions();
   for (unsigned i = 0; i < TEST_COUNT(sizes); i++)
      gather(timelines[i], sizes[i]);
   while (bench_transition_total() < waiter_count)
      Sleep(10);
   /* From the call to being really blocked */
   Sleep(200);

   const uint32_t before = bench_wake_total();
   for (unsigned i = 1; i < TEST_COUNT(sizes); i++) {
      char detail[32];

      snprintf(detail, sizeof(detail), "%u", sizes[i]);
      bench_report(c, detail,
                   bench_alternate(SIGNAL_ROUNDS, signal_round, timelines[i],
                                   timelines[0]),
                   "ns", BENCH_RATIO_AT_MOST, 2.0);
   }
   bench_report(c, "woken", bench_ours_alone(bench_wake_total() - before),
                "waiters", BENCH_OURS_EXACTLY, 0);
   dismiss_waiters();
}

/* Of another process -------------------------------------------------------- */

#define CROWD 100

int
bench_later_peer(int argc, char **argv)
{
   struct bench_peer self = bench_peer_open(argc, argv);

   gather(bench_shared_import(VK_SYNC_IS_TIMELINE, self.handles[0]), CROWD);
   join_waiters();
   return bench_peer_end();
}

static void
signal_beside(const struct bench_case *c)
{
   struct vk_sync *alone = bench_shared_create(VK_SYNC_IS_TIMELINE);
   struct vk_sync *later = bench_shared_create(VK_SYNC_IS_TIMELINE);
   HANDLE handle = bench_shared_export(later);
   struct bench_peer peer = bench_peer_start("later", 0, &handle, 1);

   while (bench_shared_blocked(later) != CROWD)
      Sleep(10);

   bench_count_transitions();
   const struct bench_result times =
      bench_alternate(SIGNAL_ROUNDS, signal_round, later, alone);
   bench_report(c, NULL, times, "ns", BENCH_NO_LIMIT, 0);
   bench_report(c, "added", bench_ours_alone(times.ours - times.comparator),
                "ns", BENCH_OURS_AT_MOST, 500);
   bench_report(c, "transitions", bench_ours_alone(bench_transition_total()),
                "calls", BENCH_OURS_EXACTLY, 0);

   bench_signal(BENCH_OURS, later, LATER + CROWD);
   bench_report(c, "rings",
                bench_ours_alone(bench_transitions.semaphore_releases),
                "calls for 100 waiters", BENCH_OURS_EXACTLY, CROWD);
   bench_peer_join(&peer);
}

/* Keyed, of whose calls each is counted */
const struct bench_case bench_wait_cases[] = {
   {"wait-any-1024", NULL, wait_any},
   {"blocked-10s", NULL, blocked},
   {"signal-waiters", "keyed", signal_waiters},
   {"signal-beside-keyed", "keyed", signal_beside},
   {0},
};

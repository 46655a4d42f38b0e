/* SPDX-License-Identifier: MIT */

/* Many fences for one thread, and many threads for one timeline. */
#include "runtime.h"

#include <stdlib.h>

#include "util/os_time.h"

#define FENCES 1024
#define SECONDS_OURS 8
#define SECONDS_UPSTREAM 2

/* Averaged over several waits: the clock ticks are longer than the limit. */
static double
idle_wait_cpu_ms(enum bench_side side, unsigned seconds)
{
   static struct vk_sync *fences[FENCES];
   static struct vk_sync_wait waits[FENCES];

   for (unsigned i = 0; i < FENCES; i++) {
      fences[i] = bench_fence(side);
      waits[i] = (struct vk_sync_wait) {.sync = fences[i]};
   }

   const double start = bench_cpu_ms();
   for (unsigned i = 0; i < seconds; i++) {
      const uint64_t end_ns = os_time_get_absolute_timeout(1000000000);

      REQUIRE(vk_sync_wait_many(bench_device(side), FENCES, waits,
                                VK_SYNC_WAIT_ANY, end_ns) ==
              VK_TIMEOUT);
      REQUIRE((uint64_t)os_time_get_nano() >= end_ns);
   }
   const double cpu_ms = bench_cpu_ms() - start;

   for (unsigned i = 0; i < FENCES; i++)
      bench_sync_destroy(side, fences[i]);
   return cpu_ms / seconds;
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

/* Further than any signal here */
#define LATER (UINT64_C(1) << 40)

struct crowd {
   uint32_t size;
   struct vk_sync *timeline;
   uint64_t value;
   struct test_thread **threads;
   double *ns;
};

struct waiter {
   struct vk_sync *timeline;
   uint64_t target;
};

static void
wait_for_later(void *data)
{
   struct waiter *waiter = data;

   bench_wait(BENCH_OURS, waiter->timeline, waiter->target);
   free(waiter);
}

static void
gather(struct crowd *crowd, uint32_t rounds)
{
   crowd->timeline = bench_timeline(BENCH_OURS);
   crowd->threads = calloc(crowd->size, sizeof(struct test_thread *));
   crowd->ns = calloc(rounds, sizeof(double));
   REQUIRE(crowd->threads != NULL && crowd->ns != NULL);

   for (uint32_t i = 0; i < crowd->size; i++) {
      struct waiter *waiter = malloc(sizeof(*waiter));

      REQUIRE(waiter != NULL);
      *waiter = (struct waiter) {crowd->timeline, LATER + i};
      crowd->threads[i] = test_thread_start(wait_for_later, waiter);
   }
}

static void
dismiss(struct crowd *crowd)
{
   bench_signal(BENCH_OURS, crowd->timeline, LATER + crowd->size);
   for (uint32_t i = 0; i < crowd->size; i++)
      test_thread_join(crowd->threads[i]);
   bench_sync_destroy(BENCH_OURS, crowd->timeline);
   free(crowd->threads);
   free(crowd->ns);
}

static double
signal_round(struct crowd *crowd)
{
   enum { SIGNALS = 5000 };

   const double start = bench_now_ns();
   for (unsigned i = 0; i < SIGNALS; i++)
      bench_signal(BENCH_OURS, crowd->timeline, ++crowd->value);
   return (bench_now_ns() - start) / SIGNALS;
}

static void
report_crowd(const struct bench_case *c, struct crowd *crowd,
             const struct crowd *single, uint32_t count)
{
   char detail[32];

   snprintf(detail, sizeof(detail), "%u", crowd->size);
   bench_report(c, detail, bench_quotients(crowd->ns, single->ns, count), "ns",
                BENCH_RATIO_AT_MOST, 2.0);
}

static void
signal_waiters(const struct bench_case *c)
{
   enum { ROUNDS = 101 };
   struct crowd crowds[] = {{1}, {10}, {100}, {1000}};
   uint32_t size = 0;

   bench_device(BENCH_OURS);
   bench_count_transitions();
   for (unsigned i = 0; i < TEST_COUNT(crowds); i++) {
      gather(&crowds[i], ROUNDS);
      size += crowds[i].size;
   }
   while (bench_transition_total() < size)
      Sleep(10);
   /* From the call to being really blocked */
   Sleep(200);

   const uint32_t before = bench_wake_total();
   for (unsigned r = 0; r < ROUNDS; r++) {
      for (unsigned i = 0; i < TEST_COUNT(crowds); i++) {
         struct crowd *crowd =
            &crowds[r & 1 ? TEST_COUNT(crowds) - 1 - i : i];
         crowd->ns[r] = signal_round(crowd);
      }
   }
   const uint32_t woken = bench_wake_total() - before;

   for (unsigned i = 1; i < TEST_COUNT(crowds); i++)
      report_crowd(c, &crowds[i], &crowds[0], ROUNDS);
   bench_report(c, "woken", bench_ours_alone(woken), "waiters",
                BENCH_OURS_EXACTLY, 0);

   for (unsigned i = 0; i < TEST_COUNT(crowds); i++)
      dismiss(&crowds[i]);
}

/* Keyed, of whose calls each is counted */
const struct bench_case bench_wait_cases[] = {
   {"wait-any-1024", NULL, wait_any},
   {"signal-waiters", "keyed", signal_waiters},
   {0},
};

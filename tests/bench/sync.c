/* SPDX-License-Identifier: MIT */

/* What must never enter the kernel: one thread, nobody who waits. */
#include "runtime.h"

#include <math.h>

#define ROUNDS 101
#define OPERATIONS 5000

struct contender {
   enum bench_side side;
   /* NULL for a raw event */
   struct vk_sync *sync;
   uint64_t value;
};

static double
event_round(void)
{
   enum { EVENT_OPERATIONS = 200 };
   HANDLE event = CreateEventW(NULL, FALSE, FALSE, NULL);

   REQUIRE(event != NULL);
   const double start = bench_now_ns();
   for (unsigned i = 0; i < EVENT_OPERATIONS; i++) {
      SetEvent(event);
      WaitForSingleObject(event, INFINITE);
   }
   const double end = bench_now_ns();

   CloseHandle(event);
   return (end - start) / EVENT_OPERATIONS;
}

/* A fence is reset, and a timeline goes on. */
static double
sync_round(void *data)
{
   struct contender *contender = data;
   struct vk_device *device = bench_device(contender->side);
   struct vk_sync *sync = contender->sync;
   bool good = true;

   if (sync == NULL)
      return event_round();

   const bool timeline = sync->flags & VK_SYNC_IS_TIMELINE;
   const uint64_t timeout_ns = timeline ? UINT64_MAX : 0;
   const double start = bench_now_ns();
   for (unsigned i = 0; i < OPERATIONS; i++) {
      const uint64_t value = timeline ? ++contender->value : 0;
      uint64_t now = value;

      good &= vk_sync_signal(device, sync, value) == VK_SUCCESS;
      if (timeline)
         good &= vk_sync_get_value(device, sync, &now) == VK_SUCCESS;
      good &= now == value;
      good &= vk_sync_wait(device, sync, value, VK_SYNC_WAIT_COMPLETE,
                           timeout_ns) == VK_SUCCESS;
      if (!timeline)
         good &= vk_sync_reset(device, sync) == VK_SUCCESS;
   }
   const double end = bench_now_ns();

   REQUIRE(good);
   return (end - start) / OPERATIONS;
}

/* The limit is for the quotient. */
static void
uncontended(struct vk_sync *our_sync, struct vk_sync *comparator_sync,
            double limit)
{
   struct contender ours = {BENCH_OURS, our_sync};
   struct contender comparator = {BENCH_COMPARATOR, comparator_sync};

   bench_count_calls();
   bench_report(NULL, bench_alternate(ROUNDS, sync_round, &ours, &comparator),
                "ns", BENCH_RATIO_AT_MOST, limit);
   bench_report("transitions", bench_compare(bench_all_calls(), NAN), "calls",
                BENCH_OURS_EXACTLY, 0);
}

static void
private_uncontended(intptr_t flags)
{
   /* Of whose calls each would be counted */
   bench_use_parker("keyed");
   uncontended(bench_sync(BENCH_OURS, flags),
               bench_sync(BENCH_COMPARATOR, flags),
               flags & VK_SYNC_IS_TIMELINE ? 1.0 : 1.0 / 3.0);
}

static void
shared_uncontended(UNUSED intptr_t arg)
{
   uncontended(bench_shared_create(0), NULL, 0.01);
}

static double
create_round(void *data)
{
   const enum bench_side side = *(enum bench_side *)data;
   struct vk_device *device = bench_device(side);

   const double start = bench_now_ns();
   for (unsigned i = 0; i < OPERATIONS; i++)
      vk_sync_destroy(device, bench_sync(side, 0));
   const double end = bench_now_ns();

   return (end - start) / OPERATIONS;
}

static uint32_t
handles_of_fences(enum bench_side side)
{
   static struct vk_sync *fences[OPERATIONS];
   const uint32_t before = test_count_handles();

   for (unsigned i = 0; i < OPERATIONS; i++) {
      fences[i] = bench_sync(side, 0);
      bench_signal(side, fences[i], 0);
      bench_wait(side, fences[i], 0);
   }
   const uint32_t after = test_count_handles();

   for (unsigned i = 0; i < OPERATIONS; i++)
      vk_sync_destroy(bench_device(side), fences[i]);
   return after - before;
}

static void
create_destroy(UNUSED intptr_t arg)
{
   enum bench_side ours = BENCH_OURS, upstream = BENCH_COMPARATOR;

   /* There is always one in a device: the progress of its queue. */
   bench_sync(BENCH_OURS, VK_SYNC_IS_TIMELINE);
   bench_report(NULL, bench_alternate(ROUNDS, create_round, &ours, &upstream),
                "ns", BENCH_NO_SLOWER, 0);
   bench_report("kernel-objects",
                bench_compare(handles_of_fences(ours),
                              handles_of_fences(upstream)),
                "handles", BENCH_OURS_EXACTLY, 0);
}

const struct test_case test_cases[] = {
   {"fence-uncontended", private_uncontended, 0, BENCH_SECONDS},
   {"timeline-uncontended", private_uncontended, VK_SYNC_IS_TIMELINE,
    BENCH_SECONDS},
   {"shared-uncontended", shared_uncontended, 0, BENCH_SECONDS},
   {"create-destroy", create_destroy, 0, BENCH_SECONDS},
   {0},
};

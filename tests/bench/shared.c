/* SPDX-License-Identifier: MIT */

/* Payloads that processes share, against raw NT events. */
#include "share.h"

#include <stdio.h>

static void
reset(struct vk_sync *sync)
{
   BENCH_REQUIRE(vk_sync_reset(bench_device(BENCH_OURS), sync) == VK_SUCCESS);
}

/* What is signalled already --------------------------------------------- */

#define SIGNALLED_ROUNDS 51
#define OPERATIONS 2000
#define RAW_OPERATIONS 200

static double
shared_round(void *data)
{
   struct vk_sync *sync = *(struct vk_sync **)data;

   if (sync == NULL) {
      static HANDLE event;

      if (event == NULL)
         event = bench_event_create();
      const double start = bench_now_ns();
      for (unsigned i = 0; i < RAW_OPERATIONS; i++) {
         SetEvent(event);
         WaitForSingleObject(event, INFINITE);
      }
      return (bench_now_ns() - start) / RAW_OPERATIONS;
   }

   const double start = bench_now_ns();
   for (unsigned i = 0; i < OPERATIONS; i++) {
      bench_signal(BENCH_OURS, sync, 0);
      bench_wait(BENCH_OURS, sync, 0);
      reset(sync);
   }
   return (bench_now_ns() - start) / OPERATIONS;
}

static void
shared_uncontended(const struct bench_case *c)
{
   struct vk_sync *ours = bench_shared_create(VK_SYNC_WIN32_KIND_BINARY);
   struct vk_sync *raw = NULL;

   bench_count_transitions();
   bench_report(c, NULL,
                bench_alternate(SIGNALLED_ROUNDS, shared_round, &ours, &raw),
                "ns", BENCH_RATIO_AT_MOST, 0.01);
   bench_report(c, "transitions", bench_ours_alone(bench_transition_total()),
                "calls", BENCH_OURS_EXACTLY, 0);
   bench_sync_destroy(BENCH_OURS, ours);
}

/* Ping-pong of two processes -------------------------------------------- */

#define ROUNDS 101
#define WARM_UP 3
#define LAPS 100 /* of two hand-overs each */

/* Where both processes block: fences or events, [0] for the parent */
struct table {
   struct vk_sync *fences[2];
   HANDLE events[2];
};

/* Give the other process the time to block: else its partner's call to wake
 * it takes longer than the answer, and every other hand-over finds it awake.
 */
#define SETTLE_NS 100000

static void
hand_over(const struct table *table, unsigned to)
{
   const double end = bench_now_ns() + SETTLE_NS;

   while (bench_now_ns() < end)
      YieldProcessor();
   if (table->fences[to] != NULL)
      bench_signal(BENCH_OURS, table->fences[to], 0);
   else
      SetEvent(table->events[to]);
}

static void
take(const struct table *table, unsigned self)
{
   if (table->fences[self] != NULL) {
      bench_wait(BENCH_OURS, table->fences[self], 0);
      reset(table->fences[self]);
   } else {
      WaitForSingleObject(table->events[self], INFINITE);
   }
}

static void
peer_pingpong(struct bench_peer *self, const HANDLE *handles, uint32_t number)
{
   const struct table tables[2] = {
      {
         .fences = {
            bench_shared_import(VK_SYNC_WIN32_KIND_FENCE, handles[0]),
            bench_shared_import(VK_SYNC_WIN32_KIND_FENCE, handles[1]),
         },
      },
      {.events = {handles[2], handles[3]}},
   };

   (void)number;
   bench_pin(2, 2);
   bench_event_set(self->done);
   for (unsigned r = 0; r < ROUNDS + WARM_UP; r++) {
      for (unsigned side = 0; side < 2; side++) {
         const struct table *table = &tables[side ^ (r & 1)];

         for (unsigned i = 0; i < LAPS; i++) {
            take(table, 1);
            hand_over(table, 0);
         }
      }
   }
   for (unsigned i = 0; i < 2; i++)
      bench_sync_destroy(BENCH_OURS, tables[0].fences[i]);
}

static double
serve(const struct table *table)
{
   const double start = bench_now_ns();
   for (unsigned i = 0; i < LAPS; i++) {
      hand_over(table, 1);
      take(table, 0);
   }
   return (bench_now_ns() - start) / (2 * LAPS) - SETTLE_NS;
}

static void
pingpong_processes(const struct bench_case *c)
{
   const struct table tables[2] = {
      {
         .fences = {
            bench_shared_create(VK_SYNC_WIN32_KIND_FENCE),
            bench_shared_create(VK_SYNC_WIN32_KIND_FENCE),
         },
      },
      {.events = {bench_event_create(), bench_event_create()}},
   };
   const HANDLE handles[] = {
      bench_shared_export(tables[0].fences[0]),
      bench_shared_export(tables[0].fences[1]),
      tables[1].events[0], tables[1].events[1],
   };
   struct bench_peer peer = bench_peer_start("pingpong", 0, handles,
                                             BENCH_COUNT(handles));
   struct bench_rounds rounds;

   bench_event_wait(peer.done);
   bench_count_transitions();
   bench_pin(1, 1);
   bench_rounds_init(&rounds, ROUNDS);
   for (unsigned r = 0; r < ROUNDS + WARM_UP; r++) {
      double times[2];

      for (unsigned side = 0; side < 2; side++)
         times[side ^ (r & 1)] = serve(&tables[side ^ (r & 1)]);
      if (r >= WARM_UP)
         bench_rounds_add(&rounds, times[BENCH_OURS],
                          times[BENCH_COMPARATOR]);
   }
   bench_peer_join(&peer);

   const double laps = LAPS * (double)(ROUNDS + WARM_UP);
   bench_report(c, NULL, bench_rounds_finish(&rounds), "ns",
                BENCH_RATIO_AT_MOST, 1.10);
   bench_report(c, "rings",
                bench_ours_alone(bench_transitions.semaphore_releases / laps),
                "calls a hand-over", BENCH_OURS_AT_MOST, 1);
   bench_report(c, "waits",
                bench_ours_alone(bench_transitions.object_waits / laps),
                "calls a hand-over", BENCH_OURS_AT_MOST, 1.05);
   /* To open the bells of the peer, once */
   bench_report(c, "other-calls",
                bench_ours_alone(bench_transition_total() -
                                 bench_transitions.semaphore_releases -
                                 bench_transitions.object_waits),
                "calls", BENCH_OURS_AT_MOST, 2);
   bench_sync_destroy(BENCH_OURS, tables[0].fences[0]);
   bench_sync_destroy(BENCH_OURS, tables[0].fences[1]);
}

static const struct bench_peer_role roles[] = {
   {"pingpong", peer_pingpong},
   {0},
};

static const struct bench_case cases[] = {
   {"shared-uncontended", NULL, shared_uncontended},
   {"pingpong-processes", NULL, pingpong_processes},
   {0},
};

const struct bench_suite bench_shared_suite = {cases, roles};

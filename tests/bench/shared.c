/* SPDX-License-Identifier: MIT */

/* Payloads that processes share, against raw NT events. */
#include "pairs.h"
#include "raw.h"
#include "share.h"

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
         event = bench_event_create(false);
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
      bench_reset(BENCH_OURS, sync);
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

/* Give the other process the time to block: else its partner's call to wake
 * it takes longer than the answer, and every other hand-over finds it awake.
 */
static struct bench_match
get_match(void)
{
   static struct bench_seat seats[2][2];

   return (struct bench_match) {
      .means = {&bench_fence_means, &bench_event_means},
      .seats = {seats[BENCH_OURS], seats[BENCH_COMPARATOR]},
      .pairs = 1,
      .rounds = 101,
      .laps = 100,
      .settle_ns = 100000,
   };
}

int
bench_pingpong_peer(int argc, char **argv)
{
   struct bench_peer self = bench_peer_open(argc, argv);
   const struct bench_match match = get_match();

   bench_raw_init();
   for (unsigned i = 0; i < 2; i++) {
      match.seats[BENCH_OURS][i].sync =
         bench_shared_import(VK_SYNC_WIN32_KIND_FENCE, self.handles[i]);
      match.seats[BENCH_COMPARATOR][i].event = self.handles[2 + i];
   }
   bench_peer_tell(&self);
   bench_match_follow(&match);
   return bench_peer_end();
}

static void
pingpong_processes(const struct bench_case *c)
{
   const struct bench_match match = get_match();
   HANDLE handles[4];

   bench_raw_init();
   for (unsigned i = 0; i < 2; i++) {
      struct bench_seat *ours = &match.seats[BENCH_OURS][i];
      struct bench_seat *raw = &match.seats[BENCH_COMPARATOR][i];

      ours->sync = bench_shared_create(VK_SYNC_WIN32_KIND_FENCE);
      handles[i] = bench_shared_export(ours->sync);
      handles[2 + i] = raw->event = bench_event_create(false);
   }

   struct bench_peer peer = bench_peer_start("pingpong", 0, handles,
                                             TEST_COUNT(handles));
   bench_peer_hear(&peer);
   bench_count_transitions();
   bench_report(c, NULL, bench_match_lead(&match, false), "ns",
                BENCH_RATIO_AT_MOST, 1.10);
   bench_peer_join(&peer);

   const double laps = bench_match_hand_overs(&match);
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
}

const struct bench_case bench_shared_cases[] = {
   {"shared-uncontended", NULL, shared_uncontended},
   {"pingpong-processes", NULL, pingpong_processes},
   {0},
};

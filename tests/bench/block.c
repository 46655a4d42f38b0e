/* SPDX-License-Identifier: MIT */

/* Two threads wake each other in turn and block in between. */
#include "raw.h"
#include "runtime.h"

#define ROUNDS 151
#define WARM_UP 3
#define LAPS 100 /* of two hand-overs each */

/* Somewhere for either thread to block, and what to do about it */
struct court {
   void (*wake)(struct court *court, unsigned thread);
   void (*block)(struct court *court, unsigned thread);

   enum bench_side side;
   struct vk_sync *fences[2];
   uint32_t words[2];

   /* What of each hand-over is not to count */
   double settle_ns;

   /* Keyed events: how many hand-overs there have been, and how many waits
    * the partner has begun.
    */
   uint32_t hand_overs;
   uint32_t *waits;

   /* Of bare keyed events; NULL is forever */
   const LARGE_INTEGER *timeout;
};

/* A signal that finds its waiter still on the way to the kernel is cheap, and
 * not what is to be measured.  Where nothing tells that the partner is
 * blocked, give it that long to be.
 */
#define SETTLE_NS 20000

static void
settle(void)
{
   const double end = bench_now_ns() + SETTLE_NS;

   while (bench_now_ns() < end)
      YieldProcessor();
}

static void
fence_wake(struct court *court, unsigned thread)
{
   settle();
   bench_signal(court->side, court->fences[thread], 0);
}

static void
fence_block(struct court *court, unsigned thread)
{
   bench_wait(court->side, court->fences[thread], 0);
   BENCH_REQUIRE(vk_sync_reset(bench_device(court->side),
                               court->fences[thread]) == VK_SUCCESS);
}

/* With keyed events the partner can be seen calling NtWaitForKeyedEvent.  The
 * same for both contenders, since a raw release would block instead.
 */
static void
until_blocked(struct court *court)
{
   court->hand_overs++;
   while ((int32_t)(vk_sync_win32_load32(court->waits) -
                    court->hand_overs) < 0)
      YieldProcessor();
   settle();
}

static void
blocked_fence_wake(struct court *court, unsigned thread)
{
   until_blocked(court);
   bench_signal(court->side, court->fences[thread], 0);
}

static uint32_t raw_waits, raw_releases;

/* Counted as ours are, so as to differ in nothing else.  The key is an even
 * address of each thread's own.
 */
static void
raw_keyed_wake(struct court *court, unsigned thread)
{
   until_blocked(court);
   p_atomic_inc(&raw_releases);
   bench_raw.keyed_release(NULL, &court->words[thread], FALSE,
                           court->timeout);
}

static void
raw_keyed_block(struct court *court, unsigned thread)
{
   p_atomic_inc(&raw_waits);
   bench_raw.keyed_wait(NULL, &court->words[thread], FALSE, court->timeout);
}

static void
address_wake(struct court *court, unsigned thread)
{
   settle();
   vk_sync_win32_store32(&court->words[thread], 1);
   WakeByAddressSingle(&court->words[thread]);
}

static void
address_block(struct court *court, unsigned thread)
{
   uint32_t zero = 0;

   while (vk_sync_win32_load32(&court->words[thread]) == 0)
      WaitOnAddress(&court->words[thread], &zero, sizeof(zero), INFINITE);
   vk_sync_win32_store32(&court->words[thread], 0);
}

struct match {
   struct court *courts[2];
   struct bench_rounds rounds;
};

static void
make_fences(struct court *court)
{
   for (unsigned i = 0; i < 2; i++)
      court->fences[i] = bench_fence(court->side);
}

static struct court
settling_fences(enum bench_side side)
{
   struct court court = {
      .wake = fence_wake,
      .block = fence_block,
      .side = side,
      .settle_ns = SETTLE_NS,
   };

   make_fences(&court);
   return court;
}

static double
serve(struct court *court)
{
   const double start = bench_now_ns();
   for (unsigned i = 0; i < LAPS; i++) {
      court->wake(court, 1);
      court->block(court, 0);
   }
   return (bench_now_ns() - start) / (2 * LAPS) - court->settle_ns;
}

static DWORD WINAPI
partner(void *data)
{
   struct match *match = data;

   for (unsigned r = 0; r < ROUNDS + WARM_UP; r++) {
      for (unsigned side = 0; side < 2; side++) {
         struct court *court = match->courts[side ^ (r & 1)];

         for (unsigned i = 0; i < LAPS; i++) {
            court->block(court, 1);
            court->wake(court, 0);
         }
      }
   }
   return 0;
}

static struct bench_result
play(struct court *ours, struct court *comparator)
{
   struct match match = {.courts = {ours, comparator}};
   HANDLE thread = bench_thread_start(partner, &match);

   /* On one processor the partner would run before its waker had gone to
    * block, and every other hand-over would find nobody blocked.
    */
   bench_pin(1, 2);

   bench_rounds_init(&match.rounds, ROUNDS);
   for (unsigned r = 0; r < ROUNDS + WARM_UP; r++) {
      double times[2];

      for (unsigned side = 0; side < 2; side++)
         times[side ^ (r & 1)] = serve(match.courts[side ^ (r & 1)]);
      if (r >= WARM_UP)
         bench_rounds_add(&match.rounds, times[BENCH_OURS],
                          times[BENCH_COMPARATOR]);
   }
   bench_thread_join(thread);
   return bench_rounds_finish(&match.rounds);
}

static const double total_hand_overs = 2.0 * LAPS * (ROUNDS + WARM_UP);

static struct bench_result
play_keyed(const LARGE_INTEGER *timeout)
{
   struct court ours = {
      .wake = blocked_fence_wake,
      .block = fence_block,
      .side = BENCH_OURS,
      .hand_overs = bench_transitions.keyed_waits,
      .waits = &bench_transitions.keyed_waits,
      .settle_ns = SETTLE_NS,
   };
   struct court keyed = {
      .wake = raw_keyed_wake,
      .block = raw_keyed_block,
      .hand_overs = raw_waits,
      .waits = &raw_waits,
      .timeout = timeout,
      .settle_ns = SETTLE_NS,
   };

   make_fences(&ours);
   return play(&ours, &keyed);
}

/* Ours can end by themselves, each wait to look and each release lest it wait
 * for the dead; what that costs is shown by those that cannot.
 */
static void
pingpong_keyed(const struct bench_case *c)
{
   static const LARGE_INTEGER timeout = {.QuadPart = -1000000};

   bench_raw_init();
   bench_count_transitions();

   bench_report(c, NULL, play_keyed(&timeout), "ns", BENCH_RATIO_AT_MOST,
                1.05);
   bench_report(c, "waits",
                bench_compare(bench_transitions.keyed_waits /
                                 total_hand_overs,
                              raw_waits / total_hand_overs),
                "calls a hand-over", BENCH_OURS_EXACTLY, 1);
   bench_report(c, "releases",
                bench_compare(bench_transitions.keyed_releases /
                                 total_hand_overs,
                              raw_releases / total_hand_overs),
                "calls a hand-over", BENCH_OURS_EXACTLY, 1);
   bench_report(c, "other-calls",
                bench_ours_alone(bench_transition_total() -
                                 bench_transitions.keyed_waits -
                                 bench_transitions.keyed_releases),
                "calls", BENCH_OURS_EXACTLY, 0);
   bench_report(c, "endless", play_keyed(NULL), "ns", BENCH_NO_LIMIT, 0);
}

static void
pingpong_upstream(const struct bench_case *c)
{
   struct court ours = settling_fences(BENCH_OURS);
   struct court upstream = settling_fences(BENCH_COMPARATOR);

   bench_report(c, NULL, play(&ours, &upstream), "ns", BENCH_NO_SLOWER, 0);
}

static void
pingpong_futex(const struct bench_case *c)
{
   struct court ours = settling_fences(BENCH_OURS);
   struct court addresses = {
      .wake = address_wake,
      .block = address_block,
      .settle_ns = SETTLE_NS,
   };

   bench_report(c, NULL, play(&ours, &addresses), "ns", BENCH_NO_LIMIT, 0);
}

static const struct bench_case cases[] = {
   {"pingpong-keyed", "keyed", pingpong_keyed},
   {"pingpong-futex", "futex", pingpong_futex},
   {"pingpong", NULL, pingpong_upstream},
   {0},
};

const struct bench_suite bench_block_suite = {cases, NULL};

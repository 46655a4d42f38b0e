/* SPDX-License-Identifier: MIT */

/* Two threads wake each other in turn and block in between. */
#include "pairs.h"
#include "raw.h"

static struct bench_seat seats[2][2];

static struct bench_match
get_match(const struct bench_means *ours, const struct bench_means *comparator)
{
   for (unsigned i = 0; i < 2; i++) {
      for (enum bench_side side = BENCH_OURS; side <= BENCH_COMPARATOR; side++)
         seats[side][i] = (struct bench_seat) {
            .side = side,
            .sync = bench_fence(side),
         };
   }
   return (struct bench_match) {
      .means = {ours, comparator},
      .seats = {seats[BENCH_OURS], seats[BENCH_COMPARATOR]},
      .pairs = 1,
      .rounds = 151,
      .laps = 100,
      .settle_ns = 20000,
   };
}

/* With keyed events the partner can be seen calling NtWaitForKeyedEvent.  The
 * same for both contenders, since a raw release would block instead.
 */
static uint32_t raw_waits, raw_releases;
static uint32_t *const waits[] = {&bench_transitions.keyed_waits, &raw_waits};
static uint32_t hand_overs[2];

static void
await_wait(struct bench_seat *seat)
{
   hand_overs[seat->side]++;
   while ((int32_t)(vk_sync_win32_load32(waits[seat->side]) -
                    hand_overs[seat->side]) < 0)
      YieldProcessor();
}

/* Of bare keyed events.  Ours can end by themselves, each wait to look and each
 * release lest it wait for the dead.
 */
static const LARGE_INTEGER look = {.QuadPart = -1000000};

/* Counted as ours are, so as to differ in nothing else.  The key is an even
 * address of each thread's own.
 */
static void
raw_wake(struct bench_seat *seat, UNUSED uint64_t turn)
{
   p_atomic_inc(&raw_releases);
   NtReleaseKeyedEvent(NULL, &seat->word, FALSE, &look);
}

static void
raw_block(struct bench_seat *seat, UNUSED uint64_t turn)
{
   p_atomic_inc(&raw_waits);
   NtWaitForKeyedEvent(NULL, &seat->word, FALSE, &look);
}

static const struct bench_means raw_means = {raw_wake, raw_block, await_wait};

static void
pingpong_keyed(const struct bench_case *c)
{
   const struct bench_means fence_means = {
      bench_fence_means.wake, bench_fence_means.block, await_wait,
   };
   const struct bench_match match = get_match(&fence_means, &raw_means);
   const double total = 2.0 * bench_match_hand_overs(&match);

   bench_count_transitions();

   bench_report(c, NULL, bench_match_lead(&match, true), "ns",
                BENCH_RATIO_AT_MOST, 1.05);
   bench_report(c, "waits",
                bench_compare(bench_transitions.keyed_waits / total,
                              raw_waits / total),
                "calls a hand-over", BENCH_OURS_EXACTLY, 1);
   bench_report(c, "releases",
                bench_compare(bench_transitions.keyed_releases / total,
                              raw_releases / total),
                "calls a hand-over", BENCH_OURS_EXACTLY, 1);
   bench_report(c, "other-calls",
                bench_ours_alone(bench_transition_total() -
                                 bench_transitions.keyed_waits -
                                 bench_transitions.keyed_releases),
                "calls", BENCH_OURS_EXACTLY, 0);
}

/* With the default parker, the comparator is what there is upstream. */
static void
pingpong(const struct bench_case *c)
{
   const bool upstream = c->parker == NULL;
   const struct bench_match match =
      get_match(&bench_fence_means, upstream ? &bench_fence_means
                                             : &bench_address_means);

   bench_report(c, NULL, bench_match_lead(&match, true), "ns",
                upstream ? BENCH_NO_SLOWER : BENCH_NO_LIMIT, 0);
}

const struct bench_case bench_block_cases[] = {
   {"pingpong-keyed", "keyed", pingpong_keyed},
   {"pingpong-futex", "futex", pingpong},
   {"pingpong", NULL, pingpong},
   {0},
};

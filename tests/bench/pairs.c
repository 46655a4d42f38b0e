/* SPDX-License-Identifier: MIT */

/* Hand-overs between pairs of threads, of two processes or of one */
#include "pairs.h"
#include "peer.h"
#include "raw.h"

#define MOST_PAIRS 16
#define ROUNDS 41

static const uint32_t sizes[] = {1, 4, MOST_PAIRS};

/* Of two processes -------------------------------------------------------- */

/* What both processes know of a game, by its number */
struct game {
   enum vk_sync_flags flags;
   const struct bench_means *means;

   /* How many of the sizes there are */
   uint32_t count;
   double settle_ns;
};

static const struct game games[] = {
   /* Nothing tells either end that its partner is blocked yet, as in real
    * use.
    */
   {VK_SYNC_IS_TIMELINE, &bench_timeline_means, 3},
   {0, &bench_binary_means, 2},
   /* Give the other process the time to block: else its partner's call to wake
    * it takes longer than the answer, and every other hand-over finds it awake.
    */
   {VK_SYNC_IS_FENCE, &bench_fence_means, 1, 100000},
};

static struct bench_match
get_match(const struct game *game, uint32_t pairs)
{
   static struct bench_seat seats[2][2 * MOST_PAIRS];

   return (struct bench_match) {
      .means = {game->means, &bench_event_means},
      .seats = {seats[BENCH_OURS], seats[BENCH_COMPARATOR]},
      .pairs = pairs,
      .rounds = ROUNDS,
      .laps = pairs < 8 ? 200 / pairs : 25,
      .settle_ns = game->settle_ns,
   };
}

static uint32_t
most_seats(const struct game *game)
{
   return 2 * sizes[game->count - 1];
}

int
bench_pairs_peer(int argc, char **argv)
{
   struct bench_peer self = bench_peer_open(argc, argv);
   const struct game *game = &games[self.number];
   struct bench_match match = get_match(game, 1);

   for (uint32_t i = 0; i < most_seats(game); i++) {
      match.seats[BENCH_OURS][i].sync =
         bench_shared_import(game->flags, self.handles[2 * i]);
      match.seats[BENCH_COMPARATOR][i].event = self.handles[2 * i + 1];
   }

   for (uint32_t i = 0; i < game->count; i++) {
      match = get_match(game, sizes[i]);
      bench_peer_tell(&self);
      bench_match_follow(&match);
   }
   return bench_peer_end();
}

static void
sit_down(const struct game *game, HANDLE *handles)
{
   struct bench_match match = get_match(game, 1);

   for (uint32_t i = 0; i < most_seats(game); i++) {
      match.seats[BENCH_OURS][i].sync = bench_shared_create(game->flags);
      match.seats[BENCH_COMPARATOR][i].event = bench_event_create();
      handles[2 * i] =
         bench_shared_export(match.seats[BENCH_OURS][i].sync);
      handles[2 * i + 1] = match.seats[BENCH_COMPARATOR][i].event;
   }
}

/* `what` is NULL for the time.  Where one size is all there is, the row's name
 * does not have it.
 */
static void
report(const struct bench_case *c, uint32_t pairs, const char *what,
       struct bench_result result, const char *unit, enum bench_limit limit,
       double bound)
{
   char detail[32];

   if (games[c->number].count > 1) {
      snprintf(detail, sizeof(detail), "%u%s%s", pairs, what ? "-" : "",
               what ? what : "");
      what = detail;
   }
   bench_report(c, what, result, unit, limit, bound);
}

/* Each end blocks once and wakes once.  A thread that looks just as it is rung
 * finds the ring in its next wait, and has to wait again.
 */
static void
report_calls(const struct bench_case *c, const struct bench_match *match)
{
   const struct bench_transitions *t = &bench_transitions;
   const double hand_overs = bench_match_hand_overs(match);

   report(c, match->pairs, "waits",
          bench_ours_alone(t->object_waits / hand_overs),
          "calls a hand-over", BENCH_OURS_AT_MOST, 1.05);
   report(c, match->pairs, "rings",
          bench_ours_alone(t->semaphore_releases / hand_overs),
          "calls a hand-over", BENCH_OURS_AT_MOST, 1);
   /* To open the bells of the peer, once */
   report(c, match->pairs, "other-calls",
          bench_ours_alone(bench_transition_total() - t->object_waits -
                           t->semaphore_releases),
          "calls", BENCH_OURS_AT_MOST, 2 * match->pairs);
}

static void
pairs_of_processes(const struct bench_case *c)
{
   const struct game *game = &games[c->number];
   HANDLE handles[4 * MOST_PAIRS];

   bench_device(BENCH_OURS);
   bench_count_transitions();
   sit_down(game, handles);

   struct bench_peer peer = bench_peer_start("pairs", c->number, handles,
                                             2 * most_seats(game));
   for (uint32_t i = 0; i < game->count; i++) {
      const struct bench_match match = get_match(game, sizes[i]);

      bench_peer_hear(&peer);
      bench_transitions = (struct bench_transitions) {0};
      report(c, match.pairs, NULL, bench_match_lead(&match, false), "ns",
             BENCH_RATIO_AT_MOST, 1.10);
      report_calls(c, &match);
   }
   bench_peer_join(&peer);
}

/* Of one process ---------------------------------------------------------- */

/* With the default parker, the comparator is what there is upstream. */
static void
pairs_of_one(const struct bench_case *c)
{
   static struct bench_seat seats[2][2 * MOST_PAIRS];
   const bool upstream = c->parker == NULL;

   for (uint32_t i = 0; i < 2 * MOST_PAIRS; i++) {
      for (enum bench_side side = BENCH_OURS; side <= BENCH_COMPARATOR; side++)
         seats[side][i] = (struct bench_seat) {
            .side = side,
            .sync = bench_timeline(side),
         };
   }

   for (uint32_t i = 0; i < TEST_COUNT(sizes); i++) {
      const struct bench_match match = {
         .means = {
            &bench_timeline_means,
            upstream ? &bench_timeline_means : &bench_keyed_means,
         },
         .seats = {seats[BENCH_OURS], seats[BENCH_COMPARATOR]},
         .pairs = sizes[i],
         .rounds = ROUNDS,
         .laps = sizes[i] < 8 ? 400 / sizes[i] : 50,
      };
      char detail[32];

      snprintf(detail, sizeof(detail), "%u", match.pairs);
      bench_report(c, detail, bench_match_lead(&match, true), "ns",
                   upstream ? BENCH_NO_SLOWER : BENCH_RATIO_AT_MOST, 1.10);
   }
}

/* The parker has no part in waits for what processes share. */
const struct bench_case bench_pairs_cases[] = {
   {"pairs-processes-keyed", "keyed", pairs_of_processes, 0},
   {"pairs-binary-keyed", "keyed", pairs_of_processes, 1},
   {"pingpong-processes", NULL, pairs_of_processes, 2},
   {"pairs-private-keyed", "keyed", pairs_of_one},
   {"pairs-private-futex", "futex", pairs_of_one},
   {"pairs-private", NULL, pairs_of_one},
   {0},
};

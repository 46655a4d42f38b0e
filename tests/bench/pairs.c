/* SPDX-License-Identifier: MIT */

/* Hand-overs between pairs of threads, of two processes or of one: nothing
 * tells either that its partner is blocked yet, as in real use.
 */
#include "pairs.h"
#include "raw.h"
#include "share.h"

#define MOST_PAIRS 16
#define ROUNDS 41

static const uint32_t many_sizes[] = {1, 2, 4, 8, 16};
static const uint32_t few_sizes[] = {1, 4};
static const uint32_t private_sizes[] = {1, 4, 16};

/* Of two processes -------------------------------------------------------- */

/* What both processes know of a game, by its number */
struct game {
   enum vk_sync_win32_kind kind;
   const struct bench_means *means;
   const uint32_t *sizes;
   uint32_t count;
};

static const struct game games[] = {
   {VK_SYNC_WIN32_KIND_TIMELINE, &bench_timeline_means, many_sizes,
    TEST_COUNT(many_sizes)},
   {VK_SYNC_WIN32_KIND_BINARY, &bench_binary_means, few_sizes,
    TEST_COUNT(few_sizes)},
   {VK_SYNC_WIN32_KIND_FENCE, &bench_fence_means, few_sizes,
    TEST_COUNT(few_sizes)},
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
   };
}

static uint32_t
most_seats(const struct game *game)
{
   return 2 * game->sizes[game->count - 1];
}

int
bench_pairs_peer(int argc, char **argv)
{
   struct bench_peer self = bench_peer_open(argc, argv);
   const struct game *game = &games[self.number];
   struct bench_match match = get_match(game, 1);

   bench_raw_init();
   for (uint32_t i = 0; i < most_seats(game); i++) {
      match.seats[BENCH_OURS][i].sync =
         bench_shared_import(game->kind, self.handles[2 * i]);
      match.seats[BENCH_COMPARATOR][i].event = self.handles[2 * i + 1];
   }

   for (uint32_t i = 0; i < game->count; i++) {
      match = get_match(game, game->sizes[i]);
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
      match.seats[BENCH_OURS][i].sync = bench_shared_create(game->kind);
      match.seats[BENCH_COMPARATOR][i].event = bench_event_create(false);
      handles[2 * i] =
         bench_shared_export(match.seats[BENCH_OURS][i].sync);
      handles[2 * i + 1] = match.seats[BENCH_COMPARATOR][i].event;
   }
}

/* Each end blocks once and wakes once.  A thread that looks just as it is rung
 * finds the ring in its next wait, and has to wait again.
 */
static void
report_calls(const struct bench_case *c, const struct bench_match *match)
{
   const double hand_overs = bench_match_hand_overs(match);
   char detail[32];

   snprintf(detail, sizeof(detail), "%u-waits", match->pairs);
   bench_report(c, detail,
                bench_ours_alone(bench_transitions.object_waits / hand_overs),
                "calls a hand-over", BENCH_OURS_AT_MOST, 1.05);
   snprintf(detail, sizeof(detail), "%u-rings", match->pairs);
   bench_report(c, detail,
                bench_ours_alone(bench_transitions.semaphore_releases /
                                 hand_overs),
                "calls a hand-over", BENCH_OURS_AT_MOST, 1);
   snprintf(detail, sizeof(detail), "%u-other-calls", match->pairs);
   bench_report(c, detail,
                bench_ours_alone(bench_transition_total() -
                                 bench_transitions.object_waits -
                                 bench_transitions.semaphore_releases),
                "calls", BENCH_OURS_AT_MOST, 2 * match->pairs);
}

static void
pairs_of_processes(const struct bench_case *c)
{
   const struct game *game = &games[c->number];
   HANDLE handles[4 * MOST_PAIRS];

   bench_raw_init();
   bench_device(BENCH_OURS);
   bench_count_transitions();
   sit_down(game, handles);

   struct bench_peer peer = bench_peer_start("pairs", c->number, handles,
                                             2 * most_seats(game));
   for (uint32_t i = 0; i < game->count; i++) {
      const struct bench_match match = get_match(game, game->sizes[i]);
      char detail[32];

      bench_peer_hear(&peer);
      bench_transitions = (struct bench_transitions) {0};
      snprintf(detail, sizeof(detail), "%u", match.pairs);
      bench_report(c, detail, bench_match_lead(&match, false), "ns",
                   BENCH_RATIO_AT_MOST, 1.10);
      report_calls(c, &match);
   }
   bench_peer_join(&peer);
}

/* Of one process ---------------------------------------------------------- */

static void
pairs_of_one(const struct bench_case *c, const char *suffix,
             const struct bench_means *comparator, enum bench_limit limit,
             double bound)
{
   static struct bench_seat seats[2][2 * MOST_PAIRS];

   bench_raw_init();
   for (uint32_t i = 0; i < 2 * MOST_PAIRS; i++) {
      for (enum bench_side side = BENCH_OURS; side <= BENCH_COMPARATOR; side++)
         seats[side][i] = (struct bench_seat) {
            .side = side,
            .sync = bench_timeline(side),
         };
   }

   for (uint32_t i = 0; i < TEST_COUNT(private_sizes); i++) {
      const struct bench_match match = {
         .means = {&bench_timeline_means, comparator},
         .seats = {seats[BENCH_OURS], seats[BENCH_COMPARATOR]},
         .pairs = private_sizes[i],
         .rounds = ROUNDS,
         .laps = private_sizes[i] < 8 ? 400 / private_sizes[i] : 50,
      };
      char detail[32];

      snprintf(detail, sizeof(detail), "%u%s", match.pairs, suffix);
      bench_report(c, detail, bench_match_lead(&match, true), "ns", limit,
                   bound);
   }
}

static void
pairs_keyed(const struct bench_case *c)
{
   pairs_of_one(c, "", &bench_keyed_means, BENCH_RATIO_AT_MOST, 1.10);
}

static void
pairs_futex(const struct bench_case *c)
{
   pairs_of_one(c, "", &bench_keyed_means, BENCH_RATIO_AT_MOST, 1.10);

   /* Ours look without having been woken.  Waits that can end by themselves
    * are the same work; those that cannot show what that costs.
    */
   pairs_of_one(c, "-address", &bench_timed_address_means, BENCH_NO_LIMIT, 0);
   pairs_of_one(c, "-endless", &bench_address_means, BENCH_NO_LIMIT, 0);
}

static void
pairs_upstream(const struct bench_case *c)
{
   pairs_of_one(c, "", &bench_timeline_means, BENCH_NO_SLOWER, 0);
}

const struct bench_case bench_pairs_cases[] = {
   {"pairs-processes-keyed", "keyed", pairs_of_processes, 0},
   {"pairs-processes-futex", "futex", pairs_of_processes, 0},
   {"pairs-binary-keyed", "keyed", pairs_of_processes, 1},
   {"pairs-binary-futex", "futex", pairs_of_processes, 1},
   {"pairs-fence-keyed", "keyed", pairs_of_processes, 2},
   {"pairs-fence-futex", "futex", pairs_of_processes, 2},
   {"pairs-private-keyed", "keyed", pairs_keyed},
   {"pairs-private-futex", "futex", pairs_futex},
   {"pairs-private", NULL, pairs_upstream},
   {0},
};

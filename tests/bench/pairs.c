/* SPDX-License-Identifier: MIT */

/* Hand-overs between pairs of threads, of two processes or of one.  All begin a
 * round at once, and what is measured is the time until the last of them is
 * done with it.
 */
#include "runtime.h"

#include <math.h>

#define MOST_PAIRS 16

/* The bare NT primitives that we compare with, straight from ntdll */
LONG WINAPI NtSetEvent(HANDLE event, LONG *previous);
LONG WINAPI NtWaitForSingleObject(HANDLE object, BOOLEAN alertable,
                                  LARGE_INTEGER *timeout);
LONG WINAPI NtWaitForKeyedEvent(HANDLE event, void *key, BOOLEAN alertable,
                                const LARGE_INTEGER *timeout);
LONG WINAPI NtReleaseKeyedEvent(HANDLE event, void *key, BOOLEAN alertable,
                                const LARGE_INTEGER *timeout);

/* Where one thread blocks and its partner wakes it; on lines of its own */
struct seat {
   enum bench_side side;
   struct vk_sync *sync;
   HANDLE event;

   /* Of the thread that sits there: how often it has been woken */
   uint64_t turn;
   uint8_t pad0[64];

   /* The key of a keyed event */
   uint32_t key;
   uint8_t pad1[64];
};

/* Two for each pair.  Another process has seats of its own for the same
 * objects.
 */
static struct seat seats[2][2 * MOST_PAIRS];

/* Ways to block and to wake ------------------------------------------------ */

/* `turn` counts from 1 at each seat. */
struct means {
   void (*wake)(struct seat *seat, uint64_t turn);
   void (*block)(struct seat *seat, uint64_t turn);
};

static void
sync_wake(struct seat *seat, uint64_t turn)
{
   bench_signal(seat->side, seat->sync, turn);
}

static void
timeline_block(struct seat *seat, uint64_t turn)
{
   bench_wait(seat->side, seat->sync, turn);
}

static const struct means timeline_means = {sync_wake, timeline_block};

/* As a queue does it: a temporary takes the ticket at vkQueueSubmit(), and the
 * thread that executes the submit waits for it.
 */
static void
binary_block(struct seat *seat, UNUSED uint64_t turn)
{
   struct vk_device *device = bench_device(seat->side);
   struct vk_sync *temporary = bench_sync(seat->side, 0);

   REQUIRE(vk_sync_move(device, temporary, seat->sync) == VK_SUCCESS);
   bench_wait(seat->side, temporary, 0);
   vk_sync_destroy(device, temporary);
}

static const struct means binary_means = {sync_wake, binary_block};

static void
fence_block(struct seat *seat, UNUSED uint64_t turn)
{
   bench_wait(seat->side, seat->sync, 0);
   REQUIRE(vk_sync_reset(bench_device(seat->side), seat->sync) == VK_SUCCESS);
}

static const struct means fence_means = {sync_wake, fence_block};

static void
event_wake(struct seat *seat, UNUSED uint64_t turn)
{
   NtSetEvent(seat->event, NULL);
}

static void
event_block(struct seat *seat, UNUSED uint64_t turn)
{
   NtWaitForSingleObject(seat->event, FALSE, NULL);
}

static const struct means event_means = {event_wake, event_block};

/* Ours can end by themselves, each wait to look and each release lest it wait
 * for the dead.
 */
static const LARGE_INTEGER look = {.QuadPart = -1000000};

static void
keyed_wake(struct seat *seat, UNUSED uint64_t turn)
{
   while (NtReleaseKeyedEvent(NULL, &seat->key, FALSE, &look) != 0)
      ;
}

static void
keyed_block(struct seat *seat, UNUSED uint64_t turn)
{
   while (NtWaitForKeyedEvent(NULL, &seat->key, FALSE, &look) != 0)
      ;
}

static const struct means keyed_means = {keyed_wake, keyed_block};

/* Games -------------------------------------------------------------------- */

/* What both processes know of a game, by its number */
struct game {
   const char *parker;
   bool two_processes;
   enum vk_sync_flags flags;
   const struct means *means[2];

   enum bench_limit limit;
   double bound;

   /* How many of the sizes there are */
   uint32_t count;

   /* A signal that finds its waiter still on the way to the kernel is cheap.
    * If that is not to be measured, either end gives the other one time to
    * block, and has a processor of its own.
    */
   bool settles;

   /* Those in either process that wait for something else meanwhile */
   uint32_t bystanders;

   bool counts_calls;
};

static const uint32_t sizes[] = {1, 4, MOST_PAIRS};

/* The parker has no part in waits for what processes share. */
static const struct game games[] = {
   {"keyed", true, VK_SYNC_IS_TIMELINE, {&timeline_means, &event_means},
    BENCH_RATIO_AT_MOST, 1.10, 3, .counts_calls = true},
   {"keyed", true, 0, {&binary_means, &event_means},
    BENCH_RATIO_AT_MOST, 1.10, 2, .counts_calls = true},
   {"keyed", true, VK_SYNC_IS_FENCE, {&fence_means, &event_means},
    BENCH_RATIO_AT_MOST, 1.10, 1, .settles = true, .counts_calls = true},
   {"keyed", true, VK_SYNC_IS_TIMELINE, {&timeline_means, &event_means},
    BENCH_RATIO_AT_MOST, 1.10, 1, .bystanders = 64},
   {"keyed", false, VK_SYNC_IS_TIMELINE, {&timeline_means, &keyed_means},
    BENCH_RATIO_AT_MOST, 1.10, 3, .counts_calls = true},
   {"futex", false, VK_SYNC_IS_TIMELINE, {&timeline_means, &keyed_means},
    BENCH_RATIO_AT_MOST, 1.10, 3},
   {"keyed", false, 0, {&fence_means, &keyed_means},
    BENCH_RATIO_AT_MOST, 1.05, 1, .settles = true, .counts_calls = true},
   /* With the default parker, the comparator is what there is upstream. */
   {NULL, false, VK_SYNC_IS_TIMELINE, {&timeline_means, &timeline_means},
    BENCH_NO_SLOWER, 0, 3},
   {NULL, false, 0, {&fence_means, &fence_means},
    BENCH_NO_SLOWER, 0, 1, .settles = true},
};

/* Else the other end's call that has woken this one takes longer than the
 * answer, and every other hand-over finds it awake.
 */
#define SETTLE_NS 100000.0

/* One of the sizes of a game */
struct match {
   const struct game *game;
   uint32_t pairs;
   uint32_t rounds;
   /* A round has so many for each pair, of two hand-overs each. */
   uint32_t laps;

   /* A semaphore that lets the threads of end 0 into a round */
   HANDLE gate;
   /* Set by the last of them */
   HANDLE finished;
   uint32_t playing;
};

static struct match
get_match(const struct game *game, uint32_t pairs)
{
   return (struct match) {
      .game = game,
      .pairs = pairs,
      .rounds = game->settles ? 151 : 41,
      .laps = game->settles ? 100 : 400 / pairs,
   };
}

struct player {
   struct match *match;
   uint32_t pair;
   uint32_t end;
   struct test_thread *thread;
};

static void
wake(const struct game *game, const struct means *means, struct seat *seat,
     uint64_t turn)
{
   if (game->settles) {
      const double end = bench_now_ns() + SETTLE_NS;

      while (bench_now_ns() < end)
         YieldProcessor();
   }
   means->wake(seat, turn);
}

static void
play_round(const struct player *player, unsigned side)
{
   struct match *match = player->match;
   const struct game *game = match->game;
   const struct means *means = game->means[side];
   struct seat *mine = &seats[side][2 * player->pair + player->end];
   struct seat *theirs = &seats[side][2 * player->pair + !player->end];
   const bool begins = player->end == 0;

   if (begins)
      WaitForSingleObject(match->gate, INFINITE);
   for (uint32_t i = 0; i < match->laps; i++) {
      mine->turn++;
      if (begins)
         wake(game, means, theirs, mine->turn);
      means->block(mine, mine->turn);
      if (!begins)
         wake(game, means, theirs, mine->turn);
   }
   if (begins && p_atomic_dec_zero(&match->playing))
      SetEvent(match->finished);
}

static void
play(void *data)
{
   const struct player *player = data;

   if (player->match->game->settles)
      SetThreadAffinityMask(GetCurrentThread(), (DWORD_PTR)1 << player->end);
   /* In the order of bench_alternate() */
   for (uint32_t r = 0; r < BENCH_WARM_UP + player->match->rounds; r++) {
      play_round(player, r & 1);
      play_round(player, !(r & 1));
   }
}

static void
start_players(struct match *match, uint32_t end, struct player *players)
{
   for (uint32_t i = 0; i < match->pairs; i++) {
      players[i] = (struct player) {match, i, end};
      players[i].thread = test_thread_start(play, &players[i]);
   }
}

static void
join_players(const struct match *match, struct player *players)
{
   for (uint32_t i = 0; i < match->pairs; i++)
      test_thread_join(players[i].thread);
}

static double
time_round(void *data)
{
   struct match *match = data;

   match->playing = match->pairs;

   const double start = bench_now_ns();
   ReleaseSemaphore(match->gate, match->pairs, NULL);
   WaitForSingleObject(match->finished, INFINITE);
   return (bench_now_ns() - start) / (2.0 * match->laps * match->pairs) -
          (match->game->settles ? SETTLE_NS : 0.0);
}

static HANDLE
create_event(void)
{
   HANDLE event = CreateEventW(NULL, FALSE, FALSE, NULL);

   REQUIRE(event != NULL);
   return test_own_handle(event);
}

/* Plays the part of end 0, and of end 1 if that is in this process, too. */
static struct bench_result
lead(struct match *match)
{
   struct player players[2][MOST_PAIRS];
   const unsigned ends = match->game->two_processes ? 1 : 2;
   struct bench_result result;

   match->gate = CreateSemaphoreW(NULL, 0, match->pairs, NULL);
   REQUIRE(match->gate != NULL);
   test_own_handle(match->gate);
   match->finished = create_event();
   for (unsigned end = 0; end < ends; end++)
      start_players(match, end, players[end]);
   result = bench_alternate(match->rounds, time_round, match, match);
   for (unsigned end = 0; end < ends; end++)
      join_players(match, players[end]);
   return result;
}

static uint32_t
most_seats(const struct game *game)
{
   return 2 * sizes[game->count - 1];
}

static int
follow(int argc, char **argv)
{
   struct bench_orders orders;
   struct child_link link = bench_peer_open(argc, argv, &orders);
   const struct game *game = &games[orders.number];
   struct player players[MOST_PAIRS];

   for (uint32_t i = 0; i < most_seats(game); i++) {
      seats[BENCH_OURS][i].sync =
         bench_shared_import(game->flags, orders.handles[2 * i]);
      seats[BENCH_COMPARATOR][i].event = orders.handles[2 * i + 1];
   }
   bench_gather_apart(game->bystanders);

   for (uint32_t i = 0; i < game->count; i++) {
      struct match match = get_match(game, sizes[i]);

      REQUIRE(child_link_send(&link, "", 1));
      start_players(&match, 1, players);
      join_players(&match, players);
   }
   return 0;
}

static void
sit_down(const struct game *game, uint32_t i)
{
   for (enum bench_side side = BENCH_OURS; side <= BENCH_COMPARATOR; side++)
      seats[side][i] = (struct seat) {
         .side = side,
         .sync = bench_sync(side, game->flags),
      };
}

static void
sit_down_shared(const struct game *game, uint32_t i, HANDLE handles[2])
{
   struct vk_sync *sync = bench_shared_create(game->flags);

   seats[BENCH_OURS][i].sync = sync;
   seats[BENCH_COMPARATOR][i].event = create_event();
   handles[0] = unit_export(bench_device(BENCH_OURS), sync);
   handles[1] = seats[BENCH_COMPARATOR][i].event;
}

/* `what` is NULL for the time.  Where one size is all there is, the row's name
 * does not have it.
 */
static void
report(const struct match *match, const char *what, struct bench_result result,
       const char *unit, enum bench_limit limit, double bound)
{
   char detail[32];

   if (match->game->count > 1) {
      snprintf(detail, sizeof(detail), "%u%s%s", match->pairs, what ? "-" : "",
               what ? what : "");
      what = detail;
   }
   bench_report(what, result, unit, limit, bound);
}

/* Each end that is here blocks once and wakes once.  A thread that looks just
 * as it is rung finds the ring in its next wait, and has to wait again.
 */
static void
report_calls(const struct match *match)
{
   const bool two_processes = match->game->two_processes;
   const double hand_overs = (two_processes ? 1.0 : 2.0) * match->pairs *
                             match->laps * (match->rounds + BENCH_WARM_UP);

   report(match, "waits", bench_compare(bench_calls.waits / hand_overs, NAN),
          "calls a hand-over", BENCH_OURS_AT_MOST, 1.05);
   report(match, "wakes", bench_compare(bench_calls.wakes / hand_overs, NAN),
          "calls a hand-over", BENCH_OURS_AT_MOST, 1);
   /* To open the bells of the peer, once */
   report(match, "other-calls", bench_compare(bench_calls.others, NAN),
          "calls", BENCH_OURS_AT_MOST, two_processes ? 2 * match->pairs : 0);
}

static void
pairs(intptr_t number)
{
   const struct game *game = &games[number];
   struct bench_orders orders = {number, 2 * most_seats(game)};
   struct child *peer = NULL;
   char ready;

   bench_use_parker(game->parker);
   for (uint32_t i = 0; i < most_seats(game); i++) {
      if (game->two_processes)
         sit_down_shared(game, i, &orders.handles[2 * i]);
      else
         sit_down(game, i);
   }
   if (game->counts_calls)
      bench_count_calls();
   if (game->two_processes)
      peer = bench_peer_start("pairs", &orders);
   bench_gather_apart(game->bystanders);

   for (uint32_t i = 0; i < game->count; i++) {
      struct match match = get_match(game, sizes[i]);

      if (game->two_processes)
         REQUIRE(child_receive(peer, &ready, 1));
      bench_calls = (struct bench_calls) {0};
      report(&match, NULL, lead(&match), "ns", game->limit, game->bound);
      if (game->counts_calls)
         report_calls(&match);
   }
   if (game->two_processes)
      REQUIRE_U64(child_join(peer, 60000), 0);
   bench_dismiss();
}

const struct test_case test_cases[] = {
   {"pairs-processes-keyed", pairs, 0, BENCH_SECONDS},
   {"pairs-binary-keyed", pairs, 1, BENCH_SECONDS},
   {"pingpong-processes", pairs, 2, BENCH_SECONDS},
   {"pairs-beside-keyed", pairs, 3, BENCH_SECONDS},
   {"pairs-private-keyed", pairs, 4, BENCH_SECONDS},
   {"pairs-private-futex", pairs, 5, BENCH_SECONDS},
   {"pingpong-keyed", pairs, 6, BENCH_SECONDS},
   {"pairs-private", pairs, 7, BENCH_SECONDS},
   {"pingpong", pairs, 8, BENCH_SECONDS},
   {0},
};

const struct test_role test_roles[] = {
   {"pairs", follow},
   {0},
};

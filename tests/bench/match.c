/* SPDX-License-Identifier: MIT */

/* Threads that all begin a round at once, and the time until the last of them
 * is done with it.
 */
#include "pairs.h"
#include "peer.h"

#include <stdlib.h>

#include "util/u_atomic.h"

/* A field of its own for each run of a match */
struct ground {
   const struct bench_match *match;

   /* A semaphore that lets the threads of end 0 into a round */
   HANDLE gate;
   /* Set by the last of them */
   HANDLE finished;
   uint32_t playing;
};

struct player {
   struct ground *ground;
   uint32_t pair;
   uint32_t end;
};

static void
wake(const struct bench_match *match, const struct bench_means *means,
     struct bench_seat *seat, uint64_t turn)
{
   if (means->await != NULL)
      means->await(seat);
   if (match->settle_ns > 0.0) {
      const double end = bench_now_ns() + match->settle_ns;

      while (bench_now_ns() < end)
         YieldProcessor();
   }
   means->wake(seat, turn);
}

static void
play_laps(const struct bench_match *match, unsigned side,
          const struct player *player)
{
   const struct bench_means *means = match->means[side];
   struct bench_seat *seats = &match->seats[side][2 * player->pair];
   struct bench_seat *mine = &seats[player->end];
   struct bench_seat *theirs = &seats[!player->end];

   for (uint32_t i = 0; i < match->laps; i++) {
      mine->turn++;
      if (player->end == 0) {
         wake(match, means, theirs, mine->turn);
         means->block(mine, mine->turn);
      } else {
         means->block(mine, mine->turn);
         wake(match, means, theirs, mine->turn);
      }
   }
}

static void
play_round(struct player *player, unsigned side)
{
   struct ground *ground = player->ground;

   if (player->end == 0)
      WaitForSingleObject(ground->gate, INFINITE);
   play_laps(ground->match, side, player);
   if (player->end == 0 && p_atomic_dec_zero(&ground->playing))
      SetEvent(ground->finished);
}

static void
play(void *data)
{
   struct player *player = data;

   if (player->ground->match->settle_ns > 0.0)
      SetThreadAffinityMask(GetCurrentThread(), (DWORD_PTR)1 << player->end);
   /* In the order of bench_alternate() */
   for (uint32_t r = 0; r < player->ground->match->rounds + BENCH_WARM_UP; r++) {
      play_round(player, r & 1);
      play_round(player, !(r & 1));
   }
   free(player);
}

static void
start_players(struct ground *ground, uint32_t end,
              struct test_thread **threads)
{
   for (uint32_t i = 0; i < ground->match->pairs; i++) {
      struct player *player = malloc(sizeof(*player));

      REQUIRE(player != NULL);
      *player = (struct player) {ground, i, end};
      threads[i] = test_thread_start(play, player);
   }
}

static void
join_players(struct test_thread **threads, uint32_t count)
{
   for (uint32_t i = 0; i < count; i++)
      test_thread_join(threads[i]);
}

static double
time_round(void *data)
{
   struct ground *ground = data;
   const struct bench_match *match = ground->match;

   ground->playing = match->pairs;

   const double start = bench_now_ns();
   ReleaseSemaphore(ground->gate, match->pairs, NULL);
   WaitForSingleObject(ground->finished, INFINITE);
   return (bench_now_ns() - start) / (2.0 * match->laps * match->pairs) -
          match->settle_ns;
}

struct bench_result
bench_match_lead(const struct bench_match *match, bool both)
{
   struct ground ground = {
      .match = match,
      .gate = CreateSemaphoreW(NULL, 0, match->pairs, NULL),
      .finished = bench_event_create(),
   };
   struct test_thread **threads = calloc(2 * match->pairs, sizeof(*threads));
   struct bench_result result;

   REQUIRE(ground.gate != NULL && threads != NULL);
   start_players(&ground, 0, threads);
   if (both)
      start_players(&ground, 1, &threads[match->pairs]);
   result = bench_alternate(match->rounds, time_round, &ground, &ground);
   join_players(threads, both ? 2 * match->pairs : match->pairs);
   free(threads);
   CloseHandle(ground.gate);
   CloseHandle(ground.finished);
   return result;
}

void
bench_match_follow(const struct bench_match *match)
{
   struct ground ground = {.match = match};
   struct test_thread **threads = calloc(match->pairs, sizeof(*threads));

   REQUIRE(threads != NULL);
   start_players(&ground, 1, threads);
   join_players(threads, match->pairs);
   free(threads);
}

double
bench_match_hand_overs(const struct bench_match *match)
{
   return (double)match->pairs * match->laps * (match->rounds + BENCH_WARM_UP);
}

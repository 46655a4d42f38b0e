/* SPDX-License-Identifier: MIT */

/* Threads that all begin a round at once, and the time until the last of them
 * is done with it.
 */
#include "pairs.h"

#include <stdlib.h>

#include "util/u_atomic.h"

#define WARM_UP 2

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
lead_laps(const struct bench_means *means, struct bench_seat *mine,
          struct bench_seat *theirs, uint32_t laps)
{
   uint64_t turn = mine->turn;

   for (uint32_t i = 0; i < laps; i++) {
      turn++;
      means->wake(theirs, turn);
      means->block(mine, turn);
   }
   mine->turn = turn;
}

static void
follow_laps(const struct bench_means *means, struct bench_seat *mine,
            struct bench_seat *theirs, uint32_t laps)
{
   uint64_t turn = mine->turn;

   for (uint32_t i = 0; i < laps; i++) {
      turn++;
      means->block(mine, turn);
      means->wake(theirs, turn);
   }
   mine->turn = turn;
}

static void
play_round(struct player *player, unsigned side)
{
   struct ground *ground = player->ground;
   const struct bench_match *match = ground->match;
   const struct bench_means *means = match->means[side];
   struct bench_seat *seats = &match->seats[side][2 * player->pair];

   if (player->end == 1) {
      follow_laps(means, &seats[1], &seats[0], match->laps);
      return;
   }

   WaitForSingleObject(ground->gate, INFINITE);
   lead_laps(means, &seats[0], &seats[1], match->laps);
   if (p_atomic_dec_zero(&ground->playing))
      SetEvent(ground->finished);
}

static DWORD WINAPI
play(void *data)
{
   struct player *player = data;

   /* Neither is always the one that comes second. */
   for (uint32_t r = 0; r < player->ground->match->rounds + WARM_UP; r++) {
      play_round(player, r & 1);
      play_round(player, !(r & 1));
   }
   free(player);
   return 0;
}

static void
start_players(struct ground *ground, uint32_t end, HANDLE *threads)
{
   for (uint32_t i = 0; i < ground->match->pairs; i++) {
      struct player *player = malloc(sizeof(*player));

      BENCH_REQUIRE(player != NULL);
      *player = (struct player) {ground, i, end};
      threads[i] = bench_thread_start(play, player);
   }
}

static void
join_players(HANDLE *threads, uint32_t count)
{
   for (uint32_t i = 0; i < count; i++)
      bench_thread_join(threads[i]);
}

static double
time_round(struct ground *ground)
{
   const struct bench_match *match = ground->match;

   ground->playing = match->pairs;

   const double start = bench_now_ns();
   ReleaseSemaphore(ground->gate, match->pairs, NULL);
   WaitForSingleObject(ground->finished, INFINITE);
   return (bench_now_ns() - start) / (2.0 * match->laps * match->pairs);
}

struct bench_result
bench_match_lead(const struct bench_match *match, bool both)
{
   struct ground ground = {
      .match = match,
      .gate = CreateSemaphoreW(NULL, 0, match->pairs, NULL),
      .finished = CreateEventW(NULL, FALSE, FALSE, NULL),
   };
   HANDLE *threads = calloc(2 * match->pairs, sizeof(HANDLE));
   struct bench_rounds rounds;

   BENCH_REQUIRE(ground.gate != NULL && ground.finished != NULL &&
                 threads != NULL);
   start_players(&ground, 0, threads);
   if (both)
      start_players(&ground, 1, &threads[match->pairs]);

   bench_rounds_init(&rounds, match->rounds);
   for (uint32_t r = 0; r < match->rounds + WARM_UP; r++) {
      double ns[2];

      for (unsigned i = 0; i < 2; i++)
         ns[i ^ (r & 1)] = time_round(&ground);
      if (r >= WARM_UP)
         bench_rounds_add(&rounds, ns[BENCH_OURS], ns[BENCH_COMPARATOR]);
   }

   join_players(threads, both ? 2 * match->pairs : match->pairs);
   free(threads);
   CloseHandle(ground.gate);
   CloseHandle(ground.finished);
   return bench_rounds_finish(&rounds);
}

void
bench_match_follow(const struct bench_match *match)
{
   struct ground ground = {.match = match};
   HANDLE *threads = calloc(match->pairs, sizeof(HANDLE));

   BENCH_REQUIRE(threads != NULL);
   start_players(&ground, 1, threads);
   join_players(threads, match->pairs);
   free(threads);
}

double
bench_match_hand_overs(const struct bench_match *match)
{
   return (double)match->pairs * match->laps * (match->rounds + WARM_UP);
}

/* SPDX-License-Identifier: MIT */
#include "soak.h"

#include "util/macros.h"

struct worker {
   uint32_t index;
   struct soak_worker *shared;
   /* Decisions of this worker alone, and those that all take alike */
   uint64_t random, common;
   /* How far the neighbours were when last seen */
   uint64_t seen[SOAK_NEIGHBOURS];
   /* How often it has met all others */
   uint32_t met;
};

static uint32_t
below(uint64_t *random, uint32_t limit)
{
   return (uint32_t)((test_next_random(random) >> 32) * limit >> 32);
}

/* Any two blocks differ. */
void
soak_block_write(struct soak_block *block, uint64_t author, uint64_t number)
{
   uint64_t random = author << 48 ^ number;

   block->number = number;
   for (unsigned i = 0; i < SOAK_WORDS; i++)
      block->words[i] = test_next_random(&random);
}

/* Ends the process if it is not what the author has written. */
static void
check_block(const struct soak_block *block, uint64_t author, uint64_t number)
{
   struct soak_block wanted;

   soak_block_write(&wanted, author, number);
   REQUIRE_U64(block->number, number);
   for (unsigned i = 0; i < SOAK_WORDS; i++)
      REQUIRE_U64(block->words[i], wanted.words[i]);
}

static void
signal_one(struct worker *w, struct vk_sync *sync, uint64_t value)
{
   REQUIRE_OK(vk_sync_signal(soak.device, sync, value));
   vk_sync_win32_store64(&w->shared->operations, w->shared->operations + 1);
}

static void
wait_many(struct worker *w, enum soak_wait what, uint32_t count,
          const struct vk_sync_wait *waits)
{
   vk_sync_win32_store64(&w->shared->waiting_target, waits[0].wait_value);
   vk_sync_win32_store32(&w->shared->waiting_for, what);
   REQUIRE_OK(vk_sync_wait_many(soak.device, count, waits,
                                what == SOAK_ANY_NEIGHBOUR ?
                                VK_SYNC_WAIT_ANY : VK_SYNC_WAIT_COMPLETE,
                                UINT64_MAX));
   vk_sync_win32_store32(&w->shared->waiting_for, SOAK_NOTHING);
   vk_sync_win32_store64(&w->shared->operations, w->shared->operations + 1);
}

/* A semaphore wait operation as vkQueueSubmit() begins it; gives its ticket */
static uint32_t
take_ticket(struct vk_sync *sync, struct vk_sync_wait *wait)
{
   *wait = (struct vk_sync_wait) {0};
   REQUIRE_OK(vk_sync_create(soak.device, &vk_sync_win32_type, 0, 0,
                             &wait->sync));
   REQUIRE_OK(vk_sync_move(soak.device, wait->sync, sync));
   return ((struct vk_sync_win32 *)wait->sync)->ticket;
}

/* Timelines ----------------------------------------------------------------- */

/* How far a neighbour is: at least as far as its timeline was ever seen, and
 * no farther than it has begun.
 */
static uint64_t
look_at(struct worker *w, uint32_t which)
{
   const uint32_t other = w->index ^ 1u << which;
   uint64_t value;

   REQUIRE_OK(vk_sync_get_value(soak.device, soak.payloads[other], &value));
   REQUIRE(value >= w->seen[which]);
   REQUIRE(value <= vk_sync_win32_load64(&soak.board->workers[other].begun));
   w->seen[which] = value;
   return value;
}

static void
read_block(uint32_t worker, uint64_t step)
{
   if (step > 0)
      check_block(&soak.board->workers[worker].blocks[step % SOAK_BLOCKS],
                  worker, step);
}

static void
wait_for_neighbours(struct worker *w, enum soak_wait what, uint64_t value)
{
   struct vk_sync_wait waits[SOAK_NEIGHBOURS];
   uint32_t reached = 0;

   for (uint32_t i = 0; i < SOAK_NEIGHBOURS; i++)
      waits[i] = (struct vk_sync_wait) {
         .sync = soak.payloads[w->index ^ 1u << i], .wait_value = value,
      };
   wait_many(w, what, SOAK_NEIGHBOURS, waits);

   for (uint32_t i = 0; i < SOAK_NEIGHBOURS; i++) {
      const uint64_t now = look_at(w, i);

      /* The last one before the signal that we have seen, if no other */
      read_block(w->index ^ 1u << i, now);
      if (now >= value) {
         read_block(w->index ^ 1u << i, value);
         reached++;
      }
   }
   REQUIRE(what == SOAK_ANY_NEIGHBOUR ? reached > 0 :
                                        reached == SOAK_NEIGHBOURS);
}

static void
step_on(struct worker *w, uint64_t step)
{
   const uint32_t lead = below(&w->common, SOAK_LEAD + 1);

   soak_block_write(&w->shared->blocks[step % SOAK_BLOCKS], w->index, step);
   vk_sync_win32_store64(&w->shared->begun, step);
   signal_one(w, soak.payloads[w->index], step);

   if (below(&w->random, 4) == 0)
      wait_for_neighbours(w, SOAK_ANY_NEIGHBOUR, step);
   wait_for_neighbours(w, SOAK_ALL_NEIGHBOURS, step > lead ? step - lead : 0);
}

/* Tokens -------------------------------------------------------------------- */

/* One at a time, in the order of the tickets */
static void
take_token(struct worker *w, uint32_t which)
{
   struct vk_sync *sync = soak.payloads[SOAK_TOKEN_PAYLOAD + which];
   struct soak_token *token = &soak.board->tokens[which];
   const uint64_t author = SOAK_TOKEN_AUTHOR(which);
   struct vk_sync_wait wait;
   const uint32_t ticket = take_ticket(sync, &wait);

   wait_many(w, SOAK_TOKEN, 1, &wait);
   vk_sync_destroy(soak.device, wait.sync);

   REQUIRE_U64(token->holder, 0);
   token->holder = w->index + 1;
   REQUIRE_U64(ticket, token->ticket + 1);
   check_block(&token->block, author, token->ticket);

   token->ticket = ticket;
   soak_block_write(&token->block, author, ticket);

   REQUIRE_U64(token->holder, w->index + 1);
   token->holder = 0;
   signal_one(w, sync, 0);
}

/* The rush ------------------------------------------------------------------ */

/* Until all have been here as often */
static void
meet(struct worker *w)
{
   uint32_t *rushed = &soak.board->rushed;

   w->met++;
   p_atomic_inc(rushed);
   while (vk_sync_win32_load32(rushed) < SOAK_WORKERS * w->met)
      Sleep(1);
}

/* Each ticket is given once, and no signal is lost. */
static void
rush(struct worker *w)
{
   struct vk_sync *sync = soak.payloads[SOAK_RUSH_PAYLOAD];
   struct vk_sync_wait waits[SOAK_RUSH];

   for (unsigned i = 0; i < SOAK_RUSH; i++) {
      const uint32_t ticket = take_ticket(sync, &waits[i]);

      REQUIRE(ticket >= 1 && ticket <= SOAK_RUSH_TICKETS);
      REQUIRE_U64(soak.board->rush_owners[ticket], 0);
      soak.board->rush_owners[ticket] = (uint8_t)(w->index + 1);
   }
   meet(w);

   for (unsigned i = 0; i < SOAK_RUSH; i++)
      REQUIRE_OK(vk_sync_signal(soak.device, sync, 0));
   wait_many(w, SOAK_RUSHED, SOAK_RUSH, waits);

   for (unsigned i = 0; i < SOAK_RUSH; i++)
      vk_sync_destroy(soak.device, waits[i].sync);
   meet(w);
}

void
soak_work(void *number)
{
   struct soak_board *board = soak.board;
   const uint32_t index = (uint32_t)(uintptr_t)number;
   struct worker worker = {
      .index = index,
      .shared = &board->workers[index],
      .random = board->seed + index + 1,
      .common = board->seed,
   };

   for (unsigned i = 0; i < SOAK_RUSHES; i++)
      rush(&worker);
   for (uint64_t step = 1; step <= board->steps; step++) {
      if (below(&worker.random, 4) == 0)
         take_token(&worker, below(&worker.random, SOAK_TOKENS));

      /* All want the same, and for a while there is nothing else to be rung
       * for, which would make up for a ring that was forgotten.
       */
      if (below(&worker.common, 8) == 0)
         take_token(&worker, 0);

      step_on(&worker, step);
   }
}

/* SPDX-License-Identifier: MIT */
#include "soak.h"

#include "util/macros.h"

struct worker {
   const struct soak_self *self;
   struct soak_worker *shared;
   /* Decisions of this worker alone, and those that all take alike */
   uint64_t random, common;
   /* How far the neighbours were when last seen */
   uint64_t seen[SOAK_NEIGHBOURS];
   uint32_t letters_sent[SOAK_NEIGHBOURS];
   uint32_t letters_received[SOAK_NEIGHBOURS];
   /* How often it has met all others */
   uint32_t met;
};

static uint32_t
below(uint64_t *random, uint32_t limit)
{
   return (uint32_t)((peer_random(random) >> 32) * limit >> 32);
}

static uint32_t
neighbour(const struct worker *w, uint32_t which)
{
   return w->self->index ^ 1u << which;
}

static void
signal_one(struct worker *w, struct vk_sync *sync, uint64_t value)
{
   REQUIRE(vk_sync_signal(w->self->device, sync, value) == VK_SUCCESS);
   vk_sync_win32_store64(&w->shared->operations, w->shared->operations + 1);
}

static void
wait_many(struct worker *w, enum soak_wait what, uint32_t count,
          const struct vk_sync_wait *waits, bool any)
{
   vk_sync_win32_store64(&w->shared->waiting_target, waits[0].wait_value);
   vk_sync_win32_store32(&w->shared->waiting_for, what);
   REQUIRE(vk_sync_wait_many(w->self->device, count, waits,
                             any ? VK_SYNC_WAIT_ANY : VK_SYNC_WAIT_COMPLETE,
                             UINT64_MAX) == VK_SUCCESS);
   vk_sync_win32_store32(&w->shared->waiting_for, SOAK_NOTHING);
   vk_sync_win32_store64(&w->shared->operations, w->shared->operations + 1);
}

/* A semaphore wait operation as vkQueueSubmit() begins it; gives its ticket */
static uint32_t
take_ticket(struct worker *w, struct vk_sync *sync, struct vk_sync_wait *wait)
{
   struct vk_device *device = w->self->device;

   *wait = (struct vk_sync_wait) {
      .sync = peer_private(device, VK_SYNC_WIN32_KIND_BINARY),
   };
   REQUIRE(vk_sync_move(device, wait->sync, sync) == VK_SUCCESS);
   return ((struct vk_sync_win32 *)wait->sync)->ticket;
}

static uint32_t
wait_for_binary(struct worker *w, enum soak_wait what, struct vk_sync *sync)
{
   struct vk_sync_wait wait;
   const uint32_t ticket = take_ticket(w, sync, &wait);

   wait_many(w, what, 1, &wait, false);
   vk_sync_destroy(w->self->device, wait.sync);
   return ticket;
}

/* Timelines ----------------------------------------------------------------- */

/* How far a neighbour is: at least as far as its timeline was ever seen, and
 * no farther than it has begun.
 */
static uint64_t
look_at(struct worker *w, uint32_t which)
{
   const uint32_t other = neighbour(w, which);
   struct soak_worker *shared = &w->self->board->workers[other];
   struct vk_sync *timeline = w->self->payloads->timelines[other].sync;
   uint64_t value;

   REQUIRE(vk_sync_get_value(w->self->device, timeline, &value) == VK_SUCCESS);
   REQUIRE(value >= w->seen[which]);
   REQUIRE(value <= vk_sync_win32_load64(&shared->begun));
   w->seen[which] = value;
   return value;
}

static void
read_block(struct worker *w, uint32_t which, uint64_t step)
{
   const uint32_t other = neighbour(w, which);
   const struct soak_worker *shared = &w->self->board->workers[other];

   if (step > 0)
      soak_block_check(&shared->blocks[step % SOAK_BLOCKS], other, step);
}

static struct vk_sync *
local_timeline(const struct worker *w, uint32_t worker)
{
   return w->self->locals[worker % SOAK_THREADS];
}

/* The first so many: of its own process, or of others, too.  What is known of a
 * neighbour by its private timeline is no less true of its shared one.
 */
static void
wait_for_neighbours(struct worker *w, enum soak_wait what, uint32_t count,
                    uint64_t value)
{
   const bool any = what == SOAK_ANY_NEIGHBOUR;
   struct vk_sync_wait waits[SOAK_NEIGHBOURS];
   uint32_t reached = 0;

   for (uint32_t i = 0; i < count; i++) {
      const uint32_t other = neighbour(w, i);
      const bool private = i < SOAK_LOCAL_NEIGHBOURS &&
                           (what == SOAK_LOCAL || below(&w->random, 4) == 0);

      waits[i] = (struct vk_sync_wait) {
         .sync = private ? local_timeline(w, other) :
                           w->self->payloads->timelines[other].sync,
         .wait_value = value,
      };
   }
   wait_many(w, what, count, waits, any);

   for (uint32_t i = 0; i < count; i++) {
      const uint64_t now = look_at(w, i);
      reached += now >= value;
      /* The last one before the signal that we have seen, if no other */
      read_block(w, i, now);
      if (now >= value)
         read_block(w, i, value);
   }
   REQUIRE(any ? reached > 0 : reached == count);
}

static void
step_on(struct worker *w, uint64_t step)
{
   struct soak_worker *shared = w->shared;
   const uint32_t lead = below(&w->common, SOAK_LEAD + 1);

   soak_block_write(&shared->blocks[step % SOAK_BLOCKS], w->self->index, step);
   vk_sync_win32_store64(&shared->begun, step);
   signal_one(w, w->self->payloads->timelines[w->self->index].sync, step);
   signal_one(w, local_timeline(w, w->self->index), step);

   if (below(&w->random, 4) == 0)
      wait_for_neighbours(w, SOAK_ANY_NEIGHBOUR, SOAK_NEIGHBOURS, step);
   if (below(&w->random, 4) == 0)
      wait_for_neighbours(w, SOAK_LOCAL, SOAK_LOCAL_NEIGHBOURS, step);
   wait_for_neighbours(w, SOAK_ALL_NEIGHBOURS, SOAK_NEIGHBOURS,
                       step > lead ? step - lead : 0);
}

/* Letters ------------------------------------------------------------------- */

static uint64_t
author_of_letter(uint32_t from, uint32_t which)
{
   return SOAK_WORKERS + from * SOAK_NEIGHBOURS + which;
}

static void
send_letter(struct worker *w, uint32_t which)
{
   const uint32_t to = neighbour(w, which);

   soak_block_write(&w->self->board->workers[to].letters[which],
                    author_of_letter(w->self->index, which),
                    ++w->letters_sent[which]);
   signal_one(w, w->self->payloads->letters[to][which].sync, 0);
}

/* The so many-th wait gets the so many-th letter. */
static void
receive_letter(struct worker *w, uint32_t which)
{
   const uint32_t ticket =
      wait_for_binary(w, SOAK_LETTER,
                      w->self->payloads->letters[w->self->index][which].sync);

   REQUIRE_U64(ticket, ++w->letters_received[which]);
   soak_block_check(&w->shared->letters[which],
                    author_of_letter(neighbour(w, which), which), ticket);
}

/* Both sides come here at the same step. */
static void
exchange_letters(struct worker *w, uint32_t which)
{
   if (w->self->index < neighbour(w, which)) {
      send_letter(w, which);
      receive_letter(w, which);
   } else {
      receive_letter(w, which);
      send_letter(w, which);
   }
}

/* Tokens -------------------------------------------------------------------- */

/* One at a time, in the order of the tickets */
static void
take_token(struct worker *w, uint32_t which)
{
   struct vk_sync *sync = w->self->payloads->tokens[which].sync;
   struct soak_token *token = &w->self->board->tokens[which];
   const uint64_t author = UINT64_C(0x1000) + which;
   const uint32_t ticket = wait_for_binary(w, SOAK_TOKEN, sync);

   REQUIRE_U64(token->holder, 0);
   token->holder = w->self->index + 1;
   REQUIRE_U64(ticket, token->ticket + 1);
   soak_block_check(&token->block, author, token->ticket);

   token->ticket = ticket;
   soak_block_write(&token->block, author, ticket);

   REQUIRE_U64(token->holder, w->self->index + 1);
   token->holder = 0;
   signal_one(w, sync, 0);
}

/* The rush ------------------------------------------------------------------ */

/* Until all have been here as often */
static void
meet(struct worker *w)
{
   uint32_t *rushed = &w->self->board->rushed;

   w->met++;
   p_atomic_inc(rushed);
   while (vk_sync_win32_load32(rushed) < SOAK_WORKERS * w->met)
      Sleep(1);
}

/* Each ticket is given once, and no signal is lost. */
static void
rush(struct worker *w)
{
   struct soak_board *board = w->self->board;
   struct vk_device *device = w->self->device;
   struct vk_sync *sync = w->self->payloads->rush.sync;
   struct vk_sync_wait waits[SOAK_RUSH];

   for (unsigned i = 0; i < SOAK_RUSH; i++) {
      const uint32_t ticket = take_ticket(w, sync, &waits[i]);

      REQUIRE(ticket >= 1 && ticket <= SOAK_RUSH_TICKETS);
      REQUIRE_U64(board->rush_owners[ticket], 0);
      board->rush_owners[ticket] = (uint8_t)(w->self->index + 1);
   }
   meet(w);

   for (unsigned i = 0; i < SOAK_RUSH; i++)
      REQUIRE(vk_sync_signal(device, sync, 0) == VK_SUCCESS);
   wait_many(w, SOAK_RUSHED, SOAK_RUSH, waits, false);

   for (unsigned i = 0; i < SOAK_RUSH; i++)
      vk_sync_destroy(device, waits[i].sync);
   meet(w);
}

void
soak_work(void *data)
{
   const struct soak_self *self = data;
   struct worker worker = {
      .self = self,
      .shared = &self->board->workers[self->index],
      .random = self->board->seed + self->index + 1,
      .common = self->board->seed,
   };

   for (unsigned i = 0; i < SOAK_RUSHES; i++)
      rush(&worker);
   for (uint64_t step = 1; step <= self->board->steps; step++) {
      if (below(&worker.random, 4) == 0)
         take_token(&worker, below(&worker.random, SOAK_TOKENS));

      /* All want the same, and for a while there is nothing else to be rung
       * for, which would make up for a ring that was forgotten.
       */
      const uint32_t choice = below(&worker.common, 32);
      if (choice < SOAK_NEIGHBOURS)
         exchange_letters(&worker, choice);
      else if (choice < SOAK_NEIGHBOURS + 2)
         take_token(&worker, 0);

      step_on(&worker, step);
   }
}

/* SPDX-License-Identifier: MIT */

/* Processes that do nothing but signal and wait for each other, where every
 * value, every pairing of a wait with a signal, and all that the payloads are
 * there to guard is checked.
 *
 * Each worker goes through the same number of steps, and its own timeline
 * tells how far it is.  In a step it writes a block, signals, waits until its
 * neighbours are nearly as far, and reads a block of each.  Beside that it
 * takes tokens, which binary semaphores hand on in the order of the tickets.
 * Before the first step all rush for one semaphore.
 */
#include "hook.h"
#include "peer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Of each worker: a million operations in all */
#define STEPS 21000

enum {
   PROCESSES = 4,
   THREADS = 4,
   WORKERS = PROCESSES * THREADS,
   /* Worker i's neighbours are i ^ 1, i ^ 2, i ^ 4, i ^ 8: two of its own
    * process, two of others.
    */
   NEIGHBOURS = 4,
   TOKENS = 4,
   /* A worker may be this many steps ahead of a neighbour. */
   LEAD = 3,
   /* Blocks that are kept: a neighbour reads up to LEAD steps back, while the
    * writer is up to LEAD steps ahead.
    */
   BLOCKS = 16,
   /* Tickets that each worker takes in a rush: so many that there are slots for
    * all
    */
   RUSH = 7,
   RUSHES = 40,
   RUSH_TICKETS = RUSHES * WORKERS * RUSH,

   /* The workers' timelines, then binary semaphores: of the tokens and the rush
    */
   RUSH_PAYLOAD = WORKERS + TOKENS,
   PAYLOADS,
};

/* What payloads guard; not atomic on purpose */
struct block {
   uint64_t number;
   uint64_t words[6];
};

struct token {
   /* Of who had it last */
   uint32_t ticket;
   struct block block;
};

struct board {
   uint64_t seed;
   uint64_t steps;
   /* How many processes are, and what they may do */
   uint32_t ready, done;
   uint32_t go, quit;
   struct {
      /* Steps begun: no less than the timeline's value */
      uint64_t begun;
      struct block blocks[BLOCKS];
   } workers[WORKERS];
   struct token tokens[TOKENS];
   /* How often workers have met, and which tickets of the rush are taken */
   uint32_t met;
   uint8_t taken[RUSH_TICKETS + 1];
};

struct worker {
   uint32_t index;
   /* Decisions of this worker alone, and those that all take alike */
   uint64_t random, common;
   /* How far the neighbours were when last seen */
   uint64_t seen[NEIGHBOURS];
};

static struct board *board;
static struct vk_device *device;
static struct vk_sync *payloads[PAYLOADS];

/* Any two blocks differ.  The author is the number of the payload. */
static void
write_block(struct block *block, uint64_t author, uint64_t number)
{
   uint64_t random = author << 48 ^ number;

   block->number = number;
   for (unsigned i = 0; i < TEST_COUNT(block->words); i++)
      block->words[i] = test_next_random(&random);
}

/* Ends the process if it is not what the author has written. */
static void
check_block(const struct block *block, uint64_t author, uint64_t number)
{
   struct block wanted;

   write_block(&wanted, author, number);
   REQUIRE_U64(block->number, number);
   REQUIRE(memcmp(block, &wanted, sizeof(wanted)) == 0);
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

   REQUIRE_OK(vk_sync_get_value(device, payloads[other], &value));
   REQUIRE(value >= w->seen[which]);
   REQUIRE(value <= vk_sync_win32_load64(&board->workers[other].begun));
   w->seen[which] = value;
   return value;
}

static void
read_block(uint32_t worker, uint64_t step)
{
   if (step > 0)
      check_block(&board->workers[worker].blocks[step % BLOCKS], worker, step);
}

static void
wait_for_neighbours(struct worker *w, enum vk_sync_wait_flags flags,
                    uint64_t value)
{
   struct vk_sync_wait waits[NEIGHBOURS];
   uint32_t reached = 0;

   for (uint32_t i = 0; i < NEIGHBOURS; i++)
      waits[i] = (struct vk_sync_wait) {
         .sync = payloads[w->index ^ 1u << i], .wait_value = value,
      };
   REQUIRE_OK(vk_sync_wait_many(device, NEIGHBOURS, waits, flags,
                                UINT64_MAX));

   for (uint32_t i = 0; i < NEIGHBOURS; i++) {
      const uint64_t now = look_at(w, i);

      /* The last one before the signal that we have seen, if no other */
      read_block(w->index ^ 1u << i, now);
      if (now >= value) {
         read_block(w->index ^ 1u << i, value);
         reached++;
      }
   }
   REQUIRE(flags & VK_SYNC_WAIT_ANY ? reached > 0 : reached == NEIGHBOURS);
}

static void
step_on(struct worker *w, uint64_t step)
{
   const uint32_t lead = peer_random_below(&w->common, LEAD + 1);

   write_block(&board->workers[w->index].blocks[step % BLOCKS], w->index,
               step);
   vk_sync_win32_store64(&board->workers[w->index].begun, step);
   REQUIRE_OK(vk_sync_signal(device, payloads[w->index], step));

   if (peer_random_below(&w->random, 4) == 0)
      wait_for_neighbours(w, VK_SYNC_WAIT_ANY, step);
   wait_for_neighbours(w, VK_SYNC_WAIT_COMPLETE,
                       step > lead ? step - lead : 0);
}

/* Tokens -------------------------------------------------------------------- */

/* As vkQueueSubmit() begins to wait; gives the ticket */
static uint32_t
take_ticket(struct vk_sync *sync, struct vk_sync **wait)
{
   REQUIRE_OK(vk_sync_create(device, &vk_sync_win32_type, 0, 0, wait));
   REQUIRE_OK(vk_sync_move(device, *wait, sync));
   return ((struct vk_sync_win32 *)*wait)->ticket;
}

/* One at a time, in the order of the tickets */
static void
take_token(uint32_t which)
{
   struct vk_sync *sync = payloads[WORKERS + which], *wait;
   struct token *token = &board->tokens[which];
   const uint32_t ticket = take_ticket(sync, &wait);

   REQUIRE_OK(unit_wait(device, wait, 0, UINT64_MAX));
   vk_sync_destroy(device, wait);

   REQUIRE_U64(ticket, token->ticket + 1);
   check_block(&token->block, WORKERS + which, token->ticket);
   write_block(&token->block, WORKERS + which, ticket);
   /* Last, so that one who came too early would find another one */
   token->ticket = ticket;
   REQUIRE_OK(vk_sync_signal(device, sync, 0));
}

/* The rush ------------------------------------------------------------------ */

/* Until all workers have been here as often */
static void
meet(uint32_t times)
{
   p_atomic_inc(&board->met);
   while (vk_sync_win32_load32(&board->met) < WORKERS * times)
      Sleep(1);
}

/* All take tickets at once, then all signal at once: each ticket is given
 * once, and no signal is lost.
 */
static void
rush(uint32_t number)
{
   struct vk_sync *sync = payloads[RUSH_PAYLOAD];
   struct vk_sync_wait waits[RUSH] = {0};

   for (unsigned i = 0; i < RUSH; i++) {
      const uint32_t ticket = take_ticket(sync, &waits[i].sync);

      REQUIRE(ticket >= 1 && ticket <= RUSH_TICKETS);
      REQUIRE(!board->taken[ticket]);
      board->taken[ticket] = true;
   }
   meet(2 * number + 1);
   for (unsigned i = 0; i < RUSH; i++)
      REQUIRE_OK(vk_sync_signal(device, sync, 0));
   REQUIRE_OK(vk_sync_wait_many(device, RUSH, waits, VK_SYNC_WAIT_COMPLETE,
                                UINT64_MAX));
   for (unsigned i = 0; i < RUSH; i++)
      vk_sync_destroy(device, waits[i].sync);
   meet(2 * number + 2);
}

static void
work(void *number)
{
   struct worker worker = {
      .index = (uint32_t)(uintptr_t)number,
      .random = board->seed + (uintptr_t)number + 1,
      .common = board->seed,
   };

   for (uint32_t i = 0; i < RUSHES; i++)
      rush(i);
   for (uint64_t step = 1; step <= board->steps; step++) {
      if (peer_random_below(&worker.random, 4) == 0)
         take_token(peer_random_below(&worker.random, TOKENS));

      /* All want the same, and for a while there is nothing else to be rung
       * for, which would make up for a ring that was forgotten.
       */
      if (peer_random_below(&worker.common, 8) == 0)
         take_token(0);

      step_on(&worker, step);
   }
}

/* A process ----------------------------------------------------------------- */

static void
open_payloads(const struct peer_run *run, bool create)
{
   for (unsigned i = 0; i < PAYLOADS; i++) {
      char name[16];

      snprintf(name, sizeof(name), "payload%u", i);
      payloads[i] = (create ? peer_share : peer_open)(
         run, device, i < WORKERS ? VK_SYNC_WIN32_KIND_TIMELINE :
                                    VK_SYNC_WIN32_KIND_BINARY, name);
   }
}

static void
close_payloads(void)
{
   for (unsigned i = 0; i < PAYLOADS; i++)
      vk_sync_destroy(device, payloads[i]);
}

static void
warm_up(void)
{
   struct vk_sync *sync = unit_shared(device, VK_SYNC_IS_TIMELINE);

   REQUIRE_RESULT(unit_wait(device, sync, 1, 1), VK_TIMEOUT);
   unit_sync_destroy(device, sync);
}

static void
check_usage(const struct peer_usage *before)
{
   const struct peer_usage after = peer_measure();
   /* The bells of its threads, and what it has opened of everybody's */
   const uint32_t bells = THREADS + WORKERS;

   REQUIRE(after.handles <= before->handles + bells);
   REQUIRE_U64(after.views, before->views);
   REQUIRE(after.heap < before->heap + 64 * 1024);
}

static int
process_main(int argc, char **argv)
{
   const struct peer_run run = peer_run_open(argc, argv, sizeof(*board));
   const uintptr_t first = strtoul(argv[1], NULL, 10) * THREADS;
   struct test_thread *threads[THREADS];

   board = run.board;
   device = unit_device();
   warm_up();
   const struct peer_usage before = peer_measure();
   hook_install();
   open_payloads(&run, false);
   p_atomic_inc(&board->ready);
   while (!vk_sync_win32_load32(&board->go))
      Sleep(1);

   for (uintptr_t i = 0; i < THREADS; i++)
      threads[i] = test_thread_start(work, (void *)(first + i));
   for (unsigned i = 0; i < THREADS; i++)
      test_thread_join(threads[i]);
   p_atomic_inc(&board->done);

   /* None leaves while others may still ring it. */
   while (!vk_sync_win32_load32(&board->quit))
      Sleep(1);

   close_payloads();
   check_usage(&before);
   test_diag("%u bell waits, %u rings", hook.calls[HOOK_BELL_WAIT],
             hook.calls[HOOK_RING]);
   REQUIRE_U64(hook.polls, 0);
   return 0;
}

/* The parent ---------------------------------------------------------------- */

static struct peer *processes[PROCESSES];

static uint64_t
count_steps(void)
{
   uint64_t sum = 0;

   for (unsigned i = 0; i < WORKERS; i++)
      sum += vk_sync_win32_load64(&board->workers[i].begun);
   return sum;
}

static void
give_up(const char *why)
{
   for (unsigned i = 0; i < WORKERS; i++)
      test_diag("worker %u: step %" PRIu64, i, board->workers[i].begun);
   /* Who waits for what */
   for (unsigned i = 0; i < PAYLOADS; i++) {
      if (unit_owned(payloads[i]) > 0) {
         test_diag("payload %u:", i);
         peer_dump("its section", payloads[i]);
      }
   }
   test_fail(true, __FILE__, __LINE__, "%s", why);
}

/* Until all processes are */
static void
await(uint32_t *count)
{
   double moved_ms = test_now_ms();
   uint64_t before = 0;
   DWORD status;

   while (vk_sync_win32_load32(count) < PROCESSES) {
      /* The rush takes no steps. */
      const uint64_t now = count_steps() + vk_sync_win32_load32(&board->met);

      if (now != before)
         moved_ms = test_now_ms();
      before = now;
      if (test_now_ms() > moved_ms + 1000 * PATIENCE_S)
         give_up("nobody gets any farther");
      for (unsigned i = 0; i < PROCESSES; i++) {
         if (peer_ended(processes[i], 0, &status))
            give_up("a process has ended");
      }
      Sleep(10);
   }
}

/* Nobody waits any more or has a ticket, and all that was to be signalled and
 * taken has been.
 */
static void
check_payloads(void)
{
   for (unsigned i = 0; i < PAYLOADS; i++) {
      const uint64_t word = peer_word(payloads[i]);

      if (!EXPECT_U64(unit_owned(payloads[i]), 0) ||
          !EXPECT_U64(unit_armed(payloads[i]), 0))
         peer_dump("a payload", payloads[i]);

      if (i < WORKERS) {
         EXPECT_U64(word, board->steps);
      } else if (i == RUSH_PAYLOAD) {
         EXPECT_U64(word, vk_sync_win32_pair(RUSH_TICKETS, RUSH_TICKETS));
      } else {
         const uint32_t last = board->tokens[i - WORKERS].ticket;

         EXPECT_U64(word, vk_sync_win32_pair(last + 1, last));
      }
   }
}

static void
run_soak(UNUSED intptr_t arg)
{
   const struct peer_run run = peer_run_create(sizeof(*board));

   device = unit_device();
   board = run.board;
   board->seed = test_random();
   board->steps = (uint64_t)STEPS * test_scale();
   open_payloads(&run, true);
   for (unsigned i = 0; i < TOKENS; i++) {
      write_block(&board->tokens[i].block, WORKERS + i, 0);
      REQUIRE_OK(vk_sync_signal(device, payloads[WORKERS + i], 0));
   }
   for (unsigned i = 0; i < PROCESSES; i++)
      processes[i] = peer_start(&run, "process", i);

   await(&board->ready);
   const double start_ms = test_now_ms();
   vk_sync_win32_store32(&board->go, 1);
   await(&board->done);
   test_diag("%" PRIu64 " steps in %.1f s", count_steps(),
             (test_now_ms() - start_ms) / 1000);
   check_payloads();

   vk_sync_win32_store32(&board->quit, 1);
   for (unsigned i = 0; i < PROCESSES; i++)
      peer_join(processes[i]);
   close_payloads();
}

const struct test_case test_cases[] = {
   { "processes signal and wait for each other", run_soak, 0, 600 },
   { 0 },
};

const struct test_role test_roles[] = {
   { "process", process_main },
   { 0 },
};

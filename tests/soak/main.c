/* SPDX-License-Identifier: MIT */
#include "soak.h"

#include <inttypes.h>
#include <stdlib.h>

#define OPERATIONS 1000000
/* Of a worker, on average and rounded down */
#define OPERATIONS_PER_STEP 2.9

#define HANG_MS 30000

struct soak soak;

static void
open_payloads(const struct peer_run *run, bool create)
{
   for (unsigned i = 0; i < SOAK_PAYLOADS; i++) {
      char name[16];

      snprintf(name, sizeof(name), "payload%u", i);
      soak.payloads[i] = (create ? peer_share : peer_open)(
         run, soak.device, i < SOAK_WORKERS ? VK_SYNC_WIN32_KIND_TIMELINE :
                                              VK_SYNC_WIN32_KIND_BINARY, name);
   }
}

static void
close_payloads(void)
{
   for (unsigned i = 0; i < SOAK_PAYLOADS; i++)
      vk_sync_destroy(soak.device, soak.payloads[i]);
}

/* A process ----------------------------------------------------------------- */

static void
warm_up(void)
{
   struct vk_sync *sync = unit_shared(soak.device, VK_SYNC_IS_TIMELINE);

   REQUIRE_RESULT(unit_wait(soak.device, sync, 1, 1), VK_TIMEOUT);
   unit_sync_destroy(soak.device, sync);
}

static void
check_usage(const struct peer_usage *before)
{
   const struct peer_usage after = peer_measure();
   /* The bells of its threads, and what it has opened of everybody's */
   const uint32_t bells = SOAK_THREADS + SOAK_WORKERS;

   test_diag("%u handles, %u views, %" PRIu64 " bytes of heap before; %u, %u, "
             "%" PRIu64 " after", before->handles, before->views, before->heap,
             after.handles, after.views, after.heap);
   REQUIRE(after.handles <= before->handles + bells);
   REQUIRE_U64(after.views, before->views);
   REQUIRE(after.heap < before->heap + 64 * 1024);
}

static int
process_main(int argc, char **argv)
{
   const struct peer_run run =
      peer_run_open(argc, argv, sizeof(struct soak_board));
   REQUIRE(argc >= 2);
   const unsigned index = (unsigned)strtoul(argv[1], NULL, 10);
   REQUIRE(index < SOAK_PROCESSES);

   soak.board = run.board;
   soak.device = unit_device();
   struct soak_process *process = &soak.board->processes[index];
   struct test_thread *threads[SOAK_THREADS];

   warm_up();
   const struct peer_usage before = peer_measure();
   hook_install();
   open_payloads(&run, false);
   vk_sync_win32_store32(&process->ready, 1);
   while (!vk_sync_win32_load32(&soak.board->go))
      Sleep(1);

   for (uintptr_t i = 0; i < SOAK_THREADS; i++)
      threads[i] = test_thread_start(soak_work,
                                     (void *)(index * SOAK_THREADS + i));
   for (unsigned i = 0; i < SOAK_THREADS; i++)
      test_thread_join(threads[i]);
   vk_sync_win32_store32(&process->done, 1);

   /* None leaves while others may still ring it. */
   while (!vk_sync_win32_load32(&soak.board->quit))
      Sleep(1);

   close_payloads();
   check_usage(&before);
   REQUIRE_U64(hook.polls, 0);
   for (unsigned i = 0; i < HOOK_CALLS; i++)
      process->calls[i] = hook.calls[i];
   return 0;
}

/* The parent ---------------------------------------------------------------- */

static struct peer *processes[SOAK_PROCESSES];

static uint64_t
count_operations(void)
{
   uint64_t sum = 0;

   for (unsigned i = 0; i < SOAK_WORKERS; i++)
      sum += vk_sync_win32_load64(&soak.board->workers[i].operations);
   return sum;
}

static void
give_up(const char *why)
{
   static const char *const waits[] = {
      [SOAK_NOTHING] = "not blocked",
      [SOAK_ANY_NEIGHBOUR] = "any neighbour",
      [SOAK_ALL_NEIGHBOURS] = "all neighbours",
      [SOAK_TOKEN] = "a token",
      [SOAK_RUSHED] = "the tickets of a rush",
   };

   for (unsigned i = 0; i < SOAK_WORKERS; i++) {
      const struct soak_worker *worker = &soak.board->workers[i];

      test_diag("worker %u: step %" PRIu64 " begun, %" PRIu64 " operations, "
                "in a wait for: %s (%" PRIu64 ")", i, worker->begun,
                worker->operations, waits[worker->waiting_for],
                worker->waiting_target);
   }
   for (unsigned i = 0; i < SOAK_PAYLOADS; i++) {
      if (unit_owned(soak.payloads[i]) > 0) {
         test_diag("payload %u:", i);
         peer_dump("its section", soak.payloads[i]);
      }
   }
   test_fail(true, __FILE__, __LINE__, "%s", why);
}

static bool
everyone(size_t offset)
{
   for (unsigned i = 0; i < SOAK_PROCESSES; i++) {
      char *process = (char *)&soak.board->processes[i];
      if (!vk_sync_win32_load32((uint32_t *)(process + offset)))
         return false;
   }
   return true;
}

static void
await_everyone(size_t offset)
{
   double moved_ms = test_now_ms();
   uint64_t operations = 0;
   DWORD status;

   while (!everyone(offset)) {
      const uint64_t now = count_operations();

      if (now != operations)
         moved_ms = test_now_ms();
      operations = now;
      if (test_now_ms() > moved_ms + HANG_MS)
         give_up("nobody gets any farther");
      for (unsigned i = 0; i < SOAK_PROCESSES; i++) {
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
   for (unsigned i = 0; i < SOAK_PAYLOADS; i++) {
      const uint64_t word = peer_word(soak.payloads[i]);

      if (!EXPECT_U64(unit_owned(soak.payloads[i]), 0) ||
          !EXPECT_U64(unit_armed(soak.payloads[i]), 0))
         peer_dump("a payload", soak.payloads[i]);

      if (i == SOAK_RUSH_PAYLOAD)
         EXPECT_U64(word, vk_sync_win32_pair(SOAK_RUSH_TICKETS,
                                             SOAK_RUSH_TICKETS));
      else if (i < SOAK_WORKERS)
         EXPECT_U64(word, soak.board->steps);
   }
   for (unsigned i = 0; i < SOAK_TOKENS; i++) {
      const uint32_t last = soak.board->tokens[i].ticket;

      EXPECT_U64(peer_word(soak.payloads[SOAK_TOKEN_PAYLOAD + i]),
                 vk_sync_win32_pair(last + 1, last));
   }
}

static void
report(double ms)
{
   uint64_t calls[HOOK_CALLS] = {0};

   for (unsigned i = 0; i < SOAK_PROCESSES; i++) {
      for (unsigned j = 0; j < HOOK_CALLS; j++)
         calls[j] += soak.board->processes[i].calls[j];
   }
   test_diag("%" PRIu64 " operations in %.1f s: %" PRIu64 " bell waits, %"
             PRIu64 " rings", count_operations(), ms / 1000,
             calls[HOOK_BELL_WAIT], calls[HOOK_RING]);
}

static void
set_up(uint64_t operations)
{
   const struct peer_run run = peer_run_create(sizeof(struct soak_board));

   soak.device = unit_device();
   soak.board = run.board;
   soak.board->seed = test_random();
   soak.board->steps = (uint64_t)(operations / OPERATIONS_PER_STEP /
                                  SOAK_WORKERS) + 1;
   open_payloads(&run, true);

   for (unsigned i = 0; i < SOAK_TOKENS; i++) {
      soak_block_write(&soak.board->tokens[i].block, SOAK_TOKEN_AUTHOR(i), 0);
      REQUIRE_OK(vk_sync_signal(soak.device,
                                soak.payloads[SOAK_TOKEN_PAYLOAD + i], 0));
   }
   for (unsigned i = 0; i < SOAK_PROCESSES; i++)
      processes[i] = peer_start(&run, "process", i);
}

static void
run_soak(UNUSED intptr_t arg)
{
   const uint64_t operations =
      getenv("LVP_SYNC_LONG") ? 10 * OPERATIONS : OPERATIONS;

   set_up(operations);
   await_everyone(offsetof(struct soak_process, ready));
   const double start_ms = test_now_ms();
   vk_sync_win32_store32(&soak.board->go, 1);
   await_everyone(offsetof(struct soak_process, done));
   const double end_ms = test_now_ms();

   check_payloads();
   EXPECT(count_operations() >= operations);

   vk_sync_win32_store32(&soak.board->quit, 1);
   for (unsigned i = 0; i < SOAK_PROCESSES; i++)
      peer_join(processes[i]);
   report(end_ms - start_ms);
   close_payloads();
}

static const struct test_case cases[] = {
   { "processes signal and wait for each other", run_soak, 0, 600 },
   { 0 },
};

static const struct test_role roles[] = {
   { "process", process_main },
   { 0 },
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, roles);
}

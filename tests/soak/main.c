/* SPDX-License-Identifier: MIT */
#include "soak.h"

#include <inttypes.h>
#include <stdlib.h>

#include "vk_sync_win32_park.h"

#define OPERATIONS 1000000
/* Of a worker, on average and rounded down */
#define OPERATIONS_PER_STEP 4.1

#define HANG_MS 30000

/* A process ----------------------------------------------------------------- */

static void
warm_up(const struct peer_run *run, struct vk_device *device, unsigned index)
{
   char name[24];

   snprintf(name, sizeof(name), "warm-up%u", index);
   struct vk_sync *sync =
      peer_share(run, device, VK_SYNC_WIN32_KIND_TIMELINE, name);
   REQUIRE(vk_sync_wait(device, sync, 1, VK_SYNC_WAIT_COMPLETE, 1) ==
           VK_TIMEOUT);
   vk_sync_destroy(device, sync);
}

int
soak_process_main(int argc, char **argv)
{
   const struct peer_run run =
      peer_run_open(argc, argv, sizeof(struct soak_board));
   REQUIRE(argc >= 2);
   const unsigned index = (unsigned)strtoul(argv[1], NULL, 10);
   REQUIRE(index < SOAK_PROCESSES);

   struct soak_board *board = run.board;
   struct soak_process *process = &board->processes[index];
   struct vk_device *device = unit_device();
   struct soak_payloads payloads;
   struct vk_sync *locals[SOAK_THREADS];
   struct soak_self selves[SOAK_THREADS];
   struct test_thread *threads[SOAK_THREADS];

   warm_up(&run, device, index);
   process->before = peer_measure();
   hook_install();
   soak_payloads_open(&payloads, &run, device, false);
   for (unsigned i = 0; i < SOAK_THREADS; i++)
      locals[i] = peer_private(device, VK_SYNC_WIN32_KIND_TIMELINE);
   vk_sync_win32_store32(&process->ready, 1);
   while (!vk_sync_win32_load32(&board->go))
      Sleep(1);

   for (unsigned i = 0; i < SOAK_THREADS; i++) {
      selves[i] = (struct soak_self) {
         .board = board, .payloads = &payloads, .locals = locals,
         .device = device, .index = index * SOAK_THREADS + i,
      };
      threads[i] = test_thread_start(soak_work, &selves[i]);
   }
   for (unsigned i = 0; i < SOAK_THREADS; i++)
      test_thread_join(threads[i]);
   vk_sync_win32_store32(&process->done, 1);

   /* None leaves while others may still ring it. */
   while (!vk_sync_win32_load32(&board->quit))
      Sleep(1);

   for (unsigned i = 0; i < SOAK_THREADS; i++)
      vk_sync_destroy(device, locals[i]);
   soak_payloads_close(&payloads, device);
   process->after = peer_measure();
   for (unsigned i = 0; i < HOOK_CALLS; i++)
      process->calls[i] = hook.calls[i];
   process->polls = hook.polls;
   return 0;
}

/* The parent ---------------------------------------------------------------- */

struct soak {
   struct peer_run peers;
   struct soak_board *board;
   struct soak_payloads payloads;
   struct peer *processes[SOAK_PROCESSES];
   double started_ms, ended_ms;
};

static struct soak *soak;

static uint64_t
count_operations(void)
{
   uint64_t sum = 0;

   for (unsigned i = 0; i < SOAK_WORKERS; i++)
      sum += vk_sync_win32_load64(&soak->board->workers[i].operations);
   return sum;
}

static void
give_up(const char *why)
{
   static const char *const waits[] = {
      [SOAK_NOTHING] = "not blocked",
      [SOAK_ANY_NEIGHBOUR] = "any neighbour",
      [SOAK_ALL_NEIGHBOURS] = "all neighbours",
      [SOAK_LOCAL] = "all neighbours of its process",
      [SOAK_LETTER] = "a letter",
      [SOAK_TOKEN] = "a token",
      [SOAK_RUSHED] = "the tickets of a rush",
   };

   for (unsigned i = 0; i < SOAK_WORKERS; i++) {
      const struct soak_worker *worker = &soak->board->workers[i];

      test_diag("worker %u: step %" PRIu64 " begun, %" PRIu64 " operations, "
                "in a wait for: %s (%" PRIu64 ")", i, worker->begun,
                worker->operations, waits[worker->waiting_for],
                worker->waiting_target);
   }
   for (unsigned i = 0; i < SOAK_PAYLOADS; i++) {
      const struct soak_payload *payload = &soak->payloads.all[i];

      if (peer_count_owned(payload->sync) > 0)
         peer_dump(payload->name, payload->sync);
   }
   test_fail(true, __FILE__, __LINE__, "%s", why);
}

static bool
everyone(size_t offset)
{
   for (unsigned i = 0; i < SOAK_PROCESSES; i++) {
      char *process = (char *)&soak->board->processes[i];
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
         if (peer_ended(soak->processes[i], 0, &status))
            give_up("a process has ended");
      }
      Sleep(10);
   }
}

/* Nobody waits any more, or has a ticket. */
static void
check_sections(void)
{
   for (unsigned i = 0; i < SOAK_PAYLOADS; i++) {
      const struct soak_payload *payload = &soak->payloads.all[i];

      if (!EXPECT_U64(peer_count_owned(payload->sync), 0) ||
          !EXPECT_U64(unit_armed(payload->sync), 0))
         peer_dump(payload->name, payload->sync);
   }
}

static void
check_words(void)
{
   const struct soak_payloads *payloads = &soak->payloads;

   for (unsigned i = 0; i < SOAK_WORKERS; i++) {
      EXPECT_U64(peer_word(payloads->timelines[i].sync), soak->board->steps);
      for (unsigned j = 0; j < SOAK_NEIGHBOURS; j++) {
         struct vk_sync *letters = payloads->letters[i][j].sync;
         struct vk_sync *back = payloads->letters[i ^ 1u << j][j].sync;

         EXPECT_U64(peer_signals(letters), peer_consumed(letters));
         EXPECT_U64(peer_signals(letters), peer_signals(back));
      }
   }
   for (unsigned i = 0; i < SOAK_TOKENS; i++) {
      struct vk_sync *token = payloads->tokens[i].sync;

      EXPECT_U64(peer_signals(token), peer_consumed(token) + 1);
      EXPECT_U64(peer_consumed(token), soak->board->tokens[i].ticket);
   }
   EXPECT_U64(peer_signals(payloads->rush.sync), SOAK_RUSH_TICKETS);
   EXPECT_U64(peer_consumed(payloads->rush.sync), SOAK_RUSH_TICKETS);
}

static void
check_process(unsigned index)
{
   const struct soak_process *process = &soak->board->processes[index];
   const struct peer_usage *before = &process->before;
   const struct peer_usage *after = &process->after;
   /* The bells of its threads, and what it has opened of everybody's */
   const uint32_t bells = SOAK_THREADS + SOAK_WORKERS;

   test_diag("process %u: %u handles, %u views, %" PRIu64 " bytes of heap "
             "before; %u, %u, %" PRIu64 " after", index, before->handles,
             before->views, before->heap, after->handles, after->views,
             after->heap);
   EXPECT(after->handles <= before->handles + bells);
   EXPECT_U64(after->views, before->views);
   EXPECT(after->heap < before->heap + 64 * 1024);
   EXPECT_U64(process->polls, 0);
}

static void
report(void)
{
   const double seconds = (soak->ended_ms - soak->started_ms) / 1000;
   const uint64_t operations = count_operations();
   uint64_t calls[HOOK_CALLS] = {0};

   for (unsigned i = 0; i < SOAK_PROCESSES; i++) {
      for (unsigned j = 0; j < HOOK_CALLS; j++)
         calls[j] += soak->board->processes[i].calls[j];
   }
   test_diag("%" PRIu64 " operations in %.1f s (%.0f a second) with parker %s: "
             "%" PRIu64 " bell waits, %" PRIu64 " rings", operations, seconds,
             operations / seconds, vk_sync_win32_chosen_parker->name,
             calls[HOOK_BELL_WAIT], calls[HOOK_RING]);
}

static void
set_up(struct vk_device *device, uint64_t steps)
{
   soak->peers = peer_run_create(sizeof(struct soak_board));
   soak->board = soak->peers.board;
   soak->board->seed = test_random();
   soak->board->steps = steps;
   soak_payloads_open(&soak->payloads, &soak->peers, device, true);

   for (unsigned i = 0; i < SOAK_TOKENS; i++) {
      soak_block_write(&soak->board->tokens[i].block, UINT64_C(0x1000) + i, 0);
      REQUIRE(vk_sync_signal(device, soak->payloads.tokens[i].sync, 0) ==
              VK_SUCCESS);
   }
   for (unsigned i = 0; i < SOAK_PROCESSES; i++)
      soak->processes[i] = peer_start(&soak->peers, "process", i);
}

static void
run_soak(UNUSED intptr_t arg)
{
   const uint64_t operations =
      getenv("LVP_SYNC_LONG") ? 10 * OPERATIONS : OPERATIONS;
   struct vk_device *device = unit_device();
   DWORD status;

   soak = calloc(1, sizeof(*soak));
   REQUIRE(soak != NULL);
   test_defer(free, soak);
   set_up(device, (uint64_t)(operations / OPERATIONS_PER_STEP /
                             SOAK_WORKERS) + 1);

   await_everyone(offsetof(struct soak_process, ready));
   soak->started_ms = test_now_ms();
   vk_sync_win32_store32(&soak->board->go, 1);
   await_everyone(offsetof(struct soak_process, done));
   soak->ended_ms = test_now_ms();

   check_sections();
   check_words();
   EXPECT(count_operations() >= operations);

   vk_sync_win32_store32(&soak->board->quit, 1);
   for (unsigned i = 0; i < SOAK_PROCESSES; i++) {
      REQUIRE(peer_ended(soak->processes[i], HANG_MS, &status));
      REQUIRE_U64(status, 0);
      check_process(i);
   }
   soak_payloads_close(&soak->payloads, device);
   report();
}

static const struct test_case cases[] = {
   { "processes signal and wait for each other", run_soak, 0, 600 },
   { 0 },
};

static const struct test_role roles[] = {
   { "process", soak_process_main },
   { 0 },
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, roles);
}

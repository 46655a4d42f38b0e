/* SPDX-License-Identifier: MIT */

/* Binary payloads at their limits: more tickets than slots, counters that
 * wrap, fences that are reset while threads are woken, imports while peers
 * die.
 */
#include "hook.h"
#include "peer.h"

#include <stdlib.h>

/* More tickets than slots --------------------------------------------------- */

#define BATCHES 200

struct ticket_board {
   uint32_t ready, submitted;
   uint32_t done;
};

static struct {
   struct ticket_board *board;
   struct vk_sync *semaphore;
   uint32_t first;
} submitter;

/* The batches come in order, and each takes a signal of its own. */
static VkResult
submit(struct vk_queue *queue, struct vk_queue_submit *batch)
{
   const uint32_t done = vk_sync_win32_load32(&submitter.board->done);

   REQUIRE_OK(vk_sync_wait_many(queue->base.device, batch->wait_count,
                                batch->waits, VK_SYNC_WAIT_COMPLETE,
                                UINT64_MAX));
   REQUIRE((int32_t)(peer_signals(submitter.semaphore) - submitter.first -
                     done) > 0);
   vk_sync_win32_store32(&submitter.board->done, done + 1);
   return VK_SUCCESS;
}

static int
submitter_main(int argc, char **argv)
{
   const struct peer_run run =
      peer_run_open(argc, argv, sizeof(struct ticket_board));
   struct vk_device *device = unit_device();
   VkQueue queue = unit_queue(device);
   VkSemaphore semaphore = unit_semaphore(device, 0);

   submitter.board = run.board;
   vk_queue_from_handle(queue)->driver_submit = submit;
   peer_import(&run, semaphore, "semaphore", NULL);
   submitter.semaphore = unit_semaphore_sync(semaphore);
   submitter.first = peer_signals(submitter.semaphore);
   vk_sync_win32_store32(&submitter.board->ready, 1);

   for (unsigned i = 0; i < BATCHES; i++)
      REQUIRE_OK(unit_submit(queue, 1,
                             &(struct unit_batch) { .wait = semaphore },
                             VK_NULL_HANDLE));
   vk_sync_win32_store32(&submitter.board->submitted, 1);
   PEER_AWAIT(vk_sync_win32_load32(&submitter.board->done) == BATCHES);
   return 0;
}

static void
more_tickets_than_slots(intptr_t first)
{
   const struct peer_run run = peer_run_create(sizeof(struct ticket_board));
   struct ticket_board *board = run.board;
   struct vk_device *device = unit_device();
   struct vk_sync *sync = peer_share(&run, device, VK_SYNC_WIN32_KIND_BINARY,
                                     "semaphore");
   const uint32_t last = (uint32_t)first + BATCHES;

   unit_layout(sync)->word = vk_sync_win32_pair(last - BATCHES,
                                                last - BATCHES);
   struct peer *peer = peer_start_ready(&run, "submitter", 0, &board->ready);
   PEER_AWAIT(vk_sync_win32_load32(&board->submitted));
   EXPECT_U64(peer_consumed(sync), last);
   EXPECT_U64(peer_count_slots(sync, peer->id), VK_SYNC_WIN32_SLOTS);
   EXPECT_U64(board->done, 0);

   for (uint32_t i = 1; i <= BATCHES; i++) {
      REQUIRE_OK(vk_sync_signal(device, sync, 0));
      REQUIRE_U64(peer_signals(sync), (uint32_t)first + i);
      REQUIRE(vk_sync_win32_load32(&board->done) <= i);
      if (test_random_below(4) == 0)
         PEER_AWAIT(vk_sync_win32_load32(&board->done) == i);
   }
   PEER_AWAIT(vk_sync_win32_load32(&board->done) == BATCHES);
   EXPECT_U64(peer_word(sync), vk_sync_win32_pair(last, last));

   peer_join(peer);
   EXPECT_U64(unit_owned(sync), 0);
   EXPECT_U64(unit_armed(sync), 0);
   vk_sync_destroy(device, sync);
}

/* Counters that wrap -------------------------------------------------------- */

struct wrap {
   struct vk_device *device;
   struct vk_sync *sync;
   bool tickets;
   uint32_t waiting, done;
};

#define WRAP_ROUNDS 40

static void
wrap_wait(void *data)
{
   struct wrap *wrap = data;

   for (uint32_t i = 1; i <= WRAP_ROUNDS; i++) {
      struct vk_sync *pending = wrap->tickets ?
         unit_take(wrap->device, wrap->sync) : wrap->sync;

      vk_sync_win32_store32(&wrap->waiting, i);
      REQUIRE_OK(unit_wait(wrap->device, pending, 0, UINT64_MAX));
      if (!wrap->tickets)
         REQUIRE_OK(vk_sync_reset(wrap->device, wrap->sync));
      vk_sync_win32_store32(&wrap->done, i);
   }
}

static void
wrap_around(struct vk_device *device, bool tickets, bool shared,
            uint32_t first)
{
   struct wrap wrap = {
      .device = device, .tickets = tickets,
      .sync = unit_create(device, tickets ? 0 : VK_SYNC_IS_FENCE, shared),
   };

   vk_sync_win32_store64(unit_payload(wrap.sync)->word,
                         vk_sync_win32_pair(first, first));

   struct test_thread *thread = test_thread_start(wrap_wait, &wrap);
   for (uint32_t i = 1; i <= WRAP_ROUNDS; i++) {
      PEER_AWAIT(vk_sync_win32_load32(&wrap.waiting) == i);
      if (i % 2)
         Sleep(3);
      REQUIRE_U64(vk_sync_win32_load32(&wrap.done), i - 1);
      REQUIRE_RESULT(unit_wait(device, wrap.sync, 0, 0), VK_TIMEOUT);
      REQUIRE_OK(vk_sync_signal(device, wrap.sync, 0));
      PEER_AWAIT(vk_sync_win32_load32(&wrap.done) == i);
   }
   test_thread_join(thread);
   EXPECT_U64(peer_word(wrap.sync),
              vk_sync_win32_pair(first + WRAP_ROUNDS, first + WRAP_ROUNDS));
}

static void
counters_wrap(UNUSED intptr_t arg)
{
   static const uint32_t firsts[] = {
      UINT32_MAX - 20, INT32_MAX - 20, UINT32_MAX, INT32_MAX, 0,
   };
   struct vk_device *device = unit_device();

   for (unsigned i = 0; i < 4 * TEST_COUNT(firsts); i++)
      wrap_around(device, i & 1, i & 2, firsts[i / 4]);
}

/* Fences that are reset at once --------------------------------------------- */

enum { FENCE_THREADS = 3, FENCE_ROUNDS = 400 };

struct fence_board {
   uint32_t ready;
   /* The round that may begin, since the fence has been reset */
   uint32_t round;
   /* Rounds, of the other process and of this one */
   uint32_t done[2][FENCE_THREADS];
};

struct fence_waiter {
   struct vk_device *device;
   struct vk_sync *fence;
   uint32_t *round, *done;
   uint32_t rounds;
   struct test_thread *thread;
};

static void
fence_wait(void *data)
{
   struct fence_waiter *waiter = data;

   for (uint32_t i = 1; i <= waiter->rounds; i++) {
      while (vk_sync_win32_load32(waiter->round) != i)
         Sleep(0);
      REQUIRE_OK(unit_wait(waiter->device, waiter->fence, 0, UINT64_MAX));
      vk_sync_win32_store32(waiter->done, i);
   }
}

static void
start_fence_waiters(struct fence_waiter waiters[FENCE_THREADS],
                    struct vk_device *device, struct vk_sync *fence,
                    struct fence_board *board, unsigned process,
                    uint32_t rounds)
{
   for (unsigned i = 0; i < FENCE_THREADS; i++) {
      waiters[i] = (struct fence_waiter) {
         .device = device, .fence = fence, .round = &board->round,
         .done = &board->done[process][i], .rounds = rounds,
      };
      waiters[i].thread = test_thread_start(fence_wait, &waiters[i]);
   }
}

static void
join_fence_waiters(struct fence_waiter waiters[FENCE_THREADS])
{
   for (unsigned i = 0; i < FENCE_THREADS; i++)
      test_thread_join(waiters[i].thread);
}

static struct {
   struct vk_device *device;
   /* NULL unless it is to be reset */
   struct vk_sync *fence;
} resetter;

/* The word has changed, and nobody has been woken yet. */
static void
reset_at_ring(enum hook_call call)
{
   struct vk_sync *fence = resetter.fence;

   if (call != HOOK_RING || fence == NULL)
      return;
   resetter.fence = NULL;
   REQUIRE_OK(vk_sync_reset(resetter.device, fence));
}

static int
fence_main(int argc, char **argv)
{
   const struct peer_run run =
      peer_run_open(argc, argv, sizeof(struct fence_board));
   struct fence_board *board = run.board;
   struct fence_waiter waiters[FENCE_THREADS];
   struct vk_device *device = unit_device();

   /* Whoever is not rung is not woken. */
   hook_install();
   hook.no_look = true;
   start_fence_waiters(waiters, device,
                       peer_open(&run, device, VK_SYNC_WIN32_KIND_FENCE,
                                 "fence"), board, 0,
                       FENCE_ROUNDS * (unsigned)atoi(argv[1]));
   vk_sync_win32_store32(&board->ready, 1);
   join_fence_waiters(waiters);
   return 0;
}

static bool
all_done(struct fence_board *board, uint32_t round)
{
   for (unsigned i = 0; i < FENCE_THREADS; i++) {
      if (vk_sync_win32_load32(&board->done[0][i]) != round ||
          vk_sync_win32_load32(&board->done[1][i]) != round)
         return false;
   }
   return true;
}

/* Threads of two processes are blocked.  Before they come to look at the fence
 * it is reset, in every other round even before the first of them is rung:
 * still, each of them has seen the signal.
 */
static void
fence_is_reset_while_threads_are_rung(UNUSED intptr_t arg)
{
   const struct peer_run run = peer_run_create(sizeof(struct fence_board));
   const uint32_t rounds = FENCE_ROUNDS * test_scale();
   struct fence_board *board = run.board;
   struct vk_device *device = unit_device();
   struct vk_sync *fence = peer_share(&run, device, VK_SYNC_WIN32_KIND_FENCE,
                                      "fence");
   struct fence_waiter waiters[FENCE_THREADS];

   resetter.device = device;
   hook_install();
   hook.before = reset_at_ring;
   hook.no_look = true;
   struct peer *peer = peer_start_ready(&run, "fence", test_scale(),
                                        &board->ready);
   start_fence_waiters(waiters, device, fence, board, 1, rounds);

   for (uint32_t round = 1; round <= rounds; round++) {
      vk_sync_win32_store32(&board->round, round);
      PEER_AWAIT(unit_armed(fence) == 2 * FENCE_THREADS);
      resetter.fence = round % 2 ? fence : NULL;
      REQUIRE_OK(vk_sync_signal(device, fence, 0));
      REQUIRE(resetter.fence == NULL);
      REQUIRE_OK(vk_sync_reset(device, fence));
      PEER_AWAIT(all_done(board, round));
   }
   join_fence_waiters(waiters);
   hook.no_look = false;
   peer_join(peer);
   EXPECT_U64(peer_word(fence), vk_sync_win32_pair(rounds, rounds));
   EXPECT_U64(unit_owned(fence), 0);
   vk_sync_destroy(device, fence);
}

/* Imports ------------------------------------------------------------------- */

enum { IMPORTERS = 3, HELD = 5 };

static int
holder_main(int argc, char **argv)
{
   const struct peer_run run =
      peer_run_open(argc, argv, sizeof(uint32_t));
   struct vk_device *device = unit_device();
   struct vk_sync *sync = peer_open(&run, device, VK_SYNC_WIN32_KIND_BINARY,
                                    "semaphore");
   struct vk_sync *pending[HELD];

   for (unsigned i = 0; i < HELD; i++)
      pending[i] = unit_take(device, sync);
   vk_sync_win32_store32(run.board, 1);
   (void)!unit_wait(device, pending[0], 0, UINT64_MAX);
   REQUIRE(false);
   return 1;
}

struct importer {
   const struct peer_run *run;
   struct vk_device *device;
   uint32_t stop, imports;
   struct test_thread *thread;
};

static void
import_run(void *data)
{
   struct importer *importer = data;

   while (!vk_sync_win32_load32(&importer->stop)) {
      vk_sync_destroy(importer->device,
                      peer_open(importer->run, importer->device,
                                VK_SYNC_WIN32_KIND_BINARY, "semaphore"));
      importer->imports++;
   }
}

/* All that it holds comes back, whoever finds it. */
static uint32_t
kill_holder(const struct peer_run *run, struct vk_device *device,
            struct vk_sync *sync)
{
   struct peer *peer = peer_start_ready(run, "holder", 0, run->board);
   const uint32_t before = peer_consumed(sync) - HELD;
   struct importer importers[IMPORTERS];
   uint32_t imports = 0;

   for (unsigned i = 0; i < IMPORTERS; i++) {
      importers[i] = (struct importer) { .run = run, .device = device };
      importers[i].thread = test_thread_start(import_run, &importers[i]);
   }
   Sleep(test_random_below(5));
   peer_kill(peer, 1);
   PEER_AWAIT(peer_consumed(sync) == before);

   for (unsigned i = 0; i < IMPORTERS; i++) {
      vk_sync_win32_store32(&importers[i].stop, 1);
      test_thread_join(importers[i].thread);
      imports += importers[i].imports;
   }
   peer_release(peer);
   EXPECT_U64(unit_owned(sync), 0);
   return imports;
}

static void
import_while_a_peer_is_killed(UNUSED intptr_t arg)
{
   const struct peer_run run = peer_run_create(sizeof(uint32_t));
   struct vk_device *device = unit_device();
   struct vk_sync *sync = peer_share(&run, device, VK_SYNC_WIN32_KIND_BINARY,
                                     "semaphore");
   const uint32_t rounds = 12 * test_scale();
   uint32_t imports = 0;

   for (uint32_t round = 0; round < rounds; round++) {
      imports += kill_holder(&run, device, sync);
      REQUIRE_U64(peer_word(sync), vk_sync_win32_pair(round, round));

      /* The next signal is for the next wait. */
      REQUIRE_OK(vk_sync_signal(device, sync, 0));
      REQUIRE_OK(unit_wait(device, unit_take(device, sync), 0,
                           PATIENCE_S * 1000 * MS));
      REQUIRE_U64(peer_word(sync), vk_sync_win32_pair(round + 1, round + 1));
   }
   test_diag("%u imports while %u peers were killed", imports, rounds);
   vk_sync_destroy(device, sync);
}

const struct test_case fault_cases[] = {
   { "200 batches wait for one semaphore", more_tickets_than_slots, 0, 90 },
   { "200 batches wait while the counters wrap", more_tickets_than_slots,
     -100, 90 },
   { "counters wrap", counters_wrap, 0, 90 },
   { "a fence is reset while threads are rung",
     fence_is_reset_while_threads_are_rung, 0, 90 },
   { "a payload is imported while a peer is killed",
     import_while_a_peer_is_killed, 0, 90 },
   { 0 },
};

const struct test_role fault_roles[] = {
   { "submitter", submitter_main },
   { "fence", fence_main },
   { "holder", holder_main },
   { 0 },
};

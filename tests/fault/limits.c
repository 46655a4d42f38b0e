/* SPDX-License-Identifier: MIT */

/* Binary payloads at their limits: more tickets than slots, counters that
 * wrap, fences that are reset while threads are woken, imports while peers
 * die.
 */
#include "api.h"
#include "hook.h"

#include <stdlib.h>

#include "util/macros.h"
#include "util/os_time.h"

#define MS UINT64_C(1000000)
#define PATIENCE_S 20

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

   REQUIRE(vk_sync_wait_many(queue->base.device, batch->wait_count,
                             batch->waits, VK_SYNC_WAIT_COMPLETE,
                             UINT64_MAX) == VK_SUCCESS);
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
   VkSemaphore semaphore = api_semaphore(device, false);

   submitter.board = run.board;
   vk_queue_from_handle(queue)->driver_submit = submit;
   api_import(device, semaphore, &run, "semaphore", NULL);
   submitter.semaphore = api_semaphore_sync(semaphore);
   submitter.first = peer_signals(submitter.semaphore);
   vk_sync_win32_store32(&submitter.board->ready, 1);

   for (unsigned i = 0; i < BATCHES; i++)
      api_submit(queue, &(struct api_batch) { .wait = semaphore });
   vk_sync_win32_store32(&submitter.board->submitted, 1);
   PEER_AWAIT(vk_sync_win32_load32(&submitter.board->done) == BATCHES, 60);
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
   DWORD status;

   unit_layout(sync)->word = vk_sync_win32_pair((uint32_t)first,
                                                (uint32_t)first);
   struct peer *peer = peer_start_ready(&run, "submitter", 0, &board->ready);
   PEER_AWAIT(vk_sync_win32_load32(&board->submitted), PATIENCE_S);
   EXPECT_U64(peer_consumed(sync), last);
   EXPECT_U64(peer_count_slots(sync, peer->id), VK_SYNC_WIN32_SLOTS);
   EXPECT_U64(board->done, 0);

   for (uint32_t i = 1; i <= BATCHES; i++) {
      REQUIRE(vk_sync_signal(device, sync, 0) == VK_SUCCESS);
      REQUIRE_U64(peer_signals(sync), (uint32_t)first + i);
      REQUIRE(vk_sync_win32_load32(&board->done) <= i);
      if (test_random_below(4) == 0)
         PEER_AWAIT(vk_sync_win32_load32(&board->done) == i, PATIENCE_S);
   }
   PEER_AWAIT(vk_sync_win32_load32(&board->done) == BATCHES, PATIENCE_S);
   EXPECT_U64(peer_word(sync), vk_sync_win32_pair(last, last));

   REQUIRE(peer_ended(peer, PATIENCE_S * 1000, &status));
   EXPECT_U64(status, 0);
   EXPECT_U64(peer_count_owned(sync), 0);
   EXPECT_U64(unit_armed(sync), 0);
   vk_sync_destroy(device, sync);
}

/* Counters that wrap -------------------------------------------------------- */

struct wrap {
   struct vk_device *device;
   struct vk_sync *sync;
   bool tickets, shared;
   uint32_t waiting, done, rounds;
};

static void
wrap_wait(void *data)
{
   struct wrap *wrap = data;

   for (uint32_t i = 1; i <= wrap->rounds; i++) {
      struct vk_sync *pending = wrap->sync;

      if (wrap->tickets) {
         pending = peer_private(wrap->device, VK_SYNC_WIN32_KIND_BINARY);
         REQUIRE(vk_sync_move(wrap->device, pending, wrap->sync) ==
                 VK_SUCCESS);
      }
      vk_sync_win32_store32(&wrap->waiting, i);
      REQUIRE(vk_sync_wait(wrap->device, pending, 0, VK_SYNC_WAIT_COMPLETE,
                           UINT64_MAX) == VK_SUCCESS);
      if (wrap->tickets)
         vk_sync_destroy(wrap->device, pending);
      else
         REQUIRE(vk_sync_reset(wrap->device, wrap->sync) == VK_SUCCESS);
      vk_sync_win32_store32(&wrap->done, i);
   }
}

static void
wrap_around(struct wrap *wrap, uint32_t first)
{
   const enum vk_sync_win32_kind kind = wrap->tickets ?
      VK_SYNC_WIN32_KIND_BINARY : VK_SYNC_WIN32_KIND_FENCE;

   wrap->rounds = 40;
   wrap->waiting = wrap->done = 0;
   wrap->sync = wrap->shared ? peer_shared(wrap->device, kind) :
                               peer_private(wrap->device, kind);
   vk_sync_win32_store64(unit_payload(wrap->sync)->word,
                         vk_sync_win32_pair(first, first));

   struct test_thread *thread = test_thread_start(wrap_wait, wrap);
   for (uint32_t i = 1; i <= wrap->rounds; i++) {
      PEER_AWAIT(vk_sync_win32_load32(&wrap->waiting) == i, PATIENCE_S);
      if (i % 2)
         Sleep(3);
      REQUIRE_U64(vk_sync_win32_load32(&wrap->done), i - 1);
      REQUIRE(vk_sync_wait(wrap->device, wrap->sync, 0, VK_SYNC_WAIT_COMPLETE,
                           0) == VK_TIMEOUT);
      REQUIRE(vk_sync_signal(wrap->device, wrap->sync, 0) == VK_SUCCESS);
      PEER_AWAIT(vk_sync_win32_load32(&wrap->done) == i, PATIENCE_S);
   }
   test_thread_join(thread);
   EXPECT_U64(peer_word(wrap->sync),
              vk_sync_win32_pair(first + wrap->rounds, first + wrap->rounds));
   vk_sync_destroy(wrap->device, wrap->sync);
}

static void
counters_wrap(UNUSED intptr_t arg)
{
   static const uint32_t firsts[] = {
      UINT32_MAX - 20, INT32_MAX - 20, UINT32_MAX, INT32_MAX, 0,
   };
   struct wrap wrap = { .device = unit_device() };

   for (unsigned i = 0; i < 4 * TEST_COUNT(firsts); i++) {
      wrap.tickets = i & 1;
      wrap.shared = i & 2;
      wrap_around(&wrap, firsts[i / 4]);
   }
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
};

static void
fence_wait(void *data)
{
   struct fence_waiter *waiter = data;

   for (uint32_t i = 1; i <= waiter->rounds; i++) {
      while (vk_sync_win32_load32(waiter->round) != i)
         Sleep(0);
      REQUIRE(vk_sync_wait(waiter->device, waiter->fence, 0,
                           VK_SYNC_WAIT_COMPLETE, UINT64_MAX) == VK_SUCCESS);
      vk_sync_win32_store32(waiter->done, i);
   }
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
   REQUIRE(vk_sync_reset(resetter.device, fence) == VK_SUCCESS);
}

static void
start_fence_waiters(struct test_thread *threads[FENCE_THREADS],
                    struct fence_waiter waiters[FENCE_THREADS],
                    const struct fence_waiter *what)
{
   for (unsigned i = 0; i < FENCE_THREADS; i++) {
      waiters[i] = *what;
      waiters[i].done += i;
      threads[i] = test_thread_start(fence_wait, &waiters[i]);
   }
}

static int
fence_main(int argc, char **argv)
{
   const struct peer_run run =
      peer_run_open(argc, argv, sizeof(struct fence_board));
   struct fence_board *board = run.board;
   struct fence_waiter waiters[FENCE_THREADS];
   struct test_thread *threads[FENCE_THREADS];
   struct vk_device *device = unit_device();

   /* Whoever is not rung is not woken. */
   hook_install();
   hook.no_look = true;
   start_fence_waiters(threads, waiters, &(struct fence_waiter) {
      .device = device,
      .fence = peer_open(&run, device, VK_SYNC_WIN32_KIND_FENCE, "fence"),
      .round = &board->round, .done = board->done[0],
      .rounds = FENCE_ROUNDS * (unsigned)atoi(argv[1]),
   });
   vk_sync_win32_store32(&board->ready, 1);
   for (unsigned i = 0; i < FENCE_THREADS; i++)
      test_thread_join(threads[i]);
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
   struct test_thread *threads[FENCE_THREADS];
   DWORD status;

   resetter.device = device;
   hook_install();
   hook.before = reset_at_ring;
   hook.no_look = true;
   struct peer *peer = peer_start_ready(&run, "fence", test_scale(),
                                        &board->ready);
   start_fence_waiters(threads, waiters, &(struct fence_waiter) {
      .device = device, .fence = fence, .round = &board->round,
      .done = board->done[1], .rounds = rounds,
   });

   for (uint32_t round = 1; round <= rounds; round++) {
      vk_sync_win32_store32(&board->round, round);
      PEER_AWAIT(unit_armed(fence) == 2 * FENCE_THREADS, PATIENCE_S);
      resetter.fence = round % 2 ? fence : NULL;
      REQUIRE(vk_sync_signal(device, fence, 0) == VK_SUCCESS);
      REQUIRE(resetter.fence == NULL);
      REQUIRE(vk_sync_reset(device, fence) == VK_SUCCESS);
      PEER_AWAIT(all_done(board, round), PATIENCE_S);
   }
   for (unsigned i = 0; i < FENCE_THREADS; i++)
      test_thread_join(threads[i]);
   hook.no_look = false;
   REQUIRE(peer_ended(peer, PATIENCE_S * 1000, &status));
   EXPECT_U64(status, 0);
   EXPECT_U64(peer_word(fence), vk_sync_win32_pair(rounds, rounds));
   EXPECT_U64(peer_count_owned(fence), 0);
   vk_sync_destroy(device, fence);
}

/* Imports ------------------------------------------------------------------- */

enum { IMPORTERS = 3, HELD = 5 };

struct import_board {
   uint32_t ready;
};

static int
holder_main(int argc, char **argv)
{
   const struct peer_run run =
      peer_run_open(argc, argv, sizeof(struct import_board));
   struct vk_device *device = unit_device();
   struct import_board *board = run.board;
   struct vk_sync *sync = peer_open(&run, device, VK_SYNC_WIN32_KIND_BINARY,
                                    "semaphore");
   struct vk_sync *pending[HELD];

   for (unsigned i = 0; i < HELD; i++) {
      pending[i] = peer_private(device, VK_SYNC_WIN32_KIND_BINARY);
      REQUIRE(vk_sync_move(device, pending[i], sync) == VK_SUCCESS);
   }
   vk_sync_win32_store32(&board->ready, 1);
   (void)!vk_sync_wait(device, pending[0], 0, VK_SYNC_WAIT_COMPLETE,
                       UINT64_MAX);
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
   struct import_board *board = run->board;
   struct peer *peer = peer_start_ready(run, "holder", 0, &board->ready);
   const uint32_t before = peer_consumed(sync) - HELD;
   struct importer importers[IMPORTERS];
   uint32_t imports = 0;
   DWORD status;

   for (unsigned i = 0; i < IMPORTERS; i++) {
      importers[i] = (struct importer) { .run = run, .device = device };
      importers[i].thread = test_thread_start(import_run, &importers[i]);
   }
   Sleep(test_random_below(5));
   peer_kill(peer, 1);
   REQUIRE(peer_ended(peer, PATIENCE_S * 1000, &status));
   PEER_AWAIT(peer_consumed(sync) == before, PATIENCE_S);

   for (unsigned i = 0; i < IMPORTERS; i++) {
      vk_sync_win32_store32(&importers[i].stop, 1);
      test_thread_join(importers[i].thread);
      imports += importers[i].imports;
   }
   peer_release(peer);
   EXPECT_U64(peer_count_owned(sync), 0);
   return imports;
}

static void
import_while_a_peer_is_killed(UNUSED intptr_t arg)
{
   const struct peer_run run = peer_run_create(sizeof(struct import_board));
   struct vk_device *device = unit_device();
   struct vk_sync *sync = peer_share(&run, device, VK_SYNC_WIN32_KIND_BINARY,
                                     "semaphore");
   const uint32_t rounds = 12 * test_scale();
   uint32_t imports = 0;

   for (uint32_t round = 0; round < rounds; round++) {
      imports += kill_holder(&run, device, sync);
      REQUIRE_U64(peer_word(sync), vk_sync_win32_pair(round, round));

      /* The next signal is for the next wait. */
      struct vk_sync *pending = peer_private(device,
                                             VK_SYNC_WIN32_KIND_BINARY);
      REQUIRE(vk_sync_signal(device, sync, 0) == VK_SUCCESS);
      REQUIRE(vk_sync_move(device, pending, sync) == VK_SUCCESS);
      REQUIRE(unit_wait(device, pending, 0, PATIENCE_S * 1000 * MS) ==
              VK_SUCCESS);
      vk_sync_destroy(device, pending);
      REQUIRE_U64(peer_word(sync), vk_sync_win32_pair(round + 1, round + 1));
   }
   test_diag("%u imports while %u peers were killed", imports, rounds);
   vk_sync_destroy(device, sync);
}

static const struct test_case cases[] = {
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

static const struct test_role roles[] = {
   { "submitter", submitter_main },
   { "fence", fence_main },
   { "holder", holder_main },
   { 0 },
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, roles);
}

/* SPDX-License-Identifier: MIT */

/* Shared payloads at their limits: more threads and tickets than slots,
 * counters that wrap, fences that are reset while threads are woken, imports
 * while peers die.
 */
#include "hook.h"
#include "peer.h"

/* More threads and tickets than slots --------------------------------------- */

#define CROWD 300

/* Who has a slot need not look, and is rung; the others poll. */
static void
crowd_is_woken(intptr_t flags)
{
   static struct unit_waiter waiters[CROWD];
   struct vk_device *device = unit_device();
   struct vk_sync *sync = unit_shared(device, (enum vk_sync_flags)flags);

   hook_install();
   hook.no_look = true;
   for (unsigned round = 1; round <= 3; round++) {
      for (unsigned i = 0; i < CROWD; i++)
         unit_block(&waiters[i], device, sync, round, UINT64_MAX);
      PEER_AWAIT(unit_armed(sync) == VK_SYNC_WIN32_SLOTS);
      Sleep(500);

      REQUIRE_OK(unit_signal(device, sync, round));
      for (unsigned i = 0; i < CROWD; i++)
         EXPECT_OK(unit_waiter_join(&waiters[i]));
      EXPECT_U64(unit_owned(sync), 0);
      EXPECT_U64(unit_armed(sync), 0);
      if (!(flags & VK_SYNC_IS_TIMELINE))
         REQUIRE_OK(vk_sync_reset(device, sync));
   }
   hook.no_look = false;
}

/* Each has a ticket, and sees the signal of that number and no other. */
static void
more_tickets_than_slots(intptr_t first)
{
   static struct unit_waiter waiters[CROWD];
   struct vk_device *device = unit_device();
   struct vk_sync *sync = unit_shared(device, 0);
   const uint32_t last = (uint32_t)first + CROWD;

   unit_layout(sync)->word = vk_sync_win32_pair((uint32_t)first,
                                                (uint32_t)first);
   hook_install();
   hook.no_look = true;
   for (unsigned i = 0; i < CROWD; i++)
      unit_block(&waiters[i], device, unit_take(device, sync), 0, UINT64_MAX);
   EXPECT_U64(peer_consumed(sync), last);
   EXPECT_U64(unit_owned(sync), VK_SYNC_WIN32_SLOTS);
   PEER_AWAIT(unit_armed(sync) == VK_SYNC_WIN32_SLOTS);

   for (unsigned i = 0; i < CROWD; i++) {
      for (unsigned j = i; j < CROWD; j++)
         REQUIRE(!waiters[j].done);
      REQUIRE_OK(vk_sync_signal(device, sync, 0));
      if (test_random_below(4) == 0)
         PEER_AWAIT(waiters[i].done);
   }
   for (unsigned i = 0; i < CROWD; i++)
      EXPECT_OK(unit_waiter_join(&waiters[i]));
   hook.no_look = false;
   EXPECT_U64(peer_word(sync), vk_sync_win32_pair(last, last));
   EXPECT_U64(unit_owned(sync), 0);
   EXPECT_U64(unit_armed(sync), 0);
}

/* Fences that are reset at once --------------------------------------------- */

#define FENCE_THREADS 6

static struct {
   struct vk_device *device;
   struct vk_sync *sync;
   bool resets_at_ring;
} fence;

/* The word has changed, and nobody has been woken yet. */
static void
reset_at_ring(enum hook_call call, bool after)
{
   if (call != HOOK_RING || after || !fence.resets_at_ring)
      return;
   fence.resets_at_ring = false;
   REQUIRE_OK(vk_sync_reset(fence.device, fence.sync));
}

/* Threads are blocked, and whoever is not rung is not woken.  Before they come
 * to look at the fence it is reset, in every other round even before the first
 * of them is rung: still, each of them has seen the signal.
 */
static void
fence_is_reset_while_threads_are_rung(intptr_t first)
{
   const uint32_t rounds = 400 * test_scale();
   const uint32_t last = (uint32_t)first + rounds;
   struct unit_waiter waiters[FENCE_THREADS];
   struct vk_device *device = unit_device();
   struct vk_sync *sync = unit_shared(device, VK_SYNC_IS_FENCE);
   struct vk_sync *peer = unit_sync(device, VK_SYNC_IS_FENCE, 0);

   REQUIRE_OK(vk_sync_import_win32_handle(
      device, peer, VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT,
      unit_export(device, sync), NULL));
   unit_layout(sync)->word = vk_sync_win32_pair((uint32_t)first,
                                                (uint32_t)first);
   fence.device = device;
   fence.sync = sync;
   hook_install();
   hook.at = reset_at_ring;
   hook.no_look = true;

   for (uint32_t round = 0; round < rounds; round++) {
      for (unsigned i = 0; i < FENCE_THREADS; i++)
         unit_block(&waiters[i], device, i % 2 ? peer : sync, 0, UINT64_MAX);
      PEER_AWAIT(unit_armed(sync) == FENCE_THREADS);
      fence.resets_at_ring = round % 2;
      REQUIRE_OK(vk_sync_signal(device, sync, 0));
      REQUIRE(!fence.resets_at_ring);
      REQUIRE_OK(vk_sync_reset(device, sync));
      for (unsigned i = 0; i < FENCE_THREADS; i++)
         REQUIRE_OK(unit_waiter_join(&waiters[i]));
   }
   hook.no_look = false;
   hook.at = NULL;
   EXPECT_U64(peer_word(sync), vk_sync_win32_pair(last, last));
   EXPECT_U64(unit_owned(sync), 0);
}

/* Imports ------------------------------------------------------------------- */

enum { IMPORTERS = 3, HELD = 5 };

static int
holder_main(int argc, char **argv)
{
   const struct peer_run run = peer_run_open(argc, argv, sizeof(uint32_t));
   struct vk_device *device = unit_device();
   struct vk_sync *sync = peer_open(&run, device, VK_SYNC_WIN32_KIND_BINARY,
                                    "semaphore");
   struct vk_sync *pending = NULL;

   for (unsigned i = 0; i < HELD; i++)
      pending = unit_take(device, sync);
   vk_sync_win32_store32(run.board, 1);
   (void)!unit_wait(device, pending, 0, UINT64_MAX);
   return 1;
}

static struct {
   struct peer_run run;
   struct vk_device *device;
   uint32_t stop;
} importers;

static void
import_run(UNUSED void *data)
{
   while (!vk_sync_win32_load32(&importers.stop))
      vk_sync_destroy(importers.device,
                      peer_open(&importers.run, importers.device,
                                VK_SYNC_WIN32_KIND_BINARY, "semaphore"));
}

/* All that it holds comes back, whoever finds it. */
static void
kill_holder(struct vk_sync *sync)
{
   struct peer *peer = peer_start_ready(&importers.run, "holder", 0,
                                        importers.run.board);
   const uint32_t before = peer_consumed(sync) - HELD;
   struct test_thread *threads[IMPORTERS];

   importers.stop = 0;
   for (unsigned i = 0; i < IMPORTERS; i++)
      threads[i] = test_thread_start(import_run, NULL);
   Sleep(test_random_below(5));
   peer_kill(peer, 1);
   PEER_AWAIT(peer_consumed(sync) == before);

   vk_sync_win32_store32(&importers.stop, 1);
   for (unsigned i = 0; i < IMPORTERS; i++)
      test_thread_join(threads[i]);
   peer_release(peer);
   EXPECT_U64(unit_owned(sync), 0);
}

static void
import_while_a_peer_is_killed(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   const uint32_t rounds = 12 * test_scale();

   importers.run = peer_run_create(sizeof(uint32_t));
   importers.device = device;
   struct vk_sync *sync = peer_share(&importers.run, device,
                                     VK_SYNC_WIN32_KIND_BINARY, "semaphore");
   for (uint32_t round = 0; round < rounds; round++) {
      kill_holder(sync);
      REQUIRE_U64(peer_word(sync), vk_sync_win32_pair(round, round));

      /* The next signal is for the next wait. */
      REQUIRE_OK(vk_sync_signal(device, sync, 0));
      REQUIRE_OK(unit_wait(device, unit_take(device, sync), 0,
                           PATIENCE_S * 1000 * MS));
      REQUIRE_U64(peer_word(sync), vk_sync_win32_pair(round + 1, round + 1));
   }
   vk_sync_destroy(device, sync);
}

const struct test_case test_cases[] = {
   { "300 threads wait for a shared timeline", crowd_is_woken,
     VK_SYNC_IS_TIMELINE, 120 },
   { "300 threads wait for a shared fence", crowd_is_woken, VK_SYNC_IS_FENCE,
     120 },
   /* The numbers wrap meanwhile, or their differences would if they were
    * compared in another way.
    */
   { "300 threads wait for tickets of a semaphore", more_tickets_than_slots,
     -100, 120 },
   { "300 threads wait for tickets, around the largest int",
     more_tickets_than_slots, INT32_MAX - 100, 120 },
   { "a fence is reset while threads are rung",
     fence_is_reset_while_threads_are_rung, -200, 90 },
   { "a fence is reset, around the largest int",
     fence_is_reset_while_threads_are_rung, INT32_MAX - 200, 90 },
   { "a payload is imported while a peer is killed",
     import_while_a_peer_is_killed, 0, 90 },
   { 0 },
};

const struct test_role test_roles[] = {
   { "holder", holder_main },
   { 0 },
};

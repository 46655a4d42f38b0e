/* SPDX-License-Identifier: MIT */

/* More threads are blocked on one payload than it has slots. */
#include "hook.h"
#include "peer.h"

#include <process.h>

#define THREADS 300
#define ROUNDS 3

static struct {
   struct vk_device *device;
   struct vk_sync *sync;
   uint64_t value;
   uint32_t waiting, done, rung;
   HANDLE threads[THREADS];
} crowd;

static void
gather(intptr_t flags, bool shared)
{
   crowd.device = unit_device();
   crowd.value = 1;
   crowd.sync = unit_create(crowd.device, (enum vk_sync_flags)flags, shared);
}

static unsigned __stdcall
wait_in_crowd(UNUSED void *data)
{
   p_atomic_inc(&crowd.waiting);
   REQUIRE_OK(unit_wait(crowd.device, crowd.sync, crowd.value, UINT64_MAX));
   if (hook_thread_polls() == 0)
      p_atomic_inc(&crowd.rung);
   p_atomic_inc(&crowd.done);
   return 0;
}

static void
start_crowd(void)
{
   crowd.waiting = crowd.done = crowd.rung = 0;
   for (unsigned i = 0; i < THREADS; i++) {
      crowd.threads[i] = (HANDLE)_beginthreadex(
         NULL, 65536, wait_in_crowd, NULL, STACK_SIZE_PARAM_IS_A_RESERVATION,
         NULL);
      REQUIRE(crowd.threads[i] != NULL);
   }
   PEER_AWAIT(vk_sync_win32_load32(&crowd.waiting) == THREADS);
}

static void
wake_crowd(void)
{
   const double start_ms = test_now_ms();

   REQUIRE_OK(unit_signal(crowd.device, crowd.sync, crowd.value));
   for (unsigned i = 0; i < THREADS; i++) {
      if (WaitForSingleObject(crowd.threads[i], PATIENCE_S * 1000) !=
          WAIT_OBJECT_0)
         test_fail(true, __FILE__, __LINE__, "%u of %u threads woke",
                   crowd.done, THREADS);
      CloseHandle(crowd.threads[i]);
   }
   test_diag("%u threads woke after %.1f ms at most; %u of them never polled",
             crowd.done, test_now_ms() - start_ms, crowd.rung);
}

static void
next_round(void)
{
   if (!(crowd.sync->flags & VK_SYNC_IS_TIMELINE))
      REQUIRE_OK(vk_sync_reset(crowd.device, crowd.sync));
   crowd.value++;
}

/* Those that come when the slots have been given up get one, and are rung. */
static void
check_slots(void)
{
   const uint32_t polls = hook.polls;
   struct unit_waiter waiter;

   EXPECT_U64(unit_owned(crowd.sync), 0);
   EXPECT_U64(unit_armed(crowd.sync), 0);

   hook.no_look = true;
   unit_block(&waiter, crowd.device, crowd.sync, crowd.value, UINT64_MAX);
   PEER_AWAIT(unit_armed(crowd.sync) == 1);
   REQUIRE_OK(unit_signal(crowd.device, crowd.sync, crowd.value));
   EXPECT_OK(unit_waiter_join(&waiter));
   hook.no_look = false;
   EXPECT_U64(hook.polls, polls);
   next_round();
}

static void
wake_shared_crowd(intptr_t flags)
{
   hook_install();
   gather(flags, true);
   for (unsigned i = 0; i < ROUNDS; i++) {
      start_crowd();
      PEER_AWAIT(unit_armed(crowd.sync) == VK_SYNC_WIN32_SLOTS);
      Sleep(500);
      wake_crowd();

      /* Each slot is somebody's who has no reason to poll. */
      EXPECT(crowd.rung >= VK_SYNC_WIN32_SLOTS);
      next_round();
      check_slots();
   }
}

static void
wake_private_crowd(intptr_t flags)
{
   gather(flags, false);
   for (unsigned i = 0; i < ROUNDS; i++) {
      start_crowd();
      Sleep(50);
      wake_crowd();
      next_round();
   }
}

const struct test_case fault_cases[] = {
   { "300 threads wait for a shared timeline", wake_shared_crowd,
     VK_SYNC_IS_TIMELINE, 120 },
   { "300 threads wait for a shared fence", wake_shared_crowd,
     VK_SYNC_IS_FENCE, 120 },
   { "300 threads wait for a private timeline", wake_private_crowd,
     VK_SYNC_IS_TIMELINE, 120 },
   { "300 threads wait for a private fence", wake_private_crowd,
     VK_SYNC_IS_FENCE, 120 },
   { 0 },
};

const struct test_role fault_roles[] = { { 0 } };

/* SPDX-License-Identifier: MIT */

/* More threads are blocked on one payload than it has slots. */
#include "hook.h"
#include "peer.h"

#include <process.h>
#include <stdlib.h>

#include "util/macros.h"
#include "util/os_time.h"

#define THREADS 300
#define PATIENCE_S 30
#define ROUNDS 3

static struct {
   struct vk_device *device;
   struct vk_sync *sync;
   enum vk_sync_win32_kind kind;
   uint64_t value;
   uint32_t waiting, done, rung;
} crowd;

static unsigned __stdcall
wait_in_crowd(UNUSED void *data)
{
   const bool timeline = crowd.kind == VK_SYNC_WIN32_KIND_TIMELINE;

   p_atomic_inc(&crowd.waiting);
   REQUIRE(vk_sync_wait(crowd.device, crowd.sync, timeline ? crowd.value : 0,
                        VK_SYNC_WAIT_COMPLETE, UINT64_MAX) == VK_SUCCESS);
   if (hook_thread_polls() == 0)
      p_atomic_inc(&crowd.rung);
   p_atomic_inc(&crowd.done);
   return 0;
}

static void
start_crowd(HANDLE *threads)
{
   crowd.waiting = crowd.done = crowd.rung = 0;
   for (unsigned i = 0; i < THREADS; i++) {
      threads[i] = (HANDLE)_beginthreadex(NULL, 65536, wait_in_crowd, NULL,
                                          STACK_SIZE_PARAM_IS_A_RESERVATION,
                                          NULL);
      REQUIRE(threads[i] != NULL);
   }
   PEER_AWAIT(vk_sync_win32_load32(&crowd.waiting) == THREADS, PATIENCE_S);
}

static void
end_crowd(HANDLE *threads)
{
   for (unsigned i = 0; i < THREADS; i++) {
      if (WaitForSingleObject(threads[i], PATIENCE_S * 1000) !=
          WAIT_OBJECT_0)
         test_fail(true, __FILE__, __LINE__, "%u of %u threads woke",
                   crowd.done, THREADS);
      CloseHandle(threads[i]);
   }
}

static void
signal_crowd(void)
{
   const bool timeline = crowd.kind == VK_SYNC_WIN32_KIND_TIMELINE;

   REQUIRE(vk_sync_signal(crowd.device, crowd.sync,
                          timeline ? crowd.value : 0) == VK_SUCCESS);
}

static void
next_round(void)
{
   if (crowd.kind != VK_SYNC_WIN32_KIND_TIMELINE)
      REQUIRE(vk_sync_reset(crowd.device, crowd.sync) == VK_SUCCESS);
   crowd.value++;
}

/* Those that come when the slots have been given up get one, and are rung. */
static void
check_slots(void)
{
   EXPECT_U64(peer_count_owned(crowd.sync), 0);
   EXPECT_U64(unit_armed(crowd.sync), 0);

   struct unit_waiter waiter = {
      .device = crowd.device, .count = 1, .timeout_ns = UINT64_MAX,
      .waits = &(struct vk_sync_wait) {
         .sync = crowd.sync,
         .wait_value = crowd.kind == VK_SYNC_WIN32_KIND_TIMELINE ?
                       crowd.value : 0,
      },
   };
   const uint32_t polls = hook.polls;

   hook.no_look = true;
   unit_waiter_start(&waiter);
   PEER_AWAIT(unit_armed(crowd.sync) == 1, PATIENCE_S);
   signal_crowd();
   unit_waiter_join(&waiter);
   hook.no_look = false;
   EXPECT(waiter.result == VK_SUCCESS);
   EXPECT_U64(hook.polls, polls);
   next_round();
}

static void
gather(enum vk_sync_win32_kind kind, bool shared)
{
   crowd.device = unit_device();
   crowd.kind = kind;
   crowd.value = 1;
   crowd.sync = shared ? peer_shared(crowd.device, kind) :
                         peer_private(crowd.device, kind);
}

static void
wake_shared_crowd(intptr_t kind)
{
   static bool hooked;
   HANDLE threads[THREADS];

   if (!hooked)
      hook_install();
   hooked = true;
   gather((enum vk_sync_win32_kind)kind, true);

   for (unsigned i = 0; i < ROUNDS; i++) {
      start_crowd(threads);
      PEER_AWAIT(unit_armed(crowd.sync) == VK_SYNC_WIN32_SLOTS, PATIENCE_S);
      Sleep(200);

      const uint64_t cpu_us = peer_cpu_us();
      const double start_ms = test_now_ms();
      const uint32_t polls = hook.polls;
      Sleep(300);
      const double ms = test_now_ms() - start_ms;
      test_diag("blocked, they poll %.0f times a second, using %.1f %% of a "
                "CPU", 1000 * (hook.polls - polls) / ms,
                (peer_cpu_us() - cpu_us) / 10.0 / ms);

      const double signal_ms = test_now_ms();
      signal_crowd();
      end_crowd(threads);
      test_diag("%u threads woke after %.1f ms at most; %u of them never "
                "polled", crowd.done, test_now_ms() - signal_ms, crowd.rung);

      /* Each slot is somebody's who has no reason to poll. */
      EXPECT(crowd.rung >= VK_SYNC_WIN32_SLOTS);
      next_round();
      check_slots();
   }
   vk_sync_destroy(crowd.device, crowd.sync);
}

static void
wake_private_crowd(intptr_t kind)
{
   HANDLE threads[THREADS];

   gather((enum vk_sync_win32_kind)kind, false);
   for (unsigned i = 0; i < ROUNDS; i++) {
      start_crowd(threads);
      Sleep(50);

      const double signal_ms = test_now_ms();
      signal_crowd();
      end_crowd(threads);
      test_diag("%u threads woke after %.1f ms at most", crowd.done,
                test_now_ms() - signal_ms);
      next_round();
   }
   vk_sync_destroy(crowd.device, crowd.sync);
}

static const struct test_case cases[] = {
   { "300 threads wait for a shared timeline", wake_shared_crowd,
     VK_SYNC_WIN32_KIND_TIMELINE, 120 },
   { "300 threads wait for a shared fence", wake_shared_crowd,
     VK_SYNC_WIN32_KIND_FENCE, 120 },
   { "300 threads wait for a private timeline", wake_private_crowd,
     VK_SYNC_WIN32_KIND_TIMELINE, 120 },
   { "300 threads wait for a private fence", wake_private_crowd,
     VK_SYNC_WIN32_KIND_FENCE, 120 },
   { 0 },
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}

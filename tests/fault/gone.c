/* SPDX-License-Identifier: MIT */

/* Nobody waits for a thread that is gone: neither who signals what threads
 * were blocked on that have been terminated, nor a process that ends while
 * its threads are blocked.
 */
#include "peer.h"
#include "step.h"

#include <process.h>
#include <stdlib.h>

#include "util/os_time.h"

#define NEVER (UINT64_C(1) << 40)
#define TRIES 3

/* A signal may take as long, and longer for each of the dead: what it tries in
 * vain are calls into the kernel.
 */
#define LIMIT_MS 250.0
#define LIMIT_MS_EACH 25.0

#define MOST_THREADS 80

/* The dead ------------------------------------------------------------------ */

static const struct kind {
   const char *name;
   enum vk_sync_flags flags;
   bool shared;
   /* There is a timeline beside it, shared if this is private. */
   enum { ALONE, OR_NEVER, AND_REACHED } beside;
} kinds[] = {
   { "private timeline", VK_SYNC_IS_TIMELINE, false },
   { "private fence", VK_SYNC_IS_FENCE, false },
   { "private semaphore", 0, false },
   { "shared timeline", VK_SYNC_IS_TIMELINE, true },
   { "shared fence", VK_SYNC_IS_FENCE, true },
   { "shared semaphore", 0, true },
   { "private timeline, or a shared one", VK_SYNC_IS_TIMELINE, false,
     OR_NEVER },
   { "shared timeline, or a private one", VK_SYNC_IS_TIMELINE, true,
     OR_NEVER },
   { "private timeline, and a shared one", VK_SYNC_IS_TIMELINE, false,
     AND_REACHED },
   { "shared timeline, and a private one", VK_SYNC_IS_TIMELINE, true,
     AND_REACHED },
};

static struct {
   struct vk_device *device;
   const struct kind *kind;
   struct vk_sync_wait waits[2];
   uint32_t waiting, done;
} grave;

static unsigned __stdcall
wait_in_grave(UNUSED void *data)
{
   struct vk_sync_wait waits[] = { grave.waits[0], grave.waits[1] };

   if (grave.kind->flags == 0)
      waits[0].sync = unit_take(grave.device, waits[0].sync);
   p_atomic_inc(&grave.waiting);
   REQUIRE_OK(vk_sync_wait_many(grave.device,
                                grave.kind->beside == ALONE ? 1 : 2, waits,
                                grave.kind->beside == AND_REACHED ?
                                VK_SYNC_WAIT_COMPLETE : VK_SYNC_WAIT_ANY,
                                UINT64_MAX));
   p_atomic_inc(&grave.done);
   return 0;
}

static void
terminate(HANDLE thread)
{
   REQUIRE(TerminateThread(thread, 0));
   REQUIRE(WaitForSingleObject(thread, 10000) == WAIT_OBJECT_0);
   CloseHandle(thread);
}

/* The first threads to wait, or the last, or some; one goes on.  Each has a
 * ticket of its own.  How long the longest signal takes, in ms: a semaphore
 * has one for each of the dead.
 */
static double
bury(unsigned dead, struct vk_sync *sync, uint64_t value)
{
   const unsigned living = test_random_below(dead + 1);
   const unsigned signals = grave.kind->flags == 0 ? dead + 1 : 1;
   HANDLE threads[MOST_THREADS];

   grave.waiting = grave.done = 0;
   for (unsigned i = 0; i <= dead; i++) {
      threads[i] =
         (HANDLE)_beginthreadex(NULL, 0, wait_in_grave, NULL, 0, NULL);
      REQUIRE(threads[i] != NULL);
   }
   PEER_AWAIT(vk_sync_win32_load32(&grave.waiting) == dead + 1);
   Sleep(20 + test_random_below(100));
   for (unsigned i = 0; i <= dead; i++) {
      if (i != living)
         terminate(threads[i]);
      else
         CloseHandle(threads[i]);
   }

   double longest_ms = 0;
   for (unsigned i = 0; i < signals; i++) {
      const double start_ms = test_now_ms();

      REQUIRE_OK(unit_signal(grave.device, sync, value));
      longest_ms = MAX2(longest_ms, test_now_ms() - start_ms);
   }

   PEER_AWAIT(vk_sync_win32_load32(&grave.done) == 1);
   return longest_ms;
}

static void
signal_the_dead(const struct kind *kind, unsigned dead)
{
   const double limit_ms = LIMIT_MS + LIMIT_MS_EACH * dead;
   const bool timeline = kind->flags & VK_SYNC_IS_TIMELINE;
   struct vk_device *device = grave.device;
   struct vk_sync *sync = unit_create(device, kind->flags, kind->shared);
   struct vk_sync *other = unit_create(device, VK_SYNC_IS_TIMELINE,
                                       !kind->shared);
   double ms = 0;

   grave.kind = kind;
   grave.waits[1] = (struct vk_sync_wait) {
      .sync = other, .wait_value = kind->beside == OR_NEVER ? NEVER : 0,
   };
   for (unsigned i = 1; i <= TRIES; i++) {
      grave.waits[0] = (struct vk_sync_wait) {
         .sync = sync, .wait_value = timeline ? i : 0,
      };
      ms = bury(dead, sync, i);
      if (ms < limit_ms)
         break;
      if (!timeline)
         REQUIRE_OK(vk_sync_reset(device, sync));
   }
   test_diag("%s, %u dead: to signal takes %.1f ms", kind->name, dead, ms);
   EXPECT(ms < limit_ms);

   /* What the dead leave behind hurts nobody later, either. */
   REQUIRE_OK(vk_sync_signal(device, other, NEVER));
   for (unsigned i = 0; i < 2; i++) {
      if (!timeline)
         REQUIRE_OK(vk_sync_reset(device, sync));
      REQUIRE_OK(unit_signal(device, sync, NEVER + i));
   }
}

/* A child, since the threads' stacks and more are lost for good. */
static int
signaller_main(UNUSED int argc, UNUSED char **argv)
{
   static const unsigned counts[] = { 1, 3, MOST_THREADS - 1 };

   grave.device = unit_device();
   for (unsigned i = 0; i < TEST_COUNT(kinds); i++) {
      for (unsigned j = 0; j < TEST_COUNT(counts); j++)
         signal_the_dead(&kinds[i], counts[j]);
   }
   return test_failed();
}

static void
signal_beside_the_dead(UNUSED intptr_t arg)
{
   const struct peer_run run = peer_run_create(16);
   struct peer *peer = peer_start(&run, "signaller", 0);
   DWORD status = 1;

   REQUIRE(peer_ended(peer, 60000, &status));
   EXPECT_U64(status, 0);
}

/* The end of a process ------------------------------------------------------ */

#ifdef HAVE_STEPS
enum ending {
   END_RETURN,         /* from main() */
   END_EXIT_THREAD,    /* another thread calls exit(), main() is blocked */
   END_PROCESS,        /* ExitProcess() */
   END_PROCESS_THREAD, /* the same from another thread */
};

#define END_STATUS 42

struct end_board {
   uint64_t seed;
   /* After so many instructions of a wait, one thread stops for good. */
   uint32_t steps;
   /* Waits without a time-out, which takes a while */
   uint32_t patient;
   /* Whether it has come so far; 2 when that is over */
   uint32_t at_exit, at_detach;
   uint32_t failed;
};

static struct {
   struct end_board *board;
   struct vk_device *device;
   /* Threads block on the first, come and go on the second, and one may have
    * stopped in the lock of the third.
    */
   struct vk_sync *private[3], *shared[2];
   struct vk_sync *fence;
   VkSemaphore semaphore;
   int32_t steps_left;
   uint32_t stopped;
   /* Whose callback comes last of all */
   DWORD fls;
} end;

static VkResult
wait_for(struct vk_sync *sync, uint64_t value, uint64_t timeout_ns)
{
   return unit_wait(end.device, sync, value, timeout_ns);
}

static VkResult
wait_for_any(struct vk_sync *a, struct vk_sync *b, uint64_t timeout_ns)
{
   const struct vk_sync_wait waits[] = {
      { .sync = a, .wait_value = NEVER }, { .sync = b, .wait_value = NEVER },
   };

   return vk_sync_wait_many(end.device, 2, waits, VK_SYNC_WAIT_ANY,
                            os_time_get_absolute_timeout(timeout_ns));
}

static void
signal_next(struct vk_sync *sync)
{
   /* Somebody else may be faster. */
   (void)!vk_sync_signal(end.device, sync, peer_word(sync) + 1);
}

/* What an application might still do then */
static void
use_all(void)
{
   uint64_t value;

   for (unsigned i = 0; i < 2; i++) {
      signal_next(end.private[i]);
      signal_next(end.shared[i]);
      EXPECT_OK(wait_for(end.private[i], 1, UINT64_MAX));
      EXPECT_OK(wait_for(end.shared[i], 1, UINT64_MAX));
      EXPECT(wait_for(end.shared[i], NEVER, 5 * MS) != VK_SUCCESS);
   }
   REQUIRE_OK(vk_sync_get_value(end.device, end.shared[0], &value));
   EXPECT_OK(vk_sync_signal(end.device, end.fence, 0));
   EXPECT_OK(vk_sync_reset(end.device, end.fence));
   struct vk_sync *semaphore = unit_semaphore_sync(end.semaphore);
   REQUIRE_OK(vk_sync_get_value(end.device, semaphore, &value));
   EXPECT_OK(vk_sync_signal(end.device, semaphore, value + 1));
}

static void
at_exit(void)
{
   use_all();
   EXPECT_RESULT(wait_for_any(end.private[0], end.shared[0], 5 * MS),
                 VK_TIMEOUT);
   vk_sync_win32_store32(&end.board->at_exit, 1);
}

/* All other threads are gone, wherever they were, as when a DLL is told that
 * the process ends.
 */
static void WINAPI
at_detach(UNUSED void *data)
{
   if (!vk_sync_win32_nt.is_shutting_down())
      return;

   end.board->at_detach = 1;
   use_all();
   signal_next(end.private[2]);
   for (unsigned i = 0; i < 3; i++) {
      EXPECT_OK(wait_for(end.private[i], 1, 5 * MS));
      EXPECT_RESULT(wait_for(end.private[i], NEVER, UINT64_MAX),
                    VK_ERROR_DEVICE_LOST);
      EXPECT(wait_for_any(end.private[i], end.shared[0], 5 * MS) !=
             VK_SUCCESS);
   }
   if (end.board->patient)
      EXPECT_RESULT(wait_for_any(end.private[2], end.shared[0], UINT64_MAX),
                    VK_ERROR_DEVICE_LOST);
   end.board->failed = test_failed();
   vk_sync_win32_store32(&end.board->at_detach, 2);
}

static void
block_for_good(void *data)
{
   switch ((uintptr_t)data % 3) {
   case 0:
      (void)!wait_for(end.private[0], NEVER, UINT64_MAX);
      break;
   case 1:
      (void)!wait_for(end.shared[0], NEVER, UINT64_MAX);
      break;
   default:
      (void)!wait_for_any(end.private[0], end.shared[0], UINT64_MAX);
   }
}

static void
come_and_go(void *data)
{
   for (;;) {
      if ((uintptr_t)data % 2)
         signal_next(end.private[1]);
      else
         (void)!wait_for(end.private[1], peer_word(end.private[1]) + 1, MS);
      (void)!wait_for_any(end.private[1], end.shared[1], MS / 4);
      signal_next(end.shared[1]);
   }
}

static void
count_step(void)
{
   if (end.steps_left-- == 0) {
      vk_sync_win32_store32(&end.stopped, 1);
      Sleep(INFINITE);
   }
}

static void
stop_in_wait(UNUSED void *data)
{
   /* Nor in what is done but once, with a lock of its own */
   (void)!wait_for(end.private[2], NEVER, MS / 10);

   for (;;) {
      step_begin(count_step, NULL);
      (void)!wait_for(end.private[2], NEVER, MS / 10);
      step_end();
   }
}

static void
end_here(void *ending)
{
   REQUIRE(FlsSetValue(end.fls, &end));
   if ((uintptr_t)ending == END_EXIT_THREAD)
      exit(END_STATUS);
   ExitProcess(END_STATUS);
}

/* So that no thread stops in an allocation, and thereby stops all who allocate */
static void
make_waiters(void)
{
   struct vk_sync_win32_waiter *waiters[16];

   for (unsigned i = 0; i < TEST_COUNT(waiters); i++) {
      waiters[i] = vk_sync_win32_waiter_get(256);
      REQUIRE(waiters[i] != NULL);
      vk_sync_win32_waiter_begin(waiters[i], true);
      vk_sync_win32_waiter_end(waiters[i]);
   }
   for (unsigned i = 0; i < TEST_COUNT(waiters); i++)
      vk_sync_win32_waiter_put(waiters[i]);
}

static void
start_threads(void)
{
   VkQueue queue = unit_queue(end.device);

   make_waiters();

   for (uintptr_t i = 0; i < 6; i++)
      test_thread_start(block_for_good, (void *)i);
   for (uintptr_t i = 0; i < 3; i++)
      test_thread_start(come_and_go, (void *)i);
   REQUIRE_OK(unit_submit(queue, 1, &(struct unit_batch) {
      .wait = end.semaphore, .wait_value = NEVER,
   }, unit_fence(end.device)));

   end.steps_left = (int32_t)end.board->steps;
   test_thread_start(stop_in_wait, NULL);
   PEER_AWAIT(vk_sync_win32_load32(&end.stopped));
   Sleep(peer_random_below(&end.board->seed, 60));
}

static int
ender_main(int argc, char **argv)
{
   const struct peer_run run =
      peer_run_open(argc, argv, sizeof(struct end_board));
   const uintptr_t ending = (uintptr_t)atoi(argv[1]);

   end.device = unit_device();
   for (unsigned i = 0; i < 3; i++)
      end.private[i] = unit_sync(end.device, VK_SYNC_IS_TIMELINE, 0);
   for (unsigned i = 0; i < 2; i++)
      end.shared[i] = unit_shared(end.device, VK_SYNC_IS_TIMELINE);
   end.fence = unit_sync(end.device, VK_SYNC_IS_FENCE, 0);
   end.semaphore = unit_semaphore(end.device, VK_SYNC_IS_TIMELINE);
   end.board = run.board;
   atexit(at_exit);
   end.fls = FlsAlloc(at_detach);
   start_threads();

   if (ending == END_RETURN) {
      REQUIRE(FlsSetValue(end.fls, &end));
      return END_STATUS;
   }
   if (ending == END_PROCESS)
      end_here((void *)ending);
   test_thread_start(end_here, (void *)ending);
   block_for_good((void *)(uintptr_t)peer_random_below(&end.board->seed, 3));
   return 1;
}

static void
end_process(intptr_t ending)
{
   const struct peer_run run = peer_run_create(sizeof(struct end_board));
   struct end_board *board = run.board;
   const unsigned times = 12 * test_scale();

   for (unsigned i = 0; i < times; i++) {
      DWORD status = 0;

      *board = (struct end_board) {
         .seed = test_random(), .steps = test_random_below(3000),
         .patient = i % 8 == 7,
      };
      struct peer *peer = peer_start(&run, "ender", (unsigned)ending);
      if (!peer_ended(peer, PATIENCE_S * 1000, &status))
         test_fail(true, __FILE__, __LINE__, "the process does not end "
                   "(number %u, steps %u, stages %u and %u)", i, board->steps,
                   board->at_exit, board->at_detach);
      EXPECT_U64(status, END_STATUS);
      EXPECT_U64(board->at_exit,
                 ending == END_RETURN || ending == END_EXIT_THREAD);
      EXPECT_U64(board->at_detach, 2);
      EXPECT_U64(board->failed, 0);
      peer_release(peer);
   }
}
#endif

const struct test_case test_cases[] = {
   { "signals reach nobody but those who live", signal_beside_the_dead, 0,
     90 },
#ifdef HAVE_STEPS
   { "main() returns while threads are blocked", end_process, END_RETURN,
     120 },
   { "a thread calls exit() while others are blocked", end_process,
     END_EXIT_THREAD, 120 },
   { "ExitProcess() while threads are blocked", end_process, END_PROCESS,
     120 },
   { "a thread calls ExitProcess() while others are blocked", end_process,
     END_PROCESS_THREAD, 120 },
#endif
   { 0 },
};

const struct test_role test_roles[] = {
   { "signaller", signaller_main },
#ifdef HAVE_STEPS
   { "ender", ender_main },
#endif
   { 0 },
};

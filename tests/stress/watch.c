/* SPDX-License-Identifier: MIT */

/* The calls into the kernel, by way of the table that they go through; and the
 * watchdog, with what there is to see of a hang.
 */
#include "stress.h"

#include <inttypes.h>
#include <stdlib.h>

#include "util/os_time.h"

#include "vk_sync_win32_wait.h"

/* How often the watchdog looks, and how many times in a row it has to find a
 * thread at the same operation: looks rather than time, since a machine that
 * is suspended for a while, or has no time for anybody, hangs nobody.
 */
#define LOOK_MS 100
#define HANG_LOOKS 300

static struct vk_sync_win32_nt_table real;
static thread_local struct stress_thread *current;

static struct test_thread *watchdog;
static uint32_t stop;

void
stress_enter(struct stress_thread *self)
{
   current = self;
}

/* The time-out tells whether the thread sleeps because it has to poll.  Outside
 * of a wait, it may give others time who are giving back tickets.
 */
static void
enter_kernel(enum stress_call call, const LARGE_INTEGER *timeout)
{
   if (current == NULL)
      return;

   if (current->since_ns != 0 && current->deadline_ns == UINT64_MAX &&
       timeout != NULL && -timeout->QuadPart <= VK_SYNC_WIN32_POLL_NS / 100)
      current->polls++;
   current->kernel_calls++;
   /* Let others overtake us where it hurts. */
   if (stress_below(current, 16) == 0)
      thrd_yield();
   STRESS_SET(&current->kernel_call, call);
}

static LONG
leave_kernel(LONG status)
{
   if (current == NULL)
      return status;

   if (status != VK_SYNC_WIN32_STATUS_TIMEOUT)
      current->calls[current->kernel_call]++;
   STRESS_SET(&current->kernel_call, CALL_NONE);
   return status;
}

static LONG WINAPI
wait_for_keyed_event(HANDLE event, void *key, BOOLEAN alertable,
                     const LARGE_INTEGER *timeout)
{
   enter_kernel(CALL_PARK, NULL);
   return leave_kernel(real.wait_for_keyed_event(event, key, alertable,
                                                 timeout));
}

static LONG WINAPI
release_keyed_event(HANDLE event, void *key, BOOLEAN alertable,
                    const LARGE_INTEGER *timeout)
{
   enter_kernel(CALL_UNPARK, NULL);
   return leave_kernel(real.release_keyed_event(event, key, alertable,
                                                timeout));
}

static LONG WINAPI
delay_execution(BOOLEAN alertable, const LARGE_INTEGER *interval)
{
   enter_kernel(CALL_NONE, interval);
   return leave_kernel(real.delay_execution(alertable, interval));
}

static LONG WINAPI
wait_for_single_object(HANDLE object, BOOLEAN alertable,
                       const LARGE_INTEGER *timeout)
{
   enter_kernel(CALL_BELL_WAIT, timeout);
   return leave_kernel(real.wait_for_single_object(object, alertable,
                                                   timeout));
}

static LONG WINAPI
wait_for_multiple_objects(ULONG count, const HANDLE *objects, ULONG wait_any,
                          BOOLEAN alertable, const LARGE_INTEGER *timeout)
{
   enter_kernel(CALL_BELL_WAIT, timeout);
   return leave_kernel(real.wait_for_multiple_objects(count, objects, wait_any,
                                                      alertable, timeout));
}

static LONG WINAPI
release_semaphore(HANDLE semaphore, LONG count, LONG *previous)
{
   enter_kernel(CALL_RING, NULL);
   return leave_kernel(real.release_semaphore(semaphore, count, previous));
}

#ifdef __SANITIZE_THREAD__
/* Part of ThreadSanitizer, which would end the program in the middle of this */
void AnnotateIgnoreReadsBegin(const char *file, int line);
#else
#define AnnotateIgnoreReadsBegin(file, line) ((void)0)
#endif

static void
dump_item(const struct stress_item *item)
{
   const struct vk_sync_win32 *wsync =
      (const struct vk_sync_win32 *)item->sync;
   struct vk_sync_win32_layout *layout = stress_layout(item->sync);

   test_diag("   payload %p: word 0x%" PRIx64 ", value %" PRIu64
             ", ticket %u in slot %d", (void *)wsync->payload,
             vk_sync_win32_payload_load(wsync->payload), item->value,
             wsync->ticket, (int)wsync->slot);
   for (unsigned i = 0; layout != NULL && i < VK_SYNC_WIN32_SLOTS; i++) {
      const uint64_t target = STRESS_GET(&layout->slots[i].target);
      const bool armed = STRESS_GET(&layout->armed[i / 64]) >> i % 64 & 1;
      const bool failed = STRESS_GET(&layout->failed[i / 64]) >> i % 64 & 1;

      if (target != 0 || armed)
         test_diag("      slot %u: owner 0x%" PRIx64 ", target 0x%" PRIx64
                   "%s%s", i, STRESS_GET(&layout->slots[i].owner), target,
                   armed ? ", armed" : "", failed ? ", failed" : "");
   }
}

/* Read without permission: the program is going to end anyway. */
static void
dump(struct stress_thread *thread)
{
   const uint64_t busy_ns = STRESS_GET(&thread->busy_ns);
   const uint64_t since_ns = STRESS_GET(&thread->since_ns);
   const struct stress_item *items = STRESS_GET(&thread->items);
   const uint32_t count = STRESS_GET(&thread->item_count);
   const uint64_t now_ns = os_time_get_nano();

   test_diag("thread %u: busy for %" PRIu64 " ms, in call %u",
             thread->index, busy_ns != 0 ? (now_ns - busy_ns) / 1000000 : 0,
             (unsigned)STRESS_GET(&thread->kernel_call));
   /* The items of a wait that is about to end may vanish under our eyes. */
   if (since_ns == 0 || now_ns - since_ns < 500 * 1000000)
      return;

   test_diag("  waits for %u items", count);
   /* Of a large set, there is nothing to say of most. */
   for (uint32_t i = 0; i < count && i < 32; i++)
      dump_item(&items[i]);
}

static void
watch_run(void *data)
{
   struct stress *stress = data;
   struct {
      uint64_t busy_ns;
      unsigned looks;
   } seen[THREADS] = {0};

   while (!STRESS_GET(&stop)) {
      Sleep(LOOK_MS);

      for (unsigned i = 0; i < THREADS; i++) {
         const uint64_t busy_ns = STRESS_GET(&stress->threads[i].busy_ns);

         if (busy_ns == 0 || busy_ns != seen[i].busy_ns)
            seen[i].looks = 0;
         seen[i].busy_ns = busy_ns;
         if (++seen[i].looks < HANG_LOOKS)
            continue;

         test_fail(false, __FILE__, __LINE__, "thread %u hangs", i);
         AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
         for (unsigned j = 0; j < THREADS; j++)
            dump(&stress->threads[j]);
         abort();
      }
   }
}

void
stress_watch_start(struct stress *stress)
{
   REQUIRE(vk_sync_win32_nt_init());

   if (real.delay_execution == NULL) {
      real = vk_sync_win32_nt;
      vk_sync_win32_nt.wait_for_keyed_event = wait_for_keyed_event;
      vk_sync_win32_nt.release_keyed_event = release_keyed_event;
      vk_sync_win32_nt.wait_for_single_object = wait_for_single_object;
      vk_sync_win32_nt.wait_for_multiple_objects = wait_for_multiple_objects;
      vk_sync_win32_nt.release_semaphore = release_semaphore;
      vk_sync_win32_nt.delay_execution = delay_execution;
   }

   STRESS_SET(&stop, 0);
   watchdog = test_thread_start(watch_run, stress);
}

void
stress_watch_stop(void)
{
   STRESS_SET(&stop, 1);
   test_thread_join(watchdog);
   current = NULL;
}

/* SPDX-License-Identifier: MIT */

/* The calls into the kernel, by way of the table that they go through; and the
 * watchdog.
 */
#include "stress.h"

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

static void
enter_kernel(enum stress_call call, const void *object)
{
   if (current == NULL)
      return;

   current->kernel_calls++;
   /* Let others overtake us where it hurts. */
   if (stress_below(current, 16) == 0)
      thrd_yield();
   STRESS_SET(&current->object, object);
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
   enter_kernel(CALL_PARK, key);
   return leave_kernel(real.wait_for_keyed_event(event, key, alertable,
                                                 timeout));
}

static LONG WINAPI
release_keyed_event(HANDLE event, void *key, BOOLEAN alertable,
                    const LARGE_INTEGER *timeout)
{
   enter_kernel(CALL_UNPARK, key);
   return leave_kernel(real.release_keyed_event(event, key, alertable,
                                                timeout));
}

/* Whether a thread that sleeps for so long does so because it has to poll.
 * Outside of a wait, it may give others time who are giving back tickets.
 */
static void
count_poll(const LARGE_INTEGER *timeout)
{
   if (current != NULL && current->since_ns != 0 &&
       current->deadline_ns == UINT64_MAX &&
       timeout != NULL && -timeout->QuadPart <= VK_SYNC_WIN32_POLL_NS / 100)
      current->polls++;
}

static LONG WINAPI
delay_execution(BOOLEAN alertable, const LARGE_INTEGER *interval)
{
   count_poll(interval);
   enter_kernel(CALL_SLEEP, NULL);
   return leave_kernel(real.delay_execution(alertable, interval));
}

static LONG WINAPI
wait_for_single_object(HANDLE object, BOOLEAN alertable,
                       const LARGE_INTEGER *timeout)
{
   count_poll(timeout);
   enter_kernel(CALL_BELL_WAIT, object);
   return leave_kernel(real.wait_for_single_object(object, alertable,
                                                   timeout));
}

static LONG WINAPI
wait_for_multiple_objects(ULONG count, const HANDLE *objects, ULONG wait_any,
                          BOOLEAN alertable, const LARGE_INTEGER *timeout)
{
   count_poll(timeout);
   enter_kernel(CALL_BELL_WAIT, objects[0]);
   return leave_kernel(real.wait_for_multiple_objects(count, objects, wait_any,
                                                      alertable, timeout));
}

static LONG WINAPI
release_semaphore(HANDLE semaphore, LONG count, LONG *previous)
{
   enter_kernel(CALL_RING, semaphore);
   return leave_kernel(real.release_semaphore(semaphore, count, previous));
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
         stress_dump(stress);
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

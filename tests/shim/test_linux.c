/* SPDX-License-Identifier: MIT */

/* common/test.c for programs that run on the shim, and what that needs of
 * Windows beside the shim.  All that it waits for and closes are threads.
 */
#include "nt_shim.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define __stdcall
#define INFINITE UINT32_MAX
#define STD_OUTPUT_HANDLE 1

#define CRITICAL_SECTION pthread_mutex_t
#define InitializeCriticalSection(lock) pthread_mutex_init((lock), NULL)
#define EnterCriticalSection(lock) pthread_mutex_lock(lock)
#define LeaveCriticalSection(lock) pthread_mutex_unlock(lock)

/* Failures must not order threads: see STRESS_GET. */
#define InterlockedExchange(target, value) \
   __atomic_store_n((target), (value), __ATOMIC_RELAXED)
#define READ_FLAG(flag) __atomic_load_n((flag), __ATOMIC_RELAXED)

#define GetHandleInformation(handle, flags) ((void)(flags), FALSE)
#define GetStdHandle(number) (number)
#define WriteFile(file, text, size, written, overlapped) \
   (*(written) = (DWORD)write((file), (text), (size)))
#define TerminateProcess(process, status) _exit(status)
/* Where a sanitizer or a debugger can see why */
#define _endthreadex(status) abort()

#define QueryPerformanceCounter(count) \
   ((count)->QuadPart = (LONGLONG)(nanoseconds(CLOCK_MONOTONIC)))
#define QueryPerformanceFrequency(frequency) \
   ((frequency)->QuadPart = 1000000000)
#define WaitForSingleObject join_thread
#define CloseHandle close_thread

static uint64_t
nanoseconds(clockid_t clock)
{
   struct timespec now;

   clock_gettime(clock, &now);
   return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

struct start {
   unsigned (*run)(void *data);
   void *data;
};

static void *
start_thread(void *data)
{
   const struct start start = *(struct start *)data;

   free(data);
   start.run(start.data);
   return NULL;
}

static uintptr_t
_beginthreadex(void *security, unsigned stack, unsigned (*run)(void *data),
               void *data, unsigned flags, unsigned *id)
{
   struct start *start = malloc(sizeof(*start));
   pthread_t thread;

   (void)security, (void)stack, (void)flags, (void)id;
   *start = (struct start) { .run = run, .data = data };
   return pthread_create(&thread, NULL, start_thread, start) == 0 ?
          (uintptr_t)thread : 0;
}

static DWORD
join_thread(HANDLE thread, DWORD ms)
{
   const uint64_t end_ns =
      nanoseconds(CLOCK_REALTIME) + (uint64_t)ms * 1000000;
   const struct timespec end = {
      .tv_sec = (time_t)(end_ns / 1000000000),
      .tv_nsec = (long)(end_ns % 1000000000),
   };

   /* AddressSanitizer only knows the first. */
   const int error = ms == INFINITE ?
      pthread_join((pthread_t)thread, NULL) :
      pthread_timedjoin_np((pthread_t)thread, NULL, &end);
   return error == 0 ? WAIT_OBJECT_0 : WAIT_TIMEOUT;
}

/* There is nothing left of one that has been joined. */
static BOOL
close_thread(HANDLE thread)
{
   return thread != NULL;
}

static void
set_up_process(void)
{
}

#include "../common/test.c"

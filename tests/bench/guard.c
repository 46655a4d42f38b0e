/* SPDX-License-Identifier: MIT */

/* A benchmark that ends without a word cannot be told from one that nobody
 * has run.
 */
#include "bench.h"

#include <stdlib.h>

static const char *volatile stage = "the start";
static DWORD main_thread;

void
bench_stage(const char *name)
{
   stage = name;
   /* For when there is nothing else to be had */
   if (name != NULL)
      fprintf(stderr, "at: %s\n", name);
}

/* Threads may be blocked for ever, so let nothing wait for them. */
static void
end_process(void)
{
   fflush(NULL);
   TerminateProcess(GetCurrentProcess(), 1);
}

static const void *
instruction(const CONTEXT *context)
{
#if defined(__x86_64__) || defined(_M_X64)
   return (const void *)(uintptr_t)context->Rip;
#elif defined(__aarch64__) || defined(_M_ARM64)
   return (const void *)(uintptr_t)context->Pc;
#else
   return (const void *)(uintptr_t)context->Eip;
#endif
}

static void
on_exit(void)
{
   if (stage != NULL) {
      fprintf(stderr, "somebody called exit(); it was at: %s\n", stage);
      end_process();
   }
}

static void
watch(void *data)
{
   const unsigned seconds = (unsigned)(uintptr_t)data;
   CONTEXT context = {.ContextFlags = CONTEXT_CONTROL};
   char place[MAX_PATH + 32];
   HANDLE thread = OpenThread(THREAD_SUSPEND_RESUME | THREAD_GET_CONTEXT,
                              FALSE, main_thread);

   Sleep(1000 * seconds);
   if (thread != NULL && SuspendThread(thread) != (DWORD)-1) {
      const bool known = GetThreadContext(thread, &context);

      /* It may have been printing. */
      ResumeThread(thread);
      if (known) {
         test_name_address(instruction(&context), place, sizeof(place));
         fprintf(stderr, "the main thread was at %s\n", place);
      }
   }
   fprintf(stderr, "no end after %u s; it was at: %s\n", seconds,
           stage ? stage : "the end");
   end_process();
}

void
bench_guard(unsigned seconds)
{
   main_thread = GetCurrentThreadId();
   atexit(on_exit);
   test_thread_start(watch, (void *)(uintptr_t)seconds);
}

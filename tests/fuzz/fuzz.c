/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "unused.h"

/* How late a call may return: the longest that a shared wait sleeps before it
 * looks again, and what a busy machine adds.
 */
#define LATE_MS (1000 + 3000)
/* What it may add for each process that it has to ask the kernel about: there
 * are as many as there are slots.
 */
#define PROCESS_MS 50
#define HANG_MS (40 * 1000)
#define WATCH_MS 50

/* One of the threads that work on an episode */
struct fuzz_thread {
   uint64_t random;
   uint32_t step;
   uint64_t processes;

   /* What it is doing, since when or 0, and what about; read by others */
   const char *volatile op;
   volatile uint32_t since_ms;
   volatile uint64_t detail;

   void (*run)(void *data);
   void *data;
};

static struct {
   uint32_t episode;
   struct fuzz_thread threads[FUZZ_THREADS];

   volatile LONG now_ms;
   volatile LONG stop;
   LPTOP_LEVEL_EXCEPTION_FILTER next_filter;
   void (*next_abort)(int number);
} run;

/* Not thread_local, for which some compilers allocate memory */
static DWORD tls_self = TLS_OUT_OF_INDEXES;

/* The calling thread; the first one, unless fuzz_start() has started it */
static struct fuzz_thread *
get_self(void)
{
   struct fuzz_thread *self = TlsGetValue(tls_self);

   return self != NULL ? self : &run.threads[0];
}

/* Takes no lock: the thread that broke may hold any. */
static void
say_where(void)
{
   char text[2048];
   DWORD written;
   int length = snprintf(text, sizeof(text), "# in episode %" PRIu32 "\n",
                         run.episode);

   for (unsigned i = 0; i < FUZZ_THREADS; i++) {
      const struct fuzz_thread *thread = &run.threads[i];
      const char *op = thread->op;

      if (op == NULL)
         continue;
      length += snprintf(text + length, sizeof(text) - length,
                         "#   thread %u, step %" PRIu32 ": %s%s, 0x%" PRIx64
                         "\n", i, thread->step,
                         thread->since_ms == 0 ? "after " : "", op,
                         thread->detail);
   }
   WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), text, (DWORD)length, &written,
             NULL);
}

static LONG WINAPI
on_exception(EXCEPTION_POINTERS *info)
{
   say_where();
   return run.next_filter(info);
}

static void
on_abort(int number)
{
   say_where();
   run.next_abort(number);
}

uint32_t
fuzz_now_ms(void)
{
   return (uint32_t)run.now_ms;
}

/* By counting what it sleeps: the clock stands still while this program does
 * not get to run, which says nothing about our code.
 */
static void
watch(UNUSED void *data)
{
   while (!run.stop) {
      Sleep(WATCH_MS);
      InterlockedExchangeAdd(&run.now_ms, WATCH_MS);
      for (unsigned i = 0; i < FUZZ_THREADS; i++) {
         const uint32_t since_ms = run.threads[i].since_ms;

         if (since_ms == 0 || fuzz_now_ms() - since_ms < HANG_MS)
            continue;
         printf("# thread %u hangs\n", i);
         fflush(stdout);
         abort();
      }
   }
}

bool
fuzz_check(bool ok, const char *file, int line, const char *text)
{
   const struct fuzz_thread *self = get_self();

   /* What comes after the first failure tells no more, and may be much. */
   if (!ok && !test_failed())
      test_fail(false, file, line, "%s; in episode %" PRIu32 ", step %" PRIu32
                ", %s (0x%" PRIx64 ")", text, run.episode, self->step,
                self->op != NULL ? self->op : "between", self->detail);
   return ok;
}

void
fuzz_enter(const char *op, uint64_t detail)
{
   struct fuzz_thread *self = get_self();

   self->detail = detail;
   self->op = op;
   self->processes = fuzz_count().processes;
   self->since_ms = fuzz_now_ms();
}

void
fuzz_check_late(uint32_t since_ms, uint32_t allowed_ms)
{
   FUZZ_CHECK(fuzz_now_ms() - since_ms <= allowed_ms + LATE_MS);
}

void
fuzz_leave(uint32_t allowed_ms)
{
   struct fuzz_thread *self = get_self();
   const uint64_t processes = fuzz_count().processes - self->processes;

   fuzz_check_late(self->since_ms,
                   allowed_ms + PROCESS_MS * (uint32_t)processes);
   self->since_ms = 0;
   self->step++;
}

static void
thread_run(void *data)
{
   struct fuzz_thread *self = data;

   TlsSetValue(tls_self, self);
   self->run(self->data);
}

struct test_thread *
fuzz_start(unsigned index, void (*run_thread)(void *data), void *data)
{
   struct fuzz_thread *thread = &run.threads[index];

   thread->run = run_thread;
   thread->data = data;
   return test_thread_start(thread_run, thread);
}

uint64_t
fuzz_random(void)
{
   return test_next_random(&get_self()->random);
}

uint32_t
fuzz_below(uint32_t limit)
{
   return (uint32_t)((fuzz_random() >> 32) * limit >> 32);
}

bool
fuzz_chance(uint32_t percent)
{
   return fuzz_below(100) < percent;
}

static void
seed_episode(uint64_t seed, uint32_t episode)
{
   memset(run.threads, 0, sizeof(run.threads));
   run.episode = episode;
   for (unsigned i = 0; i < FUZZ_THREADS; i++) {
      uint64_t mix = seed ^ ((uint64_t)episode * FUZZ_THREADS + i);

      run.threads[i].random = test_next_random(&mix);
   }
}

static void
stop_watch(void *data)
{
   InterlockedExchange(&run.stop, 1);
   test_thread_join(data);
}

void
fuzz_run(uint32_t episodes, void (*episode)(void))
{
   const char *alone = getenv("LVP_SYNC_FUZZ_EPISODE");
   const uint64_t seed = test_random();
   const uint32_t first =
      alone != NULL ? (uint32_t)strtoul(alone, NULL, 0) : 0;
   const uint32_t end = alone != NULL ? first + 1 : episodes * test_scale();

   /* 0 is no time. */
   run.now_ms = 1;
   run.stop = 0;
   if (tls_self == TLS_OUT_OF_INDEXES) {
      tls_self = TlsAlloc();
      run.next_filter = SetUnhandledExceptionFilter(on_exception);
      run.next_abort = signal(SIGABRT, on_abort);
   }
   struct test_thread *watcher = test_thread_start(watch, NULL);
   test_defer(stop_watch, watcher);

   for (uint32_t i = first; i < end && !test_failed(); i++) {
      seed_episode(seed, i);
      episode();
   }
   test_undefer(stop_watch, watcher);
   stop_watch(watcher);
}

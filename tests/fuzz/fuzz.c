/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "util/macros.h"

#define HANG_NS (40 * 1000 * FUZZ_MS)
#define WATCH_MS 50
#define MAX_FAILURES 10

static struct {
   const char *part;
   uint64_t seed;
   uint32_t episode;
   volatile LONG failures;
   struct fuzz_thread threads[FUZZ_THREADS];

   /* How long all of the program has not run, as far as the watchdog can tell */
   volatile LONG64 paused_ns;

   volatile LONG stop;
   LPTOP_LEVEL_EXCEPTION_FILTER next_filter;
   void (*next_abort)(int number);
} run;

static uint64_t
clock_ns(void)
{
   return (uint64_t)(test_now_ms() * 1e6);
}

static uint64_t
paused_ns(void)
{
   return (uint64_t)InterlockedCompareExchange64(&run.paused_ns, 0, 0);
}

uint64_t
fuzz_now_ns(void)
{
   return clock_ns() - paused_ns();
}

/* If much time seems to have passed, the watchdog gets a chance to notice that
 * it was a pause.
 */
static uint64_t
elapsed_ns(uint64_t then_ns)
{
   const uint64_t end_ns = clock_ns() - then_ns;

   if (end_ns - paused_ns() > FUZZ_LATE_NS)
      Sleep(20 * WATCH_MS);

   const uint64_t pause_ns = paused_ns();
   return end_ns > pause_ns ? end_ns - pause_ns : 0;
}

/* In one piece, also where that takes two */
static uint64_t
get_since(const struct fuzz_thread *thread)
{
   return (uint64_t)InterlockedCompareExchange64(
      (volatile LONG64 *)&thread->since_ns, 0, 0);
}

/* Takes no lock: the thread that broke may hold any. */
static void
say_where(const char *why)
{
   char text[2048];
   DWORD written;
   int length = snprintf(text, sizeof(text), "# %s in \"%s\", episode %" PRIu32
                         "\n", why, run.part, run.episode);

   for (unsigned i = 0; i < FUZZ_THREADS; i++) {
      const struct fuzz_thread *thread = &run.threads[i];
      const char *op = thread->op;
      const uint64_t since_ns = get_since(thread);

      if (op == NULL)
         continue;
      length += snprintf(text + length, sizeof(text) - length,
                         "#   thread %u, step %" PRIu32 ": %s%s, 0x%" PRIx64
                         ", for %" PRIu64 " us\n", i, thread->step,
                         since_ns == 0 ? "after " : "", op, thread->detail,
                         since_ns == 0 ? 0 :
                         (fuzz_now_ns() - since_ns) / 1000);
   }
   WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), text, (DWORD)length, &written,
             NULL);
}

static LONG WINAPI
on_exception(EXCEPTION_POINTERS *info)
{
   say_where("crash");
   return run.next_filter != NULL ? run.next_filter(info) :
                                    EXCEPTION_CONTINUE_SEARCH;
}

static void
on_abort(int number)
{
   say_where("abort");
   if (run.next_abort != SIG_DFL && run.next_abort != SIG_IGN)
      run.next_abort(number);
}

/* A machine that gives us no time at all says nothing about our code. */
static void
sleep_and_notice_pauses(void)
{
   const uint64_t before_ns = clock_ns();

   Sleep(WATCH_MS);

   const uint64_t slept_ns = clock_ns() - before_ns;
   if (slept_ns > 10 * WATCH_MS * FUZZ_MS)
      InterlockedExchangeAdd64(&run.paused_ns, (LONG64)slept_ns);
}

static void
watch(UNUSED void *data)
{
   while (!run.stop) {
      sleep_and_notice_pauses();
      for (unsigned i = 0; i < FUZZ_THREADS; i++) {
         const struct fuzz_thread *thread = &run.threads[i];
         const uint64_t since_ns = get_since(thread);

         if (thread->op == NULL || since_ns == 0 ||
             fuzz_now_ns() < since_ns + HANG_NS)
            continue;
         say_where("hang");
         printf("Bail out! thread %u hangs\n", i);
         fflush(stdout);
         TerminateProcess(GetCurrentProcess(), 3);
      }
   }
}

bool
fuzz_check(bool ok, const char *file, int line, const char *text)
{
   const struct fuzz_thread *self = fuzz_self();

   if (ok)
      return true;

   test_fail(false, file, line, "%s; in episode %" PRIu32 ", step %" PRIu32
             ", %s (0x%" PRIx64 ")", text, run.episode, self->step,
             self->op != NULL ? self->op : "between", self->detail);
   if (InterlockedIncrement(&run.failures) == MAX_FAILURES) {
      printf("Bail out! %u failures in \"%s\"\n", MAX_FAILURES, run.part);
      fflush(stdout);
      TerminateProcess(GetCurrentProcess(), 1);
   }
   return false;
}

void
fuzz_enter(const char *op, uint64_t detail)
{
   struct fuzz_thread *self = fuzz_self();

   self->detail = detail;
   self->op = op;
   self->processes = fuzz_count().processes;
   InterlockedExchange64(&self->since_ns, (LONG64)fuzz_now_ns());
}

void
fuzz_check_late(uint64_t since_ns, uint64_t allowed_ns)
{
   struct fuzz_thread *self = fuzz_self();
   const uint64_t taken_ns = elapsed_ns(since_ns);

   if (taken_ns > allowed_ns) {
      FUZZ_CHECK(taken_ns <= allowed_ns + FUZZ_LATE_NS);
      self->slowest_ns = MAX2(self->slowest_ns, taken_ns - allowed_ns);
   }
}

void
fuzz_leave(uint64_t allowed_ns)
{
   struct fuzz_thread *self = fuzz_self();
   const uint64_t processes = fuzz_count().processes - self->processes;

   fuzz_check_late(get_since(self), allowed_ns + FUZZ_PROCESS_NS * processes);
   InterlockedExchange64(&self->since_ns, 0);
   self->step++;
}

void
fuzz_count_case(void)
{
   fuzz_self()->cases++;
}

/* Threads ------------------------------------------------------------------ */

/* Not thread_local, for which some compilers allocate memory */
static DWORD tls_self = TLS_OUT_OF_INDEXES;

struct fuzz_thread *
fuzz_self(void)
{
   struct fuzz_thread *self = TlsGetValue(tls_self);

   return self != NULL ? self : &run.threads[0];
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
   return test_next_random(&fuzz_self()->random);
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

/* Episodes ----------------------------------------------------------------- */

static void
seed_episode(uint32_t episode)
{
   run.episode = episode;
   for (unsigned i = 0; i < FUZZ_THREADS; i++) {
      uint64_t mix = run.seed ^ ((uint64_t)episode * FUZZ_THREADS + i);

      run.threads[i].random = test_next_random(&mix);
      run.threads[i].step = 0;
      run.threads[i].op = NULL;
   }
}

static void
report(uint32_t episodes, uint32_t least, double ms)
{
   uint64_t cases = 0, slowest_ns = 0;

   for (unsigned i = 0; i < FUZZ_THREADS; i++) {
      cases += run.threads[i].cases;
      slowest_ns = MAX2(slowest_ns, run.threads[i].slowest_ns);
   }
   /* Without %f, for which some C libraries keep memory */
   test_diag("%" PRIu64 " cases in %" PRIu32 " episodes, %" PRIu64 " ms; the "
             "latest return was %" PRIu64 " us late", cases, episodes,
             (uint64_t)ms, slowest_ns / 1000);
   if (episodes > 1)
      EXPECT(cases >= (uint64_t)least * episodes);
}

static void
stop_watch(void *data)
{
   InterlockedExchange(&run.stop, 1);
   test_thread_join(data);
}

void
fuzz_run(const char *part, uint32_t episodes, uint32_t cases,
         void (*episode)(void *data), void *data)
{
   const char *alone = getenv("LVP_SYNC_FUZZ_EPISODE");
   const double start_ms = test_now_ms();
   uint32_t first = 0;

   episodes *= test_scale();
   if (alone != NULL) {
      first = (uint32_t)strtoul(alone, NULL, 0);
      episodes = first + 1;
   }

   memset(run.threads, 0, sizeof(run.threads));
   run.part = part;
   run.seed = test_random();
   run.failures = 0;
   run.stop = 0;
   if (tls_self == TLS_OUT_OF_INDEXES) {
      tls_self = TlsAlloc();
      run.next_filter = SetUnhandledExceptionFilter(on_exception);
      run.next_abort = signal(SIGABRT, on_abort);
   }
   struct test_thread *watcher = test_thread_start(watch, NULL);
   test_defer(stop_watch, watcher);

   for (uint32_t i = first; i < episodes; i++) {
      seed_episode(i);
      episode(data);
   }
   for (unsigned i = 0; i < FUZZ_THREADS; i++)
      run.threads[i].op = NULL;
   report(episodes - first, cases, test_now_ms() - start_ms);
   test_undefer(stop_watch, watcher);
   stop_watch(watcher);
}

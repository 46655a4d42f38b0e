/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unused.h"

/* shim/test_linux.c has the rest of what this needs of Windows. */
#ifdef _WIN32
#include <io.h>
#include <process.h>
#define READ_FLAG(flag) (*(flag))
#endif

#define DEFAULT_SECONDS 60
#define MAX_DEFERRED 8192

struct deferred {
   void (*undo)(void *data);
   void *data;
};

static struct {
   const struct test_case *current;
   unsigned number;
   uint64_t seed;
   uint64_t random;
   volatile LONG failed;
   volatile LONG skipped;
   char skip_reason[256];

   CRITICAL_SECTION lock;
   struct deferred deferred[MAX_DEFERRED];
   unsigned deferred_count;
} state;

static void
end_thread(void)
{
   if (!state.current) {
      fflush(stdout);
      TerminateProcess(GetCurrentProcess(), 1);
   }
   _endthreadex(0);
}

void
test_diag(const char *format, ...)
{
   char text[2048], who[32] = "";
   va_list args;

   va_start(args, format);
   vsnprintf(text, sizeof(text), format, args);
   va_end(args);
   if (!state.current)
      snprintf(who, sizeof(who), "child %lu: ",
               (unsigned long)GetCurrentProcessId());

   EnterCriticalSection(&state.lock);
   for (char *line = strtok(text, "\r\n"); line; line = strtok(NULL, "\r\n"))
      printf("# %s%s\n", who, line);
   fflush(stdout);
   LeaveCriticalSection(&state.lock);
}

void
test_fail(bool required, const char *file, int line, const char *format, ...)
{
   char text[1024];
   va_list args;

   va_start(args, format);
   vsnprintf(text, sizeof(text), format, args);
   va_end(args);

   InterlockedExchange(&state.failed, 1);
   test_diag("%s:%d: %s", file, line, text);
   if (required)
      end_thread();
}

bool
test_check(bool ok, bool required, const char *file, int line,
           const char *text)
{
   if (!ok)
      test_fail(required, file, line, "%s", text);
   return ok;
}

bool
test_check_u64(uint64_t value, uint64_t want, bool required,
               const char *file, int line, const char *text)
{
   if (value != want)
      test_fail(required, file, line, "%s is %" PRIu64 ", not %" PRIu64,
                text, value, want);
   return value == want;
}

void
test_skip(const char *format, ...)
{
   va_list args;

   va_start(args, format);
   vsnprintf(state.skip_reason, sizeof(state.skip_reason), format, args);
   va_end(args);
   InterlockedExchange(&state.skipped, 1);
   end_thread();
}

bool
test_failed(void)
{
   return READ_FLAG(&state.failed) != 0;
}

static void
die_in_case(const char *why)
{
   /* The thread that broke may hold stdout's lock or ours, so nothing here
    * takes one.
    */
   const char *name = state.current ? state.current->name : "child";
   char text[512];
   DWORD written;
   const int length = snprintf(text, sizeof(text),
                               "# %s: %s\nnot ok %u - %s\nBail out! %s\n",
                               name, why, state.number, name, why);

   WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), text, (DWORD)length, &written,
             NULL);
   TerminateProcess(GetCurrentProcess(), 3);
}

void
test_defer(void (*undo)(void *data), void *data)
{
   EnterCriticalSection(&state.lock);
   if (state.deferred_count == MAX_DEFERRED)
      die_in_case("too much was deferred");
   state.deferred[state.deferred_count++] =
      (struct deferred){.undo = undo, .data = data};
   LeaveCriticalSection(&state.lock);
}

void
test_undefer(void (*undo)(void *data), void *data)
{
   EnterCriticalSection(&state.lock);
   for (unsigned i = state.deferred_count; i-- > 0;) {
      if (state.deferred[i].undo != undo || state.deferred[i].data != data)
         continue;
      state.deferred_count--;
      memmove(&state.deferred[i], &state.deferred[i + 1],
              (state.deferred_count - i) * sizeof(state.deferred[0]));
      break;
   }
   LeaveCriticalSection(&state.lock);
}

static void
close_handle(void *data)
{
   CloseHandle((HANDLE)data);
}

HANDLE
test_own_handle(HANDLE handle)
{
   test_defer(close_handle, handle);
   return handle;
}

void
test_close(HANDLE handle)
{
   test_undefer(close_handle, handle);
   EXPECT(CloseHandle(handle));
}

uint64_t
test_random(void)
{
   return test_next_random(&state.random);
}

uint32_t
test_random_below(uint32_t limit)
{
   return (uint32_t)((test_random() >> 32) * limit >> 32);
}

/* Wine's GetProcessHandleCount() always says 0. It hands out the lowest free
 * values, so that probing finds leaks as well.
 */
unsigned
test_count_handles(void)
{
   DWORD count = 0, flags;
   unsigned open = 0;

   if (GetProcessHandleCount(GetCurrentProcess(), &count) && count)
      return count;
   for (uintptr_t value = 4; value < 0x3000; value += 4)
      open += GetHandleInformation((HANDLE)value, &flags) != 0;
   return open;
}

double
test_now_ms(void)
{
   LARGE_INTEGER count, frequency;

   QueryPerformanceCounter(&count);
   QueryPerformanceFrequency(&frequency);
   return (double)count.QuadPart * 1000.0 / (double)frequency.QuadPart;
}

unsigned
test_scale(void)
{
   return getenv("LVP_SYNC_LONG") ? 8 : 1;
}

struct test_thread {
   HANDLE handle;
   void (*run)(void *data);
   void *data;
};

static unsigned __stdcall
thread_main(void *data)
{
   struct test_thread *thread = data;

   thread->run(thread->data);
   return 0;
}

/* NULL if there is no room for one */
static struct test_thread *
try_start_thread(void (*run)(void *data), void *data)
{
   struct test_thread *thread = malloc(sizeof(*thread));

   if (!thread)
      return NULL;
   *thread = (struct test_thread){.run = run, .data = data};
   thread->handle = (HANDLE)_beginthreadex(NULL, 0, thread_main, thread, 0,
                                           NULL);
   return thread->handle ? thread : NULL;
}

struct test_thread *
test_thread_start(void (*run)(void *data), void *data)
{
   struct test_thread *thread = try_start_thread(run, data);

   REQUIRE(thread != NULL);
   return thread;
}

static bool
join_thread_within(struct test_thread *thread, DWORD ms)
{
   if (WaitForSingleObject(thread->handle, ms) != WAIT_OBJECT_0)
      return false;
   CloseHandle(thread->handle);
   free(thread);
   return true;
}

void
test_thread_join(struct test_thread *thread)
{
   join_thread_within(thread, INFINITE);
}

static volatile LONG hogs_end;

static void
hog_run(UNUSED void *data)
{
   while (!hogs_end)
      continue;
}

static void
hog_stop(void *thread)
{
   InterlockedExchange(&hogs_end, 1);
   test_thread_join(thread);
}

void
test_hog_cpu(unsigned threads)
{
   InterlockedExchange(&hogs_end, 0);
   for (unsigned i = 0; i < threads; i++)
      test_defer(hog_stop, test_thread_start(hog_run, NULL));
}

#ifdef _WIN32
/* As module+offset, which addr2line takes */
static void
name_address(const void *address, char *text, size_t size)
{
   char module[MAX_PATH] = "?";
   const char *slash;
   HMODULE base = NULL;

   if (GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS |
                          GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                          address, &base))
      GetModuleFileNameA(base, module, sizeof(module));
   slash = strrchr(module, '\\');
   snprintf(text, size, "%s+0x%" PRIxPTR, slash ? slash + 1 : module,
            (uintptr_t)address - (uintptr_t)base);
}

static LONG WINAPI
on_exception(EXCEPTION_POINTERS *info)
{
   char place[MAX_PATH + 32], text[400];

   name_address(info->ExceptionRecord->ExceptionAddress, place,
                sizeof(place));
   snprintf(text, sizeof(text), "exception 0x%08lx at %s",
            (unsigned long)info->ExceptionRecord->ExceptionCode, place);
   die_in_case(text);
   return EXCEPTION_EXECUTE_HANDLER;
}

static void
set_up_process(void)
{
   SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
   SetUnhandledExceptionFilter(on_exception);
   _setmode(_fileno(stdout), _O_BINARY);
}
#endif

static void
on_abort(UNUSED int number)
{
   die_in_case("abort() was called");
}

static void
case_main(void *data)
{
   const struct test_case *test = data;

   test->run(test->arg);
}

void
test_clean_up(void)
{
   while (true) {
      struct deferred next = {0};

      EnterCriticalSection(&state.lock);
      if (state.deferred_count)
         next = state.deferred[--state.deferred_count];
      LeaveCriticalSection(&state.lock);

      if (!next.undo)
         return;
      next.undo(next.data);
   }
}

static void
cleanup_main(UNUSED void *data)
{
   test_clean_up();
}

static void
run_watched(void (*run)(void *data), const struct test_case *test,
            const char *late)
{
   const unsigned seconds =
      (test->seconds ? test->seconds : DEFAULT_SECONDS) * test_scale();
   struct test_thread *thread = try_start_thread(run, (void *)test);

   /* REQUIRE() would end the main thread alone, and with it the program. */
   if (!thread)
      die_in_case("no thread");
   if (!join_thread_within(thread, seconds * 1000))
      die_in_case(late);
}

/* The random numbers depend on where the case is in its table. */
static bool
run_case(const struct test_case *test, uint64_t index)
{
   bool skipped;

   state.current = test;
   state.number++;
   state.random = state.seed ^ (index << 32);
   state.failed = 0;
   state.skipped = 0;

   run_watched(case_main, test,
               "ran longer than its time, ended by the watchdog");
   run_watched(cleanup_main, test,
               "cleaning up took too long, ended by the watchdog");

   skipped = state.skipped && !state.failed;
   printf("%sok %u - %s%s%s\n", state.failed ? "not " : "", state.number,
          test->name, skipped ? " # SKIP " : "",
          skipped ? state.skip_reason : "");
   fflush(stdout);
   return !state.failed;
}

static bool
selected(const struct test_case *cases, const struct test_case *test,
         const char *filter)
{
   if (!filter)
      return true;
   /* A whole name means that case alone, also when others contain it. */
   for (; cases->name; cases++) {
      if (!strcmp(cases->name, filter))
         return !strcmp(test->name, filter);
   }
   return strstr(test->name, filter) != NULL;
}

static int
run_cases(const struct test_case *cases, const char *filter, unsigned repeat)
{
   unsigned planned = 0, failed = 0;

   for (const struct test_case *test = cases; test->name; test++)
      planned += selected(cases, test, filter);
   printf("TAP version 13\n1..%u\n# seed %" PRIu64 "\n", planned * repeat,
          state.seed);
   fflush(stdout);

   for (unsigned round = 0; round < repeat; round++) {
      for (const struct test_case *test = cases; test->name; test++) {
         if (selected(cases, test, filter))
            failed += !run_case(test, test - cases);
      }
   }
   if (!planned)
      printf("# no case's name contains \"%s\"\n", filter);
   fflush(stdout);
   return failed || !planned;
}

static int
run_role(const struct test_role *roles, int argc, char **argv)
{
   for (; argc > 2 && roles && roles->name; roles++) {
      if (!strcmp(roles->name, argv[2]))
         return roles->run(argc - 3, argv + 3);
   }
   fprintf(stderr, "unknown child role\n");
   return 2;
}

static int
usage(const char *program)
{
   fprintf(stderr,
           "usage: %s [--list] [--filter NAME] [--seed N] [--repeat N]\n"
           "NAME is a case's name, or a part of some cases' names.\n",
           program);
   return 2;
}

static int
parse_and_run(int argc, char **argv, const struct test_case *cases)
{
   const char *filter = NULL;
   unsigned repeat = 1;

   for (int i = 1; i < argc; i += 2) {
      const char *value = argv[i + 1];

      if (!strcmp(argv[i], "--list")) {
         for (; cases->name; cases++)
            puts(cases->name);
         return 0;
      }
      if (value && !strcmp(argv[i], "--filter"))
         filter = value;
      else if (value && !strcmp(argv[i], "--seed"))
         state.seed = strtoull(value, NULL, 0);
      else if (value && !strcmp(argv[i], "--repeat"))
         repeat = (unsigned)strtoul(value, NULL, 0);
      else
         return usage(argv[0]);
   }
   return run_cases(cases, filter, repeat);
}

void
test_init(void)
{
   LARGE_INTEGER count;

   InitializeCriticalSection(&state.lock);
   set_up_process();
   signal(SIGABRT, on_abort);

   QueryPerformanceCounter(&count);
   state.seed = (uint64_t)count.QuadPart & 0xffffffff;
}

int
test_main(int argc, char **argv, const struct test_case *cases,
          const struct test_role *roles)
{
   int status;

   test_init();
   if (argc > 1 && !strcmp(argv[1], "--child"))
      status = run_role(roles, argc, argv);
   else
      status = parse_and_run(argc, argv, cases);
   fflush(stdout);
   return status;
}

/* SPDX-License-Identifier: MIT */

/* test.h for programs that run on the shim: what they use of it */
#include "test.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
   const struct test_case *current;
   unsigned number;
   uint64_t seed;
   uint64_t random;
   uint32_t failed;
   pthread_mutex_t print;
} state = {
   .print = PTHREAD_MUTEX_INITIALIZER,
};

void
test_diag(const char *format, ...)
{
   va_list args;

   va_start(args, format);
   pthread_mutex_lock(&state.print);
   printf("# ");
   vprintf(format, args);
   printf("\n");
   fflush(stdout);
   pthread_mutex_unlock(&state.print);
   va_end(args);
}

void
test_fail(bool required, const char *file, int line, const char *format, ...)
{
   const char *base = strrchr(file, '/');
   char text[1024];
   va_list args;

   va_start(args, format);
   vsnprintf(text, sizeof(text), format, args);
   va_end(args);

   __atomic_store_n(&state.failed, 1, __ATOMIC_RELAXED);
   test_diag("%s:%d: %s", base != NULL ? base + 1 : file, line, text);
   if (required)
      abort();
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
test_check_u64(uint64_t value, uint64_t want, bool required, const char *file,
               int line, const char *text)
{
   if (value != want)
      test_fail(required, file, line, "%s is %" PRIu64 ", not %" PRIu64, text,
                value, want);
   return value == want;
}

bool
test_failed(void)
{
   return __atomic_load_n(&state.failed, __ATOMIC_RELAXED);
}

uint64_t
test_random(void)
{
   uint64_t z = state.random += UINT64_C(0x9e3779b97f4a7c15);

   z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
   z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
   return z ^ (z >> 31);
}

double
test_now_ms(void)
{
   struct timespec now;

   clock_gettime(CLOCK_MONOTONIC, &now);
   return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

unsigned
test_scale(void)
{
   return getenv("LVP_SYNC_LONG") ? 8 : 1;
}

struct test_thread {
   pthread_t handle;
   void (*run)(void *data);
   void *data;
};

static void *
thread_main(void *data)
{
   struct test_thread *thread = data;

   thread->run(thread->data);
   return NULL;
}

struct test_thread *
test_thread_start(void (*run)(void *data), void *data)
{
   struct test_thread *thread = calloc(1, sizeof(*thread));

   REQUIRE(thread != NULL);
   thread->run = run;
   thread->data = data;
   REQUIRE(pthread_create(&thread->handle, NULL, thread_main, thread) == 0);
   return thread;
}

void
test_thread_join(struct test_thread *thread)
{
   pthread_join(thread->handle, NULL);
   free(thread);
}

/* Only what may be done in a signal handler */
static void
on_abort(int number)
{
   static const char text[] = "not ok - aborted\nBail out!\n";

   (void)number;
   if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
      _exit(4);
   _exit(3);
}

static void
run_case(const struct test_case *test)
{
   uint64_t hash = UINT64_C(0xcbf29ce484222325);

   for (const char *name = test->name; *name; name++)
      hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
   state.current = test;
   state.random = state.seed ^ hash;
   state.failed = 0;
   test->run(test->arg);
   printf("%sok %u - %s\n", test_failed() ? "not " : "", ++state.number,
          test->name);
   fflush(stdout);
}

int
test_main(int argc, char **argv, const struct test_case *cases,
          const struct test_role *roles)
{
   const char *filter = NULL;
   struct timespec now;
   unsigned planned = 0, failed = 0, repeat = 1;

   (void)roles;
   clock_gettime(CLOCK_REALTIME, &now);
   state.seed = (uint32_t)now.tv_nsec;
   for (int i = 1; i + 1 < argc; i += 2) {
      if (!strcmp(argv[i], "--seed"))
         state.seed = strtoull(argv[i + 1], NULL, 0);
      else if (!strcmp(argv[i], "--filter"))
         filter = argv[i + 1];
      else if (!strcmp(argv[i], "--repeat"))
         repeat = (unsigned)strtoul(argv[i + 1], NULL, 0);
      else
         argc = 2;
   }
   if (argc % 2 == 0) {
      fprintf(stderr,
              "usage: %s [--filter NAME] [--seed N] [--repeat N]\n", argv[0]);
      return 2;
   }

   signal(SIGABRT, on_abort);
   for (const struct test_case *test = cases; test->name; test++)
      planned += !filter || strstr(test->name, filter) != NULL;
   printf("TAP version 13\n1..%u\n# seed %" PRIu64 "\n", planned * repeat,
          state.seed);
   for (unsigned round = 0; round < repeat; round++) {
      for (const struct test_case *test = cases; test->name; test++) {
         if (!filter || strstr(test->name, filter) != NULL) {
            run_case(test);
            failed += test_failed();
         }
      }
   }
   return failed || !planned;
}

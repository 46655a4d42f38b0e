/* SPDX-License-Identifier: MIT */

/* usage: native DRIVER.so none|double|real [part of a case's name]
 *
 * TAP. Comments are part of the result: they do not depend on chance.
 */
#include "native.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CASE_SECONDS 60

static bool failed;

void
say(const char *format, ...)
{
   va_list args;

   va_start(args, format);
   printf("# ");
   vprintf(format, args);
   printf("\n");
   va_end(args);
}

bool
native_check(bool ok, const char *file, int line, const char *text)
{
   const char *base = strrchr(file, '/');

   if (!ok) {
      failed = true;
      say("%s:%d: %s", base ? base + 1 : file, line, text);
   }
   return ok;
}

_Noreturn void
native_end(void)
{
   fflush(stdout);
   /* What a failure leaves behind may keep the driver from ending. */
   _exit(failed);
}

void
sleep_ms(unsigned ms)
{
   nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}

struct later {
   pthread_t thread;
   unsigned ms;
   void (*run)(void *data);
   void *data;
};

static void *
later_main(void *data)
{
   struct later *later = data;

   sleep_ms(later->ms);
   later->run(later->data);
   return NULL;
}

struct later *
do_later(unsigned ms, void (*run)(void *data), void *data)
{
   struct later *later = malloc(sizeof(*later));

   REQUIRE(later != NULL);
   *later = (struct later){.ms = ms, .run = run, .data = data};
   REQUIRE(!pthread_create(&later->thread, NULL, later_main, later));
   return later;
}

void
join_later(struct later *later)
{
   pthread_join(later->thread, NULL);
   free(later);
}

static bool
run_case(const struct native_case *test, const char *library,
         enum udmabuf udmabuf, unsigned number)
{
   int status = 0;
   pid_t child;

   fflush(stdout);
   child = fork();
   if (child == 0) {
      alarm(CASE_SECONDS);
      udmabuf_use(udmabuf);
      driver_open(library);
      if (!test->reported || test->reported(test->arg))
         test->run(test->arg);
      else
         say("not reported");
      native_end();
   }
   if (child < 0 || waitpid(child, &status, 0) != child)
      exit(3);
   if (WIFSIGNALED(status))
      printf("# ended by signal %d\n", WTERMSIG(status));
   printf("%sok %u - %s\n", status ? "not " : "", number, test->name);
   return status == 0;
}

int
main(int argc, char **argv)
{
   static const char *const kinds[] = {"none", "double", "real"};
   static const struct native_case *const tables[] = {
      report_cases, submit_cases, sync_fd_cases, memory_cases,
   };
   const char *filter = argc > 3 ? argv[3] : "";
   enum udmabuf udmabuf = UDMABUF_NONE;
   unsigned number = 0, bad = 0;

   while (argc > 2 && udmabuf < COUNT(kinds) && strcmp(argv[2], kinds[udmabuf]))
      udmabuf++;
   if (argc < 3 || udmabuf == COUNT(kinds)) {
      fprintf(stderr, "usage: %s DRIVER.so none|double|real [NAME]\n", argv[0]);
      return 2;
   }

   printf("TAP version 13\n");
   for (unsigned t = 0; t < COUNT(tables); t++) {
      for (const struct native_case *test = tables[t]; test->name; test++) {
         if (strstr(test->name, filter))
            bad += !run_case(test, argv[1], udmabuf, ++number);
      }
   }
   printf("1..%u\n", number);
   return bad || !number;
}

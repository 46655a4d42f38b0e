/* SPDX-License-Identifier: MIT */

/* usage: native [DRIVER.so none|double|real CASE]
 *
 * Runs a case, or names all. What a case says does not depend on chance.
 */
#include "native.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CASE_SECONDS 60

static bool failed;

void
say(const char *format, ...)
{
   va_list args;

   va_start(args, format);
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

int
main(int argc, char **argv)
{
   static const struct native_case *const tables[] = {
      report_cases, submit_cases, sync_fd_cases, memory_cases,
   };

   setlinebuf(stdout);
   for (unsigned t = 0; t < COUNT(tables); t++) {
      for (const struct native_case *test = tables[t]; test->name; test++) {
         if (argc == 1)
            say("%s", test->name);
         if (argc != 4 || strcmp(test->name, argv[3]))
            continue;

         alarm(CASE_SECONDS);
         udmabuf = argv[2];
         driver_open(argv[1]);
         if (!test->reported || test->reported(test->arg))
            test->run(test->arg);
         else
            say("not reported");
         native_end();
      }
   }
   return argc != 1;
}

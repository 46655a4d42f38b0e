/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <tlhelp32.h>

double
bench_now_ns(void)
{
   static double ns_per_tick;
   LARGE_INTEGER ticks;

   if (ns_per_tick == 0.0) {
      QueryPerformanceFrequency(&ticks);
      ns_per_tick = 1e9 / (double)ticks.QuadPart;
   }
   QueryPerformanceCounter(&ticks);
   return (double)ticks.QuadPart * ns_per_tick;
}

static double
filetime_ms(FILETIME time)
{
   return (double)((uint64_t)time.dwHighDateTime << 32 |
                   time.dwLowDateTime) / 1e4;
}

double
bench_cpu_ms(void)
{
   FILETIME creation, exit, kernel, user;

   BENCH_REQUIRE(GetProcessTimes(GetCurrentProcess(), &creation, &exit,
                                 &kernel, &user));
   return filetime_ms(kernel) + filetime_ms(user);
}

HANDLE
bench_thread_start(DWORD (WINAPI *run)(void *data), void *data)
{
   HANDLE thread = CreateThread(NULL, 64 * 1024, run, data,
                                STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);

   BENCH_REQUIRE(thread != NULL);
   return thread;
}

void
bench_thread_join(HANDLE thread)
{
   BENCH_REQUIRE(WaitForSingleObject(thread, INFINITE) == WAIT_OBJECT_0);
   CloseHandle(thread);
}

void
bench_pin(DWORD_PTR self, DWORD_PTR others)
{
   HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
   THREADENTRY32 entry = {.dwSize = sizeof(entry)};

   BENCH_REQUIRE(snapshot != INVALID_HANDLE_VALUE);
   for (BOOL more = Thread32First(snapshot, &entry); more;
        more = Thread32Next(snapshot, &entry)) {
      if (entry.th32OwnerProcessID != GetCurrentProcessId())
         continue;

      HANDLE thread = OpenThread(THREAD_SET_INFORMATION |
                                 THREAD_QUERY_INFORMATION, FALSE,
                                 entry.th32ThreadID);
      if (thread != NULL) {
         SetThreadAffinityMask(
            thread, entry.th32ThreadID == GetCurrentThreadId() ? self :
                                                                 others);
         CloseHandle(thread);
      }
   }
   CloseHandle(snapshot);
}

void
bench_rounds_init(struct bench_rounds *rounds, uint32_t capacity)
{
   rounds->count = 0;
   for (unsigned i = 0; i < 2; i++) {
      rounds->side[i] = malloc(capacity * sizeof(double));
      BENCH_REQUIRE(rounds->side[i] != NULL);
   }
}

void
bench_rounds_add(struct bench_rounds *rounds, double ours, double comparator)
{
   rounds->side[BENCH_OURS][rounds->count] = ours;
   rounds->side[BENCH_COMPARATOR][rounds->count] = comparator;
   rounds->count++;
}

static int
compare_doubles(const void *a, const void *b)
{
   const double x = *(const double *)a, y = *(const double *)b;

   return (x > y) - (x < y);
}

static double
median(double *values, uint32_t count)
{
   qsort(values, count, sizeof(values[0]), compare_doubles);
   return (values[count / 2] + values[(count - 1) / 2]) / 2.0;
}

struct bench_result
bench_rounds_finish(struct bench_rounds *rounds)
{
   double *ours = rounds->side[BENCH_OURS];
   double *comparator = rounds->side[BENCH_COMPARATOR];
   const uint32_t count = rounds->count;
   double *ratios = malloc(count * sizeof(double));
   struct bench_result result;

   BENCH_REQUIRE(count > 0 && ratios != NULL);
   for (uint32_t i = 0; i < count; i++)
      ratios[i] = ours[i] / comparator[i];

   result.ratio = median(ratios, count);
   result.low = ratios[count / 4];
   result.high = ratios[count - 1 - count / 4];
   result.ours = median(ours, count);
   result.comparator = median(comparator, count);

   free(ratios);
   free(ours);
   free(comparator);
   return result;
}

struct bench_result
bench_alternate(uint32_t count, bench_round_func run, void *ours,
                void *comparator)
{
   struct bench_rounds rounds;

   bench_rounds_init(&rounds, count);
   bench_stage("the warm-up of ours");
   run(ours);
   bench_stage("the warm-up of the comparator");
   run(comparator);
   bench_stage("both in turn");
   for (uint32_t i = 0; i < count; i++) {
      /* Neither is always the one that runs second. */
      const bool swap = i & 1;
      const double first = run(swap ? comparator : ours);
      const double second = run(swap ? ours : comparator);

      bench_rounds_add(&rounds, swap ? second : first,
                       swap ? first : second);
   }
   return bench_rounds_finish(&rounds);
}

struct bench_result
bench_compare(double ours, double comparator)
{
   return (struct bench_result) {
      .ours = ours,
      .comparator = comparator,
      .ratio = comparator != 0.0 ? ours / comparator : NAN,
      .low = NAN,
      .high = NAN,
   };
}

struct bench_result
bench_ours_alone(double ours)
{
   return (struct bench_result) {
      .ours = ours,
      .comparator = NAN,
      .ratio = NAN,
      .low = NAN,
      .high = NAN,
   };
}

static bool
within(struct bench_result result, enum bench_limit limit, double bound)
{
   switch (limit) {
   case BENCH_RATIO_AT_MOST: return result.ratio <= bound;
   case BENCH_RATIO_AT_LEAST: return result.ratio >= bound;
   case BENCH_NO_SLOWER: return result.low <= 1.0;
   case BENCH_NO_LESS: return result.high >= 1.0;
   case BENCH_OURS_AT_MOST: return result.ours <= bound;
   case BENCH_OURS_EXACTLY: return result.ours == bound;
   default: return true;
   }
}

static void
print_number(const char *key, double value)
{
   if (isnan(value))
      printf("\"%s\": null, ", key);
   else
      printf("\"%s\": %.6g, ", key, value);
}

void
bench_report(const struct bench_case *c, const char *detail,
             struct bench_result result, const char *unit,
             enum bench_limit limit, double bound)
{
   static const char *const forms[] = {
      [BENCH_NO_LIMIT] = "-",
      [BENCH_RATIO_AT_MOST] = "ratio <= %.3g",
      [BENCH_RATIO_AT_LEAST] = "ratio >= %.3g",
      [BENCH_NO_SLOWER] = "no slower",
      [BENCH_NO_LESS] = "no less",
      [BENCH_OURS_AT_MOST] = "ours <= %.3g",
      [BENCH_OURS_EXACTLY] = "ours == %.3g",
   };

   printf("{\"row\": \"%s%s%s\", ", c->name, detail ? "/" : "",
          detail ? detail : "");
   print_number("ours", result.ours);
   print_number("comparator", result.comparator);
   printf("\"unit\": \"%s\", ", unit);
   print_number("ratio", result.ratio);
   print_number("low", result.low);
   print_number("high", result.high);
   printf("\"limit\": \"");
   printf(forms[limit], bound);
   printf("\", \"ok\": %s}\n",
          within(result, limit, bound) ? "true" : "false");
   fflush(stdout);
}

/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <tlhelp32.h>

double
bench_now_ns(void)
{
   return 1e6 * test_now_ms();
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

   REQUIRE(GetProcessTimes(GetCurrentProcess(), &creation, &exit,
                           &kernel, &user));
   return filetime_ms(kernel) + filetime_ms(user);
}

void
bench_pin(DWORD_PTR self, DWORD_PTR others)
{
   HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
   THREADENTRY32 entry = {.dwSize = sizeof(entry)};

   REQUIRE(snapshot != INVALID_HANDLE_VALUE);
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

static int
compare_doubles(const void *a, const void *b)
{
   const double x = *(const double *)a, y = *(const double *)b;

   return (x > y) - (x < y);
}

static double
median(const double *values, uint32_t count)
{
   double *sorted = malloc(count * sizeof(double));
   double result;

   REQUIRE(sorted != NULL);
   memcpy(sorted, values, count * sizeof(double));
   qsort(sorted, count, sizeof(double), compare_doubles);
   result = (sorted[count / 2] + sorted[(count - 1) / 2]) / 2.0;
   free(sorted);
   return result;
}

static struct bench_result
quotients(const double *ours, const double *comparator, uint32_t count)
{
   double *ratios = malloc(count * sizeof(double));
   struct bench_result result;

   REQUIRE(count > 0 && ratios != NULL);
   for (uint32_t i = 0; i < count; i++)
      ratios[i] = ours[i] / comparator[i];
   qsort(ratios, count, sizeof(double), compare_doubles);

   result.ratio = median(ratios, count);
   result.low = ratios[count / 4];
   result.high = ratios[count - 1 - count / 4];
   result.ours = median(ours, count);
   result.comparator = median(comparator, count);
   free(ratios);
   return result;
}

struct bench_result
bench_alternate(uint32_t count, bench_round_func run, void *ours,
                void *comparator)
{
   void *const data[2] = {ours, comparator};
   double *values[2];
   struct bench_result result;

   for (unsigned i = 0; i < 2; i++) {
      values[i] = malloc((BENCH_WARM_UP + count) * sizeof(double));
      REQUIRE(values[i] != NULL);
   }
   for (uint32_t r = 0; r < BENCH_WARM_UP + count; r++) {
      /* Neither is always the one that runs second. */
      for (unsigned i = 0; i < 2; i++) {
         const unsigned side = i ^ (r & 1);

         if (r == 0)
            bench_stage(side == BENCH_OURS ? "the warm-up of ours"
                                           : "the warm-up of the comparator");
         values[side][r] = run(data[side]);
      }
      if (r == 0)
         bench_stage("both in turn");
   }
   result = quotients(values[BENCH_OURS] + BENCH_WARM_UP,
                      values[BENCH_COMPARATOR] + BENCH_WARM_UP, count);
   free(values[BENCH_OURS]);
   free(values[BENCH_COMPARATOR]);
   return result;
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

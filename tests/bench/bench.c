/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <math.h>
#include <stdlib.h>

#define MOST_ROUNDS 1001

void
bench_use_parker(const char *parker)
{
   SetEnvironmentVariableA("MESA_VK_WIN32_PARKER", parker);
}

double
bench_now_ns(void)
{
   return 1e6 * test_now_ms();
}

static int
compare_doubles(const void *a, const void *b)
{
   const double x = *(const double *)a, y = *(const double *)b;

   return (x > y) - (x < y);
}

struct bench_result
bench_alternate(uint32_t count, bench_round_func run, void *ours,
                void *comparator)
{
   static double values[2][MOST_ROUNDS], ratios[MOST_ROUNDS];
   void *const data[2] = {ours, comparator};

   REQUIRE(count <= MOST_ROUNDS);
   for (uint32_t r = 0; r < BENCH_WARM_UP + count; r++) {
      /* Neither is always the one that runs second. */
      for (unsigned i = 0; i < 2; i++) {
         const unsigned side = i ^ (r & 1);
         const double value = run(data[side]);

         if (r >= BENCH_WARM_UP)
            values[side][r - BENCH_WARM_UP] = value;
      }
   }

   for (uint32_t i = 0; i < count; i++)
      ratios[i] = values[BENCH_OURS][i] / values[BENCH_COMPARATOR][i];
   qsort(ratios, count, sizeof(double), compare_doubles);
   for (unsigned side = 0; side < 2; side++)
      qsort(values[side], count, sizeof(double), compare_doubles);
   return (struct bench_result) {
      .ours = values[BENCH_OURS][count / 2],
      .comparator = values[BENCH_COMPARATOR][count / 2],
      .ratio = ratios[count / 2],
      .low = ratios[count / 4],
      .high = ratios[count - 1 - count / 4],
   };
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
   }
   return false;
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
bench_report(const char *detail, struct bench_result result, const char *unit,
             enum bench_limit limit, double bound)
{
   static const char *const forms[] = {
      [BENCH_RATIO_AT_MOST] = "ratio <= %.3g",
      [BENCH_RATIO_AT_LEAST] = "ratio >= %.3g",
      [BENCH_NO_SLOWER] = "no slower",
      [BENCH_NO_LESS] = "no less",
      [BENCH_OURS_AT_MOST] = "ours <= %.3g",
      [BENCH_OURS_EXACTLY] = "ours == %.3g",
   };

   /* ci/lib/bench.py knows of which case it is. */
   printf("{\"row\": \"%s\", ", detail != NULL ? detail : "");
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

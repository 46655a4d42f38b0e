/* SPDX-License-Identifier: MIT */
#ifndef BENCH_H
#define BENCH_H

#include "test.h"

/** One case is one process run, and gives one or more rows, by the name of the
 * case or with a slash and what they are about after it
 */
struct bench_case {
   const char *name;

   /* MESA_VK_WIN32_PARKER of the run, NULL for the default */
   const char *parker;

   void (*run)(const struct bench_case *c);

   /* For run(), where cases share one */
   uint32_t number;
};

/** All that a program has, each with an entry without a name at its end, and
 * NULL; each program defines its own
 */
extern const struct bench_case *const bench_cases[];

extern const struct bench_case bench_beside_cases[];
extern const struct bench_case bench_block_cases[];
extern const struct bench_case bench_driver_cases[];
extern const struct bench_case bench_memory_cases[];
extern const struct bench_case bench_pairs_cases[];
extern const struct bench_case bench_sync_cases[];
extern const struct bench_case bench_wait_cases[];

/** What its processes are started for again, see peer.h */
extern const struct test_role bench_roles[];

/* Where the two drivers are: --ours and --upstream */
extern const char *bench_driver_path[2];

/** See to it that a process which ends before its time says what it was at,
 * however it ends: by exit(), or after `seconds`.  There are no cases as in
 * test.h, so that what is required and fails ends the process.
 */
void bench_guard(unsigned seconds);

/** What it is at from now on, for the last lines of the standard error; NULL
 * when it has done all it was to do
 */
void bench_stage(const char *stage);

double bench_now_ns(void);

/** CPU time of this process so far; counts in ticks of 10 ms and more */
double bench_cpu_ms(void);

/** Say on which processors this thread and all others of the process run
 *
 * Where a scheduler puts threads that wake each other differs from run to
 * run, and the rate by several times.  The masks are those of Windows.
 */
void bench_pin(DWORD_PTR self, DWORD_PTR others);

/** What is measured of one contender in one round, per operation */
typedef double (*bench_round_func)(void *data);

enum bench_side {
   BENCH_OURS,
   BENCH_COMPARATOR,
};

/** The median of each side's rounds and of the quotients of each round
 *
 * The quotients of neighbouring rounds hardly notice what else the machine is
 * doing, which moves both sides; so `ratio` need not be ours / comparator.
 */
struct bench_result {
   double ours;
   double comparator;
   double ratio;

   /* Half of the quotients were between these: how noisy it was */
   double low;
   double high;
};

#define BENCH_WARM_UP 2

/** Run both in turn, BENCH_WARM_UP times and then for that many rounds; ours is
 * first in each other round
 */
struct bench_result bench_alternate(uint32_t rounds, bench_round_func run,
                                    void *ours, void *comparator);

struct bench_result bench_compare(double ours, double comparator);
struct bench_result bench_ours_alone(double ours);

enum bench_limit {
   BENCH_NO_LIMIT,
   BENCH_RATIO_AT_MOST,
   BENCH_RATIO_AT_LEAST,
   /* As far as the rounds can tell: two of the same differ, too, to either
    * side, and half of all rounds do not say which is the better one.
    */
   BENCH_NO_SLOWER,
   BENCH_NO_LESS,
   BENCH_OURS_AT_MOST,
   BENCH_OURS_EXACTLY,
};

/** Print a row: the case's own for `detail` NULL, else "case/detail"
 *
 * What is no slower or no less has no bound.
 */
void bench_report(const struct bench_case *c, const char *detail,
                  struct bench_result result, const char *unit,
                  enum bench_limit limit, double bound);

#endif /* BENCH_H */

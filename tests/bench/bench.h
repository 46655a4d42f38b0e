/* SPDX-License-Identifier: MIT */
#ifndef BENCH_H
#define BENCH_H

#include "test.h"

/** The seconds of a case: none takes half of that on a machine that has nothing
 * else to do.
 *
 * ci/bench runs each case in a process of its own.  It gives one or more rows,
 * by its name or with a slash and what they are about after it.
 */
#define BENCH_SECONDS 200

/** Before anything asks for the parker, of which a process has one for good;
 * NULL for the default
 */
void bench_use_parker(const char *parker);

double bench_now_ns(void);

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

/** Run both in turn, BENCH_WARM_UP times and then for that many rounds, an odd
 * number; ours is first in each other round
 */
struct bench_result bench_alternate(uint32_t rounds, bench_round_func run,
                                    void *ours, void *comparator);

/** What takes no rounds; the comparator may be NAN, for none */
struct bench_result bench_compare(double ours, double comparator);

enum bench_limit {
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
void bench_report(const char *detail, struct bench_result result,
                  const char *unit, enum bench_limit limit, double bound);

#endif /* BENCH_H */

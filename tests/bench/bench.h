/* SPDX-License-Identifier: MIT */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

#define BENCH_COUNT(array) (sizeof(array) / sizeof((array)[0]))

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

struct bench_peer_role;

/** What one source file has for a program */
struct bench_suite {
   /* Both end with an entry without a name; roles may be NULL. */
   const struct bench_case *cases;
   const struct bench_peer_role *roles;
};

/** All that a program has, and NULL; each program defines its own */
extern const struct bench_suite *const bench_suites[];

extern const struct bench_suite bench_block_suite;
extern const struct bench_suite bench_broadcast_suite;
extern const struct bench_suite bench_crowd_suite;
extern const struct bench_suite bench_driver_suite;
extern const struct bench_suite bench_memory_suite;
extern const struct bench_suite bench_pairs_suite;
extern const struct bench_suite bench_shared_suite;
extern const struct bench_suite bench_sync_suite;
extern const struct bench_suite bench_wait_suite;

/* Where the two drivers are: --ours and --upstream */
extern const char *bench_driver_path[2];

#define BENCH_REQUIRE(condition) \
   ((condition) ? (void)0 : bench_fail(__FILE__, __LINE__, #condition))

void bench_fail(const char *file, int line, const char *text);

/** See to it that a process which ends before its time says what it was at,
 * and why, however it ends: by an exception, by exit(), or after `seconds`.
 */
void bench_guard(unsigned seconds);

/** What it is at from now on, also for the last lines of the standard error;
 * NULL when it has done all it was to do
 */
void bench_stage(const char *stage);

/** End the process, with the reason and what it was at */
void bench_abandon(const char *format, ...);

double bench_now_ns(void);

/** CPU time of this process so far; counts in ticks of 10 ms and more */
double bench_cpu_ms(void);

/** A thread that needs next to no stack, of which there may be thousands */
HANDLE bench_thread_start(DWORD (WINAPI *run)(void *data), void *data);
void bench_thread_join(HANDLE thread);

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

/** Collects rounds */
struct bench_rounds {
   uint32_t count;
   double *side[2];
};

void bench_rounds_init(struct bench_rounds *rounds, uint32_t capacity);
void bench_rounds_add(struct bench_rounds *rounds, double ours,
                      double comparator);

/** The result of the rounds, which are gone afterwards */
struct bench_result bench_rounds_finish(struct bench_rounds *rounds);

/** Run both in turn, once to warm up and then for that many rounds */
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

/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_H
#define FUZZ_H

/* Random input, of which every result is known or, where somebody else writes
 * to the same memory, one of few.
 *
 * A case is a number of episodes.  An episode starts from nothing and depends
 * on the seed, the case and its own number only, so that it can be repeated
 * alone: --seed S --filter CASE with LVP_SYNC_FUZZ_EPISODE=N.
 */

#include "test.h"

/* Run the episodes, up to the first failure. */
void fuzz_run(uint32_t episodes, void (*episode)(void));

/* A thread beside the first, to be joined before the episode ends. Each index,
 * 0 < index < FUZZ_THREADS, has random numbers of its own.
 */
#define FUZZ_THREADS 5
struct test_thread *fuzz_start(unsigned index, void (*run)(void *data),
                               void *data);

/* The calling thread's numbers */
uint64_t fuzz_random(void);
uint32_t fuzz_below(uint32_t limit);
bool fuzz_chance(uint32_t percent);

/* Between these two the thread is in the code under test, which may take
 * `allowed_ms` and a little longer.
 */
void fuzz_enter(const char *op, uint64_t detail);
void fuzz_leave(uint32_t allowed_ms);

/* A clock of its own, and whether what may take `allowed_ms` has come late */
uint32_t fuzz_now_ms(void);
void fuzz_check_late(uint32_t since_ms, uint32_t allowed_ms);

#define FUZZ_CHECK(condition) \
   fuzz_check((condition), __FILE__, __LINE__, #condition)
bool fuzz_check(bool ok, const char *file, int line, const char *text);

/* What a module asks the system for, by way of its import table */
struct fuzz_counts {
   /* Calls */
   uint64_t maps, processes;
   /* How many are open, mapped or allocated, or whether there is one less */
   uint64_t views, handles, allocations;
   /* Closed what is not open */
   uint64_t wrong_closes;
};

void fuzz_hook_module(HMODULE module);
struct fuzz_counts fuzz_count(void);
/* Nothing is left of all that has been mapped since or, if wanted, of what was
 * opened and allocated.
 */
void fuzz_expect_counts(const struct fuzz_counts *before, bool handles,
                        bool memory);

/* Of the calls that this thread makes from now on and that can fail, one does;
 * and whether it is still to come.  For one thread at a time.
 */
void fuzz_fail(uint32_t nth, DWORD error);
bool fuzz_will_fail(void);

#endif

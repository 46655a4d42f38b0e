/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_H
#define FUZZ_H

/* Random input, of which every result is known or, where somebody else writes
 * to the same memory, one of few.
 *
 * A part is a number of episodes.  An episode starts from nothing and depends
 * on the seed, the part's name and its own number only, so that it can be
 * repeated alone: --seed S --filter PART with LVP_SYNC_FUZZ_EPISODE=N.
 *
 * What counts as a case is one import, or one use of a mutated section.
 */

#include "test.h"

#define FUZZ_MS UINT64_C(1000000)

/* How late a call may return: the longest that a shared wait sleeps before it
 * looks again, and what a busy machine adds.
 */
#define FUZZ_LATE_NS (1000 * FUZZ_MS + 3000 * FUZZ_MS)

/* What it may add for each process that it has to ask the kernel about: there
 * are as many as there are slots.
 */
#define FUZZ_PROCESS_NS (50 * FUZZ_MS)

/* One of the threads that work on an episode */
struct fuzz_thread {
   uint64_t random;
   uint64_t cases;
   uint32_t step;
   uint64_t slowest_ns;
   uint64_t processes;

   /* What it is doing, since when, and what about; read by others */
   const char *volatile op;
   volatile LONG64 since_ns;
   volatile uint64_t detail;

   void (*run)(void *data);
   void *data;
};

/* The calling thread; the first one, unless it is one of those below */
struct fuzz_thread *fuzz_self(void);

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

/* Run the episodes.  Fails if there have been fewer cases in each, over all
 * threads and on average.
 */
void fuzz_run(const char *part, uint32_t episodes, uint32_t cases,
              void (*episode)(void *data), void *data);

/* Between these two the thread is in the code under test, which may take
 * `allowed_ns` and a little longer.
 */
void fuzz_enter(const char *op, uint64_t detail);
void fuzz_leave(uint64_t allowed_ns);
void fuzz_count_case(void);

/* A clock that stands still while this program does not get to run; and whether
 * what may take `allowed_ns` has come late
 */
uint64_t fuzz_now_ns(void);
void fuzz_check_late(uint64_t since_ns, uint64_t allowed_ns);

#define FUZZ_CHECK(condition) \
   fuzz_check((condition), __FILE__, __LINE__, #condition)
bool fuzz_check(bool ok, const char *file, int line, const char *text);

/* What a module asks the system for, by way of its import table */
struct fuzz_counts {
   /* Calls */
   uint64_t maps, processes;
   /* How many are open, mapped or allocated, or whether there is one less */
   int64_t views, handles, allocations;
   /* Closed what is not open, or what belongs to the caller */
   uint64_t wrong_closes;
};

void fuzz_hook_module(HMODULE module);
struct fuzz_counts fuzz_count(void);

/* Of the calls that this thread makes from now on and that can fail, one does;
 * and whether it is still to come.  For one thread at a time.
 */
void fuzz_fail(uint32_t nth, DWORD error);
bool fuzz_will_fail(void);

/* The handle that the module must not close, or NULL */
void fuzz_guard_handle(HANDLE handle);

#endif

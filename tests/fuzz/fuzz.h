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

struct fuzz_rng {
   uint64_t state;
};

static inline uint64_t
fuzz_random(struct fuzz_rng *rng)
{
   uint64_t z = rng->state += UINT64_C(0x9e3779b97f4a7c15);

   z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
   z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
   return z ^ (z >> 31);
}

static inline uint32_t
fuzz_below(struct fuzz_rng *rng, uint32_t limit)
{
   return (uint32_t)((fuzz_random(rng) >> 32) * limit >> 32);
}

static inline bool
fuzz_chance(struct fuzz_rng *rng, uint32_t percent)
{
   return fuzz_below(rng, 100) < percent;
}

/* One of the threads that work on an episode */
struct fuzz_thread {
   struct fuzz_rng rng;
   uint64_t cases;
   uint32_t step;
   uint64_t slowest_ns;
   uint64_t processes;

   /* What it is doing, since when, and what about; read by others */
   const char *volatile op;
   volatile LONG64 since_ns;
   volatile uint64_t detail;
};

#define FUZZ_THREADS 8

/* Run the episodes, the first thread of which is this one.  Fails if there
 * have been fewer than `least` cases, over all threads.
 */
void fuzz_run(const char *part, uint32_t episodes, uint64_t least,
              void (*episode)(struct fuzz_thread *self, void *data),
              void *data);

/* The watchdog alone, for a child, until it ends */
void fuzz_watch(const char *part);

/* A thread beside the first, until the episode ends; 0 < index */
struct fuzz_thread *fuzz_thread(unsigned index);

/* Between these two the thread is in the code under test, which may take
 * `allowed_ns` and a little longer.
 */
void fuzz_enter(struct fuzz_thread *self, const char *op, uint64_t detail);
void fuzz_leave(struct fuzz_thread *self, uint64_t allowed_ns);

/* A clock that stands still while this program does not get to run, which the
 * second one waits to hear of if much time seems to have passed.
 */
uint64_t fuzz_now_ns(void);
uint64_t fuzz_elapsed_ns(uint64_t then_ns);

#define FUZZ_CHECK(self, condition) \
   fuzz_check((self), (condition), __FILE__, __LINE__, #condition)
bool fuzz_check(struct fuzz_thread *self, bool ok, const char *file, int line,
                const char *text);

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

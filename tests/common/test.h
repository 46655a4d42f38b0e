/* SPDX-License-Identifier: MIT */
#ifndef LVP_TEST_H
#define LVP_TEST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

#if defined(__MINGW32__)
#define TEST_PRINTF(format, args) \
   __attribute__((__format__(__MINGW_PRINTF_FORMAT, format, args)))
#else
#define TEST_PRINTF(format, args)
#endif

#define TEST_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A case runs on a thread of its own. The main thread is the watchdog: it
 * ends the program when a case takes longer than its time.
 */
struct test_case {
   const char *name;
   void (*run)(intptr_t arg);
   intptr_t arg;
   unsigned seconds; /* 0: the default */
};

/* What the program does when a case starts it again as a child. */
struct test_role {
   const char *name;
   int (*run)(int argc, char **argv);
};

/* Both tables end with an entry without a name; roles may be NULL. */
int test_main(int argc, char **argv, const struct test_case *cases,
              const struct test_role *roles);

/* For a program that is no table of cases: what test_main() begins with, and
 * what it does at the end of a case.
 */
void test_init(void);
void test_clean_up(void);

/* Records a failure and goes on. */
#define EXPECT(condition) \
   test_check((condition), false, __FILE__, __LINE__, #condition)
/* Records a failure and ends the case (in a child: the process). */
#define REQUIRE(condition) \
   test_check((condition), true, __FILE__, __LINE__, #condition)

#define EXPECT_U64(value, want) \
   test_check_u64((value), (want), false, __FILE__, __LINE__, #value)
#define REQUIRE_U64(value, want) \
   test_check_u64((value), (want), true, __FILE__, __LINE__, #value)

bool test_check(bool ok, bool required, const char *file, int line,
                const char *text);
bool test_check_u64(uint64_t value, uint64_t want, bool required,
                    const char *file, int line, const char *text);

void test_fail(bool required, const char *file, int line,
               const char *format, ...) TEST_PRINTF(4, 5);
void test_diag(const char *format, ...) TEST_PRINTF(1, 2);

/* Ends the case without counting it. */
void test_skip(const char *format, ...) TEST_PRINTF(1, 2);

bool test_failed(void);

/* Runs when the case has ended, the last one deferred first. */
void test_defer(void (*undo)(void *data), void *data);
void test_undefer(void (*undo)(void *data), void *data);

/* Closed when the case has ended, unless test_close() was called before. */
HANDLE test_own_handle(HANDLE handle);
void test_close(HANDLE handle);

/* Depends on --seed and on the case only, which sees the same numbers when it
 * is run alone as in a full run. Not thread-safe.
 */
uint64_t test_random(void);
uint32_t test_random_below(uint32_t limit);

/* For those that have a state of their own: splitmix64 */
static inline uint64_t
test_next_random(uint64_t *state)
{
   uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

   z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
   z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
   return z ^ (z >> 31);
}

double test_now_ms(void);

/* Handles that this process has open */
unsigned test_count_handles(void);

/* 1, or more in a long run: how often to repeat what depends on chance. */
unsigned test_scale(void);

struct test_thread;
struct test_thread *test_thread_start(void (*run)(void *data), void *data);
void test_thread_join(struct test_thread *thread);

/* Threads that burn CPU until the case ends. */
void test_hog_cpu(unsigned threads);

/* A program that is linked with test_common and has no main() runs these. Not
 * to have roles is not to define them.
 */
extern const struct test_case test_cases[];
extern const struct test_role test_roles[];

#endif

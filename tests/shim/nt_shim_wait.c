/* SPDX-License-Identifier: MIT */

/* Locks, time and keyed events: what never has a handle. */
#include "nt_shim_private.h"

#include <sched.h>
#include <time.h>

#define BUCKETS 1024

/* Chaos ------------------------------------------------------------------- */

static struct {
   unsigned level;
   uint64_t seed;
} chaos;

static _Thread_local uint64_t chaos_state;

void
nt_shim_set_chaos(unsigned level, uint64_t seed)
{
   chaos.level = level;
   chaos.seed = seed;
}

static uint32_t
chaos_next(void)
{
   if (chaos_state == 0)
      chaos_state = chaos.seed ^ (GetCurrentThreadId() * UINT64_C(0x9e3779b97f4a7c15)) ^ 1;

   chaos_state ^= chaos_state << 13;
   chaos_state ^= chaos_state >> 7;
   chaos_state ^= chaos_state << 17;
   return (uint32_t)(chaos_state >> 32);
}

/* Being descheduled at the worst moment is rare; here it is not. */
void
nt_shim_disturb(void)
{
   if (chaos.level == 0)
      return;

   const uint32_t random = chaos_next() % 4096;
   if (random < chaos.level) {
      const struct timespec pause = { .tv_nsec = 1000 * (chaos_next() % 200) };
      nanosleep(&pause, NULL);
   } else if (random < 32 * chaos.level) {
      sched_yield();
   }
}

/* Locks ------------------------------------------------------------------- */

/* libpthread is not instrumented, so AddressSanitizer would not notice the
 * use of a lock that has been freed.
 */
static void
touch(SRWLOCK *lock)
{
   (void)*(volatile unsigned char *)lock;
}

void
AcquireSRWLockExclusive(SRWLOCK *lock)
{
   nt_shim_step();
   touch(lock);
   NT_SHIM_CHECK(pthread_mutex_lock(lock) == 0);
   nt_shim_note_lock(1);
   nt_shim_disturb();
}

void
ReleaseSRWLockExclusive(SRWLOCK *lock)
{
   nt_shim_disturb();
   touch(lock);
   NT_SHIM_CHECK(pthread_mutex_unlock(lock) == 0);
   nt_shim_note_lock(-1);
   nt_shim_step();
}

/* Time -------------------------------------------------------------------- */

/* The pthread form of an NT time-out; only relative ones are supported. */
struct timespec
nt_shim_deadline(const LARGE_INTEGER *timeout)
{
   NT_SHIM_CHECK(timeout->QuadPart <= 0);

   struct timespec now;
   clock_gettime(CLOCK_MONOTONIC, &now);

   const uint64_t ticks = -(uint64_t)timeout->QuadPart;
   const uint64_t nsec = now.tv_nsec + ticks % 10000000 * 100;
   return (struct timespec) {
      .tv_sec = now.tv_sec + ticks / 10000000 + nsec / 1000000000,
      .tv_nsec = nsec % 1000000000,
   };
}

void
nt_shim_cond_init(pthread_cond_t *cond)
{
   pthread_condattr_t attributes;

   pthread_condattr_init(&attributes);
   pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
   NT_SHIM_CHECK(pthread_cond_init(cond, &attributes) == 0);
   pthread_condattr_destroy(&attributes);
}

static bool
is_before(const struct timespec *a, const struct timespec *b)
{
   return a->tv_sec < b->tv_sec ||
          (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

/* A thread whose process may end looks after that itself. */
bool
nt_shim_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                  const struct timespec *deadline)
{
   const LARGE_INTEGER slice = { .QuadPart = -10 * 10000 };
   const bool whole = nt_shim_current_process() == 0;

   if (whole && deadline == NULL)
      return pthread_cond_wait(cond, mutex) == 0;

   struct timespec until = nt_shim_deadline(&slice);
   const bool last = deadline != NULL && (whole || is_before(deadline, &until));
   if (last)
      until = *deadline;

   const int error = pthread_cond_timedwait(cond, mutex, &until);
   return error == 0 || (!last && !nt_shim_is_ending());
}

LONG
nt_shim_delay_execution(BOOLEAN alertable, const LARGE_INTEGER *interval)
{
   (void)alertable;
   nt_shim_step();
   const struct timespec deadline = nt_shim_deadline(interval);
   while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL))
      ;
   return STATUS_SUCCESS;
}

void
Sleep(DWORD milliseconds)
{
   const LARGE_INTEGER interval = {
      .QuadPart = -(LONGLONG)milliseconds * 10000,
   };
   nt_shim_delay_execution(FALSE, &interval);
}

/* Keyed events ------------------------------------------------------------ */

/* A wait and a release of the same key meet: whoever comes first blocks until
 * the other has come.  So a release, too, blocks.
 */
struct keyed_party {
   const void *key;
   bool waits;
   bool met;
   pthread_cond_t cond;
   struct list_head node;
};

static struct bucket {
   pthread_mutex_t mutex;
   struct list_head parties;
} buckets[BUCKETS];

void
nt_shim_wait_init(void)
{
   for (unsigned i = 0; i < BUCKETS; i++) {
      pthread_mutex_init(&buckets[i].mutex, NULL);
      list_inithead(&buckets[i].parties);
   }
}

static LONG
keyed_meet(void *key, const LARGE_INTEGER *timeout, bool waits)
{
   struct bucket *bucket =
      &buckets[(uintptr_t)key * UINT64_C(0x9e3779b97f4a7c15) >> 54];
   struct timespec deadline = {0};

   if ((uintptr_t)key & 1)
      return STATUS_INVALID_PARAMETER;
   if (timeout != NULL)
      deadline = nt_shim_deadline(timeout);

   nt_shim_step();
   pthread_mutex_lock(&bucket->mutex);

   list_for_each_entry(struct keyed_party, other, &bucket->parties, node) {
      if (other->key != key || other->waits == waits)
         continue;

      list_del(&other->node);
      other->met = true;
      pthread_cond_signal(&other->cond);
      pthread_mutex_unlock(&bucket->mutex);
      nt_shim_disturb();
      return STATUS_SUCCESS;
   }

   struct keyed_party self = { .key = key, .waits = waits };
   nt_shim_cond_init(&self.cond);
   list_addtail(&self.node, &bucket->parties);

   bool in_time = true;
   while (!self.met && in_time)
      in_time = nt_shim_cond_wait(&self.cond, &bucket->mutex,
                                  timeout != NULL ? &deadline : NULL);

   if (!self.met)
      list_del(&self.node);
   pthread_mutex_unlock(&bucket->mutex);
   pthread_cond_destroy(&self.cond);
   nt_shim_step();

   return self.met ? STATUS_SUCCESS : STATUS_TIMEOUT;
}

LONG
nt_shim_wait_for_keyed_event(HANDLE event, void *key, BOOLEAN alertable,
                             const LARGE_INTEGER *timeout)
{
   NT_SHIM_CHECK(event == NULL && !alertable);
   return keyed_meet(key, timeout, true);
}

LONG
nt_shim_release_keyed_event(HANDLE event, void *key, BOOLEAN alertable,
                            const LARGE_INTEGER *timeout)
{
   NT_SHIM_CHECK(event == NULL && !alertable);
   return keyed_meet(key, timeout, false);
}

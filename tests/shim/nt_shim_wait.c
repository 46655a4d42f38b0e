/* SPDX-License-Identifier: MIT */

/* Locks, lists, time, and what threads wait for: keyed events, which have no
 * handle, and events and semaphores
 */
#include "nt_shim_private.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <time.h>

#include "util/futex.h"

#include "vk_sync_win32_nt.h"

#define BUCKETS 1024
#define MAX_OBJECTS 2

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
   static uint32_t threads;

   if (chaos_state == 0)
      chaos_state =
         chaos.seed ^ (uint64_t)__atomic_add_fetch(&threads, 1, __ATOMIC_RELAXED) *
                      UINT64_C(0x9e3779b97f4a7c15);

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
   nt_shim_disturb();
   touch(lock);
   NT_SHIM_CHECK(pthread_mutex_lock(lock) == 0);
   nt_shim_disturb();
}

void
ReleaseSRWLockExclusive(SRWLOCK *lock)
{
   nt_shim_disturb();
   touch(lock);
   NT_SHIM_CHECK(pthread_mutex_unlock(lock) == 0);
   nt_shim_disturb();
}

/* Lists ------------------------------------------------------------------- */

void
InitializeSListHead(SLIST_HEADER *list)
{
   pthread_mutex_init(&list->mutex, NULL);
   list->first = NULL;
}

SLIST_ENTRY *
InterlockedPushEntrySList(SLIST_HEADER *list, SLIST_ENTRY *entry)
{
   nt_shim_disturb();
   pthread_mutex_lock(&list->mutex);
   SLIST_ENTRY *old = entry->Next = list->first;
   list->first = entry;
   pthread_mutex_unlock(&list->mutex);
   return old;
}

SLIST_ENTRY *
InterlockedPopEntrySList(SLIST_HEADER *list)
{
   nt_shim_disturb();
   pthread_mutex_lock(&list->mutex);
   SLIST_ENTRY *entry = list->first;
   if (entry != NULL)
      list->first = entry->Next;
   pthread_mutex_unlock(&list->mutex);
   return entry;
}

/* Time -------------------------------------------------------------------- */

/* Only relative time-outs are supported. */
static struct timespec
deadline_of(const LARGE_INTEGER *timeout)
{
   NT_SHIM_CHECK(timeout != NULL && timeout->QuadPart <= 0);

   struct timespec now;
   clock_gettime(CLOCK_MONOTONIC, &now);

   const uint64_t ticks = -(uint64_t)timeout->QuadPart;
   const uint64_t nsec = now.tv_nsec + ticks % 10000000 * 100;
   return (struct timespec) {
      .tv_sec = now.tv_sec + ticks / 10000000 + nsec / 1000000000,
      .tv_nsec = nsec % 1000000000,
   };
}

/* False if it is too late */
static bool
sleep_while(uint32_t *word, uint32_t value, const struct timespec *deadline)
{
   return futex_wait(word, (int32_t)value, deadline) == 0 || errno != ETIMEDOUT;
}

static LONG
delay_execution(BOOLEAN alertable, const LARGE_INTEGER *interval)
{
   (void)alertable;
   nt_shim_disturb();
   const struct timespec deadline = deadline_of(interval);
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
   delay_execution(FALSE, &interval);
}

/* Keyed events ------------------------------------------------------------ */

/* A wait and a release of the same key meet: whoever comes first blocks until
 * the other has come.  So a release, too, blocks.
 */
struct keyed_party {
   const void *key;
   bool waits;
   uint32_t met;
   struct list_head node;
};

static struct bucket {
   pthread_mutex_t mutex;
   struct list_head parties;
} buckets[BUCKETS];

static void
init_buckets(void)
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
   const struct timespec deadline = deadline_of(timeout);

   NT_SHIM_CHECK(((uintptr_t)key & 1) == 0);
   nt_shim_disturb();
   pthread_mutex_lock(&bucket->mutex);

   list_for_each_entry(struct keyed_party, other, &bucket->parties, node) {
      if (other->key != key || other->waits == waits)
         continue;

      list_del(&other->node);
      __atomic_store_n(&other->met, true, __ATOMIC_RELAXED);
      futex_wake(&other->met, 1);
      pthread_mutex_unlock(&bucket->mutex);
      nt_shim_disturb();
      return STATUS_SUCCESS;
   }

   struct keyed_party self = { .key = key, .waits = waits };
   list_addtail(&self.node, &bucket->parties);
   pthread_mutex_unlock(&bucket->mutex);

   bool in_time = true;
   while (!__atomic_load_n(&self.met, __ATOMIC_RELAXED) && in_time)
      in_time = sleep_while(&self.met, false, &deadline);

   pthread_mutex_lock(&bucket->mutex);
   const bool met = self.met;
   if (!met)
      list_del(&self.node);
   pthread_mutex_unlock(&bucket->mutex);
   nt_shim_disturb();

   return met ? STATUS_SUCCESS : STATUS_TIMEOUT;
}

static LONG
wait_for_keyed_event(HANDLE event, void *key, BOOLEAN alertable,
                     const LARGE_INTEGER *timeout)
{
   NT_SHIM_CHECK(event == NULL && !alertable);
   return keyed_meet(key, timeout, true);
}

static LONG
release_keyed_event(HANDLE event, void *key, BOOLEAN alertable,
                    const LARGE_INTEGER *timeout)
{
   NT_SHIM_CHECK(event == NULL && !alertable);
   return keyed_meet(key, timeout, false);
}

/* Events and semaphores --------------------------------------------------- */

static bool refuse_semaphores;

void
nt_shim_refuse_semaphores(bool refuse)
{
   refuse_semaphores = refuse;
}

/* Named ones are never adopted. */
static HANDLE
create(enum object_type type, const wchar_t *name, LONG initial, LONG maximum)
{
   nt_shim_disturb();
   pthread_mutex_lock(&nt_shim_objects_mutex);
   NT_SHIM_CHECK(nt_shim_find_named(name) == NULL);
   struct nt_shim_object *object = nt_shim_create_object(type, name);
   object->count = (uint32_t)initial;
   object->maximum = (uint32_t)maximum;
   HANDLE handle = nt_shim_add_handle(object);
   pthread_mutex_unlock(&nt_shim_objects_mutex);

   SetLastError(ERROR_SUCCESS);
   return handle;
}

HANDLE
CreateEventW(SECURITY_ATTRIBUTES *attributes, BOOL manual_reset,
             BOOL initial_state, const wchar_t *name)
{
   NT_SHIM_CHECK(attributes == NULL && name == NULL && !manual_reset);
   return create(OBJECT_EVENT, NULL, initial_state, 1);
}

HANDLE
CreateSemaphoreW(SECURITY_ATTRIBUTES *attributes, LONG initial, LONG maximum,
                 const wchar_t *name)
{
   NT_SHIM_CHECK(initial >= 0 && initial <= maximum && maximum > 0);
   NT_SHIM_CHECK((attributes != NULL) == (name != NULL));
   if (refuse_semaphores) {
      SetLastError(ERROR_NOT_ENOUGH_MEMORY);
      return NULL;
   }
   return create(OBJECT_SEMAPHORE, name, initial, maximum);
}

HANDLE
OpenSemaphoreW(DWORD access, BOOL inherit, const wchar_t *name)
{
   HANDLE handle = NULL;

   NT_SHIM_CHECK(access == SEMAPHORE_MODIFY_STATE && !inherit);
   nt_shim_disturb();
   pthread_mutex_lock(&nt_shim_objects_mutex);
   struct nt_shim_object *object = nt_shim_find_named(name);
   if (object != NULL)
      handle = nt_shim_add_handle(object);
   else
      SetLastError(ERROR_FILE_NOT_FOUND);
   pthread_mutex_unlock(&nt_shim_objects_mutex);
   return handle;
}

/* Changes with each release, for those who wait for more than one object */
static uint32_t releases;

bool
nt_shim_release_object(struct nt_shim_object *object, uint32_t count)
{
   uint32_t old = __atomic_load_n(&object->count, __ATOMIC_RELAXED);

   do {
      if (old + count > object->maximum)
         return false;
   } while (!__atomic_compare_exchange_n(&object->count, &old, old + count,
                                         true, __ATOMIC_SEQ_CST,
                                         __ATOMIC_RELAXED));
   futex_wake(&object->count, INT_MAX);
   __atomic_fetch_add(&releases, 1, __ATOMIC_RELAXED);
   futex_wake(&releases, INT_MAX);
   return true;
}

static LONG
release_semaphore(HANDLE handle, LONG count, LONG *previous)
{
   struct nt_shim_object *object = nt_shim_find_object(handle);

   NT_SHIM_CHECK(object != NULL && object->type == OBJECT_SEMAPHORE);
   NT_SHIM_CHECK(count > 0 && previous == NULL);
   nt_shim_disturb();
   const bool fits = nt_shim_release_object(object, (uint32_t)count);
   nt_shim_disturb();
   return fits ? STATUS_SUCCESS : (LONG)STATUS_SEMAPHORE_LIMIT_EXCEEDED;
}

static bool
try_pass(struct nt_shim_object *object)
{
   uint32_t count = __atomic_load_n(&object->count, __ATOMIC_RELAXED);

   while (count > 0 &&
          !__atomic_compare_exchange_n(&object->count, &count, count - 1, true,
                                       __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
      ;
   return count > 0;
}

/* The number of the object that let us pass, or -1 */
static int
wait_for_any(struct nt_shim_object *const *objects, unsigned count,
             const struct timespec *deadline)
{
   uint32_t *word = count == 1 ? &objects[0]->count : &releases;
   bool in_time = true;

   while (true) {
      const uint32_t seen = __atomic_load_n(word, __ATOMIC_ACQUIRE);

      for (unsigned i = 0; i < count; i++) {
         if (try_pass(objects[i]))
            return (int)i;
      }
      if (!in_time)
         return -1;
      in_time = sleep_while(word, seen, deadline);
   }
}

static LONG
wait_for_multiple_objects(ULONG count, const HANDLE *handles, ULONG wait_any,
                          BOOLEAN alertable, const LARGE_INTEGER *timeout)
{
   const struct timespec deadline = deadline_of(timeout);
   struct nt_shim_object *objects[MAX_OBJECTS];

   NT_SHIM_CHECK(count >= 1 && count <= MAX_OBJECTS && wait_any && !alertable);
   for (unsigned i = 0; i < count; i++) {
      objects[i] = nt_shim_find_object(handles[i]);
      NT_SHIM_CHECK(objects[i] != NULL && objects[i]->maximum > 0);
   }

   nt_shim_disturb();
   const int passed = wait_for_any(objects, (unsigned)count, &deadline);
   nt_shim_disturb();
   return passed >= 0 ? STATUS_SUCCESS + passed : STATUS_TIMEOUT;
}

static LONG
wait_for_single_object(HANDLE handle, BOOLEAN alertable,
                       const LARGE_INTEGER *timeout)
{
   return wait_for_multiple_objects(1, &handle, TRUE, alertable, timeout);
}

/* The table --------------------------------------------------------------- */

/* Programs here end when they have no other threads left. */
static BOOLEAN
is_shutting_down(void)
{
   return FALSE;
}

void
nt_shim_resolve(struct vk_sync_win32_nt_table *table)
{
   init_buckets();
   *table = (struct vk_sync_win32_nt_table) {
      .wait_for_keyed_event = wait_for_keyed_event,
      .release_keyed_event = release_keyed_event,
      .wait_for_single_object = wait_for_single_object,
      .wait_for_multiple_objects = wait_for_multiple_objects,
      .release_semaphore = release_semaphore,
      .delay_execution = delay_execution,
      .query_section = nt_shim_query_section,
      .query_object = nt_shim_query_object,
      .is_shutting_down = is_shutting_down,
   };
}

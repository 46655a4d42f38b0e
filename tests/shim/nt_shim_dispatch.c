/* SPDX-License-Identifier: MIT */

/* What has a handle and can be waited on: events and semaphores. */
#include "nt_shim_private.h"

#define MAX_OBJECTS 2

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
   nt_shim_step();
   pthread_mutex_lock(&nt_shim_objects_mutex);
   NT_SHIM_CHECK(nt_shim_find_named(name) == NULL);
   struct nt_shim_object *object = nt_shim_create_object(type, name);
   object->count = initial;
   object->maximum = maximum;
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

/* What such a handle is kept in is a variable: here, of all processes. */
HANDLE
OpenSemaphoreW(DWORD access, BOOL inherit, const wchar_t *name)
{
   NT_SHIM_CHECK(access == SEMAPHORE_MODIFY_STATE && !inherit);
   return nt_shim_open_named(OBJECT_SEMAPHORE, name, true);
}

/* A thread that waits for any of some objects.  It is linked to each, and
 * looks at all of them when it has been poked.
 */
struct wait {
   pthread_mutex_t mutex;
   pthread_cond_t cond;
   bool poked;
};

struct wait_link {
   struct wait *wait;
   struct list_head node;
};

static void
poke(struct wait *wait)
{
   pthread_mutex_lock(&wait->mutex);
   wait->poked = true;
   pthread_cond_signal(&wait->cond);
   pthread_mutex_unlock(&wait->mutex);
}

/* Until it is poked or it is time */
static bool
sleep_in(struct wait *wait, const struct timespec *deadline)
{
   bool in_time = true;

   pthread_mutex_lock(&wait->mutex);
   while (!wait->poked && in_time)
      in_time = nt_shim_cond_wait(&wait->cond, &wait->mutex, deadline);
   wait->poked = false;
   pthread_mutex_unlock(&wait->mutex);
   return in_time;
}

bool
nt_shim_release_object(struct nt_shim_object *object, LONG count)
{
   pthread_mutex_lock(&object->mutex);
   const bool fits = object->count + count <= object->maximum;
   if (fits) {
      object->count += count;
      list_for_each_entry(struct wait_link, link, &object->waits, node)
         poke(link->wait);
   }
   pthread_mutex_unlock(&object->mutex);
   return fits;
}

LONG
nt_shim_release_semaphore(HANDLE handle, LONG count, LONG *previous)
{
   struct nt_shim_object *object = nt_shim_find_object(handle);

   NT_SHIM_CHECK(object != NULL && object->type == OBJECT_SEMAPHORE);
   NT_SHIM_CHECK(count > 0 && previous == NULL);
   nt_shim_step();
   const bool fits = nt_shim_release_object(object, count);
   nt_shim_step();
   return fits ? STATUS_SUCCESS : (LONG)STATUS_SEMAPHORE_LIMIT_EXCEEDED;
}

/* Pass the object; or else, the first time, link the wait to it. */
static bool
try_pass(struct nt_shim_object *object, struct wait_link *link, bool first)
{
   pthread_mutex_lock(&object->mutex);
   const bool passed = object->count > 0;
   if (passed) {
      object->count--;
   } else if (first) {
      list_add(&link->node, &object->waits);
   }
   pthread_mutex_unlock(&object->mutex);
   return passed;
}

static void
unlink_wait(struct nt_shim_object *object, struct wait_link *link)
{
   pthread_mutex_lock(&object->mutex);
   if (list_is_linked(&link->node))
      list_del(&link->node);
   pthread_mutex_unlock(&object->mutex);
}

/* The number of the object that let us pass, or -1 */
static int
wait_for_any(struct nt_shim_object *const *objects, unsigned count,
             const struct timespec *deadline)
{
   struct wait wait = { .mutex = PTHREAD_MUTEX_INITIALIZER };
   struct wait_link links[MAX_OBJECTS] = {0};
   bool in_time = true;
   int passed = -1;

   nt_shim_cond_init(&wait.cond);
   for (unsigned i = 0; i < count; i++)
      links[i].wait = &wait;

   for (bool first = true; passed < 0 && in_time; first = false) {
      if (!first)
         in_time = sleep_in(&wait, deadline);
      for (unsigned i = 0; i < count && passed < 0; i++) {
         if (try_pass(objects[i], &links[i], first))
            passed = (int)i;
      }
   }

   for (unsigned i = 0; i < count; i++)
      unlink_wait(objects[i], &links[i]);
   pthread_cond_destroy(&wait.cond);
   pthread_mutex_destroy(&wait.mutex);
   return passed;
}

LONG
nt_shim_wait_for_multiple_objects(ULONG count, const HANDLE *handles,
                                  ULONG wait_any, BOOLEAN alertable,
                                  const LARGE_INTEGER *timeout)
{
   struct nt_shim_object *objects[MAX_OBJECTS];
   struct timespec deadline;

   NT_SHIM_CHECK(count >= 1 && count <= MAX_OBJECTS && wait_any && !alertable);
   for (unsigned i = 0; i < count; i++) {
      objects[i] = nt_shim_find_object(handles[i]);
      NT_SHIM_CHECK(objects[i] != NULL && objects[i]->maximum > 0);
   }
   if (timeout != NULL)
      deadline = nt_shim_deadline(timeout);

   nt_shim_step();
   const int passed = wait_for_any(objects, (unsigned)count,
                                   timeout != NULL ? &deadline : NULL);
   nt_shim_step();
   return passed >= 0 ? STATUS_SUCCESS + passed : STATUS_TIMEOUT;
}

LONG
nt_shim_wait_for_single_object(HANDLE handle, BOOLEAN alertable,
                               const LARGE_INTEGER *timeout)
{
   return nt_shim_wait_for_multiple_objects(1, &handle, TRUE, alertable,
                                            timeout);
}

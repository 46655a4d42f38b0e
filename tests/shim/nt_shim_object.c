/* SPDX-License-Identifier: MIT */

/* Handles, and what they refer to: events, this process, and sections, for
 * which there is nt_shim_section.c.
 */
#include "nt_shim_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "sddl.h"

#include "vk_sync_win32_nt.h"

/* Handles are reused as late as can be, so that the use of a closed one is
 * noticed.
 */
#define MAX_HANDLES (1 << 20)

pthread_mutex_t nt_shim_objects_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct nt_shim_object *handles[MAX_HANDLES];
static uint32_t next_handle, handle_count;
static struct nt_shim_object *named;

static struct nt_shim_object self_process = {
   .type = OBJECT_PROCESS,
   .refcount = 1,
};

static _Thread_local DWORD last_error;

DWORD
GetLastError(void)
{
   return last_error;
}

void
SetLastError(DWORD error)
{
   last_error = error;
}

void
nt_shim_misuse(const char *condition, const char *function)
{
   fprintf(stderr, "nt_shim: %s: not so: %s\n", function, condition);
   fflush(NULL);
   abort();
}

/* Objects ----------------------------------------------------------------- */

/* With the mutex held, for all of these */

HANDLE
nt_shim_add_handle(struct nt_shim_object *object)
{
   while (handles[next_handle] != NULL)
      next_handle = (next_handle + 1) % MAX_HANDLES;

   const uint32_t index = next_handle;
   next_handle = (next_handle + 1) % MAX_HANDLES;
   object->refcount++;
   handle_count++;
   __atomic_store_n(&handles[index], object, __ATOMIC_RELAXED);
   return (HANDLE)(((uintptr_t)index + 1) * 4);
}

struct nt_shim_object *
nt_shim_find_named(const wchar_t *name)
{
   struct nt_shim_object *object = named;

   while (name != NULL && object != NULL && wcscmp(object->name, name) != 0)
      object = object->next_named;
   return name != NULL ? object : NULL;
}

struct nt_shim_object *
nt_shim_create_object(enum object_type type, const wchar_t *name)
{
   struct nt_shim_object *object = calloc(1, sizeof(*object));

   NT_SHIM_CHECK(object != NULL);
   object->type = type;
   object->fd = -1;
   if (name != NULL) {
      object->name = wcsdup(name);
      object->next_named = named;
      named = object;
   }
   return object;
}

void
nt_shim_unref_object(struct nt_shim_object *object)
{
   NT_SHIM_CHECK(object->refcount > 0);
   if (--object->refcount > 0)
      return;

   if (object->name != NULL) {
      struct nt_shim_object **link = &named;
      while (*link != object)
         link = &(*link)->next_named;
      *link = object->next_named;
      free(object->name);
   }
   if (object->type == OBJECT_FENCE)
      nt_shim_finish_fence(object);
   if (object->type == OBJECT_EVENT) {
      pthread_mutex_destroy(&object->event_mutex);
      pthread_cond_destroy(&object->event_cond);
   }
   if (object->fd >= 0)
      close(object->fd);
   free(object->memory);
   free(object);
}

/* Without the mutex: a handle stays valid while its owner uses it. */
struct nt_shim_object *
nt_shim_find_object(HANDLE handle)
{
   const uintptr_t index = (uintptr_t)handle / 4 - 1;

   if (handle == GetCurrentProcess())
      return &self_process;
   if (index >= MAX_HANDLES || (uintptr_t)handle % 4 != 0)
      return NULL;
   return __atomic_load_n(&handles[index], __ATOMIC_RELAXED);
}

BOOL
CloseHandle(HANDLE handle)
{
   struct nt_shim_object *object = nt_shim_find_object(handle);

   NT_SHIM_CHECK(object != NULL && handle != GetCurrentProcess());
   nt_shim_disturb();
   pthread_mutex_lock(&nt_shim_objects_mutex);
   __atomic_store_n(&handles[(uintptr_t)handle / 4 - 1], NULL,
                    __ATOMIC_RELAXED);
   handle_count--;
   nt_shim_unref_object(object);
   pthread_mutex_unlock(&nt_shim_objects_mutex);
   return TRUE;
}

BOOL
DuplicateHandle(HANDLE process, HANDLE handle, HANDLE target_process,
                HANDLE *out, DWORD access, BOOL inherit, DWORD options)
{
   struct nt_shim_object *object = nt_shim_find_object(handle);

   (void)access, (void)inherit, (void)options;
   NT_SHIM_CHECK(process == GetCurrentProcess() && target_process == process);
   if (object == NULL) {
      SetLastError(ERROR_INVALID_HANDLE);
      return FALSE;
   }

   pthread_mutex_lock(&nt_shim_objects_mutex);
   *out = nt_shim_add_handle(object);
   pthread_mutex_unlock(&nt_shim_objects_mutex);
   return TRUE;
}

HANDLE
nt_shim_open_named(enum object_type type, const wchar_t *name)
{
   HANDLE handle = NULL;

   nt_shim_disturb();
   pthread_mutex_lock(&nt_shim_objects_mutex);
   struct nt_shim_object *object = nt_shim_find_named(name);
   if (object == NULL)
      SetLastError(ERROR_FILE_NOT_FOUND);
   else if (object->type != type)
      SetLastError(ERROR_INVALID_HANDLE);
   else
      handle = nt_shim_add_handle(object);
   pthread_mutex_unlock(&nt_shim_objects_mutex);

   return handle;
}

/* Events ------------------------------------------------------------------ */

static bool refuse_events;

void
nt_shim_refuse_events(bool refuse)
{
   refuse_events = refuse;
}

HANDLE
CreateEventW(SECURITY_ATTRIBUTES *attributes, BOOL manual_reset,
             BOOL initial_state, const wchar_t *name)
{
   (void)attributes;
   NT_SHIM_CHECK(!manual_reset);
   if (refuse_events) {
      SetLastError(ERROR_ACCESS_DENIED);
      return NULL;
   }

   pthread_mutex_lock(&nt_shim_objects_mutex);
   NT_SHIM_CHECK(nt_shim_find_named(name) == NULL);
   struct nt_shim_object *object = nt_shim_create_object(OBJECT_EVENT, name);
   pthread_mutex_init(&object->event_mutex, NULL);
   nt_shim_cond_init(&object->event_cond);
   object->signalled = initial_state;
   HANDLE handle = nt_shim_add_handle(object);
   pthread_mutex_unlock(&nt_shim_objects_mutex);

   SetLastError(ERROR_SUCCESS);
   return handle;
}

HANDLE
OpenEventW(DWORD access, BOOL inherit, const wchar_t *name)
{
   (void)access, (void)inherit;
   return nt_shim_open_named(OBJECT_EVENT, name);
}

void
nt_shim_set_event_object(struct nt_shim_object *object)
{
   NT_SHIM_CHECK(object != NULL && object->type == OBJECT_EVENT);
   nt_shim_disturb();
   pthread_mutex_lock(&object->event_mutex);
   object->signalled = true;
   pthread_cond_signal(&object->event_cond);
   pthread_mutex_unlock(&object->event_mutex);
   nt_shim_disturb();
}

static LONG
set_event(HANDLE handle, LONG *previous)
{
   NT_SHIM_CHECK(previous == NULL);
   nt_shim_set_event_object(nt_shim_find_object(handle));
   return STATUS_SUCCESS;
}

static LONG
wait_for_single_object(HANDLE handle, BOOLEAN alertable,
                       const LARGE_INTEGER *timeout)
{
   struct nt_shim_object *object = nt_shim_find_object(handle);
   struct timespec deadline = {0};
   int error = 0;

   NT_SHIM_CHECK(object != NULL && object->type == OBJECT_EVENT);
   NT_SHIM_CHECK(!alertable);
   if (timeout != NULL)
      deadline = nt_shim_deadline(timeout);

   nt_shim_disturb();
   pthread_mutex_lock(&object->event_mutex);
   while (!object->signalled && error == 0) {
      error = timeout == NULL ?
              pthread_cond_wait(&object->event_cond, &object->event_mutex) :
              pthread_cond_timedwait(&object->event_cond,
                                     &object->event_mutex, &deadline);
   }
   const bool signalled = object->signalled;
   object->signalled = false;
   pthread_mutex_unlock(&object->event_mutex);
   nt_shim_disturb();

   return signalled ? STATUS_SUCCESS : STATUS_TIMEOUT;
}

/* ObjectNameInformation, of a named object */
static LONG
query_object(HANDLE handle, int info_class, void *info, ULONG size,
             ULONG *result_size)
{
   struct nt_shim_object *object = nt_shim_find_object(handle);
   UNICODE_STRING *string = info;
   wchar_t *text = (wchar_t *)(string + 1);

   NT_SHIM_CHECK(info_class == 1 && result_size == NULL);
   if (object == NULL)
      return STATUS_INVALID_HANDLE;

   const wchar_t *name = object->name != NULL ? object->name : L"";
   const size_t length = wcslen(name) * sizeof(wchar_t);
   if (sizeof(*string) + length + sizeof(wchar_t) > size)
      return STATUS_BUFFER_OVERFLOW;

   memcpy(text, name, length + sizeof(wchar_t));
   *string = (UNICODE_STRING) {
      .Length = (USHORT)length,
      .MaximumLength = (USHORT)(length + sizeof(wchar_t)),
      .Buffer = text,
   };
   return STATUS_SUCCESS;
}

/* Processes --------------------------------------------------------------- */

HANDLE
GetCurrentProcess(void)
{
   return (HANDLE)(intptr_t)-1;
}

DWORD
GetCurrentProcessId(void)
{
   return 4 * 1001;
}

HANDLE
OpenProcess(DWORD access, BOOL inherit, DWORD pid)
{
   HANDLE handle = NULL;

   (void)access, (void)inherit;
   if (pid != GetCurrentProcessId()) {
      SetLastError(ERROR_INVALID_PARAMETER);
      return NULL;
   }

   pthread_mutex_lock(&nt_shim_objects_mutex);
   handle = nt_shim_add_handle(&self_process);
   pthread_mutex_unlock(&nt_shim_objects_mutex);
   return handle;
}

DWORD
WaitForSingleObject(HANDLE handle, DWORD milliseconds)
{
   struct nt_shim_object *object = nt_shim_find_object(handle);

   NT_SHIM_CHECK(object == &self_process && milliseconds == 0);
   return WAIT_TIMEOUT;
}

BOOL
GetProcessTimes(HANDLE process, FILETIME *created, FILETIME *exited,
                FILETIME *kernel, FILETIME *user)
{
   NT_SHIM_CHECK(nt_shim_find_object(process) == &self_process);
   *created = (FILETIME) { .dwLowDateTime = 0x2345, .dwHighDateTime = 0x1d1 };
   *exited = *kernel = *user = (FILETIME) {0};
   return TRUE;
}

BOOL
GetProcessHandleCount(HANDLE process, DWORD *count)
{
   NT_SHIM_CHECK(nt_shim_find_object(process) == &self_process);
   pthread_mutex_lock(&nt_shim_objects_mutex);
   *count = handle_count;
   pthread_mutex_unlock(&nt_shim_objects_mutex);
   return TRUE;
}

/* Security ---------------------------------------------------------------- */

BOOL
ConvertStringSecurityDescriptorToSecurityDescriptorW(
   const wchar_t *text, DWORD revision, PSECURITY_DESCRIPTOR *descriptor,
   ULONG *size)
{
   NT_SHIM_CHECK(revision == SDDL_REVISION_1 && size == NULL);
   *descriptor = wcsdup(text);
   return *descriptor != NULL;
}

PVOID
LocalFree(PVOID memory)
{
   free(memory);
   return NULL;
}

/* RtlGenRandom() */
BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG size);

BOOLEAN
SystemFunction036(PVOID buffer, ULONG size)
{
   return getrandom(buffer, size, 0) == (ssize_t)size;
}

/* The table --------------------------------------------------------------- */

static LONG
compare_objects(HANDLE first, HANDLE second)
{
   return nt_shim_find_object(first) == nt_shim_find_object(second) ?
          STATUS_SUCCESS : STATUS_NOT_SAME_OBJECT;
}

void
nt_shim_resolve(struct vk_sync_win32_nt_table *table)
{
   nt_shim_wait_init();
   *table = (struct vk_sync_win32_nt_table) {
      .wait_for_keyed_event = nt_shim_wait_for_keyed_event,
      .release_keyed_event = nt_shim_release_keyed_event,
      .wait_for_alert_by_thread_id = nt_shim_wait_for_alert_by_thread_id,
      .alert_thread_by_thread_id = nt_shim_alert_thread_by_thread_id,
      .wait_for_single_object = wait_for_single_object,
      .set_event = set_event,
      .delay_execution = nt_shim_delay_execution,
      .query_section = nt_shim_query_section,
      .query_object = query_object,
      .compare_objects = compare_objects,
   };
}

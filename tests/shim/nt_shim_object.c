/* SPDX-License-Identifier: MIT */

/* Handles, what is common to all that they refer to, and the process */
#include "nt_shim_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* Handles are reused as late as can be, so that the use of a closed one is
 * noticed.
 */
#define MAX_HANDLES (1 << 20)

pthread_mutex_t nt_shim_objects_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct nt_shim_object *handles[MAX_HANDLES];
uint32_t nt_shim_open_count;
static uint32_t next_handle;
static struct list_head named = { &named, &named };

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
   nt_shim_open_count++;
   __atomic_store_n(&handles[index], object, __ATOMIC_RELAXED);
   return (HANDLE)(((uintptr_t)index + 1) * 4);
}

struct nt_shim_object *
nt_shim_find_named(const wchar_t *name)
{
   list_for_each_entry(struct nt_shim_object, object, &named, named) {
      if (name != NULL && wcscmp(object->name, name) == 0)
         return object;
   }
   return NULL;
}

struct nt_shim_object *
nt_shim_create_object(enum object_type type, const wchar_t *name)
{
   struct nt_shim_object *object = calloc(1, sizeof(*object));

   NT_SHIM_CHECK(object != NULL);
   object->type = type;
   object->fd = -1;
   pthread_mutex_init(&object->mutex, NULL);
   list_inithead(&object->pending);
   if (name != NULL) {
      object->name = wcsdup(name);
      list_add(&object->named, &named);
   }
   return object;
}

void
nt_shim_unref_object(struct nt_shim_object *object)
{
   NT_SHIM_CHECK(object->refcount > 0);
   if (--object->refcount > 0)
      return;

   if (object->name != NULL)
      list_del(&object->named);
   free(object->name);
   if (object->type == OBJECT_FENCE)
      nt_shim_finish_fence(object);
   pthread_mutex_destroy(&object->mutex);
   if (object->fd >= 0)
      close(object->fd);
   free(object->memory);
   free(object);
}

struct nt_shim_object *
nt_shim_find_object(HANDLE handle)
{
   const uintptr_t index = (uintptr_t)handle / 4 - 1;

   if (index >= MAX_HANDLES || (uintptr_t)handle % 4 != 0)
      return NULL;
   return __atomic_load_n(&handles[index], __ATOMIC_RELAXED);
}

BOOL
CloseHandle(HANDLE handle)
{
   struct nt_shim_object *object = nt_shim_find_object(handle);

   NT_SHIM_CHECK(object != NULL);
   nt_shim_disturb();
   pthread_mutex_lock(&nt_shim_objects_mutex);
   __atomic_store_n(&handles[(uintptr_t)handle / 4 - 1], NULL,
                    __ATOMIC_RELAXED);
   nt_shim_open_count--;
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
   NT_SHIM_CHECK(object != NULL);

   pthread_mutex_lock(&nt_shim_objects_mutex);
   *out = nt_shim_add_handle(object);
   pthread_mutex_unlock(&nt_shim_objects_mutex);
   return TRUE;
}

/* ObjectNameInformation, of a named object */
LONG
nt_shim_query_object(HANDLE handle, int info_class, void *info, ULONG size,
                     ULONG *result_size)
{
   const struct nt_shim_object *object = nt_shim_find_object(handle);
   UNICODE_STRING *string = info;
   wchar_t *text = (wchar_t *)(string + 1);

   NT_SHIM_CHECK(info_class == 1 && result_size == NULL);
   NT_SHIM_CHECK(object != NULL && object->name != NULL);
   const size_t length = wcslen(object->name) * sizeof(wchar_t);
   NT_SHIM_CHECK(sizeof(*string) + length + sizeof(wchar_t) <= size);

   memcpy(text, object->name, length + sizeof(wchar_t));
   *string = (UNICODE_STRING) {
      .Length = (USHORT)length,
      .MaximumLength = (USHORT)(length + sizeof(wchar_t)),
      .Buffer = text,
   };
   return STATUS_SUCCESS;
}

/* The process ------------------------------------------------------------- */

HANDLE
GetCurrentProcess(void)
{
   return (HANDLE)(intptr_t)-1;
}

DWORD
GetCurrentProcessId(void)
{
   return 4004;
}

BOOL
GetProcessTimes(HANDLE process, FILETIME *created, FILETIME *exited,
                FILETIME *kernel, FILETIME *user)
{
   NT_SHIM_CHECK(process == GetCurrentProcess());
   *created = (FILETIME) { .dwHighDateTime = 0x01d10000 };
   *exited = *kernel = *user = (FILETIME) {0};
   return TRUE;
}

/* There is no other, and nobody asks about this one. */
HANDLE
OpenProcess(DWORD access, BOOL inherit, DWORD pid)
{
   NT_SHIM_CHECK(access == (PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE));
   NT_SHIM_CHECK(!inherit && pid != GetCurrentProcessId());
   nt_shim_disturb();
   SetLastError(ERROR_INVALID_PARAMETER);
   return NULL;
}

DWORD
WaitForSingleObject(HANDLE handle, DWORD milliseconds)
{
   (void)handle, (void)milliseconds;
   nt_shim_misuse("nobody but this process", __func__);
}

BOOL
GetProcessHandleCount(HANDLE process, DWORD *count)
{
   NT_SHIM_CHECK(process == GetCurrentProcess());
   pthread_mutex_lock(&nt_shim_objects_mutex);
   *count = nt_shim_open_count;
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

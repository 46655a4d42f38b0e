/* SPDX-License-Identifier: MIT */
#ifndef NT_SHIM_PRIVATE_H
#define NT_SHIM_PRIVATE_H

#include "nt_shim.h"

#include "util/list.h"

#define STATUS_SUCCESS 0
#define STATUS_TIMEOUT 0x102
#define STATUS_SEMAPHORE_LIMIT_EXCEEDED 0xc0000047L

/* A misuse that Windows would answer with an error, or with undefined
 * behaviour, and that the sources must not be guilty of: abort() shows where.
 */
#define NT_SHIM_CHECK(condition) \
   ((condition) ? (void)0 : nt_shim_misuse(#condition, __func__))

_Noreturn void nt_shim_misuse(const char *condition, const char *function);

enum object_type {
   OBJECT_EVENT,
   OBJECT_SEMAPHORE,
   OBJECT_SECTION,
   OBJECT_FENCE,
};

struct nt_shim_object {
   enum object_type type;
   /* Handles and views, under nt_shim_objects_mutex */
   uint32_t refcount;
   wchar_t *name;
   struct list_head named;

   /* Semaphores, and events as such of maximum 1: how many waits may pass */
   uint32_t count, maximum;

   /* Fences of Direct3D 12, in d3d12_shim.c, under the mutex */
   pthread_mutex_t mutex;
   uint64_t value;
   struct list_head pending;

   /* Sections */
   int fd;
   size_t size;
   void *memory;
};

extern pthread_mutex_t nt_shim_objects_mutex;
/* Handles and views that there are */
extern uint32_t nt_shim_open_count;

/* With the mutex held; a new object has no reference until it has a handle. */
struct nt_shim_object *nt_shim_create_object(enum object_type type,
                                             const wchar_t *name);
struct nt_shim_object *nt_shim_find_named(const wchar_t *name);
HANDLE nt_shim_add_handle(struct nt_shim_object *object);
void nt_shim_unref_object(struct nt_shim_object *object);

/* When a fence's last handle is closed */
void nt_shim_finish_fence(struct nt_shim_object *object);

/* Without it: a handle stays valid while its owner uses it. */
struct nt_shim_object *nt_shim_find_object(HANDLE handle);

/* Add to the count, by up to so many as there is room for; needs no handle,
 * which may have been closed
 */
bool nt_shim_release_object(struct nt_shim_object *object, uint32_t count);

LONG nt_shim_query_section(HANDLE handle, int info_class, void *info,
                           SIZE_T size, SIZE_T *result_size);
LONG nt_shim_query_object(HANDLE handle, int info_class, void *info,
                          ULONG size, ULONG *result_size);

#endif

/* SPDX-License-Identifier: MIT */

/* Sections and views of them */
#include "nt_shim_private.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_VIEWS 4096

/* ThreadSanitizer knows memory by its address: all views are one there.
 * Otherwise each view has a place of its own, which no other ever gets, so that
 * using it after it has been unmapped faults.
 */
#ifdef __SANITIZE_THREAD__
#define VIEWS_ARE_ONE 1
#else
#define VIEWS_ARE_ONE 0
#endif

struct view {
   void *address;
   struct nt_shim_object *section;
};

static struct view views[MAX_VIEWS];

static struct view *
find_view(const void *address)
{
   for (uint32_t i = 0; i < MAX_VIEWS; i++) {
      if (views[i].address == address)
         return &views[i];
   }
   nt_shim_misuse("there is such a view", __func__);
}

HANDLE
CreateFileMappingW(HANDLE file, SECURITY_ATTRIBUTES *attributes,
                   DWORD protection, DWORD size_high, DWORD size_low,
                   const wchar_t *name)
{
   (void)attributes;
   NT_SHIM_CHECK(file == INVALID_HANDLE_VALUE && size_high == 0);
   NT_SHIM_CHECK(protection == (PAGE_READWRITE | SEC_COMMIT) && name == NULL);

   pthread_mutex_lock(&nt_shim_objects_mutex);
   struct nt_shim_object *object = nt_shim_create_object(OBJECT_SECTION, NULL);
   object->size = (size_low + 4095) & ~(size_t)4095;
   if (VIEWS_ARE_ONE) {
      object->memory = calloc(1, object->size);
   } else {
      object->fd = memfd_create("section", MFD_CLOEXEC);
      NT_SHIM_CHECK(object->fd >= 0 &&
                    ftruncate(object->fd, object->size) == 0);
   }
   HANDLE handle = nt_shim_add_handle(object);
   pthread_mutex_unlock(&nt_shim_objects_mutex);

   SetLastError(ERROR_SUCCESS);
   return handle;
}

HANDLE
OpenFileMappingW(DWORD access, BOOL inherit, const wchar_t *name)
{
   (void)access, (void)inherit, (void)name;
   nt_shim_misuse("no section has a name", __func__);
}

void *
MapViewOfFile(HANDLE section, DWORD access, DWORD offset_high,
              DWORD offset_low, SIZE_T size)
{
   struct nt_shim_object *object = nt_shim_find_object(section);

   (void)access;
   NT_SHIM_CHECK(offset_high == 0 && offset_low == 0);
   NT_SHIM_CHECK(object != NULL && object->type == OBJECT_SECTION &&
                 size <= object->size);

   void *address = object->memory;
   if (!VIEWS_ARE_ONE) {
      address = mmap(NULL, object->size, PROT_READ | PROT_WRITE, MAP_SHARED,
                     object->fd, 0);
      NT_SHIM_CHECK(address != MAP_FAILED);
   }

   pthread_mutex_lock(&nt_shim_objects_mutex);
   *find_view(NULL) = (struct view) { .address = address, .section = object };
   object->refcount++;
   nt_shim_open_count++;
   pthread_mutex_unlock(&nt_shim_objects_mutex);

   return address;
}

BOOL
UnmapViewOfFile(const void *address)
{
   nt_shim_disturb();
   pthread_mutex_lock(&nt_shim_objects_mutex);
   struct view *view = find_view(address);
   NT_SHIM_CHECK(address != NULL);

   if (!VIEWS_ARE_ONE)
      NT_SHIM_CHECK(mmap((void *)address, view->section->size, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
                    address);
   nt_shim_unref_object(view->section);
   *view = (struct view) {0};
   nt_shim_open_count--;
   pthread_mutex_unlock(&nt_shim_objects_mutex);
   return TRUE;
}

/* SECTION_BASIC_INFORMATION */
struct section_basic_information {
   void *base_address;
   ULONG attributes;
   LARGE_INTEGER size;
};

LONG
nt_shim_query_section(HANDLE handle, int info_class, void *info, SIZE_T size,
                      SIZE_T *result_size)
{
   const struct nt_shim_object *object = nt_shim_find_object(handle);

   NT_SHIM_CHECK(object != NULL && object->type == OBJECT_SECTION);
   NT_SHIM_CHECK(info_class == 0 && result_size == NULL);
   NT_SHIM_CHECK(size == sizeof(struct section_basic_information));
   *(struct section_basic_information *)info =
      (struct section_basic_information) {
         .attributes = SEC_COMMIT,
         .size.QuadPart = (LONGLONG)object->size,
      };
   return STATUS_SUCCESS;
}

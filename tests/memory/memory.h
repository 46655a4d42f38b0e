/* SPDX-License-Identifier: MIT */
#ifndef LVP_MEMORY_H
#define LVP_MEMORY_H

#include "vkt.h"

/* Device memory that may be exported, imported, or both. */
struct memory {
   struct vkt_device *device;
   VkDeviceMemory handle;
   VkDeviceSize size;
};

struct memory_info {
   VkDeviceSize size;
   VkFlags export_types;

   /* VkExportMemoryWin32HandleInfoKHR is chained when this is set. */
   bool win32_info;
   const SECURITY_ATTRIBUTES *attributes;
   DWORD access;
   const wchar_t *name;

   /* VkImportMemoryWin32HandleInfoKHR is chained when this is not 0. */
   VkFlags import_type;
   HANDLE handle;
   const wchar_t *import_name;

   /* VkMemoryDedicatedAllocateInfo is chained for one of these. */
   VkImage image;
   VkBuffer buffer;
};

/* What imports by one of these */
struct memory_info memory_imported(VkDeviceSize size, VkFlags type,
                                   HANDLE handle, const wchar_t *name);

/* Memory left over is freed when the case has ended. */
VkResult memory_try_allocate(struct vkt_device *device,
                             struct memory_info info, struct memory **memory);
struct memory *memory_allocate(struct vkt_device *device,
                               struct memory_info info);
void memory_free(struct memory *memory);

#define MEMORY_BOTH_TYPES (VKT_OPAQUE_WIN32 | VKT_OPAQUE_WIN32_KMT)

struct memory *memory_create(struct vkt_device *device, VkDeviceSize size,
                             VkFlags export_types);
/* By VKT_OPAQUE_WIN32, as the import is */
struct memory *memory_exportable(struct vkt_device *device,
                                 VkDeviceSize size);
struct memory *memory_import(struct vkt_device *device, VkDeviceSize size,
                             HANDLE handle);

VkResult memory_try_export(struct memory *memory, VkFlags type,
                           HANDLE *handle);
/* The handle belongs to the case, see test_own_handle(). */
HANDLE memory_export(struct memory *memory);
HANDLE memory_number(struct memory *memory);

void *memory_map(struct memory *memory);

/* Writes all of it through the one and reads it through the other, and back. */
void memory_expect_linked(struct memory *a, struct memory *b);
void memory_expect_works(struct memory *memory);

/* That it cannot be allocated, what is said of it, and that all handles are as
 * they were
 */
void memory_expect_refused(struct vkt_device *device, struct memory_info info,
                           VkResult result, const char *text);

#endif

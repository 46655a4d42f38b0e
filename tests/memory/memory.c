/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include <stdlib.h>

static void
free_memory(void *data)
{
   struct memory *memory = data;

   if (test_failed())
      return;
   vkFreeMemory(memory->device->handle, memory->handle, NULL);
   free(memory);
}

void
memory_free(struct memory *memory)
{
   test_undefer(free_memory, memory);
   free_memory(memory);
}

struct memory_info
memory_imported(VkDeviceSize size, VkFlags type, HANDLE handle,
                const wchar_t *name)
{
   return (struct memory_info){
      .size = size,
      .import_type = type,
      .handle = handle,
      .import_name = name,
   };
}

VkResult
memory_try_allocate(struct vkt_device *device, struct memory_info info,
                    struct memory **out)
{
   const VkMemoryDedicatedAllocateInfo dedicated = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO,
      .image = info.image,
      .buffer = info.buffer,
   };
   const VkExportMemoryWin32HandleInfoKHR win32 = {
      .sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_WIN32_HANDLE_INFO_KHR,
      .pNext = info.image || info.buffer ? &dedicated : NULL,
      .pAttributes = info.attributes,
      .dwAccess = info.access,
      .name = info.name,
   };
   const VkImportMemoryWin32HandleInfoKHR import = {
      .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_WIN32_HANDLE_INFO_KHR,
      .pNext = info.win32_info ? &win32 : win32.pNext,
      .handleType = (VkExternalMemoryHandleTypeFlagBits)info.import_type,
      .handle = info.handle,
      .name = info.import_name,
   };
   const VkExportMemoryAllocateInfo export = {
      .sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
      .pNext = info.import_type ? &import : import.pNext,
      .handleTypes = info.export_types,
   };
   const VkMemoryAllocateInfo allocate = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
      .pNext = info.export_types ? &export : export.pNext,
      .allocationSize = info.size,
   };
   struct memory *memory = calloc(1, sizeof(*memory));
   VkResult result;

   REQUIRE(memory != NULL);
   memory->device = device;
   memory->size = info.size;
   result = vkAllocateMemory(device->handle, &allocate, NULL,
                             &memory->handle);
   if (result == VK_SUCCESS) {
      test_defer(free_memory, memory);
   } else {
      free(memory);
      memory = NULL;
   }
   *out = memory;
   return result;
}

struct memory *
memory_allocate(struct vkt_device *device, struct memory_info info)
{
   struct memory *memory = NULL;

   REQUIRE_OK(memory_try_allocate(device, info, &memory));
   return memory;
}

struct memory *
memory_create(struct vkt_device *device, VkDeviceSize size,
              VkFlags export_types)
{
   return memory_allocate(device, (struct memory_info){
                                     .size = size,
                                     .export_types = export_types,
                                  });
}

struct memory *
memory_exportable(struct vkt_device *device, VkDeviceSize size)
{
   return memory_create(device, size, VKT_OPAQUE_WIN32);
}

struct memory *
memory_import(struct vkt_device *device, VkDeviceSize size, HANDLE handle)
{
   return memory_allocate(device, memory_imported(size, VKT_OPAQUE_WIN32,
                                                  handle, NULL));
}

VkResult
memory_try_export(struct memory *memory, VkFlags type, HANDLE *handle)
{
   const VkMemoryGetWin32HandleInfoKHR info = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_GET_WIN32_HANDLE_INFO_KHR,
      .memory = memory->handle,
      .handleType = (VkExternalMemoryHandleTypeFlagBits)type,
   };
   struct vkt_device *device = memory->device;

   return device->GetMemoryWin32Handle(device->handle, &info, handle);
}

HANDLE
memory_export(struct memory *memory)
{
   HANDLE handle = NULL;

   REQUIRE_OK(memory_try_export(memory, VKT_OPAQUE_WIN32, &handle));
   REQUIRE(handle != NULL && handle != INVALID_HANDLE_VALUE);
   return test_own_handle(handle);
}

HANDLE
memory_number(struct memory *memory)
{
   HANDLE number = NULL;

   REQUIRE_OK(memory_try_export(memory, VKT_OPAQUE_WIN32_KMT, &number));
   REQUIRE(number != NULL);
   return number;
}

void *
memory_map(struct memory *memory)
{
   return gpu_map(&memory->device->gpu, memory->handle);
}

static void
expect_same_bytes(struct memory *to, struct memory *from)
{
   volatile uint8_t *a = memory_map(to), *b = memory_map(from);
   const uint8_t tag = (uint8_t)test_random();
   uint64_t wrong = 0;

   for (VkDeviceSize i = 0; i < to->size; i++)
      a[i] = (uint8_t)(tag + i * 7);
   for (VkDeviceSize i = 0; i < to->size; i++)
      wrong += b[i] != (uint8_t)(tag + i * 7);
   EXPECT_U64(wrong, 0);
}

void
memory_expect_linked(struct memory *a, struct memory *b)
{
   REQUIRE_U64(a->size, b->size);
   expect_same_bytes(a, b);
   expect_same_bytes(b, a);
}

void
memory_expect_works(struct memory *memory)
{
   expect_same_bytes(memory, memory);
}

/* A thread of llvmpipe that has just been started may open one, but not each
 * time.
 */
#define TRIES 3

void
memory_expect_refused(struct vkt_device *device, struct memory_info info,
                      VkResult result, const char *text)
{
   DWORD flags;
   const BOOL open = GetHandleInformation(info.handle, &flags);
   struct memory *memory;
   unsigned handles, left = 1;

   for (unsigned i = 0; i < TRIES && left != 0; i++) {
      handles = test_count_handles();
      vkt_clear_messages(device);
      EXPECT_RESULT(memory_try_allocate(device, info, &memory), result);
      EXPECT(memory == NULL);
      vkt_expect_message(device, result, text);
      EXPECT(GetHandleInformation(info.handle, &flags) == open);
      left = test_count_handles() - handles;
   }
   EXPECT_U64(left, 0);
}

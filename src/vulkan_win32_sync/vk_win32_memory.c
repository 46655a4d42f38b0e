/* SPDX-License-Identifier: MIT */
#include "vk_win32_memory.h"

#include <assert.h>
#include <inttypes.h>

#include "util/macros.h"

#include "vk_device.h"
#include "vk_log.h"

static_assert(sizeof(struct vk_win32_memory_header) == 16, "shared layout");

/* Section sizes are signed, and a view must fit into the address space. */
static const uint64_t size_max =
   (SIZE_MAX < INT64_MAX ? SIZE_MAX : INT64_MAX) - VK_WIN32_MEMORY_DATA_OFFSET;

static void
set_data(struct vk_win32_memory *memory)
{
   memory->data = (char *)memory->section.map + VK_WIN32_MEMORY_DATA_OFFSET;
}

VkResult
vk_win32_memory_create(struct vk_device *device,
                       const struct vk_win32_section_create_info *info,
                       struct vk_win32_memory *memory)
{
   *memory = (struct vk_win32_memory) {0};

   if (info->size == 0 || info->size > size_max)
      return vk_errorf(device, info->out_of_memory,
                       "No section can hold %"PRIu64" bytes", info->size);

   struct vk_win32_section_create_info section_info = *info;
   section_info.size += VK_WIN32_MEMORY_DATA_OFFSET;

   VkResult result = vk_win32_section_create(device, &section_info,
                                             &memory->section);
   if (result != VK_SUCCESS)
      return result;

   struct vk_win32_memory_header *header = memory->section.map;
   header->size = info->size;

   /* Last, for those who open it by name while we are at it */
   vk_sync_win32_store64(&header->magic, VK_WIN32_MEMORY_MAGIC);

   set_data(memory);
   return VK_SUCCESS;
}

#define refuse(device, ...) \
   vk_errorf(device, VK_ERROR_INVALID_EXTERNAL_HANDLE, __VA_ARGS__)

static VkResult
check_header(struct vk_device *device, const struct vk_win32_section *section,
             uint64_t size)
{
   struct vk_win32_memory_header *header = section->map;

   if (vk_sync_win32_load64(&header->magic) != VK_WIN32_MEMORY_MAGIC)
      return refuse(device, "The section holds no memory of this version");

   /* VUID-VkMemoryAllocateInfo-allocationSize-01743 wants them to match.
    * Nothing but this message depends on it: the section is large enough.
    */
   const uint64_t found = vk_sync_win32_load64(&header->size);
   if (found != size)
      return refuse(device, "The memory was allocated with %"PRIu64" bytes, "
                    "not %"PRIu64, found, size);

   return VK_SUCCESS;
}

VkResult
vk_win32_memory_open(struct vk_device *device,
                     const struct vk_win32_section_open_info *info,
                     struct vk_win32_memory *memory)
{
   *memory = (struct vk_win32_memory) {0};

   if (!vk_sync_win32_nt_init())
      return vk_errorf(device, VK_ERROR_INITIALIZATION_FAILED,
                       "ntdll lacks a call that shared memory needs");

   if (info->size == 0 || info->size > size_max)
      return refuse(device, "No section can hold %"PRIu64" bytes",
                    info->size);

   struct vk_win32_section_open_info section_info = *info;
   section_info.size += VK_WIN32_MEMORY_DATA_OFFSET;

   VkResult result = vk_win32_section_open(device, &section_info,
                                           &memory->section);
   if (result != VK_SUCCESS)
      return result;

   result = check_header(device, &memory->section, info->size);
   if (result != VK_SUCCESS) {
      vk_win32_memory_close(memory);
      return result;
   }

   set_data(memory);
   return VK_SUCCESS;
}

void
vk_win32_memory_close(struct vk_win32_memory *memory)
{
   vk_win32_section_close(&memory->section);
   memory->data = NULL;
}

/* SPDX-License-Identifier: MIT */
#include "vk_win32_memory.h"

#include <inttypes.h>

#include "vk_device.h"
#include "vk_log.h"

#define MAGIC UINT64_C(0x326f6d654d6b764d) /* MvkMemo2 */

/* A page, so that the data are as aligned as a page is */
#define DATA_OFFSET 4096

/* Section sizes are signed, and a view must fit into the address space. */
static const uint64_t size_max =
   (SIZE_MAX < INT64_MAX ? SIZE_MAX : INT64_MAX) - DATA_OFFSET;

/* What is in front of the data, the same for 32 and 64 bits.  It tells memory
 * from other sections, and from the payload of a fence or semaphore.
 * Strangers may overwrite it at any time: the size of the section is what the
 * kernel says it is.
 */
struct header {
   uint64_t magic;
   /* VkMemoryAllocateInfo::allocationSize of whoever created it */
   uint64_t size;
};

VkResult
vk_win32_memory_create(struct vk_device *device,
                       const struct vk_win32_section_info *info,
                       struct vk_win32_section *section, void **data)
{
   struct vk_win32_section_info section_info = *info;
   section_info.size += DATA_OFFSET;
   section_info.refused = VK_ERROR_INVALID_EXTERNAL_HANDLE;

   if (info->size == 0 || info->size > size_max)
      return vk_errorf(device, info->out_of_memory,
                       "No section can hold %"PRIu64" bytes", info->size);

   VkResult result = vk_win32_section_create(device, &section_info, section);
   if (result != VK_SUCCESS)
      return result;

   struct header *header = section->map;
   header->size = info->size;

   /* Last, for those who open it by name while we are at it */
   vk_sync_win32_store64(&header->magic, MAGIC);

   *data = (char *)section->map + DATA_OFFSET;
   return VK_SUCCESS;
}

static VkResult
check_header(struct vk_device *device, struct header *header, uint64_t size)
{
   if (vk_sync_win32_load64(&header->magic) != MAGIC)
      return vk_win32_refuse(device,
                             "The section holds no memory of this version");

   /* VUID-VkMemoryAllocateInfo-allocationSize-01743 wants them to match.
    * Nothing but this message depends on it: the section is large enough.
    */
   const uint64_t found = vk_sync_win32_load64(&header->size);
   if (found != size)
      return vk_win32_refuse(device,
                             "The memory was allocated with %"PRIu64" bytes, "
                             "not %"PRIu64, found, size);

   return VK_SUCCESS;
}

VkResult
vk_win32_memory_open(struct vk_device *device,
                     const struct vk_win32_section_info *info,
                     struct vk_win32_section *section, void **data)
{
   struct vk_win32_section_info section_info = *info;
   section_info.size += DATA_OFFSET;

   if (!vk_sync_win32_nt_init())
      return vk_win32_refuse(device,
                             "ntdll lacks a call that shared memory needs");

   if (info->size == 0 || info->size > size_max)
      return vk_win32_refuse(device, "No section can hold %"PRIu64" bytes",
                             info->size);

   VkResult result = vk_win32_section_open(device, &section_info, section);
   if (result != VK_SUCCESS)
      return result;

   result = check_header(device, section->map, info->size);
   if (result != VK_SUCCESS)
      vk_win32_section_close(section);
   else
      *data = (char *)section->map + DATA_OFFSET;
   return result;
}

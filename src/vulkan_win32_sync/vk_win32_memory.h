/* SPDX-License-Identifier: MIT */
#ifndef VK_WIN32_MEMORY_H
#define VK_WIN32_MEMORY_H

#include <vulkan/vulkan_core.h>

#include "vk_win32_section.h"

struct vk_device;

#define VK_WIN32_MEMORY_MAGIC UINT64_C(0x326f6d654d6b764d) /* MvkMemo2 */

/* A page, so that the data are as aligned as a page is */
#define VK_WIN32_MEMORY_DATA_OFFSET 4096

/** What is in front of the data, the same for 32 and 64 bits
 *
 * It tells memory from other sections, and from the payload of a fence or
 * semaphore.  Strangers may overwrite it at any time: the size of the section
 * is what the kernel says it is.
 */
struct vk_win32_memory_header {
   uint64_t magic;
   /* VkMemoryAllocateInfo::allocationSize of whoever created it */
   uint64_t size;
};

/** Device memory that processes share, of drivers that execute on the CPU */
struct vk_win32_memory {
   struct vk_win32_section section;
   /* All of `size` bytes can be read and written until it is closed. */
   void *data;
};

/** Create memory of `info->size` bytes, all of them zero
 *
 * Errors are those of vk_win32_section_create().
 */
VkResult
vk_win32_memory_create(struct vk_device *device,
                       const struct vk_win32_section_create_info *info,
                       struct vk_win32_memory *memory);

/** Map memory that was created with just `info->size` bytes
 *
 * Returns VK_ERROR_INVALID_EXTERNAL_HANDLE, with a message that says why, for
 * anything else.
 */
VkResult
vk_win32_memory_open(struct vk_device *device,
                     const struct vk_win32_section_open_info *info,
                     struct vk_win32_memory *memory);

/** Unmap and close; safe on a zeroed struct */
void
vk_win32_memory_close(struct vk_win32_memory *memory);

#endif /* VK_WIN32_MEMORY_H */

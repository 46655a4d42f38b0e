/* SPDX-License-Identifier: MIT */
#ifndef VK_WIN32_MEMORY_H
#define VK_WIN32_MEMORY_H

#include "vk_win32_section.h"

/* Device memory that processes share, of drivers that execute on the CPU: a
 * section, to be closed as such, whose second page is where the data begin.
 * All of `info->size` bytes can be read and written until then.
 */

/** Create memory of `info->size` bytes, all of them zero
 *
 * Errors are those of vk_win32_section_create(), whatever `info->refused` is.
 */
VkResult
vk_win32_memory_create(struct vk_device *device,
                       const struct vk_win32_section_info *info,
                       struct vk_win32_section *section, void **data);

/** Map memory that was created with just `info->size` bytes
 *
 * Returns VK_ERROR_INVALID_EXTERNAL_HANDLE, with a message that says why, for
 * anything else.
 */
VkResult
vk_win32_memory_open(struct vk_device *device,
                     const struct vk_win32_section_info *info,
                     struct vk_win32_section *section, void **data);

#endif /* VK_WIN32_MEMORY_H */

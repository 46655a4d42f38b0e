/* SPDX-License-Identifier: MIT */
#ifndef VK_WIN32_KMT_H
#define VK_WIN32_KMT_H

#include "vk_win32_section.h"

/* OPAQUE_WIN32_KMT handles, global share handles: numbers that name sections.
 *
 * They look like those of Windows' graphics kernel: 32 bits, so large that no
 * handle table has them.  They hold no reference: one is good in every
 * process, for as long as any has the section open.  Whoever guesses numbers
 * still needs the rights that the section's security descriptor gives, which
 * the graphics kernel does not ask for.
 */

#define VK_WIN32_KMT_NAME_LENGTH 40

/** The name of the section, in VK_WIN32_KMT_NAME_LENGTH characters
 *
 * Returns false if the handle cannot be a global share handle.
 */
bool
vk_win32_kmt_get_name(HANDLE handle, wchar_t *name);

typedef DWORD (*vk_win32_create_func)(
   const struct vk_win32_section_info *info, const wchar_t *name,
   HANDLE *handle_out);

/** Try numbers until `create` finds that one is free; a Windows error */
DWORD
vk_win32_kmt_create(const struct vk_win32_section_info *info,
                    vk_win32_create_func create,
                    struct vk_win32_section *section);

/** Return the number of a section, which is nobody's to close; or
 * VK_ERROR_UNKNOWN if it has none
 */
VkResult
vk_win32_kmt_export(struct vk_device *device,
                    const struct vk_win32_section *section,
                    HANDLE *handle_out);

#endif /* VK_WIN32_KMT_H */

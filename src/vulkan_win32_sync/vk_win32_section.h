/* SPDX-License-Identifier: MIT */
#ifndef VK_WIN32_SECTION_H
#define VK_WIN32_SECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <wchar.h>

#include <vulkan/vulkan_core.h>

#include "vk_sync_win32_nt.h"

struct vk_device;

/** Memory that processes share: a mapped section object
 *
 * An OPAQUE_WIN32 handle is an NT handle to it.
 */
struct vk_win32_section {
   /* Never inherited, and never given away: exports are duplicates. */
   HANDLE handle;
   void *map;

   /* The global share handle, or 0 */
   uint32_t kmt;
};

/** What is to be created or opened */
struct vk_win32_section_info {
   /* In bytes; of one to be opened, the least that will do */
   uint64_t size;

   /* Of one to be created: NULL for nothing special */
   const void *security_attributes;

   /* Of one to be opened, if it has no name.  It stays the application's. */
   HANDLE handle;
   const wchar_t *name;

   /* Whether it has a global share handle, which takes the name's place */
   bool kmt;

   /* Whose memory it is: VK_ERROR_OUT_OF_{HOST,DEVICE}_MEMORY; and of one to
    * be created, what its entry point has for a name that cannot be used
    */
   VkResult out_of_memory, refused;
};

/** Create and map a section of zeros
 *
 * Returns `refused` if the name is taken, or it or the attributes cannot be
 * used; `out_of_memory` if there is no room.  Any thread.
 */
VkResult
vk_win32_section_create(struct vk_device *device,
                        const struct vk_win32_section_info *info,
                        struct vk_win32_section *section);

/** Open and map what somebody else has created
 *
 * Only plain committed pagefile-backed memory of at least the given size is
 * mapped, so that touching it cannot fault.  What it holds is for the caller
 * to check, and may change at any time.  If it has a global share handle,
 * `kmt` is only set if that is what it was opened by.
 *
 * Returns `out_of_memory` if there is no room for the view, and
 * VK_ERROR_INVALID_EXTERNAL_HANDLE, with a message that says why, for anything
 * else.  Any thread.
 */
VkResult
vk_win32_section_open(struct vk_device *device,
                      const struct vk_win32_section_info *info,
                      struct vk_win32_section *section);

/** Return a new NT handle to the section, owned by the caller
 *
 * `access` is a VkExport*Win32HandleInfoKHR::dwAccess: GENERIC_*,
 * DXGI_SHARED_RESOURCE_* or standard rights, any of which give a handle that
 * can be imported.
 */
VkResult
vk_win32_section_export(struct vk_device *device,
                        const struct vk_win32_section *section,
                        uint32_t access, bool inherit, HANDLE *handle_out);

/** Unmap and close; safe on a zeroed struct */
void
vk_win32_section_close(struct vk_win32_section *section);

#endif /* VK_WIN32_SECTION_H */

/* SPDX-License-Identifier: MIT */
#ifndef VK_SYNC_WIN32_PAYLOAD_SECTION_H
#define VK_SYNC_WIN32_PAYLOAD_SECTION_H

#include "vk_sync_win32_payload.h"
#include "vk_win32_section.h"

/** Create a payload that can be exported, with one reference
 *
 * `word` is its initial state.  Errors are those of vk_win32_section_create().
 */
VkResult
vk_sync_win32_section_create(struct vk_device *device,
                             enum vk_sync_win32_kind kind, uint64_t word,
                             const struct vk_win32_section_info *info,
                             struct vk_sync_win32_payload **payload_out);

/** Return the payload behind a handle or a name, with a reference
 *
 * Each import maps the section once more: waits meet in the section, so views
 * need not know of each other.  Returns VK_ERROR_INVALID_EXTERNAL_HANDLE, with
 * a message, for anything that is not a payload of this kind.
 */
VkResult
vk_sync_win32_section_import(struct vk_device *device,
                             enum vk_sync_win32_kind kind,
                             const struct vk_win32_section_info *info,
                             struct vk_sync_win32_payload **payload_out);

bool
vk_sync_win32_payload_is_section(const struct vk_sync_win32_payload *payload);

/** The section, and what is in it */
const struct vk_win32_section *
vk_sync_win32_section_get(const struct vk_sync_win32_payload *payload);

struct vk_sync_win32_layout *
vk_sync_win32_section_get_layout(struct vk_sync_win32_payload *payload);

#endif /* VK_SYNC_WIN32_PAYLOAD_SECTION_H */

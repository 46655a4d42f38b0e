/* SPDX-License-Identifier: MIT */
#ifndef VK_SYNC_WIN32_PAYLOAD_D3D12_H
#define VK_SYNC_WIN32_PAYLOAD_D3D12_H

#include "vk_sync.h"

#include "vk_sync_win32_payload.h"

struct vk_device;

/** Create a payload that is a shared fence of Direct3D 12, with one reference
 *
 * Returns VK_ERROR_INVALID_EXTERNAL_HANDLE if there is no Direct3D 12, or it
 * does not take the name or the attributes.
 */
VkResult
vk_sync_win32_d3d12_create(struct vk_device *device, uint64_t value,
                           const struct vk_sync_win32_export_params *params,
                           struct vk_sync_win32_payload **payload_out);

/** Return a payload for a fence of Direct3D 12 or 11, with one reference */
VkResult
vk_sync_win32_d3d12_import(struct vk_device *device,
                           const struct vk_sync_win32_import_info *info,
                           struct vk_sync_win32_payload **payload_out);

/** Return a new handle, owned by the caller, to the fence */
VkResult
vk_sync_win32_d3d12_export(struct vk_device *device,
                           struct vk_sync_win32_payload *payload,
                           bool inherit, HANDLE *handle_out);

#endif /* VK_SYNC_WIN32_PAYLOAD_D3D12_H */

/* SPDX-License-Identifier: MIT */
#ifndef VK_SYNC_WIN32_PAYLOAD_D3D12_H
#define VK_SYNC_WIN32_PAYLOAD_D3D12_H

#include "vk_sync.h"

#include "vk_sync_win32_payload.h"

struct vk_device;

/** Create a payload that is a shared fence of Direct3D 12, with one reference
 *
 * VK_ERROR_UNKNOWN if that is missing, VK_ERROR_OUT_OF_DEVICE_MEMORY if not.
 */
VkResult
vk_sync_win32_d3d12_create(struct vk_device *device, uint64_t value,
                           const SECURITY_ATTRIBUTES *attributes,
                           const wchar_t *name,
                           struct vk_sync_win32_payload **payload_out);

/** Return a payload for a fence of Direct3D 12 or 11, with one reference */
VkResult
vk_sync_win32_d3d12_import(struct vk_device *device, HANDLE handle,
                           const wchar_t *name,
                           struct vk_sync_win32_payload **payload_out);

/** Return a new handle, owned by the caller, to the fence */
VkResult
vk_sync_win32_d3d12_export(struct vk_device *device,
                           struct vk_sync_win32_payload *payload,
                           bool inherit, HANDLE *handle_out);

/** What a submit's operation on such a payload is for
 *
 * `value` is the timeline's, or 0.  Then it is the one that
 * VkD3D12FenceSubmitInfoKHR has, and without that, 1 for binary semaphores.
 * Returns VK_ERROR_UNKNOWN if that has another number of values.
 */
VkResult
vk_sync_win32_d3d12_get_submit_value(struct vk_device *device,
                                     const struct vk_sync *sync,
                                     const void *pNext, bool is_signal,
                                     uint32_t index, uint32_t count,
                                     uint64_t *value);

#endif /* VK_SYNC_WIN32_PAYLOAD_D3D12_H */

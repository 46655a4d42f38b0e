/* SPDX-License-Identifier: MIT */
#ifndef VK_WIN32_D3D12_H
#define VK_WIN32_D3D12_H

#include <stdbool.h>
#include <stdint.h>
#include <wchar.h>

#include "vk_sync_win32_nt.h"

/* Shared fences of Direct3D 12, whose runtime is loaded when the first one is
 * asked for.  See ID3D12Device::CreateFence and ::OpenSharedHandle in
 * Microsoft's documentation.  All functions may be called from any thread;
 * what they return are HRESULTs.
 */

struct ID3D12Device;
struct ID3D12Fence;

/** A fence, with a reference to it and to the device that it was opened on */
struct vk_win32_d3d12_fence {
   struct ID3D12Fence *fence;
   struct ID3D12Device *device;

   /* To be duplicated for export; never inherited */
   HANDLE handle;
};

/** Whether there is a runtime that can share fences
 *
 * The first call loads it and creates a device, on the WARP adapter unless
 * MESA_VK_WIN32_D3D12_ADAPTER chooses another.
 */
bool
vk_win32_d3d12_is_available(void);

/** The LUID of that adapter, as VkPhysicalDeviceIDProperties has it
 *
 * False if there is none.  The first call loads DXGI, but not Direct3D 12.
 */
bool
vk_win32_d3d12_get_luid(uint8_t luid[8]);

/** Create a shared fence, to be closed by the caller.  Of the attributes, which
 * may be NULL, the descriptor counts.
 */
HRESULT
vk_win32_d3d12_create_fence(struct vk_win32_d3d12_fence *fence, uint64_t value,
                            const SECURITY_ATTRIBUTES *attributes,
                            const wchar_t *name);

/** Open a fence of Direct3D 12 or 11 that somebody has shared, by its name or
 * by a handle, which stays the caller's
 */
HRESULT
vk_win32_d3d12_open_fence(struct vk_win32_d3d12_fence *fence, HANDLE foreign,
                          const wchar_t *name);

void
vk_win32_d3d12_close_fence(struct vk_win32_d3d12_fence *fence);

/** The current value; UINT64_MAX once the Direct3D device is removed */
uint64_t
vk_win32_d3d12_get_value(const struct vk_win32_d3d12_fence *fence);

/** Whether the device that the fence was opened on has been removed */
bool
vk_win32_d3d12_is_removed(const struct vk_win32_d3d12_fence *fence);

HRESULT
vk_win32_d3d12_signal(const struct vk_win32_d3d12_fence *fence, uint64_t value);

/** Have the event set, at least once, when the value is reached
 *
 * There is no way to take that back.  The caller may close the event.
 */
HRESULT
vk_win32_d3d12_set_event(const struct vk_win32_d3d12_fence *fence,
                         uint64_t value, HANDLE event);

#endif /* VK_WIN32_D3D12_H */

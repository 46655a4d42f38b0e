/* SPDX-License-Identifier: MIT */
#ifndef LVP_D3D12_DOUBLE_H
#define LVP_D3D12_DOUBLE_H

/* The test double of Microsoft's D3D12 runtime, as its users see it.
 *
 * double/d3d12.dll and double/dxgi.dll have the functions, interfaces and
 * results that Microsoft documents, for fences only. What else they export,
 * for tests alone, is here. Methods that neither the driver nor a test calls
 * are NULL.
 *
 * Where the documentation leaves the result open, the double picks one, says
 * so in a comment, and tests of the driver had better not depend on it.
 */
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

/* A step that fails. Read at each call:
 *   factory   CreateDXGIFactory2
 *   warp      EnumWarpAdapter
 *   device    D3D12CreateDevice
 *   fence     CreateFence
 *   share     CreateSharedHandle
 *   open      OpenSharedHandle
 *   name      OpenSharedHandleByName
 *   event     SetEventOnCompletion
 *   signal    Signal
 */
#define DOUBLE_FAIL_VARIABLE "LVP_D3D12_DOUBLE_FAIL"

/* LowParts of the adapters' LUIDs; the HighParts are 0. */
#define DOUBLE_GPU_LUID 0x6d00u
#define DOUBLE_WARP_LUID 0x6d01u

/* Events that may be pending on one fence before SetEventOnCompletion fails
 * with E_OUTOFMEMORY.
 */
#define DOUBLE_MAX_EVENTS 256

/* Whether the other users of a shared fence notice that a device is removed:
 * documented is that all its fences are signalled to UINT64_MAX, but not
 * whether that is so for those of other devices, too.
 */
enum double_removal {
   DOUBLE_REMOVAL_FOR_ALL,
   DOUBLE_REMOVAL_FOR_DEVICE,
};

struct ID3D12Device;

/* "double_remove_device" of d3d12.dll: DXGI_ERROR_DEVICE_HUNG from here on */
typedef void (*double_remove_device_fn)(struct ID3D12Device *device,
                                        enum double_removal removal);

/* "double_on_factory" of dxgi.dll: called whenever a factory is created, for
 * what a runtime that is itself implemented over Vulkan does then.
 *
 * "double_on_removed_reason" of d3d12.dll: called by the next
 * GetDeviceRemovedReason, for what another thread may do meanwhile.
 */
typedef void (*double_hook_fn)(void);
typedef void (*double_set_hook_fn)(double_hook_fn hook);

/* "double_live_objects" of both: devices and fences, or factories and adapters,
 * that are not released
 */
typedef LONG (*double_count_fn)(void);

#endif

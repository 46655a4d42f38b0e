/* SPDX-License-Identifier: MIT */
#ifndef LVP_D3D12_SHARE_H
#define LVP_D3D12_SHARE_H

/* Vulkan semaphores with Direct3D 12 fences as payloads, through the driver.
 * D3D12 in this program stands for whatever else uses the fences. Whatever a
 * function here returns is released when the case has ended.
 */
#include "vkt.h"

#define COBJMACROS
#include <dxgi1_4.h>
#include <d3d12.h>

#include "double.h"

/* D3D12 -------------------------------------------------------------------- */

#define REQUIRE_HR(call) REQUIRE_U64((ULONG)(call), S_OK)

struct runtime {
   HRESULT (WINAPI *create_factory)(UINT flags, REFIID riid, void **out);
   PFN_D3D12_CREATE_DEVICE create_device;
   double_remove_device_fn remove_device;
   double_set_hook_fn on_factory;
   double_set_hook_fn on_removed_reason;
   double_count_fn dxgi_objects;
   double_count_fn d3d12_objects;
   char folder[MAX_PATH];
};

/* Where the driver looks for d3d12.dll and dxgi.dll */
#define RUNTIME_PATH_VARIABLE "MESA_VK_WIN32_D3D12_PATH"

/* Loads both DLLs, once, from the folder that the variable names, or else from
 * "double" in the program's own. Skips the case if they are not the double.
 */
const struct runtime *runtime_load(void);

IDXGIAdapter1 *runtime_warp_adapter(void);
ID3D12Device *runtime_warp(void);

ID3D12Fence *runtime_fence(ID3D12Device *device, UINT64 value,
                           D3D12_FENCE_FLAGS flags);
HANDLE runtime_share(ID3D12Device *device, ID3D12Fence *fence,
                     const WCHAR *name);
ID3D12Fence *runtime_open(ID3D12Device *device, HANDLE handle);

/* What the case got by itself */
void *runtime_own(void *object);

void runtime_signal(ID3D12Fence *fence, UINT64 value);
/* Within a time that only a hang takes */
void runtime_expect_value(ID3D12Fence *fence, UINT64 value);

/* Manual-reset events; one that a fence sets at a value */
HANDLE runtime_event(void);
HANDLE runtime_event_at(ID3D12Fence *fence, UINT64 value);

/* A variable of the environment, until the end of the case */
void runtime_set_variable(const char *variable, const char *value);

/* Vulkan ------------------------------------------------------------------- */

#define SHARE_D3D12 VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_D3D12_FENCE_BIT

/* A device whose driver can share fences with D3D12; skips the case if there
 * is no such D3D12.
 */
struct vkt_device *share_open(void);

/* What the driver says about a kind of object; the structures for fences have
 * the same members.
 */
VkExternalSemaphoreProperties share_query(struct vkt_device *device,
                                          enum vkt_kind kind, VkFlags type);

struct vkt_object *share_create(struct vkt_device *device, enum vkt_kind kind,
                                uint64_t initial);
HANDLE share_export(struct vkt_object *object);
VkResult share_try_import(struct vkt_object *object, HANDLE handle,
                          const wchar_t *name);
/* Into a semaphore that was created without export */
struct vkt_object *share_import(struct vkt_device *device, enum vkt_kind kind,
                                HANDLE handle);
/* D3D12's view of a semaphore */
ID3D12Fence *share_fence(struct vkt_object *object);

/* A fence that D3D12 has made, and a semaphore that imports it */
struct share_pair {
   struct vkt_device *device;
   ID3D12Fence *fence;
   HANDLE handle;
   struct vkt_object *semaphore;
};

struct share_pair share_pair(enum vkt_kind kind, uint64_t value);

/* One batch by vkQueueSubmit, with the values in VkTimelineSemaphoreSubmitInfo
 * for timelines and in VkD3D12FenceSubmitInfoKHR for all
 */
void share_submit(struct vkt_device *device, const struct vkt_batch *batch,
                  struct vkt_object *fence);
/* As vkt_queue_signal() and vkt_queue_wait() */
void share_queue_signal(struct vkt_object *object, uint64_t value);
struct vkt_object *share_queue_wait(struct vkt_object *object,
                                    uint64_t value);

/* Signals on one side and waits on the other, both ways */
void share_expect_linked(struct vkt_object *object, ID3D12Fence *fence);

/* For signals by the host that may fail */
VkResult share_try_signal(struct vkt_object *timeline, uint64_t value);

/* Entries of a case table for both kinds of semaphores */
#define SHARE_CASES(run) \
   {#run "_binary", run, VKT_BINARY, 0}, \
   {#run "_timeline", run, VKT_TIMELINE, 0}

#endif

/* SPDX-License-Identifier: MIT */
#ifndef LVP_D3D12_ABI_H
#define LVP_D3D12_ABI_H

#include <stddef.h>

/* What a header has, beside what Microsoft documents of the binary interface */
struct abi_fact {
   const char *name;
   size_t found;
   size_t documented;
};

/* A method's place, with those inherited counted first */
#define ABI_SLOT(type, method, slot) \
   {#type "::" #method, offsetof(type##Vtbl, method) / sizeof(void *), slot},
#define ABI_VALUE(value, documented) {#value, (size_t)(value), documented},

/* What the driver calls and names, for any header of Direct3D 12 */
#define ABI_D3D12 \
   ABI_SLOT(ID3D12Device, AddRef, 1) \
   ABI_SLOT(ID3D12Device, Release, 2) \
   ABI_SLOT(ID3D12Device, CreateSharedHandle, 31) \
   ABI_SLOT(ID3D12Device, OpenSharedHandle, 32) \
   ABI_SLOT(ID3D12Device, OpenSharedHandleByName, 33) \
   ABI_SLOT(ID3D12Device, CreateFence, 36) \
   ABI_SLOT(ID3D12Device, GetDeviceRemovedReason, 37) \
   ABI_SLOT(ID3D12Fence, Release, 2) \
   ABI_SLOT(ID3D12Fence, GetCompletedValue, 8) \
   ABI_SLOT(ID3D12Fence, SetEventOnCompletion, 9) \
   ABI_SLOT(ID3D12Fence, Signal, 10) \
   ABI_VALUE(sizeof(D3D12_FENCE_FLAGS), 4) \
   ABI_VALUE(D3D12_FENCE_FLAG_SHARED, 1) \
   ABI_VALUE(D3D_FEATURE_LEVEL_11_0, 0xb000)

/* Of the other D3D12 header, DirectX-Headers; ends with an entry without a
 * name, which is the first one if the build has no such header.
 */
extern const struct abi_fact abi_directx_headers[];

#endif

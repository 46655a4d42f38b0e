/* SPDX-License-Identifier: MIT */
#ifndef LVP_D3D12_ABI_H
#define LVP_D3D12_ABI_H

#include <assert.h>
#include <stddef.h>

/* What Microsoft documents of the binary interface, as far as the driver uses
 * it, for the header that is included. A method's place is counted with those
 * inherited first.
 */
#define ABI_SLOT(type, method, slot) \
   static_assert(offsetof(type##Vtbl, method) == slot * sizeof(void *), \
                 #type "::" #method)

#define ABI_D3D12 \
   ABI_SLOT(ID3D12Device, AddRef, 1); \
   ABI_SLOT(ID3D12Device, Release, 2); \
   ABI_SLOT(ID3D12Device, CreateSharedHandle, 31); \
   ABI_SLOT(ID3D12Device, OpenSharedHandle, 32); \
   ABI_SLOT(ID3D12Device, OpenSharedHandleByName, 33); \
   ABI_SLOT(ID3D12Device, CreateFence, 36); \
   ABI_SLOT(ID3D12Device, GetDeviceRemovedReason, 37); \
   ABI_SLOT(ID3D12Fence, Release, 2); \
   ABI_SLOT(ID3D12Fence, GetCompletedValue, 8); \
   ABI_SLOT(ID3D12Fence, SetEventOnCompletion, 9); \
   ABI_SLOT(ID3D12Fence, Signal, 10); \
   static_assert(D3D12_FENCE_FLAG_SHARED == 1 && \
                 D3D_FEATURE_LEVEL_11_0 == 0xb000, "values")

#endif

/* SPDX-License-Identifier: MIT */
#ifndef LVP_D3D12_ABI_H
#define LVP_D3D12_ABI_H

/* The binary interface as Microsoft documents it: the order of the methods,
 * those inherited first. For any header that names its table's members like
 * Microsoft's: X(interface, method, slot).
 */
#include <stddef.h>

#define ABI_UNKNOWN(X, type) \
   X(type, QueryInterface, 0) \
   X(type, AddRef, 1) \
   X(type, Release, 2)

#define ABI_D3D12_OBJECT(X, type) \
   ABI_UNKNOWN(X, type) \
   X(type, GetPrivateData, 3) \
   X(type, SetPrivateData, 4) \
   X(type, SetPrivateDataInterface, 5) \
   X(type, SetName, 6)

#define ABI_D3D12_FENCE(X) \
   ABI_D3D12_OBJECT(X, ID3D12Fence) \
   X(ID3D12Fence, GetDevice, 7) \
   X(ID3D12Fence, GetCompletedValue, 8) \
   X(ID3D12Fence, SetEventOnCompletion, 9) \
   X(ID3D12Fence, Signal, 10)

#define ABI_D3D12_DEVICE(X) \
   ABI_D3D12_OBJECT(X, ID3D12Device) \
   X(ID3D12Device, GetNodeCount, 7) \
   X(ID3D12Device, CreateCommandQueue, 8) \
   X(ID3D12Device, CreateCommandAllocator, 9) \
   X(ID3D12Device, CreateGraphicsPipelineState, 10) \
   X(ID3D12Device, CreateComputePipelineState, 11) \
   X(ID3D12Device, CreateCommandList, 12) \
   X(ID3D12Device, CheckFeatureSupport, 13) \
   X(ID3D12Device, CreateDescriptorHeap, 14) \
   X(ID3D12Device, GetDescriptorHandleIncrementSize, 15) \
   X(ID3D12Device, CreateRootSignature, 16) \
   X(ID3D12Device, CreateConstantBufferView, 17) \
   X(ID3D12Device, CreateShaderResourceView, 18) \
   X(ID3D12Device, CreateUnorderedAccessView, 19) \
   X(ID3D12Device, CreateRenderTargetView, 20) \
   X(ID3D12Device, CreateDepthStencilView, 21) \
   X(ID3D12Device, CreateSampler, 22) \
   X(ID3D12Device, CopyDescriptors, 23) \
   X(ID3D12Device, CopyDescriptorsSimple, 24) \
   X(ID3D12Device, GetResourceAllocationInfo, 25) \
   X(ID3D12Device, GetCustomHeapProperties, 26) \
   X(ID3D12Device, CreateCommittedResource, 27) \
   X(ID3D12Device, CreateHeap, 28) \
   X(ID3D12Device, CreatePlacedResource, 29) \
   X(ID3D12Device, CreateReservedResource, 30) \
   X(ID3D12Device, CreateSharedHandle, 31) \
   X(ID3D12Device, OpenSharedHandle, 32) \
   X(ID3D12Device, OpenSharedHandleByName, 33) \
   X(ID3D12Device, MakeResident, 34) \
   X(ID3D12Device, Evict, 35) \
   X(ID3D12Device, CreateFence, 36) \
   X(ID3D12Device, GetDeviceRemovedReason, 37) \
   X(ID3D12Device, GetCopyableFootprints, 38) \
   X(ID3D12Device, CreateQueryHeap, 39) \
   X(ID3D12Device, SetStablePowerState, 40) \
   X(ID3D12Device, CreateCommandSignature, 41) \
   X(ID3D12Device, GetResourceTiling, 42) \
   X(ID3D12Device, GetAdapterLuid, 43)

#define ABI_DXGI_OBJECT(X, type) \
   ABI_UNKNOWN(X, type) \
   X(type, SetPrivateData, 3) \
   X(type, SetPrivateDataInterface, 4) \
   X(type, GetPrivateData, 5) \
   X(type, GetParent, 6)

#define ABI_DXGI_FACTORY1(X, type) \
   ABI_DXGI_OBJECT(X, type) \
   X(type, EnumAdapters, 7) \
   X(type, MakeWindowAssociation, 8) \
   X(type, GetWindowAssociation, 9) \
   X(type, CreateSwapChain, 10) \
   X(type, CreateSoftwareAdapter, 11) \
   X(type, EnumAdapters1, 12) \
   X(type, IsCurrent, 13)

#define ABI_DXGI_FACTORY4(X) \
   ABI_DXGI_FACTORY1(X, IDXGIFactory4) \
   X(IDXGIFactory4, IsWindowedStereoEnabled, 14) \
   X(IDXGIFactory4, CreateSwapChainForHwnd, 15) \
   X(IDXGIFactory4, CreateSwapChainForCoreWindow, 16) \
   X(IDXGIFactory4, GetSharedResourceAdapterLuid, 17) \
   X(IDXGIFactory4, RegisterStereoStatusWindow, 18) \
   X(IDXGIFactory4, RegisterStereoStatusEvent, 19) \
   X(IDXGIFactory4, UnregisterStereoStatus, 20) \
   X(IDXGIFactory4, RegisterOcclusionStatusWindow, 21) \
   X(IDXGIFactory4, RegisterOcclusionStatusEvent, 22) \
   X(IDXGIFactory4, UnregisterOcclusionStatus, 23) \
   X(IDXGIFactory4, CreateSwapChainForComposition, 24) \
   X(IDXGIFactory4, GetCreationFlags, 25) \
   X(IDXGIFactory4, EnumAdapterByLuid, 26) \
   X(IDXGIFactory4, EnumWarpAdapter, 27)

#define ABI_DXGI_ADAPTER1(X) \
   ABI_DXGI_OBJECT(X, IDXGIAdapter1) \
   X(IDXGIAdapter1, EnumOutputs, 7) \
   X(IDXGIAdapter1, GetDesc, 8) \
   X(IDXGIAdapter1, CheckInterfaceSupport, 9) \
   X(IDXGIAdapter1, GetDesc1, 10)

/* What a header has, beside what is documented. Counts and sizes are in
 * slots.
 */
struct abi_fact {
   const char *name;
   size_t found;
   size_t documented;
};

/* Where X is for offsets in any of the tables */
#define ABI_SLOT(type, method, slot) \
   {#type "::" #method, offsetof(type##Vtbl, method) / sizeof(void *), slot},
#define ABI_SIZE(type, slots) \
   {"methods of " #type, sizeof(type##Vtbl) / sizeof(void *), slots},
#define ABI_VALUE(value, documented) {#value, (size_t)(value), documented},

/* Of the other D3D12 header, DirectX-Headers; ends with an entry without a
 * name, which is the first one if the build has no such header.
 */
extern const struct abi_fact abi_directx_headers[];

#endif

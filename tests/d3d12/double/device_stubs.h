/* SPDX-License-Identifier: MIT */

/* The methods of a device that have nothing to do with fences, for device.c */
#ifndef LVP_D3D12_DOUBLE_DEVICE_STUBS_H
#define LVP_D3D12_DOUBLE_DEVICE_STUBS_H

#include "device.h"

#define DEVICE_STUB(method, ...) DOUBLE_STUB(ID3D12Device, method, __VA_ARGS__)
#define DEVICE_STUB_VOID(method, ...) \
   DOUBLE_STUB_VOID(ID3D12Device, method, __VA_ARGS__)

DEVICE_STUB(GetPrivateData, REFGUID guid, UINT *size, void *data)
DEVICE_STUB(SetPrivateData, REFGUID guid, UINT size, const void *data)
DEVICE_STUB(SetPrivateDataInterface, REFGUID guid, const IUnknown *data)
DEVICE_STUB(SetName, const WCHAR *name)
DOUBLE_STUB_NO_ARGS(ID3D12Device, UINT, GetNodeCount)
DEVICE_STUB(CreateCommandQueue, const D3D12_COMMAND_QUEUE_DESC *desc,
            REFIID riid, void **out)
DEVICE_STUB(CreateCommandAllocator, D3D12_COMMAND_LIST_TYPE type, REFIID riid,
            void **out)
DEVICE_STUB(CreateGraphicsPipelineState,
            const D3D12_GRAPHICS_PIPELINE_STATE_DESC *desc, REFIID riid,
            void **out)
DEVICE_STUB(CreateComputePipelineState,
            const D3D12_COMPUTE_PIPELINE_STATE_DESC *desc, REFIID riid,
            void **out)
DEVICE_STUB(CreateCommandList, UINT node_mask, D3D12_COMMAND_LIST_TYPE type,
            ID3D12CommandAllocator *allocator, ID3D12PipelineState *state,
            REFIID riid, void **out)
DEVICE_STUB(CheckFeatureSupport, D3D12_FEATURE feature, void *data, UINT size)
DEVICE_STUB(CreateDescriptorHeap, const D3D12_DESCRIPTOR_HEAP_DESC *desc,
            REFIID riid, void **out)
DOUBLE_STUB_OF(ID3D12Device, UINT, 0, GetDescriptorHandleIncrementSize,
               D3D12_DESCRIPTOR_HEAP_TYPE type)
DEVICE_STUB(CreateRootSignature, UINT node_mask, const void *code,
            SIZE_T length, REFIID riid, void **out)
DEVICE_STUB_VOID(CreateConstantBufferView,
                 const D3D12_CONSTANT_BUFFER_VIEW_DESC *desc,
                 D3D12_CPU_DESCRIPTOR_HANDLE descriptor)
DEVICE_STUB_VOID(CreateShaderResourceView, ID3D12Resource *resource,
                 const D3D12_SHADER_RESOURCE_VIEW_DESC *desc,
                 D3D12_CPU_DESCRIPTOR_HANDLE descriptor)
DEVICE_STUB_VOID(CreateUnorderedAccessView, ID3D12Resource *resource,
                 ID3D12Resource *counter,
                 const D3D12_UNORDERED_ACCESS_VIEW_DESC *desc,
                 D3D12_CPU_DESCRIPTOR_HANDLE descriptor)
DEVICE_STUB_VOID(CreateRenderTargetView, ID3D12Resource *resource,
                 const D3D12_RENDER_TARGET_VIEW_DESC *desc,
                 D3D12_CPU_DESCRIPTOR_HANDLE descriptor)
DEVICE_STUB_VOID(CreateDepthStencilView, ID3D12Resource *resource,
                 const D3D12_DEPTH_STENCIL_VIEW_DESC *desc,
                 D3D12_CPU_DESCRIPTOR_HANDLE descriptor)
DEVICE_STUB_VOID(CreateSampler, const D3D12_SAMPLER_DESC *desc,
                 D3D12_CPU_DESCRIPTOR_HANDLE descriptor)
DEVICE_STUB_VOID(CopyDescriptors, UINT target_count,
                 const D3D12_CPU_DESCRIPTOR_HANDLE *targets,
                 const UINT *target_sizes, UINT source_count,
                 const D3D12_CPU_DESCRIPTOR_HANDLE *sources,
                 const UINT *source_sizes, D3D12_DESCRIPTOR_HEAP_TYPE type)
DEVICE_STUB_VOID(CopyDescriptorsSimple, UINT count,
                 const D3D12_CPU_DESCRIPTOR_HANDLE target,
                 const D3D12_CPU_DESCRIPTOR_HANDLE source,
                 D3D12_DESCRIPTOR_HEAP_TYPE type)
DOUBLE_STUB_OF(ID3D12Device, D3D12_RESOURCE_ALLOCATION_INFO *, info,
               GetResourceAllocationInfo, D3D12_RESOURCE_ALLOCATION_INFO *info,
               UINT visible_mask, UINT count,
               const D3D12_RESOURCE_DESC *descs)
DOUBLE_STUB_OF(ID3D12Device, D3D12_HEAP_PROPERTIES *, properties,
               GetCustomHeapProperties, D3D12_HEAP_PROPERTIES *properties,
               UINT node_mask, D3D12_HEAP_TYPE type)
DEVICE_STUB(CreateCommittedResource, const D3D12_HEAP_PROPERTIES *properties,
            D3D12_HEAP_FLAGS flags, const D3D12_RESOURCE_DESC *desc,
            D3D12_RESOURCE_STATES state, const D3D12_CLEAR_VALUE *clear,
            REFIID riid, void **out)
DEVICE_STUB(CreateHeap, const D3D12_HEAP_DESC *desc, REFIID riid, void **out)
DEVICE_STUB(CreatePlacedResource, ID3D12Heap *heap, UINT64 offset,
            const D3D12_RESOURCE_DESC *desc, D3D12_RESOURCE_STATES state,
            const D3D12_CLEAR_VALUE *clear, REFIID riid, void **out)
DEVICE_STUB(CreateReservedResource, const D3D12_RESOURCE_DESC *desc,
            D3D12_RESOURCE_STATES state, const D3D12_CLEAR_VALUE *clear,
            REFIID riid, void **out)
DEVICE_STUB(MakeResident, UINT count, ID3D12Pageable *const *objects)
DEVICE_STUB(Evict, UINT count, ID3D12Pageable *const *objects)
DEVICE_STUB_VOID(GetCopyableFootprints, const D3D12_RESOURCE_DESC *desc,
                 UINT first, UINT count, UINT64 offset,
                 D3D12_PLACED_SUBRESOURCE_FOOTPRINT *layouts, UINT *rows,
                 UINT64 *row_size, UINT64 *total)
DEVICE_STUB(CreateQueryHeap, const D3D12_QUERY_HEAP_DESC *desc, REFIID riid,
            void **out)
DEVICE_STUB(SetStablePowerState, BOOL enable)
DEVICE_STUB(CreateCommandSignature, const D3D12_COMMAND_SIGNATURE_DESC *desc,
            ID3D12RootSignature *signature, REFIID riid, void **out)
DEVICE_STUB_VOID(GetResourceTiling, ID3D12Resource *resource, UINT *tiles,
                 D3D12_PACKED_MIP_INFO *mips, D3D12_TILE_SHAPE *shape,
                 UINT *count, UINT first, D3D12_SUBRESOURCE_TILING *tilings)

#define STUBBED(method) .method = ID3D12Device_##method##_stub
#define DEVICE_STUBS \
   STUBBED(GetPrivateData), STUBBED(SetPrivateData), \
   STUBBED(SetPrivateDataInterface), STUBBED(SetName), \
   STUBBED(GetNodeCount), STUBBED(CreateCommandQueue), \
   STUBBED(CreateCommandAllocator), STUBBED(CreateGraphicsPipelineState), \
   STUBBED(CreateComputePipelineState), STUBBED(CreateCommandList), \
   STUBBED(CheckFeatureSupport), STUBBED(CreateDescriptorHeap), \
   STUBBED(GetDescriptorHandleIncrementSize), STUBBED(CreateRootSignature), \
   STUBBED(CreateConstantBufferView), STUBBED(CreateShaderResourceView), \
   STUBBED(CreateUnorderedAccessView), STUBBED(CreateRenderTargetView), \
   STUBBED(CreateDepthStencilView), STUBBED(CreateSampler), \
   STUBBED(CopyDescriptors), STUBBED(CopyDescriptorsSimple), \
   STUBBED(GetResourceAllocationInfo), STUBBED(GetCustomHeapProperties), \
   STUBBED(CreateCommittedResource), STUBBED(CreateHeap), \
   STUBBED(CreatePlacedResource), STUBBED(CreateReservedResource), \
   STUBBED(MakeResident), STUBBED(Evict), STUBBED(GetCopyableFootprints), \
   STUBBED(CreateQueryHeap), STUBBED(SetStablePowerState), \
   STUBBED(CreateCommandSignature), STUBBED(GetResourceTiling)

#endif

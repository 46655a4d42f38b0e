/* SPDX-License-Identifier: MIT */

/* The methods of a factory and an adapter that nobody needs who looks for
 * fences, for dxgi.c
 */
#ifndef LVP_D3D12_DOUBLE_DXGI_STUBS_H
#define LVP_D3D12_DOUBLE_DXGI_STUBS_H

#define COBJMACROS
#define CONST_VTABLE
#include <dxgi1_4.h>

#include "common.h"

#define FACTORY_STUB(method, ...) \
   DOUBLE_STUB(IDXGIFactory4, method, __VA_ARGS__)

FACTORY_STUB(SetPrivateData, REFGUID guid, UINT size, const void *data)
FACTORY_STUB(SetPrivateDataInterface, REFGUID guid, const IUnknown *object)
FACTORY_STUB(GetPrivateData, REFGUID guid, UINT *size, void *data)
FACTORY_STUB(GetParent, REFIID riid, void **out)
FACTORY_STUB(EnumAdapters, UINT index, IDXGIAdapter **out)
FACTORY_STUB(MakeWindowAssociation, HWND window, UINT flags)
FACTORY_STUB(GetWindowAssociation, HWND *window)
FACTORY_STUB(CreateSwapChain, IUnknown *device, DXGI_SWAP_CHAIN_DESC *desc,
             IDXGISwapChain **out)
FACTORY_STUB(CreateSoftwareAdapter, HMODULE module, IDXGIAdapter **out)
DOUBLE_STUB_NO_ARGS(IDXGIFactory4, BOOL, IsCurrent)
DOUBLE_STUB_NO_ARGS(IDXGIFactory4, BOOL, IsWindowedStereoEnabled)
FACTORY_STUB(CreateSwapChainForHwnd, IUnknown *device, HWND window,
             const DXGI_SWAP_CHAIN_DESC1 *desc,
             const DXGI_SWAP_CHAIN_FULLSCREEN_DESC *fullscreen,
             IDXGIOutput *output, IDXGISwapChain1 **out)
FACTORY_STUB(CreateSwapChainForCoreWindow, IUnknown *device, IUnknown *window,
             const DXGI_SWAP_CHAIN_DESC1 *desc, IDXGIOutput *output,
             IDXGISwapChain1 **out)
FACTORY_STUB(GetSharedResourceAdapterLuid, HANDLE resource, LUID *luid)
FACTORY_STUB(RegisterStereoStatusWindow, HWND window, UINT message,
             DWORD *cookie)
FACTORY_STUB(RegisterStereoStatusEvent, HANDLE event, DWORD *cookie)
DOUBLE_STUB_VOID(IDXGIFactory4, UnregisterStereoStatus, DWORD cookie)
FACTORY_STUB(RegisterOcclusionStatusWindow, HWND window, UINT message,
             DWORD *cookie)
FACTORY_STUB(RegisterOcclusionStatusEvent, HANDLE event, DWORD *cookie)
DOUBLE_STUB_VOID(IDXGIFactory4, UnregisterOcclusionStatus, DWORD cookie)
FACTORY_STUB(CreateSwapChainForComposition, IUnknown *device,
             const DXGI_SWAP_CHAIN_DESC1 *desc, IDXGIOutput *output,
             IDXGISwapChain1 **out)
DOUBLE_STUB_NO_ARGS(IDXGIFactory4, UINT, GetCreationFlags)

#define FACTORY_STUBBED(method) .method = IDXGIFactory4_##method##_stub
#define FACTORY_STUBS \
   FACTORY_STUBBED(SetPrivateData), FACTORY_STUBBED(SetPrivateDataInterface), \
   FACTORY_STUBBED(GetPrivateData), FACTORY_STUBBED(GetParent), \
   FACTORY_STUBBED(EnumAdapters), FACTORY_STUBBED(MakeWindowAssociation), \
   FACTORY_STUBBED(GetWindowAssociation), FACTORY_STUBBED(CreateSwapChain), \
   FACTORY_STUBBED(CreateSoftwareAdapter), FACTORY_STUBBED(IsCurrent), \
   FACTORY_STUBBED(IsWindowedStereoEnabled), \
   FACTORY_STUBBED(CreateSwapChainForHwnd), \
   FACTORY_STUBBED(CreateSwapChainForCoreWindow), \
   FACTORY_STUBBED(GetSharedResourceAdapterLuid), \
   FACTORY_STUBBED(RegisterStereoStatusWindow), \
   FACTORY_STUBBED(RegisterStereoStatusEvent), \
   FACTORY_STUBBED(UnregisterStereoStatus), \
   FACTORY_STUBBED(RegisterOcclusionStatusWindow), \
   FACTORY_STUBBED(RegisterOcclusionStatusEvent), \
   FACTORY_STUBBED(UnregisterOcclusionStatus), \
   FACTORY_STUBBED(CreateSwapChainForComposition), \
   FACTORY_STUBBED(GetCreationFlags)

#define ADAPTER_STUB(method, ...) \
   DOUBLE_STUB(IDXGIAdapter1, method, __VA_ARGS__)

ADAPTER_STUB(SetPrivateData, REFGUID guid, UINT size, const void *data)
ADAPTER_STUB(SetPrivateDataInterface, REFGUID guid, const IUnknown *object)
ADAPTER_STUB(GetPrivateData, REFGUID guid, UINT *size, void *data)
ADAPTER_STUB(GetParent, REFIID riid, void **out)
ADAPTER_STUB(EnumOutputs, UINT index, IDXGIOutput **out)
ADAPTER_STUB(CheckInterfaceSupport, REFGUID guid, LARGE_INTEGER *version)

#define ADAPTER_STUBBED(method) .method = IDXGIAdapter1_##method##_stub
#define ADAPTER_STUBS \
   ADAPTER_STUBBED(SetPrivateData), ADAPTER_STUBBED(SetPrivateDataInterface), \
   ADAPTER_STUBBED(GetPrivateData), ADAPTER_STUBBED(GetParent), \
   ADAPTER_STUBBED(EnumOutputs), ADAPTER_STUBBED(CheckInterfaceSupport)

#endif

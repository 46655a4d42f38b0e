/* SPDX-License-Identifier: MIT */
#include "common.h"

#include <dxgi1_4.h>

#include "abi.h"

ABI_SLOT(IDXGIFactory4, Release, 2);
ABI_SLOT(IDXGIFactory4, EnumAdapters1, 12);
ABI_SLOT(IDXGIFactory4, EnumWarpAdapter, 27);
ABI_SLOT(IDXGIAdapter1, Release, 2);
ABI_SLOT(IDXGIAdapter1, GetDesc1, 10);
static_assert(offsetof(DXGI_ADAPTER_DESC1, AdapterLuid) ==
              272 + 3 * sizeof(size_t), "AdapterLuid");

/* Nothing tells one factory from another, so that one is enough. */
static volatile LONG factory_references;

struct adapter {
   IDXGIAdapter1 iface;
   volatile LONG references;
   DXGI_ADAPTER_DESC1 desc;
};

static struct adapter *
adapter_from(IDXGIAdapter1 *iface)
{
   return CONTAINING_RECORD(iface, struct adapter, iface);
}

static HRESULT STDMETHODCALLTYPE
adapter_query_interface(IDXGIAdapter1 *iface, REFIID riid, void **out)
{
   return double_query_interface((IUnknown *)iface, &IID_IDXGIAdapter1, riid,
                                 out);
}

static ULONG STDMETHODCALLTYPE
adapter_add_ref(IDXGIAdapter1 *iface)
{
   return double_reference(&adapter_from(iface)->references);
}

static ULONG STDMETHODCALLTYPE
adapter_release(IDXGIAdapter1 *iface)
{
   return double_unreference(&adapter_from(iface)->references);
}

static HRESULT STDMETHODCALLTYPE
adapter_get_desc1(IDXGIAdapter1 *iface, DXGI_ADAPTER_DESC1 *desc)
{
   *desc = adapter_from(iface)->desc;
   return S_OK;
}

static const IDXGIAdapter1Vtbl adapter_methods = {
   .QueryInterface = adapter_query_interface,
   .AddRef = adapter_add_ref,
   .Release = adapter_release,
   .GetDesc1 = adapter_get_desc1,
};

/* In the order of EnumAdapters1(): WARP comes last, as on Windows. */
enum { GPU, WARP, ADAPTER_COUNT };

static struct adapter adapters[] = {
   [GPU] = {
      .iface.lpVtbl = &adapter_methods,
      .desc = {
         .Description = L"D3D12 double's GPU",
         .AdapterLuid.LowPart = DOUBLE_GPU_LUID,
      },
   },
   [WARP] = {
      .iface.lpVtbl = &adapter_methods,
      .desc = {
         .Description = L"Microsoft Basic Render Driver",
         .AdapterLuid.LowPart = DOUBLE_WARP_LUID,
         .Flags = DXGI_ADAPTER_FLAG_SOFTWARE,
      },
   },
};

static HRESULT STDMETHODCALLTYPE
factory_query_interface(IDXGIFactory4 *iface, REFIID riid, void **out)
{
   *out = NULL;
   if (double_fails("factory4"))
      return E_NOINTERFACE;
   return double_query_interface((IUnknown *)iface, &IID_IDXGIFactory4, riid,
                                 out);
}

static ULONG STDMETHODCALLTYPE
factory_add_ref(IDXGIFactory4 *iface)
{
   return double_reference(&factory_references);
}

static ULONG STDMETHODCALLTYPE
factory_release(IDXGIFactory4 *iface)
{
   return double_unreference(&factory_references);
}

static HRESULT STDMETHODCALLTYPE
factory_enum_adapters1(IDXGIFactory4 *iface, UINT index, IDXGIAdapter1 **out)
{
   *out = NULL;
   if (index >= ADAPTER_COUNT)
      return DXGI_ERROR_NOT_FOUND;
   *out = &adapters[index].iface;
   IDXGIAdapter1_AddRef(*out);
   return S_OK;
}

static HRESULT STDMETHODCALLTYPE
factory_enum_warp_adapter(IDXGIFactory4 *iface, REFIID riid, void **out)
{
   *out = NULL;
   if (double_fails("warp"))
      return DXGI_ERROR_NOT_FOUND;
   return IDXGIAdapter1_QueryInterface(&adapters[WARP].iface, riid, out);
}

static const IDXGIFactory4Vtbl factory_methods = {
   .QueryInterface = factory_query_interface,
   .AddRef = factory_add_ref,
   .Release = factory_release,
   .EnumAdapters1 = factory_enum_adapters1,
   .EnumWarpAdapter = factory_enum_warp_adapter,
};

static IDXGIFactory4 factory = {&factory_methods};
static double_hook_fn on_factory;

void
double_on_factory(double_hook_fn hook)
{
   on_factory = hook;
}

HRESULT WINAPI
CreateDXGIFactory2(UINT flags, REFIID riid, void **out)
{
   *out = NULL;
   if (double_fails("factory"))
      return DXGI_ERROR_UNSUPPORTED;
   if (on_factory != NULL)
      on_factory();
   return IDXGIFactory4_QueryInterface(&factory, riid, out);
}

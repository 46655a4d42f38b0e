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

struct adapter {
   struct double_object base;
   DXGI_ADAPTER_DESC1 desc;
};

static HRESULT STDMETHODCALLTYPE
adapter_get_desc1(IDXGIAdapter1 *iface, DXGI_ADAPTER_DESC1 *desc)
{
   *desc = ((struct adapter *)iface)->desc;
   return S_OK;
}

static const IDXGIAdapter1Vtbl adapter_methods = {
   DOUBLE_UNKNOWN(IDXGIAdapter1),
   .GetDesc1 = adapter_get_desc1,
};

/* In the order of EnumAdapters1(): WARP comes last, as on Windows. */
enum { GPU, WARP, ADAPTER_COUNT };

static struct adapter adapters[] = {
   [GPU] = {
      .base = {&adapter_methods, .iid = &IID_IDXGIAdapter1},
      .desc.AdapterLuid.LowPart = DOUBLE_GPU_LUID,
   },
   [WARP] = {
      .base = {&adapter_methods, .iid = &IID_IDXGIAdapter1},
      .desc.AdapterLuid.LowPart = DOUBLE_WARP_LUID,
   },
};

static HRESULT STDMETHODCALLTYPE
factory_enum_adapters1(IDXGIFactory4 *iface, UINT index, IDXGIAdapter1 **out)
{
   *out = NULL;
   if (index >= ADAPTER_COUNT)
      return DXGI_ERROR_NOT_FOUND;
   return double_query_interface(&adapters[index].base, &IID_IDXGIAdapter1,
                                 (void **)out);
}

static HRESULT STDMETHODCALLTYPE
factory_enum_warp_adapter(IDXGIFactory4 *iface, REFIID riid, void **out)
{
   *out = NULL;
   if (double_fails("warp"))
      return DXGI_ERROR_NOT_FOUND;
   return double_query_interface(&adapters[WARP].base, riid, out);
}

static const IDXGIFactory4Vtbl factory_methods = {
   DOUBLE_UNKNOWN(IDXGIFactory4),
   .EnumAdapters1 = factory_enum_adapters1,
   .EnumWarpAdapter = factory_enum_warp_adapter,
};

/* Nothing tells one factory from another, so that one is enough. */
static struct double_object factory = {
   &factory_methods, .iid = &IID_IDXGIFactory4,
};
static double_hook_fn on_factory;

void
double_on_factory(double_hook_fn hook)
{
   on_factory = hook;
}

/* No step of its own for IDXGIFactory4, which came with Windows 10: the call
 * that asks for it is this one.
 */
HRESULT WINAPI
CreateDXGIFactory2(UINT flags, REFIID riid, void **out)
{
   *out = NULL;
   if (double_fails("factory"))
      return DXGI_ERROR_UNSUPPORTED;
   if (on_factory != NULL)
      on_factory();
   return double_query_interface(&factory, riid, out);
}

/* SPDX-License-Identifier: MIT */
#include "dxgi_stubs.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

struct adapter {
   IDXGIAdapter1 iface;
   volatile LONG references;
   unsigned index;
};

struct factory {
   IDXGIFactory4 iface;
   volatile LONG references;
};

/* In the order of EnumAdapters1(): WARP comes last, as on Windows. */
static const struct {
   const WCHAR *description;
   UINT vendor;
   UINT device;
   UINT luid;
   UINT flags;
} adapters[] = {
   {L"D3D12 double's GPU", 0x10de, 0x1234, DOUBLE_GPU_LUID, 0},
   {L"Microsoft Basic Render Driver", 0x1414, 0x8c, DOUBLE_WARP_LUID,
    DXGI_ADAPTER_FLAG_SOFTWARE},
};
#define ADAPTER_COUNT (sizeof(adapters) / sizeof(adapters[0]))
#define WARP (ADAPTER_COUNT - 1)

static struct adapter *
adapter_from(IDXGIAdapter1 *iface)
{
   return CONTAINING_RECORD(iface, struct adapter, iface);
}

static HRESULT STDMETHODCALLTYPE
adapter_query_interface(IDXGIAdapter1 *iface, REFIID riid, void **out)
{
   if (out == NULL)
      return E_POINTER;
   if (!IsEqualGUID(riid, &IID_IUnknown) &&
       !IsEqualGUID(riid, &IID_IDXGIObject) &&
       !IsEqualGUID(riid, &IID_IDXGIAdapter) &&
       !IsEqualGUID(riid, &IID_IDXGIAdapter1)) {
      *out = NULL;
      return E_NOINTERFACE;
   }
   IDXGIAdapter1_AddRef(iface);
   *out = iface;
   return S_OK;
}

static ULONG STDMETHODCALLTYPE
adapter_add_ref(IDXGIAdapter1 *iface)
{
   return (ULONG)InterlockedIncrement(&adapter_from(iface)->references);
}

static ULONG STDMETHODCALLTYPE
adapter_release(IDXGIAdapter1 *iface)
{
   struct adapter *adapter = adapter_from(iface);
   const LONG left = InterlockedDecrement(&adapter->references);

   if (left < 0)
      double_abort("an adapter was released too often");
   if (left == 0) {
      free(adapter);
      double_object_destroyed();
   }
   return (ULONG)left;
}

static HRESULT STDMETHODCALLTYPE
adapter_get_desc1(IDXGIAdapter1 *iface, DXGI_ADAPTER_DESC1 *desc)
{
   const unsigned index = adapter_from(iface)->index;

   if (desc == NULL)
      return E_INVALIDARG;
   memset(desc, 0, sizeof(*desc));
   wcscpy(desc->Description, adapters[index].description);
   desc->VendorId = adapters[index].vendor;
   desc->DeviceId = adapters[index].device;
   desc->AdapterLuid.LowPart = adapters[index].luid;
   desc->Flags = adapters[index].flags;
   return S_OK;
}

static HRESULT STDMETHODCALLTYPE
adapter_get_desc(IDXGIAdapter1 *iface, DXGI_ADAPTER_DESC *desc)
{
   DXGI_ADAPTER_DESC1 desc1;

   if (desc == NULL)
      return E_INVALIDARG;
   adapter_get_desc1(iface, &desc1);
   memset(desc, 0, sizeof(*desc));
   wcscpy(desc->Description, desc1.Description);
   desc->VendorId = desc1.VendorId;
   desc->DeviceId = desc1.DeviceId;
   desc->AdapterLuid = desc1.AdapterLuid;
   return S_OK;
}

static const IDXGIAdapter1Vtbl adapter_methods = {
   .QueryInterface = adapter_query_interface,
   .AddRef = adapter_add_ref,
   .Release = adapter_release,
   .GetDesc = adapter_get_desc,
   .GetDesc1 = adapter_get_desc1,
   ADAPTER_STUBS,
};

static HRESULT
create_adapter(unsigned index, REFIID riid, void **out)
{
   struct adapter *adapter = calloc(1, sizeof(*adapter));
   HRESULT result;

   if (adapter == NULL)
      return E_OUTOFMEMORY;
   adapter->iface.lpVtbl = &adapter_methods;
   adapter->references = 1;
   adapter->index = index;
   double_object_created();

   result = IDXGIAdapter1_QueryInterface(&adapter->iface, riid, out);
   IDXGIAdapter1_Release(&adapter->iface);
   return result;
}

static struct factory *
factory_from(IDXGIFactory4 *iface)
{
   return CONTAINING_RECORD(iface, struct factory, iface);
}

static HRESULT STDMETHODCALLTYPE
factory_query_interface(IDXGIFactory4 *iface, REFIID riid, void **out)
{
   const bool is_new = IsEqualGUID(riid, &IID_IDXGIFactory4);

   if (out == NULL)
      return E_POINTER;
   if ((!IsEqualGUID(riid, &IID_IUnknown) &&
        !IsEqualGUID(riid, &IID_IDXGIObject) &&
        !IsEqualGUID(riid, &IID_IDXGIFactory) &&
        !IsEqualGUID(riid, &IID_IDXGIFactory1) &&
        !IsEqualGUID(riid, &IID_IDXGIFactory2) &&
        !IsEqualGUID(riid, &IID_IDXGIFactory3) && !is_new) ||
       (is_new && double_fails("factory4"))) {
      *out = NULL;
      return E_NOINTERFACE;
   }
   IDXGIFactory4_AddRef(iface);
   *out = iface;
   return S_OK;
}

static ULONG STDMETHODCALLTYPE
factory_add_ref(IDXGIFactory4 *iface)
{
   return (ULONG)InterlockedIncrement(&factory_from(iface)->references);
}

static ULONG STDMETHODCALLTYPE
factory_release(IDXGIFactory4 *iface)
{
   struct factory *factory = factory_from(iface);
   const LONG left = InterlockedDecrement(&factory->references);

   if (left < 0)
      double_abort("a factory was released too often");
   if (left == 0) {
      free(factory);
      double_object_destroyed();
   }
   return (ULONG)left;
}

static HRESULT STDMETHODCALLTYPE
factory_enum_adapters1(IDXGIFactory4 *iface, UINT index, IDXGIAdapter1 **out)
{
   if (out == NULL)
      return DXGI_ERROR_INVALID_CALL;
   *out = NULL;
   if (index >= ADAPTER_COUNT)
      return DXGI_ERROR_NOT_FOUND;
   return create_adapter(index, &IID_IDXGIAdapter1, (void **)out);
}

static HRESULT STDMETHODCALLTYPE
factory_enum_adapter_by_luid(IDXGIFactory4 *iface, LUID luid, REFIID riid,
                             void **out)
{
   if (out == NULL)
      return DXGI_ERROR_INVALID_CALL;
   *out = NULL;
   for (unsigned i = 0; i < ADAPTER_COUNT && !double_fails("luid"); i++) {
      if (luid.HighPart == 0 && luid.LowPart == adapters[i].luid)
         return create_adapter(i, riid, out);
   }
   return DXGI_ERROR_NOT_FOUND;
}

static HRESULT STDMETHODCALLTYPE
factory_enum_warp_adapter(IDXGIFactory4 *iface, REFIID riid, void **out)
{
   if (out == NULL)
      return DXGI_ERROR_INVALID_CALL;
   *out = NULL;
   if (double_fails("warp"))
      return DXGI_ERROR_NOT_FOUND;
   return create_adapter(WARP, riid, out);
}

static const IDXGIFactory4Vtbl factory_methods = {
   .QueryInterface = factory_query_interface,
   .AddRef = factory_add_ref,
   .Release = factory_release,
   .EnumAdapters1 = factory_enum_adapters1,
   .EnumAdapterByLuid = factory_enum_adapter_by_luid,
   .EnumWarpAdapter = factory_enum_warp_adapter,
   FACTORY_STUBS,
};

static double_hook_fn on_factory;

void
double_on_factory(double_hook_fn hook)
{
   on_factory = hook;
}

HRESULT WINAPI
CreateDXGIFactory2(UINT flags, REFIID riid, void **out)
{
   struct factory *factory;
   HRESULT result;

   if (out == NULL)
      return DXGI_ERROR_INVALID_CALL;
   *out = NULL;
   if (double_fails("factory"))
      return DXGI_ERROR_UNSUPPORTED;
   if (on_factory != NULL)
      on_factory();

   factory = calloc(1, sizeof(*factory));
   if (factory == NULL)
      return E_OUTOFMEMORY;
   factory->iface.lpVtbl = &factory_methods;
   factory->references = 1;
   double_object_created();

   result = IDXGIFactory4_QueryInterface(&factory->iface, riid, out);
   IDXGIFactory4_Release(&factory->iface);
   return result;
}

HRESULT WINAPI
CreateDXGIFactory1(REFIID riid, void **out)
{
   return CreateDXGIFactory2(0, riid, out);
}

HRESULT WINAPI
CreateDXGIFactory(REFIID riid, void **out)
{
   return CreateDXGIFactory2(0, riid, out);
}

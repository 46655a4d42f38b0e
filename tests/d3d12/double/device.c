/* SPDX-License-Identifier: MIT */
#include "device.h"

#include <wchar.h>

#include <dxgi1_4.h>

SRWLOCK double_devices_lock = SRWLOCK_INIT;

static struct double_device *
device_from(ID3D12Device *iface)
{
   return CONTAINING_RECORD(iface, struct double_device, iface);
}

bool
double_device_is_removed(struct double_device *device)
{
   return FAILED(InterlockedCompareExchange(&device->removed_reason, 0, 0));
}

static HRESULT STDMETHODCALLTYPE
device_query_interface(ID3D12Device *iface, REFIID riid, void **out)
{
   return double_query_interface((IUnknown *)iface, &IID_ID3D12Device, riid,
                                 out);
}

static ULONG STDMETHODCALLTYPE
device_add_ref(ID3D12Device *iface)
{
   return double_reference(&device_from(iface)->references);
}

static ULONG STDMETHODCALLTYPE
device_release(ID3D12Device *iface)
{
   return double_unreference(&device_from(iface)->references);
}

/* A fence is for other adapters only if it is for other processes at all. The
 * double has none that are not monitored.
 */
static bool
are_fence_flags(UINT flags)
{
   return !(flags & ~(UINT)(D3D12_FENCE_FLAG_SHARED |
                            D3D12_FENCE_FLAG_SHARED_CROSS_ADAPTER)) &&
          flags != D3D12_FENCE_FLAG_SHARED_CROSS_ADAPTER;
}

static HRESULT STDMETHODCALLTYPE
device_create_fence(ID3D12Device *iface, UINT64 value, D3D12_FENCE_FLAGS flags,
                    REFIID riid, void **out)
{
   struct double_device *device = device_from(iface);
   struct kfence kernel;
   HRESULT result;

   if (out == NULL || !are_fence_flags(flags))
      return E_INVALIDARG;
   *out = NULL;
   if (double_fails("fence"))
      return E_OUTOFMEMORY;
   if (double_device_is_removed(device))
      return DXGI_ERROR_DEVICE_REMOVED;

   result = kfence_create(value, flags, device->luid, &kernel);
   if (FAILED(result))
      return result;
   return double_fence_create(device, &kernel, riid, out);
}

/* "DXGI_ERROR_INVALID_CALL if one of the parameters is invalid" is what the
 * documentation says of this one.
 */
static HRESULT STDMETHODCALLTYPE
device_create_shared_handle(ID3D12Device *iface, ID3D12DeviceChild *object,
                            const SECURITY_ATTRIBUTES *attributes,
                            DWORD access, const WCHAR *name, HANDLE *handle)
{
   struct double_device *device = device_from(iface);
   struct double_fence *fence = double_fence_from(object);

   if (handle == NULL || access != GENERIC_ALL ||
       (name != NULL && wcslen(name) > MAX_PATH))
      return DXGI_ERROR_INVALID_CALL;
   *handle = NULL;
   if (fence == NULL || fence->device != device ||
       !(fence->kernel.layout->flags & D3D12_FENCE_FLAG_SHARED))
      return E_INVALIDARG;
   if (double_fails("share"))
      return E_OUTOFMEMORY;
   if (double_device_is_removed(device))
      return DXGI_ERROR_DEVICE_REMOVED;
   return kfence_share(&fence->kernel, attributes, name, handle);
}

static HRESULT STDMETHODCALLTYPE
device_open_shared_handle(ID3D12Device *iface, HANDLE handle, REFIID riid,
                          void **out)
{
   struct double_device *device = device_from(iface);
   struct kfence kernel;
   HRESULT result;

   *out = NULL;
   if (double_fails("open"))
      return E_INVALIDARG;
   if (double_device_is_removed(device))
      return DXGI_ERROR_DEVICE_REMOVED;

   result = kfence_open(handle, &kernel);
   if (FAILED(result))
      return result;
   if (kernel.layout->luid != device->luid &&
       !(kernel.layout->flags & D3D12_FENCE_FLAG_SHARED_CROSS_ADAPTER)) {
      kfence_close(&kernel);
      return E_INVALIDARG;
   }
   return double_fence_create(device, &kernel, riid, out);
}

/* Which error it is for a name that nobody has is not documented. */
static HRESULT STDMETHODCALLTYPE
device_open_shared_handle_by_name(ID3D12Device *iface, const WCHAR *name,
                                  DWORD access, HANDLE *handle)
{
   *handle = NULL;
   if (name == NULL || access != GENERIC_ALL || double_fails("name"))
      return E_INVALIDARG;
   if (double_device_is_removed(device_from(iface)))
      return DXGI_ERROR_DEVICE_REMOVED;
   return kfence_open_name(name, handle);
}

static HRESULT STDMETHODCALLTYPE
device_get_removed_reason(ID3D12Device *iface)
{
   return InterlockedCompareExchange(&device_from(iface)->removed_reason, 0,
                                     0);
}

static const ID3D12DeviceVtbl device_methods = {
   .QueryInterface = device_query_interface,
   .AddRef = device_add_ref,
   .Release = device_release,
   .CreateFence = device_create_fence,
   .CreateSharedHandle = device_create_shared_handle,
   .OpenSharedHandle = device_open_shared_handle,
   .OpenSharedHandleByName = device_open_shared_handle_by_name,
   .GetDeviceRemovedReason = device_get_removed_reason,
};

static struct double_device devices[] = {
   {.iface.lpVtbl = &device_methods, .luid = DOUBLE_GPU_LUID},
   {.iface.lpVtbl = &device_methods, .luid = DOUBLE_WARP_LUID},
};

/* Without an adapter it is the first one that is enumerated. */
static struct double_device *
device_of(IUnknown *unknown)
{
   IDXGIAdapter1 *adapter;
   DXGI_ADAPTER_DESC1 desc;

   if (unknown == NULL)
      return &devices[0];
   if (FAILED(IUnknown_QueryInterface(unknown, &IID_IDXGIAdapter1,
                                      (void **)&adapter)))
      return NULL;
   IDXGIAdapter1_GetDesc1(adapter, &desc);
   IDXGIAdapter1_Release(adapter);

   return &devices[desc.AdapterLuid.LowPart == DOUBLE_WARP_LUID];
}

/* The process gets another device for the adapter when all that is left of the
 * removed one is released.
 */
static HRESULT
open_device(struct double_device *device)
{
   HRESULT result = S_OK;

   AcquireSRWLockExclusive(&double_devices_lock);
   if (double_reference(&device->references) == 1)
      InterlockedExchange(&device->removed_reason, S_OK);
   if (double_device_is_removed(device)) {
      double_unreference(&device->references);
      result = DXGI_ERROR_DEVICE_REMOVED;
   }
   ReleaseSRWLockExclusive(&double_devices_lock);
   return result;
}

HRESULT WINAPI
D3D12CreateDevice(IUnknown *adapter, D3D_FEATURE_LEVEL level, REFIID riid,
                  void **out)
{
   struct double_device *device = device_of(adapter);
   HRESULT result;

   *out = NULL;
   if (double_fails("device"))
      return DXGI_ERROR_UNSUPPORTED;
   if (device == NULL || level < D3D_FEATURE_LEVEL_11_0)
      return E_INVALIDARG;

   result = open_device(device);
   if (FAILED(result))
      return result;
   result = ID3D12Device_QueryInterface(&device->iface, riid, out);
   ID3D12Device_Release(&device->iface);
   return result;
}

void
double_remove_device(ID3D12Device *iface, enum double_removal removal)
{
   struct double_device *device = device_from(iface);

   AcquireSRWLockExclusive(&double_devices_lock);
   InterlockedExchange(&device->removed_reason, DXGI_ERROR_DEVICE_HUNG);
   for (struct double_fence *fence = device->fences; fence != NULL;
        fence = fence->next)
      double_fence_remove(fence, removal);
   ReleaseSRWLockExclusive(&double_devices_lock);
}

HRESULT
double_create_d3d11_fence_handle(UINT64 value, HANDLE *handle)
{
   struct kfence kernel;
   HRESULT result = kfence_create(value, D3D12_FENCE_FLAG_SHARED,
                                  DOUBLE_WARP_LUID, &kernel);

   if (FAILED(result))
      return result;
   result = kfence_share(&kernel, NULL, NULL, handle);
   kfence_close(&kernel);
   return result;
}

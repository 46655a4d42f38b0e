/* SPDX-License-Identifier: MIT */
#include "device_stubs.h"

#include <stdlib.h>
#include <wchar.h>

#define COBJMACROS
#include <dxgi1_4.h>

/* Not in all headers */
#define FENCE_FLAG_NON_MONITORED 0x4

static SRWLOCK devices_lock = SRWLOCK_INIT;
static struct double_device *devices;

void
double_devices_lock(void)
{
   AcquireSRWLockExclusive(&devices_lock);
}

void
double_devices_unlock(void)
{
   ReleaseSRWLockExclusive(&devices_lock);
}

static struct double_device *
device_from(ID3D12Device *iface)
{
   return CONTAINING_RECORD(iface, struct double_device, iface);
}

void
double_device_reference(struct double_device *device)
{
   InterlockedIncrement(&device->references);
}

bool
double_device_is_removed(struct double_device *device)
{
   return FAILED(InterlockedCompareExchange(&device->removed_reason, 0, 0));
}

static HRESULT STDMETHODCALLTYPE
device_query_interface(ID3D12Device *iface, REFIID riid, void **out)
{
   if (out == NULL)
      return E_POINTER;
   if (!IsEqualGUID(riid, &IID_IUnknown) &&
       !IsEqualGUID(riid, &IID_ID3D12Object) &&
       !IsEqualGUID(riid, &IID_ID3D12Device)) {
      *out = NULL;
      return E_NOINTERFACE;
   }
   double_device_reference(device_from(iface));
   *out = iface;
   return S_OK;
}

static ULONG STDMETHODCALLTYPE
device_add_ref(ID3D12Device *iface)
{
   return (ULONG)InterlockedIncrement(&device_from(iface)->references);
}

/* Under the lock, so that nobody is given a device whose last reference goes
 */
static ULONG STDMETHODCALLTYPE
device_release(ID3D12Device *iface)
{
   struct double_device *device = device_from(iface), **link = &devices;
   LONG left;

   double_devices_lock();
   left = InterlockedDecrement(&device->references);
   if (left < 0)
      double_abort("a device was released too often");
   if (left == 0) {
      while (*link != device)
         link = &(*link)->next;
      *link = device->next;
      free(device);
      double_object_destroyed();
   }
   double_devices_unlock();
   return (ULONG)left;
}

/* A fence is for other adapters only if it is for other processes at all. */
static bool
are_fence_flags(UINT flags)
{
   return !(flags & ~(UINT)(D3D12_FENCE_FLAG_SHARED |
                            D3D12_FENCE_FLAG_SHARED_CROSS_ADAPTER |
                            FENCE_FLAG_NON_MONITORED)) &&
          (!(flags & D3D12_FENCE_FLAG_SHARED_CROSS_ADAPTER) ||
           flags & D3D12_FENCE_FLAG_SHARED);
}

static UINT64
adapter_number(LUID adapter)
{
   return (UINT64)(UINT32)adapter.HighPart << 32 | adapter.LowPart;
}

static HRESULT STDMETHODCALLTYPE
device_create_fence(ID3D12Device *iface, UINT64 value, D3D12_FENCE_FLAGS flags,
                    REFIID riid, void **out)
{
   struct double_device *device = device_from(iface);
   struct kfence kernel;
   UINT32 kernel_flags = 0;
   HRESULT result;

   if (out == NULL || !are_fence_flags(flags))
      return E_INVALIDARG;
   *out = NULL;
   if (double_fails("fence"))
      return E_OUTOFMEMORY;
   if (double_device_is_removed(device))
      return DXGI_ERROR_DEVICE_REMOVED;
   if (flags & FENCE_FLAG_NON_MONITORED) {
      double_unimplemented("D3D12_FENCE_FLAG_NON_MONITORED");
      return E_NOTIMPL;
   }

   if (flags & D3D12_FENCE_FLAG_SHARED)
      kernel_flags |= KFENCE_SHARED;
   if (flags & D3D12_FENCE_FLAG_SHARED_CROSS_ADAPTER)
      kernel_flags |= KFENCE_CROSS_ADAPTER;
   result = kfence_create(value, kernel_flags, adapter_number(device->adapter),
                          &kernel);
   if (FAILED(result))
      return result;
   return double_fence_create(device, &kernel, riid, out);
}

/* "DXGI_ERROR_INVALID_CALL if one of the parameters is invalid" is what the
 * documentation says of this one.
 */
static HRESULT
check_share(DWORD access, const WCHAR *name, HANDLE *handle)
{
   if (handle == NULL || access != GENERIC_ALL ||
       (name != NULL && wcslen(name) > MAX_PATH))
      return DXGI_ERROR_INVALID_CALL;
   return S_OK;
}

static HRESULT STDMETHODCALLTYPE
device_create_shared_handle(ID3D12Device *iface, ID3D12DeviceChild *object,
                            const SECURITY_ATTRIBUTES *attributes,
                            DWORD access, const WCHAR *name, HANDLE *handle)
{
   struct double_device *device = device_from(iface);
   struct double_fence *fence = double_fence_from(object);
   HRESULT result = check_share(access, name, handle);

   if (FAILED(result))
      return result;
   *handle = NULL;
   if (fence == NULL || fence->device != device ||
       !(kfence_flags(&fence->kernel) & KFENCE_SHARED))
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

   if (out != NULL)
      *out = NULL;
   if (double_fails("open"))
      return E_INVALIDARG;
   if (double_device_is_removed(device))
      return DXGI_ERROR_DEVICE_REMOVED;

   result = kfence_open(handle, &kernel);
   if (FAILED(result))
      return result;
   if (!(kfence_flags(&kernel) & KFENCE_CROSS_ADAPTER) &&
       kfence_adapter(&kernel) != adapter_number(device->adapter)) {
      kfence_close(&kernel);
      return E_INVALIDARG;
   }
   if (out == NULL) {
      kfence_close(&kernel);
      return S_FALSE;
   }
   return double_fence_create(device, &kernel, riid, out);
}

/* Which error it is for a name that nobody has is not documented. */
static HRESULT STDMETHODCALLTYPE
device_open_shared_handle_by_name(ID3D12Device *iface, const WCHAR *name,
                                  DWORD access, HANDLE *handle)
{
   if (handle == NULL)
      return E_INVALIDARG;
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

static LUID *STDMETHODCALLTYPE
device_get_adapter_luid(ID3D12Device *iface, LUID *luid)
{
   *luid = device_from(iface)->adapter;
   return luid;
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
   .GetAdapterLuid = device_get_adapter_luid,
   DEVICE_STUBS,
};

/* Without an adapter it is the first one that is enumerated. */
static HRESULT
adapter_luid(IUnknown *unknown, LUID *luid)
{
   DXGI_ADAPTER_DESC desc;
   IDXGIAdapter *adapter;
   HRESULT result;

   *luid = (LUID){.LowPart = DOUBLE_GPU_LUID};
   if (unknown == NULL)
      return S_OK;

   if (FAILED(IUnknown_QueryInterface(unknown, &IID_IDXGIAdapter,
                                      (void **)&adapter)))
      return E_INVALIDARG;
   result = IDXGIAdapter_GetDesc(adapter, &desc);
   IDXGIAdapter_Release(adapter);
   if (FAILED(result))
      return result;

   *luid = desc.AdapterLuid;
   if (luid->HighPart != 0 || (luid->LowPart != DOUBLE_GPU_LUID &&
                               luid->LowPart != DOUBLE_WARP_LUID))
      return DXGI_ERROR_UNSUPPORTED;
   return S_OK;
}

static struct double_device *
device_new(LUID luid)
{
   struct double_device *device = calloc(1, sizeof(*device));

   if (device == NULL)
      return NULL;
   device->iface.lpVtbl = &device_methods;
   device->references = 1;
   device->adapter = luid;
   device->next = devices;
   devices = device;
   double_object_created();
   return device;
}

/* The device that the process has for this adapter, or else a new one */
static HRESULT
get_device(LUID luid, struct double_device **out)
{
   struct double_device *device;
   HRESULT result = S_OK;

   double_devices_lock();
   for (device = devices; device != NULL; device = device->next) {
      if (device->adapter.LowPart == luid.LowPart)
         break;
   }
   if (device == NULL) {
      device = device_new(luid);
      result = device != NULL ? S_OK : E_OUTOFMEMORY;
   } else if (double_device_is_removed(device)) {
      result = DXGI_ERROR_DEVICE_REMOVED;
   } else {
      double_device_reference(device);
   }
   double_devices_unlock();

   *out = device;
   return result;
}

HRESULT WINAPI
D3D12CreateDevice(IUnknown *adapter, D3D_FEATURE_LEVEL level, REFIID riid,
                  void **out)
{
   struct double_device *device;
   LUID luid;
   HRESULT result;

   if (out != NULL)
      *out = NULL;
   if (double_fails("device"))
      return DXGI_ERROR_UNSUPPORTED;
   if (level < D3D_FEATURE_LEVEL_11_0)
      return E_INVALIDARG;

   result = adapter_luid(adapter, &luid);
   if (SUCCEEDED(result))
      result = get_device(luid, &device);
   if (FAILED(result))
      return result;

   result = out != NULL
               ? ID3D12Device_QueryInterface(&device->iface, riid, out)
               : S_FALSE;
   ID3D12Device_Release(&device->iface);
   return result;
}

HRESULT
double_remove_device(ID3D12Device *iface, HRESULT reason,
                     enum double_removal removal)
{
   struct double_device *device = device_from(iface);
   HRESULT result = S_OK;

   if (SUCCEEDED(reason))
      return E_INVALIDARG;

   double_devices_lock();
   if (InterlockedCompareExchange(&device->removed_reason, reason, S_OK) !=
       S_OK)
      result = S_FALSE;
   for (struct double_fence *fence = device->fences;
        fence != NULL && result == S_OK; fence = fence->next)
      double_fence_remove(fence, removal);
   double_devices_unlock();
   return result;
}

HRESULT
double_create_d3d11_fence_handle(const LUID *adapter, UINT64 value,
                                 BOOL cross_adapter,
                                 const SECURITY_ATTRIBUTES *attributes,
                                 DWORD access, const WCHAR *name,
                                 HANDLE *handle)
{
   struct kfence kernel;
   HRESULT result = check_share(access, name, handle);

   if (SUCCEEDED(result))
      result = kfence_create(value,
                             KFENCE_SHARED |
                             (cross_adapter ? KFENCE_CROSS_ADAPTER : 0),
                             adapter_number(*adapter), &kernel);
   if (FAILED(result))
      return result;
   result = kfence_share(&kernel, attributes, name, handle);
   kfence_close(&kernel);
   return result;
}

/* SPDX-License-Identifier: MIT */
#include "device.h"

#include <dxgi1_4.h>

#include "abi.h"

ABI_D3D12;

static volatile LONG references, removed_reason;
static double_hook_fn on_removed_reason;

bool
double_device_is_removed(void)
{
   return FAILED(InterlockedCompareExchange(&removed_reason, 0, 0));
}

void
double_on_removed_reason(double_hook_fn hook)
{
   on_removed_reason = hook;
}

static HRESULT STDMETHODCALLTYPE
device_get_removed_reason(ID3D12Device *iface)
{
   const double_hook_fn hook = on_removed_reason;

   on_removed_reason = NULL;
   if (hook != NULL)
      hook();
   return InterlockedCompareExchange(&removed_reason, 0, 0);
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
   return double_reference(&references);
}

static ULONG STDMETHODCALLTYPE
device_release(ID3D12Device *iface)
{
   return double_unreference(&references);
}

static HRESULT STDMETHODCALLTYPE
device_create_fence(ID3D12Device *iface, UINT64 value, D3D12_FENCE_FLAGS flags,
                    REFIID riid, void **out)
{
   struct kfence kernel;
   HRESULT result;

   *out = NULL;
   if (double_fails("fence"))
      return E_OUTOFMEMORY;
   if (double_device_is_removed())
      return DXGI_ERROR_DEVICE_REMOVED;

   result = kfence_create(value, flags, &kernel);
   if (FAILED(result))
      return result;
   return double_fence_create(&kernel, riid, out);
}

/* "DXGI_ERROR_INVALID_CALL if one of the parameters is invalid" is what the
 * documentation says of this one. GENERIC_ALL is the only access that it has.
 */
static HRESULT STDMETHODCALLTYPE
device_create_shared_handle(ID3D12Device *iface, ID3D12DeviceChild *object,
                            const SECURITY_ATTRIBUTES *attributes,
                            DWORD access, const WCHAR *name, HANDLE *handle)
{
   struct double_fence *fence = double_fence_from(object);

   *handle = NULL;
   if (access != GENERIC_ALL)
      return DXGI_ERROR_INVALID_CALL;
   if (fence == NULL ||
       !(fence->kernel.layout->flags & D3D12_FENCE_FLAG_SHARED))
      return E_INVALIDARG;
   if (double_fails("share"))
      return E_OUTOFMEMORY;
   if (double_device_is_removed())
      return DXGI_ERROR_DEVICE_REMOVED;
   return kfence_share(&fence->kernel, attributes, name, handle);
}

static HRESULT STDMETHODCALLTYPE
device_open_shared_handle(ID3D12Device *iface, HANDLE handle, REFIID riid,
                          void **out)
{
   struct kfence kernel;
   HRESULT result;

   *out = NULL;
   if (double_fails("open"))
      return E_INVALIDARG;
   if (double_device_is_removed())
      return DXGI_ERROR_DEVICE_REMOVED;

   result = kfence_open(handle, &kernel);
   if (FAILED(result))
      return result;
   return double_fence_create(&kernel, riid, out);
}

/* Which error it is for a name that nobody has is not documented. */
static HRESULT STDMETHODCALLTYPE
device_open_shared_handle_by_name(ID3D12Device *iface, const WCHAR *name,
                                  DWORD access, HANDLE *handle)
{
   *handle = NULL;
   if (name == NULL || access != GENERIC_ALL || double_fails("name"))
      return E_INVALIDARG;
   if (double_device_is_removed())
      return DXGI_ERROR_DEVICE_REMOVED;
   return kfence_open_name(name, handle);
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

ID3D12Device double_device = {&device_methods};

/* Another adapter than the one asked for would be a mistake, so that NULL is
 * refused, which stands for the first one.
 *
 * The process gets another device when all that is left of the removed one is
 * released.
 */
HRESULT WINAPI
D3D12CreateDevice(IUnknown *adapter, D3D_FEATURE_LEVEL level, REFIID riid,
                  void **out)
{
   static SRWLOCK lock = SRWLOCK_INIT;
   HRESULT result = DXGI_ERROR_DEVICE_REMOVED;

   *out = NULL;
   if (double_fails("device"))
      return DXGI_ERROR_UNSUPPORTED;
   if (adapter == NULL || level < D3D_FEATURE_LEVEL_11_0)
      return E_INVALIDARG;

   AcquireSRWLockExclusive(&lock);
   if (device_add_ref(&double_device) == 1)
      InterlockedExchange(&removed_reason, S_OK);
   if (!double_device_is_removed())
      result = device_query_interface(&double_device, riid, out);
   device_release(&double_device);
   ReleaseSRWLockExclusive(&lock);
   return result;
}

void
double_remove_device(ID3D12Device *iface, enum double_removal removal)
{
   AcquireSRWLockExclusive(&double_fences_lock);
   InterlockedExchange(&removed_reason, DXGI_ERROR_DEVICE_HUNG);
   for (struct double_fence *fence = double_fences; fence != NULL;
        fence = fence->next)
      double_fence_remove(fence, removal);
   ReleaseSRWLockExclusive(&double_fences_lock);
}

/* SPDX-License-Identifier: MIT */
#include "device.h"

#include <stdlib.h>

SRWLOCK double_fences_lock = SRWLOCK_INIT;
struct double_fence *double_fences;

static struct double_fence *
fence_from(ID3D12Fence *iface)
{
   return CONTAINING_RECORD(iface, struct double_fence, iface);
}

static HRESULT STDMETHODCALLTYPE
fence_query_interface(ID3D12Fence *iface, REFIID riid, void **out)
{
   return double_query_interface((IUnknown *)iface, &IID_ID3D12Fence, riid,
                                 out);
}

static ULONG STDMETHODCALLTYPE
fence_add_ref(ID3D12Fence *iface)
{
   return double_reference(&fence_from(iface)->references);
}

/* Nothing is documented about events that are pending when the last reference
 * goes. Here they stay unset for good, so that a wait for one is found out.
 */
static void
fence_destroy(struct double_fence *fence)
{
   struct double_fence **link = &double_fences;

   AcquireSRWLockExclusive(&double_fences_lock);
   while (*link != fence)
      link = &(*link)->next;
   *link = fence->next;
   ReleaseSRWLockExclusive(&double_fences_lock);

   kfence_lock(&fence->kernel);
   kfence_drop_events(&fence->kernel, fence->id, false);
   kfence_unlock(&fence->kernel);
   kfence_close(&fence->kernel);
   ID3D12Device_Release(&double_device);
   free(fence);
}

static ULONG STDMETHODCALLTYPE
fence_release(ID3D12Fence *iface)
{
   struct double_fence *fence = fence_from(iface);
   const ULONG left = double_unreference(&fence->references);

   if (left == 0)
      fence_destroy(fence);
   return left;
}

static UINT64 STDMETHODCALLTYPE
fence_get_completed_value(ID3D12Fence *iface)
{
   struct double_fence *fence = fence_from(iface);

   if (double_device_is_removed())
      return UINT64_MAX;
   return kfence_value(&fence->kernel);
}

/* Whether the device is removed is asked under the lock: then either we see
 * it, or who removes it sees our event. No NULL event: nobody blocks in here.
 */
static HRESULT STDMETHODCALLTYPE
fence_set_event_on_completion(ID3D12Fence *iface, UINT64 value, HANDLE event)
{
   struct double_fence *fence = fence_from(iface);
   HRESULT result;

   if (double_fails("event"))
      return E_OUTOFMEMORY;

   kfence_lock(&fence->kernel);
   if (double_device_is_removed())
      result = SetEvent(event) ? S_OK : E_INVALIDARG;
   else
      result = kfence_set_event(&fence->kernel, fence->id, value, event);
   kfence_unlock(&fence->kernel);
   return result;
}

static HRESULT STDMETHODCALLTYPE
fence_signal(ID3D12Fence *iface, UINT64 value)
{
   struct double_fence *fence = fence_from(iface);
   HRESULT result = S_OK;

   if (double_fails("signal"))
      return E_OUTOFMEMORY;

   kfence_lock(&fence->kernel);
   if (double_device_is_removed())
      result = DXGI_ERROR_DEVICE_REMOVED;
   else
      kfence_signal(&fence->kernel, value);
   kfence_unlock(&fence->kernel);
   return result;
}

static const ID3D12FenceVtbl fence_methods = {
   .QueryInterface = fence_query_interface,
   .AddRef = fence_add_ref,
   .Release = fence_release,
   .GetCompletedValue = fence_get_completed_value,
   .SetEventOnCompletion = fence_set_event_on_completion,
   .Signal = fence_signal,
};

struct double_fence *
double_fence_from(ID3D12DeviceChild *object)
{
   ID3D12Fence *iface = (ID3D12Fence *)object;

   if (iface == NULL || iface->lpVtbl != &fence_methods)
      return NULL;
   return fence_from(iface);
}

void
double_fence_remove(struct double_fence *fence, enum double_removal removal)
{
   kfence_lock(&fence->kernel);
   if (removal == DOUBLE_REMOVAL_FOR_ALL)
      kfence_signal(&fence->kernel, UINT64_MAX);
   else
      kfence_drop_events(&fence->kernel, fence->id, true);
   kfence_unlock(&fence->kernel);
}

HRESULT
double_fence_create(struct kfence *kernel, REFIID riid, void **out)
{
   static volatile LONG64 ids;
   struct double_fence *fence = calloc(1, sizeof(*fence));
   HRESULT result;

   if (fence == NULL) {
      kfence_close(kernel);
      return E_OUTOFMEMORY;
   }
   fence->iface.lpVtbl = &fence_methods;
   fence->kernel = *kernel;
   fence->id = (UINT64)InterlockedIncrement64(&ids);
   ID3D12Fence_AddRef(&fence->iface);
   ID3D12Device_AddRef(&double_device);

   AcquireSRWLockExclusive(&double_fences_lock);
   fence->next = double_fences;
   double_fences = fence;
   ReleaseSRWLockExclusive(&double_fences_lock);

   result = ID3D12Fence_QueryInterface(&fence->iface, riid, out);
   ID3D12Fence_Release(&fence->iface);
   return result;
}

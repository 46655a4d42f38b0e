/* SPDX-License-Identifier: MIT */
#include "common.h"

#include <d3d12.h>
#include <dxgi1_4.h>
#include <stdint.h>
#include <stdlib.h>
#include <wchar.h>

#include "abi.h"

ABI_D3D12;

enum event_state {
   EVENT_FREE,
   EVENT_PENDING,
   /* Its process has yet to close the handle. */
   EVENT_SET,
};

/* A handle of the process that waits. Whoever signals duplicates it from there
 * and sets it, before the signal returns: no thread of the waiting process has
 * a part in it.
 */
struct event {
   volatile LONG state;
   /* Not used again for another one: tests keep their children's handles. */
   DWORD process;
   /* Tells its events from those of other fences for the same */
   const struct fence *owner;
   UINT64 value;
   HANDLE handle;
};

/* What Windows' kernel keeps of a fence: a section, mapped by every process
 * that has the fence open. Its handle is the shared handle, which keeps it
 * alive. A name ends with the last handle, whatever becomes of the fence: so it
 * is with the objects that D3DKMTShareObjects makes.
 */
struct section {
   UINT64 magic;
   volatile LONG64 value;
   bool may_be_shared;
   /* Who has made it, which is unique on this machine */
   DWORD process;
   LONG serial;
   struct event events[DOUBLE_MAX_EVENTS];
};

/* Nothing for the eye to take for a payload of the driver's */
#define MAGIC UINT64_C(0x656c62756f443244) /* D2Double */

struct fence {
   struct double_object base;
   struct section *section;
   HANDLE mutex;
   struct fence *next;
};

/* All of them, to be removed along with the device */
static SRWLOCK fences_lock = SRWLOCK_INIT;
static struct fence *fences;

/* One for each adapter and process, as documented of D3D12CreateDevice. No
 * process here uses more than one adapter.
 */
static struct double_object device;
static volatile LONG removed_reason;
static double_hook_fn on_removed_reason;

/* What fails once the device is removed begins with this. */
static HRESULT
begin(const char *step)
{
   if (double_fails(step))
      return E_OUTOFMEMORY;
   return FAILED(removed_reason) ? DXGI_ERROR_DEVICE_REMOVED : S_OK;
}

/* Lets in who has it already. */
static void
lock(struct fence *fence)
{
   const DWORD result = WaitForSingleObject(fence->mutex, INFINITE);

   if (result != WAIT_OBJECT_0 && result != WAIT_ABANDONED)
      double_abort("cannot lock a fence");
}

static void
unlock(struct fence *fence)
{
   if (!ReleaseMutex(fence->mutex))
      double_abort("cannot unlock a fence");
}

/* Events: with the lock ---------------------------------------------------- */

static bool
is_pending(const struct event *event, const struct fence *owner)
{
   return event->state == EVENT_PENDING && event->owner == owner &&
          event->process == GetCurrentProcessId();
}

/* The handle is left for its process to close: from here it could not be done
 * just once if we were killed on the way.
 */
static void
set_event(struct event *event)
{
   HANDLE process = OpenProcess(PROCESS_DUP_HANDLE, FALSE, event->process);
   HANDLE copy = NULL;

   /* Who is gone waits no more. */
   if (process != NULL) {
      DuplicateHandle(process, event->handle, GetCurrentProcess(), &copy, 0,
                      FALSE, DUPLICATE_SAME_ACCESS);
      CloseHandle(process);
   }
   if (copy != NULL) {
      SetEvent(copy);
      CloseHandle(copy);
   }
   event->state = copy != NULL ? EVENT_SET : EVENT_FREE;
}

/* Those of this process that are set, and, before an owner goes, its pending
 * ones.
 */
static void
close_events(struct section *section, const struct fence *owner)
{
   for (unsigned i = 0; i < DOUBLE_MAX_EVENTS; i++) {
      struct event *event = &section->events[i];

      if (is_pending(event, owner) ||
          (event->state == EVENT_SET &&
           event->process == GetCurrentProcessId())) {
         CloseHandle(event->handle);
         event->state = EVENT_FREE;
      }
   }
}

static HRESULT
add_event(struct fence *fence, UINT64 value, HANDLE handle)
{
   struct event *event = fence->section->events;
   struct event *end = event + DOUBLE_MAX_EVENTS;

   close_events(fence->section, NULL);
   if (value <= (UINT64)fence->section->value)
      return SetEvent(handle) ? S_OK : E_INVALIDARG;

   while (event < end && event->state != EVENT_FREE)
      event++;
   if (event == end)
      return E_OUTOFMEMORY;
   if (!DuplicateHandle(GetCurrentProcess(), handle, GetCurrentProcess(),
                        &event->handle, EVENT_MODIFY_STATE, FALSE, 0))
      return E_INVALIDARG;

   event->process = GetCurrentProcessId();
   event->owner = fence;
   event->value = value;
   InterlockedExchange(&event->state, EVENT_PENDING);
   return S_OK;
}

static void
signal_section(struct section *section, UINT64 value)
{
   InterlockedExchange64(&section->value, (LONG64)value);
   for (unsigned i = 0; i < DOUBLE_MAX_EVENTS; i++) {
      struct event *event = &section->events[i];

      if (event->state == EVENT_PENDING && event->value <= value)
         set_event(event);
   }
}

/* Fences ------------------------------------------------------------------- */

/* Whether the device is removed is asked under the lock: then either we see
 * it, or who removes it sees our event. No NULL event: nobody blocks in here.
 */
static HRESULT STDMETHODCALLTYPE
fence_set_event_on_completion(ID3D12Fence *iface, UINT64 value, HANDLE event)
{
   struct fence *fence = (struct fence *)iface;
   HRESULT result;

   lock(fence);
   result = begin("event");
   if (SUCCEEDED(result))
      result = add_event(fence, value, event);
   else if (result == DXGI_ERROR_DEVICE_REMOVED)
      result = SetEvent(event) ? S_OK : E_INVALIDARG;
   unlock(fence);
   return result;
}

static HRESULT STDMETHODCALLTYPE
fence_signal(ID3D12Fence *iface, UINT64 value)
{
   struct fence *fence = (struct fence *)iface;
   HRESULT result;

   lock(fence);
   result = begin("signal");
   if (SUCCEEDED(result))
      signal_section(fence->section, value);
   unlock(fence);
   return result;
}

static UINT64 STDMETHODCALLTYPE
fence_get_completed_value(ID3D12Fence *iface)
{
   struct section *section = ((struct fence *)iface)->section;

   if (FAILED(removed_reason))
      return UINT64_MAX;
   return (UINT64)InterlockedCompareExchange64(&section->value, 0, 0);
}

static const ID3D12FenceVtbl fence_methods = {
   DOUBLE_UNKNOWN(ID3D12Fence),
   .GetCompletedValue = fence_get_completed_value,
   .SetEventOnCompletion = fence_set_event_on_completion,
   .Signal = fence_signal,
};

/* Nothing is documented about events that are pending when the last reference
 * goes. Here they stay unset for good, so that a wait for one is found out.
 */
static void
destroy_fence(struct double_object *object)
{
   struct fence *fence = (struct fence *)object;
   struct fence **link = &fences;

   AcquireSRWLockExclusive(&fences_lock);
   while (*link != fence)
      link = &(*link)->next;
   *link = fence->next;
   ReleaseSRWLockExclusive(&fences_lock);

   lock(fence);
   close_events(fence->section, fence);
   unlock(fence);
   UnmapViewOfFile(fence->section);
   CloseHandle(fence->mutex);
   double_release(&device);
   free(fence);
}

static HRESULT
make_fence(struct section *section, REFIID riid, void **out)
{
   struct fence *fence = calloc(1, sizeof(*fence));
   WCHAR name[64];
   HRESULT result;

   swprintf(name, 64, L"Local\\lvp-d3d12-double-%lx-%lx",
            (unsigned long)section->process, (unsigned long)section->serial);
   if (fence == NULL)
      double_abort("no memory for a fence");
   fence->mutex = CreateMutexW(NULL, FALSE, name);
   fence->base.methods = &fence_methods;
   fence->base.iid = &IID_ID3D12Fence;
   fence->base.destroy = destroy_fence;
   fence->section = section;
   double_add_ref(&fence->base);
   double_add_ref(&device);

   AcquireSRWLockExclusive(&fences_lock);
   fence->next = fences;
   fences = fence;
   ReleaseSRWLockExclusive(&fences_lock);

   result = double_query_interface(&fence->base, riid, out);
   double_release(&fence->base);
   return result;
}

static struct section *
map(HANDLE handle)
{
   return MapViewOfFile(handle, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0,
                        sizeof(struct section));
}

static HRESULT
make_section(const SECURITY_ATTRIBUTES *attributes, const WCHAR *name,
             HANDLE *handle, struct section **section)
{
   DWORD error;

   SetLastError(ERROR_SUCCESS);
   *handle = CreateFileMappingW(INVALID_HANDLE_VALUE,
                                (SECURITY_ATTRIBUTES *)attributes,
                                PAGE_READWRITE, 0, sizeof(**section), name);
   error = GetLastError();
   if (*handle != NULL && error != ERROR_ALREADY_EXISTS) {
      *section = map(*handle);
      if (*section != NULL)
         return S_OK;
      error = GetLastError();
   }
   CloseHandle(*handle);
   *handle = NULL;
   return error == ERROR_ALREADY_EXISTS ? DXGI_ERROR_NAME_ALREADY_EXISTS
                                        : HRESULT_FROM_WIN32(error);
}

/* The device --------------------------------------------------------------- */

static HRESULT STDMETHODCALLTYPE
device_create_fence(ID3D12Device *iface, UINT64 value, D3D12_FENCE_FLAGS flags,
                    REFIID riid, void **out)
{
   static volatile LONG serial;
   HRESULT result = begin("fence");
   struct section *section;
   HANDLE handle;

   *out = NULL;
   if (SUCCEEDED(result))
      result = make_section(NULL, NULL, &handle, &section);
   if (FAILED(result))
      return result;
   CloseHandle(handle);
   section->magic = MAGIC;
   section->value = (LONG64)value;
   section->may_be_shared = flags & D3D12_FENCE_FLAG_SHARED;
   section->process = GetCurrentProcessId();
   section->serial = InterlockedIncrement(&serial);
   return make_fence(section, riid, out);
}

/* The fence moves to a section that has the name and the attributes, before
 * others know of it: that can be done once, and no driver wants more.
 * "DXGI_ERROR_INVALID_CALL if one of the parameters is invalid" is what the
 * documentation says of this one. GENERIC_ALL is the only access that it has.
 */
static HRESULT STDMETHODCALLTYPE
device_create_shared_handle(ID3D12Device *iface, ID3D12DeviceChild *object,
                            const SECURITY_ATTRIBUTES *attributes,
                            DWORD access, const WCHAR *name, HANDLE *handle)
{
   struct fence *fence = (struct fence *)object;
   HRESULT result = begin("share");
   struct section *section;

   *handle = NULL;
   if (access != GENERIC_ALL)
      return DXGI_ERROR_INVALID_CALL;
   if (!fence->section->may_be_shared)
      return E_INVALIDARG;
   if (SUCCEEDED(result))
      result = make_section(attributes, name, handle, &section);
   if (FAILED(result))
      return result;

   lock(fence);
   fence->section->may_be_shared = false;
   *section = *fence->section;
   UnmapViewOfFile(fence->section);
   fence->section = section;
   unlock(fence);
   return S_OK;
}

static HRESULT STDMETHODCALLTYPE
device_open_shared_handle(ID3D12Device *iface, HANDLE handle, REFIID riid,
                          void **out)
{
   const HRESULT result = begin("open");
   struct section *section;

   *out = NULL;
   if (FAILED(result))
      return result;

   section = map(handle);
   if (section == NULL)
      return HRESULT_FROM_WIN32(GetLastError());
   if (section->magic != MAGIC) {
      UnmapViewOfFile(section);
      return E_INVALIDARG;
   }
   return make_fence(section, riid, out);
}

/* Which error it is for a name that nobody has is not documented. */
static HRESULT STDMETHODCALLTYPE
device_open_shared_handle_by_name(ID3D12Device *iface, const WCHAR *name,
                                  DWORD access, HANDLE *handle)
{
   const HRESULT result = begin("name");

   *handle = NULL;
   if (name == NULL || access != GENERIC_ALL)
      return E_INVALIDARG;
   if (FAILED(result))
      return result;
   *handle = OpenFileMappingW(FILE_MAP_ALL_ACCESS, FALSE, name);
   return *handle != NULL ? S_OK : HRESULT_FROM_WIN32(GetLastError());
}

static HRESULT STDMETHODCALLTYPE
device_get_removed_reason(ID3D12Device *iface)
{
   const double_hook_fn hook = on_removed_reason;

   on_removed_reason = NULL;
   if (hook != NULL)
      hook();
   return removed_reason;
}

static const ID3D12DeviceVtbl device_methods = {
   DOUBLE_UNKNOWN(ID3D12Device),
   .CreateFence = device_create_fence,
   .CreateSharedHandle = device_create_shared_handle,
   .OpenSharedHandle = device_open_shared_handle,
   .OpenSharedHandleByName = device_open_shared_handle_by_name,
   .GetDeviceRemovedReason = device_get_removed_reason,
};

static struct double_object device = {
   &device_methods, .iid = &IID_ID3D12Device,
};

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
   HRESULT result = DXGI_ERROR_DEVICE_REMOVED;

   *out = NULL;
   if (double_fails("device"))
      return DXGI_ERROR_UNSUPPORTED;
   if (adapter == NULL || level < D3D_FEATURE_LEVEL_11_0)
      return E_INVALIDARG;

   if (double_add_ref(&device) == 1)
      removed_reason = S_OK;
   if (SUCCEEDED(removed_reason))
      result = double_query_interface(&device, riid, out);
   double_release(&device);
   return result;
}

void
double_on_removed_reason(double_hook_fn hook)
{
   on_removed_reason = hook;
}

void
double_remove_device(ID3D12Device *iface, enum double_removal removal)
{
   AcquireSRWLockExclusive(&fences_lock);
   InterlockedExchange(&removed_reason, DXGI_ERROR_DEVICE_HUNG);
   for (struct fence *fence = fences; fence != NULL; fence = fence->next) {
      lock(fence);
      if (removal == DOUBLE_REMOVAL_FOR_ALL)
         signal_section(fence->section, UINT64_MAX);
      for (unsigned i = 0; i < DOUBLE_MAX_EVENTS; i++) {
         if (is_pending(&fence->section->events[i], fence))
            set_event(&fence->section->events[i]);
      }
      unlock(fence);
   }
   ReleaseSRWLockExclusive(&fences_lock);
}

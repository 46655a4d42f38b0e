/* SPDX-License-Identifier: MIT */
#define COBJMACROS
#include "vk_win32_d3d12.h"

/* The interface identifiers are to be defined here. */
#include <initguid.h>

#include <d3d12.h>
#include <dxgi1_4.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "c11/threads.h"
#include "util/log.h"
#include "util/macros.h"
#include "util/os_misc.h"

/* Direct3D's one device for the adapter, while fences are open and no longer:
 * an application that chooses its debug layer or experimental features may not
 * find a device there.  Whoever wants it takes it out and puts it back, which
 * takes no lock.
 */
static ID3D12Device *kept_device;
static uint32_t open_fences;

/* Direct3D may be implemented over Vulkan.  Then it asks all drivers for their
 * properties while it is opened, us among them, who must not open it again.
 */
static thread_local bool is_opening;

/* Whoever starts a process that has more rights than its own must not choose
 * what it loads.  Wine calls every process elevated, and guards no such border.
 */
static bool
is_elevated(void)
{
   TOKEN_ELEVATION elevation = { .TokenIsElevated = 1 };
   DWORD size;

   if (vk_sync_win32_nt_init() && vk_sync_win32_nt.is_wine)
      return false;

   GetTokenInformation(GetCurrentProcessToken(), TokenElevation, &elevation,
                       sizeof(elevation), &size);
   return elevation.TokenIsElevated;
}

/* From Windows' own folder, lest somebody plant another library, or from where
 * the developer says.  The flags fail for a path that is not absolute.
 */
static bool
load_function(const wchar_t *library, const char *name, void *function)
{
   const char *option = os_get_option_cached("MESA_VK_WIN32_D3D12_PATH");
   wchar_t folder[MAX_PATH], path[MAX_PATH + 16];

   const UINT length = option != NULL && !is_elevated() ?
      (UINT)MultiByteToWideChar(CP_ACP, 0, option, -1, folder, MAX_PATH) :
      GetSystemDirectoryW(folder, MAX_PATH);
   if (length == 0 || length > MAX_PATH)
      return false;

   swprintf(path, ARRAY_SIZE(path), L"%ls\\%ls", folder, library);
   HMODULE module = LoadLibraryExW(path, NULL,
                                   LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR |
                                   LOAD_LIBRARY_SEARCH_SYSTEM32);
   const FARPROC proc = module != NULL ? GetProcAddress(module, name) : NULL;
   memcpy(function, &proc, sizeof(proc));
   return proc != NULL;
}

/* "warp" (the default), or the number of an adapter as DXGI counts them.  That
 * creates no device.
 */
static IDXGIAdapter1 *
open_adapter(void)
{
   const char *option = os_get_option_cached("MESA_VK_WIN32_D3D12_ADAPTER");
   HRESULT (WINAPI *create)(UINT flags, REFIID iid, void **factory);
   IDXGIFactory4 *factory;
   IDXGIAdapter1 *adapter = NULL;
   HRESULT hr;

   if (!load_function(L"dxgi.dll", "CreateDXGIFactory2", &create) ||
       FAILED(create(0, &IID_IDXGIFactory4, (void **)&factory)))
      return NULL;

   if (option == NULL || strcmp(option, "warp") == 0) {
      hr = IDXGIFactory4_EnumWarpAdapter(factory, &IID_IDXGIAdapter1,
                                         (void **)&adapter);
   } else {
      char *end;
      const unsigned long number = strtoul(option, &end, 10);

      hr = end == option || *end != '\0' ? DXGI_ERROR_NOT_FOUND :
           IDXGIFactory4_EnumAdapters1(factory, number, &adapter);
   }
   IDXGIFactory4_Release(factory);

   /* That there is no WARP is nothing to complain about. */
   if (FAILED(hr) && option != NULL)
      mesa_logw("There is no DXGI adapter \"%s\": 0x%08lx", option,
                (unsigned long)hr);
   return adapter;
}

/* The libraries stay loaded, which is what d3d12.dll expects. */
static ID3D12Device *
open_device(void)
{
   PFN_D3D12_CREATE_DEVICE create;
   ID3D12Device *device = NULL;

   is_opening = true;
   IDXGIAdapter1 *adapter = open_adapter();
   if (adapter != NULL) {
      if (load_function(L"d3d12.dll", "D3D12CreateDevice", &create))
         create((IUnknown *)adapter, D3D_FEATURE_LEVEL_11_0,
                &IID_ID3D12Device, (void **)&device);
      IDXGIAdapter1_Release(adapter);
   }
   is_opening = false;
   return device;
}

/* A device that was removed stays so.  There may be a new one, after a driver
 * update, say, once nobody has a reference to the old one any more.
 */
static ID3D12Device *
take_kept_device(void)
{
   ID3D12Device *device =
      InterlockedExchangePointer((void **)&kept_device, NULL);

   if (device != NULL &&
       FAILED(ID3D12Device_GetDeviceRemovedReason(device))) {
      ID3D12Device_Release(device);
      device = NULL;
   }
   return device;
}

static void
keep_device(ID3D12Device *device)
{
   ID3D12Device *old =
      InterlockedExchangePointer((void **)&kept_device, device);
   if (old != NULL)
      ID3D12Device_Release(old);
}

/* Returns a reference for one fence, or NULL */
static ID3D12Device *
get_device(void)
{
   ID3D12Device *device = take_kept_device();

   if (device == NULL && !is_opening)
      device = open_device();
   if (device != NULL) {
      ID3D12Device_AddRef(device);
      p_atomic_inc(&open_fences);
      keep_device(device);
   }
   return device;
}

bool
vk_win32_d3d12_get_luid(uint8_t luid[8])
{
   static uint64_t known;
   enum { UNKNOWN, MISSING };
   DXGI_ADAPTER_DESC1 desc;

   uint64_t answer = vk_sync_win32_load64(&known);
   if (answer == UNKNOWN && !is_opening) {
      answer = MISSING;
      is_opening = true;
      IDXGIAdapter1 *adapter = open_adapter();
      is_opening = false;
      if (adapter != NULL) {
         if (SUCCEEDED(IDXGIAdapter1_GetDesc1(adapter, &desc)))
            memcpy(&answer, &desc.AdapterLuid, sizeof(answer));
         IDXGIAdapter1_Release(adapter);
      }
      vk_sync_win32_store64(&known, answer);
   }

   if (answer == UNKNOWN || answer == MISSING)
      return false;

   memcpy(luid, &answer, sizeof(answer));
   return true;
}

HRESULT
vk_win32_d3d12_create_fence(struct vk_win32_d3d12_fence *fence, uint64_t value,
                            const SECURITY_ATTRIBUTES *asked,
                            const wchar_t *name)
{
   /* What the application inherits are duplicates. */
   const SECURITY_ATTRIBUTES attributes = {
      .nLength = sizeof(attributes),
      .lpSecurityDescriptor = asked != NULL ? asked->lpSecurityDescriptor :
                                              NULL,
   };

   ID3D12Device *device = get_device();
   *fence = (struct vk_win32_d3d12_fence) { .device = device };
   if (device == NULL)
      return E_NOTIMPL;

   HRESULT hr = ID3D12Device_CreateFence(device, value,
                                         D3D12_FENCE_FLAG_SHARED,
                                         &IID_ID3D12Fence,
                                         (void **)&fence->fence);
   if (SUCCEEDED(hr))
      hr = ID3D12Device_CreateSharedHandle(device, (void *)fence->fence,
                                           &attributes, GENERIC_ALL, name,
                                           &fence->handle);
   if (FAILED(hr))
      vk_win32_d3d12_close_fence(fence);
   return hr;
}

HRESULT
vk_win32_d3d12_open_fence(struct vk_win32_d3d12_fence *fence, HANDLE foreign,
                          const wchar_t *name)
{
   ID3D12Device *device = get_device();
   HRESULT hr = S_OK;

   *fence = (struct vk_win32_d3d12_fence) { .device = device };
   if (device == NULL)
      return E_NOTIMPL;

   /* Those below zero stand for the current process, thread or token. */
   if (name != NULL)
      hr = ID3D12Device_OpenSharedHandleByName(device, name, GENERIC_ALL,
                                               &fence->handle);
   else if (foreign == NULL || (intptr_t)foreign < 0 ||
            !DuplicateHandle(GetCurrentProcess(), foreign, GetCurrentProcess(),
                             &fence->handle, 0, FALSE, DUPLICATE_SAME_ACCESS))
      hr = E_HANDLE;

   if (SUCCEEDED(hr))
      hr = ID3D12Device_OpenSharedHandle(device, fence->handle,
                                         &IID_ID3D12Fence,
                                         (void **)&fence->fence);
   if (FAILED(hr))
      vk_win32_d3d12_close_fence(fence);
   return hr;
}

void
vk_win32_d3d12_close_fence(struct vk_win32_d3d12_fence *fence)
{
   if (fence->handle != NULL)
      CloseHandle(fence->handle);
   if (fence->fence != NULL)
      ID3D12Fence_Release(fence->fence);
   ID3D12Device_Release(fence->device);

   /* Put back first: the application may be waiting for the last one to go. */
   keep_device(take_kept_device());
   if (p_atomic_dec_zero(&open_fences))
      keep_device(NULL);
}

/* There are runtimes that have fences and cannot share them, Wine's for one. */
bool
vk_win32_d3d12_is_available(void)
{
   static uint32_t known;
   enum { UNKNOWN, AVAILABLE, MISSING };
   struct vk_win32_d3d12_fence fence, other;

   uint32_t answer = vk_sync_win32_load32(&known);
   if (answer != UNKNOWN || is_opening)
      return answer == AVAILABLE;

   answer = MISSING;
   if (SUCCEEDED(vk_win32_d3d12_create_fence(&fence, 0, NULL, NULL))) {
      if (SUCCEEDED(vk_win32_d3d12_open_fence(&other, fence.handle, NULL))) {
         vk_win32_d3d12_close_fence(&other);
         answer = AVAILABLE;
      }
      vk_win32_d3d12_close_fence(&fence);
   }

   vk_sync_win32_store32(&known, answer);
   return answer == AVAILABLE;
}

uint64_t
vk_win32_d3d12_get_value(const struct vk_win32_d3d12_fence *fence)
{
   return ID3D12Fence_GetCompletedValue(fence->fence);
}

bool
vk_win32_d3d12_is_removed(const struct vk_win32_d3d12_fence *fence)
{
   return FAILED(ID3D12Device_GetDeviceRemovedReason(fence->device));
}

HRESULT
vk_win32_d3d12_signal(const struct vk_win32_d3d12_fence *fence, uint64_t value)
{
   return ID3D12Fence_Signal(fence->fence, value);
}

HRESULT
vk_win32_d3d12_set_event(const struct vk_win32_d3d12_fence *fence,
                         uint64_t value, HANDLE event)
{
   return ID3D12Fence_SetEventOnCompletion(fence->fence, value, event);
}

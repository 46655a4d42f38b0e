/* SPDX-License-Identifier: MIT */

/* The interface identifiers are to be defined here. */
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#define COBJMACROS
#include <windows.h>
#include <initguid.h>

#include <d3d12.h>
#include <dxgi1_4.h>

#include "vk_win32_d3d12.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/log.h"
#include "util/os_misc.h"

/* Lives as long as the process: fences may outlive every Vulkan device, and
 * unloading d3d12.dll is not something that it expects.
 */
static struct {
   SRWLOCK lock;
   bool opened;
   /* It is there, so that it is worth to try again when its device is gone */
   bool worked;
   /* The thread in open_runtime() */
   uint32_t opener;
   /* NULL if there is no runtime, or none that can share fences */
   ID3D12Device *device;
   LUID luid;
} runtime = { .lock = SRWLOCK_INIT };

/* The one that the application has loaded, or from Windows' own folder, so
 * that nobody plants another; or from where the developer says.
 */
static HMODULE
load_library(const char *name)
{
   const char *folder = os_get_option("MESA_VK_WIN32_D3D12_PATH");
   char path[MAX_PATH];

   if (folder == NULL)
      return LoadLibraryExA(name, NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);

   if (strlen(folder) + strlen(name) + 2 > sizeof(path))
      return NULL;

   strcpy(path, folder);
   strcat(path, "\\");
   strcat(path, name);
   return LoadLibraryA(path);
}

typedef HRESULT (WINAPI *create_factory_func)(UINT flags, REFIID iid,
                                              void **factory);

static IDXGIFactory4 *
create_factory(void)
{
   HMODULE dxgi = load_library("dxgi.dll");
   create_factory_func create;
   IDXGIFactory4 *factory = NULL;

   if (dxgi == NULL)
      return NULL;

   FARPROC proc = GetProcAddress(dxgi, "CreateDXGIFactory2");
   if (proc == NULL)
      return NULL;

   memcpy(&create, &proc, sizeof(create));
   if (FAILED(create(0, &IID_IDXGIFactory4, (void **)&factory)))
      return NULL;
   return factory;
}

/* "warp" (the default), or the number of an adapter as DXGI counts them */
static IDXGIAdapter1 *
choose_adapter(IDXGIFactory4 *factory)
{
   const char *option = os_get_option("MESA_VK_WIN32_D3D12_ADAPTER");
   IDXGIAdapter1 *adapter = NULL;
   HRESULT hr;

   if (option == NULL || strcmp(option, "warp") == 0) {
      hr = IDXGIFactory4_EnumWarpAdapter(factory, &IID_IDXGIAdapter1,
                                         (void **)&adapter);
   } else {
      char *end;
      const unsigned long number = strtoul(option, &end, 10);

      hr = end == option || *end != '\0' ? DXGI_ERROR_NOT_FOUND :
           IDXGIFactory4_EnumAdapters1(factory, number, &adapter);
   }

   if (SUCCEEDED(hr))
      return adapter;

   /* That there is no WARP is nothing to complain about. */
   if (option != NULL) {
      /* The log's own options take the place of this one. */
      char copy[32];

      snprintf(copy, sizeof(copy), "%s", option);
      mesa_logw("There is no DXGI adapter \"%s\": 0x%08lx", copy,
                (unsigned long)hr);
   }
   return NULL;
}

static ID3D12Device *
create_device(IDXGIAdapter1 *adapter)
{
   HMODULE d3d12 = load_library("d3d12.dll");
   PFN_D3D12_CREATE_DEVICE create;
   ID3D12Device *device = NULL;

   if (d3d12 == NULL)
      return NULL;

   FARPROC proc = GetProcAddress(d3d12, "D3D12CreateDevice");
   if (proc == NULL)
      return NULL;

   memcpy(&create, &proc, sizeof(create));
   if (FAILED(create((IUnknown *)adapter, D3D_FEATURE_LEVEL_11_0,
                     &IID_ID3D12Device, (void **)&device)))
      return NULL;
   return device;
}

static HRESULT
create_fence(ID3D12Device *device, uint64_t value,
             const SECURITY_ATTRIBUTES *attributes, const wchar_t *name,
             ID3D12Fence **fence, HANDLE *handle)
{
   HRESULT hr = ID3D12Device_CreateFence(device, value,
                                         D3D12_FENCE_FLAG_SHARED,
                                         &IID_ID3D12Fence, (void **)fence);
   if (FAILED(hr))
      return hr;

   hr = ID3D12Device_CreateSharedHandle(device,
                                        (ID3D12DeviceChild *)*fence,
                                        attributes, GENERIC_ALL, name,
                                        handle);
   if (FAILED(hr))
      ID3D12Fence_Release(*fence);
   return hr;
}

static HRESULT
open_fence(ID3D12Device *device, HANDLE handle, ID3D12Fence **fence)
{
   return ID3D12Device_OpenSharedHandle(device, handle, &IID_ID3D12Fence,
                                        (void **)fence);
}

/* There are runtimes that have fences and cannot share them, Wine's for one. */
static bool
can_share(ID3D12Device *device)
{
   ID3D12Fence *fence, *other;
   HANDLE handle;

   if (FAILED(create_fence(device, 0, NULL, NULL, &fence, &handle)))
      return false;

   const HRESULT hr = open_fence(device, handle, &other);
   if (SUCCEEDED(hr))
      ID3D12Fence_Release(other);

   CloseHandle(handle);
   ID3D12Fence_Release(fence);
   return SUCCEEDED(hr);
}

static void
open_runtime(void)
{
   IDXGIFactory4 *factory = create_factory();
   IDXGIAdapter1 *adapter = factory != NULL ? choose_adapter(factory) : NULL;
   ID3D12Device *device = adapter != NULL ? create_device(adapter) : NULL;
   DXGI_ADAPTER_DESC1 desc;

   if (device != NULL && can_share(device) &&
       SUCCEEDED(IDXGIAdapter1_GetDesc1(adapter, &desc))) {
      runtime.device = device;
      runtime.luid = desc.AdapterLuid;
   } else if (device != NULL) {
      ID3D12Device_Release(device);
   }

   if (adapter != NULL)
      IDXGIAdapter1_Release(adapter);
   if (factory != NULL)
      IDXGIFactory4_Release(factory);
}

/* A device that was removed stays so, but there may be a new one: after a
 * driver update, say.  Direct3D refuses to create it as long as somebody has a
 * reference to the removed one.
 */
static void
forget_removed_device(void)
{
   if (runtime.device != NULL &&
       FAILED(ID3D12Device_GetDeviceRemovedReason(runtime.device))) {
      ID3D12Device_Release(runtime.device);
      runtime.device = NULL;
   }
}

/* Returns a reference, or NULL; `luid` is optional. */
static ID3D12Device *
get_device(LUID *luid)
{
   /* A runtime that is implemented over Vulkan asks all drivers for their
    * LUIDs while it is opened, us among them.
    */
   if (vk_sync_win32_load32(&runtime.opener) == GetCurrentThreadId())
      return NULL;

   AcquireSRWLockExclusive(&runtime.lock);

   forget_removed_device();
   if (runtime.device == NULL && (!runtime.opened || runtime.worked)) {
      vk_sync_win32_store32(&runtime.opener, GetCurrentThreadId());
      open_runtime();
      vk_sync_win32_store32(&runtime.opener, 0);
   }
   runtime.opened = true;
   runtime.worked |= runtime.device != NULL;

   ID3D12Device *device = runtime.device;
   if (device != NULL)
      ID3D12Device_AddRef(device);
   if (device != NULL && luid != NULL)
      *luid = runtime.luid;

   ReleaseSRWLockExclusive(&runtime.lock);

   return device;
}

bool
vk_win32_d3d12_is_available(void)
{
   ID3D12Device *device = get_device(NULL);
   if (device != NULL)
      ID3D12Device_Release(device);
   return device != NULL;
}

bool
vk_win32_d3d12_get_luid(uint8_t luid[8])
{
   LUID id;

   ID3D12Device *device = get_device(&id);
   if (device == NULL)
      return false;

   memcpy(luid, &id, 8);
   ID3D12Device_Release(device);
   return true;
}

HRESULT
vk_win32_d3d12_create_fence(struct vk_win32_d3d12_fence *fence,
                            uint64_t value,
                            const SECURITY_ATTRIBUTES *attributes,
                            const wchar_t *name)
{
   /* What the application inherits are duplicates. */
   const SECURITY_ATTRIBUTES own = {
      .nLength = sizeof(own),
      .lpSecurityDescriptor =
         attributes != NULL ? attributes->lpSecurityDescriptor : NULL,
   };

   fence->device = get_device(NULL);
   if (fence->device == NULL)
      return E_NOTIMPL;

   const HRESULT hr = create_fence(fence->device, value, &own, name,
                                   &fence->fence, &fence->handle);
   if (FAILED(hr))
      ID3D12Device_Release(fence->device);
   return hr;
}

static HRESULT
copy_handle(HANDLE foreign, HANDLE *handle)
{
   /* Those below zero stand for the current process, thread or token. */
   if (foreign == NULL || (intptr_t)foreign < 0 ||
       !DuplicateHandle(GetCurrentProcess(), foreign, GetCurrentProcess(),
                        handle, 0, FALSE, DUPLICATE_SAME_ACCESS))
      return E_HANDLE;

   return S_OK;
}

HRESULT
vk_win32_d3d12_open_fence(struct vk_win32_d3d12_fence *fence, HANDLE foreign,
                          const wchar_t *name)
{
   fence->device = get_device(NULL);
   if (fence->device == NULL)
      return E_NOTIMPL;

   HRESULT hr = name == NULL ? copy_handle(foreign, &fence->handle) :
                ID3D12Device_OpenSharedHandleByName(fence->device, name,
                                                    GENERIC_ALL,
                                                    &fence->handle);
   if (SUCCEEDED(hr)) {
      hr = open_fence(fence->device, fence->handle, &fence->fence);
      if (FAILED(hr))
         CloseHandle(fence->handle);
   }
   if (FAILED(hr))
      ID3D12Device_Release(fence->device);
   return hr;
}

void
vk_win32_d3d12_close_fence(struct vk_win32_d3d12_fence *fence)
{
   CloseHandle(fence->handle);
   ID3D12Fence_Release(fence->fence);
   ID3D12Device_Release(fence->device);

   /* The application may be waiting for the last reference to go.  Not if it
    * is being asked for just now: this may be a wait or a signal.
    */
   if (TryAcquireSRWLockExclusive(&runtime.lock)) {
      forget_removed_device();
      ReleaseSRWLockExclusive(&runtime.lock);
   }
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
vk_win32_d3d12_signal(const struct vk_win32_d3d12_fence *fence,
                      uint64_t value)
{
   return ID3D12Fence_Signal(fence->fence, value);
}

HRESULT
vk_win32_d3d12_set_event(const struct vk_win32_d3d12_fence *fence,
                         uint64_t value, HANDLE event)
{
   return ID3D12Fence_SetEventOnCompletion(fence->fence, value, event);
}

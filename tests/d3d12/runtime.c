/* SPDX-License-Identifier: MIT */

/* The identifiers of interfaces are defined here. */
#include <initguid.h>

#include "runtime.h"

#include <stdlib.h>

#include "child.h"

/* A bound for the watchdog's sake, not a time that anything should take */
#define SOON_MS 20000

static struct runtime runtime;

bool
runtime_check_hr(HRESULT result, HRESULT want, bool required, const char *file,
                 int line, const char *text)
{
   if (result != want)
      test_fail(required, file, line, "%s is 0x%08lx, not 0x%08lx", text,
                (unsigned long)result, (unsigned long)want);
   return result == want;
}

/* The double, unless somebody wants another runtime */
static void
choose_folder(void)
{
   char folder[MAX_PATH], dll[2 * MAX_PATH];

   if (getenv(RUNTIME_PATH_VARIABLE))
      return;
   child_sibling_program("double", folder, sizeof(folder));
   snprintf(dll, sizeof(dll), "%s\\d3d12.dll", folder);
   if (GetFileAttributesA(dll) == INVALID_FILE_ATTRIBUTES)
      test_skip("there is no %s, and " RUNTIME_PATH_VARIABLE " names no other "
                "folder", dll);
   REQUIRE(!_putenv_s(RUNTIME_PATH_VARIABLE, folder));
}

/* By its full path, since Wine and Windows have their own of this name */
static HMODULE
load(const char *name)
{
   char path[2 * MAX_PATH];
   HMODULE module;

   snprintf(path, sizeof(path), "%s\\%s", runtime.folder, name);
   module = LoadLibraryA(path);
   if (module == NULL)
      test_fail(true, __FILE__, __LINE__, "%s: error %lu", path,
                (unsigned long)GetLastError());
   return module;
}

static void *
find(HMODULE module, const char *name)
{
   void *found = (void *)(uintptr_t)GetProcAddress(module, name);

   REQUIRE(found != NULL);
   return found;
}

static void
find_double(HMODULE dxgi, HMODULE d3d12)
{
   if (GetProcAddress(d3d12, "double_remove_device") == NULL) {
      test_diag("not the double; Wine takes its own DLL, unless "
                "WINEDLLOVERRIDES has d3d12,dxgi=n,b");
      return;
   }
   runtime.on_factory = find(dxgi, "double_on_factory");
   runtime.on_removed_reason = find(d3d12, "double_on_removed_reason");
   runtime.dxgi_objects = find(dxgi, "double_live_objects");
   runtime.remove_device = find(d3d12, "double_remove_device");
   runtime.d3d12_objects = find(d3d12, "double_live_objects");
   runtime.is_double = true;
}

const struct runtime *
runtime_load_any(void)
{
   HMODULE dxgi, d3d12;

   if (runtime.create_device)
      return &runtime;
   choose_folder();
   snprintf(runtime.folder, sizeof(runtime.folder), "%s",
            getenv(RUNTIME_PATH_VARIABLE));
   dxgi = load("dxgi.dll");
   d3d12 = load("d3d12.dll");
   find_double(dxgi, d3d12);
   runtime.create_factory = find(dxgi, "CreateDXGIFactory2");
   runtime.create_device = find(d3d12, "D3D12CreateDevice");
   return &runtime;
}

const struct runtime *
runtime_load(void)
{
   if (!runtime_load_any()->is_double)
      test_skip("%s has another runtime than the test double", runtime.folder);
   return &runtime;
}

static void
release(void *object)
{
   IUnknown_Release((IUnknown *)object);
}

void *
runtime_own(void *object)
{
   test_defer(release, object);
   return object;
}

IDXGIAdapter1 *
runtime_warp_adapter(void)
{
   void *factory = NULL, *adapter = NULL;

   runtime_load_any();
   REQUIRE_HR(runtime.create_factory(0, &IID_IDXGIFactory4, &factory), S_OK);
   runtime_own(factory);
   REQUIRE_HR(IDXGIFactory4_EnumWarpAdapter((IDXGIFactory4 *)factory,
                                            &IID_IDXGIAdapter1, &adapter),
              S_OK);
   return runtime_own(adapter);
}

ID3D12Device *
runtime_warp(void)
{
   IUnknown *adapter = (IUnknown *)runtime_warp_adapter();
   void *device = NULL;

   REQUIRE_HR(runtime.create_device(adapter, D3D_FEATURE_LEVEL_11_0,
                                    &IID_ID3D12Device, &device), S_OK);
   return runtime_own(device);
}

ID3D12Fence *
runtime_fence(ID3D12Device *device, UINT64 value, D3D12_FENCE_FLAGS flags)
{
   void *fence = NULL;

   REQUIRE_HR(ID3D12Device_CreateFence(device, value, flags, &IID_ID3D12Fence,
                                       &fence),
              S_OK);
   return runtime_own(fence);
}

HANDLE
runtime_share(ID3D12Device *device, ID3D12Fence *fence, const WCHAR *name)
{
   HANDLE handle = NULL;

   REQUIRE_HR(ID3D12Device_CreateSharedHandle(device,
                                              (ID3D12DeviceChild *)fence, NULL,
                                              GENERIC_ALL, name, &handle),
              S_OK);
   return test_own_handle(handle);
}

ID3D12Fence *
runtime_open(ID3D12Device *device, HANDLE handle)
{
   void *fence = NULL;

   REQUIRE_HR(ID3D12Device_OpenSharedHandle(device, handle, &IID_ID3D12Fence,
                                            &fence),
              S_OK);
   return runtime_own(fence);
}

void
runtime_signal(ID3D12Fence *fence, UINT64 value)
{
   EXPECT_HR(ID3D12Fence_Signal(fence, value), S_OK);
}

HANDLE
runtime_event(void)
{
   HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);

   REQUIRE(event != NULL);
   return test_own_handle(event);
}

HANDLE
runtime_event_at(ID3D12Fence *fence, UINT64 value)
{
   HANDLE event = runtime_event();

   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, value, event), S_OK);
   return event;
}

bool
runtime_is_set(HANDLE event)
{
   return WaitForSingleObject(event, 0) == WAIT_OBJECT_0;
}

void
runtime_expect_set(HANDLE event)
{
   EXPECT(WaitForSingleObject(event, SOON_MS) == WAIT_OBJECT_0);
}

static void
clear_fail(void *data)
{
   (void)data;
   SetEnvironmentVariableA(DOUBLE_FAIL_VARIABLE, NULL);
}

void
runtime_make_fail(const char *step)
{
   SetEnvironmentVariableA(DOUBLE_FAIL_VARIABLE, step);
   test_defer(clear_fail, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "runtime.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* A bound for the watchdog's sake, not a time that anything should take */
#define SOON_MS 20000

static struct runtime runtime;
static bool is_loaded;

bool
runtime_check_hr(HRESULT result, HRESULT want, bool required, const char *file,
                 int line, const char *text)
{
   if (result != want)
      test_fail(required, file, line, "%s is 0x%08lx, not 0x%08lx", text,
                (unsigned long)result, (unsigned long)want);
   return result == want;
}

void
runtime_set_folder(const char *folder)
{
   char self[MAX_PATH], assignment[2 * MAX_PATH];
   char *slash;

   REQUIRE(GetModuleFileNameA(NULL, self, sizeof(self)) < sizeof(self));
   slash = strrchr(self, '\\');
   REQUIRE(slash != NULL);
   *slash = 0;
   snprintf(assignment, sizeof(assignment), RUNTIME_PATH_VARIABLE "=%s\\%s",
            self, folder);
   /* For getenv() as well as for GetEnvironmentVariable() */
   REQUIRE(!_putenv(assignment));
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
      test_diag("%s: error %lu", path, (unsigned long)GetLastError());
   REQUIRE(module != NULL);
   return module;
}

static void *
find(HMODULE module, const char *name)
{
   void *found = (void *)(uintptr_t)GetProcAddress(module, name);

   REQUIRE(found != NULL);
   return found;
}

/* The double, unless somebody wants another runtime */
static void
choose_folder(void)
{
   char dll[2 * MAX_PATH];

   if (getenv(RUNTIME_PATH_VARIABLE))
      return;
   runtime_set_folder("double");
   snprintf(dll, sizeof(dll), "%s\\d3d12.dll", getenv(RUNTIME_PATH_VARIABLE));
   if (GetFileAttributesA(dll) != INVALID_FILE_ATTRIBUTES)
      return;
   _putenv(RUNTIME_PATH_VARIABLE "=");
   test_skip("there is no %s, and " RUNTIME_PATH_VARIABLE " names no other "
             "folder", dll);
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
   runtime.dxgi_objects = find(dxgi, "double_live_objects");
   runtime.dxgi_unimplemented_calls = find(dxgi, "double_unimplemented_calls");
   runtime.remove_device = find(d3d12, "double_remove_device");
   runtime.create_d3d11_fence_handle =
      find(d3d12, "double_create_d3d11_fence_handle");
   runtime.d3d12_objects = find(d3d12, "double_live_objects");
   runtime.unimplemented_calls = find(d3d12, "double_unimplemented_calls");
   runtime.is_double = true;
}

const struct runtime *
runtime_load_any(void)
{
   HMODULE dxgi, d3d12;

   if (is_loaded)
      return &runtime;
   choose_folder();
   snprintf(runtime.folder, sizeof(runtime.folder), "%s",
            getenv(RUNTIME_PATH_VARIABLE));
   dxgi = load("dxgi.dll");
   d3d12 = load("d3d12.dll");
   runtime.create_factory = find(dxgi, "CreateDXGIFactory2");
   runtime.create_factory1 = find(dxgi, "CreateDXGIFactory1");
   runtime.create_device = find(d3d12, "D3D12CreateDevice");
   find_double(dxgi, d3d12);
   is_loaded = true;
   return &runtime;
}

const struct runtime *
runtime_load(void)
{
   runtime_load_any();
   if (!runtime.is_double)
      test_skip("%s has another runtime than the test double", runtime.folder);
   return &runtime;
}

static struct {
   LONG dxgi;
   LONG d3d12;
   unsigned handles;
} before;

static void
check_leaks(void *data)
{
   (void)data;
   EXPECT_U64((uint64_t)runtime.dxgi_objects(), (uint64_t)before.dxgi);
   EXPECT_U64((uint64_t)runtime.d3d12_objects(), (uint64_t)before.d3d12);
   EXPECT_U64(test_count_handles(), before.handles);
}

/* Some of a process's handles are made when a thing is first done. */
static void
warm_up(void)
{
   static bool is_warm;
   ID3D12Device *device;
   ID3D12Fence *fence, *opened;
   HANDLE handle, event;

   if (is_warm)
      return;
   is_warm = true;
   device = runtime_warp();
   fence = runtime_fence(device, 0, D3D12_FENCE_FLAG_SHARED);
   handle = runtime_share(device, fence, NULL);
   opened = runtime_open(device, handle);
   event = runtime_event();
   REQUIRE_HR(ID3D12Fence_SetEventOnCompletion(opened, 1, event), S_OK);
   REQUIRE_HR(ID3D12Fence_Signal(fence, 1), S_OK);
   runtime_expect_set(event);
   test_close(event);
   test_close(handle);
   runtime_release(opened);
   runtime_release(fence);
   runtime_release(device);
}

const struct runtime *
runtime_expect_no_leaks(void)
{
   runtime_load();
   warm_up();
   before.dxgi = runtime.dxgi_objects();
   before.d3d12 = runtime.d3d12_objects();
   before.handles = test_count_handles();
   test_defer(check_leaks, NULL);
   return &runtime;
}

static void
release(void *object)
{
   IUnknown_Release((IUnknown *)object);
}

void
runtime_release(void *object)
{
   test_undefer(release, object);
   EXPECT_U64(IUnknown_Release((IUnknown *)object), 0);
}

void *
runtime_own(void *object)
{
   test_defer(release, object);
   return object;
}

LUID
runtime_luid(UINT low)
{
   return (LUID){.LowPart = low};
}

IDXGIFactory4 *
runtime_factory(void)
{
   void *factory = NULL;

   runtime_load_any();
   REQUIRE_HR(runtime.create_factory(0, &IID_IDXGIFactory4, &factory), S_OK);
   return runtime_own(factory);
}

IDXGIAdapter1 *
runtime_adapter(UINT luid)
{
   void *adapter = NULL;

   REQUIRE_HR(IDXGIFactory4_EnumAdapterByLuid(runtime_factory(),
                                              runtime_luid(luid),
                                              &IID_IDXGIAdapter1, &adapter),
              S_OK);
   return runtime_own(adapter);
}

/* The factory and the adapter go at once, for cases that release a device. */
static ID3D12Device *
create_device(IDXGIFactory4 *factory, void *adapter)
{
   void *device = NULL;

   REQUIRE_HR(runtime.create_device(adapter, D3D_FEATURE_LEVEL_11_0,
                                    &IID_ID3D12Device, &device),
              S_OK);
   IDXGIAdapter1_Release((IDXGIAdapter1 *)adapter);
   runtime_release(factory);
   return runtime_own(device);
}

ID3D12Device *
runtime_device(UINT luid)
{
   IDXGIFactory4 *factory = runtime_factory();
   void *adapter = NULL;

   REQUIRE_HR(IDXGIFactory4_EnumAdapterByLuid(factory, runtime_luid(luid),
                                              &IID_IDXGIAdapter1, &adapter),
              S_OK);
   return create_device(factory, adapter);
}

ID3D12Device *
runtime_warp(void)
{
   IDXGIFactory4 *factory = runtime_factory();
   void *adapter = NULL;

   REQUIRE_HR(IDXGIFactory4_EnumWarpAdapter(factory, &IID_IDXGIAdapter1,
                                            &adapter),
              S_OK);
   return create_device(factory, adapter);
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

HANDLE
runtime_open_name(ID3D12Device *device, const WCHAR *name)
{
   HANDLE handle = NULL;

   REQUIRE_HR(ID3D12Device_OpenSharedHandleByName(device, name, GENERIC_ALL,
                                                  &handle),
              S_OK);
   return test_own_handle(handle);
}

void
runtime_make_name(WCHAR name[RUNTIME_NAME_SIZE])
{
   static volatile LONG serial;

   _snwprintf(name, RUNTIME_NAME_SIZE, L"lvp-d3d12-%lu-%ld-%llx",
              (unsigned long)GetCurrentProcessId(),
              (long)InterlockedIncrement(&serial),
              (unsigned long long)GetTickCount64());
}

HANDLE
runtime_event(void)
{
   HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);

   REQUIRE(event != NULL);
   return test_own_handle(event);
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
runtime_make_fail(const char *steps)
{
   SetEnvironmentVariableA(DOUBLE_FAIL_VARIABLE, steps);
   test_defer(clear_fail, NULL);
}

void
runtime_expect_linked(ID3D12Fence *one, ID3D12Fence *other)
{
   const UINT64 value = ID3D12Fence_GetCompletedValue(one);
   HANDLE event = runtime_event();

   EXPECT_U64(ID3D12Fence_GetCompletedValue(other), value);
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(other, value + 1, event), S_OK);
   EXPECT_HR(ID3D12Fence_Signal(one, value + 1), S_OK);
   EXPECT(runtime_is_set(event));
   EXPECT_U64(ID3D12Fence_GetCompletedValue(other), value + 1);
   EXPECT_HR(ID3D12Fence_Signal(other, value + 2), S_OK);
   EXPECT_U64(ID3D12Fence_GetCompletedValue(one), value + 2);
   test_close(event);
}

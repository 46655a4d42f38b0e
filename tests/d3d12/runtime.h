/* SPDX-License-Identifier: MIT */
#ifndef LVP_D3D12_RUNTIME_H
#define LVP_D3D12_RUNTIME_H

/* For tests: the double's DLLs and its objects. Whatever a function here
 * returns is released when the case has ended.
 */
#include "test.h"

#define COBJMACROS
#include <dxgi1_4.h>
#include <d3d12.h>

#include "double.h"

#define EXPECT_HR(call, want) \
   runtime_check_hr((call), (want), false, __FILE__, __LINE__, #call)
#define REQUIRE_HR(call, want) \
   runtime_check_hr((call), (want), true, __FILE__, __LINE__, #call)

bool runtime_check_hr(HRESULT result, HRESULT want, bool required,
                      const char *file, int line, const char *text);

struct runtime {
   bool is_double;
   HRESULT (WINAPI *create_factory)(UINT flags, REFIID riid, void **out);
   PFN_D3D12_CREATE_DEVICE create_device;
   double_remove_device_fn remove_device;
   double_set_hook_fn on_factory;
   double_set_hook_fn on_removed_reason;
   double_count_fn dxgi_objects;
   double_count_fn d3d12_objects;
   char folder[MAX_PATH];
};

/* Where the driver looks for d3d12.dll and dxgi.dll */
#define RUNTIME_PATH_VARIABLE "MESA_VK_WIN32_D3D12_PATH"

/* Loads both DLLs, once, from the folder that the variable names, or else from
 * "double" in the program's own. The first one skips the case if they are not
 * the double; with the other one, the functions of the double are NULL then.
 */
const struct runtime *runtime_load(void);
const struct runtime *runtime_load_any(void);

IDXGIAdapter1 *runtime_warp_adapter(void);
ID3D12Device *runtime_warp(void);

ID3D12Fence *runtime_fence(ID3D12Device *device, UINT64 value,
                           D3D12_FENCE_FLAGS flags);
HANDLE runtime_share(ID3D12Device *device, ID3D12Fence *fence,
                     const WCHAR *name);
ID3D12Fence *runtime_open(ID3D12Device *device, HANDLE handle);

/* What the case got by itself */
void *runtime_own(void *object);

void runtime_signal(ID3D12Fence *fence, UINT64 value);

/* Manual-reset events; one that a fence sets at a value */
HANDLE runtime_event(void);
HANDLE runtime_event_at(ID3D12Fence *fence, UINT64 value);
bool runtime_is_set(HANDLE event);
void runtime_expect_set(HANDLE event);

/* Until the end of the case; "" for none */
void runtime_make_fail(const char *step);

#endif

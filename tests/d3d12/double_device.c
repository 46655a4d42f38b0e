/* SPDX-License-Identifier: MIT */

/* The double's factory, adapters and devices; removed devices; failures */
#include "runtime.h"

#include <string.h>

static void
enumeration(intptr_t arg)
{
   static const UINT luids[] = {DOUBLE_GPU_LUID, DOUBLE_WARP_LUID};
   DXGI_ADAPTER_DESC1 desc;
   DXGI_ADAPTER_DESC old;
   IDXGIAdapter1 *adapter = (void *)1;
   void *out = (void *)1;

   runtime_expect_no_leaks();
   IDXGIFactory4 *factory = runtime_factory();

   for (unsigned i = 0; i < TEST_COUNT(luids); i++) {
      REQUIRE_HR(IDXGIFactory4_EnumAdapters1(factory, i, &adapter), S_OK);
      runtime_own(adapter);
      EXPECT_HR(IDXGIAdapter1_GetDesc1(adapter, &desc), S_OK);
      EXPECT_U64(desc.AdapterLuid.LowPart, luids[i]);
      EXPECT(((desc.Flags & DXGI_ADAPTER_FLAG_SOFTWARE) != 0) == (i == 1));
      EXPECT_HR(IDXGIAdapter1_GetDesc(adapter, &old), S_OK);
      EXPECT(!memcmp(&old.AdapterLuid, &desc.AdapterLuid, sizeof(LUID)));

      EXPECT_HR(IDXGIFactory4_EnumAdapterByLuid(factory, desc.AdapterLuid,
                                                &IID_IDXGIAdapter, &out),
                S_OK);
      runtime_own(out);
      EXPECT_HR(IDXGIAdapter_GetDesc((IDXGIAdapter *)out, &old), S_OK);
      EXPECT_U64(old.AdapterLuid.LowPart, luids[i]);
   }
   EXPECT_HR(IDXGIFactory4_EnumAdapters1(factory, 2, &adapter),
             DXGI_ERROR_NOT_FOUND);
   EXPECT(adapter == NULL);
   EXPECT_HR(IDXGIFactory4_EnumAdapterByLuid(factory, runtime_luid(1),
                                             &IID_IDXGIAdapter1, &out),
             DXGI_ERROR_NOT_FOUND);
   EXPECT(out == NULL);
   EXPECT_HR(IDXGIFactory4_EnumWarpAdapter(factory, &IID_IDXGIAdapter1, &out),
             S_OK);
   runtime_own(out);
   EXPECT_HR(IDXGIAdapter1_GetDesc1((IDXGIAdapter1 *)out, &desc), S_OK);
   EXPECT_U64(desc.AdapterLuid.LowPart, DOUBLE_WARP_LUID);
}

static void
factories(intptr_t arg)
{
   static const IID *const interfaces[] = {
      &IID_IUnknown, &IID_IDXGIObject, &IID_IDXGIFactory, &IID_IDXGIFactory1,
      &IID_IDXGIFactory2, &IID_IDXGIFactory3, &IID_IDXGIFactory4,
   };
   const struct runtime *runtime = runtime_expect_no_leaks();
   void *out = NULL, *other = NULL;

   for (unsigned i = 0; i < TEST_COUNT(interfaces); i++) {
      REQUIRE_HR(runtime->create_factory1(interfaces[i], &out), S_OK);
      REQUIRE_HR(IUnknown_QueryInterface((IUnknown *)out,
                                         &IID_IDXGIFactory4, &other),
                 S_OK);
      EXPECT_U64(IUnknown_Release((IUnknown *)other), 1);
      EXPECT_U64(IUnknown_Release((IUnknown *)out), 0);
   }
   EXPECT_HR(runtime->create_factory(0, &IID_IDXGIAdapter, &out),
             E_NOINTERFACE);
   EXPECT(out == NULL);
}

static void
one_device_an_adapter(intptr_t arg)
{
   const struct runtime *runtime = runtime_expect_no_leaks();
   void *same = NULL;
   LUID luid = {0};
   ID3D12Device *warp = runtime_warp();
   ID3D12Device *gpu = runtime_device(DOUBLE_GPU_LUID);

   EXPECT(warp != gpu);
   EXPECT_U64(ID3D12Device_AddRef(warp), 2);
   EXPECT_U64(ID3D12Device_Release(warp), 1);
   EXPECT_HR(runtime->create_device(NULL, D3D_FEATURE_LEVEL_11_0,
                                    &IID_ID3D12Device, &same),
             S_OK);
   EXPECT(same == gpu);
   runtime_own(same);
   EXPECT(warp->lpVtbl->GetAdapterLuid(warp, &luid) == &luid);
   EXPECT_U64(luid.LowPart, DOUBLE_WARP_LUID);
   gpu->lpVtbl->GetAdapterLuid(gpu, &luid);
   EXPECT_U64(luid.LowPart, DOUBLE_GPU_LUID);
   EXPECT_HR(ID3D12Device_GetDeviceRemovedReason(warp), S_OK);
}

static void
creation_arguments(intptr_t arg)
{
   const struct runtime *runtime = runtime_expect_no_leaks();
   IUnknown *adapter = (IUnknown *)runtime_adapter(DOUBLE_WARP_LUID);
   void *out = (void *)1;

   EXPECT_HR(runtime->create_device(adapter, D3D_FEATURE_LEVEL_11_0,
                                    &IID_ID3D12Device, NULL),
             S_FALSE);
   EXPECT_HR(runtime->create_device(adapter, D3D_FEATURE_LEVEL_10_0,
                                    &IID_ID3D12Device, &out),
             E_INVALIDARG);
   EXPECT(out == NULL);
   EXPECT_HR(runtime->create_device(adapter, D3D_FEATURE_LEVEL_11_0,
                                    &IID_ID3D12Fence, &out),
             E_NOINTERFACE);
   EXPECT_HR(runtime->create_device((IUnknown *)runtime_factory(),
                                    D3D_FEATURE_LEVEL_11_0, &IID_ID3D12Device,
                                    &out),
             E_INVALIDARG);
   EXPECT_HR(runtime->create_device(adapter, D3D_FEATURE_LEVEL_11_0,
                                    &IID_IUnknown, &out),
             S_OK);
   runtime_own(out);
}

struct blocked {
   ID3D12Fence *fence;
   HRESULT result;
};

static void
block(void *data)
{
   struct blocked *blocked = data;

   blocked->result = ID3D12Fence_SetEventOnCompletion(blocked->fence, 10,
                                                      NULL);
}

static void
expect_removed(ID3D12Device *device, ID3D12Fence *fence)
{
   HANDLE late = runtime_event(), handle = NULL;
   void *out = (void *)1;

   EXPECT_HR(ID3D12Device_GetDeviceRemovedReason(device),
             DXGI_ERROR_DEVICE_HUNG);
   EXPECT(ID3D12Fence_GetCompletedValue(fence) == UINT64_MAX);
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, UINT64_MAX, late), S_OK);
   EXPECT(runtime_is_set(late));
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, 1, NULL), S_OK);
   EXPECT_HR(ID3D12Fence_Signal(fence, 2), DXGI_ERROR_DEVICE_REMOVED);
   EXPECT(ID3D12Fence_GetCompletedValue(fence) == UINT64_MAX);
   EXPECT_HR(ID3D12Device_CreateFence(device, 0, D3D12_FENCE_FLAG_NONE,
                                      &IID_ID3D12Fence, &out),
             DXGI_ERROR_DEVICE_REMOVED);
   EXPECT(out == NULL);
   EXPECT_HR(ID3D12Device_CreateSharedHandle(device,
                                             (ID3D12DeviceChild *)fence, NULL,
                                             GENERIC_ALL, NULL, &handle),
             DXGI_ERROR_DEVICE_REMOVED);
}

/* Another device has the fence open, too. */
static void
removed_device(intptr_t removal)
{
   const struct runtime *runtime = runtime_expect_no_leaks();
   const bool for_all = removal == DOUBLE_REMOVAL_FOR_ALL;
   ID3D12Device *warp = runtime_warp();
   ID3D12Device *gpu = runtime_device(DOUBLE_GPU_LUID);
   ID3D12Fence *fence = runtime_fence(
      warp, 4, (D3D12_FENCE_FLAGS)(D3D12_FENCE_FLAG_SHARED |
                                   D3D12_FENCE_FLAG_SHARED_CROSS_ADAPTER));
   ID3D12Fence *other = runtime_open(gpu, runtime_share(warp, fence, NULL));
   ID3D12Fence *bystander = runtime_fence(gpu, 0, D3D12_FENCE_FLAG_NONE);
   HANDLE events[4];
   struct blocked blocked = {.fence = fence};
   struct test_thread *thread = test_thread_start(block, &blocked);

   for (unsigned i = 0; i < TEST_COUNT(events); i++)
      events[i] = runtime_event();
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, 5, events[0]), S_OK);
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, UINT64_MAX, events[1]),
             S_OK);
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(other, 5, events[2]), S_OK);
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(bystander, 5, events[3]), S_OK);
   Sleep(20);

   EXPECT_HR(runtime->remove_device(warp, S_OK, removal), E_INVALIDARG);
   EXPECT_HR(runtime->remove_device(warp, DXGI_ERROR_DEVICE_HUNG, removal),
             S_OK);
   EXPECT_HR(runtime->remove_device(warp, DXGI_ERROR_DEVICE_RESET, removal),
             S_FALSE);
   test_thread_join(thread);
   EXPECT_HR(blocked.result, S_OK);
   EXPECT(runtime_is_set(events[0]));
   EXPECT(runtime_is_set(events[1]));
   EXPECT(runtime_is_set(events[2]) == for_all);
   EXPECT(!runtime_is_set(events[3]));
   expect_removed(warp, fence);

   EXPECT_HR(ID3D12Device_GetDeviceRemovedReason(gpu), S_OK);
   EXPECT(ID3D12Fence_GetCompletedValue(other) == (for_all ? UINT64_MAX : 4));
   EXPECT_HR(ID3D12Fence_Signal(other, 6), S_OK);
   EXPECT_U64(ID3D12Fence_GetCompletedValue(other), 6);
   EXPECT(ID3D12Fence_GetCompletedValue(fence) == UINT64_MAX);
   EXPECT(runtime_is_set(events[2]));
}

/* The process gets another device for the adapter when all that is left of
 * the removed one is released.
 */
static void
device_after_removal(intptr_t arg)
{
   const struct runtime *runtime = runtime_expect_no_leaks();
   IUnknown *adapter = (IUnknown *)runtime_adapter(DOUBLE_WARP_LUID);
   ID3D12Device *device = runtime_warp();
   ID3D12Fence *fence = runtime_fence(device, 0, D3D12_FENCE_FLAG_NONE);
   void *out = (void *)1;

   EXPECT_HR(runtime->remove_device(device, DXGI_ERROR_DEVICE_REMOVED,
                                    DOUBLE_REMOVAL_FOR_ALL),
             S_OK);
   for (unsigned i = 0; i < 2; i++) {
      EXPECT_HR(runtime->create_device(adapter, D3D_FEATURE_LEVEL_11_0,
                                       &IID_ID3D12Device, &out),
                DXGI_ERROR_DEVICE_REMOVED);
      EXPECT(out == NULL);
      if (i == 0)
         runtime_release(fence);
   }
   runtime_release(device);
   device = runtime_warp();
   EXPECT_HR(ID3D12Device_GetDeviceRemovedReason(device), S_OK);
   runtime_fence(device, 0, D3D12_FENCE_FLAG_NONE);
}

static void
failures_of_dxgi(intptr_t arg)
{
   const struct runtime *runtime = runtime_expect_no_leaks();
   IDXGIFactory4 *factory = runtime_factory();
   void *out = (void *)1;

   runtime_make_fail("device,factory,open");
   EXPECT(FAILED(runtime->create_factory(0, &IID_IDXGIFactory4, &out)));
   EXPECT(out == NULL);
   EXPECT(FAILED(runtime->create_factory1(&IID_IDXGIFactory1, &out)));

   runtime_make_fail("factory4");
   EXPECT_HR(runtime->create_factory(0, &IID_IDXGIFactory4, &out),
             E_NOINTERFACE);
   EXPECT_HR(runtime->create_factory(0, &IID_IDXGIFactory2, &out), S_OK);
   runtime_own(out);

   runtime_make_fail("warp");
   EXPECT(FAILED(IDXGIFactory4_EnumWarpAdapter(factory, &IID_IDXGIAdapter1,
                                               &out)));
   EXPECT(out == NULL);
   runtime_adapter(DOUBLE_WARP_LUID);

   runtime_make_fail("luid");
   EXPECT(FAILED(IDXGIFactory4_EnumAdapterByLuid(
      factory, runtime_luid(DOUBLE_WARP_LUID), &IID_IDXGIAdapter1, &out)));
   EXPECT(out == NULL);
}

static void
failures_of_d3d12(intptr_t arg)
{
   const struct runtime *runtime = runtime_expect_no_leaks();
   IUnknown *adapter = (IUnknown *)runtime_adapter(DOUBLE_GPU_LUID);
   WCHAR name[RUNTIME_NAME_SIZE];
   HANDLE handle = NULL, event = runtime_event();
   void *out = (void *)1;

   runtime_make_fail("device");
   EXPECT(FAILED(runtime->create_device(adapter, D3D_FEATURE_LEVEL_11_0,
                                        &IID_ID3D12Device, &out)));
   EXPECT(out == NULL);
   EXPECT(FAILED(runtime->create_device(adapter, D3D_FEATURE_LEVEL_11_0,
                                        &IID_ID3D12Device, NULL)));

   runtime_make_fail("");
   ID3D12Device *device = runtime_warp();
   ID3D12Fence *fence = runtime_fence(device, 0, D3D12_FENCE_FLAG_SHARED);
   runtime_make_name(name);
   HANDLE good = runtime_share(device, fence, name);

   runtime_make_fail("fence,share,open,name,event,signal");
   EXPECT(FAILED(ID3D12Device_CreateFence(device, 0, D3D12_FENCE_FLAG_NONE,
                                          &IID_ID3D12Fence, &out)));
   EXPECT(FAILED(ID3D12Device_CreateSharedHandle(
      device, (ID3D12DeviceChild *)fence, NULL, GENERIC_ALL, NULL, &handle)));
   EXPECT(handle == NULL);
   EXPECT(FAILED(ID3D12Device_OpenSharedHandle(device, good, &IID_ID3D12Fence,
                                               &out)));
   EXPECT(FAILED(ID3D12Device_OpenSharedHandleByName(device, name, GENERIC_ALL,
                                                     &handle)));
   EXPECT(FAILED(ID3D12Fence_SetEventOnCompletion(fence, 0, event)));
   EXPECT(!runtime_is_set(event));
   EXPECT(FAILED(ID3D12Fence_Signal(fence, 1)));
   EXPECT_U64(ID3D12Fence_GetCompletedValue(fence), 0);

   runtime_make_fail("");
   EXPECT_HR(ID3D12Fence_Signal(fence, 1), S_OK);
}

/* As many slots as there are pointers in the table */
#define EXPECT_FULL(object, table) \
   expect_full((const void *const *)(object)->lpVtbl, \
               sizeof(table) / sizeof(void *))

static void
expect_full(const void *const *table, size_t slots)
{
   for (size_t i = 0; i < slots; i++) {
      EXPECT(table[i] != NULL);
      for (size_t j = 0; j < i; j++)
         EXPECT(table[i] != table[j]);
   }
}

static void
unimplemented_methods(intptr_t arg)
{
   const struct runtime *runtime = runtime_expect_no_leaks();
   IDXGIFactory4 *factory = runtime_factory();
   IDXGIAdapter1 *adapter = runtime_adapter(DOUBLE_GPU_LUID);
   ID3D12Device *device = runtime_warp();
   ID3D12Fence *fence = runtime_fence(device, 0, D3D12_FENCE_FLAG_NONE);
   LONG calls = runtime->unimplemented_calls();
   void *out = NULL;

   EXPECT_FULL(factory, IDXGIFactory4Vtbl);
   EXPECT_FULL(adapter, IDXGIAdapter1Vtbl);
   EXPECT_FULL(device, ID3D12DeviceVtbl);
   EXPECT_FULL(fence, ID3D12FenceVtbl);

   EXPECT_HR(ID3D12Device_CreateCommandQueue(device, NULL,
                                             &IID_ID3D12CommandQueue, &out),
             E_NOTIMPL);
   EXPECT_HR(ID3D12Fence_SetName(fence, L"x"), E_NOTIMPL);
   EXPECT_HR(ID3D12Device_CreateFence(device, 0, (D3D12_FENCE_FLAGS)4,
                                      &IID_ID3D12Fence, &out),
             E_NOTIMPL);
   EXPECT(runtime->unimplemented_calls() == calls + 3);
   calls = runtime->dxgi_unimplemented_calls();
   EXPECT_HR(IDXGIFactory4_EnumAdapters(factory, 0, (IDXGIAdapter **)&out),
             E_NOTIMPL);
   EXPECT_HR(IDXGIAdapter1_EnumOutputs(adapter, 0, NULL), E_NOTIMPL);
   EXPECT(runtime->dxgi_unimplemented_calls() == calls + 2);
}

static const struct test_case cases[] = {
   {"enumeration", enumeration, 0, 0},
   {"factories", factories, 0, 0},
   {"one_device_an_adapter", one_device_an_adapter, 0, 0},
   {"creation_arguments", creation_arguments, 0, 0},
   {"removed_device_for_all", removed_device, DOUBLE_REMOVAL_FOR_ALL, 0},
   {"removed_device_for_itself", removed_device, DOUBLE_REMOVAL_FOR_DEVICE, 0},
   {"device_after_removal", device_after_removal, 0, 0},
   {"failures_of_dxgi", failures_of_dxgi, 0, 0},
   {"failures_of_d3d12", failures_of_d3d12, 0, 0},
   {"unimplemented_methods", unimplemented_methods, 0, 0},
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}

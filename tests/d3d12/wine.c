/* SPDX-License-Identifier: MIT */

/* Wine's own D3D12: it has fences, for one process, and does not share them.
 * So the driver has to find out that it is of no use; and what it does to
 * fences through the headers' interfaces is what another runtime than the
 * double takes, too.
 */
#include "share.h"

#include <signal.h>
#include <stdlib.h>

#include "child.h"

static void
need_wine(void)
{
   if (GetProcAddress(GetModuleHandleA("ntdll.dll"), "wine_get_version") ==
       NULL)
      test_skip("this is not Wine");
}

static HRESULT
create_device(void **device)
{
   HMODULE module = LoadLibraryExA("d3d12.dll", NULL,
                                   LOAD_LIBRARY_SEARCH_SYSTEM32);
   if (module == NULL)
      test_skip("no d3d12.dll: error %lu", (unsigned long)GetLastError());

   PFN_D3D12_CREATE_DEVICE create =
      (PFN_D3D12_CREATE_DEVICE)(void (*)(void))
         GetProcAddress(module, "D3D12CreateDevice");

   REQUIRE(create != NULL);
   return create(NULL, D3D_FEATURE_LEVEL_11_0, &IID_ID3D12Device, device);
}

/* Its process may not survive that: some versions abort() over a Vulkan driver
 * that they do not like.
 */
static int
try_device(int argc, char **argv)
{
   struct child_link link = child_link_open(argc, argv);
   void *device;

   /* Nothing that a test has to report */
   signal(SIGABRT, SIG_DFL);

   const HRESULT hr = create_device(&device);

   return !child_link_send(&link, &hr, sizeof(hr));
}

static ID3D12Device *
open_device(void)
{
   void *device = NULL;
   HRESULT hr;

   need_wine();

   struct child *child = child_start("try_device", NULL, 0);
   if (!child_receive(child, &hr, sizeof(hr)))
      test_skip("Wine's D3D12CreateDevice ends the process here: exit status "
                "%lu", (unsigned long)child_join(child, VKT_LONG_MS));
   if (FAILED(hr))
      test_skip("Wine's D3D12 has no device here: 0x%08lx",
                (unsigned long)hr);

   REQUIRE_HR(create_device(&device), S_OK);
   return runtime_own(device);
}

static void
fence_of_one_process(intptr_t arg)
{
   ID3D12Fence *fence = runtime_fence(open_device(), 3,
                                      D3D12_FENCE_FLAG_NONE);
   HANDLE first = runtime_event_at(fence, 5);
   HANDLE second = runtime_event_at(fence, UINT64_C(1) << 40);

   EXPECT_U64(ID3D12Fence_GetCompletedValue(fence), 3);
   runtime_signal(fence, 4);
   EXPECT(WaitForSingleObject(first, VKT_PENDING_MS) == WAIT_TIMEOUT);
   runtime_signal(fence, 5);
   runtime_expect_set(first);
   EXPECT(!runtime_is_set(second));
   runtime_signal(fence, UINT64_C(1) << 41);
   runtime_expect_set(second);
   EXPECT_U64(ID3D12Fence_GetCompletedValue(fence), UINT64_C(1) << 41);
}

static void
no_shared_fences(intptr_t arg)
{
   ID3D12Device *device = open_device();
   void *fence = NULL;
   HANDLE handle = NULL;
   HRESULT hr = ID3D12Device_CreateFence(device, 0, D3D12_FENCE_FLAG_SHARED,
                                         &IID_ID3D12Fence, &fence);

   if (SUCCEEDED(hr)) {
      runtime_own(fence);
      hr = ID3D12Device_CreateSharedHandle(device, fence, NULL, GENERIC_ALL,
                                           NULL, &handle);
   }
   test_diag("0x%08lx", (unsigned long)hr);
   EXPECT(FAILED(hr));
}

/* Without MESA_VK_WIN32_D3D12_PATH, the driver takes the system's. */
static void
not_reported(intptr_t arg)
{
   need_wine();
   _putenv_s(RUNTIME_PATH_VARIABLE, "");

   struct vkt_device *device = vkt_open();
   struct vkt_object *object = NULL;

   EXPECT_U64(share_query(device, VKT_TIMELINE, SHARE_D3D12)
                 .externalSemaphoreFeatures, 0);
   EXPECT_RESULT(vkt_try_create_win32(device, VKT_TIMELINE, SHARE_D3D12, NULL,
                                      NULL, &object),
                 VK_ERROR_UNKNOWN);
}

int
main(int argc, char **argv)
{
   static const struct test_case cases[] = {
      {"fence_of_one_process", fence_of_one_process, 0, 0},
      {"no_shared_fences", no_shared_fences, 0, 0},
      {"not_reported", not_reported, 0, 0},
      {0},
   };

   static const struct test_role roles[] = {{"try_device", try_device}, {0}};

   return test_main(argc, argv, cases, roles);
}

/* SPDX-License-Identifier: MIT */

/* What the driver reports with a D3D12 runtime, without one, and with one that
 * lacks something, as Wine's does.
 */
#include "share.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"

#define BOTH (VK_EXTERNAL_SEMAPHORE_FEATURE_EXPORTABLE_BIT | \
              VK_EXTERNAL_SEMAPHORE_FEATURE_IMPORTABLE_BIT)

static VkPhysicalDeviceIDProperties
get_ids(struct vkt_device *device)
{
   VkPhysicalDeviceVulkan11Properties vulkan11 = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES,
   };
   VkPhysicalDeviceIDProperties ids = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES,
      .pNext = &vulkan11,
   };
   VkPhysicalDeviceProperties2 properties = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
      .pNext = &ids,
   };

   vkGetPhysicalDeviceProperties2(device->physical, &properties);
   EXPECT(ids.deviceLUIDValid == vulkan11.deviceLUIDValid);
   EXPECT(!memcmp(ids.deviceLUID, vulkan11.deviceLUID, VK_LUID_SIZE) ||
          !ids.deviceLUIDValid);
   EXPECT_U64(ids.deviceNodeMask, vulkan11.deviceNodeMask);
   return ids;
}

static void
expect_reported(struct vkt_device *device, enum vkt_kind kind, bool shares)
{
   const VkExternalSemaphoreProperties d3d12 =
      share_query(device, kind, SHARE_D3D12);
   const VkExternalSemaphoreProperties opaque =
      share_query(device, kind, VKT_OPAQUE_WIN32);

   EXPECT_U64(d3d12.externalSemaphoreFeatures, shares ? BOTH : 0);
   EXPECT_U64(d3d12.compatibleHandleTypes, shares ? SHARE_D3D12 : 0);
   EXPECT_U64(d3d12.exportFromImportedHandleTypes, shares ? SHARE_D3D12 : 0);
   EXPECT_U64(opaque.externalSemaphoreFeatures, BOTH);
   EXPECT(!(opaque.compatibleHandleTypes & SHARE_D3D12));
   EXPECT(!(opaque.exportFromImportedHandleTypes & SHARE_D3D12));
}

/* Whatever does not take D3D12 goes on without it. */
static void
expect_shares(struct vkt_device *device, enum vkt_kind kind, bool shares)
{
   struct vkt_object *object = NULL, *target = vkt_create(device, kind);

   expect_reported(device, kind, shares);
   EXPECT_RESULT(vkt_try_create_win32(device, kind, SHARE_D3D12, NULL, NULL,
                                      &object),
                 shares ? VK_SUCCESS : VK_ERROR_UNKNOWN);
   EXPECT((object != NULL) == shares);

   if (!shares) {
      vkt_clear_messages(device);
      EXPECT_RESULT(share_try_import(target, runtime_event(), NULL),
                    VK_ERROR_INVALID_EXTERNAL_HANDLE);
      vkt_expect_message(device, VK_ERROR_INVALID_EXTERNAL_HANDLE,
                         "There is no Direct3D 12 here that can share fences");
   }
   vkt_expect_works(target);
   vkt_expect_works(vkt_create_exportable(device, kind));
}

static struct vkt_object *last;

static void
close_last(void)
{
   vkt_destroy(last);
   last = NULL;
}

/* A device in the way of an application that wants to enable Direct3D's debug
 * layer would be removed by that, and it could not get another.
 */
static void
no_device_but_for_fences(intptr_t arg)
{
   const struct runtime *runtime = runtime_load();
   struct vkt_device *device = share_open();

   EXPECT_U64((uint64_t)runtime->d3d12_objects(), 0);

   struct vkt_object *first = share_create(device, VKT_TIMELINE, 0);

   last = share_create(device, VKT_BINARY, 0);
   /* And the device */
   EXPECT_U64((uint64_t)runtime->d3d12_objects(), 3);
   vkt_destroy(first);
   EXPECT_U64((uint64_t)runtime->d3d12_objects(), 2);
   close_last();
   EXPECT_U64((uint64_t)runtime->d3d12_objects(), 0);
   EXPECT_U64((uint64_t)runtime->dxgi_objects(), 0);

   /* Another thread closes one while the driver looks at the device for the
    * other.
    */
   first = share_create(device, VKT_TIMELINE, 0);
   last = share_create(device, VKT_TIMELINE, 0);
   runtime->on_removed_reason(close_last);
   vkt_destroy(first);
   EXPECT(last == NULL);
   EXPECT_U64((uint64_t)runtime->d3d12_objects(), 0);
}

static void
reported(intptr_t arg)
{
   struct vkt_device *device = share_open();
   const VkPhysicalDeviceIDProperties ids = get_ids(device);
   DXGI_ADAPTER_DESC1 desc;

   expect_reported(device, VKT_BINARY, true);
   expect_reported(device, VKT_TIMELINE, true);
   /* Issue 1 of VK_KHR_external_fence_win32 */
   expect_reported(device, VKT_FENCE, false);

   /* The adapter that D3D12 programs have to use */
   REQUIRE_HR(IDXGIAdapter1_GetDesc1(runtime_warp_adapter(), &desc));
   EXPECT(ids.deviceLUIDValid);
   EXPECT(!memcmp(ids.deviceLUID, &desc.AdapterLuid, sizeof(LUID)));
   EXPECT_U64(ids.deviceNodeMask, 1);
}

/* The system's own runtime ------------------------------------------------- */

static bool
is_wine(void)
{
   return GetProcAddress(GetModuleHandleA("ntdll.dll"), "wine_get_version") !=
          NULL;
}

/* Programs that have nothing to do with D3D12 are not to pay for it. Nobody has
 * said where the runtime is here: Wine's, which the driver takes then, shares
 * no fences.
 */
static int
look_at_modules(int argc, char **argv)
{
   _putenv_s(RUNTIME_PATH_VARIABLE, "");
   EXPECT(GetModuleHandleA("d3d12.dll") == NULL);

   struct vkt_device *device = vkt_open();

   vkt_expect_works(vkt_create_exportable(device, VKT_TIMELINE));
   EXPECT(GetModuleHandleA("d3d12.dll") == NULL);

   /* Nor does the LUID take a device, which is what loads these. */
   get_ids(device);
   EXPECT(GetModuleHandleA("d3d12.dll") == NULL);
   EXPECT(GetModuleHandleA("d3d10warp.dll") == NULL);

   if (is_wine())
      expect_shares(device, VKT_TIMELINE, false);
   return test_failed();
}

static void
loaded_when_asked_for(intptr_t arg)
{
   EXPECT_U64(child_join(child_start("look_at_modules", NULL, 0),
                         VKT_LONG_MS), 0);
}

/* Wine has fences for one process: what the driver does to fences through the
 * headers' interfaces is what another runtime than the double takes, too. The
 * process may not survive that: some versions abort() over a Vulkan driver that
 * they do not like.
 */
static int
use_wines_fence(int argc, char **argv)
{
   struct child_link link = child_link_open(argc, argv);
   HMODULE module = LoadLibraryExA("d3d12.dll", NULL,
                                   LOAD_LIBRARY_SEARCH_SYSTEM32);
   PFN_D3D12_CREATE_DEVICE create =
      (PFN_D3D12_CREATE_DEVICE)(void (*)(void))
         GetProcAddress(module, "D3D12CreateDevice");
   void *device = NULL;

   _putenv_s(RUNTIME_PATH_VARIABLE, "");
   /* Nothing that a test has to report */
   signal(SIGABRT, SIG_DFL);
   REQUIRE(create != NULL);

   const HRESULT hr =
      create(NULL, D3D_FEATURE_LEVEL_11_0, &IID_ID3D12Device, &device);

   REQUIRE(child_link_send(&link, &hr, sizeof(hr)));
   if (FAILED(hr))
      return 0;

   ID3D12Fence *fence = runtime_fence(runtime_own(device), 3,
                                      D3D12_FENCE_FLAG_NONE);
   HANDLE first = runtime_event_at(fence, 5);
   HANDLE second = runtime_event_at(fence, UINT64_C(1) << 40);

   EXPECT_U64(ID3D12Fence_GetCompletedValue(fence), 3);
   runtime_signal(fence, 4);
   EXPECT(WaitForSingleObject(first, VKT_PENDING_MS) == WAIT_TIMEOUT);
   runtime_signal(fence, 5);
   EXPECT(WaitForSingleObject(first, VKT_LONG_MS) == WAIT_OBJECT_0);
   EXPECT(WaitForSingleObject(second, 0) == WAIT_TIMEOUT);
   runtime_signal(fence, UINT64_C(1) << 41);
   EXPECT(WaitForSingleObject(second, VKT_LONG_MS) == WAIT_OBJECT_0);
   EXPECT_U64(ID3D12Fence_GetCompletedValue(fence), UINT64_C(1) << 41);
   test_clean_up();
   return test_failed();
}

static void
fence_of_wine(intptr_t arg)
{
   HRESULT hr;

   if (!is_wine())
      test_skip("this is not Wine");

   struct child *child = child_start("use_wines_fence", NULL, 0);

   if (!child_receive(child, &hr, sizeof(hr)))
      test_skip("Wine's D3D12CreateDevice ends the process here: exit status "
                "%lu", (unsigned long)child_join(child, VKT_LONG_MS));
   if (FAILED(hr))
      test_skip("Wine's D3D12 has no device here: 0x%08lx",
                (unsigned long)hr);
   EXPECT_U64(child_join(child, VKT_LONG_MS), 0);
}

/* A child with another environment ----------------------------------------- */

struct scene {
   const char *variable;
   const char *value;
   UINT luid; /* 0: none */
   bool shares;
};

#define ADAPTER "MESA_VK_WIN32_D3D12_ADAPTER"

/* A runtime over Vulkan asks all drivers for their LUIDs while it is opened. */
#define ASKS "LVP_D3D12_ASKS"
static struct vkt_device *asker;

static void
ask(void)
{
   EXPECT(!get_ids(asker).deviceLUIDValid);
   EXPECT_U64(share_query(asker, VKT_TIMELINE, SHARE_D3D12)
                 .externalSemaphoreFeatures, 0);
   runtime_load()->on_factory(NULL);
   asker = NULL;
}

/* The runtime is opened once in a process. */
static int
look(int argc, char **argv)
{
   struct child_link link = child_link_open(argc, argv);
   struct scene scene;

   REQUIRE(child_link_receive(&link, &scene, sizeof(scene)));

   const struct runtime *runtime = runtime_load();
   struct vkt_device *device = vkt_open();
   VkPhysicalDeviceIDProperties ids = {0};
   UINT found = 0;

   /* The first that is asked for, unless the runtime is to come before. */
   if (getenv(ASKS)) {
      asker = device;
      runtime->on_factory(ask);
   } else {
      ids = get_ids(device);
   }
   expect_shares(device, VKT_BINARY, scene.shares);
   expect_shares(device, VKT_TIMELINE, scene.shares);
   EXPECT(asker == NULL);

   if (getenv(ASKS))
      ids = get_ids(device);
   EXPECT(ids.deviceLUIDValid == (scene.luid != 0));
   EXPECT_U64(ids.deviceNodeMask, scene.luid != 0);
   memcpy(&found, ids.deviceLUID, sizeof(found));
   if (scene.luid != 0)
      EXPECT_U64(found, scene.luid);
   return test_failed();
}

static void
expect_scene(intptr_t arg)
{
   const struct scene *scene = (const struct scene *)arg;

   runtime_load();
   runtime_set_variable(scene->variable, scene->value);

   struct child *child = child_start("look", NULL, 0);

   REQUIRE(child_send(child, scene, sizeof(*scene)));
   EXPECT_U64(child_join(child, VKT_LONG_MS), 0);
}

#define SCENE(name, ...) \
   {name, expect_scene, (intptr_t)&(const struct scene){__VA_ARGS__}, 0}

const struct test_case test_cases[] = {
   {"loaded_when_asked_for", loaded_when_asked_for, 0, 0},
   {"fence_of_wine", fence_of_wine, 0, 0},
   {"reported", reported, 0, 0},
   {"no_device_but_for_fences", no_device_but_for_fences, 0, 0},
   SCENE("adapter_warp_by_name", ADAPTER, "warp", DOUBLE_WARP_LUID, true),
   SCENE("asked_by_the_runtime", ASKS, "1", DOUBLE_WARP_LUID, true),
   SCENE("adapter_by_number", ADAPTER, "0", DOUBLE_GPU_LUID, true),
   SCENE("adapter_warp_by_number", ADAPTER, "1", DOUBLE_WARP_LUID, true),
   SCENE("adapter_that_is_not_there", ADAPTER, "7", 0, false),
   SCENE("adapter_that_is_no_number", ADAPTER, "0x", 0, false),
   SCENE("no_factory", DOUBLE_FAIL_VARIABLE, "factory", 0, false),
   SCENE("no_warp", DOUBLE_FAIL_VARIABLE, "warp", 0, false),
   SCENE("no_device", DOUBLE_FAIL_VARIABLE, "device", DOUBLE_WARP_LUID, false),
   SCENE("no_fences", DOUBLE_FAIL_VARIABLE, "fence", DOUBLE_WARP_LUID, false),
   SCENE("no_sharing", DOUBLE_FAIL_VARIABLE, "share", DOUBLE_WARP_LUID, false),
   SCENE("no_opening", DOUBLE_FAIL_VARIABLE, "open", DOUBLE_WARP_LUID, false),
   {0},
};

const struct test_role test_roles[] = {
   {"look", look}, {"look_at_modules", look_at_modules},
   {"use_wines_fence", use_wines_fence}, {0},
};

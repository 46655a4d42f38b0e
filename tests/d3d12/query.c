/* SPDX-License-Identifier: MIT */

/* What the driver reports with a D3D12 runtime, without one, and with one that
 * lacks something.
 */
#include "share.h"

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

/* A device in the way of an application that wants to enable Direct3D's debug
 * layer would be removed by that, and it could not get another.
 */
static void
no_device_but_for_fences(intptr_t arg)
{
   const struct runtime *runtime = runtime_load();
   struct vkt_device *device = share_open();

   EXPECT_U64((uint64_t)runtime->d3d12_objects(), 0);

   struct vkt_object *one = share_create(device, VKT_TIMELINE, 0);
   struct vkt_object *two = share_create(device, VKT_BINARY, 0);

   /* And the device */
   EXPECT_U64((uint64_t)runtime->d3d12_objects(), 3);
   vkt_destroy(one);
   EXPECT_U64((uint64_t)runtime->d3d12_objects(), 2);
   vkt_destroy(two);
   EXPECT_U64((uint64_t)runtime->d3d12_objects(), 0);
   EXPECT_U64((uint64_t)runtime->dxgi_objects(), 0);
}

/* Nor if the last two are closed at once: another thread closes one while the
 * driver looks at the device for the other.
 */
static struct vkt_object *last;

static void
close_last(void)
{
   vkt_destroy(last);
   last = NULL;
}

static void
no_device_after_the_last_two(intptr_t arg)
{
   const struct runtime *runtime = runtime_load();
   struct vkt_device *device = share_open();
   struct vkt_object *first = share_create(device, VKT_TIMELINE, 0);

   last = share_create(device, VKT_TIMELINE, 0);
   runtime->on_removed_reason(close_last);
   vkt_destroy(first);
   EXPECT(last == NULL);
   EXPECT_U64((uint64_t)runtime->d3d12_objects(), 0);
}

/* Issue 1 of VK_KHR_external_fence_win32 */
static void
not_for_fences(intptr_t arg)
{
   struct vkt_device *device = share_open();
   const VkPhysicalDeviceExternalFenceInfo info = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_FENCE_INFO,
      .handleType = (VkExternalFenceHandleTypeFlagBits)SHARE_D3D12,
   };
   VkExternalFenceProperties properties = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_FENCE_PROPERTIES,
      .externalFenceFeatures = 7,
   };

   vkGetPhysicalDeviceExternalFenceProperties(device->physical, &info,
                                              &properties);
   EXPECT_U64(properties.externalFenceFeatures, 0);
   EXPECT_U64(properties.compatibleHandleTypes, 0);
   EXPECT_U64(properties.exportFromImportedHandleTypes, 0);
}

static void
reported(intptr_t arg)
{
   struct vkt_device *device = share_open();
   const VkPhysicalDeviceIDProperties ids = get_ids(device);
   DXGI_ADAPTER_DESC1 desc;

   expect_reported(device, VKT_BINARY, true);
   expect_reported(device, VKT_TIMELINE, true);

   /* The adapter that D3D12 programs have to use */
   REQUIRE_HR(IDXGIAdapter1_GetDesc1(runtime_warp_adapter(), &desc), S_OK);
   EXPECT(ids.deviceLUIDValid);
   EXPECT(!memcmp(ids.deviceLUID, &desc.AdapterLuid, sizeof(LUID)));
   EXPECT_U64(ids.deviceNodeMask, 1);
}

/* Programs that have nothing to do with D3D12 are not to pay for it.  One that
 * has not said where the runtime is has to be a process of its own.
 */
static int
look_at_modules(int argc, char **argv)
{
   EXPECT(GetModuleHandleA("d3d12.dll") == NULL);

   struct vkt_device *device = vkt_open();

   vkt_expect_works(vkt_create_exportable(device, VKT_TIMELINE));
   EXPECT(GetModuleHandleA("d3d12.dll") == NULL);

   /* Nor does the LUID take a device, which is what loads these. */
   get_ids(device);
   EXPECT(GetModuleHandleA("d3d12.dll") == NULL);
   EXPECT(GetModuleHandleA("d3d10warp.dll") == NULL);
   return test_failed();
}

static void
loaded_when_asked_for(intptr_t arg)
{
   EXPECT_U64(child_join(child_start("look_at_modules", NULL, 0),
                         VKT_LONG_MS), 0);
}

/* A child with another environment ------------------------------------------ */

struct scene {
   const char *variable;
   const char *value;
   UINT luid; /* 0: none */
   bool shares;
};

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
      EXPECT_RESULT(vkt_try_import(target, SHARE_D3D12, false,
                                   runtime_event(), NULL),
                    VK_ERROR_INVALID_EXTERNAL_HANDLE);
      share_expect_message(device, "There is no Direct3D 12 here that can "
                                   "share fences");
   }
   vkt_expect_works(target);
   vkt_expect_works(vkt_create_exportable(device, kind));
}

/* The runtime is opened once in a process. */
static int
look(int argc, char **argv)
{
   struct child_link link = child_link_open(argc, argv);
   struct scene scene;

   REQUIRE(child_link_receive(&link, &scene, sizeof(scene)));
   runtime_load();

   struct vkt_device *device = vkt_open();
   const VkPhysicalDeviceIDProperties ids = get_ids(device);
   UINT found = 0;

   expect_shares(device, VKT_BINARY, scene.shares);
   expect_shares(device, VKT_TIMELINE, scene.shares);

   EXPECT(ids.deviceLUIDValid == (scene.luid != 0));
   EXPECT_U64(ids.deviceNodeMask, scene.luid != 0);
   memcpy(&found, ids.deviceLUID, sizeof(found));
   if (scene.luid != 0)
      EXPECT_U64(found, scene.luid);
   return test_failed();
}

/* A runtime over Vulkan asks all drivers for their LUIDs while it is opened. */
static struct {
   struct vkt_device *device;
   unsigned calls;
   VkExternalSemaphoreFeatureFlags features;
} asker;

static void
ask(void)
{
   const VkPhysicalDeviceIDProperties ids = get_ids(asker.device);

   asker.calls++;
   asker.features = share_query(asker.device, VKT_TIMELINE, SHARE_D3D12)
                       .externalSemaphoreFeatures;
   EXPECT(!ids.deviceLUIDValid);
}

static int
look_from_within(int argc, char **argv)
{
   runtime_load()->on_factory(ask);
   asker.device = vkt_open();
   EXPECT_U64(share_query(asker.device, VKT_TIMELINE, SHARE_D3D12)
                 .externalSemaphoreFeatures, BOTH);
   EXPECT_U64(asker.calls, 1);
   EXPECT_U64(asker.features, 0);
   return test_failed();
}

static void
asked_by_the_runtime(intptr_t arg)
{
   runtime_load();
   EXPECT_U64(child_join(child_start("look_from_within", NULL, 0),
                         VKT_LONG_MS), 0);
}

static void
unset(void *variable)
{
   _putenv_s(variable, "");
}

static void
expect_scene(intptr_t arg)
{
   const struct scene *scene = (const struct scene *)arg;

   runtime_load();
   REQUIRE(!_putenv_s(scene->variable, scene->value));
   test_defer(unset, (void *)scene->variable);

   struct child *child = child_start("look", NULL, 0);

   REQUIRE(child_send(child, scene, sizeof(*scene)));
   EXPECT_U64(child_join(child, VKT_LONG_MS), 0);
}

#define ADAPTER "MESA_VK_WIN32_D3D12_ADAPTER"

#define SCENE(name, ...) \
   {name, expect_scene, (intptr_t)&(const struct scene){__VA_ARGS__}, 0}

int
main(int argc, char **argv)
{
   const struct test_case cases[] = {
      /* First */
      {"loaded_when_asked_for", loaded_when_asked_for, 0, 0},
      {"reported", reported, 0, 0},
      {"no_device_but_for_fences", no_device_but_for_fences, 0, 0},
      {"no_device_after_the_last_two", no_device_after_the_last_two, 0, 0},
      {"not_for_fences", not_for_fences, 0, 0},
      {"asked_by_the_runtime", asked_by_the_runtime, 0, 0},
      SCENE("adapter_by_number", ADAPTER, "0", DOUBLE_GPU_LUID, true),
      SCENE("adapter_warp_by_number", ADAPTER, "1", DOUBLE_WARP_LUID, true),
      SCENE("adapter_warp_by_name", ADAPTER, "warp", DOUBLE_WARP_LUID, true),
      SCENE("adapter_that_is_not_there", ADAPTER, "7", 0, false),
      SCENE("adapter_that_is_no_number", ADAPTER, "0x", 0, false),
      SCENE("no_factory", DOUBLE_FAIL_VARIABLE, "factory", 0, false),
      SCENE("no_warp", DOUBLE_FAIL_VARIABLE, "warp", 0, false),
      SCENE("no_device", DOUBLE_FAIL_VARIABLE, "device",
            DOUBLE_WARP_LUID, false),
      SCENE("no_fences", DOUBLE_FAIL_VARIABLE, "fence",
            DOUBLE_WARP_LUID, false),
      SCENE("no_sharing", DOUBLE_FAIL_VARIABLE, "share",
            DOUBLE_WARP_LUID, false),
      SCENE("no_opening", DOUBLE_FAIL_VARIABLE, "open",
            DOUBLE_WARP_LUID, false),
      {0},
   };
   const struct test_role roles[] = {
      {"look", look}, {"look_from_within", look_from_within},
      {"look_at_modules", look_at_modules}, {0},
   };

   return test_main(argc, argv, cases, roles);
}

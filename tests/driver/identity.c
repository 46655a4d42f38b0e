/* SPDX-License-Identifier: MIT */

/* With whom payloads can be shared: UUIDs, other builds of the driver, and
 * applications that know no more than Vulkan 1.0 and the extensions.
 */
#include "child.h"
#include "vkt.h"

#include <string.h>

struct uuids {
   uint8_t device[VK_UUID_SIZE];
   uint8_t driver[VK_UUID_SIZE];
};

static struct uuids
query_uuids(void)
{
   VkInstance instance = vkt_create_instance();
   VkPhysicalDeviceIDProperties id = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES,
   };
   VkPhysicalDeviceProperties2 properties = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
      .pNext = &id,
   };
   struct uuids uuids;

   vkGetPhysicalDeviceProperties2(vkt_pick_lavapipe(instance), &properties);
   memcpy(uuids.device, id.deviceUUID, VK_UUID_SIZE);
   memcpy(uuids.driver, id.driverUUID, VK_UUID_SIZE);
   vkDestroyInstance(instance, NULL);
   return uuids;
}

static int
uuids_main(int argc, char **argv)
{
   struct child_link link = child_link_open(argc, argv);
   const struct uuids uuids = query_uuids();

   return child_link_send(&link, &uuids, sizeof(uuids)) ? 0 : 1;
}

/* Opaque handles can go wherever both UUIDs are the same. */
static void
uuids_same_in_instances(UNUSED intptr_t arg)
{
   static const uint8_t none[VK_UUID_SIZE];
   const struct uuids first = query_uuids(), second = query_uuids();

   EXPECT(memcmp(first.device, none, VK_UUID_SIZE));
   EXPECT(memcmp(first.driver, none, VK_UUID_SIZE));
   EXPECT(!memcmp(&first, &second, sizeof(first)));
}

static void
uuids_same_in_processes(UNUSED intptr_t arg)
{
   struct child *child = child_start("uuids", NULL, 0);
   const struct uuids here = query_uuids();
   struct uuids there;

   REQUIRE(child_receive(child, &there, sizeof(there)));
   EXPECT_U64(child_join(child, VKT_LONG_MS), 0);
   EXPECT(!memcmp(&here, &there, sizeof(here)));
}

/* The first bytes of a section say which layout it has; the size and all the
 * rest are right.
 */
#define SECTION_SIZE 4096

static HANDLE
section_of_another_build(HANDLE genuine, uint64_t magic_difference)
{
   HANDLE section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL,
                                       PAGE_READWRITE, 0, SECTION_SIZE, NULL);
   uint64_t *from = MapViewOfFile(genuine, FILE_MAP_READ, 0, 0, SECTION_SIZE);
   uint64_t *to;

   REQUIRE(section != NULL && from != NULL);
   test_own_handle(section);
   to = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, SECTION_SIZE);
   REQUIRE(to != NULL);
   memcpy(to, from, SECTION_SIZE);
   /* The id, so that it is not taken for the genuine one */
   to[2] ^= 1;
   to[0] += magic_difference;
   UnmapViewOfFile(from);
   UnmapViewOfFile(to);
   return section;
}

static void
other_layout_is_refused(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, kind);
   struct vkt_object *b = vkt_create(device, kind);
   HANDLE genuine = vkt_export(a);

   vkt_mark(b);
   for (unsigned i = 0; i < 3; i++) {
      /* The version is the last letter, the name what is before it. */
      static const uint64_t differences[] = {
         UINT64_C(1) << 56, UINT64_C(0) - (UINT64_C(1) << 56), 1,
      };
      HANDLE section = section_of_another_build(genuine, differences[i]);

      vkt_clear_messages(device);
      EXPECT_RESULT(vkt_try_import(b, VKT_OPAQUE_WIN32, false, section, NULL),
                    VK_ERROR_INVALID_EXTERNAL_HANDLE);
      vkt_expect_message(device, "no payload of this version");
      if (kind == VKT_TIMELINE)
         continue;
      EXPECT_RESULT(vkt_try_import(b, VKT_OPAQUE_WIN32, true, section, NULL),
                    VK_ERROR_INVALID_EXTERNAL_HANDLE);
   }
   vkt_expect_marked(b);
   vkt_expect_works(b);
   vkt_expect_works(a);
}

/* The layout decides, not the UUID: another build with the same layout is a
 * good peer. Nothing that a section holds says who made it.
 */
static void
same_layout_is_accepted(intptr_t kind)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), kind);
   HANDLE section = section_of_another_build(vkt_export(a), 0);
   struct vkt_object *b = vkt_alias(vkt_open(), kind, section);
   struct vkt_object *c = vkt_alias(vkt_open(), kind, section);

   vkt_expect_linked(b, c);
   vkt_expect_works(a);
}

/* An application of Vulkan 1.0 */
struct old_application {
   VkInstance instance;
   VkPhysicalDevice physical;
   VkDevice device;
};

static struct old_application
open_old(void)
{
   static const char *const instance_extensions[] = {
      VK_KHR_GET_PHYSICAL_DEVICE_PROPERTIES_2_EXTENSION_NAME,
      VK_KHR_EXTERNAL_FENCE_CAPABILITIES_EXTENSION_NAME,
      VK_KHR_EXTERNAL_SEMAPHORE_CAPABILITIES_EXTENSION_NAME,
   };
   static const char *const device_extensions[] = {
      VK_KHR_EXTERNAL_FENCE_EXTENSION_NAME,
      VK_KHR_EXTERNAL_FENCE_WIN32_EXTENSION_NAME,
      VK_KHR_EXTERNAL_SEMAPHORE_EXTENSION_NAME,
      VK_KHR_EXTERNAL_SEMAPHORE_WIN32_EXTENSION_NAME,
   };
   const float priority = 1.0f;
   const VkDeviceQueueCreateInfo queue = {
      .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
      .queueCount = 1,
      .pQueuePriorities = &priority,
   };
   const VkDeviceCreateInfo device_info = {
      .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
      .queueCreateInfoCount = 1,
      .pQueueCreateInfos = &queue,
      .enabledExtensionCount = TEST_COUNT(device_extensions),
      .ppEnabledExtensionNames = device_extensions,
   };
   struct old_application old;
   uint32_t count = 1;

   old.instance = vkt_create_instance_with(VK_API_VERSION_1_0,
                                           instance_extensions,
                                           TEST_COUNT(instance_extensions));
   REQUIRE_OK(vkEnumeratePhysicalDevices(old.instance, &count,
                                         &old.physical));
   REQUIRE_OK(vkCreateDevice(old.physical, &device_info, NULL, &old.device));
   return old;
}

static void
close_old(struct old_application *old)
{
   vkDestroyDevice(old->device, NULL);
   vkDestroyInstance(old->instance, NULL);
}

static void
vulkan_1_0_queries(intptr_t type)
{
   struct old_application old = open_old();
   const VkPhysicalDeviceExternalFenceInfo fence_info = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_FENCE_INFO,
      .handleType = (VkExternalFenceHandleTypeFlagBits)type,
   };
   const VkPhysicalDeviceExternalSemaphoreInfo semaphore_info = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_SEMAPHORE_INFO,
      .handleType = (VkExternalSemaphoreHandleTypeFlagBits)type,
   };
   VkExternalFenceProperties fence = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_FENCE_PROPERTIES,
   };
   VkExternalSemaphoreProperties semaphore = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_SEMAPHORE_PROPERTIES,
   };
   PFN_vkGetPhysicalDeviceExternalFencePropertiesKHR query_fence;
   PFN_vkGetPhysicalDeviceExternalSemaphorePropertiesKHR query_semaphore;

   query_fence = (PFN_vkGetPhysicalDeviceExternalFencePropertiesKHR)
      vkGetInstanceProcAddr(old.instance,
                            "vkGetPhysicalDeviceExternalFencePropertiesKHR");
   query_semaphore = (PFN_vkGetPhysicalDeviceExternalSemaphorePropertiesKHR)
      vkGetInstanceProcAddr(
         old.instance, "vkGetPhysicalDeviceExternalSemaphorePropertiesKHR");
   REQUIRE(query_fence != NULL && query_semaphore != NULL);
   query_fence(old.physical, &fence_info, &fence);
   query_semaphore(old.physical, &semaphore_info, &semaphore);
   EXPECT_U64(fence.externalFenceFeatures, 3);
   EXPECT(fence.compatibleHandleTypes & (VkFlags)type);
   EXPECT(fence.exportFromImportedHandleTypes & (VkFlags)type);
   EXPECT_U64(semaphore.externalSemaphoreFeatures, 3);
   EXPECT(semaphore.compatibleHandleTypes & (VkFlags)type);
   EXPECT(semaphore.exportFromImportedHandleTypes & (VkFlags)type);
   close_old(&old);
}

static void
vulkan_1_0_exports(UNUSED intptr_t arg)
{
   struct old_application old = open_old();
   struct vkt_device device = {
      .handle = old.device,
      .GetFenceWin32Handle =
         (PFN_vkGetFenceWin32HandleKHR)vkGetDeviceProcAddr(
            old.device, "vkGetFenceWin32HandleKHR"),
   };
   const struct vkt_object_info info = {
      .kind = VKT_FENCE,
      .export_types = VKT_OPAQUE_WIN32,
      .initial = 1,
   };
   struct vkt_object *a = vkt_create_info(&device, &info);

   EXPECT_U64(vkt_value(vkt_share(a, vkt_open())), 1);
   vkt_destroy(a);
   close_old(&old);
}

const struct test_case test_cases[] = {
   {"uuids_same_in_instances", uuids_same_in_instances},
   {"uuids_same_in_processes", uuids_same_in_processes},
   VKT_CASES("other_layout_is_refused", other_layout_is_refused),
   VKT_CASES("same_layout_is_accepted", same_layout_is_accepted),
   {"vulkan_1_0_queries_opaque_win32", vulkan_1_0_queries, VKT_OPAQUE_WIN32},
   {"vulkan_1_0_queries_opaque_win32_kmt", vulkan_1_0_queries,
    VKT_OPAQUE_WIN32_KMT},
   {"vulkan_1_0_exports", vulkan_1_0_exports},
   {0},
};

const struct test_role test_roles[] = {{"uuids", uuids_main}, {0}};

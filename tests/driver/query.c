/* SPDX-License-Identifier: MIT */

/* What the driver says it can do, and to whom: also to applications that know
 * no more than Vulkan 1.0 and the extensions.
 */
#include "child.h"
#include "vkt.h"

#include <string.h>

/* With them they are there: vkt_open() demands all. */
static void
entry_points_without_extensions(UNUSED intptr_t arg)
{
   static const char *const names[] = {
      "vkImportFenceWin32HandleKHR",
      "vkGetFenceWin32HandleKHR",
      "vkImportSemaphoreWin32HandleKHR",
      "vkGetSemaphoreWin32HandleKHR",
      "vkGetMemoryWin32HandleKHR",
      "vkGetMemoryWin32HandlePropertiesKHR",
   };
   VkDevice device = vkt_create_bare_device(vkt_open()->physical, NULL);

   for (size_t i = 0; i < TEST_COUNT(names); i++) {
      if (vkGetDeviceProcAddr(device, names[i]) != NULL)
         test_fail(false, __FILE__, __LINE__, "%s is there", names[i]);
   }
   vkDestroyDevice(device, NULL);
}

struct queries {
   VkPhysicalDevice physical;
   PFN_vkGetPhysicalDeviceExternalFenceProperties fence;
   PFN_vkGetPhysicalDeviceExternalSemaphoreProperties semaphore;
};

/* The structures of both extensions have the same members. */
static void
expect_features(const struct queries *queries, enum vkt_kind kind,
                VkFlags type, const void *chain)
{
   const bool is_fence = kind == VKT_FENCE;
   const VkFlags supported =
      type & (VKT_OPAQUE_WIN32 | VKT_OPAQUE_WIN32_KMT);
   const VkFlags features = VK_EXTERNAL_SEMAPHORE_FEATURE_EXPORTABLE_BIT |
                            VK_EXTERNAL_SEMAPHORE_FEATURE_IMPORTABLE_BIT;
   const VkPhysicalDeviceExternalSemaphoreInfo info = {
      .sType = is_fence
                  ? VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_FENCE_INFO
                  : VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_SEMAPHORE_INFO,
      .pNext = chain,
      .handleType = (VkExternalSemaphoreHandleTypeFlagBits)type,
   };
   /* Stale bits would show through what the driver leaves alone. */
   VkExternalSemaphoreProperties p = {
      .sType = is_fence ? VK_STRUCTURE_TYPE_EXTERNAL_FENCE_PROPERTIES
                        : VK_STRUCTURE_TYPE_EXTERNAL_SEMAPHORE_PROPERTIES,
      .exportFromImportedHandleTypes = 0xdeadbeef,
      .compatibleHandleTypes = 0xdeadbeef,
      .externalSemaphoreFeatures = 0xdeadbeef,
   };

   if (is_fence)
      queries->fence(queries->physical,
                     (const VkPhysicalDeviceExternalFenceInfo *)&info,
                     (VkExternalFenceProperties *)&p);
   else
      queries->semaphore(queries->physical, &info, &p);
   test_diag("%s, handle type 0x%x", vkt_kind_name(kind), (unsigned)type);
   EXPECT_U64(p.externalSemaphoreFeatures, supported ? features : 0);
   EXPECT_U64(p.exportFromImportedHandleTypes, supported);
   EXPECT_U64(p.compatibleHandleTypes, supported);
}

/* Each handle type that is supported goes with itself alone. */
static void
expect_all_features(const struct queries *queries)
{
   for (int kind = VKT_FENCE; kind <= VKT_TIMELINE; kind++) {
      const VkSemaphoreTypeCreateInfo info = {
         .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
         .semaphoreType = kind == VKT_TIMELINE ? VK_SEMAPHORE_TYPE_TIMELINE
                                               : VK_SEMAPHORE_TYPE_BINARY,
      };

      for (unsigned bit = 0; bit < 32; bit++)
         expect_features(queries, kind, UINT32_C(1) << bit,
                         kind == VKT_FENCE ? NULL : &info);
   }
   /* Without a type, a semaphore is binary. */
   expect_features(queries, VKT_BINARY, VKT_OPAQUE_WIN32, NULL);
}

static void
handle_types(UNUSED intptr_t arg)
{
   expect_all_features(&(struct queries){
      .physical = vkt_open()->physical,
      .fence = vkGetPhysicalDeviceExternalFenceProperties,
      .semaphore = vkGetPhysicalDeviceExternalSemaphoreProperties,
   });
}

/* By the names that the commands have as extensions */
static void
vulkan_1_0_is_enough(UNUSED intptr_t arg)
{
   static const char *const extensions[] = {
      VK_KHR_GET_PHYSICAL_DEVICE_PROPERTIES_2_EXTENSION_NAME,
      VK_KHR_EXTERNAL_FENCE_CAPABILITIES_EXTENSION_NAME,
      VK_KHR_EXTERNAL_SEMAPHORE_CAPABILITIES_EXTENSION_NAME,
   };
   const VkInstance instance = vkt_create_instance_with(
      VK_API_VERSION_1_0, extensions, TEST_COUNT(extensions));
   struct queries queries = {
      .fence = (PFN_vkGetPhysicalDeviceExternalFencePropertiesKHR)
         vkGetInstanceProcAddr(
            instance, "vkGetPhysicalDeviceExternalFencePropertiesKHR"),
      .semaphore = (PFN_vkGetPhysicalDeviceExternalSemaphorePropertiesKHR)
         vkGetInstanceProcAddr(
            instance, "vkGetPhysicalDeviceExternalSemaphorePropertiesKHR"),
   };
   const struct vkt_object_info info = {
      .kind = VKT_FENCE,
      .export_types = VKT_OPAQUE_WIN32,
      .initial = 1,
   };
   struct vkt_device device = {0};
   struct vkt_object *fence;
   uint32_t count = 1;

   REQUIRE_OK(vkEnumeratePhysicalDevices(instance, &count,
                                         &queries.physical));
   REQUIRE(queries.fence != NULL && queries.semaphore != NULL);
   expect_all_features(&queries);

   device.handle = vkt_create_bare_device(
      queries.physical, VK_KHR_EXTERNAL_FENCE_WIN32_EXTENSION_NAME);
   device.GetFenceWin32Handle = (PFN_vkGetFenceWin32HandleKHR)
      vkGetDeviceProcAddr(device.handle, "vkGetFenceWin32HandleKHR");
   fence = vkt_create_info(&device, &info);
   EXPECT_U64(vkt_value(vkt_share(fence, vkt_open())), 1);
   vkt_destroy(fence);
   vkDestroyDevice(device.handle, NULL);
   vkDestroyInstance(instance, NULL);
}

struct uuids {
   uint8_t device[VK_UUID_SIZE];
   uint8_t driver[VK_UUID_SIZE];
};

static struct uuids
query_uuids(void)
{
   VkPhysicalDeviceIDProperties id = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES,
   };
   VkPhysicalDeviceProperties2 properties = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
      .pNext = &id,
   };
   struct uuids uuids;

   vkGetPhysicalDeviceProperties2(vkt_open()->physical, &properties);
   memcpy(uuids.device, id.deviceUUID, VK_UUID_SIZE);
   memcpy(uuids.driver, id.driverUUID, VK_UUID_SIZE);
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
uuids_are_the_same(UNUSED intptr_t arg)
{
   static const uint8_t none[VK_UUID_SIZE];
   struct child *child = child_start("uuids", NULL, 0);
   const struct uuids first = query_uuids(), second = query_uuids();
   struct uuids there;

   EXPECT(memcmp(first.device, none, VK_UUID_SIZE));
   EXPECT(memcmp(first.driver, none, VK_UUID_SIZE));
   EXPECT(!memcmp(&first, &second, sizeof(first)));
   REQUIRE(child_receive(child, &there, sizeof(there)));
   EXPECT_U64(child_join(child, VKT_LONG_MS), 0);
   EXPECT(!memcmp(&first, &there, sizeof(first)));
}

/* Those that they depend on among them; vulkan_1_0_is_enough has the
 * instance's.
 */
static void
devinfo_shows_extensions(UNUSED intptr_t arg)
{
   static const char *const wanted[] = {
      "deviceName: llvmpipe",
      "driverName: llvmpipe",
      "apiVersion: 1.",
      "VK_KHR_external_fence revision 1",
      "VK_KHR_external_fence_win32 revision 1",
      "VK_KHR_external_memory_win32 revision 1",
      "VK_KHR_external_semaphore revision 1",
      "VK_KHR_external_semaphore_win32 revision 1",
   };
   char path[MAX_PATH], output[16384];
   struct child *child;

   child_sibling_program("devinfo.exe", path, sizeof(path));
   child = child_start_program(path, "");
   child_read_output(child, output, sizeof(output));
   EXPECT_U64(child_join(child, VKT_LONG_MS), 0);
   for (size_t i = 0; i < TEST_COUNT(wanted); i++) {
      if (!strstr(output, wanted[i]))
         test_fail(false, __FILE__, __LINE__, "\"%s\" is not shown",
                   wanted[i]);
   }
   if (test_failed())
      test_diag("%s", output);
}

/* What all other tests go by */
static void
codes_are_those_of_the_registry(UNUSED intptr_t arg)
{
   static const struct {
      const char *command;
      VkResult result;
      bool listed;
   } codes[] = {
      {"vkAllocateMemory", VK_ERROR_INVALID_EXTERNAL_HANDLE, true},
      {"vkCreateFence", VK_ERROR_INVALID_EXTERNAL_HANDLE, false},
      {"vkCreateFence", VK_ERROR_OUT_OF_DEVICE_MEMORY, true},
      {"vkCreateSemaphore", VK_ERROR_INITIALIZATION_FAILED, false},
      {"vkGetFenceWin32HandleKHR", VK_ERROR_INVALID_EXTERNAL_HANDLE, false},
      {"vkGetMemoryWin32HandleKHR", VK_ERROR_TOO_MANY_OBJECTS, true},
      {"vkGetSemaphoreCounterValueKHR", VK_ERROR_DEVICE_LOST, true},
      {"vkResetFences", VK_ERROR_OUT_OF_HOST_MEMORY, false},
      {"vkSignalSemaphore", VK_ERROR_DEVICE_LOST, false},
      {"vkWaitForFences", VK_TIMEOUT, true},
      {"vkWaitForFences", VK_NOT_READY, false},
   };

   for (unsigned i = 0; i < TEST_COUNT(codes); i++) {
      if (vkt_is_listed(codes[i].command, codes[i].result) != codes[i].listed)
         test_fail(false, __FILE__, __LINE__, "%s: %s", codes[i].command,
                   vkt_result_name(codes[i].result));
   }
}

const struct test_case test_cases[] = {
   {"codes_are_those_of_the_registry", codes_are_those_of_the_registry},
   {"entry_points_without_extensions", entry_points_without_extensions},
   {"handle_types", handle_types},
   {"vulkan_1_0_is_enough", vulkan_1_0_is_enough},
   {"uuids_are_the_same", uuids_are_the_same},
   {"devinfo_shows_extensions", devinfo_shows_extensions},
   {0},
};

const struct test_role test_roles[] = {{"uuids", uuids_main}, {0}};

/* SPDX-License-Identifier: MIT */

/* What the driver says it can do.  Each handle type goes with itself alone. */
#include "child.h"
#include "vkt.h"

#include <stdlib.h>
#include <string.h>

static uint32_t
find_extension(const VkExtensionProperties *extensions, uint32_t count,
               intptr_t name)
{
   for (uint32_t i = 0; i < count; i++) {
      if (!strcmp(extensions[i].extensionName, (const char *)name))
         return extensions[i].specVersion;
   }
   return 0;
}

static void
device_extension(intptr_t name)
{
   VkPhysicalDevice physical = vkt_open()->physical;
   VkExtensionProperties *extensions;
   uint32_t count = 0;

   REQUIRE_OK(vkEnumerateDeviceExtensionProperties(physical, NULL, &count,
                                                   NULL));
   extensions = calloc(count, sizeof(*extensions));
   REQUIRE(extensions != NULL);
   REQUIRE_OK(vkEnumerateDeviceExtensionProperties(physical, NULL, &count,
                                                   extensions));
   EXPECT_U64(find_extension(extensions, count, name), 1);
   free(extensions);
}

static void
instance_extension(intptr_t name)
{
   VkExtensionProperties extensions[64];
   uint32_t count = TEST_COUNT(extensions);

   REQUIRE_OK(vkEnumerateInstanceExtensionProperties(NULL, &count,
                                                     extensions));
   EXPECT(find_extension(extensions, count, name));
}

/* vkt_open() demands all of them. */
static void
entry_points_with_extensions(UNUSED intptr_t arg)
{
   vkt_open();
}

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

/* The structures of both extensions have the same members. */
static VkExternalSemaphoreProperties
query(VkPhysicalDevice physical, enum vkt_kind kind, VkFlags type,
      const void *chain)
{
   const VkPhysicalDeviceExternalSemaphoreInfo info = {
      .sType = kind == VKT_FENCE
                  ? VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_FENCE_INFO
                  : VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_SEMAPHORE_INFO,
      .pNext = chain,
      .handleType = (VkExternalSemaphoreHandleTypeFlagBits)type,
   };
   /* Stale bits would show through what the driver leaves alone. */
   VkExternalSemaphoreProperties p = {
      .sType = kind == VKT_FENCE
                  ? VK_STRUCTURE_TYPE_EXTERNAL_FENCE_PROPERTIES
                  : VK_STRUCTURE_TYPE_EXTERNAL_SEMAPHORE_PROPERTIES,
      .exportFromImportedHandleTypes = 0xdeadbeef,
      .compatibleHandleTypes = 0xdeadbeef,
      .externalSemaphoreFeatures = 0xdeadbeef,
   };

   if (kind == VKT_FENCE)
      vkGetPhysicalDeviceExternalFenceProperties(
         physical, (const VkPhysicalDeviceExternalFenceInfo *)&info,
         (VkExternalFenceProperties *)&p);
   else
      vkGetPhysicalDeviceExternalSemaphoreProperties(physical, &info, &p);
   return p;
}

static void
expect_features(VkPhysicalDevice physical, enum vkt_kind kind, VkFlags type,
                const void *chain, bool supported)
{
   const VkExternalSemaphoreProperties p = query(physical, kind, type, chain);
   const VkFlags features = VK_EXTERNAL_SEMAPHORE_FEATURE_EXPORTABLE_BIT |
                            VK_EXTERNAL_SEMAPHORE_FEATURE_IMPORTABLE_BIT;

   test_diag("%s, handle type 0x%x", vkt_kind_name(kind), (unsigned)type);
   EXPECT_U64(p.externalSemaphoreFeatures, supported ? features : 0);
   EXPECT_U64(p.exportFromImportedHandleTypes, supported ? type : 0);
   EXPECT_U64(p.compatibleHandleTypes, supported ? type : 0);
}

static void
expect_of_kind(VkPhysicalDevice physical, enum vkt_kind kind, VkFlags type,
               bool supported)
{
   const VkSemaphoreTypeCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
      .semaphoreType = kind == VKT_TIMELINE ? VK_SEMAPHORE_TYPE_TIMELINE
                                            : VK_SEMAPHORE_TYPE_BINARY,
   };

   expect_features(physical, kind, type, kind == VKT_FENCE ? NULL : &info,
                   supported);
}

static void
query_supported(intptr_t arg)
{
   expect_of_kind(vkt_open()->physical, arg & 0xff, arg >> 8, true);
}

static void
query_unsupported(intptr_t arg)
{
   expect_of_kind(vkt_open()->physical, arg & 0xff, arg >> 8, false);
}

static void
query_semaphore_without_type(UNUSED intptr_t arg)
{
   expect_features(vkt_open()->physical, VKT_BINARY, VKT_OPAQUE_WIN32, NULL,
                   true);
}

static void
query_unknown(intptr_t kind)
{
   VkPhysicalDevice physical = vkt_open()->physical;

   for (unsigned bit = 5; bit < 32; bit++)
      expect_of_kind(physical, kind, UINT32_C(1) << bit, false);
}

static void
devinfo_shows_extensions(UNUSED intptr_t arg)
{
   static const char *const wanted[] = {
      "deviceName: llvmpipe",
      "driverName: llvmpipe",
      "apiVersion: 1.",
      "VK_KHR_external_fence_win32",
      "VK_KHR_external_memory_win32",
      "VK_KHR_external_semaphore_win32",
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
   {"device_extension_external_fence_win32", device_extension,
    (intptr_t)VK_KHR_EXTERNAL_FENCE_WIN32_EXTENSION_NAME},
   {"device_extension_external_semaphore_win32", device_extension,
    (intptr_t)VK_KHR_EXTERNAL_SEMAPHORE_WIN32_EXTENSION_NAME},
   {"device_extension_external_fence", device_extension,
    (intptr_t)VK_KHR_EXTERNAL_FENCE_EXTENSION_NAME},
   {"device_extension_external_semaphore", device_extension,
    (intptr_t)VK_KHR_EXTERNAL_SEMAPHORE_EXTENSION_NAME},
   {"instance_extension_external_fence_capabilities", instance_extension,
    (intptr_t)VK_KHR_EXTERNAL_FENCE_CAPABILITIES_EXTENSION_NAME},
   {"instance_extension_external_semaphore_capabilities", instance_extension,
    (intptr_t)VK_KHR_EXTERNAL_SEMAPHORE_CAPABILITIES_EXTENSION_NAME},
   {"entry_points_with_extensions", entry_points_with_extensions},
   {"entry_points_without_extensions", entry_points_without_extensions},
   VKT_CASES_WITH("query_opaque_win32", query_supported, VKT_OPAQUE_WIN32),
   VKT_CASES_WITH("query_opaque_win32_kmt", query_supported,
                  VKT_OPAQUE_WIN32_KMT),
   {"query_opaque_win32_semaphore_without_type",
    query_semaphore_without_type},
   VKT_CASES_WITH("query_opaque_fd", query_unsupported,
                  VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_FD_BIT),
   {"query_d3d12_fence_binary", query_unsupported,
    VKT_WITH(VKT_BINARY, VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_D3D12_FENCE_BIT)},
   {"query_d3d12_fence_timeline", query_unsupported,
    VKT_WITH(VKT_TIMELINE,
             VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_D3D12_FENCE_BIT)},
   {"query_sync_fd_fence", query_unsupported,
    VKT_WITH(VKT_FENCE, VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT)},
   {"query_sync_fd_binary", query_unsupported,
    VKT_WITH(VKT_BINARY, VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT)},
   {"query_sync_fd_timeline", query_unsupported,
    VKT_WITH(VKT_TIMELINE, VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT)},
   VKT_CASES("query_unknown_types", query_unknown),
   {"devinfo_shows_extensions", devinfo_shows_extensions},
   {0},
};

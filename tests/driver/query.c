/* SPDX-License-Identifier: MIT */

/* What the driver says it can do.  Each handle type goes with itself alone. */
#include "child.h"
#include "vkt.h"

#include <stdlib.h>
#include <string.h>

static uint32_t
find_extension(const VkExtensionProperties *extensions, uint32_t count,
               const char *name)
{
   for (uint32_t i = 0; i < count; i++) {
      if (!strcmp(extensions[i].extensionName, name))
         return extensions[i].specVersion;
   }
   return 0;
}

static VkInstance
open_instance(VkPhysicalDevice *physical)
{
   VkInstance instance = vkt_create_instance();

   *physical = vkt_pick_lavapipe(instance);
   return instance;
}

enum extension {
   FENCE_WIN32,
   SEMAPHORE_WIN32,
   FENCE,
   SEMAPHORE,
   FENCE_CAPABILITIES,
   SEMAPHORE_CAPABILITIES,
};

static const char *const extension_names[] = {
   VK_KHR_EXTERNAL_FENCE_WIN32_EXTENSION_NAME,
   VK_KHR_EXTERNAL_SEMAPHORE_WIN32_EXTENSION_NAME,
   VK_KHR_EXTERNAL_FENCE_EXTENSION_NAME,
   VK_KHR_EXTERNAL_SEMAPHORE_EXTENSION_NAME,
   VK_KHR_EXTERNAL_FENCE_CAPABILITIES_EXTENSION_NAME,
   VK_KHR_EXTERNAL_SEMAPHORE_CAPABILITIES_EXTENSION_NAME,
};

static void
device_extension(intptr_t extension)
{
   VkPhysicalDevice physical;
   VkInstance instance = open_instance(&physical);
   VkExtensionProperties *extensions;
   uint32_t count = 0;

   REQUIRE_OK(vkEnumerateDeviceExtensionProperties(physical, NULL, &count,
                                                   NULL));
   extensions = calloc(count, sizeof(*extensions));
   REQUIRE(extensions != NULL);
   REQUIRE_OK(vkEnumerateDeviceExtensionProperties(physical, NULL, &count,
                                                   extensions));
   EXPECT_U64(find_extension(extensions, count, extension_names[extension]),
              1);
   free(extensions);
   vkDestroyInstance(instance, NULL);
}

static void
instance_extension(intptr_t extension)
{
   VkExtensionProperties extensions[64];
   uint32_t count = TEST_COUNT(extensions);

   REQUIRE_OK(vkEnumerateInstanceExtensionProperties(NULL, &count,
                                                     extensions));
   EXPECT(find_extension(extensions, count, extension_names[extension]));
}

static void
entry_points_with_extensions(intptr_t arg)
{
   struct vkt_device *device = vkt_open();

   (void)arg;
   EXPECT(device->ImportFenceWin32Handle != NULL);
   EXPECT(device->GetFenceWin32Handle != NULL);
   EXPECT(device->ImportSemaphoreWin32Handle != NULL);
   EXPECT(device->GetSemaphoreWin32Handle != NULL);
   EXPECT(device->GetMemoryWin32Handle != NULL);
   EXPECT(device->GetMemoryWin32HandleProperties != NULL);
}

static void
entry_points_without_extensions(intptr_t arg)
{
   static const char *const names[] = {
      "vkImportFenceWin32HandleKHR",
      "vkGetFenceWin32HandleKHR",
      "vkImportSemaphoreWin32HandleKHR",
      "vkGetSemaphoreWin32HandleKHR",
      "vkGetMemoryWin32HandleKHR",
      "vkGetMemoryWin32HandlePropertiesKHR",
   };
   VkPhysicalDevice physical;
   VkInstance instance = open_instance(&physical);
   VkDevice device = vkt_create_bare_device(physical, NULL);

   (void)arg;
   for (size_t i = 0; i < TEST_COUNT(names); i++) {
      if (vkGetDeviceProcAddr(device, names[i]) != NULL)
         test_fail(false, __FILE__, __LINE__, "%s is there", names[i]);
   }
   vkDestroyDevice(device, NULL);
   vkDestroyInstance(instance, NULL);
}

struct properties {
   VkFlags export_from_imported;
   VkFlags compatible;
   bool exportable;
   bool importable;
};

static struct properties
fence_properties(VkPhysicalDevice physical, VkFlags type)
{
   const VkPhysicalDeviceExternalFenceInfo info = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_FENCE_INFO,
      .handleType = (VkExternalFenceHandleTypeFlagBits)type,
   };
   /* Stale bits would show through what the driver leaves alone. */
   VkExternalFenceProperties p = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_FENCE_PROPERTIES,
      .exportFromImportedHandleTypes = 0xdeadbeef,
      .compatibleHandleTypes = 0xdeadbeef,
      .externalFenceFeatures = 0xdeadbeef,
   };

   vkGetPhysicalDeviceExternalFenceProperties(physical, &info, &p);
   EXPECT_U64(p.externalFenceFeatures & ~3u, 0);
   return (struct properties){
      .export_from_imported = p.exportFromImportedHandleTypes,
      .compatible = p.compatibleHandleTypes,
      .exportable = (p.externalFenceFeatures &
                     VK_EXTERNAL_FENCE_FEATURE_EXPORTABLE_BIT) != 0,
      .importable = (p.externalFenceFeatures &
                     VK_EXTERNAL_FENCE_FEATURE_IMPORTABLE_BIT) != 0,
   };
}

static struct properties
semaphore_properties(VkPhysicalDevice physical, VkFlags type,
                     const void *chain)
{
   const VkPhysicalDeviceExternalSemaphoreInfo info = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_SEMAPHORE_INFO,
      .pNext = chain,
      .handleType = (VkExternalSemaphoreHandleTypeFlagBits)type,
   };
   VkExternalSemaphoreProperties p = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_SEMAPHORE_PROPERTIES,
      .exportFromImportedHandleTypes = 0xdeadbeef,
      .compatibleHandleTypes = 0xdeadbeef,
      .externalSemaphoreFeatures = 0xdeadbeef,
   };

   vkGetPhysicalDeviceExternalSemaphoreProperties(physical, &info, &p);
   EXPECT_U64(p.externalSemaphoreFeatures & ~3u, 0);
   return (struct properties){
      .export_from_imported = p.exportFromImportedHandleTypes,
      .compatible = p.compatibleHandleTypes,
      .exportable = (p.externalSemaphoreFeatures &
                     VK_EXTERNAL_SEMAPHORE_FEATURE_EXPORTABLE_BIT) != 0,
      .importable = (p.externalSemaphoreFeatures &
                     VK_EXTERNAL_SEMAPHORE_FEATURE_IMPORTABLE_BIT) != 0,
   };
}

static struct properties
query(VkPhysicalDevice physical, enum vkt_kind kind, VkFlags type)
{
   const VkSemaphoreTypeCreateInfo type_info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
      .semaphoreType = kind == VKT_TIMELINE ? VK_SEMAPHORE_TYPE_TIMELINE
                                            : VK_SEMAPHORE_TYPE_BINARY,
   };

   return kind == VKT_FENCE
             ? fence_properties(physical, type)
             : semaphore_properties(physical, type, &type_info);
}

static void
expect_supported(struct properties p, VkFlags type)
{
   EXPECT(p.exportable);
   EXPECT(p.importable);
   EXPECT_U64(p.compatible, type);
   EXPECT_U64(p.export_from_imported, type);
}

static void
query_opaque(enum vkt_kind kind, VkFlags type)
{
   VkPhysicalDevice physical;
   VkInstance instance = open_instance(&physical);

   expect_supported(query(physical, kind, type), type);
   vkDestroyInstance(instance, NULL);
}

static void
query_opaque_win32(intptr_t kind)
{
   query_opaque((enum vkt_kind)kind, VKT_OPAQUE_WIN32);
}

static void
query_opaque_win32_kmt(intptr_t kind)
{
   query_opaque((enum vkt_kind)kind, VKT_OPAQUE_WIN32_KMT);
}

static void
query_semaphore_without_type(intptr_t arg)
{
   VkPhysicalDevice physical;
   VkInstance instance = open_instance(&physical);

   (void)arg;
   expect_supported(semaphore_properties(physical, VKT_OPAQUE_WIN32, NULL),
                    VKT_OPAQUE_WIN32);
   vkDestroyInstance(instance, NULL);
}

static void
expect_unsupported(VkPhysicalDevice physical, enum vkt_kind kind, VkFlags type)
{
   const struct properties p = query(physical, kind, type);

   if (p.exportable || p.importable || p.export_from_imported || p.compatible)
      test_fail(false, __FILE__, __LINE__,
                "%s, handle type 0x%x: export %d, import %d, "
                "export from imported 0x%x, compatible 0x%x",
                vkt_kind_name(kind), (unsigned)type, p.exportable,
                p.importable, (unsigned)p.export_from_imported,
                (unsigned)p.compatible);
}

#define FOREIGN(kind, type) ((intptr_t)(kind) << 16 | (type))

static void
query_foreign(intptr_t arg)
{
   VkPhysicalDevice physical;
   VkInstance instance = open_instance(&physical);

   expect_unsupported(physical, (enum vkt_kind)(arg >> 16), arg & 0xffff);
   vkDestroyInstance(instance, NULL);
}

static void
query_unknown(intptr_t kind)
{
   VkPhysicalDevice physical;
   VkInstance instance = open_instance(&physical);

   for (unsigned bit = 5; bit < 32; bit++)
      expect_unsupported(physical, (enum vkt_kind)kind, UINT32_C(1) << bit);
   vkDestroyInstance(instance, NULL);
}

static void
devinfo_shows_extensions(intptr_t arg)
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

   (void)arg;
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
codes_are_those_of_the_registry(intptr_t arg)
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

   (void)arg;
   for (unsigned i = 0; i < TEST_COUNT(codes); i++) {
      if (vkt_is_listed(codes[i].command, codes[i].result) != codes[i].listed)
         test_fail(false, __FILE__, __LINE__, "%s: %s", codes[i].command,
                   vkt_result_name(codes[i].result));
   }
}

static const struct test_case cases[] = {
   {"codes_are_those_of_the_registry", codes_are_those_of_the_registry, 0, 0},
   {"device_extension_external_fence_win32", device_extension,
    FENCE_WIN32, 0},
   {"device_extension_external_semaphore_win32", device_extension,
    SEMAPHORE_WIN32, 0},
   {"device_extension_external_fence", device_extension,
    FENCE, 0},
   {"device_extension_external_semaphore", device_extension,
    SEMAPHORE, 0},
   {"instance_extension_external_fence_capabilities", instance_extension,
    FENCE_CAPABILITIES, 0},
   {"instance_extension_external_semaphore_capabilities", instance_extension,
    SEMAPHORE_CAPABILITIES, 0},
   {"entry_points_with_extensions", entry_points_with_extensions, 0, 0},
   {"entry_points_without_extensions", entry_points_without_extensions, 0, 0},
   {"query_opaque_win32_fence", query_opaque_win32, VKT_FENCE, 0},
   {"query_opaque_win32_binary", query_opaque_win32, VKT_BINARY, 0},
   {"query_opaque_win32_timeline", query_opaque_win32, VKT_TIMELINE, 0},
   {"query_opaque_win32_semaphore_without_type", query_semaphore_without_type,
    0, 0},
   {"query_opaque_fd_fence", query_foreign,
    FOREIGN(VKT_FENCE, VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_FD_BIT), 0},
   {"query_opaque_win32_kmt_fence", query_opaque_win32_kmt, VKT_FENCE, 0},
   {"query_sync_fd_fence", query_foreign,
    FOREIGN(VKT_FENCE, VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT), 0},
   {"query_opaque_fd_binary", query_foreign,
    FOREIGN(VKT_BINARY, VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT), 0},
   {"query_opaque_win32_kmt_binary", query_opaque_win32_kmt, VKT_BINARY, 0},
   {"query_d3d12_fence_binary", query_foreign,
    FOREIGN(VKT_BINARY, VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_D3D12_FENCE_BIT), 0},
   {"query_sync_fd_binary", query_foreign,
    FOREIGN(VKT_BINARY, VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT), 0},
   {"query_opaque_fd_timeline", query_foreign,
    FOREIGN(VKT_TIMELINE, VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT), 0},
   {"query_opaque_win32_kmt_timeline", query_opaque_win32_kmt, VKT_TIMELINE, 0},
   {"query_d3d12_fence_timeline", query_foreign,
    FOREIGN(VKT_TIMELINE,
            VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_D3D12_FENCE_BIT), 0},
   {"query_sync_fd_timeline", query_foreign,
    FOREIGN(VKT_TIMELINE, VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT), 0},
   {"query_unknown_types_fence", query_unknown, VKT_FENCE, 0},
   {"query_unknown_types_binary", query_unknown, VKT_BINARY, 0},
   {"query_unknown_types_timeline", query_unknown, VKT_TIMELINE, 0},
   {"devinfo_shows_extensions", devinfo_shows_extensions, 0, 0},
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}

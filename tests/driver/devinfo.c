/* SPDX-License-Identifier: MIT */

/* The part of vulkaninfo that these extensions concern: the physical
 * devices, their extensions for external objects, and what every handle type
 * can do with fences, semaphores and memory.
 */
#ifndef VK_USE_PLATFORM_WIN32_KHR
#define VK_USE_PLATFORM_WIN32_KHR
#endif
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

struct handle_type {
   VkFlags bit;
   const char *name;
};

static const struct handle_type fence_types[] = {
   {VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_FD_BIT, "OPAQUE_FD"},
   {VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_WIN32_BIT, "OPAQUE_WIN32"},
   {VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_WIN32_KMT_BIT, "OPAQUE_WIN32_KMT"},
   {VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT, "SYNC_FD"},
   {0},
};

static const struct handle_type semaphore_types[] = {
   {VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT, "OPAQUE_FD"},
   {VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT, "OPAQUE_WIN32"},
   {VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_KMT_BIT,
    "OPAQUE_WIN32_KMT"},
   {VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_D3D12_FENCE_BIT, "D3D12_FENCE"},
   {VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT, "SYNC_FD"},
   {0},
};

static const struct handle_type memory_types[] = {
   {VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT, "OPAQUE_FD"},
   {VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_WIN32_BIT, "OPAQUE_WIN32"},
   {VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_WIN32_KMT_BIT, "OPAQUE_WIN32_KMT"},
   {VK_EXTERNAL_MEMORY_HANDLE_TYPE_D3D11_TEXTURE_BIT, "D3D11_TEXTURE"},
   {VK_EXTERNAL_MEMORY_HANDLE_TYPE_D3D11_TEXTURE_KMT_BIT,
    "D3D11_TEXTURE_KMT"},
   {VK_EXTERNAL_MEMORY_HANDLE_TYPE_D3D12_HEAP_BIT, "D3D12_HEAP"},
   {VK_EXTERNAL_MEMORY_HANDLE_TYPE_D3D12_RESOURCE_BIT, "D3D12_RESOURCE"},
   {VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
    "HOST_ALLOCATION"},
   {0},
};

static void
print_names(VkFlags bits, const struct handle_type *types, int width)
{
   char text[128] = "";

   for (; bits; types++) {
      const size_t length = strlen(text);

      if (!types->name || bits & types->bit)
         snprintf(text + length, sizeof(text) - length, "%s%s",
                  length ? "|" : "", types->name ? types->name : "?");
      bits &= types->name ? ~types->bit : 0;
   }
   printf(" %-*s", width, text[0] ? text : "-");
}

static void
print_row(const char *object, const struct handle_type *type,
          const struct handle_type *types, bool exportable, bool importable,
          VkFlags export_from_imported, VkFlags compatible)
{
   printf("   %-19s %-17s %-7s %-7s", object, type->name,
          exportable ? "yes" : "-", importable ? "yes" : "-");
   print_names(export_from_imported, types, 21);
   print_names(compatible, types, 0);
   printf("\n");
}

static void
print_fence(VkPhysicalDevice device, const struct handle_type *type)
{
   const VkPhysicalDeviceExternalFenceInfo info = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_FENCE_INFO,
      .handleType = (VkExternalFenceHandleTypeFlagBits)type->bit,
   };
   VkExternalFenceProperties p = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_FENCE_PROPERTIES,
   };

   vkGetPhysicalDeviceExternalFenceProperties(device, &info, &p);
   print_row("fence", type, fence_types,
             p.externalFenceFeatures &
                VK_EXTERNAL_FENCE_FEATURE_EXPORTABLE_BIT,
             p.externalFenceFeatures &
                VK_EXTERNAL_FENCE_FEATURE_IMPORTABLE_BIT,
             p.exportFromImportedHandleTypes, p.compatibleHandleTypes);
}

static void
print_semaphore(VkPhysicalDevice device, const struct handle_type *type,
                VkSemaphoreType semaphore_type)
{
   const VkSemaphoreTypeCreateInfo type_info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
      .semaphoreType = semaphore_type,
   };
   const VkPhysicalDeviceExternalSemaphoreInfo info = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_SEMAPHORE_INFO,
      .pNext = &type_info,
      .handleType = (VkExternalSemaphoreHandleTypeFlagBits)type->bit,
   };
   VkExternalSemaphoreProperties p = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_SEMAPHORE_PROPERTIES,
   };

   vkGetPhysicalDeviceExternalSemaphoreProperties(device, &info, &p);
   print_row(semaphore_type == VK_SEMAPHORE_TYPE_TIMELINE
                ? "timeline semaphore"
                : "binary semaphore",
             type, semaphore_types,
             p.externalSemaphoreFeatures &
                VK_EXTERNAL_SEMAPHORE_FEATURE_EXPORTABLE_BIT,
             p.externalSemaphoreFeatures &
                VK_EXTERNAL_SEMAPHORE_FEATURE_IMPORTABLE_BIT,
             p.exportFromImportedHandleTypes, p.compatibleHandleTypes);
}

static void
print_buffer(VkPhysicalDevice device, const struct handle_type *type)
{
   const VkPhysicalDeviceExternalBufferInfo info = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO,
      .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
      .handleType = (VkExternalMemoryHandleTypeFlagBits)type->bit,
   };
   VkExternalBufferProperties properties = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES,
   };
   const VkExternalMemoryProperties *p = &properties.externalMemoryProperties;

   vkGetPhysicalDeviceExternalBufferProperties(device, &info, &properties);
   print_row("memory of buffers", type, memory_types,
             p->externalMemoryFeatures &
                VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT,
             p->externalMemoryFeatures &
                VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT,
             p->exportFromImportedHandleTypes, p->compatibleHandleTypes);
}

static bool
print_extensions(VkPhysicalDevice device)
{
   VkExtensionProperties *extensions;
   uint32_t count = 0;

   if (vkEnumerateDeviceExtensionProperties(device, NULL, &count, NULL))
      return false;
   extensions = calloc(count, sizeof(*extensions));
   if (!extensions || vkEnumerateDeviceExtensionProperties(
                         device, NULL, &count, extensions)) {
      free(extensions);
      return false;
   }

   printf("device extensions: %u, of them for external objects:\n", count);
   for (uint32_t i = 0; i < count; i++) {
      if (strstr(extensions[i].extensionName, "external"))
         printf("   %-36s revision %u\n", extensions[i].extensionName,
                extensions[i].specVersion);
   }
   free(extensions);
   return true;
}

static bool
print_device(VkPhysicalDevice device)
{
   VkPhysicalDeviceDriverProperties driver = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
   };
   VkPhysicalDeviceProperties2 properties = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
      .pNext = &driver,
   };
   const VkPhysicalDeviceProperties *core = &properties.properties;
   const struct handle_type *type;

   vkGetPhysicalDeviceProperties2(device, &properties);
   printf("deviceName: %s\n", core->deviceName);
   printf("driverName: %s\n", driver.driverName);
   printf("driverInfo: %s\n", driver.driverInfo);
   printf("apiVersion: %u.%u.%u\n", VK_API_VERSION_MAJOR(core->apiVersion),
          VK_API_VERSION_MINOR(core->apiVersion),
          VK_API_VERSION_PATCH(core->apiVersion));
   if (!print_extensions(device))
      return false;

   printf("external fences, semaphores and memory:\n");
   printf("   %-19s %-17s %-7s %-7s %-21s %s\n", "object", "handle type",
          "export", "import", "export from imported", "compatible");
   for (type = fence_types; type->name; type++)
      print_fence(device, type);
   for (type = semaphore_types; type->name; type++)
      print_semaphore(device, type, VK_SEMAPHORE_TYPE_BINARY);
   for (type = semaphore_types; type->name; type++)
      print_semaphore(device, type, VK_SEMAPHORE_TYPE_TIMELINE);
   for (type = memory_types; type->name; type++)
      print_buffer(device, type);
   return true;
}

int
main(void)
{
   const VkApplicationInfo application = {
      .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
      .pApplicationName = "devinfo",
      .apiVersion = VK_API_VERSION_1_2,
   };
   const VkInstanceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
      .pApplicationInfo = &application,
   };
   VkPhysicalDevice devices[16];
   uint32_t count = sizeof(devices) / sizeof(devices[0]);
   VkInstance instance;
   VkResult result;
   bool ok;

   result = vkCreateInstance(&info, NULL, &instance);
   if (result != VK_SUCCESS) {
      fprintf(stderr, "vkCreateInstance failed: %d\n", (int)result);
      return 1;
   }
   result = vkEnumeratePhysicalDevices(instance, &count, devices);
   ok = (result == VK_SUCCESS || result == VK_INCOMPLETE) && count;
   for (uint32_t i = 0; ok && i < count; i++) {
      if (i)
         printf("\n");
      ok = print_device(devices[i]);
   }
   if (!ok)
      fprintf(stderr, "no usable physical device\n");
   vkDestroyInstance(instance, NULL);
   return ok ? 0 : 1;
}

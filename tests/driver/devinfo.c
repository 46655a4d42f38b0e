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

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct handle_type {
   VkFlags bit;
   const char *name;
};

static const struct handle_type fence_types[] = {
   {VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_FD_BIT, "OPAQUE_FD"},
   {VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_WIN32_BIT, "OPAQUE_WIN32"},
   {VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_WIN32_KMT_BIT, "OPAQUE_WIN32_KMT"},
   {VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT, "SYNC_FD"},
};

static const struct handle_type semaphore_types[] = {
   {VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT, "OPAQUE_FD"},
   {VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT, "OPAQUE_WIN32"},
   {VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_KMT_BIT,
    "OPAQUE_WIN32_KMT"},
   {VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_D3D12_FENCE_BIT, "D3D12_FENCE"},
   {VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT, "SYNC_FD"},
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
};

static void
add_name(char *text, size_t size, const char *name)
{
   size_t length = strlen(text);

   snprintf(text + length, size - length, "%s%s", length ? "|" : "", name);
}

static const char *
type_names(VkFlags bits, const struct handle_type *types, size_t count,
           char *text, size_t size)
{
   text[0] = 0;
   for (size_t i = 0; i < count; i++) {
      if (bits & types[i].bit)
         add_name(text, size, types[i].name);
      bits &= ~types[i].bit;
   }
   if (bits)
      add_name(text, size, "?");
   return text[0] ? text : "-";
}

static void
print_row(const char *object, const char *type, bool exportable,
          bool importable, const char *export_from_imported,
          const char *compatible)
{
   printf("   %-19s %-17s %-7s %-7s %-21s %s\n", object, type,
          exportable ? "yes" : "-", importable ? "yes" : "-",
          export_from_imported, compatible);
}

static void
print_fence(VkPhysicalDevice device, const struct handle_type *type)
{
   const VkPhysicalDeviceExternalFenceInfo info = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_FENCE_INFO,
      .handleType = (VkExternalFenceHandleTypeFlagBits)type->bit,
   };
   VkExternalFenceProperties properties = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_FENCE_PROPERTIES,
   };
   char from[128], compatible[128];

   vkGetPhysicalDeviceExternalFenceProperties(device, &info, &properties);
   print_row("fence", type->name,
             (properties.externalFenceFeatures &
              VK_EXTERNAL_FENCE_FEATURE_EXPORTABLE_BIT) != 0,
             (properties.externalFenceFeatures &
              VK_EXTERNAL_FENCE_FEATURE_IMPORTABLE_BIT) != 0,
             type_names(properties.exportFromImportedHandleTypes, fence_types,
                        COUNT(fence_types), from, sizeof(from)),
             type_names(properties.compatibleHandleTypes, fence_types,
                        COUNT(fence_types), compatible, sizeof(compatible)));
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
   VkExternalSemaphoreProperties properties = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_SEMAPHORE_PROPERTIES,
   };
   char from[128], compatible[128];

   vkGetPhysicalDeviceExternalSemaphoreProperties(device, &info, &properties);
   print_row(semaphore_type == VK_SEMAPHORE_TYPE_TIMELINE
                ? "timeline semaphore"
                : "binary semaphore",
             type->name,
             (properties.externalSemaphoreFeatures &
              VK_EXTERNAL_SEMAPHORE_FEATURE_EXPORTABLE_BIT) != 0,
             (properties.externalSemaphoreFeatures &
              VK_EXTERNAL_SEMAPHORE_FEATURE_IMPORTABLE_BIT) != 0,
             type_names(properties.exportFromImportedHandleTypes,
                        semaphore_types, COUNT(semaphore_types), from,
                        sizeof(from)),
             type_names(properties.compatibleHandleTypes, semaphore_types,
                        COUNT(semaphore_types), compatible,
                        sizeof(compatible)));
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
   const VkExternalMemoryProperties *memory =
      &properties.externalMemoryProperties;
   char from[128], compatible[128];

   vkGetPhysicalDeviceExternalBufferProperties(device, &info, &properties);
   print_row("memory of buffers", type->name,
             (memory->externalMemoryFeatures &
              VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT) != 0,
             (memory->externalMemoryFeatures &
              VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT) != 0,
             type_names(memory->exportFromImportedHandleTypes, memory_types,
                        COUNT(memory_types), from, sizeof(from)),
             type_names(memory->compatibleHandleTypes, memory_types,
                        COUNT(memory_types), compatible,
                        sizeof(compatible)));
}

static bool
print_extensions(VkPhysicalDevice device)
{
   VkExtensionProperties *extensions;
   uint32_t count = 0;

   if (vkEnumerateDeviceExtensionProperties(device, NULL, &count, NULL))
      return false;
   extensions = calloc(count ? count : 1, sizeof(*extensions));
   if (!extensions)
      return false;
   if (vkEnumerateDeviceExtensionProperties(device, NULL, &count,
                                            extensions)) {
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
   for (size_t i = 0; i < COUNT(fence_types); i++)
      print_fence(device, &fence_types[i]);
   for (size_t i = 0; i < COUNT(semaphore_types); i++)
      print_semaphore(device, &semaphore_types[i], VK_SEMAPHORE_TYPE_BINARY);
   for (size_t i = 0; i < COUNT(semaphore_types); i++)
      print_semaphore(device, &semaphore_types[i],
                      VK_SEMAPHORE_TYPE_TIMELINE);
   for (size_t i = 0; i < COUNT(memory_types); i++)
      print_buffer(device, &memory_types[i]);
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
   uint32_t count = COUNT(devices);
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

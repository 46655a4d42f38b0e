/* SPDX-License-Identifier: MIT */

/* The part of vulkaninfo that these extensions concern: the physical devices,
 * and their extensions for external objects.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <vulkan/vulkan.h>

static bool
print_device(VkPhysicalDevice device)
{
   static VkExtensionProperties extensions[1024];
   VkPhysicalDeviceDriverProperties driver = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
   };
   VkPhysicalDeviceProperties2 properties = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
      .pNext = &driver,
   };
   const VkPhysicalDeviceProperties *core = &properties.properties;
   uint32_t count = sizeof(extensions) / sizeof(extensions[0]);

   vkGetPhysicalDeviceProperties2(device, &properties);
   printf("deviceName: %s\n", core->deviceName);
   printf("driverName: %s\n", driver.driverName);
   printf("driverInfo: %s\n", driver.driverInfo);
   printf("apiVersion: %u.%u.%u\n", VK_API_VERSION_MAJOR(core->apiVersion),
          VK_API_VERSION_MINOR(core->apiVersion),
          VK_API_VERSION_PATCH(core->apiVersion));

   if (vkEnumerateDeviceExtensionProperties(device, NULL, &count, extensions))
      return false;
   printf("device extensions: %u, of them for external objects:\n", count);
   for (uint32_t i = 0; i < count; i++) {
      if (strstr(extensions[i].extensionName, "external"))
         printf("   %s revision %u\n", extensions[i].extensionName,
                extensions[i].specVersion);
   }
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

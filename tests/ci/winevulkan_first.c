/* SPDX-License-Identifier: MIT */

/* Looks for Vulkan where DXVK does: in winevulkan.dll, then in vulkan-1.dll.
 * Prints the DLL and the first device.
 */
#define VK_NO_PROTOTYPES
#include <stdio.h>
#include <windows.h>
#include <vulkan/vulkan.h>

static PFN_vkGetInstanceProcAddr GetInstanceProcAddr;

#define COMMAND(instance, name) \
   ((PFN_##name)(void (*)(void))GetInstanceProcAddr(instance, #name))

static const char *
load_vulkan(void)
{
   static const char *const dlls[] = {"winevulkan.dll", "vulkan-1.dll"};

   for (unsigned i = 0; i < 2; i++) {
      HMODULE dll = LoadLibraryA(dlls[i]);

      if (dll != NULL) {
         GetInstanceProcAddr = (PFN_vkGetInstanceProcAddr)(void (*)(void))
            GetProcAddress(dll, "vkGetInstanceProcAddr");
      }
      if (GetInstanceProcAddr != NULL)
         return dlls[i];
   }
   return NULL;
}

int
main(void)
{
   const VkInstanceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
   };
   VkPhysicalDeviceProperties properties;
   VkPhysicalDevice device;
   VkInstance instance;
   uint32_t count = 1;
   const char *dll = load_vulkan();

   if (dll == NULL ||
       COMMAND(NULL, vkCreateInstance)(&info, NULL, &instance) ||
       COMMAND(instance, vkEnumeratePhysicalDevices)(instance, &count,
                                                     &device) ||
       count == 0) {
      printf("%s has no device\n", dll != NULL ? dll : "no DLL");
      return 1;
   }
   COMMAND(instance, vkGetPhysicalDeviceProperties)(device, &properties);
   printf("%s: %s\n", dll, properties.deviceName);
   COMMAND(instance, vkDestroyInstance)(instance, NULL);
   return 0;
}

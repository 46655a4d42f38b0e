/* SPDX-License-Identifier: MIT */

/* The driver by its own entry point, without a loader */
#include "native.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct driver driver;

const char *
result_name(VkResult result)
{
#define NAME(name) case name: return #name
   switch (result) {
   NAME(VK_SUCCESS);
   NAME(VK_NOT_READY);
   NAME(VK_TIMEOUT);
   NAME(VK_ERROR_OUT_OF_HOST_MEMORY);
   NAME(VK_ERROR_OUT_OF_DEVICE_MEMORY);
   NAME(VK_ERROR_DEVICE_LOST);
   NAME(VK_ERROR_EXTENSION_NOT_PRESENT);
   NAME(VK_ERROR_FORMAT_NOT_SUPPORTED);
   NAME(VK_ERROR_INVALID_EXTERNAL_HANDLE);
   default: return "another VkResult";
   }
#undef NAME
}

void
driver_open(const char *library)
{
   const VkApplicationInfo application = {
      .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
      .apiVersion = VK_API_VERSION_1_3,
   };
   const VkInstanceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
      .pApplicationInfo = &application,
   };
   PFN_vkCreateInstance create_instance;
   uint32_t count = 1;
   void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);

   if (!handle)
      say("%s", dlerror());
   REQUIRE(handle != NULL);
   driver.GetInstanceProcAddr = (PFN_vkGetInstanceProcAddr)
      dlsym(handle, "vk_icdGetInstanceProcAddr");
   REQUIRE(driver.GetInstanceProcAddr != NULL);
   driver.EnumerateInstanceExtensionProperties =
      (PFN_vkEnumerateInstanceExtensionProperties)driver.GetInstanceProcAddr(
         NULL, "vkEnumerateInstanceExtensionProperties");
   create_instance = (PFN_vkCreateInstance)
      driver.GetInstanceProcAddr(NULL, "vkCreateInstance");
   REQUIRE(create_instance != NULL);
   REQUIRE_OK(create_instance(&info, NULL, &driver.instance));

#define LOAD(name) \
   driver.name = (PFN_vk##name)driver.GetInstanceProcAddr(driver.instance, \
                                                          "vk" #name); \
   REQUIRE(driver.name != NULL);
   NATIVE_INSTANCE_COMMANDS(LOAD)
#undef LOAD

   REQUIRE_OK(driver.EnumeratePhysicalDevices(driver.instance, &count,
                                              &driver.physical));
   REQUIRE(count == 1);
}

bool
driver_has(const char *extension)
{
   static VkExtensionProperties list[512];
   static uint32_t count;

   if (!count) {
      count = COUNT(list);
      REQUIRE_OK(driver.EnumerateDeviceExtensionProperties(
         driver.physical, NULL, &count, list));
   }
   for (uint32_t i = 0; i < count; i++) {
      if (!strcmp(list[i].extensionName, extension))
         return true;
   }
   return false;
}

static void
load_commands(struct device *device)
{
#define LOAD(name) \
   device->name = (PFN_vk##name)driver.GetDeviceProcAddr(device->handle, \
                                                         "vk" #name);
   NATIVE_OPTIONAL_COMMANDS(LOAD)
#undef LOAD
#define LOAD(name) \
   device->name = (PFN_vk##name)driver.GetDeviceProcAddr(device->handle, \
                                                         "vk" #name); \
   REQUIRE(device->name != NULL);
   NATIVE_DEVICE_COMMANDS(LOAD)
#undef LOAD
}

struct device *
device_open(void)
{
   static const char *const wanted[] = {
      "VK_KHR_external_fence_fd", "VK_KHR_external_semaphore_fd",
      "VK_KHR_external_memory_fd", "VK_EXT_external_memory_dma_buf",
   };
   const char *extensions[COUNT(wanted)];
   VkPhysicalDeviceVulkan13Features features13 = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
      .synchronization2 = VK_TRUE,
   };
   VkPhysicalDeviceVulkan12Features features12 = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
      .pNext = &features13,
      .timelineSemaphore = VK_TRUE,
   };
   const float priority = 1.0f;
   const VkDeviceQueueCreateInfo queue = {
      .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
      .queueCount = 1,
      .pQueuePriorities = &priority,
   };
   VkDeviceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
      .pNext = &features12,
      .queueCreateInfoCount = 1,
      .pQueueCreateInfos = &queue,
      .ppEnabledExtensionNames = extensions,
   };
   const VkCommandPoolCreateInfo pool = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
   };
   struct device *device = calloc(1, sizeof(*device));

   REQUIRE(device != NULL);
   for (unsigned i = 0; i < COUNT(wanted); i++) {
      if (driver_has(wanted[i]))
         extensions[info.enabledExtensionCount++] = wanted[i];
   }
   REQUIRE_OK(driver.CreateDevice(driver.physical, &info, NULL,
                                  &device->handle));
   load_commands(device);
   device->GetDeviceQueue(device->handle, 0, 0, &device->queue);
   REQUIRE_OK(device->CreateCommandPool(device->handle, &pool, NULL,
                                        &device->pool));
   return device;
}

void
device_close(struct device *device)
{
   CHECK_RESULT(device->DeviceWaitIdle(device->handle), VK_SUCCESS);
   device->DestroyCommandPool(device->handle, device->pool, NULL);
   device->DestroyDevice(device->handle, NULL);
   free(device);
}

/* SPDX-License-Identifier: MIT */
#include "vkt.h"

#include <stdlib.h>
#include <string.h>

struct vkt_instance {
   VkInstance handle;
   VkDebugUtilsMessengerEXT messenger;
   unsigned users;

   SRWLOCK lock;
   volatile LONG message_count;
   char last_message[1024];
};

const char *
vkt_kind_name(enum vkt_kind kind)
{
   static const char *const names[] = {"fence", "binary semaphore",
                                       "timeline semaphore"};
   return names[kind];
}

bool
vkt_check_result(VkResult result, VkResult want, bool required,
                 const char *file, int line, const char *text)
{
   if (result != want) {
      test_fail(required, file, line, "%s gave %s (%d), not %s", text,
                vkt_result_name(result), (int)result, vkt_result_name(want));
   }
   return result == want;
}

static VKAPI_ATTR VkBool32 VKAPI_CALL
on_message(UNUSED VkDebugUtilsMessageSeverityFlagBitsEXT severity,
           UNUSED VkDebugUtilsMessageTypeFlagsEXT types,
           const VkDebugUtilsMessengerCallbackDataEXT *message, void *data)
{
   struct vkt_instance *instance = data;

   AcquireSRWLockExclusive(&instance->lock);
   instance->message_count++;
   snprintf(instance->last_message, sizeof(instance->last_message), "%s",
            message->pMessage ? message->pMessage : "");
   ReleaseSRWLockExclusive(&instance->lock);
   return VK_FALSE;
}

void
vkt_clear_messages(struct vkt_device *device)
{
   struct vkt_instance *instance = device->instance;

   AcquireSRWLockExclusive(&instance->lock);
   instance->message_count = 0;
   instance->last_message[0] = 0;
   ReleaseSRWLockExclusive(&instance->lock);
}

unsigned
vkt_message_count(struct vkt_device *device)
{
   return (unsigned)device->instance->message_count;
}

void
vkt_last_message(struct vkt_device *device, char *text, size_t size)
{
   struct vkt_instance *instance = device->instance;

   AcquireSRWLockShared(&instance->lock);
   snprintf(text, size, "%s", instance->last_message);
   ReleaseSRWLockShared(&instance->lock);
}

VkInstance
vkt_create_instance_with(uint32_t api_version, const char *const *extensions,
                         uint32_t extension_count)
{
   const VkApplicationInfo application = {
      .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
      .apiVersion = api_version,
   };
   const VkInstanceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
      .pApplicationInfo = &application,
      .enabledExtensionCount = extension_count,
      .ppEnabledExtensionNames = extensions,
   };
   VkInstance instance = VK_NULL_HANDLE;

   REQUIRE_OK(vkCreateInstance(&info, NULL, &instance));
   return instance;
}

static VkInstance
vkt_create_instance(void)
{
   const char *extension = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;

   return vkt_create_instance_with(VK_API_VERSION_1_3, &extension, 1);
}

VkPhysicalDevice
vkt_pick_lavapipe(VkInstance instance)
{
   VkPhysicalDevice devices[16];
   uint32_t count = TEST_COUNT(devices);

   REQUIRE_OK(vkEnumeratePhysicalDevices(instance, &count, devices));
   for (uint32_t i = 0; i < count; i++) {
      VkPhysicalDeviceDriverProperties driver = {
         .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
      };
      VkPhysicalDeviceProperties2 properties = {
         .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
         .pNext = &driver,
      };

      vkGetPhysicalDeviceProperties2(devices[i], &properties);
      if (driver.driverID == VK_DRIVER_ID_MESA_LLVMPIPE)
         return devices[i];
   }
   REQUIRE(!"there is no lavapipe");
   return VK_NULL_HANDLE;
}

/* The loader unloads the driver with the last instance, and to load it again
 * takes longer than most cases: the first one stays.
 */
static struct vkt_instance *
create_instance(void)
{
   static VkInstance anchor;
   struct vkt_instance *instance = calloc(1, sizeof(*instance));
   PFN_vkCreateDebugUtilsMessengerEXT create_messenger;
   const VkDebugUtilsMessengerCreateInfoEXT info = {
      .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
      .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                         VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
      .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT |
                     VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT |
                     VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT,
      .pfnUserCallback = on_message,
      .pUserData = instance,
   };

   REQUIRE(instance != NULL);
   InitializeSRWLock(&instance->lock);
   if (!anchor)
      anchor = vkt_create_instance();
   instance->handle = vkt_create_instance();
   create_messenger = (PFN_vkCreateDebugUtilsMessengerEXT)
      vkGetInstanceProcAddr(instance->handle,
                            "vkCreateDebugUtilsMessengerEXT");
   REQUIRE(create_messenger != NULL);
   REQUIRE_OK(create_messenger(instance->handle, &info, NULL,
                               &instance->messenger));
   return instance;
}

static void
release_instance(struct vkt_instance *instance)
{
   PFN_vkDestroyDebugUtilsMessengerEXT destroy_messenger;

   if (--instance->users)
      return;
   destroy_messenger = (PFN_vkDestroyDebugUtilsMessengerEXT)
      vkGetInstanceProcAddr(instance->handle,
                            "vkDestroyDebugUtilsMessengerEXT");
   destroy_messenger(instance->handle, instance->messenger, NULL);
   vkDestroyInstance(instance->handle, NULL);
   free(instance);
}

VkDevice
vkt_create_bare_device(VkPhysicalDevice physical, const char *extension)
{
   const float priority = 1.0f;
   const VkDeviceQueueCreateInfo queue = {
      .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
      .queueCount = 1,
      .pQueuePriorities = &priority,
   };
   const VkDeviceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
      .queueCreateInfoCount = 1,
      .pQueueCreateInfos = &queue,
      .enabledExtensionCount = extension != NULL,
      .ppEnabledExtensionNames = &extension,
   };
   VkDevice device;

   REQUIRE_OK(vkCreateDevice(physical, &info, NULL, &device));
   return device;
}

static void
load_commands(struct vkt_device *device)
{
#define LOAD(name) \
   device->name = (PFN_vk##name##KHR)vkGetDeviceProcAddr(device->handle, \
                                                         "vk" #name "KHR"); \
   REQUIRE(device->name != NULL)
   LOAD(ImportFenceWin32Handle);
   LOAD(GetFenceWin32Handle);
   LOAD(ImportSemaphoreWin32Handle);
   LOAD(GetSemaphoreWin32Handle);
   LOAD(GetMemoryWin32Handle);
   LOAD(GetMemoryWin32HandleProperties);
#undef LOAD
}

static void
close_device(void *data)
{
   struct vkt_device *device = data;

   /* After a failure work may be left that waits for ever. */
   if (test_failed())
      return;
   if (device->handle)
      gpu_close(&device->gpu);
   release_instance(device->instance);
   free(device);
}

static void
on_gpu_failure(const char *file, int line, const char *call, VkResult result)
{
   test_fail(true, file, line, "%s gave %s", call, vkt_result_name(result));
}

static struct vkt_device *
open_on(struct vkt_instance *instance)
{
   static const char *const extensions[] = {
      VK_KHR_EXTERNAL_FENCE_WIN32_EXTENSION_NAME,
      VK_KHR_EXTERNAL_MEMORY_WIN32_EXTENSION_NAME,
      VK_KHR_EXTERNAL_SEMAPHORE_WIN32_EXTENSION_NAME,
      VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME,
   };
   struct vkt_device *device = calloc(1, sizeof(*device));

   REQUIRE(device != NULL);
   device->instance = instance;
   instance->users++;
   test_defer(close_device, device);
   device->physical = vkt_pick_lavapipe(instance->handle);
   device->gpu = (struct gpu){
      .GetInstanceProcAddr = vkGetInstanceProcAddr,
      .fail = on_gpu_failure,
      .instance = instance->handle,
      .physical = device->physical,
   };
   gpu_open(&device->gpu, extensions, TEST_COUNT(extensions));
   device->handle = device->gpu.device;
   device->queue = device->gpu.queue;
   load_commands(device);
   return device;
}

struct vkt_device *
vkt_open(void)
{
   return open_on(create_instance());
}

struct vkt_device *
vkt_open_sibling(struct vkt_device *device)
{
   return open_on(device->instance);
}

void
vkt_close_device(struct vkt_device *device)
{
   test_undefer(close_device, device);
   close_device(device);
}

void
vkt_wait_idle(struct vkt_device *device)
{
   REQUIRE_OK(vkDeviceWaitIdle(device->handle));
}

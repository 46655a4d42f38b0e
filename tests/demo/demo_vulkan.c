/* SPDX-License-Identifier: MIT */
#include "demo_common.h"

#include <stdio.h>
#include <string.h>

static const char *const device_extensions[] = {
   VK_KHR_EXTERNAL_SEMAPHORE_WIN32_EXTENSION_NAME,
   VK_KHR_EXTERNAL_FENCE_WIN32_EXTENSION_NAME,
   VK_KHR_EXTERNAL_MEMORY_WIN32_EXTENSION_NAME,
   VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME,
};

static void
create_instance(struct demo_device *device)
{
   const VkApplicationInfo application = {
      .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
      .pApplicationName = "two processes, one stream of frames",
      .apiVersion = VK_API_VERSION_1_3,
   };
   const VkInstanceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
      .pApplicationInfo = &application,
   };

   demo_check(vkCreateInstance(&info, NULL, &device->instance),
              "vkCreateInstance");
}

static void
pick_lavapipe(struct demo_device *device)
{
   VkPhysicalDevice devices[16];
   uint32_t count = DEMO_COUNT(devices);

   vkEnumeratePhysicalDevices(device->instance, &count, devices);
   for (uint32_t i = 0; i < count; i++) {
      VkPhysicalDeviceExternalMemoryHostPropertiesEXT host = {
         .sType =
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT,
      };
      VkPhysicalDeviceDriverProperties driver = {
         .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
         .pNext = &host,
      };
      VkPhysicalDeviceProperties2 properties = {
         .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
         .pNext = &driver,
      };

      vkGetPhysicalDeviceProperties2(devices[i], &properties);
      if (driver.driverID != VK_DRIVER_ID_MESA_LLVMPIPE)
         continue;
      device->physical = devices[i];
      device->host_alignment = host.minImportedHostPointerAlignment;
      snprintf(device->name, sizeof(device->name), "%s",
               properties.properties.deviceName);
      vkGetPhysicalDeviceMemoryProperties(devices[i], &device->memory);
      return;
   }
   demo_fail("no lavapipe among %u physical devices", (unsigned)count);
}

static void
create_device(struct demo_device *device)
{
   VkPhysicalDeviceVulkan13Features features13 = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
      .synchronization2 = VK_TRUE,
      .dynamicRendering = VK_TRUE,
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
   const VkDeviceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
      .pNext = &features12,
      .queueCreateInfoCount = 1,
      .pQueueCreateInfos = &queue,
      .enabledExtensionCount = DEMO_COUNT(device_extensions),
      .ppEnabledExtensionNames = device_extensions,
   };
   const VkCommandPoolCreateInfo pool = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
      .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
   };

   demo_check(vkCreateDevice(device->physical, &info, NULL, &device->handle),
              "vkCreateDevice with the extensions");
   vkGetDeviceQueue(device->handle, 0, 0, &device->queue);
   demo_check(vkCreateCommandPool(device->handle, &pool, NULL,
                                  &device->pool),
              "vkCreateCommandPool");
}

void
demo_device_open(struct demo_device *device)
{
   memset(device, 0, sizeof(*device));
   create_instance(device);
   pick_lavapipe(device);
   create_device(device);

#define LOAD(name, suffix) \
   device->name = (PFN_vk##name##suffix)vkGetDeviceProcAddr( \
      device->handle, "vk" #name #suffix); \
   if (!device->name) \
      demo_fail("there is no vk" #name #suffix)
   LOAD(GetMemoryHostPointerProperties, EXT);
   LOAD(GetMemoryWin32Handle, KHR);
   LOAD(GetSemaphoreWin32Handle, KHR);
   LOAD(ImportSemaphoreWin32Handle, KHR);
   LOAD(GetFenceWin32Handle, KHR);
   LOAD(ImportFenceWin32Handle, KHR);
#undef LOAD
}

void
demo_device_close(struct demo_device *device)
{
   vkDeviceWaitIdle(device->handle);
   vkDestroyCommandPool(device->handle, device->pool, NULL);
   vkDestroyDevice(device->handle, NULL);
   vkDestroyInstance(device->instance, NULL);
}

uint32_t
demo_find_memory(const struct demo_device *device, uint32_t types)
{
   const VkMemoryPropertyFlags wanted = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                        VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;

   for (uint32_t i = 0; i < device->memory.memoryTypeCount; i++) {
      if ((types & (1u << i)) &&
          (device->memory.memoryTypes[i].propertyFlags & wanted) == wanted)
         return i;
   }
   demo_fail("no memory that the host sees");
   return 0;
}

static void
allocate(struct demo_device *device, struct demo_buffer *buffer,
         const void *chain, VkDeviceSize size, uint32_t types)
{
   const VkMemoryAllocateInfo info = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
      .pNext = chain,
      .allocationSize = size,
      .memoryTypeIndex = demo_find_memory(device, types),
   };

   demo_check(vkAllocateMemory(device->handle, &info, NULL, &buffer->memory),
              chain ? "vkAllocateMemory on the file mapping"
                    : "vkAllocateMemory");
   demo_check(vkBindBufferMemory(device->handle, buffer->buffer,
                                 buffer->memory, 0),
              "vkBindBufferMemory");
}

static VkMemoryRequirements
create_buffer(struct demo_device *device, struct demo_buffer *buffer,
              const void *chain, VkDeviceSize size, VkBufferUsageFlags usage)
{
   const VkBufferCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
      .pNext = chain,
      .size = size,
      .usage = usage,
   };
   VkMemoryRequirements requirements;

   demo_check(vkCreateBuffer(device->handle, &info, NULL, &buffer->buffer),
              "vkCreateBuffer");
   vkGetBufferMemoryRequirements(device->handle, buffer->buffer,
                                 &requirements);
   return requirements;
}

struct demo_buffer
demo_buffer_create(struct demo_device *device, VkDeviceSize size,
                   VkBufferUsageFlags usage)
{
   struct demo_buffer buffer = {0};
   const VkMemoryRequirements requirements =
      create_buffer(device, &buffer, NULL, size, usage);

   allocate(device, &buffer, NULL, requirements.size,
            requirements.memoryTypeBits);
   demo_check(vkMapMemory(device->handle, buffer.memory, 0, VK_WHOLE_SIZE, 0,
                          &buffer.map),
              "vkMapMemory");
   return buffer;
}

struct demo_buffer
demo_buffer_import(struct demo_device *device, void *memory,
                   VkDeviceSize size, VkBufferUsageFlags usage)
{
   const VkExternalMemoryHandleTypeFlagBits type =
      VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;
   const VkExternalMemoryBufferCreateInfo external = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
      .handleTypes = type,
   };
   const VkImportMemoryHostPointerInfoEXT import = {
      .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
      .handleType = type,
      .pHostPointer = memory,
   };
   VkMemoryHostPointerPropertiesEXT properties = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT,
   };
   struct demo_buffer buffer = {.map = memory};
   VkMemoryRequirements requirements;

   if ((uintptr_t)memory % device->host_alignment ||
       size % device->host_alignment)
      demo_fail("the file mapping is not aligned to %u bytes",
                (unsigned)device->host_alignment);
   demo_check(device->GetMemoryHostPointerProperties(device->handle, type,
                                                     memory, &properties),
              "vkGetMemoryHostPointerPropertiesEXT");
   requirements = create_buffer(device, &buffer, &external, size, usage);
   if (requirements.size > size)
      demo_fail("the file mapping is too small");
   allocate(device, &buffer, &import, size,
            requirements.memoryTypeBits & properties.memoryTypeBits);
   return buffer;
}

void
demo_buffer_destroy(struct demo_device *device, struct demo_buffer *buffer)
{
   vkDestroyBuffer(device->handle, buffer->buffer, NULL);
   vkFreeMemory(device->handle, buffer->memory, NULL);
}

VkCommandBuffer
demo_begin(struct demo_device *device)
{
   const VkCommandBufferAllocateInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
      .commandPool = device->pool,
      .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
      .commandBufferCount = 1,
   };
   const VkCommandBufferBeginInfo begin = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
      .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
   };
   VkCommandBuffer commands = VK_NULL_HANDLE;

   demo_check(vkAllocateCommandBuffers(device->handle, &info, &commands),
              "vkAllocateCommandBuffers");
   demo_check(vkBeginCommandBuffer(commands, &begin), "vkBeginCommandBuffer");
   return commands;
}

void
demo_submit(struct demo_device *device, VkCommandBuffer commands,
            VkSemaphore wait, uint64_t wait_value, VkSemaphore signal,
            uint64_t signal_value, VkFence fence)
{
   const VkCommandBufferSubmitInfo command_info = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
      .commandBuffer = commands,
   };
   const VkSemaphoreSubmitInfo wait_info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
      .semaphore = wait,
      .value = wait_value,
      .stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
   };
   const VkSemaphoreSubmitInfo signal_info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
      .semaphore = signal,
      .value = signal_value,
      .stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
   };
   const VkSubmitInfo2 submit = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
      .waitSemaphoreInfoCount = wait ? 1 : 0,
      .pWaitSemaphoreInfos = &wait_info,
      .commandBufferInfoCount = 1,
      .pCommandBufferInfos = &command_info,
      .signalSemaphoreInfoCount = signal ? 1 : 0,
      .pSignalSemaphoreInfos = &signal_info,
   };

   demo_check(vkEndCommandBuffer(commands), "vkEndCommandBuffer");
   demo_check(vkQueueSubmit2(device->queue, 1, &submit, fence),
              "vkQueueSubmit2");
}

void
demo_wait_value(struct demo_device *device, VkSemaphore timeline,
                uint64_t value)
{
   const VkSemaphoreWaitInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
      .semaphoreCount = 1,
      .pSemaphores = &timeline,
      .pValues = &value,
   };

   demo_check(vkWaitSemaphores(device->handle, &info, DEMO_TIMEOUT_NS),
              "vkWaitSemaphores");
}

/* SPDX-License-Identifier: MIT */
#include "gpu.h"

#include <string.h>

void
gpu_check(const struct gpu *gpu, VkResult result, const char *file, int line,
          const char *call)
{
   if (result != VK_SUCCESS)
      gpu->fail(file, line, call, result);
}

static PFN_vkVoidFunction
instance_proc(const struct gpu *gpu, const char *name)
{
   PFN_vkVoidFunction proc = gpu->GetInstanceProcAddr(gpu->instance, name);

   if (!proc)
      gpu->fail(__FILE__, __LINE__, name, VK_ERROR_INITIALIZATION_FAILED);
   return proc;
}

void
gpu_open_instance(struct gpu *gpu)
{
   const VkApplicationInfo application = {
      .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
      .apiVersion = VK_API_VERSION_1_3,
   };
   const VkInstanceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
      .pApplicationInfo = &application,
   };
   PFN_vkCreateInstance create =
      (PFN_vkCreateInstance)instance_proc(gpu, "vkCreateInstance");
   PFN_vkEnumeratePhysicalDevices enumerate;
   uint32_t count = 1;

   gpu_check(gpu, create(&info, NULL, &gpu->instance), __FILE__, __LINE__,
             "vkCreateInstance");
   enumerate = (PFN_vkEnumeratePhysicalDevices)instance_proc(
      gpu, "vkEnumeratePhysicalDevices");
   gpu_check(gpu, enumerate(gpu->instance, &count, &gpu->physical), __FILE__,
             __LINE__, "vkEnumeratePhysicalDevices");
}

static void
load_commands(struct gpu *gpu)
{
   gpu->GetDeviceProcAddr =
      (PFN_vkGetDeviceProcAddr)instance_proc(gpu, "vkGetDeviceProcAddr");
#define LOAD(name) \
   gpu->name = (PFN_vk##name)gpu->GetDeviceProcAddr(gpu->device, "vk" #name); \
   if (!gpu->name) \
      gpu->fail(__FILE__, __LINE__, #name, VK_ERROR_INITIALIZATION_FAILED);
   GPU_COMMANDS(LOAD)
#undef LOAD
}

void
gpu_open(struct gpu *gpu, const char *const *extensions, uint32_t count)
{
   const VkPhysicalDeviceFeatures features = {
      .fragmentStoresAndAtomics = VK_TRUE,
   };
   VkPhysicalDeviceVulkan13Features features13 = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
      .synchronization2 = VK_TRUE,
      .dynamicRendering = VK_TRUE,
   };
   const VkPhysicalDeviceVulkan12Features features12 = {
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
      .enabledExtensionCount = count,
      .ppEnabledExtensionNames = extensions,
      .pEnabledFeatures = &features,
   };
   const VkCommandPoolCreateInfo pool = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
      .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
   };
   PFN_vkCreateDevice create =
      (PFN_vkCreateDevice)instance_proc(gpu, "vkCreateDevice");

   gpu_check(gpu, create(gpu->physical, &info, NULL, &gpu->device), __FILE__,
             __LINE__, "vkCreateDevice");
   load_commands(gpu);
   gpu->GetDeviceQueue(gpu->device, 0, 0, &gpu->queue);
   GPU_CHECK(gpu, CreateCommandPool(gpu->device, &pool, NULL, &gpu->pool));
}

void
gpu_close(struct gpu *gpu)
{
   gpu->DeviceWaitIdle(gpu->device);
   gpu->DestroyCommandPool(gpu->device, gpu->pool, NULL);
   gpu->DestroyDevice(gpu->device, NULL);
}

VkSemaphore
gpu_semaphore(const struct gpu *gpu, VkSemaphoreType type, uint64_t initial,
              VkFlags export_types)
{
   const VkExportSemaphoreCreateInfo export_info = {
      .sType = VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO,
      .handleTypes = export_types,
   };
   const VkSemaphoreTypeCreateInfo type_info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
      .pNext = export_types ? &export_info : NULL,
      .semaphoreType = type,
      .initialValue = initial,
   };
   const VkSemaphoreCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
      .pNext = &type_info,
   };
   VkSemaphore semaphore = VK_NULL_HANDLE;

   GPU_CHECK(gpu, CreateSemaphore(gpu->device, &info, NULL, &semaphore));
   return semaphore;
}

VkFence
gpu_fence(const struct gpu *gpu, VkFenceCreateFlags flags,
          VkFlags export_types)
{
   const VkExportFenceCreateInfo export_info = {
      .sType = VK_STRUCTURE_TYPE_EXPORT_FENCE_CREATE_INFO,
      .handleTypes = export_types,
   };
   const VkFenceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
      .pNext = export_types ? &export_info : NULL,
      .flags = flags,
   };
   VkFence fence = VK_NULL_HANDLE;

   GPU_CHECK(gpu, CreateFence(gpu->device, &info, NULL, &fence));
   return fence;
}

VkDeviceMemory
gpu_allocate(const struct gpu *gpu, VkDeviceSize size, const void *next)
{
   const VkMemoryAllocateInfo info = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
      .pNext = next,
      .allocationSize = size,
   };
   VkDeviceMemory memory = VK_NULL_HANDLE;

   GPU_CHECK(gpu, AllocateMemory(gpu->device, &info, NULL, &memory));
   return memory;
}

void *
gpu_map(const struct gpu *gpu, VkDeviceMemory memory)
{
   void *map = NULL;

   GPU_CHECK(gpu, MapMemory(gpu->device, memory, 0, VK_WHOLE_SIZE, 0, &map));
   return map;
}

VkBuffer
gpu_create_buffer(const struct gpu *gpu, VkDeviceSize size,
                  VkBufferUsageFlags usage, VkFlags handle_types)
{
   const VkExternalMemoryBufferCreateInfo external = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
      .handleTypes = handle_types,
   };
   const VkBufferCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
      .pNext = handle_types ? &external : NULL,
      .size = size,
      .usage = usage,
   };
   VkBuffer buffer = VK_NULL_HANDLE;

   GPU_CHECK(gpu, CreateBuffer(gpu->device, &info, NULL, &buffer));
   return buffer;
}

struct gpu_buffer
gpu_buffer(const struct gpu *gpu, VkDeviceSize size, VkBufferUsageFlags usage)
{
   struct gpu_buffer buffer = {gpu_create_buffer(gpu, size, usage, 0)};
   VkMemoryRequirements needed;

   gpu->GetBufferMemoryRequirements(gpu->device, buffer.handle, &needed);
   buffer.memory = gpu_allocate(gpu, needed.size, NULL);
   GPU_CHECK(gpu, BindBufferMemory(gpu->device, buffer.handle, buffer.memory,
                                   0));
   buffer.map = gpu_map(gpu, buffer.memory);
   return buffer;
}

void
gpu_destroy_buffer(const struct gpu *gpu, const struct gpu_buffer *buffer)
{
   gpu->DestroyBuffer(gpu->device, buffer->handle, NULL);
   gpu->FreeMemory(gpu->device, buffer->memory, NULL);
}

VkImage
gpu_create_image(const struct gpu *gpu,
                 const struct gpu_image_info *image_info)
{
   const VkExternalMemoryImageCreateInfo external = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO,
      .handleTypes = image_info->handle_types,
   };
   const VkImageCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
      .pNext = image_info->handle_types ? &external : NULL,
      .imageType = VK_IMAGE_TYPE_2D,
      .format = image_info->format,
      .extent = {image_info->width, image_info->height, 1},
      .mipLevels = 1,
      .arrayLayers = 1,
      .samples = VK_SAMPLE_COUNT_1_BIT,
      .tiling = image_info->tiling,
      .usage = image_info->usage,
   };
   VkImage image = VK_NULL_HANDLE;

   GPU_CHECK(gpu, CreateImage(gpu->device, &info, NULL, &image));
   return image;
}

VkImageView
gpu_create_view(const struct gpu *gpu, VkImage image, VkFormat format)
{
   const VkImageViewCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
      .image = image,
      .viewType = VK_IMAGE_VIEW_TYPE_2D,
      .format = format,
      .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1},
   };
   VkImageView view = VK_NULL_HANDLE;

   GPU_CHECK(gpu, CreateImageView(gpu->device, &info, NULL, &view));
   return view;
}

VkSubresourceLayout
gpu_linear_layout(const struct gpu *gpu, VkImage image)
{
   const VkImageSubresource subresource = {
      .aspectMask = VK_IMAGE_ASPECT_COLOR_BIT,
   };
   VkSubresourceLayout layout;

   gpu->GetImageSubresourceLayout(gpu->device, image, &subresource, &layout);
   return layout;
}

struct gpu_image
gpu_image(const struct gpu *gpu, const struct gpu_image_info *info)
{
   struct gpu_image image = {gpu_create_image(gpu, info)};
   VkMemoryRequirements needed;
   VkSubresourceLayout layout;
   uint8_t *map;

   gpu->GetImageMemoryRequirements(gpu->device, image.handle, &needed);
   image.memory = gpu_allocate(gpu, needed.size, NULL);
   GPU_CHECK(gpu, BindImageMemory(gpu->device, image.handle, image.memory, 0));
   image.view = gpu_create_view(gpu, image.handle, info->format);
   if (info->tiling == VK_IMAGE_TILING_LINEAR) {
      layout = gpu_linear_layout(gpu, image.handle);
      map = gpu_map(gpu, image.memory);
      memset(map, 0, (size_t)needed.size);
      image.pixels = map + layout.offset;
      image.pitch = layout.rowPitch;
   }
   return image;
}

void
gpu_destroy_image(const struct gpu *gpu, const struct gpu_image *image)
{
   gpu->DestroyImageView(gpu->device, image->view, NULL);
   gpu->DestroyImage(gpu->device, image->handle, NULL);
   gpu->FreeMemory(gpu->device, image->memory, NULL);
}

VkCommandBuffer
gpu_begin(const struct gpu *gpu, VkCommandBufferUsageFlags flags)
{
   const VkCommandBufferAllocateInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
      .commandPool = gpu->pool,
      .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
      .commandBufferCount = 1,
   };
   const VkCommandBufferBeginInfo begin = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
      .flags = flags,
   };
   VkCommandBuffer commands = VK_NULL_HANDLE;

   GPU_CHECK(gpu, AllocateCommandBuffers(gpu->device, &info, &commands));
   GPU_CHECK(gpu, BeginCommandBuffer(commands, &begin));
   return commands;
}

void
gpu_end(const struct gpu *gpu, VkCommandBuffer commands)
{
   GPU_CHECK(gpu, EndCommandBuffer(commands));
}

void
gpu_begin_rendering(const struct gpu *gpu, VkCommandBuffer commands,
                    VkImageView view,
                    const struct gpu_image_info *info)
{
   const VkRenderingAttachmentInfo attachment = {
      .sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
      .imageView = view,
      .imageLayout = VK_IMAGE_LAYOUT_GENERAL,
      .loadOp = VK_ATTACHMENT_LOAD_OP_LOAD,
      .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
   };
   const VkRenderingInfo rendering = {
      .sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
      .renderArea = {.extent = {info->width, info->height}},
      .layerCount = 1,
      .colorAttachmentCount = 1,
      .pColorAttachments = &attachment,
   };

   gpu->CmdBeginRendering(commands, &rendering);
}

void
gpu_cover(const struct gpu *gpu, VkCommandBuffer commands, VkImageView view,
          const struct gpu_image_info *info)
{
   gpu_begin_rendering(gpu, commands, view, info);
   gpu->CmdDraw(commands, 3, 1, 0, 0);
   gpu->CmdEndRendering(commands);
}

void
gpu_barrier(const struct gpu *gpu, VkCommandBuffer commands, VkImage image,
            VkImageAspectFlags aspects, enum gpu_passage passage)
{
   const uint32_t there = VK_QUEUE_FAMILY_EXTERNAL;
   const VkImageMemoryBarrier barrier = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
      .srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
      .dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
      .oldLayout = passage == GPU_DISCARD ? VK_IMAGE_LAYOUT_UNDEFINED
                                          : VK_IMAGE_LAYOUT_GENERAL,
      .newLayout = VK_IMAGE_LAYOUT_GENERAL,
      .srcQueueFamilyIndex = passage == GPU_ACQUIRE ? there : 0,
      .dstQueueFamilyIndex = passage == GPU_RELEASE ? there : 0,
      .image = image,
      .subresourceRange = {aspects, 0, VK_REMAINING_MIP_LEVELS, 0,
                           VK_REMAINING_ARRAY_LAYERS},
   };

   gpu->CmdPipelineBarrier(commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
                           VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 0, NULL, 0,
                           NULL, 1, &barrier);
}

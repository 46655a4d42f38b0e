/* SPDX-License-Identifier: MIT */
#include "gpu.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CHECK(gpu, call) check(gpu, (gpu)->call, __LINE__, #call)

static void
check(const struct gpu *gpu, VkResult result, int line, const char *call)
{
   if (result != VK_SUCCESS)
      gpu->fail(__FILE__, line, call, result);
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

   check(gpu, create(&info, NULL, &gpu->instance), __LINE__,
         "vkCreateInstance");
   enumerate = (PFN_vkEnumeratePhysicalDevices)instance_proc(
      gpu, "vkEnumeratePhysicalDevices");
   check(gpu, enumerate(gpu->instance, &count, &gpu->physical), __LINE__,
         "vkEnumeratePhysicalDevices");
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

   check(gpu, create(gpu->physical, &info, NULL, &gpu->device), __LINE__,
         "vkCreateDevice");
   load_commands(gpu);
   gpu->GetDeviceQueue(gpu->device, 0, 0, &gpu->queue);
   CHECK(gpu, CreateCommandPool(gpu->device, &pool, NULL, &gpu->pool));
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

   CHECK(gpu, CreateSemaphore(gpu->device, &info, NULL, &semaphore));
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

   CHECK(gpu, CreateFence(gpu->device, &info, NULL, &fence));
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

   CHECK(gpu, AllocateMemory(gpu->device, &info, NULL, &memory));
   return memory;
}

void *
gpu_map(const struct gpu *gpu, VkDeviceMemory memory)
{
   void *map = NULL;

   CHECK(gpu, MapMemory(gpu->device, memory, 0, VK_WHOLE_SIZE, 0, &map));
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

   CHECK(gpu, CreateBuffer(gpu->device, &info, NULL, &buffer));
   return buffer;
}

struct gpu_buffer
gpu_buffer(const struct gpu *gpu, VkDeviceSize size, VkBufferUsageFlags usage)
{
   struct gpu_buffer buffer = {gpu_create_buffer(gpu, size, usage, 0)};
   VkMemoryRequirements needed;

   gpu->GetBufferMemoryRequirements(gpu->device, buffer.handle, &needed);
   buffer.memory = gpu_allocate(gpu, needed.size, NULL);
   CHECK(gpu, BindBufferMemory(gpu->device, buffer.handle, buffer.memory, 0));
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
gpu_create_image(const struct gpu *gpu, const struct gpu_image_info *image_info)
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

   CHECK(gpu, CreateImage(gpu->device, &info, NULL, &image));
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

   CHECK(gpu, CreateImageView(gpu->device, &info, NULL, &view));
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
   CHECK(gpu, BindImageMemory(gpu->device, image.handle, image.memory, 0));
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

static void
create_sets(const struct gpu *gpu, struct gpu_layout *layout, uint32_t count)
{
   VkDescriptorSetLayoutBinding bindings[GPU_MAX_BINDINGS];
   VkDescriptorPoolSize sizes[GPU_MAX_BINDINGS];
   const VkDescriptorSetLayoutCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
      .bindingCount = count,
      .pBindings = bindings,
   };
   const VkDescriptorPoolCreateInfo pool = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
      .maxSets = layout->sets,
      .poolSizeCount = count,
      .pPoolSizes = sizes,
   };
   const VkSamplerCreateInfo sampler = {
      .sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
   };

   for (uint32_t i = 0; i < count; i++) {
      bindings[i] = (VkDescriptorSetLayoutBinding){
         i, layout->types[i], 1, layout->stages, NULL,
      };
      sizes[i] = (VkDescriptorPoolSize){layout->types[i], layout->sets};
   }
   CHECK(gpu, CreateDescriptorSetLayout(gpu->device, &info, NULL,
                                        &layout->set_layout));
   CHECK(gpu, CreateDescriptorPool(gpu->device, &pool, NULL, &layout->pool));
   CHECK(gpu, CreateSampler(gpu->device, &sampler, NULL, &layout->sampler));
}

void
gpu_create_layout(const struct gpu *gpu, struct gpu_layout *layout,
                  uint32_t bindings)
{
   const VkPushConstantRange range = {
      .stageFlags = layout->stages,
      .size = layout->constants_size,
   };
   const VkPipelineLayoutCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
      .setLayoutCount = bindings ? 1 : 0,
      .pSetLayouts = &layout->set_layout,
      .pushConstantRangeCount = range.size ? 1 : 0,
      .pPushConstantRanges = &range,
   };

   if (bindings)
      create_sets(gpu, layout, bindings);
   CHECK(gpu, CreatePipelineLayout(gpu->device, &info, NULL, &layout->handle));
}

void
gpu_destroy_layout(const struct gpu *gpu, const struct gpu_layout *layout)
{
   gpu->DestroyDescriptorPool(gpu->device, layout->pool, NULL);
   gpu->DestroySampler(gpu->device, layout->sampler, NULL);
   gpu->DestroyPipelineLayout(gpu->device, layout->handle, NULL);
   gpu->DestroyDescriptorSetLayout(gpu->device, layout->set_layout, NULL);
}

VkDescriptorSet
gpu_create_set(const struct gpu *gpu, const struct gpu_layout *layout,
               const struct gpu_binding *bindings, uint32_t count)
{
   const VkDescriptorSetAllocateInfo info = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
      .descriptorPool = layout->pool,
      .descriptorSetCount = 1,
      .pSetLayouts = &layout->set_layout,
   };
   VkDescriptorSet set = VK_NULL_HANDLE;

   CHECK(gpu, AllocateDescriptorSets(gpu->device, &info, &set));
   for (uint32_t i = 0; i < count; i++) {
      const VkDescriptorImageInfo image = {
         layout->sampler, bindings[i].view, VK_IMAGE_LAYOUT_GENERAL,
      };
      const VkDescriptorBufferInfo buffer = {
         bindings[i].buffer, 0, VK_WHOLE_SIZE,
      };
      const VkWriteDescriptorSet write = {
         .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
         .dstSet = set,
         .dstBinding = i,
         .descriptorCount = 1,
         .descriptorType = layout->types[i],
         .pBufferInfo = &buffer,
         .pImageInfo = &image,
      };

      gpu->UpdateDescriptorSets(gpu->device, 1, &write, 0, NULL);
   }
   return set;
}

static VkPipelineShaderStageCreateInfo
create_stage(const struct gpu *gpu, VkShaderStageFlagBits stage,
             struct gpu_shader shader)
{
   const VkShaderModuleCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
      .codeSize = shader.size,
      .pCode = shader.code,
   };
   VkPipelineShaderStageCreateInfo result = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
      .stage = stage,
      .pName = "main",
   };

   CHECK(gpu, CreateShaderModule(gpu->device, &info, NULL, &result.module));
   return result;
}

VkPipeline
gpu_create_compute(const struct gpu *gpu, const struct gpu_layout *layout,
                   struct gpu_shader shader)
{
   const VkComputePipelineCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
      .stage = create_stage(gpu, VK_SHADER_STAGE_COMPUTE_BIT, shader),
      .layout = layout->handle,
   };
   VkPipeline pipeline = VK_NULL_HANDLE;

   CHECK(gpu, CreateComputePipelines(gpu->device, VK_NULL_HANDLE, 1, &info,
                                     NULL, &pipeline));
   gpu->DestroyShaderModule(gpu->device, info.stage.module, NULL);
   return pipeline;
}

VkPipeline
gpu_create_graphics(const struct gpu *gpu, const struct gpu_layout *layout,
                    struct gpu_shader vertex, struct gpu_shader fragment,
                    const struct gpu_image_info *target)
{
   const VkPipelineShaderStageCreateInfo stages[] = {
      create_stage(gpu, VK_SHADER_STAGE_VERTEX_BIT, vertex),
      create_stage(gpu, VK_SHADER_STAGE_FRAGMENT_BIT, fragment),
   };
   const VkPipelineVertexInputStateCreateInfo input = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
   };
   const VkPipelineInputAssemblyStateCreateInfo assembly = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
      .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST,
   };
   const VkViewport area = {
      .width = (float)target->width,
      .height = (float)target->height,
      .maxDepth = 1.0f,
   };
   const VkRect2D scissor = {.extent = {target->width, target->height}};
   const VkPipelineViewportStateCreateInfo viewport = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
      .viewportCount = 1,
      .pViewports = &area,
      .scissorCount = 1,
      .pScissors = &scissor,
   };
   const VkPipelineRasterizationStateCreateInfo rasterization = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO,
      .lineWidth = 1.0f,
   };
   const VkPipelineMultisampleStateCreateInfo multisample = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
      .rasterizationSamples = VK_SAMPLE_COUNT_1_BIT,
   };
   const VkPipelineColorBlendAttachmentState attachment = {
      .colorWriteMask = 0xf,
   };
   const VkPipelineColorBlendStateCreateInfo blend = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
      .attachmentCount = 1,
      .pAttachments = &attachment,
   };
   const VkPipelineRenderingCreateInfo rendering = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO,
      .colorAttachmentCount = 1,
      .pColorAttachmentFormats = &target->format,
   };
   const VkGraphicsPipelineCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
      .pNext = &rendering,
      .stageCount = COUNT(stages),
      .pStages = stages,
      .pVertexInputState = &input,
      .pInputAssemblyState = &assembly,
      .pViewportState = &viewport,
      .pRasterizationState = &rasterization,
      .pMultisampleState = &multisample,
      .pColorBlendState = &blend,
      .layout = layout->handle,
   };
   VkPipeline pipeline = VK_NULL_HANDLE;

   CHECK(gpu, CreateGraphicsPipelines(gpu->device, VK_NULL_HANDLE, 1, &info,
                                      NULL, &pipeline));
   for (uint32_t i = 0; i < COUNT(stages); i++)
      gpu->DestroyShaderModule(gpu->device, stages[i].module, NULL);
   return pipeline;
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

   CHECK(gpu, AllocateCommandBuffers(gpu->device, &info, &commands));
   CHECK(gpu, BeginCommandBuffer(commands, &begin));
   return commands;
}

void
gpu_end(const struct gpu *gpu, VkCommandBuffer commands)
{
   CHECK(gpu, EndCommandBuffer(commands));
}

void
gpu_bind(const struct gpu *gpu, VkCommandBuffer commands,
         VkPipelineBindPoint point, VkPipeline pipeline,
         const struct gpu_layout *layout, VkDescriptorSet set,
         const void *constants)
{
   gpu->CmdBindPipeline(commands, point, pipeline);
   if (set)
      gpu->CmdBindDescriptorSets(commands, point, layout->handle, 0, 1, &set,
                                 0, NULL);
   if (constants)
      gpu->CmdPushConstants(commands, layout->handle, layout->stages, 0,
                            layout->constants_size, constants);
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
   const bool external = passage == GPU_ACQUIRE || passage == GPU_RELEASE;
   const uint32_t here = external ? 0 : VK_QUEUE_FAMILY_IGNORED;
   const uint32_t there = external ? VK_QUEUE_FAMILY_EXTERNAL
                                   : VK_QUEUE_FAMILY_IGNORED;
   const VkImageMemoryBarrier barrier = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
      .srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
      .dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
      .oldLayout = passage == GPU_DISCARD ? VK_IMAGE_LAYOUT_UNDEFINED
                                          : VK_IMAGE_LAYOUT_GENERAL,
      .newLayout = VK_IMAGE_LAYOUT_GENERAL,
      .srcQueueFamilyIndex = passage == GPU_ACQUIRE ? there : here,
      .dstQueueFamilyIndex = passage == GPU_ACQUIRE ? here : there,
      .image = image,
      .subresourceRange = {aspects, 0, VK_REMAINING_MIP_LEVELS, 0,
                           VK_REMAINING_ARRAY_LAYERS},
   };

   gpu->CmdPipelineBarrier(commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
                           VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 0, NULL, 0,
                           NULL, 1, &barrier);
}

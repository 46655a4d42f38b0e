/* SPDX-License-Identifier: MIT */
#include "work.h"

#include <stdlib.h>
#include <string.h>

#include "work_frag.h"
#include "work_vert.h"

#define FORMAT VK_FORMAT_R32_UINT

struct constants {
   uint32_t tag;
   uint32_t effort;
   uint32_t zero;
};

static VkShaderModule
create_module(VkDevice device, const uint32_t *code, size_t size)
{
   const VkShaderModuleCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
      .codeSize = size,
      .pCode = code,
   };
   VkShaderModule module;

   REQUIRE_OK(vkCreateShaderModule(device, &info, NULL, &module));
   return module;
}

static void
create_image(struct work *work)
{
   VkDevice device = work->device->handle;
   const VkImageCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
      .imageType = VK_IMAGE_TYPE_2D,
      .format = FORMAT,
      .extent = {work->size, work->size, 1},
      .mipLevels = 1,
      .arrayLayers = 1,
      .samples = VK_SAMPLE_COUNT_1_BIT,
      .tiling = VK_IMAGE_TILING_LINEAR,
      .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT,
   };
   const VkImageSubresource subresource = {
      .aspectMask = VK_IMAGE_ASPECT_COLOR_BIT,
   };
   VkMemoryAllocateInfo allocate = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
   };
   VkImageViewCreateInfo view = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
      .viewType = VK_IMAGE_VIEW_TYPE_2D,
      .format = FORMAT,
      .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1},
   };
   VkFormatProperties format;
   VkMemoryRequirements requirements;
   VkSubresourceLayout layout;
   void *map;

   vkGetPhysicalDeviceFormatProperties(work->device->physical, FORMAT,
                                       &format);
   REQUIRE(format.linearTilingFeatures &
           VK_FORMAT_FEATURE_COLOR_ATTACHMENT_BIT);
   REQUIRE_OK(vkCreateImage(device, &info, NULL, &work->image));
   vkGetImageMemoryRequirements(device, work->image, &requirements);
   vkGetImageSubresourceLayout(device, work->image, &subresource, &layout);
   /* All of lavapipe's memory is visible to the host and coherent. */
   allocate.allocationSize = requirements.size;
   REQUIRE_OK(vkAllocateMemory(device, &allocate, NULL, &work->memory));
   REQUIRE_OK(vkBindImageMemory(device, work->image, work->memory, 0));
   REQUIRE_OK(vkMapMemory(device, work->memory, 0, VK_WHOLE_SIZE, 0, &map));
   memset(map, 0, (size_t)requirements.size);
   work->pixels = (const uint8_t *)map + layout.offset;
   work->pitch = layout.rowPitch;
   view.image = work->image;
   REQUIRE_OK(vkCreateImageView(device, &view, NULL, &work->view));
}

static void
create_layout(struct work *work)
{
   const VkPushConstantRange range = {
      .stageFlags = VK_SHADER_STAGE_FRAGMENT_BIT,
      .size = sizeof(struct constants),
   };
   const VkPipelineLayoutCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
      .pushConstantRangeCount = 1,
      .pPushConstantRanges = &range,
   };

   REQUIRE_OK(vkCreatePipelineLayout(work->device->handle, &info, NULL,
                                     &work->layout));
}

static void
create_pipeline(struct work *work)
{
   VkDevice device = work->device->handle;
   const VkPipelineShaderStageCreateInfo stages[] = {
      {
         .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
         .stage = VK_SHADER_STAGE_VERTEX_BIT,
         .module = create_module(device, work_vert, sizeof(work_vert)),
         .pName = "main",
      },
      {
         .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
         .stage = VK_SHADER_STAGE_FRAGMENT_BIT,
         .module = create_module(device, work_frag, sizeof(work_frag)),
         .pName = "main",
      },
   };
   const VkPipelineVertexInputStateCreateInfo input = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
   };
   const VkPipelineInputAssemblyStateCreateInfo assembly = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
      .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST,
   };
   const VkViewport area = {
      .width = (float)work->size,
      .height = (float)work->size,
      .maxDepth = 1.0f,
   };
   const VkRect2D scissor = {.extent = {work->size, work->size}};
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
      .colorWriteMask = VK_COLOR_COMPONENT_R_BIT,
   };
   const VkPipelineColorBlendStateCreateInfo blend = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
      .attachmentCount = 1,
      .pAttachments = &attachment,
   };
   const VkFormat format = FORMAT;
   const VkPipelineRenderingCreateInfo rendering = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO,
      .colorAttachmentCount = 1,
      .pColorAttachmentFormats = &format,
   };
   const VkGraphicsPipelineCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
      .pNext = &rendering,
      .stageCount = TEST_COUNT(stages),
      .pStages = stages,
      .pVertexInputState = &input,
      .pInputAssemblyState = &assembly,
      .pViewportState = &viewport,
      .pRasterizationState = &rasterization,
      .pMultisampleState = &multisample,
      .pColorBlendState = &blend,
      .layout = work->layout,
   };

   REQUIRE_OK(vkCreateGraphicsPipelines(device, VK_NULL_HANDLE, 1, &info,
                                        NULL, &work->pipeline));
   for (size_t i = 0; i < TEST_COUNT(stages); i++)
      vkDestroyShaderModule(device, stages[i].module, NULL);
}

static void
destroy_work(void *data)
{
   struct work *work = data;
   VkDevice device = work->device->handle;

   if (test_failed())
      return;
   vkDestroyPipeline(device, work->pipeline, NULL);
   vkDestroyPipelineLayout(device, work->layout, NULL);
   vkDestroyImageView(device, work->view, NULL);
   vkDestroyImage(device, work->image, NULL);
   vkFreeMemory(device, work->memory, NULL);
   free(work);
}

struct work *
work_create(struct vkt_device *device, uint32_t size)
{
   struct work *work = calloc(1, sizeof(*work));

   REQUIRE(work != NULL);
   work->device = device;
   work->size = size;
   create_image(work);
   create_layout(work);
   create_pipeline(work);
   test_defer(destroy_work, work);
   return work;
}

void
work_destroy(struct work *work)
{
   test_undefer(destroy_work, work);
   destroy_work(work);
}

static VkCommandBuffer
begin_commands(struct vkt_device *device)
{
   const VkCommandBufferAllocateInfo allocate = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
      .commandPool = device->pool,
      .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
      .commandBufferCount = 1,
   };
   const VkCommandBufferBeginInfo begin = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
      .flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT,
   };
   VkCommandBuffer commands;

   REQUIRE_OK(vkAllocateCommandBuffers(device->handle, &allocate,
                                       &commands));
   REQUIRE_OK(vkBeginCommandBuffer(commands, &begin));
   return commands;
}

static void
record_layout(struct work *work, VkCommandBuffer commands)
{
   const VkImageMemoryBarrier barrier = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
      .srcAccessMask = VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT,
      .dstAccessMask = VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT,
      .oldLayout = work->used ? VK_IMAGE_LAYOUT_GENERAL
                              : VK_IMAGE_LAYOUT_UNDEFINED,
      .newLayout = VK_IMAGE_LAYOUT_GENERAL,
      .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
      .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
      .image = work->image,
      .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1},
   };

   work->used = true;
   vkCmdPipelineBarrier(commands,
                        VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT,
                        VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT, 0, 0,
                        NULL, 0, NULL, 1, &barrier);
}

VkCommandBuffer
work_record(struct work *work, uint32_t tag, uint32_t effort)
{
   const struct constants constants = {.tag = tag, .effort = effort};
   const VkRenderingAttachmentInfo attachment = {
      .sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
      .imageView = work->view,
      .imageLayout = VK_IMAGE_LAYOUT_GENERAL,
      .loadOp = VK_ATTACHMENT_LOAD_OP_LOAD,
      .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
   };
   const VkRenderingInfo rendering = {
      .sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
      .renderArea = {.extent = {work->size, work->size}},
      .layerCount = 1,
      .colorAttachmentCount = 1,
      .pColorAttachments = &attachment,
   };
   VkCommandBuffer commands = begin_commands(work->device);

   record_layout(work, commands);
   vkCmdBeginRendering(commands, &rendering);
   vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS,
                     work->pipeline);
   vkCmdPushConstants(commands, work->layout, VK_SHADER_STAGE_FRAGMENT_BIT, 0,
                      sizeof(constants), &constants);
   vkCmdDraw(commands, 3, 1, 0, 0);
   vkCmdEndRendering(commands);
   REQUIRE_OK(vkEndCommandBuffer(commands));
   return commands;
}

uint32_t
work_wrong_pixels(const struct work *work, uint32_t tag)
{
   uint32_t wrong = 0;

   for (uint32_t y = 0; y < work->size; y++) {
      const volatile uint32_t *row =
         (const volatile uint32_t *)(work->pixels + y * work->pitch);

      for (uint32_t x = 0; x < work->size; x++)
         wrong += row[x] != tag;
   }
   return wrong;
}

VkCommandBuffer
work_empty_commands(struct vkt_device *device)
{
   VkCommandBuffer commands = begin_commands(device);

   REQUIRE_OK(vkEndCommandBuffer(commands));
   return commands;
}

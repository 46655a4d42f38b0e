/* SPDX-License-Identifier: MIT */

/* The animated scene. The producer renders it for the stream, the consumer
 * to know what it should have got.
 */
#include "demo_common.h"

#include <math.h>

#include "scene_frag.h"
#include "scene_vert.h"

/* As in the shaders. */
struct shape {
   float colour[4];
   float centre[2];
   float turn[2];
   float radius;
   uint32_t sides;
   float tag;
   float time;
};

static void
create_image(struct demo_scene *scene)
{
   VkDevice device = scene->device->handle;
   const VkImageCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
      .imageType = VK_IMAGE_TYPE_2D,
      .format = DEMO_FORMAT,
      .extent = {DEMO_WIDTH, DEMO_HEIGHT, 1},
      .mipLevels = 1,
      .arrayLayers = 1,
      .samples = VK_SAMPLE_COUNT_1_BIT,
      .tiling = VK_IMAGE_TILING_OPTIMAL,
      .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT |
               VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
   };
   VkMemoryAllocateInfo allocate = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
   };
   VkImageViewCreateInfo view = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
      .viewType = VK_IMAGE_VIEW_TYPE_2D,
      .format = DEMO_FORMAT,
      .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1},
   };
   VkMemoryRequirements requirements;

   demo_check(vkCreateImage(device, &info, NULL, &scene->image),
              "vkCreateImage");
   vkGetImageMemoryRequirements(device, scene->image, &requirements);
   allocate.allocationSize = requirements.size;
   while (!(requirements.memoryTypeBits & (1u << allocate.memoryTypeIndex)))
      allocate.memoryTypeIndex++;
   demo_check(vkAllocateMemory(device, &allocate, NULL, &scene->memory),
              "vkAllocateMemory for the image");
   demo_check(vkBindImageMemory(device, scene->image, scene->memory, 0),
              "vkBindImageMemory");
   view.image = scene->image;
   demo_check(vkCreateImageView(device, &view, NULL, &scene->view),
              "vkCreateImageView");
}

static VkPipelineShaderStageCreateInfo
create_stage(VkDevice device, VkShaderStageFlagBits stage,
             const uint32_t *code, size_t size)
{
   const VkShaderModuleCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
      .codeSize = size,
      .pCode = code,
   };
   VkPipelineShaderStageCreateInfo result = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
      .stage = stage,
      .pName = "main",
   };

   demo_check(vkCreateShaderModule(device, &info, NULL, &result.module),
              "vkCreateShaderModule");
   return result;
}

static void
create_layout(struct demo_scene *scene)
{
   const VkPushConstantRange range = {
      .stageFlags = VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT,
      .size = sizeof(struct shape),
   };
   const VkPipelineLayoutCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
      .pushConstantRangeCount = 1,
      .pPushConstantRanges = &range,
   };

   demo_check(vkCreatePipelineLayout(scene->device->handle, &info, NULL,
                                     &scene->layout),
              "vkCreatePipelineLayout");
}

static void
create_pipeline(struct demo_scene *scene)
{
   VkDevice device = scene->device->handle;
   const VkPipelineShaderStageCreateInfo stages[] = {
      create_stage(device, VK_SHADER_STAGE_VERTEX_BIT, scene_vert,
                   sizeof(scene_vert)),
      create_stage(device, VK_SHADER_STAGE_FRAGMENT_BIT, scene_frag,
                   sizeof(scene_frag)),
   };
   const VkPipelineVertexInputStateCreateInfo input = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
   };
   const VkPipelineInputAssemblyStateCreateInfo assembly = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
      .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST,
   };
   const VkViewport area = {0, 0, DEMO_WIDTH, DEMO_HEIGHT, 0.0f, 1.0f};
   const VkRect2D scissor = {.extent = {DEMO_WIDTH, DEMO_HEIGHT}};
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
   const VkFormat format = DEMO_FORMAT;
   const VkPipelineRenderingCreateInfo rendering = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO,
      .colorAttachmentCount = 1,
      .pColorAttachmentFormats = &format,
   };
   const VkGraphicsPipelineCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
      .pNext = &rendering,
      .stageCount = DEMO_COUNT(stages),
      .pStages = stages,
      .pVertexInputState = &input,
      .pInputAssemblyState = &assembly,
      .pViewportState = &viewport,
      .pRasterizationState = &rasterization,
      .pMultisampleState = &multisample,
      .pColorBlendState = &blend,
      .layout = scene->layout,
   };

   demo_check(vkCreateGraphicsPipelines(device, VK_NULL_HANDLE, 1, &info,
                                        NULL, &scene->pipeline),
              "vkCreateGraphicsPipelines");
   for (size_t i = 0; i < DEMO_COUNT(stages); i++)
      vkDestroyShaderModule(device, stages[i].module, NULL);
}

void
demo_scene_create(struct demo_scene *scene, struct demo_device *device)
{
   *scene = (struct demo_scene){.device = device};
   create_image(scene);
   create_layout(scene);
   create_pipeline(scene);
}

void
demo_scene_destroy(struct demo_scene *scene)
{
   VkDevice device = scene->device->handle;

   vkDestroyPipeline(device, scene->pipeline, NULL);
   vkDestroyPipelineLayout(device, scene->layout, NULL);
   vkDestroyImageView(device, scene->view, NULL);
   vkDestroyImage(device, scene->image, NULL);
   vkFreeMemory(device, scene->memory, NULL);
}

static void
image_barrier(VkCommandBuffer commands, const VkImageMemoryBarrier2 *barrier)
{
   const VkDependencyInfo info = {
      .sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
      .imageMemoryBarrierCount = 1,
      .pImageMemoryBarriers = barrier,
   };

   vkCmdPipelineBarrier2(commands, &info);
}

/* What the image held is of no interest any more. */
static void
discard(VkCommandBuffer commands, VkImage image)
{
   image_barrier(commands, &(VkImageMemoryBarrier2){
      .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER_2,
      .srcStageMask = VK_PIPELINE_STAGE_2_COPY_BIT,
      .srcAccessMask = VK_ACCESS_2_TRANSFER_READ_BIT,
      .dstStageMask = VK_PIPELINE_STAGE_2_COLOR_ATTACHMENT_OUTPUT_BIT,
      .dstAccessMask = VK_ACCESS_2_COLOR_ATTACHMENT_WRITE_BIT,
      .oldLayout = VK_IMAGE_LAYOUT_UNDEFINED,
      .newLayout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
      .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
      .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
      .image = image,
      .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1},
   });
}

static void
rendered(VkCommandBuffer commands, VkImage image, VkImageLayout layout,
         uint32_t from, uint32_t to)
{
   image_barrier(commands, &(VkImageMemoryBarrier2){
      .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER_2,
      .srcStageMask = VK_PIPELINE_STAGE_2_COLOR_ATTACHMENT_OUTPUT_BIT,
      .srcAccessMask = VK_ACCESS_2_COLOR_ATTACHMENT_WRITE_BIT,
      .dstStageMask = VK_PIPELINE_STAGE_2_COPY_BIT,
      .dstAccessMask = VK_ACCESS_2_TRANSFER_READ_BIT,
      .oldLayout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
      .newLayout = layout,
      .srcQueueFamilyIndex = from,
      .dstQueueFamilyIndex = to,
      .image = image,
      .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1},
   });
}

static void
draw_shape(struct demo_scene *scene, VkCommandBuffer commands,
           const struct shape *shape)
{
   vkCmdPushConstants(commands, scene->layout,
                      VK_SHADER_STAGE_VERTEX_BIT |
                         VK_SHADER_STAGE_FRAGMENT_BIT,
                      0, sizeof(*shape), shape);
   vkCmdDraw(commands, shape->sides ? shape->sides * 3 : 3, 1, 0, 0);
}

static void
draw_frame(struct demo_scene *scene, VkCommandBuffer commands, uint32_t frame)
{
   static const float colours[][4] = {
      {0.96f, 0.32f, 0.26f, 1}, {0.99f, 0.76f, 0.18f, 1},
      {0.36f, 0.82f, 0.42f, 1}, {0.22f, 0.68f, 0.94f, 1},
      {0.68f, 0.42f, 0.92f, 1}, {0.98f, 0.52f, 0.70f, 1},
   };
   const float time = (float)frame * 6.2831853f / DEMO_FRAMES;
   const float tag = (float)demo_pixel_tag(frame) / 255.0f;

   draw_shape(scene, commands, &(struct shape){.tag = tag, .time = time});
   for (uint32_t i = 0; i < DEMO_COUNT(colours); i++) {
      const float orbit = time + (float)i * 1.0471976f;
      const float spin = time * (float)(i % 2 ? -2 : 1);
      const struct shape shape = {
         .colour = {colours[i][0], colours[i][1], colours[i][2], 1},
         .centre = {0.78f * cosf(orbit), 0.58f * sinf(orbit)},
         .turn = {cosf(spin), sinf(spin)},
         .radius = 0.30f + 0.06f * sinf(time * 2 + (float)i),
         .sides = 3 + i,
         .tag = tag,
         .time = time,
      };

      draw_shape(scene, commands, &shape);
   }
}

static void
render(struct demo_scene *scene, VkCommandBuffer commands, uint32_t frame,
       VkImageView view)
{
   const VkRenderingAttachmentInfo attachment = {
      .sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
      .imageView = view,
      .imageLayout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
      .loadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE,
      .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
   };
   const VkRenderingInfo rendering = {
      .sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
      .renderArea = {.extent = {DEMO_WIDTH, DEMO_HEIGHT}},
      .layerCount = 1,
      .colorAttachmentCount = 1,
      .pColorAttachments = &attachment,
   };

   vkCmdBeginRendering(commands, &rendering);
   vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS,
                     scene->pipeline);
   draw_frame(scene, commands, frame);
   vkCmdEndRendering(commands);
}

void
demo_scene_record(struct demo_scene *scene, VkCommandBuffer commands,
                  uint32_t frame, VkBuffer target, VkDeviceSize offset)
{
   const VkBufferImageCopy copy = {
      .bufferOffset = offset,
      .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
      .imageExtent = {DEMO_WIDTH, DEMO_HEIGHT, 1},
   };

   discard(commands, scene->image);
   render(scene, commands, frame, scene->view);
   rendered(commands, scene->image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
            VK_QUEUE_FAMILY_IGNORED, VK_QUEUE_FAMILY_IGNORED);
   vkCmdCopyImageToBuffer(commands, scene->image,
                          VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, target, 1,
                          &copy);
}

void
demo_scene_record_image(struct demo_scene *scene, VkCommandBuffer commands,
                        uint32_t frame, const struct demo_ring *ring)
{
   VkImage image = ring->images[frame % DEMO_SLOTS];

   discard(commands, image);
   render(scene, commands, frame, ring->views[frame % DEMO_SLOTS]);
   rendered(commands, image, VK_IMAGE_LAYOUT_GENERAL, scene->device->family,
            VK_QUEUE_FAMILY_EXTERNAL);
}

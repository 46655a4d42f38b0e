/* SPDX-License-Identifier: MIT */
#include "icd.h"

#include <string.h>

#include "frame_frag.h"
#include "frame_vert.h"

#define SIZE 64
#define DRAWS 1
#define FORMAT VK_FORMAT_R8G8B8A8_UNORM

static const VkImageSubresourceRange whole_image = {
   VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1,
};

static VkShaderModule
create_module(struct bench_icd *icd, const uint32_t *code, size_t size)
{
   const VkShaderModuleCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
      .codeSize = size,
      .pCode = code,
   };
   VkShaderModule module;

   BENCH_REQUIRE(icd->CreateShaderModule(icd->device, &info, NULL,
                                         &module) == VK_SUCCESS);
   return module;
}

static void
create_image(struct bench_scene *scene)
{
   struct bench_icd *icd = scene->icd;
   const VkImageCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
      .imageType = VK_IMAGE_TYPE_2D,
      .format = FORMAT,
      .extent = {SIZE, SIZE, 1},
      .mipLevels = 1,
      .arrayLayers = 1,
      .samples = VK_SAMPLE_COUNT_1_BIT,
      .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT,
   };
   VkMemoryRequirements requirements;
   VkMemoryAllocateInfo allocate = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
   };
   VkImageViewCreateInfo view = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
      .viewType = VK_IMAGE_VIEW_TYPE_2D,
      .format = FORMAT,
      .subresourceRange = whole_image,
   };

   BENCH_REQUIRE(icd->CreateImage(icd->device, &info, NULL, &scene->image) ==
                 VK_SUCCESS);
   icd->GetImageMemoryRequirements(icd->device, scene->image, &requirements);
   allocate.allocationSize = requirements.size;
   BENCH_REQUIRE(icd->AllocateMemory(icd->device, &allocate, NULL,
                                     &scene->memory) == VK_SUCCESS);
   BENCH_REQUIRE(icd->BindImageMemory(icd->device, scene->image,
                                      scene->memory, 0) == VK_SUCCESS);
   view.image = scene->image;
   BENCH_REQUIRE(icd->CreateImageView(icd->device, &view, NULL,
                                      &scene->view) == VK_SUCCESS);
}

static void
create_pipeline(struct bench_scene *scene)
{
   struct bench_icd *icd = scene->icd;
   const VkPipelineLayoutCreateInfo layout = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
   };
   const VkPipelineShaderStageCreateInfo stages[] = {
      {
         .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
         .stage = VK_SHADER_STAGE_VERTEX_BIT,
         .module = create_module(icd, frame_vert, sizeof(frame_vert)),
         .pName = "main",
      },
      {
         .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
         .stage = VK_SHADER_STAGE_FRAGMENT_BIT,
         .module = create_module(icd, frame_frag, sizeof(frame_frag)),
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
   const VkViewport area = {.width = SIZE, .height = SIZE, .maxDepth = 1.0f};
   const VkRect2D scissor = {.extent = {SIZE, SIZE}};
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
   const VkFormat format = FORMAT;
   const VkPipelineRenderingCreateInfo rendering = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO,
      .colorAttachmentCount = 1,
      .pColorAttachmentFormats = &format,
   };
   VkGraphicsPipelineCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
      .pNext = &rendering,
      .stageCount = BENCH_COUNT(stages),
      .pStages = stages,
      .pVertexInputState = &input,
      .pInputAssemblyState = &assembly,
      .pViewportState = &viewport,
      .pRasterizationState = &rasterization,
      .pMultisampleState = &multisample,
      .pColorBlendState = &blend,
   };

   BENCH_REQUIRE(icd->CreatePipelineLayout(icd->device, &layout, NULL,
                                           &scene->layout) == VK_SUCCESS);
   info.layout = scene->layout;
   BENCH_REQUIRE(icd->CreateGraphicsPipelines(icd->device, VK_NULL_HANDLE, 1,
                                              &info, NULL,
                                              &scene->pipeline) ==
                 VK_SUCCESS);
   for (size_t i = 0; i < BENCH_COUNT(stages); i++)
      icd->DestroyShaderModule(icd->device, stages[i].module, NULL);
}

static void
record_barrier(struct bench_scene *scene)
{
   const VkImageMemoryBarrier barrier = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
      .dstAccessMask = VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT,
      .newLayout = VK_IMAGE_LAYOUT_GENERAL,
      .image = scene->image,
      .subresourceRange = whole_image,
   };

   scene->icd->CmdPipelineBarrier(
      scene->commands, VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT,
      VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT, 0, 0, NULL, 0, NULL, 1,
      &barrier);
}

static void
record(struct bench_scene *scene)
{
   struct bench_icd *icd = scene->icd;
   const VkCommandPoolCreateInfo pool = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
   };
   VkCommandBufferAllocateInfo allocate = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
      .commandBufferCount = 1,
   };
   const VkCommandBufferBeginInfo begin = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
      .flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT,
   };
   const VkRenderingAttachmentInfo attachment = {
      .sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
      .imageView = scene->view,
      .imageLayout = VK_IMAGE_LAYOUT_GENERAL,
      .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
      .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
   };
   const VkRenderingInfo rendering = {
      .sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
      .renderArea = {.extent = {SIZE, SIZE}},
      .layerCount = 1,
      .colorAttachmentCount = 1,
      .pColorAttachments = &attachment,
   };

   BENCH_REQUIRE(icd->CreateCommandPool(icd->device, &pool, NULL,
                                        &scene->pool) == VK_SUCCESS);
   allocate.commandPool = scene->pool;
   BENCH_REQUIRE(icd->AllocateCommandBuffers(icd->device, &allocate,
                                             &scene->commands) == VK_SUCCESS);
   BENCH_REQUIRE(icd->BeginCommandBuffer(scene->commands, &begin) ==
                 VK_SUCCESS);
   record_barrier(scene);
   icd->CmdBeginRendering(scene->commands, &rendering);
   icd->CmdBindPipeline(scene->commands, VK_PIPELINE_BIND_POINT_GRAPHICS,
                        scene->pipeline);
   for (unsigned i = 0; i < DRAWS; i++)
      icd->CmdDraw(scene->commands, 3, 1, 0, 0);
   icd->CmdEndRendering(scene->commands);
   BENCH_REQUIRE(icd->EndCommandBuffer(scene->commands) == VK_SUCCESS);
}

void
bench_scene_create(struct bench_scene *scene, struct bench_icd *icd)
{
   memset(scene, 0, sizeof(*scene));
   scene->icd = icd;
   create_image(scene);
   create_pipeline(scene);
   record(scene);
}

void
bench_scene_destroy(struct bench_scene *scene)
{
   struct bench_icd *icd = scene->icd;

   icd->DestroyCommandPool(icd->device, scene->pool, NULL);
   icd->DestroyPipeline(icd->device, scene->pipeline, NULL);
   icd->DestroyPipelineLayout(icd->device, scene->layout, NULL);
   icd->DestroyImageView(icd->device, scene->view, NULL);
   icd->DestroyImage(icd->device, scene->image, NULL);
   icd->FreeMemory(icd->device, scene->memory, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "share_private.h"

#include "share_comp.h"
#include "share_frag.h"
#include "share_vert.h"

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

static const VkDescriptorType types[] = {
   VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
   VK_DESCRIPTOR_TYPE_STORAGE_IMAGE,
   VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
   VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
};

static void
create_layout(struct share *share)
{
   VkDevice device = share->device->handle;
   VkDescriptorSetLayoutBinding bindings[TEST_COUNT(types)];
   const VkDescriptorSetLayoutCreateInfo set_info = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
      .bindingCount = TEST_COUNT(types),
      .pBindings = bindings,
   };
   const VkPushConstantRange range = {
      .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT | VK_SHADER_STAGE_FRAGMENT_BIT,
      .size = sizeof(struct share_constants),
   };
   const VkPipelineLayoutCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
      .setLayoutCount = 1,
      .pSetLayouts = &share->set_layout,
      .pushConstantRangeCount = 1,
      .pPushConstantRanges = &range,
   };

   for (uint32_t i = 0; i < TEST_COUNT(types); i++) {
      bindings[i] = (VkDescriptorSetLayoutBinding){
         .binding = i,
         .descriptorType = types[i],
         .descriptorCount = 1,
         .stageFlags = range.stageFlags,
      };
   }
   REQUIRE_OK(vkCreateDescriptorSetLayout(device, &set_info, NULL,
                                          &share->set_layout));
   REQUIRE_OK(vkCreatePipelineLayout(device, &info, NULL, &share->layout));
}

static void
create_set(struct share *share)
{
   VkDevice device = share->device->handle;
   const VkDescriptorPoolSize sizes[] = {
      {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 2},
      {VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, 1},
      {VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 1},
   };
   const VkDescriptorPoolCreateInfo pool = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
      .maxSets = 1,
      .poolSizeCount = TEST_COUNT(sizes),
      .pPoolSizes = sizes,
   };
   const VkSamplerCreateInfo sampler = {
      .sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
   };
   VkDescriptorSetAllocateInfo allocate = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
      .descriptorSetCount = 1,
      .pSetLayouts = &share->set_layout,
   };
   const VkDescriptorBufferInfo buffers[] = {
      {share->words, 0, VK_WHOLE_SIZE},
      {share->result, 0, VK_WHOLE_SIZE},
   };
   VkDescriptorImageInfo image = {
      .imageView = share->shared_image.view,
      .imageLayout = VK_IMAGE_LAYOUT_GENERAL,
   };

   REQUIRE_OK(vkCreateSampler(device, &sampler, NULL, &share->sampler));
   REQUIRE_OK(vkCreateDescriptorPool(device, &pool, NULL, &share->pool));
   allocate.descriptorPool = share->pool;
   REQUIRE_OK(vkAllocateDescriptorSets(device, &allocate, &share->set));
   image.sampler = share->sampler;
   for (uint32_t i = 0; i < TEST_COUNT(types); i++) {
      const VkWriteDescriptorSet write = {
         .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
         .dstSet = share->set,
         .dstBinding = i,
         .descriptorCount = 1,
         .descriptorType = types[i],
         .pBufferInfo = &buffers[i / 2],
         .pImageInfo = &image,
      };

      vkUpdateDescriptorSets(device, 1, &write, 0, NULL);
   }
}

static void
create_compute(struct share *share)
{
   VkDevice device = share->device->handle;
   const VkComputePipelineCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
      .stage = {
         .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
         .stage = VK_SHADER_STAGE_COMPUTE_BIT,
         .module = create_module(device, share_comp, sizeof(share_comp)),
         .pName = "main",
      },
      .layout = share->layout,
   };

   REQUIRE_OK(vkCreateComputePipelines(device, VK_NULL_HANDLE, 1, &info, NULL,
                                       &share->compute));
   vkDestroyShaderModule(device, info.stage.module, NULL);
}

static void
create_graphics(struct share *share)
{
   VkDevice device = share->device->handle;
   const VkPipelineShaderStageCreateInfo stages[] = {
      {
         .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
         .stage = VK_SHADER_STAGE_VERTEX_BIT,
         .module = create_module(device, share_vert, sizeof(share_vert)),
         .pName = "main",
      },
      {
         .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
         .stage = VK_SHADER_STAGE_FRAGMENT_BIT,
         .module = create_module(device, share_frag, sizeof(share_frag)),
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
      .width = SHARE_WIDTH,
      .height = SHARE_WIDTH,
      .maxDepth = 1.0f,
   };
   const VkRect2D scissor = {.extent = {SHARE_WIDTH, SHARE_WIDTH}};
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
   const VkFormat format = SHARE_FORMAT;
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
      .layout = share->layout,
   };

   REQUIRE_OK(vkCreateGraphicsPipelines(device, VK_NULL_HANDLE, 1, &info,
                                        NULL, &share->graphics));
   for (size_t i = 0; i < TEST_COUNT(stages); i++)
      vkDestroyShaderModule(device, stages[i].module, NULL);
}

void
share_create_pipelines(struct share *share)
{
   create_layout(share);
   create_set(share);
   create_compute(share);
   create_graphics(share);
}

void
share_destroy_pipelines(struct share *share)
{
   VkDevice device = share->device->handle;

   vkDestroyPipeline(device, share->graphics, NULL);
   vkDestroyPipeline(device, share->compute, NULL);
   vkDestroyDescriptorPool(device, share->pool, NULL);
   vkDestroySampler(device, share->sampler, NULL);
   vkDestroyPipelineLayout(device, share->layout, NULL);
   vkDestroyDescriptorSetLayout(device, share->set_layout, NULL);
}

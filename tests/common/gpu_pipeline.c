/* SPDX-License-Identifier: MIT */

/* Descriptor sets and pipelines */
#include "gpu.h"

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
   GPU_CHECK(gpu, CreateDescriptorSetLayout(gpu->device, &info, NULL,
                                            &layout->set_layout));
   GPU_CHECK(gpu, CreateDescriptorPool(gpu->device, &pool, NULL,
                                       &layout->pool));
   GPU_CHECK(gpu, CreateSampler(gpu->device, &sampler, NULL, &layout->sampler));
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
   GPU_CHECK(gpu, CreatePipelineLayout(gpu->device, &info, NULL,
                                       &layout->handle));
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

   GPU_CHECK(gpu, AllocateDescriptorSets(gpu->device, &info, &set));
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

   GPU_CHECK(gpu, CreateShaderModule(gpu->device, &info, NULL, &result.module));
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

   GPU_CHECK(gpu, CreateComputePipelines(gpu->device, VK_NULL_HANDLE, 1, &info,
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
      .stageCount = 2,
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

   GPU_CHECK(gpu, CreateGraphicsPipelines(gpu->device, VK_NULL_HANDLE, 1, &info,
                                          NULL, &pipeline));
   for (uint32_t i = 0; i < 2; i++)
      gpu->DestroyShaderModule(gpu->device, stages[i].module, NULL);
   return pipeline;
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

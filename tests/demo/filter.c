/* SPDX-License-Identifier: MIT */
#include "consumer.h"

#include "filter_comp.h"

struct constants {
   int32_t width;
   int32_t height;
   int32_t split;
};

static void
create_layouts(struct filter *filter)
{
   const VkDescriptorSetLayoutBinding bindings[] = {
      {0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT,
       NULL},
      {1, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT,
       NULL},
   };
   const VkDescriptorSetLayoutCreateInfo set_info = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
      .bindingCount = DEMO_COUNT(bindings),
      .pBindings = bindings,
   };
   const VkPushConstantRange range = {
      .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
      .size = sizeof(struct constants),
   };
   VkPipelineLayoutCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
      .setLayoutCount = 1,
      .pSetLayouts = &filter->set_layout,
      .pushConstantRangeCount = 1,
      .pPushConstantRanges = &range,
   };

   demo_check(vkCreateDescriptorSetLayout(filter->device->handle, &set_info,
                                          NULL, &filter->set_layout),
              "vkCreateDescriptorSetLayout");
   demo_check(vkCreatePipelineLayout(filter->device->handle, &info, NULL,
                                     &filter->layout),
              "vkCreatePipelineLayout");
}

static void
create_pipeline(struct filter *filter)
{
   VkDevice device = filter->device->handle;
   const VkShaderModuleCreateInfo module_info = {
      .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
      .codeSize = sizeof(filter_comp),
      .pCode = filter_comp,
   };
   VkShaderModule module = VK_NULL_HANDLE;
   VkComputePipelineCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
      .stage = {
         .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
         .stage = VK_SHADER_STAGE_COMPUTE_BIT,
         .pName = "main",
      },
      .layout = filter->layout,
   };

   demo_check(vkCreateShaderModule(device, &module_info, NULL, &module),
              "vkCreateShaderModule");
   info.stage.module = module;
   demo_check(vkCreateComputePipelines(device, VK_NULL_HANDLE, 1, &info, NULL,
                                       &filter->pipeline),
              "vkCreateComputePipelines");
   vkDestroyShaderModule(device, module, NULL);
}

static void
create_set(struct filter *filter, VkBuffer source, VkBuffer target)
{
   VkDevice device = filter->device->handle;
   const VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 2};
   const VkDescriptorPoolCreateInfo pool = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
      .maxSets = 1,
      .poolSizeCount = 1,
      .pPoolSizes = &size,
   };
   VkDescriptorSetAllocateInfo allocate = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
      .descriptorSetCount = 1,
      .pSetLayouts = &filter->set_layout,
   };
   const VkDescriptorBufferInfo buffers[] = {
      {source, 0, VK_WHOLE_SIZE},
      {target, 0, VK_WHOLE_SIZE},
   };
   VkWriteDescriptorSet write = {
      .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
      .descriptorCount = DEMO_COUNT(buffers),
      .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
      .pBufferInfo = buffers,
   };

   demo_check(vkCreateDescriptorPool(device, &pool, NULL, &filter->pool),
              "vkCreateDescriptorPool");
   allocate.descriptorPool = filter->pool;
   demo_check(vkAllocateDescriptorSets(device, &allocate, &filter->set),
              "vkAllocateDescriptorSets");
   write.dstSet = filter->set;
   vkUpdateDescriptorSets(device, 1, &write, 0, NULL);
}

void
filter_create(struct filter *filter, struct demo_device *device,
              VkBuffer source, VkBuffer target)
{
   *filter = (struct filter){.device = device};
   create_layouts(filter);
   create_pipeline(filter);
   create_set(filter, source, target);
}

void
filter_destroy(struct filter *filter)
{
   VkDevice device = filter->device->handle;

   vkDestroyDescriptorPool(device, filter->pool, NULL);
   vkDestroyPipeline(device, filter->pipeline, NULL);
   vkDestroyPipelineLayout(device, filter->layout, NULL);
   vkDestroyDescriptorSetLayout(device, filter->set_layout, NULL);
}

void
filter_record(struct filter *filter, VkCommandBuffer commands)
{
   const struct constants constants = {DEMO_WIDTH, DEMO_HEIGHT,
                                       DEMO_WIDTH / 2};

   vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE,
                     filter->pipeline);
   vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE,
                           filter->layout, 0, 1, &filter->set, 0, NULL);
   vkCmdPushConstants(commands, filter->layout, VK_SHADER_STAGE_COMPUTE_BIT,
                      0, sizeof(constants), &constants);
   vkCmdDispatch(commands, (DEMO_WIDTH + 15) / 16, (DEMO_HEIGHT + 15) / 16,
                 1);
}

/* SPDX-License-Identifier: MIT */
#include "consumer.h"

#include "fetch_comp.h"

static const VkDescriptorType types[] = {
   VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
   VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
};

static void
create_layouts(struct fetch *fetch)
{
   const VkDescriptorSetLayoutBinding bindings[] = {
      {0, types[0], 1, VK_SHADER_STAGE_COMPUTE_BIT, NULL},
      {1, types[1], 1, VK_SHADER_STAGE_COMPUTE_BIT, NULL},
   };
   const VkDescriptorSetLayoutCreateInfo set_info = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
      .bindingCount = DEMO_COUNT(bindings),
      .pBindings = bindings,
   };
   const VkPipelineLayoutCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
      .setLayoutCount = 1,
      .pSetLayouts = &fetch->set_layout,
   };

   demo_check(vkCreateDescriptorSetLayout(fetch->device->handle, &set_info,
                                          NULL, &fetch->set_layout),
              "vkCreateDescriptorSetLayout");
   demo_check(vkCreatePipelineLayout(fetch->device->handle, &info, NULL,
                                     &fetch->layout),
              "vkCreatePipelineLayout");
}

static void
create_pipeline(struct fetch *fetch)
{
   VkDevice device = fetch->device->handle;
   const VkShaderModuleCreateInfo module_info = {
      .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
      .codeSize = sizeof(fetch_comp),
      .pCode = fetch_comp,
   };
   VkShaderModule module = VK_NULL_HANDLE;
   VkComputePipelineCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
      .stage = {
         .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
         .stage = VK_SHADER_STAGE_COMPUTE_BIT,
         .pName = "main",
      },
      .layout = fetch->layout,
   };

   demo_check(vkCreateShaderModule(device, &module_info, NULL, &module),
              "vkCreateShaderModule");
   info.stage.module = module;
   demo_check(vkCreateComputePipelines(device, VK_NULL_HANDLE, 1, &info, NULL,
                                       &fetch->pipeline),
              "vkCreateComputePipelines");
   vkDestroyShaderModule(device, module, NULL);
}

static void
create_pool(struct fetch *fetch)
{
   const VkDescriptorPoolSize sizes[] = {
      {types[0], DEMO_SLOTS},
      {types[1], DEMO_SLOTS},
   };
   const VkDescriptorPoolCreateInfo pool = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
      .maxSets = DEMO_SLOTS,
      .poolSizeCount = DEMO_COUNT(sizes),
      .pPoolSizes = sizes,
   };
   const VkSamplerCreateInfo sampler = {
      .sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
   };

   demo_check(vkCreateDescriptorPool(fetch->device->handle, &pool, NULL,
                                     &fetch->pool),
              "vkCreateDescriptorPool");
   demo_check(vkCreateSampler(fetch->device->handle, &sampler, NULL,
                              &fetch->sampler),
              "vkCreateSampler");
}

static void
create_set(struct fetch *fetch, VkDescriptorSet *set, VkImageView view,
           VkBuffer target)
{
   VkDevice device = fetch->device->handle;
   const VkDescriptorSetAllocateInfo allocate = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
      .descriptorPool = fetch->pool,
      .descriptorSetCount = 1,
      .pSetLayouts = &fetch->set_layout,
   };
   const VkDescriptorImageInfo image = {
      .sampler = fetch->sampler,
      .imageView = view,
      .imageLayout = VK_IMAGE_LAYOUT_GENERAL,
   };
   const VkDescriptorBufferInfo buffer = {target, 0, VK_WHOLE_SIZE};

   demo_check(vkAllocateDescriptorSets(device, &allocate, set),
              "vkAllocateDescriptorSets");
   for (uint32_t i = 0; i < DEMO_COUNT(types); i++) {
      const VkWriteDescriptorSet write = {
         .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
         .dstSet = *set,
         .dstBinding = i,
         .descriptorCount = 1,
         .descriptorType = types[i],
         .pImageInfo = &image,
         .pBufferInfo = &buffer,
      };

      vkUpdateDescriptorSets(device, 1, &write, 0, NULL);
   }
}

void
fetch_create(struct fetch *fetch, const struct demo_ring *ring,
             VkBuffer target)
{
   *fetch = (struct fetch){.device = ring->device};
   create_layouts(fetch);
   create_pipeline(fetch);
   create_pool(fetch);
   for (uint32_t i = 0; i < DEMO_SLOTS; i++)
      create_set(fetch, &fetch->sets[i], ring->views[i], target);
}

void
fetch_destroy(struct fetch *fetch)
{
   VkDevice device = fetch->device->handle;

   vkDestroyDescriptorPool(device, fetch->pool, NULL);
   vkDestroySampler(device, fetch->sampler, NULL);
   vkDestroyPipeline(device, fetch->pipeline, NULL);
   vkDestroyPipelineLayout(device, fetch->layout, NULL);
   vkDestroyDescriptorSetLayout(device, fetch->set_layout, NULL);
}

void
fetch_record(struct fetch *fetch, VkCommandBuffer commands, uint32_t frame)
{
   vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE,
                     fetch->pipeline);
   vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE,
                           fetch->layout, 0, 1,
                           &fetch->sets[frame % DEMO_SLOTS], 0, NULL);
   vkCmdDispatch(commands, (DEMO_WIDTH + 15) / 16, (DEMO_HEIGHT + 15) / 16,
                 1);
}

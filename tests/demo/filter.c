/* SPDX-License-Identifier: MIT */
#include "demo_common.h"

/* As in filter_comp.glsl; the other one has none. */
struct constants {
   int32_t width;
   int32_t height;
   int32_t split;
};

void
filter_create(struct filter *filter, const struct gpu *gpu,
              struct gpu_shader shader, VkDescriptorType source_type,
              const struct gpu_binding *sources, uint32_t count,
              VkBuffer target)
{
   filter->layout = (struct gpu_layout){
      .stages = VK_SHADER_STAGE_COMPUTE_BIT,
      .constants_size = sizeof(struct constants),
      .types = {source_type, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER},
      .sets = count,
   };
   gpu_create_layout(gpu, &filter->layout, 2);
   filter->pipeline = gpu_create_compute(gpu, &filter->layout, shader);
   for (uint32_t i = 0; i < count; i++) {
      const struct gpu_binding bindings[] = {sources[i], {.buffer = target}};

      filter->sets[i] = gpu_create_set(gpu, &filter->layout, bindings, 2);
   }
}

void
filter_record(struct filter *filter, const struct gpu *gpu,
              VkCommandBuffer commands, uint32_t source)
{
   const struct constants constants = {DEMO_WIDTH, DEMO_HEIGHT,
                                       DEMO_WIDTH / 2};

   gpu_bind(gpu, commands, VK_PIPELINE_BIND_POINT_COMPUTE, filter->pipeline,
            &filter->layout, filter->sets[source], &constants);
   vkCmdDispatch(commands, (DEMO_WIDTH + 15) / 16, (DEMO_HEIGHT + 15) / 16, 1);
}

void
filter_destroy(struct filter *filter, const struct gpu *gpu)
{
   gpu->DestroyPipeline(gpu->device, filter->pipeline, NULL);
   gpu_destroy_layout(gpu, &filter->layout);
}

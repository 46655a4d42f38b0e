/* SPDX-License-Identifier: MIT */
#include "demo_common.h"

#include "fetch_comp.h"
#include "filter_comp.h"

struct constants {
   int32_t width;
   int32_t height;
   int32_t split;
};

void
fetch_create(struct filter *fetch, const struct demo_ring *ring,
             VkBuffer target)
{
   const struct gpu *gpu = &ring->device->gpu;

   fetch->layout = (struct gpu_layout){
      .stages = VK_SHADER_STAGE_COMPUTE_BIT,
      .types = {
         VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
         VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
      },
      .sets = DEMO_SLOTS,
   };
   gpu_create_layout(gpu, &fetch->layout, 2);
   fetch->pipeline = gpu_create_compute(gpu, &fetch->layout,
                                        GPU_SHADER(fetch_comp));
   for (uint32_t i = 0; i < DEMO_SLOTS; i++) {
      const struct gpu_binding bindings[] = {
         {.view = ring->views[i]},
         {.buffer = target},
      };

      fetch->sets[i] = gpu_create_set(gpu, &fetch->layout, bindings, 2);
   }
}

void
filter_create(struct filter *filter, const struct gpu *gpu, VkBuffer source,
              VkBuffer target)
{
   const struct gpu_binding bindings[] = {
      {.buffer = source},
      {.buffer = target},
   };

   filter->layout = (struct gpu_layout){
      .stages = VK_SHADER_STAGE_COMPUTE_BIT,
      .constants_size = sizeof(struct constants),
      .types = {
         VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
         VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
      },
      .sets = 1,
   };
   gpu_create_layout(gpu, &filter->layout, 2);
   filter->pipeline = gpu_create_compute(gpu, &filter->layout,
                                         GPU_SHADER(filter_comp));
   filter->sets[0] = gpu_create_set(gpu, &filter->layout, bindings, 2);
}

static void
dispatch(const struct filter *filter, const struct gpu *gpu,
         VkCommandBuffer commands, VkDescriptorSet set, const void *constants)
{
   gpu_bind(gpu, commands, VK_PIPELINE_BIND_POINT_COMPUTE, filter->pipeline,
            &filter->layout, set, constants);
   vkCmdDispatch(commands, (DEMO_WIDTH + 15) / 16, (DEMO_HEIGHT + 15) / 16, 1);
}

void
fetch_record(struct filter *fetch, const struct gpu *gpu,
             VkCommandBuffer commands, uint32_t frame)
{
   dispatch(fetch, gpu, commands, fetch->sets[frame % DEMO_SLOTS], NULL);
}

void
filter_record(struct filter *filter, const struct gpu *gpu,
              VkCommandBuffer commands)
{
   const struct constants constants = {DEMO_WIDTH, DEMO_HEIGHT,
                                       DEMO_WIDTH / 2};

   dispatch(filter, gpu, commands, filter->sets[0], &constants);
}

void
filter_destroy(struct filter *filter, const struct gpu *gpu)
{
   gpu->DestroyPipeline(gpu->device, filter->pipeline, NULL);
   gpu_destroy_layout(gpu, &filter->layout);
}

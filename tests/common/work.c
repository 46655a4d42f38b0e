/* SPDX-License-Identifier: MIT */
#include "work.h"

#include <stdlib.h>

#include "work_frag.h"
#include "work_vert.h"

struct constants {
   uint32_t tag;
   uint32_t effort;
   uint32_t zero;
};

static void
destroy_work(void *data)
{
   struct work *work = data;
   const struct gpu *gpu = &work->device->gpu;

   if (test_failed())
      return;
   gpu->DestroyPipeline(gpu->device, work->pipeline, NULL);
   gpu_destroy_layout(gpu, &work->layout);
   gpu_destroy_image(gpu, &work->image);
   free(work);
}

struct work *
work_create(struct vkt_device *device, uint32_t size)
{
   struct work *work = calloc(1, sizeof(*work));
   const struct gpu *gpu = &device->gpu;

   REQUIRE(work != NULL);
   *work = (struct work){
      .device = device,
      .info = {
         .format = VK_FORMAT_R32_UINT,
         .width = size,
         .height = size,
         .tiling = VK_IMAGE_TILING_LINEAR,
         .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT,
      },
      .layout = {
         .stages = VK_SHADER_STAGE_FRAGMENT_BIT,
         .constants_size = sizeof(struct constants),
      },
   };
   work->image = gpu_image(gpu, &work->info);
   gpu_create_layout(gpu, &work->layout, 0);
   work->pipeline = gpu_create_graphics(gpu, &work->layout,
                                        GPU_SHADER(work_vert),
                                        GPU_SHADER(work_frag), &work->info);
   work->pixels = work->image.pixels;
   work->pitch = work->image.pitch;
   test_defer(destroy_work, work);
   return work;
}

void
work_destroy(struct work *work)
{
   test_undefer(destroy_work, work);
   destroy_work(work);
}

VkCommandBuffer
work_record(struct work *work, uint32_t tag, uint32_t effort)
{
   const struct gpu *gpu = &work->device->gpu;
   const struct constants constants = {.tag = tag, .effort = effort};
   VkCommandBuffer commands =
      gpu_begin(gpu, VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT);

   gpu_barrier(gpu, commands, work->image.handle, VK_IMAGE_ASPECT_COLOR_BIT,
               work->used ? GPU_KEEP : GPU_DISCARD);
   work->used = true;
   gpu_bind(gpu, commands, VK_PIPELINE_BIND_POINT_GRAPHICS, work->pipeline,
            &work->layout, VK_NULL_HANDLE, &constants);
   gpu_cover(gpu, commands, work->image.view, &work->info);
   gpu_end(gpu, commands);
   return commands;
}

uint32_t
work_wrong_pixels(const struct work *work, uint32_t tag)
{
   uint32_t wrong = 0;

   for (uint32_t y = 0; y < work->info.height; y++) {
      const volatile uint32_t *row =
         (const volatile uint32_t *)(work->pixels + y * work->pitch);

      for (uint32_t x = 0; x < work->info.width; x++)
         wrong += row[x] != tag;
   }
   return wrong;
}

VkCommandBuffer
work_empty_commands(struct vkt_device *device)
{
   VkCommandBuffer commands =
      gpu_begin(&device->gpu, VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT);

   gpu_end(&device->gpu, commands);
   return commands;
}

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

const struct gpu_image_info demo_image_info = {
   .format = VK_FORMAT_R8G8B8A8_UNORM,
   .width = DEMO_WIDTH,
   .height = DEMO_HEIGHT,
   .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT |
            VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
};

void
demo_scene_create(struct demo_scene *scene, const struct gpu *gpu)
{
   *scene = (struct demo_scene){
      .gpu = gpu,
      .image = gpu_image(gpu, &demo_image_info),
      .layout = {
         .stages = VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT,
         .constants_size = sizeof(struct shape),
      },
   };
   gpu_create_layout(gpu, &scene->layout, 0);
   scene->pipeline = gpu_create_graphics(gpu, &scene->layout,
                                         GPU_SHADER(scene_vert),
                                         GPU_SHADER(scene_frag),
                                         &demo_image_info);
}

void
demo_scene_destroy(struct demo_scene *scene)
{
   scene->gpu->DestroyPipeline(scene->gpu->device, scene->pipeline, NULL);
   gpu_destroy_layout(scene->gpu, &scene->layout);
   gpu_destroy_image(scene->gpu, &scene->image);
}

static void
draw_shape(struct demo_scene *scene, VkCommandBuffer commands,
           const struct shape *shape)
{
   gpu_bind(scene->gpu, commands, VK_PIPELINE_BIND_POINT_GRAPHICS,
            scene->pipeline, &scene->layout, VK_NULL_HANDLE, shape);
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
   for (uint32_t i = 0; i < TEST_COUNT(colours); i++) {
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
       VkImage image, VkImageView view, enum gpu_passage then)
{
   gpu_barrier(scene->gpu, commands, image, VK_IMAGE_ASPECT_COLOR_BIT,
               GPU_DISCARD);
   gpu_begin_rendering(scene->gpu, commands, view, &demo_image_info);
   draw_frame(scene, commands, frame);
   vkCmdEndRendering(commands);
   gpu_barrier(scene->gpu, commands, image, VK_IMAGE_ASPECT_COLOR_BIT, then);
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

   render(scene, commands, frame, scene->image.handle, scene->image.view,
          GPU_KEEP);
   vkCmdCopyImageToBuffer(commands, scene->image.handle,
                          VK_IMAGE_LAYOUT_GENERAL, target, 1, &copy);
}

void
demo_scene_record_image(struct demo_scene *scene, VkCommandBuffer commands,
                        uint32_t frame, const struct demo_ring *ring)
{
   render(scene, commands, frame, ring->images[frame % DEMO_SLOTS],
          ring->views[frame % DEMO_SLOTS], GPU_RELEASE);
}

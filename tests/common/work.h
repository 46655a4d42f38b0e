/* SPDX-License-Identifier: MIT */
#ifndef LVP_WORK_H
#define LVP_WORK_H

#include "vkt.h"

/* Rendering that takes a chosen time on the rasterizer's threads, into
 * memory that the host reads directly. A signal that comes before the
 * rasterizer is done shows as pixels without the tag.
 */
struct work {
   struct vkt_device *device;
   struct gpu_image_info info;
   struct gpu_image image;
   struct gpu_layout layout;
   VkPipeline pipeline;
   const uint8_t *pixels;
   VkDeviceSize pitch;
   bool used;
};

struct work *work_create(struct vkt_device *device, uint32_t size);
/* Also called when the case has ended. */
void work_destroy(struct work *work);

VkCommandBuffer work_record(struct work *work, uint32_t tag, uint32_t effort);
uint32_t work_wrong_pixels(const struct work *work, uint32_t tag);

VkCommandBuffer work_empty_commands(struct vkt_device *device);

#endif

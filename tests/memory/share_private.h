/* SPDX-License-Identifier: MIT */
#ifndef LVP_SHARE_PRIVATE_H
#define LVP_SHARE_PRIVATE_H

#include "share.h"

struct share_image {
   VkImage image;
   VkImageView view;
};

struct share {
   struct vkt_device *device;
   enum share_kind kind;

   struct memory *memory;
   VkDeviceSize offset;
   /* One of these is shared; the other belongs to this device alone and is
    * there for the descriptors.
    */
   VkBuffer words;
   struct share_image shared_image;

   /* Where reading takes its result to */
   VkBuffer result;
   struct share_image private_image;
   uint32_t *result_map;
   const uint8_t *private_pixels;
   VkDeviceSize private_pitch;

   VkSampler sampler;
   VkDescriptorSetLayout set_layout;
   VkDescriptorPool pool;
   VkDescriptorSet set;
   VkPipelineLayout layout;
   VkPipeline compute;
   VkPipeline graphics;

   /* The layout of the shared image has been set by this side, or another. */
   bool initialized;

   enum share_method reading_by;
   struct vkt_object *reading;
   /* What the host waits for and signals when it reads */
   struct vkt_point host_points[2];
};

#define SHARE_FORMAT VK_FORMAT_R32_UINT

struct share_constants {
   uint32_t tag;
   uint32_t width;
   uint32_t is_image;
   uint32_t is_write;
};

void share_create_pipelines(struct share *share);
void share_destroy_pipelines(struct share *share);

#endif

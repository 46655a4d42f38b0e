/* SPDX-License-Identifier: MIT */
#ifndef LVP_DEMO_CONSUMER_H
#define LVP_DEMO_CONSUMER_H

#include "demo_common.h"

/* filter.c: the compute shader from one buffer of pixels to another. */
struct filter {
   struct demo_device *device;
   VkDescriptorSetLayout set_layout;
   VkPipelineLayout layout;
   VkPipeline pipeline;
   VkDescriptorPool pool;
   VkDescriptorSet set;
};

void filter_create(struct filter *filter, struct demo_device *device,
                   VkBuffer source, VkBuffer target);
void filter_destroy(struct filter *filter);
void filter_record(struct filter *filter, VkCommandBuffer commands);

/* fetch.c: the compute shader that samples an image of the ring. */
struct fetch {
   struct demo_device *device;
   VkDescriptorSetLayout set_layout;
   VkPipelineLayout layout;
   VkPipeline pipeline;
   VkSampler sampler;
   VkDescriptorPool pool;
   VkDescriptorSet sets[DEMO_SLOTS];
};

void fetch_create(struct fetch *fetch, const struct demo_ring *ring,
                  VkBuffer target);
void fetch_destroy(struct fetch *fetch);
void fetch_record(struct fetch *fetch, VkCommandBuffer commands,
                  uint32_t frame);

/* sheet.c: the contact sheet. */
struct sheet {
   uint32_t columns;
   uint32_t width;
   uint32_t height;
   uint8_t *pixels;
};

void sheet_create(struct sheet *sheet, uint32_t frames);
void sheet_destroy(struct sheet *sheet);
void sheet_add(struct sheet *sheet, uint32_t frame, const uint32_t *pixels);
/* png.c */
bool sheet_write(const struct sheet *sheet, const char *path);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef LVP_DEMO_COMMON_H
#define LVP_DEMO_COMMON_H

#include "child.h"
#include "memory.h"

#define DEMO_WIDTH 320
#define DEMO_HEIGHT 240
#define DEMO_PIXELS (DEMO_WIDTH * DEMO_HEIGHT)
#define DEMO_IMAGE_SIZE (DEMO_PIXELS * 4)
#define DEMO_FRAMES 48
#define DEMO_SLOTS 3
#define DEMO_TIMEOUT_MS 30000

/* Exit status of both processes; what fails ends them with 1. */
enum demo_status {
   DEMO_OK = 0,
   DEMO_USAGE = 2,
   DEMO_TORN = 4, /* frames were torn or stale */
};

/* What is shared: a header, then slots that frames go through in turn. The
 * header has the number of frames, and has it again once all are rendered.
 */
#define DEMO_RING_HEADER 4096
#define DEMO_BEGIN_OFFSET 0
#define DEMO_END_OFFSET 256

/* The alpha of every pixel of the frame, never 0. */
static inline uint8_t
demo_pixel_tag(uint32_t frame)
{
   return (uint8_t)(frame % 251 + 1);
}

/* What the consumer gets through its pipe: values of handles that it has
 * inherited, a name, and its orders. Its answer is the value that the handle of
 * frame_consumed has there. No frame goes through the pipes.
 */
#define DEMO_NAME_SIZE 64

struct demo_orders {
   uint64_t ring, frame_ready, stream_header;
   wchar_t stream_end[DEMO_NAME_SIZE];
   bool waits, host_pointer;
   char output[MAX_PATH];
};

/* The role of the process that the producer starts */
int demo_consumer(int argc, char **argv);

/* ring.c */
struct demo_ring {
   struct vkt_device *device;
   /* Whether it is a file mapping that both import by its address, and frames
    * are in the buffer; else it is external memory, and they are images.
    */
   bool host_pointer;
   HANDLE handle;
   VkDeviceMemory host_memory;
   VkBuffer buffer;
   const uint8_t *map;
   VkImage images[DEMO_SLOTS];
   VkImageView views[DEMO_SLOTS];
};

/* Creates it, or opens what the handle says. */
void demo_ring_open(struct demo_ring *ring, struct vkt_device *device,
                    bool host_pointer, HANDLE handle);

/* Where a frame is in the buffer, if frames are there */
static inline VkDeviceSize
demo_ring_offset(uint32_t frame)
{
   return DEMO_RING_HEADER + frame % DEMO_SLOTS * DEMO_IMAGE_SIZE;
}

/* scene.c */
extern const struct gpu_image_info demo_image_info;

struct demo_scene {
   const struct gpu *gpu;
   struct gpu_image image;
   struct gpu_layout layout;
   VkPipeline pipeline;
};

void demo_scene_create(struct demo_scene *scene, const struct gpu *gpu);
void demo_scene_destroy(struct demo_scene *scene);
/* Renders the frame and copies it into the buffer. */
void demo_scene_record(struct demo_scene *scene, VkCommandBuffer commands,
                       uint32_t frame, VkBuffer target, VkDeviceSize offset);
/* Renders the frame into an image of the ring, for the other process. */
void demo_scene_record_image(struct demo_scene *scene,
                             VkCommandBuffer commands, uint32_t frame,
                             const struct demo_ring *ring);

#endif

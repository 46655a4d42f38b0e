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

/* What is shared: a header, then slots that frames go through in turn. A
 * frame has a tag that is written before its pixels, and one after them.
 */
#define DEMO_MAGIC UINT32_C(0x5472696d)
#define DEMO_RING_HEADER 4096
#define DEMO_TAG_SIZE 256
#define DEMO_SLOT_SIZE (DEMO_TAG_SIZE + DEMO_IMAGE_SIZE + DEMO_TAG_SIZE)

#define DEMO_STREAM_OFFSET 0
#define DEMO_TRAILER_OFFSET 256

struct demo_stream {
   uint32_t magic;
   uint32_t width;
   uint32_t height;
   uint32_t frames;
};

struct demo_tag {
   uint32_t magic;
   uint32_t frame;
   uint32_t inverted;
   uint32_t stream;
};

static inline struct demo_tag
demo_frame_tag(uint32_t frame, uint32_t stream)
{
   return (struct demo_tag){DEMO_MAGIC, frame, ~frame, stream};
}

/* The alpha of every pixel of the frame, never 0. */
static inline uint8_t
demo_pixel_tag(uint32_t frame)
{
   return (uint8_t)(frame % 251 + 1);
}

/* Messages through the pipes, which carry values of handles and a name, never
 * a frame. First the consumer gets what it has inherited, and its orders.
 */
struct demo_orders {
   uint64_t ring, frame_ready;
   bool waits, host_pointer;
   char output[MAX_PATH];
};

/* Its answer is the value that the handle of frame_consumed has there. */

#define DEMO_NAME_SIZE 64

struct demo_answer {
   uint64_t stream_header; /* valid in the consumer */
   wchar_t stream_end[DEMO_NAME_SIZE];
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
/* Where the frame's tags are; pixels follow the first one, if there are. */
VkDeviceSize demo_ring_tag(const struct demo_ring *ring, uint32_t frame);
VkDeviceSize demo_ring_end_tag(const struct demo_ring *ring, uint32_t frame);

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

/* filter.c: the consumer's compute shaders. One samples an image of the ring,
 * the other goes from one buffer of pixels to another.
 */
struct filter {
   struct gpu_layout layout;
   VkPipeline pipeline;
   VkDescriptorSet sets[DEMO_SLOTS];
};

void fetch_create(struct filter *fetch, const struct demo_ring *ring,
                  VkBuffer target);
void fetch_record(struct filter *fetch, const struct gpu *gpu,
                  VkCommandBuffer commands, uint32_t frame);
void filter_create(struct filter *filter, const struct gpu *gpu,
                   VkBuffer source, VkBuffer target);
void filter_record(struct filter *filter, const struct gpu *gpu,
                   VkCommandBuffer commands);
void filter_destroy(struct filter *filter, const struct gpu *gpu);

/* sheet.c: the contact sheet. */
struct sheet {
   uint32_t width;
   uint32_t height;
   /* PNG's: a byte that says that there is no filter, then the pixels. */
   size_t row_size;
   uint8_t *rows;
};

void sheet_create(struct sheet *sheet, uint32_t frames);
void sheet_add(struct sheet *sheet, uint32_t frame, const uint32_t *pixels);
/* png.c */
void sheet_write(const struct sheet *sheet, const char *path);

#endif

/* SPDX-License-Identifier: MIT */

/* Takes the producer's frames out of shared memory, checks each against what
 * it has to be, filters it, and writes a contact sheet.
 */
#include "demo_common.h"

#include <stdlib.h>
#include <string.h>

#include "fetch_comp.h"
#include "filter_comp.h"

/* A compute shader: one samples an image of the ring, the other goes from one
 * buffer of pixels to another. There is a set for each source.
 */
struct filter {
   struct gpu_layout layout;
   VkPipeline pipeline;
   VkDescriptorSet sets[DEMO_SLOTS];
};

struct consumer {
   struct demo_orders orders;
   struct child_link link;
   struct vkt_device *device;
   struct demo_scene scene;
   struct filter fetch;
   struct filter filter;
   /* The contact sheet, of rows of 8-bit RGB */
   uint32_t sheet_height;
   uint8_t *sheet;

   struct demo_ring ring;
   struct gpu_buffer copy, pixels, expected, filtered;

   struct vkt_object *frame_ready, *frame_consumed, *stream_header;
   struct vkt_object *stream_end, *done;
   uint32_t frames;
   uint32_t torn, stale;
};

static struct gpu_buffer
create_buffer(struct consumer *c)
{
   return gpu_buffer(&c->device->gpu, DEMO_IMAGE_SIZE,
                     VK_BUFFER_USAGE_TRANSFER_DST_BIT |
                        VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
}

/* As in filter_comp.glsl; the other one has none. */
struct constants {
   int32_t width;
   int32_t height;
   int32_t split;
};

static void
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

static void
filter_record(struct filter *filter, const struct gpu *gpu,
              VkCommandBuffer commands, uint32_t source)
{
   const struct constants constants = {DEMO_WIDTH, DEMO_HEIGHT,
                                       DEMO_WIDTH / 2};

   gpu_bind(gpu, commands, VK_PIPELINE_BIND_POINT_COMPUTE, filter->pipeline,
            &filter->layout, filter->sets[source], &constants);
   vkCmdDispatch(commands, (DEMO_WIDTH + 15) / 16, (DEMO_HEIGHT + 15) / 16, 1);
}

static void
filter_destroy(struct filter *filter, const struct gpu *gpu)
{
   gpu->DestroyPipeline(gpu->device, filter->pipeline, NULL);
   gpu_destroy_layout(gpu, &filter->layout);
}

static void
create_filters(struct consumer *c)
{
   const struct gpu *gpu = &c->device->gpu;
   const struct gpu_binding pixels = {.buffer = c->pixels.handle};
   struct gpu_binding images[DEMO_SLOTS] = {{0}};

   filter_create(&c->filter, gpu, GPU_SHADER(filter_comp),
                 VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, &pixels, 1,
                 c->filtered.handle);
   if (c->orders.host_pointer)
      return;
   for (uint32_t i = 0; i < DEMO_SLOTS; i++)
      images[i].view = c->ring.views[i];
   filter_create(&c->fetch, gpu, GPU_SHADER(fetch_comp),
                 VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, images, DEMO_SLOTS,
                 c->pixels.handle);
}

/* The import takes a reference of its own. */
static struct vkt_object *
take(struct consumer *c, enum vkt_kind kind, uint64_t value)
{
   HANDLE handle = (HANDLE)(uintptr_t)value;
   struct vkt_object *object = vkt_alias(c->device, kind, handle);

   CloseHandle(handle);
   return object;
}

static void
open_sync(struct consumer *c)
{
   uint64_t value;

   c->frame_ready = take(c, VKT_TIMELINE, c->orders.frame_ready);
   c->stream_header = take(c, VKT_BINARY, c->orders.stream_header);
   c->stream_end = vkt_create(c->device, VKT_FENCE);
   REQUIRE_OK(vkt_import_name(c->stream_end, c->orders.stream_end));
   c->done = vkt_create(c->device, VKT_FENCE);

   /* Open until the end, for the producer to duplicate */
   c->frame_consumed = vkt_create_exportable(c->device, VKT_TIMELINE);
   value = (uintptr_t)vkt_export(c->frame_consumed);
   REQUIRE(child_link_send(&c->link, &value, sizeof(value)));
}

/* Submits what was recorded, and waits until it is done. */
static void
execute(struct consumer *c, struct vkt_batch *batch)
{
   gpu_end(&c->device->gpu, batch->commands);
   vkt_submit(c->device, batch, c->done);
   REQUIRE_OK(vkt_wait(c->done, 0, DEMO_TIMEOUT_MS));
   vkt_reset(c->done);
   vkFreeCommandBuffers(c->device->handle, c->device->gpu.pool, 1,
                        &batch->commands);
}

static void
copy_ring(struct consumer *c, VkCommandBuffer commands, VkDeviceSize offset,
          const struct gpu_buffer *target, VkDeviceSize size)
{
   const VkBufferCopy copy = {offset, 0, size};

   vkCmdCopyBuffer(commands, c->ring.buffer, target->handle, 1, &copy);
}

static void
read_header(struct consumer *c)
{
   struct vkt_batch batch = {
      .waits = {{c->stream_header, 0}},
      .commands = gpu_begin(&c->device->gpu, 0),
   };

   copy_ring(c, batch.commands, DEMO_BEGIN_OFFSET, &c->copy,
             sizeof(c->frames));
   execute(c, &batch);
   c->frames = *(uint32_t *)c->copy.map;
   REQUIRE(c->frames > 0);
}

static void
frame_before_shader(VkCommandBuffer commands)
{
   const VkMemoryBarrier barrier = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
      .srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
      .dstAccessMask = VK_ACCESS_SHADER_READ_BIT,
   };

   vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
                        VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &barrier,
                        0, NULL, 0, NULL);
}

/* Only copies read the ring, so that the slot is free early. There are two: a
 * frame that is torn between them shows in the difference.
 */
static void
record_copies(struct consumer *c, VkCommandBuffer commands, uint32_t frame)
{
   copy_ring(c, commands, demo_ring_offset(frame), &c->copy, DEMO_IMAGE_SIZE);
   copy_ring(c, commands, demo_ring_offset(frame), &c->pixels,
             DEMO_IMAGE_SIZE);
}

/* The same with an image: it is sampled, and then copied. */
static void
record_samples(struct consumer *c, VkCommandBuffer commands, uint32_t frame)
{
   const struct gpu *gpu = &c->device->gpu;
   VkImage image = c->ring.images[frame % DEMO_SLOTS];
   const VkBufferImageCopy copy = {
      .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
      .imageExtent = {DEMO_WIDTH, DEMO_HEIGHT, 1},
   };

   /* After the wait for frame_ready */
   gpu_barrier(gpu, commands, image, VK_IMAGE_ASPECT_COLOR_BIT, GPU_ACQUIRE);
   filter_record(&c->fetch, gpu, commands, frame % DEMO_SLOTS);
   vkCmdCopyImageToBuffer(commands, image, VK_IMAGE_LAYOUT_GENERAL,
                          c->copy.handle, 1, &copy);
}

static void
take_frame(struct consumer *c, uint32_t frame)
{
   struct vkt_batch batch = {
      .signals = {{c->frame_consumed, frame + 1}},
      .commands = gpu_begin(&c->device->gpu, 0),
   };

   if (c->orders.waits)
      batch.waits[0] = (struct vkt_point){c->frame_ready, frame + 1};
   if (c->ring.host_pointer)
      record_copies(c, batch.commands, frame);
   else
      record_samples(c, batch.commands, frame);
   execute(c, &batch);

   batch = (struct vkt_batch){.commands = gpu_begin(&c->device->gpu, 0)};
   frame_before_shader(batch.commands);
   filter_record(&c->filter, &c->device->gpu, batch.commands, 0);
   demo_scene_record(&c->scene, batch.commands, frame, c->expected.handle, 0);
   execute(c, &batch);
}

/* How many pixels are not of this frame, and whether they are of one other
 * frame all.
 */
static uint32_t
foreign_pixels(const uint32_t *pixels, uint32_t frame, bool *uniform)
{
   const uint8_t want = demo_pixel_tag(frame);
   uint32_t foreign = 0;

   *uniform = true;
   for (uint32_t i = 0; i < DEMO_PIXELS; i++) {
      foreign += pixels[i] >> 24 != want;
      *uniform = *uniform && pixels[i] >> 24 == pixels[0] >> 24;
   }
   return foreign;
}

static void
verify_frame(struct consumer *c, uint32_t frame)
{
   const char *what = "torn";
   uint32_t foreign;
   bool uniform;

   if (!memcmp(c->copy.map, c->expected.map, DEMO_IMAGE_SIZE) &&
       !memcmp(c->pixels.map, c->expected.map, DEMO_IMAGE_SIZE))
      return;
   foreign = foreign_pixels(c->copy.map, frame, &uniform);
   if (uniform && foreign == DEMO_PIXELS) {
      what = "stale";
      c->stale++;
   } else {
      c->torn++;
   }
   if (c->torn + c->stale <= 5)
      printf("consumer: frame %u is %s: %u of %u pixels of another frame\n",
             (unsigned)frame, what, (unsigned)foreign, DEMO_PIXELS);
}

/* The fence also covers what the last submission writes. */
static void
read_end(struct consumer *c)
{
   REQUIRE_OK(vkt_wait(c->stream_end, 0, DEMO_TIMEOUT_MS));
   REQUIRE(!memcmp(c->ring.map + DEMO_END_OFFSET, &c->frames,
                   sizeof(c->frames)));
}

#define SHEET_COLUMNS 8
#define THUMB_WIDTH (DEMO_WIDTH / 2)
#define THUMB_HEIGHT (DEMO_HEIGHT / 2)
#define GAP 4
#define SHEET_WIDTH (GAP + SHEET_COLUMNS * (THUMB_WIDTH + GAP))

static void
sheet_create(struct consumer *c)
{
   const uint32_t rows = (c->frames + SHEET_COLUMNS - 1) / SHEET_COLUMNS;

   c->sheet_height = GAP + rows * (THUMB_HEIGHT + GAP);
   c->sheet = calloc(c->sheet_height, 3 * SHEET_WIDTH);
   REQUIRE(c->sheet != NULL);
}

static uint8_t
average(const uint32_t *at, unsigned shift)
{
   return (uint8_t)((((at[0] >> shift) & 0xff) + ((at[1] >> shift) & 0xff) +
                     ((at[DEMO_WIDTH] >> shift) & 0xff) +
                     ((at[DEMO_WIDTH + 1] >> shift) & 0xff) + 2) / 4);
}

static void
sheet_add(struct consumer *c, uint32_t frame)
{
   const uint32_t *pixels = c->filtered.map;
   const uint32_t left = GAP + frame % SHEET_COLUMNS * (THUMB_WIDTH + GAP);
   const uint32_t top = GAP + frame / SHEET_COLUMNS * (THUMB_HEIGHT + GAP);

   for (uint32_t y = 0; y < THUMB_HEIGHT; y++) {
      uint8_t *to = c->sheet + 3 * ((size_t)(top + y) * SHEET_WIDTH + left);

      for (uint32_t x = 0; x < THUMB_WIDTH; x++) {
         const uint32_t *from = pixels + 2 * y * DEMO_WIDTH + 2 * x;

         for (unsigned channel = 0; channel < 3; channel++)
            *to++ = average(from, channel * 8);
      }
   }
}

/* As PPM, which takes no library; ci/demo makes a PNG of it. */
static void
sheet_write(const struct consumer *c)
{
   FILE *file = fopen(c->orders.output, "wb");

   REQUIRE(file != NULL);
   fprintf(file, "P6\n%u %u\n255\n", SHEET_WIDTH, (unsigned)c->sheet_height);
   REQUIRE(fwrite(c->sheet, 3 * SHEET_WIDTH, c->sheet_height, file) ==
           c->sheet_height);
   REQUIRE(fclose(file) == 0);
   printf("consumer: contact sheet, %ux%u: %s\n", SHEET_WIDTH,
          (unsigned)c->sheet_height, c->orders.output);
}

static void
run_stream(struct consumer *c)
{
   double start = test_now_ms(), took;

   for (uint32_t frame = 0; frame < c->frames; frame++) {
      take_frame(c, frame);
      verify_frame(c, frame);
      sheet_add(c, frame);
   }
   read_end(c);
   took = test_now_ms() - start;
   printf("consumer: %u frames in %.0f ms, %.1f frames/s; %u verified, "
          "%u torn, %u stale\n", (unsigned)c->frames, took,
          c->frames * 1000.0 / took,
          (unsigned)(c->frames - c->torn - c->stale), (unsigned)c->torn,
          (unsigned)c->stale);
}

static void
clean_up(struct consumer *c)
{
   const struct gpu *gpu = &c->device->gpu;

   vkt_wait_idle(c->device);
   if (!c->ring.host_pointer)
      filter_destroy(&c->fetch, gpu);
   filter_destroy(&c->filter, gpu);
   demo_scene_destroy(&c->scene);
   gpu_destroy_buffer(gpu, &c->copy);
   gpu_destroy_buffer(gpu, &c->pixels);
   gpu_destroy_buffer(gpu, &c->expected);
   gpu_destroy_buffer(gpu, &c->filtered);
   test_clean_up();
   free(c->sheet);
}

int
demo_consumer(int argc, char **argv)
{
   struct consumer c = {.link = child_link_open(argc, argv)};

   REQUIRE(child_link_receive(&c.link, &c.orders, sizeof(c.orders)));
   c.device = vkt_open();
   demo_ring_open(&c.ring, c.device, c.orders.host_pointer,
                  (HANDLE)(uintptr_t)c.orders.ring);
   c.copy = create_buffer(&c);
   c.pixels = create_buffer(&c);
   c.expected = create_buffer(&c);
   c.filtered = create_buffer(&c);
   demo_scene_create(&c.scene, &c.device->gpu);
   create_filters(&c);
   open_sync(&c);
   read_header(&c);
   sheet_create(&c);
   run_stream(&c);
   sheet_write(&c);
   fflush(stdout);
   clean_up(&c);
   if (test_failed())
      return 1;
   return c.torn || c.stale ? DEMO_TORN : DEMO_OK;
}

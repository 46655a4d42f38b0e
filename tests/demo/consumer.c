/* SPDX-License-Identifier: MIT */

/* Takes the producer's frames out of shared memory, checks each against what
 * it has to be, filters it, and writes a contact sheet.
 */
#include "consumer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct consumer {
   bool waits;
   const char *output;
   struct demo_device device;
   struct demo_scene scene;
   struct fetch fetch;
   struct filter filter;
   struct sheet sheet;

   HANDLE in, out;
   struct demo_ring ring;
   struct demo_buffer copy, pixels, expected, filtered;

   VkSemaphore frame_ready, frame_consumed, stream_header;
   VkFence stream_end, done;
   uint32_t frames;
   uint32_t torn, stale;
};

static HANDLE
parse_handle(const char *text)
{
   return (HANDLE)(uintptr_t)strtoull(text, NULL, 10);
}

static void
create_buffers(struct consumer *c)
{
   c->copy = demo_buffer_create(&c->device, DEMO_SLOT_SIZE,
                                VK_BUFFER_USAGE_TRANSFER_DST_BIT);
   c->pixels = demo_buffer_create(&c->device, DEMO_IMAGE_SIZE,
                                  VK_BUFFER_USAGE_TRANSFER_DST_BIT |
                                     VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
   c->expected = demo_buffer_create(&c->device, DEMO_IMAGE_SIZE,
                                    VK_BUFFER_USAGE_TRANSFER_DST_BIT);
   c->filtered = demo_buffer_create(&c->device, DEMO_IMAGE_SIZE,
                                    VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
}

/* The own semaphore goes to the producer, its objects come back. */
static void
exchange_handles(struct consumer *c, HANDLE frame_ready)
{
   struct demo_from_consumer hello;
   struct demo_from_producer answer;
   HANDLE consumed;

   c->frame_ready = demo_semaphore_create(&c->device, true, false, false);
   demo_semaphore_import(&c->device, c->frame_ready, frame_ready);
   c->frame_consumed = demo_semaphore_create(&c->device, true, true, false);
   consumed = demo_semaphore_export(&c->device, c->frame_consumed);
   hello.frame_consumed = (uintptr_t)consumed;
   demo_pipe_write(c->out, &hello, sizeof(hello));

   demo_pipe_read(c->in, &answer, sizeof(answer));
   answer.stream_end[DEMO_NAME_SIZE - 1] = 0;
   c->stream_header = demo_semaphore_create(&c->device, false, false, false);
   demo_semaphore_import(&c->device, c->stream_header,
                         (HANDLE)(uintptr_t)answer.stream_header);
   c->stream_end = demo_fence_create(&c->device, NULL);
   demo_fence_import(&c->device, c->stream_end, answer.stream_end);
   c->done = demo_fence_create(&c->device, NULL);
   /* The producer has its duplicate: it has answered. */
   CloseHandle(consumed);
}

static void
finish(struct consumer *c, VkCommandBuffer commands, const char *what)
{
   demo_check(vkWaitForFences(c->device.handle, 1, &c->done, VK_TRUE,
                              DEMO_TIMEOUT_NS),
              what);
   demo_check(vkResetFences(c->device.handle, 1, &c->done), "vkResetFences");
   vkFreeCommandBuffers(c->device.handle, c->device.pool, 1, &commands);
}

static void
copy_ring(struct consumer *c, VkCommandBuffer commands, VkDeviceSize offset,
          struct demo_buffer *target, VkDeviceSize target_offset,
          VkDeviceSize size)
{
   const VkBufferCopy copy = {offset, target_offset, size};

   vkCmdCopyBuffer(commands, c->ring.buffer.buffer, target->buffer, 1, &copy);
}

static void
read_header(struct consumer *c)
{
   VkCommandBuffer commands = demo_begin(&c->device);
   struct demo_stream stream;

   copy_ring(c, commands, DEMO_STREAM_OFFSET, &c->copy, 0, sizeof(stream));
   demo_submit(&c->device, commands, c->stream_header, 0, VK_NULL_HANDLE, 0,
               c->done);
   finish(c, commands, "waiting for stream_header");
   memcpy(&stream, c->copy.map, sizeof(stream));
   if (stream.magic != DEMO_MAGIC || stream.width != DEMO_WIDTH ||
       stream.height != DEMO_HEIGHT || !stream.frames)
      demo_fail("the stream's header is not there");
   c->frames = stream.frames;
}

static void
frame_before_shader(VkCommandBuffer commands)
{
   const VkMemoryBarrier2 barrier = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER_2,
      .srcStageMask = VK_PIPELINE_STAGE_2_COPY_BIT |
                      VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
      .srcAccessMask = VK_ACCESS_2_TRANSFER_WRITE_BIT |
                       VK_ACCESS_2_SHADER_WRITE_BIT,
      .dstStageMask = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
      .dstAccessMask = VK_ACCESS_2_SHADER_READ_BIT,
   };
   const VkDependencyInfo info = {
      .sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
      .memoryBarrierCount = 1,
      .pMemoryBarriers = &barrier,
   };

   vkCmdPipelineBarrier2(commands, &info);
}

/* Only copies read the ring, so that the slot is free early. The pixels are
 * copied apart from the tags: a torn frame shows in the difference.
 */
static void
record_copies(struct consumer *c, VkCommandBuffer commands, uint32_t frame)
{
   const VkDeviceSize slot = demo_ring_tag(&c->ring, frame);

   copy_ring(c, commands, slot, &c->copy, 0, DEMO_SLOT_SIZE);
   copy_ring(c, commands, slot + DEMO_TAG_SIZE, &c->pixels, 0,
             DEMO_IMAGE_SIZE);
}

static void
acquire_image(struct consumer *c, VkCommandBuffer commands, VkImage image)
{
   const VkImageMemoryBarrier2 barrier = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER_2,
      /* After the wait for frame_ready */
      .srcStageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
      .dstStageMask = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT |
                      VK_PIPELINE_STAGE_2_COPY_BIT,
      .dstAccessMask = VK_ACCESS_2_SHADER_READ_BIT |
                       VK_ACCESS_2_TRANSFER_READ_BIT,
      .oldLayout = VK_IMAGE_LAYOUT_GENERAL,
      .newLayout = VK_IMAGE_LAYOUT_GENERAL,
      .srcQueueFamilyIndex = VK_QUEUE_FAMILY_EXTERNAL,
      .dstQueueFamilyIndex = c->device.family,
      .image = image,
      .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1},
   };
   const VkDependencyInfo info = {
      .sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
      .imageMemoryBarrierCount = 1,
      .pImageMemoryBarriers = &barrier,
   };

   vkCmdPipelineBarrier2(commands, &info);
}

/* The same with an image: it is sampled, and then copied between the tags. */
static void
record_samples(struct consumer *c, VkCommandBuffer commands, uint32_t frame)
{
   VkImage image = c->ring.images[frame % DEMO_SLOTS];
   const VkBufferImageCopy copy = {
      .bufferOffset = DEMO_TAG_SIZE,
      .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
      .imageExtent = {DEMO_WIDTH, DEMO_HEIGHT, 1},
   };

   copy_ring(c, commands, demo_ring_tag(&c->ring, frame), &c->copy, 0,
             DEMO_TAG_SIZE);
   acquire_image(c, commands, image);
   fetch_record(&c->fetch, commands, frame);
   vkCmdCopyImageToBuffer(commands, image, VK_IMAGE_LAYOUT_GENERAL,
                          c->copy.buffer, 1, &copy);
   copy_ring(c, commands, demo_ring_end_tag(&c->ring, frame), &c->copy,
             DEMO_TAG_SIZE + DEMO_IMAGE_SIZE, DEMO_TAG_SIZE);
}

static void
take_frame(struct consumer *c, uint32_t frame)
{
   VkCommandBuffer commands = demo_begin(&c->device);

   if (c->ring.host_pointer)
      record_copies(c, commands, frame);
   else
      record_samples(c, commands, frame);
   demo_submit(&c->device, commands,
               c->waits ? c->frame_ready : VK_NULL_HANDLE, frame + 1,
               c->frame_consumed, frame + 1, c->done);
   finish(c, commands, "waiting for frame_ready");

   commands = demo_begin(&c->device);
   frame_before_shader(commands);
   filter_record(&c->filter, commands);
   demo_scene_record(&c->scene, commands, frame, c->expected.buffer, 0);
   demo_submit(&c->device, commands, VK_NULL_HANDLE, 0, VK_NULL_HANDLE, 0,
               c->done);
   finish(c, commands, "filtering a frame");
}

static bool
same_tag(const void *at, struct demo_tag want)
{
   return !memcmp(at, &want, sizeof(want));
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
   const struct demo_tag want = demo_frame_tag(frame, c->frames);
   const uint8_t *copy = c->copy.map;
   const uint32_t *pixels = (const uint32_t *)(copy + DEMO_TAG_SIZE);
   const bool header = same_tag(copy, want);
   const bool footer = same_tag(copy + DEMO_TAG_SIZE + DEMO_IMAGE_SIZE, want);
   const bool image = !memcmp(pixels, c->expected.map, DEMO_IMAGE_SIZE) &&
                      !memcmp(c->pixels.map, c->expected.map,
                              DEMO_IMAGE_SIZE);
   const char *what = "torn";
   uint32_t foreign;
   bool uniform;

   if (header && footer && image)
      return;
   foreign = foreign_pixels(pixels, frame, &uniform);
   if (uniform && foreign == DEMO_PIXELS && !header && !footer) {
      what = "stale";
      c->stale++;
   } else {
      c->torn++;
   }
   if (c->torn + c->stale <= 5)
      printf("consumer: frame %u is %s: header %s, footer %s, %u of %u "
             "pixels of another frame\n", (unsigned)frame, what,
             header ? "right" : "wrong", footer ? "right" : "wrong",
             (unsigned)foreign, DEMO_PIXELS);
}

/* The fence also covers the trailer, which the last submission writes. */
static void
read_trailer(struct consumer *c)
{
   demo_check(vkWaitForFences(c->device.handle, 1, &c->stream_end, VK_TRUE,
                              DEMO_TIMEOUT_NS),
              "waiting for stream_end");
   if (!same_tag((const uint8_t *)c->ring.buffer.map + DEMO_TRAILER_OFFSET,
                 demo_frame_tag(c->frames, c->frames)))
      demo_fail("the stream's trailer is not there");
}

static void
run_stream(struct consumer *c)
{
   double start = demo_now_ms(), took;

   for (uint32_t frame = 0; frame < c->frames; frame++) {
      take_frame(c, frame);
      verify_frame(c, frame);
      sheet_add(&c->sheet, frame, c->filtered.map);
   }
   read_trailer(c);
   took = demo_now_ms() - start;
   printf("consumer: %u frames in %.0f ms, %.1f frames/s; %u verified, "
          "%u torn, %u stale\n", (unsigned)c->frames, took,
          c->frames * 1000.0 / took,
          (unsigned)(c->frames - c->torn - c->stale), (unsigned)c->torn,
          (unsigned)c->stale);
}

static void
clean_up(struct consumer *c)
{
   VkDevice device = c->device.handle;

   vkDeviceWaitIdle(device);
   vkDestroySemaphore(device, c->frame_ready, NULL);
   vkDestroySemaphore(device, c->frame_consumed, NULL);
   vkDestroySemaphore(device, c->stream_header, NULL);
   vkDestroyFence(device, c->stream_end, NULL);
   vkDestroyFence(device, c->done, NULL);
   if (!c->ring.host_pointer)
      fetch_destroy(&c->fetch);
   filter_destroy(&c->filter);
   demo_scene_destroy(&c->scene);
   demo_ring_destroy(&c->ring);
   demo_buffer_destroy(&c->device, &c->copy);
   demo_buffer_destroy(&c->device, &c->pixels);
   demo_buffer_destroy(&c->device, &c->expected);
   demo_buffer_destroy(&c->device, &c->filtered);
   demo_device_close(&c->device);
   sheet_destroy(&c->sheet);
}

int
main(int argc, char **argv)
{
   struct consumer c = {0};

   if (argc != 8) {
      fprintf(stderr, "The producer starts this program.\n");
      return DEMO_USAGE;
   }
   c.in = parse_handle(argv[3]);
   c.out = parse_handle(argv[4]);
   c.waits = !strcmp(argv[5], "waits");
   c.output = argv[7];

   demo_device_open(&c.device);
   demo_ring_open(&c.ring, &c.device, !strcmp(argv[6], "host-pointer"),
                  parse_handle(argv[1]));
   create_buffers(&c);
   demo_scene_create(&c.scene, &c.device);
   if (!c.ring.host_pointer)
      fetch_create(&c.fetch, &c.ring, c.pixels.buffer);
   filter_create(&c.filter, &c.device, c.pixels.buffer, c.filtered.buffer);
   exchange_handles(&c, parse_handle(argv[2]));
   read_header(&c);
   sheet_create(&c.sheet, c.frames);
   run_stream(&c);
   if (!sheet_write(&c.sheet, c.output))
      demo_fail("cannot write %s", c.output);
   printf("consumer: contact sheet, %ux%u: %s\n", (unsigned)c.sheet.width,
          (unsigned)c.sheet.height, c.output);
   fflush(stdout);
   clean_up(&c);
   return c.torn || c.stale ? DEMO_TORN : DEMO_OK;
}

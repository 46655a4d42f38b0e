/* SPDX-License-Identifier: MIT */

/* Renders frames into shared memory for another process, which it starts,
 * and which is as free to run on as the semaphores let it.
 */
#include "demo_common.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct options {
   const char *output;
   uint32_t frames;
   bool waits;
   bool host_pointer;
};

struct producer {
   struct options options;
   struct vkt_device *device;
   struct demo_scene scene;
   struct demo_ring ring;

   struct vkt_object *frame_ready;    /* timeline: frames rendered */
   struct vkt_object *frame_consumed; /* the consumer's: frames read */
   struct vkt_object *stream_header;  /* binary: the header may be read */
   struct vkt_object *stream_end;     /* fence: all that is to come is there */
   HANDLE frame_ready_handle, stream_header_handle;
   wchar_t stream_end_name[DEMO_NAME_SIZE];

   struct child *consumer;
};

static int
usage(void)
{
   fprintf(stderr,
           "usage: producer [--frames N] [--no-waits] [--host-pointer] "
           "[CONTACT-SHEET.png]\n");
   return DEMO_USAGE;
}

static bool
parse(struct options *options, int argc, char **argv)
{
   *options = (struct options){
      .output = "contact-sheet.png",
      .frames = DEMO_FRAMES,
      .waits = true,
   };
   for (int i = 1; i < argc; i++) {
      if (!strcmp(argv[i], "--no-waits"))
         options->waits = false;
      else if (!strcmp(argv[i], "--host-pointer"))
         options->host_pointer = true;
      else if (!strcmp(argv[i], "--frames") && i + 1 < argc)
         options->frames = (uint32_t)strtoul(argv[++i], NULL, 0);
      else if (argv[i][0] != '-')
         options->output = argv[i];
      else
         return false;
   }
   return options->frames > 0;
}

/* How handles or a name got across; `how` is as printf() has it */
static void
show_exchange(const char *what, const char *type, const char *handle_type,
              const char *from_to, const char *how, ...)
{
   va_list args;

   va_start(args, how);
   printf("exchange: %-15s %-20s %-13s %-21s ", what, type, handle_type,
          from_to);
   vprintf(how, args);
   printf("\n");
   va_end(args);
}

static void
create_sync(struct producer *p)
{
   swprintf(p->stream_end_name, DEMO_NAME_SIZE, L"lvp-demo-stream-end-%lu",
            (unsigned long)GetCurrentProcessId());

   p->frame_ready = vkt_create_exportable(p->device, VKT_TIMELINE);
   p->frame_ready_handle = vkt_export(p->frame_ready);
   p->stream_header = vkt_create_exportable(p->device, VKT_BINARY);
   p->stream_header_handle = vkt_export(p->stream_header);
   p->stream_end = vkt_create_info(p->device,
                                   &(struct vkt_object_info){
                                      .kind = VKT_FENCE,
                                      .export_types = VKT_OPAQUE_WIN32,
                                      .win32_info = true,
                                      .access = GENERIC_ALL,
                                      .name = p->stream_end_name,
                                   });
   /* A name lasts as long as a handle does. */
   vkt_export(p->stream_end);
}

static void
start_consumer(struct producer *p)
{
   const HANDLE handles[] = {p->ring.handle, p->frame_ready_handle};
   struct demo_orders orders = {
      .ring = (uintptr_t)p->ring.handle,
      .frame_ready = (uintptr_t)p->frame_ready_handle,
      .waits = p->options.waits,
      .host_pointer = p->options.host_pointer,
   };

   snprintf(orders.output, sizeof(orders.output), "%s", p->options.output);
   p->consumer = child_start("consumer", handles, TEST_COUNT(handles));
   REQUIRE(child_send(p->consumer, &orders, sizeof(orders)));
   printf("producer: started the consumer, process %lu\n",
          (unsigned long)p->consumer->id);

   show_exchange("frame ring",
                 p->options.host_pointer ? "file mapping" : "device memory",
                 p->options.host_pointer ? "-" : "OPAQUE_WIN32",
                 "producer -> consumer", "inherited: handle 0x%llx",
                 (unsigned long long)orders.ring);
   show_exchange("frame_ready", "timeline semaphore", "OPAQUE_WIN32",
                 "producer -> consumer", "inherited: handle 0x%llx",
                 (unsigned long long)orders.frame_ready);
}

/* Fetches what the consumer exported, and hands over the rest. */
static void
exchange_handles(struct producer *p)
{
   struct demo_answer answer = {0};
   HANDLE consumed = NULL, header = NULL;
   uint64_t theirs;

   REQUIRE(child_receive(p->consumer, &theirs, sizeof(theirs)));
   REQUIRE(DuplicateHandle(p->consumer->process, (HANDLE)(uintptr_t)theirs,
                           GetCurrentProcess(), &consumed, 0, FALSE,
                           DUPLICATE_SAME_ACCESS));
   REQUIRE(DuplicateHandle(GetCurrentProcess(), p->stream_header_handle,
                           p->consumer->process, &header, 0, FALSE,
                           DUPLICATE_SAME_ACCESS));

   show_exchange("frame_consumed", "timeline semaphore", "OPAQUE_WIN32",
                 "consumer -> producer",
                 "duplicated: handle 0x%llx there, 0x%llx here",
                 (unsigned long long)theirs,
                 (unsigned long long)(uintptr_t)consumed);
   p->frame_consumed = vkt_alias(p->device, VKT_TIMELINE,
                                 test_own_handle(consumed));
   show_exchange("stream_header", "binary semaphore", "OPAQUE_WIN32",
                 "producer -> consumer",
                 "duplicated: handle 0x%llx here, 0x%llx there",
                 (unsigned long long)(uintptr_t)p->stream_header_handle,
                 (unsigned long long)(uintptr_t)header);
   show_exchange("stream_end", "fence", "OPAQUE_WIN32",
                 "producer -> consumer", "by name: \"%ls\"",
                 p->stream_end_name);
   fflush(stdout);

   answer.stream_header = (uintptr_t)header;
   memcpy(answer.stream_end, p->stream_end_name, sizeof(answer.stream_end));
   REQUIRE(child_send(p->consumer, &answer, sizeof(answer)));
}

static VkCommandBuffer
begin(struct producer *p)
{
   return gpu_begin(&p->device->gpu,
                    VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT);
}

static void
submit(struct producer *p, const struct vkt_batch *batch,
       struct vkt_object *fence)
{
   gpu_end(&p->device->gpu, batch->commands);
   vkt_submit(p->device, batch, fence);
}

static void
submit_header(struct producer *p)
{
   const struct demo_stream stream = {DEMO_MAGIC, DEMO_WIDTH, DEMO_HEIGHT,
                                      p->options.frames};
   const struct vkt_batch batch = {
      .signals = {{p->stream_header, 0}},
      .commands = begin(p),
   };

   vkCmdUpdateBuffer(batch.commands, p->ring.buffer, DEMO_STREAM_OFFSET,
                     sizeof(stream), &stream);
   submit(p, &batch, NULL);
}

static void
record_frame(struct producer *p, VkCommandBuffer commands, uint32_t frame)
{
   const VkDeviceSize begin = demo_ring_tag(&p->ring, frame);
   const VkDeviceSize end = demo_ring_end_tag(&p->ring, frame);
   const struct demo_tag tag = demo_frame_tag(frame, p->options.frames);

   vkCmdUpdateBuffer(commands, p->ring.buffer, begin, sizeof(tag),
                     &tag);
   if (p->options.host_pointer)
      demo_scene_record(&p->scene, commands, frame, p->ring.buffer,
                        begin + DEMO_TAG_SIZE);
   else
      demo_scene_record_image(&p->scene, commands, frame, &p->ring);
   vkCmdUpdateBuffer(commands, p->ring.buffer, end, sizeof(tag), &tag);
}

static void
submit_frames(struct producer *p)
{
   VkCommandBuffer commands[DEMO_SLOTS] = {VK_NULL_HANDLE};

   for (uint32_t frame = 0; frame < p->options.frames; frame++) {
      VkCommandBuffer *slot = &commands[frame % DEMO_SLOTS];
      const uint64_t before = frame + 1 - DEMO_SLOTS;
      struct vkt_batch batch = {.signals = {{p->frame_ready, frame + 1}}};

      if (frame >= DEMO_SLOTS) {
         REQUIRE_OK(vkt_wait(p->frame_ready, before, DEMO_TIMEOUT_MS));
         vkFreeCommandBuffers(p->device->handle, p->device->gpu.pool, 1, slot);
         if (p->options.waits)
            batch.waits[0] = (struct vkt_point){p->frame_consumed, before};
      }
      *slot = batch.commands = begin(p);
      record_frame(p, *slot, frame);
      submit(p, &batch, NULL);
   }
}

static void
submit_trailer(struct producer *p)
{
   const struct demo_tag trailer = demo_frame_tag(p->options.frames,
                                                  p->options.frames);
   const struct vkt_batch batch = {.commands = begin(p)};

   vkCmdUpdateBuffer(batch.commands, p->ring.buffer, DEMO_TRAILER_OFFSET,
                     sizeof(trailer), &trailer);
   submit(p, &batch, p->stream_end);
   REQUIRE_OK(vkt_wait(p->stream_end, 0, DEMO_TIMEOUT_MS));
}

int
main(int argc, char **argv)
{
   static const struct test_role roles[] = {
      {"consumer", demo_consumer},
      {0},
   };
   struct producer p = {0};
   VkPhysicalDeviceProperties properties;
   double start;
   DWORD status;

   if (argc > 1 && !strcmp(argv[1], "--child"))
      return test_main(argc, argv, NULL, roles);
   if (!parse(&p.options, argc, argv))
      return usage();

   test_init();
   p.device = vkt_open();
   vkGetPhysicalDeviceProperties(p.device->physical, &properties);
   printf("producer: process %lu, %s, %u frames of %ux%u, %u slots%s\n",
          (unsigned long)GetCurrentProcessId(), properties.deviceName,
          (unsigned)p.options.frames, DEMO_WIDTH, DEMO_HEIGHT, DEMO_SLOTS,
          p.options.waits ? "" : ", without waits");
   demo_scene_create(&p.scene, &p.device->gpu);
   demo_ring_open(&p.ring, p.device, p.options.host_pointer, NULL);
   create_sync(&p);
   start_consumer(&p);
   /* Before the consumer may submit its wait for it. */
   submit_header(&p);
   exchange_handles(&p);

   start = test_now_ms();
   submit_frames(&p);
   submit_trailer(&p);
   printf("producer: rendered %u frames in %.0f ms, %.1f frames/s\n",
          (unsigned)p.options.frames, test_now_ms() - start,
          p.options.frames * 1000.0 / (test_now_ms() - start));
   fflush(stdout);

   status = child_join(p.consumer, DEMO_TIMEOUT_MS);
   vkt_wait_idle(p.device);
   demo_scene_destroy(&p.scene);
   test_clean_up();
   if (status == DEMO_OK && test_failed())
      status = 1;
   if (status == DEMO_OK)
      printf("demo: OK\n");
   else if (status == DEMO_TORN)
      printf("demo: torn or stale frames were seen\n");
   else
      printf("demo: FAILED: the consumer ended with status %lu\n",
             (unsigned long)status);
   return (int)status;
}

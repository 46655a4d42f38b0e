/* SPDX-License-Identifier: MIT */

/* Renders frames into shared memory for another process, which it starts,
 * and which is as free to run on as the semaphores let it.
 */
#include "demo_common.h"

#include <stdlib.h>
#include <string.h>

struct producer {
   uint32_t frames;
   struct demo_orders orders;
   struct vkt_device *device;
   struct demo_scene scene;
   struct demo_ring ring;

   struct vkt_object *frame_ready;    /* timeline: frames rendered */
   struct vkt_object *frame_consumed; /* the consumer's: frames read */
   struct vkt_object *stream_header;  /* binary: the header may be read */
   struct vkt_object *stream_end;     /* fence: all that is to come is there */

   struct child *consumer;
};

static int
usage(void)
{
   fprintf(stderr,
           "usage: producer [--frames N] [--no-waits] [--host-pointer] "
           "[CONTACT-SHEET.ppm]\n");
   return DEMO_USAGE;
}

static bool
parse(struct producer *p, int argc, char **argv)
{
   const char *output = "contact-sheet.ppm";

   p->frames = DEMO_FRAMES;
   p->orders.waits = true;
   for (int i = 1; i < argc; i++) {
      if (!strcmp(argv[i], "--no-waits"))
         p->orders.waits = false;
      else if (!strcmp(argv[i], "--host-pointer"))
         p->orders.host_pointer = true;
      else if (!strcmp(argv[i], "--frames") && i + 1 < argc)
         p->frames = (uint32_t)strtoul(argv[++i], NULL, 0);
      else if (argv[i][0] != '-')
         output = argv[i];
      else
         return false;
   }
   snprintf(p->orders.output, sizeof(p->orders.output), "%s", output);
   return p->frames > 0;
}

static void
create_sync(struct producer *p)
{
   swprintf(p->orders.stream_end, DEMO_NAME_SIZE, L"lvp-demo-stream-end-%lu",
            (unsigned long)GetCurrentProcessId());

   p->frame_ready = vkt_create_exportable(p->device, VKT_TIMELINE);
   p->stream_header = vkt_create_exportable(p->device, VKT_BINARY);
   p->stream_end = vkt_create_info(p->device,
                                   &(struct vkt_object_info){
                                      .kind = VKT_FENCE,
                                      .export_types = VKT_OPAQUE_WIN32,
                                      .win32_info = true,
                                      .access = GENERIC_ALL,
                                      .name = p->orders.stream_end,
                                   });
   /* A name lasts as long as a handle does. */
   vkt_export(p->stream_end);
}

/* It inherits three handles, opens a name, and gives one handle back. */
static void
start_consumer(struct producer *p)
{
   const HANDLE handles[] = {p->ring.handle, vkt_export(p->frame_ready),
                             vkt_export(p->stream_header)};
   struct demo_orders *orders = &p->orders;
   HANDLE consumed = NULL;
   uint64_t theirs;

   orders->ring = (uintptr_t)handles[0];
   orders->frame_ready = (uintptr_t)handles[1];
   orders->stream_header = (uintptr_t)handles[2];
   p->consumer = child_start("consumer", handles, TEST_COUNT(handles));
   REQUIRE(child_send(p->consumer, orders, sizeof(*orders)));
   printf("producer: started the consumer, process %lu\n",
          (unsigned long)p->consumer->id);

   REQUIRE(child_receive(p->consumer, &theirs, sizeof(theirs)));
   REQUIRE(DuplicateHandle(p->consumer->process, (HANDLE)(uintptr_t)theirs,
                           GetCurrentProcess(), &consumed, 0, FALSE,
                           DUPLICATE_SAME_ACCESS));
   p->frame_consumed = vkt_alias(p->device, VKT_TIMELINE,
                                 test_own_handle(consumed));

   printf("exchange: the ring of frames, %s, inherited: handle 0x%llx\n",
          orders->host_pointer ? "a file mapping" : "device memory",
          (unsigned long long)orders->ring);
   printf("exchange: frame_ready, a timeline semaphore, inherited: "
          "handle 0x%llx\n", (unsigned long long)orders->frame_ready);
   printf("exchange: stream_header, a binary semaphore, inherited: "
          "handle 0x%llx\n", (unsigned long long)orders->stream_header);
   printf("exchange: stream_end, a fence, by name: \"%ls\"\n",
          orders->stream_end);
   printf("exchange: frame_consumed, the consumer's timeline semaphore, "
          "duplicated: handle 0x%llx there, 0x%llx here\n",
          (unsigned long long)theirs,
          (unsigned long long)(uintptr_t)consumed);
   fflush(stdout);
}

static void
submit(struct producer *p, const struct vkt_batch *batch,
       struct vkt_object *fence)
{
   gpu_end(&p->device->gpu, batch->commands);
   vkt_submit(p->device, batch, fence);
}

static void
submit_count(struct producer *p, VkDeviceSize offset,
             struct vkt_object *semaphore, struct vkt_object *fence)
{
   const struct vkt_batch batch = {
      .signals = {{semaphore, 0}},
      .commands = gpu_begin(&p->device->gpu, 0),
   };

   vkCmdUpdateBuffer(batch.commands, p->ring.buffer, offset,
                     sizeof(p->frames), &p->frames);
   submit(p, &batch, fence);
}

static void
record_frame(struct producer *p, VkCommandBuffer commands, uint32_t frame)
{
   if (p->orders.host_pointer)
      demo_scene_record(&p->scene, commands, frame, p->ring.buffer,
                        demo_ring_offset(frame));
   else
      demo_scene_record_image(&p->scene, commands, frame, &p->ring);
}

static void
submit_frames(struct producer *p)
{
   VkCommandBuffer commands[DEMO_SLOTS] = {VK_NULL_HANDLE};

   for (uint32_t frame = 0; frame < p->frames; frame++) {
      VkCommandBuffer *slot = &commands[frame % DEMO_SLOTS];
      const uint64_t before = frame + 1 - DEMO_SLOTS;
      struct vkt_batch batch = {.signals = {{p->frame_ready, frame + 1}}};

      if (frame >= DEMO_SLOTS) {
         REQUIRE_OK(vkt_wait(p->frame_ready, before, DEMO_TIMEOUT_MS));
         vkFreeCommandBuffers(p->device->handle, p->device->gpu.pool, 1, slot);
         if (p->orders.waits)
            batch.waits[0] = (struct vkt_point){p->frame_consumed, before};
      }
      *slot = batch.commands = gpu_begin(&p->device->gpu, 0);
      record_frame(p, *slot, frame);
      submit(p, &batch, NULL);
   }
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
   if (!parse(&p, argc, argv))
      return usage();

   test_init();
   p.device = vkt_open();
   vkGetPhysicalDeviceProperties(p.device->physical, &properties);
   printf("producer: process %lu, %s, %u frames of %ux%u, %u slots%s\n",
          (unsigned long)GetCurrentProcessId(), properties.deviceName,
          (unsigned)p.frames, DEMO_WIDTH, DEMO_HEIGHT, DEMO_SLOTS,
          p.orders.waits ? "" : ", without waits");
   demo_scene_create(&p.scene, &p.device->gpu);
   demo_ring_open(&p.ring, p.device, p.orders.host_pointer, NULL);
   create_sync(&p);
   /* Before the consumer may submit its wait for it. */
   submit_count(&p, DEMO_BEGIN_OFFSET, p.stream_header, NULL);
   start_consumer(&p);

   start = test_now_ms();
   submit_frames(&p);
   submit_count(&p, DEMO_END_OFFSET, NULL, p.stream_end);
   REQUIRE_OK(vkt_wait(p.stream_end, 0, DEMO_TIMEOUT_MS));
   printf("producer: rendered %u frames in %.0f ms, %.1f frames/s\n",
          (unsigned)p.frames, test_now_ms() - start,
          p.frames * 1000.0 / (test_now_ms() - start));
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

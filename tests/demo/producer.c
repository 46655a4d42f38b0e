/* SPDX-License-Identifier: MIT */

/* Renders frames into shared memory for another process, which it starts,
 * and which is as free to run on as the semaphores let it.
 */
#if !defined(_WIN32_WINNT) || _WIN32_WINNT < 0x0602
#undef _WIN32_WINNT
#define _WIN32_WINNT 0x0602
#endif
#include "demo_common.h"

#include <stdio.h>
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
   struct demo_device device;
   struct demo_scene scene;

   struct demo_ring ring;

   VkSemaphore frame_ready;    /* timeline: frames rendered */
   VkSemaphore frame_consumed; /* timeline, the consumer's: frames read */
   VkSemaphore stream_header;  /* binary: the header may be read */
   VkFence stream_end;         /* all frames and the trailer are there */
   HANDLE frame_ready_handle, stream_header_handle, stream_end_handle;
   wchar_t stream_end_name[DEMO_NAME_SIZE];

   HANDLE consumer, to_consumer, from_consumer;
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

static void
show_exchange(const char *what, const char *type, const char *handle_type,
              const char *from_to, const char *how)
{
   printf("exchange: %-15s %-20s %-13s %-21s %s\n", what, type, handle_type,
          from_to, how);
}

static void
create_sync(struct producer *p)
{
   swprintf(p->stream_end_name, DEMO_NAME_SIZE, L"lvp-demo-stream-end-%lu",
            (unsigned long)GetCurrentProcessId());

   p->frame_ready = demo_semaphore_create(&p->device, true, true, true);
   p->frame_ready_handle = demo_semaphore_export(&p->device, p->frame_ready);
   p->stream_header = demo_semaphore_create(&p->device, false, true, false);
   p->stream_header_handle = demo_semaphore_export(&p->device,
                                                   p->stream_header);
   p->stream_end = demo_fence_create(&p->device, p->stream_end_name);
   /* A name lasts as long as a handle does. */
   p->stream_end_handle = demo_fence_export(&p->device, p->stream_end);
   p->frame_consumed = demo_semaphore_create(&p->device, true, false, false);
}

static void
create_process(struct producer *p, char *command, HANDLE *handles,
               unsigned count)
{
   STARTUPINFOEXA startup = {.StartupInfo.cb = sizeof(startup)};
   PROCESS_INFORMATION info;
   SIZE_T size = 0;
   BOOL created = FALSE;

   InitializeProcThreadAttributeList(NULL, 1, 0, &size);
   startup.lpAttributeList = malloc(size);
   if (!startup.lpAttributeList ||
       !InitializeProcThreadAttributeList(startup.lpAttributeList, 1, 0,
                                          &size) ||
       !UpdateProcThreadAttribute(startup.lpAttributeList, 0,
                                  PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles,
                                  count * sizeof(handles[0]), NULL, NULL))
      demo_fail("no list of handles to inherit");
   startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
   startup.StartupInfo.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
   startup.StartupInfo.hStdError = GetStdHandle(STD_ERROR_HANDLE);
   fflush(stdout);
   /* Under Wine a process now and then dies before it reaches its program,
    * which is what ERROR_INTERNAL_ERROR says.
    */
   for (unsigned attempt = 0; attempt < 3 && !created; attempt++) {
      created = CreateProcessA(NULL, command, NULL, NULL, TRUE,
                               EXTENDED_STARTUPINFO_PRESENT, NULL, NULL,
                               &startup.StartupInfo, &info);
      if (!created && GetLastError() != ERROR_INTERNAL_ERROR)
         break;
   }
   if (!created)
      demo_fail("%s: error %lu", command, (unsigned long)GetLastError());
   DeleteProcThreadAttributeList(startup.lpAttributeList);
   free(startup.lpAttributeList);
   CloseHandle(info.hThread);
   p->consumer = info.hProcess;
   printf("producer: started the consumer, process %lu\n",
          (unsigned long)info.dwProcessId);
}

static void
add_handle(HANDLE *handles, unsigned *count, HANDLE handle)
{
   if (!handle || handle == INVALID_HANDLE_VALUE)
      return;
   for (unsigned i = 0; i < *count; i++) {
      if (handles[i] == handle)
         return;
   }
   SetHandleInformation(handle, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
   handles[(*count)++] = handle;
}

static void
start_consumer(struct producer *p)
{
   char self[MAX_PATH], command[3 * MAX_PATH], how[80];
   HANDLE handles[8], in = NULL, out = NULL;
   unsigned count = 0;

   if (!CreatePipe(&in, &p->to_consumer, NULL, 0) ||
       !CreatePipe(&p->from_consumer, &out, NULL, 0))
      demo_fail("no pipe");
   add_handle(handles, &count, p->ring.handle);
   add_handle(handles, &count, p->frame_ready_handle);
   add_handle(handles, &count, in);
   add_handle(handles, &count, out);
   add_handle(handles, &count, GetStdHandle(STD_OUTPUT_HANDLE));
   add_handle(handles, &count, GetStdHandle(STD_ERROR_HANDLE));

   GetModuleFileNameA(NULL, self, sizeof(self));
   strrchr(self, '\\')[1] = 0;
   snprintf(command, sizeof(command),
            "\"%sconsumer.exe\" %llu %llu %llu %llu %s %s \"%s\"", self,
            (unsigned long long)(uintptr_t)p->ring.handle,
            (unsigned long long)(uintptr_t)p->frame_ready_handle,
            (unsigned long long)(uintptr_t)in,
            (unsigned long long)(uintptr_t)out,
            p->options.waits ? "waits" : "no-waits",
            p->options.host_pointer ? "host-pointer" : "images",
            p->options.output);
   create_process(p, command, handles, count);
   /* With our copies closed, the end of the consumer shows. */
   CloseHandle(in);
   CloseHandle(out);

   snprintf(how, sizeof(how), "inherited: handle 0x%llx",
            (unsigned long long)(uintptr_t)p->ring.handle);
   show_exchange("frame ring",
                 p->options.host_pointer ? "file mapping" : "device memory",
                 p->options.host_pointer ? "-" : "OPAQUE_WIN32",
                 "producer -> consumer", how);
   snprintf(how, sizeof(how), "inherited: handle 0x%llx",
            (unsigned long long)(uintptr_t)p->frame_ready_handle);
   show_exchange("frame_ready", "timeline semaphore", "OPAQUE_WIN32",
                 "producer -> consumer", how);
}

/* Fetches what the consumer exported, and hands over the rest. */
static void
exchange_handles(struct producer *p)
{
   struct demo_from_consumer hello;
   struct demo_from_producer answer = {0};
   HANDLE consumed = NULL, header = NULL;
   char how[80];

   demo_pipe_read(p->from_consumer, &hello, sizeof(hello));
   if (!DuplicateHandle(p->consumer, (HANDLE)(uintptr_t)hello.frame_consumed,
                        GetCurrentProcess(), &consumed, 0, FALSE,
                        DUPLICATE_SAME_ACCESS) ||
       !DuplicateHandle(GetCurrentProcess(), p->stream_header_handle,
                        p->consumer, &header, 0, FALSE,
                        DUPLICATE_SAME_ACCESS))
      demo_fail("DuplicateHandle: error %lu", (unsigned long)GetLastError());

   snprintf(how, sizeof(how), "duplicated: handle 0x%llx there, 0x%llx here",
            (unsigned long long)hello.frame_consumed,
            (unsigned long long)(uintptr_t)consumed);
   show_exchange("frame_consumed", "timeline semaphore", "OPAQUE_WIN32",
                 "consumer -> producer", how);
   demo_semaphore_import(&p->device, p->frame_consumed, consumed);

   snprintf(how, sizeof(how), "duplicated: handle 0x%llx here, 0x%llx there",
            (unsigned long long)(uintptr_t)p->stream_header_handle,
            (unsigned long long)(uintptr_t)header);
   show_exchange("stream_header", "binary semaphore", "OPAQUE_WIN32",
                 "producer -> consumer", how);
   snprintf(how, sizeof(how), "by name: \"%ls\"", p->stream_end_name);
   show_exchange("stream_end", "fence", "OPAQUE_WIN32",
                 "producer -> consumer", how);
   fflush(stdout);

   answer.stream_header = (uintptr_t)header;
   memcpy(answer.stream_end, p->stream_end_name, sizeof(answer.stream_end));
   demo_pipe_write(p->to_consumer, &answer, sizeof(answer));
}

static void
submit_header(struct producer *p)
{
   const struct demo_stream stream = {DEMO_MAGIC, DEMO_WIDTH, DEMO_HEIGHT,
                                      p->options.frames};
   VkCommandBuffer commands = demo_begin(&p->device);

   vkCmdUpdateBuffer(commands, p->ring.buffer.buffer, DEMO_STREAM_OFFSET,
                     sizeof(stream), &stream);
   demo_submit(&p->device, commands, VK_NULL_HANDLE, 0, p->stream_header, 0,
               VK_NULL_HANDLE);
}

static void
record_frame(struct producer *p, VkCommandBuffer commands, uint32_t frame)
{
   const VkDeviceSize begin = demo_ring_tag(&p->ring, frame);
   const VkDeviceSize end = demo_ring_end_tag(&p->ring, frame);
   const struct demo_tag tag = demo_frame_tag(frame, p->options.frames);

   vkCmdUpdateBuffer(commands, p->ring.buffer.buffer, begin, sizeof(tag),
                     &tag);
   if (p->options.host_pointer)
      demo_scene_record(&p->scene, commands, frame, p->ring.buffer.buffer,
                        begin + DEMO_TAG_SIZE);
   else
      demo_scene_record_image(&p->scene, commands, frame, &p->ring);
   vkCmdUpdateBuffer(commands, p->ring.buffer.buffer, end, sizeof(tag), &tag);
}

static void
submit_frames(struct producer *p)
{
   VkCommandBuffer commands[DEMO_SLOTS] = {VK_NULL_HANDLE};

   for (uint32_t frame = 0; frame < p->options.frames; frame++) {
      VkCommandBuffer *slot = &commands[frame % DEMO_SLOTS];
      const bool reused = frame >= DEMO_SLOTS;

      if (reused) {
         demo_wait_value(&p->device, p->frame_ready, frame + 1 - DEMO_SLOTS);
         vkFreeCommandBuffers(p->device.handle, p->device.pool, 1, slot);
      }
      *slot = demo_begin(&p->device);
      record_frame(p, *slot, frame);
      demo_submit(&p->device, *slot,
                  reused && p->options.waits ? p->frame_consumed
                                             : VK_NULL_HANDLE,
                  reused ? frame + 1 - DEMO_SLOTS : 0, p->frame_ready,
                  frame + 1, VK_NULL_HANDLE);
   }
}

static void
submit_trailer(struct producer *p)
{
   const struct demo_tag trailer = demo_frame_tag(p->options.frames,
                                                  p->options.frames);
   VkCommandBuffer commands = demo_begin(&p->device);

   vkCmdUpdateBuffer(commands, p->ring.buffer.buffer, DEMO_TRAILER_OFFSET,
                     sizeof(trailer), &trailer);
   demo_submit(&p->device, commands, VK_NULL_HANDLE, 0, VK_NULL_HANDLE, 0,
               p->stream_end);
   demo_check(vkWaitForFences(p->device.handle, 1, &p->stream_end, VK_TRUE,
                              DEMO_TIMEOUT_NS),
              "waiting for the own stream_end");
}

static DWORD
join_consumer(struct producer *p)
{
   DWORD status = DEMO_FAILED;

   if (WaitForSingleObject(p->consumer, DEMO_TIMEOUT_MS) != WAIT_OBJECT_0) {
      TerminateProcess(p->consumer, DEMO_FAILED);
      demo_fail("the consumer does not end");
   }
   GetExitCodeProcess(p->consumer, &status);
   return status;
}

static void
clean_up(struct producer *p)
{
   VkDevice device = p->device.handle;

   vkDeviceWaitIdle(device);
   vkDestroySemaphore(device, p->frame_ready, NULL);
   vkDestroySemaphore(device, p->frame_consumed, NULL);
   vkDestroySemaphore(device, p->stream_header, NULL);
   vkDestroyFence(device, p->stream_end, NULL);
   CloseHandle(p->frame_ready_handle);
   CloseHandle(p->stream_header_handle);
   CloseHandle(p->stream_end_handle);
   demo_ring_destroy(&p->ring);
   demo_scene_destroy(&p->scene);
   demo_device_close(&p->device);
   CloseHandle(p->to_consumer);
   CloseHandle(p->from_consumer);
   CloseHandle(p->consumer);
}

int
main(int argc, char **argv)
{
   struct producer p = {0};
   double start;
   DWORD status;

   if (!parse(&p.options, argc, argv))
      return usage();

   demo_device_open(&p.device);
   printf("producer: process %lu, %s, %u frames of %ux%u, %u slots%s\n",
          (unsigned long)GetCurrentProcessId(), p.device.name,
          (unsigned)p.options.frames, DEMO_WIDTH, DEMO_HEIGHT, DEMO_SLOTS,
          p.options.waits ? "" : ", without waits");
   demo_scene_create(&p.scene, &p.device);
   demo_ring_create(&p.ring, &p.device, p.options.host_pointer);
   create_sync(&p);
   start_consumer(&p);
   /* Before the consumer may submit its wait for it. */
   submit_header(&p);
   exchange_handles(&p);

   start = demo_now_ms();
   submit_frames(&p);
   submit_trailer(&p);
   printf("producer: rendered %u frames in %.0f ms, %.1f frames/s\n",
          (unsigned)p.options.frames, demo_now_ms() - start,
          p.options.frames * 1000.0 / (demo_now_ms() - start));
   fflush(stdout);

   status = join_consumer(&p);
   clean_up(&p);
   if (status == DEMO_OK)
      printf("demo: OK\n");
   else if (status == DEMO_TORN)
      printf("demo: torn or stale frames were seen\n");
   else
      printf("demo: FAILED: the consumer ended with status %lu\n",
             (unsigned long)status);
   return (int)status;
}

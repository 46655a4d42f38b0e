/* SPDX-License-Identifier: MIT */

/* The whole driver and the unpatched one, in turn. */
#include "icd.h"
#include "unused.h"

#include <tlhelp32.h>

#include "frame_frag.h"
#include "frame_vert.h"

#define SUBMIT_ROUNDS 101
#define SUBMITS 200
#define DRAW_ROUNDS 301
#define FRAMES 64
#define IN_FLIGHT 16

struct contender {
   struct bench_icd icd;
   VkFence fence;
   VkSemaphore semaphore;

   /* Rendering of a frame that takes the rasterizer a while */
   struct gpu_image image;
   struct gpu_layout layout;
   VkPipeline pipeline;
   VkCommandBuffer commands;
   uint64_t frames;
};

static struct contender contenders[2];

/* With exports, our fence and semaphore are exported ones, against the private
 * ones that there are without us.
 */
static void
open_drivers(VkSemaphoreType type, bool exports)
{
   for (unsigned i = 0; i < 2; i++) {
      const bool exported = exports && i == BENCH_OURS;
      /* The same bit for both */
      const VkFlags types =
         exported ? VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_WIN32_BIT : 0;
      struct contender *c = &contenders[i];

      bench_icd_open(&c->icd, i, exported);
      c->fence = gpu_fence(&c->icd.gpu, 0, types);
      c->semaphore = gpu_semaphore(&c->icd.gpu, type, 0, types);
   }
}

static void
close_drivers(void)
{
   for (unsigned i = 0; i < 2; i++) {
      struct contender *c = &contenders[i];
      const struct gpu *gpu = &c->icd.gpu;

      gpu->DeviceWaitIdle(gpu->device);
      gpu->DestroyFence(gpu->device, c->fence, NULL);
      gpu->DestroySemaphore(gpu->device, c->semaphore, NULL);
      gpu->DestroyPipeline(gpu->device, c->pipeline, NULL);
      gpu_destroy_layout(gpu, &c->layout);
      gpu_destroy_image(gpu, &c->image);
      bench_icd_close(&c->icd);
   }
}

static void
report(const char *detail, uint32_t rounds, bench_round_func run,
       const char *unit, enum bench_limit limit)
{
   bench_report(detail,
                bench_alternate(rounds, run, &contenders[BENCH_OURS],
                                &contenders[BENCH_COMPARATOR]),
                unit, limit, 1.0);
}

/* Say on which processors this thread and all others of the process run: where
 * a scheduler puts threads that wake each other differs from run to run, and
 * the rate by several times.  The masks are those of Windows.
 */
static void
pin(DWORD_PTR self, DWORD_PTR others)
{
   HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
   THREADENTRY32 entry = {.dwSize = sizeof(entry)};

   REQUIRE(snapshot != INVALID_HANDLE_VALUE);
   for (BOOL more = Thread32First(snapshot, &entry); more;
        more = Thread32Next(snapshot, &entry)) {
      if (entry.th32OwnerProcessID != GetCurrentProcessId())
         continue;

      HANDLE thread = OpenThread(THREAD_SET_INFORMATION |
                                 THREAD_QUERY_INFORMATION, FALSE,
                                 entry.th32ThreadID);
      if (thread != NULL) {
         SetThreadAffinityMask(
            thread, entry.th32ThreadID == GetCurrentThreadId() ? self :
                                                                 others);
         CloseHandle(thread);
      }
   }
   CloseHandle(snapshot);
}

static bool
submit(const struct contender *c, const VkSubmitInfo *info, VkFence fence)
{
   const struct gpu *gpu = &c->icd.gpu;

   return gpu->QueueSubmit(gpu->queue, 1, info, fence) == VK_SUCCESS;
}

static bool
submit_nothing(const struct contender *c)
{
   const VkSubmitInfo empty = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO};

   return submit(c, &empty, c->fence);
}

/* A signal of the semaphore and a wait for it that signals the fence */
static bool
submit_pair(const struct contender *c)
{
   const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
   const VkSubmitInfo signal = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
      .signalSemaphoreCount = 1,
      .pSignalSemaphores = &c->semaphore,
   };
   const VkSubmitInfo wait = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
      .waitSemaphoreCount = 1,
      .pWaitSemaphores = &c->semaphore,
      .pWaitDstStageMask = &stage,
   };

   return submit(c, &signal, VK_NULL_HANDLE) && submit(c, &wait, c->fence);
}

static double
submit_round(const struct contender *c,
             bool (*submit_some)(const struct contender *c))
{
   const struct gpu *gpu = &c->icd.gpu;
   bool good = true;

   const double start = bench_now_ns();
   for (unsigned i = 0; i < SUBMITS; i++) {
      good &= submit_some(c);
      good &= gpu->WaitForFences(gpu->device, 1, &c->fence, VK_TRUE,
                                 UINT64_MAX) == VK_SUCCESS;
      good &= gpu->ResetFences(gpu->device, 1, &c->fence) == VK_SUCCESS;
   }
   const double end = bench_now_ns();

   REQUIRE(good);
   return SUBMITS * 1e9 / (end - start);
}

static double
nothing_round(void *data)
{
   return submit_round(data, submit_nothing);
}

static double
pair_round(void *data)
{
   return submit_round(data, submit_pair);
}

static void
queue_submit(UNUSED intptr_t arg)
{
   open_drivers(VK_SEMAPHORE_TYPE_BINARY, false);
   /* Between processors it is the time that waking takes that counts, on one
    * of them the work that is done.
    */
   pin(1, 2);
   report(NULL, SUBMIT_ROUNDS, nothing_round, "rounds/s",
          BENCH_RATIO_AT_LEAST);
   pin(1, 1);
   report("one-processor", SUBMIT_ROUNDS, nothing_round, "rounds/s",
          BENCH_RATIO_AT_LEAST);
   close_drivers();
}

static void
queue_submit_exported(UNUSED intptr_t arg)
{
   bench_use_parker("keyed");
   open_drivers(VK_SEMAPHORE_TYPE_BINARY, true);
   pin(1, 2);
   report(NULL, SUBMIT_ROUNDS, pair_round, "rounds/s", BENCH_RATIO_AT_LEAST);
   close_drivers();
}

#define SIZE 64

static void
record_frame(struct contender *c)
{
   const struct gpu *gpu = &c->icd.gpu;
   const struct gpu_image_info info = {
      .format = VK_FORMAT_R8G8B8A8_UNORM,
      .width = SIZE,
      .height = SIZE,
      .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT,
   };

   c->image = gpu_image(gpu, &info);
   gpu_create_layout(gpu, &c->layout, 0);
   c->pipeline = gpu_create_graphics(gpu, &c->layout, GPU_SHADER(frame_vert),
                                     GPU_SHADER(frame_frag), &info);
   c->commands = gpu_begin(gpu, VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT);
   gpu_barrier(gpu, c->commands, c->image.handle, VK_IMAGE_ASPECT_COLOR_BIT,
               GPU_DISCARD);
   gpu_bind(gpu, c->commands, VK_PIPELINE_BIND_POINT_GRAPHICS, c->pipeline,
            &c->layout, VK_NULL_HANDLE, NULL);
   gpu_cover(gpu, c->commands, c->image.view, &info);
   gpu_end(gpu, c->commands);
}

static bool
wait_for_frame(const struct contender *c, uint64_t frame)
{
   const struct gpu *gpu = &c->icd.gpu;
   const VkSemaphoreWaitInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
      .semaphoreCount = 1,
      .pSemaphores = &c->semaphore,
      .pValues = &frame,
   };

   return gpu->WaitSemaphores(gpu->device, &info, UINT64_MAX) == VK_SUCCESS;
}

static bool
submit_frame(const struct contender *c, uint64_t frame)
{
   const VkTimelineSemaphoreSubmitInfo timeline = {
      .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
      .signalSemaphoreValueCount = 1,
      .pSignalSemaphoreValues = &frame,
   };
   const VkSubmitInfo info = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
      .pNext = &timeline,
      .commandBufferCount = 1,
      .pCommandBuffers = &c->commands,
      .signalSemaphoreCount = 1,
      .pSignalSemaphores = &c->semaphore,
   };

   return submit(c, &info, VK_NULL_HANDLE);
}

static double
draw_round(void *data)
{
   struct contender *c = data;
   bool good = true;

   const double start = bench_now_ns();
   for (unsigned i = 0; i < FRAMES; i++) {
      good &= submit_frame(c, ++c->frames);
      if (c->frames > IN_FLIGHT)
         good &= wait_for_frame(c, c->frames - IN_FLIGHT);
   }
   good &= wait_for_frame(c, c->frames);
   const double end = bench_now_ns();

   REQUIRE(good);
   return FRAMES * 1e9 / (end - start);
}

static void
draw(UNUSED intptr_t arg)
{
   open_drivers(VK_SEMAPHORE_TYPE_TIMELINE, false);
   for (unsigned i = 0; i < 2; i++)
      record_frame(&contenders[i]);
   report(NULL, DRAW_ROUNDS, draw_round, "frames/s", BENCH_NO_LESS);
   close_drivers();
}

const struct test_case test_cases[] = {
   {"queue-submit", queue_submit, 0, BENCH_SECONDS},
   {"queue-submit-exported", queue_submit_exported, 0, BENCH_SECONDS},
   {"draw", draw, 0, BENCH_SECONDS},
   {0},
};

/* SPDX-License-Identifier: MIT */

/* The whole driver and the unpatched one, in turn. */
#include "icd.h"

#include "frame_frag.h"
#include "frame_vert.h"

#define SUBMIT_ROUNDS 101
#define SUBMITS 100
#define DRAW_ROUNDS 301
#define FRAMES 64
#define IN_FLIGHT 16

/* Rendering of a frame that takes the rasterizer a while */
struct scene {
   struct gpu_image image;
   struct gpu_layout layout;
   VkPipeline pipeline;
   VkCommandBuffer commands;
};

struct contender {
   struct bench_icd icd;
   VkFence fence;
   struct scene scene;
   VkSemaphore timeline;
   uint64_t value;
};

static struct contender contenders[2];

static double
submit_round(void *data)
{
   struct contender *contender = data;
   const struct gpu *gpu = &contender->icd.gpu;
   const VkSubmitInfo empty = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO};
   bool good = true;

   const double start = bench_now_ns();
   for (unsigned i = 0; i < SUBMITS; i++) {
      good &= gpu->QueueSubmit(gpu->queue, 1, &empty, contender->fence) ==
              VK_SUCCESS;
      good &= gpu->WaitForFences(gpu->device, 1, &contender->fence, VK_TRUE,
                                 UINT64_MAX) == VK_SUCCESS;
      good &= gpu->ResetFences(gpu->device, 1, &contender->fence) ==
              VK_SUCCESS;
   }
   const double end = bench_now_ns();

   REQUIRE(good);
   return SUBMITS * 1e9 / (end - start);
}

static void
report_submits(const struct bench_case *c, const char *detail)
{
   bench_report(c, detail,
                bench_alternate(SUBMIT_ROUNDS, submit_round,
                                &contenders[BENCH_OURS],
                                &contenders[BENCH_COMPARATOR]),
                "rounds/s", BENCH_RATIO_AT_LEAST, 1.0);
}

static void
queue_submit(const struct bench_case *c)
{
   for (unsigned i = 0; i < 2; i++) {
      bench_icd_open(&contenders[i].icd, i, false);
      contenders[i].fence = gpu_fence(&contenders[i].icd.gpu, 0, 0);
   }

   /* Between processors it is the time that waking takes that counts, on one
    * of them the work that is done.
    */
   bench_pin(1, 2);
   report_submits(c, NULL);
   bench_pin(1, 1);
   report_submits(c, "one-processor");

   for (unsigned i = 0; i < 2; i++) {
      struct bench_icd *icd = &contenders[i].icd;
      const struct gpu *gpu = &icd->gpu;

      gpu->DestroyFence(gpu->device, contenders[i].fence, NULL);
      bench_icd_close(icd);
   }
}

#define SIZE 64

static void
create_scene(struct scene *scene, const struct gpu *gpu)
{
   const struct gpu_image_info info = {
      .format = VK_FORMAT_R8G8B8A8_UNORM,
      .width = SIZE,
      .height = SIZE,
      .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT,
   };

   *scene = (struct scene) {.image = gpu_image(gpu, &info)};
   gpu_create_layout(gpu, &scene->layout, 0);
   scene->pipeline = gpu_create_graphics(gpu, &scene->layout,
                                         GPU_SHADER(frame_vert),
                                         GPU_SHADER(frame_frag), &info);
   scene->commands =
      gpu_begin(gpu, VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT);
   gpu_barrier(gpu, scene->commands, scene->image.handle,
               VK_IMAGE_ASPECT_COLOR_BIT, GPU_DISCARD);
   gpu_bind(gpu, scene->commands, VK_PIPELINE_BIND_POINT_GRAPHICS,
            scene->pipeline, &scene->layout, VK_NULL_HANDLE, NULL);
   gpu_cover(gpu, scene->commands, scene->image.view, &info);
   gpu_end(gpu, scene->commands);
}

static void
destroy_scene(struct scene *scene, const struct gpu *gpu)
{
   gpu->DestroyPipeline(gpu->device, scene->pipeline, NULL);
   gpu_destroy_layout(gpu, &scene->layout);
   gpu_destroy_image(gpu, &scene->image);
}

static bool
wait_for_frame(struct contender *contender, uint64_t value)
{
   const struct gpu *gpu = &contender->icd.gpu;
   const VkSemaphoreWaitInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
      .semaphoreCount = 1,
      .pSemaphores = &contender->timeline,
      .pValues = &value,
   };

   return gpu->WaitSemaphores(gpu->device, &info, UINT64_MAX) == VK_SUCCESS;
}

static bool
submit_frame(struct contender *contender, uint64_t value)
{
   const struct gpu *gpu = &contender->icd.gpu;
   const VkTimelineSemaphoreSubmitInfo timeline = {
      .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
      .signalSemaphoreValueCount = 1,
      .pSignalSemaphoreValues = &value,
   };
   const VkSubmitInfo info = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
      .pNext = &timeline,
      .commandBufferCount = 1,
      .pCommandBuffers = &contender->scene.commands,
      .signalSemaphoreCount = 1,
      .pSignalSemaphores = &contender->timeline,
   };

   return gpu->QueueSubmit(gpu->queue, 1, &info, VK_NULL_HANDLE) ==
          VK_SUCCESS;
}

static double
draw_round(void *data)
{
   struct contender *contender = data;
   bool good = true;

   const double start = bench_now_ns();
   for (unsigned i = 0; i < FRAMES; i++) {
      good &= submit_frame(contender, ++contender->value);
      if (contender->value > IN_FLIGHT)
         good &= wait_for_frame(contender, contender->value - IN_FLIGHT);
   }
   good &= wait_for_frame(contender, contender->value);
   const double end = bench_now_ns();

   REQUIRE(good);
   return FRAMES * 1e9 / (end - start);
}

static void
draw(const struct bench_case *c)
{
   for (unsigned i = 0; i < 2; i++) {
      struct contender *contender = &contenders[i];

      bench_icd_open(&contender->icd, i, false);
      create_scene(&contender->scene, &contender->icd.gpu);
      contender->timeline = gpu_semaphore(&contender->icd.gpu,
                                          VK_SEMAPHORE_TYPE_TIMELINE, 0, 0);
   }

   bench_report(c, NULL,
                bench_alternate(DRAW_ROUNDS, draw_round, &contenders[BENCH_OURS],
                                &contenders[BENCH_COMPARATOR]),
                "frames/s", BENCH_NO_LESS, 0);

   for (unsigned i = 0; i < 2; i++) {
      struct bench_icd *icd = &contenders[i].icd;
      const struct gpu *gpu = &icd->gpu;

      gpu->DeviceWaitIdle(gpu->device);
      gpu->DestroySemaphore(gpu->device, contenders[i].timeline, NULL);
      destroy_scene(&contenders[i].scene, gpu);
      bench_icd_close(icd);
   }
}

#define PAIRS 256

/* Exported objects or private ones */
struct pair {
   const struct gpu *gpu;
   VkSemaphore semaphore;
   VkFence fence;
};

/* A signal of the semaphore and a wait for it that signals the fence */
static bool
submit_pair(const struct pair *pair)
{
   const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
   const VkSubmitInfo infos[] = {
      {
         .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
         .signalSemaphoreCount = 1,
         .pSignalSemaphores = &pair->semaphore,
      },
      {
         .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
         .waitSemaphoreCount = 1,
         .pWaitSemaphores = &pair->semaphore,
         .pWaitDstStageMask = &stage,
      },
   };
   const struct gpu *gpu = pair->gpu;

   return gpu->QueueSubmit(gpu->queue, 1, &infos[0], VK_NULL_HANDLE) ==
             VK_SUCCESS &&
          gpu->QueueSubmit(gpu->queue, 1, &infos[1], pair->fence) ==
             VK_SUCCESS;
}

static double
pair_round(void *data)
{
   const struct pair *pair = data;
   const struct gpu *gpu = pair->gpu;
   bool good = true;

   const double start = bench_now_ns();
   for (unsigned i = 0; i < PAIRS; i++) {
      good &= submit_pair(pair);
      good &= gpu->WaitForFences(gpu->device, 1, &pair->fence, VK_TRUE,
                                 UINT64_MAX) == VK_SUCCESS;
      good &= gpu->ResetFences(gpu->device, 1, &pair->fence) == VK_SUCCESS;
   }
   const double end = bench_now_ns();

   REQUIRE(good);
   return PAIRS * 1e9 / (end - start);
}

/* Exported objects, against the private ones that there are without us */
static void
queue_submit_exported(const struct bench_case *c)
{
   struct pair pairs[2];

   for (unsigned i = 0; i < 2; i++) {
      const bool exported = i == BENCH_OURS;
      /* The same bit for both */
      const VkFlags types =
         exported ? VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_WIN32_BIT : 0;
      const struct gpu *gpu = &contenders[i].icd.gpu;

      bench_icd_open(&contenders[i].icd, i, exported);
      pairs[i] = (struct pair) {
         .gpu = gpu,
         .semaphore = gpu_semaphore(gpu, VK_SEMAPHORE_TYPE_BINARY, 0, types),
         .fence = gpu_fence(gpu, 0, types),
      };
   }

   bench_pin(1, 2);
   bench_report(c, NULL,
                bench_alternate(SUBMIT_ROUNDS, pair_round, &pairs[BENCH_OURS],
                                &pairs[BENCH_COMPARATOR]),
                "rounds/s", BENCH_RATIO_AT_LEAST, 1.0);

   for (unsigned i = 0; i < 2; i++) {
      const struct gpu *gpu = pairs[i].gpu;

      gpu->DestroyFence(gpu->device, pairs[i].fence, NULL);
      gpu->DestroySemaphore(gpu->device, pairs[i].semaphore, NULL);
      bench_icd_close(&contenders[i].icd);
   }
}

const struct bench_case bench_driver_cases[] = {
   {"queue-submit", NULL, queue_submit},
   {"queue-submit-exported", "keyed", queue_submit_exported},
   {"draw", NULL, draw},
   {0},
};

const struct bench_case *const bench_cases[] = {
   bench_driver_cases,
   bench_memory_cases,
   NULL,
};

const struct test_role bench_roles[] = {{0}};

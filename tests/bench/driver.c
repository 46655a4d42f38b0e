/* SPDX-License-Identifier: MIT */

/* The whole driver and the unpatched one, in turn. */
#include "icd.h"

#define SUBMIT_ROUNDS 101
#define SUBMITS 100
#define DRAW_ROUNDS 301
#define FRAMES 64
#define IN_FLIGHT 16

struct contender {
   struct bench_icd icd;
   VkFence fence;
   struct bench_scene scene;
   VkSemaphore timeline;
   uint64_t value;
};

static struct contender contenders[2];

static double
submit_round(void *data)
{
   struct contender *contender = data;
   struct bench_icd *icd = &contender->icd;
   const VkSubmitInfo empty = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO};
   bool good = true;

   const double start = bench_now_ns();
   for (unsigned i = 0; i < SUBMITS; i++) {
      good &= icd->QueueSubmit(icd->queue, 1, &empty, contender->fence) ==
              VK_SUCCESS;
      good &= icd->WaitForFences(icd->device, 1, &contender->fence, VK_TRUE,
                                 UINT64_MAX) == VK_SUCCESS;
      good &= icd->ResetFences(icd->device, 1, &contender->fence) ==
              VK_SUCCESS;
   }
   const double end = bench_now_ns();

   BENCH_REQUIRE(good);
   return SUBMITS * 1e9 / (end - start);
}

static void
report_submits(const struct bench_case *c, const char *detail,
               enum bench_limit limit)
{
   bench_report(c, detail,
                bench_alternate(SUBMIT_ROUNDS, submit_round,
                                &contenders[BENCH_OURS],
                                &contenders[BENCH_COMPARATOR]),
                "rounds/s", limit, 1.0);
}

static void
queue_submit_rows(const struct bench_case *c, enum bench_limit limit)
{
   for (unsigned i = 0; i < 2; i++) {
      bench_icd_open(&contenders[i].icd, bench_driver_path[i], false);
      contenders[i].fence = bench_icd_fence(&contenders[i].icd);
   }

   /* Between processors it is the time that waking takes that counts, on one
    * of them the work that is done.
    */
   bench_pin(1, 2);
   report_submits(c, NULL, limit);
   bench_pin(1, 1);
   report_submits(c, "one-processor", limit);

   for (unsigned i = 0; i < 2; i++) {
      struct bench_icd *icd = &contenders[i].icd;

      icd->DestroyFence(icd->device, contenders[i].fence, NULL);
      bench_icd_close(icd);
   }
}

static void
queue_submit(const struct bench_case *c)
{
   queue_submit_rows(c, BENCH_RATIO_AT_LEAST);
}

/* The limit is the default parker's; this one is beside it for comparison. */
static void
queue_submit_keyed(const struct bench_case *c)
{
   queue_submit_rows(c, BENCH_NO_LIMIT);
}

static bool
wait_for_frame(struct contender *contender, uint64_t value)
{
   const VkSemaphoreWaitInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
      .semaphoreCount = 1,
      .pSemaphores = &contender->timeline,
      .pValues = &value,
   };

   return contender->icd.WaitSemaphores(contender->icd.device, &info,
                                        UINT64_MAX) == VK_SUCCESS;
}

static bool
submit_frame(struct contender *contender, uint64_t value)
{
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

   return contender->icd.QueueSubmit(contender->icd.queue, 1, &info,
                                     VK_NULL_HANDLE) == VK_SUCCESS;
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

   BENCH_REQUIRE(good);
   return FRAMES * 1e9 / (end - start);
}

static void
draw(const struct bench_case *c)
{
   for (unsigned i = 0; i < 2; i++) {
      bench_icd_open(&contenders[i].icd, bench_driver_path[i], false);
      bench_scene_create(&contenders[i].scene, &contenders[i].icd);
      contenders[i].timeline = bench_icd_timeline(&contenders[i].icd);
   }

   bench_report(c, NULL,
                bench_alternate(DRAW_ROUNDS, draw_round, &contenders[BENCH_OURS],
                                &contenders[BENCH_COMPARATOR]),
                "frames/s", BENCH_RATIO_AT_LEAST, 1.0);

   for (unsigned i = 0; i < 2; i++) {
      struct bench_icd *icd = &contenders[i].icd;

      icd->DeviceWaitIdle(icd->device);
      icd->DestroySemaphore(icd->device, contenders[i].timeline, NULL);
      bench_scene_destroy(&contenders[i].scene);
      bench_icd_close(icd);
   }
}

/* Exported objects and private ones, in our driver alone */
struct pair {
   struct bench_icd *icd;
   VkSemaphore semaphore;
   VkFence fence;
};

static double
pair_round(void *data)
{
   struct pair *pair = data;
   struct bench_icd *icd = pair->icd;
   const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
   const VkSubmitInfo signal = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
      .signalSemaphoreCount = 1,
      .pSignalSemaphores = &pair->semaphore,
   };
   const VkSubmitInfo wait = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
      .waitSemaphoreCount = 1,
      .pWaitSemaphores = &pair->semaphore,
      .pWaitDstStageMask = &stage,
   };
   bool good = true;

   const double start = bench_now_ns();
   for (unsigned i = 0; i < SUBMITS; i++) {
      good &= icd->QueueSubmit(icd->queue, 1, &signal, VK_NULL_HANDLE) ==
              VK_SUCCESS;
      good &= icd->QueueSubmit(icd->queue, 1, &wait, pair->fence) ==
              VK_SUCCESS;
      good &= icd->WaitForFences(icd->device, 1, &pair->fence, VK_TRUE,
                                 UINT64_MAX) == VK_SUCCESS;
      good &= icd->ResetFences(icd->device, 1, &pair->fence) == VK_SUCCESS;
   }
   const double end = bench_now_ns();

   BENCH_REQUIRE(good);
   return SUBMITS * 1e9 / (end - start);
}

static void
queue_submit_exported(const struct bench_case *c)
{
   struct bench_icd *icd = &contenders[BENCH_OURS].icd;
   struct pair pairs[2];

   bench_icd_open(icd, bench_driver_path[BENCH_OURS], true);
   for (unsigned i = 0; i < 2; i++) {
      const bool exported = i == BENCH_OURS;

      pairs[i] = (struct pair) {
         .icd = icd,
         .semaphore = bench_icd_binary(icd, exported),
         .fence = exported ? bench_icd_exported_fence(icd) :
                             bench_icd_fence(icd),
      };
   }

   bench_pin(1, 2);
   bench_report(c, NULL,
                bench_alternate(SUBMIT_ROUNDS, pair_round, &pairs[BENCH_OURS],
                                &pairs[BENCH_COMPARATOR]),
                "rounds/s", BENCH_RATIO_AT_LEAST, 0.98);

   for (unsigned i = 0; i < 2; i++) {
      icd->DestroyFence(icd->device, pairs[i].fence, NULL);
      icd->DestroySemaphore(icd->device, pairs[i].semaphore, NULL);
   }
   bench_icd_close(icd);
}

const struct bench_case bench_driver_cases[] = {
   {"queue-submit", NULL, queue_submit},
   {"queue-submit-keyed", "keyed", queue_submit_keyed},
   {"queue-submit-exported", NULL, queue_submit_exported},
   {"draw", NULL, draw},
   {0},
};

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
                "frames/s", BENCH_NO_LESS, 0);

   for (unsigned i = 0; i < 2; i++) {
      struct bench_icd *icd = &contenders[i].icd;

      icd->DeviceWaitIdle(icd->device);
      icd->DestroySemaphore(icd->device, contenders[i].timeline, NULL);
      bench_scene_destroy(&contenders[i].scene);
      bench_icd_close(icd);
   }
}

#define BATCH 128
#define ROUND_PAIRS 256

/* Exported objects or private ones */
struct pair {
   struct bench_icd *icd;
   VkSemaphore semaphore;
   VkFence fences[BATCH];

   /* How many submits there are before the first is waited for */
   uint32_t batch;
};

/* A signal of the semaphore and a wait for it that signals a fence */
static bool
submit_pair(struct pair *pair, VkFence fence)
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
   struct bench_icd *icd = pair->icd;

   return icd->QueueSubmit(icd->queue, 1, &infos[0], VK_NULL_HANDLE) ==
             VK_SUCCESS &&
          icd->QueueSubmit(icd->queue, 1, &infos[1], fence) == VK_SUCCESS;
}

static double
pair_round(void *data)
{
   struct pair *pair = data;
   struct bench_icd *icd = pair->icd;
   bool good = true;

   const double start = bench_now_ns();
   for (unsigned i = 0; i < ROUND_PAIRS; i += pair->batch) {
      for (unsigned j = 0; j < pair->batch; j++)
         good &= submit_pair(pair, pair->fences[j]);

      good &= icd->WaitForFences(icd->device, pair->batch, pair->fences,
                                 VK_TRUE, UINT64_MAX) == VK_SUCCESS;
      good &= icd->ResetFences(icd->device, pair->batch, pair->fences) ==
              VK_SUCCESS;
   }
   const double end = bench_now_ns();

   BENCH_REQUIRE(good);
   return ROUND_PAIRS * 1e9 / (end - start);
}

static void
create_pair(struct pair *pair, struct bench_icd *icd, bool exported)
{
   pair->icd = icd;
   pair->semaphore = bench_icd_binary(icd, exported);
   for (unsigned i = 0; i < BATCH; i++)
      pair->fences[i] = exported ? bench_icd_exported_fence(icd) :
                                   bench_icd_fence(icd);
}

static void
destroy_pair(struct pair *pair)
{
   struct bench_icd *icd = pair->icd;

   for (unsigned i = 0; i < BATCH; i++)
      icd->DestroyFence(icd->device, pair->fences[i], NULL);
   icd->DestroySemaphore(icd->device, pair->semaphore, NULL);
}

static void
report_pairs(const struct bench_case *c, const char *detail,
             struct pair pairs[2], uint32_t batch, enum bench_limit limit)
{
   for (unsigned i = 0; i < 2; i++)
      pairs[i].batch = batch;

   bench_report(c, detail,
                bench_alternate(SUBMIT_ROUNDS, pair_round, &pairs[BENCH_OURS],
                                &pairs[BENCH_COMPARATOR]),
                "rounds/s", limit, 1.0);
}

/* Exported objects, against the private ones that there are without us, and
 * against our own.  Under Wine, waiting for a bell is a trip to its server,
 * which private objects are spared.
 */
static void
exported_rows(const struct bench_case *c, enum bench_limit limit)
{
   struct bench_icd *icd = &contenders[BENCH_OURS].icd;
   struct bench_icd *upstream = &contenders[BENCH_COMPARATOR].icd;
   struct pair pairs[2], private[2];

   bench_icd_open(icd, bench_driver_path[BENCH_OURS], true);
   bench_icd_open(upstream, bench_driver_path[BENCH_COMPARATOR], false);
   create_pair(&pairs[BENCH_OURS], icd, true);
   create_pair(&pairs[BENCH_COMPARATOR], upstream, false);
   private[BENCH_OURS] = pairs[BENCH_OURS];
   create_pair(&private[BENCH_COMPARATOR], icd, false);

   bench_pin(1, 2);
   report_pairs(c, NULL, pairs, 1, limit);
   report_pairs(c, "128-in-flight", pairs, BATCH, BENCH_NO_LIMIT);
   report_pairs(c, "private", private, 1, BENCH_NO_LIMIT);
   report_pairs(c, "private-128-in-flight", private, BATCH, BENCH_NO_LIMIT);

   destroy_pair(&private[BENCH_COMPARATOR]);
   for (unsigned i = 0; i < 2; i++)
      destroy_pair(&pairs[i]);
   bench_icd_close(upstream);
   bench_icd_close(icd);
}

static void
queue_submit_exported(const struct bench_case *c)
{
   exported_rows(c, BENCH_RATIO_AT_LEAST);
}

static void
queue_submit_exported_futex(const struct bench_case *c)
{
   exported_rows(c, BENCH_NO_LIMIT);
}

static const struct bench_case cases[] = {
   {"queue-submit", NULL, queue_submit},
   {"queue-submit-keyed", "keyed", queue_submit_keyed},
   {"queue-submit-exported", "keyed", queue_submit_exported},
   {"queue-submit-exported-futex", "futex", queue_submit_exported_futex},
   {"draw", NULL, draw},
   {0},
};

const struct bench_suite bench_driver_suite = {cases, NULL};

const struct bench_suite *const bench_suites[] = {
   &bench_driver_suite,
   &bench_memory_suite,
   NULL,
};

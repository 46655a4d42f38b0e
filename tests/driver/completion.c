/* SPDX-License-Identifier: MIT */

/* A signal operation comes when the rasterizer is done, and in submission
 * order (trap 12), also as another device sees it. And then objects may be
 * destroyed, while the thread that signalled may still be at it.
 */
#include "work.h"

#define SIZE 512
#define EFFORT 400

struct rig {
   struct vkt_object *signals, *waits;
   struct work *work;
};

static struct rig
open_rig(enum vkt_kind kind)
{
   const struct vkt_pair p = vkt_open_pair(kind);

   return (struct rig){p.a, p.b, work_create(p.a->device, SIZE)};
}

/* The signal may come in a batch of its own. */
static void
submit_work(struct rig *rig, uint32_t tag, bool apart)
{
   struct vkt_batch batch = {
      .commands = work_record(rig->work, tag, EFFORT),
   };
   const bool is_fence = rig->signals->kind == VKT_FENCE;

   if (!is_fence && !apart)
      batch.signals[0] = (struct vkt_point){rig->signals, tag};
   vkt_submit(rig->signals->device, &batch,
              is_fence && !apart ? rig->signals : NULL);
   if (apart)
      vkt_queue_signal(rig->signals, tag);
}

static void
wait_for(struct vkt_object *object, uint64_t value)
{
   if (object->kind == VKT_BINARY)
      vkt_take(object, 0);
   else
      EXPECT_OK(vkt_wait(object, value, VKT_LONG_MS));
}

enum how {
   BY_WAIT,
   BY_STATUS,
   BY_EMPTY_BATCH,
   BY_IDLE,
   BY_OTHER_QUEUE,
};

static void
after_rasterization(intptr_t arg)
{
   const enum vkt_kind kind = arg & 0xff;
   const enum how how = arg >> 8;
   struct rig rig = open_rig(kind);
   struct vkt_object *after = vkt_create(rig.waits->device, VKT_TIMELINE);

   for (uint32_t tag = 1; tag <= 8; tag++) {
      submit_work(&rig, tag, how == BY_EMPTY_BATCH);
      switch (how) {
      case BY_STATUS:
         while (vkt_value(rig.waits) < (kind == VKT_FENCE ? 1 : tag))
            SwitchToThread();
         break;
      case BY_IDLE:
         if (tag % 2)
            REQUIRE_OK(vkQueueWaitIdle(rig.signals->device->queue));
         else
            vkt_wait_idle(rig.signals->device);
         EXPECT_U64(vkt_value(rig.waits), tag);
         break;
      case BY_OTHER_QUEUE:
         /* It goes on as soon as the rasterizer is done. */
         vkt_queue_chain(rig.waits, tag, after, tag);
         EXPECT_OK(vkt_wait(after, tag, VKT_LONG_MS));
         break;
      default:
         wait_for(rig.waits, tag);
         break;
      }
      EXPECT_U64(work_wrong_pixels(rig.work, tag), 0);
      if (kind == VKT_FENCE)
         vkt_reset(rig.waits);
   }
   vkt_wait_idle(rig.signals->device);
}

/* Objects of all kinds, shared and private, signalled one after the other:
 * whoever sees a later one sees the earlier ones.
 */
static void
signals_in_submission_order(UNUSED intptr_t arg)
{
   struct rig rig = open_rig(VKT_TIMELINE);
   struct vkt_device *device = rig.signals->device;
   struct vkt_object *private_one = vkt_create(device, VKT_TIMELINE);
   struct vkt_object *fence = vkt_create_exportable(device, VKT_FENCE);
   struct vkt_object *fence_alias = vkt_share(fence, rig.waits->device);
   struct vkt_object *binary = vkt_create_exportable(device, VKT_BINARY);
   struct vkt_object *binary_alias = vkt_share(binary, rig.waits->device);

   for (uint32_t i = 1; i <= 60; i++) {
      const struct vkt_batch batch = {
         .commands = work_record(rig.work, i, i % 3 ? 10 : EFFORT),
         .signals = {{rig.signals, i}},
      };

      vkt_submit(device, &batch, NULL);
      vkt_queue_signal(private_one, i);
      vkt_queue_signal(binary, 0);
      vkt_queue_signal(fence, 0);

      if (i % 2)
         vkt_expect_done(fence_alias);
      vkt_take(binary_alias, 0);
      EXPECT_U64(vkt_value(rig.waits), i);
      EXPECT_U64(vkt_value(private_one), i);
      EXPECT_U64(work_wrong_pixels(rig.work, i), 0);
      vkt_expect_done(fence_alias);
      vkt_reset(fence_alias);
   }
}

#define SIGNALS 12

/* The runtime merges no batch that waits with those before it. */
static bool
has_wait(unsigned batch)
{
   return batch % 3 == 2;
}

/* One call with a batch for each signal; the first batch renders. The runtime
 * makes it one vkQueueSubmit2.
 */
static void
submit_all(const struct vkt_pair *pairs, struct vkt_object *gate,
           VkCommandBuffer commands, uint64_t value, VkFence fence)
{
   const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
   VkTimelineSemaphoreSubmitInfo values[SIGNALS];
   VkSubmitInfo submits[SIGNALS];

   for (unsigned i = 0; i < SIGNALS; i++) {
      values[i] = (VkTimelineSemaphoreSubmitInfo){
         .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
         .waitSemaphoreValueCount = has_wait(i),
         .pWaitSemaphoreValues = &value,
         .signalSemaphoreValueCount = 1,
         .pSignalSemaphoreValues = &value,
      };
      submits[i] = (VkSubmitInfo){
         .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
         .pNext = &values[i],
         .waitSemaphoreCount = has_wait(i),
         .pWaitSemaphores = &gate->semaphore,
         .pWaitDstStageMask = &stage,
         .commandBufferCount = i == 0,
         .pCommandBuffers = &commands,
         .signalSemaphoreCount = 1,
         .pSignalSemaphores = &pairs[i].a->semaphore,
      };
   }
   REQUIRE_OK(vkQueueSubmit(gate->device->queue, SIGNALS, submits, fence));
}

/* Once the last semaphore is signalled, or the submission's fence, so are all
 * that were before it.
 */
static void
signal_order(intptr_t kind)
{
   const struct vkt_pair fences = vkt_open_pair(VKT_FENCE);
   struct vkt_device *device = fences.a->device;
   struct vkt_object *gate = vkt_create(device, VKT_TIMELINE);
   struct work *work = work_create(device, 128);
   struct vkt_pair pairs[SIGNALS];

   for (unsigned i = 0; i < SIGNALS; i++) {
      pairs[i].a = vkt_create_exportable(device, kind);
      pairs[i].b = vkt_share(pairs[i].a, fences.b->device);
   }
   for (uint32_t round = 1; round <= 8; round++) {
      if (round > 1)
         vkt_host_signal(gate, round);
      submit_all(pairs, gate, work_record(work, round, 50), round,
                 fences.a->fence);
      if (round == 1) {
         vkt_expect_pending(fences.b);
         vkt_host_signal(gate, round);
      }
      if (round % 2)
         vkt_expect_done(fences.b);
      else
         wait_for(pairs[SIGNALS - 1].b, round);
      for (unsigned i = 0; i < SIGNALS; i++) {
         if (kind == VKT_TIMELINE)
            EXPECT_U64(vkt_value(pairs[i].b), round);
         else if (i < SIGNALS - 1 || round % 2)
            vkt_take(pairs[i].b, 0);
      }
      EXPECT_U64(work_wrong_pixels(work, round), 0);
      vkt_expect_done(fences.b);
      vkt_reset(fences.b);
      vkt_wait_idle(device);
   }
}

/* All in flight at once; an observer follows the timeline. No pixel may be
 * older than the value that is seen.
 */
static void
values_follow_rasterization(UNUSED intptr_t arg)
{
   enum { SUBMITS = 150 };
   struct rig rig = open_rig(VKT_TIMELINE);
   struct vkt_batch batches[SUBMITS];
   uint64_t seen = 0;

   for (uint32_t i = 0; i < SUBMITS; i++)
      batches[i] = (struct vkt_batch){
         .commands = work_record(rig.work, i + 1, 20),
         .signals = {{rig.signals, i + 1}},
      };
   for (uint32_t i = 0; i < SUBMITS; i++)
      vkt_submit(rig.signals->device, &batches[i], NULL);
   while (seen < SUBMITS) {
      uint64_t value;
      uint32_t older = 0;

      EXPECT_OK(vkt_wait(rig.waits, seen + 1, VKT_LONG_MS));
      value = vkt_value(rig.waits);
      REQUIRE(value > seen);
      seen = value;
      for (uint32_t y = 0; y < SIZE; y += 5) {
         const volatile uint32_t *pixels =
            (const volatile uint32_t *)(rig.work->pixels +
                                        y * rig.work->pitch);

         for (uint32_t x = 0; x < SIZE; x += 3)
            older += pixels[x] < value;
      }
      EXPECT_U64(older, 0);
   }
   vkt_wait_idle(rig.signals->device);
}

/* The rasterizer's threads may still be in the callback that signalled. */
static void
device_destroyed_after_signal(intptr_t kind)
{
   struct vkt_device *other = vkt_open();

   test_hog_cpu(1);
   for (uint32_t tag = 1; tag <= 12 && !test_failed(); tag++) {
      struct vkt_device *device = vkt_open_sibling(other);
      struct rig rig = {.work = work_create(device, 128)};

      rig.signals = vkt_create_exportable(device, kind);
      rig.waits = vkt_share(rig.signals, other);
      submit_work(&rig, tag, false);
      wait_for(rig.waits, tag);
      vkt_destroy(rig.signals);
      work_destroy(rig.work);
      vkt_close_device(device);
   }
}

/* CPU hogs make it likely that who has signalled has just been preempted
 * (traps 9 and 14).
 */
#define HOGS 2
#define ROUNDS 3000
#define BUDGET_MS 1500.0

struct loop {
   double start;
   unsigned rounds;
};

static struct loop
loop_start(void)
{
   test_hog_cpu(HOGS);
   return (struct loop){.start = test_now_ms()};
}

static bool
loop_next(struct loop *loop)
{
   return !test_failed() && loop->rounds++ < ROUNDS * test_scale() &&
          test_now_ms() - loop->start < BUDGET_MS * test_scale();
}

static void
destroyed_after_signal(intptr_t arg)
{
   const enum vkt_kind kind = arg & 0xff;
   struct vkt_device *device = vkt_open();
   struct loop loop = loop_start();

   while (loop_next(&loop)) {
      struct vkt_object *object = vkt_create_for(device, kind, arg >> 8);

      if (kind == VKT_TIMELINE) {
         /* (trap 14) The submit waits on the timeline that it signals. */
         vkt_queue_chain(object, 1, object, 2);
         vkt_host_signal(object, 1);
      } else {
         vkt_queue_signal(object, 0);
      }
      if (kind == VKT_FENCE && loop.rounds % 2) {
         while (!vkt_value(object))
            SwitchToThread();
      } else {
         wait_for(object, 2);
      }
      vkt_destroy(object);
   }
}

static void
timelines_destroyed_after_wait(intptr_t types)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *end = vkt_create(device, VKT_TIMELINE);
   struct loop loop = loop_start();

   while (loop_next(&loop)) {
      struct vkt_batch batch = {.signals = {{end, loop.rounds}}};

      for (unsigned i = 0; i < 3; i++)
         batch.waits[i] = (struct vkt_point){
            vkt_create_for(device, VKT_TIMELINE, types), 1,
         };
      vkt_submit(device, &batch, NULL);
      for (unsigned i = 0; i < 3; i++)
         vkt_host_signal(batch.waits[i].semaphore, 1);
      EXPECT_OK(vkt_wait(end, loop.rounds, VKT_LONG_MS));
      for (unsigned i = 0; i < 3; i++)
         vkt_destroy(batch.waits[i].semaphore);
   }
}

/* The signal comes through another object and device, which lives on. */
static void
alias_destroyed_after_wait(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *source = vkt_create_exportable(vkt_open(), kind);
   HANDLE handle = vkt_export(source);
   struct loop loop = loop_start();

   while (loop_next(&loop)) {
      struct vkt_object *alias = vkt_alias(device, kind, handle);

      vkt_queue_signal(source, loop.rounds);
      wait_for(alias, loop.rounds);
      if (kind == VKT_FENCE)
         vkt_reset(alias);
      vkt_destroy(alias);
   }
}

const struct test_case test_cases[] = {
   VKT_CASES_WITH("signal_after_rasterization", after_rasterization, BY_WAIT),
   {"status_after_rasterization_fence", after_rasterization,
    VKT_WITH(VKT_FENCE, BY_STATUS)},
   {"status_after_rasterization_timeline", after_rasterization,
    VKT_WITH(VKT_TIMELINE, BY_STATUS)},
   VKT_CASES_WITH("empty_batch_after_rasterization", after_rasterization,
                  BY_EMPTY_BATCH),
   {"idle_after_rasterization", after_rasterization,
    VKT_WITH(VKT_TIMELINE, BY_IDLE)},
   {"other_queue_waits_for_rasterization_binary", after_rasterization,
    VKT_WITH(VKT_BINARY, BY_OTHER_QUEUE)},
   {"other_queue_waits_for_rasterization_timeline", after_rasterization,
    VKT_WITH(VKT_TIMELINE, BY_OTHER_QUEUE)},
   {"signals_in_submission_order", signals_in_submission_order},
   {"signal_order_binary", signal_order, VKT_BINARY},
   {"signal_order_timeline", signal_order, VKT_TIMELINE},
   {"values_follow_rasterization", values_follow_rasterization},
   VKT_CASES("device_destroyed_after_signal", device_destroyed_after_signal),
   VKT_CASES_WITH("private_destroyed_after_signal", destroyed_after_signal,
                  0),
   VKT_CASES_WITH("shared_destroyed_after_signal", destroyed_after_signal,
                  VKT_OPAQUE_WIN32),
   {"waited_timelines_destroyed_private", timelines_destroyed_after_wait},
   {"waited_timelines_destroyed_shared", timelines_destroyed_after_wait,
    VKT_OPAQUE_WIN32},
   VKT_CASES("alias_destroyed_after_wait", alias_destroyed_after_wait),
   {0},
};

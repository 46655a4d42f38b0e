/* SPDX-License-Identifier: MIT */

/* A signal operation comes when the rasterizer is done, and in submission
 * order (trap 12).
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

static void
submit_work(struct rig *rig, uint32_t tag)
{
   struct vkt_batch batch = {
      .commands = work_record(rig->work, tag, EFFORT),
   };
   const bool is_fence = rig->signals->kind == VKT_FENCE;

   if (!is_fence)
      batch.signals[0] = (struct vkt_point){rig->signals, tag};
   vkt_submit(rig->signals->device, &batch, is_fence ? rig->signals : NULL);
}

static void
wait_for_work(struct rig *rig, uint32_t tag)
{
   if (rig->waits->kind == VKT_BINARY)
      vkt_take(rig->waits, 0);
   else
      EXPECT_OK(vkt_wait(rig->waits, tag, VKT_LONG_MS));
}

enum how {
   BY_WAIT,
   BY_STATUS,
   BY_EMPTY_BATCH,
   BY_QUEUE_IDLE,
   BY_DEVICE_IDLE,
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
      if (how == BY_EMPTY_BATCH) {
         const struct vkt_batch batch = {
            .commands = work_record(rig.work, tag, EFFORT),
         };

         vkt_submit(rig.signals->device, &batch, NULL);
         vkt_queue_signal(rig.signals, tag);
      } else {
         submit_work(&rig, tag);
      }

      switch (how) {
      case BY_STATUS:
         while (vkt_value(rig.waits) < (kind == VKT_FENCE ? 1 : tag))
            SwitchToThread();
         break;
      case BY_QUEUE_IDLE:
         REQUIRE_OK(vkQueueWaitIdle(rig.signals->device->queue));
         EXPECT_U64(vkt_value(rig.waits), tag);
         break;
      case BY_DEVICE_IDLE:
         vkt_wait_idle(rig.signals->device);
         EXPECT_U64(vkt_value(rig.waits), tag);
         break;
      case BY_OTHER_QUEUE:
         /* It goes on as soon as the rasterizer is done. */
         vkt_queue_chain(rig.waits, tag, after, tag);
         EXPECT_OK(vkt_wait(after, tag, VKT_LONG_MS));
         break;
      default:
         wait_for_work(&rig, tag);
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
      submit_work(&rig, tag);
      wait_for_work(&rig, tag);
      vkt_destroy(rig.signals);
      work_destroy(rig.work);
      vkt_close_device(device);
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
   {"queue_idle_after_rasterization", after_rasterization,
    VKT_WITH(VKT_TIMELINE, BY_QUEUE_IDLE)},
   {"device_idle_after_rasterization", after_rasterization,
    VKT_WITH(VKT_TIMELINE, BY_DEVICE_IDLE)},
   {"other_queue_waits_for_rasterization_binary", after_rasterization,
    VKT_WITH(VKT_BINARY, BY_OTHER_QUEUE)},
   {"other_queue_waits_for_rasterization_timeline", after_rasterization,
    VKT_WITH(VKT_TIMELINE, BY_OTHER_QUEUE)},
   {"signals_in_submission_order", signals_in_submission_order},
   {"values_follow_rasterization", values_follow_rasterization},
   VKT_CASES("device_destroyed_after_signal", device_destroyed_after_signal),
   {0},
};

/* SPDX-License-Identifier: MIT */

/* Objects destroyed as soon as the API allows it, while the thread that
 * signalled may still be at it (traps 9 and 14). CPU hogs beside make it
 * likely that it has just been preempted.
 */
#include "vkt.h"

#define HOGS 2
#define ROUNDS 2000
#define BUDGET_MS 1000.0

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

static struct vkt_object *
create(struct vkt_device *device, enum vkt_kind kind, intptr_t exportable)
{
   return vkt_create_for(device, kind, exportable ? VKT_OPAQUE_WIN32 : 0);
}

#define BY_STATUS 2

static void
fence_signalled(intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct loop loop = loop_start();

   while (loop_next(&loop)) {
      struct vkt_object *fence = create(device, VKT_FENCE, arg & 1);

      vkt_queue_signal(fence, 0);
      if (arg & BY_STATUS) {
         while (!vkt_value(fence))
            SwitchToThread();
      } else {
         vkt_expect_done(fence);
      }
      vkt_destroy(fence);
   }
}

static void
binary_after_wait(intptr_t exportable)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *fence = vkt_create(device, VKT_FENCE);
   struct loop loop = loop_start();

   while (loop_next(&loop)) {
      struct vkt_object *semaphore = create(device, VKT_BINARY, exportable);
      const struct vkt_batch wait = {.waits = {{semaphore, 0}}};

      vkt_queue_signal(semaphore, 0);
      vkt_submit(device, &wait, fence);
      vkt_expect_done(fence);
      vkt_destroy(semaphore);
      vkt_reset(fence);
   }
}

/* (trap 14) The submit waits on the timeline that it signals. */
static void
timeline_after_wait(intptr_t exportable)
{
   struct vkt_device *device = vkt_open();
   struct loop loop = loop_start();

   while (loop_next(&loop)) {
      struct vkt_object *timeline = create(device, VKT_TIMELINE, exportable);

      vkt_queue_chain(timeline, 1, timeline, 2);
      vkt_host_signal(timeline, 1);
      EXPECT_OK(vkt_wait(timeline, 2, VKT_LONG_MS));
      vkt_destroy(timeline);
   }
}

static void
timelines_after_wait(intptr_t exportable)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *end = vkt_create(device, VKT_TIMELINE);
   struct loop loop = loop_start();

   while (loop_next(&loop)) {
      struct vkt_batch batch = {.signals = {{end, loop.rounds}}};

      for (unsigned i = 0; i < 3; i++)
         batch.waits[i] = (struct vkt_point){
            create(device, VKT_TIMELINE, exportable), 1,
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
alias_after_wait(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *source = vkt_create_exportable(vkt_open(), kind);
   HANDLE handle = vkt_export(source);
   struct loop loop = loop_start();

   while (loop_next(&loop)) {
      struct vkt_object *alias = vkt_alias(device, kind, handle);

      vkt_queue_signal(source, loop.rounds);
      if (kind == VKT_BINARY)
         vkt_take(alias, 0);
      else
         EXPECT_OK(vkt_wait(alias, loop.rounds, VKT_LONG_MS));
      if (kind == VKT_FENCE)
         vkt_reset(alias);
      vkt_destroy(alias);
   }
}

#define TWICE(name, run) {name "_private", run}, \
                         {name "_shared", run, 1}

const struct test_case test_cases[] = {
   TWICE("fence_destroyed_after_wait", fence_signalled),
   {"fence_destroyed_after_status_private", fence_signalled, BY_STATUS},
   {"fence_destroyed_after_status_shared", fence_signalled, BY_STATUS | 1},
   TWICE("binary_destroyed_after_wait", binary_after_wait),
   TWICE("timeline_destroyed_after_wait", timeline_after_wait),
   TWICE("waited_timelines_destroyed_after_wait", timelines_after_wait),
   VKT_CASES("alias_destroyed_after_wait", alias_after_wait),
   {0},
};

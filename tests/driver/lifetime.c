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

static void
wait_for(struct vkt_object *object, uint64_t value)
{
   if (object->kind == VKT_BINARY)
      vkt_take(object, 0);
   else
      EXPECT_OK(vkt_wait(object, value, VKT_LONG_MS));
}

#define SHARED 1
#define BY_STATUS 2

static void
signalled(intptr_t arg)
{
   const enum vkt_kind kind = arg & 0xff;
   const intptr_t how = arg >> 8;
   struct vkt_device *device = vkt_open();
   struct loop loop = loop_start();

   while (loop_next(&loop)) {
      struct vkt_object *object = create(device, kind, how & SHARED);

      if (kind == VKT_TIMELINE) {
         /* (trap 14) The submit waits on the timeline that it signals. */
         vkt_queue_chain(object, 1, object, 2);
         vkt_host_signal(object, 1);
      } else {
         vkt_queue_signal(object, 0);
      }
      if (how & BY_STATUS) {
         while (!vkt_value(object))
            SwitchToThread();
      } else {
         wait_for(object, 2);
      }
      vkt_destroy(object);
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
      wait_for(alias, loop.rounds);
      if (kind == VKT_FENCE)
         vkt_reset(alias);
      vkt_destroy(alias);
   }
}

const struct test_case test_cases[] = {
   VKT_CASES_WITH("private_destroyed_after_wait", signalled, 0),
   VKT_CASES_WITH("shared_destroyed_after_wait", signalled, SHARED),
   {"private_destroyed_after_status_fence", signalled,
    VKT_WITH(VKT_FENCE, BY_STATUS)},
   {"shared_destroyed_after_status_fence", signalled,
    VKT_WITH(VKT_FENCE, BY_STATUS | SHARED)},
   {"waited_timelines_destroyed_after_wait_private", timelines_after_wait},
   {"waited_timelines_destroyed_after_wait_shared", timelines_after_wait, 1},
   VKT_CASES("alias_destroyed_after_wait", alias_after_wait),
   {0},
};

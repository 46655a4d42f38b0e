/* SPDX-License-Identifier: MIT */

/* What application threads do with many objects at a time */
#include "stress.h"

#include <stdlib.h>

#include "util/os_time.h"

/* A fence of its own, mostly; or what others signal, too.  Nobody waits for any
 * of some tickets.
 */
static void
fill_item(struct stress_thread *self, struct stress_item *item, bool shared,
          bool any)
{
   struct stress *stress = self->stress;

   switch (stress_below(self, any ? 3 : 4)) {
   case 0:
      stress_promise_timeline(self, &stress->timelines[
                                 stress_below(self, TIMELINES)], item);
      break;
   case 3:
      stress_promise_ticket(self, &stress->semaphores[
                               stress_below(self, SEMAPHORES)], item);
      break;
   default:
      shared &= stress_chance(self, stress->config->shared_percent / 4);
      item->sync = stress_sync(self, 0, shared ? STRESS_OPAQUE :
                                                 STRESS_PRIVATE);
      break;
   }
}

static bool
is_fence(const struct stress_item *item)
{
   return item->timeline == NULL && item->semaphore == NULL;
}

static unsigned
set_size(struct stress_thread *self)
{
   switch (stress_below(self, 64)) {
   case 0:
      return 300;
   case 1:
   case 2:
   case 3:
      return 65 + stress_below(self, 10);
   default:
      return 2 + stress_below(self, 10);
   }
}

/* Ask each: those that say yes must have been signalled. */
static unsigned
count_reached(struct stress_thread *self, const struct stress_item *items,
              unsigned count)
{
   unsigned reached = 0;

   for (unsigned i = 0; i < count; i++)
      reached += stress_wait(self, &items[i], 1, false, 0) == VK_SUCCESS;
   return reached;
}

void
stress_op_set(struct stress_thread *self)
{
   const unsigned count = set_size(self);
   const bool any = stress_chance(self, 60);
   struct stress_item *items = calloc(count, sizeof(*items));
   REQUIRE(items != NULL);

   for (unsigned i = 0; i < count; i++)
      fill_item(self, &items[i], count < 64, any);

   /* Of the fences, signal some, and wait for any; then the rest, and wait
    * for all.  The first may be the only one that anybody signals by then.
    */
   unsigned promised = 0;
   if (any) {
      for (unsigned i = 0; i < count; i++) {
         if (is_fence(&items[i]) && (promised == 0 || stress_chance(self, 20))) {
            stress_promise_fence(self, items[i].sync, &items[i]);
            promised++;
         }
      }
      stress_wait_for(self, items, count, true);
      EXPECT(count_reached(self, items, count) > 0);
   }

   for (unsigned i = 0; i < count; i++) {
      if (is_fence(&items[i]) && items[i].promise == NULL)
         stress_promise_fence(self, items[i].sync, &items[i]);
   }
   stress_wait_for(self, items, count, false);

   for (unsigned i = 0; i < count; i++) {
      if (is_fence(&items[i]))
         stress_destroy(self, items[i].sync);
      stress_release_item(self, &items[i]);
   }
   free(items);
}

/* One more view of what everybody uses, for one wait */
static void
wait_through_new_view(struct stress_thread *self,
                      struct stress_timeline *timeline)
{
   struct vk_sync *view = stress_import(self, VK_SYNC_IS_TIMELINE,
                                        stress_timeline_type(timeline),
                                        timeline->object.handle);
   struct stress_item item = {0};

   stress_promise_timeline(self, timeline, &item);
   item.sync = view;
   stress_wait_for(self, &item, 1, false);
   stress_destroy(self, view);
}

/* One wait for several imports of one payload, which comes and goes */
static void
wait_through_views(struct stress_thread *self)
{
   struct vk_device *device = self->stress->device;
   struct vk_sync *views[VIEWS];
   struct stress_item items[VIEWS] = {0};

   stress_make_views(self, views, 0, STRESS_OPAQUE);

   const unsigned count = 1 + stress_below(self, VIEWS);
   const unsigned first = stress_below(self, VIEWS);
   stress_promise_fence(self, views[stress_below(self, VIEWS)], &items[0]);
   for (unsigned i = 0; i < count; i++) {
      items[i].sync = views[(first + i) % VIEWS];
      items[i].promise = items[0].promise;
   }
   stress_wait_for(self, items, count, stress_chance(self, 50));
   EXPECT_U64(count_reached(self, items, count), count);

   if (stress_chance(self, 50)) {
      EXPECT(vk_sync_reset(device, views[stress_below(self, VIEWS)]) ==
             VK_SUCCESS);
      EXPECT_U64(count_reached(self, items, count), 0);
   }
   for (unsigned i = 0; i < VIEWS; i++)
      stress_destroy(self, views[(first + i) % VIEWS]);
   stress_release_item(self, &items[0]);
}

/* Shared objects come and go, while their payload is in use elsewhere. */
void
stress_op_churn(struct stress_thread *self)
{
   struct stress_timeline *timeline =
      &self->stress->timelines[stress_below(self, TIMELINES)];

   if (timeline->object.handle != NULL && stress_chance(self, 50))
      wait_through_new_view(self, timeline);
   else
      wait_through_views(self);
}

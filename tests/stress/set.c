/* SPDX-License-Identifier: MIT */

/* What application threads do with many objects at a time */
#include "stress.h"

#include <stdlib.h>

#include "util/os_time.h"

/* A fence of its own, mostly; or what others signal, too */
static void
fill_item(struct stress_thread *self, struct stress_item *item, bool shared)
{
   struct stress *stress = self->stress;

   switch (stress_below(self, 4)) {
   case 0:
      stress_promise_timeline(self, &stress->timelines[
                                 stress_below(self, TIMELINES)], item);
      break;
   case 1:
      stress_promise_ticket(self, &stress->semaphores[
                               stress_below(self, SEMAPHORES)], item);
      break;
   default:
      item->sync = stress_sync(self, 0, shared &&
                               stress_chance(self, stress->config->shared_percent / 4));
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

/* Ask each: those that say yes must have been signalled, and one must. */
static void
check_any(struct stress_thread *self, const struct stress_item *items,
          unsigned count)
{
   unsigned over = 0;

   for (unsigned i = 0; i < count; i++)
      over += stress_wait(self, &items[i], 1, false, 0) == VK_SUCCESS;
   EXPECT(over > 0);
}

void
stress_op_set(struct stress_thread *self)
{
   const unsigned count = set_size(self);
   struct stress_item *items = calloc(count, sizeof(*items));
   REQUIRE(items != NULL);

   for (unsigned i = 0; i < count; i++)
      fill_item(self, &items[i], count < 64);

   /* Of the fences, signal some, and wait for any; then the rest, and wait
    * for all.  The first may be the only one that anybody signals by then.
    */
   unsigned promised = 0;
   const bool any = stress_chance(self, 60);
   if (any) {
      for (unsigned i = 0; i < count; i++) {
         if (is_fence(&items[i]) && (promised == 0 || stress_chance(self, 20))) {
            stress_promise_fence(self, items[i].sync, &items[i]);
            promised++;
         }
      }
      stress_wait_for(self, items, count, true);
      check_any(self, items, count);
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

/* Shared objects come and go, while their payload is in use elsewhere. */
void
stress_op_churn(struct stress_thread *self)
{
   struct stress *stress = self->stress;
   struct vk_device *device = stress->device;
   struct stress_timeline *timeline =
      &stress->timelines[stress_below(self, TIMELINES)];
   struct vk_sync *views[VIEWS];
   struct stress_item item = {0};

   if (timeline->handle != NULL && stress_chance(self, 50)) {
      /* One more view of what everybody uses, for one wait */
      struct vk_sync *view =
         stress_import(self, VK_SYNC_IS_TIMELINE, timeline->handle,
                       stress_chance(self, 70));
      stress_promise_timeline(self, timeline, &item);
      item.sync = view;
      stress_wait_for(self, &item, 1, false);
      stress_destroy(self, view);
      return;
   }

   stress_make_views(self, views, 0, true);
   EXPECT(stress_payload(views[1]) == stress_payload(views[0]));

   const unsigned waiting = stress_below(self, VIEWS);
   item.sync = views[waiting];
   stress_promise_fence(self, views[stress_below(self, VIEWS)], &item);
   stress_wait_for(self, &item, 1, false);

   if (stress_chance(self, 50)) {
      EXPECT(vk_sync_reset(device, views[stress_below(self, VIEWS)]) ==
             VK_SUCCESS);
      for (unsigned i = 0; i < VIEWS; i++)
         EXPECT(stress_wait(self, &(struct stress_item) {
                               .sync = views[i],
                            }, 1, false, 0) == VK_TIMEOUT);
   }
   const unsigned first = stress_below(self, VIEWS);
   for (unsigned i = 0; i < VIEWS; i++)
      stress_destroy(self, views[(first + i) % VIEWS]);
   stress_release_item(self, &item);
}

/* SPDX-License-Identifier: MIT */

/* What application threads do */
#include "stress.h"

#include "util/os_time.h"

/* Of no process: ids are small. */
#define DEAD_OWNER (UINT64_C(0x7ffffff0) << 32 | 5)

static struct stress_timeline *
any_timeline(struct stress_thread *self)
{
   return &self->stress->timelines[stress_below(self, TIMELINES)];
}

static struct stress_semaphore *
any_semaphore(struct stress_thread *self)
{
   return &self->stress->semaphores[stress_below(self, SEMAPHORES)];
}

static struct stress_fence *
any_fence(struct stress_thread *self)
{
   struct stress_fence *fence = &self->fences[stress_below(self, FENCES)];

   if (fence->sync != NULL)
      return fence;

   const bool shared =
      stress_chance(self, self->stress->config->shared_percent);
   fence->sync = stress_sync(self, 0, shared ? STRESS_OPAQUE :
                                                STRESS_PRIVATE);
   fence->peer = shared && stress_chance(self, 50) ?
                 stress_import_sync(self, fence->sync) : fence->sync;
   return fence;
}

static void
destroy_fence(struct stress_thread *self, struct stress_fence *fence)
{
   /* In any order: they could be objects of two processes. */
   if (fence->peer != fence->sync)
      stress_destroy(self, fence->peer);
   if (fence->sync != NULL)
      stress_destroy(self, fence->sync);
   *fence = (struct stress_fence) {0};
}

/* Hand part of the semaphores' waits to a submit thread, which then signals. */
static void
submit(struct stress_thread *self, struct stress_fence *fence,
       struct stress_item *item)
{
   struct stress_job job = {
      .wait_count = 1 + stress_below(self, SUBMIT_WAITS),
   };

   for (unsigned i = 0; i < job.wait_count; i++) {
      if (stress_chance(self, 50))
         stress_promise_ticket(self, any_semaphore(self), &job.waits[i]);
      else
         stress_promise_timeline(self, any_timeline(self), &job.waits[i]);
   }

   job.signal.promise = item->promise = item;
   job.signal.sync = fence->peer;
   stress_push(&self->stress->queues[SIGNAL_THREADS +
                                     stress_below(self, SUBMIT_THREADS)],
               &job);
}

static void
op_fence(struct stress_thread *self)
{
   struct vk_device *device = self->stress->device;
   struct stress_fence *fence = any_fence(self);
   struct stress_item item = { .sync = fence->sync };

   if (stress_chance(self, 20))
      submit(self, fence, &item);
   else
      stress_promise_fence(self, fence->peer, &item);

   stress_wait_for(self, &item, 1, false);

   /* A new shared object costs many times what the rest does. */
   if (stress_chance(self, stress_layout(fence->sync) != NULL ? 5 : 50)) {
      destroy_fence(self, fence);
   } else {
      EXPECT(vk_sync_reset(device, fence->sync) == VK_SUCCESS);
      self->operations++;
      if (stress_chance(self, 10))
         EXPECT(stress_poll(self, fence->sync, 0) == VK_TIMEOUT);
   }
}

/* Other threads may have seen more than this one. */
static void
look_at_timeline(struct stress_thread *self, struct stress_timeline *timeline)
{
   struct vk_sync *sync = stress_any_view(self, &timeline->object);
   const uint64_t seen = vk_sync_win32_load64(&timeline->seen);
   uint64_t value = 0, old;

   EXPECT(vk_sync_get_value(self->stress->device, sync, &value) ==
          VK_SUCCESS);
   self->operations++;
   EXPECT(value >= seen);
   stress_check_item(&(struct stress_item) {
      .timeline = timeline, .value = value,
   });

   do {
      old = vk_sync_win32_load64(&timeline->seen);
   } while (old < value &&
            !vk_sync_win32_cas64(&timeline->seen, old, value));
}

static void
op_timeline(struct stress_thread *self)
{
   struct stress_timeline *timeline = any_timeline(self);
   struct stress_item item = {0};
   unsigned count = 1 + stress_below(self, 3);

   look_at_timeline(self, timeline);
   while (count-- > 0)
      stress_promise_timeline(self, timeline, &item);

   /* A value that was reached before, or is on its way */
   if (stress_chance(self, 25)) {
      const unsigned back = stress_below(self, 20);
      if (item.value <= back)
         return;
      item.value -= back;
   }
   stress_wait_for(self, &item, 1, false);
   look_at_timeline(self, timeline);
}

static void
op_semaphore(struct stress_thread *self)
{
   struct stress_semaphore *semaphore = any_semaphore(self);
   struct stress_item items[8];
   const unsigned count = 1 + stress_below(self, TEST_COUNT(items));

   for (unsigned i = 0; i < count; i++) {
      items[i] = (struct stress_item) {0};
      stress_promise_ticket(self, semaphore, &items[i]);
   }
   /* Not in the order of the tickets */
   for (unsigned i = count; i-- > 0;) {
      stress_wait_for(self, &items[i], 1, false);
      stress_release_item(self, &items[i]);
   }
}

/* The ticket goes back, by way of its holder or, if that seems to have died, of
 * whoever comes next.
 */
static void
op_abandon(struct stress_thread *self)
{
   struct vk_sync *sync = stress_take_ticket(
      self, &self->stress->semaphores[ABANDONED]);
   struct vk_sync_win32 *wsync = (struct vk_sync_win32 *)sync;

   if (stress_chance(self, 50))
      EXPECT(stress_poll(self, sync, stress_below(self, 50 * 1000)) ==
             VK_TIMEOUT);
   if (stress_chance(self, 30)) {
      REQUIRE(wsync->slot != VK_SYNC_WIN32_NO_SLOT);
      vk_sync_win32_store64(&stress_layout(sync)->slots[wsync->slot].owner,
                            DEAD_OWNER);
      wsync->slot = VK_SYNC_WIN32_NO_SLOT;
   }
   stress_destroy(self, sync);
}

/* Nobody is going to signal it. */
static void
op_timeout(struct stress_thread *self)
{
   struct stress_fence *fence = any_fence(self);
   const struct stress_item items[] = {
      { .sync = fence->sync },
      { .sync = fence->sync },
   };

   EXPECT(stress_wait(self, items, 1 + stress_below(self, 2),
                      stress_chance(self, 50),
                      1 + stress_below(self, 300 * 1000)) == VK_TIMEOUT);
}

/* What must not block or enter the kernel, on an object that nobody waits on */
static void
op_quick(struct stress_thread *self)
{
   struct vk_device *device = self->stress->device;
   struct stress_fence *fence = any_fence(self);
   struct vk_sync *sync = stress_chance(self, 50) ? fence->peer : fence->sync;
   const unsigned count = 1 + stress_below(self, 4);
   const uint64_t kernel_calls = self->kernel_calls;

   for (unsigned i = 0; i < count; i++) {
      EXPECT(vk_sync_signal(device, fence->sync, 0) == VK_SUCCESS);
      EXPECT(stress_poll(self, sync, UINT64_MAX) == VK_SUCCESS);
      EXPECT(vk_sync_reset(device, sync) == VK_SUCCESS);
      EXPECT(stress_poll(self, sync, 0) == VK_TIMEOUT);
      self->operations += 2;
   }
   EXPECT_U64(self->kernel_calls, kernel_calls);
}

/* Many objects at a time --------------------------------------------------- */

/* A fence of its own, mostly; or what others signal, too.  Nobody waits for any
 * of some tickets.
 */
static void
fill_item(struct stress_thread *self, struct stress_item *item, bool shared,
          bool any)
{
   switch (stress_below(self, any ? 3 : 4)) {
   case 0:
      stress_promise_timeline(self, any_timeline(self), item);
      break;
   case 3:
      stress_promise_ticket(self, any_semaphore(self), item);
      break;
   default:
      shared &= stress_chance(self, self->stress->config->shared_percent / 4);
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
   const unsigned chance = stress_below(self, 64);

   return chance == 0 ? MOST_ITEMS :
          (chance < 4 ? 65 : 2) + stress_below(self, 10);
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

static void
op_set(struct stress_thread *self)
{
   const unsigned count = set_size(self);
   const bool any = stress_chance(self, 60);
   struct stress_item items[MOST_ITEMS] = {0};

   for (unsigned i = 0; i < count; i++)
      fill_item(self, &items[i], count < 64, any);

   /* Of the fences, signal some, and wait for any; then the rest, and wait
    * for all.  The first may be the only one that anybody signals by then.
    */
   bool promised = false;
   if (any) {
      for (unsigned i = 0; i < count; i++) {
         if (is_fence(&items[i]) && (!promised || stress_chance(self, 20))) {
            stress_promise_fence(self, items[i].sync, &items[i]);
            promised = true;
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
}

/* One more view of what everybody uses, for one wait */
static void
wait_through_new_view(struct stress_thread *self,
                      struct stress_timeline *timeline)
{
   const struct stress_object *shared = &timeline->object;
   struct stress_item item = {0};

   stress_promise_timeline(self, timeline, &item);
   item.sync = stress_import(self, VK_SYNC_IS_TIMELINE,
                             stress_type(shared->views[0]), shared->handle);
   stress_wait_for(self, &item, 1, false);
   stress_destroy(self, item.sync);
}

/* One wait for several imports of one payload, which comes and goes */
static void
wait_through_views(struct stress_thread *self)
{
   struct vk_sync *views[VIEWS];
   struct stress_item items[VIEWS] = {0};

   stress_make_views(self, views, 0, STRESS_OPAQUE);

   const unsigned count = 1 + stress_below(self, VIEWS);
   const unsigned first = stress_below(self, VIEWS);
   stress_promise_fence(self, views[stress_below(self, VIEWS)], &items[0]);
   for (unsigned i = 0; i < count; i++) {
      items[i].sync = views[(first + i) % VIEWS];
      items[i].promise = &items[0];
   }
   stress_wait_for(self, items, count, stress_chance(self, 50));
   EXPECT_U64(count_reached(self, items, count), count);

   if (stress_chance(self, 50)) {
      EXPECT(vk_sync_reset(self->stress->device,
                           views[stress_below(self, VIEWS)]) == VK_SUCCESS);
      EXPECT_U64(count_reached(self, items, count), 0);
   }
   for (unsigned i = 0; i < VIEWS; i++)
      stress_destroy(self, views[(first + i) % VIEWS]);
}

/* Shared objects come and go, while their payload is in use elsewhere. */
static void
op_churn(struct stress_thread *self)
{
   struct stress_timeline *timeline = any_timeline(self);

   if (timeline->object.handle != NULL && stress_chance(self, 50))
      wait_through_new_view(self, timeline);
   else
      wait_through_views(self);
}

static void (*const ops[OP_COUNT])(struct stress_thread *self) = {
   [OP_FENCE] = op_fence,
   [OP_SET] = op_set,
   [OP_TIMELINE] = op_timeline,
   [OP_SEMAPHORE] = op_semaphore,
   [OP_TIMEOUT] = op_timeout,
   [OP_QUICK] = op_quick,
   [OP_CHURN] = op_churn,
   [OP_ABANDON] = op_abandon,
};

/* Until those that are left have come as far, unless one has failed.  Soon,
 * the processors are left to whoever has not come: some may be blocked.
 */
static void
meet(struct stress_thread *self)
{
   unsigned yields = 0;

   STRESS_SET(&self->rounds, self->rounds + 1);
   for (unsigned i = 0; i < APP_THREADS; i++) {
      while (STRESS_GET(&self->stress->threads[i].rounds) < self->rounds &&
             !test_failed()) {
         if (yields++ < 100)
            thrd_yield();
         else
            Sleep(1);
      }
   }
}

static void
run_op(struct stress_thread *self)
{
   const unsigned *weights = self->stress->config->weights;
   unsigned total = 0, op = 0;

   for (unsigned i = 0; i < OP_COUNT; i++)
      total += weights[i];

   unsigned pick = stress_below(self, total);
   while (pick >= weights[op])
      pick -= weights[op++];

   STRESS_SET(&self->busy_ns, (uint64_t)os_time_get_nano());
   ops[op](self);
   STRESS_SET(&self->busy_ns, 0);
}

void
stress_app_thread(void *data)
{
   struct stress_thread *self = data;

   stress_enter(self);
   while (self->operations < self->stress->operations_per_thread &&
          !test_failed()) {
      run_op(self);
      if (self->stress->config->rounds)
         meet(self);
   }
   STRESS_SET(&self->rounds, UINT32_MAX);
   for (unsigned i = 0; i < FENCES; i++)
      destroy_fence(self, &self->fences[i]);
}

/* SPDX-License-Identifier: MIT */

/* What application threads do with one object at a time */
#include "stress.h"

#include "util/os_time.h"

/* Of no process: ids are small. */
#define DEAD_OWNER (UINT64_C(0x7ffffff0) << 32 | 5)

static struct stress_fence *
a_fence(struct stress_thread *self)
{
   const struct stress_config *config = self->stress->config;
   struct stress_fence *fence = &self->fences[stress_below(self, FENCES)];

   if (fence->sync != NULL)
      return fence;

   const bool shared = stress_chance(self, config->shared_percent);
   fence->sync = stress_sync(self, 0, shared ? STRESS_OPAQUE :
                                                STRESS_PRIVATE);
   if (shared && stress_chance(self, 50))
      fence->peer = stress_import_sync(self, fence->sync);
   return fence;
}

static void
destroy_fence(struct stress_thread *self, struct stress_fence *fence)
{
   /* In any order: they could be objects of two processes. */
   if (fence->peer != NULL)
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
   struct stress *stress = self->stress;
   struct stress_job job = {
      .wait_count = 1 + stress_below(self, SUBMIT_WAITS),
   };

   for (unsigned i = 0; i < job.wait_count; i++) {
      const unsigned which = stress_below(self, SEMAPHORES + TIMELINES);
      if (which < SEMAPHORES)
         stress_promise_ticket(self, &stress->semaphores[which],
                               &job.waits[i]);
      else
         stress_promise_timeline(self, &stress->timelines[which - SEMAPHORES],
                                 &job.waits[i]);
   }

   job.signal.promise = item->promise = stress_promise_create();
   job.signal.sync = fence->peer != NULL ? fence->peer : fence->sync;
   stress_push(&stress->queues[SIGNAL_THREADS +
                               stress_below(self, SUBMIT_THREADS)], &job);
}

static void
op_fence(struct stress_thread *self)
{
   struct vk_device *device = self->stress->device;
   struct stress_fence *fence = a_fence(self);
   struct stress_item item = { .sync = fence->sync };

   if (stress_chance(self, 20))
      submit(self, fence, &item);
   else
      stress_promise_fence(self, fence->peer != NULL ? fence->peer :
                                                       fence->sync, &item);

   stress_wait_for(self, &item, 1, false);

   /* A new shared object costs many times what the rest does. */
   if (stress_chance(self, stress_type(fence->sync) == STRESS_PRIVATE ? 50 : 5)) {
      destroy_fence(self, fence);
   } else {
      EXPECT(vk_sync_reset(device, fence->sync) == VK_SUCCESS);
      self->operations++;
      if (stress_chance(self, 10))
         EXPECT(stress_wait(self, &(struct stress_item) {
                               .sync = fence->sync,
                            }, 1, false, 0) == VK_TIMEOUT);
   }
   stress_release_item(self, &item);
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
   if (value < seen)
      test_fail(false, __FILE__, __LINE__, "a timeline went back");
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
   struct stress_timeline *timeline =
      &self->stress->timelines[stress_below(self, TIMELINES)];
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
   struct stress_semaphore *semaphore =
      &self->stress->semaphores[stress_below(self, SEMAPHORES)];
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
   struct vk_sync *sync = stress_take_ticket(self, &self->stress->abandoned);
   struct vk_sync_win32 *wsync = (struct vk_sync_win32 *)sync;

   if (stress_chance(self, 50))
      EXPECT(stress_wait(self, &(struct stress_item) { .sync = sync }, 1,
                         false, stress_below(self, 50 * 1000)) == VK_TIMEOUT);
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
   struct stress_fence *fence = a_fence(self);
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
   struct stress_fence *fence = a_fence(self);
   struct vk_sync *sync =
      fence->peer != NULL && stress_chance(self, 50) ? fence->peer :
                                                       fence->sync;
   const struct stress_item item = { .sync = sync };
   const unsigned count = 1 + stress_below(self, 4);
   const uint64_t kernel_calls = self->kernel_calls;

   for (unsigned i = 0; i < count; i++) {
      EXPECT(vk_sync_signal(device, fence->sync, 0) == VK_SUCCESS);
      EXPECT(stress_wait(self, &item, 1, false, UINT64_MAX) == VK_SUCCESS);
      EXPECT(vk_sync_reset(device, sync) == VK_SUCCESS);
      EXPECT(stress_wait(self, &item, 1, false, 0) == VK_TIMEOUT);
      self->operations += 2;
   }
   EXPECT_U64(self->kernel_calls, kernel_calls);
}

static void (*const ops[OP_COUNT])(struct stress_thread *self) = {
   [OP_FENCE] = op_fence,
   [OP_SET] = stress_op_set,
   [OP_TIMELINE] = op_timeline,
   [OP_SEMAPHORE] = op_semaphore,
   [OP_TIMEOUT] = op_timeout,
   [OP_QUICK] = op_quick,
   [OP_CHURN] = stress_op_churn,
   [OP_ABANDON] = op_abandon,
};

static void
meet(struct stress_barrier *barrier, bool leave)
{
   mtx_lock(&barrier->mutex);
   const unsigned generation = barrier->generation;
   if (leave)
      barrier->members--;
   else
      barrier->waiting++;

   if (barrier->waiting == barrier->members) {
      barrier->waiting = 0;
      barrier->generation++;
      cnd_broadcast(&barrier->everyone_is_here);
   }
   while (!leave && barrier->generation == generation)
      cnd_wait(&barrier->everyone_is_here, &barrier->mutex);
   mtx_unlock(&barrier->mutex);
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
         meet(&self->stress->barrier, false);
   }
   meet(&self->stress->barrier, true);
   for (unsigned i = 0; i < FENCES; i++)
      destroy_fence(self, &self->fences[i]);
}

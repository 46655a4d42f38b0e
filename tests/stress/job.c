/* SPDX-License-Identifier: MIT */

/* Syncs; waits, and the invariants of their results; signals, and the threads
 * and queues that they go through
 */
#include "stress.h"

#include "util/os_time.h"

struct vk_sync *
stress_sync(struct stress_thread *self, enum vk_sync_flags flags,
            VkFlags type)
{
   struct vk_device *device = self->stress->device;
   struct vk_sync *sync;

   self->operations++;
   REQUIRE(vk_sync_create(device, &vk_sync_win32_type,
                          flags | (type ? VK_SYNC_IS_SHAREABLE : 0), 0,
                          &sync) == VK_SUCCESS);
   if (type != STRESS_PRIVATE)
      REQUIRE(vk_sync_set_win32_export_params(device, sync, type, NULL, 0,
                                              NULL) == VK_SUCCESS);
   return sync;
}

HANDLE
stress_export(struct stress_thread *self, struct vk_sync *sync)
{
   HANDLE handle = NULL;

   self->operations++;
   REQUIRE(vk_sync_export_win32_handle(
              self->stress->device, sync, stress_type(sync), &handle) ==
           VK_SUCCESS);
   return handle;
}

struct vk_sync *
stress_import(struct stress_thread *self, enum vk_sync_flags flags,
              VkFlags type, HANDLE handle)
{
   struct vk_sync *sync =
      stress_sync(self, flags & VK_SYNC_IS_TIMELINE, STRESS_PRIVATE);

   /* Its own payload may have been in use by then. */
   if (!(flags & VK_SYNC_IS_TIMELINE) && stress_chance(self, 20))
      EXPECT(vk_sync_signal(self->stress->device, sync, 0) == VK_SUCCESS);

   self->operations++;
   REQUIRE(vk_sync_import_win32_handle(self->stress->device, sync, type,
                                       handle, NULL) == VK_SUCCESS);
   return sync;
}

struct vk_sync *
stress_import_sync(struct stress_thread *self, struct vk_sync *sync)
{
   HANDLE handle = stress_export(self, sync);
   struct vk_sync *other = stress_import(self, sync->flags, stress_type(sync),
                                         handle);

   CloseHandle(handle);
   return other;
}

void
stress_destroy(struct stress_thread *self, struct vk_sync *sync)
{
   self->operations++;
   vk_sync_destroy(self->stress->device, sync);
}

unsigned
stress_make_views(struct stress_thread *self, struct vk_sync *views[VIEWS],
                  enum vk_sync_flags flags, VkFlags type)
{
   views[0] = stress_sync(self, flags, type);
   if (type == STRESS_PRIVATE)
      return 1;

   for (unsigned i = 1; i < VIEWS; i++)
      views[i] = stress_import_sync(self, views[0]);
   return VIEWS;
}

struct vk_sync *
stress_any_view(struct stress_thread *self, const struct stress_object *object)
{
   return object->views[stress_below(self, object->view_count)];
}

/* The item was waited for with success: has it been signalled? */
void
stress_check_item(const struct stress_item *item)
{
   if (item->promise != NULL) {
      EXPECT_U64(item->promise->proof, (uintptr_t)item->promise);
   } else if (item->semaphore != NULL) {
      EXPECT((int32_t)(STRESS_GET(&item->semaphore->begun) -
                       item->ticket) >= 0);
   } else if (item->timeline != NULL) {
      if (item->timeline->proofs != NULL && item->value < PROOFS)
         EXPECT_U64(item->timeline->proofs[item->value], item->value);
      EXPECT(item->value <= STRESS_GET(&item->timeline->begun));
   }
}

VkResult
stress_wait(struct stress_thread *self, const struct stress_item *items,
            uint32_t count, bool any, uint64_t timeout_ns)
{
   struct vk_sync_wait waits[MOST_ITEMS];
   const uint64_t deadline_ns =
      timeout_ns == 0 && stress_chance(self, 50) ?
      0 : os_time_get_absolute_timeout(timeout_ns);

   for (uint32_t i = 0; i < count; i++)
      waits[i] = (struct vk_sync_wait) {
         .sync = items[i].sync, .wait_value = items[i].value,
      };

   STRESS_SET(&self->items, items);
   STRESS_SET(&self->item_count, count);
   STRESS_SET(&self->deadline_ns, deadline_ns);
   STRESS_SET(&self->since_ns, (uint64_t)os_time_get_nano());

   const VkResult result =
      vk_sync_wait_many(self->stress->device, count, waits,
                        any ? VK_SYNC_WAIT_ANY : VK_SYNC_WAIT_COMPLETE,
                        deadline_ns);

   STRESS_SET(&self->since_ns, 0);
   /* Not each time that somebody who polls asks again */
   if (timeout_ns != 0 || result == VK_SUCCESS)
      self->operations++;

   EXPECT(result == VK_SUCCESS || result == VK_TIMEOUT);
   if (result == VK_SUCCESS && !any) {
      for (uint32_t i = 0; i < count; i++)
         stress_check_item(&items[i]);
   }
   if (result == VK_TIMEOUT) {
      EXPECT(timeout_ns != UINT64_MAX);
      EXPECT((uint64_t)os_time_get_nano() >= deadline_ns);
   }
   return result;
}

VkResult
stress_poll(struct stress_thread *self, struct vk_sync *sync,
            uint64_t timeout_ns)
{
   const struct stress_item item = { .sync = sync };

   return stress_wait(self, &item, 1, false, timeout_ns);
}

void
stress_wait_for(struct stress_thread *self, const struct stress_item *items,
                uint32_t count, bool any)
{
   /* Around the time that a signal takes, so that both orders occur */
   static const uint64_t limits_ns[] = {
      1, 2000, 20 * 1000, 200 * 1000, 1000 * 1000,
   };
   /* One asks now and then, the other polls, as an application that sees a
    * signal earlier than a thread that has to be woken.
    */
   const unsigned way = stress_below(self, 4);
   const unsigned tries = way == 0 ? 1 + stress_below(self, 10) :
                          way == 1 ? 1 + stress_below(self, 50) : 0;

   for (unsigned i = 0; i < tries; i++) {
      uint64_t timeout_ns = 0;

      if (way == 0)
         timeout_ns = 1 + stress_random(self) %
                          limits_ns[stress_below(self, TEST_COUNT(limits_ns))];
      else if (i % 4 == 3)
         thrd_yield();
      if (stress_wait(self, items, count, any, timeout_ns) == VK_SUCCESS)
         return;
   }
   REQUIRE(stress_wait(self, items, count, any, UINT64_MAX) == VK_SUCCESS);
}

void
stress_release_item(struct stress_thread *self, const struct stress_item *item)
{
   if (item->semaphore != NULL) {
      stress_destroy(self, item->sync);
      p_atomic_inc(&item->semaphore->waited);
   }
}

void
stress_push(struct stress_queue *queue, const struct stress_job *job)
{
   mtx_lock(&queue->mutex);
   while (queue->count == TEST_COUNT(queue->jobs))
      cnd_wait(&queue->not_full, &queue->mutex);
   queue->jobs[(queue->first + queue->count++) % TEST_COUNT(queue->jobs)] =
      *job;
   cnd_signal(&queue->not_empty);
   mtx_unlock(&queue->mutex);
}

static void
pop(struct stress_queue *queue, struct stress_job *job)
{
   mtx_lock(&queue->mutex);
   while (queue->count == 0)
      cnd_wait(&queue->not_empty, &queue->mutex);
   *job = queue->jobs[queue->first];
   queue->first = (queue->first + 1) % TEST_COUNT(queue->jobs);
   queue->count--;
   cnd_signal(&queue->not_full);
   mtx_unlock(&queue->mutex);
}

static void
push_signal(struct stress_thread *self, const struct stress_signal *signal)
{
   const unsigned home = signal->timeline != NULL && signal->timeline->ordered ?
                         signal->timeline->home :
                         stress_below(self, SIGNAL_THREADS);

   stress_push(&self->stress->queues[home],
               &(struct stress_job) { .signal = *signal });
}

static void
begin(const struct stress_signal *signal)
{
   struct stress_timeline *timeline = signal->timeline;

   if (signal->promise != NULL)
      signal->promise->proof = (uintptr_t)signal->promise;
   if (signal->semaphore != NULL)
      __atomic_add_fetch(&signal->semaphore->begun, 1, __ATOMIC_RELAXED);
   if (timeline == NULL)
      return;

   if (timeline->proofs != NULL && signal->value < PROOFS)
      timeline->proofs[signal->value] = (uint32_t)signal->value;
   uint64_t old = STRESS_GET(&timeline->begun);
   while (old < signal->value &&
          !__atomic_compare_exchange_n(&timeline->begun, &old, signal->value,
                                       true, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED))
      ;
}

static void
do_signal(struct stress_thread *self, const struct stress_signal *signal)
{
   /* Some work first, so that it is open who comes first */
   if (signal->delay % 8 < 2)
      thrd_yield();
   if (signal->delay % 8 == 2) {
      const int64_t until_ns =
         os_time_get_nano() + signal->delay % (64 * 1024);
      while (os_time_get_nano() < until_ns)
         YieldProcessor();
   }
   if (signal->delay % 1024 == 1023)
      Sleep(1);

   begin(signal);

   bool increased;
   if (signal->sync != NULL) {
      const struct vk_sync_signal submitted = {
         .sync = signal->sync, .signal_value = signal->value,
      };

      /* The application may destroy it while we are in there. */
      increased = (signal->delay % 16 < 8 ?
                   vk_sync_signal(self->stress->device, signal->sync,
                                  signal->value) :
                   vk_sync_signal_many(self->stress->device, 1,
                                       &submitted)) == VK_SUCCESS;
   } else {
      /* It drops the reference, if it returns true. */
      increased = signal->payload->ops->signal(signal->payload,
                                               signal->value);
      if (!increased)
         vk_sync_win32_payload_unref(signal->payload);
   }
   self->operations++;

   /* Values that threads race for can be overtaken, and no others. */
   EXPECT(increased ||
          (signal->timeline != NULL && !signal->timeline->ordered));
}

/* How the signal is going to be performed: `through` must live until it is */
static struct stress_signal
prepare(struct stress_thread *self, struct vk_sync *through, uint64_t value)
{
   struct stress_signal signal = {
      .value = value,
      .delay = (unsigned)stress_random(self),
   };
   /* A lost race for a value is an error in the first form, with a message. */
   if (stress_chance(self, 50) && value == 0)
      signal.sync = through;
   else
      vk_sync_win32_payload_ref(signal.payload = stress_payload(through));
   return signal;
}

void
stress_promise_fence(struct stress_thread *self, struct vk_sync *through,
                     struct stress_item *item)
{
   struct stress_signal signal = prepare(self, through, 0);

   signal.promise = item->promise = item;
   push_signal(self, &signal);
}

void
stress_promise_timeline(struct stress_thread *self,
                        struct stress_timeline *timeline,
                        struct stress_item *item)
{
   struct vk_sync *through = stress_any_view(self, &timeline->object);

   item->timeline = timeline;
   item->sync = stress_any_view(self, &timeline->object);

   if (timeline->ordered)
      mtx_lock(&timeline->object.order);

   item->value = p_atomic_inc_return(&timeline->next);
   struct stress_signal signal = prepare(self, through, item->value);
   signal.timeline = timeline;
   if (timeline->ordered || stress_chance(self, 70))
      push_signal(self, &signal);
   else
      do_signal(self, &signal);

   if (timeline->ordered)
      mtx_unlock(&timeline->object.order);
}

/* A sync of its own to wait on, with a ticket, as vkQueueSubmit() makes it of a
 * semaphore's payload: of the permanent one, or of one that has been imported
 * temporarily
 */
struct vk_sync *
stress_take_ticket(struct stress_thread *self,
                   struct stress_semaphore *semaphore)
{
   struct vk_device *device = self->stress->device;
   struct vk_sync *sync;

   self->operations++;
   if (semaphore->object.handle != NULL && stress_chance(self, 5)) {
      sync = stress_import(self, 0, STRESS_OPAQUE, semaphore->object.handle);
      vk_sync_win32_type.begin_wait(device, sync);
   } else {
      sync = stress_sync(self, 0, STRESS_PRIVATE);
      EXPECT(vk_sync_move(device, sync,
                          stress_any_view(self, &semaphore->object)) ==
             VK_SUCCESS);
   }
   return sync;
}

/* The signal may be submitted before or after the wait, and happen any time. */
void
stress_promise_ticket(struct stress_thread *self,
                      struct stress_semaphore *semaphore,
                      struct stress_item *item)
{
   struct vk_sync *through = stress_any_view(self, &semaphore->object);
   struct stress_signal signal = prepare(self, through, 0);

   signal.semaphore = semaphore;
   item->semaphore = semaphore;

   mtx_lock(&semaphore->object.order);

   const bool first = stress_chance(self, 50);
   semaphore->signals++;
   if (first)
      push_signal(self, &signal);

   item->ticket = ++semaphore->tickets;
   item->sync = stress_take_ticket(self, semaphore);
   EXPECT_U64(((struct vk_sync_win32 *)item->sync)->ticket, item->ticket);

   if (!first)
      push_signal(self, &signal);

   mtx_unlock(&semaphore->object.order);
}

void
stress_queue_thread(void *data)
{
   struct stress_thread *self = data;
   struct stress *stress = self->stress;
   struct stress_queue *queue = &stress->queues[self->index - APP_THREADS];
   struct stress_job job;

   stress_enter(self);
   while (pop(queue, &job), !job.last) {
      STRESS_SET(&self->busy_ns, (uint64_t)os_time_get_nano());
      if (job.wait_count > 0) {
         REQUIRE(stress_wait(self, job.waits, job.wait_count, false,
                             UINT64_MAX) == VK_SUCCESS);
         for (unsigned i = 0; i < job.wait_count; i++)
            stress_release_item(self, &job.waits[i]);
      }
      do_signal(self, &job.signal);
      STRESS_SET(&self->busy_ns, 0);
   }
}

/* SPDX-License-Identifier: MIT */

/* Signal threads and submit threads, and the queues that feed them */
#include "stress.h"

#include "util/os_time.h"

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
   if (signal->promise != NULL)
      signal->promise->proof = (uintptr_t)signal->promise;
   if (signal->semaphore != NULL)
      STRESS_ADD(&signal->semaphore->begun, 1);
   if (signal->timeline != NULL) {
      uint64_t *begun = &signal->timeline->begun;

      if (signal->timeline->proofs != NULL && signal->value < PROOFS)
         signal->timeline->proofs[signal->value] = (uint32_t)signal->value;

      uint64_t old = STRESS_GET(begun);
      while (old < signal->value && !STRESS_CAS(begun, &old, signal->value))
         ;
   }
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
      vk_sync_win32_payload_ref(signal->payload);
      increased = signal->payload->ops->signal(signal->payload,
                                               signal->value);
      if (!increased)
         vk_sync_win32_payload_unref(signal->payload);
   }
   self->operations++;

   /* Values that threads race for can be overtaken, and no others. */
   EXPECT(increased ||
          (signal->timeline != NULL && !signal->timeline->ordered));

   if (signal->payload != NULL)
      vk_sync_win32_payload_unref(signal->payload);
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

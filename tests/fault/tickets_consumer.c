/* SPDX-License-Identifier: MIT */

/* The consumer, which may die at any instruction */
#include "tickets.h"

#include <stdlib.h>

#include "step.h"

static struct {
   struct peer_run run;
   struct tickets_board *board;
   struct tickets_consumer *self;
   struct vk_device *device;
   VkQueue queue;
   VkSemaphore forth, back, gate;
   VkFence fence;
   uint64_t gate_value;
   uint32_t round;

   /* Of "forth": a view of our own, to be looked at while we import it */
   struct vk_sync_win32_layout *layout;
   uint32_t steps_left;
   bool counting;
} consumer;

static bool
has_slot(void)
{
   for (uint32_t i = 0; i < VK_SYNC_WIN32_SLOTS; i++) {
      if (TICKETS_OWNER(consumer.layout->slots[i].owner) ==
          GetCurrentProcessId())
         return true;
   }
   return false;
}

static bool
is_time(void)
{
   switch (consumer.self->death) {
   case DEATH_CLAIMED:
   case DEATH_OPEN_CLAIMED:
      return has_slot();
   case DEATH_SIGNALLED:
      return (int32_t)(vk_sync_win32_signals(consumer.layout->word) -
                       vk_sync_win32_consumed(consumer.layout->word)) >= 0;
   default:
      return true;
   }
}

static void
step(UNUSED void *data)
{
   consumer.counting = consumer.counting || is_time();
   if (consumer.counting && consumer.steps_left-- == 0)
      step_die(TICKETS_KILLED);
}

static void
begin_steps(enum tickets_death one, enum tickets_death other)
{
   const uint32_t death = consumer.self->death;

   if (death != (uint32_t)one && death != (uint32_t)other)
      return;

   consumer.steps_left = consumer.self->steps;
   consumer.counting = false;
   step_begin(step, NULL);
}

static void
receive(struct vk_queue_submit *batch)
{
   struct tickets_board *board = consumer.board;

   vk_sync_win32_store32(&consumer.self->queue_round, consumer.round);
   begin_steps(DEATH_WAIT, DEATH_SIGNALLED);
   REQUIRE_OK(vk_sync_wait_many(consumer.device, batch->wait_count,
                                batch->waits, VK_SYNC_WAIT_COMPLETE,
                                UINT64_MAX));
   step_end();

   /* No signal may be seen before it is sent, or twice. */
   REQUIRE_U64(vk_sync_win32_load32(&board->sent), consumer.round);
   REQUIRE_U64(vk_sync_win32_load32(&board->received), consumer.round - 1);
   vk_sync_win32_store32(&board->received, consumer.round);
}

static VkResult
submit(UNUSED struct vk_queue *queue, struct vk_queue_submit *batch)
{
   if (batch->wait_count != 0 &&
       (batch->waits[0].sync->flags & VK_SYNC_IS_TIMELINE))
      return vk_sync_wait_many(consumer.device, batch->wait_count,
                               batch->waits, VK_SYNC_WAIT_COMPLETE,
                               UINT64_MAX);

   if (batch->wait_count != 0)
      receive(batch);
   for (uint32_t i = 0; i < batch->signal_count; i++)
      REQUIRE_OK(vk_sync_signal(consumer.device, batch->signals[i].sync, 0));
   return VK_SUCCESS;
}

static void
do_round(void)
{
   struct tickets_consumer *self = consumer.self;
   struct unit_batch batch = { .signal = consumer.back };

   if (!self->answer_only) {
      const struct unit_batch gate = {
         .wait = consumer.gate, .wait_value = ++consumer.gate_value,
      };

      batch.wait = consumer.forth;
      REQUIRE_OK(unit_submit(consumer.queue, 1, &gate, VK_NULL_HANDLE));
   }

   vk_sync_win32_store32(&self->stage, STAGE_TAKING);
   begin_steps(DEATH_TAKE, DEATH_CLAIMED);
   const VkResult result = unit_submit(consumer.queue, 1, &batch,
                                       consumer.fence);
   step_end();
   REQUIRE_OK(result);
   vk_sync_win32_store32(&self->stage, STAGE_TAKEN);

   /* Not before the producer has killed us */
   if (self->death == DEATH_QUEUED || self->death == DEATH_QUEUED_SIGNALLED)
      Sleep(INFINITE);
   if (batch.wait != VK_NULL_HANDLE)
      REQUIRE_OK(vk_sync_signal(consumer.device,
                                unit_semaphore_sync(consumer.gate),
                                consumer.gate_value));

   REQUIRE_OK(unit_fence_wait(consumer.fence, UINT64_MAX));
   REQUIRE_OK(vk_sync_reset(consumer.device,
                            unit_fence_sync(consumer.fence)));
   vk_sync_win32_store32(&self->stage, STAGE_IDLE);
}

static HANDLE
get_handle(uint64_t value)
{
   HANDLE process = OpenProcess(PROCESS_DUP_HANDLE, FALSE,
                                consumer.board->producer);
   HANDLE handle;

   REQUIRE(process != NULL);
   REQUIRE(DuplicateHandle(process, (HANDLE)(uintptr_t)value,
                           GetCurrentProcess(), &handle, 0, FALSE,
                           DUPLICATE_SAME_ACCESS));
   CloseHandle(process);
   return handle;
}

static void
open_semaphores(bool by_handle)
{
   HANDLE forth = get_handle(consumer.board->forth);
   HANDLE back = get_handle(consumer.board->back);

   consumer.layout = MapViewOfFile(forth, FILE_MAP_WRITE, 0, 0, 0);
   REQUIRE(consumer.layout != NULL);
   consumer.forth = unit_semaphore(consumer.device, 0);
   consumer.back = unit_semaphore(consumer.device, 0);
   consumer.gate = unit_semaphore(consumer.device, VK_SYNC_IS_TIMELINE);
   consumer.fence = unit_fence(consumer.device);

   vk_sync_win32_store32(&consumer.self->stage, STAGE_OPENING);
   begin_steps(DEATH_OPEN, DEATH_OPEN_CLAIMED);
   peer_import(&consumer.run, consumer.forth, by_handle ? NULL : "forth",
               forth);
   step_end();
   peer_import(&consumer.run, consumer.back, by_handle ? NULL : "back", back);
   CloseHandle(forth);
   CloseHandle(back);
}

int
tickets_consumer_main(int argc, char **argv)
{
   const unsigned number = (unsigned)atoi(argv[1]);

   consumer.run = peer_run_open(argc, argv, sizeof(struct tickets_board));
   consumer.board = consumer.run.board;
   consumer.self = &consumer.board->consumers[number % TICKETS_BY_HANDLE];
   consumer.device = unit_device();
   consumer.queue = unit_queue(consumer.device);
   vk_queue_from_handle(consumer.queue)->driver_submit = submit;
   step_install();

   open_semaphores(number >= TICKETS_BY_HANDLE);
   vk_sync_win32_store32(&consumer.self->stage, STAGE_IDLE);

   for (;;) {
      const uint32_t turn = vk_sync_win32_load32(&consumer.self->turn);

      if (turn == consumer.round) {
         Sleep(0);
         continue;
      }
      consumer.round = turn;
      do_round();
   }
}

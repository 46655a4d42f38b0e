/* SPDX-License-Identifier: MIT */

/* Processes that end at any of their calls, while others go on: on the shim,
 * where threads may pose as them.
 *
 * In a lane, one thread of the process that survives signals a semaphore, and
 * one of the process that is going to end waits for that, and answers on a
 * timeline.  The next process takes up where the last has left off.  Not one
 * signal is seen twice, or by nobody.
 */
#include "stress.h"

#include <inttypes.h>
#include <stdlib.h>

#include "util/os_time.h"

#include "nt_shim.h"
#include "vk_alloc.h"
#include "vk_sync_win32_owner.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#else
#define __lsan_disable() ((void)0)
#define __lsan_enable() ((void)0)
#endif

#define ROUNDS 120
#define LANES 3

enum {
   /* A semaphore, and two timelines */
   REQUEST,
   ANSWER,
   CLOCK,
   PAYLOADS,
};

/* What one process has of a lane */
struct view {
   struct vk_sync *syncs[PAYLOADS];
};

struct lane {
   struct view survivor;
   HANDLE handles[PAYLOADS];
   /* How often the request was signalled, and how often that was seen: by
    * processes that have ended, too
    */
   uint64_t sent, seen;
};

/* A thread of a process that is going to end */
struct victim {
   struct stress_thread *self;
   struct lane *lane;
   struct view view;
   unsigned process;
   struct test_thread *thread;
};

struct death {
   struct stress *stress;
   struct lane lanes[LANES];
   uint32_t stop;
};

static struct death death;

/* Those who survive ------------------------------------------------------- */

static void
survivor_run(void *data)
{
   struct stress_thread *self = data;
   struct vk_device *device = self->stress->device;
   struct lane *lane = &death.lanes[self->index];
   struct vk_sync *const *syncs = lane->survivor.syncs;
   uint64_t ticks = 0;

   stress_enter(self);
   while (!STRESS_GET(&death.stop)) {
      STRESS_SET(&self->busy_ns, (uint64_t)os_time_get_nano());
      const uint64_t number = lane->sent + 1;
      const struct stress_item answer = {
         .sync = syncs[ANSWER], .value = number,
      };

      STRESS_SET(&lane->sent, number);
      EXPECT(vk_sync_signal(device, syncs[REQUEST], 0) == VK_SUCCESS);

      /* Who has seen it may end before it has answered. */
      while (STRESS_GET(&lane->seen) < number && !STRESS_GET(&death.stop)) {
         EXPECT(vk_sync_signal(device, syncs[CLOCK], ++ticks) == VK_SUCCESS);
         (void)stress_wait(self, &answer, 1, false,
                           1 + stress_below(self, 20) * STRESS_MS);
      }
   }
   STRESS_SET(&self->busy_ns, 0);
}

/* Those who do not -------------------------------------------------------- */

static uint64_t
random_timeout(struct stress_thread *self)
{
   return stress_chance(self, 50) ? UINT64_MAX :
                                    1 + stress_below(self, 300 * 1000);
}

/* With a slot that holds no ticket */
static void
wait_for_ticks(struct victim *victim)
{
   struct stress_thread *self = victim->self;
   struct stress_item item = { .sync = victim->view.syncs[CLOCK] };

   EXPECT(vk_sync_get_value(self->stress->device, item.sync, &item.value) ==
          VK_SUCCESS);
   item.value += 1 + stress_below(self, 2);
   if (stress_chance(self, 50))
      (void)stress_wait(self, &item, 1, false,
                        1 + stress_below(self, 500 * 1000));
}

static void
answer_requests(void *data)
{
   struct victim *victim = data;
   struct stress_thread *self = victim->self;
   struct vk_device *device = self->stress->device;
   struct lane *lane = victim->lane;

   for (;;) {
      struct stress_item item = {
         .sync = stress_sync(self, 0, STRESS_PRIVATE),
      };
      EXPECT(vk_sync_move(device, item.sync, victim->view.syncs[REQUEST]) ==
             VK_SUCCESS);

      wait_for_ticks(victim);
      while (stress_wait(self, &item, 1, false, random_timeout(self)) !=
             VK_SUCCESS)
         ;
      const uint64_t number = STRESS_ADD(&lane->seen, 1);
      EXPECT(number <= STRESS_GET(&lane->sent));

      stress_destroy(self, item.sync);
      EXPECT(vk_sync_signal(device, victim->view.syncs[ANSWER], number) ==
             VK_SUCCESS);
   }
}

/* What it has allocated ends with its process, which nobody else is told. */
static void
victim_run(void *data)
{
   struct victim *victim = data;

   stress_enter(victim->self);
   __lsan_disable();
   EXPECT(!nt_shim_run_in_process(victim->process, answer_requests, victim));
   __lsan_enable();
   STRESS_SET(&victim->self->since_ns, 0);
   STRESS_SET(&victim->self->kernel_call, NULL);
}

static enum vk_sync_flags
flags_of(unsigned payload)
{
   return payload == REQUEST ? 0 : VK_SYNC_IS_TIMELINE;
}

static void
open_view(struct stress_thread *self, struct lane *lane, struct view *view)
{
   for (unsigned i = 0; i < PAYLOADS; i++)
      view->syncs[i] = stress_import(self, flags_of(i), STRESS_OPAQUE,
                                     lane->handles[i]);
}

static void
close_view(struct stress_thread *self, struct view *view)
{
   for (unsigned i = 0; i < PAYLOADS; i++)
      stress_destroy(self, view->syncs[i]);
}

/* As the kernel does it: whatever is in the section stays as it is. */
static void
unmap(struct vk_sync *sync)
{
   struct vk_sync_win32_payload *payload = stress_payload(sync);

   payload->refcount = 1;
   vk_sync_win32_payload_unref(payload);
   vk_free(vk_default_allocator(), sync);
}

static void
open_process(struct stress_thread *self, struct victim victims[LANES])
{
   const unsigned process = nt_shim_create_process();

   nt_shim_enter_process(process);
   for (unsigned i = 0; i < LANES; i++) {
      victims[i] = (struct victim) {
         .self = &death.stress->threads[LANES + i],
         .lane = &death.lanes[i],
         .process = process,
      };
      open_view(self, victims[i].lane, &victims[i].view);
   }
   nt_shim_enter_process(0);
}

static void
run_process(struct victim victims[LANES])
{
   const unsigned process = victims[0].process;

   nt_shim_end_process_after(process, 1 + test_random() % 600);
   for (unsigned i = 0; i < LANES; i++)
      victims[i].thread = test_thread_start(victim_run, &victims[i]);
   for (unsigned i = 0; i < LANES; i++)
      test_thread_join(victims[i].thread);

   for (unsigned i = 0; i < LANES; i++) {
      for (unsigned j = 0; j < PAYLOADS; j++)
         unmap(victims[i].view.syncs[j]);
   }
   nt_shim_bury_process(process, process % NT_SHIM_REMAINS);
}

/* Nothing is left -------------------------------------------------------- */

static void
check_slots(struct vk_sync *sync, bool idle)
{
   struct vk_sync_win32_layout *layout = stress_layout(sync);

   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++) {
      const uint64_t owner = vk_sync_win32_load64(&layout->slots[i].owner);

      EXPECT(owner == VK_SYNC_WIN32_OWNER_NONE ||
             (!idle && owner == vk_sync_win32_owner_self()));
   }
   EXPECT(!idle || (layout->armed[0] | layout->armed[1]) == 0);
}

/* While no process uses the lane but the one that survives */
static void
check_lane(struct stress_thread *self, struct lane *lane, bool idle)
{
   struct view view;

   open_view(self, lane, &view);
   const uint64_t word =
      vk_sync_win32_load64(stress_payload(view.syncs[REQUEST])->word);

   EXPECT_U64(vk_sync_win32_consumed(word), STRESS_GET(&lane->seen));
   for (unsigned i = 0; i < PAYLOADS; i++)
      check_slots(view.syncs[i], idle);
   close_view(self, &view);
}

/* The run ----------------------------------------------------------------- */

static void
create_lanes(struct stress_thread *self)
{
   for (unsigned i = 0; i < LANES; i++) {
      struct lane *lane = &death.lanes[i];

      for (unsigned j = 0; j < PAYLOADS; j++) {
         struct vk_sync *sync = stress_sync(self, flags_of(j), STRESS_OPAQUE);

         lane->survivor.syncs[j] = sync;
         lane->handles[j] = stress_export(self, sync);
      }
   }
}

static void
destroy_lanes(struct stress_thread *self)
{
   for (unsigned i = 0; i < LANES; i++) {
      struct lane *lane = &death.lanes[i];

      check_lane(self, lane, true);
      for (unsigned j = 0; j < PAYLOADS; j++)
         CloseHandle(lane->handles[j]);
      close_view(self, &lane->survivor);
   }
}

/* The next process may have been there before the last one ended, or come
 * after that; and somebody else may have come in between.
 */
static void
run_rounds(struct stress_thread *self)
{
   struct victim victims[2][LANES];
   unsigned i;

   open_process(self, victims[0]);
   for (i = 0; i < ROUNDS && !test_failed(); i++) {
      struct victim *next = victims[(i + 1) % 2];
      const bool early = i % 3 == 0, checked = i % 3 == 1;

      STRESS_SET(&self->busy_ns, (uint64_t)os_time_get_nano());
      if (early)
         open_process(self, next);
      run_process(victims[i % 2]);
      for (unsigned j = 0; j < LANES && checked; j++)
         check_lane(self, &death.lanes[j], false);
      if (!early)
         open_process(self, next);
   }
   STRESS_SET(&self->busy_ns, 0);

   for (unsigned j = 0; j < LANES; j++)
      close_view(self, &victims[i % 2][j].view);
}

void
stress_death(UNUSED intptr_t arg)
{
   struct stress *stress = calloc(1, sizeof(*stress));
   struct stress_thread *self = &stress->threads[THREADS - 1];
   uint64_t seen = 0;

   REQUIRE(stress != NULL);
   death = (struct death) { .stress = stress };
   stress->device = stress_device();
   for (unsigned i = 0; i < THREADS; i++) {
      struct stress_thread *thread = &stress->threads[i];

      thread->stress = stress;
      thread->index = i;
      thread->random = test_random();
      thread->role = i < LANES ? "survivor" :
                     i < 2 * LANES ? "process that ends" : "other";
   }

   stress_watch_start(stress);
   stress_enter(self);
   stress_first_wait(self);
   create_lanes(self);
   for (unsigned i = 0; i < LANES; i++)
      stress->threads[i].thread =
         test_thread_start(survivor_run, &stress->threads[i]);
   run_rounds(self);
   STRESS_SET(&death.stop, 1);
   for (unsigned i = 0; i < LANES; i++) {
      test_thread_join(stress->threads[i].thread);
      seen += death.lanes[i].seen;
   }
   destroy_lanes(self);
   stress_watch_stop();

   test_diag("%u processes have ended, %" PRIu64 " signals were seen", ROUNDS,
             seen);
   EXPECT(seen > ROUNDS);
   free(stress);
}

/* SPDX-License-Identifier: MIT */
#include "stress.h"

#include <inttypes.h>
#include <stdlib.h>

#include "vk_sync_win32_owner.h"

#ifndef NT_SHIM_H
#include "fixture.h"

const bool stress_has_d3d12 = false;

struct vk_device *
stress_device(void)
{
   return unit_device();
}

uint32_t
stress_resource_count(void)
{
   return test_count_handles();
}
#endif

/* The weights are those of fences, sets, timelines, semaphores, time-outs,
 * quick operations, churn and tickets that are abandoned.
 */
static const struct stress_config configs[] = {
   { "private and shared payloads", 1000 * 1000, 50,
     { 30, 8, 20, 15, 2, 24, 1, 1 } },
   { "private payloads", 300 * 1000, 0, { 40, 10, 25, 20, 2, 3 } },
   { "shared payloads with peers", 300 * 1000, 100,
     { 35, 3, 30, 15, 5, 10, 2, 10 } },
   { "shared payloads with little else going on", 200 * 1000, 100,
     { 40, 1, 40, 20 }, .rounds = true },
   { "shared payloads with few slots", 20 * 1000, 80, { 10, 0, 30, 10 },
     .crowded = true },
#ifdef NT_SHIM_H
   { "no bells", 20 * 1000, 60, { 30, 5, 20, 10 }, .no_bell = true },
#endif
};

static void
create_object(struct stress_thread *self, struct stress_object *object,
              enum vk_sync_flags flags, VkFlags type)
{
   mtx_init(&object->order, mtx_plain);
   object->view_count = stress_make_views(self, object->views, flags, type);
   if (type != STRESS_PRIVATE)
      object->handle = stress_export(self, object->views[0]);

   struct vk_sync_win32_layout *layout = stress_layout(object->views[0]);
   if (layout != NULL && self->stress->config->crowded) {
      for (unsigned i = FREE_SLOTS; i < VK_SYNC_WIN32_SLOTS; i++)
         EXPECT(vk_sync_win32_slot_claim(layout) != VK_SYNC_WIN32_NO_SLOT);
   }
}

/* Their counters are about to wrap. */
static void
use_for_long(struct stress_thread *self, struct stress_semaphore *semaphore)
{
   const uint32_t base = -stress_below(self, 1000);

   semaphore->signals = semaphore->tickets = base;
   semaphore->begun = semaphore->waited = base;
   vk_sync_win32_store64(stress_payload(semaphore->object.views[0])->word,
                         vk_sync_win32_pair(base, base));
}

static void
create_objects(struct stress *stress)
{
   const struct stress_config *config = stress->config;
   struct stress_thread *self = &stress->threads[0];

   for (unsigned i = 0; i < TIMELINES; i++) {
      struct stress_timeline *timeline = &stress->timelines[i];
      const bool shared = i * 100 / TIMELINES < config->shared_percent;
      /* Not where threads race for the next value: they would take it back. */
      const bool d3d12 = stress_has_d3d12 && i % 4 == 0;

      timeline->ordered = i % 2 == 0;
      timeline->home = i / 2 % SIGNAL_THREADS;
      if (timeline->ordered)
         timeline->proofs = calloc(PROOFS, sizeof(*timeline->proofs));
      create_object(self, &timeline->object, VK_SYNC_IS_TIMELINE,
                    !shared ? STRESS_PRIVATE :
                    d3d12 ? STRESS_D3D12 : STRESS_OPAQUE);
   }
   for (unsigned i = 0; i <= ABANDONED; i++) {
      struct stress_semaphore *semaphore = &stress->semaphores[i];
      const bool shared = i * 100 / SEMAPHORES < config->shared_percent ||
                          i == ABANDONED;

      create_object(self, &semaphore->object, 0,
                    shared ? STRESS_OPAQUE : STRESS_PRIVATE);
      if (i % 2 || i == ABANDONED)
         use_for_long(self, semaphore);
   }
}

/* Whatever was promised has happened, so the state is known. */
static void
check_objects(struct stress *stress)
{
   struct stress_thread *self = &stress->threads[0];

   /* Nobody is in anybody's way any more, so that this gives back all. */
   stress_destroy(self, stress_take_ticket(self,
                                           &stress->semaphores[ABANDONED]));
   for (unsigned i = 0; i < TIMELINES; i++) {
      const struct stress_timeline *timeline = &stress->timelines[i];

      for (unsigned j = 0; j < timeline->object.view_count; j++) {
         uint64_t value = 0;
         EXPECT(vk_sync_get_value(stress->device, timeline->object.views[j],
                                  &value) == VK_SUCCESS);
         EXPECT_U64(value, timeline->next);
      }
   }
   for (unsigned i = 0; i <= ABANDONED; i++) {
      const struct stress_semaphore *semaphore = &stress->semaphores[i];

      EXPECT_U64(semaphore->begun, semaphore->signals);
      EXPECT_U64(semaphore->waited, semaphore->tickets);
      EXPECT_U64(semaphore->signals, semaphore->tickets);
      for (unsigned j = 0; j < semaphore->object.view_count; j++)
         EXPECT_U64(vk_sync_win32_load64(
                       stress_payload(semaphore->object.views[j])->word),
                    vk_sync_win32_pair(semaphore->signals,
                                       semaphore->tickets));
   }
}

static void
destroy_object(struct stress_thread *self, struct stress_object *object)
{
   struct vk_sync_win32_layout *layout = stress_layout(object->views[0]);
   unsigned taken = 0;

   for (unsigned i = 0; layout != NULL && i < VK_SYNC_WIN32_SLOTS; i++) {
      EXPECT_U64(layout->armed[i / 64] >> i % 64 & 1, 0);
      EXPECT_U64(layout->slots[i].target, 0);
      taken += layout->slots[i].owner != VK_SYNC_WIN32_OWNER_NONE;
   }
   if (layout != NULL)
      EXPECT_U64(taken, self->stress->config->crowded ?
                        VK_SYNC_WIN32_SLOTS - FREE_SLOTS : 0);

   for (unsigned i = 0; i < object->view_count; i++)
      stress_destroy(self, object->views[i]);
   if (object->handle != NULL)
      CloseHandle(object->handle);
   mtx_destroy(&object->order);
}

static void
destroy_objects(struct stress *stress)
{
   struct stress_thread *self = &stress->threads[0];

   for (unsigned i = 0; i < TIMELINES; i++) {
      destroy_object(self, &stress->timelines[i].object);
      free(stress->timelines[i].proofs);
   }
   for (unsigned i = 0; i <= ABANDONED; i++)
      destroy_object(self, &stress->semaphores[i].object);
}

static void
report(const struct stress *stress, double ms)
{
   const struct stress_config *config = stress->config;
   const bool shared = config->shared_percent > 0;
   uint64_t operations = 0, polls = 0;
   uint64_t calls[CALL_COUNT] = {0};

   for (unsigned i = 0; i < THREADS; i++) {
      const struct stress_thread *thread = &stress->threads[i];
      operations += thread->operations;
      polls += thread->polls;
      for (unsigned j = 0; j < CALL_COUNT; j++)
         calls[j] += thread->calls[j];
   }
   test_diag("%" PRIu64 " operations in %.1f s: parker %s, %" PRIu64
             " parks by its calls; %" PRIu64 " bell waits, %" PRIu64
             " rings, %" PRIu64 " polls", operations, ms / 1000,
             vk_sync_win32_chosen_parker->name, calls[CALL_PARK],
             calls[CALL_BELL_WAIT], calls[CALL_RING], polls);

   /* Each thread that is released is released once, and collects it. */
   EXPECT_U64(calls[CALL_PARK], calls[CALL_UNPARK]);

   /* That it was a test of what its name says */
   EXPECT(operations >= config->operations);
   EXPECT((calls[CALL_PARK] > 0) ==
          (vk_sync_win32_chosen_parker == &vk_sync_win32_keyed_parker));
   EXPECT((calls[CALL_BELL_WAIT] > 0) == shared);
   EXPECT((calls[CALL_RING] > 0) == (shared && !config->no_bell));
   EXPECT((polls > 0) == (config->crowded || config->no_bell));
}

static void
run_once(const struct stress_config *config, struct vk_device *device,
         uint64_t operations, bool print)
{
   struct stress *stress = calloc(1, sizeof(*stress));
   const double start_ms = test_now_ms();

   REQUIRE(stress != NULL);
   stress->config = config;
   stress->device = device;
   stress->operations_per_thread = operations / APP_THREADS + 1;

   for (unsigned i = 0; i < THREADS; i++) {
      struct stress_thread *thread = &stress->threads[i];
      thread->stress = stress;
      thread->index = i;
      thread->random = test_random();
   }
   for (unsigned i = 0; i < TEST_COUNT(stress->queues); i++) {
      mtx_init(&stress->queues[i].mutex, mtx_plain);
      cnd_init(&stress->queues[i].not_empty);
      cnd_init(&stress->queues[i].not_full);
   }

   /* Objects are made and unmade here, in the name of the first thread. */
   stress_watch_start(stress);
   stress_enter(&stress->threads[0]);
   create_objects(stress);
   /* vk_sync.c initializes a variable of its own on the first wait, which is a
    * harmless race that should not occupy the sanitizer.
    */
   EXPECT(stress_poll(&stress->threads[0],
                      stress->timelines[0].object.views[0], 0) == VK_SUCCESS);

   for (unsigned i = 0; i < THREADS; i++) {
      struct stress_thread *thread = &stress->threads[i];
      thread->thread = test_thread_start(i < APP_THREADS ?
                                         stress_app_thread :
                                         stress_queue_thread, thread);
   }

   /* Submit threads go before those that signal what they wait for. */
   const struct stress_job last = { .last = true };
   for (unsigned i = 0; i < APP_THREADS; i++)
      test_thread_join(stress->threads[i].thread);
   for (unsigned i = TEST_COUNT(stress->queues); i-- > 0;) {
      stress_push(&stress->queues[i], &last);
      test_thread_join(stress->threads[APP_THREADS + i].thread);
   }

   if (!test_failed())
      check_objects(stress);
   destroy_objects(stress);
   stress_watch_stop();
   for (unsigned i = 0; i < TEST_COUNT(stress->queues); i++) {
      mtx_destroy(&stress->queues[i].mutex);
      cnd_destroy(&stress->queues[i].not_empty);
      cnd_destroy(&stress->queues[i].not_full);
   }

   if (print && !test_failed())
      report(stress, test_now_ms() - start_ms);
   free(stress);
}

/* What is kept from one wait to the next */
static void
forget_waiters(void)
{
   vk_sync_win32_waiter_destroy_free();
   vk_sync_win32_bell_forget_all();
}

static void
run(intptr_t index)
{
   const struct stress_config *config = &configs[index];
   struct vk_device *device = stress_device();

   forget_waiters();
#ifdef NT_SHIM_H
   nt_shim_refuse_semaphores(config->no_bell);
#endif

   /* Whatever is created once, and kept */
   run_once(config, device, 2000, false);
   forget_waiters();
   uint32_t after = stress_resource_count(), before = after;

   /* Again if something is left: the system creates a handle when threads first
    * meet in one of its locks, where a leak would go on.
    */
   for (unsigned i = 0; i < 3 && !test_failed(); i++) {
      before = after;
      run_once(config, device, config->operations * test_scale(), i == 0);
      forget_waiters();
      after = stress_resource_count();
      /* A thread that has ended holds its handles for a moment longer. */
      for (unsigned j = 0; j < 200 && after != before; j++) {
         Sleep(5);
         after = stress_resource_count();
      }
      if (after == before)
         break;
      test_diag("%u handles instead of %u", after, before);
   }
   if (!test_failed())
      EXPECT_U64(after, before);
}

int
main(int argc, char **argv)
{
   struct test_case cases[TEST_COUNT(configs) + 1] = {0};

   /* The watchdog of this program is a better one than the test framework's. */
   for (unsigned i = 0; i < TEST_COUNT(configs); i++)
      cases[i] = (struct test_case) { configs[i].name, run, i, 24 * 3600 };
   return test_main(argc, argv, cases, NULL);
}

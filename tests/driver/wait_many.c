/* SPDX-License-Identifier: MIT */

/* Waits for one or all of many objects, private and shared payloads mixed. */
#include "vkt.h"

#include <stdlib.h>

#define MAX_OBJECTS 200

/* Every third object is private, the others have a holder on a second
 * instance through which they are signalled.
 */
struct crowd {
   enum vkt_kind kind;
   unsigned count;
   struct vkt_device *device, *other;
   struct vkt_object *objects[MAX_OBJECTS];
   struct vkt_object *signals[MAX_OBJECTS];
};

static struct crowd *
open_crowd(enum vkt_kind kind, unsigned count)
{
   struct crowd *crowd = calloc(1, sizeof(*crowd));

   REQUIRE(crowd != NULL && count <= MAX_OBJECTS);
   test_defer(free, crowd);
   crowd->kind = kind;
   crowd->count = count;
   crowd->device = vkt_open();
   crowd->other = vkt_open();
   for (unsigned i = 0; i < count; i++) {
      if (i % 3 == 1) {
         crowd->objects[i] = vkt_create(crowd->device, kind);
         crowd->signals[i] = crowd->objects[i];
      } else {
         HANDLE handle;

         crowd->signals[i] = vkt_create_exportable(crowd->other, kind);
         handle = vkt_export(crowd->signals[i]);
         crowd->objects[i] = vkt_alias(crowd->device, kind, handle);
         vkt_close_export(handle);
      }
   }
   return crowd;
}

/* Timelines are waited for at this value. */
static VkResult
wait_crowd(const struct crowd *crowd, uint64_t value, bool all,
           uint64_t timeout_ms)
{
   VkFence fences[MAX_OBJECTS];
   VkSemaphore semaphores[MAX_OBJECTS];
   uint64_t values[MAX_OBJECTS];
   const VkSemaphoreWaitInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
      .flags = all ? 0 : VK_SEMAPHORE_WAIT_ANY_BIT,
      .semaphoreCount = crowd->count,
      .pSemaphores = semaphores,
      .pValues = values,
   };

   for (unsigned i = 0; i < crowd->count; i++) {
      fences[i] = crowd->objects[i]->fence;
      semaphores[i] = crowd->objects[i]->semaphore;
      values[i] = value;
   }
   if (crowd->kind == VKT_FENCE)
      return vkWaitForFences(crowd->device->handle, crowd->count, fences,
                             all, timeout_ms * 1000000);
   return vkWaitSemaphores(crowd->device->handle, &info,
                           timeout_ms * 1000000);
}

static void
signal_one(const struct crowd *crowd, unsigned i, uint64_t value)
{
   if (crowd->kind == VKT_FENCE)
      vkt_queue_signal(crowd->signals[i], 0);
   else
      vkt_host_signal(crowd->signals[i], value);
}

static double
thread_cpu_ms(void)
{
   FILETIME created, ended, kernel, user;
   uint64_t ticks;

   REQUIRE(GetThreadTimes(GetCurrentThread(), &created, &ended, &kernel,
                          &user));
   ticks = ((uint64_t)kernel.dwHighDateTime << 32) + kernel.dwLowDateTime;
   ticks += ((uint64_t)user.dwHighDateTime << 32) + user.dwLowDateTime;
   return (double)ticks / 10000.0;
}

static double
process_cpu_ms(void)
{
   FILETIME created, ended, kernel, user;
   uint64_t ticks;

   REQUIRE(GetProcessTimes(GetCurrentProcess(), &created, &ended, &kernel,
                           &user));
   ticks = ((uint64_t)kernel.dwHighDateTime << 32) + kernel.dwLowDateTime;
   ticks += ((uint64_t)user.dwHighDateTime << 32) + user.dwLowDateTime;
   return (double)ticks / 10000.0;
}

#define IDLE_MS 500
#define IDLE_CPU_MS 50.0

static void
expect_idle(const struct crowd *crowd, bool all)
{
   const double thread = thread_cpu_ms(), process = process_cpu_ms();
   const double start = test_now_ms();
   double waited;

   EXPECT_RESULT(wait_crowd(crowd, 1000, all, IDLE_MS), VK_TIMEOUT);
   waited = test_now_ms() - start;
   EXPECT(waited >= IDLE_MS * 0.9);
   test_diag("%u objects, %.0f ms: CPU time of the thread %.1f ms, of the "
             "process %.1f ms", crowd->count, waited,
             thread_cpu_ms() - thread, process_cpu_ms() - process);
   EXPECT(thread_cpu_ms() - thread < IDLE_CPU_MS);
   EXPECT(process_cpu_ms() - process < IDLE_CPU_MS * 2);
}

/* (trap 8) */
static void
any_idle_does_not_spin(intptr_t kind)
{
   expect_idle(open_crowd((enum vkt_kind)kind, 6), false);
}

static void
any_idle_many_does_not_spin(intptr_t kind)
{
   expect_idle(open_crowd((enum vkt_kind)kind, 100), false);
}

static void
all_idle_does_not_spin(intptr_t kind)
{
   expect_idle(open_crowd((enum vkt_kind)kind, 6), true);
}

/* Two fences, neither shared: what most applications do. */
static void
any_idle_private_does_not_spin(intptr_t arg)
{
   struct crowd crowd = {.kind = VKT_FENCE, .count = 2};

   (void)arg;
   crowd.device = vkt_open();
   for (unsigned i = 0; i < crowd.count; i++)
      crowd.objects[i] = vkt_create(crowd.device, VKT_FENCE);
   expect_idle(&crowd, false);
}

static void
queue_wait_idle_does_not_spin(intptr_t arg)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   struct vkt_object *private_one = vkt_create(device, VKT_TIMELINE);
   struct vkt_object *shared = vkt_create_exportable(other, VKT_TIMELINE);
   struct vkt_object *alias =
      vkt_alias(device, VKT_TIMELINE, vkt_export(shared));
   struct vkt_object *done = vkt_create(device, VKT_FENCE);
   double process;

   (void)arg;
   vkt_submit(device, &(struct vkt_batch){.waits = {{private_one, 1},
                                                    {alias, 1}}}, done);
   process = process_cpu_ms();
   Sleep(IDLE_MS);
   EXPECT(process_cpu_ms() - process < IDLE_CPU_MS * 2);
   vkt_host_signal(shared, 1);
   process = process_cpu_ms();
   Sleep(IDLE_MS);
   EXPECT(process_cpu_ms() - process < IDLE_CPU_MS * 2);
   EXPECT_U64(vkt_value(done), 0);
   vkt_host_signal(private_one, 1);
   vkt_expect_done(done);
}

/* Blocks first and is woken by each object in turn. */
static void
any_woken_by_each(intptr_t kind)
{
   struct crowd *crowd = open_crowd((enum vkt_kind)kind, 9);

   for (unsigned i = 0; i < crowd->count; i++) {
      struct vkt_later *later = vkt_signal_later(crowd->signals[i], i + 1, 5);

      EXPECT_OK(wait_crowd(crowd, i + 1, false, VKT_LONG_MS));
      vkt_join_later(later);
      EXPECT_U64(vkt_value(crowd->objects[i]),
                 kind == VKT_FENCE ? 1 : i + 1);
      if (kind == VKT_FENCE)
         vkt_reset(crowd->objects[i]);
      EXPECT_RESULT(wait_crowd(crowd, i + 2, false, 0), VK_TIMEOUT);
   }
}

static void
any_already_signalled(intptr_t kind)
{
   struct crowd *crowd = open_crowd((enum vkt_kind)kind, 9);

   for (unsigned i = 0; i < crowd->count; i++) {
      signal_one(crowd, i, i + 1);
      EXPECT_OK(vkt_wait(crowd->objects[i], i + 1, VKT_LONG_MS));
      EXPECT_OK(wait_crowd(crowd, i + 1, false, 0));
      if (kind == VKT_FENCE)
         vkt_reset(crowd->objects[i]);
   }
}

/* Far past MAXIMUM_WAIT_OBJECTS. */
static void
any_of_200(intptr_t kind)
{
   struct crowd *crowd = open_crowd((enum vkt_kind)kind, 200);

   for (unsigned round = 0; round < 20; round++) {
      const unsigned i = test_random_below(crowd->count);
      struct vkt_later *later =
         vkt_signal_later(crowd->signals[i], round + 1,
                          test_random_below(8));

      EXPECT_OK(wait_crowd(crowd, round + 1, false, VKT_LONG_MS));
      vkt_join_later(later);
      EXPECT_U64(vkt_value(crowd->objects[i]),
                 kind == VKT_FENCE ? 1 : round + 1);
      if (kind == VKT_FENCE)
         vkt_reset(crowd->objects[i]);
   }
}

static void
all_of_200(intptr_t kind)
{
   struct crowd *crowd = open_crowd((enum vkt_kind)kind, 200);
   const unsigned last = test_random_below(crowd->count);
   struct vkt_later *later;

   for (unsigned i = 0; i < crowd->count; i++) {
      if (i != last)
         signal_one(crowd, i, 1);
   }
   EXPECT_RESULT(wait_crowd(crowd, 1, true, VKT_PENDING_MS), VK_TIMEOUT);
   later = vkt_signal_later(crowd->signals[last], 1, 20);
   EXPECT_OK(wait_crowd(crowd, 1, true, VKT_LONG_MS));
   vkt_join_later(later);
}

static void
all_needs_each(intptr_t kind)
{
   struct crowd *crowd = open_crowd((enum vkt_kind)kind, 7);

   for (unsigned i = 0; i < crowd->count; i++) {
      EXPECT_RESULT(wait_crowd(crowd, 1, true, 10), VK_TIMEOUT);
      signal_one(crowd, (i * 3) % crowd->count, 1);
   }
   EXPECT_OK(wait_crowd(crowd, 1, true, VKT_LONG_MS));
}

/* A fence with a temporary payload among others. */
static void
any_with_temporary(intptr_t arg)
{
   struct crowd *crowd = open_crowd(VKT_FENCE, 6);
   struct vkt_object *source = vkt_create_exportable(crowd->other, VKT_FENCE);
   struct vkt_later *later;

   (void)arg;
   vkt_import_temporary(crowd->objects[1], vkt_export(source));
   later = vkt_signal_later(source, 0, 20);
   EXPECT_OK(wait_crowd(crowd, 0, false, VKT_LONG_MS));
   vkt_join_later(later);
   EXPECT_U64(vkt_value(crowd->objects[1]), 1);
}

/* One payload twice in one wait, at values of which one never comes. */
static void
any_same_payload_twice(intptr_t arg)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   struct vkt_object *a = vkt_create_exportable(other, VKT_TIMELINE);
   HANDLE handle = vkt_export(a);
   struct vkt_object *b = vkt_alias(device, VKT_TIMELINE, handle);
   struct vkt_object *c = vkt_alias(device, VKT_TIMELINE, handle);
   const VkSemaphore semaphores[] = {b->semaphore, c->semaphore};
   const uint64_t values[] = {1000000, 5};
   VkSemaphoreWaitInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
      .flags = VK_SEMAPHORE_WAIT_ANY_BIT,
      .semaphoreCount = 2,
      .pSemaphores = semaphores,
      .pValues = values,
   };
   struct vkt_later *later = vkt_signal_later(a, 5, 20);

   (void)arg;
   EXPECT_OK(vkWaitSemaphores(device->handle, &info,
                              (uint64_t)VKT_LONG_MS * 1000000));
   vkt_join_later(later);
   info.flags = 0;
   EXPECT_RESULT(vkWaitSemaphores(device->handle, &info, 20000000),
                 VK_TIMEOUT);
   vkt_expect_linked(a, c);
}

struct watcher {
   const struct crowd *crowd;
   unsigned rounds;
   struct test_thread *thread;
};

static void
watch(void *data)
{
   struct watcher *watcher = data;

   for (unsigned i = 1; i <= watcher->rounds; i++)
      EXPECT_OK(wait_crowd(watcher->crowd, i, false, VKT_LONG_MS));
}

static void
any_many_threads(intptr_t arg)
{
   enum { THREADS = 8, ROUNDS = 200 };
   struct crowd *crowd = open_crowd(VKT_TIMELINE, 30);
   struct watcher watchers[THREADS];

   (void)arg;
   for (unsigned i = 0; i < THREADS; i++) {
      watchers[i] = (struct watcher){.crowd = crowd, .rounds = ROUNDS};
      watchers[i].thread = test_thread_start(watch, &watchers[i]);
   }
   for (unsigned round = 1; round <= ROUNDS; round++) {
      signal_one(crowd, test_random_below(crowd->count), round);
      if (round % 8 == 0)
         Sleep(1);
   }
   for (unsigned i = 0; i < THREADS; i++)
      test_thread_join(watchers[i].thread);
}

#define BOTH(name, run) \
   {name "_fences", run, VKT_FENCE, 0}, \
   {name "_timelines", run, VKT_TIMELINE, 0}

static const struct test_case cases[] = {
   {"any_idle_private_does_not_spin", any_idle_private_does_not_spin, 0, 0},
   BOTH("any_idle_does_not_spin", any_idle_does_not_spin),
   BOTH("any_idle_many_does_not_spin", any_idle_many_does_not_spin),
   BOTH("all_idle_does_not_spin", all_idle_does_not_spin),
   {"queue_wait_idle_does_not_spin", queue_wait_idle_does_not_spin, 0, 0},
   BOTH("any_woken_by_each", any_woken_by_each),
   BOTH("any_already_signalled", any_already_signalled),
   BOTH("any_of_200", any_of_200),
   BOTH("all_of_200", all_of_200),
   BOTH("all_needs_each", all_needs_each),
   {"any_with_temporary_payload", any_with_temporary, 0, 0},
   {"any_same_payload_twice", any_same_payload_twice, 0, 0},
   {"any_many_threads", any_many_threads, 0, 0},
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}

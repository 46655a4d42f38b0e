/* SPDX-License-Identifier: MIT */

/* Waits for one or all of many objects, private and shared payloads mixed. */
#include "vkt.h"

/* Every third object is private, the others have a holder on a second
 * instance through which they are signalled.
 */
struct crowd {
   enum vkt_kind kind;
   unsigned count;
   struct vkt_device *other;
   struct vkt_object *objects[VKT_MAX_WAITS];
   struct vkt_object *signals[VKT_MAX_WAITS];
};

static struct crowd
open_crowd(enum vkt_kind kind, unsigned count)
{
   struct crowd crowd = {.kind = kind, .count = count, .other = vkt_open()};
   struct vkt_device *device = vkt_open();

   for (unsigned i = 0; i < count; i++) {
      if (i % 3 == 1) {
         crowd.objects[i] = vkt_create(device, kind);
         crowd.signals[i] = crowd.objects[i];
      } else {
         crowd.signals[i] = vkt_create_exportable(crowd.other, kind);
         crowd.objects[i] = vkt_share(crowd.signals[i], device);
      }
   }
   return crowd;
}

/* Timelines are waited for at this value. */
static VkResult
wait_crowd(const struct crowd *crowd, uint64_t value, bool all,
           uint64_t timeout_ms)
{
   return vkt_wait_many(crowd->objects, crowd->count, value, all, timeout_ms);
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
cpu_ms(void)
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

/* (trap 8) */
static void
idle_does_not_spin(intptr_t kind)
{
   const struct crowd crowd = open_crowd(kind, 100);

   for (int all = 0; all < 2; all++) {
      double cpu = cpu_ms(), waited = -test_now_ms();

      EXPECT_RESULT(wait_crowd(&crowd, 1000, all, IDLE_MS), VK_TIMEOUT);
      waited += test_now_ms();
      cpu = cpu_ms() - cpu;
      test_diag("%.0f ms: CPU time %.1f ms", waited, cpu);
      EXPECT(waited >= IDLE_MS * 0.9);
      EXPECT(cpu < IDLE_CPU_MS);
   }
}

static void
queue_wait_idle_does_not_spin(UNUSED intptr_t arg)
{
   const struct vkt_pair p = vkt_open_pair(VKT_TIMELINE);
   struct vkt_object *private_one = vkt_create(p.b->device, VKT_TIMELINE);
   struct vkt_object *done = vkt_create(p.b->device, VKT_FENCE);
   const struct vkt_batch batch = {.waits = {{private_one, 1}, {p.b, 1}}};

   vkt_submit(p.b->device, &batch, done);
   for (unsigned i = 0; i < 2; i++) {
      const double cpu = cpu_ms();

      Sleep(IDLE_MS);
      EXPECT(cpu_ms() - cpu < IDLE_CPU_MS * 2);
      EXPECT_U64(vkt_value(done), 0);
      vkt_host_signal(i == 0 ? p.a : private_one, 1);
   }
   vkt_expect_done(done);
}

/* Blocks first. */
static void
expect_woken(const struct crowd *crowd, struct vkt_object *by, uint64_t value,
             bool all, unsigned ms)
{
   struct vkt_later *later = vkt_signal_later(by, value, ms);

   EXPECT_OK(wait_crowd(crowd, value, all, VKT_LONG_MS));
   vkt_join_later(later);
}

static void
expect_signalled(const struct crowd *crowd, unsigned i, uint64_t value)
{
   const bool is_fence = crowd->kind == VKT_FENCE;

   EXPECT_U64(vkt_value(crowd->objects[i]), is_fence ? 1 : value);
   if (is_fence)
      vkt_reset(crowd->objects[i]);
}

/* Blocked before the signal, and then called after it */
static void
any_of_each(intptr_t kind)
{
   const struct crowd crowd = open_crowd(kind, 9);
   uint64_t value = 1;

   for (unsigned i = 0; i < crowd.count; i++) {
      expect_woken(&crowd, crowd.signals[i], value, false, 5);
      expect_signalled(&crowd, i, value++);
      EXPECT_RESULT(wait_crowd(&crowd, value, false, 0), VK_TIMEOUT);

      signal_one(&crowd, i, value);
      EXPECT_OK(vkt_wait(crowd.objects[i], value, VKT_LONG_MS));
      EXPECT_OK(wait_crowd(&crowd, value, false, 0));
      expect_signalled(&crowd, i, value++);
      EXPECT_RESULT(wait_crowd(&crowd, value, false, 0), VK_TIMEOUT);
   }
}

/* Far past MAXIMUM_WAIT_OBJECTS. */
static void
any_and_all_of_200(intptr_t kind)
{
   const struct crowd crowd = open_crowd(kind, 200);
   const unsigned last = test_random_below(crowd.count);

   for (unsigned round = 1; round <= 20; round++) {
      const unsigned i = test_random_below(crowd.count);

      expect_woken(&crowd, crowd.signals[i], round, false,
                   test_random_below(8));
      expect_signalled(&crowd, i, round);
   }
   for (unsigned i = 0; i < crowd.count; i++) {
      if (i != last)
         signal_one(&crowd, i, 21);
   }
   EXPECT_RESULT(wait_crowd(&crowd, 21, true, VKT_PENDING_MS), VK_TIMEOUT);
   expect_woken(&crowd, crowd.signals[last], 21, true, 20);
}

/* A fence with a temporary payload among others. */
static void
any_with_temporary(UNUSED intptr_t arg)
{
   const struct crowd crowd = open_crowd(VKT_FENCE, 6);
   struct vkt_object *source = vkt_create_exportable(crowd.other, VKT_FENCE);

   vkt_import_temporary(crowd.objects[1], vkt_export(source));
   expect_woken(&crowd, source, 0, false, 20);
   EXPECT_U64(vkt_value(crowd.objects[1]), 1);
}

/* One payload twice in one wait, at values of which one never comes. */
static void
any_same_payload_twice(UNUSED intptr_t arg)
{
   const struct vkt_pair p = vkt_open_pair(VKT_TIMELINE);
   struct vkt_object *c = vkt_share(p.a, p.b->device);
   const VkSemaphore semaphores[] = {p.b->semaphore, c->semaphore};
   const uint64_t values[] = {1000000, 5};
   VkSemaphoreWaitInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
      .flags = VK_SEMAPHORE_WAIT_ANY_BIT,
      .semaphoreCount = 2,
      .pSemaphores = semaphores,
      .pValues = values,
   };
   struct vkt_later *later = vkt_signal_later(p.a, 5, 20);

   EXPECT_OK(vkWaitSemaphores(c->device->handle, &info,
                              (uint64_t)VKT_LONG_MS * 1000000));
   vkt_join_later(later);
   info.flags = 0;
   EXPECT_RESULT(vkWaitSemaphores(c->device->handle, &info, 20000000),
                 VK_TIMEOUT);
   vkt_expect_linked(p.a, c);
}

#define BOTH(name, run) \
   {name "_fences", run, VKT_FENCE}, \
   {name "_timelines", run, VKT_TIMELINE}

const struct test_case test_cases[] = {
   BOTH("idle_does_not_spin", idle_does_not_spin),
   {"queue_wait_idle_does_not_spin", queue_wait_idle_does_not_spin},
   BOTH("any_of_each", any_of_each),
   BOTH("any_and_all_of_200", any_and_all_of_200),
   {"any_with_temporary_payload", any_with_temporary},
   {"any_same_payload_twice", any_same_payload_twice},
   {0},
};

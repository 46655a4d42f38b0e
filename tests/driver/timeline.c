/* SPDX-License-Identifier: MIT */

/* Timeline semaphores that share a payload: host and queue operations. */
#include "vkt.h"

struct pair {
   struct vkt_object *a, *b;
};

static struct pair
open_pair(uint64_t initial)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   struct pair pair;

   pair.a = vkt_create_info(device, &(struct vkt_object_info){
                                       .kind = VKT_TIMELINE,
                                       .export_types = vkt_handle_type(),
                                       .initial = initial,
                                    });
   pair.b = vkt_alias(other, VKT_TIMELINE, vkt_export(pair.a));
   return pair;
}

static void
host_signal_host_wait(intptr_t arg)
{
   struct pair p = open_pair(0);

   (void)arg;
   for (uint64_t i = 1; i < 500; i++) {
      struct vkt_object *signals = i % 2 ? p.a : p.b;
      struct vkt_object *waits = i % 2 ? p.b : p.a;

      EXPECT_RESULT(vkt_wait(waits, i, 0), VK_TIMEOUT);
      vkt_host_signal(signals, i);
      EXPECT_OK(vkt_wait(waits, i, 0));
      EXPECT_U64(vkt_value(waits), i);
   }
}

static void
queue_signal_host_wait(intptr_t arg)
{
   struct pair p = open_pair(0);

   (void)arg;
   for (uint64_t i = 1; i < 200; i++) {
      vkt_queue_signal(i % 2 ? p.a : p.b, i);
      EXPECT_OK(vkt_wait(i % 2 ? p.b : p.a, i, VKT_LONG_MS));
      EXPECT_U64(vkt_value(p.a), i);
   }
}

static void
host_signal_queue_wait(intptr_t arg)
{
   struct pair p = open_pair(0);
   struct vkt_object *done = vkt_queue_wait(p.b, 5);

   (void)arg;
   vkt_expect_pending(done);
   vkt_host_signal(p.a, 4);
   vkt_expect_pending(done);
   vkt_host_signal(p.a, 5);
   vkt_expect_done(done);
}

static void
queue_signal_queue_wait(intptr_t arg)
{
   struct pair p = open_pair(0);
   struct vkt_object *done = vkt_queue_wait(p.b, 5);

   (void)arg;
   vkt_queue_signal(p.a, 4);
   vkt_expect_pending(done);
   vkt_queue_signal(p.a, 6);
   vkt_expect_done(done);
}

static void
host_wait_before_signal(intptr_t arg)
{
   struct pair p = open_pair(0);
   struct vkt_later *later = vkt_signal_later(p.a, 3, VKT_PENDING_MS);

   (void)arg;
   EXPECT_OK(vkt_wait(p.b, 3, VKT_LONG_MS));
   vkt_join_later(later);
   later = vkt_signal_later(p.b, 4, VKT_PENDING_MS);
   EXPECT_OK(vkt_wait(p.b, 4, VKT_LONG_MS));
   vkt_join_later(later);
}

static void
wait_for_passed_value(intptr_t arg)
{
   struct pair p = open_pair(10);

   (void)arg;
   EXPECT_OK(vkt_wait(p.b, 0, 0));
   EXPECT_OK(vkt_wait(p.b, 9, 0));
   EXPECT_OK(vkt_wait(p.b, 10, 0));
   EXPECT_RESULT(vkt_wait(p.b, 11, 0), VK_TIMEOUT);
   vkt_expect_done(vkt_queue_wait(p.b, 3));
}

static void
wait_times_out(intptr_t arg)
{
   struct pair p = open_pair(0);
   double start = test_now_ms();

   (void)arg;
   EXPECT_RESULT(vkt_wait(p.b, 1, 100), VK_TIMEOUT);
   EXPECT(test_now_ms() - start >= 90);
   /* A wait that was given up leaves nothing that a signal trips over. */
   vkt_expect_linked(p.a, p.b);
   EXPECT_RESULT(vkt_wait(p.b, 100, 20), VK_TIMEOUT);
   vkt_expect_linked(p.b, p.a);
}

/* Both halves of the word, and the top bit. */
static void
large_values(intptr_t arg)
{
   static const uint64_t values[] = {
      UINT64_C(0xfffffffe),         UINT64_C(0xffffffff),
      UINT64_C(0x100000000),        UINT64_C(0x1ffffffff),
      UINT64_C(0x7fffffffffffffff), UINT64_C(0x8000000000000000),
      UINT64_C(0xfffffffffffffffe), UINT64_C(0xffffffffffffffff),
   };
   struct pair p = open_pair(0);

   (void)arg;
   for (size_t i = 0; i < TEST_COUNT(values); i++) {
      struct vkt_object *done = vkt_queue_wait(p.b, values[i]);

      EXPECT_RESULT(vkt_wait(p.b, values[i], 0), VK_TIMEOUT);
      if (i % 2)
         vkt_queue_signal(p.a, values[i]);
      else
         vkt_host_signal(p.a, values[i]);
      EXPECT_OK(vkt_wait(p.b, values[i], VKT_LONG_MS));
      EXPECT_U64(vkt_value(p.b), values[i]);
      vkt_expect_done(done);
   }
}

/* An application's error: the value must stay. What else happens, a lost
 * device for instance, is the driver's choice; so another device looks.
 */
static void
signal_that_does_not_increase(intptr_t arg)
{
   struct pair p = open_pair(10);
   struct vkt_device *device = p.a->device;
   VkSemaphoreSignalInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
      .semaphore = p.a->semaphore,
   };

   (void)arg;
   for (info.value = 9; info.value <= 10; info.value++) {
      vkt_clear_messages(device);
      (void)vkSignalSemaphore(device->handle, &info);
      EXPECT(vkt_message_count(device) >= 1);
      EXPECT_U64(vkt_value(p.b), 10);
   }
   vkt_expect_works(p.b);
}

struct waiter {
   struct vkt_object *object;
   uint64_t value;
   uint64_t seen;
   VkResult result;
   volatile LONG done;
   struct test_thread *thread;
};

static void
waiter_run(void *data)
{
   struct waiter *waiter = data;

   waiter->result = vkt_wait(waiter->object, waiter->value, VKT_LONG_MS);
   waiter->seen = vkt_value(waiter->object);
   InterlockedExchange(&waiter->done, 1);
}

/* Each blocked thread wants another value, on either holder. */
static void
many_waiters(intptr_t arg)
{
   enum { THREADS = 12 };
   struct pair p = open_pair(0);
   struct waiter waiters[THREADS];

   (void)arg;
   for (unsigned i = 0; i < THREADS; i++) {
      waiters[i] = (struct waiter){
         .object = i % 3 ? p.b : p.a,
         .value = 1 + i,
      };
      waiters[i].thread = test_thread_start(waiter_run, &waiters[i]);
   }
   Sleep(VKT_PENDING_MS);

   for (uint64_t value = 2; value <= THREADS; value += 2) {
      for (unsigned i = 0; i < THREADS; i++) {
         if (waiters[i].value >= value)
            EXPECT(!waiters[i].done);
      }
      if (value % 4)
         vkt_host_signal(p.a, value);
      else
         vkt_queue_signal(p.b, value);
      EXPECT_OK(vkt_wait(p.a, value, VKT_LONG_MS));
      Sleep(10);
   }
   for (unsigned i = 0; i < THREADS; i++) {
      test_thread_join(waiters[i].thread);
      EXPECT_OK(waiters[i].result);
      EXPECT(waiters[i].seen >= waiters[i].value);
   }
}

static void
same_value_many_waiters(intptr_t arg)
{
   enum { THREADS = 12 };
   struct pair p = open_pair(0);
   struct waiter waiters[THREADS];

   (void)arg;
   for (uint64_t round = 1; round <= 10; round++) {
      for (unsigned i = 0; i < THREADS; i++) {
         waiters[i] = (struct waiter){
            .object = i % 2 ? p.b : p.a,
            .value = round,
         };
         waiters[i].thread = test_thread_start(waiter_run, &waiters[i]);
      }
      Sleep(test_random_below(20));
      vkt_host_signal(p.a, round);
      for (unsigned i = 0; i < THREADS; i++) {
         test_thread_join(waiters[i].thread);
         EXPECT_OK(waiters[i].result);
      }
   }
}

/* Both queues hold everything at once, each batch waiting for the other
 * queue's.
 */
static void
queues_alternate(intptr_t arg)
{
   enum { ROUNDS = 500 };
   struct pair p = open_pair(0);

   (void)arg;
   for (uint64_t i = 0; i < ROUNDS; i++) {
      vkt_submit(p.b->device,
                 &(struct vkt_batch){.waits = {{p.b, 2 * i + 1}},
                                     .signals = {{p.b, 2 * i + 2}}}, NULL);
      vkt_submit(p.a->device,
                 &(struct vkt_batch){.waits = {{p.a, 2 * i}},
                                     .signals = {{p.a, 2 * i + 1}}}, NULL);
   }
   EXPECT_OK(vkt_wait(p.a, 2 * ROUNDS, VKT_LONG_MS));
   EXPECT_U64(vkt_value(p.b), 2 * ROUNDS);
}

/* The last link of the chain is submitted first. */
static void
chain_submitted_backwards(intptr_t arg)
{
   enum { DEVICES = 4 };
   struct vkt_device *devices[DEVICES];
   struct vkt_object *first, *links[DEVICES];
   HANDLE handle;

   (void)arg;
   for (unsigned i = 0; i < DEVICES; i++)
      devices[i] = vkt_open();
   first = vkt_create_exportable(devices[0], VKT_TIMELINE);
   handle = vkt_export(first);
   for (unsigned i = 0; i < DEVICES; i++)
      links[i] = vkt_alias(devices[i], VKT_TIMELINE, handle);

   for (unsigned i = DEVICES; i-- > 0;) {
      vkt_submit(devices[i],
                 &(struct vkt_batch){.waits = {{links[i], 1 + i}},
                                     .signals = {{links[i], 2 + i}}}, NULL);
   }
   EXPECT_RESULT(vkt_wait(first, 2, VKT_PENDING_MS), VK_TIMEOUT);
   vkt_host_signal(first, 1);
   EXPECT_OK(vkt_wait(first, 1 + DEVICES, VKT_LONG_MS));
}

static void
submit_with_timeline_info(intptr_t arg)
{
   struct pair p = open_pair(0);
   const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
   const uint64_t wait_value = 3, signal_value = 8;
   const VkTimelineSemaphoreSubmitInfo values = {
      .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
      .waitSemaphoreValueCount = 1,
      .pWaitSemaphoreValues = &wait_value,
      .signalSemaphoreValueCount = 1,
      .pSignalSemaphoreValues = &signal_value,
   };
   const VkSubmitInfo submit = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
      .pNext = &values,
      .waitSemaphoreCount = 1,
      .pWaitSemaphores = &p.b->semaphore,
      .pWaitDstStageMask = &stage,
      .signalSemaphoreCount = 1,
      .pSignalSemaphores = &p.b->semaphore,
   };

   (void)arg;
   REQUIRE_OK(vkQueueSubmit(p.b->device->queue, 1, &submit, VK_NULL_HANDLE));
   EXPECT_RESULT(vkt_wait(p.a, 8, VKT_PENDING_MS), VK_TIMEOUT);
   vkt_host_signal(p.a, 3);
   EXPECT_OK(vkt_wait(p.a, 8, VKT_LONG_MS));
}

/* Two semaphores of one device on the same payload, in one submission. */
static void
two_aliases_in_one_batch(intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, VKT_TIMELINE);
   struct vkt_object *b = vkt_alias(device, VKT_TIMELINE, vkt_export(a));

   (void)arg;
   vkt_submit(device, &(struct vkt_batch){.waits = {{a, 1}, {b, 2}},
                                          .signals = {{a, 3}}}, NULL);
   EXPECT_RESULT(vkt_wait(b, 3, VKT_PENDING_MS), VK_TIMEOUT);
   vkt_host_signal(a, 1);
   EXPECT_RESULT(vkt_wait(b, 3, VKT_PENDING_MS), VK_TIMEOUT);
   vkt_host_signal(b, 2);
   EXPECT_OK(vkt_wait(b, 3, VKT_LONG_MS));
}

static const struct test_case cases[] = {
   {"timeline_host_signal_host_wait", host_signal_host_wait, 0, 0},
   {"timeline_queue_signal_host_wait", queue_signal_host_wait, 0, 0},
   {"timeline_host_signal_queue_wait", host_signal_queue_wait, 0, 0},
   {"timeline_queue_signal_queue_wait", queue_signal_queue_wait, 0, 0},
   {"timeline_host_wait_before_signal", host_wait_before_signal, 0, 0},
   {"timeline_wait_for_passed_value", wait_for_passed_value, 0, 0},
   {"timeline_wait_times_out", wait_times_out, 0, 0},
   {"timeline_large_values", large_values, 0, 0},
   {"timeline_signal_that_does_not_increase", signal_that_does_not_increase,
    0, 0},
   {"timeline_many_waiters", many_waiters, 0, 0},
   {"timeline_same_value_many_waiters", same_value_many_waiters, 0, 0},
   {"timeline_queues_alternate", queues_alternate, 0, 0},
   {"timeline_chain_submitted_backwards", chain_submitted_backwards, 0, 0},
   {"timeline_submit_with_timeline_info", submit_with_timeline_info, 0, 0},
   {"timeline_two_aliases_in_one_batch", two_aliases_in_one_batch, 0, 0},
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}

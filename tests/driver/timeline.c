/* SPDX-License-Identifier: MIT */

/* Timeline semaphores that share a payload: host and queue operations. */
#include "vkt.h"

static void
host_signal_host_wait(UNUSED intptr_t arg)
{
   const struct vkt_pair p = vkt_open_pair(VKT_TIMELINE);

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
queue_signal_host_wait(UNUSED intptr_t arg)
{
   const struct vkt_pair p = vkt_open_pair(VKT_TIMELINE);

   for (uint64_t i = 1; i < 200; i++) {
      vkt_queue_signal(i % 2 ? p.a : p.b, i);
      EXPECT_OK(vkt_wait(i % 2 ? p.b : p.a, i, VKT_LONG_MS));
      EXPECT_U64(vkt_value(p.a), i);
   }
}

static void
queue_wait(intptr_t by_queue)
{
   void (*signal)(struct vkt_object *object, uint64_t value) =
      by_queue ? vkt_queue_signal : vkt_host_signal;
   const struct vkt_pair p = vkt_open_pair(VKT_TIMELINE);
   struct vkt_object *done = vkt_queue_wait(p.b, 5);

   vkt_expect_pending(done);
   signal(p.a, 4);
   vkt_expect_pending(done);
   signal(p.a, by_queue ? 6 : 5);
   vkt_expect_done(done);
}

static void
host_wait_before_signal(UNUSED intptr_t arg)
{
   const struct vkt_pair p = vkt_open_pair(VKT_TIMELINE);
   struct vkt_later *later = vkt_signal_later(p.a, 3, VKT_PENDING_MS);

   EXPECT_OK(vkt_wait(p.b, 3, VKT_LONG_MS));
   vkt_join_later(later);
   later = vkt_signal_later(p.b, 4, VKT_PENDING_MS);
   EXPECT_OK(vkt_wait(p.b, 4, VKT_LONG_MS));
   vkt_join_later(later);
}

static void
wait_for_passed_value(UNUSED intptr_t arg)
{
   const struct vkt_pair p = vkt_open_pair(VKT_TIMELINE);

   vkt_host_signal(p.a, 10);
   EXPECT_OK(vkt_wait(p.b, 0, 0));
   EXPECT_OK(vkt_wait(p.b, 9, 0));
   EXPECT_OK(vkt_wait(p.b, 10, 0));
   EXPECT_RESULT(vkt_wait(p.b, 11, 0), VK_TIMEOUT);
   vkt_expect_done(vkt_queue_wait(p.b, 3));
}

static void
wait_times_out(UNUSED intptr_t arg)
{
   const struct vkt_pair p = vkt_open_pair(VKT_TIMELINE);
   double start = test_now_ms();

   EXPECT_RESULT(vkt_wait(p.b, 1, 100), VK_TIMEOUT);
   EXPECT(test_now_ms() - start >= 90);
   /* A wait that was given up leaves nothing that a signal trips over. */
   vkt_expect_linked(p.a, p.b);
   EXPECT_RESULT(vkt_wait(p.b, 100, 20), VK_TIMEOUT);
   vkt_expect_linked(p.b, p.a);
}

/* Both halves of the word, and the top bit. */
static void
large_values(UNUSED intptr_t arg)
{
   static const uint64_t values[] = {
      UINT64_C(0xfffffffe),         UINT64_C(0xffffffff),
      UINT64_C(0x100000000),        UINT64_C(0x1ffffffff),
      UINT64_C(0x7fffffffffffffff), UINT64_C(0x8000000000000000),
      UINT64_C(0xfffffffffffffffe), UINT64_C(0xffffffffffffffff),
   };
   const struct vkt_pair p = vkt_open_pair(VKT_TIMELINE);

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

static void
waiter_start(struct waiter *waiter, struct vkt_object *object, uint64_t value)
{
   *waiter = (struct waiter){.object = object, .value = value};
   waiter->thread = test_thread_start(waiter_run, waiter);
}

static void
waiter_join(struct waiter *waiter)
{
   test_thread_join(waiter->thread);
   EXPECT_OK(waiter->result);
   EXPECT(waiter->seen >= waiter->value);
}

#define THREADS 12

/* Each blocked thread wants another value, on either holder. */
static void
many_waiters(UNUSED intptr_t arg)
{
   const struct vkt_pair p = vkt_open_pair(VKT_TIMELINE);
   struct waiter waiters[THREADS];

   for (unsigned i = 0; i < THREADS; i++)
      waiter_start(&waiters[i], i % 3 ? p.b : p.a, 1 + i);
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
   for (unsigned i = 0; i < THREADS; i++)
      waiter_join(&waiters[i]);
}

static void
same_value_many_waiters(UNUSED intptr_t arg)
{
   const struct vkt_pair p = vkt_open_pair(VKT_TIMELINE);
   struct waiter waiters[THREADS];

   for (uint64_t round = 1; round <= 10; round++) {
      for (unsigned i = 0; i < THREADS; i++)
         waiter_start(&waiters[i], i % 2 ? p.b : p.a, round);
      Sleep(test_random_below(20));
      vkt_host_signal(p.a, round);
      for (unsigned i = 0; i < THREADS; i++)
         waiter_join(&waiters[i]);
   }
}

/* Both queues hold everything at once, each batch waiting for the other
 * queue's.
 */
static void
queues_alternate(UNUSED intptr_t arg)
{
   enum { ROUNDS = 500 };
   const struct vkt_pair p = vkt_open_pair(VKT_TIMELINE);

   for (uint64_t i = 0; i < ROUNDS; i++) {
      vkt_queue_chain(p.b, 2 * i + 1, p.b, 2 * i + 2);
      vkt_queue_chain(p.a, 2 * i, p.a, 2 * i + 1);
   }
   EXPECT_OK(vkt_wait(p.a, 2 * ROUNDS, VKT_LONG_MS));
   EXPECT_U64(vkt_value(p.b), 2 * ROUNDS);
}

/* The last link of the chain is submitted first. */
static void
chain_submitted_backwards(UNUSED intptr_t arg)
{
   enum { DEVICES = 4 };
   struct vkt_object *links[DEVICES];

   links[0] = vkt_create_exportable(vkt_open(), VKT_TIMELINE);
   for (unsigned i = 1; i < DEVICES; i++)
      links[i] = vkt_share(links[0], vkt_open());

   for (unsigned i = DEVICES; i-- > 0;)
      vkt_queue_chain(links[i], 1 + i, links[i], 2 + i);
   EXPECT_RESULT(vkt_wait(links[0], 2, VKT_PENDING_MS), VK_TIMEOUT);
   vkt_host_signal(links[0], 1);
   EXPECT_OK(vkt_wait(links[0], 1 + DEVICES, VKT_LONG_MS));
}

static void
submit_with_timeline_info(UNUSED intptr_t arg)
{
   const struct vkt_pair p = vkt_open_pair(VKT_TIMELINE);
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

   REQUIRE_OK(vkQueueSubmit(p.b->device->queue, 1, &submit, VK_NULL_HANDLE));
   EXPECT_RESULT(vkt_wait(p.a, 8, VKT_PENDING_MS), VK_TIMEOUT);
   vkt_host_signal(p.a, 3);
   EXPECT_OK(vkt_wait(p.a, 8, VKT_LONG_MS));
}

/* Two semaphores of one device on the same payload, in one submission. */
static void
two_aliases_in_one_batch(UNUSED intptr_t arg)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), VKT_TIMELINE);
   struct vkt_object *b = vkt_share(a, a->device);
   const struct vkt_batch batch = {
      .waits = {{a, 1}, {b, 2}},
      .signals = {{a, 3}},
   };

   vkt_submit(a->device, &batch, NULL);
   EXPECT_RESULT(vkt_wait(b, 3, VKT_PENDING_MS), VK_TIMEOUT);
   vkt_host_signal(a, 1);
   EXPECT_RESULT(vkt_wait(b, 3, VKT_PENDING_MS), VK_TIMEOUT);
   vkt_host_signal(b, 2);
   EXPECT_OK(vkt_wait(b, 3, VKT_LONG_MS));
}

const struct test_case test_cases[] = {
   {"timeline_host_signal_host_wait", host_signal_host_wait},
   {"timeline_queue_signal_host_wait", queue_signal_host_wait},
   {"timeline_host_signal_queue_wait", queue_wait, false},
   {"timeline_queue_signal_queue_wait", queue_wait, true},
   {"timeline_host_wait_before_signal", host_wait_before_signal},
   {"timeline_wait_for_passed_value", wait_for_passed_value},
   {"timeline_wait_times_out", wait_times_out},
   {"timeline_large_values", large_values},
   {"timeline_many_waiters", many_waiters},
   {"timeline_same_value_many_waiters", same_value_many_waiters},
   {"timeline_queues_alternate", queues_alternate},
   {"timeline_chain_submitted_backwards", chain_submitted_backwards},
   {"timeline_submit_with_timeline_info", submit_with_timeline_info},
   {"timeline_two_aliases_in_one_batch", two_aliases_in_one_batch},
   {0},
};

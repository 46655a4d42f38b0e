/* SPDX-License-Identifier: MIT */

/* Timeline semaphores that share a payload: host and queue operations. */
#include "vkt.h"

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
   {"timeline_host_signal_queue_wait", queue_wait, false},
   {"timeline_queue_signal_queue_wait", queue_wait, true},
   {"timeline_wait_for_passed_value", wait_for_passed_value},
   {"timeline_wait_times_out", wait_times_out},
   {"timeline_large_values", large_values},
   {"timeline_chain_submitted_backwards", chain_submitted_backwards},
   {"timeline_two_aliases_in_one_batch", two_aliases_in_one_batch},
   {0},
};

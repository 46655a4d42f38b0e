/* SPDX-License-Identifier: MIT */

/* llvmpipe's fence, which tells lavapipe when rasterization is done */
#include "cases.h"

#include "lp_debug.h"
#include "lp_fence.h"

/* Otherwise it is that of the screen, which would bring in all of llvmpipe. */
int LP_DEBUG = 0;

#define CALLBACKS 5

struct recorder {
   struct pipe_fence_callback callback;
   unsigned number;
   struct lp_fence *chain_to;
   struct recorder *chain;
};

static unsigned order[CALLBACKS], called;

static void
record(struct pipe_fence_callback *callback)
{
   struct recorder *recorder = (struct recorder *)callback;

   if (called < CALLBACKS)
      order[called] = recorder->number;
   called++;

   if (recorder->chain != NULL)
      lp_fence_add_callback(recorder->chain_to, &recorder->chain->callback);
}

static void
add(struct lp_fence *fence, struct recorder *recorder, unsigned number)
{
   *recorder = (struct recorder) { { .func = record }, .number = number };
   lp_fence_add_callback(fence, &recorder->callback);
}

static struct lp_fence *
create(unsigned rank)
{
   struct lp_fence *fence = lp_fence_create(rank);
   REQUIRE(fence != NULL);
   fence->issued = true;
   called = 0;
   return fence;
}

static void
called_by_the_last_thread_in_order(UNUSED intptr_t arg)
{
   struct lp_fence *fence = create(3);
   struct recorder recorders[3];

   for (unsigned i = 0; i < 3; i++)
      add(fence, &recorders[i], i);
   lp_fence_signal(fence);
   lp_fence_signal(fence);
   EXPECT_U64(called, 0);
   lp_fence_signal(fence);
   REQUIRE_U64(called, 3);
   for (unsigned i = 0; i < 3; i++)
      EXPECT_U64(order[i], i);
   lp_fence_reference(&fence, NULL);
}

static void
called_at_once_when_signalled(UNUSED intptr_t arg)
{
   struct lp_fence *fence = create(1);
   struct recorder recorder;

   lp_fence_signal(fence);
   add(fence, &recorder, 0);
   EXPECT_U64(called, 1);
   lp_fence_reference(&fence, NULL);

   fence = create(0);
   add(fence, &recorder, 0);
   EXPECT_U64(called, 1);
   lp_fence_reference(&fence, NULL);
}

/* One that is added while they are being called comes after the others, and
 * not in the middle: the fence is signalled, but its callbacks are not done.
 */
static void
late_callback_comes_last(UNUSED intptr_t arg)
{
   struct lp_fence *fence = create(1);
   struct recorder first, second, late = { { .func = record }, .number = 9 };

   add(fence, &first, 0);
   first.chain = &late;
   first.chain_to = fence;
   add(fence, &second, 1);
   lp_fence_signal(fence);
   REQUIRE_U64(called, 3);
   EXPECT_U64(order[0], 0);
   EXPECT_U64(order[1], 1);
   EXPECT_U64(order[2], 9);
   lp_fence_reference(&fence, NULL);
}

static struct lp_fence *held;

static void
drop(UNUSED struct pipe_fence_callback *callback)
{
   lp_fence_reference(&held, NULL);
}

/* As the thread that waits for an empty scene may */
static void
last_reference_is_dropped_meanwhile(UNUSED intptr_t arg)
{
   struct pipe_fence_callback callback = { .func = drop };

   held = create(1);
   struct lp_fence *fence = held;
   lp_fence_add_callback(fence, &callback);
   lp_fence_signal(fence);
   EXPECT(held == NULL);
}

const struct test_case lp_fence_cases[] = {
   { "callbacks are called by the last thread, in order",
     called_by_the_last_thread_in_order },
   { "callbacks of a signalled fence are called at once",
     called_at_once_when_signalled },
   { "a late callback comes last", late_callback_comes_last },
   { "the last reference may be dropped meanwhile",
     last_reference_is_dropped_meanwhile },
   { 0 },
};

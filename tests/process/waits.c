/* SPDX-License-Identifier: MIT */

/* Waits in one process that operations in another one satisfy. */
#include "agent.h"

/* Whoever waits does so before the other signals. */
static void
host_wait(intptr_t kind)
{
   const struct agent_pair p = agent_open_pair(kind);

   agent_post_wait(p.agent, 0, 5);
   Sleep(VKT_PENDING_MS);
   EXPECT(agent_is_busy(p.agent));
   vkt_queue_signal(p.object, 5);
   EXPECT_OK(agent_collect(p.agent).result);

   if (kind == VKT_FENCE)
      vkt_reset(p.object);
   EXPECT_RESULT(vkt_wait(p.object, 6, VKT_PENDING_MS), VK_TIMEOUT);
   agent_do(p.agent, AGENT_QUEUE_SIGNAL, 0, 6);
   EXPECT_OK(vkt_wait(p.object, 6, VKT_LONG_MS));

   if (kind == VKT_TIMELINE) {
      agent_post_wait(p.agent, 0, 8);
      Sleep(VKT_PENDING_MS);
      vkt_host_signal(p.object, 7);
      Sleep(VKT_PENDING_MS);
      EXPECT(agent_is_busy(p.agent));
      vkt_host_signal(p.object, 8);
      EXPECT_OK(agent_collect(p.agent).result);
   }
   agent_finish(p.agent);
}

static void
post_queue_wait(struct child *agent, uint64_t value)
{
   agent_do(agent, AGENT_QUEUE_WAIT, 0, value);
   Sleep(VKT_PENDING_MS);
   EXPECT_U64(agent_do(agent, AGENT_VALUE, AGENT_DONE, 0), 0);
}

static void
queue_wait(intptr_t kind)
{
   const struct agent_pair p = agent_open_pair(kind);
   struct vkt_object *gate = vkt_signal_behind_gate(p.object, 3), *done;

   /* A binary semaphore's signal has to be submitted before the wait. */
   post_queue_wait(p.agent, 3);
   vkt_host_signal(gate, 1);
   agent_expect_done(p.agent, AGENT_DONE, 0);
   agent_do(p.agent, AGENT_QUEUE_SIGNAL, 0, 4);
   vkt_take(p.object, 4);

   if (kind == VKT_TIMELINE) {
      post_queue_wait(p.agent, 5);
      vkt_host_signal(p.object, 5);
      agent_expect_done(p.agent, AGENT_DONE, 0);
      done = vkt_queue_wait(p.object, 6);
      vkt_expect_pending(done);
      agent_do(p.agent, AGENT_HOST_SIGNAL, 0, 6);
      vkt_expect_done(done);
   }
   agent_finish(p.agent);
}

/* The wait in the child takes the signal from the parent as well. */
static void
binary_consumed_across(intptr_t temporary)
{
   const struct agent_pair p = agent_open_pair(VKT_BINARY);
   struct vkt_object *done;

   vkt_mark(p.object);
   if (temporary)
      agent_call(p.agent, &(struct agent_request){
                             .op = AGENT_IMPORT,
                             .kind = VKT_BINARY,
                             .slot = 1,
                             .types = VKT_OPAQUE_WIN32,
                             .flag = true,
                             .value = (uintptr_t)p.handle,
                          });
   agent_take(p.agent, temporary ? 1 : 0, 0);

   done = vkt_queue_wait(p.object, 0);
   vkt_expect_pending(done);
   agent_do(p.agent, AGENT_QUEUE_SIGNAL, 0, 0);
   vkt_expect_done(done);
   agent_finish(p.agent);
}

#define CHILDREN 5

struct crowd {
   struct vkt_object *object;
   struct child *agents[CHILDREN];
};

static struct crowd
open_crowd(enum vkt_kind kind)
{
   struct crowd c = {.object = vkt_create_exportable(vkt_open(), kind)};
   HANDLE handle = vkt_export(c.object);

   for (unsigned i = 0; i < CHILDREN; i++)
      c.agents[i] = agent_start_holder(kind, handle);
   return c;
}

static void
finish(struct crowd *c)
{
   for (unsigned i = 0; i < CHILDREN; i++)
      agent_finish(c->agents[i]);
}

static void
children_wait_for_different_values(UNUSED intptr_t arg)
{
   struct crowd c = open_crowd(VKT_TIMELINE);

   for (uint64_t round = 0; round < 10; round++) {
      const uint64_t base = round * 10 * (CHILDREN + 1);

      for (unsigned i = 0; i < CHILDREN; i++)
         agent_post_wait(c.agents[i], 0, base + 10 * (i + 1));
      for (unsigned i = 0; i < CHILDREN; i++) {
         if (round < 2)
            Sleep(VKT_PENDING_MS);
         for (unsigned j = i; j < CHILDREN; j++)
            EXPECT(agent_is_busy(c.agents[j]));
         if (i % 2)
            vkt_queue_signal(c.object, base + 10 * (i + 1));
         else
            vkt_host_signal(c.object, base + 10 * (i + 1) + 5);
         EXPECT_OK(agent_collect(c.agents[i]).result);
      }
   }
   finish(&c);
}

static void
children_wait_for_same(intptr_t kind)
{
   struct crowd c = open_crowd(kind);

   for (uint64_t round = 1; round <= 50; round++) {
      for (unsigned i = 0; i < CHILDREN; i++)
         agent_post_wait(c.agents[i], 0, round);
      if (round % 4 == 0)
         Sleep(test_random_below(10));
      vkt_queue_signal(c.object, round);
      for (unsigned i = 0; i < CHILDREN; i++)
         EXPECT_OK(agent_collect(c.agents[i]).result);
      if (kind == VKT_FENCE)
         vkt_reset(c.object);
   }
   finish(&c);
}

/* Every child takes one signal, and none is taken twice. */
static void
children_share_binary_signals(UNUSED intptr_t arg)
{
   struct crowd c = open_crowd(VKT_BINARY);

   for (unsigned i = 0; i < 20 * CHILDREN; i++) {
      vkt_queue_signal(c.object, 0);
      agent_take(c.agents[i % CHILDREN], 0, 0);
   }
   finish(&c);
}

#define TURNS_AHEAD 600

/* Three processes queue work that waits for what the one before it signals,
 * all of it before the first signal.
 */
static void
ring_of_three(UNUSED intptr_t arg)
{
   uint64_t turn = 0;
   const struct agent_pair p = agent_open_pair(VKT_TIMELINE);
   struct child *agents[] = {
      p.agent,
      agent_start_holder(VKT_TIMELINE, p.handle),
   };

   for (unsigned i = 0; i < 10 * test_scale() && !test_failed(); i++) {
      const uint64_t first = turn + 1;

      for (turn = first; turn < first + TURNS_AHEAD; turn++) {
         if (turn % 3 == 2)
            vkt_queue_chain(p.object, turn, p.object, turn + 1);
         else
            agent_do(agents[turn % 3], AGENT_QUEUE_CHAIN, 0, turn);
      }
      EXPECT_U64(vkt_value(p.object), first - 1);
      vkt_host_signal(p.object, first);
      EXPECT_OK(vkt_wait(p.object, turn, VKT_LONG_MS));
   }
   for (unsigned i = 0; i < 2; i++) {
      EXPECT_U64(agent_do(agents[i], AGENT_VALUE, 0, 0), turn);
      agent_finish(agents[i]);
   }
}

const struct test_case test_cases[] = {
   {"host_wait_fence", host_wait, VKT_FENCE},
   {"host_wait_timeline", host_wait, VKT_TIMELINE},
   {"queue_wait_binary", queue_wait, VKT_BINARY},
   {"queue_wait_timeline", queue_wait, VKT_TIMELINE},
   {"binary_consumed_across_processes", binary_consumed_across},
   {"binary_temporary_consumed_across_processes", binary_consumed_across, 1},
   {"children_wait_for_different_values", children_wait_for_different_values},
   {"children_wait_for_same_fence", children_wait_for_same, VKT_FENCE},
   {"children_wait_for_same_timeline", children_wait_for_same, VKT_TIMELINE},
   {"children_share_binary_signals", children_share_binary_signals},
   {"ring_of_three", ring_of_three},
   {0},
};

const struct test_role test_roles[] = {AGENT_ROLE, {0}};

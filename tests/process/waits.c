/* SPDX-License-Identifier: MIT */

/* Waits in one process that operations in another one satisfy. */
#include "agent.h"

static void
host_wait_queue_signal(intptr_t kind)
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
   agent_finish(p.agent);
}

static void
host_wait_host_signal(UNUSED intptr_t arg)
{
   const struct agent_pair p = agent_open_pair(VKT_TIMELINE);

   agent_post_wait(p.agent, 0, 5);
   Sleep(VKT_PENDING_MS);
   vkt_host_signal(p.object, 4);
   Sleep(VKT_PENDING_MS);
   EXPECT(agent_is_busy(p.agent));
   vkt_host_signal(p.object, 5);
   EXPECT_OK(agent_collect(p.agent).result);
   agent_finish(p.agent);
}

static void
agent_expect_pending(struct child *agent)
{
   Sleep(VKT_PENDING_MS);
   EXPECT_U64(agent_do(agent, AGENT_VALUE, AGENT_DONE, 0), 0);
}

static void
queue_wait_host_signal(intptr_t child_waits)
{
   const struct agent_pair p = agent_open_pair(VKT_TIMELINE);
   struct vkt_object *done;

   if (child_waits) {
      agent_do(p.agent, AGENT_QUEUE_WAIT, 0, 3);
      agent_expect_pending(p.agent);
      vkt_host_signal(p.object, 3);
      agent_expect_done(p.agent, AGENT_DONE, 0);
   } else {
      done = vkt_queue_wait(p.object, 3);
      vkt_expect_pending(done);
      agent_do(p.agent, AGENT_HOST_SIGNAL, 0, 3);
      vkt_expect_done(done);
   }
   agent_finish(p.agent);
}

static void
queue_wait_queue_signal(intptr_t kind)
{
   const struct agent_pair p = agent_open_pair(kind);
   struct vkt_object *gate;

   /* The child waits for a signal that is submitted and held back. */
   gate = vkt_signal_behind_gate(p.object, 3);
   agent_do(p.agent, AGENT_QUEUE_WAIT, 0, 3);
   agent_expect_pending(p.agent);
   vkt_host_signal(gate, 1);
   agent_expect_done(p.agent, AGENT_DONE, 0);

   agent_do(p.agent, AGENT_QUEUE_SIGNAL, 0, 4);
   vkt_take(p.object, 4);
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
      REQUIRE_OK(agent_try_import(p.agent, 1, VKT_BINARY, VKT_OPAQUE_WIN32,
                                  true, p.handle, NULL));
   agent_take(p.agent, temporary ? 1 : 0, 0);

   done = vkt_queue_wait(p.object, 0);
   vkt_expect_pending(done);
   agent_do(p.agent, AGENT_QUEUE_SIGNAL, 0, 0);
   vkt_expect_done(done);
   agent_finish(p.agent);
}

static void
fence_reset_is_seen(UNUSED intptr_t arg)
{
   const struct agent_pair p = agent_open_pair(VKT_FENCE);

   for (unsigned i = 0; i < 20; i++) {
      vkt_queue_signal(p.object, 0);
      agent_expect_done(p.agent, 0, 0);
      EXPECT_U64(agent_do(p.agent, AGENT_VALUE, 0, 0), 1);
      if (i % 2)
         agent_do(p.agent, AGENT_RESET, 0, 0);
      else
         vkt_reset(p.object);
      EXPECT_U64(agent_do(p.agent, AGENT_VALUE, 0, 0), 0);
      EXPECT_U64(vkt_value(p.object), 0);
   }
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

/* The child waits for any of several; only the first of them is its own. */
static void
child_waits_for_any(intptr_t kind)
{
   enum { OBJECTS = 6 };
   struct vkt_device *device = vkt_open();
   struct child *agent = agent_start(NULL);
   struct vkt_object *objects[OBJECTS];
   const struct agent_request wait_any = {
      .op = AGENT_WAIT_ANY,
      .flag = OBJECTS - 1,
      .value = 1,
      .timeout_ms = VKT_LONG_MS,
   };

   agent_create(agent, 0, kind, VKT_OPAQUE_WIN32, NULL);
   for (uint32_t i = 1; i < OBJECTS; i++) {
      objects[i] = vkt_create_exportable(device, kind);
      agent_import(agent, i, kind, agent_give(agent, vkt_export(objects[i])));
   }
   for (uint32_t i = OBJECTS; i-- > 1;) {
      agent_post(agent, &wait_any);
      Sleep(VKT_PENDING_MS);
      EXPECT(agent_is_busy(agent));
      vkt_queue_signal(objects[i], 1);
      EXPECT_OK(agent_collect(agent).result);
      EXPECT_U64(agent_do(agent, AGENT_VALUE, i, 0), 1);
      /* Timelines stay at 1: the next round needs one that is below. */
      if (kind == VKT_TIMELINE)
         break;
      vkt_reset(objects[i]);
   }
   agent_finish(agent);
}

const struct test_case test_cases[] = {
   {"host_wait_queue_signal_fence", host_wait_queue_signal, VKT_FENCE},
   {"host_wait_queue_signal_timeline", host_wait_queue_signal, VKT_TIMELINE},
   {"host_wait_host_signal", host_wait_host_signal},
   {"queue_wait_in_parent_host_signal_in_child", queue_wait_host_signal},
   {"queue_wait_in_child_host_signal_in_parent", queue_wait_host_signal, 1},
   {"queue_wait_queue_signal_binary", queue_wait_queue_signal, VKT_BINARY},
   {"queue_wait_queue_signal_timeline", queue_wait_queue_signal,
    VKT_TIMELINE},
   {"binary_consumed_across_processes", binary_consumed_across},
   {"binary_temporary_consumed_across_processes", binary_consumed_across, 1},
   {"fence_reset_is_seen_across_processes", fence_reset_is_seen},
   {"children_wait_for_different_values", children_wait_for_different_values},
   {"children_wait_for_same_fence", children_wait_for_same, VKT_FENCE},
   {"children_wait_for_same_timeline", children_wait_for_same, VKT_TIMELINE},
   {"children_share_binary_signals", children_share_binary_signals},
   {"child_waits_for_any_fence", child_waits_for_any, VKT_FENCE},
   {"child_waits_for_any_timeline", child_waits_for_any, VKT_TIMELINE},
   {0},
};

const struct test_role test_roles[] = {AGENT_ROLE, {0}};

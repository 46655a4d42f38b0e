/* SPDX-License-Identifier: MIT */

/* Thousands of rounds between two processes, with either one beginning. */
#include "agent.h"

#define ROUNDS 2500

static struct vkt_object *
share(struct vkt_device *device, struct child *agent, uint32_t slot,
      enum vkt_kind kind)
{
   struct vkt_object *object = vkt_create_exportable(device, kind);

   agent_import(agent, slot, kind, agent_give(agent, vkt_export(object)));
   return object;
}

#define PLAY(mode, parent_first) ((mode) << 1 | (parent_first))

static void
play(intptr_t arg)
{
   const enum ping_pong mode = arg >> 1;
   const bool parent_first = arg & 1;
   const enum vkt_kind kind = mode == PING_FENCE ? VKT_FENCE : VKT_BINARY;
   const struct agent_request request = {
      .op = AGENT_PING_PONG,
      .flag = mode,
      .slot = !parent_first,
      .value = ROUNDS * test_scale(),
   };
   struct vkt_device *device = vkt_open();
   struct child *agent = agent_start(NULL);
   /* Slots 0 to 2 are what the child passes on to ping_pong_run(). */
   struct vkt_object *to_parent = share(device, agent, 0, kind);
   struct vkt_object *to_child = share(device, agent, 1, kind);
   struct vkt_object *timeline = share(device, agent, 2, VKT_TIMELINE);

   agent_post(agent, &request);
   ping_pong_run(mode, parent_first, request.value, to_child, to_parent,
                 timeline);
   EXPECT_OK(agent_collect(agent).result);
   agent_finish(agent);
}

/* A ring of three processes on one timeline: each waits for its turn. */
static void
ring_of_three(UNUSED intptr_t arg)
{
   enum { TURNS = 900 };
   const struct agent_pair p = agent_open_pair(VKT_TIMELINE);
   struct child *agents[] = {
      p.agent,
      agent_start_holder(VKT_TIMELINE, p.handle),
   };

   for (uint64_t turn = 0; turn < TURNS; turn++) {
      /* Queue work that waits for what the process before it signals. */
      if (turn % 3 == 2)
         vkt_queue_chain(p.object, turn, p.object, turn + 1);
      else
         agent_do(agents[turn % 3], AGENT_QUEUE_CHAIN, 0, turn);
   }
   EXPECT_OK(vkt_wait(p.object, TURNS, VKT_LONG_MS));
   for (unsigned i = 0; i < 2; i++) {
      EXPECT_U64(agent_do(agents[i], AGENT_VALUE, 0, 0), TURNS);
      agent_finish(agents[i]);
   }
}

#define BOTH_WAYS(name, mode) \
   {name "_parent_first", play, PLAY(mode, 1)}, \
   {name "_child_first", play, PLAY(mode, 0)}

const struct test_case test_cases[] = {
   BOTH_WAYS("ping_pong_host_timeline", PING_HOST_TIMELINE),
   BOTH_WAYS("ping_pong_queue_timeline", PING_QUEUE_TIMELINE),
   BOTH_WAYS("ping_pong_queued_ahead_timeline", PING_QUEUED_AHEAD_TIMELINE),
   BOTH_WAYS("ping_pong_fence", PING_FENCE),
   BOTH_WAYS("ping_pong_binary", PING_BINARY),
   {"ring_of_three", ring_of_three},
   {0},
};

const struct test_role test_roles[] = {AGENT_ROLE, {0}};

/* SPDX-License-Identifier: MIT */

/* Thousands of rounds between two processes, with either one beginning. */
#include "agent.h"

#define ROUNDS 2500

struct table {
   struct vkt_object *to_child, *to_parent, *timeline;
   struct agent agent;
};

static struct vkt_object *
share(struct vkt_device *device, struct agent *agent, uint32_t slot,
      enum vkt_kind kind)
{
   struct vkt_object *object = vkt_create_exportable(device, kind);
   HANDLE handle = vkt_export(object);

   REQUIRE_OK(agent_import(agent, slot, kind, agent_give(agent, handle)));
   return object;
}

/* Slots 0 to 2 are what the child passes on to ping_pong_run(). */
static struct table
set_up(enum ping_pong mode)
{
   const enum vkt_kind kind = mode == PING_FENCE ? VKT_FENCE : VKT_BINARY;
   struct vkt_device *device = vkt_open();
   struct table table = {.agent = agent_start(NULL, 0)};

   table.to_parent = share(device, &table.agent, 0, kind);
   table.to_child = share(device, &table.agent, 1, kind);
   table.timeline = share(device, &table.agent, 2, VKT_TIMELINE);
   return table;
}

#define PLAY(mode, parent_first) ((mode) << 1 | (parent_first))

static void
play(intptr_t arg)
{
   const enum ping_pong mode = (enum ping_pong)(arg >> 1);
   const bool parent_first = arg & 1;
   const uint64_t rounds = ROUNDS * test_scale();
   struct table table = set_up(mode);
   double start;

   agent_post(&table.agent, &(struct agent_request){
                               .op = AGENT_PING_PONG,
                               .flag = mode,
                               .other = !parent_first,
                               .value = rounds,
                            });
   start = test_now_ms();
   ping_pong_run(mode, parent_first, rounds, table.to_child, table.to_parent,
                 table.timeline);
   test_diag("%u rounds, %.0f us each", (unsigned)rounds,
             (test_now_ms() - start) * 1000.0 / (double)rounds);
   EXPECT_OK(agent_collect(&table.agent).result);
   agent_finish(&table.agent);
}

/* A ring of three processes on one timeline: each waits for its turn. */
static void
ring_of_three(intptr_t arg)
{
   enum { TURNS = 900 };
   struct vkt_object *timeline =
      vkt_create_exportable(vkt_open(), VKT_TIMELINE);
   HANDLE handle = vkt_export(timeline);
   struct agent agents[2];

   (void)arg;
   for (unsigned i = 0; i < 2; i++) {
      agents[i] = agent_start(&handle, 1);
      REQUIRE_OK(agent_import(&agents[i], 0, VKT_TIMELINE, handle));
   }
   for (uint64_t turn = 0; turn < TURNS; turn++) {
      /* Queue work that waits for what the process before it signals. */
      if (turn % 3 == 2)
         vkt_submit(timeline->device,
                    &(struct vkt_batch){.waits = {{timeline, turn}},
                                        .signals = {{timeline, turn + 1}}},
                    NULL);
      else
         agent_queue_chain(&agents[turn % 3], 0, turn, 0);
   }
   EXPECT_OK(vkt_wait(timeline, TURNS, VKT_LONG_MS));
   for (unsigned i = 0; i < 2; i++) {
      EXPECT_U64(agent_value(&agents[i], 0), TURNS);
      agent_finish(&agents[i]);
   }
}

#define BOTH_WAYS(name, mode) \
   {name "_parent_first", play, PLAY(mode, 1), 0}, \
   {name "_child_first", play, PLAY(mode, 0), 0}

static const struct test_case cases[] = {
   BOTH_WAYS("ping_pong_host_timeline", PING_HOST_TIMELINE),
   BOTH_WAYS("ping_pong_queue_timeline", PING_QUEUE_TIMELINE),
   BOTH_WAYS("ping_pong_queued_ahead_timeline", PING_QUEUED_AHEAD_TIMELINE),
   BOTH_WAYS("ping_pong_fence", PING_FENCE),
   BOTH_WAYS("ping_pong_binary", PING_BINARY),
   {"ring_of_three", ring_of_three, 0, 0},
   {0},
};

static const struct test_role roles[] = {AGENT_ROLE, {0}};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, roles);
}

/* SPDX-License-Identifier: MIT */

/* Waits in one process that operations in another one satisfy. */
#include "agent.h"

struct bench {
   struct vkt_device *device;
   struct vkt_object *object;
   HANDLE handle;
   struct agent agent;
};

static struct bench
set_up(enum vkt_kind kind)
{
   struct bench bench = {.device = vkt_open()};

   bench.object = vkt_create_exportable(bench.device, kind);
   bench.handle = vkt_export(bench.object);
   bench.agent = agent_start(&bench.handle, 1);
   REQUIRE_OK(agent_import(&bench.agent, 0, kind, bench.handle));
   return bench;
}

static void
host_wait_queue_signal(intptr_t kind)
{
   struct bench b = set_up((enum vkt_kind)kind);

   agent_post_wait(&b.agent, 0, 5, VKT_LONG_MS);
   Sleep(VKT_PENDING_MS);
   EXPECT(agent_is_busy(&b.agent));
   vkt_queue_signal(b.object, 5);
   EXPECT_OK(agent_collect(&b.agent).result);

   if (kind == VKT_FENCE)
      vkt_reset(b.object);
   EXPECT_RESULT(vkt_wait(b.object, 6, VKT_PENDING_MS), VK_TIMEOUT);
   agent_queue_signal(&b.agent, 0, 6);
   EXPECT_OK(vkt_wait(b.object, 6, VKT_LONG_MS));
   agent_finish(&b.agent);
}

static void
host_wait_host_signal(intptr_t arg)
{
   struct bench b = set_up(VKT_TIMELINE);

   (void)arg;
   agent_post_wait(&b.agent, 0, 5, VKT_LONG_MS);
   Sleep(VKT_PENDING_MS);
   vkt_host_signal(b.object, 4);
   Sleep(VKT_PENDING_MS);
   EXPECT(agent_is_busy(&b.agent));
   vkt_host_signal(b.object, 5);
   EXPECT_OK(agent_collect(&b.agent).result);
   agent_finish(&b.agent);
}

static void
queue_wait_host_signal(intptr_t child_waits)
{
   struct bench b = set_up(VKT_TIMELINE);
   struct vkt_object *done = NULL;

   (void)child_waits;
   if (child_waits) {
      agent_queue_wait(&b.agent, 0, 3, 1);
      Sleep(VKT_PENDING_MS);
      EXPECT_U64(agent_value(&b.agent, 1), 0);
      vkt_host_signal(b.object, 3);
      EXPECT_OK(agent_wait(&b.agent, 1, 0, VKT_LONG_MS));
   } else {
      done = vkt_queue_wait(b.object, 3);
      vkt_expect_pending(done);
      agent_host_signal(&b.agent, 0, 3);
      vkt_expect_done(done);
   }
   agent_finish(&b.agent);
}

static void
queue_wait_queue_signal(intptr_t kind)
{
   struct bench b = set_up((enum vkt_kind)kind);
   struct vkt_object *gate = vkt_create(b.device, VKT_TIMELINE);
   struct vkt_object *done;

   /* The child waits for a signal that is submitted and held back. */
   vkt_submit(b.device, &(struct vkt_batch){.waits = {{gate, 1}},
                                            .signals = {{b.object, 3}}},
              NULL);
   agent_queue_wait(&b.agent, 0, 3, 1);
   Sleep(VKT_PENDING_MS);
   EXPECT_U64(agent_value(&b.agent, 1), 0);
   vkt_host_signal(gate, 1);
   EXPECT_OK(agent_wait(&b.agent, 1, 0, VKT_LONG_MS));

   agent_queue_signal(&b.agent, 0, 4);
   done = vkt_queue_wait(b.object, 4);
   vkt_expect_done(done);
   agent_finish(&b.agent);
}

/* The wait in the child takes the signal from the parent as well. */
static void
binary_consumed_across(intptr_t temporary)
{
   struct bench b = set_up(VKT_BINARY);
   struct vkt_object *done;

   vkt_mark(b.object);
   if (temporary) {
      REQUIRE_OK(agent_import_temporary(&b.agent, 1, VKT_BINARY, b.handle));
      agent_queue_wait(&b.agent, 1, 0, 2);
   } else {
      agent_queue_wait(&b.agent, 0, 0, 2);
   }
   EXPECT_OK(agent_wait(&b.agent, 2, 0, VKT_LONG_MS));

   done = vkt_queue_wait(b.object, 0);
   vkt_expect_pending(done);
   agent_queue_signal(&b.agent, 0, 0);
   vkt_expect_done(done);
   agent_finish(&b.agent);
}

static void
fence_reset_is_seen(intptr_t arg)
{
   struct bench b = set_up(VKT_FENCE);

   (void)arg;
   for (unsigned i = 0; i < 20; i++) {
      vkt_queue_signal(b.object, 0);
      EXPECT_OK(agent_wait(&b.agent, 0, 0, VKT_LONG_MS));
      EXPECT_U64(agent_value(&b.agent, 0), 1);
      if (i % 2)
         agent_reset(&b.agent, 0);
      else
         vkt_reset(b.object);
      EXPECT_U64(agent_value(&b.agent, 0), 0);
      EXPECT_U64(vkt_value(b.object), 0);
   }
   agent_finish(&b.agent);
}

static void
fence_temporary_in_child(intptr_t arg)
{
   struct bench b = set_up(VKT_FENCE);

   (void)arg;
   vkt_mark(b.object);
   REQUIRE_OK(agent_import_temporary(&b.agent, 1, VKT_FENCE, b.handle));
   EXPECT_U64(agent_value(&b.agent, 1), 1);
   agent_reset(&b.agent, 1);
   EXPECT_U64(agent_value(&b.agent, 1), 0);
   EXPECT_U64(vkt_value(b.object), 1);
   agent_finish(&b.agent);
}

#define CHILDREN 5

static void
start_children(struct agent *agents, enum vkt_kind kind, HANDLE handle)
{
   for (unsigned i = 0; i < CHILDREN; i++)
      agents[i] = agent_start(&handle, 1);
   for (unsigned i = 0; i < CHILDREN; i++)
      REQUIRE_OK(agent_import(&agents[i], 0, kind, handle));
}

static void
children_wait_for_different_values(intptr_t arg)
{
   struct vkt_object *timeline =
      vkt_create_exportable(vkt_open(), VKT_TIMELINE);
   struct agent agents[CHILDREN];

   (void)arg;
   start_children(agents, VKT_TIMELINE, vkt_export(timeline));
   for (uint64_t round = 0; round < 10; round++) {
      const uint64_t base = round * 10 * (CHILDREN + 1);

      for (unsigned i = 0; i < CHILDREN; i++)
         agent_post_wait(&agents[i], 0, base + 10 * (i + 1), VKT_LONG_MS);
      for (unsigned i = 0; i < CHILDREN; i++) {
         if (round < 2)
            Sleep(VKT_PENDING_MS);
         for (unsigned j = i; j < CHILDREN; j++)
            EXPECT(agent_is_busy(&agents[j]));
         if (i % 2)
            vkt_queue_signal(timeline, base + 10 * (i + 1));
         else
            vkt_host_signal(timeline, base + 10 * (i + 1) + 5);
         EXPECT_OK(agent_collect(&agents[i]).result);
      }
   }
   for (unsigned i = 0; i < CHILDREN; i++)
      agent_finish(&agents[i]);
}

static void
children_wait_for_same_payload(intptr_t kind)
{
   struct vkt_object *object =
      vkt_create_exportable(vkt_open(), (enum vkt_kind)kind);
   struct agent agents[CHILDREN];

   start_children(agents, (enum vkt_kind)kind, vkt_export(object));
   for (uint64_t round = 1; round <= 50; round++) {
      for (unsigned i = 0; i < CHILDREN; i++)
         agent_post_wait(&agents[i], 0, round, VKT_LONG_MS);
      if (round % 4 == 0)
         Sleep(test_random_below(10));
      vkt_queue_signal(object, round);
      for (unsigned i = 0; i < CHILDREN; i++)
         EXPECT_OK(agent_collect(&agents[i]).result);
      if (kind == VKT_FENCE)
         vkt_reset(object);
   }
   for (unsigned i = 0; i < CHILDREN; i++)
      agent_finish(&agents[i]);
}

/* Every child takes one signal, and none is taken twice. */
static void
children_share_binary_signals(intptr_t arg)
{
   struct vkt_object *object =
      vkt_create_exportable(vkt_open(), VKT_BINARY);
   struct agent agents[CHILDREN];

   (void)arg;
   start_children(agents, VKT_BINARY, vkt_export(object));
   for (unsigned round = 0; round < 20; round++) {
      for (unsigned i = 0; i < CHILDREN; i++) {
         vkt_queue_signal(object, 0);
         agent_queue_wait(&agents[i], 0, 0, 1);
         EXPECT_OK(agent_wait(&agents[i], 1, 0, VKT_LONG_MS));
         agent_destroy(&agents[i], 1);
      }
   }
   for (unsigned i = 0; i < CHILDREN; i++)
      agent_finish(&agents[i]);
}

/* The child waits for any of several; only the first of them is its own. */
static void
child_waits_for_any(intptr_t kind)
{
   enum { OBJECTS = 6 };
   struct vkt_device *device = vkt_open();
   struct agent agent = agent_start(NULL, 0);
   struct vkt_object *objects[OBJECTS];
   const struct agent_request wait_any = {
      .op = AGENT_WAIT_ANY,
      .slot = 0,
      .other = OBJECTS - 1,
      .value = 1,
      .timeout_ms = VKT_LONG_MS,
   };

   REQUIRE_OK(agent_create(&agent, 0, (enum vkt_kind)kind, NULL));
   for (uint32_t i = 1; i < OBJECTS; i++) {
      objects[i] = vkt_create_exportable(device, (enum vkt_kind)kind);
      REQUIRE_OK(agent_import(&agent, i, (enum vkt_kind)kind,
                              agent_give(&agent, vkt_export(objects[i]))));
   }
   for (uint32_t i = OBJECTS; i-- > 1;) {
      agent_post(&agent, &wait_any);
      Sleep(VKT_PENDING_MS);
      EXPECT(agent_is_busy(&agent));
      vkt_queue_signal(objects[i], 1);
      EXPECT_OK(agent_collect(&agent).result);
      EXPECT_U64(agent_value(&agent, i), 1);
      /* Timelines stay at 1: the next round needs one that is below. */
      if (kind == VKT_TIMELINE)
         break;
      vkt_reset(objects[i]);
   }
   agent_finish(&agent);
}

static const struct test_case cases[] = {
   {"host_wait_queue_signal_fence", host_wait_queue_signal, VKT_FENCE, 0},
   {"host_wait_queue_signal_timeline", host_wait_queue_signal, VKT_TIMELINE,
    0},
   {"host_wait_host_signal", host_wait_host_signal, 0, 0},
   {"queue_wait_in_parent_host_signal_in_child", queue_wait_host_signal, 0,
    0},
   {"queue_wait_in_child_host_signal_in_parent", queue_wait_host_signal, 1,
    0},
   {"queue_wait_queue_signal_binary", queue_wait_queue_signal, VKT_BINARY, 0},
   {"queue_wait_queue_signal_timeline", queue_wait_queue_signal, VKT_TIMELINE,
    0},
   {"binary_consumed_across_processes", binary_consumed_across, 0, 0},
   {"binary_temporary_consumed_across_processes", binary_consumed_across, 1,
    0},
   {"fence_reset_is_seen_across_processes", fence_reset_is_seen, 0, 0},
   {"fence_temporary_in_child", fence_temporary_in_child, 0, 0},
   {"children_wait_for_different_values", children_wait_for_different_values,
    0, 0},
   {"children_wait_for_same_fence", children_wait_for_same_payload, VKT_FENCE,
    0},
   {"children_wait_for_same_timeline", children_wait_for_same_payload,
    VKT_TIMELINE, 0},
   {"children_share_binary_signals", children_share_binary_signals, 0, 0},
   {"child_waits_for_any_fence", child_waits_for_any, VKT_FENCE, 0},
   {"child_waits_for_any_timeline", child_waits_for_any, VKT_TIMELINE, 0},
   {0},
};

static const struct test_role roles[] = {AGENT_ROLE, {0}};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, roles);
}

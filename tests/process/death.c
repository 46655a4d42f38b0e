/* SPDX-License-Identifier: MIT */

/* A peer that ends in the midst of it. The survivor's wait times out, and
 * the payload goes on working for it and for new peers.
 */
#include "agent.h"

/* With the dead peer's traces still in the payload. */
static void
expect_survives(const struct agent_pair *p)
{
   struct child *next;

   vkt_expect_works(p->object);
   next = agent_start_holder(p->object->kind, p->handle);
   agent_expect_linked(next, p->object);
   agent_finish(next);
   vkt_expect_works(p->object);
}

static void
kill_later(void *agent)
{
   Sleep(100);
   child_kill(agent);
}

static void
killed_while_parent_waits(intptr_t kind)
{
   const struct agent_pair p = agent_open_pair(kind);
   struct test_thread *killer;
   double start;

   agent_expect_linked(p.agent, p.object);
   killer = test_thread_start(kill_later, p.agent);
   start = test_now_ms();
   EXPECT_RESULT(vkt_wait(p.object, 1000, 400), VK_TIMEOUT);
   EXPECT(test_now_ms() - start >= 350);
   test_thread_join(killer);
   expect_survives(&p);
}

/* The queue waits for a signal that the dead peer will not give. */
static void
killed_while_queue_waits(intptr_t kind)
{
   const struct agent_pair p = agent_open_pair(kind);
   struct vkt_object *rescue = vkt_alias(vkt_open(), kind, p.handle);
   struct vkt_object *done;

   agent_expect_linked(p.agent, p.object);
   done = vkt_queue_wait(p.object, 1000);
   child_kill(p.agent);
   EXPECT_RESULT(vkt_wait(done, 0, 300), VK_TIMEOUT);
   vkt_queue_signal(rescue, 1000);
   vkt_expect_done(done);
   expect_survives(&p);
}

/* The peer is blocked in its wait, and registered as to be woken. */
static void
killed_while_blocked(intptr_t kind)
{
   const struct agent_pair p = agent_open_pair(kind);
   struct child *other = agent_start_holder(kind, p.handle);

   agent_post_wait(p.agent, 0, 50);
   agent_post_wait(other, 0, 60);
   Sleep(VKT_PENDING_MS);
   child_kill(p.agent);
   vkt_queue_signal(p.object, 60);
   EXPECT_OK(agent_collect(other).result);
   EXPECT_OK(vkt_wait(p.object, 60, VKT_LONG_MS));
   agent_finish(other);
   expect_survives(&p);
}

static void
killed_while_its_queue_waits(intptr_t kind)
{
   const struct agent_pair p = agent_open_pair(kind);

   agent_do(p.agent, AGENT_QUEUE_WAIT, 0, 50);
   Sleep(VKT_PENDING_MS);
   child_kill(p.agent);
   if (kind == VKT_BINARY) {
      /* What the dead peer's wait had taken it has not seen. */
      vkt_mark(p.object);
      vkt_expect_marked(p.object);
      vkt_expect_unsignalled(p.object, vkt_share(p.object, vkt_open()));
   } else {
      vkt_host_signal(p.object, 60);
   }
   vkt_wait_idle(p.object->device);
   expect_survives(&p);
}

static void
killed_many_while_blocked(UNUSED intptr_t arg)
{
   enum { PEERS = 8 };
   const struct agent_pair p = agent_open_pair(VKT_TIMELINE);

   child_kill(p.agent);
   for (uint64_t i = 1; i <= PEERS; i++) {
      struct child *agent = agent_start_holder(VKT_TIMELINE, p.handle);

      agent_post_wait(agent, 0, 10 * i);
      Sleep(20);
      child_kill(agent);
      vkt_host_signal(p.object, 10 * i);
      EXPECT_OK(vkt_wait(p.object, 10 * i, 0));
   }
   expect_survives(&p);
}

static void
killed_in_ping_pong(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *to_child = vkt_create_exportable(device, kind);
   struct vkt_object *to_parent = vkt_create_exportable(device, kind);
   const struct agent_pair p = {to_child, vkt_export(to_child)};

   for (uint64_t i = 0; i < 5; i++) {
      const double end = test_now_ms() + 5 + test_random_below(40);
      struct child *agent = agent_start(NULL);
      uint64_t value = i * 1000000;

      agent_import(agent, 0, kind, agent_give(agent, vkt_export(to_parent)));
      agent_import(agent, 1, kind, agent_give(agent, p.handle));
      if (kind == VKT_FENCE) {
         agent_post(agent, &(struct agent_request){
                              .op = AGENT_PING_PONG,
                              .flag = PING_FENCE,
                              .value = 1000000,
                           });
         while (test_now_ms() < end) {
            vkt_queue_signal(to_child, 0);
            REQUIRE_OK(vkt_wait(to_parent, 0, VKT_LONG_MS));
            vkt_reset(to_parent);
         }
         vkt_queue_signal(to_child, 0);
      } else {
         while (test_now_ms() < end) {
            agent_do(agent, AGENT_QUEUE_CHAIN, 1, ++value);
            vkt_host_signal(to_child, value);
            REQUIRE_OK(vkt_wait(to_parent, ++value, VKT_LONG_MS));
         }
         agent_do(agent, AGENT_QUEUE_CHAIN, 1, ++value);
         vkt_host_signal(to_child, value);
      }
      child_kill(agent);
      /* It may or may not have come to its answer. */
      (void)vkt_wait(to_parent, value + 1, 50);
      vkt_wait_idle(device);
      if (kind == VKT_FENCE) {
         vkt_reset(to_child);
         vkt_reset(to_parent);
      }
   }
   expect_survives(&p);
}

static void
exits_without_cleanup(intptr_t kind)
{
   const struct agent_pair p = agent_open_pair(kind);
   const struct agent_request wait = {
      .op = AGENT_WAIT,
      .value = 1000,
      .timeout_ms = 20,
   };

   agent_expect_linked(p.agent, p.object);
   if (kind != VKT_BINARY)
      EXPECT_RESULT(agent_call(p.agent, &wait).result, VK_TIMEOUT);
   agent_finish(p.agent);
   expect_survives(&p);
}

#define FENCE_AND_TIMELINE(name, run) \
   {name "_fence", run, VKT_FENCE}, \
   {name "_timeline", run, VKT_TIMELINE}

const struct test_case test_cases[] = {
   FENCE_AND_TIMELINE("killed_while_parent_waits", killed_while_parent_waits),
   {"killed_while_queue_waits_binary", killed_while_queue_waits, VKT_BINARY},
   {"killed_while_queue_waits_timeline", killed_while_queue_waits,
    VKT_TIMELINE},
   FENCE_AND_TIMELINE("killed_while_blocked", killed_while_blocked),
   {"killed_while_its_queue_waits_binary", killed_while_its_queue_waits,
    VKT_BINARY},
   {"killed_while_its_queue_waits_timeline", killed_while_its_queue_waits,
    VKT_TIMELINE},
   {"killed_many_while_blocked", killed_many_while_blocked},
   FENCE_AND_TIMELINE("killed_in_ping_pong", killed_in_ping_pong),
   VKT_CASES("exits_without_cleanup", exits_without_cleanup),
   {0},
};

const struct test_role test_roles[] = {AGENT_ROLE, {0}};

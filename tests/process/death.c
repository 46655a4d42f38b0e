/* SPDX-License-Identifier: MIT */

/* A peer that ends in the midst of it. The survivor's wait times out, and
 * the payload goes on working for it and for new peers.
 */
#include "agent.h"

struct pair {
   struct vkt_device *device;
   struct vkt_object *object;
   HANDLE handle;
   struct agent agent;
};

static struct agent
start_peer(enum vkt_kind kind, HANDLE handle)
{
   struct agent agent = agent_start(&handle, 1);

   REQUIRE_OK(agent_import(&agent, 0, kind, handle));
   return agent;
}

static struct pair
set_up(enum vkt_kind kind)
{
   struct pair pair = {.device = vkt_open()};

   pair.object = vkt_create_exportable(pair.device, kind);
   pair.handle = vkt_export(pair.object);
   pair.agent = start_peer(kind, pair.handle);
   return pair;
}

/* With the dead peer's traces still in the payload. */
static void
expect_survives(struct pair *pair)
{
   struct agent next;

   if (pair->object->kind == VKT_FENCE && vkt_value(pair->object))
      vkt_reset(pair->object);
   vkt_expect_works(pair->object);
   next = start_peer(pair->object->kind, pair->handle);
   agent_expect_linked(&next, 0, pair->object);
   agent_finish(&next);
   vkt_expect_works(pair->object);
}

static void
kill_later(void *data)
{
   struct agent *agent = data;

   Sleep(100);
   child_kill(agent->child);
}

static void
killed_while_parent_waits(intptr_t kind)
{
   struct pair p = set_up((enum vkt_kind)kind);
   struct test_thread *killer;
   double start;

   agent_expect_linked(&p.agent, 0, p.object);
   killer = test_thread_start(kill_later, &p.agent);
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
   struct pair p = set_up((enum vkt_kind)kind);
   struct vkt_object *rescue =
      vkt_alias(vkt_open(), (enum vkt_kind)kind, p.handle);
   struct vkt_object *done;

   agent_expect_linked(&p.agent, 0, p.object);
   done = vkt_queue_wait(p.object, 1000);
   child_kill(p.agent.child);
   EXPECT_RESULT(vkt_wait(done, 0, 300), VK_TIMEOUT);
   vkt_queue_signal(rescue, 1000);
   vkt_expect_done(done);
   expect_survives(&p);
}

/* The peer is blocked in its wait, and registered as to be woken. */
static void
killed_while_blocked(intptr_t kind)
{
   struct pair p = set_up((enum vkt_kind)kind);
   struct agent other = start_peer((enum vkt_kind)kind, p.handle);

   agent_post_wait(&p.agent, 0, 50, VKT_LONG_MS);
   agent_post_wait(&other, 0, 60, VKT_LONG_MS);
   Sleep(VKT_PENDING_MS);
   child_kill(p.agent.child);
   vkt_queue_signal(p.object, 60);
   EXPECT_OK(agent_collect(&other).result);
   EXPECT_OK(vkt_wait(p.object, 60, VKT_LONG_MS));
   agent_finish(&other);
   expect_survives(&p);
}

static void
killed_while_its_queue_waits(intptr_t kind)
{
   struct pair p = set_up((enum vkt_kind)kind);

   agent_queue_wait(&p.agent, 0, 50, 1);
   Sleep(VKT_PENDING_MS);
   child_kill(p.agent.child);
   if (kind == VKT_BINARY) {
      /* What the dead peer's wait had taken it has not seen. */
      vkt_mark(p.object);
      vkt_expect_marked(p.object);
      vkt_expect_unsignalled(p.object, vkt_alias(vkt_open(), VKT_BINARY,
                                                 p.handle));
   } else {
      vkt_host_signal(p.object, 60);
   }
   vkt_wait_idle(p.device);
   expect_survives(&p);
}

static void
killed_many_while_blocked(intptr_t arg)
{
   enum { PEERS = 8 };
   struct pair p = set_up(VKT_TIMELINE);

   (void)arg;
   child_kill(p.agent.child);
   for (uint64_t i = 1; i <= PEERS; i++) {
      struct agent agent = start_peer(VKT_TIMELINE, p.handle);

      agent_post_wait(&agent, 0, 10 * i, VKT_LONG_MS);
      Sleep(20);
      child_kill(agent.child);
      vkt_host_signal(p.object, 10 * i);
      EXPECT_OK(vkt_wait(p.object, 10 * i, 0));
   }
   expect_survives(&p);
}

static void
killed_in_ping_pong(intptr_t mode)
{
   const enum vkt_kind kind = mode == PING_FENCE ? VKT_FENCE : VKT_TIMELINE;
   struct pair p = {.device = vkt_open()};
   struct vkt_object *to_child, *to_parent;
   HANDLE handles[2];

   p.object = to_child = vkt_create_exportable(p.device, kind);
   to_parent = vkt_create_exportable(p.device, kind);
   handles[0] = p.handle = vkt_export(to_child);
   handles[1] = vkt_export(to_parent);

   for (uint64_t i = 0; i < 5; i++) {
      const double end = test_now_ms() + 5 + test_random_below(40);
      uint64_t value = i * 1000000;

      p.agent = agent_start(handles, 2);
      REQUIRE_OK(agent_import(&p.agent, 0, kind, handles[1]));
      REQUIRE_OK(agent_import(&p.agent, 1, kind, handles[0]));
      if (kind == VKT_FENCE) {
         agent_post(&p.agent, &(struct agent_request){
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
            value++;
            agent_queue_chain(&p.agent, 1, value, 0);
            vkt_host_signal(to_child, value);
            REQUIRE_OK(vkt_wait(to_parent, value + 1, VKT_LONG_MS));
            value++;
         }
         agent_queue_chain(&p.agent, 1, ++value, 0);
         vkt_host_signal(to_child, value);
      }
      child_kill(p.agent.child);
      /* It may or may not have come to its answer. */
      (void)vkt_wait(to_parent, value + 1, 50);
      vkt_wait_idle(p.device);
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
   struct pair p = set_up((enum vkt_kind)kind);

   agent_expect_linked(&p.agent, 0, p.object);
   if (kind != VKT_BINARY)
      EXPECT_RESULT(agent_wait(&p.agent, 0, 1000, 20), VK_TIMEOUT);
   agent_finish(&p.agent);
   expect_survives(&p);
}

#define FENCE_AND_TIMELINE(name, run) \
   {name "_fence", run, VKT_FENCE, 0}, \
   {name "_timeline", run, VKT_TIMELINE, 0}

static const struct test_case cases[] = {
   FENCE_AND_TIMELINE("killed_while_parent_waits", killed_while_parent_waits),
   {"killed_while_queue_waits_binary", killed_while_queue_waits, VKT_BINARY,
    0},
   {"killed_while_queue_waits_timeline", killed_while_queue_waits,
    VKT_TIMELINE, 0},
   FENCE_AND_TIMELINE("killed_while_blocked", killed_while_blocked),
   {"killed_while_its_queue_waits_binary", killed_while_its_queue_waits,
    VKT_BINARY, 0},
   {"killed_while_its_queue_waits_timeline", killed_while_its_queue_waits,
    VKT_TIMELINE, 0},
   {"killed_many_while_blocked", killed_many_while_blocked, 0, 0},
   {"killed_in_ping_pong_fence", killed_in_ping_pong, PING_FENCE, 0},
   {"killed_in_ping_pong_timeline", killed_in_ping_pong, PING_QUEUE_TIMELINE,
    0},
   VKT_CASES("exits_without_cleanup", exits_without_cleanup),
   {0},
};

static const struct test_role roles[] = {AGENT_ROLE, {0}};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, roles);
}

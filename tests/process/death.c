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

/* Each is blocked in its wait, and registered as to be woken. */
static void
killed_many_while_blocked(intptr_t kind)
{
   enum { PEERS = 8 };
   const struct agent_pair p = agent_open_pair(kind);

   for (uint64_t i = 1; i <= PEERS; i++) {
      struct child *agent = agent_start_holder(kind, p.handle);

      agent_post_wait(p.agent, 0, 10 * i);
      agent_post_wait(agent, 0, 10 * i);
      Sleep(20);
      child_kill(agent);
      vkt_queue_signal(p.object, 10 * i);
      EXPECT_OK(agent_collect(p.agent).result);
      EXPECT_OK(vkt_wait(p.object, 10 * i, 0));
      if (kind == VKT_FENCE)
         vkt_reset(p.object);
   }
   agent_finish(p.agent);
   expect_survives(&p);
}

const struct test_case test_cases[] = {
   {"killed_while_queue_waits_binary", killed_while_queue_waits, VKT_BINARY},
   {"killed_while_queue_waits_timeline", killed_while_queue_waits,
    VKT_TIMELINE},
   {"killed_while_its_queue_waits_binary", killed_while_its_queue_waits,
    VKT_BINARY},
   {"killed_while_its_queue_waits_timeline", killed_while_its_queue_waits,
    VKT_TIMELINE},
   {"killed_many_while_blocked_fence", killed_many_while_blocked, VKT_FENCE},
   {"killed_many_while_blocked_timeline", killed_many_while_blocked,
    VKT_TIMELINE},
   {0},
};

const struct test_role test_roles[] = {AGENT_ROLE, {0}};

/* SPDX-License-Identifier: MIT */

/* A D3D12 program in another process, and Vulkan in this one */
#include "peer.h"
#include "share.h"

struct link {
   struct vkt_device *device;
   struct child *peer;
   /* In the peer's slot 0 */
   struct vkt_object *object;
};

/* D3D12 makes the fence, or Vulkan does. */
static struct link
open_link(enum vkt_kind kind, bool from_d3d12)
{
   struct link link = {.device = share_open()};

   if (from_d3d12) {
      link.peer = peer_start();
      link.object = share_import(link.device, kind,
                                 peer_create(link.peer, 0, NULL));
   } else {
      link.object = share_create(link.device, kind, 0);
      link.peer = peer_start_with(share_export(link.object));
   }
   return link;
}

/* D3D12 signals in one process what vkQueueSubmit waits for in another, and
 * back.
 */
static void
there_and_back(struct link link)
{
   for (uint64_t i = 0; i < 20; i++) {
      const uint64_t value = (i + 1) * UINT64_C(0x10000000f) * 2;
      const struct vkt_batch batch = {
         .waits = {{link.object, value}},
         .signals = {{link.object, value + 1}},
      };

      share_submit(link.device, &batch, NULL);
      peer_do(link.peer, PEER_SIGNAL, 0, value - 1);
      peer_do(link.peer, PEER_ARM, 0, value + 1);
      EXPECT(!peer_do(link.peer, PEER_IS_SET, 0, 5));
      peer_do(link.peer, PEER_SIGNAL, 0, value);
      EXPECT(peer_do(link.peer, PEER_IS_SET, 0, VKT_LONG_MS));
      EXPECT_U64(peer_do(link.peer, PEER_VALUE, 0, 0), value + 1);
   }
   peer_finish(link.peer);
}

static void
d3d12_makes_it(intptr_t kind)
{
   there_and_back(open_link((enum vkt_kind)kind, true));
}

static void
vulkan_makes_it(intptr_t kind)
{
   there_and_back(open_link((enum vkt_kind)kind, false));
}

static void
by_name(intptr_t kind)
{
   struct vkt_device *device = share_open();
   struct child *peer = peer_start();
   struct vkt_object *theirs = vkt_create(device, (enum vkt_kind)kind), *ours;
   WCHAR name[RUNTIME_NAME_SIZE];

   runtime_make_name(name);
   peer_create(peer, 0, name);
   REQUIRE_OK(vkt_try_import(theirs, SHARE_D3D12, false, NULL, name));

   runtime_make_name(name);
   ours = share_create_named(device, (enum vkt_kind)kind, name);
   peer_do_named(peer, PEER_OPEN_NAME, 1, name);

   for (uint32_t slot = 0; slot < 2; slot++) {
      struct vkt_object *object = slot ? ours : theirs;

      struct vkt_object *done = share_queue_wait(object, 1);
      EXPECT_U64(vkt_value(done), 0);
      peer_do(peer, PEER_SIGNAL, slot, 1);
      vkt_expect_done(done);
      peer_post(peer, PEER_WAIT, slot, 2);
      share_queue_signal(object, 2);
      peer_collect(peer);
   }
   peer_finish(peer);
}

/* The peer answers each value of one fence on another one. */
static void
ping_pong(intptr_t kind)
{
   const uint64_t rounds = 300 * test_scale();
   struct link link = open_link((enum vkt_kind)kind, true);
   struct vkt_object *answers =
      share_import(link.device, (enum vkt_kind)kind,
                   peer_create(link.peer, 1, NULL));
   struct vkt_object *done = vkt_create(link.device, VKT_FENCE);

   peer_post(link.peer, PEER_ECHO, 0, rounds);
   for (uint64_t i = 1; i <= rounds; i++) {
      const struct vkt_batch batch = {.waits = {{answers, i}}};

      share_queue_signal(link.object, i);
      share_submit(link.device, &batch, done);
      vkt_expect_done(done);
      vkt_reset(done);
   }
   peer_collect(link.peer);
   peer_finish(link.peer);
}

static void
host_waits(intptr_t arg)
{
   struct link link = open_link(VKT_TIMELINE, true);

   for (uint64_t i = 1; i <= 50; i += 2) {
      EXPECT_RESULT(vkt_wait(link.object, i, 0), VK_TIMEOUT);
      peer_do(link.peer, PEER_SIGNAL, 0, i);
      EXPECT_OK(vkt_wait(link.object, i, 0));
      peer_post(link.peer, PEER_WAIT, 0, i + 1);
      vkt_host_signal(link.object, i + 1);
      peer_collect(link.peer);
   }
   peer_finish(link.peer);
}

/* Any value may be seen on the way up, and none later than it is there. */
static void
storm(intptr_t arg)
{
   struct link link = open_link(VKT_TIMELINE, true);

   peer_post(link.peer, PEER_STORM, 0, 1);
   for (unsigned i = 0; i < 200; i++) {
      const uint64_t value = vkt_value(link.object) + 1 + test_random_below(50);

      EXPECT_OK(vkt_wait(link.object, value, VKT_LONG_MS));
      EXPECT(vkt_value(link.object) >= value);
   }
   child_kill(link.peer);
   vkt_value(link.object);
}

static void
killed_peer(intptr_t arg)
{
   struct link link = open_link(VKT_TIMELINE, true);

   child_kill(link.peer);
   EXPECT_RESULT(vkt_wait(link.object, 1, 50), VK_TIMEOUT);
   share_expect_linked(link.object, share_fence(link.object));
}

/* The device that is removed is another process's. */
static void
removed_elsewhere(intptr_t how)
{
   struct link link = open_link(VKT_TIMELINE, true);
   struct vkt_object *done = share_queue_wait(link.object, 5);

   runtime_load();
   peer_do(link.peer, PEER_REMOVE, 0, (UINT64)how);
   if (how == DOUBLE_REMOVAL_FOR_ALL) {
      /* All there is to see is a signal. */
      vkt_expect_done(done);
      EXPECT_U64(vkt_value(link.object), UINT64_MAX);
   } else {
      vkt_expect_pending(done);
      vkt_host_signal(link.object, 5);
      vkt_expect_done(done);
   }
   peer_finish(link.peer);
}

int
main(int argc, char **argv)
{
   static const struct test_case cases[] = {
      SHARE_CASES(d3d12_makes_it),
      SHARE_CASES(vulkan_makes_it),
      SHARE_CASES(by_name),
      SHARE_CASES(ping_pong),
      {"host_waits", host_waits, 0, 0},
      {"storm", storm, 0, 0},
      {"killed_peer", killed_peer, 0, 0},
      {"removed_elsewhere", removed_elsewhere, DOUBLE_REMOVAL_FOR_DEVICE, 0},
      {"removed_elsewhere_for_all", removed_elsewhere, DOUBLE_REMOVAL_FOR_ALL,
       0},
      {0},
   };
   static const struct test_role roles[] = {PEER_ROLE, {0}};

   return test_main(argc, argv, cases, roles);
}

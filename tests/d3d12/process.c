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
      link.peer = peer_start(NULL, 0);
      link.object = share_import(link.device, kind,
                                 peer_take(link.peer,
                                           peer_create(link.peer, 0, 0,
                                                       NULL)));
   } else {
      link.object = share_create(link.device, kind, 0);
      HANDLE handle = share_export(link.object);
      link.peer = peer_start(&handle, 1);
      peer_open(link.peer, 0, handle);
   }
   return link;
}

/* The main job: D3D12 signals in one process what vkQueueSubmit waits
 * for in another, and back.
 */
static void
there_and_back(enum vkt_kind kind, bool from_d3d12)
{
   struct link link = open_link(kind, from_d3d12);

   for (uint64_t i = 0; i < 20; i++) {
      const uint64_t value = (i + 1) * UINT64_C(0x10000000f) * 2;
      const struct vkt_batch batch = {
         .waits = {{link.object, value}},
         .signals = {{link.object, value + 1}},
      };

      share_submit(link.device, &batch, NULL);
      peer_signal(link.peer, 0, value - 1);
      peer_arm(link.peer, 0, value + 1);
      EXPECT(!peer_is_set(link.peer, 5));
      peer_signal(link.peer, 0, value);
      EXPECT(peer_is_set(link.peer, VKT_LONG_MS));
      EXPECT_U64(peer_value(link.peer, 0), value + 1);
   }
   peer_finish(link.peer);
}

static void
d3d12_makes_it(intptr_t kind)
{
   there_and_back((enum vkt_kind)kind, true);
}

static void
vulkan_makes_it(intptr_t kind)
{
   there_and_back((enum vkt_kind)kind, false);
}

static void
by_name(intptr_t kind)
{
   struct vkt_device *device = share_open();
   struct child *peer = peer_start(NULL, 0);
   struct vkt_object *theirs = vkt_create(device, (enum vkt_kind)kind), *ours;
   WCHAR name[RUNTIME_NAME_SIZE];

   runtime_make_name(name);
   peer_create(peer, 0, 0, name);
   REQUIRE_OK(vkt_try_import(theirs, SHARE_D3D12, false, NULL, name));

   runtime_make_name(name);
   ours = vkt_create_info(device, &(struct vkt_object_info){
                                     .kind = (enum vkt_kind)kind,
                                     .export_types = SHARE_D3D12,
                                     .win32_info = true,
                                     .access = GENERIC_ALL,
                                     .name = name,
                                  });
   peer_open_name(peer, 1, name);

   for (uint32_t slot = 0; slot < 2; slot++) {
      struct vkt_object *object = slot ? ours : theirs;

      struct vkt_object *done = share_queue_wait(object, 1);
      EXPECT_U64(vkt_value(done), 0);
      peer_signal(peer, slot, 1);
      vkt_expect_done(done);
      peer_post_wait(peer, slot, 2);
      share_queue_signal(object, 2);
      EXPECT_HR(peer_collect(peer).result, S_OK);
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
                   peer_take(link.peer, peer_create(link.peer, 1, 0, NULL)));
   struct vkt_object *done = vkt_create(link.device, VKT_FENCE);

   peer_post(link.peer, &(struct peer_request){
                           .op = PEER_ECHO,
                           .slot = 0,
                           .other = 1,
                           .value = rounds,
                        });
   for (uint64_t i = 1; i <= rounds; i++) {
      const struct vkt_batch batch = {.waits = {{answers, i}}};

      share_queue_signal(link.object, i);
      share_submit(link.device, &batch, done);
      vkt_expect_done(done);
      vkt_reset(done);
   }
   EXPECT_HR(peer_collect(link.peer).result, S_OK);
   peer_finish(link.peer);
}

static void
host_waits(intptr_t arg)
{
   struct link link = open_link(VKT_TIMELINE, true);

   for (uint64_t i = 1; i <= 50; i += 2) {
      EXPECT_RESULT(vkt_wait(link.object, i, 0), VK_TIMEOUT);
      peer_signal(link.peer, 0, i);
      EXPECT_OK(vkt_wait(link.object, i, 0));
      peer_post_wait(link.peer, 0, i + 1);
      vkt_host_signal(link.object, i + 1);
      EXPECT_HR(peer_collect(link.peer).result, S_OK);
   }
   peer_finish(link.peer);
}

/* Any value may be seen on the way up, and none later than it is there. */
static void
storm(intptr_t arg)
{
   struct link link = open_link(VKT_TIMELINE, true);

   peer_post(link.peer, &(struct peer_request){
                           .op = PEER_STORM, .slot = 0, .value = 1,
                        });
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
   const struct vkt_batch batch = {.waits = {{link.object, 5}}};
   struct vkt_object *done = vkt_create(link.device, VKT_FENCE);

   runtime_load();
   share_submit(link.device, &batch, done);
   EXPECT_HR(peer_call(link.peer, &(struct peer_request){
                                     .op = PEER_REMOVE,
                                     .flags = (UINT32)how,
                                  }).result, S_OK);
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

#define SEMAPHORE_CASES(run) \
   {#run "_binary", run, VKT_BINARY, 0}, \
   {#run "_timeline", run, VKT_TIMELINE, 0}

int
main(int argc, char **argv)
{
   static const struct test_case cases[] = {
      SEMAPHORE_CASES(d3d12_makes_it),
      SEMAPHORE_CASES(vulkan_makes_it),
      SEMAPHORE_CASES(by_name),
      SEMAPHORE_CASES(ping_pong),
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

/* SPDX-License-Identifier: MIT */

/* A D3D12 program in another process, and Vulkan in this one */
#include <wchar.h>

#include "child.h"
#include "share.h"

enum origin {
   D3D12_MAKES_IT,
   VULKAN_MAKES_IT,
   D3D12_NAMES_IT,
   VULKAN_NAMES_IT,
};

enum task {
   /* D3D12 answers each signal of Vulkan's by two. */
   TAKE_TURNS,
   /* Signals 1, 2, 3 ... until it is killed */
   STORM,
   /* Its device, once the fence is at 1 */
   REMOVE_DEVICE,
};

struct order {
   enum origin origin;
   enum task task;
   enum double_removal removal;
   WCHAR name[128];
   HANDLE handle;
};

/* What Vulkan signals to begin a round */
static uint64_t
value_at(uint64_t round)
{
   return (round + 1) * UINT64_C(0x10000000f);
}

static uint64_t
count_rounds(void)
{
   return 300 * test_scale();
}

/* D3D12 -------------------------------------------------------------------- */

static void
take_turns(ID3D12Fence *fence)
{
   for (uint64_t round = 0; round < count_rounds(); round++) {
      const uint64_t value = value_at(round);

      runtime_expect_value(fence, value);
      runtime_signal(fence, value + 1);
      runtime_signal(fence, value + 2);
   }
   runtime_expect_value(fence, value_at(count_rounds()));
}

static int
peer_main(int argc, char **argv)
{
   struct child_link link = child_link_open(argc, argv);
   ID3D12Device *warp = runtime_warp();
   struct order order;

   REQUIRE(child_link_receive(&link, &order, sizeof(order)));

   HANDLE handle = order.handle;
   ID3D12Fence *fence;

   if (order.origin == VULKAN_NAMES_IT)
      REQUIRE_HR(ID3D12Device_OpenSharedHandleByName(warp, order.name,
                                                     GENERIC_ALL, &handle));
   if (order.origin == D3D12_MAKES_IT || order.origin == D3D12_NAMES_IT) {
      fence = runtime_fence(warp, 0, D3D12_FENCE_FLAG_SHARED);
      handle = runtime_share(warp, fence, order.name[0] ? order.name : NULL);
   } else {
      fence = runtime_open(warp, handle);
   }
   REQUIRE(child_link_send(&link, &handle, sizeof(handle)));

   if (order.task == TAKE_TURNS)
      take_turns(fence);
   for (UINT64 value = 1; order.task == STORM; value++)
      runtime_signal(fence, value);
   if (order.task == REMOVE_DEVICE) {
      runtime_expect_value(fence, 1);
      runtime_load()->remove_device(warp, order.removal);
   }
   return test_failed();
}

/* Vulkan ------------------------------------------------------------------- */

struct link {
   struct vkt_device *device;
   struct child *peer;
   struct vkt_object *object;
};

static HANDLE
copy_from(struct child *peer, HANDLE theirs)
{
   HANDLE copy = NULL;

   REQUIRE(DuplicateHandle(peer->process, theirs, GetCurrentProcess(), &copy,
                           0, FALSE, DUPLICATE_SAME_ACCESS));
   return test_own_handle(copy);
}

static struct link
open_link(enum vkt_kind kind, struct order order)
{
   struct link link = {.device = share_open()};

   if (order.origin == D3D12_NAMES_IT || order.origin == VULKAN_NAMES_IT)
      wcscpy(order.name, vkt_make_name(L""));
   if (order.origin == VULKAN_NAMES_IT)
      link.object = vkt_create_win32(link.device, kind, SHARE_D3D12, NULL,
                                     order.name);
   if (order.origin == VULKAN_MAKES_IT) {
      link.object = share_create(link.device, kind, 0);
      order.handle = share_export(link.object);
   }

   link.peer = child_start("peer", &order.handle, order.handle != NULL);
   REQUIRE(child_send(link.peer, &order, sizeof(order)));
   REQUIRE(child_receive(link.peer, &order.handle, sizeof(order.handle)));

   if (order.origin == D3D12_MAKES_IT)
      link.object = share_import(link.device, kind,
                                 copy_from(link.peer, order.handle));
   if (order.origin == D3D12_NAMES_IT) {
      link.object = vkt_create(link.device, kind);
      REQUIRE_OK(share_try_import(link.object, NULL, order.name));
   }
   return link;
}

/* Without complaints; only a hang takes this long. */
static void
finish(struct link link)
{
   EXPECT_U64(child_join(link.peer, 30000), 0);
}

static void
queue_takes_turns(intptr_t arg)
{
   struct link link = open_link((enum vkt_kind)(arg & 0xff), (struct order){
      .origin = (enum origin)(arg >> 8), .task = TAKE_TURNS,
   });
   struct vkt_object *done = vkt_create(link.device, VKT_FENCE);

   share_queue_signal(link.object, value_at(0));
   for (uint64_t round = 0; round < count_rounds(); round++) {
      const struct vkt_batch batch = {
         .waits = {{link.object, value_at(round) + 2}},
         .signals = {{link.object, value_at(round + 1)}},
      };

      share_submit(link.device, &batch, done);
      vkt_expect_done(done);
      vkt_reset(done);
   }
   finish(link);
}

static void
host_takes_turns(intptr_t arg)
{
   struct link link = open_link(VKT_TIMELINE, (struct order){0});

   vkt_host_signal(link.object, value_at(0));
   for (uint64_t round = 0; round < count_rounds(); round++) {
      EXPECT_OK(vkt_wait(link.object, value_at(round) + 2, VKT_LONG_MS));
      EXPECT_RESULT(vkt_wait(link.object, value_at(round + 1), 0),
                    VK_TIMEOUT);
      vkt_host_signal(link.object, value_at(round + 1));
   }
   finish(link);
}

/* Any value may be seen on the way up, and none later than it is there. */
static void
storm(intptr_t arg)
{
   struct link link =
      open_link(VKT_TIMELINE, (struct order){.task = STORM});

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
   struct link link = open_link(VKT_TIMELINE, (struct order){0});

   child_kill(link.peer);
   EXPECT_RESULT(vkt_wait(link.object, 1, 50), VK_TIMEOUT);
   share_expect_linked(link.object, share_fence(link.object));
}

/* The device that is removed is another process's. */
static void
removed_elsewhere(intptr_t removal)
{
   runtime_load();

   struct link link = open_link(VKT_TIMELINE, (struct order){
      .task = REMOVE_DEVICE, .removal = (enum double_removal)removal,
   });
   struct vkt_object *done = share_queue_wait(link.object, 5);

   vkt_host_signal(link.object, 1);
   finish(link);
   if (removal == DOUBLE_REMOVAL_FOR_ALL) {
      /* All there is to see is a signal. */
      vkt_expect_done(done);
      EXPECT_U64(vkt_value(link.object), UINT64_MAX);
   } else {
      vkt_expect_pending(done);
      vkt_host_signal(link.object, 5);
      vkt_expect_done(done);
   }
}

#define TURNS(name, origin) \
   {name "_binary", queue_takes_turns, VKT_WITH(VKT_BINARY, origin), 0}, \
   {name "_timeline", queue_takes_turns, VKT_WITH(VKT_TIMELINE, origin), 0}

const struct test_case test_cases[] = {
   TURNS("d3d12_makes_it", D3D12_MAKES_IT),
   TURNS("vulkan_makes_it", VULKAN_MAKES_IT),
   TURNS("d3d12_names_it", D3D12_NAMES_IT),
   TURNS("vulkan_names_it", VULKAN_NAMES_IT),
   {"host_takes_turns", host_takes_turns, 0, 0},
   {"storm", storm, 0, 0},
   {"killed_peer", killed_peer, 0, 0},
   {"removed_elsewhere", removed_elsewhere, DOUBLE_REMOVAL_FOR_DEVICE, 0},
   {"removed_elsewhere_for_all", removed_elsewhere, DOUBLE_REMOVAL_FOR_ALL, 0},
   {0},
};

const struct test_role test_roles[] = {{"peer", peer_main}, {0}};

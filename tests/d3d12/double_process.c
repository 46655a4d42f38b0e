/* SPDX-License-Identifier: MIT */

/* The double's fences between processes */
#include "peer.h"

#include <wchar.h>

#define SHARED D3D12_FENCE_FLAG_SHARED
#define SOON_MS 20000

struct pair {
   ID3D12Device *device;
   ID3D12Fence *fence;
   HANDLE handle;
   struct child *peer;
};

/* A fence of ours that is in the peer's slot 0, too */
static struct pair
set_up(UINT64 value)
{
   struct pair pair;

   runtime_load();
   pair.device = runtime_warp();
   pair.fence = runtime_fence(pair.device, value, SHARED);
   pair.handle = runtime_share(pair.device, pair.fence, NULL);
   pair.peer = peer_start(&pair.handle, 1);
   peer_open(pair.peer, 0, pair.handle);
   return pair;
}

static void
expect_linked(ID3D12Fence *fence, struct child *peer, UINT32 slot)
{
   const UINT64 value = ID3D12Fence_GetCompletedValue(fence);
   HANDLE event = runtime_event();

   EXPECT_U64(peer_value(peer, slot), value);
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, value + 1, event), S_OK);
   EXPECT(!runtime_is_set(event));
   peer_signal(peer, slot, value + 1);
   EXPECT(runtime_is_set(event));
   EXPECT_U64(ID3D12Fence_GetCompletedValue(fence), value + 1);

   peer_arm(peer, slot, value + 2);
   EXPECT(!peer_is_set(peer, 0));
   EXPECT_HR(ID3D12Fence_Signal(fence, value + 2), S_OK);
   EXPECT(peer_is_set(peer, 0));
   EXPECT_U64(peer_value(peer, slot), value + 2);
}

static void
inherited_handle(intptr_t arg)
{
   SECURITY_ATTRIBUTES attributes = {
      .nLength = sizeof(attributes),
      .bInheritHandle = TRUE,
   };
   ID3D12Device *device = runtime_warp();
   ID3D12Fence *fence = runtime_fence(device, 3, SHARED);
   HANDLE inherited = NULL, other = runtime_share(device, fence, NULL);

   REQUIRE_HR(ID3D12Device_CreateSharedHandle(device,
                                              (ID3D12DeviceChild *)fence,
                                              &attributes, GENERIC_ALL, NULL,
                                              &inherited),
              S_OK);
   test_own_handle(inherited);

   struct child *peer = peer_start_inheriting();

   EXPECT(FAILED(peer_call(peer, &(struct peer_request){
                                    .op = PEER_OPEN,
                                    .handle = (uintptr_t)other,
                                 }).result));
   peer_open(peer, 0, inherited);
   expect_linked(fence, peer, 0);
   peer_finish(peer);
}

static void
duplicated_handle(intptr_t arg)
{
   runtime_load();
   ID3D12Device *device = runtime_warp();
   struct child *peer = peer_start(NULL, 0);
   ID3D12Fence *mine = runtime_fence(device, 10, SHARED);

   peer_open(peer, 0, peer_give(peer, runtime_share(device, mine, NULL)));
   expect_linked(mine, peer, 0);

   HANDLE handle = peer_take(peer, peer_create(peer, 1, 20, NULL));
   ID3D12Fence *theirs = runtime_open(device, handle);
   expect_linked(theirs, peer, 1);
   EXPECT_U64(ID3D12Fence_GetCompletedValue(mine), 12);
   peer_finish(peer);
}

static void
names(intptr_t arg)
{
   WCHAR name[RUNTIME_NAME_SIZE];
   HANDLE handle = NULL;

   runtime_load();
   ID3D12Device *device = runtime_warp();
   ID3D12Fence *fence = runtime_fence(device, 0, SHARED);
   struct child *peer = peer_start(NULL, 0);

   runtime_make_name(name);
   peer_create(peer, 0, 5, name);
   expect_linked(runtime_open(device, runtime_open_name(device, name)), peer,
                 0);
   EXPECT_HR(ID3D12Device_CreateSharedHandle(device,
                                             (ID3D12DeviceChild *)fence, NULL,
                                             GENERIC_ALL, name, &handle),
             DXGI_ERROR_NAME_ALREADY_EXISTS);

   runtime_make_name(name);
   runtime_share(device, fence, name);
   peer_open_name(peer, 1, name);
   expect_linked(fence, peer, 1);
   peer_finish(peer);
}

/* The handle is all that is left of it. */
static void
creator_is_gone(intptr_t by_force)
{
   WCHAR name[RUNTIME_NAME_SIZE];

   runtime_load();
   ID3D12Device *device = runtime_warp();
   struct child *peer = peer_start(NULL, 0);
   HANDLE handle;

   runtime_make_name(name);
   handle = peer_take(peer, peer_create(peer, 0, 0, name));
   peer_signal(peer, 0, UINT64_C(0xabcdef0123));
   if (by_force)
      child_kill(peer);
   else
      peer_finish(peer);

   ID3D12Fence *fence = runtime_open(device, handle);
   EXPECT_U64(ID3D12Fence_GetCompletedValue(fence), UINT64_C(0xabcdef0123));
   runtime_expect_linked(fence, runtime_open(device,
                                             runtime_open_name(device, name)));
   peer = peer_start(NULL, 0);
   peer_open_name(peer, 0, name);
   expect_linked(fence, peer, 0);
   peer_finish(peer);
}

/* By one who has only opened it, when creator and first handle are gone */
static void
shared_again(intptr_t arg)
{
   runtime_load();
   struct child *creator = peer_start(NULL, 0);
   struct child *peer = peer_start(NULL, 0);
   HANDLE first = peer_take(creator, peer_create(creator, 0, 7, NULL));
   HANDLE given = peer_give(peer, first);
   struct peer_reply reply;

   peer_open(peer, 2, given);
   test_close(first);
   child_kill(creator);
   REQUIRE_HR(peer_call(peer, &(struct peer_request){
                                 .op = PEER_CLOSE,
                                 .handle = (uintptr_t)given,
                              }).result,
              S_OK);
   reply = peer_call(peer, &(struct peer_request){.op = PEER_SHARE, .slot = 2});
   REQUIRE_HR(reply.result, S_OK);
   HANDLE second = peer_take(peer, (HANDLE)(uintptr_t)reply.value);
   ID3D12Fence *fence = runtime_open(runtime_warp(), second);

   expect_linked(fence, peer, 2);
   EXPECT_U64(ID3D12Fence_GetCompletedValue(fence), 9);
   REQUIRE_HR(peer_call(peer, &(struct peer_request){
                                 .op = PEER_RELEASE,
                                 .slot = 2,
                              }).result,
              S_OK);
   EXPECT_HR(ID3D12Fence_Signal(fence, 10), S_OK);
   peer_open(peer, 2, peer_give(peer, second));
   expect_linked(fence, peer, 2);
   peer_finish(peer);
}

static void
values_and_rewinds(intptr_t arg)
{
   static const UINT64 values[] = {
      1, 0xffffffff, UINT64_C(0x100000000), 5, UINT64_C(0x8000000000000000), 0,
      UINT64_MAX - 1, 2,
   };
   struct pair pair = set_up(0);

   for (unsigned i = 0; i < TEST_COUNT(values); i++) {
      if (i % 2 == 0)
         peer_signal(pair.peer, 0, values[i]);
      else
         EXPECT_HR(ID3D12Fence_Signal(pair.fence, values[i]), S_OK);
      EXPECT_U64(peer_value(pair.peer, 0), values[i]);
      EXPECT_U64(ID3D12Fence_GetCompletedValue(pair.fence), values[i]);
   }
   peer_finish(pair.peer);
}

/* It was there, even if nobody can see it any more. */
static void
passing_value(intptr_t arg)
{
   struct pair pair = set_up(0);
   HANDLE event = runtime_event();

   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(pair.fence, 5, event), S_OK);
   peer_signal(pair.peer, 0, 4);
   EXPECT(!runtime_is_set(event));
   peer_signal(pair.peer, 0, 5);
   peer_signal(pair.peer, 0, 1);
   EXPECT(runtime_is_set(event));

   peer_arm(pair.peer, 0, 5);
   EXPECT_HR(ID3D12Fence_Signal(pair.fence, 6), S_OK);
   EXPECT_HR(ID3D12Fence_Signal(pair.fence, 0), S_OK);
   EXPECT(peer_is_set(pair.peer, 0));
   peer_finish(pair.peer);
}

static void
null_event_blocks(intptr_t arg)
{
   struct pair pair = set_up(0);

   peer_post_wait(pair.peer, 0, 2);
   Sleep(50);
   EXPECT(peer_is_busy(pair.peer));
   EXPECT_HR(ID3D12Fence_Signal(pair.fence, 1), S_OK);
   Sleep(50);
   EXPECT(peer_is_busy(pair.peer));
   EXPECT_HR(ID3D12Fence_Signal(pair.fence, 2), S_OK);
   EXPECT_HR(peer_collect(pair.peer).result, S_OK);
   peer_finish(pair.peer);
}

#define CROWD 3

static void
several_peers(intptr_t arg)
{
   struct pair pair = set_up(0);
   struct child *peers[CROWD] = {pair.peer};
   HANDLE event = runtime_event();

   for (unsigned i = 1; i < CROWD; i++) {
      peers[i] = peer_start(&pair.handle, 1);
      peer_open(peers[i], 0, pair.handle);
   }
   for (unsigned i = 0; i < CROWD; i++)
      peer_arm(peers[i], 0, 10 + i);
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(pair.fence, 11, event), S_OK);

   peer_signal(peers[1], 0, 11);
   EXPECT(runtime_is_set(event));
   for (unsigned i = 0; i < CROWD; i++)
      EXPECT(peer_is_set(peers[i], 0) == (i < 2));
   EXPECT_HR(ID3D12Fence_Signal(pair.fence, 12), S_OK);
   EXPECT(peer_is_set(peers[2], 0));
   for (unsigned i = 0; i < CROWD; i++)
      peer_finish(peers[i]);
}

static void
ping_pong(intptr_t arg)
{
   const UINT64 rounds = 150 * test_scale();
   struct pair pair = set_up(0);
   ID3D12Fence *back = runtime_open(
      pair.device, peer_take(pair.peer, peer_create(pair.peer, 1, 0, NULL)));
   HANDLE event = test_own_handle(CreateEventW(NULL, FALSE, FALSE, NULL));

   peer_post(pair.peer, &(struct peer_request){
                           .op = PEER_ECHO,
                           .slot = 0,
                           .other = 1,
                           .value = rounds,
                        });
   for (UINT64 i = 1; i <= rounds; i++) {
      REQUIRE_HR(ID3D12Fence_SetEventOnCompletion(back, i, event), S_OK);
      REQUIRE(!runtime_is_set(event));
      REQUIRE_HR(ID3D12Fence_Signal(pair.fence, i), S_OK);
      REQUIRE(WaitForSingleObject(event, SOON_MS) == WAIT_OBJECT_0);
      REQUIRE_U64(ID3D12Fence_GetCompletedValue(back), i);
   }
   EXPECT_HR(peer_collect(pair.peer).result, S_OK);
   peer_finish(pair.peer);
}

static UINT64
handles_of(struct child *peer)
{
   return peer_call(peer, &(struct peer_request){.op = PEER_HANDLES}).value;
}

/* The waiting side closes its events, whoever has set them. */
static void
no_handles_are_left(intptr_t arg)
{
   struct pair pair = set_up(0);
   HANDLE event = runtime_event();
   UINT64 value = 0, theirs = 0;
   unsigned ours = 0;

   for (unsigned i = 0; i < 12; i++) {
      value++;
      EXPECT_HR(ID3D12Fence_SetEventOnCompletion(pair.fence, value, event),
                S_OK);
      peer_signal(pair.peer, 0, value);
      value++;
      peer_arm(pair.peer, 0, value);
      EXPECT_HR(ID3D12Fence_Signal(pair.fence, value), S_OK);
      if (i == 1) {
         ours = test_count_handles();
         theirs = handles_of(pair.peer);
      }
   }
   EXPECT_U64(test_count_handles(), ours);
   EXPECT_U64(handles_of(pair.peer), theirs);
   peer_finish(pair.peer);
}

static void
killed_while_waiting(intptr_t arg)
{
   struct pair pair = set_up(0);
   HANDLE event = runtime_event();

   for (unsigned i = 0; i < DOUBLE_MAX_EVENTS; i++)
      peer_arm(pair.peer, 0, 1 + i);
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(pair.fence, 1, event),
             E_OUTOFMEMORY);
   child_kill(pair.peer);
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(pair.fence, 1, event), S_OK);
   EXPECT_HR(ID3D12Fence_Signal(pair.fence, 1), S_OK);
   EXPECT(runtime_is_set(event));

   /* Now the dead are met by a signal. */
   pair.peer = peer_start(&pair.handle, 1);
   peer_open(pair.peer, 0, pair.handle);
   for (unsigned i = 0; i < 5; i++)
      peer_arm(pair.peer, 0, 10 + i);
   child_kill(pair.peer);
   EXPECT_HR(ID3D12Fence_Signal(pair.fence, 100), S_OK);
   EXPECT_U64(ID3D12Fence_GetCompletedValue(pair.fence), 100);
}

/* A signal whose process dies has happened for whoever looks at the fence. */
static void
killed_in_signal(intptr_t after_events)
{
   struct pair pair = set_up(1);
   struct child *witness = peer_start(&pair.handle, 1);
   struct peer_request request = {.op = PEER_MAKE_FAIL};
   HANDLE event = runtime_event(), next = runtime_event();

   peer_open(witness, 0, pair.handle);
   peer_arm(witness, 0, 4);
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(pair.fence, 5, event), S_OK);
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(pair.fence, 6, next), S_OK);
   wcscpy(request.name,
          after_events ? L"die_after_events" : L"die_before_events");
   REQUIRE_HR(peer_call(pair.peer, &request).result, S_OK);
   peer_post(pair.peer, &(struct peer_request){
                           .op = PEER_SIGNAL,
                           .value = 5,
                        });
   REQUIRE(WaitForSingleObject(pair.peer->process, SOON_MS) == WAIT_OBJECT_0);

   EXPECT(runtime_is_set(event) == (after_events != 0));
   EXPECT_U64(ID3D12Fence_GetCompletedValue(pair.fence), 5);
   EXPECT(runtime_is_set(event));
   EXPECT(!runtime_is_set(next));
   EXPECT(peer_is_set(witness, 0));
   expect_linked(pair.fence, witness, 0);
   EXPECT(runtime_is_set(next));
   peer_finish(witness);
}

/* Anywhere: what was set agrees with the value, and goes on. */
static void
killed_in_storm(intptr_t arg)
{
   struct pair pair = set_up(0);

   for (unsigned round = 0; round < 8 * test_scale(); round++) {
      const UINT64 from = ID3D12Fence_GetCompletedValue(pair.fence);
      const UINT64 till = from + 1 + test_random_below(40);
      HANDLE event = runtime_event(), later = runtime_event();

      EXPECT_HR(ID3D12Fence_SetEventOnCompletion(pair.fence, till, event),
                S_OK);
      EXPECT_HR(ID3D12Fence_SetEventOnCompletion(pair.fence, till + 5, later),
                S_OK);
      peer_post(pair.peer, &(struct peer_request){
                              .op = PEER_STORM,
                              .value = from + 1,
                           });
      runtime_expect_set(event);
      if (test_random_below(2))
         Sleep(test_random_below(3));
      child_kill(pair.peer);

      const UINT64 value = ID3D12Fence_GetCompletedValue(pair.fence);
      EXPECT(value >= till);
      EXPECT(runtime_is_set(later) == (value >= till + 5));
      EXPECT_HR(ID3D12Fence_Signal(pair.fence, value + 10), S_OK);
      EXPECT(runtime_is_set(later));
      test_close(event);
      test_close(later);

      pair.peer = peer_start(&pair.handle, 1);
      peer_open(pair.peer, 0, pair.handle);
   }
   expect_linked(pair.fence, pair.peer, 0);
   peer_finish(pair.peer);
}

static void
removed_device(intptr_t removal)
{
   const bool for_all = removal == DOUBLE_REMOVAL_FOR_ALL;
   struct pair pair = set_up(3);
   HANDLE event = runtime_event();

   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(pair.fence, 1000, event), S_OK);
   peer_arm(pair.peer, 0, UINT64_MAX);
   REQUIRE_HR(peer_call(pair.peer, &(struct peer_request){
                                      .op = PEER_REMOVE,
                                      .flags = (UINT32)removal,
                                   }).result,
              S_OK);
   EXPECT(peer_is_set(pair.peer, 0));
   EXPECT(peer_value(pair.peer, 0) == UINT64_MAX);
   EXPECT_HR(peer_call(pair.peer, &(struct peer_request){
                                     .op = PEER_REMOVED_REASON,
                                  }).result,
             DXGI_ERROR_DEVICE_HUNG);

   EXPECT_HR(ID3D12Device_GetDeviceRemovedReason(pair.device), S_OK);
   EXPECT(runtime_is_set(event) == for_all);
   EXPECT(ID3D12Fence_GetCompletedValue(pair.fence) ==
          (for_all ? UINT64_MAX : 3));
   peer_finish(pair.peer);
}

static void
d3d11_fence(intptr_t arg)
{
   const LUID luid = runtime_luid(DOUBLE_WARP_LUID);
   HANDLE handle = NULL;

   REQUIRE_HR(runtime_load()->create_d3d11_fence_handle(
                 &luid, 8, FALSE, NULL, GENERIC_ALL, NULL, &handle),
              S_OK);
   test_own_handle(handle);

   struct child *peer = peer_start(&handle, 1);
   peer_open(peer, 0, handle);
   EXPECT_U64(peer_value(peer, 0), 8);
   expect_linked(runtime_open(runtime_warp(), handle), peer, 0);
   peer_finish(peer);
}

static const struct test_case cases[] = {
   {"inherited_handle", inherited_handle, 0, 0},
   {"duplicated_handle", duplicated_handle, 0, 0},
   {"names", names, 0, 0},
   {"creator_has_ended", creator_is_gone, false, 0},
   {"creator_was_killed", creator_is_gone, true, 0},
   {"shared_again", shared_again, 0, 0},
   {"values_and_rewinds", values_and_rewinds, 0, 0},
   {"passing_value", passing_value, 0, 0},
   {"null_event_blocks", null_event_blocks, 0, 0},
   {"several_peers", several_peers, 0, 0},
   {"ping_pong", ping_pong, 0, 0},
   {"no_handles_are_left", no_handles_are_left, 0, 0},
   {"killed_while_waiting", killed_while_waiting, 0, 0},
   {"killed_before_events", killed_in_signal, false, 0},
   {"killed_after_events", killed_in_signal, true, 0},
   {"killed_in_storm", killed_in_storm, 0, 120},
   {"removed_device_for_all", removed_device, DOUBLE_REMOVAL_FOR_ALL, 0},
   {"removed_device_for_itself", removed_device, DOUBLE_REMOVAL_FOR_DEVICE, 0},
   {"d3d11_fence", d3d11_fence, 0, 0},
   {0},
};

static const struct test_role roles[] = {PEER_ROLE, {0}};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, roles);
}

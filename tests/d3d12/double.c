/* SPDX-License-Identifier: MIT */

/* The double: what it refuses, and what it does that the driver's tests rely
 * on without seeing it.
 */
#include <wchar.h>

#include "peer.h"

#define NOT_SHARED D3D12_FENCE_FLAG_NONE
#define SHARED D3D12_FENCE_FLAG_SHARED
#define CROSS_ADAPTER \
   (D3D12_FENCE_FLAGS)(SHARED | D3D12_FENCE_FLAG_SHARED_CROSS_ADAPTER)

static ID3D12Device *
open_warp(void)
{
   runtime_load();
   return runtime_warp();
}

/* Fences and events -------------------------------------------------------- */

static void
events_at_their_values(intptr_t arg)
{
   static const UINT64 values[] = {
      6, 5, 5, UINT64_C(0x100000005), UINT64_MAX - 1, 9,
   };
   static const UINT64 signals[] = {
      1, 4, 5, 8, 0x80000000, UINT64_C(0x100000004), UINT64_C(0x100000005),
      UINT64_MAX - 1,
   };
   ID3D12Fence *fence = runtime_fence(open_warp(), 0, NOT_SHARED);
   HANDLE events[TEST_COUNT(values)];

   for (unsigned i = 0; i < TEST_COUNT(values); i++) {
      events[i] = runtime_event_at(fence, values[i]);
      EXPECT(!runtime_is_set(events[i]));
   }
   for (unsigned s = 0; s < TEST_COUNT(signals); s++) {
      runtime_signal(fence, signals[s]);
      for (unsigned i = 0; i < TEST_COUNT(values); i++)
         EXPECT(runtime_is_set(events[i]) == (values[i] <= signals[s]));
   }
}

static void
event_closed_after_the_call(intptr_t arg)
{
   ID3D12Fence *fence = runtime_fence(open_warp(), 0, NOT_SHARED);
   HANDLE mine = runtime_event(), given;

   REQUIRE(DuplicateHandle(GetCurrentProcess(), mine, GetCurrentProcess(),
                           &given, 0, FALSE, DUPLICATE_SAME_ACCESS));
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, 1, given), S_OK);
   CloseHandle(given);
   EXPECT(!runtime_is_set(mine));
   runtime_signal(fence, 1);
   EXPECT(runtime_is_set(mine));
}

static void
too_many_events(intptr_t arg)
{
   ID3D12Fence *fence = runtime_fence(open_warp(), 0, NOT_SHARED);
   HANDLE event = runtime_event();

   for (unsigned i = 0; i < DOUBLE_MAX_EVENTS; i++)
      EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, 1 + i, event), S_OK);
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, 1000, event),
             E_OUTOFMEMORY);
   runtime_signal(fence, 1);
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, 1000, event), S_OK);
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, 1000, event),
             E_OUTOFMEMORY);
}

static void
released_with_events_pending(intptr_t arg)
{
   void *fence = NULL;

   REQUIRE_HR(ID3D12Device_CreateFence(open_warp(), 0, NOT_SHARED,
                                       &IID_ID3D12Fence, &fence),
              S_OK);
   HANDLE event = runtime_event_at(fence, 1);
   EXPECT_U64(ID3D12Fence_Release((ID3D12Fence *)fence), 0);
   EXPECT(!runtime_is_set(event));
}

static void
creation_arguments(intptr_t arg)
{
   static const UINT refused[] = {
      D3D12_FENCE_FLAG_SHARED_CROSS_ADAPTER, 4, 0x10, 0x11,
   };
   ID3D12Device *device = open_warp();
   void *out = (void *)1;

   EXPECT_HR(ID3D12Device_CreateFence(device, 0, NOT_SHARED,
                                      &IID_ID3D12Resource, &out),
             E_NOINTERFACE);
   EXPECT(out == NULL);
   for (unsigned i = 0; i < TEST_COUNT(refused); i++)
      EXPECT_HR(ID3D12Device_CreateFence(device, 0,
                                         (D3D12_FENCE_FLAGS)refused[i],
                                         &IID_ID3D12Fence, &out),
                E_INVALIDARG);
}

/* Sharing ------------------------------------------------------------------ */

static HRESULT
try_share(ID3D12Device *device, void *object, DWORD access, const WCHAR *name)
{
   HANDLE handle = NULL;
   HRESULT result = ID3D12Device_CreateSharedHandle(device, object, NULL,
                                                    access, name, &handle);

   if (SUCCEEDED(result))
      test_own_handle(handle);
   return result;
}

static void
expect_not_opened(ID3D12Device *device, HANDLE handle, HRESULT want)
{
   void *out = device;

   EXPECT_HR(ID3D12Device_OpenSharedHandle(device, handle, &IID_ID3D12Fence,
                                           &out),
             want);
   EXPECT(out == NULL);
}

static void
expect_no_such_name(ID3D12Device *device, const WCHAR *name, DWORD access)
{
   HANDLE handle = (HANDLE)(intptr_t)-1;

   EXPECT(FAILED(ID3D12Device_OpenSharedHandleByName(device, name, access,
                                                     &handle)));
   EXPECT(handle == NULL);
}

static void
what_cannot_be_shared(intptr_t arg)
{
   ID3D12Device *device = open_warp();
   ID3D12Fence *private = runtime_fence(device, 0, NOT_SHARED);
   ID3D12Fence *shared = runtime_fence(device, 0, SHARED);
   ID3D12Fence *foreign = runtime_fence(runtime_gpu(), 0, SHARED);

   EXPECT_HR(try_share(device, private, GENERIC_ALL, NULL), E_INVALIDARG);
   EXPECT_HR(try_share(device, NULL, GENERIC_ALL, NULL), E_INVALIDARG);
   EXPECT_HR(try_share(device, foreign, GENERIC_ALL, NULL), E_INVALIDARG);
   EXPECT_HR(try_share(device, device, GENERIC_ALL, NULL), E_INVALIDARG);
   EXPECT_HR(try_share(device, shared, GENERIC_ALL, NULL), S_OK);
}

/* The access word that is documented is the only one. */
static void
access_words(intptr_t arg)
{
   static const DWORD words[] = {
      0, GENERIC_READ, GENERIC_WRITE, GENERIC_READ | GENERIC_WRITE,
      DXGI_SHARED_RESOURCE_READ | DXGI_SHARED_RESOURCE_WRITE,
      SECTION_ALL_ACCESS, GENERIC_ALL | GENERIC_READ,
   };
   WCHAR name[RUNTIME_NAME_SIZE];
   ID3D12Device *device = open_warp();
   ID3D12Fence *fence = runtime_fence(device, 0, SHARED);

   runtime_make_name(name);
   runtime_share(device, fence, name);
   for (unsigned i = 0; i < TEST_COUNT(words); i++) {
      EXPECT_HR(try_share(device, fence, words[i], NULL),
                DXGI_ERROR_INVALID_CALL);
      expect_no_such_name(device, name, words[i]);
   }
}

static void
names_refused(intptr_t arg)
{
   WCHAR name[MAX_PATH + 2];
   ID3D12Device *device = open_warp();
   ID3D12Fence *fence = runtime_fence(device, 0, SHARED);

   expect_no_such_name(device, NULL, GENERIC_ALL);
   runtime_make_name(name);
   runtime_share(device, fence, name);
   name[0] ^= 0x20;
   expect_no_such_name(device, name, GENERIC_ALL);

   EXPECT_HR(try_share(device, fence, GENERIC_ALL, L"lvp-d3d12\\inner"),
             DXGI_ERROR_INVALID_CALL);
   wmemset(name, L'x', MAX_PATH + 1);
   name[MAX_PATH + 1] = 0;
   EXPECT_HR(try_share(device, fence, GENERIC_ALL, name),
             DXGI_ERROR_INVALID_CALL);
}

/* Of a fence, of the same fence, and of anything else: there is just one
 * namespace.
 */
static void
names_taken(intptr_t arg)
{
   WCHAR name[RUNTIME_NAME_SIZE];
   ID3D12Device *device = open_warp();
   ID3D12Fence *one = runtime_fence(device, 0, SHARED);

   runtime_make_name(name);
   runtime_share(device, one, name);
   EXPECT_HR(try_share(device, runtime_fence(device, 0, SHARED), GENERIC_ALL,
                       name),
             DXGI_ERROR_NAME_ALREADY_EXISTS);
   EXPECT_HR(try_share(device, one, GENERIC_ALL, name),
             DXGI_ERROR_NAME_ALREADY_EXISTS);

   runtime_make_name(name);
   test_own_handle(CreateEventW(NULL, TRUE, FALSE, name));
   EXPECT_HR(try_share(device, one, GENERIC_ALL, name),
             DXGI_ERROR_NAME_ALREADY_EXISTS);
   expect_no_such_name(device, name, GENERIC_ALL);

   runtime_make_name(name);
   test_own_handle(CreateFileMappingW(INVALID_HANDLE_VALUE, NULL,
                                      PAGE_READWRITE, 0, 1 << 20, name));
   EXPECT_HR(try_share(device, one, GENERIC_ALL, name),
             DXGI_ERROR_NAME_ALREADY_EXISTS);
   expect_no_such_name(device, name, GENERIC_ALL);
}

/* One with too few rights */
static void
duplicated_handle(intptr_t arg)
{
   ID3D12Device *device = open_warp();
   HANDLE handle = runtime_share(device, runtime_fence(device, 3, SHARED),
                                 NULL);
   HANDLE weak = NULL;

   REQUIRE(DuplicateHandle(GetCurrentProcess(), handle, GetCurrentProcess(),
                           &weak, SYNCHRONIZE, FALSE, 0));
   test_own_handle(weak);
   expect_not_opened(device, weak, E_ACCESSDENIED);
}

static void
adapters(intptr_t arg)
{
   ID3D12Device *warp = open_warp(), *gpu = runtime_gpu();
   ID3D12Fence *bound = runtime_fence(gpu, 5, SHARED);
   ID3D12Fence *free = runtime_fence(gpu, 6, CROSS_ADAPTER);
   HANDLE handle = runtime_share(gpu, bound, NULL);
   ID3D12Fence *opened = runtime_open(warp, runtime_share(gpu, free, NULL));

   expect_not_opened(warp, handle, E_INVALIDARG);
   EXPECT_U64(ID3D12Fence_GetCompletedValue(runtime_open(gpu, handle)), 5);
   EXPECT_U64(ID3D12Fence_GetCompletedValue(opened), 6);
}

/* Devices ------------------------------------------------------------------ */

static void
one_device_an_adapter(intptr_t arg)
{
   ID3D12Device *warp = open_warp(), *gpu = runtime_gpu();

   EXPECT(warp != gpu);
   EXPECT(runtime_warp() == warp);
   EXPECT(runtime_gpu() == gpu);
}

static void
block(void *fence)
{
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion((ID3D12Fence *)fence, 10, NULL),
             S_OK);
}

static void
expect_removed(ID3D12Device *device, ID3D12Fence *fence)
{
   void *out = (void *)1;

   EXPECT_HR(ID3D12Device_GetDeviceRemovedReason(device),
             DXGI_ERROR_DEVICE_HUNG);
   EXPECT(ID3D12Fence_GetCompletedValue(fence) == UINT64_MAX);
   EXPECT(runtime_is_set(runtime_event_at(fence, UINT64_MAX)));
   EXPECT_HR(ID3D12Fence_SetEventOnCompletion(fence, 1, NULL), S_OK);
   EXPECT_HR(ID3D12Fence_Signal(fence, 2), DXGI_ERROR_DEVICE_REMOVED);
   EXPECT(ID3D12Fence_GetCompletedValue(fence) == UINT64_MAX);
   EXPECT_HR(ID3D12Device_CreateFence(device, 0, NOT_SHARED, &IID_ID3D12Fence,
                                      &out),
             DXGI_ERROR_DEVICE_REMOVED);
   EXPECT(out == NULL);
   EXPECT_HR(try_share(device, fence, GENERIC_ALL, NULL),
             DXGI_ERROR_DEVICE_REMOVED);
}

/* Another device has the fence open, too. */
static void
removed_device(intptr_t removal)
{
   const bool for_all = removal == DOUBLE_REMOVAL_FOR_ALL;
   ID3D12Device *warp = open_warp(), *gpu = runtime_gpu();
   ID3D12Fence *fence = runtime_fence(warp, 4, CROSS_ADAPTER);
   ID3D12Fence *other = runtime_open(gpu, runtime_share(warp, fence, NULL));
   HANDLE early = runtime_event_at(fence, 5);
   HANDLE never = runtime_event_at(fence, UINT64_MAX);
   HANDLE others = runtime_event_at(other, 5);
   HANDLE bystanders = runtime_event_at(runtime_fence(gpu, 0, NOT_SHARED), 5);
   struct test_thread *thread = test_thread_start(block, fence);

   Sleep(20);
   runtime_load()->remove_device(warp, (enum double_removal)removal);
   test_thread_join(thread);
   EXPECT(runtime_is_set(early));
   EXPECT(runtime_is_set(never));
   EXPECT(runtime_is_set(others) == for_all);
   EXPECT(!runtime_is_set(bystanders));
   expect_removed(warp, fence);

   EXPECT_HR(ID3D12Device_GetDeviceRemovedReason(gpu), S_OK);
   EXPECT(ID3D12Fence_GetCompletedValue(other) == (for_all ? UINT64_MAX : 4));
   runtime_signal(other, 6);
   EXPECT_U64(ID3D12Fence_GetCompletedValue(other), 6);
   EXPECT(ID3D12Fence_GetCompletedValue(fence) == UINT64_MAX);
   EXPECT(runtime_is_set(others));
}

/* Between processes -------------------------------------------------------- */

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
   struct pair pair = {.device = open_warp()};

   pair.fence = runtime_fence(pair.device, value, SHARED);
   pair.handle = runtime_share(pair.device, pair.fence, NULL);
   pair.peer = peer_start_with(pair.handle);
   return pair;
}

static void
expect_linked(ID3D12Fence *fence, struct child *peer)
{
   const UINT64 value = ID3D12Fence_GetCompletedValue(fence);
   HANDLE event = runtime_event_at(fence, value + 1);

   EXPECT_U64(peer_do(peer, PEER_VALUE, 0, 0), value);
   EXPECT(!runtime_is_set(event));
   peer_do(peer, PEER_SIGNAL, 0, value + 1);
   EXPECT(runtime_is_set(event));
   EXPECT_U64(ID3D12Fence_GetCompletedValue(fence), value + 1);

   peer_do(peer, PEER_ARM, 0, value + 2);
   EXPECT(!peer_do(peer, PEER_IS_SET, 0, 0));
   runtime_signal(fence, value + 2);
   EXPECT(peer_do(peer, PEER_IS_SET, 0, 0));
   EXPECT_U64(peer_do(peer, PEER_VALUE, 0, 0), value + 2);
}

/* The handle is all that is left of it. */
static void
creator_is_gone(intptr_t by_force)
{
   ID3D12Device *device = open_warp();
   struct child *peer = peer_start();
   WCHAR name[RUNTIME_NAME_SIZE];

   runtime_make_name(name);
   HANDLE handle = peer_create(peer, 0, name);
   peer_do(peer, PEER_SIGNAL, 0, UINT64_C(0xabcdef0123));
   if (by_force)
      child_kill(peer);
   else
      peer_finish(peer);

   ID3D12Fence *fence = runtime_open(device, handle);
   EXPECT_U64(ID3D12Fence_GetCompletedValue(fence), UINT64_C(0xabcdef0123));
   peer = peer_start();
   peer_do_named(peer, PEER_OPEN_NAME, 0, name);
   expect_linked(fence, peer);
   peer_finish(peer);
}

/* It was there, even if nobody can see it any more. */
static void
passing_value(intptr_t arg)
{
   struct pair pair = set_up(0);
   HANDLE event = runtime_event_at(pair.fence, 5);

   peer_do(pair.peer, PEER_SIGNAL, 0, 4);
   EXPECT(!runtime_is_set(event));
   peer_do(pair.peer, PEER_SIGNAL, 0, 5);
   peer_do(pair.peer, PEER_SIGNAL, 0, 1);
   EXPECT(runtime_is_set(event));

   peer_do(pair.peer, PEER_ARM, 0, 5);
   runtime_signal(pair.fence, 6);
   runtime_signal(pair.fence, 0);
   EXPECT(peer_do(pair.peer, PEER_IS_SET, 0, 0));
   peer_finish(pair.peer);
}

static void
null_event_blocks(intptr_t arg)
{
   struct pair pair = set_up(0);

   peer_post(pair.peer, PEER_WAIT, 0, 2);
   for (UINT64 value = 1; value <= 2; value++) {
      Sleep(50);
      EXPECT(peer_is_busy(pair.peer));
      runtime_signal(pair.fence, value);
   }
   peer_collect(pair.peer);
   peer_finish(pair.peer);
}

/* A signal whose process dies has happened for whoever looks at the fence. */
static void
killed_in_signal(intptr_t after_events)
{
   struct pair pair = set_up(1);
   struct child *witness = peer_start_with(pair.handle);
   HANDLE event = runtime_event_at(pair.fence, 5);
   HANDLE next = runtime_event_at(pair.fence, 6);

   peer_do(witness, PEER_ARM, 0, 4);
   peer_do_named(pair.peer, PEER_FAIL, 0,
                 after_events ? L"die_after_events" : L"die_before_events");
   peer_post(pair.peer, PEER_SIGNAL, 0, 5);
   REQUIRE(WaitForSingleObject(pair.peer->process, 20000) == WAIT_OBJECT_0);

   EXPECT(runtime_is_set(event) == (after_events != 0));
   EXPECT_U64(ID3D12Fence_GetCompletedValue(pair.fence), 5);
   EXPECT(runtime_is_set(event));
   EXPECT(!runtime_is_set(next));
   EXPECT(peer_do(witness, PEER_IS_SET, 0, 0));
   expect_linked(pair.fence, witness);
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
      HANDLE event = runtime_event_at(pair.fence, till);
      HANDLE later = runtime_event_at(pair.fence, till + 5);

      peer_post(pair.peer, PEER_STORM, 0, from + 1);
      runtime_expect_set(event);
      if (test_random_below(2))
         Sleep(test_random_below(3));
      child_kill(pair.peer);

      const UINT64 value = ID3D12Fence_GetCompletedValue(pair.fence);
      EXPECT(value >= till);
      EXPECT(runtime_is_set(later) == (value >= till + 5));
      runtime_signal(pair.fence, value + 10);
      EXPECT(runtime_is_set(later));

      pair.peer = peer_start_with(pair.handle);
   }
   expect_linked(pair.fence, pair.peer);
   peer_finish(pair.peer);
}

int
main(int argc, char **argv)
{
   static const struct test_case cases[] = {
      {"events_at_their_values", events_at_their_values, 0, 0},
      {"event_closed_after_the_call", event_closed_after_the_call, 0, 0},
      {"too_many_events", too_many_events, 0, 0},
      {"released_with_events_pending", released_with_events_pending, 0, 0},
      {"creation_arguments", creation_arguments, 0, 0},
      {"what_cannot_be_shared", what_cannot_be_shared, 0, 0},
      {"access_words", access_words, 0, 0},
      {"names_refused", names_refused, 0, 0},
      {"names_taken", names_taken, 0, 0},
      {"duplicated_handle", duplicated_handle, 0, 0},
      {"adapters", adapters, 0, 0},
      {"one_device_an_adapter", one_device_an_adapter, 0, 0},
      {"removed_device_for_all", removed_device, DOUBLE_REMOVAL_FOR_ALL, 0},
      {"removed_device_for_itself", removed_device, DOUBLE_REMOVAL_FOR_DEVICE,
       0},
      {"creator_has_ended", creator_is_gone, false, 0},
      {"creator_was_killed", creator_is_gone, true, 0},
      {"passing_value", passing_value, 0, 0},
      {"null_event_blocks", null_event_blocks, 0, 0},
      {"killed_before_events", killed_in_signal, false, 0},
      {"killed_after_events", killed_in_signal, true, 0},
      {"killed_in_storm", killed_in_storm, 0, 120},
      {0},
   };
   static const struct test_role roles[] = {PEER_ROLE, {0}};

   return test_main(argc, argv, cases, roles);
}

/* SPDX-License-Identifier: MIT */
#include "peer.h"

#include <wchar.h>

struct request {
   enum peer_op op;
   UINT32 slot;
   UINT64 value;
   WCHAR name[RUNTIME_NAME_SIZE];
};

/* The parent's side -------------------------------------------------------- */

struct child *
peer_start(void)
{
   return child_start("d3d12_peer", NULL, 0);
}

struct child *
peer_start_with(HANDLE handle)
{
   struct child *peer = child_start("d3d12_peer", &handle, 1);

   peer_do(peer, PEER_OPEN, 0, (uintptr_t)handle);
   return peer;
}

void
peer_finish(struct child *peer)
{
   /* Only a hang takes this long. */
   EXPECT_U64(child_join(peer, 30000), 0);
}

void
peer_post(struct child *peer, enum peer_op op, UINT32 slot, UINT64 value)
{
   const struct request request = {.op = op, .slot = slot, .value = value};

   REQUIRE(child_send(peer, &request, sizeof(request)));
}

UINT64
peer_collect(struct child *peer)
{
   UINT64 value = 0;

   REQUIRE(child_receive(peer, &value, sizeof(value)));
   return value;
}

bool
peer_is_busy(struct child *peer)
{
   DWORD ready = 0;

   REQUIRE(PeekNamedPipe(peer->from_child, NULL, 0, NULL, &ready, NULL));
   return !ready;
}

UINT64
peer_do(struct child *peer, enum peer_op op, UINT32 slot, UINT64 value)
{
   peer_post(peer, op, slot, value);
   return peer_collect(peer);
}

UINT64
peer_do_named(struct child *peer, enum peer_op op, UINT32 slot,
              const WCHAR *name)
{
   struct request request = {.op = op, .slot = slot};

   if (name)
      wcscpy(request.name, name);
   REQUIRE(child_send(peer, &request, sizeof(request)));
   return peer_collect(peer);
}

HANDLE
peer_create(struct child *peer, UINT32 slot, const WCHAR *name)
{
   const UINT64 theirs = peer_do_named(peer, PEER_CREATE, slot, name);
   HANDLE copy = NULL;

   REQUIRE(DuplicateHandle(peer->process, (HANDLE)(uintptr_t)theirs,
                           GetCurrentProcess(), &copy, 0, FALSE,
                           DUPLICATE_SAME_ACCESS));
   return test_own_handle(copy);
}

/* The child's side --------------------------------------------------------- */

static ID3D12Device *warp;
static ID3D12Fence *slots[PEER_SLOTS];
static HANDLE last_event;

static HANDLE
create(const struct request *request)
{
   ID3D12Fence *fence = runtime_fence(warp, 0, D3D12_FENCE_FLAG_SHARED);

   slots[request->slot] = fence;
   return runtime_share(warp, fence, request->name[0] ? request->name : NULL);
}

static void
echo(ID3D12Fence *fence, ID3D12Fence *other, UINT64 last)
{
   for (UINT64 i = 1; i <= last; i++) {
      HANDLE event = runtime_event_at(fence, i);

      runtime_expect_set(event);
      test_close(event);
      EXPECT_U64(ID3D12Fence_GetCompletedValue(fence), i);
      runtime_signal(other, i);
   }
}

static UINT64
serve(const struct request *request)
{
   ID3D12Fence **slot = &slots[request->slot];

   switch (request->op) {
   case PEER_CREATE:
      return (uintptr_t)create(request);
   case PEER_OPEN:
      *slot = runtime_open(warp, (HANDLE)(uintptr_t)request->value);
      break;
   case PEER_OPEN_NAME:
      *slot = runtime_open(warp, runtime_open_name(warp, request->name));
      break;
   case PEER_SIGNAL:
      REQUIRE_HR(ID3D12Fence_Signal(*slot, request->value), S_OK);
      break;
   case PEER_VALUE:
      return ID3D12Fence_GetCompletedValue(*slot);
   case PEER_WAIT:
      REQUIRE_HR(ID3D12Fence_SetEventOnCompletion(*slot, request->value, NULL),
                 S_OK);
      break;
   case PEER_ARM:
      last_event = runtime_event_at(*slot, request->value);
      break;
   case PEER_IS_SET:
      return WaitForSingleObject(last_event, (DWORD)request->value) ==
             WAIT_OBJECT_0;
   case PEER_ECHO:
      echo(slot[0], slot[1], request->value);
      break;
   case PEER_STORM:
      for (UINT64 value = request->value;; value++)
         REQUIRE_HR(ID3D12Fence_Signal(*slot, value), S_OK);
   case PEER_REMOVE:
      runtime_load()->remove_device(warp,
                                    (enum double_removal)request->value);
      break;
   case PEER_FAIL:
      REQUIRE(SetEnvironmentVariableW(L"" DOUBLE_FAIL_VARIABLE,
                                      request->name));
      break;
   }
   return 0;
}

int
peer_main(int argc, char **argv)
{
   struct child_link link = child_link_open(argc, argv);
   struct request request;

   warp = runtime_warp();
   while (child_link_receive(&link, &request, sizeof(request))) {
      const UINT64 reply = serve(&request);

      if (!child_link_send(&link, &reply, sizeof(reply)))
         break;
   }
   return test_failed();
}

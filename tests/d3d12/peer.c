/* SPDX-License-Identifier: MIT */

/* The parent's side. */
#include "peer.h"

#include <wchar.h>

/* A bound for the watchdog's sake, not a time that anything should take */
#define PEER_MS 30000

struct child *
peer_start(const HANDLE *handles, unsigned handle_count)
{
   return child_start("d3d12_peer", handles, handle_count);
}

struct child *
peer_start_inheriting(void)
{
   return child_start_inheriting("d3d12_peer");
}

void
peer_finish(struct child *peer)
{
   EXPECT_U64(child_join(peer, PEER_MS), 0);
}

void
peer_post(struct child *peer, const struct peer_request *request)
{
   REQUIRE(child_send(peer, request, sizeof(*request)));
}

struct peer_reply
peer_collect(struct child *peer)
{
   struct peer_reply reply = {.result = E_FAIL};

   REQUIRE(child_receive(peer, &reply, sizeof(reply)));
   return reply;
}

bool
peer_is_busy(struct child *peer)
{
   DWORD ready = 0;

   REQUIRE(PeekNamedPipe(peer->from_child, NULL, 0, NULL, &ready, NULL));
   return !ready;
}

struct peer_reply
peer_call(struct child *peer, const struct peer_request *request)
{
   peer_post(peer, request);
   return peer_collect(peer);
}

static UINT64
call(struct child *peer, enum peer_op op, UINT32 slot, UINT64 value)
{
   const struct peer_reply reply = peer_call(peer, &(struct peer_request){
                                                      .op = op,
                                                      .slot = slot,
                                                      .value = value,
                                                   });

   REQUIRE_HR(reply.result, S_OK);
   return reply.value;
}

HANDLE
peer_create(struct child *peer, UINT32 slot, UINT64 value, const WCHAR *name)
{
   struct peer_request request = {
      .op = PEER_CREATE,
      .slot = slot,
      .flags = D3D12_FENCE_FLAG_SHARED,
      .value = value,
   };
   struct peer_reply reply;

   if (name)
      wcscpy(request.name, name);
   reply = peer_call(peer, &request);
   REQUIRE_HR(reply.result, S_OK);
   return (HANDLE)(uintptr_t)reply.value;
}

void
peer_open(struct child *peer, UINT32 slot, HANDLE handle)
{
   REQUIRE_HR(peer_call(peer, &(struct peer_request){
                                 .op = PEER_OPEN,
                                 .slot = slot,
                                 .handle = (uintptr_t)handle,
                              }).result,
              S_OK);
}

void
peer_open_name(struct child *peer, UINT32 slot, const WCHAR *name)
{
   struct peer_request request = {.op = PEER_OPEN_NAME, .slot = slot};

   wcscpy(request.name, name);
   REQUIRE_HR(peer_call(peer, &request).result, S_OK);
}

void
peer_signal(struct child *peer, UINT32 slot, UINT64 value)
{
   call(peer, PEER_SIGNAL, slot, value);
}

UINT64
peer_value(struct child *peer, UINT32 slot)
{
   return call(peer, PEER_VALUE, slot, 0);
}

void
peer_arm(struct child *peer, UINT32 slot, UINT64 value)
{
   call(peer, PEER_ARM, slot, value);
}

bool
peer_is_set(struct child *peer, unsigned within_ms)
{
   return call(peer, PEER_IS_SET, 0, within_ms) != 0;
}

void
peer_post_wait(struct child *peer, UINT32 slot, UINT64 value)
{
   peer_post(peer, &(struct peer_request){
                      .op = PEER_WAIT,
                      .slot = slot,
                      .value = value,
                   });
}

HANDLE
peer_give(struct child *peer, HANDLE handle)
{
   HANDLE copy = NULL;

   REQUIRE(DuplicateHandle(GetCurrentProcess(), handle, peer->process, &copy,
                           0, FALSE, DUPLICATE_SAME_ACCESS));
   return copy;
}

HANDLE
peer_take(struct child *peer, HANDLE handle)
{
   HANDLE copy = NULL;

   REQUIRE(DuplicateHandle(peer->process, handle, GetCurrentProcess(), &copy,
                           0, FALSE, DUPLICATE_SAME_ACCESS));
   return test_own_handle(copy);
}

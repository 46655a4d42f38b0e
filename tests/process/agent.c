/* SPDX-License-Identifier: MIT */

/* The parent's side. */
#include "agent.h"

struct child *
agent_start(HANDLE handle)
{
   return child_start("agent", &handle, 1);
}

void
agent_post(struct child *agent, const struct agent_request *request)
{
   REQUIRE(child_send(agent, request, sizeof(*request)));
}

struct agent_reply
agent_collect(struct child *agent)
{
   struct agent_reply reply = {.result = VK_ERROR_UNKNOWN};

   REQUIRE(child_receive(agent, &reply, sizeof(reply)));
   return reply;
}

bool
agent_is_busy(struct child *agent)
{
   DWORD ready = 0;

   REQUIRE(PeekNamedPipe(agent->from_child, NULL, 0, NULL, &ready, NULL));
   return !ready;
}

uint64_t
agent_call(struct child *agent, const struct agent_request *request)
{
   struct agent_reply reply;

   agent_post(agent, request);
   reply = agent_collect(agent);
   REQUIRE_OK(reply.result);
   return reply.value;
}

uint64_t
agent_do(struct child *agent, enum agent_op op, uint32_t slot, uint64_t value)
{
   return agent_call(agent, &(struct agent_request){
                               .op = op,
                               .slot = slot,
                               .value = value,
                            });
}

void
agent_create(struct child *agent, uint32_t slot, enum vkt_kind kind,
             VkFlags types)
{
   agent_call(agent, &(struct agent_request){
                        .op = AGENT_CREATE,
                        .kind = kind,
                        .slot = slot,
                        .types = types,
                     });
}

void
agent_import(struct child *agent, uint32_t slot, enum vkt_kind kind,
             VkFlags type, HANDLE handle)
{
   agent_call(agent, &(struct agent_request){
                        .op = AGENT_IMPORT,
                        .kind = kind,
                        .slot = slot,
                        .types = type,
                        .value = (uintptr_t)handle,
                     });
}

void
agent_post_wait(struct child *agent, uint32_t slot, uint64_t value)
{
   agent_post(agent, &(struct agent_request){
                        .op = AGENT_WAIT,
                        .slot = slot,
                        .value = value,
                     });
}

void
agent_expect_done(struct child *agent, uint32_t slot, uint64_t value)
{
   agent_post_wait(agent, slot, value);
   EXPECT_OK(agent_collect(agent).result);
}

void
agent_take(struct child *agent, uint32_t slot, uint64_t value)
{
   agent_do(agent, AGENT_QUEUE_WAIT, slot, value);
   agent_expect_done(agent, AGENT_DONE, 0);
}

HANDLE
agent_give(struct child *agent, HANDLE handle)
{
   HANDLE copy = NULL;

   REQUIRE(DuplicateHandle(GetCurrentProcess(), handle, agent->process, &copy,
                           0, FALSE, DUPLICATE_SAME_ACCESS));
   return copy;
}

HANDLE
agent_export(struct child *agent, enum agent_op op, VkFlags type)
{
   const uint64_t value =
      agent_call(agent, &(struct agent_request){.op = op, .types = type});
   HANDLE handle = (HANDLE)(uintptr_t)value, copy = NULL;

   if (type == VKT_OPAQUE_WIN32_KMT)
      return handle;
   REQUIRE(DuplicateHandle(agent->process, handle, GetCurrentProcess(), &copy,
                           0, FALSE, DUPLICATE_SAME_ACCESS));
   return test_own_handle(copy);
}

void
agent_finish(struct child *agent)
{
   EXPECT_U64(child_join(agent, VKT_LONG_MS), 0);
}

static void
expect_both_know(struct child *agent, struct vkt_object *object,
                 uint64_t value)
{
   EXPECT_U64(agent_do(agent, AGENT_VALUE, 0, 0), value);
   EXPECT_U64(vkt_value(object), value);
}

void
agent_expect_linked(struct child *agent, struct vkt_object *object)
{
   const bool is_fence = object->kind == VKT_FENCE;
   uint64_t value;

   if (object->kind == VKT_BINARY) {
      vkt_queue_signal(object, 0);
      agent_take(agent, 0, 0);
      agent_do(agent, AGENT_QUEUE_SIGNAL, 0, 0);
      vkt_take(object, 0);
      return;
   }

   value = vkt_value(object);
   expect_both_know(agent, object, is_fence ? 0 : value);
   vkt_queue_signal(object, value + 1);
   agent_expect_done(agent, 0, value + 1);
   expect_both_know(agent, object, is_fence ? 1 : value + 1);
   if (is_fence) {
      agent_do(agent, AGENT_RESET, 0, 0);
      expect_both_know(agent, object, 0);
   }
   agent_do(agent, AGENT_QUEUE_SIGNAL, 0, value + 2);
   EXPECT_OK(vkt_wait(object, value + 2, VKT_LONG_MS));
   if (is_fence) {
      vkt_reset(object);
      expect_both_know(agent, object, 0);
      return;
   }
   vkt_host_signal(object, value + 3);
   expect_both_know(agent, object, value + 3);
   agent_do(agent, AGENT_HOST_SIGNAL, 0, value + 4);
   expect_both_know(agent, object, value + 4);
}

struct child *
agent_start_holder(enum vkt_kind kind, HANDLE handle)
{
   struct child *agent = agent_start(handle);

   agent_import(agent, 0, kind, VKT_OPAQUE_WIN32, handle);
   return agent;
}

struct agent_pair
agent_open_pair(enum vkt_kind kind)
{
   struct vkt_object *object = vkt_create_exportable(vkt_open(), kind);
   HANDLE handle = vkt_export(object);

   return (struct agent_pair){object, handle,
                              agent_start_holder(kind, handle)};
}

/* SPDX-License-Identifier: MIT */

/* The parent's side. */
#include "agent.h"

#include <wchar.h>

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

struct agent_reply
agent_call(struct child *agent, const struct agent_request *request)
{
   agent_post(agent, request);
   return agent_collect(agent);
}

uint64_t
agent_do(struct child *agent, enum agent_op op, uint32_t slot, uint64_t value)
{
   const struct agent_request request = {
      .op = op,
      .slot = slot,
      .value = value,
   };
   const struct agent_reply reply = agent_call(agent, &request);

   REQUIRE_OK(reply.result);
   return reply.value;
}

void
agent_create(struct child *agent, uint32_t slot, enum vkt_kind kind,
             VkFlags types, const wchar_t *name)
{
   struct agent_request request = {
      .op = AGENT_CREATE,
      .kind = kind,
      .slot = slot,
      .types = types,
   };

   if (name)
      wcscpy(request.name, name);
   REQUIRE_OK(agent_call(agent, &request).result);
}

VkResult
agent_try_import(struct child *agent, uint32_t slot, enum vkt_kind kind,
                 VkFlags type, bool temporary, HANDLE handle,
                 const wchar_t *name)
{
   struct agent_request request = {
      .op = AGENT_IMPORT,
      .kind = kind,
      .slot = slot,
      .flag = temporary,
      .types = type,
      .value = (uintptr_t)handle,
   };

   if (name)
      wcscpy(request.name, name);
   return agent_call(agent, &request).result;
}

void
agent_import(struct child *agent, uint32_t slot, enum vkt_kind kind,
             HANDLE handle)
{
   REQUIRE_OK(agent_try_import(agent, slot, kind, VKT_OPAQUE_WIN32, false,
                               handle, NULL));
}

void
agent_post_wait(struct child *agent, uint32_t slot, uint64_t value)
{
   agent_post(agent, &(struct agent_request){
                        .op = AGENT_WAIT,
                        .slot = slot,
                        .value = value,
                        .timeout_ms = VKT_LONG_MS,
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
   const struct agent_request request = {.op = op, .types = type};
   const struct agent_reply reply = agent_call(agent, &request);
   HANDLE handle = (HANDLE)(uintptr_t)reply.value, copy = NULL;

   REQUIRE_OK(reply.result);
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
expect_linked_fences(struct child *agent, struct vkt_object *object)
{
   EXPECT_U64(agent_do(agent, AGENT_VALUE, 0, 0), 0);
   vkt_queue_signal(object, 0);
   agent_expect_done(agent, 0, 0);
   agent_do(agent, AGENT_RESET, 0, 0);
   EXPECT_U64(vkt_value(object), 0);
   agent_do(agent, AGENT_QUEUE_SIGNAL, 0, 0);
   vkt_expect_done(object);
   vkt_reset(object);
   EXPECT_U64(agent_do(agent, AGENT_VALUE, 0, 0), 0);
}

static void
expect_linked_timelines(struct child *agent, struct vkt_object *object)
{
   const uint64_t value = vkt_value(object);

   EXPECT_U64(agent_do(agent, AGENT_VALUE, 0, 0), value);
   vkt_host_signal(object, value + 1);
   EXPECT_U64(agent_do(agent, AGENT_VALUE, 0, 0), value + 1);
   agent_do(agent, AGENT_HOST_SIGNAL, 0, value + 2);
   EXPECT_U64(vkt_value(object), value + 2);
   vkt_queue_signal(object, value + 3);
   agent_expect_done(agent, 0, value + 3);
   agent_do(agent, AGENT_QUEUE_SIGNAL, 0, value + 4);
   EXPECT_OK(vkt_wait(object, value + 4, VKT_LONG_MS));
}

void
agent_expect_linked(struct child *agent, struct vkt_object *object)
{
   if (object->kind == VKT_FENCE) {
      expect_linked_fences(agent, object);
   } else if (object->kind == VKT_TIMELINE) {
      expect_linked_timelines(agent, object);
   } else {
      vkt_queue_signal(object, 0);
      agent_take(agent, 0, 0);
      agent_do(agent, AGENT_QUEUE_SIGNAL, 0, 0);
      vkt_take(object, 0);
   }
}

struct child *
agent_start_holder(enum vkt_kind kind, HANDLE handle)
{
   struct child *agent = agent_start(handle);

   agent_import(agent, 0, kind, handle);
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

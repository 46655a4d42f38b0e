/* SPDX-License-Identifier: MIT */

/* The parent's side. */
#include "agent.h"

#include <wchar.h>

struct agent
agent_start(const HANDLE *handles, unsigned handle_count)
{
   return (struct agent){child_start("agent", handles, handle_count)};
}

struct agent
agent_start_inheriting(void)
{
   return (struct agent){child_start_inheriting("agent")};
}

void
agent_post(struct agent *agent, const struct agent_request *request)
{
   REQUIRE(child_send(agent->child, request, sizeof(*request)));
}

struct agent_reply
agent_collect(struct agent *agent)
{
   struct agent_reply reply = {.result = VK_ERROR_UNKNOWN};

   REQUIRE(child_receive(agent->child, &reply, sizeof(reply)));
   return reply;
}

bool
agent_is_busy(struct agent *agent)
{
   DWORD ready = 0;

   REQUIRE(PeekNamedPipe(agent->child->from_child, NULL, 0, NULL, &ready,
                         NULL));
   return !ready;
}

struct agent_reply
agent_call(struct agent *agent, const struct agent_request *request)
{
   agent_post(agent, request);
   return agent_collect(agent);
}

static VkResult
create_or_import(struct agent *agent, struct agent_request *request,
                 const wchar_t *name)
{
   if (name) {
      REQUIRE(wcslen(name) < AGENT_NAME_SIZE);
      wcscpy(request->name, name);
   }
   return agent_call(agent, request).result;
}

VkResult
agent_create(struct agent *agent, uint32_t slot, enum vkt_kind kind,
             const wchar_t *name)
{
   return create_or_import(agent,
                           &(struct agent_request){
                              .op = AGENT_CREATE,
                              .kind = kind,
                              .slot = slot,
                           },
                           name);
}

VkResult
agent_import(struct agent *agent, uint32_t slot, enum vkt_kind kind,
             HANDLE handle)
{
   return create_or_import(agent,
                           &(struct agent_request){
                              .op = AGENT_IMPORT,
                              .kind = kind,
                              .slot = slot,
                              .value = (uintptr_t)handle,
                           },
                           NULL);
}

VkResult
agent_import_temporary(struct agent *agent, uint32_t slot, enum vkt_kind kind,
                       HANDLE handle)
{
   return create_or_import(agent,
                           &(struct agent_request){
                              .op = AGENT_IMPORT,
                              .kind = kind,
                              .slot = slot,
                              .flag = true,
                              .value = (uintptr_t)handle,
                           },
                           NULL);
}

VkResult
agent_import_name(struct agent *agent, uint32_t slot, enum vkt_kind kind,
                  const wchar_t *name)
{
   return create_or_import(agent,
                           &(struct agent_request){
                              .op = AGENT_IMPORT,
                              .kind = kind,
                              .slot = slot,
                           },
                           name);
}

/* With both types of handles */
VkResult
agent_create_kmt(struct agent *agent, uint32_t slot, enum vkt_kind kind)
{
   return create_or_import(agent,
                           &(struct agent_request){
                              .op = AGENT_CREATE,
                              .kind = kind,
                              .slot = slot,
                              .types = VKT_OPAQUE_WIN32 |
                                       VKT_OPAQUE_WIN32_KMT,
                           },
                           NULL);
}

VkResult
agent_import_kmt(struct agent *agent, uint32_t slot, enum vkt_kind kind,
                 HANDLE number)
{
   return create_or_import(agent,
                           &(struct agent_request){
                              .op = AGENT_IMPORT,
                              .kind = kind,
                              .slot = slot,
                              .types = VKT_OPAQUE_WIN32_KMT,
                              .value = (uintptr_t)number,
                           },
                           NULL);
}

static void
call_on_slot(struct agent *agent, enum agent_op op, uint32_t slot,
             uint64_t value, uint32_t other)
{
   REQUIRE_OK(agent_call(agent, &(struct agent_request){
                                   .op = op,
                                   .slot = slot,
                                   .value = value,
                                   .other = other,
                                }).result);
}

void
agent_destroy(struct agent *agent, uint32_t slot)
{
   call_on_slot(agent, AGENT_DESTROY, slot, 0, 0);
}

void
agent_host_signal(struct agent *agent, uint32_t slot, uint64_t value)
{
   call_on_slot(agent, AGENT_HOST_SIGNAL, slot, value, 0);
}

void
agent_queue_signal(struct agent *agent, uint32_t slot, uint64_t value)
{
   call_on_slot(agent, AGENT_QUEUE_SIGNAL, slot, value, 0);
}

void
agent_queue_wait(struct agent *agent, uint32_t slot, uint64_t value,
                 uint32_t fence_slot)
{
   call_on_slot(agent, AGENT_QUEUE_WAIT, slot, value, fence_slot);
}

void
agent_queue_chain(struct agent *agent, uint32_t wait_slot, uint64_t value,
                  uint32_t signal_slot)
{
   call_on_slot(agent, AGENT_QUEUE_CHAIN, wait_slot, value, signal_slot);
}

void
agent_post_wait(struct agent *agent, uint32_t slot, uint64_t value,
                uint32_t timeout_ms)
{
   agent_post(agent, &(struct agent_request){
                        .op = AGENT_WAIT,
                        .slot = slot,
                        .value = value,
                        .timeout_ms = timeout_ms,
                     });
}

VkResult
agent_wait(struct agent *agent, uint32_t slot, uint64_t value,
           uint32_t timeout_ms)
{
   agent_post_wait(agent, slot, value, timeout_ms);
   return agent_collect(agent).result;
}

uint64_t
agent_value(struct agent *agent, uint32_t slot)
{
   struct agent_reply reply = agent_call(agent, &(struct agent_request){
                                                   .op = AGENT_VALUE,
                                                   .slot = slot,
                                                });

   REQUIRE_OK(reply.result);
   return reply.value;
}

void
agent_reset(struct agent *agent, uint32_t slot)
{
   call_on_slot(agent, AGENT_RESET, slot, 0, 0);
}

HANDLE
agent_give(struct agent *agent, HANDLE handle)
{
   HANDLE copy = NULL;

   REQUIRE(DuplicateHandle(GetCurrentProcess(), handle, agent->child->process,
                           &copy, 0, FALSE, DUPLICATE_SAME_ACCESS));
   return copy;
}

HANDLE
agent_take_export(struct agent *agent, uint32_t slot)
{
   struct agent_reply reply = agent_call(agent, &(struct agent_request){
                                                   .op = AGENT_EXPORT,
                                                   .slot = slot,
                                                });
   HANDLE copy = NULL;

   REQUIRE_OK(reply.result);
   REQUIRE(DuplicateHandle(agent->child->process,
                           (HANDLE)(uintptr_t)reply.value,
                           GetCurrentProcess(), &copy, 0, FALSE,
                           DUPLICATE_SAME_ACCESS));
   return test_own_handle(copy);
}

HANDLE
agent_kmt(struct agent *agent, uint32_t slot)
{
   struct agent_reply reply = agent_call(agent, &(struct agent_request){
                                                   .op = AGENT_EXPORT,
                                                   .slot = slot,
                                                   .types =
                                                      VKT_OPAQUE_WIN32_KMT,
                                                });

   REQUIRE_OK(reply.result);
   return (HANDLE)(uintptr_t)reply.value;
}

void
agent_finish(struct agent *agent)
{
   EXPECT_U64(child_join(agent->child, VKT_LONG_MS), 0);
}

static void
expect_linked_fences(struct agent *agent, uint32_t slot,
                     struct vkt_object *object)
{
   EXPECT_U64(agent_value(agent, slot), 0);
   vkt_queue_signal(object, 0);
   EXPECT_OK(agent_wait(agent, slot, 0, VKT_LONG_MS));
   agent_reset(agent, slot);
   EXPECT_U64(vkt_value(object), 0);
   agent_queue_signal(agent, slot, 0);
   vkt_expect_done(object);
   vkt_reset(object);
   EXPECT_U64(agent_value(agent, slot), 0);
}

static void
expect_linked_binaries(struct agent *agent, uint32_t slot,
                       struct vkt_object *object)
{
   const uint32_t fence_slot = AGENT_SLOTS - 1;

   vkt_queue_signal(object, 0);
   agent_queue_wait(agent, slot, 0, fence_slot);
   EXPECT_OK(agent_wait(agent, fence_slot, 0, VKT_LONG_MS));
   agent_destroy(agent, fence_slot);
   agent_queue_signal(agent, slot, 0);
   vkt_expect_done(vkt_queue_wait(object, 0));
}

static void
expect_linked_timelines(struct agent *agent, uint32_t slot,
                        struct vkt_object *object)
{
   const uint64_t value = vkt_value(object);

   EXPECT_U64(agent_value(agent, slot), value);
   vkt_host_signal(object, value + 1);
   EXPECT_U64(agent_value(agent, slot), value + 1);
   agent_host_signal(agent, slot, value + 2);
   EXPECT_U64(vkt_value(object), value + 2);
   vkt_queue_signal(object, value + 3);
   EXPECT_OK(agent_wait(agent, slot, value + 3, VKT_LONG_MS));
   agent_queue_signal(agent, slot, value + 4);
   EXPECT_OK(vkt_wait(object, value + 4, VKT_LONG_MS));
}

void
agent_expect_linked(struct agent *agent, uint32_t slot,
                    struct vkt_object *object)
{
   switch (object->kind) {
   case VKT_FENCE:
      expect_linked_fences(agent, slot, object);
      break;
   case VKT_BINARY:
      expect_linked_binaries(agent, slot, object);
      break;
   case VKT_TIMELINE:
      expect_linked_timelines(agent, slot, object);
      break;
   }
}

void
agent_make_name(wchar_t name[AGENT_NAME_SIZE])
{
   static volatile LONG serial;

   swprintf(name, AGENT_NAME_SIZE, L"lvp-process-%lu-%ld-%llx",
            (unsigned long)GetCurrentProcessId(),
            (long)InterlockedIncrement(&serial),
            (unsigned long long)GetTickCount64());
}

/* SPDX-License-Identifier: MIT */

/* The child's side, and what both do when they play ping-pong. */
#include "agent.h"
#include "share.h"

static struct vkt_device *device;
static struct vkt_object *slots[AGENT_SLOTS];
static struct share *share;

static VkFlags
types(const struct agent_request *request)
{
   return request->types ? request->types : VKT_OPAQUE_WIN32;
}

static const wchar_t *
name(const struct agent_request *request)
{
   return request->name[0] ? request->name : NULL;
}

static HANDLE
handle(const struct agent_request *request)
{
   return (HANDLE)(uintptr_t)request->value;
}

/* Keeps the object that is there: imports go into living objects, too. */
static VkResult
import_into_slot(const struct agent_request *request)
{
   struct vkt_object **slot = &slots[request->slot];

   if (!*slot)
      *slot = vkt_create(device, request->kind);
   return vkt_try_import(*slot, types(request), request->flag != 0,
                         handle(request), name(request));
}

static VkResult
create_in_slot(const struct agent_request *request)
{
   const struct vkt_object_info info = {
      .kind = request->kind,
      .export_types = types(request),
      .win32_info = name(request) != NULL,
      .access = GENERIC_ALL,
      .name = name(request),
   };

   return vkt_try_create(device, &info, &slots[request->slot]);
}

static VkResult
import_memory(const struct agent_request *request)
{
   struct memory *memory;
   const VkResult result =
      memory_try_import(device, request->size, types(request),
                        handle(request), NULL, &memory);

   if (result == VK_SUCCESS)
      memory_free(memory);
   return result;
}

static void
open_share(const struct agent_request *request)
{
   struct memory_info info = {
      .export_types = types(request),
      .win32_info = name(request) != NULL,
      .access = GENERIC_ALL,
      .name = name(request),
   };

   if (request->op == AGENT_SHARE_IMPORT)
      info = (struct memory_info){
         .import_type = types(request),
         .handle = handle(request),
         .import_name = name(request),
      };
   share = share_create(device, request->flag & 0xff, request->flag >> 8,
                        &info);
}

static struct agent_reply
serve(const struct agent_request *request)
{
   struct agent_reply reply = {.result = VK_SUCCESS};
   struct vkt_object *object = slots[request->slot];
   const struct vkt_point point = {slots[0], request->value};
   HANDLE exported = NULL;

   switch (request->op) {
   case AGENT_CREATE:
      reply.result = create_in_slot(request);
      break;
   case AGENT_IMPORT:
      reply.result = import_into_slot(request);
      break;
   case AGENT_EXPORT:
      reply.result = vkt_try_export(object, types(request), &exported);
      reply.value = (uintptr_t)exported;
      break;
   case AGENT_HOST_SIGNAL:
      vkt_host_signal(object, request->value);
      break;
   case AGENT_QUEUE_SIGNAL:
      vkt_queue_signal(object, request->value);
      break;
   case AGENT_QUEUE_WAIT:
      slots[AGENT_DONE] = vkt_queue_wait(object, request->value);
      break;
   case AGENT_QUEUE_CHAIN:
      vkt_queue_chain(object, request->value, slots[0], request->value + 1);
      break;
   case AGENT_WAIT:
      reply.result = vkt_wait(object, request->value, request->timeout_ms);
      break;
   case AGENT_WAIT_ANY:
      reply.result = vkt_wait_many(slots, request->flag + 1, request->value,
                                   false, request->timeout_ms);
      break;
   case AGENT_VALUE:
      reply.value = vkt_value(object);
      break;
   case AGENT_RESET:
      vkt_reset(object);
      break;
   case AGENT_PING_PONG:
      ping_pong_run(request->flag, request->slot != 0, request->value,
                    slots[0], slots[1], slots[2]);
      break;
   case AGENT_MEMORY_IMPORT:
      reply.result = import_memory(request);
      break;
   case AGENT_SHARE_CREATE:
   case AGENT_SHARE_IMPORT:
      open_share(request);
      break;
   case AGENT_SHARE_EXPORT:
      reply.result = memory_try_export(share_memory(share), types(request),
                                       &exported);
      reply.value = (uintptr_t)exported;
      break;
   case AGENT_SHARE_WRITE:
      share_write(share, request->flag, request->tag, NULL, &point);
      break;
   case AGENT_SHARE_READ:
      share_begin_read(share, request->flag, &point, NULL);
      reply.value = share_end_read(share, request->tag);
      break;
   }
   return reply;
}

int
agent_main(int argc, char **argv)
{
   struct child_link link = child_link_open(argc, argv);
   struct agent_request request;

   device = vkt_open();
   while (child_link_receive(&link, &request, sizeof(request))) {
      const struct agent_reply reply = serve(&request);

      REQUIRE(child_link_send(&link, &reply, sizeof(reply)));
   }
   return test_failed();
}

static void
play_timeline(bool queue, bool first, uint64_t rounds,
              struct vkt_object *timeline)
{
   for (uint64_t i = 0; i < rounds; i++) {
      if (!first)
         REQUIRE_OK(vkt_wait(timeline, 2 * i + 1, VKT_LONG_MS));
      if (queue)
         vkt_queue_signal(timeline, 2 * i + (first ? 1 : 2));
      else
         vkt_host_signal(timeline, 2 * i + (first ? 1 : 2));
      if (first)
         REQUIRE_OK(vkt_wait(timeline, 2 * i + 2, VKT_LONG_MS));
   }
}

static void
play_queued_ahead(bool first, uint64_t rounds, struct vkt_object *timeline)
{
   for (uint64_t i = 0; i < rounds; i++) {
      const uint64_t after = 2 * i + !first;

      vkt_queue_chain(timeline, after, timeline, after + 1);
   }
   REQUIRE_OK(vkt_wait(timeline, 2 * rounds, VKT_LONG_MS));
}

static void
play_fence(bool first, uint64_t rounds, struct vkt_object *signals,
           struct vkt_object *waits)
{
   for (uint64_t i = 0; i < rounds; i++) {
      if (first)
         vkt_queue_signal(signals, 0);
      REQUIRE_OK(vkt_wait(waits, 0, VKT_LONG_MS));
      vkt_reset(waits);
      if (!first)
         vkt_queue_signal(signals, 0);
   }
}

/* The timeline is what tells that a signal operation has been submitted,
 * which the API demands before a wait for it may be.
 */
static void
play_binary(bool first, uint64_t rounds, struct vkt_object *signals,
            struct vkt_object *waits, struct vkt_object *timeline)
{
   for (uint64_t i = 0; i < rounds; i++) {
      if (first) {
         vkt_queue_signal(signals, 0);
         vkt_host_signal(timeline, 2 * i + 1);
      }
      REQUIRE_OK(vkt_wait(timeline, 2 * i + (first ? 2 : 1), VKT_LONG_MS));
      vkt_take(waits, 0);
      if (!first) {
         vkt_queue_signal(signals, 0);
         vkt_host_signal(timeline, 2 * i + 2);
      }
   }
}

void
ping_pong_run(enum ping_pong mode, bool first, uint64_t rounds,
              struct vkt_object *signals, struct vkt_object *waits,
              struct vkt_object *timeline)
{
   switch (mode) {
   case PING_HOST_TIMELINE:
   case PING_QUEUE_TIMELINE:
      play_timeline(mode == PING_QUEUE_TIMELINE, first, rounds, timeline);
      break;
   case PING_QUEUED_AHEAD_TIMELINE:
      play_queued_ahead(first, rounds, timeline);
      break;
   case PING_FENCE:
      play_fence(first, rounds, signals, waits);
      break;
   case PING_BINARY:
      play_binary(first, rounds, signals, waits, timeline);
      break;
   }
}

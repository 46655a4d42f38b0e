/* SPDX-License-Identifier: MIT */

/* The child's side. */
#include "agent.h"
#include "share.h"

static struct vkt_device *device;
static struct vkt_object *slots[AGENT_SLOTS];
static struct share *share;

static const wchar_t *
name(const struct agent_request *request)
{
   return request->name[0] ? request->name : NULL;
}

/* Keeps the object that is there: imports go into living objects, too. */
static VkResult
import_into_slot(const struct agent_request *request)
{
   struct vkt_object **slot = &slots[request->slot];

   if (!*slot)
      *slot = vkt_create(device, request->kind);
   return vkt_try_import(*slot, request->types, request->flag != 0,
                         (HANDLE)(uintptr_t)request->value, name(request));
}

static void
open_share(const struct agent_request *request)
{
   struct memory_info info = {
      .export_types = request->types,
      .win32_info = name(request) != NULL,
      .access = GENERIC_ALL,
      .name = name(request),
   };

   if (request->op == AGENT_SHARE_IMPORT)
      info = (struct memory_info){
         .import_type = request->types,
         .handle = (HANDLE)(uintptr_t)request->value,
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
      slots[request->slot] =
         vkt_create_for(device, request->kind, request->types);
      break;
   case AGENT_IMPORT:
      reply.result = import_into_slot(request);
      break;
   case AGENT_EXPORT:
      reply.result = vkt_try_export(object, request->types, &exported);
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
      vkt_queue_chain(object, request->value, object, request->value + 1);
      break;
   case AGENT_WAIT:
      reply.result = vkt_wait(object, request->value, VKT_LONG_MS);
      break;
   case AGENT_VALUE:
      reply.value = vkt_value(object);
      break;
   case AGENT_RESET:
      vkt_reset(object);
      break;
   case AGENT_SHARE_CREATE:
   case AGENT_SHARE_IMPORT:
      open_share(request);
      break;
   case AGENT_SHARE_EXPORT:
      reply.result = memory_try_export(share_memory(share), request->types,
                                       &exported);
      reply.value = (uintptr_t)exported;
      break;
   case AGENT_SHARE_WRITE:
      share_write(share, request->flag, request->tag, &point);
      break;
   case AGENT_SHARE_READ:
      share_begin_read(share, request->flag, &point);
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

/* SPDX-License-Identifier: MIT */

/* The child's side, and what both do when they play ping-pong. */
#include "agent.h"
#include "share.h"

static struct vkt_device *device;
static struct vkt_object *slots[AGENT_SLOTS];
static struct share *shares[AGENT_SLOTS];

static VkFlags
types(const struct agent_request *request)
{
   return request->types ? request->types : VKT_OPAQUE_WIN32;
}

/* Keeps the object that is there: imports go into living objects, too. */
static VkResult
import_into_slot(const struct agent_request *request)
{
   struct vkt_object **slot = &slots[request->slot];

   if (!*slot)
      *slot = vkt_create(device, request->kind);
   return vkt_try_import(*slot, types(request), request->flag != 0,
                         (HANDLE)(uintptr_t)request->value,
                         request->name[0] ? request->name : NULL);
}

static VkResult
create_in_slot(const struct agent_request *request)
{
   const struct vkt_object_info info = {
      .kind = request->kind,
      .export_types = types(request),
      .win32_info = request->name[0] != 0,
      .access = GENERIC_ALL,
      .name = request->name,
   };

   return vkt_try_create(device, &info, &slots[request->slot]);
}

static VkResult
wait_any(const struct agent_request *request)
{
   VkFence fences[AGENT_SLOTS];
   VkSemaphore semaphores[AGENT_SLOTS];
   uint64_t values[AGENT_SLOTS];
   const uint64_t timeout_ns = (uint64_t)request->timeout_ms * 1000000;
   VkSemaphoreWaitInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
      .flags = VK_SEMAPHORE_WAIT_ANY_BIT,
      .pSemaphores = semaphores,
      .pValues = values,
   };

   for (uint32_t i = request->slot; i <= request->other; i++) {
      fences[info.semaphoreCount] = slots[i]->fence;
      semaphores[info.semaphoreCount] = slots[i]->semaphore;
      values[info.semaphoreCount++] = request->value;
   }
   if (slots[request->slot]->kind == VKT_FENCE)
      return vkWaitForFences(device->handle, info.semaphoreCount, fences,
                             VK_FALSE, timeout_ns);
   return vkWaitSemaphores(device->handle, &info, timeout_ns);
}

static VkResult
export_slot(const struct agent_request *request, uint64_t *value)
{
   HANDLE handle = NULL;
   VkResult result = vkt_try_export(slots[request->slot], types(request),
                                    &handle);

   *value = (uintptr_t)handle;
   return result;
}

static VkResult
import_memory(const struct agent_request *request)
{
   struct memory *memory;
   const VkResult result =
      memory_try_import(device, request->size, types(request),
                        (HANDLE)(uintptr_t)request->value, NULL, &memory);

   if (result == VK_SUCCESS)
      memory_free(memory);
   return result;
}

static void
open_share(const struct agent_request *request)
{
   const wchar_t *name = request->name[0] ? request->name : NULL;
   struct memory_info info = {
      .export_types = types(request),
      .win32_info = name != NULL,
      .access = GENERIC_ALL,
      .name = name,
   };

   if (request->op == AGENT_SHARE_IMPORT)
      info = (struct memory_info){
         .import_type = types(request),
         .handle = (HANDLE)(uintptr_t)request->value,
         .import_name = name,
      };
   shares[request->slot] = share_create(device,
                                        (enum share_kind)(request->flag & 0xff),
                                        request->flag >> 8, &info);
}

static uint64_t
access_share(const struct agent_request *request)
{
   struct share *share = shares[request->slot];
   const struct vkt_point point = {slots[request->other], request->value};
   const enum share_method method = (enum share_method)request->flag;

   if (request->op == AGENT_SHARE_WRITE) {
      share_write(share, method, request->tag, NULL, &point);
      return 0;
   }
   share_begin_read(share, method, &point, NULL);
   return share_end_read(share, request->tag);
}

static struct agent_reply
serve(const struct agent_request *request)
{
   struct agent_reply reply = {.result = VK_SUCCESS};
   struct vkt_object **slot = &slots[request->slot];
   HANDLE handle = NULL;

   switch (request->op) {
   case AGENT_CREATE:
      reply.result = create_in_slot(request);
      break;
   case AGENT_IMPORT:
      reply.result = import_into_slot(request);
      break;
   case AGENT_EXPORT:
      reply.result = export_slot(request, &reply.value);
      break;
   case AGENT_DESTROY:
      vkt_destroy(*slot);
      *slot = NULL;
      break;
   case AGENT_HOST_SIGNAL:
      vkt_host_signal(*slot, request->value);
      break;
   case AGENT_QUEUE_SIGNAL:
      vkt_queue_signal(*slot, request->value);
      break;
   case AGENT_QUEUE_WAIT:
      slots[request->other] = vkt_queue_wait(*slot, request->value);
      break;
   case AGENT_QUEUE_CHAIN:
      vkt_submit(device, &(struct vkt_batch){
                            .waits = {{*slot, request->value}},
                            .signals = {{slots[request->other],
                                         request->value + 1}},
                         }, NULL);
      break;
   case AGENT_WAIT:
      reply.result = vkt_wait(*slot, request->value, request->timeout_ms);
      break;
   case AGENT_WAIT_ANY:
      reply.result = wait_any(request);
      break;
   case AGENT_VALUE:
      reply.value = vkt_value(*slot);
      break;
   case AGENT_RESET:
      vkt_reset(*slot);
      break;
   case AGENT_PING_PONG:
      ping_pong_run((enum ping_pong)request->flag, request->other != 0,
                    request->value, slots[0], slots[1], slots[2]);
      break;
   case AGENT_MEMORY_IMPORT:
      reply.result = import_memory(request);
      break;
   case AGENT_SHARE_CREATE:
   case AGENT_SHARE_IMPORT:
      open_share(request);
      break;
   case AGENT_SHARE_EXPORT:
      reply.result = memory_try_export(share_memory(shares[request->slot]),
                                       types(request), &handle);
      reply.value = (uintptr_t)handle;
      break;
   case AGENT_SHARE_WRITE:
   case AGENT_SHARE_READ:
      reply.value = access_share(request);
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
      struct agent_reply reply;

      REQUIRE(request.slot < AGENT_SLOTS && request.other < AGENT_SLOTS);
      reply = serve(&request);
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

      vkt_submit(timeline->device,
                 &(struct vkt_batch){.waits = {{timeline, after}},
                                     .signals = {{timeline, after + 1}}},
                 NULL);
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
   struct vkt_object *done = vkt_create(waits->device, VKT_FENCE);

   for (uint64_t i = 0; i < rounds; i++) {
      if (first) {
         vkt_queue_signal(signals, 0);
         vkt_host_signal(timeline, 2 * i + 1);
      }
      REQUIRE_OK(vkt_wait(timeline, 2 * i + (first ? 2 : 1), VKT_LONG_MS));
      vkt_submit(waits->device, &(struct vkt_batch){.waits = {{waits, 0}}},
                 done);
      REQUIRE_OK(vkt_wait(done, 0, VKT_LONG_MS));
      vkt_reset(done);
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

/* SPDX-License-Identifier: MIT */
#include "vk_sync_win32.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "c11/threads.h"
#include "util/os_time.h"

#include "vk_device.h"
#include "vk_log.h"
#include "vk_util.h"

#include "vk_sync_win32_payload_d3d12.h"
#include "vk_sync_win32_payload_section.h"
#include "vk_sync_win32_wait.h"
#include "vk_win32_d3d12.h"
#include "vk_win32_kmt.h"

#define OPAQUE_WIN32 VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT
#define OPAQUE_KMT VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_KMT_BIT
#define D3D12_FENCE VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_D3D12_FENCE_BIT

static struct vk_sync_win32 *
to_vk_sync_win32(const struct vk_sync *sync)
{
   assert(sync->type == &vk_sync_win32_type);
   return container_of(sync, struct vk_sync_win32, base);
}

/* When the driver is unloaded, or the process ends */
static void
free_process(void)
{
   if (vk_sync_win32_nt.is_shutting_down())
      return;

   vk_sync_win32_waiter_destroy_free();
   vk_sync_win32_bell_forget_all();
}

static uint32_t process_is_ready;

/* What takes locks of the process is done here, and by no wait or signal. */
static void
init_process(void)
{
   if (!vk_sync_win32_nt_init())
      return;

   vk_sync_win32_choose_parker();
   os_time_get_nano();
   vk_sync_win32_waiter_init_free();
   atexit(free_process);
   vk_sync_win32_store32(&process_is_ready, true);
}

static enum vk_sync_win32_kind
payload_kind(const struct vk_sync *sync)
{
   return sync->flags & VK_SYNC_IS_TIMELINE ? VK_SYNC_WIN32_KIND_TIMELINE :
          sync->flags & VK_SYNC_IS_FENCE ? VK_SYNC_WIN32_KIND_FENCE :
                                           VK_SYNC_WIN32_KIND_BINARY;
}

static VkResult
vk_sync_win32_init(struct vk_device *device, struct vk_sync *sync,
                   uint64_t initial_value)
{
   struct vk_sync_win32 *wsync = to_vk_sync_win32(sync);

   static once_flag once = ONCE_FLAG_INIT;
   if (!vk_sync_win32_load32(&process_is_ready))
      call_once(&once, init_process);
   if (!vk_sync_win32_load32(&process_is_ready))
      return vk_errorf(device, VK_ERROR_OUT_OF_HOST_MEMORY,
                       "ntdll lacks a call that vk_sync_win32 needs");

   wsync->payload = vk_sync_win32_payload_create(payload_kind(sync),
                                                 initial_value);
   if (wsync->payload == NULL)
      return vk_error(device, VK_ERROR_OUT_OF_HOST_MEMORY);

   wsync->slot = VK_SYNC_WIN32_NO_SLOT;
   return VK_SUCCESS;
}

static void
drop_payload(struct vk_sync_win32 *wsync)
{
   /* What it was to wait for has not been seen, and somebody else may. */
   if (wsync->slot != VK_SYNC_WIN32_NO_SLOT)
      vk_sync_win32_slots_abandon_ticket(
         vk_sync_win32_section_get_layout(wsync->payload), wsync->slot);

   vk_sync_win32_payload_unref(wsync->payload);
}

static void
vk_sync_win32_finish(UNUSED struct vk_device *device, struct vk_sync *sync)
{
   drop_payload(to_vk_sync_win32(sync));
}

static void
replace_payload(struct vk_sync_win32 *wsync,
                struct vk_sync_win32_payload *payload)
{
   drop_payload(wsync);
   wsync->payload = payload;
   wsync->has_ticket = false;
   wsync->slot = VK_SYNC_WIN32_NO_SLOT;
   wsync->export_access = 0;
   wsync->export_inherit = false;
}

/* Whoever signals holds the payload rather than the vk_sync: the application
 * may destroy that as soon as the signal can be seen.
 */
static struct vk_sync_win32_payload *
get_payload(const struct vk_sync *sync)
{
   struct vk_sync_win32_payload *payload = to_vk_sync_win32(sync)->payload;
   vk_sync_win32_payload_ref(payload);
   return payload;
}

/* A timeline that has been overtaken stays where it is: its value may come from
 * another process, and is no reason to fail, or to lose our device.
 */
static VkResult
signal_payload(struct vk_device *device, struct vk_sync_win32_payload *payload,
               uint64_t value)
{
   VkResult result = VK_SUCCESS;

   if (!payload->ops->signal(payload, value)) {
      const uint64_t word = vk_sync_win32_payload_load(payload);

      /* vkSignalSemaphore() lists no VK_ERROR_DEVICE_LOST. */
      if (payload->word == NULL && (word < value ||
          vk_sync_win32_payload_is_lost(payload, word)))
         result = vk_errorf(device, VK_ERROR_OUT_OF_DEVICE_MEMORY,
                            "Direct3D 12 cannot signal the fence");
      else
         vk_logw(VK_LOG_OBJS(device), "A timeline cannot be signalled with %"
                 PRIu64": it has that value already, or a greater one", value);
      vk_sync_win32_payload_unref(payload);
   }
   return result;
}

static VkResult
vk_sync_win32_signal(struct vk_device *device, struct vk_sync *sync,
                     uint64_t value)
{
   return signal_payload(device, get_payload(sync), value);
}

/* A submit's.  What Direct3D has lost is no reason to lose our device. */
static VkResult
vk_sync_win32_signal_many(struct vk_device *device, uint32_t signal_count,
                          const struct vk_sync_signal *signals)
{
   STACK_ARRAY(struct vk_sync_win32_payload *, payloads, signal_count);
   if (payloads == NULL)
      return vk_error(device, VK_ERROR_OUT_OF_HOST_MEMORY);

   for (uint32_t i = 0; i < signal_count; i++)
      payloads[i] = get_payload(signals[i].sync);

   for (uint32_t i = 0; i < signal_count; i++)
      (void)signal_payload(device, payloads[i], signals[i].signal_value);

   STACK_ARRAY_FINISH(payloads);
   return VK_SUCCESS;
}

static VkResult
vk_sync_win32_get_value(struct vk_device *device, struct vk_sync *sync,
                        uint64_t *value)
{
   const struct vk_sync_win32 *wsync = to_vk_sync_win32(sync);

   *value = vk_sync_win32_payload_load(wsync->payload);
   if (!vk_sync_win32_payload_is_lost(wsync->payload, *value))
      return VK_SUCCESS;

   return vk_errorf(device, VK_ERROR_DEVICE_LOST,
                    "The Direct3D 12 device of the fence has been removed");
}

/* Whether operations name values, even if the semaphore is a binary one */
static bool
has_values(const struct vk_sync_win32 *wsync)
{
   return wsync->payload->kind == VK_SYNC_WIN32_KIND_TIMELINE;
}

static VkResult
vk_sync_win32_reset(UNUSED struct vk_device *device, struct vk_sync *sync)
{
   /* A wait for a value consumes nothing. */
   if (!has_values(to_vk_sync_win32(sync)))
      vk_sync_win32_word_reset(to_vk_sync_win32(sync)->payload->word);
   return VK_SUCCESS;
}

static void
take_ticket(struct vk_sync_win32 *wsync)
{
   struct vk_sync_win32_payload *payload = wsync->payload;

   if (has_values(wsync))
      return;

   wsync->ticket = vk_sync_win32_payload_is_section(payload) ?
      vk_sync_win32_slots_take_ticket(
         vk_sync_win32_section_get_layout(payload), &wsync->slot) :
      vk_sync_win32_word_consume(payload->word);
   wsync->has_ticket = true;
}

/* A payload that others share cannot be moved away from them: dst becomes
 * another reference to it, with a ticket for the signal it waits for.
 */
static VkResult
vk_sync_win32_move(UNUSED struct vk_device *device, struct vk_sync *dst,
                   struct vk_sync *src)
{
   struct vk_sync_win32 *wdst = to_vk_sync_win32(dst);

   replace_payload(wdst, get_payload(src));
   take_ticket(wdst);
   return VK_SUCCESS;
}

static void
vk_sync_win32_begin_wait(UNUSED struct vk_device *device,
                         struct vk_sync *sync)
{
   take_ticket(to_vk_sync_win32(sync));
}

/* What `wait` waits for, as seen from a word of its payload.  A fence wait is
 * for the next signal, which tells it from a signal that somebody is still
 * busy waking others for, while the fence has been reset.
 */
static uint64_t
wait_target(const struct vk_sync_wait *wait, uint64_t word)
{
   const struct vk_sync_win32 *wsync = to_vk_sync_win32(wait->sync);

   if (has_values(wsync))
      return wait->wait_value;

   if (wsync->slot != VK_SYNC_WIN32_NO_SLOT)
      return VK_SYNC_WIN32_TARGET_TAKEN |
             VK_SYNC_WIN32_TARGET_TICKET(wsync->ticket);

   return VK_SYNC_WIN32_TARGET_TICKET(
      wsync->has_ticket ? wsync->ticket : vk_sync_win32_consumed(word) + 1);
}

/* A ticket whose signal has been seen is nobody's to give back any more. */
static void
note_seen(struct vk_sync_win32 *wsync)
{
   if (wsync->slot == VK_SYNC_WIN32_NO_SLOT)
      return;

   vk_sync_win32_slot_release(
      vk_sync_win32_section_get_layout(wsync->payload), wsync->slot);
   wsync->slot = VK_SYNC_WIN32_NO_SLOT;
}

/* VK_NOT_READY if there is something to wait for; then `record` says what. */
static VkResult
poll_one(const struct vk_sync_wait *wait, struct vk_sync_win32_record *record)
{
   struct vk_sync_win32 *wsync = to_vk_sync_win32(wait->sync);
   struct vk_sync_win32_payload *payload = wsync->payload;
   const uint64_t word = vk_sync_win32_payload_load(payload);

   *record = (struct vk_sync_win32_record) {
      .payload = payload,
      .target = wait_target(wait, word),
      .slot = wsync->slot,
      .slot_is_ticket = wsync->slot != VK_SYNC_WIN32_NO_SLOT,
   };
   if (!vk_sync_win32_is_reached(payload->kind, word, record->target))
      return VK_NOT_READY;

   return vk_sync_win32_payload_is_lost(payload, word) ?
          VK_ERROR_DEVICE_LOST : VK_SUCCESS;
}

/* `records`, which is optional, gets those that have to be waited for. */
static VkResult
poll_many(uint32_t wait_count, const struct vk_sync_wait *waits, bool any,
          struct vk_sync_win32_record *records, uint32_t *record_count)
{
   VkResult result = any ? VK_NOT_READY : VK_SUCCESS;

   for (uint32_t i = 0; i < wait_count; i++) {
      struct vk_sync_win32_record record;

      const VkResult one = poll_one(&waits[i], &record);
      if (one < 0 || (any && one == VK_SUCCESS))
         return one;
      if (one == VK_NOT_READY)
         result = VK_NOT_READY;
      if (one == VK_NOT_READY && records != NULL)
         records[(*record_count)++] = record;
   }
   return result;
}

static VkResult
block_many(struct vk_device *device, uint32_t wait_count,
           const struct vk_sync_wait *waits, bool any,
           uint64_t abs_timeout_ns)
{
   uint32_t count = 0;

   struct vk_sync_win32_waiter *waiter = vk_sync_win32_waiter_get(
      wait_count * sizeof(struct vk_sync_win32_record));
   if (waiter == NULL)
      return vk_error(device, VK_ERROR_OUT_OF_HOST_MEMORY);

   VkResult result = poll_many(wait_count, waits, any, waiter->memory, &count);
   if (result == VK_NOT_READY)
      result = vk_sync_win32_wait_records(device, waiter, count, any,
                                          abs_timeout_ns);
   vk_sync_win32_waiter_put(waiter);
   return result;
}

static VkResult
vk_sync_win32_wait_many(struct vk_device *device, uint32_t wait_count,
                        const struct vk_sync_wait *waits,
                        enum vk_sync_wait_flags wait_flags,
                        uint64_t abs_timeout_ns)
{
   const bool any = wait_flags & VK_SYNC_WAIT_ANY;

   /* Tickets and timeline values say what a wait pairs with, whether or not
    * the signal operation has been submitted.
    */
   if (wait_flags & VK_SYNC_WAIT_PENDING)
      return VK_SUCCESS;

   struct vk_sync_win32_record record;
   VkResult result = wait_count == 1 ? poll_one(waits, &record) :
                     poll_many(wait_count, waits, any, NULL, NULL);
   if (result == VK_NOT_READY && abs_timeout_ns == 0)
      return VK_TIMEOUT;

   if (result == VK_NOT_READY && wait_count == 1)
      result = vk_sync_win32_wait_one(device, &record, abs_timeout_ns);
   if (result == VK_NOT_READY)
      result = block_many(device, wait_count, waits, any, abs_timeout_ns);

   /* Not one by one: whoever dies before all of them are signalled has seen
    * none of them, and does not do what was to come after.
    */
   for (uint32_t i = 0; i < wait_count && result == VK_SUCCESS && !any; i++)
      note_seen(to_vk_sync_win32(waits[i].sync));
   return result;
}

static VkResult
vk_sync_win32_set_export_params(struct vk_device *device,
                                struct vk_sync *sync,
                                VkExternalSemaphoreHandleTypeFlags handle_types,
                                const void *security_attributes,
                                uint32_t access, const wchar_t *name)
{
   struct vk_sync_win32 *wsync = to_vk_sync_win32(sync);
   const SECURITY_ATTRIBUTES *attributes = security_attributes;
   const uint64_t word = vk_sync_win32_payload_load(wsync->payload);
   const struct vk_win32_section_info info = {
      .size = sizeof(struct vk_sync_win32_layout),
      .security_attributes = attributes,
      .name = name,
      .kmt = handle_types & OPAQUE_KMT,
      .out_of_memory = VK_ERROR_OUT_OF_HOST_MEMORY,
      .refused = VK_ERROR_OUT_OF_DEVICE_MEMORY,
   };
   struct vk_sync_win32_payload *payload;
   VkResult result;

   if (handle_types == D3D12_FENCE)
      result = vk_sync_win32_d3d12_create(device, word, attributes, name,
                                          &payload);
   else if (handle_types & D3D12_FENCE)
      result = vk_errorf(device, VK_ERROR_UNKNOWN, "A Direct3D 12 fence has no "
                         "other handle types");
   else
      result = vk_sync_win32_section_create(device, payload_kind(sync), word,
                                            &info, &payload);
   if (result != VK_SUCCESS)
      return result;

   replace_payload(wsync, payload);
   wsync->export_access = access;
   wsync->export_inherit = attributes != NULL && attributes->bInheritHandle;
   return VK_SUCCESS;
}

static VkResult
vk_sync_win32_import_handle(struct vk_device *device, struct vk_sync *sync,
                            VkExternalSemaphoreHandleTypeFlagBits handle_type,
                            void *handle, const wchar_t *name)
{
   const struct vk_win32_section_info info = {
      .size = sizeof(struct vk_sync_win32_layout),
      .handle = handle,
      .name = name,
      .kmt = handle_type == OPAQUE_KMT,
      .out_of_memory = VK_ERROR_OUT_OF_HOST_MEMORY,
   };
   struct vk_sync_win32_payload *payload;
   VkResult result;

   if (handle_type == D3D12_FENCE)
      result = vk_sync_win32_d3d12_import(device, handle, name, &payload);
   else
      result = vk_sync_win32_section_import(device, payload_kind(sync), &info,
                                            &payload);
   if (result == VK_SUCCESS)
      replace_payload(to_vk_sync_win32(sync), payload);

   return result;
}

static VkResult
vk_sync_win32_export_handle(struct vk_device *device, struct vk_sync *sync,
                            VkExternalSemaphoreHandleTypeFlagBits handle_type,
                            void **handle)
{
   const struct vk_sync_win32 *wsync = to_vk_sync_win32(sync);
   struct vk_sync_win32_payload *payload = wsync->payload;

   if (!payload->ops->is_shared ||
       vk_sync_win32_payload_is_section(payload) ==
       (handle_type == D3D12_FENCE))
      return vk_errorf(device, VK_ERROR_UNKNOWN, "The payload was not created "
                       "for export to this type of handle");

   if (handle_type == D3D12_FENCE)
      return vk_sync_win32_d3d12_export(device, payload,
                                        wsync->export_inherit, handle);

   const struct vk_win32_section *section = vk_sync_win32_section_get(payload);
   if (handle_type == OPAQUE_KMT)
      return vk_win32_kmt_export(device, section, handle);

   return vk_win32_section_export(device, section, wsync->export_access,
                                  wsync->export_inherit, handle);
}

/* Each goes with itself alone, as on drivers of graphics cards. */
static VkExternalSemaphoreHandleTypeFlags
vk_sync_win32_get_handle_types(VkExternalSemaphoreHandleTypeFlagBits handle_type)
{
   if (handle_type == D3D12_FENCE && !vk_win32_d3d12_is_available())
      return 0;

   return handle_type;
}

static VkResult
vk_sync_win32_get_submit_value(struct vk_device *device,
                               const struct vk_sync *sync, const void *pNext,
                               bool is_signal, uint32_t index, uint32_t count,
                               uint64_t *value)
{
   return to_vk_sync_win32(sync)->payload->word != NULL ? VK_SUCCESS :
          vk_sync_win32_d3d12_get_submit_value(device, sync, pNext, is_signal,
                                               index, count, value);
}

const struct vk_sync_type vk_sync_win32_type = {
   .size = sizeof(struct vk_sync_win32),
   .features = VK_SYNC_FEATURE_BINARY |
               VK_SYNC_FEATURE_TIMELINE |
               VK_SYNC_FEATURE_GPU_WAIT |
               VK_SYNC_FEATURE_GPU_MULTI_WAIT |
               VK_SYNC_FEATURE_CPU_WAIT |
               VK_SYNC_FEATURE_CPU_RESET |
               VK_SYNC_FEATURE_CPU_SIGNAL |
               VK_SYNC_FEATURE_WAIT_ANY |
               VK_SYNC_FEATURE_WAIT_PENDING |
               VK_SYNC_FEATURE_WAIT_BEFORE_SIGNAL,
   .win32_semaphore_handle_types = OPAQUE_WIN32 | OPAQUE_KMT | D3D12_FENCE,
   .win32_fence_handle_types = OPAQUE_WIN32 | OPAQUE_KMT,
   .init = vk_sync_win32_init,
   .finish = vk_sync_win32_finish,
   .signal = vk_sync_win32_signal,
   .signal_many = vk_sync_win32_signal_many,
   .get_value = vk_sync_win32_get_value,
   .reset = vk_sync_win32_reset,
   .move = vk_sync_win32_move,
   .begin_wait = vk_sync_win32_begin_wait,
   .wait_many = vk_sync_win32_wait_many,
   .import_win32_handle = vk_sync_win32_import_handle,
   .export_win32_handle = vk_sync_win32_export_handle,
   .set_win32_export_params = vk_sync_win32_set_export_params,
   .get_win32_handle_types = vk_sync_win32_get_handle_types,
   .get_submit_value = vk_sync_win32_get_submit_value,
};

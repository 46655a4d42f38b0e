/* SPDX-License-Identifier: MIT */

/* Payloads that are fences of Direct3D 12.
 *
 * The value is Direct3D's, and so is the work of telling other processes of
 * it: it sets the event of a waiter once a value is reached that was asked for.
 */
#include "vk_sync_win32_payload_d3d12.h"

#include <stdlib.h>

#include "util/log.h"
#include "util/macros.h"

#include "vk_device.h"
#include "vk_log.h"
#include "vk_util.h"

#include "vk_win32_d3d12.h"

struct d3d12_payload {
   struct vk_sync_win32_payload base;
   struct vk_win32_d3d12_fence fence;

   /* Never used again by another payload, unlike its address */
   uint64_t serial;
};

static struct d3d12_payload *
to_d3d12(const struct vk_sync_win32_payload *payload)
{
   return container_of(payload, struct d3d12_payload, base);
}

static uint64_t
d3d12_load(const struct vk_sync_win32_payload *payload)
{
   return vk_win32_d3d12_get_value(&to_d3d12(payload)->fence);
}

static bool
d3d12_is_lost(const struct vk_sync_win32_payload *payload)
{
   return vk_win32_d3d12_is_removed(&to_d3d12(payload)->fence);
}

/* Direct3D takes any value, and has no compare and swap: of two signals that
 * are not ordered, as applications have to see to, the lower may come last.
 */
static bool
d3d12_signal(struct vk_sync_win32_payload *payload, uint64_t value)
{
   if (value <= d3d12_load(payload))
      return false;

   /* Nobody else will say so to those who wait for a queue's signal. */
   const HRESULT hr = vk_win32_d3d12_signal(&to_d3d12(payload)->fence, value);
   if (SUCCEEDED(hr))
      vk_sync_win32_payload_unref(payload);
   else
      mesa_logw("Direct3D 12 does not signal a fence: 0x%08lx",
                (unsigned long)hr);
   return SUCCEEDED(hr);
}

/* Whether an earlier wait has asked for the event in time for the target */
static bool
is_requested(const struct vk_sync_win32_waiter *waiter, uint64_t serial,
             uint64_t value, uint64_t target)
{
   for (uint32_t i = 0; i < ARRAY_SIZE(waiter->requests); i++) {
      if (waiter->requests[i].serial == serial &&
          waiter->requests[i].value > value &&
          waiter->requests[i].value <= target)
         return true;
   }
   return false;
}

static void
note_request(struct vk_sync_win32_waiter *waiter, uint64_t serial,
             uint64_t value)
{
   uint32_t place = waiter->next_request++ % ARRAY_SIZE(waiter->requests);

   for (uint32_t i = 0; i < ARRAY_SIZE(waiter->requests); i++) {
      if (waiter->requests[i].serial == 0)
         place = i;
   }
   waiter->requests[place].serial = serial;
   waiter->requests[place].value = value;
}

/* A request cannot be taken back, nor is one made twice, or those for a far
 * value would pile up while near ones come and go.  One for a lower value wakes
 * us early, to make the next.
 *
 * Somebody may rewind the fence after a request was met and before we look.
 * Then the wait is late, until it looks without having been woken.
 */
static bool
d3d12_arm(struct vk_sync_win32_record *record)
{
   struct d3d12_payload *d3d12 = to_d3d12(record->payload);
   struct vk_sync_win32_waiter *waiter = record->waiter;
   HANDLE event = vk_sync_win32_waiter_need_event(waiter);

   if (event == NULL)
      return false;

   const uint64_t value = d3d12_load(record->payload);
   if (record->is_linked || value >= record->target ||
       is_requested(waiter, d3d12->serial, value, record->target))
      return true;

   if (FAILED(vk_win32_d3d12_set_event(&d3d12->fence, record->target, event)))
      return false;

   note_request(waiter, d3d12->serial, record->target);
   record->is_linked = true;
   return true;
}

/* Forget the requests that have been met. */
static void
d3d12_disarm(struct vk_sync_win32_record *record)
{
   struct vk_sync_win32_waiter *waiter = record->waiter;
   const uint64_t serial = to_d3d12(record->payload)->serial;
   const uint64_t value = d3d12_load(record->payload);

   for (uint32_t i = 0; i < ARRAY_SIZE(waiter->requests); i++) {
      if (waiter->requests[i].serial == serial &&
          waiter->requests[i].value <= value)
         waiter->requests[i].serial = 0;
   }
}

static void
d3d12_destroy(struct vk_sync_win32_payload *payload)
{
   vk_win32_d3d12_close_fence(&to_d3d12(payload)->fence);
   free(to_d3d12(payload));
}

static const struct vk_sync_win32_payload_ops d3d12_ops = {
   .load = d3d12_load,
   .is_lost = d3d12_is_lost,
   .signal = d3d12_signal,
   .arm = d3d12_arm,
   .disarm = d3d12_disarm,
   .destroy = d3d12_destroy,
   .is_shared = true,
};

/* Takes over the fence, also on failure. */
static VkResult
create_payload(struct vk_device *device, struct vk_win32_d3d12_fence *fence,
               struct vk_sync_win32_payload **payload_out)
{
   static uint64_t last_serial;

   struct d3d12_payload *d3d12 = malloc(sizeof(*d3d12));
   if (d3d12 == NULL) {
      vk_win32_d3d12_close_fence(fence);
      return vk_error(device, VK_ERROR_OUT_OF_HOST_MEMORY);
   }

   *d3d12 = (struct d3d12_payload) {
      .base = {
         .ops = &d3d12_ops,
         .refcount = 1,
         /* Its values are a timeline's, whatever the semaphore is. */
         .kind = VK_SYNC_WIN32_KIND_TIMELINE,
      },
      .fence = *fence,
      .serial = vk_sync_win32_add64(&last_serial, 1) + 1,
   };

   *payload_out = &d3d12->base;
   return VK_SUCCESS;
}

static const char missing[] =
   "There is no Direct3D 12 here that can share fences";

VkResult
vk_sync_win32_d3d12_create(struct vk_device *device, uint64_t value,
                           const SECURITY_ATTRIBUTES *attributes,
                           const wchar_t *name,
                           struct vk_sync_win32_payload **payload_out)
{
   struct vk_win32_d3d12_fence fence;

   if (!vk_win32_d3d12_is_available())
      return vk_errorf(device, VK_ERROR_UNKNOWN, "%s", missing);

   const HRESULT hr =
      vk_win32_d3d12_create_fence(&fence, value, attributes, name);
   if (FAILED(hr))
      return vk_errorf(device, VK_ERROR_OUT_OF_DEVICE_MEMORY,
                       "Direct3D 12 cannot create a shared fence of this name "
                       "or with these attributes: 0x%08lx", (unsigned long)hr);

   return create_payload(device, &fence, payload_out);
}

VkResult
vk_sync_win32_d3d12_import(struct vk_device *device, HANDLE handle,
                           const wchar_t *name,
                           struct vk_sync_win32_payload **payload_out)
{
   struct vk_win32_d3d12_fence fence;

   if (!vk_win32_d3d12_is_available())
      return vk_win32_refuse(device, "%s", missing);

   const HRESULT hr = vk_win32_d3d12_open_fence(&fence, handle, name);
   if (FAILED(hr))
      return vk_win32_refuse(device, "This is not a fence that Direct3D 12 can "
                             "open: 0x%08lx", (unsigned long)hr);

   return create_payload(device, &fence, payload_out);
}

VkResult
vk_sync_win32_d3d12_export(struct vk_device *device,
                           struct vk_sync_win32_payload *payload,
                           bool inherit, HANDLE *handle_out)
{
   const struct d3d12_payload *d3d12 = to_d3d12(payload);

   if (!DuplicateHandle(GetCurrentProcess(), d3d12->fence.handle,
                        GetCurrentProcess(), handle_out, 0, inherit,
                        DUPLICATE_SAME_ACCESS))
      return vk_errorf(device, VK_ERROR_TOO_MANY_OBJECTS,
                       "Cannot duplicate the handle of a fence: Windows error "
                       "%lu", GetLastError());

   return VK_SUCCESS;
}

VkResult
vk_sync_win32_d3d12_get_submit_value(struct vk_device *device,
                                     const struct vk_sync *sync,
                                     const void *pNext, bool is_signal,
                                     uint32_t index, uint32_t count,
                                     uint64_t *value)
{
   const VkD3D12FenceSubmitInfoKHR *d3d12 =
      vk_find_struct_const(pNext, D3D12_FENCE_SUBMIT_INFO_KHR);

   /* A binary semaphore's is 1, as on drivers of graphics cards. */
   const bool is_timeline = sync->flags & VK_SYNC_IS_TIMELINE;
   if (!is_timeline)
      *value = 1;
   if (d3d12 == NULL || (is_timeline && *value != 0))
      return VK_SUCCESS;

   const uint32_t found = is_signal ? d3d12->signalSemaphoreValuesCount :
                                      d3d12->waitSemaphoreValuesCount;
   const uint64_t *values = is_signal ? d3d12->pSignalSemaphoreValues :
                                        d3d12->pWaitSemaphoreValues;
   if (found != count)
      return vk_errorf(device, VK_ERROR_UNKNOWN, "VkD3D12FenceSubmitInfoKHR "
                       "has %u values for the %u semaphores that a submit %s",
                       found, count, is_signal ? "signals" : "waits for");

   if (values != NULL)
      *value = values[index];
   return VK_SUCCESS;
}

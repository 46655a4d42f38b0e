/* SPDX-License-Identifier: MIT */

/* Payloads that are fences of Direct3D 12.
 *
 * The value is Direct3D's, and so is the work of telling other processes of
 * it: it sets our doorbell once a value is reached that we have asked for.
 */
#include "vk_sync_win32_d3d12.h"

#include <stdlib.h>

#include "util/macros.h"

#include "vk_device.h"
#include "vk_log.h"

#include "vk_sync_win32_shared_wait.h"
#include "vk_win32_d3d12.h"

struct d3d12_payload {
   struct vk_sync_win32_payload payload;
   struct vk_sync_win32_remote remote;
   struct vk_win32_d3d12_fence fence;

   /* The lowest value for which Direct3D still has to set our doorbell,
    * UINT64_MAX for none, and the fence's value when we last looked.  Under
    * the payload's lock.
    */
   uint64_t requested;
   uint64_t seen;

   /* The last request was refused. */
   uint32_t deaf;
};

static struct d3d12_payload *
to_d3d12(const struct vk_sync_win32_remote *remote)
{
   return container_of(remote, struct d3d12_payload, remote);
}

static uint64_t
d3d12_load(struct vk_sync_win32_remote *remote)
{
   return vk_win32_d3d12_get_value(&to_d3d12(remote)->fence);
}

static bool
d3d12_signal(struct vk_sync_win32_remote *remote, uint64_t value)
{
   return SUCCEEDED(vk_win32_d3d12_signal(&to_d3d12(remote)->fence, value));
}

static bool
d3d12_is_lost(struct vk_sync_win32_remote *remote)
{
   return vk_win32_d3d12_is_removed(&to_d3d12(remote)->fence);
}

static bool
d3d12_reach(struct vk_sync_win32_remote *remote, UNUSED bool thorough)
{
   return !vk_sync_win32_load32(&to_d3d12(remote)->deaf);
}

/* A request cannot be taken back, so there is one at a time as long as targets
 * go up: one for a lower value will wake us early, to make the next.
 *
 * Somebody may rewind the fence after a request was met and before we look.
 * That goes unnoticed if the value is none that we have seen already; then the
 * wait is late by VK_SYNC_WIN32_RECHECK_NS at most.
 */
static void
d3d12_want(struct vk_sync_win32_remote *remote, uint64_t target)
{
   struct d3d12_payload *d3d12 = to_d3d12(remote);
   HANDLE event = vk_sync_win32_shared_wait_doorbell();

   if (target == UINT64_MAX || event == NULL)
      return;

   const uint64_t value = d3d12_load(remote);
   if (value >= d3d12->requested || value < d3d12->seen)
      d3d12->requested = UINT64_MAX;
   d3d12->seen = value;

   if (target >= d3d12->requested)
      return;

   const bool failed = FAILED(
      vk_win32_d3d12_set_event(&d3d12->fence, target, event));
   if (!failed)
      d3d12->requested = target;
   vk_sync_win32_store32(&d3d12->deaf, failed);
}

static void
d3d12_finish(struct vk_sync_win32_remote *remote)
{
   vk_win32_d3d12_close_fence(&to_d3d12(remote)->fence);
}

static const struct vk_sync_win32_remote_ops d3d12_ops = {
   .load = d3d12_load,
   .signal = d3d12_signal,
   .is_lost = d3d12_is_lost,
   .reach = d3d12_reach,
   .want = d3d12_want,
   .finish = d3d12_finish,
};

/* Takes over the fence, also on failure. */
static VkResult
create_payload(struct vk_device *device, struct vk_win32_d3d12_fence *fence,
               struct vk_sync_win32_payload **payload_out)
{
   struct d3d12_payload *d3d12 = calloc(1, sizeof(*d3d12));
   if (d3d12 == NULL) {
      vk_win32_d3d12_close_fence(fence);
      return vk_error(device, VK_ERROR_OUT_OF_HOST_MEMORY);
   }

   /* Its values are a timeline's, whatever the semaphore is. */
   vk_sync_win32_payload_init(&d3d12->payload, VK_SYNC_WIN32_KIND_TIMELINE);
   d3d12->payload.word = NULL;
   d3d12->payload.remote = &d3d12->remote;
   d3d12->remote.ops = &d3d12_ops;
   d3d12->remote.payload = &d3d12->payload;
   d3d12->fence = *fence;
   d3d12->requested = UINT64_MAX;

   *payload_out = &d3d12->payload;
   return VK_SUCCESS;
}

#define refuse(device, ...) \
   vk_errorf(device, VK_ERROR_INVALID_EXTERNAL_HANDLE, __VA_ARGS__)

VkResult
vk_sync_win32_d3d12_create(struct vk_device *device, uint64_t value,
                           const struct vk_sync_win32_export_params *params,
                           struct vk_sync_win32_payload **payload_out)
{
   struct vk_win32_d3d12_fence fence;

   if (!vk_win32_d3d12_is_available())
      return refuse(device, "There is no Direct3D 12 here that can share "
                    "fences");

   const HRESULT hr =
      vk_win32_d3d12_create_fence(&fence, value, params->security_attributes,
                                  params->name);
   if (FAILED(hr))
      return refuse(device, "Direct3D 12 cannot create a shared fence of this "
                    "name or with these attributes: 0x%08lx",
                    (unsigned long)hr);

   return create_payload(device, &fence, payload_out);
}

VkResult
vk_sync_win32_d3d12_import(struct vk_device *device,
                           const struct vk_sync_win32_import_info *info,
                           struct vk_sync_win32_payload **payload_out)
{
   struct vk_win32_d3d12_fence fence;

   if (!vk_win32_d3d12_is_available())
      return refuse(device, "There is no Direct3D 12 here that can share "
                    "fences");

   const HRESULT hr = vk_win32_d3d12_open_fence(&fence, info->handle,
                                                info->name);
   if (FAILED(hr))
      return refuse(device, "This is not a fence that Direct3D 12 can open: "
                    "0x%08lx", (unsigned long)hr);

   return create_payload(device, &fence, payload_out);
}

VkResult
vk_sync_win32_d3d12_export(struct vk_device *device,
                           struct vk_sync_win32_payload *payload,
                           bool inherit, HANDLE *handle_out)
{
   const struct d3d12_payload *d3d12 = to_d3d12(payload->remote);

   if (!DuplicateHandle(GetCurrentProcess(), d3d12->fence.handle,
                        GetCurrentProcess(), handle_out, 0, inherit,
                        DUPLICATE_SAME_ACCESS))
      return vk_errorf(device, VK_ERROR_TOO_MANY_OBJECTS,
                       "Cannot duplicate the handle of a fence: Windows error "
                       "%lu", GetLastError());

   return VK_SUCCESS;
}

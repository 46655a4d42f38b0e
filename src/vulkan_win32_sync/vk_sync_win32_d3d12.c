/* SPDX-License-Identifier: MIT */

/* Payloads that are fences of Direct3D 12.
 *
 * The value is Direct3D's, and so is the work of telling other processes of
 * it: it sets our doorbell once a value is reached that we have asked for.
 */
#include "vk_sync_win32_d3d12.h"

#include <stdlib.h>

#include "util/log.h"
#include "util/macros.h"

#include "vk_device.h"
#include "vk_log.h"

#include "vk_sync_win32_shared_wait.h"
#include "vk_win32_d3d12.h"

/* Requests to remember: one a thread that waits for a value of its own, as long
 * as they are few.
 */
#define REQUESTS 8

struct d3d12_payload {
   struct vk_sync_win32_payload payload;
   struct vk_sync_win32_remote remote;
   struct vk_win32_d3d12_fence fence;

   /* The values for which Direct3D still has to set our doorbell, 0 where
    * there is none.  Under the payload's lock.
    */
   uint64_t requested[REQUESTS];

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
   const HRESULT hr = vk_win32_d3d12_signal(&to_d3d12(remote)->fence, value);

   /* Nobody else will say so to those who wait for a queue's signal. */
   if (FAILED(hr))
      mesa_logw("Direct3D 12 does not signal a fence: 0x%08lx",
                (unsigned long)hr);
   return SUCCEEDED(hr);
}

static bool
d3d12_is_lost(struct vk_sync_win32_remote *remote)
{
   return vk_win32_d3d12_is_removed(&to_d3d12(remote)->fence);
}

static bool
d3d12_is_deaf(struct vk_sync_win32_remote *remote)
{
   return vk_sync_win32_load32(&to_d3d12(remote)->deaf);
}

/* Forgets the requests that have been met.  Returns NULL if one that has not
 * will wake us in time for the target, else where to note another: in place of
 * the highest if all are taken, since that one is the last to matter.
 */
static uint64_t *
find_place(struct d3d12_payload *d3d12, uint64_t value, uint64_t target)
{
   uint64_t *place = &d3d12->requested[0];
   bool covered = false;

   for (unsigned i = 0; i < REQUESTS; i++) {
      uint64_t *request = &d3d12->requested[i];

      if (*request <= value)
         *request = 0;
      else if (*request <= target)
         covered = true;

      if (*place != 0 && (*request == 0 || *request > *place))
         place = request;
   }
   return covered ? NULL : place;
}

/* A request cannot be taken back, nor is one made twice, or those for a far
 * value would pile up while near ones come and go.  One for a lower value wakes
 * us early, to make the next.
 *
 * Somebody may rewind the fence after a request was met and before we look.
 * Then the wait is late by VK_SYNC_WIN32_RECHECK_NS at most.
 */
static void
d3d12_want(struct vk_sync_win32_remote *remote, uint64_t target)
{
   struct d3d12_payload *d3d12 = to_d3d12(remote);
   HANDLE event = vk_sync_win32_shared_wait_doorbell();

   if (target == UINT64_MAX || event == NULL)
      return;

   /* Reached already: the caller is about to see that, and a request would
    * only ring for what is no news.
    */
   const uint64_t value = d3d12_load(remote);
   if (value >= target)
      return;

   uint64_t *place = find_place(d3d12, value, target);
   const bool failed = place != NULL && FAILED(
      vk_win32_d3d12_set_event(&d3d12->fence, target, event));
   if (place != NULL && !failed)
      *place = target;
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
   .is_deaf = d3d12_is_deaf,
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

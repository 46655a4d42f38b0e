/* SPDX-License-Identifier: MIT */
#include "vk_sync_win32_wait.h"

#include <assert.h>

#include "util/macros.h"
#include "util/os_time.h"

#include "vk_device.h"

#include "vk_sync_win32_shared_wait.h"

bool
vk_sync_win32_waiter_is_lost(const struct vk_sync_win32_waiter *waiter)
{
   return waiter->device != NULL &&
          vk_device_is_lost_no_report(waiter->device);
}

void
vk_sync_win32_waiter_satisfy(struct vk_sync_win32_waiter *waiter,
                             struct vk_sync_win32_wake_list *wakes)
{
   if (p_atomic_dec_return(&waiter->missing) != 0)
      return;

   switch (p_atomic_xchg(&waiter->state, VK_SYNC_WIN32_WAITER_RELEASED)) {
   case VK_SYNC_WIN32_WAITER_PARKED:
      /* It stays parked, and its stack in place, until we unpark it. */
      waiter->next_wake = wakes->parked;
      wakes->parked = waiter;
      break;

   case VK_SYNC_WIN32_WAITER_LEADING:
      /* It may leave at any ring from now on, so don't remember which. */
      wakes->leader = true;
      break;

   default:
      /* Not blocked, or about to be woken for promotion */
      break;
   }
}

void
vk_sync_win32_wake(struct vk_sync_win32_wake_list *wakes)
{
   const struct vk_sync_win32_parker *parker = vk_sync_win32_get_parker();

   if (wakes->leader)
      vk_sync_win32_shared_wait_ring_self();

   struct vk_sync_win32_waiter *next = wakes->parked;
   while (next != NULL) {
      struct vk_sync_win32_waiter *waiter = next;
      next = waiter->next_wake;
      parker->unpark(&waiter->token);
   }

   *wakes = (struct vk_sync_win32_wake_list) {0};
}

bool
vk_sync_win32_waiter_park(struct vk_sync_win32_waiter *waiter,
                          uint64_t abs_timeout_ns)
{
   const struct vk_sync_win32_parker *parker = vk_sync_win32_get_parker();
   uint64_t now_ns;

   do {
      now_ns = os_time_get_nano();
      const uint64_t check_ns = now_ns + VK_SYNC_WIN32_LOST_CHECK_NS;

      if (parker->park(&waiter->token, MIN2(abs_timeout_ns, check_ns)))
         return true;
   } while (now_ns + VK_SYNC_WIN32_LOST_CHECK_NS < abs_timeout_ns &&
            !vk_sync_win32_waiter_is_lost(waiter));

   if (vk_sync_win32_cas32(&waiter->state, VK_SYNC_WIN32_WAITER_PARKED,
                           VK_SYNC_WIN32_WAITER_RUNNING))
      return false;

   /* Too late: someone is about to unpark us, and holds on to our token
    * until we have collected it.
    */
   parker->park(&waiter->token, UINT64_MAX);
   return true;
}

static bool
block_private(struct vk_sync_win32_waiter *waiter, uint64_t abs_timeout_ns)
{
   if (!vk_sync_win32_cas32(&waiter->state, VK_SYNC_WIN32_WAITER_RUNNING,
                            VK_SYNC_WIN32_WAITER_PARKED))
      return true;

   return vk_sync_win32_waiter_park(waiter, abs_timeout_ns);
}

bool
vk_sync_win32_wait_records(struct vk_device *device,
                           struct vk_sync_win32_wait_record *records,
                           uint32_t count, bool any,
                           uint64_t abs_timeout_ns)
{
   struct vk_sync_win32_waiter waiter = {
      .device = device,
      .state = VK_SYNC_WIN32_WAITER_RUNNING,
      .missing = any ? 1 : (int32_t)count,
   };
   vk_sync_win32_get_parker()->init(&waiter.token);

   bool shared = false;
   for (uint32_t i = 0; i < count; i++) {
      records[i].waiter = &waiter;
      records[i].linked = 0;
      shared |= records[i].payload->section != NULL;
   }

   if (shared)
      vk_sync_win32_shared_wait_enter(&waiter, records, count);

   struct vk_sync_win32_wake_list wakes = {0};
   for (uint32_t i = 0; i < count; i++) {
      if (records[i].payload->section == NULL)
         vk_sync_win32_record_link(&records[i], &wakes);
   }
   vk_sync_win32_wake(&wakes);

   const bool satisfied =
      shared ? vk_sync_win32_shared_wait_block(&waiter, abs_timeout_ns) :
               block_private(&waiter, abs_timeout_ns);

   for (uint32_t i = 0; i < count; i++) {
      if (records[i].payload->section == NULL)
         vk_sync_win32_record_unlink(&records[i]);
   }

   if (shared)
      vk_sync_win32_shared_wait_leave(&waiter, records, count);

   return satisfied;
}

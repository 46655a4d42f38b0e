/* SPDX-License-Identifier: MIT */
#include "vk_sync_win32_wait.h"

#include <assert.h>

#include "vk_device.h"

#include "vk_sync_win32.h"
#include "vk_sync_win32_shared_wait.h"

/* All threads that are in a wait */
static SRWLOCK waiters_lock = SRWLOCK_INIT;
static struct list_head waiters = { &waiters, &waiters };

bool
vk_sync_win32_waiter_is_lost(const struct vk_sync_win32_waiter *waiter)
{
   return waiter->device != NULL &&
          vk_device_is_lost_no_report(waiter->device);
}

void
vk_sync_win32_wake_lost(struct vk_device *device)
{
   struct vk_sync_win32_wake_list wakes = {0};

   /* Pairs with the swap to PARKED: it sees the loss or we see it parked. */
   vk_sync_win32_full_barrier();

   AcquireSRWLockExclusive(&waiters_lock);
   list_for_each_entry(struct vk_sync_win32_waiter, waiter, &waiters, link) {
      if (waiter->device == device &&
          vk_sync_win32_cas32(&waiter->state, VK_SYNC_WIN32_WAITER_PARKED,
                              VK_SYNC_WIN32_WAITER_RELEASED)) {
         waiter->next_wake = wakes.parked;
         wakes.parked = waiter;
      }
   }
   ReleaseSRWLockExclusive(&waiters_lock);

   vk_sync_win32_wake(&wakes);
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

   /* Whoever parks after the device has been lost is woken by nobody. */
   if (!vk_sync_win32_waiter_is_lost(waiter) &&
       parker->park(&waiter->token, abs_timeout_ns))
      return true;

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

static void
list_waiter(struct vk_sync_win32_waiter *waiter)
{
   AcquireSRWLockExclusive(&waiters_lock);
   list_addtail(&waiter->link, &waiters);
   ReleaseSRWLockExclusive(&waiters_lock);
}

static void
unlist_waiter(struct vk_sync_win32_waiter *waiter)
{
   AcquireSRWLockExclusive(&waiters_lock);
   list_del(&waiter->link);
   ReleaseSRWLockExclusive(&waiters_lock);
}

/* Links the records; returns whether some are not private. */
static bool
enter(struct vk_sync_win32_waiter *waiter,
      struct vk_sync_win32_wait_record *records, uint32_t count)
{
   struct vk_sync_win32_wake_list wakes = {0};
   bool shared = false;

   for (uint32_t i = 0; i < count; i++) {
      /* When a device is lost, others may destroy what we wait for. */
      vk_sync_win32_payload_ref(records[i].payload);
      records[i].waiter = waiter;
      records[i].linked = 0;
      shared |= records[i].payload->remote != NULL;
   }

   list_waiter(waiter);
   if (shared)
      vk_sync_win32_shared_wait_enter(waiter, records, count);

   for (uint32_t i = 0; i < count; i++) {
      if (records[i].payload->remote == NULL)
         vk_sync_win32_record_link(&records[i], &wakes);
   }
   vk_sync_win32_wake(&wakes);

   return shared;
}

/* Undoes enter(), except for the references. */
static void
leave(struct vk_sync_win32_waiter *waiter,
      struct vk_sync_win32_wait_record *records, uint32_t count, bool shared)
{
   for (uint32_t i = 0; i < count; i++) {
      if (records[i].payload->remote == NULL)
         vk_sync_win32_record_unlink(&records[i]);
   }

   if (shared)
      vk_sync_win32_shared_wait_leave(waiter, records, count);
   unlist_waiter(waiter);
}

static VkResult
wait_result(const struct vk_sync_win32_waiter *waiter,
            const struct vk_sync_win32_wait_record *records, uint32_t count,
            bool released)
{
   /* A lost device releases, too. */
   if (!released || waiter->missing > 0)
      return vk_sync_win32_waiter_is_lost(waiter) ? VK_ERROR_DEVICE_LOST :
                                                    VK_TIMEOUT;

   for (uint32_t i = 0; i < count; i++) {
      const struct vk_sync_win32_payload *payload = records[i].payload;

      if (vk_sync_win32_payload_is_lost(payload,
                                        vk_sync_win32_payload_load(payload)))
         return VK_ERROR_DEVICE_LOST;
   }
   return VK_SUCCESS;
}

VkResult
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

   const bool shared = enter(&waiter, records, count);
   const bool released =
      shared ? vk_sync_win32_shared_wait_block(&waiter, abs_timeout_ns) :
               block_private(&waiter, abs_timeout_ns);
   leave(&waiter, records, count, shared);

   const VkResult result = wait_result(&waiter, records, count, released);

   for (uint32_t i = 0; i < count; i++)
      vk_sync_win32_payload_unref(records[i].payload);

   return result;
}

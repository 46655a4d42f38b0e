/* SPDX-License-Identifier: MIT */
#include "vk_sync_win32_waiter.h"

#include <stdlib.h>

#include "util/macros.h"

/* As many as there have ever been threads blocked at once.  Without a lock,
 * since a thread that is stopped while it holds one would stop all others.
 */
static SLIST_HEADER free_waiters;

/* More than this is not kept for the next wait. */
#define KEPT_SIZE 65536

void
vk_sync_win32_waiter_destroy_free(void)
{
   SLIST_ENTRY *entry;

   while ((entry = InterlockedPopEntrySList(&free_waiters)) != NULL) {
      struct vk_sync_win32_waiter *waiter =
         container_of(entry, struct vk_sync_win32_waiter, free_link);

      vk_sync_win32_bell_destroy(&waiter->bell);
      if (waiter->event != NULL)
         CloseHandle(waiter->event);
      free(waiter->memory);
      free(waiter);
   }
}

void
vk_sync_win32_waiter_init_free(void)
{
   InitializeSListHead(&free_waiters);
}

struct vk_sync_win32_waiter *
vk_sync_win32_waiter_get(size_t size)
{
   struct vk_sync_win32_waiter *waiter;

   SLIST_ENTRY *entry = InterlockedPopEntrySList(&free_waiters);
   if (entry != NULL)
      waiter = container_of(entry, struct vk_sync_win32_waiter, free_link);
   else if ((waiter = calloc(1, sizeof(*waiter))) == NULL)
      return NULL;

   if (waiter->size < size) {
      free(waiter->memory);
      waiter->memory = malloc(size);
      waiter->size = waiter->memory != NULL ? size : 0;
      if (waiter->memory == NULL) {
         vk_sync_win32_waiter_put(waiter);
         return NULL;
      }
   }
   return waiter;
}

void
vk_sync_win32_waiter_put(struct vk_sync_win32_waiter *waiter)
{
   if (waiter->size > KEPT_SIZE) {
      free(waiter->memory);
      waiter->memory = NULL;
      waiter->size = 0;
   }
   InterlockedPushEntrySList(&free_waiters, &waiter->free_link);
}

bool
vk_sync_win32_waiter_begin(struct vk_sync_win32_waiter *waiter, bool objects)
{
   waiter->has_objects = objects;
   waiter->needs_event = false;
   vk_sync_win32_store32(&waiter->state, VK_SYNC_WIN32_PARKED);

   return !objects || waiter->bell.semaphore != NULL ||
          vk_sync_win32_bell_create(&waiter->bell);
}

HANDLE
vk_sync_win32_waiter_need_event(struct vk_sync_win32_waiter *waiter)
{
   waiter->needs_event = true;
   if (waiter->event == NULL)
      waiter->event = CreateEventW(NULL, FALSE, FALSE, NULL);
   return waiter->event;
}

static bool
wait_for_objects(struct vk_sync_win32_waiter *waiter, uint64_t timeout_ns)
{
   const LARGE_INTEGER ticks = vk_sync_win32_ticks(timeout_ns);
   HANDLE objects[2];
   ULONG count = 0;
   LONG status;

   if (waiter->bell.semaphore != NULL)
      objects[count++] = waiter->bell.semaphore;
   if (waiter->needs_event && waiter->event != NULL)
      objects[count++] = waiter->event;

   if (count == 2)
      status = vk_sync_win32_nt.wait_for_multiple_objects(2, objects, 1,
                                                          FALSE, &ticks);
   else if (count == 1)
      status = vk_sync_win32_nt.wait_for_single_object(objects[0], FALSE,
                                                       &ticks);
   else
      status = vk_sync_win32_nt.delay_execution(FALSE, &ticks);

   return status != VK_SYNC_WIN32_STATUS_TIMEOUT && count > 0;
}

bool
vk_sync_win32_waiter_park(struct vk_sync_win32_waiter *waiter,
                          uint64_t timeout_ns)
{
   if (!waiter->has_objects)
      return vk_sync_win32_park(&waiter->state, timeout_ns);

   bool woken = wait_for_objects(waiter, timeout_ns);
   if (vk_sync_win32_load32(&waiter->state) == VK_SYNC_WIN32_NOTIFIED) {
      vk_sync_win32_store32(&waiter->state, VK_SYNC_WIN32_PARKED);
      woken = true;
   }
   return woken;
}

void
vk_sync_win32_waiter_end(struct vk_sync_win32_waiter *waiter)
{
   if (!waiter->has_objects)
      vk_sync_win32_leave(&waiter->state);
}

bool
vk_sync_win32_waiter_notify(struct vk_sync_win32_waiter *waiter,
                            struct vk_sync_win32_wakes *wakes)
{
   if (wakes->state_count == VK_SYNC_WIN32_WAKES ||
       wakes->bell_count == VK_SYNC_WIN32_WAKES)
      return false;

   if (!vk_sync_win32_notify(&waiter->state))
      return true;

   if (!waiter->has_objects)
      wakes->states[wakes->state_count++] = &waiter->state;
   else if (waiter->bell.semaphore != NULL)
      wakes->bells[wakes->bell_count++] = waiter->bell.semaphore;
   return true;
}

void
vk_sync_win32_wake(struct vk_sync_win32_wakes *wakes)
{
   for (uint32_t i = 0; i < wakes->bell_count; i++)
      vk_sync_win32_nt.release_semaphore(wakes->bells[i], 1, NULL);

   if (wakes->state_count > 0)
      vk_sync_win32_chosen_parker->unpark(wakes->states, wakes->state_count);

   wakes->state_count = 0;
   wakes->bell_count = 0;
}

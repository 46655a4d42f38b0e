/* SPDX-License-Identifier: MIT */
#ifndef VK_SYNC_WIN32_WAITER_H
#define VK_SYNC_WIN32_WAITER_H

#include <stddef.h>

#include "vk_sync_win32_bell.h"
#include "vk_sync_win32_park.h"

/** What a blocked thread is known by to those who wake it
 *
 * Not on its stack, which goes when somebody terminates the thread: then the
 * waiter stays behind for good, and whoever still wakes it does no harm.
 */
struct vk_sync_win32_waiter {
   /* Link in the list of waiters that nobody uses */
   SLIST_ENTRY free_link;

   /* enum vk_sync_win32_park_state */
   uint32_t state;

   /* Whether it waits on its kernel objects rather than on its state: then
    * threads of this process ring the bell as well.
    */
   bool has_objects;
   bool needs_event;

   /* Created when first needed */
   struct vk_sync_win32_bell bell;
   HANDLE event;

   /* For which Direct3D 12 fences and values somebody still has to set the
    * event, since such a request cannot be taken back
    */
   struct {
      uint64_t serial;
      uint64_t value;
   } requests[8];
   uint32_t next_request;

   /* For the records of the wait */
   void *memory;
   size_t size;
};

/** Prepare for the functions below; once */
void
vk_sync_win32_waiter_init_free(void);

/** Free the waiters that nobody uses */
void
vk_sync_win32_waiter_destroy_free(void);

/** Take a waiter with `size` bytes of memory, to be put back
 *
 * NULL when out of memory.  Takes no lock.
 */
struct vk_sync_win32_waiter *
vk_sync_win32_waiter_get(size_t size);

void
vk_sync_win32_waiter_put(struct vk_sync_win32_waiter *waiter);

/** Say that the thread is going to block, before anybody is told of it
 *
 * With `objects`, others than threads of this process have to wake it, too.
 * Returns false if nobody can, for want of a bell.
 */
bool
vk_sync_win32_waiter_begin(struct vk_sync_win32_waiter *waiter, bool objects);

/** An auto-reset event, to be waited on beside the bell in this wait
 *
 * NULL if there is none to be had.
 */
HANDLE
vk_sync_win32_waiter_need_event(struct vk_sync_win32_waiter *waiter);

/** Block until woken, by whomever, or for so many ns
 *
 * Returns false on time-out, which may be early by a tick of the system.
 */
bool
vk_sync_win32_waiter_park(struct vk_sync_win32_waiter *waiter,
                          uint64_t timeout_ns);

/** The opposite of begin, once nobody can find the waiter any more */
void
vk_sync_win32_waiter_end(struct vk_sync_win32_waiter *waiter);

/** Threads to wake once no lock is held.  Nothing in here is a waiter's. */
struct vk_sync_win32_wakes {
   uint32_t state_count;
   uint32_t bell_count;
   uint32_t *states[VK_SYNC_WIN32_WAKES];
   HANDLE bells[VK_SYNC_WIN32_WAKES];
};

/** Have the waiter woken, unless somebody else sees to that
 *
 * Returns false, and does nothing, if there is no room.  The caller keeps the
 * waiter from being put back.
 */
bool
vk_sync_win32_waiter_notify(struct vk_sync_win32_waiter *waiter,
                            struct vk_sync_win32_wakes *wakes);

/** Wake them, in bounded time; call it without any lock */
void
vk_sync_win32_wake(struct vk_sync_win32_wakes *wakes);

#endif /* VK_SYNC_WIN32_WAITER_H */

/* SPDX-License-Identifier: MIT */
#ifndef VK_SYNC_WIN32_WAIT_H
#define VK_SYNC_WIN32_WAIT_H

#include <vulkan/vulkan_core.h>

#include "util/list.h"

#include "vk_sync_win32_park.h"
#include "vk_sync_win32_payload.h"

struct vk_device;

/** Where a blocked thread is
 *
 * The thread moves itself from RUNNING to PARKED or LEADING and back; anyone
 * who satisfies it moves it to RELEASED, which is final, and owes it a wake-up
 * only if it was PARKED or LEADING then.  PROMOTED: parked, and woken to lead.
 */
enum vk_sync_win32_waiter_state {
   VK_SYNC_WIN32_WAITER_RUNNING,
   VK_SYNC_WIN32_WAITER_PARKED,
   VK_SYNC_WIN32_WAITER_LEADING,
   VK_SYNC_WIN32_WAITER_PROMOTED,
   VK_SYNC_WIN32_WAITER_RELEASED,
};

/** A thread in a wait; on its stack */
struct vk_sync_win32_waiter {
   struct vk_sync_win32_park_token token;

   /* The wait ends when this is lost; may be NULL */
   struct vk_device *device;

   /* Link in the list of all threads that are in a wait */
   struct list_head link;

   /* enum vk_sync_win32_waiter_state */
   uint32_t state;

   /* How many more records must be reached before the wait is satisfied: all
    * of them, or one.  Runs on below zero when a wait-any is overtaken.
    */
   int32_t missing;

   /* Link in the wake list of the thread that released this one */
   struct vk_sync_win32_waiter *next_wake;

   /* Link in the list of threads blocked on shared payloads */
   struct list_head shared_link;
};

/** Threads that a signal has released, to be woken once no lock is held */
struct vk_sync_win32_wake_list {
   struct vk_sync_win32_waiter *parked;
   bool leader;
};

/** Let the next record that is reached end the wait, whatever else is missing
 *
 * For a payload that is lost: what the others would be signalled by may be
 * lost with it.
 */
static inline void
vk_sync_win32_waiter_give_up(struct vk_sync_win32_waiter *waiter)
{
   if (p_atomic_read(&waiter->missing) > 0)
      p_atomic_set(&waiter->missing, 1);
}

/** Count one record as reached; its payload's lock keeps the waiter alive */
void
vk_sync_win32_waiter_satisfy(struct vk_sync_win32_waiter *waiter,
                             struct vk_sync_win32_wake_list *wakes);

/** Wake the threads on the list; call it without any lock */
void
vk_sync_win32_wake(struct vk_sync_win32_wake_list *wakes);

/** Whether to end the wait, satisfied or not */
bool
vk_sync_win32_waiter_is_lost(const struct vk_sync_win32_waiter *waiter);

/** Release the threads that are parked in waits of a lost device
 *
 * The signals that they wait for may have been lost with it.  Any thread.
 */
void
vk_sync_win32_wake_lost(struct vk_device *device);

/** Park until released, promoted or timed out; state must be PARKED
 *
 * Returns false on time-out, with the state back at RUNNING.
 */
bool
vk_sync_win32_waiter_park(struct vk_sync_win32_waiter *waiter,
                          uint64_t abs_timeout_ns);

/** Block until all records are reached, or one of them
 *
 * The caller has set `payload` and `target` of each.  Returns VK_TIMEOUT once
 * os_time_get_nano() has reached the time-out, and VK_ERROR_DEVICE_LOST when
 * the device, which may be NULL, or that of a Direct3D 12 fence is lost.
 */
VkResult
vk_sync_win32_wait_records(struct vk_device *device,
                           struct vk_sync_win32_wait_record *records,
                           uint32_t count, bool any,
                           uint64_t abs_timeout_ns);

#endif /* VK_SYNC_WIN32_WAIT_H */

/* SPDX-License-Identifier: MIT */
#ifndef VK_SYNC_WIN32_SHARED_WAIT_H
#define VK_SYNC_WIN32_SHARED_WAIT_H

#include "vk_sync_win32_doorbell.h"
#include "vk_sync_win32_wait.h"

/* How long a thread blocked on a shared payload sleeps at most before it
 * looks again.  A peer that dies between changing a payload and ringing
 * delays us by this much.
 */
#define VK_SYNC_WIN32_RECHECK_NS (100 * 1000 * 1000)

/* The same while some peer cannot ring us */
#define VK_SYNC_WIN32_POLL_NS (2 * 1000 * 1000)

/** Keep this process's doorbell, if there is one; every payload does */
void
vk_sync_win32_shared_wait_ref(void);

/** The last one closes the doorbell, and empties the pool of payloads */
void
vk_sync_win32_shared_wait_unref(void);

/** Join the threads that wait for the doorbell, and link the shared records */
void
vk_sync_win32_shared_wait_enter(struct vk_sync_win32_waiter *waiter,
                                struct vk_sync_win32_wait_record *records,
                                uint32_t count);

/** Block until released; false on time-out or device loss */
bool
vk_sync_win32_shared_wait_block(struct vk_sync_win32_waiter *waiter,
                                uint64_t abs_timeout_ns);

/** Undo enter, and hand leadership on */
void
vk_sync_win32_shared_wait_leave(struct vk_sync_win32_waiter *waiter,
                                struct vk_sync_win32_wait_record *records,
                                uint32_t count);

/** This process's doorbell, NULL if there is none, and its id
 *
 * The id only under the lock under which reach() is called.
 */
HANDLE
vk_sync_win32_shared_wait_doorbell(void);

const struct vk_sync_win32_doorbell_id *
vk_sync_win32_shared_wait_doorbell_id(void);

/** Make this process's leader look at its state; call it without a lock */
void
vk_sync_win32_shared_wait_ring_self(void);

#endif /* VK_SYNC_WIN32_SHARED_WAIT_H */

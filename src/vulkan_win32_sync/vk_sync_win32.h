/* SPDX-License-Identifier: MIT */
#ifndef VK_SYNC_WIN32_H
#define VK_SYNC_WIN32_H

#include "vk_sync.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vk_sync_win32_payload;

/** A vk_sync for drivers that execute on the CPU under Windows
 *
 * One type serves fences, binary semaphores and timelines, private and
 * shared.  A vk_sync_win32 is a counted reference to a payload; import swaps
 * the payload, so it works on any fence or semaphore, and a wait takes any
 * mix of payloads without spinning.
 */
struct vk_sync_win32 {
   struct vk_sync base;

   struct vk_sync_win32_payload *payload;

   /* Set when this vk_sync stands for one binary semaphore wait operation:
    * the signal it has been paired with at vkQueueSubmit().
    */
   bool has_ticket;
   uint32_t ticket;

   /* For handles exported from here, see VkExport*Win32HandleInfoKHR */
   bool export_inherit;
   uint32_t export_access;
};

extern const struct vk_sync_type vk_sync_win32_type;

static inline bool
vk_sync_type_is_vk_sync_win32(const struct vk_sync_type *type)
{
   return type == &vk_sync_win32_type;
}

/** Return the payload of a vk_sync_win32, with a reference for the caller
 *
 * A queue that signals from another thread must hold the payload rather than
 * the vk_sync: the application may destroy the fence or semaphore as soon as
 * the signal can be seen, while the signalling thread is still at it.
 *
 * Callable from any thread that may use the vk_sync.  Never fails.
 */
struct vk_sync_win32_payload *
vk_sync_win32_get_payload(const struct vk_sync *sync);

/** Perform a signal operation
 *
 * `value` is the timeline value, or ignored for binary payloads.  Callable
 * from any thread that holds a reference.  Takes no lock and enters no kernel
 * unless a thread is blocked on a value that this signal reaches, or it is a
 * fence of Direct3D 12.
 *
 * Returns false, and changes nothing, if a timeline would not increase or
 * Direct3D refuses.
 */
bool
vk_sync_win32_payload_signal(struct vk_sync_win32_payload *payload,
                             uint64_t value);

/** Block until a timeline has reached `value`, device lost or not
 *
 * For drivers that must know their own signals to be done.  The caller has a
 * reference.  Any thread.
 */
void
vk_sync_win32_payload_wait(struct vk_sync_win32_payload *payload,
                           uint64_t value);

/** Drop a reference taken by vk_sync_win32_get_payload()
 *
 * Callable from any thread; the last reference frees the payload.
 */
void
vk_sync_win32_payload_unref(struct vk_sync_win32_payload *payload);

#ifdef __cplusplus
}
#endif

#endif /* VK_SYNC_WIN32_H */

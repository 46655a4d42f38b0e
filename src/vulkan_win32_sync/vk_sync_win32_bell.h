/* SPDX-License-Identifier: MIT */
#ifndef VK_SYNC_WIN32_BELL_H
#define VK_SYNC_WIN32_BELL_H

#include "vk_sync_win32_nt.h"

/** Random bits that name a bell; all zero for one that has no name
 *
 * Knowing them gives the right to cause spurious wake-ups, and no other.
 */
struct vk_sync_win32_bell_id {
   uint64_t bits[2];
};

/** What one blocked thread waits on: an NT semaphore of maximum 1
 *
 * An event would do as well for us.  But then the right to set it, which all
 * others need, would let a stranger reset it.
 */
struct vk_sync_win32_bell {
   HANDLE semaphore;
   struct vk_sync_win32_bell_id id;
};

/** Create a bell; if others cannot find it, it still serves this process
 *
 * Returns false if there are no resources.  Any thread.
 */
bool
vk_sync_win32_bell_create(struct vk_sync_win32_bell *bell);

void
vk_sync_win32_bell_destroy(struct vk_sync_win32_bell *bell);

static inline bool
vk_sync_win32_bell_has_name(const struct vk_sync_win32_bell *bell)
{
   return (bell->id.bits[0] | bell->id.bits[1]) != 0;
}

/** Ring a bell of this or another process
 *
 * `failed_opens` is 0 at the beginning of a signal operation: it bounds what
 * invented ids cost.  Returns false if there is no such bell or this process
 * may not open it.  Any thread; takes no lock.
 */
bool
vk_sync_win32_bell_ring(const struct vk_sync_win32_bell_id *id,
                        uint32_t *failed_opens);

/** Close the handles that are kept for ringing others; nobody may be at it */
void
vk_sync_win32_bell_forget_all(void);

#endif /* VK_SYNC_WIN32_BELL_H */

/* SPDX-License-Identifier: MIT */
#ifndef VK_SYNC_WIN32_DOORBELL_H
#define VK_SYNC_WIN32_DOORBELL_H

#include "vk_sync_win32_nt.h"

/** 128 random bits that name the auto-reset event of one process
 *
 * Knowing them gives the right to cause spurious wake-ups, and no other.
 */
struct vk_sync_win32_doorbell_id {
   uint64_t bits[2];
};

/** Fill with bits that nobody can guess; false if the system has none */
bool
vk_sync_win32_random(void *bytes, uint32_t size);

/** Create a doorbell for this process under a fresh id; NULL on failure */
HANDLE
vk_sync_win32_doorbell_create(struct vk_sync_win32_doorbell_id *id);

/** Ring another process
 *
 * Returns false if there is no such doorbell or this process may not open it.
 * Any thread; must not be called under a lock.
 */
bool
vk_sync_win32_doorbell_ring(const struct vk_sync_win32_doorbell_id *id);

/** Close the handles kept for ringing peers; nobody may be ringing */
void
vk_sync_win32_doorbell_flush(void);

#endif /* VK_SYNC_WIN32_DOORBELL_H */

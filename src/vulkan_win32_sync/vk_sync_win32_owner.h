/* SPDX-License-Identifier: MIT */
#ifndef VK_SYNC_WIN32_OWNER_H
#define VK_SYNC_WIN32_OWNER_H

#include <stdbool.h>
#include <stdint.h>

/** Nobody: what this owns is free */
#define VK_SYNC_WIN32_OWNER_NONE UINT64_C(0)

/** A process that does not exist: what this owns was given up */
#define VK_SYNC_WIN32_OWNER_GONE UINT64_C(1)

/** Added to an owner that is giving back the ticket it has found there
 *
 * Process ids are multiples of four.
 */
#define VK_SYNC_WIN32_OWNER_RECOVERING (UINT64_C(1) << 32)

/** This process: its id in the high half and, since ids are reused, when it
 * was created in the low half, in units of about 0.1 s; 0 if that is unknown.
 */
uint64_t
vk_sync_win32_owner_self(void);

/** Whether a process has certainly ended
 *
 * Asks the kernel, except about this process.  One that cannot be looked at
 * counts as living.
 */
bool
vk_sync_win32_owner_is_dead(uint64_t owner);

#endif /* VK_SYNC_WIN32_OWNER_H */

/* SPDX-License-Identifier: MIT */
#ifndef VK_SYNC_WIN32_PARK_H
#define VK_SYNC_WIN32_PARK_H

#include <stdbool.h>
#include <stdint.h>

/** What a thread parks on
 *
 * The thread says PARKED before it tells anybody of itself.  Whoever wakes it
 * turns that into NOTIFIED, once, and owes it an unpark().
 */
enum vk_sync_win32_park_state {
   VK_SYNC_WIN32_PARKED,
   VK_SYNC_WIN32_NOTIFIED,
};

/** A way to block a thread until another thread of this process wakes it
 *
 * The state is in memory that outlives the thread, which may be terminated.
 * Time-outs are absolute os_time, in ns; UINT64_MAX is forever.
 */
struct vk_sync_win32_parker {
   const char *name;

   /** Block while PARKED
    *
    * Returns false on time-out, never early.  Otherwise the thread has been
    * woken, though not necessarily by somebody who has said NOTIFIED.
    */
   bool (*park)(uint32_t *state, uint64_t abs_timeout_ns);

   /** Wake threads that are NOTIFIED, at most VK_SYNC_WIN32_WAKES of them
    *
    * The states are not looked at: whoever was woken by something else may
    * have gone.  Returns in bounded time, whatever has become of the threads.
    */
   void (*unpark)(uint32_t *const *states, uint32_t count);

   /** Take up the unpark() that is owed to a thread that did not park for it
    *
    * Bounded as well: whoever owes it may be gone.
    */
   void (*collect)(uint32_t *state);
};

#define VK_SYNC_WIN32_WAKES 64

/** The parker of this process
 *
 * MESA_VK_WIN32_PARKER=keyed or =futex chooses.  The default is keyed events,
 * except under Wine, where each of their calls is a round trip to another
 * process.  Any thread.
 */
const struct vk_sync_win32_parker *
vk_sync_win32_get_parker(void);

extern const struct vk_sync_win32_parker vk_sync_win32_keyed_parker;
extern const struct vk_sync_win32_parker vk_sync_win32_futex_parker;

#endif /* VK_SYNC_WIN32_PARK_H */

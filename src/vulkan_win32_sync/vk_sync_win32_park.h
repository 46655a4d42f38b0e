/* SPDX-License-Identifier: MIT */
#ifndef VK_SYNC_WIN32_PARK_H
#define VK_SYNC_WIN32_PARK_H

#include <stdbool.h>
#include <stdint.h>

/** What a thread parks on; lives on the stack of that thread
 *
 * Each park() is ended by exactly one unpark() or by its time-out, and an
 * unpark() that was decided on must be collected by park() before the token
 * goes away: see vk_sync_win32_wait.c for how the two sides agree.
 */
struct vk_sync_win32_park_token {
   uint32_t thread_id;
   uint32_t unparked;
};

/** A way to block a thread until another thread of this process wakes it */
struct vk_sync_win32_parker {
   const char *name;

   /** Prepare the token, on the thread that will park */
   void (*init)(struct vk_sync_win32_park_token *token);

   /** Block until unpark() or until the absolute os_time, in ns
    *
    * Returns false on time-out, never early.  UINT64_MAX is forever.
    */
   bool (*park)(struct vk_sync_win32_park_token *token,
                uint64_t abs_timeout_ns);

   /** Wake the thread that parks, or is about to park, on the token
    *
    * The token may be gone when this returns.
    */
   void (*unpark)(struct vk_sync_win32_park_token *token);
};

/** The parker of this process
 *
 * MESA_VK_WIN32_PARKER=keyed or =alert chooses.  The default is keyed events,
 * except under Wine, where each of their calls is a round trip to another
 * process and alerts are a futex.  Any thread.
 */
const struct vk_sync_win32_parker *
vk_sync_win32_get_parker(void);

extern const struct vk_sync_win32_parker vk_sync_win32_keyed_parker;
extern const struct vk_sync_win32_parker vk_sync_win32_alert_parker;

#endif /* VK_SYNC_WIN32_PARK_H */

/* SPDX-License-Identifier: MIT */
#ifndef VK_SYNC_WIN32_PARK_H
#define VK_SYNC_WIN32_PARK_H

#include "vk_sync_win32_nt.h"

/** What a thread parks on
 *
 * The thread says PARKED before it tells anybody of itself.  Whoever wakes it
 * turns that into NOTIFIED, once, and owes it an unpark().  VACANT is for those
 * who take turns.
 */
enum vk_sync_win32_park_state {
   VK_SYNC_WIN32_VACANT,
   VK_SYNC_WIN32_PARKED,
   VK_SYNC_WIN32_NOTIFIED,
};

/** A way to block a thread until another thread of this process wakes it
 *
 * The state is in memory that outlives the thread, which may be terminated.
 * Time-outs are in ns from now on, so that nobody reads the clock who waits
 * for ever.
 */
struct vk_sync_win32_parker {
   const char *name;

   /** Block while PARKED
    *
    * Returns false on time-out, which may be early by a tick of the system.
    * Otherwise the thread has been woken, though not necessarily by somebody
    * who has said NOTIFIED.
    */
   bool (*park)(uint32_t *state, uint64_t timeout_ns);

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

/** An hour, in ns, for tests without the bounds that end waits in vain */
#define VK_SYNC_WIN32_FOREVER_NS (UINT64_C(3600) * 1000 * 1000 * 1000)

/** Choose the parker of this process; once, before any other call
 *
 * MESA_VK_WIN32_PARKER=keyed or =futex says which.  The default is keyed
 * events, except under Wine, where each of their calls is a round trip to
 * another process.
 */
void
vk_sync_win32_choose_parker(void);

/** Block until the state, which was PARKED, is NOTIFIED, or for so many ns
 *
 * Returns false on time-out.  Whoever has been woken is PARKED again.
 */
bool
vk_sync_win32_park(uint32_t *state, uint64_t timeout_ns);

/** Say VACANT, and take up the unpark() that may be owed */
void
vk_sync_win32_leave(uint32_t *state);

/** Say NOTIFIED; false if somebody else has */
static inline bool
vk_sync_win32_notify(uint32_t *state)
{
   return vk_sync_win32_cas32(state, VK_SYNC_WIN32_PARKED,
                              VK_SYNC_WIN32_NOTIFIED);
}

/** The one that was chosen, and those that there are */
extern const struct vk_sync_win32_parker *vk_sync_win32_chosen_parker;
extern const struct vk_sync_win32_parker vk_sync_win32_keyed_parker;
extern const struct vk_sync_win32_parker vk_sync_win32_futex_parker;

#endif /* VK_SYNC_WIN32_PARK_H */

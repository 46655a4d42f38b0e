/* SPDX-License-Identifier: MIT */
#include "vk_sync_win32_park.h"

#include <string.h>

#include "util/bitscan.h"
#include "util/futex.h"
#include "util/log.h"
#include "util/macros.h"
#include "util/os_misc.h"
#include "util/os_time.h"

/* How long to wait for the other side of a keyed event.  It is there already,
 * or a few instructions away, unless it has been stopped: for good, maybe.
 */
#ifdef VK_SYNC_WIN32_NO_LOOK
#define RENDEZVOUS_NS VK_SYNC_WIN32_FOREVER_NS
#else
#define RENDEZVOUS_NS (UINT64_C(50) * 1000 * 1000)
#endif

/* The kernel matches waits and releases by key within one process only, and
 * the key must be even.  A release blocks until its wait has come.
 */
static bool
keyed_wait(uint32_t *state, uint64_t timeout_ns)
{
   const LARGE_INTEGER ticks = vk_sync_win32_ticks(timeout_ns);

   return vk_sync_win32_nt.wait_for_keyed_event(NULL, state, FALSE, &ticks) ==
          VK_SYNC_WIN32_STATUS_SUCCESS;
}

static bool
keyed_release(uint32_t *state, uint64_t timeout_ns)
{
   const LARGE_INTEGER ticks = vk_sync_win32_ticks(timeout_ns);

   return vk_sync_win32_nt.release_keyed_event(NULL, state, FALSE, &ticks) ==
          VK_SYNC_WIN32_STATUS_SUCCESS;
}

/* All of them together have no longer than one has. */
static void
keyed_release_late(uint32_t *const *states, uint64_t late)
{
   const uint64_t start_ns = os_time_get_nano();

   u_foreach_bit64(i, late) {
      const uint64_t spent_ns = os_time_get_nano() - start_ns;
      keyed_release(states[i], RENDEZVOUS_NS - MIN2(spent_ns, RENDEZVOUS_NS));
   }
}

/* First those who are there, so that nobody has to wait for one who may never
 * come.
 */
static void
keyed_unpark(uint32_t *const *states, uint32_t count)
{
   uint64_t late = 0;

   if (count == 1) {
      keyed_release(states[0], RENDEZVOUS_NS);
      return;
   }

   for (uint32_t i = 0; i < count; i++) {
      if (!keyed_release(states[i], 0))
         late |= UINT64_C(1) << i;
   }
   if (late != 0)
      keyed_release_late(states, late);
}

static void
keyed_collect(uint32_t *state)
{
   keyed_wait(state, RENDEZVOUS_NS);
}

const struct vk_sync_win32_parker vk_sync_win32_keyed_parker = {
   .name = "keyed",
   .park = keyed_wait,
   .unpark = keyed_unpark,
   .collect = keyed_collect,
};

#if UTIL_FUTEX_SUPPORTED
static bool
futex_park(uint32_t *state, uint64_t timeout_ns)
{
#ifdef _WIN32
   /* futex_wait() takes an absolute time, for which it and we would have to
    * read the clock.
    */
   uint32_t parked = VK_SYNC_WIN32_PARKED;
   const DWORD ms = (DWORD)DIV_ROUND_UP(timeout_ns, 1000000);

   return WaitOnAddress(state, &parked, sizeof(parked), ms);
#else
   const uint64_t end_ns = os_time_get_nano() + timeout_ns;
   const struct timespec end = {
      .tv_sec = end_ns / 1000000000,
      .tv_nsec = end_ns % 1000000000,
   };

   return futex_wait(state, VK_SYNC_WIN32_PARKED, &end) == 0;
#endif
}

static void
futex_unpark(uint32_t *const *states, uint32_t count)
{
   for (uint32_t i = 0; i < count; i++)
      futex_wake(states[i], 1);
}

static void
futex_collect(UNUSED uint32_t *state)
{
}

const struct vk_sync_win32_parker vk_sync_win32_futex_parker = {
   .name = "futex",
   .park = futex_park,
   .unpark = futex_unpark,
   .collect = futex_collect,
};
#else
#define vk_sync_win32_futex_parker vk_sync_win32_keyed_parker
#endif

const struct vk_sync_win32_parker *vk_sync_win32_chosen_parker;

void
vk_sync_win32_choose_parker(void)
{
   const char *name = os_get_option_cached("MESA_VK_WIN32_PARKER");

   vk_sync_win32_chosen_parker = vk_sync_win32_nt.is_wine ?
      &vk_sync_win32_futex_parker : &vk_sync_win32_keyed_parker;

   if (name != NULL && strcmp(name, "keyed") == 0)
      vk_sync_win32_chosen_parker = &vk_sync_win32_keyed_parker;
   else if (name != NULL && strcmp(name, "futex") == 0)
      vk_sync_win32_chosen_parker = &vk_sync_win32_futex_parker;
   else if (name != NULL)
      mesa_logw("MESA_VK_WIN32_PARKER=%s is unknown; using %s", name,
                vk_sync_win32_chosen_parker->name);
}

bool
vk_sync_win32_park(uint32_t *state, uint64_t timeout_ns)
{
   const bool woken = vk_sync_win32_load32(state) == VK_SYNC_WIN32_PARKED &&
                      vk_sync_win32_chosen_parker->park(state, timeout_ns);

   if (vk_sync_win32_load32(state) != VK_SYNC_WIN32_NOTIFIED)
      return woken;

   if (!woken)
      vk_sync_win32_chosen_parker->collect(state);
   vk_sync_win32_store32(state, VK_SYNC_WIN32_PARKED);
   return true;
}

void
vk_sync_win32_leave(uint32_t *state)
{
   if (vk_sync_win32_cas32(state, VK_SYNC_WIN32_PARKED, VK_SYNC_WIN32_VACANT))
      return;

   vk_sync_win32_chosen_parker->collect(state);
   vk_sync_win32_store32(state, VK_SYNC_WIN32_VACANT);
}

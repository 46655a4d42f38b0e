/* SPDX-License-Identifier: MIT */
#include "vk_sync_win32_park.h"

#include <stdio.h>
#include <string.h>

#include "c11/threads.h"
#include "util/bitscan.h"
#include "util/futex.h"
#include "util/log.h"
#include "util/os_misc.h"
#include "util/os_time.h"

#include "vk_sync_win32_nt.h"

/* How long to wait for the other side of a keyed event.  It is there already,
 * or a few instructions away, unless it has been stopped: for good, maybe.
 */
#ifdef VK_SYNC_WIN32_NO_LOOK
#define RENDEZVOUS_NS UINT64_MAX
#else
#define RENDEZVOUS_NS (50 * 1000 * 1000)
#endif

static uint64_t
rendezvous_end(void)
{
   if (RENDEZVOUS_NS == UINT64_MAX)
      return UINT64_MAX;
   return os_time_get_nano() + RENDEZVOUS_NS;
}

/* The kernel matches waits and releases by key within one process only, and
 * the key must be even.  A release blocks until its wait has come.
 */
static bool
keyed_wait(uint32_t *state, uint64_t abs_timeout_ns)
{
   for (;;) {
      LARGE_INTEGER ticks;
      const LARGE_INTEGER *timeout =
         vk_sync_win32_nt_timeout(abs_timeout_ns, &ticks);

      if (vk_sync_win32_nt.wait_for_keyed_event(NULL, state, FALSE, timeout) ==
          VK_SYNC_WIN32_STATUS_SUCCESS)
         return true;

      if (timeout != NULL && (uint64_t)os_time_get_nano() >= abs_timeout_ns)
         return false;
   }
}

static bool
keyed_release(uint32_t *state, const LARGE_INTEGER *timeout)
{
   return vk_sync_win32_nt.release_keyed_event(NULL, state, FALSE, timeout) ==
          VK_SYNC_WIN32_STATUS_SUCCESS;
}

/* First those who are there, so that nobody has to wait for one who may never
 * come.
 */
static void
keyed_unpark(uint32_t *const *states, uint32_t count)
{
   static const LARGE_INTEGER at_once;
   uint64_t late = 1;

   if (count > 1) {
      late = 0;
      for (uint32_t i = 0; i < count; i++) {
         if (!keyed_release(states[i], &at_once))
            late |= UINT64_C(1) << i;
      }
   }

   const uint64_t end_ns = late != 0 ? rendezvous_end() : 0;
   u_foreach_bit64(i, late) {
      LARGE_INTEGER ticks;
      keyed_release(states[i], vk_sync_win32_nt_timeout(end_ns, &ticks));
   }
}

static void
keyed_collect(uint32_t *state)
{
   keyed_wait(state, rendezvous_end());
}

const struct vk_sync_win32_parker vk_sync_win32_keyed_parker = {
   .name = "keyed",
   .park = keyed_wait,
   .unpark = keyed_unpark,
   .collect = keyed_collect,
};

#if UTIL_FUTEX_SUPPORTED
static bool
futex_park(uint32_t *state, uint64_t abs_timeout_ns)
{
   const struct timespec end = {
      .tv_sec = abs_timeout_ns / 1000000000,
      .tv_nsec = abs_timeout_ns % 1000000000,
   };
   /* 2^62 ns is 146 years of uptime. */
   const bool forever = abs_timeout_ns >= UINT64_C(1) << 62;

   while (vk_sync_win32_load32(state) == VK_SYNC_WIN32_PARKED) {
      if (!forever && (uint64_t)os_time_get_nano() >= abs_timeout_ns)
         return false;

      futex_wait(state, VK_SYNC_WIN32_PARKED, forever ? NULL : &end);
   }
   return true;
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

static once_flag parker_once = ONCE_FLAG_INIT;
static const struct vk_sync_win32_parker *the_parker;

static void
choose_parker(void)
{
   const char *name = os_get_option("MESA_VK_WIN32_PARKER");

   the_parker = vk_sync_win32_nt.is_wine ? &vk_sync_win32_futex_parker :
                                           &vk_sync_win32_keyed_parker;

   if (name == NULL)
      return;

   if (strcmp(name, "keyed") == 0) {
      the_parker = &vk_sync_win32_keyed_parker;
   } else if (strcmp(name, "futex") == 0) {
      the_parker = &vk_sync_win32_futex_parker;
   } else {
      /* The log asks for an option of its own, into the same buffer. */
      char copy[32];

      snprintf(copy, sizeof(copy), "%s", name);
      mesa_logw("MESA_VK_WIN32_PARKER=%s is unknown; using %s", copy,
                the_parker->name);
   }
}

const struct vk_sync_win32_parker *
vk_sync_win32_get_parker(void)
{
   call_once(&parker_once, choose_parker);
   return the_parker;
}

/* SPDX-License-Identifier: MIT */
#include "vk_sync_win32_park.h"

#include <stdio.h>
#include <string.h>

#include "c11/threads.h"
#include "util/log.h"
#include "util/os_misc.h"
#include "util/os_time.h"

#include "vk_sync_win32_nt.h"

static void
keyed_init(struct vk_sync_win32_park_token *token)
{
   token->thread_id = 0;
   token->unparked = 0;
}

/* The kernel matches waits and releases by key within one process only, and
 * the key must be even.  A release blocks until its wait has come, so that
 * none is ever lost and nothing has to be remembered here.
 */
static bool
keyed_park(struct vk_sync_win32_park_token *token, uint64_t abs_timeout_ns)
{
   for (;;) {
      LARGE_INTEGER ticks;
      const LARGE_INTEGER *timeout =
         vk_sync_win32_nt_timeout(abs_timeout_ns, &ticks);

      if (vk_sync_win32_nt.wait_for_keyed_event(NULL, token, FALSE, timeout) ==
          VK_SYNC_WIN32_STATUS_SUCCESS)
         return true;

      if (timeout != NULL && (uint64_t)os_time_get_nano() >= abs_timeout_ns)
         return false;
   }
}

static void
keyed_unpark(struct vk_sync_win32_park_token *token)
{
   vk_sync_win32_nt.release_keyed_event(NULL, token, FALSE, NULL);
}

const struct vk_sync_win32_parker vk_sync_win32_keyed_parker = {
   .name = "keyed",
   .init = keyed_init,
   .park = keyed_park,
   .unpark = keyed_unpark,
};

static void
alert_init(struct vk_sync_win32_park_token *token)
{
   token->thread_id = GetCurrentThreadId();
   token->unparked = 0;
}

/* An alert sticks to the thread, whoever sent it (ntdll's own locks do, too),
 * so it is only a hint: the flag decides.
 */
static bool
alert_park(struct vk_sync_win32_park_token *token, uint64_t abs_timeout_ns)
{
   for (;;) {
      if (vk_sync_win32_load32(&token->unparked)) {
         token->unparked = 0;
         return true;
      }

      LARGE_INTEGER ticks;
      const LARGE_INTEGER *timeout =
         vk_sync_win32_nt_timeout(abs_timeout_ns, &ticks);
      if (timeout != NULL && ticks.QuadPart == 0)
         return false;

      vk_sync_win32_nt.wait_for_alert_by_thread_id(token, timeout);
   }
}

static void
alert_unpark(struct vk_sync_win32_park_token *token)
{
   /* The token is the parked thread's again once the flag is set. */
   HANDLE thread_id = (HANDLE)(uintptr_t)token->thread_id;
   vk_sync_win32_store32(&token->unparked, 1);
   vk_sync_win32_nt.alert_thread_by_thread_id(thread_id);
}

const struct vk_sync_win32_parker vk_sync_win32_alert_parker = {
   .name = "alert",
   .init = alert_init,
   .park = alert_park,
   .unpark = alert_unpark,
};

static once_flag parker_once = ONCE_FLAG_INIT;
static const struct vk_sync_win32_parker *the_parker;

static void
warn_of_name(const char *name)
{
   /* The log asks for an option of its own, into the same buffer. */
   char copy[32];

   snprintf(copy, sizeof(copy), "%s", name);
   mesa_logw("MESA_VK_WIN32_PARKER=%s is unknown or unavailable; using %s",
             copy, the_parker->name);
}

static void
choose_parker(void)
{
   const bool have_alerts =
      vk_sync_win32_nt.wait_for_alert_by_thread_id != NULL &&
      vk_sync_win32_nt.alert_thread_by_thread_id != NULL;
   const char *name = os_get_option("MESA_VK_WIN32_PARKER");

   the_parker = vk_sync_win32_nt.is_wine && have_alerts ?
                &vk_sync_win32_alert_parker : &vk_sync_win32_keyed_parker;

   if (name == NULL)
      return;

   if (strcmp(name, "keyed") == 0)
      the_parker = &vk_sync_win32_keyed_parker;
   else if (strcmp(name, "alert") == 0 && have_alerts)
      the_parker = &vk_sync_win32_alert_parker;
   else
      warn_of_name(name);
}

const struct vk_sync_win32_parker *
vk_sync_win32_get_parker(void)
{
   call_once(&parker_once, choose_parker);
   return the_parker;
}

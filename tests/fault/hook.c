/* SPDX-License-Identifier: MIT */
#include "hook.h"

#include "test.h"

#include "vk_sync_win32_nt.h"
#include "vk_sync_win32_wait.h"

struct hook hook;

static struct vk_sync_win32_nt_table real;

static void
enter(enum hook_call call)
{
   p_atomic_inc(&hook.calls[call]);
   if (hook.at != NULL)
      hook.at(call, false);
}

static LONG
leave(enum hook_call call, LONG status)
{
   if (hook.at != NULL)
      hook.at(call, true);
   return status;
}

static LONG WINAPI
wait_for_single_object(HANDLE object, BOOLEAN alertable,
                       const LARGE_INTEGER *timeout)
{
   const bool poll = timeout != NULL &&
                     -timeout->QuadPart <= (LONGLONG)VK_SYNC_WIN32_POLL_NS / 100;

   if (poll)
      p_atomic_inc(&hook.polls);
   else if (hook.no_look)
      timeout = NULL;

   enter(HOOK_BELL_WAIT);
   return leave(HOOK_BELL_WAIT,
                real.wait_for_single_object(object, alertable, timeout));
}

/* There is not even a bell. */
static LONG WINAPI
delay_execution(BOOLEAN alertable, const LARGE_INTEGER *interval)
{
   p_atomic_inc(&hook.polls);
   enter(HOOK_BELL_WAIT);
   return leave(HOOK_BELL_WAIT, real.delay_execution(alertable, interval));
}

static LONG WINAPI
release_semaphore(HANDLE semaphore, LONG count, LONG *previous)
{
   enter(HOOK_RING);
   return leave(HOOK_RING, real.release_semaphore(semaphore, count, previous));
}

static LONG WINAPI
query_object(HANDLE object, int info_class, void *info, ULONG size,
             ULONG *result_size)
{
   enter(HOOK_QUERY_OBJECT);
   return leave(HOOK_QUERY_OBJECT,
                real.query_object(object, info_class, info, size,
                                  result_size));
}

void
hook_install(void)
{
   struct vk_sync_win32_nt_table *table = &vk_sync_win32_nt;

   if (real.release_semaphore != NULL)
      return;

   REQUIRE(vk_sync_win32_nt_init());
   real = *table;

   table->wait_for_single_object = wait_for_single_object;
   table->delay_execution = delay_execution;
   table->release_semaphore = release_semaphore;
   table->query_object = query_object;
}

/* SPDX-License-Identifier: MIT */
#include "hook.h"

#include "test.h"

#include "vk_sync_win32_nt.h"
#include "vk_sync_win32_shared_wait.h"

struct hook hook;

static struct vk_sync_win32_nt_table real;

static void
enter(enum hook_call call)
{
   p_atomic_inc(&hook.calls[call]);
   if (hook.before != NULL)
      hook.before(call);
}

static LONG
leave(enum hook_call call, LONG status)
{
   if (hook.after != NULL)
      hook.after(call);
   return status;
}

static LONG WINAPI
wait_for_keyed_event(HANDLE event, void *key, BOOLEAN alertable,
                     const LARGE_INTEGER *timeout)
{
   enter(HOOK_PARK);
   return leave(HOOK_PARK,
                real.wait_for_keyed_event(event, key, alertable, timeout));
}

static LONG WINAPI
release_keyed_event(HANDLE event, void *key, BOOLEAN alertable,
                    const LARGE_INTEGER *timeout)
{
   enter(HOOK_UNPARK);
   return leave(HOOK_UNPARK,
                real.release_keyed_event(event, key, alertable, timeout));
}

static LONG WINAPI
wait_for_alert(void *address, const LARGE_INTEGER *timeout)
{
   enter(HOOK_PARK);
   return leave(HOOK_PARK,
                real.wait_for_alert_by_thread_id(address, timeout));
}

static LONG WINAPI
alert(HANDLE thread_id)
{
   enter(HOOK_UNPARK);
   return leave(HOOK_UNPARK, real.alert_thread_by_thread_id(thread_id));
}

static LONG WINAPI
wait_for_single_object(HANDLE object, BOOLEAN alertable,
                       const LARGE_INTEGER *timeout)
{
   const bool poll = timeout != NULL &&
                     -timeout->QuadPart <= VK_SYNC_WIN32_POLL_NS / 100;

   if (poll)
      p_atomic_inc(&hook.polls);
   else if (hook.no_recheck)
      timeout = NULL;

   enter(HOOK_DOORBELL_WAIT);
   return leave(HOOK_DOORBELL_WAIT,
                real.wait_for_single_object(object, alertable, timeout));
}

static LONG WINAPI
set_event(HANDLE event, LONG *previous)
{
   enter(HOOK_SET_EVENT);
   return leave(HOOK_SET_EVENT, real.set_event(event, previous));
}

static LONG WINAPI
query_section(HANDLE section, int info_class, void *info, SIZE_T size,
              SIZE_T *result_size)
{
   enter(HOOK_QUERY_SECTION);
   return leave(HOOK_QUERY_SECTION,
                real.query_section(section, info_class, info, size,
                                   result_size));
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

static LONG WINAPI
compare_objects(HANDLE first, HANDLE second)
{
   enter(HOOK_COMPARE_OBJECTS);
   return leave(HOOK_COMPARE_OBJECTS, real.compare_objects(first, second));
}

void
hook_install(void)
{
   struct vk_sync_win32_nt_table *table = &vk_sync_win32_nt;

   REQUIRE(vk_sync_win32_nt_init());
   REQUIRE(real.set_event == NULL);
   real = *table;

   table->wait_for_keyed_event = wait_for_keyed_event;
   table->release_keyed_event = release_keyed_event;
   if (real.wait_for_alert_by_thread_id != NULL) {
      table->wait_for_alert_by_thread_id = wait_for_alert;
      table->alert_thread_by_thread_id = alert;
   }
   table->wait_for_single_object = wait_for_single_object;
   table->set_event = set_event;
   table->query_section = query_section;
   table->query_object = query_object;
   if (real.compare_objects != NULL)
      table->compare_objects = compare_objects;
}

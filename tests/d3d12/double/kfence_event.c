/* SPDX-License-Identifier: MIT */
#include "kfence.h"

#include "common.h"

static UINT64
creation_time(HANDLE process)
{
   FILETIME created, rest[3];

   if (!GetProcessTimes(process, &created, &rest[0], &rest[1], &rest[2]))
      return 0;
   return (UINT64)created.dwHighDateTime << 32 | created.dwLowDateTime;
}

static bool
is_ours(const struct kfence_event *event)
{
   return event->process == GetCurrentProcessId() &&
          event->process_created == creation_time(GetCurrentProcess());
}

static void
set_state(struct kfence_event *event, enum kfence_event_state state)
{
   InterlockedExchange(&event->state, (LONG)state);
}

/* NULL if the process is gone */
static HANDLE
open_owner(const struct kfence_event *event)
{
   HANDLE process = OpenProcess(PROCESS_DUP_HANDLE |
                                PROCESS_QUERY_LIMITED_INFORMATION |
                                SYNCHRONIZE, FALSE, event->process);

   if (process == NULL) {
      if (GetLastError() != ERROR_INVALID_PARAMETER)
         double_abort("cannot open a process that waits for a fence");
      return NULL;
   }
   if (creation_time(process) != event->process_created ||
       WaitForSingleObject(process, 0) == WAIT_OBJECT_0) {
      CloseHandle(process);
      return NULL;
   }
   return process;
}

static HANDLE
handle_of(const struct kfence_event *event)
{
   return (HANDLE)(uintptr_t)event->handle;
}

static void
close_ours(struct kfence_event *event)
{
   CloseHandle(handle_of(event));
   set_state(event, KFENCE_EVENT_FREE);
}

/* Handles of other processes are left for them to close: from here it could
 * not be done just once if we were killed on the way.
 */
static void
set_theirs(struct kfence_event *event)
{
   HANDLE process = open_owner(event), copy = NULL;

   if (process != NULL)
      DuplicateHandle(process, handle_of(event), GetCurrentProcess(), &copy,
                      0, FALSE, DUPLICATE_SAME_ACCESS);
   if (copy != NULL) {
      SetEvent(copy);
      CloseHandle(copy);
      set_state(event, KFENCE_EVENT_SET);
   } else {
      if (process != NULL && WaitForSingleObject(process, 0) != WAIT_OBJECT_0)
         double_abort("cannot duplicate the event of a living process");
      set_state(event, KFENCE_EVENT_FREE);
   }
   if (process != NULL)
      CloseHandle(process);
}

static void
set_event(struct kfence_event *event)
{
   if (is_ours(event)) {
      SetEvent(handle_of(event));
      close_ours(event);
   } else {
      set_theirs(event);
   }
}

void
kfence_lock(struct kfence *fence)
{
   const DWORD result = WaitForSingleObject(fence->mutex, INFINITE);

   if (result != WAIT_OBJECT_0 && result != WAIT_ABANDONED)
      double_abort("cannot lock a fence");
}

void
kfence_unlock(struct kfence *fence)
{
   if (!ReleaseMutex(fence->mutex))
      double_abort("cannot unlock a fence");
}

void
kfence_signal(struct kfence *fence, UINT64 value)
{
   InterlockedExchange64(&fence->layout->value, (LONG64)value);
   for (unsigned i = 0; i < DOUBLE_MAX_EVENTS; i++) {
      struct kfence_event *event = &fence->layout->events[i];

      if (event->state == KFENCE_EVENT_PENDING && event->value <= value)
         set_event(event);
   }
}

static void
close_those_set(struct kfence_layout *layout)
{
   for (unsigned i = 0; i < DOUBLE_MAX_EVENTS; i++) {
      struct kfence_event *event = &layout->events[i];

      if (event->state == KFENCE_EVENT_SET && is_ours(event))
         close_ours(event);
   }
}

static struct kfence_event *
find_free(struct kfence_layout *layout)
{
   for (unsigned i = 0; i < DOUBLE_MAX_EVENTS; i++) {
      if (layout->events[i].state == KFENCE_EVENT_FREE)
         return &layout->events[i];
   }
   return NULL;
}

HRESULT
kfence_set_event(struct kfence *fence, UINT64 owner, UINT64 value,
                 HANDLE handle)
{
   struct kfence_layout *layout = fence->layout;
   struct kfence_event *event;
   HANDLE copy;

   close_those_set(layout);
   if (value <= (UINT64)layout->value)
      return SetEvent(handle) ? S_OK : E_INVALIDARG;

   event = find_free(layout);
   if (event == NULL)
      return E_OUTOFMEMORY;
   if (!DuplicateHandle(GetCurrentProcess(), handle, GetCurrentProcess(),
                        &copy, EVENT_MODIFY_STATE, FALSE, 0))
      return E_INVALIDARG;

   event->process = GetCurrentProcessId();
   event->process_created = creation_time(GetCurrentProcess());
   event->owner = owner;
   event->value = value;
   event->handle = (uintptr_t)copy;
   set_state(event, KFENCE_EVENT_PENDING);
   return S_OK;
}

void
kfence_drop_events(struct kfence *fence, UINT64 owner, bool set)
{
   close_those_set(fence->layout);
   for (unsigned i = 0; i < DOUBLE_MAX_EVENTS; i++) {
      struct kfence_event *event = &fence->layout->events[i];

      if (event->state != KFENCE_EVENT_PENDING || event->owner != owner ||
          !is_ours(event))
         continue;
      if (set)
         SetEvent(handle_of(event));
      close_ours(event);
   }
}

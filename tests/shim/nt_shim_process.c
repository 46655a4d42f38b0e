/* SPDX-License-Identifier: MIT */

/* Processes that the threads of this one pose as */
#include "nt_shim_private.h"

#include <setjmp.h>
#include <string.h>

#define NEVER UINT32_MAX

static struct process {
   struct nt_shim_object object;

   /* Calls that its threads still have, or NEVER */
   uint32_t calls_left;
} processes[NT_SHIM_PROCESSES];

static uint32_t process_count;

static _Thread_local struct {
   unsigned process;
   uint32_t id;
   int locks;
   /* Where to go when the process ends */
   jmp_buf *end;
} self;

static void
init_process(struct process *process, uint32_t pid)
{
   process->calls_left = NEVER;
   process->object = (struct nt_shim_object) {
      .type = OBJECT_PROCESS,
      /* It stays. */
      .refcount = 1,
      .fd = -1,
      .pid = pid,
      /* Seconds apart, in units of 100 ns */
      .created = UINT64_C(0x01d1000000002345) + pid * UINT64_C(20000000),
      .exists = true,
   };
}

/* With nt_shim_objects_mutex held */
static unsigned
add_process(void)
{
   NT_SHIM_CHECK(process_count < NT_SHIM_PROCESSES);
   init_process(&processes[process_count], 4 * (1001 + process_count));
   return process_count++;
}

__attribute__((constructor)) static void
add_first_process(void)
{
   add_process();
}

unsigned
nt_shim_create_process(void)
{
   pthread_mutex_lock(&nt_shim_objects_mutex);
   const unsigned process = add_process();
   pthread_mutex_unlock(&nt_shim_objects_mutex);
   return process;
}

void
nt_shim_enter_process(unsigned process)
{
   self.process = process;
}

unsigned
nt_shim_current_process(void)
{
   return self.process;
}

struct nt_shim_object *
nt_shim_current_process_object(void)
{
   return &processes[self.process].object;
}

/* The end ----------------------------------------------------------------- */

void
nt_shim_end_process_after(unsigned process, uint32_t calls)
{
   NT_SHIM_CHECK(process > 0);
   __atomic_store_n(&processes[process].calls_left, calls, __ATOMIC_RELAXED);
}

bool
nt_shim_is_ending(void)
{
   return self.end != NULL &&
          __atomic_load_n(&processes[self.process].calls_left,
                          __ATOMIC_RELAXED) == 0;
}

void
nt_shim_note_lock(int change)
{
   self.locks += change;
}

static void
count_call(struct process *process)
{
   uint32_t left = __atomic_load_n(&process->calls_left, __ATOMIC_RELAXED);

   while (left != 0 && left != NEVER &&
          !__atomic_compare_exchange_n(&process->calls_left, &left, left - 1,
                                       true, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED))
      ;
}

void
nt_shim_step(void)
{
   nt_shim_disturb();
   if (self.end == NULL)
      return;

   count_call(&processes[self.process]);
   /* Locks of a process go with it, but those here are everybody's. */
   if (nt_shim_is_ending() && self.locks == 0)
      longjmp(*self.end, 1);
}

bool
nt_shim_run_in_process(unsigned process, void (*run)(void *data), void *data)
{
   const unsigned before = self.process;
   jmp_buf end;

   NT_SHIM_CHECK(self.end == NULL && self.locks == 0);
   const bool ended = setjmp(end) != 0;
   if (!ended) {
      self.process = process;
      self.end = &end;
      run(data);
   }
   self.end = NULL;
   self.process = before;
   return !ended;
}

void
nt_shim_bury_process(unsigned process, enum nt_shim_remains remains)
{
   struct nt_shim_object *object = &processes[process].object;

   NT_SHIM_CHECK(process > 0 && process != self.process);
   pthread_mutex_lock(&nt_shim_objects_mutex);
   nt_shim_close_handles_of(process);
   if (remains == NT_SHIM_ID_REUSED)
      object->created += UINT64_C(20000000);
   else
      object->ended = true;
   object->exists = remains != NT_SHIM_NOTHING;
   pthread_mutex_unlock(&nt_shim_objects_mutex);
}

/* What processes know of each other --------------------------------------- */

HANDLE
GetCurrentProcess(void)
{
   return (HANDLE)(intptr_t)-1;
}

DWORD
GetCurrentProcessId(void)
{
   return nt_shim_current_process_object()->pid;
}

DWORD
GetCurrentThreadId(void)
{
   static uint32_t last;

   if (self.id == 0)
      self.id = __atomic_add_fetch(&last, 4, __ATOMIC_RELAXED);
   return self.id;
}

HANDLE
OpenProcess(DWORD access, BOOL inherit, DWORD pid)
{
   HANDLE handle = NULL;

   NT_SHIM_CHECK(access == (PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE));
   NT_SHIM_CHECK(!inherit);
   nt_shim_step();
   pthread_mutex_lock(&nt_shim_objects_mutex);
   for (uint32_t i = 0; i < process_count; i++) {
      if (processes[i].object.exists && processes[i].object.pid == pid)
         handle = nt_shim_add_handle(&processes[i].object);
   }
   pthread_mutex_unlock(&nt_shim_objects_mutex);

   SetLastError(handle != NULL ? ERROR_SUCCESS : ERROR_INVALID_PARAMETER);
   return handle;
}

static struct nt_shim_object *
find_process(HANDLE handle)
{
   struct nt_shim_object *object = nt_shim_find_object(handle);

   NT_SHIM_CHECK(object != NULL && object->type == OBJECT_PROCESS);
   return object;
}

DWORD
WaitForSingleObject(HANDLE handle, DWORD milliseconds)
{
   const struct nt_shim_object *object = find_process(handle);

   NT_SHIM_CHECK(milliseconds == 0);
   pthread_mutex_lock(&nt_shim_objects_mutex);
   const bool ended = object->ended;
   pthread_mutex_unlock(&nt_shim_objects_mutex);
   return ended ? WAIT_OBJECT_0 : WAIT_TIMEOUT;
}

BOOL
GetProcessTimes(HANDLE handle, FILETIME *created, FILETIME *exited,
                FILETIME *kernel, FILETIME *user)
{
   const struct nt_shim_object *object = find_process(handle);

   pthread_mutex_lock(&nt_shim_objects_mutex);
   const uint64_t time = object->created;
   pthread_mutex_unlock(&nt_shim_objects_mutex);

   *created = (FILETIME) {
      .dwLowDateTime = (uint32_t)time,
      .dwHighDateTime = (uint32_t)(time >> 32),
   };
   *exited = *kernel = *user = (FILETIME) {0};
   return TRUE;
}

/* Lists of a process ------------------------------------------------------- */

void
InitializeSListHead(SLIST_HEADER *list)
{
   memset(list, 0, sizeof(*list));
   pthread_mutex_init(&list->mutex, NULL);
}

/* No step: what is put back, a waiter, has seen what it has waited for. */
SLIST_ENTRY *
InterlockedPushEntrySList(SLIST_HEADER *list, SLIST_ENTRY *entry)
{
   nt_shim_disturb();
   pthread_mutex_lock(&list->mutex);
   SLIST_ENTRY *old = list->first[self.process];
   entry->Next = old;
   list->first[self.process] = entry;
   pthread_mutex_unlock(&list->mutex);
   return old;
}

SLIST_ENTRY *
InterlockedPopEntrySList(SLIST_HEADER *list)
{
   nt_shim_step();
   pthread_mutex_lock(&list->mutex);
   SLIST_ENTRY *entry = list->first[self.process];
   if (entry != NULL)
      list->first[self.process] = entry->Next;
   pthread_mutex_unlock(&list->mutex);
   return entry;
}

/* SPDX-License-Identifier: MIT */
#include "vk_sync_win32_nt.h"

#include <string.h>

#include "c11/threads.h"

struct vk_sync_win32_nt_table vk_sync_win32_nt;

static once_flag nt_once = ONCE_FLAG_INIT;
static bool nt_ready;

#ifdef _WIN32

static bool
nt_resolve_one(HMODULE module, const char *symbol, void *member)
{
   /* Copied, since the types of the pointers differ */
   FARPROC proc = GetProcAddress(module, symbol);
   memcpy(member, &proc, sizeof(proc));
   return proc != NULL;
}

#define RESOLVE(member, symbol) \
   nt_resolve_one(ntdll, (symbol), &vk_sync_win32_nt.member)

static void
nt_resolve(void)
{
   HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");

   nt_ready = ntdll != NULL &&
              RESOLVE(wait_for_keyed_event, "NtWaitForKeyedEvent") &&
              RESOLVE(release_keyed_event, "NtReleaseKeyedEvent") &&
              RESOLVE(wait_for_single_object, "NtWaitForSingleObject") &&
              RESOLVE(wait_for_multiple_objects, "NtWaitForMultipleObjects") &&
              RESOLVE(release_semaphore, "NtReleaseSemaphore") &&
              RESOLVE(delay_execution, "NtDelayExecution") &&
              RESOLVE(query_section, "NtQuerySection") &&
              RESOLVE(query_object, "NtQueryObject") &&
              RESOLVE(is_shutting_down, "RtlDllShutdownInProgress");
   if (ntdll != NULL)
      vk_sync_win32_nt.is_wine =
         GetProcAddress(ntdll, "wine_get_version") != NULL;
}

#else

static void
nt_resolve(void)
{
   nt_shim_resolve(&vk_sync_win32_nt);
   nt_ready = true;
}

#endif

bool
vk_sync_win32_nt_init(void)
{
   call_once(&nt_once, nt_resolve);
   return nt_ready;
}

/* advapi32 exports RtlGenRandom under this name only. */
BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG size);

bool
vk_sync_win32_random(void *bytes, uint32_t size)
{
   return SystemFunction036(bytes, size);
}

/* SPDX-License-Identifier: MIT */
#include "vk_sync_win32_nt.h"

#include <string.h>

#include "c11/threads.h"
#include "util/os_time.h"

struct vk_sync_win32_nt_table vk_sync_win32_nt;

static once_flag nt_once = ONCE_FLAG_INIT;
static bool nt_ready;

#ifdef _WIN32

static void
nt_resolve_one(HMODULE module, const char *symbol, void *member)
{
   /* Copied, since the types of the pointers differ */
   FARPROC proc = GetProcAddress(module, symbol);
   memcpy(member, &proc, sizeof(proc));
}

#define RESOLVE(module, member, symbol) \
   nt_resolve_one((module), (symbol), &vk_sync_win32_nt.member)

static void
nt_resolve(void)
{
   HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
   if (ntdll == NULL)
      return;

   RESOLVE(ntdll, wait_for_keyed_event, "NtWaitForKeyedEvent");
   RESOLVE(ntdll, release_keyed_event, "NtReleaseKeyedEvent");
   RESOLVE(ntdll, wait_for_single_object, "NtWaitForSingleObject");
   RESOLVE(ntdll, wait_for_multiple_objects, "NtWaitForMultipleObjects");
   RESOLVE(ntdll, release_semaphore, "NtReleaseSemaphore");
   RESOLVE(ntdll, delay_execution, "NtDelayExecution");
   RESOLVE(ntdll, query_section, "NtQuerySection");
   RESOLVE(ntdll, query_object, "NtQueryObject");
   RESOLVE(ntdll, compare_objects, "NtCompareObjects");
   RESOLVE(ntdll, is_shutting_down, "RtlDllShutdownInProgress");
   vk_sync_win32_nt.is_wine = GetProcAddress(ntdll, "wine_get_version") != NULL;

   nt_ready = vk_sync_win32_nt.wait_for_keyed_event != NULL &&
              vk_sync_win32_nt.release_keyed_event != NULL &&
              vk_sync_win32_nt.wait_for_single_object != NULL &&
              vk_sync_win32_nt.wait_for_multiple_objects != NULL &&
              vk_sync_win32_nt.release_semaphore != NULL &&
              vk_sync_win32_nt.is_shutting_down != NULL &&
              vk_sync_win32_nt.delay_execution != NULL &&
              vk_sync_win32_nt.query_section != NULL &&
              vk_sync_win32_nt.query_object != NULL;
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

const LARGE_INTEGER *
vk_sync_win32_nt_timeout(uint64_t abs_timeout_ns, LARGE_INTEGER *ticks)
{
   /* 2^62 ns is 146 years of uptime. */
   if (abs_timeout_ns >= UINT64_C(1) << 62)
      return NULL;

   uint64_t now_ns = os_time_get_nano();
   uint64_t left_ns = abs_timeout_ns > now_ns ? abs_timeout_ns - now_ns : 0;
   ticks->QuadPart = -(LONGLONG)((left_ns + 99) / 100);
   return ticks;
}

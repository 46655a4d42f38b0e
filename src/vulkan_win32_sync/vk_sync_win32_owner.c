/* SPDX-License-Identifier: MIT */
#include "vk_sync_win32_owner.h"

#include "vk_sync_win32_nt.h"

/* 0 if it is unknown */
static uint32_t
creation_time(HANDLE process)
{
   FILETIME start, other;

   if (!GetProcessTimes(process, &start, &other, &other, &other))
      return 0;

   const uint64_t ticks = (uint64_t)start.dwHighDateTime << 32 |
                          start.dwLowDateTime;
   const uint32_t time = (uint32_t)(ticks >> 20);
   return time != 0 ? time : 1;
}

uint64_t
vk_sync_win32_owner_self(void)
{
   static uint64_t self;

   /* Every thread would write the same. */
   uint64_t owner = vk_sync_win32_load64(&self);
   if (owner == 0) {
      owner = (uint64_t)GetCurrentProcessId() << 32 |
              creation_time(GetCurrentProcess());
      vk_sync_win32_store64(&self, owner);
   }
   return owner;
}

bool
vk_sync_win32_owner_is_dead(uint64_t owner)
{
   owner &= ~VK_SYNC_WIN32_OWNER_RECOVERING;
   if (owner == VK_SYNC_WIN32_OWNER_GONE)
      return true;
   if (owner == vk_sync_win32_owner_self())
      return false;

   HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION |
                                SYNCHRONIZE, FALSE, (DWORD)(owner >> 32));
   if (process == NULL)
      return GetLastError() == ERROR_INVALID_PARAMETER;

   const uint32_t recorded = (uint32_t)owner;
   const uint32_t found = creation_time(process);
   const bool ended = WaitForSingleObject(process, 0) == WAIT_OBJECT_0;
   CloseHandle(process);

   return ended || (recorded != 0 && found != 0 && recorded != found);
}

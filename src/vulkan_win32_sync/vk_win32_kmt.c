/* SPDX-License-Identifier: MIT */
#include "vk_win32_kmt.h"

#include <stdio.h>

/* 01xx xxxx xxxx xxxx xxxx xxxx xxxx xg10 */
#define PATTERN UINT32_C(0x40000002)
#define PATTERN_MASK UINT32_C(0xc0000003)
#define GLOBAL UINT32_C(0x00000004)

uint32_t
vk_win32_kmt_choose(bool global)
{
   uint32_t bits;

   if (!vk_sync_win32_random(&bits, sizeof(bits)))
      return 0;

   bits &= ~(PATTERN_MASK | GLOBAL);
   return bits | PATTERN | (global ? GLOBAL : 0);
}

bool
vk_win32_kmt_is_valid(HANDLE handle)
{
   const uintptr_t bits = (uintptr_t)handle;

   return bits <= UINT32_MAX && (bits & PATTERN_MASK) == PATTERN;
}

void
vk_win32_kmt_format_name(uint32_t kmt, wchar_t *name)
{
   swprintf(name, VK_WIN32_KMT_NAME_LENGTH, L"%ls\\MesaVkKmt-%08x",
            kmt & GLOBAL ? L"Global" : L"Local", kmt);
}

/* SPDX-License-Identifier: MIT */
#include "vk_win32_kmt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vk_sync_win32_doorbell.h"

/* 01xx xxxx xxxx xxxx xxxx xxxx xxxx xg10 */
#define PATTERN UINT32_C(0x40000002)
#define PATTERN_MASK UINT32_C(0xc0000003)
#define GLOBAL UINT32_C(0x00000004)

#define ALIAS_MAGIC UINT64_C(0x317361696c416b4d) /* MkAlias1 */

struct alias {
   uint64_t magic;
   wchar_t name[];
};

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

bool
vk_win32_kmt_is_global(const wchar_t *name)
{
   return wcsncmp(name, L"Global\\", 7) == 0;
}

uint64_t
vk_win32_kmt_alias_size(const wchar_t *name)
{
   return sizeof(struct alias) + (wcslen(name) + 1) * sizeof(wchar_t);
}

void
vk_win32_kmt_alias_write(void *map, const wchar_t *name)
{
   struct alias *alias = map;

   memcpy(alias->name, name, (wcslen(name) + 1) * sizeof(wchar_t));

   /* Last, for those who open it while we are at it */
   vk_sync_win32_store64(&alias->magic, ALIAS_MAGIC);
}

bool
vk_win32_kmt_is_alias(void *map)
{
   return vk_sync_win32_load64(map) == ALIAS_MAGIC;
}

wchar_t *
vk_win32_kmt_alias_read(const void *map, uint64_t size)
{
   const struct alias *alias = map;
   const size_t length = (size_t)(size - sizeof(*alias)) / sizeof(wchar_t);

   wchar_t *name = malloc((length + 1) * sizeof(wchar_t));
   if (name == NULL)
      return NULL;

   /* Its end is where the section's is, whatever a stranger makes of it. */
   memcpy(name, alias->name, length * sizeof(wchar_t));
   name[length] = 0;
   return name;
}

/* SPDX-License-Identifier: MIT */
#include "vk_win32_kmt.h"

#include <stdio.h>

#include "vk_log.h"

/* 01xx xxxx xxxx xxxx xxxx xxxx xxxx xg10, where g is for the global namespace
 * rather than the session's
 */
#define PATTERN UINT32_C(0x40000002)
#define PATTERN_MASK UINT32_C(0xc0000003)
#define GLOBAL UINT32_C(0x00000004)

bool
vk_win32_kmt_get_name(HANDLE handle, wchar_t *name)
{
   const uintptr_t kmt = (uintptr_t)handle;

   swprintf(name, VK_WIN32_KMT_NAME_LENGTH, L"%ls\\MesaVkKmt-%08x",
            kmt & GLOBAL ? L"Global" : L"Local", (uint32_t)kmt);
   return kmt <= UINT32_MAX && (kmt & PATTERN_MASK) == PATTERN;
}

DWORD
vk_win32_kmt_create(const struct vk_win32_section_info *info,
                    vk_win32_create_func create,
                    struct vk_win32_section *section)
{
   wchar_t name[VK_WIN32_KMT_NAME_LENGTH];
   DWORD error = ERROR_ALREADY_EXISTS;
   uint32_t global = GLOBAL;

   for (unsigned i = 0; i < 16; i++) {
      uint32_t bits;
      if (!vk_sync_win32_random(&bits, sizeof(bits)))
         return ERROR_NOT_ENOUGH_MEMORY;

      section->kmt = (bits & ~(PATTERN_MASK | GLOBAL)) | PATTERN | global;
      vk_win32_kmt_get_name((HANDLE)(uintptr_t)section->kmt, name);
      error = create(info, name, &section->handle);

      /* Sections in the global namespace, where other sessions find them, take
       * a privilege that few processes have.
       */
      if (error == ERROR_ACCESS_DENIED && global)
         global = 0;
      else if (error != ERROR_ALREADY_EXISTS)
         break;
   }
   return error;
}

VkResult
vk_win32_kmt_export(struct vk_device *device,
                    const struct vk_win32_section *section,
                    HANDLE *handle_out)
{
   if (section->kmt == 0)
      return vk_errorf(device, VK_ERROR_UNKNOWN,
                       "The payload has no global share handle");

   *handle_out = (HANDLE)(uintptr_t)section->kmt;
   return VK_SUCCESS;
}

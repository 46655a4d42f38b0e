/* SPDX-License-Identifier: MIT */
#include "vk_win32_section.h"

#include "vk_device.h"
#include "vk_log.h"

#include "vk_win32_kmt.h"

/* The rights without which a handle cannot be imported */
#define NEEDED_ACCESS (SECTION_MAP_READ | SECTION_MAP_WRITE | SECTION_QUERY)

/* Returns ERROR_ALREADY_EXISTS, and no handle, rather than adopt what is
 * there.
 */
static DWORD
create_object(const struct vk_win32_section_info *info,
              const wchar_t *name, HANDLE *handle_out)
{
   const SECURITY_ATTRIBUTES *asked = info->security_attributes;
   SECURITY_ATTRIBUTES attributes = {
      .nLength = sizeof(attributes),
      .lpSecurityDescriptor = asked != NULL ? asked->lpSecurityDescriptor :
                                              NULL,
   };

   SetLastError(ERROR_SUCCESS);
   HANDLE handle =
      CreateFileMappingW(INVALID_HANDLE_VALUE, &attributes,
                         PAGE_READWRITE | SEC_COMMIT,
                         (DWORD)(info->size >> 32), (DWORD)info->size, name);
   const DWORD error = GetLastError();

   if (handle != NULL && error == ERROR_ALREADY_EXISTS) {
      CloseHandle(handle);
      handle = NULL;
   }

   *handle_out = handle;
   return handle != NULL ? ERROR_SUCCESS : error;
}

static bool
is_no_room(DWORD error)
{
   return error == ERROR_NOT_ENOUGH_MEMORY ||
          error == ERROR_COMMITMENT_LIMIT ||
          error == ERROR_NO_SYSTEM_RESOURCES ||
          error == ERROR_NOT_ENOUGH_QUOTA ||
          error == ERROR_PAGEFILE_QUOTA ||
          error == ERROR_DISK_FULL;
}

static bool
map_section(struct vk_win32_section *section, uint64_t size)
{
   if ((SIZE_T)size != size) {
      SetLastError(ERROR_NOT_ENOUGH_MEMORY);
      return false;
   }

   section->map = MapViewOfFile(section->handle,
                                FILE_MAP_READ | FILE_MAP_WRITE, 0, 0,
                                (SIZE_T)size);
   return section->map != NULL;
}

VkResult
vk_win32_section_create(struct vk_device *device,
                        const struct vk_win32_section_info *info,
                        struct vk_win32_section *section)
{
   *section = (struct vk_win32_section) {0};

   /* An object has one name. */
   if (info->kmt && info->name != NULL)
      return vk_errorf(device, info->refused,
                       "What has a global share handle has no name");

   const DWORD error =
      info->kmt ? vk_win32_kmt_create(info, create_object, section) :
                  create_object(info, info->name, &section->handle);

   if (error == ERROR_SUCCESS && map_section(section, info->size))
      return VK_SUCCESS;

   vk_win32_section_close(section);

   if (error == ERROR_SUCCESS)
      return vk_errorf(device, info->out_of_memory,
                       "Cannot map a section for export");
   if (error == ERROR_ALREADY_EXISTS)
      return vk_errorf(device, info->refused,
                       "The name for export is already taken");

   const bool asked = info->name != NULL || info->security_attributes != NULL;

   return vk_errorf(device, is_no_room(error) || !asked ?
                    info->out_of_memory : info->refused,
                    "Cannot create a section for export: Windows error %lu",
                    error);
}

/* SECTION_BASIC_INFORMATION, in no header that all compilers have */
struct section_basic_information {
   void *base_address;
   ULONG attributes;
   LARGE_INTEGER size;
};

/* Everything that can be told before the section is mapped.  Touching a
 * mapped file, memory that is only reserved, or atomics in memory that is not
 * cached can fault; a based section would choose its address itself.
 */
static const char *
find_fault(HANDLE handle, uint64_t least)
{
   struct section_basic_information info = {0};

   if (vk_sync_win32_nt.query_section(handle, 0, &info, sizeof(info), NULL) !=
       VK_SYNC_WIN32_STATUS_SUCCESS)
      return "The handle is not a section, or may not be queried";

   if (info.attributes != SEC_COMMIT)
      return "The section is not plain, committed, pagefile-backed memory";

   if (info.size.QuadPart < 0 || (uint64_t)info.size.QuadPart < least)
      return "The section is too small";

   return NULL;
}

static VkResult
open_name(struct vk_device *device, const wchar_t *name, HANDLE *handle_out)
{
   *handle_out = OpenFileMappingW(NEEDED_ACCESS, FALSE, name);
   if (*handle_out == NULL)
      return vk_win32_refuse(device,
                             "No section of this name can be opened: "
                             "Windows error %lu", GetLastError());
   return VK_SUCCESS;
}

/* Get a handle of our own, so that nobody can swap the object under us. */
static VkResult
open_handle(struct vk_device *device, HANDLE handle, HANDLE *handle_out)
{
   /* The pseudo-handles of this process and thread would be duplicated. */
   if (handle == NULL || (intptr_t)handle < 0)
      return vk_win32_refuse(device, "The handle is NULL or a pseudo-handle");

   if (!DuplicateHandle(GetCurrentProcess(), handle, GetCurrentProcess(),
                        handle_out, 0, FALSE, DUPLICATE_SAME_ACCESS))
      return vk_win32_refuse(device, "The handle is not a valid handle");
   return VK_SUCCESS;
}

/* Map what the handle refers to, if that is safe. */
static VkResult
adopt(struct vk_device *device, struct vk_win32_section *section,
      const struct vk_win32_section_info *info)
{
   const char *fault = find_fault(section->handle, info->size);
   if (fault != NULL)
      return vk_win32_refuse(device, "%s", fault);

   if (map_section(section, info->size))
      return VK_SUCCESS;

   return is_no_room(GetLastError()) ?
          vk_errorf(device, info->out_of_memory,
                    "There is no room to map the section") :
          vk_win32_refuse(device, "The section may not be mapped for writing");
}

VkResult
vk_win32_section_open(struct vk_device *device,
                      const struct vk_win32_section_info *info,
                      struct vk_win32_section *section)
{
   wchar_t kmt_name[VK_WIN32_KMT_NAME_LENGTH];

   *section = (struct vk_win32_section) {0};

   if (info->kmt && !vk_win32_kmt_get_name(info->handle, kmt_name))
      return vk_win32_refuse(device,
                             "The handle is not a global share handle");
   if (info->kmt)
      section->kmt = (uint32_t)(uintptr_t)info->handle;

   const wchar_t *name = info->kmt ? kmt_name : info->name;
   VkResult result = name != NULL ?
                     open_name(device, name, &section->handle) :
                     open_handle(device, info->handle, &section->handle);
   if (result == VK_SUCCESS)
      result = adopt(device, section, info);
   if (result != VK_SUCCESS)
      vk_win32_section_close(section);

   return result;
}

/* Any access word of those that applications use (GENERIC_*, the DXGI ones,
 * 0) must give a handle that imports, so it can only add to what that takes.
 */
static uint32_t
handle_access(uint32_t access)
{
   uint32_t rights = NEEDED_ACCESS;

   if (access & GENERIC_ALL)
      rights |= SECTION_ALL_ACCESS;

   return rights | (access & (DELETE | READ_CONTROL | WRITE_DAC | WRITE_OWNER));
}

VkResult
vk_win32_section_export(struct vk_device *device,
                        const struct vk_win32_section *section,
                        uint32_t access, bool inherit, HANDLE *handle_out)
{
   HANDLE self = GetCurrentProcess();

   /* A restricting security descriptor may leave us no more than the handle
    * we have.
    */
   if (!DuplicateHandle(self, section->handle, self, handle_out,
                        handle_access(access), inherit, 0) &&
       !DuplicateHandle(self, section->handle, self, handle_out, 0, inherit,
                        DUPLICATE_SAME_ACCESS))
      return vk_errorf(device, VK_ERROR_TOO_MANY_OBJECTS,
                       "Cannot duplicate the handle of a section: Windows "
                       "error %lu", GetLastError());

   return VK_SUCCESS;
}

void
vk_win32_section_close(struct vk_win32_section *section)
{
   if (section->map != NULL)
      UnmapViewOfFile(section->map);
   if (section->handle != NULL)
      CloseHandle(section->handle);

   *section = (struct vk_win32_section) {0};
}

/* SPDX-License-Identifier: MIT */
#include "kfence.h"

#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "common.h"

#define SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)

/* Unique on this machine, which is all it has to be */
static void
make_path(WCHAR path[MAX_PATH])
{
   static volatile LONG serial;
   WCHAR folder[MAX_PATH - 64];
   LARGE_INTEGER now;

   QueryPerformanceCounter(&now);
   if (GetTempPathW(MAX_PATH - 64, folder) >= MAX_PATH - 64)
      double_abort("cannot find the folder for temporary files");
   _snwprintf(path, MAX_PATH, L"%lslvp-d3d12-double-%lx-%lx-%llx", folder,
              (unsigned long)GetCurrentProcessId(),
              (unsigned long)InterlockedIncrement(&serial),
              (unsigned long long)now.QuadPart);
}

/* The first one makes the file, which goes with the last one. */
static void
open_file_and_mutex(struct kfence *fence, const WCHAR *path, DWORD disposition)
{
   WCHAR name[MAX_PATH];

   fence->file = CreateFileW(path, GENERIC_READ | GENERIC_WRITE, SHARE_ALL,
                             NULL, disposition,
                             disposition == CREATE_NEW
                                ? FILE_ATTRIBUTE_TEMPORARY |
                                  FILE_FLAG_DELETE_ON_CLOSE
                                : 0,
                             NULL);
   _snwprintf(name, MAX_PATH, L"Local%ls", wcsrchr(path, L'\\'));
   fence->mutex = CreateMutexW(NULL, FALSE, name);
   if (fence->file == INVALID_HANDLE_VALUE || fence->mutex == NULL)
      double_abort("cannot open a fence's file and mutex");
}

static HANDLE
make_section(HANDLE file, const SECURITY_ATTRIBUTES *attributes,
             const WCHAR *name)
{
   return CreateFileMappingW(file, (SECURITY_ATTRIBUTES *)attributes,
                             PAGE_READWRITE, 0, sizeof(struct kfence_layout),
                             name);
}

static struct kfence_layout *
map_section(HANDLE section)
{
   return MapViewOfFile(section, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0,
                        sizeof(struct kfence_layout));
}

HRESULT
kfence_create(UINT64 value, UINT32 flags, struct kfence *fence)
{
   WCHAR path[MAX_PATH];
   HANDLE section;

   make_path(path);
   open_file_and_mutex(fence, path, CREATE_NEW);
   section = make_section(fence->file, NULL, NULL);
   fence->layout = map_section(section);
   CloseHandle(section);
   if (fence->layout == NULL) {
      kfence_close(fence);
      return E_OUTOFMEMORY;
   }

   fence->layout->flags = flags;
   fence->layout->value = (LONG64)value;
   memcpy(fence->layout->path, path, sizeof(path));
   fence->layout->magic = KFENCE_MAGIC;
   return S_OK;
}

/* By its beginning alone: Windows has one error for sections that are too
 * small and for those that may not be written.
 */
static HRESULT
check_magic(HANDLE section)
{
   const UINT64 *magic;
   HRESULT result;

   if ((intptr_t)section <= 0)
      return E_INVALIDARG;
   magic = MapViewOfFile(section, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0,
                         sizeof(*magic));
   if (magic == NULL)
      return GetLastError() == ERROR_ACCESS_DENIED ? E_ACCESSDENIED
                                                   : E_INVALIDARG;
   result = *magic == KFENCE_MAGIC ? S_OK : E_INVALIDARG;
   UnmapViewOfFile(magic);
   return result;
}

HRESULT
kfence_open(HANDLE section, struct kfence *fence)
{
   const HRESULT result = check_magic(section);

   if (FAILED(result))
      return result;
   fence->layout = map_section(section);
   if (fence->layout == NULL)
      return E_OUTOFMEMORY;
   open_file_and_mutex(fence, fence->layout->path, OPEN_EXISTING);
   return S_OK;
}

void
kfence_close(struct kfence *fence)
{
   if (fence->layout != NULL)
      UnmapViewOfFile(fence->layout);
   CloseHandle(fence->mutex);
   CloseHandle(fence->file);
}

/* ERROR_INVALID_HANDLE: another kind of object has the name. */
static HRESULT
share_error(DWORD error)
{
   switch (error) {
   case ERROR_ALREADY_EXISTS:
   case ERROR_INVALID_HANDLE:
      return DXGI_ERROR_NAME_ALREADY_EXISTS;
   case ERROR_ACCESS_DENIED:
      return E_ACCESSDENIED;
   case ERROR_PATH_NOT_FOUND:
   case ERROR_BAD_PATHNAME:
   case ERROR_INVALID_NAME:
      return DXGI_ERROR_INVALID_CALL;
   default:
      return E_OUTOFMEMORY;
   }
}

HRESULT
kfence_share(struct kfence *fence, const SECURITY_ATTRIBUTES *attributes,
             const WCHAR *name, HANDLE *handle)
{
   HANDLE section;
   DWORD error;

   SetLastError(ERROR_SUCCESS);
   section = make_section(fence->file, attributes, name);
   error = GetLastError();
   if (section != NULL && error == ERROR_ALREADY_EXISTS) {
      CloseHandle(section);
      section = NULL;
   }
   if (section == NULL)
      return share_error(error);

   *handle = section;
   return S_OK;
}

HRESULT
kfence_open_name(const WCHAR *name, HANDLE *handle)
{
   HANDLE section = OpenFileMappingW(FILE_MAP_ALL_ACCESS, FALSE, name);
   HRESULT result;

   if (section == NULL)
      return GetLastError() == ERROR_ACCESS_DENIED ? E_ACCESSDENIED
                                                   : E_INVALIDARG;
   result = check_magic(section);
   if (FAILED(result))
      CloseHandle(section);
   else
      *handle = section;
   return result;
}

UINT64
kfence_value(struct kfence *fence)
{
   return (UINT64)InterlockedCompareExchange64(&fence->layout->value, 0, 0);
}

/* SPDX-License-Identifier: MIT */

/* Handles of every kind that there is */
#include "import.h"

#include <string.h>

#include "foreign_handles.h"

#ifndef SEC_IMAGE_NO_EXECUTE
#define SEC_IMAGE_NO_EXECUTE 0x11000000
#endif

static void
close_deferred(void *data)
{
   CloseHandle((HANDLE)data);
}

static void
add(struct wrong_handles *wrong, const char *what, HANDLE handle,
    enum verdict verdict)
{
   REQUIRE(wrong->count < MAX_WRONG);
   wrong->all[wrong->count++] = (struct wrong_handle) {
      .what = what, .handle = handle, .verdict = verdict,
   };
}

/* What some systems lack is left out. */
static void
add_new(struct wrong_handles *wrong, const char *what, HANDLE handle,
        enum verdict verdict)
{
   if (handle == NULL || handle == INVALID_HANDLE_VALUE)
      return;
   test_defer(close_deferred, handle);
   add(wrong, what, handle, verdict);
}

static void
add_objects(struct wrong_handles *wrong)
{
   static const struct {
      const char *what;
      foreign_handle make;
   } objects[] = {
      { "an event", foreign_event },
      { "a mutex", foreign_mutex },
      { "a Win32 semaphore", foreign_win32_semaphore },
      { "a timer", foreign_timer },
      { "a file", foreign_file },
      { "a pipe", foreign_pipe },
      { "a process", foreign_process },
      { "a thread", foreign_thread },
      { "a token", foreign_token },
   };
   wchar_t folder[MAX_PATH];
   HKEY key = NULL;

   for (unsigned i = 0; i < TEST_COUNT(objects); i++)
      add(wrong, objects[i].what, objects[i].make(wrong->genuine),
          BAD_UNMAPPED);

   add_new(wrong, "a job", CreateJobObjectW(NULL, NULL), BAD_UNMAPPED);
   add_new(wrong, "a completion port",
           CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1),
           BAD_UNMAPPED);
   if (GetTempPathW(MAX_PATH, folder))
      add_new(wrong, "a folder",
              CreateFileW(folder, GENERIC_READ,
                          FILE_SHARE_READ | FILE_SHARE_WRITE |
                          FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
                          FILE_FLAG_BACKUP_SEMANTICS, NULL), BAD_UNMAPPED);
   add_new(wrong, "the null device",
           CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE, 0, NULL,
                       OPEN_EXISTING, 0, NULL), BAD_UNMAPPED);
   if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, L"Software", 0, KEY_READ, &key) ==
       ERROR_SUCCESS)
      add_new(wrong, "a registry key", (HANDLE)key, BAD_UNMAPPED);
   add(wrong, "a predefined registry key", (HANDLE)HKEY_LOCAL_MACHINE,
       BAD_UNMAPPED);
   add(wrong, "this process", GetCurrentProcess(), BAD_UNMAPPED);
   add(wrong, "this thread", GetCurrentThread(), BAD_UNMAPPED);
   add(wrong, "NULL", NULL, BAD_UNMAPPED);
}

HANDLE
wrong_section(const void *contents, SIZE_T contents_size, SIZE_T size,
              DWORD protection, const wchar_t *name)
{
   HANDLE section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, protection,
                                       0, (DWORD)size, name);
   MEMORY_BASIC_INFORMATION info;
   void *view;

   if (section == NULL)
      return NULL;
   view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
   if (view != NULL) {
      if (protection & SEC_RESERVE)
         VirtualAlloc(view, size, MEM_COMMIT, PAGE_READWRITE);

      /* Whatever the size is, that of the memory is in pages. */
      REQUIRE(VirtualQuery(view, &info, sizeof(info)));
      memcpy(view, contents,
             contents_size < info.RegionSize ? contents_size :
                                               info.RegionSize);
      UnmapViewOfFile(view);
   }
   return section;
}

/* The same contents, in sections of other kinds */
static void
add_sections(struct wrong_handles *wrong)
{
   const void *layout = fuzz_layout(wrong->sync);
   const SIZE_T size = sizeof(struct vk_sync_win32_layout);
   const HANDLE genuine = wrong->genuine;

   add(wrong, "a file's section", foreign_file_section(genuine),
       BAD_UNMAPPED);
   add(wrong, "a program's section", foreign_image_section(genuine),
       BAD_UNMAPPED);
   add(wrong, "reserved memory", foreign_reserve_section(genuine),
       BAD_UNMAPPED);
   add(wrong, "a section of zeros", foreign_zero_section(genuine), BAD);
   add(wrong, "a section of garbage", foreign_random_section(genuine), BAD);
   add(wrong, "a huge section", foreign_huge_section(genuine), BAD);
   add(wrong, "a section to be read", foreign_read_only(genuine), BAD);
   add(wrong, "a section to be queried", foreign_query_only(genuine), BAD);

   add_new(wrong, "a section that cannot be written",
           wrong_section(layout, size, size, PAGE_READONLY, NULL), BAD);
   add_new(wrong, "a section that is copied when it is written",
           wrong_section(layout, size, size, PAGE_WRITECOPY, NULL), BAD);
   add_new(wrong, "uncached memory",
           wrong_section(layout, size, size,
                         PAGE_READWRITE | SEC_COMMIT | SEC_NOCACHE, NULL),
           BAD_UNMAPPED);
   add_new(wrong, "reserved and uncached memory",
           wrong_section(layout, size, size,
                         PAGE_READWRITE | SEC_RESERVE | SEC_NOCACHE, NULL),
           BAD_UNMAPPED);

   /* Nothing is wrong with these. */
   add_new(wrong, "a copy of a payload",
           wrong_section(layout, size, size, PAGE_READWRITE, NULL), GOOD);
   add_new(wrong, "a larger copy of a payload",
           wrong_section(layout, size, 20 * size, PAGE_READWRITE, NULL),
           GOOD);
   add(wrong, "a payload", genuine, GOOD);
}

void
wrong_handles_create(struct wrong_handles *wrong, struct vk_device *device,
                     enum vk_sync_win32_kind kind)
{
   *wrong = (struct wrong_handles) { .kind = kind };
   wrong->sync = fuzz_shared_sync(device, kind, NULL, true);
   wrong->genuine = fuzz_export(device, wrong->sync);
   add_objects(wrong);
   add_sections(wrong);
}

void
wrong_handles_destroy(struct wrong_handles *wrong, struct vk_device *device)
{
   vk_sync_destroy(device, wrong->sync);
   CloseHandle(wrong->genuine);
}

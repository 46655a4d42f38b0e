/* SPDX-License-Identifier: MIT */

/* Handles of the wrong objects, and of sections of all kinds */
#include "import.h"

#include <string.h>

#include "foreign_handles.h"

static void
add(struct wrong_handles *wrong, const char *what, HANDLE handle,
    enum verdict verdict)
{
   REQUIRE(wrong->count < MAX_WRONG);
   wrong->all[wrong->count++] = (struct attempt) {
      .what = what, .verdict = verdict, .kind = wrong->kind, .handle = handle,
   };
}

/* What some systems lack is left out. */
static void
add_section(struct wrong_handles *wrong, const char *what, SIZE_T size,
            DWORD protection, enum verdict verdict)
{
   HANDLE section = wrong_section(fuzz_layout(wrong->sync),
                                  sizeof(struct vk_sync_win32_layout), size,
                                  protection, NULL);

   if (section != NULL)
      add(wrong, what, test_own_handle(section), verdict);
}

/* The kernel says the same of all that is no section; of these, only what may
 * be a payload is mapped.
 */
static void
add_foreign(struct wrong_handles *wrong)
{
   static const struct {
      const char *what;
      foreign_handle make;
      enum verdict verdict;
   } foreign[] = {
      { "an event", foreign_event, BAD_UNMAPPED },
      { "a mutex", foreign_mutex, BAD_UNMAPPED },
      { "a Win32 semaphore", foreign_win32_semaphore, BAD_UNMAPPED },
      { "a timer", foreign_timer, BAD_UNMAPPED },
      { "a file", foreign_file, BAD_UNMAPPED },
      { "a pipe", foreign_pipe, BAD_UNMAPPED },
      { "a process", foreign_process, BAD_UNMAPPED },
      { "a thread", foreign_thread, BAD_UNMAPPED },
      { "a token", foreign_token, BAD_UNMAPPED },
      { "this process", foreign_current_process, BAD_UNMAPPED },
      { "this thread", foreign_current_thread, BAD_UNMAPPED },
      { "NULL", foreign_null, BAD_UNMAPPED },
      { "a file's section", foreign_file_section, BAD_UNMAPPED },
      { "a program's section", foreign_image_section, BAD_UNMAPPED },
      { "reserved memory", foreign_reserve_section, BAD_UNMAPPED },
      { "a section of zeros", foreign_zero_section, BAD },
      { "a section of garbage", foreign_random_section, BAD },
      { "a huge section", foreign_huge_section, BAD },
      { "a section to be read", foreign_read_only, BAD },
      { "a section to be queried", foreign_query_only, BAD },
   };

   for (unsigned i = 0; i < TEST_COUNT(foreign); i++)
      add(wrong, foreign[i].what, foreign[i].make(wrong->genuine),
          foreign[i].verdict);
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

HANDLE
wrong_image_section(const wchar_t *name)
{
   wchar_t path[MAX_PATH];

   REQUIRE(GetModuleFileNameW(NULL, path, MAX_PATH) < MAX_PATH);
   HANDLE file = CreateFileW(path, GENERIC_READ | GENERIC_EXECUTE,
                             FILE_SHARE_READ | FILE_SHARE_DELETE, NULL,
                             OPEN_EXISTING, 0, NULL);
   HANDLE section = CreateFileMappingW(file, NULL, PAGE_READONLY | SEC_IMAGE,
                                       0, 0, name);
   CloseHandle(file);
   return section;
}

/* The same contents, in sections of other kinds */
static void
add_sections(struct wrong_handles *wrong)
{
   const SIZE_T size = sizeof(struct vk_sync_win32_layout);

   add_section(wrong, "a section that cannot be written", size, PAGE_READONLY,
               BAD);
   add_section(wrong, "a section that is copied when it is written", size,
               PAGE_WRITECOPY, BAD);
   add_section(wrong, "uncached memory", size,
               PAGE_READWRITE | SEC_COMMIT | SEC_NOCACHE, BAD_UNMAPPED);
   add_section(wrong, "reserved and uncached memory", size,
               PAGE_READWRITE | SEC_RESERVE | SEC_NOCACHE, BAD_UNMAPPED);

   /* Nothing is wrong with these. */
   add_section(wrong, "a copy of a payload", size, PAGE_READWRITE, GOOD);
   add_section(wrong, "a larger copy of a payload", 20 * size, PAGE_READWRITE,
               GOOD);
   add(wrong, "a payload", wrong->genuine, GOOD);
}

void
wrong_handles_create(struct wrong_handles wrong[FUZZ_KINDS])
{
   for (unsigned i = 0; i < FUZZ_KINDS; i++) {
      wrong[i] = (struct wrong_handles) {
         .kind = VK_SYNC_WIN32_KIND_FENCE + i,
      };
      wrong[i].sync = fuzz_shared_sync(wrong[i].kind, NULL, true);
      wrong[i].genuine = fuzz_export(wrong[i].sync);
      add_foreign(&wrong[i]);
      add_sections(&wrong[i]);
   }
}

void
wrong_handles_destroy(struct wrong_handles wrong[FUZZ_KINDS])
{
   for (unsigned i = 0; i < FUZZ_KINDS; i++) {
      fuzz_destroy(wrong[i].sync);
      CloseHandle(wrong[i].genuine);
   }
}

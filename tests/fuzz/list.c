/* SPDX-License-Identifier: MIT */
#include "import.h"

#include <string.h>
#include <wchar.h>

#include "foreign_handles.h"

struct list lists[FUZZ_KINDS];

static struct attempt *
add(struct list *list, const char *what, enum verdict verdict, HANDLE handle)
{
   REQUIRE(list->count < TEST_COUNT(list->all));
   struct attempt *attempt = &list->all[list->count++];

   *attempt = (struct attempt) {
      .what = what, .verdict = verdict, .kind = list->kind, .handle = handle,
   };
   return attempt;
}

/* Returns the name, with or without a prefix. */
static const wchar_t *
add_name(struct list *list, const char *what, enum verdict verdict)
{
   REQUIRE(list->name_count < TEST_COUNT(list->names));

   wchar_t *name = list->names[list->name_count++];
   swprintf(name, TEST_COUNT(list->names[0]), L"%lsmesa-fuzz-%lu-%08x",
            list->name_count & 1 ? L"Local\\" : L"",
            (unsigned long)GetCurrentProcessId(), (uint32_t)test_random());
   add(list, what, verdict, NULL)->name = name;
   return name;
}

/* The kernel says the same of all that is no section; of these, only what may
 * be a payload is mapped.
 */
static void
add_foreign(struct list *list)
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
      add(list, foreign[i].what, foreign[i].verdict,
          foreign[i].make(list->genuine));
}

HANDLE
make_section(const struct vk_sync_win32_layout *contents, SIZE_T size,
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
      memcpy(view, contents, MIN2(sizeof(*contents), info.RegionSize));
      UnmapViewOfFile(view);
   }
   return section;
}

/* The same contents, in sections of other kinds */
static void
add_sections(struct list *list)
{
   const SIZE_T size = sizeof(struct vk_sync_win32_layout);
   const struct {
      const char *what;
      SIZE_T size;
      DWORD protection;
      enum verdict verdict;
   } sections[] = {
      { "a section that cannot be written", size, PAGE_READONLY, BAD },
      { "a section that is copied when it is written", size, PAGE_WRITECOPY,
        BAD },
      { "uncached memory", size, PAGE_READWRITE | SEC_COMMIT | SEC_NOCACHE,
        BAD_UNMAPPED },
      { "reserved and uncached memory", size,
        PAGE_READWRITE | SEC_RESERVE | SEC_NOCACHE, BAD_UNMAPPED },
      /* Nothing is wrong with these. */
      { "a copy of a payload", size, PAGE_READWRITE, GOOD },
      { "a larger copy of a payload", 20 * size, PAGE_READWRITE, GOOD },
   };

   for (unsigned i = 0; i < TEST_COUNT(sections); i++) {
      HANDLE section =
         make_section(unit_layout(list->sync), sections[i].size,
                      sections[i].protection, NULL);

      if (section != NULL)
         add(list, sections[i].what, sections[i].verdict,
             test_own_handle(section));
   }
   add(list, "a payload", GOOD, list->genuine);
}

static void
keep(HANDLE handle)
{
   REQUIRE(handle != NULL);
   test_own_handle(handle);
}

static void
add_names(struct list *list)
{
   static const struct vk_sync_win32_layout zeros;
   const struct vk_sync_win32_layout *layout = unit_layout(list->sync);
   const SIZE_T size = sizeof(*layout);

   list->named = fuzz_shared_sync(
      list->kind, add_name(list, "a payload's name", GOOD), false);
   keep(make_section(layout, size, PAGE_READWRITE,
                     add_name(list, "the name of a copy", GOOD)));
   keep(make_section(&zeros, size, PAGE_READWRITE,
                     add_name(list, "the name of zeros", BAD)));
   keep(make_section(layout, size, PAGE_READWRITE | SEC_RESERVE,
                     add_name(list, "the name of reserved memory",
                              BAD_UNMAPPED)));
   keep(CreateEventW(NULL, TRUE, FALSE,
                     add_name(list, "an event's name", BAD_UNMAPPED)));
}

static void
add_numbers(struct list *list)
{
   add(list, "a number as a handle", BAD_UNMAPPED, list->number);
   add(list, "a number", GOOD, list->number)->type = FUZZ_NUMBER;
   add(list, "a handle as a number", BAD_UNMAPPED, list->genuine)->type =
      FUZZ_NUMBER;
}

void
create_lists(void)
{
   for (unsigned i = 0; i < FUZZ_KINDS; i++) {
      struct list *list = &lists[i];

      *list = (struct list) { .kind = VK_SYNC_WIN32_KIND_FENCE + i };
      list->sync = fuzz_shared_sync(list->kind, NULL, true);
      list->genuine = fuzz_export(list->sync, FUZZ_NT_HANDLE);
      list->number = fuzz_export(list->sync, FUZZ_NUMBER);
      add_foreign(list);
      add_sections(list);
      add_names(list);
      add_numbers(list);
   }
}

void
destroy_lists(void)
{
   for (unsigned i = 0; i < FUZZ_KINDS; i++) {
      fuzz_destroy(lists[i].sync);
      fuzz_destroy(lists[i].named);
      CloseHandle(lists[i].genuine);
   }
}

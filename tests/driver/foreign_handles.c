/* SPDX-License-Identifier: MIT */
#include "foreign_handles.h"

#include <string.h>

#include "unused.h"

static HANDLE
required(HANDLE handle)
{
   REQUIRE(handle != NULL && handle != INVALID_HANDLE_VALUE);
   return test_own_handle(handle);
}

static HANDLE
duplicate(HANDLE handle, DWORD access, DWORD options)
{
   HANDLE copy = NULL;

   REQUIRE(DuplicateHandle(GetCurrentProcess(), handle, GetCurrentProcess(),
                           &copy, access, FALSE, options));
   return required(copy);
}

HANDLE
foreign_null(UNUSED HANDLE genuine)
{
   return NULL;
}

HANDLE
foreign_current_process(UNUSED HANDLE genuine)
{
   return GetCurrentProcess();
}

HANDLE
foreign_current_thread(UNUSED HANDLE genuine)
{
   return GetCurrentThread();
}

HANDLE
foreign_closed(HANDLE genuine)
{
   HANDLE copy = duplicate(genuine, 0, DUPLICATE_SAME_ACCESS);

   test_close(copy);
   return copy;
}

HANDLE
foreign_event(UNUSED HANDLE genuine)
{
   return required(CreateEventW(NULL, TRUE, FALSE, NULL));
}

HANDLE
foreign_mutex(UNUSED HANDLE genuine)
{
   return required(CreateMutexW(NULL, FALSE, NULL));
}

HANDLE
foreign_win32_semaphore(UNUSED HANDLE genuine)
{
   return required(CreateSemaphoreW(NULL, 0, 1, NULL));
}

HANDLE
foreign_timer(UNUSED HANDLE genuine)
{
   return required(CreateWaitableTimerW(NULL, FALSE, NULL));
}

HANDLE
foreign_file(UNUSED HANDLE genuine)
{
   wchar_t folder[MAX_PATH], path[MAX_PATH];

   REQUIRE(GetTempPathW(MAX_PATH, folder));
   REQUIRE(GetTempFileNameW(folder, L"lvp", 0, path));
   return required(CreateFileW(path, GENERIC_READ | GENERIC_WRITE, 0, NULL,
                               CREATE_ALWAYS, FILE_FLAG_DELETE_ON_CLOSE,
                               NULL));
}

HANDLE
foreign_pipe(UNUSED HANDLE genuine)
{
   HANDLE in, out;

   REQUIRE(CreatePipe(&in, &out, NULL, 0));
   test_own_handle(out);
   return test_own_handle(in);
}

HANDLE
foreign_process(UNUSED HANDLE genuine)
{
   return duplicate(GetCurrentProcess(), PROCESS_QUERY_LIMITED_INFORMATION, 0);
}

HANDLE
foreign_thread(UNUSED HANDLE genuine)
{
   return duplicate(GetCurrentThread(), 0, DUPLICATE_SAME_ACCESS);
}

HANDLE
foreign_token(UNUSED HANDLE genuine)
{
   HANDLE token = NULL;

   REQUIRE(OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token));
   return required(token);
}

static HANDLE
create_section(HANDLE file, DWORD protection, SIZE_T size)
{
   return required(CreateFileMappingW(file, NULL, protection, 0, (DWORD)size,
                                      NULL));
}

/* In pages */
static SIZE_T
section_size(HANDLE section)
{
   MEMORY_BASIC_INFORMATION info;
   void *view = MapViewOfFile(section, FILE_MAP_READ, 0, 0, 0);

   REQUIRE(view != NULL);
   REQUIRE(VirtualQuery(view, &info, sizeof(info)));
   UnmapViewOfFile(view);
   return info.RegionSize;
}

HANDLE
foreign_zero_section(HANDLE genuine)
{
   return create_section(INVALID_HANDLE_VALUE, PAGE_READWRITE,
                         section_size(genuine));
}

HANDLE
foreign_random_section(HANDLE genuine)
{
   HANDLE section = foreign_zero_section(genuine);
   const SIZE_T size = section_size(section);
   uint64_t *words = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);

   REQUIRE(words != NULL);
   for (SIZE_T i = 0; i < size / sizeof(*words); i++)
      words[i] = test_random();
   UnmapViewOfFile(words);
   return section;
}

HANDLE
foreign_small_section(UNUSED HANDLE genuine)
{
   return create_section(INVALID_HANDLE_VALUE, PAGE_READWRITE, 16);
}

HANDLE
foreign_huge_section(UNUSED HANDLE genuine)
{
   return create_section(INVALID_HANDLE_VALUE, PAGE_READWRITE,
                         64u * 1024 * 1024);
}

/* With the genuine contents only the kind of section is wrong. */
static HANDLE
create_copy(HANDLE genuine, HANDLE file, DWORD protection)
{
   const SIZE_T size = section_size(genuine);
   HANDLE section = create_section(file, protection, size);
   void *from = MapViewOfFile(genuine, FILE_MAP_READ, 0, 0, 0);
   void *to = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);

   REQUIRE(from != NULL);
   REQUIRE(to != NULL);
   /* What SEC_RESERVE wants. Fails, harmlessly, for other sections. */
   VirtualAlloc(to, size, MEM_COMMIT, PAGE_READWRITE);
   memcpy(to, from, size);
   UnmapViewOfFile(from);
   UnmapViewOfFile(to);
   return section;
}

HANDLE
foreign_file_section(HANDLE genuine)
{
   return create_copy(genuine, foreign_file(genuine), PAGE_READWRITE);
}

HANDLE
foreign_image_section(UNUSED HANDLE genuine)
{
   wchar_t path[MAX_PATH];
   HANDLE file;

   REQUIRE(GetModuleFileNameW(NULL, path, MAX_PATH) < MAX_PATH);
   file = required(CreateFileW(path, GENERIC_READ | GENERIC_EXECUTE,
                               FILE_SHARE_READ | FILE_SHARE_DELETE, NULL,
                               OPEN_EXISTING, 0, NULL));
   return create_section(file, PAGE_READONLY | SEC_IMAGE, 0);
}

HANDLE
foreign_reserve_section(HANDLE genuine)
{
   return create_copy(genuine, INVALID_HANDLE_VALUE,
                      PAGE_READWRITE | SEC_RESERVE);
}

HANDLE
foreign_read_only(HANDLE genuine)
{
   return duplicate(genuine, SECTION_QUERY | SECTION_MAP_READ, 0);
}

HANDLE
foreign_query_only(HANDLE genuine)
{
   return duplicate(genuine, SECTION_QUERY, 0);
}

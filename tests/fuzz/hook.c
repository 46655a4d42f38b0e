/* SPDX-License-Identifier: MIT */

/* Replaces what a module imports, to see what it asks the system for. */
#include "fuzz.h"

#include <string.h>

static struct fuzz_counts counts;

/* Thread-local variables may take memory, by the calls that are hooked. */
static struct {
   DWORD thread;
   uint32_t left;
   DWORD error;
} failure;

void
fuzz_fail(uint32_t nth, DWORD error)
{
   failure.thread = GetCurrentThreadId();
   failure.left = nth;
   failure.error = error;
}

bool
fuzz_will_fail(void)
{
   return failure.left != 0;
}

static bool
must_fail(void)
{
   if (failure.left == 0 || failure.thread != GetCurrentThreadId() ||
       --failure.left != 0)
      return false;

   SetLastError(failure.error);
   return true;
}

/* Modulo 2^64 */
static void
add(uint64_t *count, int n)
{
   InterlockedExchangeAdd64((volatile LONG64 *)count, n);
}

static HANDLE
count_handle(HANDLE handle)
{
   add(&counts.handles, handle != NULL && handle != INVALID_HANDLE_VALUE);
   return handle;
}

static HANDLE
count_process(HANDLE process)
{
   add(&counts.processes, 1);
   return count_handle(process);
}

static void *
count_view(void *view)
{
   add(&counts.maps, 1);
   add(&counts.views, view != NULL);
   return view;
}

static void *
count_memory(void *memory)
{
   add(&counts.allocations, memory != NULL);
   return memory;
}

/* real_NAME is what the module has imported, hook_NAME what it gets instead:
 * for those that fail in one way and give what is counted.
 */
#define HOOK(type, convention, name, count, parameters, arguments) \
   static type(convention *real_##name) parameters; \
   static type convention hook_##name parameters \
   { \
      return must_fail() ? NULL : count(real_##name arguments); \
   }

HOOK(HANDLE, WINAPI, OpenFileMappingW, count_handle,
     (DWORD access, BOOL inherit, const wchar_t *name),
     (access, inherit, name))
HOOK(HANDLE, WINAPI, CreateFileMappingW, count_handle,
     (HANDLE file, SECURITY_ATTRIBUTES *attributes, DWORD protection,
      DWORD high, DWORD low, const wchar_t *name),
     (file, attributes, protection, high, low, name))
HOOK(HANDLE, WINAPI, OpenSemaphoreW, count_handle,
     (DWORD access, BOOL inherit, const wchar_t *name),
     (access, inherit, name))
HOOK(HANDLE, WINAPI, CreateSemaphoreW, count_handle,
     (SECURITY_ATTRIBUTES *attributes, LONG initial, LONG maximum,
      const wchar_t *name), (attributes, initial, maximum, name))
HOOK(HANDLE, WINAPI, CreateEventW, count_handle,
     (SECURITY_ATTRIBUTES *attributes, BOOL manual, BOOL set,
      const wchar_t *name), (attributes, manual, set, name))
HOOK(HANDLE, WINAPI, OpenProcess, count_process,
     (DWORD access, BOOL inherit, DWORD id), (access, inherit, id))
HOOK(void *, WINAPI, MapViewOfFile, count_view,
     (HANDLE section, DWORD access, DWORD high, DWORD low, SIZE_T size),
     (section, access, high, low, size))
HOOK(void *, __cdecl, malloc, count_memory, (size_t size), (size))
HOOK(void *, __cdecl, calloc, count_memory, (size_t number, size_t size),
     (number, size))
HOOK(void *, __cdecl, _aligned_malloc, count_memory,
     (size_t size, size_t alignment), (size, alignment))

static BOOL(WINAPI *real_UnmapViewOfFile)(const void *);

static BOOL WINAPI
hook_UnmapViewOfFile(const void *view)
{
   const BOOL done = real_UnmapViewOfFile(view);

   add(done ? &counts.views : &counts.wrong_closes, done ? -1 : 1);
   return done;
}

static BOOL(WINAPI *real_CloseHandle)(HANDLE);

static BOOL WINAPI
hook_CloseHandle(HANDLE handle)
{
   const BOOL done = real_CloseHandle(handle);

   add(done ? &counts.handles : &counts.wrong_closes, done ? -1 : 1);
   return done;
}

static BOOL(WINAPI *real_DuplicateHandle)(HANDLE, HANDLE, HANDLE, HANDLE *,
                                          DWORD, BOOL, DWORD);

static BOOL WINAPI
hook_DuplicateHandle(HANDLE from, HANDLE handle, HANDLE to, HANDLE *copy,
                     DWORD access, BOOL inherit, DWORD options)
{
   const BOOL done = !must_fail() &&
      real_DuplicateHandle(from, handle, to, copy, access, inherit, options);

   add(&counts.wrong_closes, (options & DUPLICATE_CLOSE_SOURCE) != 0);
   if (done && to == GetCurrentProcess())
      count_handle(*copy);
   return done;
}

static uintptr_t (*real__beginthreadex)(void *, unsigned,
                                        unsigned(__stdcall *)(void *), void *,
                                        unsigned, unsigned *);

static uintptr_t
hook__beginthreadex(void *security, unsigned stack,
                    unsigned(__stdcall *start)(void *), void *data,
                    unsigned flags, unsigned *id)
{
   /* Before, since the new thread may look at the counts first */
   add(&counts.handles, 1);

   const uintptr_t thread =
      real__beginthreadex(security, stack, start, data, flags, id);
   if (thread == 0)
      add(&counts.handles, -1);
   return thread;
}

static void *(*real_realloc)(void *, size_t);

static void *
hook_realloc(void *old, size_t size)
{
   void *memory = real_realloc(old, size);

   if (old == NULL)
      return count_memory(memory);
   add(&counts.allocations, -(size == 0));
   return memory;
}

static void (*real_free)(void *);

static void
hook_free(void *memory)
{
   add(&counts.allocations, -(memory != NULL));
   real_free(memory);
}

static void (*real__aligned_free)(void *);

static void
hook__aligned_free(void *memory)
{
   add(&counts.allocations, -(memory != NULL));
   real__aligned_free(memory);
}

#define ENTRY(name) { #name, (void (*)(void))hook_##name, &real_##name }

static const struct {
   const char *name;
   void (*hook)(void);
   void *real;
} hooks[] = {
   ENTRY(MapViewOfFile),
   ENTRY(UnmapViewOfFile),
   ENTRY(CloseHandle),
   ENTRY(DuplicateHandle),
   ENTRY(OpenFileMappingW),
   ENTRY(CreateFileMappingW),
   ENTRY(OpenSemaphoreW),
   ENTRY(CreateSemaphoreW),
   ENTRY(CreateEventW),
   ENTRY(OpenProcess),
   ENTRY(_beginthreadex),
   ENTRY(malloc),
   ENTRY(calloc),
   ENTRY(realloc),
   ENTRY(free),
   ENTRY(_aligned_malloc),
   ENTRY(_aligned_free),
};

static void
hook_import(const char *name, ULONG_PTR *slot)
{
   for (unsigned i = 0; i < TEST_COUNT(hooks); i++) {
      DWORD old;

      if (strcmp(hooks[i].name, name) != 0 ||
          *slot == (ULONG_PTR)hooks[i].hook)
         continue;

      memcpy(hooks[i].real, slot, sizeof(*slot));
      REQUIRE(VirtualProtect(slot, sizeof(*slot), PAGE_READWRITE, &old));
      *slot = (ULONG_PTR)hooks[i].hook;
      VirtualProtect(slot, sizeof(*slot), old, &old);
      return;
   }
}

void
fuzz_hook_module(HMODULE module)
{
   char *base = (char *)module;
   const IMAGE_NT_HEADERS *headers = (const IMAGE_NT_HEADERS *)
      (base + ((const IMAGE_DOS_HEADER *)base)->e_lfanew);
   const IMAGE_DATA_DIRECTORY *directory =
      &headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT];

   REQUIRE(directory->Size != 0);
   for (const IMAGE_IMPORT_DESCRIPTOR *import =
           (const IMAGE_IMPORT_DESCRIPTOR *)(base + directory->VirtualAddress);
        import->Name != 0; import++) {
      const IMAGE_THUNK_DATA *names =
         (const IMAGE_THUNK_DATA *)(base + import->OriginalFirstThunk);
      IMAGE_THUNK_DATA *slots = (IMAGE_THUNK_DATA *)(base + import->FirstThunk);

      if (import->OriginalFirstThunk == 0)
         continue;
      for (unsigned i = 0; names[i].u1.AddressOfData != 0; i++) {
         const IMAGE_IMPORT_BY_NAME *by_name = (const IMAGE_IMPORT_BY_NAME *)
            (base + names[i].u1.AddressOfData);

         if (!IMAGE_SNAP_BY_ORDINAL(names[i].u1.Ordinal))
            hook_import((const char *)by_name->Name, &slots[i].u1.Function);
      }
   }

   REQUIRE(real_MapViewOfFile != NULL && real_UnmapViewOfFile != NULL &&
           real_CloseHandle != NULL && real_DuplicateHandle != NULL &&
           real_OpenFileMappingW != NULL);
}

struct fuzz_counts
fuzz_count(void)
{
   return counts;
}

void
fuzz_expect_counts(const struct fuzz_counts *before, bool handles, bool memory)
{
   const struct fuzz_counts now = counts;

   EXPECT_U64(now.wrong_closes, before->wrong_closes);
   EXPECT_U64(now.views, before->views);
   if (handles)
      EXPECT_U64(now.handles, before->handles);
   if (memory)
      EXPECT_U64(now.allocations, before->allocations);
}

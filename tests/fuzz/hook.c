/* SPDX-License-Identifier: MIT */

/* Replaces what a module imports, to see what it asks the system for. */
#include "fuzz.h"

#include <string.h>

static struct {
   volatile LONG64 maps, processes, views, handles, allocations, wrong_closes;
   HANDLE volatile guarded;
   bool has_allocations;
} counts;

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

static void
add(volatile LONG64 *count, LONG64 n)
{
   InterlockedExchangeAdd64(count, n);
}

static HANDLE
count_handle(HANDLE handle)
{
   if (handle != NULL && handle != INVALID_HANDLE_VALUE)
      add(&counts.handles, 1);
   return handle;
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
#define HOOK_HANDLE(name, parameters, arguments) \
   static HANDLE(WINAPI *real_##name) parameters; \
   static HANDLE WINAPI hook_##name parameters \
   { \
      return must_fail() ? NULL : count_handle(real_##name arguments); \
   }
#define HOOK_MEMORY(name, parameters, arguments) \
   static void *(*real_##name) parameters; \
   static void *hook_##name parameters \
   { \
      return must_fail() ? NULL : count_memory(real_##name arguments); \
   }

HOOK_HANDLE(OpenFileMappingW, (DWORD access, BOOL inherit, const wchar_t *name),
            (access, inherit, name))
HOOK_HANDLE(CreateFileMappingW,
            (HANDLE file, SECURITY_ATTRIBUTES *attributes, DWORD protection,
             DWORD high, DWORD low, const wchar_t *name),
            (file, attributes, protection, high, low, name))
HOOK_HANDLE(OpenSemaphoreW, (DWORD access, BOOL inherit, const wchar_t *name),
            (access, inherit, name))
HOOK_HANDLE(CreateSemaphoreW,
            (SECURITY_ATTRIBUTES *attributes, LONG initial, LONG maximum,
             const wchar_t *name), (attributes, initial, maximum, name))
HOOK_HANDLE(CreateEventW,
            (SECURITY_ATTRIBUTES *attributes, BOOL manual, BOOL set,
             const wchar_t *name), (attributes, manual, set, name))
HOOK_MEMORY(malloc, (size_t size), (size))
HOOK_MEMORY(calloc, (size_t count, size_t size), (count, size))
HOOK_MEMORY(_aligned_malloc, (size_t size, size_t alignment),
            (size, alignment))

static void *(WINAPI *real_MapViewOfFile)(HANDLE, DWORD, DWORD, DWORD, SIZE_T);

static void *WINAPI
hook_MapViewOfFile(HANDLE section, DWORD access, DWORD high, DWORD low,
                   SIZE_T size)
{
   void *view = must_fail() ? NULL :
                real_MapViewOfFile(section, access, high, low, size);

   add(&counts.maps, 1);
   add(&counts.views, view != NULL);
   return view;
}

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
   const bool guarded = counts.guarded != NULL && handle == counts.guarded;
   const BOOL done = real_CloseHandle(handle);

   if (done)
      add(&counts.handles, -1);
   add(&counts.wrong_closes, !done || guarded);
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

static HANDLE(WINAPI *real_OpenProcess)(DWORD, BOOL, DWORD);

static HANDLE WINAPI
hook_OpenProcess(DWORD access, BOOL inherit, DWORD id)
{
   add(&counts.processes, 1);
   return count_handle(real_OpenProcess(access, inherit, id));
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

#define HOOK(name) { #name, (void (*)(void))hook_##name, &real_##name }

static const struct {
   const char *name;
   void (*hook)(void);
   void *real;
} hooks[] = {
   HOOK(MapViewOfFile),
   HOOK(UnmapViewOfFile),
   HOOK(CloseHandle),
   HOOK(DuplicateHandle),
   HOOK(OpenFileMappingW),
   HOOK(CreateFileMappingW),
   HOOK(OpenSemaphoreW),
   HOOK(CreateSemaphoreW),
   HOOK(CreateEventW),
   HOOK(OpenProcess),
   HOOK(_beginthreadex),
   HOOK(malloc),
   HOOK(calloc),
   HOOK(realloc),
   HOOK(free),
   HOOK(_aligned_malloc),
   HOOK(_aligned_free),
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

   /* A C runtime that is linked in is not imported: then allocations are not
    * counted, and everything else is.
    */
   counts.has_allocations = real_malloc != NULL && real_calloc != NULL &&
                            real_free != NULL;
   REQUIRE(real_MapViewOfFile != NULL && real_UnmapViewOfFile != NULL &&
           real_CloseHandle != NULL && real_DuplicateHandle != NULL &&
           real_OpenFileMappingW != NULL);
}

struct fuzz_counts
fuzz_count(void)
{
   return (struct fuzz_counts) {
      .maps = (uint64_t)counts.maps,
      .processes = (uint64_t)counts.processes,
      .views = counts.views,
      .handles = counts.handles,
      .allocations = counts.has_allocations ? counts.allocations : 0,
      .wrong_closes = (uint64_t)counts.wrong_closes,
   };
}

void
fuzz_guard_handle(HANDLE handle)
{
   counts.guarded = handle;
}

/* SPDX-License-Identifier: MIT */

/* Replaces what a module imports, to see what it asks the system for. */
#include "fuzz.h"

#include <string.h>

static struct {
   volatile LONG64 maps, processes, views, handles, allocations, wrong_closes;
   HANDLE volatile guarded;
   bool has_allocations;
} counts;

static struct {
   void *(WINAPI *map)(HANDLE, DWORD, DWORD, DWORD, SIZE_T);
   BOOL(WINAPI *unmap)(const void *);
   BOOL(WINAPI *close)(HANDLE);
   BOOL(WINAPI *duplicate)(HANDLE, HANDLE, HANDLE, HANDLE *, DWORD, BOOL,
                           DWORD);
   HANDLE(WINAPI *open_section)(DWORD, BOOL, const wchar_t *);
   HANDLE(WINAPI *create_section)(HANDLE, SECURITY_ATTRIBUTES *, DWORD, DWORD,
                                  DWORD, const wchar_t *);
   HANDLE(WINAPI *open_semaphore)(DWORD, BOOL, const wchar_t *);
   HANDLE(WINAPI *create_semaphore)(SECURITY_ATTRIBUTES *, LONG, LONG,
                                    const wchar_t *);
   HANDLE(WINAPI *create_event)(SECURITY_ATTRIBUTES *, BOOL, BOOL,
                                const wchar_t *);
   HANDLE(WINAPI *create_mutex)(SECURITY_ATTRIBUTES *, BOOL, const wchar_t *);
   HANDLE(WINAPI *create_file)(const wchar_t *, DWORD, DWORD,
                               SECURITY_ATTRIBUTES *, DWORD, DWORD, HANDLE);
   HANDLE(WINAPI *open_process)(DWORD, BOOL, DWORD);
   uintptr_t (*begin_thread)(void *, unsigned, unsigned(__stdcall *)(void *),
                             void *, unsigned, unsigned *);
   void *(*malloc)(size_t);
   void *(*calloc)(size_t, size_t);
   void *(*realloc)(void *, size_t);
   void (*free)(void *);
   void *(*aligned_malloc)(size_t, size_t);
   void (*aligned_free)(void *);
} real;

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

static void *WINAPI
hook_map(HANDLE section, DWORD access, DWORD high, DWORD low, SIZE_T size)
{
   void *view = must_fail() ? NULL :
                real.map(section, access, high, low, size);

   add(&counts.maps, 1);
   add(&counts.views, view != NULL);
   return view;
}

static BOOL WINAPI
hook_unmap(const void *view)
{
   const BOOL done = real.unmap(view);

   if (done)
      add(&counts.views, -1);
   else
      add(&counts.wrong_closes, 1);
   return done;
}

static BOOL WINAPI
hook_close(HANDLE handle)
{
   const bool guarded = counts.guarded != NULL && handle == counts.guarded;
   const BOOL done = real.close(handle);

   if (done)
      add(&counts.handles, -1);
   add(&counts.wrong_closes, !done || guarded);
   return done;
}

static BOOL WINAPI
hook_duplicate(HANDLE from, HANDLE handle, HANDLE to, HANDLE *copy,
               DWORD access, BOOL inherit, DWORD options)
{
   const BOOL done = !must_fail() &&
      real.duplicate(from, handle, to, copy, access, inherit, options);

   add(&counts.wrong_closes, (options & DUPLICATE_CLOSE_SOURCE) != 0);
   if (done && to == GetCurrentProcess())
      count_handle(*copy);
   return done;
}

static HANDLE WINAPI
hook_open_section(DWORD access, BOOL inherit, const wchar_t *name)
{
   return must_fail() ? NULL :
          count_handle(real.open_section(access, inherit, name));
}

static HANDLE WINAPI
hook_create_section(HANDLE file, SECURITY_ATTRIBUTES *attributes,
                    DWORD protection, DWORD high, DWORD low,
                    const wchar_t *name)
{
   return must_fail() ? NULL :
          count_handle(real.create_section(file, attributes, protection, high,
                                           low, name));
}

static HANDLE WINAPI
hook_open_semaphore(DWORD access, BOOL inherit, const wchar_t *name)
{
   return must_fail() ? NULL :
          count_handle(real.open_semaphore(access, inherit, name));
}

static HANDLE WINAPI
hook_create_semaphore(SECURITY_ATTRIBUTES *attributes, LONG initial,
                      LONG maximum, const wchar_t *name)
{
   return must_fail() ? NULL :
          count_handle(real.create_semaphore(attributes, initial, maximum,
                                             name));
}

static HANDLE WINAPI
hook_create_event(SECURITY_ATTRIBUTES *attributes, BOOL manual, BOOL set,
                  const wchar_t *name)
{
   return must_fail() ? NULL :
          count_handle(real.create_event(attributes, manual, set, name));
}

static HANDLE WINAPI
hook_create_mutex(SECURITY_ATTRIBUTES *attributes, BOOL owned,
                  const wchar_t *name)
{
   return count_handle(real.create_mutex(attributes, owned, name));
}

static HANDLE WINAPI
hook_create_file(const wchar_t *name, DWORD access, DWORD share,
                 SECURITY_ATTRIBUTES *attributes, DWORD creation, DWORD flags,
                 HANDLE like)
{
   return count_handle(real.create_file(name, access, share, attributes,
                                        creation, flags, like));
}

static HANDLE WINAPI
hook_open_process(DWORD access, BOOL inherit, DWORD id)
{
   add(&counts.processes, 1);
   return count_handle(real.open_process(access, inherit, id));
}

static uintptr_t
hook_begin_thread(void *security, unsigned stack,
                  unsigned(__stdcall *start)(void *), void *data,
                  unsigned flags, unsigned *id)
{
   /* Before, since the new thread may look at the counts first */
   add(&counts.handles, 1);

   const uintptr_t thread =
      real.begin_thread(security, stack, start, data, flags, id);
   if (thread == 0)
      add(&counts.handles, -1);
   return thread;
}

static void *
hook_malloc(size_t size)
{
   void *memory = must_fail() ? NULL : real.malloc(size);

   add(&counts.allocations, memory != NULL);
   return memory;
}

static void *
hook_calloc(size_t count, size_t size)
{
   void *memory = must_fail() ? NULL : real.calloc(count, size);

   add(&counts.allocations, memory != NULL);
   return memory;
}

static void *
hook_realloc(void *old, size_t size)
{
   const bool frees = old != NULL && size == 0;
   const bool allocates = old == NULL;
   void *memory = real.realloc(old, size);

   add(&counts.allocations, (allocates && memory != NULL) - frees);
   return memory;
}

static void
hook_free(void *memory)
{
   add(&counts.allocations, -(memory != NULL));
   real.free(memory);
}

static void *
hook_aligned_malloc(size_t size, size_t alignment)
{
   void *memory = must_fail() ? NULL : real.aligned_malloc(size, alignment);

   add(&counts.allocations, memory != NULL);
   return memory;
}

static void
hook_aligned_free(void *memory)
{
   add(&counts.allocations, -(memory != NULL));
   real.aligned_free(memory);
}

#define HOOK(name, member) \
   { name, (void (*)(void))hook_##member, &real.member }

static const struct {
   const char *name;
   void (*hook)(void);
   void *real;
} hooks[] = {
   HOOK("MapViewOfFile", map),
   HOOK("UnmapViewOfFile", unmap),
   HOOK("CloseHandle", close),
   HOOK("DuplicateHandle", duplicate),
   HOOK("OpenFileMappingW", open_section),
   HOOK("CreateFileMappingW", create_section),
   HOOK("OpenSemaphoreW", open_semaphore),
   HOOK("CreateSemaphoreW", create_semaphore),
   HOOK("CreateEventW", create_event),
   HOOK("CreateMutexW", create_mutex),
   HOOK("CreateFileW", create_file),
   HOOK("OpenProcess", open_process),
   HOOK("_beginthreadex", begin_thread),
   HOOK("malloc", malloc),
   HOOK("calloc", calloc),
   HOOK("realloc", realloc),
   HOOK("free", free),
   HOOK("_aligned_malloc", aligned_malloc),
   HOOK("_aligned_free", aligned_free),
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
   counts.has_allocations = real.malloc != NULL && real.calloc != NULL &&
                            real.free != NULL;
   REQUIRE(real.map != NULL && real.unmap != NULL && real.close != NULL &&
           real.duplicate != NULL && real.open_section != NULL);
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

/* SPDX-License-Identifier: MIT */

/* Imports and exports by name */
#include "import.h"

#include <string.h>
#include <wchar.h>
#include <wctype.h>

#define MAX_LENGTH 40000
#define KNOWN_LENGTH 48
#define MAX_KNOWN 32

struct known {
   wchar_t name[KNOWN_LENGTH];
   struct attempt attempt;
};

static struct {
   struct vk_sync *syncs[2][FUZZ_KINDS];
   struct known known[MAX_KNOWN];
   unsigned count;

   /* Room for a name with nothing behind it: who reads on is found out. */
   wchar_t *end;
} names;

static void
free_deferred(void *data)
{
   VirtualFree(data, 0, MEM_RELEASE);
}

static wchar_t *
allocate_end(void)
{
   const SIZE_T page = 65536;
   const SIZE_T size =
      ((MAX_LENGTH + 1) * sizeof(wchar_t) + page - 1) / page * page;
   char *base = VirtualAlloc(NULL, size + page, MEM_RESERVE, PAGE_NOACCESS);

   REQUIRE(base != NULL);
   REQUIRE(VirtualAlloc(base, size, MEM_COMMIT, PAGE_READWRITE) == base);
   test_defer(free_deferred, base);
   return (wchar_t *)(base + size);
}

/* Returns where the name is: right before the end. */
static wchar_t *
place(const wchar_t *text, size_t length)
{
   wchar_t *name = names.end - length - 1;

   memmove(name, text, length * sizeof(*name));
   name[length] = 0;
   return name;
}

/* The kind is of what is a payload. */
static const wchar_t *
add_known(const char *what, const wchar_t *prefix, enum verdict verdict,
          enum vk_sync_win32_kind kind)
{
   struct known *known = &names.known[names.count];

   REQUIRE(names.count < MAX_KNOWN);
   swprintf(known->name, KNOWN_LENGTH, L"%lsmesa-fuzz-%08x-%u", prefix,
            (uint32_t)test_random(), names.count);
   names.count++;
   known->attempt = (struct attempt) {
      .what = what, .verdict = verdict, .kind = kind,
   };
   return known->name;
}

static const wchar_t *
add_object(const char *what)
{
   return add_known(what, names.count & 1 ? L"Local\\" : L"", BAD_UNMAPPED, 0);
}

static void
keep(HANDLE handle)
{
   REQUIRE(handle != NULL && handle != INVALID_HANDLE_VALUE);
   REQUIRE(GetLastError() != ERROR_ALREADY_EXISTS);
   test_own_handle(handle);
}

static void
add_payloads(void)
{
   for (unsigned i = 0; i < 2 * FUZZ_KINDS; i++) {
      const enum vk_sync_win32_kind kind = VK_SYNC_WIN32_KIND_FENCE + i / 2;
      const wchar_t *name = add_known("a payload's name",
                                      i & 1 ? L"Local\\" : L"", GOOD, kind);

      names.syncs[i & 1][i / 2] = fuzz_shared_sync(kind, name, false);
   }
}

static void
add_objects(void)
{
   keep(CreateEventW(NULL, TRUE, FALSE, add_object("an event's name")));
   keep(CreateMutexW(NULL, FALSE, add_object("a mutex's name")));
   keep(wrong_image_section(add_object("a program's section")));
}

static void
add_sections(void)
{
   const void *layout = fuzz_layout(names.syncs[0][FUZZ_KINDS - 1]);
   const SIZE_T size = sizeof(struct vk_sync_win32_layout);

   keep(wrong_section("", 1, size, PAGE_READWRITE,
                      add_known("a section of zeros", L"Local\\", BAD, 0)));
   keep(wrong_section(layout, size, size, PAGE_READWRITE,
                      add_known("a copy of a payload", L"", GOOD,
                                VK_SYNC_WIN32_KIND_TIMELINE)));
   keep(wrong_section(layout, size, size, PAGE_READWRITE | SEC_RESERVE,
                      add_object("reserved memory")));
}

static void
names_create(void)
{
   fuzz_open_device();
   names.count = 0;
   names.end = allocate_end();
   add_payloads();
   add_objects();
   add_sections();
}

static void
names_destroy(void)
{
   for (unsigned i = 0; i < 2 * FUZZ_KINDS; i++)
      fuzz_destroy(names.syncs[i & 1][i / 2]);
   fuzz_check_nothing_left(false, true);
}

static const wchar_t *const prefixes[] = {
   L"", L"Local\\", L"Global\\", L"Session\\0\\", L"Session\\1\\", L"\\",
   L"local\\", L"GLOBAL\\", L"Local\\Local\\", L"Local\\Global\\",
   L"\\BaseNamedObjects\\", L"\\\\?\\", L"\\??\\", L"..\\",
   L"AppContainerNamedObjects\\",
};

/* Names of directories, links and devices, and what is no name */
static const wchar_t *const special[] = {
   L"", L"\\", L"\\\\", L"Local", L"Global", L"Local\\", L"Global\\",
   L"Session", L"Session\\", L"Restricted", L"Local\\Local", L".", L"..",
   L"*", L"?", L" ", L"CON", L"NUL", L"C:", L"C:\\", L"C:\\windows\\win.ini",
   L"\\Device\\PhysicalMemory", L"\\KnownDlls\\ntdll.dll", L"ntdll.dll",
   L"\\Device\\HarddiskVolume1", L"\\??\\C:", L"\\ObjectTypes\\Section",
   L"\\Registry\\Machine", L"%s%s%s%n", L"\xd800", L"\xdc00\xd800", L"\xffff",
   L"MesaVkKmt-40000002", L"Local\\MesaVkKmt-",
};

/* Whether it may be one that is there: by another prefix, or in capitals */
static bool
may_be_known(const wchar_t *name)
{
   for (const wchar_t *at = name; *at; at++) {
      if (*at != L'm' && *at != L'M')
         continue;
      for (unsigned i = 0; i < names.count; i++) {
         const wchar_t *known = wcsstr(names.known[i].name, L"mesa-fuzz");

         if (_wcsnicmp(at, known, wcslen(known)) == 0)
            return true;
      }
   }
   return false;
}

static void
mutate_name(wchar_t *text, size_t *length)
{
   const size_t at = *length > 0 ? fuzz_below((uint32_t)*length) : 0;

   switch (fuzz_below(6)) {
   case 0:
      text[at] = (wchar_t)fuzz_random();
      break;
   case 1:
      *length = at;
      break;
   case 2:
      text[at] = L'\\';
      break;
   case 3:
      text[(*length)++] = L' ' + (wchar_t)fuzz_below(95);
      break;
   case 4:
      text[at] = towupper(text[at]);
      break;
   default:
      text[at] = 0;
      break;
   }
}

static size_t
random_text(wchar_t *text)
{
   const size_t length = fuzz_chance(5) ?
                         fuzz_below(MAX_LENGTH) :
                         fuzz_chance(5) ?
                         32750 + fuzz_below(40) : fuzz_below(300);
   const bool plain = fuzz_chance(50);

   for (size_t i = 0; i < length; i++)
      text[i] = plain ? L'a' + (wchar_t)fuzz_below(26) :
                        (wchar_t)fuzz_random();
   return length;
}

static const char some_name[] = "some name";

static struct attempt
attempt_name(void)
{
   static wchar_t text[MAX_LENGTH + 64];
   const struct known *known = &names.known[fuzz_below(names.count)];
   struct attempt attempt = known->attempt;
   size_t length;

   if (fuzz_chance(40)) {
      attempt.name = place(known->name, wcslen(known->name));
      return attempt;
   }

   if (fuzz_chance(20)) {
      const wchar_t *one = special[fuzz_below(TEST_COUNT(special))];

      length = wcslen(one);
      memcpy(text, one, length * sizeof(*text));
   } else if (fuzz_chance(10)) {
      length = random_text(text);
   } else {
      const wchar_t *prefix = prefixes[fuzz_below(TEST_COUNT(prefixes))];

      swprintf(text, MAX_LENGTH, L"%ls%ls", prefix, known->name);
      length = wcslen(text);
   }

   for (unsigned n = fuzz_below(3); n > 0; n--)
      mutate_name(text, &length);
   attempt.what = some_name;
   attempt.name = place(text, length);
   attempt.verdict = may_be_known(attempt.name) ? EITHER : BAD_UNMAPPED;
   return attempt;
}

/* A handle beside the name is one too many, as is a number's name. */
static struct attempt
make_attempt(UNUSED void *data)
{
   struct attempt attempt = attempt_name();

   if (fuzz_chance(3)) {
      attempt.handle = (HANDLE)(uintptr_t)4;
      attempt.verdict = BAD_UNMAPPED;
   } else if (fuzz_chance(3)) {
      attempt.type = FUZZ_NUMBER;
      attempt.verdict = BAD_UNMAPPED;
   }
   return attempt;
}

static void
import_some_names(UNUSED void *data)
{
   import_some(make_attempt, NULL);
}

void
import_names(UNUSED intptr_t arg)
{
   names_create();
   fuzz_run("names", 700, IMPORT_STEPS, import_some_names, NULL);
   names_destroy();
}

/* A name that is taken is never adopted; any other one may do or not, and who
 * imports by it gets this payload.
 */
static void
export_one_name(const struct attempt *attempt)
{
   const enum vk_sync_win32_kind kind = fuzz_any_kind();
   const bool taken = attempt->what != some_name;
   /* What has a number has no name. */
   const bool numbered = fuzz_chance(10);
   struct vk_sync *sync = fuzz_sync(kind, VK_SYNC_IS_SHAREABLE);
   struct vk_sync *other = fuzz_sync(kind, 0);
   const struct vk_sync_win32_payload *before = fuzz_payload(sync);
   const struct fuzz_counts counts = fuzz_count();

   fuzz_enter("exporting by name", taken);
   const VkResult result = fuzz_share(sync, attempt->name, numbered);
   fuzz_leave(0);
   fuzz_count_case();

   FUZZ_CHECK(result == VK_SUCCESS || result == VK_ERROR_OUT_OF_DEVICE_MEMORY);
   if (taken || numbered)
      FUZZ_CHECK(result != VK_SUCCESS);
   if (result != VK_SUCCESS) {
      const struct fuzz_counts now = fuzz_count();

      FUZZ_CHECK(fuzz_payload(sync) == before);
      FUZZ_CHECK(now.views == counts.views);
      FUZZ_CHECK(now.handles == counts.handles);
      FUZZ_CHECK(now.allocations == counts.allocations);
   } else if (attempt->name[0] != 0) {
      const uint64_t value = kind == VK_SYNC_WIN32_KIND_TIMELINE ? 77 : 0;

      FUZZ_CHECK(fuzz_import(other, FUZZ_NT_HANDLE, NULL, attempt->name) ==
                 VK_SUCCESS);
      FUZZ_CHECK(fuzz_signal(sync, value) == VK_SUCCESS);
      FUZZ_CHECK(fuzz_wait(other, value, 0) == VK_SUCCESS);
   }
   fuzz_destroy(other);
   fuzz_destroy(sync);
}

static void
export_some_names(UNUSED void *data)
{
   for (unsigned i = 0; i < IMPORT_STEPS; i++) {
      const struct attempt attempt = attempt_name();

      export_one_name(&attempt);
   }
}

void
export_names(UNUSED intptr_t arg)
{
   names_create();
   fuzz_run("names for export", 100, IMPORT_STEPS, export_some_names, NULL);
   names_destroy();
}

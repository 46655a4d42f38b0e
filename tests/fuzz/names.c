/* SPDX-License-Identifier: MIT */

/* Imports and exports by name */
#include "import.h"

#include <string.h>
#include <wchar.h>
#include <wctype.h>

#define STEPS 32
#define MAX_LENGTH 40000
#define KNOWN_LENGTH 48
#define MAX_KNOWN 32

struct known {
   wchar_t name[KNOWN_LENGTH];
   const char *what;
   enum verdict verdict;
   enum vk_sync_win32_kind kind;
};

struct names {
   struct vk_device *device;
   struct vk_sync *syncs[2][3];
   struct known known[MAX_KNOWN];
   unsigned count;

   /* Room for a name with nothing behind it: who reads on is found out. */
   wchar_t *end;
};

static void
close_deferred(void *data)
{
   CloseHandle((HANDLE)data);
}

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
place(const struct names *names, const wchar_t *text, size_t length)
{
   wchar_t *name = names->end - length - 1;

   memmove(name, text, length * sizeof(*name));
   name[length] = 0;
   return name;
}

static struct known *
add_known(struct names *names, const char *what, const wchar_t *prefix)
{
   struct known *known = &names->known[names->count];

   REQUIRE(names->count < MAX_KNOWN);
   swprintf(known->name, KNOWN_LENGTH, L"%lsmesa-fuzz-%08x-%u", prefix,
            (uint32_t)test_random(), names->count);
   names->count++;
   known->what = what;
   known->verdict = BAD_UNMAPPED;
   return known;
}

static void
keep(HANDLE handle)
{
   REQUIRE(handle != NULL && handle != INVALID_HANDLE_VALUE);
   REQUIRE(GetLastError() != ERROR_ALREADY_EXISTS);
   test_defer(close_deferred, handle);
}

static void
add_payloads(struct names *names)
{
   for (unsigned i = 0; i < 6; i++) {
      const enum vk_sync_win32_kind kind = VK_SYNC_WIN32_KIND_FENCE + i / 2;
      struct known *known =
         add_known(names, "a payload's name", i & 1 ? L"Local\\" : L"");

      known->verdict = GOOD;
      known->kind = kind;
      names->syncs[i & 1][i / 2] =
         fuzz_shared_sync(names->device, kind, known->name, false);
   }
}

static void
add_objects(struct names *names)
{
   keep(CreateEventW(NULL, TRUE, FALSE,
                     add_known(names, "an event's name", L"Local\\")->name));
   keep(CreateMutexW(NULL, FALSE,
                     add_known(names, "a mutex's name", L"")->name));
   keep(CreateSemaphoreW(NULL, 0, 1,
                         add_known(names, "a semaphore's name", L"")->name));
   keep(CreateWaitableTimerW(NULL, FALSE,
                             add_known(names, "a timer's name", L"")->name));
   keep(CreateJobObjectW(NULL, add_known(names, "a job's name", L"")->name));
}

static void
add_sections(struct names *names)
{
   const void *layout = fuzz_layout(names->syncs[0][2]);
   const SIZE_T size = sizeof(struct vk_sync_win32_layout);
   wchar_t path[MAX_PATH];
   struct known *known;

   known = add_known(names, "a section of zeros", L"Local\\");
   known->verdict = BAD;
   keep(wrong_section("", 1, size, PAGE_READWRITE, known->name));

   known = add_known(names, "a copy of a payload", L"");
   known->verdict = GOOD;
   known->kind = VK_SYNC_WIN32_KIND_TIMELINE;
   keep(wrong_section(layout, size, size, PAGE_READWRITE, known->name));

   known = add_known(names, "reserved memory", L"");
   keep(wrong_section(layout, size, size, PAGE_READWRITE | SEC_RESERVE,
                      known->name));

   known = add_known(names, "a program's section", L"");
   REQUIRE(GetModuleFileNameW(NULL, path, MAX_PATH) < MAX_PATH);
   HANDLE file = CreateFileW(path, GENERIC_READ | GENERIC_EXECUTE,
                             FILE_SHARE_READ | FILE_SHARE_DELETE, NULL,
                             OPEN_EXISTING, 0, NULL);
   keep(CreateFileMappingW(file, NULL, PAGE_READONLY | SEC_IMAGE, 0, 0,
                           known->name));
   CloseHandle(file);
}

static void
names_create(struct names *names)
{
   *names = (struct names) { .device = fuzz_device() };
   names->end = allocate_end();
   add_payloads(names);
   add_objects(names);
   add_sections(names);
}

static void
names_destroy(struct names *names)
{
   for (unsigned i = 0; i < 2; i++) {
      for (unsigned j = 0; j < 3; j++)
         vk_sync_destroy(names->device, names->syncs[i][j]);
   }
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
may_be_known(const struct names *names, const wchar_t *name)
{
   for (const wchar_t *at = name; *at; at++) {
      if (*at != L'm' && *at != L'M')
         continue;
      for (unsigned i = 0; i < names->count; i++) {
         const wchar_t *known = wcsstr(names->known[i].name, L"mesa-fuzz");

         if (_wcsnicmp(at, known, wcslen(known)) == 0)
            return true;
      }
   }
   return false;
}

static void
mutate_name(struct fuzz_rng *rng, wchar_t *text, size_t *length)
{
   const size_t at = *length > 0 ? fuzz_below(rng, (uint32_t)*length) : 0;

   switch (fuzz_below(rng, 6)) {
   case 0:
      text[at] = (wchar_t)fuzz_random(rng);
      break;
   case 1:
      *length = at;
      break;
   case 2:
      text[at] = L'\\';
      break;
   case 3:
      text[(*length)++] = L' ' + (wchar_t)fuzz_below(rng, 95);
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
random_text(struct fuzz_rng *rng, wchar_t *text)
{
   const size_t length = fuzz_chance(rng, 5) ?
                         fuzz_below(rng, MAX_LENGTH) :
                         fuzz_chance(rng, 5) ?
                         32750 + fuzz_below(rng, 40) : fuzz_below(rng, 300);
   const bool plain = fuzz_chance(rng, 50);

   for (size_t i = 0; i < length; i++)
      text[i] = plain ? L'a' + (wchar_t)fuzz_below(rng, 26) :
                        (wchar_t)fuzz_random(rng);
   return length;
}

struct attempt {
   wchar_t *name;
   const char *what;
   enum verdict verdict;
   enum vk_sync_win32_kind kind;
};

static struct attempt
make_attempt(struct fuzz_rng *rng, const struct names *names)
{
   static wchar_t text[MAX_LENGTH + 64];
   const struct known *known = &names->known[fuzz_below(rng, names->count)];
   struct attempt attempt = {
      .what = "some name", .verdict = BAD_UNMAPPED, .kind = known->kind,
   };
   size_t length;

   if (fuzz_chance(rng, 40)) {
      attempt.name = place(names, known->name, wcslen(known->name));
      attempt.what = known->what;
      attempt.verdict = known->verdict;
      return attempt;
   }

   if (fuzz_chance(rng, 20)) {
      const wchar_t *one = special[fuzz_below(rng, TEST_COUNT(special))];

      length = wcslen(one);
      memcpy(text, one, length * sizeof(*text));
   } else if (fuzz_chance(rng, 10)) {
      length = random_text(rng, text);
   } else {
      const wchar_t *prefix = prefixes[fuzz_below(rng,
                                                  TEST_COUNT(prefixes))];
      swprintf(text, MAX_LENGTH, L"%ls%ls", prefix, known->name);
      length = wcslen(text);
   }

   for (unsigned n = fuzz_below(rng, 3); n > 0; n--)
      mutate_name(rng, text, &length);
   attempt.name = place(names, text, length);
   if (may_be_known(names, attempt.name))
      attempt.verdict = EITHER;
   return attempt;
}

static void
import_some_names(struct fuzz_thread *self, void *data)
{
   struct names *names = data;
   struct target target;

   target_create(&target, names->device, fuzz_any_kind(&self->rng),
                 &self->rng);
   for (unsigned i = 0; i < STEPS; i++) {
      struct attempt attempt = make_attempt(&self->rng, names);
      struct fuzz_import_info info =
         fuzz_import_info(NULL);

      info.name = attempt.name;
      if (attempt.verdict == GOOD && attempt.kind != target.kind)
         attempt.verdict = BAD;

      /* A handle beside the name is one too many, as is a number's name. */
      if (fuzz_chance(&self->rng, 3)) {
         info.handle = (HANDLE)(uintptr_t)4;
         attempt.verdict = BAD_UNMAPPED;
      } else if (fuzz_chance(&self->rng, 3)) {
         info.handle_type = FUZZ_NUMBER;
         attempt.verdict = BAD_UNMAPPED;
      }

      if (target_import(self, &target, &info, attempt.verdict,
                        attempt.what)) {
         target_destroy(&target);
         target_create(&target, names->device, fuzz_any_kind(&self->rng),
                       &self->rng);
      }
   }
   target_destroy(&target);
}

void
import_names(intptr_t arg)
{
   const uint32_t episodes = 700;
   struct names names;

   (void)arg;
   names_create(&names);
   fuzz_run("names", episodes, episodes * STEPS, import_some_names, &names);
   names_destroy(&names);
}

/* A name that is taken is never adopted; any other one may do or not, and who
 * imports by it gets this payload.
 */
static void
export_one_name(struct fuzz_thread *self, struct names *names,
                const struct attempt *attempt)
{
   const enum vk_sync_win32_kind kind = fuzz_any_kind(&self->rng);
   const bool taken = attempt->name != NULL && attempt->verdict != EITHER &&
                      strcmp(attempt->what, "some name") != 0;
   /* What has a number has no name. */
   const bool numbered = fuzz_chance(&self->rng, 10);
   struct vk_sync *sync, *other;
   VkResult result;

   REQUIRE(vk_sync_create(names->device, &vk_sync_win32_type,
                          VK_SYNC_IS_SHAREABLE |
                          (kind == VK_SYNC_WIN32_KIND_TIMELINE ?
                           VK_SYNC_IS_TIMELINE :
                           kind == VK_SYNC_WIN32_KIND_FENCE ?
                           VK_SYNC_IS_FENCE : 0), 0, &sync) == VK_SUCCESS);
   other = fuzz_sync(names->device, kind, 0);
   struct vk_sync_win32_payload *before = fuzz_payload(sync);
   const struct fuzz_counts counts = fuzz_count();

   fuzz_enter(self, "exporting by name", taken);
   result = fuzz_share(names->device, sync, attempt->name, numbered);
   fuzz_leave(self, 0);
   self->cases++;

   FUZZ_CHECK(self, result == VK_SUCCESS ||
                    result == VK_ERROR_OUT_OF_DEVICE_MEMORY);
   if (taken || numbered)
      FUZZ_CHECK(self, result != VK_SUCCESS);
   if (result != VK_SUCCESS) {
      const struct fuzz_counts now = fuzz_count();

      FUZZ_CHECK(self, fuzz_payload(sync) == before);
      FUZZ_CHECK(self, now.views == counts.views);
      FUZZ_CHECK(self, now.handles == counts.handles);
      FUZZ_CHECK(self, now.allocations == counts.allocations);
   } else if (attempt->name[0] != 0) {
      struct fuzz_import_info info = fuzz_import_info(NULL);
      const uint64_t value = kind == VK_SYNC_WIN32_KIND_TIMELINE ? 77 : 0;

      info.name = attempt->name;
      FUZZ_CHECK(self, fuzz_import(names->device, other, &info) ==
                       VK_SUCCESS);
      FUZZ_CHECK(self, vk_sync_signal(names->device, sync, value) ==
                       VK_SUCCESS);
      FUZZ_CHECK(self, vk_sync_wait(names->device, other, value,
                                    VK_SYNC_WAIT_COMPLETE, 0) == VK_SUCCESS);
   }
   vk_sync_destroy(names->device, other);
   vk_sync_destroy(names->device, sync);
}

static void
export_some_names(struct fuzz_thread *self, void *data)
{
   struct names *names = data;

   for (unsigned i = 0; i < STEPS; i++) {
      const struct attempt attempt = make_attempt(&self->rng, names);

      export_one_name(self, names, &attempt);
   }
}

void
export_names(intptr_t arg)
{
   const uint32_t episodes = 100;
   struct names names;

   (void)arg;
   names_create(&names);
   fuzz_run("names for export", episodes, episodes * STEPS,
            export_some_names, &names);
   names_destroy(&names);
}

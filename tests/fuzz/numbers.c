/* SPDX-License-Identifier: MIT */

/* Global share handles: numbers of nothing, of somebody else's objects, and
 * of sections that a stranger has put there
 */
#include "import.h"

#include <string.h>
#include <wchar.h>

#include "vk_win32_kmt.h"

#define STEPS 32
#define SQUATTERS 8

struct numbers {
   struct vk_device *device;
   struct vk_sync *syncs[3];
   uint32_t genuine[3];
   struct vk_sync_win32_layout layouts[3];
};

static void
numbers_create(struct numbers *numbers)
{
   *numbers = (struct numbers) { .device = fuzz_device() };

   for (unsigned i = 0; i < 3; i++) {
      struct vk_sync *sync = fuzz_shared_sync(
         numbers->device, VK_SYNC_WIN32_KIND_FENCE + i, NULL, true);

      numbers->syncs[i] = sync;
      numbers->genuine[i] = fuzz_export_number(numbers->device, sync);
      numbers->layouts[i] = *fuzz_layout(sync);
   }
}

static void
numbers_destroy(struct numbers *numbers)
{
   for (unsigned i = 0; i < 3; i++)
      vk_sync_destroy(numbers->device, numbers->syncs[i]);
   fuzz_check_nothing_left(true, true);
}

/* Objects in the place that a number leads to */

enum squatter_kind {
   SQUATTER_EVENT,
   SQUATTER_MUTEX,
   SQUATTER_RESERVE,
   SQUATTER_IMAGE,
   SQUATTER_ZEROS,
   /* A section in which things can be put */
   SQUATTER_SECTION,
};

struct squatter {
   enum squatter_kind kind;
   uint32_t number;
   HANDLE handle;
   void *map;
   SIZE_T size;
};

static HANDLE
image_section(const wchar_t *name)
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

/* What a global share handle looks like; see vk_win32_kmt.c */
static uint32_t
choose_number(struct fuzz_rng *rng, bool global)
{
   return ((uint32_t)fuzz_random(rng) & 0x3ffffff8) | 0x40000002 |
          (global ? 4 : 0);
}

static bool
squatter_create(struct squatter *squatter, struct fuzz_rng *rng)
{
   wchar_t name[64];

   *squatter = (struct squatter) {
      .kind = fuzz_chance(rng, 40) ?
              (enum squatter_kind)fuzz_below(rng, SQUATTER_SECTION) :
              SQUATTER_SECTION,
      .number = choose_number(rng, fuzz_chance(rng, 50)),
      .size = fuzz_chance(rng, 70) ?
              sizeof(struct vk_sync_win32_layout) :
              (SIZE_T)4096 << fuzz_below(rng, 5),
   };
   swprintf(name, 64, L"%ls\\MesaVkKmt-%08x",
            squatter->number & 4 ? L"Global" : L"Local",
            (unsigned)squatter->number);

   switch (squatter->kind) {
   case SQUATTER_EVENT:
      squatter->handle = CreateEventW(NULL, TRUE, FALSE, name);
      break;
   case SQUATTER_MUTEX:
      squatter->handle = CreateMutexW(NULL, FALSE, name);
      break;
   case SQUATTER_RESERVE:
      squatter->handle = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL,
                                            PAGE_READWRITE | SEC_RESERVE, 0,
                                            (DWORD)squatter->size, name);
      break;
   case SQUATTER_IMAGE:
      squatter->handle = image_section(name);
      break;
   default:
      squatter->handle = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL,
                                            PAGE_READWRITE, 0,
                                            (DWORD)squatter->size, name);
      break;
   }

   if (squatter->kind == SQUATTER_SECTION && squatter->handle != NULL)
      squatter->map = MapViewOfFile(squatter->handle, FILE_MAP_WRITE, 0, 0,
                                    0);
   /* There is not everywhere a right to the global namespace. */
   return squatter->handle != NULL;
}

static void
squatter_destroy(struct squatter *squatter)
{
   if (squatter->map != NULL)
      UnmapViewOfFile(squatter->map);
   if (squatter->handle != NULL)
      CloseHandle(squatter->handle);
}

struct attempt {
   const char *what;
   HANDLE handle;
   enum vk_sync_win32_kind kind;
   enum verdict verdict;
   const struct squatter *squatter;
};

static HANDLE
as_handle(uint32_t number)
{
   return (HANDLE)(uintptr_t)number;
}

static struct attempt
attempt_genuine(struct fuzz_rng *rng, const struct numbers *numbers)
{
   const unsigned kind = fuzz_below(rng, 3);

   return (struct attempt) {
      .what = "a number",
      .handle = as_handle(numbers->genuine[kind]),
      .kind = VK_SYNC_WIN32_KIND_FENCE + kind,
      .verdict = GOOD,
   };
}

/* Next to one that is there, of the wrong form, or no number at all */
static struct attempt
attempt_value(struct fuzz_rng *rng, const struct numbers *numbers)
{
   const uintptr_t genuine = numbers->genuine[fuzz_below(rng, 3)];
   uintptr_t value = genuine;

   switch (fuzz_below(rng, 7)) {
   case 0:
      value ^= (uintptr_t)1 << fuzz_below(rng, sizeof(value) * 8);
      break;
   case 1:
      value = -value;
      break;
   case 2:
      value = (uint32_t)fuzz_random(rng);
      break;
   case 3:
      value = choose_number(rng, fuzz_chance(rng, 50));
      break;
   case 4:
      value += 4;
      break;
   case 5:
      value = fuzz_below(rng, 4096);
      break;
   default:
      value = (uintptr_t)no_handle(rng);
      break;
   }
   return (struct attempt) {
      .what = "no number", .handle = (HANDLE)value, .verdict = BAD_UNMAPPED,
   };
}

/* The contents of a payload */
static void
put_payload(struct fuzz_rng *rng, const struct numbers *numbers,
            struct squatter *squatter, struct attempt *attempt)
{
   const unsigned kind = fuzz_below(rng, 3);

   memcpy(squatter->map, &numbers->layouts[kind],
          sizeof(numbers->layouts[kind]));
   attempt->what = "a squatter with a payload";
   attempt->kind = VK_SYNC_WIN32_KIND_FENCE + kind;
}

static void
put_garbage(struct fuzz_rng *rng, struct squatter *squatter,
            struct attempt *attempt)
{
   uint64_t *words = squatter->map;
   const uint64_t fill = fuzz_random(rng);

   for (SIZE_T i = 0; i < squatter->size / sizeof(*words); i++)
      words[i] = fill;
   if (fuzz_chance(rng, 50))
      words[0] = VK_SYNC_WIN32_SECTION_MAGIC;
   attempt->what = "a squatter with garbage";
}

static struct attempt
attempt_squatter(struct fuzz_rng *rng, const struct numbers *numbers,
                 struct squatter *squatter)
{
   struct attempt attempt = {
      .what = "a squatter", .handle = as_handle(squatter->number),
      .kind = fuzz_any_kind(rng),
      .verdict = squatter->kind == SQUATTER_ZEROS ? BAD : BAD_UNMAPPED,
   };

   if (squatter->map == NULL)
      return attempt;

   memset(squatter->map, 0, squatter->size);
   if (fuzz_chance(rng, 50))
      put_payload(rng, numbers, squatter, &attempt);
   else
      put_garbage(rng, squatter, &attempt);

   attempt.verdict = BAD;
   attempt.squatter = squatter;
   if (fuzz_chance(rng, 30)) {
      uint64_t *words = squatter->map;

      words[fuzz_below(rng, 2)] ^= UINT64_C(1) << fuzz_below(rng, 64);
   }
   return attempt;
}

static bool
is_payload(const struct squatter *squatter, enum vk_sync_win32_kind kind)
{
   const struct vk_sync_win32_layout *layout = squatter->map;

   return layout->magic == VK_SYNC_WIN32_SECTION_MAGIC &&
          layout->kind == (uint32_t)kind;
}

static void
import_one_number(struct fuzz_thread *self, struct numbers *numbers,
                  struct squatter *squatter)
{
   const uint32_t dice = fuzz_below(&self->rng, 100);
   struct attempt attempt =
      dice < 15 ? attempt_genuine(&self->rng, numbers) :
      dice < 40 || squatter->handle == NULL ?
                  attempt_value(&self->rng, numbers) :
                  attempt_squatter(&self->rng, numbers, squatter);
   const enum vk_sync_win32_kind kind =
      fuzz_chance(&self->rng, 80) && attempt.kind != 0 ?
      attempt.kind : fuzz_any_kind(&self->rng);
   struct fuzz_import_info info =
      fuzz_import_info(attempt.handle);
   struct target target;

   /* A number is no NT handle, and the other way round. */
   info.handle_type = FUZZ_NUMBER;
   if (attempt.squatter != NULL)
      attempt.verdict = good_if(is_payload(attempt.squatter, kind));
   else if (attempt.verdict == GOOD && kind != attempt.kind)
      attempt.verdict = BAD;
   if (dice < 15 && fuzz_chance(&self->rng, 10)) {
      info.handle_type = FUZZ_NT_HANDLE;
      attempt.verdict = BAD_UNMAPPED;
   }

   target_create(&target, numbers->device, kind, &self->rng);
   if (target_import(self, &target, &info, attempt.verdict, attempt.what))
      FUZZ_CHECK(self, fuzz_export_number(numbers->device, target.sync) ==
                       (uint32_t)(uintptr_t)attempt.handle);
   target_destroy(&target);
}

static void
import_some_numbers(struct fuzz_thread *self, void *data)
{
   struct numbers *numbers = data;
   struct squatter squatters[SQUATTERS];

   for (unsigned i = 0; i < SQUATTERS; i++)
      squatter_create(&squatters[i], &self->rng);
   for (unsigned i = 0; i < STEPS; i++)
      import_one_number(self, numbers,
                        &squatters[fuzz_below(&self->rng, SQUATTERS)]);
   for (unsigned i = 0; i < SQUATTERS; i++)
      squatter_destroy(&squatters[i]);
}

static VkResult
import_number(struct vk_device *device, struct vk_sync *sync,
              enum vk_sync_win32_kind kind, uint32_t number)
{
   struct fuzz_import_info info =
      fuzz_import_info(as_handle(number));

   info.handle_type = FUZZ_NUMBER;
   return fuzz_import(device, sync, &info);
}

/* A number is good for as long as anybody has the payload, however it came to
 * him; but only who knows it can tell it.
 */
static void
keep_a_number(struct fuzz_thread *self, void *data)
{
   struct numbers *numbers = data;
   struct vk_device *device = numbers->device;
   const enum vk_sync_win32_kind kind = fuzz_any_kind(&self->rng);
   const bool by_number = fuzz_chance(&self->rng, 50);
   struct vk_sync *owner = fuzz_shared_sync(device, kind, NULL, true);
   struct vk_sync *other = fuzz_sync(device, kind, 0);
   const uint32_t number = fuzz_export_number(device, owner);
   HANDLE handle = fuzz_export(device, owner), exported = NULL;
   const struct fuzz_import_info info =
      fuzz_import_info(handle);
   struct target target;

   target_create(&target, device, kind, &self->rng);
   FUZZ_CHECK(self, (by_number ?
                     import_number(device, target.sync, kind, number) :
                     fuzz_import(device, target.sync, &info)) == VK_SUCCESS);
   CloseHandle(handle);
   vk_sync_destroy(device, owner);

   fuzz_enter(self, "a number that is kept", by_number);
   FUZZ_CHECK(self, vk_sync_export_win32_handle(device, target.sync,
                                                FUZZ_NUMBER, &exported) ==
                    (by_number ? VK_SUCCESS : VK_ERROR_UNKNOWN));
   FUZZ_CHECK(self, exported == (by_number ? as_handle(number) : NULL));
   FUZZ_CHECK(self, import_number(device, other, kind, number) ==
                    VK_SUCCESS);
   fuzz_leave(self, 0);
   self->cases++;

   vk_sync_destroy(device, other);
   target_destroy(&target);

   other = fuzz_sync(device, kind, 0);
   fuzz_enter(self, "a number that nobody has kept", by_number);
   FUZZ_CHECK(self, import_number(device, other, kind, number) == REFUSED);
   fuzz_leave(self, 0);
   self->cases++;
   vk_sync_destroy(device, other);
}

void
kept_numbers(intptr_t arg)
{
   const uint32_t episodes = 500;
   struct numbers numbers;

   (void)arg;
   numbers_create(&numbers);
   fuzz_run("kept numbers", episodes, 2 * episodes, keep_a_number, &numbers);
   numbers_destroy(&numbers);
}

void
import_numbers(intptr_t arg)
{
   const uint32_t episodes = 400;
   struct numbers numbers;

   (void)arg;
   numbers_create(&numbers);
   fuzz_run("global share handles", episodes, episodes * STEPS,
            import_some_numbers, &numbers);
   numbers_destroy(&numbers);
}

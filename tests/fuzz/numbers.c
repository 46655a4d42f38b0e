/* SPDX-License-Identifier: MIT */

/* Global share handles: numbers of nothing, of somebody else's objects, and
 * of sections that a stranger has put there
 */
#include "import.h"

#include <string.h>
#include <wchar.h>

#define SQUATTERS 8

/* A section in the place that a number leads to; other objects are found by
 * names as well, see names.c
 */
struct squatter {
   uint32_t number;
   HANDLE handle;
   void *map;
   SIZE_T size;
};

static struct {
   struct vk_sync *syncs[FUZZ_KINDS];
   HANDLE genuine[FUZZ_KINDS];
   struct vk_sync_win32_layout layouts[FUZZ_KINDS];
   struct squatter squatters[SQUATTERS];
} numbers;

static void
numbers_create(void)
{
   for (unsigned i = 0; i < FUZZ_KINDS; i++) {
      struct vk_sync *sync =
         fuzz_shared_sync(VK_SYNC_WIN32_KIND_FENCE + i, NULL, true);

      numbers.syncs[i] = sync;
      numbers.genuine[i] = fuzz_export_number(sync);
      numbers.layouts[i] = *fuzz_layout(sync);
   }
}

/* What a global share handle looks like; see vk_win32_kmt.c */
static uint32_t
choose_number(void)
{
   return ((uint32_t)fuzz_random() & 0x3ffffffc) | 0x40000002;
}

static void
squatter_create(struct squatter *squatter)
{
   wchar_t name[64];

   *squatter = (struct squatter) {
      .number = choose_number(),
      .size = fuzz_chance(70) ? sizeof(struct vk_sync_win32_layout) :
                                (SIZE_T)4096 << fuzz_below(5),
   };
   swprintf(name, TEST_COUNT(name), L"%ls\\MesaVkKmt-%08x",
            squatter->number & 4 ? L"Global" : L"Local",
            (unsigned)squatter->number);
   squatter->handle = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL,
                                         PAGE_READWRITE, 0,
                                         (DWORD)squatter->size, name);

   /* There is not everywhere a right to the global namespace. */
   if (squatter->handle != NULL)
      squatter->map = MapViewOfFile(squatter->handle, FILE_MAP_WRITE, 0, 0, 0);
}

static void
squatter_destroy(struct squatter *squatter)
{
   if (squatter->handle == NULL)
      return;
   UnmapViewOfFile(squatter->map);
   CloseHandle(squatter->handle);
}

static struct attempt
attempt_genuine(void)
{
   const unsigned kind = fuzz_below(FUZZ_KINDS);

   return (struct attempt) {
      .what = "a number", .handle = numbers.genuine[kind], .verdict = GOOD,
      .kind = VK_SYNC_WIN32_KIND_FENCE + kind,
   };
}

/* Next to one that is there, of the wrong form, or no number at all */
static struct attempt
attempt_value(void)
{
   uintptr_t value = (uintptr_t)numbers.genuine[fuzz_below(FUZZ_KINDS)];

   switch (fuzz_below(7)) {
   case 0:
      value ^= (uintptr_t)1 << fuzz_below(sizeof(value) * 8);
      break;
   case 1:
      value = -value;
      break;
   case 2:
      value = (uint32_t)fuzz_random();
      break;
   case 3:
      value = choose_number();
      break;
   case 4:
      value += 4;
      break;
   case 5:
      value = fuzz_below(4096);
      break;
   default:
      value = (uintptr_t)no_handle();
      break;
   }
   return (struct attempt) {
      .what = "no number", .handle = (HANDLE)value, .verdict = BAD_UNMAPPED,
   };
}

/* What its contents pass for, or 0 */
static enum vk_sync_win32_kind
squatter_kind(const struct squatter *squatter)
{
   for (unsigned i = 0; i < FUZZ_KINDS; i++) {
      if (fuzz_is_payload(squatter->map, VK_SYNC_WIN32_KIND_FENCE + i))
         return VK_SYNC_WIN32_KIND_FENCE + i;
   }
   return 0;
}

static void
put_garbage(const struct squatter *squatter)
{
   uint64_t *words = squatter->map;
   const uint64_t fill = fuzz_random();

   for (SIZE_T i = 0; i < squatter->size / sizeof(*words); i++)
      words[i] = fill;
   if (fuzz_chance(50))
      words[0] = VK_SYNC_WIN32_SECTION_MAGIC;
}

static struct attempt
attempt_squatter(const struct squatter *squatter)
{
   const unsigned kind = fuzz_below(FUZZ_KINDS);
   struct attempt attempt = {
      .what = "a squatter", .handle = (HANDLE)(uintptr_t)squatter->number,
   };
   uint64_t *words = squatter->map;

   memset(words, 0, squatter->size);
   if (fuzz_chance(50))
      memcpy(words, &numbers.layouts[kind], sizeof(numbers.layouts[kind]));
   else
      put_garbage(squatter);
   if (fuzz_chance(30))
      words[fuzz_below(2)] ^= UINT64_C(1) << fuzz_below(64);

   attempt.kind = squatter_kind(squatter);
   attempt.verdict = attempt.kind != 0 ? GOOD : BAD;
   return attempt;
}

/* A number is no NT handle, and the other way round. */
static struct attempt
make_attempt(UNUSED void *data)
{
   const struct squatter *squatter = &numbers.squatters[fuzz_below(SQUATTERS)];
   const uint32_t dice = fuzz_below(100);
   struct attempt attempt =
      dice < 15 ? attempt_genuine() :
      dice < 40 || squatter->handle == NULL ? attempt_value() :
                                              attempt_squatter(squatter);

   attempt.type = FUZZ_NUMBER;
   if (dice < 15 && fuzz_chance(10)) {
      attempt.type = FUZZ_NT_HANDLE;
      attempt.verdict = BAD_UNMAPPED;
   }
   return attempt;
}

static void
import_some_numbers(UNUSED void *data)
{
   for (unsigned i = 0; i < SQUATTERS; i++)
      squatter_create(&numbers.squatters[i]);
   import_some(make_attempt, NULL);
   for (unsigned i = 0; i < SQUATTERS; i++)
      squatter_destroy(&numbers.squatters[i]);
}

void
import_numbers(UNUSED intptr_t arg)
{
   fuzz_open_device();
   numbers_create();
   fuzz_run("global share handles", 400, IMPORT_STEPS, import_some_numbers,
            NULL);
   for (unsigned i = 0; i < FUZZ_KINDS; i++)
      fuzz_destroy(numbers.syncs[i]);
   fuzz_check_nothing_left(true, true);
}

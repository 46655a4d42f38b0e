/* SPDX-License-Identifier: MIT */

/* What must not be imported or exported as memory, and what is left as it was
 * when it is tried.
 */
#include "foreign_handles.h"
#include "memory.h"

#include <string.h>
#include <wchar.h>

#define REFUSED VK_ERROR_INVALID_EXTERNAL_HANDLE
#define SIZE 70000u

#define TOO_SMALL "The section is too small"
#define NO_MEMORY "The section holds no memory of this version"

static void
expect_refused(struct vkt_device *device, VkDeviceSize size, VkFlags type,
               HANDLE handle, const char *text)
{
   memory_expect_refused(device, memory_imported(size, type, handle, NULL),
                         REFUSED, text);
}

static uint8_t *
map_section(HANDLE section)
{
   uint8_t *map = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);

   REQUIRE(map != NULL);
   return map;
}

/* The first page of the one, in a section of some size */
static HANDLE
copy_header(HANDLE genuine, DWORD size, const wchar_t *name)
{
   HANDLE section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL,
                                       PAGE_READWRITE, 0, size, name);
   uint8_t *from = map_section(genuine), *to = map_section(section);

   memcpy(to, from, 4096);
   UnmapViewOfFile(from);
   UnmapViewOfFile(to);
   return test_own_handle(section);
}

/* To be refused by us: the kernel would refuse to map it, too. */
static HANDLE
lying_section(HANDLE genuine)
{
   return copy_header(genuine, SIZE, NULL);
}

/* Others are in `fuzz/import`: payloads are in the same sections. */
static const struct {
   foreign_handle make;
   const char *text;
} sources[] = {
   {foreign_null, "The handle is NULL or a pseudo-handle"},
   {foreign_event, "The handle is not a section, or may not be queried"},
   {foreign_file_section,
    "The section is not plain, committed, pagefile-backed memory"},
   {foreign_small_section, TOO_SMALL},
   {lying_section, TOO_SMALL},
   {foreign_zero_section, NO_MEMORY},
   {foreign_random_section, NO_MEMORY},
   {foreign_huge_section, NO_MEMORY},
   {foreign_read_only, "The section may not be mapped for writing"},
   /* Last: nothing may take the value of a closed handle. */
   {foreign_closed, "The handle is not a valid handle"},
};

static void
foreign_handles(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct memory *a = memory_exportable(device, SIZE);

   for (unsigned i = 0; i < TEST_COUNT(sources); i++)
      expect_refused(device, SIZE, VKT_OPAQUE_WIN32,
                     sources[i].make(memory_export(a)), sources[i].text);
   memory_expect_works(a);
}

/* Payloads are not memory, however little of it is asked for, nor if a stranger
 * has put one into a section of the right size, with the right size where
 * memory has it, and under a number; and memory is no payload.
 */
static void
payload_and_memory(intptr_t kind)
{
   const uint64_t whole = SIZE;
   const uint32_t number =
      ((uint32_t)test_random() & 0x3ffffff8) | 0x40000002;
   struct vkt_device *device = vkt_open();
   struct vkt_object *object = vkt_create_for(device, kind, MEMORY_BOTH_TYPES);
   struct memory *memory = memory_create(device, SIZE, MEMORY_BOTH_TYPES);
   wchar_t name[32];
   HANDLE large;
   uint8_t *map;

   swprintf(name, TEST_COUNT(name), L"Local\\MesaVkKmt-%08x", number);
   large = copy_header(vkt_export(object), 4096 + SIZE, name);
   map = map_section(large);
   vkt_mark(object);
   for (VkDeviceSize size = 1; size <= SIZE; size *= 16) {
      expect_refused(device, size, VKT_OPAQUE_WIN32, vkt_export(object),
                     TOO_SMALL);
      expect_refused(device, size, VKT_OPAQUE_WIN32_KMT, vkt_number(object),
                     TOO_SMALL);
   }
   memcpy(map + 8, &whole, sizeof(whole));
   UnmapViewOfFile(map);
   expect_refused(device, SIZE, VKT_OPAQUE_WIN32, large, NO_MEMORY);
   expect_refused(device, SIZE, VKT_OPAQUE_WIN32_KMT,
                  (HANDLE)(uintptr_t)number, NO_MEMORY);
   EXPECT_RESULT(vkt_try_import(object, VKT_OPAQUE_WIN32, false,
                                memory_export(memory), NULL),
                 REFUSED);
   EXPECT_RESULT(vkt_import_number(object, memory_number(memory)), REFUSED);
   vkt_expect_marked(object);
   vkt_expect_works(object);
   memory_expect_works(memory);
}

/* An import has the size of the memory (see VUID-VkMemoryAllocateInfo-
 * allocationSize-01743). For a new one, no section is that large, or no process
 * has the room. 2^40 bytes can be had under Wine, but not mapped.
 */
static void
other_sizes(UNUSED intptr_t arg)
{
   static const VkDeviceSize sizes[] = {
      0, 1, SIZE - 1, SIZE + 1, SIZE + 4096, 2 * SIZE, 1ull << 32,
      (1ull << 32) + SIZE, 1ull << 40, 1ull << 56, INT64_MAX - 4096, INT64_MAX,
      1ull << 63, UINT64_MAX - 4096, UINT64_MAX - 4095, UINT64_MAX,
   };
   struct vkt_device *device = vkt_open();
   struct memory *a = memory_exportable(device, SIZE);
   HANDLE handle = memory_export(a);

   for (unsigned i = 0; i < TEST_COUNT(sizes); i++) {
      const bool no_section = sizes[i] == 0 || sizes[i] >= INT64_MAX;
      const struct memory_info info = {
         .size = sizes[i],
         .export_types = VKT_OPAQUE_WIN32,
      };

      test_diag("%llu bytes", (unsigned long long)sizes[i]);
      expect_refused(device, sizes[i], VKT_OPAQUE_WIN32, handle, "");
      if (no_section || sizes[i] >= 1ull << 40)
         memory_expect_refused(device, info, VK_ERROR_OUT_OF_DEVICE_MEMORY,
                               no_section ? "No section can hold %llu bytes"
                                          : "");
   }
   memory_expect_linked(a, memory_import(device, SIZE, handle));
}

/* What strangers write into the first page upsets imports, and no more. */
static void
scribbled_header(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct memory *a = memory_exportable(device, SIZE);
   HANDLE handle = memory_export(a);
   uint8_t *map = map_section(handle);
   uint8_t before[16];

   memcpy(before, map, sizeof(before));
   for (unsigned i = 0; i < sizeof(before); i++) {
      map[i] ^= 0x11;
      expect_refused(device, SIZE, VKT_OPAQUE_WIN32, handle,
                     i < 8 ? NO_MEMORY
                           : "The memory was allocated with %llu bytes, not "
                             "%llu");
      map[i] = before[i];
   }
   memset(map, 0xff, 4096);
   memory_expect_works(a);
   expect_refused(device, SIZE, VKT_OPAQUE_WIN32, handle, NO_MEMORY);
   memcpy(map, before, sizeof(before));
   memory_expect_linked(a, memory_import(device, SIZE, handle));
   UnmapViewOfFile(map);
}

static volatile LONG scribble_on;

static void
scribble(void *data)
{
   uint8_t *page = data, genuine[64];
   uint64_t state = 1;

   memcpy(genuine, page, sizeof(genuine));
   while (scribble_on) {
      const uint64_t random = test_next_random(&state);

      page[random % sizeof(genuine)] = (uint8_t)(random >> 8);
      if (random >> 61 == 0)
         memcpy(page, genuine, sizeof(genuine));
   }
   memcpy(page, genuine, sizeof(genuine));
}

/* The same while imports look at it: they work, with all that there is, or are
 * refused.
 */
static void
scribbled_meanwhile(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct memory *a = memory_exportable(device, SIZE), *b;
   struct memory *bystander = memory_exportable(device, SIZE);
   HANDLE handle = memory_export(a);
   uint8_t *page = map_section(handle), *bytes = memory_map(bystander);
   struct test_thread *thread;
   unsigned imported = 0;

   memset(bytes, 0x3c, SIZE);
   InterlockedExchange(&scribble_on, 1);
   thread = test_thread_start(scribble, page);
   for (unsigned i = 0; i < 3000 * test_scale() && !test_failed(); i++) {
      const VkDeviceSize size =
         test_random_below(2) ? SIZE : test_random() >> test_random_below(64);
      const VkResult result = memory_try_allocate(
         device, memory_imported(size, VKT_OPAQUE_WIN32, handle, NULL), &b);

      if (result != VK_SUCCESS) {
         EXPECT_RESULT(result, REFUSED);
         continue;
      }
      imported++;
      volatile uint8_t *map = memory_map(b);
      map[0] ^= 1;
      map[size - 1] ^= 1;
      memory_free(b);
   }
   InterlockedExchange(&scribble_on, 0);
   test_thread_join(thread);
   test_diag("%u imports worked", imported);
   EXPECT(imported > 0);
   for (unsigned i = 0; i < SIZE; i++)
      EXPECT_U64(bytes[i], 0x3c);
   memory_expect_linked(a, memory_import(device, SIZE, handle));
   UnmapViewOfFile(page);
}

static void
foreign_types(UNUSED intptr_t arg)
{
   static const char text[] =
      "Memory cannot be imported by handle type 0x%x and exported by 0x%x";
   struct vkt_device *device = vkt_open();
   struct memory *a = memory_exportable(device, SIZE);
   HANDLE handle = memory_export(a), exported = NULL;

   for (VkFlags type = 1; type != 0; type <<= 1) {
      struct memory_info info = {.size = SIZE, .export_types = type};

      if (type & MEMORY_BOTH_TYPES)
         continue;
      test_diag("handle type 0x%x", (unsigned)type);
      expect_refused(device, SIZE, type, handle, text);
      memory_expect_refused(device, info, REFUSED, text);
      info.export_types |= VKT_OPAQUE_WIN32;
      memory_expect_refused(device, info, REFUSED, text);
      EXPECT_RESULT(memory_try_export(a, type, &exported), VK_ERROR_UNKNOWN);
   }
}

/* Past what 32 bits can count; only a few pages of it are touched. */
static void
more_than_4_gib(UNUSED intptr_t arg)
{
   const struct memory_info info = {
      .size = (1ull << 32) + 65536,
      .export_types = VKT_OPAQUE_WIN32,
   };
   struct vkt_device *device = vkt_open();
   struct memory *a;
   const VkResult result = memory_try_allocate(device, info, &a);
   volatile uint8_t *bytes;

   if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY)
      test_skip("there is no room for it");
   REQUIRE_OK(result);
   bytes = memory_map(memory_import(device, info.size, memory_export(a)));
   ((volatile uint8_t *)memory_map(a))[info.size - 1] = 0x42;
   EXPECT_U64(bytes[info.size - 1], 0x42);
   EXPECT_U64(bytes[65535], 0);
   expect_refused(device, 65536, VKT_OPAQUE_WIN32, memory_export(a),
                  "The memory was allocated with %llu bytes");
}

const struct test_case test_cases[] = {
   {"foreign_handles", foreign_handles},
   VKT_CASES("payload_and_memory", payload_and_memory),
   {"other_sizes", other_sizes},
   {"scribbled_header", scribbled_header},
   {"scribbled_meanwhile", scribbled_meanwhile, 0, 120},
   {"foreign_types", foreign_types},
   {"more_than_4_gib", more_than_4_gib},
   {0},
};

/* SPDX-License-Identifier: MIT */

/* Random handles, sizes and handle types, and a stranger that writes into one
 * section's first page all the while: imports are refused or work, and
 * nothing else is touched.
 */
#include "foreign_handles.h"
#include "memory.h"

#include <string.h>

#define SIZE 20000u

static uint64_t
random_size(void)
{
   static const uint64_t edges[] = {0, 1, 4096, SIZE, 65536, 1ull << 31,
                                    1ull << 32, INT64_MAX, UINT64_MAX};

   switch (test_random_below(3)) {
   case 0:
      return SIZE;
   case 1:
      return edges[test_random_below(TEST_COUNT(edges))] +
             test_random_below(3) - 1;
   default:
      return test_random() >> test_random_below(64);
   }
}

static VkFlags
random_type(void)
{
   return test_random_below(4) ? 2u << test_random_below(2)
                               : 1u << test_random_below(32);
}

static HANDLE
random_handle(const HANDLE *handles, uint32_t count)
{
   const uint64_t value = test_random() >> test_random_below(48);

   if (test_random_below(4))
      return handles[test_random_below(count)];
   /* Far from what this process has open */
   return (HANDLE)(uintptr_t)(value < 0x100000 ? value + 0x100000 : value);
}

/* All there is of it can be touched, or there is none. */
static bool
try_import(struct vkt_device *device, HANDLE handle)
{
   const uint64_t size = random_size();
   struct memory *memory;
   const VkResult result = memory_try_import(device, size, random_type(),
                                             handle, NULL, &memory);

   EXPECT(result == VK_SUCCESS || result == VK_ERROR_OUT_OF_DEVICE_MEMORY ||
          result == VK_ERROR_INVALID_EXTERNAL_HANDLE);
   if (result != VK_SUCCESS)
      return false;
   REQUIRE(size > 0);
   volatile uint8_t *map = memory_map(memory);
   map[0] ^= 1;
   map[size / 2] ^= 1;
   map[size - 1] ^= 1;
   memory_free(memory);
   return true;
}

struct scribbler {
   uint8_t *page;
   volatile LONG stop;
   uint8_t genuine[64];
};

static void
scribble(void *data)
{
   struct scribbler *scribbler = data;
   uint32_t state = 1;

   while (!scribbler->stop) {
      state = state * 1664525 + 1013904223;
      scribbler->page[state >> 24 & 63] = (uint8_t)(state >> 16);
      if (!(state >> 8 & 7))
         memcpy(scribbler->page, scribbler->genuine, 64);
   }
   memcpy(scribbler->page, scribbler->genuine, 64);
}

static void
random_imports(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct memory *a = memory_create(device, SIZE, MEMORY_BOTH_TYPES);
   struct memory *scribbled = memory_exportable(device, SIZE);
   struct memory *bystander = memory_exportable(device, SIZE);
   struct vkt_object *payload = vkt_create_exportable(device, VKT_TIMELINE);
   const HANDLE genuine = memory_export(a), number = memory_number(a);
   const HANDLE disturbed = memory_export(scribbled);
   const HANDLE handles[] = {
      genuine, genuine, number, number, disturbed, disturbed, disturbed,
      vkt_export(payload), foreign_event(genuine),
      foreign_zero_section(genuine), foreign_random_section(genuine),
      foreign_reserve_section(genuine), foreign_read_only(genuine), NULL,
      INVALID_HANDLE_VALUE,
   };
   struct scribbler scribbler = {
      .page = MapViewOfFile(disturbed, FILE_MAP_WRITE, 0, 0, 4096),
   };
   struct test_thread *thread;
   unsigned imported = 0, disturbed_imported = 0;

   REQUIRE(scribbler.page != NULL);
   memcpy(scribbler.genuine, scribbler.page, sizeof(scribbler.genuine));
   memset(memory_map(bystander), 0x3c, SIZE);
   thread = test_thread_start(scribble, &scribbler);
   for (unsigned i = 0; i < 8000 * test_scale() && !test_failed(); i++) {
      HANDLE handle = random_handle(handles, TEST_COUNT(handles));
      const bool worked = try_import(device, handle);

      imported += worked;
      disturbed_imported += worked && handle == disturbed;
   }
   scribbler.stop = 1;
   test_thread_join(thread);
   test_diag("%u imports worked, %u of what was scribbled over", imported,
             disturbed_imported);
   EXPECT(imported > 50);
   EXPECT(disturbed_imported > 0);
   for (unsigned i = 0; i < SIZE; i++)
      EXPECT_U64(((uint8_t *)memory_map(bystander))[i], 0x3c);
   memory_expect_works(a);
   vkt_expect_works(payload);
   memory_expect_linked(scribbled, memory_import(device, SIZE, disturbed));
   UnmapViewOfFile(scribbler.page);
}

const struct test_case test_cases[] = {
   {"random_imports", random_imports, 0, 240},
   {0},
};

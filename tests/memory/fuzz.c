/* SPDX-License-Identifier: MIT */

/* Random handles, sizes and handle types, and a stranger that writes into the
 * section's first page all the while: imports are refused or work, and
 * nothing else is touched.
 */
#include "foreign_handles.h"
#include "memory.h"

#include <string.h>

#define SIZE 20000u

static bool
is_expected(VkResult result)
{
   return result == VK_SUCCESS || result == VK_ERROR_INVALID_EXTERNAL_HANDLE ||
          result == VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

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

/* All there is of it can be touched, or there is none. */
static void
try_import(struct vkt_device *device, uint64_t size, VkFlags type,
           HANDLE handle, unsigned *imported)
{
   struct memory *memory = NULL;
   const VkResult result = memory_try_import(device, size, type, handle, NULL,
                                             &memory);

   EXPECT(is_expected(result));
   if (result != VK_SUCCESS)
      return;
   (*imported)++;
   REQUIRE(size > 0);
   volatile uint8_t *map = memory_map(memory);
   map[0] ^= 1;
   map[size / 2] ^= 1;
   map[size - 1] ^= 1;
   memory_free(memory);
}

static void
random_imports(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct memory *a = memory_create(device, SIZE, MEMORY_BOTH_TYPES);
   struct vkt_object *payload = vkt_create_exportable(device, VKT_TIMELINE);
   const HANDLE genuine = memory_export(a), number = memory_number(a);
   const HANDLE handles[] = {
      genuine, genuine, number, number, vkt_export(payload),
      foreign_event(genuine), foreign_zero_section(genuine),
      foreign_random_section(genuine), foreign_reserve_section(genuine),
      foreign_read_only(genuine), NULL, INVALID_HANDLE_VALUE,
   };
   unsigned imported = 0;

   for (unsigned i = 0; i < 3000 * test_scale() && !test_failed(); i++) {
      HANDLE handle = handles[test_random_below(TEST_COUNT(handles))];

      if (!test_random_below(4)) {
         const uint64_t value = test_random() >> test_random_below(48);

         /* Far from what this process has open */
         handle = (HANDLE)(uintptr_t)(value < 0x100000 ? value + 0x100000
                                                       : value);
      }
      try_import(device, random_size(), random_type(), handle, &imported);
   }
   test_diag("%u imports worked", imported);
   EXPECT(imported > 50);
   memory_expect_works(a);
   vkt_expect_works(payload);
}

static void
random_allocations(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   unsigned allocated = 0;

   for (unsigned i = 0; i < 1000 * test_scale() && !test_failed(); i++) {
      struct memory_info info = {
         .size = random_size(),
         .export_types = random_type(),
      };
      struct memory *memory;
      VkResult result;

      /* Whether the larger ones can be had is the system's matter. */
      if (info.size > 1 << 24)
         info.size |= 1ull << 62;
      result = memory_try_allocate(device, &info, &memory);
      EXPECT(is_expected(result));
      if (result == VK_SUCCESS) {
         ((volatile uint8_t *)memory_map(memory))[info.size - 1] = 1;
         memory_free(memory);
         allocated++;
      }
   }
   test_diag("%u allocations worked", allocated);
   EXPECT(allocated > 50);
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
}

static void
scribbled_imports(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct memory *a = memory_exportable(device, SIZE);
   struct memory *bystander = memory_exportable(device, SIZE);
   HANDLE handle = memory_export(a);
   struct scribbler scribbler = {
      .page = MapViewOfFile(handle, FILE_MAP_WRITE, 0, 0, 4096),
   };
   struct test_thread *thread;
   unsigned imported = 0;

   REQUIRE(scribbler.page != NULL);
   memcpy(scribbler.genuine, scribbler.page, sizeof(scribbler.genuine));
   memset(memory_map(bystander), 0x3c, SIZE);
   thread = test_thread_start(scribble, &scribbler);
   for (unsigned i = 0; i < 3000 * test_scale() && !test_failed(); i++)
      try_import(device, test_random_below(2) ? SIZE : random_size(),
                 VKT_OPAQUE_WIN32, handle, &imported);
   scribbler.stop = 1;
   test_thread_join(thread);
   test_diag("%u imports worked", imported);
   EXPECT(imported > 0);
   for (unsigned i = 0; i < SIZE; i++)
      EXPECT_U64(((uint8_t *)memory_map(bystander))[i], 0x3c);
   memory_expect_works(a);
   memcpy(scribbler.page, scribbler.genuine, sizeof(scribbler.genuine));
   memory_expect_linked(a, memory_import(device, SIZE, handle));
   UnmapViewOfFile(scribbler.page);
}

static const struct test_case cases[] = {
   {"random_imports", random_imports, 0, 120},
   {"random_allocations", random_allocations, 0, 120},
   {"scribbled_imports", scribbled_imports, 0, 120},
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}

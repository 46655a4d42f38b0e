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

/* A thread of llvmpipe that has just been started may open one, but not each
 * time.
 */
#define TRIES 3

static void
expect_refused(struct vkt_device *device, VkDeviceSize size, VkFlags type,
               HANDLE handle, const char *text)
{
   const struct memory_info info = {
      .size = size,
      .import_type = type,
      .handle = handle,
   };
   DWORD flags;
   const BOOL open = GetHandleInformation(handle, &flags);
   unsigned handles, left = 1;

   for (unsigned i = 0; i < TRIES && left != 0; i++) {
      handles = test_count_handles();
      memory_expect_refused(device, &info, REFUSED, text);
      EXPECT(GetHandleInformation(handle, &flags) == open);
      left = test_count_handles() - handles;
   }
   EXPECT_U64(left, 0);
}

static const struct {
   const char *name;
   foreign_handle make;
} sources[] = {
   {"NULL", foreign_null},
   {"INVALID_HANDLE_VALUE", foreign_invalid_value},
   {"the current process", foreign_current_process},
   {"the current thread", foreign_current_thread},
   {"an event", foreign_event},
   {"a mutex", foreign_mutex},
   {"a semaphore", foreign_win32_semaphore},
   {"a timer", foreign_timer},
   {"a file", foreign_file},
   {"a pipe", foreign_pipe},
   {"a process", foreign_process},
   {"a thread", foreign_thread},
   {"a token", foreign_token},
   {"a section of zeros", foreign_zero_section},
   {"a section of random bytes", foreign_random_section},
   {"a section that is too small", foreign_small_section},
   {"a huge section", foreign_huge_section},
   {"a file's section", foreign_file_section},
   {"an image's section", foreign_image_section},
   {"a reserved section", foreign_reserve_section},
   {"a read-only handle", foreign_read_only},
   {"a query-only handle", foreign_query_only},
   /* Last: nothing may take the value of a closed handle. */
   {"a closed handle", foreign_closed},
};

static void
foreign_handles(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct memory *a = memory_exportable(device, SIZE);

   for (unsigned i = 0; i < TEST_COUNT(sources); i++) {
      test_diag("%s", sources[i].name);
      expect_refused(device, SIZE, VKT_OPAQUE_WIN32,
                     sources[i].make(memory_export(a)), "");
   }
   memory_expect_works(a);
}

static HANDLE
create_section(DWORD size, const wchar_t *name)
{
   HANDLE section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL,
                                       PAGE_READWRITE, 0, size, name);

   REQUIRE(section != NULL && GetLastError() != ERROR_ALREADY_EXISTS);
   return test_own_handle(section);
}

static uint8_t *
map_section(HANDLE section)
{
   uint8_t *map = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);

   REQUIRE(map != NULL);
   return map;
}

#define TOO_SMALL "The section is too small"
#define NO_MEMORY "The section holds no memory of this version"

/* A stranger has put the payload into a section of the right size, with the
 * right size where memory has it, and under a number: its magic tells.
 */
static void
expect_large_payload_refused(struct vkt_object *object)
{
   const uint32_t number =
      ((uint32_t)test_random() & 0x3ffffff8) | 0x40000002;
   const uint64_t size = SIZE;
   wchar_t name[32];
   HANDLE large;
   uint8_t *from, *to;

   swprintf(name, TEST_COUNT(name), L"Local\\MesaVkKmt-%08x", number);
   large = create_section(4096 + SIZE, name);
   from = map_section(vkt_export(object));
   to = map_section(large);
   memcpy(to, from, 4096);
   memcpy(to + 8, &size, sizeof(size));
   expect_refused(object->device, SIZE, VKT_OPAQUE_WIN32, large, NO_MEMORY);
   expect_refused(object->device, SIZE, VKT_OPAQUE_WIN32_KMT,
                  (HANDLE)(uintptr_t)number, NO_MEMORY);
   UnmapViewOfFile(from);
   UnmapViewOfFile(to);
}

/* Payloads are not memory, however little of it is asked for, and memory is
 * no payload.
 */
static void
payload_and_memory(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *object =
      vkt_create_for(device, (enum vkt_kind)kind, MEMORY_BOTH_TYPES);
   struct memory *memory = memory_create(device, SIZE, MEMORY_BOTH_TYPES);

   vkt_mark(object);
   for (VkDeviceSize size = 1; size <= SIZE; size *= 16) {
      expect_refused(device, size, VKT_OPAQUE_WIN32, vkt_export(object),
                     TOO_SMALL);
      expect_refused(device, size, VKT_OPAQUE_WIN32_KMT, vkt_number(object),
                     TOO_SMALL);
   }
   expect_large_payload_refused(object);
   EXPECT_RESULT(vkt_try_import(object, VKT_OPAQUE_WIN32, false,
                                memory_export(memory), NULL),
                 REFUSED);
   EXPECT_RESULT(vkt_import_number(object, memory_number(memory)), REFUSED);
   vkt_expect_marked(object);
   vkt_expect_works(object);
   memory_expect_works(memory);
}

/* VUID-VkMemoryAllocateInfo-allocationSize-01743: the sizes must match. */
static void
other_sizes(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct memory *a = memory_exportable(device, SIZE);
   HANDLE handle = memory_export(a);
   static const VkDeviceSize sizes[] = {
      0, 1, SIZE - 1, SIZE + 1, SIZE + 4096, 2 * SIZE, 1ull << 32,
      (1ull << 32) + SIZE, 1ull << 40, INT64_MAX - 4096, INT64_MAX,
      1ull << 63, UINT64_MAX - 4096, UINT64_MAX - 4095, UINT64_MAX,
   };

   for (unsigned i = 0; i < TEST_COUNT(sizes); i++) {
      test_diag("%llu bytes", (unsigned long long)sizes[i]);
      expect_refused(device, sizes[i], VKT_OPAQUE_WIN32, handle, "");
   }
   memory_expect_linked(a, memory_import(device, SIZE, handle));
}

/* Sections of all sizes with the genuine header of a larger one */
static void
lying_size(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct memory *a = memory_exportable(device, SIZE);
   uint8_t *genuine = map_section(memory_export(a));

   for (DWORD size = 4096; size < 4096 + SIZE; size += 4096) {
      HANDLE liar = create_section(size, NULL);
      uint8_t *map = map_section(liar);

      memcpy(map, genuine, 4096);
      UnmapViewOfFile(map);
      /* By us: the kernel would refuse to map it, too. */
      expect_refused(device, SIZE, VKT_OPAQUE_WIN32, liar, TOO_SMALL);
   }
   UnmapViewOfFile(genuine);
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

/* The same while imports look at it: they work, with all that there is, or are
 * refused.
 */
static void
scribbled_meanwhile(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct memory *a = memory_exportable(device, SIZE);
   struct memory *bystander = memory_exportable(device, SIZE);
   HANDLE handle = memory_export(a);
   struct scribbler scribbler = {.page = map_section(handle)};
   struct test_thread *thread;
   unsigned imported = 0;

   memcpy(scribbler.genuine, scribbler.page, sizeof(scribbler.genuine));
   memset(memory_map(bystander), 0x3c, SIZE);
   thread = test_thread_start(scribble, &scribbler);
   for (unsigned i = 0; i < 3000 * test_scale() && !test_failed(); i++) {
      const VkDeviceSize size =
         test_random_below(2) ? SIZE : test_random() >> test_random_below(64);
      struct memory *b;
      const VkResult result = memory_try_import(device, size, VKT_OPAQUE_WIN32,
                                                handle, NULL, &b);

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
   InterlockedExchange(&scribbler.stop, 1);
   test_thread_join(thread);
   test_diag("%u imports worked", imported);
   EXPECT(imported > 0);
   for (unsigned i = 0; i < SIZE; i++)
      EXPECT_U64(((uint8_t *)memory_map(bystander))[i], 0x3c);
   memory_expect_linked(a, memory_import(device, SIZE, handle));
   UnmapViewOfFile(scribbler.page);
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
      memory_expect_refused(device, &info, REFUSED, text);
      info.export_types |= VKT_OPAQUE_WIN32;
      memory_expect_refused(device, &info, REFUSED, text);
      EXPECT_RESULT(memory_try_export(a, type, &exported), VK_ERROR_UNKNOWN);
   }
}

/* No section is that large, or no process has the room. 2^40 bytes can be had
 * under Wine, but not mapped.
 */
static void
no_room(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   static const VkDeviceSize sizes[] = {
      0, 1ull << 40, 1ull << 56, INT64_MAX - 4096, INT64_MAX, 1ull << 63,
      UINT64_MAX - 4096, UINT64_MAX - 4095, UINT64_MAX,
   };

   for (unsigned i = 0; i < TEST_COUNT(sizes); i++) {
      const bool no_section = sizes[i] == 0 || sizes[i] >= INT64_MAX;
      const unsigned handles = test_count_handles();
      const struct memory_info info = {
         .size = sizes[i],
         .export_types = VKT_OPAQUE_WIN32,
      };

      test_diag("%llu bytes", (unsigned long long)sizes[i]);
      memory_expect_refused(device, &info, VK_ERROR_OUT_OF_DEVICE_MEMORY,
                            no_section ? "No section can hold %llu bytes"
                                       : "");
      EXPECT_U64(test_count_handles(), handles);
   }
}

/* Past what 32 bits can count; only a few pages of it are touched. */
static void
more_than_4_gib(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   const VkDeviceSize size = (1ull << 32) + 65536;
   const struct memory_info info = {
      .size = size,
      .export_types = VKT_OPAQUE_WIN32,
   };
   struct memory *a, *b;
   const VkResult result = memory_try_allocate(device, &info, &a);

   if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY)
      test_skip("there is no room for it");
   REQUIRE_OK(result);
   b = memory_import(device, size, memory_export(a));
   ((volatile uint8_t *)memory_map(a))[size - 1] = 0x42;
   EXPECT_U64(((volatile uint8_t *)memory_map(b))[size - 1], 0x42);
   EXPECT_U64(((volatile uint8_t *)memory_map(b))[65535], 0);
   expect_refused(device, 65536, VKT_OPAQUE_WIN32, memory_export(a),
                  "The memory was allocated with %llu bytes");
}

const struct test_case test_cases[] = {
   {"foreign_handles", foreign_handles},
   VKT_CASES("payload_and_memory", payload_and_memory),
   {"other_sizes", other_sizes},
   {"lying_size", lying_size},
   {"scribbled_header", scribbled_header},
   {"scribbled_meanwhile", scribbled_meanwhile, 0, 120},
   {"foreign_types", foreign_types},
   {"no_room", no_room},
   {"more_than_4_gib", more_than_4_gib},
   {0},
};

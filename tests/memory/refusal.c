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
               HANDLE handle)
{
   struct memory *memory = NULL;
   DWORD flags;
   const BOOL open = GetHandleInformation(handle, &flags);
   unsigned handles, left = 1;

   for (unsigned i = 0; i < TRIES && left != 0; i++) {
      handles = test_count_handles();
      vkt_clear_messages(device);
      EXPECT_RESULT(memory_try_import(device, size, type, handle, NULL,
                                      &memory), REFUSED);
      EXPECT(memory == NULL);
      memory_expect_message(device, "VK_ERROR_INVALID_EXTERNAL_HANDLE");
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
                     sources[i].make(memory_export(a)));
   }
   memory_expect_works(a);
}

static HANDLE
create_section(DWORD size)
{
   return test_own_handle(CreateFileMappingW(INVALID_HANDLE_VALUE, NULL,
                                             PAGE_READWRITE, 0, size, NULL));
}

static uint8_t *
map_section(HANDLE section)
{
   uint8_t *map = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);

   REQUIRE(map != NULL);
   return map;
}

/* Payloads are not memory, however little of it is asked for. */
static void
payload_as_memory(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *object =
      vkt_create_info(device, &(struct vkt_object_info){
                                 .kind = (enum vkt_kind)kind,
                                 .export_types = MEMORY_BOTH_TYPES,
                              });
   HANDLE number = NULL;

   REQUIRE_OK(vkt_try_export(object, VKT_OPAQUE_WIN32_KMT, &number));
   vkt_mark(object);
   for (VkDeviceSize size = 1; size <= SIZE; size *= 16) {
      expect_refused(device, size, VKT_OPAQUE_WIN32, vkt_export(object));
      expect_refused(device, size, VKT_OPAQUE_WIN32_KMT, number);
   }
   vkt_expect_marked(object);
   vkt_expect_works(object);
}

/* Nor is one that somebody has put into a section of the right size, with the
 * right size where memory has it: its magic tells.
 */
static void
large_payload_as_memory(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *object = vkt_create_exportable(device,
                                                     (enum vkt_kind)kind);
   HANDLE large = create_section(4096 + SIZE);
   uint8_t *from = map_section(vkt_export(object)), *to = map_section(large);
   const uint64_t size = SIZE;
   char message[1024];

   memcpy(to, from, 4096);
   memcpy(to + 8, &size, sizeof(size));
   expect_refused(device, SIZE, VKT_OPAQUE_WIN32, large);
   vkt_last_message(device, message, sizeof(message));
   EXPECT(strstr(message, "holds no memory") != NULL);
   UnmapViewOfFile(from);
   UnmapViewOfFile(to);
}

static void
memory_as_payload(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct memory *a = memory_create(device, SIZE, MEMORY_BOTH_TYPES);
   struct vkt_object *object = vkt_create(device, (enum vkt_kind)kind);

   vkt_mark(object);
   EXPECT_RESULT(vkt_try_import(object, VKT_OPAQUE_WIN32, false,
                                memory_export(a), NULL),
                 REFUSED);
   EXPECT_RESULT(vkt_try_import(object, VKT_OPAQUE_WIN32_KMT, false,
                                memory_number(a), NULL),
                 REFUSED);
   vkt_expect_marked(object);
   vkt_expect_works(object);
   memory_expect_works(a);
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
      expect_refused(device, sizes[i], VKT_OPAQUE_WIN32, handle);
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
      HANDLE liar = create_section(size);
      uint8_t *map = map_section(liar);

      memcpy(map, genuine, 4096);
      UnmapViewOfFile(map);
      expect_refused(device, SIZE, VKT_OPAQUE_WIN32, liar);
      /* By us: the kernel would refuse to map it, too. */
      memory_expect_text(device, "The section is too small");
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
      expect_refused(device, SIZE, VKT_OPAQUE_WIN32, handle);
      memory_expect_text(device,
                         i < 8 ? "The section holds no memory of this "
                                 "version" :
                         "The memory was allocated with %llu bytes, not "
                         "%llu");
      map[i] = before[i];
   }
   memset(map, 0xff, 4096);
   memory_expect_works(a);
   expect_refused(device, SIZE, VKT_OPAQUE_WIN32, handle);
   memcpy(map, before, sizeof(before));
   memory_expect_linked(a, memory_import(device, SIZE, handle));
   UnmapViewOfFile(map);
}

/* A stranger has put something else under a number. */
static void
impostor(UNUSED intptr_t arg)
{
   static const DWORD sizes[] = {1, 4096, 4096 + SIZE, 1 << 20};
   struct vkt_device *device = vkt_open();
   const uint32_t number =
      ((uint32_t)test_random() & 0x3ffffff8) | 0x40000002;
   wchar_t name[32];

   swprintf(name, TEST_COUNT(name), L"Local\\MesaVkKmt-%08x", number);
   for (unsigned i = 0; i < TEST_COUNT(sizes); i++) {
      HANDLE section =
         CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0,
                            sizes[i], name);

      REQUIRE(section != NULL && GetLastError() != ERROR_ALREADY_EXISTS);
      expect_refused(device, SIZE, VKT_OPAQUE_WIN32_KMT,
                     (HANDLE)(uintptr_t)number);
      memory_expect_text(device, sizes[i] > 4096 ?
                                 "The section holds no memory of this version" :
                                 "The section is too small");
      CloseHandle(section);
   }
}

static const VkFlags foreign_types[] = {
   VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT,
   VK_EXTERNAL_MEMORY_HANDLE_TYPE_D3D11_TEXTURE_BIT,
   VK_EXTERNAL_MEMORY_HANDLE_TYPE_D3D11_TEXTURE_KMT_BIT,
   VK_EXTERNAL_MEMORY_HANDLE_TYPE_D3D12_HEAP_BIT,
   VK_EXTERNAL_MEMORY_HANDLE_TYPE_D3D12_RESOURCE_BIT,
   VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT,
   0x40000000,
};

#define UNSUPPORTED_TYPES \
   "Memory cannot be imported by handle type 0x%x and exported by 0x%x"

static void
foreign_type_on_import(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   HANDLE handle = memory_export(memory_exportable(device, SIZE));

   for (unsigned i = 0; i < TEST_COUNT(foreign_types); i++) {
      test_diag("handle type 0x%x", (unsigned)foreign_types[i]);
      expect_refused(device, SIZE, foreign_types[i], handle);
      memory_expect_text(device, UNSUPPORTED_TYPES);
   }
}

static void
foreign_type_on_export(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct memory *a = memory_exportable(device, SIZE);
   HANDLE handle = NULL;

   for (unsigned i = 0; i < TEST_COUNT(foreign_types); i++) {
      test_diag("handle type 0x%x", (unsigned)foreign_types[i]);
      for (VkFlags also = 0; also <= VKT_OPAQUE_WIN32;
           also += VKT_OPAQUE_WIN32)
         memory_expect_refused(device,
                               &(struct memory_info){
                                  .size = SIZE,
                                  .export_types = foreign_types[i] | also,
                               },
                               REFUSED, UNSUPPORTED_TYPES);
      EXPECT_RESULT(memory_try_export(a, foreign_types[i], &handle),
                    VK_ERROR_UNKNOWN);
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
      const unsigned handles = test_count_handles();
      struct memory *a;

      test_diag("%llu bytes", (unsigned long long)sizes[i]);
      vkt_clear_messages(device);
      EXPECT_RESULT(memory_try_allocate(device,
                                        &(struct memory_info){
                                           .size = sizes[i],
                                           .export_types = VKT_OPAQUE_WIN32,
                                        },
                                        &a),
                    VK_ERROR_OUT_OF_DEVICE_MEMORY);
      memory_expect_message(device, "VK_ERROR_OUT_OF_DEVICE_MEMORY");
      if (sizes[i] == 0 || sizes[i] >= INT64_MAX)
         memory_expect_text(device, "No section can hold %llu bytes");
      EXPECT_U64(test_count_handles(), handles);
   }
}

/* Past what 32 bits can count; only a few pages of it are touched. */
static void
more_than_4_gib(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   const VkDeviceSize size = (1ull << 32) + 65536;
   struct memory *a, *b = NULL;
   VkResult result = memory_try_allocate(device,
                                         &(struct memory_info){
                                            .size = size,
                                            .export_types = VKT_OPAQUE_WIN32,
                                         },
                                         &a);

   if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY)
      test_skip("there is no room for it");
   REQUIRE_OK(result);
   b = memory_import(device, size, memory_export(a));
   ((volatile uint8_t *)memory_map(a))[size - 1] = 0x42;
   EXPECT_U64(((volatile uint8_t *)memory_map(b))[size - 1], 0x42);
   EXPECT_U64(((volatile uint8_t *)memory_map(b))[65535], 0);
   expect_refused(device, 65536, VKT_OPAQUE_WIN32, memory_export(a));
}

static const struct test_case cases[] = {
   {"foreign_handles", foreign_handles, 0, 0},
   VKT_CASES("payload_as_memory", payload_as_memory),
   VKT_CASES("large_payload_as_memory", large_payload_as_memory),
   VKT_CASES("memory_as_payload", memory_as_payload),
   {"other_sizes", other_sizes, 0, 0},
   {"lying_size", lying_size, 0, 0},
   {"scribbled_header", scribbled_header, 0, 0},
   {"impostor", impostor, 0, 0},
   {"foreign_type_on_import", foreign_type_on_import, 0, 0},
   {"foreign_type_on_export", foreign_type_on_export, 0, 0},
   {"no_room", no_room, 0, 0},
   {"more_than_4_gib", more_than_4_gib, 0, 0},
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}

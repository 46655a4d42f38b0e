/* SPDX-License-Identifier: MIT */

/* How memory gets from one device to another, and how long it lives. What
 * rights a name and an access word give is in the suite `driver`: payloads are
 * in the same sections.
 */
#include "share.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define REFUSED VK_ERROR_INVALID_EXTERNAL_HANDLE
#define SIZE 12345u

static void
new_memory_is_aligned_and_zero(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   VkPhysicalDeviceProperties properties;

   vkGetPhysicalDeviceProperties(device->physical, &properties);
   EXPECT_U64(4096 % properties.limits.minMemoryMapAlignment, 0);
   for (VkDeviceSize size = 1; size < 1 << 20; size = size * 3 + 1) {
      struct memory *a = memory_exportable(device, size);
      struct memory *b = memory_import(device, size, memory_export(a));
      const uint8_t *bytes = memory_map(b);

      EXPECT_U64((uintptr_t)memory_map(a) % 4096, 0);
      EXPECT_U64((uintptr_t)bytes % 4096, 0);
      for (VkDeviceSize i = 0; i < size; i++)
         EXPECT_U64(bytes[i], 0);
      memory_expect_linked(a, b);
   }
}

static void
handles_and_holders(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   struct memory *a = memory_exportable(device, SIZE), *b, *c;
   HANDLE first = memory_export(a), handle = memory_export(a);
   DWORD flags;

   /* Each export gives a handle of its own. */
   EXPECT(first != handle);
   test_close(first);
   b = memory_import(other, SIZE, handle);
   EXPECT(GetHandleInformation(handle, &flags));
   memory_expect_linked(a, b);

   /* The importer keeps the bytes, */
   memset(memory_map(a), 0x5a, SIZE);
   memory_free(a);
   vkt_close_device(device);
   EXPECT_U64(((uint8_t *)memory_map(b))[SIZE - 1], 0x5a);

   /* and so does the handle alone. */
   memory_free(b);
   b = memory_import(other, SIZE, handle);
   EXPECT_U64(((uint8_t *)memory_map(b))[SIZE - 1], 0x5a);

   c = memory_import(other, SIZE, handle);
   test_close(handle);
   memory_expect_linked(b, c);
   memory_free(b);
   memory_expect_works(c);
}

static struct memory_info
named(const wchar_t *name)
{
   return (struct memory_info){
      .size = SIZE,
      .export_types = VKT_OPAQUE_WIN32,
      .win32_info = true,
      .access = GENERIC_ALL,
      .name = name,
   };
}

static struct memory_info
imported(VkFlags type, HANDLE handle, const wchar_t *name)
{
   return memory_imported(SIZE, type, handle, name);
}

static void
expect_refused(struct vkt_device *device, struct memory_info info,
               const char *text)
{
   memory_expect_refused(device, info, REFUSED, text);
}

#define NOTHING_OPENS "No section of this name can be opened"

static void
names(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   const wchar_t *name = vkt_make_name(L"");
   wchar_t *passed = wcsdup(name);
   struct memory *a = memory_allocate(device, named(passed)), *b;

   /* It was copied. */
   wmemset(passed, L'x', wcslen(passed));
   free(passed);
   b = memory_allocate(other, imported(VKT_OPAQUE_WIN32, NULL, name));
   memory_expect_linked(a, b);

   /* What has it is never adopted, and is no global share handle. */
   expect_refused(device, named(name), "The name for export is already taken");
   expect_refused(other, imported(VKT_OPAQUE_WIN32_KMT, NULL, name),
                  "The handle is not a global share handle");

   /* It goes with the memory. */
   memory_free(a);
   memory_free(b);
   memory_allocate(device, named(name));
}

static void
numbers(intptr_t types)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   struct memory *a = memory_create(device, SIZE, (VkFlags)types), *b, *c;
   HANDLE number = memory_number(a);
   const struct memory_info by_number = imported(VKT_OPAQUE_WIN32_KMT, number,
                                                 NULL);
   struct memory_info info = named(vkt_make_name(L""));
   DWORD flags;

   EXPECT(memory_number(a) == number);
   EXPECT(!GetHandleInformation(number, &flags));
   EXPECT(!CloseHandle(number));
   if (types == MEMORY_BOTH_TYPES) {
      HANDLE handle = memory_export(a);

      b = memory_import(other, SIZE, handle);
      test_close(handle);
   } else {
      b = memory_allocate(other, by_number);
   }
   memory_expect_linked(a, b);

   /* It lives as long as the memory, however that was imported. */
   memory_free(a);
   c = memory_allocate(other, by_number);
   memory_expect_linked(b, c);
   memory_free(b);
   memory_free(c);
   expect_refused(other, by_number, NOTHING_OPENS);

   /* An object has one name, and here that is the number. */
   info.export_types = (VkFlags)types;
   expect_refused(device, info, "What has a global share handle has no name");
   /* The name is as free as before. */
   memory_allocate(device, named(info.name));
}

/* What exportFromImportedHandleTypes says, and an NT handle from a number,
 * which is more than it promises
 */
static void
exported_from_imported(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct memory *a = memory_create(device, SIZE, MEMORY_BOTH_TYPES), *b, *c;
   HANDLE number = memory_number(a);
   struct memory_info by_handle = imported(VKT_OPAQUE_WIN32, memory_export(a),
                                           NULL);
   struct memory_info by_number = imported(VKT_OPAQUE_WIN32_KMT, number, NULL);

   by_handle.export_types = VKT_OPAQUE_WIN32;
   by_number.export_types = MEMORY_BOTH_TYPES;
   b = memory_allocate(device, by_handle);
   c = memory_allocate(device, by_number);
   EXPECT(memory_number(c) == number);
   memory_expect_linked(a, memory_import(device, SIZE, memory_export(b)));
   memory_expect_linked(a, memory_import(device, SIZE, memory_export(c)));

   by_handle.win32_info = true;
   by_handle.name = L"lvp-memory-renamed";
   expect_refused(device, by_handle,
                  "Memory that is imported cannot be given a name");
   by_handle.name = NULL;
   by_handle.export_types = MEMORY_BOTH_TYPES;
   expect_refused(device, by_handle,
                  "Memory that is imported by an NT handle cannot be exported "
                  "by a global share handle");
}

/* DXGI_SHARED_RESOURCE_READ | _WRITE is what the CTS asks for. */
static void
access_attributes(UNUSED intptr_t arg)
{
   static const DWORD words[] = {0, GENERIC_ALL, 0x80000001};
   struct vkt_device *device = vkt_open();

   for (unsigned i = 0; i < 2 * TEST_COUNT(words); i++) {
      const bool all = i % 2;
      SECURITY_ATTRIBUTES attributes =
         vkt_attributes(all ? L"D:(A;;0x7;;;WD)" : L"D:(A;;0x5;;;WD)");
      struct memory_info info = named(vkt_make_name(L""));
      const struct memory_info by_name = imported(VKT_OPAQUE_WIN32, NULL,
                                                  info.name);
      struct memory *a;
      HANDLE handle;
      DWORD flags = 0;

      attributes.bInheritHandle = all;
      info.attributes = &attributes;
      info.access = words[i / 2];
      a = memory_allocate(device, info);
      handle = memory_export(a);
      test_diag("dwAccess 0x%08lx", (unsigned long)info.access);
      REQUIRE(GetHandleInformation(handle, &flags));
      EXPECT_U64(flags & HANDLE_FLAG_INHERIT, all ? HANDLE_FLAG_INHERIT : 0);
      /* The name is guarded, and the exporter's own handle has what creation
       * gave it.
       */
      if (all)
         memory_expect_linked(a, memory_allocate(device, by_name));
      else
         expect_refused(device, by_name, NOTHING_OPENS);
      memory_expect_linked(a, memory_import(device, SIZE, handle));
   }
}

static void
private_memory_has_no_handle(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct memory *b = memory_exportable(device, SIZE);
   const struct {
      struct memory *memory;
      VkFlags type;
   } refused[] = {
      {memory_create(device, SIZE, 0), VKT_OPAQUE_WIN32},
      {b, VKT_OPAQUE_WIN32_KMT},
      {memory_import(device, SIZE, memory_export(b)), VKT_OPAQUE_WIN32},
   };

   for (unsigned i = 0; i < TEST_COUNT(refused); i++) {
      HANDLE handle = NULL;

      vkt_clear_messages(device);
      EXPECT_RESULT(memory_try_export(refused[i].memory, refused[i].type,
                                      &handle), VK_ERROR_UNKNOWN);
      vkt_expect_message(device, VK_ERROR_UNKNOWN,
                         "The memory was not allocated for export by handle "
                         "type 0x%x");
   }
}

/* Memory may be freed before what is bound to it, of which the device must
 * not keep or touch anything: that would be what is not mapped any more.
 */
static void
freed_before_resources(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   const struct memory_info info = {.export_types = VKT_OPAQUE_WIN32};

   for (unsigned i = 0; i < 2; i++) {
      struct share *share = share_create(device, kind, false, &info);

      for (int method = SHARE_BY_TRANSFER; method <= SHARE_BY_FRAGMENT;
           method++) {
         const uint32_t tag = 4 * i + method;

         share_write(share, method, tag, NULL);
         share_begin_read(share, method, NULL);
         EXPECT_U64(share_end_read(share, tag), 0);
      }
      vkt_wait_idle(device);
      memory_free(share_memory(share));
   }
}

#define CYCLES 5500
#define WARM_UP 500

/* Allocates for export, exports, imports in each way, touches, frees. */
static void
cycle(struct vkt_device *device, struct vkt_device *other)
{
   struct memory *a = memory_create(device, SIZE, MEMORY_BOTH_TYPES), *none;
   HANDLE handle = memory_export(a);
   struct memory *b = memory_import(other, SIZE, handle);
   struct memory *c = memory_allocate(other, imported(VKT_OPAQUE_WIN32_KMT,
                                                      memory_number(a), NULL));

   EXPECT_RESULT(memory_try_allocate(
                    other, memory_imported(SIZE + 1, VKT_OPAQUE_WIN32, handle,
                                           NULL), &none), REFUSED);
   test_close(handle);
   memory_expect_linked(b, c);
   memory_free(c);
   memory_free(b);
   memory_free(a);
}

/* A view goes with the handle, see driver/cycles.c. */
static void
cycles(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   unsigned handles = 0;
   uint64_t bytes = 0;

   for (unsigned i = 0; i < CYCLES && !test_failed(); i++) {
      if (i == WARM_UP) {
         handles = test_count_handles();
         bytes = vkt_private_bytes();
      }
      cycle(device, other);
   }

   const int64_t more = vkt_private_bytes() - bytes;
   test_diag("private memory: %lld bytes more", (long long)more);
   EXPECT_U64(test_count_handles(), handles);
   /* A leak of 32 bytes a cycle would be more. */
   EXPECT(more < 160 * 1024);
}

const struct test_case test_cases[] = {
   /* First: what other cases leave to be closed would count. */
   {"cycles", cycles, 0, 400},
   {"new_memory_is_aligned_and_zero", new_memory_is_aligned_and_zero},
   {"handles_and_holders", handles_and_holders},
   {"names", names},
   {"numbers", numbers, VKT_OPAQUE_WIN32_KMT},
   {"numbers_beside_handles", numbers, MEMORY_BOTH_TYPES},
   {"exported_from_imported", exported_from_imported},
   {"access_attributes", access_attributes},
   {"private_memory_has_no_handle", private_memory_has_no_handle},
   {"buffer_outlives_memory", freed_before_resources, SHARE_BUFFER},
   {"image_outlives_memory", freed_before_resources, SHARE_IMAGE},
   {0},
};

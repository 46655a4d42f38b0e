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
   VkDeviceSize alignment;

   vkGetPhysicalDeviceProperties(device->physical, &properties);
   alignment = properties.limits.minMemoryMapAlignment;
   test_diag("minMemoryMapAlignment is %llu", (unsigned long long)alignment);
   for (VkDeviceSize size = 1; size < 1 << 20; size = size * 3 + 1) {
      struct memory *a = memory_exportable(device, size);
      struct memory *b = memory_import(device, size, memory_export(a));
      const uint8_t *bytes = memory_map(b);

      EXPECT_U64((uintptr_t)memory_map(a) % alignment, 0);
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
   return (struct memory_info){
      .size = SIZE,
      .import_type = type,
      .handle = handle,
      .import_name = name,
   };
}

static void
expect_refused(struct vkt_device *device, struct memory_info info,
               const char *text)
{
   memory_expect_refused(device, &info, REFUSED, text);
}

static struct memory *
allocate(struct vkt_device *device, struct memory_info info)
{
   return memory_allocate(device, &info);
}

#define NOTHING_OPENS "No section of this name can be opened"

static void
names(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   const wchar_t *name = vkt_make_name(L"");
   wchar_t *passed = wcsdup(name);
   struct memory *a = allocate(device, named(passed)), *b;

   /* It was copied. */
   wmemset(passed, L'x', wcslen(passed));
   free(passed);
   b = allocate(other, imported(VKT_OPAQUE_WIN32, NULL, name));
   memory_expect_linked(a, b);

   /* What has it is never adopted, and is no global share handle. */
   expect_refused(device, named(name), "The name for export is already taken");
   expect_refused(other, imported(VKT_OPAQUE_WIN32_KMT, NULL, name),
                  "The handle is not a global share handle");

   /* It goes with the memory, */
   memory_free(a);
   memory_free(b);
   expect_refused(other, imported(VKT_OPAQUE_WIN32, NULL, name),
                  NOTHING_OPENS);
   /* and is free again. */
   allocate(device, named(name));
}

static void
numbers(intptr_t types)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   struct memory *a = memory_create(device, SIZE, (VkFlags)types), *b, *c;
   HANDLE number = memory_number(a);
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
      b = allocate(other, imported(VKT_OPAQUE_WIN32_KMT, number, NULL));
   }
   memory_expect_linked(a, b);

   /* It lives as long as the memory, however that was imported. */
   memory_free(a);
   c = allocate(other, imported(VKT_OPAQUE_WIN32_KMT, number, NULL));
   memory_expect_linked(b, c);
   memory_free(b);
   memory_free(c);
   expect_refused(other, imported(VKT_OPAQUE_WIN32_KMT, number, NULL),
                  NOTHING_OPENS);

   /* An object has one name, and here that is the number. */
   info.export_types = (VkFlags)types;
   expect_refused(device, info, "What has a global share handle has no name");
   /* The name is as free as before. */
   allocate(device, named(info.name));
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
   b = allocate(device, by_handle);
   c = allocate(device, by_number);
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
access_and_inheritance(UNUSED intptr_t arg)
{
   static const DWORD words[] = {0, GENERIC_ALL, 0x80000001};
   struct vkt_device *device = vkt_open();

   for (unsigned i = 0; i < 2 * TEST_COUNT(words); i++) {
      const SECURITY_ATTRIBUTES attributes = {
         .nLength = sizeof(attributes),
         .bInheritHandle = i % 2,
      };
      struct memory_info info = named(NULL);
      struct memory *a;
      HANDLE handle;
      DWORD flags = 0;

      info.access = words[i / 2];
      info.attributes = &attributes;
      a = memory_allocate(device, &info);
      handle = memory_export(a);
      test_diag("dwAccess 0x%08lx", (unsigned long)info.access);
      REQUIRE(GetHandleInformation(handle, &flags));
      EXPECT_U64(flags & HANDLE_FLAG_INHERIT,
                 attributes.bInheritHandle ? HANDLE_FLAG_INHERIT : 0);
      memory_expect_linked(a, memory_import(device, SIZE, handle));
   }
}

static void
descriptor_guards_the_name(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();

   for (int enough = 0; enough < 2; enough++) {
      const SECURITY_ATTRIBUTES attributes =
         vkt_attributes(enough ? L"D:(A;;0x7;;;WD)" : L"D:(A;;0x5;;;WD)");
      const wchar_t *name = vkt_make_name(L"");
      const struct memory_info import = imported(VKT_OPAQUE_WIN32, NULL, name);
      struct memory_info info = named(name);
      struct memory *a;

      info.attributes = &attributes;
      a = memory_allocate(device, &info);
      if (enough)
         memory_expect_linked(a, memory_allocate(device, &import));
      else
         expect_refused(device, import, NOTHING_OPENS);
      /* The exporter's own handle has what creation gave it. */
      memory_expect_linked(a, memory_import(device, SIZE, memory_export(a)));
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
      struct share *share = share_create(device, (enum share_kind)kind, false,
                                         &info);

      for (int method = SHARE_BY_TRANSFER; method <= SHARE_BY_FRAGMENT;
           method++) {
         share_write(share, (enum share_method)method, i, NULL);
         share_begin_read(share, (enum share_method)method, NULL);
         EXPECT_U64(share_end_read(share, i), 0);
      }
      vkt_wait_idle(device);
      memory_free(share_memory(share));
   }
}

const struct test_case test_cases[] = {
   {"new_memory_is_aligned_and_zero", new_memory_is_aligned_and_zero},
   {"handles_and_holders", handles_and_holders},
   {"names", names},
   {"numbers", numbers, VKT_OPAQUE_WIN32_KMT},
   {"numbers_beside_handles", numbers, MEMORY_BOTH_TYPES},
   {"exported_from_imported", exported_from_imported},
   {"access_and_inheritance", access_and_inheritance},
   {"descriptor_guards_the_name", descriptor_guards_the_name},
   {"private_memory_has_no_handle", private_memory_has_no_handle},
   {"buffer_outlives_memory", freed_before_resources, SHARE_BUFFER},
   {"image_outlives_memory", freed_before_resources, SHARE_IMAGE},
   {0},
};

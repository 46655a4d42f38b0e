/* SPDX-License-Identifier: MIT */

/* How memory gets from one device to another, and how long it lives. */
#include "memory.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define REFUSED VK_ERROR_INVALID_EXTERNAL_HANDLE
#define SIZE 12345u

static void
links(UNUSED intptr_t arg)
{
   struct memory *a = memory_exportable(vkt_open(), SIZE);

   memory_expect_linked(a, memory_import(vkt_open(), SIZE, memory_export(a)));
}

static void
starts_with_zeros(UNUSED intptr_t arg)
{
   struct memory *memory = memory_exportable(vkt_open(), SIZE);
   const uint8_t *map = memory_map(memory);

   for (unsigned i = 0; i < SIZE; i++)
      EXPECT_U64(map[i], 0);
}

static void
is_aligned(UNUSED intptr_t arg)
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

      EXPECT_U64((uintptr_t)memory_map(a) % alignment, 0);
      EXPECT_U64((uintptr_t)memory_map(b) % 4096, 0);
      memory_expect_linked(a, b);
   }
}

static void
each_export_is_a_new_handle(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct memory *a = memory_exportable(device, SIZE);
   HANDLE first = memory_export(a), second = memory_export(a);

   EXPECT(first != second);
   test_close(first);
   memory_expect_linked(a, memory_import(device, SIZE, second));
}

static void
import_leaves_the_handle(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct memory *a = memory_exportable(device, SIZE);
   HANDLE handle = memory_export(a);
   struct memory *b = memory_import(device, SIZE, handle);
   struct memory *c;
   DWORD flags;

   memory_free(b);
   EXPECT(GetHandleInformation(handle, &flags));
   c = memory_import(device, SIZE, handle);
   test_close(handle);
   memory_expect_linked(a, c);
}

static void
outlives_the_exporter(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   struct memory *a = memory_exportable(device, SIZE);
   HANDLE handle = memory_export(a);
   struct memory *b = memory_import(other, SIZE, handle), *c;

   memset(memory_map(a), 0x5a, SIZE);
   memory_free(a);
   vkt_close_device(device);
   EXPECT_U64(((uint8_t *)memory_map(b))[SIZE - 1], 0x5a);
   c = memory_import(other, SIZE, handle);
   memory_expect_linked(b, c);
   memory_free(b);
   memory_expect_works(c);
}

static void
handle_alone_keeps_the_bytes(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct memory *a = memory_exportable(device, SIZE);
   HANDLE handle = memory_export(a);

   memset(memory_map(a), 0x77, SIZE);
   memory_free(a);
   a = memory_import(device, SIZE, handle);
   EXPECT_U64(((uint8_t *)memory_map(a))[SIZE / 2], 0x77);
}

static struct memory *
create_named(struct vkt_device *device, const wchar_t *name)
{
   return memory_allocate(device, &(struct memory_info){
                                     .size = SIZE,
                                     .export_types = VKT_OPAQUE_WIN32,
                                     .win32_info = true,
                                     .access = GENERIC_ALL,
                                     .name = name,
                                  });
}

static struct memory *
import_named(struct vkt_device *device, const wchar_t *name)
{
   struct memory *memory = NULL;

   REQUIRE_OK(memory_try_import(device, SIZE, VKT_OPAQUE_WIN32, NULL, name,
                                &memory));
   return memory;
}

static struct memory *
import_number(struct vkt_device *device, HANDLE number)
{
   struct memory *memory = NULL;

   REQUIRE_OK(memory_try_import(device, SIZE, VKT_OPAQUE_WIN32_KMT, number,
                                NULL, &memory));
   return memory;
}

static void
freeing_closes_everything(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   unsigned handles = 0;

   for (unsigned i = 0; i < 4; i++) {
      struct memory *a =
         i & 1 ? create_named(device, vkt_make_name(L""))
               : memory_create(device, SIZE, MEMORY_BOTH_TYPES);
      HANDLE handle = memory_export(a);
      struct memory *b = memory_import(device, SIZE, handle);

      test_close(handle);
      memory_free(a);
      memory_free(b);
      if (i == 0)
         handles = test_count_handles();
   }
   EXPECT_U64(test_count_handles(), handles);
}

static void
by_name(intptr_t local)
{
   const wchar_t *name = vkt_make_name(local ? L"Local\\" : L"");
   wchar_t *passed = wcsdup(name);
   struct memory *a = create_named(vkt_open(), passed);

   wmemset(passed, L'x', wcslen(passed));
   memory_expect_linked(a, import_named(vkt_open(), name));
   free(passed);
}

static void
expect_refused_import(struct vkt_device *device, VkFlags type, HANDLE handle,
                      const wchar_t *name)
{
   struct memory *b;

   vkt_clear_messages(device);
   EXPECT_RESULT(memory_try_import(device, SIZE, type, handle, name, &b),
                 REFUSED);
   memory_expect_message(device, "VK_ERROR_INVALID_EXTERNAL_HANDLE");
}

static void
name_is_never_adopted(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   const wchar_t *name = vkt_make_name(L"");
   struct memory *a;

   a = create_named(device, name);
   memory_expect_refused(device,
                         &(struct memory_info){
                            .size = SIZE,
                            .export_types = VKT_OPAQUE_WIN32,
                            .win32_info = true,
                            .name = name,
                         },
                         REFUSED, "The name for export is already taken");
   memory_free(a);
   create_named(device, name);
}

static void
name_dies_with_the_memory(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   const wchar_t *name = vkt_make_name(L"");
   struct memory *a, *b;

   a = create_named(device, name);
   b = import_named(device, name);
   memory_free(a);
   memory_free(b);
   expect_refused_import(device, VKT_OPAQUE_WIN32, NULL, name);
}

static void
by_number(intptr_t types)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   struct memory *a = memory_create(device, SIZE, (VkFlags)types), *b;
   HANDLE number = memory_number(a);
   DWORD flags;

   EXPECT(memory_number(a) == number);
   EXPECT(!GetHandleInformation(number, &flags));
   EXPECT(!CloseHandle(number));
   b = import_number(other, number);
   memory_expect_linked(a, b);
   if (types == MEMORY_BOTH_TYPES)
      memory_expect_linked(b, memory_import(other, SIZE, memory_export(a)));
}

static void
number_lives_as_long_as_the_memory(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   struct memory *a = memory_create(device, SIZE, MEMORY_BOTH_TYPES), *b, *c;
   HANDLE number = memory_number(a), handle = memory_export(a);

   /* Imported by the NT handle, it keeps the number alive, too. */
   b = memory_import(other, SIZE, handle);
   test_close(handle);
   memory_free(a);
   c = import_number(other, number);
   memory_expect_linked(b, c);
   memory_free(b);
   memory_free(c);
   expect_refused_import(other, VKT_OPAQUE_WIN32_KMT, number, NULL);
}

static void
numbers_have_no_names(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   const wchar_t *name = vkt_make_name(L"");

   create_named(device, name);
   expect_refused_import(device, VKT_OPAQUE_WIN32_KMT, NULL, name);
}

/* An object has one name, and here that is the number. */
static void
name_and_number_are_refused(intptr_t types)
{
   struct vkt_device *device = vkt_open();
   const wchar_t *name = vkt_make_name(L"");

   memory_expect_refused(device,
                         &(struct memory_info){
                            .size = SIZE,
                            .export_types = (VkFlags)types,
                            .win32_info = true,
                            .name = name,
                         },
                         REFUSED,
                         "What has a global share handle has no name");
   /* The name is as free as before. */
   create_named(device, name);
}

static struct memory *
import_for_export(struct vkt_device *device, VkFlags import_type,
                  HANDLE handle, VkFlags export_types)
{
   return memory_allocate(device, &(struct memory_info){
                                     .size = SIZE,
                                     .export_types = export_types,
                                     .import_type = import_type,
                                     .handle = handle,
                                  });
}

/* What exportFromImportedHandleTypes says, and an NT handle from a number,
 * which is more than it promises
 */
static void
exported_from_imported(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct memory *a = memory_create(device, SIZE, MEMORY_BOTH_TYPES);
   HANDLE number = memory_number(a), handle = memory_export(a);
   struct memory *b = import_for_export(device, VKT_OPAQUE_WIN32, handle,
                                        VKT_OPAQUE_WIN32);
   struct memory *c = import_for_export(device, VKT_OPAQUE_WIN32_KMT, number,
                                        MEMORY_BOTH_TYPES);

   EXPECT(memory_number(c) == number);
   memory_expect_linked(a, memory_import(device, SIZE, memory_export(b)));
   memory_expect_linked(a, memory_import(device, SIZE, memory_export(c)));
   memory_expect_refused(device,
                         &(struct memory_info){
                            .size = SIZE,
                            .export_types = MEMORY_BOTH_TYPES,
                            .import_type = VKT_OPAQUE_WIN32,
                            .handle = handle,
                         },
                         REFUSED,
                         "Memory that is imported by an NT handle cannot be "
                         "exported by a global share handle");
}

static void
imported_cannot_be_named(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();

   memory_expect_refused(
      device,
      &(struct memory_info){
         .size = SIZE,
         .export_types = VKT_OPAQUE_WIN32,
         .win32_info = true,
         .name = L"lvp-memory-renamed",
         .import_type = VKT_OPAQUE_WIN32,
         .handle = memory_export(memory_exportable(device, SIZE)),
      },
      REFUSED, "Memory that is imported cannot be given a name");
}

/* DXGI_SHARED_RESOURCE_READ | _WRITE is what the CTS asks for. */
static void
access_words(UNUSED intptr_t arg)
{
   static const DWORD words[] = {0,           GENERIC_READ,  GENERIC_WRITE,
                                 GENERIC_ALL, 0x80000001,    0x80000000,
                                 1,           SECTION_MAP_READ,
                                 STANDARD_RIGHTS_ALL};
   struct vkt_device *device = vkt_open();

   for (unsigned i = 0; i < TEST_COUNT(words); i++) {
      struct memory *a = memory_allocate(device,
                                         &(struct memory_info){
                                            .size = SIZE,
                                            .export_types = VKT_OPAQUE_WIN32,
                                            .win32_info = true,
                                            .access = words[i],
                                         });

      test_diag("dwAccess 0x%08lx", (unsigned long)words[i]);
      memory_expect_linked(a, memory_import(device, SIZE, memory_export(a)));
   }
}

static void
inherits_when_asked(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();

   for (BOOL inherit = FALSE; inherit <= TRUE; inherit++) {
      const SECURITY_ATTRIBUTES attributes = {
         .nLength = sizeof(attributes),
         .bInheritHandle = inherit,
      };
      struct memory *a = memory_allocate(device,
                                         &(struct memory_info){
                                            .size = SIZE,
                                            .export_types = VKT_OPAQUE_WIN32,
                                            .win32_info = true,
                                            .attributes = &attributes,
                                            .access = GENERIC_ALL,
                                         });
      DWORD flags = 0;

      REQUIRE(GetHandleInformation(memory_export(a), &flags));
      EXPECT_U64(flags & HANDLE_FLAG_INHERIT, inherit ? HANDLE_FLAG_INHERIT
                                                      : 0);
   }
}

/* 0x1 queries, 0x2 maps for writing, 0x4 for reading: all are needed. */
static void
descriptor_guards_the_name(UNUSED intptr_t arg)
{
   static const wchar_t *const too_little[] = {
      L"D:(A;;0x1;;;WD)", L"D:(A;;0x5;;;WD)", L"D:(A;;0x6;;;WD)",
      L"D:(A;;GR;;;WD)", L"D:",
   };
   struct vkt_device *device = vkt_open();

   for (unsigned i = 0; i <= TEST_COUNT(too_little); i++) {
      const bool enough = i == TEST_COUNT(too_little);
      const SECURITY_ATTRIBUTES attributes =
         vkt_attributes(enough ? L"D:(A;;0x7;;;WD)" : too_little[i]);
      const wchar_t *name = vkt_make_name(L"");
      struct memory *a;

      a = memory_allocate(device, &(struct memory_info){
                                     .size = SIZE,
                                     .export_types = VKT_OPAQUE_WIN32,
                                     .win32_info = true,
                                     .attributes = &attributes,
                                     .access = GENERIC_ALL,
                                     .name = name,
                                  });
      if (enough) {
         memory_expect_linked(a, import_named(device, name));
      } else {
         test_diag("%ls", too_little[i]);
         expect_refused_import(device, VKT_OPAQUE_WIN32, NULL, name);
      }
      /* The exporter's own handle has what creation gave it. */
      memory_expect_linked(a, memory_import(device, SIZE, memory_export(a)));
   }
}

static void
private_memory_has_no_handle(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct memory *a = memory_create(device, SIZE, 0);
   struct memory *b = memory_exportable(device, SIZE);
   struct memory *c = memory_import(device, SIZE, memory_export(b));
   HANDLE handle = NULL;

   vkt_clear_messages(device);
   EXPECT_RESULT(memory_try_export(a, VKT_OPAQUE_WIN32, &handle),
                 VK_ERROR_UNKNOWN);
   memory_expect_text(device, "The memory was not allocated for export by "
                              "handle type 0x%x");
   EXPECT_RESULT(memory_try_export(b, VKT_OPAQUE_WIN32_KMT, &handle),
                 VK_ERROR_UNKNOWN);
   EXPECT_RESULT(memory_try_export(c, VKT_OPAQUE_WIN32, &handle),
                 VK_ERROR_UNKNOWN);
}

static const struct test_case cases[] = {
   {"links", links, 0, 0},
   {"starts_with_zeros", starts_with_zeros, 0, 0},
   {"is_aligned", is_aligned, 0, 0},
   {"each_export_is_a_new_handle", each_export_is_a_new_handle, 0, 0},
   {"import_leaves_the_handle", import_leaves_the_handle, 0, 0},
   {"outlives_the_exporter", outlives_the_exporter, 0, 0},
   {"handle_alone_keeps_the_bytes", handle_alone_keeps_the_bytes, 0, 0},
   {"freeing_closes_everything", freeing_closes_everything, 0, 0},
   {"by_name", by_name, 0, 0},
   {"by_local_name", by_name, 1, 0},
   {"name_is_never_adopted", name_is_never_adopted, 0, 0},
   {"name_dies_with_the_memory", name_dies_with_the_memory, 0, 0},
   {"by_number", by_number, VKT_OPAQUE_WIN32_KMT, 0},
   {"by_number_or_handle", by_number, MEMORY_BOTH_TYPES, 0},
   {"number_lives_as_long_as_the_memory", number_lives_as_long_as_the_memory,
    0, 0},
   {"numbers_have_no_names", numbers_have_no_names, 0, 0},
   {"name_and_number_are_refused", name_and_number_are_refused,
    VKT_OPAQUE_WIN32_KMT, 0},
   {"name_and_both_types_are_refused", name_and_number_are_refused,
    MEMORY_BOTH_TYPES, 0},
   {"exported_from_imported", exported_from_imported, 0, 0},
   {"imported_cannot_be_named", imported_cannot_be_named, 0, 0},
   {"access_words", access_words, 0, 0},
   {"inherits_when_asked", inherits_when_asked, 0, 0},
   {"descriptor_guards_the_name", descriptor_guards_the_name, 0, 0},
   {"private_memory_has_no_handle", private_memory_has_no_handle, 0, 0},
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}

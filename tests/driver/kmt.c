/* SPDX-License-Identifier: MIT */

/* OPAQUE_WIN32_KMT: numbers that name a payload and hold no reference. */
#include "vkt.h"

#include <string.h>
#include <wchar.h>

#define NT VKT_OPAQUE_WIN32
#define KMT VKT_OPAQUE_WIN32_KMT
#define REFUSED VK_ERROR_INVALID_EXTERNAL_HANDLE

/* What payloads begin with */
#define MAGIC 0x32636e79536b764d

static struct vkt_object *
alias(struct vkt_device *device, enum vkt_kind kind, HANDLE number)
{
   struct vkt_object *object = vkt_create(device, kind);

   REQUIRE_OK(vkt_import_number(object, number));
   return object;
}

/* An object has one name, and here that is the number. */
static void
name_and_number_are_refused(intptr_t kind)
{
   static const VkFlags types[] = {KMT, KMT | NT};
   struct vkt_device *device = vkt_open();
   const wchar_t *name = vkt_make_name(L"");
   struct vkt_object *a;

   for (unsigned i = 0; i < TEST_COUNT(types); i++) {
      EXPECT_RESULT(vkt_try_create_win32(device, kind, types[i], NULL, name,
                                         &a),
                    VK_ERROR_OUT_OF_DEVICE_MEMORY);
      /* The name is as free as before. */
      EXPECT_RESULT(vkt_import_name(vkt_create(device, kind), name), REFUSED);
   }
}

static void
number_is_one_and_nobodys(intptr_t kind)
{
   struct vkt_object *a = vkt_create_for(vkt_open(), kind, KMT);
   const HANDLE number = vkt_number(a);

   EXPECT(vkt_number(a) == number);
   EXPECT((uintptr_t)number <= UINT32_MAX);
   EXPECT(!CloseHandle(number));
   EXPECT_U64(GetLastError(), ERROR_INVALID_HANDLE);
   EXPECT(vkt_number(alias(vkt_open(), kind, number)) == number);
   vkt_expect_works(a);
}

static void
numbers_differ(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   HANDLE numbers[50];

   for (unsigned i = 0; i < TEST_COUNT(numbers); i++) {
      numbers[i] = vkt_number(vkt_create_for(device, kind, KMT));
      for (unsigned j = 0; j < i; j++)
         EXPECT(numbers[i] != numbers[j]);
   }
}

static void
number_holds_nothing(intptr_t kind)
{
   struct vkt_object *a = vkt_create_for(vkt_open(), kind, KMT);
   struct vkt_object *b = vkt_create(a->device, kind);
   const HANDLE number = vkt_number(a);

   vkt_destroy(a);
   vkt_mark(b);
   EXPECT_RESULT(vkt_import_number(b, number), REFUSED);
   vkt_expect_marked(b);
}

/* The last reference is anybody's, whether it came by number or not. */
static void
number_lives_with_importer(intptr_t kind)
{
   struct vkt_object *a = vkt_create_for(vkt_open(), kind, KMT | NT);
   const HANDLE number = vkt_number(a);
   struct vkt_object *b = vkt_share(a, a->device);

   vkt_destroy(a);
   vkt_expect_linked(b, alias(b->device, kind, number));
}

/* Whether it has a number can only be told by who knows it. */
static void
no_number_from_handle(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create_for(device, kind, KMT | NT), *b;
   HANDLE handle = vkt_export(a), number = NULL;

   vkt_destroy(a);
   b = vkt_alias(device, kind, handle);
   EXPECT_RESULT(vkt_try_export(b, KMT, &number), VK_ERROR_UNKNOWN);
   EXPECT(number == NULL);
   vkt_expect_works(b);
}

/* More than exportFromImportedHandleTypes promises */
static void
handle_from_number(intptr_t kind)
{
   struct vkt_object *a = vkt_create_for(vkt_open(), kind, KMT);
   struct vkt_object *b = vkt_create_for(a->device, kind, NT);

   REQUIRE_OK(vkt_import_number(b, vkt_number(a)));
   vkt_expect_linked(a, vkt_share(b, a->device));
}

static void
expect_refused(struct vkt_object *target, VkFlags type, HANDLE handle)
{
   vkt_clear_messages(target->device);
   EXPECT_RESULT(vkt_try_import(target, type, false, handle, NULL), REFUSED);
   vkt_expect_message(target->device, "");
}

static void
wrong_numbers(intptr_t kind)
{
   struct vkt_object *a = vkt_create_for(vkt_open(), kind, KMT | NT);
   struct vkt_object *b = vkt_create(a->device, kind);
   const uintptr_t number = (uintptr_t)vkt_number(a);
   const uintptr_t wrong[] = {
      0, 1, 2, UINT32_MAX, (uintptr_t)-1, number & 0x3fffffff, number ^ 1,
      number ^ 0x80000000u, number ^ 0x10, number + 8,
   };

   expect_refused(vkt_create(a->device, (kind + 1) % 3), KMT,
                  (HANDLE)number);
   expect_refused(vkt_create(a->device, (kind + 2) % 3), KMT,
                  (HANDLE)number);
   vkt_mark(b);
   for (unsigned i = 0; i < TEST_COUNT(wrong); i++)
      expect_refused(b, KMT, (HANDLE)wrong[i]);
#ifdef _WIN64
   expect_refused(b, KMT, (HANDLE)(number | (uintptr_t)1 << 32));
#endif
   for (unsigned i = 0; i < 100; i++) {
      const uintptr_t guess = (test_random() & 0x3fffffff) | 0x40000002;

      EXPECT_RESULT(vkt_import_number(b, (HANDLE)guess), REFUSED);
   }
   /* The one is not the other. */
   expect_refused(b, KMT, vkt_export(a));
   expect_refused(b, NT, (HANDLE)number);
   EXPECT_RESULT(vkt_try_import(b, KMT, false, (HANDLE)number, L"name"),
                 REFUSED);
   EXPECT_RESULT(vkt_try_import(b, KMT, false, NULL, L"name"), REFUSED);
   vkt_expect_marked(b);
   vkt_expect_linked(a, alias(a->device, kind, (HANDLE)number));
}

/* A stranger has put something else under a number. */
static void
impostor(intptr_t kind)
{
   static const struct {
      DWORD size;
      uint64_t first;
   } sections[] = {
      {4, 0},
      {8, MAGIC},
      {4096, 0},
      {4096, MAGIC}, /* and garbage */
      {1 << 20, MAGIC}, /* and zeros */
   };
   struct vkt_object *b = vkt_create(vkt_open(), kind);
   const uint32_t number =
      ((uint32_t)test_random() & 0x3ffffff8) | 0x40000002;
   wchar_t name[64];

   swprintf(name, TEST_COUNT(name), L"Local\\MesaVkKmt-%08x", number);
   vkt_mark(b);
   for (unsigned i = 0; i < TEST_COUNT(sections); i++) {
      HANDLE section =
         CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0,
                            sections[i].size, name);
      uint64_t *map;

      REQUIRE(section != NULL && GetLastError() != ERROR_ALREADY_EXISTS);
      map = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
      REQUIRE(map != NULL);
      if (sections[i].size == 4096 && sections[i].first)
         memset(map, 'x', sections[i].size);
      if (sections[i].size >= 8)
         map[0] = sections[i].first;
      UnmapViewOfFile(map);
      expect_refused(b, KMT, (HANDLE)(uintptr_t)number);
      CloseHandle(section);
   }
   vkt_expect_marked(b);
}

static void
no_handle_leaks(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   unsigned before;

   vkt_wait_idle(device);
   before = test_count_handles();
   for (unsigned i = 0; i < 100; i++) {
      struct vkt_object *a = vkt_create_for(device, kind, KMT);
      struct vkt_object *b = alias(device, kind, vkt_number(a));

      EXPECT_RESULT(vkt_import_number(b, (HANDLE)(uintptr_t)0x40000002),
                    REFUSED);
      vkt_destroy(a);
      vkt_destroy(b);
   }
   EXPECT_U64(test_count_handles(), before);
}

const struct test_case test_cases[] = {
   VKT_CASES("kmt_name_and_number_are_refused", name_and_number_are_refused),
   VKT_CASES("kmt_number_is_one_and_nobodys", number_is_one_and_nobodys),
   VKT_CASES("kmt_numbers_differ", numbers_differ),
   VKT_CASES("kmt_number_holds_nothing", number_holds_nothing),
   VKT_CASES("kmt_number_lives_with_importer", number_lives_with_importer),
   VKT_CASES("kmt_no_number_from_handle", no_number_from_handle),
   VKT_CASES("kmt_handle_from_number", handle_from_number),
   VKT_CASES("kmt_wrong_numbers", wrong_numbers),
   VKT_CASES("kmt_impostor", impostor),
   VKT_CASES("kmt_no_handle_leaks", no_handle_leaks),
   {0},
};

/* SPDX-License-Identifier: MIT */

/* OPAQUE_WIN32_KMT: numbers that name a payload and hold no reference. */
#include "vkt.h"

#include <string.h>
#include <wchar.h>

#define BOTH (VKT_OPAQUE_WIN32 | VKT_OPAQUE_WIN32_KMT)
#define REFUSED VK_ERROR_INVALID_EXTERNAL_HANDLE

/* What payloads begin with */
#define MAGIC 0x32636e79536b764d

static struct vkt_object *
create(struct vkt_device *device, intptr_t kind, VkFlags types)
{
   return vkt_create_info(device, &(struct vkt_object_info){
                                     .kind = (enum vkt_kind)kind,
                                     .export_types = types,
                                  });
}

static HANDLE
number_of(struct vkt_object *object)
{
   HANDLE number = NULL;

   REQUIRE_OK(vkt_try_export(object, VKT_OPAQUE_WIN32_KMT, &number));
   REQUIRE(number != NULL);
   return number;
}

static VkResult
import_number(struct vkt_object *object, HANDLE number)
{
   return vkt_try_import(object, VKT_OPAQUE_WIN32_KMT, false, number, NULL);
}

static struct vkt_object *
alias(struct vkt_device *device, intptr_t kind, HANDLE number)
{
   struct vkt_object *object = vkt_create(device, (enum vkt_kind)kind);

   REQUIRE_OK(import_number(object, number));
   return object;
}

static void
same_payload(intptr_t kind)
{
   struct vkt_object *a = create(vkt_open(), kind, VKT_OPAQUE_WIN32_KMT);
   struct vkt_object *b = alias(vkt_open(), kind, number_of(a));

   vkt_expect_linked(a, b);
   vkt_expect_linked(b, a);
}

static void
state_comes_along(intptr_t kind)
{
   struct vkt_object *a = create(vkt_open(), kind, VKT_OPAQUE_WIN32_KMT);

   vkt_mark(a);
   vkt_expect_marked(alias(vkt_open(), kind, number_of(a)));
}

/* More than the queries promise: they call no two types compatible. */
static void
both_types(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = create(device, kind, BOTH);
   HANDLE handle = vkt_export(a), number = number_of(a);

   vkt_expect_linked(vkt_alias(device, (enum vkt_kind)kind, handle),
                     alias(vkt_open(), kind, number));
}

/* An object has one name, and here that is the number. */
static void
name_and_number_are_refused(intptr_t kind)
{
   static const VkFlags types[] = {VKT_OPAQUE_WIN32_KMT, BOTH};
   struct vkt_device *device = vkt_open();
   struct vkt_object *a;
   wchar_t name[64];

   swprintf(name, TEST_COUNT(name), L"lvp-test-kmt-%lu-%llx",
            (unsigned long)GetCurrentProcessId(),
            (unsigned long long)test_random());
   for (unsigned i = 0; i < TEST_COUNT(types); i++) {
      EXPECT_RESULT(vkt_try_create(device,
                                   &(struct vkt_object_info){
                                      .kind = (enum vkt_kind)kind,
                                      .export_types = types[i],
                                      .win32_info = true,
                                      .access = GENERIC_ALL,
                                      .name = name,
                                   },
                                   &a),
                    VK_ERROR_OUT_OF_DEVICE_MEMORY);
      /* The name is as free as before. */
      EXPECT_RESULT(vkt_try_import(vkt_create(device, (enum vkt_kind)kind),
                                   VKT_OPAQUE_WIN32, false, NULL, name),
                    REFUSED);
   }
}

static void
number_is_one_and_nobodys(intptr_t kind)
{
   struct vkt_object *a = create(vkt_open(), kind, VKT_OPAQUE_WIN32_KMT);
   const HANDLE number = number_of(a);

   EXPECT(number_of(a) == number);
   EXPECT((uintptr_t)number <= UINT32_MAX);
   EXPECT(!CloseHandle(number));
   EXPECT_U64(GetLastError(), ERROR_INVALID_HANDLE);
   EXPECT(number_of(alias(vkt_open(), kind, number)) == number);
   vkt_expect_works(a);
}

static void
numbers_differ(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   HANDLE numbers[50];

   for (unsigned i = 0; i < TEST_COUNT(numbers); i++) {
      numbers[i] = number_of(create(device, kind, VKT_OPAQUE_WIN32_KMT));
      for (unsigned j = 0; j < i; j++)
         EXPECT(numbers[i] != numbers[j]);
   }
}

static void
number_holds_nothing(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = create(device, kind, VKT_OPAQUE_WIN32_KMT);
   struct vkt_object *b = vkt_create(device, (enum vkt_kind)kind);
   const HANDLE number = number_of(a);

   vkt_destroy(a);
   vkt_mark(b);
   EXPECT_RESULT(import_number(b, number), REFUSED);
   vkt_expect_marked(b);
}

/* The last reference is anybody's, whether it came by number or not. */
static void
number_lives_with_importer(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = create(device, kind, BOTH);
   const HANDLE number = number_of(a);
   struct vkt_object *b = vkt_alias(device, (enum vkt_kind)kind,
                                    vkt_export(a));

   vkt_destroy(a);
   vkt_expect_linked(b, alias(device, kind, number));
}

/* Whether it has a number can only be told by who knows it. */
static void
no_number_from_handle(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = create(device, kind, BOTH);
   HANDLE handle = vkt_export(a), number = NULL;
   struct vkt_object *b;

   vkt_destroy(a);
   b = vkt_alias(device, (enum vkt_kind)kind, handle);
   EXPECT_RESULT(vkt_try_export(b, VKT_OPAQUE_WIN32_KMT, &number),
                 VK_ERROR_UNKNOWN);
   EXPECT(number == NULL);
   vkt_expect_works(b);
}

/* More than exportFromImportedHandleTypes promises */
static void
handle_from_number(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = create(device, kind, VKT_OPAQUE_WIN32_KMT);
   struct vkt_object *b = create(device, kind, VKT_OPAQUE_WIN32);

   REQUIRE_OK(import_number(b, number_of(a)));
   vkt_expect_linked(a, vkt_alias(device, (enum vkt_kind)kind,
                                  vkt_export(b)));
}

static void
temporary(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = create(device, kind, VKT_OPAQUE_WIN32_KMT);
   struct vkt_object *b = vkt_create(device, (enum vkt_kind)kind);

   REQUIRE_OK(vkt_try_import(b, VKT_OPAQUE_WIN32_KMT, true, number_of(a),
                             NULL));
   vkt_queue_signal(a, 0);
   if (kind == VKT_FENCE) {
      vkt_expect_done(b);
      vkt_reset(b);
   } else {
      vkt_expect_done(vkt_queue_wait(b, 0));
   }
   /* Now it has its own payload again. */
   vkt_mark(a);
   vkt_expect_works(b);
   vkt_expect_marked(a);
}

static void
expect_refused(struct vkt_object *target, VkFlags type, HANDLE handle)
{
   char message[1024];

   vkt_clear_messages(target->device);
   EXPECT_RESULT(vkt_try_import(target, type, false, handle, NULL), REFUSED);
   vkt_last_message(target->device, message, sizeof(message));
   EXPECT(vkt_message_count(target->device) >= 1);
   test_diag("%p: %s", handle, message);
}

static void
wrong_numbers(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = create(device, kind, BOTH);
   struct vkt_object *b = vkt_create(device, (enum vkt_kind)kind);
   const uintptr_t number = (uintptr_t)number_of(a);
   const uintptr_t wrong[] = {
      0, 1, 2, UINT32_MAX, (uintptr_t)-1, number & 0x3fffffff, number ^ 1,
      number ^ 0x80000000u, number ^ 0x10, number + 8,
   };

   vkt_mark(b);
   for (unsigned i = 0; i < TEST_COUNT(wrong); i++)
      expect_refused(b, VKT_OPAQUE_WIN32_KMT, (HANDLE)wrong[i]);
#ifdef _WIN64
   expect_refused(b, VKT_OPAQUE_WIN32_KMT,
                  (HANDLE)(number | (uintptr_t)1 << 32));
#endif
   for (unsigned i = 0; i < 100; i++) {
      const uint32_t guess = (uint32_t)test_random() & 0x3fffffff;

      EXPECT_RESULT(import_number(b, (HANDLE)(uintptr_t)(guess | 0x40000002)),
                    REFUSED);
   }
   /* The one is not the other. */
   expect_refused(b, VKT_OPAQUE_WIN32_KMT, vkt_export(a));
   expect_refused(b, VKT_OPAQUE_WIN32, (HANDLE)number);
   EXPECT_RESULT(vkt_try_import(b, VKT_OPAQUE_WIN32_KMT, false,
                                (HANDLE)number, L"name"), REFUSED);
   EXPECT_RESULT(vkt_try_import(b, VKT_OPAQUE_WIN32_KMT, false, NULL,
                                L"name"), REFUSED);
   vkt_expect_marked(b);
   vkt_expect_linked(a, alias(device, kind, (HANDLE)number));
}

static void
wrong_kind(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   const HANDLE number =
      number_of(create(device, kind, VKT_OPAQUE_WIN32_KMT));

   for (int other = VKT_FENCE; other <= VKT_TIMELINE; other++) {
      struct vkt_object *b = vkt_create(device, (enum vkt_kind)other);

      if (other != kind)
         expect_refused(b, VKT_OPAQUE_WIN32_KMT, number);
      vkt_expect_works(b);
   }
}

static void
no_number_without_asking(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = create(device, kind, VKT_OPAQUE_WIN32);
   HANDLE number = NULL;
   char message[1024];

   vkt_clear_messages(device);
   EXPECT_RESULT(vkt_try_export(a, VKT_OPAQUE_WIN32_KMT, &number),
                 VK_ERROR_UNKNOWN);
   EXPECT(number == NULL);
   vkt_last_message(device, message, sizeof(message));
   EXPECT(strstr(message, "global share handle") != NULL);
   vkt_expect_works(a);
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
   struct vkt_object *b = vkt_create(vkt_open(), (enum vkt_kind)kind);
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
      expect_refused(b, VKT_OPAQUE_WIN32_KMT, (HANDLE)(uintptr_t)number);
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
      struct vkt_object *a = create(device, kind, VKT_OPAQUE_WIN32_KMT);
      struct vkt_object *b = alias(device, kind, number_of(a));

      EXPECT_RESULT(import_number(b, (HANDLE)(uintptr_t)0x40000002), REFUSED);
      vkt_destroy(a);
      vkt_destroy(b);
   }
   EXPECT_U64(test_count_handles(), before);
}

static const struct test_case cases[] = {
   VKT_CASES("kmt_same_payload", same_payload),
   VKT_CASES("kmt_state_comes_along", state_comes_along),
   VKT_CASES("kmt_both_types", both_types),
   VKT_CASES("kmt_name_and_number_are_refused", name_and_number_are_refused),
   VKT_CASES("kmt_number_is_one_and_nobodys", number_is_one_and_nobodys),
   VKT_CASES("kmt_numbers_differ", numbers_differ),
   VKT_CASES("kmt_number_holds_nothing", number_holds_nothing),
   VKT_CASES("kmt_number_lives_with_importer", number_lives_with_importer),
   VKT_CASES("kmt_no_number_from_handle", no_number_from_handle),
   VKT_CASES("kmt_handle_from_number", handle_from_number),
   {"kmt_temporary_fence", temporary, VKT_FENCE, 0},
   {"kmt_temporary_binary", temporary, VKT_BINARY, 0},
   VKT_CASES("kmt_wrong_numbers", wrong_numbers),
   VKT_CASES("kmt_wrong_kind", wrong_kind),
   VKT_CASES("kmt_no_number_without_asking", no_number_without_asking),
   VKT_CASES("kmt_impostor", impostor),
   VKT_CASES("kmt_no_handle_leaks", no_handle_leaks),
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}

/* SPDX-License-Identifier: MIT */

/* Exports with a name or a number, and imports by it; and what a security
 * descriptor keeps out, and whom.
 */
#include "vkt.h"

#include <stdlib.h>
#include <wchar.h>

#define NT VKT_OPAQUE_WIN32
#define KMT VKT_OPAQUE_WIN32_KMT
#define REFUSED VK_ERROR_INVALID_EXTERNAL_HANDLE

/* What payloads begin with */
#define MAGIC UINT64_C(0x32636e79536b764d)

static void
name_lives_with_payload(intptr_t kind)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   const wchar_t *name = vkt_make_name(L"Local\\");

   for (unsigned i = 0; i < 3; i++) {
      wchar_t *passed = wcsdup(name);
      struct vkt_object *a = vkt_create_win32(device, kind, NT, NULL, passed);
      struct vkt_object *b = vkt_create(other, kind);
      struct vkt_object *c = vkt_create(device, kind);
      HANDLE handle;

      /* It is the application's again. */
      wmemset(passed, L'x', wcslen(passed));
      free(passed);

      REQUIRE_OK(vkt_import_name(b, name));
      vkt_expect_shared(a, b);
      handle = vkt_export(a);
      vkt_destroy(a);
      vkt_destroy(b);
      /* Threads that have signalled it may not have let go of it yet. */
      vkt_wait_idle(device);
      vkt_wait_idle(other);

      /* The handle alone keeps the name. */
      REQUIRE_OK(vkt_import_name(c, name));
      vkt_expect_works(c);
      test_close(handle);
      vkt_destroy(c);
      vkt_wait_idle(device);
      EXPECT_RESULT(vkt_import_name(vkt_create(device, kind), name), REFUSED);
   }
}

static void
name_imports_temporarily(intptr_t kind)
{
   const wchar_t *name = vkt_make_name(L"");
   struct vkt_object *a = vkt_create_win32(vkt_open(), kind, NT, NULL, name);
   struct vkt_object *b = vkt_create(vkt_open(), kind);

   vkt_mark(a);
   REQUIRE_OK(vkt_try_import(b, NT, true, NULL, name));
   vkt_expect_marked(b);
   vkt_expect_works(b);
}

static void
number_is_one_and_nobodys(intptr_t kind)
{
   struct vkt_object *a = vkt_create_for(vkt_open(), kind, KMT);
   struct vkt_object *b = vkt_create(vkt_open(), kind);
   HANDLE numbers[50] = {vkt_number(a)};

   EXPECT(vkt_number(a) == numbers[0]);
   EXPECT((uintptr_t)numbers[0] <= UINT32_MAX);
   EXPECT(!CloseHandle(numbers[0]));
   EXPECT_U64(GetLastError(), ERROR_INVALID_HANDLE);
   REQUIRE_OK(vkt_import_number(b, numbers[0]));
   EXPECT(vkt_number(b) == numbers[0]);
   vkt_expect_linked(a, b);

   for (unsigned i = 1; i < TEST_COUNT(numbers); i++) {
      numbers[i] = vkt_number(vkt_create_for(a->device, kind, KMT));
      for (unsigned j = 0; j < i; j++)
         EXPECT(numbers[i] != numbers[j]);
   }
}

/* VUID-VkFenceGetWin32HandleInfoKHR-handleType-01448 and
 * VUID-VkSemaphoreGetWin32HandleInfoKHR-handleType-01126: the payload has a
 * section, so that there is a handle to be had. And more than
 * exportFromImportedHandleTypes promises.
 */
static void
number_leads_to_handle(intptr_t kind)
{
   struct vkt_object *a = vkt_create_for(vkt_open(), kind, KMT);
   struct vkt_object *b = vkt_create_for(a->device, kind, NT);

   vkt_expect_linked(a, vkt_share(a, a->device));
   REQUIRE_OK(vkt_import_number(b, vkt_number(a)));
   vkt_expect_linked(a, vkt_share(b, a->device));
}

/* Whether it has a number can only be told by who knows it. */
static void
handle_leads_to_no_number(intptr_t kind)
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

static void
expect_number_refused(struct vkt_object *target, uintptr_t number,
                      const char *text)
{
   for (int temporary = 0; temporary < 2; temporary++) {
      if (temporary && target->kind == VKT_TIMELINE)
         continue;
      vkt_clear_messages(target->device);
      EXPECT_RESULT(vkt_try_import(target, KMT, temporary, (HANDLE)number,
                                   NULL),
                    REFUSED);
      vkt_expect_message(target->device, REFUSED, text);
   }
}

static void
number_is_wrong(intptr_t kind)
{
   struct vkt_object *a = vkt_create_for(vkt_open(), kind, KMT);
   struct vkt_object *b = vkt_create(a->device, kind);
   const uintptr_t number = (uintptr_t)vkt_number(a);
   const uintptr_t unknown[] = {number ^ 0x10, number ^ 8};
   const uintptr_t wrong[] = {
      0, 1, 2, UINT32_MAX, (uintptr_t)-1, number & 0x3fffffff, number ^ 1,
      number ^ 0x80000000u,
      number | (uintptr_t)1 << (sizeof(number) * 8 - 1),
   };

   vkt_mark(b);
   for (unsigned i = 0; i < TEST_COUNT(wrong); i++)
      expect_number_refused(b, wrong[i],
                            wrong[i] ? "The handle is not a global share handle"
                                     : "Exactly one of handle and name");
   for (unsigned i = 0; i < TEST_COUNT(unknown); i++)
      expect_number_refused(b, unknown[i],
                            "No section of this name can be opened");
   vkt_expect_marked(b);
   REQUIRE_OK(vkt_import_number(b, (HANDLE)number));
   vkt_expect_linked(a, b);
}

/* A stranger has put something else under a number. */
static void
number_is_a_strangers(intptr_t kind)
{
   static const DWORD sizes[] = {4, 4096, 1 << 20};
   const struct vkt_pair p = vkt_open_pair(kind);
   const uint32_t number =
      ((uint32_t)test_random() & 0x3ffffff8) | 0x40000002;
   wchar_t name[64];

   swprintf(name, TEST_COUNT(name), L"Local\\MesaVkKmt-%08x", number);
   vkt_mark(p.b);
   for (unsigned i = 0; i < TEST_COUNT(sizes); i++) {
      HANDLE section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL,
                                          PAGE_READWRITE, 0, sizes[i], name);
      uint64_t *map;

      REQUIRE(section != NULL && GetLastError() != ERROR_ALREADY_EXISTS);
      map = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
      REQUIRE(map != NULL);
      expect_number_refused(p.b, number, "");
      *map = MAGIC;
      expect_number_refused(p.b, number, "");
      UnmapViewOfFile(map);
      CloseHandle(section);
   }
   test_own_handle(CreateMutexW(NULL, FALSE, name));
   expect_number_refused(p.b, number, "No section of this name can be opened");
   vkt_expect_marked(p.b);
   vkt_expect_works(p.b);
   vkt_expect_shared(p.a, p.b);
}

static struct vkt_object *
create_guarded(struct vkt_device *device, enum vkt_kind kind,
               const wchar_t *sddl, VkFlags type, const wchar_t *name)
{
   const SECURITY_ATTRIBUTES attributes = vkt_attributes(sddl);

   return vkt_create_win32(device, kind, type, &attributes,
                           type == NT ? name : NULL);
}

/* By the number, which is no way around the descriptor, or by the name */
static VkResult
import(struct vkt_object *into, struct vkt_object *guarded, VkFlags type,
       const wchar_t *name)
{
   return type == NT ? vkt_import_name(into, name)
                     : vkt_import_number(into, vkt_number(guarded));
}

/* 0x1 queries, 0x2 maps for writing, 0x4 for reading: all are needed. Entries
 * that are only for what is created inside an object, which sections have not,
 * grant nothing.
 */
static const struct {
   const wchar_t *sddl;
   bool is_enough;
} descriptors[] = {
   {L"D:(A;;0x1;;;WD)", false},
   {L"D:(A;;0x5;;;WD)", false},
   {L"D:(A;;0x6;;;WD)", false},
   {L"D:(A;;0x3;;;WD)", false},
   {L"D:(A;;GR;;;WD)", false},
   {L"D:", false},
   {L"D:(A;OICIIO;GA;;;WD)", false},
   {L"D:(A;OICI;GA;;;WD)", true},
   {L"D:(A;;0x7;;;WD)", true},
};

static void
access_has_to_be_granted(intptr_t arg)
{
   const enum vkt_kind kind = arg & 0xff;
   const VkFlags type = arg >> 8;
   struct vkt_device *device = vkt_open();
   struct vkt_object *b = vkt_create(vkt_open(), kind);

   for (unsigned i = 0; i < TEST_COUNT(descriptors); i++) {
      const wchar_t *name = vkt_make_name(L"");
      struct vkt_object *a =
         create_guarded(device, kind, descriptors[i].sddl, type, name);

      test_diag("%ls", descriptors[i].sddl);
      if (descriptors[i].is_enough) {
         REQUIRE_OK(import(b, a, type, name));
         vkt_expect_linked(a, b);
         continue;
      }
      vkt_mark(b);
      vkt_clear_messages(b->device);
      EXPECT_RESULT(import(b, a, type, name), REFUSED);
      vkt_expect_message(b->device, REFUSED, "");
      vkt_expect_marked(b);
      b = vkt_create(b->device, kind);
      /* The exporter's own handle has what creation gave it. */
      vkt_expect_linked(a, vkt_share(a, device));
   }
}

static void
stop_impersonating(void *token)
{
   RevertToSelf();
   CloseHandle(token);
}

/* From now on this thread is not an administrator. */
static void
drop_administrator(void)
{
   BYTE sid[SECURITY_MAX_SID_SIZE];
   SID_AND_ATTRIBUTES disabled = {.Sid = sid};
   DWORD size = sizeof(sid);
   BOOL member = FALSE;
   HANDLE token, less;

   REQUIRE(CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, sid, &size));
   REQUIRE(CheckTokenMembership(NULL, sid, &member));
   if (!member)
      test_skip("this user is no administrator, with or without the token");

   REQUIRE(OpenProcessToken(GetCurrentProcess(),
                            TOKEN_DUPLICATE | TOKEN_QUERY | TOKEN_IMPERSONATE |
                            TOKEN_ASSIGN_PRIMARY, &token));
   const BOOL made = CreateRestrictedToken(token, 0, 1, &disabled, 0, NULL, 0,
                                           NULL, &less);
   CloseHandle(token);
   if (!made)
      test_skip("CreateRestrictedToken: Windows error %lu", GetLastError());
   REQUIRE(ImpersonateLoggedOnUser(less));
   test_defer(stop_impersonating, less);
}

static void
other_token_is_kept_out(intptr_t arg)
{
   const enum vkt_kind kind = arg & 0xff;
   const VkFlags type = arg >> 8;
   struct vkt_device *device = vkt_open();
   const wchar_t *our_name = vkt_make_name(L""), *name = vkt_make_name(L"");
   struct vkt_object *b = vkt_create(vkt_open(), kind), *ours, *everyones;

   ours = create_guarded(device, kind, L"D:(A;;GA;;;BA)", type, our_name);
   everyones = create_guarded(device, kind, L"D:(A;;GA;;;WD)", type, name);
   vkt_mark(b);

   drop_administrator();
   EXPECT_RESULT(import(b, ours, type, our_name), REFUSED);
   vkt_expect_marked(b);
   REQUIRE_OK(import(b, everyones, type, name));
   vkt_expect_linked(everyones, b);
}

/* A handle is a right in itself, whoever opens what it was made by. */
static void
other_token_may_use_handles(intptr_t kind)
{
   struct vkt_object *b = vkt_create(vkt_open(), kind);
   struct vkt_object *a =
      create_guarded(vkt_open(), kind, L"D:(A;;GA;;;BA)", NT, NULL);
   HANDLE handle = vkt_export(a);

   drop_administrator();
   vkt_import(b, handle);
   vkt_expect_linked(a, b);
}

const struct test_case test_cases[] = {
   VKT_CASES("name_lives_with_payload", name_lives_with_payload),
   {"name_imports_temporarily_fence", name_imports_temporarily, VKT_FENCE},
   {"name_imports_temporarily_binary", name_imports_temporarily, VKT_BINARY},
   VKT_CASES("number_is_one_and_nobodys", number_is_one_and_nobodys),
   VKT_CASES("number_is_wrong", number_is_wrong),
   VKT_CASES("number_is_a_strangers", number_is_a_strangers),
   VKT_CASES("number_leads_to_handle", number_leads_to_handle),
   VKT_CASES("handle_leads_to_no_number", handle_leads_to_no_number),
   VKT_CASES_WITH("access_by_name_has_to_be_granted",
                  access_has_to_be_granted, NT),
   VKT_CASES_WITH("access_by_number_has_to_be_granted",
                  access_has_to_be_granted, KMT),
   VKT_CASES_WITH("other_token_is_kept_out_by_name", other_token_is_kept_out,
                  NT),
   VKT_CASES_WITH("other_token_is_kept_out_by_number",
                  other_token_is_kept_out, KMT),
   VKT_CASES("other_token_may_use_handles", other_token_may_use_handles),
   {0},
};

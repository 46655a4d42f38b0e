/* SPDX-License-Identifier: MIT */

/* What a security descriptor keeps out, and whom. */
#include "vkt.h"

#include <sddl.h>
#include <wchar.h>

#define REFUSED VK_ERROR_INVALID_EXTERNAL_HANDLE

static void
make_name(wchar_t *name, size_t size)
{
   swprintf(name, size, L"lvp-test-security-%lu-%llx",
            (unsigned long)GetCurrentProcessId(),
            (unsigned long long)test_random());
}

static void
free_descriptor(void *data)
{
   LocalFree(data);
}

/* A named object with a descriptor in SDDL */
static struct vkt_object *
create_guarded(struct vkt_device *device, enum vkt_kind kind,
               const wchar_t *sddl, VkFlags types, const wchar_t *name)
{
   SECURITY_ATTRIBUTES attributes = {.nLength = sizeof(attributes)};

   REQUIRE(ConvertStringSecurityDescriptorToSecurityDescriptorW(
      sddl, SDDL_REVISION_1, &attributes.lpSecurityDescriptor, NULL));
   test_defer(free_descriptor, attributes.lpSecurityDescriptor);
   return vkt_create_info(device, &(struct vkt_object_info){
                                     .kind = kind,
                                     .export_types = types,
                                     .win32_info = true,
                                     .attributes = &attributes,
                                     .access = GENERIC_ALL,
                                     .name = name,
                                  });
}

/* 0x1 queries, 0x2 maps for writing, 0x4 for reading: all are needed. */
static const wchar_t *const too_little[] = {
   L"D:(A;;0x1;;;WD)",
   L"D:(A;;0x5;;;WD)",
   L"D:(A;;0x6;;;WD)",
   L"D:(A;;0x3;;;WD)",
   L"D:(A;;GR;;;WD)",
   L"D:",
};

static void
ungranted_access_is_kept_out(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *b = vkt_create(vkt_open(), (enum vkt_kind)kind);

   vkt_mark(b);
   for (unsigned i = 0; i < TEST_COUNT(too_little); i++) {
      wchar_t name[64];
      struct vkt_object *a;
      char message[1024];

      make_name(name, TEST_COUNT(name));
      a = create_guarded(device, (enum vkt_kind)kind, too_little[i],
                         VKT_OPAQUE_WIN32, name);
      vkt_clear_messages(b->device);
      EXPECT_RESULT(vkt_try_import(b, VKT_OPAQUE_WIN32, false, NULL, name),
                    REFUSED);
      vkt_last_message(b->device, message, sizeof(message));
      test_diag("%ls: %s", too_little[i], message);
      EXPECT(vkt_message_count(b->device) >= 1);
      /* The exporter's own handle has what creation gave it. */
      vkt_expect_linked(a, vkt_alias(device, (enum vkt_kind)kind,
                                     vkt_export(a)));
   }
   vkt_expect_marked(b);
}

static void
granted_access_is_enough(intptr_t kind)
{
   wchar_t name[64];
   struct vkt_object *a, *b = vkt_create(vkt_open(), (enum vkt_kind)kind);

   make_name(name, TEST_COUNT(name));
   a = create_guarded(vkt_open(), (enum vkt_kind)kind, L"D:(A;;0x7;;;WD)",
                      VKT_OPAQUE_WIN32, name);
   REQUIRE_OK(vkt_try_import(b, VKT_OPAQUE_WIN32, false, NULL, name));
   vkt_expect_linked(a, b);
}

/* An entry that is only for what is created inside an object, which sections
 * have not, grants nothing: then nobody opens the number.
 */
static void
inherit_only_entry_grants_nothing(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a, *b = vkt_create(vkt_open(), (enum vkt_kind)kind);
   HANDLE number;

   a = create_guarded(device, (enum vkt_kind)kind, L"D:(A;OICIIO;GA;;;WD)",
                      VKT_OPAQUE_WIN32_KMT, NULL);
   REQUIRE_OK(vkt_try_export(a, VKT_OPAQUE_WIN32_KMT, &number));
   EXPECT_RESULT(vkt_try_import(b, VKT_OPAQUE_WIN32_KMT, false, number, NULL),
                 REFUSED);

   a = create_guarded(device, (enum vkt_kind)kind, L"D:(A;OICI;GA;;;WD)",
                      VKT_OPAQUE_WIN32_KMT, NULL);
   REQUIRE_OK(vkt_try_export(a, VKT_OPAQUE_WIN32_KMT, &number));
   REQUIRE_OK(vkt_try_import(b, VKT_OPAQUE_WIN32_KMT, false, number, NULL));
   vkt_expect_linked(a, b);
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
other_token(enum vkt_kind kind, VkFlags type)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *b = vkt_create(vkt_open(), kind);
   struct vkt_object *ours, *everyones;
   const bool numbered = type == VKT_OPAQUE_WIN32_KMT;
   wchar_t names[2][64];
   HANDLE handle = NULL;

   for (unsigned i = 0; i < 2; i++)
      make_name(names[i], TEST_COUNT(names[i]));
   ours = create_guarded(device, kind, L"D:(A;;GA;;;BA)", type,
                         numbered ? NULL : names[0]);
   everyones = create_guarded(device, kind, L"D:(A;;GA;;;WD)", type,
                              numbered ? NULL : names[1]);
   vkt_mark(b);

   drop_administrator();
   if (numbered) {
      REQUIRE_OK(vkt_try_export(ours, type, &handle));
      EXPECT_RESULT(vkt_try_import(b, type, false, handle, NULL), REFUSED);
      vkt_expect_marked(b);
      REQUIRE_OK(vkt_try_export(everyones, type, &handle));
      REQUIRE_OK(vkt_try_import(b, type, false, handle, NULL));
   } else {
      EXPECT_RESULT(vkt_try_import(b, type, false, NULL, names[0]), REFUSED);
      vkt_expect_marked(b);
      REQUIRE_OK(vkt_try_import(b, type, false, NULL, names[1]));
   }
   vkt_expect_linked(everyones, b);
}

static void
other_token_is_kept_out(intptr_t kind)
{
   other_token((enum vkt_kind)kind, VKT_OPAQUE_WIN32);
}

/* The number is no way around the descriptor. */
static void
other_token_is_kept_out_by_number(intptr_t kind)
{
   other_token((enum vkt_kind)kind, VKT_OPAQUE_WIN32_KMT);
}

/* A handle is a right in itself, whoever opens what it was made by. */
static void
other_token_may_use_handles(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a, *b = vkt_create(vkt_open(), (enum vkt_kind)kind);
   HANDLE handle;

   a = create_guarded(device, (enum vkt_kind)kind, L"D:(A;;GA;;;BA)",
                      VKT_OPAQUE_WIN32, NULL);
   handle = vkt_export(a);
   drop_administrator();
   REQUIRE_OK(vkt_try_import(b, VKT_OPAQUE_WIN32, false, handle, NULL));
   vkt_expect_linked(a, b);
}

static const struct test_case cases[] = {
   VKT_CASES("ungranted_access_is_kept_out", ungranted_access_is_kept_out),
   VKT_CASES("granted_access_is_enough", granted_access_is_enough),
   VKT_CASES("inherit_only_entry_grants_nothing",
             inherit_only_entry_grants_nothing),
   VKT_CASES("other_token_is_kept_out", other_token_is_kept_out),
   VKT_CASES("other_token_is_kept_out_by_number",
             other_token_is_kept_out_by_number),
   VKT_CASES("other_token_may_use_handles", other_token_may_use_handles),
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}

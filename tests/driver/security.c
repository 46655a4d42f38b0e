/* SPDX-License-Identifier: MIT */

/* What a security descriptor keeps out, and whom. */
#include "vkt.h"

#define NT VKT_OPAQUE_WIN32
#define KMT VKT_OPAQUE_WIN32_KMT
#define REFUSED VK_ERROR_INVALID_EXTERNAL_HANDLE

/* A named object with a descriptor in SDDL */
static struct vkt_object *
create_guarded(struct vkt_device *device, enum vkt_kind kind,
               const wchar_t *sddl, VkFlags types, const wchar_t *name)
{
   const SECURITY_ATTRIBUTES attributes = vkt_attributes(sddl);

   return vkt_create_win32(device, kind, types, &attributes, name);
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
   struct vkt_object *b = vkt_create(vkt_open(), kind);

   vkt_mark(b);
   for (unsigned i = 0; i < TEST_COUNT(too_little); i++) {
      const wchar_t *name = vkt_make_name(L"");
      struct vkt_object *a =
         create_guarded(device, kind, too_little[i], NT, name);

      test_diag("%ls", too_little[i]);
      vkt_clear_messages(b->device);
      EXPECT_RESULT(vkt_import_name(b, name), REFUSED);
      vkt_expect_message(b->device, "");
      /* The exporter's own handle has what creation gave it. */
      vkt_expect_linked(a, vkt_share(a, device));
   }
   vkt_expect_marked(b);
}

static void
granted_access_is_enough(intptr_t kind)
{
   const wchar_t *name = vkt_make_name(L"");
   struct vkt_object *a =
      create_guarded(vkt_open(), kind, L"D:(A;;0x7;;;WD)", NT, name);
   struct vkt_object *b = vkt_create(vkt_open(), kind);

   REQUIRE_OK(vkt_import_name(b, name));
   vkt_expect_linked(a, b);
}

/* An entry that is only for what is created inside an object, which sections
 * have not, grants nothing: then nobody opens the number.
 */
static void
inherit_only_entry_grants_nothing(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a, *b = vkt_create(vkt_open(), kind);

   a = create_guarded(device, kind, L"D:(A;OICIIO;GA;;;WD)", KMT, NULL);
   EXPECT_RESULT(vkt_import_number(b, vkt_number(a)), REFUSED);

   a = create_guarded(device, kind, L"D:(A;OICI;GA;;;WD)", KMT, NULL);
   REQUIRE_OK(vkt_import_number(b, vkt_number(a)));
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
other_token_is_kept_out(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *b = vkt_create(vkt_open(), kind), *everyones;
   const wchar_t *ours = vkt_make_name(L""), *open = vkt_make_name(L"");

   create_guarded(device, kind, L"D:(A;;GA;;;BA)", NT, ours);
   everyones = create_guarded(device, kind, L"D:(A;;GA;;;WD)", NT, open);
   vkt_mark(b);

   drop_administrator();
   EXPECT_RESULT(vkt_import_name(b, ours), REFUSED);
   vkt_expect_marked(b);
   REQUIRE_OK(vkt_import_name(b, open));
   vkt_expect_linked(everyones, b);
}

/* The number is no way around the descriptor. */
static void
other_token_is_kept_out_by_number(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *b = vkt_create(vkt_open(), kind), *ours, *everyones;

   ours = create_guarded(device, kind, L"D:(A;;GA;;;BA)", KMT, NULL);
   everyones = create_guarded(device, kind, L"D:(A;;GA;;;WD)", KMT, NULL);
   vkt_mark(b);

   drop_administrator();
   EXPECT_RESULT(vkt_import_number(b, vkt_number(ours)), REFUSED);
   vkt_expect_marked(b);
   REQUIRE_OK(vkt_import_number(b, vkt_number(everyones)));
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

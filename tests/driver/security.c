/* SPDX-License-Identifier: MIT */

/* What a security descriptor keeps out, and whom. */
#include "vkt.h"

#define NT VKT_OPAQUE_WIN32
#define KMT VKT_OPAQUE_WIN32_KMT
#define REFUSED VK_ERROR_INVALID_EXTERNAL_HANDLE

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

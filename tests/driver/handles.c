/* SPDX-License-Identifier: MIT */

/* Who owns exported handles, what they inherit and grant. */
#include "vkt.h"

#include <aclapi.h>

static bool
is_open(HANDLE handle)
{
   DWORD flags;

   return GetHandleInformation(handle, &flags) != 0;
}

static bool
is_inheritable(HANDLE handle)
{
   DWORD flags = 0;

   REQUIRE(GetHandleInformation(handle, &flags));
   return (flags & HANDLE_FLAG_INHERIT) != 0;
}

/* A name does not stand in the way of a second handle. */
static void
application_owns_handles(intptr_t kind)
{
   const wchar_t *const names[] = {NULL, vkt_make_name(L"")};
   struct vkt_device *device = vkt_open();

   for (unsigned i = 0; i < TEST_COUNT(names); i++) {
      struct vkt_object *a = vkt_create_win32(device, kind, VKT_OPAQUE_WIN32,
                                              NULL, names[i]);
      HANDLE first = vkt_export(a), second = vkt_export(a);

      EXPECT(first != second);
      test_close(first);
      EXPECT(!is_open(first));
      vkt_expect_linked(a, vkt_alias(device, kind, second));
      vkt_destroy(a);
      EXPECT(is_open(second));
   }
}

static void
import_leaves_handle(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, kind);
   HANDLE handle = vkt_export(a);
   struct vkt_object *b = vkt_alias(device, kind, handle);

   EXPECT(is_open(handle));
   if (kind != VKT_TIMELINE) {
      vkt_import_temporary(b, handle);
      EXPECT(is_open(handle));
   }
   vkt_destroy(b);
   vkt_destroy(a);
   EXPECT(is_open(handle));
   /* Now the first in this process that has the payload. */
   vkt_expect_works(vkt_alias(device, kind, handle));
   EXPECT(is_open(handle));
}

static void
inherited_when_attributes_say_so(intptr_t kind)
{
   static const struct {
      bool win32_info, attributes, inherit;
   } cases[] = {
      {false, false, false},
      {true, false, false},
      {true, true, false},
      {true, true, true},
   };
   struct vkt_device *device = vkt_open();

   for (unsigned i = 0; i < TEST_COUNT(cases); i++) {
      const SECURITY_ATTRIBUTES attributes = {
         .nLength = sizeof(attributes),
         .bInheritHandle = cases[i].inherit,
      };
      const struct vkt_object_info info = {
         .kind = kind,
         .export_types = VKT_OPAQUE_WIN32,
         .win32_info = cases[i].win32_info,
         .attributes = cases[i].attributes ? &attributes : NULL,
         .access = GENERIC_ALL,
      };
      struct vkt_object *a = vkt_create_info(device, &info);

      test_diag("%u", i);
      EXPECT(is_inheritable(vkt_export(a)) == cases[i].inherit);
      EXPECT(is_inheritable(vkt_export(a)) == cases[i].inherit);
   }
}

/* (trap 13) Each word has to give a handle that imports. 0x80000001 is
 * DXGI_SHARED_RESOURCE_READ | DXGI_SHARED_RESOURCE_WRITE, which the CTS
 * passes, and which as section rights would be read-only.
 */
static void
any_access_word_imports(intptr_t kind)
{
   static const DWORD words[] = {
      0, GENERIC_ALL, GENERIC_READ, GENERIC_WRITE,
      GENERIC_READ | GENERIC_WRITE, 0x80000001u, 1,
   };
   struct vkt_device *device = vkt_open();

   for (unsigned i = 0; i < TEST_COUNT(words); i++) {
      const struct vkt_object_info info = {
         .kind = kind,
         .export_types = VKT_OPAQUE_WIN32,
         .win32_info = true,
         .access = words[i],
      };
      struct vkt_object *a = vkt_create_info(device, &info);

      test_diag("access 0x%lx", (unsigned long)words[i]);
      vkt_expect_shared(a, vkt_share(a, device));
   }
}

/* A DACL with one entry that the default does not have. Reading it takes
 * READ_CONTROL, which the access word asks for.
 */
static void
security_descriptor(intptr_t kind)
{
   const SECURITY_ATTRIBUTES attributes = vkt_attributes(L"D:(A;;GA;;;WD)");
   struct vkt_object *a = vkt_create_win32(vkt_open(), kind, VKT_OPAQUE_WIN32,
                                           &attributes, NULL);
   ACL *seen = NULL;
   PSECURITY_DESCRIPTOR read = NULL;
   ACCESS_ALLOWED_ACE *ace = NULL;

   REQUIRE(GetSecurityInfo(vkt_export(a), SE_KERNEL_OBJECT,
                           DACL_SECURITY_INFORMATION, NULL, NULL, &seen, NULL,
                           &read) == ERROR_SUCCESS);
   REQUIRE(seen != NULL);
   REQUIRE_U64(seen->AceCount, 1);
   REQUIRE(GetAce(seen, 0, (void **)&ace));
   EXPECT(IsWellKnownSid(&ace->SidStart, WinWorldSid));
   LocalFree(read);
   vkt_expect_works(a);
}

const struct test_case test_cases[] = {
   VKT_CASES("application_owns_handles", application_owns_handles),
   VKT_CASES("import_leaves_handle", import_leaves_handle),
   VKT_CASES("inherited_when_attributes_say_so",
             inherited_when_attributes_say_so),
   VKT_CASES("any_access_word_imports", any_access_word_imports),
   VKT_CASES("security_descriptor", security_descriptor),
   {0},
};

/* SPDX-License-Identifier: MIT */

/* Who owns exported handles, what they inherit and grant. */
#include "vkt.h"

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
   /* What went well is not talked about. */
   EXPECT_U64(vkt_message_count(device), 0);
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
 * passes, and which as section rights would be read-only. What else is asked
 * for is there as well: to read the descriptor takes READ_CONTROL. It is the
 * one that was given, also without a name.
 */
static void
any_access_word_imports(intptr_t kind)
{
   static const DWORD words[] = {
      0, GENERIC_ALL, GENERIC_READ, GENERIC_WRITE,
      GENERIC_READ | GENERIC_WRITE, 0x80000001u, 1, SECTION_MAP_READ,
      STANDARD_RIGHTS_ALL,
   };
   const SECURITY_ATTRIBUTES attributes = vkt_attributes(L"D:(A;;GA;;;WD)");
   struct vkt_device *device = vkt_open();

   for (unsigned i = 0; i < TEST_COUNT(words); i++) {
      const bool reads = words[i] & (GENERIC_ALL | READ_CONTROL);
      const struct vkt_object_info info = {
         .kind = kind,
         .export_types = VKT_OPAQUE_WIN32,
         .win32_info = true,
         .attributes = reads ? &attributes : NULL,
         .access = words[i],
      };
      struct vkt_object *a = vkt_create_info(device, &info);
      BYTE descriptor[1024];
      BOOL present, defaulted;
      ACL *dacl = NULL;
      DWORD size;

      test_diag("access 0x%lx", (unsigned long)words[i]);
      if (reads) {
         EXPECT(GetKernelObjectSecurity(vkt_export(a),
                                        DACL_SECURITY_INFORMATION, descriptor,
                                        sizeof(descriptor), &size) &&
                GetSecurityDescriptorDacl(descriptor, &present, &dacl,
                                          &defaulted));
         EXPECT(dacl && dacl->AceCount == 1);
      }
      vkt_expect_shared(a, vkt_share(a, device));
   }
}

const struct test_case test_cases[] = {
   VKT_CASES("application_owns_handles", application_owns_handles),
   VKT_CASES("import_leaves_handle", import_leaves_handle),
   VKT_CASES("inherited_when_attributes_say_so",
             inherited_when_attributes_say_so),
   VKT_CASES("any_access_word_imports", any_access_word_imports),
   {0},
};

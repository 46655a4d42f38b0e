/* SPDX-License-Identifier: MIT */

/* Who owns exported handles, what they inherit, grant and are called. */
#include "vkt.h"

#include <aclapi.h>
#include <stdlib.h>
#include <string.h>

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

static void
application_owns_handle(intptr_t kind)
{
   struct vkt_object *a =
      vkt_create_exportable(vkt_open(), (enum vkt_kind)kind);
   HANDLE handle = vkt_export(a);

   EXPECT(is_open(handle));
   test_close(handle);
   EXPECT(!is_open(handle));
   vkt_expect_works(a);

   handle = vkt_export(a);
   vkt_destroy(a);
   EXPECT(is_open(handle));
}

static void
second_export_is_another_handle(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, (enum vkt_kind)kind);
   HANDLE first = vkt_export(a), second = vkt_export(a);

   EXPECT(first != second);
   test_close(first);
   EXPECT(is_open(second));
   vkt_expect_linked(a, vkt_alias(device, (enum vkt_kind)kind, second));
}

static void
import_leaves_handle(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, (enum vkt_kind)kind);
   HANDLE handle = vkt_export(a);
   struct vkt_object *b = vkt_alias(device, (enum vkt_kind)kind, handle);

   EXPECT(is_open(handle));
   if (kind != VKT_TIMELINE) {
      vkt_import_temporary(b, handle);
      EXPECT(is_open(handle));
   }
   vkt_destroy(b);
   vkt_destroy(a);
   EXPECT(is_open(handle));
   /* Now the first in this process that has the payload. */
   vkt_expect_works(vkt_alias(device, (enum vkt_kind)kind, handle));
   EXPECT(is_open(handle));
}

static void
duplicate_is_same_payload(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, (enum vkt_kind)kind);
   HANDLE handle = vkt_export(a), copy;

   REQUIRE(DuplicateHandle(GetCurrentProcess(), handle, GetCurrentProcess(),
                           &copy, 0, FALSE, DUPLICATE_SAME_ACCESS));
   test_own_handle(copy);
   test_close(handle);
   vkt_expect_linked(a, vkt_alias(device, (enum vkt_kind)kind, copy));
}

enum inherit {
   NO_INFO,
   NO_ATTRIBUTES,
   INHERIT_FALSE,
   INHERIT_TRUE,
};

static void
inheritance(intptr_t inherit)
{
   const SECURITY_ATTRIBUTES attributes = {
      .nLength = sizeof(attributes),
      .bInheritHandle = inherit == INHERIT_TRUE,
   };
   struct vkt_device *device = vkt_open();

   for (int kind = VKT_FENCE; kind <= VKT_TIMELINE; kind++) {
      struct vkt_object *a = vkt_create_info(
         device, &(struct vkt_object_info){
                    .kind = (enum vkt_kind)kind,
                    .export_types = VKT_OPAQUE_WIN32,
                    .win32_info = inherit != NO_INFO,
                    .attributes =
                       inherit >= INHERIT_FALSE ? &attributes : NULL,
                    .access = GENERIC_ALL,
                 });

      EXPECT(is_inheritable(vkt_export(a)) == (inherit == INHERIT_TRUE));
      EXPECT(is_inheritable(vkt_export(a)) == (inherit == INHERIT_TRUE));
   }
}

/* (trap 13) Each word has to give a handle that imports. 0x80000001 is
 * DXGI_SHARED_RESOURCE_READ | DXGI_SHARED_RESOURCE_WRITE, which the CTS
 * passes, and which as section rights would be read-only.
 */
static void
access_word(intptr_t access)
{
   struct vkt_device *device = vkt_open();

   for (int kind = VKT_FENCE; kind <= VKT_TIMELINE; kind++) {
      const struct vkt_object_info info = {
         .kind = (enum vkt_kind)kind,
         .export_types = VKT_OPAQUE_WIN32,
         .win32_info = true,
         .access = (DWORD)access,
      };
      struct vkt_object *a = vkt_create_info(device, &info);
      struct vkt_object *b =
         vkt_alias(device, (enum vkt_kind)kind, vkt_export(a));

      vkt_expect_linked(a, b);
      vkt_expect_linked(b, a);
   }
}

/* A DACL with one entry that the default does not have. */
static void
security_descriptor(intptr_t kind)
{
   BYTE sid[SECURITY_MAX_SID_SIZE], buffer[256];
   DWORD sid_size = sizeof(sid);
   ACL *dacl = (ACL *)buffer, *seen = NULL;
   SECURITY_DESCRIPTOR descriptor;
   PSECURITY_DESCRIPTOR read = NULL;
   SECURITY_ATTRIBUTES attributes = {
      .nLength = sizeof(attributes),
      .lpSecurityDescriptor = &descriptor,
   };
   ACCESS_ALLOWED_ACE *ace = NULL;
   struct vkt_object *a;

   REQUIRE(CreateWellKnownSid(WinWorldSid, NULL, sid, &sid_size));
   REQUIRE(InitializeAcl(dacl, sizeof(buffer), ACL_REVISION));
   REQUIRE(AddAccessAllowedAce(dacl, ACL_REVISION, GENERIC_ALL, sid));
   REQUIRE(InitializeSecurityDescriptor(&descriptor,
                                        SECURITY_DESCRIPTOR_REVISION));
   REQUIRE(SetSecurityDescriptorDacl(&descriptor, TRUE, dacl, FALSE));

   a = vkt_create_info(vkt_open(), &(struct vkt_object_info){
                                      .kind = (enum vkt_kind)kind,
                                      .export_types = VKT_OPAQUE_WIN32,
                                      .win32_info = true,
                                      .attributes = &attributes,
                                      .access = GENERIC_ALL,
                                   });
   REQUIRE(GetSecurityInfo(vkt_export(a), SE_KERNEL_OBJECT,
                           DACL_SECURITY_INFORMATION, NULL, NULL, &seen, NULL,
                           &read) == ERROR_SUCCESS);
   REQUIRE(seen != NULL);
   REQUIRE_U64(seen->AceCount, 1);
   REQUIRE(GetAce(seen, 0, (void **)&ace));
   EXPECT(EqualSid(&ace->SidStart, sid));
   LocalFree(read);
   vkt_expect_works(a);
}

static unsigned
count_views(void)
{
   MEMORY_BASIC_INFORMATION info;
   const char *at = NULL;
   void *last = NULL;
   unsigned views = 0;

   while (VirtualQuery(at, &info, sizeof(info)) == sizeof(info)) {
      if (info.State != MEM_FREE && info.Type == MEM_MAPPED &&
          info.AllocationBase != last) {
         views++;
         last = info.AllocationBase;
      }
      at = (const char *)info.BaseAddress + info.RegionSize;
   }
   return views;
}

static void
full_cycle(struct vkt_device *device, struct vkt_device *other,
           enum vkt_kind kind)
{
   struct vkt_object *a = vkt_create_exportable(device, kind);
   HANDLE handle = vkt_export(a);
   struct vkt_object *b = vkt_alias(other, kind, handle);

   vkt_expect_linked(a, b);
   if (kind != VKT_TIMELINE) {
      struct vkt_object *c = vkt_create(device, kind);

      vkt_import_temporary(c, handle);
      vkt_destroy(c);
   }
   test_close(handle);
   vkt_destroy(a);
   vkt_destroy(b);
}

static void
expect_counts_stable(unsigned handles, unsigned views)
{
   /* A few for what the process itself opens meanwhile. */
   const unsigned handles_now = test_count_handles(), views_now = count_views();

   test_diag("handles: %u before, %u after; views: %u before, %u after",
             handles, handles_now, views, views_now);
   EXPECT(handles_now <= handles + 8);
   EXPECT(views_now <= views + 4);
}

static void
counts_are_stable(intptr_t kind)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   unsigned handles, views;

   for (unsigned i = 0; i < 20; i++)
      full_cycle(device, other, (enum vkt_kind)kind);
   handles = test_count_handles();
   views = count_views();
   for (unsigned i = 0; i < 1000 && !test_failed(); i++)
      full_cycle(device, other, (enum vkt_kind)kind);
   expect_counts_stable(handles, views);
}

static void
counts_are_stable_after_refusals(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create(device, (enum vkt_kind)kind);
   HANDLE sections[2] = {
      CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 65536,
                         NULL),
      CreateEventW(NULL, TRUE, FALSE, NULL),
   };
   unsigned handles = 0, views = 0;

   for (unsigned i = 0; i < 300; i++) {
      if (i == 20) {
         handles = test_count_handles();
         views = count_views();
      }
      EXPECT(vkt_try_import(a, VKT_OPAQUE_WIN32, kind != VKT_TIMELINE && i % 4,
                            sections[i % 2], NULL) != VK_SUCCESS);
   }
   expect_counts_stable(handles, views);
   vkt_expect_works(a);
   CloseHandle(sections[0]);
   CloseHandle(sections[1]);
}

static const struct test_case cases[] = {
   VKT_CASES("application_owns_handle", application_owns_handle),
   VKT_CASES("second_export_is_another_handle",
             second_export_is_another_handle),
   VKT_CASES("import_leaves_handle", import_leaves_handle),
   VKT_CASES("duplicate_is_same_payload", duplicate_is_same_payload),
   {"not_inheritable_by_default", inheritance, NO_INFO, 0},
   {"not_inheritable_without_attributes", inheritance, NO_ATTRIBUTES, 0},
   {"not_inheritable_when_attributes_say_so", inheritance, INHERIT_FALSE, 0},
   {"inheritable_when_attributes_say_so", inheritance, INHERIT_TRUE, 0},
   {"access_0", access_word, 0, 0},
   {"access_generic_all", access_word, GENERIC_ALL, 0},
   {"access_generic_read", access_word, (intptr_t)GENERIC_READ, 0},
   {"access_generic_write", access_word, GENERIC_WRITE, 0},
   {"access_generic_read_write", access_word,
    (intptr_t)(GENERIC_READ | GENERIC_WRITE), 0},
   {"access_dxgi_read_write", access_word, (intptr_t)0x80000001u, 0},
   {"access_dxgi_write", access_word, 1, 0},
   VKT_CASES("security_descriptor", security_descriptor),
   VKT_CASES("handle_and_view_counts_are_stable", counts_are_stable),
   VKT_CASES("counts_are_stable_after_refusals",
             counts_are_stable_after_refusals),
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}

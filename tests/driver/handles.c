/* SPDX-License-Identifier: MIT */

/* Who owns exported handles, what they inherit, grant and are called. */
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

static void
application_owns_handle(intptr_t kind)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), kind);
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
   struct vkt_object *a = vkt_create_exportable(vkt_open(), kind);
   HANDLE first = vkt_export(a), second = vkt_export(a);

   EXPECT(first != second);
   test_close(first);
   EXPECT(is_open(second));
   vkt_expect_linked(a, vkt_alias(a->device, kind, second));
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
      const struct vkt_object_info info = {
         .kind = kind,
         .export_types = VKT_OPAQUE_WIN32,
         .win32_info = inherit != NO_INFO,
         .attributes = inherit >= INHERIT_FALSE ? &attributes : NULL,
         .access = GENERIC_ALL,
      };
      struct vkt_object *a = vkt_create_info(device, &info);

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
         .kind = kind,
         .export_types = VKT_OPAQUE_WIN32,
         .win32_info = true,
         .access = (DWORD)access,
      };
      struct vkt_object *a = vkt_create_info(device, &info);

      vkt_expect_shared(a, vkt_share(a, device));
   }
}

/* A DACL with one entry that the default does not have. */
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

struct counts {
   unsigned handles, views;
};

static struct counts
count(void)
{
   return (struct counts){test_count_handles(), count_views()};
}

static void
expect_counts_stable(struct counts before)
{
   const struct counts now = count();

   test_diag("handles: %u before, %u after; views: %u before, %u after",
             before.handles, now.handles, before.views, now.views);
   /* A few for what the process itself opens meanwhile. */
   EXPECT(now.handles <= before.handles + 8);
   EXPECT(now.views <= before.views + 4);
}

static void
counts_are_stable(intptr_t kind)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   struct counts before = {0};

   for (unsigned i = 0; i < 1020 && !test_failed(); i++) {
      if (i == 20)
         before = count();
      full_cycle(device, other, kind);
   }
   expect_counts_stable(before);
}

static void
counts_are_stable_after_refusals(intptr_t kind)
{
   struct vkt_object *a = vkt_create(vkt_open(), kind);
   const HANDLE wrong[] = {
      test_own_handle(CreateFileMappingW(INVALID_HANDLE_VALUE, NULL,
                                         PAGE_READWRITE, 0, 65536, NULL)),
      test_own_handle(CreateEventW(NULL, TRUE, FALSE, NULL)),
   };
   struct counts before = {0};

   for (unsigned i = 0; i < 300; i++) {
      if (i == 20)
         before = count();
      EXPECT(vkt_try_import(a, VKT_OPAQUE_WIN32, kind != VKT_TIMELINE && i % 4,
                            wrong[i % 2], NULL) != VK_SUCCESS);
   }
   expect_counts_stable(before);
   vkt_expect_works(a);
}

const struct test_case test_cases[] = {
   VKT_CASES("application_owns_handle", application_owns_handle),
   VKT_CASES("second_export_is_another_handle",
             second_export_is_another_handle),
   VKT_CASES("import_leaves_handle", import_leaves_handle),
   {"not_inheritable_by_default", inheritance, NO_INFO},
   {"not_inheritable_without_attributes", inheritance, NO_ATTRIBUTES},
   {"not_inheritable_when_attributes_say_so", inheritance, INHERIT_FALSE},
   {"inheritable_when_attributes_say_so", inheritance, INHERIT_TRUE},
   {"access_0", access_word},
   {"access_generic_all", access_word, GENERIC_ALL},
   {"access_generic_read", access_word, (intptr_t)GENERIC_READ},
   {"access_generic_write", access_word, GENERIC_WRITE},
   {"access_generic_read_write", access_word,
    (intptr_t)(GENERIC_READ | GENERIC_WRITE)},
   {"access_dxgi_read_write", access_word, (intptr_t)0x80000001u},
   {"access_dxgi_write", access_word, 1},
   VKT_CASES("security_descriptor", security_descriptor),
   VKT_CASES("handle_and_view_counts_are_stable", counts_are_stable),
   VKT_CASES("counts_are_stable_after_refusals",
             counts_are_stable_after_refusals),
   {0},
};

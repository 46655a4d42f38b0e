/* SPDX-License-Identifier: MIT */

/* Exports with a name and imports by it. */
#include "vkt.h"

#include <stdlib.h>
#include <wchar.h>

static struct vkt_object *
create_named(struct vkt_device *device, enum vkt_kind kind,
             const wchar_t *name)
{
   return vkt_create_win32(device, kind, VKT_OPAQUE_WIN32, NULL, name);
}

static void
name_with_local_prefix(intptr_t kind)
{
   const wchar_t *name = vkt_make_name(L"Local\\");
   struct vkt_object *a = create_named(vkt_open(), kind, name);
   struct vkt_object *b = vkt_create(vkt_open(), kind);

   vkt_export(a);
   REQUIRE_OK(vkt_import_name(b, name));
   vkt_expect_shared(a, b);
}

static void
name_imports_temporarily(intptr_t kind)
{
   const wchar_t *name = vkt_make_name(L"");
   struct vkt_object *a = create_named(vkt_open(), kind, name);
   struct vkt_object *b = vkt_create(vkt_open(), kind);

   vkt_export(a);
   vkt_mark(a);
   REQUIRE_OK(vkt_try_import(b, VKT_OPAQUE_WIN32, true, NULL, name));
   vkt_expect_marked(b);
   vkt_expect_works(b);
}

static void
name_is_copied(intptr_t kind)
{
   const wchar_t *name = vkt_make_name(L"");
   wchar_t *passed = wcsdup(name);
   struct vkt_object *a = create_named(vkt_open(), kind, passed);
   struct vkt_object *b = vkt_create(a->device, kind);

   wmemset(passed, L'x', wcslen(passed));
   vkt_export(a);
   REQUIRE_OK(vkt_import_name(b, name));
   vkt_expect_linked(a, b);
   free(passed);
}

/* Whoever stands under a name: neither adopted nor displaced */
enum holder {
   NOBODY,
   EVENT,
   SECTION,
   OTHER_KIND,
};

static const wchar_t *
hold_name(struct vkt_device *device, enum vkt_kind kind, enum holder holder)
{
   const wchar_t *name = vkt_make_name(L"");

   if (holder == EVENT)
      REQUIRE(test_own_handle(CreateEventW(NULL, TRUE, FALSE, name)) != NULL);
   if (holder == SECTION)
      REQUIRE(test_own_handle(CreateFileMappingW(INVALID_HANDLE_VALUE, NULL,
                                                 PAGE_READWRITE, 0, 65536,
                                                 name)) != NULL);
   if (holder == OTHER_KIND)
      vkt_export(create_named(device, (kind + 1) % 3, name));
   return name;
}

static void
expect_name_taken(struct vkt_device *device, enum vkt_kind kind,
                  const wchar_t *name)
{
   struct vkt_object *object;

   EXPECT_RESULT(vkt_try_create_win32(device, kind, VKT_OPAQUE_WIN32, NULL,
                                      name, &object),
                 VK_ERROR_OUT_OF_DEVICE_MEMORY);
}

static void
name_of_a_section(intptr_t kind)
{
   struct vkt_device *device = vkt_open();

   expect_name_taken(device, kind, hold_name(device, kind, SECTION));
}

static void
name_collision(intptr_t kind)
{
   const wchar_t *name = vkt_make_name(L"");
   struct vkt_object *a = create_named(vkt_open(), kind, name);
   struct vkt_object *b = vkt_create(a->device, kind);

   vkt_export(a);
   expect_name_taken(a->device, kind, name);
   /* The first one keeps it. */
   REQUIRE_OK(vkt_import_name(b, name));
   vkt_expect_linked(a, b);
}

static void
expect_import_refused(struct vkt_object *object, HANDLE handle,
                      const wchar_t *name)
{
   struct vkt_device *device = object->device;

   vkt_mark(object);
   vkt_clear_messages(device);
   EXPECT_RESULT(vkt_try_import(object, VKT_OPAQUE_WIN32, false, handle,
                                name),
                 VK_ERROR_INVALID_EXTERNAL_HANDLE);
   vkt_expect_message(device, "");
   vkt_expect_marked(object);
   vkt_expect_works(object);
}

static void
name_import(intptr_t held)
{
   const enum vkt_kind kind = held & 0xff;
   struct vkt_device *device = vkt_open();

   expect_import_refused(vkt_create(device, kind), NULL,
                         hold_name(device, kind, held >> 8));
}

static void
name_and_handle(intptr_t kind)
{
   const wchar_t *name = vkt_make_name(L"");
   struct vkt_object *a = create_named(vkt_open(), kind, name);

   expect_import_refused(vkt_create(a->device, kind), vkt_export(a), name);
   vkt_expect_works(a);
}

static void
name_is_free_again(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   const wchar_t *name = vkt_make_name(L"");

   for (unsigned i = 0; i < 3; i++) {
      struct vkt_object *a = create_named(device, kind, name);
      struct vkt_object *b = vkt_create(device, kind);
      HANDLE handle = vkt_export(a);

      vkt_destroy(a);
      /* The handle alone keeps the name. */
      REQUIRE_OK(vkt_import_name(b, name));
      vkt_expect_works(b);
      test_close(handle);
      vkt_destroy(b);
      /* The thread that has signalled it may not have let go of it yet. */
      vkt_wait_idle(device);
      EXPECT_RESULT(vkt_import_name(vkt_create(device, kind), name),
                    VK_ERROR_INVALID_EXTERNAL_HANDLE);
   }
}

const struct test_case test_cases[] = {
   VKT_CASES("name_with_local_prefix", name_with_local_prefix),
   {"name_imports_temporarily_fence", name_imports_temporarily, VKT_FENCE},
   {"name_imports_temporarily_binary", name_imports_temporarily, VKT_BINARY},
   VKT_CASES("name_is_copied", name_is_copied),
   VKT_CASES("name_collision", name_collision),
   VKT_CASES("name_of_a_section", name_of_a_section),
   VKT_CASES_WITH("name_unknown", name_import, NOBODY),
   VKT_CASES_WITH("name_import_of_an_event", name_import, EVENT),
   VKT_CASES_WITH("name_import_of_a_section", name_import, SECTION),
   VKT_CASES_WITH("name_import_of_wrong_kind", name_import, OTHER_KIND),
   VKT_CASES("name_and_handle", name_and_handle),
   VKT_CASES("name_is_free_again", name_is_free_again),
   {0},
};

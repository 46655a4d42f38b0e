/* SPDX-License-Identifier: MIT */

/* Exports with a name and imports by it. */
#include "vkt.h"

#include <wchar.h>

#define NAME_SIZE 96

static void
make_name(wchar_t *name, const wchar_t *prefix)
{
   static volatile LONG serial;

   /* Unlike test_random(), no two runs beside each other have the same. */
   swprintf(name, NAME_SIZE, L"%lslvp-test-%lu-%ld-%llx", prefix,
            (unsigned long)GetCurrentProcessId(),
            (long)InterlockedIncrement(&serial),
            (unsigned long long)GetTickCount64());
}

static VkResult
try_create_named(struct vkt_device *device, enum vkt_kind kind,
                 const wchar_t *name, const SECURITY_ATTRIBUTES *attributes,
                 struct vkt_object **object)
{
   return vkt_try_create(device,
                         &(struct vkt_object_info){
                            .kind = kind,
                            .export_types = VKT_OPAQUE_WIN32,
                            .win32_info = true,
                            .attributes = attributes,
                            .access = GENERIC_ALL,
                            .name = name,
                         },
                         object);
}

static struct vkt_object *
create_named(struct vkt_device *device, enum vkt_kind kind,
             const wchar_t *name)
{
   struct vkt_object *object;

   REQUIRE_OK(try_create_named(device, kind, name, NULL, &object));
   return object;
}

/* The driver may take the name when the object is created, or when its
 * handle is asked for.
 */
static void
expect_name_taken(struct vkt_device *device, enum vkt_kind kind,
                  const wchar_t *name)
{
   struct vkt_object *object;

   EXPECT_RESULT(try_create_named(device, kind, name, NULL, &object),
                 VK_ERROR_OUT_OF_DEVICE_MEMORY);
}

static VkResult
import_by_name(struct vkt_object *object, const wchar_t *name)
{
   return vkt_try_import(object, VKT_OPAQUE_WIN32, false, NULL, name);
}

static void
expect_import_by_name(enum vkt_kind kind, const wchar_t *prefix)
{
   wchar_t name[NAME_SIZE];
   struct vkt_object *a, *b;

   make_name(name, prefix);
   a = create_named(vkt_open(), kind, name);
   b = vkt_create(vkt_open(), kind);
   vkt_export(a);
   REQUIRE_OK(import_by_name(b, name));
   vkt_expect_linked(a, b);
   vkt_expect_linked(b, a);
}

static void
name_imports(intptr_t kind)
{
   expect_import_by_name((enum vkt_kind)kind, L"");
}

static void
name_with_local_prefix(intptr_t kind)
{
   expect_import_by_name((enum vkt_kind)kind, L"Local\\");
}

static void
name_imports_temporarily(intptr_t kind)
{
   wchar_t name[NAME_SIZE];
   struct vkt_object *a, *b;

   make_name(name, L"");
   a = create_named(vkt_open(), (enum vkt_kind)kind, name);
   b = vkt_create(vkt_open(), (enum vkt_kind)kind);
   vkt_export(a);
   vkt_mark(a);
   REQUIRE_OK(vkt_try_import(b, VKT_OPAQUE_WIN32, true, NULL, name));
   vkt_expect_marked(b);
   vkt_expect_works(b);
}

static void
name_handle_imports(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   wchar_t name[NAME_SIZE];
   struct vkt_object *a;

   make_name(name, L"");
   a = create_named(device, (enum vkt_kind)kind, name);
   vkt_expect_linked(a, vkt_alias(device, (enum vkt_kind)kind,
                                  vkt_export(a)));
}

static void
name_is_copied(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   wchar_t name[NAME_SIZE], passed[NAME_SIZE];
   struct vkt_object *a, *b = vkt_create(device, (enum vkt_kind)kind);

   make_name(name, L"");
   wcscpy(passed, name);
   a = create_named(device, (enum vkt_kind)kind, passed);
   wmemset(passed, L'x', NAME_SIZE - 1);
   vkt_export(a);
   REQUIRE_OK(import_by_name(b, name));
   vkt_expect_linked(a, b);
}

static void
name_collision(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   wchar_t name[NAME_SIZE];
   struct vkt_object *a, *b = vkt_create(device, (enum vkt_kind)kind);

   make_name(name, L"");
   a = create_named(device, (enum vkt_kind)kind, name);
   vkt_export(a);
   vkt_clear_messages(device);
   expect_name_taken(device, (enum vkt_kind)kind, name);
   EXPECT(vkt_message_count(device) >= 1);
   /* The first one keeps it. */
   REQUIRE_OK(import_by_name(b, name));
   vkt_expect_linked(a, b);
}

static void
name_of_an_event(intptr_t kind)
{
   wchar_t name[NAME_SIZE];
   HANDLE event;

   make_name(name, L"");
   event = CreateEventW(NULL, TRUE, FALSE, name);
   REQUIRE(event != NULL);
   test_own_handle(event);
   expect_name_taken(vkt_open(), (enum vkt_kind)kind, name);
}

/* A section that waits under the name for the driver to adopt it. */
static void
name_of_a_section(intptr_t kind)
{
   wchar_t name[NAME_SIZE];
   HANDLE section;

   make_name(name, L"");
   section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0,
                                65536, name);
   REQUIRE(section != NULL);
   test_own_handle(section);
   expect_name_taken(vkt_open(), (enum vkt_kind)kind, name);
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
   EXPECT(vkt_message_count(device) >= 1);
   vkt_expect_marked(object);
   vkt_expect_works(object);
}

static void
name_unknown(intptr_t kind)
{
   wchar_t name[NAME_SIZE];

   make_name(name, L"");
   expect_import_refused(vkt_create(vkt_open(), (enum vkt_kind)kind), NULL,
                         name);
}

static void
name_import_of_an_event(intptr_t kind)
{
   wchar_t name[NAME_SIZE];
   HANDLE event;

   make_name(name, L"");
   event = CreateEventW(NULL, TRUE, FALSE, name);
   REQUIRE(event != NULL);
   test_own_handle(event);
   expect_import_refused(vkt_create(vkt_open(), (enum vkt_kind)kind), NULL,
                         name);
}

static void
name_import_of_a_section(intptr_t kind)
{
   wchar_t name[NAME_SIZE];
   HANDLE section;

   make_name(name, L"");
   section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0,
                                65536, name);
   REQUIRE(section != NULL);
   test_own_handle(section);
   expect_import_refused(vkt_create(vkt_open(), (enum vkt_kind)kind), NULL,
                         name);
}

static void
name_import_of_wrong_kind(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   wchar_t name[NAME_SIZE];

   make_name(name, L"");
   vkt_export(create_named(device, (enum vkt_kind)((kind + 1) % 3), name));
   expect_import_refused(vkt_create(device, (enum vkt_kind)kind), NULL, name);
}

static void
name_and_handle(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   wchar_t name[NAME_SIZE];
   struct vkt_object *a;
   HANDLE handle;

   make_name(name, L"");
   a = create_named(device, (enum vkt_kind)kind, name);
   handle = vkt_export(a);
   expect_import_refused(vkt_create(device, (enum vkt_kind)kind), handle,
                         name);
   vkt_expect_works(a);
}

static void
name_is_free_again(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   wchar_t name[NAME_SIZE];
   struct vkt_object *a, *b = vkt_create(device, (enum vkt_kind)kind);

   make_name(name, L"");
   for (unsigned i = 0; i < 3; i++) {
      HANDLE handle;

      a = create_named(device, (enum vkt_kind)kind, name);
      handle = vkt_export(a);
      vkt_destroy(a);
      /* The handle alone keeps the name. */
      REQUIRE_OK(import_by_name(b, name));
      vkt_expect_works(b);
      test_close(handle);
      vkt_destroy(b);
      /* The thread that has signalled it may not have let go of it yet. */
      vkt_wait_idle(device);
      b = vkt_create(device, (enum vkt_kind)kind);
      EXPECT_RESULT(import_by_name(b, name),
                    VK_ERROR_INVALID_EXTERNAL_HANDLE);
   }
}

/* An empty DACL grants nothing to anybody. */
static void
name_denied_by_dacl(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   BYTE buffer[64];
   ACL *dacl = (ACL *)buffer;
   SECURITY_DESCRIPTOR descriptor;
   const SECURITY_ATTRIBUTES attributes = {
      .nLength = sizeof(attributes),
      .lpSecurityDescriptor = &descriptor,
   };
   wchar_t name[NAME_SIZE];
   struct vkt_object *a;

   REQUIRE(InitializeAcl(dacl, sizeof(buffer), ACL_REVISION));
   REQUIRE(InitializeSecurityDescriptor(&descriptor,
                                        SECURITY_DESCRIPTOR_REVISION));
   REQUIRE(SetSecurityDescriptorDacl(&descriptor, TRUE, dacl, FALSE));
   make_name(name, L"");
   REQUIRE_OK(try_create_named(device, (enum vkt_kind)kind, name, &attributes,
                               &a));
   vkt_export(a);
   expect_import_refused(vkt_create(device, (enum vkt_kind)kind), NULL, name);
   vkt_expect_works(a);
}

static const struct test_case cases[] = {
   VKT_CASES("name_imports", name_imports),
   VKT_CASES("name_with_local_prefix", name_with_local_prefix),
   {"name_imports_temporarily_fence", name_imports_temporarily, VKT_FENCE, 0},
   {"name_imports_temporarily_binary", name_imports_temporarily, VKT_BINARY,
    0},
   VKT_CASES("name_handle_imports", name_handle_imports),
   VKT_CASES("name_is_copied", name_is_copied),
   VKT_CASES("name_collision", name_collision),
   VKT_CASES("name_of_an_event", name_of_an_event),
   VKT_CASES("name_of_a_section", name_of_a_section),
   VKT_CASES("name_unknown", name_unknown),
   VKT_CASES("name_import_of_an_event", name_import_of_an_event),
   VKT_CASES("name_import_of_a_section", name_import_of_a_section),
   VKT_CASES("name_import_of_wrong_kind", name_import_of_wrong_kind),
   VKT_CASES("name_and_handle", name_and_handle),
   VKT_CASES("name_is_free_again", name_is_free_again),
   VKT_CASES("name_denied_by_dacl", name_denied_by_dacl),
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}

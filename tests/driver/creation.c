/* SPDX-License-Identifier: MIT */

/* The structures that a fence or semaphore is created with, in the shapes
 * and orders that applications may give them.
 */
#include "vkt.h"

#include <stdlib.h>
#include <wchar.h>

#define REFUSED VK_ERROR_INVALID_EXTERNAL_HANDLE
#define NAME_SIZE 64

static void
make_name(wchar_t name[NAME_SIZE])
{
   swprintf(name, NAME_SIZE, L"lvp-test-creation-%lu-%llx",
            (unsigned long)GetCurrentProcessId(),
            (unsigned long long)test_random());
}

static void
destroy_object(void *data)
{
   struct vkt_object *object = data;

   if (!test_failed()) {
      vkDestroyFence(object->device->handle, object->fence, NULL);
      vkDestroySemaphore(object->device->handle, object->semaphore, NULL);
   }
   free(object);
}

/* With nothing but the given chain */
static struct vkt_object *
create_with(struct vkt_device *device, enum vkt_kind kind, const void *chain)
{
   struct vkt_object *object = calloc(1, sizeof(*object));

   REQUIRE(object != NULL);
   object->kind = kind;
   object->device = device;
   if (kind == VKT_FENCE) {
      const VkFenceCreateInfo info = {
         .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
         .pNext = chain,
      };
      REQUIRE_OK(vkCreateFence(device->handle, &info, NULL, &object->fence));
   } else {
      const VkSemaphoreCreateInfo info = {
         .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
         .pNext = chain,
      };
      REQUIRE_OK(vkCreateSemaphore(device->handle, &info, NULL,
                                   &object->semaphore));
   }
   test_defer(destroy_object, object);
   return object;
}

/* The structures of both extensions have the same members. */
struct chain {
   VkSemaphoreTypeCreateInfo type;
   VkExportSemaphoreCreateInfo export_info;
   VkExportSemaphoreWin32HandleInfoKHR win32;
};

static void
fill_chain(struct chain *chain, enum vkt_kind kind, VkFlags types,
           const wchar_t *name)
{
   chain->type = (VkSemaphoreTypeCreateInfo){
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
      .semaphoreType = kind == VKT_TIMELINE ? VK_SEMAPHORE_TYPE_TIMELINE
                                            : VK_SEMAPHORE_TYPE_BINARY,
   };
   chain->export_info = (VkExportSemaphoreCreateInfo){
      .sType = kind == VKT_FENCE
                  ? VK_STRUCTURE_TYPE_EXPORT_FENCE_CREATE_INFO
                  : VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO,
      .handleTypes = types,
   };
   chain->win32 = (VkExportSemaphoreWin32HandleInfoKHR){
      .sType = kind == VKT_FENCE
                  ? VK_STRUCTURE_TYPE_EXPORT_FENCE_WIN32_HANDLE_INFO_KHR
                  : VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_WIN32_HANDLE_INFO_KHR,
      .dwAccess = GENERIC_ALL,
      .name = name,
   };
}

/* Fences have no type structure. */
static const void *
last_of(struct chain *chain, enum vkt_kind kind)
{
   return kind == VKT_FENCE ? NULL : &chain->type;
}

static VkResult
import_name(struct vkt_object *object, const wchar_t *name)
{
   return vkt_try_import(object, VKT_OPAQUE_WIN32, false, NULL, name);
}

static void
expect_private(struct vkt_object *object)
{
   HANDLE handle = NULL;

   EXPECT_RESULT(vkt_try_export(object, VKT_OPAQUE_WIN32, &handle),
                 VK_ERROR_UNKNOWN);
   EXPECT_RESULT(vkt_try_export(object, VKT_OPAQUE_WIN32_KMT, &handle),
                 VK_ERROR_UNKNOWN);
   EXPECT(handle == NULL);
   vkt_expect_works(object);
}

static void
no_handle_types_is_private(intptr_t kind)
{
   struct chain chain;

   fill_chain(&chain, (enum vkt_kind)kind, 0, NULL);
   chain.export_info.pNext = last_of(&chain, (enum vkt_kind)kind);
   expect_private(create_with(vkt_open(), (enum vkt_kind)kind,
                              &chain.export_info));
}

/* Without a handle type to export there is nothing to give the name to. */
static void
win32_info_alone_is_ignored(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   wchar_t name[NAME_SIZE];
   struct chain chain;
   struct vkt_object *a;

   make_name(name);
   fill_chain(&chain, (enum vkt_kind)kind, 0, name);
   chain.win32.pNext = last_of(&chain, (enum vkt_kind)kind);
   a = create_with(device, (enum vkt_kind)kind, &chain.win32);
   EXPECT_RESULT(import_name(vkt_create(device, (enum vkt_kind)kind), name),
                 REFUSED);
   expect_private(a);
}

static void
expect_named(struct vkt_object *a, const wchar_t *name)
{
   struct vkt_object *b = vkt_create(vkt_open(), a->kind);

   REQUIRE_OK(import_name(b, name));
   vkt_expect_linked(a, b);
   vkt_expect_linked(vkt_alias(b->device, a->kind, vkt_export(a)), b);
}

static void
win32_info_comes_first(intptr_t kind)
{
   wchar_t name[NAME_SIZE];
   struct chain chain;

   make_name(name);
   fill_chain(&chain, (enum vkt_kind)kind, VKT_OPAQUE_WIN32, name);
   chain.win32.pNext = &chain.export_info;
   chain.export_info.pNext = last_of(&chain, (enum vkt_kind)kind);
   expect_named(create_with(vkt_open(), (enum vkt_kind)kind, &chain.win32),
                name);
}

/* export info, type, win32 info, with structures of the future between */
static void
unknown_structures_are_skipped(intptr_t kind)
{
   VkBaseInStructure unknown[2] = {
      {.sType = (VkStructureType)0x7ffffff0},
      {.sType = (VkStructureType)0x7ffffff1},
   };
   wchar_t name[NAME_SIZE];
   struct chain chain;

   make_name(name);
   fill_chain(&chain, (enum vkt_kind)kind, VKT_OPAQUE_WIN32, name);
   unknown[0].pNext = (const VkBaseInStructure *)&chain.export_info;
   chain.export_info.pNext = &unknown[1];
   if (kind == VKT_FENCE) {
      unknown[1].pNext = (const VkBaseInStructure *)&chain.win32;
   } else {
      unknown[1].pNext = (const VkBaseInStructure *)&chain.type;
      chain.type.pNext = &chain.win32;
   }
   expect_named(create_with(vkt_open(), (enum vkt_kind)kind, &unknown[0]),
                name);
}

/* Each type that was asked for gives a handle with the state from creation;
 * also both at once, which is more than the queries promise.
 */
static void
each_combination_exports(intptr_t kind)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   const uint64_t initial = kind == VKT_BINARY ? 0 : 1;

   for (VkFlags types = VKT_OPAQUE_WIN32;
        types <= (VKT_OPAQUE_WIN32 | VKT_OPAQUE_WIN32_KMT); types += 2) {
      struct vkt_object *a =
         vkt_create_info(device, &(struct vkt_object_info){
                                    .kind = (enum vkt_kind)kind,
                                    .export_types = types,
                                    .initial = initial,
                                 });
      struct vkt_object *aliases[2];
      unsigned count = 0;

      for (VkFlags type = VKT_OPAQUE_WIN32; type <= VKT_OPAQUE_WIN32_KMT;
           type *= 2) {
         struct vkt_object *b = vkt_create(other, (enum vkt_kind)kind);
         HANDLE handle = NULL;

         if (!(types & type))
            continue;
         REQUIRE_OK(vkt_try_export(a, type, &handle));
         if (type == VKT_OPAQUE_WIN32)
            test_own_handle(handle);
         REQUIRE_OK(vkt_try_import(b, type, false, handle, NULL));
         if (kind != VKT_BINARY)
            EXPECT_U64(vkt_value(b), initial);
         aliases[count++] = b;
      }
      if (kind == VKT_FENCE)
         vkt_reset(a);
      for (unsigned i = 0; i < count; i++)
         vkt_expect_linked(a, aliases[i]);
   }
}

/* The name does not stand in the way of a second handle. */
static void
named_exports_twice(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   wchar_t name[NAME_SIZE];
   struct vkt_object *a;
   HANDLE first, second;

   make_name(name);
   a = vkt_create_info(device, &(struct vkt_object_info){
                                  .kind = (enum vkt_kind)kind,
                                  .export_types = VKT_OPAQUE_WIN32,
                                  .win32_info = true,
                                  .access = GENERIC_ALL,
                                  .name = name,
                               });
   first = vkt_export(a);
   second = vkt_export(a);
   EXPECT(first != second);
   test_close(first);
   vkt_expect_linked(vkt_alias(device, (enum vkt_kind)kind, second), a);
   expect_named(a, name);
}

/* There is nothing that it could say, except for a name, which is refused:
 * see kmt.c.
 */
static void
win32_info_with_kmt_alone(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *b = vkt_create(device, (enum vkt_kind)kind);
   struct chain chain;
   struct vkt_object *a;
   HANDLE number = NULL;

   fill_chain(&chain, (enum vkt_kind)kind, VKT_OPAQUE_WIN32_KMT, NULL);
   chain.export_info.pNext = &chain.win32;
   chain.win32.pNext = last_of(&chain, (enum vkt_kind)kind);
   a = create_with(device, (enum vkt_kind)kind, &chain.export_info);
   REQUIRE_OK(vkt_try_export(a, VKT_OPAQUE_WIN32_KMT, &number));
   REQUIRE_OK(vkt_try_import(b, VKT_OPAQUE_WIN32_KMT, false, number, NULL));
   vkt_expect_linked(a, b);
}

static const struct test_case cases[] = {
   VKT_CASES("no_handle_types_is_private", no_handle_types_is_private),
   VKT_CASES("win32_info_alone_is_ignored", win32_info_alone_is_ignored),
   VKT_CASES("win32_info_comes_first", win32_info_comes_first),
   VKT_CASES("unknown_structures_are_skipped",
             unknown_structures_are_skipped),
   VKT_CASES("each_combination_exports", each_combination_exports),
   VKT_CASES("named_exports_twice", named_exports_twice),
   VKT_CASES("win32_info_with_kmt_alone", win32_info_with_kmt_alone),
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}

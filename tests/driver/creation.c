/* SPDX-License-Identifier: MIT */

/* The structures that a fence or semaphore is created with, in the shapes
 * and orders that applications may give them.
 */
#include "vkt.h"

/* With nothing but the given chain */
static struct vkt_object *
create_with(struct vkt_device *device, enum vkt_kind kind, const void *chain)
{
   struct vkt_object *object = vkt_create(device, kind);

   if (kind == VKT_FENCE) {
      const VkFenceCreateInfo info = {
         .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
         .pNext = chain,
      };
      vkDestroyFence(device->handle, object->fence, NULL);
      REQUIRE_OK(vkCreateFence(device->handle, &info, NULL, &object->fence));
   } else {
      const VkSemaphoreCreateInfo info = {
         .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
         .pNext = chain,
      };
      vkDestroySemaphore(device->handle, object->semaphore, NULL);
      REQUIRE_OK(vkCreateSemaphore(device->handle, &info, NULL,
                                   &object->semaphore));
   }
   return object;
}

/* The structures of both extensions have the same members. */
struct chain {
   VkSemaphoreTypeCreateInfo type;
   VkExportSemaphoreCreateInfo export_info;
   VkExportSemaphoreWin32HandleInfoKHR win32;
};

static struct chain
make_chain(enum vkt_kind kind, VkFlags types, const wchar_t *name)
{
   return (struct chain){
      .type = {
         .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
         .semaphoreType = kind == VKT_TIMELINE ? VK_SEMAPHORE_TYPE_TIMELINE
                                               : VK_SEMAPHORE_TYPE_BINARY,
      },
      .export_info = {
         .sType = kind == VKT_FENCE
                     ? VK_STRUCTURE_TYPE_EXPORT_FENCE_CREATE_INFO
                     : VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO,
         .handleTypes = types,
      },
      .win32 = {
         .sType = kind == VKT_FENCE
            ? VK_STRUCTURE_TYPE_EXPORT_FENCE_WIN32_HANDLE_INFO_KHR
            : VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_WIN32_HANDLE_INFO_KHR,
         .dwAccess = GENERIC_ALL,
         .name = name,
      },
   };
}

/* Fences have no type structure. */
static const void *
last_of(struct chain *chain, enum vkt_kind kind)
{
   return kind == VKT_FENCE ? NULL : &chain->type;
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
   struct chain chain = make_chain(kind, 0, NULL);

   chain.export_info.pNext = last_of(&chain, kind);
   expect_private(create_with(vkt_open(), kind, &chain.export_info));
}

/* Without a handle type to export there is nothing to give the name to. */
static void
win32_info_alone_is_ignored(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   const wchar_t *name = vkt_make_name(L"");
   struct chain chain = make_chain(kind, 0, name);
   struct vkt_object *a;

   chain.win32.pNext = last_of(&chain, kind);
   a = create_with(device, kind, &chain.win32);
   EXPECT_RESULT(vkt_import_name(vkt_create(device, kind), name),
                 VK_ERROR_INVALID_EXTERNAL_HANDLE);
   expect_private(a);
}

static void
expect_named(struct vkt_object *a, const wchar_t *name)
{
   struct vkt_object *b = vkt_create(vkt_open(), a->kind);

   REQUIRE_OK(vkt_import_name(b, name));
   vkt_expect_linked(a, b);
   vkt_expect_linked(vkt_share(a, b->device), b);
}

static void
win32_info_comes_first(intptr_t kind)
{
   const wchar_t *name = vkt_make_name(L"");
   struct chain chain = make_chain(kind, VKT_OPAQUE_WIN32, name);

   chain.win32.pNext = &chain.export_info;
   chain.export_info.pNext = last_of(&chain, kind);
   expect_named(create_with(vkt_open(), kind, &chain.win32), name);
}

/* export info, type, win32 info, with structures of the future between */
static void
unknown_structures_are_skipped(intptr_t kind)
{
   VkBaseInStructure unknown[2] = {
      {.sType = (VkStructureType)0x7ffffff0},
      {.sType = (VkStructureType)0x7ffffff1},
   };
   const wchar_t *name = vkt_make_name(L"");
   struct chain chain = make_chain(kind, VKT_OPAQUE_WIN32, name);

   unknown[0].pNext = (const VkBaseInStructure *)&chain.export_info;
   chain.export_info.pNext = &unknown[1];
   if (kind == VKT_FENCE) {
      unknown[1].pNext = (const VkBaseInStructure *)&chain.win32;
   } else {
      unknown[1].pNext = (const VkBaseInStructure *)&chain.type;
      chain.type.pNext = &chain.win32;
   }
   expect_named(create_with(vkt_open(), kind, &unknown[0]), name);
}

/* Each type that was asked for gives a handle with the state from creation;
 * also both at once, which is more than the queries promise.
 */
static void
each_combination_exports(intptr_t kind)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();

   for (VkFlags types = VKT_OPAQUE_WIN32;
        types <= (VKT_OPAQUE_WIN32 | VKT_OPAQUE_WIN32_KMT); types += 2) {
      const struct vkt_object_info info = {
         .kind = kind,
         .export_types = types,
         .initial = kind != VKT_BINARY,
      };
      struct vkt_object *a = vkt_create_info(device, &info);
      struct vkt_object *aliases[2];
      unsigned count = 0;

      if (types & VKT_OPAQUE_WIN32)
         aliases[count++] = vkt_share(a, other);
      if (types & VKT_OPAQUE_WIN32_KMT) {
         aliases[count] = vkt_create(other, kind);
         REQUIRE_OK(vkt_import_number(aliases[count++], vkt_number(a)));
      }
      for (unsigned i = 0; i < count && kind != VKT_BINARY; i++)
         EXPECT_U64(vkt_value(aliases[i]), info.initial);
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
   const wchar_t *name = vkt_make_name(L"");
   struct vkt_object *a =
      vkt_create_win32(vkt_open(), kind, VKT_OPAQUE_WIN32, NULL, name);
   HANDLE first = vkt_export(a), second = vkt_export(a);

   EXPECT(first != second);
   test_close(first);
   vkt_expect_linked(vkt_alias(a->device, kind, second), a);
   expect_named(a, name);
}

/* There is nothing that it could say, except for a name, which is refused:
 * see kmt.c.
 */
static void
win32_info_with_kmt_alone(intptr_t kind)
{
   struct chain chain = make_chain(kind, VKT_OPAQUE_WIN32_KMT, NULL);
   struct vkt_object *a, *b;

   chain.export_info.pNext = &chain.win32;
   chain.win32.pNext = last_of(&chain, kind);
   a = create_with(vkt_open(), kind, &chain.export_info);
   b = vkt_create(a->device, kind);
   REQUIRE_OK(vkt_import_number(b, vkt_number(a)));
   vkt_expect_linked(a, b);
}

const struct test_case test_cases[] = {
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

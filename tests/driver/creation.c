/* SPDX-License-Identifier: MIT */

/* The structures that a fence or semaphore is created with, in the shapes
 * and orders that applications may give them.
 */
#include "vkt.h"

#define NT VKT_OPAQUE_WIN32
#define KMT VKT_OPAQUE_WIN32_KMT
#define REFUSED VK_ERROR_INVALID_EXTERNAL_HANDLE

enum link {
   END,
   TYPE, /* semaphores only: fences have none */
   EXPORT,
   WIN32_INFO,
   UNKNOWN,
};

static const struct shape {
   const char *name;
   enum link links[5];
   VkFlags types;
   bool named;
} shapes[] = {
   {"no_handle_types_is_private", {EXPORT, TYPE}, 0, false},
   {"no_handle_types_but_a_name_is_private", {EXPORT, WIN32_INFO, TYPE}, 0,
    true},
   /* There is nothing to give the name to. */
   {"win32_info_alone_is_ignored", {WIN32_INFO, TYPE}, 0, true},
   {"win32_info_comes_first", {WIN32_INFO, EXPORT, TYPE}, NT, true},
   {"unknown_structures_are_skipped",
    {UNKNOWN, EXPORT, UNKNOWN, TYPE, WIN32_INFO}, NT, true},
   /* There is nothing that it could say, except for a name. */
   {"win32_info_with_kmt_alone", {EXPORT, WIN32_INFO, TYPE}, KMT, false},
};

/* The structures of both extensions have the same members. */
struct chain {
   VkSemaphoreTypeCreateInfo type;
   VkExportSemaphoreCreateInfo export_info;
   VkExportSemaphoreWin32HandleInfoKHR win32;
   VkBaseInStructure unknown[5];
};

static const void *
make_chain(struct chain *chain, const struct shape *shape, enum vkt_kind kind,
           const wchar_t *name)
{
   const bool is_fence = kind == VKT_FENCE;
   VkBaseInStructure head = {0}, *last = &head;

   *chain = (struct chain){
      .type = {
         .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
         .semaphoreType = kind == VKT_TIMELINE ? VK_SEMAPHORE_TYPE_TIMELINE
                                               : VK_SEMAPHORE_TYPE_BINARY,
      },
      .export_info = {
         .sType = is_fence ? VK_STRUCTURE_TYPE_EXPORT_FENCE_CREATE_INFO
                           : VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO,
         .handleTypes = shape->types,
      },
      .win32 = {
         .sType = is_fence
            ? VK_STRUCTURE_TYPE_EXPORT_FENCE_WIN32_HANDLE_INFO_KHR
            : VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_WIN32_HANDLE_INFO_KHR,
         .dwAccess = GENERIC_ALL,
         .name = name,
      },
   };
   for (unsigned i = 0; i < 5; i++) {
      void *const links[] = {
         [END] = NULL,
         [TYPE] = is_fence ? NULL : &chain->type,
         [EXPORT] = &chain->export_info,
         [WIN32_INFO] = &chain->win32,
         [UNKNOWN] = &chain->unknown[i],
      };

      chain->unknown[i].sType = (VkStructureType)(0x7ffffff0 + i);
      if (links[shape->links[i]]) {
         last->pNext = links[shape->links[i]];
         last = links[shape->links[i]];
      }
   }
   return head.pNext;
}

static struct vkt_object *
create_with(struct vkt_device *device, enum vkt_kind kind, const void *chain)
{
   const VkFenceCreateInfo fence_info = {
      .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
      .pNext = chain,
   };
   const VkSemaphoreCreateInfo semaphore_info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
      .pNext = chain,
   };
   struct vkt_object *object = vkt_create(device, kind);

   vkDestroyFence(device->handle, object->fence, NULL);
   vkDestroySemaphore(device->handle, object->semaphore, NULL);
   if (kind == VKT_FENCE)
      REQUIRE_OK(vkCreateFence(device->handle, &fence_info, NULL,
                               &object->fence));
   else
      REQUIRE_OK(vkCreateSemaphore(device->handle, &semaphore_info, NULL,
                                   &object->semaphore));
   return object;
}

/* Each type that was asked for gives a handle, with the state from creation. */
static void
expect_exported(struct vkt_object *a, VkFlags types, uint64_t state)
{
   struct vkt_device *other = vkt_open();
   struct vkt_object *aliases[2];
   unsigned count = 0;

   if (types & NT)
      aliases[count++] = vkt_share(a, other);
   if (types & KMT) {
      aliases[count] = vkt_create(other, a->kind);
      REQUIRE_OK(vkt_import_number(aliases[count++], vkt_number(a)));
   }
   for (unsigned i = 0; i < count && a->kind != VKT_BINARY; i++)
      EXPECT_U64(vkt_value(aliases[i]), state);
   if (a->kind == VKT_FENCE)
      vkt_reset(a);
   for (unsigned i = 0; i < count; i++)
      vkt_expect_linked(a, aliases[i]);
}

static void
expect_private(struct vkt_object *object)
{
   HANDLE handle = NULL;

   EXPECT_RESULT(vkt_try_export(object, NT, &handle), VK_ERROR_UNKNOWN);
   EXPECT_RESULT(vkt_try_export(object, KMT, &handle), VK_ERROR_UNKNOWN);
   EXPECT(handle == NULL);
   vkt_expect_works(object);
}

static void
check_shape(intptr_t index)
{
   const struct shape *shape = &shapes[index];
   struct vkt_device *device = vkt_open();

   for (int kind = VKT_FENCE; kind <= VKT_TIMELINE; kind++) {
      const wchar_t *name = shape->named ? vkt_make_name(L"") : NULL;
      struct vkt_object *a, *b = vkt_create(vkt_open(), kind);
      struct chain chain;

      test_diag("%s", vkt_kind_name(kind));
      a = create_with(device, kind, make_chain(&chain, shape, kind, name));
      if (shape->types)
         expect_exported(a, shape->types, 0);
      else
         expect_private(a);
      if (!shape->named)
         continue;
      EXPECT_RESULT(vkt_import_name(b, name),
                    shape->types ? VK_SUCCESS : REFUSED);
      vkt_expect_linked(shape->types ? a : b, b);
   }
}

/* Both at once is more than the queries promise. */
static void
each_combination_exports(intptr_t kind)
{
   static const uint64_t initial[] = {
      [VKT_FENCE] = 1,
      [VKT_TIMELINE] = UINT64_C(0x123456789abcdef0),
   };
   struct vkt_device *device = vkt_open();

   for (VkFlags types = NT; types <= (NT | KMT); types += 2) {
      const struct vkt_object_info info = {
         .kind = kind,
         .export_types = types,
         .initial = initial[kind],
      };

      expect_exported(vkt_create_info(device, &info), types, info.initial);
   }
}

int
main(int argc, char **argv)
{
   static struct test_case cases[TEST_COUNT(shapes) + 4] = {
      VKT_CASES("each_combination_exports", each_combination_exports),
   };

   for (unsigned i = 0; i < TEST_COUNT(shapes); i++)
      cases[3 + i] = (struct test_case){shapes[i].name, check_shape, i};
   return test_main(argc, argv, cases, NULL);
}

/* SPDX-License-Identifier: MIT */

/* What must not be imported or exported, and that nothing happens to the
 * object when it is tried.
 */
#include "foreign_handles.h"
#include "vkt.h"

#include <string.h>

#define REFUSED VK_ERROR_INVALID_EXTERNAL_HANDLE

/* The driver has to say more than the name of the error. */
static void
expect_message(struct vkt_device *device, VkResult error)
{
   char message[1024];
   const char *name = vkt_result_name(error);

   vkt_last_message(device, message, sizeof(message));
   if (!EXPECT(vkt_message_count(device) >= 1))
      return;
   test_diag("%s", message);
   EXPECT(strstr(message, name) != NULL);
   EXPECT(strlen(message) > strlen(name) + 10);
}

static void
expect_refused(struct vkt_object *target, VkFlags type, bool temporary,
               HANDLE handle)
{
   vkt_clear_messages(target->device);
   EXPECT_RESULT(vkt_try_import(target, type, temporary, handle, NULL),
                 REFUSED);
   expect_message(target->device, REFUSED);
}

static void
refuse(struct vkt_device *device, enum vkt_kind kind, bool temporary,
       foreign_handle make)
{
   struct vkt_object *genuine = vkt_create_exportable(device, kind);
   struct vkt_object *target = vkt_create(device, kind);
   struct vkt_object *marked = target;
   HANDLE handle;
   DWORD flags;
   BOOL open;

   /* A temporary payload that is there stays as well. */
   if (temporary) {
      marked = vkt_create_exportable(device, kind);
      vkt_import_temporary(target, vkt_export(marked));
   }
   vkt_mark(marked);
   /* Last: nothing may take the value of a closed handle. */
   handle = make(vkt_export(genuine));
   open = GetHandleInformation(handle, &flags);
   expect_refused(target, VKT_OPAQUE_WIN32, temporary, handle);
   EXPECT(GetHandleInformation(handle, &flags) == open);
   vkt_expect_marked(target);
   vkt_expect_works(target);
   vkt_expect_works(genuine);
}

static void
refuse_handle(intptr_t make)
{
   struct vkt_device *device = vkt_open();

   for (int kind = VKT_FENCE; kind <= VKT_TIMELINE; kind++) {
      test_diag("into a %s", vkt_kind_name(kind));
      refuse(device, kind, false, (foreign_handle)make);
      if (kind != VKT_TIMELINE)
         refuse(device, kind, true, (foreign_handle)make);
   }
}

static void
refuse_random_values(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *target = vkt_create(device, kind);

   vkt_mark(target);
   for (unsigned i = 0; i < 300; i++) {
      uint64_t value = test_random() >> test_random_below(48);

      /* Far from what this process has open. */
      if (value < 0x100000)
         value += 0x100000;
      EXPECT_RESULT(vkt_try_import(target, VKT_OPAQUE_WIN32,
                                   kind != VKT_TIMELINE && i % 2,
                                   (HANDLE)(uintptr_t)value, NULL),
                    REFUSED);
   }
   vkt_expect_marked(target);
   vkt_expect_works(target);
}

static void
refuse_kind(intptr_t kinds)
{
   const enum vkt_kind into = kinds & 0xff, from = kinds >> 8;
   struct vkt_device *device = vkt_open();
   struct vkt_object *source = vkt_create_exportable(device, from);
   struct vkt_object *target = vkt_create(device, into);
   HANDLE handle = vkt_export(source);

   vkt_mark(source);
   vkt_mark(target);
   expect_refused(target, VKT_OPAQUE_WIN32, false, handle);
   vkt_expect_marked(target);
   vkt_expect_works(target);
   if (into != VKT_TIMELINE)
      expect_refused(target, VKT_OPAQUE_WIN32, true, handle);
   vkt_expect_works(target);
   vkt_expect_marked(source);
   vkt_expect_works(source);
}

/* None of what is supported, for fences or semaphores */
static const VkFlags unsupported[] = {
   VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT,
   VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_D3D12_FENCE_BIT,
   VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT,
   VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT,
   0x40000000,
   0,
};

static void
refuse_type_on_import(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *source = vkt_create_exportable(device, kind);
   struct vkt_object *target = vkt_create(device, kind);
   HANDLE handle = vkt_export(source);

   vkt_mark(target);
   for (unsigned i = 0; i < TEST_COUNT(unsupported); i++) {
      test_diag("handle type 0x%x", (unsigned)unsupported[i]);
      expect_refused(target, unsupported[i], false, handle);
      if (kind != VKT_TIMELINE)
         expect_refused(target, unsupported[i], true, handle);
   }
   vkt_expect_marked(target);
   vkt_expect_works(target);
   vkt_expect_works(source);
}

static void
refuse_type_on_get(intptr_t kind)
{
   struct vkt_object *source = vkt_create_exportable(vkt_open(), kind);

   vkt_mark(source);
   for (unsigned i = 0; i < TEST_COUNT(unsupported); i++) {
      HANDLE handle = NULL;

      test_diag("handle type 0x%x", (unsigned)unsupported[i]);
      vkt_clear_messages(source->device);
      EXPECT_RESULT(vkt_try_export(source, unsupported[i], &handle),
                    VK_ERROR_UNKNOWN);
      expect_message(source->device, VK_ERROR_UNKNOWN);
   }
   vkt_expect_marked(source);
   vkt_expect_works(source);
   vkt_expect_linked(source, vkt_share(source, source->device));
}

static void
refuse_type_on_create(intptr_t kind)
{
   struct vkt_device *device = vkt_open();

   /* No type at all is what a private object has. */
   for (unsigned i = 0; unsupported[i]; i++) {
      for (VkFlags also = 0; also <= VKT_OPAQUE_WIN32;
           also += VKT_OPAQUE_WIN32) {
         const struct vkt_object_info info = {
            .kind = kind,
            .export_types = unsupported[i] | also,
         };
         struct vkt_object *object;

         test_diag("handle types 0x%x", (unsigned)info.export_types);
         vkt_clear_messages(device);
         EXPECT_RESULT(vkt_try_create(device, &info, &object),
                       VK_ERROR_UNKNOWN);
         expect_message(device, VK_ERROR_UNKNOWN);
      }
   }
}

#define OF(make) (intptr_t)(make)

/* The API has no temporary import of a timeline. */
static void
refuse_temporary_timeline(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *source = vkt_create_exportable(device, VKT_TIMELINE);
   struct vkt_object *target = vkt_create(device, VKT_TIMELINE);

   vkt_mark(target);
   vkt_clear_messages(device);
   EXPECT(vkt_try_import(target, VKT_OPAQUE_WIN32, true, vkt_export(source),
                         NULL) < 0);
   EXPECT(vkt_message_count(device) >= 1);
   vkt_expect_marked(target);
   vkt_expect_works(target);
}

const struct test_case test_cases[] = {
   {"refuse_null", refuse_handle, OF(foreign_null)},
   {"refuse_invalid_handle_value", refuse_handle, OF(foreign_invalid_value)},
   {"refuse_current_process", refuse_handle, OF(foreign_current_process)},
   {"refuse_current_thread", refuse_handle, OF(foreign_current_thread)},
   {"refuse_closed_handle", refuse_handle, OF(foreign_closed)},
   {"refuse_event", refuse_handle, OF(foreign_event)},
   {"refuse_mutex", refuse_handle, OF(foreign_mutex)},
   {"refuse_win32_semaphore", refuse_handle, OF(foreign_win32_semaphore)},
   {"refuse_timer", refuse_handle, OF(foreign_timer)},
   {"refuse_file", refuse_handle, OF(foreign_file)},
   {"refuse_pipe", refuse_handle, OF(foreign_pipe)},
   {"refuse_process", refuse_handle, OF(foreign_process)},
   {"refuse_thread", refuse_handle, OF(foreign_thread)},
   {"refuse_token", refuse_handle, OF(foreign_token)},
   {"refuse_zero_section", refuse_handle, OF(foreign_zero_section)},
   {"refuse_random_section", refuse_handle, OF(foreign_random_section)},
   {"refuse_small_section", refuse_handle, OF(foreign_small_section)},
   {"refuse_huge_section", refuse_handle, OF(foreign_huge_section)},
   {"refuse_file_section", refuse_handle, OF(foreign_file_section)},
   {"refuse_image_section", refuse_handle, OF(foreign_image_section)},
   {"refuse_reserve_section", refuse_handle, OF(foreign_reserve_section)},
   {"refuse_read_only_handle", refuse_handle, OF(foreign_read_only)},
   {"refuse_query_only_handle", refuse_handle, OF(foreign_query_only)},
   VKT_CASES("refuse_random_values_into", refuse_random_values),
   {"refuse_fence_into_binary", refuse_kind, VKT_WITH(VKT_BINARY, VKT_FENCE)},
   {"refuse_fence_into_timeline", refuse_kind,
    VKT_WITH(VKT_TIMELINE, VKT_FENCE)},
   {"refuse_binary_into_fence", refuse_kind, VKT_WITH(VKT_FENCE, VKT_BINARY)},
   {"refuse_binary_into_timeline", refuse_kind,
    VKT_WITH(VKT_TIMELINE, VKT_BINARY)},
   {"refuse_timeline_into_fence", refuse_kind,
    VKT_WITH(VKT_FENCE, VKT_TIMELINE)},
   {"refuse_timeline_into_binary", refuse_kind,
    VKT_WITH(VKT_BINARY, VKT_TIMELINE)},
   VKT_CASES("refuse_type_on_import", refuse_type_on_import),
   VKT_CASES("refuse_type_on_get", refuse_type_on_get),
   VKT_CASES("refuse_type_on_create", refuse_type_on_create),
   {"refuse_temporary_timeline", refuse_temporary_timeline},
   {0},
};

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

enum source {
   FROM_NULL,
   FROM_INVALID_VALUE,
   FROM_CURRENT_PROCESS,
   FROM_CURRENT_THREAD,
   FROM_CLOSED,
   FROM_EVENT,
   FROM_MUTEX,
   FROM_WIN32_SEMAPHORE,
   FROM_TIMER,
   FROM_FILE,
   FROM_PIPE,
   FROM_PROCESS,
   FROM_THREAD,
   FROM_TOKEN,
   FROM_ZERO_SECTION,
   FROM_RANDOM_SECTION,
   FROM_SMALL_SECTION,
   FROM_HUGE_SECTION,
   FROM_FILE_SECTION,
   FROM_IMAGE_SECTION,
   FROM_RESERVE_SECTION,
   FROM_READ_ONLY,
   FROM_QUERY_ONLY,
};

static const foreign_handle sources[] = {
   [FROM_NULL] = foreign_null,
   [FROM_INVALID_VALUE] = foreign_invalid_value,
   [FROM_CURRENT_PROCESS] = foreign_current_process,
   [FROM_CURRENT_THREAD] = foreign_current_thread,
   [FROM_CLOSED] = foreign_closed,
   [FROM_EVENT] = foreign_event,
   [FROM_MUTEX] = foreign_mutex,
   [FROM_WIN32_SEMAPHORE] = foreign_win32_semaphore,
   [FROM_TIMER] = foreign_timer,
   [FROM_FILE] = foreign_file,
   [FROM_PIPE] = foreign_pipe,
   [FROM_PROCESS] = foreign_process,
   [FROM_THREAD] = foreign_thread,
   [FROM_TOKEN] = foreign_token,
   [FROM_ZERO_SECTION] = foreign_zero_section,
   [FROM_RANDOM_SECTION] = foreign_random_section,
   [FROM_SMALL_SECTION] = foreign_small_section,
   [FROM_HUGE_SECTION] = foreign_huge_section,
   [FROM_FILE_SECTION] = foreign_file_section,
   [FROM_IMAGE_SECTION] = foreign_image_section,
   [FROM_RESERVE_SECTION] = foreign_reserve_section,
   [FROM_READ_ONLY] = foreign_read_only,
   [FROM_QUERY_ONLY] = foreign_query_only,
};

static void
refuse_permanent(struct vkt_device *device, enum vkt_kind kind,
                 foreign_handle make)
{
   struct vkt_object *genuine = vkt_create_exportable(device, kind);
   struct vkt_object *target = vkt_create(device, kind);
   HANDLE handle;
   DWORD flags;
   BOOL open;

   vkt_mark(target);
   handle = make(vkt_export(genuine));
   open = GetHandleInformation(handle, &flags);
   expect_refused(target, VKT_OPAQUE_WIN32, false, handle);
   EXPECT(GetHandleInformation(handle, &flags) == open);
   vkt_expect_marked(target);
   vkt_expect_works(target);
   vkt_expect_works(genuine);
}

/* The temporary payload that is there stays as well. */
static void
refuse_temporary(struct vkt_device *device, enum vkt_kind kind,
                 foreign_handle make)
{
   struct vkt_object *genuine = vkt_create_exportable(device, kind);
   struct vkt_object *source = vkt_create_exportable(device, kind);
   struct vkt_object *target = vkt_create(device, kind);
   HANDLE handle;
   DWORD flags;
   BOOL open;

   vkt_import_temporary(target, vkt_export(source));
   vkt_mark(source);
   /* Last: nothing may take the value of a closed handle. */
   handle = make(vkt_export(genuine));
   open = GetHandleInformation(handle, &flags);
   expect_refused(target, VKT_OPAQUE_WIN32, true, handle);
   EXPECT(GetHandleInformation(handle, &flags) == open);
   vkt_expect_marked(target);
   vkt_expect_works(target);
   vkt_expect_works(genuine);
}

static void
refuse_handle(intptr_t source)
{
   struct vkt_device *device = vkt_open();

   for (int kind = VKT_FENCE; kind <= VKT_TIMELINE; kind++) {
      test_diag("into a %s", vkt_kind_name((enum vkt_kind)kind));
      refuse_permanent(device, (enum vkt_kind)kind, sources[source]);
   }
   for (int kind = VKT_FENCE; kind <= VKT_BINARY; kind++) {
      test_diag("temporarily into a %s", vkt_kind_name((enum vkt_kind)kind));
      refuse_temporary(device, (enum vkt_kind)kind, sources[source]);
   }
}

static void
refuse_random_values(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *target = vkt_create(device, (enum vkt_kind)kind);

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

#define KINDS(from, into) ((intptr_t)(from) << 8 | (into))

static void
refuse_kind(intptr_t kinds)
{
   const enum vkt_kind from = (enum vkt_kind)(kinds >> 8);
   const enum vkt_kind into = (enum vkt_kind)(kinds & 0xff);
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

/* All that are no Win32 handle, or not supported, for this kind of object. */
static unsigned
unsupported_types(enum vkt_kind kind, VkFlags types[8])
{
   unsigned count = 0;

   types[count++] = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT;
   types[count++] = kind == VKT_FENCE
                       ? VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT
                       : VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT;
   if (kind != VKT_FENCE)
      types[count++] = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_D3D12_FENCE_BIT;
   types[count++] = 0;
   types[count++] = 0x40000000;
   return count;
}

static void
refuse_type_on_import(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *source =
      vkt_create_exportable(device, (enum vkt_kind)kind);
   struct vkt_object *target = vkt_create(device, (enum vkt_kind)kind);
   HANDLE handle = vkt_export(source);
   VkFlags types[8];
   const unsigned count = unsupported_types((enum vkt_kind)kind, types);

   vkt_mark(target);
   for (unsigned i = 0; i < count; i++) {
      test_diag("handle type 0x%x", (unsigned)types[i]);
      expect_refused(target, types[i], false, handle);
      if (kind != VKT_TIMELINE)
         expect_refused(target, types[i], true, handle);
   }
   vkt_expect_marked(target);
   vkt_expect_works(target);
   vkt_expect_works(source);
}

static void
refuse_type_on_get(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *source =
      vkt_create_exportable(device, (enum vkt_kind)kind);
   VkFlags types[8];
   const unsigned count = unsupported_types((enum vkt_kind)kind, types);

   vkt_mark(source);
   for (unsigned i = 0; i < count; i++) {
      HANDLE handle = NULL;

      test_diag("handle type 0x%x", (unsigned)types[i]);
      vkt_clear_messages(device);
      EXPECT_RESULT(vkt_try_export(source, types[i], &handle),
                    VK_ERROR_UNKNOWN);
      expect_message(device, VK_ERROR_UNKNOWN);
   }
   vkt_expect_marked(source);
   vkt_expect_works(source);
   vkt_expect_linked(source, vkt_alias(device, (enum vkt_kind)kind,
                                       vkt_export(source)));
}

static void
refuse_type_on_create(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   VkFlags types[8];
   const unsigned count = unsupported_types((enum vkt_kind)kind, types);

   for (unsigned i = 0; i < count; i++) {
      struct vkt_object *object;

      /* No type at all is what a private object has. */
      if (!types[i])
         continue;
      for (VkFlags also = 0; also <= VKT_OPAQUE_WIN32;
           also += VKT_OPAQUE_WIN32) {
         test_diag("handle types 0x%x", (unsigned)(types[i] | also));
         vkt_clear_messages(device);
         EXPECT_RESULT(vkt_try_create(device,
                                      &(struct vkt_object_info){
                                         .kind = (enum vkt_kind)kind,
                                         .export_types = types[i] | also,
                                      },
                                      &object),
                       VK_ERROR_UNKNOWN);
         expect_message(device, VK_ERROR_UNKNOWN);
      }
   }
}

/* The API has no temporary import of a timeline. */
static void
refuse_temporary_timeline(intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *source = vkt_create_exportable(device, VKT_TIMELINE);
   struct vkt_object *target = vkt_create(device, VKT_TIMELINE);

   (void)arg;
   vkt_mark(target);
   vkt_clear_messages(device);
   EXPECT(vkt_try_import(target, VKT_OPAQUE_WIN32, true, vkt_export(source),
                         NULL) < 0);
   EXPECT(vkt_message_count(device) >= 1);
   vkt_expect_marked(target);
   vkt_expect_works(target);
}

static const struct test_case cases[] = {
   {"refuse_null", refuse_handle, FROM_NULL, 0},
   {"refuse_invalid_handle_value", refuse_handle, FROM_INVALID_VALUE, 0},
   {"refuse_current_process", refuse_handle, FROM_CURRENT_PROCESS, 0},
   {"refuse_current_thread", refuse_handle, FROM_CURRENT_THREAD, 0},
   {"refuse_closed_handle", refuse_handle, FROM_CLOSED, 0},
   {"refuse_event", refuse_handle, FROM_EVENT, 0},
   {"refuse_mutex", refuse_handle, FROM_MUTEX, 0},
   {"refuse_win32_semaphore", refuse_handle, FROM_WIN32_SEMAPHORE, 0},
   {"refuse_timer", refuse_handle, FROM_TIMER, 0},
   {"refuse_file", refuse_handle, FROM_FILE, 0},
   {"refuse_pipe", refuse_handle, FROM_PIPE, 0},
   {"refuse_process", refuse_handle, FROM_PROCESS, 0},
   {"refuse_thread", refuse_handle, FROM_THREAD, 0},
   {"refuse_token", refuse_handle, FROM_TOKEN, 0},
   {"refuse_zero_section", refuse_handle, FROM_ZERO_SECTION, 0},
   {"refuse_random_section", refuse_handle, FROM_RANDOM_SECTION, 0},
   {"refuse_small_section", refuse_handle, FROM_SMALL_SECTION, 0},
   {"refuse_huge_section", refuse_handle, FROM_HUGE_SECTION, 0},
   {"refuse_file_section", refuse_handle, FROM_FILE_SECTION, 0},
   {"refuse_image_section", refuse_handle, FROM_IMAGE_SECTION, 0},
   {"refuse_reserve_section", refuse_handle, FROM_RESERVE_SECTION, 0},
   {"refuse_read_only_handle", refuse_handle, FROM_READ_ONLY, 0},
   {"refuse_query_only_handle", refuse_handle, FROM_QUERY_ONLY, 0},
   VKT_CASES("refuse_random_values_into", refuse_random_values),
   {"refuse_fence_into_binary", refuse_kind, KINDS(VKT_FENCE, VKT_BINARY), 0},
   {"refuse_fence_into_timeline", refuse_kind, KINDS(VKT_FENCE, VKT_TIMELINE),
    0},
   {"refuse_binary_into_fence", refuse_kind, KINDS(VKT_BINARY, VKT_FENCE), 0},
   {"refuse_binary_into_timeline", refuse_kind,
    KINDS(VKT_BINARY, VKT_TIMELINE), 0},
   {"refuse_timeline_into_fence", refuse_kind, KINDS(VKT_TIMELINE, VKT_FENCE),
    0},
   {"refuse_timeline_into_binary", refuse_kind,
    KINDS(VKT_TIMELINE, VKT_BINARY), 0},
   VKT_CASES("refuse_type_on_import", refuse_type_on_import),
   VKT_CASES("refuse_type_on_get", refuse_type_on_get),
   VKT_CASES("refuse_type_on_create", refuse_type_on_create),
   {"refuse_temporary_timeline", refuse_temporary_timeline, 0, 0},
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}

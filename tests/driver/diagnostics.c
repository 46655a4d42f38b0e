/* SPDX-License-Identifier: MIT */

/* What the driver says when it refuses, read where an application would.
 * ci/check-messages.py sees to it that the table has all that it can say.
 */
#include "diagnostics_channels.h"
#include "foreign_handles.h"
#include "vkt.h"

#include <string.h>
#include <wchar.h>

#define INVALID VK_ERROR_INVALID_EXTERNAL_HANDLE
#define ASK_KMT VKT_OPAQUE_WIN32_KMT
#define NO_TYPE 0x40000000u

static void
make_name(wchar_t name[64])
{
   swprintf(name, 64, L"lvp-test-diagnostics-%lu-%llx",
            (unsigned long)GetCurrentProcessId(),
            (unsigned long long)test_random());
}

static VkResult
import_into_new(struct vkt_device *device, enum vkt_kind kind, VkFlags type,
                HANDLE handle, const wchar_t *name)
{
   return vkt_try_import(vkt_create(device, kind), type, false, handle, name);
}

static VkResult
create_named(struct vkt_device *device, enum vkt_kind kind, VkFlags types,
             const wchar_t *name)
{
   struct vkt_object *object;

   return vkt_try_create(device,
                         &(struct vkt_object_info){
                            .kind = kind,
                            .export_types = types,
                            .win32_info = true,
                            .access = GENERIC_ALL,
                            .name = name,
                         },
                         &object);
}

static VkResult
export_from(struct vkt_object *object, VkFlags type)
{
   HANDLE handle;

   return vkt_try_export(object, type, &handle);
}

struct refusal {
   const char *name;
   VkResult error;
   /* As in the source: what a conversion stands for is not compared. */
   const char *text;
   VkResult (*provoke)(struct vkt_device *device, enum vkt_kind kind,
                       foreign_handle make);
   foreign_handle make;
   unsigned kinds;
};

#define FENCES (1u << VKT_FENCE)
#define SEMAPHORES (1u << VKT_BINARY | 1u << VKT_TIMELINE)
#define TIMELINES (1u << VKT_TIMELINE)
#define ALL (FENCES | SEMAPHORES)

static VkResult
import_foreign(struct vkt_device *device, enum vkt_kind kind,
               foreign_handle make)
{
   struct vkt_object *genuine = vkt_create_exportable(device, kind);
   struct vkt_object *target = vkt_create(device, kind);

   return vkt_try_import(target, VKT_OPAQUE_WIN32, false,
                         make(vkt_export(genuine)), NULL);
}

static VkResult
import_other_kind(struct vkt_device *device, enum vkt_kind kind,
                  foreign_handle make)
{
   struct vkt_object *genuine =
      vkt_create_exportable(device, (enum vkt_kind)((kind + 1) % 3));

   (void)make;
   return import_into_new(device, kind, VKT_OPAQUE_WIN32,
                          vkt_export(genuine), NULL);
}

static VkResult
import_unknown_name(struct vkt_device *device, enum vkt_kind kind,
                    foreign_handle make)
{
   wchar_t name[64];

   (void)make;
   make_name(name);
   return import_into_new(device, kind, VKT_OPAQUE_WIN32, NULL, name);
}

static VkResult
import_handle_and_name(struct vkt_device *device, enum vkt_kind kind,
                       foreign_handle make)
{
   struct vkt_object *genuine = vkt_create_exportable(device, kind);

   (void)make;
   return import_into_new(device, kind, VKT_OPAQUE_WIN32,
                          vkt_export(genuine), L"name");
}

static VkResult
import_no_number(struct vkt_device *device, enum vkt_kind kind,
                 foreign_handle make)
{
   (void)make;
   return import_into_new(device, kind, ASK_KMT, (HANDLE)(uintptr_t)4, NULL);
}

static VkResult
import_unknown_number(struct vkt_device *device, enum vkt_kind kind,
                      foreign_handle make)
{
   const uint32_t number =
      ((uint32_t)test_random() & 0x3ffffff8) | 0x40000002;

   (void)make;
   return import_into_new(device, kind, ASK_KMT, (HANDLE)(uintptr_t)number,
                          NULL);
}

static VkResult
import_number_by_name(struct vkt_device *device, enum vkt_kind kind,
                      foreign_handle make)
{
   (void)make;
   return import_into_new(device, kind, ASK_KMT, NULL, L"name");
}

static VkResult
import_no_type(struct vkt_device *device, enum vkt_kind kind,
               foreign_handle make)
{
   struct vkt_object *genuine = vkt_create_exportable(device, kind);

   (void)make;
   return import_into_new(device, kind, NO_TYPE, vkt_export(genuine), NULL);
}

static VkResult
import_temporarily(struct vkt_device *device, enum vkt_kind kind,
                   foreign_handle make)
{
   struct vkt_object *genuine = vkt_create_exportable(device, kind);

   (void)make;
   return vkt_try_import(vkt_create(device, kind), VKT_OPAQUE_WIN32, true,
                         vkt_export(genuine), NULL);
}

static VkResult
export_private(struct vkt_device *device, enum vkt_kind kind,
               foreign_handle make)
{
   (void)make;
   return export_from(vkt_create(device, kind), VKT_OPAQUE_WIN32);
}

static VkResult
export_no_type(struct vkt_device *device, enum vkt_kind kind,
               foreign_handle make)
{
   (void)make;
   return export_from(vkt_create_exportable(device, kind), NO_TYPE);
}

static VkResult
export_no_number(struct vkt_device *device, enum vkt_kind kind,
                 foreign_handle make)
{
   (void)make;
   return export_from(vkt_create_exportable(device, kind), ASK_KMT);
}

typedef LONG(WINAPI *compare_objects_fn)(HANDLE first, HANDLE second);

/* Closes the driver's own handle, which nobody but this test would, and puts
 * another one of the object in its place: the driver will close that.
 */
static VkResult
export_after_handle_was_closed(struct vkt_device *device, enum vkt_kind kind,
                               foreign_handle make)
{
   compare_objects_fn compare =
      (compare_objects_fn)(void (*)(void))GetProcAddress(
         GetModuleHandleA("ntdll.dll"), "NtCompareObjects");
   struct vkt_object *object = vkt_create_exportable(device, kind);
   HANDLE ours = vkt_export(object), theirs = NULL, again[32];
   unsigned count = 0;
   VkResult result;

   (void)make;
   if (compare == NULL)
      test_skip("NtCompareObjects is not there");
   for (uintptr_t value = 4; value < 0x10000 && theirs == NULL; value += 4) {
      if ((HANDLE)value != ours && compare((HANDLE)value, ours) == 0)
         theirs = (HANDLE)value;
   }
   REQUIRE(theirs != NULL);
   REQUIRE(CloseHandle(theirs));
   result = export_from(object, VKT_OPAQUE_WIN32);
   do {
      REQUIRE(DuplicateHandle(GetCurrentProcess(), ours, GetCurrentProcess(),
                              &again[count], 0, FALSE,
                              DUPLICATE_SAME_ACCESS));
   } while (again[count++] != theirs && count < TEST_COUNT(again));
   for (unsigned i = 0; i < count; i++) {
      if (again[i] != theirs)
         CloseHandle(again[i]);
   }
   REQUIRE(again[count - 1] == theirs);
   return result;
}

static VkResult
create_no_type(struct vkt_device *device, enum vkt_kind kind,
               foreign_handle make)
{
   struct vkt_object *object;

   (void)make;
   return vkt_try_create(device,
                         &(struct vkt_object_info){
                            .kind = kind,
                            .export_types = NO_TYPE | VKT_OPAQUE_WIN32,
                         },
                         &object);
}

static VkResult
create_with_taken_name(struct vkt_device *device, enum vkt_kind kind,
                       foreign_handle make)
{
   wchar_t name[64];

   (void)make;
   make_name(name);
   REQUIRE_OK(create_named(device, kind, VKT_OPAQUE_WIN32, name));
   return create_named(device, kind, VKT_OPAQUE_WIN32, name);
}

static VkResult
create_with_name_and_number(struct vkt_device *device, enum vkt_kind kind,
                            foreign_handle make)
{
   wchar_t name[64];

   (void)make;
   make_name(name);
   return create_named(device, kind, VKT_OPAQUE_WIN32 | ASK_KMT, name);
}

static VkResult
create_with_name_of_event(struct vkt_device *device, enum vkt_kind kind,
                          foreign_handle make)
{
   wchar_t name[64];
   HANDLE event;

   (void)make;
   make_name(name);
   event = CreateEventW(NULL, TRUE, FALSE, name);
   REQUIRE(event != NULL);
   test_own_handle(event);
   return create_named(device, kind, VKT_OPAQUE_WIN32, name);
}

static const struct refusal refusals[] = {
   {"message_no_handle", INVALID,
    "Exactly one of handle and name must be given",
    import_foreign, foreign_null, ALL},
   {"message_handle_and_name", INVALID,
    "Exactly one of handle and name must be given",
    import_handle_and_name, NULL, ALL},
   {"message_pseudo_handle", INVALID,
    "The handle is NULL or a pseudo-handle",
    import_foreign, foreign_current_process, ALL},
   {"message_closed_handle", INVALID,
    "The handle is not a valid handle",
    import_foreign, foreign_closed, ALL},
   {"message_no_section", INVALID,
    "The handle is not a section, or may not be queried",
    import_foreign, foreign_event, ALL},
   {"message_file_section", INVALID,
    "The section is not plain, committed, pagefile-backed memory",
    import_foreign, foreign_file_section, ALL},
   {"message_read_only_section", INVALID,
    "The section may not be mapped for writing",
    import_foreign, foreign_read_only, ALL},
   {"message_no_payload", INVALID,
    "The section holds no payload of this version",
    import_foreign, foreign_zero_section, ALL},
   {"message_other_kind", INVALID,
    "The payload is of another kind (%u, not %u): "
    "1 is a fence, 2 a binary semaphore, 3 a timeline",
    import_other_kind, NULL, ALL},
   {"message_unknown_name", INVALID,
    "No section of this name can be opened: Windows error %lu",
    import_unknown_name, NULL, ALL},
   {"message_no_number", INVALID,
    "The handle is not a global share handle",
    import_no_number, NULL, ALL},
   {"message_unknown_number", INVALID,
    "No section of this name can be opened: Windows error %lu",
    import_unknown_number, NULL, ALL},
   {"message_number_by_name", INVALID,
    "The handle is not a global share handle",
    import_number_by_name, NULL, ALL},
   {"message_import_type_fence", INVALID,
    "Handle type 0x%x cannot be imported into a fence",
    import_no_type, NULL, FENCES},
   {"message_import_type_semaphore", INVALID,
    "Handle type 0x%x cannot be imported into this type of semaphore",
    import_no_type, NULL, SEMAPHORES},
   {"message_temporary_timeline", VK_ERROR_UNKNOWN,
    "Cannot temporarily import into a timeline semaphore",
    import_temporarily, NULL, TIMELINES},
   {"message_export_private", VK_ERROR_UNKNOWN,
    "The payload was neither created for export nor imported",
    export_private, NULL, ALL},
   {"message_export_type_fence", VK_ERROR_UNKNOWN,
    "Handle type 0x%x cannot be exported from a fence",
    export_no_type, NULL, FENCES},
   {"message_export_type_semaphore", VK_ERROR_UNKNOWN,
    "Handle type 0x%x cannot be exported from this type of semaphore",
    export_no_type, NULL, SEMAPHORES},
   {"message_export_no_number", VK_ERROR_UNKNOWN,
    "The payload has no global share handle",
    export_no_number, NULL, ALL},
   {"message_export_no_duplicate", VK_ERROR_TOO_MANY_OBJECTS,
    "Cannot duplicate the handle of a section: Windows error %lu",
    export_after_handle_was_closed, NULL, ALL},
   {"message_create_type_fence", VK_ERROR_UNKNOWN,
    "Combination of external handle types is unsupported for VkFence "
    "creation.",
    create_no_type, NULL, FENCES},
   {"message_create_type_semaphore", VK_ERROR_UNKNOWN,
    "Combination of external handle types is unsupported for VkSemaphore "
    "creation.",
    create_no_type, NULL, SEMAPHORES},
   {"message_name_taken", VK_ERROR_OUT_OF_DEVICE_MEMORY,
    "The name for export is already taken",
    create_with_taken_name, NULL, ALL},
   {"message_name_and_number", VK_ERROR_OUT_OF_DEVICE_MEMORY,
    "What has a global share handle has no name",
    create_with_name_and_number, NULL, ALL},
   {"message_name_unusable", VK_ERROR_OUT_OF_DEVICE_MEMORY,
    "Cannot create a section for export: Windows error %lu",
    create_with_name_of_event, NULL, ALL},
};

/* Whether a message is what the format gives, conversions aside */
static bool
has_format(const char *message, const char *format)
{
   while (*format) {
      const size_t length = strcspn(format, "%");

      if (strncmp(message, format, length))
         return false;
      message += length;
      format += length;
      if (!*format)
         break;
      format += 1 + strspn(format + 1, "lhz");
      format++;
      message += strspn(message, "0123456789abcdefx");
   }
   return message[0] == ' ' && message[1] == '(';
}

static void
check_refusal(intptr_t index)
{
   const struct refusal *refusal = &refusals[index];
   struct vkt_device *device = vkt_open();

   for (int kind = VKT_FENCE; kind <= VKT_TIMELINE; kind++) {
      char message[1024], error[128];

      if (!(refusal->kinds & 1u << kind))
         continue;
      vkt_clear_messages(device);
      EXPECT_RESULT(refusal->provoke(device, (enum vkt_kind)kind,
                                     refusal->make),
                    refusal->error);
      EXPECT_U64(vkt_message_count(device), 1);
      vkt_last_message(device, message, sizeof(message));
      snprintf(error, sizeof(error), "(%s)", vkt_result_name(refusal->error));
      if (!has_format(message, refusal->text) || !strstr(message, error))
         test_fail(false, __FILE__, __LINE__, "%s: \"%s\"",
                   vkt_kind_name((enum vkt_kind)kind), message);
   }
}

/* A value that a timeline cannot take is reported, and costs nothing else. */
static const struct passed {
   const char *name;
   bool by_queue;
   uint64_t value;
   const char *text;
} passed[] = {
   {"message_host_signals_0", false, 0,
    "The host cannot signal a timeline with value 0, which it always has"},
   {"message_queue_signals_0", true, 0,
    "A queue cannot signal a timeline with value 0, which it always has"},
   {"message_host_signals_lower", false, 5,
    "A timeline cannot be signalled with 5: it has that value already, or a "
    "greater one"},
   {"message_queue_signals_lower", true, 5,
    "A timeline cannot be signalled with 5: it has that value already, or a "
    "greater one"},
   {"message_host_signals_same", false, 6,
    "A timeline cannot be signalled with 6: it has that value already, or a "
    "greater one"},
   {"message_queue_signals_same", true, 6,
    "A timeline cannot be signalled with 6: it has that value already, or a "
    "greater one"},
};

static void
check_passed(intptr_t index)
{
   const struct passed *p = &passed[index];
   struct vkt_device *device = vkt_open();
   struct vkt_object *timelines[] = {
      vkt_create(device, VKT_TIMELINE),
      vkt_create_exportable(device, VKT_TIMELINE),
   };
   char message[1024];

   for (unsigned i = 0; i < TEST_COUNT(timelines); i++) {
      vkt_host_signal(timelines[i], 6);
      vkt_clear_messages(device);
      if (p->by_queue)
         vkt_queue_signal(timelines[i], p->value);
      else
         vkt_host_signal(timelines[i], p->value);
      vkt_wait_idle(device);
      EXPECT_U64(vkt_message_count(device), 1);
      vkt_last_message(device, message, sizeof(message));
      if (strncmp(message, p->text, strlen(p->text)))
         test_fail(false, __FILE__, __LINE__, "\"%s\"", message);
      EXPECT_U64(vkt_value(timelines[i]), 6);
      vkt_expect_works(timelines[i]);
   }
}

int
main(int argc, char **argv)
{
   static struct test_case cases[TEST_COUNT(refusals) +
                                  TEST_COUNT(passed) + 16];
   static const struct test_role roles[] = {{"log", diagnostics_log_main},
                                            {0}};
   unsigned count = 0;

   for (; count < TEST_COUNT(refusals); count++) {
      cases[count] = (struct test_case){
         .name = refusals[count].name,
         .run = check_refusal,
         .arg = (intptr_t)count,
      };
   }
   for (unsigned i = 0; i < TEST_COUNT(passed); i++) {
      cases[count++] = (struct test_case){
         .name = passed[i].name,
         .run = check_passed,
         .arg = (intptr_t)i,
      };
   }
   for (const struct test_case *c = diagnostics_channels; c->name; c++)
      cases[count++] = *c;
   return test_main(argc, argv, cases, roles);
}

/* SPDX-License-Identifier: MIT */

/* What the driver says when it refuses, read where an application would.
 * ci/check-messages.py sees to it that the table has all that it can say.
 */
#include "foreign_handles.h"
#include "vkt.h"

#include <string.h>

#define INVALID VK_ERROR_INVALID_EXTERNAL_HANDLE
#define NT VKT_OPAQUE_WIN32
#define KMT VKT_OPAQUE_WIN32_KMT
#define NO_TYPE 0x40000000u

#define FENCES (1u << VKT_FENCE)
#define TIMELINES (1u << VKT_TIMELINE)
#define SEMAPHORES (1u << VKT_BINARY | TIMELINES)
#define ALL (FENCES | SEMAPHORES)

struct refusal {
   const char *name;
   unsigned kinds;
   VkResult error;
   /* As in the source: what a conversion stands for is not compared. */
   const char *text;
   VkResult (*provoke)(struct vkt_device *device, enum vkt_kind kind,
                       const struct refusal *r);
   VkFlags types;

   /* For try_import() */
   foreign_handle make;
   const wchar_t *by_name;
   bool temporary;
};

static VkResult
try_import(struct vkt_device *device, enum vkt_kind kind,
           const struct refusal *r)
{
   HANDLE genuine = vkt_export(vkt_create_exportable(device, kind));

   return vkt_try_import(vkt_create(device, kind), r->types, r->temporary,
                         r->make ? r->make(genuine) : NULL, r->by_name);
}

static HANDLE
genuine_one(HANDLE genuine)
{
   return genuine;
}

static HANDLE
no_number(UNUSED HANDLE genuine)
{
   return (HANDLE)(uintptr_t)4;
}

static HANDLE
unknown_number(UNUSED HANDLE genuine)
{
   const uint32_t number =
      ((uint32_t)test_random() & 0x3ffffff8) | 0x40000002;

   return (HANDLE)(uintptr_t)number;
}

static VkResult
import_other_kind(struct vkt_device *device, enum vkt_kind kind,
                  const struct refusal *r)
{
   struct vkt_object *other = vkt_create_exportable(device, (kind + 1) % 3);

   return vkt_try_import(vkt_create(device, kind), r->types, false,
                         vkt_export(other), NULL);
}

static VkResult
export_private(struct vkt_device *device, enum vkt_kind kind,
               const struct refusal *r)
{
   HANDLE handle;

   return vkt_try_export(vkt_create(device, kind), r->types, &handle);
}

static VkResult
export_another_type(struct vkt_device *device, enum vkt_kind kind,
                    const struct refusal *r)
{
   HANDLE handle;

   return vkt_try_export(vkt_create_exportable(device, kind), r->types,
                         &handle);
}

typedef LONG(WINAPI *compare_objects_fn)(HANDLE first, HANDLE second);

/* Closes the driver's own handle, which nobody but this test would, and puts
 * another one of the object in its place: the driver will close that.
 */
static VkResult
export_after_handle_was_closed(struct vkt_device *device, enum vkt_kind kind,
                               const struct refusal *r)
{
   compare_objects_fn compare =
      (compare_objects_fn)(void (*)(void))GetProcAddress(
         GetModuleHandleA("ntdll.dll"), "NtCompareObjects");
   struct vkt_object *object = vkt_create_exportable(device, kind);
   HANDLE ours = vkt_export(object), theirs = NULL, again[32], handle;
   unsigned count = 0;
   VkResult result;

   if (compare == NULL)
      test_skip("NtCompareObjects is not there");
   for (uintptr_t value = 4; value < 0x10000 && theirs == NULL; value += 4) {
      if ((HANDLE)value != ours && compare((HANDLE)value, ours) == 0)
         theirs = (HANDLE)value;
   }
   REQUIRE(theirs != NULL);
   REQUIRE(CloseHandle(theirs));
   result = vkt_try_export(object, r->types, &handle);
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
               const struct refusal *r)
{
   struct vkt_object *object;

   return vkt_try_create_win32(device, kind, r->types, NULL, NULL, &object);
}

static VkResult
create_twice(struct vkt_device *device, enum vkt_kind kind,
             const struct refusal *r)
{
   const wchar_t *name = vkt_make_name(L"");
   struct vkt_object *object;

   vkt_create_win32(device, kind, r->types, NULL, name);
   return vkt_try_create_win32(device, kind, r->types, NULL, name, &object);
}

static VkResult
create_with_name_of_event(struct vkt_device *device, enum vkt_kind kind,
                          const struct refusal *r)
{
   const wchar_t *name = vkt_make_name(L"");
   HANDLE event = CreateEventW(NULL, TRUE, FALSE, name);
   struct vkt_object *object;

   REQUIRE(event != NULL);
   test_own_handle(event);
   return vkt_try_create_win32(device, kind, r->types, NULL, name, &object);
}

static VkResult
create_named(struct vkt_device *device, enum vkt_kind kind,
             const struct refusal *r)
{
   struct vkt_object *object;

   return vkt_try_create_win32(device, kind, r->types, NULL,
                               vkt_make_name(L""), &object);
}

static const struct refusal refusals[] = {
   {"message_no_handle", ALL, INVALID,
    "Exactly one of handle and name must be given",
    try_import, NT, foreign_null},
   {"message_handle_and_name", ALL, INVALID,
    "Exactly one of handle and name must be given",
    try_import, NT, genuine_one, L"name"},
   {"message_pseudo_handle", ALL, INVALID,
    "The handle is NULL or a pseudo-handle",
    try_import, NT, foreign_current_process},
   {"message_closed_handle", ALL, INVALID,
    "The handle is not a valid handle",
    try_import, NT, foreign_closed},
   {"message_no_section", ALL, INVALID,
    "The handle is not a section, or may not be queried",
    try_import, NT, foreign_event},
   {"message_file_section", ALL, INVALID,
    "The section is not plain, committed, pagefile-backed memory",
    try_import, NT, foreign_file_section},
   {"message_read_only_section", ALL, INVALID,
    "The section may not be mapped for writing",
    try_import, NT, foreign_read_only},
   {"message_no_payload", ALL, INVALID,
    "The section holds no payload of this version",
    try_import, NT, foreign_zero_section},
   {"message_other_kind", ALL, INVALID,
    "The payload is of another kind (%u, not %u): "
    "1 is a fence, 2 a binary semaphore, 3 a timeline",
    import_other_kind, NT},
   {"message_unknown_name", ALL, INVALID,
    "No section of this name can be opened: Windows error %lu",
    try_import, NT, NULL, L"lvp-test-nobody-has-this-name"},
   {"message_no_number", ALL, INVALID,
    "The handle is not a global share handle",
    try_import, KMT, no_number},
   {"message_unknown_number", ALL, INVALID,
    "No section of this name can be opened: Windows error %lu",
    try_import, KMT, unknown_number},
   {"message_number_by_name", ALL, INVALID,
    "The handle is not a global share handle",
    try_import, KMT, NULL, L"name"},
   {"message_import_type_fence", FENCES, INVALID,
    "Handle type 0x%x cannot be imported into a fence",
    try_import, NO_TYPE, genuine_one},
   {"message_import_type_semaphore", SEMAPHORES, INVALID,
    "Handle type 0x%x cannot be imported into this type of semaphore",
    try_import, NO_TYPE, genuine_one},
   {"message_temporary_timeline", TIMELINES, VK_ERROR_UNKNOWN,
    "Cannot temporarily import into a timeline semaphore",
    try_import, NT, genuine_one, .temporary = true},
   {"message_export_private", ALL, VK_ERROR_UNKNOWN,
    "The payload was neither created for export nor imported",
    export_private, NT},
   {"message_export_type_fence", FENCES, VK_ERROR_UNKNOWN,
    "Handle type 0x%x cannot be exported from a fence",
    export_another_type, NO_TYPE},
   {"message_export_type_semaphore", SEMAPHORES, VK_ERROR_UNKNOWN,
    "Handle type 0x%x cannot be exported from this type of semaphore",
    export_another_type, NO_TYPE},
   {"message_export_no_number", ALL, VK_ERROR_UNKNOWN,
    "The payload has no global share handle",
    export_another_type, KMT},
   {"message_export_no_duplicate", ALL, VK_ERROR_TOO_MANY_OBJECTS,
    "Cannot duplicate the handle of a section: Windows error %lu",
    export_after_handle_was_closed, NT},
   {"message_create_type_fence", FENCES, VK_ERROR_UNKNOWN,
    "Combination of external handle types is unsupported for VkFence "
    "creation.",
    create_no_type, NO_TYPE | NT},
   {"message_create_type_semaphore", SEMAPHORES, VK_ERROR_UNKNOWN,
    "Combination of external handle types is unsupported for VkSemaphore "
    "creation.",
    create_no_type, NO_TYPE | NT},
   {"message_name_taken", ALL, VK_ERROR_OUT_OF_DEVICE_MEMORY,
    "The name for export is already taken",
    create_twice, NT},
   {"message_name_and_number", ALL, VK_ERROR_OUT_OF_DEVICE_MEMORY,
    "What has a global share handle has no name",
    create_named, NT | KMT},
   {"message_name_unusable", ALL, VK_ERROR_OUT_OF_DEVICE_MEMORY,
    "Cannot create a section for export: Windows error %lu",
    create_with_name_of_event, NT},
};

/* In diagnostics_channels.c */
extern const struct test_case diagnostics_channels[];

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
   const struct refusal *r = &refusals[index];
   struct vkt_device *device = vkt_open();
   char message[1024], error[128];

   snprintf(error, sizeof(error), "(%s)", vkt_result_name(r->error));
   for (int kind = VKT_FENCE; kind <= VKT_TIMELINE; kind++) {
      if (!(r->kinds & 1u << kind))
         continue;
      vkt_clear_messages(device);
      EXPECT_RESULT(r->provoke(device, kind, r), r->error);
      EXPECT_U64(vkt_message_count(device), 1);
      vkt_last_message(device, message, sizeof(message));
      if (!has_format(message, r->text) || !strstr(message, error))
         test_fail(false, __FILE__, __LINE__, "%s: \"%s\"",
                   vkt_kind_name(kind), message);
   }
}

/* A value that a timeline cannot take is reported, and costs nothing else: on
 * queues it may have been overtaken by another process
 * (VUID-VkSubmitInfo2-semaphore-03882 and its kin).
 */
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
   struct test_case *c = cases;

   for (unsigned i = 0; i < TEST_COUNT(refusals); i++)
      *c++ = (struct test_case){refusals[i].name, check_refusal, i};
   for (unsigned i = 0; i < TEST_COUNT(passed); i++)
      *c++ = (struct test_case){passed[i].name, check_passed, i};
   for (unsigned i = 0; diagnostics_channels[i].name; i++)
      *c++ = diagnostics_channels[i];
   return test_main(argc, argv, cases, test_roles);
}

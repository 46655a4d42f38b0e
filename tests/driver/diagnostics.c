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

/* Who has the name already that something is created with */
enum name {
   NO_NAME,
   FREE_NAME,
   NAME_OF_PAYLOAD,
   NAME_OF_SECTION,
   NAME_OF_EVENT,
};

struct attempt {
   const struct refusal *refusal;
   struct vkt_device *device;
   enum vkt_kind kind;
   VkFlags types;
   bool temporary;
};

struct refusal {
   const char *name;
   unsigned kinds;
   VkResult error;
   /* As in the source: what a conversion stands for is not compared. */
   const char *text;
   void (*provoke)(const struct attempt *attempt);
   VkFlags types; /* NO_TYPE: each of no_types */

   /* For try_import(); tried with both permanences */
   foreign_handle make;
   const wchar_t *by_name;
   unsigned other_kind;
   bool only_temporary;

   /* For try_export() */
   VkFlags created_for;

   /* For try_create() */
   enum name named;
};

/* None of what is supported, for fences or semaphores. To semaphores, a
 * fence's SYNC_FD is a Direct3D 12 fence, of which the suite d3d12 has more.
 */
#define D3D12 VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_D3D12_FENCE_BIT

static const VkFlags no_types[] = {
   VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT,
   VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT,
   VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT,
   NO_TYPE,
   0,
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

/* The last call, since vkt_clear_messages() */
static void
expect_refused(const struct attempt *attempt, VkResult result)
{
   const struct refusal *r = attempt->refusal;
   char message[1024], error[128];

   REQUIRE_RESULT(result, r->error);
   EXPECT_U64(vkt_message_count(attempt->device), 1);
   vkt_last_message(attempt->device, message, sizeof(message));
   snprintf(error, sizeof(error), "(%s)", vkt_result_name(r->error));
   if (!has_format(message, r->text) || !strstr(message, error))
      test_fail(false, __FILE__, __LINE__, "%s, types 0x%x%s: \"%s\"",
                vkt_kind_name(attempt->kind), (unsigned)attempt->types,
                attempt->temporary ? ", temporary" : "", message);
}

/* Target, source and handle stay as they were. */
static void
try_import(const struct attempt *attempt)
{
   const struct refusal *r = attempt->refusal;
   struct vkt_object *genuine = vkt_create_exportable(
      attempt->device, (attempt->kind + r->other_kind) % 3);
   struct vkt_object *target = vkt_create(attempt->device, attempt->kind);
   struct vkt_object *marked = target;
   HANDLE handle = NULL;
   DWORD flags;
   BOOL open;

   /* A temporary payload that is there stays as well. */
   if (attempt->temporary && attempt->kind != VKT_TIMELINE) {
      marked = vkt_create_exportable(attempt->device, attempt->kind);
      vkt_import_temporary(target, vkt_export(marked));
   }
   vkt_mark(marked);
   vkt_mark(genuine);

   /* Last: nothing may take the value of a closed handle. */
   if (r->make)
      handle = r->make(vkt_export(genuine));
   open = GetHandleInformation(handle, &flags);
   vkt_clear_messages(attempt->device);
   expect_refused(attempt,
                  vkt_try_import(target, attempt->types, attempt->temporary,
                                 handle, r->by_name));
   EXPECT(GetHandleInformation(handle, &flags) == open);
   vkt_expect_marked(target);
   vkt_expect_works(target);
   vkt_expect_marked(genuine);
   vkt_expect_works(genuine);
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

static void
try_export(const struct attempt *attempt)
{
   struct vkt_object *object =
      vkt_create_for(attempt->device, attempt->kind,
                     attempt->refusal->created_for);
   HANDLE handle = NULL;

   vkt_mark(object);
   vkt_clear_messages(attempt->device);
   expect_refused(attempt, vkt_try_export(object, attempt->types, &handle));
   EXPECT(handle == NULL);
   vkt_expect_marked(object);
   vkt_expect_works(object);
}

typedef LONG(WINAPI *compare_objects_fn)(HANDLE first, HANDLE second);

/* Closes the driver's own handle, which nobody but this test would, and puts
 * another one of the object in its place: the driver will close that.
 */
static void
export_after_handle_was_closed(const struct attempt *attempt)
{
   compare_objects_fn compare =
      (compare_objects_fn)(void (*)(void))GetProcAddress(
         GetModuleHandleA("ntdll.dll"), "NtCompareObjects");
   struct vkt_object *object =
      vkt_create_exportable(attempt->device, attempt->kind);
   HANDLE ours = vkt_export(object), theirs = NULL, again[32], handle;
   unsigned count = 0;

   if (compare == NULL)
      test_skip("NtCompareObjects is not there");
   for (uintptr_t value = 4; value < 0x10000 && theirs == NULL; value += 4) {
      if ((HANDLE)value != ours && compare((HANDLE)value, ours) == 0)
         theirs = (HANDLE)value;
   }
   REQUIRE(theirs != NULL);
   REQUIRE(CloseHandle(theirs));
   vkt_clear_messages(attempt->device);
   expect_refused(attempt, vkt_try_export(object, attempt->types, &handle));
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
}

static void
own(HANDLE handle)
{
   REQUIRE(handle != NULL);
   test_own_handle(handle);
}

/* Whoever has the name keeps it, and is not adopted. */
static void
try_create(const struct attempt *attempt)
{
   const enum name named = attempt->refusal->named;
   const wchar_t *name = named == NO_NAME ? NULL : vkt_make_name(L"");
   struct vkt_object *first = NULL, *object, *b;

   if (named == NAME_OF_EVENT)
      own(CreateEventW(NULL, TRUE, FALSE, name));
   if (named == NAME_OF_SECTION)
      own(CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0,
                             65536, name));
   if (named == NAME_OF_PAYLOAD)
      first = vkt_create_win32(attempt->device, attempt->kind, NT, NULL,
                               name);
   vkt_clear_messages(attempt->device);
   expect_refused(attempt,
                  vkt_try_create_win32(attempt->device, attempt->kind,
                                       attempt->types, NULL, name, &object));
   if (name == NULL)
      return;

   b = vkt_create(attempt->device, attempt->kind);
   EXPECT_RESULT(vkt_import_name(b, name), first ? VK_SUCCESS : INVALID);
   vkt_expect_linked(b, first ? first : b);
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
    try_import, NT, genuine_one, .other_kind = 1},
   {"message_yet_another_kind", ALL, INVALID,
    "The payload is of another kind (%u, not %u): "
    "1 is a fence, 2 a binary semaphore, 3 a timeline",
    try_import, NT, genuine_one, .other_kind = 2},
   {"message_unknown_name", ALL, INVALID,
    "No section of this name can be opened: Windows error %lu",
    try_import, NT, NULL, L"lvp-test-nobody-has-this-name"},
   {"message_no_number", ALL, INVALID,
    "The handle is not a global share handle",
    try_import, KMT, no_number},
   {"message_handle_as_number", ALL, INVALID,
    "The handle is not a global share handle",
    try_import, KMT, genuine_one},
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
    try_import, NT, genuine_one, .only_temporary = true},
   {"message_export_private", ALL, VK_ERROR_UNKNOWN,
    "The payload was neither created for export nor imported",
    try_export, NT},
   {"message_export_private_number", ALL, VK_ERROR_UNKNOWN,
    "The payload was neither created for export nor imported",
    try_export, KMT},
   {"message_export_type_fence", FENCES, VK_ERROR_UNKNOWN,
    "Handle type 0x%x cannot be exported from a fence",
    try_export, NO_TYPE, .created_for = NT},
   {"message_export_type_semaphore", SEMAPHORES, VK_ERROR_UNKNOWN,
    "Handle type 0x%x cannot be exported from this type of semaphore",
    try_export, NO_TYPE, .created_for = NT},
   {"message_export_another_type", SEMAPHORES, VK_ERROR_UNKNOWN,
    "The payload was not created for export to this type of handle",
    try_export, D3D12, .created_for = NT},
   {"message_export_no_number", ALL, VK_ERROR_UNKNOWN,
    "The payload has no global share handle",
    try_export, KMT, .created_for = NT},
   {"message_export_no_duplicate", ALL, VK_ERROR_TOO_MANY_OBJECTS,
    "Cannot duplicate the handle of a section: Windows error %lu",
    export_after_handle_was_closed, NT},
   {"message_create_type_fence", FENCES, VK_ERROR_UNKNOWN,
    "Combination of external handle types is unsupported for VkFence "
    "creation.",
    try_create, NO_TYPE},
   {"message_create_type_beside_another_fence", FENCES, VK_ERROR_UNKNOWN,
    "Combination of external handle types is unsupported for VkFence "
    "creation.",
    try_create, NO_TYPE | NT},
   {"message_create_type_semaphore", SEMAPHORES, VK_ERROR_UNKNOWN,
    "Combination of external handle types is unsupported for VkSemaphore "
    "creation.",
    try_create, NO_TYPE},
   {"message_create_type_beside_another_semaphore", SEMAPHORES,
    VK_ERROR_UNKNOWN,
    "Combination of external handle types is unsupported for VkSemaphore "
    "creation.",
    try_create, NO_TYPE | NT},
   {"message_name_taken", ALL, VK_ERROR_OUT_OF_DEVICE_MEMORY,
    "The name for export is already taken",
    try_create, NT, .named = NAME_OF_PAYLOAD},
   {"message_name_of_a_section", ALL, VK_ERROR_OUT_OF_DEVICE_MEMORY,
    "The name for export is already taken",
    try_create, NT, .named = NAME_OF_SECTION},
   {"message_name_unusable", ALL, VK_ERROR_OUT_OF_DEVICE_MEMORY,
    "Cannot create a section for export: Windows error %lu",
    try_create, NT, .named = NAME_OF_EVENT},
   {"message_name_and_number", ALL, VK_ERROR_OUT_OF_DEVICE_MEMORY,
    "What has a global share handle has no name",
    try_create, NT | KMT, .named = FREE_NAME},
   {"message_name_and_number_alone", ALL, VK_ERROR_OUT_OF_DEVICE_MEMORY,
    "What has a global share handle has no name",
    try_create, KMT, .named = FREE_NAME},
};

/* In diagnostics_channels.c */
extern const struct test_case diagnostics_channels[];

static void
try_with_permanences(struct attempt attempt)
{
   const struct refusal *r = attempt.refusal;
   const bool both =
      r->provoke == try_import && attempt.kind != VKT_TIMELINE;

   attempt.temporary = r->only_temporary;
   r->provoke(&attempt);
   if (both) {
      attempt.temporary = true;
      r->provoke(&attempt);
   }
}

static void
check_refusal(intptr_t index)
{
   const struct refusal *r = &refusals[index];
   struct attempt attempt = {
      .refusal = r,
      .device = vkt_open(),
      .types = r->types,
   };

   for (int kind = VKT_FENCE; kind <= VKT_TIMELINE; kind++) {
      if (!(r->kinds & 1u << kind))
         continue;
      attempt.kind = kind;
      if (!(r->types & NO_TYPE)) {
         try_with_permanences(attempt);
         continue;
      }
      for (unsigned i = 0; i < TEST_COUNT(no_types); i++) {
         /* Not to name a type is to create what is private. */
         if ((r->provoke == try_create && no_types[i] == 0) ||
             (kind != VKT_FENCE && no_types[i] == D3D12))
            continue;
         attempt.types = (r->types & ~NO_TYPE) | no_types[i];
         try_with_permanences(attempt);
      }
   }
}

/* A value that a timeline cannot take is reported, and costs nothing else: on
 * queues it may have been overtaken by another process
 * (VUID-VkSubmitInfo2-semaphore-03882 and its kin).
 */
static void
signal_in_vain(struct vkt_object *timeline, uint64_t value, bool by_queue)
{
   struct vkt_device *device = timeline->device;
   char message[1024], wanted[128];

   if (value)
      snprintf(wanted, sizeof(wanted),
               "A timeline cannot be signalled with %llu: it has that value "
               "already, or a greater one", (unsigned long long)value);
   else
      snprintf(wanted, sizeof(wanted), "%s",
               by_queue ? "A queue cannot signal a timeline with value 0, "
                          "which it always has"
                        : "The host cannot signal a timeline with value 0, "
                          "which it always has");
   vkt_host_signal(timeline, 6);
   vkt_clear_messages(device);
   if (by_queue)
      vkt_queue_signal(timeline, value);
   else
      vkt_host_signal(timeline, value);
   vkt_wait_idle(device);
   EXPECT_U64(vkt_message_count(device), 1);
   vkt_last_message(device, message, sizeof(message));
   if (strncmp(message, wanted, strlen(wanted)))
      test_fail(false, __FILE__, __LINE__, "\"%s\", not \"%s\"", message,
                wanted);
   EXPECT_U64(vkt_value(timeline), 6);
   vkt_expect_works(timeline);
}

static void
check_passed_values(intptr_t by_queue)
{
   static const uint64_t values[] = {0, 5, 6};
   struct vkt_device *device = vkt_open();

   for (unsigned i = 0; i < TEST_COUNT(values); i++) {
      signal_in_vain(vkt_create(device, VKT_TIMELINE), values[i], by_queue);
      signal_in_vain(vkt_create_exportable(device, VKT_TIMELINE), values[i],
                     by_queue);
   }
}

int
main(int argc, char **argv)
{
   static struct test_case cases[TEST_COUNT(refusals) + 8] = {
      {"message_host_signals_passed_values", check_passed_values, false},
      {"message_queue_signals_passed_values", check_passed_values, true},
   };
   struct test_case *c = cases + 2;

   for (unsigned i = 0; i < TEST_COUNT(refusals); i++)
      *c++ = (struct test_case){refusals[i].name, check_refusal, i};
   for (unsigned i = 0; diagnostics_channels[i].name; i++)
      *c++ = diagnostics_channels[i];
   return test_main(argc, argv, cases, test_roles);
}

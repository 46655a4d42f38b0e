/* SPDX-License-Identifier: MIT */

/* What the driver says when it refuses, read where an application would.
 * ci/check-messages.py sees to it that the table has all that it can say. And
 * by which ways a message gets out: VK_EXT_debug_utils, and Mesa's log.
 */
#include "child.h"
#include "foreign_handles.h"
#include "vkt.h"

#include <io.h>
#include <stdlib.h>
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

/* Whether a message is what the format gives, conversions aside, and then says
 * more in brackets
 */
static bool
has_format(const char *message, const char *format)
{
   for (; *format; format++) {
      if (*format == '%') {
         format += 1 + strspn(format + 1, "lhz");
         message += strspn(message, "0123456789abcdef");
      } else if (*format != *message++) {
         return false;
      }
   }
   return !strncmp(message, " (", 2);
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
   if (attempt->refusal->created_for)
      vkt_expect_linked(object, vkt_share(object, object->device));
}

typedef LONG(WINAPI *compare_objects_fn)(HANDLE first, HANDLE second);

/* Closes the driver's own handle, which nobody but this test would. The driver
 * does so again, in vain, as nothing has been opened in between.
 */
static void
export_after_handle_was_closed(const struct attempt *attempt)
{
   compare_objects_fn compare =
      (compare_objects_fn)(void (*)(void))GetProcAddress(
         GetModuleHandleA("ntdll.dll"), "NtCompareObjects");
   struct vkt_object *object =
      vkt_create_exportable(attempt->device, attempt->kind);
   HANDLE ours = vkt_export(object), theirs = NULL, handle;

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
   vkt_destroy(object);
}

/* Whoever has the name keeps it, and is not adopted. */
static void
try_create(const struct attempt *attempt)
{
   const enum name named = attempt->refusal->named;
   const wchar_t *name = named == NO_NAME ? NULL : vkt_make_name(L"");
   struct vkt_object *first = NULL, *object, *b;

   if (named == NAME_OF_EVENT)
      test_own_handle(CreateEventW(NULL, TRUE, FALSE, name));
   if (named == NAME_OF_SECTION)
      test_own_handle(CreateFileMappingW(INVALID_HANDLE_VALUE, NULL,
                                         PAGE_READWRITE, 0, 65536, name));
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

static void
check_refusal(intptr_t index)
{
   const struct refusal *r = &refusals[index];
   const bool each = r->types & NO_TYPE;
   struct attempt attempt = {.refusal = r, .device = vkt_open()};

   for (unsigned i = 0; i < 3 * (each ? TEST_COUNT(no_types) : 1); i++) {
      const VkFlags no_type = each ? no_types[i / 3] : 0;
      bool both;

      attempt.kind = i % 3;
      attempt.types = (r->types & ~NO_TYPE) | no_type;
      /* Not to name a type is to create what is private. */
      if (!(r->kinds & 1u << attempt.kind) ||
          (each && r->provoke == try_create && no_type == 0) ||
          (attempt.kind != VKT_FENCE && no_type == D3D12))
         continue;

      both = r->only_temporary ||
             (r->provoke == try_import && attempt.kind != VKT_TIMELINE);
      for (int t = r->only_temporary; t <= both; t++) {
         attempt.temporary = t;
         r->provoke(&attempt);
      }
   }
}

/* A value that a timeline cannot take is reported, and costs nothing else: on
 * queues it may have been overtaken by another process
 * (VUID-VkSubmitInfo2-semaphore-03882 and its kin).
 */
static void
check_passed_values(intptr_t by_queue)
{
   static const struct {
      uint64_t value;
      const char *texts[2];
   } passed[] = {
      {0, {"The host cannot signal a timeline with value 0, "
           "which it always has",
           "A queue cannot signal a timeline with value 0, "
           "which it always has"}},
      {5, {"A timeline cannot be signalled with 5: "
           "it has that value already, or a greater one"}},
      {6, {"A timeline cannot be signalled with 6: "
           "it has that value already, or a greater one"}},
   };
   void (*signal)(struct vkt_object *timeline, uint64_t value) =
      by_queue ? vkt_queue_signal : vkt_host_signal;
   struct vkt_device *device = vkt_open();

   for (unsigned i = 0; i < 2 * TEST_COUNT(passed); i++) {
      const uint64_t value = passed[i / 2].value;
      const char *wanted = passed[i / 2].texts[value == 0 && by_queue];
      struct vkt_object *timeline =
         vkt_create_for(device, VKT_TIMELINE, i % 2 ? NT : 0);
      char message[1024];

      vkt_host_signal(timeline, 6);
      vkt_clear_messages(device);
      signal(timeline, value);
      vkt_wait_idle(device);
      EXPECT_U64(vkt_message_count(device), 1);
      vkt_last_message(device, message, sizeof(message));
      if (strncmp(message, wanted, strlen(wanted)))
         test_fail(false, __FILE__, __LINE__, "\"%s\", not \"%s\"", message,
                   wanted);
      EXPECT_U64(vkt_value(timeline), 6);
      vkt_expect_works(timeline);
   }
}

/* What a messenger has to see of the next message */
struct expected {
   unsigned messages;
   const char *text, *place;
   VkObjectType type;
   uint64_t handle;
   const char *name;
};

static VKAPI_ATTR VkBool32 VKAPI_CALL
on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
           VkDebugUtilsMessageTypeFlagsEXT types,
           const VkDebugUtilsMessengerCallbackDataEXT *message, void *data)
{
   const VkDebugUtilsObjectNameInfoEXT *object = message->pObjects;
   struct expected *expected = data;

   expected->messages++;
   EXPECT_U64(severity, VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT);
   EXPECT_U64(types, VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT);
   EXPECT(strstr(message->pMessage, expected->text) == message->pMessage);
   EXPECT(strstr(message->pMessageIdName, expected->place) != NULL);
   if (!EXPECT_U64(message->objectCount, 1))
      return VK_FALSE;
   EXPECT_U64(object->objectType, expected->type);
   EXPECT_U64(object->objectHandle, expected->handle);
   EXPECT(!expected->name || (object->pObjectName &&
                              !strcmp(object->pObjectName, expected->name)));
   return VK_FALSE;
}

static void
expect_one_message(struct vkt_object *fence, VkFlags type,
                   struct expected *expected)
{
   expected->messages = 0;
   EXPECT_RESULT(vkt_try_import(fence, type, false, GetCurrentProcess(), NULL),
                 INVALID);
   EXPECT_U64(expected->messages, 1);
}

#define LOAD(instance, name) \
   ((PFN_##name)vkGetInstanceProcAddr(instance, #name))

/* A warning with the place in the source and the object it is about */
static void
message_by_debug_utils(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *fence = vkt_create(device, VKT_FENCE);
   const VkInstance instance = device->gpu.instance;
   struct expected expected = {
      .text = "The handle is NULL or a pseudo-handle",
      .place = "vk_win32_section.c:",
      .type = VK_OBJECT_TYPE_DEVICE,
      .handle = (uintptr_t)device->handle,
   };
   const VkDebugUtilsMessengerCreateInfoEXT messenger_info = {
      .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
      .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                         VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
      .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT |
                     VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
      .pfnUserCallback = on_message,
      .pUserData = &expected,
   };
   const VkDebugUtilsObjectNameInfoEXT name = {
      .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
      .objectType = VK_OBJECT_TYPE_FENCE,
      .objectHandle = (uint64_t)(uintptr_t)fence->fence,
      .pObjectName = "frame fence",
   };
   VkDebugUtilsMessengerEXT messenger;

   REQUIRE_OK(LOAD(instance, vkCreateDebugUtilsMessengerEXT)(
      instance, &messenger_info, NULL, &messenger));
   REQUIRE_OK(LOAD(instance, vkSetDebugUtilsObjectNameEXT)(device->handle,
                                                           &name));
   expect_one_message(fence, NT, &expected);
   expected = (struct expected){
      .text = "Handle type 0x40000000 cannot be imported into a fence",
      .place = "vk_fence.c:",
      .type = VK_OBJECT_TYPE_FENCE,
      .handle = name.objectHandle,
      .name = name.pObjectName,
   };
   expect_one_message(fence, NO_TYPE, &expected);
   LOAD(instance, vkDestroyDebugUtilsMessengerEXT)(instance, messenger, NULL);
}

/* A wait chooses the parker. What Mesa logs goes to the standard error. */
static int
log_main(UNUSED int argc, UNUSED char **argv)
{
   _dup2(_fileno(stdout), _fileno(stderr));
   EXPECT_RESULT(vkt_wait(vkt_create(vkt_open(), VKT_FENCE), 0, 10),
                 VK_TIMEOUT);
   return test_failed();
}

#define PARKER "MESA_VK_WIN32_PARKER"
#define UNKNOWN "MESA_VK_WIN32_PARKER=nonsense is unknown; using "

static void
log_goes_where_asked(UNUSED intptr_t arg)
{
   static const struct {
      const char *log, *parker, *text;
      bool is_there;
   } cases[] = {
      {NULL, "nonsense", "warning: " UNKNOWN, true},
      {"file", "nonsense", "warning: " UNKNOWN, true},
      {"file", "keyed", PARKER, false},
      {"null", "nonsense", PARKER, false},
      {"windbg", "nonsense", PARKER, false},
   };
   char path[MAX_PATH], text[4096];

   child_sibling_program("driver_diagnostics.exe", path, sizeof(path));
   for (unsigned i = 0; i < TEST_COUNT(cases); i++) {
      struct child *child;

      SetEnvironmentVariableA("MESA_LOG", cases[i].log);
      SetEnvironmentVariableA(PARKER, cases[i].parker);
      child = child_start_program(path, "--child log");
      child_read_output(child, text, sizeof(text));
      test_diag("MESA_LOG=%s: %s", cases[i].log ? cases[i].log : "", text);
      EXPECT_U64(child_join(child, VKT_LONG_MS), 0);
      EXPECT((strstr(text, cases[i].text) != NULL) == cases[i].is_there);
   }
   /* The C library still has what the process began with. */
   SetEnvironmentVariableA("MESA_LOG", getenv("MESA_LOG"));
   SetEnvironmentVariableA(PARKER, getenv(PARKER));
}

const struct test_role test_roles[] = {{"log", log_main}, {0}};

int
main(int argc, char **argv)
{
   static struct test_case cases[TEST_COUNT(refusals) + 5] = {
      {"message_host_signals_passed_values", check_passed_values, false},
      {"message_queue_signals_passed_values", check_passed_values, true},
      {"message_by_debug_utils", message_by_debug_utils},
      {"log_goes_where_asked", log_goes_where_asked},
   };

   for (unsigned i = 0; i < TEST_COUNT(refusals); i++)
      cases[4 + i] = (struct test_case){refusals[i].name, check_refusal, i};
   return test_main(argc, argv, cases, test_roles);
}

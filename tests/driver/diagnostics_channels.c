/* SPDX-License-Identifier: MIT */

/* By which ways a message gets out: both debug extensions, and Mesa's log. */
#include "child.h"
#include "vkt.h"

#include <string.h>

/* What a messenger gets to see of the last message */
struct seen {
   unsigned messages, reports;
   VkDebugUtilsMessageSeverityFlagBitsEXT severity;
   VkDebugUtilsMessageTypeFlagsEXT types;
   char text[512], report_text[512], id[256];
   uint32_t objects;
   VkDebugUtilsObjectNameInfoEXT object;
   char object_name[64];
};

static VKAPI_ATTR VkBool32 VKAPI_CALL
on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
           VkDebugUtilsMessageTypeFlagsEXT types,
           const VkDebugUtilsMessengerCallbackDataEXT *message, void *data)
{
   struct seen *seen = data;

   seen->messages++;
   seen->severity = severity;
   seen->types = types;
   snprintf(seen->text, sizeof(seen->text), "%s", message->pMessage);
   snprintf(seen->id, sizeof(seen->id), "%s", message->pMessageIdName);
   seen->objects = message->objectCount;
   if (message->objectCount) {
      seen->object = message->pObjects[0];
      snprintf(seen->object_name, sizeof(seen->object_name), "%s",
               seen->object.pObjectName ? seen->object.pObjectName : "");
   }
   return VK_FALSE;
}

static VKAPI_ATTR VkBool32 VKAPI_CALL
on_report(UNUSED VkDebugReportFlagsEXT flags,
          UNUSED VkDebugReportObjectTypeEXT type, UNUSED uint64_t object,
          UNUSED size_t location, UNUSED int32_t code,
          UNUSED const char *layer, const char *message, void *data)
{
   struct seen *seen = data;

   seen->reports++;
   snprintf(seen->report_text, sizeof(seen->report_text), "%s", message);
   return VK_FALSE;
}

struct channels {
   VkInstance instance;
   struct vkt_device device;
   struct vkt_object *fence;
   struct seen seen;
   VkDebugUtilsMessengerEXT messenger;
   VkDebugReportCallbackEXT report;
};

#define LOAD(instance, name) \
   ((PFN_##name)vkGetInstanceProcAddr(instance, #name))

static void
open_device(struct channels *c)
{
   VkDevice device = vkt_create_bare_device(
      vkt_pick_lavapipe(c->instance),
      VK_KHR_EXTERNAL_FENCE_WIN32_EXTENSION_NAME);

   c->device.handle = device;
   c->device.ImportFenceWin32Handle = (PFN_vkImportFenceWin32HandleKHR)
      vkGetDeviceProcAddr(device, "vkImportFenceWin32HandleKHR");
   c->fence = vkt_create(&c->device, VKT_FENCE);
}

static void
close_device(struct channels *c)
{
   vkt_destroy(c->fence);
   vkDestroyDevice(c->device.handle, NULL);
   vkDestroyInstance(c->instance, NULL);
}

static void
open_channels(struct channels *c)
{
   static const char *const extensions[] = {
      VK_EXT_DEBUG_UTILS_EXTENSION_NAME,
      VK_EXT_DEBUG_REPORT_EXTENSION_NAME,
   };
   const VkDebugUtilsMessengerCreateInfoEXT messenger = {
      .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
      .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                         VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
      .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT |
                     VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
      .pfnUserCallback = on_message,
      .pUserData = &c->seen,
   };
   const VkDebugReportCallbackCreateInfoEXT report = {
      .sType = VK_STRUCTURE_TYPE_DEBUG_REPORT_CALLBACK_CREATE_INFO_EXT,
      .flags = VK_DEBUG_REPORT_WARNING_BIT_EXT | VK_DEBUG_REPORT_ERROR_BIT_EXT,
      .pfnCallback = on_report,
      .pUserData = &c->seen,
   };
   VkDebugUtilsObjectNameInfoEXT name = {
      .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
      .objectType = VK_OBJECT_TYPE_FENCE,
      .pObjectName = "frame fence",
   };

   c->instance = vkt_create_instance_with(VK_API_VERSION_1_3, extensions,
                                          TEST_COUNT(extensions));
   REQUIRE_OK(LOAD(c->instance, vkCreateDebugUtilsMessengerEXT)(
      c->instance, &messenger, NULL, &c->messenger));
   REQUIRE_OK(LOAD(c->instance, vkCreateDebugReportCallbackEXT)(
      c->instance, &report, NULL, &c->report));
   open_device(c);
   name.objectHandle = (uint64_t)(uintptr_t)c->fence->fence;
   REQUIRE_OK(LOAD(c->instance, vkSetDebugUtilsObjectNameEXT)(
      c->device.handle, &name));
   memset(&c->seen, 0, sizeof(c->seen));
}

static void
close_channels(struct channels *c)
{
   LOAD(c->instance, vkDestroyDebugReportCallbackEXT)(c->instance, c->report,
                                                      NULL);
   LOAD(c->instance, vkDestroyDebugUtilsMessengerEXT)(c->instance,
                                                      c->messenger, NULL);
   close_device(c);
}

static void
import(struct channels *c, VkFlags type)
{
   EXPECT_RESULT(vkt_try_import(c->fence, type, false, GetCurrentProcess(),
                                NULL),
                 VK_ERROR_INVALID_EXTERNAL_HANDLE);
}

#define PSEUDO_HANDLE_TEXT "The handle is NULL or a pseudo-handle"

/* A warning with the place in the source and the object it is about */
static void
message_by_debug_utils(UNUSED intptr_t arg)
{
   struct channels c = {0};

   open_channels(&c);
   import(&c, VKT_OPAQUE_WIN32);
   EXPECT_U64(c.seen.messages, 1);
   EXPECT_U64(c.seen.severity,
              VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT);
   EXPECT_U64(c.seen.types, VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT);
   EXPECT(strstr(c.seen.text, PSEUDO_HANDLE_TEXT) == c.seen.text);
   EXPECT(strstr(c.seen.id, "vk_win32_section.c:") != NULL);
   EXPECT_U64(c.seen.objects, 1);
   EXPECT_U64(c.seen.object.objectType, VK_OBJECT_TYPE_DEVICE);
   EXPECT_U64(c.seen.object.objectHandle, (uintptr_t)c.device.handle);

   import(&c, 0x40000000);
   EXPECT_U64(c.seen.messages, 2);
   EXPECT(strstr(c.seen.id, "vk_fence.c:") != NULL);
   EXPECT_U64(c.seen.objects, 1);
   EXPECT_U64(c.seen.object.objectType, VK_OBJECT_TYPE_FENCE);
   EXPECT_U64(c.seen.object.objectHandle, (uintptr_t)c.fence->fence);
   EXPECT(!strcmp(c.seen.object_name, "frame fence"));
   close_channels(&c);
}

static void
message_by_debug_report(UNUSED intptr_t arg)
{
   struct channels c = {0};

   open_channels(&c);
   import(&c, VKT_OPAQUE_WIN32);
   EXPECT_U64(c.seen.reports, 1);
   EXPECT(strstr(c.seen.report_text, PSEUDO_HANDLE_TEXT) != NULL);
   close_channels(&c);
}

/* Without a messenger: a refusal, and a wait that chooses the parker. */
static int
log_main(UNUSED int argc, UNUSED char **argv)
{
   struct channels c = {
      .instance = vkt_create_instance_with(VK_API_VERSION_1_3, NULL, 0),
   };

   open_device(&c);
   import(&c, VKT_OPAQUE_WIN32);
   EXPECT_RESULT(vkt_wait(c.fence, 0, 10), VK_TIMEOUT);
   close_device(&c);
   return test_failed();
}

/* Whether a child with these settings writes that to its standard error */
static bool
is_logged(const char *log, const char *parker, const char *wanted)
{
   const HANDLE own = GetStdHandle(STD_ERROR_HANDLE);
   char text[4096], old_parker[32] = "";
   struct child *child;
   HANDLE read, write;

   GetEnvironmentVariableA("MESA_VK_WIN32_PARKER", old_parker,
                           sizeof(old_parker));
   REQUIRE(CreatePipe(&read, &write, NULL, 0));
   SetStdHandle(STD_ERROR_HANDLE, write);
   SetEnvironmentVariableA("MESA_LOG", log);
   SetEnvironmentVariableA("MESA_VK_WIN32_PARKER", parker);
   child = child_start("log", NULL, 0);
   child->output = read;
   SetEnvironmentVariableA("MESA_VK_WIN32_PARKER",
                           old_parker[0] ? old_parker : NULL);
   SetEnvironmentVariableA("MESA_LOG", NULL);
   SetStdHandle(STD_ERROR_HANDLE, own);
   CloseHandle(write);
   child_read_output(child, text, sizeof(text));
   test_diag("MESA_LOG=%s: %s", log ? log : "", text);
   EXPECT_U64(child_join(child, VKT_LONG_MS), 0);
   return strstr(text, wanted) != NULL;
}

#define PARKER "MESA_VK_WIN32_PARKER"
#define UNKNOWN "MESA_VK_WIN32_PARKER=nonsense is unknown; using "

static void
log_to_standard_error(UNUSED intptr_t arg)
{
   EXPECT(is_logged(NULL, "nonsense", "warning: " UNKNOWN));
   EXPECT(is_logged("file", "nonsense", "warning: " UNKNOWN));
   EXPECT(!is_logged("file", "keyed", PARKER));
}

static void
log_elsewhere(UNUSED intptr_t arg)
{
   EXPECT(!is_logged("null", "nonsense", PARKER));
   EXPECT(!is_logged("windbg", "nonsense", PARKER));
}

/* Mesa logs refusals in debug builds; otherwise a messenger is needed. */
#ifdef LVP_TEST_DEBUG_BUILD
#define LOGGED true
#else
#define LOGGED false
#endif

static void
log_refusal_in_debug_builds(UNUSED intptr_t arg)
{
   EXPECT(is_logged("file", "keyed", PSEUDO_HANDLE_TEXT) == LOGGED);
   EXPECT(!is_logged("null", "keyed", PSEUDO_HANDLE_TEXT));
}

const struct test_case diagnostics_channels[] = {
   {"message_by_debug_utils", message_by_debug_utils},
   {"message_by_debug_report", message_by_debug_report},
   {"log_to_standard_error", log_to_standard_error},
   {"log_elsewhere", log_elsewhere},
   {"log_refusal_in_debug_builds", log_refusal_in_debug_builds},
   {0},
};

const struct test_role test_roles[] = {{"log", log_main}, {0}};

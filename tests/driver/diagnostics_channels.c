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

struct application {
   VkInstance instance;
   struct vkt_device device;
   struct vkt_object *fence;
};

static struct application
open_application(const char *const *extensions, uint32_t count)
{
   struct application a = {
      .instance = vkt_create_instance_with(VK_API_VERSION_1_3, extensions,
                                           count),
   };

   a.device.handle = vkt_create_bare_device(
      vkt_pick_lavapipe(a.instance),
      VK_KHR_EXTERNAL_FENCE_WIN32_EXTENSION_NAME);
   a.device.ImportFenceWin32Handle = (PFN_vkImportFenceWin32HandleKHR)
      vkGetDeviceProcAddr(a.device.handle, "vkImportFenceWin32HandleKHR");
   return a;
}

static void
close_application(struct application *a)
{
   vkt_destroy(a->fence);
   vkDestroyDevice(a->device.handle, NULL);
   vkDestroyInstance(a->instance, NULL);
}

static void
import(struct application *a, VkFlags type)
{
   EXPECT_RESULT(vkt_try_import(a->fence, type, false, GetCurrentProcess(),
                                NULL),
                 VK_ERROR_INVALID_EXTERNAL_HANDLE);
}

#define PSEUDO_HANDLE_TEXT "The handle is NULL or a pseudo-handle"

/* A warning with the place in the source and the object it is about */
static void
expect_seen(struct application *a, const struct seen *seen)
{
   import(a, VKT_OPAQUE_WIN32);
   EXPECT_U64(seen->messages, 1);
   EXPECT_U64(seen->severity, VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT);
   EXPECT_U64(seen->types, VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT);
   EXPECT(strstr(seen->text, PSEUDO_HANDLE_TEXT) == seen->text);
   EXPECT(strstr(seen->id, "vk_win32_section.c:") != NULL);
   EXPECT_U64(seen->objects, 1);
   EXPECT_U64(seen->object.objectType, VK_OBJECT_TYPE_DEVICE);
   EXPECT_U64(seen->object.objectHandle, (uintptr_t)a->device.handle);
   EXPECT_U64(seen->reports, 1);
   EXPECT(strstr(seen->report_text, PSEUDO_HANDLE_TEXT) != NULL);

   import(a, 0x40000000);
   EXPECT_U64(seen->messages, 2);
   EXPECT(strstr(seen->id, "vk_fence.c:") != NULL);
   EXPECT_U64(seen->objects, 1);
   EXPECT_U64(seen->object.objectType, VK_OBJECT_TYPE_FENCE);
   EXPECT_U64(seen->object.objectHandle, (uintptr_t)a->fence->fence);
   EXPECT(!strcmp(seen->object_name, "frame fence"));
}

#define LOAD(instance, name) \
   ((PFN_##name)vkGetInstanceProcAddr(instance, #name))

static void
message_by_both_extensions(UNUSED intptr_t arg)
{
   static const char *const extensions[] = {
      VK_EXT_DEBUG_UTILS_EXTENSION_NAME,
      VK_EXT_DEBUG_REPORT_EXTENSION_NAME,
   };
   struct seen seen = {0};
   const VkDebugUtilsMessengerCreateInfoEXT messenger_info = {
      .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
      .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                         VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
      .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT |
                     VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
      .pfnUserCallback = on_message,
      .pUserData = &seen,
   };
   const VkDebugReportCallbackCreateInfoEXT report_info = {
      .sType = VK_STRUCTURE_TYPE_DEBUG_REPORT_CALLBACK_CREATE_INFO_EXT,
      .flags = VK_DEBUG_REPORT_WARNING_BIT_EXT | VK_DEBUG_REPORT_ERROR_BIT_EXT,
      .pfnCallback = on_report,
      .pUserData = &seen,
   };
   VkDebugUtilsObjectNameInfoEXT name = {
      .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
      .objectType = VK_OBJECT_TYPE_FENCE,
      .pObjectName = "frame fence",
   };
   struct application a =
      open_application(extensions, TEST_COUNT(extensions));
   VkDebugUtilsMessengerEXT messenger;
   VkDebugReportCallbackEXT report;

   REQUIRE_OK(LOAD(a.instance, vkCreateDebugUtilsMessengerEXT)(
      a.instance, &messenger_info, NULL, &messenger));
   REQUIRE_OK(LOAD(a.instance, vkCreateDebugReportCallbackEXT)(
      a.instance, &report_info, NULL, &report));
   a.fence = vkt_create(&a.device, VKT_FENCE);
   name.objectHandle = (uint64_t)(uintptr_t)a.fence->fence;
   REQUIRE_OK(LOAD(a.instance, vkSetDebugUtilsObjectNameEXT)(
      a.device.handle, &name));
   memset(&seen, 0, sizeof(seen));

   expect_seen(&a, &seen);

   LOAD(a.instance, vkDestroyDebugReportCallbackEXT)(a.instance, report,
                                                     NULL);
   LOAD(a.instance, vkDestroyDebugUtilsMessengerEXT)(a.instance, messenger,
                                                     NULL);
   close_application(&a);
}

/* Without a messenger: a refusal, and a wait that chooses the parker. */
static int
log_main(UNUSED int argc, UNUSED char **argv)
{
   struct application a = open_application(NULL, 0);

   a.fence = vkt_create(&a.device, VKT_FENCE);
   import(&a, VKT_OPAQUE_WIN32);
   EXPECT_RESULT(vkt_wait(a.fence, 0, 10), VK_TIMEOUT);
   close_application(&a);
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

/* Mesa logs refusals in debug builds; otherwise a messenger is needed. */
#ifdef LVP_TEST_DEBUG_BUILD
#define LOGGED true
#else
#define LOGGED false
#endif

static void
log_goes_where_asked(UNUSED intptr_t arg)
{
   EXPECT(is_logged(NULL, "nonsense", "warning: " UNKNOWN));
   EXPECT(is_logged("file", "nonsense", "warning: " UNKNOWN));
   EXPECT(!is_logged("file", "keyed", PARKER));
   EXPECT(!is_logged("null", "nonsense", PARKER));
   EXPECT(!is_logged("windbg", "nonsense", PARKER));

   EXPECT(is_logged("file", "keyed", PSEUDO_HANDLE_TEXT) == LOGGED);
   EXPECT(!is_logged("null", "keyed", PSEUDO_HANDLE_TEXT));
}

const struct test_case diagnostics_channels[] = {
   {"message_by_both_extensions", message_by_both_extensions},
   {"log_goes_where_asked", log_goes_where_asked},
   {0},
};

const struct test_role test_roles[] = {{"log", log_main}, {0}};

/* SPDX-License-Identifier: MIT */

/* By which ways a message gets out: both debug extensions, and Mesa's log. */
#include "diagnostics_channels.h"

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
on_report(VkDebugReportFlagsEXT flags, VkDebugReportObjectTypeEXT type,
          uint64_t object, size_t location, int32_t code, const char *layer,
          const char *message, void *data)
{
   struct seen *seen = data;

   (void)flags;
   (void)type;
   (void)object;
   (void)location;
   (void)code;
   (void)layer;
   seen->reports++;
   snprintf(seen->report_text, sizeof(seen->report_text), "%s", message);
   return VK_FALSE;
}

struct channels {
   VkInstance instance;
   VkDevice device;
   VkFence fence;
   struct seen seen;
   VkDebugUtilsMessengerEXT messenger;
   VkDebugReportCallbackEXT report;
};

#define LOAD(instance, name) \
   ((PFN_##name)vkGetInstanceProcAddr(instance, #name))

static void
open_instance(struct channels *c)
{
   static const char *const extensions[] = {
      VK_EXT_DEBUG_UTILS_EXTENSION_NAME,
      VK_EXT_DEBUG_REPORT_EXTENSION_NAME,
   };
   const VkApplicationInfo application = {
      .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
      .apiVersion = VK_API_VERSION_1_3,
   };
   const VkInstanceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
      .pApplicationInfo = &application,
      .enabledExtensionCount = TEST_COUNT(extensions),
      .ppEnabledExtensionNames = extensions,
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

   REQUIRE_OK(vkCreateInstance(&info, NULL, &c->instance));
   REQUIRE_OK(LOAD(c->instance, vkCreateDebugUtilsMessengerEXT)(
      c->instance, &messenger, NULL, &c->messenger));
   REQUIRE_OK(LOAD(c->instance, vkCreateDebugReportCallbackEXT)(
      c->instance, &report, NULL, &c->report));
}

static VkFence
create_fence(VkDevice device)
{
   const VkFenceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
   };
   VkFence fence;

   REQUIRE_OK(vkCreateFence(device, &info, NULL, &fence));
   return fence;
}

static void
open_channels(struct channels *c)
{
   VkDebugUtilsObjectNameInfoEXT name = {
      .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
      .objectType = VK_OBJECT_TYPE_FENCE,
      .pObjectName = "frame fence",
   };

   open_instance(c);
   c->device = vkt_create_bare_device(
      vkt_pick_lavapipe(c->instance),
      VK_KHR_EXTERNAL_FENCE_WIN32_EXTENSION_NAME);
   c->fence = create_fence(c->device);
   name.objectHandle = (uint64_t)(uintptr_t)c->fence;
   REQUIRE_OK(LOAD(c->instance, vkSetDebugUtilsObjectNameEXT)(c->device,
                                                              &name));
   memset(&c->seen, 0, sizeof(c->seen));
}

static void
close_channels(struct channels *c)
{
   LOAD(c->instance, vkDestroyDebugReportCallbackEXT)(c->instance, c->report,
                                                      NULL);
   LOAD(c->instance, vkDestroyDebugUtilsMessengerEXT)(c->instance,
                                                      c->messenger, NULL);
   vkDestroyFence(c->device, c->fence, NULL);
   vkDestroyDevice(c->device, NULL);
   vkDestroyInstance(c->instance, NULL);
}

static void
import(struct channels *c, VkFlags type)
{
   const VkImportFenceWin32HandleInfoKHR info = {
      .sType = VK_STRUCTURE_TYPE_IMPORT_FENCE_WIN32_HANDLE_INFO_KHR,
      .fence = c->fence,
      .handleType = (VkExternalFenceHandleTypeFlagBits)type,
      .handle = GetCurrentProcess(),
   };
   PFN_vkImportFenceWin32HandleKHR import_handle =
      (PFN_vkImportFenceWin32HandleKHR)vkGetDeviceProcAddr(
         c->device, "vkImportFenceWin32HandleKHR");

   EXPECT_RESULT(import_handle(c->device, &info),
                 VK_ERROR_INVALID_EXTERNAL_HANDLE);
}

#define PSEUDO_HANDLE_TEXT "The handle is NULL or a pseudo-handle"

/* A warning with the place in the source and the object it is about */
static void
message_by_debug_utils(intptr_t arg)
{
   struct channels c = {0};

   (void)arg;
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
   EXPECT_U64(c.seen.object.objectHandle, (uint64_t)(uintptr_t)c.device);

   import(&c, 0x40000000);
   EXPECT_U64(c.seen.messages, 2);
   EXPECT(strstr(c.seen.id, "vk_fence.c:") != NULL);
   EXPECT_U64(c.seen.objects, 1);
   EXPECT_U64(c.seen.object.objectType, VK_OBJECT_TYPE_FENCE);
   EXPECT_U64(c.seen.object.objectHandle, (uint64_t)(uintptr_t)c.fence);
   EXPECT(!strcmp(c.seen.object_name, "frame fence"));
   close_channels(&c);
}

static void
message_by_debug_report(intptr_t arg)
{
   struct channels c = {0};

   (void)arg;
   open_channels(&c);
   import(&c, VKT_OPAQUE_WIN32);
   EXPECT_U64(c.seen.reports, 1);
   EXPECT(strstr(c.seen.report_text, PSEUDO_HANDLE_TEXT) != NULL);
   close_channels(&c);
}

/* Without a messenger: a refusal, and a wait that chooses the parker. */
int
diagnostics_log_main(int argc, char **argv)
{
   const VkApplicationInfo application = {
      .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
      .apiVersion = VK_API_VERSION_1_3,
   };
   const VkInstanceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
      .pApplicationInfo = &application,
   };
   struct channels c = {0};

   (void)argc;
   (void)argv;
   REQUIRE_OK(vkCreateInstance(&info, NULL, &c.instance));
   c.device = vkt_create_bare_device(
      vkt_pick_lavapipe(c.instance),
      VK_KHR_EXTERNAL_FENCE_WIN32_EXTENSION_NAME);
   c.fence = create_fence(c.device);
   import(&c, VKT_OPAQUE_WIN32);
   EXPECT_RESULT(vkWaitForFences(c.device, 1, &c.fence, VK_TRUE, 10000000),
                 VK_TIMEOUT);
   vkDestroyFence(c.device, c.fence, NULL);
   vkDestroyDevice(c.device, NULL);
   vkDestroyInstance(c.instance, NULL);
   return test_failed();
}

/* What a child with these settings writes to its standard error */
static void
read_log(const char *log, const char *parker, char *text, size_t size)
{
   const HANDLE own = GetStdHandle(STD_ERROR_HANDLE);
   char old_parker[32] = "";
   struct child *child;
   HANDLE read, write;
   size_t length = 0;
   DWORD got;

   GetEnvironmentVariableA("MESA_VK_WIN32_PARKER", old_parker,
                           sizeof(old_parker));
   REQUIRE(CreatePipe(&read, &write, NULL, 0));
   test_own_handle(read);
   SetStdHandle(STD_ERROR_HANDLE, write);
   SetEnvironmentVariableA("MESA_LOG", log);
   SetEnvironmentVariableA("MESA_VK_WIN32_PARKER", parker);
   child = child_start("log", NULL, 0);
   SetEnvironmentVariableA("MESA_VK_WIN32_PARKER",
                           old_parker[0] ? old_parker : NULL);
   SetEnvironmentVariableA("MESA_LOG", NULL);
   SetStdHandle(STD_ERROR_HANDLE, own);
   CloseHandle(write);
   while (length < size - 1 &&
          ReadFile(read, text + length, (DWORD)(size - 1 - length), &got,
                   NULL) &&
          got)
      length += got;
   text[length] = 0;
   test_diag("MESA_LOG=%s: %s", log ? log : "", text);
   EXPECT_U64(child_join(child, VKT_LONG_MS), 0);
}

#define PARKER_TEXT \
   "MESA_VK_WIN32_PARKER=nonsense is unknown; using "

static void
log_to_standard_error(intptr_t arg)
{
   char text[4096];

   (void)arg;
   read_log(NULL, "nonsense", text, sizeof(text));
   EXPECT(strstr(text, "warning: " PARKER_TEXT) != NULL);
   read_log("file", "nonsense", text, sizeof(text));
   EXPECT(strstr(text, "warning: " PARKER_TEXT) != NULL);
   read_log("file", "keyed", text, sizeof(text));
   EXPECT(strstr(text, "MESA_VK_WIN32_PARKER") == NULL);
}

static void
log_elsewhere(intptr_t arg)
{
   char text[4096];

   (void)arg;
   read_log("null", "nonsense", text, sizeof(text));
   EXPECT(strstr(text, "MESA_VK_WIN32_PARKER") == NULL);
   read_log("windbg", "nonsense", text, sizeof(text));
   EXPECT(strstr(text, "MESA_VK_WIN32_PARKER") == NULL);
}

/* Mesa logs refusals in debug builds; otherwise a messenger is needed. */
#ifdef LVP_TEST_DEBUG_BUILD
#define LOGGED true
#else
#define LOGGED false
#endif

static void
log_refusal_in_debug_builds(intptr_t arg)
{
   char text[4096];

   (void)arg;
   read_log("file", "keyed", text, sizeof(text));
   EXPECT((strstr(text, PSEUDO_HANDLE_TEXT) != NULL) == LOGGED);
   read_log("null", "keyed", text, sizeof(text));
   EXPECT(strstr(text, PSEUDO_HANDLE_TEXT) == NULL);
}

const struct test_case diagnostics_channels[] = {
   {"message_by_debug_utils", message_by_debug_utils, 0, 0},
   {"message_by_debug_report", message_by_debug_report, 0, 0},
   {"log_to_standard_error", log_to_standard_error, 0, 0},
   {"log_elsewhere", log_elsewhere, 0, 0},
   {"log_refusal_in_debug_builds", log_refusal_in_debug_builds, 0, 0},
   {0},
};

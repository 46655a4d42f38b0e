/* SPDX-License-Identifier: MIT */

/* By which ways a message gets out: VK_EXT_debug_utils, and Mesa's log. */
#include "child.h"
#include "vkt.h"

#include <string.h>

/* What a messenger gets to see of the last message */
struct seen {
   unsigned messages;
   VkDebugUtilsMessageSeverityFlagBitsEXT severity;
   VkDebugUtilsMessageTypeFlagsEXT types;
   char text[512], id[256];
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

/* A warning with the place in the source and the object it is about */
static void
expect_seen(struct vkt_object *fence, struct seen *seen)
{
   const VkDevice device = fence->device->handle;

   memset(seen, 0, sizeof(*seen));
   EXPECT_RESULT(vkt_try_import(fence, VKT_OPAQUE_WIN32, false,
                                GetCurrentProcess(), NULL),
                 VK_ERROR_INVALID_EXTERNAL_HANDLE);
   EXPECT_U64(seen->messages, 1);
   EXPECT_U64(seen->severity, VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT);
   EXPECT_U64(seen->types, VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT);
   EXPECT(strstr(seen->text, "The handle is NULL or a pseudo-handle") ==
          seen->text);
   EXPECT(strstr(seen->id, "vk_win32_section.c:") != NULL);
   EXPECT_U64(seen->objects, 1);
   EXPECT_U64(seen->object.objectType, VK_OBJECT_TYPE_DEVICE);
   EXPECT_U64(seen->object.objectHandle, (uintptr_t)device);

   EXPECT_RESULT(vkt_try_import(fence, 0x40000000, false,
                                GetCurrentProcess(), NULL),
                 VK_ERROR_INVALID_EXTERNAL_HANDLE);
   EXPECT_U64(seen->messages, 2);
   EXPECT(strstr(seen->id, "vk_fence.c:") != NULL);
   EXPECT_U64(seen->objects, 1);
   EXPECT_U64(seen->object.objectType, VK_OBJECT_TYPE_FENCE);
   EXPECT_U64(seen->object.objectHandle, (uintptr_t)fence->fence);
   EXPECT(!strcmp(seen->object_name, "frame fence"));
}

#define LOAD(instance, name) \
   ((PFN_##name)vkGetInstanceProcAddr(instance, #name))

static void
message_by_debug_utils(UNUSED intptr_t arg)
{
   struct seen seen;
   const VkDebugUtilsMessengerCreateInfoEXT messenger_info = {
      .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
      .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                         VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
      .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT |
                     VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
      .pfnUserCallback = on_message,
      .pUserData = &seen,
   };
   const VkInstance instance = vkt_create_instance();
   struct vkt_device device = {
      .handle = vkt_create_bare_device(
         vkt_pick_lavapipe(instance),
         VK_KHR_EXTERNAL_FENCE_WIN32_EXTENSION_NAME),
   };
   struct vkt_object *fence = vkt_create(&device, VKT_FENCE);
   const VkDebugUtilsObjectNameInfoEXT name = {
      .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
      .objectType = VK_OBJECT_TYPE_FENCE,
      .objectHandle = (uint64_t)(uintptr_t)fence->fence,
      .pObjectName = "frame fence",
   };
   VkDebugUtilsMessengerEXT messenger;

   device.ImportFenceWin32Handle = (PFN_vkImportFenceWin32HandleKHR)
      vkGetDeviceProcAddr(device.handle, "vkImportFenceWin32HandleKHR");
   REQUIRE_OK(LOAD(instance, vkCreateDebugUtilsMessengerEXT)(
      instance, &messenger_info, NULL, &messenger));
   REQUIRE_OK(LOAD(instance, vkSetDebugUtilsObjectNameEXT)(device.handle,
                                                           &name));
   expect_seen(fence, &seen);

   LOAD(instance, vkDestroyDebugUtilsMessengerEXT)(instance, messenger, NULL);
   vkt_destroy(fence);
   vkDestroyDevice(device.handle, NULL);
   vkDestroyInstance(instance, NULL);
}

/* A wait chooses the parker. */
static int
log_main(UNUSED int argc, UNUSED char **argv)
{
   EXPECT_RESULT(vkt_wait(vkt_create(vkt_open(), VKT_FENCE), 0, 10),
                 VK_TIMEOUT);
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
log_goes_where_asked(UNUSED intptr_t arg)
{
   EXPECT(is_logged(NULL, "nonsense", "warning: " UNKNOWN));
   EXPECT(is_logged("file", "nonsense", "warning: " UNKNOWN));
   EXPECT(!is_logged("file", "keyed", PARKER));
   EXPECT(!is_logged("null", "nonsense", PARKER));
   EXPECT(!is_logged("windbg", "nonsense", PARKER));
}

const struct test_case diagnostics_channels[] = {
   {"message_by_debug_utils", message_by_debug_utils},
   {"log_goes_where_asked", log_goes_where_asked},
   {0},
};

const struct test_role test_roles[] = {{"log", log_main}, {0}};

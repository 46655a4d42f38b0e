/* SPDX-License-Identifier: MIT */
#include "runtime.h"

#include "util/os_time.h"
#include "vk_common_entrypoints.h"
#include "vk_instance.h"
#include "vk_physical_device.h"

struct vk_device *fuzz_device;

static struct fuzz_counts counts_before;
static VkDebugUtilsMessengerEXT messenger;
static uint64_t messages;

static VkBool32 VKAPI_PTR
on_message(UNUSED VkDebugUtilsMessageSeverityFlagBitsEXT severity,
           UNUSED VkDebugUtilsMessageTypeFlagsEXT types,
           UNUSED const VkDebugUtilsMessengerCallbackDataEXT *message,
           UNUSED void *data)
{
   p_atomic_inc(&messages);
   return VK_FALSE;
}

uint64_t
fuzz_message_count(void)
{
   return vk_sync_win32_load64(&messages);
}

enum vk_sync_win32_kind
fuzz_any_kind(void)
{
   return VK_SYNC_WIN32_KIND_FENCE + fuzz_below(FUZZ_KINDS);
}

struct vk_sync *
fuzz_sync(enum vk_sync_win32_kind kind, enum vk_sync_flags flags)
{
   if (kind == VK_SYNC_WIN32_KIND_TIMELINE)
      flags |= VK_SYNC_IS_TIMELINE;
   if (kind == VK_SYNC_WIN32_KIND_FENCE)
      flags |= VK_SYNC_IS_FENCE;
   return unit_sync(fuzz_device, flags, 0);
}

VkResult
fuzz_share(struct vk_sync *sync, const wchar_t *name, bool numbered)
{
   return vk_sync_set_win32_export_params(
      fuzz_device, sync, FUZZ_NT_HANDLE | (numbered ? FUZZ_NUMBER : 0), NULL, 0,
      name);
}

struct vk_sync *
fuzz_shared_sync(enum vk_sync_win32_kind kind, const wchar_t *name,
                 bool numbered)
{
   struct vk_sync *sync = fuzz_sync(kind, VK_SYNC_IS_SHAREABLE);

   REQUIRE_OK(fuzz_share(sync, name, numbered));
   return sync;
}

void
fuzz_destroy(struct vk_sync *sync)
{
   unit_sync_destroy(fuzz_device, sync);
}

VkResult
fuzz_wait(struct vk_sync *sync, uint64_t value, uint64_t timeout_ns)
{
   const struct vk_sync_wait wait = { .sync = sync, .wait_value = value };

   return fuzz_wait_many(1, &wait, VK_SYNC_WAIT_COMPLETE, timeout_ns);
}

VkResult
fuzz_wait_many(uint32_t count, const struct vk_sync_wait *waits,
               enum vk_sync_wait_flags flags, uint64_t timeout_ns)
{
   return vk_sync_wait_many(
      fuzz_device, count, waits, flags,
      timeout_ns != 0 ? os_time_get_absolute_timeout(timeout_ns) : 0);
}

HANDLE
fuzz_export(struct vk_sync *sync, VkExternalSemaphoreHandleTypeFlagBits type)
{
   HANDLE handle = NULL;

   REQUIRE_OK(vk_sync_export_win32_handle(fuzz_device, sync, type, &handle));
   return handle;
}

VkResult
fuzz_import(struct vk_sync *sync, VkExternalSemaphoreHandleTypeFlagBits type,
            HANDLE handle, const wchar_t *name)
{
   return vk_sync_import_win32_handle(fuzz_device, sync, type, handle, name);
}

struct vk_sync *
fuzz_view(struct vk_sync *sync)
{
   struct vk_sync *view = fuzz_sync(unit_payload(sync)->kind, 0);
   HANDLE handle = fuzz_export(sync, FUZZ_NT_HANDLE);

   REQUIRE_OK(fuzz_import(view, FUZZ_NT_HANDLE, handle, NULL));
   CloseHandle(handle);
   return view;
}

void
fuzz_check_nothing_left(bool handles)
{
   /* Handles of the bells that were rung, decoys among them */
   vk_sync_win32_bell_forget_all();
   fuzz_expect_counts(&counts_before, handles, true);
}

/* What is kept for the next time: for as many threads as are ever blocked at
 * once, a bell and some memory
 */
static void
warm_up(void)
{
   struct vk_sync *sync =
      fuzz_shared_sync(VK_SYNC_WIN32_KIND_TIMELINE, NULL, true);
   struct unit_waiter waiters[4];

   EXPECT_RESULT(fuzz_import(sync, FUZZ_NT_HANDLE, GetCurrentProcess(), NULL),
                 REFUSED);

   for (unsigned i = 0; i < TEST_COUNT(waiters); i++)
      unit_block(&waiters[i], fuzz_device, sync, 1, UINT64_MAX);
   while (unit_armed(sync) < TEST_COUNT(waiters))
      Sleep(1);
   EXPECT_OK(unit_signal(fuzz_device, sync, 1));
   for (unsigned i = 0; i < TEST_COUNT(waiters); i++)
      EXPECT_OK(unit_waiter_join(&waiters[i]));
   fuzz_destroy(sync);
}

static void
destroy_messenger(void *instance)
{
   vk_common_DestroyDebugUtilsMessengerEXT(vk_instance_to_handle(instance),
                                           messenger, NULL);
}

void
fuzz_open_device(void)
{
   const VkDebugUtilsMessengerCreateInfoEXT info = {
      .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
      .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                         VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
      .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT |
                     VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
      .pfnUserCallback = on_message,
   };

   fuzz_hook_module(GetModuleHandleA(NULL));
   fuzz_device = unit_device();
   struct vk_instance *instance = fuzz_device->physical->instance;
   REQUIRE_OK(vk_common_CreateDebugUtilsMessengerEXT(
      vk_instance_to_handle(instance), &info, NULL, &messenger));
   test_defer(destroy_messenger, instance);
   warm_up();
   vk_sync_win32_bell_forget_all();
   counts_before = fuzz_count();
}

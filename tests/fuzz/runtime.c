/* SPDX-License-Identifier: MIT */
#include "runtime.h"

#include <stdlib.h>

#include "util/os_time.h"

#include "vk_common_entrypoints.h"
#include "vk_instance.h"
#include "vk_physical_device.h"

#include "stress.h"


static struct vk_sync_win32_nt_table real;

/* What each thread pretends.  Not thread_local, for which some compilers
 * allocate memory.
 */
static DWORD tls_pretended;

static uint64_t messages;
static char last_message[512];

static LONG WINAPI
query_section(HANDLE section, int info_class, void *info, SIZE_T size,
              SIZE_T *result_size)
{
   const struct fuzz_section_info *pretended = TlsGetValue(tls_pretended);
   struct {
      void *base;
      ULONG attributes;
      LARGE_INTEGER size;
   } *basic = info;

   const LONG status =
      real.query_section(section, info_class, info, size, result_size);
   if (pretended == NULL || info_class != 0 || size != sizeof(*basic) ||
       status != VK_SYNC_WIN32_STATUS_SUCCESS)
      return status;

   basic->attributes = pretended->attributes;
   basic->size.QuadPart = pretended->size;
   return pretended->status;
}

void
fuzz_pretend(const struct fuzz_section_info *info)
{
   TlsSetValue(tls_pretended, (void *)info);
}

static VkBool32 VKAPI_PTR
on_message(UNUSED VkDebugUtilsMessageSeverityFlagBitsEXT severity,
           UNUSED VkDebugUtilsMessageTypeFlagsEXT types,
           const VkDebugUtilsMessengerCallbackDataEXT *message,
           UNUSED void *data)
{
   p_atomic_inc(&messages);
   snprintf(last_message, sizeof(last_message), "%s", message->pMessage);
   return VK_FALSE;
}

uint64_t
fuzz_message_count(void)
{
   return p_atomic_read(&messages);
}

const char *
fuzz_last_message(void)
{
   return last_message;
}

static struct vk_sync *
create_sync(struct vk_device *device, enum vk_sync_win32_kind kind,
            enum vk_sync_flags flags, uint64_t initial)
{
   struct vk_sync *sync;

   if (kind == VK_SYNC_WIN32_KIND_TIMELINE)
      flags |= VK_SYNC_IS_TIMELINE;
   if (kind == VK_SYNC_WIN32_KIND_FENCE)
      flags |= VK_SYNC_IS_FENCE;
   REQUIRE(vk_sync_create(device, &vk_sync_win32_type, flags, initial,
                          &sync) == VK_SUCCESS);
   return sync;
}

struct vk_sync *
fuzz_sync(struct vk_device *device, enum vk_sync_win32_kind kind,
          uint64_t initial)
{
   return create_sync(device, kind, 0, initial);
}

VkResult
fuzz_share(struct vk_device *device, struct vk_sync *sync,
           const wchar_t *name, bool numbered)
{
   return vk_sync_set_win32_export_params(
      device, sync, FUZZ_NT_HANDLE | (numbered ? FUZZ_NUMBER : 0), NULL, 0,
      name);
}

struct vk_sync *
fuzz_shared_sync(struct vk_device *device, enum vk_sync_win32_kind kind,
                 const wchar_t *name, bool numbered)
{
   struct vk_sync *sync =
      create_sync(device, kind, VK_SYNC_IS_SHAREABLE, 0);

   REQUIRE(fuzz_share(device, sync, name, numbered) == VK_SUCCESS);
   return sync;
}

HANDLE
fuzz_export(struct vk_device *device, struct vk_sync *sync)
{
   HANDLE handle = NULL;

   REQUIRE(vk_sync_export_win32_handle(device, sync, FUZZ_NT_HANDLE,
                                       &handle) == VK_SUCCESS);
   return handle;
}

uint32_t
fuzz_export_number(struct vk_device *device, struct vk_sync *sync)
{
   HANDLE handle = NULL;

   REQUIRE(vk_sync_export_win32_handle(device, sync, FUZZ_NUMBER, &handle) ==
           VK_SUCCESS);
   return (uint32_t)(uintptr_t)handle;
}

struct fuzz_import_info
fuzz_import_info(HANDLE handle)
{
   return (struct fuzz_import_info) {
      .handle_type = FUZZ_NT_HANDLE,
      .handle = handle,
   };
}

struct device {
   struct vk_device *device;
   VkInstance instance;
   VkDebugUtilsMessengerEXT messenger;
};

static struct fuzz_counts counts_before;

void
fuzz_check_nothing_left(bool handles, bool memory)
{
   /* Handles of the bells that were rung, decoys among them */
   vk_sync_win32_bell_forget_all();

   const struct fuzz_counts now = fuzz_count();

   EXPECT_U64(now.wrong_closes, counts_before.wrong_closes);
   EXPECT_U64((uint64_t)now.views, (uint64_t)counts_before.views);
   if (memory)
      EXPECT_U64((uint64_t)now.allocations,
                 (uint64_t)counts_before.allocations);
   if (handles)
      EXPECT_U64((uint64_t)now.handles, (uint64_t)counts_before.handles);
}

static void
device_destroy(void *data)
{
   struct device *self = data;

   vk_common_DestroyDebugUtilsMessengerEXT(self->instance, self->messenger,
                                           NULL);
   stress_device_destroy(self->device);
   free(self);
}

/* What is kept for the next time: for as many threads as are ever blocked at
 * once, a bell and some memory
 */
#define BLOCKED_THREADS 4

struct blocked {
   struct vk_device *device;
   struct vk_sync *sync;
};

static void
block(void *data)
{
   const struct blocked *blocked = data;

   EXPECT(vk_sync_wait(blocked->device, blocked->sync, 1,
                       VK_SYNC_WAIT_COMPLETE, OS_TIMEOUT_INFINITE) ==
          VK_SUCCESS);
}

static void
warm_up(struct vk_device *device)
{
   struct blocked blocked = {
      .device = device,
      .sync = fuzz_shared_sync(device, VK_SYNC_WIN32_KIND_TIMELINE, NULL,
                               true),
   };
   uint64_t *armed = &fuzz_layout(blocked.sync)->armed[0];
   struct test_thread *threads[BLOCKED_THREADS];

   EXPECT(vk_sync_import_win32_handle(device, blocked.sync, FUZZ_NT_HANDLE,
                                      GetCurrentProcess(), NULL) ==
          VK_ERROR_INVALID_EXTERNAL_HANDLE);

   for (unsigned i = 0; i < BLOCKED_THREADS; i++)
      threads[i] = test_thread_start(block, &blocked);
   while (vk_sync_win32_load64(armed) + 1 != 1u << BLOCKED_THREADS)
      Sleep(1);
   EXPECT(vk_sync_signal(device, blocked.sync, 1) == VK_SUCCESS);
   for (unsigned i = 0; i < BLOCKED_THREADS; i++)
      test_thread_join(threads[i]);
   vk_sync_destroy(device, blocked.sync);
}

static void
replace_calls(void)
{
   REQUIRE(vk_sync_win32_nt_init());
   fuzz_hook_module(GetModuleHandleA(NULL));
   if (real.query_section != NULL)
      return;

   tls_pretended = TlsAlloc();
   real = vk_sync_win32_nt;
   vk_sync_win32_nt.query_section = query_section;
}

struct vk_device *
fuzz_device(void)
{
   struct device *self = calloc(1, sizeof(*self));
   const VkDebugUtilsMessengerCreateInfoEXT info = {
      .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
      .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                         VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
      .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT |
                     VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
      .pfnUserCallback = on_message,
   };

   REQUIRE(self != NULL);
   replace_calls();
   self->device = stress_device_create();

   /* Messages go to objects that the application has seen. */
   self->instance = vk_instance_to_handle(self->device->physical->instance);
   vk_device_to_handle(self->device);
   REQUIRE(vk_common_CreateDebugUtilsMessengerEXT(self->instance, &info, NULL,
                                                  &self->messenger) ==
           VK_SUCCESS);
   warm_up(self->device);
   vk_sync_win32_bell_forget_all();
   counts_before = fuzz_count();
   test_defer(device_destroy, self);
   return self->device;
}

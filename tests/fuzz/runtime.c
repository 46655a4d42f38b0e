/* SPDX-License-Identifier: MIT */
#include "runtime.h"

#include "util/os_time.h"

#include "vk_common_entrypoints.h"
#include "vk_instance.h"
#include "vk_physical_device.h"

#include "fixture.h"

struct vk_device *fuzz_device;

static struct vk_sync_win32_nt_table real;

/* What each thread pretends; not thread_local, as in fuzz.c */
static DWORD tls_pretended;

static VkDebugUtilsMessengerEXT messenger;
static uint64_t messages;

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
           UNUSED const VkDebugUtilsMessengerCallbackDataEXT *message,
           UNUSED void *data)
{
   p_atomic_inc(&messages);
   return VK_FALSE;
}

uint64_t
fuzz_message_count(void)
{
   return p_atomic_read(&messages);
}

enum vk_sync_win32_kind
fuzz_any_kind(void)
{
   return VK_SYNC_WIN32_KIND_FENCE + fuzz_below(FUZZ_KINDS);
}

struct vk_sync *
fuzz_sync(enum vk_sync_win32_kind kind, enum vk_sync_flags flags)
{
   struct vk_sync *sync;

   if (kind == VK_SYNC_WIN32_KIND_TIMELINE)
      flags |= VK_SYNC_IS_TIMELINE;
   if (kind == VK_SYNC_WIN32_KIND_FENCE)
      flags |= VK_SYNC_IS_FENCE;
   REQUIRE(vk_sync_create(fuzz_device, &vk_sync_win32_type, flags, 0, &sync) ==
           VK_SUCCESS);
   return sync;
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

   REQUIRE(fuzz_share(sync, name, numbered) == VK_SUCCESS);
   return sync;
}

void
fuzz_destroy(struct vk_sync *sync)
{
   vk_sync_destroy(fuzz_device, sync);
}

static uint64_t
deadline(uint64_t timeout_ns)
{
   return timeout_ns != 0 ? os_time_get_absolute_timeout(timeout_ns) : 0;
}

VkResult
fuzz_wait(struct vk_sync *sync, uint64_t value, uint64_t timeout_ns)
{
   return vk_sync_wait(fuzz_device, sync, value, VK_SYNC_WAIT_COMPLETE,
                       deadline(timeout_ns));
}

VkResult
fuzz_wait_many(uint32_t count, const struct vk_sync_wait *waits,
               enum vk_sync_wait_flags flags, uint64_t timeout_ns)
{
   return vk_sync_wait_many(fuzz_device, count, waits, flags,
                            deadline(timeout_ns));
}

VkResult
fuzz_try_export(struct vk_sync *sync,
                VkExternalSemaphoreHandleTypeFlagBits type, HANDLE *handle)
{
   return vk_sync_export_win32_handle(fuzz_device, sync, type, handle);
}

HANDLE
fuzz_export(struct vk_sync *sync)
{
   HANDLE handle = NULL;

   REQUIRE(fuzz_try_export(sync, FUZZ_NT_HANDLE, &handle) == VK_SUCCESS);
   return handle;
}

HANDLE
fuzz_export_number(struct vk_sync *sync)
{
   HANDLE handle = NULL;

   REQUIRE(fuzz_try_export(sync, FUZZ_NUMBER, &handle) == VK_SUCCESS);
   return handle;
}

VkResult
fuzz_import(struct vk_sync *sync, VkExternalSemaphoreHandleTypeFlagBits type,
            HANDLE handle, const wchar_t *name)
{
   return vk_sync_import_win32_handle(fuzz_device, sync, type, handle, name);
}

struct vk_sync *
fuzz_open(enum vk_sync_win32_kind kind, HANDLE handle)
{
   struct vk_sync *sync = fuzz_sync(kind, 0);

   REQUIRE(fuzz_import(sync, FUZZ_NT_HANDLE, handle, NULL) == VK_SUCCESS);
   return sync;
}

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
destroy_messenger(UNUSED void *data)
{
   vk_common_DestroyDebugUtilsMessengerEXT(
      vk_instance_to_handle(fuzz_device->physical->instance), messenger, NULL);
}

/* What is kept for the next time: for as many threads as are ever blocked at
 * once, a bell and some memory
 */
#define BLOCKED_THREADS 4

static void
block(void *sync)
{
   EXPECT(fuzz_wait(sync, 1, OS_TIMEOUT_INFINITE) == VK_SUCCESS);
}

static void
warm_up(void)
{
   struct vk_sync *sync =
      fuzz_shared_sync(VK_SYNC_WIN32_KIND_TIMELINE, NULL, true);
   uint64_t *armed = &fuzz_layout(sync)->armed[0];
   struct test_thread *threads[BLOCKED_THREADS];

   EXPECT(fuzz_import(sync, FUZZ_NT_HANDLE, GetCurrentProcess(), NULL) ==
          REFUSED);

   for (unsigned i = 0; i < BLOCKED_THREADS; i++)
      threads[i] = test_thread_start(block, sync);
   while (vk_sync_win32_load64(armed) + 1 != 1u << BLOCKED_THREADS)
      Sleep(1);
   EXPECT(vk_sync_signal(fuzz_device, sync, 1) == VK_SUCCESS);
   for (unsigned i = 0; i < BLOCKED_THREADS; i++)
      test_thread_join(threads[i]);
   fuzz_destroy(sync);
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

   replace_calls();
   fuzz_device = unit_device();
   REQUIRE(vk_common_CreateDebugUtilsMessengerEXT(
              vk_instance_to_handle(fuzz_device->physical->instance), &info,
              NULL, &messenger) == VK_SUCCESS);
   test_defer(destroy_messenger, NULL);
   warm_up();
   vk_sync_win32_bell_forget_all();
   counts_before = fuzz_count();
}

/* SPDX-License-Identifier: MIT */
#include "vkt.h"

#include <sddl.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

const wchar_t *
vkt_make_name(const wchar_t *prefix)
{
   enum { SIZE = 96 };
   static volatile LONG serial;
   wchar_t *name = malloc(SIZE * sizeof(*name));

   REQUIRE(name != NULL);
   test_defer(free, name);
   /* Unlike test_random(), no two runs beside each other have the same. */
   swprintf(name, SIZE, L"%lslvp-test-%lu-%ld-%llx", prefix,
            (unsigned long)GetCurrentProcessId(),
            (long)InterlockedIncrement(&serial),
            (unsigned long long)GetTickCount64());
   return name;
}

static void
free_descriptor(void *data)
{
   LocalFree(data);
}

SECURITY_ATTRIBUTES
vkt_attributes(const wchar_t *sddl)
{
   SECURITY_ATTRIBUTES attributes = {.nLength = sizeof(attributes)};

   REQUIRE(ConvertStringSecurityDescriptorToSecurityDescriptorW(
      sddl, SDDL_REVISION_1, &attributes.lpSecurityDescriptor, NULL));
   test_defer(free_descriptor, attributes.lpSecurityDescriptor);
   return attributes;
}

static void
destroy_object(void *data)
{
   struct vkt_object *object = data;

   /* See close_device().  The device may have been the case's own. */
   if (test_failed())
      return;
   VkDevice device = object->device->handle;
   vkDestroyFence(device, object->fence, NULL);
   vkDestroySemaphore(device, object->semaphore, NULL);
   free(object);
}

void
vkt_destroy(struct vkt_object *object)
{
   test_undefer(destroy_object, object);
   destroy_object(object);
}

/* The structures of the two extensions are alike, but for their types. */
static VkResult
create(const struct vkt_object_info *info, struct vkt_object *object)
{
   const bool is_fence = info->kind == VKT_FENCE;
   const VkExportFenceWin32HandleInfoKHR win32 = {
      .sType = is_fence
                  ? VK_STRUCTURE_TYPE_EXPORT_FENCE_WIN32_HANDLE_INFO_KHR
                  : VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_WIN32_HANDLE_INFO_KHR,
      .pAttributes = info->attributes,
      .dwAccess = info->access,
      .name = info->name,
   };
   const VkExportFenceCreateInfo export_info = {
      .sType = is_fence ? VK_STRUCTURE_TYPE_EXPORT_FENCE_CREATE_INFO
                        : VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO,
      .pNext = info->win32_info ? &win32 : NULL,
      .handleTypes = info->export_types,
   };
   const VkSemaphoreTypeCreateInfo type = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
      .pNext = info->export_types ? &export_info : NULL,
      .semaphoreType = info->kind == VKT_TIMELINE
                          ? VK_SEMAPHORE_TYPE_TIMELINE
                          : VK_SEMAPHORE_TYPE_BINARY,
      .initialValue = info->initial,
   };
   const VkSemaphoreCreateInfo semaphore = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
      .pNext = &type,
   };
   const VkFenceCreateInfo fence = {
      .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
      .pNext = type.pNext,
      .flags = info->initial ? VK_FENCE_CREATE_SIGNALED_BIT : 0,
   };
   VkDevice device = object->device->handle;

   return is_fence ? vkCreateFence(device, &fence, NULL, &object->fence)
                   : vkCreateSemaphore(device, &semaphore, NULL,
                                       &object->semaphore);
}

VkResult
vkt_try_create(struct vkt_device *device, const struct vkt_object_info *info,
               struct vkt_object **out)
{
   struct vkt_object *object = calloc(1, sizeof(*object));
   VkResult result;

   REQUIRE(object != NULL);
   object->kind = info->kind;
   object->device = device;
   result = create(info, object);
   if (result == VK_SUCCESS) {
      test_defer(destroy_object, object);
   } else {
      free(object);
      object = NULL;
   }
   *out = object;
   return result;
}

struct vkt_object *
vkt_create_info(struct vkt_device *device, const struct vkt_object_info *info)
{
   struct vkt_object *object;

   REQUIRE_OK(vkt_try_create(device, info, &object));
   return object;
}

struct vkt_object *
vkt_create_for(struct vkt_device *device, enum vkt_kind kind,
               VkFlags export_types)
{
   return vkt_create_info(device, &(struct vkt_object_info){
                                     .kind = kind,
                                     .export_types = export_types,
                                  });
}

struct vkt_object *
vkt_create(struct vkt_device *device, enum vkt_kind kind)
{
   return vkt_create_for(device, kind, 0);
}

VkResult
vkt_try_create_win32(struct vkt_device *device, enum vkt_kind kind,
                     VkFlags export_types,
                     const SECURITY_ATTRIBUTES *attributes,
                     const wchar_t *name, struct vkt_object **object)
{
   return vkt_try_create(device,
                         &(struct vkt_object_info){
                            .kind = kind,
                            .export_types = export_types,
                            .win32_info = true,
                            .attributes = attributes,
                            .access = GENERIC_ALL,
                            .name = name,
                         },
                         object);
}

struct vkt_object *
vkt_create_win32(struct vkt_device *device, enum vkt_kind kind,
                 VkFlags export_types, const SECURITY_ATTRIBUTES *attributes,
                 const wchar_t *name)
{
   struct vkt_object *object;

   REQUIRE_OK(vkt_try_create_win32(device, kind, export_types, attributes,
                                   name, &object));
   return object;
}

VkFlags
vkt_handle_type(void)
{
   const char *type = getenv("LVP_TEST_HANDLE_TYPE");

   return type && !strcmp(type, "kmt") ? VKT_OPAQUE_WIN32_KMT
                                       : VKT_OPAQUE_WIN32;
}

struct vkt_object *
vkt_create_exportable(struct vkt_device *device, enum vkt_kind kind)
{
   return vkt_create_for(device, kind, vkt_handle_type());
}

VkResult
vkt_try_export(struct vkt_object *object, VkFlags type, HANDLE *handle)
{
   struct vkt_device *device = object->device;

   if (object->kind == VKT_FENCE) {
      const VkFenceGetWin32HandleInfoKHR info = {
         .sType = VK_STRUCTURE_TYPE_FENCE_GET_WIN32_HANDLE_INFO_KHR,
         .fence = object->fence,
         .handleType = (VkExternalFenceHandleTypeFlagBits)type,
      };
      return device->GetFenceWin32Handle(device->handle, &info, handle);
   } else {
      const VkSemaphoreGetWin32HandleInfoKHR info = {
         .sType = VK_STRUCTURE_TYPE_SEMAPHORE_GET_WIN32_HANDLE_INFO_KHR,
         .semaphore = object->semaphore,
         .handleType = (VkExternalSemaphoreHandleTypeFlagBits)type,
      };
      return device->GetSemaphoreWin32Handle(device->handle, &info, handle);
   }
}

HANDLE
vkt_export(struct vkt_object *object)
{
   HANDLE handle = NULL;

   REQUIRE_OK(vkt_try_export(object, vkt_handle_type(), &handle));
   REQUIRE(handle != NULL && handle != INVALID_HANDLE_VALUE);
   if (vkt_handle_type() == VKT_OPAQUE_WIN32)
      test_own_handle(handle);
   return handle;
}

void
vkt_close_export(HANDLE handle)
{
   if (vkt_handle_type() == VKT_OPAQUE_WIN32)
      test_close(handle);
}

VkResult
vkt_try_import(struct vkt_object *object, VkFlags type, bool temporary,
               HANDLE handle, const wchar_t *name)
{
   struct vkt_device *device = object->device;

   if (object->kind == VKT_FENCE) {
      const VkImportFenceWin32HandleInfoKHR info = {
         .sType = VK_STRUCTURE_TYPE_IMPORT_FENCE_WIN32_HANDLE_INFO_KHR,
         .fence = object->fence,
         .flags = temporary ? VK_FENCE_IMPORT_TEMPORARY_BIT : 0,
         .handleType = (VkExternalFenceHandleTypeFlagBits)type,
         .handle = handle,
         .name = name,
      };
      return device->ImportFenceWin32Handle(device->handle, &info);
   } else {
      const VkImportSemaphoreWin32HandleInfoKHR info = {
         .sType = VK_STRUCTURE_TYPE_IMPORT_SEMAPHORE_WIN32_HANDLE_INFO_KHR,
         .semaphore = object->semaphore,
         .flags = temporary ? VK_SEMAPHORE_IMPORT_TEMPORARY_BIT : 0,
         .handleType = (VkExternalSemaphoreHandleTypeFlagBits)type,
         .handle = handle,
         .name = name,
      };
      return device->ImportSemaphoreWin32Handle(device->handle, &info);
   }
}

void
vkt_import(struct vkt_object *object, HANDLE handle)
{
   REQUIRE_OK(vkt_try_import(object, vkt_handle_type(), false, handle, NULL));
}

void
vkt_import_temporary(struct vkt_object *object, HANDLE handle)
{
   REQUIRE_OK(vkt_try_import(object, vkt_handle_type(), true, handle, NULL));
}

HANDLE
vkt_number(struct vkt_object *object)
{
   HANDLE number = NULL;

   REQUIRE_OK(vkt_try_export(object, VKT_OPAQUE_WIN32_KMT, &number));
   REQUIRE(number != NULL);
   return number;
}

VkResult
vkt_import_number(struct vkt_object *object, HANDLE number)
{
   return vkt_try_import(object, VKT_OPAQUE_WIN32_KMT, false, number, NULL);
}

VkResult
vkt_import_name(struct vkt_object *object, const wchar_t *name)
{
   return vkt_try_import(object, VKT_OPAQUE_WIN32, false, NULL, name);
}

struct vkt_object *
vkt_alias(struct vkt_device *device, enum vkt_kind kind, HANDLE handle)
{
   struct vkt_object *object = vkt_create(device, kind);

   vkt_import(object, handle);
   return object;
}

struct vkt_object *
vkt_share(struct vkt_object *object, struct vkt_device *device)
{
   return vkt_alias(device, object->kind, vkt_export(object));
}

static uint32_t
fill_points(VkSemaphoreSubmitInfo *infos, const struct vkt_point *points)
{
   uint32_t count = 0;

   for (; count < VKT_MAX_SEMAPHORES && points[count].semaphore; count++) {
      infos[count] = (VkSemaphoreSubmitInfo){
         .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
         .semaphore = points[count].semaphore->semaphore,
         .value = points[count].value,
         .stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
      };
   }
   return count;
}

void
vkt_submit(struct vkt_device *device, const struct vkt_batch *batch,
           struct vkt_object *fence)
{
   VkSemaphoreSubmitInfo waits[VKT_MAX_SEMAPHORES];
   VkSemaphoreSubmitInfo signals[VKT_MAX_SEMAPHORES];
   const VkCommandBufferSubmitInfo commands = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
      .commandBuffer = batch->commands,
   };
   const VkSubmitInfo2 submit = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
      .waitSemaphoreInfoCount = fill_points(waits, batch->waits),
      .pWaitSemaphoreInfos = waits,
      .commandBufferInfoCount = batch->commands ? 1 : 0,
      .pCommandBufferInfos = &commands,
      .signalSemaphoreInfoCount = fill_points(signals, batch->signals),
      .pSignalSemaphoreInfos = signals,
   };

   REQUIRE_OK(vkQueueSubmit2(device->queue, 1, &submit,
                             fence ? fence->fence : VK_NULL_HANDLE));
}

void
vkt_queue_signal(struct vkt_object *object, uint64_t value)
{
   const struct vkt_batch batch = {.signals = {{object, value}}};

   if (object->kind == VKT_FENCE)
      REQUIRE_OK(vkQueueSubmit(object->device->queue, 0, NULL,
                               object->fence));
   else
      vkt_submit(object->device, &batch, NULL);
}

struct vkt_object *
vkt_queue_wait(struct vkt_object *semaphore, uint64_t value)
{
   struct vkt_object *fence = vkt_create(semaphore->device, VKT_FENCE);
   const struct vkt_batch batch = {.waits = {{semaphore, value}}};

   vkt_submit(semaphore->device, &batch, fence);
   return fence;
}

VkResult
vkt_wait_many(struct vkt_object *const *objects, unsigned count,
              uint64_t value, bool all, uint64_t timeout_ms)
{
   VkDevice device = objects[0]->device->handle;
   VkFence fences[VKT_MAX_WAITS];
   VkSemaphore semaphores[VKT_MAX_WAITS];
   uint64_t values[VKT_MAX_WAITS];
   const VkSemaphoreWaitInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
      .flags = all ? 0 : VK_SEMAPHORE_WAIT_ANY_BIT,
      .semaphoreCount = count,
      .pSemaphores = semaphores,
      .pValues = values,
   };

   REQUIRE(count <= VKT_MAX_WAITS && objects[0]->kind != VKT_BINARY);
   for (unsigned i = 0; i < count; i++) {
      fences[i] = objects[i]->fence;
      semaphores[i] = objects[i]->semaphore;
      values[i] = value;
   }
   if (objects[0]->kind == VKT_FENCE)
      return vkWaitForFences(device, count, fences, all,
                             timeout_ms * 1000000);
   return vkWaitSemaphores(device, &info, timeout_ms * 1000000);
}

VkResult
vkt_wait(struct vkt_object *object, uint64_t value, uint64_t timeout_ms)
{
   return vkt_wait_many(&object, 1, value, true, timeout_ms);
}

uint64_t
vkt_value(struct vkt_object *object)
{
   uint64_t value = 0;
   VkResult result;

   if (object->kind == VKT_FENCE) {
      result = vkGetFenceStatus(object->device->handle, object->fence);
      if (result != VK_NOT_READY)
         REQUIRE_OK(result);
      return result == VK_SUCCESS;
   }
   REQUIRE(object->kind == VKT_TIMELINE);
   REQUIRE_OK(vkGetSemaphoreCounterValue(object->device->handle,
                                         object->semaphore, &value));
   return value;
}

void
vkt_host_signal(struct vkt_object *timeline, uint64_t value)
{
   const VkSemaphoreSignalInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
      .semaphore = timeline->semaphore,
      .value = value,
   };

   REQUIRE_OK(vkSignalSemaphore(timeline->device->handle, &info));
}

void
vkt_reset(struct vkt_object *fence)
{
   REQUIRE_OK(vkResetFences(fence->device->handle, 1, &fence->fence));
}

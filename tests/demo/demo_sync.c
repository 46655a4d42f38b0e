/* SPDX-License-Identifier: MIT */

/* The objects that cross between the processes, as NT handles. */
#include "demo_common.h"

VkSemaphore
demo_semaphore_create(struct demo_device *device, bool timeline,
                      bool exportable, bool inheritable)
{
   const SECURITY_ATTRIBUTES attributes = {
      .nLength = sizeof(attributes),
      .bInheritHandle = inheritable,
   };
   const VkExportSemaphoreWin32HandleInfoKHR win32 = {
      .sType = VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_WIN32_HANDLE_INFO_KHR,
      .pAttributes = &attributes,
      .dwAccess = GENERIC_ALL,
   };
   const VkExportSemaphoreCreateInfo export_info = {
      .sType = VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO,
      .pNext = &win32,
      .handleTypes = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT,
   };
   const VkSemaphoreTypeCreateInfo type = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
      .pNext = exportable ? &export_info : NULL,
      .semaphoreType = timeline ? VK_SEMAPHORE_TYPE_TIMELINE
                                : VK_SEMAPHORE_TYPE_BINARY,
   };
   const VkSemaphoreCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
      .pNext = &type,
   };
   VkSemaphore semaphore = VK_NULL_HANDLE;

   demo_check(vkCreateSemaphore(device->handle, &info, NULL, &semaphore),
              "vkCreateSemaphore");
   return semaphore;
}

VkFence
demo_fence_create(struct demo_device *device, const wchar_t *name)
{
   const VkExportFenceWin32HandleInfoKHR win32 = {
      .sType = VK_STRUCTURE_TYPE_EXPORT_FENCE_WIN32_HANDLE_INFO_KHR,
      .dwAccess = GENERIC_ALL,
      .name = name,
   };
   const VkExportFenceCreateInfo export_info = {
      .sType = VK_STRUCTURE_TYPE_EXPORT_FENCE_CREATE_INFO,
      .pNext = &win32,
      .handleTypes = VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_WIN32_BIT,
   };
   const VkFenceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
      .pNext = name ? &export_info : NULL,
   };
   VkFence fence = VK_NULL_HANDLE;

   demo_check(vkCreateFence(device->handle, &info, NULL, &fence),
              "vkCreateFence");
   return fence;
}

HANDLE
demo_semaphore_export(struct demo_device *device, VkSemaphore semaphore)
{
   const VkSemaphoreGetWin32HandleInfoKHR info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_GET_WIN32_HANDLE_INFO_KHR,
      .semaphore = semaphore,
      .handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT,
   };
   HANDLE handle = NULL;

   demo_check(device->GetSemaphoreWin32Handle(device->handle, &info, &handle),
              "vkGetSemaphoreWin32HandleKHR");
   return handle;
}

HANDLE
demo_fence_export(struct demo_device *device, VkFence fence)
{
   const VkFenceGetWin32HandleInfoKHR info = {
      .sType = VK_STRUCTURE_TYPE_FENCE_GET_WIN32_HANDLE_INFO_KHR,
      .fence = fence,
      .handleType = VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_WIN32_BIT,
   };
   HANDLE handle = NULL;

   demo_check(device->GetFenceWin32Handle(device->handle, &info, &handle),
              "vkGetFenceWin32HandleKHR");
   return handle;
}

void
demo_semaphore_import(struct demo_device *device, VkSemaphore semaphore,
                      HANDLE handle)
{
   const VkImportSemaphoreWin32HandleInfoKHR info = {
      .sType = VK_STRUCTURE_TYPE_IMPORT_SEMAPHORE_WIN32_HANDLE_INFO_KHR,
      .semaphore = semaphore,
      .handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT,
      .handle = handle,
   };

   demo_check(device->ImportSemaphoreWin32Handle(device->handle, &info),
              "vkImportSemaphoreWin32HandleKHR");
   /* The import took its own reference. */
   CloseHandle(handle);
}

void
demo_fence_import(struct demo_device *device, VkFence fence,
                  const wchar_t *name)
{
   const VkImportFenceWin32HandleInfoKHR info = {
      .sType = VK_STRUCTURE_TYPE_IMPORT_FENCE_WIN32_HANDLE_INFO_KHR,
      .fence = fence,
      .handleType = VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_WIN32_BIT,
      .name = name,
   };

   demo_check(device->ImportFenceWin32Handle(device->handle, &info),
              "vkImportFenceWin32HandleKHR");
}

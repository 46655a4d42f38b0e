/* SPDX-License-Identifier: MIT */
#include "api.h"

#include "vk_common_entrypoints.h"

VkSemaphore
api_semaphore(struct vk_device *device, bool timeline)
{
   const VkSemaphoreTypeCreateInfo type = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
      .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
   };
   const VkSemaphoreCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
      .pNext = timeline ? &type : NULL,
   };
   VkSemaphore semaphore;

   REQUIRE(vk_common_CreateSemaphore(vk_device_to_handle(device), &info, NULL,
                                     &semaphore) == VK_SUCCESS);
   return semaphore;
}

VkFence
api_fence(struct vk_device *device)
{
   const VkFenceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
   };
   VkFence fence;

   REQUIRE(vk_common_CreateFence(vk_device_to_handle(device), &info, NULL,
                                 &fence) == VK_SUCCESS);
   return fence;
}

void
api_import(struct vk_device *device, VkSemaphore semaphore,
           const struct peer_run *run, const char *name, HANDLE handle)
{
   wchar_t wide[PEER_NAME_SIZE];
   const VkImportSemaphoreWin32HandleInfoKHR info = {
      .sType = VK_STRUCTURE_TYPE_IMPORT_SEMAPHORE_WIN32_HANDLE_INFO_KHR,
      .semaphore = semaphore,
      .handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT,
      .handle = name == NULL ? handle : NULL,
      .name = name != NULL ? wide : NULL,
   };

   if (name != NULL)
      peer_format_name(wide, run, name);
   REQUIRE(vk_common_ImportSemaphoreWin32HandleKHR(
              vk_device_to_handle(device), &info) == VK_SUCCESS);
}

void
api_submit(VkQueue queue, const struct api_batch *batch)
{
   const VkSemaphoreSubmitInfo wait = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
      .semaphore = batch->wait,
      .value = batch->wait_value,
   };
   const VkSemaphoreSubmitInfo signal = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
      .semaphore = batch->signal,
      .value = batch->signal_value,
   };
   const VkSubmitInfo2 submit = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
      .waitSemaphoreInfoCount = batch->wait != VK_NULL_HANDLE,
      .pWaitSemaphoreInfos = &wait,
      .signalSemaphoreInfoCount = batch->signal != VK_NULL_HANDLE,
      .pSignalSemaphoreInfos = &signal,
   };

   REQUIRE(vk_common_QueueSubmit2(queue, 1, &submit, batch->fence) ==
           VK_SUCCESS);
}

VkResult
api_wait_fence(struct vk_device *device, VkFence fence, uint64_t timeout_ns)
{
   return vk_common_WaitForFences(vk_device_to_handle(device), 1, &fence,
                                  VK_TRUE, timeout_ns);
}

VkResult
api_signal(struct vk_device *device, VkSemaphore timeline, uint64_t value)
{
   const VkSemaphoreSignalInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
      .semaphore = timeline,
      .value = value,
   };

   return vk_common_SignalSemaphore(vk_device_to_handle(device), &info);
}

struct vk_sync *
api_semaphore_sync(VkSemaphore semaphore)
{
   return &vk_semaphore_from_handle(semaphore)->permanent;
}

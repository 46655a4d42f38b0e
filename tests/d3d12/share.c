/* SPDX-License-Identifier: MIT */
#include "share.h"

#include <string.h>

struct vkt_device *
share_open(void)
{
   const struct runtime *runtime = runtime_load_any();
   struct vkt_device *device = vkt_open();

   if (!share_query(device, VKT_BINARY, SHARE_D3D12)
           .externalSemaphoreFeatures)
      test_skip("%s has no Direct3D 12 that can share fences",
                runtime->folder);
   return device;
}

VkExternalSemaphoreProperties
share_query(struct vkt_device *device, enum vkt_kind kind, VkFlags type)
{
   const VkSemaphoreTypeCreateInfo type_info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
      .semaphoreType = kind == VKT_TIMELINE ? VK_SEMAPHORE_TYPE_TIMELINE
                                            : VK_SEMAPHORE_TYPE_BINARY,
   };
   const VkPhysicalDeviceExternalSemaphoreInfo info = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_SEMAPHORE_INFO,
      .pNext = &type_info,
      .handleType = (VkExternalSemaphoreHandleTypeFlagBits)type,
   };
   VkExternalSemaphoreProperties properties = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_SEMAPHORE_PROPERTIES,
   };

   vkGetPhysicalDeviceExternalSemaphoreProperties(device->physical, &info,
                                                  &properties);
   return properties;
}

struct vkt_object *
share_create(struct vkt_device *device, enum vkt_kind kind, uint64_t initial)
{
   return vkt_create_info(device, &(struct vkt_object_info){
                                     .kind = kind,
                                     .export_types = SHARE_D3D12,
                                     .initial = initial,
                                  });
}

HANDLE
share_export(struct vkt_object *object)
{
   HANDLE handle = NULL;

   REQUIRE_OK(vkt_try_export(object, SHARE_D3D12, &handle));
   REQUIRE(handle != NULL);
   return test_own_handle(handle);
}

struct vkt_object *
share_import(struct vkt_device *device, enum vkt_kind kind, HANDLE handle)
{
   struct vkt_object *object = vkt_create(device, kind);

   REQUIRE_OK(vkt_try_import(object, SHARE_D3D12, false, handle, NULL));
   return object;
}

ID3D12Fence *
share_fence(struct vkt_object *object)
{
   return runtime_open(runtime_warp(), share_export(object));
}

struct share_pair
share_pair(enum vkt_kind kind, uint64_t value)
{
   struct share_pair pair = {.device = share_open()};
   ID3D12Device *warp = runtime_warp();

   pair.fence = runtime_fence(warp, value, D3D12_FENCE_FLAG_SHARED);
   pair.handle = runtime_share(warp, pair.fence, NULL);
   pair.semaphore = share_import(pair.device, kind, pair.handle);
   return pair;
}

static uint32_t
fill(const struct vkt_point *points, VkSemaphore *semaphores, uint64_t *values)
{
   uint32_t count = 0;

   for (; count < VKT_MAX_SEMAPHORES && points[count].semaphore; count++) {
      semaphores[count] = points[count].semaphore->semaphore;
      values[count] = points[count].value;
   }
   return count;
}

void
share_submit(struct vkt_device *device, const struct vkt_batch *batch,
             struct vkt_object *fence)
{
   VkPipelineStageFlags stages[VKT_MAX_SEMAPHORES];
   VkSemaphore waits[VKT_MAX_SEMAPHORES], signals[VKT_MAX_SEMAPHORES];
   uint64_t wait_values[VKT_MAX_SEMAPHORES];
   uint64_t signal_values[VKT_MAX_SEMAPHORES];
   const uint32_t wait_count = fill(batch->waits, waits, wait_values);
   const uint32_t signal_count = fill(batch->signals, signals, signal_values);
   VkTimelineSemaphoreSubmitInfo timelines = {
      .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
      .waitSemaphoreValueCount = wait_count,
      .pWaitSemaphoreValues = wait_values,
      .signalSemaphoreValueCount = signal_count,
      .pSignalSemaphoreValues = signal_values,
   };
   const VkD3D12FenceSubmitInfoKHR fences = {
      .sType = VK_STRUCTURE_TYPE_D3D12_FENCE_SUBMIT_INFO_KHR,
      .pNext = &timelines,
      .waitSemaphoreValuesCount = wait_count,
      .pWaitSemaphoreValues = wait_count ? wait_values : NULL,
      .signalSemaphoreValuesCount = signal_count,
      .pSignalSemaphoreValues = signal_count ? signal_values : NULL,
   };
   const VkSubmitInfo info = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
      .pNext = &fences,
      .waitSemaphoreCount = wait_count,
      .pWaitSemaphores = waits,
      .pWaitDstStageMask = stages,
      .commandBufferCount = batch->commands ? 1 : 0,
      .pCommandBuffers = &batch->commands,
      .signalSemaphoreCount = signal_count,
      .pSignalSemaphores = signals,
   };

   for (uint32_t i = 0; i < VKT_MAX_SEMAPHORES; i++)
      stages[i] = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
   REQUIRE_OK(vkQueueSubmit(device->queue, 1, &info,
                            fence ? fence->fence : VK_NULL_HANDLE));
}

void
share_queue_signal(struct vkt_object *object, uint64_t value)
{
   const struct vkt_batch batch = {.signals = {{object, value}}};

   share_submit(object->device, &batch, NULL);
}

struct vkt_object *
share_queue_wait(struct vkt_object *object, uint64_t value)
{
   struct vkt_object *fence = vkt_create(object->device, VKT_FENCE);
   const struct vkt_batch batch = {.waits = {{object, value}}};

   share_submit(object->device, &batch, fence);
   return fence;
}

void
share_expect_value(ID3D12Fence *fence, uint64_t value)
{
   HANDLE event = runtime_event_at(fence, value);

   runtime_expect_set(event);
   test_close(event);
   EXPECT_U64(ID3D12Fence_GetCompletedValue(fence), value);
}

void
share_expect_linked(struct vkt_object *object, ID3D12Fence *fence)
{
   const uint64_t value = ID3D12Fence_GetCompletedValue(fence);
   struct vkt_object *done;

   share_queue_signal(object, value + 1);
   share_expect_value(fence, value + 1);

   done = share_queue_wait(object, value + 2);
   EXPECT_U64(vkt_value(done), 0);
   runtime_signal(fence, value + 2);
   vkt_expect_done(done);
   vkt_destroy(done);
}

VkResult
share_try_signal(struct vkt_object *timeline, uint64_t value)
{
   const VkSemaphoreSignalInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
      .semaphore = timeline->semaphore,
      .value = value,
   };

   return vkSignalSemaphore(timeline->device->handle, &info);
}

void
share_expect_message(struct vkt_device *device, const char *text)
{
   char message[512];

   EXPECT_U64(vkt_message_count(device), 1);
   vkt_last_message(device, message, sizeof(message));
   if (strncmp(message, text, strcspn(text, "%")))
      test_fail(false, __FILE__, __LINE__, "\"%s\", not \"%s\"", message, text);
   vkt_clear_messages(device);
}

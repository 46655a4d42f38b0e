/* SPDX-License-Identifier: MIT */

/* Fences, semaphores, batches and buffers. What is left over goes with the
 * case's process.
 */
#include "native.h"

VkFence
fence_create(struct device *device, bool signalled, VkFlags exports)
{
   const VkExportFenceCreateInfo export_info = {
      .sType = VK_STRUCTURE_TYPE_EXPORT_FENCE_CREATE_INFO,
      .handleTypes = exports,
   };
   const VkFenceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
      .pNext = exports ? &export_info : NULL,
      .flags = signalled ? VK_FENCE_CREATE_SIGNALED_BIT : 0,
   };
   VkFence fence = VK_NULL_HANDLE;

   REQUIRE_OK(device->CreateFence(device->handle, &info, NULL, &fence));
   return fence;
}

static VkSemaphore
semaphore_create(struct device *device, VkSemaphoreType type,
                 uint64_t initial, VkFlags exports)
{
   const VkExportSemaphoreCreateInfo export_info = {
      .sType = VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO,
      .handleTypes = exports,
   };
   const VkSemaphoreTypeCreateInfo type_info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
      .pNext = exports ? &export_info : NULL,
      .semaphoreType = type,
      .initialValue = initial,
   };
   const VkSemaphoreCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
      .pNext = &type_info,
   };
   VkSemaphore semaphore = VK_NULL_HANDLE;

   REQUIRE_OK(device->CreateSemaphore(device->handle, &info, NULL,
                                      &semaphore));
   return semaphore;
}

VkSemaphore
binary_create(struct device *device, VkFlags exports)
{
   return semaphore_create(device, VK_SEMAPHORE_TYPE_BINARY, 0, exports);
}

VkSemaphore
timeline_create(struct device *device, uint64_t initial)
{
   return semaphore_create(device, VK_SEMAPHORE_TYPE_TIMELINE, initial, 0);
}

uint64_t
timeline_value(struct device *device, VkSemaphore timeline)
{
   uint64_t value = 0;

   REQUIRE_OK(device->GetSemaphoreCounterValue(device->handle, timeline,
                                               &value));
   return value;
}

void
timeline_signal(struct device *device, VkSemaphore timeline, uint64_t value)
{
   const VkSemaphoreSignalInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
      .semaphore = timeline,
      .value = value,
   };

   REQUIRE_OK(device->SignalSemaphore(device->handle, &info));
}

VkResult
timeline_wait(struct device *device, VkSemaphore timeline, uint64_t value,
              uint64_t timeout_ms)
{
   const VkSemaphoreWaitInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
      .semaphoreCount = 1,
      .pSemaphores = &timeline,
      .pValues = &value,
   };

   return device->WaitSemaphores(device->handle, &info,
                                 timeout_ms * 1000000);
}

VkResult
fence_wait(struct device *device, VkFence fence, uint64_t timeout_ms)
{
   return device->WaitForFences(device->handle, 1, &fence, VK_TRUE,
                                timeout_ms * 1000000);
}

void
submit(struct device *device, unsigned count, const struct batch *batches,
       VkFence fence)
{
   static const VkPipelineStageFlags all = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
   VkTimelineSemaphoreSubmitInfo values[MAX_BATCHES];
   VkSubmitInfo infos[MAX_BATCHES];

   REQUIRE(count <= MAX_BATCHES);
   for (unsigned i = 0; i < count; i++) {
      const struct batch *batch = &batches[i];

      values[i] = (VkTimelineSemaphoreSubmitInfo){
         .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
         .waitSemaphoreValueCount = batch->wait != VK_NULL_HANDLE,
         .pWaitSemaphoreValues = &batch->wait_value,
         .signalSemaphoreValueCount = batch->signal != VK_NULL_HANDLE,
         .pSignalSemaphoreValues = &batch->signal_value,
      };
      infos[i] = (VkSubmitInfo){
         .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
         .pNext = &values[i],
         .waitSemaphoreCount = batch->wait != VK_NULL_HANDLE,
         .pWaitSemaphores = &batch->wait,
         .pWaitDstStageMask = &all,
         .commandBufferCount = batch->commands != NULL,
         .pCommandBuffers = &batch->commands,
         .signalSemaphoreCount = batch->signal != VK_NULL_HANDLE,
         .pSignalSemaphores = &batch->signal,
      };
   }
   REQUIRE_OK(device->QueueSubmit(device->queue, count, infos, fence));
}

void
submit2(struct device *device, unsigned count, const struct batch *batches,
        VkFence fence)
{
   VkSemaphoreSubmitInfo waits[MAX_BATCHES], signals[MAX_BATCHES];
   VkCommandBufferSubmitInfo commands[MAX_BATCHES];
   VkSubmitInfo2 infos[MAX_BATCHES];

   REQUIRE(count <= MAX_BATCHES);
   for (unsigned i = 0; i < count; i++) {
      const struct batch *batch = &batches[i];

      waits[i] = signals[i] = (VkSemaphoreSubmitInfo){
         .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
         .semaphore = batch->wait,
         .value = batch->wait_value,
         .stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
      };
      signals[i].semaphore = batch->signal;
      signals[i].value = batch->signal_value;
      commands[i] = (VkCommandBufferSubmitInfo){
         .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
         .commandBuffer = batch->commands,
      };
      infos[i] = (VkSubmitInfo2){
         .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
         .waitSemaphoreInfoCount = batch->wait != VK_NULL_HANDLE,
         .pWaitSemaphoreInfos = &waits[i],
         .commandBufferInfoCount = batch->commands != NULL,
         .pCommandBufferInfos = &commands[i],
         .signalSemaphoreInfoCount = batch->signal != VK_NULL_HANDLE,
         .pSignalSemaphoreInfos = &signals[i],
      };
   }
   REQUIRE_OK(device->QueueSubmit2(device->queue, count, infos, fence));
}

struct buffer
buffer_create(struct device *device, VkDeviceMemory memory,
              VkFlags handle_types)
{
   const VkExternalMemoryBufferCreateInfo external = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
      .handleTypes = handle_types,
   };
   const VkBufferCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
      .pNext = handle_types ? &external : NULL,
      .size = BUFFER_WORDS * sizeof(uint32_t),
      .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT,
   };
   VkMemoryAllocateInfo allocate = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
   };
   struct buffer buffer = {.memory = memory};
   VkMemoryRequirements requirements;
   void *data;

   REQUIRE_OK(device->CreateBuffer(device->handle, &info, NULL,
                                   &buffer.handle));
   if (!memory) {
      device->GetBufferMemoryRequirements(device->handle, buffer.handle,
                                          &requirements);
      allocate.allocationSize = requirements.size;
      REQUIRE_OK(device->AllocateMemory(device->handle, &allocate, NULL,
                                        &buffer.memory));
   }
   REQUIRE_OK(device->BindBufferMemory(device->handle, buffer.handle,
                                       buffer.memory, 0));
   REQUIRE_OK(device->MapMemory(device->handle, buffer.memory, 0,
                                VK_WHOLE_SIZE, 0, &data));
   buffer.words = data;
   return buffer;
}

VkCommandBuffer
fill_commands(struct device *device, const struct buffer *buffer,
              unsigned first, unsigned count, uint32_t value)
{
   const VkCommandBufferAllocateInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
      .commandPool = device->pool,
      .commandBufferCount = 1,
   };
   const VkCommandBufferBeginInfo begin = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
   };
   VkCommandBuffer commands = NULL;

   REQUIRE_OK(device->AllocateCommandBuffers(device->handle, &info,
                                             &commands));
   REQUIRE_OK(device->BeginCommandBuffer(commands, &begin));
   device->CmdFillBuffer(commands, buffer->handle, first * sizeof(uint32_t),
                         count * sizeof(uint32_t), value);
   REQUIRE_OK(device->EndCommandBuffer(commands));
   return commands;
}

unsigned
count_other(const struct buffer *buffer, unsigned first, unsigned count,
            uint32_t value)
{
   unsigned other = 0;

   for (unsigned i = first; i < first + count; i++)
      other += buffer->words[i] != value;
   return other;
}

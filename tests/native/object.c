/* SPDX-License-Identifier: MIT */

/* Fences, semaphores, batches and buffers. What is left over goes with the
 * case's process.
 */
#include "native.h"

VkSemaphore
timeline_create(struct gpu *gpu, uint64_t initial)
{
   return gpu_semaphore(gpu, VK_SEMAPHORE_TYPE_TIMELINE, initial, 0);
}

uint64_t
timeline_value(struct gpu *gpu, VkSemaphore timeline)
{
   uint64_t value = 0;

   REQUIRE_OK(gpu->GetSemaphoreCounterValue(gpu->device, timeline, &value));
   return value;
}

void
timeline_signal(struct gpu *gpu, VkSemaphore timeline, uint64_t value)
{
   const VkSemaphoreSignalInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
      .semaphore = timeline,
      .value = value,
   };

   REQUIRE_OK(gpu->SignalSemaphore(gpu->device, &info));
}

/* The driver may take this alone for a wait without an end. */
static uint64_t
in_ns(uint64_t ms)
{
   return ms == FOREVER_MS ? UINT64_MAX : ms * 1000000;
}

VkResult
timelines_wait(struct gpu *gpu, unsigned count, const VkSemaphore *timelines,
               uint64_t value, bool all, uint64_t timeout_ms)
{
   uint64_t values[MANY];
   const VkSemaphoreWaitInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
      .flags = all ? 0 : VK_SEMAPHORE_WAIT_ANY_BIT,
      .semaphoreCount = count,
      .pSemaphores = timelines,
      .pValues = values,
   };

   REQUIRE(count <= MANY);
   for (unsigned i = 0; i < count; i++)
      values[i] = value;
   return gpu->WaitSemaphores(gpu->device, &info, in_ns(timeout_ms));
}

VkResult
fences_wait(struct gpu *gpu, unsigned count, const VkFence *fences, bool all,
            uint64_t timeout_ms)
{
   return gpu->WaitForFences(gpu->device, count, fences, all,
                             in_ns(timeout_ms));
}

VkResult
fence_wait(struct gpu *gpu, VkFence fence, uint64_t timeout_ms)
{
   return fences_wait(gpu, 1, &fence, true, timeout_ms);
}

static VkResult
submit1(struct gpu *gpu, unsigned count, const struct batch *batches,
        VkFence fence)
{
   static const VkPipelineStageFlags all = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
   VkTimelineSemaphoreSubmitInfo values[MANY];
   VkSubmitInfo infos[MANY];

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
   return gpu->QueueSubmit(gpu->queue, count, infos, fence);
}

static VkResult
submit2(struct gpu *gpu, unsigned count, const struct batch *batches,
        VkFence fence)
{
   VkSemaphoreSubmitInfo waits[MANY], signals[MANY];
   VkCommandBufferSubmitInfo commands[MANY];
   VkSubmitInfo2 infos[MANY];

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
   return gpu->QueueSubmit2(gpu->queue, count, infos, fence);
}

void
submit(struct gpu *gpu, int version, unsigned count,
       const struct batch *batches, VkFence fence)
{
   REQUIRE(count <= MANY);
   REQUIRE_OK((version == 2 ? submit2 : submit1)(gpu, count, batches, fence));
}

struct gpu_buffer
buffer_create(struct gpu *gpu, VkFlags type, const void *next)
{
   const VkDeviceSize size = BUFFER_WORDS * sizeof(uint32_t);
   struct gpu_buffer buffer = {
      .handle = gpu_create_buffer(gpu, size, VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                                  type),
      .memory = gpu_allocate(gpu, size, next),
   };

   REQUIRE_OK(gpu->BindBufferMemory(gpu->device, buffer.handle, buffer.memory,
                                    0));
   buffer.map = gpu_map(gpu, buffer.memory);
   return buffer;
}

VkCommandBuffer
fill_commands(struct gpu *gpu, const struct gpu_buffer *buffer, unsigned first,
              unsigned count, uint32_t value)
{
   VkCommandBuffer commands = gpu_begin(gpu, 0);

   gpu->CmdFillBuffer(commands, buffer->handle, first * sizeof(uint32_t),
                      count * sizeof(uint32_t), value);
   gpu_end(gpu, commands);
   return commands;
}

unsigned
count_other(const struct gpu_buffer *buffer, unsigned first, unsigned count,
            uint32_t value)
{
   const uint32_t *words = buffer->map;
   unsigned other = 0;

   for (unsigned i = first; i < first + count; i++)
      other += words[i] != value;
   return other;
}

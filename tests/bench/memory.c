/* SPDX-License-Identifier: MIT */

/* The bandwidth of exported memory, beside that of private memory */
#include "icd.h"

#define ROUNDS 1001
#define BYTES (UINT64_C(4) << 20)
#define REPEATS 2

#define OPAQUE_WIN32 VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_WIN32_BIT

static struct bench_icd icd;

static const VkExportMemoryAllocateInfo export_info = {
   .sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
   .handleTypes = OPAQUE_WIN32,
};

/* Two buffers in memory of one kind, and what is done with them */
struct buffers {
   struct gpu_buffer buffers[2];
   VkCommandBuffer fill, copy, *commands;
   VkFence fence;
};

static VkCommandBuffer
record(struct buffers *b, bool copy)
{
   const struct gpu *gpu = &icd.gpu;
   const VkBufferCopy all = {.size = BYTES};
   VkCommandBuffer commands = gpu_begin(gpu, 0);

   for (uint32_t i = 0; i < REPEATS; i++) {
      if (copy)
         gpu->CmdCopyBuffer(commands, b->buffers[i % 2].handle,
                            b->buffers[!(i % 2)].handle, 1, &all);
      else
         gpu->CmdFillBuffer(commands, b->buffers[i % 2].handle, 0, BYTES, i);
   }
   gpu_end(gpu, commands);
   return commands;
}

static void
create_buffers(struct buffers *b, bool exported)
{
   const struct gpu *gpu = &icd.gpu;
   VkMemoryRequirements needed;

   for (uint32_t i = 0; i < 2; i++) {
      struct gpu_buffer *buffer = &b->buffers[i];

      buffer->handle = gpu_create_buffer(gpu, BYTES,
                                         VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                                            VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                                         exported ? OPAQUE_WIN32 : 0);
      gpu->GetBufferMemoryRequirements(gpu->device, buffer->handle, &needed);
      buffer->memory = gpu_allocate(gpu, needed.size,
                                    exported ? &export_info : NULL);
      REQUIRE(gpu->BindBufferMemory(gpu->device, buffer->handle,
                                    buffer->memory, 0) == VK_SUCCESS);
   }
   b->fill = record(b, false);
   b->copy = record(b, true);
   b->fence = gpu_fence(gpu, 0, 0);
}

static void
destroy_buffers(struct buffers *b)
{
   icd.gpu.DestroyFence(icd.gpu.device, b->fence, NULL);
   for (uint32_t i = 0; i < 2; i++)
      gpu_destroy_buffer(&icd.gpu, &b->buffers[i]);
}

static double
bandwidth_round(void *data)
{
   const struct gpu *gpu = &icd.gpu;
   struct buffers *b = data;
   const VkSubmitInfo submit = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
      .commandBufferCount = 1,
      .pCommandBuffers = b->commands,
   };
   bool good = true;

   const double start = bench_now_ns();
   good &= gpu->QueueSubmit(gpu->queue, 1, &submit, b->fence) == VK_SUCCESS;
   good &= gpu->WaitForFences(gpu->device, 1, &b->fence, VK_TRUE, UINT64_MAX) ==
           VK_SUCCESS;
   const double end = bench_now_ns();

   REQUIRE(good);
   REQUIRE(gpu->ResetFences(gpu->device, 1, &b->fence) == VK_SUCCESS);
   /* Bytes a nanosecond */
   return (double)(REPEATS * BYTES) / (end - start);
}

static void
bandwidth(const struct bench_case *c)
{
   struct buffers exported, private_ones;

   bench_icd_open(&icd, BENCH_OURS, true);
   create_buffers(&exported, true);
   create_buffers(&private_ones, false);

   for (unsigned copy = 0; copy < 2; copy++) {
      exported.commands = copy ? &exported.copy : &exported.fill;
      private_ones.commands = copy ? &private_ones.copy : &private_ones.fill;
      bench_report(c, copy ? "copy" : "fill",
                   bench_alternate(ROUNDS, bandwidth_round,
                                   &exported, &private_ones),
                   "GB/s", BENCH_RATIO_AT_LEAST, 0.98);
   }

   destroy_buffers(&exported);
   destroy_buffers(&private_ones);
   bench_icd_close(&icd);
}

const struct bench_case bench_memory_cases[] = {
   {"memory-exported", NULL, bandwidth},
   {0},
};

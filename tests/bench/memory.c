/* SPDX-License-Identifier: MIT */

/* The bandwidth of exported memory, beside that of private memory */
#include "icd.h"
#include "unused.h"

#define ROUNDS 1001
#define BYTES (UINT64_C(4) << 20)
#define REPEATS 2

#define OPAQUE_WIN32 VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_WIN32_BIT

static struct bench_icd icd;

/* Two buffers in memory of one kind, and what is done with them */
struct contender {
   struct gpu_buffer buffers[2];
   VkCommandBuffer commands;
   VkFence fence;
};

static void
record(struct contender *c, bool copy)
{
   const struct gpu *gpu = &icd.gpu;
   const VkBufferCopy all = {.size = BYTES};

   c->commands = gpu_begin(gpu, 0);
   for (uint32_t i = 0; i < REPEATS; i++) {
      if (copy)
         gpu->CmdCopyBuffer(c->commands, c->buffers[i % 2].handle,
                            c->buffers[!(i % 2)].handle, 1, &all);
      else
         gpu->CmdFillBuffer(c->commands, c->buffers[i % 2].handle, 0, BYTES,
                            i);
   }
   gpu_end(gpu, c->commands);
}

static void
create(struct contender *c, VkFlags types)
{
   const struct gpu *gpu = &icd.gpu;
   const VkExportMemoryAllocateInfo export_info = {
      .sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
      .handleTypes = types,
   };
   VkMemoryRequirements needed;

   for (uint32_t i = 0; i < 2; i++) {
      struct gpu_buffer *buffer = &c->buffers[i];

      buffer->handle = gpu_create_buffer(gpu, BYTES,
                                         VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                                            VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                                         types);
      gpu->GetBufferMemoryRequirements(gpu->device, buffer->handle, &needed);
      buffer->memory = gpu_allocate(gpu, needed.size,
                                    types ? &export_info : NULL);
      REQUIRE(gpu->BindBufferMemory(gpu->device, buffer->handle,
                                    buffer->memory, 0) == VK_SUCCESS);
   }
   c->fence = gpu_fence(gpu, 0, 0);
}

static void
destroy(struct contender *c)
{
   icd.gpu.DestroyFence(icd.gpu.device, c->fence, NULL);
   for (uint32_t i = 0; i < 2; i++)
      gpu_destroy_buffer(&icd.gpu, &c->buffers[i]);
}

static double
bandwidth_round(void *data)
{
   const struct gpu *gpu = &icd.gpu;
   struct contender *c = data;
   const VkSubmitInfo submit = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
      .commandBufferCount = 1,
      .pCommandBuffers = &c->commands,
   };
   bool good = true;

   const double start = bench_now_ns();
   good &= gpu->QueueSubmit(gpu->queue, 1, &submit, c->fence) == VK_SUCCESS;
   good &= gpu->WaitForFences(gpu->device, 1, &c->fence, VK_TRUE, UINT64_MAX) ==
           VK_SUCCESS;
   const double end = bench_now_ns();

   REQUIRE(good);
   REQUIRE(gpu->ResetFences(gpu->device, 1, &c->fence) == VK_SUCCESS);
   /* Bytes a nanosecond */
   return (double)(REPEATS * BYTES) / (end - start);
}

static void
bandwidth(UNUSED intptr_t arg)
{
   struct contender exported, private_ones;

   bench_icd_open(&icd, BENCH_OURS, true);
   create(&exported, OPAQUE_WIN32);
   create(&private_ones, 0);

   for (unsigned copy = 0; copy < 2; copy++) {
      record(&exported, copy);
      record(&private_ones, copy);
      bench_report(copy ? "copy" : "fill",
                   bench_alternate(ROUNDS, bandwidth_round,
                                   &exported, &private_ones),
                   "GB/s", BENCH_RATIO_AT_LEAST, 0.98);
   }

   destroy(&exported);
   destroy(&private_ones);
   bench_icd_close(&icd);
}

const struct test_case test_cases[] = {
   {"memory-exported", bandwidth, 0, BENCH_SECONDS},
   {0},
};

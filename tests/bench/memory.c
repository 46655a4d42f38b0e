/* SPDX-License-Identifier: MIT */

/* Exported memory beside private memory, and beside a section by hand. */
#include "icd.h"

#define ROUNDS 101
#define BANDWIDTH_ROUNDS 1001
#define BYTES (UINT64_C(4) << 20)
#define REPEATS 2

#define OPAQUE_WIN32 VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_WIN32_BIT

static struct bench_icd icd;

static const VkExportMemoryAllocateInfo export_info = {
   .sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
   .handleTypes = OPAQUE_WIN32,
};

/* Bandwidth -------------------------------------------------------------- */

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
                   bench_alternate(BANDWIDTH_ROUNDS, bandwidth_round,
                                   &exported, &private_ones),
                   "GB/s", BENCH_RATIO_AT_LEAST, 0.98);
   }

   destroy_buffers(&exported);
   destroy_buffers(&private_ones);
   bench_icd_close(&icd);
}

/* Allocating for export, importing, and freeing both --------------------- */

#define SHARE_SIZE 65536u
#define SHARES 100

static PFN_vkGetMemoryWin32HandleKHR get_handle;

static bool
share_memory(void)
{
   const struct gpu *gpu = &icd.gpu;
   const VkMemoryGetWin32HandleInfoKHR info = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_GET_WIN32_HANDLE_INFO_KHR,
      .memory = gpu_allocate(gpu, SHARE_SIZE, &export_info),
      .handleType = OPAQUE_WIN32,
   };
   VkImportMemoryWin32HandleInfoKHR import = {
      .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_WIN32_HANDLE_INFO_KHR,
      .handleType = OPAQUE_WIN32,
   };
   const bool good = get_handle(gpu->device, &info, &import.handle) ==
                     VK_SUCCESS;

   gpu->FreeMemory(gpu->device, gpu_allocate(gpu, SHARE_SIZE, &import), NULL);
   gpu->FreeMemory(gpu->device, info.memory, NULL);
   return good && CloseHandle(import.handle);
}

/* What two processes do without a driver: nobody checks what it is. */
static bool
share_section(void)
{
   HANDLE self = GetCurrentProcess();
   HANDLE section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL,
                                       PAGE_READWRITE, 0, SHARE_SIZE, NULL);
   HANDLE handle = NULL;

   void *view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, SHARE_SIZE);
   bool good = view != NULL &&
               DuplicateHandle(self, section, self, &handle, 0, FALSE,
                               DUPLICATE_SAME_ACCESS);
   void *other = MapViewOfFile(handle, FILE_MAP_WRITE, 0, 0, SHARE_SIZE);

   good = good && other != NULL && UnmapViewOfFile(other) &&
          UnmapViewOfFile(view);
   return good && CloseHandle(handle) && CloseHandle(section);
}

static double
share_round(void *data)
{
   bool (*share)(void) = *(bool (**)(void))data;
   bool good = true;

   const double start = bench_now_ns();
   for (unsigned i = 0; i < SHARES; i++)
      good &= share();
   const double end = bench_now_ns();

   REQUIRE(good);
   return (end - start) / SHARES / 1e3;
}

static void
share(const struct bench_case *c)
{
   bool (*ours)(void) = share_memory, (*raw)(void) = share_section;

   bench_icd_open(&icd, BENCH_OURS, true);
   get_handle = (PFN_vkGetMemoryWin32HandleKHR)icd.gpu.GetDeviceProcAddr(
      icd.gpu.device, "vkGetMemoryWin32HandleKHR");
   REQUIRE(get_handle != NULL);
   bench_report(c, NULL, bench_alternate(ROUNDS, share_round, &ours, &raw),
                "us", BENCH_NO_LIMIT, 0.0);
   bench_icd_close(&icd);
}

const struct bench_case bench_memory_cases[] = {
   {"memory-exported", NULL, bandwidth},
   {"memory-export-import-free", NULL, share},
   {0},
};

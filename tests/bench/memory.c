/* SPDX-License-Identifier: MIT */

/* Exported memory beside private memory, and beside a section by hand. */
#include "icd.h"

#define ROUNDS 101
#define BANDWIDTH_ROUNDS 1001
#define BYTES (UINT64_C(4) << 20)
#define REPEATS 2

#define OPAQUE_WIN32 VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_WIN32_BIT

static struct bench_icd icd;

static VkResult
allocate(VkDeviceSize size, bool exported, HANDLE imported,
         VkDeviceMemory *memory)
{
   const VkExportMemoryAllocateInfo export = {
      .sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
      .handleTypes = OPAQUE_WIN32,
   };
   const VkImportMemoryWin32HandleInfoKHR import = {
      .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_WIN32_HANDLE_INFO_KHR,
      .handleType = OPAQUE_WIN32,
      .handle = imported,
   };
   const VkMemoryAllocateInfo info = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
      .pNext = imported != NULL ? (const void *)&import :
               exported ? &export : NULL,
      .allocationSize = size,
   };

   return icd.AllocateMemory(icd.device, &info, NULL, memory);
}

/* Bandwidth -------------------------------------------------------------- */

/* Two buffers in memory of one kind, and what is done with them */
struct buffers {
   VkBuffer buffers[2];
   VkDeviceMemory memory[2];
   VkCommandPool pool;
   VkCommandBuffer fill, copy, *commands;
   VkFence fence;
};

static VkCommandBuffer
record(struct buffers *b, bool copy)
{
   const VkCommandBufferAllocateInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
      .commandPool = b->pool,
      .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
      .commandBufferCount = 1,
   };
   const VkCommandBufferBeginInfo begin = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
   };
   const VkBufferCopy all = {.size = BYTES};
   VkCommandBuffer commands;

   BENCH_REQUIRE(icd.AllocateCommandBuffers(icd.device, &info, &commands) ==
                 VK_SUCCESS);
   BENCH_REQUIRE(icd.BeginCommandBuffer(commands, &begin) == VK_SUCCESS);
   for (uint32_t i = 0; i < REPEATS; i++) {
      if (copy)
         icd.CmdCopyBuffer(commands, b->buffers[i % 2], b->buffers[!(i % 2)],
                           1, &all);
      else
         icd.CmdFillBuffer(commands, b->buffers[i % 2], 0, BYTES, i);
   }
   BENCH_REQUIRE(icd.EndCommandBuffer(commands) == VK_SUCCESS);
   return commands;
}

static void
create_buffers(struct buffers *b, bool exported)
{
   const VkExternalMemoryBufferCreateInfo external = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
      .handleTypes = OPAQUE_WIN32,
   };
   const VkBufferCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
      .pNext = exported ? &external : NULL,
      .size = BYTES,
      .usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
               VK_BUFFER_USAGE_TRANSFER_DST_BIT,
   };
   const VkCommandPoolCreateInfo pool = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
   };
   VkMemoryRequirements requirements;

   BENCH_REQUIRE(icd.CreateCommandPool(icd.device, &pool, NULL, &b->pool) ==
                 VK_SUCCESS);
   for (uint32_t i = 0; i < 2; i++) {
      BENCH_REQUIRE(icd.CreateBuffer(icd.device, &info, NULL,
                                     &b->buffers[i]) == VK_SUCCESS);
      icd.GetBufferMemoryRequirements(icd.device, b->buffers[i],
                                      &requirements);
      BENCH_REQUIRE(allocate(requirements.size, exported, NULL,
                             &b->memory[i]) == VK_SUCCESS);
      BENCH_REQUIRE(icd.BindBufferMemory(icd.device, b->buffers[i],
                                         b->memory[i], 0) == VK_SUCCESS);
   }
   b->fill = record(b, false);
   b->copy = record(b, true);
   b->fence = bench_icd_fence(&icd);
}

static void
destroy_buffers(struct buffers *b)
{
   icd.DestroyFence(icd.device, b->fence, NULL);
   icd.DestroyCommandPool(icd.device, b->pool, NULL);
   for (uint32_t i = 0; i < 2; i++) {
      icd.DestroyBuffer(icd.device, b->buffers[i], NULL);
      icd.FreeMemory(icd.device, b->memory[i], NULL);
   }
}

static double
bandwidth_round(void *data)
{
   struct buffers *b = data;
   const VkSubmitInfo submit = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
      .commandBufferCount = 1,
      .pCommandBuffers = b->commands,
   };
   bool good = true;

   const double start = bench_now_ns();
   good &= icd.QueueSubmit(icd.queue, 1, &submit, b->fence) == VK_SUCCESS;
   good &= icd.WaitForFences(icd.device, 1, &b->fence, VK_TRUE, UINT64_MAX) ==
           VK_SUCCESS;
   const double end = bench_now_ns();

   BENCH_REQUIRE(good);
   BENCH_REQUIRE(icd.ResetFences(icd.device, 1, &b->fence) == VK_SUCCESS);
   /* Bytes a nanosecond */
   return (double)(REPEATS * BYTES) / (end - start);
}

static void
bandwidth(const struct bench_case *c)
{
   struct buffers exported, private_ones;

   bench_icd_open(&icd, bench_driver_path[BENCH_OURS], true);
   create_buffers(&exported, true);
   create_buffers(&private_ones, false);

   exported.commands = &exported.fill;
   private_ones.commands = &private_ones.fill;
   bench_report(c, "fill",
                bench_alternate(BANDWIDTH_ROUNDS, bandwidth_round, &exported,
                                &private_ones),
                "GB/s", BENCH_RATIO_AT_LEAST, 0.98);

   exported.commands = &exported.copy;
   private_ones.commands = &private_ones.copy;
   bench_report(c, "copy",
                bench_alternate(BANDWIDTH_ROUNDS, bandwidth_round, &exported,
                                &private_ones),
                "GB/s", BENCH_RATIO_AT_LEAST, 0.98);

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
   VkMemoryGetWin32HandleInfoKHR info = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_GET_WIN32_HANDLE_INFO_KHR,
      .handleType = OPAQUE_WIN32,
   };
   VkDeviceMemory memory, imported;
   HANDLE handle;

   bool good = allocate(SHARE_SIZE, true, NULL, &memory) == VK_SUCCESS;
   info.memory = memory;
   good = good && get_handle(icd.device, &info, &handle) == VK_SUCCESS &&
          allocate(SHARE_SIZE, false, handle, &imported) == VK_SUCCESS &&
          CloseHandle(handle);
   if (good) {
      icd.FreeMemory(icd.device, imported, NULL);
      icd.FreeMemory(icd.device, memory, NULL);
   }
   return good;
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

   BENCH_REQUIRE(good);
   return (end - start) / SHARES / 1e3;
}

static void
share(const struct bench_case *c)
{
   bool (*ours)(void) = share_memory, (*raw)(void) = share_section;

   bench_icd_open(&icd, bench_driver_path[BENCH_OURS], true);
   get_handle = (PFN_vkGetMemoryWin32HandleKHR)icd.GetDeviceProcAddr(
      icd.device, "vkGetMemoryWin32HandleKHR");
   BENCH_REQUIRE(get_handle != NULL);
   bench_report(c, NULL, bench_alternate(ROUNDS, share_round, &ours, &raw),
                "us", BENCH_NO_LIMIT, 0.0);
   bench_icd_close(&icd);
}

static const struct bench_case cases[] = {
   {"memory-exported", NULL, bandwidth},
   {"memory-export-import-free", NULL, share},
   {0},
};

const struct bench_suite bench_memory_suite = {cases, NULL};

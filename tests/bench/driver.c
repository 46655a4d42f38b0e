/* SPDX-License-Identifier: MIT */

/* The whole driver and the unpatched one, in turn. */
#include "bench.h"
#include "gpu.h"
#include "unused.h"

#include <stdlib.h>

#include <tlhelp32.h>

#include "frame_frag.h"
#include "frame_vert.h"

/* A driver used directly, as two of them in one process have to be: the loader
 * would choose for both
 */
struct icd {
   HMODULE module;
   struct gpu gpu;
};

typedef void (*any_proc)(void);
typedef VkResult (VKAPI_PTR *negotiate_func)(uint32_t *version);

static void
on_failure(const char *file, int line, const char *call, VkResult result)
{
   test_fail(true, file, line, "%s gave VkResult %d", call, (int)result);
}

/* Where the drivers are is in the environment.  Those of us that are to export
 * enable the extensions that only we have.
 */
static void
icd_open(struct icd *icd, enum bench_side side, bool exports)
{
   static const char *const extensions[] = {
      VK_KHR_EXTERNAL_FENCE_WIN32_EXTENSION_NAME,
      VK_KHR_EXTERNAL_MEMORY_WIN32_EXTENSION_NAME,
      VK_KHR_EXTERNAL_SEMAPHORE_WIN32_EXTENSION_NAME,
   };
   const char *dll = getenv(side == BENCH_OURS ? "LVP_SYNC_OURS"
                                               : "LVP_SYNC_UPSTREAM");
   uint32_t version = 5;

   REQUIRE(dll != NULL);
   *icd = (struct icd) {.gpu.fail = on_failure};
   icd->module = LoadLibraryA(dll);
   if (icd->module == NULL)
      test_fail(true, __FILE__, __LINE__, "cannot load %s: error %lu", dll,
                (unsigned long)GetLastError());

   negotiate_func negotiate = (negotiate_func)(any_proc)
      GetProcAddress(icd->module, "vk_icdNegotiateLoaderICDInterfaceVersion");
   icd->gpu.GetInstanceProcAddr = (PFN_vkGetInstanceProcAddr)(any_proc)
      GetProcAddress(icd->module, "vk_icdGetInstanceProcAddr");
   REQUIRE(negotiate != NULL && icd->gpu.GetInstanceProcAddr != NULL);
   REQUIRE(negotiate(&version) == VK_SUCCESS);
   gpu_open_instance(&icd->gpu);
   gpu_open(&icd->gpu, extensions, exports ? TEST_COUNT(extensions) : 0);
}

static void
icd_close(struct icd *icd)
{
   PFN_vkDestroyInstance destroy = (PFN_vkDestroyInstance)
      icd->gpu.GetInstanceProcAddr(icd->gpu.instance, "vkDestroyInstance");

   icd->gpu.DeviceWaitIdle(icd->gpu.device);
   gpu_close(&icd->gpu);
   destroy(icd->gpu.instance, NULL);
   FreeLibrary(icd->module);
}

/* Queues ------------------------------------------------------------------- */

struct contender {
   struct icd icd;
   VkFence fence;
   VkSemaphore semaphore;

   /* Rendering of a frame that takes the rasterizer a while */
   struct gpu_image image;
   struct gpu_layout layout;
   VkPipeline pipeline;
   VkCommandBuffer commands;
   uint64_t frames;
};

static struct contender contenders[2];

/* With exports, our fence and semaphore are exported ones, against the private
 * ones that there are without us.
 */
static void
open_drivers(VkSemaphoreType type, bool exports)
{
   for (unsigned i = 0; i < 2; i++) {
      const bool exported = exports && i == BENCH_OURS;
      /* The same bit for both */
      const VkFlags types =
         exported ? VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_WIN32_BIT : 0;
      struct contender *c = &contenders[i];

      icd_open(&c->icd, i, exported);
      c->fence = gpu_fence(&c->icd.gpu, 0, types);
      c->semaphore = gpu_semaphore(&c->icd.gpu, type, 0, types);
   }
}

static void
close_drivers(void)
{
   for (unsigned i = 0; i < 2; i++) {
      struct contender *c = &contenders[i];
      const struct gpu *gpu = &c->icd.gpu;

      gpu->DeviceWaitIdle(gpu->device);
      gpu->DestroyFence(gpu->device, c->fence, NULL);
      gpu->DestroySemaphore(gpu->device, c->semaphore, NULL);
      gpu->DestroyPipeline(gpu->device, c->pipeline, NULL);
      gpu_destroy_layout(gpu, &c->layout);
      gpu_destroy_image(gpu, &c->image);
      icd_close(&c->icd);
   }
}

static void
report(const char *detail, uint32_t rounds, bench_round_func run,
       const char *unit, enum bench_limit limit)
{
   bench_report(detail,
                bench_alternate(rounds, run, &contenders[BENCH_OURS],
                                &contenders[BENCH_COMPARATOR]),
                unit, limit, 1.0);
}

/* Say on which processors this thread and all others of the process run: where
 * a scheduler puts threads that wake each other differs from run to run, and
 * the rate by several times.  The masks are those of Windows.
 */
static void
pin(DWORD_PTR self, DWORD_PTR others)
{
   HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
   THREADENTRY32 entry = {.dwSize = sizeof(entry)};

   REQUIRE(snapshot != INVALID_HANDLE_VALUE);
   for (BOOL more = Thread32First(snapshot, &entry); more;
        more = Thread32Next(snapshot, &entry)) {
      if (entry.th32OwnerProcessID != GetCurrentProcessId())
         continue;

      HANDLE thread = OpenThread(THREAD_SET_INFORMATION |
                                 THREAD_QUERY_INFORMATION, FALSE,
                                 entry.th32ThreadID);
      if (thread != NULL) {
         SetThreadAffinityMask(
            thread, entry.th32ThreadID == GetCurrentThreadId() ? self :
                                                                 others);
         CloseHandle(thread);
      }
   }
   CloseHandle(snapshot);
}

#define SUBMIT_ROUNDS 101
#define SUBMITS 200

static bool
submit(const struct contender *c, const VkSubmitInfo *info, VkFence fence)
{
   const struct gpu *gpu = &c->icd.gpu;

   return gpu->QueueSubmit(gpu->queue, 1, info, fence) == VK_SUCCESS;
}

static bool
submit_nothing(const struct contender *c)
{
   const VkSubmitInfo empty = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO};

   return submit(c, &empty, c->fence);
}

/* A signal of the semaphore and a wait for it that signals the fence */
static bool
submit_pair(const struct contender *c)
{
   const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
   const VkSubmitInfo signal = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
      .signalSemaphoreCount = 1,
      .pSignalSemaphores = &c->semaphore,
   };
   const VkSubmitInfo wait = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
      .waitSemaphoreCount = 1,
      .pWaitSemaphores = &c->semaphore,
      .pWaitDstStageMask = &stage,
   };

   return submit(c, &signal, VK_NULL_HANDLE) && submit(c, &wait, c->fence);
}

static double
submit_round(const struct contender *c,
             bool (*submit_some)(const struct contender *c))
{
   const struct gpu *gpu = &c->icd.gpu;
   bool good = true;

   const double start = bench_now_ns();
   for (unsigned i = 0; i < SUBMITS; i++) {
      good &= submit_some(c);
      good &= gpu->WaitForFences(gpu->device, 1, &c->fence, VK_TRUE,
                                 UINT64_MAX) == VK_SUCCESS;
      good &= gpu->ResetFences(gpu->device, 1, &c->fence) == VK_SUCCESS;
   }
   const double end = bench_now_ns();

   REQUIRE(good);
   return SUBMITS * 1e9 / (end - start);
}

static double
nothing_round(void *data)
{
   return submit_round(data, submit_nothing);
}

static double
pair_round(void *data)
{
   return submit_round(data, submit_pair);
}

static void
queue_submit(UNUSED intptr_t arg)
{
   open_drivers(VK_SEMAPHORE_TYPE_BINARY, false);
   /* Between processors it is the time that waking takes that counts, on one
    * of them the work that is done.
    */
   pin(1, 2);
   report(NULL, SUBMIT_ROUNDS, nothing_round, "rounds/s",
          BENCH_RATIO_AT_LEAST);
   pin(1, 1);
   report("one-processor", SUBMIT_ROUNDS, nothing_round, "rounds/s",
          BENCH_RATIO_AT_LEAST);
   close_drivers();
}

static void
queue_submit_exported(UNUSED intptr_t arg)
{
   bench_use_parker("keyed");
   open_drivers(VK_SEMAPHORE_TYPE_BINARY, true);
   pin(1, 2);
   report(NULL, SUBMIT_ROUNDS, pair_round, "rounds/s", BENCH_RATIO_AT_LEAST);
   close_drivers();
}

#define DRAW_ROUNDS 301
#define FRAMES 64
#define IN_FLIGHT 16
#define SIZE 64

static void
record_frame(struct contender *c)
{
   const struct gpu *gpu = &c->icd.gpu;
   const struct gpu_image_info info = {
      .format = VK_FORMAT_R8G8B8A8_UNORM,
      .width = SIZE,
      .height = SIZE,
      .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT,
   };

   c->image = gpu_image(gpu, &info);
   gpu_create_layout(gpu, &c->layout, 0);
   c->pipeline = gpu_create_graphics(gpu, &c->layout, GPU_SHADER(frame_vert),
                                     GPU_SHADER(frame_frag), &info);
   c->commands = gpu_begin(gpu, VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT);
   gpu_barrier(gpu, c->commands, c->image.handle, VK_IMAGE_ASPECT_COLOR_BIT,
               GPU_DISCARD);
   gpu_bind(gpu, c->commands, VK_PIPELINE_BIND_POINT_GRAPHICS, c->pipeline,
            &c->layout, VK_NULL_HANDLE, NULL);
   gpu_cover(gpu, c->commands, c->image.view, &info);
   gpu_end(gpu, c->commands);
}

static bool
wait_for_frame(const struct contender *c, uint64_t frame)
{
   const struct gpu *gpu = &c->icd.gpu;
   const VkSemaphoreWaitInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
      .semaphoreCount = 1,
      .pSemaphores = &c->semaphore,
      .pValues = &frame,
   };

   return gpu->WaitSemaphores(gpu->device, &info, UINT64_MAX) == VK_SUCCESS;
}

static bool
submit_frame(const struct contender *c, uint64_t frame)
{
   const VkTimelineSemaphoreSubmitInfo timeline = {
      .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
      .signalSemaphoreValueCount = 1,
      .pSignalSemaphoreValues = &frame,
   };
   const VkSubmitInfo info = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
      .pNext = &timeline,
      .commandBufferCount = 1,
      .pCommandBuffers = &c->commands,
      .signalSemaphoreCount = 1,
      .pSignalSemaphores = &c->semaphore,
   };

   return submit(c, &info, VK_NULL_HANDLE);
}

static double
draw_round(void *data)
{
   struct contender *c = data;
   bool good = true;

   const double start = bench_now_ns();
   for (unsigned i = 0; i < FRAMES; i++) {
      good &= submit_frame(c, ++c->frames);
      if (c->frames > IN_FLIGHT)
         good &= wait_for_frame(c, c->frames - IN_FLIGHT);
   }
   good &= wait_for_frame(c, c->frames);
   const double end = bench_now_ns();

   REQUIRE(good);
   return FRAMES * 1e9 / (end - start);
}

static void
draw(UNUSED intptr_t arg)
{
   open_drivers(VK_SEMAPHORE_TYPE_TIMELINE, false);
   for (unsigned i = 0; i < 2; i++)
      record_frame(&contenders[i]);
   report(NULL, DRAW_ROUNDS, draw_round, "frames/s", BENCH_NO_LESS);
   close_drivers();
}

/* The bandwidth of exported memory, beside that of private memory ---------- */

#define MEMORY_ROUNDS 1001
#define BYTES (UINT64_C(4) << 20)
#define REPEATS 2

#define OPAQUE_WIN32 VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_WIN32_BIT

static struct icd memory_icd;

/* Two buffers in memory of one kind, and what is done with them */
struct buffers {
   struct gpu_buffer buffers[2];
   VkCommandBuffer commands;
   VkFence fence;
};

static void
record_transfer(struct buffers *b, bool copy)
{
   const struct gpu *gpu = &memory_icd.gpu;
   const VkBufferCopy all = {.size = BYTES};

   b->commands = gpu_begin(gpu, 0);
   for (uint32_t i = 0; i < REPEATS; i++) {
      if (copy)
         gpu->CmdCopyBuffer(b->commands, b->buffers[i % 2].handle,
                            b->buffers[!(i % 2)].handle, 1, &all);
      else
         gpu->CmdFillBuffer(b->commands, b->buffers[i % 2].handle, 0, BYTES,
                            i);
   }
   gpu_end(gpu, b->commands);
}

static void
create_buffers(struct buffers *b, VkFlags types)
{
   const struct gpu *gpu = &memory_icd.gpu;
   const VkExportMemoryAllocateInfo export_info = {
      .sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
      .handleTypes = types,
   };
   VkMemoryRequirements needed;

   for (uint32_t i = 0; i < 2; i++) {
      struct gpu_buffer *buffer = &b->buffers[i];

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
   b->fence = gpu_fence(gpu, 0, 0);
}

static void
destroy_buffers(struct buffers *b)
{
   memory_icd.gpu.DestroyFence(memory_icd.gpu.device, b->fence, NULL);
   for (uint32_t i = 0; i < 2; i++)
      gpu_destroy_buffer(&memory_icd.gpu, &b->buffers[i]);
}

static double
bandwidth_round(void *data)
{
   const struct gpu *gpu = &memory_icd.gpu;
   struct buffers *b = data;
   const VkSubmitInfo info = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
      .commandBufferCount = 1,
      .pCommandBuffers = &b->commands,
   };
   bool good = true;

   const double start = bench_now_ns();
   good &= gpu->QueueSubmit(gpu->queue, 1, &info, b->fence) == VK_SUCCESS;
   good &= gpu->WaitForFences(gpu->device, 1, &b->fence, VK_TRUE, UINT64_MAX) ==
           VK_SUCCESS;
   const double end = bench_now_ns();

   REQUIRE(good);
   REQUIRE(gpu->ResetFences(gpu->device, 1, &b->fence) == VK_SUCCESS);
   /* Bytes a nanosecond */
   return (double)(REPEATS * BYTES) / (end - start);
}

static void
bandwidth(UNUSED intptr_t arg)
{
   struct buffers exported, private_ones;

   icd_open(&memory_icd, BENCH_OURS, true);
   create_buffers(&exported, OPAQUE_WIN32);
   create_buffers(&private_ones, 0);

   for (unsigned copy = 0; copy < 2; copy++) {
      record_transfer(&exported, copy);
      record_transfer(&private_ones, copy);
      bench_report(copy ? "copy" : "fill",
                   bench_alternate(MEMORY_ROUNDS, bandwidth_round,
                                   &exported, &private_ones),
                   "GB/s", BENCH_RATIO_AT_LEAST, 0.98);
   }

   destroy_buffers(&exported);
   destroy_buffers(&private_ones);
   icd_close(&memory_icd);
}

const struct test_case test_cases[] = {
   {"queue-submit", queue_submit, 0, BENCH_SECONDS},
   {"queue-submit-exported", queue_submit_exported, 0, BENCH_SECONDS},
   {"draw", draw, 0, BENCH_SECONDS},
   {"memory-exported", bandwidth, 0, BENCH_SECONDS},
   {0},
};

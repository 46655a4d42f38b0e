/* SPDX-License-Identifier: MIT */

/* The common vk_queue, vk_fence and vk_semaphore code on top of it. */
#include "fixture.h"

#include "util/os_time.h"

#include "cases.h"

#include "vk_common_entrypoints.h"
#include "vk_physical_device.h"

#define MS UINT64_C(1000000)

static VkSemaphore
create_semaphore(struct vk_device *device)
{
   const VkSemaphoreCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
   };
   VkSemaphore semaphore;
   REQUIRE(vk_common_CreateSemaphore(vk_device_to_handle(device), &info, NULL,
                                     &semaphore) == VK_SUCCESS);
   return semaphore;
}

static VkFence
create_fence(struct vk_device *device)
{
   const VkFenceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
   };
   VkFence fence;
   REQUIRE(vk_common_CreateFence(vk_device_to_handle(device), &info, NULL,
                                 &fence) == VK_SUCCESS);
   return fence;
}

static VkSubmitInfo2
submit_info(const VkSemaphoreSubmitInfo *wait,
            const VkSemaphoreSubmitInfo *signal)
{
   return (VkSubmitInfo2) {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
      .waitSemaphoreInfoCount = wait != NULL,
      .pWaitSemaphoreInfos = wait,
      .signalSemaphoreInfoCount = signal != NULL,
      .pSignalSemaphoreInfos = signal,
   };
}

static VkResult
fence_wait(struct vk_device *device, VkFence fence, uint64_t timeout_ns)
{
   return vk_common_WaitForFences(vk_device_to_handle(device), 1, &fence,
                                  true, timeout_ns);
}

static void
import_temporarily(struct vk_device *device, VkSemaphore semaphore,
                   struct vk_sync *shared)
{
   HANDLE handle = unit_export(device, shared);
   const VkImportSemaphoreWin32HandleInfoKHR import = {
      .sType = VK_STRUCTURE_TYPE_IMPORT_SEMAPHORE_WIN32_HANDLE_INFO_KHR,
      .semaphore = semaphore,
      .flags = VK_SEMAPHORE_IMPORT_TEMPORARY_BIT,
      .handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT,
      .handle = handle,
   };
   REQUIRE(vk_common_ImportSemaphoreWin32HandleKHR(
              vk_device_to_handle(device), &import) == VK_SUCCESS);
   CloseHandle(handle);
}

/* A batch that only waits, merged behind one that does neither */
static void
merged_submit_consumes_the_semaphore(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   VkQueue queue = unit_queue(device);
   VkSemaphore semaphore = create_semaphore(device);
   VkFence fence = create_fence(device), late = create_fence(device);
   const VkSemaphoreSubmitInfo use = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
      .semaphore = semaphore,
   };
   const VkSemaphoreSubmitInfo temporary_use = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
      .semaphore = create_semaphore(device),
   };
   struct vk_semaphore *object = vk_semaphore_from_handle(semaphore);

   REQUIRE(vk_sync_signal(device, &object->permanent, 0) == VK_SUCCESS);
   struct vk_semaphore *other =
      vk_semaphore_from_handle(temporary_use.semaphore);
   REQUIRE(vk_sync_signal(device, &other->permanent, 0) == VK_SUCCESS);

   /* An empty first batch would be dropped, so it gets a semaphore wait of a
    * temporary payload, which does not set the flag either.
    */
   struct vk_sync *shared = unit_shared(device, 0);
   import_temporarily(device, temporary_use.semaphore, shared);
   REQUIRE(vk_sync_signal(device, shared, 0) == VK_SUCCESS);

   const VkSubmitInfo2 submits[] = {
      submit_info(&temporary_use, NULL),
      submit_info(&use, NULL),
   };
   REQUIRE(vk_common_QueueSubmit2(queue, 2, submits, fence) == VK_SUCCESS);
   EXPECT(fence_wait(device, fence, UINT64_MAX) == VK_SUCCESS);

   /* Both waits have consumed their signal, for all holders. */
   EXPECT(unit_wait(device, &object->permanent, 0, 0) == VK_TIMEOUT);
   EXPECT(unit_wait(device, shared, 0, 0) == VK_TIMEOUT);

   const VkSubmitInfo2 again = submit_info(&use, NULL);
   REQUIRE(vk_common_QueueSubmit2(queue, 1, &again, late) == VK_SUCCESS);
   EXPECT(fence_wait(device, late, 30 * MS) == VK_TIMEOUT);
   REQUIRE(vk_sync_signal(device, &object->permanent, 0) == VK_SUCCESS);
   EXPECT(fence_wait(device, late, UINT64_MAX) == VK_SUCCESS);

   VkDevice handle_device = vk_device_to_handle(device);
   vk_common_DestroyFence(handle_device, fence, NULL);
   vk_common_DestroyFence(handle_device, late, NULL);
   vk_common_DestroySemaphore(handle_device, semaphore, NULL);
   vk_common_DestroySemaphore(handle_device, temporary_use.semaphore, NULL);
}

/* Two semaphores with one payload, in two batches of one vkQueueSubmit2: the
 * wait of the second is for the signal of the first.
 */
static void
temporary_wait_follows_earlier_batches(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   VkDevice handle_device = vk_device_to_handle(device);
   VkQueue queue = unit_queue(device);
   struct vk_sync *shared = unit_shared(device, 0);
   VkSemaphore first = create_semaphore(device);
   VkSemaphore second = create_semaphore(device);
   VkFence fence = create_fence(device);
   const VkSemaphoreSubmitInfo use_first = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO, .semaphore = first,
   };
   const VkSemaphoreSubmitInfo use_second = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO, .semaphore = second,
   };

   HANDLE handle = unit_export(device, shared);
   const VkImportSemaphoreWin32HandleInfoKHR permanent = {
      .sType = VK_STRUCTURE_TYPE_IMPORT_SEMAPHORE_WIN32_HANDLE_INFO_KHR,
      .semaphore = first,
      .handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT,
      .handle = handle,
   };
   REQUIRE(vk_common_ImportSemaphoreWin32HandleKHR(handle_device,
                                                   &permanent) == VK_SUCCESS);
   CloseHandle(handle);
   import_temporarily(device, second, shared);
   REQUIRE(vk_sync_signal(device, shared, 0) == VK_SUCCESS);

   const VkSubmitInfo2 submits[] = {
      submit_info(&use_first, &use_first),
      submit_info(&use_second, NULL),
   };
   REQUIRE(vk_common_QueueSubmit2(queue, 2, submits, fence) == VK_SUCCESS);
   EXPECT(fence_wait(device, fence, 10000 * MS) == VK_SUCCESS);
   EXPECT(unit_wait(device, shared, 0, 0) == VK_TIMEOUT);

   vk_common_DestroyFence(handle_device, fence, NULL);
   vk_common_DestroySemaphore(handle_device, first, NULL);
   vk_common_DestroySemaphore(handle_device, second, NULL);
}

static void
semaphore_chain(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   VkQueue queue = unit_queue(device);
   VkSemaphore semaphore = create_semaphore(device);
   VkFence fence = create_fence(device);
   const VkSemaphoreSubmitInfo use = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
      .semaphore = semaphore,
   };
   const VkSubmitInfo2 signal = submit_info(NULL, &use);
   const VkSubmitInfo2 pass = submit_info(&use, &use);
   const VkSubmitInfo2 wait = submit_info(&use, NULL);
   VkDevice handle_device = vk_device_to_handle(device);

   for (unsigned i = 0; i < 300; i++) {
      REQUIRE(vk_common_QueueSubmit2(queue, 1, &signal, VK_NULL_HANDLE) ==
              VK_SUCCESS);
      for (unsigned j = 0; j < 5; j++)
         REQUIRE(vk_common_QueueSubmit2(queue, 1, &pass, VK_NULL_HANDLE) ==
                 VK_SUCCESS);
      REQUIRE(vk_common_QueueSubmit2(queue, 1, &wait, fence) == VK_SUCCESS);
      REQUIRE(fence_wait(device, fence, UINT64_MAX) == VK_SUCCESS);
      REQUIRE(vk_common_ResetFences(handle_device, 1, &fence) == VK_SUCCESS);
   }
   struct vk_semaphore *object = vk_semaphore_from_handle(semaphore);
   EXPECT(unit_wait(device, &object->permanent, 0, 0) == VK_TIMEOUT);

   vk_common_DestroyFence(handle_device, fence, NULL);
   vk_common_DestroySemaphore(handle_device, semaphore, NULL);
}

static struct {
   VkAllocationCallbacks real;
   /* Which allocation from now on fails; 0 for none */
   unsigned countdown;
} memory;

static void *VKAPI_PTR
allocate(UNUSED void *data, size_t size, size_t alignment,
         VkSystemAllocationScope scope)
{
   if (memory.countdown > 0 && --memory.countdown == 0)
      return NULL;
   return memory.real.pfnAllocation(memory.real.pUserData, size, alignment,
                                    scope);
}

/* Whichever of its allocations fails */
static void
failed_submit_consumes_nothing(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   VkDevice handle_device = vk_device_to_handle(device);
   VkQueue queue = unit_queue(device);
   VkSemaphore semaphores[3];
   VkSemaphoreSubmitInfo waits[3];
   VkFence fence = create_fence(device);
   VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;
   unsigned failures = 0;

   for (unsigned i = 0; i < 3; i++) {
      semaphores[i] = create_semaphore(device);
      waits[i] = (VkSemaphoreSubmitInfo) {
         .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
         .semaphore = semaphores[i],
      };
      struct vk_semaphore *object = vk_semaphore_from_handle(semaphores[i]);
      REQUIRE(vk_sync_signal(device, &object->permanent, 0) == VK_SUCCESS);
   }
   VkSubmitInfo2 info = submit_info(waits, NULL);
   info.waitSemaphoreInfoCount = 3;

   memory.real = device->alloc;
   device->alloc.pfnAllocation = allocate;
   for (; failures < 100; failures++) {
      memory.countdown = failures + 1;
      result = vk_common_QueueSubmit2(queue, 1, &info, fence);
      memory.countdown = 0;
      if (result == VK_SUCCESS)
         break;

      EXPECT(result == VK_ERROR_OUT_OF_HOST_MEMORY);
      for (unsigned i = 0; i < 3; i++) {
         struct vk_semaphore *object = vk_semaphore_from_handle(semaphores[i]);
         EXPECT(unit_wait(device, &object->permanent, 0, 0) == VK_SUCCESS);
      }
   }
   /* The submit itself, and what each semaphore's payload is moved to */
   EXPECT(failures >= 4);
   EXPECT(result == VK_SUCCESS);
   EXPECT(fence_wait(device, fence, UINT64_MAX) == VK_SUCCESS);
   device->alloc = memory.real;

   vk_common_DestroyFence(handle_device, fence, NULL);
   for (unsigned i = 0; i < 3; i++)
      vk_common_DestroySemaphore(handle_device, semaphores[i], NULL);
}

/* What a submit waited on and signalled is gone the moment it is seen to be
 * complete.
 */
static void
objects_die_right_after_the_submit(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   VkDevice handle_device = vk_device_to_handle(device);
   VkQueue queue = unit_queue(device);
   test_hog_cpu(2);

   for (unsigned i = 0; i < 2000; i++) {
      VkSemaphore semaphore = create_semaphore(device);
      VkFence fence = create_fence(device);
      const VkSemaphoreSubmitInfo use = {
         .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
         .semaphore = semaphore,
      };
      const VkSubmitInfo2 submits[] = {
         submit_info(NULL, &use),
         submit_info(&use, NULL),
      };
      REQUIRE(vk_common_QueueSubmit2(queue, 2, submits, fence) == VK_SUCCESS);
      REQUIRE(fence_wait(device, fence, UINT64_MAX) == VK_SUCCESS);
      vk_common_DestroySemaphore(handle_device, semaphore, NULL);
      vk_common_DestroyFence(handle_device, fence, NULL);
   }
}

static VkResult
fail_submit(struct vk_queue *queue, struct vk_queue_submit *submit)
{
   (void)queue;
   (void)submit;
   Sleep(20);
   return VK_ERROR_OUT_OF_HOST_MEMORY;
}

/* The fence of a submit that fails on the submit thread is never signalled. */
static void
failed_submit_ends_fence_wait(intptr_t arg)
{
   struct vk_device *device = unit_device();
   VkQueue queue = unit_queue(device);
   VK_FROM_HANDLE(vk_queue, vk_queue, queue);
   VkFence fences[2] = { create_fence(device), create_fence(device) };
   const VkSubmitInfo2 info = submit_info(NULL, NULL);

   (void)arg;
   vk_queue->driver_submit = fail_submit;
   EXPECT(vk_common_QueueSubmit2(queue, 1, &info, fences[0]) == VK_SUCCESS);
   /* Either comes in time to be queued behind it, or too late. */
   vk_common_QueueSubmit2(queue, 1, &info, fences[1]);
   for (unsigned i = 0; i < 2; i++) {
      EXPECT(fence_wait(device, fences[i], UINT64_MAX) ==
             VK_ERROR_DEVICE_LOST);
      vk_common_DestroyFence(vk_device_to_handle(device), fences[i], NULL);
   }
}

/* Of another type than ours: its waits do not notice that the device is lost. */
struct deaf_sync {
   struct vk_sync base;
   uint32_t is_signalled;
};

static struct deaf_sync *
to_deaf(struct vk_sync *sync)
{
   return container_of(sync, struct deaf_sync, base);
}

static VkResult
deaf_init(UNUSED struct vk_device *device, struct vk_sync *sync,
          uint64_t initial_value)
{
   to_deaf(sync)->is_signalled = initial_value != 0;
   return VK_SUCCESS;
}

static void
deaf_finish(UNUSED struct vk_device *device, UNUSED struct vk_sync *sync)
{
}

static VkResult
deaf_signal(UNUSED struct vk_device *device, struct vk_sync *sync,
            UNUSED uint64_t value)
{
   vk_sync_win32_store32(&to_deaf(sync)->is_signalled, true);
   return VK_SUCCESS;
}

static VkResult
deaf_wait(UNUSED struct vk_device *device, struct vk_sync *sync,
          UNUSED uint64_t value, UNUSED enum vk_sync_wait_flags flags,
          uint64_t abs_timeout_ns)
{
   while (!vk_sync_win32_load32(&to_deaf(sync)->is_signalled)) {
      if ((uint64_t)os_time_get_nano() >= abs_timeout_ns)
         return VK_TIMEOUT;
      Sleep(1);
   }
   return VK_SUCCESS;
}

static const struct vk_sync_type deaf_type = {
   .size = sizeof(struct deaf_sync),
   .features = VK_SYNC_FEATURE_BINARY | VK_SYNC_FEATURE_GPU_WAIT |
               VK_SYNC_FEATURE_CPU_WAIT | VK_SYNC_FEATURE_CPU_SIGNAL |
               VK_SYNC_FEATURE_WAIT_PENDING,
   .init = deaf_init,
   .finish = deaf_finish,
   .signal = deaf_signal,
   .wait = deaf_wait,
};

static void
failed_submit_ends_wait_idle(intptr_t is_deaf)
{
   static const struct vk_sync_type *const deaf_types[] = { &deaf_type, NULL };
   struct vk_device *device = unit_device();
   VkQueue queue = unit_queue(device);
   VK_FROM_HANDLE(vk_queue, vk_queue, queue);
   VkFence fence = create_fence(device);
   const VkSubmitInfo2 info = submit_info(NULL, NULL);

   if (is_deaf)
      device->physical->supported_sync_types = deaf_types;
   vk_queue->driver_submit = fail_submit;
   EXPECT(vk_common_QueueSubmit2(queue, 1, &info, fence) == VK_SUCCESS);
   EXPECT(vk_common_QueueWaitIdle(queue) == VK_ERROR_DEVICE_LOST);
   vk_common_DestroyFence(vk_device_to_handle(device), fence, NULL);
}

static HANDLE may_submit;

static VkResult
held_submit(struct vk_queue *queue, struct vk_queue_submit *submit)
{
   REQUIRE(WaitForSingleObject(may_submit, INFINITE) == WAIT_OBJECT_0);
   for (uint32_t i = 0; i < submit->signal_count; i++)
      REQUIRE(vk_sync_signal(queue->base.device, submit->signals[i].sync,
                             submit->signals[i].signal_value) == VK_SUCCESS);
   return VK_SUCCESS;
}

/* Whether a queue goes on once another one is lost is up to its driver. */
static void
failed_submit_leaves_other_queues_alone(intptr_t arg)
{
   struct vk_device *device = unit_device();
   VkQueue lost = unit_queue(device), other = unit_queue(device);
   VK_FROM_HANDLE(vk_queue, lost_queue, lost);
   VK_FROM_HANDLE(vk_queue, other_queue, other);
   VkFence fences[3] = {
      create_fence(device), create_fence(device), create_fence(device),
   };
   const VkSubmitInfo2 info = submit_info(NULL, NULL);

   (void)arg;
   may_submit = CreateEventW(NULL, TRUE, FALSE, NULL);
   other_queue->driver_submit = held_submit;
   lost_queue->driver_submit = fail_submit;
   for (unsigned i = 1; i < 3; i++)
      EXPECT(vk_common_QueueSubmit2(other, 1, &info, fences[i]) == VK_SUCCESS);
   EXPECT(vk_common_QueueSubmit2(lost, 1, &info, fences[0]) == VK_SUCCESS);
   EXPECT(fence_wait(device, fences[0], UINT64_MAX) == VK_ERROR_DEVICE_LOST);

   SetEvent(may_submit);
   for (unsigned i = 1; i < 3; i++) {
      struct vk_fence *fence = vk_fence_from_handle(fences[i]);

      /* Longer waits would end with the device. */
      while (vk_sync_wait(device, &fence->permanent, 0, VK_SYNC_WAIT_COMPLETE,
                          0) == VK_TIMEOUT)
         Sleep(1);
   }
   for (unsigned i = 0; i < 3; i++)
      vk_common_DestroyFence(vk_device_to_handle(device), fences[i], NULL);
   CloseHandle(may_submit);
}

const struct test_case queue_cases[] = {
   { "a merged submit consumes its semaphore",
     merged_submit_consumes_the_semaphore },
   { "a temporary wait follows earlier batches",
     temporary_wait_follows_earlier_batches },
   { "binary semaphores chain submits", semaphore_chain },
   { "a submit without memory consumes nothing",
     failed_submit_consumes_nothing },
   { "a failed submit ends waits for its fence",
     failed_submit_ends_fence_wait },
   { "a failed submit ends vkQueueWaitIdle",
     failed_submit_ends_wait_idle, 0 },
   { "a failed submit ends vkQueueWaitIdle, of any sync type",
     failed_submit_ends_wait_idle, 1, 20 },
   { "a failed submit leaves other queues alone",
     failed_submit_leaves_other_queues_alone },
   { "objects die right after their submit",
     objects_die_right_after_the_submit, 0, 120 },
   { 0 },
};

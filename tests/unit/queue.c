/* SPDX-License-Identifier: MIT */

/* The common vk_queue, vk_fence and vk_semaphore code on top of it. */
#include "fixture.h"

#include "vk_common_entrypoints.h"
#include "vk_physical_device.h"

static VkSemaphore
signalled_semaphore(struct vk_device *device)
{
   VkSemaphore semaphore = unit_semaphore(device, 0);

   REQUIRE_OK(vk_sync_signal(device, unit_semaphore_sync(semaphore), 0));
   return semaphore;
}

static void
import(VkSemaphore semaphore, VkSemaphoreImportFlags flags,
       struct vk_device *device, struct vk_sync *shared)
{
   HANDLE handle = unit_export(device, shared);

   unit_semaphore_import(semaphore, flags, handle, NULL);
   test_close(handle);
}

/* A batch that only waits, merged behind one that does neither */
static void
merged_submit_consumes_the_semaphore(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   VkQueue queue = unit_queue(device);
   VkSemaphore semaphore = signalled_semaphore(device);
   VkSemaphore temporary = signalled_semaphore(device);
   VkFence fence = unit_fence(device), late = unit_fence(device);
   struct vk_sync *permanent = unit_semaphore_sync(semaphore);

   /* An empty first batch would be dropped, so it gets a semaphore wait of a
    * temporary payload, which does not set the flag either.
    */
   struct vk_sync *shared = unit_shared(device, 0);
   import(temporary, VK_SEMAPHORE_IMPORT_TEMPORARY_BIT, device, shared);
   REQUIRE_OK(vk_sync_signal(device, shared, 0));

   const struct unit_batch batches[] = {
      { .wait = temporary }, { .wait = semaphore },
   };
   REQUIRE_OK(unit_submit(queue, 2, batches, fence));
   EXPECT_OK(unit_fence_wait(fence, UINT64_MAX));

   /* Both waits have consumed their signal, for all holders. */
   EXPECT_RESULT(unit_wait(device, permanent, 0, 0), VK_TIMEOUT);
   EXPECT_RESULT(unit_wait(device, shared, 0, 0), VK_TIMEOUT);

   REQUIRE_OK(unit_submit(queue, 1, &batches[1], late));
   EXPECT_RESULT(unit_fence_wait(late, 30 * MS), VK_TIMEOUT);
   REQUIRE_OK(vk_sync_signal(device, permanent, 0));
   EXPECT_OK(unit_fence_wait(late, UINT64_MAX));
}

/* Two semaphores with one payload, in two batches of one vkQueueSubmit2: the
 * wait of the second is for the signal of the first.
 */
static void
temporary_wait_follows_earlier_batches(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   VkQueue queue = unit_queue(device);
   struct vk_sync *shared = unit_shared(device, 0);
   VkSemaphore first = unit_semaphore(device, 0);
   VkSemaphore second = unit_semaphore(device, 0);
   VkFence fence = unit_fence(device);
   const struct unit_batch batches[] = {
      { .wait = first, .signal = first }, { .wait = second },
   };

   import(first, 0, device, shared);
   import(second, VK_SEMAPHORE_IMPORT_TEMPORARY_BIT, device, shared);
   REQUIRE_OK(vk_sync_signal(device, shared, 0));
   REQUIRE_OK(unit_submit(queue, 2, batches, fence));
   EXPECT_OK(unit_fence_wait(fence, 10000 * MS));
   EXPECT_RESULT(unit_wait(device, shared, 0, 0), VK_TIMEOUT);
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
   VkQueue queue = unit_queue(device);
   VkSemaphoreSubmitInfo waits[3];
   const VkSubmitInfo2 info = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
      .waitSemaphoreInfoCount = TEST_COUNT(waits),
      .pWaitSemaphoreInfos = waits,
   };
   VkFence fence = unit_fence(device);
   VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;
   unsigned failures = 0;

   for (unsigned i = 0; i < TEST_COUNT(waits); i++) {
      waits[i] = (VkSemaphoreSubmitInfo) {
         .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
         .semaphore = signalled_semaphore(device),
      };
   }

   memory.real = device->alloc;
   device->alloc.pfnAllocation = allocate;
   for (; failures < 100; failures++) {
      memory.countdown = failures + 1;
      result = vk_common_QueueSubmit2(queue, 1, &info, fence);
      memory.countdown = 0;
      if (result == VK_SUCCESS)
         break;

      EXPECT_RESULT(result, VK_ERROR_OUT_OF_HOST_MEMORY);
      for (unsigned i = 0; i < TEST_COUNT(waits); i++)
         EXPECT_OK(unit_wait(device, unit_semaphore_sync(waits[i].semaphore),
                             0, 0));
   }
   /* The submit itself, and what each semaphore's payload is moved to */
   EXPECT(failures >= 4);
   EXPECT_OK(result);
   EXPECT_OK(unit_fence_wait(fence, UINT64_MAX));
   device->alloc = memory.real;
}

/* What a submit waited on and signalled is gone the moment it is seen to be
 * complete.
 */
static void
objects_die_right_after_the_submit(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   VkQueue queue = unit_queue(device);
   const unsigned rounds = 300 * test_scale();

   test_hog_cpu(2);
   for (unsigned i = 0; i < rounds; i++) {
      VkSemaphore semaphore = unit_semaphore(device, 0);
      VkFence fence = unit_fence(device);
      const struct unit_batch batches[] = {
         { .signal = semaphore }, { .wait = semaphore },
      };

      REQUIRE_OK(unit_submit(queue, 2, batches, fence));
      REQUIRE_OK(unit_fence_wait(fence, UINT64_MAX));
      unit_semaphore_destroy(semaphore);
      unit_fence_destroy(fence);
   }
}

static VkResult
fail_submit(UNUSED struct vk_queue *queue,
            UNUSED struct vk_queue_submit *submit)
{
   Sleep(20);
   return VK_ERROR_OUT_OF_HOST_MEMORY;
}

static VkQueue
failing_queue(struct vk_device *device)
{
   VkQueue queue = unit_queue(device);

   vk_queue_from_handle(queue)->driver_submit = fail_submit;
   return queue;
}

static const struct unit_batch empty;

/* The fence of a submit that fails on the submit thread is never signalled. */
static void
failed_submit_ends_fence_wait(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   VkQueue queue = failing_queue(device);
   VkFence fences[2] = { unit_fence(device), unit_fence(device) };

   EXPECT_OK(unit_submit(queue, 1, &empty, fences[0]));
   /* Either comes in time to be queued behind it, or too late. */
   (void)!unit_submit(queue, 1, &empty, fences[1]);
   for (unsigned i = 0; i < 2; i++)
      EXPECT_RESULT(unit_fence_wait(fences[i], UINT64_MAX),
                    VK_ERROR_DEVICE_LOST);
}

static VkResult
init_other(UNUSED struct vk_device *device, UNUSED struct vk_sync *sync,
           UNUSED uint64_t initial_value)
{
   return VK_SUCCESS;
}

static void
finish_other(UNUSED struct vk_device *device, UNUSED struct vk_sync *sync)
{
}

/* Unlike those of our type, it would not notice that the device is lost. */
static VkResult
wait_for_other(UNUSED struct vk_device *device, UNUSED struct vk_sync *sync,
               UNUSED uint64_t value, UNUSED enum vk_sync_wait_flags flags,
               UNUSED uint64_t abs_timeout_ns)
{
   test_fail(true, __FILE__, __LINE__,
             "somebody waits for what nobody is going to signal");
   return VK_TIMEOUT;
}

static const struct vk_sync_type other_type = {
   .size = sizeof(struct vk_sync),
   .features = VK_SYNC_FEATURE_BINARY | VK_SYNC_FEATURE_GPU_WAIT |
               VK_SYNC_FEATURE_CPU_WAIT | VK_SYNC_FEATURE_WAIT_PENDING,
   .init = init_other,
   .finish = finish_other,
   .wait = wait_for_other,
};

static void
failed_submit_ends_wait_idle(UNUSED intptr_t arg)
{
   static const struct vk_sync_type *const types[] = { &other_type, NULL };
   struct vk_device *device = unit_device();
   VkQueue queue = failing_queue(device);
   VkFence fence = unit_fence(device);

   device->physical->supported_sync_types = types;
   EXPECT_OK(unit_submit(queue, 1, &empty, fence));
   EXPECT_RESULT(vk_common_QueueWaitIdle(queue), VK_ERROR_DEVICE_LOST);
}

static HANDLE may_submit;

static VkResult
held_submit(struct vk_queue *queue, struct vk_queue_submit *submit)
{
   REQUIRE(WaitForSingleObject(may_submit, INFINITE) == WAIT_OBJECT_0);
   for (uint32_t i = 0; i < submit->signal_count; i++)
      REQUIRE_OK(vk_sync_signal(queue->base.device, submit->signals[i].sync,
                                submit->signals[i].signal_value));
   return VK_SUCCESS;
}

/* Whether a queue goes on once another one is lost is up to its driver. */
static void
failed_submit_leaves_other_queues_alone(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   VkQueue lost = failing_queue(device), other = unit_queue(device);
   VkFence lost_fence = unit_fence(device);
   VkFence fences[2] = { unit_fence(device), unit_fence(device) };

   may_submit = test_own_handle(CreateEventW(NULL, TRUE, FALSE, NULL));
   vk_queue_from_handle(other)->driver_submit = held_submit;
   for (unsigned i = 0; i < 2; i++)
      EXPECT_OK(unit_submit(other, 1, &empty, fences[i]));
   EXPECT_OK(unit_submit(lost, 1, &empty, lost_fence));
   EXPECT_RESULT(unit_fence_wait(lost_fence, UINT64_MAX),
                 VK_ERROR_DEVICE_LOST);

   SetEvent(may_submit);
   for (unsigned i = 0; i < 2; i++) {
      /* Longer waits would end with the device. */
      while (vk_sync_wait(device, unit_fence_sync(fences[i]), 0,
                          VK_SYNC_WAIT_COMPLETE, 0) == VK_TIMEOUT)
         Sleep(1);
   }
}

const struct test_case test_cases[] = {
   { "a merged submit consumes its semaphore",
     merged_submit_consumes_the_semaphore },
   { "a temporary wait follows earlier batches",
     temporary_wait_follows_earlier_batches },
   { "a submit without memory consumes nothing",
     failed_submit_consumes_nothing },
   { "objects die right after their submit",
     objects_die_right_after_the_submit, 0, 60 },
   { "a failed submit ends waits for its fence",
     failed_submit_ends_fence_wait },
   { "a failed submit ends vkQueueWaitIdle, of any sync type",
     failed_submit_ends_wait_idle, 0, 20 },
   { "a failed submit leaves other queues alone",
     failed_submit_leaves_other_queues_alone },
   { 0 },
};

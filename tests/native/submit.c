/* SPDX-License-Identifier: MIT */

/* Fences and semaphores of the driver itself: waits and signals by the host
 * and by the queue
 */
#include "native.h"

/* Batches of one call, each with work, none with signals: these are merged. */
static void
merged_work(intptr_t version)
{
   const unsigned part = BUFFER_WORDS / MAX_BATCHES;
   struct gpu *gpu = device_open();
   struct gpu_buffer buffer = buffer_create(gpu);
   VkFence fence = gpu_fence(gpu, 0, 0);
   struct batch batches[MAX_BATCHES] = {{0}};

   for (unsigned i = 0; i < MAX_BATCHES; i++) {
      /* Some are empty. */
      if (i % 5 != 3)
         batches[i].commands = fill_commands(gpu, &buffer, i * part, part,
                                             100 + i);
   }
   submit_by(version)(gpu, MAX_BATCHES, batches, fence);
   REQUIRE_OK(fence_wait(gpu, fence, LONG_MS));
   for (unsigned i = 0; i < MAX_BATCHES; i++) {
      if (i % 5 != 3)
         CHECK(count_other(&buffer, i * part, part, 100 + i) == 0);
   }
   gpu->DestroyFence(gpu->device, fence, NULL);
   device_close(gpu);
}

/* Each batch writes over what the one before has written. */
static void
binary_chain(intptr_t version)
{
   struct gpu *gpu = device_open();
   struct gpu_buffer buffer = buffer_create(gpu);
   VkFence fence = gpu_fence(gpu, 0, 0);
   struct batch batches[MAX_BATCHES] = {{0}};

   for (unsigned i = 0; i < MAX_BATCHES; i++) {
      batches[i].commands = fill_commands(gpu, &buffer, 0, BUFFER_WORDS,
                                          i);
      batches[i].wait = i ? batches[i - 1].signal : VK_NULL_HANDLE;
      if (i < MAX_BATCHES - 1)
         batches[i].signal = gpu_semaphore(gpu, VK_SEMAPHORE_TYPE_BINARY, 0, 0);
   }
   for (unsigned round = 0; round < 3; round++) {
      submit_by(version)(gpu, MAX_BATCHES, batches, fence);
      REQUIRE_OK(fence_wait(gpu, fence, LONG_MS));
      fence_reset(gpu, fence);
      CHECK(count_other(&buffer, 0, BUFFER_WORDS, MAX_BATCHES - 1) == 0);
   }
   device_close(gpu);
}

static void
timeline_wait_before_signal(intptr_t version)
{
   struct gpu *gpu = device_open();
   struct gpu_buffer buffer = buffer_create(gpu);
   volatile uint32_t *words = buffer.map;
   VkSemaphore gate = timeline_create(gpu, 3);
   VkSemaphore done = timeline_create(gpu, 0);
   VkFence fence = gpu_fence(gpu, 0, 0);
   struct batch batches[] = {
      {.wait = gate, .wait_value = 5, .signal = done, .signal_value = 7},
      {.wait = done, .wait_value = 7, .signal = done, .signal_value = 9},
   };

   words[0] = 0;
   batches[0].commands = fill_commands(gpu, &buffer, 0, 1, 42);
   submit_by(version)(gpu, COUNT(batches), batches, fence);
   sleep_ms(PENDING_MS);
   CHECK_RESULT(fence_status(gpu, fence), VK_NOT_READY);
   CHECK(timeline_value(gpu, done) == 0);
   timeline_signal(gpu, gate, 4);
   CHECK_RESULT(timeline_wait(gpu, done, 7, PENDING_MS), VK_TIMEOUT);
   CHECK(words[0] == 0);
   timeline_signal(gpu, gate, 6);
   CHECK_RESULT(timeline_wait(gpu, done, 9, LONG_MS), VK_SUCCESS);
   CHECK_RESULT(fence_wait(gpu, fence, LONG_MS), VK_SUCCESS);
   CHECK(words[0] == 42);
   CHECK(timeline_value(gpu, done) == 9);
   CHECK(timeline_value(gpu, gate) == 6);
   device_close(gpu);
}

struct host_signal {
   struct gpu *gpu;
   VkSemaphore timeline;
   uint64_t value;
};

static void
signal_from_host(void *data)
{
   struct host_signal *signal = data;

   timeline_signal(signal->gpu, signal->timeline, signal->value);
}

static void
timeline_host_waits(UNUSED intptr_t arg)
{
   struct gpu *gpu = device_open();
   VkSemaphore timelines[8];
   uint64_t values[8];
   VkSemaphoreWaitInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
      .semaphoreCount = COUNT(timelines),
      .pSemaphores = timelines,
      .pValues = values,
   };
   struct host_signal signal = {gpu, VK_NULL_HANDLE, 10};
   struct later *later;

   for (unsigned i = 0; i < COUNT(timelines); i++) {
      timelines[i] = timeline_create(gpu, i);
      values[i] = 10;
   }
   info.flags = VK_SEMAPHORE_WAIT_ANY_BIT;
   CHECK_RESULT(gpu->WaitSemaphores(gpu->device, &info, 1000000), VK_TIMEOUT);
   signal.timeline = timelines[5];
   later = do_later(PENDING_MS, signal_from_host, &signal);
   CHECK_RESULT(gpu->WaitSemaphores(gpu->device, &info, UINT64_MAX),
                VK_SUCCESS);
   join_later(later);
   CHECK(timeline_value(gpu, timelines[5]) == 10);

   info.flags = 0;
   CHECK_RESULT(gpu->WaitSemaphores(gpu->device, &info, 1000000), VK_TIMEOUT);
   for (unsigned i = 0; i < COUNT(timelines); i++) {
      if (i != 5 && i != 2)
         timeline_signal(gpu, timelines[i], 10 + i);
   }
   signal.timeline = timelines[2];
   later = do_later(PENDING_MS, signal_from_host, &signal);
   CHECK_RESULT(gpu->WaitSemaphores(gpu->device, &info, UINT64_MAX),
                VK_SUCCESS);
   join_later(later);
   device_close(gpu);
}

/* Of many fences the last one is signalled, then all are. */
static void
many_fences(UNUSED intptr_t arg)
{
   enum { MANY = 64, LAST = MANY - 1 };
   struct gpu *gpu = device_open();
   VkSemaphore gate = timeline_create(gpu, 0);
   VkFence fences[MANY];
   struct host_signal signal = {gpu, gate, 1};
   const struct batch batch = {.wait = gate, .wait_value = 1};
   struct later *later;

   for (unsigned i = 0; i < MANY; i++)
      fences[i] = gpu_fence(gpu, VK_FENCE_CREATE_SIGNALED_BIT, 0);
   CHECK_RESULT(fences_wait(gpu, MANY, fences, true, 0), VK_SUCCESS);
   REQUIRE_OK(gpu->ResetFences(gpu->device, MANY, fences));
   CHECK_RESULT(fences_wait(gpu, MANY, fences, false, 1), VK_TIMEOUT);
   submit(gpu, 1, &batch, fences[LAST]);
   CHECK_RESULT(fences_wait(gpu, MANY, fences, false, 0), VK_TIMEOUT);
   later = do_later(PENDING_MS, signal_from_host, &signal);
   CHECK_RESULT(fences_wait(gpu, MANY, fences, false, LONG_MS), VK_SUCCESS);
   join_later(later);
   CHECK_RESULT(fences_wait(gpu, MANY, fences, true, 1), VK_TIMEOUT);
   CHECK_RESULT(fence_status(gpu, fences[LAST]), VK_SUCCESS);
   for (unsigned i = 0; i < LAST; i++) {
      CHECK_RESULT(fence_status(gpu, fences[i]), VK_NOT_READY);
      submit(gpu, 0, NULL, fences[i]);
   }
   CHECK_RESULT(gpu->WaitForFences(gpu->device, MANY, fences, VK_TRUE,
                                   UINT64_MAX),
                VK_SUCCESS);
   REQUIRE_OK(gpu->ResetFences(gpu->device, MANY, fences));
   CHECK_RESULT(fences_wait(gpu, MANY, fences, false, 0), VK_TIMEOUT);
   device_close(gpu);
}

static void
idle(intptr_t of_device)
{
   struct gpu *gpu = device_open();
   VkSemaphore gate = timeline_create(gpu, 0);
   VkFence fence = gpu_fence(gpu, 0, 0);
   struct host_signal signal = {gpu, gate, 1};
   const struct batch batch = {.wait = gate, .wait_value = 1};
   struct later *later;

   submit2(gpu, 1, &batch, fence);
   later = do_later(PENDING_MS, signal_from_host, &signal);
   if (of_device)
      REQUIRE_OK(gpu->DeviceWaitIdle(gpu->device));
   else
      REQUIRE_OK(gpu->QueueWaitIdle(gpu->queue));
   CHECK_RESULT(fence_status(gpu, fence), VK_SUCCESS);
   join_later(later);
   device_close(gpu);
}

const struct native_case submit_cases[] = {
   {"submit: merged work", merged_work, 1},
   {"submit2: merged work", merged_work, 2},
   {"submit: chain of binary semaphores", binary_chain, 1},
   {"submit2: chain of binary semaphores", binary_chain, 2},
   {"submit: timeline waits before it is signalled",
    timeline_wait_before_signal, 1},
   {"submit2: timeline waits before it is signalled",
    timeline_wait_before_signal, 2},
   {"submit: host waits for timelines", timeline_host_waits, 0},
   {"submit: any of many fences", many_fences, 0},
   {"submit: idle queue", idle, 0},
   {"submit: idle device", idle, 1},
   {0},
};

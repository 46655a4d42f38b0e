/* SPDX-License-Identifier: MIT */

/* Fences and semaphores of the driver itself: waits and signals by the host
 * and by the queue
 */
#include "native.h"

/* Batches of one call, each with work, none with signals: these are merged. */
static void
merged_work(intptr_t version)
{
   const unsigned part = BUFFER_WORDS / MANY;
   struct gpu *gpu = device_open();
   struct gpu_buffer buffer = buffer_create(gpu, 0, NULL);
   VkFence fence = gpu_fence(gpu, 0, 0);
   struct batch batches[MANY] = {{0}};

   for (unsigned i = 0; i < MANY; i++) {
      /* Some are empty. */
      if (i % 5 != 3)
         batches[i].commands = fill_commands(gpu, &buffer, i * part, part,
                                             100 + i);
   }
   submit(gpu, version, MANY, batches, fence);
   REQUIRE_OK(fence_wait(gpu, fence, LONG_MS));
   for (unsigned i = 0; i < MANY; i++) {
      if (i % 5 != 3)
         CHECK(count_other(&buffer, i * part, part, 100 + i) == 0);
   }
   device_close(gpu);
}

/* Each batch writes over what the one before has written. */
static void
binary_chain(intptr_t version)
{
   struct gpu *gpu = device_open();
   struct gpu_buffer buffer = buffer_create(gpu, 0, NULL);
   VkFence fence = gpu_fence(gpu, 0, 0);
   struct batch batches[MANY] = {{0}};

   for (unsigned i = 0; i < MANY; i++) {
      batches[i].commands = fill_commands(gpu, &buffer, 0, BUFFER_WORDS, i);
      batches[i].wait = i ? batches[i - 1].signal : VK_NULL_HANDLE;
      if (i < MANY - 1)
         batches[i].signal = gpu_semaphore(gpu, VK_SEMAPHORE_TYPE_BINARY, 0, 0);
   }
   for (unsigned round = 0; round < 3; round++) {
      submit(gpu, version, MANY, batches, fence);
      REQUIRE_OK(fence_wait(gpu, fence, LONG_MS));
      REQUIRE_OK(gpu->ResetFences(gpu->device, 1, &fence));
      CHECK(count_other(&buffer, 0, BUFFER_WORDS, MANY - 1) == 0);
   }
   device_close(gpu);
}

static void
timeline_wait_before_signal(intptr_t version)
{
   struct gpu *gpu = device_open();
   struct gpu_buffer buffer = buffer_create(gpu, 0, NULL);
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
   submit(gpu, version, COUNT(batches), batches, fence);
   sleep_ms(PENDING_MS);
   CHECK_RESULT(gpu->GetFenceStatus(gpu->device, fence), VK_NOT_READY);
   CHECK(timeline_value(gpu, done) == 0);
   timeline_signal(gpu, gate, 4);
   CHECK_RESULT(timelines_wait(gpu, 1, &done, 7, true, PENDING_MS),
                VK_TIMEOUT);
   CHECK(words[0] == 0);
   timeline_signal(gpu, gate, 6);
   CHECK_RESULT(timelines_wait(gpu, 1, &done, 9, true, LONG_MS), VK_SUCCESS);
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

static VkResult
wait_many(struct gpu *gpu, const VkSemaphore *timelines, const VkFence *fences,
          bool all, uint64_t timeout_ms)
{
   return fences != NULL ?
          fences_wait(gpu, MANY, fences, all, timeout_ms) :
          timelines_wait(gpu, MANY, timelines, 10, all, timeout_ms);
}

/* The last one is signalled during a wait for any, then the first during one
 * for all. Each fence has a batch that waits for its timeline.
 */
static void
host_waits(intptr_t of_fences)
{
   struct gpu *gpu = device_open();
   VkSemaphore timelines[MANY];
   VkFence all_fences[MANY];
   const VkFence *fences = of_fences ? all_fences : NULL;
   const unsigned order[] = {MANY - 1, 0};

   for (unsigned i = 0; i < MANY; i++) {
      timelines[i] = timeline_create(gpu, i % 10);
      all_fences[i] = gpu_fence(gpu, VK_FENCE_CREATE_SIGNALED_BIT, 0);
   }
   CHECK_RESULT(fences_wait(gpu, MANY, all_fences, true, 0), VK_SUCCESS);
   REQUIRE_OK(gpu->ResetFences(gpu->device, MANY, all_fences));
   CHECK_RESULT(wait_many(gpu, timelines, fences, false, 0), VK_TIMEOUT);

   for (unsigned all = 0; all < 2; all++) {
      struct host_signal signal = {gpu, timelines[order[all]], 10};
      const struct batch batch = {.wait = signal.timeline, .wait_value = 10};
      struct later *later;

      submit(gpu, 1, 1, &batch, all_fences[order[all]]);
      CHECK_RESULT(wait_many(gpu, timelines, fences, all, 1), VK_TIMEOUT);
      later = do_later(PENDING_MS, signal_from_host, &signal);
      CHECK_RESULT(wait_many(gpu, timelines, fences, all, FOREVER_MS),
                   VK_SUCCESS);
      join_later(later);

      for (unsigned i = 1; i < MANY - 1 && !all; i++) {
         CHECK_RESULT(gpu->GetFenceStatus(gpu->device, all_fences[i]),
                      VK_NOT_READY);
         timeline_signal(gpu, timelines[i], 10 + i);
         submit(gpu, 1, 0, NULL, all_fences[i]);
      }
   }
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

   submit(gpu, 2, 1, &batch, fence);
   later = do_later(PENDING_MS, signal_from_host, &signal);
   if (of_device)
      REQUIRE_OK(gpu->DeviceWaitIdle(gpu->device));
   else
      REQUIRE_OK(gpu->QueueWaitIdle(gpu->queue));
   CHECK_RESULT(gpu->GetFenceStatus(gpu->device, fence), VK_SUCCESS);
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
   {"submit: host waits for many timelines", host_waits, false},
   {"submit: host waits for many fences", host_waits, true},
   {"submit: idle queue", idle, 0},
   {"submit: idle device", idle, 1},
   {0},
};

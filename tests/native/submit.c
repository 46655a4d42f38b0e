/* SPDX-License-Identifier: MIT */

/* Fences and semaphores of the driver itself: waits and signals by the host
 * and by the queue
 */
#include "native.h"

typedef void (*submit_function)(struct device *device, unsigned count,
                                const struct batch *batches, VkFence fence);

static submit_function
submit_by(intptr_t version)
{
   return version == 2 ? submit2 : submit;
}

static void
fence_states(intptr_t arg)
{
   struct device *device = device_open();
   VkFence fence = fence_create(device, true, 0);

   (void)arg;
   CHECK_RESULT(device->GetFenceStatus(device->handle, fence), VK_SUCCESS);
   CHECK_RESULT(fence_wait(device, fence, 0), VK_SUCCESS);
   REQUIRE_OK(device->ResetFences(device->handle, 1, &fence));
   CHECK_RESULT(device->GetFenceStatus(device->handle, fence), VK_NOT_READY);
   CHECK_RESULT(fence_wait(device, fence, 0), VK_TIMEOUT);
   CHECK_RESULT(fence_wait(device, fence, 5), VK_TIMEOUT);
   for (unsigned i = 0; i < 20; i++) {
      submit(device, 0, NULL, fence);
      CHECK_RESULT(fence_wait(device, fence, LONG_MS), VK_SUCCESS);
      REQUIRE_OK(device->ResetFences(device->handle, 1, &fence));
      CHECK_RESULT(device->GetFenceStatus(device->handle, fence),
                   VK_NOT_READY);
   }
   device->DestroyFence(device->handle, fence, NULL);
   device_close(device);
}

/* Batches of one call, each with work, none with signals: these are merged. */
static void
merged_work(intptr_t version)
{
   const unsigned part = BUFFER_WORDS / MAX_BATCHES;
   struct device *device = device_open();
   struct buffer buffer = buffer_create(device, VK_NULL_HANDLE, 0);
   VkFence fence = fence_create(device, false, 0);
   struct batch batches[MAX_BATCHES] = {{0}};

   for (unsigned i = 0; i < MAX_BATCHES; i++) {
      /* Some are empty. */
      if (i % 5 != 3)
         batches[i].commands = fill_commands(device, &buffer, i * part, part,
                                             100 + i);
   }
   submit_by(version)(device, MAX_BATCHES, batches, fence);
   REQUIRE_OK(fence_wait(device, fence, LONG_MS));
   for (unsigned i = 0; i < MAX_BATCHES; i++) {
      if (i % 5 != 3)
         CHECK(count_other(&buffer, i * part, part, 100 + i) == 0);
   }
   device->DestroyFence(device->handle, fence, NULL);
   device_close(device);
}

/* Each batch writes over what the one before has written. */
static void
binary_chain(intptr_t version)
{
   struct device *device = device_open();
   struct buffer buffer = buffer_create(device, VK_NULL_HANDLE, 0);
   VkFence fence = fence_create(device, false, 0);
   struct batch batches[MAX_BATCHES] = {{0}};

   for (unsigned i = 0; i < MAX_BATCHES; i++) {
      batches[i].commands = fill_commands(device, &buffer, 0, BUFFER_WORDS,
                                          i);
      batches[i].wait = i ? batches[i - 1].signal : VK_NULL_HANDLE;
      batches[i].signal = i < MAX_BATCHES - 1 ? binary_create(device, 0)
                                              : VK_NULL_HANDLE;
   }
   for (unsigned round = 0; round < 3; round++) {
      submit_by(version)(device, MAX_BATCHES, batches, fence);
      REQUIRE_OK(fence_wait(device, fence, LONG_MS));
      REQUIRE_OK(device->ResetFences(device->handle, 1, &fence));
      CHECK(count_other(&buffer, 0, BUFFER_WORDS, MAX_BATCHES - 1) == 0);
   }
   device_close(device);
}

static void
timeline_wait_before_signal(intptr_t version)
{
   struct device *device = device_open();
   struct buffer buffer = buffer_create(device, VK_NULL_HANDLE, 0);
   VkSemaphore gate = timeline_create(device, 3);
   VkSemaphore done = timeline_create(device, 0);
   VkFence fence = fence_create(device, false, 0);
   struct batch batches[] = {
      {.wait = gate, .wait_value = 5, .signal = done, .signal_value = 7},
      {.wait = done, .wait_value = 7, .signal = done, .signal_value = 9},
   };

   buffer.words[0] = 0;
   batches[0].commands = fill_commands(device, &buffer, 0, 1, 42);
   submit_by(version)(device, COUNT(batches), batches, fence);
   sleep_ms(PENDING_MS);
   CHECK_RESULT(device->GetFenceStatus(device->handle, fence), VK_NOT_READY);
   CHECK(timeline_value(device, done) == 0);
   timeline_signal(device, gate, 4);
   CHECK_RESULT(timeline_wait(device, done, 7, PENDING_MS), VK_TIMEOUT);
   CHECK(buffer.words[0] == 0);
   timeline_signal(device, gate, 6);
   CHECK_RESULT(timeline_wait(device, done, 9, LONG_MS), VK_SUCCESS);
   CHECK_RESULT(fence_wait(device, fence, LONG_MS), VK_SUCCESS);
   CHECK(buffer.words[0] == 42);
   CHECK(timeline_value(device, done) == 9);
   CHECK(timeline_value(device, gate) == 6);
   device_close(device);
}

struct host_signal {
   struct device *device;
   VkSemaphore timeline;
   uint64_t value;
};

static void
signal_from_host(void *data)
{
   struct host_signal *signal = data;

   timeline_signal(signal->device, signal->timeline, signal->value);
}

static void
timeline_host_waits(intptr_t arg)
{
   struct device *device = device_open();
   VkSemaphore timelines[8];
   uint64_t values[8];
   VkSemaphoreWaitInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
      .semaphoreCount = COUNT(timelines),
      .pSemaphores = timelines,
      .pValues = values,
   };
   struct host_signal signal = {device, VK_NULL_HANDLE, 10};
   struct later *later;

   (void)arg;
   for (unsigned i = 0; i < COUNT(timelines); i++) {
      timelines[i] = timeline_create(device, i);
      values[i] = 10;
   }
   info.flags = VK_SEMAPHORE_WAIT_ANY_BIT;
   CHECK_RESULT(device->WaitSemaphores(device->handle, &info, 1000000),
                VK_TIMEOUT);
   signal.timeline = timelines[5];
   later = do_later(PENDING_MS, signal_from_host, &signal);
   CHECK_RESULT(device->WaitSemaphores(device->handle, &info, UINT64_MAX),
                VK_SUCCESS);
   join_later(later);
   CHECK(timeline_value(device, timelines[5]) == 10);

   info.flags = 0;
   CHECK_RESULT(device->WaitSemaphores(device->handle, &info, 1000000),
                VK_TIMEOUT);
   for (unsigned i = 0; i < COUNT(timelines); i++) {
      if (i != 5 && i != 2)
         timeline_signal(device, timelines[i], 10 + i);
   }
   signal.timeline = timelines[2];
   later = do_later(PENDING_MS, signal_from_host, &signal);
   CHECK_RESULT(device->WaitSemaphores(device->handle, &info, UINT64_MAX),
                VK_SUCCESS);
   join_later(later);
   device_close(device);
}

#define MANY 64

static void
many_fences(intptr_t signalled)
{
   struct device *device = device_open();
   VkSemaphore gate = timeline_create(device, 0);
   VkFence fences[MANY];
   struct host_signal signal = {device, gate, 1};
   const struct batch batch = {.wait = gate, .wait_value = 1};
   struct later *later;

   for (unsigned i = 0; i < MANY; i++)
      fences[i] = fence_create(device, false, 0);
   CHECK_RESULT(device->WaitForFences(device->handle, MANY, fences, VK_FALSE,
                                      1000000), VK_TIMEOUT);
   submit(device, 1, &batch, fences[signalled]);
   CHECK_RESULT(device->WaitForFences(device->handle, MANY, fences, VK_FALSE,
                                      0), VK_TIMEOUT);
   later = do_later(PENDING_MS, signal_from_host, &signal);
   CHECK_RESULT(device->WaitForFences(device->handle, MANY, fences, VK_FALSE,
                                      LONG_MS * UINT64_C(1000000)),
                VK_SUCCESS);
   join_later(later);
   CHECK_RESULT(device->WaitForFences(device->handle, MANY, fences, VK_TRUE,
                                      1000000), VK_TIMEOUT);
   for (unsigned i = 0; i < MANY; i++) {
      CHECK_RESULT(device->GetFenceStatus(device->handle, fences[i]),
                   i == (unsigned)signalled ? VK_SUCCESS : VK_NOT_READY);
      if (i != (unsigned)signalled)
         submit(device, 0, NULL, fences[i]);
   }
   CHECK_RESULT(device->WaitForFences(device->handle, MANY, fences, VK_TRUE,
                                      UINT64_MAX), VK_SUCCESS);
   REQUIRE_OK(device->ResetFences(device->handle, MANY, fences));
   CHECK_RESULT(device->WaitForFences(device->handle, MANY, fences, VK_FALSE,
                                      0), VK_TIMEOUT);
   device_close(device);
}

static void
idle(intptr_t of_device)
{
   struct device *device = device_open();
   VkSemaphore gate = timeline_create(device, 0);
   VkFence fence = fence_create(device, false, 0);
   struct host_signal signal = {device, gate, 1};
   const struct batch batch = {.wait = gate, .wait_value = 1};
   struct later *later;

   submit2(device, 1, &batch, fence);
   later = do_later(PENDING_MS, signal_from_host, &signal);
   if (of_device)
      REQUIRE_OK(device->DeviceWaitIdle(device->handle));
   else
      REQUIRE_OK(device->QueueWaitIdle(device->queue));
   CHECK_RESULT(device->GetFenceStatus(device->handle, fence), VK_SUCCESS);
   join_later(later);
   device_close(device);
}

/* Binary semaphores and timelines in turns, from two threads that have a
 * device each
 */
static void
ping_pong(void *data)
{
   struct device *device = device_open();
   VkSemaphore timeline = timeline_create(device, 0);
   VkSemaphore binary = binary_create(device, 0);
   unsigned *rounds = data;

   for (unsigned i = 0; i < 200; i++) {
      const struct batch batches[] = {
         {.wait = timeline, .wait_value = 2 * i, .signal = binary},
         {.wait = binary, .signal = timeline, .signal_value = 2 * i + 1},
      };
      submit_by(1 + i % 2)(device, COUNT(batches), batches, VK_NULL_HANDLE);
      if (timeline_wait(device, timeline, 2 * i + 1, LONG_MS) == VK_SUCCESS)
         ++*rounds;
      timeline_signal(device, timeline, 2 * i + 2);
   }
   device_close(device);
}

static void
two_devices(intptr_t arg)
{
   unsigned rounds[2] = {0, 0};
   struct later *other;

   (void)arg;
   other = do_later(0, ping_pong, &rounds[1]);
   ping_pong(&rounds[0]);
   join_later(other);
   CHECK(rounds[0] == 200);
   CHECK(rounds[1] == 200);
}

const struct native_case submit_cases[] = {
   {"submit: states of a fence", fence_states, 0},
   {"submit: merged work", merged_work, 1},
   {"submit2: merged work", merged_work, 2},
   {"submit: chain of binary semaphores", binary_chain, 1},
   {"submit2: chain of binary semaphores", binary_chain, 2},
   {"submit: timeline waits before it is signalled",
    timeline_wait_before_signal, 1},
   {"submit2: timeline waits before it is signalled",
    timeline_wait_before_signal, 2},
   {"submit: host waits for timelines", timeline_host_waits, 0},
   {"submit: any of many fences, the first", many_fences, 0},
   {"submit: any of many fences, the last", many_fences, MANY - 1},
   {"submit: idle queue", idle, 0},
   {"submit: idle device", idle, 1},
   {"submit: two devices", two_devices, 0},
   {0},
};

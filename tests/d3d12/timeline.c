/* SPDX-License-Identifier: MIT */

/* Timeline semaphores with fences of D3D12: the host's operations, waits for
 * several payloads, and fences that go back or are lost.
 */
#include "share.h"

struct signal_job {
   ID3D12Fence *fence;
   uint64_t value;
   unsigned ms;
};

static void
signal_after(void *data)
{
   const struct signal_job *job = data;

   Sleep(job->ms);
   runtime_signal(job->fence, job->value);
}

/* Waits for what D3D12 signals meanwhile. */
static void
expect_wait_ends(const struct share_pair *pair, uint64_t value, unsigned ms)
{
   struct signal_job job = {pair->fence, value, ms};
   struct test_thread *thread = test_thread_start(signal_after, &job);

   EXPECT_OK(vkt_wait(pair->semaphore, value, VKT_LONG_MS));
   test_thread_join(thread);
}

static void
host_operations(intptr_t arg)
{
   struct share_pair pair = share_pair(VKT_TIMELINE, 0);

   for (uint64_t i = 1; i < 200; i += 2) {
      EXPECT_RESULT(vkt_wait(pair.semaphore, i, 0), VK_TIMEOUT);
      runtime_signal(pair.fence, i);
      EXPECT_OK(vkt_wait(pair.semaphore, i, 0));
      EXPECT_U64(vkt_value(pair.semaphore), i);
      vkt_host_signal(pair.semaphore, i + 1);
      EXPECT_U64(ID3D12Fence_GetCompletedValue(pair.fence), i + 1);
   }

   /* One that does not increase */
   vkt_clear_messages(pair.device);
   EXPECT_OK(share_try_signal(pair.semaphore, 200));
   EXPECT_U64(vkt_message_count(pair.device), 1);
   EXPECT_U64(vkt_value(pair.semaphore), 200);
   share_expect_linked(pair.semaphore, pair.fence);
}

/* Also one that this process signals itself */
static void
wait_before_signal(intptr_t arg)
{
   struct share_pair pair = share_pair(VKT_TIMELINE, 0);
   struct vkt_object *other =
      share_import(vkt_open(), VKT_TIMELINE, pair.handle);

   for (uint64_t i = 1; i <= 12; i += 2) {
      struct vkt_later *later = vkt_signal_later(i % 4 == 1 ? other :
                                                              pair.semaphore,
                                                 i, VKT_PENDING_MS);

      EXPECT_OK(vkt_wait(pair.semaphore, i, VKT_LONG_MS));
      vkt_join_later(later);
      expect_wait_ends(&pair, i + 1, VKT_PENDING_MS);
   }
}

/* Waits for several -------------------------------------------------------- */

#define MIX 4

struct mix {
   struct share_pair pair;
   struct vkt_object *objects[MIX];
};

static struct mix
open_mix(void)
{
   const struct share_pair pair = share_pair(VKT_TIMELINE, 0);

   return (struct mix){pair, {
      vkt_create(pair.device, VKT_TIMELINE),
      vkt_create_exportable(pair.device, VKT_TIMELINE),
      pair.semaphore,
      share_create(pair.device, VKT_TIMELINE, 0),
   }};
}

static VkResult
wait_for_mix(const struct mix *mix, uint64_t value, bool all,
             uint64_t timeout_ms)
{
   return vkt_wait_many(mix->objects, MIX, value, all, timeout_ms);
}

/* For any of them, each with a value of its own */
static VkResult
wait_for_values(const struct mix *mix, const uint64_t *values,
                uint64_t timeout_ms)
{
   VkSemaphore semaphores[MIX];
   const VkSemaphoreWaitInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
      .flags = VK_SEMAPHORE_WAIT_ANY_BIT,
      .semaphoreCount = MIX,
      .pSemaphores = semaphores,
      .pValues = values,
   };

   for (unsigned i = 0; i < MIX; i++)
      semaphores[i] = mix->objects[i]->semaphore;
   return vkWaitSemaphores(mix->pair.device->handle, &info,
                           timeout_ms * 1000000);
}

/* Goes on once that one has its value, and not before. */
static void
expect_any_of_a_mix(const struct mix *mix, const uint64_t *values, unsigned i)
{
   EXPECT_RESULT(wait_for_values(mix, values, 0), VK_TIMEOUT);
   EXPECT_RESULT(wait_for_values(mix, values, 5), VK_TIMEOUT);

   struct vkt_later *later =
      vkt_signal_later(mix->objects[i], values[i], VKT_PENDING_MS);
   EXPECT_OK(wait_for_values(mix, values, VKT_LONG_MS));
   vkt_join_later(later);
}

static void
any_of_a_mix(intptr_t arg)
{
   struct mix mix = open_mix();

   for (uint64_t round = 1; round <= 3; round++) {
      for (unsigned i = 0; i < MIX; i++) {
         uint64_t values[MIX];

         for (unsigned j = 0; j < MIX; j++)
            values[j] = round + (j < i);
         expect_any_of_a_mix(&mix, values, i);
      }
   }

   /* The last value there is, for the fence, among others */
   const uint64_t values[MIX] = {4, 4, UINT64_MAX, 4};

   runtime_signal(mix.pair.fence, UINT64_MAX - 1);
   expect_any_of_a_mix(&mix, values, 0);
}

static void
all_of_a_mix(intptr_t arg)
{
   struct mix mix = open_mix();

   for (uint64_t round = 1; round <= 3; round++) {
      struct vkt_later *later[MIX];

      for (unsigned i = 0; i < MIX; i++)
         later[i] = vkt_signal_later(mix.objects[i], round,
                                     1 + test_random_below(VKT_PENDING_MS));
      EXPECT_OK(wait_for_mix(&mix, round, true, VKT_LONG_MS));
      for (unsigned i = 0; i < MIX; i++) {
         vkt_join_later(later[i]);
         EXPECT_U64(vkt_value(mix.objects[i]), round);
      }
   }
}

/* Of this thread */
static uint64_t
cpu_us(void)
{
   FILETIME created, exited, kernel, user;

   REQUIRE(GetThreadTimes(GetCurrentThread(), &created, &exited, &kernel,
                          &user));
   return (((uint64_t)kernel.dwHighDateTime << 32 | kernel.dwLowDateTime) +
           ((uint64_t)user.dwHighDateTime << 32 | user.dwLowDateTime)) / 10;
}

/* Blocks; that it looks now and then takes next to nothing. */
static void
expect_no_cpu(struct vkt_object *const *objects, unsigned count,
              uint64_t value, unsigned most_ms)
{
   EXPECT_RESULT(vkt_wait_many(objects, count, value, false, 20), VK_TIMEOUT);

   const uint64_t before = cpu_us();
   EXPECT_RESULT(vkt_wait_many(objects, count, value, false, 1000),
                 VK_TIMEOUT);
   const uint64_t used = cpu_us() - before;

   test_diag("%llu us of CPU in 1 s", (unsigned long long)used);
   EXPECT(used < most_ms * 1000);
}

/* Also for the last value there is */
static void
waiting_takes_no_cpu(intptr_t arg)
{
   struct mix mix = open_mix();

   expect_no_cpu(mix.objects, MIX, 1, 100);
   runtime_signal(mix.pair.fence, UINT64_MAX - 1);
   expect_no_cpu(&mix.pair.semaphore, 1, UINT64_MAX, 60);
   expect_wait_ends(&mix.pair, UINT64_MAX, VKT_PENDING_MS);
}

/* Fences that go back ------------------------------------------------------ */

/* Direct3D forgets a request once it is met, so it has to be made again. */
static void
rewound_after_time_out(intptr_t arg)
{
   struct share_pair pair = share_pair(VKT_TIMELINE, 0);

   for (unsigned i = 0; i < 5; i++) {
      EXPECT_RESULT(vkt_wait(pair.semaphore, 20, 1), VK_TIMEOUT);
      runtime_signal(pair.fence, 20);
      if (i % 2)
         EXPECT_OK(vkt_wait(pair.semaphore, 20, 0));
      runtime_signal(pair.fence, i % 3);
      EXPECT_U64(vkt_value(pair.semaphore), i % 3);
      EXPECT_RESULT(vkt_wait(pair.semaphore, 20, 1), VK_TIMEOUT);
      expect_wait_ends(&pair, 20, VKT_PENDING_MS);
      runtime_signal(pair.fence, 0);
   }
   share_expect_linked(pair.semaphore, pair.fence);
}

static void
rewound_while_waited_for(intptr_t arg)
{
   struct share_pair pair = share_pair(VKT_TIMELINE, 0);
   struct vkt_object *done = share_queue_wait(pair.semaphore, 10);

   for (uint64_t i = 1; i < 10; i++) {
      runtime_signal(pair.fence, i);
      runtime_signal(pair.fence, i / 2);
   }
   vkt_expect_pending(done);
   runtime_signal(pair.fence, 10);
   vkt_expect_done(done);
}

/* Requests ----------------------------------------------------------------- */

/* How many more requests the double takes, of DOUBLE_MAX_EVENTS */
static void
expect_few_requests(ID3D12Fence *fence)
{
   HANDLE event = runtime_event();
   unsigned taken = 0;

   while (taken <= DOUBLE_MAX_EVENTS &&
          SUCCEEDED(ID3D12Fence_SetEventOnCompletion(fence, UINT64_MAX / 2,
                                                     event)))
      taken++;
   test_diag("it takes %u more requests", taken);
   EXPECT(taken >= DOUBLE_MAX_EVENTS - 16 && taken <= DOUBLE_MAX_EVENTS);
}

/* A stranger may have the fence go back and forth below what is waited for. */
static void
time_outs_leave_little_behind(intptr_t rewinds)
{
   struct share_pair pair = share_pair(VKT_TIMELINE, 0);

   runtime_load();
   for (unsigned i = 0; i < 3 * DOUBLE_MAX_EVENTS; i++) {
      if (rewinds)
         runtime_signal(pair.fence, 1 + i % 2);
      EXPECT_RESULT(vkt_wait(pair.semaphore,
                             1000 + (i % 2 && !rewinds ? i : 0), 1),
                    VK_TIMEOUT);
   }
   expect_few_requests(pair.fence);
}

/* Somebody waits for the end, somebody else for each step. */
static void
far_and_near_values(intptr_t arg)
{
   struct share_pair pair = share_pair(VKT_TIMELINE, 0);
   struct vkt_object *end = share_queue_wait(pair.semaphore, 1u << 30);

   runtime_load();
   for (uint64_t i = 1; i <= 2 * DOUBLE_MAX_EVENTS; i++) {
      EXPECT_RESULT(vkt_wait(pair.semaphore, i, 1), VK_TIMEOUT);
      runtime_signal(pair.fence, i);
   }
   EXPECT_U64(vkt_value(end), 0);
   expect_few_requests(pair.fence);
   runtime_signal(pair.fence, 1u << 30);
   vkt_expect_done(end);
}

/* What is remembered of fences that are gone must not stand in the way. */
static void
gone_fences_leave_little_behind(intptr_t arg)
{
   struct mix mix = open_mix();

   runtime_load();
   for (unsigned i = 0; i < 20; i++) {
      struct vkt_object *gone = share_create(mix.pair.device, VKT_TIMELINE, 0);

      EXPECT_RESULT(vkt_wait(gone, 1, 1), VK_TIMEOUT);
      vkt_destroy(gone);
   }
   for (unsigned i = 0; i < 2 * DOUBLE_MAX_EVENTS; i++)
      EXPECT_RESULT(wait_for_mix(&mix, 1000, false, 1), VK_TIMEOUT);
   expect_few_requests(mix.pair.fence);
}

/* Without requests, waits look every 2 ms: in sum clearly less than the
 * 100 ms after which they look anyhow.
 */
static void
requests_that_are_refused(intptr_t arg)
{
   struct share_pair pair = share_pair(VKT_TIMELINE, 0);
   const unsigned rounds = 10;
   double late_ms = 0;

   runtime_load();
   for (uint64_t i = 1; i <= rounds; i++) {
      const double start_ms = test_now_ms();

      runtime_set_variable(DOUBLE_FAIL_VARIABLE, i % 5 ? "event" : "");
      expect_wait_ends(&pair, i, 10);
      late_ms += test_now_ms() - start_ms - 10;
   }
   test_diag("%.1f ms late on average", late_ms / rounds);
   EXPECT(late_ms / rounds < 50);
}

/* Removed devices ---------------------------------------------------------- */

static void
remove_device(void *how)
{
   Sleep(VKT_PENDING_MS);
   runtime_load()->remove_device(runtime_warp(),
                                 (enum double_removal)(intptr_t)how);
}

/* The signals are lost, which must not look like signals. */
static void
removed_device(intptr_t how)
{
   struct share_pair pair = share_pair(VKT_TIMELINE, 1);
   uint64_t value = 0;

   runtime_load();
   struct test_thread *thread = test_thread_start(remove_device, (void *)how);
   EXPECT_RESULT(vkt_wait(pair.semaphore, 2, VKT_LONG_MS),
                 VK_ERROR_DEVICE_LOST);
   test_thread_join(thread);

   EXPECT_RESULT(vkt_wait(pair.semaphore, 2, 0), VK_ERROR_DEVICE_LOST);
   EXPECT_RESULT(vkt_wait(pair.semaphore, 2, VKT_LONG_MS),
                 VK_ERROR_DEVICE_LOST);
   vkt_clear_messages(pair.device);
   EXPECT_RESULT(vkGetSemaphoreCounterValue(pair.device->handle,
                                            pair.semaphore->semaphore, &value),
                 VK_ERROR_DEVICE_LOST);
   vkt_expect_message(pair.device, VK_ERROR_DEVICE_LOST,
                      "The Direct3D 12 device of the fence has been removed");
   EXPECT_RESULT(share_try_signal(pair.semaphore, 2),
                 VK_ERROR_OUT_OF_DEVICE_MEMORY);
   vkt_expect_message(pair.device, VK_ERROR_OUT_OF_DEVICE_MEMORY,
                      "Direct3D 12 cannot signal the fence");

   /* What has nothing to do with it goes on. */
   vkt_expect_works(vkt_create(pair.device, VKT_TIMELINE));
   vkt_expect_works(vkt_create_exportable(pair.device, VKT_TIMELINE));
   vkt_destroy(pair.semaphore);
}

/* Neither does a wait for more than the lost fence go on. */
static void
removed_device_ends_wait_for_all(intptr_t arg)
{
   struct mix mix = open_mix();

   runtime_load();
   struct test_thread *thread =
      test_thread_start(remove_device, (void *)DOUBLE_REMOVAL_FOR_DEVICE);
   EXPECT_RESULT(wait_for_mix(&mix, 1, true, VKT_LONG_MS),
                 VK_ERROR_DEVICE_LOST);
   test_thread_join(thread);
}

/* Asking meanwhile does not make the loss a lasting one. */
static void
asked_while_removed(intptr_t arg)
{
   struct share_pair pair = share_pair(VKT_TIMELINE, 0);
   struct vkt_object *target = vkt_create(pair.device, VKT_TIMELINE);

   remove_device((void *)DOUBLE_REMOVAL_FOR_DEVICE);
   share_query(pair.device, VKT_TIMELINE, SHARE_D3D12);
   EXPECT_RESULT(share_try_import(target, pair.handle, NULL),
                 VK_ERROR_INVALID_EXTERNAL_HANDLE);
   vkt_expect_works(target);
}

/* Once nobody has the removed device any more, there is a new one, which all
 * cases but the first need.
 */
static void
after_removal(intptr_t arg)
{
   runtime_load();

   /* Not share_open(), which would skip this if Direct3D were gone for good. */
   struct vkt_object *object = share_create(vkt_open(), VKT_TIMELINE, 0);

   share_expect_linked(object, share_fence(object));
}

/* The queue's wait ends, and with it the queue. */
static void
removed_device_ends_queue_wait(intptr_t arg)
{
   struct share_pair pair = share_pair(VKT_BINARY, 0);
   struct vkt_object *done = share_queue_wait(pair.semaphore, 2);

   remove_device((void *)DOUBLE_REMOVAL_FOR_DEVICE);
   EXPECT_RESULT(vkt_wait(done, 0, VKT_LONG_MS), VK_ERROR_DEVICE_LOST);
   EXPECT_RESULT(vkDeviceWaitIdle(pair.device->handle), VK_ERROR_DEVICE_LOST);
}

const struct test_case test_cases[] = {
   {"host_operations", host_operations, 0, 0},
   {"wait_before_signal", wait_before_signal, 0, 0},
   {"any_of_a_mix", any_of_a_mix, 0, 0},
   {"all_of_a_mix", all_of_a_mix, 0, 0},
   {"waiting_takes_no_cpu", waiting_takes_no_cpu, 0, 0},
   {"rewound_after_time_out", rewound_after_time_out, 0, 0},
   {"rewound_while_waited_for", rewound_while_waited_for, 0, 0},
   {"time_outs_leave_little_behind", time_outs_leave_little_behind, false, 0},
   {"rewinds_leave_little_behind", time_outs_leave_little_behind, true, 0},
   {"far_and_near_values", far_and_near_values, 0, 0},
   {"gone_fences_leave_little_behind", gone_fences_leave_little_behind, 0, 0},
   {"requests_that_are_refused", requests_that_are_refused, 0, 0},
   {"removed_device", removed_device, DOUBLE_REMOVAL_FOR_DEVICE, 0},
   {"removed_device_for_all", removed_device, DOUBLE_REMOVAL_FOR_ALL, 0},
   {"removed_device_ends_queue_wait", removed_device_ends_queue_wait, 0, 0},
   {"removed_device_ends_wait_for_all", removed_device_ends_wait_for_all,
    0, 0},
   {"asked_while_removed", asked_while_removed, 0, 0},
   {"after_removal", after_removal, 0, 0},
   {0},
};

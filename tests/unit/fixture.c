/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <stdlib.h>

#include "util/bitscan.h"
#include "util/os_time.h"
#include "util/simple_mtx.h"
#include "util/u_dynarray.h"
#include "mesa_device.h"
#include "vk_common_entrypoints.h"

#define OPAQUE_WIN32 VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT

struct unit {
   struct mesa_device mesa;
   struct vk_queue queues[2];
   unsigned queue_count;

   /* What the case has not destroyed itself */
   simple_mtx_t lock;
   struct util_dynarray syncs;
};

static struct unit *
get_unit(struct vk_device *device)
{
   return container_of(device, struct unit, mesa.device);
}

bool
unit_check(VkResult result, VkResult want, bool required, const char *file,
           int line, const char *text)
{
   if (result != want)
      test_fail(required, file, line, "%s is %d, not %d", text, result, want);
   return result == want;
}

static void
unit_finish(void *data)
{
   struct unit *unit = data;

   while (unit->queue_count > 0)
      vk_queue_finish(&unit->queues[--unit->queue_count]);
   util_dynarray_foreach(&unit->syncs, struct vk_sync *, sync)
      vk_sync_destroy(&unit->mesa.device, *sync);
   util_dynarray_fini(&unit->syncs);
   simple_mtx_destroy(&unit->lock);
   mesa_device_finish(&unit->mesa);
   free(unit);
}

struct vk_device *
unit_device(void)
{
   static const struct vk_sync_type *const sync_types[] = {
      &vk_sync_win32_type,
      NULL,
   };
   struct unit *unit = calloc(1, sizeof(*unit));

   REQUIRE(unit != NULL);
   REQUIRE_OK(mesa_device_init(&unit->mesa, sync_types));
   simple_mtx_init(&unit->lock, mtx_plain);
   util_dynarray_init(&unit->syncs, NULL);
   test_defer(unit_finish, unit);
   return &unit->mesa.device;
}

static VkResult
submit(struct vk_queue *queue, struct vk_queue_submit *submit)
{
   struct vk_device *device = queue->base.device;
   VkResult result = vk_sync_wait_many(device, submit->wait_count,
                                       submit->waits, VK_SYNC_WAIT_COMPLETE,
                                       UINT64_MAX);

   for (uint32_t i = 0; i < submit->signal_count && result == VK_SUCCESS; i++)
      result = vk_sync_signal(device, submit->signals[i].sync,
                              submit->signals[i].signal_value);
   return result;
}

VkQueue
unit_queue(struct vk_device *device)
{
   struct unit *unit = get_unit(device);
   const float priorities[ARRAY_SIZE(unit->queues)] = { 1.0f, 1.0f };
   const VkDeviceQueueCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
      .queueCount = ARRAY_SIZE(unit->queues),
      .pQueuePriorities = priorities,
   };

   REQUIRE(unit->queue_count < ARRAY_SIZE(unit->queues));
   struct vk_queue *queue = &unit->queues[unit->queue_count];
   REQUIRE_OK(vk_queue_init(queue, device, &info, unit->queue_count));
   queue->driver_submit = submit;
   unit->queue_count++;
   REQUIRE_OK(vk_queue_enable_submit_thread(queue));
   return vk_queue_to_handle(queue);
}

struct vk_sync *
unit_sync(struct vk_device *device, enum vk_sync_flags flags,
          uint64_t initial)
{
   struct unit *unit = get_unit(device);
   struct vk_sync *sync;

   REQUIRE_OK(vk_sync_create(device, &vk_sync_win32_type, flags, initial,
                             &sync));
   simple_mtx_lock(&unit->lock);
   util_dynarray_append(&unit->syncs, struct vk_sync *, sync);
   simple_mtx_unlock(&unit->lock);
   return sync;
}

void
unit_sync_destroy(struct vk_device *device, struct vk_sync *sync)
{
   struct unit *unit = get_unit(device);

   simple_mtx_lock(&unit->lock);
   util_dynarray_delete_unordered(&unit->syncs, struct vk_sync *, sync);
   simple_mtx_unlock(&unit->lock);
   vk_sync_destroy(device, sync);
}

void
unit_share(struct vk_device *device, struct vk_sync *sync,
           const wchar_t *name)
{
   REQUIRE_OK(vk_sync_set_win32_export_params(device, sync, OPAQUE_WIN32,
                                              NULL, 0, name));
}

struct vk_sync *
unit_shared(struct vk_device *device, enum vk_sync_flags flags)
{
   struct vk_sync *sync =
      unit_sync(device, flags | VK_SYNC_IS_SHAREABLE, 0);

   unit_share(device, sync, NULL);
   return sync;
}

struct vk_sync *
unit_create(struct vk_device *device, enum vk_sync_flags flags, bool shared)
{
   return shared ? unit_shared(device, flags) : unit_sync(device, flags, 0);
}

HANDLE
unit_export(struct vk_device *device, struct vk_sync *sync)
{
   HANDLE handle = NULL;

   REQUIRE_OK(vk_sync_export_win32_handle(device, sync, OPAQUE_WIN32,
                                          &handle));
   return test_own_handle(handle);
}

struct vk_sync *
unit_import(struct vk_device *device, struct vk_sync *sync)
{
   struct vk_sync *other =
      unit_sync(device, sync->flags & VK_SYNC_IS_TIMELINE, 0);
   HANDLE handle = unit_export(device, sync);

   REQUIRE_OK(vk_sync_import_win32_handle(device, other, OPAQUE_WIN32, handle,
                                          NULL));
   test_close(handle);
   return other;
}

struct vk_sync *
unit_take(struct vk_device *device, struct vk_sync *semaphore)
{
   struct vk_sync *wait = unit_sync(device, 0, 0);

   REQUIRE_OK(vk_sync_move(device, wait, semaphore));
   return wait;
}

unsigned
unit_armed(struct vk_sync *sync)
{
   struct vk_sync_win32_layout *layout = unit_layout(sync);

   return util_bitcount64(vk_sync_win32_load64(&layout->armed[0])) +
          util_bitcount64(vk_sync_win32_load64(&layout->armed[1]));
}

unsigned
unit_owned(struct vk_sync *sync)
{
   struct vk_sync_win32_layout *layout = unit_layout(sync);
   unsigned count = 0;

   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++)
      count += vk_sync_win32_load64(&layout->slots[i].owner) != 0;
   return count;
}

static uint64_t
value_for(const struct vk_sync *sync, uint64_t value)
{
   return sync->flags & VK_SYNC_IS_TIMELINE ? value : 0;
}

VkResult
unit_signal(struct vk_device *device, struct vk_sync *sync, uint64_t value)
{
   return vk_sync_signal(device, sync, value_for(sync, value));
}

VkResult
unit_wait(struct vk_device *device, struct vk_sync *sync, uint64_t value,
          uint64_t timeout_ns)
{
   return vk_sync_wait(device, sync, value_for(sync, value),
                       VK_SYNC_WAIT_COMPLETE,
                       os_time_get_absolute_timeout(timeout_ns));
}

static void
waiter_run(void *data)
{
   struct unit_waiter *waiter = data;

   waiter->result =
      vk_sync_wait_many(waiter->device, waiter->count, waiter->waits,
                        waiter->flags,
                        os_time_get_absolute_timeout(waiter->timeout_ns));
   waiter->ended_ms = test_now_ms();
   waiter->done = true;
}

void
unit_block(struct unit_waiter *waiter, struct vk_device *device,
           struct vk_sync *sync, uint64_t value, uint64_t timeout_ns)
{
   *waiter = (struct unit_waiter) {
      .device = device, .count = 1, .waits = &waiter->only,
      .only = { .sync = sync, .wait_value = value_for(sync, value) },
      .timeout_ns = timeout_ns,
   };
   waiter->thread = test_thread_start(waiter_run, waiter);
}

void
unit_block_many(struct unit_waiter *waiter, struct vk_device *device,
                uint32_t count, const struct vk_sync_wait *waits,
                enum vk_sync_wait_flags flags)
{
   *waiter = (struct unit_waiter) {
      .device = device, .count = count, .waits = waits, .flags = flags,
      .timeout_ns = UINT64_MAX,
   };
   waiter->thread = test_thread_start(waiter_run, waiter);
}

VkResult
unit_waiter_join(struct unit_waiter *waiter)
{
   test_thread_join(waiter->thread);
   return waiter->result;
}

static void
destroy_semaphore(void *data)
{
   struct vk_semaphore *semaphore = data;

   vk_common_DestroySemaphore(vk_device_to_handle(semaphore->base.device),
                              vk_semaphore_to_handle(semaphore), NULL);
}

VkSemaphore
unit_semaphore(struct vk_device *device, enum vk_sync_flags flags)
{
   const VkSemaphoreTypeCreateInfo type = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
      .semaphoreType = flags & VK_SYNC_IS_TIMELINE ?
                       VK_SEMAPHORE_TYPE_TIMELINE : VK_SEMAPHORE_TYPE_BINARY,
   };
   const VkSemaphoreCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
      .pNext = &type,
   };
   VkSemaphore semaphore;

   REQUIRE_OK(vk_common_CreateSemaphore(vk_device_to_handle(device), &info,
                                        NULL, &semaphore));
   test_defer(destroy_semaphore, vk_semaphore_from_handle(semaphore));
   return semaphore;
}

void
unit_semaphore_destroy(VkSemaphore semaphore)
{
   test_undefer(destroy_semaphore, vk_semaphore_from_handle(semaphore));
   destroy_semaphore(vk_semaphore_from_handle(semaphore));
}

static void
destroy_fence(void *data)
{
   struct vk_fence *fence = data;

   vk_common_DestroyFence(vk_device_to_handle(fence->base.device),
                          vk_fence_to_handle(fence), NULL);
}

VkFence
unit_fence(struct vk_device *device)
{
   const VkFenceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
   };
   VkFence fence;

   REQUIRE_OK(vk_common_CreateFence(vk_device_to_handle(device), &info, NULL,
                                    &fence));
   test_defer(destroy_fence, vk_fence_from_handle(fence));
   return fence;
}

void
unit_fence_destroy(VkFence fence)
{
   test_undefer(destroy_fence, vk_fence_from_handle(fence));
   destroy_fence(vk_fence_from_handle(fence));
}

void
unit_semaphore_import(VkSemaphore semaphore, VkSemaphoreImportFlags flags,
                      HANDLE handle, const wchar_t *name)
{
   const VkImportSemaphoreWin32HandleInfoKHR info = {
      .sType = VK_STRUCTURE_TYPE_IMPORT_SEMAPHORE_WIN32_HANDLE_INFO_KHR,
      .semaphore = semaphore,
      .flags = flags,
      .handleType = OPAQUE_WIN32,
      .handle = handle,
      .name = name,
   };
   struct vk_device *device =
      vk_semaphore_from_handle(semaphore)->base.device;

   REQUIRE_OK(vk_common_ImportSemaphoreWin32HandleKHR(
      vk_device_to_handle(device), &info));
}

#define MOST_BATCHES 2

VkResult
unit_submit(VkQueue queue, unsigned count, const struct unit_batch *batches,
            VkFence fence)
{
   VkSemaphoreSubmitInfo waits[MOST_BATCHES], signals[MOST_BATCHES];
   VkSubmitInfo2 infos[MOST_BATCHES];

   REQUIRE(count <= MOST_BATCHES);
   for (unsigned i = 0; i < count; i++) {
      waits[i] = (VkSemaphoreSubmitInfo) {
         .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
         .semaphore = batches[i].wait,
         .value = batches[i].wait_value,
      };
      signals[i] = (VkSemaphoreSubmitInfo) {
         .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
         .semaphore = batches[i].signal,
      };
      infos[i] = (VkSubmitInfo2) {
         .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
         .waitSemaphoreInfoCount = batches[i].wait != VK_NULL_HANDLE,
         .pWaitSemaphoreInfos = &waits[i],
         .signalSemaphoreInfoCount = batches[i].signal != VK_NULL_HANDLE,
         .pSignalSemaphoreInfos = &signals[i],
      };
   }
   return vk_common_QueueSubmit2(queue, count, infos, fence);
}

VkResult
unit_fence_wait(VkFence fence, uint64_t timeout_ns)
{
   struct vk_device *device = vk_fence_from_handle(fence)->base.device;

   return vk_common_WaitForFences(vk_device_to_handle(device), 1, &fence,
                                  true, timeout_ns);
}

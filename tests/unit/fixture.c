/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <stdlib.h>

#include "util/bitscan.h"
#include "util/os_time.h"
#include "util/u_dynarray.h"
#include "vk_alloc.h"
#include "vk_common_entrypoints.h"
#include "vk_instance.h"
#include "vk_physical_device.h"

struct unit {
   struct vk_instance instance;
   struct vk_physical_device physical;
   struct vk_device device;
   struct vk_queue queues[2];
   unsigned queue_count;

   /* What the case has not destroyed itself */
   struct util_dynarray syncs;
};

static const struct vk_sync_type *const sync_types[] = {
   &vk_sync_win32_type,
   NULL,
};

static void
unit_finish(void *data)
{
   struct unit *unit = data;

   while (unit->queue_count > 0)
      vk_queue_finish(&unit->queues[--unit->queue_count]);
   util_dynarray_foreach(&unit->syncs, struct vk_sync *, sync)
      vk_sync_destroy(&unit->device, *sync);
   util_dynarray_fini(&unit->syncs);
   vk_device_finish(&unit->device);
   vk_physical_device_finish(&unit->physical);
   vk_instance_finish(&unit->instance);
   free(unit);
}

struct vk_device *
unit_device(void)
{
   static const struct vk_instance_extension_table instance_extensions = {0};
   static const struct vk_device_extension_table device_extensions = {
      .KHR_external_fence_win32 = true,
      .KHR_external_semaphore_win32 = true,
   };
   const struct vk_instance_dispatch_table instance_table = {0};
   const struct vk_physical_device_dispatch_table physical_table = {0};
   const struct vk_device_dispatch_table device_table = {0};
   const VkInstanceCreateInfo instance_info = {
      .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
   };
   const VkDeviceCreateInfo device_info = {
      .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
   };
   struct unit *unit = calloc(1, sizeof(*unit));
   REQUIRE(unit != NULL);

   REQUIRE(vk_instance_init(&unit->instance, &instance_extensions,
                            &instance_table, &instance_info,
                            vk_default_allocator()) == VK_SUCCESS);
   REQUIRE(vk_physical_device_init(&unit->physical, &unit->instance,
                                   &device_extensions, NULL, NULL,
                                   &physical_table) == VK_SUCCESS);
   unit->physical.supported_sync_types = sync_types;
   REQUIRE(vk_device_init(&unit->device, &unit->physical, &device_table,
                          &device_info, NULL) == VK_SUCCESS);
   vk_device_enable_threaded_submit(&unit->device);

   /* Messages may refer to what the application has a handle of. */
   vk_instance_to_handle(&unit->instance);
   vk_physical_device_to_handle(&unit->physical);
   vk_device_to_handle(&unit->device);

   util_dynarray_init(&unit->syncs, NULL);

   test_defer(unit_finish, unit);
   return &unit->device;
}

static VkResult
unit_submit(struct vk_queue *queue, struct vk_queue_submit *submit)
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
   struct unit *unit = container_of(device, struct unit, device);
   const float priorities[ARRAY_SIZE(unit->queues)] = { 1.0f, 1.0f };
   const VkDeviceQueueCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
      .queueCount = ARRAY_SIZE(unit->queues),
      .pQueuePriorities = priorities,
   };

   REQUIRE(unit->queue_count < ARRAY_SIZE(unit->queues));
   struct vk_queue *queue = &unit->queues[unit->queue_count];
   REQUIRE(vk_queue_init(queue, device, &info, unit->queue_count) ==
           VK_SUCCESS);
   queue->driver_submit = unit_submit;
   unit->queue_count++;
   REQUIRE(vk_queue_enable_submit_thread(queue) == VK_SUCCESS);

   return vk_queue_to_handle(queue);
}

struct vk_sync *
unit_sync(struct vk_device *device, enum vk_sync_flags flags,
          uint64_t initial)
{
   struct unit *unit = container_of(device, struct unit, device);
   struct vk_sync *sync;

   REQUIRE(vk_sync_create(device, &vk_sync_win32_type, flags, initial,
                          &sync) == VK_SUCCESS);
   util_dynarray_append(&unit->syncs, struct vk_sync *, sync);
   return sync;
}

void
unit_sync_destroy(struct vk_device *device, struct vk_sync *sync)
{
   struct unit *unit = container_of(device, struct unit, device);

   util_dynarray_delete_unordered(&unit->syncs, struct vk_sync *, sync);
   vk_sync_destroy(device, sync);
}

struct vk_sync *
unit_shared(struct vk_device *device, enum vk_sync_flags flags)
{
   struct vk_sync *sync =
      unit_sync(device, flags | VK_SYNC_IS_SHAREABLE, 0);
   REQUIRE(vk_sync_set_win32_export_params(
              device, sync, VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT,
              NULL, 0, NULL) == VK_SUCCESS);
   return sync;
}

HANDLE
unit_export(struct vk_device *device, struct vk_sync *sync)
{
   HANDLE handle = NULL;
   REQUIRE(vk_sync_export_win32_handle(
              device, sync, VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT,
              &handle) == VK_SUCCESS);
   return handle;
}

struct vk_sync *
unit_import(struct vk_device *device, struct vk_sync *sync)
{
   struct vk_sync *other =
      unit_sync(device, sync->flags & VK_SYNC_IS_TIMELINE, 0);
   HANDLE handle = unit_export(device, sync);

   REQUIRE(vk_sync_import_win32_handle(
              device, other, VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT,
              handle, NULL) == VK_SUCCESS);

   CloseHandle(handle);
   return other;
}

unsigned
unit_armed(struct vk_sync *sync)
{
   struct vk_sync_win32_layout *layout = unit_layout(sync);

   return util_bitcount64(vk_sync_win32_load64(&layout->armed[0])) +
          util_bitcount64(vk_sync_win32_load64(&layout->armed[1]));
}

VkResult
unit_wait(struct vk_device *device, struct vk_sync *sync, uint64_t value,
          uint64_t timeout_ns)
{
   return vk_sync_wait(device, sync, value, VK_SYNC_WAIT_COMPLETE,
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
unit_waiter_start(struct unit_waiter *waiter)
{
   waiter->done = false;
   waiter->thread = test_thread_start(waiter_run, waiter);
}

void
unit_waiter_join(struct unit_waiter *waiter)
{
   test_thread_join(waiter->thread);
}

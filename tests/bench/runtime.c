/* SPDX-License-Identifier: MIT */
#include "runtime.h"

#include "vk_alloc.h"
#include "vk_instance.h"
#include "vk_physical_device.h"
#include "vk_sync_timeline.h"

struct runtime {
   struct vk_instance instance;
   struct vk_physical_device physical;
   struct vk_device device;
   struct vk_sync_timeline_type emulated_timeline;
   const struct vk_sync_type *types[3];
};

static struct runtime runtimes[2];

static const struct vk_sync_type *
timeline_type(struct runtime *runtime, enum bench_side side)
{
   return side == BENCH_OURS ? &vk_sync_win32_type :
                               &runtime->emulated_timeline.sync;
}

static void
set_types(struct runtime *runtime, enum bench_side side)
{
   if (side == BENCH_OURS) {
      runtime->types[0] = &vk_sync_win32_type;
   } else {
      runtime->emulated_timeline =
         vk_sync_timeline_get_type(bench_upstream_type);
      runtime->types[0] = bench_upstream_type;
      runtime->types[1] = &runtime->emulated_timeline.sync;
   }
   runtime->physical.supported_sync_types = runtime->types;
}

static void
create(struct runtime *runtime, enum bench_side side)
{
   static const struct vk_instance_extension_table instance_extensions = {0};
   static const struct vk_device_extension_table device_extensions = {0};
   const struct vk_instance_dispatch_table instance_table = {0};
   const struct vk_physical_device_dispatch_table physical_table = {0};
   const struct vk_device_dispatch_table device_table = {0};
   const VkInstanceCreateInfo instance_info = {
      .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
   };
   const VkDeviceCreateInfo device_info = {
      .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
   };

   REQUIRE(vk_instance_init(&runtime->instance, &instance_extensions,
                            &instance_table, &instance_info,
                            vk_default_allocator()) == VK_SUCCESS);
   REQUIRE(vk_physical_device_init(&runtime->physical,
                                   &runtime->instance,
                                   &device_extensions, NULL, NULL,
                                   &physical_table) == VK_SUCCESS);
   set_types(runtime, side);
   REQUIRE(vk_device_init(&runtime->device, &runtime->physical,
                          &device_table, &device_info,
                          NULL) == VK_SUCCESS);
   vk_device_enable_threaded_submit(&runtime->device);
}

struct vk_device *
bench_device(enum bench_side side)
{
   struct runtime *runtime = &runtimes[side];

   /* The first call of each is on the main thread. */
   if (runtime->types[0] == NULL)
      create(runtime, side);
   return &runtime->device;
}

static struct vk_sync *
create_sync(enum bench_side side, const struct vk_sync_type *type,
            enum vk_sync_flags flags)
{
   struct vk_sync *sync;

   REQUIRE(vk_sync_create(bench_device(side), type, flags, 0, &sync) ==
           VK_SUCCESS);
   return sync;
}

struct vk_sync *
bench_fence(enum bench_side side)
{
   bench_device(side);
   return create_sync(side, runtimes[side].types[0], 0);
}

struct vk_sync *
bench_timeline(enum bench_side side)
{
   bench_device(side);
   return create_sync(side, timeline_type(&runtimes[side], side),
                      VK_SYNC_IS_TIMELINE);
}

void
bench_sync_destroy(enum bench_side side, struct vk_sync *sync)
{
   vk_sync_destroy(bench_device(side), sync);
}

void
bench_signal(enum bench_side side, struct vk_sync *sync, uint64_t value)
{
   REQUIRE(vk_sync_signal(&runtimes[side].device, sync, value) ==
           VK_SUCCESS);
}

void
bench_wait(enum bench_side side, struct vk_sync *sync, uint64_t value)
{
   REQUIRE(vk_sync_wait(&runtimes[side].device, sync, value,
                        VK_SYNC_WAIT_COMPLETE, UINT64_MAX) ==
           VK_SUCCESS);
}

void
bench_reset(enum bench_side side, struct vk_sync *sync)
{
   REQUIRE(vk_sync_reset(&runtimes[side].device, sync) == VK_SUCCESS);
}

struct bench_transitions bench_transitions;

static struct vk_sync_win32_nt_table real;

static LONG WINAPI
wait_for_keyed_event(HANDLE event, void *key, BOOLEAN alertable,
                     const LARGE_INTEGER *timeout)
{
   p_atomic_inc(&bench_transitions.keyed_waits);
   return real.wait_for_keyed_event(event, key, alertable, timeout);
}

static LONG WINAPI
release_keyed_event(HANDLE event, void *key, BOOLEAN alertable,
                    const LARGE_INTEGER *timeout)
{
   p_atomic_inc(&bench_transitions.keyed_releases);
   return real.release_keyed_event(event, key, alertable, timeout);
}

static LONG WINAPI
wait_for_single_object(HANDLE object, BOOLEAN alertable,
                       const LARGE_INTEGER *timeout)
{
   p_atomic_inc(&bench_transitions.object_waits);
   return real.wait_for_single_object(object, alertable, timeout);
}

static LONG WINAPI
wait_for_multiple_objects(ULONG count, const HANDLE *objects, ULONG wait_any,
                          BOOLEAN alertable, const LARGE_INTEGER *timeout)
{
   p_atomic_inc(&bench_transitions.object_waits);
   return real.wait_for_multiple_objects(count, objects, wait_any, alertable,
                                         timeout);
}

static LONG WINAPI
release_semaphore(HANDLE semaphore, LONG count, LONG *previous)
{
   p_atomic_inc(&bench_transitions.semaphore_releases);
   return real.release_semaphore(semaphore, count, previous);
}

static LONG WINAPI
delay_execution(BOOLEAN alertable, const LARGE_INTEGER *interval)
{
   p_atomic_inc(&bench_transitions.others);
   return real.delay_execution(alertable, interval);
}

static LONG WINAPI
query_section(HANDLE section, int info_class, void *info, SIZE_T size,
              SIZE_T *result_size)
{
   p_atomic_inc(&bench_transitions.others);
   return real.query_section(section, info_class, info, size, result_size);
}

static LONG WINAPI
query_object(HANDLE object, int info_class, void *info, ULONG size,
             ULONG *result_size)
{
   p_atomic_inc(&bench_transitions.others);
   return real.query_object(object, info_class, info, size, result_size);
}

void
bench_count_transitions(void)
{
   REQUIRE(vk_sync_win32_nt_init());

   real = vk_sync_win32_nt;
   vk_sync_win32_nt.wait_for_keyed_event = wait_for_keyed_event;
   vk_sync_win32_nt.release_keyed_event = release_keyed_event;
   vk_sync_win32_nt.wait_for_single_object = wait_for_single_object;
   vk_sync_win32_nt.wait_for_multiple_objects = wait_for_multiple_objects;
   vk_sync_win32_nt.release_semaphore = release_semaphore;
   vk_sync_win32_nt.delay_execution = delay_execution;
   vk_sync_win32_nt.query_section = query_section;
   vk_sync_win32_nt.query_object = query_object;
}

uint32_t
bench_transition_total(void)
{
   const struct bench_transitions *t = &bench_transitions;

   return t->keyed_waits + t->keyed_releases + t->object_waits +
          t->semaphore_releases + t->others;
}

uint32_t
bench_wake_total(void)
{
   const struct bench_transitions *t = &bench_transitions;

   return t->keyed_releases + t->semaphore_releases;
}

/* SPDX-License-Identifier: MIT */
#include "runtime.h"

#include "mesa_device.h"
#include "vk_sync_timeline.h"

#include "util/bitscan.h"

#include "vk_sync_win32_payload_section.h"

#define OPAQUE_WIN32 VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT

struct runtime {
   struct mesa_device mesa;
   struct vk_sync_timeline_type emulated_timeline;
   /* For fences, and for timelines */
   const struct vk_sync_type *types[2];
   const struct vk_sync_type *list[3];
};

static struct runtime runtimes[2];

static void
create(struct runtime *runtime, enum bench_side side)
{
   if (side == BENCH_OURS) {
      runtime->types[0] = runtime->types[1] = &vk_sync_win32_type;
      runtime->list[0] = &vk_sync_win32_type;
   } else {
      runtime->emulated_timeline =
         vk_sync_timeline_get_type(bench_upstream_type);
      runtime->types[0] = runtime->list[0] = bench_upstream_type;
      runtime->types[1] = runtime->list[1] = &runtime->emulated_timeline.sync;
   }
   REQUIRE(mesa_device_init(&runtime->mesa, runtime->list) == VK_SUCCESS);
}

struct vk_device *
bench_device(enum bench_side side)
{
   struct runtime *runtime = &runtimes[side];

   /* The first call of each is on the main thread. */
   if (runtime->list[0] == NULL)
      create(runtime, side);
   return &runtime->mesa.device;
}

static struct vk_sync *
create_sync(enum bench_side side, enum vk_sync_flags flags)
{
   struct vk_device *device = bench_device(side);
   const bool timeline = flags & VK_SYNC_IS_TIMELINE;
   struct vk_sync *sync;

   REQUIRE(vk_sync_create(device, runtimes[side].types[timeline], flags, 0,
                          &sync) == VK_SUCCESS);
   return sync;
}

struct vk_sync *
bench_fence(enum bench_side side)
{
   return create_sync(side, 0);
}

struct vk_sync *
bench_timeline(enum bench_side side)
{
   return create_sync(side, VK_SYNC_IS_TIMELINE);
}

struct vk_sync *
bench_shared_create(enum vk_sync_flags flags)
{
   struct vk_sync *sync = create_sync(BENCH_OURS,
                                      flags | VK_SYNC_IS_SHAREABLE);

   REQUIRE(vk_sync_set_win32_export_params(bench_device(BENCH_OURS), sync,
                                           OPAQUE_WIN32, NULL, 0, NULL) ==
           VK_SUCCESS);
   return sync;
}

struct vk_sync *
bench_shared_import(enum vk_sync_flags flags, HANDLE handle)
{
   struct vk_sync *sync = create_sync(BENCH_OURS,
                                      flags | VK_SYNC_IS_SHAREABLE);

   REQUIRE(vk_sync_import_win32_handle(bench_device(BENCH_OURS), sync,
                                       OPAQUE_WIN32, handle, NULL) ==
           VK_SUCCESS);
   return sync;
}

HANDLE
bench_shared_export(struct vk_sync *sync)
{
   HANDLE handle;

   REQUIRE(vk_sync_export_win32_handle(bench_device(BENCH_OURS), sync,
                                       OPAQUE_WIN32, &handle) ==
           VK_SUCCESS);
   return handle;
}

uint32_t
bench_shared_blocked(struct vk_sync *sync)
{
   struct vk_sync_win32_layout *layout = vk_sync_win32_section_get_layout(
      ((struct vk_sync_win32 *)sync)->payload);

   return util_bitcount64(vk_sync_win32_load64(&layout->armed[0])) +
          util_bitcount64(vk_sync_win32_load64(&layout->armed[1]));
}

void
bench_sync_destroy(enum bench_side side, struct vk_sync *sync)
{
   vk_sync_destroy(bench_device(side), sync);
}

void
bench_signal(enum bench_side side, struct vk_sync *sync, uint64_t value)
{
   REQUIRE(vk_sync_signal(&runtimes[side].mesa.device, sync, value) ==
           VK_SUCCESS);
}

void
bench_wait(enum bench_side side, struct vk_sync *sync, uint64_t value)
{
   REQUIRE(vk_sync_wait(&runtimes[side].mesa.device, sync, value,
                        VK_SYNC_WAIT_COMPLETE, UINT64_MAX) ==
           VK_SUCCESS);
}

void
bench_reset(enum bench_side side, struct vk_sync *sync)
{
   REQUIRE(vk_sync_reset(&runtimes[side].mesa.device, sync) == VK_SUCCESS);
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

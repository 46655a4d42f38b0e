/* SPDX-License-Identifier: MIT */
#include "runtime.h"

#include "mesa_device.h"
#include "vk_sync_timeline.h"

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

   /* The first call of each is on the case's own thread. */
   if (runtime->list[0] == NULL)
      create(runtime, side);
   return &runtime->mesa.device;
}

struct vk_sync *
bench_sync(enum bench_side side, enum vk_sync_flags flags)
{
   struct vk_device *device = bench_device(side);
   const bool timeline = flags & VK_SYNC_IS_TIMELINE;
   struct vk_sync *sync;

   REQUIRE(vk_sync_create(device, runtimes[side].types[timeline], flags, 0,
                          &sync) == VK_SUCCESS);
   return sync;
}

struct vk_sync *
bench_shared_create(enum vk_sync_flags flags)
{
   struct vk_sync *sync = bench_sync(BENCH_OURS, flags | VK_SYNC_IS_SHAREABLE);

   unit_share(bench_device(BENCH_OURS), sync, NULL);
   return sync;
}

struct vk_sync *
bench_shared_import(enum vk_sync_flags flags, HANDLE handle)
{
   struct vk_sync *sync = bench_sync(BENCH_OURS, flags | VK_SYNC_IS_SHAREABLE);

   REQUIRE(vk_sync_import_win32_handle(bench_device(BENCH_OURS), sync,
                                       OPAQUE_WIN32, handle, NULL) ==
           VK_SUCCESS);
   return sync;
}

void
bench_signal(enum bench_side side, struct vk_sync *sync, uint64_t value)
{
   REQUIRE(unit_signal(bench_device(side), sync, value) == VK_SUCCESS);
}

void
bench_wait(enum bench_side side, struct vk_sync *sync, uint64_t value)
{
   REQUIRE(vk_sync_wait(bench_device(side), sync,
                        sync->flags & VK_SYNC_IS_TIMELINE ? value : 0,
                        VK_SYNC_WAIT_COMPLETE, UINT64_MAX) == VK_SUCCESS);
}

/* Calls of the kernel ------------------------------------------------------ */

struct bench_calls bench_calls;

static struct vk_sync_win32_nt_table real;

static LONG WINAPI
wait_for_keyed_event(HANDLE event, void *key, BOOLEAN alertable,
                     const LARGE_INTEGER *timeout)
{
   p_atomic_inc(&bench_calls.waits);
   return real.wait_for_keyed_event(event, key, alertable, timeout);
}

static LONG WINAPI
release_keyed_event(HANDLE event, void *key, BOOLEAN alertable,
                    const LARGE_INTEGER *timeout)
{
   p_atomic_inc(&bench_calls.wakes);
   return real.release_keyed_event(event, key, alertable, timeout);
}

static LONG WINAPI
wait_for_single_object(HANDLE object, BOOLEAN alertable,
                       const LARGE_INTEGER *timeout)
{
   p_atomic_inc(&bench_calls.waits);
   return real.wait_for_single_object(object, alertable, timeout);
}

static LONG WINAPI
wait_for_multiple_objects(ULONG count, const HANDLE *objects, ULONG wait_any,
                          BOOLEAN alertable, const LARGE_INTEGER *timeout)
{
   p_atomic_inc(&bench_calls.waits);
   return real.wait_for_multiple_objects(count, objects, wait_any, alertable,
                                         timeout);
}

static LONG WINAPI
release_semaphore(HANDLE semaphore, LONG count, LONG *previous)
{
   p_atomic_inc(&bench_calls.wakes);
   return real.release_semaphore(semaphore, count, previous);
}

static LONG WINAPI
delay_execution(BOOLEAN alertable, const LARGE_INTEGER *interval)
{
   p_atomic_inc(&bench_calls.others);
   return real.delay_execution(alertable, interval);
}

static LONG WINAPI
query_section(HANDLE section, int info_class, void *info, SIZE_T size,
              SIZE_T *result_size)
{
   p_atomic_inc(&bench_calls.others);
   return real.query_section(section, info_class, info, size, result_size);
}

static LONG WINAPI
query_object(HANDLE object, int info_class, void *info, ULONG size,
             ULONG *result_size)
{
   p_atomic_inc(&bench_calls.others);
   return real.query_object(object, info_class, info, size, result_size);
}

void
bench_count_calls(void)
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
bench_all_calls(void)
{
   return bench_calls.waits + bench_calls.wakes + bench_calls.others;
}

/* Threads that wait -------------------------------------------------------- */

struct waiter {
   struct vk_sync *timeline;
   uint64_t target;
   struct test_thread *thread;
};

static struct waiter waiters[1111];
static uint32_t waiter_count;

static void
wait_for_target(void *data)
{
   const struct waiter *waiter = data;

   bench_wait(BENCH_OURS, waiter->timeline, waiter->target);
}

void
bench_gather(struct vk_sync *timeline, uint32_t count)
{
   REQUIRE(waiter_count + count <= TEST_COUNT(waiters));
   for (uint32_t i = 0; i < count; i++) {
      struct waiter *waiter = &waiters[waiter_count++];

      *waiter = (struct waiter) {timeline, BENCH_LATER + i};
      waiter->thread = test_thread_start(wait_for_target, waiter);
   }
}

void
bench_gather_apart(uint32_t count)
{
   for (uint32_t i = 0; i < count; i++) {
      struct vk_sync *timeline = bench_shared_create(VK_SYNC_IS_TIMELINE);

      bench_gather(timeline, 1);
      while (unit_armed(timeline) == 0)
         Sleep(1);
   }
   /* To be really blocked */
   Sleep(20);
}

void
bench_join(void)
{
   for (uint32_t i = 0; i < waiter_count; i++)
      test_thread_join(waiters[i].thread);
}

void
bench_dismiss(void)
{
   for (uint32_t i = 0; i < waiter_count; i++)
      bench_signal(BENCH_OURS, waiters[i].timeline, waiters[i].target);
   bench_join();
}

/* Other processes ---------------------------------------------------------- */

/* A peer would wait for ever for a parent that is gone. */
static void
tie_to_us(HANDLE process)
{
   JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {
      .BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
   };
   /* Open until the process ends */
   HANDLE job = CreateJobObjectW(NULL, NULL);

   REQUIRE(SetInformationJobObject(job, JobObjectExtendedLimitInformation,
                                   &limits, sizeof(limits)));
   REQUIRE(AssignProcessToJobObject(job, process));
}

struct child *
bench_peer_start(const char *role, const struct bench_orders *orders)
{
   struct child *peer =
      child_start(role, orders->handles, orders->handle_count);

   tie_to_us(peer->process);
   REQUIRE(child_send(peer, orders, sizeof(*orders)));
   return peer;
}

struct child_link
bench_peer_open(int argc, char **argv, struct bench_orders *orders)
{
   struct child_link link = child_link_open(argc, argv);

   REQUIRE(child_link_receive(&link, orders, sizeof(*orders)));
   return link;
}

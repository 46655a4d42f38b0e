/* SPDX-License-Identifier: MIT */
#ifndef STRESS_H
#define STRESS_H

/* Random operations on fences, semaphores and timelines by many threads, with
 * enough bookkeeping beside the objects to tell whether each result is right.
 *
 * Three kinds of threads, as with a real driver: application threads create,
 * submit, wait, reset and destroy; signal threads, in the role of rasterizer
 * threads, signal and never wait; submit threads wait, then signal.  Whatever
 * is waited for without a time-out has been handed to a signal thread, so a
 * thread that stays blocked has been forgotten.  Compiled with
 * VK_SYNC_WIN32_NO_LOOK, it stays blocked for good.
 */

#include "test.h"

#include "c11/threads.h"

#include "vk_device.h"
#include "vk_sync.h"

#include "vk_sync_win32.h"
#include "vk_sync_win32_nt.h"
#include "vk_sync_win32_payload.h"
#include "vk_sync_win32_payload_section.h"
#include "vk_sync_win32_slots.h"

#define STRESS_MS UINT64_C(1000000)

/* Bookkeeping must not order threads: it would hide from the sanitizers, and
 * from weakly ordered machines, what the code under test fails to order.
 */
#if defined(__GNUC__)
#define STRESS_GET(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define STRESS_SET(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define STRESS_ADD(p, n) __atomic_add_fetch((p), (n), __ATOMIC_RELAXED)
#define STRESS_CAS(p, expected, v) \
   __atomic_compare_exchange_n((p), (expected), (v), true, \
                               __ATOMIC_RELAXED, __ATOMIC_RELAXED)
#else
#define STRESS_GET(p) (*(p))
#define STRESS_SET(p, v) ((void)(*(p) = (v)))
#define STRESS_ADD(p, n) p_atomic_add_return((p), (n))
#define STRESS_CAS(p, expected, v) \
   (vk_sync_win32_cas64((p), *(expected), (v)) || \
    (*(expected) = vk_sync_win32_load64(p), false))
#endif

/* What a run consists of */

enum stress_op {
   OP_FENCE,
   OP_SET,
   OP_TIMELINE,
   OP_SEMAPHORE,
   OP_TIMEOUT,
   OP_QUICK,
   OP_CHURN,
   OP_ABANDON,
   OP_COUNT,
};

struct stress_config {
   uint64_t operations;
   unsigned weights[OP_COUNT];
   unsigned shared_percent;
   /* All application threads begin an operation together.  The last to finish
    * is alone then, with nobody whose wake-ups could make up for a lost one.
    */
   bool rounds;
   /* Most slots of what lives long are taken. */
   bool crowded;
   /* There is no memory for any, so that who waits for what is shared polls. */
   bool no_bell;
};

enum {
   APP_THREADS = 6,
   SIGNAL_THREADS = 2,
   SUBMIT_THREADS = 2,
   THREADS = APP_THREADS + SIGNAL_THREADS + SUBMIT_THREADS,
   /* Of a shared payload, as several processes have them */
   VIEWS = 4,
   /* That are left where most are taken */
   FREE_SLOTS = 2,
   TIMELINES = 8,
   SEMAPHORES = 8,
   FENCES = 8,
   PROOFS = 1 << 20,
};

/* One fence signal operation that is going to happen */
struct stress_promise {
   /* Not atomic on purpose: the signaller writes it before the signal, and
    * who has seen the signal reads it.
    */
   uint64_t proof;
   uint64_t begun;
   uint32_t refs;
};

/* What is signalled and waited for again and again: one view of it or, with a
 * handle, as many as can be
 */
struct stress_object {
   struct vk_sync *views[VIEWS];
   unsigned view_count;
   HANDLE handle;
   /* Of submission */
   mtx_t order;
};

struct stress_timeline {
   struct stress_object object;

   /* Only one thread signals it, in order, so that `proofs` can be told.
    * Else, threads race for the next value.
    */
   bool ordered;
   /* Its shared payload is a fence of Direct3D 12. */
   bool d3d12;
   unsigned home;

   uint64_t next;
   uint64_t begun;
   uint64_t seen;
   /* As in struct stress_promise, one for each of the first PROOFS values */
   uint32_t *proofs;
};

struct stress_semaphore {
   struct stress_object object;
   uint32_t signals, tickets;
   uint32_t begun, waited;
};

struct stress_fence {
   struct vk_sync *sync;
   /* Another view of it, to signal it there; or NULL */
   struct vk_sync *peer;
};

/* Something to wait for */
struct stress_item {
   struct vk_sync *sync;
   uint64_t value;

   /* One of these */
   struct stress_promise *promise;
   struct stress_timeline *timeline;
   struct stress_semaphore *semaphore;
   uint32_t ticket;
};

struct stress_signal {
   /* One of these: as vkSignalSemaphore() does it, or as a driver's queue
    * does it, which has taken a reference.
    */
   struct vk_sync *sync;
   struct vk_sync_win32_payload *payload;

   uint64_t value;
   struct stress_promise *promise;
   struct stress_timeline *timeline;
   struct stress_semaphore *semaphore;
   unsigned delay;
};

#define SUBMIT_WAITS 4

struct stress_job {
   struct stress_item waits[SUBMIT_WAITS];
   unsigned wait_count;
   struct stress_signal signal;
   bool last;
};

struct stress_queue {
   mtx_t mutex;
   cnd_t not_empty, not_full;
   struct stress_job jobs[64];
   unsigned first, count;
};

struct stress_barrier {
   mtx_t mutex;
   cnd_t everyone_is_here;
   unsigned members, waiting, generation;
};

enum stress_call {
   CALL_NONE,
   CALL_PARK,
   CALL_UNPARK,
   CALL_BELL_WAIT,
   CALL_RING,
   CALL_SLEEP,
   CALL_COUNT,
};

struct stress_thread {
   struct stress *stress;
   struct test_thread *thread;
   const char *role;
   unsigned index;
   uint64_t random;

   uint64_t operations, waits, timeouts;
   struct stress_fence fences[FENCES];

   /* For the watchdog and the hooks: STRESS_GET and STRESS_SET.  When the
    * operation or job began that the thread is busy with, and when the wait;
    * else 0.
    */
   uint64_t busy_ns;
   uint64_t since_ns, deadline_ns;
   const struct stress_item *items;
   uint32_t item_count;
   enum stress_call kernel_call;
   const void *object;

   /* Counted by the hooks: all calls, and of each kind those that did not time
    * out.  Polls: sleeps of VK_SYNC_WIN32_POLL_NS, by waits that have more time
    * than that.
    */
   uint64_t kernel_calls, calls[CALL_COUNT], polls;
};

struct stress {
   const struct stress_config *config;
   struct vk_device *device;
   uint64_t operations_per_thread;

   struct stress_timeline timelines[TIMELINES];
   struct stress_semaphore semaphores[SEMAPHORES];
   /* Nobody signals it. */
   struct stress_semaphore abandoned;
   struct stress_barrier barrier;
   struct stress_queue queues[SIGNAL_THREADS + SUBMIT_THREADS];
   struct stress_thread threads[THREADS];
};

/* run.c */
/* With a struct stress_config */
void stress_run(intptr_t arg);

/* op.c: what application threads do */
void stress_app_thread(void *data);

/* set.c */
void stress_op_set(struct stress_thread *self);
void stress_op_churn(struct stress_thread *self);

/* job.c: what the other threads do */
void stress_queue_init(struct stress_queue *queue);
void stress_queue_finish(struct stress_queue *queue);
void stress_push(struct stress_queue *queue, const struct stress_job *job);
void stress_queue_thread(void *data);

/* Have the item signalled by another thread, any time from now. */
void stress_promise_fence(struct stress_thread *self, struct vk_sync *through,
                          struct stress_item *item);
void stress_promise_timeline(struct stress_thread *self,
                             struct stress_timeline *timeline,
                             struct stress_item *item);
struct vk_sync *stress_take_ticket(struct stress_thread *self,
                                   struct stress_semaphore *semaphore);
void stress_promise_ticket(struct stress_thread *self,
                           struct stress_semaphore *semaphore,
                           struct stress_item *item);

/* object.c */
#define STRESS_PRIVATE ((VkExternalSemaphoreHandleTypeFlagBits)0)
#define STRESS_OPAQUE VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT
#define STRESS_D3D12 VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_D3D12_FENCE_BIT

struct vk_sync *stress_sync(struct stress_thread *self,
                            enum vk_sync_flags flags,
                            VkExternalSemaphoreHandleTypeFlagBits type);
HANDLE stress_export(struct stress_thread *self, struct vk_sync *sync);
struct vk_sync *stress_import(struct stress_thread *self,
                              enum vk_sync_flags flags,
                              VkExternalSemaphoreHandleTypeFlagBits type,
                              HANDLE handle);
struct vk_sync *stress_import_sync(struct stress_thread *self,
                                   struct vk_sync *sync);
void stress_destroy(struct stress_thread *self, struct vk_sync *sync);
unsigned stress_make_views(struct stress_thread *self,
                           struct vk_sync *views[VIEWS],
                           enum vk_sync_flags flags,
                           VkExternalSemaphoreHandleTypeFlagBits type);
struct vk_sync *stress_any_view(struct stress_thread *self,
                                const struct stress_object *object);

static inline struct vk_sync_win32_payload *
stress_payload(const struct vk_sync *sync)
{
   return ((const struct vk_sync_win32 *)sync)->payload;
}

static inline VkExternalSemaphoreHandleTypeFlagBits
stress_type(const struct vk_sync *sync)
{
   const struct vk_sync_win32_payload *payload = stress_payload(sync);

   return !payload->ops->is_shared ? STRESS_PRIVATE :
          vk_sync_win32_payload_is_section(payload) ? STRESS_OPAQUE :
                                                      STRESS_D3D12;
}

/* NULL if there is no section */
static inline struct vk_sync_win32_layout *
stress_layout(const struct vk_sync *sync)
{
   return stress_type(sync) == STRESS_OPAQUE ?
          vk_sync_win32_section_get_layout(stress_payload(sync)) : NULL;
}

static inline VkExternalSemaphoreHandleTypeFlagBits
stress_timeline_type(const struct stress_timeline *timeline)
{
   return timeline->d3d12 ? STRESS_D3D12 : STRESS_OPAQUE;
}

/* wait.c: waits, and whether their results are true */
VkResult stress_wait(struct stress_thread *self,
                     const struct stress_item *items, uint32_t count,
                     bool any, uint64_t timeout_ns);
/* Until it succeeds, with random time-outs in between */
void stress_wait_for(struct stress_thread *self,
                     const struct stress_item *items, uint32_t count,
                     bool any);
void stress_check_item(const struct stress_item *item);
void stress_release_item(struct stress_thread *self,
                         struct stress_item *item);
/* For the signaller, and for who waits */
struct stress_promise *stress_promise_create(void);
void stress_promise_unref(struct stress_promise *promise);

/* watch.c */
void stress_watch_start(struct stress *stress);
void stress_watch_stop(void);
/* The calling thread is this one from now on. */
void stress_enter(struct stress_thread *self);

/* dump.c */
void stress_dump(struct stress *stress);

/* The device that the syncs belong to, until the case ends: device_mesa.c or,
 * for the shim, device_shim.c
 */
struct vk_device *stress_device(void);
/* Not under Wine, which shares no fences */
extern const bool stress_has_d3d12;
/* What must be the same before and after a run */
uint32_t stress_resource_count(void);

static inline uint64_t
stress_random(struct stress_thread *self)
{
   return test_next_random(&self->random);
}

static inline uint32_t
stress_below(struct stress_thread *self, uint32_t limit)
{
   return (uint32_t)((stress_random(self) >> 32) * limit >> 32);
}

static inline bool
stress_chance(struct stress_thread *self, uint32_t percent)
{
   return stress_below(self, 100) < percent;
}

#endif

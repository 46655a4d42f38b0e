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

#include "vk_sync_win32.h"
#include "vk_sync_win32_payload_section.h"

/* Bookkeeping must not order threads: it would hide from the sanitizers, and
 * from weakly ordered machines, what the code under test fails to order.
 */
#define STRESS_GET(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define STRESS_SET(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)

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
   const char *name;
   uint64_t operations;
   unsigned shared_percent;
   unsigned weights[OP_COUNT];
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
   /* The one after them, which nobody signals */
   ABANDONED = SEMAPHORES,
   FENCES = 8,
   PROOFS = 1 << 20,
   SUBMIT_WAITS = 4,
   MOST_ITEMS = 300,
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
   unsigned home;

   uint64_t next;
   uint64_t begun;
   uint64_t seen;
   /* As in struct stress_item, one for each of the first PROOFS values */
   uint32_t *proofs;
};

struct stress_semaphore {
   struct stress_object object;
   uint32_t signals, tickets;
   uint32_t begun, waited;
};

struct stress_fence {
   struct vk_sync *sync;
   /* To signal it through: another view of it, or the same */
   struct vk_sync *peer;
};

/* Something to wait for */
struct stress_item {
   struct vk_sync *sync;
   uint64_t value;

   /* One of these: for fences, the item that has the proof, mostly this one */
   struct stress_item *promise;
   struct stress_timeline *timeline;
   struct stress_semaphore *semaphore;
   uint32_t ticket;

   /* Not atomic on purpose: the signaller writes it before the signal, and
    * who has seen the signal reads it.
    */
   uint64_t proof;
};

struct stress_signal {
   /* One of these: as vkSignalSemaphore() does it, or as a driver's queue
    * does it, which has taken a reference.
    */
   struct vk_sync *sync;
   struct vk_sync_win32_payload *payload;

   uint64_t value;
   struct stress_item *promise;
   struct stress_timeline *timeline;
   struct stress_semaphore *semaphore;
   unsigned delay;
};

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

enum stress_call {
   CALL_NONE,
   CALL_PARK,
   CALL_UNPARK,
   CALL_BELL_WAIT,
   CALL_RING,
   CALL_COUNT,
};

struct stress_thread {
   struct stress *stress;
   struct test_thread *thread;
   unsigned index;
   uint64_t random;

   uint64_t operations;
   struct stress_fence fences[FENCES];

   /* For others: STRESS_GET and STRESS_SET.  How often it has met them; when
    * the operation or job began that the thread is busy with, and when the
    * wait; else 0.
    */
   uint32_t rounds;
   uint64_t busy_ns;
   uint64_t since_ns, deadline_ns;
   const struct stress_item *items;
   uint32_t item_count;
   enum stress_call kernel_call;

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
   struct stress_semaphore semaphores[SEMAPHORES + 1];
   struct stress_queue queues[SIGNAL_THREADS + SUBMIT_THREADS];
   struct stress_thread threads[THREADS];
};

/* app.c: what application threads do */
void stress_app_thread(void *data);

/* job.c: syncs, waits, signals */
#define STRESS_PRIVATE 0
#define STRESS_OPAQUE VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT
#define STRESS_D3D12 VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_D3D12_FENCE_BIT

struct vk_sync *stress_sync(struct stress_thread *self,
                            enum vk_sync_flags flags, VkFlags type);
HANDLE stress_export(struct stress_thread *self, struct vk_sync *sync);
struct vk_sync *stress_import(struct stress_thread *self,
                              enum vk_sync_flags flags, VkFlags type,
                              HANDLE handle);
struct vk_sync *stress_import_sync(struct stress_thread *self,
                                   struct vk_sync *sync);
void stress_destroy(struct stress_thread *self, struct vk_sync *sync);
unsigned stress_make_views(struct stress_thread *self,
                           struct vk_sync *views[VIEWS],
                           enum vk_sync_flags flags, VkFlags type);
struct vk_sync *stress_any_view(struct stress_thread *self,
                                const struct stress_object *object);

static inline struct vk_sync_win32_payload *
stress_payload(const struct vk_sync *sync)
{
   return ((const struct vk_sync_win32 *)sync)->payload;
}

static inline VkFlags
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

VkResult stress_wait(struct stress_thread *self,
                     const struct stress_item *items, uint32_t count,
                     bool any, uint64_t timeout_ns);
/* For the one sync, which is no item */
VkResult stress_poll(struct stress_thread *self, struct vk_sync *sync,
                     uint64_t timeout_ns);
/* Until it succeeds, with random time-outs in between */
void stress_wait_for(struct stress_thread *self,
                     const struct stress_item *items, uint32_t count,
                     bool any);
void stress_check_item(const struct stress_item *item);
/* If it is a ticket */
void stress_release_item(struct stress_thread *self,
                         const struct stress_item *item);

void stress_queue_thread(void *data);
void stress_push(struct stress_queue *queue, const struct stress_job *job);

/* Have the item, which has to stay until then, signalled any time from now. */
void stress_promise_fence(struct stress_thread *self, struct vk_sync *through,
                          struct stress_item *item);
void stress_promise_timeline(struct stress_thread *self,
                             struct stress_timeline *timeline,
                             struct stress_item *item);
void stress_promise_ticket(struct stress_thread *self,
                           struct stress_semaphore *semaphore,
                           struct stress_item *item);
struct vk_sync *stress_take_ticket(struct stress_thread *self,
                                   struct stress_semaphore *semaphore);

/* watch.c */
void stress_watch_start(struct stress *stress);
void stress_watch_stop(void);
/* The calling thread is this one from now on. */
void stress_enter(struct stress_thread *self);

/* The device that the syncs belong to, until the case ends: main.c or, for the
 * shim, device_shim.c
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

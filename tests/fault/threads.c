/* SPDX-License-Identifier: MIT */

/* No thread depends on another thread of its process in order to wake.  Where
 * threads are blocked in every way there is, one of them is suspended, and all
 * others come back as soon as what they wait for is signalled.
 */
#include "hook.h"
#include "peer.h"

#include <string.h>

#include "util/macros.h"
#include "util/os_time.h"

/* From the signal to the return, and how often that may be tried: only what
 * depends on a stopped thread is late each time.
 */
#define LIMIT_MS 250.0
#define TRIES 3

#define NEVER (UINT64_C(1) << 40)

enum payload_index {
   PRIVATE_A,
   PRIVATE_B,
   PRIVATE_FENCE,
   PRIVATE_QUEUE,
   SHARED_A,
   SHARED_B,
   SHARED_FENCE,
   SHARED_TICKETS,
   SHARED_QUEUE,
   /* These nobody signals, or a queue does. */
   PRIVATE_FAR,
   SHARED_FAR,
   PAYLOADS,
   PAYLOADS_SIGNALLED = PRIVATE_FAR,
};

static const struct {
   enum vk_sync_flags flags;
   bool shared;
} payloads[PAYLOADS] = {
   [PRIVATE_A] = { VK_SYNC_IS_TIMELINE },
   [PRIVATE_B] = { VK_SYNC_IS_TIMELINE },
   [PRIVATE_FENCE] = { VK_SYNC_IS_FENCE },
   [PRIVATE_QUEUE] = { 0 },
   [SHARED_A] = { VK_SYNC_IS_TIMELINE, true },
   [SHARED_B] = { VK_SYNC_IS_TIMELINE, true },
   [SHARED_FENCE] = { VK_SYNC_IS_FENCE, true },
   [SHARED_TICKETS] = { 0, true },
   [SHARED_QUEUE] = { 0, true },
   [PRIVATE_FAR] = { VK_SYNC_IS_TIMELINE },
   [SHARED_FAR] = { VK_SYNC_IS_TIMELINE, true },
};

/* Where a thread blocks */
enum where {
   WAIT,
   WAIT_ANY,
   WAIT_TICKET,
   /* The submit thread of a queue, and a thread that waits for its batch */
   QUEUE,
   QUEUE_FENCE,
};

#define DEVICES 4

static const struct place {
   const char *name;
   enum where where;
   unsigned device;
   unsigned count;
   enum payload_index payloads[3];
} places[] = {
   { "private timeline", WAIT, 0, 1, { PRIVATE_A } },
   { "the same private timeline", WAIT, 0, 1, { PRIVATE_A } },
   { "private fence", WAIT, 0, 1, { PRIVATE_FENCE } },
   { "the same private fence", WAIT, 0, 1, { PRIVATE_FENCE } },
   { "shared timeline", WAIT, 0, 1, { SHARED_A } },
   { "the same shared timeline", WAIT, 0, 1, { SHARED_A } },
   { "shared fence", WAIT, 0, 1, { SHARED_FENCE } },
   { "the same shared fence", WAIT, 0, 1, { SHARED_FENCE } },
   { "shared semaphore", WAIT_TICKET, 0, 1, { SHARED_TICKETS } },
   { "the same shared semaphore", WAIT_TICKET, 0, 1, { SHARED_TICKETS } },
   { "any, the private one comes", WAIT_ANY, 0, 3,
     { PRIVATE_FAR, PRIVATE_B, SHARED_FAR } },
   { "any, the shared one comes", WAIT_ANY, 0, 3,
     { PRIVATE_FAR, SHARED_FAR, SHARED_B } },
   { "any of private ones", WAIT_ANY, 0, 2, { PRIVATE_FAR, PRIVATE_A } },
   { "all", WAIT, 0, 3, { SHARED_A, PRIVATE_B, SHARED_B } },
   { "another device, private timeline", WAIT, 1, 1, { PRIVATE_A } },
   { "another device, shared timeline", WAIT, 1, 1, { SHARED_A } },
   { "queue, private semaphore", QUEUE, 2, 1, { PRIVATE_QUEUE } },
   { "fence of that queue", QUEUE_FENCE, 2, 0, {} },
   { "queue, shared semaphore", QUEUE, 3, 1, { SHARED_QUEUE } },
   { "fence of that other queue", QUEUE_FENCE, 3, 0, {} },
};

#define PLACES TEST_COUNT(places)

struct cell {
   uint32_t waiting, done;
   HANDLE thread;
   uint64_t woken_ns;
   /* Unless it is a queue's */
   struct test_thread *runs;
};

static struct {
   struct vk_device *devices[DEVICES];
   VkQueue queues[DEVICES];
   VkSemaphore semaphores[DEVICES];
   VkFence fences[DEVICES];
   /* When a queue has signalled its fence */
   uint64_t queue_ns[DEVICES];
   struct vk_sync *syncs[PAYLOADS];
   uint64_t signalled_ns[PAYLOADS];
   uint64_t round;
   struct cell cells[PLACES];

   unsigned retries;
   double late_ms;
} party;

static void
block_here(struct cell *cell)
{
   REQUIRE(DuplicateHandle(GetCurrentProcess(), GetCurrentThread(),
                           GetCurrentProcess(), &cell->thread, 0, FALSE,
                           DUPLICATE_SAME_ACCESS));
   vk_sync_win32_store32(&cell->waiting, 1);
}

static void
come_back(struct cell *cell, VkResult result)
{
   vk_sync_win32_store64(&cell->woken_ns, os_time_get_nano());
   REQUIRE(result == VK_SUCCESS);
   vk_sync_win32_store32(&cell->done, 1);
}

static void
place_run(void *data)
{
   const struct place *place = data;
   struct cell *cell = &party.cells[place - places];
   struct vk_device *device = party.devices[place->device];
   struct vk_sync_wait waits[3];

   for (unsigned i = 0; i < place->count; i++) {
      struct vk_sync *sync = party.syncs[place->payloads[i]];

      waits[i] = (struct vk_sync_wait) {
         .sync = place->where == WAIT_TICKET ? unit_take(device, sync) : sync,
         .wait_value = !(sync->flags & VK_SYNC_IS_TIMELINE) ? 0 :
                       place->payloads[i] < PAYLOADS_SIGNALLED ? party.round :
                       NEVER,
      };
   }

   block_here(cell);
   if (place->where == QUEUE_FENCE)
      come_back(cell, unit_fence_wait(party.fences[place->device],
                                      UINT64_MAX));
   else
      come_back(cell, vk_sync_wait_many(device, place->count, waits,
                                        place->where == WAIT_ANY ?
                                        VK_SYNC_WAIT_ANY :
                                        VK_SYNC_WAIT_COMPLETE, UINT64_MAX));
}

/* On the submit thread */
static VkResult
submit(struct vk_queue *queue, struct vk_queue_submit *batch)
{
   struct vk_device *device = queue->base.device;

   for (unsigned i = 0; i < PLACES; i++) {
      if (places[i].where != QUEUE ||
          party.devices[places[i].device] != device)
         continue;

      block_here(&party.cells[i]);
      come_back(&party.cells[i],
                vk_sync_wait_many(device, batch->wait_count, batch->waits,
                                  VK_SYNC_WAIT_COMPLETE, UINT64_MAX));
      vk_sync_win32_store64(&party.queue_ns[places[i].device],
                            os_time_get_nano());
   }
   for (uint32_t i = 0; i < batch->signal_count; i++)
      REQUIRE_OK(vk_sync_signal(device, batch->signals[i].sync,
                                batch->signals[i].signal_value));
   return VK_SUCCESS;
}

static void
open_queue(unsigned device, enum payload_index payload)
{
   struct vk_device *vk_device = unit_device();
   VkSemaphore semaphore = unit_semaphore(vk_device, 0);

   party.devices[device] = vk_device;
   party.queues[device] = unit_queue(vk_device);
   vk_queue_from_handle(party.queues[device])->driver_submit = submit;
   party.semaphores[device] = semaphore;
   party.fences[device] = unit_fence(vk_device);
   if (payloads[payload].shared)
      unit_semaphore_import(semaphore, 0,
                            unit_export(party.devices[0],
                                        party.syncs[payload]), NULL);
   else
      party.syncs[payload] = unit_semaphore_sync(semaphore);
}

static void
open_party(void)
{
   party.devices[0] = unit_device();
   party.devices[1] = unit_device();
   for (unsigned i = 0; i < PAYLOADS; i++)
      party.syncs[i] = unit_create(party.devices[0], payloads[i].flags,
                                   payloads[i].shared);
   open_queue(2, PRIVATE_QUEUE);
   open_queue(3, SHARED_QUEUE);
}

static void
signal_payload(unsigned payload)
{
   const unsigned times = payload == SHARED_TICKETS ? 2 : 1;

   party.signalled_ns[payload] = os_time_get_nano();
   for (unsigned i = 0; i < times; i++)
      REQUIRE_OK(unit_signal(party.devices[0], party.syncs[payload],
                             party.round));
}

static void
signal_all(void)
{
   unsigned order[PAYLOADS_SIGNALLED];

   for (unsigned i = 0; i < PAYLOADS_SIGNALLED; i++) {
      const unsigned j = test_random_below(i + 1);

      order[i] = order[j];
      order[j] = i;
   }
   for (unsigned i = 0; i < PAYLOADS_SIGNALLED; i++)
      signal_payload(order[i]);
}

/* Once all threads are blocked, as far as can be seen from outside */
static void
block_all(void)
{
   memset(party.cells, 0, sizeof(party.cells));
   hook.no_look = ++party.round % 2;

   for (unsigned i = 0; i < PLACES; i++) {
      const struct place *place = &places[i];

      if (place->where == QUEUE)
         REQUIRE_OK(unit_submit(party.queues[place->device], 1,
                                &(struct unit_batch) {
            .wait = party.semaphores[place->device],
         }, party.fences[place->device]));
      else
         party.cells[i].runs = test_thread_start(place_run, (void *)place);
   }
   for (unsigned i = 0; i < PLACES; i++)
      PEER_AWAIT(vk_sync_win32_load32(&party.cells[i].waiting));
   /* Also when they are about to look for themselves, or will not for long */
   Sleep(test_random_below(10) == 0 ? 1700 : 20 + test_random_below(150));
}

/* It has come to a stop only once it can be asked where it is. */
static void
suspend(HANDLE thread)
{
   CONTEXT context = { .ContextFlags = CONTEXT_CONTROL };

   REQUIRE(SuspendThread(thread) != (DWORD)-1);
   REQUIRE(GetThreadContext(thread, &context));
}

static bool
depends_on(const struct place *place, const struct place *victim)
{
   return place == victim ||
          (place->where == QUEUE_FENCE && victim->where == QUEUE &&
           place->device == victim->device);
}

static uint64_t
get_signalled_ns(const struct place *place)
{
   uint64_t ns = 0;

   if (place->where == QUEUE_FENCE)
      return party.queue_ns[place->device];
   for (unsigned i = 0; i < place->count; i++) {
      if (place->payloads[i] < PAYLOADS_SIGNALLED)
         ns = MAX2(ns, party.signalled_ns[place->payloads[i]]);
   }
   return ns;
}

static bool
check_in_time(const struct place *victim)
{
   bool in_time = true;

   for (unsigned i = 0; i < PLACES; i++) {
      if (depends_on(&places[i], victim))
         continue;
      PEER_AWAIT(vk_sync_win32_load32(&party.cells[i].done));

      const double ms = (int64_t)(party.cells[i].woken_ns -
                                  get_signalled_ns(&places[i])) / 1e6;
      if (ms > LIMIT_MS) {
         test_diag("\"%s\" is suspended, \"%s\" comes back after %.0f ms",
                   victim->name, places[i].name, ms);
         in_time = false;
      } else {
         party.late_ms = MAX2(party.late_ms, ms);
      }
   }
   return in_time;
}

static void
clear_up(const struct place *victim)
{
   ResumeThread(party.cells[victim - places].thread);
   for (unsigned i = 0; i < PLACES; i++) {
      struct cell *cell = &party.cells[i];

      PEER_AWAIT(vk_sync_win32_load32(&cell->done));
      CloseHandle(cell->thread);
      if (cell->runs != NULL)
         test_thread_join(cell->runs);
   }

   REQUIRE_OK(vk_sync_reset(party.devices[0], party.syncs[PRIVATE_FENCE]));
   REQUIRE_OK(vk_sync_reset(party.devices[0], party.syncs[SHARED_FENCE]));
   for (unsigned i = 2; i < DEVICES; i++)
      REQUIRE_OK(vk_sync_reset(party.devices[i],
                               unit_fence_sync(party.fences[i])));
}

static void
suspend_each_in_turn(UNUSED intptr_t arg)
{
   open_party();
   hook_install();
   for (unsigned i = 0; i < PLACES; i++) {
      const struct place *victim = &places[i];
      bool in_time = false;

      for (unsigned j = 0; j < TRIES && !in_time; j++) {
         block_all();
         suspend(party.cells[i].thread);
         signal_all();
         in_time = check_in_time(victim);
         clear_up(victim);
         party.retries += j > 0;
      }
      if (!in_time)
         test_fail(false, __FILE__, __LINE__, "late each time when \"%s\" is "
                   "suspended", victim->name);
   }
   hook.no_look = false;
   test_diag("of the waits in time the last came back after %.1f ms; %u rounds "
             "were tried again", party.late_ms, party.retries);
}

const struct test_case test_cases[] = {
   { "one of the blocked threads is suspended", suspend_each_in_turn, 0, 180 },
   { 0 },
};

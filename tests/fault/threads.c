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
   PRIVATE_TICKETS,
   SHARED_A,
   SHARED_B,
   SHARED_FENCE,
   SHARED_TICKETS,
   /* These nobody signals. */
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
   [PRIVATE_TICKETS] = { 0 },
   [SHARED_A] = { VK_SYNC_IS_TIMELINE, true },
   [SHARED_B] = { VK_SYNC_IS_TIMELINE, true },
   [SHARED_FENCE] = { VK_SYNC_IS_FENCE, true },
   [SHARED_TICKETS] = { 0, true },
   [PRIVATE_FAR] = { VK_SYNC_IS_TIMELINE },
   [SHARED_FAR] = { VK_SYNC_IS_TIMELINE, true },
};

/* Where a thread blocks */
static const struct place {
   const char *name;
   bool any;
   unsigned count;
   enum payload_index payloads[3];
} places[] = {
   { "private timeline", false, 1, { PRIVATE_A } },
   { "the same private timeline", false, 1, { PRIVATE_A } },
   { "private fence", false, 1, { PRIVATE_FENCE } },
   { "the same private fence", false, 1, { PRIVATE_FENCE } },
   { "private semaphore", false, 1, { PRIVATE_TICKETS } },
   { "the same private semaphore", false, 1, { PRIVATE_TICKETS } },
   { "shared timeline", false, 1, { SHARED_A } },
   { "the same shared timeline", false, 1, { SHARED_A } },
   { "shared fence", false, 1, { SHARED_FENCE } },
   { "the same shared fence", false, 1, { SHARED_FENCE } },
   { "shared semaphore", false, 1, { SHARED_TICKETS } },
   { "the same shared semaphore", false, 1, { SHARED_TICKETS } },
   { "any, the private one comes", true, 3,
     { PRIVATE_FAR, PRIVATE_B, SHARED_FAR } },
   { "any, the shared one comes", true, 3,
     { PRIVATE_FAR, SHARED_FAR, SHARED_B } },
   { "any of private ones", true, 2, { PRIVATE_FAR, PRIVATE_A } },
   { "all", false, 3, { SHARED_A, PRIVATE_B, SHARED_B } },
};

#define PLACES TEST_COUNT(places)

static struct {
   struct vk_device *device;
   struct vk_sync *syncs[PAYLOADS];
   uint64_t signalled_ns[PAYLOADS];
   uint64_t round;
   struct cell {
      uint32_t waiting, done;
      HANDLE thread;
      uint64_t woken_ns;
      struct test_thread *runs;
   } cells[PLACES];

   unsigned retries;
   double late_ms;
} party;

static void
place_run(void *data)
{
   const struct place *place = data;
   struct cell *cell = &party.cells[place - places];
   struct vk_sync_wait waits[3];

   for (unsigned i = 0; i < place->count; i++) {
      const enum payload_index payload = place->payloads[i];
      struct vk_sync *sync = party.syncs[payload];

      waits[i] = (struct vk_sync_wait) {
         .sync = payloads[payload].flags == 0 ?
                 unit_take(party.device, sync) : sync,
         .wait_value = !(sync->flags & VK_SYNC_IS_TIMELINE) ? 0 :
                       payload < PAYLOADS_SIGNALLED ? party.round : NEVER,
      };
   }

   REQUIRE(DuplicateHandle(GetCurrentProcess(), GetCurrentThread(),
                           GetCurrentProcess(), &cell->thread, 0, FALSE,
                           DUPLICATE_SAME_ACCESS));
   vk_sync_win32_store32(&cell->waiting, 1);
   REQUIRE_OK(vk_sync_wait_many(party.device, place->count, waits,
                                place->any ? VK_SYNC_WAIT_ANY :
                                             VK_SYNC_WAIT_COMPLETE,
                                UINT64_MAX));
   vk_sync_win32_store64(&cell->woken_ns, os_time_get_nano());
   vk_sync_win32_store32(&cell->done, 1);
}

/* Once all threads are blocked, as far as can be seen from outside */
static void
block_all(void)
{
   memset(party.cells, 0, sizeof(party.cells));
   hook.no_look = ++party.round % 2;
   for (unsigned i = 0; i < PLACES; i++)
      party.cells[i].runs = test_thread_start(place_run, (void *)&places[i]);
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

/* Of a semaphore, both tickets */
static void
signal_payload(unsigned payload)
{
   const unsigned times = payloads[payload].flags == 0 ? 2 : 1;

   party.signalled_ns[payload] = os_time_get_nano();
   for (unsigned i = 0; i < times; i++)
      REQUIRE_OK(unit_signal(party.device, party.syncs[payload],
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

static uint64_t
get_signalled_ns(const struct place *place)
{
   uint64_t ns = 0;

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
      if (&places[i] == victim)
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
      test_thread_join(party.cells[i].runs);
      CloseHandle(party.cells[i].thread);
   }
   REQUIRE_OK(vk_sync_reset(party.device, party.syncs[PRIVATE_FENCE]));
   REQUIRE_OK(vk_sync_reset(party.device, party.syncs[SHARED_FENCE]));
}

static void
suspend_each_in_turn(UNUSED intptr_t arg)
{
   party.device = unit_device();
   for (unsigned i = 0; i < PAYLOADS; i++)
      party.syncs[i] = unit_create(party.device, payloads[i].flags,
                                   payloads[i].shared);
   party.round = 0;
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

/* SPDX-License-Identifier: MIT */

/* Threads that are blocked in every way there is.  None depends on another
 * thread of its process in order to wake: where one is suspended, all others
 * come back as soon as what they wait for is signalled.  And a lost device ends
 * every wait on it, and no wait on another device.
 */
#include "hook.h"
#include "peer.h"

#include "util/macros.h"
#include "util/os_time.h"

/* From the signal to the return, and how often that may be tried: only what
 * depends on a stopped thread is late each time.
 */
#define LIMIT_MS 250.0
#define TRIES 3

/* From the loss to the return: blocked threads look once a second, and the rest
 * is for them to come to it.
 */
#define LOST_LIMIT_MS 1100.0

#define NEVER (UINT64_C(1) << 40)

/* Beyond the limit: how long it takes to notice a release that never came */
#define PARK_NS (1000 * MS)

enum payload_index {
   NOTHING,
   PRIVATE_A,
   PRIVATE_B,
   PRIVATE_FENCE,
   PRIVATE_TICKETS,
   SHARED_A,
   SHARED_B,
   SHARED_FENCE,
   SHARED_TICKETS,
   /* Without a free slot */
   POLLED,
   /* Of a batch that waits for a semaphore, which is signalled instead */
   QUEUE_FENCE,
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
   [POLLED] = { VK_SYNC_IS_TIMELINE, true },
   [QUEUE_FENCE] = { VK_SYNC_IS_FENCE },
   [PRIVATE_FAR] = { VK_SYNC_IS_TIMELINE },
   [SHARED_FAR] = { VK_SYNC_IS_TIMELINE, true },
};

/* Where threads block */
static const struct place {
   const char *name;
   enum payload_index payloads[3];
   bool any;
   unsigned minutes;
} places[] = {
   { "private timeline", { PRIVATE_A } },
   { "private fence", { PRIVATE_FENCE } },
   { "private fence, for a minute", { PRIVATE_FENCE }, .minutes = 1 },
   { "private semaphore", { PRIVATE_TICKETS } },
   { "shared timeline", { SHARED_A } },
   { "shared fence", { SHARED_FENCE } },
   { "shared fence, for a minute", { SHARED_FENCE }, .minutes = 1 },
   { "shared semaphore", { SHARED_TICKETS } },
   { "polling", { POLLED } },
   { "fence of a queue", { QUEUE_FENCE } },
   { "any, the private one comes", { PRIVATE_FAR, PRIVATE_B, SHARED_FAR },
     true },
   { "any, the shared one comes", { PRIVATE_FAR, SHARED_FAR, SHARED_B }, true },
   { "any of private ones", { PRIVATE_FAR, PRIVATE_A }, true },
   { "all", { SHARED_A, PRIVATE_B, SHARED_B } },
   { "all of private ones", { PRIVATE_B, PRIVATE_FENCE } },
   { "all of shared ones", { SHARED_B, SHARED_FENCE } },
};

/* Two at each place */
#define THREADS (2 * TEST_COUNT(places))

struct party {
   struct vk_device *device;
   VkQueue queue;
   VkSemaphore semaphore;
   VkFence fence;
   struct vk_sync *syncs[PAYLOADS];
   /* Of timelines, what is waited for */
   uint64_t value;
   /* When each was signalled, or lost */
   double since_ms[PAYLOADS];
   struct cell {
      struct party *party;
      const struct place *place;
      struct test_thread *runs;
      HANDLE thread;
      uint32_t waiting, done;
      VkResult result;
      double ended_ms;
   } cells[THREADS];
};

static void
create_party(struct party *party)
{
   struct vk_device *device = unit_device();

   *party = (struct party) {
      .device = device,
      .queue = unit_queue(device),
      .semaphore = unit_semaphore(device, 0),
      .fence = unit_fence(device),
   };
   for (unsigned i = PRIVATE_A; i < PAYLOADS; i++)
      party->syncs[i] = i == QUEUE_FENCE ? unit_fence_sync(party->fence) :
                        unit_create(device, payloads[i].flags,
                                    payloads[i].shared);

   /* This process lives. */
   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++)
      REQUIRE(vk_sync_win32_slot_claim(
                 unit_layout(party->syncs[POLLED])) == i);
}

static void
cell_run(void *data)
{
   struct cell *cell = data;
   const struct party *party = cell->party;
   const struct place *place = cell->place;
   struct vk_sync_wait waits[3];
   unsigned count = 0;

   for (; count < 3 && place->payloads[count] != NOTHING; count++) {
      const enum payload_index payload = place->payloads[count];
      struct vk_sync *sync = party->syncs[payload];

      waits[count] = (struct vk_sync_wait) {
         .sync = payloads[payload].flags == 0 ?
                 unit_take(party->device, sync) : sync,
         .wait_value = !(sync->flags & VK_SYNC_IS_TIMELINE) ? 0 :
                       payload < PAYLOADS_SIGNALLED ? party->value : NEVER,
      };
   }

   REQUIRE(DuplicateHandle(GetCurrentProcess(), GetCurrentThread(),
                           GetCurrentProcess(), &cell->thread, 0, FALSE,
                           DUPLICATE_SAME_ACCESS));
   vk_sync_win32_store32(&cell->waiting, 1);
   cell->result =
      vk_sync_wait_many(party->device, count, waits,
                        place->any ? VK_SYNC_WAIT_ANY : VK_SYNC_WAIT_COMPLETE,
                        os_time_get_absolute_timeout(
                           place->minutes > 0 ? place->minutes * 60000 * MS :
                                                UINT64_MAX));
   cell->ended_ms = test_now_ms();
   vk_sync_win32_store32(&cell->done, 1);
}

/* Until all threads are blocked, as far as can be seen from outside */
static void
block_all(struct party *party)
{
   party->value++;
   REQUIRE_OK(unit_submit(party->queue, 1,
                          &(struct unit_batch) { .wait = party->semaphore },
                          party->fence));
   for (unsigned i = 0; i < THREADS; i++) {
      struct cell *cell = &party->cells[i];

      *cell = (struct cell) { party, &places[i / 2] };
      cell->runs = test_thread_start(cell_run, cell);
   }
   for (unsigned i = 0; i < THREADS; i++)
      PEER_AWAIT(vk_sync_win32_load32(&party->cells[i].waiting));
}

/* Of a semaphore, both tickets */
static void
signal_payload(struct party *party, unsigned payload)
{
   const unsigned times = payloads[payload].flags == 0 ? 2 : 1;
   struct vk_sync *sync = payload == QUEUE_FENCE ?
                          unit_semaphore_sync(party->semaphore) :
                          party->syncs[payload];

   party->since_ms[payload] = test_now_ms();
   for (unsigned i = 0; i < times; i++)
      REQUIRE_OK(unit_signal(party->device, sync, party->value));
}

/* In any order */
static void
signal_all(struct party *party)
{
   unsigned order[PAYLOADS_SIGNALLED];

   for (unsigned i = PRIVATE_A; i < PAYLOADS_SIGNALLED; i++) {
      const unsigned j = PRIVATE_A + test_random_below(i);

      order[i] = order[j];
      order[j] = i;
   }
   for (unsigned i = PRIVATE_A; i < PAYLOADS_SIGNALLED; i++)
      signal_payload(party, order[i]);
}

/* Whether all but the victim come back in time */
static bool
come_back(struct party *party, const struct cell *victim, double limit_ms)
{
   bool in_time = true;

   for (unsigned i = 0; i < THREADS; i++) {
      struct cell *cell = &party->cells[i];
      double since_ms = 0;

      if (cell == victim)
         continue;
      PEER_AWAIT(vk_sync_win32_load32(&cell->done));
      for (unsigned j = 0; j < 3; j++)
         since_ms = MAX2(since_ms, party->since_ms[cell->place->payloads[j]]);
      if (cell->ended_ms - since_ms > limit_ms) {
         test_diag("\"%s\" comes back after %.0f ms", cell->place->name,
                   cell->ended_ms - since_ms);
         in_time = false;
      }
   }
   return in_time;
}

static void
join_all(struct party *party, VkResult result)
{
   for (unsigned i = 0; i < THREADS; i++) {
      struct cell *cell = &party->cells[i];

      test_thread_join(cell->runs);
      CloseHandle(cell->thread);
      if (cell->result != result)
         test_fail(false, __FILE__, __LINE__, "%s: result %d",
                   cell->place->name, cell->result);
   }
}

/* It has come to a stop only once it can be asked where it is. */
static void
suspend(HANDLE thread)
{
   CONTEXT context = { .ContextFlags = CONTEXT_CONTROL };

   REQUIRE(SuspendThread(thread) != (DWORD)-1);
   REQUIRE(GetThreadContext(thread, &context));
}

static const struct vk_sync_win32_parker *parker;

/* What hook.no_look is for those who park: who has not been notified parks
 * again rather than look at what he waits for.  One who was suspended may
 * have missed his release.
 */
static bool
park(uint32_t *state, uint64_t timeout_ns)
{
   bool woken;

   do {
      woken = parker->park(state, hook.no_look ? PARK_NS : timeout_ns);
   } while (!woken && hook.no_look &&
            vk_sync_win32_load32(state) == VK_SYNC_WIN32_PARKED);
   return woken;
}

static bool
suspend_one(struct party *party, struct cell *victim)
{
   hook.no_look = !hook.no_look;
   block_all(party);
   /* Also when they are about to look for themselves, or will not for long */
   Sleep(test_random_below(10) == 0 ? 1700 : 20 + test_random_below(150));
   suspend(victim->thread);
   signal_all(party);
   const bool in_time = come_back(party, victim, LIMIT_MS);

   ResumeThread(victim->thread);
   join_all(party, VK_SUCCESS);
   for (unsigned i = PRIVATE_A; i < PAYLOADS; i++) {
      if (payloads[i].flags == VK_SYNC_IS_FENCE)
         REQUIRE_OK(vk_sync_reset(party->device, party->syncs[i]));
   }
   return in_time;
}

static void
suspend_each_in_turn(UNUSED intptr_t arg)
{
   static struct party party;

   create_party(&party);
   hook_install();
   parker = vk_sync_win32_chosen_parker;
   const struct vk_sync_win32_parker patient = {
      .name = parker->name, .park = park, .unpark = parker->unpark,
      .collect = parker->collect,
   };
   vk_sync_win32_chosen_parker = &patient;
   for (unsigned i = 0; i < THREADS; i++) {
      bool in_time = false;

      for (unsigned j = 0; j < TRIES && !in_time; j++)
         in_time = suspend_one(&party, &party.cells[i]);
      if (!in_time)
         test_fail(false, __FILE__, __LINE__, "late each time when \"%s\" is "
                   "suspended", places[i / 2].name);
   }
   hook.no_look = false;
   vk_sync_win32_chosen_parker = parker;
}

static bool
lose_device(unsigned blocked_ms)
{
   static struct party lost, other;

   create_party(&lost);
   create_party(&other);
   block_all(&other);
   block_all(&lost);
   Sleep(blocked_ms);

   (void)vk_device_set_lost(lost.device, "as a test");
   for (unsigned i = 0; i < PAYLOADS; i++)
      lost.since_ms[i] = test_now_ms();
   const bool in_time = come_back(&lost, NULL, LOST_LIMIT_MS);
   join_all(&lost, VK_ERROR_DEVICE_LOST);

   for (unsigned i = 0; i < THREADS; i++)
      EXPECT(!vk_sync_win32_load32(&other.cells[i].done));
   signal_all(&other);
   join_all(&other, VK_SUCCESS);

   /* What is there can still be seen. */
   for (unsigned i = PRIVATE_A; i <= POLLED; i++) {
      if (payloads[i].flags == 0)
         continue;
      REQUIRE_OK(unit_signal(lost.device, lost.syncs[i], NEVER));
      EXPECT_OK(unit_wait(lost.device, lost.syncs[i], NEVER, UINT64_MAX));
   }
   return in_time;
}

/* The longer a thread has been blocked, the less often it looks. */
static void
lost_device_ends_waits(intptr_t blocked_ms)
{
   bool in_time = false;

   for (unsigned i = 0; i < TRIES && !in_time; i++)
      in_time = lose_device((unsigned)blocked_ms + test_random_below(200));
   EXPECT(in_time);
}

const struct test_case test_cases[] = {
   { "a lost device ends waits that have just begun", lost_device_ends_waits,
     0, 90 },
   { "a lost device ends waits that have lasted for long",
     lost_device_ends_waits, 1700, 90 },
   { "one of the blocked threads is suspended", suspend_each_in_turn, 0, 180 },
   { 0 },
};

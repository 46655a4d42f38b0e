/* SPDX-License-Identifier: MIT */
#include "kill.h"

#include <stdlib.h>

#include "c11/threads.h"

struct vk_sync *
kill_open(const struct peer_run *run, struct vk_device *device, unsigned lane,
          enum kill_payload payload, bool create)
{
   const bool binary = payload == KILL_UP_BINARY ||
                       payload == KILL_DOWN_BINARY;
   const unsigned first = payload >= KILL_CLAIM ? 0 : lane;
   char name[24];

   snprintf(name, sizeof(name), "%u-%u", first, payload);
   return (create && lane == first ? peer_share : peer_open)(
      run, device, binary ? VK_SYNC_WIN32_KIND_BINARY :
                            VK_SYNC_WIN32_KIND_TIMELINE, name);
}

/* A victim: it does all that there is until it is dead. --------------------- */

static struct {
   struct peer_run run;
   unsigned index;
   struct kill_lane *lane;
   struct vk_device *device;
   struct vk_sync *syncs[KILL_PAYLOADS];
   int32_t calls_left;
} victim;

/* The signal operation that this thread is in */
static thread_local struct kill_journal *signalling;

static void
count_call(enum hook_call call, bool after)
{
   if (call == HOOK_RING && after && signalling != NULL)
      signalling->rings++;
   if (call == victim.lane->call && after == (victim.lane->after_call != 0) &&
       p_atomic_dec_return(&victim.calls_left) < 0) {
      TerminateProcess(GetCurrentProcess(), KILL_STATUS);
      Sleep(INFINITE);
   }
}

/* The journal says how far the payload is.  Whoever waits for the next signal
 * is soon blocked as well, so that it is rung; if not, that does no harm.
 */
static void
signal_in_journal(struct vk_sync *sync, struct kill_journal *journal,
                  uint64_t *waits, unsigned count)
{
   for (;;) {
      const uint64_t value = journal->done + 1;

      for (unsigned i = 0; i < count; i++) {
         while (vk_sync_win32_load64(&waits[i]) != value)
            Sleep(1);
      }
      for (unsigned i = 0; i < 100 && unit_armed(sync) < count; i++)
         Sleep(1);

      vk_sync_win32_store32(&journal->rings, 0);
      vk_sync_win32_store64(&journal->begun, value);
      signalling = journal;
      REQUIRE_OK(unit_signal(victim.device, sync, value));
      signalling = NULL;
      vk_sync_win32_store64(&journal->done, value);
   }
}

static void
signal_timelines(UNUSED void *data)
{
   signal_in_journal(victim.syncs[KILL_UP], &victim.lane->timeline,
                     victim.lane->waits, KILL_SURVIVORS);
}

static void
signal_semaphores(UNUSED void *data)
{
   signal_in_journal(victim.syncs[KILL_UP_BINARY], &victim.lane->binary,
                     &victim.lane->binary_wait, 1);
}

/* The parent signals all the time, and this waits for the next. */
static void
wait_for_parent(UNUSED void *data)
{
   struct vk_sync *sync = victim.syncs[KILL_DOWN];

   for (;;) {
      const uint64_t value = peer_word(sync) + 1;

      REQUIRE_OK(unit_wait(victim.device, sync, value, UINT64_MAX));
      REQUIRE(peer_word(sync) >= value);
   }
}

static void
take_tickets(UNUSED void *data)
{
   struct kill_journal *journal = &victim.lane->tickets;

   for (;;) {
      vk_sync_win32_store64(&journal->begun, journal->begun + 1);
      struct vk_sync *pending = unit_take(victim.device,
                                          victim.syncs[KILL_DOWN_BINARY]);
      vk_sync_win32_store64(&journal->done, journal->done + 1);

      REQUIRE_OK(unit_wait(victim.device, pending, 0, UINT64_MAX));
      vk_sync_win32_store64(&victim.lane->tickets_seen, journal->done);
      unit_sync_destroy(victim.device, pending);
   }
}

static void
claim_and_drop(UNUSED void *data)
{
   for (;;) {
      struct vk_sync *claim = kill_open(&victim.run, victim.device,
                                        victim.index, KILL_CLAIM, false);

      REQUIRE_RESULT(unit_wait(victim.device, claim, 1, 200 * 1000),
                     VK_TIMEOUT);
      vk_sync_destroy(victim.device, claim);
   }
}

/* Owns a slot, armed, to the end of its life */
static void
wait_at_gate(UNUSED void *data)
{
   const struct vk_sync_wait waits[] = {
      { .sync = victim.syncs[KILL_GATE], .wait_value = KILL_FINAL },
      { .sync = victim.syncs[KILL_DOWN], .wait_value = KILL_FINAL },
   };

   REQUIRE_OK(vk_sync_wait_many(victim.device, TEST_COUNT(waits), waits,
                                VK_SYNC_WAIT_ANY, UINT64_MAX));
   test_fail(true, __FILE__, __LINE__, "the gate was left");
}

static void
open_lane(const struct peer_run *run, struct vk_device *device, unsigned lane,
          struct vk_sync *syncs[KILL_PAYLOADS])
{
   for (unsigned i = 0; i < KILL_PAYLOADS; i++)
      syncs[i] = kill_open(run, device, lane, i, false);
}

int
kill_victim_main(int argc, char **argv)
{
   static void (*const runs[])(void *data) = {
      wait_for_parent, take_tickets, claim_and_drop, signal_semaphores,
      signal_timelines,
   };

   victim.run = peer_run_open(argc, argv, sizeof(struct kill_board));
   struct kill_board *board = victim.run.board;
   victim.index = (unsigned)strtoul(argv[1], NULL, 10);
   victim.lane = &board->lanes[victim.index];
   victim.calls_left = (int32_t)victim.lane->calls;
   victim.device = unit_device();
   open_lane(&victim.run, victim.device, victim.index, victim.syncs);

   hook_install();
   test_thread_start(wait_at_gate, NULL);
   PEER_AWAIT(peer_count_slots(victim.syncs[KILL_GATE],
                               GetCurrentProcessId()) > 0);
   vk_sync_win32_store32(&victim.lane->ready, 1);
   hook.at = count_call;
   for (unsigned i = 0; i < TEST_COUNT(runs); i++)
      test_thread_start(runs[i], NULL);
   Sleep(INFINITE);
   return 0;
}

/* A survivor: it is always blocked on what the victims signal. -------------- */

static struct {
   struct kill_board *board;
   struct vk_device *device;
   struct vk_sync *syncs[KILL_LANES][KILL_PAYLOADS];
   unsigned index;
} survivor;

static void
wait_for_timeline(void *data)
{
   const uintptr_t lane = (uintptr_t)data;
   uint64_t *waiting = &survivor.board->lanes[lane].waits[survivor.index];
   struct vk_sync *sync = survivor.syncs[lane][KILL_UP];
   uint64_t value = peer_word(sync);

   while (value < KILL_FINAL) {
      const struct vk_sync_wait waits[] = {
         { .sync = sync, .wait_value = value + 1 },
         { .sync = survivor.syncs[lane][KILL_GATE], .wait_value = KILL_FINAL },
      };

      /* By turns alone and together with another payload */
      vk_sync_win32_store64(waiting, value + 1);
      REQUIRE_OK(vk_sync_wait_many(survivor.device,
                                   1 + (unsigned)(value & 1), waits,
                                   VK_SYNC_WAIT_ANY, UINT64_MAX));
      const uint64_t now = peer_word(sync);
      REQUIRE(now > value);
      value = now;
   }
}

static void
wait_for_semaphore(void *data)
{
   const uintptr_t lane = (uintptr_t)data;
   uint64_t *waiting = &survivor.board->lanes[lane].binary_wait;
   struct vk_sync *sync = survivor.syncs[lane][KILL_UP_BINARY];

   while (!vk_sync_win32_load32(&survivor.board->quit)) {
      struct vk_sync *pending = unit_take(survivor.device, sync);
      const uint32_t ticket = ((struct vk_sync_win32 *)pending)->ticket;

      vk_sync_win32_store64(waiting, ticket);
      REQUIRE_OK(unit_wait(survivor.device, pending, 0, UINT64_MAX));

      /* Nobody else takes tickets here, so nobody else can be signalled. */
      REQUIRE_U64(peer_signals(sync), ticket);
      unit_sync_destroy(survivor.device, pending);
   }
}

static void
wait_for_gate(void *gate)
{
   REQUIRE_OK(unit_wait(survivor.device, gate, KILL_FINAL, UINT64_MAX));
}

/* Nobody may take a slot away from who lives: so many threads never leave. */
static bool
has_gate_slots(void)
{
   return peer_count_slots(survivor.syncs[0][KILL_GATE],
                           GetCurrentProcessId()) >= KILL_LANES;
}

int
kill_survivor_main(int argc, char **argv)
{
   const struct peer_run run =
      peer_run_open(argc, argv, sizeof(struct kill_board));
   struct test_thread *threads[3 * KILL_LANES];
   unsigned count = 0;

   survivor.board = run.board;
   survivor.index = (unsigned)strtoul(argv[1], NULL, 10);
   survivor.device = unit_device();
   for (uintptr_t i = 0; i < KILL_LANES; i++) {
      open_lane(&run, survivor.device, (unsigned)i, survivor.syncs[i]);
      threads[count++] = test_thread_start(wait_for_gate,
                                           survivor.syncs[i][KILL_GATE]);
      threads[count++] = test_thread_start(wait_for_timeline, (void *)i);
      if (i % KILL_SURVIVORS == survivor.index)
         threads[count++] = test_thread_start(wait_for_semaphore, (void *)i);
   }
   PEER_AWAIT(has_gate_slots());
   vk_sync_win32_store32(&survivor.board->ready[survivor.index], 1);

   while (!vk_sync_win32_load32(&survivor.board->quit)) {
      REQUIRE(has_gate_slots() || vk_sync_win32_load32(&survivor.board->quit));
      Sleep(20);
   }
   while (count > 0)
      test_thread_join(threads[--count]);
   return 0;
}

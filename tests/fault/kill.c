/* SPDX-License-Identifier: MIT */

/* The parent: it starts victims, lets them die and looks what they have left. */
#include "kill.h"

#include <inttypes.h>

#include "vk_sync_win32_bell.h"
#include "vk_sync_win32_wait.h"

/* A victim that has not made its last call within this time is killed anyway. */
#define LIFE_MS 300
/* The documented bound of a wait whose signaller has died, with a generous
 * factor for machines that are busy
 */
#define SETTLE_MS (5 * (VK_SYNC_WIN32_LONGEST_LOOK_NS / 1e6))
/* Only what goes wrong takes so long. */
#define START_OR_END_MS 20000

struct watch {
   unsigned index;
   enum {
      WATCH_IDLE,
      WATCH_RUNNING,
      /* Dead; the survivors have yet to notice what it has done last */
      WATCH_SETTLING,
   } state;
   /* The last one */
   struct peer *victim;
   struct kill_lane *lane;
   struct vk_sync *syncs[KILL_PAYLOADS];
   /* For how long it lives once it is ready, when to kill it, and since when it
    * is dead
    */
   double life_ms, due_ms, dead_ms;
   bool is_ready, killed;

   /* What the payloads held when it was started, and what we have added */
   uint64_t down_value;
   uint32_t down_signals, down_consumed;
};

static struct {
   struct peer_run peers;
   struct kill_board *board;
   struct vk_device *device;
   struct peer *survivors[KILL_SURVIVORS];
   struct watch watches[KILL_LANES];

   unsigned started, dead;
   /* Killed after they had changed a payload, before they rang a bell */
   unsigned silent;
   /* Tickets of the dead */
   unsigned given_back;
} parent;

static void
describe(const struct watch *watch)
{
   const struct kill_lane *lane = watch->lane;

   test_diag("lane %u: process %lu, call %d (%s) after %u; timeline signals "
             "begun %" PRIu64 ", done %" PRIu64 ", %u rings; binary signals "
             "%" PRIu64 ", %" PRIu64 ", %u rings; tickets %" PRIu64 ", %"
             PRIu64 ", %" PRIu64 " seen; survivors wait for %" PRIu64 ", %"
             PRIu64 ", and for the semaphore's %" PRIu64, watch->index,
             watch->victim != NULL ? (unsigned long)watch->victim->id : 0,
             lane->call, lane->after_call ? "after" : "before", lane->calls,
             lane->timeline.begun, lane->timeline.done, lane->timeline.rings,
             lane->binary.begun, lane->binary.done, lane->binary.rings,
             lane->tickets.begun, lane->tickets.done, lane->tickets_seen,
             lane->waits[0], lane->waits[1], lane->binary_wait);
}

static void
give_up(const char *why)
{
   for (unsigned i = 0; i < KILL_LANES; i++) {
      const struct watch *watch = &parent.watches[i];

      describe(watch);
      peer_dump("up", watch->syncs[KILL_UP]);
      peer_dump("up, binary", watch->syncs[KILL_UP_BINARY]);
      peer_dump("down, binary", watch->syncs[KILL_DOWN_BINARY]);
   }
   test_fail(true, __FILE__, __LINE__, "%s (%u dead)", why, parent.dead);
}

/* Signals until no ticket is left without one; returns how often */
static unsigned
serve_tickets(struct vk_sync *semaphore)
{
   unsigned signals = 0;

   for (; (int32_t)(peer_consumed(semaphore) - peer_signals(semaphore)) > 0;
        signals++)
      EXPECT_OK(vk_sync_signal(parent.device, semaphore, 0));
   return signals;
}

/* What the dead have left --------------------------------------------------- */

/* Whoever dies has done at most one thing more than its journal says. */
static bool
is_in_journal(const struct kill_journal *journal, uint64_t value)
{
   return journal->begun - journal->done <= 1 &&
          (value == journal->done || value == journal->begun);
}

/* The dead one's, as long as its slot has not been taken over */
static bool
has_note(struct vk_sync *sync, DWORD process, uint32_t ticket)
{
   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++) {
      struct vk_sync_win32_slot *slot = &unit_layout(sync)->slots[i];

      if (vk_sync_win32_load64(&slot->owner) >> 32 == process &&
          vk_sync_win32_load64(&slot->target) ==
          (VK_SYNC_WIN32_TARGET_TAKEN | VK_SYNC_WIN32_TARGET_TICKET(ticket)))
         return true;
   }
   return false;
}

static void
import_again(const struct watch *watch, enum kill_payload payload)
{
   vk_sync_destroy(parent.device,
                   kill_open(&parent.peers, parent.device, watch->index,
                             payload, false));
}

/* A ticket that is noted comes back as soon as somebody imports the payload;
 * one that is not has been seen satisfied, or its owner was about to note it.
 */
static void
check_tickets(struct watch *watch)
{
   const struct kill_lane *lane = watch->lane;
   struct vk_sync *sync = watch->syncs[KILL_DOWN_BINARY];
   const uint32_t consumed = peer_consumed(sync);
   const bool noted = has_note(sync, watch->victim->id, consumed);

   EXPECT(is_in_journal(&lane->tickets, consumed - watch->down_consumed));
   import_again(watch, KILL_DOWN_BINARY);
   EXPECT_U64(peer_consumed(sync), consumed - noted);
   EXPECT(!has_note(sync, watch->victim->id, consumed));
   EXPECT(!noted || lane->tickets_seen < lane->tickets.begun);
   EXPECT(lane->tickets.begun - lane->tickets_seen <= 1);
   parent.given_back += noted;
}

static bool
is_silent(const struct kill_journal *journal, uint64_t value)
{
   return journal->begun != journal->done && journal->rings == 0 &&
          journal->begun == value;
}

/* Right after the death, once nobody writes but the survivors */
static void
check_payloads(struct watch *watch)
{
   const struct kill_lane *lane = watch->lane;
   struct vk_sync **syncs = watch->syncs;
   const uint64_t value = peer_word(syncs[KILL_UP]);
   const uint32_t signals = peer_signals(syncs[KILL_UP_BINARY]);

   EXPECT(is_in_journal(&lane->timeline, value));
   EXPECT(is_in_journal(&lane->binary, signals));
   EXPECT_U64(peer_word(syncs[KILL_DOWN]), watch->down_value);
   EXPECT_U64(peer_signals(syncs[KILL_DOWN_BINARY]), watch->down_signals);
   parent.silent += is_silent(&lane->timeline, value) ||
                    is_silent(&lane->binary, signals);
   check_tickets(watch);
   watch->down_signals += serve_tickets(syncs[KILL_DOWN_BINARY]);
}

/* Whether the survivors have seen all that the victim has published */
static bool
has_settled(const struct watch *watch)
{
   struct kill_lane *lane = watch->lane;
   const uint64_t value = peer_word(watch->syncs[KILL_UP]);
   const uint32_t signals = peer_signals(watch->syncs[KILL_UP_BINARY]);

   for (unsigned i = 0; i < KILL_SURVIVORS; i++) {
      if (vk_sync_win32_load64(&lane->waits[i]) <= value)
         return false;
   }
   return vk_sync_win32_load64(&lane->binary_wait) > signals &&
          peer_consumed(watch->syncs[KILL_UP_BINARY]) == signals + 1;
}

/* When all others are gone, whoever comes finds what is left of them. */
static void
check_remains(struct watch *watch)
{
   EXPECT_U64(peer_consumed(watch->syncs[KILL_UP_BINARY]),
              peer_signals(watch->syncs[KILL_UP_BINARY]));
   /* What was given back may have been signalled already. */
   EXPECT(peer_signals(watch->syncs[KILL_DOWN_BINARY]) -
          peer_consumed(watch->syncs[KILL_DOWN_BINARY]) <= 1);

   for (unsigned i = 0; i < KILL_PAYLOADS; i++) {
      import_again(watch, i);
      if (unit_owned(watch->syncs[i]) + unit_armed(watch->syncs[i]) != 0) {
         peer_dump("left to nobody", watch->syncs[i]);
         test_fail(false, __FILE__, __LINE__, "lane %u, payload %u: slots are "
                   "left", watch->index, i);
      }
      vk_sync_destroy(parent.device, watch->syncs[i]);
   }
}

/* Victims ------------------------------------------------------------------- */

/* Some of the dead are gone altogether, others are kept for a while. */
static void
bury(struct watch *watch)
{
   if (watch->victim != NULL)
      peer_release(watch->victim);
   watch->victim = NULL;
}

static void
start_victim(struct watch *watch)
{
   struct kill_lane *lane = watch->lane;
   const uint64_t up = peer_word(watch->syncs[KILL_UP]);
   const uint32_t signals = peer_signals(watch->syncs[KILL_UP_BINARY]);
   const bool from_outside = test_random_below(2);

   /* Small numbers are more likely. */
   lane->calls = from_outside ? INT32_MAX :
                 test_random_below(1u << (1 + test_random_below(7)));
   lane->call = test_random_below(2) ? HOOK_RING :
                (enum hook_call)test_random_below(HOOK_CALLS);
   lane->after_call = test_random_below(2);
   lane->timeline = (struct kill_journal) { .begun = up, .done = up };
   lane->binary = (struct kill_journal) { .begun = signals, .done = signals };
   lane->tickets = (struct kill_journal) {0};
   lane->tickets_seen = 0;

   watch->down_value = peer_word(watch->syncs[KILL_DOWN]);
   watch->down_signals = peer_signals(watch->syncs[KILL_DOWN_BINARY]);
   watch->down_consumed = peer_consumed(watch->syncs[KILL_DOWN_BINARY]);
   bury(watch);
   lane->ready = 0;
   watch->victim = peer_start(&parent.peers, "victim", watch->index);
   watch->is_ready = watch->killed = false;
   watch->life_ms = from_outside ?
      test_random_below(2u << test_random_below(15)) / 1000.0 : LIFE_MS;
   watch->due_ms = test_now_ms() + START_OR_END_MS;
   watch->state = WATCH_RUNNING;
   parent.started++;
}

/* What the victim waits for, and in the end its death.  Under Wine it happens
 * that a new process never comes to its program: it dies as one that has done
 * nothing yet.
 */
static void
serve_victim(struct watch *watch)
{
   if (!watch->is_ready && vk_sync_win32_load32(&watch->lane->ready)) {
      watch->due_ms = test_now_ms() + watch->life_ms;
      watch->is_ready = true;
   }

   if (test_random_below(2))
      EXPECT_OK(vk_sync_signal(parent.device, watch->syncs[KILL_DOWN],
                               ++watch->down_value));
   watch->down_signals += serve_tickets(watch->syncs[KILL_DOWN_BINARY]);

   if (test_now_ms() >= watch->due_ms && !watch->killed) {
      peer_kill(watch->victim, KILL_STATUS);
      watch->killed = true;
   }
}

static void
on_death(struct watch *watch, DWORD status)
{
   if (status != KILL_STATUS) {
      test_diag("lane %u: exit status %lu", watch->index,
                (unsigned long)status);
      give_up("a victim has ended by itself");
   }
   check_payloads(watch);
   if (test_failed())
      give_up("a payload is not what a victim has left");
   if (test_random_below(3) > 0)
      bury(watch);
   parent.dead++;
   watch->dead_ms = test_now_ms();
   watch->state = WATCH_SETTLING;
}

static void
run_lane(struct watch *watch, unsigned victims)
{
   DWORD status;

   switch (watch->state) {
   case WATCH_IDLE:
      if (parent.started < victims)
         start_victim(watch);
      break;

   case WATCH_RUNNING:
      if (peer_ended(watch->victim, 0, &status))
         on_death(watch, status);
      else
         serve_victim(watch);
      break;

   case WATCH_SETTLING:
      if (has_settled(watch))
         watch->state = WATCH_IDLE;
      else if (test_now_ms() > watch->dead_ms + SETTLE_MS)
         give_up("a survivor was not woken in time");
      break;
   }
}

/* All together -------------------------------------------------------------- */

static void
start_all(void)
{
   for (unsigned i = 0; i < KILL_LANES; i++) {
      struct watch *watch = &parent.watches[i];

      *watch = (struct watch) { i, .lane = &parent.board->lanes[i] };
      for (unsigned j = 0; j < KILL_PAYLOADS; j++)
         watch->syncs[j] = kill_open(&parent.peers, parent.device, i, j, true);
   }
   for (unsigned i = 0; i < KILL_SURVIVORS; i++)
      parent.survivors[i] = peer_start_ready(&parent.peers, "survivor", i,
                                             &parent.board->ready[i]);
}

static bool
run_lanes(unsigned victims)
{
   bool idle = parent.started == victims;
   DWORD status;

   for (unsigned i = 0; i < KILL_LANES; i++) {
      run_lane(&parent.watches[i], victims);
      idle &= parent.watches[i].state == WATCH_IDLE;
   }
   for (unsigned i = 0; i < KILL_SURVIVORS; i++) {
      if (peer_ended(parent.survivors[i], 0, &status))
         give_up("a survivor has ended");
   }
   return !idle;
}

static void
finish_survivors(void)
{
   const double start_ms = test_now_ms();
   unsigned ended = 0;
   DWORD status;

   vk_sync_win32_store32(&parent.board->quit, 1);
   for (unsigned i = 0; i < KILL_LANES; i++)
      EXPECT_OK(vk_sync_signal(parent.device,
                               parent.watches[i].syncs[KILL_UP], KILL_FINAL));
   /* Last, since the survivors wait for either */
   EXPECT_OK(vk_sync_signal(parent.device,
                            parent.watches[0].syncs[KILL_GATE], KILL_FINAL));
   while (ended < KILL_SURVIVORS) {
      for (unsigned i = 0; i < KILL_LANES; i++)
         serve_tickets(parent.watches[i].syncs[KILL_UP_BINARY]);
      if (peer_ended(parent.survivors[ended], 5, &status)) {
         REQUIRE_U64(status, 0);
         peer_release(parent.survivors[ended++]);
      }
      if (test_now_ms() > start_ms + START_OR_END_MS)
         give_up("a survivor does not come to its end");
   }
}

static void
kill_many(unsigned victims)
{
   parent.peers = peer_run_create(sizeof(struct kill_board));
   parent.board = parent.peers.board;
   parent.started = 0;
   vk_sync_win32_bell_forget_all();
   const struct peer_usage before = peer_measure();

   start_all();
   while (run_lanes(victims))
      Sleep(1);
   finish_survivors();
   for (unsigned i = 0; i < KILL_LANES; i++) {
      check_remains(&parent.watches[i]);
      bury(&parent.watches[i]);
   }
   vk_sync_win32_bell_forget_all();

   /* The first time, some things are created to be kept. */
   if (victims == KILL_LANES)
      return;
   const struct peer_usage after = peer_measure();
   EXPECT_U64(after.handles, before.handles);
   EXPECT_U64(after.views, before.views);
   EXPECT(after.heap < before.heap + 64 * 1024);
}

static void
processes_are_killed(UNUSED intptr_t arg)
{
   parent.device = unit_device();
   parent.dead = parent.silent = parent.given_back = 0;
   kill_many(KILL_LANES);
   kill_many(90 * (test_scale() > 1 ? 10 : 1));
   test_diag("%u deaths, %u of them after a payload had changed and before "
             "anyone was rung; %u tickets were given back", parent.dead,
             parent.silent, parent.given_back);
   EXPECT(parent.silent > 0);
   EXPECT(parent.given_back > 0);
}

const struct test_case test_cases[] = {
   { "processes are killed beside each other", processes_are_killed, 0, 240 },
   { 0 },
};

const struct test_role test_roles[] = {
   { "victim", kill_victim_main },
   { "survivor", kill_survivor_main },
   { 0 },
};

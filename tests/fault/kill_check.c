/* SPDX-License-Identifier: MIT */
#include "kill.h"

#include <inttypes.h>

#include "util/macros.h"
#include "vk_sync_win32_wait.h"

/* The documented bound, with a generous factor for machines that are busy */
#define LATENCY_LIMIT_MS (5 * (VK_SYNC_WIN32_LONGEST_LOOK_NS / 1e6))

static void
describe(const struct kill_watch *watch)
{
   const struct kill_lane *lane = watch->lane;
   const struct kill_plan *plan = &lane->plan;

   test_diag("lane %u: scene %d, trigger %d, count %u, call %d/%u, %u threads; "
             "process %lu, stage %u, gate slot %d", watch->index, plan->scene,
             plan->trigger, plan->count, plan->call, plan->after_call,
             plan->threads, watch->victim != NULL ? watch->victim->id : 0,
             lane->stage, (int)lane->gate_slot);
   test_diag("   timeline signals begun %" PRIu64 ", done %" PRIu64 ", %u "
             "rings; binary signals %" PRIu64 ", %" PRIu64 ", %u rings; "
             "tickets %" PRIu64 ", %" PRIu64 ", %" PRIu64 " seen",
             lane->timeline.begun, lane->timeline.done, lane->timeline.rings,
             lane->binary.begun, lane->binary.done, lane->binary.rings,
             lane->tickets.begun, lane->tickets.done, lane->tickets_seen);
   for (unsigned i = 0; i < KILL_SURVIVORS; i++)
      test_diag("   survivor %u waits for %" PRIu64 ", has reached %" PRIu64,
                i, lane->timeline_cells[i].waiting,
                lane->timeline_cells[i].reached);
   test_diag("   binary: waits for %" PRIu64 ", has reached %" PRIu64,
             lane->binary_cell.waiting, lane->binary_cell.reached);
}

void
kill_give_up(struct kill_run *run, const struct kill_watch *watch,
             const char *why)
{
   for (unsigned i = 0; i < run->lane_count; i++)
      describe(&run->watches[i]);
   test_diag("the parent:");
   kill_payloads_dump(&run->payloads);

   /* Survivors look now and then. */
   vk_sync_win32_store32(&run->board->dump, 1);
   Sleep(1000);
   test_fail(true, __FILE__, __LINE__, "%s (lane %d, %u dead)", why,
             watch != NULL ? (int)watch->index : -1, run->dead);
}

static void
expect_one_of(const struct kill_watch *watch, const char *what,
              uint64_t value, uint64_t least, uint64_t most)
{
   if (value >= least && value <= most)
      return;

   test_fail(false, __FILE__, __LINE__, "%s is %" PRIu64 ", not %" PRIu64
             " or %" PRIu64, what, value, least, most);
   describe(watch);
}

static bool
is_silent(const struct kill_journal *journal)
{
   return journal->begun != journal->done && journal->rings == 0;
}

/* The dead one's, as long as its slot has not been taken over */
static bool
has_note(struct vk_sync *sync, DWORD process, uint32_t ticket)
{
   for (uint32_t i = 0; i < VK_SYNC_WIN32_SLOTS; i++) {
      i = peer_find_slot(sync, i, process);
      if (i == VK_SYNC_WIN32_NO_SLOT)
         break;
      if (vk_sync_win32_load64(&unit_layout(sync)->slots[i].target) ==
          (VK_SYNC_WIN32_TARGET_TAKEN | VK_SYNC_WIN32_TARGET_TICKET(ticket)))
         return true;
   }
   return false;
}

/* A ticket that is noted comes back as soon as somebody imports the payload;
 * one that is not has been seen satisfied, or its owner was about to note it.
 */
static void
check_tickets(struct kill_run *run, struct kill_watch *watch)
{
   const struct kill_lane *lane = watch->lane;
   struct vk_sync *sync = watch->down_binary;
   const uint32_t consumed = peer_consumed(sync);
   const bool noted = has_note(sync, watch->victim->id, consumed);

   expect_one_of(watch, "the number of tickets", consumed,
                 watch->down_consumed + lane->tickets.done,
                 watch->down_consumed + lane->tickets.begun);
   EXPECT(lane->tickets.begun - lane->tickets_seen <= 1);

   vk_sync_destroy(run->device,
                   kill_open_one(&run->peers, run->device,
                                 KILL_DOWN_BINARY + watch->index));

   run->unseen += lane->tickets_seen != lane->tickets.done;
   run->given_back += noted;
   expect_one_of(watch, "the number of tickets left", peer_consumed(sync),
                 consumed - noted, consumed - noted);
   EXPECT(!has_note(sync, watch->victim->id, consumed));
   EXPECT(!noted || lane->tickets_seen < lane->tickets.begun);
}

void
kill_check_payloads(struct kill_run *run, struct kill_watch *watch)
{
   const struct kill_lane *lane = watch->lane;
   const uint64_t value = peer_word(watch->up);
   const uint32_t signals = peer_signals(watch->up_binary);

   expect_one_of(watch, "the timeline's value", value, lane->timeline.done,
                 lane->timeline.begun);
   expect_one_of(watch, "the number of signals", signals, lane->binary.done,
                 lane->binary.begun);
   expect_one_of(watch, "the value signalled by the parent",
                 peer_word(watch->down), watch->down_value,
                 watch->down_value);
   expect_one_of(watch, "the number of the parent's signals",
                 peer_signals(watch->down_binary), watch->down_signals,
                 watch->down_signals);
   EXPECT(lane->timeline.begun - lane->timeline.done <= 1);
   EXPECT(lane->binary.begun - lane->binary.done <= 1);
   EXPECT(lane->tickets.begun - lane->tickets.done <= 1);
   EXPECT_U64(peer_word(run->payloads.syncs[KILL_GATE]), 0);
   EXPECT_U64(peer_word(run->payloads.syncs[KILL_CLAIM]), 0);

   for (unsigned i = 0; i < KILL_PAYLOADS; i++) {
      const struct vk_sync_win32_layout *layout =
         unit_layout(run->payloads.syncs[i]);

      EXPECT_U64(layout->magic, VK_SYNC_WIN32_SECTION_MAGIC);
      EXPECT_U64(layout->kind, (uint32_t)kill_payload_kind(i));
   }

   run->silent += is_silent(&lane->timeline) && value == lane->timeline.begun;
   run->silent += is_silent(&lane->binary) && signals == lane->binary.begun;
   check_tickets(run, watch);
   watch->down_signals += kill_serve_tickets(run->device, watch->down_binary);
}

unsigned
kill_serve_tickets(struct vk_device *device, struct vk_sync *semaphore)
{
   unsigned signals = 0;

   for (; (int32_t)(peer_consumed(semaphore) - peer_signals(semaphore)) > 0;
        signals++)
      EXPECT_OK(vk_sync_signal(device, semaphore, 0));
   return signals;
}

static bool
has_passed(struct kill_cell *cell, uint64_t target)
{
   return vk_sync_win32_load64(&cell->waiting) > target;
}

bool
kill_has_settled(const struct kill_watch *watch)
{
   const uint64_t value = peer_word(watch->up);
   const uint32_t signals = peer_signals(watch->up_binary);

   for (unsigned i = 0; i < KILL_SURVIVORS; i++) {
      if (!has_passed(&watch->lane->timeline_cells[i], value))
         return false;
   }
   return has_passed(&watch->lane->binary_cell, signals) &&
          peer_consumed(watch->up_binary) == signals + 1;
}

/* How long it took until a wait came back whose condition held */
static void
check_latency(const struct kill_watch *watch,
              const struct kill_journal *journal,
              const struct kill_cell *cell)
{
   /* A survivor that was late to block has missed nothing. */
   const uint64_t since_ns = MAX2(journal->published_ns, cell->since_ns);

   if (cell->reached != journal->begun || journal->published_ns == 0 ||
       cell->woken_ns <= since_ns)
      return;

   const double ms = (cell->woken_ns - since_ns) / 1e6;
   if (ms > LATENCY_LIMIT_MS) {
      test_fail(false, __FILE__, __LINE__, "a survivor came back %.1f ms after "
                "its condition held", ms);
      describe(watch);
   }
}

void
kill_check_latency(const struct kill_watch *watch)
{
   const struct kill_lane *lane = watch->lane;

   for (unsigned i = 0; i < KILL_SURVIVORS; i++)
      check_latency(watch, &lane->timeline, &lane->timeline_cells[i]);
   check_latency(watch, &lane->binary, &lane->binary_cell);
}

static bool
is_known(const struct kill_run *run, DWORD id)
{
   for (unsigned i = 0; i < run->id_count; i++) {
      if (run->ids[i] == id)
         return true;
   }
   return false;
}

/* Only the dead are left, and nobody rings them for ever. */
static void
check_slots(struct kill_run *run, unsigned payload)
{
   struct vk_sync *sync = run->payloads.syncs[payload];

   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++) {
      const uint64_t owner = unit_layout(sync)->slots[i].owner;

      if (owner != 0 && !is_known(run, (DWORD)(owner >> 32)))
         test_fail(false, __FILE__, __LINE__, "payload %u: slot %u belongs to "
                   "%" PRIu64 ", who never was", payload, i, owner >> 32);
   }
   if (unit_armed(sync) != 0)
      test_fail(false, __FILE__, __LINE__, "payload %u: %u slots are armed "
                "after all has been signalled", payload, unit_armed(sync));
}

void
kill_check_remains(struct kill_run *run)
{
   EXPECT_OK(vk_sync_signal(run->device, run->payloads.syncs[KILL_CLAIM],
                            KILL_FINAL));
   for (unsigned i = 0; i < KILL_LANES; i++) {
      const struct kill_watch *watch = &run->watches[i];

      EXPECT_U64(peer_word(watch->up), KILL_FINAL);
      EXPECT_U64(peer_consumed(watch->up_binary),
                 peer_signals(watch->up_binary));
      /* What was given back may have been signalled already. */
      EXPECT(peer_signals(watch->down_binary) -
             peer_consumed(watch->down_binary) <= 1);
      EXPECT_OK(vk_sync_signal(run->device, watch->down, KILL_FINAL));
      EXPECT_OK(vk_sync_signal(run->device, watch->down_binary, 0));
   }
   for (unsigned i = 0; i < KILL_PAYLOADS; i++)
      check_slots(run, i);
}

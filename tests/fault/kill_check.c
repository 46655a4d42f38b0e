/* SPDX-License-Identifier: MIT */
#include "kill.h"

#include <inttypes.h>

#include "util/macros.h"

#include "vk_sync_win32_wait.h"

/* The documented bound, with a generous factor for machines that are busy */
#define LATENCY_LIMIT_MS (5 * (VK_SYNC_WIN32_LONGEST_LOOK_NS / 1e6))

#define PROBE_MS 20000

void
kill_describe(const struct kill_lane *lane)
{
   const struct fault_lane *shared = lane->shared;
   const struct fault_plan *plan = &shared->plan;

   test_diag("lane %u: scene %d, trigger %d, count %u, call %d/%u, %u threads; "
             "process %lu, stage %u, gate slot %d", lane->index, plan->scene,
             plan->trigger, plan->count, plan->call, plan->after_call,
             plan->threads, lane->victim != NULL ? lane->victim->id : 0,
             shared->stage, (int)shared->gate_slot);
   test_diag("   timeline signals begun %" PRIu64 ", done %" PRIu64 ", %u "
             "rings; binary signals %" PRIu64 ", %" PRIu64 ", %u rings; "
             "tickets %" PRIu64 ", %" PRIu64 ", %" PRIu64 " seen",
             shared->timeline.begun, shared->timeline.done,
             shared->timeline.rings, shared->binary.begun,
             shared->binary.done, shared->binary.rings,
             shared->tickets.begun, shared->tickets.done,
             shared->tickets_seen);
   for (unsigned i = 0; i < FAULT_SURVIVORS; i++)
      test_diag("   survivor %u waits for %" PRIu64 ", has reached %" PRIu64,
                i, shared->timeline_cells[i].waiting,
                shared->timeline_cells[i].reached);
   test_diag("   binary: waits for %" PRIu64 ", has reached %" PRIu64,
             shared->binary_cell.waiting, shared->binary_cell.reached);
}

void
kill_give_up(struct kill_run *run, const struct kill_lane *lane,
             const char *why)
{
   for (unsigned i = 0; i < run->lane_count; i++)
      kill_describe(&run->lanes[i]);
   test_diag("the parent:");
   fault_payloads_dump(&run->payloads);

   /* Survivors look now and then. */
   vk_sync_win32_store32(&run->board->dump, 1);
   Sleep(1000);
   test_fail(true, __FILE__, __LINE__, "%s (lane %d, %u dead)", why,
             lane != NULL ? (int)lane->index : -1, run->stats.dead);
}

static void
expect_one_of(struct kill_lane *lane, const char *what, uint64_t value,
              uint64_t least, uint64_t most)
{
   if (value >= least && value <= most)
      return;

   test_fail(false, __FILE__, __LINE__, "%s is %" PRIu64 ", not %" PRIu64
             " or %" PRIu64, what, value, least, most);
   kill_describe(lane);
}

static void
check_header(struct vk_sync *sync, enum vk_sync_win32_kind kind)
{
   struct vk_sync_win32_layout *layout = unit_layout(sync);

   EXPECT_U64(layout->magic, VK_SYNC_WIN32_SECTION_MAGIC);
   EXPECT_U64(layout->kind, (uint32_t)kind);
}

static void
count_signal(struct kill_run *run, const struct fault_journal *journal,
             uint64_t value)
{
   if (journal->begun == journal->done)
      return;

   run->stats.signalling++;
   if (value != journal->begun)
      return;

   run->stats.published++;
   if (journal->rings == 0)
      run->stats.silent++;
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
check_tickets(struct kill_run *run, struct kill_lane *lane)
{
   const struct fault_lane *shared = lane->shared;
   struct vk_sync *sync = run->payloads.down_binary[lane->index];
   const uint32_t consumed = peer_consumed(sync);
   const DWORD victim = lane->victim->id;
   const bool noted = has_note(sync, victim, consumed);
   char name[24];

   expect_one_of(lane, "the number of tickets", consumed,
                 lane->down_consumed + shared->tickets.done,
                 lane->down_consumed + shared->tickets.begun);
   EXPECT(shared->tickets.begun - shared->tickets_seen <= 1);

   snprintf(name, sizeof(name), "down-binary%u", lane->index);
   vk_sync_destroy(run->device, peer_open(&run->peers, run->device,
                                          VK_SYNC_WIN32_KIND_BINARY, name));

   run->stats.unseen += shared->tickets_seen != shared->tickets.done;
   run->stats.given_back += noted;
   expect_one_of(lane, "the number of tickets left", peer_consumed(sync),
                 consumed - noted, consumed - noted);
   EXPECT(!has_note(sync, victim, consumed));

   EXPECT(!noted || shared->tickets_seen < shared->tickets.begun);
}

void
kill_check_payloads(struct kill_run *run, struct kill_lane *lane)
{
   const struct fault_lane *shared = lane->shared;
   struct vk_sync *up = run->payloads.up[lane->index];
   struct vk_sync *up_binary = run->payloads.up_binary[lane->index];
   struct vk_sync *down = run->payloads.down[lane->index];
   struct vk_sync *down_binary = run->payloads.down_binary[lane->index];

   expect_one_of(lane, "the timeline's value", peer_word(up),
                 shared->timeline.done, shared->timeline.begun);
   expect_one_of(lane, "the number of signals", peer_signals(up_binary),
                 shared->binary.done, shared->binary.begun);
   expect_one_of(lane, "the value signalled by the parent", peer_word(down),
                 lane->down, lane->down);
   expect_one_of(lane, "the number of the parent's signals",
                 peer_signals(down_binary), lane->down_signals,
                 lane->down_signals);
   EXPECT(shared->timeline.begun - shared->timeline.done <= 1);
   EXPECT(shared->binary.begun - shared->binary.done <= 1);
   EXPECT(shared->tickets.begun - shared->tickets.done <= 1);
   EXPECT_U64(peer_word(run->payloads.gate), 0);
   EXPECT_U64(peer_word(run->payloads.claim), 0);

   check_header(up, VK_SYNC_WIN32_KIND_TIMELINE);
   check_header(up_binary, VK_SYNC_WIN32_KIND_BINARY);
   check_header(down, VK_SYNC_WIN32_KIND_TIMELINE);
   check_header(down_binary, VK_SYNC_WIN32_KIND_BINARY);
   check_header(run->payloads.gate, VK_SYNC_WIN32_KIND_TIMELINE);
   check_header(run->payloads.claim, VK_SYNC_WIN32_KIND_TIMELINE);

   count_signal(run, &shared->timeline, peer_word(up));
   count_signal(run, &shared->binary, peer_signals(up_binary));
   check_tickets(run, lane);
   kill_serve_tickets(run, lane);
}

void
kill_serve_tickets(struct kill_run *run, struct kill_lane *lane)
{
   struct vk_sync *sync = run->payloads.down_binary[lane->index];

   while ((int32_t)(peer_consumed(sync) - peer_signals(sync)) > 0) {
      EXPECT(vk_sync_signal(run->device, sync, 0) == VK_SUCCESS);
      lane->down_signals++;
   }
}

static bool
has_passed(struct fault_cell *cell, uint64_t target)
{
   return vk_sync_win32_load64(&cell->waiting) > target;
}

bool
kill_has_settled(struct kill_run *run, struct kill_lane *lane)
{
   struct fault_lane *shared = lane->shared;
   const uint64_t value = peer_word(run->payloads.up[lane->index]);
   struct vk_sync *binary = run->payloads.up_binary[lane->index];
   const uint32_t signals = peer_signals(binary);

   for (unsigned i = 0; i < FAULT_SURVIVORS; i++) {
      if (!has_passed(&shared->timeline_cells[i], value))
         return false;
   }
   return has_passed(&shared->binary_cell, signals) &&
          peer_consumed(binary) == signals + 1;
}

static void
add_latency(struct kill_run *run, struct kill_lane *lane,
            const struct fault_journal *journal,
            const struct fault_cell *cell)
{
   const bool silent = journal->begun != journal->done && journal->rings == 0;
   struct kill_latency *latency = silent ? &run->stats.silent_latency :
                                           &run->stats.other_latency;
   double ms = 0;

   /* A survivor that was late to block has missed nothing. */
   const uint64_t since_ns = MAX2(journal->published_ns, cell->since_ns);
   if (cell->woken_ns > since_ns)
      ms = (cell->woken_ns - since_ns) / 1e6;
   latency->count++;
   latency->sum_ms += ms;
   if (ms > latency->max_ms)
      latency->max_ms = ms;

   if (ms > LATENCY_LIMIT_MS) {
      test_fail(false, __FILE__, __LINE__, "a survivor came back %.1f ms after "
                "its condition held", ms);
      kill_describe(lane);
   }
}

void
kill_check_latency(struct kill_run *run, struct kill_lane *lane)
{
   const struct fault_lane *shared = lane->shared;
   const struct fault_journal *journal = &shared->timeline;

   for (unsigned i = 0; i < FAULT_SURVIVORS; i++) {
      const struct fault_cell *cell = &shared->timeline_cells[i];
      if (cell->reached == journal->begun && journal->published_ns != 0)
         add_latency(run, lane, journal, cell);
   }

   journal = &shared->binary;
   if (shared->binary_cell.reached == journal->begun &&
       journal->published_ns != 0)
      add_latency(run, lane, journal, &shared->binary_cell);
}

void
kill_check_newcomer(struct kill_run *run)
{
   struct fault_probe *probe = &run->board->probe;
   struct vk_sync *gate = run->payloads.gate;
   DWORD status;

   /* The slot that it finds may be armed still, or its owner may have been
    * rung, in vain.
    */
   if (run->lane_count > 1)
      EXPECT(vk_sync_signal(run->device, gate, FAULT_FAR) == VK_SUCCESS);

   uint64_t value = peer_word(gate);
   double since_ms = test_now_ms();
   struct peer *peer = peer_start(&run->peers, "probe", 0);
   run->ids[run->id_count++] = peer->id;

   while (!peer_ended(peer, 1, &status)) {
      if (vk_sync_win32_load64(&probe->waiting) == value + 1) {
         EXPECT(vk_sync_signal(run->device, gate, ++value) == VK_SUCCESS);
         since_ms = test_now_ms();
      } else if (test_now_ms() > since_ms + PROBE_MS) {
         kill_give_up(run, NULL, "a newcomer is not woken");
      }
   }
   REQUIRE_U64(status, 0);
   EXPECT_U64(probe->polls, 0);
   EXPECT_U64(peer_count_slots(gate, peer->id), 0);
   REQUIRE(probe->slot < VK_SYNC_WIN32_SLOTS);
   peer_release(peer);
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
check_slots(struct kill_run *run, const char *name, struct vk_sync *sync)
{
   struct vk_sync_win32_layout *layout = unit_layout(sync);

   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++) {
      const uint64_t owner = layout->slots[i].owner;
      if (owner != 0 && !is_known(run, (DWORD)(owner >> 32)))
         test_fail(false, __FILE__, __LINE__, "%s: slot %u belongs to %" PRIu64
                   ", who never was", name, i, owner >> 32);
   }
   if (unit_armed(sync) != 0)
      test_fail(false, __FILE__, __LINE__, "%s: %u slots are armed after all "
                "has been signalled", name, unit_armed(sync));
}

void
kill_check_remains(struct kill_run *run)
{
   struct fault_payloads *payloads = &run->payloads;

   EXPECT(vk_sync_signal(run->device, payloads->claim, FAULT_FINAL) ==
          VK_SUCCESS);
   check_slots(run, "gate", payloads->gate);
   check_slots(run, "claim", payloads->claim);

   for (unsigned i = 0; i < FAULT_LANES; i++) {
      EXPECT_U64(peer_word(payloads->up[i]), FAULT_FINAL);
      EXPECT_U64(peer_consumed(payloads->up_binary[i]),
                 peer_signals(payloads->up_binary[i]));
      /* What was given back may have been signalled already. */
      EXPECT(peer_signals(payloads->down_binary[i]) -
             peer_consumed(payloads->down_binary[i]) <= 1);
      EXPECT(vk_sync_signal(run->device, payloads->down[i], FAULT_FINAL) ==
             VK_SUCCESS);
      EXPECT(vk_sync_signal(run->device, payloads->down_binary[i], 0) ==
             VK_SUCCESS);
      check_slots(run, "up", payloads->up[i]);
      check_slots(run, "up-binary", payloads->up_binary[i]);
      check_slots(run, "down", payloads->down[i]);
      check_slots(run, "down-binary", payloads->down_binary[i]);
   }
}

void
kill_check_usage(const char *who, const struct peer_usage *before,
                 const struct peer_usage *after)
{
   test_diag("%s: %u handles, %u views, %" PRIu64 " bytes of heap before; "
             "%u, %u, %" PRIu64 " after", who, before->handles,
             before->views, before->heap, after->handles, after->views,
             after->heap);
   EXPECT_U64(after->handles, before->handles);
   EXPECT_U64(after->views, before->views);
   EXPECT(after->heap < before->heap + 64 * 1024);
}

/* SPDX-License-Identifier: MIT */
#ifndef FAULT_KILL_H
#define FAULT_KILL_H

/* The parent's side: it starts victims, lets them die and looks what they have
 * left.
 */
#include "fault.h"

enum kill_state {
   KILL_IDLE,
   KILL_RUNNING,
   /* Dead; the survivors have yet to notice what it has done last */
   KILL_SETTLING,
};

struct kill_lane {
   uint32_t index;
   enum kill_state state;
   struct peer *victim;
   struct fault_lane *shared;
   double since_ms;
   /* When to kill it from outside; 0 until it is ready */
   double due_ms;
   bool from_outside;

   /* What the payloads held when the victim was started */
   uint64_t down;
   uint32_t down_signals, down_consumed;
};

/* How long it took until a wait came back whose condition held */
struct kill_latency {
   unsigned count;
   double sum_ms, max_ms;
};

struct kill_stats {
   unsigned started, dead;
   unsigned deaths[SCENE_COUNT][TRIGGER_COUNT];
   /* Ended by the parent since their trigger was not met */
   unsigned overdue;
   /* Never began */
   unsigned stillborn;
   /* Killed within a signal operation, of these after the payload had
    * changed, of these before a bell was rung
    */
   unsigned signalling, published, silent;
   /* Tickets of the dead */
   unsigned unseen, given_back;
   /* Slots in the gate that had been a dead one's */
   unsigned taken_over;
   struct kill_latency silent_latency, other_latency;
};

struct kill_run {
   struct peer_run peers;
   struct fault_board *board;
   struct vk_device *device;
   struct fault_payloads payloads;
   struct peer *survivors[FAULT_SURVIVORS];
   struct kill_lane lanes[FAULT_LANES];
   unsigned lane_count;
   unsigned victims;
   struct kill_stats stats;
   bool gate_slots_seen[VK_SYNC_WIN32_SLOTS];

   /* Some of the dead are kept as objects, others are gone altogether. */
   struct peer *kept[16];
   /* All processes that there ever were */
   DWORD *ids;
   unsigned id_count;
};

/* kill_check.c */

/* Right after the death, once nobody writes but the survivors */
void kill_check_payloads(struct kill_run *run, struct kill_lane *lane);
/* Whether the survivors have seen all that the victim has published */
bool kill_has_settled(struct kill_run *run, struct kill_lane *lane);
/* After that */
void kill_check_latency(struct kill_run *run, struct kill_lane *lane);
/* When all victims are dead: a newcomer finds a slot and is woken. */
void kill_check_newcomer(struct kill_run *run);
/* When all others are gone */
void kill_check_remains(struct kill_run *run);
void kill_check_usage(const char *who, const struct peer_usage *before,
                      const struct peer_usage *after);

/* Describes what is wrong and where, and ends the case. */
void kill_give_up(struct kill_run *run, const struct kill_lane *lane,
                  const char *why);
void kill_describe(const struct kill_lane *lane);

/* Let waits of a victim end, and have no ticket of a dead one left over */
void kill_serve_tickets(struct kill_run *run, struct kill_lane *lane);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef FAULT_KILL_H
#define FAULT_KILL_H

/* Processes that are killed, and processes that survive them.
 *
 * Victims are started in lanes, one after the other.  Each lane has payloads
 * that its victim signals and survivors wait for ("up"), and such that the
 * parent signals and the victim waits for ("down").  A victim keeps a journal
 * of what it is about to do and what it has done, so that once it is dead, all
 * that a payload can hold is known.
 */
#include "hook.h"
#include "peer.h"
#include "step.h"

enum {
   KILL_LANES = 4,
   KILL_SURVIVORS = 2,
   /* Exit statuses: a victim that killed itself, or was killed */
   KILL_STATUS = 77,
   KILL_STATUS_OUTSIDE = 78,
};

/* The value that ends the survivors, and that no victim lives to see */
#define KILL_FINAL (UINT64_C(1) << 40)

/* What a victim's main thread does, over and over */
enum kill_scene {
   SCENE_TIMELINE, /* signals */
   SCENE_BINARY,
   SCENE_WAIT,
   SCENE_TICKET, /* takes a ticket, then waits */
   SCENE_CLAIM,  /* opens a payload, waits for a moment, drops it */
   SCENE_ALL,    /* signals, while other threads do the rest */
   SCENE_COUNT,
};

enum kill_trigger {
   TRIGGER_OUTSIDE,   /* by the parent, some time after the start */
   TRIGGER_STEP,      /* some instructions into the operation */
   TRIGGER_PUBLISHED, /* some instructions after the payload has changed */
   TRIGGER_CLAIMED,   /* some instructions after a slot has been claimed */
   TRIGGER_CALL,      /* at the so many-th call of a kind into the kernel */
};

enum kill_stage { STAGE_CREATED, STAGE_STARTED, STAGE_READY };

struct kill_plan {
   enum kill_scene scene;
   enum kill_trigger trigger;
   /* Instructions, calls or, from outside, microseconds */
   uint32_t count;
   enum hook_call call;
   uint32_t after_call;
   /* Further threads, blocked */
   uint32_t threads;
};

/* One thread of a survivor: the target it waits for, and the last one that it
 * came back with.  Targets only grow.
 */
struct kill_cell {
   uint64_t waiting;
   uint64_t reached;
   uint64_t since_ns;
   uint64_t woken_ns;
};

/* A kind of operation: how many have been begun, and how many are done */
struct kill_journal {
   uint64_t begun;
   uint64_t done;
   /* Of a signal operation, the last to be begun: when it was about to change
    * the payload or was seen to have done so, and how many bells it rang
    */
   uint64_t published_ns;
   uint32_t rings;
};

struct kill_lane {
   struct kill_plan plan;

   struct kill_journal timeline, binary, tickets;
   /* Of the tickets, those whose signal has been waited for */
   uint64_t tickets_seen;

   /* enum kill_stage, as far as the victim has come */
   uint32_t stage;
   /* Slot in "gate", where no wait ends */
   uint32_t gate_slot;

   struct kill_cell timeline_cells[KILL_SURVIVORS];
   struct kill_cell binary_cell;
};

struct kill_board {
   uint32_t quit;
   uint32_t dump;
   struct kill_lane lanes[KILL_LANES];
   struct {
      uint32_t ready;
      /* Threads that still run */
      uint32_t threads;
      struct peer_usage before, after;
   } survivors[KILL_SURVIVORS];
};

/* A process's view of the payloads.  Add the lane to the first four. */
enum {
   KILL_UP = 0,
   KILL_UP_BINARY = KILL_LANES,
   KILL_DOWN = 2 * KILL_LANES,
   KILL_DOWN_BINARY = 3 * KILL_LANES,
   /* Never signalled as long as victims live */
   KILL_GATE = 4 * KILL_LANES,
   KILL_CLAIM,
   KILL_PAYLOADS,
};

struct kill_payloads {
   struct vk_sync *syncs[KILL_PAYLOADS];
};

/* Instead of one lane, whose payloads are opened */
#define KILL_ALL_LANES UINT32_MAX

typedef struct vk_sync *(*kill_open)(const struct peer_run *run,
                                     struct vk_device *device,
                                     enum vk_sync_win32_kind kind,
                                     const char *name);

/* With peer_share() or peer_open() */
void kill_payloads_open(struct kill_payloads *payloads, kill_open open,
                        const struct peer_run *run, struct vk_device *device,
                        uint32_t lane);
struct vk_sync *kill_open_one(const struct peer_run *run,
                              struct vk_device *device, unsigned payload);
enum vk_sync_win32_kind kill_payload_kind(unsigned payload);
void kill_payloads_close(struct kill_payloads *payloads,
                         struct vk_device *device);
void kill_payloads_dump(struct kill_payloads *payloads);

int kill_victim_main(int argc, char **argv);
int kill_survivor_main(int argc, char **argv);

/* The parent: it starts victims, lets them die and looks what they have left. */

struct kill_watch {
   uint32_t index;
   enum {
      WATCH_IDLE,
      WATCH_RUNNING,
      /* Dead; the survivors have yet to notice what it has done last */
      WATCH_SETTLING,
   } state;
   struct peer *victim;
   struct kill_lane *lane;
   struct vk_sync *up, *up_binary, *down, *down_binary;
   double since_ms;
   /* When to kill it from outside; 0 until it is ready */
   double due_ms;
   bool from_outside;

   /* What the payloads held when the victim was started */
   uint64_t down_value;
   uint32_t down_signals, down_consumed;
};

struct kill_run {
   struct peer_run peers;
   struct kill_board *board;
   struct vk_device *device;
   struct kill_payloads payloads;
   struct peer *survivors[KILL_SURVIVORS];
   struct kill_watch watches[KILL_LANES];
   unsigned lane_count;
   unsigned victims;

   unsigned started, dead;
   /* Never began */
   unsigned stillborn;
   /* Killed after they had changed a payload, before they rang a bell */
   unsigned silent;
   /* Tickets of the dead */
   unsigned unseen, given_back;
   /* Slots in the gate that had been a dead one's */
   unsigned taken_over;
   bool gate_slots_seen[VK_SYNC_WIN32_SLOTS];

   /* Some of the dead are kept as objects, others are gone altogether. */
   struct peer *kept[16];
   /* All processes that there ever were */
   DWORD ids[1024];
   unsigned id_count;

   /* What the parent holds */
   struct peer_usage before, after;
};

/* kill_check.c */

/* Right after the death, once nobody writes but the survivors */
void kill_check_payloads(struct kill_run *run, struct kill_watch *watch);
/* Whether the survivors have seen all that the victim has published */
bool kill_has_settled(const struct kill_watch *watch);
/* After that */
void kill_check_latency(const struct kill_watch *watch);
/* When all others are gone */
void kill_check_remains(struct kill_run *run);

/* Describes what is wrong and where, and ends the case. */
void kill_give_up(struct kill_run *run, const struct kill_watch *watch,
                  const char *why);

/* Signals until no ticket is left without one; returns how often */
unsigned kill_serve_tickets(struct vk_device *device,
                            struct vk_sync *semaphore);

#endif

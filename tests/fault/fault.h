/* SPDX-License-Identifier: MIT */
#ifndef FAULT_H
#define FAULT_H

/* Processes that are killed, and processes that survive them.
 *
 * Victims are started in lanes, one after the other.  Each lane has payloads
 * that its victim signals and survivors wait for ("up"), and such that the
 * parent signals and the victim waits for ("down").  A victim keeps a journal
 * of what it is about to do and what it has done, so that once it is dead, all
 * that a payload can hold is known.
 */
#include "peer.h"

#include "hook.h"
#include "step.h"

#define FAULT_MS UINT64_C(1000000)

enum {
   FAULT_LANES = 4,
   FAULT_SURVIVORS = 2,
   /* Exit statuses: a victim that killed itself, or was killed */
   FAULT_KILLED = 77,
   FAULT_KILLED_FROM_OUTSIDE = 78,
};

/* The value that ends the survivors, and one that no victim lives to see */
#define FAULT_FINAL (UINT64_C(1) << 40)
#define FAULT_FAR (FAULT_FINAL / 2)

/* What a victim's main thread does, over and over */
enum fault_scene {
   SCENE_TIMELINE, /* signals */
   SCENE_BINARY,
   SCENE_WAIT,
   SCENE_TICKET, /* takes a ticket, then waits */
   SCENE_CLAIM,  /* opens a payload, waits for a moment, drops it */
   SCENE_ALL,    /* signals, while other threads do the rest */
   SCENE_COUNT,
};

enum fault_trigger {
   TRIGGER_OUTSIDE,   /* by the parent, some time after the start */
   TRIGGER_STEP,      /* some instructions into the operation */
   TRIGGER_PUBLISHED, /* some instructions after the payload has changed */
   TRIGGER_CLAIMED,   /* some instructions after a slot has been claimed */
   TRIGGER_CALL,      /* at the so many-th call of a kind into the kernel */
   TRIGGER_COUNT,
};

enum fault_stage {
   STAGE_CREATED,
   STAGE_MAIN,
   STAGE_DEVICE,
   STAGE_PAYLOADS,
   STAGE_READY,
};

struct fault_plan {
   enum fault_scene scene;
   enum fault_trigger trigger;
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
struct fault_cell {
   uint64_t waiting;
   uint64_t reached;
   uint64_t since_ns;
   uint64_t woken_ns;
};

/* A kind of operation: how many have been begun, and how many are done */
struct fault_journal {
   uint64_t begun;
   uint64_t done;
   /* Of a signal operation, the last to be begun: when it was about to change
    * the payload or was seen to have done so, and how many bells it rang
    */
   uint64_t published_ns;
   uint32_t rings;
};

struct fault_lane {
   struct fault_plan plan;

   struct fault_journal timeline, binary, tickets;
   /* Of the tickets, those whose signal has been waited for */
   uint64_t tickets_seen;

   /* enum fault_stage, as far as the victim has come */
   uint32_t stage;
   /* Slot in "gate", where no wait ends */
   uint32_t gate_slot;

   struct fault_cell timeline_cells[FAULT_SURVIVORS];
   struct fault_cell binary_cell;
};

struct fault_survivor {
   uint32_t ready;
   /* Threads that still run */
   uint32_t threads;
   struct peer_usage before, after;
};

struct fault_probe {
   uint64_t waiting;
   uint32_t slot;
   uint32_t polls;
};

struct fault_board {
   uint32_t quit;
   uint32_t dump;
   struct fault_lane lanes[FAULT_LANES];
   struct fault_survivor survivors[FAULT_SURVIVORS];
   struct fault_probe probe;
};

/* A process's view of the payloads */
struct fault_payloads {
   struct vk_sync *up[FAULT_LANES];
   struct vk_sync *up_binary[FAULT_LANES];
   struct vk_sync *down[FAULT_LANES];
   struct vk_sync *down_binary[FAULT_LANES];
   /* Never signalled as long as victims live */
   struct vk_sync *gate;
   struct vk_sync *claim;
};

/* Instead of one lane, whose payloads are opened */
#define FAULT_ALL_LANES UINT32_MAX

void fault_payloads_open(struct fault_payloads *payloads,
                         const struct peer_run *run, struct vk_device *device,
                         uint32_t lane, bool create);
void fault_payloads_close(struct fault_payloads *payloads,
                          struct vk_device *device);
void fault_payloads_dump(struct fault_payloads *payloads);

/* Roles */
int fault_victim_main(int argc, char **argv);
int fault_survivor_main(int argc, char **argv);
int fault_probe_main(int argc, char **argv);
int fault_degraded_main(int argc, char **argv);
int fault_holder_main(int argc, char **argv);

/* Cases */
extern const struct test_case fault_kill_cases[];
extern const struct test_case fault_degraded_cases[];

#endif

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

enum {
   KILL_LANES = 4,
   KILL_SURVIVORS = 2,
   /* The exit status of a victim that killed itself, or was killed */
   KILL_STATUS = 77,
};

/* The value that ends the survivors, and that no victim lives to see */
#define KILL_FINAL (UINT64_C(1) << 40)

enum kill_payload {
   KILL_UP,
   KILL_UP_BINARY,
   KILL_DOWN,
   KILL_DOWN_BINARY,
   /* These are the same in all lanes.  Opened, waited for and dropped, over and
    * over:
    */
   KILL_CLAIM,
   /* Never signalled as long as victims live */
   KILL_GATE,
   KILL_PAYLOADS,
};

/* A kind of operation: how many have been begun, and how many are done */
struct kill_journal {
   uint64_t begun;
   uint64_t done;
   /* Of a signal operation, the last to be begun: how many bells it rang */
   uint32_t rings;
};

struct kill_lane {
   uint32_t ready;

   /* The victim kills itself before or after the so many-th call of this kind
    * into the kernel.
    */
   enum hook_call call;
   uint32_t after_call;
   uint32_t calls;

   struct kill_journal timeline, binary, tickets;
   /* Of the tickets, those whose signal has been waited for */
   uint64_t tickets_seen;

   /* What survivors wait for.  It only grows. */
   uint64_t waits[KILL_SURVIVORS], binary_wait;
};

struct kill_board {
   uint32_t quit;
   uint32_t ready[KILL_SURVIVORS];
   struct kill_lane lanes[KILL_LANES];
};

struct vk_sync *kill_open(const struct peer_run *run, struct vk_device *device,
                          unsigned lane, enum kill_payload payload,
                          bool create);

int kill_victim_main(int argc, char **argv);
int kill_survivor_main(int argc, char **argv);

#endif

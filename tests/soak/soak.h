/* SPDX-License-Identifier: MIT */
#ifndef SOAK_H
#define SOAK_H

/* Processes that do nothing but signal and wait for each other, where every
 * value, every pairing of a wait with a signal, and all that the payloads are
 * there to guard is checked.
 *
 * Each worker goes through the same number of steps, and its own timeline
 * tells how far it is.  In a step it writes a block, signals, waits until its
 * neighbours are nearly as far, and reads a block of each.  Beside that it takes
 * tokens, which binary semaphores hand on in the order of the tickets.  Before
 * all that, everyone rushes for tickets of one binary semaphore, and then to
 * signal it as often; and again.
 */
#include "peer.h"

#include "hook.h"

enum {
   SOAK_PROCESSES = 4,
   SOAK_THREADS = 4,
   SOAK_WORKERS = SOAK_PROCESSES * SOAK_THREADS,
   /* Worker i's neighbours are i ^ 1, i ^ 2, i ^ 4, i ^ 8: two of its own
    * process, two of others.
    */
   SOAK_NEIGHBOURS = 4,
   SOAK_TOKENS = 4,
   /* Tickets that each worker takes in a rush: so many that there are slots for
    * all
    */
   SOAK_RUSH = 7,
   SOAK_RUSHES = 40,
   SOAK_RUSH_TICKETS = SOAK_RUSHES * SOAK_WORKERS * SOAK_RUSH,
   /* A worker may be this many steps ahead of a neighbour. */
   SOAK_LEAD = 3,
   /* Blocks that are kept: a neighbour reads up to SOAK_LEAD steps back, while
    * the writer is up to SOAK_LEAD steps ahead.
    */
   SOAK_BLOCKS = 16,
   SOAK_WORDS = 6,
};

/* What payloads guard; not atomic on purpose */
struct soak_block {
   uint64_t number;
   uint64_t words[SOAK_WORDS];
};

struct soak_token {
   /* Worker number + 1, or 0 */
   uint32_t holder;
   uint32_t ticket;
   struct soak_block block;
};

struct soak_worker {
   /* Steps begun: no less than the timeline's value */
   uint64_t begun;
   uint64_t operations;
   /* What it is at, for the watchdog's report */
   uint32_t waiting_for;
   uint64_t waiting_target;
   struct soak_block blocks[SOAK_BLOCKS];
};

enum soak_wait {
   SOAK_NOTHING,
   SOAK_ANY_NEIGHBOUR,
   SOAK_ALL_NEIGHBOURS,
   SOAK_TOKEN,
   SOAK_RUSHED,
};

struct soak_process {
   uint32_t ready, done;
   uint32_t calls[HOOK_CALLS];
};

struct soak_board {
   uint64_t seed;
   uint64_t steps;
   uint32_t go, quit;
   struct soak_process processes[SOAK_PROCESSES];
   struct soak_worker workers[SOAK_WORKERS];
   struct soak_token tokens[SOAK_TOKENS];
   /* How often a worker was through with one half of a rush, and who has got
    * which ticket
    */
   uint32_t rushed;
   uint8_t rush_owners[SOAK_RUSH_TICKETS + 1];
};

/* The workers' timelines, then binary semaphores: of the tokens and the rush */
enum {
   SOAK_TOKEN_PAYLOAD = SOAK_WORKERS,
   SOAK_RUSH_PAYLOAD = SOAK_TOKEN_PAYLOAD + SOAK_TOKENS,
   SOAK_PAYLOADS,
};

/* What a process has */
struct soak {
   struct soak_board *board;
   struct vk_device *device;
   struct vk_sync *payloads[SOAK_PAYLOADS];
};

extern struct soak soak;

void soak_block_write(struct soak_block *block, uint64_t author,
                      uint64_t number);

/* Authors of blocks, beside the workers */
#define SOAK_TOKEN_AUTHOR(token) (UINT64_C(0x1000) + (token))

/* The life of the worker of that number, on its own thread */
void soak_work(void *number);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef FAULT_TICKETS_H
#define FAULT_TICKETS_H

/* A producer and its consumers, in lock-step: in each round the producer
 * signals the binary semaphore "forth", and one consumer waits for it and
 * signals "back".  Consumers are killed, and others take their place.
 */
#include "peer.h"

enum {
   TICKETS_CONSUMERS = 2,
   /* Exit statuses of those that were killed */
   TICKETS_KILLED = 77,
   TICKETS_KILLED_FROM_OUTSIDE = 78,
};

/* When a consumer is to die */
enum tickets_death {
   DEATH_NONE,
   /* By the producer */
   DEATH_BLOCKED,           /* blocked, before the signal */
   DEATH_BLOCKED_SIGNALLED, /* the same, right after the signal */
   DEATH_QUEUED,            /* its queue is busy, before the signal */
   DEATH_QUEUED_SIGNALLED,  /* the same, after the signal */
   DEATH_ANY_TIME,
   /* By itself, some instructions into what it does */
   DEATH_TAKE,
   DEATH_CLAIMED, /* the same, from when it has a slot */
   DEATH_WAIT,
   DEATH_SIGNALLED, /* the same, from when the signal has come */
   DEATH_OPEN,
   DEATH_OPEN_CLAIMED, /* the same, from when it has a slot of a dead one */
   DEATHS,
};

/* How far a consumer has come */
enum tickets_stage {
   STAGE_CREATED,
   STAGE_OPENING, /* imports */
   STAGE_IDLE,
   STAGE_TAKING,  /* is in vkQueueSubmit2() */
   STAGE_TAKEN,
};

struct tickets_consumer {
   uint32_t stage;
   /* The last round whose wait its queue has begun */
   uint32_t queue_round;

   /* What it is told: the round to do, whether only the answer is missing,
    * and how it is going to die
    */
   uint32_t turn;
   uint32_t answer_only;
   uint32_t death;
   uint32_t steps;
};

struct tickets_board {
   struct tickets_consumer consumers[TICKETS_CONSUMERS];
   /* The producer's handles, for who imports by handle */
   DWORD producer;
   uint64_t forth, back;
   /* Rounds whose signal has been sent, and has been received */
   uint32_t sent, received;
};

/* The process, whether or not it is giving back what it has found in the slot */
#define TICKETS_OWNER(owner) ((DWORD)((owner) >> 32) & ~(DWORD)1)

/* Add to a consumer's number */
#define TICKETS_BY_HANDLE 16

int tickets_consumer_main(int argc, char **argv);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef BENCH_PAIRS_H
#define BENCH_PAIRS_H

#include "runtime.h"

/** Where one thread blocks and its partner wakes it; on lines of its own */
struct bench_seat {
   enum bench_side side;
   struct vk_sync *sync;
   HANDLE event;

   /* Of the thread that sits there: how often it has been woken */
   uint64_t turn;
   uint8_t pad0[64];

   /* For WaitOnAddress, or the key of a keyed event */
   uint32_t word;
   uint8_t pad1[64];
};

/** A way to block and to wake; `turn` counts from 1 at each seat */
struct bench_means {
   void (*wake)(struct bench_seat *seat, uint64_t turn);
   void (*block)(struct bench_seat *seat, uint64_t turn);

   /* Wait until who sits there is blocked, as far as can be told; may be NULL */
   void (*await)(struct bench_seat *seat);
};

/* By the sync type of the seat's side */
extern const struct bench_means bench_timeline_means;
extern const struct bench_means bench_binary_means;
extern const struct bench_means bench_fence_means;

extern const struct bench_means bench_event_means;
extern const struct bench_means bench_keyed_means;
extern const struct bench_means bench_address_means;

/** Pairs of threads, all of them at it at once, in turn by either means
 *
 * The threads of end 0 begin.  Those of end 1 are in the same process or in
 * another, which has seats of its own for the same objects.
 */
struct bench_match {
   const struct bench_means *means[2];

   /* Two for each pair: of the threads of end 0 and of end 1 */
   struct bench_seat *seats[2];

   uint32_t pairs;
   uint32_t rounds;
   /* A round has so many for each pair, of two hand-overs each. */
   uint32_t laps;

   /* A signal that finds its waiter still on the way to the kernel is cheap.
    * If that is not to be measured, either end gives the other one this time
    * to block, and has a processor of its own.
    */
   double settle_ns;
};

/** Play the part of end 0, and of end 1 if `both`; ns for each hand-over */
struct bench_result bench_match_lead(const struct bench_match *match,
                                     bool both);

/** Play the part of end 1 */
void bench_match_follow(const struct bench_match *match);

/** How often each end of each pair wakes its partner by either means */
double bench_match_hand_overs(const struct bench_match *match);

#endif /* BENCH_PAIRS_H */

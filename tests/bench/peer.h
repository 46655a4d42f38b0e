/* SPDX-License-Identifier: MIT */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include "bench.h"
#include "child.h"

/** Another process: this program again, with handles that it inherits */

#define BENCH_PEER_HANDLES 64

struct bench_peer {
   /* Its process; not in the peer itself */
   struct child *child;
   struct child_link link;

   /* What it was started with, in the peer */
   uint32_t number;
   HANDLE handles[BENCH_PEER_HANDLES];
};

/** Start a peer in a role; `number` is for it to make sense of
 *
 * If it fails, so does this process; if this process ends, so does the peer.
 */
struct bench_peer bench_peer_start(const char *role, uint32_t number,
                                   const HANDLE *handles, uint32_t count);

/** Wait until the peer's process has ended, and well */
void bench_peer_join(struct bench_peer *peer);

/** How the peer's role begins, and what it returns */
struct bench_peer bench_peer_open(int argc, char **argv);
int bench_peer_end(void);

/** Tell the other side to go on, and wait until it says so */
void bench_peer_tell(struct bench_peer *peer);
void bench_peer_hear(struct bench_peer *peer);

HANDLE bench_event_create(void);

int bench_beside_peer(int argc, char **argv);
int bench_later_peer(int argc, char **argv);
int bench_pairs_peer(int argc, char **argv);

#endif /* BENCH_PEER_H */

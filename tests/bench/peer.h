/* SPDX-License-Identifier: MIT */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include "bench.h"

/** Another process: this program again, with handles that it inherits */

#define BENCH_PEER_HANDLES 64

struct bench_peer {
   HANDLE process;

   /* Auto-reset events: the parent's word to go on, and the peer's answer */
   HANDLE go;
   HANDLE done;
};

/** What a peer runs; ends its process by returning
 *
 * `number` is whatever the parent chose.
 */
typedef void (*bench_peer_func)(struct bench_peer *self,
                                const HANDLE *handles, uint32_t number);

struct bench_peer_role {
   const char *name;
   bench_peer_func run;
};

/** Start a peer in a role; the handles must be inheritable
 *
 * If it fails, so does this process; if this process ends, so does the peer.
 */
struct bench_peer bench_peer_start(const char *role, uint32_t number,
                                   const HANDLE *handles, uint32_t count);

/** Wait until the peer's process has ended, and well */
void bench_peer_join(struct bench_peer *peer);

void bench_event_set(HANDLE event);
void bench_event_wait(HANDLE event);

/** An auto-reset event that peers inherit */
HANDLE bench_event_create(void);

/** A page of zeros that peers inherit, and a view of one */
HANDLE bench_page_create(void);
void *bench_page_map(HANDLE page);

/** What main() does if the program is a peer */
int bench_peer_main(int argc, char **argv);

#endif /* BENCH_PEER_H */

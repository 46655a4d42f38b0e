/* SPDX-License-Identifier: MIT */
#ifndef BENCH_RUNTIME_H
#define BENCH_RUNTIME_H

#include "bench.h"
#include "child.h"
#include "fixture.h"

/** Mesa's runtime without a driver: its sync types are ours, or the ones that
 * lavapipe has upstream
 */
struct vk_device *bench_device(enum bench_side side);
struct vk_sync *bench_sync(enum bench_side side, enum vk_sync_flags flags);

/** Payloads of ours in sections, which peers import */
struct vk_sync *bench_shared_create(enum vk_sync_flags flags);
struct vk_sync *bench_shared_import(enum vk_sync_flags flags, HANDLE handle);

/** The value is for timelines. */
void bench_signal(enum bench_side side, struct vk_sync *sync, uint64_t value);
void bench_wait(enum bench_side side, struct vk_sync *sync, uint64_t value);

/* What upstream's binary type adds to a vk_sync; see upstream.c */
extern const struct vk_sync_type *const bench_upstream_type;

/** Kernel transitions that the sync type has made, each counted before it
 * begins; those of the parker "futex" are not among them, since it calls the
 * system by way of Mesa
 */
struct bench_calls {
   uint32_t waits;
   uint32_t wakes;
   uint32_t others;
};

extern struct bench_calls bench_calls;

/** Count from now on, through wrappers in vk_sync_win32_nt */
void bench_count_calls(void);
uint32_t bench_all_calls(void);

/** Further than any signal that is measured */
#define BENCH_LATER (UINT64_C(1) << 40)

/** Threads that wait for values of a timeline of ours from BENCH_LATER on */
void bench_gather(struct vk_sync *timeline, uint32_t count);
/** Some that have a shared timeline each, once they are blocked */
void bench_gather_apart(uint32_t count);

/** Wait for the end of all of them, which dismissing brings about */
void bench_join(void);
void bench_dismiss(void);

/** What another process is told, which is this program again: handles that it
 * inherits, and a number for it to make sense of
 */
struct bench_orders {
   uint32_t number;
   uint32_t handle_count;
   HANDLE handles[64];
};

/** Start it in a role; if this process ends, so does the peer. */
struct child *bench_peer_start(const char *role,
                               const struct bench_orders *orders);

/** How the peer's role begins */
struct child_link bench_peer_open(int argc, char **argv,
                                  struct bench_orders *orders);

#endif /* BENCH_RUNTIME_H */

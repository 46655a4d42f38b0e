/* SPDX-License-Identifier: MIT */
#ifndef BENCH_RUNTIME_H
#define BENCH_RUNTIME_H

#include "bench.h"

#include "vk_device.h"
#include "vk_sync.h"

#include "vk_sync_win32.h"
#include "vk_sync_win32_nt.h"

/** Mesa's runtime without a driver: its sync types are ours, or the ones that
 * lavapipe has upstream
 */
struct vk_device *bench_device(enum bench_side side);

struct vk_sync *bench_fence(enum bench_side side);
struct vk_sync *bench_timeline(enum bench_side side);

/** Payloads of ours in sections, which peers import */
struct vk_sync *bench_shared_create(enum vk_sync_flags flags);
struct vk_sync *bench_shared_import(enum vk_sync_flags flags, HANDLE handle);
HANDLE bench_shared_export(struct vk_sync *sync);

/** How many threads, of whichever process, are blocked on it or about to be */
uint32_t bench_shared_blocked(struct vk_sync *sync);

void bench_sync_destroy(enum bench_side side, struct vk_sync *sync);

void bench_signal(enum bench_side side, struct vk_sync *sync, uint64_t value);
void bench_wait(enum bench_side side, struct vk_sync *sync, uint64_t value);
void bench_reset(enum bench_side side, struct vk_sync *sync);

/* What upstream's binary type adds to a vk_sync; see upstream.c */
extern const struct vk_sync_type *const bench_upstream_type;

/** Kernel transitions that the sync type has made; those of the parker
 * "futex" are not among them, since it calls the system by way of Mesa
 */
struct bench_transitions {
   uint32_t keyed_waits;
   uint32_t keyed_releases;
   uint32_t object_waits;
   uint32_t semaphore_releases;
   uint32_t others;
};

/** Count from now on, through wrappers in vk_sync_win32_nt
 *
 * Waits are counted before they begin, so that a count says that a thread is
 * about to block.
 */
void bench_count_transitions(void);

/** What has been counted so far; each member is updated atomically */
extern struct bench_transitions bench_transitions;

uint32_t bench_transition_total(void);

/** Those of them that wake somebody */
uint32_t bench_wake_total(void);

#endif /* BENCH_RUNTIME_H */

/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SHARE_H
#define BENCH_SHARE_H

#include "peer.h"
#include "runtime.h"

#include "vk_sync_win32_word.h"

/** Payloads in sections, which peers import */
struct vk_sync *bench_shared_create(enum vk_sync_win32_kind kind);
struct vk_sync *bench_shared_import(enum vk_sync_win32_kind kind,
                                    HANDLE handle);

HANDLE bench_shared_export(struct vk_sync *sync);

/** How many threads, of whichever process, are blocked on it or about to be */
uint32_t bench_shared_blocked(struct vk_sync *sync);

#endif /* BENCH_SHARE_H */

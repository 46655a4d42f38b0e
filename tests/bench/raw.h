/* SPDX-License-Identifier: MIT */
#ifndef BENCH_RAW_H
#define BENCH_RAW_H

#include "bench.h"

/** The bare NT primitives that we compare with, straight from ntdll */
struct bench_raw {
   LONG (WINAPI *set_event)(HANDLE event, LONG *previous);
   LONG (WINAPI *release)(HANDLE semaphore, LONG count, LONG *previous);
   LONG (WINAPI *wait)(HANDLE object, BOOLEAN alertable,
                       const LARGE_INTEGER *timeout);
   LONG (WINAPI *keyed_wait)(HANDLE event, void *key, BOOLEAN alertable,
                             const LARGE_INTEGER *timeout);
   LONG (WINAPI *keyed_release)(HANDLE event, void *key, BOOLEAN alertable,
                                const LARGE_INTEGER *timeout);
};

extern struct bench_raw bench_raw;

void bench_raw_init(void);

#endif /* BENCH_RAW_H */

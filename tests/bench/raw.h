/* SPDX-License-Identifier: MIT */
#ifndef BENCH_RAW_H
#define BENCH_RAW_H

#include <windows.h>

/** The bare NT primitives that we compare with, straight from ntdll */
LONG WINAPI NtSetEvent(HANDLE event, LONG *previous);
LONG WINAPI NtWaitForSingleObject(HANDLE object, BOOLEAN alertable,
                                  LARGE_INTEGER *timeout);
LONG WINAPI NtWaitForKeyedEvent(HANDLE event, void *key, BOOLEAN alertable,
                                const LARGE_INTEGER *timeout);
LONG WINAPI NtReleaseKeyedEvent(HANDLE event, void *key, BOOLEAN alertable,
                                const LARGE_INTEGER *timeout);

#endif /* BENCH_RAW_H */

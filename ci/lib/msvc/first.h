/* SPDX-License-Identifier: MIT */
/* What Microsoft's headers have, and clang's and Wine's lack, as far as Mesa
 * needs it. For ci/lib/clang-cl and check-sources.py, which include it first.
 */
#ifndef __ASSEMBLER__

/* Some of Wine's versions have struct timespec, some have not, and none has a
 * macro that says so.
 */
#if !__has_include(<_mingw.h>)
#define timespec wine_timespec
#include <time.h>
#undef timespec

struct timespec {
   time_t tv_sec;
   long tv_nsec;
};
#endif

#include <intrin.h>
#include <time.h>

/* Of intrin.h, for Mesa's util/u_atomic.h and util/bitscan.h */
#ifdef __aarch64__
unsigned char _BitScanForward64(unsigned long *, unsigned __int64);
unsigned char _BitScanReverse64(unsigned long *, unsigned __int64);
__int64 _InterlockedCompareExchange64(__int64 volatile *, __int64, __int64);
__int64 _InterlockedDecrement64(__int64 volatile *);
__int64 _InterlockedExchange64(__int64 volatile *, __int64);
__int64 _InterlockedExchangeAdd64(__int64 volatile *, __int64);
__int64 _InterlockedIncrement64(__int64 volatile *);
#endif

static __inline long
_interlockedadd(long volatile *p, long value)
{
   return _InterlockedExchangeAdd(p, value) + value;
}

static __inline __int64
_interlockedadd64(__int64 volatile *p, __int64 value)
{
   return _InterlockedExchangeAdd64(p, value) + value;
}

#define _interlockedexchangeadd64 _InterlockedExchangeAdd64
#define _interlockedincrement64 _InterlockedIncrement64
#define _interlockeddecrement64 _InterlockedDecrement64
#define _interlockedexchange64 _InterlockedExchange64

/* Wine's winnt.h defines a function of this name, which clang has built in. */
#define _InterlockedCompareExchange128 wine_InterlockedCompareExchange128

/* Of winnt.h */
#define InterlockedBitTestAndSet _interlockedbittestandset
#define InterlockedBitTestAndReset _interlockedbittestandreset

/* Of processthreadsapi.h */
int __stdcall GetProcessHandleCount(void *, unsigned long *);

/* Of time.h */
#define localtime_s _localtime64_s

/* Of stdlib.h, malloc.h and math.h; the DLL has the functions. */
#define _MAX_ENV 32767

__declspec(dllimport) intptr_t _get_heap_handle(void);
__declspec(dllimport) unsigned _set_abort_behavior(unsigned, unsigned);
__declspec(dllimport) void
qsort_s(void *, size_t, size_t, int (*)(void *, const void *, const void *), void *);
double fma(double, double, double);
float fmaf(float, float, float);

#endif

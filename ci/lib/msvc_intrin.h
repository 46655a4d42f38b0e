/* SPDX-License-Identifier: MIT */
/* Spellings that Mesa's util/u_atomic.h takes from the intrin.h of cl.exe, and
 * that clang's lacks. For check-sources.py, which compiles but never links.
 */
#include <intrin.h>

long _interlockedadd(long volatile *, long);
__int64 _interlockedadd64(__int64 volatile *, __int64);
__int64 _interlockedexchangeadd64(__int64 volatile *, __int64);
__int64 _interlockedincrement64(__int64 volatile *);
__int64 _interlockeddecrement64(__int64 volatile *);
__int64 _interlockedexchange64(__int64 volatile *, __int64);

/* What Microsoft's winnt.h has, and Wine's lacks */
#define InterlockedBitTestAndSet _interlockedbittestandset
#define InterlockedBitTestAndReset _interlockedbittestandreset

/* The same of Microsoft's time.h */
#include <time.h>
struct timespec {
   time_t tv_sec;
   long tv_nsec;
};

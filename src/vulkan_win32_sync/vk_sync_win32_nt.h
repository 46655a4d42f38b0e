/* SPDX-License-Identifier: MIT */
#ifndef VK_SYNC_WIN32_NT_H
#define VK_SYNC_WIN32_NT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef _WIN32
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>
#else
#include "nt_shim.h"
#endif

#include "util/u_atomic.h"

/** Return VK_ERROR_INVALID_EXTERNAL_HANDLE, with a message that says why */
#define vk_win32_refuse(device, ...) \
   vk_errorf(device, VK_ERROR_INVALID_EXTERNAL_HANDLE, __VA_ARGS__)

#define VK_SYNC_WIN32_STATUS_SUCCESS 0
#define VK_SYNC_WIN32_STATUS_TIMEOUT 0x102

/** The calls that can enter the kernel, resolved once from ntdll
 *
 * They sit in a table so that tests and benchmarks can count them.
 *
 * Time-outs are in 100 ns ticks, negative for relative ones; NULL is forever.
 */
struct vk_sync_win32_nt_table {
   /* A NULL handle stands for the keyed event that every process has since
    * Windows Vista, so that parking takes no kernel object of ours.
    */
   LONG (WINAPI *wait_for_keyed_event)(HANDLE event, void *key,
                                       BOOLEAN alertable,
                                       const LARGE_INTEGER *timeout);
   LONG (WINAPI *release_keyed_event)(HANDLE event, void *key,
                                      BOOLEAN alertable,
                                      const LARGE_INTEGER *timeout);

   LONG (WINAPI *wait_for_single_object)(HANDLE object, BOOLEAN alertable,
                                         const LARGE_INTEGER *timeout);
   LONG (WINAPI *wait_for_multiple_objects)(ULONG count,
                                            const HANDLE *objects,
                                            ULONG wait_any, BOOLEAN alertable,
                                            const LARGE_INTEGER *timeout);
   LONG (WINAPI *release_semaphore)(HANDLE semaphore, LONG count,
                                    LONG *previous);
   LONG (WINAPI *delay_execution)(BOOLEAN alertable,
                                  const LARGE_INTEGER *interval);
   LONG (WINAPI *query_section)(HANDLE section, int info_class, void *info,
                                SIZE_T size, SIZE_T *result_size);

   LONG (WINAPI *query_object)(HANDLE object, int info_class, void *info,
                               ULONG size, ULONG *result_size);

   /** Whether the process is ending, so that this is its only thread left */
   BOOLEAN (WINAPI *is_shutting_down)(void);

   bool is_wine;
};

extern struct vk_sync_win32_nt_table vk_sync_win32_nt;

/** Resolve the table; false if the system lacks a required call
 *
 * Any thread, any number of times.
 */
bool
vk_sync_win32_nt_init(void);

/** Ticks for a time-out from now on, rounded up */
static inline LARGE_INTEGER
vk_sync_win32_ticks(uint64_t timeout_ns)
{
   const LARGE_INTEGER ticks = {
      .QuadPart = -(LONGLONG)((timeout_ns + 99) / 100),
   };
   return ticks;
}

/** Fill with bits that nobody can guess; false if the system has none
 *
 * `size` is in bytes.  Any thread.
 */
bool
vk_sync_win32_random(void *bytes, uint32_t size);

/* What MSVC needs beside u_atomic, whose reads and writes are plain ones there,
 * for those to have acquire and release order
 */
static inline void
vk_sync_win32_order(void)
{
#if defined(_MSC_VER) && (defined(_M_ARM64) || defined(_M_ARM64EC))
   __dmb(_ARM64_BARRIER_ISH);
#elif defined(_MSC_VER)
   _ReadWriteBarrier();
#endif
}

static inline uint32_t
vk_sync_win32_load32(uint32_t *p)
{
   const uint32_t value = p_atomic_read((volatile uint32_t *)p);
   vk_sync_win32_order();
   return value;
}

static inline void
vk_sync_win32_store32(uint32_t *p, uint32_t value)
{
   vk_sync_win32_order();
   p_atomic_set((volatile uint32_t *)p, value);
}

/* Neither tears, in a 32-bit process either. */
static inline uint64_t
vk_sync_win32_load64(uint64_t *p)
{
#if UINTPTR_MAX < UINT64_MAX
   return (uint64_t)p_atomic_cmpxchg(p, (uint64_t)0, (uint64_t)0);
#else
   const uint64_t value = p_atomic_read((volatile uint64_t *)p);
   vk_sync_win32_order();
   return value;
#endif
}

static inline void
vk_sync_win32_store64(uint64_t *p, uint64_t value)
{
#if UINTPTR_MAX < UINT64_MAX
   (void)p_atomic_xchg(p, value);
#else
   vk_sync_win32_order();
   p_atomic_set((volatile uint64_t *)p, value);
#endif
}

/** Full barrier and compare-and-swap; returns whether it swapped */
static inline bool
vk_sync_win32_cas64(uint64_t *p, uint64_t expected, uint64_t value)
{
   return (uint64_t)p_atomic_cmpxchg(p, expected, value) == expected;
}

static inline bool
vk_sync_win32_cas32(uint32_t *p, uint32_t expected, uint32_t value)
{
   return (uint32_t)p_atomic_cmpxchg(p, expected, value) == expected;
}

static inline uint64_t
vk_sync_win32_add64(uint64_t *p, uint64_t value)
{
   return (uint64_t)InterlockedExchangeAdd64((volatile LONG64 *)p,
                                             (LONG64)value);
}

/** Set or clear one bit of an array, and return what it was
 *
 * One instruction on x86, lest somebody who writes to the other bits keep us
 * at it.
 */
static inline bool
vk_sync_win32_set_bit(uint64_t *words, uint32_t bit)
{
   int32_t *word = (int32_t *)words + bit / 32;

   return InterlockedBitTestAndSet((LONG volatile *)word, bit % 32);
}

static inline bool
vk_sync_win32_clear_bit(uint64_t *words, uint32_t bit)
{
   int32_t *word = (int32_t *)words + bit / 32;

   return InterlockedBitTestAndReset((LONG volatile *)word, bit % 32);
}

/** Order a store before a later load of something else
 *
 * The two sides of "publish, then look for waiters" and "announce the waiter,
 * then look again" each need it: without it both can miss the other.
 */
static inline void
vk_sync_win32_full_barrier(void)
{
   MemoryBarrier();
}

/** The same after a compare-and-swap, which on x86 has done that already */
static inline void
vk_sync_win32_barrier_after_swap(void)
{
#if (!defined(__x86_64__) && !defined(__i386__) && \
     !defined(_M_X64) && !defined(_M_IX86)) || defined(_M_ARM64EC)
   vk_sync_win32_full_barrier();
#endif
}

#endif /* VK_SYNC_WIN32_NT_H */

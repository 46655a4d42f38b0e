/* SPDX-License-Identifier: MIT */
#ifndef NT_SHIM_H
#define NT_SHIM_H

/* The part of Windows that vk_sync_win32 uses in a process, on POSIX threads, so
 * that the sanitizers of Linux can run it.
 *
 * Locks are made of pthread objects, one for each object of Windows, waits
 * of futexes, and looking up a handle takes no lock: ThreadSanitizer then
 * knows of no order between threads but what Windows would give them too.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

#define WINAPI
#define NTAPI
#define FALSE 0
#define TRUE 1

typedef void *HANDLE;
typedef void *PVOID;
typedef int BOOL;
typedef unsigned char BOOLEAN;
typedef int32_t LONG;
/* The source prints these with %lu; their size is of no importance here. */
typedef unsigned long ULONG;
typedef unsigned long DWORD;
typedef long long LONGLONG;
typedef int64_t LONG64;
typedef unsigned short USHORT;
typedef size_t SIZE_T;
typedef PVOID PSECURITY_DESCRIPTOR;
typedef LONG HRESULT;
typedef void *HINSTANCE;
typedef void *HWND;
typedef void *HMONITOR;
typedef const wchar_t *LPCWSTR;

typedef union {
   struct {
      uint32_t LowPart;
      int32_t HighPart;
   };
   LONGLONG QuadPart;
} LARGE_INTEGER;

typedef struct {
   DWORD dwLowDateTime;
   DWORD dwHighDateTime;
} FILETIME;

typedef struct {
   DWORD nLength;
   PVOID lpSecurityDescriptor;
   BOOL bInheritHandle;
} SECURITY_ATTRIBUTES;

typedef struct {
   USHORT Length;
   USHORT MaximumLength;
   wchar_t *Buffer;
} UNICODE_STRING;

typedef struct SLIST_ENTRY {
   struct SLIST_ENTRY *Next;
} SLIST_ENTRY;

typedef struct {
   pthread_mutex_t mutex;
   SLIST_ENTRY *first;
} SLIST_HEADER;

#define INVALID_HANDLE_VALUE ((HANDLE)(intptr_t)-1)

#define S_OK 0
#define SUCCEEDED(result) ((int32_t)(result) >= 0)
#define FAILED(result) ((int32_t)(result) < 0)

#define ERROR_SUCCESS 0
#define ERROR_FILE_NOT_FOUND 2
#define ERROR_ACCESS_DENIED 5
#define ERROR_INVALID_HANDLE 6
#define ERROR_NOT_ENOUGH_MEMORY 8
#define ERROR_INVALID_PARAMETER 87
#define ERROR_ALREADY_EXISTS 183
#define ERROR_DISK_FULL 112
#define ERROR_NOT_ENOUGH_QUOTA 1816
#define ERROR_PAGEFILE_QUOTA 1454
#define ERROR_COMMITMENT_LIMIT 1455
#define ERROR_NO_SYSTEM_RESOURCES 1450

#define DELETE 0x00010000
#define READ_CONTROL 0x00020000
#define WRITE_DAC 0x00040000
#define WRITE_OWNER 0x00080000
#define SYNCHRONIZE 0x00100000
#define GENERIC_ALL 0x10000000
#define SEMAPHORE_MODIFY_STATE 0x0002
#define SECTION_QUERY 0x0001
#define SECTION_MAP_WRITE 0x0002
#define SECTION_MAP_READ 0x0004
#define SECTION_ALL_ACCESS 0x000f001f
#define FILE_MAP_WRITE SECTION_MAP_WRITE
#define FILE_MAP_READ SECTION_MAP_READ
#define PROCESS_QUERY_LIMITED_INFORMATION 0x1000
#define DUPLICATE_SAME_ACCESS 0x00000002

#define PAGE_READWRITE 0x04
#define SEC_COMMIT 0x08000000

#define WAIT_OBJECT_0 0
#define WAIT_TIMEOUT 0x102

/* Now and then, let other threads go first: the moments between two steps of
 * a protocol are where it can break.  See nt_shim_set_chaos().
 */
void nt_shim_disturb(void);

/* Locks and barriers */

typedef pthread_mutex_t SRWLOCK;
#define SRWLOCK_INIT PTHREAD_MUTEX_INITIALIZER

void AcquireSRWLockExclusive(SRWLOCK *lock);
void ReleaseSRWLockExclusive(SRWLOCK *lock);

static inline void
MemoryBarrier(void)
{
   nt_shim_disturb();
   __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline BOOLEAN
InterlockedBitTestAndSet(LONG volatile *target, LONG bit)
{
   const LONG mask = (LONG)(UINT32_C(1) << bit);

   nt_shim_disturb();
   return (__atomic_fetch_or(target, mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

static inline BOOLEAN
InterlockedBitTestAndReset(LONG volatile *target, LONG bit)
{
   const LONG mask = (LONG)(UINT32_C(1) << bit);

   nt_shim_disturb();
   return (__atomic_fetch_and(target, ~mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

static inline LONG64
InterlockedExchangeAdd64(volatile LONG64 *target, LONG64 value)
{
   nt_shim_disturb();
   return __atomic_fetch_add(target, value, __ATOMIC_SEQ_CST);
}

void InitializeSListHead(SLIST_HEADER *list);
SLIST_ENTRY *InterlockedPushEntrySList(SLIST_HEADER *list, SLIST_ENTRY *entry);
SLIST_ENTRY *InterlockedPopEntrySList(SLIST_HEADER *list);

static inline void
YieldProcessor(void)
{
#if defined(__x86_64__) || defined(__i386__)
   __builtin_ia32_pause();
#endif
}

/* Handles and objects */

BOOL CloseHandle(HANDLE handle);
BOOL DuplicateHandle(HANDLE process, HANDLE handle, HANDLE target_process,
                     HANDLE *out, DWORD access, BOOL inherit, DWORD options);
HANDLE CreateEventW(SECURITY_ATTRIBUTES *attributes, BOOL manual_reset,
                    BOOL initial_state, const wchar_t *name);
HANDLE CreateSemaphoreW(SECURITY_ATTRIBUTES *attributes, LONG initial,
                        LONG maximum, const wchar_t *name);
HANDLE OpenSemaphoreW(DWORD access, BOOL inherit, const wchar_t *name);
HANDLE CreateFileMappingW(HANDLE file, SECURITY_ATTRIBUTES *attributes,
                          DWORD protection, DWORD size_high, DWORD size_low,
                          const wchar_t *name);
HANDLE OpenFileMappingW(DWORD access, BOOL inherit, const wchar_t *name);
void *MapViewOfFile(HANDLE section, DWORD access, DWORD offset_high,
                    DWORD offset_low, SIZE_T size);
BOOL UnmapViewOfFile(const void *view);

#define SDDL_REVISION_1 1
BOOL ConvertStringSecurityDescriptorToSecurityDescriptorW(
   const wchar_t *text, DWORD revision, PSECURITY_DESCRIPTOR *descriptor,
   ULONG *size);
PVOID LocalFree(PVOID memory);

DWORD GetLastError(void);
void SetLastError(DWORD error);

/* The process, which is the only one */

HANDLE GetCurrentProcess(void);
DWORD GetCurrentProcessId(void);
HANDLE OpenProcess(DWORD access, BOOL inherit, DWORD pid);
DWORD WaitForSingleObject(HANDLE handle, DWORD milliseconds);
BOOL GetProcessTimes(HANDLE process, FILETIME *created, FILETIME *exited,
                     FILETIME *kernel, FILETIME *user);
/* Views are counted, too. */
BOOL GetProcessHandleCount(HANDLE process, DWORD *count);
void Sleep(DWORD milliseconds);

/* For vk_sync_win32_nt.c */

struct vk_sync_win32_nt_table;

void nt_shim_resolve(struct vk_sync_win32_nt_table *table);

/* For tests */

/** How often to disturb the timing of the calling thread, now and then where
 * it enters the shim: 0 for never.  Set it before threads start.
 */
void nt_shim_set_chaos(unsigned level, uint64_t seed);

/** Whether CreateSemaphoreW() fails, as when there is no memory for it */
void nt_shim_refuse_semaphores(bool refuse);

/* Structures of Vulkan for Windows, made of the types above */
#include <vulkan/vulkan_core.h>
#include <vulkan/vulkan_win32.h>

#endif /* NT_SHIM_H */

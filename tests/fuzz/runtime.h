/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_RUNTIME_H
#define FUZZ_RUNTIME_H

/* vk_sync_win32 over Mesa's runtime, without a driver */

#include "fixture.h"
#include "fuzz.h"

#define REFUSED VK_ERROR_INVALID_EXTERNAL_HANDLE

/* The device of all that follows, from fuzz_open_device() to the case's end */
extern struct vk_device *fuzz_device;
void fuzz_open_device(void);

/* All messages of that device until now */
uint64_t fuzz_message_count(void);

/* fuzz_expect_counts() since then.  By the thread that opened the device, since
 * the C library keeps some memory for each.
 */
void fuzz_check_nothing_left(bool handles);

#define FUZZ_KINDS 3

enum vk_sync_win32_kind fuzz_any_kind(void);

/* A fence, a binary semaphore or a timeline; with flags, of which the kind's
 * are added
 */
struct vk_sync *fuzz_sync(enum vk_sync_win32_kind kind,
                          enum vk_sync_flags flags);
/* With a name or a global share handle, if wanted */
struct vk_sync *fuzz_shared_sync(enum vk_sync_win32_kind kind,
                                 const wchar_t *name, bool numbered);
VkResult fuzz_share(struct vk_sync *sync, const wchar_t *name, bool numbered);
void fuzz_destroy(struct vk_sync *sync);

/* The timeout is relative, and 0 is no wait at all. */
VkResult fuzz_wait(struct vk_sync *sync, uint64_t value, uint64_t timeout_ns);
VkResult fuzz_wait_many(uint32_t count, const struct vk_sync_wait *waits,
                        enum vk_sync_wait_flags flags, uint64_t timeout_ns);

#define FUZZ_NT_HANDLE VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT
#define FUZZ_NUMBER VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_KMT_BIT

HANDLE fuzz_export(struct vk_sync *sync,
                   VkExternalSemaphoreHandleTypeFlagBits type);
VkResult fuzz_import(struct vk_sync *sync,
                     VkExternalSemaphoreHandleTypeFlagBits type,
                     HANDLE handle, const wchar_t *name);
/* Another one with its payload, as another process has it */
struct vk_sync *fuzz_view(struct vk_sync *sync);

#endif

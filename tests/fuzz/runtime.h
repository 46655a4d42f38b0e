/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_RUNTIME_H
#define FUZZ_RUNTIME_H

/* vk_sync_win32 over Mesa's runtime, without a driver */

#include "fuzz.h"

#include "vk_device.h"
#include "vk_sync.h"

#include "vk_sync_win32.h"
#include "vk_sync_win32_payload.h"
#include "vk_sync_win32_payload_section.h"

#define REFUSED VK_ERROR_INVALID_EXTERNAL_HANDLE

/* The device of all that follows, from fuzz_open_device() to the case's end */
extern struct vk_device *fuzz_device;
void fuzz_open_device(void);

/* Check that nothing is left of all that has been mapped since; nor, where the
 * case does not do so itself, opened and allocated.  By the thread that opened
 * the device, since the C library keeps some memory for each.
 */
void fuzz_check_nothing_left(bool handles, bool memory);

/* Messages through VK_EXT_debug_utils */
uint64_t fuzz_message_count(void);

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

VkResult fuzz_try_export(struct vk_sync *sync,
                         VkExternalSemaphoreHandleTypeFlagBits type,
                         HANDLE *handle);
HANDLE fuzz_export(struct vk_sync *sync);
HANDLE fuzz_export_number(struct vk_sync *sync);
VkResult fuzz_import(struct vk_sync *sync,
                     VkExternalSemaphoreHandleTypeFlagBits type,
                     HANDLE handle, const wchar_t *name);
/* A new one with the payload that an NT handle leads to */
struct vk_sync *fuzz_open(enum vk_sync_win32_kind kind, HANDLE handle);

static inline struct vk_sync_win32_payload *
fuzz_payload(const struct vk_sync *sync)
{
   return ((const struct vk_sync_win32 *)sync)->payload;
}

static inline struct vk_sync_win32_layout *
fuzz_layout(const struct vk_sync *sync)
{
   return vk_sync_win32_section_get_layout(fuzz_payload(sync));
}

/* What a section's header makes of it, and whether an import must take it */
static inline bool
fuzz_is_payload(const struct vk_sync_win32_layout *layout,
                enum vk_sync_win32_kind kind)
{
   return layout->magic == VK_SYNC_WIN32_SECTION_MAGIC &&
          layout->kind == (uint32_t)kind;
}

/* What the kernel says of a section in its stead, on this thread; by value */
struct fuzz_section_info {
   LONG status;
   ULONG attributes;
   LONGLONG size;
};
void fuzz_pretend(const struct fuzz_section_info *info);

/* Objects that the hostile ones must not have an effect on */

#define FUZZ_BYSTANDERS 5

struct fuzz_bystander {
   enum vk_sync_win32_kind kind;
   /* Two holders of the payload */
   struct vk_sync *views[2];
   /* The value, or whether signalled */
   uint64_t value;
};

void fuzz_bystanders_create(struct fuzz_bystander bystanders[FUZZ_BYSTANDERS]);
/* Checks that they are as they should be, too */
void fuzz_bystanders_destroy(struct fuzz_bystander bystanders[FUZZ_BYSTANDERS]);
/* Use one of them, and check what comes of it. */
void fuzz_bystanders_use(struct fuzz_bystander bystanders[FUZZ_BYSTANDERS]);
/* Something to wait for, made such that it is there, or is not */
struct vk_sync_wait fuzz_bystander_wait(struct fuzz_bystander *bystander,
                                        bool reached);

#endif

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

/* Until the case ends */
struct vk_device *fuzz_device(void);

/* Check that nothing is left of all that has been mapped since; nor, where the
 * case does not do so itself, opened and allocated.  By the thread that opened
 * the device, since the C library keeps some memory for each.
 */
void fuzz_check_nothing_left(bool handles, bool memory);

/* Messages through VK_EXT_debug_utils, and the text of the last one */
uint64_t fuzz_message_count(void);
const char *fuzz_last_message(void);

#define FUZZ_NT_HANDLE VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT
#define FUZZ_NUMBER VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_KMT_BIT

struct vk_sync *fuzz_sync(struct vk_device *device,
                          enum vk_sync_win32_kind kind, uint64_t initial);
/* With a name or a global share handle, if wanted */
struct vk_sync *fuzz_shared_sync(struct vk_device *device,
                                 enum vk_sync_win32_kind kind,
                                 const wchar_t *name, bool numbered);
HANDLE fuzz_export(struct vk_device *device, struct vk_sync *sync);
uint32_t fuzz_export_number(struct vk_device *device, struct vk_sync *sync);

struct fuzz_import_info {
   VkExternalSemaphoreHandleTypeFlagBits handle_type;
   HANDLE handle;
   const wchar_t *name;
};

static inline VkResult
fuzz_import(struct vk_device *device, struct vk_sync *sync,
            const struct fuzz_import_info *info)
{
   return vk_sync_import_win32_handle(device, sync, info->handle_type,
                                      info->handle, info->name);
}

VkResult fuzz_share(struct vk_device *device, struct vk_sync *sync,
                    const wchar_t *name, bool numbered);
struct fuzz_import_info fuzz_import_info(HANDLE handle);

static inline enum vk_sync_win32_kind
fuzz_any_kind(struct fuzz_rng *rng)
{
   return (enum vk_sync_win32_kind)(VK_SYNC_WIN32_KIND_FENCE +
                                    fuzz_below(rng, 3));
}

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

/* What the kernel says of a section in its stead, on this thread; by value */
struct fuzz_section_info {
   bool active;
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

struct fuzz_bystanders {
   struct vk_device *device;
   struct fuzz_bystander all[FUZZ_BYSTANDERS];
};

void fuzz_bystanders_create(struct fuzz_bystanders *bystanders,
                            struct vk_device *device);
/* Checks that they are as they should be, too */
void fuzz_bystanders_destroy(struct fuzz_thread *self,
                             struct fuzz_bystanders *bystanders);
/* Use one of them, and check what comes of it. */
void fuzz_bystanders_use(struct fuzz_thread *self,
                         struct fuzz_bystanders *bystanders);
/* Something to wait for, made such that it is there, or is not */
struct vk_sync_wait fuzz_bystanders_wait(struct fuzz_thread *self,
                                         struct fuzz_bystanders *bystanders,
                                         unsigned index, bool reached);

#endif

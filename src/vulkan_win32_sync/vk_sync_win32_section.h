/* SPDX-License-Identifier: MIT */
#ifndef VK_SYNC_WIN32_SECTION_H
#define VK_SYNC_WIN32_SECTION_H

#include <wchar.h>

#include <vulkan/vulkan_core.h>

#include "util/list.h"

#include "vk_sync.h"

#include "vk_sync_win32_doorbell.h"
#include "vk_sync_win32_payload.h"
#include "vk_win32_section.h"

struct vk_device;

#define VK_SYNC_WIN32_SECTION_MAGIC UINT64_C(0x31636e79536b764d) /* MvkSync1 */
#define VK_SYNC_WIN32_SECTION_SLOTS 64
#define VK_SYNC_WIN32_NO_SLOT UINT32_MAX

/** One process that blocks on the payload */
struct vk_sync_win32_slot {
   /* Process id in the high half and, since ids are reused, when the process
    * was created in the low half, in units of about 0.1 s.  0 while free.
    */
   uint64_t owner;
   struct vk_sync_win32_doorbell_id doorbell;
   /* The lowest target that a thread of the owner waits for */
   uint64_t wanted;
   uint32_t flags;
   uint32_t reserved;
};

/* Some peer could not ring the owner, which has to poll for a while */
#define VK_SYNC_WIN32_SLOT_UNREACHABLE (1u << 0)

/** What processes share: all of the section, the same for 32 and 64 bits
 *
 * Everything in it may be overwritten by strangers at any time.  It is only
 * ever read once into a local, any value of which is harmless: it can upset
 * this payload, and nothing else.
 */
struct vk_sync_win32_layout {
   uint64_t magic;
   /* enum vk_sync_win32_kind */
   uint32_t kind;
   /* The global share handle, 0 if there is none */
   uint32_t kmt;
   /* Random; two views with different ids are different payloads */
   uint64_t id[2];
   uint64_t pad0[4];

   /* See struct vk_sync_win32_payload */
   uint64_t word;
   /* Bit i: the owner of slot i wants to be rung.  Whoever rings clears it. */
   uint64_t armed;
   uint64_t pad1[6];

   struct vk_sync_win32_slot slots[VK_SYNC_WIN32_SECTION_SLOTS];
};

/** This process's view of a shared payload */
struct vk_sync_win32_section {
   struct vk_sync_win32_remote remote;
   struct vk_win32_section memory;
   struct vk_sync_win32_layout *layout;

   /* Our slot, NO_SLOT for none.  Changed under the lock of
    * vk_sync_win32_shared_wait.c, read without.
    */
   uint32_t slot;

   /* When to stop polling because of VK_SYNC_WIN32_SLOT_UNREACHABLE, in ns.
    * Under the same lock.
    */
   uint64_t deaf_until_ns;

   /* Link in the process's list of shared payloads */
   struct list_head link;
};

/** Create a payload that can be exported, with one reference
 *
 * `word` is its initial state.  Errors are those of vk_win32_section_create().
 */
VkResult
vk_sync_win32_section_create(struct vk_device *device,
                             enum vk_sync_win32_kind kind, uint64_t word,
                             const struct vk_sync_win32_export_params *params,
                             struct vk_sync_win32_payload **payload_out);

/** Return the payload behind a handle or a name, with a reference
 *
 * A payload that this process already holds is found again.  Returns
 * VK_ERROR_INVALID_EXTERNAL_HANDLE, with a message, for anything that is not
 * a payload of this kind.
 */
VkResult
vk_sync_win32_section_import(struct vk_device *device,
                             enum vk_sync_win32_kind kind,
                             const struct vk_sync_win32_import_info *info,
                             struct vk_sync_win32_payload **payload_out);

/** Return the global share handle, which is nobody's to close */
VkResult
vk_sync_win32_section_export_kmt(struct vk_device *device,
                                 struct vk_sync_win32_payload *payload,
                                 HANDLE *handle_out);

/* In vk_sync_win32_slots.c: */

/** Give up the slot, if there is one */
void
vk_sync_win32_section_release_slot(struct vk_sync_win32_section *section);

/** Publish in the section what this process waits for; see want() */
void
vk_sync_win32_section_want(struct vk_sync_win32_remote *remote,
                           uint64_t target);

/** Have a slot in the section; see reach()
 *
 * Fails if all slots are taken, or if some peer could not open the doorbell.
 * With `thorough`, slots whose owners have died are taken over, which asks
 * the kernel for each owner.
 */
bool
vk_sync_win32_section_reach(struct vk_sync_win32_remote *remote,
                            bool thorough);

/** Ring the other processes whose targets `word` has reached */
void
vk_sync_win32_section_ring(struct vk_sync_win32_remote *remote,
                           uint64_t word);

#endif /* VK_SYNC_WIN32_SECTION_H */

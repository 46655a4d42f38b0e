/* SPDX-License-Identifier: MIT */
#ifndef VK_SYNC_WIN32_H
#define VK_SYNC_WIN32_H

#include "vk_sync.h"

struct vk_sync_win32_payload;

/** A vk_sync for drivers that execute on the CPU under Windows
 *
 * One type serves fences, binary semaphores and timelines, private and
 * shared.  A vk_sync_win32 is a counted reference to a payload; import swaps
 * the payload, so it works on any fence or semaphore, and a wait takes any
 * mix of payloads.
 */
struct vk_sync_win32 {
   struct vk_sync base;

   struct vk_sync_win32_payload *payload;

   /* Set when this vk_sync stands for one binary semaphore wait operation:
    * the signal it has been paired with at vkQueueSubmit().
    */
   bool has_ticket;
   uint32_t ticket;

   /* Where the ticket is noted for as long as that signal has not been seen;
    * see vk_sync_win32_slots.h
    */
   uint32_t slot;

   /* For handles exported from here, see VkExport*Win32HandleInfoKHR */
   bool export_inherit;
   uint32_t export_access;
};

extern const struct vk_sync_type vk_sync_win32_type;

#endif /* VK_SYNC_WIN32_H */

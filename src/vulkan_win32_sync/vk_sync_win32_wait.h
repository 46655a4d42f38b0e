/* SPDX-License-Identifier: MIT */
#ifndef VK_SYNC_WIN32_WAIT_H
#define VK_SYNC_WIN32_WAIT_H

#include <vulkan/vulkan_core.h>

#include "vk_sync_win32_payload.h"

struct vk_device;

/** After how long a blocked thread looks at its payloads without being woken
 *
 * At first; then the interval doubles until it is the longest.  Whoever was to
 * wake it may have died over it, or the device may be lost.
 */
#define VK_SYNC_WIN32_LOOK_NS (UINT64_C(100) * 1000 * 1000)
#define VK_SYNC_WIN32_LONGEST_LOOK_NS (UINT64_C(1000) * 1000 * 1000)

/** The same while somebody cannot wake it */
#define VK_SYNC_WIN32_POLL_NS (UINT64_C(2) * 1000 * 1000)

/** Wait until one record is reached, in the cheapest way
 *
 * Looks for some microseconds, and then blocks at the payload's own seat.  As
 * below, but for VK_NOT_READY if that was in vain and the payload has no seat,
 * or no free one.
 */
VkResult
vk_sync_win32_wait_one(struct vk_device *device,
                       struct vk_sync_win32_record *record,
                       uint64_t abs_timeout_ns);

/** Block until all records are reached, or one of them
 *
 * The caller has set `payload`, `target`, and `slot` with `slot_is_ticket` of
 * each in the waiter's memory.  Returns VK_TIMEOUT once os_time_get_nano() has
 * reached the time-out, and VK_ERROR_DEVICE_LOST when the device, which may be
 * NULL, or that of a Direct3D 12 fence is lost.
 */
VkResult
vk_sync_win32_wait_records(struct vk_device *device,
                           struct vk_sync_win32_waiter *waiter,
                           uint32_t count, bool any,
                           uint64_t abs_timeout_ns);

#endif /* VK_SYNC_WIN32_WAIT_H */

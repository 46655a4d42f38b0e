/* SPDX-License-Identifier: MIT */
#ifndef UNIT_FIXTURE_H
#define UNIT_FIXTURE_H

/* Mesa's runtime, with vk_sync_win32 as its only sync type and a driver that
 * does nothing but wait and signal on the queue's submit thread.
 */

#include "test.h"

#include "vk_device.h"
#include "vk_fence.h"
#include "vk_queue.h"
#include "vk_semaphore.h"
#include "vk_sync.h"

#include "vk_sync_win32.h"
#include "vk_sync_win32_payload.h"
#include "vk_sync_win32_nt.h"
#include "vk_sync_win32_payload_section.h"

/* Until the case ends. */
struct vk_device *unit_device(void);
VkQueue unit_queue(struct vk_device *device);

struct vk_sync *unit_sync(struct vk_device *device, enum vk_sync_flags flags,
                          uint64_t initial);
void unit_sync_destroy(struct vk_device *device, struct vk_sync *sync);

/* A shareable vk_sync, and another one with a view of the same section, as
 * another process has it
 */
struct vk_sync *unit_shared(struct vk_device *device,
                            enum vk_sync_flags flags);
struct vk_sync *unit_import(struct vk_device *device, struct vk_sync *sync);

HANDLE unit_export(struct vk_device *device, struct vk_sync *sync);

static inline struct vk_sync_win32_payload *
unit_payload(struct vk_sync *sync)
{
   return ((struct vk_sync_win32 *)sync)->payload;
}

static inline struct vk_sync_win32_layout *
unit_layout(struct vk_sync *sync)
{
   return vk_sync_win32_section_get_layout(unit_payload(sync));
}

/* How many slots of the section are armed now */
unsigned unit_armed(struct vk_sync *sync);

VkResult unit_wait(struct vk_device *device, struct vk_sync *sync,
                   uint64_t value, uint64_t timeout_ns);

/* A thread in vk_sync_wait_many(), and what came of it */
struct unit_waiter {
   struct vk_device *device;
   uint32_t count;
   const struct vk_sync_wait *waits;
   enum vk_sync_wait_flags flags;
   uint64_t timeout_ns;
   VkResult result;
   double ended_ms;
   struct test_thread *thread;
   volatile bool done;
};

void unit_waiter_start(struct unit_waiter *waiter);
void unit_waiter_join(struct unit_waiter *waiter);

#endif

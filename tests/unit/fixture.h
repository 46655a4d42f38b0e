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

#include "vk_sync_win32.h"
#include "vk_sync_win32_payload_section.h"

/* In ns */
#define MS UINT64_C(1000000)

#define EXPECT_RESULT(call, want) \
   unit_check((call), (want), false, __FILE__, __LINE__, #call)
#define EXPECT_OK(call) EXPECT_RESULT(call, VK_SUCCESS)
#define REQUIRE_RESULT(call, want) \
   unit_check((call), (want), true, __FILE__, __LINE__, #call)
#define REQUIRE_OK(call) REQUIRE_RESULT(call, VK_SUCCESS)

bool unit_check(VkResult result, VkResult want, bool required,
                const char *file, int line, const char *text);

/* All objects last until the case ends, if they are not destroyed before.  Any
 * thread may create and destroy them, but for devices and queues.
 */
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

/* A case for each, with whether the payload is shared as its argument */
#define UNIT_CASES(name, run) \
   { name ", private", run, false }, { name ", shared", run, true }

/* What vkCreate*() does for export; the name may be NULL. */
void unit_share(struct vk_device *device, struct vk_sync *sync,
                const wchar_t *name);

/* For what is the same for private and shared payloads */
struct vk_sync *unit_create(struct vk_device *device,
                            enum vk_sync_flags flags, bool shared);

/* A wait operation on a binary semaphore, as vkQueueSubmit() has one */
struct vk_sync *unit_take(struct vk_device *device,
                          struct vk_sync *semaphore);

/* The handle belongs to the case, see test_own_handle(). */
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

/* How many slots of the section are armed now, and how many have an owner */
unsigned unit_armed(struct vk_sync *sync);
unsigned unit_owned(struct vk_sync *sync);

/* The value is for timelines. */
VkResult unit_signal(struct vk_device *device, struct vk_sync *sync,
                     uint64_t value);
VkResult unit_wait(struct vk_device *device, struct vk_sync *sync,
                   uint64_t value, uint64_t timeout_ns);

/* A thread in vk_sync_wait_many(), and what came of it */
struct unit_waiter {
   struct vk_device *device;
   uint32_t count;
   const struct vk_sync_wait *waits;
   struct vk_sync_wait only;
   enum vk_sync_wait_flags flags;
   uint64_t timeout_ns;
   VkResult result;
   double ended_ms;
   struct test_thread *thread;
   volatile bool done;
};

void unit_block(struct unit_waiter *waiter, struct vk_device *device,
                struct vk_sync *sync, uint64_t value, uint64_t timeout_ns);
/* Without a time-out */
void unit_block_many(struct unit_waiter *waiter, struct vk_device *device,
                     uint32_t count, const struct vk_sync_wait *waits,
                     enum vk_sync_wait_flags flags);
VkResult unit_waiter_join(struct unit_waiter *waiter);

/* Vulkan, as far as Mesa's common code implements it */

VkSemaphore unit_semaphore(struct vk_device *device,
                           enum vk_sync_flags flags);
void unit_semaphore_destroy(VkSemaphore semaphore);
VkFence unit_fence(struct vk_device *device);
void unit_fence_destroy(VkFence fence);

/* By name or by handle, one of which is NULL */
void unit_semaphore_import(VkSemaphore semaphore,
                           VkSemaphoreImportFlags flags, HANDLE handle,
                           const wchar_t *name);

/* Either may be VK_NULL_HANDLE.  Values are for timelines. */
struct unit_batch {
   VkSemaphore wait, signal;
   uint64_t wait_value;
};

/* All in one vkQueueSubmit2() */
VkResult unit_submit(VkQueue queue, unsigned count,
                     const struct unit_batch *batches, VkFence fence);
VkResult unit_fence_wait(VkFence fence, uint64_t timeout_ns);

static inline struct vk_sync *
unit_semaphore_sync(VkSemaphore semaphore)
{
   return &vk_semaphore_from_handle(semaphore)->permanent;
}

static inline struct vk_sync *
unit_fence_sync(VkFence fence)
{
   return &vk_fence_from_handle(fence)->permanent;
}

#endif

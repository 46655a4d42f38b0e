/* SPDX-License-Identifier: MIT */
#ifndef LVP_D3D12_SHARE_H
#define LVP_D3D12_SHARE_H

/* Vulkan semaphores with Direct3D 12 fences as payloads, through the driver.
 * D3D12 in this program stands for whatever else uses the fences.
 */
#include "runtime.h"
#include "vkt.h"

#define SHARE_D3D12 VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_D3D12_FENCE_BIT

/* A device whose driver can share fences with D3D12; skips the case if there
 * is no such D3D12.
 */
struct vkt_device *share_open(void);

/* What the driver says about a kind of semaphore */
VkExternalSemaphoreProperties share_query(struct vkt_device *device,
                                          enum vkt_kind kind, VkFlags type);

struct vkt_object *share_create(struct vkt_device *device, enum vkt_kind kind,
                                uint64_t initial);
HANDLE share_export(struct vkt_object *object);
/* Into a semaphore that was created without export */
struct vkt_object *share_import(struct vkt_device *device, enum vkt_kind kind,
                                HANDLE handle);
/* D3D12's view of a semaphore */
ID3D12Fence *share_fence(struct vkt_object *object);

/* A fence that D3D12 has made, and a semaphore that imports it */
struct share_pair {
   struct vkt_device *device;
   ID3D12Fence *fence;
   HANDLE handle;
   struct vkt_object *semaphore;
};

struct share_pair share_pair(enum vkt_kind kind, uint64_t value);

/* One batch by vkQueueSubmit, with the values in VkTimelineSemaphoreSubmitInfo
 * for timelines and in VkD3D12FenceSubmitInfoKHR for all
 */
void share_submit(struct vkt_device *device, const struct vkt_batch *batch,
                  struct vkt_object *fence);
/* As vkt_queue_signal() and vkt_queue_wait() */
void share_queue_signal(struct vkt_object *object, uint64_t value);
struct vkt_object *share_queue_wait(struct vkt_object *object,
                                    uint64_t value);

/* D3D12's value, within a time that only a hang takes */
void share_expect_value(ID3D12Fence *fence, uint64_t value);

/* Signals on one side and waits on the other, both ways */
void share_expect_linked(struct vkt_object *object, ID3D12Fence *fence);

/* For signals by the host that may fail */
VkResult share_try_signal(struct vkt_object *timeline, uint64_t value);

/* That there was one message since vkt_clear_messages(), which begins like the
 * text up to its first %
 */
void share_expect_message(struct vkt_device *device, const char *text);

/* Entries of a case table for both kinds of semaphores */
#define SHARE_CASES(run) \
   {#run "_binary", run, VKT_BINARY, 0}, \
   {#run "_timeline", run, VKT_TIMELINE, 0}

#endif

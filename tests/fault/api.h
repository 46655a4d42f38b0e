/* SPDX-License-Identifier: MIT */
#ifndef FAULT_API_H
#define FAULT_API_H

/* Vulkan, as far as Mesa's common code implements it */
#include "peer.h"

VkSemaphore api_semaphore(struct vk_device *device, bool timeline);
VkFence api_fence(struct vk_device *device);

/* By name, or by handle where there is none */
void api_import(struct vk_device *device, VkSemaphore semaphore,
                const struct peer_run *run, const char *name, HANDLE handle);

/* A batch, of which either may be VK_NULL_HANDLE.  Values are for timelines. */
struct api_batch {
   VkSemaphore wait, signal;
   uint64_t wait_value, signal_value;
   VkFence fence;
};

void api_submit(VkQueue queue, const struct api_batch *batch);

VkResult api_wait_fence(struct vk_device *device, VkFence fence,
                        uint64_t timeout_ns);
VkResult api_signal(struct vk_device *device, VkSemaphore timeline,
                    uint64_t value);

struct vk_sync *api_semaphore_sync(VkSemaphore semaphore);

#endif

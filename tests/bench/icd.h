/* SPDX-License-Identifier: MIT */
#ifndef BENCH_ICD_H
#define BENCH_ICD_H

#include "bench.h"

#ifndef VK_NO_PROTOTYPES
#define VK_NO_PROTOTYPES
#endif
#include <vulkan/vulkan.h>

#define BENCH_ICD_COMMANDS(X) \
   X(AllocateCommandBuffers) \
   X(AllocateMemory) \
   X(BeginCommandBuffer) \
   X(BindBufferMemory) \
   X(BindImageMemory) \
   X(CmdBeginRendering) \
   X(CmdBindPipeline) \
   X(CmdCopyBuffer) \
   X(CmdDraw) \
   X(CmdEndRendering) \
   X(CmdFillBuffer) \
   X(CmdPipelineBarrier) \
   X(CreateBuffer) \
   X(CreateCommandPool) \
   X(CreateFence) \
   X(CreateGraphicsPipelines) \
   X(CreateImage) \
   X(CreateImageView) \
   X(CreatePipelineLayout) \
   X(CreateSemaphore) \
   X(CreateShaderModule) \
   X(DestroyBuffer) \
   X(DestroyCommandPool) \
   X(DestroyDevice) \
   X(DestroyFence) \
   X(DestroyImage) \
   X(DestroyImageView) \
   X(DestroyPipeline) \
   X(DestroyPipelineLayout) \
   X(DestroySemaphore) \
   X(DestroyShaderModule) \
   X(DeviceWaitIdle) \
   X(EndCommandBuffer) \
   X(FreeMemory) \
   X(GetBufferMemoryRequirements) \
   X(GetDeviceQueue) \
   X(GetImageMemoryRequirements) \
   X(QueueSubmit) \
   X(ResetFences) \
   X(WaitForFences) \
   X(WaitSemaphores)

/** A driver used directly, as two of them in one process have to be: the
 * loader would choose for both
 */
struct bench_icd {
   HMODULE module;
   VkInstance instance;
   VkDevice device;
   VkQueue queue;

   PFN_vkGetInstanceProcAddr GetInstanceProcAddr;
   PFN_vkGetDeviceProcAddr GetDeviceProcAddr;
#define MEMBER(name) PFN_vk##name name;
   BENCH_ICD_COMMANDS(MEMBER)
#undef MEMBER
};

/* `exports` enables the extensions that only our driver has. */
void bench_icd_open(struct bench_icd *icd, const char *dll, bool exports);
void bench_icd_close(struct bench_icd *icd);

VkSemaphore bench_icd_timeline(struct bench_icd *icd);
VkSemaphore bench_icd_binary(struct bench_icd *icd, bool exported);
VkFence bench_icd_fence(struct bench_icd *icd);
VkFence bench_icd_exported_fence(struct bench_icd *icd);

/** Rendering of a frame that takes the rasterizer a while */
struct bench_scene {
   struct bench_icd *icd;
   VkImage image;
   VkDeviceMemory memory;
   VkImageView view;
   VkPipelineLayout layout;
   VkPipeline pipeline;
   VkCommandPool pool;
   VkCommandBuffer commands;
};

void bench_scene_create(struct bench_scene *scene, struct bench_icd *icd);
void bench_scene_destroy(struct bench_scene *scene);

#endif /* BENCH_ICD_H */

/* SPDX-License-Identifier: MIT */
#ifndef LVP_GPU_H
#define LVP_GPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vulkan/vulkan.h>

/* Buffers, images, pipelines and command buffers. All commands are called by
 * pointers: `bench` and `native` have drivers without a loader. Nothing of
 * Windows is in here: `native` is a program for Linux.
 */
#define GPU_COMMANDS(X) \
   X(AllocateCommandBuffers) X(AllocateDescriptorSets) X(AllocateMemory) \
   X(BeginCommandBuffer) X(BindBufferMemory) X(BindImageMemory) \
   X(CmdBeginRendering) X(CmdBindDescriptorSets) X(CmdBindPipeline) \
   X(CmdCopyBuffer) X(CmdDraw) X(CmdEndRendering) X(CmdFillBuffer) \
   X(CmdPipelineBarrier) X(CmdPushConstants) X(CreateBuffer) \
   X(CreateCommandPool) X(CreateComputePipelines) X(CreateDescriptorPool) \
   X(CreateDescriptorSetLayout) X(CreateFence) X(CreateGraphicsPipelines) \
   X(CreateImage) X(CreateImageView) X(CreatePipelineLayout) \
   X(CreateSampler) X(CreateSemaphore) X(CreateShaderModule) \
   X(DestroyBuffer) X(DestroyCommandPool) X(DestroyDescriptorPool) \
   X(DestroyDescriptorSetLayout) X(DestroyDevice) X(DestroyFence) \
   X(DestroyImage) X(DestroyImageView) X(DestroyPipeline) \
   X(DestroyPipelineLayout) X(DestroySampler) X(DestroySemaphore) \
   X(DestroyShaderModule) X(DeviceWaitIdle) X(EndCommandBuffer) \
   X(FreeMemory) X(GetBufferMemoryRequirements) X(GetDeviceQueue) \
   X(GetFenceStatus) X(GetImageMemoryRequirements) \
   X(GetImageSubresourceLayout) X(GetSemaphoreCounterValue) X(MapMemory) \
   X(QueueSubmit) X(QueueSubmit2) X(QueueWaitIdle) X(ResetFences) \
   X(SignalSemaphore) X(UpdateDescriptorSets) X(WaitForFences) \
   X(WaitSemaphores)

struct gpu {
   /* To be filled in. What is called when a command fails does not return. */
   PFN_vkGetInstanceProcAddr GetInstanceProcAddr;
   void (*fail)(const char *file, int line, const char *call,
                VkResult result);

   /* To be filled in, or by gpu_open_instance() */
   VkInstance instance;
   VkPhysicalDevice physical;

   /* By gpu_open(); the queue is of family 0, which is lavapipe's only one. */
   VkDevice device;
   VkQueue queue;
   VkCommandPool pool;
   PFN_vkGetDeviceProcAddr GetDeviceProcAddr;
#define GPU_MEMBER(name) PFN_vk##name name;
   GPU_COMMANDS(GPU_MEMBER)
#undef GPU_MEMBER
};

/* A command that has to succeed */
#define GPU_CHECK(gpu, call) \
   gpu_check(gpu, (gpu)->call, __FILE__, __LINE__, #call)
void gpu_check(const struct gpu *gpu, VkResult result, const char *file,
               int line, const char *call);

/* An instance, and its first device */
void gpu_open_instance(struct gpu *gpu);
/* With timeline semaphores, synchronization2 and dynamic rendering */
void gpu_open(struct gpu *gpu, const char *const *extensions, uint32_t count);
/* The device, not the instance */
void gpu_close(struct gpu *gpu);

VkSemaphore gpu_semaphore(const struct gpu *gpu, VkSemaphoreType type,
                          uint64_t initial, VkFlags export_types);
VkFence gpu_fence(const struct gpu *gpu, VkFenceCreateFlags flags,
                  VkFlags export_types);

/* All of lavapipe's memory is visible to the host and coherent. */
VkDeviceMemory gpu_allocate(const struct gpu *gpu, VkDeviceSize size,
                            const void *next);
void *gpu_map(const struct gpu *gpu, VkDeviceMemory memory);

/* Without memory. Handle types other than 0 are for external memory. */
VkBuffer gpu_create_buffer(const struct gpu *gpu, VkDeviceSize size,
                           VkBufferUsageFlags usage, VkFlags handle_types);

struct gpu_buffer {
   VkBuffer handle;
   VkDeviceMemory memory;
   void *map;
};

struct gpu_buffer gpu_buffer(const struct gpu *gpu, VkDeviceSize size,
                             VkBufferUsageFlags usage);
void gpu_destroy_buffer(const struct gpu *gpu,
                        const struct gpu_buffer *buffer);

struct gpu_image_info {
   VkFormat format;
   uint32_t width, height;
   VkImageTiling tiling;
   VkImageUsageFlags usage;
   VkFlags handle_types;
};

struct gpu_image {
   VkImage handle;
   VkImageView view;
   VkDeviceMemory memory;

   /* With linear tiling */
   const uint8_t *pixels;
   VkDeviceSize pitch;
};

/* Without memory and without a view of it */
VkImage gpu_create_image(const struct gpu *gpu,
                         const struct gpu_image_info *info);
VkImageView gpu_create_view(const struct gpu *gpu, VkImage image,
                            VkFormat format);
VkSubresourceLayout gpu_linear_layout(const struct gpu *gpu, VkImage image);

struct gpu_image gpu_image(const struct gpu *gpu,
                           const struct gpu_image_info *info);
void gpu_destroy_image(const struct gpu *gpu, const struct gpu_image *image);

/* What pipelines have in common. All stages see all bindings and constants. */
#define GPU_MAX_BINDINGS 4

struct gpu_layout {
   /* To be filled in, the types and sets if there are bindings */
   VkShaderStageFlags stages;
   uint32_t constants_size;
   VkDescriptorType types[GPU_MAX_BINDINGS];
   uint32_t sets;

   /* By gpu_create_layout() */
   VkDescriptorSetLayout set_layout;
   VkPipelineLayout handle;
   VkDescriptorPool pool;
   VkSampler sampler;
};

/* The shader's array, from a header that glslang has made */
struct gpu_shader {
   const uint32_t *code;
   size_t size;
};
#define GPU_SHADER(code) ((struct gpu_shader){code, sizeof(code)})

struct gpu_binding {
   VkBuffer buffer;
   VkImageView view;
};

void gpu_create_layout(const struct gpu *gpu, struct gpu_layout *layout,
                       uint32_t bindings);
void gpu_destroy_layout(const struct gpu *gpu,
                        const struct gpu_layout *layout);
VkDescriptorSet gpu_create_set(const struct gpu *gpu,
                               const struct gpu_layout *layout,
                               const struct gpu_binding *bindings,
                               uint32_t count);
VkPipeline gpu_create_compute(const struct gpu *gpu,
                              const struct gpu_layout *layout,
                              struct gpu_shader shader);
/* Triangles, without vertex buffers, on all of one image */
VkPipeline gpu_create_graphics(const struct gpu *gpu,
                               const struct gpu_layout *layout,
                               struct gpu_shader vertex,
                               struct gpu_shader fragment,
                               const struct gpu_image_info *target);

VkCommandBuffer gpu_begin(const struct gpu *gpu,
                          VkCommandBufferUsageFlags flags);
void gpu_end(const struct gpu *gpu, VkCommandBuffer commands);
/* The set may be NULL; the constants are as large as the layout says. */
void gpu_bind(const struct gpu *gpu, VkCommandBuffer commands,
              VkPipelineBindPoint point, VkPipeline pipeline,
              const struct gpu_layout *layout, VkDescriptorSet set,
              const void *constants);
/* What was in the image is loaded. */
void gpu_begin_rendering(const struct gpu *gpu, VkCommandBuffer commands,
                         VkImageView view, const struct gpu_image_info *info);
/* The same, with one triangle, which should cover all of it */
void gpu_cover(const struct gpu *gpu, VkCommandBuffer commands,
               VkImageView view, const struct gpu_image_info *info);

/* What becomes of an image, which is in the layout GENERAL afterwards. All
 * that was before comes before all that follows.
 */
enum gpu_passage {
   GPU_DISCARD,
   GPU_KEEP,
   GPU_ACQUIRE, /* from another instance */
   GPU_RELEASE,
};

void gpu_barrier(const struct gpu *gpu, VkCommandBuffer commands,
                 VkImage image, VkImageAspectFlags aspects,
                 enum gpu_passage passage);

#endif

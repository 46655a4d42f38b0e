/* SPDX-License-Identifier: MIT */
#ifndef LVP_DEMO_COMMON_H
#define LVP_DEMO_COMMON_H

#include <stdbool.h>
#include <stdint.h>

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

#ifndef VK_USE_PLATFORM_WIN32_KHR
#define VK_USE_PLATFORM_WIN32_KHR
#endif
#include <vulkan/vulkan.h>

#define DEMO_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define DEMO_WIDTH 320
#define DEMO_HEIGHT 240
#define DEMO_PIXELS (DEMO_WIDTH * DEMO_HEIGHT)
#define DEMO_IMAGE_SIZE (DEMO_PIXELS * 4)
#define DEMO_FORMAT VK_FORMAT_R8G8B8A8_UNORM
#define DEMO_FRAMES 48
#define DEMO_SLOTS 3
#define DEMO_TIMEOUT_NS (UINT64_C(30) * 1000000000)
#define DEMO_TIMEOUT_MS 30000

/* Exit status of both programs. */
enum demo_status {
   DEMO_OK = 0,
   DEMO_FAILED = 1,
   DEMO_USAGE = 2,
   DEMO_TORN = 3, /* frames were torn or stale */
};

/* What is shared: a header, then slots that frames go through in turn. A
 * frame has a tag that is written before its pixels, and one after them.
 */
#define DEMO_MAGIC UINT32_C(0x5472696d)
#define DEMO_RING_HEADER 4096
#define DEMO_TAG_SIZE 256
#define DEMO_SLOT_SIZE (DEMO_TAG_SIZE + DEMO_IMAGE_SIZE + DEMO_TAG_SIZE)

#define DEMO_STREAM_OFFSET 0
#define DEMO_TRAILER_OFFSET 256

struct demo_stream {
   uint32_t magic;
   uint32_t width;
   uint32_t height;
   uint32_t frames;
};

struct demo_tag {
   uint32_t magic;
   uint32_t frame;
   uint32_t inverted;
   uint32_t stream;
};

static inline struct demo_tag
demo_frame_tag(uint32_t frame, uint32_t stream)
{
   return (struct demo_tag){DEMO_MAGIC, frame, ~frame, stream};
}

/* The alpha of every pixel of the frame, never 0. */
static inline uint8_t
demo_pixel_tag(uint32_t frame)
{
   return (uint8_t)(frame % 251 + 1);
}

/* Messages through the pipes, which only carry what a handle's value or a
 * name is, never a frame.
 */
#define DEMO_NAME_SIZE 64

struct demo_from_consumer {
   uint64_t frame_consumed; /* valid in the consumer */
};

struct demo_from_producer {
   uint64_t stream_header; /* valid in the consumer */
   wchar_t stream_end[DEMO_NAME_SIZE];
};

/* Prints why and ends the process, whatever its threads are at. */
void demo_fail(const char *format, ...);
void demo_check(VkResult result, const char *what);
double demo_now_ms(void);
void demo_pipe_write(HANDLE pipe, const void *data, DWORD size);
void demo_pipe_read(HANDLE pipe, void *data, DWORD size);

/* demo_vulkan.c */
struct demo_device {
   VkInstance instance;
   VkPhysicalDevice physical;
   VkPhysicalDeviceMemoryProperties memory;
   VkDevice handle;
   uint32_t family;
   VkQueue queue;
   VkCommandPool pool;
   VkDeviceSize host_alignment;
   char name[VK_MAX_PHYSICAL_DEVICE_NAME_SIZE];

   PFN_vkGetMemoryHostPointerPropertiesEXT GetMemoryHostPointerProperties;
   PFN_vkGetMemoryWin32HandleKHR GetMemoryWin32Handle;
   PFN_vkGetSemaphoreWin32HandleKHR GetSemaphoreWin32Handle;
   PFN_vkImportSemaphoreWin32HandleKHR ImportSemaphoreWin32Handle;
   PFN_vkGetFenceWin32HandleKHR GetFenceWin32Handle;
   PFN_vkImportFenceWin32HandleKHR ImportFenceWin32Handle;
};

struct demo_buffer {
   VkBuffer buffer;
   VkDeviceMemory memory;
   void *map;
};

void demo_device_open(struct demo_device *device);
void demo_device_close(struct demo_device *device);
struct demo_buffer demo_buffer_create(struct demo_device *device,
                                      VkDeviceSize size,
                                      VkBufferUsageFlags usage);
/* On memory of the process, which has to be at least as aligned and as long
 * as the device wants it.
 */
struct demo_buffer demo_buffer_import(struct demo_device *device,
                                      void *memory, VkDeviceSize size,
                                      VkBufferUsageFlags usage);
void demo_buffer_destroy(struct demo_device *device,
                         struct demo_buffer *buffer);
/* Of a type that the host sees */
uint32_t demo_find_memory(const struct demo_device *device, uint32_t types);
VkCommandBuffer demo_begin(struct demo_device *device);
void demo_submit(struct demo_device *device, VkCommandBuffer commands,
                 VkSemaphore wait, uint64_t wait_value, VkSemaphore signal,
                 uint64_t signal_value, VkFence fence);
void demo_wait_value(struct demo_device *device, VkSemaphore timeline,
                     uint64_t value);

/* demo_ring.c */
struct demo_ring {
   struct demo_device *device;
   /* Whether it is a file mapping that both import by its address, and frames
    * are in the buffer; else it is external memory, and they are images.
    */
   bool host_pointer;
   HANDLE handle;
   void *view;
   struct demo_buffer buffer;
   VkImage images[DEMO_SLOTS];
   VkImageView views[DEMO_SLOTS];
};

void demo_ring_create(struct demo_ring *ring, struct demo_device *device,
                      bool host_pointer);
/* Takes over the handle. */
void demo_ring_open(struct demo_ring *ring, struct demo_device *device,
                    bool host_pointer, HANDLE handle);
void demo_ring_destroy(struct demo_ring *ring);
/* Where the frame's tags are; pixels follow the first one, if there are. */
VkDeviceSize demo_ring_tag(const struct demo_ring *ring, uint32_t frame);
VkDeviceSize demo_ring_end_tag(const struct demo_ring *ring, uint32_t frame);

/* demo_sync.c */
VkSemaphore demo_semaphore_create(struct demo_device *device, bool timeline,
                                  bool exportable, bool inheritable);
VkFence demo_fence_create(struct demo_device *device, const wchar_t *name);
HANDLE demo_semaphore_export(struct demo_device *device,
                             VkSemaphore semaphore);
HANDLE demo_fence_export(struct demo_device *device, VkFence fence);
void demo_semaphore_import(struct demo_device *device, VkSemaphore semaphore,
                           HANDLE handle);
void demo_fence_import(struct demo_device *device, VkFence fence,
                       const wchar_t *name);

/* demo_scene.c */
struct demo_scene {
   struct demo_device *device;
   VkImage image;
   VkDeviceMemory memory;
   VkImageView view;
   VkPipelineLayout layout;
   VkPipeline pipeline;
};

void demo_scene_create(struct demo_scene *scene, struct demo_device *device);
void demo_scene_destroy(struct demo_scene *scene);
/* Renders the frame and copies it into the buffer. */
void demo_scene_record(struct demo_scene *scene, VkCommandBuffer commands,
                       uint32_t frame, VkBuffer target, VkDeviceSize offset);
/* Renders the frame into an image of the ring, for the other process. */
void demo_scene_record_image(struct demo_scene *scene,
                             VkCommandBuffer commands, uint32_t frame,
                             const struct demo_ring *ring);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef LVP_NATIVE_H
#define LVP_NATIVE_H

#include "gpu.h"

#define UNUSED __attribute__((__unused__))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Each case runs in a process of its own. What it says is compared between
 * two builds of the driver.
 */
struct native_case {
   const char *name;
   void (*run)(intptr_t arg);
   intptr_t arg;
   /* Whether the driver reports what it is about; NULL: it always does */
   bool (*reported)(intptr_t arg);
};

extern const struct native_case report_cases[];
extern const struct native_case sync_fd_cases[];
extern const struct native_case submit_cases[];
extern const struct native_case memory_cases[];

void say(const char *format, ...) __attribute__((__format__(printf, 1, 2)));
/* Records a failure and goes on. */
bool native_check(bool ok, const char *file, int line, const char *text);
#define CHECK(condition) \
   native_check((condition), __FILE__, __LINE__, #condition)
/* Ends the case. */
#define REQUIRE(condition) \
   do { \
      if (!CHECK(condition)) \
         native_end(); \
   } while (0)
#define REQUIRE_OK(call) REQUIRE((call) == VK_SUCCESS)
#define CHECK_RESULT(call, want) CHECK((call) == (want))

_Noreturn void native_end(void);
void sleep_ms(unsigned ms);

/* Whether /dev/udmabuf, from which the driver makes its sync files, is hidden
 * from it ("none"), played ("double"), or the machine's ("real").
 */
extern const char *udmabuf;

/* Commands, by the names that they have without "vk" */
#define NATIVE_COMMANDS(X) \
   X(EnumerateDeviceExtensionProperties) X(GetPhysicalDeviceProperties2) \
   X(GetPhysicalDeviceExternalFenceProperties) \
   X(GetPhysicalDeviceExternalSemaphoreProperties) \
   X(GetPhysicalDeviceExternalBufferProperties) \
   X(GetPhysicalDeviceImageFormatProperties2) X(GetFenceFdKHR) \
   X(ImportFenceFdKHR) X(GetSemaphoreFdKHR) X(ImportSemaphoreFdKHR) \
   X(GetMemoryFdKHR) X(GetMemoryFdPropertiesKHR)

#define NATIVE_DECLARE(name) PFN_vk##name name;

struct driver {
   /* Without a device */
   struct gpu gpu;
   NATIVE_COMMANDS(NATIVE_DECLARE)

   VkExtensionProperties extensions[512];
   uint32_t extension_count;
};

extern struct driver driver;

void driver_open(const char *library);
bool driver_has(const char *extension);
/* With the extensions of file descriptors that the driver has */
struct gpu *device_open(void);
void device_close(struct gpu *gpu);

/* What the driver says of buffers in memory of a handle type */
VkExternalMemoryProperties buffer_handles(VkFlags type);

/* The most batches, and objects of a wait */
#define MANY 64

VkSemaphore timeline_create(struct gpu *gpu, uint64_t initial);
uint64_t timeline_value(struct gpu *gpu, VkSemaphore timeline);
void timeline_signal(struct gpu *gpu, VkSemaphore timeline, uint64_t value);
/* All of them, or any */
VkResult timelines_wait(struct gpu *gpu, unsigned count,
                        const VkSemaphore *timelines, uint64_t value,
                        bool all, uint64_t timeout_ms);
VkResult fence_wait(struct gpu *gpu, VkFence fence, uint64_t timeout_ms);
VkResult fences_wait(struct gpu *gpu, unsigned count, const VkFence *fences,
                     bool all, uint64_t timeout_ms);

/* A batch with at most one wait, one command buffer and one signal. Values
 * are for timelines.
 */
struct batch {
   VkSemaphore wait, signal;
   uint64_t wait_value, signal_value;
   VkCommandBuffer commands;
};

/* One vkQueueSubmit(), or one vkQueueSubmit2() */
void submit(struct gpu *gpu, int version, unsigned count,
            const struct batch *batches, VkFence fence);

#define BUFFER_WORDS 1024

/* With a handle type and what its memory's allocation is chained to, or 0 and
 * NULL
 */
struct gpu_buffer buffer_create(struct gpu *gpu, VkFlags type,
                                const void *next);
VkCommandBuffer fill_commands(struct gpu *gpu, const struct gpu_buffer *buffer,
                              unsigned first, unsigned count, uint32_t value);
/* Words of the range that do not have the value */
unsigned count_other(const struct gpu_buffer *buffer, unsigned first,
                     unsigned count, uint32_t value);

/* Does something on a thread of its own, after some time. */
struct later;
struct later *do_later(unsigned ms, void (*run)(void *data), void *data);
void join_later(struct later *later);

/* For what must not happen yet, and for what must */
#define PENDING_MS 50
#define LONG_MS 10000
#define FOREVER_MS UINT64_MAX

#endif

/* SPDX-License-Identifier: MIT */
#ifndef LVP_NATIVE_H
#define LVP_NATIVE_H

#include <stdbool.h>
#include <stdint.h>

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Each case runs in a process of its own, which opens the driver. What it
 * says is compared between two builds of the driver.
 */
struct native_case {
   const char *name;
   void (*run)(intptr_t arg);
   intptr_t arg;
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
const char *result_name(VkResult result);
void sleep_ms(unsigned ms);

/* Whether /dev/udmabuf, from which the driver makes its sync files, is hidden
 * from it, played, or the machine's.
 */
enum udmabuf {
   UDMABUF_NONE,
   UDMABUF_DOUBLE,
   UDMABUF_REAL,
};
void udmabuf_use(enum udmabuf which);

/* Commands, by the names that they have without "vk" */
#define NATIVE_INSTANCE_COMMANDS(X) \
   X(DestroyInstance) X(EnumeratePhysicalDevices) \
   X(EnumerateDeviceExtensionProperties) X(GetPhysicalDeviceFeatures2) \
   X(GetPhysicalDeviceProperties2) X(GetPhysicalDeviceMemoryProperties) \
   X(GetPhysicalDeviceExternalFenceProperties) \
   X(GetPhysicalDeviceExternalSemaphoreProperties) \
   X(GetPhysicalDeviceExternalBufferProperties) \
   X(GetPhysicalDeviceImageFormatProperties2) X(CreateDevice) \
   X(GetDeviceProcAddr)

#define NATIVE_DEVICE_COMMANDS(X) \
   X(DestroyDevice) X(GetDeviceQueue) X(DeviceWaitIdle) X(QueueWaitIdle) \
   X(QueueSubmit) X(QueueSubmit2) X(CreateFence) X(DestroyFence) \
   X(ResetFences) X(GetFenceStatus) X(WaitForFences) X(CreateSemaphore) \
   X(DestroySemaphore) X(SignalSemaphore) X(WaitSemaphores) \
   X(GetSemaphoreCounterValue) X(CreateCommandPool) X(DestroyCommandPool) \
   X(AllocateCommandBuffers) X(BeginCommandBuffer) X(EndCommandBuffer) \
   X(CmdFillBuffer) X(CreateBuffer) X(DestroyBuffer) \
   X(GetBufferMemoryRequirements) X(AllocateMemory) X(FreeMemory) \
   X(BindBufferMemory) X(MapMemory) X(UnmapMemory)

/* Not there without their extensions */
#define NATIVE_OPTIONAL_COMMANDS(X) \
   X(GetFenceFdKHR) X(ImportFenceFdKHR) X(GetSemaphoreFdKHR) \
   X(ImportSemaphoreFdKHR) X(GetMemoryFdKHR) X(GetMemoryFdPropertiesKHR)

#define NATIVE_DECLARE(name) PFN_vk##name name;

struct driver {
   PFN_vkGetInstanceProcAddr GetInstanceProcAddr;
   PFN_vkEnumerateInstanceExtensionProperties
      EnumerateInstanceExtensionProperties;
   VkInstance instance;
   VkPhysicalDevice physical;
   NATIVE_INSTANCE_COMMANDS(NATIVE_DECLARE)
};

struct device {
   VkDevice handle;
   VkQueue queue;
   VkCommandPool pool;
   NATIVE_DEVICE_COMMANDS(NATIVE_DECLARE)
   NATIVE_OPTIONAL_COMMANDS(NATIVE_DECLARE)
};

extern struct driver driver;

void driver_open(const char *library);
bool driver_has(const char *extension);
/* With the extensions of file descriptors that the driver has. */
struct device *device_open(void);
void device_close(struct device *device);

VkFence fence_create(struct device *device, bool signalled, VkFlags exports);
VkSemaphore binary_create(struct device *device, VkFlags exports);
VkSemaphore timeline_create(struct device *device, uint64_t initial);
uint64_t timeline_value(struct device *device, VkSemaphore timeline);
void timeline_signal(struct device *device, VkSemaphore timeline,
                     uint64_t value);
VkResult timeline_wait(struct device *device, VkSemaphore timeline,
                       uint64_t value, uint64_t timeout_ms);
VkResult fence_wait(struct device *device, VkFence fence,
                    uint64_t timeout_ms);

/* A batch with at most one wait, one command buffer and one signal. Values
 * are for timelines.
 */
struct batch {
   VkSemaphore wait, signal;
   uint64_t wait_value, signal_value;
   VkCommandBuffer commands;
};

#define MAX_BATCHES 32

/* One vkQueueSubmit(), or one vkQueueSubmit2() */
void submit(struct device *device, unsigned count, const struct batch *batches,
            VkFence fence);
void submit2(struct device *device, unsigned count,
             const struct batch *batches, VkFence fence);

struct buffer {
   VkBuffer handle;
   VkDeviceMemory memory;
   uint32_t *words;
};

#define BUFFER_WORDS 1024

/* Memory may be given; it is allocated otherwise. */
struct buffer buffer_create(struct device *device, VkDeviceMemory memory,
                            VkFlags handle_types);
VkCommandBuffer fill_commands(struct device *device,
                              const struct buffer *buffer, unsigned first,
                              unsigned count, uint32_t value);
/* Words of the range that do not have the value */
unsigned count_other(const struct buffer *buffer, unsigned first,
                     unsigned count, uint32_t value);

/* Does something on a thread of its own, after some time. */
struct later;
struct later *do_later(unsigned ms, void (*run)(void *data), void *data);
void join_later(struct later *later);

/* For what must not happen yet, and for what must */
#define PENDING_MS 50
#define LONG_MS 10000

#endif

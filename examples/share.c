/* SPDX-License-Identifier: MIT */

/* Two processes share an image and a timeline semaphore. The producer clears the image to one colour after the other;
 * the consumer, which it starts, copies each to the host and looks at it. This is plain Vulkan 1.2, for any driver with
 * VK_KHR_external_memory_win32 and VK_KHR_external_semaphore_win32. To build it with MinGW, or with cl:
 *
 * x86_64-w64-mingw32-gcc -o share.exe share.c -I"$VULKAN_SDK/include" -L"$VULKAN_SDK/lib" -lvulkan-1
 * cl share.c /I "%VULKAN_SDK%\Include" "%VULKAN_SDK%\Lib\vulkan-1.lib"
 */
#define VK_USE_PLATFORM_WIN32_KHR
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

#define FRAMES 4
#define SIZE 64
#define BYTES (SIZE * SIZE * 4)
#define TIMEOUT_MS 20000
#define MEMORY_TYPE VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_WIN32_BIT
#define SEMAPHORE_TYPE VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT

#define HAS_BOTH(features, OBJECT) \
   (((features) & VK_EXTERNAL_##OBJECT##_FEATURE_EXPORTABLE_BIT) && \
    ((features) & VK_EXTERNAL_##OBJECT##_FEATURE_IMPORTABLE_BIT))

#define S(type) .sType = VK_STRUCTURE_TYPE_##type
#define CHECK(condition) ((condition) ? (void)0 : (fprintf(stderr, "no %s\n", #condition), exit(1)))
#define VK(call) CHECK((call) == VK_SUCCESS)
/* The loader exports no function of these extensions. */
#define LOAD(name) PFN_##name name = (PFN_##name)(void *)vkGetDeviceProcAddr(device, #name)

/* Both processes have to describe the image in the same way. */
static const VkExternalMemoryImageCreateInfo image_external = {
   S(EXTERNAL_MEMORY_IMAGE_CREATE_INFO), .handleTypes = MEMORY_TYPE};
static const VkImageCreateInfo image_info = {
   S(IMAGE_CREATE_INFO), .pNext = &image_external, .imageType = VK_IMAGE_TYPE_2D, .format = VK_FORMAT_R8G8B8A8_UNORM,
   .extent = {SIZE, SIZE, 1}, .mipLevels = 1, .arrayLayers = 1, .samples = VK_SAMPLE_COUNT_1_BIT,
   .usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT};
static const VkSemaphoreTypeCreateInfo semaphore_type = {
   S(SEMAPHORE_TYPE_CREATE_INFO), .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
static const VkImageSubresourceRange whole = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
static const VkClearColorValue colours[FRAMES] = {{{1, 0, 0, 1}}, {{0, 1, 0, 1}}, {{0, 0, 1, 1}}, {{1, 1, 0, 0}}};

static VkPhysicalDevice gpu;
static VkDevice device;
static VkQueue queue;
static uint32_t family;
static VkImage image;
static VkSemaphore timeline;
static VkBuffer buffer;

/* The extensions alone do not promise that this very image can be shared. */
static int
can_share(VkPhysicalDevice candidate)
{
   VkPhysicalDeviceExternalImageFormatInfo external = {
      S(PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO), .handleType = MEMORY_TYPE};
   VkPhysicalDeviceImageFormatInfo2 format = {
      S(PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2), .pNext = &external, .format = image_info.format,
      .type = image_info.imageType, .tiling = image_info.tiling, .usage = image_info.usage};
   VkPhysicalDeviceExternalSemaphoreInfo semaphore = {
      S(PHYSICAL_DEVICE_EXTERNAL_SEMAPHORE_INFO), .pNext = &semaphore_type, .handleType = SEMAPHORE_TYPE};
   VkExternalImageFormatProperties memory_can = {S(EXTERNAL_IMAGE_FORMAT_PROPERTIES)};
   VkImageFormatProperties2 format_can = {S(IMAGE_FORMAT_PROPERTIES_2), .pNext = &memory_can};
   VkExternalSemaphoreProperties semaphore_can = {S(EXTERNAL_SEMAPHORE_PROPERTIES)};

   vkGetPhysicalDeviceExternalSemaphoreProperties(candidate, &semaphore, &semaphore_can);
   return vkGetPhysicalDeviceImageFormatProperties2(candidate, &format, &format_can) == VK_SUCCESS &&
          HAS_BOTH(memory_can.externalMemoryProperties.externalMemoryFeatures, MEMORY) &&
          HAS_BOTH(semaphore_can.externalSemaphoreFeatures, SEMAPHORE);
}

/* Opaque handles are for the same device and driver, which the UUIDs tell: the consumer takes the device that it is
 * told, the producer any that can share.
 */
static void
open_device(VkInstance instance, const char *wanted, char uuids[4 * VK_UUID_SIZE + 1])
{
   VkPhysicalDevice gpus[16];
   VkQueueFamilyProperties families[16];
   uint32_t count = 16;

   CHECK(vkEnumeratePhysicalDevices(instance, &count, gpus) >= VK_SUCCESS);
   for (uint32_t i = 0; i < count && !gpu; i++) {
      VkPhysicalDeviceIDProperties ids = {S(PHYSICAL_DEVICE_ID_PROPERTIES)};
      VkPhysicalDeviceProperties2 properties = {S(PHYSICAL_DEVICE_PROPERTIES_2), .pNext = &ids};

      vkGetPhysicalDeviceProperties2(gpus[i], &properties);
      for (uint32_t n = 0; n < 2 * VK_UUID_SIZE; n++)
         snprintf(uuids + 2 * n, 3, "%02x", n < VK_UUID_SIZE ? ids.deviceUUID[n] : ids.driverUUID[n - VK_UUID_SIZE]);
      if (properties.properties.apiVersion >= VK_API_VERSION_1_2 &&
          (wanted ? !strcmp(wanted, uuids) : can_share(gpus[i]))) {
         gpu = gpus[i];
         printf("%s: on %s\n", wanted ? "consumer" : "producer", properties.properties.deviceName);
      }
   }
   CHECK(gpu);

   /* A queue that can only transfer cannot clear. */
   count = 16;
   vkGetPhysicalDeviceQueueFamilyProperties(gpu, &count, families);
   while (family < count && !(families[family].queueFlags & (VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT)))
      family++;
   CHECK(family < count);

   const char *extensions[] = {
      VK_KHR_EXTERNAL_MEMORY_WIN32_EXTENSION_NAME, VK_KHR_EXTERNAL_SEMAPHORE_WIN32_EXTENSION_NAME};
   float priority = 1;
   VkPhysicalDeviceTimelineSemaphoreFeatures features = {
      S(PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES), .timelineSemaphore = VK_TRUE};
   VkDeviceQueueCreateInfo queue_info = {
      S(DEVICE_QUEUE_CREATE_INFO), .queueFamilyIndex = family, .queueCount = 1, .pQueuePriorities = &priority};
   VkDeviceCreateInfo info = {
      S(DEVICE_CREATE_INFO), .pNext = &features, .queueCreateInfoCount = 1, .pQueueCreateInfos = &queue_info,
      .enabledExtensionCount = 2, .ppEnabledExtensionNames = extensions};
   VK(vkCreateDevice(gpu, &info, NULL, &device));
   vkGetDeviceQueue(device, family, 0, &queue);
}

static VkDeviceMemory
allocate(VkMemoryRequirements requirements, VkMemoryPropertyFlags flags, const void *next)
{
   VkMemoryAllocateInfo info = {S(MEMORY_ALLOCATE_INFO), .pNext = next, .allocationSize = requirements.size};
   VkPhysicalDeviceMemoryProperties has;
   VkDeviceMemory memory;

   vkGetPhysicalDeviceMemoryProperties(gpu, &has);
   while (!(requirements.memoryTypeBits & (1u << info.memoryTypeIndex)) ||
          (flags & ~has.memoryTypes[info.memoryTypeIndex].propertyFlags))
      info.memoryTypeIndex++;
   VK(vkAllocateMemory(device, &info, NULL, &memory));
   return memory;
}

/* The consumer has handles to import. An import wants the size and memory type of the export, which the image has, and
 * is the same on the same device. Any image may have a dedicated allocation, and on some drivers a shared one must.
 */
static VkDeviceMemory
create_shared(const HANDLE handles[2], int consumer)
{
   VkExportSemaphoreCreateInfo semaphore_exported = {
      S(EXPORT_SEMAPHORE_CREATE_INFO), .pNext = &semaphore_type, .handleTypes = SEMAPHORE_TYPE};
   VkSemaphoreCreateInfo semaphore_info = {
      S(SEMAPHORE_CREATE_INFO), .pNext = consumer ? (const void *)&semaphore_type : &semaphore_exported};
   VK(vkCreateSemaphore(device, &semaphore_info, NULL, &timeline));
   VK(vkCreateImage(device, &image_info, NULL, &image));

   VkExportMemoryAllocateInfo memory_exported = {S(EXPORT_MEMORY_ALLOCATE_INFO), .handleTypes = MEMORY_TYPE};
   VkImportMemoryWin32HandleInfoKHR memory_imported = {
      S(IMPORT_MEMORY_WIN32_HANDLE_INFO_KHR), .handleType = MEMORY_TYPE, .handle = handles[0]};
   VkMemoryDedicatedAllocateInfo dedicated = {
      S(MEMORY_DEDICATED_ALLOCATE_INFO), .image = image,
      .pNext = consumer ? (const void *)&memory_imported : &memory_exported};
   VkMemoryRequirements requirements;
   vkGetImageMemoryRequirements(device, image, &requirements);
   VkDeviceMemory memory = allocate(requirements, 0, &dedicated);
   VK(vkBindImageMemory(device, image, memory, 0));

   if (consumer) {
      VkImportSemaphoreWin32HandleInfoKHR semaphore_imported = {
         S(IMPORT_SEMAPHORE_WIN32_HANDLE_INFO_KHR), .semaphore = timeline, .handleType = SEMAPHORE_TYPE,
         .handle = handles[1]};
      LOAD(vkImportSemaphoreWin32HandleKHR);
      VK(vkImportSemaphoreWin32HandleKHR(device, &semaphore_imported));
      /* An import does not take the handle over. */
      CHECK(CloseHandle(handles[0]) && CloseHandle(handles[1]));
   }
   return memory;
}

/* Both barriers of a hand-over, the one that releases to the family EXTERNAL and the other process's that acquires from
 * there, have to name the same layouts. So the layout is always GENERAL.
 */
static void
barrier(VkCommandBuffer commands, VkImageLayout old, uint32_t from, uint32_t to, VkAccessFlags before,
        VkAccessFlags after)
{
   VkImageMemoryBarrier info = {
      S(IMAGE_MEMORY_BARRIER), .srcAccessMask = before, .dstAccessMask = after, .oldLayout = old,
      .newLayout = VK_IMAGE_LAYOUT_GENERAL, .srcQueueFamilyIndex = from, .dstQueueFamilyIndex = to, .image = image,
      .subresourceRange = whole};

   vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, 0,
                        0, NULL, 0, NULL, 1, &info);
}

/* Frame n is cleared between the values 2n and 2n + 1 of the timeline, and copied between 2n + 1 and 2n + 2. */
static void
submit(VkCommandBuffer commands, uint32_t n, int consumer)
{
   VkAccessFlags access = consumer ? VK_ACCESS_TRANSFER_READ_BIT : VK_ACCESS_TRANSFER_WRITE_BIT;
   VkPipelineStageFlags stage = VK_PIPELINE_STAGE_TRANSFER_BIT;
   uint64_t wait = 2 * n + consumer, signal = wait + 1;
   VkCommandBufferBeginInfo begin = {S(COMMAND_BUFFER_BEGIN_INFO)};
   VkBufferImageCopy region = {
      .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1}, .imageExtent = image_info.extent};
   VkMemoryBarrier to_host = {
      S(MEMORY_BARRIER), .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT, .dstAccessMask = VK_ACCESS_HOST_READ_BIT};
   VkTimelineSemaphoreSubmitInfo values = {
      S(TIMELINE_SEMAPHORE_SUBMIT_INFO), .waitSemaphoreValueCount = 1, .pWaitSemaphoreValues = &wait,
      .signalSemaphoreValueCount = 1, .pSignalSemaphoreValues = &signal};
   VkSubmitInfo info = {
      S(SUBMIT_INFO), .pNext = &values, .waitSemaphoreCount = 1, .pWaitSemaphores = &timeline,
      .pWaitDstStageMask = &stage, .commandBufferCount = 1, .pCommandBuffers = &commands, .signalSemaphoreCount = 1,
      .pSignalSemaphores = &timeline};

   VK(vkBeginCommandBuffer(commands, &begin));
   if (n || consumer)
      barrier(commands, VK_IMAGE_LAYOUT_GENERAL, VK_QUEUE_FAMILY_EXTERNAL, family, 0, access);
   else /* New, and nobody has released it. */
      barrier(commands, VK_IMAGE_LAYOUT_UNDEFINED, family, family, 0, access);
   if (consumer) {
      vkCmdCopyImageToBuffer(commands, image, VK_IMAGE_LAYOUT_GENERAL, buffer, 1, &region);
      vkCmdPipelineBarrier(commands, stage, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &to_host, 0, NULL, 0, NULL);
   } else {
      vkCmdClearColorImage(commands, image, VK_IMAGE_LAYOUT_GENERAL, &colours[n], 1, &whole);
   }
   barrier(commands, VK_IMAGE_LAYOUT_GENERAL, family, VK_QUEUE_FAMILY_EXTERNAL, access, 0);
   VK(vkEndCommandBuffer(commands));
   VK(vkQueueSubmit(queue, 1, &info, VK_NULL_HANDLE));
}

/* Opaque handles are NT handles: a child process can inherit them. */
static HANDLE
start_consumer(VkDeviceMemory memory, const char *uuids)
{
   VkMemoryGetWin32HandleInfoKHR memory_info = {
      S(MEMORY_GET_WIN32_HANDLE_INFO_KHR), .memory = memory, .handleType = MEMORY_TYPE};
   VkSemaphoreGetWin32HandleInfoKHR semaphore_info = {
      S(SEMAPHORE_GET_WIN32_HANDLE_INFO_KHR), .semaphore = timeline, .handleType = SEMAPHORE_TYPE};
   STARTUPINFOA startup = {.cb = sizeof(startup)};
   PROCESS_INFORMATION child;
   HANDLE handles[2];
   char path[MAX_PATH], command[256];
   LOAD(vkGetMemoryWin32HandleKHR);
   LOAD(vkGetSemaphoreWin32HandleKHR);

   VK(vkGetMemoryWin32HandleKHR(device, &memory_info, &handles[0]));
   VK(vkGetSemaphoreWin32HandleKHR(device, &semaphore_info, &handles[1]));
   for (int i = 0; i < 2; i++)
      CHECK(SetHandleInformation(handles[i], HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT));
   CHECK(GetModuleFileNameA(NULL, path, MAX_PATH) < MAX_PATH);
   snprintf(command, sizeof(command), "share %s %p %p", uuids, handles[0], handles[1]);
   CHECK(CreateProcessA(path, command, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &child));
   /* The child has handles of its own now. The exporter's are its to close, or the memory stays. */
   CHECK(CloseHandle(handles[0]) && CloseHandle(handles[1]) && CloseHandle(child.hThread));
   return child.hProcess;
}

static unsigned char *
create_buffer(void)
{
   VkBufferCreateInfo info = {S(BUFFER_CREATE_INFO), .size = BYTES, .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT};
   VkMemoryPropertyFlags flags = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
   VkMemoryRequirements requirements;
   void *bytes;

   VK(vkCreateBuffer(device, &info, NULL, &buffer));
   vkGetBufferMemoryRequirements(device, buffer, &requirements);
   VkDeviceMemory memory = allocate(requirements, flags, NULL);
   VK(vkBindBufferMemory(device, buffer, memory, 0));
   VK(vkMapMemory(device, memory, 0, VK_WHOLE_SIZE, 0, &bytes));
   return bytes;
}

int
main(int argc, char **argv)
{
   VkApplicationInfo application = {S(APPLICATION_INFO), .apiVersion = VK_API_VERSION_1_2};
   VkInstanceCreateInfo instance_info = {S(INSTANCE_CREATE_INFO), .pApplicationInfo = &application};
   int consumer = argc == 4;
   HANDLE handles[2] = {NULL, NULL}, process = NULL;
   char uuids[4 * VK_UUID_SIZE + 1];
   VkInstance instance;
   VkCommandPool pool;
   VkCommandBuffer commands[FRAMES];

   /* In the order in which both write it. */
   setvbuf(stdout, NULL, _IONBF, 0);
   CHECK(!consumer || (sscanf(argv[2], "%p", &handles[0]) == 1 && sscanf(argv[3], "%p", &handles[1]) == 1));
   VK(vkCreateInstance(&instance_info, NULL, &instance));
   open_device(instance, consumer ? argv[1] : NULL, uuids);
   VkCommandPoolCreateInfo pool_info = {S(COMMAND_POOL_CREATE_INFO), .queueFamilyIndex = family};
   VK(vkCreateCommandPool(device, &pool_info, NULL, &pool));
   VkCommandBufferAllocateInfo commands_info = {
      S(COMMAND_BUFFER_ALLOCATE_INFO), .commandPool = pool, .commandBufferCount = FRAMES};
   VK(vkAllocateCommandBuffers(device, &commands_info, commands));

   VkDeviceMemory memory = create_shared(handles, consumer);
   unsigned char *bytes = create_buffer();
   if (!consumer)
      process = start_consumer(memory, uuids);
   for (uint32_t n = 0; n < FRAMES; n++) {
      uint64_t copied = 2 * n + 2;
      VkSemaphoreWaitInfo wait = {
         S(SEMAPHORE_WAIT_INFO), .semaphoreCount = 1, .pSemaphores = &timeline, .pValues = &copied};

      submit(commands[n], n, consumer);
      VK(vkWaitSemaphores(device, &wait, TIMEOUT_MS * 1000000ull));
      if (consumer) {
         printf("consumer: frame %u is %u %u %u %u\n", n, bytes[0], bytes[1], bytes[2], bytes[3]);
         for (int i = 0; i < BYTES; i++)
            CHECK(bytes[i] == 255 * colours[n].float32[i % 4]);
      }
   }
   if (!consumer) {
      DWORD status = 1;
      CHECK(WaitForSingleObject(process, TIMEOUT_MS) == WAIT_OBJECT_0);
      CHECK(GetExitCodeProcess(process, &status) && status == 0);
      printf("producer: the consumer has seen all frames\n");
   }
   /* What was created goes with the process. */
   return 0;
}

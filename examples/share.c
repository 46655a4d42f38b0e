/* SPDX-License-Identifier: MIT */

/* Two processes share an image and a timeline semaphore: the producer clears the image, and the consumer, which it
 * starts, reads it, frame by frame. Plain Vulkan 1.2, for any driver with VK_KHR_external_memory_win32 and
 * VK_KHR_external_semaphore_win32. Built with MinGW, or with cl, by:
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
#define TIMEOUT_NS 20000000000ull
#define MEMORY VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_WIN32_BIT
#define SEMAPHORE VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT
#define S(type) .sType = VK_STRUCTURE_TYPE_##type
#define CHECK(condition) ((condition) ? (void)0 : (fprintf(stderr, "no %s\n", #condition), exit(1)))
#define VK(call) do { VkResult r = (call); if (r) fprintf(stderr, "%.50s: %d\n", #call, r), exit(1); } while (0)
/* The loader exports no function of these extensions. */
#define LOAD(name) PFN_##name name = (PFN_##name)(void *)vkGetDeviceProcAddr(device, #name)

/* Both processes have to describe the image in the same way. */
static const VkExternalMemoryImageCreateInfo external = {S(EXTERNAL_MEMORY_IMAGE_CREATE_INFO), .handleTypes = MEMORY};
static const VkImageCreateInfo image_info = {
   S(IMAGE_CREATE_INFO), .pNext = &external, .imageType = VK_IMAGE_TYPE_2D, .format = VK_FORMAT_R8G8B8A8_UNORM,
   .extent = {SIZE, SIZE, 1}, .mipLevels = 1, .arrayLayers = 1, .samples = VK_SAMPLE_COUNT_1_BIT,
   .usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT};
static const VkSemaphoreTypeCreateInfo semaphore_type = {
   S(SEMAPHORE_TYPE_CREATE_INFO), .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
static const VkImageSubresourceRange whole = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
static const VkClearColorValue colours[FRAMES] = {{{1, 0, 0, 1}}, {{0, 1, 0, 1}}, {{0, 0, 1, 1}}, {{1, 1, 0, 0}}};

static VkPhysicalDevice gpu;
static char uuids[4 * VK_UUID_SIZE + 1];
static uint32_t family;
static VkDevice device;
static VkImage image;
static VkDeviceMemory image_memory;
static VkSemaphore timeline;

/* The extensions alone do not promise this image. Handles are for one device and driver, which the UUIDs tell. */
static void
open_device(const char *wanted)
{
   VkPhysicalDeviceExternalImageFormatInfo kind = {S(PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO), .handleType = MEMORY};
   VkPhysicalDeviceImageFormatInfo2 format = {
      S(PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2), .pNext = &kind, .format = image_info.format,
      .type = image_info.imageType, .tiling = image_info.tiling, .usage = image_info.usage};
   VkPhysicalDeviceExternalSemaphoreInfo semaphore = {
      S(PHYSICAL_DEVICE_EXTERNAL_SEMAPHORE_INFO), .pNext = &semaphore_type, .handleType = SEMAPHORE};
   VkExternalImageFormatProperties memory_can = {S(EXTERNAL_IMAGE_FORMAT_PROPERTIES)};
   VkImageFormatProperties2 format_can = {S(IMAGE_FORMAT_PROPERTIES_2), .pNext = &memory_can};
   VkExternalSemaphoreProperties semaphore_can = {S(EXTERNAL_SEMAPHORE_PROPERTIES)};
   VkFlags memory_must = VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT | VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT;
   VkFlags semaphore_must = VK_EXTERNAL_SEMAPHORE_FEATURE_EXPORTABLE_BIT | VK_EXTERNAL_SEMAPHORE_FEATURE_IMPORTABLE_BIT;
   VkApplicationInfo app = {S(APPLICATION_INFO), .apiVersion = VK_API_VERSION_1_2};
   VkInstance instance;
   VkPhysicalDevice gpus[16];
   VkQueueFamilyProperties families[16];
   uint32_t gpu_count = 16, family_count = 16;
   VK(vkCreateInstance(&(VkInstanceCreateInfo){S(INSTANCE_CREATE_INFO), .pApplicationInfo = &app}, NULL, &instance));
   CHECK(vkEnumeratePhysicalDevices(instance, &gpu_count, gpus) >= VK_SUCCESS);
   for (uint32_t i = 0; i < gpu_count && !gpu; i++) {
      VkPhysicalDeviceIDProperties ids = {S(PHYSICAL_DEVICE_ID_PROPERTIES)};
      VkPhysicalDeviceProperties2 has = {S(PHYSICAL_DEVICE_PROPERTIES_2), .pNext = &ids};
      vkGetPhysicalDeviceProperties2(gpus[i], &has);
      for (uint32_t n = 0; n < VK_UUID_SIZE; n++)
         snprintf(uuids + 4 * n, 5, "%02x%02x", ids.deviceUUID[n], ids.driverUUID[n]);
      if (has.properties.apiVersion < VK_API_VERSION_1_2 || (wanted && strcmp(wanted, uuids)))
         continue;
      vkGetPhysicalDeviceExternalSemaphoreProperties(gpus[i], &semaphore, &semaphore_can);
      if (vkGetPhysicalDeviceImageFormatProperties2(gpus[i], &format, &format_can) == VK_SUCCESS &&
          !(memory_must & ~memory_can.externalMemoryProperties.externalMemoryFeatures) &&
          !(semaphore_must & ~semaphore_can.externalSemaphoreFeatures)) {
         gpu = gpus[i];
         printf("%s: on %s\n", wanted ? "consumer" : "producer", has.properties.deviceName);
      }
   }
   CHECK(gpu);
   /* A queue that can only transfer cannot clear. */
   vkGetPhysicalDeviceQueueFamilyProperties(gpu, &family_count, families);
   while (!(families[family].queueFlags & (VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT)))
      CHECK(++family < family_count);

   VkPhysicalDeviceVulkan12Features features = {S(PHYSICAL_DEVICE_VULKAN_1_2_FEATURES), .timelineSemaphore = VK_TRUE};
   VkDeviceQueueCreateInfo queue_info = {
      S(DEVICE_QUEUE_CREATE_INFO), .queueFamilyIndex = family, .queueCount = 1, .pQueuePriorities = &(float){1}};
   const char *names[] = {VK_KHR_EXTERNAL_MEMORY_WIN32_EXTENSION_NAME, VK_KHR_EXTERNAL_SEMAPHORE_WIN32_EXTENSION_NAME};
   VK(vkCreateDevice(gpu, &(VkDeviceCreateInfo){
      S(DEVICE_CREATE_INFO), .pNext = &features, .queueCreateInfoCount = 1, .pQueueCreateInfos = &queue_info,
      .enabledExtensionCount = 2, .ppEnabledExtensionNames = names}, NULL, &device));
}

static VkDeviceMemory
allocate(VkMemoryRequirements wants, VkMemoryPropertyFlags flags, const void *next)
{
   VkMemoryAllocateInfo info = {S(MEMORY_ALLOCATE_INFO), .pNext = next, .allocationSize = wants.size};
   VkPhysicalDeviceMemoryProperties has;
   VkDeviceMemory memory;
   vkGetPhysicalDeviceMemoryProperties(gpu, &has);
   while (!(wants.memoryTypeBits & (1u << info.memoryTypeIndex)) ||
          (flags & ~has.memoryTypes[info.memoryTypeIndex].propertyFlags))
      info.memoryTypeIndex++;
   VK(vkAllocateMemory(device, &info, NULL, &memory));
   return memory;
}

/* An import wants the size and memory type of the export: the image's. Some drivers want a dedicated allocation. */
static void
create_shared(int consumer, const HANDLE handles[2])
{
   VkExportSemaphoreCreateInfo exportable = { /* The consumer's may be, too. */
      S(EXPORT_SEMAPHORE_CREATE_INFO), .pNext = &semaphore_type, .handleTypes = SEMAPHORE};
   VkSemaphoreCreateInfo semaphore_info = {S(SEMAPHORE_CREATE_INFO), .pNext = &exportable};
   VkExportMemoryAllocateInfo exported = {S(EXPORT_MEMORY_ALLOCATE_INFO), .handleTypes = MEMORY};
   VkImportMemoryWin32HandleInfoKHR imported = {
      S(IMPORT_MEMORY_WIN32_HANDLE_INFO_KHR), .handleType = MEMORY, .handle = handles[0]};
   VkMemoryRequirements wants;
   VK(vkCreateImage(device, &image_info, NULL, &image));
   vkGetImageMemoryRequirements(device, image, &wants);
   image_memory = allocate(wants, 0, &(VkMemoryDedicatedAllocateInfo){
      S(MEMORY_DEDICATED_ALLOCATE_INFO), .pNext = consumer ? (void *)&imported : &exported, .image = image});
   VK(vkBindImageMemory(device, image, image_memory, 0));
   VK(vkCreateSemaphore(device, &semaphore_info, NULL, &timeline));
   if (consumer) {
      LOAD(vkImportSemaphoreWin32HandleKHR);
      VK(vkImportSemaphoreWin32HandleKHR(device, &(VkImportSemaphoreWin32HandleInfoKHR){
         S(IMPORT_SEMAPHORE_WIN32_HANDLE_INFO_KHR), .semaphore = timeline, .handleType = SEMAPHORE,
         .handle = handles[1]}));
      CHECK(CloseHandle(handles[0]) && CloseHandle(handles[1])); /* An import does not take them over. */
   }
}

/* Opaque handles are NT handles: a child process can inherit them. */
static HANDLE
start_consumer(void)
{
   STARTUPINFOA startup = {.cb = sizeof(startup)};
   PROCESS_INFORMATION child;
   HANDLE handles[2];
   char path[MAX_PATH], command[256];
   LOAD(vkGetMemoryWin32HandleKHR);
   LOAD(vkGetSemaphoreWin32HandleKHR);
   VK(vkGetMemoryWin32HandleKHR(device, &(VkMemoryGetWin32HandleInfoKHR){
      S(MEMORY_GET_WIN32_HANDLE_INFO_KHR), .memory = image_memory, .handleType = MEMORY}, &handles[0]));
   VK(vkGetSemaphoreWin32HandleKHR(device, &(VkSemaphoreGetWin32HandleInfoKHR){
      S(SEMAPHORE_GET_WIN32_HANDLE_INFO_KHR), .semaphore = timeline, .handleType = SEMAPHORE}, &handles[1]));
   for (int i = 0; i < 2; i++)
      CHECK(SetHandleInformation(handles[i], HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT));
   CHECK(GetModuleFileNameA(NULL, path, MAX_PATH) < MAX_PATH);
   snprintf(command, sizeof(command), "share %s %p %p", uuids, handles[0], handles[1]);
   CHECK(CreateProcessA(path, command, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &child));
   /* The child has handles of its own now. The exporter's are its to close, or the memory stays. */
   CHECK(CloseHandle(handles[0]) && CloseHandle(handles[1]) && CloseHandle(child.hThread));
   return child.hProcess;
}

/* Both barriers of a hand-over, the one that releases to the family EXTERNAL and the other process's that acquires from
 * there, have to name the same layouts: always GENERAL. What the host reads of a copy is made available as well.
 */
static void
barrier(VkCommandBuffer commands, VkImageLayout old, uint32_t from, uint32_t to)
{
   VkAccessFlags access = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
   VkImageMemoryBarrier info = {
      S(IMAGE_MEMORY_BARRIER), .srcAccessMask = access, .dstAccessMask = access, .image = image,
      .subresourceRange = whole, .oldLayout = old, .newLayout = VK_IMAGE_LAYOUT_GENERAL, .srcQueueFamilyIndex = from,
      .dstQueueFamilyIndex = to};
   VkMemoryBarrier host = {S(MEMORY_BARRIER), .srcAccessMask = access, .dstAccessMask = VK_ACCESS_HOST_READ_BIT};
   vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT |
                        VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &host, 0, NULL, 1, &info);
}

int
main(int argc, char **argv)
{
   VkMemoryPropertyFlags flags = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
   VkPipelineStageFlags stage = VK_PIPELINE_STAGE_TRANSFER_BIT;
   VkBufferImageCopy all = {.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1}, .imageExtent = {SIZE, SIZE, 1}};
   VkMemoryRequirements wants;
   VkQueue queue;
   VkBuffer buffer;
   VkCommandPool pool;
   VkCommandBuffer commands;
   HANDLE handles[2] = {NULL, NULL};
   DWORD status = 1;
   unsigned char *bytes;
   int consumer = argc == 4;

   setvbuf(stdout, NULL, _IONBF, 0); /* In the order in which both write it. */
   CHECK(!consumer || (sscanf(argv[2], "%p", &handles[0]) == 1 && sscanf(argv[3], "%p", &handles[1]) == 1));
   open_device(consumer ? argv[1] : NULL);
   create_shared(consumer, handles);
   HANDLE process = consumer ? NULL : start_consumer();

   vkGetDeviceQueue(device, family, 0, &queue);
   VK(vkCreateBuffer(device, &(VkBufferCreateInfo){
      S(BUFFER_CREATE_INFO), .size = SIZE * SIZE * 4, .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT}, NULL, &buffer));
   vkGetBufferMemoryRequirements(device, buffer, &wants);
   VkDeviceMemory memory = allocate(wants, flags, NULL);
   VK(vkBindBufferMemory(device, buffer, memory, 0));
   VK(vkMapMemory(device, memory, 0, VK_WHOLE_SIZE, 0, (void **)&bytes));
   VK(vkCreateCommandPool(device, &(VkCommandPoolCreateInfo){
      S(COMMAND_POOL_CREATE_INFO), .queueFamilyIndex = family}, NULL, &pool));
   VK(vkAllocateCommandBuffers(device, &(VkCommandBufferAllocateInfo){
      S(COMMAND_BUFFER_ALLOCATE_INFO), .commandPool = pool, .commandBufferCount = 1}, &commands));

   /* Frame n is cleared between the values 2n and 2n + 1 of the timeline, and copied between 2n + 1 and 2n + 2. */
   for (uint32_t n = 0; n < FRAMES; n++) {
      uint64_t wait = 2 * n + consumer, signal = wait + 1, end = 2 * n + 2;
      VkTimelineSemaphoreSubmitInfo values = {
         S(TIMELINE_SEMAPHORE_SUBMIT_INFO), .waitSemaphoreValueCount = 1, .pWaitSemaphoreValues = &wait,
         .signalSemaphoreValueCount = 1, .pSignalSemaphoreValues = &signal};
      VK(vkResetCommandPool(device, pool, 0)); /* Both processes have waited for the last frame. */
      VK(vkBeginCommandBuffer(commands, &(VkCommandBufferBeginInfo){S(COMMAND_BUFFER_BEGIN_INFO)}));
      if (n == 0 && !consumer) /* New, and nobody has released it. */
         barrier(commands, VK_IMAGE_LAYOUT_UNDEFINED, family, family);
      else
         barrier(commands, VK_IMAGE_LAYOUT_GENERAL, VK_QUEUE_FAMILY_EXTERNAL, family);
      if (consumer)
         vkCmdCopyImageToBuffer(commands, image, VK_IMAGE_LAYOUT_GENERAL, buffer, 1, &all);
      else
         vkCmdClearColorImage(commands, image, VK_IMAGE_LAYOUT_GENERAL, &colours[n], 1, &whole);
      barrier(commands, VK_IMAGE_LAYOUT_GENERAL, family, VK_QUEUE_FAMILY_EXTERNAL);
      VK(vkEndCommandBuffer(commands));
      VK(vkQueueSubmit(queue, 1, &(VkSubmitInfo){
         S(SUBMIT_INFO), .pNext = &values, .commandBufferCount = 1, .pCommandBuffers = &commands,
         .waitSemaphoreCount = 1, .pWaitSemaphores = &timeline, .pWaitDstStageMask = &stage,
         .signalSemaphoreCount = 1, .pSignalSemaphores = &timeline}, VK_NULL_HANDLE));
      VK(vkWaitSemaphores(device, &(VkSemaphoreWaitInfo){
         S(SEMAPHORE_WAIT_INFO), .semaphoreCount = 1, .pSemaphores = &timeline, .pValues = &end}, TIMEOUT_NS));
      if (consumer) {
         printf("consumer: frame %u is %u %u %u %u\n", n, bytes[0], bytes[1], bytes[2], bytes[3]);
         for (int i = 0; i < SIZE * SIZE * 4; i++)
            CHECK(bytes[i] == 255 * colours[n].float32[i % 4]);
      }
   }
   if (!consumer) {
      CHECK(WaitForSingleObject(process, TIMEOUT_NS / 1000000) == WAIT_OBJECT_0);
      CHECK(GetExitCodeProcess(process, &status) && status == 0);
      printf("producer: the consumer has seen all frames\n");
   }
   return 0; /* What was created goes with the process. */
}

/* SPDX-License-Identifier: MIT */

/* Memory, exported from one device and imported by another */
#include "native.h"

#include <unistd.h>

static bool
reported(VkFlags type)
{
   const VkPhysicalDeviceExternalBufferInfo info = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO,
      .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT,
      .handleType = (VkExternalMemoryHandleTypeFlagBits)type,
   };
   const VkFlags wanted = VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT |
                          VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT;
   VkExternalBufferProperties out = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES,
   };
   VkFlags features;

   driver.GetPhysicalDeviceExternalBufferProperties(driver.physical, &info,
                                                    &out);
   features = out.externalMemoryProperties.externalMemoryFeatures;
   /* For what is reported but cannot be done */
   if (type == VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT &&
       !driver_has("VK_EXT_image_drm_format_modifier"))
      return false;
   return (features & wanted) == wanted;
}

static VkDeviceMemory
allocate(struct device *device, const void *next)
{
   const VkMemoryAllocateInfo info = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
      .pNext = next,
      .allocationSize = BUFFER_WORDS * sizeof(uint32_t),
   };
   VkDeviceMemory memory = VK_NULL_HANDLE;

   REQUIRE_OK(device->AllocateMemory(device->handle, &info, NULL, &memory));
   return memory;
}

static void
export_import(intptr_t type)
{
   const VkExportMemoryAllocateInfo export_info = {
      .sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
      .handleTypes = (VkFlags)type,
   };
   VkImportMemoryFdInfoKHR import_info = {
      .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR,
      .handleType = (VkExternalMemoryHandleTypeFlagBits)type,
   };
   VkMemoryGetFdInfoKHR get = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR,
      .handleType = (VkExternalMemoryHandleTypeFlagBits)type,
   };
   VkMemoryFdPropertiesKHR properties = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_FD_PROPERTIES_KHR,
   };
   struct device *a, *b;
   struct buffer exported, imported;
   struct batch batch = {0};
   VkFence fence;
   int fd = -1;

   if (!reported((VkFlags)type)) {
      say("not reported");
      return;
   }
   a = device_open();
   b = device_open();
   exported = buffer_create(a, allocate(a, &export_info), (VkFlags)type);
   get.memory = exported.memory;
   REQUIRE_OK(a->GetMemoryFdKHR(a->handle, &get, &fd));
   REQUIRE(fd >= 0);
   say("properties: %s", result_name(b->GetMemoryFdPropertiesKHR(
      b->handle, get.handleType, fd, &properties)));
   say("memory types %x", properties.memoryTypeBits);

   import_info.fd = fd;
   imported = buffer_create(b, allocate(b, &import_info), (VkFlags)type);
   exported.words[BUFFER_WORDS - 1] = 77;
   CHECK(imported.words[BUFFER_WORDS - 1] == 77);

   fence = fence_create(b, false, 0);
   batch.commands = fill_commands(b, &imported, 0, BUFFER_WORDS - 1, 88);
   submit(b, 1, &batch, fence);
   REQUIRE_OK(fence_wait(b, fence, LONG_MS));
   CHECK(count_other(&exported, 0, BUFFER_WORDS - 1, 88) == 0);
   CHECK(exported.words[BUFFER_WORDS - 1] == 77);
   device_close(b);
   exported.words[0] = 99;
   device_close(a);
}

const struct native_case memory_cases[] = {
   {"memory: opaque file descriptors", export_import,
    VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT},
   {"memory: dma-bufs", export_import,
    VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT},
   {0},
};

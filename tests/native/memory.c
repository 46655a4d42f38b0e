/* SPDX-License-Identifier: MIT */

/* Memory, exported from one device and imported by another */
#include "native.h"

static bool
reported(intptr_t type)
{
   const VkFlags wanted = VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT |
                          VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT;

   /* For what is reported but cannot be done */
   if (type == VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT &&
       !driver_has("VK_EXT_image_drm_format_modifier"))
      return false;
   return (buffer_handles((VkFlags)type).externalMemoryFeatures & wanted) ==
          wanted;
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
   struct gpu *a = device_open(), *b = device_open();
   const struct gpu_buffer exported =
      buffer_create(a, (VkFlags)type, &export_info);
   struct gpu_buffer imported;
   uint32_t *words = exported.map;
   struct batch batch = {0};
   VkFence fence = gpu_fence(b, 0, 0);
   int fd = -1;

   get.memory = exported.memory;
   REQUIRE_OK(driver.GetMemoryFdKHR(a->device, &get, &fd));
   REQUIRE(fd >= 0);
   say("properties: %d", (int)driver.GetMemoryFdPropertiesKHR(
      b->device, get.handleType, fd, &properties));
   say("memory types %x", properties.memoryTypeBits);

   import_info.fd = fd;
   imported = buffer_create(b, (VkFlags)type, &import_info);
   words[BUFFER_WORDS - 1] = 77;
   CHECK(count_other(&imported, BUFFER_WORDS - 1, 1, 77) == 0);

   batch.commands = fill_commands(b, &imported, 0, BUFFER_WORDS - 1, 88);
   submit(b, 1, 1, &batch, fence);
   REQUIRE_OK(fence_wait(b, fence, LONG_MS));
   CHECK(count_other(&exported, 0, BUFFER_WORDS - 1, 88) == 0);
   CHECK(words[BUFFER_WORDS - 1] == 77);
   device_close(b);
   words[0] = 99;
   device_close(a);
}

const struct native_case memory_cases[] = {
   {"memory: opaque file descriptors", export_import,
    VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT, reported},
   {"memory: dma-bufs", export_import,
    VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT, reported},
   {0},
};

/* SPDX-License-Identifier: MIT */

/* Everything that the driver says of itself which has to do with external
 * objects
 */
#include "native.h"

#include <stdio.h>

/* More than the specification has defined */
#define HANDLE_TYPE_BITS 20

static void
say_bytes(const char *name, const uint8_t *bytes, unsigned count)
{
   char text[2 * 64 + 1];

   for (unsigned i = 0; i < count; i++)
      sprintf(text + 2 * i, "%02x", bytes[i]);
   say("%s %s", name, text);
}

static void
say_extensions(const VkExtensionProperties *list, uint32_t count)
{
   for (uint32_t i = 0; i < count; i++)
      say("%s %u", list[i].extensionName, (unsigned)list[i].specVersion);
}

static void
extensions(UNUSED intptr_t arg)
{
   const PFN_vkEnumerateInstanceExtensionProperties enumerate =
      (PFN_vkEnumerateInstanceExtensionProperties)
         driver.gpu.GetInstanceProcAddr(
            NULL, "vkEnumerateInstanceExtensionProperties");
   VkExtensionProperties list[128];
   uint32_t count = COUNT(list);

   REQUIRE(enumerate != NULL);
   REQUIRE_OK(enumerate(NULL, &count, list));
   say_extensions(list, count);
   say_extensions(driver.extensions, driver.extension_count);
   CHECK(driver_has("VK_KHR_external_fence_fd") ==
         driver_has("VK_KHR_external_semaphore_fd"));
   CHECK(!driver_has("VK_KHR_external_fence_win32"));
   CHECK(!driver_has("VK_KHR_external_semaphore_win32"));
}

static void
identity(UNUSED intptr_t arg)
{
   VkPhysicalDeviceTimelineSemaphoreProperties timeline = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_PROPERTIES,
   };
   VkPhysicalDeviceIDProperties id = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES,
      .pNext = &timeline,
   };
   VkPhysicalDeviceProperties2 properties = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
      .pNext = &id,
   };

   driver.GetPhysicalDeviceProperties2(driver.gpu.physical, &properties);
   say("%s, API %x, driver %x", properties.properties.deviceName,
       properties.properties.apiVersion, properties.properties.driverVersion);
   say_bytes("deviceUUID", id.deviceUUID, VK_UUID_SIZE);
   say_bytes("driverUUID", id.driverUUID, VK_UUID_SIZE);
   say_bytes("deviceLUID", id.deviceLUID, VK_LUID_SIZE);
   say("deviceNodeMask %x, deviceLUIDValid %u", id.deviceNodeMask,
       id.deviceLUIDValid);
   say("maxTimelineSemaphoreValueDifference %llx",
       (unsigned long long)timeline.maxTimelineSemaphoreValueDifference);
   CHECK(!id.deviceLUIDValid);
}

static void
say_handles(VkFlags type, VkFlags export_from, VkFlags compatible,
            VkFlags features)
{
   say("%x: export from %x, compatible %x, features %x", type, export_from,
       compatible, features);
}

static void
say_memory_handles(VkFlags type, const VkExternalMemoryProperties *out)
{
   say_handles(type, out->exportFromImportedHandleTypes,
               out->compatibleHandleTypes, out->externalMemoryFeatures);
}

static void
fences(UNUSED intptr_t arg)
{
   for (unsigned bit = 0; bit < HANDLE_TYPE_BITS; bit++) {
      const VkPhysicalDeviceExternalFenceInfo info = {
         .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_FENCE_INFO,
         .handleType = (VkExternalFenceHandleTypeFlagBits)(1u << bit),
      };
      VkExternalFenceProperties out = {
         .sType = VK_STRUCTURE_TYPE_EXTERNAL_FENCE_PROPERTIES,
      };

      driver.GetPhysicalDeviceExternalFenceProperties(driver.gpu.physical,
                                                      &info, &out);
      say_handles(1u << bit, out.exportFromImportedHandleTypes,
                  out.compatibleHandleTypes, out.externalFenceFeatures);
   }
}

static void
semaphores(intptr_t kind)
{
   const VkSemaphoreTypeCreateInfo type_info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
      .semaphoreType = (VkSemaphoreType)kind,
   };

   for (unsigned bit = 0; bit < HANDLE_TYPE_BITS; bit++) {
      const VkPhysicalDeviceExternalSemaphoreInfo info = {
         .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_SEMAPHORE_INFO,
         .pNext = &type_info,
         .handleType = (VkExternalSemaphoreHandleTypeFlagBits)(1u << bit),
      };
      VkExternalSemaphoreProperties out = {
         .sType = VK_STRUCTURE_TYPE_EXTERNAL_SEMAPHORE_PROPERTIES,
      };

      driver.GetPhysicalDeviceExternalSemaphoreProperties(driver.gpu.physical,
                                                          &info, &out);
      say_handles(1u << bit, out.exportFromImportedHandleTypes,
                  out.compatibleHandleTypes, out.externalSemaphoreFeatures);
   }
}

VkExternalMemoryProperties
buffer_handles(VkFlags type)
{
   const VkPhysicalDeviceExternalBufferInfo info = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO,
      .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT,
      .handleType = (VkExternalMemoryHandleTypeFlagBits)type,
   };
   VkExternalBufferProperties out = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES,
   };

   driver.GetPhysicalDeviceExternalBufferProperties(driver.gpu.physical, &info,
                                                    &out);
   return out.externalMemoryProperties;
}

static void
buffers(UNUSED intptr_t arg)
{
   for (unsigned bit = 0; bit < HANDLE_TYPE_BITS; bit++) {
      const VkExternalMemoryProperties out = buffer_handles(1u << bit);

      say_memory_handles(1u << bit, &out);
   }
}

static void
images(intptr_t tiling)
{
   for (unsigned bit = 0; bit < HANDLE_TYPE_BITS; bit++) {
      const VkPhysicalDeviceExternalImageFormatInfo external = {
         .sType =
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO,
         .handleType = (VkExternalMemoryHandleTypeFlagBits)(1u << bit),
      };
      const VkPhysicalDeviceImageFormatInfo2 info = {
         .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2,
         .pNext = &external,
         .format = VK_FORMAT_R8G8B8A8_UNORM,
         .type = VK_IMAGE_TYPE_2D,
         .tiling = (VkImageTiling)tiling,
         .usage = VK_IMAGE_USAGE_TRANSFER_DST_BIT,
      };
      VkExternalImageFormatProperties out = {
         .sType = VK_STRUCTURE_TYPE_EXTERNAL_IMAGE_FORMAT_PROPERTIES,
      };
      VkImageFormatProperties2 properties = {
         .sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2,
         .pNext = &out,
      };
      VkResult result = driver.GetPhysicalDeviceImageFormatProperties2(
         driver.gpu.physical, &info, &properties);

      if (result == VK_SUCCESS)
         say_memory_handles(1u << bit, &out.externalMemoryProperties);
      else
         say("%x: VkResult %d", 1u << bit, (int)result);
   }
}

const struct native_case report_cases[] = {
   {"report: extensions", extensions, 0},
   {"report: identity", identity, 0},
   {"report: external fences", fences, 0},
   {"report: external binary semaphores", semaphores,
    VK_SEMAPHORE_TYPE_BINARY},
   {"report: external timeline semaphores", semaphores,
    VK_SEMAPHORE_TYPE_TIMELINE},
   {"report: external buffers", buffers, 0},
   {"report: external optimal images", images, VK_IMAGE_TILING_OPTIMAL},
   {"report: external linear images", images, VK_IMAGE_TILING_LINEAR},
   {0},
};

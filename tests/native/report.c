/* SPDX-License-Identifier: MIT */

/* Everything that the driver says of itself which has to do with external
 * objects
 */
#include "native.h"

#include <stdio.h>
#include <string.h>

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
instance_extensions(intptr_t arg)
{
   VkExtensionProperties list[128];
   uint32_t count = COUNT(list);

   (void)arg;
   REQUIRE_OK(driver.EnumerateInstanceExtensionProperties(NULL, &count,
                                                          list));
   say_extensions(list, count);
}

static void
device_extensions(intptr_t arg)
{
   static VkExtensionProperties list[512];
   uint32_t count = COUNT(list);

   (void)arg;
   REQUIRE_OK(driver.EnumerateDeviceExtensionProperties(driver.physical, NULL,
                                                        &count, list));
   say_extensions(list, count);
   CHECK(driver_has("VK_KHR_external_fence_fd") ==
         driver_has("VK_KHR_external_semaphore_fd"));
   CHECK(!driver_has("VK_KHR_external_fence_win32"));
   CHECK(!driver_has("VK_KHR_external_semaphore_win32"));
}

static void
say_features(const char *name, const VkBool32 *first, const void *end)
{
   char text[256] = "";

   for (const VkBool32 *f = first; (const void *)f < end; f++)
      strcat(text, *f ? "1" : "0");
   say("%s %s", name, text);
}

static void
features(intptr_t arg)
{
   VkPhysicalDeviceVulkan13Features v13 = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
   };
   VkPhysicalDeviceVulkan12Features v12 = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
      .pNext = &v13,
   };
   VkPhysicalDeviceVulkan11Features v11 = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
      .pNext = &v12,
   };
   VkPhysicalDeviceFeatures2 v10 = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
      .pNext = &v11,
   };

   (void)arg;
   driver.GetPhysicalDeviceFeatures2(driver.physical, &v10);
   say_features("1.0", &v10.features.robustBufferAccess, &v10.features + 1);
   say_features("1.1", &v11.storageBuffer16BitAccess,
                &v11.shaderDrawParameters + 1);
   say_features("1.2", &v12.samplerMirrorClampToEdge,
                &v12.subgroupBroadcastDynamicId + 1);
   say_features("1.3", &v13.robustImageAccess, &v13.maintenance4 + 1);
}

static void
identity(intptr_t arg)
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

   (void)arg;
   driver.GetPhysicalDeviceProperties2(driver.physical, &properties);
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
fences(intptr_t arg)
{
   (void)arg;
   for (unsigned bit = 0; bit < HANDLE_TYPE_BITS; bit++) {
      const VkPhysicalDeviceExternalFenceInfo info = {
         .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_FENCE_INFO,
         .handleType = (VkExternalFenceHandleTypeFlagBits)(1u << bit),
      };
      VkExternalFenceProperties out = {
         .sType = VK_STRUCTURE_TYPE_EXTERNAL_FENCE_PROPERTIES,
      };

      driver.GetPhysicalDeviceExternalFenceProperties(driver.physical, &info,
                                                      &out);
      say("%x: export from %x, compatible %x, features %x", 1u << bit,
          out.exportFromImportedHandleTypes, out.compatibleHandleTypes,
          out.externalFenceFeatures);
   }
}

static void
semaphores(intptr_t type)
{
   for (unsigned bit = 0; bit < HANDLE_TYPE_BITS; bit++) {
      const VkSemaphoreTypeCreateInfo type_info = {
         .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
         .semaphoreType = (VkSemaphoreType)type,
      };
      const VkPhysicalDeviceExternalSemaphoreInfo info = {
         .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_SEMAPHORE_INFO,
         .pNext = &type_info,
         .handleType = (VkExternalSemaphoreHandleTypeFlagBits)(1u << bit),
      };
      VkExternalSemaphoreProperties out = {
         .sType = VK_STRUCTURE_TYPE_EXTERNAL_SEMAPHORE_PROPERTIES,
      };

      driver.GetPhysicalDeviceExternalSemaphoreProperties(driver.physical,
                                                          &info, &out);
      say("%x: export from %x, compatible %x, features %x", 1u << bit,
          out.exportFromImportedHandleTypes, out.compatibleHandleTypes,
          out.externalSemaphoreFeatures);
   }
}

static void
say_memory(unsigned type, const VkExternalMemoryProperties *out)
{
   say("%x: export from %x, compatible %x, features %x", type,
       out->exportFromImportedHandleTypes, out->compatibleHandleTypes,
       out->externalMemoryFeatures);
}

static void
buffers(intptr_t arg)
{
   (void)arg;
   for (unsigned bit = 0; bit < HANDLE_TYPE_BITS; bit++) {
      const VkPhysicalDeviceExternalBufferInfo info = {
         .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO,
         .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT,
         .handleType = (VkExternalMemoryHandleTypeFlagBits)(1u << bit),
      };
      VkExternalBufferProperties out = {
         .sType = VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES,
      };

      driver.GetPhysicalDeviceExternalBufferProperties(driver.physical, &info,
                                                       &out);
      say_memory(1u << bit, &out.externalMemoryProperties);
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
         driver.physical, &info, &properties);

      if (result == VK_SUCCESS)
         say_memory(1u << bit, &out.externalMemoryProperties);
      else
         say("%x: %s", 1u << bit, result_name(result));
   }
}

const struct native_case report_cases[] = {
   {"report: instance extensions", instance_extensions, 0},
   {"report: device extensions", device_extensions, 0},
   {"report: features", features, 0},
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

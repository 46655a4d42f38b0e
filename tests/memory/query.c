/* SPDX-License-Identifier: MIT */

/* What the driver says it can do with external memory. */
#include "memory.h"

#include <string.h>

#define IMPORTABLE VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT
#define BOTH_WAYS (VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT | IMPORTABLE)
#define HOST_POINTER VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT

static bool
is_ours(VkFlags type)
{
   return type == VKT_OPAQUE_WIN32 || type == VKT_OPAQUE_WIN32_KMT;
}

/* Each type goes with itself alone; what is none of ours has nothing. */
static void
expect_properties(VkExternalMemoryProperties found, VkFlags type)
{
   /* As before there were handles: host pointers can be imported. */
   if (type == HOST_POINTER) {
      EXPECT_U64(found.externalMemoryFeatures, IMPORTABLE);
      EXPECT_U64(found.compatibleHandleTypes, type);
      return;
   }
   EXPECT_U64(found.externalMemoryFeatures, is_ours(type) ? BOTH_WAYS : 0);
   EXPECT_U64(found.compatibleHandleTypes, is_ours(type) ? type : 0);
   EXPECT_U64(found.exportFromImportedHandleTypes, is_ours(type) ? type : 0);
}

static void
expect_buffer(struct vkt_device *device, VkFlags flags, VkFlags usage,
              VkFlags type, VkFlags supported_type)
{
   const VkPhysicalDeviceExternalBufferInfo info = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO,
      .flags = flags,
      .usage = usage,
      .handleType = (VkExternalMemoryHandleTypeFlagBits)type,
   };
   VkExternalBufferProperties found = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES,
      .externalMemoryProperties = {~0u, ~0u, ~0u},
   };

   vkGetPhysicalDeviceExternalBufferProperties(device->physical, &info,
                                               &found);
   expect_properties(found.externalMemoryProperties, supported_type);
}

struct found {
   VkResult result;
   VkImageFormatProperties image;
   VkExternalMemoryProperties external;
};

/* With a handle type of 0: as if nothing was chained. */
static struct found
query_image(struct vkt_device *device, VkPhysicalDeviceImageFormatInfo2 info,
            VkFlags type, bool chained)
{
   const VkPhysicalDeviceExternalImageFormatInfo external_info = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO,
      .handleType = (VkExternalMemoryHandleTypeFlagBits)type,
   };
   VkExternalImageFormatProperties external = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_IMAGE_FORMAT_PROPERTIES,
   };
   VkImageFormatProperties2 image = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2,
      .pNext = chained ? &external : NULL,
   };
   struct found found;

   info.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2;
   info.pNext = &external_info;
   found.result = vkGetPhysicalDeviceImageFormatProperties2(device->physical,
                                                            &info, &image);
   found.image = image.imageFormatProperties;
   found.external = external.externalMemoryProperties;
   return found;
}

/* What can be had without a handle type can be had with each of ours. */
static bool
expect_same_as_private(struct vkt_device *device,
                       VkPhysicalDeviceImageFormatInfo2 info)
{
   const struct found private = query_image(device, info, 0, false);

   for (VkFlags type = VKT_OPAQUE_WIN32; type <= VKT_OPAQUE_WIN32_KMT;
        type <<= 1) {
      const struct found found = query_image(device, info, type, true);

      EXPECT_RESULT(found.result, private.result);
      EXPECT(!memcmp(&found.image, &private.image, sizeof(found.image)));
      if (private.result == VK_SUCCESS)
         expect_properties(found.external, type);
   }
   return private.result == VK_SUCCESS;
}

static void
image_formats(UNUSED intptr_t arg)
{
   static const VkFormat ranges[][2] = {
      {VK_FORMAT_R4G4_UNORM_PACK8, VK_FORMAT_ASTC_12x12_SRGB_BLOCK},
      {VK_FORMAT_G8B8G8R8_422_UNORM, VK_FORMAT_G16_B16_R16_3PLANE_444_UNORM},
   };
   struct vkt_device *device = vkt_open();
   VkPhysicalDeviceImageFormatInfo2 info = {0};
   unsigned supported = 0;

   for (unsigned i = 0; i < 6 * TEST_COUNT(ranges); i++) {
      info.type = VK_IMAGE_TYPE_1D + i % 3;
      info.tiling = VK_IMAGE_TILING_OPTIMAL + i / 3 % 2;
      for (info.format = ranges[i / 6][0];
           info.format <= ranges[i / 6][1] && !test_failed(); info.format++) {
         for (info.usage = 1;
              info.usage <= VK_IMAGE_USAGE_INPUT_ATTACHMENT_BIT;
              info.usage <<= 1)
            supported += expect_same_as_private(device, info);
      }
   }
   test_diag("%u combinations of format, type, tiling and usage", supported);
   EXPECT(supported > 1500);
}

static void
expect_unsupported(struct vkt_device *device,
                   VkPhysicalDeviceImageFormatInfo2 info, VkFlags type)
{
   static const VkImageFormatProperties zero;

   for (int chained = 0; chained < 2; chained++) {
      const struct found found = query_image(device, info, type, chained);

      EXPECT_RESULT(found.result, VK_ERROR_FORMAT_NOT_SUPPORTED);
      EXPECT(!memcmp(&found.image, &zero, sizeof(zero)));
      expect_properties(found.external, 0);
   }
}

/* Opaque handles have none, and there are no others. */
static void
expect_no_handle_properties(struct vkt_device *device, VkFlags type,
                            HANDLE handle)
{
   VkMemoryWin32HandlePropertiesKHR properties = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_WIN32_HANDLE_PROPERTIES_KHR,
   };

   vkt_clear_messages(device);
   EXPECT_RESULT(device->GetMemoryWin32HandleProperties(
                    device->handle, (VkExternalMemoryHandleTypeFlagBits)type,
                    handle, &properties),
                 VK_ERROR_INVALID_EXTERNAL_HANDLE);
   EXPECT_U64(properties.memoryTypeBits, 0);
   vkt_expect_message(device, VK_ERROR_INVALID_EXTERNAL_HANDLE,
                      "Handle type 0x%x is opaque, or is not supported");
}

/* All bits, and two at once, which are no handle type; 0 at the end */
static VkFlags
next_type(VkFlags type)
{
   if (type == MEMORY_BOTH_TYPES)
      return 0;
   return type == 1u << 31 ? MEMORY_BOTH_TYPES : type << 1;
}

static void
handle_types(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   VkPhysicalDeviceImageFormatInfo2 image = {
      .format = VK_FORMAT_R8G8B8A8_UNORM,
      .type = VK_IMAGE_TYPE_2D,
      .usage = VK_IMAGE_USAGE_SAMPLED_BIT,
   };
   HANDLE handle = memory_export(memory_exportable(device, 4096));

   expect_no_handle_properties(device, 0, handle);
   for (VkFlags type = 1; type != 0; type = next_type(type)) {
      test_diag("handle type 0x%x", (unsigned)type);
      expect_no_handle_properties(device, type, handle);
      for (VkFlags usage = 1; usage <= VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT;
           usage <<= 1)
         expect_buffer(device, 0, usage, type, type);
      image.flags = 0;
      if (is_ours(type) || type == HOST_POINTER) {
         const struct found found = query_image(device, image, type, true);

         EXPECT_OK(found.result);
         expect_properties(found.external, type);
      } else {
         expect_unsupported(device, image, type);
      }
      if (type == HOST_POINTER)
         continue;
      /* These bits of buffers are the same. */
      for (image.flags = VK_IMAGE_CREATE_SPARSE_BINDING_BIT;
           image.flags <= VK_IMAGE_CREATE_SPARSE_ALIASED_BIT;
           image.flags <<= 1) {
         expect_unsupported(device, image, type);
         expect_buffer(device, image.flags, VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                       type, 0);
      }
   }
}

const struct test_case test_cases[] = {
   {"image_formats", image_formats},
   {"handle_types", handle_types},
   {0},
};

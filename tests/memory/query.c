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
   EXPECT_U64(found.externalMemoryFeatures,
              is_ours(type) ? BOTH_WAYS : type == HOST_POINTER ? IMPORTABLE : 0);
   EXPECT_U64(found.compatibleHandleTypes,
              is_ours(type) || type == HOST_POINTER ? type : 0);
   if (type != HOST_POINTER)
      EXPECT_U64(found.exportFromImportedHandleTypes, is_ours(type) ? type : 0);
}

static VkExternalMemoryProperties
query_buffer(struct vkt_device *device, VkFlags flags, VkFlags usage,
             VkFlags type)
{
   const VkPhysicalDeviceExternalBufferInfo info = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO,
      .flags = flags,
      .usage = usage,
      .handleType = (VkExternalMemoryHandleTypeFlagBits)type,
   };
   VkExternalBufferProperties properties = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES,
   };

   memset(&properties.externalMemoryProperties, 0xa5,
          sizeof(properties.externalMemoryProperties));
   vkGetPhysicalDeviceExternalBufferProperties(device->physical, &info,
                                               &properties);
   return properties.externalMemoryProperties;
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
buffers(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();

   for (VkFlags type = 1; type != 0; type = next_type(type)) {
      test_diag("handle type 0x%x", (unsigned)type);
      for (VkFlags usage = 1; usage <= VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT;
           usage <<= 1)
         expect_properties(query_buffer(device, 0, usage, type), type);
      for (VkFlags sparse = VK_BUFFER_CREATE_SPARSE_BINDING_BIT;
           type != HOST_POINTER &&
           sparse <= VK_BUFFER_CREATE_SPARSE_ALIASED_BIT; sparse <<= 1)
         expect_properties(query_buffer(device, sparse,
                                        VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                                        type), 0);
   }
}

struct image_query {
   VkFormat format;
   VkImageType type;
   VkImageTiling tiling;
   VkFlags usage;
   VkFlags flags;
};

/* With a handle type of 0: as if nothing was chained. */
static VkResult
query_image(struct vkt_device *device, const struct image_query *query,
            VkFlags type, VkImageFormatProperties *image,
            VkExternalMemoryProperties *external)
{
   const VkPhysicalDeviceExternalImageFormatInfo external_info = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO,
      .handleType = (VkExternalMemoryHandleTypeFlagBits)type,
   };
   const VkPhysicalDeviceImageFormatInfo2 info = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2,
      .pNext = &external_info,
      .format = query->format,
      .type = query->type,
      .tiling = query->tiling,
      .usage = query->usage,
      .flags = query->flags,
   };
   VkExternalImageFormatProperties external_properties = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_IMAGE_FORMAT_PROPERTIES,
   };
   VkImageFormatProperties2 properties = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2,
      .pNext = external ? &external_properties : NULL,
   };
   const VkResult result = vkGetPhysicalDeviceImageFormatProperties2(
      device->physical, &info, &properties);

   *image = properties.imageFormatProperties;
   if (external)
      *external = external_properties.externalMemoryProperties;
   return result;
}

/* What can be had without a handle type can be had with each of ours. */
static bool
expect_same_as_private(struct vkt_device *device,
                       const struct image_query *query)
{
   VkImageFormatProperties private_image, image;
   VkExternalMemoryProperties external;
   const VkResult result = query_image(device, query, 0, &private_image,
                                       NULL);

   for (VkFlags type = VKT_OPAQUE_WIN32; type <= VKT_OPAQUE_WIN32_KMT;
        type <<= 1) {
      EXPECT_RESULT(query_image(device, query, type, &image, &external),
                    result);
      EXPECT(!memcmp(&image, &private_image, sizeof(image)));
      if (result == VK_SUCCESS)
         expect_properties(external, type);
   }
   return result == VK_SUCCESS;
}

static unsigned
formats_between(struct vkt_device *device, VkFormat first, VkFormat last)
{
   unsigned supported = 0;

   for (int format = first; format <= (int)last && !test_failed(); format++) {
      for (int type = VK_IMAGE_TYPE_1D; type <= VK_IMAGE_TYPE_3D; type++) {
         for (int tiling = VK_IMAGE_TILING_OPTIMAL;
              tiling <= VK_IMAGE_TILING_LINEAR; tiling++) {
            supported += expect_same_as_private(
               device, &(struct image_query){
                          .format = (VkFormat)format,
                          .type = (VkImageType)type,
                          .tiling = (VkImageTiling)tiling,
                          .usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT |
                                   VK_IMAGE_USAGE_TRANSFER_DST_BIT,
                       });
         }
      }
   }
   return supported;
}

static void
image_formats(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   unsigned supported =
      formats_between(device, VK_FORMAT_R4G4_UNORM_PACK8,
                      VK_FORMAT_ASTC_12x12_SRGB_BLOCK);

   supported += formats_between(device, VK_FORMAT_G8B8G8R8_422_UNORM,
                                VK_FORMAT_G16_B16_R16_3PLANE_444_UNORM);
   test_diag("%u combinations of format, type and tiling", supported);
   EXPECT(supported > 300);
}

static const struct image_query plain_image = {
   .format = VK_FORMAT_R8G8B8A8_UNORM,
   .type = VK_IMAGE_TYPE_2D,
   .tiling = VK_IMAGE_TILING_OPTIMAL,
   .usage = VK_IMAGE_USAGE_SAMPLED_BIT,
};

static void
image_usages(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct image_query color = plain_image, depth = plain_image;

   depth.format = VK_FORMAT_D32_SFLOAT;
   for (VkFlags usage = 1; usage <= VK_IMAGE_USAGE_INPUT_ATTACHMENT_BIT;
        usage <<= 1) {
      color.usage = depth.usage = usage;
      expect_same_as_private(device, &color);
      expect_same_as_private(device, &depth);
   }
}

static void
expect_unsupported(struct vkt_device *device, const struct image_query *query,
                   VkFlags type)
{
   static const VkImageFormatProperties zero;
   VkImageFormatProperties image;
   VkExternalMemoryProperties external;

   EXPECT_RESULT(query_image(device, query, type, &image, &external),
                 VK_ERROR_FORMAT_NOT_SUPPORTED);
   EXPECT(!memcmp(&image, &zero, sizeof(image)));
   expect_properties(external, 0);
   EXPECT_RESULT(query_image(device, query, type, &image, NULL),
                 VK_ERROR_FORMAT_NOT_SUPPORTED);
}

static void
image_types(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct image_query sparse = plain_image;
   VkImageFormatProperties image;
   VkExternalMemoryProperties external;

   for (VkFlags type = 1; type != 0; type = next_type(type)) {
      test_diag("handle type 0x%x", (unsigned)type);
      if (is_ours(type) || type == HOST_POINTER) {
         EXPECT_OK(query_image(device, &plain_image, type, &image, &external));
         expect_properties(external, type);
      } else {
         expect_unsupported(device, &plain_image, type);
      }
      for (sparse.flags = VK_IMAGE_CREATE_SPARSE_BINDING_BIT;
           type != HOST_POINTER &&
           sparse.flags <= VK_IMAGE_CREATE_SPARSE_ALIASED_BIT;
           sparse.flags <<= 1)
         expect_unsupported(device, &sparse, type);
   }
}

/* Opaque handles have none, and there are no others. */
static void
no_handle_properties(UNUSED intptr_t arg)
{
   static const VkFlags types[] = {
      VKT_OPAQUE_WIN32, VKT_OPAQUE_WIN32_KMT,
      VK_EXTERNAL_MEMORY_HANDLE_TYPE_D3D11_TEXTURE_BIT,
      VK_EXTERNAL_MEMORY_HANDLE_TYPE_D3D12_RESOURCE_BIT, 0,
   };
   struct vkt_device *device = vkt_open();
   HANDLE handle = memory_export(memory_exportable(device, 4096));

   for (unsigned i = 0; i < TEST_COUNT(types); i++) {
      VkMemoryWin32HandlePropertiesKHR properties = {
         .sType = VK_STRUCTURE_TYPE_MEMORY_WIN32_HANDLE_PROPERTIES_KHR,
      };

      vkt_clear_messages(device);
      EXPECT_RESULT(device->GetMemoryWin32HandleProperties(
                       device->handle,
                       (VkExternalMemoryHandleTypeFlagBits)types[i], handle,
                       &properties),
                    VK_ERROR_INVALID_EXTERNAL_HANDLE);
      EXPECT_U64(properties.memoryTypeBits, 0);
      vkt_expect_message(device, VK_ERROR_INVALID_EXTERNAL_HANDLE,
                         "Handle type 0x%x is opaque, or is not supported");
   }
}

const struct test_case test_cases[] = {
   {"buffers", buffers},
   {"image_formats", image_formats},
   {"image_usages", image_usages},
   {"image_types", image_types},
   {"no_handle_properties", no_handle_properties},
   {0},
};

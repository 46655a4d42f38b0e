/* SPDX-License-Identifier: MIT */

/* What the driver says it can do with external memory. */
#include "memory.h"

#include <string.h>

#define IMPORTABLE VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT
#define BOTH_WAYS (VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT | IMPORTABLE)

/* Each type goes with itself alone. Without features there is none. */
static void
expect_properties(VkExternalMemoryProperties properties, VkFlags features,
                  VkFlags type)
{
   EXPECT_U64(properties.externalMemoryFeatures, features);
   EXPECT_U64(properties.compatibleHandleTypes, type);
   EXPECT_U64(properties.exportFromImportedHandleTypes, type);
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

static void
buffer(intptr_t type)
{
   struct vkt_device *device = vkt_open();

   for (VkFlags usage = 1; usage <= VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT;
        usage <<= 1)
      expect_properties(query_buffer(device, 0, usage, (VkFlags)type),
                        BOTH_WAYS, (VkFlags)type);
}

static void
sparse_buffer(intptr_t type)
{
   struct vkt_device *device = vkt_open();

   for (VkFlags flag = VK_BUFFER_CREATE_SPARSE_BINDING_BIT;
        flag <= VK_BUFFER_CREATE_SPARSE_ALIASED_BIT; flag <<= 1)
      expect_properties(query_buffer(device, flag,
                                     VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                                     (VkFlags)type), 0, 0);
}

/* All bits but ours and the host pointer's, and pairs */
static const VkFlags foreign_types[] = {
   VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT,
   VK_EXTERNAL_MEMORY_HANDLE_TYPE_D3D11_TEXTURE_BIT,
   VK_EXTERNAL_MEMORY_HANDLE_TYPE_D3D11_TEXTURE_KMT_BIT,
   VK_EXTERNAL_MEMORY_HANDLE_TYPE_D3D12_HEAP_BIT,
   VK_EXTERNAL_MEMORY_HANDLE_TYPE_D3D12_RESOURCE_BIT,
   VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT,
   VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_MAPPED_FOREIGN_MEMORY_BIT_EXT,
   VK_EXTERNAL_MEMORY_HANDLE_TYPE_RDMA_ADDRESS_BIT_NV,
   0x10000000,
   0x40000000,
   MEMORY_BOTH_TYPES,
};

static void
foreign_buffer(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();

   for (unsigned i = 0; i < TEST_COUNT(foreign_types); i++) {
      test_diag("handle type 0x%x", (unsigned)foreign_types[i]);
      expect_properties(query_buffer(device, 0,
                                     VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                                     foreign_types[i]), 0, 0);
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
         expect_properties(external, BOTH_WAYS, type);
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

static void
image_usages(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   static const VkFormat formats[] = {VK_FORMAT_R8G8B8A8_UNORM,
                                      VK_FORMAT_D32_SFLOAT};

   for (unsigned i = 0; i < TEST_COUNT(formats); i++) {
      for (VkFlags usage = 1; usage <= VK_IMAGE_USAGE_INPUT_ATTACHMENT_BIT;
           usage <<= 1)
         expect_same_as_private(device,
                                &(struct image_query){
                                   .format = formats[i],
                                   .type = VK_IMAGE_TYPE_2D,
                                   .tiling = VK_IMAGE_TILING_OPTIMAL,
                                   .usage = usage,
                                });
   }
}

static const struct image_query plain_image = {
   .format = VK_FORMAT_R8G8B8A8_UNORM,
   .type = VK_IMAGE_TYPE_2D,
   .tiling = VK_IMAGE_TILING_OPTIMAL,
   .usage = VK_IMAGE_USAGE_SAMPLED_BIT,
};

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
   expect_properties(external, 0, 0);
   EXPECT_RESULT(query_image(device, query, type, &image, NULL),
                 VK_ERROR_FORMAT_NOT_SUPPORTED);
}

static void
sparse_image(intptr_t type)
{
   struct vkt_device *device = vkt_open();

   for (VkFlags flag = VK_IMAGE_CREATE_SPARSE_BINDING_BIT;
        flag <= VK_IMAGE_CREATE_SPARSE_ALIASED_BIT; flag <<= 1) {
      struct image_query query = plain_image;

      query.flags = flag;
      expect_unsupported(device, &query, (VkFlags)type);
   }
}

static void
foreign_image(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();

   for (unsigned i = 0; i < TEST_COUNT(foreign_types); i++) {
      test_diag("handle type 0x%x", (unsigned)foreign_types[i]);
      expect_unsupported(device, &plain_image, foreign_types[i]);
   }
}

/* As before there were handles: host pointers can be imported. */
static void
host_pointer(UNUSED intptr_t arg)
{
   const VkFlags type = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;
   struct vkt_device *device = vkt_open();
   VkExternalMemoryProperties found =
      query_buffer(device, 0, VK_BUFFER_USAGE_TRANSFER_DST_BIT, type);
   VkImageFormatProperties image;

   EXPECT_U64(found.externalMemoryFeatures, IMPORTABLE);
   EXPECT_U64(found.compatibleHandleTypes, type);
   EXPECT_OK(query_image(device, &plain_image, type, &image, &found));
   EXPECT_U64(found.externalMemoryFeatures, IMPORTABLE);
   EXPECT_U64(found.compatibleHandleTypes, type);
}

static bool
has_extension(struct vkt_device *device, const char *name)
{
   static VkExtensionProperties extensions[512];
   uint32_t count = TEST_COUNT(extensions);
   bool found = false;

   REQUIRE_OK(vkEnumerateDeviceExtensionProperties(device->physical, NULL,
                                                   &count, extensions));
   for (uint32_t i = 0; i < count; i++)
      found |= !strcmp(extensions[i].extensionName, name);
   return found;
}

static void
extensions(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();

   EXPECT(has_extension(device, VK_KHR_EXTERNAL_MEMORY_EXTENSION_NAME));
   EXPECT(has_extension(device, VK_KHR_EXTERNAL_MEMORY_WIN32_EXTENSION_NAME));
   EXPECT(has_extension(device, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME));
   EXPECT(!has_extension(device, "VK_KHR_external_memory_fd"));
   EXPECT(!has_extension(device, "VK_EXT_external_memory_dma_buf"));
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
      memory_expect_text(device,
                         "Handle type 0x%x is opaque, or is not supported");
   }
}

static const struct test_case cases[] = {
   {"extensions", extensions, 0, 0},
   {"buffer_opaque_win32", buffer, VKT_OPAQUE_WIN32, 0},
   {"buffer_opaque_win32_kmt", buffer, VKT_OPAQUE_WIN32_KMT, 0},
   {"sparse_buffer_opaque_win32", sparse_buffer, VKT_OPAQUE_WIN32, 0},
   {"sparse_buffer_opaque_win32_kmt", sparse_buffer, VKT_OPAQUE_WIN32_KMT, 0},
   {"foreign_types_buffer", foreign_buffer, 0, 0},
   {"image_formats", image_formats, 0, 0},
   {"image_usages", image_usages, 0, 0},
   {"sparse_image_opaque_win32", sparse_image, VKT_OPAQUE_WIN32, 0},
   {"sparse_image_opaque_win32_kmt", sparse_image, VKT_OPAQUE_WIN32_KMT, 0},
   {"foreign_types_image", foreign_image, 0, 0},
   {"host_pointer", host_pointer, 0, 0},
   {"no_handle_properties", no_handle_properties, 0, 0},
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}

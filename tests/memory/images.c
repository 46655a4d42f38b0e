/* SPDX-License-Identifier: MIT */

/* Images of every kind: what one instance copies into each level, layer,
 * plane and aspect, the other copies out, and back.
 */
#include "memory.h"

#include <string.h>

/* The bits of image and of buffer usage are the same. */
#define TRANSFER (VK_IMAGE_USAGE_TRANSFER_SRC_BIT | \
                  VK_IMAGE_USAGE_TRANSFER_DST_BIT)

struct part {
   VkImageAspectFlags aspect;
   /* Bytes of a block, texels of its side, and how much smaller it is. */
   uint32_t bytes, block, shrink;
};

struct kind {
   const char *name;
   VkImageType type;
   VkFormat format;
   VkExtent3D extent;
   struct part parts[3];
   /* One each where nothing is said */
   uint32_t levels, layers, samples;
   VkImageCreateFlags flags;
};

#define PART(aspect, bytes) {VK_IMAGE_ASPECT_##aspect##_BIT, bytes, 1, 1}
#define COLOR(bytes) {PART(COLOR, bytes)}
#define BLOCKS(bytes) {{VK_IMAGE_ASPECT_COLOR_BIT, bytes, 4, 1}}
#define PLANE(number, bytes) \
   {VK_IMAGE_ASPECT_PLANE_##number##_BIT, bytes, 1, number ? 2 : 1}
#define THREE_PLANES {PLANE(0, 1), PLANE(1, 1), PLANE(2, 1)}
#define T1 VK_IMAGE_TYPE_1D
#define T2 VK_IMAGE_TYPE_2D
#define T3 VK_IMAGE_TYPE_3D

static const struct kind kinds[] = {
   {"1d", T1, VK_FORMAT_R8G8B8A8_UNORM, {300, 1, 1}, COLOR(4)},
   {"1d_array_mips", T1, VK_FORMAT_R32_UINT, {300, 1, 1}, COLOR(4), 5, 3},
   {"2d", T2, VK_FORMAT_R8G8B8A8_UNORM, {131, 67, 1}, COLOR(4)},
   {"2d_1_byte", T2, VK_FORMAT_R8_UNORM, {131, 67, 1}, COLOR(1)},
   {"2d_16_bytes", T2, VK_FORMAT_R32G32B32A32_UINT, {131, 67, 1}, COLOR(16)},
   {"2d_packed", T2, VK_FORMAT_A2B10G10R10_UINT_PACK32, {131, 67, 1},
    COLOR(4)},
   {"2d_mips", T2, VK_FORMAT_B8G8R8A8_UNORM, {131, 67, 1}, COLOR(4), 8},
   {"2d_array", T2, VK_FORMAT_R16_UINT, {65, 33, 1}, COLOR(2), 1, 5},
   {"2d_array_mips", T2, VK_FORMAT_R16G16_UINT, {65, 33, 1}, COLOR(4), 4, 3},
   {"cube_mips", T2, VK_FORMAT_R8G8B8A8_UNORM, {64, 64, 1}, COLOR(4), 7, 6,
    .flags = VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT},
   {"cube_array", T2, VK_FORMAT_R8G8B8A8_UINT, {32, 32, 1}, COLOR(4), 1, 12,
    .flags = VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT},
   {"3d", T3, VK_FORMAT_R8G8B8A8_UNORM, {33, 17, 9}, COLOR(4)},
   {"3d_mips", T3, VK_FORMAT_R32_UINT, {33, 17, 9}, COLOR(4), 4},
   {"bc1", T2, VK_FORMAT_BC1_RGBA_UNORM_BLOCK, {64, 36, 1}, BLOCKS(8)},
   {"bc7_mips", T2, VK_FORMAT_BC7_UNORM_BLOCK, {64, 64, 1}, BLOCKS(16), 5, 2},
   {"d16", T2, VK_FORMAT_D16_UNORM, {131, 67, 1}, {PART(DEPTH, 2)}},
   {"d32_mips", T2, VK_FORMAT_D32_SFLOAT, {131, 67, 1}, {PART(DEPTH, 4)}, 4, 2},
   {"s8", T2, VK_FORMAT_S8_UINT, {131, 67, 1}, {PART(STENCIL, 1)}},
   {"d32_s8", T2, VK_FORMAT_D32_SFLOAT_S8_UINT, {131, 67, 1},
    {PART(DEPTH, 4), PART(STENCIL, 1)}},
   {"two_planes", T2, VK_FORMAT_G8_B8R8_2PLANE_420_UNORM, {64, 32, 1},
    {PLANE(0, 1), PLANE(1, 2)}},
   {"three_planes", T2, VK_FORMAT_G8_B8_R8_3PLANE_420_UNORM, {64, 32, 1},
    THREE_PLANES},
   {"disjoint_planes", T2, VK_FORMAT_G8_B8_R8_3PLANE_420_UNORM, {64, 32, 1},
    THREE_PLANES, .flags = VK_IMAGE_CREATE_DISJOINT_BIT},
};

struct side {
   struct vkt_device *device;
   VkImage image;
   struct memory *memory;
   struct gpu_buffer staging;
};

/* How a staging buffer has an image: one region for each level of each part */
struct regions {
   uint32_t count;
   VkBufferImageCopy copies[24];
   size_t bytes[24];
   VkDeviceSize size;
   VkImageAspectFlags aspects;
};

static struct regions
find_regions(const struct kind *kind)
{
   const uint32_t layers = max(kind->layers, 1);
   struct regions found = {0};

   for (const struct part *part = kind->parts;
        part < kind->parts + 3 && part->bytes; part++) {
      for (uint32_t level = 0; level < max(kind->levels, 1); level++) {
         const uint32_t side = part->block;
         const VkExtent3D extent = {
            max((kind->extent.width >> level) / part->shrink, 1),
            max((kind->extent.height >> level) / part->shrink, 1),
            max(kind->extent.depth >> level, 1),
         };

         found.copies[found.count] = (VkBufferImageCopy){
            .bufferOffset = found.size,
            .imageSubresource = {part->aspect, level, 0, layers},
            .imageExtent = extent,
         };
         found.bytes[found.count] =
            (size_t)((extent.width + side - 1) / side) *
            ((extent.height + side - 1) / side) * extent.depth *
            part->bytes * layers;
         found.size += (found.bytes[found.count++] + 15) & ~15ull;
      }
      found.aspects |= part->aspect;
   }
   if (found.aspects & VK_IMAGE_ASPECT_PLANE_0_BIT)
      found.aspects = VK_IMAGE_ASPECT_COLOR_BIT;
   return found;
}

/* Each aligned four of them are a float between 0 and 1, so that a copy of
 * depth leaves them as they are.
 */
static void
fill_bytes(uint8_t *bytes, VkDeviceSize size)
{
   for (VkDeviceSize i = 0; i < size; i++) {
      const uint8_t r = (uint8_t)test_random();

      bytes[i] = i % 4 == 3 ? (r & 0x1e) | 0x20 : r;
   }
}

/* Allocates, or imports what the handle says. */
static void
bind_image(struct side *side, const struct kind *kind, bool dedicated,
           HANDLE handle)
{
   /* A disjoint image has a place for each plane, others have one. */
   const bool disjoint = kind->flags & VK_IMAGE_CREATE_DISJOINT_BIT;
   const uint32_t count = disjoint ? TEST_COUNT(kind->parts) : 1;
   struct memory_info info = {
      .size = dedicated ? 0 : 333,
      .export_types = handle ? 0 : VKT_OPAQUE_WIN32,
      .import_type = handle ? VKT_OPAQUE_WIN32 : 0,
      .handle = handle,
      .image = dedicated ? side->image : VK_NULL_HANDLE,
   };
   VkBindImagePlaneMemoryInfo planes[3];
   VkBindImageMemoryInfo binds[3];

   for (uint32_t i = 0; i < count; i++) {
      const VkImagePlaneMemoryRequirementsInfo plane = {
         .sType = VK_STRUCTURE_TYPE_IMAGE_PLANE_MEMORY_REQUIREMENTS_INFO,
         .planeAspect = (VkImageAspectFlagBits)kind->parts[i].aspect,
      };
      const VkImageMemoryRequirementsInfo2 image = {
         .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_REQUIREMENTS_INFO_2,
         .pNext = disjoint ? &plane : NULL,
         .image = side->image,
      };
      VkMemoryRequirements2 found = {
         .sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2,
      };
      VkDeviceSize unit;

      vkGetImageMemoryRequirements2(side->device->handle, &image, &found);
      unit = found.memoryRequirements.alignment;
      planes[i] = (VkBindImagePlaneMemoryInfo){
         .sType = VK_STRUCTURE_TYPE_BIND_IMAGE_PLANE_MEMORY_INFO,
         .planeAspect = plane.planeAspect,
      };
      binds[i] = (VkBindImageMemoryInfo){
         .sType = VK_STRUCTURE_TYPE_BIND_IMAGE_MEMORY_INFO,
         .pNext = disjoint ? &planes[i] : NULL,
         .image = side->image,
         .memoryOffset = (info.size + unit - 1) / unit * unit,
      };
      info.size = binds[i].memoryOffset + found.memoryRequirements.size;
   }
   side->memory = memory_allocate(side->device, info);
   for (uint32_t i = 0; i < count; i++)
      binds[i].memory = side->memory->handle;
   REQUIRE_OK(vkBindImageMemory2(side->device->handle, count, binds));
}

static struct side
create_side(struct vkt_device *device, const struct kind *kind,
            VkImageTiling tiling, bool dedicated, HANDLE handle)
{
   const VkExternalMemoryImageCreateInfo external = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO,
      .handleTypes = VKT_OPAQUE_WIN32,
   };
   const VkImageCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
      .pNext = &external,
      .flags = kind->flags,
      .imageType = kind->type,
      .format = kind->format,
      .extent = kind->extent,
      .mipLevels = max(kind->levels, 1),
      .arrayLayers = max(kind->layers, 1),
      .samples = max(kind->samples, 1),
      .tiling = tiling,
      .usage = TRANSFER,
   };
   struct side side = {.device = device};

   REQUIRE_OK(vkCreateImage(device->handle, &info, NULL, &side.image));
   bind_image(&side, kind, dedicated, handle);
   side.staging = gpu_buffer(&device->gpu, find_regions(kind).size, TRANSFER);
   return side;
}

static void
destroy_side(struct side *side)
{
   vkDestroyImage(side->device->handle, side->image, NULL);
   gpu_destroy_buffer(&side->device->gpu, &side->staging);
   memory_free(side->memory);
}

static void
execute(struct side *side, VkCommandBuffer commands)
{
   gpu_end(&side->device->gpu, commands);
   vkt_submit(side->device, &(struct vkt_batch){.commands = commands}, NULL);
   vkt_wait_idle(side->device);
}

/* From the one's staging buffer through the shared image into the other's */
static void
pass(const struct kind *kind, struct side *from, struct side *to)
{
   const struct regions r = find_regions(kind);
   const struct gpu *source = &from->device->gpu, *target = &to->device->gpu;
   VkCommandBuffer in = gpu_begin(source, 0), out = gpu_begin(target, 0);
   uint8_t *given = from->staging.map, *got = to->staging.map;

   fill_bytes(given, r.size);
   memset(got, 0, (size_t)r.size);
   gpu_barrier(source, in, from->image, r.aspects, GPU_DISCARD);
   vkCmdCopyBufferToImage(in, from->staging.handle, from->image,
                          VK_IMAGE_LAYOUT_GENERAL, r.count, r.copies);
   gpu_barrier(source, in, from->image, r.aspects, GPU_RELEASE);
   execute(from, in);
   gpu_barrier(target, out, to->image, r.aspects, GPU_ACQUIRE);
   vkCmdCopyImageToBuffer(out, to->image, VK_IMAGE_LAYOUT_GENERAL,
                          to->staging.handle, r.count, r.copies);
   execute(to, out);
   for (uint32_t i = 0; i < r.count; i++) {
      const VkDeviceSize offset = r.copies[i].bufferOffset;

      if (memcmp(given + offset, got + offset, r.bytes[i]))
         test_fail(false, __FILE__, __LINE__,
                   "aspect 0x%x, level %u did not arrive",
                   r.copies[i].imageSubresource.aspectMask,
                   r.copies[i].imageSubresource.mipLevel);
   }
}

static void
all_kinds(intptr_t tiling)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();

   for (const struct kind *kind = kinds;
        kind < kinds + TEST_COUNT(kinds) && !test_failed(); kind++) {
      const bool dedicated = (kind - kinds) % 2 &&
                             !(kind->flags & VK_IMAGE_CREATE_DISJOINT_BIT);
      struct side a, b;

      /* lavapipe has no linear tiling for depth and stencil. */
      if (tiling == VK_IMAGE_TILING_LINEAR &&
          kind->parts[0].aspect & (VK_IMAGE_ASPECT_DEPTH_BIT |
                                   VK_IMAGE_ASPECT_STENCIL_BIT))
         continue;
      test_diag("%s", kind->name);
      a = create_side(device, kind, tiling, dedicated, NULL);
      b = create_side(other, kind, tiling, dedicated, memory_export(a.memory));
      pass(kind, &a, &b);
      pass(kind, &b, &a);
      /* The same bytes, not equal ones */
      EXPECT(!memcmp(memory_map(a.memory), memory_map(b.memory),
                     (size_t)a.memory->size));
      destroy_side(&a);
      destroy_side(&b);
   }
}

/* What one clears, the other resolves: all samples are there. */
static void
four_samples(UNUSED intptr_t arg)
{
   static const struct kind kind = {
      "4_samples", T2, VK_FORMAT_R8G8B8A8_UNORM, {67, 35, 1}, COLOR(4),
      .samples = VK_SAMPLE_COUNT_4_BIT,
   };
   const struct gpu_image_info single_info = {
      .format = kind.format,
      .width = kind.extent.width,
      .height = kind.extent.height,
      .tiling = VK_IMAGE_TILING_LINEAR,
      .usage = TRANSFER | VK_IMAGE_USAGE_SAMPLED_BIT,
   };
   const VkClearColorValue color = {.float32 = {0.2f, 0.4f, 0.6f, 0.8f}};
   const uint32_t pixel = 0xcc996633;
   const VkImageAspectFlags aspect = VK_IMAGE_ASPECT_COLOR_BIT;
   const VkImageSubresourceRange range = {aspect, 0, 1, 0, 1};
   const VkImageResolve region = {
      .srcSubresource = {aspect, 0, 0, 1},
      .dstSubresource = {aspect, 0, 0, 1},
      .extent = kind.extent,
   };
   struct side a = create_side(vkt_open(), &kind, VK_IMAGE_TILING_OPTIMAL, true,
                               NULL);
   struct side b = create_side(vkt_open(), &kind, VK_IMAGE_TILING_OPTIMAL, true,
                               memory_export(a.memory));
   const struct gpu *source = &a.device->gpu, *target = &b.device->gpu;
   VkCommandBuffer clear = gpu_begin(source, 0);
   VkCommandBuffer resolve = gpu_begin(target, 0);
   struct gpu_image single = gpu_image(target, &single_info);
   uint32_t wrong = 0;

   gpu_barrier(source, clear, a.image, aspect, GPU_DISCARD);
   vkCmdClearColorImage(clear, a.image, VK_IMAGE_LAYOUT_GENERAL, &color, 1,
                        &range);
   gpu_barrier(source, clear, a.image, aspect, GPU_RELEASE);
   execute(&a, clear);
   gpu_barrier(target, resolve, b.image, aspect, GPU_ACQUIRE);
   gpu_barrier(target, resolve, single.handle, aspect, GPU_DISCARD);
   vkCmdResolveImage(resolve, b.image, VK_IMAGE_LAYOUT_GENERAL,
                     single.handle, VK_IMAGE_LAYOUT_GENERAL, 1, &region);
   execute(&b, resolve);
   for (uint32_t y = 0; y < kind.extent.height; y++) {
      for (uint32_t x = 0; x < kind.extent.width; x++)
         wrong += !!memcmp(single.pixels + y * single.pitch + 4 * x, &pixel, 4);
   }
   EXPECT_U64(wrong, 0);
   gpu_destroy_image(target, &single);
   destroy_side(&a);
   destroy_side(&b);
}

const struct test_case test_cases[] = {
   {"optimal_tiling", all_kinds, VK_IMAGE_TILING_OPTIMAL},
   {"linear_tiling", all_kinds, VK_IMAGE_TILING_LINEAR},
   {"four_samples", four_samples},
   {0},
};

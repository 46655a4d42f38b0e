/* SPDX-License-Identifier: MIT */

/* Images of every kind: what one instance copies into each level, layer,
 * plane and aspect, the other copies out, and back.
 */
#include "memory.h"

#include <stdlib.h>
#include <string.h>

/* The bits of image and of buffer usage are the same. */
#define TRANSFER (VK_IMAGE_USAGE_TRANSFER_SRC_BIT | \
                  VK_IMAGE_USAGE_TRANSFER_DST_BIT)

struct part {
   VkImageAspectFlags aspect;
   /* Bytes of a block, texels of its side, and how much smaller it is. */
   uint32_t bytes, block, shrink;
   bool is_float;
};

struct kind {
   const char *name;
   VkImageType type;
   VkFormat format;
   VkExtent3D extent;
   uint32_t levels, layers;
   VkFlags flags;
   struct part parts[3];
};

#define PART(aspect, bytes) {VK_IMAGE_ASPECT_##aspect##_BIT, bytes, 1, 1, false}
#define COLOR(bytes) {PART(COLOR, bytes)}
#define BLOCKS(bytes, block) \
   {{VK_IMAGE_ASPECT_COLOR_BIT, bytes, block, 1, false}}
#define FLOAT_DEPTH {VK_IMAGE_ASPECT_DEPTH_BIT, 4, 1, 1, true}
#define PLANE(number, bytes) \
   {VK_IMAGE_ASPECT_PLANE_##number##_BIT, bytes, 1, number ? 2 : 1, false}
#define T1 VK_IMAGE_TYPE_1D
#define T2 VK_IMAGE_TYPE_2D
#define T3 VK_IMAGE_TYPE_3D

static const struct kind kinds[] = {
   {"1d", T1, VK_FORMAT_R8G8B8A8_UNORM, {300, 1, 1}, 1, 1, 0, COLOR(4)},
   {"1d_array_mips", T1, VK_FORMAT_R32_UINT, {300, 1, 1}, 5, 3, 0, COLOR(4)},
   {"2d", T2, VK_FORMAT_R8G8B8A8_UNORM, {131, 67, 1}, 1, 1, 0, COLOR(4)},
   {"2d_1_byte", T2, VK_FORMAT_R8_UNORM, {131, 67, 1}, 1, 1, 0, COLOR(1)},
   {"2d_16_bytes", T2, VK_FORMAT_R32G32B32A32_UINT, {131, 67, 1}, 1, 1, 0,
    COLOR(16)},
   {"2d_packed", T2, VK_FORMAT_A2B10G10R10_UINT_PACK32, {131, 67, 1}, 1, 1, 0,
    COLOR(4)},
   {"2d_mips", T2, VK_FORMAT_B8G8R8A8_UNORM, {131, 67, 1}, 8, 1, 0, COLOR(4)},
   {"2d_array", T2, VK_FORMAT_R16_UINT, {65, 33, 1}, 1, 5, 0, COLOR(2)},
   {"2d_array_mips", T2, VK_FORMAT_R16G16_UINT, {65, 33, 1}, 4, 3, 0,
    COLOR(4)},
   {"cube_mips", T2, VK_FORMAT_R8G8B8A8_UNORM, {64, 64, 1}, 7, 6,
    VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT, COLOR(4)},
   {"cube_array", T2, VK_FORMAT_R8G8B8A8_UINT, {32, 32, 1}, 1, 12,
    VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT, COLOR(4)},
   {"3d", T3, VK_FORMAT_R8G8B8A8_UNORM, {33, 17, 9}, 1, 1, 0, COLOR(4)},
   {"3d_mips", T3, VK_FORMAT_R32_UINT, {33, 17, 9}, 4, 1, 0, COLOR(4)},
   {"bc1", T2, VK_FORMAT_BC1_RGBA_UNORM_BLOCK, {64, 36, 1}, 1, 1, 0,
    BLOCKS(8, 4)},
   {"bc7_mips", T2, VK_FORMAT_BC7_UNORM_BLOCK, {64, 64, 1}, 5, 2, 0,
    BLOCKS(16, 4)},
   {"etc2", T2, VK_FORMAT_ETC2_R8G8B8_UNORM_BLOCK, {64, 36, 1}, 1, 1, 0,
    BLOCKS(8, 4)},
   {"astc_8x8", T2, VK_FORMAT_ASTC_8x8_UNORM_BLOCK, {64, 64, 1}, 1, 1, 0,
    BLOCKS(16, 8)},
   {"d16", T2, VK_FORMAT_D16_UNORM, {131, 67, 1}, 1, 1, 0,
    {PART(DEPTH, 2)}},
   {"d32_mips", T2, VK_FORMAT_D32_SFLOAT, {131, 67, 1}, 4, 2, 0,
    {FLOAT_DEPTH}},
   {"s8", T2, VK_FORMAT_S8_UINT, {131, 67, 1}, 1, 1, 0, {PART(STENCIL, 1)}},
   {"d32_s8", T2, VK_FORMAT_D32_SFLOAT_S8_UINT, {131, 67, 1}, 1, 1, 0,
    {FLOAT_DEPTH, PART(STENCIL, 1)}},
   {"two_planes", T2, VK_FORMAT_G8_B8R8_2PLANE_420_UNORM, {64, 32, 1}, 1, 1,
    0, {PLANE(0, 1), PLANE(1, 2)}},
   {"three_planes", T2, VK_FORMAT_G8_B8_R8_3PLANE_420_UNORM, {64, 32, 1}, 1,
    1, 0, {PLANE(0, 1), PLANE(1, 1), PLANE(2, 1)}},
   {"disjoint_planes", T2, VK_FORMAT_G8_B8_R8_3PLANE_420_UNORM, {64, 32, 1},
    1, 1, VK_IMAGE_CREATE_DISJOINT_BIT,
    {PLANE(0, 1), PLANE(1, 1), PLANE(2, 1)}},
};

struct side {
   struct vkt_device *device;
   VkImage image;
   struct memory *memory;
   struct gpu_buffer staging;
   struct vkt_object *semaphore;
};

static uint32_t
at_least_1(uint32_t value)
{
   return value ? value : 1;
}

static uint32_t
blocks(uint32_t texels, const struct part *part)
{
   return (at_least_1(texels / part->shrink) + part->block - 1) / part->block;
}

static VkDeviceSize
region_bytes(const struct kind *kind, const struct part *part, uint32_t level)
{
   return (VkDeviceSize)blocks(kind->extent.width >> level, part) *
          blocks(kind->extent.height >> level, part) *
          at_least_1(kind->extent.depth >> level) * part->bytes *
          kind->layers;
}

/* One region for each level of each part; returns the bytes that they take. */
static VkDeviceSize
fill_regions(const struct kind *kind, VkBufferImageCopy *regions,
             uint32_t *count)
{
   VkDeviceSize offset = 0;

   *count = 0;
   for (const struct part *part = kind->parts;
        part < kind->parts + 3 && part->bytes; part++) {
      for (uint32_t level = 0; level < kind->levels; level++) {
         regions[(*count)++] = (VkBufferImageCopy){
            .bufferOffset = offset,
            .imageSubresource = {part->aspect, level, 0, kind->layers},
            .imageExtent = {
               at_least_1((kind->extent.width >> level) / part->shrink),
               at_least_1((kind->extent.height >> level) / part->shrink),
               at_least_1(kind->extent.depth >> level),
            },
         };
         offset += (region_bytes(kind, part, level) + 15) & ~15ull;
      }
   }
   return offset;
}

/* Bytes that a copy of this format leaves as they are */
static void
fill_bytes(const struct kind *kind, uint8_t *bytes, VkDeviceSize size)
{
   VkDeviceSize offset = 0;

   for (VkDeviceSize i = 0; i < size; i++)
      bytes[i] = (uint8_t)test_random();
   for (const struct part *part = kind->parts;
        part < kind->parts + 3 && part->bytes; part++) {
      for (uint32_t level = 0; level < kind->levels; level++) {
         const VkDeviceSize used = region_bytes(kind, part, level);

         for (VkDeviceSize i = 0; part->is_float && i < used; i += 4) {
            const float value = (float)test_random_below(1 << 20) / (1 << 20);

            memcpy(bytes + offset + i, &value, 4);
         }
         offset += (used + 15) & ~15ull;
      }
   }
}

static bool
is_supported(struct vkt_device *device, const struct kind *kind,
             VkImageTiling tiling)
{
   const VkPhysicalDeviceExternalImageFormatInfo external = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO,
      .handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_WIN32_BIT,
   };
   const VkPhysicalDeviceImageFormatInfo2 info = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2,
      .pNext = &external,
      .format = kind->format,
      .type = kind->type,
      .tiling = tiling,
      .usage = TRANSFER,
      .flags = kind->flags,
   };
   VkImageFormatProperties2 found = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2,
   };

   return vkGetPhysicalDeviceImageFormatProperties2(device->physical, &info,
                                                    &found) == VK_SUCCESS &&
          found.imageFormatProperties.maxMipLevels >= kind->levels &&
          found.imageFormatProperties.maxArrayLayers >= kind->layers;
}

static void
destroy_image(void *data)
{
   struct side *side = data;

   if (test_failed())
      return;
   vkDestroyImage(side->device->handle, side->image, NULL);
   gpu_destroy_buffer(&side->device->gpu, &side->staging);
   free(side);
}

/* What is bound at once: all of the image, or one plane */
struct binding {
   VkBindImagePlaneMemoryInfo plane;
   VkDeviceSize offset;
};

/* Finds places from `size` on, which it moves behind them. */
static uint32_t
place(struct side *side, const struct kind *kind, struct binding bindings[3],
      VkDeviceSize *size)
{
   const bool disjoint = kind->flags & VK_IMAGE_CREATE_DISJOINT_BIT;
   uint32_t count = 0;

   for (; count < (disjoint ? 3 : 1) && kind->parts[count].bytes; count++) {
      const VkImagePlaneMemoryRequirementsInfo plane = {
         .sType = VK_STRUCTURE_TYPE_IMAGE_PLANE_MEMORY_REQUIREMENTS_INFO,
         .planeAspect = (VkImageAspectFlagBits)kind->parts[count].aspect,
      };
      const VkImageMemoryRequirementsInfo2 info = {
         .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_REQUIREMENTS_INFO_2,
         .pNext = disjoint ? &plane : NULL,
         .image = side->image,
      };
      VkMemoryRequirements2 found = {
         .sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2,
      };
      VkDeviceSize unit;

      vkGetImageMemoryRequirements2(side->device->handle, &info, &found);
      unit = found.memoryRequirements.alignment;
      bindings[count] = (struct binding){
         .plane = {
            .sType = VK_STRUCTURE_TYPE_BIND_IMAGE_PLANE_MEMORY_INFO,
            .planeAspect = plane.planeAspect,
         },
         .offset = (*size + unit - 1) / unit * unit,
      };
      *size = bindings[count].offset + found.memoryRequirements.size;
   }
   return count;
}

static void
bind_image(struct side *side, const struct kind *kind, bool dedicated,
           HANDLE handle)
{
   struct memory_info info = {
      .size = dedicated ? 0 : 333,
      .export_types = handle ? 0 : VKT_OPAQUE_WIN32,
      .import_type = handle ? VKT_OPAQUE_WIN32 : 0,
      .handle = handle,
      .image = dedicated ? side->image : VK_NULL_HANDLE,
   };
   struct binding bindings[3];
   const uint32_t count = place(side, kind, bindings, &info.size);

   side->memory = memory_allocate(side->device, &info);
   for (uint32_t i = 0; i < count; i++) {
      const VkBindImageMemoryInfo bind = {
         .sType = VK_STRUCTURE_TYPE_BIND_IMAGE_MEMORY_INFO,
         .pNext = kind->flags & VK_IMAGE_CREATE_DISJOINT_BIT
                     ? &bindings[i].plane : NULL,
         .image = side->image,
         .memory = side->memory->handle,
         .memoryOffset = bindings[i].offset,
      };

      REQUIRE_OK(vkBindImageMemory2(side->device->handle, 1, &bind));
   }
}

static struct side *
create_side(struct vkt_device *device, const struct kind *kind,
            VkImageTiling tiling, VkSampleCountFlagBits samples,
            bool dedicated, HANDLE handle)
{
   struct side *side = calloc(1, sizeof(*side));
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
      .mipLevels = kind->levels,
      .arrayLayers = kind->layers,
      .samples = samples,
      .tiling = tiling,
      .usage = TRANSFER,
   };
   VkBufferImageCopy regions[24];
   uint32_t count;

   REQUIRE(side != NULL);
   side->device = device;
   REQUIRE_OK(vkCreateImage(side->device->handle, &info, NULL, &side->image));
   bind_image(side, kind, dedicated, handle);
   side->staging = gpu_buffer(&device->gpu, fill_regions(kind, regions, &count),
                              TRANSFER);
   test_defer(destroy_image, side);
   return side;
}

static VkImageAspectFlags
all_aspects(const struct kind *kind)
{
   VkImageAspectFlags aspects = 0;

   for (unsigned i = 0; i < TEST_COUNT(kind->parts); i++)
      aspects |= kind->parts[i].aspect;
   return kind->parts[0].aspect == VK_IMAGE_ASPECT_PLANE_0_BIT
             ? VK_IMAGE_ASPECT_COLOR_BIT : aspects;
}

/* The reader first: it waits. */
static void
submit_both(struct side *from, VkCommandBuffer in, struct side *to,
            VkCommandBuffer out, uint64_t value)
{
   struct vkt_object *done = vkt_create(to->device, VKT_FENCE);

   vkt_submit(to->device, &(struct vkt_batch){
                             .waits = {{to->semaphore, value}},
                             .commands = out,
                          }, done);
   vkt_submit(from->device, &(struct vkt_batch){
                               .signals = {{from->semaphore, value}},
                               .commands = in,
                            }, NULL);
   REQUIRE_OK(vkt_wait(done, 0, VKT_LONG_MS));
}

/* From the one's staging buffer through the shared image into the other's */
static void
pass(const struct kind *kind, struct side *from, struct side *to,
     uint64_t value)
{
   VkBufferImageCopy regions[24];
   uint32_t count;
   const VkDeviceSize size = fill_regions(kind, regions, &count);
   const VkImageAspectFlags aspects = all_aspects(kind);
   const struct gpu *source = &from->device->gpu, *target = &to->device->gpu;
   VkCommandBuffer in = gpu_begin(source, 0), out = gpu_begin(target, 0);

   fill_bytes(kind, from->staging.map, size);
   memset(to->staging.map, 0, (size_t)size);
   gpu_barrier(source, in, from->image, aspects, GPU_DISCARD);
   vkCmdCopyBufferToImage(in, from->staging.handle, from->image,
                          VK_IMAGE_LAYOUT_GENERAL, count, regions);
   gpu_barrier(source, in, from->image, aspects, GPU_RELEASE);
   gpu_end(source, in);
   gpu_barrier(target, out, to->image, aspects, GPU_ACQUIRE);
   vkCmdCopyImageToBuffer(out, to->image, VK_IMAGE_LAYOUT_GENERAL,
                          to->staging.handle, count, regions);
   gpu_barrier(target, out, to->image, aspects, GPU_RELEASE);
   gpu_end(target, out);
   submit_both(from, in, to, out, value);
   for (uint32_t i = 0; i < count; i++) {
      const size_t offset = (size_t)regions[i].bufferOffset;
      const struct part *part = &kind->parts[i / kind->levels];
      const VkDeviceSize used =
         region_bytes(kind, part, regions[i].imageSubresource.mipLevel);

      if (memcmp((uint8_t *)from->staging.map + offset,
                 (uint8_t *)to->staging.map + offset, (size_t)used))
         test_fail(false, __FILE__, __LINE__,
                   "aspect 0x%x, level %u did not arrive",
                   (unsigned)part->aspect,
                   regions[i].imageSubresource.mipLevel);
   }
}

/* The one allocates, the other imports. */
static void
create_sides(const struct kind *kind, VkImageTiling tiling,
             VkSampleCountFlagBits samples, bool dedicated, struct side **a,
             struct side **b)
{
   *a = create_side(vkt_open(), kind, tiling, samples, dedicated, NULL);
   *b = create_side(vkt_open(), kind, tiling, samples, dedicated,
                    memory_export((*a)->memory));
   (*a)->semaphore = vkt_create_exportable((*a)->device, VKT_TIMELINE);
   (*b)->semaphore = vkt_alias((*b)->device, VKT_TIMELINE,
                               vkt_export((*a)->semaphore));
}

static void
copies(const struct kind *kind, VkImageTiling tiling, bool dedicated)
{
   struct side *a, *b;

   create_sides(kind, tiling, VK_SAMPLE_COUNT_1_BIT, dedicated, &a, &b);
   pass(kind, a, b, 1);
   pass(kind, b, a, 2);
   /* The same bytes, not equal ones */
   EXPECT(!memcmp(memory_map(a->memory), memory_map(b->memory),
                  (size_t)a->memory->size));
}

static void
all_kinds(intptr_t tiling)
{
   struct vkt_device *device = vkt_open();
   unsigned tested = 0;

   for (unsigned i = 0; i < TEST_COUNT(kinds) && !test_failed(); i++) {
      if (!is_supported(device, &kinds[i], (VkImageTiling)tiling)) {
         test_diag("%s: not supported with this tiling", kinds[i].name);
         continue;
      }
      test_diag("%s", kinds[i].name);
      copies(&kinds[i], (VkImageTiling)tiling,
             i % 2 && !(kinds[i].flags & VK_IMAGE_CREATE_DISJOINT_BIT));
      tested++;
   }
   /* All but ETC2 and ASTC, and for linear tiling depth and stencil */
   EXPECT_U64(tested, TEST_COUNT(kinds) -
                         (tiling == VK_IMAGE_TILING_OPTIMAL ? 2 : 6));
}

static const struct kind multisampled = {
   "4_samples", T2, VK_FORMAT_R8G8B8A8_UNORM, {67, 35, 1}, 1, 1, 0, COLOR(4),
};

static VkCommandBuffer
record_clear(struct side *side)
{
   const struct gpu *gpu = &side->device->gpu;
   const VkClearColorValue color = {.float32 = {0.2f, 0.4f, 0.6f, 0.8f}};
   const VkImageSubresourceRange range = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0,
                                          1};
   VkCommandBuffer commands = gpu_begin(gpu, 0);

   gpu_barrier(gpu, commands, side->image, range.aspectMask, GPU_DISCARD);
   vkCmdClearColorImage(commands, side->image, VK_IMAGE_LAYOUT_GENERAL,
                        &color, 1, &range);
   gpu_barrier(gpu, commands, side->image, range.aspectMask, GPU_RELEASE);
   gpu_end(gpu, commands);
   return commands;
}

static VkCommandBuffer
record_resolve(struct side *side, struct side *single)
{
   const struct gpu *gpu = &side->device->gpu;
   const VkImageAspectFlags aspect = VK_IMAGE_ASPECT_COLOR_BIT;
   const VkImageResolve region = {
      .srcSubresource = {aspect, 0, 0, 1},
      .dstSubresource = {aspect, 0, 0, 1},
      .extent = multisampled.extent,
   };
   const VkBufferImageCopy copy = {
      .imageSubresource = {aspect, 0, 0, 1},
      .imageExtent = multisampled.extent,
   };
   VkCommandBuffer commands = gpu_begin(gpu, 0);

   gpu_barrier(gpu, commands, side->image, aspect, GPU_ACQUIRE);
   gpu_barrier(gpu, commands, single->image, aspect, GPU_DISCARD);
   vkCmdResolveImage(commands, side->image, VK_IMAGE_LAYOUT_GENERAL,
                     single->image, VK_IMAGE_LAYOUT_GENERAL, 1, &region);
   gpu_barrier(gpu, commands, single->image, aspect, GPU_KEEP);
   vkCmdCopyImageToBuffer(commands, single->image, VK_IMAGE_LAYOUT_GENERAL,
                          single->staging.handle, 1, &copy);
   gpu_barrier(gpu, commands, side->image, aspect, GPU_RELEASE);
   gpu_end(gpu, commands);
   return commands;
}

/* What one clears, the other resolves: all samples are there. */
static void
four_samples(UNUSED intptr_t arg)
{
   static const uint8_t color[] = {51, 102, 153, 204};
   const VkExtent3D extent = multisampled.extent;
   struct side *a, *b, *single;
   const uint8_t *bytes;
   uint32_t wrong = 0;

   create_sides(&multisampled, VK_IMAGE_TILING_OPTIMAL, VK_SAMPLE_COUNT_4_BIT,
                true, &a, &b);
   single = create_side(b->device, &multisampled, VK_IMAGE_TILING_OPTIMAL,
                        VK_SAMPLE_COUNT_1_BIT, true, NULL);
   submit_both(a, record_clear(a), b, record_resolve(b, single), 1);
   bytes = single->staging.map;
   for (uint32_t i = 0; i < extent.width * extent.height * 4; i++)
      wrong += bytes[i] != color[i % 4];
   EXPECT_U64(wrong, 0);
}

static const struct test_case cases[] = {
   {"optimal_tiling", all_kinds, VK_IMAGE_TILING_OPTIMAL, 0},
   {"linear_tiling", all_kinds, VK_IMAGE_TILING_LINEAR, 0},
   {"four_samples", four_samples, 0, 0},
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}

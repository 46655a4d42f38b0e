/* SPDX-License-Identifier: MIT */

/* The memory that frames go through from one process to the other. */
#include "demo_common.h"

#define BUFFER_USAGE (VK_BUFFER_USAGE_TRANSFER_SRC_BIT | \
                      VK_BUFFER_USAGE_TRANSFER_DST_BIT)

static VkDeviceSize
buffer_size(const struct demo_ring *ring)
{
   return DEMO_RING_HEADER +
          (ring->host_pointer ? DEMO_SLOTS * DEMO_IMAGE_SIZE : 0);
}

static VkDeviceSize
align(VkDeviceSize size, VkDeviceSize unit)
{
   return (size + unit - 1) / unit * unit;
}

static void
unmap(void *view)
{
   UnmapViewOfFile(view);
}

/* A file mapping, of which both processes import their views. These begin at
 * 64 KiB, which is more than any device wants.
 */
static void
open_mapping(struct demo_ring *ring)
{
   const VkExternalMemoryHandleTypeFlagBits type =
      VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;
   const VkDeviceSize size = align(buffer_size(ring), 65536);
   struct vkt_device *device = ring->device;
   VkImportMemoryHostPointerInfoEXT import = {
      .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
      .handleType = type,
   };

   if (!ring->handle)
      ring->handle = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL,
                                        PAGE_READWRITE, 0, (DWORD)size, NULL);
   import.pHostPointer = MapViewOfFile(ring->handle, FILE_MAP_ALL_ACCESS, 0, 0,
                                       (SIZE_T)size);
   REQUIRE(import.pHostPointer != NULL);
   test_own_handle(ring->handle);
   test_defer(unmap, import.pHostPointer);
   ring->map = import.pHostPointer;
   ring->buffer = gpu_create_buffer(&device->gpu, size, BUFFER_USAGE, type);
   ring->host_memory = gpu_allocate(&device->gpu, size, &import);
   REQUIRE_OK(vkBindBufferMemory(device->handle, ring->buffer,
                                 ring->host_memory, 0));
}

/* Where the buffer and the images go; returns the size of it all. */
static VkDeviceSize
place(struct demo_ring *ring, VkDeviceSize offsets[DEMO_SLOTS])
{
   VkMemoryRequirements needed;
   VkDeviceSize size;

   vkGetBufferMemoryRequirements(ring->device->handle, ring->buffer, &needed);
   size = needed.size;
   for (uint32_t i = 0; i < DEMO_SLOTS; i++) {
      vkGetImageMemoryRequirements(ring->device->handle, ring->images[i],
                                   &needed);
      offsets[i] = align(size, needed.alignment);
      size = offsets[i] + needed.size;
   }
   return size;
}

/* Device memory, with a buffer for the header and an image for each slot */
static void
open_memory(struct demo_ring *ring)
{
   struct vkt_device *device = ring->device;
   struct gpu_image_info info = demo_image_info;
   VkDeviceSize offsets[DEMO_SLOTS], size;
   struct memory *memory;

   info.usage |= VK_IMAGE_USAGE_SAMPLED_BIT;
   info.handle_types = VKT_OPAQUE_WIN32;
   ring->buffer = gpu_create_buffer(&device->gpu, buffer_size(ring),
                                    BUFFER_USAGE, VKT_OPAQUE_WIN32);
   for (uint32_t i = 0; i < DEMO_SLOTS; i++)
      ring->images[i] = gpu_create_image(&device->gpu, &info);
   size = place(ring, offsets);
   if (ring->handle) {
      memory = memory_import(device, size, test_own_handle(ring->handle));
   } else {
      memory = memory_exportable(device, size);
      ring->handle = memory_export(memory);
   }
   REQUIRE_OK(vkBindBufferMemory(device->handle, ring->buffer, memory->handle,
                                 0));
   for (uint32_t i = 0; i < DEMO_SLOTS; i++) {
      REQUIRE_OK(vkBindImageMemory(device->handle, ring->images[i],
                                   memory->handle, offsets[i]));
      ring->views[i] = gpu_create_view(&device->gpu, ring->images[i],
                                       info.format);
   }
   ring->map = memory_map(memory);
}

static void
destroy_ring(void *data)
{
   struct demo_ring *ring = data;
   VkDevice device = ring->device->handle;

   for (uint32_t i = 0; i < DEMO_SLOTS; i++) {
      vkDestroyImageView(device, ring->views[i], NULL);
      vkDestroyImage(device, ring->images[i], NULL);
   }
   vkDestroyBuffer(device, ring->buffer, NULL);
   vkFreeMemory(device, ring->host_memory, NULL);
}

void
demo_ring_open(struct demo_ring *ring, struct vkt_device *device,
               bool host_pointer, HANDLE handle)
{
   *ring = (struct demo_ring){
      .device = device,
      .host_pointer = host_pointer,
      .handle = handle,
   };
   if (host_pointer)
      open_mapping(ring);
   else
      open_memory(ring);
   test_defer(destroy_ring, ring);
}

/* SPDX-License-Identifier: MIT */

/* The memory that frames go through from one process to the other. */
#include "demo_common.h"

#define HANDLE_TYPE VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_WIN32_BIT
#define BUFFER_USAGE (VK_BUFFER_USAGE_TRANSFER_SRC_BIT | \
                      VK_BUFFER_USAGE_TRANSFER_DST_BIT)

/* With images, the slots of the buffer only have the tags. */
static VkDeviceSize
slot_size(const struct demo_ring *ring)
{
   return ring->host_pointer ? DEMO_SLOT_SIZE : 2 * DEMO_TAG_SIZE;
}

VkDeviceSize
demo_ring_tag(const struct demo_ring *ring, uint32_t frame)
{
   return DEMO_RING_HEADER + frame % DEMO_SLOTS * slot_size(ring);
}

VkDeviceSize
demo_ring_end_tag(const struct demo_ring *ring, uint32_t frame)
{
   return demo_ring_tag(ring, frame) + slot_size(ring) - DEMO_TAG_SIZE;
}

static VkDeviceSize
align(VkDeviceSize size, VkDeviceSize unit)
{
   return (size + unit - 1) / unit * unit;
}

/* A file mapping, of which both processes import their views ------------- */

static void
open_mapping(struct demo_ring *ring, HANDLE mapping)
{
   const VkDeviceSize size = align(DEMO_RING_HEADER +
                                      DEMO_SLOTS * slot_size(ring),
                                   ring->device->host_alignment);
   const SECURITY_ATTRIBUTES inheritable = {
      .nLength = sizeof(inheritable),
      .bInheritHandle = TRUE,
   };

   ring->handle = mapping;
   if (!mapping)
      ring->handle = CreateFileMappingW(INVALID_HANDLE_VALUE,
                                        (SECURITY_ATTRIBUTES *)&inheritable,
                                        PAGE_READWRITE, 0, (DWORD)size, NULL);
   ring->view = ring->handle ? MapViewOfFile(ring->handle, FILE_MAP_ALL_ACCESS,
                                             0, 0, (SIZE_T)size)
                             : NULL;
   if (!ring->view)
      demo_fail("no file mapping: error %lu", (unsigned long)GetLastError());
   ring->buffer = demo_buffer_import(ring->device, ring->view, size,
                                     BUFFER_USAGE);
}

/* Device memory, with a buffer for the tags and an image for each slot ---- */

static void
create_image(struct demo_ring *ring, uint32_t slot)
{
   const VkExternalMemoryImageCreateInfo external = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO,
      .handleTypes = HANDLE_TYPE,
   };
   const VkImageCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
      .pNext = &external,
      .imageType = VK_IMAGE_TYPE_2D,
      .format = DEMO_FORMAT,
      .extent = {DEMO_WIDTH, DEMO_HEIGHT, 1},
      .mipLevels = 1,
      .arrayLayers = 1,
      .samples = VK_SAMPLE_COUNT_1_BIT,
      .tiling = VK_IMAGE_TILING_OPTIMAL,
      .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT |
               VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
   };

   demo_check(vkCreateImage(ring->device->handle, &info, NULL,
                            &ring->images[slot]),
              "vkCreateImage for a slot");
}

static void
create_view(struct demo_ring *ring, uint32_t slot)
{
   const VkImageViewCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
      .image = ring->images[slot],
      .viewType = VK_IMAGE_VIEW_TYPE_2D,
      .format = DEMO_FORMAT,
      .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1},
   };

   demo_check(vkCreateImageView(ring->device->handle, &info, NULL,
                                &ring->views[slot]),
              "vkCreateImageView for a slot");
}

static void
create_buffer(struct demo_ring *ring)
{
   const VkExternalMemoryBufferCreateInfo external = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
      .handleTypes = HANDLE_TYPE,
   };
   const VkBufferCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
      .pNext = &external,
      .size = DEMO_RING_HEADER + DEMO_SLOTS * slot_size(ring),
      .usage = BUFFER_USAGE,
   };

   demo_check(vkCreateBuffer(ring->device->handle, &info, NULL,
                             &ring->buffer.buffer),
              "vkCreateBuffer for the ring");
}

/* Where the buffer and the images go; returns the size of it all. */
static VkDeviceSize
place(struct demo_ring *ring, VkDeviceSize offsets[DEMO_SLOTS],
      uint32_t *types)
{
   VkMemoryRequirements requirements;
   VkDeviceSize size;

   vkGetBufferMemoryRequirements(ring->device->handle, ring->buffer.buffer,
                                 &requirements);
   size = requirements.size;
   *types = requirements.memoryTypeBits;
   for (uint32_t i = 0; i < DEMO_SLOTS; i++) {
      vkGetImageMemoryRequirements(ring->device->handle, ring->images[i],
                                   &requirements);
      offsets[i] = align(size, requirements.alignment);
      size = offsets[i] + requirements.size;
      *types &= requirements.memoryTypeBits;
   }
   return size;
}

static void
allocate(struct demo_ring *ring, VkDeviceSize size, uint32_t types,
         HANDLE memory)
{
   const SECURITY_ATTRIBUTES inheritable = {
      .nLength = sizeof(inheritable),
      .bInheritHandle = TRUE,
   };
   const VkExportMemoryWin32HandleInfoKHR win32 = {
      .sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_WIN32_HANDLE_INFO_KHR,
      .pAttributes = &inheritable,
      .dwAccess = GENERIC_ALL,
   };
   const VkExportMemoryAllocateInfo export_info = {
      .sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
      .pNext = &win32,
      .handleTypes = HANDLE_TYPE,
   };
   const VkImportMemoryWin32HandleInfoKHR import_info = {
      .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_WIN32_HANDLE_INFO_KHR,
      .handleType = HANDLE_TYPE,
      .handle = memory,
   };
   const VkMemoryAllocateInfo info = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
      .pNext = memory ? (const void *)&import_info : &export_info,
      .allocationSize = size,
      .memoryTypeIndex = demo_find_memory(ring->device, types),
   };

   demo_check(vkAllocateMemory(ring->device->handle, &info, NULL,
                               &ring->buffer.memory),
              memory ? "vkAllocateMemory on the producer's memory"
                     : "vkAllocateMemory for export");
}

static void
open_memory(struct demo_ring *ring, HANDLE memory)
{
   VkDevice device = ring->device->handle;
   struct demo_buffer *buffer = &ring->buffer;
   VkDeviceSize offsets[DEMO_SLOTS], size;
   uint32_t types;

   create_buffer(ring);
   for (uint32_t i = 0; i < DEMO_SLOTS; i++)
      create_image(ring, i);
   size = place(ring, offsets, &types);
   allocate(ring, size, types, memory);
   demo_check(vkBindBufferMemory(device, buffer->buffer, buffer->memory, 0),
              "vkBindBufferMemory for the ring");
   for (uint32_t i = 0; i < DEMO_SLOTS; i++) {
      demo_check(vkBindImageMemory(device, ring->images[i], buffer->memory,
                                   offsets[i]),
                 "vkBindImageMemory for a slot");
      create_view(ring, i);
   }
   demo_check(vkMapMemory(device, buffer->memory, 0, VK_WHOLE_SIZE, 0,
                          &buffer->map),
              "vkMapMemory of the ring");
}

static void
export_memory(struct demo_ring *ring)
{
   const VkMemoryGetWin32HandleInfoKHR info = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_GET_WIN32_HANDLE_INFO_KHR,
      .memory = ring->buffer.memory,
      .handleType = HANDLE_TYPE,
   };

   demo_check(ring->device->GetMemoryWin32Handle(ring->device->handle, &info,
                                                 &ring->handle),
              "vkGetMemoryWin32HandleKHR");
}

/* Either ------------------------------------------------------------------ */

void
demo_ring_create(struct demo_ring *ring, struct demo_device *device,
                 bool host_pointer)
{
   *ring = (struct demo_ring){.device = device, .host_pointer = host_pointer};
   if (host_pointer) {
      open_mapping(ring, NULL);
   } else {
      open_memory(ring, NULL);
      export_memory(ring);
   }
}

void
demo_ring_open(struct demo_ring *ring, struct demo_device *device,
               bool host_pointer, HANDLE handle)
{
   *ring = (struct demo_ring){.device = device, .host_pointer = host_pointer};
   if (host_pointer) {
      open_mapping(ring, handle);
   } else {
      open_memory(ring, handle);
      ring->handle = handle;
   }
}

void
demo_ring_destroy(struct demo_ring *ring)
{
   for (uint32_t i = 0; i < DEMO_SLOTS; i++) {
      vkDestroyImageView(ring->device->handle, ring->views[i], NULL);
      vkDestroyImage(ring->device->handle, ring->images[i], NULL);
   }
   demo_buffer_destroy(ring->device, &ring->buffer);
   if (ring->view)
      UnmapViewOfFile(ring->view);
   CloseHandle(ring->handle);
}

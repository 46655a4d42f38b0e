/* SPDX-License-Identifier: MIT */
#include "share_private.h"

#include <stdlib.h>
#include <string.h>

/* As the shaders have it */
static uint32_t
word(uint32_t index, uint32_t tag)
{
   return (index * 2654435761u) ^ tag;
}

const char *
share_kind_name(enum share_kind kind)
{
   static const char *const names[] = {"buffer", "image", "linear image"};
   return names[kind];
}

const char *
share_method_name(enum share_method method)
{
   static const char *const names[] = {"host", "transfer", "compute",
                                       "fragment"};
   return names[method];
}

static VkBuffer
create_buffer(struct share *share, VkFlags handle_types)
{
   const VkExternalMemoryBufferCreateInfo external = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
      .handleTypes = handle_types,
   };
   const VkBufferCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
      .pNext = handle_types ? &external : NULL,
      .size = SHARE_WORDS * sizeof(uint32_t),
      .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
               VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
               VK_BUFFER_USAGE_TRANSFER_DST_BIT,
   };
   VkBuffer buffer;

   REQUIRE_OK(vkCreateBuffer(share->device->handle, &info, NULL, &buffer));
   return buffer;
}

static VkImage
create_image(struct share *share, VkImageTiling tiling, VkFlags handle_types)
{
   const VkExternalMemoryImageCreateInfo external = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO,
      .handleTypes = handle_types,
   };
   const VkImageCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
      .pNext = handle_types ? &external : NULL,
      .imageType = VK_IMAGE_TYPE_2D,
      .format = SHARE_FORMAT,
      .extent = {SHARE_WIDTH, SHARE_WIDTH, 1},
      .mipLevels = 1,
      .arrayLayers = 1,
      .samples = VK_SAMPLE_COUNT_1_BIT,
      .tiling = tiling,
      .usage = VK_IMAGE_USAGE_STORAGE_BIT | VK_IMAGE_USAGE_SAMPLED_BIT |
               VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT |
               VK_IMAGE_USAGE_TRANSFER_SRC_BIT |
               VK_IMAGE_USAGE_TRANSFER_DST_BIT,
   };
   VkImage image;

   REQUIRE_OK(vkCreateImage(share->device->handle, &info, NULL, &image));
   return image;
}

static void
create_view(struct share *share, struct share_image *image)
{
   const VkImageViewCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
      .image = image->image,
      .viewType = VK_IMAGE_VIEW_TYPE_2D,
      .format = SHARE_FORMAT,
      .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1},
   };

   REQUIRE_OK(vkCreateImageView(share->device->handle, &info, NULL,
                                &image->view));
}

static struct memory *
allocate_private(struct share *share, VkDeviceSize size)
{
   return memory_allocate(share->device, &(struct memory_info){.size = size});
}

static VkBuffer
create_private_buffer(struct share *share, uint32_t **map)
{
   VkDevice device = share->device->handle;
   VkBuffer buffer = create_buffer(share, 0);
   VkMemoryRequirements requirements;
   struct memory *memory;

   vkGetBufferMemoryRequirements(device, buffer, &requirements);
   memory = allocate_private(share, requirements.size);
   REQUIRE_OK(vkBindBufferMemory(device, buffer, memory->handle, 0));
   *map = memory_map(memory);
   return buffer;
}

static void
create_private_image(struct share *share, struct share_image *image)
{
   VkDevice device = share->device->handle;
   const VkImageSubresource subresource = {
      .aspectMask = VK_IMAGE_ASPECT_COLOR_BIT,
   };
   VkMemoryRequirements requirements;
   VkSubresourceLayout layout;
   struct memory *memory;

   image->image = create_image(share, VK_IMAGE_TILING_LINEAR, 0);
   vkGetImageMemoryRequirements(device, image->image, &requirements);
   vkGetImageSubresourceLayout(device, image->image, &subresource, &layout);
   memory = allocate_private(share, requirements.size);
   REQUIRE_OK(vkBindImageMemory(device, image->image, memory->handle, 0));
   create_view(share, image);
   share->private_pixels = (const uint8_t *)memory_map(memory) + layout.offset;
   share->private_pitch = layout.rowPitch;
}

/* Creates what is shared, and binds it. */
static void
create_shared(struct share *share, bool suballocated,
              const struct memory_info *info)
{
   VkDevice device = share->device->handle;
   const VkFlags types = info->export_types | info->import_type;
   struct memory_info filled = *info;
   VkMemoryRequirements requirements;

   if (share->kind == SHARE_BUFFER) {
      share->words = create_buffer(share, types);
      vkGetBufferMemoryRequirements(device, share->words, &requirements);
   } else {
      share->shared_image.image =
         create_image(share,
                      share->kind == SHARE_IMAGE ? VK_IMAGE_TILING_OPTIMAL
                                                 : VK_IMAGE_TILING_LINEAR,
                      types);
      vkGetImageMemoryRequirements(device, share->shared_image.image,
                                   &requirements);
   }
   if (suballocated) {
      share->offset = 3 * requirements.alignment;
   } else {
      filled.buffer = share->words;
      filled.image = share->shared_image.image;
   }
   filled.size = share->offset + requirements.size;
   share->memory = memory_allocate(share->device, &filled);
   if (share->kind == SHARE_BUFFER) {
      REQUIRE_OK(vkBindBufferMemory(device, share->words,
                                    share->memory->handle, share->offset));
   } else {
      REQUIRE_OK(vkBindImageMemory(device, share->shared_image.image,
                                   share->memory->handle, share->offset));
      create_view(share, &share->shared_image);
   }
}

static void
destroy_share(void *data)
{
   struct share *share = data;
   VkDevice device = share->device->handle;

   if (test_failed())
      return;
   REQUIRE_OK(vkDeviceWaitIdle(device));
   share_destroy_pipelines(share);
   vkDestroyImageView(device, share->private_image.view, NULL);
   vkDestroyImage(device, share->private_image.image, NULL);
   if (share->shared_image.image != share->private_image.image) {
      vkDestroyImageView(device, share->shared_image.view, NULL);
      vkDestroyImage(device, share->shared_image.image, NULL);
   }
   if (share->words != share->result)
      vkDestroyBuffer(device, share->words, NULL);
   vkDestroyBuffer(device, share->result, NULL);
   free(share);
}

struct share *
share_create(struct vkt_device *device, enum share_kind kind,
             bool suballocated, const struct memory_info *info)
{
   struct share *share = calloc(1, sizeof(*share));

   REQUIRE(share != NULL);
   share->device = device;
   share->kind = kind;
   /* What was imported has been given its layout by the exporter. */
   share->initialized = info->import_type != 0;
   create_shared(share, suballocated, info);
   share->result = create_private_buffer(share, &share->result_map);
   create_private_image(share, &share->private_image);
   if (kind == SHARE_BUFFER)
      share->shared_image = share->private_image;
   else
      share->words = share->result;
   share_create_pipelines(share);
   test_defer(destroy_share, share);
   return share;
}

struct memory *
share_memory(struct share *share)
{
   return share->memory;
}

static VkCommandBuffer
begin_commands(struct share *share)
{
   const VkCommandBufferAllocateInfo allocate = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
      .commandPool = share->device->pool,
      .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
      .commandBufferCount = 1,
   };
   const VkCommandBufferBeginInfo begin = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
      .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
   };
   VkCommandBuffer commands;

   REQUIRE_OK(vkAllocateCommandBuffers(share->device->handle, &allocate,
                                       &commands));
   REQUIRE_OK(vkBeginCommandBuffer(commands, &begin));
   return commands;
}

static void
barrier(VkCommandBuffer commands, VkImage image, VkImageLayout old_layout,
        uint32_t from, uint32_t to)
{
   const VkImageMemoryBarrier info = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
      .srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
      .dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
      .oldLayout = old_layout,
      .newLayout = VK_IMAGE_LAYOUT_GENERAL,
      .srcQueueFamilyIndex = from,
      .dstQueueFamilyIndex = to,
      .image = image,
      .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1},
   };

   vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
                        VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 0, NULL, 0,
                        NULL, 1, &info);
}

/* Takes the shared image over from the other device, and makes the private
 * one usable.
 */
static void
acquire(struct share *share, VkCommandBuffer commands)
{
   barrier(commands, share->private_image.image, VK_IMAGE_LAYOUT_UNDEFINED,
           VK_QUEUE_FAMILY_IGNORED, VK_QUEUE_FAMILY_IGNORED);
   if (share->kind == SHARE_BUFFER)
      return;
   if (share->initialized)
      barrier(commands, share->shared_image.image,
              VK_IMAGE_LAYOUT_GENERAL, VK_QUEUE_FAMILY_EXTERNAL,
              share->device->family);
   else
      barrier(commands, share->shared_image.image,
              VK_IMAGE_LAYOUT_UNDEFINED, VK_QUEUE_FAMILY_IGNORED,
              VK_QUEUE_FAMILY_IGNORED);
   share->initialized = true;
}

static void
release(struct share *share, VkCommandBuffer commands)
{
   if (share->kind != SHARE_BUFFER)
      barrier(commands, share->shared_image.image,
              VK_IMAGE_LAYOUT_GENERAL, share->device->family,
              VK_QUEUE_FAMILY_EXTERNAL);
   REQUIRE_OK(vkEndCommandBuffer(commands));
}

static void
record_transfer(struct share *share, VkCommandBuffer commands, bool write)
{
   const VkBufferCopy all = {.size = SHARE_WORDS * sizeof(uint32_t)};
   const VkBufferImageCopy region = {
      .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
      .imageExtent = {SHARE_WIDTH, SHARE_WIDTH, 1},
   };

   if (share->kind == SHARE_BUFFER && write)
      vkCmdCopyBuffer(commands, share->result, share->words, 1, &all);
   else if (share->kind == SHARE_BUFFER)
      vkCmdCopyBuffer(commands, share->words, share->result, 1, &all);
   else if (write)
      vkCmdCopyBufferToImage(commands, share->result,
                             share->shared_image.image,
                             VK_IMAGE_LAYOUT_GENERAL, 1, &region);
   else
      vkCmdCopyImageToBuffer(commands, share->shared_image.image,
                             VK_IMAGE_LAYOUT_GENERAL, share->result, 1,
                             &region);
}

static void
record_draw(VkCommandBuffer commands, VkImageView target)
{
   const VkRenderingAttachmentInfo attachment = {
      .sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
      .imageView = target,
      .imageLayout = VK_IMAGE_LAYOUT_GENERAL,
      .loadOp = VK_ATTACHMENT_LOAD_OP_LOAD,
      .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
   };
   const VkRenderingInfo rendering = {
      .sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
      .renderArea = {.extent = {SHARE_WIDTH, SHARE_WIDTH}},
      .layerCount = 1,
      .colorAttachmentCount = 1,
      .pColorAttachments = &attachment,
   };

   vkCmdBeginRendering(commands, &rendering);
   vkCmdDraw(commands, 3, 1, 0, 0);
   vkCmdEndRendering(commands);
}

static void
record_shader(struct share *share, VkCommandBuffer commands, bool fragment,
              bool write, uint32_t tag)
{
   const VkPipelineBindPoint point = fragment ? VK_PIPELINE_BIND_POINT_GRAPHICS
                                              : VK_PIPELINE_BIND_POINT_COMPUTE;
   const struct share_constants constants = {
      .tag = tag,
      .width = SHARE_WIDTH,
      .is_image = share->kind != SHARE_BUFFER,
      .is_write = write,
   };

   vkCmdBindPipeline(commands, point,
                     fragment ? share->graphics : share->compute);
   vkCmdBindDescriptorSets(commands, point, share->layout, 0, 1, &share->set,
                           0, NULL);
   vkCmdPushConstants(commands, share->layout,
                      VK_SHADER_STAGE_COMPUTE_BIT |
                      VK_SHADER_STAGE_FRAGMENT_BIT,
                      0, sizeof(constants), &constants);
   if (!fragment)
      vkCmdDispatch(commands, SHARE_WORDS / 64, 1, 1);
   else if (write && share->kind != SHARE_BUFFER)
      record_draw(commands, share->shared_image.view);
   else
      record_draw(commands, share->private_image.view);
}

static void
submit(struct share *share, enum share_method method, bool write,
       uint32_t tag, const struct vkt_point *wait,
       const struct vkt_point *signal, struct vkt_object *fence)
{
   struct vkt_batch batch = {.commands = begin_commands(share)};

   acquire(share, batch.commands);
   if (method == SHARE_BY_TRANSFER)
      record_transfer(share, batch.commands, write);
   else
      record_shader(share, batch.commands, method == SHARE_BY_FRAGMENT, write,
                    tag);
   release(share, batch.commands);
   if (wait)
      batch.waits[0] = *wait;
   if (signal)
      batch.signals[0] = *signal;
   vkt_submit(share->device, &batch, fence);
}

/* Where the host finds the shared words: rows of SHARE_WIDTH */
static uint8_t *
host_rows(struct share *share, VkDeviceSize *pitch)
{
   const VkImageSubresource subresource = {
      .aspectMask = VK_IMAGE_ASPECT_COLOR_BIT,
   };
   uint8_t *map = memory_map(share->memory);
   VkSubresourceLayout layout = {.rowPitch = SHARE_WIDTH * sizeof(uint32_t)};

   REQUIRE(share->kind != SHARE_IMAGE);
   if (share->kind == SHARE_LINEAR_IMAGE)
      vkGetImageSubresourceLayout(share->device->handle,
                                  share->shared_image.image, &subresource,
                                  &layout);
   *pitch = layout.rowPitch;
   return map + share->offset + layout.offset;
}

static void
host_wait(const struct vkt_point *wait)
{
   if (wait && wait->semaphore)
      REQUIRE_OK(vkt_wait(vkt_queue_wait(wait->semaphore, wait->value), 0,
                          VKT_LONG_MS));
}

static void
host_write(struct share *share, uint32_t tag, const struct vkt_point *wait,
           const struct vkt_point *signal)
{
   VkDeviceSize pitch;
   uint8_t *rows = host_rows(share, &pitch);

   host_wait(wait);
   for (uint32_t i = 0; i < SHARE_WORDS; i++) {
      volatile uint32_t *row =
         (volatile uint32_t *)(rows + i / SHARE_WIDTH * pitch);
      row[i % SHARE_WIDTH] = word(i, tag);
   }
   share->initialized = true;
   if (signal && signal->semaphore)
      vkt_queue_signal(signal->semaphore, signal->value);
}

void
share_write(struct share *share, enum share_method method, uint32_t tag,
            const struct vkt_point *wait, const struct vkt_point *signal)
{
   if (method == SHARE_BY_HOST) {
      host_write(share, tag, wait, signal);
      return;
   }
   if (method == SHARE_BY_TRANSFER) {
      for (uint32_t i = 0; i < SHARE_WORDS; i++)
         share->result_map[i] = word(i, tag);
   }
   submit(share, method, true, tag, wait, signal, NULL);
}

void
share_begin_read(struct share *share, enum share_method method,
                 const struct vkt_point *wait, const struct vkt_point *signal)
{
   share->reading_by = method;
   if (method == SHARE_BY_HOST) {
      share->host_points[0] = wait ? *wait : (struct vkt_point){0};
      share->host_points[1] = signal ? *signal : (struct vkt_point){0};
      return;
   }
   share->reading = vkt_create(share->device, VKT_FENCE);
   submit(share, method, false, 0, wait, signal, share->reading);
}

static uint32_t
count_wrong(const uint8_t *rows, VkDeviceSize pitch, uint32_t tag)
{
   uint32_t wrong = 0;

   for (uint32_t i = 0; i < SHARE_WORDS; i++) {
      const volatile uint32_t *row =
         (const volatile uint32_t *)(rows + i / SHARE_WIDTH * pitch);
      wrong += row[i % SHARE_WIDTH] != word(i, tag);
   }
   return wrong;
}

uint32_t
share_end_read(struct share *share, uint32_t tag)
{
   VkDeviceSize pitch = SHARE_WIDTH * sizeof(uint32_t);

   if (share->reading_by == SHARE_BY_HOST) {
      const struct vkt_point *signal = &share->host_points[1];
      uint32_t wrong;

      host_wait(&share->host_points[0]);
      const uint8_t *rows = host_rows(share, &pitch);
      wrong = count_wrong(rows, pitch, tag);
      if (signal->semaphore)
         vkt_queue_signal(signal->semaphore, signal->value);
      return wrong;
   }
   REQUIRE_OK(vkt_wait(share->reading, 0, VKT_LONG_MS));
   vkt_destroy(share->reading);
   if (share->reading_by == SHARE_BY_FRAGMENT)
      return count_wrong(share->private_pixels, share->private_pitch, tag);
   return count_wrong((const uint8_t *)share->result_map, pitch, tag);
}

/* SPDX-License-Identifier: MIT */
#include "share.h"

#include <stdlib.h>
#include <string.h>

#include "share_comp.h"
#include "share_frag.h"
#include "share_vert.h"

#define BYTES (SHARE_WORDS * sizeof(uint32_t))
#define BUFFER_USAGE (VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | \
                      VK_BUFFER_USAGE_TRANSFER_SRC_BIT | \
                      VK_BUFFER_USAGE_TRANSFER_DST_BIT)
#define COLOR VK_IMAGE_ASPECT_COLOR_BIT

/* As the shaders have them */
struct constants {
   uint32_t tag;
   uint32_t width;
   uint32_t is_image;
   uint32_t is_write;
};

struct share {
   struct vkt_device *device;
   enum share_kind kind;

   struct memory *memory;
   VkDeviceSize offset;
   /* What is shared: a buffer, or an image with its view */
   VkBuffer words;
   VkImage image;
   VkImageView view;

   /* Where reading takes its result to, and what is drawn to if that is not
    * what is shared. They also stand for what is not shared, for the
    * descriptors.
    */
   struct gpu_buffer result;
   struct gpu_image private_image;

   struct gpu_layout layout;
   VkDescriptorSet set;
   VkPipeline compute;
   VkPipeline graphics;

   /* The layout of the shared image has been set by this side, or another. */
   bool initialized;

   enum share_method reading_by;
   /* A fence, or NULL if the host may read at once */
   struct vkt_object *reading;
};

static const struct gpu_image_info private_info = {
   .format = VK_FORMAT_R32_UINT,
   .width = SHARE_WIDTH,
   .height = SHARE_WIDTH,
   .tiling = VK_IMAGE_TILING_LINEAR,
   .usage = VK_IMAGE_USAGE_STORAGE_BIT | VK_IMAGE_USAGE_SAMPLED_BIT |
            VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT |
            VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
};

static uint32_t
word(uint32_t index, uint32_t tag)
{
   return (index * 2654435761u) ^ tag;
}

const char *
share_method_name(enum share_method method)
{
   static const char *const names[] = {"host", "transfer", "compute",
                                       "fragment"};
   return names[method];
}

/* Creates what is shared, and binds it. */
static void
create_shared(struct share *share, bool suballocated,
              const struct memory_info *info)
{
   const struct gpu *gpu = &share->device->gpu;
   const VkFlags types = info->export_types | info->import_type;
   struct gpu_image_info image_info = private_info;
   struct memory_info filled = *info;
   VkMemoryRequirements needed;

   if (share->kind == SHARE_BUFFER) {
      share->words = gpu_create_buffer(gpu, BYTES, BUFFER_USAGE, types);
      vkGetBufferMemoryRequirements(gpu->device, share->words, &needed);
   } else {
      if (share->kind == SHARE_IMAGE)
         image_info.tiling = VK_IMAGE_TILING_OPTIMAL;
      image_info.handle_types = types;
      share->image = gpu_create_image(gpu, &image_info);
      vkGetImageMemoryRequirements(gpu->device, share->image, &needed);
   }
   if (suballocated) {
      share->offset = 3 * needed.alignment;
   } else {
      filled.buffer = share->words;
      filled.image = share->image;
   }
   filled.size = share->offset + needed.size;
   share->memory = memory_allocate(share->device, filled);
   if (share->kind == SHARE_BUFFER) {
      REQUIRE_OK(vkBindBufferMemory(gpu->device, share->words,
                                    share->memory->handle, share->offset));
   } else {
      REQUIRE_OK(vkBindImageMemory(gpu->device, share->image,
                                   share->memory->handle, share->offset));
      share->view = gpu_create_view(gpu, share->image, private_info.format);
   }
}

static void
create_pipelines(struct share *share)
{
   const struct gpu *gpu = &share->device->gpu;
   const VkBuffer words = share->words ? share->words : share->result.handle;
   const VkImageView view = share->view ? share->view
                                        : share->private_image.view;
   const struct gpu_binding bindings[] = {
      {.buffer = words},
      {.view = view},
      {.buffer = share->result.handle},
      {.view = view},
   };

   share->layout = (struct gpu_layout){
      .stages = VK_SHADER_STAGE_COMPUTE_BIT | VK_SHADER_STAGE_FRAGMENT_BIT,
      .constants_size = sizeof(struct constants),
      .types = {
         VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
         VK_DESCRIPTOR_TYPE_STORAGE_IMAGE,
         VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
         VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
      },
      .sets = 1,
   };
   gpu_create_layout(gpu, &share->layout, TEST_COUNT(bindings));
   share->set = gpu_create_set(gpu, &share->layout, bindings,
                               TEST_COUNT(bindings));
   share->compute = gpu_create_compute(gpu, &share->layout,
                                       GPU_SHADER(share_comp));
   share->graphics = gpu_create_graphics(gpu, &share->layout,
                                         GPU_SHADER(share_vert),
                                         GPU_SHADER(share_frag),
                                         &private_info);
}

static void
destroy_share(void *data)
{
   struct share *share = data;
   const struct gpu *gpu = &share->device->gpu;

   if (test_failed())
      return;
   vkt_wait_idle(share->device);
   gpu->DestroyPipeline(gpu->device, share->graphics, NULL);
   gpu->DestroyPipeline(gpu->device, share->compute, NULL);
   gpu_destroy_layout(gpu, &share->layout);
   gpu_destroy_image(gpu, &share->private_image);
   gpu_destroy_buffer(gpu, &share->result);
   gpu->DestroyImageView(gpu->device, share->view, NULL);
   gpu->DestroyImage(gpu->device, share->image, NULL);
   gpu->DestroyBuffer(gpu->device, share->words, NULL);
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
   share->result = gpu_buffer(&device->gpu, BYTES, BUFFER_USAGE);
   share->private_image = gpu_image(&device->gpu, &private_info);
   create_pipelines(share);
   test_defer(destroy_share, share);
   return share;
}

struct memory *
share_memory(struct share *share)
{
   return share->memory;
}

static void
record_transfer(struct share *share, VkCommandBuffer commands, bool write)
{
   const VkBuffer result = share->result.handle;
   const VkBufferCopy all = {.size = BYTES};
   const VkBufferImageCopy region = {
      .imageSubresource = {COLOR, 0, 0, 1},
      .imageExtent = {SHARE_WIDTH, SHARE_WIDTH, 1},
   };

   if (share->kind == SHARE_BUFFER)
      vkCmdCopyBuffer(commands, write ? result : share->words,
                      write ? share->words : result, 1, &all);
   else if (write)
      vkCmdCopyBufferToImage(commands, result, share->image,
                             VK_IMAGE_LAYOUT_GENERAL, 1, &region);
   else
      vkCmdCopyImageToBuffer(commands, share->image, VK_IMAGE_LAYOUT_GENERAL,
                             result, 1, &region);
}

static void
record_shader(struct share *share, VkCommandBuffer commands, bool fragment,
              bool write, uint32_t tag)
{
   const struct gpu *gpu = &share->device->gpu;
   const bool is_image = share->kind != SHARE_BUFFER;
   const struct constants constants = {tag, SHARE_WIDTH, is_image, write};

   gpu_bind(gpu, commands,
            fragment ? VK_PIPELINE_BIND_POINT_GRAPHICS
                     : VK_PIPELINE_BIND_POINT_COMPUTE,
            fragment ? share->graphics : share->compute, &share->layout,
            share->set, &constants);
   if (fragment)
      gpu_cover(gpu, commands,
                write && is_image ? share->view : share->private_image.view,
                &private_info);
   else
      vkCmdDispatch(commands, SHARE_WORDS / 64, 1, 1);
}

/* Takes the shared image over from the other device, and gives it back. */
static void
submit(struct share *share, enum share_method method, bool write,
       uint32_t tag, const struct vkt_point *wait,
       const struct vkt_point *signal, struct vkt_object *fence)
{
   const struct gpu *gpu = &share->device->gpu;
   const VkCommandBuffer commands =
      gpu_begin(gpu, VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT);
   struct vkt_batch batch = {.commands = commands};

   gpu_barrier(gpu, commands, share->private_image.handle, COLOR, GPU_DISCARD);
   if (share->image)
      gpu_barrier(gpu, commands, share->image, COLOR,
                  share->initialized ? GPU_ACQUIRE : GPU_DISCARD);
   share->initialized = true;
   if (method == SHARE_BY_TRANSFER)
      record_transfer(share, commands, write);
   else
      record_shader(share, commands, method == SHARE_BY_FRAGMENT, write, tag);
   if (share->image)
      gpu_barrier(gpu, commands, share->image, COLOR, GPU_RELEASE);
   gpu_end(gpu, commands);
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
   VkSubresourceLayout layout = {.rowPitch = SHARE_WIDTH * sizeof(uint32_t)};

   REQUIRE(share->kind != SHARE_IMAGE);
   if (share->image)
      layout = gpu_linear_layout(&share->device->gpu, share->image);
   *pitch = layout.rowPitch;
   return (uint8_t *)memory_map(share->memory) + share->offset + layout.offset;
}

static volatile uint32_t *
word_at(uint8_t *rows, VkDeviceSize pitch, uint32_t index)
{
   return (volatile uint32_t *)(rows + index / SHARE_WIDTH * pitch) +
          index % SHARE_WIDTH;
}

void
share_write(struct share *share, enum share_method method, uint32_t tag,
            const struct vkt_point *signal)
{
   const bool by_host = method == SHARE_BY_HOST;
   VkDeviceSize pitch = SHARE_WIDTH * sizeof(uint32_t);
   uint8_t *rows = by_host ? host_rows(share, &pitch) : share->result.map;

   if (by_host || method == SHARE_BY_TRANSFER) {
      for (uint32_t i = 0; i < SHARE_WORDS; i++)
         *word_at(rows, pitch, i) = word(i, tag);
   }
   if (!by_host)
      submit(share, method, true, tag, NULL, signal, NULL);
   else if (signal)
      vkt_queue_signal(signal->semaphore, signal->value);
   share->initialized = true;
}

void
share_begin_read(struct share *share, enum share_method method,
                 const struct vkt_point *wait)
{
   share->reading_by = method;
   if (method != SHARE_BY_HOST) {
      /* What share_write() left there would pass for what is read, but it may
       * still be copied from there.
       */
      vkt_wait_idle(share->device);
      memset(share->result.map, 0, BYTES);
      share->reading = vkt_create(share->device, VKT_FENCE);
      submit(share, method, false, 0, wait, NULL, share->reading);
   } else if (wait) {
      share->reading = vkt_queue_wait(wait->semaphore, wait->value);
   }
}

uint32_t
share_end_read(struct share *share, uint32_t tag)
{
   VkDeviceSize pitch = SHARE_WIDTH * sizeof(uint32_t);
   uint8_t *rows = share->result.map;
   uint32_t wrong = 0;

   if (share->reading) {
      REQUIRE_OK(vkt_wait(share->reading, 0, VKT_LONG_MS));
      vkt_destroy(share->reading);
      share->reading = NULL;
   }
   if (share->reading_by == SHARE_BY_HOST)
      rows = host_rows(share, &pitch);
   for (uint32_t i = 0; i < SHARE_WORDS; i++)
      wrong += *word_at(rows, pitch, i) != word(i, tag);
   return wrong;
}

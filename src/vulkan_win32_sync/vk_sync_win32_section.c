/* SPDX-License-Identifier: MIT */
#include "vk_sync_win32_section.h"

#include <assert.h>
#include <stdlib.h>

#include "util/macros.h"

#include "vk_device.h"
#include "vk_log.h"

#include "vk_sync_win32_shared_wait.h"

static_assert(sizeof(struct vk_sync_win32_slot) == 40, "shared layout");
static_assert(offsetof(struct vk_sync_win32_layout, word) == 64,
              "shared layout");
static_assert(offsetof(struct vk_sync_win32_layout, slots) == 128,
              "shared layout");
static_assert(sizeof(struct vk_sync_win32_layout) == 2688, "shared layout");

/* All shared payloads of this process */
static SRWLOCK sections_lock = SRWLOCK_INIT;
static struct list_head sections = { &sections, &sections };

struct shared_payload {
   struct vk_sync_win32_payload payload;
   struct vk_sync_win32_section section;
};

static void
section_finish(struct vk_sync_win32_remote *remote)
{
   struct vk_sync_win32_section *section =
      container_of(remote, struct vk_sync_win32_section, remote);

   AcquireSRWLockExclusive(&sections_lock);
   list_del(&section->link);
   ReleaseSRWLockExclusive(&sections_lock);

   vk_sync_win32_section_release_slot(section);
   vk_win32_section_close(&section->memory);
}

static const struct vk_sync_win32_remote_ops section_ops = {
   .reach = vk_sync_win32_section_reach,
   .want = vk_sync_win32_section_want,
   .ring = vk_sync_win32_section_ring,
   .finish = section_finish,
};

/* Takes over the section, also on failure. */
static VkResult
shared_payload_create(struct vk_device *device, enum vk_sync_win32_kind kind,
                      struct vk_win32_section *memory,
                      struct vk_sync_win32_payload **payload_out)
{
   struct shared_payload *shared = calloc(1, sizeof(*shared));
   if (shared == NULL) {
      vk_win32_section_close(memory);
      return vk_error(device, VK_ERROR_OUT_OF_HOST_MEMORY);
   }

   struct vk_sync_win32_section *section = &shared->section;

   vk_sync_win32_payload_init(&shared->payload, kind);
   shared->payload.remote = &section->remote;
   shared->payload.section = section;
   *section = (struct vk_sync_win32_section) {
      .remote = { .ops = &section_ops, .payload = &shared->payload },
      .memory = *memory,
      .layout = memory->map,
      .slot = VK_SYNC_WIN32_NO_SLOT,
   };
   shared->payload.word = &section->layout->word;

   AcquireSRWLockExclusive(&sections_lock);
   list_addtail(&section->link, &sections);
   ReleaseSRWLockExclusive(&sections_lock);

   *payload_out = &shared->payload;
   return VK_SUCCESS;
}

VkResult
vk_sync_win32_section_create(struct vk_device *device,
                             enum vk_sync_win32_kind kind, uint64_t word,
                             const struct vk_sync_win32_export_params *params,
                             struct vk_sync_win32_payload **payload_out)
{
   const struct vk_win32_section_create_info info = {
      .size = sizeof(struct vk_sync_win32_layout),
      .security_attributes = params->security_attributes,
      .name = params->name,
      .kmt = params->handle_types &
             VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_KMT_BIT,
      .out_of_memory = VK_ERROR_OUT_OF_HOST_MEMORY,
   };
   struct vk_win32_section memory;

   VkResult result = vk_win32_section_create(device, &info, &memory);
   if (result != VK_SUCCESS)
      return result;

   struct vk_sync_win32_layout *layout = memory.map;
   layout->kind = kind;
   layout->kmt = memory.kmt;
   layout->word = word;
   vk_sync_win32_random(layout->id, sizeof(layout->id));

   /* Last, for those who open it by name while we are at it */
   vk_sync_win32_store64(&layout->magic, VK_SYNC_WIN32_SECTION_MAGIC);

   return shared_payload_create(device, kind, &memory, payload_out);
}

#define refuse(device, ...) \
   vk_errorf(device, VK_ERROR_INVALID_EXTERNAL_HANDLE, __VA_ARGS__)

static VkResult
check_layout(struct vk_device *device, const struct vk_win32_section *memory,
             enum vk_sync_win32_kind kind)
{
   struct vk_sync_win32_layout *layout = memory->map;

   if (vk_sync_win32_load64(&layout->magic) != VK_SYNC_WIN32_SECTION_MAGIC)
      return refuse(device, "The section holds no payload of this version");

   const uint32_t found = vk_sync_win32_load32(&layout->kind);
   if (found != (uint32_t)kind)
      return refuse(device, "The payload is of another kind (%u, not %u): "
                    "1 is a fence, 2 a binary semaphore, 3 a timeline",
                    found, kind);

   if (memory->kmt != 0 &&
       memory->kmt != vk_sync_win32_load32(&layout->kmt))
      return refuse(device, "The payload has another global share handle");

   return VK_SUCCESS;
}

/* The payload of this process for the same section, if there is one.  The id
 * is written by strangers: only the kernel can tell that two sections are one.
 * Where it cannot be asked, the payload gets another view and another slot.
 */
static struct vk_sync_win32_payload *
find_payload(const struct vk_win32_section *memory,
             enum vk_sync_win32_kind kind)
{
   struct vk_sync_win32_payload *found = NULL;
   struct vk_sync_win32_layout *layout = memory->map;
   const uint64_t id = vk_sync_win32_load64(&layout->id[0]);

   AcquireSRWLockShared(&sections_lock);
   list_for_each_entry(struct vk_sync_win32_section, section, &sections,
                       link) {
      if (section->remote.payload->kind != kind ||
          vk_sync_win32_load64(&section->layout->id[0]) != id ||
          !vk_win32_section_is_same(&section->memory, memory))
         continue;

      if (vk_sync_win32_payload_try_ref(section->remote.payload)) {
         found = section->remote.payload;
         if (memory->kmt != 0)
            vk_sync_win32_store32(&section->memory.kmt, memory->kmt);
         break;
      }
   }
   ReleaseSRWLockShared(&sections_lock);

   return found;
}

/* Takes over the section, also on failure. */
static VkResult
adopt_payload(struct vk_device *device, enum vk_sync_win32_kind kind,
              struct vk_win32_section *memory,
              struct vk_sync_win32_payload **payload_out)
{
   VkResult result = check_layout(device, memory, kind);
   if (result == VK_SUCCESS)
      *payload_out = find_payload(memory, kind);

   if (result != VK_SUCCESS || *payload_out != NULL) {
      vk_win32_section_close(memory);
      return result;
   }

   struct vk_sync_win32_layout *layout = memory->map;
   vk_win32_section_keep_kmt(memory, vk_sync_win32_load32(&layout->kmt));

   return shared_payload_create(device, kind, memory, payload_out);
}

VkResult
vk_sync_win32_section_import(struct vk_device *device,
                             enum vk_sync_win32_kind kind,
                             const struct vk_sync_win32_import_info *info,
                             struct vk_sync_win32_payload **payload_out)
{
   const struct vk_win32_section_open_info open_info = {
      .handle = info->handle,
      .name = info->name,
      .kmt = info->handle_type ==
             VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_KMT_BIT,
      .size = sizeof(struct vk_sync_win32_layout),
      .out_of_memory = VK_ERROR_OUT_OF_HOST_MEMORY,
   };
   /* So that two imports at once find each other's payload */
   static SRWLOCK import_lock = SRWLOCK_INIT;
   struct vk_win32_section memory;

   VkResult result = vk_win32_section_open(device, &open_info, &memory);
   if (result != VK_SUCCESS)
      return result;

   AcquireSRWLockExclusive(&import_lock);
   result = adopt_payload(device, kind, &memory, payload_out);
   ReleaseSRWLockExclusive(&import_lock);
   return result;
}

VkResult
vk_sync_win32_section_export_kmt(struct vk_device *device,
                                 struct vk_sync_win32_payload *payload,
                                 HANDLE *handle_out)
{
   const uint32_t kmt = vk_sync_win32_load32(&payload->section->memory.kmt);

   if (kmt == 0)
      return refuse(device, "The payload has no global share handle");

   *handle_out = (HANDLE)(uintptr_t)kmt;
   return VK_SUCCESS;
}

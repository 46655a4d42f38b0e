/* SPDX-License-Identifier: MIT */

/* Payloads in a section that other processes map, too */
#include "vk_sync_win32_payload_section.h"

#include <assert.h>
#include <stdlib.h>

#include "util/macros.h"
#include "util/os_time.h"

#include "vk_device.h"
#include "vk_log.h"

#include "vk_win32_section.h"

static_assert(sizeof(struct vk_sync_win32_slot) == 32, "shared layout");
static_assert(offsetof(struct vk_sync_win32_layout, word) == 64,
              "shared layout");
static_assert(offsetof(struct vk_sync_win32_layout, slots) == 128,
              "shared layout");
static_assert(sizeof(struct vk_sync_win32_layout) == 4096, "shared layout");

/** This process's view of a section */
struct section_payload {
   struct vk_sync_win32_payload base;
   struct vk_win32_section memory;
   struct vk_sync_win32_layout *layout;

   /* Until then, in ns, waits poll: some peer has failed to ring one. */
   uint64_t poll_until_ns;

   /* Not before then, in ns, slots of the dead are looked for again. */
   uint64_t recover_after_ns;
};

#define SECOND_NS (1000 * 1000 * 1000)

static struct section_payload *
to_section(const struct vk_sync_win32_payload *payload)
{
   return container_of(payload, struct section_payload, base);
}

static uint32_t
claim_slot(struct section_payload *section)
{
   const uint32_t slot = vk_sync_win32_slot_claim(section->layout);
   if (slot != VK_SYNC_WIN32_NO_SLOT)
      return slot;

   const uint64_t now_ns = os_time_get_nano();
   if (now_ns < vk_sync_win32_load64(&section->recover_after_ns))
      return slot;

   vk_sync_win32_store64(&section->recover_after_ns, now_ns + SECOND_NS);
   vk_sync_win32_slots_recover(section->layout, section->base.kind, false);
   return vk_sync_win32_slot_claim(section->layout);
}

static bool
section_arm(struct vk_sync_win32_record *record)
{
   struct section_payload *section = to_section(record->payload);
   const struct vk_sync_win32_bell *bell = &record->waiter->bell;

   if (!vk_sync_win32_bell_has_name(bell))
      return false;

   if (record->slot == VK_SYNC_WIN32_NO_SLOT)
      record->slot = claim_slot(section);
   if (record->slot == VK_SYNC_WIN32_NO_SLOT)
      return false;

   vk_sync_win32_slot_arm(section->layout, record->slot, record->target,
                          &bell->id);

   const uint64_t until_ns = vk_sync_win32_load64(&section->poll_until_ns);
   return until_ns == 0 || until_ns <= (uint64_t)os_time_get_nano();
}

static void
section_disarm(struct vk_sync_win32_record *record)
{
   struct section_payload *section = to_section(record->payload);

   if (record->slot == VK_SYNC_WIN32_NO_SLOT)
      return;

   if (vk_sync_win32_slot_has_failed(section->layout, record->slot))
      vk_sync_win32_store64(&section->poll_until_ns,
                            os_time_get_nano() + SECOND_NS);

   if (record->slot_is_ticket)
      vk_sync_win32_slot_disarm(section->layout, record->slot);
   else
      vk_sync_win32_slot_release(section->layout, record->slot);
   record->slot = VK_SYNC_WIN32_NO_SLOT;
}

static bool
section_signal(struct vk_sync_win32_payload *payload, uint64_t value)
{
   struct vk_sync_win32_layout *layout = to_section(payload)->layout;
   uint64_t word;

   if (!vk_sync_win32_word_signal(payload->kind, &layout->word, value, &word))
      return false;

   vk_sync_win32_barrier_after_swap();
   vk_sync_win32_slots_ring(layout, payload->kind, word);
   vk_sync_win32_payload_unref(payload);
   return true;
}

static void
section_destroy(struct vk_sync_win32_payload *payload)
{
   struct section_payload *section = to_section(payload);

   vk_win32_section_close(&section->memory);
   free(section);
}

static const struct vk_sync_win32_payload_ops section_ops = {
   .signal = section_signal,
   .arm = section_arm,
   .disarm = section_disarm,
   .destroy = section_destroy,
   .is_shared = true,
};

bool
vk_sync_win32_payload_is_section(const struct vk_sync_win32_payload *payload)
{
   return payload->ops == &section_ops;
}

const struct vk_win32_section *
vk_sync_win32_section_get(const struct vk_sync_win32_payload *payload)
{
   assert(vk_sync_win32_payload_is_section(payload));
   return &to_section(payload)->memory;
}

struct vk_sync_win32_layout *
vk_sync_win32_section_get_layout(struct vk_sync_win32_payload *payload)
{
   assert(vk_sync_win32_payload_is_section(payload));
   return to_section(payload)->layout;
}

/* Takes over the section, also on failure. */
static VkResult
create_payload(struct vk_device *device, enum vk_sync_win32_kind kind,
               struct vk_win32_section *memory,
               struct vk_sync_win32_payload **payload_out)
{
   struct section_payload *section = malloc(sizeof(*section));
   if (section == NULL) {
      vk_win32_section_close(memory);
      return vk_error(device, VK_ERROR_OUT_OF_HOST_MEMORY);
   }

   struct vk_sync_win32_layout *layout = memory->map;
   *section = (struct section_payload) {
      .base = {
         .ops = &section_ops,
         .word = &layout->word,
         .refcount = 1,
         .kind = kind,
      },
      .memory = *memory,
      .layout = layout,
   };

   *payload_out = &section->base;
   return VK_SUCCESS;
}

VkResult
vk_sync_win32_section_create(struct vk_device *device,
                             enum vk_sync_win32_kind kind, uint64_t word,
                             const struct vk_win32_section_info *info,
                             struct vk_sync_win32_payload **payload_out)
{
   struct vk_win32_section memory;

   VkResult result = vk_win32_section_create(device, info, &memory);
   if (result != VK_SUCCESS)
      return result;

   struct vk_sync_win32_layout *layout = memory.map;
   layout->kind = kind;
   layout->word = word;

   /* Last, for those who open it by name while we are at it */
   vk_sync_win32_store64(&layout->magic, VK_SYNC_WIN32_SECTION_MAGIC);

   return create_payload(device, kind, &memory, payload_out);
}

static VkResult
check_layout(struct vk_device *device, struct vk_sync_win32_layout *layout,
             enum vk_sync_win32_kind kind)
{
   if (vk_sync_win32_load64(&layout->magic) != VK_SYNC_WIN32_SECTION_MAGIC)
      return vk_win32_refuse(device,
                             "The section holds no payload of this version");

   const uint32_t found = vk_sync_win32_load32(&layout->kind);
   if (found != (uint32_t)kind)
      return vk_win32_refuse(device,
                             "The payload is of another kind (%u, not %u): 1 "
                             "is a fence, 2 a binary semaphore, 3 a timeline",
                             found, kind);

   return VK_SUCCESS;
}

VkResult
vk_sync_win32_section_import(struct vk_device *device,
                             enum vk_sync_win32_kind kind,
                             const struct vk_win32_section_info *info,
                             struct vk_sync_win32_payload **payload_out)
{
   struct vk_win32_section memory;

   VkResult result = vk_win32_section_open(device, info, &memory);
   if (result != VK_SUCCESS)
      return result;

   result = check_layout(device, memory.map, kind);
   if (result != VK_SUCCESS) {
      vk_win32_section_close(&memory);
      return result;
   }

   vk_sync_win32_slots_recover(memory.map, kind, false);
   return create_payload(device, kind, &memory, payload_out);
}

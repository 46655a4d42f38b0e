/* SPDX-License-Identifier: MIT */

/* Who blocks on a shared payload, and how its peers wake them */
#include "vk_sync_win32_section.h"

#include "util/macros.h"
#include "util/os_time.h"

#include "vk_sync_win32_shared_wait.h"

static struct vk_sync_win32_section *
to_section(struct vk_sync_win32_remote *remote)
{
   return container_of(remote, struct vk_sync_win32_section, remote);
}

/* Each a single atomic operation, lest a peer that hammers the word keeps us */
static void
arm(struct vk_sync_win32_layout *layout, uint32_t slot)
{
   const uint64_t bit = UINT64_C(1) << slot;

   if (!(vk_sync_win32_load64(&layout->armed) & bit))
      InterlockedOr64((volatile LONG64 *)&layout->armed, (LONG64)bit);
}

static void
disarm(struct vk_sync_win32_layout *layout, uint32_t slot)
{
   const uint64_t bit = UINT64_C(1) << slot;

   if (vk_sync_win32_load64(&layout->armed) & bit)
      InterlockedAnd64((volatile LONG64 *)&layout->armed, (LONG64)~bit);
}

/* Who owns a slot, or 0 if there is no such process.  A process that we may
 * not open is there; its creation time stays unknown, so 0 in the low half.
 */
static uint64_t
identify_process(uint32_t pid)
{
   FILETIME start = {0}, other;
   HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION |
                                SYNCHRONIZE, FALSE, pid);

   if (process == NULL)
      return GetLastError() == ERROR_INVALID_PARAMETER ?
             0 : (uint64_t)pid << 32;

   const bool alive = WaitForSingleObject(process, 0) == WAIT_TIMEOUT;
   GetProcessTimes(process, &start, &other, &other, &other);
   CloseHandle(process);

   const uint64_t time = (uint64_t)start.dwHighDateTime << 32 |
                         start.dwLowDateTime;
   return alive ? (uint64_t)pid << 32 | (uint32_t)(time >> 20) : 0;
}

static uint64_t
identify_self(void)
{
   static uint64_t self;

   /* Every thread would write the same. */
   uint64_t identity = vk_sync_win32_load64(&self);
   if (identity == 0) {
      identity = identify_process(GetCurrentProcessId());
      if (identity == 0)
         identity = (uint64_t)GetCurrentProcessId() << 32;
      vk_sync_win32_store64(&self, identity);
   }
   return identity;
}

static bool
is_abandoned(uint64_t owner)
{
   const uint64_t found = identify_process((uint32_t)(owner >> 32));

   return found == 0 || ((uint32_t)found != 0 && found != owner);
}

void
vk_sync_win32_section_release_slot(struct vk_sync_win32_section *section)
{
   if (section->slot == VK_SYNC_WIN32_NO_SLOT)
      return;

   disarm(section->layout, section->slot);
   vk_sync_win32_cas64(&section->layout->slots[section->slot].owner,
                       identify_self(), 0);
   section->slot = VK_SYNC_WIN32_NO_SLOT;
}

void
vk_sync_win32_section_want(struct vk_sync_win32_remote *remote,
                           uint64_t target)
{
   struct vk_sync_win32_section *section = to_section(remote);
   struct vk_sync_win32_layout *layout = section->layout;
   const uint32_t slot = vk_sync_win32_load32(&section->slot);

   if (slot == VK_SYNC_WIN32_NO_SLOT)
      return;

   if (target == UINT64_MAX) {
      disarm(layout, slot);
   } else {
      vk_sync_win32_store64(&layout->slots[slot].wanted, target);
      arm(layout, slot);
   }
}

static uint32_t
take_slot(struct vk_sync_win32_layout *layout, bool abandoned)
{
   for (uint32_t i = 0; i < VK_SYNC_WIN32_SECTION_SLOTS; i++) {
      struct vk_sync_win32_slot *slot = &layout->slots[i];
      const uint64_t owner = vk_sync_win32_load64(&slot->owner);

      if ((owner == 0) == abandoned || (abandoned && !is_abandoned(owner)))
         continue;

      if (vk_sync_win32_cas64(&slot->owner, owner, identify_self()))
         return i;
   }
   return VK_SYNC_WIN32_NO_SLOT;
}

static bool
claim_slot(struct vk_sync_win32_section *section, bool thorough)
{
   const struct vk_sync_win32_doorbell_id *doorbell =
      vk_sync_win32_shared_wait_doorbell_id();
   struct vk_sync_win32_layout *layout = section->layout;

   uint32_t index = take_slot(layout, false);
   if (index == VK_SYNC_WIN32_NO_SLOT && thorough)
      index = take_slot(layout, true);
   if (index == VK_SYNC_WIN32_NO_SLOT)
      return false;

   struct vk_sync_win32_slot *slot = &layout->slots[index];
   disarm(layout, index);
   vk_sync_win32_store64(&slot->doorbell.bits[0], doorbell->bits[0]);
   vk_sync_win32_store64(&slot->doorbell.bits[1], doorbell->bits[1]);
   vk_sync_win32_store32(&slot->flags, 0);
   vk_sync_win32_store32(&section->slot, index);
   return true;
}

/* One peer that fails to ring us, for good reason or bad, makes us poll for
 * this long; then it has to fail again.
 */
#define DEAF_NS (1000 * 1000 * 1000)

bool
vk_sync_win32_section_reach(struct vk_sync_win32_remote *remote,
                            bool thorough)
{
   struct vk_sync_win32_section *section = to_section(remote);

   if (section->slot == VK_SYNC_WIN32_NO_SLOT &&
       !claim_slot(section, thorough))
      return false;

   struct vk_sync_win32_slot *slot = &section->layout->slots[section->slot];
   if (vk_sync_win32_load32(&slot->flags) & VK_SYNC_WIN32_SLOT_UNREACHABLE) {
      vk_sync_win32_store32(&slot->flags, 0);
      section->deaf_until_ns = os_time_get_nano() + DEAF_NS;
   }

   return section->deaf_until_ns == 0 ||
          section->deaf_until_ns <= (uint64_t)os_time_get_nano();
}

static void
ring_slot(struct vk_sync_win32_slot *slot)
{
   const struct vk_sync_win32_doorbell_id id = { .bits = {
      vk_sync_win32_load64(&slot->doorbell.bits[0]),
      vk_sync_win32_load64(&slot->doorbell.bits[1]),
   } };

   if (!vk_sync_win32_doorbell_ring(&id))
      vk_sync_win32_store32(&slot->flags, VK_SYNC_WIN32_SLOT_UNREACHABLE);
}

void
vk_sync_win32_section_ring(struct vk_sync_win32_remote *remote,
                           uint64_t word)
{
   struct vk_sync_win32_section *section = to_section(remote);
   struct vk_sync_win32_layout *layout = section->layout;
   uint64_t armed = vk_sync_win32_load64(&layout->armed);

   /* Our own threads have been released already. */
   const uint32_t own = vk_sync_win32_load32(&section->slot);
   if (own != VK_SYNC_WIN32_NO_SLOT)
      armed &= ~(UINT64_C(1) << own);

   for (uint32_t i = 0; armed != 0; i++, armed >>= 1) {
      struct vk_sync_win32_slot *slot = &layout->slots[i];

      if (!(armed & 1) ||
          !vk_sync_win32_target_reached(remote->payload->kind, word,
                                        vk_sync_win32_load64(&slot->wanted)))
         continue;

      /* Disarm first: what the owner arms from now on is for later signals,
       * and somebody who died is rung no more than once.
       */
      disarm(layout, i);
      ring_slot(slot);
   }
}

/* SPDX-License-Identifier: MIT */

/* What there is to see of a payload.  Read without permission, where it comes
 * to that: whoever asks is about to give up.
 */
#include "peer.h"

#include <inttypes.h>

#include "vk_sync_win32_wait.h"

static void
dump_slot(unsigned index, struct vk_sync_win32_slot *slot)
{
   const uint64_t owner = vk_sync_win32_load64(&slot->owner);

   if (owner != 0)
      test_diag("   slot %u: owner %" PRIu64 " (created 0x%08" PRIx32 "), "
                "flags %u, wanted 0x%" PRIx64, index, owner >> 32,
                (uint32_t)owner, vk_sync_win32_load32(&slot->flags),
                vk_sync_win32_load64(&slot->wanted));
}

static void
dump_records(struct vk_sync_win32_payload *payload)
{
   static const char *const states[] = {
      "running", "parked", "leading", "promoted", "released",
   };

   if (!TryAcquireSRWLockExclusive(&payload->lock)) {
      test_diag("   the payload's lock is held");
      return;
   }
   rb_tree_foreach(struct vk_sync_win32_wait_record, record,
                   &payload->records, node) {
      struct vk_sync_win32_waiter *waiter = record->waiter;
      const uint32_t state = vk_sync_win32_load32(&waiter->state);

      test_diag("   record: target 0x%" PRIx64 ", linked %u, waiter %p: %s, "
                "%d missing", record->target, record->linked, (void *)waiter,
                state < TEST_COUNT(states) ? states[state] : "garbage",
                (int)waiter->missing);
   }
   ReleaseSRWLockExclusive(&payload->lock);
}

void
peer_dump(const char *name, struct vk_sync *sync)
{
   struct vk_sync_win32_payload *payload = unit_payload(sync);
   struct vk_sync_win32_section *section = payload->section;
   struct vk_sync_win32_layout *layout = section->layout;

   test_diag("process %lu, %s: word 0x%" PRIx64 ", armed 0x%" PRIx64
             ", own slot %d, %u watchers, wanted here 0x%" PRIx64,
             (unsigned long)GetCurrentProcessId(), name,
             vk_sync_win32_load64(&layout->word),
             vk_sync_win32_load64(&layout->armed), (int)section->slot,
             section->remote.watchers, vk_sync_win32_load64(&payload->wanted));
   for (unsigned i = 0; i < VK_SYNC_WIN32_SECTION_SLOTS; i++)
      dump_slot(i, &layout->slots[i]);
   dump_records(payload);
}

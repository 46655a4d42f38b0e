/* SPDX-License-Identifier: MIT */

/* What there is to see of a payload.  Read without permission, where it comes
 * to that: whoever asks is about to give up.
 */
#include "peer.h"

#include <inttypes.h>

static void
dump_slot(struct vk_sync_win32_layout *layout, unsigned index)
{
   struct vk_sync_win32_slot *slot = &layout->slots[index];
   const uint64_t owner = vk_sync_win32_load64(&slot->owner);
   const uint64_t target = vk_sync_win32_load64(&slot->target);
   const bool armed = peer_has_bit(layout->armed, index);
   const bool failed = peer_has_bit(layout->failed, index);

   if (owner != 0 || armed || failed)
      test_diag("   slot %u: owner %" PRIu64 " (created 0x%08" PRIx32 "), "
                "target 0x%" PRIx64 "%s%s, bell %016" PRIx64 "%016" PRIx64,
                index, owner >> 32, (uint32_t)owner, target,
                armed ? ", armed" : "", failed ? ", failed" : "",
                vk_sync_win32_load64(&slot->bell.bits[0]),
                vk_sync_win32_load64(&slot->bell.bits[1]));
}

void
peer_dump(const char *name, struct vk_sync *sync)
{
   struct vk_sync_win32_layout *layout = unit_layout(sync);

   test_diag("process %lu, %s: word 0x%" PRIx64,
             (unsigned long)GetCurrentProcessId(), name,
             vk_sync_win32_load64(&layout->word));
   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++)
      dump_slot(layout, i);
}

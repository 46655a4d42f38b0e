/* SPDX-License-Identifier: MIT */

/* What there is to see of a hang.  Everything is read without permission: the
 * program is going to end anyway.
 */
#include "stress.h"

#include <inttypes.h>

#include "util/os_time.h"

#include "vk_sync_win32_wait.h"

static const char *const states[] = {
   [VK_SYNC_WIN32_WAITER_RUNNING] = "running",
   [VK_SYNC_WIN32_WAITER_PARKED] = "parked",
   [VK_SYNC_WIN32_WAITER_LEADING] = "leading",
   [VK_SYNC_WIN32_WAITER_PROMOTED] = "promoted",
   [VK_SYNC_WIN32_WAITER_RELEASED] = "released",
};

static void
dump_waiter(const char *what, const struct vk_sync_win32_waiter *waiter)
{
   const uint32_t state = STRESS_GET(&waiter->state);

   test_diag("     %s %p: %s, %d missing, token: thread %u, unparked %u", what,
             (const void *)waiter,
             state < TEST_COUNT(states) ? states[state] : "garbage",
             STRESS_GET(&waiter->missing), waiter->token.thread_id,
             waiter->token.unparked);
}

static void
dump_section(const struct vk_sync_win32_section *section)
{
   const struct vk_sync_win32_layout *layout = section->layout;

   test_diag("     section: armed 0x%" PRIx64 ", our slot %d, %u watchers",
             STRESS_GET(&layout->armed), (int)section->slot,
             section->watchers);
   for (unsigned i = 0; i < VK_SYNC_WIN32_SECTION_SLOTS; i++) {
      const struct vk_sync_win32_slot *slot = &layout->slots[i];
      if (STRESS_GET(&slot->owner) != 0)
         test_diag("     slot %u: owner 0x%" PRIx64 ", flags %u, wanted 0x%" PRIx64,
                   i, (uint64_t)STRESS_GET(&slot->owner),
                   STRESS_GET(&slot->flags), STRESS_GET(&slot->wanted));
   }
}

static void
dump_item(const struct stress_item *item)
{
   const struct vk_sync_win32 *wsync =
      (const struct vk_sync_win32 *)item->sync;
   struct vk_sync_win32_payload *payload = wsync->payload;

   test_diag("   on a %s %s, payload %p: word 0x%" PRIx64 ", wanted 0x%" PRIx64,
             payload->section != NULL ? "shared" : "private",
             payload->kind == VK_SYNC_WIN32_KIND_TIMELINE ? "timeline" :
             item->semaphore != NULL ? "semaphore" : "fence",
             (void *)payload, STRESS_GET(payload->word),
             STRESS_GET(&payload->wanted));
   if (wsync->has_ticket)
      test_diag("     for ticket 0x%x", wsync->ticket);
   else if (payload->kind == VK_SYNC_WIN32_KIND_TIMELINE)
      test_diag("     for value 0x%" PRIx64, item->value);
   if (payload->section != NULL)
      dump_section(payload->section);

   if (!TryAcquireSRWLockExclusive(&payload->lock)) {
      test_diag("     the payload's lock is held");
      return;
   }
   rb_tree_foreach(struct vk_sync_win32_wait_record, record,
                   &payload->records, node) {
      test_diag("     record %p: target 0x%" PRIx64 ", linked %u",
                (void *)record, record->target, record->linked);
      dump_waiter("waiter", record->waiter);
   }
   ReleaseSRWLockExclusive(&payload->lock);
}

void
stress_dump(struct stress *stress)
{
   const uint64_t now_ns = os_time_get_nano();

   for (unsigned i = 0; i < THREADS; i++) {
      struct stress_thread *thread = &stress->threads[i];
      const char *call = STRESS_GET(&thread->kernel_call);
      const uint64_t since_ns = STRESS_GET(&thread->since_ns);

      test_diag("thread %u (%s): %s%s", i, thread->role,
                since_ns != 0 ? "in a wait" : "not in a wait",
                call != NULL ? ", in" : "");
      if (call != NULL) {
         test_diag("   %s, key %p", call, STRESS_GET(&thread->key));
         /* A token is the first member of its waiter. */
         if (STRESS_GET(&thread->key) != NULL)
            dump_waiter("key's waiter", STRESS_GET(&thread->key));
      }
      if (since_ns == 0 || now_ns - since_ns < 500 * STRESS_MS)
         continue;

      const struct stress_item *items = STRESS_GET(&thread->items);
      const uint32_t count = STRESS_GET(&thread->item_count);
      test_diag("   for %" PRIu64 " ms, deadline %" PRId64 ", %u items",
                (now_ns - since_ns) / STRESS_MS,
                (int64_t)(STRESS_GET(&thread->deadline_ns) - now_ns), count);

      /* Those that nobody waits for any more matter only if there are few. */
      uint32_t shown = 0;
      for (uint32_t j = 0; j < count && shown < 16; j++) {
         if (count <= 16 ||
             !rb_tree_is_empty(&stress_payload(items[j].sync)->records)) {
            dump_item(&items[j]);
            shown++;
         }
      }
   }
   for (unsigned i = 0; i < TEST_COUNT(stress->queues); i++)
      test_diag("queue %u: %u jobs", i, stress->queues[i].count);
}

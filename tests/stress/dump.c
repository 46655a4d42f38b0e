/* SPDX-License-Identifier: MIT */

/* What there is to see of a hang.  Everything is read without permission: the
 * program is going to end anyway.
 */
#include "stress.h"

#include <inttypes.h>

#include "util/os_time.h"

#include "vk_sync_win32_wait.h"

#ifdef __SANITIZE_THREAD__
/* Part of ThreadSanitizer, which would end the program in the middle of this */
void AnnotateIgnoreReadsBegin(const char *file, int line);
#else
#define AnnotateIgnoreReadsBegin(file, line) ((void)0)
#endif

static const char *const states[] = {
   [VK_SYNC_WIN32_WAITER_RUNNING] = "running",
   [VK_SYNC_WIN32_WAITER_PARKED] = "parked",
   [VK_SYNC_WIN32_WAITER_LEADING] = "leading",
   [VK_SYNC_WIN32_WAITER_PROMOTED] = "promoted",
   [VK_SYNC_WIN32_WAITER_RELEASED] = "released",
};

static const char *
state_name(const struct vk_sync_win32_waiter *waiter)
{
   const uint32_t state = STRESS_GET(&waiter->state);

   return state < TEST_COUNT(states) ? states[state] : "garbage";
}

static void
dump_records(struct vk_sync_win32_payload *payload)
{
   if (!TryAcquireSRWLockExclusive(&payload->lock)) {
      test_diag("     the payload's lock is held");
      return;
   }
   const uint64_t word = vk_sync_win32_payload_load(payload);
   if (rb_tree_is_empty(&payload->records))
      test_diag("     no record is linked");
   rb_tree_foreach(struct vk_sync_win32_wait_record, record,
                   &payload->records, node) {
      test_diag("     record %p: target 0x%" PRIx64 "%s, linked %u; waiter %p: "
                "%s, %d missing", (void *)record, record->target,
                vk_sync_win32_target_reached(payload->kind, word,
                                             record->target) ?
                " REACHED" : "", record->linked, (void *)record->waiter,
                state_name(record->waiter),
                STRESS_GET(&record->waiter->missing));
   }
   ReleaseSRWLockExclusive(&payload->lock);
}

static void
dump_section(const struct vk_sync_win32_section *section)
{
   const struct vk_sync_win32_layout *layout = section->layout;

   test_diag("     section: armed 0x%" PRIx64 ", our slot %d, %u watchers",
             STRESS_GET(&layout->armed), (int)section->slot,
             section->remote.watchers);
   for (unsigned i = 0; i < VK_SYNC_WIN32_SECTION_SLOTS; i++) {
      const struct vk_sync_win32_slot *slot = &layout->slots[i];
      if (STRESS_GET(&slot->owner) != 0)
         test_diag("     slot %u: owner 0x%" PRIx64 ", flags %u, wanted 0x%" PRIx64,
                   i, (uint64_t)STRESS_GET(&slot->owner),
                   STRESS_GET(&slot->flags), STRESS_GET(&slot->wanted));
   }
}

static void
dump_item(uint32_t index, const struct stress_item *item)
{
   const struct vk_sync_win32 *wsync =
      (const struct vk_sync_win32 *)item->sync;
   struct vk_sync_win32_payload *payload = wsync->payload;
   const bool timeline = payload->kind == VK_SYNC_WIN32_KIND_TIMELINE;

   test_diag("   item %u: a %s %s, payload %p: word 0x%" PRIx64
             ", wanted 0x%" PRIx64, index,
             payload->section != NULL ? "shared" :
             payload->remote != NULL ? "Direct3D 12" : "private",
             timeline ? "timeline" :
             item->semaphore != NULL ? "semaphore" : "fence",
             (void *)payload, vk_sync_win32_payload_load(payload),
             STRESS_GET(&payload->wanted));
   if (wsync->has_ticket)
      test_diag("     for ticket 0x%x", wsync->ticket);
   else if (timeline)
      test_diag("     for value 0x%" PRIx64, item->value);

   if (payload->section != NULL)
      dump_section(payload->section);
   dump_records(payload);
}

static void
dump_wait(struct stress_thread *thread, uint64_t now_ns)
{
   const struct stress_item *items = STRESS_GET(&thread->items);
   const uint32_t count = STRESS_GET(&thread->item_count);
   const uint64_t deadline_ns = STRESS_GET(&thread->deadline_ns);

   if (deadline_ns == UINT64_MAX)
      test_diag("   no time-out, %u items", count);
   else
      test_diag("   time-out in %" PRId64 " ms, %u items",
                (int64_t)(deadline_ns - now_ns) / (int64_t)STRESS_MS, count);

   /* Of a large set, those that have been reached are of no interest. */
   for (uint32_t i = 0; i < count; i++) {
      if (count <= 16 ||
          !rb_tree_is_empty(&stress_payload(items[i].sync)->records))
         dump_item(i, &items[i]);
   }
}

/* The key, if there is one, is the token of the thread that is parked or
 * unparked: the first member of its waiter.
 */
static void
dump_call(const char *call, const void *key)
{
   const struct vk_sync_win32_waiter *waiter = key;

   if (waiter == NULL)
      test_diag("   in %s", call);
   else
      test_diag("   in %s, waiter %p: %s, %d missing, token: thread %u, "
                "unparked %u", call, key, state_name(waiter),
                STRESS_GET(&waiter->missing), waiter->token.thread_id,
                waiter->token.unparked);
}

static uint64_t
ms_since(uint64_t then_ns, uint64_t now_ns)
{
   return then_ns != 0 ? (now_ns - then_ns) / STRESS_MS : 0;
}

void
stress_dump(struct stress *stress)
{
   const uint64_t now_ns = os_time_get_nano();

   AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
   for (unsigned i = 0; i < THREADS; i++) {
      struct stress_thread *thread = &stress->threads[i];
      const char *call = STRESS_GET(&thread->kernel_call);
      const uint64_t since_ns = STRESS_GET(&thread->since_ns);

      test_diag("thread %u (%s): busy for %" PRIu64 " ms, waits for %" PRIu64
                " ms", i, thread->role,
                ms_since(STRESS_GET(&thread->busy_ns), now_ns),
                ms_since(since_ns, now_ns));
      if (call != NULL)
         dump_call(call, STRESS_GET(&thread->key));
      /* The items of a wait that is about to end may vanish under our eyes. */
      if (ms_since(since_ns, now_ns) > 500)
         dump_wait(thread, now_ns);
   }
   for (unsigned i = 0; i < TEST_COUNT(stress->queues); i++)
      test_diag("queue %u: %u jobs", i, stress->queues[i].count);
}

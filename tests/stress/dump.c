/* SPDX-License-Identifier: MIT */

/* What there is to see of a hang.  Everything is read without permission: the
 * program is going to end anyway.
 */
#include "stress.h"

#include <inttypes.h>

#include "util/os_time.h"

#ifdef __SANITIZE_THREAD__
/* Part of ThreadSanitizer, which would end the program in the middle of this */
void AnnotateIgnoreReadsBegin(const char *file, int line);
#else
#define AnnotateIgnoreReadsBegin(file, line) ((void)0)
#endif

static const char *
kind_of(const struct stress_item *item)
{
   return stress_payload(item->sync)->kind == VK_SYNC_WIN32_KIND_TIMELINE ?
          "timeline" : item->semaphore != NULL ? "semaphore" : "fence";
}

static const char *
type_of(const struct vk_sync *sync)
{
   return stress_layout(sync) != NULL ? "shared" :
          stress_type(sync) == STRESS_D3D12 ? "Direct3D 12" : "private";
}

static bool
is_set(const uint64_t *words, unsigned slot)
{
   return STRESS_GET(&words[slot / 64]) >> slot % 64 & 1;
}

static void
dump_slots(const struct vk_sync *sync, uint64_t word)
{
   struct vk_sync_win32_layout *layout = stress_layout(sync);

   for (unsigned i = 0; layout != NULL && i < VK_SYNC_WIN32_SLOTS; i++) {
      const struct vk_sync_win32_slot *slot = &layout->slots[i];
      const uint64_t target = STRESS_GET(&slot->target);
      const bool armed = is_set(layout->armed, i);
      const bool failed = is_set(layout->failed, i);

      if (target != 0 || armed || failed)
         test_diag("     slot %u: owner 0x%" PRIx64 ", target 0x%" PRIx64
                   "%s%s%s, bell %016" PRIx64 "...", i,
                   STRESS_GET(&slot->owner), target,
                   vk_sync_win32_is_reached(stress_payload(sync)->kind, word,
                                            target) ? " REACHED" : "",
                   armed ? ", armed" : "", failed ? ", failed" : "",
                   STRESS_GET(&slot->bell.bits[0]));
   }
}

/* A fence's target is a guess: it may have been signalled and reset since. */
static void
dump_item(uint32_t index, const struct stress_item *item)
{
   const struct vk_sync_win32 *wsync =
      (const struct vk_sync_win32 *)item->sync;
   struct vk_sync_win32_payload *payload = wsync->payload;
   const uint64_t word = vk_sync_win32_payload_load(payload);
   const uint64_t target =
      payload->kind == VK_SYNC_WIN32_KIND_TIMELINE ? item->value :
      VK_SYNC_WIN32_TARGET_TICKET(wsync->has_ticket ? wsync->ticket :
                                  vk_sync_win32_consumed(word) + 1);

   test_diag("   item %u: a %s %s, payload %p: word 0x%" PRIx64
             ", target 0x%" PRIx64 "%s", index, type_of(item->sync),
             kind_of(item), (void *)payload, word, target,
             vk_sync_win32_is_reached(payload->kind, word, target) ?
             " REACHED" : "");
   if (wsync->has_ticket && wsync->slot != VK_SYNC_WIN32_NO_SLOT)
      test_diag("     with its ticket in slot %u", wsync->slot);
   dump_slots(item->sync, word);
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

   /* Of a large set, there is nothing to say of most. */
   for (uint32_t i = 0; i < count && i < 32; i++)
      dump_item(i, &items[i]);
}

/* What a thread parks on by keyed event, or is to be released from, is the
 * state of a waiter: see VK_SYNC_WIN32_PARKED.
 */
static void
dump_call(enum stress_call call, const void *object)
{
   static const char *const names[] = {
      [CALL_PARK] = "NtWaitForKeyedEvent",
      [CALL_UNPARK] = "NtReleaseKeyedEvent",
      [CALL_BELL_WAIT] = "a wait for objects",
      [CALL_RING] = "NtReleaseSemaphore",
      [CALL_SLEEP] = "NtDelayExecution",
   };

   if (call == CALL_PARK || call == CALL_UNPARK)
      test_diag("   in %s, key %p: state %u", names[call], object,
                (unsigned)STRESS_GET((const uint32_t *)object));
   else if (call != CALL_NONE)
      test_diag("   in %s, handle %p", names[call], object);
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
      const uint64_t since_ns = STRESS_GET(&thread->since_ns);

      test_diag("thread %u (%s): busy for %" PRIu64 " ms, waits for %" PRIu64
                " ms", i, thread->role,
                ms_since(STRESS_GET(&thread->busy_ns), now_ns),
                ms_since(since_ns, now_ns));
      dump_call(STRESS_GET(&thread->kernel_call),
                STRESS_GET(&thread->object));
      /* The items of a wait that is about to end may vanish under our eyes. */
      if (ms_since(since_ns, now_ns) > 500)
         dump_wait(thread, now_ns);
   }
   for (unsigned i = 0; i < TEST_COUNT(stress->queues); i++)
      test_diag("queue %u: %u jobs", i, stress->queues[i].count);
}

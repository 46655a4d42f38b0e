/* SPDX-License-Identifier: MIT */

/* Private payloads.  The threads that wait on one are in a tree, so that a
 * signal finds those that it wakes without looking at the others.
 */
#include "vk_sync_win32_payload.h"

#include <assert.h>
#include <stdlib.h>

#include "util/macros.h"
#include "util/u_memory.h"

/* What signals and seated waits look at is in one cache line. */
struct private_payload {
   struct vk_sync_win32_payload base;
   uint64_t word;

   /* The lowest target in the tree, UINT64_MAX if it is empty.  Written under
    * the lock; a signaller reads it without.
    */
   uint64_t wanted;

   /* Where one thread may park without a record, and its target.  One that is
    * terminated there leaves the others the tree.
    */
   uint32_t seat;
   uint64_t seat_target;

   /* Protects the tree, the records in it, and thereby their waiters */
   SRWLOCK lock;
   struct rb_tree records;
};

static struct private_payload *
to_private(struct vk_sync_win32_payload *payload)
{
   return container_of(payload, struct private_payload, base);
}

static int
compare_records(const struct rb_node *a, const struct rb_node *b)
{
   const uint64_t target_a =
      rb_node_data(struct vk_sync_win32_record, a, node)->target;
   const uint64_t target_b =
      rb_node_data(struct vk_sync_win32_record, b, node)->target;

   return (target_b > target_a) - (target_b < target_a);
}

static void
update_wanted_locked(struct private_payload *payload)
{
   struct rb_node *first = rb_tree_first(&payload->records);
   uint64_t wanted = UINT64_MAX;

   /* Tickets wrap, so that their order in the tree says nothing. */
   if (first != NULL && payload->base.kind != VK_SYNC_WIN32_KIND_TIMELINE)
      wanted = 0;
   else if (first != NULL)
      wanted = rb_node_data(struct vk_sync_win32_record, first, node)->target;

   vk_sync_win32_store64(&payload->wanted, wanted);
}

static bool
private_arm(struct vk_sync_win32_record *record)
{
   struct private_payload *payload = to_private(record->payload);

   /* Whoever holds the lock then holds it for ever. */
   if (vk_sync_win32_nt.is_shutting_down())
      return true;

   AcquireSRWLockExclusive(&payload->lock);
   if (!record->is_linked) {
      rb_tree_insert(&payload->records, &record->node, compare_records);
      record->is_linked = true;
      update_wanted_locked(payload);
   }
   ReleaseSRWLockExclusive(&payload->lock);
   return true;
}

static void
unlink_record_locked(struct private_payload *payload,
                     struct vk_sync_win32_record *record)
{
   rb_tree_remove(&payload->records, &record->node);
   vk_sync_win32_store32(&record->is_linked, false);
}

static void
private_disarm(struct vk_sync_win32_record *record)
{
   struct private_payload *payload = to_private(record->payload);

   /* Whoever has woken us has unlinked it. */
   if (!vk_sync_win32_load32(&record->is_linked) ||
       vk_sync_win32_nt.is_shutting_down())
      return;

   AcquireSRWLockExclusive(&payload->lock);
   if (record->is_linked) {
      unlink_record_locked(payload, record);
      update_wanted_locked(payload);
   }
   ReleaseSRWLockExclusive(&payload->lock);
}

/* Unlink what the word has reached; false if there was no room for all. */
static bool
collect_locked(struct private_payload *payload,
               struct vk_sync_win32_wakes *wakes)
{
   const enum vk_sync_win32_kind kind = payload->base.kind;
   const uint64_t word = vk_sync_win32_load64(&payload->word);
   struct rb_node *next = rb_tree_first(&payload->records);

   while (next != NULL) {
      struct vk_sync_win32_record *record =
         rb_node_data(struct vk_sync_win32_record, next, node);
      next = rb_node_next(next);

      if (vk_sync_win32_is_reached(kind, word, record->target)) {
         if (!vk_sync_win32_waiter_notify(record->waiter, wakes))
            return false;
         unlink_record_locked(payload, record);
      } else if (kind == VK_SYNC_WIN32_KIND_TIMELINE) {
         break;
      }
   }
   return true;
}

static void
wake_reached(struct private_payload *payload)
{
   struct vk_sync_win32_wakes wakes;
   bool complete;

   /* There is nobody left to wake. */
   if (vk_sync_win32_nt.is_shutting_down())
      return;

   wakes.state_count = wakes.bell_count = 0;
   do {
      AcquireSRWLockExclusive(&payload->lock);
      complete = collect_locked(payload, &wakes);
      update_wanted_locked(payload);
      ReleaseSRWLockExclusive(&payload->lock);

      vk_sync_win32_wake(&wakes);
   } while (!complete);
}

static uint32_t *
private_sit(struct vk_sync_win32_payload *base, uint64_t target)
{
   struct private_payload *payload = to_private(base);

   if (vk_sync_win32_nt.is_shutting_down() ||
       !vk_sync_win32_cas32(&payload->seat, VK_SYNC_WIN32_VACANT,
                            VK_SYNC_WIN32_PARKED))
      return NULL;

   vk_sync_win32_store64(&payload->seat_target, target);
   return &payload->seat;
}

/* The target may be that of whoever had the seat before, or has left it since:
 * then somebody is woken for nothing, and the thread that has it looks again
 * after it has written its own.
 */
static bool
notify_seat(struct private_payload *payload, uint64_t word)
{
   return vk_sync_win32_load32(&payload->seat) == VK_SYNC_WIN32_PARKED &&
          vk_sync_win32_is_reached(payload->base.kind, word,
             vk_sync_win32_load64(&payload->seat_target)) &&
          !vk_sync_win32_nt.is_shutting_down() &&
          vk_sync_win32_notify(&payload->seat);
}

static bool
private_signal(struct vk_sync_win32_payload *base, uint64_t value)
{
   struct private_payload *payload = to_private(base);
   uint64_t word;

   if (!vk_sync_win32_word_signal(base->kind, &payload->word, value, &word))
      return false;

   /* Pairs with the one between arm() and looking once more: either we see
    * the record or its thread sees the signal.
    */
   vk_sync_win32_barrier_after_swap();

   if (word >= vk_sync_win32_load64(&payload->wanted))
      wake_reached(payload);

   /* Before whoever wakes needs the cache line, and keeps the seat no more */
   uint32_t *seat = notify_seat(payload, word) ? &payload->seat : NULL;
   vk_sync_win32_payload_unref(base);
   if (seat != NULL)
      vk_sync_win32_chosen_parker->unpark(&seat, 1);
   return true;
}

static void
private_destroy(struct vk_sync_win32_payload *base)
{
   assert(rb_tree_is_empty(&to_private(base)->records));
   os_free_aligned(to_private(base));
}

static const struct vk_sync_win32_payload_ops private_ops = {
   .signal = private_signal,
   .sit = private_sit,
   .arm = private_arm,
   .disarm = private_disarm,
   .destroy = private_destroy,
};

struct vk_sync_win32_payload *
vk_sync_win32_payload_create(enum vk_sync_win32_kind kind,
                             uint64_t initial_value)
{
   struct private_payload *payload =
      os_malloc_aligned(sizeof(*payload), CACHE_LINE_SIZE);
   if (payload == NULL)
      return NULL;

   *payload = (struct private_payload) {
      .base = {
         .ops = &private_ops,
         .word = &payload->word,
         .refcount = 1,
         .kind = kind,
      },
      .word = kind == VK_SYNC_WIN32_KIND_TIMELINE ? initial_value :
                                                    initial_value != 0,
      .wanted = UINT64_MAX,
      .lock = SRWLOCK_INIT,
   };
   rb_tree_init(&payload->records);
   return &payload->base;
}

void
vk_sync_win32_payload_unref(struct vk_sync_win32_payload *payload)
{
   if (p_atomic_dec_zero(&payload->refcount))
      payload->ops->destroy(payload);
}

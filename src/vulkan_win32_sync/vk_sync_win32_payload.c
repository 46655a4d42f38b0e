/* SPDX-License-Identifier: MIT */
#include "vk_sync_win32_payload.h"

#include <assert.h>
#include <stdlib.h>

#include "util/macros.h"

#include "vk_sync_win32.h"
#include "vk_sync_win32_shared_wait.h"
#include "vk_sync_win32_wait.h"

uint64_t
vk_sync_win32_initial_word(enum vk_sync_win32_kind kind,
                           uint64_t initial_value)
{
   return kind == VK_SYNC_WIN32_KIND_TIMELINE ? initial_value :
                                                initial_value != 0;
}

void
vk_sync_win32_payload_init(struct vk_sync_win32_payload *payload,
                           enum vk_sync_win32_kind kind)
{
   *payload = (struct vk_sync_win32_payload) {
      .word = &payload->own_word,
      .wanted = UINT64_MAX,
      .lock = SRWLOCK_INIT,
      .refcount = 1,
      .kind = kind,
   };
   rb_tree_init(&payload->records);
   vk_sync_win32_shared_wait_ref();
}

/* Private payloads to be used again: applications create and destroy fences
 * every frame, and the heap would be most of what that takes.  Emptied when
 * the last payload goes, so that nothing outlives the driver.
 */
#ifndef VK_SYNC_WIN32_POOL_SIZE
#define VK_SYNC_WIN32_POOL_SIZE 16
#endif

static uintptr_t pool[VK_SYNC_WIN32_POOL_SIZE];

static struct vk_sync_win32_payload *
pool_take(void)
{
   for (unsigned i = 0; i < VK_SYNC_WIN32_POOL_SIZE; i++) {
      if (p_atomic_read_relaxed(&pool[i]) == 0)
         continue;

      const uintptr_t payload = p_atomic_xchg(&pool[i], 0);
      if (payload != 0)
         return (struct vk_sync_win32_payload *)payload;
   }
   return NULL;
}

static bool
pool_give(struct vk_sync_win32_payload *payload)
{
   for (unsigned i = 0; i < VK_SYNC_WIN32_POOL_SIZE; i++) {
      if (p_atomic_read_relaxed(&pool[i]) == 0 &&
          p_atomic_cmpxchg(&pool[i], 0, (uintptr_t)payload) == 0)
         return true;
   }
   return false;
}

void
vk_sync_win32_payload_empty_pool(void)
{
   struct vk_sync_win32_payload *payload;

   while ((payload = pool_take()) != NULL)
      free(payload);
}

struct vk_sync_win32_payload *
vk_sync_win32_payload_create(enum vk_sync_win32_kind kind,
                             uint64_t initial_value)
{
   struct vk_sync_win32_payload *payload = pool_take();
   if (payload == NULL)
      payload = malloc(sizeof(*payload));
   if (payload == NULL)
      return NULL;

   vk_sync_win32_payload_init(payload, kind);
   payload->own_word = vk_sync_win32_initial_word(kind, initial_value);

   return payload;
}

void
vk_sync_win32_payload_unref(struct vk_sync_win32_payload *payload)
{
   if (!p_atomic_dec_zero(&payload->refcount))
      return;

   assert(rb_tree_is_empty(&payload->records));
   if (payload->remote != NULL)
      payload->remote->ops->finish(payload->remote);
   if (payload->remote != NULL || !pool_give(payload))
      free(payload);

   vk_sync_win32_shared_wait_unref();
}

static int
compare_records(const struct rb_node *a, const struct rb_node *b)
{
   const uint64_t target_a =
      rb_node_data(struct vk_sync_win32_wait_record, a, node)->target;
   const uint64_t target_b =
      rb_node_data(struct vk_sync_win32_wait_record, b, node)->target;

   return (target_b > target_a) - (target_b < target_a);
}

/* The lowest target to publish.  Tickets wrap, so their tree order is no
 * guide; but a binary payload has few waiters, each with a ticket of its own.
 */
static uint64_t
lowest_target(struct vk_sync_win32_payload *payload)
{
   struct rb_node *first = rb_tree_first(&payload->records);
   if (first == NULL)
      return UINT64_MAX;

   uint64_t lowest =
      rb_node_data(struct vk_sync_win32_wait_record, first, node)->target;

   /* Waiting for UINT64_MAX is not the same as not waiting. */
   if (payload->kind == VK_SYNC_WIN32_KIND_TIMELINE)
      return MIN2(lowest, UINT64_MAX - 1);

   rb_tree_foreach(struct vk_sync_win32_wait_record, record,
                   &payload->records, node) {
      if ((int32_t)((uint32_t)record->target - (uint32_t)lowest) < 0)
         lowest = record->target;
   }
   return lowest;
}

/* With the lock held, after the tree has changed */
static void
update_wanted(struct vk_sync_win32_payload *payload)
{
   const uint64_t lowest = lowest_target(payload);

   if (payload->remote != NULL)
      payload->remote->ops->want(payload->remote, lowest);

   /* Which tickets a signal reaches cannot be told from their numeric order,
    * so any signal of a binary payload that is waited on takes the lock.
    */
   if (payload->kind != VK_SYNC_WIN32_KIND_TIMELINE && lowest != UINT64_MAX)
      vk_sync_win32_store64(&payload->wanted, 0);
   else
      vk_sync_win32_store64(&payload->wanted, lowest);
}

void
vk_sync_win32_payload_collect(struct vk_sync_win32_payload *payload,
                              struct vk_sync_win32_wake_list *wakes)
{
   const bool timeline = payload->kind == VK_SYNC_WIN32_KIND_TIMELINE;
   bool changed = false;

   AcquireSRWLockExclusive(&payload->lock);

   const uint64_t word = vk_sync_win32_payload_load(payload);
   const bool lost = vk_sync_win32_payload_is_lost(payload, word);
   struct rb_node *next = rb_tree_first(&payload->records);
   while (next != NULL) {
      struct vk_sync_win32_wait_record *record =
         rb_node_data(struct vk_sync_win32_wait_record, next, node);
      next = rb_node_next(next);

      if (vk_sync_win32_target_reached(payload->kind, word, record->target)) {
         rb_tree_remove(&payload->records, &record->node);
         changed = true;

         if (lost)
            vk_sync_win32_waiter_give_up(record->waiter);
         vk_sync_win32_waiter_satisfy(record->waiter, wakes);
         vk_sync_win32_store32(&record->linked, 0);
      } else if (timeline) {
         break;
      }
   }

   if (changed)
      update_wanted(payload);

   ReleaseSRWLockExclusive(&payload->lock);
}

void
vk_sync_win32_payload_rearm(struct vk_sync_win32_payload *payload,
                            struct vk_sync_win32_wake_list *wakes)
{
   AcquireSRWLockExclusive(&payload->lock);
   update_wanted(payload);
   ReleaseSRWLockExclusive(&payload->lock);

   /* As in vk_sync_win32_record_link() */
   vk_sync_win32_full_barrier();

   vk_sync_win32_payload_collect(payload, wakes);
}

void
vk_sync_win32_record_link(struct vk_sync_win32_wait_record *record,
                          struct vk_sync_win32_wake_list *wakes)
{
   struct vk_sync_win32_payload *payload = record->payload;

   AcquireSRWLockExclusive(&payload->lock);
   rb_tree_insert(&payload->records, &record->node, compare_records);
   record->linked = 1;
   update_wanted(payload);
   ReleaseSRWLockExclusive(&payload->lock);

   /* Pairs with the barrier in publish(): either the signaller sees the
    * record or we see its signal.
    */
   vk_sync_win32_full_barrier();

   const uint64_t word = vk_sync_win32_payload_load(payload);
   if (vk_sync_win32_target_reached(payload->kind, word, record->target))
      vk_sync_win32_payload_collect(payload, wakes);
}

void
vk_sync_win32_record_unlink(struct vk_sync_win32_wait_record *record)
{
   struct vk_sync_win32_payload *payload = record->payload;

   if (!vk_sync_win32_load32(&record->linked))
      return;

   AcquireSRWLockExclusive(&payload->lock);
   if (record->linked) {
      rb_tree_remove(&payload->records, &record->node);
      record->linked = 0;
      update_wanted(payload);
   }
   ReleaseSRWLockExclusive(&payload->lock);
}

/* After the word has been changed to `word`, let those know who wait for it */
static void
publish(struct vk_sync_win32_payload *payload, uint64_t word)
{
   struct vk_sync_win32_wake_list wakes = {0};

   /* See vk_sync_win32_record_link(). */
   vk_sync_win32_barrier_after_swap();

   const uint64_t wanted = vk_sync_win32_load64(&payload->wanted);
   const bool local = payload->kind == VK_SYNC_WIN32_KIND_TIMELINE ?
                      word >= wanted : wanted != UINT64_MAX;

   if (local)
      vk_sync_win32_payload_collect(payload, &wakes);

   if (payload->remote != NULL && payload->remote->ops->ring != NULL)
      payload->remote->ops->ring(payload->remote, word);

   /* Last, since it may have to wait for the woken threads to arrive */
   vk_sync_win32_wake(&wakes);
}

/* Its owner takes any value, and there is no compare and swap: the lock keeps
 * our threads from taking it back, other processes have to see to that.
 */
static bool
signal_remote(struct vk_sync_win32_payload *payload, uint64_t value)
{
   struct vk_sync_win32_remote *remote = payload->remote;

   AcquireSRWLockExclusive(&payload->lock);
   const bool increased = value > remote->ops->load(remote) &&
                          remote->ops->signal(remote, value);
   ReleaseSRWLockExclusive(&payload->lock);

   if (increased)
      publish(payload, value);
   return increased;
}

bool
vk_sync_win32_payload_signal(struct vk_sync_win32_payload *payload,
                             uint64_t value)
{
   uint64_t word, next;

   if (payload->word == NULL)
      return signal_remote(payload, value);

   do {
      word = vk_sync_win32_load64(payload->word);

      if (payload->kind == VK_SYNC_WIN32_KIND_TIMELINE) {
         if (value <= word)
            return false;
         next = value;
      } else {
         if (vk_sync_win32_is_signalled(word))
            return true;
         next = (word & ~(uint64_t)UINT32_MAX) | (uint32_t)(word + 1);
      }
   } while (!vk_sync_win32_cas64(payload->word, word, next));

   publish(payload, next);
   return true;
}

void
vk_sync_win32_payload_reset(struct vk_sync_win32_payload *payload)
{
   uint64_t word, next;

   assert(payload->kind != VK_SYNC_WIN32_KIND_TIMELINE);

   do {
      word = vk_sync_win32_load64(payload->word);
      next = (uint64_t)(uint32_t)word << 32 | (uint32_t)word;
   } while (word != next && !vk_sync_win32_cas64(payload->word, word, next));
}

uint32_t
vk_sync_win32_payload_take_ticket(struct vk_sync_win32_payload *payload)
{
   uint64_t word, next;

   assert(payload->kind != VK_SYNC_WIN32_KIND_TIMELINE);

   do {
      word = vk_sync_win32_load64(payload->word);
      next = word + (UINT64_C(1) << 32);
   } while (!vk_sync_win32_cas64(payload->word, word, next));

   return (uint32_t)(next >> 32);
}

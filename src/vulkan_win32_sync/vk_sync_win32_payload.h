/* SPDX-License-Identifier: MIT */
#ifndef VK_SYNC_WIN32_PAYLOAD_H
#define VK_SYNC_WIN32_PAYLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "util/list.h"
#include "util/rb_tree.h"

#include "vk_sync_win32_nt.h"

struct vk_sync_win32_section;
struct vk_sync_win32_waiter;
struct vk_sync_win32_wake_list;

/** What a payload is; part of the shared layout, so never renumber */
enum vk_sync_win32_kind {
   VK_SYNC_WIN32_KIND_FENCE = 1,
   VK_SYNC_WIN32_KIND_BINARY = 2,
   VK_SYNC_WIN32_KIND_TIMELINE = 3,
};

struct vk_sync_win32_remote;

/** What ties a payload to others outside of this process */
struct vk_sync_win32_remote_ops {
   /** The state, of a payload that does not have it in memory */
   uint64_t (*load)(struct vk_sync_win32_remote *remote);

   /** Set it; false on failure.  Only where there is a load(). */
   bool (*signal)(struct vk_sync_win32_remote *remote, uint64_t value);

   /** Whether load() has nothing to tell any more.  Only where there is one. */
   bool (*is_lost)(struct vk_sync_win32_remote *remote);

   /** Make sure that others can ring this process's doorbell
    *
    * Under the lock of vk_sync_win32_shared_wait.c.  Returns false if they
    * cannot, so that the wait has to poll.  With `thorough`, the kernel may be
    * asked.  Optional.
    */
   bool (*reach)(struct vk_sync_win32_remote *remote, bool thorough);

   /** Publish the lowest target that this process waits for, UINT64_MAX for
    * none; under the payload's lock
    */
   void (*want)(struct vk_sync_win32_remote *remote, uint64_t target);

   /** Whether the last want() was in vain, so that the wait has to poll;
    * optional
    */
   bool (*is_deaf)(struct vk_sync_win32_remote *remote);

   /** Ring those whose targets `word` has reached; optional */
   void (*ring)(struct vk_sync_win32_remote *remote, uint64_t word);

   /** Release what a payload without references holds */
   void (*finish)(struct vk_sync_win32_remote *remote);
};

struct vk_sync_win32_remote {
   const struct vk_sync_win32_remote_ops *ops;
   struct vk_sync_win32_payload *payload;

   /* Link in the list of payloads that threads of this process block on, and
    * how many do.  Protected by the lock of vk_sync_win32_shared_wait.c.
    */
   struct list_head watch_link;
   uint32_t watchers;
};

/** The state that fences, semaphores and pending signals refer to
 *
 * A timeline's word is its value.  A fence's or binary semaphore's word is a
 * pair of 32-bit counters: signals in the low half, consumed in the high
 * half.  It is signalled while signals is ahead of consumed.  A semaphore
 * wait operation takes a ticket when it is submitted (consumed += 1) and is
 * satisfied once signals has reached the ticket.  So waits pair with signals
 * in submission order, over threads, queues and processes, whatever order
 * they execute in, and without any pending state to share.
 */
struct vk_sync_win32_payload {
   /* Points to own_word, or into the section that other processes share.
    * NULL if the state is not in memory but with the remote.
    */
   uint64_t *word;
   uint64_t own_word;

   /* The lowest target that a record below waits for, UINT64_MAX if there is
    * none.  Written under the lock; a signaller reads it without.
    */
   uint64_t wanted;

   /* Protects the tree and, for each linked record, the record */
   SRWLOCK lock;
   struct rb_tree records;

   uint32_t refcount;
   enum vk_sync_win32_kind kind;

   /* NULL for a private payload */
   struct vk_sync_win32_remote *remote;

   /* The remote, if it is a section; else NULL */
   struct vk_sync_win32_section *section;
};

/** One payload that one blocked thread waits on; lives in that thread's wait
 *
 * Targets are timeline values or, for the binary kinds, tickets.  Section
 * slots publish targets in the same form.
 */
struct vk_sync_win32_wait_record {
   struct rb_node node;
   struct vk_sync_win32_payload *payload;
   struct vk_sync_win32_waiter *waiter;
   uint64_t target;

   /* Cleared, as its last access, by whoever unlinks the record */
   uint32_t linked;
};

/* Never UINT64_MAX, which stands for no target at all */
#define VK_SYNC_WIN32_TARGET_TICKET(ticket) (UINT64_C(1) << 32 | (ticket))

static inline bool
vk_sync_win32_is_signalled(uint64_t word)
{
   return (int32_t)((uint32_t)word - (uint32_t)(word >> 32)) > 0;
}

static inline bool
vk_sync_win32_target_reached(enum vk_sync_win32_kind kind, uint64_t word,
                             uint64_t target)
{
   if (kind == VK_SYNC_WIN32_KIND_TIMELINE)
      return word >= target;

   return (int32_t)((uint32_t)word - (uint32_t)target) >= 0;
}

/** The state as it is now; see `word` */
static inline uint64_t
vk_sync_win32_payload_load(const struct vk_sync_win32_payload *payload)
{
   return payload->word != NULL ? vk_sync_win32_load64(payload->word) :
                                  payload->remote->ops->load(payload->remote);
}

/** Whether its Direct3D 12 device has been removed, for a state just loaded
 *
 * Direct3D then takes all fences for signalled.  To Vulkan, that the signals
 * have been lost is the better answer.
 */
static inline bool
vk_sync_win32_payload_is_lost(const struct vk_sync_win32_payload *payload,
                              uint64_t word)
{
   return word == UINT64_MAX && payload->word == NULL &&
          payload->remote->ops->is_lost(payload->remote);
}

/** Create a private payload with one reference; NULL when out of memory
 *
 * `initial_value` is the timeline's value, or whether a fence starts out
 * signalled.
 */
struct vk_sync_win32_payload *
vk_sync_win32_payload_create(enum vk_sync_win32_kind kind,
                             uint64_t initial_value);

/** Set up the parts that private and shared payloads have in common */
void
vk_sync_win32_payload_init(struct vk_sync_win32_payload *payload,
                           enum vk_sync_win32_kind kind);

/** Free the payloads that are kept for reuse */
void
vk_sync_win32_payload_empty_pool(void);

uint64_t
vk_sync_win32_initial_word(enum vk_sync_win32_kind kind,
                           uint64_t initial_value);

static inline void
vk_sync_win32_payload_ref(struct vk_sync_win32_payload *payload)
{
   p_atomic_inc(&payload->refcount);
}

/** Take a reference unless the last one is gone */
static inline bool
vk_sync_win32_payload_try_ref(struct vk_sync_win32_payload *payload)
{
   uint32_t count;

   do {
      count = vk_sync_win32_load32(&payload->refcount);
   } while (count != 0 &&
            !vk_sync_win32_cas32(&payload->refcount, count, count + 1));

   return count != 0;
}

/** Unsignal a fence; does not affect tickets already taken by waits */
void
vk_sync_win32_payload_reset(struct vk_sync_win32_payload *payload);

/** Consume one signal of a binary payload, present or yet to come */
uint32_t
vk_sync_win32_payload_take_ticket(struct vk_sync_win32_payload *payload);

/** Satisfy the records that the word has reached
 *
 * Threads to wake are added to `wakes`, for vk_sync_win32_wake() once no lock
 * is held.
 */
void
vk_sync_win32_payload_collect(struct vk_sync_win32_payload *payload,
                              struct vk_sync_win32_wake_list *wakes);

/** Publish once more what this process waits for, then collect
 *
 * Whoever rings us has disarmed our slot in the section.
 */
void
vk_sync_win32_payload_rearm(struct vk_sync_win32_payload *payload,
                            struct vk_sync_win32_wake_list *wakes);

/** Link a record and make sure that no signal is missed from now on */
void
vk_sync_win32_record_link(struct vk_sync_win32_wait_record *record,
                          struct vk_sync_win32_wake_list *wakes);

/** Unlink a record if no signaller has; nobody refers to it afterwards */
void
vk_sync_win32_record_unlink(struct vk_sync_win32_wait_record *record);

#endif /* VK_SYNC_WIN32_PAYLOAD_H */

/* SPDX-License-Identifier: MIT */
#ifndef VK_SYNC_WIN32_PAYLOAD_H
#define VK_SYNC_WIN32_PAYLOAD_H

#include "util/rb_tree.h"

#include "vk_sync_win32_slots.h"
#include "vk_sync_win32_waiter.h"

struct vk_sync_win32_payload;

/** One payload that one thread waits on; in that thread's waiter */
struct vk_sync_win32_record {
   struct vk_sync_win32_payload *payload;
   struct vk_sync_win32_waiter *waiter;

   /* See vk_sync_win32_word.h; never 0 */
   uint64_t target;

   /* Of a section; NO_SLOT while there is none */
   uint32_t slot;
   bool slot_is_ticket;

   /* Of a private payload: link in its tree.  Changed under its lock; once a
    * record is not linked, nobody else knows of it.  Of a Direct3D
    * 12 fence: whether the event was asked for.
    */
   uint32_t is_linked;
   struct rb_node node;
};

/** What the backends of payloads do in ways of their own */
struct vk_sync_win32_payload_ops {
   /** The state, of a payload that does not have it in memory */
   uint64_t (*load)(const struct vk_sync_win32_payload *payload);

   /** Whether load() has nothing to tell any more.  Only where there is one. */
   bool (*is_lost)(const struct vk_sync_win32_payload *payload);

   /** Perform a signal operation
    *
    * `value` is ignored for binary payloads.  Any thread that holds a
    * reference, which this drops.  Takes no lock, and enters no kernel unless
    * a thread is blocked on what it reaches, or it is a Direct3D 12 fence.
    *
    * Returns false, and changes and drops nothing, if a timeline would not
    * increase or Direct3D refuses.
    */
   bool (*signal)(struct vk_sync_win32_payload *payload, uint64_t value);

   /** Have the waiter woken when the target is reached from now on
    *
    * If the payload changes the thread must look at it once more after this,
    * and a full barrier.  To be called again after each wake-up.  Returns
    * false if somebody may not be able to wake it, so that it has to poll.
    */
   bool (*arm)(struct vk_sync_win32_record *record);

   /** The same for one thread that waits for nothing else, at little cost
    *
    * Returns where to park, with vk_sync_win32_park() and _leave(); NULL while
    * another thread is there.  Optional.
    */
   uint32_t *(*sit)(struct vk_sync_win32_payload *payload, uint64_t target);

   /** Undo arm(); nobody refers to the record afterwards */
   void (*disarm)(struct vk_sync_win32_record *record);

   /** Release what a payload without references holds, and free it */
   void (*destroy)(struct vk_sync_win32_payload *payload);

   /** Whether others than threads of this process may change it */
   bool is_shared;
};

/** The state that fences, semaphores, signals and waits refer to */
struct vk_sync_win32_payload {
   const struct vk_sync_win32_payload_ops *ops;

   /* NULL if the state is not in memory */
   uint64_t *word;

   uint32_t refcount;

   /* How many waits in a row have spun, or not even that, and had to block */
   uint32_t spin_failures;

   enum vk_sync_win32_kind kind;
};

/** The state as it is now; see vk_sync_win32_word.h */
static inline uint64_t
vk_sync_win32_payload_load(const struct vk_sync_win32_payload *payload)
{
   return payload->word != NULL ? vk_sync_win32_load64(payload->word) :
                                  payload->ops->load(payload);
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
          payload->ops->is_lost(payload);
}

/** Create a private payload with one reference; NULL when out of memory
 *
 * `initial_value` is the timeline's value, or whether a fence starts out
 * signalled.
 */
struct vk_sync_win32_payload *
vk_sync_win32_payload_create(enum vk_sync_win32_kind kind,
                             uint64_t initial_value);

static inline void
vk_sync_win32_payload_ref(struct vk_sync_win32_payload *payload)
{
   p_atomic_inc(&payload->refcount);
}

/** Drop a reference; the last one frees the payload.  Any thread. */
void
vk_sync_win32_payload_unref(struct vk_sync_win32_payload *payload);

#endif /* VK_SYNC_WIN32_PAYLOAD_H */

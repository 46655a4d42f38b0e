/* SPDX-License-Identifier: MIT */
#ifndef VK_SYNC_WIN32_WORD_H
#define VK_SYNC_WIN32_WORD_H

#include "vk_sync_win32_nt.h"

/* The state of a payload is one 64-bit word.
 *
 * A timeline's word is its value.  A fence's or binary semaphore's word is a
 * pair of 32-bit counters: signals in the low half, consumed in the high
 * half.  It is signalled while signals is ahead of consumed.  A semaphore
 * wait operation takes a ticket when it is submitted (consumed += 1) and is
 * satisfied once signals has reached the ticket.  So waits pair with signals
 * in submission order, over threads, queues and processes, whatever order
 * they execute in, and without any pending state to share.
 */

/** What a payload is; part of the shared layout, so never renumber */
enum vk_sync_win32_kind {
   VK_SYNC_WIN32_KIND_FENCE = 1,
   VK_SYNC_WIN32_KIND_BINARY = 2,
   VK_SYNC_WIN32_KIND_TIMELINE = 3,
};

/* Targets are timeline values or, for the binary kinds, tickets.  TAKEN means
 * that somebody holds the ticket, as opposed to waiting for any signal of that
 * number.
 */
#define VK_SYNC_WIN32_TARGET_TICKET(ticket) (UINT64_C(1) << 32 | (ticket))
#define VK_SYNC_WIN32_TARGET_TAKEN (UINT64_C(1) << 33)

static inline uint32_t
vk_sync_win32_signals(uint64_t word)
{
   return (uint32_t)word;
}

static inline uint32_t
vk_sync_win32_consumed(uint64_t word)
{
   return (uint32_t)(word >> 32);
}

static inline uint64_t
vk_sync_win32_pair(uint32_t signals, uint32_t consumed)
{
   return (uint64_t)consumed << 32 | signals;
}

static inline bool
vk_sync_win32_is_signalled(uint64_t word)
{
   return (int32_t)(vk_sync_win32_signals(word) -
                    vk_sync_win32_consumed(word)) > 0;
}

static inline bool
vk_sync_win32_is_reached(enum vk_sync_win32_kind kind, uint64_t word,
                         uint64_t target)
{
   if (kind == VK_SYNC_WIN32_KIND_TIMELINE)
      return word >= target;

   return (int32_t)(vk_sync_win32_signals(word) - (uint32_t)target) >= 0;
}

/* Somebody else may change the word just as often.  That is enough for those
 * who do it in good faith; one who does it for ever only upsets this payload.
 */
#define VK_SYNC_WIN32_TRIES 100000

/** Take a ticket.  A single operation, whatever others do. */
static inline uint32_t
vk_sync_win32_word_consume(uint64_t *word)
{
   return vk_sync_win32_consumed(
             vk_sync_win32_add64(word, vk_sync_win32_pair(0, 1))) + 1;
}

/** Give back the newest ticket; false if it is not `ticket` */
bool
vk_sync_win32_word_unconsume(uint64_t *word, uint32_t ticket);

/** Unsignal; does not affect tickets that were taken */
void
vk_sync_win32_word_reset(uint64_t *word);

/** Signal; `now` is what the word is afterwards
 *
 * Returns false, and changes nothing, if a timeline would not increase.
 */
bool
vk_sync_win32_word_signal(enum vk_sync_win32_kind kind, uint64_t *word,
                          uint64_t value, uint64_t *now);

#endif /* VK_SYNC_WIN32_WORD_H */

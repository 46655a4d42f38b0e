/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_TICKETS_H
#define FUZZ_TICKETS_H

/* What is to become of the tickets in a section, by the rules of
 * vk_sync_win32_slots.h: look at it, foresee what an operation does, perform
 * that, and compare.  While nobody else is at it.
 */

#include "fuzz.h"

#include "vk_sync_win32_slots.h"

struct tickets {
   uint64_t word;

   /* Whether there are so few owners that all of them will be asked for */
   bool is_exact;

   struct {
      uint64_t owner;
      uint64_t target;
   } slots[VK_SYNC_WIN32_SLOTS];
};

void tickets_look(struct tickets *tickets,
                  struct vk_sync_win32_layout *layout);

/* Take one, noted in the slot, or NO_SLOT; returns its number */
uint32_t tickets_take(struct tickets *tickets, uint32_t *slot);
/* A thread blocks for it; without a slot, there is no telling whether it finds
 * one.
 */
void tickets_block(struct tickets *tickets, uint32_t slot, uint32_t ticket);
bool tickets_is_reached(const struct tickets *tickets, uint32_t ticket);
/* Its signal has been seen, or never will be. */
void tickets_see(struct tickets *tickets, uint32_t slot);
void tickets_abandon(struct tickets *tickets, uint32_t slot);
/* Somebody imports the binary semaphore. */
void tickets_import(struct tickets *tickets);
void tickets_signal(struct tickets *tickets);

/* True if it could not be foreseen, too */
bool tickets_match(const struct tickets *tickets,
                   struct vk_sync_win32_layout *layout);

/* Note tickets that nobody has taken, of owners who are there or not */
void tickets_invent(struct vk_sync_win32_layout *layout);

#endif

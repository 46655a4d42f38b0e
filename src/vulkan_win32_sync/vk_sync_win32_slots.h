/* SPDX-License-Identifier: MIT */
#ifndef VK_SYNC_WIN32_SLOTS_H
#define VK_SYNC_WIN32_SLOTS_H

#include "vk_sync_win32_bell.h"
#include "vk_sync_win32_word.h"

/* How processes wait for each other
 * ---------------------------------
 *
 * A shared payload is a section of one page: the word that signal and wait
 * operations are about, and slots.  A slot belongs to one thread that is
 * blocked on the payload, or to one ticket.
 *
 * Each thread is for itself: it has a bell, in each section that it waits on
 * a slot, and nobody has to be alive or running in order that it wakes except
 * whoever signals.
 *
 * Wait:    claim a slot; write target and bell; set its armed bit;
 *          full barrier; look at the word; wait for the bell.
 *          Woken: look; if in vain, set the bit if it is clear; full barrier;
 *          look; wait.
 *          Leave: clear the bit and the target; give up the slot.
 * Signal:  change the word; full barrier; for each armed slot whose target is
 *          reached: clear the bit, and if it was us who did, read the bell and
 *          ring it.
 *
 * The barriers see to it that either the signaller finds the bit or the waiter
 * finds the signal.  The bell is read after the bit was cleared: by then the
 * slot may belong to another thread, but then that is whose bit it was, and
 * whoever had the slot before has looked before leaving.  A ring for nothing
 * does no harm.
 *
 * Everybody also looks without having been rung, after VK_SYNC_WIN32_LOOK_NS
 * and at longer and longer intervals: somebody may have died between changing
 * the word and ringing, and a lost device rings nobody.  Who cannot ring a
 * bell sets the slot's failed bit: then the waits that follow poll for a while.
 * So does a thread that finds no slot.
 *
 * Tickets
 * -------
 *
 * A wait operation on a binary semaphore takes a ticket, the number of the
 * signal that it is going to consume, when it is submitted.  Whoever dies
 * before it has seen that signal must not take it along: its successor would
 * wait for ever.  So a ticket is noted in a slot until then, and the ticket of
 * a dead process is given back, newest first, by whoever finds it: at import,
 * before another ticket is taken, or when there is no free slot.
 *
 * Take:      claim a slot; add 1 to `consumed`; note the ticket in the target.
 * Give back: find the newest ticket, if its owner is dead; claim the slot,
 *            saying what for; clear the target; subtract 1 from `consumed`, if
 *            the ticket is still the newest; give up the slot.
 *
 * Whoever is about to take a ticket gives back the newest ones first, and
 * waits for others that are at it.  What is not the newest stays in its slot:
 * its turn may come.  So does a ticket that is given up by a living process.
 *
 * Whatever is interrupted errs towards not giving back.  Lost, then, is the
 * ticket of a process that dies between adding and noting or between clearing
 * and subtracting, and one for which there was no slot.  Where a survivor has
 * taken a later ticket, it keeps those before it from being given back.  And
 * nobody replaces a producer that dies before it has executed a signal
 * operation.
 *
 * Trust
 * -----
 *
 * Everything in the section may be overwritten by strangers at any time.  It
 * is only ever read into locals, any value of which is harmless: it can upset
 * this payload, and nothing else.
 */

#define VK_SYNC_WIN32_SECTION_MAGIC UINT64_C(0x32636e79536b764d) /* MvkSync2 */
#define VK_SYNC_WIN32_SLOTS 124
#define VK_SYNC_WIN32_NO_SLOT UINT32_MAX

struct vk_sync_win32_slot {
   /* See vk_sync_win32_owner.h */
   uint64_t owner;
   /* See struct vk_sync_win32_record; 0 for none */
   uint64_t target;
   struct vk_sync_win32_bell_id bell;
};

/** What processes share: all of the section, the same for 32 and 64 bits */
struct vk_sync_win32_layout {
   uint64_t magic;
   /* enum vk_sync_win32_kind */
   uint32_t kind;
   uint32_t reserved;
   uint64_t pad0[6];

   /* See vk_sync_win32_word.h */
   uint64_t word;
   /* A bit for each slot */
   uint64_t armed[2];
   uint64_t failed[2];
   uint64_t pad1[3];

   struct vk_sync_win32_slot slots[VK_SYNC_WIN32_SLOTS];
};

/* Any thread may call these functions; they take no lock. */

/** Take a free slot; NO_SLOT if there is none */
uint32_t
vk_sync_win32_slot_claim(struct vk_sync_win32_layout *layout);

/** Ask to be rung once the target is reached, again if necessary */
void
vk_sync_win32_slot_arm(struct vk_sync_win32_layout *layout, uint32_t slot,
                       uint64_t target,
                       const struct vk_sync_win32_bell_id *bell);

/** No longer ask to be rung */
void
vk_sync_win32_slot_disarm(struct vk_sync_win32_layout *layout, uint32_t slot);

/** Whether somebody has not been able to ring, since this was last asked */
bool
vk_sync_win32_slot_has_failed(struct vk_sync_win32_layout *layout,
                              uint32_t slot);

/** Give up a slot, with what is in it */
void
vk_sync_win32_slot_release(struct vk_sync_win32_layout *layout, uint32_t slot);

/** Ring those whose targets the word has reached, after it was changed */
void
vk_sync_win32_slots_ring(struct vk_sync_win32_layout *layout,
                         enum vk_sync_win32_kind kind, uint64_t word);

/** Free the slots of the dead, and give back their tickets
 *
 * Asks the kernel for each owner.  Those tickets that cannot be given back
 * keep their slots, unless somebody is in `need` of one.
 */
void
vk_sync_win32_slots_recover(struct vk_sync_win32_layout *layout,
                            enum vk_sync_win32_kind kind, bool need);

/** Consume one signal, present or yet to come
 *
 * `slot` is to be released when that signal has been seen, or abandoned.  It
 * is NO_SLOT if there was none.
 */
uint32_t
vk_sync_win32_slots_take_ticket(struct vk_sync_win32_layout *layout,
                                uint32_t *slot);

/** Give back a ticket whose signal nobody is going to see */
void
vk_sync_win32_slots_abandon_ticket(struct vk_sync_win32_layout *layout,
                                   uint32_t slot);

#endif /* VK_SYNC_WIN32_SLOTS_H */

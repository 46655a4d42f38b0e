/* SPDX-License-Identifier: MIT */
#include "vk_sync_win32_slots.h"

#include "util/bitscan.h"
#include "util/macros.h"

#include "vk_sync_win32_owner.h"

static bool
has_bit(uint64_t *words, uint32_t slot)
{
   return vk_sync_win32_load64(&words[slot / 64]) >> slot % 64 & 1;
}

static bool
clear_bit(uint64_t *words, uint32_t slot)
{
   return has_bit(words, slot) && vk_sync_win32_clear_bit(words, slot);
}

static void
set_bit(uint64_t *words, uint32_t slot)
{
   if (!has_bit(words, slot))
      vk_sync_win32_set_bit(words, slot);
}

uint32_t
vk_sync_win32_slot_claim(struct vk_sync_win32_layout *layout)
{
   const uint64_t self = vk_sync_win32_owner_self();

   for (uint32_t i = 0; i < VK_SYNC_WIN32_SLOTS; i++) {
      uint64_t *owner = &layout->slots[i].owner;

      if (vk_sync_win32_load64(owner) == VK_SYNC_WIN32_OWNER_NONE &&
          vk_sync_win32_cas64(owner, VK_SYNC_WIN32_OWNER_NONE, self)) {
         clear_bit(layout->armed, i);
         clear_bit(layout->failed, i);
         return i;
      }
   }
   return VK_SYNC_WIN32_NO_SLOT;
}

void
vk_sync_win32_slot_arm(struct vk_sync_win32_layout *layout, uint32_t slot,
                       uint64_t target,
                       const struct vk_sync_win32_bell_id *bell)
{
   struct vk_sync_win32_slot *s = &layout->slots[slot];

   vk_sync_win32_store64(&s->bell.bits[0], bell->bits[0]);
   vk_sync_win32_store64(&s->bell.bits[1], bell->bits[1]);
   vk_sync_win32_store64(&s->target, target);
   set_bit(layout->armed, slot);
}

void
vk_sync_win32_slot_disarm(struct vk_sync_win32_layout *layout, uint32_t slot)
{
   clear_bit(layout->armed, slot);
}

bool
vk_sync_win32_slot_has_failed(struct vk_sync_win32_layout *layout,
                              uint32_t slot)
{
   return clear_bit(layout->failed, slot);
}

/* In this order, so that a free slot has neither bit nor ticket */
static void
give_up(struct vk_sync_win32_layout *layout, uint32_t slot, uint64_t self)
{
   clear_bit(layout->armed, slot);
   vk_sync_win32_store64(&layout->slots[slot].target, 0);
   vk_sync_win32_cas64(&layout->slots[slot].owner, self,
                       VK_SYNC_WIN32_OWNER_NONE);
}

void
vk_sync_win32_slot_release(struct vk_sync_win32_layout *layout, uint32_t slot)
{
   give_up(layout, slot, vk_sync_win32_owner_self());
}

static struct vk_sync_win32_bell_id
load_bell(struct vk_sync_win32_slot *slot)
{
   return (struct vk_sync_win32_bell_id) { .bits = {
      vk_sync_win32_load64(&slot->bell.bits[0]),
      vk_sync_win32_load64(&slot->bell.bits[1]),
   } };
}

static bool
is_same_bell(struct vk_sync_win32_bell_id a, struct vk_sync_win32_bell_id b)
{
   return a.bits[0] == b.bits[0] && a.bits[1] == b.bits[1];
}

void
vk_sync_win32_slots_ring(struct vk_sync_win32_layout *layout,
                         enum vk_sync_win32_kind kind, uint64_t word)
{
   uint32_t failed_opens = 0;

   for (uint32_t i = 0; i < ARRAY_SIZE(layout->armed); i++) {
      const uint64_t armed = vk_sync_win32_load64(&layout->armed[i]);

      u_foreach_bit64(bit, armed) {
         const uint32_t index = 64 * i + bit;
         if (index >= VK_SYNC_WIN32_SLOTS)
            break;

         struct vk_sync_win32_slot *slot = &layout->slots[index];
         if (!vk_sync_win32_is_reached(kind, word,
                                       vk_sync_win32_load64(&slot->target)) ||
             !clear_bit(layout->armed, index))
            continue;

         vk_sync_win32_barrier_after_swap();

         /* It may become somebody else's meanwhile, and the bell half his. */
         const struct vk_sync_win32_bell_id bell = load_bell(slot);
         if (!vk_sync_win32_bell_ring(&bell, &failed_opens) &&
             is_same_bell(load_bell(slot), bell))
            set_bit(layout->failed, index);
      }
   }
}

/* Answers of the kernel: most slots have the same few owners.  A stranger may
 * have invented any number of them.
 */
struct census {
   uint64_t dead;
   uint64_t living;
   uint32_t questions;
};

#define MAX_QUESTIONS 256

static bool
is_dead(struct census *census, uint64_t owner)
{
   if (owner == VK_SYNC_WIN32_OWNER_NONE || owner == census->living)
      return false;
   if (owner == census->dead)
      return true;
   if (census->questions++ >= MAX_QUESTIONS)
      return false;

   const bool dead = vk_sync_win32_owner_is_dead(owner);
   *(dead ? &census->dead : &census->living) = owner;
   return dead;
}

static uint64_t
recoverer(void)
{
   return vk_sync_win32_owner_self() | VK_SYNC_WIN32_OWNER_RECOVERING;
}

/* The target of a slot with the newest ticket */
static uint64_t
get_newest(struct vk_sync_win32_layout *layout)
{
   const uint64_t word = vk_sync_win32_load64(&layout->word);

   return VK_SYNC_WIN32_TARGET_TAKEN |
          VK_SYNC_WIN32_TARGET_TICKET(vk_sync_win32_consumed(word));
}

enum found {
   NOTHING,
   /* It is gone now, and there may be another. */
   A_TICKET,
   /* Somebody else is changing what there is to find. */
   COMPANY,
};

/* The ticket of slot `i` seems to be the newest, and its holder to be dead.
 * If it turns out otherwise the slot stays as it is: its turn may come.
 */
static enum found
give_back(struct vk_sync_win32_layout *layout, uint32_t i, uint64_t owner,
          uint64_t ticket)
{
   struct vk_sync_win32_slot *slot = &layout->slots[i];

   if (!vk_sync_win32_cas64(&slot->owner, owner, recoverer()))
      return COMPANY;

   if (vk_sync_win32_load64(&slot->target) == ticket &&
       get_newest(layout) == ticket) {
      vk_sync_win32_store64(&slot->target, 0);
      vk_sync_win32_full_barrier();
      if (vk_sync_win32_word_unconsume(&layout->word, (uint32_t)ticket)) {
         give_up(layout, i, recoverer());
         return A_TICKET;
      }
      vk_sync_win32_store64(&slot->target, ticket);
   }

   vk_sync_win32_cas64(&slot->owner, recoverer(), owner);
   return COMPANY;
}

static enum found
give_back_newest(struct vk_sync_win32_layout *layout, struct census *census)
{
   const uint64_t ticket = get_newest(layout);
   enum found found = NOTHING;

   /* It may have died since it was asked about. */
   census->living = VK_SYNC_WIN32_OWNER_NONE;

   for (uint32_t i = 0; i < VK_SYNC_WIN32_SLOTS; i++) {
      struct vk_sync_win32_slot *slot = &layout->slots[i];
      const uint64_t target = vk_sync_win32_load64(&slot->target);
      const uint64_t owner = vk_sync_win32_load64(&slot->owner);

      if (target == ticket && is_dead(census, owner))
         return give_back(layout, i, owner, ticket);

      if ((owner & VK_SYNC_WIN32_OWNER_RECOVERING) && !is_dead(census, owner))
         found = COMPANY;
   }

   /* One that was given back meanwhile makes another one the newest. */
   return (int32_t)((uint32_t)get_newest(layout) - (uint32_t)ticket) < 0 ?
          COMPANY : found;
}

/* Newest first, since it is a number that is given back.  Whoever takes a
 * ticket while another process is at this keeps what that has not come to, so
 * it waits: for a few instructions, unless the other has been stopped or a
 * stranger says so.
 */
static void
give_back_tickets(struct vk_sync_win32_layout *layout, struct census *census)
{
   static const LARGE_INTEGER ms = { .QuadPart = -10000 };
   uint32_t patience = 20;

   for (uint32_t i = 0; i < VK_SYNC_WIN32_SLOTS; i++) {
      enum found found = give_back_newest(layout, census);

      while (found == COMPANY && patience > 0) {
         if (patience-- <= 10)
            vk_sync_win32_nt.delay_execution(FALSE, &ms);
         found = give_back_newest(layout, census);
      }
      if (found != A_TICKET)
         break;
   }
}

static bool
is_kept(struct vk_sync_win32_layout *layout, enum vk_sync_win32_kind kind,
        uint32_t slot, bool need)
{
   return kind == VK_SYNC_WIN32_KIND_BINARY && !need &&
          (vk_sync_win32_load64(&layout->slots[slot].target) &
           VK_SYNC_WIN32_TARGET_TAKEN);
}

void
vk_sync_win32_slots_recover(struct vk_sync_win32_layout *layout,
                            enum vk_sync_win32_kind kind, bool need)
{
   struct census census = {0};

   if (kind == VK_SYNC_WIN32_KIND_BINARY)
      give_back_tickets(layout, &census);

   for (uint32_t i = 0; i < VK_SYNC_WIN32_SLOTS; i++) {
      uint64_t *owner = &layout->slots[i].owner;
      const uint64_t old = vk_sync_win32_load64(owner);

      if (is_kept(layout, kind, i, need) || !is_dead(&census, old) ||
          !vk_sync_win32_cas64(owner, old, recoverer()))
         continue;

      /* It may have become somebody else's in between, who is dead as well. */
      if (is_kept(layout, kind, i, need))
         vk_sync_win32_cas64(owner, recoverer(), old);
      else
         give_up(layout, i, recoverer());
   }
}

uint32_t
vk_sync_win32_slots_take_ticket(struct vk_sync_win32_layout *layout,
                                uint32_t *slot)
{
   struct census census = {0};

   /* Once we have ours, those before it can no longer be given back. */
   give_back_tickets(layout, &census);

   *slot = vk_sync_win32_slot_claim(layout);
   if (*slot == VK_SYNC_WIN32_NO_SLOT) {
      vk_sync_win32_slots_recover(layout, VK_SYNC_WIN32_KIND_BINARY, true);
      *slot = vk_sync_win32_slot_claim(layout);
   }

   const uint32_t ticket = vk_sync_win32_word_consume(&layout->word);

   if (*slot != VK_SYNC_WIN32_NO_SLOT)
      vk_sync_win32_store64(&layout->slots[*slot].target,
                            VK_SYNC_WIN32_TARGET_TAKEN |
                            VK_SYNC_WIN32_TARGET_TICKET(ticket));
   return ticket;
}

void
vk_sync_win32_slots_abandon_ticket(struct vk_sync_win32_layout *layout,
                                   uint32_t slot)
{
   struct census census = {0};

   vk_sync_win32_slot_disarm(layout, slot);
   vk_sync_win32_cas64(&layout->slots[slot].owner, vk_sync_win32_owner_self(),
                       VK_SYNC_WIN32_OWNER_GONE);
   give_back_tickets(layout, &census);
}

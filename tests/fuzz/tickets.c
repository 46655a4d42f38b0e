/* SPDX-License-Identifier: MIT */
#include "tickets.h"

#include "section.h"

#include "vk_sync_win32_owner.h"

void
tickets_look(struct tickets *tickets, struct vk_sync_win32_layout *layout)
{
   unsigned owners = 0;
   bool recovering = false;

   tickets->word = layout->word;
   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++) {
      const uint64_t owner = layout->slots[i].owner;

      tickets->slots[i].owner = owner;
      tickets->slots[i].target = layout->slots[i].target;
      owners += owner != VK_SYNC_WIN32_OWNER_NONE;
      recovering |= (owner & VK_SYNC_WIN32_OWNER_RECOVERING) != 0;
   }

   /* At most twice for each, or, while somebody seems to be giving tickets
    * back, again and again
    */
   tickets->is_exact = owners * (recovering ? 22 : 2) <= 256;
}

bool
tickets_match(const struct tickets *tickets,
              struct vk_sync_win32_layout *layout)
{
   bool match = tickets->word == layout->word;

   if (!tickets->is_exact)
      return true;

   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++)
      match &= tickets->slots[i].owner == layout->slots[i].owner &&
               tickets->slots[i].target == layout->slots[i].target;
   return match;
}

static bool
is_dead(uint64_t owner)
{
   return owner != VK_SYNC_WIN32_OWNER_NONE &&
          vk_sync_win32_owner_is_dead(owner);
}

static void
give_up(struct tickets *tickets, uint32_t slot, uint64_t owner)
{
   tickets->slots[slot].target = 0;
   tickets->slots[slot].owner = owner;
}

static uint64_t
newest(const struct tickets *tickets)
{
   return VK_SYNC_WIN32_TARGET_TAKEN |
          VK_SYNC_WIN32_TARGET_TICKET(vk_sync_win32_consumed(tickets->word));
}

static bool
give_back_one(struct tickets *tickets)
{
   for (uint32_t i = 0; i < VK_SYNC_WIN32_SLOTS; i++) {
      if (tickets->slots[i].target == newest(tickets) &&
          is_dead(tickets->slots[i].owner)) {
         give_up(tickets, i, VK_SYNC_WIN32_OWNER_NONE);
         tickets->word -= vk_sync_win32_pair(0, 1);
         return true;
      }
   }
   return false;
}

static void
give_back(struct tickets *tickets)
{
   while (give_back_one(tickets))
      ;
}

static void
free_those_of_the_dead(struct tickets *tickets, uint64_t except)
{
   for (uint32_t i = 0; i < VK_SYNC_WIN32_SLOTS; i++) {
      if (!(tickets->slots[i].target & except) &&
          is_dead(tickets->slots[i].owner))
         give_up(tickets, i, VK_SYNC_WIN32_OWNER_NONE);
   }
}

static uint32_t
claim(struct tickets *tickets)
{
   for (uint32_t i = 0; i < VK_SYNC_WIN32_SLOTS; i++) {
      if (tickets->slots[i].owner == VK_SYNC_WIN32_OWNER_NONE) {
         tickets->slots[i].owner = vk_sync_win32_owner_self();
         return i;
      }
   }
   return VK_SYNC_WIN32_NO_SLOT;
}

uint32_t
tickets_take(struct tickets *tickets, uint32_t *slot)
{
   give_back(tickets);
   *slot = claim(tickets);
   if (*slot == VK_SYNC_WIN32_NO_SLOT) {
      free_those_of_the_dead(tickets, 0);
      *slot = claim(tickets);
   }

   tickets->word += vk_sync_win32_pair(0, 1);
   if (*slot != VK_SYNC_WIN32_NO_SLOT)
      tickets->slots[*slot].target = newest(tickets);
   return vk_sync_win32_consumed(tickets->word);
}

bool
tickets_is_reached(const struct tickets *tickets, uint32_t ticket)
{
   return (int32_t)((uint32_t)tickets->word - ticket) >= 0;
}

void
tickets_block(struct tickets *tickets, uint32_t slot, uint32_t ticket)
{
   /* Whatever a stranger has put there */
   tickets->slots[slot].target = VK_SYNC_WIN32_TARGET_TAKEN |
                                 VK_SYNC_WIN32_TARGET_TICKET(ticket);
}

/* A stranger may have put somebody else in our place. */
static bool
is_ours(const struct tickets *tickets, uint32_t slot)
{
   return tickets->slots[slot].owner == vk_sync_win32_owner_self();
}

void
tickets_see(struct tickets *tickets, uint32_t slot)
{
   if (slot != VK_SYNC_WIN32_NO_SLOT)
      give_up(tickets, slot, is_ours(tickets, slot) ?
                             VK_SYNC_WIN32_OWNER_NONE :
                             tickets->slots[slot].owner);
}

void
tickets_abandon(struct tickets *tickets, uint32_t slot)
{
   if (slot == VK_SYNC_WIN32_NO_SLOT)
      return;
   if (is_ours(tickets, slot))
      tickets->slots[slot].owner = VK_SYNC_WIN32_OWNER_GONE;
   give_back(tickets);
}

void
tickets_import(struct tickets *tickets)
{
   give_back(tickets);
   free_those_of_the_dead(tickets, VK_SYNC_WIN32_TARGET_TAKEN);
}

void
tickets_signal(struct tickets *tickets)
{
   if (!vk_sync_win32_is_signalled(tickets->word))
      tickets->word =
         vk_sync_win32_pair(vk_sync_win32_signals(tickets->word) + 1,
                            vk_sync_win32_consumed(tickets->word));
}

static uint32_t
some_slot(void)
{
   return fuzz_chance(60) ? fuzz_below(8) : fuzz_below(VK_SYNC_WIN32_SLOTS);
}

/* Some in a row, such as a process has that dies with all of its tickets */
void
tickets_invent(struct vk_sync_win32_layout *layout)
{
   const uint32_t count = fuzz_chance(3) ? VK_SYNC_WIN32_SLOTS :
                                                1 + fuzz_below(4);
   const uint32_t first = some_slot();
   /* A table full of owners takes long: the kernel is asked for each. */
   const bool one_owner = fuzz_chance(count == VK_SYNC_WIN32_SLOTS ? 80 : 50);
   uint32_t ticket = vk_sync_win32_consumed(layout->word) + 2 - fuzz_below(5);
   uint64_t owner = fuzz_owner(0);

   for (uint32_t i = 0; i < count; i++, ticket--) {
      struct vk_sync_win32_slot *slot =
         &layout->slots[(first + i) % VK_SYNC_WIN32_SLOTS];

      if (!one_owner)
         owner = fuzz_owner(slot->owner);
      slot->target = VK_SYNC_WIN32_TARGET_TICKET(ticket) |
                     (fuzz_chance(90) ? VK_SYNC_WIN32_TARGET_TAKEN : 0);
      slot->owner = owner;
   }

   /* One who never comes to the end of giving back; those who take a ticket
    * wait a little for him.
    */
   if (fuzz_below(300) == 0)
      layout->slots[first].owner = vk_sync_win32_owner_self() |
                                   VK_SYNC_WIN32_OWNER_RECOVERING;
}

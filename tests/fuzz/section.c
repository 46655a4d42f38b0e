/* SPDX-License-Identifier: MIT */
#include "section.h"

#include <string.h>
#include <wchar.h>

#include "util/macros.h"

#include "vk_sync_win32_owner.h"

/* What slots and sections are told by, and what is put in their place */
static struct {
   uint64_t owners[64];
   unsigned owner_count;
   struct vk_sync_win32_bell_id bells[64];
   unsigned bell_count;
} known;

static void
learn_owner(uint64_t owner)
{
   if (known.owner_count < TEST_COUNT(known.owners))
      known.owners[known.owner_count++] = owner;
}

static void
learn_bell(struct vk_sync_win32_bell_id id)
{
   if (known.bell_count < TEST_COUNT(known.bells))
      known.bells[known.bell_count++] = id;
}

void
fuzz_learn(struct vk_sync_win32_layout *layout)
{
   /* Who has left a slot has left the bell. */
   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++) {
      const struct vk_sync_win32_slot *slot = &layout->slots[i];

      if (slot->owner != 0)
         learn_owner(slot->owner);
      if ((slot->bell.bits[0] | slot->bell.bits[1]) != 0)
         learn_bell(slot->bell);
   }
}

/* As vk_sync_win32_owner.h has it */
static uint64_t
own_identity(void)
{
   FILETIME start, other;

   REQUIRE(GetProcessTimes(GetCurrentProcess(), &start, &other, &other,
                           &other));
   const uint64_t ticks = (uint64_t)start.dwHighDateTime << 32 |
                          start.dwLowDateTime;

   return (uint64_t)GetCurrentProcessId() << 32 | (uint32_t)(ticks >> 20);
}

static void
learn_owners(void)
{
   /* Nobody, the idle process, the system, some that cannot be */
   static const uint32_t pids[] = { 0, 4, 5, 8, 0x7ffffffd, UINT32_MAX };
   const uint64_t self = own_identity();

   for (unsigned i = 0; i < TEST_COUNT(pids); i++) {
      learn_owner((uint64_t)pids[i] << 32);
      learn_owner((uint64_t)pids[i] << 32 | UINT32_MAX);
   }

   /* Gone, and us: as we are, created before, and at an unknown time */
   for (unsigned i = 0; i < 6; i++)
      learn_owner(1);
   for (unsigned i = 0; i < 4; i++)
      learn_owner(self);
   learn_owner(self - 1);
   learn_owner(self & ~(uint64_t)UINT32_MAX);
   learn_owner(self & UINT32_MAX);
   learn_owner(UINT32_MAX);
}

/* Semaphores of the right name, which pass, and of the other namespace, and
 * objects that are none
 */
static void
learn_decoy(unsigned number)
{
   struct vk_sync_win32_bell_id id = {
      .bits = { test_random(), test_random() },
   };
   const bool global = (id.bits[0] & 1) == (number != 3);
   wchar_t name[64];
   HANDLE decoy;

   swprintf(name, TEST_COUNT(name), L"%ls\\MesaVkBell-%08x%08x%08x%08x",
            global ? L"Global" : L"Local", (uint32_t)(id.bits[0] >> 32),
            (uint32_t)id.bits[0], (uint32_t)(id.bits[1] >> 32),
            (uint32_t)id.bits[1]);
   decoy = number < 4 ? CreateSemaphoreW(NULL, 0, number & 1 ? 1 : 0x7fffffff,
                                         name) :
           number < 6 ? CreateMutexW(NULL, FALSE, name) :
                        CreateEventW(NULL, TRUE, FALSE, name);
   if (decoy != NULL)
      test_own_handle(decoy);
   learn_bell(id);
}

void
fuzz_learn_decoys(void)
{
   known.owner_count = known.bell_count = 0;
   learn_owners();

   for (unsigned i = 0; i < 8; i++)
      learn_decoy(i);
   learn_bell((struct vk_sync_win32_bell_id) { .bits = { 0, 0 } });
   learn_bell((struct vk_sync_win32_bell_id) {
      .bits = { UINT64_MAX, UINT64_MAX },
   });
}

void
fuzz_page_open(struct fuzz_page *page, HANDLE handle)
{
   page->handle = handle;
   page->layout = MapViewOfFile(handle, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0,
                                0);
   REQUIRE(page->layout != NULL);
}

void
fuzz_page_close(struct fuzz_page *page)
{
   UnmapViewOfFile(page->layout);
   CloseHandle(page->handle);
   *page = (struct fuzz_page) {0};
}

uint64_t
fuzz_value64(uint64_t old)
{
   switch (fuzz_below(12)) {
   case 0: return 0;
   case 1: return UINT64_MAX;
   case 2: return UINT64_MAX - 1;
   case 3: return (uint64_t)INT64_MAX + fuzz_below(2);
   case 4: return old + 1;
   case 5: return old - 1;
   case 6: return old ^ (UINT64_C(1) << fuzz_below(64));
   case 7: return fuzz_below(256);
   case 8: return old << 32 | old >> 32;
   case 9: return (uint64_t)fuzz_value32((uint32_t)(old >> 32)) << 32 |
                  fuzz_value32((uint32_t)old);
   default: return fuzz_random() >> fuzz_below(64);
   }
}

uint32_t
fuzz_value32(uint32_t old)
{
   switch (fuzz_below(9)) {
   case 0: return 0;
   case 1: return UINT32_MAX;
   case 2: return (uint32_t)INT32_MAX + fuzz_below(2);
   case 3: return old + 1;
   case 4: return old - 1;
   case 5: return old ^ (1u << fuzz_below(32));
   case 6: return fuzz_below(8);
   case 7: return old + (uint32_t)INT32_MAX + fuzz_below(3);
   default: return (uint32_t)fuzz_random() >> fuzz_below(32);
   }
}

/* Of few signals and waits, near each other or as far as can be */
static uint64_t
mutate_word(uint64_t old)
{
   const uint32_t signals = fuzz_value32((uint32_t)old);

   if (fuzz_chance(50))
      return fuzz_value64(old);
   return (uint64_t)fuzz_value32(signals) << 32 | signals;
}

/* Of armed or failed bits */
static void
mutate_bits(uint64_t *words)
{
   uint64_t *word = &words[fuzz_below(2)];

   switch (fuzz_below(32)) {
   case 0:
      words[0] = words[1] = UINT64_MAX;
      break;
   case 1:
      *word = fuzz_random();
      break;
   case 2:
      words[0] = words[1] = 0;
      break;
   case 3:
      /* There are no slots to the last ones. */
      words[1] ^= UINT64_C(1) << (60 + fuzz_below(4));
      break;
   case 4:
      *word ^= UINT64_C(1) << fuzz_below(64);
      break;
   default:
      words[0] ^= UINT64_C(1) << fuzz_below(4);
      break;
   }
}

/* Somebody who may own a slot: one of those learnt, or anybody */
static uint64_t
some_owner(uint64_t old)
{
   return known.owner_count != 0 && fuzz_chance(60) ?
          known.owners[fuzz_below(known.owner_count)] : fuzz_value64(old);
}

static void
mutate_owner(struct vk_sync_win32_layout *layout,
             struct vk_sync_win32_slot *slot)
{
   const uint64_t owner = some_owner(slot->owner);

   if (!fuzz_chance(2)) {
      slot->owner = owner;
      return;
   }
   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++)
      layout->slots[i].owner = owner;
}

/* What somebody waits for, or the ticket that he says he has taken */
static void
mutate_target(struct vk_sync_win32_layout *layout,
              struct vk_sync_win32_slot *slot)
{
   const uint64_t word = layout->word;

   if (fuzz_chance(50)) {
      const uint32_t ticket = (uint32_t)(word >> 32) + 2 - fuzz_below(5);

      slot->target = VK_SYNC_WIN32_TARGET_TICKET(ticket) |
                     (fuzz_chance(80) ? VK_SYNC_WIN32_TARGET_TAKEN : 0);
      slot->owner = some_owner(slot->owner);
   } else {
      slot->target = fuzz_value64(fuzz_chance(50) ? word : slot->target);
   }
}

static void
mutate_bell(struct vk_sync_win32_layout *layout,
            struct vk_sync_win32_slot *slot)
{
   if (fuzz_chance(30))
      slot->bell = layout->slots[fuzz_below(4)].bell;
   else if (known.bell_count != 0 && fuzz_chance(60))
      slot->bell = known.bells[fuzz_below(known.bell_count)];
   else
      slot->bell.bits[fuzz_below(2)] = fuzz_value64(slot->bell.bits[0]);
}

/* Tickets that nobody has taken, some in a row: such as a process has that dies
 * with all of them
 */
static void
invent_tickets(struct vk_sync_win32_layout *layout)
{
   const uint32_t count = fuzz_chance(3) ? VK_SYNC_WIN32_SLOTS :
                                           1 + fuzz_below(4);
   const uint32_t first =
      fuzz_below(fuzz_chance(60) ? 8 : VK_SYNC_WIN32_SLOTS);
   /* A table full of owners takes long: the kernel is asked for each. */
   const bool one_owner = fuzz_chance(count == VK_SYNC_WIN32_SLOTS ? 80 : 50);
   uint32_t ticket = vk_sync_win32_consumed(layout->word) + 2 - fuzz_below(5);
   uint64_t owner = some_owner(0);

   for (uint32_t i = 0; i < count; i++, ticket--) {
      struct vk_sync_win32_slot *slot =
         &layout->slots[(first + i) % VK_SYNC_WIN32_SLOTS];

      if (!one_owner)
         owner = some_owner(slot->owner);
      slot->target = VK_SYNC_WIN32_TARGET_TICKET(ticket) |
                     (fuzz_chance(90) ? VK_SYNC_WIN32_TARGET_TAKEN : 0);
      slot->owner = owner;
   }

   /* One who never comes to the end of giving back; those who take a ticket
    * wait a little for him.
    */
   if (fuzz_below(300) == 0)
      layout->slots[first].owner = own_identity() |
                                   VK_SYNC_WIN32_OWNER_RECOVERING;
}

/* Slots are taken from the first, so that is where things are. */
static struct vk_sync_win32_slot *
any_slot(struct vk_sync_win32_layout *layout)
{
   return &layout->slots[fuzz_below(fuzz_chance(70) ? 4 : VK_SYNC_WIN32_SLOTS)];
}

static void
mutate_raw(struct vk_sync_win32_layout *layout, enum fuzz_field field)
{
   uint64_t *words = (uint64_t *)layout;
   const uint32_t count = sizeof(*layout) / sizeof(*words);
   const uint32_t first = field == FIELD_ALL ? 0 : fuzz_below(count);
   const uint32_t other = fuzz_below(count);
   const uint32_t length = MIN2(16, count - first);
   const uint32_t end = field == FIELD_ALL ? count :
                        first + 1 + fuzz_below(length);

   if (field == FIELD_BYTE) {
      ((uint8_t *)&words[first])[fuzz_below(8)] = (uint8_t)other;
   } else if (field == FIELD_SWAP) {
      const uint64_t word = words[first];
      words[first] = words[other];
      words[other] = word;
   } else {
      const bool random = fuzz_chance(50);
      const uint64_t fill = fuzz_value64(words[first]);

      for (uint32_t i = first; i < end; i++)
         words[i] = random ? fuzz_random() : fill;
   }
}

static enum fuzz_field
choose_field(uint32_t fields)
{
   static const uint8_t weights[FIELD_COUNT] = {
      [FIELD_MAGIC] = 2, [FIELD_KIND] = 2, [FIELD_RESERVED] = 1,
      [FIELD_PAD] = 1, [FIELD_WORD] = 30, [FIELD_ARMED] = 20,
      [FIELD_FAILED] = 8, [FIELD_OWNER] = 20, [FIELD_TARGET] = 30,
      [FIELD_BELL] = 20, [FIELD_TICKETS] = 10, [FIELD_BYTE] = 5,
      [FIELD_SWAP] = 2, [FIELD_RUN] = 2, [FIELD_ALL] = 1,
   };
   for (;;) {
      const uint32_t field = fuzz_below(FIELD_COUNT);

      if (fields & 1u << field && fuzz_below(30) < weights[field])
         return (enum fuzz_field)field;
   }
}

void
fuzz_mutate(struct vk_sync_win32_layout *layout, uint32_t fields)
{
   const enum fuzz_field field = choose_field(fields);
   struct vk_sync_win32_slot *slot = any_slot(layout);

   switch (field) {
   case FIELD_MAGIC:
      layout->magic = fuzz_value64(layout->magic);
      break;
   case FIELD_KIND:
      layout->kind = fuzz_chance(50) ? fuzz_below(5) :
                     fuzz_value32(layout->kind);
      break;
   case FIELD_RESERVED:
      layout->reserved = fuzz_value32(layout->reserved);
      break;
   case FIELD_PAD:
      layout->pad0[fuzz_below(6)] = fuzz_random();
      layout->pad1[fuzz_below(3)] = fuzz_random();
      break;
   case FIELD_WORD:
      layout->word = mutate_word(layout->word);
      break;
   case FIELD_ARMED:
      mutate_bits(layout->armed);
      break;
   case FIELD_FAILED:
      mutate_bits(layout->failed);
      break;
   case FIELD_OWNER:
      mutate_owner(layout, slot);
      break;
   case FIELD_TARGET:
      mutate_target(layout, slot);
      break;
   case FIELD_BELL:
      mutate_bell(layout, slot);
      break;
   case FIELD_TICKETS:
      invent_tickets(layout);
      break;
   default:
      mutate_raw(layout, field);
      break;
   }
}

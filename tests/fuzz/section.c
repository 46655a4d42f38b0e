/* SPDX-License-Identifier: MIT */
#include "section.h"

#include <wchar.h>

#include "util/macros.h"

#include "vk_sync_win32_owner.h"

/* What slots and sections are told by, and what is put in their place */
static struct {
   uint64_t owners[32];
   unsigned owner_count;
   struct vk_sync_win32_bell_id bells[32];
   unsigned bell_count;
} known;

static void
learn_owner(uint64_t owner)
{
   REQUIRE(known.owner_count < TEST_COUNT(known.owners));
   known.owners[known.owner_count++] = owner;
}

static void
learn_bell(uint64_t high, uint64_t low)
{
   REQUIRE(known.bell_count < TEST_COUNT(known.bells));
   known.bells[known.bell_count++] =
      (struct vk_sync_win32_bell_id) { .bits = { high, low } };
}

/* Who has left a slot has left the bell. */
void
fuzz_learn_bells(const struct vk_sync_win32_layout *layout)
{
   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++) {
      const uint64_t *bits = layout->slots[i].bell.bits;

      if ((bits[0] | bits[1]) != 0)
         learn_bell(bits[0], bits[1]);
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
   /* Gone, and us: as we are, created before, and at an unknown time */
   const uint64_t owners[] = {
      1, 1, 1, 1, 1, 1, self, self, self, self, self - 1,
      self & ~(uint64_t)UINT32_MAX, self & UINT32_MAX, UINT32_MAX,
   };

   for (unsigned i = 0; i < TEST_COUNT(pids); i++) {
      learn_owner((uint64_t)pids[i] << 32);
      learn_owner((uint64_t)pids[i] << 32 | UINT32_MAX);
   }
   for (unsigned i = 0; i < TEST_COUNT(owners); i++)
      learn_owner(owners[i]);
}

/* Semaphores of the right name, which pass, and of the other namespace, and
 * objects that are none
 */
static void
learn_decoy(unsigned number)
{
   const uint64_t high = test_random(), low = test_random();
   const bool global = (high & 1) == (number != 3);
   wchar_t name[64];
   HANDLE decoy;

   swprintf(name, TEST_COUNT(name), L"%ls\\MesaVkBell-%016llx%016llx",
            global ? L"Global" : L"Local", (unsigned long long)high,
            (unsigned long long)low);
   decoy = number < 4 ? CreateSemaphoreW(NULL, 0, number & 1 ? 1 : 0x7fffffff,
                                         name) :
           number < 6 ? CreateMutexW(NULL, FALSE, name) :
                        CreateEventW(NULL, TRUE, FALSE, name);
   if (decoy != NULL)
      test_own_handle(decoy);
   learn_bell(high, low);
}

void
fuzz_learn_decoys(void)
{
   known.owner_count = known.bell_count = 0;
   learn_owners();

   for (unsigned i = 0; i < 8; i++)
      learn_decoy(i);
   learn_bell(0, 0);
   learn_bell(UINT64_MAX, UINT64_MAX);
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
}

static uint32_t
value32(uint32_t old)
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
   case 9: return (uint64_t)value32((uint32_t)(old >> 32)) << 32 |
                  value32((uint32_t)old);
   default: return fuzz_random() >> fuzz_below(64);
   }
}

/* Of few signals and waits, near each other or as far as can be */
static void
mutate_word(struct vk_sync_win32_layout *layout)
{
   const uint32_t signals = value32((uint32_t)layout->word);

   layout->word = fuzz_chance(50) ? fuzz_value64(layout->word) :
                  (uint64_t)value32(signals) << 32 | signals;
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

static void
mutate_armed(struct vk_sync_win32_layout *layout)
{
   mutate_bits(layout->armed);
}

static void
mutate_failed(struct vk_sync_win32_layout *layout)
{
   mutate_bits(layout->failed);
}

/* Slots are taken from the first, so that is where things are. */
static struct vk_sync_win32_slot *
any_slot(struct vk_sync_win32_layout *layout)
{
   return &layout->slots[fuzz_below(fuzz_chance(70) ? 4 : VK_SYNC_WIN32_SLOTS)];
}

/* Somebody who may own a slot: one of those learnt, or anybody */
static uint64_t
some_owner(uint64_t old)
{
   return fuzz_chance(60) ? known.owners[fuzz_below(known.owner_count)] :
                            fuzz_value64(old);
}

static void
mutate_owner(struct vk_sync_win32_layout *layout)
{
   struct vk_sync_win32_slot *slot = any_slot(layout);
   const uint64_t owner = some_owner(slot->owner);

   slot->owner = owner;
   if (fuzz_chance(2)) {
      for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++)
         layout->slots[i].owner = owner;
   }
}

/* What somebody waits for */
static void
mutate_target(struct vk_sync_win32_layout *layout)
{
   struct vk_sync_win32_slot *slot = any_slot(layout);

   slot->target = fuzz_value64(fuzz_chance(50) ? layout->word : slot->target);
}

static void
mutate_bell(struct vk_sync_win32_layout *layout)
{
   struct vk_sync_win32_slot *slot = any_slot(layout);

   if (fuzz_chance(30))
      slot->bell = layout->slots[fuzz_below(4)].bell;
   else if (fuzz_chance(60))
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
   const uint32_t count = fuzz_chance(2) ? VK_SYNC_WIN32_SLOTS :
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
   if (fuzz_below(550) == 0)
      layout->slots[first].owner = own_identity() |
                                   VK_SYNC_WIN32_OWNER_RECOVERING;
}

static void
mutate_header(struct vk_sync_win32_layout *layout)
{
   if (fuzz_chance(50))
      layout->magic = fuzz_value64(layout->magic);
   else
      layout->kind = fuzz_chance(50) ? fuzz_below(5) : value32(layout->kind);
}

/* Any byte, any word, any run of words, all of it */
static void
mutate_raw(struct vk_sync_win32_layout *layout)
{
   uint64_t *words = (uint64_t *)layout;
   const uint32_t count = sizeof(*layout) / sizeof(*words);
   const uint32_t dice = fuzz_below(10);
   const bool random = fuzz_chance(50);
   const uint64_t fill = fuzz_value64(words[fuzz_below(count)]);
   uint32_t first = 0, end = count;

   if (dice < 5) {
      ((uint8_t *)layout)[fuzz_below(sizeof(*layout))] = (uint8_t)fill;
      return;
   }
   if (dice < 9) {
      first = fuzz_below(count);
      end = dice < 7 ? first + 1 :
                       first + 1 + fuzz_below(MIN2(16, count - first));
   }
   for (uint32_t i = first; i < end; i++)
      words[i] = random ? fuzz_random() : fill;
}

void
fuzz_mutate(struct vk_sync_win32_layout *layout, bool header)
{
   static const struct {
      uint32_t weight;
      void (*mutate)(struct vk_sync_win32_layout *layout);
   } mutations[] = {
      { 20, mutate_word },
      { 13, mutate_armed },
      { 5, mutate_failed },
      { 13, mutate_owner },
      { 15, mutate_target },
      { 13, mutate_bell },
      { 12, invent_tickets },
      /* What may change the header */
      { 3, mutate_header },
      { 6, mutate_raw },
   };
   uint32_t at = fuzz_below(header ? 100 : 91);
   unsigned i = 0;

   while (at >= mutations[i].weight)
      at -= mutations[i++].weight;
   mutations[i].mutate(layout);
}

/* SPDX-License-Identifier: MIT */
#include "section.h"

#include <string.h>
#include <wchar.h>

#define PATTERN 0xa5

/* By which other processes can be told, and what is put in their place */
static struct {
   uint64_t owners[64];
   unsigned owner_count;
   struct vk_sync_win32_doorbell_id doorbells[64];
   unsigned doorbell_count;
   uint64_t ids[64][2];
   unsigned id_count;
} known;

static void
learn_owner(uint64_t owner)
{
   if (known.owner_count < TEST_COUNT(known.owners))
      known.owners[known.owner_count++] = owner;
}

static void
learn_doorbell(struct vk_sync_win32_doorbell_id id)
{
   if (known.doorbell_count < TEST_COUNT(known.doorbells))
      known.doorbells[known.doorbell_count++] = id;
}

void
fuzz_learn(struct vk_sync_win32_layout *layout)
{
   if (known.id_count < TEST_COUNT(known.ids))
      memcpy(known.ids[known.id_count++], layout->id, sizeof(layout->id));

   for (unsigned i = 0; i < VK_SYNC_WIN32_SECTION_SLOTS; i++) {
      const struct vk_sync_win32_slot *slot = &layout->slots[i];

      if (slot->owner == 0)
         continue;
      learn_owner(slot->owner);
      learn_owner(slot->owner + 1);
      learn_owner(slot->owner & ~(uint64_t)UINT32_MAX);
      learn_doorbell(slot->doorbell);
   }
}

static void
close_decoy(void *data)
{
   CloseHandle((HANDLE)data);
}

void
fuzz_learn_decoys(void)
{
   /* Nobody, the idle process, the system, one that cannot be, a parent */
   static const uint32_t pids[] = { 0, 4, 5, 8, 0x7ffffffd, UINT32_MAX };

   known.owner_count = known.doorbell_count = known.id_count = 0;
   for (unsigned i = 0; i < TEST_COUNT(pids); i++) {
      learn_owner((uint64_t)pids[i] << 32);
      learn_owner((uint64_t)pids[i] << 32 | UINT32_MAX);
   }
   learn_owner((uint64_t)GetCurrentProcessId() << 32);
   learn_owner((uint64_t)GetCurrentProcessId() << 32 | 1);
   learn_owner(UINT32_MAX);

   /* Events of the right name and objects that are none */
   for (unsigned i = 0; i < 8; i++) {
      const struct vk_sync_win32_doorbell_id id = {
         .bits = { test_random(), test_random() },
      };
      wchar_t name[64];
      HANDLE decoy;

      swprintf(name, TEST_COUNT(name), L"%ls\\MesaVkSync-%08x%08x%08x%08x",
               i & 1 ? L"Local" : L"Global", (uint32_t)(id.bits[0] >> 32),
               (uint32_t)id.bits[0], (uint32_t)(id.bits[1] >> 32),
               (uint32_t)id.bits[1]);
      decoy = i < 4 ? CreateEventW(NULL, TRUE, FALSE, name) :
              i < 6 ? CreateMutexW(NULL, FALSE, name) :
                      CreateSemaphoreW(NULL, 0, 1, name);
      if (decoy != NULL)
         test_defer(close_decoy, decoy);
      learn_doorbell(id);
   }
   learn_doorbell((struct vk_sync_win32_doorbell_id) { .bits = { 0, 0 } });
   learn_doorbell((struct vk_sync_win32_doorbell_id) {
      .bits = { UINT64_MAX, UINT64_MAX },
   });
}

void
fuzz_page_open(struct fuzz_page *page, HANDLE handle)
{
   MEMORY_BASIC_INFORMATION info;

   page->handle = handle;
   page->layout = MapViewOfFile(handle, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0,
                                0);
   REQUIRE(page->layout != NULL);
   REQUIRE(VirtualQuery(page->layout, &info, sizeof(info)));
   page->size = info.RegionSize;
   REQUIRE(page->size > sizeof(*page->layout));
   memset(page->layout + 1, PATTERN, page->size - sizeof(*page->layout));
}

void
fuzz_page_close(struct fuzz_page *page)
{
   UnmapViewOfFile(page->layout);
   CloseHandle(page->handle);
   *page = (struct fuzz_page) {0};
}

bool
fuzz_page_is_intact(const struct fuzz_page *page)
{
   const uint64_t *tail = (const uint64_t *)(page->layout + 1);
   const uint64_t *end =
      (const uint64_t *)((const char *)page->layout + page->size);

   for (; tail < end; tail++) {
      if (*tail != PATTERN * UINT64_C(0x0101010101010101))
         return false;
   }
   return true;
}

uint64_t
fuzz_value64(struct fuzz_rng *rng, uint64_t old)
{
   switch (fuzz_below(rng, 12)) {
   case 0: return 0;
   case 1: return UINT64_MAX;
   case 2: return UINT64_MAX - 1;
   case 3: return (uint64_t)INT64_MAX + fuzz_below(rng, 2);
   case 4: return old + 1;
   case 5: return old - 1;
   case 6: return old ^ (UINT64_C(1) << fuzz_below(rng, 64));
   case 7: return fuzz_below(rng, 256);
   case 8: return old << 32 | old >> 32;
   case 9: return (uint64_t)fuzz_value32(rng, (uint32_t)(old >> 32)) << 32 |
                  fuzz_value32(rng, (uint32_t)old);
   default: return fuzz_random(rng) >> fuzz_below(rng, 64);
   }
}

uint32_t
fuzz_value32(struct fuzz_rng *rng, uint32_t old)
{
   switch (fuzz_below(rng, 9)) {
   case 0: return 0;
   case 1: return UINT32_MAX;
   case 2: return (uint32_t)INT32_MAX + fuzz_below(rng, 2);
   case 3: return old + 1;
   case 4: return old - 1;
   case 5: return old ^ (1u << fuzz_below(rng, 32));
   case 6: return fuzz_below(rng, 8);
   case 7: return old + (uint32_t)INT32_MAX + fuzz_below(rng, 3);
   default: return (uint32_t)fuzz_random(rng) >> fuzz_below(rng, 32);
   }
}

/* Of few signals and waits, near each other or as far as can be */
static uint64_t
mutate_word(struct fuzz_rng *rng, uint64_t old)
{
   const uint32_t signals = fuzz_value32(rng, (uint32_t)old);

   if (fuzz_chance(rng, 50))
      return fuzz_value64(rng, old);
   return (uint64_t)fuzz_value32(rng, signals) << 32 | signals;
}

static uint64_t
mutate_armed(struct fuzz_rng *rng, uint64_t old)
{
   /* All at once is dear: every slot is looked up by name. */
   switch (fuzz_below(rng, 64)) {
   case 0: return UINT64_MAX;
   case 1: return fuzz_random(rng);
   case 2: return 0;
   case 3: return UINT64_C(1) << 63;
   default: return old ^ (UINT64_C(1) << fuzz_below(rng, 64));
   }
}

static void
mutate_owner(struct fuzz_rng *rng, struct vk_sync_win32_layout *layout,
             struct vk_sync_win32_slot *slot)
{
   const uint64_t owner =
      known.owner_count != 0 && fuzz_chance(rng, 60) ?
      known.owners[fuzz_below(rng, known.owner_count)] :
      fuzz_value64(rng, slot->owner);

   if (!fuzz_chance(rng, 2)) {
      slot->owner = owner;
      return;
   }
   for (unsigned i = 0; i < VK_SYNC_WIN32_SECTION_SLOTS; i++)
      layout->slots[i].owner = owner;
}

static void
mutate_doorbell(struct fuzz_rng *rng, struct vk_sync_win32_layout *layout,
                struct vk_sync_win32_slot *slot)
{
   if (fuzz_chance(rng, 30))
      slot->doorbell = layout->slots[fuzz_below(rng, 4)].doorbell;
   else if (known.doorbell_count != 0 && fuzz_chance(rng, 60))
      slot->doorbell =
         known.doorbells[fuzz_below(rng, known.doorbell_count)];
   else
      slot->doorbell.bits[fuzz_below(rng, 2)] =
         fuzz_value64(rng, slot->doorbell.bits[0]);
}

/* Slots are taken from the first, so that is where things are. */
static struct vk_sync_win32_slot *
any_slot(struct fuzz_rng *rng, struct vk_sync_win32_layout *layout)
{
   return &layout->slots[fuzz_chance(rng, 70) ?
                         fuzz_below(rng, 4) :
                         fuzz_below(rng, VK_SYNC_WIN32_SECTION_SLOTS)];
}

static void
mutate_raw(struct fuzz_rng *rng, struct vk_sync_win32_layout *layout,
           enum fuzz_field field)
{
   uint64_t *words = (uint64_t *)layout;
   const uint32_t count = sizeof(*layout) / sizeof(*words);
   const uint32_t first = field == FIELD_ALL ? 0 : fuzz_below(rng, count);
   const uint32_t other = fuzz_below(rng, count);
   const uint32_t length = MIN2(16, count - first);
   const uint32_t end = field == FIELD_ALL ? count :
                        first + 1 + fuzz_below(rng, length);

   if (field == FIELD_BYTE) {
      ((uint8_t *)&words[first])[fuzz_below(rng, 8)] = (uint8_t)other;
   } else if (field == FIELD_SWAP) {
      const uint64_t word = words[first];
      words[first] = words[other];
      words[other] = word;
   } else {
      const bool random = fuzz_chance(rng, 50);
      const uint64_t fill = fuzz_value64(rng, words[first]);

      for (uint32_t i = first; i < end; i++)
         words[i] = random ? fuzz_random(rng) : fill;
   }
}

static enum fuzz_field
choose_field(struct fuzz_rng *rng, uint32_t fields)
{
   static const uint8_t weights[FIELD_COUNT] = {
      [FIELD_MAGIC] = 2, [FIELD_KIND] = 2, [FIELD_KMT] = 3, [FIELD_ID] = 5,
      [FIELD_PAD] = 1, [FIELD_WORD] = 30, [FIELD_ARMED] = 20,
      [FIELD_OWNER] = 20, [FIELD_DOORBELL] = 20, [FIELD_WANTED] = 15,
      [FIELD_FLAGS] = 8, [FIELD_RESERVED] = 1, [FIELD_BYTE] = 5,
      [FIELD_SWAP] = 2, [FIELD_RUN] = 2, [FIELD_ALL] = 1,
   };
   uint32_t sum = 0, at;

   for (unsigned i = 0; i < FIELD_COUNT; i++)
      sum += fields & (1u << i) ? weights[i] : 0;
   at = fuzz_below(rng, sum);
   for (unsigned i = 0; i < FIELD_COUNT; i++) {
      const uint32_t weight = fields & (1u << i) ? weights[i] : 0;

      if (at < weight)
         return (enum fuzz_field)i;
      at -= weight;
   }
   return FIELD_WORD;
}

enum fuzz_field
fuzz_mutate(struct fuzz_rng *rng, struct vk_sync_win32_layout *layout,
            uint32_t fields)
{
   const enum fuzz_field field = choose_field(rng, fields);
   struct vk_sync_win32_slot *slot = any_slot(rng, layout);

   switch (field) {
   case FIELD_MAGIC:
      layout->magic = fuzz_value64(rng, layout->magic);
      break;
   case FIELD_KIND:
      layout->kind = fuzz_chance(rng, 50) ? fuzz_below(rng, 5) :
                     fuzz_value32(rng, layout->kind);
      break;
   case FIELD_KMT:
      layout->kmt = fuzz_value32(rng, layout->kmt);
      break;
   case FIELD_ID:
      if (known.id_count != 0 && fuzz_chance(rng, 50))
         memcpy(layout->id, known.ids[fuzz_below(rng, known.id_count)],
                sizeof(layout->id));
      else
         layout->id[fuzz_below(rng, 2)] = fuzz_value64(rng, layout->id[0]);
      break;
   case FIELD_PAD:
      layout->pad0[fuzz_below(rng, 4)] = fuzz_random(rng);
      layout->pad1[fuzz_below(rng, 6)] = fuzz_random(rng);
      break;
   case FIELD_WORD:
      layout->word = mutate_word(rng, layout->word);
      break;
   case FIELD_ARMED:
      layout->armed = mutate_armed(rng, layout->armed);
      break;
   case FIELD_OWNER:
      mutate_owner(rng, layout, slot);
      break;
   case FIELD_DOORBELL:
      mutate_doorbell(rng, layout, slot);
      break;
   case FIELD_WANTED:
      slot->wanted = fuzz_value64(rng, fuzz_chance(rng, 50) ? layout->word :
                                       slot->wanted);
      break;
   case FIELD_FLAGS:
      slot->flags = fuzz_value32(rng, slot->flags);
      break;
   case FIELD_RESERVED:
      slot->reserved = fuzz_value32(rng, slot->reserved);
      break;
   default:
      mutate_raw(rng, layout, field);
      break;
   }
   return field;
}

/* SPDX-License-Identifier: MIT */
#include "soak.h"

void
soak_payloads_open(struct soak_payloads *payloads, const struct peer_run *run,
                   struct vk_device *device, bool create)
{
   struct vk_sync *(*get)(const struct peer_run *, struct vk_device *,
                           enum vk_sync_win32_kind, const char *) =
      create ? peer_share : peer_open;
   char name[24];

   for (unsigned i = 0; i < SOAK_WORKERS; i++) {
      snprintf(name, sizeof(name), "timeline%u", i);
      payloads->timelines[i] = get(run, device,
                                   VK_SYNC_WIN32_KIND_TIMELINE, name);
      for (unsigned j = 0; j < SOAK_NEIGHBOURS; j++) {
         snprintf(name, sizeof(name), "letter%u-%u", i, j);
         payloads->letters[i][j] = get(run, device, VK_SYNC_WIN32_KIND_BINARY, name);
      }
   }
   for (unsigned i = 0; i < SOAK_TOKENS; i++) {
      snprintf(name, sizeof(name), "token%u", i);
      payloads->tokens[i] = get(run, device, VK_SYNC_WIN32_KIND_BINARY, name);
   }
   payloads->rush = get(run, device, VK_SYNC_WIN32_KIND_BINARY, "rush");
}

void
soak_payloads_visit(struct soak_payloads *payloads, struct vk_device *device,
                    soak_visitor visitor)
{
   char name[24];

   for (unsigned i = 0; i < SOAK_WORKERS; i++) {
      snprintf(name, sizeof(name), "timeline%u", i);
      visitor(device, name, payloads->timelines[i]);
      for (unsigned j = 0; j < SOAK_NEIGHBOURS; j++) {
         snprintf(name, sizeof(name), "letter%u-%u", i, j);
         visitor(device, name, payloads->letters[i][j]);
      }
   }
   for (unsigned i = 0; i < SOAK_TOKENS; i++) {
      snprintf(name, sizeof(name), "token%u", i);
      visitor(device, name, payloads->tokens[i]);
   }
   visitor(device, "rush", payloads->rush);
}

static uint64_t
sum_of(const struct soak_block *block)
{
   uint64_t sum = block->number;

   for (unsigned i = 0; i < SOAK_WORDS; i++)
      sum = (sum << 7 | sum >> 57) + block->words[i];
   return sum;
}

void
soak_block_write(struct soak_block *block, uint64_t author, uint64_t number)
{
   uint64_t random = author << 48 ^ number;

   block->number = number;
   for (unsigned i = 0; i < SOAK_WORDS; i++)
      block->words[i] = peer_random(&random);
   block->sum = sum_of(block);
}

void
soak_block_check(const struct soak_block *block, uint64_t author,
                 uint64_t number)
{
   uint64_t random = author << 48 ^ number;

   REQUIRE_U64(block->number, number);
   for (unsigned i = 0; i < SOAK_WORDS; i++)
      REQUIRE_U64(block->words[i], peer_random(&random));
   REQUIRE_U64(block->sum, sum_of(block));
}

/* SPDX-License-Identifier: MIT */
#include "soak.h"

void
soak_payloads_open(struct soak_payloads *payloads, const struct peer_run *run,
                   struct vk_device *device, bool create)
{
   for (unsigned i = 0; i < SOAK_WORKERS; i++) {
      snprintf(payloads->timelines[i].name, SOAK_NAME_SIZE, "timeline%u", i);
      for (unsigned j = 0; j < SOAK_NEIGHBOURS; j++)
         snprintf(payloads->letters[i][j].name, SOAK_NAME_SIZE, "letter%u-%u",
                  i, j);
   }
   for (unsigned i = 0; i < SOAK_TOKENS; i++)
      snprintf(payloads->tokens[i].name, SOAK_NAME_SIZE, "token%u", i);
   snprintf(payloads->rush.name, SOAK_NAME_SIZE, "rush");

   for (unsigned i = 0; i < SOAK_PAYLOADS; i++) {
      struct soak_payload *payload = &payloads->all[i];
      const enum vk_sync_win32_kind kind =
         i < SOAK_WORKERS ? VK_SYNC_WIN32_KIND_TIMELINE :
                            VK_SYNC_WIN32_KIND_BINARY;

      payload->sync = (create ? peer_share : peer_open)(run, device, kind,
                                                        payload->name);
   }
}

void
soak_payloads_close(struct soak_payloads *payloads, struct vk_device *device)
{
   for (unsigned i = 0; i < SOAK_PAYLOADS; i++)
      vk_sync_destroy(device, payloads->all[i].sync);
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

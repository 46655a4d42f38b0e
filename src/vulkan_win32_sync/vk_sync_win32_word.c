/* SPDX-License-Identifier: MIT */
#include "vk_sync_win32_word.h"

bool
vk_sync_win32_word_unconsume(uint64_t *word, uint32_t ticket)
{
   for (uint32_t i = 0; i < VK_SYNC_WIN32_TRIES; i++) {
      const uint64_t old = vk_sync_win32_load64(word);

      if (vk_sync_win32_consumed(old) != ticket)
         return false;
      if (vk_sync_win32_cas64(word, old, old - vk_sync_win32_pair(0, 1)))
         return true;
   }
   return false;
}

void
vk_sync_win32_word_reset(uint64_t *word)
{
   for (uint32_t i = 0; i < VK_SYNC_WIN32_TRIES; i++) {
      const uint64_t old = vk_sync_win32_load64(word);
      const uint32_t signals = vk_sync_win32_signals(old);

      if (!vk_sync_win32_is_signalled(old) ||
          vk_sync_win32_cas64(word, old, vk_sync_win32_pair(signals, signals)))
         return;
   }
}

bool
vk_sync_win32_word_signal(enum vk_sync_win32_kind kind, uint64_t *word,
                          uint64_t value, uint64_t *now)
{
   const bool timeline = kind == VK_SYNC_WIN32_KIND_TIMELINE;

   for (uint32_t i = 0; i < VK_SYNC_WIN32_TRIES; i++) {
      const uint64_t old = vk_sync_win32_load64(word);

      *now = old;
      if (timeline ? value <= old : vk_sync_win32_is_signalled(old))
         break;

      *now = timeline ? value :
             vk_sync_win32_pair(vk_sync_win32_signals(old) + 1,
                                vk_sync_win32_consumed(old));
      if (vk_sync_win32_cas64(word, old, *now))
         return true;
   }
   return !timeline;
}

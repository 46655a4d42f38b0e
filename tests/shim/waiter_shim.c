/* SPDX-License-Identifier: MIT */

/* In place of vk_sync_win32_waiter.c: what it keeps for later waits would not
 * be seen to be used in between.
 */
#include "vk_sync_win32_waiter.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)0)
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)0)
#endif

/* All but the link */
#define HIDDEN_SIZE \
   (sizeof(struct vk_sync_win32_waiter) - sizeof(SLIST_ENTRY))

static SLIST_ENTRY *
pop_waiter(SLIST_HEADER *list)
{
   SLIST_ENTRY *entry = InterlockedPopEntrySList(list);
   if (entry != NULL)
      ASAN_UNPOISON_MEMORY_REGION(entry + 1, HIDDEN_SIZE);
   return entry;
}

static void
push_waiter(SLIST_HEADER *list, SLIST_ENTRY *entry)
{
   ASAN_POISON_MEMORY_REGION(entry + 1, HIDDEN_SIZE);
   InterlockedPushEntrySList(list, entry);
}

static void put_waiter(struct vk_sync_win32_waiter *waiter);

#define InterlockedPopEntrySList pop_waiter
#define InterlockedPushEntrySList push_waiter
#define vk_sync_win32_waiter_put put_waiter
#include "vk_sync_win32_waiter.c"
#undef vk_sync_win32_waiter_put

void
vk_sync_win32_waiter_put(struct vk_sync_win32_waiter *waiter)
{
   free(waiter->memory);
   waiter->memory = NULL;
   waiter->size = 0;
   put_waiter(waiter);
}

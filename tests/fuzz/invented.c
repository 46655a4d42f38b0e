/* SPDX-License-Identifier: MIT */

/* Tickets that a stranger has noted in the slots of a binary semaphore: of
 * processes that are there or are not, of this one, and of nobody
 */
#include "use.h"

#include "tickets.h"

#define STEPS 64
#define HELD 6

static struct vk_sync *
take(struct vk_sync *sync)
{
   struct vk_sync *wait = fuzz_sync(VK_SYNC_WIN32_KIND_BINARY, 0);

   FUZZ_CHECK(fuzz_move(wait, sync) == VK_SUCCESS);
   return wait;
}

static const struct vk_sync_win32 *
as_win32(const struct vk_sync *sync)
{
   return (const struct vk_sync_win32 *)sync;
}

/* By turns ----------------------------------------------------------------- */

static struct {
   struct vk_sync *sync, *peer;
   struct fuzz_page page;
   struct tickets tickets;
   struct vk_sync *held[HELD];
} invented;

static void
check(void)
{
   FUZZ_CHECK(tickets_match(&invented.tickets, invented.page.layout));
}

static void
import_peer(void)
{
   invented.peer = fuzz_open(VK_SYNC_WIN32_KIND_BINARY, invented.page.handle);
}

static void
take_one(struct vk_sync **held)
{
   uint32_t slot;
   const uint32_t ticket = tickets_take(&invented.tickets, &slot);

   *held = take(fuzz_chance(50) ? invented.sync : invented.peer);
   if (!invented.tickets.is_exact)
      return;
   FUZZ_CHECK(as_win32(*held)->ticket == ticket);
   FUZZ_CHECK(as_win32(*held)->slot == slot);
}

/* Unless it is there yet, leave it or give it back. */
static void
wait_for_one(struct vk_sync **held)
{
   const uint32_t ticket = as_win32(*held)->ticket;
   const uint32_t slot = as_win32(*held)->slot;
   const bool reached = tickets_is_reached(&invented.tickets, ticket);
   const bool block = slot != VK_SYNC_WIN32_NO_SLOT && fuzz_chance(5);

   FUZZ_CHECK(fuzz_wait(*held, 0, block ? 1 + fuzz_below(500 * 1000) : 0) ==
              (reached ? VK_SUCCESS : VK_TIMEOUT));
   if (reached)
      tickets_see(&invented.tickets, slot);
   else if (block)
      tickets_block(&invented.tickets, slot, ticket);
   check();

   if (!reached && fuzz_chance(50))
      return;
   if (!reached)
      tickets_abandon(&invented.tickets, slot);
   fuzz_destroy(*held);
   *held = NULL;
}

static void
use_once(void)
{
   struct vk_sync **held = &invented.held[fuzz_below(HELD)];
   const uint32_t dice = fuzz_below(10);

   tickets_look(&invented.tickets, invented.page.layout);
   if (dice == 0) {
      tickets_import(&invented.tickets);
      fuzz_destroy(invented.peer);
      import_peer();
   } else if (dice < 4) {
      tickets_signal(&invented.tickets);
      FUZZ_CHECK(fuzz_signal(invented.peer, 0) == VK_SUCCESS);
   } else if (*held == NULL) {
      take_one(held);
   } else {
      wait_for_one(held);
   }
   check();
}

/* Near the ends of its two counters */
static uint64_t
some_word(void)
{
   const uint32_t signals = fuzz_chance(50) ? fuzz_below(4) :
                            fuzz_chance(50) ? 0u - fuzz_below(8) :
                            0x80000000u - fuzz_below(8);

   return vk_sync_win32_pair(signals, signals + 1 - fuzz_below(3));
}

static void
invent_and_use(UNUSED void *data)
{
   invented.sync = fuzz_shared_sync(VK_SYNC_WIN32_KIND_BINARY, NULL, false);
   fuzz_page_open(&invented.page, fuzz_export(invented.sync));
   invented.page.layout->word = some_word();
   import_peer();

   for (unsigned i = 0; i < STEPS; i++) {
      if (fuzz_chance(50))
         tickets_invent(invented.page.layout);

      fuzz_enter("using invented tickets", invented.page.layout->word);
      use_once();
      fuzz_leave(500 * 1000);
      fuzz_count_case();
      fuzz_bystanders_use(use_bystanders[0]);
   }

   for (unsigned i = 0; i < HELD; i++) {
      if (invented.held[i] != NULL)
         fuzz_destroy(invented.held[i]);
      invented.held[i] = NULL;
   }
   fuzz_destroy(invented.peer);
   fuzz_destroy(invented.sync);
   fuzz_page_close(&invented.page);
}

void
invented_by_turns(UNUSED intptr_t arg)
{
   use_run("invented tickets by turns", 300, STEPS, invent_and_use, false);
}

/* By threads --------------------------------------------------------------- */

#define ROUNDS 12

struct victim {
   struct vk_sync *sync;
   struct fuzz_page page;
   volatile LONG stop;

   /* Of the wait that goes on; 0 between two of them */
   uint64_t ticket;
   /* When it was seen to be there, at the latest; 0 before */
   uint64_t reached_ns;
};

/* Everything but the word, which the tickets given back change all the same */
static void
invent(void *data)
{
   struct victim *victim = data;

   while (!victim->stop) {
      if (fuzz_chance(60))
         tickets_invent(victim->page.layout);
      else
         fuzz_mutate(victim->page.layout,
                     FIELD_BIT(ARMED) | FIELD_BIT(FAILED) | FIELD_BIT(OWNER) |
                     FIELD_BIT(TARGET) | FIELD_BIT(BELL));
      if (fuzz_chance(10))
         Sleep(fuzz_below(2));
   }
}

/* Bring the signal that the victim waits for, in spite of them all. */
static void
bring(struct victim *victim, uint32_t ticket)
{
   uint64_t *word = &victim->page.layout->word;
   uint64_t old;

   do {
      old = vk_sync_win32_load64(word);
      if ((int32_t)(vk_sync_win32_signals(old) - ticket) >= 0)
         return;
   } while (!vk_sync_win32_cas64(word, old,
                                 vk_sync_win32_pair(
                                    ticket, vk_sync_win32_consumed(old))));
}

static void
produce(void *data)
{
   struct victim *victim = data;

   while (!victim->stop) {
      const uint64_t ticket = vk_sync_win32_load64(&victim->ticket);

      if (ticket == 0 || vk_sync_win32_load64(&victim->reached_ns) != 0) {
         Sleep(1);
         continue;
      }

      if (fuzz_chance(50))
         Sleep(fuzz_below(4));
      fuzz_enter("signalling", ticket);
      FUZZ_CHECK(fuzz_signal(victim->sync, 0) == VK_SUCCESS);
      fuzz_leave(0);

      bring(victim, (uint32_t)ticket);
      vk_sync_win32_store64(&victim->reached_ns, fuzz_now_ns());
   }
}

static void
wait_once(struct victim *victim)
{
   const uint64_t timeout_ns = 30 * 1000 * FUZZ_MS;

   fuzz_enter("taking a ticket", 0);
   struct vk_sync *wait = take(victim->sync);
   fuzz_leave(0);

   vk_sync_win32_store64(&victim->reached_ns, 0);
   vk_sync_win32_store64(&victim->ticket,
                         VK_SYNC_WIN32_TARGET_TICKET(as_win32(wait)->ticket));

   fuzz_enter("waiting", as_win32(wait)->ticket);
   FUZZ_CHECK(fuzz_wait(wait, 0, timeout_ns) == VK_SUCCESS);
   fuzz_leave(timeout_ns);
   fuzz_count_case();

   /* It may have been there before that was noticed. */
   while (vk_sync_win32_load64(&victim->reached_ns) == 0)
      SwitchToThread();
   fuzz_check_late(vk_sync_win32_load64(&victim->reached_ns), 0);

   vk_sync_win32_store64(&victim->ticket, 0);
   fuzz_destroy(wait);
}

static void
invent_meanwhile(UNUSED void *data)
{
   struct victim victim = {
      .sync = fuzz_shared_sync(VK_SYNC_WIN32_KIND_BINARY, NULL, false),
   };
   struct test_thread *threads[2];

   fuzz_page_open(&victim.page, fuzz_export(victim.sync));
   victim.page.layout->word = some_word();
   threads[0] = fuzz_start(1, invent, &victim);
   threads[1] = fuzz_start(2, produce, &victim);

   for (unsigned i = 0; i < ROUNDS && !test_failed(); i++) {
      wait_once(&victim);
      for (unsigned j = 0; j < 4; j++)
         fuzz_bystanders_use(use_bystanders[0]);
   }

   InterlockedExchange(&victim.stop, 1);
   test_thread_join(threads[0]);
   test_thread_join(threads[1]);
   fuzz_destroy(victim.sync);
   fuzz_page_close(&victim.page);
}

void
invented_by_threads(UNUSED intptr_t arg)
{
   use_run("invented tickets by threads", 40, ROUNDS, invent_meanwhile, false);
}

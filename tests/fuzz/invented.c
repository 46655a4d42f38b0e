/* SPDX-License-Identifier: MIT */

/* Tickets that a stranger has noted in the slots of a binary semaphore: of
 * processes that are there or are not, of this one, and of nobody
 */
#include "use.h"

#include "util/os_time.h"

#include "tickets.h"

#define STEPS 64
#define HELD 6

static struct vk_sync *
take(struct fuzz_thread *self, struct vk_device *device, struct vk_sync *sync)
{
   struct vk_sync *wait = fuzz_sync(device, VK_SYNC_WIN32_KIND_BINARY, 0);

   FUZZ_CHECK(self, vk_sync_move(device, wait, sync) == VK_SUCCESS);
   return wait;
}

static const struct vk_sync_win32 *
as_win32(const struct vk_sync *sync)
{
   return (const struct vk_sync_win32 *)sync;
}

/* By turns ----------------------------------------------------------------- */

struct invented {
   struct vk_device *device;
   struct fuzz_bystanders bystanders;
   struct vk_sync *sync, *peer;
   struct fuzz_page page;
   struct tickets tickets;
   struct vk_sync *held[HELD];
};

static void
check(struct fuzz_thread *self, struct invented *invented)
{
   FUZZ_CHECK(self, tickets_match(&invented->tickets,
                                  invented->page.layout));
}

static struct vk_sync *
import_peer(struct fuzz_thread *self, struct invented *invented)
{
   const struct fuzz_import_info info =
      fuzz_import_info(invented->page.handle);
   struct vk_sync *peer =
      fuzz_sync(invented->device, VK_SYNC_WIN32_KIND_BINARY, 0);

   FUZZ_CHECK(self, fuzz_import(invented->device, peer, &info) == VK_SUCCESS);
   return peer;
}

static void
take_one(struct fuzz_thread *self, struct invented *invented,
         struct vk_sync **held)
{
   uint32_t slot;
   const uint32_t ticket = tickets_take(&invented->tickets, &slot);

   *held = take(self, invented->device,
                fuzz_chance(&self->rng, 50) ? invented->sync :
                                              invented->peer);
   if (!invented->tickets.is_exact)
      return;
   FUZZ_CHECK(self, as_win32(*held)->ticket == ticket);
   FUZZ_CHECK(self, as_win32(*held)->slot == slot);
}

/* Unless it is there yet, leave it or give it back. */
static void
wait_for_one(struct fuzz_thread *self, struct invented *invented,
             struct vk_sync **held)
{
   const uint32_t ticket = as_win32(*held)->ticket;
   const uint32_t slot = as_win32(*held)->slot;
   const bool reached =
      (int32_t)((uint32_t)invented->tickets.word - ticket) >= 0;
   const bool block =
      slot != VK_SYNC_WIN32_NO_SLOT && fuzz_chance(&self->rng, 5);
   const uint64_t end_ns = block ?
      os_time_get_absolute_timeout(fuzz_below(&self->rng, 500 * 1000)) : 0;

   FUZZ_CHECK(self, vk_sync_wait(invented->device, *held, 0,
                                 VK_SYNC_WAIT_COMPLETE, end_ns) ==
                    (reached ? VK_SUCCESS : VK_TIMEOUT));
   if (reached)
      tickets_see(&invented->tickets, slot);
   else if (block)
      tickets_block(&invented->tickets, slot, ticket);
   check(self, invented);

   if (!reached && fuzz_chance(&self->rng, 50))
      return;
   if (!reached)
      tickets_abandon(&invented->tickets, slot);
   vk_sync_destroy(invented->device, *held);
   *held = NULL;
}

static void
use_once(struct fuzz_thread *self, struct invented *invented)
{
   struct vk_sync **held = &invented->held[fuzz_below(&self->rng, HELD)];

   tickets_look(&invented->tickets, invented->page.layout);
   switch (fuzz_below(&self->rng, 10)) {
   case 0:
      tickets_import(&invented->tickets);
      vk_sync_destroy(invented->device, invented->peer);
      invented->peer = import_peer(self, invented);
      break;
   case 1:
   case 2:
   case 3:
      tickets_signal(&invented->tickets);
      FUZZ_CHECK(self, vk_sync_signal(invented->device, invented->peer, 0) ==
                       VK_SUCCESS);
      break;
   default:
      if (*held == NULL)
         take_one(self, invented, held);
      else
         wait_for_one(self, invented, held);
      break;
   }
   check(self, invented);
}

/* Near the ends of its two counters */
static uint64_t
some_word(struct fuzz_rng *rng)
{
   const uint32_t signals = fuzz_chance(rng, 50) ? fuzz_below(rng, 4) :
                            fuzz_chance(rng, 50) ? 0u - fuzz_below(rng, 8) :
                            0x80000000u - fuzz_below(rng, 8);

   return vk_sync_win32_pair(signals, signals + 1 - fuzz_below(rng, 3));
}

static void
invent_and_use(struct fuzz_thread *self, void *data)
{
   struct invented *invented = data;
   struct vk_device *device = invented->device;

   invented->sync = fuzz_shared_sync(device, VK_SYNC_WIN32_KIND_BINARY, NULL,
                                     false);
   fuzz_page_open(&invented->page, fuzz_export(device, invented->sync));
   invented->page.layout->word = some_word(&self->rng);
   invented->peer = import_peer(self, invented);

   for (unsigned i = 0; i < STEPS; i++) {
      if (fuzz_chance(&self->rng, 50))
         tickets_invent(&self->rng, invented->page.layout);

      fuzz_enter(self, "using invented tickets", invented->page.layout->word);
      use_once(self, invented);
      fuzz_leave(self, 500 * 1000);
      self->cases++;
      fuzz_bystanders_use(self, &invented->bystanders);
   }

   for (unsigned i = 0; i < HELD; i++) {
      if (invented->held[i] != NULL)
         vk_sync_destroy(device, invented->held[i]);
      invented->held[i] = NULL;
   }
   vk_sync_destroy(device, invented->peer);
   vk_sync_destroy(device, invented->sync);
   fuzz_page_close(&invented->page);
}

void
invented_by_turns(intptr_t arg)
{
   const uint32_t episodes = 300;
   struct fuzz_thread self = {0};
   struct invented invented = {0};

   (void)arg;
   fuzz_learn_decoys();
   invented.device = fuzz_device();
   fuzz_bystanders_create(&invented.bystanders, invented.device);
   fuzz_run("invented tickets by turns", episodes, episodes * STEPS,
            invent_and_use, &invented);
   fuzz_bystanders_destroy(&self, &invented.bystanders);
   fuzz_check_nothing_left(true, true);
}

/* By threads --------------------------------------------------------------- */

#define ROUNDS 12

struct victim {
   struct fuzz_thread *self, *producer;
   struct vk_device *device;
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
   struct fuzz_rng *rng = &fuzz_thread(1)->rng;

   while (!victim->stop) {
      if (fuzz_chance(rng, 60))
         tickets_invent(rng, victim->page.layout);
      else
         fuzz_mutate(rng, victim->page.layout,
                     FIELD_BIT(ARMED) | FIELD_BIT(FAILED) | FIELD_BIT(OWNER) |
                     FIELD_BIT(TARGET) | FIELD_BIT(BELL));
      if (fuzz_chance(rng, 10))
         Sleep(fuzz_below(rng, 2));
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
   struct fuzz_thread *self = victim->producer;

   while (!victim->stop) {
      const uint64_t ticket = vk_sync_win32_load64(&victim->ticket);

      if (ticket == 0 || vk_sync_win32_load64(&victim->reached_ns) != 0) {
         Sleep(1);
         continue;
      }

      if (fuzz_chance(&self->rng, 50))
         Sleep(fuzz_below(&self->rng, 4));
      fuzz_enter(self, "signalling", ticket);
      FUZZ_CHECK(self, vk_sync_signal(victim->device, victim->sync, 0) ==
                       VK_SUCCESS);
      fuzz_leave(self, 0);

      bring(victim, (uint32_t)ticket);
      vk_sync_win32_store64(&victim->reached_ns, fuzz_now_ns());
   }
}

static void
wait_once(struct victim *victim)
{
   struct fuzz_thread *self = victim->self;
   const uint64_t timeout_ns = 30 * 1000 * FUZZ_MS;
   struct vk_sync *wait;

   fuzz_enter(self, "taking a ticket", 0);
   wait = take(self, victim->device, victim->sync);
   fuzz_leave(self, 0);

   vk_sync_win32_store64(&victim->reached_ns, 0);
   vk_sync_win32_store64(&victim->ticket,
                         VK_SYNC_WIN32_TARGET_TICKET(as_win32(wait)->ticket));

   fuzz_enter(self, "waiting", as_win32(wait)->ticket);
   FUZZ_CHECK(self, vk_sync_wait(victim->device, wait, 0,
                                 VK_SYNC_WAIT_COMPLETE,
                                 os_time_get_absolute_timeout(timeout_ns)) ==
                    VK_SUCCESS);
   fuzz_leave(self, timeout_ns);
   self->cases++;

   /* It may have been there before that was noticed. */
   while (vk_sync_win32_load64(&victim->reached_ns) == 0)
      SwitchToThread();
   const uint64_t taken_ns =
      fuzz_elapsed_ns(vk_sync_win32_load64(&victim->reached_ns));
   FUZZ_CHECK(self, taken_ns <= FUZZ_LATE_NS);
   self->slowest_ns = MAX2(self->slowest_ns, taken_ns);

   vk_sync_win32_store64(&victim->ticket, 0);
   vk_sync_destroy(victim->device, wait);
}

struct crowd {
   struct vk_device *device;
   struct fuzz_bystanders bystanders;
};

static void
invent_meanwhile(struct fuzz_thread *self, void *data)
{
   struct crowd *crowd = data;
   struct victim victim = {
      .self = self,
      .producer = fuzz_thread(2),
      .device = crowd->device,
      .sync = fuzz_shared_sync(crowd->device, VK_SYNC_WIN32_KIND_BINARY, NULL,
                               false),
   };
   struct test_thread *threads[2];

   fuzz_page_open(&victim.page, fuzz_export(victim.device, victim.sync));
   victim.page.layout->word = some_word(&self->rng);
   threads[0] = test_thread_start(invent, &victim);
   threads[1] = test_thread_start(produce, &victim);

   for (unsigned i = 0; i < ROUNDS && !test_failed(); i++) {
      wait_once(&victim);
      for (unsigned j = 0; j < 4; j++)
         fuzz_bystanders_use(self, &crowd->bystanders);
   }

   InterlockedExchange(&victim.stop, 1);
   test_thread_join(threads[0]);
   test_thread_join(threads[1]);
   vk_sync_destroy(victim.device, victim.sync);
   fuzz_page_close(&victim.page);
}

void
invented_by_threads(intptr_t arg)
{
   const uint32_t episodes = 40;
   struct fuzz_thread self = {0};
   struct crowd crowd;

   (void)arg;
   fuzz_learn_decoys();
   crowd.device = fuzz_device();
   use_learn(crowd.device);
   fuzz_bystanders_create(&crowd.bystanders, crowd.device);
   fuzz_run("invented tickets by threads", episodes, episodes * ROUNDS,
            invent_meanwhile, &crowd);
   fuzz_bystanders_destroy(&self, &crowd.bystanders);
   fuzz_check_nothing_left(true, true);
}

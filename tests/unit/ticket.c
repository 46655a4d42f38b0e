/* SPDX-License-Identifier: MIT */

/* Tickets of binary semaphores, and what becomes of those of the dead.  Here
 * somebody dies when we write another owner into the slot of a ticket.
 */
#include "fixture.h"

#include "util/os_time.h"

#include "cases.h"

#include "vk_sync_win32_owner.h"

/* No process has an odd id. */
#define DEAD_OWNER (UINT64_C(0x7ffffff1) << 32 | 5)

static struct vk_sync_win32 *
take(struct vk_device *device, struct vk_sync *semaphore)
{
   struct vk_sync *wait = unit_sync(device, 0, 0);
   REQUIRE(vk_sync_move(device, wait, semaphore) == VK_SUCCESS);
   return (struct vk_sync_win32 *)wait;
}

static bool
is_seen(struct vk_device *device, struct vk_sync_win32 *wait)
{
   return unit_wait(device, &wait->base, 0, 0) == VK_SUCCESS;
}

static void
die(struct vk_sync_win32 *wait)
{
   unit_layout(&wait->base)->slots[wait->slot].owner = DEAD_OWNER;
   /* Nor will it release the slot. */
   wait->slot = VK_SYNC_WIN32_NO_SLOT;
}

static void
expect_word(struct vk_sync *semaphore, uint32_t signals, uint32_t consumed)
{
   const uint64_t word = unit_layout(semaphore)->word;

   EXPECT_U64(vk_sync_win32_signals(word), signals);
   EXPECT_U64(vk_sync_win32_consumed(word), consumed);
}

static unsigned
count_slots(struct vk_sync *semaphore)
{
   unsigned count = 0;

   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++)
      count += unit_layout(semaphore)->slots[i].owner != 0;
   return count;
}

static void
ticket_has_a_slot_until_it_is_seen(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *semaphore = unit_shared(device, 0);
   struct vk_sync_win32 *wait = take(device, semaphore);

   EXPECT_U64(count_slots(semaphore), 1);
   EXPECT(!is_seen(device, wait));
   EXPECT(unit_wait(device, &wait->base, 0, 1000000) == VK_TIMEOUT);
   EXPECT_U64(count_slots(semaphore), 1);
   EXPECT_U64(unit_armed(semaphore), 0);
   EXPECT(vk_sync_signal(device, semaphore, 0) == VK_SUCCESS);
   EXPECT_U64(count_slots(semaphore), 1);
   EXPECT(is_seen(device, wait));
   EXPECT_U64(count_slots(semaphore), 0);
   EXPECT(is_seen(device, wait));
   expect_word(semaphore, 1, 1);
}

static void
blocked_wait_releases_its_slot(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *semaphore = unit_shared(device, 0);

   for (unsigned i = 0; i < 50; i++) {
      struct vk_sync_win32 *ticket = take(device, semaphore);
      const struct vk_sync_wait wait = { .sync = &ticket->base };
      struct unit_waiter waiter = {
         .device = device, .count = 1, .waits = &wait,
         .timeout_ns = UINT64_MAX,
      };
      unit_waiter_start(&waiter);
      while (i % 2 && unit_armed(semaphore) == 0)
         Sleep(0);
      EXPECT_U64(count_slots(semaphore), 1);
      EXPECT(vk_sync_signal(device, semaphore, 0) == VK_SUCCESS);
      unit_waiter_join(&waiter);
      EXPECT(waiter.result == VK_SUCCESS);
      EXPECT_U64(count_slots(semaphore), 0);
   }
}

/* Whoever dies before all of them are signalled has not begun what they were
 * for, and its successor wants all of them.
 */
static void
wait_for_two_sees_both_or_none(intptr_t blocks)
{
   struct vk_device *device = unit_device();
   struct vk_sync *semaphores[] = {
      unit_shared(device, 0), unit_shared(device, 0),
   };
   struct vk_sync_win32 *tickets[2];
   struct vk_sync_wait waits[2];

   for (unsigned i = 0; i < 2; i++) {
      tickets[i] = take(device, semaphores[i]);
      waits[i] = (struct vk_sync_wait) { .sync = &tickets[i]->base };
   }

   EXPECT(vk_sync_signal(device, semaphores[0], 0) == VK_SUCCESS);
   EXPECT(vk_sync_wait_many(device, 2, waits, VK_SYNC_WAIT_COMPLETE,
                            blocks ? os_time_get_absolute_timeout(1000000) :
                                     0) == VK_TIMEOUT);
   EXPECT_U64(count_slots(semaphores[0]), 1);
   EXPECT_U64(count_slots(semaphores[1]), 1);
   for (unsigned i = 0; i < 2; i++)
      die(tickets[i]);

   for (unsigned i = 0; i < 2; i++) {
      tickets[i] = take(device, semaphores[i]);
      waits[i] = (struct vk_sync_wait) { .sync = &tickets[i]->base };
   }
   EXPECT(vk_sync_signal(device, semaphores[1], 0) == VK_SUCCESS);
   EXPECT(vk_sync_wait_many(device, 2, waits, VK_SYNC_WAIT_COMPLETE, 0) ==
          VK_SUCCESS);
   for (unsigned i = 0; i < 2; i++) {
      expect_word(semaphores[i], 1, 1);
      EXPECT_U64(count_slots(semaphores[i]), 0);
   }
}

static void
newest_ticket_alone_is_given_back(UNUSED intptr_t arg)
{
   uint64_t word = vk_sync_win32_pair(0, 2);

   EXPECT(!vk_sync_win32_word_unconsume(&word, 1));
   EXPECT_U64(word, vk_sync_win32_pair(0, 2));
   EXPECT(vk_sync_win32_word_unconsume(&word, 2));
   EXPECT_U64(word, vk_sync_win32_pair(0, 1));
}

enum moment { AT_IMPORT, AT_TAKE };

/* One whose signal has been sent and not been seen, one still without */
static void
tickets_of_the_dead_are_given_back(intptr_t moment)
{
   struct vk_device *device = unit_device();
   struct vk_sync *semaphore = unit_shared(device, 0);
   struct vk_sync *other = unit_import(device, semaphore);
   struct vk_sync_win32 *waits[3];

   for (unsigned i = 0; i < 3; i++)
      waits[i] = take(device, semaphore);
   for (unsigned i = 0; i < 3; i++)
      die(waits[i]);
   EXPECT(vk_sync_signal(device, semaphore, 0) == VK_SUCCESS);
   expect_word(semaphore, 1, 3);

   if (moment == AT_IMPORT) {
      other = unit_import(device, semaphore);
      expect_word(semaphore, 1, 0);
      EXPECT_U64(count_slots(semaphore), 0);
   }

   /* The successor gets the signal that its predecessor has not seen. */
   struct vk_sync_win32 *wait = take(device, other);
   EXPECT(is_seen(device, wait));
   expect_word(semaphore, 1, 1);
   EXPECT_U64(count_slots(semaphore), 0);
}

static void
tickets_that_were_seen_are_not_given_back(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *semaphore = unit_shared(device, 0);

   EXPECT(vk_sync_signal(device, semaphore, 0) == VK_SUCCESS);
   EXPECT(is_seen(device, take(device, semaphore)));
   struct vk_sync_win32 *wait = take(device, semaphore);
   EXPECT(!is_seen(device, wait));
   die(wait);

   unit_import(device, semaphore);
   expect_word(semaphore, 1, 1);
}

/* What a survivor holds is its own; and once it has given up as well, so is
 * what came before.
 */
static void
later_tickets_keep_earlier_ones(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *semaphore = unit_shared(device, 0);

   struct vk_sync_win32 *dead = take(device, semaphore);
   struct vk_sync_win32 *survivor = take(device, semaphore);
   die(dead);

   unit_import(device, semaphore);
   expect_word(semaphore, 0, 2);
   EXPECT_U64(count_slots(semaphore), 2);

   EXPECT(vk_sync_signal(device, semaphore, 0) == VK_SUCCESS);
   EXPECT(!is_seen(device, survivor));
   die(survivor);
   unit_import(device, semaphore);
   expect_word(semaphore, 1, 0);
   EXPECT_U64(count_slots(semaphore), 0);
}

/* A device was lost before it got there. */
static void
tickets_are_given_up(intptr_t newest_first)
{
   struct vk_device *device = unit_device();
   struct vk_sync *semaphore = unit_shared(device, 0);
   struct vk_sync_win32 *waits[4];

   for (unsigned i = 0; i < 4; i++)
      waits[i] = take(device, semaphore);
   EXPECT(vk_sync_signal(device, semaphore, 0) == VK_SUCCESS);
   EXPECT(is_seen(device, waits[0]));

   for (unsigned i = 0; i < 4; i++)
      unit_sync_destroy(device, &waits[newest_first ? 3 - i : i]->base);
   expect_word(semaphore, 1, 1);
   EXPECT_U64(count_slots(semaphore), 0);
}

static void
living_process_keeps_its_ticket(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *semaphore = unit_shared(device, 0);
   struct vk_sync_win32 *wait = take(device, semaphore);

   /* When it was created is unknown. */
   unit_layout(semaphore)->slots[wait->slot].owner =
      (uint64_t)GetCurrentProcessId() << 32;
   unit_import(device, semaphore);
   struct vk_sync_win32 *next = take(device, semaphore);
   EXPECT_U64(next->ticket, wait->ticket + 1);
   unit_layout(semaphore)->slots[wait->slot].owner =
      vk_sync_win32_owner_self();
}

struct recoverer {
   struct vk_sync_win32_layout *layout;
   uint32_t slot;
};

/* The second half of what gives back a ticket */
static void
finish_giving_back(void *data)
{
   const struct recoverer *recoverer = data;
   struct vk_sync_win32_slot *slot =
      &recoverer->layout->slots[recoverer->slot];

   Sleep(1);
   vk_sync_win32_store64(&slot->target, 0);
   EXPECT(vk_sync_win32_word_unconsume(&recoverer->layout->word, 1));
   vk_sync_win32_store64(&slot->owner, VK_SYNC_WIN32_OWNER_NONE);
}

/* Another process has begun to give back a ticket: with a later one taken now,
 * it could not go on.
 */
static void
taking_waits_for_giving_back(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *semaphore = unit_shared(device, 0);
   struct vk_sync_win32 *dead = take(device, semaphore);
   struct recoverer recoverer = { unit_layout(semaphore), dead->slot };

   die(dead);
   recoverer.layout->slots[recoverer.slot].owner =
      vk_sync_win32_owner_self() | VK_SYNC_WIN32_OWNER_RECOVERING;
   struct test_thread *thread =
      test_thread_start(finish_giving_back, &recoverer);
   EXPECT_U64(take(device, semaphore)->ticket, 1);
   test_thread_join(thread);
   expect_word(semaphore, 0, 1);
}

/* One that has been stopped over it keeps nobody. */
static void
taking_does_not_wait_for_ever(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *semaphore = unit_shared(device, 0);
   struct vk_sync_win32 *stopped = take(device, semaphore);
   const uint32_t slot = stopped->slot;

   die(stopped);
   unit_layout(semaphore)->slots[slot].owner =
      vk_sync_win32_owner_self() | VK_SYNC_WIN32_OWNER_RECOVERING;
   EXPECT_U64(take(device, semaphore)->ticket, 2);

   /* One that died over it is replaced, if it had not begun in earnest. */
   unit_layout(semaphore)->slots[slot].owner =
      DEAD_OWNER | VK_SYNC_WIN32_OWNER_RECOVERING;
   unit_layout(semaphore)->word = vk_sync_win32_pair(0, 1);
   EXPECT_U64(take(device, semaphore)->ticket, 1);
}

/* A reset is for a signal, and not for those who wait for one. */
static void
reset_keeps_tickets(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *semaphore = unit_shared(device, 0);
   struct vk_sync_win32 *wait = take(device, semaphore);

   EXPECT(vk_sync_reset(device, semaphore) == VK_SUCCESS);
   expect_word(semaphore, 0, 1);
   EXPECT(!is_seen(device, wait));
   EXPECT(vk_sync_signal(device, semaphore, 0) == VK_SUCCESS);
   EXPECT(is_seen(device, wait));
}

#define MANY (VK_SYNC_WIN32_SLOTS + 50)

static void
more_tickets_than_slots(intptr_t wrap)
{
   struct vk_device *device = unit_device();
   struct vk_sync *semaphore = unit_shared(device, 0);
   struct vk_sync_win32 *waits[MANY];

   if (wrap) {
      const uint32_t almost = UINT32_MAX - MANY / 2;
      unit_layout(semaphore)->word = vk_sync_win32_pair(almost, almost);
   }

   for (unsigned i = 0; i < MANY; i++)
      waits[i] = take(device, semaphore);
   EXPECT_U64(count_slots(semaphore), VK_SYNC_WIN32_SLOTS);

   for (unsigned i = 0; i < MANY; i++) {
      EXPECT(!is_seen(device, waits[i]));
      EXPECT(vk_sync_signal(device, semaphore, 0) == VK_SUCCESS);
      EXPECT(is_seen(device, waits[i]));
   }
   EXPECT_U64(count_slots(semaphore), 0);
}

/* Tickets that nobody can give back hold slots until somebody needs them. */
static void
lost_tickets_make_room(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *semaphore = unit_shared(device, 0);

   for (unsigned i = 0; i < 2 * VK_SYNC_WIN32_SLOTS; i++) {
      struct vk_sync_win32 *dead = take(device, semaphore);
      EXPECT(dead->slot != VK_SYNC_WIN32_NO_SLOT);
      struct vk_sync_win32 *survivor = take(device, semaphore);
      EXPECT(vk_sync_signal(device, semaphore, 0) == VK_SUCCESS);
      EXPECT(vk_sync_signal(device, semaphore, 0) == VK_SUCCESS);
      EXPECT(is_seen(device, survivor));
      if (dead->slot != VK_SYNC_WIN32_NO_SLOT)
         die(dead);
      unit_sync_destroy(device, &survivor->base);
   }
}

const struct test_case ticket_cases[] = {
   { "a ticket has a slot until it is seen",
     ticket_has_a_slot_until_it_is_seen },
   { "a blocked wait releases its slot", blocked_wait_releases_its_slot },
   { "a wait for two sees both or none", wait_for_two_sees_both_or_none, 0 },
   { "a blocked wait for two sees both or none",
     wait_for_two_sees_both_or_none, 1 },
   { "the newest ticket alone is given back",
     newest_ticket_alone_is_given_back },
   { "tickets of the dead are given back at import",
     tickets_of_the_dead_are_given_back, AT_IMPORT },
   { "tickets of the dead are given back before another is taken",
     tickets_of_the_dead_are_given_back, AT_TAKE },
   { "tickets that were seen are not given back",
     tickets_that_were_seen_are_not_given_back },
   { "later tickets keep earlier ones", later_tickets_keep_earlier_ones },
   { "tickets are given up, oldest first", tickets_are_given_up, 0 },
   { "tickets are given up, newest first", tickets_are_given_up, 1 },
   { "a living process keeps its ticket", living_process_keeps_its_ticket },
   { "taking waits for giving back", taking_waits_for_giving_back },
   { "taking does not wait for ever", taking_does_not_wait_for_ever },
   { "a reset keeps tickets", reset_keeps_tickets },
   { "more tickets than slots", more_tickets_than_slots, 0 },
   { "more tickets than slots, wrapping", more_tickets_than_slots, 1 },
   { "lost tickets make room", lost_tickets_make_room },
   { 0 },
};

/* SPDX-License-Identifier: MIT */

/* Tickets of binary semaphores, and what becomes of those of the dead.  Here
 * somebody dies when we write another owner into the slot of a ticket.
 */
#include "fixture.h"

#include "util/os_time.h"
#include "vk_sync_win32_owner.h"

/* No process has an odd id. */
#define DEAD_OWNER (UINT64_C(0x7ffffff1) << 32 | 5)

/* What all cases are about */
static struct vk_device *device;
static struct vk_sync *semaphore;

static void
set_up(void)
{
   device = unit_device();
   semaphore = unit_shared(device, 0);
}

static struct vk_sync_win32 *
take(void)
{
   return (struct vk_sync_win32 *)unit_take(device, semaphore);
}

static bool
is_seen(struct vk_sync_win32 *wait)
{
   return unit_wait(device, &wait->base, 0, 0) == VK_SUCCESS;
}

static void
send_signal(void)
{
   EXPECT_OK(vk_sync_signal(device, semaphore, 0));
}

static uint64_t *
owner_of(struct vk_sync_win32 *wait)
{
   return &unit_layout(&wait->base)->slots[wait->slot].owner;
}

static void
die(struct vk_sync_win32 *wait)
{
   *owner_of(wait) = DEAD_OWNER;
   /* Nor will it release the slot. */
   wait->slot = VK_SYNC_WIN32_NO_SLOT;
}

static void
expect(uint32_t signals, uint32_t consumed, unsigned slots)
{
   const uint64_t word = unit_layout(semaphore)->word;

   EXPECT_U64(vk_sync_win32_signals(word), signals);
   EXPECT_U64(vk_sync_win32_consumed(word), consumed);
   EXPECT_U64(unit_owned(semaphore), slots);
}

static void
ticket_has_a_slot_until_it_is_seen(UNUSED intptr_t arg)
{
   set_up();
   struct vk_sync_win32 *wait = take();

   expect(0, 1, 1);
   EXPECT(!is_seen(wait));
   EXPECT_RESULT(unit_wait(device, &wait->base, 0, MS), VK_TIMEOUT);
   expect(0, 1, 1);
   EXPECT_U64(unit_armed(semaphore), 0);

   /* A reset is for a signal, and not for those who wait for one. */
   EXPECT_OK(vk_sync_reset(device, semaphore));
   expect(0, 1, 1);
   EXPECT(!is_seen(wait));

   send_signal();
   expect(1, 1, 1);
   EXPECT(is_seen(wait));
   expect(1, 1, 0);
   EXPECT(is_seen(wait));
}

/* Whoever dies before all of them are signalled has not begun what they were
 * for, and its successor wants all of them.
 */
static void
wait_for_two_sees_both_or_none(intptr_t blocks)
{
   set_up();
   struct vk_sync *semaphores[] = { semaphore, unit_shared(device, 0) };
   struct vk_sync_wait waits[] = {
      { .sync = unit_take(device, semaphores[0]) },
      { .sync = unit_take(device, semaphores[1]) },
   };

   EXPECT_OK(vk_sync_signal(device, semaphores[0], 0));
   EXPECT_RESULT(vk_sync_wait_many(device, 2, waits, VK_SYNC_WAIT_COMPLETE,
                                   blocks ? os_time_get_absolute_timeout(MS) :
                                            0), VK_TIMEOUT);
   for (unsigned i = 0; i < 2; i++) {
      EXPECT_U64(unit_owned(semaphores[i]), 1);
      die((struct vk_sync_win32 *)waits[i].sync);
      waits[i].sync = unit_take(device, semaphores[i]);
   }
   EXPECT_OK(vk_sync_signal(device, semaphores[1], 0));
   EXPECT_OK(vk_sync_wait_many(device, 2, waits, VK_SYNC_WAIT_COMPLETE, 0));
   for (unsigned i = 0; i < 2; i++) {
      semaphore = semaphores[i];
      expect(1, 1, 0);
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

/* One whose signal has been sent and not been seen, one still without */
static void
tickets_of_the_dead_are_given_back(intptr_t at_import)
{
   struct vk_sync_win32 *waits[3];

   set_up();
   struct vk_sync *other = unit_import(device, semaphore);
   for (unsigned i = 0; i < 3; i++)
      waits[i] = take();
   for (unsigned i = 0; i < 3; i++)
      die(waits[i]);
   send_signal();
   expect(1, 3, 3);

   if (at_import) {
      other = unit_import(device, semaphore);
      expect(1, 0, 0);
   }

   /* The successor gets the signal that its predecessor has not seen. */
   EXPECT_OK(unit_wait(device, unit_take(device, other), 0, 0));
   expect(1, 1, 0);
}

static void
tickets_that_were_seen_are_not_given_back(UNUSED intptr_t arg)
{
   set_up();
   send_signal();
   EXPECT(is_seen(take()));
   struct vk_sync_win32 *wait = take();
   EXPECT(!is_seen(wait));
   die(wait);

   unit_import(device, semaphore);
   expect(1, 1, 0);
}

/* What a survivor holds is its own; and once it has given up as well, so is
 * what came before.
 */
static void
later_tickets_keep_earlier_ones(UNUSED intptr_t arg)
{
   set_up();
   struct vk_sync_win32 *dead = take(), *survivor = take();
   die(dead);

   unit_import(device, semaphore);
   expect(0, 2, 2);

   send_signal();
   EXPECT(!is_seen(survivor));
   die(survivor);
   unit_import(device, semaphore);
   expect(1, 0, 0);
}

/* A device was lost before it got there. */
static void
tickets_are_given_up(intptr_t newest_first)
{
   struct vk_sync_win32 *waits[4];

   set_up();
   for (unsigned i = 0; i < 4; i++)
      waits[i] = take();
   send_signal();
   EXPECT(is_seen(waits[0]));

   for (unsigned i = 0; i < 4; i++)
      unit_sync_destroy(device, &waits[newest_first ? 3 - i : i]->base);
   expect(1, 1, 0);
}

/* The second half of what gives back a ticket */
static void
finish_giving_back(void *data)
{
   struct vk_sync_win32_slot *slot = data;

   Sleep(1);
   vk_sync_win32_store64(&slot->target, 0);
   EXPECT(vk_sync_win32_word_unconsume(&unit_layout(semaphore)->word, 1));
   vk_sync_win32_store64(&slot->owner, VK_SYNC_WIN32_OWNER_NONE);
}

/* Another process has begun to give back a ticket: with a later one taken now,
 * it could not go on.
 */
static void
taking_waits_for_giving_back(UNUSED intptr_t arg)
{
   set_up();
   struct vk_sync_win32 *dead = take();
   struct vk_sync_win32_slot *slot =
      &unit_layout(semaphore)->slots[dead->slot];

   die(dead);
   slot->owner = vk_sync_win32_owner_self() | VK_SYNC_WIN32_OWNER_RECOVERING;
   struct test_thread *thread = test_thread_start(finish_giving_back, slot);
   EXPECT_U64(take()->ticket, 1);
   test_thread_join(thread);
   expect(0, 1, 1);
}

/* One that has been stopped over it keeps nobody. */
static void
taking_does_not_wait_for_ever(UNUSED intptr_t arg)
{
   set_up();
   struct vk_sync_win32 *stopped = take();
   uint64_t *owner = owner_of(stopped);

   die(stopped);
   *owner = vk_sync_win32_owner_self() | VK_SYNC_WIN32_OWNER_RECOVERING;
   EXPECT_U64(take()->ticket, 2);

   /* One that died over it is replaced, if it had not begun in earnest. */
   *owner = DEAD_OWNER | VK_SYNC_WIN32_OWNER_RECOVERING;
   unit_layout(semaphore)->word = vk_sync_win32_pair(0, 1);
   EXPECT_U64(take()->ticket, 1);
}

#define MANY (VK_SYNC_WIN32_SLOTS + 50)

static void
more_tickets_than_slots(UNUSED intptr_t arg)
{
   /* The numbers wrap meanwhile. */
   const uint32_t first = UINT32_MAX - MANY / 2;
   struct vk_sync_win32 *waits[MANY];

   set_up();
   unit_layout(semaphore)->word = vk_sync_win32_pair(first, first);
   for (unsigned i = 0; i < MANY; i++)
      waits[i] = take();
   expect(first, first + MANY, VK_SYNC_WIN32_SLOTS);

   for (unsigned i = 0; i < MANY; i++) {
      EXPECT(!is_seen(waits[i]));
      send_signal();
      EXPECT(is_seen(waits[i]));
   }
   expect(first + MANY, first + MANY, 0);
}

/* Tickets that nobody can give back hold slots until somebody needs them. */
static void
lost_tickets_make_room(UNUSED intptr_t arg)
{
   set_up();
   for (unsigned i = 0; i < 2 * VK_SYNC_WIN32_SLOTS; i++) {
      struct vk_sync_win32 *dead = take();
      REQUIRE(dead->slot != VK_SYNC_WIN32_NO_SLOT);
      struct vk_sync_win32 *survivor = take();
      send_signal();
      send_signal();
      EXPECT(is_seen(survivor));
      die(dead);
      unit_sync_destroy(device, &survivor->base);
   }
}

const struct test_case test_cases[] = {
   { "a ticket has a slot until it is seen",
     ticket_has_a_slot_until_it_is_seen },
   { "a wait for two sees both or none", wait_for_two_sees_both_or_none, 0 },
   { "a blocked wait for two sees both or none",
     wait_for_two_sees_both_or_none, 1 },
   { "the newest ticket alone is given back",
     newest_ticket_alone_is_given_back },
   { "tickets of the dead are given back at import",
     tickets_of_the_dead_are_given_back, true },
   { "tickets of the dead are given back before another is taken",
     tickets_of_the_dead_are_given_back, false },
   { "tickets that were seen are not given back",
     tickets_that_were_seen_are_not_given_back },
   { "later tickets keep earlier ones", later_tickets_keep_earlier_ones },
   { "tickets are given up, oldest first", tickets_are_given_up, 0 },
   { "tickets are given up, newest first", tickets_are_given_up, 1 },
   { "taking waits for giving back", taking_waits_for_giving_back },
   { "taking does not wait for ever", taking_does_not_wait_for_ever },
   { "more tickets than slots", more_tickets_than_slots },
   { "lost tickets make room", lost_tickets_make_room },
   { 0 },
};

/* SPDX-License-Identifier: MIT */

/* Whoever is killed dies between two instructions.  What is in the section
 * after each instruction that writes to it is what it leaves there, and
 * somebody else goes on from each such state: no signal is lost, and none is
 * counted twice.
 */
#include "fixture.h"
#include "step.h"

#include <string.h>

#include "vk_sync_win32_owner.h"

/* Of no process: ids are small. */
#define DEAD_OWNER (UINT64_C(0x7ffffff0) << 32 | 5)

#define MOST_STATES 64

static struct {
   struct vk_device *device;
   struct vk_sync *sync;
   struct vk_sync_win32_layout *layout;
   /* A wait operation that has been begun, or for a timeline the same as sync */
   struct vk_sync *wait;
   /* The counters start here, and then wrap. */
   uint32_t first;
   bool signal_when_armed, taken;

   unsigned count;
   struct vk_sync_win32_layout states[MOST_STATES];
} left;

/* What it does -------------------------------------------------------------- */

static void
take(void)
{
   left.wait = unit_take(left.device, left.sync);
}

static void
wait_for_it(void)
{
   (void)!unit_wait(left.device, left.wait, 1, MS);
}

static void
give_up(void)
{
   unit_sync_destroy(left.device, left.wait);
}

/* What an import does.  It has a view of its own, which nobody watches. */
static void
recover(void)
{
   vk_sync_win32_slots_recover(left.layout, VK_SYNC_WIN32_KIND_BINARY, false);
}

static void
send_signal(void)
{
   REQUIRE_OK(unit_signal(left.device, left.sync, 1));
}

static const struct operation {
   const char *name;
   void (*run)(void);
   enum vk_sync_flags flags;
   /* Tickets that it has, and those of somebody who died before */
   unsigned own, dead;
   enum { NEVER, BEFORE, WHEN_ARMED } signal;
   bool sees_signal;
   /* In so many states whoever dies takes a ticket along: right after taking
    * it, before that is noted, or when the note is cleared, before the wait
    * returns or the ticket is given back.
    */
   unsigned lost;
} operations[] = {
   { "taking a ticket", take, .lost = 1 },
   { "taking a ticket that is signalled", take, .signal = BEFORE, .lost = 1 },
   { "taking one after a dead one's", take, .dead = 1, .lost = 2 },
   { "waiting in vain", wait_for_it, .own = 1 },
   { "waiting for what is signalled", wait_for_it, .own = 1, .signal = BEFORE,
     .sees_signal = true, .lost = 1 },
   { "waiting for what is signalled meanwhile", wait_for_it, .own = 1,
     .signal = WHEN_ARMED, .sees_signal = true, .lost = 1 },
   { "giving up", give_up, .own = 1, .lost = 1 },
   { "giving up what is signalled", give_up, .own = 1, .signal = BEFORE,
     .lost = 1 },
   { "giving back a dead one's ticket", recover, .dead = 1, .lost = 1 },
   { "giving back one that is signalled", recover, .dead = 1, .signal = BEFORE,
     .lost = 1 },
   { "giving back three", recover, .dead = 3, .lost = 3 },
   { "signalling a semaphore", send_signal },
   { "signalling a timeline", send_signal, VK_SYNC_IS_TIMELINE },
   { "waiting for a timeline in vain", wait_for_it, VK_SYNC_IS_TIMELINE },
   { "waiting for a timeline", wait_for_it, VK_SYNC_IS_TIMELINE,
     .signal = WHEN_ARMED },
};

static void
look(void)
{
   if (left.signal_when_armed && unit_armed(left.sync) > 0) {
      left.signal_when_armed = false;
      send_signal();
   }
   if (left.count > 0 && memcmp(&left.states[left.count - 1], left.layout,
                                sizeof(*left.layout)) == 0)
      return;
   if (left.count < MOST_STATES)
      left.states[left.count] = *left.layout;
   left.count++;
}

/* What is to be found in a slot of ours; a mark says that we were giving back
 * what the note said.
 */
enum remains { A_NOTE, NO_NOTE, NO_NOTE_BUT_A_MARK };

static enum remains
die(void)
{
   const uint64_t self = vk_sync_win32_owner_self();
   enum remains remains = A_NOTE;

   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++) {
      struct vk_sync_win32_slot *slot = &left.layout->slots[i];
      const uint64_t mark = slot->owner & VK_SYNC_WIN32_OWNER_RECOVERING;

      if ((slot->owner ^ mark) != self)
         continue;
      slot->owner = DEAD_OWNER | mark;
      if (slot->target == 0)
         remains = mark ? NO_NOTE_BUT_A_MARK : NO_NOTE;
   }
   return remains;
}

static bool
is_timeline(void)
{
   return left.sync->flags & VK_SYNC_IS_TIMELINE;
}

/* Who would be rung */
#define RINGS 2

static void
arm(void)
{
   const uint64_t target =
      is_timeline() ? 1 : VK_SYNC_WIN32_TARGET_TICKET(left.first + 1);

   for (unsigned i = 0; i < RINGS; i++)
      vk_sync_win32_slot_arm(left.layout,
                             vk_sync_win32_slot_claim(left.layout), target,
                             &(struct vk_sync_win32_bell_id) {0});
}

static void
step_through(const struct operation *operation, uint32_t first)
{
   left.sync = unit_shared(left.device, operation->flags);
   left.layout = unit_layout(left.sync);
   left.wait = left.sync;
   left.first = first;
   left.layout->word = vk_sync_win32_pair(left.first, left.first);

   for (unsigned i = 0; i < operation->own + operation->dead; i++)
      take();
   if (operation->dead > 0)
      (void)die();
   if (operation->signal == BEFORE)
      send_signal();
   if (operation->run == send_signal)
      arm();

   left.signal_when_armed = operation->signal == WHEN_ARMED;
   left.count = 0;
   look();
   step_begin(look, left.layout);
   operation->run();
   step_end();
   EXPECT(!left.signal_when_armed);
   /* In the end nobody blocks any more. */
   EXPECT_U64(unit_armed(left.sync), 0);
   REQUIRE(left.count > 0 && left.count <= MOST_STATES);
}

/* What comes after it ------------------------------------------------------- */

/* Whether a ticket is lost */
static bool
check_tickets(const struct operation *operation, enum remains remains,
              bool is_done)
{
   if (vk_sync_win32_consumed(left.layout->word) == left.first)
      return false;
   if (operation->sees_signal && is_done)
      return false;

   /* Who takes one meanwhile has to know. */
   if (operation->run == recover || operation->run == give_up)
      EXPECT_U64(remains, NO_NOTE_BUT_A_MARK);
   EXPECT(remains != A_NOTE);
   return true;
}

/* It gets the next signal that nobody has seen, and no other. */
static void
go_on(struct vk_sync *next)
{
   struct vk_sync *wait = is_timeline() ? next :
                                          unit_take(left.device, next);
   const uint64_t word = left.layout->word;
   const uint32_t missing = is_timeline() ? word == 0 :
                            vk_sync_win32_consumed(word) -
                            vk_sync_win32_signals(word);

   REQUIRE(missing <= MOST_STATES);
   for (uint32_t i = 0; i < missing; i++) {
      EXPECT_RESULT(unit_wait(left.device, wait, 1, 0), VK_TIMEOUT);
      EXPECT_OK(unit_signal(left.device, next, 1));
   }
   EXPECT_OK(unit_wait(left.device, wait, 1, 0));
   if (wait != next)
      unit_sync_destroy(left.device, wait);
}

static void
go_on_from_each_state(const struct operation *operation)
{
   unsigned lost = 0;

   for (unsigned i = 0; i < left.count; i++) {
      *left.layout = left.states[i];
      /* Whoever is not armed any more can see the signal. */
      EXPECT(operation->run != send_signal || unit_armed(left.sync) == RINGS ||
             left.layout->word != left.states[0].word);
      const enum remains remains = die();
      struct vk_sync *next = unit_import(left.device, left.sync);
      const bool is_lost =
         !is_timeline() &&
         check_tickets(operation, remains, i + 1 == left.count);

      EXPECT(is_lost || unit_owned(left.sync) == 0);
      EXPECT_U64(unit_armed(left.sync), 0);
      go_on(next);
      unit_sync_destroy(left.device, next);
      lost += is_lost;
      if (test_failed())
         test_fail(true, __FILE__, __LINE__, "%s from 0x%x: state %u of %u",
                   operation->name, left.first, i, left.count);
   }
   test_diag("%s from 0x%x: %u states", operation->name, left.first,
             left.count);
   EXPECT_U64(lost, operation->lost);
}

static void
somebody_else_goes_on(UNUSED intptr_t arg)
{
   left.device = unit_device();

   for (unsigned i = 0; i < TEST_COUNT(operations); i++) {
      const unsigned starts =
         operations[i].flags & VK_SYNC_IS_TIMELINE ? 1 : 3;

      for (uint32_t j = 0; j < starts; j++) {
         step_through(&operations[i], 0 - j);
         go_on_from_each_state(&operations[i]);
      }
   }
}

/* Somebody takes a ticket when another one's note is cleared. */
static void
take_beside(void)
{
   const struct vk_sync_win32_slot *slot = &left.layout->slots[0];

   if (left.taken || !(slot->owner & VK_SYNC_WIN32_OWNER_RECOVERING) ||
       slot->target != 0)
      return;
   left.taken = true;
   vk_sync_win32_word_consume(&left.layout->word);
}

/* It is a number that is given back, and that is no longer the newest. */
static void
overtaken_ticket_is_noted_again(UNUSED intptr_t arg)
{
   left.device = unit_device();
   left.sync = unit_shared(left.device, 0);
   left.layout = unit_layout(left.sync);
   take();
   (void)die();

   left.taken = false;
   step_begin(take_beside, left.layout);
   recover();
   step_end();
   EXPECT(left.taken);
   EXPECT_U64(left.layout->word, vk_sync_win32_pair(0, 2));
   EXPECT_U64(left.layout->slots[0].target,
              VK_SYNC_WIN32_TARGET_TAKEN | VK_SYNC_WIN32_TARGET_TICKET(1));
   EXPECT_U64(left.layout->slots[0].owner, DEAD_OWNER);
}

const struct test_case test_cases[] = {
   { "whoever is killed, somebody else goes on", somebody_else_goes_on },
   { "an overtaken ticket is noted again", overtaken_ticket_is_noted_again },
   { 0 },
};

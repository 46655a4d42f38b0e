/* SPDX-License-Identifier: MIT */

/* Who is taken for dead.  A process whose time of creation nobody knows lives
 * as long as its id is somebody's, and keeps its slots and tickets; one that
 * has ended, or whose id has become another process's, loses them.
 */
#include "peer.h"
#include "step.h"

#include "util/macros.h"

#include "vk_sync_win32_owner.h"

#define PATIENCE_S 20

/* Ids are multiples of four. */
#define NO_PROCESS UINT64_C(0x7ffffff0)

struct board {
   uint32_t ready;
   uint64_t owner;
};

static int
living_main(int argc, char **argv)
{
   const struct peer_run run = peer_run_open(argc, argv, sizeof(struct board));
   struct board *board = run.board;

   board->owner = vk_sync_win32_owner_self();
   vk_sync_win32_store32(&board->ready, 1);
   Sleep(INFINITE);
   return 0;
}

static struct peer *
start_living(const struct peer_run *run)
{
   struct board *board = run->board;
   struct peer *peer = peer_start_ready(run, "living", 0, &board->ready);

   REQUIRE_U64(board->owner >> 32, peer->id);
   REQUIRE((uint32_t)board->owner != 0);
   return peer;
}

static uint64_t
without_time(uint64_t owner)
{
   return owner & ~(uint64_t)UINT32_MAX;
}

static uint64_t
with_other_time(uint64_t owner)
{
   return owner ^ 2;
}

static void
who_is_dead(UNUSED intptr_t arg)
{
   const struct peer_run run = peer_run_create(sizeof(struct board));
   struct peer *peer = start_living(&run);
   const uint64_t owner = ((struct board *)run.board)->owner;
   const uint64_t self = vk_sync_win32_owner_self();
   const DWORD process = peer->id;
   DWORD status;

   EXPECT_U64(self >> 32, GetCurrentProcessId());
   EXPECT(!vk_sync_win32_owner_is_dead(self));
   EXPECT(!vk_sync_win32_owner_is_dead(without_time(self)));
   EXPECT(vk_sync_win32_owner_is_dead(with_other_time(self)));

   EXPECT(!vk_sync_win32_owner_is_dead(owner));
   EXPECT(!vk_sync_win32_owner_is_dead(without_time(owner)));
   EXPECT(vk_sync_win32_owner_is_dead(with_other_time(owner)));

   EXPECT(vk_sync_win32_owner_is_dead(VK_SYNC_WIN32_OWNER_GONE));
   EXPECT(vk_sync_win32_owner_is_dead(NO_PROCESS << 32));
   EXPECT(vk_sync_win32_owner_is_dead(NO_PROCESS << 32 | 1234));

   /* As long as somebody has a handle of it, its id is not reused. */
   peer_kill(peer, 1);
   REQUIRE(peer_ended(peer, PATIENCE_S * 1000, &status));
   EXPECT(vk_sync_win32_owner_is_dead(owner));
   EXPECT(vk_sync_win32_owner_is_dead(without_time(owner)));
   peer_release(peer);

   HANDLE again = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE,
                              process);
   EXPECT(vk_sync_win32_owner_is_dead(owner));
   if (again == NULL)
      EXPECT(vk_sync_win32_owner_is_dead(without_time(owner)));
   else
      CloseHandle(again);
}

/* Slots --------------------------------------------------------------------- */

#define GONE 4

struct owners {
   struct peer_run run;
   struct vk_device *device;
   struct vk_sync *sync;
   struct vk_sync_win32_layout *layout;
   struct peer *living;
   /* A process that lives, without and with its time; such as do not, one of
    * which died while it gave back what it had found in the slot
    */
   uint64_t unknown, known, gone[GONE];
};

static void
set_up(struct owners *o, enum vk_sync_win32_kind kind)
{
   o->run = peer_run_create(sizeof(struct board));
   o->device = unit_device();
   o->sync = peer_share(&o->run, o->device, kind, "payload");
   o->layout = unit_layout(o->sync);
   o->living = start_living(&o->run);
   o->known = ((struct board *)o->run.board)->owner;
   o->unknown = without_time(o->known);
   o->gone[0] = NO_PROCESS << 32;
   o->gone[1] = NO_PROCESS << 32 | 1234;
   o->gone[2] = with_other_time(o->known);
   o->gone[3] = o->gone[2] | VK_SYNC_WIN32_OWNER_RECOVERING;
}

static void
import_again(struct owners *o, enum vk_sync_win32_kind kind)
{
   vk_sync_destroy(o->device, peer_open(&o->run, o->device, kind, "payload"));
}

static void
fill_slot(struct owners *o, unsigned index, uint64_t owner, uint64_t target)
{
   o->layout->slots[index].owner = owner;
   o->layout->slots[index].target = target;
}

/* Of blocked threads */
static void
import_clears_out_the_dead(intptr_t kind)
{
   struct owners o = {0};

   set_up(&o, (enum vk_sync_win32_kind)kind);
   for (unsigned i = 0; i < GONE; i++) {
      fill_slot(&o, 2 * i, o.gone[i], 1000);
      fill_slot(&o, 2 * i + 1, i % 2 ? o.known : o.unknown, 1000);
   }
   o.layout->armed[0] = 0xff;
   import_again(&o, (enum vk_sync_win32_kind)kind);
   for (unsigned i = 0; i < GONE; i++) {
      EXPECT_U64(o.layout->slots[2 * i].owner, 0);
      EXPECT_U64(o.layout->slots[2 * i].target, 0);
      EXPECT_U64(o.layout->slots[2 * i + 1].owner,
                 i % 2 ? o.known : o.unknown);
      EXPECT_U64(o.layout->slots[2 * i + 1].target, 1000);
   }
   EXPECT_U64(o.layout->armed[0], 0xaa);
   vk_sync_destroy(o.device, o.sync);
}

/* A waiter of ours, who finds no slot as long as all owners live */
static void
full_table_is_cleared_of_the_dead(UNUSED intptr_t arg)
{
   struct owners o = {0};
   struct vk_sync_wait wait;

   set_up(&o, VK_SYNC_WIN32_KIND_TIMELINE);
   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++)
      fill_slot(&o, i, i % 2 ? o.known : o.unknown, UINT64_MAX);

   wait = (struct vk_sync_wait) { .sync = o.sync, .wait_value = 1 };
   struct unit_waiter waiter = {
      .device = o.device, .count = 1, .waits = &wait,
      .timeout_ns = UINT64_MAX,
   };
   unit_waiter_start(&waiter);
   Sleep(1300);
   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++)
      REQUIRE_U64(o.layout->slots[i].owner, i % 2 ? o.known : o.unknown);

   /* The next time that it looks for those who are gone */
   const unsigned dead = test_random_below(VK_SYNC_WIN32_SLOTS);
   vk_sync_win32_store64(&o.layout->slots[dead].owner,
                         o.gone[test_random_below(GONE)]);
   PEER_AWAIT(vk_sync_win32_load64(&o.layout->slots[dead].owner) ==
              vk_sync_win32_owner_self(), PATIENCE_S);
   REQUIRE(vk_sync_signal(o.device, o.sync, 1) == VK_SUCCESS);
   unit_waiter_join(&waiter);
   EXPECT(waiter.result == VK_SUCCESS);
   EXPECT_U64(o.layout->slots[dead].owner, 0);
   EXPECT_U64(peer_count_owned(o.sync), VK_SYNC_WIN32_SLOTS - 1);
   vk_sync_destroy(o.device, o.sync);
}

/* Tickets ------------------------------------------------------------------- */

static void
fill_ticket(struct owners *o, unsigned index, uint64_t owner, uint32_t ticket)
{
   fill_slot(o, index, owner, VK_SYNC_WIN32_TARGET_TAKEN |
                              VK_SYNC_WIN32_TARGET_TICKET(ticket));
}

static void
take(struct owners *o, uint32_t want)
{
   struct vk_sync *pending = peer_private(o->device,
                                          VK_SYNC_WIN32_KIND_BINARY);

   REQUIRE(vk_sync_move(o->device, pending, o->sync) == VK_SUCCESS);
   EXPECT_U64(((struct vk_sync_win32 *)pending)->ticket, want);

   /* What nobody is going to see is given back. */
   vk_sync_destroy(o->device, pending);
   EXPECT_U64(peer_consumed(o->sync), want - 1);
}

/* By who imports, or by who takes the next ticket */
static void
recover(struct owners *o, bool take_one, uint32_t left)
{
   if (take_one)
      take(o, left + 1);
   else
      import_again(o, VK_SYNC_WIN32_KIND_BINARY);
   EXPECT_U64(peer_consumed(o->sync), left);
}

static void
tickets_of_the_living_are_kept(intptr_t take_one)
{
   struct owners o = {0};

   set_up(&o, VK_SYNC_WIN32_KIND_BINARY);
   o.layout->word = vk_sync_win32_pair(0, 2);
   fill_ticket(&o, 3, o.known, 1);
   fill_ticket(&o, 5, o.unknown, 2);
   recover(&o, take_one, 2);
   EXPECT_U64(o.layout->slots[3].owner, o.known);
   EXPECT_U64(o.layout->slots[5].owner, o.unknown);
   EXPECT_U64(vk_sync_win32_signals(o.layout->word), 0);
   vk_sync_destroy(o.device, o.sync);
}

static void
tickets_of_the_dead_are_given_back(intptr_t take_one)
{
   struct owners o = {0};

   set_up(&o, VK_SYNC_WIN32_KIND_BINARY);
   for (unsigned i = 0; i < GONE; i++) {
      /* Its own signal has come, or has not. */
      const uint32_t signals = i % 2 ? 0 : 1;

      o.layout->word = vk_sync_win32_pair(signals, 1);
      fill_ticket(&o, 7, o.gone[i], 1);
      recover(&o, take_one, 0);
      EXPECT_U64(o.layout->slots[7].owner, 0);
      EXPECT_U64(vk_sync_win32_signals(o.layout->word), signals);
   }

   /* All of them, newest first, wherever they are noted */
   o.layout->word = vk_sync_win32_pair(0, 3);
   fill_ticket(&o, 9, o.gone[0], 2);
   fill_ticket(&o, 1, o.gone[1], 1);
   fill_ticket(&o, 2, o.gone[2], 3);
   recover(&o, take_one, 0);
   EXPECT_U64(peer_count_owned(o.sync), 0);
   vk_sync_destroy(o.device, o.sync);
}

struct giving {
   struct vk_sync_win32_layout *layout;
   struct vk_sync_win32_slot *slot;
   uint32_t steps, marked, unmarked, noted;
};

static void
look_at_giving(void *data)
{
   struct giving *giving = data;
   const bool noted = giving->slot->target != 0;
   const bool marked = giving->slot->owner & VK_SYNC_WIN32_OWNER_RECOVERING;

   giving->steps++;
   if (vk_sync_win32_consumed(giving->layout->word) == 0)
      giving->noted += noted;
   else if (marked)
      giving->marked++;
   else
      giving->unmarked += !noted;
}

/* Who is at it says so, and the note goes before the ticket is given back: if
 * it dies between any two instructions, that is not done twice.
 */
static void
tickets_are_given_back_in_order(UNUSED intptr_t arg)
{
   struct owners o = {0};

   if (!step_is_available())
      test_skip("no single steps on this kind of processor");
   step_install();
   set_up(&o, VK_SYNC_WIN32_KIND_BINARY);
   o.layout->word = vk_sync_win32_pair(0, 1);
   fill_ticket(&o, 7, o.gone[0], 1);

   struct giving giving = {
      .layout = o.layout, .slot = &o.layout->slots[7],
   };
   step_begin(look_at_giving, &giving);
   import_again(&o, VK_SYNC_WIN32_KIND_BINARY);
   step_end();
   test_diag("%u steps, %u of them by who said so", giving.steps,
             giving.marked);
   EXPECT_U64(peer_consumed(o.sync), 0);
   EXPECT(giving.marked > 0);
   EXPECT_U64(giving.unmarked, 0);
   EXPECT_U64(giving.noted, 0);
   vk_sync_destroy(o.device, o.sync);
}

/* The one that is at it has been stopped, or a stranger says so. */
static void
somebody_is_giving_back_for_ever(intptr_t take_one)
{
   struct owners o = {0};

   set_up(&o, VK_SYNC_WIN32_KIND_BINARY);
   o.layout->word = vk_sync_win32_pair(0, 2);
   fill_ticket(&o, 3, o.gone[0], 1);
   fill_ticket(&o, 5, o.known | VK_SYNC_WIN32_OWNER_RECOVERING, 2);
   recover(&o, take_one, 2);
   EXPECT_U64(o.layout->slots[3].owner, o.gone[0]);
   EXPECT_U64(o.layout->slots[5].owner,
              o.known | VK_SYNC_WIN32_OWNER_RECOVERING);
   vk_sync_destroy(o.device, o.sync);
}

/* Later tickets of the living keep those before them. */
static void
tickets_are_given_back_newest_first(intptr_t take_one)
{
   struct owners o = {0};

   set_up(&o, VK_SYNC_WIN32_KIND_BINARY);
   o.layout->word = vk_sync_win32_pair(0, 4);
   fill_ticket(&o, 1, o.gone[0], 1);
   fill_ticket(&o, 4, o.unknown, 2);
   fill_ticket(&o, 2, o.gone[1], 3);
   fill_ticket(&o, 3, o.gone[2], 4);
   recover(&o, take_one, 2);
   EXPECT_U64(o.layout->slots[1].owner, o.gone[0]);
   EXPECT_U64(o.layout->slots[4].owner, o.unknown);
   EXPECT_U64(o.layout->slots[2].owner, 0);
   EXPECT_U64(o.layout->slots[3].owner, 0);

   /* Once that one has died, too */
   fill_ticket(&o, 4, o.gone[1], 2);
   recover(&o, take_one, 0);
   EXPECT_U64(peer_count_owned(o.sync), 0);
   vk_sync_destroy(o.device, o.sync);
}

static const struct test_case cases[] = {
   { "who is dead", who_is_dead },
   { "import clears out the dead: fence", import_clears_out_the_dead,
     VK_SYNC_WIN32_KIND_FENCE },
   { "import clears out the dead: semaphore", import_clears_out_the_dead,
     VK_SYNC_WIN32_KIND_BINARY },
   { "import clears out the dead: timeline", import_clears_out_the_dead,
     VK_SYNC_WIN32_KIND_TIMELINE },
   { "a full table is cleared of the dead",
     full_table_is_cleared_of_the_dead },
   { "tickets of the living are kept by who imports",
     tickets_of_the_living_are_kept, false },
   { "tickets of the living are kept by who takes one",
     tickets_of_the_living_are_kept, true },
   { "tickets of the dead are given back by who imports",
     tickets_of_the_dead_are_given_back, false },
   { "tickets of the dead are given back by who takes one",
     tickets_of_the_dead_are_given_back, true },
   { "tickets are given back newest first by who imports",
     tickets_are_given_back_newest_first, false },
   { "tickets are given back newest first by who takes one",
     tickets_are_given_back_newest_first, true },
   { "tickets are given back one step after the other",
     tickets_are_given_back_in_order },
   { "who imports does not wait for ever for who gives back",
     somebody_is_giving_back_for_ever, false },
   { "who takes a ticket does not wait for ever for who gives back",
     somebody_is_giving_back_for_ever, true },
   { 0 },
};

static const struct test_role roles[] = {
   { "living", living_main },
   { 0 },
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, roles);
}

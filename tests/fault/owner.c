/* SPDX-License-Identifier: MIT */

/* Who is taken for dead.  A process whose time of creation nobody knows lives
 * as long as its id is somebody's, and keeps its slots and tickets; one that
 * has ended, or whose id has become another process's, loses them.
 */
#include "peer.h"

#include <string.h>

#include "vk_sync_win32_owner.h"

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
   REQUIRE(TerminateProcess(peer->process, 1));
   REQUIRE(WaitForSingleObject(peer->process, INFINITE) == WAIT_OBJECT_0);
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

/* Processes that live and such as do not, one of which died while it gave back
 * what it had found in the slot, one of which is at it
 */
enum who {
   NOBODY,
   KNOWN,   /* lives, and so does the next */
   UNKNOWN, /* its time of creation is */
   GONE,
   GONE_AT_SOME_TIME,
   ID_REUSED,
   ID_REUSED_RECOVERING,
   RECOVERING,
   WHO_COUNT,
};

static struct {
   struct peer_run run;
   struct vk_device *device;
   enum vk_sync_win32_kind kind;
   struct vk_sync *sync;
   struct vk_sync_win32_layout *layout;
   uint64_t owners[WHO_COUNT];
} o;

static void
set_up(intptr_t kind)
{
   o.run = peer_run_create(sizeof(struct board));
   o.device = unit_device();
   o.kind = (enum vk_sync_win32_kind)kind;
   o.sync = peer_share(&o.run, o.device, o.kind, "payload");
   o.layout = unit_layout(o.sync);
   start_living(&o.run);

   const uint64_t known = ((struct board *)o.run.board)->owner;
   const uint64_t reused = with_other_time(known);
   o.owners[KNOWN] = known;
   o.owners[UNKNOWN] = without_time(known);
   o.owners[GONE] = NO_PROCESS << 32;
   o.owners[GONE_AT_SOME_TIME] = NO_PROCESS << 32 | 1234;
   o.owners[ID_REUSED] = reused;
   o.owners[ID_REUSED_RECOVERING] = reused | VK_SYNC_WIN32_OWNER_RECOVERING;
   o.owners[RECOVERING] = known | VK_SYNC_WIN32_OWNER_RECOVERING;
}

static void
import_again(void)
{
   vk_sync_destroy(o.device, peer_open(&o.run, o.device, o.kind, "payload"));
}

static void
fill_slot(unsigned index, enum who who, uint64_t target)
{
   o.layout->slots[index].owner = o.owners[who];
   o.layout->slots[index].target = target;
}

/* Of blocked threads */
static void
import_clears_out_the_dead(intptr_t kind)
{
   set_up(kind);
   for (unsigned i = 0; i < 4; i++) {
      fill_slot(2 * i, GONE + i, 1000);
      fill_slot(2 * i + 1, KNOWN + i % 2, 1000);
   }
   o.layout->armed[0] = 0xff;
   import_again();
   for (unsigned i = 0; i < 4; i++) {
      EXPECT_U64(o.layout->slots[2 * i].owner, 0);
      EXPECT_U64(o.layout->slots[2 * i].target, 0);
      EXPECT_U64(o.layout->slots[2 * i + 1].owner, o.owners[KNOWN + i % 2]);
      EXPECT_U64(o.layout->slots[2 * i + 1].target, 1000);
   }
   EXPECT_U64(o.layout->armed[0], 0xaa);
   vk_sync_destroy(o.device, o.sync);
}

/* Tickets ------------------------------------------------------------------- */

static void
fill_ticket(unsigned index, enum who who, uint32_t ticket)
{
   fill_slot(index, who, VK_SYNC_WIN32_TARGET_TAKEN |
                         VK_SYNC_WIN32_TARGET_TICKET(ticket));
}

/* What there is, and what is left of it after an import, or once another ticket
 * has been taken
 */
static const struct row {
   uint32_t signals, consumed, left;
   struct {
      unsigned slot;
      enum who who;
      uint32_t ticket;
      bool kept;
   } tickets[4];
} rows[] = {
   /* Of the living */
   { 0, 2, 2, { { 3, KNOWN, 1, true }, { 5, UNKNOWN, 2, true } } },
   /* Of the dead, whether or not its own signal has come; and all of them,
    * newest first, wherever they are noted
    */
   { 1, 1, 0, { { 7, GONE, 1 } } },
   { 0, 1, 0, { { 7, GONE_AT_SOME_TIME, 1 } } },
   { 1, 1, 0, { { 7, ID_REUSED, 1 } } },
   { 0, 1, 0, { { 7, ID_REUSED_RECOVERING, 1 } } },
   { 0, 3, 0, { { 9, GONE, 2 }, { 1, GONE_AT_SOME_TIME, 1 },
                { 2, ID_REUSED, 3 } } },
   /* Later tickets of the living keep those before them, until they die, too. */
   { 0, 4, 2, { { 1, GONE, 1, true }, { 4, UNKNOWN, 2, true },
                { 2, GONE_AT_SOME_TIME, 3 }, { 3, ID_REUSED, 4 } } },
   { 0, 2, 0, { { 1, GONE, 1 }, { 4, GONE_AT_SOME_TIME, 2 } } },
   /* The one that is at it has been stopped, or a stranger says so: nobody waits
    * for it for ever.
    */
   { 0, 2, 2, { { 3, GONE, 1, true }, { 5, RECOVERING, 2, true } } },
};

/* What nobody is going to see is given back. */
static void
take(uint32_t want)
{
   struct vk_sync *pending = unit_take(o.device, o.sync);

   EXPECT_U64(((struct vk_sync_win32 *)pending)->ticket, want);
   unit_sync_destroy(o.device, pending);
}

static void
recover_tickets(intptr_t takes_one)
{
   set_up(VK_SYNC_WIN32_KIND_BINARY);
   for (unsigned r = 0; r < TEST_COUNT(rows); r++) {
      const struct row *row = &rows[r];

      memset(o.layout->slots, 0, sizeof(o.layout->slots));
      o.layout->word = vk_sync_win32_pair(row->signals, row->consumed);
      for (unsigned i = 0; i < TEST_COUNT(row->tickets); i++)
         fill_ticket(row->tickets[i].slot, row->tickets[i].who,
                     row->tickets[i].ticket);

      if (takes_one)
         take(row->left + 1);
      else
         import_again();
      EXPECT_U64(peer_word(o.sync),
                 vk_sync_win32_pair(row->signals, row->left));
      for (unsigned i = 0; i < TEST_COUNT(row->tickets); i++)
         EXPECT_U64(o.layout->slots[row->tickets[i].slot].owner,
                    row->tickets[i].kept ? o.owners[row->tickets[i].who] : 0);
      if (test_failed())
         test_fail(true, __FILE__, __LINE__, "row %u", r);
   }
   vk_sync_destroy(o.device, o.sync);
}

const struct test_case test_cases[] = {
   { "who is dead", who_is_dead },
   { "import clears out the dead: fence", import_clears_out_the_dead,
     VK_SYNC_WIN32_KIND_FENCE },
   { "import clears out the dead: semaphore", import_clears_out_the_dead,
     VK_SYNC_WIN32_KIND_BINARY },
   { "import clears out the dead: timeline", import_clears_out_the_dead,
     VK_SYNC_WIN32_KIND_TIMELINE },
   { "tickets of the dead are given back by who imports", recover_tickets,
     false },
   { "tickets of the dead are given back by who takes one", recover_tickets,
     true },
   { 0 },
};

const struct test_role test_roles[] = {
   { "living", living_main },
   { 0 },
};

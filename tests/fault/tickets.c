/* SPDX-License-Identifier: MIT */

/* A lock-step over binary semaphores goes on whenever a consumer is killed: no
 * signal is lost, none is counted twice.  A ticket may be lost only by who
 * dies between two neighbouring instructions, which then is told by what it
 * leaves in the section.
 */
#include "tickets.h"

#include <stdlib.h>

#define ROUND_MS 20000

struct lock_step {
   struct peer_run peers;
   struct tickets_board *board;
   struct vk_device *device;
   struct vk_sync *forth, *back;
   struct peer *consumers[TICKETS_CONSUMERS];
   unsigned consumer_count;

   uint32_t round;
   /* What the counters started at, and tickets that are lost for good */
   uint32_t first, lost;
   /* Whose turn it is */
   unsigned turn;
   double due_ms;
   /* It is being killed. */
   bool killing;
   /* The last to die has left a ticket that comes back. */
   bool noted;

   unsigned kills, unseen;
};

static const struct {
   const char *name;
   /* Of what it may die at by itself, instructions */
   uint32_t most_steps;
} deaths[DEATHS] = {
   [DEATH_NONE] = { "none" },
   [DEATH_BLOCKED] = { "blocked" },
   [DEATH_BLOCKED_SIGNALLED] = { "blocked, signalled" },
   [DEATH_QUEUED] = { "queued" },
   [DEATH_QUEUED_SIGNALLED] = { "queued, signalled" },
   [DEATH_ANY_TIME] = { "at any time" },
   [DEATH_TAKE] = { "taking a ticket", 6000 },
   [DEATH_CLAIMED] = { "claiming a slot", 60 },
   [DEATH_WAIT] = { "waiting", 4000 },
   [DEATH_SIGNALLED] = { "seeing the signal", 400 },
   [DEATH_OPEN] = { "importing", 20000 },
   [DEATH_OPEN_CLAIMED] = { "giving back", 80 },
};

static void
plan_death(struct tickets_consumer *c, enum tickets_death first,
           enum tickets_death last)
{
   c->death = first + test_random_below(last - first + 1);
   c->steps = test_random_below(deaths[c->death].most_steps);
}

static void
give_up(struct lock_step *run, const char *why)
{
   for (unsigned i = 0; i < run->consumer_count; i++) {
      const struct tickets_consumer *c = &run->board->consumers[i];

      test_diag("consumer %u (process %lu): stage %u, turn %u, its queue is at "
                "%u, death \"%s\", %u steps", i, run->consumers[i] != NULL ?
                (unsigned long)run->consumers[i]->id : 0, c->stage, c->turn,
                c->queue_round, deaths[c->death].name, c->steps);
   }
   test_diag("round %u, sent %u, received %u, first %u, lost %u, turn of %u",
             run->round, run->board->sent, run->board->received, run->first,
             run->lost, run->turn);
   peer_dump("forth", run->forth);
   peer_dump("back", run->back);
   test_fail(true, __FILE__, __LINE__, "%s (%u kills)", why, run->kills);
}

static struct tickets_consumer *
on_turn(struct lock_step *run)
{
   return &run->board->consumers[run->turn];
}

static void
start_consumer(struct lock_step *run, unsigned index)
{
   struct tickets_consumer *c = &run->board->consumers[index];
   const unsigned by_handle = test_random_below(2) * TICKETS_BY_HANDLE;

   vk_sync_win32_store32(&c->queue_round, 0);
   vk_sync_win32_store32(&c->turn, 0);
   c->death = DEATH_NONE;
   if (run->noted && run->consumer_count == 1 && test_random_below(2))
      plan_death(c, DEATH_OPEN, DEATH_OPEN_CLAIMED);
   run->consumers[index] = peer_start_ready(&run->peers, "consumer",
                                            index + by_handle, &c->stage);
}

/* Also those that the tickets of the dead have eaten */
static void
send(struct lock_step *run)
{
   vk_sync_win32_store32(&run->board->sent, run->round);
   while ((int32_t)(run->first + run->round + run->lost -
                    peer_signals(run->forth)) > 0) {
      const uint32_t before = peer_signals(run->forth);

      REQUIRE_OK(vk_sync_signal(run->device, run->forth, 0));
      if (peer_signals(run->forth) == before)
         give_up(run, "a signal is not counted");
   }
}

static bool
is_sent(const struct lock_step *run)
{
   return run->board->sent == run->round;
}

static void
kill(struct lock_step *run)
{
   peer_kill(run->consumers[run->turn], TICKETS_KILLED_FROM_OUTSIDE);
   run->killing = true;
}

/* What has become of the tickets -------------------------------------------- */

static bool
is_noted(struct lock_step *run, uint32_t ticket)
{
   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++) {
      struct vk_sync_win32_slot *slot = &unit_layout(run->forth)->slots[i];

      if (slot->owner != 0 &&
          slot->target == (VK_SYNC_WIN32_TARGET_TAKEN |
                           VK_SYNC_WIN32_TARGET_TICKET(ticket)))
         return true;
   }
   return false;
}

/* Whoever dies between taking a ticket and noting it, or between clearing a
 * dead one's note and giving it back, has a slot in which nothing is noted.
 */
static bool
has_empty_slot(struct lock_step *run, DWORD process)
{
   for (uint32_t i = 0; i < VK_SYNC_WIN32_SLOTS; i++) {
      const struct vk_sync_win32_slot *slot =
         &unit_layout(run->forth)->slots[i];

      if (TICKETS_OWNER(slot->owner) == process && slot->target == 0)
         return true;
   }
   return false;
}

/* The consumer on turn is dead, and nobody else is at it. */
static void
account(struct lock_step *run)
{
   struct tickets_consumer *c = on_turn(run);
   struct tickets_board *board = run->board;
   const uint32_t consumed = peer_consumed(run->forth);
   const uint32_t taken = consumed - run->first - run->lost;
   const bool noted_before = run->noted;

   run->noted = is_noted(run, consumed);

   if (taken == board->received) {
      if (run->noted)
         give_up(run, "the ticket of a received signal is still noted");
   } else if (taken != run->round || board->received != run->round - 1) {
      give_up(run, "a signal is lost, or counted twice");
   } else if (run->noted) {
      run->unseen += !noted_before;
   } else if (c->queue_round == run->round && is_sent(run)) {
      /* Seen, but not told */
      board->received = run->round;
   } else if (has_empty_slot(run, run->consumers[run->turn]->id) &&
              (c->stage == STAGE_TAKING ||
               (c->stage == STAGE_OPENING && noted_before))) {
      run->lost++;
      if (is_sent(run))
         send(run);
   } else {
      give_up(run, "a ticket is lost");
   }
}

/* Rounds -------------------------------------------------------------------- */

static void
pass_turn(struct lock_step *run)
{
   struct tickets_consumer *c = on_turn(run);

   /* The dead one may have given the answer. */
   if (peer_signals(run->back) == run->first + run->round)
      return;

   c->answer_only = run->board->received == run->round;
   vk_sync_win32_store32(&c->turn, run->round);
}

static void
bury(struct lock_step *run, DWORD status)
{
   if (status != TICKETS_KILLED && status != TICKETS_KILLED_FROM_OUTSIDE) {
      test_diag("exit status %lu", (unsigned long)status);
      give_up(run, "a consumer has ended by itself");
   }
   run->kills++;
   account(run);
   peer_release(run->consumers[run->turn]);
   run->consumers[run->turn] = NULL;
   run->killing = false;
}

/* Whoever takes the dead one's place either comes and imports, or has been
 * there from the start and takes the next ticket, perhaps while another one
 * imports.
 */
static void
on_death(struct lock_step *run, DWORD status)
{
   bury(run, status);

   if (run->consumer_count == 1) {
      start_consumer(run, run->turn);
   } else {
      if (test_random_below(2))
         start_consumer(run, run->turn);
      run->turn = !run->turn;
      on_turn(run)->death = DEATH_NONE;
      pass_turn(run);
   }
   if (!is_sent(run) && test_random_below(2))
      send(run);
}

static bool
is_blocked(struct lock_step *run)
{
   struct vk_sync_win32_layout *layout = unit_layout(run->forth);
   const uint32_t slot =
      peer_find_slot(run->forth, 0, run->consumers[run->turn]->id);

   return slot != VK_SYNC_WIN32_NO_SLOT && peer_has_bit(layout->armed, slot);
}

static void
spin_us(unsigned us)
{
   const double until_ms = test_now_ms() + us / 1000.0;

   while (test_now_ms() < until_ms)
      ;
}

/* What the producer does about the death that the consumer is to die */
static void
act(struct lock_step *run)
{
   struct tickets_consumer *c = on_turn(run);
   const bool queued = vk_sync_win32_load32(&c->stage) == STAGE_TAKEN;

   switch (c->death) {
   case DEATH_BLOCKED:
   case DEATH_BLOCKED_SIGNALLED:
      if (!is_blocked(run))
         return;
      break;
   case DEATH_QUEUED:
   case DEATH_QUEUED_SIGNALLED:
      if (!queued)
         return;
      break;
   case DEATH_ANY_TIME:
      if (!is_sent(run) && test_random_below(4) == 0)
         send(run);
      if (test_now_ms() < run->due_ms)
         return;
      break;
   default:
      if (!is_sent(run))
         send(run);
      return;
   }

   if (c->death == DEATH_BLOCKED_SIGNALLED ||
       c->death == DEATH_QUEUED_SIGNALLED)
      send(run);
   if (c->death == DEATH_BLOCKED_SIGNALLED)
      spin_us(test_random_below(200));
   kill(run);
}

static void
watch(struct lock_step *run)
{
   struct tickets_consumer *c = on_turn(run);
   const uint32_t stage = vk_sync_win32_load32(&c->stage);
   DWORD status;

   if (peer_ended(run->consumers[run->turn], 0, &status)) {
      on_death(run, status);
   } else if (stage < STAGE_IDLE) {
      /* It imports. */
      return;
   } else if (c->turn != run->round) {
      if (c->death >= DEATH_OPEN)
         c->death = DEATH_NONE;
      pass_turn(run);
   } else if (!run->killing) {
      act(run);
   }
}

static void
check_round(struct lock_step *run)
{
   struct tickets_board *board = run->board;
   const uint32_t all = run->first + run->round;

   EXPECT_U64(peer_signals(run->forth), all + run->lost);
   EXPECT_U64(peer_consumed(run->forth), all + run->lost);
   EXPECT_U64(peer_signals(run->back), all);
   EXPECT_U64(peer_consumed(run->back), all);
   EXPECT_U64(board->received, run->round);
   if (test_failed())
      give_up(run, "the counters are wrong");
}

static void
await_idle(struct lock_step *run, unsigned index)
{
   const double start_ms = test_now_ms();

   while (vk_sync_win32_load32(&run->board->consumers[index].stage) !=
          STAGE_IDLE) {
      if (test_now_ms() > start_ms + 2 * ROUND_MS)
         give_up(run, "a consumer does not come to the end of a round");
      Sleep(1);
   }
}

static void
start_round(struct lock_step *run)
{
   run->round++;
   for (unsigned i = 0; i < run->consumer_count; i++) {
      if (run->consumers[i] == NULL)
         start_consumer(run, i);
   }
   for (unsigned i = 0; i < run->consumer_count; i++)
      await_idle(run, i);

   run->turn = test_random_below(run->consumer_count);
   if (test_random_below(2))
      send(run);
   plan_death(on_turn(run), DEATH_BLOCKED, DEATH_SIGNALLED);
   run->due_ms = test_now_ms() + test_random_below(4000) / 1000.0;
}

/* Whoever has given the answer may die all the same. */
static void
end_round(struct lock_step *run)
{
   const double start_ms = test_now_ms();
   DWORD status;

   if (on_turn(run)->death == DEATH_ANY_TIME)
      kill(run);
   while (!peer_ended(run->consumers[run->turn], 0, &status)) {
      if (!run->killing &&
          vk_sync_win32_load32(&on_turn(run)->stage) == STAGE_IDLE)
         break;
      if (test_now_ms() > start_ms + 2 * ROUND_MS)
         give_up(run, "a consumer does not come to the end of a round");
      Sleep(1);
   }
   if (peer_ended(run->consumers[run->turn], 0, &status))
      bury(run, status);

   check_round(run);
   run->noted = false;
}

static void
do_round(struct lock_step *run)
{
   const double start_ms = test_now_ms();
   VkResult result;

   start_round(run);
   struct vk_sync *answer = unit_take(run->device, run->back);
   do {
      watch(run);
      result = unit_wait(run->device, answer, 0, MS / 4);
      if (test_now_ms() > start_ms + ROUND_MS)
         give_up(run, "the lock-step has stopped");
   } while (result == VK_TIMEOUT);
   REQUIRE_OK(result);
   unit_sync_destroy(run->device, answer);
   end_round(run);
}

static void
set_up(struct lock_step *run, unsigned consumers)
{
   run->consumer_count = consumers;
   run->peers = peer_run_create(sizeof(struct tickets_board));
   run->board = run->peers.board;
   run->device = unit_device();
   run->forth = peer_share(&run->peers, run->device,
                           VK_SYNC_WIN32_KIND_BINARY, "forth");
   run->back = peer_share(&run->peers, run->device,
                          VK_SYNC_WIN32_KIND_BINARY, "back");
   run->board->producer = GetCurrentProcessId();
   run->board->forth = (uintptr_t)unit_export(run->device, run->forth);
   run->board->back = (uintptr_t)unit_export(run->device, run->back);

   /* The counters wrap before long, or do not. */
   run->first = test_random_below(2) ? 0 - test_random_below(40) : 0;
   unit_layout(run->forth)->word = vk_sync_win32_pair(run->first, run->first);
   unit_layout(run->back)->word = vk_sync_win32_pair(run->first, run->first);
}

static void
kill_consumers(intptr_t consumers)
{
   const unsigned kills =
      (consumers == 1 ? 60 : 40) * (test_scale() > 1 ? 10 : 1);
   struct lock_step *run = calloc(1, sizeof(*run));

   REQUIRE(run != NULL);
   test_defer(free, run);
   set_up(run, (unsigned)consumers);
   while (run->kills < kills)
      do_round(run);

   for (unsigned i = 0; i < run->consumer_count; i++) {
      if (run->consumers[i] != NULL)
         peer_release(run->consumers[i]);
   }
   test_diag("%u rounds, %u kills, %u tickets given back, %u lost between two "
             "instructions", run->round, run->kills, run->unseen, run->lost);
   EXPECT(run->unseen > 0);
   vk_sync_destroy(run->device, run->forth);
   vk_sync_destroy(run->device, run->back);
}

const struct test_case fault_cases[] = {
   { "a consumer is killed and started again", kill_consumers, 1, 240 },
   { "one of two consumers is killed", kill_consumers, 2, 240 },
   { 0 },
};

const struct test_role fault_roles[] = {
   { "consumer", tickets_consumer_main },
   { 0 },
};

/* SPDX-License-Identifier: MIT */
#include "kill.h"

#include <stdlib.h>

#include "vk_sync_win32_bell.h"

/* A victim whose trigger is not met within this time is killed anyway. */
#define LIFE_MS 300
#define START_MS 20000
#define SETTLE_MS 20000

static const struct choice {
   enum fault_scene scene;
   enum fault_trigger trigger;
   unsigned weight;
   /* The count is below 1 << bits, smaller ones being more likely. */
   unsigned bits;
} choices[] = {
   { SCENE_TIMELINE, TRIGGER_PUBLISHED, 24, 12 },
   { SCENE_BINARY, TRIGGER_PUBLISHED, 12, 12 },
   { SCENE_TIMELINE, TRIGGER_STEP, 5, 9 },
   { SCENE_BINARY, TRIGGER_STEP, 3, 9 },
   { SCENE_TIMELINE, TRIGGER_CALL, 6, 3 },
   { SCENE_BINARY, TRIGGER_CALL, 3, 3 },
   { SCENE_WAIT, TRIGGER_STEP, 7, 12 },
   { SCENE_WAIT, TRIGGER_CALL, 6, 4 },
   { SCENE_TICKET, TRIGGER_STEP, 5, 12 },
   { SCENE_CLAIM, TRIGGER_STEP, 5, 12 },
   { SCENE_CLAIM, TRIGGER_CLAIMED, 7, 8 },
   { SCENE_ALL, TRIGGER_CALL, 6, 7 },
   { SCENE_ALL, TRIGGER_OUTSIDE, 14, 15 },
};

static struct fault_plan
make_plan(void)
{
   unsigned total = 0;
   const struct choice *choice = choices;

   for (unsigned i = 0; i < TEST_COUNT(choices); i++)
      total += choices[i].weight;

   unsigned left = test_random_below(total);
   while (left >= choice->weight)
      left -= choice++->weight;

   struct fault_plan plan = {
      .scene = choice->scene,
      .trigger = choice->trigger,
      .count = test_random_below(1u << (1 + test_random_below(choice->bits))),
      .call = (enum hook_call)test_random_below(HOOK_CALLS),
      .after_call = test_random_below(2),
      .threads = choice->scene == SCENE_ALL ? 3 : test_random_below(4),
   };

   /* Calls that this scene makes, in whatever thread */
   if (choice->scene == SCENE_TIMELINE || choice->scene == SCENE_BINARY)
      plan.call = HOOK_RING;
   else if (choice->scene == SCENE_WAIT)
      plan.call = HOOK_BELL_WAIT;
   return plan;
}

static void
remember_id(struct kill_run *run, DWORD id)
{
   run->ids[run->id_count++] = id;
}

static void
start_victim(struct kill_run *run, struct kill_lane *lane)
{
   struct fault_lane *shared = lane->shared;
   const uint64_t up = peer_word(run->payloads.up[lane->index]);
   const uint32_t signals =
      peer_signals(run->payloads.up_binary[lane->index]);
   struct vk_sync *down_binary = run->payloads.down_binary[lane->index];

   shared->plan = make_plan();
   shared->timeline = (struct fault_journal) { .begun = up, .done = up };
   shared->binary = (struct fault_journal) {
      .begun = signals, .done = signals,
   };
   shared->tickets = (struct fault_journal) {0};
   shared->tickets_seen = 0;
   shared->gate_slot = VK_SYNC_WIN32_NO_SLOT;
   shared->stage = STAGE_CREATED;

   lane->down = peer_word(run->payloads.down[lane->index]);
   lane->down_signals = peer_signals(down_binary);
   lane->down_consumed = peer_consumed(down_binary);
   lane->from_outside = false;
   lane->due_ms = 0;
   lane->victim = peer_start(&run->peers, "victim", lane->index);
   lane->since_ms = test_now_ms();
   lane->state = KILL_RUNNING;
   remember_id(run, lane->victim->id);
   run->stats.started++;
}

static bool
is_ready(const struct kill_lane *lane)
{
   return vk_sync_win32_load32(&lane->shared->stage) == STAGE_READY;
}

/* What the victim waits for */
static void
signal_down(struct kill_run *run, struct kill_lane *lane)
{
   if (test_random_below(2))
      EXPECT(vk_sync_signal(run->device, run->payloads.down[lane->index],
                            ++lane->down) == VK_SUCCESS);
   kill_serve_tickets(run, lane);
}

static void
kill_from_outside(struct kill_lane *lane)
{
   peer_kill(lane->victim, FAULT_KILLED_FROM_OUTSIDE);
   lane->from_outside = true;
}

/* Under Wine it happens that a new process never comes to its program. */
static void
on_late_start(struct kill_run *run, struct kill_lane *lane)
{
   if (lane->shared->stage != STAGE_CREATED || ++run->stats.stillborn > 3)
      kill_give_up(run, lane, "the victim does not start");
   kill_from_outside(lane);
   lane->since_ms = test_now_ms();
}

static void
watch_victim(struct kill_run *run, struct kill_lane *lane)
{
   const struct fault_plan *plan = &lane->shared->plan;
   const double now_ms = test_now_ms();

   if (!is_ready(lane)) {
      if (now_ms > lane->since_ms + START_MS)
         on_late_start(run, lane);
      return;
   }

   if (lane->due_ms == 0) {
      lane->due_ms = now_ms + (plan->trigger == TRIGGER_OUTSIDE ?
                               plan->count / 1000.0 : LIFE_MS);
   }
   signal_down(run, lane);

   if (test_now_ms() >= lane->due_ms && !lane->from_outside) {
      if (plan->trigger != TRIGGER_OUTSIDE)
         run->stats.overdue++;
      kill_from_outside(lane);
   }
}

static void
bury(struct kill_run *run, struct kill_lane *lane)
{
   struct peer **kept = &run->kept[run->stats.dead % TEST_COUNT(run->kept)];

   run->stats.dead++;
   if (run->stats.dead % 3 == 0) {
      if (*kept != NULL)
         peer_release(*kept);
      *kept = lane->victim;
   } else {
      peer_release(lane->victim);
   }
   lane->victim = NULL;
}

static void
on_death(struct kill_run *run, struct kill_lane *lane, DWORD status)
{
   const struct fault_plan *plan = &lane->shared->plan;
   const uint32_t slot = lane->shared->gate_slot;

   if (status != FAULT_KILLED && status != FAULT_KILLED_FROM_OUTSIDE) {
      test_diag("exit status %lu", (unsigned long)status);
      kill_give_up(run, lane, "a victim has ended by itself");
   }

   if (is_ready(lane) && plan->threads > 0) {
      if (slot >= VK_SYNC_WIN32_SLOTS)
         kill_give_up(run, lane, "a victim found no slot");
      run->stats.taken_over += run->gate_slots_seen[slot];
      run->gate_slots_seen[slot] = true;
   }
   run->stats.deaths[plan->scene][plan->trigger]++;

   kill_check_payloads(run, lane);
   bury(run, lane);
   lane->since_ms = test_now_ms();
   lane->state = KILL_SETTLING;
}

static void
run_lane(struct kill_run *run, struct kill_lane *lane)
{
   DWORD status;

   switch (lane->state) {
   case KILL_IDLE:
      if (run->stats.started < run->victims)
         start_victim(run, lane);
      break;

   case KILL_RUNNING:
      if (peer_ended(lane->victim, 0, &status))
         on_death(run, lane, status);
      else
         watch_victim(run, lane);
      break;

   case KILL_SETTLING:
      if (kill_has_settled(run, lane)) {
         kill_check_latency(run, lane);
         lane->state = KILL_IDLE;
      } else if (test_now_ms() > lane->since_ms + SETTLE_MS) {
         kill_give_up(run, lane, "a survivor was not woken");
      }
      break;
   }
}

static void
start_survivors(struct kill_run *run)
{
   for (unsigned i = 0; i < FAULT_SURVIVORS; i++) {
      run->survivors[i] = peer_start(&run->peers, "survivor", i);
      remember_id(run, run->survivors[i]->id);
   }
   for (unsigned i = 0; i < FAULT_SURVIVORS; i++) {
      const double start_ms = test_now_ms();
      while (!vk_sync_win32_load32(&run->board->survivors[i].ready)) {
         REQUIRE(test_now_ms() < start_ms + START_MS);
         Sleep(1);
      }
   }
}

static void
check_survivors_live(struct kill_run *run)
{
   DWORD status;

   for (unsigned i = 0; i < FAULT_SURVIVORS; i++) {
      if (peer_ended(run->survivors[i], 0, &status))
         kill_give_up(run, NULL, "a survivor has ended");
   }
}

static void
finish_survivors(struct kill_run *run)
{
   struct fault_payloads *payloads = &run->payloads;
   const double start_ms = test_now_ms();
   unsigned ended = 0;
   DWORD status;

   vk_sync_win32_store32(&run->board->quit, 1);
   for (unsigned i = 0; i < FAULT_LANES; i++)
      EXPECT(vk_sync_signal(run->device, payloads->up[i], FAULT_FINAL) ==
             VK_SUCCESS);
   EXPECT(vk_sync_signal(run->device, payloads->gate, FAULT_FINAL) ==
          VK_SUCCESS);

   while (ended < FAULT_SURVIVORS) {
      for (unsigned i = 0; i < FAULT_LANES; i++) {
         struct vk_sync *sync = payloads->up_binary[i];
         if ((int32_t)(peer_consumed(sync) - peer_signals(sync)) > 0)
            EXPECT(vk_sync_signal(run->device, sync, 0) == VK_SUCCESS);
      }
      if (peer_ended(run->survivors[ended], 5, &status)) {
         REQUIRE_U64(status, 0);
         peer_release(run->survivors[ended]);
         const struct fault_survivor *survivor =
            &run->board->survivors[ended++];
         kill_check_usage("survivor", &survivor->before, &survivor->after);
      }
      if (test_now_ms() > start_ms + SETTLE_MS)
         kill_give_up(run, NULL, "a survivor does not come to its end");
   }
}

static void
print_stats(const struct kill_run *run, double ms)
{
   static const char *const scenes[] = {
      "timeline", "binary", "wait", "ticket", "claim", "all",
   };
   static const char *const triggers[] = {
      "outside", "step", "published", "claimed", "call",
   };
   const struct kill_stats *stats = &run->stats;
   const struct kill_latency *silent = &stats->silent_latency;
   const struct kill_latency *other = &stats->other_latency;

   test_diag("%u deaths in %.1f s, %u of them overdue, %u stillborn",
             stats->dead, ms / 1000, stats->overdue, stats->stillborn);
   for (unsigned i = 0; i < SCENE_COUNT; i++) {
      for (unsigned j = 0; j < TRIGGER_COUNT; j++) {
         if (stats->deaths[i][j])
            test_diag("   %s, %s: %u", scenes[i], triggers[j],
                      stats->deaths[i][j]);
      }
   }
   test_diag("%u in a signal operation, %u of them after the value was "
             "published, %u of these before anyone was rung",
             stats->signalling, stats->published, stats->silent);
   test_diag("survivors whom the dead had not rung came back after %.1f ms on "
             "average, %.1f ms at most (%u waits)",
             silent->count ? silent->sum_ms / silent->count : 0,
             silent->max_ms, silent->count);
   test_diag("others after %.1f ms on average, %.1f ms at most (%u waits)",
             other->count ? other->sum_ms / other->count : 0, other->max_ms,
             other->count);
   test_diag("%u slots of the dead were taken over; of %u tickets that they "
             "had not seen satisfied %u were given back", stats->taken_over,
             stats->unseen, stats->given_back);
}

static void
run_kills(struct vk_device *device, unsigned victims, unsigned lanes,
          bool print)
{
   struct kill_run *run = calloc(1, sizeof(*run));
   const double start_ms = test_now_ms();

   REQUIRE(run != NULL);
   test_defer(free, run);
   run->ids = calloc(victims + FAULT_SURVIVORS + 1, sizeof(*run->ids));
   REQUIRE(run->ids != NULL);
   test_defer(free, run->ids);

   run->peers = peer_run_create(sizeof(struct fault_board));
   run->board = run->peers.board;
   run->device = device;
   run->lane_count = lanes;
   run->victims = victims;

   vk_sync_win32_bell_forget_all();
   const struct peer_usage before = peer_measure();
   fault_payloads_open(&run->payloads, &run->peers, device, FAULT_ALL_LANES,
                       true);
   for (unsigned i = 0; i < FAULT_LANES; i++) {
      run->lanes[i].index = i;
      run->lanes[i].shared = &run->board->lanes[i];
   }

   start_survivors(run);
   while (run->stats.dead < victims) {
      for (unsigned i = 0; i < lanes; i++)
         run_lane(run, &run->lanes[i]);
      check_survivors_live(run);
      Sleep(1);
   }
   for (unsigned i = 0; i < lanes; i++) {
      while (run->lanes[i].state != KILL_IDLE) {
         run_lane(run, &run->lanes[i]);
         Sleep(1);
      }
   }

   kill_check_newcomer(run);
   finish_survivors(run);
   kill_check_remains(run);
   for (unsigned i = 0; i < TEST_COUNT(run->kept); i++) {
      if (run->kept[i] != NULL)
         peer_release(run->kept[i]);
   }
   fault_payloads_close(&run->payloads, device);
   vk_sync_win32_bell_forget_all();
   const struct peer_usage after = peer_measure();

   if (!print)
      return;
   print_stats(run, test_now_ms() - start_ms);
   kill_check_usage("parent", &before, &after);
   EXPECT(run->stats.silent > 0);
   EXPECT(run->stats.taken_over > 0);
   EXPECT(run->stats.given_back > 0);
}

static void
kill_many(intptr_t lanes)
{
   struct vk_device *device = unit_device();
   const unsigned victims =
      (lanes == 1 ? 24 : 90) * (getenv("LVP_SYNC_LONG") ? 10 : 1);

   /* Whatever is created once, and kept */
   run_kills(device, 2, 1, false);
   run_kills(device, victims, (unsigned)lanes, true);
}

const struct test_case fault_kill_cases[] = {
   { "processes are killed one at a time", kill_many, 1, 240 },
   { "processes are killed beside each other", kill_many, FAULT_LANES, 240 },
   { 0 },
};

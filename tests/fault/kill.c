/* SPDX-License-Identifier: MIT */
#include "kill.h"

#include <stdlib.h>

#include "vk_sync_win32_bell.h"

/* A victim whose trigger is not met within this time is killed anyway. */
#define LIFE_MS 300
#define START_MS 20000
#define SETTLE_MS 20000

static const struct choice {
   enum kill_scene scene;
   enum kill_trigger trigger;
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

static struct kill_plan
make_plan(void)
{
   unsigned total = 0;
   const struct choice *choice = choices;

   for (unsigned i = 0; i < TEST_COUNT(choices); i++)
      total += choices[i].weight;

   unsigned left = test_random_below(total);
   while (left >= choice->weight)
      left -= choice++->weight;

   struct kill_plan plan = {
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
   REQUIRE(run->id_count < TEST_COUNT(run->ids));
   run->ids[run->id_count++] = id;
}

static void
start_victim(struct kill_run *run, struct kill_watch *watch)
{
   struct kill_lane *lane = watch->lane;
   const uint64_t up = peer_word(watch->up);
   const uint32_t signals = peer_signals(watch->up_binary);

   lane->plan = make_plan();
   lane->timeline = (struct kill_journal) { .begun = up, .done = up };
   lane->binary = (struct kill_journal) { .begun = signals, .done = signals };
   lane->tickets = (struct kill_journal) {0};
   lane->tickets_seen = 0;
   lane->gate_slot = VK_SYNC_WIN32_NO_SLOT;
   lane->stage = STAGE_CREATED;

   watch->down_value = peer_word(watch->down);
   watch->down_signals = peer_signals(watch->down_binary);
   watch->down_consumed = peer_consumed(watch->down_binary);
   watch->from_outside = false;
   watch->due_ms = 0;
   watch->victim = peer_start(&run->peers, "victim", watch->index);
   watch->since_ms = test_now_ms();
   watch->state = WATCH_RUNNING;
   remember_id(run, watch->victim->id);
   run->started++;
}

static bool
is_ready(const struct kill_watch *watch)
{
   return vk_sync_win32_load32(&watch->lane->stage) == STAGE_READY;
}

static void
kill_from_outside(struct kill_watch *watch)
{
   peer_kill(watch->victim, KILL_STATUS_OUTSIDE);
   watch->from_outside = true;
}

static void
watch_victim(struct kill_run *run, struct kill_watch *watch)
{
   const struct kill_plan *plan = &watch->lane->plan;
   const double now_ms = test_now_ms();

   if (!is_ready(watch)) {
      if (now_ms < watch->since_ms + START_MS)
         return;
      /* Under Wine it happens that a new process never comes to its program. */
      if (watch->lane->stage != STAGE_CREATED || ++run->stillborn > 3)
         kill_give_up(run, watch, "the victim does not start");
      kill_from_outside(watch);
      watch->since_ms = now_ms;
      return;
   }

   if (watch->due_ms == 0) {
      watch->due_ms = now_ms + (plan->trigger == TRIGGER_OUTSIDE ?
                                plan->count / 1000.0 : LIFE_MS);
   }

   /* What the victim waits for */
   if (test_random_below(2))
      EXPECT_OK(vk_sync_signal(run->device, watch->down,
                               ++watch->down_value));
   watch->down_signals += kill_serve_tickets(run->device, watch->down_binary);

   if (test_now_ms() >= watch->due_ms && !watch->from_outside)
      kill_from_outside(watch);
}

static void
bury(struct kill_run *run, struct kill_watch *watch)
{
   struct peer **kept = &run->kept[run->dead % TEST_COUNT(run->kept)];

   run->dead++;
   if (run->dead % 3 == 0) {
      if (*kept != NULL)
         peer_release(*kept);
      *kept = watch->victim;
   } else {
      peer_release(watch->victim);
   }
   watch->victim = NULL;
}

static void
on_death(struct kill_run *run, struct kill_watch *watch, DWORD status)
{
   const uint32_t slot = watch->lane->gate_slot;

   if (status != KILL_STATUS && status != KILL_STATUS_OUTSIDE) {
      test_diag("exit status %lu", (unsigned long)status);
      kill_give_up(run, watch, "a victim has ended by itself");
   }

   if (is_ready(watch) && watch->lane->plan.threads > 0) {
      if (slot >= VK_SYNC_WIN32_SLOTS)
         kill_give_up(run, watch, "a victim found no slot");
      run->taken_over += run->gate_slots_seen[slot];
      run->gate_slots_seen[slot] = true;
   }

   kill_check_payloads(run, watch);
   bury(run, watch);
   watch->since_ms = test_now_ms();
   watch->state = WATCH_SETTLING;
}

static void
run_lane(struct kill_run *run, struct kill_watch *watch)
{
   DWORD status;

   switch (watch->state) {
   case WATCH_IDLE:
      if (run->started < run->victims)
         start_victim(run, watch);
      break;

   case WATCH_RUNNING:
      if (peer_ended(watch->victim, 0, &status))
         on_death(run, watch, status);
      else
         watch_victim(run, watch);
      break;

   case WATCH_SETTLING:
      if (kill_has_settled(watch)) {
         kill_check_latency(watch);
         watch->state = WATCH_IDLE;
      } else if (test_now_ms() > watch->since_ms + SETTLE_MS) {
         kill_give_up(run, watch, "a survivor was not woken");
      }
      break;
   }
}

static void
start_survivors(struct kill_run *run)
{
   for (unsigned i = 0; i < KILL_SURVIVORS; i++) {
      run->survivors[i] = peer_start(&run->peers, "survivor", i);
      remember_id(run, run->survivors[i]->id);
   }
   for (unsigned i = 0; i < KILL_SURVIVORS; i++)
      PEER_AWAIT(vk_sync_win32_load32(&run->board->survivors[i].ready));
}

static void
check_survivors_live(struct kill_run *run)
{
   DWORD status;

   for (unsigned i = 0; i < KILL_SURVIVORS; i++) {
      if (peer_ended(run->survivors[i], 0, &status))
         kill_give_up(run, NULL, "a survivor has ended");
   }
}

static void
finish_survivors(struct kill_run *run)
{
   const double start_ms = test_now_ms();
   unsigned ended = 0;
   DWORD status;

   vk_sync_win32_store32(&run->board->quit, 1);
   for (unsigned i = 0; i < KILL_LANES; i++)
      EXPECT_OK(vk_sync_signal(run->device, run->watches[i].up, KILL_FINAL));
   EXPECT_OK(vk_sync_signal(run->device, run->payloads.syncs[KILL_GATE],
                            KILL_FINAL));

   while (ended < KILL_SURVIVORS) {
      for (unsigned i = 0; i < KILL_LANES; i++)
         kill_serve_tickets(run->device, run->watches[i].up_binary);
      if (peer_ended(run->survivors[ended], 5, &status)) {
         REQUIRE_U64(status, 0);
         peer_release(run->survivors[ended]);
         peer_check_usage("survivor", &run->board->survivors[ended].before,
                          &run->board->survivors[ended].after);
         ended++;
      }
      if (test_now_ms() > start_ms + SETTLE_MS)
         kill_give_up(run, NULL, "a survivor does not come to its end");
   }
}

static void
open_payloads(struct kill_run *run)
{
   struct vk_sync **syncs = run->payloads.syncs;

   kill_payloads_open(&run->payloads, peer_share, &run->peers, run->device,
                      KILL_ALL_LANES);
   for (unsigned i = 0; i < KILL_LANES; i++) {
      run->watches[i] = (struct kill_watch) {
         .index = i,
         .lane = &run->board->lanes[i],
         .up = syncs[KILL_UP + i],
         .up_binary = syncs[KILL_UP_BINARY + i],
         .down = syncs[KILL_DOWN + i],
         .down_binary = syncs[KILL_DOWN_BINARY + i],
      };
   }
}

static void
run_kills(struct kill_run *run, struct vk_device *device, unsigned victims,
          unsigned lanes)
{
   *run = (struct kill_run) {
      .device = device, .victims = victims, .lane_count = lanes,
      .peers = peer_run_create(sizeof(struct kill_board)),
   };
   run->board = run->peers.board;

   vk_sync_win32_bell_forget_all();
   run->before = peer_measure();
   open_payloads(run);
   start_survivors(run);
   while (run->dead < victims) {
      for (unsigned i = 0; i < lanes; i++)
         run_lane(run, &run->watches[i]);
      check_survivors_live(run);
      Sleep(1);
   }
   for (unsigned i = 0; i < lanes; i++) {
      while (run->watches[i].state != WATCH_IDLE) {
         run_lane(run, &run->watches[i]);
         Sleep(1);
      }
   }

   finish_survivors(run);
   kill_check_remains(run);
   for (unsigned i = 0; i < TEST_COUNT(run->kept); i++) {
      if (run->kept[i] != NULL)
         peer_release(run->kept[i]);
   }
   kill_payloads_close(&run->payloads, device);
   vk_sync_win32_bell_forget_all();
   run->after = peer_measure();
}

static void
kill_many(intptr_t lanes)
{
   struct vk_device *device = unit_device();
   const unsigned victims =
      (lanes == 1 ? 24 : 90) * (test_scale() > 1 ? 10 : 1);
   static struct kill_run run;

   /* Whatever is created once, and kept */
   run_kills(&run, device, 2, 1);
   run_kills(&run, device, victims, (unsigned)lanes);
   test_diag("%u deaths, %u of them after a payload had changed and before "
             "anyone was rung; %u slots of the dead were taken over; of %u "
             "tickets that they had not seen satisfied %u were given back; "
             "%u stillborn", run.dead, run.silent, run.taken_over, run.unseen,
             run.given_back, run.stillborn);
   peer_check_usage("parent", &run.before, &run.after);
   EXPECT(run.silent > 0);
   EXPECT(run.taken_over > 0);
   EXPECT(run.given_back > 0);
}

const struct test_case fault_cases[] = {
   { "processes are killed one at a time", kill_many, 1, 240 },
   { "processes are killed beside each other", kill_many, KILL_LANES, 240 },
   { 0 },
};

const struct test_role fault_roles[] = {
   { "victim", kill_victim_main },
   { "survivor", kill_survivor_main },
   { 0 },
};

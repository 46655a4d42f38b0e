/* SPDX-License-Identifier: MIT */

/* A process that does what its plan says until it is dead. */
#include "kill.h"

#include <stdlib.h>

#include "c11/threads.h"
#include "util/os_time.h"

static struct {
   struct peer_run run;
   struct vk_device *device;
   struct kill_lane *lane;
   struct kill_payloads payloads;
   struct vk_sync *up, *up_binary, *down, *down_binary;

   /* How often the call may still be made that the plan names */
   int32_t calls_left;
   /* Of the main thread, counted down over its operations */
   uint32_t steps_left;
} victim;

/* The operation that is stepped through */
static struct {
   /* What it signals or claims a slot in */
   struct vk_sync *sync;
   uint64_t target;
   /* Where to note the time when the target is reached; NULL if it does not
    * signal
    */
   uint64_t *published_ns;
   bool published, claimed;
} stepped;

/* The signal operation that this thread is in */
static thread_local struct kill_journal *signalling;

static void
count_call(enum hook_call call, bool after)
{
   const struct kill_plan *plan = &victim.lane->plan;

   if (call == HOOK_RING && after && signalling != NULL)
      signalling->rings++;
   if (plan->trigger == TRIGGER_CALL && plan->call == call &&
       after == (plan->after_call != 0) &&
       p_atomic_dec_return(&victim.calls_left) < 0)
      step_die(KILL_STATUS);
}

static void
before_call(enum hook_call call)
{
   count_call(call, false);
}

static void
after_call(enum hook_call call)
{
   count_call(call, true);
}

/* Whoever dies here leaves either what was there before or what comes after.
 * Others only take tickets meanwhile.
 */
static void
check_word(void)
{
   const bool timeline = stepped.sync->flags & VK_SYNC_IS_TIMELINE;
   const uint64_t value = timeline ? peer_word(stepped.sync) :
                                     peer_signals(stepped.sync);
   const uint64_t target = timeline ? stepped.target :
                                      (uint32_t)stepped.target;

   REQUIRE(value == target || value == target - 1);
   if (!timeline)
      REQUIRE(peer_consumed(stepped.sync) - ((uint32_t)target - 1) <= 2);
}

static void
step(UNUSED void *data)
{
   const enum kill_trigger trigger = victim.lane->plan.trigger;

   if (stepped.published_ns != NULL) {
      check_word();
      if (!stepped.published &&
          vk_sync_win32_is_reached(unit_payload(stepped.sync)->kind,
                                   peer_word(stepped.sync), stepped.target)) {
         stepped.published = true;
         vk_sync_win32_store64(stepped.published_ns, os_time_get_nano());
      }
   }
   if (trigger == TRIGGER_CLAIMED && !stepped.claimed)
      stepped.claimed = peer_find_slot(stepped.sync, 0,
                                       GetCurrentProcessId()) !=
                        VK_SYNC_WIN32_NO_SLOT;

   if ((trigger == TRIGGER_STEP ||
        (trigger == TRIGGER_PUBLISHED && stepped.published) ||
        (trigger == TRIGGER_CLAIMED && stepped.claimed)) &&
       victim.steps_left-- == 0)
      step_die(KILL_STATUS);
}

/* Step only where the plan wants it: it costs a lot. */
static void
begin_steps(struct vk_sync *sync, uint64_t target, uint64_t *published_ns)
{
   const enum kill_trigger trigger = victim.lane->plan.trigger;
   const bool publishes = published_ns != NULL;

   if (trigger == TRIGGER_OUTSIDE || trigger == TRIGGER_CALL ||
       (trigger == TRIGGER_PUBLISHED && !publishes) ||
       (trigger == TRIGGER_CLAIMED && (publishes || sync == NULL)))
      return;

   stepped.sync = sync;
   stepped.target = target;
   stepped.published_ns = published_ns;
   stepped.published = stepped.claimed = false;
   step_begin(step, NULL);
}

/* Until every survivor blocks there, so that the signal has whom to ring.  If
 * they take too long it does no harm to signal now.
 */
static void
await_blocked(struct vk_sync *sync, struct kill_cell *cells, unsigned count,
              uint64_t target)
{
   for (unsigned i = 0; i < 100; i++) {
      unsigned waiting = 0;

      for (unsigned j = 0; j < count; j++)
         waiting += vk_sync_win32_load64(&cells[j].waiting) == target;
      if (waiting == count && unit_armed(sync) >= count)
         return;
      Sleep(1);
   }
}

static void
signal_in_journal(struct vk_sync *sync, uint64_t value,
                  struct kill_journal *journal)
{
   const bool timeline = sync->flags & VK_SYNC_IS_TIMELINE;

   vk_sync_win32_store32(&journal->rings, 0);
   vk_sync_win32_store64(&journal->published_ns, os_time_get_nano());
   vk_sync_win32_store64(&journal->begun, value);
   signalling = journal;

   begin_steps(sync, timeline ? value : VK_SYNC_WIN32_TARGET_TICKET(value),
               &journal->published_ns);
   const VkResult result =
      vk_sync_signal(victim.device, sync, timeline ? value : 0);
   step_end();
   signalling = NULL;

   REQUIRE_OK(result);
   vk_sync_win32_store64(&journal->done, value);
}

static void
signal_timeline(void)
{
   struct kill_lane *lane = victim.lane;
   struct vk_sync *sync = victim.up;
   const uint64_t value = peer_word(sync) + 1;

   await_blocked(sync, lane->timeline_cells, KILL_SURVIVORS, value);
   signal_in_journal(sync, value, &lane->timeline);
}

static void
signal_binary(void)
{
   struct kill_lane *lane = victim.lane;
   struct vk_sync *sync = victim.up_binary;
   const uint64_t ticket = peer_signals(sync) + 1;

   while (vk_sync_win32_load64(&lane->binary_cell.waiting) != ticket)
      Sleep(1);
   await_blocked(sync, &lane->binary_cell, 1, ticket);
   signal_in_journal(sync, ticket, &lane->binary);
}

static void
wait_stepped(struct vk_sync *sync, uint64_t value)
{
   begin_steps(NULL, 0, NULL);
   const VkResult result = unit_wait(victim.device, sync, value, UINT64_MAX);
   step_end();
   REQUIRE_OK(result);
}

/* The parent signals all the time, and this waits for the next. */
static void
wait_for_parent(void)
{
   const uint64_t value = peer_word(victim.down) + 1;

   wait_stepped(victim.down, value);
   REQUIRE(peer_word(victim.down) >= value);
}

static void
take_ticket_and_wait(void)
{
   struct kill_journal *journal = &victim.lane->tickets;
   struct vk_sync *pending = unit_sync(victim.device, 0, 0);

   vk_sync_win32_store64(&journal->begun, journal->begun + 1);
   begin_steps(NULL, 0, NULL);
   const VkResult result =
      vk_sync_move(victim.device, pending, victim.down_binary);
   step_end();
   REQUIRE_OK(result);
   vk_sync_win32_store64(&journal->done, journal->done + 1);

   wait_stepped(pending, 0);
   vk_sync_win32_store64(&victim.lane->tickets_seen, journal->done);
   unit_sync_destroy(victim.device, pending);
}

static void
claim_and_drop(void)
{
   struct vk_sync **claim = &victim.payloads.syncs[KILL_CLAIM];

   vk_sync_destroy(victim.device, *claim);
   *claim = kill_open_one(&victim.run, victim.device, KILL_CLAIM);

   begin_steps(*claim, 0, NULL);
   const VkResult result = unit_wait(victim.device, *claim, 1, 200 * 1000);
   step_end();
   REQUIRE_RESULT(result, VK_TIMEOUT);
}

typedef void (*operation)(void);

static const operation operations[SCENE_COUNT] = {
   [SCENE_TIMELINE] = signal_timeline,
   [SCENE_BINARY] = signal_binary,
   [SCENE_WAIT] = wait_for_parent,
   [SCENE_TICKET] = take_ticket_and_wait,
   [SCENE_CLAIM] = claim_and_drop,
   [SCENE_ALL] = signal_timeline,
};

static void
repeat(void *data)
{
   const operation *operation = data;

   for (;;)
      (*operation)();
}

/* Owns a slot, armed, to the end of its life */
static void
wait_at_gate(UNUSED void *data)
{
   const struct vk_sync_wait waits[] = {
      { .sync = victim.payloads.syncs[KILL_GATE], .wait_value = KILL_FINAL },
      { .sync = victim.down, .wait_value = KILL_FINAL },
   };

   REQUIRE_OK(vk_sync_wait_many(victim.device, TEST_COUNT(waits), waits,
                                VK_SYNC_WAIT_ANY, UINT64_MAX));
   test_fail(true, __FILE__, __LINE__, "the gate was left");
}

/* Steps are for one thread: those here have none to take. */
static void
wait_beside(UNUSED void *data)
{
   for (;;) {
      const uint64_t value = peer_word(victim.down) + 1;

      REQUIRE_OK(unit_wait(victim.device, victim.down, value, UINT64_MAX));
      REQUIRE(peer_word(victim.down) >= value);
   }
}

static void
start_threads(void)
{
   const struct kill_plan *plan = &victim.lane->plan;

   if (plan->threads == 0)
      return;

   test_thread_start(wait_at_gate, NULL);
   for (uint32_t i = 1; i < plan->threads; i++)
      test_thread_start(wait_beside, NULL);

   for (unsigned i = 0; i < 2000; i++) {
      const uint32_t slot = peer_find_slot(victim.payloads.syncs[KILL_GATE], 0,
                                           GetCurrentProcessId());
      vk_sync_win32_store32(&victim.lane->gate_slot, slot);
      if (slot != VK_SYNC_WIN32_NO_SLOT)
         break;
      Sleep(1);
   }

   if (plan->scene == SCENE_ALL) {
      test_thread_start(repeat, (void *)&operations[SCENE_BINARY]);
      test_thread_start(repeat, (void *)&operations[SCENE_TICKET]);
      test_thread_start(repeat, (void *)&operations[SCENE_CLAIM]);
   }
}

int
kill_victim_main(int argc, char **argv)
{
   victim.run = peer_run_open(argc, argv, sizeof(struct kill_board));

   struct kill_board *board = victim.run.board;
   const uint32_t lane = (uint32_t)strtoul(argv[1], NULL, 10);
   victim.lane = &board->lanes[lane];
   vk_sync_win32_store32(&victim.lane->stage, STAGE_STARTED);

   const struct kill_plan *plan = &victim.lane->plan;
   victim.calls_left = (int32_t)plan->count;
   victim.steps_left = plan->count;

   victim.device = unit_device();
   hook_install();
   hook.before = before_call;
   hook.after = after_call;
   step_install();
   kill_payloads_open(&victim.payloads, peer_open, &victim.run,
                      victim.device, lane);
   victim.up = victim.payloads.syncs[KILL_UP + lane];
   victim.up_binary = victim.payloads.syncs[KILL_UP_BINARY + lane];
   victim.down = victim.payloads.syncs[KILL_DOWN + lane];
   victim.down_binary = victim.payloads.syncs[KILL_DOWN_BINARY + lane];

   start_threads();
   vk_sync_win32_store32(&victim.lane->stage, STAGE_READY);
   repeat((void *)&operations[plan->scene]);
   return 0;
}

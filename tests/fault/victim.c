/* SPDX-License-Identifier: MIT */

/* A process that does what its plan says until it is dead. */
#include "fault.h"

#include <stdlib.h>

#include "c11/threads.h"
#include "util/macros.h"
#include "util/os_time.h"

static struct {
   struct peer_run run;
   struct vk_device *device;
   struct fault_lane *lane;
   struct fault_payloads payloads;
   uint32_t index;

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
static thread_local struct fault_journal *signalling;

static void
count_call(enum hook_call call, bool after)
{
   const struct fault_plan *plan = &victim.lane->plan;

   if (call == HOOK_RING && after && signalling != NULL)
      signalling->rings++;
   if (plan->trigger == TRIGGER_CALL && plan->call == call &&
       after == (plan->after_call != 0) &&
       p_atomic_dec_return(&victim.calls_left) < 0)
      step_die(FAULT_KILLED);
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
   const enum fault_trigger trigger = victim.lane->plan.trigger;

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
      step_die(FAULT_KILLED);
}

/* Step only where the plan wants it: it costs a lot. */
static void
begin_steps(struct vk_sync *sync, uint64_t target, uint64_t *published_ns)
{
   const enum fault_trigger trigger = victim.lane->plan.trigger;
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
await_blocked(struct vk_sync *sync, struct fault_cell *cells, unsigned count,
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
                  struct fault_journal *journal)
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

   REQUIRE(result == VK_SUCCESS);
   vk_sync_win32_store64(&journal->done, value);
}

static void
signal_timeline(void)
{
   struct fault_lane *lane = victim.lane;
   struct vk_sync *sync = victim.payloads.up[victim.index];
   const uint64_t value = peer_word(sync) + 1;

   await_blocked(sync, lane->timeline_cells, FAULT_SURVIVORS, value);
   signal_in_journal(sync, value, &lane->timeline);
}

static void
signal_binary(void)
{
   struct fault_lane *lane = victim.lane;
   struct vk_sync *sync = victim.payloads.up_binary[victim.index];
   const uint64_t ticket = peer_signals(sync) + 1;

   while (vk_sync_win32_load64(&lane->binary_cell.waiting) != ticket)
      Sleep(1);
   await_blocked(sync, &lane->binary_cell, 1, ticket);
   signal_in_journal(sync, ticket, &lane->binary);
}

/* The parent signals all the time, and this waits for the next. */
static void
wait_for_parent(void)
{
   struct vk_sync *sync = victim.payloads.down[victim.index];
   const uint64_t value = peer_word(sync) + 1;

   begin_steps(NULL, 0, NULL);
   const VkResult result = vk_sync_wait(victim.device, sync, value,
                                        VK_SYNC_WAIT_COMPLETE, UINT64_MAX);
   step_end();

   REQUIRE(result == VK_SUCCESS);
   REQUIRE(peer_word(sync) >= value);
}

static void
take_ticket_and_wait(void)
{
   struct fault_journal *journal = &victim.lane->tickets;
   struct vk_sync *sync = victim.payloads.down_binary[victim.index];
   struct vk_sync *pending;

   REQUIRE(vk_sync_create(victim.device, &vk_sync_win32_type, 0, 0,
                          &pending) == VK_SUCCESS);
   vk_sync_win32_store64(&journal->begun, journal->begun + 1);
   begin_steps(NULL, 0, NULL);
   VkResult result = vk_sync_move(victim.device, pending, sync);
   step_end();
   REQUIRE(result == VK_SUCCESS);
   vk_sync_win32_store64(&journal->done, journal->done + 1);

   begin_steps(NULL, 0, NULL);
   result = vk_sync_wait(victim.device, pending, 0, VK_SYNC_WAIT_COMPLETE,
                         UINT64_MAX);
   step_end();

   REQUIRE(result == VK_SUCCESS);
   vk_sync_win32_store64(&victim.lane->tickets_seen, journal->done);
   vk_sync_destroy(victim.device, pending);
}

static void
claim_and_drop(void)
{
   vk_sync_destroy(victim.device, victim.payloads.claim);
   victim.payloads.claim = peer_open(&victim.run, victim.device,
                                     VK_SYNC_WIN32_KIND_TIMELINE, "claim0");

   begin_steps(victim.payloads.claim, 0, NULL);
   const VkResult result =
      vk_sync_wait(victim.device, victim.payloads.claim, 1,
                   VK_SYNC_WAIT_COMPLETE,
                   os_time_get_absolute_timeout(200 * 1000));
   step_end();
   REQUIRE(result == VK_TIMEOUT);
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
wait_at_gate(void *data)
{
   const struct vk_sync_wait waits[] = {
      { .sync = victim.payloads.gate, .wait_value = FAULT_FAR },
      { .sync = victim.payloads.down[victim.index],
        .wait_value = FAULT_FAR },
   };

   (void)data;
   VkResult result = vk_sync_wait_many(victim.device, TEST_COUNT(waits), waits,
                                       VK_SYNC_WAIT_ANY, UINT64_MAX);
   REQUIRE(result == VK_SUCCESS);
   test_fail(true, __FILE__, __LINE__, "the gate was left");
}

/* Steps are for one thread: those here have none to take. */
static void
wait_beside(void *data)
{
   struct vk_sync *sync = victim.payloads.down[victim.index];

   (void)data;
   for (;;) {
      const uint64_t value = peer_word(sync) + 1;
      REQUIRE(vk_sync_wait(victim.device, sync, value, VK_SYNC_WAIT_COMPLETE,
                           UINT64_MAX) == VK_SUCCESS);
      REQUIRE(peer_word(sync) >= value);
   }
}

static void
start_threads(void)
{
   const struct fault_plan *plan = &victim.lane->plan;

   if (plan->threads == 0)
      return;

   test_thread_start(wait_at_gate, NULL);
   for (uint32_t i = 1; i < plan->threads; i++)
      test_thread_start(wait_beside, NULL);

   for (unsigned i = 0; i < 2000; i++) {
      const uint32_t slot = peer_find_slot(victim.payloads.gate, 0,
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

static void
reach(enum fault_stage stage)
{
   vk_sync_win32_store32(&victim.lane->stage, stage);
}

int
fault_victim_main(int argc, char **argv)
{
   victim.run = peer_run_open(argc, argv, sizeof(struct fault_board));
   REQUIRE(argc >= 2);
   victim.index = (uint32_t)strtoul(argv[1], NULL, 10);
   REQUIRE(victim.index < FAULT_LANES);

   struct fault_board *board = victim.run.board;
   victim.lane = &board->lanes[victim.index];
   reach(STAGE_MAIN);

   const struct fault_plan *plan = &victim.lane->plan;
   victim.calls_left = (int32_t)plan->count;
   victim.steps_left = plan->count;

   victim.device = unit_device();
   hook_install();
   hook.before = before_call;
   hook.after = after_call;
   step_install();
   reach(STAGE_DEVICE);
   fault_payloads_open(&victim.payloads, &victim.run, victim.device,
                       victim.index, false);
   reach(STAGE_PAYLOADS);

   start_threads();
   reach(STAGE_READY);
   repeat((void *)&operations[plan->scene]);
   return 0;
}

/* SPDX-License-Identifier: MIT */

/* A process that is always blocked on what the victims signal, and notes when
 * it came back.
 */
#include "kill.h"

#include <stdlib.h>

#include "util/os_time.h"
#include "vk_sync_win32_bell.h"

static struct {
   struct kill_board *board;
   struct vk_device *device;
   struct kill_payloads payloads;
   struct vk_sync *gate;
   uint32_t index;
} survivor;

static uint64_t
begin_wait(struct kill_cell *cell, uint64_t target)
{
   const uint64_t now_ns = os_time_get_nano();

   vk_sync_win32_store64(&cell->waiting, target);
   return now_ns;
}

static void
end_wait(struct kill_cell *cell, uint64_t target, uint64_t since_ns)
{
   vk_sync_win32_store64(&cell->woken_ns, os_time_get_nano());
   vk_sync_win32_store64(&cell->since_ns, since_ns);
   vk_sync_win32_store64(&cell->reached, target);
}

static void
end_thread(void)
{
   p_atomic_dec(&survivor.board->survivors[survivor.index].threads);
}

static void
wait_for_timeline(void *data)
{
   const uint32_t lane = (uint32_t)(uintptr_t)data;
   struct kill_cell *cell =
      &survivor.board->lanes[lane].timeline_cells[survivor.index];
   struct vk_sync *sync = survivor.payloads.syncs[KILL_UP + lane];
   uint64_t value = peer_word(sync);

   while (value < KILL_FINAL) {
      const struct vk_sync_wait waits[] = {
         { .sync = sync, .wait_value = value + 1 },
         { .sync = survivor.gate, .wait_value = KILL_FINAL },
      };

      /* By turns alone and together with another payload */
      const uint64_t since_ns = begin_wait(cell, value + 1);
      REQUIRE_OK(vk_sync_wait_many(survivor.device,
                                   1 + (unsigned)(value & 1), waits,
                                   VK_SYNC_WAIT_ANY, UINT64_MAX));
      end_wait(cell, value + 1, since_ns);

      const uint64_t now = peer_word(sync);
      REQUIRE(now > value);
      value = now;
   }
   end_thread();
}

static void
wait_for_binary(void *data)
{
   const uint32_t lane = (uint32_t)(uintptr_t)data;
   struct kill_cell *cell = &survivor.board->lanes[lane].binary_cell;
   struct vk_sync *sync = survivor.payloads.syncs[KILL_UP_BINARY + lane];

   while (!vk_sync_win32_load32(&survivor.board->quit)) {
      struct vk_sync *pending = unit_take(survivor.device, sync);
      const uint32_t ticket = ((struct vk_sync_win32 *)pending)->ticket;

      const uint64_t since_ns = begin_wait(cell, ticket);
      REQUIRE_OK(unit_wait(survivor.device, pending, 0, UINT64_MAX));
      end_wait(cell, ticket, since_ns);

      /* Nobody else takes tickets here, so nobody else can be signalled. */
      REQUIRE_U64(peer_signals(sync), ticket);
      unit_sync_destroy(survivor.device, pending);
   }
   end_thread();
}

static void
wait_for_gate(UNUSED void *data)
{
   REQUIRE_OK(unit_wait(survivor.device, survivor.gate, KILL_FINAL,
                        UINT64_MAX));
   end_thread();
}

#define THREADS (2 * KILL_LANES + 1)

/* All that is created once in a process, and kept, such as bells for as many
 * threads as were ever blocked at once
 */
static void
warm_up(void)
{
   struct vk_sync *sync = unit_shared(survivor.device, VK_SYNC_IS_TIMELINE);
   struct unit_waiter waiters[THREADS];

   for (unsigned i = 0; i < THREADS; i++)
      unit_block(&waiters[i], survivor.device, sync, 1, UINT64_MAX);
   PEER_AWAIT(unit_armed(sync) == THREADS);

   REQUIRE_OK(vk_sync_signal(survivor.device, sync, 1));
   for (unsigned i = 0; i < THREADS; i++)
      REQUIRE_OK(unit_waiter_join(&waiters[i]));
   unit_sync_destroy(survivor.device, sync);
   vk_sync_win32_bell_forget_all();
}

/* Nobody may take a slot away from who lives: one thread never leaves. */
static bool
has_gate_slot(void)
{
   return peer_count_slots(survivor.gate, GetCurrentProcessId()) > 0;
}

static void
run_threads(void)
{
   struct test_thread *threads[THREADS];
   uint32_t *running = &survivor.board->survivors[survivor.index].threads;
   uint32_t count = 0;

   /* None may be gone before all are counted. */
   vk_sync_win32_store32(running, THREADS);
   threads[count++] = test_thread_start(wait_for_gate, NULL);
   for (uintptr_t i = 0; i < KILL_LANES; i++) {
      threads[count++] = test_thread_start(wait_for_timeline, (void *)i);
      if (i % KILL_SURVIVORS == survivor.index)
         threads[count++] = test_thread_start(wait_for_binary, (void *)i);
   }
   p_atomic_add(running, (int32_t)count - THREADS);
   PEER_AWAIT(has_gate_slot());
   vk_sync_win32_store32(&survivor.board->survivors[survivor.index].ready, 1);

   while (vk_sync_win32_load32(running) != 0) {
      REQUIRE(has_gate_slot() || peer_word(survivor.gate) == KILL_FINAL);
      if (vk_sync_win32_load32(&survivor.board->dump)) {
         kill_payloads_dump(&survivor.payloads);
         Sleep(INFINITE);
      }
      Sleep(20);
   }
   for (uint32_t i = 0; i < count; i++)
      test_thread_join(threads[i]);
}

int
kill_survivor_main(int argc, char **argv)
{
   const struct peer_run run =
      peer_run_open(argc, argv, sizeof(struct kill_board));

   survivor.board = run.board;
   survivor.index = (uint32_t)strtoul(argv[1], NULL, 10);
   survivor.device = unit_device();

   warm_up();
   survivor.board->survivors[survivor.index].before = peer_measure();
   kill_payloads_open(&survivor.payloads, peer_open, &run, survivor.device,
                      KILL_ALL_LANES);
   survivor.gate = survivor.payloads.syncs[KILL_GATE];
   run_threads();
   kill_payloads_close(&survivor.payloads, survivor.device);
   survivor.board->survivors[survivor.index].after = peer_measure();
   return 0;
}

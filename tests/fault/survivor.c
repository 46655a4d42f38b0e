/* SPDX-License-Identifier: MIT */

/* A process that is always blocked on what the victims signal, and notes when
 * it came back.
 */
#include "fault.h"

#include <stdlib.h>

#include "util/os_time.h"

#include "vk_sync_win32_bell.h"

static struct {
   struct fault_board *board;
   struct fault_survivor *self;
   struct vk_device *device;
   struct fault_payloads payloads;
   uint32_t index;
} survivor;

static uint64_t
begin_wait(struct fault_cell *cell, uint64_t target)
{
   const uint64_t now_ns = os_time_get_nano();

   vk_sync_win32_store64(&cell->waiting, target);
   return now_ns;
}

static void
end_wait(struct fault_cell *cell, uint64_t target, uint64_t since_ns)
{
   vk_sync_win32_store64(&cell->woken_ns, os_time_get_nano());
   vk_sync_win32_store64(&cell->since_ns, since_ns);
   vk_sync_win32_store64(&cell->reached, target);
}

static void
wait_for_timeline(void *data)
{
   const uint32_t lane = (uint32_t)(uintptr_t)data;
   struct fault_cell *cell =
      &survivor.board->lanes[lane].timeline_cells[survivor.index];
   struct vk_sync *sync = survivor.payloads.up[lane];
   uint64_t value = peer_word(sync);

   while (value < FAULT_FINAL) {
      const struct vk_sync_wait waits[] = {
         { .sync = sync, .wait_value = value + 1 },
         { .sync = survivor.payloads.gate, .wait_value = FAULT_FINAL },
      };

      /* By turns alone and together with another payload */
      const uint64_t since_ns = begin_wait(cell, value + 1);
      VkResult result =
         vk_sync_wait_many(survivor.device, 1 + (unsigned)(value & 1), waits,
                           VK_SYNC_WAIT_ANY, UINT64_MAX);
      REQUIRE(result == VK_SUCCESS);
      end_wait(cell, value + 1, since_ns);

      const uint64_t now = peer_word(sync);
      REQUIRE(now > value);
      value = now;
   }
   p_atomic_dec(&survivor.self->threads);
}

static void
wait_for_binary(void *data)
{
   const uint32_t lane = (uint32_t)(uintptr_t)data;
   struct fault_cell *cell = &survivor.board->lanes[lane].binary_cell;
   struct vk_sync *sync = survivor.payloads.up_binary[lane];

   while (!vk_sync_win32_load32(&survivor.board->quit)) {
      struct vk_sync *pending;

      REQUIRE(vk_sync_create(survivor.device, &vk_sync_win32_type, 0, 0,
                             &pending) == VK_SUCCESS);
      REQUIRE(vk_sync_move(survivor.device, pending, sync) == VK_SUCCESS);

      const uint32_t ticket = ((struct vk_sync_win32 *)pending)->ticket;
      const uint64_t since_ns = begin_wait(cell, ticket);
      REQUIRE(vk_sync_wait(survivor.device, pending, 0, VK_SYNC_WAIT_COMPLETE,
                           UINT64_MAX) == VK_SUCCESS);
      end_wait(cell, ticket, since_ns);

      /* Nobody else takes tickets here, so nobody else can be signalled. */
      REQUIRE_U64(peer_signals(sync), ticket);
      vk_sync_destroy(survivor.device, pending);
   }
   p_atomic_dec(&survivor.self->threads);
}

static void
wait_for_gate(void *data)
{
   (void)data;
   REQUIRE(vk_sync_wait(survivor.device, survivor.payloads.gate, FAULT_FINAL,
                        VK_SYNC_WAIT_COMPLETE, UINT64_MAX) == VK_SUCCESS);
   p_atomic_dec(&survivor.self->threads);
}

/* Nobody may take a slot away from who lives: one thread never leaves. */
static void
check_slots(void)
{
   if (peer_word(survivor.payloads.gate) < FAULT_FINAL)
      REQUIRE(peer_count_slots(survivor.payloads.gate,
                               GetCurrentProcessId()) > 0 ||
              peer_word(survivor.payloads.gate) == FAULT_FINAL);
}

#define THREADS (2 * FAULT_LANES + 1)

static void
wait_for_warm_up(void *sync)
{
   REQUIRE(vk_sync_wait(survivor.device, sync, 1, VK_SYNC_WAIT_COMPLETE,
                        UINT64_MAX) == VK_SUCCESS);
}

/* All that is created once in a process, and kept, such as bells for as many
 * threads as were ever blocked at once
 */
static void
warm_up(const struct peer_run *run)
{
   struct test_thread *threads[THREADS];
   char name[24];

   snprintf(name, sizeof(name), "warm-up%u", survivor.index);
   struct vk_sync *sync = peer_share(run, survivor.device,
                                     VK_SYNC_WIN32_KIND_TIMELINE, name);
   for (unsigned i = 0; i < THREADS; i++)
      threads[i] = test_thread_start(wait_for_warm_up, sync);
   PEER_AWAIT(unit_armed(sync) == THREADS, 20);

   REQUIRE(vk_sync_signal(survivor.device, sync, 1) == VK_SUCCESS);
   for (unsigned i = 0; i < THREADS; i++)
      test_thread_join(threads[i]);
   vk_sync_destroy(survivor.device, sync);
   vk_sync_win32_bell_forget_all();
}

static void
run_threads(void)
{
   struct test_thread *threads[THREADS];
   uint32_t count = 0;

   /* None may be gone before all are counted. */
   vk_sync_win32_store32(&survivor.self->threads, TEST_COUNT(threads));
   threads[count++] = test_thread_start(wait_for_gate, NULL);
   for (uintptr_t i = 0; i < FAULT_LANES; i++) {
      threads[count++] = test_thread_start(wait_for_timeline, (void *)i);
      if (i % FAULT_SURVIVORS == survivor.index)
         threads[count++] = test_thread_start(wait_for_binary, (void *)i);
   }
   p_atomic_add(&survivor.self->threads,
                (int32_t)count - (int32_t)TEST_COUNT(threads));
   PEER_AWAIT(peer_count_slots(survivor.payloads.gate,
                               GetCurrentProcessId()) > 0, 20);
   vk_sync_win32_store32(&survivor.self->ready, 1);

   while (vk_sync_win32_load32(&survivor.self->threads) != 0) {
      check_slots();
      if (vk_sync_win32_load32(&survivor.board->dump)) {
         fault_payloads_dump(&survivor.payloads);
         Sleep(INFINITE);
      }
      Sleep(20);
   }
   for (uint32_t i = 0; i < count; i++)
      test_thread_join(threads[i]);
}

int
fault_survivor_main(int argc, char **argv)
{
   const struct peer_run run =
      peer_run_open(argc, argv, sizeof(struct fault_board));
   REQUIRE(argc >= 2);

   survivor.board = run.board;
   survivor.index = (uint32_t)strtoul(argv[1], NULL, 10);
   REQUIRE(survivor.index < FAULT_SURVIVORS);
   survivor.self = &survivor.board->survivors[survivor.index];
   survivor.device = unit_device();

   warm_up(&run);
   survivor.self->before = peer_measure();
   fault_payloads_open(&survivor.payloads, &run, survivor.device,
                       FAULT_ALL_LANES, false);
   run_threads();
   fault_payloads_close(&survivor.payloads, survivor.device);
   survivor.self->after = peer_measure();
   return 0;
}

/* A process that comes when many have died.  It must get a slot and be rung;
 * there is no looking again that would make up for it.
 */
static struct {
   struct fault_probe *board;
   struct vk_sync *gate;
} probe;

static void
note_slot(enum hook_call call)
{
   if (call == HOOK_BELL_WAIT)
      probe.board->slot = peer_find_slot(probe.gate, 0, GetCurrentProcessId());
}

int
fault_probe_main(int argc, char **argv)
{
   const struct peer_run run =
      peer_run_open(argc, argv, sizeof(struct fault_board));
   struct vk_device *device = unit_device();

   probe.board = &((struct fault_board *)run.board)->probe;
   probe.board->slot = VK_SYNC_WIN32_NO_SLOT;
   probe.gate = peer_open(&run, device, VK_SYNC_WIN32_KIND_TIMELINE, "gate0");
   hook_install();
   hook.no_look = true;
   hook.before = note_slot;

   const uint64_t first = peer_word(probe.gate);
   for (uint64_t value = first + 1; value <= first + 20; value++) {
      vk_sync_win32_store64(&probe.board->waiting, value);
      REQUIRE(vk_sync_wait(device, probe.gate, value, VK_SYNC_WAIT_COMPLETE,
                           UINT64_MAX) == VK_SUCCESS);
      REQUIRE_U64(peer_word(probe.gate), value);
   }
   probe.board->polls = hook.polls;
   vk_sync_win32_store64(&probe.board->waiting, UINT64_MAX);
   vk_sync_destroy(device, probe.gate);
   return 0;
}

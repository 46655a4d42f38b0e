/* SPDX-License-Identifier: MIT */

/* A process that is always blocked on what the victims signal, and notes when
 * it came back.
 */
#include "fault.h"

#include <stdlib.h>

#include "util/os_time.h"

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

/* Nobody may take a slot away from who lives. */
static void
check_slot(struct vk_sync *sync)
{
   struct vk_sync_win32_section *section = peer_section(sync);
   const uint32_t slot = vk_sync_win32_load32(&section->slot);

   if (slot != VK_SYNC_WIN32_NO_SLOT)
      REQUIRE_U64(vk_sync_win32_load64(&section->layout->slots[slot].owner) >>
                  32, GetCurrentProcessId());
}

static void
check_slots(void)
{
   check_slot(survivor.payloads.gate);
   for (uint32_t i = 0; i < FAULT_LANES; i++) {
      check_slot(survivor.payloads.up[i]);
      check_slot(survivor.payloads.up_binary[i]);
   }
}

/* All that is created once in a process, and kept */
static void
warm_up(const struct peer_run *run)
{
   char name[24];

   snprintf(name, sizeof(name), "warm-up%u", survivor.index);
   struct vk_sync *sync = peer_share(run, survivor.device,
                                     VK_SYNC_IS_TIMELINE, name);
   REQUIRE(vk_sync_wait(survivor.device, sync, 1, VK_SYNC_WAIT_COMPLETE,
                        os_time_get_absolute_timeout(FAULT_MS)) ==
           VK_TIMEOUT);
   vk_sync_destroy(survivor.device, sync);
}

static void
run_threads(void)
{
   struct test_thread *threads[2 * FAULT_LANES + 1];
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
int
fault_probe_main(int argc, char **argv)
{
   const struct peer_run run =
      peer_run_open(argc, argv, sizeof(struct fault_board));
   struct fault_probe *probe = &((struct fault_board *)run.board)->probe;
   struct vk_device *device = unit_device();

   hook_install();
   hook.no_recheck = true;
   struct vk_sync *sync = peer_open(&run, device, VK_SYNC_IS_TIMELINE,
                                    "gate0");
   const uint64_t first = peer_word(sync);

   /* From when it has a slot; it may have to look for a dead one's. */
   for (uint64_t value = first + 1, rung = 0; rung < 20; value++) {
      REQUIRE(value < first + 2000);
      vk_sync_win32_store64(&probe->waiting, value);
      REQUIRE(vk_sync_wait(device, sync, value, VK_SYNC_WAIT_COMPLETE,
                           UINT64_MAX) == VK_SUCCESS);
      REQUIRE_U64(peer_word(sync), value);
      probe->slot = peer_section(sync)->slot;
      if (rung == 0)
         probe->early_polls = hook.polls;
      rung += probe->slot != VK_SYNC_WIN32_NO_SLOT;
   }
   vk_sync_win32_store64(&probe->waiting, UINT64_MAX);
   probe->late_polls = hook.polls - probe->early_polls;
   vk_sync_destroy(device, sync);
   return 0;
}

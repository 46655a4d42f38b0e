/* SPDX-License-Identifier: MIT */

/* A waiter whom its peers cannot ring: it has to look by itself, which takes
 * longer and costs something.  Each case prints how much.
 */
#include "fault.h"

#include <stdlib.h>
#include <string.h>

#include "util/os_time.h"

#include "vk_sync_win32_shared_wait.h"

/* How long a wait may take: the bound while nobody has noticed yet, with a
 * generous factor for machines that are busy.  That waits are short from then
 * on is told by the time-outs asked for instead.
 */
#define LATENCY_LIMIT_MS (50 * (VK_SYNC_WIN32_RECHECK_NS / 1e6))

#define PATIENCE_MS 20000
#define ROUNDS 200
#define PAUSES 5
#define PAUSE_MS 400

struct degraded_board {
   struct fault_cell cell;
   uint32_t slot;
   /* Waits for the doorbell; those at the shorter bound */
   uint32_t looks;
   uint32_t polls;
   /* CPU time used so far */
   uint64_t cpu_us;
   /* What a wait takes that times out at once */
   uint32_t entry_us;
};

struct figures {
   double first_ms, median_ms, late_ms, max_ms;
   /* While it is blocked for long */
   double cpu_percent;
   double looks_per_s;
   /* Of all waits for the doorbell but the first */
   double polls_percent;
};

struct degraded {
   struct peer_run peers;
   struct degraded_board *board;
   struct vk_device *device;
   struct vk_sync *sync;
   struct vk_sync_win32_layout *layout;
   struct peer *waiter;
   double latencies_ms[ROUNDS];
};

/* The waiter ---------------------------------------------------------------- */

static void
measure_entry(struct degraded_board *board, struct vk_device *device,
              struct vk_sync *sync)
{
   enum { TIMES = 50 };
   const double start_ms = test_now_ms();

   for (unsigned i = 0; i < TIMES; i++)
      REQUIRE(vk_sync_wait(device, sync, FAULT_FINAL, VK_SYNC_WAIT_COMPLETE,
                           os_time_get_absolute_timeout(1000)) == VK_TIMEOUT);
   board->entry_us = (uint32_t)((test_now_ms() - start_ms) * 1000 / TIMES);
   hook.calls[HOOK_DOORBELL_WAIT] = hook.polls = 0;
}

int
fault_degraded_main(int argc, char **argv)
{
   const struct peer_run run =
      peer_run_open(argc, argv, sizeof(struct degraded_board));
   struct degraded_board *board = run.board;
   struct fault_cell *cell = &board->cell;
   struct vk_device *device = unit_device();

   hook_install();
   struct vk_sync *sync = peer_open(&run, device, VK_SYNC_IS_TIMELINE, "word");
   measure_entry(board, device, sync);

   uint64_t value;
   while ((value = peer_word(sync)) < FAULT_FINAL) {
      vk_sync_win32_store64(&cell->since_ns, os_time_get_nano());
      vk_sync_win32_store64(&cell->waiting, value + 1);
      REQUIRE(vk_sync_wait(device, sync, value + 1, VK_SYNC_WAIT_COMPLETE,
                           UINT64_MAX) == VK_SUCCESS);
      vk_sync_win32_store64(&cell->woken_ns, os_time_get_nano());

      REQUIRE(peer_word(sync) > value);
      vk_sync_win32_store32(&board->slot, peer_section(sync)->slot);
      vk_sync_win32_store32(&board->looks, hook.calls[HOOK_DOORBELL_WAIT]);
      vk_sync_win32_store32(&board->polls, hook.polls);
      vk_sync_win32_store64(&board->cpu_us, peer_cpu_us());
      vk_sync_win32_store64(&cell->reached, value + 1);
   }
   return 0;
}

/* A process that has a slot, and keeps it */
int
fault_holder_main(int argc, char **argv)
{
   const struct peer_run run =
      peer_run_open(argc, argv, sizeof(struct degraded_board));
   struct vk_device *device = unit_device();
   struct vk_sync *sync = peer_open(&run, device, VK_SYNC_IS_TIMELINE, "word");

   (void)!vk_sync_wait(device, sync, 2 * FAULT_FINAL, VK_SYNC_WAIT_COMPLETE,
                       UINT64_MAX);
   return 0;
}

/* The parent ---------------------------------------------------------------- */

static struct degraded *
set_up(void)
{
   struct degraded *d = calloc(1, sizeof(*d));

   REQUIRE(d != NULL);
   test_defer(free, d);
   d->peers = peer_run_create(sizeof(struct degraded_board));
   d->board = d->peers.board;
   d->board->slot = VK_SYNC_WIN32_NO_SLOT;
   d->device = unit_device();
   d->sync = peer_share(&d->peers, d->device, VK_SYNC_IS_TIMELINE, "word");
   d->layout = peer_section(d->sync)->layout;
   return d;
}

static void
start_waiter(struct degraded *d)
{
   d->board->cell = (struct fault_cell) {0};
   d->waiter = peer_start(&d->peers, "degraded", 0);
}

static void
give_up(struct degraded *d, const char *why)
{
   peer_dump("word", d->sync);
   test_fail(true, __FILE__, __LINE__, "%s", why);
}

static void
await(struct degraded *d, uint64_t *cell, uint64_t value, const char *why)
{
   const double start_ms = test_now_ms();
   DWORD status;

   while (vk_sync_win32_load64(cell) != value) {
      if (test_now_ms() > start_ms + PATIENCE_MS)
         give_up(d, why);
      if (peer_ended(d->waiter, 0, &status))
         give_up(d, "the waiter has ended");
      Sleep(0);
   }
}

/* Signals once the waiter is blocked; returns how late it came back. */
static double
signal_once(struct degraded *d, unsigned pause_ms)
{
   struct fault_cell *cell = &d->board->cell;
   const uint64_t value = peer_word(d->sync) + 1;

   await(d, &cell->waiting, value, "the waiter does not wait");
   Sleep(pause_ms);
   const uint64_t start_ns = os_time_get_nano();
   REQUIRE(vk_sync_signal(d->device, d->sync, value) == VK_SUCCESS);
   await(d, &cell->reached, value, "the waiter was not woken");

   return cell->woken_ns > start_ns ? (cell->woken_ns - start_ns) / 1e6 : 0;
}

static int
compare_doubles(const void *a, const void *b)
{
   const double x = *(const double *)a, y = *(const double *)b;
   return (x > y) - (x < y);
}

static struct figures
measure(struct degraded *d)
{
   struct figures figures = { .first_ms = signal_once(d, 20) };
   const uint32_t first_looks = d->board->looks, polls = d->board->polls;

   for (unsigned i = 0; i < ROUNDS; i++)
      d->latencies_ms[i] = signal_once(d, 1 + test_random_below(7));
   qsort(d->latencies_ms, ROUNDS, sizeof(double), compare_doubles);
   figures.median_ms = d->latencies_ms[ROUNDS / 2];
   figures.late_ms = d->latencies_ms[ROUNDS * 99 / 100];
   figures.max_ms = d->latencies_ms[ROUNDS - 1];

   /* Blocked for long, but not for so long that it stops polling */
   const uint32_t looks = d->board->looks;
   const double start_ms = test_now_ms();
   const uint64_t cpu_us = d->board->cpu_us;
   for (unsigned i = 0; i < PAUSES; i++)
      signal_once(d, PAUSE_MS);
   const double ms = test_now_ms() - start_ms;
   figures.cpu_percent = (d->board->cpu_us - cpu_us) / 10.0 / ms;
   figures.looks_per_s = 1000 * (d->board->looks - looks) / ms;
   figures.polls_percent = 100.0 * (d->board->polls - polls) /
                           (d->board->looks - first_looks);
   return figures;
}

static void
report(const char *what, const struct degraded *d,
       const struct figures *figures)
{
   test_diag("%s: wakes after %.2f ms (median), %.2f ms (99 %%), %.2f ms "
             "(most), %.2f ms for the first; blocked, it looks %.0f times a "
             "second, using %.1f %% of a CPU; a wait with a time-out "
             "of 1 us takes %u us", what, figures->median_ms, figures->late_ms,
             figures->max_ms, figures->first_ms, figures->looks_per_s,
             figures->cpu_percent, d->board->entry_us);
}

static void
check_bounds(const struct figures *figures, bool degraded)
{
   EXPECT(figures->first_ms < LATENCY_LIMIT_MS);
   EXPECT(figures->max_ms < LATENCY_LIMIT_MS);
   EXPECT(figures->looks_per_s < 2 * 1e9 / VK_SYNC_WIN32_POLL_NS);
   EXPECT(figures->cpu_percent < 50);
   if (degraded)
      EXPECT(figures->polls_percent > 90);
   else
      EXPECT(figures->polls_percent == 0);
}

static void
finish_waiter(struct degraded *d)
{
   DWORD status = 1;

   REQUIRE(vk_sync_signal(d->device, d->sync, FAULT_FINAL) == VK_SUCCESS);
   EXPECT(peer_ended(d->waiter, PATIENCE_MS, &status));
   EXPECT_U64(status, 0);
   peer_release(d->waiter);
   vk_sync_destroy(d->device, d->sync);
}

static struct vk_sync_win32_slot *
await_slot(struct degraded *d)
{
   const double start_ms = test_now_ms();

   while (test_now_ms() < start_ms + PATIENCE_MS) {
      for (unsigned i = 0; i < VK_SYNC_WIN32_SECTION_SLOTS; i++) {
         struct vk_sync_win32_slot *slot = &d->layout->slots[i];
         if (vk_sync_win32_load64(&slot->owner) >> 32 == d->waiter->id &&
             vk_sync_win32_load64(&d->board->cell.waiting) == 1 &&
             (vk_sync_win32_load64(&d->layout->armed) >> i & 1))
            return slot;
      }
      Sleep(1);
   }
   give_up(d, "the waiter takes no slot");
   return NULL;
}

static void
not_degraded(intptr_t arg)
{
   struct degraded *d = set_up();

   (void)arg;
   start_waiter(d);
   await_slot(d);
   const struct figures figures = measure(d);
   report("rung", d, &figures);
   check_bounds(&figures, false);
   finish_waiter(d);
}

static HANDLE
open_doorbell(struct vk_sync_win32_slot *slot, DWORD access)
{
   static const char *const spaces[] = { "Global", "Local" };
   const uint64_t high = vk_sync_win32_load64(&slot->doorbell.bits[0]);
   const uint64_t low = vk_sync_win32_load64(&slot->doorbell.bits[1]);
   HANDLE event = NULL;

   for (unsigned i = 0; i < TEST_COUNT(spaces) && event == NULL; i++) {
      char name[64];

      snprintf(name, sizeof(name), "%s\\MesaVkSync-%08x%08x%08x%08x",
               spaces[i], (uint32_t)(high >> 32), (uint32_t)high,
               (uint32_t)(low >> 32), (uint32_t)low);
      event = OpenEventA(access, FALSE, name);
      if (event == NULL && GetLastError() == ERROR_ACCESS_DENIED)
         break;
   }
   return event;
}

/* The owner of an object may always change who else may do what. */
static void
set_doorbell_access(struct vk_sync_win32_slot *slot, DWORD access)
{
   static SID everyone = {
      SID_REVISION, 1, { SECURITY_WORLD_SID_AUTHORITY },
      { SECURITY_WORLD_RID },
   };
   HANDLE event = open_doorbell(slot, WRITE_DAC);
   SECURITY_DESCRIPTOR descriptor;
   union {
      ACL acl;
      DWORD space[32];
   } list;

   REQUIRE(event != NULL);
   REQUIRE(InitializeSecurityDescriptor(&descriptor,
                                        SECURITY_DESCRIPTOR_REVISION));
   REQUIRE(InitializeAcl(&list.acl, sizeof(list), ACL_REVISION));
   if (access != 0)
      REQUIRE(AddAccessAllowedAce(&list.acl, ACL_REVISION, access, &everyone));
   REQUIRE(SetSecurityDescriptorDacl(&descriptor, TRUE, &list.acl, FALSE));
   REQUIRE(SetKernelObjectSecurity(event, DACL_SECURITY_INFORMATION,
                                   &descriptor));
   CloseHandle(event);
}

/* Once it can be rung again, it is, and stops to poll. */
static void
expect_recovery(struct degraded *d)
{
   const double start_ms = test_now_ms();
   uint32_t polls, before;

   do {
      before = d->board->polls;
      for (unsigned i = 0; i < 10; i++)
         signal_once(d, 20);
      polls = d->board->polls;
   } while (polls != before && test_now_ms() < start_ms + PATIENCE_MS);
   EXPECT_U64(polls, before);
   test_diag("can be rung again: stops to poll within %.1f s",
             (test_now_ms() - start_ms) / 1000);
}

static void
degraded_by_dacl(intptr_t arg)
{
   struct degraded *d = set_up();

   (void)arg;
   start_waiter(d);
   struct vk_sync_win32_slot *slot = await_slot(d);
   set_doorbell_access(slot, 0);
   REQUIRE(open_doorbell(slot, EVENT_MODIFY_STATE) == NULL);
   REQUIRE_U64(GetLastError(), ERROR_ACCESS_DENIED);

   const struct figures figures = measure(d);
   report("doorbell with a DACL that lets nobody in", d, &figures);
   check_bounds(&figures, true);

   set_doorbell_access(slot, EVENT_MODIFY_STATE);
   expect_recovery(d);
   finish_waiter(d);
}

/* Peers look for a doorbell that is not there, as they would if it stood in
 * an AppContainer's namespace.
 */
static void
degraded_by_name(intptr_t arg)
{
   struct degraded *d = set_up();

   (void)arg;
   start_waiter(d);
   struct vk_sync_win32_slot *slot = await_slot(d);
   const struct vk_sync_win32_doorbell_id id = slot->doorbell;
   slot->doorbell.bits[1] ^= 1;

   const struct figures figures = measure(d);
   report("doorbell that cannot be found", d, &figures);
   check_bounds(&figures, true);

   /* The first to fail after some silence tells the waiter only then. */
   Sleep(1500);
   test_diag("after 1.5 s of silence: %.1f ms for the first",
             signal_once(d, 0));

   slot->doorbell = id;
   expect_recovery(d);
   finish_waiter(d);
}

static void
await_all_armed(struct degraded *d)
{
   const double start_ms = test_now_ms();

   while (vk_sync_win32_load64(&d->layout->armed) != UINT64_MAX) {
      if (test_now_ms() > start_ms + PATIENCE_MS)
         give_up(d, "not all slots are taken");
      Sleep(1);
   }
}

static void
degraded_by_full_slots(intptr_t arg)
{
   struct degraded *d = set_up();
   struct peer *holders[VK_SYNC_WIN32_SECTION_SLOTS];
   const double start_ms = test_now_ms();

   (void)arg;
   for (unsigned i = 0; i < TEST_COUNT(holders); i++)
      holders[i] = peer_start(&d->peers, "holder", i);
   await_all_armed(d);
   test_diag("64 processes hold all slots after %.1f s",
             (test_now_ms() - start_ms) / 1000);

   start_waiter(d);
   const struct figures figures = measure(d);
   report("all slots taken", d, &figures);
   check_bounds(&figures, true);
   EXPECT_U64(d->board->slot, VK_SYNC_WIN32_NO_SLOT);

   /* A holder dies: its slot is the waiter's before long. */
   await(d, &d->board->cell.waiting, peer_word(d->sync) + 1,
         "the waiter does not wait");
   uint32_t freed = 0;
   while (d->layout->slots[freed].owner >> 32 != holders[17]->id)
      REQUIRE(++freed < VK_SYNC_WIN32_SECTION_SLOTS);
   peer_release(holders[17]);
   const double dead_ms = test_now_ms();
   while (d->board->slot == VK_SYNC_WIN32_NO_SLOT &&
          test_now_ms() < dead_ms + PATIENCE_MS)
      signal_once(d, 5);
   EXPECT_U64(d->board->slot, freed);
   expect_recovery(d);

   for (unsigned i = 0; i < TEST_COUNT(holders); i++) {
      if (i != 17)
         peer_release(holders[i]);
   }
   finish_waiter(d);
}

const struct test_case fault_degraded_cases[] = {
   { "degraded_not", not_degraded, 0, 120 },
   { "degraded_dacl", degraded_by_dacl, 0, 120 },
   { "degraded_name", degraded_by_name, 0, 120 },
   { "degraded_slots", degraded_by_full_slots, 0, 120 },
   { 0 },
};

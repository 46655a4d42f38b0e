/* SPDX-License-Identifier: MIT */

/* A waiter whom its peers cannot ring: it has to look by itself, which takes
 * longer and costs something.  Each case prints how much.
 */
#include "fault.h"

#include <stdlib.h>
#include <string.h>

#include "util/os_time.h"

#include "vk_sync_win32_wait.h"

/* How long a wait may take: the bound while nobody has noticed yet, with a
 * generous factor for machines that are busy.  That waits are short from then
 * on is told by the time-outs asked for instead.
 */
#define LATENCY_LIMIT_MS (5 * (VK_SYNC_WIN32_LONGEST_LOOK_NS / 1e6))

#define PATIENCE_MS 20000
#define ROUNDS 200
#define PAUSES 5
#define PAUSE_MS 400

/* What is wrong with a waiter's bell */
enum flaw {
   FLAW_NONE,
   /* A DACL that lets nobody in, for good */
   FLAW_DACL,
   /* Another name than what is written in the slot */
   FLAW_NAME,
};

struct degraded_board {
   struct fault_cell cell;
   uint32_t flaw;
   uint32_t slot;
   /* Waits for the bell; those at the shorter bound */
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
   /* Of all waits for the bell but the first */
   double polls_percent;
};

struct degraded {
   struct peer_run peers;
   struct degraded_board *board;
   struct vk_device *device;
   struct vk_sync *sync;
   struct peer *waiter;
   double latencies_ms[ROUNDS];
};

/* The waiter ---------------------------------------------------------------- */

static struct {
   struct degraded_board *board;
   struct vk_sync *sync;
} self;

/* The owner of an object may always change who else may do what, and so may
 * the handle that its creation has given.
 */
static void
lock_bell(HANDLE bell)
{
   SECURITY_DESCRIPTOR descriptor;
   ACL list;

   REQUIRE(InitializeSecurityDescriptor(&descriptor,
                                        SECURITY_DESCRIPTOR_REVISION));
   REQUIRE(InitializeAcl(&list, sizeof(list), ACL_REVISION));
   REQUIRE(SetSecurityDescriptorDacl(&descriptor, TRUE, &list, FALSE));
   REQUIRE(SetKernelObjectSecurity(bell, DACL_SECURITY_INFORMATION,
                                   &descriptor));
}

/* When it is armed and about to block; each time, since it writes the true
 * name again when it arms again
 */
static void
spoil(enum hook_call call)
{
   if (call != HOOK_BELL_WAIT)
      return;

   const uint32_t slot = peer_find_slot(self.sync, 0, GetCurrentProcessId());
   const uint32_t flaw = vk_sync_win32_load32(&self.board->flaw);

   if (flaw == FLAW_NAME && slot != VK_SYNC_WIN32_NO_SLOT)
      unit_layout(self.sync)->slots[slot].bell.bits[1] ^= 1;
   vk_sync_win32_store32(&self.board->slot, slot);
}

static void
measure_entry(struct vk_device *device)
{
   enum { TIMES = 50 };
   const double start_ms = test_now_ms();

   for (unsigned i = 0; i < TIMES; i++)
      REQUIRE(vk_sync_wait(device, self.sync, FAULT_FINAL,
                           VK_SYNC_WAIT_COMPLETE,
                           os_time_get_absolute_timeout(1000)) == VK_TIMEOUT);
   self.board->entry_us = (uint32_t)((test_now_ms() - start_ms) * 1000 / TIMES);
   hook.calls[HOOK_BELL_WAIT] = hook.polls = 0;
}

int
fault_degraded_main(int argc, char **argv)
{
   const struct peer_run run =
      peer_run_open(argc, argv, sizeof(struct degraded_board));
   struct vk_device *device = unit_device();
   struct degraded_board *board = run.board;
   struct fault_cell *cell = &board->cell;

   hook_install();
   self.board = board;
   self.sync = peer_open(&run, device, VK_SYNC_WIN32_KIND_TIMELINE, "word");
   measure_entry(device);
   if (board->flaw == FLAW_DACL)
      lock_bell(hook.bell);
   hook.before = spoil;

   uint64_t value;
   while ((value = peer_word(self.sync)) < FAULT_FINAL) {
      vk_sync_win32_store64(&cell->since_ns, os_time_get_nano());
      vk_sync_win32_store64(&cell->waiting, value + 1);
      REQUIRE(vk_sync_wait(device, self.sync, value + 1, VK_SYNC_WAIT_COMPLETE,
                           UINT64_MAX) == VK_SUCCESS);
      vk_sync_win32_store64(&cell->woken_ns, os_time_get_nano());

      REQUIRE(peer_word(self.sync) > value);
      vk_sync_win32_store32(&board->looks, hook.calls[HOOK_BELL_WAIT]);
      vk_sync_win32_store32(&board->polls, hook.polls);
      vk_sync_win32_store64(&board->cpu_us, peer_cpu_us());
      vk_sync_win32_store64(&cell->reached, value + 1);
   }
   return 0;
}

#define HOLDERS 4
#define HOLDER_THREADS (VK_SYNC_WIN32_SLOTS / HOLDERS)

static void
hold_slot(void *device)
{
   (void)!vk_sync_wait(device, self.sync, 2 * FAULT_FINAL,
                       VK_SYNC_WAIT_COMPLETE, UINT64_MAX);
}

/* A process that has slots, and keeps them */
int
fault_holder_main(int argc, char **argv)
{
   const struct peer_run run =
      peer_run_open(argc, argv, sizeof(struct degraded_board));
   struct vk_device *device = unit_device();

   self.sync = peer_open(&run, device, VK_SYNC_WIN32_KIND_TIMELINE, "word");
   for (unsigned i = 1; i < HOLDER_THREADS; i++)
      test_thread_start(hold_slot, device);
   hold_slot(device);
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
   d->device = unit_device();
   d->sync = peer_share(&d->peers, d->device, VK_SYNC_WIN32_KIND_TIMELINE,
                        "word");
   return d;
}

static void
start_waiter(struct degraded *d, enum flaw flaw)
{
   d->board->cell = (struct fault_cell) {0};
   d->board->flaw = flaw;
   d->board->slot = VK_SYNC_WIN32_NO_SLOT;
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

static void
not_degraded(intptr_t arg)
{
   struct degraded *d = set_up();

   (void)arg;
   start_waiter(d, FLAW_NONE);
   const struct figures figures = measure(d);
   report("rung", d, &figures);
   check_bounds(&figures, false);
   EXPECT(d->board->slot < VK_SYNC_WIN32_SLOTS);
   finish_waiter(d);
}

static void
degraded_by_dacl(intptr_t arg)
{
   struct degraded *d = set_up();

   (void)arg;
   start_waiter(d, FLAW_DACL);
   const struct figures figures = measure(d);
   report("bell with a DACL that lets nobody in", d, &figures);
   check_bounds(&figures, true);
   finish_waiter(d);
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

/* Peers look for a bell that is not there, as they would if it stood in an
 * AppContainer's namespace.
 */
static void
degraded_by_name(intptr_t arg)
{
   struct degraded *d = set_up();

   (void)arg;
   start_waiter(d, FLAW_NAME);
   const struct figures figures = measure(d);
   report("bell that cannot be found", d, &figures);
   check_bounds(&figures, true);

   /* The first to fail after some silence tells the waiter only then. */
   Sleep(1500);
   test_diag("after 1.5 s of silence: %.1f ms for the first",
             signal_once(d, 0));

   vk_sync_win32_store32(&d->board->flaw, FLAW_NONE);
   expect_recovery(d);
   finish_waiter(d);
}

static void
degraded_by_full_slots(intptr_t arg)
{
   struct degraded *d = set_up();
   struct peer *holders[HOLDERS];
   const double start_ms = test_now_ms();

   (void)arg;
   for (unsigned i = 0; i < HOLDERS; i++)
      holders[i] = peer_start(&d->peers, "holder", i);
   PEER_AWAIT(unit_armed(d->sync) == VK_SYNC_WIN32_SLOTS, 20);
   test_diag("%u threads hold all slots after %.1f s", VK_SYNC_WIN32_SLOTS,
             (test_now_ms() - start_ms) / 1000);

   start_waiter(d, FLAW_NONE);
   const struct figures figures = measure(d);
   report("all slots taken", d, &figures);
   check_bounds(&figures, true);
   EXPECT_U64(d->board->slot, VK_SYNC_WIN32_NO_SLOT);

   /* Some holders die: one of their slots is the waiter's before long. */
   await(d, &d->board->cell.waiting, peer_word(d->sync) + 1,
         "the waiter does not wait");
   const DWORD dead = holders[1]->id;
   peer_release(holders[1]);
   const double dead_ms = test_now_ms();
   while (d->board->slot == VK_SYNC_WIN32_NO_SLOT &&
          test_now_ms() < dead_ms + PATIENCE_MS)
      signal_once(d, 5);
   EXPECT(d->board->slot < VK_SYNC_WIN32_SLOTS);
   EXPECT_U64(peer_count_slots(d->sync, dead), 0);
   expect_recovery(d);

   for (unsigned i = 0; i < HOLDERS; i++) {
      if (i != 1) {
         EXPECT_U64(peer_count_slots(d->sync, holders[i]->id), HOLDER_THREADS);
         peer_release(holders[i]);
      }
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

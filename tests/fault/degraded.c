/* SPDX-License-Identifier: MIT */

/* A waiter whom its peers cannot ring: it has to look by itself, which takes
 * longer and costs something.  Each case prints how much.
 */
#include "hook.h"
#include "peer.h"

#include "util/os_time.h"
#include "vk_sync_win32_wait.h"

/* How long a wait may take: the bound while nobody has noticed yet, with a
 * generous factor for machines that are busy.  That waits are short from then
 * on is told by the time-outs asked for instead.
 */
#define LATENCY_LIMIT_MS (5 * (VK_SYNC_WIN32_LONGEST_LOOK_NS / 1e6))

#define ROUNDS 200
#define PAUSES 5
#define PAUSE_MS 400

/* The value that ends the waiter */
#define FINAL (UINT64_C(1) << 40)

/* What is wrong with a waiter's bell */
enum flaw {
   FLAW_NONE,
   /* A DACL that lets nobody in, for good */
   FLAW_DACL,
   /* Another name than what is written in the slot */
   FLAW_NAME,
};

struct board {
   /* What the waiter waits for, and the last one that it came back with */
   uint64_t waiting, reached;
   uint64_t woken_ns;
   uint32_t flaw;
   uint32_t slot;
   /* Waits for the bell; those at the shorter bound */
   uint32_t looks;
   uint32_t polls;
   /* CPU time used so far */
   uint64_t cpu_us;
};

static struct {
   struct peer_run run;
   struct board *board;
   struct vk_device *device;
   struct vk_sync *sync;
   /* Of the parent */
   struct peer *waiter;
} d;

/* The waiter ---------------------------------------------------------------- */

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

   const uint32_t slot = peer_find_slot(d.sync, 0, GetCurrentProcessId());
   const uint32_t flaw = vk_sync_win32_load32(&d.board->flaw);

   if (flaw == FLAW_NAME && slot != VK_SYNC_WIN32_NO_SLOT)
      unit_layout(d.sync)->slots[slot].bell.bits[1] ^= 1;
   vk_sync_win32_store32(&d.board->slot, slot);
}

static void
open_word(int argc, char **argv)
{
   d.run = peer_run_open(argc, argv, sizeof(struct board));
   d.board = d.run.board;
   d.device = unit_device();
   d.sync = peer_open(&d.run, d.device, VK_SYNC_WIN32_KIND_TIMELINE, "word");
}

static int
waiter_main(int argc, char **argv)
{
   open_word(argc, argv);
   hook_install();

   /* It has a bell once it blocks, in time or not. */
   while (hook.bell == NULL)
      REQUIRE_RESULT(unit_wait(d.device, d.sync, FINAL, MS), VK_TIMEOUT);
   if (d.board->flaw == FLAW_DACL)
      lock_bell(hook.bell);
   hook.calls[HOOK_BELL_WAIT] = hook.polls = 0;
   hook.before = spoil;

   uint64_t value;
   while ((value = peer_word(d.sync)) < FINAL) {
      vk_sync_win32_store64(&d.board->waiting, value + 1);
      REQUIRE_OK(unit_wait(d.device, d.sync, value + 1, UINT64_MAX));
      vk_sync_win32_store64(&d.board->woken_ns, os_time_get_nano());

      REQUIRE(peer_word(d.sync) > value);
      vk_sync_win32_store32(&d.board->looks, hook.calls[HOOK_BELL_WAIT]);
      vk_sync_win32_store32(&d.board->polls, hook.polls);
      vk_sync_win32_store64(&d.board->cpu_us, unit_cpu_us());
      vk_sync_win32_store64(&d.board->reached, value + 1);
   }
   return 0;
}

#define HOLDERS 4
#define HOLDER_THREADS (VK_SYNC_WIN32_SLOTS / HOLDERS)

static void
hold_slot(UNUSED void *data)
{
   (void)!unit_wait(d.device, d.sync, 2 * FINAL, UINT64_MAX);
}

/* A process that has slots, and keeps them */
static int
holder_main(int argc, char **argv)
{
   open_word(argc, argv);
   for (unsigned i = 1; i < HOLDER_THREADS; i++)
      test_thread_start(hold_slot, NULL);
   hold_slot(NULL);
   return 0;
}

/* The parent ---------------------------------------------------------------- */

static void
set_up(void)
{
   d.run = peer_run_create(sizeof(struct board));
   d.board = d.run.board;
   d.device = unit_device();
   d.sync = peer_share(&d.run, d.device, VK_SYNC_WIN32_KIND_TIMELINE, "word");
}

static void
await(uint64_t *cell, uint64_t value, const char *why)
{
   const double until_ms = test_now_ms() + 1000.0 * PATIENCE_S;
   DWORD status;

   while (vk_sync_win32_load64(cell) != value) {
      const bool ended = peer_ended(d.waiter, 0, &status);

      if (ended || test_now_ms() > until_ms) {
         peer_dump("word", d.sync);
         test_fail(true, __FILE__, __LINE__, "%s",
                   ended ? "the waiter has ended" : why);
      }
      Sleep(0);
   }
}

/* Signals once the waiter is blocked; returns how late it came back. */
static double
signal_once(unsigned pause_ms)
{
   const uint64_t value = peer_word(d.sync) + 1;

   await(&d.board->waiting, value, "the waiter does not wait");
   Sleep(pause_ms);
   const uint64_t start_ns = os_time_get_nano();
   REQUIRE_OK(vk_sync_signal(d.device, d.sync, value));
   await(&d.board->reached, value, "the waiter was not woken");

   return d.board->woken_ns > start_ns ?
          (d.board->woken_ns - start_ns) / 1e6 : 0;
}

static void
measure(const char *what, enum flaw flaw, bool degraded)
{
   static double ms[ROUNDS];

   d.board->flaw = flaw;
   d.board->slot = VK_SYNC_WIN32_NO_SLOT;
   d.waiter = peer_start(&d.run, "waiter", 0);

   const double first_ms = signal_once(20);
   const uint32_t first_looks = d.board->looks, first_polls = d.board->polls;
   for (unsigned i = 0; i < ROUNDS; i++)
      ms[i] = signal_once(1 + test_random_below(7));
   unit_sort(ms, ROUNDS);

   /* Blocked for long, but not for so long that it stops polling */
   const uint32_t looks = d.board->looks;
   const uint64_t cpu_us = d.board->cpu_us;
   const double start_ms = test_now_ms();
   for (unsigned i = 0; i < PAUSES; i++)
      signal_once(PAUSE_MS);
   const double blocked_ms = test_now_ms() - start_ms;
   const double looks_per_s = 1000 * (d.board->looks - looks) / blocked_ms;
   const double cpu_percent = (d.board->cpu_us - cpu_us) / 10.0 / blocked_ms;
   /* Of all waits for the bell but the first */
   const double polls_percent = 100.0 * (d.board->polls - first_polls) /
                                (d.board->looks - first_looks);

   test_diag("%s: wakes after %.2f ms (median), %.2f ms (most), %.2f ms for "
             "the first; blocked, it looks %.0f times a second, using %.1f %% "
             "of a CPU", what, ms[ROUNDS / 2], ms[ROUNDS - 1], first_ms,
             looks_per_s, cpu_percent);
   EXPECT(first_ms < LATENCY_LIMIT_MS);
   EXPECT(ms[ROUNDS - 1] < LATENCY_LIMIT_MS);
   EXPECT(looks_per_s < 2 * 1e9 / VK_SYNC_WIN32_POLL_NS);
   EXPECT(cpu_percent < 50);
   if (degraded)
      EXPECT(polls_percent > 90);
   else
      EXPECT(polls_percent == 0);
}

static void
finish_waiter(void)
{
   REQUIRE_OK(vk_sync_signal(d.device, d.sync, FINAL));
   peer_join(d.waiter);
   vk_sync_destroy(d.device, d.sync);
}

static void
not_degraded(UNUSED intptr_t arg)
{
   set_up();
   measure("rung", FLAW_NONE, false);
   EXPECT(d.board->slot < VK_SYNC_WIN32_SLOTS);
   finish_waiter();
}

static void
degraded_by_dacl(UNUSED intptr_t arg)
{
   set_up();
   measure("bell with a DACL that lets nobody in", FLAW_DACL, true);
   finish_waiter();
}

/* Once it can be rung again, it is, and stops to poll. */
static void
expect_recovery(void)
{
   const double start_ms = test_now_ms();
   uint32_t before;

   do {
      before = d.board->polls;
      for (unsigned i = 0; i < 10; i++)
         signal_once(20);
   } while (d.board->polls != before &&
            test_now_ms() < start_ms + 1000.0 * PATIENCE_S);
   EXPECT_U64(d.board->polls, before);
}

/* Peers look for a bell that is not there, as they would if it stood in an
 * AppContainer's namespace.
 */
static void
degraded_by_name(UNUSED intptr_t arg)
{
   set_up();
   measure("bell that cannot be found", FLAW_NAME, true);

   /* The first to fail after some silence tells the waiter only then. */
   Sleep(1500);
   test_diag("after 1.5 s of silence: %.1f ms for the first", signal_once(0));

   vk_sync_win32_store32(&d.board->flaw, FLAW_NONE);
   expect_recovery();
   finish_waiter();
}

static void
degraded_by_full_slots(UNUSED intptr_t arg)
{
   struct peer *holders[HOLDERS];

   set_up();
   for (unsigned i = 0; i < HOLDERS; i++)
      holders[i] = peer_start(&d.run, "holder", i);
   PEER_AWAIT(unit_armed(d.sync) == VK_SYNC_WIN32_SLOTS);
   measure("all slots taken", FLAW_NONE, true);
   EXPECT_U64(d.board->slot, VK_SYNC_WIN32_NO_SLOT);

   /* Some holders die: one of their slots is the waiter's before long. */
   await(&d.board->waiting, peer_word(d.sync) + 1, "the waiter does not wait");
   const DWORD dead = holders[0]->id;
   peer_release(holders[0]);
   const double dead_ms = test_now_ms();
   while (d.board->slot == VK_SYNC_WIN32_NO_SLOT &&
          test_now_ms() < dead_ms + 1000.0 * PATIENCE_S)
      signal_once(5);
   EXPECT(d.board->slot < VK_SYNC_WIN32_SLOTS);
   EXPECT_U64(peer_count_slots(d.sync, dead), 0);
   expect_recovery();

   for (unsigned i = 1; i < HOLDERS; i++) {
      EXPECT_U64(peer_count_slots(d.sync, holders[i]->id), HOLDER_THREADS);
      peer_release(holders[i]);
   }
   finish_waiter();
}

const struct test_case test_cases[] = {
   { "degraded_not", not_degraded, 0, 120 },
   { "degraded_dacl", degraded_by_dacl, 0, 120 },
   { "degraded_name", degraded_by_name, 0, 120 },
   { "degraded_slots", degraded_by_full_slots, 0, 120 },
   { 0 },
};

const struct test_role test_roles[] = {
   { "waiter", waiter_main },
   { "holder", holder_main },
   { 0 },
};

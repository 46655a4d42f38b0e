/* SPDX-License-Identifier: MIT */

/* A waiter whom nobody can ring: it has to look by itself, which takes longer
 * and costs something.
 */
#include "hook.h"
#include "peer.h"

#include "vk_sync_win32_owner.h"
#include "vk_sync_win32_wait.h"
#include "vk_sync_win32_waiter.h"

/* How long a wait may take: the bound while nobody has noticed yet, with a
 * generous factor for machines that are busy.  That waits are short from then
 * on is told by the time-outs asked for instead.
 */
#define LATENCY_LIMIT_MS (5 * (VK_SYNC_WIN32_LONGEST_LOOK_NS / 1e6))

#define ROUNDS 200
#define PAUSES 5
#define PAUSE_MS 400

/* Of no process: ids are small. */
#define DEAD_OWNER (UINT64_C(0x7ffffff0) << 32 | 5)

/* The value that ends the waiter */
#define FINAL (UINT64_C(1) << 40)

/* What is wrong with the waiter */
enum flaw {
   FLAW_NONE,
   /* A bell with a DACL that lets nobody in, for good */
   FLAW_DACL,
   /* A bell of another name than what is written in the slot, as if it stood
    * in an AppContainer's namespace
    */
   FLAW_NAME,
   /* No slot */
   FLAW_SLOTS,
};

static struct {
   struct vk_device *device;
   struct vk_sync *sync;
   struct test_thread *waiter;
   enum flaw flaw;
   /* Whether the waiter had a slot when it blocked last */
   uint32_t has_slot;
   /* What the waiter waits for, and the last one that it came back with */
   uint64_t waiting, reached;
   double woken_ms;
} d;

/* When the waiter is armed and about to block; each time, since it writes the
 * true name again when it arms again.  The first slot is its own, if any.
 */
static void
spoil(enum hook_call call, bool after)
{
   if (call != HOOK_BELL_WAIT || after)
      return;

   vk_sync_win32_store32(&d.has_slot, unit_armed(d.sync) > 0);
   if (d.flaw == FLAW_NAME && d.has_slot)
      unit_layout(d.sync)->slots[0].bell.bits[1] ^= 1;
}

/* The handle that its creation has given may always change who else may do
 * what.  Who waits next takes the bell that was put back last.
 */
static void
lock_bell(void)
{
   struct vk_sync_win32_waiter *waiter = vk_sync_win32_waiter_get(0);
   SECURITY_DESCRIPTOR descriptor;
   ACL list;

   REQUIRE(vk_sync_win32_waiter_begin(waiter, true));
   REQUIRE(InitializeSecurityDescriptor(&descriptor,
                                        SECURITY_DESCRIPTOR_REVISION));
   REQUIRE(InitializeAcl(&list, sizeof(list), ACL_REVISION));
   REQUIRE(SetSecurityDescriptorDacl(&descriptor, TRUE, &list, FALSE));
   REQUIRE(SetKernelObjectSecurity(waiter->bell.semaphore,
                                   DACL_SECURITY_INFORMATION, &descriptor));
   vk_sync_win32_waiter_end(waiter);
   vk_sync_win32_waiter_put(waiter);
}

static void
wait_run(UNUSED void *data)
{
   uint64_t value;

   while ((value = peer_word(d.sync)) < FINAL) {
      vk_sync_win32_store64(&d.waiting, value + 1);
      REQUIRE_OK(unit_wait(d.device, d.sync, value + 1, UINT64_MAX));
      d.woken_ms = test_now_ms();
      REQUIRE(peer_word(d.sync) > value);
      vk_sync_win32_store64(&d.reached, value + 1);
   }
}

struct board {
   uint64_t owner;
   uint32_t ready;
};

static int
owner_main(int argc, char **argv)
{
   const struct peer_run run =
      peer_run_open(argc, argv, sizeof(struct board));
   struct board *board = run.board;

   board->owner = vk_sync_win32_owner_self();
   vk_sync_win32_store32(&board->ready, 1);
   Sleep(INFINITE);
   return 0;
}

/* By processes that live: this one and another */
static void
take_all_slots(void)
{
   const struct peer_run run = peer_run_create(sizeof(struct board));
   struct board *board = run.board;
   struct vk_sync_win32_layout *layout = unit_layout(d.sync);

   peer_start_ready(&run, "owner", 0, &board->ready);
   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++) {
      REQUIRE(vk_sync_win32_slot_claim(layout) == i);
      if (i % 2)
         layout->slots[i].owner = board->owner;
   }
}

static void
set_up(enum flaw flaw)
{
   d.device = unit_device();
   d.sync = unit_shared(d.device, VK_SYNC_IS_TIMELINE);
   d.flaw = flaw;
   d.waiting = d.reached = 0;
   hook_install();
   if (flaw == FLAW_DACL)
      lock_bell();
   if (flaw == FLAW_SLOTS)
      take_all_slots();

   hook.calls[HOOK_BELL_WAIT] = hook.polls = 0;
   hook.at = spoil;
   d.waiter = test_thread_start(wait_run, NULL);
}

static void
finish(void)
{
   REQUIRE_OK(vk_sync_signal(d.device, d.sync, FINAL));
   test_thread_join(d.waiter);
   hook.at = NULL;
   /* The next case gets another bell. */
   vk_sync_win32_waiter_destroy_free();
}

/* Signals once the waiter is blocked. */
static void
signal_once(unsigned pause_ms)
{
   const uint64_t value = peer_word(d.sync) + 1;

   PEER_AWAIT(vk_sync_win32_load64(&d.waiting) == value);
   Sleep(pause_ms);
   const double start_ms = test_now_ms();
   REQUIRE_OK(vk_sync_signal(d.device, d.sync, value));
   PEER_AWAIT(vk_sync_win32_load64(&d.reached) == value);
   EXPECT(d.woken_ms - start_ms < LATENCY_LIMIT_MS);
}

static double
get_cpu_ms(void)
{
   FILETIME created, exited, kernel, user;

   REQUIRE(GetProcessTimes(GetCurrentProcess(), &created, &exited, &kernel,
                           &user));
   return (kernel.dwLowDateTime + (uint64_t)user.dwLowDateTime) / 1e4;
}

static void
look(void)
{
   signal_once(20);
   const uint32_t first_looks = hook.calls[HOOK_BELL_WAIT];
   const uint32_t first_polls = hook.polls;
   for (unsigned i = 0; i < ROUNDS; i++)
      signal_once(1 + test_random_below(7));

   /* Blocked for long, but not for so long that it stops polling */
   const uint32_t looks = hook.calls[HOOK_BELL_WAIT];
   const double start_ms = test_now_ms(), start_cpu_ms = get_cpu_ms();
   for (unsigned i = 0; i < PAUSES; i++)
      signal_once(PAUSE_MS);
   const double blocked_ms = test_now_ms() - start_ms;
   const double cpu_percent = 100 * (get_cpu_ms() - start_cpu_ms) / blocked_ms;
   const double looks_per_s = 1000 * (hook.calls[HOOK_BELL_WAIT] - looks) /
                              blocked_ms;
   /* Of all waits for the bell but the first */
   const double polls_percent = 100.0 * (hook.polls - first_polls) /
                                (hook.calls[HOOK_BELL_WAIT] - first_looks);

   test_diag("blocked, it looks %.0f times a second, using %.1f %% of a CPU",
             looks_per_s, cpu_percent);
   EXPECT(cpu_percent < 50);
   EXPECT(looks_per_s < 2 * 1e9 / VK_SYNC_WIN32_POLL_NS);
   EXPECT(polls_percent > 90);
   EXPECT(d.has_slot == (d.flaw != FLAW_SLOTS));
}

/* Once it can be rung again, it is, and stops to poll. */
static void
expect_recovery(void)
{
   const double start_ms = test_now_ms();
   uint32_t before;

   do {
      before = hook.polls;
      for (unsigned i = 0; i < 10; i++)
         signal_once(20);
   } while (hook.polls != before &&
            test_now_ms() < start_ms + 1000.0 * PATIENCE_S);
   EXPECT_U64(hook.polls, before);
   EXPECT(d.has_slot);
}

static void
look_by_oneself(intptr_t flaw)
{
   set_up((enum flaw)flaw);
   look();

   if (flaw == FLAW_NAME) {
      /* The first to fail after some silence tells the waiter only then. */
      Sleep(1500);
      signal_once(0);
      d.flaw = FLAW_NONE;
      expect_recovery();
   } else if (flaw == FLAW_SLOTS) {
      unit_layout(d.sync)->slots[test_random_below(VK_SYNC_WIN32_SLOTS)]
         .owner = DEAD_OWNER;
      expect_recovery();
   }
   finish();
}

const struct test_case test_cases[] = {
   { "degraded_dacl", look_by_oneself, FLAW_DACL, 120 },
   { "degraded_name", look_by_oneself, FLAW_NAME, 120 },
   { "degraded_slots", look_by_oneself, FLAW_SLOTS, 120 },
   { 0 },
};

const struct test_role test_roles[] = {
   { "owner", owner_main },
   { 0 },
};

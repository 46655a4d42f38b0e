/* SPDX-License-Identifier: MIT */

/* Threads that are blocked on shared payloads, and what they cost. */
#include "share.h"

static void
wait_for_count(uint32_t *count, uint32_t wanted)
{
   while (vk_sync_win32_load32(count) != wanted)
      Sleep(1);
}

/* One pair of two processes, beside threads that wait for something else ---- */

#define MOST_BESIDE 64
#define BESIDE_ROUNDS 31
#define LAPS 100

static const uint32_t beside[] = {1, 4, 16, MOST_BESIDE};

/* Those who stand beside a pair are blocked on a payload of their own, and at
 * other times on an event.
 */
struct bystander {
   HANDLE gate;
   struct vk_sync *payload;
   uint64_t turn;
};

static struct bystander bystanders[MOST_BESIDE];
static uint32_t at_gate;

static void
stand_by(void *data)
{
   struct bystander *self = data;

   /* Ends with the process */
   for (;;) {
      p_atomic_inc(&at_gate);
      WaitForSingleObject(self->gate, INFINITE);
      p_atomic_dec(&at_gate);
      bench_wait(BENCH_OURS, self->payload, self->turn);
   }
}

static void
invite_bystanders(void)
{
   for (uint32_t i = 0; i < MOST_BESIDE; i++) {
      bystanders[i] = (struct bystander) {
         .gate = bench_event_create(false),
         .payload = bench_shared_create(VK_SYNC_WIN32_KIND_TIMELINE),
      };
      test_thread_start(stand_by, &bystanders[i]);
   }
   wait_for_count(&at_gate, MOST_BESIDE);
}

/* The time to be really blocked, on whatever it is */
#define SETTLE_MS 5

static void
block_bystanders(uint32_t count)
{
   if (count == 0)
      return;
   for (uint32_t i = 0; i < count; i++) {
      bystanders[i].turn++;
      SetEvent(bystanders[i].gate);
   }
   for (uint32_t i = 0; i < count; i++) {
      while (bench_shared_blocked(bystanders[i].payload) == 0)
         Sleep(1);
   }
   Sleep(SETTLE_MS);
}

static void
release_bystanders(uint32_t count)
{
   if (count == 0)
      return;
   for (uint32_t i = 0; i < count; i++)
      bench_signal(BENCH_OURS, bystanders[i].payload, bystanders[i].turn);
   wait_for_count(&at_gate, MOST_BESIDE);
   Sleep(SETTLE_MS);
}

/* One of the two, in one of the two ways that a round can be: with bystanders
 * in either process, or without
 */
struct walk {
   struct bench_peer *peer;
   struct vk_sync *pair[2];
   uint64_t *turn;
   bool leads;
   uint32_t beside;
};

static double
walk_round(void *data)
{
   const struct walk *walk = data;

   if (walk->leads)
      bench_peer_tell(walk->peer);
   else
      bench_peer_hear(walk->peer);
   block_bystanders(walk->beside);
   if (walk->leads)
      bench_peer_hear(walk->peer);
   else
      bench_peer_tell(walk->peer);

   const double start = bench_now_ns();
   for (unsigned i = 0; i < LAPS; i++) {
      ++*walk->turn;
      if (walk->leads)
         bench_signal(BENCH_OURS, walk->pair[1], *walk->turn);
      bench_wait(BENCH_OURS, walk->pair[!walk->leads], *walk->turn);
      if (!walk->leads)
         bench_signal(BENCH_OURS, walk->pair[0], *walk->turn);
   }
   const double ns = (bench_now_ns() - start) / (2 * LAPS);

   release_bystanders(walk->beside);
   return ns;
}

/* Ours is with them, the comparator without. */
static struct bench_result
walk_beside(const struct walk *walk, uint32_t count)
{
   struct walk crowded = *walk, alone = *walk;

   crowded.beside = count;
   return bench_alternate(BESIDE_ROUNDS, walk_round, &crowded, &alone);
}

int
bench_beside_peer(int argc, char **argv)
{
   struct bench_peer self = bench_peer_open(argc, argv);
   uint64_t turn = 0;
   const struct walk walk = {
      .peer = &self,
      .pair = {
         bench_shared_import(VK_SYNC_WIN32_KIND_TIMELINE, self.handles[0]),
         bench_shared_import(VK_SYNC_WIN32_KIND_TIMELINE, self.handles[1]),
      },
      .turn = &turn,
   };

   invite_bystanders();
   bench_peer_tell(&self);
   for (unsigned s = 0; s < TEST_COUNT(beside); s++)
      walk_beside(&walk, beside[s]);
   return bench_peer_end();
}

static void
pair_beside(const struct bench_case *c)
{
   struct bench_peer peer;
   uint64_t turn = 0;
   const struct walk walk = {
      .peer = &peer,
      .pair = {
         bench_shared_create(VK_SYNC_WIN32_KIND_TIMELINE),
         bench_shared_create(VK_SYNC_WIN32_KIND_TIMELINE),
      },
      .turn = &turn,
      .leads = true,
   };
   const HANDLE handles[] = {
      bench_shared_export(walk.pair[0]), bench_shared_export(walk.pair[1]),
   };

   peer = bench_peer_start("beside", 0, handles, TEST_COUNT(handles));
   invite_bystanders();
   bench_peer_hear(&peer);
   for (unsigned s = 0; s < TEST_COUNT(beside); s++) {
      char detail[32];

      snprintf(detail, sizeof(detail), "%u", beside[s]);
      bench_report(c, detail, walk_beside(&walk, beside[s]), "ns",
                   BENCH_RATIO_AT_MOST, 1.25);
   }
   bench_peer_join(&peer);
}

/* Signals that none of those who are blocked wait for ----------------------- */

#define CROWD 100
#define LATER (UINT64_C(1) << 40)
#define SIGNALS 5000
#define SIGNAL_ROUNDS 101

static struct vk_sync *later;

static void
wait_for_later(void *data)
{
   bench_wait(BENCH_OURS, later, LATER + (uintptr_t)data);
}

int
bench_later_peer(int argc, char **argv)
{
   struct bench_peer self = bench_peer_open(argc, argv);
   struct test_thread *threads[CROWD];

   later = bench_shared_import(VK_SYNC_WIN32_KIND_TIMELINE, self.handles[0]);
   for (uintptr_t i = 0; i < CROWD; i++)
      threads[i] = test_thread_start(wait_for_later, (void *)i);
   for (uint32_t i = 0; i < CROWD; i++)
      test_thread_join(threads[i]);
   return bench_peer_end();
}

static double
signal_round(void *data)
{
   struct vk_sync *sync = data;
   uint64_t value;

   REQUIRE(vk_sync_get_value(bench_device(BENCH_OURS), sync, &value) ==
           VK_SUCCESS);
   const double start = bench_now_ns();
   for (unsigned i = 0; i < SIGNALS; i++)
      bench_signal(BENCH_OURS, sync, ++value);
   return (bench_now_ns() - start) / SIGNALS;
}

static void
signal_beside(const struct bench_case *c)
{
   struct vk_sync *alone = bench_shared_create(VK_SYNC_WIN32_KIND_TIMELINE);
   later = bench_shared_create(VK_SYNC_WIN32_KIND_TIMELINE);

   HANDLE handle = bench_shared_export(later);
   struct bench_peer peer = bench_peer_start("later", 0, &handle, 1);
   while (bench_shared_blocked(later) != CROWD)
      Sleep(10);

   bench_count_transitions();
   const struct bench_result times =
      bench_alternate(SIGNAL_ROUNDS, signal_round, later, alone);
   bench_report(c, NULL, times, "ns", BENCH_NO_LIMIT, 0);
   bench_report(c, "added", bench_ours_alone(times.ours - times.comparator),
                "ns", BENCH_OURS_AT_MOST, 500);
   bench_report(c, "transitions", bench_ours_alone(bench_transition_total()),
                "calls", BENCH_OURS_EXACTLY, 0);

   bench_signal(BENCH_OURS, later, LATER + CROWD);
   bench_report(c, "rings",
                bench_ours_alone(bench_transitions.semaphore_releases),
                "calls for 100 waiters", BENCH_OURS_EXACTLY, CROWD);
   bench_peer_join(&peer);
}

/* Blocked for ten seconds ---------------------------------------------------- */

#define IDLE 64
#define IDLE_MS 10000

static void
wait_for_ever(void *data)
{
   bench_wait(BENCH_OURS, data, 1);
}

/* Its answer is in a page, in microseconds. */
int
bench_idle_peer(int argc, char **argv)
{
   struct bench_peer self = bench_peer_open(argc, argv);
   uint32_t *answer = bench_page_map(self.handles[0]);
   struct vk_sync *payloads[IDLE];
   struct test_thread *threads[IDLE];

   for (uint32_t i = 0; i < IDLE; i++) {
      payloads[i] = bench_shared_create(VK_SYNC_WIN32_KIND_TIMELINE);
      threads[i] = test_thread_start(wait_for_ever, payloads[i]);
   }
   for (uint32_t i = 0; i < IDLE; i++) {
      while (bench_shared_blocked(payloads[i]) == 0)
         Sleep(1);
   }
   Sleep(20);

   const double start = bench_cpu_ms();
   Sleep(IDLE_MS);
   answer[self.number] = (uint32_t)(1e3 * (bench_cpu_ms() - start));
   bench_peer_tell(&self);

   for (uint32_t i = 0; i < IDLE; i++)
      bench_signal(BENCH_OURS, payloads[i], 1);
   for (uint32_t i = 0; i < IDLE; i++)
      test_thread_join(threads[i]);
   return bench_peer_end();
}

/* With one parker and with the other at the same time */
static void
idle(const struct bench_case *c)
{
   static const char *const parkers[] = {"keyed", "futex"};
   struct bench_peer peers[TEST_COUNT(parkers)];
   HANDLE page = bench_page_create();
   const uint32_t *answer = bench_page_map(page);

   for (uint32_t i = 0; i < TEST_COUNT(parkers); i++) {
      SetEnvironmentVariableA("MESA_VK_WIN32_PARKER", parkers[i]);
      peers[i] = bench_peer_start("idle", i, &page, 1);
   }
   for (uint32_t i = 0; i < TEST_COUNT(parkers); i++) {
      bench_peer_hear(&peers[i]);
      bench_report(c, parkers[i], bench_ours_alone(answer[i] / 1e3),
                   "ms CPU in 10 s", BENCH_OURS_AT_MOST, 30);
      bench_peer_join(&peers[i]);
   }
}

const struct bench_case bench_crowd_cases[] = {
   {"pair-beside-keyed", "keyed", pair_beside},
   {"pair-beside-futex", "futex", pair_beside},
   {"signal-beside-keyed", "keyed", signal_beside},
   {"signal-beside-futex", "futex", signal_beside},
   {"blocked-10s", NULL, idle},
   {0},
};

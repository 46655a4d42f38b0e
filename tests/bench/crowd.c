/* SPDX-License-Identifier: MIT */

/* Threads that are blocked on shared payloads, and what they cost. */
#include "share.h"

#include <stdio.h>

static void
wait_for_count(uint32_t *count, uint32_t wanted)
{
   while (vk_sync_win32_load32(count) != wanted)
      Sleep(1);
}

/* One pair of two processes, beside threads that wait for something else ---- */

#define MOST_BESIDE 64
#define BESIDE_ROUNDS 31
#define WARM_UP 2
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

static DWORD WINAPI
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
   return 0;
}

static void
invite_bystanders(void)
{
   for (uint32_t i = 0; i < MOST_BESIDE; i++) {
      bystanders[i] = (struct bystander) {
         .gate = CreateEventW(NULL, FALSE, FALSE, NULL),
         .payload = bench_shared_create(VK_SYNC_WIN32_KIND_TIMELINE),
      };
      CloseHandle(bench_thread_start(stand_by, &bystanders[i]));
   }
   wait_for_count(&at_gate, MOST_BESIDE);
}

/* The time to be really blocked, on whatever it is */
#define SETTLE_MS 5

static void
block_bystanders(uint32_t count)
{
   for (uint32_t i = 0; i < count; i++) {
      bystanders[i].turn++;
      bench_event_set(bystanders[i].gate);
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
   for (uint32_t i = 0; i < count; i++)
      bench_signal(BENCH_OURS, bystanders[i].payload, bystanders[i].turn);
   wait_for_count(&at_gate, MOST_BESIDE);
   Sleep(SETTLE_MS);
}

static double
lead_pair(struct vk_sync *const *pair, uint64_t *turn)
{
   const double start = bench_now_ns();

   for (unsigned i = 0; i < LAPS; i++) {
      ++*turn;
      bench_signal(BENCH_OURS, pair[1], *turn);
      bench_wait(BENCH_OURS, pair[0], *turn);
   }
   return (bench_now_ns() - start) / (2 * LAPS);
}

static void
follow_pair(struct vk_sync *const *pair, uint64_t *turn)
{
   for (unsigned i = 0; i < LAPS; i++) {
      ++*turn;
      bench_wait(BENCH_OURS, pair[1], *turn);
      bench_signal(BENCH_OURS, pair[0], *turn);
   }
}

static void
peer_beside(struct bench_peer *self, const HANDLE *handles, uint32_t number)
{
   struct vk_sync *pair[] = {
      bench_shared_import(VK_SYNC_WIN32_KIND_TIMELINE, handles[0]),
      bench_shared_import(VK_SYNC_WIN32_KIND_TIMELINE, handles[1]),
   };
   uint64_t turn = 0;

   (void)number;
   invite_bystanders();
   bench_event_set(self->done);

   for (unsigned s = 0; s < BENCH_COUNT(beside); s++) {
      for (unsigned i = 0; i < 2 * (BESIDE_ROUNDS + WARM_UP); i++) {
         const bool crowded = (i & 1) == (i / 2 & 1);

         bench_event_wait(self->go);
         if (crowded)
            block_bystanders(beside[s]);
         bench_event_set(self->done);
         follow_pair(pair, &turn);
         if (crowded)
            release_bystanders(beside[s]);
      }
   }
}

/* Ours is with them, the comparator without. */
static void
pair_beside(const struct bench_case *c)
{
   struct vk_sync *pair[] = {
      bench_shared_create(VK_SYNC_WIN32_KIND_TIMELINE),
      bench_shared_create(VK_SYNC_WIN32_KIND_TIMELINE),
   };
   const HANDLE handles[] = {
      bench_shared_export(pair[0]), bench_shared_export(pair[1]),
   };
   struct bench_peer peer = bench_peer_start("beside", 0, handles, 2);
   uint64_t turn = 0;

   invite_bystanders();
   bench_event_wait(peer.done);

   for (unsigned s = 0; s < BENCH_COUNT(beside); s++) {
      struct bench_rounds rounds;
      char detail[32];
      double ns[2];

      bench_rounds_init(&rounds, BESIDE_ROUNDS);
      for (unsigned i = 0; i < 2 * (BESIDE_ROUNDS + WARM_UP); i++) {
         const bool crowded = (i & 1) == (i / 2 & 1);

         bench_event_set(peer.go);
         if (crowded)
            block_bystanders(beside[s]);
         bench_event_wait(peer.done);
         ns[crowded ? BENCH_OURS : BENCH_COMPARATOR] = lead_pair(pair, &turn);
         if (crowded)
            release_bystanders(beside[s]);
         if (i % 2 == 1 && i / 2 >= WARM_UP)
            bench_rounds_add(&rounds, ns[BENCH_OURS], ns[BENCH_COMPARATOR]);
      }
      snprintf(detail, sizeof(detail), "%u", beside[s]);
      bench_report(c, detail, bench_rounds_finish(&rounds), "ns",
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

static DWORD WINAPI
wait_for_later(void *data)
{
   bench_wait(BENCH_OURS, later, LATER + (uintptr_t)data);
   return 0;
}

static void
peer_later(struct bench_peer *self, const HANDLE *handles, uint32_t number)
{
   HANDLE threads[CROWD];

   (void)self;
   (void)number;
   later = bench_shared_import(VK_SYNC_WIN32_KIND_TIMELINE, handles[0]);
   for (uintptr_t i = 0; i < CROWD; i++)
      threads[i] = bench_thread_start(wait_for_later, (void *)i);
   for (uint32_t i = 0; i < CROWD; i++)
      bench_thread_join(threads[i]);
}

static double
signal_round(void *data)
{
   struct vk_sync *sync = data;
   uint64_t value;

   BENCH_REQUIRE(vk_sync_get_value(bench_device(BENCH_OURS), sync, &value) ==
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

static DWORD WINAPI
wait_for_ever(void *data)
{
   bench_wait(BENCH_OURS, data, 1);
   return 0;
}

/* Its answer is in a page, in microseconds. */
static void
peer_idle(struct bench_peer *self, const HANDLE *handles, uint32_t number)
{
   uint32_t *answer = bench_page_map(handles[0]);
   struct vk_sync *payloads[IDLE];
   HANDLE threads[IDLE];

   for (uint32_t i = 0; i < IDLE; i++) {
      payloads[i] = bench_shared_create(VK_SYNC_WIN32_KIND_TIMELINE);
      threads[i] = bench_thread_start(wait_for_ever, payloads[i]);
   }
   for (uint32_t i = 0; i < IDLE; i++) {
      while (bench_shared_blocked(payloads[i]) == 0)
         Sleep(1);
   }
   Sleep(20);

   const double start = bench_cpu_ms();
   Sleep(IDLE_MS);
   answer[number] = (uint32_t)(1e3 * (bench_cpu_ms() - start));
   bench_event_set(self->done);

   for (uint32_t i = 0; i < IDLE; i++)
      bench_signal(BENCH_OURS, payloads[i], 1);
   for (uint32_t i = 0; i < IDLE; i++)
      bench_thread_join(threads[i]);
}

/* With one parker and with the other at the same time */
static void
idle(const struct bench_case *c)
{
   static const char *const parkers[] = {"keyed", "futex"};
   struct bench_peer peers[BENCH_COUNT(parkers)];
   HANDLE page = bench_page_create();
   const uint32_t *answer = bench_page_map(page);

   for (uint32_t i = 0; i < BENCH_COUNT(parkers); i++) {
      SetEnvironmentVariableA("MESA_VK_WIN32_PARKER", parkers[i]);
      peers[i] = bench_peer_start("idle", i, &page, 1);
   }
   for (uint32_t i = 0; i < BENCH_COUNT(parkers); i++) {
      bench_event_wait(peers[i].done);
      bench_report(c, parkers[i], bench_ours_alone(answer[i] / 1e3),
                   "ms CPU in 10 s", BENCH_OURS_AT_MOST, 30);
      bench_peer_join(&peers[i]);
   }
}

static const struct bench_peer_role roles[] = {
   {"beside", peer_beside},
   {"later", peer_later},
   {"idle", peer_idle},
   {0},
};

static const struct bench_case cases[] = {
   {"pair-beside-keyed", "keyed", pair_beside},
   {"pair-beside-futex", "futex", pair_beside},
   {"signal-beside-keyed", "keyed", signal_beside},
   {"signal-beside-futex", "futex", signal_beside},
   {"blocked-10s", NULL, idle},
   {0},
};

const struct bench_suite bench_crowd_suite = {cases, roles};

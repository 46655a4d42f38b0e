/* SPDX-License-Identifier: MIT */

/* One pair of two processes, beside threads that wait for something else */
#include "peer.h"
#include "runtime.h"

#define MOST_BESIDE 64
#define ROUNDS 31
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
await_gate(void)
{
   while (vk_sync_win32_load32(&at_gate) != MOST_BESIDE)
      Sleep(1);
}

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
         .gate = bench_event_create(),
         .payload = bench_shared_create(VK_SYNC_IS_TIMELINE),
      };
      test_thread_start(stand_by, &bystanders[i]);
   }
   await_gate();
}

/* The time to be really blocked, on whatever it is */
#define SETTLE_MS 5

static void
block_bystanders(uint32_t count)
{
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
   for (uint32_t i = 0; i < count; i++)
      bench_signal(BENCH_OURS, bystanders[i].payload, bystanders[i].turn);
   await_gate();
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

   block_bystanders(walk->beside);
   bench_peer_tell(walk->peer);
   bench_peer_hear(walk->peer);

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
   return bench_alternate(ROUNDS, walk_round, &crowded, &alone);
}

int
bench_beside_peer(int argc, char **argv)
{
   struct bench_peer self = bench_peer_open(argc, argv);
   uint64_t turn = 0;
   const struct walk walk = {
      .peer = &self,
      .pair = {
         bench_shared_import(VK_SYNC_IS_TIMELINE, self.handles[0]),
         bench_shared_import(VK_SYNC_IS_TIMELINE, self.handles[1]),
      },
      .turn = &turn,
   };

   invite_bystanders();
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
         bench_shared_create(VK_SYNC_IS_TIMELINE),
         bench_shared_create(VK_SYNC_IS_TIMELINE),
      },
      .turn = &turn,
      .leads = true,
   };
   const HANDLE handles[] = {
      bench_shared_export(walk.pair[0]), bench_shared_export(walk.pair[1]),
   };

   peer = bench_peer_start("beside", 0, handles, TEST_COUNT(handles));
   invite_bystanders();
   for (unsigned s = 0; s < TEST_COUNT(beside); s++) {
      char detail[32];

      snprintf(detail, sizeof(detail), "%u", beside[s]);
      bench_report(c, detail, walk_beside(&walk, beside[s]), "ns",
                   BENCH_RATIO_AT_MOST, 1.25);
   }
   bench_peer_join(&peer);
}

const struct bench_case bench_beside_cases[] = {
   {"pair-beside-keyed", "keyed", pair_beside},
   {0},
};

/* SPDX-License-Identifier: MIT */

/* One signal for several threads of another process, until the last of them
 * has woken: against a semaphore for each, which is the least that bells can
 * cost, and against one manual-reset event.
 */
#include "raw.h"
#include "share.h"

#include <string.h>

#define MOST 16
#define ROUNDS 31
#define SIGNALS 8

static const uint32_t sizes[] = {1, 4, MOST};

/* What the processes have in common beside what is measured */
struct board {
   /* How often any thread has said that it is going to block */
   uint32_t entered;
   /* How many threads have yet to wake */
   uint32_t asleep;
};

/* The events take turns: one cannot be reset while somebody who has seen it
 * might wait for it once more.
 */
struct hall {
   struct board *board;
   HANDLE woken;
   struct vk_sync *timeline;
   HANDLE events[2];
   HANDLE semaphores[MOST];

   uint32_t size;
   uint64_t turns[2];
};

enum {
   HANDLE_BOARD,
   HANDLE_WOKEN,
   HANDLE_TIMELINE,
   HANDLE_EVENTS,
   HANDLE_SEMAPHORES = HANDLE_EVENTS + 2,
   HANDLES = HANDLE_SEMAPHORES + MOST,
};

static struct hall
get_hall(const HANDLE *handles)
{
   struct hall hall = {
      .board = bench_page_map(handles[HANDLE_BOARD]),
      .woken = handles[HANDLE_WOKEN],
      .events = {handles[HANDLE_EVENTS], handles[HANDLE_EVENTS + 1]},
   };

   memcpy(hall.semaphores, &handles[HANDLE_SEMAPHORES],
          sizeof(hall.semaphores));
   bench_raw_init();
   return hall;
}

/* What ours is compared with, in this order for each size */
enum comparator {
   ONE_EVENT,
   SEMAPHORES,
   COMPARATORS,
};

/* The process that waits --------------------------------------------------- */

struct listener {
   const struct hall *hall;
   uint32_t number;
   enum comparator comparator;
};

static void
listen_once(const struct listener *self, enum bench_side side, uint64_t turn)
{
   const struct hall *hall = self->hall;

   p_atomic_inc(&hall->board->entered);
   if (side == BENCH_OURS)
      bench_wait(BENCH_OURS, hall->timeline, turn);
   else if (self->comparator == ONE_EVENT)
      bench_raw.wait(hall->events[turn & 1], FALSE, NULL);
   else
      bench_raw.wait(hall->semaphores[self->number], FALSE, NULL);

   if (p_atomic_dec_zero(&hall->board->asleep))
      bench_raw.set_event(hall->woken, NULL);
}

static void
listen(void *data)
{
   const struct listener *self = data;
   uint64_t turns[2] = {self->hall->turns[0], self->hall->turns[1]};

   for (unsigned r = 0; r < ROUNDS + BENCH_WARM_UP; r++) {
      for (unsigned i = 0; i < 2; i++) {
         const unsigned side = i ^ (r & 1);

         for (unsigned j = 0; j < SIGNALS; j++)
            listen_once(self, side, ++turns[side]);
      }
   }
}

static void
listen_all(struct hall *hall, enum comparator comparator)
{
   struct listener listeners[MOST];
   struct test_thread *threads[MOST];

   for (uint32_t i = 0; i < hall->size; i++) {
      listeners[i] = (struct listener) {hall, i, comparator};
      threads[i] = test_thread_start(listen, &listeners[i]);
   }
   for (uint32_t i = 0; i < hall->size; i++)
      test_thread_join(threads[i]);
   for (unsigned i = 0; i < 2; i++)
      hall->turns[i] += SIGNALS * (ROUNDS + BENCH_WARM_UP);
}

int
bench_broadcast_peer(int argc, char **argv)
{
   struct bench_peer self = bench_peer_open(argc, argv);
   struct hall hall = get_hall(self.handles);

   hall.timeline = bench_shared_import(VK_SYNC_WIN32_KIND_TIMELINE,
                                       self.handles[HANDLE_TIMELINE]);
   for (unsigned s = 0; s < TEST_COUNT(sizes); s++) {
      hall.size = sizes[s];
      for (unsigned i = 0; i < COMPARATORS; i++)
         listen_all(&hall, i);
   }
   return bench_peer_end();
}

/* The process that signals ------------------------------------------------- */

/* Until all have said that they are going to block, and have had the time.
 * What is signalled then finds this process and the kernel as idle for ours as
 * for the comparator.
 */
static void
gather(struct hall *hall, enum bench_side side, uint64_t turn)
{
   while (vk_sync_win32_load32(&hall->board->entered) != hall->size)
      Sleep(0);
   hall->board->entered = 0;
   hall->board->asleep = hall->size;
   if (side == BENCH_COMPARATOR)
      ResetEvent(hall->events[!(turn & 1)]);
   Sleep(1);
}

static double
signal_once(struct hall *hall, enum bench_side side,
            enum comparator comparator, uint64_t turn)
{
   const double start = bench_now_ns();

   if (side == BENCH_OURS) {
      bench_signal(BENCH_OURS, hall->timeline, turn);
   } else if (comparator == ONE_EVENT) {
      bench_raw.set_event(hall->events[turn & 1], NULL);
   } else {
      for (uint32_t i = 0; i < hall->size; i++)
         bench_raw.release(hall->semaphores[i], 1, NULL);
   }
   bench_raw.wait(hall->woken, FALSE, NULL);
   return bench_now_ns() - start;
}

struct call {
   struct hall *hall;
   enum bench_side side;
   enum comparator comparator;
};

static double
signal_round(void *data)
{
   const struct call *call = data;
   struct hall *hall = call->hall;
   double ns = 0.0;

   for (unsigned i = 0; i < SIGNALS; i++) {
      const uint64_t turn = ++hall->turns[call->side];

      gather(hall, call->side, turn);
      ns += signal_once(hall, call->side, call->comparator, turn);
   }
   return ns / SIGNALS;
}

static struct bench_result
compare(struct hall *hall, enum comparator comparator)
{
   struct call ours = {hall, BENCH_OURS, comparator};
   struct call other = {hall, BENCH_COMPARATOR, comparator};

   return bench_alternate(ROUNDS, signal_round, &ours, &other);
}

static void
report_size(const struct bench_case *c, struct hall *hall)
{
   const uint32_t before = bench_wake_total();
   char detail[32];

   /* One call wakes all, which it can only because strangers may undo it. */
   snprintf(detail, sizeof(detail), "%u-event", hall->size);
   bench_report(c, detail, compare(hall, ONE_EVENT), "ns",
                hall->size == 1 ? BENCH_RATIO_AT_MOST : BENCH_NO_LIMIT, 1.25);
   snprintf(detail, sizeof(detail), "%u", hall->size);
   bench_report(c, detail, compare(hall, SEMAPHORES), "ns",
                BENCH_RATIO_AT_MOST, 1.25);
   snprintf(detail, sizeof(detail), "%u-rings", hall->size);
   bench_report(c, detail,
                bench_ours_alone((bench_wake_total() - before) /
                                 (double)(COMPARATORS * SIGNALS *
                                          (ROUNDS + BENCH_WARM_UP))),
                "calls a signal", BENCH_OURS_AT_MOST, hall->size);
}

static void
broadcast(const struct bench_case *c)
{
   struct vk_sync *timeline =
      bench_shared_create(VK_SYNC_WIN32_KIND_TIMELINE);
   HANDLE handles[HANDLES] = {
      [HANDLE_BOARD] = bench_page_create(),
      [HANDLE_WOKEN] = bench_event_create(false),
      [HANDLE_TIMELINE] = bench_shared_export(timeline),
      [HANDLE_EVENTS] = bench_event_create(true),
      [HANDLE_EVENTS + 1] = bench_event_create(true),
   };
   struct hall hall;

   for (unsigned i = 0; i < MOST; i++)
      handles[HANDLE_SEMAPHORES + i] = CreateSemaphoreW(NULL, 0, 1, NULL);
   hall = get_hall(handles);
   hall.timeline = timeline;
   bench_count_transitions();

   struct bench_peer peer = bench_peer_start("broadcast", 0, handles,
                                             HANDLES);
   for (unsigned s = 0; s < TEST_COUNT(sizes); s++) {
      hall.size = sizes[s];
      report_size(c, &hall);
   }
   bench_peer_join(&peer);
}

const struct bench_case bench_broadcast_cases[] = {
   {"broadcast-keyed", "keyed", broadcast},
   {"broadcast-futex", "futex", broadcast},
   {0},
};

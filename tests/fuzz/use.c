/* SPDX-License-Identifier: MIT */

/* Sections that strangers write to while they are in use */
#include "hostile.h"

#define STEPS 64

/* By turns: what comes of each use is known. */
static void
mutate_and_use(void)
{
   struct hostile hostile;
   const bool header = fuzz_chance(40);

   hostile_create(&hostile);
   for (unsigned i = 0; i < STEPS; i++) {
      for (unsigned n = fuzz_below(4); n > 0; n--)
         fuzz_mutate(hostile.page.layout, header);
      hostile_use(&hostile);
      bystanders_use(hostile.user);
   }
   hostile_destroy(&hostile);
   fuzz_page_close(&hostile.page);
}

static void
by_turns(UNUSED intptr_t arg)
{
   hostile_run(1300, mutate_and_use);
}

/* By threads --------------------------------------------------------------- */

static void
scribble(struct vk_sync_win32_layout *layout, enum vk_sync_win32_kind kind)
{
   for (unsigned n = 1 + fuzz_below(60); n > 0; n--)
      fuzz_mutate(layout, true);

   /* Else nothing could be imported for most of the time. */
   if (fuzz_chance(30)) {
      layout->magic = VK_SYNC_WIN32_SECTION_MAGIC;
      layout->kind = kind;
   }

   const uint32_t dice = fuzz_below(8);
   if (dice == 0)
      Sleep(1);
   else if (dice < 4)
      SwitchToThread();
}

struct scribbler {
   const struct hostile *hostile;
   volatile LONG stop;
};

static void
scribbler_run(void *data)
{
   const struct scribbler *scribbler = data;

   while (!scribbler->stop)
      scribble(scribbler->hostile->page.layout, scribbler->hostile->kind);
}

/* A thread that waits for the hostile payload or for another one, and the
 * thread that signals the other one
 */

#define MARKS 100

struct pair {
   const struct hostile *hostile;
   /* Of the hostile payload and, twice, of the other one */
   struct vk_sync *view, *mark, *mark_view;
   volatile LONG signalled_ms[MARKS + 1];
};

static void
pair_wake(void *data)
{
   struct pair *pair = data;

   for (uint64_t i = 1; i <= MARKS; i++) {
      if (fuzz_chance(50))
         Sleep(fuzz_below(3));
      InterlockedExchange(&pair->signalled_ms[i], (LONG)fuzz_now_ms());
      fuzz_enter("waking", i);
      FUZZ_CHECK(vk_sync_signal(fuzz_device, pair->mark_view, i) ==
                 VK_SUCCESS);
      fuzz_leave(0);
   }
}

static uint64_t
pair_wait_once(struct pair *pair, uint64_t seen)
{
   const bool timeline = pair->hostile->kind == VK_SYNC_WIN32_KIND_TIMELINE;
   const uint32_t timeout_ms = 10 * 1000;
   const struct vk_sync_wait waits[] = {
      { .sync = pair->view, .wait_value = timeline ? fuzz_random() : 0 },
      { .sync = pair->mark, .wait_value = seen + 1 },
   };
   uint64_t value = 0;

   fuzz_enter("waiting for any", seen + 1);
   FUZZ_CHECK(fuzz_wait_many(2, waits, VK_SYNC_WAIT_ANY, timeout_ms * MS) ==
              VK_SUCCESS);
   fuzz_leave(timeout_ms);

   FUZZ_CHECK(vk_sync_get_value(fuzz_device, pair->mark, &value) ==
              VK_SUCCESS);
   FUZZ_CHECK(value >= seen && value <= MARKS);
   if (value == seen) {
      SwitchToThread();
      return seen;
   }

   fuzz_check_late((uint32_t)pair->signalled_ms[seen + 1], 0);
   return value;
}

static void
pair_wait(void *data)
{
   struct pair *pair = data;

   for (uint64_t seen = 0; seen < MARKS && !test_failed();)
      seen = pair_wait_once(pair, seen);
}

/* Before anybody scribbles */
static void
pair_create(struct pair *pair, const struct hostile *hostile)
{
   const enum vk_sync_win32_kind kind = VK_SYNC_WIN32_KIND_TIMELINE;

   *pair = (struct pair) {
      .hostile = hostile,
      .view = fuzz_view(hostile->sync),
   };
   if (fuzz_chance(50)) {
      pair->mark = pair->mark_view = fuzz_sync(kind, 0);
   } else {
      pair->mark = fuzz_shared_sync(kind, NULL, false);
      pair->mark_view = fuzz_view(pair->mark);
   }
}

static void
pair_destroy(struct pair *pair)
{
   if (pair->mark_view != pair->mark)
      fuzz_destroy(pair->mark_view);
   fuzz_destroy(pair->mark);
   fuzz_destroy(pair->view);
}

#define THREAD_STEPS 300

static void
user_run(void *data)
{
   struct hostile *hostile = data;

   for (unsigned i = 0; i < THREAD_STEPS; i++) {
      hostile_use(hostile);
      bystanders_use(hostile->user);
   }
}

static void
use_by_threads(void)
{
   struct hostile users[HOSTILE_USERS];
   struct scribbler scribbler = { .hostile = &users[0] };
   struct test_thread *threads[4];
   struct pair pair;

   hostile_create(&users[0]);
   users[0].racing = true;
   users[1] = users[0];
   users[1].user = 1;
   users[1].sync = fuzz_view(users[0].sync);
   users[1].peer = fuzz_view(users[0].sync);
   pair_create(&pair, &users[0]);

   threads[0] = fuzz_start(1, scribbler_run, &scribbler);
   threads[1] = fuzz_start(2, user_run, &users[1]);
   threads[2] = fuzz_start(3, pair_wait, &pair);
   threads[3] = fuzz_start(4, pair_wake, &pair);
   user_run(&users[0]);
   for (unsigned i = 1; i < TEST_COUNT(threads); i++)
      test_thread_join(threads[i]);
   InterlockedExchange(&scribbler.stop, 1);
   test_thread_join(threads[0]);

   pair_destroy(&pair);
   for (unsigned i = 0; i < HOSTILE_USERS; i++)
      hostile_destroy(&users[i]);
   fuzz_page_close(&users[0].page);
}

static void
by_threads(UNUSED intptr_t arg)
{
   hostile_run(60, use_by_threads);
}

const struct test_case test_cases[] = {
   { "by turns", by_turns, 0, 240 },
   { "by threads", by_threads, 0, 240 },
   { 0 },
};

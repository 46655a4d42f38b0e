/* SPDX-License-Identifier: MIT */

/* Sections that strangers write to while they are in use */
#include "hostile.h"

#define STEPS 64

#define USERS 2

/* A set for each thread that uses a hostile payload */
static struct fuzz_bystander bystanders[USERS][FUZZ_BYSTANDERS];

/* Teach fuzz_mutate() a bell of this process: who waits in vain leaves his
 * behind.
 */
static void
learn(void)
{
   struct vk_sync *sync = fuzz_shared_sync(VK_SYNC_WIN32_KIND_FENCE, NULL,
                                           false);

   EXPECT(fuzz_wait(sync, 0, FUZZ_MS) == VK_TIMEOUT);
   fuzz_learn(fuzz_layout(sync));
   fuzz_destroy(sync);
}

/* With bystanders; in the end, nothing is left of it. */
static void
run(const char *part, uint32_t episodes, uint32_t cases,
    void (*episode)(void *data))
{
   fuzz_learn_decoys();
   fuzz_open_device();
   learn();
   for (unsigned i = 0; i < USERS; i++)
      fuzz_bystanders_create(bystanders[i]);
   fuzz_run(part, episodes, cases, episode, NULL);
   for (unsigned i = 0; i < USERS; i++)
      fuzz_bystanders_destroy(bystanders[i]);
   fuzz_check_nothing_left(true, true);
}

/* By turns: what comes of each use is known. */
static void
mutate_and_use(UNUSED void *data)
{
   struct hostile hostile;
   const uint32_t fields =
      fuzz_chance(60) ? FIELDS_ANY & ~FIELDS_HEADER : FIELDS_ANY;

   hostile_create(&hostile);
   for (unsigned i = 0; i < STEPS; i++) {
      for (unsigned n = fuzz_below(4); n > 0; n--)
         fuzz_mutate(hostile.page.layout, fields);
      hostile_use(&hostile, bystanders[0]);
      fuzz_bystanders_use(bystanders[0]);
   }
   hostile_destroy(&hostile);
}

static void
by_turns(UNUSED intptr_t arg)
{
   run("by turns", 1300, STEPS, mutate_and_use);
}

/* By threads --------------------------------------------------------------- */

static void
scribble(struct vk_sync_win32_layout *layout, enum vk_sync_win32_kind kind)
{
   for (unsigned n = 1 + fuzz_below(60); n > 0; n--)
      fuzz_mutate(layout, FIELDS_ANY);

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
   uint64_t signalled_ns[MARKS + 1];
};

static void
pair_wake(void *data)
{
   struct pair *pair = data;

   for (uint64_t i = 1; i <= MARKS; i++) {
      if (fuzz_chance(50))
         Sleep(fuzz_below(3));
      vk_sync_win32_store64(&pair->signalled_ns[i], fuzz_now_ns());
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
   const uint64_t timeout_ns = 10 * 1000 * FUZZ_MS;
   const struct vk_sync_wait waits[] = {
      { .sync = pair->view, .wait_value = timeline ? fuzz_random() : 0 },
      { .sync = pair->mark, .wait_value = seen + 1 },
   };
   uint64_t value = 0;

   fuzz_enter("waiting for any", seen + 1);
   FUZZ_CHECK(fuzz_wait_many(2, waits, VK_SYNC_WAIT_ANY, timeout_ns) ==
              VK_SUCCESS);
   fuzz_leave(timeout_ns);

   FUZZ_CHECK(vk_sync_get_value(fuzz_device, pair->mark, &value) ==
              VK_SUCCESS);
   FUZZ_CHECK(value >= seen && value <= MARKS);
   if (value == seen) {
      SwitchToThread();
      return seen;
   }

   fuzz_check_late(vk_sync_win32_load64(&pair->signalled_ns[seen + 1]), 0);
   fuzz_count_case();
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
      .view = fuzz_open(hostile->kind, hostile->page.handle),
   };
   if (fuzz_chance(50)) {
      pair->mark = pair->mark_view = fuzz_sync(kind, 0);
   } else {
      pair->mark = fuzz_shared_sync(kind, NULL, false);

      HANDLE handle = fuzz_export(pair->mark);
      pair->mark_view = fuzz_open(kind, handle);
      CloseHandle(handle);
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

struct user {
   struct hostile hostile;
   struct fuzz_bystander *bystanders;
};

static void
user_run(void *data)
{
   struct user *user = data;

   for (unsigned i = 0; i < THREAD_STEPS; i++) {
      hostile_use(&user->hostile, user->bystanders);
      fuzz_bystanders_use(user->bystanders);
   }
}

static HANDLE
copy_handle(HANDLE handle)
{
   HANDLE copy = NULL;

   REQUIRE(DuplicateHandle(GetCurrentProcess(), handle, GetCurrentProcess(),
                           &copy, 0, FALSE, DUPLICATE_SAME_ACCESS));
   return copy;
}

static void
use_by_threads(UNUSED void *data)
{
   struct user users[USERS];
   struct hostile *hostile = &users[0].hostile;
   struct scribbler scribbler = { .hostile = hostile };
   struct test_thread *threads[4];
   struct pair pair;

   for (unsigned i = 0; i < USERS; i++)
      users[i].bystanders = bystanders[i];
   hostile_create(hostile);
   hostile_open(&users[1].hostile, hostile->kind,
                copy_handle(hostile->page.handle));
   users[1].hostile.number = hostile->number;
   pair_create(&pair, hostile);

   hostile->racing = true;
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
   for (unsigned i = USERS; i-- > 0;)
      hostile_destroy(&users[i].hostile);
}

static void
by_threads(UNUSED intptr_t arg)
{
   run("by threads", 60, USERS * THREAD_STEPS, use_by_threads);
}

int
main(int argc, char **argv)
{
   static const struct test_case cases[] = {
      { "by turns", by_turns, 0, 240 },
      { "by threads", by_threads, 0, 240 },
      { 0 },
   };

   return test_main(argc, argv, cases, NULL);
}

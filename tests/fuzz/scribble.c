/* SPDX-License-Identifier: MIT */

/* Threads and processes that write to a section while others use it */
#include "use.h"

#include "child.h"

/* Scribbling --------------------------------------------------------------- */

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
      FUZZ_CHECK(fuzz_signal(pair->mark_view, i) == VK_SUCCESS);
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

   FUZZ_CHECK(fuzz_get_value(pair->mark, &value) == VK_SUCCESS);
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

/* Threads ------------------------------------------------------------------ */

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
      users[i].bystanders = use_bystanders[i];
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

void
by_threads(UNUSED intptr_t arg)
{
   use_run("by threads", 60, USERS * THREAD_STEPS, use_by_threads, false);
}

/* Processes ---------------------------------------------------------------- */

#define PROCESS_STEPS 4000

struct assignment {
   uint64_t section;
   uint64_t seed;
   enum vk_sync_win32_kind kind;
};

static struct assignment
receive_assignment(struct child_link *link)
{
   struct assignment assignment;

   REQUIRE(child_link_receive(link, &assignment, sizeof(assignment)));
   fuzz_self()->random = assignment.seed;
   return assignment;
}

int
scribble_main(int argc, char **argv)
{
   struct child_link link = child_link_open(argc, argv);
   const struct assignment assignment = receive_assignment(&link);
   struct fuzz_page page;
   bool ready = true;

   fuzz_page_open(&page, (HANDLE)(uintptr_t)assignment.section);
   REQUIRE(child_link_send(&link, &ready, sizeof(ready)));

   /* Until it is killed, in the middle of something */
   for (;;)
      scribble(page.layout, assignment.kind);
}

/* Uses it in good faith, and is checked as this process is. */
int
user_main(int argc, char **argv)
{
   struct child_link link = child_link_open(argc, argv);
   struct fuzz_thread *self = fuzz_self();
   struct user user = { .bystanders = use_bystanders[0] };
   bool go;

   fuzz_watch("the other user");
   const struct assignment assignment = receive_assignment(&link);

   fuzz_open_device();
   hostile_open(&user.hostile, assignment.kind,
                (HANDLE)(uintptr_t)assignment.section);
   fuzz_bystanders_create(user.bystanders);
   REQUIRE(child_link_send(&link, &self->cases, sizeof(self->cases)));

   /* The scribbler has been started. */
   REQUIRE(child_link_receive(&link, &go, sizeof(go)));
   while (self->cases < PROCESS_STEPS)
      user_run(&user);
   hostile_destroy(&user.hostile);
   fuzz_bystanders_destroy(user.bystanders);
   fuzz_check_nothing_left(false, true);
   REQUIRE(child_link_send(&link, &self->cases, sizeof(self->cases)));
   return test_failed();
}

static struct child *
start_child(const char *role, const struct hostile *hostile)
{
   struct child *child = child_start(role, &hostile->page.handle, 1);
   const struct assignment assignment = {
      .section = (uint64_t)(uintptr_t)hostile->page.handle,
      .seed = fuzz_random(),
      .kind = hostile->kind,
   };

   REQUIRE(child_send(child, &assignment, sizeof(assignment)));
   return child;
}

static void
use_by_processes(UNUSED void *data)
{
   struct user user = { .bystanders = use_bystanders[0] };
   uint64_t cases = 0;
   bool ready = true;

   hostile_create(&user.hostile);
   user.hostile.racing = true;

   fuzz_enter("starting the children", 0);
   struct child *other = start_child("user", &user.hostile);
   REQUIRE(child_receive(other, &cases, sizeof(cases)));
   struct child *scribbler = start_child("scribble", &user.hostile);
   REQUIRE(child_receive(scribbler, &ready, sizeof(ready)));
   REQUIRE(child_send(other, &ready, sizeof(ready)));
   fuzz_leave(30 * 1000 * FUZZ_MS);

   for (unsigned i = 0; i < PROCESS_STEPS / THREAD_STEPS + 1; i++)
      user_run(&user);

   fuzz_enter("waiting for the other user", 0);
   REQUIRE(child_receive(other, &cases, sizeof(cases)));
   fuzz_self()->cases += cases;
   FUZZ_CHECK(child_join(other, 20000) == 0);
   fuzz_leave(30 * 1000 * FUZZ_MS);

   child_kill(scribbler);
   hostile_destroy(&user.hostile);
}

void
by_processes(UNUSED intptr_t arg)
{
   use_run("by processes", 2, 2 * PROCESS_STEPS, use_by_processes, true);
}

/* SPDX-License-Identifier: MIT */

/* Threads and processes that write to a section while others use it */
#include "use.h"

#include <string.h>

#include "util/os_time.h"

#include "child.h"

/* Scribbling --------------------------------------------------------------- */

static void
scribble(struct fuzz_rng *rng, struct vk_sync_win32_layout *layout,
         enum vk_sync_win32_kind kind)
{
   for (unsigned n = 1 + fuzz_below(rng, 60); n > 0; n--)
      fuzz_mutate(rng, layout, FIELDS_ANY);

   /* Else nothing could be imported for most of the time. */
   if (fuzz_chance(rng, 30)) {
      layout->magic = VK_SYNC_WIN32_SECTION_MAGIC;
      layout->kind = kind;
   }

   switch (fuzz_below(rng, 8)) {
   case 0:
      Sleep(1);
      break;
   case 1:
   case 2:
   case 3:
      SwitchToThread();
      break;
   default:
      break;
   }
}

static void
scribbler_run(void *data)
{
   struct scribbler *scribbler = data;
   struct hostile *hostile = scribbler->hostile;

   while (!scribbler->stop)
      scribble(&scribbler->self->rng, hostile->page.layout, hostile->kind);
}

void
scribbler_start(struct scribbler *scribbler, struct fuzz_thread *self,
                struct hostile *hostile)
{
   *scribbler = (struct scribbler) { .self = self, .hostile = hostile };
   hostile->racing = true;
   scribbler->thread = test_thread_start(scribbler_run, scribbler);
}

void
scribbler_stop(struct scribbler *scribbler)
{
   InterlockedExchange(&scribbler->stop, 1);
   test_thread_join(scribbler->thread);
}

/* A thread that waits for the hostile payload or for another one, and the
 * thread that signals the other one
 */

#define MARKS 100

struct pair {
   struct vk_device *device;
   struct hostile *hostile;
   struct fuzz_thread *waiter, *waker;
   /* Of the hostile payload and, twice, of the other one */
   struct vk_sync *view, *mark, *mark_view;
   uint64_t signalled_ns[MARKS + 1];
   struct test_thread *threads[2];
};

static void
pair_wake(void *data)
{
   struct pair *pair = data;
   struct fuzz_thread *self = pair->waker;

   for (uint64_t i = 1; i <= MARKS; i++) {
      if (fuzz_chance(&self->rng, 50))
         Sleep(fuzz_below(&self->rng, 3));
      vk_sync_win32_store64(&pair->signalled_ns[i], fuzz_now_ns());
      fuzz_enter(self, "waking", i);
      FUZZ_CHECK(self, vk_sync_signal(pair->device, pair->mark_view, i) ==
                       VK_SUCCESS);
      fuzz_leave(self, 0);
   }
}

static uint64_t
pair_wait_once(struct pair *pair, uint64_t seen)
{
   struct fuzz_thread *self = pair->waiter;
   const bool timeline =
      pair->hostile->kind == VK_SYNC_WIN32_KIND_TIMELINE;
   const uint64_t timeout_ns = 10 * 1000 * FUZZ_MS;
   uint64_t value = 0;
   const struct vk_sync_wait waits[] = {
      {
         .sync = pair->view,
         .wait_value = timeline ? fuzz_random(&self->rng) : 0,
      },
      { .sync = pair->mark, .wait_value = seen + 1 },
   };

   fuzz_enter(self, "waiting for any", seen + 1);
   FUZZ_CHECK(self, vk_sync_wait_many(
                       pair->device, 2, waits, VK_SYNC_WAIT_ANY,
                       os_time_get_absolute_timeout(timeout_ns)) ==
                    VK_SUCCESS);
   fuzz_leave(self, timeout_ns);

   FUZZ_CHECK(self, vk_sync_get_value(pair->device, pair->mark, &value) ==
                    VK_SUCCESS);
   FUZZ_CHECK(self, value >= seen && value <= MARKS);
   if (value == seen) {
      SwitchToThread();
      return seen;
   }

   const uint64_t taken_ns = fuzz_elapsed_ns(
      vk_sync_win32_load64(&pair->signalled_ns[seen + 1]));
   FUZZ_CHECK(self, taken_ns <= FUZZ_LATE_NS);
   self->slowest_ns = MAX2(self->slowest_ns, taken_ns);
   self->cases++;
   return value;
}

static void
pair_wait(void *data)
{
   struct pair *pair = data;

   for (uint64_t seen = 0; seen < MARKS && !test_failed();)
      seen = pair_wait_once(pair, seen);
}

static struct vk_sync *
open_view(struct vk_device *device, enum vk_sync_win32_kind kind,
          HANDLE handle)
{
   const struct fuzz_import_info info =
      fuzz_import_info(handle);
   struct vk_sync *view = fuzz_sync(device, kind, 0);

   REQUIRE(fuzz_import(device, view, &info) == VK_SUCCESS);
   return view;
}

/* Before anybody scribbles */
static void
pair_create(struct pair *pair, struct fuzz_rng *rng)
{
   const enum vk_sync_win32_kind kind = VK_SYNC_WIN32_KIND_TIMELINE;

   pair->view = open_view(pair->device, pair->hostile->kind,
                          pair->hostile->page.handle);
   if (fuzz_chance(rng, 50)) {
      pair->mark = fuzz_sync(pair->device, kind, 0);
      pair->mark_view = pair->mark;
   } else {
      pair->mark = fuzz_shared_sync(pair->device, kind, NULL, false);

      HANDLE handle = fuzz_export(pair->device, pair->mark);
      pair->mark_view = open_view(pair->device, kind, handle);
      CloseHandle(handle);
   }
}

static void
pair_start(struct pair *pair)
{
   pair->threads[0] = test_thread_start(pair_wake, pair);
   pair->threads[1] = test_thread_start(pair_wait, pair);
}

static void
pair_join(struct pair *pair)
{
   test_thread_join(pair->threads[0]);
   test_thread_join(pair->threads[1]);
   if (pair->mark_view != pair->mark)
      vk_sync_destroy(pair->device, pair->mark_view);
   vk_sync_destroy(pair->device, pair->mark);
   vk_sync_destroy(pair->device, pair->view);
}

/* Threads ------------------------------------------------------------------ */

#define USERS 2
#define THREAD_STEPS 300

struct user {
   struct fuzz_thread *self;
   struct hostile hostile;
   struct fuzz_bystanders bystanders;
};

struct threads {
   struct vk_device *device;
   struct user users[USERS];
};

static void
user_run(void *data)
{
   struct user *user = data;

   for (unsigned i = 0; i < THREAD_STEPS; i++) {
      hostile_use(user->self, &user->hostile, &user->bystanders);
      fuzz_bystanders_use(user->self, &user->bystanders);
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
use_by_threads(struct fuzz_thread *self, void *data)
{
   struct threads *threads = data;
   struct user *users = threads->users;
   struct pair pair = {
      .device = threads->device,
      .waiter = fuzz_thread(3),
      .waker = fuzz_thread(4),
      .hostile = &users[0].hostile,
   };
   struct test_thread *other;
   struct scribbler scribbler;

   users[0].self = self;
   users[1].self = fuzz_thread(2);
   hostile_create(&users[0].hostile, threads->device, &self->rng);
   REQUIRE(hostile_open(&users[1].hostile, threads->device,
                        users[0].hostile.kind,
                        copy_handle(users[0].hostile.page.handle)));
   users[1].hostile.number = users[0].hostile.number;

   pair_create(&pair, &self->rng);

   scribbler_start(&scribbler, fuzz_thread(1), &users[0].hostile);
   pair_start(&pair);
   other = test_thread_start(user_run, &users[1]);
   user_run(&users[0]);
   test_thread_join(other);
   pair_join(&pair);
   scribbler_stop(&scribbler);

   for (unsigned i = USERS; i-- > 0;)
      hostile_destroy(users[i].self, &users[i].hostile);
}

void
by_threads(intptr_t arg)
{
   const uint32_t episodes = 60;
   struct threads threads;

   (void)arg;
   fuzz_learn_decoys();
   threads.device = fuzz_device();
   use_learn(threads.device);
   for (unsigned i = 0; i < USERS; i++)
      fuzz_bystanders_create(&threads.users[i].bystanders, threads.device);

   fuzz_run("by threads", episodes, episodes * USERS * THREAD_STEPS,
            use_by_threads, &threads);

   for (unsigned i = 0; i < USERS; i++)
      fuzz_bystanders_destroy(fuzz_thread(1), &threads.users[i].bystanders);
   fuzz_check_nothing_left(true, true);
}

/* Processes ---------------------------------------------------------------- */

#define PROCESS_STEPS 4000

struct assignment {
   uint64_t section;
   uint64_t seed;
   enum vk_sync_win32_kind kind;
};

int
scribble_main(int argc, char **argv)
{
   struct child_link link = child_link_open(argc, argv);
   struct assignment assignment;
   struct fuzz_page page;
   bool ready = true;

   REQUIRE(child_link_receive(&link, &assignment, sizeof(assignment)));
   struct fuzz_rng rng = { .state = assignment.seed };
   fuzz_page_open(&page, (HANDLE)(uintptr_t)assignment.section);
   REQUIRE(child_link_send(&link, &ready, sizeof(ready)));

   /* Until it is killed, in the middle of something */
   for (;;)
      scribble(&rng, page.layout, assignment.kind);
}

/* Uses it in good faith, and is checked as this process is. */
int
user_main(int argc, char **argv)
{
   struct child_link link = child_link_open(argc, argv);
   struct fuzz_thread *self = fuzz_thread(1);
   struct assignment assignment;
   struct user user = { .self = self };
   bool go;

   fuzz_watch("the other user");
   REQUIRE(child_link_receive(&link, &assignment, sizeof(assignment)));
   self->rng.state = assignment.seed;

   struct vk_device *device = fuzz_device();
   REQUIRE(hostile_open(&user.hostile, device, assignment.kind,
                        (HANDLE)(uintptr_t)assignment.section));
   fuzz_bystanders_create(&user.bystanders, device);
   REQUIRE(child_link_send(&link, &self->cases, sizeof(self->cases)));

   /* The scribbler has been started. */
   REQUIRE(child_link_receive(&link, &go, sizeof(go)));
   while (self->cases < PROCESS_STEPS)
      user_run(&user);
   hostile_destroy(self, &user.hostile);
   fuzz_bystanders_destroy(self, &user.bystanders);
   fuzz_check_nothing_left(false, true);
   REQUIRE(child_link_send(&link, &self->cases, sizeof(self->cases)));
   return test_failed();
}

static struct child *
start_child(struct fuzz_thread *self, const char *role,
            const struct hostile *hostile)
{
   struct child *child = child_start(role, &hostile->page.handle, 1);
   const struct assignment assignment = {
      .section = (uint64_t)(uintptr_t)hostile->page.handle,
      .seed = fuzz_random(&self->rng),
      .kind = hostile->kind,
   };

   REQUIRE(child_send(child, &assignment, sizeof(assignment)));
   return child;
}

static void
use_by_processes(struct fuzz_thread *self, void *data)
{
   struct threads *threads = data;
   struct user *user = &threads->users[0];
   struct child *other, *scribbler;
   uint64_t cases = 0;
   bool ready = true;

   user->self = self;
   hostile_create(&user->hostile, threads->device, &self->rng);
   user->hostile.racing = true;

   fuzz_enter(self, "starting the children", 0);
   other = start_child(self, "user", &user->hostile);
   REQUIRE(child_receive(other, &cases, sizeof(cases)));
   scribbler = start_child(self, "scribble", &user->hostile);
   REQUIRE(child_receive(scribbler, &ready, sizeof(ready)));
   REQUIRE(child_send(other, &ready, sizeof(ready)));
   fuzz_leave(self, 30 * 1000 * FUZZ_MS);

   for (unsigned i = 0; i < PROCESS_STEPS / THREAD_STEPS + 1; i++)
      user_run(user);

   fuzz_enter(self, "waiting for the other user", 0);
   REQUIRE(child_receive(other, &cases, sizeof(cases)));
   self->cases += cases;
   FUZZ_CHECK(self, child_join(other, 20000) == 0);
   fuzz_leave(self, 30 * 1000 * FUZZ_MS);

   child_kill(scribbler);
   hostile_destroy(self, &user->hostile);
}

void
by_processes(intptr_t arg)
{
   const uint32_t episodes = 2;
   struct threads threads;

   (void)arg;
   fuzz_learn_decoys();
   threads.device = fuzz_device();
   use_learn(threads.device);
   fuzz_bystanders_create(&threads.users[0].bystanders, threads.device);

   fuzz_run("by processes", episodes, episodes * 2 * PROCESS_STEPS,
            use_by_processes, &threads);

   fuzz_bystanders_destroy(fuzz_thread(1), &threads.users[0].bystanders);
   fuzz_check_nothing_left(false, false);
}

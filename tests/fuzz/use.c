/* SPDX-License-Identifier: MIT */

/* Sections that strangers write to while they are in use */
#include "use.h"

#include "util/os_time.h"

#define STEPS 64

struct use {
   struct vk_device *device;
   struct fuzz_bystanders bystanders;
};

void
use_learn(struct vk_device *device)
{
   struct fuzz_rng rng = {0};
   struct hostile hostile;

   /* Who waits in vain leaves his bell behind. */
   hostile_create(&hostile, device, &rng);
   EXPECT(vk_sync_wait(device, hostile.sync,
                       hostile.kind == VK_SYNC_WIN32_KIND_TIMELINE,
                       VK_SYNC_WAIT_COMPLETE,
                       os_time_get_absolute_timeout(FUZZ_MS)) == VK_TIMEOUT);
   fuzz_learn(hostile.page.layout);
   vk_sync_destroy(device, hostile.sync);
   vk_sync_destroy(device, hostile.peer);
   fuzz_page_close(&hostile.page);
}

/* By turns: what comes of each use is known. */
static void
mutate_and_use(struct fuzz_thread *self, void *data)
{
   struct use *use = data;
   struct hostile hostile;
   const uint32_t fields = fuzz_chance(&self->rng, 60) ?
                           FIELDS_ANY & ~FIELDS_HEADER : FIELDS_ANY;

   hostile_create(&hostile, use->device, &self->rng);
   for (unsigned i = 0; i < STEPS; i++) {
      for (unsigned n = fuzz_below(&self->rng, 4); n > 0; n--)
         fuzz_mutate(&self->rng, hostile.page.layout, fields);
      hostile_use(self, &hostile, &use->bystanders);
      fuzz_bystanders_use(self, &use->bystanders);
   }
   hostile_destroy(self, &hostile);
}

static void
by_turns(intptr_t arg)
{
   struct fuzz_thread self = {0};
   struct use use;

   (void)arg;
   fuzz_learn_decoys();
   use.device = fuzz_device();
   use_learn(use.device);
   fuzz_bystanders_create(&use.bystanders, use.device);
   fuzz_run("by turns", 1000, 1000 * STEPS, mutate_and_use, &use);
   fuzz_bystanders_destroy(&self, &use.bystanders);
   fuzz_check_nothing_left(true, true);
}

int
main(int argc, char **argv)
{
   static const struct test_case cases[] = {
      { "by turns", by_turns, 0, 240 },
      { "by threads", by_threads, 0, 240 },
      { "by processes", by_processes, 0, 240 },
      { "invented tickets by turns", invented_by_turns, 0, 240 },
      { "invented tickets by threads", invented_by_threads, 0, 240 },
      { 0 },
   };
   static const struct test_role roles[] = {
      { "scribble", scribble_main },
      { "user", user_main },
      { 0 },
   };

   return test_main(argc, argv, cases, roles);
}

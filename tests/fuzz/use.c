/* SPDX-License-Identifier: MIT */

/* Sections that strangers write to while they are in use */
#include "use.h"

#define STEPS 64

struct fuzz_bystander use_bystanders[USERS][FUZZ_BYSTANDERS];

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

void
use_run(const char *part, uint32_t episodes, uint32_t cases,
        void (*episode)(void *data), bool has_children)
{
   fuzz_learn_decoys();
   fuzz_open_device();
   learn();
   for (unsigned i = 0; i < USERS; i++)
      fuzz_bystanders_create(use_bystanders[i]);
   fuzz_run(part, episodes, cases, episode, NULL);
   for (unsigned i = 0; i < USERS; i++)
      fuzz_bystanders_destroy(use_bystanders[i]);
   fuzz_check_nothing_left(!has_children, !has_children);
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
      hostile_use(&hostile, use_bystanders[0]);
      fuzz_bystanders_use(use_bystanders[0]);
   }
   hostile_destroy(&hostile);
}

static void
by_turns(UNUSED intptr_t arg)
{
   use_run("by turns", 1000, STEPS, mutate_and_use, false);
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

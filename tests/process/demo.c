/* SPDX-License-Identifier: MIT */

/* The demo as a test: with the waits every frame arrives whole, without them
 * the consumer has to notice that they do not.
 */
#include "child.h"
#include "vkt.h"

#include <string.h>

/* As in demo_common.h. */
#define STATUS_OK 0
#define STATUS_TORN 4

#define NO_WAITS "--no-waits"
#define FRAMES 48

struct run {
   const char *options;
   unsigned frames;
   unsigned hogs;
};

static const struct run runs[] = {
   {"", FRAMES},
   {"", 300},
   {"--host-pointer", FRAMES},
   {"", FRAMES, .hogs = 3},
   {NO_WAITS, FRAMES},
   {NO_WAITS " --host-pointer", FRAMES},
};

static void
run_demo(intptr_t number)
{
   const struct run *run = &runs[number];
   const bool waits = strstr(run->options, NO_WAITS) == NULL;
   const long frames =
      (long)run->frames * (run->frames > FRAMES ? test_scale() : 1);
   char path[MAX_PATH], folder[MAX_PATH], sheet[MAX_PATH];
   char arguments[2 * MAX_PATH], output[8192];
   long verified = -1, torn = -1, stale = -1;
   struct child *child;
   const char *at;

   test_hog_cpu(run->hogs);
   child_sibling_program("..\\demo\\producer.exe", path, sizeof(path));
   REQUIRE(GetTempPathA(sizeof(folder), folder));
   REQUIRE(GetTempFileNameA(folder, "lvp", 0, sheet));
   snprintf(arguments, sizeof(arguments), "%s --frames %ld \"%s\"",
            run->options, frames, sheet);
   child = child_start_program(path, arguments);
   child_read_output(child, output, sizeof(output));
   EXPECT_U64(child_join(child, VKT_LONG_MS), waits ? STATUS_OK : STATUS_TORN);
   DeleteFileA(sheet);
   test_diag("%s", output);

   at = strstr(output, "frames/s; ");
   if (at)
      sscanf(at, "frames/s; %ld verified, %ld torn, %ld stale", &verified,
             &torn, &stale);
   EXPECT((strstr(output, "demo: OK") != NULL) == waits);
   EXPECT(verified + torn + stale == frames);
   EXPECT((torn + stale == 0) == waits);
}

const struct test_case test_cases[] = {
   {"consumer verifies every frame", run_demo, 0},
   {"consumer verifies every frame of a long stream", run_demo, 1},
   {"consumer verifies every frame in a file mapping", run_demo, 2},
   {"consumer verifies every frame beside CPU hogs", run_demo, 3},
   {"consumer sees torn or stale frames when waits are left out", run_demo, 4},
   {"consumer sees torn or stale frames in a file mapping, too", run_demo, 5},
   {0},
};

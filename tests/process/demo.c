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

struct summary {
   long verified, torn, stale;
};

/* Fails unless the consumer ends with that status. */
static struct summary
run_demo(const char *options, DWORD status)
{
   char path[MAX_PATH], folder[MAX_PATH], sheet[MAX_PATH];
   char arguments[2 * MAX_PATH], output[8192];
   struct summary s = {-1, -1, -1};
   struct child *child;
   const char *at;

   child_sibling_program("..\\demo\\producer.exe", path, sizeof(path));
   REQUIRE(GetTempPathA(sizeof(folder), folder));
   REQUIRE(GetTempFileNameA(folder, "lvp", 0, sheet));
   snprintf(arguments, sizeof(arguments), "%s \"%s\"", options, sheet);
   child = child_start_program(path, arguments);
   child_read_output(child, output, sizeof(output));
   EXPECT_U64(child_join(child, VKT_LONG_MS), status);
   DeleteFileA(sheet);
   at = strstr(output, "frames/s; ");
   if (at)
      sscanf(at, "frames/s; %ld verified, %ld torn, %ld stale", &s.verified,
             &s.torn, &s.stale);
   EXPECT((strstr(output, "demo: OK") != NULL) == (status == STATUS_OK));
   test_diag("%s", output);
   return s;
}

static void
expect_verified(const char *options, long frames)
{
   const struct summary s = run_demo(options, STATUS_OK);

   EXPECT(s.verified == frames);
   EXPECT(s.torn == 0);
   EXPECT(s.stale == 0);
}

static void
frames_are_verified(intptr_t options)
{
   expect_verified((const char *)options, 48);
}

static void
many_frames_are_verified(UNUSED intptr_t arg)
{
   char options[32];
   const unsigned frames = 300 * test_scale();

   snprintf(options, sizeof(options), "--frames %u", frames);
   expect_verified(options, (long)frames);
}

static void
frames_with_hogs_are_verified(UNUSED intptr_t arg)
{
   test_hog_cpu(3);
   expect_verified("", 48);
}

static void
sees_frames_without_waits(intptr_t options)
{
   const struct summary s = run_demo((const char *)options, STATUS_TORN);

   EXPECT(s.torn + s.stale > 0);
}

const struct test_case test_cases[] = {
   {"consumer verifies every frame", frames_are_verified, (intptr_t)""},
   {"consumer verifies every frame of a long stream",
    many_frames_are_verified},
   {"consumer verifies every frame in a file mapping",
    frames_are_verified, (intptr_t)"--host-pointer"},
   {"consumer verifies every frame beside CPU hogs",
    frames_with_hogs_are_verified},
   {"consumer sees torn or stale frames when waits are left out",
    sees_frames_without_waits, (intptr_t)"--no-waits"},
   {"consumer sees torn or stale frames in a file mapping, too",
    sees_frames_without_waits, (intptr_t)"--no-waits --host-pointer"},
   {0},
};

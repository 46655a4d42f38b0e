/* SPDX-License-Identifier: MIT */

/* The demo as a test: with the waits every frame arrives whole, without them
 * the consumer has to notice that they do not.
 */
#include "child.h"
#include "vkt.h"

#include <string.h>

/* As in demo_common.h. */
#define STATUS_OK 0
#define STATUS_TORN 3

static DWORD
run_demo(const char *options, char *output, size_t size)
{
   char path[MAX_PATH], folder[MAX_PATH], sheet[MAX_PATH];
   char arguments[2 * MAX_PATH];
   struct child *child;
   DWORD status;

   child_sibling_program("..\\demo\\producer.exe", path, sizeof(path));
   REQUIRE(GetTempPathA(sizeof(folder), folder));
   REQUIRE(GetTempFileNameA(folder, "lvp", 0, sheet));
   snprintf(arguments, sizeof(arguments), "%s \"%s\"", options, sheet);
   child = child_start_program(path, arguments);
   child_read_output(child, output, size);
   status = child_join(child, VKT_LONG_MS);
   DeleteFileA(sheet);
   return status;
}

struct summary {
   long verified, torn, stale;
};

static struct summary
read_summary(const char *output)
{
   struct summary s = {-1, -1, -1};
   const char *at = strstr(output, "frames/s; ");

   if (at)
      sscanf(at, "frames/s; %ld verified, %ld torn, %ld stale", &s.verified,
             &s.torn, &s.stale);
   return s;
}

static void
expect_verified(const char *options, long frames)
{
   char output[8192];
   struct summary summary;

   EXPECT_U64(run_demo(options, output, sizeof(output)), STATUS_OK);
   summary = read_summary(output);
   EXPECT(summary.verified == frames);
   EXPECT(summary.torn == 0);
   EXPECT(summary.stale == 0);
   EXPECT(strstr(output, "demo: OK") != NULL);
   if (test_failed())
      test_diag("%s", output);
}

static void
every_frame_is_verified(intptr_t arg)
{
   (void)arg;
   expect_verified("", 48);
}

static void
many_frames_are_verified(intptr_t arg)
{
   char options[32];
   const unsigned frames = 300 * test_scale();

   (void)arg;
   snprintf(options, sizeof(options), "--frames %u", frames);
   expect_verified(options, (long)frames);
}

static void
frames_in_a_file_mapping(intptr_t arg)
{
   (void)arg;
   expect_verified("--host-pointer", 48);
}

static void
frames_with_hogs_are_verified(intptr_t arg)
{
   (void)arg;
   test_hog_cpu(3);
   expect_verified("", 48);
}

static void
sees_frames_without_waits(intptr_t host_pointer)
{
   const char *options = host_pointer ? "--no-waits --host-pointer"
                                      : "--no-waits";
   char output[8192];
   struct summary summary;

   EXPECT_U64(run_demo(options, output, sizeof(output)), STATUS_TORN);
   summary = read_summary(output);
   EXPECT(summary.torn + summary.stale > 0);
   test_diag("%ld verified, %ld torn, %ld stale", summary.verified,
             summary.torn, summary.stale);
   if (test_failed())
      test_diag("%s", output);
}

static const struct test_case cases[] = {
   {"consumer verifies every frame", every_frame_is_verified, 0, 0},
   {"consumer verifies every frame of a long stream",
    many_frames_are_verified, 0, 0},
   {"consumer verifies every frame in a file mapping",
    frames_in_a_file_mapping, 0, 0},
   {"consumer verifies every frame beside CPU hogs",
    frames_with_hogs_are_verified, 0, 0},
   {"consumer sees torn or stale frames when waits are left out",
    sees_frames_without_waits, 0, 0},
   {"consumer sees torn or stale frames in a file mapping, too",
    sees_frames_without_waits, 1, 0},
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}

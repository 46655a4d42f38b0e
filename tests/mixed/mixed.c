/* SPDX-License-Identifier: MIT */

/* Payloads that are shared by processes of 32 and 64 bits, or of different
 * compilers.  The partner is a program of this source from another build:
 * LVP_SYNC_PARTNER is the folder that it is in; by default it is this one.
 * Nobody looks without having been woken, so that a ring that the other side
 * does not send, or sends to another bell, is a hang.
 */
#include "peer.h"

#include <stdlib.h>

#include "util/macros.h"
#include "util/os_time.h"

#include "vk_sync_win32_owner.h"

#define ROUNDS 2500

struct board {
   uint32_t kind;
   uint32_t child_creates;
   uint32_t ready;
   uint32_t pointer_size;
   uint64_t owner;
};

static_assert(sizeof(struct board) == 24, "the same for both");

/* This side signals one, and waits for the other. */
struct side {
   struct vk_device *device;
   enum vk_sync_win32_kind kind;
   struct vk_sync *signals, *waits;
};

static struct side
open_side(const struct peer_run *run, bool create, bool is_parent)
{
   const struct board *board = run->board;
   const enum vk_sync_win32_kind kind = board->kind;
   struct vk_device *device = unit_device();
   struct vk_sync *forth, *back;

   if (create) {
      forth = peer_share(run, device, kind, "forth");
      back = peer_share(run, device, kind, "back");
   } else {
      forth = peer_open(run, device, kind, "forth");
      back = peer_open(run, device, kind, "back");
   }
   return (struct side) {
      .device = device,
      .kind = kind,
      .signals = is_parent ? forth : back,
      .waits = is_parent ? back : forth,
   };
}

static void
close_side(struct side *side)
{
   vk_sync_destroy(side->device, side->signals);
   vk_sync_destroy(side->device, side->waits);
}

static void
wait(struct side *side, uint64_t value)
{
   const uint64_t timeout_ns = PATIENCE_S * UINT64_C(1000000000);
   struct vk_sync *sync = side->waits;

   if (side->kind == VK_SYNC_WIN32_KIND_BINARY)
      sync = unit_take(side->device, sync);

   REQUIRE(unit_wait(side->device, sync, value, timeout_ns) == VK_SUCCESS);

   if (side->kind == VK_SYNC_WIN32_KIND_BINARY)
      unit_sync_destroy(side->device, sync);
   else if (side->kind == VK_SYNC_WIN32_KIND_FENCE)
      REQUIRE(vk_sync_reset(side->device, sync) == VK_SUCCESS);
   else
      REQUIRE_U64(peer_word(sync), value);
}

static void
signal(struct side *side, uint64_t value)
{
   REQUIRE(unit_signal(side->device, side->signals, value) == VK_SUCCESS);
}

/* Beyond 32 bits, and in both halves */
static uint64_t
value_of_round(unsigned round)
{
   return UINT64_C(0xfffffff0) + round * UINT64_C(0x300000001);
}

static int
partner_main(int argc, char **argv)
{
   const struct peer_run run = peer_run_open(argc, argv, sizeof(struct board));
   struct board *board = run.board;
   struct side side = open_side(&run, board->child_creates, false);

   board->pointer_size = sizeof(void *);
   board->owner = vk_sync_win32_owner_self();
   vk_sync_win32_store32(&board->ready, 1);

   for (unsigned round = 1; round <= ROUNDS; round++) {
      wait(&side, value_of_round(round));
      signal(&side, value_of_round(round));
   }
   close_side(&side);
   return 0;
}

static int
consumer_main(int argc, char **argv)
{
   const struct peer_run run = peer_run_open(argc, argv, sizeof(struct board));
   struct board *board = run.board;
   struct side side = open_side(&run, false, false);

   unit_take(side.device, side.waits);
   vk_sync_win32_store32(&board->ready, 1);
   Sleep(INFINITE);
   return 0;
}

static bool
starts(const char *path)
{
   char command[MAX_PATH];
   STARTUPINFOA startup = { .cb = sizeof(startup) };
   PROCESS_INFORMATION info;
   DWORD status = 0;

   snprintf(command, sizeof(command), "\"%s\"", path);
   if (!CreateProcessA(path, command, NULL, NULL, FALSE, 0, NULL, NULL,
                       &startup, &info)) {
      test_diag("CreateProcess(%s): error %lu", path,
                (unsigned long)GetLastError());
      return false;
   }
   WaitForSingleObject(info.hProcess, 20000);
   GetExitCodeProcess(info.hProcess, &status);
   TerminateProcess(info.hProcess, 1);
   CloseHandle(info.hProcess);
   CloseHandle(info.hThread);
   return status == 42;
}

/* False where no program of that kind starts, whatever is in it */
static bool
find_partner(void)
{
   static char program[MAX_PATH], hello[MAX_PATH];
   static bool failed;
   const char *folder = getenv("LVP_SYNC_PARTNER");

   if (folder == NULL)
      return true;

   snprintf(program, sizeof(program), "%s\\mixed.exe", folder);
   snprintf(hello, sizeof(hello), "%s\\mixed_hello.exe", folder);
   /* Not having been built is no reason to skip. */
   REQUIRE(GetFileAttributesA(program) != INVALID_FILE_ATTRIBUTES);
   REQUIRE(GetFileAttributesA(hello) != INVALID_FILE_ATTRIBUTES);
   if (failed || (failed = !starts(hello))) {
      test_skip("no program of the partner's width starts on this machine");
      return false;
   }
   peer_program = program;
   return true;
}

static void
hand_over(enum vk_sync_win32_kind kind, bool child_creates)
{
   const struct peer_run run = peer_run_create(sizeof(struct board));
   struct board *board = run.board;
   board->kind = kind;
   board->child_creates = child_creates;

   struct side side;
   if (!child_creates)
      side = open_side(&run, true, true);
   struct peer *peer = peer_start_ready(&run, "partner", 0, &board->ready);
   if (child_creates)
      side = open_side(&run, false, true);

   test_diag("%u bits here, %u there", 8 * (unsigned)sizeof(void *),
             8 * board->pointer_size);
   EXPECT_U64(board->owner >> 32, peer->id);
   EXPECT(!vk_sync_win32_owner_is_dead(board->owner));

   for (unsigned round = 1; round <= ROUNDS; round++) {
      signal(&side, value_of_round(round));
      wait(&side, value_of_round(round));
   }
   peer_join(peer);
   EXPECT(vk_sync_win32_owner_is_dead(board->owner));
   EXPECT_U64(unit_owned(side.waits), 0);
   EXPECT_U64(unit_owned(side.signals), 0);
   close_side(&side);
}

static void
hand_overs(intptr_t kind)
{
   if (!find_partner())
      return;

   hand_over(kind, false);
   hand_over(kind, true);
}

/* A ticket of a process that was killed, which has to be given back */
static void
killed_consumer(UNUSED intptr_t arg)
{
   if (!find_partner())
      return;

   const struct peer_run run = peer_run_create(sizeof(struct board));
   struct board *board = run.board;
   board->kind = VK_SYNC_WIN32_KIND_BINARY;
   struct side side = open_side(&run, true, true);
   struct peer *peer = peer_start_ready(&run, "consumer", 0, &board->ready);

   EXPECT_U64(peer_consumed(side.signals), 1);
   EXPECT_U64(peer_count_slots(side.signals, peer->id), 1);
   peer_release(peer);

   struct vk_sync *pending = unit_take(side.device, side.signals);
   EXPECT_U64(peer_consumed(side.signals), 1);
   signal(&side, 0);
   EXPECT(unit_wait(side.device, pending, 0, 0) == VK_SUCCESS);

   unit_sync_destroy(side.device, pending);
   close_side(&side);
}

const struct test_case test_cases[] = {
   { "fence", hand_overs, VK_SYNC_WIN32_KIND_FENCE },
   { "binary semaphore", hand_overs, VK_SYNC_WIN32_KIND_BINARY },
   { "timeline", hand_overs, VK_SYNC_WIN32_KIND_TIMELINE },
   { "ticket of a partner that was killed", killed_consumer },
   { 0 },
};

const struct test_role test_roles[] = {
   { "partner", partner_main },
   { "consumer", consumer_main },
   { 0 },
};

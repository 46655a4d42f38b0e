/* SPDX-License-Identifier: MIT */

/* A stranger that rings bells, and takes rings from them, keeps nobody from
 * waking.
 */
#include "hook.h"
#include "peer.h"

#include <wchar.h>

#include "util/macros.h"
#include "util/os_time.h"

#define TRIPS 10000
#define LIMIT_NS (250 * MS)
#define TRIES 3

static struct {
   struct vk_device *device;
   struct vk_sync *ping, *pong;
   uint64_t first;
   uint64_t sent_ns;
   uint32_t late;
} hand_over;

static void
receive(struct vk_sync *sync, uint64_t value)
{
   REQUIRE_OK(unit_wait(hand_over.device, sync, value, UINT64_MAX));
   hand_over.late += os_time_get_nano() -
                     vk_sync_win32_load64(&hand_over.sent_ns) > LIMIT_NS;
}

/* Only those who are blocked can be kept from being woken. */
static void
send(struct vk_sync *sync, uint64_t value)
{
   while (unit_armed(sync) == 0)
      Sleep(0);

   vk_sync_win32_store64(&hand_over.sent_ns, os_time_get_nano());
   REQUIRE_OK(vk_sync_signal(hand_over.device, sync, value));
}

static void
answer(UNUSED void *data)
{
   for (uint64_t i = 1; i <= TRIPS; i++) {
      receive(hand_over.ping, hand_over.first + i);
      send(hand_over.pong, hand_over.first + i);
   }
}

static bool
run_series(void)
{
   hand_over.first = peer_word(hand_over.ping);
   hand_over.late = 0;
   struct test_thread *partner = test_thread_start(answer, NULL);
   for (uint64_t i = 1; i <= TRIPS; i++) {
      send(hand_over.ping, hand_over.first + i);
      receive(hand_over.pong, hand_over.first + i);
   }
   test_thread_join(partner);
   test_diag("of %u hand-overs %u were late", 2 * TRIPS, hand_over.late);
   return hand_over.late == 0;
}

static const ACCESS_MASK accesses[] = {
   MAXIMUM_ALLOWED, 0x0001, SEMAPHORE_MODIFY_STATE, 0x0004, DELETE,
   READ_CONTROL, WRITE_DAC, WRITE_OWNER, SYNCHRONIZE, GENERIC_ALL,
};

/* Opens the bells that the sections name, with as many rights as it gets, and
 * waits for and raises them without end.  That may wake threads for nothing.
 */
static struct {
   HANDLE bells[2 * TEST_COUNT(accesses)];
   unsigned count;
   uint32_t found;
   /* How often it could raise a bell, or take a ring */
   uint32_t raised, taken;
   uint32_t quit;
} stranger;

/* Of the only thread that waits there, which has the first slot */
static void
open_bell(struct vk_sync *sync)
{
   const struct vk_sync_win32_bell_id id = unit_layout(sync)->slots[0].bell;
   wchar_t name[64];

   swprintf(name, TEST_COUNT(name), L"%ls\\MesaVkBell-%08x%08x%08x%08x",
            id.bits[0] & 1 ? L"Global" : L"Local",
            (uint32_t)(id.bits[0] >> 32), (uint32_t)id.bits[0],
            (uint32_t)(id.bits[1] >> 32), (uint32_t)id.bits[1]);
   for (unsigned i = 0; i < TEST_COUNT(accesses); i++) {
      HANDLE bell = OpenSemaphoreW(accesses[i], FALSE, name);

      if (bell != NULL) {
         stranger.found += accesses[i] == SEMAPHORE_MODIFY_STATE;
         stranger.bells[stranger.count++] = bell;
      }
   }
}

static void
open_bells(void)
{
   stranger.found = 0;
   open_bell(hand_over.ping);
   open_bell(hand_over.pong);
}

static void
close_bells(void)
{
   while (stranger.count > 0)
      CloseHandle(stranger.bells[--stranger.count]);
}

static void
molest(HANDLE bell)
{
   static const LARGE_INTEGER at_once;
   LONG previous;

   if (vk_sync_win32_nt.wait_for_single_object(bell, FALSE, &at_once) == 0)
      stranger.taken++;
   if (vk_sync_win32_nt.release_semaphore(bell, 1, &previous) == 0)
      stranger.raised++;
   vk_sync_win32_nt.release_semaphore(bell, 1000, &previous);
}

static void
molest_all(UNUSED void *data)
{
   while (!vk_sync_win32_load32(&stranger.quit)) {
      open_bells();
      for (unsigned i = 0; i < 20; i++) {
         for (unsigned j = 0; j < stranger.count; j++)
            molest(stranger.bells[j]);
      }
      close_bells();
   }
}

static void
hand_over_beside_a_stranger(UNUSED intptr_t arg)
{
   bool in_time = false;

   hook_install();
   hand_over.device = unit_device();
   hand_over.ping = unit_shared(hand_over.device, VK_SYNC_IS_TIMELINE);
   hand_over.pong = unit_shared(hand_over.device, VK_SYNC_IS_TIMELINE);
   struct test_thread *thread = test_thread_start(molest_all, NULL);
   /* Where the stranger takes no ring, each wakes whom it is for. */
   hook.no_look = !vk_sync_win32_nt.is_wine;
   for (unsigned i = 0; i < TRIES && !in_time; i++)
      in_time = run_series();
   hook.no_look = false;
   EXPECT(in_time);
   vk_sync_win32_store32(&stranger.quit, 1);
   test_thread_join(thread);

   /* Its last pass may have read an id while that was written. */
   open_bells();
   close_bells();
   test_diag("it found %u bells, raised %u times, took %u rings",
             stranger.found, stranger.raised, stranger.taken);
   EXPECT_U64(stranger.found, 2);
   EXPECT(stranger.raised > 0);
   /* Wine grants the standard rights, whatever the descriptor says. */
   if (!vk_sync_win32_nt.is_wine)
      EXPECT_U64(stranger.taken, 0);
}

const struct test_case test_cases[] = {
   { "hand-over beside a stranger", hand_over_beside_a_stranger, 0, 300 },
   { 0 },
};

/* SPDX-License-Identifier: MIT */

/* Shared payloads, with a second view of the section standing in for another
 * process: it has a payload and a view of its own.
 */
#include "fixture.h"

#include <wchar.h>

#include "cases.h"

#include "vk_common_entrypoints.h"
#include "vk_sync_win32_owner.h"

#include "util/os_time.h"

#define MS UINT64_C(1000000)

static void
peer_signal_wakes(intptr_t timeline)
{
   struct vk_device *device = unit_device();
   struct vk_sync *sync =
      unit_shared(device, timeline ? VK_SYNC_IS_TIMELINE : 0);
   struct vk_sync *peer = unit_import(device, sync);

   for (unsigned i = 1; i <= 300; i++) {
      const struct vk_sync_wait wait = {
         .sync = sync, .wait_value = timeline ? i : 0,
      };
      struct unit_waiter waiter = {
         .device = device, .count = 1, .waits = &wait,
         .timeout_ns = UINT64_MAX,
      };
      unit_waiter_start(&waiter);
      if (i % 4 == 0)
         Sleep(1);
      EXPECT(vk_sync_signal(device, peer, timeline ? i : 0) == VK_SUCCESS);
      unit_waiter_join(&waiter);
      EXPECT(waiter.result == VK_SUCCESS);
      if (!timeline)
         EXPECT(vk_sync_reset(device, peer) == VK_SUCCESS);
   }
}

#define THREADS 8

/* Whoever leaves, by time-out or satisfied, leaves the others as they are. */
static void
others_stay_armed(intptr_t by_timeout)
{
   struct vk_device *device = unit_device();
   struct vk_sync *sync = unit_shared(device, VK_SYNC_IS_TIMELINE);
   struct vk_sync *peer = unit_import(device, sync);
   struct vk_sync_wait waits[THREADS];
   struct unit_waiter waiters[THREADS];

   for (unsigned round = 0; round < 10; round++) {
      const uint64_t base = round * 100;

      for (unsigned i = 0; i < THREADS; i++) {
         waits[i] = (struct vk_sync_wait) {
            .sync = sync, .wait_value = base + 1 + i,
         };
         const bool gives_up = by_timeout && i < THREADS - 1;
         waiters[i] = (struct unit_waiter) {
            .device = device, .count = 1, .waits = &waits[i],
            .timeout_ns = gives_up ? (20 + i) * MS : UINT64_MAX,
         };
         unit_waiter_start(&waiters[i]);
      }

      for (unsigned i = 0; i < THREADS; i++) {
         const bool gives_up = by_timeout && i < THREADS - 1;
         if (!gives_up)
            EXPECT(vk_sync_signal(device, peer, base + 1 + i) == VK_SUCCESS);
         unit_waiter_join(&waiters[i]);
         EXPECT(waiters[i].result == (gives_up ? VK_TIMEOUT : VK_SUCCESS));
      }
      EXPECT_U64(unit_armed(sync), 0);
   }
}

/* Threads that wait on a mix must be reachable by both kinds of signal. */
static void
shared_waits_hear_private_signals(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *shared = unit_shared(device, 0);
   struct vk_sync *peer = unit_import(device, shared);
   struct vk_sync *fence = unit_sync(device, 0, 0);
   const struct vk_sync_wait waits[] = {
      { .sync = shared }, { .sync = fence },
   };
   double slowest_ms = 0;

   for (unsigned i = 0; i < 100; i++) {
      struct unit_waiter waiter = {
         .device = device, .count = 2, .waits = waits,
         .flags = VK_SYNC_WAIT_ANY, .timeout_ns = UINT64_MAX,
      };
      unit_waiter_start(&waiter);
      Sleep(1);
      const double start_ms = test_now_ms();
      struct vk_sync *one = i % 2 ? peer : fence;
      EXPECT(vk_sync_signal(device, one, 0) == VK_SUCCESS);
      unit_waiter_join(&waiter);
      EXPECT(waiter.result == VK_SUCCESS);
      EXPECT(vk_sync_reset(device, one) == VK_SUCCESS);
      if (waiter.ended_ms - start_ms > slowest_ms)
         slowest_ms = waiter.ended_ms - start_ms;
   }
   test_diag("slowest wake-up: %.2f ms", slowest_ms);
}

/* A peer that dies after it has changed the word, before it rings */
static void
silent_signal_is_found(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *sync = unit_shared(device, VK_SYNC_IS_TIMELINE);
   const struct vk_sync_wait wait = { .sync = sync, .wait_value = 1 };
   struct unit_waiter waiter = {
      .device = device, .count = 1, .waits = &wait, .timeout_ns = UINT64_MAX,
   };

   unit_waiter_start(&waiter);
   Sleep(20);
   const double start_ms = test_now_ms();
   vk_sync_win32_store64(unit_payload(sync)->word, 1);
   unit_waiter_join(&waiter);
   EXPECT(waiter.result == VK_SUCCESS);
   test_diag("found after %.1f ms", waiter.ended_ms - start_ms);
}

/* Others can find the bell, and do no more than ring it.  Wine grants the
 * standard rights, such as to wait, whatever the descriptor says.
 */
static void
bells_have_names_and_one_right(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *sync = unit_shared(device, 0);
   const struct vk_sync_wait wait = { .sync = sync };
   struct unit_waiter waiter = {
      .device = device, .count = 1, .waits = &wait, .timeout_ns = UINT64_MAX,
   };
   wchar_t name[64];

   unit_waiter_start(&waiter);
   while (unit_armed(sync) == 0)
      Sleep(1);
   const struct vk_sync_win32_bell_id id = unit_layout(sync)->slots[0].bell;
   swprintf(name, TEST_COUNT(name), L"%ls\\MesaVkBell-%08x%08x%08x%08x",
            id.bits[0] & 1 ? L"Global" : L"Local",
            (uint32_t)(id.bits[0] >> 32), (uint32_t)id.bits[0],
            (uint32_t)(id.bits[1] >> 32), (uint32_t)id.bits[1]);

   HANDLE bell = OpenSemaphoreW(SEMAPHORE_MODIFY_STATE, FALSE, name);
   EXPECT(bell != NULL);
   CloseHandle(bell);
   EXPECT(OpenSemaphoreW(1 /* SEMAPHORE_QUERY_STATE */, FALSE, name) == NULL);
   if (!vk_sync_win32_nt.is_wine)
      EXPECT(OpenSemaphoreW(SYNCHRONIZE, FALSE, name) == NULL);
   EXPECT(OpenSemaphoreW(SEMAPHORE_ALL_ACCESS, FALSE, name) == NULL);

   EXPECT(vk_sync_signal(device, sync, 0) == VK_SUCCESS);
   unit_waiter_join(&waiter);
   EXPECT(waiter.result == VK_SUCCESS);
}

enum deaf { DEAF_NO_SLOT, DEAF_UNREACHABLE };

static void
deaf_thread_polls(intptr_t how)
{
   struct vk_device *device = unit_device();
   struct vk_sync *sync = unit_shared(device, VK_SYNC_IS_TIMELINE);
   struct vk_sync *peer = unit_import(device, sync);
   struct vk_sync_win32_layout *layout = unit_layout(sync);

   /* Of a process that lives: this one. */
   if (how == DEAF_NO_SLOT) {
      for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++)
         EXPECT(vk_sync_win32_slot_claim(layout) == i);
      EXPECT(vk_sync_win32_slot_claim(layout) == VK_SYNC_WIN32_NO_SLOT);
   }

   for (unsigned i = 1; i <= 40; i++) {
      const struct vk_sync_wait wait = { .sync = sync, .wait_value = i };
      struct unit_waiter waiter = {
         .device = device, .count = 1, .waits = &wait,
         .timeout_ns = UINT64_MAX,
      };
      unit_waiter_start(&waiter);
      if (how == DEAF_UNREACHABLE) {
         /* The peer looks for a bell that is not there. */
         while (unit_armed(sync) == 0)
            Sleep(1);
         layout->slots[0].bell.bits[0] ^= 2;
      } else {
         Sleep(3);
      }
      EXPECT(vk_sync_signal(device, peer, i) == VK_SUCCESS);
      unit_waiter_join(&waiter);
      EXPECT(waiter.result == VK_SUCCESS);
   }
}

/* No process has an odd id; the other one was not created in 1601. */
static uint64_t
dead_owner(intptr_t which)
{
   return which == 0 ? UINT64_C(0x7ffffff1) << 32 | 5 :
                       (uint64_t)GetCurrentProcessId() << 32 | 1;
}

static void
slots_of_the_dead_are_taken(intptr_t which)
{
   struct vk_device *device = unit_device();
   struct vk_sync *sync = unit_shared(device, 0);
   struct vk_sync_win32_layout *layout = unit_layout(sync);

   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++)
      layout->slots[i].owner = dead_owner(which);

   EXPECT(unit_wait(device, sync, 0, 5 * MS) == VK_TIMEOUT);
   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++)
      EXPECT_U64(layout->slots[i].owner, VK_SYNC_WIN32_OWNER_NONE);
}

/* Whoever may be living keeps what it has. */
static void
slots_of_the_living_are_kept(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *sync = unit_shared(device, 0);
   struct vk_sync_win32_layout *layout = unit_layout(sync);
   const uint64_t self = vk_sync_win32_owner_self();

   EXPECT((uint32_t)self != 0);
   EXPECT(!vk_sync_win32_owner_is_dead(self));
   /* Its creation time is unknown. */
   EXPECT(!vk_sync_win32_owner_is_dead(self >> 32 << 32));

   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++)
      layout->slots[i].owner = self >> 32 << 32;
   EXPECT(unit_wait(device, sync, 0, 5 * MS) == VK_TIMEOUT);
   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++)
      EXPECT_U64(layout->slots[i].owner, self >> 32 << 32);
}

/* Whatever somebody has done to it after its last owner had left */
static void
slots_are_claimed_and_left_clean(UNUSED intptr_t arg)
{
   const struct vk_sync_win32_bell_id bell = { { 1, 2 } };
   struct vk_device *device = unit_device();
   struct vk_sync *sync = unit_shared(device, 0);
   struct vk_sync_win32_layout *layout = unit_layout(sync);

   layout->armed[0] = layout->failed[0] = 1;
   REQUIRE(vk_sync_win32_slot_claim(layout) == 0);
   EXPECT(!vk_sync_win32_slot_has_failed(layout, 0));
   EXPECT_U64(unit_armed(sync), 0);

   vk_sync_win32_slot_arm(layout, 0, VK_SYNC_WIN32_TARGET_TICKET(1), &bell);
   EXPECT_U64(unit_armed(sync), 1);
   vk_sync_win32_slot_release(layout, 0);
   EXPECT_U64(unit_armed(sync), 0);
   EXPECT_U64(layout->slots[0].target, 0);
}

/* The first and the last of each word, when the target is reached */
static void
reached_slots_are_rung(UNUSED intptr_t arg)
{
   static const uint32_t slots[] = { 0, 63, 64, VK_SYNC_WIN32_SLOTS - 1 };
   struct vk_device *device = unit_device();
   struct vk_sync *sync = unit_shared(device, VK_SYNC_IS_TIMELINE);
   struct vk_sync_win32_layout *layout = unit_layout(sync);

   for (unsigned i = 0; i < TEST_COUNT(slots); i++) {
      struct vk_sync_win32_bell bell;

      REQUIRE(vk_sync_win32_bell_create(&bell));
      vk_sync_win32_slot_arm(layout, slots[i], 5, &bell.id);
      vk_sync_win32_slots_ring(layout, VK_SYNC_WIN32_KIND_TIMELINE, 4);
      EXPECT(WaitForSingleObject(bell.semaphore, 0) == WAIT_TIMEOUT);
      EXPECT_U64(unit_armed(sync), 1);
      vk_sync_win32_slots_ring(layout, VK_SYNC_WIN32_KIND_TIMELINE, 5);
      EXPECT(WaitForSingleObject(bell.semaphore, 0) == WAIT_OBJECT_0);
      EXPECT_U64(unit_armed(sync), 0);
      vk_sync_win32_bell_destroy(&bell);
   }
}

/* All of the section at random, while we wait and signal */
static void
garbage_in_the_section_is_survived(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *sync = unit_shared(device, VK_SYNC_IS_TIMELINE);
   struct vk_sync *peer = unit_import(device, sync);
   uint64_t *words = (uint64_t *)unit_layout(sync);
   const unsigned count = sizeof(struct vk_sync_win32_layout) / 8;

   for (unsigned i = 0; i < 300; i++) {
      for (unsigned j = 0; j < count; j++)
         words[j] = test_random();
      EXPECT(unit_wait(device, sync, UINT64_MAX, 100 * 1000) != VK_ERROR_UNKNOWN);
      VkResult ignored = vk_sync_signal(device, peer, test_random() | 1);
      ignored = vk_sync_signal(device, sync, test_random() | 1);
      (void)ignored;
   }
}

static void
handles_and_slots_are_returned(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   uint32_t before = 0;

   for (unsigned i = 0; i < 200; i++) {
      if (i == 20)
         before = test_count_handles();
      struct vk_sync *sync = unit_shared(device, 0);
      struct vk_sync *peer = unit_import(device, sync);
      EXPECT(unit_wait(device, sync, 0, MS) == VK_TIMEOUT);
      EXPECT(unit_wait(device, peer, 0, MS) == VK_TIMEOUT);
      EXPECT(vk_sync_signal(device, peer, 0) == VK_SUCCESS);

      for (unsigned j = 0; j < VK_SYNC_WIN32_SLOTS; j++)
         EXPECT_U64(unit_layout(sync)->slots[j].owner, 0);
      EXPECT_U64(unit_armed(sync), 0);
      unit_sync_destroy(device, sync);
      unit_sync_destroy(device, peer);
   }
   EXPECT_U64(test_count_handles(), before);
}

/* Those of bells that were rung are kept, but only so many. */
static void
handles_of_bells_are_bounded(UNUSED intptr_t arg)
{
   uint32_t before = test_count_handles();

   for (unsigned i = 0; i < 2000; i++) {
      struct vk_sync_win32_bell bell;
      uint32_t failed_opens = 0;

      REQUIRE(vk_sync_win32_bell_create(&bell));
      EXPECT(vk_sync_win32_bell_ring(&bell.id, &failed_opens));
      vk_sync_win32_bell_destroy(&bell);
   }
   EXPECT(test_count_handles() <= before + 256);
   vk_sync_win32_bell_forget_all();
   EXPECT(test_count_handles() <= before);
}

#define NEEDED_ACCESS (SECTION_MAP_READ | SECTION_MAP_WRITE | SECTION_QUERY)

/* What vkCreate* was told, and what the handle is then */
static const struct {
   BOOL inherit;
   DWORD access;
   ACCESS_MASK rights;
} export_words[] = {
   { FALSE, 0, NEEDED_ACCESS },
   { TRUE, 0, NEEDED_ACCESS },
   { FALSE, GENERIC_READ, NEEDED_ACCESS },
   { TRUE, GENERIC_ALL, SECTION_ALL_ACCESS },
   { FALSE, READ_CONTROL | WRITE_DAC,
     NEEDED_ACCESS | READ_CONTROL | WRITE_DAC },
};

static void
expect_handle(HANDLE handle, bool inherit, ACCESS_MASK rights)
{
   /* PUBLIC_OBJECT_BASIC_INFORMATION */
   struct { ULONG attributes, rights, rest[12]; } info;
   DWORD flags = 0;

   REQUIRE(vk_sync_win32_nt.query_object(handle, 0, &info, sizeof(info),
                                         NULL) == VK_SYNC_WIN32_STATUS_SUCCESS);
   EXPECT_U64(info.rights, rights);
   EXPECT(GetHandleInformation(handle, &flags));
   EXPECT(!!(flags & HANDLE_FLAG_INHERIT) == inherit);
}

static HANDLE
export_fence(VkDevice device, VkFence fence)
{
   const VkFenceGetWin32HandleInfoKHR info = {
      .sType = VK_STRUCTURE_TYPE_FENCE_GET_WIN32_HANDLE_INFO_KHR,
      .fence = fence,
      .handleType = VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_WIN32_BIT,
   };
   HANDLE handle = NULL;

   REQUIRE(vk_common_GetFenceWin32HandleKHR(device, &info, &handle) ==
           VK_SUCCESS);
   return test_own_handle(handle);
}

static HANDLE
export_semaphore(VkDevice device, VkSemaphore semaphore)
{
   const VkSemaphoreGetWin32HandleInfoKHR info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_GET_WIN32_HANDLE_INFO_KHR,
      .semaphore = semaphore,
      .handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT,
   };
   HANDLE handle = NULL;

   REQUIRE(vk_common_GetSemaphoreWin32HandleKHR(device, &info, &handle) ==
           VK_SUCCESS);
   return test_own_handle(handle);
}

/* They are those of the payload that the object was created with. */
static void
fence_is_exported_as_asked(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   VkDevice handle_device = vk_device_to_handle(device);
   HANDLE other = unit_export(device, unit_shared(device, VK_SYNC_IS_FENCE));

   test_own_handle(other);
   for (unsigned i = 0; i < TEST_COUNT(export_words); i++) {
      const SECURITY_ATTRIBUTES attributes = {
         .nLength = sizeof(attributes),
         .bInheritHandle = export_words[i].inherit,
      };
      const VkExportFenceWin32HandleInfoKHR win32 = {
         .sType = VK_STRUCTURE_TYPE_EXPORT_FENCE_WIN32_HANDLE_INFO_KHR,
         .pAttributes = &attributes,
         .dwAccess = export_words[i].access,
      };
      const VkExportFenceCreateInfo export = {
         .sType = VK_STRUCTURE_TYPE_EXPORT_FENCE_CREATE_INFO,
         .pNext = &win32,
         .handleTypes = VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_WIN32_BIT,
      };
      const VkFenceCreateInfo info = {
         .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, .pNext = &export,
      };
      VkFence fence;

      REQUIRE(vk_common_CreateFence(handle_device, &info, NULL, &fence) ==
              VK_SUCCESS);
      expect_handle(export_fence(handle_device, fence),
                    export_words[i].inherit, export_words[i].rights);

      const VkImportFenceWin32HandleInfoKHR import = {
         .sType = VK_STRUCTURE_TYPE_IMPORT_FENCE_WIN32_HANDLE_INFO_KHR,
         .fence = fence,
         .handleType = VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_WIN32_BIT,
         .handle = other,
      };
      REQUIRE(vk_common_ImportFenceWin32HandleKHR(handle_device, &import) ==
              VK_SUCCESS);
      expect_handle(export_fence(handle_device, fence), false, NEEDED_ACCESS);
      vk_common_DestroyFence(handle_device, fence, NULL);
   }
}

static void
semaphore_is_exported_as_asked(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   VkDevice handle_device = vk_device_to_handle(device);

   for (unsigned i = 0; i < TEST_COUNT(export_words); i++) {
      const SECURITY_ATTRIBUTES attributes = {
         .nLength = sizeof(attributes),
         .bInheritHandle = export_words[i].inherit,
      };
      const VkExportSemaphoreWin32HandleInfoKHR win32 = {
         .sType = VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_WIN32_HANDLE_INFO_KHR,
         .pAttributes = &attributes,
         .dwAccess = export_words[i].access,
      };
      const VkExportSemaphoreCreateInfo export = {
         .sType = VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO,
         .pNext = &win32,
         .handleTypes = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT,
      };
      const VkSemaphoreCreateInfo info = {
         .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &export,
      };
      VkSemaphore semaphore;

      REQUIRE(vk_common_CreateSemaphore(handle_device, &info, NULL,
                                        &semaphore) == VK_SUCCESS);
      expect_handle(export_semaphore(handle_device, semaphore),
                    export_words[i].inherit, export_words[i].rights);
      vk_common_DestroySemaphore(handle_device, semaphore, NULL);
   }
}

const struct test_case shared_cases[] = {
   { "a peer's fence signal wakes", peer_signal_wakes, 0 },
   { "a peer's timeline signal wakes", peer_signal_wakes, 1 },
   { "threads stay armed when others are satisfied", others_stay_armed, 0 },
   { "threads stay armed when others time out", others_stay_armed, 1 },
   { "shared waits hear private signals", shared_waits_hear_private_signals },
   { "bells have names and one right", bells_have_names_and_one_right },
   { "a signal that nobody rang for is found", silent_signal_is_found },
   { "a thread without a slot polls", deaf_thread_polls, DEAF_NO_SLOT },
   { "a thread that cannot be rung polls", deaf_thread_polls,
     DEAF_UNREACHABLE },
   { "slots of dead processes are taken", slots_of_the_dead_are_taken, 0 },
   { "slots of processes whose id was reused are taken",
     slots_of_the_dead_are_taken, 1 },
   { "slots of the living are kept", slots_of_the_living_are_kept },
   { "slots are claimed and left clean", slots_are_claimed_and_left_clean },
   { "slots are rung that are reached", reached_slots_are_rung },
   { "garbage in the section is survived",
     garbage_in_the_section_is_survived },
   { "handles and slots are returned", handles_and_slots_are_returned },
   { "handles of bells are bounded", handles_of_bells_are_bounded },
   { "a fence is exported as asked", fence_is_exported_as_asked },
   { "a semaphore is exported as asked", semaphore_is_exported_as_asked },
   { 0 },
};

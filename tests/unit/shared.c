/* SPDX-License-Identifier: MIT */

/* Shared payloads, with a second view of the section standing in for another
 * process: it has a payload and a view of its own.
 */
#include "fixture.h"

#include <wchar.h>

#include "vk_sync_win32_owner.h"

/* Others can find the bell, and do no more than ring it.  Wine grants the
 * standard rights, such as to wait, whatever the descriptor says.
 */
static void
bells_have_names_and_one_right(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *sync = unit_shared(device, 0);
   struct unit_waiter waiter;
   wchar_t name[64];

   unit_block(&waiter, device, sync, 0, UINT64_MAX);
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

   EXPECT_OK(vk_sync_signal(device, sync, 0));
   EXPECT_OK(unit_waiter_join(&waiter));
}

/* No peer could ring it, so that it polls, and takes no slot. */
static void
nameless_bell_takes_no_slot(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *sync = unit_shared(device, VK_SYNC_IS_TIMELINE);
   struct vk_sync_win32_waiter *next = vk_sync_win32_waiter_get(0);
   struct unit_waiter waiter;

   REQUIRE(vk_sync_win32_waiter_begin(next, true));
   vk_sync_win32_waiter_end(next);
   const struct vk_sync_win32_bell_id id = next->bell.id;
   next->bell.id = (struct vk_sync_win32_bell_id) {0};
   /* Who waits next takes the one that was put back last. */
   vk_sync_win32_waiter_put(next);

   unit_block(&waiter, device, sync, 1, UINT64_MAX);
   Sleep(20);
   EXPECT_U64(unit_owned(sync), 0);
   EXPECT_OK(vk_sync_signal(device, sync, 1));
   EXPECT_OK(unit_waiter_join(&waiter));
   next->bell.id = id;
}

/* Whoever may be living keeps what it has. */
static void
full_table_is_cleared_of_the_dead(UNUSED intptr_t arg)
{
   const uint64_t process = (uint64_t)GetCurrentProcessId() << 32;
   const struct {
      uint64_t owner;
      bool dead;
   } owners[] = {
      /* Nobody: no process has an odd id */
      { UINT64_C(0x7ffffff1) << 32 | 5, true },
      /* One whose id was reused: this one was not created in 1601 */
      { process | 1, true },
      /* A living one of unknown time */
      { process, false },
   };
   struct vk_device *device = unit_device();

   for (unsigned i = 0; i < TEST_COUNT(owners); i++) {
      struct vk_sync *sync = unit_shared(device, 0);
      struct vk_sync_win32_layout *layout = unit_layout(sync);

      for (unsigned j = 0; j < VK_SYNC_WIN32_SLOTS; j++)
         layout->slots[j].owner = owners[i].owner;

      EXPECT_RESULT(unit_wait(device, sync, 0, 5 * MS), VK_TIMEOUT);
      for (unsigned j = 0; j < VK_SYNC_WIN32_SLOTS; j++)
         REQUIRE_U64(layout->slots[j].owner,
                     owners[i].dead ? VK_SYNC_WIN32_OWNER_NONE :
                                      owners[i].owner);
   }
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
   const uint64_t beyond = UINT64_MAX << (VK_SYNC_WIN32_SLOTS - 64);

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

   /* Bits that are no slot's: what would be their slots is no memory. */
   layout->armed[1] = beyond;
   vk_sync_win32_slots_ring(layout, VK_SYNC_WIN32_KIND_TIMELINE, UINT64_MAX);
   EXPECT_U64(layout->armed[1], beyond);
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
      EXPECT_RESULT(unit_wait(device, sync, 0, MS), VK_TIMEOUT);
      EXPECT_RESULT(unit_wait(device, peer, 0, MS), VK_TIMEOUT);
      EXPECT_OK(vk_sync_signal(device, peer, 0));

      EXPECT_U64(unit_owned(sync), 0);
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

/* They are those of the payload that it was created with. */
static void
is_exported_as_asked(UNUSED intptr_t arg)
{
   const VkExternalSemaphoreHandleTypeFlagBits type =
      VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT;
   struct vk_device *device = unit_device();
   HANDLE other = unit_export(device, unit_shared(device, 0));

   for (unsigned i = 0; i < TEST_COUNT(export_words); i++) {
      struct vk_sync *sync = unit_sync(device, VK_SYNC_IS_SHAREABLE, 0);
      const SECURITY_ATTRIBUTES attributes = {
         .nLength = sizeof(attributes),
         .bInheritHandle = export_words[i].inherit,
      };

      REQUIRE_OK(vk_sync_set_win32_export_params(device, sync, type,
                                                 &attributes,
                                                 export_words[i].access,
                                                 NULL));
      expect_handle(unit_export(device, sync), export_words[i].inherit,
                    export_words[i].rights);
      REQUIRE_OK(vk_sync_import_win32_handle(device, sync, type, other,
                                             NULL));
      expect_handle(unit_export(device, sync), false, NEEDED_ACCESS);
   }
}

const struct test_case test_cases[] = {
   { "bells have names and one right", bells_have_names_and_one_right },
   { "a bell without a name takes no slot", nameless_bell_takes_no_slot },
   { "a full table is cleared of the dead, and of nobody else",
     full_table_is_cleared_of_the_dead },
   { "slots are claimed and left clean", slots_are_claimed_and_left_clean },
   { "slots are rung that are reached", reached_slots_are_rung },
   { "handles and slots are returned", handles_and_slots_are_returned },
   { "handles of bells are bounded", handles_of_bells_are_bounded },
   { "a payload is exported as asked", is_exported_as_asked },
   { 0 },
};

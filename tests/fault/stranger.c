/* SPDX-License-Identifier: MIT */

/* A stranger opens what bells it can find, with as many rights as it gets, and
 * waits for and raises them without end.  That may wake threads for nothing,
 * but keeps nobody from being woken.
 */
#include "nt_names.h"
#include "peer.h"

#include <string.h>
#include <wchar.h>

#include "util/macros.h"
#include "util/os_time.h"

#define TRIPS 10000
#define LIMIT_NS (250 * MS)
#define TRIES 3

/* Hand-overs ---------------------------------------------------------------- */

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

/* The stranger -------------------------------------------------------------- */

struct nt_entry {
   struct nt_string name, type;
};

typedef LONG (WINAPI *open_function)(HANDLE *object, ACCESS_MASK access,
                                     struct nt_attributes *attributes);

static struct {
   open_function open_directory, open_semaphore;
   LONG (WINAPI *query_directory)(HANDLE directory, void *buffer, ULONG size,
                                  BOOLEAN single, BOOLEAN restart,
                                  ULONG *context, ULONG *result_size);
} nt;

static const ACCESS_MASK accesses[] = {
   MAXIMUM_ALLOWED, 0x0001, 0x0002, 0x0004, DELETE, READ_CONTROL, WRITE_DAC,
   WRITE_OWNER, SYNCHRONIZE, GENERIC_ALL,
};

static struct {
   HANDLE bells[512];
   unsigned count;

   uint32_t quit;
   uint32_t found, raised;
   /* How often it could wait for a bell, or take a ring */
   uint32_t may_wait, taken;
} stranger;

static void
resolve(const char *symbol, void *function)
{
   FARPROC proc = GetProcAddress(GetModuleHandleW(L"ntdll.dll"), symbol);

   REQUIRE(proc != NULL);
   memcpy(function, &proc, sizeof(proc));
}

static HANDLE
open_directory(wchar_t *path)
{
   struct nt_string name = make_string(path);
   struct nt_attributes attributes = {
      .length = sizeof(attributes), .name = &name,
   };
   HANDLE directory = NULL;

   /* DIRECTORY_QUERY | DIRECTORY_TRAVERSE */
   nt.open_directory(&directory, 3, &attributes);
   return directory;
}

static void
open_bell(HANDLE directory, struct nt_entry *entry)
{
   struct nt_attributes attributes = {
      .length = sizeof(attributes), .root = directory, .name = &entry->name,
   };

   stranger.found++;
   for (unsigned i = 0; i < TEST_COUNT(accesses) &&
                        stranger.count < TEST_COUNT(stranger.bells); i++) {
      struct {
         ULONG attributes;
         ACCESS_MASK granted;
         ULONG rest[12];
      } info = {0};
      HANDLE bell;

      if (nt.open_semaphore(&bell, accesses[i], &attributes) != 0)
         continue;
      stranger.bells[stranger.count++] = bell;
      if (vk_sync_win32_nt.query_object(bell, 0, &info, sizeof(info),
                                        NULL) == 0)
         stranger.may_wait += (info.granted & SYNCHRONIZE) != 0;
   }
}

/* Sections it leaves alone: whoever may write one may write it. */
static void
scan(wchar_t *path)
{
   HANDLE directory = open_directory(path);
   ULONG context = 0, size;
   union {
      struct nt_entry entry;
      char space[2048];
   } buffer;

   if (directory == NULL)
      return;
   while (nt.query_directory(directory, &buffer, sizeof(buffer), TRUE,
                             context == 0, &context, &size) == 0) {
      if (wcsstr(buffer.entry.name.text, L"MesaVk") == NULL ||
          wcscmp(buffer.entry.type.text, L"Section") == 0)
         continue;
      EXPECT(wcsstr(buffer.entry.name.text, L"MesaVkBell-") != NULL);
      open_bell(directory, &buffer.entry);
   }
   CloseHandle(directory);
}

static void
close_bells(void)
{
   while (stranger.count > 0)
      CloseHandle(stranger.bells[--stranger.count]);
}

static void
scan_all(void)
{
   wchar_t session[64], global[] = L"\\BaseNamedObjects";
   DWORD number = 0;

   close_bells();
   stranger.found = 0;

   ProcessIdToSessionId(GetCurrentProcessId(), &number);
   swprintf(session, TEST_COUNT(session),
            L"\\Sessions\\%lu\\BaseNamedObjects", (unsigned long)number);
   scan(global);
   scan(session);
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
      scan_all();
      for (unsigned i = 0; i < 20; i++) {
         for (unsigned j = 0; j < stranger.count; j++)
            molest(stranger.bells[j]);
      }
   }
}

static void
hand_over_beside_a_stranger(UNUSED intptr_t arg)
{
   bool in_time = false;

   hand_over.device = unit_device();
   hand_over.ping = unit_shared(hand_over.device, VK_SYNC_IS_TIMELINE);
   hand_over.pong = unit_shared(hand_over.device, VK_SYNC_IS_TIMELINE);
   resolve("NtOpenDirectoryObject", &nt.open_directory);
   resolve("NtQueryDirectoryObject", &nt.query_directory);
   resolve("NtOpenSemaphore", &nt.open_semaphore);
   memset(&stranger, 0, sizeof(stranger));
   struct test_thread *thread = test_thread_start(molest_all, NULL);
   for (unsigned i = 0; i < TRIES && !in_time; i++)
      in_time = run_series();
   EXPECT(in_time);
   vk_sync_win32_store32(&stranger.quit, 1);
   test_thread_join(thread);
   close_bells();

   test_diag("it found %u bells, raised %u times, may wait for %u, took %u rings",
             stranger.found, stranger.raised, stranger.may_wait,
             stranger.taken);
   EXPECT(stranger.found >= 2);
   EXPECT(stranger.raised > 0);
   /* Wine grants the standard rights, whatever the descriptor says. */
   if (!vk_sync_win32_nt.is_wine) {
      EXPECT_U64(stranger.may_wait, 0);
      EXPECT_U64(stranger.taken, 0);
   }
}

const struct test_case test_cases[] = {
   { "hand-over beside a stranger", hand_over_beside_a_stranger, 0, 300 },
   { 0 },
};

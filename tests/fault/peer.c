/* SPDX-License-Identifier: MIT */
#include "peer.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <wchar.h>

static struct peer_run
map_board(const char *name, HANDLE section, size_t size)
{
   struct peer_run run;

   REQUIRE(section != NULL);
   test_own_handle(section);
   snprintf(run.name, sizeof(run.name), "%s", name);
   run.board = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, size);
   REQUIRE(run.board != NULL);
   return run;
}

static void
unmap_board(void *board)
{
   UnmapViewOfFile(board);
}

struct peer_run
peer_run_create(size_t board_size)
{
   static unsigned serial;
   char name[48];

   snprintf(name, sizeof(name), "lvp-fault-%lu-%u-%llx",
            (unsigned long)GetCurrentProcessId(), ++serial,
            (unsigned long long)GetTickCount64());
   const struct peer_run run =
      map_board(name, CreateFileMappingA(INVALID_HANDLE_VALUE, NULL,
                                         PAGE_READWRITE, 0,
                                         (DWORD)board_size, name),
                board_size);
   test_defer(unmap_board, run.board);
   return run;
}

struct peer_run
peer_run_open(int argc, char **argv, size_t board_size)
{
   REQUIRE(argc >= 1);
   return map_board(argv[0], OpenFileMappingA(FILE_MAP_WRITE, FALSE, argv[0]),
                    board_size);
}

static struct vk_sync *
get_payload(const struct peer_run *run, struct vk_device *device,
            enum vk_sync_win32_kind kind, const char *name, bool create)
{
   enum vk_sync_flags flags = create ? VK_SYNC_IS_SHAREABLE : 0;
   struct vk_sync *sync;
   wchar_t wide[80];

   if (kind == VK_SYNC_WIN32_KIND_TIMELINE)
      flags |= VK_SYNC_IS_TIMELINE;
   if (kind == VK_SYNC_WIN32_KIND_FENCE)
      flags |= VK_SYNC_IS_FENCE;
   REQUIRE_OK(vk_sync_create(device, &vk_sync_win32_type, flags, 0, &sync));

   swprintf(wide, TEST_COUNT(wide), L"%hs-%hs", run->name, name);
   if (create)
      unit_share(device, sync, wide);
   else
      REQUIRE_OK(vk_sync_import_win32_handle(
         device, sync, VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT,
         NULL, wide));
   return sync;
}

struct vk_sync *
peer_share(const struct peer_run *run, struct vk_device *device,
           enum vk_sync_win32_kind kind, const char *name)
{
   return get_payload(run, device, kind, name, true);
}

struct vk_sync *
peer_open(const struct peer_run *run, struct vk_device *device,
          enum vk_sync_win32_kind kind, const char *name)
{
   return get_payload(run, device, kind, name, false);
}

unsigned
peer_count_slots(struct vk_sync *sync, DWORD process)
{
   struct vk_sync_win32_layout *layout = unit_layout(sync);
   unsigned count = 0;

   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++)
      count += vk_sync_win32_load64(&layout->slots[i].owner) >> 32 == process;
   return count;
}

/* Read without permission, where it comes to that: whoever asks is about to give
 * up.
 */
void
peer_dump(const char *name, struct vk_sync *sync)
{
   struct vk_sync_win32_layout *layout = unit_layout(sync);

   test_diag("process %lu, %s: word 0x%" PRIx64 ", armed %" PRIx64 " %" PRIx64
             ", failed %" PRIx64 " %" PRIx64,
             (unsigned long)GetCurrentProcessId(), name, layout->word,
             layout->armed[0], layout->armed[1], layout->failed[0],
             layout->failed[1]);
   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++) {
      const struct vk_sync_win32_slot slot = layout->slots[i];

      if (slot.owner != 0)
         test_diag("   slot %u: owner %" PRIu64 " (created 0x%08" PRIx32 "), "
                   "target 0x%" PRIx64 ", bell %016" PRIx64 "%016" PRIx64, i,
                   slot.owner >> 32, (uint32_t)slot.owner, slot.target,
                   slot.bell.bits[0], slot.bell.bits[1]);
   }
}

/* Whatever happens to this process, even by its own watchdog, nobody is left
 * behind to hold its output open.
 */
static HANDLE
job(void)
{
   static HANDLE handle;
   JOBOBJECT_EXTENDED_LIMIT_INFORMATION info = {
      .BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
   };

   if (!handle) {
      handle = CreateJobObjectA(NULL, NULL);
      SetInformationJobObject(handle, JobObjectExtendedLimitInformation,
                              &info, sizeof(info));
   }
   return handle;
}

static void
release_peer(void *data)
{
   struct peer *peer = data;

   TerminateProcess(peer->process, 9);
   WaitForSingleObject(peer->process, 10000);
   CloseHandle(peer->process);
   free(peer);
}

static HANDLE
inheritable(DWORD which)
{
   HANDLE handle = GetStdHandle(which);

   SetHandleInformation(handle, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
   return handle;
}

const char *peer_program;

struct peer *
peer_start(const struct peer_run *run, const char *role, unsigned number)
{
   struct peer *peer = calloc(1, sizeof(*peer));
   char self[MAX_PATH], command[2 * MAX_PATH];
   STARTUPINFOA startup = {
      .cb = sizeof(startup),
      .dwFlags = STARTF_USESTDHANDLES,
      .hStdOutput = inheritable(STD_OUTPUT_HANDLE),
      .hStdError = inheritable(STD_ERROR_HANDLE),
   };
   PROCESS_INFORMATION info;
   BOOL created = FALSE;

   REQUIRE(peer != NULL);
   REQUIRE(GetModuleFileNameA(NULL, self, sizeof(self)) < sizeof(self));
   snprintf(command, sizeof(command), "\"%s\" --child %s %s %u",
            peer_program != NULL ? peer_program : self, role, run->name,
            number);
   fflush(stdout);

   /* Under Wine a process now and then dies before it reaches its program,
    * which is what ERROR_INTERNAL_ERROR says.
    */
   for (unsigned attempt = 0; attempt < 5 && !created; attempt++) {
      created = CreateProcessA(NULL, command, NULL, NULL, TRUE, 0, NULL, NULL,
                               &startup, &info);
      if (!created) {
         test_diag("CreateProcess: error %lu", (unsigned long)GetLastError());
         REQUIRE(GetLastError() == ERROR_INTERNAL_ERROR);
      }
   }
   REQUIRE(created);

   AssignProcessToJobObject(job(), info.hProcess);
   CloseHandle(info.hThread);
   peer->process = info.hProcess;
   peer->id = info.dwProcessId;
   test_defer(release_peer, peer);
   return peer;
}

/* Under Wine it happens that a new process never comes to its program. */
struct peer *
peer_start_ready(const struct peer_run *run, const char *role,
                 unsigned number, uint32_t *ready)
{
   struct peer *peer = NULL;
   DWORD status;

   for (unsigned attempt = 0; attempt < 3; attempt++) {
      const double until_ms = test_now_ms() + 20000;

      vk_sync_win32_store32(ready, 0);
      peer = peer_start(run, role, number);
      while (test_now_ms() < until_ms) {
         if (vk_sync_win32_load32(ready))
            return peer;
         if (peer_ended(peer, 1, &status) && !vk_sync_win32_load32(ready))
            test_fail(true, __FILE__, __LINE__, "%s %u has ended (%lu)", role,
                      number, (unsigned long)status);
      }
      test_diag("%s %u does not start", role, number);
      peer_release(peer);
   }
   REQUIRE(vk_sync_win32_load32(ready));
   return peer;
}

void
peer_kill(struct peer *peer, UINT status)
{
   /* It may have ended by itself just now. */
   if (!TerminateProcess(peer->process, status))
      EXPECT(WaitForSingleObject(peer->process, 10000) == WAIT_OBJECT_0);
}

bool
peer_ended(struct peer *peer, unsigned timeout_ms, DWORD *status)
{
   if (WaitForSingleObject(peer->process, timeout_ms) != WAIT_OBJECT_0)
      return false;

   REQUIRE(GetExitCodeProcess(peer->process, status));
   return true;
}

void
peer_join(struct peer *peer)
{
   DWORD status;

   REQUIRE(peer_ended(peer, PATIENCE_S * 1000, &status));
   EXPECT_U64(status, 0);
   peer_release(peer);
}

void
peer_release(struct peer *peer)
{
   test_undefer(release_peer, peer);
   release_peer(peer);
}

static uint32_t
count_views(void)
{
   MEMORY_BASIC_INFORMATION info;
   const char *address = NULL;
   uint32_t count = 0;

   while (VirtualQuery(address, &info, sizeof(info))) {
      count += info.State == MEM_COMMIT && info.Type == MEM_MAPPED &&
               info.BaseAddress == info.AllocationBase;
      address = (const char *)info.BaseAddress + info.RegionSize;
   }
   return count;
}

static uint64_t
sum_heap(void)
{
   HANDLE heap = (HANDLE)_get_heap_handle();
   PROCESS_HEAP_ENTRY entry = {0};
   uint64_t sum = 0;

   HeapLock(heap);
   while (HeapWalk(heap, &entry)) {
      if (entry.wFlags & PROCESS_HEAP_ENTRY_BUSY)
         sum += entry.cbData;
   }
   HeapUnlock(heap);
   return sum;
}

struct peer_usage
peer_measure(void)
{
   return (struct peer_usage) {
      .handles = test_count_handles(),
      .views = count_views(),
      .heap = sum_heap(),
   };
}

/* SPDX-License-Identifier: MIT */

/* A stranger opens what named objects it can find, with as many rights as it
 * gets, and resets, waits for and raises them without end.  That may wake
 * threads for nothing, but keeps nobody from being woken.
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

struct board {
   uint32_t ready, quit;
   uint64_t sent_ns;
   /* Of the partner and of the parent */
   struct side {
      uint64_t most_ns;
      uint32_t late;
   } sides[2];

   /* What the stranger has done */
   uint32_t bells, raised;
   /* How often it could wait for a bell, or take a ring */
   uint32_t may_wait, taken;
};

/* Hand-overs ---------------------------------------------------------------- */

struct pair {
   struct board *board;
   struct vk_device *device;
   struct vk_sync *ping, *pong;
};

static void
receive(struct pair *pair, unsigned side, struct vk_sync *sync, uint64_t value)
{
   struct side *s = &pair->board->sides[side];

   REQUIRE_OK(unit_wait(pair->device, sync, value, UINT64_MAX));
   const uint64_t ns = os_time_get_nano() -
                       vk_sync_win32_load64(&pair->board->sent_ns);
   s->most_ns = MAX2(s->most_ns, ns);
   s->late += ns > LIMIT_NS;
}

/* Only those who are blocked can be kept from being woken. */
static void
send(struct pair *pair, struct vk_sync *sync, uint64_t value)
{
   while (unit_armed(sync) == 0)
      YieldProcessor();

   vk_sync_win32_store64(&pair->board->sent_ns, os_time_get_nano());
   REQUIRE_OK(vk_sync_signal(pair->device, sync, value));
}

static struct pair
make_pair(const struct peer_run *run, bool create)
{
   struct vk_sync *(*get)(const struct peer_run *, struct vk_device *,
                          enum vk_sync_win32_kind, const char *) =
      create ? peer_share : peer_open;
   struct vk_device *device = unit_device();

   return (struct pair) {
      .board = run->board, .device = device,
      .ping = get(run, device, VK_SYNC_WIN32_KIND_TIMELINE, "ping"),
      .pong = get(run, device, VK_SYNC_WIN32_KIND_TIMELINE, "pong"),
   };
}

static int
partner_main(int argc, char **argv)
{
   const struct peer_run run = peer_run_open(argc, argv, sizeof(struct board));
   struct pair pair = make_pair(&run, false);

   vk_sync_win32_store32(&pair.board->ready, 1);
   for (uint64_t value = 1;; value++) {
      receive(&pair, 0, pair.ping, value);
      send(&pair, pair.pong, value);
   }
   return 0;
}

/* The stranger -------------------------------------------------------------- */

struct nt_entry {
   struct nt_string name, type;
};

typedef LONG (WINAPI *open_function)(HANDLE *object, ACCESS_MASK access,
                                     struct nt_attributes *attributes);

static struct {
   open_function open_directory;
   LONG (WINAPI *query_directory)(HANDLE directory, void *buffer, ULONG size,
                                  BOOLEAN single, BOOLEAN restart,
                                  ULONG *context, ULONG *result_size);
   LONG (WINAPI *reset_event)(HANDLE event, LONG *previous);
} nt;

/* No sections: whoever may write one may write it. */
static struct {
   const wchar_t *type;
   const char *symbol;
   open_function open;
} types[] = {
   { L"Event", "NtOpenEvent", NULL },
   { L"Semaphore", "NtOpenSemaphore", NULL },
   { L"Mutant", "NtOpenMutant", NULL },
   { L"Timer", "NtOpenTimer", NULL },
};

static const ACCESS_MASK accesses[] = {
   MAXIMUM_ALLOWED, 0x0001, 0x0002, 0x0004, DELETE, READ_CONTROL, WRITE_DAC,
   WRITE_OWNER, SYNCHRONIZE, GENERIC_ALL,
};

static struct {
   struct board *board;
   const char *run;
   HANDLE objects[512];
   bool is_bell[512];
   unsigned count;
} stranger;

static void
resolve(const char *symbol, void *function)
{
   FARPROC proc = GetProcAddress(GetModuleHandleW(L"ntdll.dll"), symbol);

   REQUIRE(proc != NULL);
   memcpy(function, &proc, sizeof(proc));
}

static void
resolve_all(void)
{
   REQUIRE(vk_sync_win32_nt_init());
   resolve("NtOpenDirectoryObject", &nt.open_directory);
   resolve("NtQueryDirectoryObject", &nt.query_directory);
   resolve("NtResetEvent", &nt.reset_event);
   for (unsigned i = 0; i < TEST_COUNT(types); i++)
      resolve(types[i].symbol, &types[i].open);
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

/* This run's.  Who has other objects on this machine is no part of the test. */
static bool
is_ours(const struct nt_entry *entry)
{
   wchar_t run[64];

   swprintf(run, TEST_COUNT(run), L"%hs", stranger.run);
   return wcsstr(entry->name.text, L"MesaVk") != NULL ||
          wcsstr(entry->name.text, run) != NULL;
}

static void
keep(HANDLE object, bool is_bell)
{
   struct {
      ULONG attributes;
      ACCESS_MASK granted;
      ULONG rest[12];
   } info = {0};

   if (stranger.count == TEST_COUNT(stranger.objects)) {
      CloseHandle(object);
      return;
   }
   stranger.objects[stranger.count] = object;
   stranger.is_bell[stranger.count++] = is_bell;
   if (is_bell && vk_sync_win32_nt.query_object(object, 0, &info, sizeof(info),
                                                NULL) == 0)
      stranger.board->may_wait += (info.granted & SYNCHRONIZE) != 0;
}

static void
open_entry(HANDLE directory, struct nt_entry *entry)
{
   const bool bell = wcsstr(entry->name.text, L"MesaVkBell-") != NULL;
   struct nt_attributes attributes = {
      .length = sizeof(attributes), .root = directory, .name = &entry->name,
   };

   stranger.board->bells += bell;
   for (unsigned i = 0; i < TEST_COUNT(types); i++) {
      if (wcscmp(entry->type.text, types[i].type) != 0)
         continue;
      for (unsigned j = 0; j < TEST_COUNT(accesses); j++) {
         HANDLE object;

         if (types[i].open(&object, accesses[j], &attributes) == 0)
            keep(object, bell);
      }
   }
}

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
      if (is_ours(&buffer.entry))
         open_entry(directory, &buffer.entry);
   }
   CloseHandle(directory);
}

static void
scan_all(void)
{
   wchar_t session[64], global[] = L"\\BaseNamedObjects";
   DWORD number = 0;

   for (unsigned i = 0; i < stranger.count; i++)
      CloseHandle(stranger.objects[i]);
   stranger.count = 0;
   stranger.board->bells = 0;

   ProcessIdToSessionId(GetCurrentProcessId(), &number);
   swprintf(session, TEST_COUNT(session),
            L"\\Sessions\\%lu\\BaseNamedObjects", (unsigned long)number);
   scan(global);
   scan(session);
}

static void
molest(unsigned i)
{
   static const LARGE_INTEGER at_once;
   HANDLE object = stranger.objects[i];
   LONG previous;

   nt.reset_event(object, &previous);
   if (vk_sync_win32_nt.wait_for_single_object(object, FALSE, &at_once) == 0)
      stranger.board->taken += stranger.is_bell[i];
   if (vk_sync_win32_nt.release_semaphore(object, 1, &previous) == 0)
      stranger.board->raised++;
   vk_sync_win32_nt.release_semaphore(object, 1000, &previous);
}

static int
stranger_main(int argc, char **argv)
{
   const struct peer_run run = peer_run_open(argc, argv, sizeof(struct board));

   stranger.board = run.board;
   stranger.run = run.name;
   resolve_all();
   vk_sync_win32_store32(&stranger.board->ready, 1);
   while (!vk_sync_win32_load32(&stranger.board->quit)) {
      scan_all();
      for (unsigned i = 0; i < 20; i++) {
         for (unsigned j = 0; j < stranger.count; j++)
            molest(j);
      }
   }
   return 0;
}

/* The parent ---------------------------------------------------------------- */

static bool
run_series(struct pair *pair, const char *what)
{
   struct side *sides = pair->board->sides;
   const uint64_t first = peer_word(pair->ping);

   memset(sides, 0, sizeof(pair->board->sides));
   for (uint64_t value = first + 1; value <= first + TRIPS; value++) {
      send(pair, pair->ping, value);
      receive(pair, 1, pair->pong, value);
   }
   test_diag("%s: %u hand-overs, %.1f ms at most, %u late", what, 2 * TRIPS,
             MAX2(sides[0].most_ns, sides[1].most_ns) / 1e6,
             sides[0].late + sides[1].late);
   return sides[0].late + sides[1].late == 0;
}

static void
hand_over_beside_a_stranger(UNUSED intptr_t arg)
{
   const struct peer_run run = peer_run_create(sizeof(struct board));
   struct pair pair = make_pair(&run, true);
   struct board *board = run.board;
   bool in_time = false;

   peer_start_ready(&run, "partner", 0, &board->ready);
   run_series(&pair, "alone");

   struct peer *peer = peer_start_ready(&run, "stranger", 0, &board->ready);
   for (unsigned i = 0; i < TRIES && !in_time; i++)
      in_time = run_series(&pair, "beside the stranger");
   EXPECT(in_time);

   board->quit = 1;
   peer_join(peer);
   test_diag("it found %u bells, raised %u objects, may wait for %u bells, took "
             "%u rings", board->bells, board->raised, board->may_wait,
             board->taken);
   EXPECT(board->bells >= 2);
   EXPECT(board->raised > 0);
   /* Wine grants the standard rights, whatever the descriptor says. */
   if (!vk_sync_win32_nt.is_wine) {
      EXPECT_U64(board->may_wait, 0);
      EXPECT_U64(board->taken, 0);
   }
   vk_sync_destroy(pair.device, pair.ping);
   vk_sync_destroy(pair.device, pair.pong);
}

const struct test_case fault_cases[] = {
   { "hand-over beside a stranger", hand_over_beside_a_stranger, 0, 180 },
   { 0 },
};

const struct test_role fault_roles[] = {
   { "partner", partner_main },
   { "stranger", stranger_main },
   { 0 },
};

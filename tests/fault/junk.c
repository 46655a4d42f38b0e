/* SPDX-License-Identifier: MIT */

/* Slots that say anything at all.  A signal tries to open two bells at most,
 * and what is wrong with one payload is nothing to the others.
 */
#include "hook.h"
#include "nt_names.h"
#include "peer.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "util/macros.h"
#include "util/os_time.h"

#include "vk_sync_win32_owner.h"

#define MS UINT64_C(1000000)
#define PATIENCE_S 20

/* Counting what is opened --------------------------------------------------- */

/* The functions that this program imports are called through a table. */
static void **
find_import(const char *function)
{
   char *base = (char *)GetModuleHandleA(NULL);
   const IMAGE_DOS_HEADER *dos = (const IMAGE_DOS_HEADER *)base;
   const IMAGE_NT_HEADERS *nt =
      (const IMAGE_NT_HEADERS *)(base + dos->e_lfanew);
   const IMAGE_IMPORT_DESCRIPTOR *module = (const IMAGE_IMPORT_DESCRIPTOR *)
      (base + nt->OptionalHeader.DataDirectory[
          IMAGE_DIRECTORY_ENTRY_IMPORT].VirtualAddress);

   for (; module->Name != 0; module++) {
      IMAGE_THUNK_DATA *name =
         (IMAGE_THUNK_DATA *)(base + module->OriginalFirstThunk);
      IMAGE_THUNK_DATA *address =
         (IMAGE_THUNK_DATA *)(base + module->FirstThunk);

      for (; name->u1.AddressOfData != 0; name++, address++) {
         const IMAGE_IMPORT_BY_NAME *import =
            (const IMAGE_IMPORT_BY_NAME *)(base + name->u1.AddressOfData);

         if (!IMAGE_SNAP_BY_ORDINAL(name->u1.Ordinal) &&
             strcmp(import->Name, function) == 0)
            return (void **)&address->u1.Function;
      }
   }
   return NULL;
}

static void
replace_import(const char *function, void *replacement, void *old)
{
   void **entry = find_import(function);
   DWORD protection;

   REQUIRE(entry != NULL);
   REQUIRE(VirtualProtect(entry, sizeof(*entry), PAGE_READWRITE,
                          &protection));
   if (*entry != replacement)
      memcpy(old, entry, sizeof(*entry));
   memcpy(entry, &replacement, sizeof(*entry));
   VirtualProtect(entry, sizeof(*entry), protection, &protection);
}

static HANDLE (WINAPI *open_semaphore)(DWORD access, BOOL inherit,
                                       const WCHAR *name);
static HANDLE (WINAPI *open_process)(DWORD access, BOOL inherit, DWORD id);
static uint32_t semaphore_opens, process_opens;
/* A slot that becomes another thread's while its bell is opened */
static struct vk_sync_win32_slot *handed_over;

static HANDLE WINAPI
count_semaphore_open(DWORD access, BOOL inherit, const WCHAR *name)
{
   p_atomic_inc(&semaphore_opens);
   if (handed_over != NULL)
      vk_sync_win32_store64(&handed_over->bell.bits[1], 4321);
   return open_semaphore(access, inherit, name);
}

static HANDLE WINAPI
count_process_open(DWORD access, BOOL inherit, DWORD id)
{
   p_atomic_inc(&process_opens);
   return open_process(access, inherit, id);
}

static void
count_opens(void)
{
   static bool counting;

   if (counting)
      return;
   counting = true;
   hook_install();
   replace_import("OpenSemaphoreW", (void *)count_semaphore_open,
                  &open_semaphore);
   replace_import("OpenProcess", (void *)count_process_open, &open_process);
}

/* Junk ---------------------------------------------------------------------- */

static uint64_t
random_word(uint64_t *seed)
{
   static const uint64_t words[] = {
      0, 1, 2, UINT64_MAX, UINT64_C(1) << 32, UINT64_C(1) << 33,
      UINT64_C(3) << 32, UINT64_C(0x7fffffff80000000), UINT32_MAX,
   };

   switch (peer_random_below(seed, 4)) {
   case 0:
      return words[peer_random_below(seed, TEST_COUNT(words))];
   case 1:
      return peer_random(seed) & 0xfff;
   case 2:
      return vk_sync_win32_owner_self() ^ (peer_random(seed) & 0xff);
   default:
      return peer_random(seed);
   }
}

/* Few owners that can be asked for are processes. */
static void
fill_slot(struct vk_sync_win32_layout *layout, unsigned index, uint64_t *seed)
{
   struct vk_sync_win32_slot *slot = &layout->slots[index];

   vk_sync_win32_store64(&slot->owner, random_word(seed));
   vk_sync_win32_store64(&slot->target, random_word(seed));
   vk_sync_win32_store64(&slot->bell.bits[0], random_word(seed));
   vk_sync_win32_store64(&slot->bell.bits[1], random_word(seed));
}

static void
fill_all(struct vk_sync_win32_layout *layout, uint64_t *seed)
{
   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++)
      fill_slot(layout, i, seed);
   for (unsigned i = 0; i < 2; i++) {
      vk_sync_win32_store64(&layout->failed[i], peer_random(seed));
      vk_sync_win32_store64(&layout->armed[i], UINT64_MAX);
   }
}

static void
clear_all(struct vk_sync_win32_layout *layout)
{
   memset(layout->slots, 0, sizeof(layout->slots));
   memset(layout->armed, 0, sizeof(layout->armed));
   memset(layout->failed, 0, sizeof(layout->failed));
}

/* A signal ------------------------------------------------------------------ */

static void
signal_opens_two_bells(intptr_t kind)
{
   struct vk_device *device = unit_device();
   struct vk_sync *sync = peer_shared(device, (enum vk_sync_win32_kind)kind);
   struct vk_sync_win32_layout *layout = unit_layout(sync);
   const bool timeline = kind == VK_SYNC_WIN32_KIND_TIMELINE;
   const unsigned rounds = 300 * test_scale();
   uint64_t seed = test_random();
   uint32_t opens = 0;
   double most_ms = 0;

   count_opens();
   for (unsigned i = 0; i < rounds; i++) {
      const uint32_t rings = hook.calls[HOOK_RING];
      const uint32_t before = semaphore_opens;

      fill_all(layout, &seed);
      layout->word = timeline ? random_word(&seed) >> 2 : 0;

      const double start_ms = test_now_ms();
      REQUIRE(vk_sync_signal(device, sync, timeline ? layout->word + 1 : 0) ==
              VK_SUCCESS);
      most_ms = MAX2(most_ms, test_now_ms() - start_ms);

      REQUIRE(semaphore_opens - before <= 2);
      REQUIRE_U64(hook.calls[HOOK_RING], rings);
      opens += semaphore_opens - before;
   }
   test_diag("%u signals tried to open %u bells, %.2f ms at most", rounds,
             opens, most_ms);
   EXPECT(opens > rounds);
   clear_all(layout);
   vk_sync_destroy(device, sync);
}

/* The same few names, over and over */
static void
failures_are_remembered(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *sync = peer_shared(device, VK_SYNC_WIN32_KIND_TIMELINE);
   struct vk_sync_win32_layout *layout = unit_layout(sync);
   const unsigned rounds = 100;
   uint64_t seed = test_random();

   count_opens();
   const uint32_t before = semaphore_opens;
   memset(layout->slots, 0, sizeof(layout->slots));
   for (unsigned i = 0; i < 4; i++) {
      layout->slots[i].bell.bits[0] = peer_random(&seed);
      layout->slots[i].bell.bits[1] = peer_random(&seed);
   }
   for (unsigned i = 1; i <= rounds; i++) {
      layout->armed[0] = 0xf;
      REQUIRE(vk_sync_signal(device, sync, i) == VK_SUCCESS);
      EXPECT_U64(layout->armed[0], 0);
   }
   EXPECT_U64(semaphore_opens - before, 4);
   EXPECT_U64(layout->failed[0], 0xf);
   vk_sync_destroy(device, sync);
}

/* Of an id that is read while another thread writes its own, half may be the
 * one's and half the other's.  That neither can be rung by that name is no
 * reason to poll.
 */
static void
slot_that_changes_hands_has_not_failed(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *sync = peer_shared(device, VK_SYNC_WIN32_KIND_TIMELINE);
   struct vk_sync_win32_layout *layout = unit_layout(sync);

   count_opens();
   const uint32_t before = semaphore_opens;
   layout->slots[5].bell.bits[0] = test_random();
   layout->slots[5].bell.bits[1] = 1234;
   layout->slots[5].target = 1;
   layout->armed[0] = 1 << 5;
   handed_over = &layout->slots[5];
   REQUIRE(vk_sync_signal(device, sync, 1) == VK_SUCCESS);
   handed_over = NULL;
   EXPECT_U64(semaphore_opens - before, 1);
   EXPECT_U64(layout->armed[0], 0);
   EXPECT_U64(layout->failed[0], 0);
   vk_sync_destroy(device, sync);
}

typedef LONG (WINAPI *create_link_function)(HANDLE *link, ACCESS_MASK access,
                                            struct nt_attributes *attributes,
                                            struct nt_string *target);

static struct nt_string
make_string(wchar_t *text)
{
   const USHORT length = (USHORT)(wcslen(text) * sizeof(wchar_t));

   return (struct nt_string) { length, length, text };
}

/* The name of a bell that leads to another object */
static HANDLE
create_link(const struct vk_sync_win32_bell_id *id, const wchar_t *target)
{
   FARPROC proc = GetProcAddress(GetModuleHandleW(L"ntdll.dll"),
                                 "NtCreateSymbolicLinkObject");
   wchar_t name_text[128], target_text[128];
   create_link_function create;
   DWORD session = 0;
   HANDLE link;

   memcpy(&create, &proc, sizeof(create));
   ProcessIdToSessionId(GetCurrentProcessId(), &session);
   swprintf(name_text, TEST_COUNT(name_text),
            L"\\Sessions\\%lu\\BaseNamedObjects\\"
            L"MesaVkBell-%08x%08x%08x%08x", (unsigned long)session,
            (uint32_t)(id->bits[0] >> 32), (uint32_t)id->bits[0],
            (uint32_t)(id->bits[1] >> 32), (uint32_t)id->bits[1]);
   swprintf(target_text, TEST_COUNT(target_text),
            L"\\Sessions\\%lu\\BaseNamedObjects\\%ls",
            (unsigned long)session, target);

   struct nt_string name = make_string(name_text);
   struct nt_string target_string = make_string(target_text);
   struct nt_attributes attributes = {
      .length = sizeof(attributes), .name = &name,
   };
   const LONG status = create(&link, GENERIC_ALL, &attributes,
                              &target_string);
   if (status != 0)
      test_skip("no symbolic link: status 0x%lx", (unsigned long)status);
   return link;
}

static void
nothing_but_bells_is_rung(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *sync = peer_shared(device, VK_SYNC_WIN32_KIND_TIMELINE);
   struct vk_sync_win32_layout *layout = unit_layout(sync);
   /* In the session's own namespace */
   const struct vk_sync_win32_bell_id id = { .bits = {
      test_random() & ~UINT64_C(1), test_random(),
   } };
   wchar_t name[32];

   count_opens();
   swprintf(name, TEST_COUNT(name), L"lvp-fault-%lu",
            (unsigned long)GetCurrentProcessId());
   HANDLE semaphore = test_own_handle(CreateSemaphoreW(NULL, 0, 5, name));
   REQUIRE(semaphore != NULL);
   test_own_handle(create_link(&id, name));

   const uint32_t queries = hook.calls[HOOK_QUERY_OBJECT];
   layout->slots[0].bell = id;
   layout->armed[0] = 1;
   REQUIRE(vk_sync_signal(device, sync, 1) == VK_SUCCESS);
   EXPECT_U64(layout->failed[0], 1);
   EXPECT_U64(hook.calls[HOOK_QUERY_OBJECT], queries + 1);
   EXPECT(WaitForSingleObject(semaphore, 0) == WAIT_TIMEOUT);
   vk_sync_destroy(device, sync);
}

/* Everybody whose slot is full of junk may be dead, and is asked for. */
static void
tickets_are_taken_in_bounded_time(UNUSED intptr_t arg)
{
   struct vk_device *device = unit_device();
   struct vk_sync *sync = peer_shared(device, VK_SYNC_WIN32_KIND_BINARY);
   struct vk_sync_win32_layout *layout = unit_layout(sync);
   const unsigned rounds = 40 * test_scale();
   uint64_t seed = test_random();
   uint32_t most_opens = 0;
   double most_ms = 0;

   count_opens();
   for (unsigned i = 0; i < rounds; i++) {
      struct vk_sync *pending = peer_private(device,
                                             VK_SYNC_WIN32_KIND_BINARY);
      const uint32_t before = process_opens;

      fill_all(layout, &seed);
      layout->word = vk_sync_win32_pair((uint32_t)peer_random(&seed),
                                        (uint32_t)peer_random(&seed));
      /* What could be given back, one after the other */
      for (unsigned j = 0; j < VK_SYNC_WIN32_SLOTS && i % 2; j++)
         layout->slots[j].target =
            VK_SYNC_WIN32_TARGET_TAKEN |
            VK_SYNC_WIN32_TARGET_TICKET(
               vk_sync_win32_consumed(layout->word) - j);

      const double start_ms = test_now_ms();
      REQUIRE(vk_sync_move(device, pending, sync) == VK_SUCCESS);
      (void)!vk_sync_wait(device, pending, 0, VK_SYNC_WAIT_COMPLETE,
                          os_time_get_absolute_timeout(MS));
      vk_sync_destroy(device, pending);
      most_ms = MAX2(most_ms, test_now_ms() - start_ms);
      most_opens = MAX2(most_opens, process_opens - before);
   }
   test_diag("%u tickets, for each of which %u processes at most were asked "
             "for, in %.1f ms at most", rounds, most_opens, most_ms);
   EXPECT(most_opens <= 4 * VK_SYNC_WIN32_SLOTS);
   clear_all(layout);
   vk_sync_destroy(device, sync);
}

/* Others -------------------------------------------------------------------- */

struct board {
   uint64_t seed;
   uint32_t ready, quit;
   uint32_t polls;
   uint64_t sent_ns, woken_ns;
   uint64_t reached;
};

/* Waits for payload "good" */
static int
bystander_main(int argc, char **argv)
{
   const struct peer_run run = peer_run_open(argc, argv, sizeof(struct board));
   struct vk_device *device = unit_device();
   struct board *board = run.board;

   hook_install();
   struct vk_sync *good = peer_open(&run, device, VK_SYNC_WIN32_KIND_TIMELINE,
                                    "good");
   vk_sync_win32_store32(&board->ready, 1);
   for (uint64_t value = 1;; value++) {
      REQUIRE(vk_sync_wait(device, good, value, VK_SYNC_WAIT_COMPLETE,
                           UINT64_MAX) == VK_SUCCESS);
      vk_sync_win32_store64(&board->woken_ns, os_time_get_nano());
      board->polls = hook.polls;
      vk_sync_win32_store64(&board->reached, value);
   }
   return 0;
}

/* Writes whatever it likes into payload "bad" */
static int
vandal_main(int argc, char **argv)
{
   const struct peer_run run = peer_run_open(argc, argv, sizeof(struct board));
   struct vk_device *device = unit_device();
   struct board *board = run.board;
   uint64_t seed = board->seed;

   struct vk_sync *bad = peer_open(&run, device, VK_SYNC_WIN32_KIND_TIMELINE,
                                   "bad");
   vk_sync_win32_store32(&board->ready, 1);
   while (!vk_sync_win32_load32(&board->quit)) {
      fill_all(unit_layout(bad), &seed);
      Sleep(0);
   }
   return 0;
}

struct bystander {
   struct board *board;
   struct vk_device *device;
   struct vk_sync *good, *bad;
   uint64_t value, bad_value;
};

static int
compare_doubles(const void *a, const void *b)
{
   const double x = *(const double *)a, y = *(const double *)b;
   return (x > y) - (x < y);
}

#define HAND_OVERS 400

static double
measure(struct bystander *b, bool vandal)
{
   static double ms[HAND_OVERS];

   for (unsigned i = 0; i < HAND_OVERS; i++) {
      if (vandal) {
         REQUIRE(vk_sync_signal(b->device, b->bad, ++b->bad_value) ==
                 VK_SUCCESS);
         (void)!vk_sync_wait(b->device, b->bad, b->bad_value + 1,
                             VK_SYNC_WAIT_COMPLETE,
                             os_time_get_absolute_timeout(MS / 4));
      }
      PEER_AWAIT(unit_armed(b->good) == 1, PATIENCE_S);

      const uint64_t sent_ns = os_time_get_nano();
      REQUIRE(vk_sync_signal(b->device, b->good, ++b->value) == VK_SUCCESS);
      PEER_AWAIT(vk_sync_win32_load64(&b->board->reached) == b->value,
                 PATIENCE_S);
      ms[i] = (int64_t)(b->board->woken_ns - sent_ns) / 1e6;
   }
   qsort(ms, HAND_OVERS, sizeof(double), compare_doubles);
   test_diag("%s: hand-over takes %.3f ms (median), %.3f ms (most)",
             vandal ? "beside the vandal" : "alone", ms[HAND_OVERS / 2],
             ms[HAND_OVERS - 1]);
   return ms[HAND_OVERS / 2];
}

static void
others_notice_nothing(UNUSED intptr_t arg)
{
   const struct peer_run run = peer_run_create(sizeof(struct board));
   struct bystander b = { .board = run.board, .device = unit_device() };
   DWORD status;

   b.good = peer_share(&run, b.device, VK_SYNC_WIN32_KIND_TIMELINE, "good");
   b.bad = peer_share(&run, b.device, VK_SYNC_WIN32_KIND_TIMELINE, "bad");
   b.board->seed = test_random();
   peer_start_ready(&run, "bystander", 0, &b.board->ready);
   const double before_ms = measure(&b, false);
   struct peer *vandal = peer_start_ready(&run, "vandal", 0,
                                          &b.board->ready);
   const double beside_ms = measure(&b, true);

   b.board->quit = 1;
   REQUIRE(peer_ended(vandal, PATIENCE_S * 1000, &status));
   EXPECT_U64(status, 0);

   /* Polling would show in both. */
   EXPECT_U64(b.board->polls, 0);
   EXPECT(beside_ms < 5 * before_ms + 1);

   /* Nor is anything left of it once it is over. */
   clear_all(unit_layout(b.bad));
   measure(&b, false);
   EXPECT_U64(b.board->polls, 0);
   vk_sync_destroy(b.device, b.good);
   vk_sync_destroy(b.device, b.bad);
}

static const struct test_case cases[] = {
   { "a signal opens two bells at most: timeline", signal_opens_two_bells,
     VK_SYNC_WIN32_KIND_TIMELINE },
   { "a signal opens two bells at most: semaphore", signal_opens_two_bells,
     VK_SYNC_WIN32_KIND_BINARY },
   { "a signal opens two bells at most: fence", signal_opens_two_bells,
     VK_SYNC_WIN32_KIND_FENCE },
   { "what cannot be opened is remembered", failures_are_remembered },
   { "a slot that changes hands has not failed",
     slot_that_changes_hands_has_not_failed },
   { "nothing but bells is rung", nothing_but_bells_is_rung },
   { "tickets are taken in bounded time",
     tickets_are_taken_in_bounded_time },
   { "other payloads notice nothing", others_notice_nothing, 0, 120 },
   { 0 },
};

static const struct test_role roles[] = {
   { "bystander", bystander_main },
   { "vandal", vandal_main },
   { 0 },
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, roles);
}

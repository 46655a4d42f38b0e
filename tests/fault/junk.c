/* SPDX-License-Identifier: MIT */

/* Slots that say anything at all: a signal tries to open two bells at most, and
 * what is wrong with one payload is nothing to the others.
 */
#include "hook.h"
#include "peer.h"

#include <string.h>
#include <wchar.h>

#include "util/macros.h"
#include "vk_sync_win32_owner.h"
#include "vk_sync_win32_waiter.h"

/* What is opened ------------------------------------------------------------ */

/* What this program imports is called through a table of addresses. */
static void **
find_import(const void *function)
{
   char *base = (char *)GetModuleHandleA(NULL);
   const IMAGE_NT_HEADERS *nt = (const IMAGE_NT_HEADERS *)
      (base + ((const IMAGE_DOS_HEADER *)base)->e_lfanew);
   const IMAGE_IMPORT_DESCRIPTOR *module = (const IMAGE_IMPORT_DESCRIPTOR *)
      (base + nt->OptionalHeader.DataDirectory[
          IMAGE_DIRECTORY_ENTRY_IMPORT].VirtualAddress);

   for (; module->Name != 0; module++) {
      void **entry = (void **)(base + module->FirstThunk);

      for (; *entry != NULL; entry++) {
         if (*entry == function)
            return entry;
      }
   }
   return NULL;
}

static void
replace_import(const void *function, void *replacement, void *old)
{
   void **entry = find_import(function);
   DWORD protection;

   REQUIRE(entry != NULL);
   REQUIRE(VirtualProtect(entry, sizeof(*entry), PAGE_READWRITE,
                          &protection));
   memcpy(old, entry, sizeof(*entry));
   *entry = replacement;
   VirtualProtect(entry, sizeof(*entry), protection, &protection);
}

static HANDLE (WINAPI *open_semaphore)(DWORD access, BOOL inherit,
                                       const WCHAR *name);
static HANDLE (WINAPI *open_process)(DWORD access, BOOL inherit, DWORD id);
static uint32_t semaphore_opens, process_opens;
static HANDLE (WINAPI *create_semaphore)(SECURITY_ATTRIBUTES *attributes,
                                         LONG initial, LONG maximum,
                                         const WCHAR *name);
static bool no_semaphores;
/* A slot that becomes another thread's while its bell is opened */
static struct vk_sync_win32_slot *handed_over;
/* What is opened instead of a bell */
static const WCHAR *link_target;

static HANDLE WINAPI
count_semaphore_open(DWORD access, BOOL inherit, const WCHAR *name)
{
   p_atomic_inc(&semaphore_opens);
   if (handed_over != NULL)
      vk_sync_win32_store64(&handed_over->bell.bits[1], 4321);
   return open_semaphore(access, inherit,
                         link_target != NULL ? link_target : name);
}

static HANDLE WINAPI
count_process_open(DWORD access, BOOL inherit, DWORD id)
{
   p_atomic_inc(&process_opens);
   return open_process(access, inherit, id);
}

static HANDLE WINAPI
create_semaphore_or_not(SECURITY_ATTRIBUTES *attributes, LONG initial,
                        LONG maximum, const WCHAR *name)
{
   return no_semaphores ? NULL : create_semaphore(attributes, initial, maximum,
                                                  name);
}

static void
replace_imports(void)
{
   if (open_process != NULL)
      return;

   hook_install();
   replace_import((void *)OpenSemaphoreW, (void *)count_semaphore_open,
                  &open_semaphore);
   replace_import((void *)OpenProcess, (void *)count_process_open,
                  &open_process);
   replace_import((void *)CreateSemaphoreW, (void *)create_semaphore_or_not,
                  &create_semaphore);
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
      return test_next_random(seed) & 0xfff;
   case 2:
      return vk_sync_win32_owner_self() ^ (test_next_random(seed) & 0xff);
   default:
      return test_next_random(seed);
   }
}

/* Few owners that can be asked for are processes. */
static void
fill_all(struct vk_sync_win32_layout *layout, uint64_t *seed)
{
   uint64_t *const end = (uint64_t *)(layout + 1);

   for (uint64_t *word = (uint64_t *)layout->slots; word < end; word++)
      vk_sync_win32_store64(word, random_word(seed));
   for (unsigned i = 0; i < 2; i++) {
      vk_sync_win32_store64(&layout->failed[i], test_next_random(seed));
      vk_sync_win32_store64(&layout->armed[i], UINT64_MAX);
   }
}

/* A signal ------------------------------------------------------------------ */

static struct {
   struct vk_device *device;
   struct vk_sync *sync;
   struct vk_sync_win32_layout *layout;
   uint64_t seed;
} junk;

static void
set_up(intptr_t flags)
{
   junk.device = unit_device();
   junk.sync = unit_shared(junk.device, (enum vk_sync_flags)flags);
   junk.layout = unit_layout(junk.sync);
   junk.seed = test_random();
   replace_imports();
   no_semaphores = false;
   vk_sync_win32_bell_forget_all();
}

static void
signal_opens_two_bells(intptr_t flags)
{
   const bool timeline = flags & VK_SYNC_IS_TIMELINE;
   const unsigned rounds = 300 * test_scale();
   uint32_t opens = 0;

   set_up(flags);
   for (unsigned i = 0; i < rounds; i++) {
      const uint32_t rings = hook.calls[HOOK_RING];
      const uint32_t before = semaphore_opens;

      fill_all(junk.layout, &junk.seed);
      junk.layout->word = timeline ? random_word(&junk.seed) >> 2 : 0;

      REQUIRE_OK(unit_signal(junk.device, junk.sync, junk.layout->word + 1));
      REQUIRE(semaphore_opens - before <= 2);
      REQUIRE_U64(hook.calls[HOOK_RING], rings);
      opens += semaphore_opens - before;
   }
   EXPECT(opens > rounds);
}

/* The same few names, over and over */
static void
failures_are_remembered(UNUSED intptr_t arg)
{
   set_up(VK_SYNC_IS_TIMELINE);
   const uint32_t before = semaphore_opens;
   for (unsigned i = 0; i < 4; i++) {
      junk.layout->slots[i].bell.bits[0] = test_random();
      junk.layout->slots[i].bell.bits[1] = test_random();
   }
   for (unsigned i = 1; i <= 100; i++) {
      junk.layout->armed[0] = 0xf;
      REQUIRE_OK(vk_sync_signal(junk.device, junk.sync, i));
      EXPECT_U64(junk.layout->armed[0], 0);
   }
   EXPECT_U64(semaphore_opens - before, 4);
   EXPECT_U64(junk.layout->failed[0], 0xf);
}

/* Of an id that is read while another thread writes its own, half may be the
 * one's and half the other's.  That neither can be rung by that name is no
 * reason to poll.
 */
static void
slot_that_changes_hands_has_not_failed(UNUSED intptr_t arg)
{
   set_up(VK_SYNC_IS_TIMELINE);
   struct vk_sync_win32_slot *slot = &junk.layout->slots[5];
   const uint32_t before = semaphore_opens;

   slot->bell.bits[0] = test_random();
   slot->bell.bits[1] = 1234;
   slot->target = 1;
   junk.layout->armed[0] = 1 << 5;
   handed_over = slot;
   REQUIRE_OK(vk_sync_signal(junk.device, junk.sync, 1));
   handed_over = NULL;
   EXPECT_U64(semaphore_opens - before, 1);
   EXPECT_U64(junk.layout->armed[0], 0);
   EXPECT_U64(junk.layout->failed[0], 0);
}

/* UNICODE_STRING and OBJECT_ATTRIBUTES, in no header that all compilers
 * have
 */
struct nt_string {
   USHORT length, capacity;
   wchar_t *text;
};

struct nt_attributes {
   ULONG length;
   HANDLE root;
   struct nt_string *name;
   ULONG flags;
   void *descriptor, *quality;
};

/* A name in the session's own namespace, by its whole path */
static struct nt_string
make_path(wchar_t text[128], const wchar_t *name)
{
   DWORD session = 0;

   ProcessIdToSessionId(GetCurrentProcessId(), &session);
   const int length =
      swprintf(text, 128, L"\\Sessions\\%lu\\BaseNamedObjects\\%ls",
               (unsigned long)session, name);
   const USHORT size = (USHORT)(length * sizeof(*text));
   return (struct nt_string) { size, size, text };
}

/* Makes the bell's name lead to another object, where the system lets us. */
static bool
create_link(const struct vk_sync_win32_bell_id *id, const wchar_t *target)
{
   LONG (WINAPI *create)(HANDLE *, ACCESS_MASK, struct nt_attributes *,
                         struct nt_string *);
   FARPROC proc = GetProcAddress(GetModuleHandleW(L"ntdll.dll"),
                                 "NtCreateSymbolicLinkObject");
   wchar_t bell[64], texts[2][128];
   HANDLE link;

   REQUIRE(proc != NULL);
   memcpy(&create, &proc, sizeof(create));
   swprintf(bell, TEST_COUNT(bell), L"MesaVkBell-%08x%08x%08x%08x",
            (uint32_t)(id->bits[0] >> 32), (uint32_t)id->bits[0],
            (uint32_t)(id->bits[1] >> 32), (uint32_t)id->bits[1]);
   struct nt_string name = make_path(texts[0], bell);
   struct nt_string leads_to = make_path(texts[1], target);
   struct nt_attributes attributes = {
      .length = sizeof(attributes), .name = &name,
   };

   const LONG status = create(&link, GENERIC_ALL, &attributes, &leads_to);
   if (status == 0)
      test_own_handle(link);
   else
      test_diag("no symbolic link: status 0x%lx", (unsigned long)status);
   return status == 0;
}

/* A stranger may have made a bell's name a link to another semaphore: as
 * OpenSemaphore() sees it, and as the kernel does.
 */
static void
nothing_but_bells_is_rung(UNUSED intptr_t arg)
{
   static const WCHAR name[] = L"lvp-fault-no-bell";

   set_up(VK_SYNC_IS_TIMELINE);
   HANDLE semaphore = test_own_handle(CreateSemaphoreW(NULL, 0, 5, name));
   REQUIRE(semaphore != NULL);

   for (unsigned by_kernel = 0; by_kernel < 2; by_kernel++) {
      const uint32_t queries = hook.calls[HOOK_QUERY_OBJECT];
      /* In the session's own namespace */
      const struct vk_sync_win32_bell_id id = { .bits = {
         test_random() & ~UINT64_C(1), test_random(),
      } };

      if (by_kernel && !create_link(&id, name))
         break;
      junk.layout->slots[0].bell = id;
      junk.layout->armed[0] = 1;
      junk.layout->failed[0] = 0;
      link_target = by_kernel ? NULL : name;
      REQUIRE_OK(vk_sync_signal(junk.device, junk.sync, 1 + by_kernel));
      link_target = NULL;
      EXPECT_U64(junk.layout->failed[0], 1);
      EXPECT_U64(hook.calls[HOOK_QUERY_OBJECT], queries + 1);
      EXPECT(WaitForSingleObject(semaphore, 0) == WAIT_TIMEOUT);
   }
}

/* Every other time, each has what could be given back next, the last one first,
 * and seems to have died while it gave that back, so that all have to be asked
 * for before.
 */
static void
fill_with_tickets(struct vk_sync_win32_layout *layout)
{
   const uint32_t first =
      vk_sync_win32_consumed(layout->word) - (VK_SYNC_WIN32_SLOTS - 1);

   for (uint32_t i = 0; i < VK_SYNC_WIN32_SLOTS; i++) {
      layout->slots[i].owner = (UINT64_C(0x7fff0000) + 8 * i) << 32 |
                               VK_SYNC_WIN32_OWNER_RECOVERING;
      layout->slots[i].target = VK_SYNC_WIN32_TARGET_TAKEN |
                                VK_SYNC_WIN32_TARGET_TICKET(first + i);
   }
}

static void
tickets_are_taken_in_bounded_time(UNUSED intptr_t arg)
{
   const unsigned rounds = 40 * test_scale();

   set_up(0);
   for (unsigned i = 0; i < rounds; i++) {
      const uint32_t before = process_opens;

      fill_all(junk.layout, &junk.seed);
      junk.layout->word = test_next_random(&junk.seed);
      if (i % 2)
         fill_with_tickets(junk.layout);

      struct vk_sync *pending = unit_take(junk.device, junk.sync);
      (void)!unit_wait(junk.device, pending, 0, MS);
      unit_sync_destroy(junk.device, pending);
      REQUIRE(process_opens - before <= 8 * VK_SYNC_WIN32_SLOTS);
   }
}

/* Others -------------------------------------------------------------------- */

static uint32_t quit;

/* Writes whatever it likes */
static void
vandalize(UNUSED void *data)
{
   uint64_t seed = junk.seed;

   while (!vk_sync_win32_load32(&quit)) {
      fill_all(junk.layout, &seed);
      Sleep(0);
   }
}

static void
stop(void *thread)
{
   vk_sync_win32_store32(&quit, 1);
   test_thread_join(thread);
}

/* Their threads are rung, by handles that have not been forgotten over what
 * cannot be opened, and have no reason to poll.
 */
static void
others_notice_nothing(UNUSED intptr_t arg)
{
   struct unit_waiter waiter;

   set_up(VK_SYNC_IS_TIMELINE);
   struct vk_sync *good = unit_shared(junk.device, VK_SYNC_IS_TIMELINE);
   quit = 0;
   test_defer(stop, test_thread_start(vandalize, NULL));

   for (uint64_t i = 1; i <= 400; i++) {
      const uint64_t word = peer_word(junk.sync) + 1;

      /* Who waits here cannot be rung, and polls. */
      REQUIRE_OK(vk_sync_signal(junk.device, junk.sync, word));
      (void)!unit_wait(junk.device, junk.sync, word + 1, MS / 4);
      const uint32_t polls = hook.polls;
      unit_block(&waiter, junk.device, good, i, UINT64_MAX);
      PEER_AWAIT(unit_armed(good) == 1);

      const uint32_t opens = semaphore_opens;
      REQUIRE_OK(vk_sync_signal(junk.device, good, i));
      EXPECT_U64(semaphore_opens - opens, i == 1);
      EXPECT_OK(unit_waiter_join(&waiter));
      EXPECT_U64(hook.polls, polls);
   }
}

/* No bells ------------------------------------------------------------------ */

/* There is none to be had: whoever waits polls, until there is one. */
static void
there_is_no_bell(UNUSED intptr_t arg)
{
   struct unit_waiter waiter;

   set_up(VK_SYNC_IS_TIMELINE);
   struct vk_sync_wait waits[] = {
      { .sync = junk.sync },
      { .sync = unit_sync(junk.device, VK_SYNC_IS_TIMELINE, 0),
        .wait_value = 1 },
   };
   vk_sync_win32_waiter_destroy_free();
   no_semaphores = true;

   /* For the shared one alone, then for any of both */
   uint32_t polls = hook.polls;
   for (unsigned i = 0; i < TEST_COUNT(waits); i++) {
      waits[0].wait_value = i + 1;
      unit_block_many(&waiter, junk.device, i + 1, waits, VK_SYNC_WAIT_ANY);
      PEER_AWAIT(hook.polls > polls + 5);
      EXPECT_U64(unit_owned(junk.sync), 0);
      REQUIRE_OK(vk_sync_signal(junk.device, waits[i].sync, 1));
      EXPECT_OK(unit_waiter_join(&waiter));
      polls = hook.polls;
   }

   no_semaphores = false;
   unit_block(&waiter, junk.device, junk.sync, 2, UINT64_MAX);
   PEER_AWAIT(unit_armed(junk.sync) == 1);
   REQUIRE_OK(vk_sync_signal(junk.device, junk.sync, 2));
   EXPECT_OK(unit_waiter_join(&waiter));
   EXPECT_U64(hook.polls, polls);
}

const struct test_case test_cases[] = {
   { "a signal opens two bells at most: timeline", signal_opens_two_bells,
     VK_SYNC_IS_TIMELINE },
   { "a signal opens two bells at most: semaphore", signal_opens_two_bells,
     0 },
   { "a signal opens two bells at most: fence", signal_opens_two_bells,
     VK_SYNC_IS_FENCE },
   { "what cannot be opened is remembered", failures_are_remembered },
   { "a slot that changes hands has not failed",
     slot_that_changes_hands_has_not_failed },
   { "nothing but bells is rung", nothing_but_bells_is_rung },
   { "tickets are taken in bounded time",
     tickets_are_taken_in_bounded_time },
   { "other payloads notice nothing", others_notice_nothing },
   { "there is no bell", there_is_no_bell },
   { 0 },
};

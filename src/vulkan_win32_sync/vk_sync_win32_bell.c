/* SPDX-License-Identifier: MIT */
#include "vk_sync_win32_bell.h"

#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "util/macros.h"

#include <sddl.h>

/* Everyone may ring, also application packages (S-1-15-2-1) and at any
 * integrity level, and nobody do anything else, not even the owner (S-1-3-4):
 * our own rights come with the handle that creation returns.  Whoever could
 * wait on it could take rings away.
 */
#define BELL_SDDL L"D:(A;;0x0002;;;WD)(A;;0x0002;;;S-1-15-2-1)" \
                  L"(A;;0x0002;;;S-1-3-4)S:(ML;;NW;;;LW)"

/* L"Global\\MesaVkBell-" and 32 digits */
#define NAME_LENGTH 64

/* For others to know which namespace to look in.  Global\ lets peers of other
 * sessions find it.  Unlike sections, semaphores may be created there by
 * everyone; but an AppContainer has a namespace of its own.
 */
#define ID_IS_GLOBAL UINT64_C(1)

static void
format_name(wchar_t *name, const wchar_t *space,
            const struct vk_sync_win32_bell_id *id)
{
   swprintf(name, NAME_LENGTH, L"%ls\\MesaVkBell-%08x%08x%08x%08x", space,
            (uint32_t)(id->bits[0] >> 32), (uint32_t)id->bits[0],
            (uint32_t)(id->bits[1] >> 32), (uint32_t)id->bits[1]);
}

static const wchar_t *
get_namespace(const struct vk_sync_win32_bell_id *id)
{
   return id->bits[0] & ID_IS_GLOBAL ? L"Global" : L"Local";
}

static HANDLE
create_named(const struct vk_sync_win32_bell_id *id)
{
   SECURITY_ATTRIBUTES attributes = { .nLength = sizeof(attributes) };
   wchar_t name[NAME_LENGTH];

   if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(
          BELL_SDDL, SDDL_REVISION_1, &attributes.lpSecurityDescriptor, NULL))
      return NULL;

   format_name(name, get_namespace(id), id);
   HANDLE semaphore = CreateSemaphoreW(&attributes, 0, 1, name);

   /* Nobody could have guessed the name, yet it is not ours alone. */
   if (semaphore != NULL && GetLastError() == ERROR_ALREADY_EXISTS) {
      CloseHandle(semaphore);
      semaphore = NULL;
   }

   LocalFree(attributes.lpSecurityDescriptor);
   return semaphore;
}

bool
vk_sync_win32_bell_create(struct vk_sync_win32_bell *bell)
{
   bell->semaphore = NULL;

   if (vk_sync_win32_random(&bell->id, sizeof(bell->id))) {
      bell->id.bits[0] |= ID_IS_GLOBAL;
      bell->semaphore = create_named(&bell->id);
      if (bell->semaphore == NULL) {
         bell->id.bits[0] &= ~ID_IS_GLOBAL;
         bell->semaphore = create_named(&bell->id);
      }
   }

   if (bell->semaphore == NULL) {
      memset(&bell->id, 0, sizeof(bell->id));
      bell->semaphore = CreateSemaphoreW(NULL, 0, 1, NULL);
   }
   return bell->semaphore != NULL;
}

void
vk_sync_win32_bell_destroy(struct vk_sync_win32_bell *bell)
{
   if (bell->semaphore != NULL)
      CloseHandle(bell->semaphore);
   bell->semaphore = NULL;
}

/* Handles of bells, and ids that could not be opened.  Ids come from memory
 * that strangers write, so the number of entries is bounded, and the two kinds
 * do not displace each other.
 *
 * An entry is used by any number of threads or changed by one, which nobody
 * waits for: whoever finds it taken does without.
 */
struct entry {
   uint32_t users;
   struct vk_sync_win32_bell_id id;
   HANDLE semaphore;
};

#define CHANGING UINT32_MAX
#define WAYS 4
#define KNOWN_SETS 64
#define UNKNOWN_SETS 16

static struct entry known[KNOWN_SETS][WAYS];
static struct entry unknown[UNKNOWN_SETS][WAYS];

static struct entry *
get_set(struct entry (*table)[WAYS], const struct vk_sync_win32_bell_id *id)
{
   const uint32_t sets = table == known ? KNOWN_SETS : UNKNOWN_SETS;

   return table[(id->bits[1] >> 32) % sets];
}

static bool
has_id(struct entry *entry, const struct vk_sync_win32_bell_id *id)
{
   return vk_sync_win32_load64(&entry->id.bits[0]) == id->bits[0] &&
          vk_sync_win32_load64(&entry->id.bits[1]) == id->bits[1];
}

/* An entry with the id and one user more, or NULL */
static struct entry *
hold(struct entry (*table)[WAYS], const struct vk_sync_win32_bell_id *id)
{
   struct entry *set = get_set(table, id);

   for (unsigned i = 0; i < WAYS; i++) {
      uint32_t users;

      if (!has_id(&set[i], id))
         continue;

      do {
         users = vk_sync_win32_load32(&set[i].users);
      } while (users != CHANGING &&
               !vk_sync_win32_cas32(&set[i].users, users, users + 1));

      if (users == CHANGING)
         continue;
      if (has_id(&set[i], id))
         return &set[i];
      p_atomic_dec(&set[i].users);
   }
   return NULL;
}

/* Returns a handle for the caller to close: the one that made room, or the one
 * that found none.
 */
static HANDLE
remember(struct entry (*table)[WAYS], const struct vk_sync_win32_bell_id *id,
         HANDLE semaphore)
{
   static uint32_t turn;
   struct entry *set = get_set(table, id);
   const uint32_t first = p_atomic_inc_return(&turn);

   for (unsigned i = 0; i < WAYS; i++) {
      struct entry *entry = &set[(first + i) % WAYS];

      if (!vk_sync_win32_cas32(&entry->users, 0, CHANGING))
         continue;

      HANDLE old = entry->semaphore;
      entry->semaphore = semaphore;
      vk_sync_win32_store64(&entry->id.bits[0], id->bits[0]);
      vk_sync_win32_store64(&entry->id.bits[1], id->bits[1]);
      vk_sync_win32_store32(&entry->users, 0);
      return old;
   }
   return semaphore;
}

void
vk_sync_win32_bell_forget_all(void)
{
   for (unsigned i = 0; i < KNOWN_SETS * WAYS; i++) {
      if (known[i / WAYS][i % WAYS].semaphore != NULL)
         CloseHandle(known[i / WAYS][i % WAYS].semaphore);
   }
   memset(known, 0, sizeof(known));
}

/* The id comes from a stranger, who may have made its name a symbolic link to
 * a semaphore that we may release and the stranger may not.
 */
static bool
is_bell(HANDLE semaphore, const struct vk_sync_win32_bell_id *id)
{
   /* UNICODE_STRING, and the characters: an AppContainer's path has 165. */
   struct {
      USHORT length, capacity;
      wchar_t *characters;
      wchar_t buffer[512];
   } info;
   wchar_t name[NAME_LENGTH];

   format_name(name, L"", id);

   /* ObjectNameInformation */
   if (vk_sync_win32_nt.query_object(semaphore, 1, &info, sizeof(info),
                                     NULL) != VK_SYNC_WIN32_STATUS_SUCCESS)
      return false;

   const size_t length = info.length / sizeof(wchar_t);
   const size_t wanted = wcslen(name);
   return length >= wanted &&
          memcmp(info.characters + length - wanted, name,
                 wanted * sizeof(wchar_t)) == 0;
}

static HANDLE
open_bell(const struct vk_sync_win32_bell_id *id)
{
   wchar_t name[NAME_LENGTH];

   format_name(name, get_namespace(id), id);
   HANDLE semaphore = OpenSemaphoreW(SEMAPHORE_MODIFY_STATE, FALSE, name);
   if (semaphore != NULL && !is_bell(semaphore, id)) {
      CloseHandle(semaphore);
      SetLastError(ERROR_FILE_NOT_FOUND);
      semaphore = NULL;
   }
   return semaphore;
}

/* Whether it will be the same next time, as opposed to a lack of resources */
static bool
is_final(DWORD error)
{
   return error == ERROR_FILE_NOT_FOUND || error == ERROR_ACCESS_DENIED ||
          error == ERROR_INVALID_HANDLE;
}

bool
vk_sync_win32_bell_ring(const struct vk_sync_win32_bell_id *id,
                        uint32_t *failed_opens)
{
   struct entry *entry;

   if ((id->bits[0] | id->bits[1]) == 0)
      return false;

   /* That a bell has been rung already is no failure. */
   if ((entry = hold(known, id)) != NULL) {
      vk_sync_win32_nt.release_semaphore(entry->semaphore, 1, NULL);
      p_atomic_dec(&entry->users);
      return true;
   }

   if ((entry = hold(unknown, id)) != NULL) {
      p_atomic_dec(&entry->users);
      return false;
   }

   if (*failed_opens >= 2)
      return false;

   HANDLE semaphore = open_bell(id);
   if (semaphore == NULL) {
      if (is_final(GetLastError()))
         remember(unknown, id, NULL);
      ++*failed_opens;
      return false;
   }

   vk_sync_win32_nt.release_semaphore(semaphore, 1, NULL);
   semaphore = remember(known, id, semaphore);
   if (semaphore != NULL)
      CloseHandle(semaphore);
   return true;
}

/* SPDX-License-Identifier: MIT */
#include "vk_sync_win32_doorbell.h"

#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "util/macros.h"

#ifdef _WIN32
#include <winternl.h>
#endif
#include <sddl.h>

/* Handles to the doorbells of peers.  Ids come from memory that strangers
 * write, so their number is bounded; the oldest makes room.
 */
#define PEERS 128

static struct {
   struct vk_sync_win32_doorbell_id id;
   HANDLE event;
} peers[PEERS];
static uint32_t next_peer;
static SRWLOCK lock = SRWLOCK_INIT;

/* Everyone may ring, at any integrity level, and nobody do anything else: our
 * own rights come with the handle that creation returns.
 */
#define DOORBELL_SDDL L"D:(A;;0x0002;;;WD)S:(ML;;NW;;;LW)"

/* L"Global\\MesaVkSync-" and 32 digits */
#define NAME_LENGTH 64

/* Global\ lets peers of other sessions find it.  Unlike sections, events may
 * be created there by everyone; but an AppContainer has a namespace of its
 * own.
 */
static const wchar_t *const namespaces[] = { L"Global", L"Local" };

static void
format_name(wchar_t *name, const wchar_t *space,
            const struct vk_sync_win32_doorbell_id *id)
{
   swprintf(name, NAME_LENGTH, L"%ls\\MesaVkSync-%08x%08x%08x%08x", space,
            (uint32_t)(id->bits[0] >> 32), (uint32_t)id->bits[0],
            (uint32_t)(id->bits[1] >> 32), (uint32_t)id->bits[1]);
}

/* advapi32 exports RtlGenRandom under this name only. */
BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG size);

bool
vk_sync_win32_random(void *bytes, uint32_t size)
{
   return SystemFunction036(bytes, size);
}

HANDLE
vk_sync_win32_doorbell_create(struct vk_sync_win32_doorbell_id *id)
{
   PSECURITY_DESCRIPTOR descriptor = NULL;
   HANDLE event = NULL;

   if (!vk_sync_win32_random(id, sizeof(*id)) ||
       !ConvertStringSecurityDescriptorToSecurityDescriptorW(
          DOORBELL_SDDL, SDDL_REVISION_1, &descriptor, NULL))
      return NULL;

   SECURITY_ATTRIBUTES attributes = {
      .nLength = sizeof(attributes),
      .lpSecurityDescriptor = descriptor,
   };

   for (unsigned i = 0; i < ARRAY_SIZE(namespaces) && event == NULL; i++) {
      wchar_t name[NAME_LENGTH];
      format_name(name, namespaces[i], id);
      event = CreateEventW(&attributes, FALSE, FALSE, name);

      /* Nobody could have guessed the name, yet it is not ours alone. */
      if (event != NULL && GetLastError() == ERROR_ALREADY_EXISTS) {
         CloseHandle(event);
         event = NULL;
      }
   }

   LocalFree(descriptor);
   return event;
}

static bool
ring_known(const struct vk_sync_win32_doorbell_id *id)
{
   bool found = false;

   AcquireSRWLockShared(&lock);
   for (unsigned i = 0; i < PEERS && peers[i].event != NULL; i++) {
      if (peers[i].id.bits[0] == id->bits[0] &&
          peers[i].id.bits[1] == id->bits[1]) {
         vk_sync_win32_nt.set_event(peers[i].event, NULL);
         found = true;
         break;
      }
   }
   ReleaseSRWLockShared(&lock);

   return found;
}

/* The id comes from a stranger, who may have made its name a symbolic link to
 * an event that we may set and the stranger may not.
 */
static bool
is_doorbell(HANDLE event, const struct vk_sync_win32_doorbell_id *id)
{
   struct {
      UNICODE_STRING name;
      wchar_t buffer[2 * NAME_LENGTH];
   } info;
   wchar_t name[NAME_LENGTH];

   format_name(name, L"", id);

   /* ObjectNameInformation */
   if (vk_sync_win32_nt.query_object(event, 1, &info, sizeof(info), NULL) !=
       VK_SYNC_WIN32_STATUS_SUCCESS)
      return false;

   const size_t length = info.name.Length / sizeof(wchar_t);
   const size_t wanted = wcslen(name);
   return length >= wanted &&
          memcmp(info.name.Buffer + length - wanted, name,
                 wanted * sizeof(wchar_t)) == 0;
}

bool
vk_sync_win32_doorbell_ring(const struct vk_sync_win32_doorbell_id *id)
{
   if (ring_known(id))
      return true;

   HANDLE event = NULL;
   for (unsigned i = 0; i < ARRAY_SIZE(namespaces) && event == NULL; i++) {
      wchar_t name[NAME_LENGTH];
      format_name(name, namespaces[i], id);
      event = OpenEventW(EVENT_MODIFY_STATE, FALSE, name);
   }
   if (event == NULL)
      return false;

   if (!is_doorbell(event, id)) {
      CloseHandle(event);
      return false;
   }

   vk_sync_win32_nt.set_event(event, NULL);

   AcquireSRWLockExclusive(&lock);
   HANDLE oldest = peers[next_peer].event;
   peers[next_peer].id = *id;
   peers[next_peer].event = event;
   next_peer = (next_peer + 1) % PEERS;
   ReleaseSRWLockExclusive(&lock);

   if (oldest != NULL)
      CloseHandle(oldest);
   return true;
}

void
vk_sync_win32_doorbell_flush(void)
{
   AcquireSRWLockExclusive(&lock);
   for (unsigned i = 0; i < PEERS; i++) {
      if (peers[i].event != NULL)
         CloseHandle(peers[i].event);
      peers[i].event = NULL;
   }
   next_peer = 0;
   ReleaseSRWLockExclusive(&lock);
}

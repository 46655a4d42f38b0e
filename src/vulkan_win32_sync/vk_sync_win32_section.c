/* SPDX-License-Identifier: MIT */
#include "vk_sync_win32_section.h"

#include <assert.h>
#include <stdlib.h>

#include "util/macros.h"
#include "util/os_time.h"

#include "vk_device.h"
#include "vk_log.h"

#include "vk_sync_win32.h"
#include "vk_sync_win32_shared_wait.h"

static_assert(sizeof(struct vk_sync_win32_slot) == 40, "shared layout");
static_assert(offsetof(struct vk_sync_win32_layout, word) == 64,
              "shared layout");
static_assert(offsetof(struct vk_sync_win32_layout, slots) == 128,
              "shared layout");
static_assert(sizeof(struct vk_sync_win32_layout) == 2688, "shared layout");

/* The rights without which a handle cannot be imported */
#define NEEDED_ACCESS (SECTION_MAP_READ | SECTION_MAP_WRITE | SECTION_QUERY)

/* All shared payloads of this process */
static SRWLOCK sections_lock = SRWLOCK_INIT;
static struct list_head sections = { &sections, &sections };

struct shared_payload {
   struct vk_sync_win32_payload payload;
   struct vk_sync_win32_section section;
};

/* Takes over the handle and the view, also on failure. */
static VkResult
shared_payload_create(struct vk_device *device, enum vk_sync_win32_kind kind,
                      HANDLE handle, struct vk_sync_win32_layout *layout,
                      struct vk_sync_win32_payload **payload_out)
{
   struct shared_payload *shared = calloc(1, sizeof(*shared));
   if (shared == NULL) {
      UnmapViewOfFile(layout);
      CloseHandle(handle);
      return vk_error(device, VK_ERROR_OUT_OF_HOST_MEMORY);
   }

   vk_sync_win32_payload_init(&shared->payload, kind);
   shared->payload.word = &layout->word;
   shared->payload.section = &shared->section;
   shared->section = (struct vk_sync_win32_section) {
      .handle = handle,
      .layout = layout,
      .slot = VK_SYNC_WIN32_NO_SLOT,
      .payload = &shared->payload,
   };

   *payload_out = &shared->payload;
   return VK_SUCCESS;
}

static void
list_section(struct vk_sync_win32_section *section)
{
   AcquireSRWLockExclusive(&sections_lock);
   list_addtail(&section->link, &sections);
   ReleaseSRWLockExclusive(&sections_lock);
}

/* Any access word of those that applications use (GENERIC_*, the DXGI ones,
 * 0) must give a handle that imports, so it can only add to what that takes.
 */
static uint32_t
handle_access(uint32_t access)
{
   uint32_t rights = NEEDED_ACCESS;

   if (access & GENERIC_ALL)
      rights |= SECTION_ALL_ACCESS;

   return rights | (access & (DELETE | READ_CONTROL | WRITE_DAC | WRITE_OWNER));
}

VkResult
vk_sync_win32_section_create(struct vk_device *device,
                             enum vk_sync_win32_kind kind, uint64_t word,
                             const SECURITY_ATTRIBUTES *security_attributes,
                             const wchar_t *name,
                             struct vk_sync_win32_payload **payload_out)
{
   /* Our own handle is never inherited, whatever exported ones are. */
   SECURITY_ATTRIBUTES attributes = { .nLength = sizeof(attributes) };
   if (security_attributes != NULL)
      attributes.lpSecurityDescriptor =
         security_attributes->lpSecurityDescriptor;

   SetLastError(ERROR_SUCCESS);
   HANDLE handle =
      CreateFileMappingW(INVALID_HANDLE_VALUE, &attributes,
                         PAGE_READWRITE | SEC_COMMIT, 0,
                         sizeof(struct vk_sync_win32_layout), name);
   const DWORD error = GetLastError();
   if (handle == NULL) {
      return vk_errorf(device, name != NULL || security_attributes != NULL ?
                       VK_ERROR_INVALID_EXTERNAL_HANDLE :
                       VK_ERROR_OUT_OF_HOST_MEMORY,
                       "Cannot create the section of a shared payload: "
                       "Windows error %lu", error);
   }
   if (error == ERROR_ALREADY_EXISTS) {
      CloseHandle(handle);
      return vk_errorf(device, VK_ERROR_INVALID_EXTERNAL_HANDLE,
                       "The name for a shared payload is already taken");
   }

   struct vk_sync_win32_layout *layout =
      MapViewOfFile(handle, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0,
                    sizeof(*layout));
   if (layout == NULL) {
      CloseHandle(handle);
      return vk_errorf(device, VK_ERROR_OUT_OF_HOST_MEMORY,
                       "Cannot map the section of a shared payload");
   }

   layout->kind = kind;
   layout->word = word;
   vk_sync_win32_random(layout->id, sizeof(layout->id));

   /* Last, for those who open it by name while we are at it */
   vk_sync_win32_store64(&layout->magic, VK_SYNC_WIN32_SECTION_MAGIC);

   VkResult result = shared_payload_create(device, kind, handle, layout,
                                           payload_out);
   if (result == VK_SUCCESS)
      list_section((*payload_out)->section);
   return result;
}

#define refuse(device, ...) \
   vk_errorf(device, VK_ERROR_INVALID_EXTERNAL_HANDLE, __VA_ARGS__)

/* Get a handle of our own, so that nobody can swap the object under us. */
static VkResult
open_handle(struct vk_device *device, HANDLE handle, const wchar_t *name,
            HANDLE *handle_out)
{
   if (name != NULL) {
      *handle_out = OpenFileMappingW(NEEDED_ACCESS, FALSE, name);
      if (*handle_out == NULL)
         return refuse(device, "No section of this name can be opened: "
                       "Windows error %lu", GetLastError());
      return VK_SUCCESS;
   }

   /* The pseudo-handles of this process and thread would be duplicated. */
   if (handle == NULL || (intptr_t)handle < 0)
      return refuse(device, "The handle is NULL or a pseudo-handle");

   if (!DuplicateHandle(GetCurrentProcess(), handle, GetCurrentProcess(),
                        handle_out, 0, FALSE, DUPLICATE_SAME_ACCESS))
      return refuse(device, "The handle is not a valid handle");
   return VK_SUCCESS;
}

/* SECTION_BASIC_INFORMATION, in no header that all compilers have */
struct section_basic_information {
   void *base_address;
   ULONG attributes;
   LARGE_INTEGER size;
};

/* Everything that can be told before the section is mapped.  Touching a
 * mapped file, memory that is only reserved, or atomics in memory that is not
 * cached can fault; a based section would choose its address itself.
 */
static VkResult
check_section(struct vk_device *device, HANDLE handle)
{
   struct section_basic_information info = {0};

   if (vk_sync_win32_nt.query_section(handle, 0, &info, sizeof(info), NULL) !=
       VK_SYNC_WIN32_STATUS_SUCCESS)
      return refuse(device, "The handle is not a section, or may not be "
                    "queried");

   if (info.attributes != SEC_COMMIT)
      return refuse(device, "The section is not plain, committed, pagefile-"
                    "backed memory (attributes 0x%lx)", info.attributes);

   if (info.size.QuadPart < (LONGLONG)sizeof(struct vk_sync_win32_layout))
      return refuse(device, "The section is too small");

   return VK_SUCCESS;
}

static VkResult
check_layout(struct vk_device *device, struct vk_sync_win32_layout *layout,
             enum vk_sync_win32_kind kind)
{
   if (vk_sync_win32_load64(&layout->magic) != VK_SYNC_WIN32_SECTION_MAGIC)
      return refuse(device, "The section holds no payload of this version");

   const uint32_t found = vk_sync_win32_load32(&layout->kind);
   if (found != (uint32_t)kind)
      return refuse(device, "The payload is of another kind (%u, not %u): "
                    "1 is a fence, 2 a binary semaphore, 3 a timeline",
                    found, kind);

   return VK_SUCCESS;
}

/* The payload of this process for the same section, if there is one.  The id
 * is written by strangers: only the kernel can tell that two sections are one.
 * Where it cannot be asked, the payload gets another view and another slot.
 */
static struct vk_sync_win32_payload *
find_payload(HANDLE handle, struct vk_sync_win32_layout *layout,
             enum vk_sync_win32_kind kind)
{
   struct vk_sync_win32_payload *found = NULL;

   if (vk_sync_win32_nt.compare_objects == NULL)
      return NULL;

   const uint64_t id = vk_sync_win32_load64(&layout->id[0]);

   AcquireSRWLockShared(&sections_lock);
   list_for_each_entry(struct vk_sync_win32_section, section, &sections,
                       link) {
      if (section->payload->kind != kind ||
          vk_sync_win32_load64(&section->layout->id[0]) != id ||
          vk_sync_win32_nt.compare_objects(section->handle, handle) !=
          VK_SYNC_WIN32_STATUS_SUCCESS)
         continue;

      if (vk_sync_win32_payload_try_ref(section->payload)) {
         found = section->payload;
         break;
      }
   }
   ReleaseSRWLockShared(&sections_lock);

   return found;
}

VkResult
vk_sync_win32_section_import(struct vk_device *device,
                             enum vk_sync_win32_kind kind, HANDLE handle,
                             const wchar_t *name,
                             struct vk_sync_win32_payload **payload_out)
{
   HANDLE own;
   VkResult result = open_handle(device, handle, name, &own);
   if (result != VK_SUCCESS)
      return result;

   result = check_section(device, own);
   if (result != VK_SUCCESS) {
      CloseHandle(own);
      return result;
   }

   struct vk_sync_win32_layout *layout =
      MapViewOfFile(own, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0,
                    sizeof(*layout));
   if (layout == NULL) {
      CloseHandle(own);
      return refuse(device, "The section may not be mapped for writing");
   }

   result = check_layout(device, layout, kind);
   if (result == VK_SUCCESS)
      *payload_out = find_payload(own, layout, kind);

   if (result != VK_SUCCESS || *payload_out != NULL) {
      UnmapViewOfFile(layout);
      CloseHandle(own);
      return result;
   }

   result = shared_payload_create(device, kind, own, layout, payload_out);
   if (result == VK_SUCCESS)
      list_section((*payload_out)->section);
   return result;
}

VkResult
vk_sync_win32_section_export(struct vk_device *device,
                             struct vk_sync_win32_payload *payload,
                             uint32_t access, bool inherit,
                             HANDLE *handle_out)
{
   const struct vk_sync_win32_section *section = payload->section;

   /* A restricting security descriptor may leave us no more than the handle
    * we have.
    */
   if (!DuplicateHandle(GetCurrentProcess(), section->handle,
                        GetCurrentProcess(), handle_out,
                        handle_access(access), inherit, 0) &&
       !DuplicateHandle(GetCurrentProcess(), section->handle,
                        GetCurrentProcess(), handle_out, 0, inherit,
                        DUPLICATE_SAME_ACCESS))
      return vk_errorf(device, VK_ERROR_TOO_MANY_OBJECTS,
                       "Cannot duplicate the handle of a shared payload: "
                       "Windows error %lu", GetLastError());

   return VK_SUCCESS;
}

/* Each a single atomic operation, lest a peer that hammers the word keeps us */
static void
arm(struct vk_sync_win32_layout *layout, uint32_t slot)
{
   const uint64_t bit = UINT64_C(1) << slot;

   if (!(vk_sync_win32_load64(&layout->armed) & bit))
      InterlockedOr64((volatile LONG64 *)&layout->armed, (LONG64)bit);
}

static void
disarm(struct vk_sync_win32_layout *layout, uint32_t slot)
{
   const uint64_t bit = UINT64_C(1) << slot;

   if (vk_sync_win32_load64(&layout->armed) & bit)
      InterlockedAnd64((volatile LONG64 *)&layout->armed, (LONG64)~bit);
}

/* Who owns a slot, or 0 if there is no such process.  A process that we may
 * not open is there; its creation time stays unknown, so 0 in the low half.
 */
static uint64_t
identify_process(uint32_t pid)
{
   FILETIME start = {0}, other;
   HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION |
                                SYNCHRONIZE, FALSE, pid);

   if (process == NULL)
      return GetLastError() == ERROR_INVALID_PARAMETER ?
             0 : (uint64_t)pid << 32;

   const bool alive = WaitForSingleObject(process, 0) == WAIT_TIMEOUT;
   GetProcessTimes(process, &start, &other, &other, &other);
   CloseHandle(process);

   const uint64_t time = (uint64_t)start.dwHighDateTime << 32 |
                         start.dwLowDateTime;
   return alive ? (uint64_t)pid << 32 | (uint32_t)(time >> 20) : 0;
}

static uint64_t
identify_self(void)
{
   static uint64_t self;

   /* Every thread would write the same. */
   uint64_t identity = vk_sync_win32_load64(&self);
   if (identity == 0) {
      identity = identify_process(GetCurrentProcessId());
      if (identity == 0)
         identity = (uint64_t)GetCurrentProcessId() << 32;
      vk_sync_win32_store64(&self, identity);
   }
   return identity;
}

static bool
is_abandoned(uint64_t owner)
{
   const uint64_t found = identify_process((uint32_t)(owner >> 32));

   return found == 0 || ((uint32_t)found != 0 && found != owner);
}

void
vk_sync_win32_section_finish(struct vk_sync_win32_payload *payload)
{
   struct vk_sync_win32_section *section = payload->section;
   struct vk_sync_win32_layout *layout = section->layout;

   AcquireSRWLockExclusive(&sections_lock);
   list_del(&section->link);
   ReleaseSRWLockExclusive(&sections_lock);

   if (section->slot != VK_SYNC_WIN32_NO_SLOT) {
      disarm(layout, section->slot);
      vk_sync_win32_cas64(&layout->slots[section->slot].owner,
                          identify_self(), 0);
   }

   UnmapViewOfFile(layout);
   CloseHandle(section->handle);
}

void
vk_sync_win32_section_want(struct vk_sync_win32_payload *payload,
                           uint64_t target)
{
   struct vk_sync_win32_section *section = payload->section;
   struct vk_sync_win32_layout *layout = section->layout;
   const uint32_t slot = vk_sync_win32_load32(&section->slot);

   if (slot == VK_SYNC_WIN32_NO_SLOT)
      return;

   if (target == UINT64_MAX) {
      disarm(layout, slot);
   } else {
      vk_sync_win32_store64(&layout->slots[slot].wanted, target);
      arm(layout, slot);
   }
}

static uint32_t
take_slot(struct vk_sync_win32_layout *layout, bool abandoned)
{
   for (uint32_t i = 0; i < VK_SYNC_WIN32_SECTION_SLOTS; i++) {
      struct vk_sync_win32_slot *slot = &layout->slots[i];
      const uint64_t owner = vk_sync_win32_load64(&slot->owner);

      if ((owner == 0) == abandoned || (abandoned && !is_abandoned(owner)))
         continue;

      if (vk_sync_win32_cas64(&slot->owner, owner, identify_self()))
         return i;
   }
   return VK_SYNC_WIN32_NO_SLOT;
}

static bool
claim_slot(struct vk_sync_win32_section *section,
           const struct vk_sync_win32_doorbell_id *doorbell, bool thorough)
{
   struct vk_sync_win32_layout *layout = section->layout;

   uint32_t index = take_slot(layout, false);
   if (index == VK_SYNC_WIN32_NO_SLOT && thorough)
      index = take_slot(layout, true);
   if (index == VK_SYNC_WIN32_NO_SLOT)
      return false;

   struct vk_sync_win32_slot *slot = &layout->slots[index];
   disarm(layout, index);
   vk_sync_win32_store64(&slot->doorbell.bits[0], doorbell->bits[0]);
   vk_sync_win32_store64(&slot->doorbell.bits[1], doorbell->bits[1]);
   vk_sync_win32_store32(&slot->flags, 0);
   vk_sync_win32_store32(&section->slot, index);
   return true;
}

/* One peer that fails to ring us, for good reason or bad, makes us poll for
 * this long; then it has to fail again.
 */
#define DEAF_NS (1000 * 1000 * 1000)

bool
vk_sync_win32_section_claim(struct vk_sync_win32_section *section,
                            const struct vk_sync_win32_doorbell_id *doorbell,
                            bool thorough)
{
   if (section->slot == VK_SYNC_WIN32_NO_SLOT &&
       !claim_slot(section, doorbell, thorough))
      return false;

   struct vk_sync_win32_slot *slot = &section->layout->slots[section->slot];
   if (vk_sync_win32_load32(&slot->flags) & VK_SYNC_WIN32_SLOT_UNREACHABLE) {
      vk_sync_win32_store32(&slot->flags, 0);
      section->deaf_until_ns = os_time_get_nano() + DEAF_NS;
   }

   return section->deaf_until_ns == 0 ||
          section->deaf_until_ns <= (uint64_t)os_time_get_nano();
}

static void
ring_slot(struct vk_sync_win32_slot *slot)
{
   const struct vk_sync_win32_doorbell_id id = { .bits = {
      vk_sync_win32_load64(&slot->doorbell.bits[0]),
      vk_sync_win32_load64(&slot->doorbell.bits[1]),
   } };

   if (!vk_sync_win32_doorbell_ring(&id))
      vk_sync_win32_store32(&slot->flags, VK_SYNC_WIN32_SLOT_UNREACHABLE);
}

void
vk_sync_win32_section_ring(struct vk_sync_win32_payload *payload,
                           uint64_t word)
{
   struct vk_sync_win32_section *section = payload->section;
   struct vk_sync_win32_layout *layout = section->layout;
   uint64_t armed = vk_sync_win32_load64(&layout->armed);

   /* Our own threads have been released already. */
   const uint32_t own = vk_sync_win32_load32(&section->slot);
   if (own != VK_SYNC_WIN32_NO_SLOT)
      armed &= ~(UINT64_C(1) << own);

   for (uint32_t i = 0; armed != 0; i++, armed >>= 1) {
      struct vk_sync_win32_slot *slot = &layout->slots[i];

      if (!(armed & 1) ||
          !vk_sync_win32_target_reached(payload->kind, word,
                                        vk_sync_win32_load64(&slot->wanted)))
         continue;

      /* Disarm first: what the owner arms from now on is for later signals,
       * and somebody who died is rung no more than once.
       */
      disarm(layout, i);
      ring_slot(slot);
   }
}

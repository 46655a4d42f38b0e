/* SPDX-License-Identifier: MIT */
#include "import.h"

#include <string.h>

struct target
target_create(enum vk_sync_win32_kind kind)
{
   const struct target target = {
      .kind = kind,
      .sync = fuzz_chance(30) ? fuzz_shared_sync(kind, NULL, fuzz_chance(50)) :
                                fuzz_sync(kind, 0),
   };

   if (fuzz_chance(50))
      REQUIRE(fuzz_signal(target.sync,
                          kind == VK_SYNC_WIN32_KIND_TIMELINE ?
                          1 + fuzz_below(100) : 0) == VK_SUCCESS);
   return target;
}

HANDLE
no_handle(void)
{
   uint64_t value = fuzz_random() >> fuzz_below(48);

   /* Pseudo-handles, 32-bit values that were extended either way */
   switch (fuzz_below(8)) {
   case 0:
      return (HANDLE)-(intptr_t)(1 + fuzz_below(16));
   case 1:
      return (HANDLE)(intptr_t)(int32_t)((uint32_t)value | 0x80000000u);
   case 2:
      return (HANDLE)(uintptr_t)((uint32_t)value | 0x80000000u);
   case 3:
      return (HANDLE)((uintptr_t)1 <<
                      (20 + fuzz_below(sizeof(uintptr_t) * 8 - 20)));
   default:
      return (HANDLE)(uintptr_t)(value | 0x1000000u);
   }
}

/* All that a refusal must leave as it was, except for the message */
struct snapshot {
   struct vk_sync_win32 sync;
   uint64_t word;
   uint32_t refcount;
   uint64_t messages;
   struct fuzz_counts counts;
};

static void
take(struct snapshot *snapshot, const struct target *target)
{
   const struct vk_sync_win32_payload *payload = fuzz_payload(target->sync);

   memcpy(&snapshot->sync, target->sync, sizeof(snapshot->sync));
   snapshot->word = vk_sync_win32_load64(payload->word);
   snapshot->refcount = payload->refcount;
   snapshot->messages = fuzz_message_count();
   snapshot->counts = fuzz_count();
}

static void
check_refusal(const struct target *target, const struct snapshot *before,
              bool unmapped)
{
   struct snapshot after;

   take(&after, target);
   FUZZ_CHECK(memcmp(&after.sync, &before->sync, sizeof(after.sync)) == 0);
   FUZZ_CHECK(after.word == before->word);
   FUZZ_CHECK(after.refcount == before->refcount);
   FUZZ_CHECK(after.messages > before->messages);
   FUZZ_CHECK(after.counts.views == before->counts.views);
   FUZZ_CHECK(after.counts.handles == before->counts.handles);
   FUZZ_CHECK(after.counts.allocations == before->counts.allocations);
   if (unmapped)
      FUZZ_CHECK(after.counts.maps == before->counts.maps);
}

/* What has come by a number can be told by it. */
static void
check_success(const struct target *target, const struct snapshot *before,
              const struct attempt *attempt)
{
   const struct vk_sync_win32_payload *payload = fuzz_payload(target->sync);

   if (!FUZZ_CHECK(vk_sync_win32_payload_is_section(payload)))
      return;
   FUZZ_CHECK(payload->kind == target->kind);
   FUZZ_CHECK(fuzz_message_count() == before->messages);
   if (attempt->type == FUZZ_NUMBER)
      FUZZ_CHECK(fuzz_export_number(target->sync) == attempt->handle);
}

/* A number that was made up may be that of what the target lets go of. */
static bool
is_own(const struct target *target, HANDLE handle)
{
   struct vk_sync_win32_payload *payload = fuzz_payload(target->sync);

   return vk_sync_win32_payload_is_section(payload) &&
          vk_sync_win32_section_get(payload)->handle == handle;
}

bool
target_import(const struct target *target, const struct attempt *attempt)
{
   struct snapshot before;
   const enum verdict verdict =
      attempt->verdict == GOOD && attempt->kind != target->kind ?
      BAD : attempt->verdict;

   take(&before, target);
   fuzz_guard_handle(is_own(target, attempt->handle) ? NULL : attempt->handle);
   fuzz_enter(attempt->what, (uint64_t)(uintptr_t)attempt->handle);
   const VkResult result =
      fuzz_import(target->sync, attempt->type ? attempt->type : FUZZ_NT_HANDLE,
                  attempt->handle, attempt->name);
   fuzz_leave(0);
   fuzz_guard_handle(NULL);
   fuzz_count_case();

   FUZZ_CHECK(fuzz_count().wrong_closes == before.counts.wrong_closes);
   FUZZ_CHECK(result == VK_SUCCESS || result == REFUSED);
   if (verdict != EITHER)
      FUZZ_CHECK((result == VK_SUCCESS) == (verdict == GOOD));

   if (result == VK_SUCCESS)
      check_success(target, &before, attempt);
   else
      check_refusal(target, &before, verdict == BAD_UNMAPPED);
   return result == VK_SUCCESS;
}

void
import_some(struct attempt (*make)(void *data), void *data)
{
   struct target target = target_create(fuzz_any_kind());

   for (unsigned i = 0; i < IMPORT_STEPS; i++) {
      const struct attempt attempt = make(data);

      if (attempt.kind != 0 && attempt.kind != target.kind &&
          fuzz_chance(70)) {
         fuzz_destroy(target.sync);
         target = target_create(attempt.kind);
      }
      if (target_import(&target, &attempt)) {
         fuzz_destroy(target.sync);
         target = target_create(fuzz_any_kind());
      }
      if (attempt.close)
         CloseHandle(attempt.handle);
   }
   fuzz_destroy(target.sync);
}

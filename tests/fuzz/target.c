/* SPDX-License-Identifier: MIT */
#include "import.h"

#include <string.h>

void
target_create(struct target *target, struct vk_device *device,
              enum vk_sync_win32_kind kind, struct fuzz_rng *rng)
{
   const bool timeline = kind == VK_SYNC_WIN32_KIND_TIMELINE;

   *target = (struct target) { .device = device, .kind = kind };
   target->sync = fuzz_chance(rng, 30) ?
                  fuzz_shared_sync(device, kind, NULL, fuzz_chance(rng, 50)) :
                  fuzz_sync(device, kind, 0);
   if (fuzz_chance(rng, 50))
      REQUIRE(vk_sync_signal(device, target->sync,
                             timeline ? 1 + fuzz_below(rng, 100) : 0) ==
              VK_SUCCESS);
}

void
target_destroy(struct target *target)
{
   vk_sync_destroy(target->device, target->sync);
}

HANDLE
no_handle(struct fuzz_rng *rng)
{
   uint64_t value = fuzz_random(rng) >> fuzz_below(rng, 48);

   /* Pseudo-handles, 32-bit values that were extended either way */
   switch (fuzz_below(rng, 8)) {
   case 0:
      return (HANDLE)-(intptr_t)(1 + fuzz_below(rng, 16));
   case 1:
      return (HANDLE)(intptr_t)(int32_t)((uint32_t)value | 0x80000000u);
   case 2:
      return (HANDLE)(uintptr_t)((uint32_t)value | 0x80000000u);
   case 3:
      return (HANDLE)((uintptr_t)1 << (20 + fuzz_below(
                                          rng, sizeof(uintptr_t) * 8 - 20)));
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
   struct vk_sync_win32_payload *payload = fuzz_payload(target->sync);

   memcpy(&snapshot->sync, target->sync, sizeof(snapshot->sync));
   snapshot->word = vk_sync_win32_load64(payload->word);
   snapshot->refcount = payload->refcount;
   snapshot->messages = fuzz_message_count();
   snapshot->counts = fuzz_count();
}

static void
check_refusal(struct fuzz_thread *self, const struct target *target,
              const struct snapshot *before, bool unmapped)
{
   struct snapshot after;

   take(&after, target);
   FUZZ_CHECK(self, memcmp(&after.sync, &before->sync,
                           sizeof(after.sync)) == 0);
   FUZZ_CHECK(self, after.word == before->word);
   FUZZ_CHECK(self, after.refcount == before->refcount);
   FUZZ_CHECK(self, after.messages > before->messages);
   FUZZ_CHECK(self, after.counts.views == before->counts.views);
   FUZZ_CHECK(self, after.counts.handles == before->counts.handles);
   FUZZ_CHECK(self, after.counts.allocations == before->counts.allocations);
   if (unmapped)
      FUZZ_CHECK(self, after.counts.maps == before->counts.maps);
}

static void
check_success(struct fuzz_thread *self, const struct target *target,
              const struct snapshot *before)
{
   if (!FUZZ_CHECK(self, vk_sync_win32_payload_is_section(
                            fuzz_payload(target->sync))))
      return;
   FUZZ_CHECK(self, fuzz_payload(target->sync)->kind == target->kind);
   FUZZ_CHECK(self, fuzz_message_count() == before->messages);
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
target_import(struct fuzz_thread *self, struct target *target,
              const struct fuzz_import_info *info,
              enum verdict verdict, const char *what)
{
   struct snapshot before;

   take(&before, target);
   fuzz_guard_handle(is_own(target, info->handle) ? NULL : info->handle);
   fuzz_enter(self, what, (uint64_t)(uintptr_t)info->handle);
   const VkResult result =
      fuzz_import(target->device, target->sync, info);
   fuzz_leave(self, 0);
   fuzz_guard_handle(NULL);
   self->cases++;

   FUZZ_CHECK(self, fuzz_count().wrong_closes == before.counts.wrong_closes);
   switch (verdict) {
   case GOOD:
      FUZZ_CHECK(self, result == VK_SUCCESS);
      break;
   case BAD:
   case BAD_UNMAPPED:
      FUZZ_CHECK(self, result == REFUSED);
      break;
   case EITHER:
      FUZZ_CHECK(self, result == VK_SUCCESS || result == REFUSED);
      break;
   }

   if (result == VK_SUCCESS)
      check_success(self, target, &before);
   else
      check_refusal(self, target, &before, verdict == BAD_UNMAPPED);
   return result == VK_SUCCESS;
}

/* SPDX-License-Identifier: MIT */

/* Syncs, waits, and the invariants of their results */
#include "stress.h"

#include "util/os_time.h"

struct vk_sync *
stress_sync(struct stress_thread *self, enum vk_sync_flags flags,
            VkFlags type)
{
   struct vk_device *device = self->stress->device;
   struct vk_sync *sync;

   self->operations++;
   REQUIRE(vk_sync_create(device, &vk_sync_win32_type,
                          flags | (type ? VK_SYNC_IS_SHAREABLE : 0), 0,
                          &sync) == VK_SUCCESS);
   if (type != STRESS_PRIVATE)
      REQUIRE(vk_sync_set_win32_export_params(device, sync, type, NULL, 0,
                                              NULL) == VK_SUCCESS);
   return sync;
}

HANDLE
stress_export(struct stress_thread *self, struct vk_sync *sync)
{
   HANDLE handle = NULL;

   self->operations++;
   REQUIRE(vk_sync_export_win32_handle(
              self->stress->device, sync, stress_type(sync), &handle) ==
           VK_SUCCESS);
   return handle;
}

struct vk_sync *
stress_import(struct stress_thread *self, enum vk_sync_flags flags,
              VkFlags type, HANDLE handle)
{
   struct vk_sync *sync =
      stress_sync(self, flags & VK_SYNC_IS_TIMELINE, STRESS_PRIVATE);

   /* Its own payload may have been in use by then. */
   if (!(flags & VK_SYNC_IS_TIMELINE) && stress_chance(self, 20))
      EXPECT(vk_sync_signal(self->stress->device, sync, 0) == VK_SUCCESS);

   self->operations++;
   REQUIRE(vk_sync_import_win32_handle(self->stress->device, sync, type,
                                       handle, NULL) == VK_SUCCESS);
   return sync;
}

struct vk_sync *
stress_import_sync(struct stress_thread *self, struct vk_sync *sync)
{
   HANDLE handle = stress_export(self, sync);
   struct vk_sync *other = stress_import(self, sync->flags, stress_type(sync),
                                         handle);

   CloseHandle(handle);
   return other;
}

void
stress_destroy(struct stress_thread *self, struct vk_sync *sync)
{
   self->operations++;
   vk_sync_destroy(self->stress->device, sync);
}

unsigned
stress_make_views(struct stress_thread *self, struct vk_sync *views[VIEWS],
                  enum vk_sync_flags flags, VkFlags type)
{
   views[0] = stress_sync(self, flags, type);
   if (type == STRESS_PRIVATE)
      return 1;

   for (unsigned i = 1; i < VIEWS; i++)
      views[i] = stress_import_sync(self, views[0]);
   return VIEWS;
}

struct vk_sync *
stress_any_view(struct stress_thread *self, const struct stress_object *object)
{
   return object->views[stress_below(self, object->view_count)];
}

/* The item was waited for with success: has it been signalled? */
void
stress_check_item(const struct stress_item *item)
{
   if (item->promise != NULL) {
      EXPECT_U64(item->promise->proof, (uintptr_t)item->promise);
   } else if (item->semaphore != NULL) {
      const uint32_t begun = STRESS_GET(&item->semaphore->begun);
      if ((int32_t)(begun - item->ticket) < 0)
         test_fail(false, __FILE__, __LINE__,
                   "ticket %u passed after %u signals", item->ticket, begun);
   } else if (item->timeline != NULL) {
      if (item->timeline->proofs != NULL && item->value < PROOFS)
         EXPECT_U64(item->timeline->proofs[item->value], item->value);
      EXPECT(item->value <= STRESS_GET(&item->timeline->begun));
   }
}

VkResult
stress_wait(struct stress_thread *self, const struct stress_item *items,
            uint32_t count, bool any, uint64_t timeout_ns)
{
   struct vk_sync_wait waits[MOST_ITEMS];
   const uint64_t deadline_ns =
      timeout_ns == 0 && stress_chance(self, 50) ?
      0 : os_time_get_absolute_timeout(timeout_ns);

   for (uint32_t i = 0; i < count; i++)
      waits[i] = (struct vk_sync_wait) {
         .sync = items[i].sync, .wait_value = items[i].value,
      };

   STRESS_SET(&self->items, items);
   STRESS_SET(&self->item_count, count);
   STRESS_SET(&self->deadline_ns, deadline_ns);
   STRESS_SET(&self->since_ns, (uint64_t)os_time_get_nano());

   const VkResult result =
      vk_sync_wait_many(self->stress->device, count, waits,
                        any ? VK_SYNC_WAIT_ANY : VK_SYNC_WAIT_COMPLETE,
                        deadline_ns);

   STRESS_SET(&self->since_ns, 0);
   /* Not each time that somebody who polls asks again */
   if (timeout_ns != 0 || result == VK_SUCCESS)
      self->operations++;

   EXPECT(result == VK_SUCCESS || result == VK_TIMEOUT);
   if (result == VK_SUCCESS && !any) {
      for (uint32_t i = 0; i < count; i++)
         stress_check_item(&items[i]);
   }
   if (result == VK_TIMEOUT) {
      EXPECT(timeout_ns != UINT64_MAX);
      EXPECT((uint64_t)os_time_get_nano() >= deadline_ns);
   }
   return result;
}

VkResult
stress_poll(struct stress_thread *self, struct vk_sync *sync,
            uint64_t timeout_ns)
{
   const struct stress_item item = { .sync = sync };

   return stress_wait(self, &item, 1, false, timeout_ns);
}

void
stress_wait_for(struct stress_thread *self, const struct stress_item *items,
                uint32_t count, bool any)
{
   /* Around the time that a signal takes, so that both orders occur */
   static const uint64_t limits_ns[] = {
      1, 2000, 20 * 1000, 200 * 1000, 1000 * 1000,
   };
   /* One asks now and then, the other polls, as an application that sees a
    * signal earlier than a thread that has to be woken.
    */
   const unsigned way = stress_below(self, 4);
   const unsigned tries = way == 0 ? 1 + stress_below(self, 10) :
                          way == 1 ? 1 + stress_below(self, 50) : 0;

   for (unsigned i = 0; i < tries; i++) {
      uint64_t timeout_ns = 0;

      if (way == 0)
         timeout_ns = 1 + stress_random(self) %
                          limits_ns[stress_below(self, TEST_COUNT(limits_ns))];
      else if (i % 4 == 3)
         thrd_yield();
      if (stress_wait(self, items, count, any, timeout_ns) == VK_SUCCESS)
         return;
   }
   REQUIRE(stress_wait(self, items, count, any, UINT64_MAX) == VK_SUCCESS);
}

void
stress_release_item(struct stress_thread *self, const struct stress_item *item)
{
   if (item->semaphore != NULL) {
      stress_destroy(self, item->sync);
      p_atomic_inc(&item->semaphore->waited);
   }
}

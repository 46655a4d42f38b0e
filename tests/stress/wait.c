/* SPDX-License-Identifier: MIT */

/* Waits, and the invariants of their results */
#include "stress.h"

#include <inttypes.h>
#include <stdlib.h>

#include "util/os_time.h"

struct stress_promise *
stress_promise_create(void)
{
   struct stress_promise *promise = calloc(1, sizeof(*promise));

   REQUIRE(promise != NULL);
   promise->refs = 2;
   return promise;
}

void
stress_promise_unref(struct stress_promise *promise)
{
   if (p_atomic_dec_zero(&promise->refs))
      free(promise);
}

/* The item was waited for with success: has it been signalled? */
void
stress_check_item(const struct stress_item *item)
{
   if (item->promise != NULL) {
      /* First of all, since it is what the sanitizer looks at. */
      EXPECT_U64(item->promise->proof, (uintptr_t)item->promise);
      EXPECT(STRESS_GET(&item->promise->begun));
   } else if (item->semaphore != NULL) {
      const uint32_t begun = STRESS_GET(&item->semaphore->begun);
      if ((int32_t)(begun - item->ticket) < 0)
         test_fail(false, __FILE__, __LINE__,
                   "ticket %u passed after %u signals", item->ticket, begun);
   } else if (item->timeline != NULL) {
      if (item->timeline->proofs != NULL && item->value < PROOFS)
         EXPECT_U64(item->timeline->proofs[item->value], item->value);
      const uint64_t begun = STRESS_GET(&item->timeline->begun);
      if (begun < item->value)
         test_fail(false, __FILE__, __LINE__,
                   "value %" PRIu64 " passed at %" PRIu64, item->value,
                   begun);
   }
}

VkResult
stress_wait(struct stress_thread *self, const struct stress_item *items,
            uint32_t count, bool any, uint64_t timeout_ns)
{
   struct vk_sync_wait local[16], *waits = local;
   const uint64_t deadline_ns =
      timeout_ns == 0 && stress_chance(self, 50) ?
      0 : os_time_get_absolute_timeout(timeout_ns);

   if (count > TEST_COUNT(local))
      waits = malloc(count * sizeof(*waits));
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
   self->waits++;

   EXPECT(result == VK_SUCCESS || result == VK_TIMEOUT);
   if (result == VK_SUCCESS && !any) {
      for (uint32_t i = 0; i < count; i++)
         stress_check_item(&items[i]);
   }
   if (result == VK_TIMEOUT) {
      EXPECT(timeout_ns != UINT64_MAX);
      EXPECT((uint64_t)os_time_get_nano() >= deadline_ns);
      self->timeouts++;
   }

   if (waits != local)
      free(waits);
   return result;
}

/* Somewhere around the time that a signal takes, so that both orders occur */
static uint64_t
random_timeout(struct stress_thread *self)
{
   static const uint64_t limits_ns[] = {
      1, 2000, 20 * 1000, 200 * 1000, 1000 * 1000,
   };
   return 1 + stress_random(self) %
              limits_ns[stress_below(self, TEST_COUNT(limits_ns))];
}

void
stress_wait_for(struct stress_thread *self, const struct stress_item *items,
                uint32_t count, bool any)
{
   unsigned tries = 0;

   switch (stress_below(self, 4)) {
   case 0:
      tries = 1 + stress_below(self, 10);
      for (unsigned i = 0; i < tries; i++) {
         if (stress_wait(self, items, count, any, random_timeout(self)) ==
             VK_SUCCESS)
            return;
      }
      break;

   case 1:
      /* As an application that polls, which sees a signal earlier than a
       * thread that has to be woken.
       */
      tries = 1 + stress_below(self, 50);
      for (unsigned i = 0; i < tries; i++) {
         if (stress_wait(self, items, count, any, 0) == VK_SUCCESS)
            return;
         if (i % 4 == 3)
            thrd_yield();
      }
      break;

   default:
      break;
   }

   REQUIRE(stress_wait(self, items, count, any, UINT64_MAX) == VK_SUCCESS);
}

/* What belongs to the item, but for the sync of a fence or timeline */
void
stress_release_item(struct stress_thread *self, struct stress_item *item)
{
   if (item->promise != NULL)
      stress_promise_unref(item->promise);
   if (item->semaphore != NULL) {
      stress_destroy(self, item->sync);
      p_atomic_inc(&item->semaphore->waited);
   }
   *item = (struct stress_item) {0};
}

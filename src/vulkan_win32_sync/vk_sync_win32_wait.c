/* SPDX-License-Identifier: MIT */
#include "vk_sync_win32_wait.h"

#include "util/macros.h"
#include "util/os_time.h"

#include "vk_device.h"

/* How often to look before blocking: for about as long as it takes to block and
 * to be woken, twice as long where that goes through bells.  Each wait that it
 * did not help halves it for the next one on the payload, until nothing is
 * left; after so many waits that starts anew.
 */
#ifdef VK_SYNC_WIN32_NO_LOOK
#define SPINS 0
#else
#define SPINS 512
#endif
#define TRY_SPINNING_EVERY 8192

struct wait {
   struct vk_device *device;
   struct vk_sync_win32_waiter *waiter;
   /* Instead of the waiter, where there is one */
   uint32_t *seat;
   uint64_t abs_timeout_ns;

   /* Of all payloads, those that are not being waited for just now, too */
   struct vk_sync_win32_record *records;
   uint32_t count;
};

/* For how long to block before looking again.  Where the wait has no end, no
 * clock is read: under Wine that takes longer than all else here.
 */
static uint64_t
get_pause(const struct wait *wait, uint64_t interval_ns, bool heard)
{
#ifdef VK_SYNC_WIN32_NO_LOOK
   /* For tests, which then hang on a wake-up that is missing */
   interval_ns = VK_SYNC_WIN32_FOREVER_NS;
#endif
   const uint64_t pause_ns = heard ? interval_ns : VK_SYNC_WIN32_POLL_NS;

   if (wait->abs_timeout_ns == UINT64_MAX)
      return pause_ns;

   const uint64_t now_ns = os_time_get_nano();
   return now_ns >= wait->abs_timeout_ns ? 0 :
          MIN2(wait->abs_timeout_ns - now_ns, pause_ns);
}

/* VK_NOT_READY if none is reached */
static VkResult
look(const struct vk_sync_win32_record *records, uint32_t count)
{
   for (uint32_t i = 0; i < count; i++) {
      const struct vk_sync_win32_payload *payload = records[i].payload;
      const uint64_t word = vk_sync_win32_payload_load(payload);

      if (vk_sync_win32_is_reached(payload->kind, word, records[i].target))
         return vk_sync_win32_payload_is_lost(payload, word) ?
                VK_ERROR_DEVICE_LOST : VK_SUCCESS;
   }
   return VK_NOT_READY;
}

/* Whether what is waited for may never come */
static VkResult
check(const struct wait *wait)
{
   /* The signals may have been lost with the device. */
   if (wait->device != NULL && vk_device_is_lost_no_report(wait->device))
      return VK_ERROR_DEVICE_LOST;

   for (uint32_t i = 0; i < wait->count; i++) {
      const struct vk_sync_win32_payload *payload = wait->records[i].payload;

      if (payload->word == NULL &&
          vk_sync_win32_payload_is_lost(payload,
                                        vk_sync_win32_payload_load(payload)))
         return VK_ERROR_DEVICE_LOST;
   }

   return VK_NOT_READY;
}

static bool
arm(const struct wait *wait, struct vk_sync_win32_record *records,
    uint32_t count)
{
   bool heard = true;

   for (uint32_t i = 0; i < count && wait->seat == NULL; i++) {
      if (!records[i].payload->ops->arm(&records[i]))
         heard = false;
   }

   /* Either whoever signals from now on finds us, or we find the signal. */
   vk_sync_win32_full_barrier();
   return heard;
}

static bool
is_shared(const struct vk_sync_win32_record *records, uint32_t count)
{
   for (uint32_t i = 0; i < count; i++) {
      if (records[i].payload->ops->is_shared)
         return true;
   }
   return false;
}

static VkResult
block(const struct wait *wait, struct vk_sync_win32_record *records,
      uint32_t count)
{
   struct vk_sync_win32_waiter *waiter = wait->waiter;
   const bool has_bell =
      wait->seat != NULL ||
      vk_sync_win32_waiter_begin(waiter, is_shared(records, count));
   uint64_t interval_ns = VK_SYNC_WIN32_LOOK_NS;
   VkResult result;

   do {
      const bool heard = arm(wait, records, count) && has_bell;

      result = look(records, count);
      if (result == VK_NOT_READY)
         result = check(wait);
      if (result != VK_NOT_READY)
         break;

      const uint64_t pause_ns = get_pause(wait, interval_ns, heard);
      if (pause_ns == 0) {
         result = VK_TIMEOUT;
         break;
      }

      const bool woken = wait->seat != NULL ?
                         vk_sync_win32_park(wait->seat, pause_ns) :
                         vk_sync_win32_waiter_park(waiter, pause_ns);
      if (!woken && heard)
         interval_ns = MIN2(2 * interval_ns, VK_SYNC_WIN32_LONGEST_LOOK_NS);

      result = look(records, count);
   } while (result == VK_NOT_READY);

   if (wait->seat != NULL) {
      vk_sync_win32_leave(wait->seat);
   } else {
      for (uint32_t i = 0; i < count; i++)
         records[i].payload->ops->disarm(&records[i]);
      vk_sync_win32_waiter_end(waiter);
   }
   return result;
}

/* One after the other: what was reached once counts, although a fence may be
 * reset before the next one is reached.  The private ones first, since they
 * cost others nothing.
 */
static VkResult
block_all(const struct wait *wait)
{
   for (unsigned shared = 0; shared < 2; shared++) {
      for (uint32_t i = 0; i < wait->count; i++) {
         struct vk_sync_win32_record *record = &wait->records[i];

         if (record->payload->ops->is_shared != shared)
            continue;

         VkResult result = look(record, 1);
         if (result == VK_NOT_READY)
            result = block(wait, record, 1);
         if (result != VK_SUCCESS)
            return result;
      }
   }
   return VK_SUCCESS;
}

/* Where whoever signals is at work on another processor, a hand-over takes a
 * twentieth of the time that it takes through the kernel.
 */
static VkResult
spin(const struct vk_sync_win32_record *record)
{
   struct vk_sync_win32_payload *payload = record->payload;
   const uint32_t failures = vk_sync_win32_load32(&payload->spin_failures);
   const uint32_t most = payload->ops->is_shared ? 2 * SPINS : SPINS;
   const uint32_t spins = most >> MIN2(failures % TRY_SPINNING_EVERY, 31);

   for (uint32_t i = 0; i < spins; i++) {
      YieldProcessor();

      const VkResult result = look(record, 1);
      if (result != VK_NOT_READY) {
         vk_sync_win32_store32(&payload->spin_failures, 0);
         return result;
      }
   }

   vk_sync_win32_store32(&payload->spin_failures, failures + 1);
   return VK_NOT_READY;
}

VkResult
vk_sync_win32_wait_one(struct vk_device *device,
                       struct vk_sync_win32_record *record,
                       uint64_t abs_timeout_ns)
{
   struct vk_sync_win32_payload *payload = record->payload;
   struct wait wait = {
      .device = device,
      .abs_timeout_ns = abs_timeout_ns,
      .records = record,
      .count = 1,
   };
   VkResult result = VK_NOT_READY;

   vk_sync_win32_payload_ref(payload);
   if (payload->word != NULL)
      result = spin(record);
   if (result == VK_NOT_READY && payload->ops->sit != NULL)
      wait.seat = payload->ops->sit(payload, record->target);
   if (wait.seat != NULL)
      result = block(&wait, record, 1);
   vk_sync_win32_payload_unref(payload);
   return result;
}

VkResult
vk_sync_win32_wait_records(struct vk_device *device,
                           struct vk_sync_win32_waiter *waiter,
                           uint32_t count, bool any,
                           uint64_t abs_timeout_ns)
{
   struct wait wait = {
      .device = device,
      .waiter = waiter,
      .abs_timeout_ns = abs_timeout_ns,
      .records = waiter->memory,
      .count = count,
   };

   /* Nobody is left to signal, except maybe in other processes: a wait for
    * them goes on for as long as they would take to look.
    */
   if (vk_sync_win32_nt.is_shutting_down())
      wait.abs_timeout_ns = MIN2(abs_timeout_ns, os_time_get_nano() +
         (is_shared(wait.records, count) ? VK_SYNC_WIN32_LONGEST_LOOK_NS : 0));

   for (uint32_t i = 0; i < count; i++) {
      /* When a device is lost, others may destroy what we wait for. */
      vk_sync_win32_payload_ref(wait.records[i].payload);
      wait.records[i].waiter = waiter;
      wait.records[i].is_linked = false;
   }

   VkResult result = any ? block(&wait, wait.records, count) :
                           block_all(&wait);
   if (result == VK_TIMEOUT && wait.abs_timeout_ns < abs_timeout_ns)
      result = VK_ERROR_DEVICE_LOST;

   for (uint32_t i = 0; i < count; i++)
      vk_sync_win32_payload_unref(wait.records[i].payload);

   return result;
}

/* SPDX-License-Identifier: MIT */

/* However many threads of a process block on however many shared payloads,
 * the kernel sees one auto-reset event, the doorbell, and one thread, the
 * leader, waiting on it.  The others are parked like any private wait.  The
 * leader releases whoever has been satisfied, and hands leadership to another
 * thread when it is satisfied itself.
 */
#include "vk_sync_win32_shared_wait.h"

#include <assert.h>

#include "util/macros.h"
#include "util/os_time.h"

#include "vk_sync_win32_payload.h"

/* Locks nest in this order: this one, then a payload's. */
static SRWLOCK lock = SRWLOCK_INIT;

/* Threads blocked on shared payloads, and the payloads they block on */
static struct list_head waiters = { &waiters, &waiters };
static struct list_head watched = { &watched, &watched };
static struct vk_sync_win32_waiter *leader;

/* Whether some watched payload cannot count on being rung.  Set under the
 * lock, read by the leader without.
 */
static uint32_t must_poll;

/* Set under the lock, read without by those who ring; closed when no payload
 * is left, and so nobody to ring it.
 */
static HANDLE doorbell;
static struct vk_sync_win32_doorbell_id doorbell_id;
static uint32_t payload_count;

void
vk_sync_win32_shared_wait_ref(void)
{
   p_atomic_inc(&payload_count);
}

void
vk_sync_win32_shared_wait_unref(void)
{
   if (!p_atomic_dec_zero(&payload_count))
      return;

   AcquireSRWLockExclusive(&lock);
   if (p_atomic_read(&payload_count) == 0) {
      if (doorbell != NULL)
         CloseHandle(doorbell);
      p_atomic_set(&doorbell, NULL);
      vk_sync_win32_doorbell_flush();
      vk_sync_win32_payload_empty_pool();
   }
   ReleaseSRWLockExclusive(&lock);
}

void
vk_sync_win32_shared_wait_ring_self(void)
{
   HANDLE event = p_atomic_read(&doorbell);
   if (event != NULL)
      vk_sync_win32_nt.set_event(event, NULL);
}

/* Whether peers cannot ring us for this payload: no doorbell, no free slot,
 * or one of them says so.
 */
static bool
must_poll_for(struct vk_sync_win32_remote *remote, bool thorough)
{
   return doorbell == NULL ||
          (remote->ops->reach != NULL &&
           !remote->ops->reach(remote, thorough));
}

/* The same, of what is known only once a target has been published */
static bool
is_deaf(struct vk_sync_win32_remote *remote)
{
   return remote->ops->is_deaf != NULL && remote->ops->is_deaf(remote);
}

HANDLE
vk_sync_win32_shared_wait_doorbell(void)
{
   return p_atomic_read(&doorbell);
}

const struct vk_sync_win32_doorbell_id *
vk_sync_win32_shared_wait_doorbell_id(void)
{
   return &doorbell_id;
}

void
vk_sync_win32_shared_wait_enter(struct vk_sync_win32_waiter *waiter,
                                struct vk_sync_win32_wait_record *records,
                                uint32_t count)
{
   struct vk_sync_win32_wake_list wakes = {0};

   AcquireSRWLockExclusive(&lock);

   if (doorbell == NULL)
      p_atomic_set(&doorbell, vk_sync_win32_doorbell_create(&doorbell_id));

   list_addtail(&waiter->shared_link, &waiters);

   bool poll = false;
   for (uint32_t i = 0; i < count; i++) {
      struct vk_sync_win32_remote *remote = records[i].payload->remote;
      if (remote == NULL)
         continue;

      const bool first = remote->watchers++ == 0;
      if (first)
         list_addtail(&remote->watch_link, &watched);

      poll |= must_poll_for(remote, first);
      vk_sync_win32_record_link(&records[i], &wakes);
      poll |= is_deaf(remote);
   }

   /* The leader may have gone to sleep for longer than that. */
   if (poll && !must_poll) {
      vk_sync_win32_store32(&must_poll, true);
      wakes.leader |= leader != NULL;
   }

   ReleaseSRWLockExclusive(&lock);

   vk_sync_win32_wake(&wakes);
}

/* Release whoever has been satisfied by other processes */
static void
sweep(void)
{
   struct vk_sync_win32_wake_list wakes = {0};

   AcquireSRWLockExclusive(&lock);

   bool poll = false;
   list_for_each_entry(struct vk_sync_win32_remote, remote, &watched,
                       watch_link) {
      poll |= must_poll_for(remote, false);
      vk_sync_win32_payload_rearm(remote->payload, &wakes);
      poll |= is_deaf(remote);
   }
   vk_sync_win32_store32(&must_poll, poll);

   ReleaseSRWLockExclusive(&lock);

   wakes.leader = false; /* that is us */
   vk_sync_win32_wake(&wakes);
}

static void
wait_for_ring(uint64_t abs_timeout_ns)
{
   LARGE_INTEGER ticks;
   const LARGE_INTEGER *timeout =
      vk_sync_win32_nt_timeout(abs_timeout_ns, &ticks);

   /* Where there was none, a thread that enters tries again to create it. */
   HANDLE event = p_atomic_read(&doorbell);
   if (event != NULL)
      vk_sync_win32_nt.wait_for_single_object(event, FALSE, timeout);
   else
      vk_sync_win32_nt.delay_execution(FALSE, timeout);
}

static bool
lead(struct vk_sync_win32_waiter *waiter, uint64_t abs_timeout_ns)
{
   for (;;) {
      if (vk_sync_win32_load32(&waiter->state) ==
          VK_SYNC_WIN32_WAITER_RELEASED)
         return true;

      const uint64_t now_ns = os_time_get_nano();
      if (now_ns >= abs_timeout_ns || vk_sync_win32_waiter_is_lost(waiter)) {
         return !vk_sync_win32_cas32(&waiter->state,
                                     VK_SYNC_WIN32_WAITER_LEADING,
                                     VK_SYNC_WIN32_WAITER_RUNNING);
      }

      const uint64_t bound_ns = vk_sync_win32_load32(&must_poll) ?
                                VK_SYNC_WIN32_POLL_NS :
                                VK_SYNC_WIN32_RECHECK_NS;
      wait_for_ring(MIN2(abs_timeout_ns, now_ns + bound_ns));
      sweep();
   }
}

/* Park, or take the lead if nobody has it.  Decided under the lock, so that a
 * leader on leaving can tell who sleeps from who is still going to look.
 */
static enum vk_sync_win32_waiter_state
park_or_lead(struct vk_sync_win32_waiter *waiter)
{
   enum vk_sync_win32_waiter_state state = VK_SYNC_WIN32_WAITER_PARKED;

   AcquireSRWLockExclusive(&lock);

   if (leader == NULL) {
      leader = waiter;
      state = VK_SYNC_WIN32_WAITER_LEADING;
   }
   if (!vk_sync_win32_cas32(&waiter->state, VK_SYNC_WIN32_WAITER_RUNNING,
                            state))
      state = VK_SYNC_WIN32_WAITER_RELEASED;

   ReleaseSRWLockExclusive(&lock);

   return state;
}

bool
vk_sync_win32_shared_wait_block(struct vk_sync_win32_waiter *waiter,
                                uint64_t abs_timeout_ns)
{
   for (;;) {
      switch (park_or_lead(waiter)) {
      case VK_SYNC_WIN32_WAITER_LEADING:
         return lead(waiter, abs_timeout_ns);

      case VK_SYNC_WIN32_WAITER_PARKED:
         if (!vk_sync_win32_waiter_park(waiter, abs_timeout_ns))
            return false;

         if (!vk_sync_win32_cas32(&waiter->state,
                                  VK_SYNC_WIN32_WAITER_PROMOTED,
                                  VK_SYNC_WIN32_WAITER_RUNNING))
            return true;
         break;

      default:
         return true;
      }
   }
}

/* Find somebody to lead, under the lock.  Those who neither park nor lead are
 * going to look for a leader themselves.
 */
static struct vk_sync_win32_waiter *
promote(void)
{
   list_for_each_entry(struct vk_sync_win32_waiter, waiter, &waiters,
                       shared_link) {
      if (vk_sync_win32_cas32(&waiter->state, VK_SYNC_WIN32_WAITER_PARKED,
                              VK_SYNC_WIN32_WAITER_PROMOTED))
         return waiter;
   }
   return NULL;
}

void
vk_sync_win32_shared_wait_leave(struct vk_sync_win32_waiter *waiter,
                                struct vk_sync_win32_wait_record *records,
                                uint32_t count)
{
   struct vk_sync_win32_wake_list wakes = {0};

   AcquireSRWLockExclusive(&lock);

   for (uint32_t i = 0; i < count; i++) {
      struct vk_sync_win32_remote *remote = records[i].payload->remote;
      if (remote == NULL)
         continue;

      vk_sync_win32_record_unlink(&records[i]);
      if (--remote->watchers == 0)
         list_del(&remote->watch_link);
   }

   list_del(&waiter->shared_link);
   if (leader == waiter)
      leader = NULL;

   /* Whoever was promoted and released at once leads no one: look again. */
   if (leader == NULL) {
      wakes.parked = promote();
      if (wakes.parked != NULL)
         wakes.parked->next_wake = NULL;
   }

   ReleaseSRWLockExclusive(&lock);

   vk_sync_win32_wake(&wakes);
}

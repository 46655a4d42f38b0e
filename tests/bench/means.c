/* SPDX-License-Identifier: MIT */
#include "pairs.h"
#include "raw.h"

static void
sync_wake(struct bench_seat *seat, uint64_t turn)
{
   bench_signal(seat->side, seat->sync, turn);
}

static void
sync_block(struct bench_seat *seat, uint64_t turn)
{
   bench_wait(seat->side, seat->sync, turn);
}

const struct bench_means bench_timeline_means = {sync_wake, sync_block};

static void
binary_wake(struct bench_seat *seat, UNUSED uint64_t turn)
{
   bench_signal(seat->side, seat->sync, 0);
}

/* As a queue does it: a temporary takes the ticket at vkQueueSubmit(), and the
 * thread that executes the submit waits for it.
 */
static void
binary_block(struct bench_seat *seat, UNUSED uint64_t turn)
{
   struct vk_sync *temporary = bench_fence(seat->side);

   REQUIRE(vk_sync_move(bench_device(seat->side), temporary, seat->sync) ==
           VK_SUCCESS);
   bench_wait(seat->side, temporary, 0);
   bench_sync_destroy(seat->side, temporary);
}

const struct bench_means bench_binary_means = {binary_wake, binary_block};

static void
fence_block(struct bench_seat *seat, UNUSED uint64_t turn)
{
   bench_wait(seat->side, seat->sync, 0);
   bench_reset(seat->side, seat->sync);
}

const struct bench_means bench_fence_means = {binary_wake, fence_block};

static void
event_wake(struct bench_seat *seat, UNUSED uint64_t turn)
{
   NtSetEvent(seat->event, NULL);
}

static void
event_block(struct bench_seat *seat, UNUSED uint64_t turn)
{
   NtWaitForSingleObject(seat->event, FALSE, NULL);
}

const struct bench_means bench_event_means = {event_wake, event_block};

static void
keyed_wake(struct bench_seat *seat, UNUSED uint64_t turn)
{
   NtReleaseKeyedEvent(NULL, &seat->word, FALSE, NULL);
}

static void
keyed_block(struct bench_seat *seat, UNUSED uint64_t turn)
{
   NtWaitForKeyedEvent(NULL, &seat->word, FALSE, NULL);
}

const struct bench_means bench_keyed_means = {keyed_wake, keyed_block};

static void
address_wake(struct bench_seat *seat, uint64_t turn)
{
   vk_sync_win32_store32(&seat->word, (uint32_t)turn);
   WakeByAddressSingle(&seat->word);
}

static void
address_block(struct bench_seat *seat, uint64_t turn)
{
   uint32_t seen;

   while ((seen = vk_sync_win32_load32(&seat->word)) != (uint32_t)turn)
      WaitOnAddress(&seat->word, &seen, sizeof(seen), INFINITE);
}

const struct bench_means bench_address_means = {address_wake, address_block};

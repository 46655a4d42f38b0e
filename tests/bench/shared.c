/* SPDX-License-Identifier: MIT */

/* Payloads that processes share, against raw NT events. */
#include "peer.h"
#include "runtime.h"

#include <stdio.h>

#include "vk_sync_win32_section.h"

#define OPAQUE_WIN32 VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT

static struct vk_sync *
create_shared(enum vk_sync_flags flags)
{
   const SECURITY_ATTRIBUTES attributes = {
      .nLength = sizeof(attributes),
      .bInheritHandle = TRUE,
   };
   const struct vk_sync_win32_export_params params = {
      .object_type = VK_OBJECT_TYPE_SEMAPHORE,
      .handle_types = OPAQUE_WIN32,
      .explicit_params = true,
      .security_attributes = &attributes,
   };
   struct vk_device *device = bench_device(BENCH_OURS);
   struct vk_sync *sync;

   BENCH_REQUIRE(vk_sync_create(device, &vk_sync_win32_type,
                                flags | VK_SYNC_IS_SHAREABLE, 0,
                                &sync) == VK_SUCCESS);
   BENCH_REQUIRE(vk_sync_set_win32_export_params(device, sync, &params) ==
                 VK_SUCCESS);
   return sync;
}

static HANDLE
export_shared(struct vk_sync *sync)
{
   HANDLE handle;

   BENCH_REQUIRE(vk_sync_export_win32_handle(bench_device(BENCH_OURS), sync,
                                             OPAQUE_WIN32, &handle) ==
                 VK_SUCCESS);
   return handle;
}

static struct vk_sync *
import_shared(HANDLE handle, enum vk_sync_flags flags)
{
   const struct vk_sync_win32_import_info info = {
      .object_type = VK_OBJECT_TYPE_SEMAPHORE,
      .handle_type = OPAQUE_WIN32,
      .handle = handle,
   };
   struct vk_device *device = bench_device(BENCH_OURS);
   struct vk_sync *sync;

   BENCH_REQUIRE(vk_sync_create(device, &vk_sync_win32_type, flags, 0,
                                &sync) == VK_SUCCESS);
   BENCH_REQUIRE(vk_sync_import_win32_handle(device, sync, &info) ==
                 VK_SUCCESS);
   return sync;
}

static void
reset(struct vk_sync *sync)
{
   BENCH_REQUIRE(vk_sync_reset(bench_device(BENCH_OURS), sync) == VK_SUCCESS);
}

/* What is signalled already --------------------------------------------- */

#define SIGNALLED_ROUNDS 51
#define OPERATIONS 2000
#define RAW_OPERATIONS 200

static double
shared_round(void *data)
{
   struct vk_sync *sync = *(struct vk_sync **)data;

   if (sync == NULL) {
      static HANDLE event;

      if (event == NULL)
         event = bench_event_create();
      const double start = bench_now_ns();
      for (unsigned i = 0; i < RAW_OPERATIONS; i++) {
         SetEvent(event);
         WaitForSingleObject(event, INFINITE);
      }
      return (bench_now_ns() - start) / RAW_OPERATIONS;
   }

   const double start = bench_now_ns();
   for (unsigned i = 0; i < OPERATIONS; i++) {
      bench_signal(BENCH_OURS, sync, 0);
      bench_wait(BENCH_OURS, sync, 0);
      reset(sync);
   }
   return (bench_now_ns() - start) / OPERATIONS;
}

static void
shared_uncontended(const struct bench_case *c)
{
   struct vk_sync *ours = create_shared(0), *raw = NULL;

   bench_count_transitions();
   bench_report(c, NULL,
                bench_alternate(SIGNALLED_ROUNDS, shared_round, &ours, &raw),
                "ns", BENCH_RATIO_AT_MOST, 0.01);
   bench_report(c, "transitions", bench_ours_alone(bench_transition_total()),
                "calls", BENCH_OURS_EXACTLY, 0);
   bench_sync_destroy(BENCH_OURS, ours);
}

/* Ping-pong of two processes -------------------------------------------- */

#define ROUNDS 101
#define WARM_UP 3
#define LAPS 100 /* of two hand-overs each */

/* Where both processes block: fences or events, [0] for the parent */
struct table {
   struct vk_sync *fences[2];
   HANDLE events[2];
};

/* Give the other process the time to block: else its partner's call to wake
 * it takes longer than the answer, and every other hand-over finds it awake.
 */
#define SETTLE_NS 100000

static void
hand_over(const struct table *table, unsigned to)
{
   const double end = bench_now_ns() + SETTLE_NS;

   while (bench_now_ns() < end)
      YieldProcessor();
   if (table->fences[to] != NULL)
      bench_signal(BENCH_OURS, table->fences[to], 0);
   else
      SetEvent(table->events[to]);
}

static void
take(const struct table *table, unsigned self)
{
   if (table->fences[self] != NULL) {
      bench_wait(BENCH_OURS, table->fences[self], 0);
      reset(table->fences[self]);
   } else {
      WaitForSingleObject(table->events[self], INFINITE);
   }
}

static void
peer_pingpong(struct bench_peer *self, const HANDLE *handles, uint32_t number)
{
   const struct table tables[2] = {
      {.fences = {import_shared(handles[0], 0), import_shared(handles[1], 0)}},
      {.events = {handles[2], handles[3]}},
   };

   (void)number;
   bench_pin(2, 2);
   bench_event_set(self->done);
   for (unsigned r = 0; r < ROUNDS + WARM_UP; r++) {
      for (unsigned side = 0; side < 2; side++) {
         const struct table *table = &tables[side ^ (r & 1)];

         for (unsigned i = 0; i < LAPS; i++) {
            take(table, 1);
            hand_over(table, 0);
         }
      }
   }
   for (unsigned i = 0; i < 2; i++)
      bench_sync_destroy(BENCH_OURS, tables[0].fences[i]);
}

static double
serve(const struct table *table)
{
   const double start = bench_now_ns();
   for (unsigned i = 0; i < LAPS; i++) {
      hand_over(table, 1);
      take(table, 0);
   }
   return (bench_now_ns() - start) / (2 * LAPS) - SETTLE_NS;
}

static void
pingpong_processes(const struct bench_case *c)
{
   const struct table tables[2] = {
      {.fences = {create_shared(0), create_shared(0)}},
      {.events = {bench_event_create(), bench_event_create()}},
   };
   const HANDLE handles[] = {
      export_shared(tables[0].fences[0]), export_shared(tables[0].fences[1]),
      tables[1].events[0], tables[1].events[1],
   };
   struct bench_peer peer = bench_peer_start("pingpong", 0, handles,
                                             BENCH_COUNT(handles));
   struct bench_rounds rounds;

   bench_event_wait(peer.done);
   bench_count_transitions();
   bench_pin(1, 1);
   bench_rounds_init(&rounds, ROUNDS);
   for (unsigned r = 0; r < ROUNDS + WARM_UP; r++) {
      double times[2];

      for (unsigned side = 0; side < 2; side++)
         times[side ^ (r & 1)] = serve(&tables[side ^ (r & 1)]);
      if (r >= WARM_UP)
         bench_rounds_add(&rounds, times[BENCH_OURS],
                          times[BENCH_COMPARATOR]);
   }
   bench_peer_join(&peer);

   const double laps = LAPS * (double)(ROUNDS + WARM_UP);
   bench_report(c, NULL, bench_rounds_finish(&rounds), "ns",
                BENCH_RATIO_AT_MOST, 1.10);
   bench_report(c, "sets",
                bench_ours_alone(bench_transitions.event_sets / laps),
                "calls a hand-over", BENCH_OURS_AT_MOST, 1);
   bench_report(c, "waits",
                bench_ours_alone(bench_transitions.object_waits / laps),
                "calls a hand-over", BENCH_OURS_AT_MOST, 1.05);
   bench_sync_destroy(BENCH_OURS, tables[0].fences[0]);
   bench_sync_destroy(BENCH_OURS, tables[0].fences[1]);
}

/* Processes that wait for different values of one timeline -------------- */

#define PEERS 16
#define LATER (UINT64_C(1) << 40)

static void
peer_waiter(struct bench_peer *self, const HANDLE *handles, uint32_t number)
{
   struct vk_sync *timeline = import_shared(handles[0], VK_SYNC_IS_TIMELINE);

   bench_event_set(self->done);
   bench_wait(BENCH_OURS, timeline, LATER + number);
   bench_event_set(self->done);
   bench_sync_destroy(BENCH_OURS, timeline);
}

static uint32_t
count_armed(struct vk_sync *timeline)
{
   const struct vk_sync_win32 *sync =
      container_of(timeline, struct vk_sync_win32, base);
   uint64_t armed =
      vk_sync_win32_load64(&sync->payload->section->layout->armed);
   uint32_t count = 0;

   for (; armed != 0; armed &= armed - 1)
      count++;
   return count;
}

static double
signal_round(struct vk_sync *timeline, uint64_t *value)
{
   const double start = bench_now_ns();
   for (unsigned i = 0; i < OPERATIONS; i++)
      bench_signal(BENCH_OURS, timeline, ++*value);
   return (bench_now_ns() - start) / OPERATIONS;
}

struct crowd {
   uint32_t size;
   struct vk_sync *timeline;
   uint64_t value;
   struct bench_peer peers[PEERS];
};

static void
gather(struct crowd *crowd)
{
   crowd->timeline = create_shared(VK_SYNC_IS_TIMELINE);

   HANDLE handle = export_shared(crowd->timeline);
   for (uint32_t i = 0; i < crowd->size; i++) {
      crowd->peers[i] = bench_peer_start("waiter", i, &handle, 1);
      bench_event_wait(crowd->peers[i].done);
   }
   CloseHandle(handle);
   while (count_armed(crowd->timeline) < crowd->size)
      Sleep(10);
}

/* Satisfy one process after the other; returns how often any was rung. */
static uint32_t
dismiss(struct crowd *crowd)
{
   const uint32_t before = bench_transitions.event_sets;

   for (uint32_t i = 0; i < crowd->size; i++) {
      bench_signal(BENCH_OURS, crowd->timeline, LATER + i);
      bench_event_wait(crowd->peers[i].done);
      bench_peer_join(&crowd->peers[i]);
   }
   const uint32_t rings = bench_transitions.event_sets - before;

   bench_sync_destroy(BENCH_OURS, crowd->timeline);
   return rings;
}

static void
signal_processes(const struct bench_case *c)
{
   struct crowd crowds[] = {{.size = 1}, {.size = 4}, {.size = PEERS}};
   struct bench_rounds rounds[BENCH_COUNT(crowds)];
   uint32_t rings = 0, peers = 0;

   bench_device(BENCH_OURS);
   bench_count_transitions();
   for (unsigned i = 0; i < BENCH_COUNT(crowds); i++) {
      gather(&crowds[i]);
      bench_rounds_init(&rounds[i], ROUNDS);
   }

   const uint32_t before = bench_transition_total();
   for (unsigned r = 0; r < ROUNDS; r++) {
      double ns[BENCH_COUNT(crowds)];

      for (unsigned i = 0; i < BENCH_COUNT(crowds); i++) {
         const unsigned k = r & 1 ? BENCH_COUNT(crowds) - 1 - i : i;
         ns[k] = signal_round(crowds[k].timeline, &crowds[k].value);
      }
      for (unsigned i = 0; i < BENCH_COUNT(crowds); i++)
         bench_rounds_add(&rounds[i], ns[i], ns[0]);
   }
   const uint32_t unsatisfied = bench_transition_total() - before;

   for (unsigned i = 1; i < BENCH_COUNT(crowds); i++) {
      char detail[16];

      snprintf(detail, sizeof(detail), "%u", crowds[i].size);
      bench_report(c, detail, bench_rounds_finish(&rounds[i]), "ns",
                   BENCH_RATIO_AT_MOST, 2.0);
   }
   bench_report(c, "transitions", bench_ours_alone(unsatisfied), "calls",
                BENCH_OURS_EXACTLY, 0);

   for (unsigned i = 0; i < BENCH_COUNT(crowds); i++) {
      peers += crowds[i].size;
      rings += dismiss(&crowds[i]);
   }
   bench_report(c, "rings", bench_ours_alone(rings / (double)peers),
                "calls a satisfied waiter", BENCH_OURS_EXACTLY, 1);
}

const struct bench_peer_role bench_peer_roles[] = {
   {"pingpong", peer_pingpong},
   {"waiter", peer_waiter},
   {0},
};

const struct bench_case bench_shared_cases[] = {
   {"shared-uncontended", NULL, shared_uncontended},
   {"pingpong-processes", NULL, pingpong_processes},
   {"signal-processes", NULL, signal_processes},
   {0},
};

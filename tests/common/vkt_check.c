/* SPDX-License-Identifier: MIT */

/* What a payload must do, for every kind of object. */
#include "vkt.h"

#include <psapi.h>
#include <stdlib.h>
#include <string.h>

void
vkt_expect_done(struct vkt_object *fence)
{
   EXPECT_OK(vkt_wait(fence, 0, VKT_LONG_MS));
}

void
vkt_expect_pending(struct vkt_object *fence)
{
   Sleep(VKT_PENDING_MS);
   EXPECT_U64(vkt_value(fence), 0);
}

void
vkt_expect_linked(struct vkt_object *signals, struct vkt_object *waits)
{
   REQUIRE(signals->kind == waits->kind);
   if (signals->kind == VKT_FENCE) {
      EXPECT_U64(vkt_value(waits), 0);
      vkt_queue_signal(signals, 0);
      vkt_expect_done(waits);
      EXPECT_U64(vkt_value(waits), 1);
      EXPECT_U64(vkt_value(signals), 1);
      vkt_reset(waits);
      EXPECT_U64(vkt_value(signals), 0);
      EXPECT_U64(vkt_value(waits), 0);
   } else if (signals->kind == VKT_BINARY) {
      vkt_queue_signal(signals, 0);
      vkt_take(waits, 0);
   } else {
      const uint64_t value = vkt_value(signals);

      EXPECT_U64(vkt_value(waits), value);
      vkt_host_signal(signals, value + 1);
      EXPECT_U64(vkt_value(waits), value + 1);
      vkt_queue_signal(signals, value + 2);
      EXPECT_OK(vkt_wait(waits, value + 2, VKT_LONG_MS));
      vkt_take(waits, value + 2);
   }
}

void
vkt_expect_shared(struct vkt_object *a, struct vkt_object *b)
{
   vkt_expect_linked(a, b);
   vkt_expect_linked(b, a);
}

void
vkt_expect_works(struct vkt_object *object)
{
   if (object->kind == VKT_FENCE && vkt_value(object))
      vkt_reset(object);
   vkt_expect_linked(object, object);
}

void
vkt_take(struct vkt_object *semaphore, uint64_t value)
{
   struct vkt_object *done = vkt_queue_wait(semaphore, value);

   vkt_expect_done(done);
   vkt_destroy(done);
}

void
vkt_queue_chain(struct vkt_object *waits, uint64_t wait_value,
                struct vkt_object *signals, uint64_t signal_value)
{
   const struct vkt_batch batch = {
      .waits = {{waits, wait_value}},
      .signals = {{signals, signal_value}},
   };

   vkt_submit(waits->device, &batch, NULL);
}

struct vkt_object *
vkt_signal_behind_gate(struct vkt_object *object, uint64_t value)
{
   struct vkt_object *gate = vkt_create(object->device, VKT_TIMELINE);
   const struct vkt_batch wait = {.waits = {{gate, 1}}};

   if (object->kind == VKT_FENCE)
      vkt_submit(object->device, &wait, object);
   else
      vkt_queue_chain(gate, 1, object, value);
   return gate;
}

void
vkt_expect_unsignalled(struct vkt_object *waits, struct vkt_object *signals)
{
   struct vkt_object *gate, *done;

   /* One queue would hold the wait back behind the gate, too. */
   REQUIRE(waits->device != signals->device);
   gate = vkt_signal_behind_gate(signals, 0);
   done = vkt_queue_wait(waits, 0);
   vkt_expect_pending(done);
   vkt_host_signal(gate, 1);
   vkt_expect_done(done);
   vkt_wait_idle(signals->device);
   vkt_destroy(done);
   vkt_destroy(gate);
}

#define MARKED_VALUE 7

void
vkt_mark(struct vkt_object *object)
{
   if (object->kind == VKT_TIMELINE) {
      vkt_host_signal(object, MARKED_VALUE);
      return;
   }
   vkt_queue_signal(object, 0);
   vkt_wait_idle(object->device);
}

void
vkt_expect_marked(struct vkt_object *object)
{
   if (object->kind == VKT_BINARY)
      vkt_take(object, 0);
   else
      EXPECT_U64(vkt_value(object),
                 object->kind == VKT_FENCE ? 1 : MARKED_VALUE);
}

struct vkt_later {
   struct test_thread *thread;
   struct vkt_object *object;
   uint64_t value;
   unsigned ms;
};

static void
signal_later(void *data)
{
   struct vkt_later *later = data;

   Sleep(later->ms);
   if (later->object->kind == VKT_TIMELINE)
      vkt_host_signal(later->object, later->value);
   else
      vkt_queue_signal(later->object, 0);
}

struct vkt_later *
vkt_signal_later(struct vkt_object *object, uint64_t value, unsigned ms)
{
   struct vkt_later *later = malloc(sizeof(*later));

   REQUIRE(later != NULL);
   *later = (struct vkt_later){.object = object, .value = value, .ms = ms};
   later->thread = test_thread_start(signal_later, later);
   return later;
}

void
vkt_join_later(struct vkt_later *later)
{
   test_thread_join(later->thread);
   free(later);
}

struct vkt_pair
vkt_open_pair(enum vkt_kind kind)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), kind);

   return (struct vkt_pair){a, vkt_share(a, vkt_open())};
}

void
vkt_expect_message(struct vkt_device *device, VkResult result,
                   const char *text)
{
   const char *name = vkt_result_name(result);
   char message[1024];

   EXPECT_U64(vkt_message_count(device), 1);
   vkt_last_message(device, message, sizeof(message));
   if (strncmp(message, text, strcspn(text, "%")) ||
       !strstr(message, name) || strlen(message) <= strlen(name) + 10)
      test_fail(false, __FILE__, __LINE__, "\"%s\", not \"%s (%s)\"",
                message, text, name);
   vkt_clear_messages(device);
}

uint64_t
vkt_private_bytes(void)
{
   PROCESS_MEMORY_COUNTERS counters = {.cb = sizeof(counters)};

   REQUIRE(K32GetProcessMemoryInfo(GetCurrentProcess(), &counters,
                                   sizeof(counters)));
   return counters.PagefileUsage;
}

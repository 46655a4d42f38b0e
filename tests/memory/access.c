/* SPDX-License-Identifier: MIT */

/* Two instances, each with a device: one writes, the other reads, by every
 * pair of methods and both ways round, ordered by an external semaphore.
 */
#include "share.h"

struct pair {
   struct vkt_device *devices[2];
   struct share *shares[2];
   struct vkt_object *semaphores[2];
   uint64_t value;
};

static struct pair
open_pair(enum share_kind kind, bool suballocated, enum vkt_kind order)
{
   struct pair pair = {.devices = {vkt_open(), vkt_open()}};
   const struct memory_info create = {.export_types = VKT_OPAQUE_WIN32};
   struct memory_info import = {.import_type = VKT_OPAQUE_WIN32};

   pair.shares[0] = share_create(pair.devices[0], kind, suballocated,
                                 &create);
   import.handle = memory_export(share_memory(pair.shares[0]));
   pair.shares[1] = share_create(pair.devices[1], kind, suballocated,
                                 &import);
   pair.semaphores[0] = vkt_create_exportable(pair.devices[0], order);
   pair.semaphores[1] = vkt_alias(pair.devices[1], order,
                                  vkt_export(pair.semaphores[0]));
   return pair;
}

static void
pass(struct pair *pair, unsigned writer, enum share_method write,
     enum share_method read)
{
   const unsigned reader = !writer;
   const bool timeline = pair->semaphores[0]->kind == VKT_TIMELINE;
   const uint32_t tag = (uint32_t)test_random();
   const uint64_t value = timeline ? ++pair->value : 0;
   const struct vkt_point signal = {pair->semaphores[writer], value};
   const struct vkt_point wait = {pair->semaphores[reader], value};
   uint32_t wrong;

   /* The wait for a timeline may be submitted before the signal. */
   if (timeline)
      share_begin_read(pair->shares[reader], read, &wait, NULL);
   share_write(pair->shares[writer], write, tag, NULL, &signal);
   if (!timeline)
      share_begin_read(pair->shares[reader], read, &wait, NULL);
   wrong = share_end_read(pair->shares[reader], tag);
   if (wrong)
      test_fail(false, __FILE__, __LINE__,
                "%u words are wrong: written by %s, read by %s", wrong,
                share_method_name(write), share_method_name(read));
}

#define ARG(kind, suballocated, order) \
   ((intptr_t)(kind) | (suballocated) << 4 | (intptr_t)(order) << 8)

static void
access(intptr_t arg)
{
   const enum share_kind kind = (enum share_kind)(arg & 0xf);
   struct pair pair = open_pair(kind, arg >> 4 & 1,
                                (enum vkt_kind)(arg >> 8));

   for (int write = SHARE_BY_HOST; write <= SHARE_BY_FRAGMENT; write++) {
      for (int read = SHARE_BY_HOST; read <= SHARE_BY_FRAGMENT; read++) {
         if (kind == SHARE_IMAGE &&
             (write == SHARE_BY_HOST || read == SHARE_BY_HOST))
            continue;
         for (unsigned writer = 0; writer < 2; writer++)
            pass(&pair, writer, (enum share_method)write,
                 (enum share_method)read);
      }
   }
}

/* The chain of a frame that goes round: each device waits for the other's
 * access, and neither for its own.
 */
static void
relay(intptr_t kind)
{
   struct pair pair = open_pair((enum share_kind)kind, true, VKT_TIMELINE);
   const unsigned rounds = 40;

   for (unsigned i = 0; i < rounds; i++) {
      const struct vkt_point begin = {pair.semaphores[0], 2 * i};
      const struct vkt_point written = {pair.semaphores[0], 2 * i + 1};
      const struct vkt_point seen = {pair.semaphores[1], 2 * i + 1};
      const struct vkt_point read = {pair.semaphores[1], 2 * i + 2};

      share_begin_read(pair.shares[1], SHARE_BY_COMPUTE, &seen, &read);
      share_write(pair.shares[0], SHARE_BY_FRAGMENT, i, i ? &begin : NULL,
                  &written);
      EXPECT_U64(share_end_read(pair.shares[1], i), 0);
   }
   EXPECT_OK(vkt_wait(pair.semaphores[0], 2 * rounds, VKT_LONG_MS));
}

/* Memory may be freed before what is bound to it, of which the device must
 * not keep or touch anything: that would be what is not mapped any more.
 */
static void
freed_before_resources(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   const struct memory_info info = {.export_types = VKT_OPAQUE_WIN32};

   for (unsigned i = 0; i < 2; i++) {
      struct share *share = share_create(device, (enum share_kind)kind, false,
                                         &info);

      for (int method = SHARE_BY_TRANSFER; method <= SHARE_BY_FRAGMENT;
           method++) {
         share_write(share, (enum share_method)method, i, NULL, NULL);
         share_begin_read(share, (enum share_method)method, NULL, NULL);
         EXPECT_U64(share_end_read(share, i), 0);
      }
      REQUIRE_OK(vkDeviceWaitIdle(device->handle));
      memory_free(share_memory(share));
   }
}

static const struct test_case cases[] = {
   {"buffer_by_timeline", access, ARG(SHARE_BUFFER, 0, VKT_TIMELINE), 0},
   {"buffer_by_binary", access, ARG(SHARE_BUFFER, 1, VKT_BINARY), 0},
   {"image_by_timeline", access, ARG(SHARE_IMAGE, 1, VKT_TIMELINE), 0},
   {"image_by_binary", access, ARG(SHARE_IMAGE, 0, VKT_BINARY), 0},
   {"linear_image_by_timeline", access,
    ARG(SHARE_LINEAR_IMAGE, 0, VKT_TIMELINE), 0},
   {"linear_image_by_binary", access, ARG(SHARE_LINEAR_IMAGE, 1, VKT_BINARY),
    0},
   {"buffer_outlives_memory", freed_before_resources, SHARE_BUFFER, 0},
   {"image_outlives_memory", freed_before_resources, SHARE_IMAGE, 0},
   {"buffer_relay", relay, SHARE_BUFFER, 0},
   {"image_relay", relay, SHARE_IMAGE, 0},
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}

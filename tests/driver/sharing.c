/* SPDX-License-Identifier: MIT */

/* Permanent imports, and what holders of one payload have in common, whatever
 * is pending and whoever has gone.
 */
#include "vkt.h"

/* The same device, another one, another instance. Of binary semaphores, each
 * wait takes one signal.
 */
static void
import_into_each_device(intptr_t kind)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), kind);
   struct vkt_device *const devices[] = {
      a->device, vkt_open_sibling(a->device), vkt_open(),
   };

   for (unsigned d = 0; d < TEST_COUNT(devices); d++) {
      struct vkt_object *b = vkt_share(a, devices[d]);

      test_diag("device %u", d);
      for (unsigned i = 0; i < 300 && !test_failed(); i++)
         vkt_expect_shared(a, b);
   }
}

#define HOLDERS 150

static struct vkt_object *
any_holder(struct vkt_object *const *holders)
{
   return holders[test_random_below(HOLDERS)];
}

static void
many_holders(intptr_t kind)
{
   struct vkt_device *devices[3] = {vkt_open(), vkt_open(), vkt_open()};
   HANDLE handle = vkt_export(vkt_create_exportable(devices[0], kind));
   struct vkt_object *holders[HOLDERS];

   for (unsigned i = 0; i < HOLDERS; i++)
      holders[i] = vkt_alias(devices[i % 3], kind, handle);
   for (unsigned i = 0; i < HOLDERS; i += 10)
      vkt_expect_linked(holders[i], any_holder(holders));

   for (unsigned round = 1; round < 10 && kind != VKT_BINARY; round++) {
      const uint64_t value = 1000 * round;

      vkt_queue_signal(any_holder(holders), value);
      for (unsigned i = 0; i < HOLDERS; i++) {
         REQUIRE_OK(vkt_wait(holders[i], value, VKT_LONG_MS));
         EXPECT_U64(vkt_value(holders[i]), kind == VKT_FENCE ? 1 : value);
      }
      if (kind != VKT_FENCE)
         continue;
      vkt_reset(any_holder(holders));
      for (unsigned i = 0; i < HOLDERS; i++)
         EXPECT_U64(vkt_value(holders[i]), 0);
   }
}

/* (trap 5) "A permanent payload import behaves as if the target was destroyed,
 * and a new one was created with the same handle but the imported payload":
 * whatever its history is, and whether it has export flags.
 */
static void
import_replaces_target(intptr_t arg)
{
   const enum vkt_kind kind = arg & 0xff;
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   struct vkt_object *const sources[] = {
      vkt_create_exportable(device, kind),
      vkt_create_exportable(device, kind),
   };
   struct vkt_object *target, *old = NULL;

   if (arg >> 8) {
      target = vkt_create_exportable(other, kind);
      old = vkt_share(target, device);
   } else {
      target = vkt_create(other, kind);
   }
   for (unsigned i = 0; i < 3; i++)
      vkt_expect_works(target);

   for (unsigned i = 0; i < TEST_COUNT(sources); i++) {
      vkt_mark(target);
      vkt_import(target, vkt_export(sources[i]));
      if (kind == VKT_BINARY)
         vkt_expect_unsignalled(target, sources[i]);
      else
         EXPECT_U64(vkt_value(target), 0);
      vkt_expect_shared(sources[i], target);
   }

   /* What it had before is still there for other holders. */
   vkt_expect_marked(sources[0]);
   vkt_expect_works(sources[0]);
   if (old) {
      vkt_expect_marked(old);
      vkt_expect_works(old);
   }
   vkt_import(target, vkt_export(sources[0]));
   vkt_expect_shared(sources[0], target);
   vkt_expect_works(sources[1]);
}

static void
import_into_exporter(intptr_t kind)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), kind);
   HANDLE handle = vkt_export(a);

   vkt_mark(a);
   vkt_import(a, handle);
   vkt_expect_marked(a);
   if (kind == VKT_FENCE)
      vkt_reset(a);
   vkt_expect_shared(a, vkt_alias(a->device, kind, handle));
}

/* Each holder is gone before the next but one comes. */
static void
chain_of_exports(intptr_t kind)
{
   struct vkt_object *last = vkt_create_exportable(vkt_open(), kind);
   HANDLE handle = vkt_export(last);

   for (unsigned i = 0; i < 6; i++) {
      struct vkt_object *next = vkt_alias(vkt_open(), kind, handle);

      vkt_expect_linked(last, next);
      vkt_destroy(last);
      vkt_close_export(handle);
      handle = vkt_export(next);
      last = next;
   }
   vkt_expect_works(last);
}

/* Before the export, after it, after the import */
static void
signal_at_any_time(intptr_t kind)
{
   for (unsigned when = 0; when < 3; when++) {
      struct vkt_object *a = vkt_create_exportable(vkt_open(), kind), *b;
      HANDLE handle;

      test_diag("%u", when);
      if (when == 0)
         vkt_mark(a);
      handle = vkt_export(a);
      if (when == 1)
         vkt_mark(a);
      b = vkt_alias(vkt_open(), kind, handle);
      if (when == 2)
         vkt_mark(a);
      vkt_expect_marked(b);
      if (kind != VKT_BINARY) {
         vkt_expect_marked(a);
         continue;
      }
      /* (trap 6) The wait has not detached the payload, and has taken the one
       * signal from all holders.
       */
      vkt_expect_unsignalled(b, a);
      vkt_expect_unsignalled(a, b);
   }
}

/* The signal operation is submitted before the first export and executes after
 * the second; a semaphore's wait operation is submitted between the two.
 */
static void
pending_at_export(intptr_t arg)
{
   const enum vkt_kind kind = arg & 0xff;
   const bool temporary = arg >> 8;
   struct vkt_object *a = vkt_create_exportable(vkt_open(), kind);
   struct vkt_object *gate = vkt_signal_behind_gate(a, 5);
   struct vkt_object *b = vkt_create(vkt_open(), kind), *c, *done;

   REQUIRE_OK(vkt_try_import(b, vkt_handle_type(), temporary, vkt_export(a),
                             NULL));
   done = kind == VKT_FENCE ? b : vkt_queue_wait(b, 5);
   c = vkt_share(b, vkt_open());
   vkt_expect_pending(done);
   if (kind != VKT_BINARY) {
      EXPECT_U64(vkt_value(b), 0);
      EXPECT_RESULT(vkt_wait(b, 5, 0), VK_TIMEOUT);
      EXPECT_RESULT(vkt_wait(b, 5, VKT_PENDING_MS), VK_TIMEOUT);
   }

   vkt_host_signal(gate, 1);
   vkt_expect_done(done);
   if (kind == VKT_BINARY) {
      vkt_expect_unsignalled(c, a);
   } else {
      EXPECT_OK(vkt_wait(b, 5, 0));
      EXPECT_U64(vkt_value(b), kind == VKT_FENCE ? 1 : 5);
      EXPECT_U64(vkt_value(c), kind == VKT_FENCE ? 1 : 5);
   }
   vkt_wait_idle(a->device);
}

/* Others may have operations pending on what the exporter destroys. */
static void
exporter_destroyed_while_pending(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, kind);
   HANDLE handle = vkt_export(a);
   struct vkt_object *b = vkt_alias(vkt_open(), kind, handle);
   struct vkt_object *c = vkt_alias(vkt_open(), kind, handle);
   struct vkt_object *gate = vkt_signal_behind_gate(b, 7);

   vkt_destroy(a);
   vkt_close_device(device);
   vkt_close_export(handle);
   vkt_host_signal(gate, 1);
   if (kind != VKT_BINARY)
      EXPECT_OK(vkt_wait(c, 7, VKT_LONG_MS));
   vkt_expect_marked(c);
   vkt_wait_idle(b->device);
   vkt_expect_works(c);
}

/* VUID-vkImportFenceWin32HandleKHR-fence-04448 binds the application. What a
 * pending operation signals is decided when it executes. It must signal one of
 * the two, and not what has been freed.
 */
static void
import_while_pending(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *target = vkt_create_exportable(device, kind);
   struct vkt_object *old = vkt_share(target, device);
   struct vkt_object *source = vkt_create_exportable(device, kind);
   struct vkt_object *gate = vkt_signal_behind_gate(target, 7);

   vkt_import(target, vkt_export(source));
   vkt_host_signal(gate, 1);
   vkt_wait_idle(device);

   if (kind != VKT_BINARY)
      EXPECT((vkt_value(old) != 0) != (vkt_value(source) != 0));
   if (kind == VKT_FENCE) {
      vkt_reset(old);
      vkt_reset(source);
   }
   /* Which of the two has a binary semaphore's signal, nobody can tell. */
   if (kind == VKT_BINARY)
      vkt_mark(source);
   else
      vkt_expect_linked(source, target);
   vkt_expect_works(old);
   vkt_expect_works(target);
}

/* One call for fences of which each needs something else. */
static void
reset_many_mixed(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   struct vkt_object *source = vkt_create_exportable(other, VKT_FENCE);
   struct vkt_object *lent = vkt_create_exportable(other, VKT_FENCE);
   struct vkt_object *own = vkt_create(device, VKT_FENCE);
   struct vkt_object *permanent = vkt_share(source, device);
   struct vkt_object *temporary = vkt_create(device, VKT_FENCE);
   const VkFence fences[] = {temporary->fence, own->fence, permanent->fence};

   vkt_mark(temporary);
   vkt_import_temporary(temporary, vkt_export(lent));
   vkt_mark(own);
   vkt_mark(source);
   vkt_mark(lent);
   EXPECT_OK(vkWaitForFences(device->handle, 3, fences, VK_TRUE, 0));
   REQUIRE_OK(vkResetFences(device->handle, 3, fences));
   EXPECT_U64(vkt_value(own), 0);
   EXPECT_U64(vkt_value(permanent), 0);
   EXPECT_U64(vkt_value(source), 0);
   EXPECT_U64(vkt_value(temporary), 0);
   EXPECT_U64(vkt_value(lent), 1);
   vkt_expect_linked(source, permanent);
   vkt_expect_works(temporary);
}

const struct test_case test_cases[] = {
   VKT_CASES("import_into_each_device", import_into_each_device),
   VKT_CASES("many_holders", many_holders),
   VKT_CASES_WITH("import_replaces_private", import_replaces_target, false),
   VKT_CASES_WITH("import_replaces_exported", import_replaces_target, true),
   VKT_CASES("import_into_exporter", import_into_exporter),
   VKT_CASES("chain_of_exports", chain_of_exports),
   VKT_CASES("signal_at_any_time", signal_at_any_time),
   VKT_CASES("pending_at_export", pending_at_export),
   {"pending_at_export_temporary_fence", pending_at_export,
    VKT_WITH(VKT_FENCE, true)},
   VKT_CASES("exporter_destroyed_while_pending",
             exporter_destroyed_while_pending),
   VKT_CASES("import_while_pending", import_while_pending),
   {"reset_many_mixed", reset_many_mixed},
   {0},
};

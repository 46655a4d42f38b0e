/* SPDX-License-Identifier: MIT */

/* Imports with temporary permanence. Fences go back to their permanent
 * payload when they are reset, binary semaphores after the next wait.
 */
#include "vkt.h"

/* a and its handle on one instance, the target x on another. */
struct setup {
   struct vkt_device *device, *other;
   struct vkt_object *a, *x;
   HANDLE handle;
};

static struct setup
set_up(enum vkt_kind kind)
{
   struct setup s = {.device = vkt_open(), .other = vkt_open()};

   s.a = vkt_create_exportable(s.device, kind);
   s.x = vkt_create(s.other, kind);
   s.handle = vkt_export(s.a);
   return s;
}

/* With a's payload lent to x */
static struct setup
lend(enum vkt_kind kind)
{
   struct setup s = set_up(kind);

   vkt_import_temporary(s.x, s.handle);
   return s;
}

static void
signal_goes_to_payload(intptr_t kind)
{
   struct setup s = lend(kind);

   vkt_queue_signal(s.x, 0);
   if (kind == VKT_FENCE)
      vkt_expect_done(s.a);
   else
      vkt_take(s.a, 0);
}

static void
fence_reset_restores(UNUSED intptr_t arg)
{
   struct setup s = set_up(VKT_FENCE);

   vkt_mark(s.x);
   vkt_import_temporary(s.x, s.handle);
   EXPECT_U64(vkt_value(s.x), 0);
   vkt_reset(s.x);
   EXPECT_U64(vkt_value(s.x), 0);
   vkt_mark(s.a);
   EXPECT_U64(vkt_value(s.x), 0);
   vkt_expect_works(s.x);
   EXPECT_U64(vkt_value(s.a), 1);
}

/* "that fence's prior permanent payload is first restored. The remaining
 * operations described therefore operate on the restored payload."
 */
static void
fence_reset_leaves_source(UNUSED intptr_t arg)
{
   struct setup s = set_up(VKT_FENCE);

   vkt_mark(s.a);
   vkt_import_temporary(s.x, s.handle);
   EXPECT_U64(vkt_value(s.x), 1);
   vkt_reset(s.x);
   EXPECT_U64(vkt_value(s.x), 0);
   EXPECT_U64(vkt_value(s.a), 1);
}

static void
fence_wait_does_not_restore(UNUSED intptr_t arg)
{
   struct setup s = set_up(VKT_FENCE);

   vkt_mark(s.a);
   vkt_import_temporary(s.x, s.handle);
   vkt_expect_done(s.x);
   EXPECT_U64(vkt_value(s.x), 1);
   vkt_reset(s.a);
   EXPECT_U64(vkt_value(s.x), 0);
}

static void
fence_over_permanent_import(UNUSED intptr_t arg)
{
   struct setup s = set_up(VKT_FENCE);
   struct vkt_object *b = vkt_create_exportable(s.device, VKT_FENCE);

   vkt_import(s.x, vkt_export(b));
   vkt_import_temporary(s.x, s.handle);
   vkt_mark(s.a);
   EXPECT_U64(vkt_value(s.x), 1);
   EXPECT_U64(vkt_value(b), 0);
   vkt_reset(s.x);
   vkt_expect_linked(b, s.x);
   EXPECT_U64(vkt_value(s.a), 1);
}

static void
fence_two_targets(UNUSED intptr_t arg)
{
   struct setup s = lend(VKT_FENCE);
   struct vkt_object *y = vkt_create(s.device, VKT_FENCE);

   vkt_import_temporary(y, s.handle);
   vkt_queue_signal(s.a, 0);
   vkt_expect_done(s.x);
   vkt_expect_done(y);
   vkt_reset(s.x);
   EXPECT_U64(vkt_value(y), 1);
}

/* (trap 7) The wait takes the signal from the payload itself: no holder sees
 * it any more.
 */
static void
binary_wait_consumes(UNUSED intptr_t arg)
{
   struct setup s = set_up(VKT_BINARY);
   struct vkt_object *alias = vkt_alias(vkt_open(), VKT_BINARY, s.handle);

   vkt_mark(s.a);
   vkt_import_temporary(s.x, s.handle);
   vkt_take(s.x, 0);
   vkt_expect_unsignalled(s.a, alias);
   vkt_expect_unsignalled(alias, s.a);
}

static void
binary_wait_restores(UNUSED intptr_t arg)
{
   struct setup s = set_up(VKT_BINARY);

   vkt_mark(s.x);
   vkt_mark(s.a);
   vkt_import_temporary(s.x, s.handle);
   vkt_take(s.x, 0);
   /* The signal that x had before is the next one. */
   vkt_expect_marked(s.x);
   vkt_expect_works(s.x);
   vkt_expect_works(s.a);
}

static void
binary_two_targets(UNUSED intptr_t arg)
{
   struct setup s = lend(VKT_BINARY);
   struct vkt_object *y = vkt_create(s.other, VKT_BINARY);

   vkt_import_temporary(y, s.handle);
   vkt_mark(s.a);
   vkt_take(s.x, 0);
   vkt_expect_unsignalled(y, s.a);
}

static void
binary_over_permanent_import(UNUSED intptr_t arg)
{
   struct setup s = set_up(VKT_BINARY);
   struct vkt_object *b = vkt_create_exportable(s.device, VKT_BINARY);

   vkt_import(s.x, vkt_export(b));
   vkt_import_temporary(s.x, s.handle);
   vkt_expect_linked(s.a, s.x);
   vkt_expect_shared(b, s.x);
}

static void
binary_many_rounds(UNUSED intptr_t arg)
{
   struct setup s = set_up(VKT_BINARY);

   for (unsigned i = 0; i < 300; i++) {
      vkt_queue_signal(s.a, 0);
      vkt_import_temporary(s.x, s.handle);
      vkt_take(s.x, 0);
   }
   vkt_expect_unsignalled(s.a, vkt_alias(s.other, VKT_BINARY, s.handle));
   vkt_expect_works(s.x);
}

/* The permanent import of a payload that a temporary import is also of. */
static void
binary_same_payload_twice(UNUSED intptr_t arg)
{
   struct setup s = set_up(VKT_BINARY);

   vkt_import(s.x, s.handle);
   vkt_import_temporary(s.x, s.handle);
   for (unsigned i = 0; i < 4; i++)
      vkt_expect_unsignalled(s.x, s.a);
}

static void
over_temporary(intptr_t kind)
{
   struct setup s = set_up(kind);
   struct vkt_object *b = vkt_create_exportable(s.device, kind);

   vkt_import_temporary(s.x, vkt_export(b));
   vkt_import_temporary(s.x, s.handle);
   if (kind == VKT_FENCE) {
      vkt_queue_signal(s.a, 0);
      vkt_expect_done(s.x);
      EXPECT_U64(vkt_value(b), 0);
   } else {
      vkt_expect_unsignalled(s.x, s.a);
   }
   /* One step back is the permanent payload, not the first temporary one. */
   vkt_expect_works(s.x);
   vkt_expect_works(b);
}

/* "A permanent payload import behaves as if the target was destroyed, and a
 * new one was created with the same handle but the imported payload."
 */
static void
permanent_drops_temporary(intptr_t kind)
{
   struct setup s = set_up(kind);
   struct vkt_object *b = vkt_create_exportable(s.device, kind);

   vkt_import_temporary(s.x, vkt_export(b));
   vkt_import(s.x, s.handle);
   vkt_expect_shared(s.a, s.x);
   vkt_expect_works(b);
}

static void
source_destroyed(intptr_t kind)
{
   struct setup s = set_up(kind);

   vkt_mark(s.a);
   vkt_destroy(s.a);
   if (!vkt_handle_keeps(s.other, kind, s.handle))
      return;
   vkt_import_temporary(s.x, s.handle);
   vkt_close_export(s.handle);
   vkt_expect_marked(s.x);
   vkt_expect_works(s.x);
}

static void
target_destroyed(intptr_t kind)
{
   struct setup s = lend(kind);

   vkt_destroy(s.x);
   vkt_expect_works(s.a);
}

static void
into_exporter(intptr_t kind)
{
   struct setup s = set_up(kind);

   vkt_import_temporary(s.a, s.handle);
   vkt_mark(s.a);
   vkt_expect_marked(s.a);
   vkt_expect_works(s.a);
   vkt_import(s.x, s.handle);
   vkt_expect_linked(s.a, s.x);
}

/* Exporting restores the permanent payload only for handle types with copy
 * transference.
 */
static void
export_keeps_fence(UNUSED intptr_t arg)
{
   struct setup s = set_up(VKT_FENCE);
   struct vkt_object *b;

   vkt_mark(s.x);
   vkt_import_temporary(s.x, s.handle);
   EXPECT_U64(vkt_value(s.x), 0);
   b = vkt_share(s.x, s.device);
   EXPECT_U64(vkt_value(s.x), 0);
   vkt_expect_linked(s.a, b);
   vkt_reset(s.x);
   vkt_expect_works(s.x);
}

static void
export_keeps_binary(UNUSED intptr_t arg)
{
   struct setup s = set_up(VKT_BINARY);
   struct vkt_object *b;

   vkt_mark(s.x);
   vkt_import_temporary(s.x, s.handle);
   b = vkt_share(s.x, s.device);
   vkt_mark(b);
   vkt_expect_marked(s.x);
   vkt_expect_marked(s.x);
   vkt_expect_linked(s.a, b);
}

/* A submit is about to signal the temporary payload while it is exported. */
static void
export_while_pending(intptr_t kind)
{
   struct setup s = lend(kind);
   struct vkt_object *gate = vkt_signal_behind_gate(s.x, 0);
   struct vkt_object *b = vkt_share(s.x, s.device);

   vkt_host_signal(gate, 1);
   if (kind == VKT_FENCE)
      vkt_expect_done(b);
   else
      vkt_expect_marked(b);
}

#define BOTH(name, run) \
   {name "_fence", run, VKT_FENCE}, {name "_binary", run, VKT_BINARY}

const struct test_case test_cases[] = {
   {"temporary_fence_signal_goes_to_payload", signal_goes_to_payload,
    VKT_FENCE},
   {"temporary_fence_reset_restores", fence_reset_restores},
   {"temporary_fence_reset_leaves_source", fence_reset_leaves_source},
   {"temporary_fence_wait_does_not_restore", fence_wait_does_not_restore},
   {"temporary_fence_over_permanent_import", fence_over_permanent_import},
   {"temporary_fence_two_targets", fence_two_targets},
   {"temporary_binary_wait_consumes", binary_wait_consumes},
   {"temporary_binary_wait_restores", binary_wait_restores},
   {"temporary_binary_signal_goes_to_payload", signal_goes_to_payload,
    VKT_BINARY},
   {"temporary_binary_two_targets", binary_two_targets},
   {"temporary_binary_over_permanent_import", binary_over_permanent_import},
   {"temporary_binary_many_rounds", binary_many_rounds},
   {"temporary_binary_same_payload_twice", binary_same_payload_twice},
   BOTH("temporary_over_temporary", over_temporary),
   BOTH("temporary_dropped_by_permanent", permanent_drops_temporary),
   BOTH("temporary_source_destroyed", source_destroyed),
   BOTH("temporary_target_destroyed", target_destroyed),
   BOTH("temporary_into_exporter", into_exporter),
   {"temporary_export_keeps_fence", export_keeps_fence},
   {"temporary_export_keeps_binary", export_keeps_binary},
   BOTH("temporary_export_while_pending", export_while_pending),
   {0},
};

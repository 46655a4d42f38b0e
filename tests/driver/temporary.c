/* SPDX-License-Identifier: MIT */

/* Imports with temporary permanence. Fences go back to their permanent
 * payload when they are reset, binary semaphores after the next wait.
 */
#include "vkt.h"

/* a and its handle on one instance, the targets x and y on another. The
 * permanent payload of x is its own, or that of b.
 */
struct setup {
   struct vkt_device *device, *other;
   struct vkt_object *a, *b, *x, *y;
   HANDLE handle;
};

enum permanent {
   PRIVATE,
   EXPORTABLE,
   IMPORTED,
};

static struct setup
set_up(enum vkt_kind kind, enum permanent permanent)
{
   struct setup s = {.device = vkt_open(), .other = vkt_open()};

   s.a = vkt_create_exportable(s.device, kind);
   s.b = vkt_create_exportable(s.device, kind);
   s.x = permanent == EXPORTABLE ? vkt_create_exportable(s.other, kind)
                                 : vkt_create(s.other, kind);
   s.y = vkt_create(s.other, kind);
   s.handle = vkt_export(s.a);
   if (permanent == IMPORTED)
      vkt_import(s.x, vkt_export(s.b));
   return s;
}

/* "that fence's prior permanent payload is first restored. The remaining
 * operations described therefore operate on the restored payload."
 */
static void
fence_until_reset(intptr_t permanent)
{
   struct setup s = set_up(VKT_FENCE, permanent);
   struct vkt_object *b;

   vkt_mark(s.x);
   vkt_import_temporary(s.x, s.handle);
   vkt_import_temporary(s.y, s.handle);
   EXPECT_U64(vkt_value(s.x), 0);

   /* All operations are the temporary payload's, and for all holders. */
   vkt_queue_signal(s.x, 0);
   vkt_expect_done(s.a);
   vkt_expect_done(s.y);
   /* A wait does not restore. */
   vkt_expect_done(s.x);
   EXPECT_U64(vkt_value(s.x), 1);
   vkt_reset(s.a);
   EXPECT_U64(vkt_value(s.x), 0);
   vkt_mark(s.a);
   EXPECT_U64(vkt_value(s.x), 1);

   /* The reset does, and leaves the source as it was. */
   vkt_reset(s.x);
   EXPECT_U64(vkt_value(s.x), 0);
   EXPECT_U64(vkt_value(s.a), 1);
   EXPECT_U64(vkt_value(s.y), 1);

   /* Now this is what is exported. */
   b = vkt_share(s.x, s.device);
   vkt_expect_linked(b, s.x);
   if (permanent == IMPORTED)
      vkt_expect_shared(s.b, s.x);
   vkt_expect_works(s.x);
   EXPECT_U64(vkt_value(s.a), 1);
}

/* (trap 7) The wait takes the signal from the payload itself: no holder sees
 * it any more.
 */
static void
binary_until_wait(intptr_t permanent)
{
   struct setup s = set_up(VKT_BINARY, permanent);
   struct vkt_object *alias = vkt_alias(vkt_open(), VKT_BINARY, s.handle), *b;

   vkt_mark(s.x);
   vkt_mark(s.a);
   vkt_import_temporary(s.x, s.handle);
   vkt_import_temporary(s.y, s.handle);
   vkt_take(s.x, 0);
   vkt_expect_unsignalled(s.a, alias);
   vkt_expect_unsignalled(alias, s.a);
   vkt_expect_unsignalled(s.y, s.a);

   /* The signal that x had before is the next one. */
   if (permanent == IMPORTED)
      vkt_expect_marked(s.b);
   else
      vkt_expect_marked(s.x);
   b = vkt_share(s.x, s.device);
   vkt_mark(s.a);
   vkt_expect_unsignalled(s.x, b);
   vkt_expect_shared(b, s.x);
   if (permanent == IMPORTED)
      vkt_expect_shared(s.b, s.x);
   vkt_expect_marked(s.a);

   /* The other way: signals are the temporary payload's, too. */
   vkt_import_temporary(s.x, s.handle);
   vkt_queue_signal(s.x, 0);
   vkt_take(s.a, 0);
   vkt_expect_unsignalled(s.x, s.a);
   vkt_expect_works(s.x);
}

static void
binary_many_rounds(UNUSED intptr_t arg)
{
   struct setup s = set_up(VKT_BINARY, PRIVATE);

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
   struct setup s = set_up(VKT_BINARY, PRIVATE);

   vkt_import(s.x, s.handle);
   vkt_import_temporary(s.x, s.handle);
   for (unsigned i = 0; i < 4; i++)
      vkt_expect_unsignalled(s.x, s.a);
}

static void
over_temporary(intptr_t kind)
{
   struct setup s = set_up(kind, PRIVATE);

   vkt_import_temporary(s.x, vkt_export(s.b));
   vkt_import_temporary(s.x, s.handle);
   if (kind == VKT_FENCE) {
      vkt_queue_signal(s.a, 0);
      vkt_expect_done(s.x);
      EXPECT_U64(vkt_value(s.b), 0);
   } else {
      vkt_expect_unsignalled(s.x, s.a);
   }
   /* One step back is the permanent payload, not the first temporary one. */
   vkt_expect_works(s.x);
   vkt_expect_works(s.b);

   vkt_import_temporary(s.x, s.handle);
   vkt_destroy(s.x);
   vkt_expect_works(s.a);
}

/* "A permanent payload import behaves as if the target was destroyed, and a
 * new one was created with the same handle but the imported payload."
 */
static void
dropped_by_permanent(intptr_t kind)
{
   struct setup s = set_up(kind, PRIVATE);

   vkt_import_temporary(s.x, vkt_export(s.b));
   vkt_import(s.x, s.handle);
   vkt_expect_shared(s.a, s.x);
   vkt_expect_works(s.b);
}

/* Whether a handle is the payload's last reference. If it is a global share
 * handle, it is none, and must lead nowhere.
 */
static bool
handle_keeps(struct vkt_device *device, enum vkt_kind kind, HANDLE handle)
{
   if (vkt_handle_type() == VKT_OPAQUE_WIN32)
      return true;
   EXPECT_RESULT(vkt_try_import(vkt_create(device, kind),
                                VKT_OPAQUE_WIN32_KMT, false, handle, NULL),
                 VK_ERROR_INVALID_EXTERNAL_HANDLE);
   return false;
}

static void
source_destroyed(intptr_t kind)
{
   struct setup s = set_up(kind, PRIVATE);

   vkt_mark(s.a);
   vkt_destroy(s.a);
   if (!handle_keeps(s.other, kind, s.handle))
      return;
   vkt_import_temporary(s.x, s.handle);
   vkt_close_export(s.handle);
   vkt_expect_marked(s.x);
   vkt_expect_works(s.x);
}

static void
into_exporter(intptr_t kind)
{
   struct setup s = set_up(kind, PRIVATE);

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
export_keeps(intptr_t kind)
{
   struct setup s = set_up(kind, PRIVATE);
   struct vkt_object *b;

   vkt_mark(s.x);
   vkt_import_temporary(s.x, s.handle);
   b = vkt_share(s.x, s.device);
   if (kind == VKT_FENCE) {
      EXPECT_U64(vkt_value(s.x), 0);
      vkt_expect_linked(s.a, b);
      vkt_reset(s.x);
      vkt_expect_works(s.x);
      return;
   }
   vkt_mark(b);
   /* This one is b's, and the next one is its own. */
   vkt_expect_marked(s.x);
   vkt_expect_marked(s.x);
   vkt_expect_linked(s.a, b);
}

/* A submit is about to signal the temporary payload while it is exported. */
static void
export_while_pending(intptr_t kind)
{
   struct setup s = set_up(kind, PRIVATE);
   struct vkt_object *gate, *b;

   vkt_import_temporary(s.x, s.handle);
   gate = vkt_signal_behind_gate(s.x, 0);
   b = vkt_share(s.x, s.device);
   vkt_host_signal(gate, 1);
   if (kind == VKT_FENCE)
      vkt_expect_done(b);
   else
      vkt_expect_marked(b);
}

#define BOTH(name, run) \
   {name "_fence", run, VKT_FENCE}, {name "_binary", run, VKT_BINARY}

const struct test_case test_cases[] = {
   {"temporary_fence_until_reset", fence_until_reset, EXPORTABLE},
   {"temporary_fence_until_reset_over_import", fence_until_reset, IMPORTED},
   {"temporary_binary_until_wait", binary_until_wait, EXPORTABLE},
   {"temporary_binary_until_wait_over_import", binary_until_wait, IMPORTED},
   {"temporary_binary_many_rounds", binary_many_rounds},
   {"temporary_binary_same_payload_twice", binary_same_payload_twice},
   BOTH("temporary_over_temporary", over_temporary),
   BOTH("temporary_dropped_by_permanent", dropped_by_permanent),
   BOTH("temporary_source_destroyed", source_destroyed),
   BOTH("temporary_into_exporter", into_exporter),
   BOTH("temporary_export_keeps", export_keeps),
   BOTH("temporary_export_while_pending", export_while_pending),
   {0},
};

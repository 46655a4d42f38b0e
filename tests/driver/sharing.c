/* SPDX-License-Identifier: MIT */

/* Permanent imports, and what holders of one payload have in common. */
#include "vkt.h"

enum place {
   SAME_DEVICE,
   OTHER_DEVICE,
   OTHER_INSTANCE,
};

static void
import_into(intptr_t arg)
{
   const enum place place = arg >> 8;
   struct vkt_object *a = vkt_create_exportable(vkt_open(), arg & 0xff);
   struct vkt_device *device = a->device;

   if (place == OTHER_DEVICE)
      device = vkt_open_sibling(device);
   else if (place == OTHER_INSTANCE)
      device = vkt_open();
   vkt_expect_shared(a, vkt_share(a, device));
}

static void
import_many_times(intptr_t kind)
{
   enum { COUNT = 150 };
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, kind);
   HANDLE handle = vkt_export(a);
   struct vkt_object *aliases[COUNT];

   for (unsigned i = 0; i < COUNT; i++)
      aliases[i] = vkt_alias(i % 2 ? device : other, kind, handle);
   for (unsigned i = 0; i < COUNT; i += 10)
      vkt_expect_linked(aliases[i], aliases[test_random_below(COUNT)]);
   vkt_expect_linked(a, aliases[COUNT - 1]);
}

static void
import_over_import(intptr_t kind)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), kind);
   struct vkt_object *b = vkt_create_exportable(a->device, kind);
   struct vkt_object *alias = vkt_share(a, vkt_open());

   vkt_expect_linked(a, alias);
   vkt_import(alias, vkt_export(b));
   if (kind == VKT_TIMELINE)
      EXPECT_U64(vkt_value(alias), 0);
   vkt_expect_shared(b, alias);
   vkt_expect_works(a);
   vkt_import(alias, vkt_export(a));
   vkt_expect_shared(a, alias);
   vkt_expect_works(b);
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

/* Trap 5: the target may have any history, and no export flags. */
static void
import_into_used(intptr_t kind)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), kind);
   struct vkt_object *used = vkt_create(vkt_open(), kind);

   for (unsigned i = 0; i < 3; i++)
      vkt_expect_works(used);
   vkt_import(used, vkt_export(a));
   if (kind == VKT_TIMELINE)
      EXPECT_U64(vkt_value(used), 0);
   vkt_expect_shared(a, used);
}

static void
import_into_exportable(intptr_t kind)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), kind);
   struct vkt_object *b = vkt_create_exportable(a->device, kind);
   struct vkt_object *old_b = vkt_share(b, b->device);

   vkt_import(b, vkt_export(a));
   vkt_expect_shared(a, b);
   /* What b's own payload was is still there for its other holder. */
   vkt_expect_works(old_b);
}

static void
import_replaces_state(intptr_t kind)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), kind);
   struct vkt_object *b = vkt_create(vkt_open(), kind);

   vkt_mark(b);
   vkt_import(b, vkt_export(a));
   if (kind == VKT_BINARY)
      vkt_expect_unsignalled(b, a);
   else
      EXPECT_U64(vkt_value(b), 0);
   vkt_expect_shared(a, b);
}

static void
created_state_is_exported(intptr_t kind)
{
   const struct vkt_object_info info = {
      .kind = kind,
      .export_types = vkt_handle_type(),
      .initial = kind == VKT_FENCE ? 1 : UINT64_C(0x123456789abcdef0),
   };
   struct vkt_object *a = vkt_create_info(vkt_open(), &info);

   EXPECT_U64(vkt_value(vkt_share(a, vkt_open())), info.initial);
}

static void
export_close_device_import(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, kind);
   HANDLE handle = vkt_export(a);
   struct vkt_object *b;

   vkt_mark(a);
   vkt_wait_idle(device);
   vkt_destroy(a);
   vkt_close_device(device);
   device = vkt_open();
   if (!vkt_handle_keeps(device, kind, handle))
      return;

   b = vkt_alias(device, kind, handle);
   vkt_expect_marked(b);
   vkt_expect_works(b);
}

static void
handle_closed_aliases_live(intptr_t kind)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), kind);
   HANDLE handle = vkt_export(a);
   struct vkt_object *b = vkt_alias(a->device, kind, handle);
   struct vkt_object *c = vkt_alias(vkt_open(), kind, handle);

   vkt_close_export(handle);
   vkt_destroy(a);
   vkt_expect_shared(b, c);
   vkt_destroy(b);
   vkt_expect_works(c);
}

enum when {
   BEFORE_EXPORT,
   AFTER_EXPORT,
   AFTER_IMPORT,
};

static void
signal(intptr_t arg)
{
   const enum vkt_kind kind = arg & 0xff;
   const enum when when = arg >> 8;
   struct vkt_object *a = vkt_create_exportable(vkt_open(), kind), *b;
   HANDLE handle;

   if (when == BEFORE_EXPORT)
      vkt_mark(a);
   handle = vkt_export(a);
   if (when == AFTER_EXPORT)
      vkt_mark(a);
   b = vkt_alias(vkt_open(), kind, handle);
   if (when == AFTER_IMPORT)
      vkt_mark(a);
   vkt_expect_marked(b);
}

/* The signal operation is submitted before the export and executes after. */
static void
signal_pending_at_export(intptr_t kind)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), kind);
   struct vkt_object *gate = vkt_signal_behind_gate(a, 7);
   struct vkt_object *b = vkt_share(a, vkt_open());
   struct vkt_object *done = kind == VKT_BINARY ? vkt_queue_wait(b, 0) : b;

   vkt_expect_pending(done);
   vkt_host_signal(gate, 1);
   EXPECT_OK(vkt_wait(done, 7, VKT_LONG_MS));
   vkt_wait_idle(a->device);
}

static void
export_needs_flags(intptr_t kind)
{
   struct vkt_object *a = vkt_create(vkt_open(), kind);
   HANDLE handle = NULL;

   vkt_mark(a);
   EXPECT_RESULT(vkt_try_export(a, vkt_handle_type(), &handle),
                 VK_ERROR_UNKNOWN);
   vkt_expect_message(a->device, "");
   vkt_expect_marked(a);
   vkt_expect_works(a);
}

const struct test_case test_cases[] = {
   VKT_CASES_WITH("import_same_device", import_into, SAME_DEVICE),
   VKT_CASES_WITH("import_other_device", import_into, OTHER_DEVICE),
   VKT_CASES_WITH("import_other_instance", import_into, OTHER_INSTANCE),
   VKT_CASES("import_many_times", import_many_times),
   VKT_CASES("import_over_import", import_over_import),
   VKT_CASES("import_into_exporter", import_into_exporter),
   VKT_CASES("import_into_used", import_into_used),
   VKT_CASES("import_into_exportable", import_into_exportable),
   VKT_CASES("import_replaces_state", import_replaces_state),
   {"created_state_is_exported_fence", created_state_is_exported, VKT_FENCE},
   {"created_state_is_exported_timeline", created_state_is_exported,
    VKT_TIMELINE},
   VKT_CASES("export_close_device_import", export_close_device_import),
   VKT_CASES("handle_closed_aliases_live", handle_closed_aliases_live),
   VKT_CASES_WITH("signal_before_export", signal, BEFORE_EXPORT),
   VKT_CASES_WITH("signal_after_export", signal, AFTER_EXPORT),
   VKT_CASES_WITH("signal_after_import", signal, AFTER_IMPORT),
   VKT_CASES("signal_pending_at_export", signal_pending_at_export),
   VKT_CASES("export_needs_flags", export_needs_flags),
   {0},
};

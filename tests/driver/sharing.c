/* SPDX-License-Identifier: MIT */

/* Permanent imports, and what holders of one payload have in common. */
#include "vkt.h"

/* Prove that two objects share one payload, each way. */
static void
expect_shared(struct vkt_object *a, struct vkt_object *b)
{
   vkt_expect_linked(a, b);
   vkt_expect_linked(b, a);
}

static void
import_same_device(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, (enum vkt_kind)kind);
   struct vkt_object *b =
      vkt_alias(device, (enum vkt_kind)kind, vkt_export(a));

   expect_shared(a, b);
}

static void
import_other_device(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_device *other = vkt_open_sibling(device);
   struct vkt_object *a = vkt_create_exportable(device, (enum vkt_kind)kind);
   struct vkt_object *b =
      vkt_alias(other, (enum vkt_kind)kind, vkt_export(a));

   expect_shared(a, b);
}

static void
import_other_instance(intptr_t kind)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, (enum vkt_kind)kind);
   struct vkt_object *b =
      vkt_alias(other, (enum vkt_kind)kind, vkt_export(a));

   expect_shared(a, b);
}

static void
import_twice(intptr_t kind)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, (enum vkt_kind)kind);
   HANDLE handle = vkt_export(a);
   struct vkt_object *b = vkt_alias(other, (enum vkt_kind)kind, handle);
   struct vkt_object *c = vkt_alias(other, (enum vkt_kind)kind, handle);

   expect_shared(b, c);
   expect_shared(a, b);
   expect_shared(c, a);
}

static void
import_many_times(intptr_t kind)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, (enum vkt_kind)kind);
   HANDLE handle = vkt_export(a);
   struct vkt_object *aliases[150];

   for (size_t i = 0; i < TEST_COUNT(aliases); i++)
      aliases[i] = vkt_alias(i % 2 ? device : other, (enum vkt_kind)kind,
                             handle);
   for (size_t i = 0; i < TEST_COUNT(aliases); i += 10)
      vkt_expect_linked(aliases[i],
                        aliases[test_random_below(TEST_COUNT(aliases))]);
   vkt_expect_linked(a, aliases[TEST_COUNT(aliases) - 1]);
}

static void
import_again(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, (enum vkt_kind)kind);
   HANDLE handle = vkt_export(a);
   struct vkt_object *b = vkt_alias(device, (enum vkt_kind)kind, handle);

   vkt_import(b, handle);
   expect_shared(a, b);
}

static void
import_over_import(intptr_t kind)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, (enum vkt_kind)kind);
   struct vkt_object *b = vkt_create_exportable(device, (enum vkt_kind)kind);
   HANDLE handle_a = vkt_export(a), handle_b = vkt_export(b);
   struct vkt_object *alias = vkt_alias(other, (enum vkt_kind)kind, handle_a);

   vkt_expect_linked(a, alias);
   vkt_import(alias, handle_b);
   if (kind == VKT_TIMELINE)
      EXPECT_U64(vkt_value(alias), 0);
   expect_shared(b, alias);
   vkt_expect_works(a);
   vkt_import(alias, handle_a);
   expect_shared(a, alias);
   vkt_expect_works(b);
}

static void
import_into_exporter(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, (enum vkt_kind)kind);
   HANDLE handle = vkt_export(a);

   vkt_mark(a);
   vkt_import(a, handle);
   vkt_expect_marked(a);
   if (kind == VKT_FENCE)
      vkt_reset(a);
   expect_shared(a, vkt_alias(device, (enum vkt_kind)kind, handle));
}

/* Trap 5: the target may have any history, and no export flags. */
static void
import_into_used(intptr_t kind)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, (enum vkt_kind)kind);
   struct vkt_object *used = vkt_create(other, (enum vkt_kind)kind);

   for (unsigned i = 0; i < 3; i++)
      vkt_expect_works(used);
   vkt_import(used, vkt_export(a));
   if (kind == VKT_TIMELINE)
      EXPECT_U64(vkt_value(used), 0);
   expect_shared(a, used);
}

static void
import_into_exportable(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, (enum vkt_kind)kind);
   struct vkt_object *b = vkt_create_exportable(device, (enum vkt_kind)kind);
   struct vkt_object *old_b =
      vkt_alias(device, (enum vkt_kind)kind, vkt_export(b));

   vkt_import(b, vkt_export(a));
   expect_shared(a, b);
   /* What b's own payload was is still there for its other holder. */
   vkt_expect_works(old_b);
}

static void
import_replaces_state(intptr_t kind)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, (enum vkt_kind)kind);
   struct vkt_object *b = vkt_create(other, (enum vkt_kind)kind);

   vkt_mark(b);
   vkt_import(b, vkt_export(a));
   if (kind == VKT_BINARY)
      vkt_expect_unsignalled(b, a);
   else
      EXPECT_U64(vkt_value(b), 0);
   expect_shared(a, b);
}

static void
import_into_signalled_fence(intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, VKT_FENCE);
   struct vkt_object *b = vkt_create_info(
      device, &(struct vkt_object_info){.kind = VKT_FENCE, .initial = 1});

   (void)arg;
   EXPECT_U64(vkt_value(b), 1);
   vkt_import(b, vkt_export(a));
   EXPECT_U64(vkt_value(b), 0);
   expect_shared(a, b);
}

static void
created_state_is_exported(intptr_t kind)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   struct vkt_object *a =
      vkt_create_info(device, &(struct vkt_object_info){
                                 .kind = (enum vkt_kind)kind,
                                 .export_types = vkt_handle_type(),
                                 .initial = kind == VKT_FENCE
                                               ? 1
                                               : UINT64_C(0x123456789abcdef0),
                              });
   struct vkt_object *b =
      vkt_alias(other, (enum vkt_kind)kind, vkt_export(a));

   EXPECT_U64(vkt_value(b), kind == VKT_FENCE
                               ? 1
                               : UINT64_C(0x123456789abcdef0));
}

static void
export_destroy_import(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, (enum vkt_kind)kind);
   HANDLE handle = vkt_export(a);
   struct vkt_object *b, *c;

   vkt_mark(a);
   vkt_destroy(a);
   if (!vkt_handle_keeps(device, (enum vkt_kind)kind, handle))
      return;
   b = vkt_alias(device, (enum vkt_kind)kind, handle);
   vkt_expect_marked(b);
   if (kind == VKT_FENCE)
      vkt_reset(b);
   c = vkt_alias(vkt_open(), (enum vkt_kind)kind, handle);
   expect_shared(b, c);
}

static void
export_close_device_import(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, (enum vkt_kind)kind);
   HANDLE handle = vkt_export(a);
   struct vkt_object *b;

   vkt_mark(a);
   vkt_wait_idle(device);
   vkt_destroy(a);
   vkt_close_device(device);
   device = vkt_open();
   if (!vkt_handle_keeps(device, (enum vkt_kind)kind, handle))
      return;

   b = vkt_alias(device, (enum vkt_kind)kind, handle);
   vkt_expect_marked(b);
   vkt_expect_works(b);
}

static void
handle_closed_aliases_live(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, (enum vkt_kind)kind);
   HANDLE handle = vkt_export(a);
   struct vkt_object *b = vkt_alias(device, (enum vkt_kind)kind, handle);
   struct vkt_object *c = vkt_alias(vkt_open(), (enum vkt_kind)kind, handle);

   vkt_close_export(handle);
   vkt_destroy(a);
   expect_shared(b, c);
   vkt_destroy(b);
   vkt_expect_works(c);
}

static void
signal_before_export(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, (enum vkt_kind)kind);
   struct vkt_object *b;

   vkt_mark(a);
   b = vkt_alias(vkt_open(), (enum vkt_kind)kind, vkt_export(a));
   vkt_expect_marked(b);
}

static void
signal_after_export(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, (enum vkt_kind)kind);
   HANDLE handle = vkt_export(a);
   struct vkt_object *b;

   vkt_mark(a);
   b = vkt_alias(vkt_open(), (enum vkt_kind)kind, handle);
   vkt_expect_marked(b);
}

static void
signal_after_import(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, (enum vkt_kind)kind);
   struct vkt_object *b =
      vkt_alias(vkt_open(), (enum vkt_kind)kind, vkt_export(a));

   vkt_mark(a);
   vkt_expect_marked(b);
}

/* The signal operation is submitted before the export and executes after. */
static void
signal_pending_at_export(intptr_t kind)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, (enum vkt_kind)kind);
   struct vkt_object *gate = vkt_create(device, VKT_TIMELINE);
   struct vkt_batch batch = {.waits = {{gate, 1}}};
   struct vkt_object *b, *done = NULL;

   if (kind != VKT_FENCE)
      batch.signals[0] = (struct vkt_point){a, 7};
   vkt_submit(device, &batch, kind == VKT_FENCE ? a : NULL);

   b = vkt_alias(other, (enum vkt_kind)kind, vkt_export(a));
   if (kind == VKT_BINARY)
      done = vkt_queue_wait(b, 0);
   Sleep(VKT_PENDING_MS);
   EXPECT_U64(vkt_value(done ? done : b), 0);
   vkt_host_signal(gate, 1);
   EXPECT_OK(vkt_wait(done ? done : b, done ? 0 : 7, VKT_LONG_MS));
   vkt_wait_idle(device);
}

static void
export_from_imported(intptr_t kind)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, (enum vkt_kind)kind);
   struct vkt_object *b =
      vkt_alias(other, (enum vkt_kind)kind, vkt_export(a));
   struct vkt_object *c =
      vkt_alias(device, (enum vkt_kind)kind, vkt_export(b));

   expect_shared(a, c);
   expect_shared(c, b);
}

static void
export_needs_flags(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create(device, (enum vkt_kind)kind);
   HANDLE handle = NULL;

   vkt_mark(a);
   EXPECT_RESULT(vkt_try_export(a, vkt_handle_type(), &handle),
                 VK_ERROR_UNKNOWN);
   EXPECT(vkt_message_count(device) >= 1);
   vkt_expect_marked(a);
   vkt_expect_works(a);
}

static void
destroyed_alias_leaves_payload(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, (enum vkt_kind)kind);
   HANDLE handle = vkt_export(a);

   for (unsigned i = 0; i < 20; i++) {
      struct vkt_object *b = vkt_alias(device, (enum vkt_kind)kind, handle);

      vkt_expect_linked(a, b);
      vkt_destroy(b);
   }
   vkt_expect_works(a);
}

static const struct test_case cases[] = {
   VKT_CASES("import_same_device", import_same_device),
   VKT_CASES("import_other_device", import_other_device),
   VKT_CASES("import_other_instance", import_other_instance),
   VKT_CASES("import_twice", import_twice),
   VKT_CASES("import_many_times", import_many_times),
   VKT_CASES("import_again", import_again),
   VKT_CASES("import_over_import", import_over_import),
   VKT_CASES("import_into_exporter", import_into_exporter),
   VKT_CASES("import_into_used", import_into_used),
   VKT_CASES("import_into_exportable", import_into_exportable),
   VKT_CASES("import_replaces_state", import_replaces_state),
   {"import_into_signalled_fence", import_into_signalled_fence, 0, 0},
   {"created_state_is_exported_fence", created_state_is_exported, VKT_FENCE,
    0},
   {"created_state_is_exported_timeline", created_state_is_exported,
    VKT_TIMELINE, 0},
   VKT_CASES("export_destroy_import", export_destroy_import),
   VKT_CASES("export_close_device_import", export_close_device_import),
   VKT_CASES("handle_closed_aliases_live", handle_closed_aliases_live),
   VKT_CASES("signal_before_export", signal_before_export),
   VKT_CASES("signal_after_export", signal_after_export),
   VKT_CASES("signal_after_import", signal_after_import),
   VKT_CASES("signal_pending_at_export", signal_pending_at_export),
   VKT_CASES("export_from_imported", export_from_imported),
   VKT_CASES("export_needs_flags", export_needs_flags),
   VKT_CASES("destroyed_alias_leaves_payload",
             destroyed_alias_leaves_payload),
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}

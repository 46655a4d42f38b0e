/* SPDX-License-Identifier: MIT */

/* Reference transference: what an export leaves as it was, and what all
 * holders of a payload see of it, whatever is pending and whoever has gone.
 */
#include "vkt.h"

static struct vkt_object *
alias_elsewhere(struct vkt_object *object)
{
   return vkt_share(object, vkt_open());
}

static void
export_leaves_state(intptr_t kind)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), kind);
   struct vkt_object *b;

   vkt_mark(a);
   vkt_export(a);
   b = alias_elsewhere(a);
   vkt_expect_marked(a);
   if (kind == VKT_BINARY)
      vkt_expect_unsignalled(b, a);
   else
      vkt_expect_marked(b);
}

/* Once the temporary payload is gone, its own is what is exported. */
static void
export_after_restore_fence(UNUSED intptr_t arg)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), VKT_FENCE);
   struct vkt_object *x = vkt_create_exportable(vkt_open(), VKT_FENCE);
   struct vkt_object *b;

   vkt_import_temporary(x, vkt_export(a));
   vkt_reset(x);
   b = vkt_share(x, a->device);
   vkt_mark(b);
   EXPECT_U64(vkt_value(x), 1);
   EXPECT_U64(vkt_value(a), 0);
   vkt_reset(x);
   vkt_expect_linked(x, b);
   vkt_expect_works(a);
}

static void
export_after_restore_binary(UNUSED intptr_t arg)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), VKT_BINARY);
   struct vkt_object *x = vkt_create_exportable(vkt_open(), VKT_BINARY);
   struct vkt_object *b;

   vkt_mark(a);
   vkt_import_temporary(x, vkt_export(a));
   vkt_take(x, 0);
   b = vkt_share(x, a->device);
   vkt_mark(a);
   vkt_expect_unsignalled(x, b);
   vkt_expect_linked(x, b);
   vkt_expect_marked(a);
}

#define HOLDERS 9

static void
one_signal_for_all_holders(intptr_t kind)
{
   struct vkt_device *devices[3] = {vkt_open(), vkt_open(), vkt_open()};
   HANDLE handle = vkt_export(vkt_create_exportable(devices[0], kind));
   struct vkt_object *holders[HOLDERS];

   for (unsigned i = 0; i < HOLDERS; i++) {
      holders[i] = vkt_alias(devices[i % 3], kind, handle);
      EXPECT_U64(vkt_value(holders[i]), 0);
   }
   for (unsigned i = 0; i < HOLDERS; i++) {
      vkt_queue_signal(holders[i], i + 1);
      for (unsigned j = 0; j < HOLDERS; j++) {
         EXPECT_OK(vkt_wait(holders[j], i + 1, VKT_LONG_MS));
         EXPECT_U64(vkt_value(holders[j]), kind == VKT_FENCE ? 1 : i + 1);
      }
      if (kind != VKT_FENCE)
         continue;
      vkt_reset(holders[(i + 4) % HOLDERS]);
      for (unsigned j = 0; j < HOLDERS; j++)
         EXPECT_U64(vkt_value(holders[j]), 0);
   }
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

/* Asking and waiting, while the signal operation of what was imported is
 * pending on another device.
 */
static void
status_while_pending(struct vkt_object *a, struct vkt_object *b,
                     struct vkt_object *gate)
{
   EXPECT_U64(vkt_value(b), 0);
   EXPECT_RESULT(vkt_wait(b, 5, 0), VK_TIMEOUT);
   EXPECT_RESULT(vkt_wait(b, 5, VKT_PENDING_MS), VK_TIMEOUT);
   EXPECT_U64(vkt_value(b), 0);
   vkt_host_signal(gate, 1);
   EXPECT_OK(vkt_wait(b, 5, VKT_LONG_MS));
   EXPECT_OK(vkt_wait(b, 5, 0));
   EXPECT_U64(vkt_value(b), a->kind == VKT_FENCE ? 1 : 5);
}

static void
permanent_while_pending(intptr_t kind)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), kind);
   struct vkt_object *gate = vkt_signal_behind_gate(a, 5);

   status_while_pending(a, alias_elsewhere(a), gate);
}

static void
temporary_while_pending(intptr_t kind)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), kind);
   struct vkt_object *gate = vkt_signal_behind_gate(a, 5);
   struct vkt_object *b = vkt_create(vkt_open(), kind);

   vkt_import_temporary(b, vkt_export(a));
   status_while_pending(a, b, gate);
}

/* The wait operation is queued when the payload is exported again. */
static void
wait_pending_at_export(intptr_t kind)
{
   const struct vkt_pair p = vkt_open_pair(kind);
   struct vkt_object *gate = vkt_signal_behind_gate(p.b, 5);
   struct vkt_object *done = vkt_queue_wait(p.a, 5);
   struct vkt_object *c = alias_elsewhere(p.a);

   vkt_expect_pending(done);
   vkt_host_signal(gate, 1);
   vkt_expect_done(done);
   if (kind == VKT_BINARY)
      vkt_expect_unsignalled(c, p.b);
   else
      EXPECT_U64(vkt_value(c), 5);
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

/* Not one of the holders may take the other's signals for its own. */
static void
payloads_do_not_mix(intptr_t kind)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, kind);
   struct vkt_object *b = vkt_create_exportable(device, kind);
   struct vkt_object *a2 = vkt_share(a, other);
   struct vkt_object *b2 = vkt_share(b, other);

   vkt_mark(a);
   if (kind == VKT_BINARY)
      vkt_expect_unsignalled(b2, b);
   else
      EXPECT_U64(vkt_value(b2), 0);
   vkt_expect_marked(a2);
   vkt_expect_linked(b, b2);
}

const struct test_case test_cases[] = {
   VKT_CASES("export_leaves_state", export_leaves_state),
   {"export_after_restore_fence", export_after_restore_fence},
   {"export_after_restore_binary", export_after_restore_binary},
   {"one_signal_for_all_holders_fence", one_signal_for_all_holders,
    VKT_FENCE},
   {"one_signal_for_all_holders_timeline", one_signal_for_all_holders,
    VKT_TIMELINE},
   VKT_CASES("chain_of_exports", chain_of_exports),
   {"status_while_pending_permanent_fence", permanent_while_pending,
    VKT_FENCE},
   {"status_while_pending_permanent_timeline", permanent_while_pending,
    VKT_TIMELINE},
   {"status_while_pending_temporary_fence", temporary_while_pending,
    VKT_FENCE},
   {"wait_pending_at_export_binary", wait_pending_at_export, VKT_BINARY},
   {"wait_pending_at_export_timeline", wait_pending_at_export, VKT_TIMELINE},
   VKT_CASES("exporter_destroyed_while_pending",
             exporter_destroyed_while_pending),
   {"reset_many_mixed", reset_many_mixed},
   VKT_CASES("payloads_do_not_mix", payloads_do_not_mix),
   {0},
};

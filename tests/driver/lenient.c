/* SPDX-License-Identifier: MIT */

/* Rules that bind the application, broken in ways that programs are known
 * to break them. No answer is demanded of a driver; ours is one that leaves
 * every payload usable.
 */
#include "vkt.h"

/* VUID-vkQueueSubmit-fence-00063: the second signal adds nothing. */
static void
fence_signalled_twice(UNUSED intptr_t arg)
{
   const struct vkt_pair p = vkt_open_pair(VKT_FENCE);

   vkt_mark(p.a);
   vkt_mark(p.b);
   vkt_mark(p.a);
   EXPECT_U64(vkt_value(p.b), 1);
   vkt_reset(p.b);
   EXPECT_U64(vkt_value(p.a), 0);
   vkt_expect_linked(p.a, p.b);
}

/* VUID-vkQueueSubmit-pSignalSemaphores-00067: so do those of semaphores. */
static void
binary_signalled_twice(UNUSED intptr_t arg)
{
   const struct vkt_pair p = vkt_open_pair(VKT_BINARY);

   vkt_mark(p.a);
   vkt_mark(p.a);
   vkt_mark(p.b);
   vkt_expect_marked(p.b);
   vkt_expect_unsignalled(p.a, p.b);
   vkt_expect_unsignalled(p.b, p.a);
}

/* VUID-VkFenceGetWin32HandleInfoKHR-handleType-01448 and
 * VUID-VkSemaphoreGetWin32HandleInfoKHR-handleType-01126: the payload has a
 * section, so that there is a handle to be had.
 */
static void
handle_of_type_not_asked_for(intptr_t kind)
{
   struct vkt_object *a =
      vkt_create_for(vkt_open(), kind, VKT_OPAQUE_WIN32_KMT);

   vkt_expect_linked(a, vkt_share(a, a->device));
}

/* VUID-vkImportFenceWin32HandleKHR-fence-04448: what a pending operation
 * signals is decided when it executes. It must signal one of the two, and
 * not what has been freed.
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

/* VUID-vkResetFences-pFences-01123: the signal comes after the reset. */
static void
fence_reset_while_pending(UNUSED intptr_t arg)
{
   const struct vkt_pair p = vkt_open_pair(VKT_FENCE);
   struct vkt_object *gate = vkt_signal_behind_gate(p.a, 0);

   vkt_reset(p.a);
   vkt_reset(p.b);
   EXPECT_U64(vkt_value(p.b), 0);
   vkt_host_signal(gate, 1);
   vkt_expect_done(p.b);
   vkt_reset(p.b);
   vkt_expect_linked(p.a, p.b);
}

/* VUID-VkSemaphoreTypeCreateInfo-semaphoreType-03279: not 0 counts as
 * signalled, and is one signal, however large.
 */
static void
binary_with_initial_value(UNUSED intptr_t arg)
{
   const struct vkt_object_info info = {
      .kind = VKT_BINARY,
      .export_types = VKT_OPAQUE_WIN32,
      .initial = UINT64_C(0x700000005),
   };
   struct vkt_object *a = vkt_create_info(vkt_open(), &info);
   struct vkt_object *b = vkt_share(a, vkt_open());

   vkt_expect_marked(a);
   vkt_expect_unsignalled(b, a);
   vkt_expect_unsignalled(a, b);
}

const struct test_case test_cases[] = {
   {"fence_signalled_twice", fence_signalled_twice},
   {"binary_signalled_twice", binary_signalled_twice},
   VKT_CASES("handle_of_type_not_asked_for", handle_of_type_not_asked_for),
   VKT_CASES("import_while_pending", import_while_pending),
   {"fence_reset_while_pending", fence_reset_while_pending},
   {"binary_with_initial_value", binary_with_initial_value},
   {0},
};

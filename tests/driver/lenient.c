/* SPDX-License-Identifier: MIT */

/* Rules that bind the application, broken in ways that programs are known
 * to break them. No answer is demanded of a driver; ours is one that leaves
 * every payload usable.
 */
#include "vkt.h"

/* VUID-vkQueueSubmit-fence-00063: the second signal adds nothing. */
static void
fence_signalled_twice(intptr_t arg)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), VKT_FENCE);
   struct vkt_object *b = vkt_alias(vkt_open(), VKT_FENCE, vkt_export(a));

   (void)arg;
   vkt_mark(a);
   vkt_mark(b);
   vkt_mark(a);
   EXPECT_U64(vkt_value(b), 1);
   vkt_reset(b);
   EXPECT_U64(vkt_value(a), 0);
   vkt_expect_linked(a, b);
}

/* VUID-vkQueueSubmit-pSignalSemaphores-00067: so do those of semaphores. */
static void
binary_signalled_twice(intptr_t arg)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), VKT_BINARY);
   struct vkt_object *b = vkt_alias(vkt_open(), VKT_BINARY, vkt_export(a));

   (void)arg;
   vkt_mark(a);
   vkt_mark(a);
   vkt_mark(b);
   vkt_expect_marked(b);
   vkt_expect_unsignalled(a, b);
   vkt_expect_unsignalled(b, a);
}

/* VUID-VkFenceGetWin32HandleInfoKHR-handleType-01448 and
 * VUID-VkSemaphoreGetWin32HandleInfoKHR-handleType-01126: the payload has a
 * section, so that there is a handle to be had.
 */
static void
handle_of_type_not_asked_for(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a =
      vkt_create_info(device, &(struct vkt_object_info){
                                 .kind = (enum vkt_kind)kind,
                                 .export_types = VKT_OPAQUE_WIN32_KMT,
                              });

   vkt_expect_linked(a, vkt_alias(device, (enum vkt_kind)kind,
                                  vkt_export(a)));
}

/* VUID-vkImportFenceWin32HandleKHR-fence-04448: what a pending operation
 * signals is decided when it executes. It must signal one of the two, and
 * not what has been freed.
 */
static void
import_while_pending(intptr_t kind)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *target =
      vkt_create_exportable(device, (enum vkt_kind)kind);
   struct vkt_object *old = vkt_alias(device, (enum vkt_kind)kind,
                                      vkt_export(target));
   struct vkt_object *source =
      vkt_create_exportable(device, (enum vkt_kind)kind);
   struct vkt_object *gate = vkt_create(device, VKT_TIMELINE);
   struct vkt_batch batch = {.waits = {{gate, 1}}};

   if (kind != VKT_FENCE)
      batch.signals[0] = (struct vkt_point){target, 7};
   vkt_submit(device, &batch, kind == VKT_FENCE ? target : NULL);
   vkt_import(target, vkt_export(source));
   vkt_host_signal(gate, 1);
   vkt_wait_idle(device);

   if (kind != VKT_BINARY)
      EXPECT((vkt_value(old) != 0) != (vkt_value(source) != 0));
   if (kind == VKT_FENCE) {
      vkt_reset(old);
      vkt_reset(source);
   }
   if (kind == VKT_BINARY)
      vkt_mark(source);
   else
      vkt_expect_linked(source, target);
   vkt_expect_works(old);
   vkt_expect_works(target);
}

/* VUID-vkResetFences-pFences-01123: the signal comes after the reset. */
static void
fence_reset_while_pending(intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, VKT_FENCE);
   struct vkt_object *b = vkt_alias(vkt_open(), VKT_FENCE, vkt_export(a));
   struct vkt_object *gate = vkt_create(device, VKT_TIMELINE);

   (void)arg;
   vkt_submit(device, &(struct vkt_batch){.waits = {{gate, 1}}}, a);
   vkt_reset(a);
   vkt_reset(b);
   EXPECT_U64(vkt_value(b), 0);
   vkt_host_signal(gate, 1);
   vkt_expect_done(b);
   vkt_reset(b);
   vkt_expect_linked(a, b);
}

/* VUID-VkSubmitInfo2-semaphore-03882 and its kin: other than on the host,
 * the value may have been overtaken by another process. It stays, and the
 * queue goes on.
 */
static void
queue_signal_that_does_not_increase(intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   struct vkt_object *a = vkt_create_exportable(device, VKT_TIMELINE);
   struct vkt_object *b = vkt_alias(vkt_open(), VKT_TIMELINE, vkt_export(a));

   (void)arg;
   vkt_host_signal(b, 10);
   vkt_queue_signal(a, 10);
   vkt_queue_signal(a, 3);
   vkt_wait_idle(device);
   EXPECT_U64(vkt_value(b), 10);
   vkt_expect_linked(a, b);
}

/* VUID-VkSemaphoreTypeCreateInfo-semaphoreType-03279: not 0 counts as
 * signalled, and is one signal, however large.
 */
static void
binary_with_initial_value(intptr_t arg)
{
   struct vkt_object *a =
      vkt_create_info(vkt_open(), &(struct vkt_object_info){
                                     .kind = VKT_BINARY,
                                     .export_types = VKT_OPAQUE_WIN32,
                                     .initial = UINT64_C(0x700000005),
                                  });
   struct vkt_object *b = vkt_alias(vkt_open(), VKT_BINARY, vkt_export(a));

   (void)arg;
   vkt_expect_marked(a);
   vkt_expect_unsignalled(b, a);
   vkt_expect_unsignalled(a, b);
}

static const struct test_case cases[] = {
   {"fence_signalled_twice", fence_signalled_twice, 0, 0},
   {"binary_signalled_twice", binary_signalled_twice, 0, 0},
   VKT_CASES("handle_of_type_not_asked_for", handle_of_type_not_asked_for),
   VKT_CASES("import_while_pending", import_while_pending),
   {"fence_reset_while_pending", fence_reset_while_pending, 0, 0},
   {"queue_signal_that_does_not_increase",
    queue_signal_that_does_not_increase, 0, 0},
   {"binary_with_initial_value", binary_with_initial_value, 0, 0},
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}

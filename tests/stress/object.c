/* SPDX-License-Identifier: MIT */
#include "stress.h"

struct vk_sync *
stress_sync(struct stress_thread *self, enum vk_sync_flags flags,
            VkExternalSemaphoreHandleTypeFlagBits type)
{
   struct vk_device *device = self->stress->device;
   struct vk_sync *sync;

   self->operations++;
   REQUIRE(vk_sync_create(device, &vk_sync_win32_type,
                          flags | (type ? VK_SYNC_IS_SHAREABLE : 0), 0,
                          &sync) == VK_SUCCESS);
   if (type != STRESS_PRIVATE)
      REQUIRE(vk_sync_set_win32_export_params(device, sync, type, NULL, 0,
                                              NULL) == VK_SUCCESS);
   return sync;
}

HANDLE
stress_export(struct stress_thread *self, struct vk_sync *sync)
{
   HANDLE handle = NULL;

   self->operations++;
   REQUIRE(vk_sync_export_win32_handle(
              self->stress->device, sync, stress_type(sync), &handle) ==
           VK_SUCCESS);
   return handle;
}

struct vk_sync *
stress_import(struct stress_thread *self, enum vk_sync_flags flags,
              VkExternalSemaphoreHandleTypeFlagBits type, HANDLE handle)
{
   struct vk_sync *sync =
      stress_sync(self, flags & VK_SYNC_IS_TIMELINE, STRESS_PRIVATE);

   /* Its own payload may have been in use by then. */
   if (!(flags & VK_SYNC_IS_TIMELINE) && stress_chance(self, 20))
      EXPECT(vk_sync_signal(self->stress->device, sync, 0) == VK_SUCCESS);

   self->operations++;
   REQUIRE(vk_sync_import_win32_handle(self->stress->device, sync, type,
                                       handle, NULL) == VK_SUCCESS);
   return sync;
}

struct vk_sync *
stress_import_sync(struct stress_thread *self, struct vk_sync *sync)
{
   HANDLE handle = stress_export(self, sync);
   struct vk_sync *other = stress_import(self, sync->flags, stress_type(sync),
                                         handle);

   CloseHandle(handle);
   return other;
}

void
stress_destroy(struct stress_thread *self, struct vk_sync *sync)
{
   self->operations++;
   vk_sync_destroy(self->stress->device, sync);
}

unsigned
stress_make_views(struct stress_thread *self, struct vk_sync *views[VIEWS],
                  enum vk_sync_flags flags,
                  VkExternalSemaphoreHandleTypeFlagBits type)
{
   views[0] = stress_sync(self, flags, type);
   if (type == STRESS_PRIVATE)
      return 1;

   for (unsigned i = 1; i < VIEWS; i++)
      views[i] = stress_import_sync(self, views[0]);
   return VIEWS;
}

struct vk_sync *
stress_any_view(struct stress_thread *self, const struct stress_object *object)
{
   return object->views[stress_below(self, object->view_count)];
}

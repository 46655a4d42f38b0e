/* SPDX-License-Identifier: MIT */
#ifndef UNIT_MESA_DEVICE_H
#define UNIT_MESA_DEVICE_H

/* Mesa's runtime, with a driver that does nothing, for all suites that use
 * sync types without lavapipe
 */

#include "vk_alloc.h"
#include "vk_device.h"
#include "vk_instance.h"
#include "vk_physical_device.h"

struct mesa_device {
   struct vk_instance instance;
   struct vk_physical_device physical;
   struct vk_device device;
};

/* The types end with NULL, and are the caller's as long as the device is. */
static inline VkResult
mesa_device_init(struct mesa_device *mesa,
                 const struct vk_sync_type *const *sync_types)
{
   static const struct vk_instance_extension_table instance_extensions = {0};
   static const struct vk_device_extension_table device_extensions = {
      .KHR_external_fence_win32 = true,
      .KHR_external_semaphore_win32 = true,
   };
   const struct vk_instance_dispatch_table instance_table = {0};
   const struct vk_physical_device_dispatch_table physical_table = {0};
   const struct vk_device_dispatch_table device_table = {0};
   const VkInstanceCreateInfo instance_info = {
      .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
   };
   const VkDeviceCreateInfo device_info = {
      .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
   };

   VkResult result = vk_instance_init(&mesa->instance, &instance_extensions,
                                      &instance_table, &instance_info,
                                      vk_default_allocator());
   if (result == VK_SUCCESS)
      result = vk_physical_device_init(&mesa->physical, &mesa->instance,
                                       &device_extensions, NULL, NULL,
                                       &physical_table);
   mesa->physical.supported_sync_types = sync_types;
   if (result == VK_SUCCESS)
      result = vk_device_init(&mesa->device, &mesa->physical, &device_table,
                              &device_info, NULL);
   if (result != VK_SUCCESS)
      return result;

   vk_device_enable_threaded_submit(&mesa->device);

   /* Messages may refer to what the application has a handle of. */
   vk_instance_to_handle(&mesa->instance);
   vk_physical_device_to_handle(&mesa->physical);
   vk_device_to_handle(&mesa->device);
   return VK_SUCCESS;
}

static inline void
mesa_device_finish(struct mesa_device *mesa)
{
   vk_device_finish(&mesa->device);
   vk_physical_device_finish(&mesa->physical);
   vk_instance_finish(&mesa->instance);
}

#endif

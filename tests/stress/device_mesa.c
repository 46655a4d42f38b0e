/* SPDX-License-Identifier: MIT */

/* Mesa's real runtime, with a driver that does nothing */
#include "stress.h"

#include "vk_win32_d3d12.h"

#include <stdlib.h>

#include "vk_alloc.h"
#include "vk_instance.h"
#include "vk_physical_device.h"

struct real_device {
   struct vk_instance instance;
   struct vk_physical_device physical;
   struct vk_device device;
};

static const struct vk_sync_type *const sync_types[] = {
   &vk_sync_win32_type,
   NULL,
};

struct vk_device *
stress_device_create(void)
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
   struct real_device *real = calloc(1, sizeof(*real));

   REQUIRE(real != NULL);
   REQUIRE(vk_instance_init(&real->instance, &instance_extensions,
                            &instance_table, &instance_info,
                            vk_default_allocator()) == VK_SUCCESS);
   REQUIRE(vk_physical_device_init(&real->physical, &real->instance,
                                   &device_extensions, NULL, NULL,
                                   &physical_table) == VK_SUCCESS);
   real->physical.supported_sync_types = sync_types;
   REQUIRE(vk_device_init(&real->device, &real->physical, &device_table,
                          &device_info, NULL) == VK_SUCCESS);
   return &real->device;
}

void
stress_device_destroy(struct vk_device *device)
{
   struct real_device *real = container_of(device, struct real_device, device);

   vk_device_finish(&real->device);
   vk_physical_device_finish(&real->physical);
   vk_instance_finish(&real->instance);
   free(real);
}

/* Not Wine's, which shares no fences and is slow to say so */
bool
stress_device_has_d3d12(void)
{
   return getenv("MESA_VK_WIN32_D3D12_PATH") != NULL &&
          vk_win32_d3d12_is_available();
}

void
stress_enter_process(unsigned process)
{
   (void)process;
}

uint32_t
stress_resource_count(void)
{
   return test_count_handles();
}

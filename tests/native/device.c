/* SPDX-License-Identifier: MIT */

/* The driver by its own entry point, without a loader */
#include "native.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

struct driver driver;

static void
on_failure(const char *file, int line, const char *call, VkResult result)
{
   say("%s gave %d", call, (int)result);
   native_check(false, file, line, call);
   native_end();
}

void
driver_open(const char *library)
{
   struct gpu *gpu = &driver.gpu;
   void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);

   if (!handle)
      say("%s", dlerror());
   REQUIRE(handle != NULL);
   gpu->fail = on_failure;
   gpu->GetInstanceProcAddr = (PFN_vkGetInstanceProcAddr)
      dlsym(handle, "vk_icdGetInstanceProcAddr");
   REQUIRE(gpu->GetInstanceProcAddr != NULL);
   gpu_open_instance(gpu);

#define LOAD(name) \
   driver.name = (PFN_vk##name)gpu->GetInstanceProcAddr(gpu->instance, \
                                                        "vk" #name); \
   REQUIRE(driver.name != NULL);
   NATIVE_COMMANDS(LOAD)
#undef LOAD

   driver.extension_count = COUNT(driver.extensions);
   REQUIRE_OK(driver.EnumerateDeviceExtensionProperties(
      gpu->physical, NULL, &driver.extension_count, driver.extensions));
}

bool
driver_has(const char *extension)
{
   for (uint32_t i = 0; i < driver.extension_count; i++) {
      if (!strcmp(driver.extensions[i].extensionName, extension))
         return true;
   }
   return false;
}

struct gpu *
device_open(void)
{
   static const char *const wanted[] = {
      "VK_KHR_external_fence_fd", "VK_KHR_external_semaphore_fd",
      "VK_KHR_external_memory_fd", "VK_EXT_external_memory_dma_buf",
   };
   const char *extensions[COUNT(wanted)];
   uint32_t count = 0;
   struct gpu *gpu = malloc(sizeof(*gpu));

   REQUIRE(gpu != NULL);
   for (unsigned i = 0; i < COUNT(wanted); i++) {
      if (driver_has(wanted[i]))
         extensions[count++] = wanted[i];
   }
   *gpu = driver.gpu;
   gpu_open(gpu, extensions, count);
   return gpu;
}

void
device_close(struct gpu *gpu)
{
   CHECK_RESULT(gpu->DeviceWaitIdle(gpu->device), VK_SUCCESS);
   gpu_close(gpu);
   free(gpu);
}

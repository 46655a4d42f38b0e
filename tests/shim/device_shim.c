/* SPDX-License-Identifier: MIT */

/* What vk_sync.c and the sources under test need of Mesa's runtime, without
 * compiling all of it for another system than it is meant for.
 */
#include "stress.h"

#include <stdarg.h>
#include <stdlib.h>

#include "util/log.h"
#include "util/os_misc.h"
#include "util/u_debug.h"

#include "vk_alloc.h"
#include "vk_log.h"

#include "nt_shim.h"

const bool stress_has_d3d12 = true;

struct vk_device *
stress_device(void)
{
   struct vk_device *device = calloc(1, sizeof(*device));

   REQUIRE(device != NULL);
   test_defer(free, device);
   device->alloc = *vk_default_allocator();
   nt_shim_set_chaos(4, test_random());
   return device;
}

uint32_t
stress_resource_count(void)
{
   return test_count_handles();
}

static void
say(const char *where, int number, const char *format, va_list args)
{
   char text[512] = "no message";

   if (format != NULL)
      vsnprintf(text, sizeof(text), format, args);
   test_diag("%s:%d: %s", where, number, text);
}

VkResult
__vk_errorf(UNUSED const void *object, VkResult error, const char *file,
            int line, const char *format, ...)
{
   va_list args;

   test_diag("error %d", error);
   va_start(args, format);
   say(file, line, format, args);
   va_end(args);
   return error;
}

void
__vk_log_impl(UNUSED VkDebugUtilsMessageSeverityFlagBitsEXT severity,
              UNUSED VkDebugUtilsMessageTypeFlagsEXT types,
              UNUSED int object_count, UNUSED const void **objects_or_instance,
              const char *file, int line, const char *format, ...)
{
   va_list args;

   va_start(args, format);
   say(file, line, format, args);
   va_end(args);
}

VkResult
_vk_device_set_lost(UNUSED struct vk_device *device, const char *file,
                    int line, UNUSED const char *format, ...)
{
   test_fail(false, file, line, "the device was lost");
   return VK_ERROR_DEVICE_LOST;
}

void
mesa_log(enum mesa_log_level level, const char *tag, const char *format, ...)
{
   va_list args;

   va_start(args, format);
   say(tag, level, format, args);
   va_end(args);
}

const char *
os_get_option_cached(const char *name)
{
   return getenv(name);
}

int64_t
debug_get_num_option(UNUSED const char *name, int64_t dfault)
{
   return dfault;
}

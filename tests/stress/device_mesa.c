/* SPDX-License-Identifier: MIT */
#include "stress.h"

#include "fixture.h"

#include "vk_win32_d3d12.h"

#include <stdlib.h>

struct vk_device *
stress_device(void)
{
   return unit_device();
}

/* Not Wine's, which shares no fences and is slow to say so */
bool
stress_device_has_d3d12(void)
{
   return getenv("MESA_VK_WIN32_D3D12_PATH") != NULL &&
          vk_win32_d3d12_is_available();
}

void
stress_enter_process(UNUSED unsigned process)
{
}

uint32_t
stress_resource_count(void)
{
   return test_count_handles();
}

/* SPDX-License-Identifier: MIT */
#include "stress.h"

#include "fixture.h"

const bool stress_has_d3d12 = false;

struct vk_device *
stress_device(void)
{
   return unit_device();
}

uint32_t
stress_resource_count(void)
{
   return test_count_handles();
}

/* SPDX-License-Identifier: MIT */

/* The few sources of Mesa that are needed, compiled for this system.  A meson
 * project may not name the files of a subproject.
 */
#include "c11/impl/threads_posix.c"
#include "c11/impl/time.c"
#include "util/futex.c"
#include "util/os_time.c"
#include "util/rb_tree.c"
#include "vulkan/runtime/vk_sync.c"
#include "vulkan/util/vk_alloc.c"

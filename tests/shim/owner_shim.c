/* SPDX-License-Identifier: MIT */

/* In place of vk_sync_win32_owner.c: who the calling thread poses as is not to
 * be remembered.
 */
#include "vk_sync_win32_nt.h"

#define vk_sync_win32_load64(address) UINT64_C(0)
#include "vk_sync_win32_owner.c"

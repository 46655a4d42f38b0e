/* SPDX-License-Identifier: MIT */
#include "share.h"

#include "util/bitscan.h"

#include "vk_sync_win32_payload_section.h"

#define OPAQUE_WIN32 VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT

static struct vk_sync *
create(enum vk_sync_win32_kind kind)
{
   const enum vk_sync_flags flags = VK_SYNC_IS_SHAREABLE |
      (kind == VK_SYNC_WIN32_KIND_TIMELINE ? VK_SYNC_IS_TIMELINE :
       kind == VK_SYNC_WIN32_KIND_FENCE ? VK_SYNC_IS_FENCE : 0);
   struct vk_sync *sync;

   REQUIRE(vk_sync_create(bench_device(BENCH_OURS), &vk_sync_win32_type,
                          flags, 0, &sync) == VK_SUCCESS);
   return sync;
}

struct vk_sync *
bench_shared_create(enum vk_sync_win32_kind kind)
{
   struct vk_sync *sync = create(kind);

   REQUIRE(vk_sync_set_win32_export_params(bench_device(BENCH_OURS),
                                           sync, OPAQUE_WIN32,
                                           NULL, 0, NULL) ==
           VK_SUCCESS);
   return sync;
}

struct vk_sync *
bench_shared_import(enum vk_sync_win32_kind kind, HANDLE handle)
{
   struct vk_sync *sync = create(kind);

   REQUIRE(vk_sync_import_win32_handle(bench_device(BENCH_OURS), sync,
                                       OPAQUE_WIN32, handle, NULL) ==
           VK_SUCCESS);
   return sync;
}

HANDLE
bench_shared_export(struct vk_sync *sync)
{
   HANDLE handle;

   REQUIRE(vk_sync_export_win32_handle(bench_device(BENCH_OURS), sync,
                                       OPAQUE_WIN32, &handle) ==
           VK_SUCCESS);
   return handle;
}

uint32_t
bench_shared_blocked(struct vk_sync *sync)
{
   struct vk_sync_win32_layout *layout =
      vk_sync_win32_section_get_layout(bench_payload(sync));

   return util_bitcount64(vk_sync_win32_load64(&layout->armed[0])) +
          util_bitcount64(vk_sync_win32_load64(&layout->armed[1]));
}

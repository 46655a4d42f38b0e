/* SPDX-License-Identifier: MIT */

/* lavapipe's own sync type, which Mesa has on all platforms but Windows once
 * the series is applied.  Included, since Meson takes no source from another
 * project.  It looks into its lvp_device only for a fence of llvmpipe's, so
 * that a vk_device will do for signals from the host.
 */
#include "gallium/frontends/lavapipe/lvp_pipe_sync.c"

extern const struct vk_sync_type *const bench_upstream_type;

const struct vk_sync_type *const bench_upstream_type = &lvp_pipe_sync_type;

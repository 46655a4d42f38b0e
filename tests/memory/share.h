/* SPDX-License-Identifier: MIT */
#ifndef LVP_SHARE_H
#define LVP_SHARE_H

#include "memory.h"

/* A buffer or an image of SHARE_WORDS words of 32 bits in memory that is
 * exported or imported, and ways to write and to read it.
 */
#define SHARE_WIDTH 64u
#define SHARE_WORDS (SHARE_WIDTH * SHARE_WIDTH)

enum share_kind {
   SHARE_BUFFER,
   SHARE_IMAGE,
   SHARE_LINEAR_IMAGE,
};

enum share_method {
   SHARE_BY_HOST, /* not SHARE_IMAGE, whose layout is the driver's */
   SHARE_BY_TRANSFER,
   SHARE_BY_COMPUTE,
   SHARE_BY_FRAGMENT,
};

const char *share_method_name(enum share_method method);

struct share;

/* Allocates by `info`, whose size is filled in, at an offset if `suballocated`
 * and dedicated if not. Destroyed when the case has ended.
 */
struct share *share_create(struct vkt_device *device, enum share_kind kind,
                           bool suballocated, const struct memory_info *info);
struct memory *share_memory(struct share *share);

/* What signals and waits may be, as in struct vkt_batch, also NULL. Only the
 * host blocks until it is done.
 */
void share_write(struct share *share, enum share_method method, uint32_t tag,
                 const struct vkt_point *signal);
void share_begin_read(struct share *share, enum share_method method,
                      const struct vkt_point *wait);
/* How many words are not what was written with this tag. */
uint32_t share_end_read(struct share *share, uint32_t tag);

#endif

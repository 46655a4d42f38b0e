/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_SECTION_H
#define FUZZ_SECTION_H

/* Sections as a stranger sees them, who may write what he likes. */

#include "fuzz.h"

#include "vk_sync_win32_slots.h"

/* All of the section: who reads or writes behind it faults. */
struct fuzz_page {
   HANDLE handle;
   struct vk_sync_win32_layout *layout;
};

void fuzz_page_open(struct fuzz_page *page, HANDLE handle);
void fuzz_page_close(struct fuzz_page *page);

/* What the header makes of it, and whether an import must take it */
static inline bool
fuzz_is_payload(const struct vk_sync_win32_layout *layout,
                enum vk_sync_win32_kind kind)
{
   return layout->magic == VK_SYNC_WIN32_SECTION_MAGIC &&
          layout->kind == (uint32_t)kind;
}

/* Values that hurt more than random ones.  First, processes that are there or
 * are not, and named objects that pass, or nearly pass, for bells; then, the
 * bells of those who have waited with `layout`.
 */
void fuzz_learn_decoys(void);
void fuzz_learn_bells(const struct vk_sync_win32_layout *layout);

/* Change something, which may be what decides on imports if `header`.  Plain
 * stores, in the way of somebody who does not care.
 */
void fuzz_mutate(struct vk_sync_win32_layout *layout, bool header);

/* A value near what it was, or at an edge of its type */
uint64_t fuzz_value64(uint64_t old);

#endif

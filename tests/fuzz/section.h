/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_SECTION_H
#define FUZZ_SECTION_H

/* Sections as a stranger sees them, who may write what he likes. */

#include "fuzz.h"

#include "vk_sync_win32_slots.h"

/* Everything that can be mutated by itself */
enum fuzz_field {
   FIELD_MAGIC,
   FIELD_KIND,
   FIELD_RESERVED,
   FIELD_PAD,
   FIELD_WORD,
   FIELD_ARMED,
   FIELD_FAILED,
   FIELD_OWNER,
   FIELD_TARGET,
   FIELD_BELL,
   FIELD_TICKETS,
   /* Any byte, any two words, any run of words, all of it */
   FIELD_BYTE,
   FIELD_SWAP,
   FIELD_RUN,
   FIELD_ALL,
   FIELD_COUNT,
};

#define FIELD_BIT(name) (1u << FIELD_##name)
#define FIELDS_ANY ((1u << FIELD_COUNT) - 1)
/* What may change what is imported */
#define FIELDS_HEADER \
   (FIELD_BIT(MAGIC) | FIELD_BIT(KIND) | FIELD_BIT(BYTE) | FIELD_BIT(SWAP) | \
    FIELD_BIT(RUN) | FIELD_BIT(ALL))

/* All of the section: who reads or writes behind it faults. */
struct fuzz_page {
   HANDLE handle;
   struct vk_sync_win32_layout *layout;
};

void fuzz_page_open(struct fuzz_page *page, HANDLE handle);
void fuzz_page_close(struct fuzz_page *page);

/* Values that hurt more than random ones: call it while `layout` is in use,
 * and has an identity, owners and bells in it.
 */
void fuzz_learn(struct vk_sync_win32_layout *layout);
/* Processes that are there or are not, and named objects that pass, or nearly
 * pass, for bells
 */
void fuzz_learn_decoys(void);

/* Change one of the fields.  Plain stores, in the way of somebody who does not
 * care.
 */
void fuzz_mutate(struct vk_sync_win32_layout *layout, uint32_t fields);

/* A value near what it was, or at an edge of its type */
uint64_t fuzz_value64(uint64_t old);
uint32_t fuzz_value32(uint32_t old);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_IMPORT_H
#define FUZZ_IMPORT_H

#include "runtime.h"

/* What an import must come to */
enum verdict {
   /* Into an object of the kind */
   GOOD,
   /* Once it has been looked at, or before anything is mapped */
   BAD,
   BAD_UNMAPPED,
   /* Up to the system */
   EITHER,
};

struct attempt {
   const char *what;
   enum verdict verdict;
   /* What it leads to, if there is anything */
   enum vk_sync_win32_kind kind;

   /* 0 is an NT handle. */
   VkExternalSemaphoreHandleTypeFlagBits type;
   HANDLE handle;
   const wchar_t *name;

   /* The handle is to be closed when it has been tried. */
   bool close;
};

/* Handles, names and numbers: some that no import may take, some that it takes
 */
struct list {
   enum vk_sync_win32_kind kind;
   /* Which all of them are made to look like; one has a number, one a name. */
   struct vk_sync *sync, *named;
   HANDLE genuine, number;
   struct attempt all[64];
   unsigned count;
   wchar_t names[8][64];
   unsigned name_count;
};

/* One for each kind */
extern struct list lists[FUZZ_KINDS];
void create_lists(void);
void destroy_lists(void);

static inline const struct list *
any_list(void)
{
   return &lists[fuzz_below(FUZZ_KINDS)];
}

/* A section that begins with this, as far as there is room; NULL for what some
 * systems lack
 */
HANDLE make_section(const struct vk_sync_win32_layout *contents, SIZE_T size,
                    DWORD protection, const wchar_t *name);

#endif

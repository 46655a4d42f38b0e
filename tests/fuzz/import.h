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

/* An object that is there to be imported into */
struct target {
   enum vk_sync_win32_kind kind;
   struct vk_sync *sync;
};

/* Private or shared, and with some state */
struct target target_create(enum vk_sync_win32_kind kind);

/* Import, a case, and check the verdict: after a refusal all is as before,
 * and there is a message.  Returns whether it has been imported.
 */
bool target_import(const struct target *target, const struct attempt *attempt);

/* An episode of as many: into an object of the kind, mostly */
#define IMPORT_STEPS 32
void import_some(struct attempt (*make)(void *data), void *data);

/* Any value but those that this process has open, nor could have */
HANDLE no_handle(void);

/* Handles that no import may take, and some that it takes; see wrong.c */
#define MAX_WRONG 64

struct wrong_handles {
   enum vk_sync_win32_kind kind;
   /* Which all of them are made to look like */
   struct vk_sync *sync;
   HANDLE genuine;
   struct attempt all[MAX_WRONG];
   unsigned count;
};

/* Of each kind */
void wrong_handles_create(struct wrong_handles wrong[FUZZ_KINDS]);
void wrong_handles_destroy(struct wrong_handles wrong[FUZZ_KINDS]);

/* A section with these contents */
HANDLE wrong_section(const void *contents, SIZE_T contents_size, SIZE_T size,
                     DWORD protection, const wchar_t *name);
/* One of the kind that programs are loaded from */
HANDLE wrong_image_section(const wchar_t *name);

/* The parts */
void import_handles(intptr_t arg);
void import_answers(intptr_t arg);
void import_sections(intptr_t arg);
void import_names(intptr_t arg);
void export_names(intptr_t arg);
void import_numbers(intptr_t arg);

#endif

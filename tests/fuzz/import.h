/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_IMPORT_H
#define FUZZ_IMPORT_H

#include "runtime.h"

#define REFUSED VK_ERROR_INVALID_EXTERNAL_HANDLE

/* What an import must come to */
enum verdict {
   GOOD,
   /* Once it has been looked at, or before anything is mapped */
   BAD,
   BAD_UNMAPPED,
   /* Up to the system */
   EITHER,
};

static inline enum verdict
good_if(bool good)
{
   return good ? GOOD : BAD;
}

/* An object that is there to be imported into */
struct target {
   struct vk_device *device;
   enum vk_sync_win32_kind kind;
   struct vk_sync *sync;
};

/* Private or shared, and with some state */
void target_create(struct target *target, struct vk_device *device,
                   enum vk_sync_win32_kind kind, struct fuzz_rng *rng);
void target_destroy(struct target *target);

/* Import, a case, and check the verdict: after a refusal all is as before,
 * and there is a message.  Returns whether it has been imported.
 */
bool target_import(struct fuzz_thread *self, struct target *target,
                   const struct fuzz_import_info *info,
                   enum verdict verdict, const char *what);

/* Any value but those that this process has open, nor could have */
HANDLE no_handle(struct fuzz_rng *rng);

/* Handles that no import may take, and some that it takes; see wrong.c */
struct wrong_handle {
   const char *what;
   HANDLE handle;
   enum verdict verdict;
};

#define MAX_WRONG 64

struct wrong_handles {
   enum vk_sync_win32_kind kind;
   /* Which all of them are made to look like */
   struct vk_sync *sync;
   HANDLE genuine;
   struct wrong_handle all[MAX_WRONG];
   unsigned count;
};

void wrong_handles_create(struct wrong_handles *wrong,
                          struct vk_device *device,
                          enum vk_sync_win32_kind kind);
void wrong_handles_destroy(struct wrong_handles *wrong,
                           struct vk_device *device);

/* A section with these contents, closed when the case has ended */
HANDLE wrong_section(const void *contents, SIZE_T contents_size, SIZE_T size,
                     DWORD protection, const wchar_t *name);

/* The parts */
void import_handles(intptr_t arg);
void import_answers(intptr_t arg);
void import_sections(intptr_t arg);
void import_names(intptr_t arg);
void export_names(intptr_t arg);
void import_numbers(intptr_t arg);
void kept_numbers(intptr_t arg);

#endif

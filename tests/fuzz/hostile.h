/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_HOSTILE_H
#define FUZZ_HOSTILE_H

/* A shared payload, the section of which a stranger writes to */

#include "runtime.h"
#include "section.h"

struct hostile {
   enum vk_sync_win32_kind kind;

   /* A holder of the payload, and what another process has; or NULL, while
    * it cannot be imported.
    */
   struct vk_sync *sync;
   struct vk_sync *peer;

   struct fuzz_page page;

   /* The global share handle, or NULL; of the payload that `sync` was created
    * with, so that other views of it need not have it
    */
   HANDLE number;

   /* Somebody else writes to it right now: of the results of an operation, one
    * of several is right.  Else, what comes of it is known exactly.
    */
   bool racing;
};

/* Of any kind */
void hostile_create(struct hostile *hostile);
/* More holders of what the handle refers to, for another thread or process.
 * Takes over the handle.
 */
void hostile_open(struct hostile *hostile, enum vk_sync_win32_kind kind,
                  HANDLE handle);
void hostile_destroy(struct hostile *hostile);

/* One random use, a case; with bystanders in the same waits */
void hostile_use(struct hostile *hostile, struct fuzz_bystander *bystanders);

#endif

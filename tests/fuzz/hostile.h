/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_HOSTILE_H
#define FUZZ_HOSTILE_H

#include "runtime.h"
#include "section.h"

/* How many threads use hostile payloads */
#define HOSTILE_USERS 2

/* A shared payload, the section of which a stranger writes to */
struct hostile {
   enum vk_sync_win32_kind kind;
   unsigned user;

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

/* Run episodes with a device, and with bystanders: each user has some objects
 * that the hostile ones must not have an effect on.  In the end, nothing is
 * left.
 */
void hostile_run(uint32_t episodes, void (*episode)(void));

/* Of any kind, for the first user.  The page is the caller's to close. */
void hostile_create(struct hostile *hostile);
void hostile_destroy(struct hostile *hostile);
/* One random use, with bystanders in the same waits */
void hostile_use(struct hostile *hostile);

/* Use one of them, and check what comes of it. */
void bystanders_use(unsigned user);
/* A section as it should be */
const struct vk_sync_win32_layout *
bystander_layout(enum vk_sync_win32_kind kind);

#endif

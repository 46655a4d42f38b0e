/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_USE_H
#define FUZZ_USE_H

#include "hostile.h"

#define USERS 2

/* A set for each thread that uses a hostile payload */
extern struct fuzz_bystander use_bystanders[USERS][FUZZ_BYSTANDERS];

/* A part, with bystanders; in the end, nothing is left of it.  Where a case
 * starts processes, only what is mapped can be told.
 */
void use_run(const char *part, uint32_t episodes, uint32_t cases,
             void (*episode)(void *data), bool has_children);

void by_threads(intptr_t arg);
void by_processes(intptr_t arg);
void invented_by_turns(intptr_t arg);
void invented_by_threads(intptr_t arg);

/* In the roles of children */
int scribble_main(int argc, char **argv);
int user_main(int argc, char **argv);

#endif

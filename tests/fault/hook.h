/* SPDX-License-Identifier: MIT */
#ifndef FAULT_HOOK_H
#define FAULT_HOOK_H

/* The calls of this process into the kernel, by way of the table that they go
 * through
 */
#include <stdbool.h>
#include <stdint.h>

enum hook_call {
   HOOK_RING,
   HOOK_BELL_WAIT,
   HOOK_QUERY_OBJECT,
   HOOK_CALLS,
};

struct hook {
   /* Before and after each call, unless NULL */
   void (*at)(enum hook_call call, bool after);

   /* Blocked threads look for themselves now and then, in case that a peer has
    * died.  Where none dies, that would hide a ring that was forgotten.  Not
    * for processes that wait with a time-out.
    */
   bool no_look;

   uint32_t calls[HOOK_CALLS];
   /* Bell waits that are short, because a peer cannot ring us */
   uint32_t polls;
};

extern struct hook hook;

/* Once is enough. */
void hook_install(void);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef FAULT_STEP_H
#define FAULT_STEP_H

#include <stdbool.h>

/* Single steps of one thread of this process.  `at` is called after each
 * instruction, on that thread; what it does is not stepped through.
 */
bool step_is_available(void);
void step_install(void);
void step_begin(void (*at)(void *data), void *data);
void step_end(void);

#endif

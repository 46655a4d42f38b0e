/* SPDX-License-Identifier: MIT */
#ifndef FAULT_STEP_H
#define FAULT_STEP_H

/* Single steps of one thread of this process.  `at` is called after each
 * instruction, on that thread; what it does is not stepped through.  Where only
 * a page is of interest it is called after each instruction that writes there,
 * which is much faster.  No other thread may write to it then.
 */
void step_begin(void (*at)(void), void *page);
void step_end(void);

#endif

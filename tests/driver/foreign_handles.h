/* SPDX-License-Identifier: MIT */
#ifndef LVP_FOREIGN_HANDLES_H
#define LVP_FOREIGN_HANDLES_H

#include "test.h"

/* Makes a handle that no import may take. genuine is a good one of the
 * target's kind, for those that are made to look like it. What is opened is
 * closed when the case has ended.
 */
typedef HANDLE (*foreign_handle)(HANDLE genuine);

HANDLE foreign_null(HANDLE genuine);
HANDLE foreign_current_process(HANDLE genuine);
HANDLE foreign_current_thread(HANDLE genuine);
HANDLE foreign_closed(HANDLE genuine);
HANDLE foreign_event(HANDLE genuine);
HANDLE foreign_mutex(HANDLE genuine);
HANDLE foreign_win32_semaphore(HANDLE genuine);
HANDLE foreign_timer(HANDLE genuine);
HANDLE foreign_file(HANDLE genuine);
HANDLE foreign_pipe(HANDLE genuine);
HANDLE foreign_process(HANDLE genuine);
HANDLE foreign_thread(HANDLE genuine);
HANDLE foreign_token(HANDLE genuine);
HANDLE foreign_zero_section(HANDLE genuine);
HANDLE foreign_random_section(HANDLE genuine);
HANDLE foreign_small_section(HANDLE genuine);
HANDLE foreign_huge_section(HANDLE genuine);
HANDLE foreign_file_section(HANDLE genuine);
HANDLE foreign_image_section(HANDLE genuine);
HANDLE foreign_reserve_section(HANDLE genuine);
HANDLE foreign_read_only(HANDLE genuine);
HANDLE foreign_query_only(HANDLE genuine);

#endif

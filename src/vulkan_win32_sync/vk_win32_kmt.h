/* SPDX-License-Identifier: MIT */
#ifndef VK_WIN32_KMT_H
#define VK_WIN32_KMT_H

#include <stdbool.h>
#include <stdint.h>
#include <wchar.h>

#include "vk_sync_win32_nt.h"

/* Global share handles: numbers that name sections.
 *
 * They look like those of Windows' graphics kernel: 32 bits, so large that no
 * handle table has them, and so nobody can close them.  With a number, and
 * the rights that the section's security descriptor gives, any process can
 * open what it names; whoever guesses numbers gets no further than that,
 * which the graphics kernel does not even ask for.
 */

#define VK_WIN32_KMT_NAME_LENGTH 40

/** An unpredictable number, 0 if the system has none; or one that is taken
 *
 * `global` makes it one of the global namespace rather than the session's.
 */
uint32_t
vk_win32_kmt_choose(bool global);

/** Whether a handle can be a global share handle */
bool
vk_win32_kmt_is_valid(HANDLE handle);

/** The name of the section, in VK_WIN32_KMT_NAME_LENGTH characters */
void
vk_win32_kmt_format_name(uint32_t kmt, wchar_t *name);

#endif /* VK_WIN32_KMT_H */

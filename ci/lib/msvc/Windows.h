/* SPDX-License-Identifier: MIT */
/* Where the case of names matters, as some sources spell it */
#include <windows.h>

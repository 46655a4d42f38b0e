/* SPDX-License-Identifier: MIT */
/* Stands in for the header of the Windows SDK. */
#include "nt_shim.h"

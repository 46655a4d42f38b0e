/* SPDX-License-Identifier: MIT */
#ifndef NT_SHIM_SDDL_H
#define NT_SHIM_SDDL_H

#include "nt_shim.h"

#define SDDL_REVISION_1 1

BOOL
ConvertStringSecurityDescriptorToSecurityDescriptorW(
   const wchar_t *text, DWORD revision, PSECURITY_DESCRIPTOR *descriptor,
   ULONG *size);

#endif

/* SPDX-License-Identifier: MIT */

/* The header that Mesa is compiled with, which cannot be included along with
 * that of the compiler.
 */
#ifdef HAVE_DIRECTX_HEADERS
/* First: it would be asked for a newer version of itself than there is. */
#include <ole2.h>

#include <directx/d3d12.h>
#endif

#include "abi.h"

const struct abi_fact abi_directx_headers[] = {
#ifdef HAVE_DIRECTX_HEADERS
   ABI_D3D12
#endif
   {0},
};

/* SPDX-License-Identifier: MIT */

/* Microsoft's own header, which cannot be included along with that of the
 * compiler, agrees.
 */

/* First: it would be asked for a newer version of itself than there is. */
#include <ole2.h>

#include <directx/d3d12.h>

#include "abi.h"

ABI_D3D12;

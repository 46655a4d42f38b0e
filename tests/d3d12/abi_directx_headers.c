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
   ABI_D3D12_DEVICE(ABI_SLOT)
   ABI_SIZE(ID3D12Device, 44)
   ABI_D3D12_FENCE(ABI_SLOT)
   ABI_SIZE(ID3D12Fence, 11)
   ABI_VALUE(sizeof(D3D12_FENCE_FLAGS), 4)
   ABI_VALUE(D3D12_FENCE_FLAG_SHARED, 1)
   ABI_VALUE(D3D12_FENCE_FLAG_SHARED_CROSS_ADAPTER, 2)
   ABI_VALUE(D3D12_FENCE_FLAG_NON_MONITORED, 4)
   ABI_VALUE(D3D_FEATURE_LEVEL_11_0, 0xb000)
#endif
   {0},
};

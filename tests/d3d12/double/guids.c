/* SPDX-License-Identifier: MIT */

/* The one source of a program in which the headers define the identifiers of
 * interfaces.
 */
#include <initguid.h>

#include <dxgi1_4.h>
#include <d3d12.h>

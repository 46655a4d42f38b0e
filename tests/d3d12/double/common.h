/* SPDX-License-Identifier: MIT */
#ifndef LVP_D3D12_DOUBLE_COMMON_H
#define LVP_D3D12_DOUBLE_COMMON_H

#include <stdbool.h>

#include "../double.h"

#define COBJMACROS
#define CONST_VTABLE
#include <unknwn.h>

/* All objects of a DLL count their references here, so that those that live
 * are known.
 */
ULONG double_reference(volatile LONG *references);
ULONG double_unreference(volatile LONG *references);

/* For an object's own interface. Nobody asks for one that it inherits, but for
 * IUnknown.
 */
HRESULT double_query_interface(IUnknown *object, REFIID own, REFIID wanted,
                               void **out);

/* What should never happen, and would make the double a bad witness */
void double_abort(const char *what);

/* Whether it is the step of DOUBLE_FAIL_VARIABLE */
bool double_fails(const char *step);

#endif

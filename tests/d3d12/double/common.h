/* SPDX-License-Identifier: MIT */
#ifndef LVP_D3D12_DOUBLE_COMMON_H
#define LVP_D3D12_DOUBLE_COMMON_H

#include <stdbool.h>
#include <stdint.h>

#include "../double.h"

/* Counts the live objects of a DLL. */
void double_object_created(void);
void double_object_destroyed(void);

void double_unimplemented(const char *method);

/* What should never happen, and would make the double a bad witness */
void double_abort(const char *what);

/* Whether a step of DOUBLE_FAIL_VARIABLE is to fail */
bool double_fails(const char *step);

/* Methods that the double does not have, for tables that are never NULL.
 * Usage: DOUBLE_STUB(ID3D12Fence, SetName, const WCHAR *name)
 */
#define DOUBLE_STUB_OF(type, returned, value, method, ...) \
   static returned STDMETHODCALLTYPE \
   type##_##method##_stub(type *This, __VA_ARGS__) \
   { \
      double_unimplemented(#type "::" #method); \
      return value; \
   }
#define DOUBLE_STUB(type, method, ...) \
   DOUBLE_STUB_OF(type, HRESULT, E_NOTIMPL, method, __VA_ARGS__)
#define DOUBLE_STUB_VOID(type, method, ...) \
   static void STDMETHODCALLTYPE \
   type##_##method##_stub(type *This, __VA_ARGS__) \
   { \
      double_unimplemented(#type "::" #method); \
   }
#define DOUBLE_STUB_NO_ARGS(type, returned, method) \
   static returned STDMETHODCALLTYPE \
   type##_##method##_stub(type *This) \
   { \
      double_unimplemented(#type "::" #method); \
      return 0; \
   }

#endif

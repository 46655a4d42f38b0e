/* SPDX-License-Identifier: MIT */
#ifndef LVP_D3D12_DOUBLE_COMMON_H
#define LVP_D3D12_DOUBLE_COMMON_H

#include <stdbool.h>

#include "../double.h"

#define COBJMACROS
#define CONST_VTABLE
#include <unknwn.h>

/* What an interface points to. Those that live are counted for each DLL. */
struct double_object {
   const void *methods;
   /* Nobody asks for one that it inherits, but for IUnknown. */
   const IID *iid;
   volatile LONG references;
   /* Called when the last reference goes, unless it is NULL */
   void (*destroy)(struct double_object *object);
};

HRESULT STDMETHODCALLTYPE
double_query_interface(struct double_object *object, REFIID iid, void **out);
ULONG STDMETHODCALLTYPE double_add_ref(struct double_object *object);
ULONG STDMETHODCALLTYPE double_release(struct double_object *object);

/* These, as the first methods of an interface */
#define DOUBLE_UNKNOWN(type) \
   .QueryInterface = (HRESULT (STDMETHODCALLTYPE *)(type *, REFIID, void **)) \
                        double_query_interface, \
   .AddRef = (ULONG (STDMETHODCALLTYPE *)(type *))double_add_ref, \
   .Release = (ULONG (STDMETHODCALLTYPE *)(type *))double_release

/* What should never happen, and would make the double a bad witness */
void double_abort(const char *what);

/* Whether it is the step of DOUBLE_FAIL_VARIABLE */
bool double_fails(const char *step);

#endif

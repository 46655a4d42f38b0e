/* SPDX-License-Identifier: MIT */

/* The identifiers of interfaces are defined here. */
#include <initguid.h>

#include "common.h"

#include <d3d12.h>
#include <dxgi1_4.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile LONG live_objects;

HRESULT STDMETHODCALLTYPE
double_query_interface(struct double_object *object, REFIID iid, void **out)
{
   *out = NULL;
   if (!IsEqualGUID(iid, object->iid) && !IsEqualGUID(iid, &IID_IUnknown))
      return E_NOINTERFACE;
   double_add_ref(object);
   *out = object;
   return S_OK;
}

ULONG STDMETHODCALLTYPE
double_add_ref(struct double_object *object)
{
   const LONG count = InterlockedIncrement(&object->references);

   if (count == 1)
      InterlockedIncrement(&live_objects);
   return (ULONG)count;
}

ULONG STDMETHODCALLTYPE
double_release(struct double_object *object)
{
   const LONG count = InterlockedDecrement(&object->references);

   if (count < 0)
      double_abort("an object was released too often");
   if (count == 0) {
      InterlockedDecrement(&live_objects);
      if (object->destroy != NULL)
         object->destroy(object);
   }
   return (ULONG)count;
}

LONG
double_live_objects(void)
{
   return live_objects;
}

void
double_abort(const char *what)
{
   fprintf(stderr, "D3D12 double: %s: Windows error %lu\n", what,
           (unsigned long)GetLastError());
   fflush(stderr);
   abort();
}

bool
double_fails(const char *step)
{
   char failing[32] = "";

   GetEnvironmentVariableA(DOUBLE_FAIL_VARIABLE, failing, sizeof(failing));
   return !strcmp(step, failing);
}

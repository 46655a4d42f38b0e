/* SPDX-License-Identifier: MIT */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile LONG live_objects;

ULONG
double_reference(volatile LONG *references)
{
   const LONG count = InterlockedIncrement(references);

   if (count == 1)
      InterlockedIncrement(&live_objects);
   return (ULONG)count;
}

ULONG
double_unreference(volatile LONG *references)
{
   const LONG count = InterlockedDecrement(references);

   if (count < 0)
      double_abort("an object was released too often");
   if (count == 0)
      InterlockedDecrement(&live_objects);
   return (ULONG)count;
}

HRESULT
double_query_interface(IUnknown *object, REFIID own, REFIID wanted, void **out)
{
   *out = NULL;
   if (!IsEqualGUID(wanted, own) && !IsEqualGUID(wanted, &IID_IUnknown))
      return E_NOINTERFACE;
   IUnknown_AddRef(object);
   *out = object;
   return S_OK;
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

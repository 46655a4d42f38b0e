/* SPDX-License-Identifier: MIT */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile LONG live_objects;
static volatile LONG unimplemented_calls;

void
double_object_created(void)
{
   InterlockedIncrement(&live_objects);
}

void
double_object_destroyed(void)
{
   InterlockedDecrement(&live_objects);
}

LONG
double_live_objects(void)
{
   return live_objects;
}

LONG
double_unimplemented_calls(void)
{
   return unimplemented_calls;
}

void
double_unimplemented(const char *method)
{
   InterlockedIncrement(&unimplemented_calls);
   fprintf(stderr, "D3D12 double: %s is not implemented\n", method);
   fflush(stderr);
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
   char list[256];
   const DWORD length = GetEnvironmentVariableA(DOUBLE_FAIL_VARIABLE, list,
                                                sizeof(list));

   if (length == 0 || length >= sizeof(list))
      return false;

   for (const char *at = list; *at; at += strspn(at, ",")) {
      const size_t size = strcspn(at, ",");

      if (size == strlen(step) && !strncmp(at, step, size))
         return true;
      at += size;
   }
   return false;
}

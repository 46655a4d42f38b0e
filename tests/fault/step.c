/* SPDX-License-Identifier: MIT */

/* The processor's trap flag makes each instruction of a thread raise an
 * exception.
 */
#include "step.h"

#include "test.h"

#define TRAP_FLAG 0x100
#define STEP_EXCEPTION 0xe0564b53

#if defined(__x86_64__) || defined(__i386__) || defined(_M_X64) || \
   defined(_M_IX86)
#define HAVE_STEPS true
#else
#define HAVE_STEPS false
#endif

/* Of the one thread that steps */
static void (*volatile current)(void *data);
static void *current_data;

static LONG CALLBACK
on_exception(EXCEPTION_POINTERS *info)
{
#if HAVE_STEPS
   const DWORD code = info->ExceptionRecord->ExceptionCode;

   if (code != STEP_EXCEPTION && code != EXCEPTION_SINGLE_STEP)
      return EXCEPTION_CONTINUE_SEARCH;

   if (current != NULL && code == EXCEPTION_SINGLE_STEP)
      current(current_data);
   if (current != NULL)
      info->ContextRecord->EFlags |= TRAP_FLAG;
   else
      info->ContextRecord->EFlags &= ~TRAP_FLAG;
   return EXCEPTION_CONTINUE_EXECUTION;
#else
   (void)info;
   return EXCEPTION_CONTINUE_SEARCH;
#endif
}

bool
step_is_available(void)
{
   return HAVE_STEPS;
}

void
step_install(void)
{
   REQUIRE(AddVectoredExceptionHandler(1, on_exception) != NULL);
}

void
step_begin(void (*at)(void *data), void *data)
{
   current_data = data;
   current = at;
   if (HAVE_STEPS)
      RaiseException(STEP_EXCEPTION, 0, 0, NULL);
}

void
step_end(void)
{
   current = NULL;
}

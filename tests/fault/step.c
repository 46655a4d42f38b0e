/* SPDX-License-Identifier: MIT */

/* The processor's trap flag makes an instruction of a thread raise an exception,
 * and so does a page that cannot be written to.
 */
#include "step.h"

#include "test.h"

#define STEP_PAGE 4096
#define TRAP_FLAG 0x100
#define STEP_EXCEPTION 0xe0564b53

/* Of the one thread that steps */
static void (*volatile current)(void);
static char *current_page;

static void
protect_page(DWORD protection)
{
   DWORD old;

   REQUIRE(VirtualProtect(current_page, STEP_PAGE, protection, &old));
}

static LONG CALLBACK
on_exception(EXCEPTION_POINTERS *info)
{
   const EXCEPTION_RECORD *record = info->ExceptionRecord;
   const bool write =
      record->ExceptionCode == EXCEPTION_ACCESS_VIOLATION &&
      current_page != NULL && record->ExceptionInformation[1] -
                              (ULONG_PTR)current_page < STEP_PAGE;
   const bool step = record->ExceptionCode == EXCEPTION_SINGLE_STEP;

   if (!write && !step && record->ExceptionCode != STEP_EXCEPTION)
      return EXCEPTION_CONTINUE_SEARCH;

   if (write)
      protect_page(PAGE_READWRITE);
   if (step && current != NULL) {
      current();
      if (current_page != NULL)
         protect_page(PAGE_READONLY);
   }
   if (write || (current != NULL && current_page == NULL))
      info->ContextRecord->EFlags |= TRAP_FLAG;
   else
      info->ContextRecord->EFlags &= ~TRAP_FLAG;
   return EXCEPTION_CONTINUE_EXECUTION;
}

void
step_begin(void (*at)(void), void *page)
{
   static void *handler;

   if (handler == NULL)
      handler = AddVectoredExceptionHandler(1, on_exception);
   REQUIRE(handler != NULL);
   current_page = page;
   current = at;
   if (page != NULL)
      protect_page(PAGE_READONLY);
   else
      RaiseException(STEP_EXCEPTION, 0, 0, NULL);
}

void
step_end(void)
{
   current = NULL;
   if (current_page != NULL)
      protect_page(PAGE_READWRITE);
   current_page = NULL;
}

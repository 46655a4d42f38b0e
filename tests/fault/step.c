/* SPDX-License-Identifier: MIT */

/* The processor's trap flag makes an instruction of a thread raise an exception,
 * and so does a page that cannot be written to.
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
#if HAVE_STEPS
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
      current(current_data);
      if (current_page != NULL)
         protect_page(PAGE_READONLY);
   }
   if (write || (current != NULL && current_page == NULL))
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
step_begin(void (*at)(void *data), void *data, void *page)
{
   static void *handler;

   if (handler == NULL)
      handler = AddVectoredExceptionHandler(1, on_exception);
   REQUIRE(handler != NULL);
   current_page = page;
   current_data = data;
   current = at;
   if (HAVE_STEPS && page != NULL)
      protect_page(PAGE_READONLY);
   else if (HAVE_STEPS)
      RaiseException(STEP_EXCEPTION, 0, 0, NULL);
}

void
step_end(void)
{
   current = NULL;
   if (HAVE_STEPS && current_page != NULL)
      protect_page(PAGE_READWRITE);
   current_page = NULL;
}

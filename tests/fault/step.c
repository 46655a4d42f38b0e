/* SPDX-License-Identifier: MIT */

/* Death at any instruction.  The processor's trap flag makes each instruction
 * of a thread raise an exception, and the handler decides whether it was the
 * last one.
 */
#include "fault.h"

#include "util/os_time.h"

#define TRAP_FLAG 0x100
#define STEP_EXCEPTION 0xe0564b53

#if defined(__x86_64__) || defined(__i386__) || defined(_M_X64) || \
   defined(_M_IX86)
#define HAVE_STEPS true
#else
#define HAVE_STEPS false
#endif

/* Of the one thread that steps */
static struct fault_step *current;
static bool published, claimed;

void
fault_die(void)
{
   TerminateProcess(GetCurrentProcess(), FAULT_KILLED);
   Sleep(INFINITE);
}

static bool
has_claimed(struct vk_sync *sync)
{
   struct vk_sync_win32_layout *layout = peer_section(sync)->layout;

   for (unsigned i = 0; i < VK_SYNC_WIN32_SECTION_SLOTS; i++) {
      if (vk_sync_win32_load64(&layout->slots[i].owner) >> 32 ==
          GetCurrentProcessId())
         return true;
   }
   return false;
}

/* Whoever dies here leaves either what was there before or what comes after.
 * Others only take tickets meanwhile.
 */
static void
check_word(const struct fault_step *s)
{
   const bool timeline = s->sync->flags & VK_SYNC_IS_TIMELINE;
   const uint64_t value = timeline ? peer_word(s->sync) :
                                     peer_signals(s->sync);
   const uint64_t target = timeline ? s->target : (uint32_t)s->target;

   REQUIRE(value == target || value == target - 1);
   if (!timeline)
      REQUIRE(peer_consumed(s->sync) - ((uint32_t)target - 1) <= 2);
}

static void
step(struct fault_step *s)
{
   if (s->published_ns != NULL)
      check_word(s);
   if (s->published_ns != NULL && !published &&
       vk_sync_win32_target_reached(unit_payload(s->sync)->kind,
                                    peer_word(s->sync), s->target)) {
      published = true;
      vk_sync_win32_store64(s->published_ns, os_time_get_nano());
   }
   if (s->trigger == TRIGGER_CLAIMED && !claimed)
      claimed = has_claimed(s->sync);

   if ((s->trigger == TRIGGER_STEP ||
        (s->trigger == TRIGGER_PUBLISHED && published) ||
        (s->trigger == TRIGGER_CLAIMED && claimed)) && s->count-- == 0)
      fault_die();
}

static LONG CALLBACK
on_exception(EXCEPTION_POINTERS *info)
{
#if HAVE_STEPS
   const DWORD code = info->ExceptionRecord->ExceptionCode;

   if (code != STEP_EXCEPTION && code != EXCEPTION_SINGLE_STEP)
      return EXCEPTION_CONTINUE_SEARCH;

   if (current != NULL && code == EXCEPTION_SINGLE_STEP)
      step(current);
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

void
fault_step_install(void)
{
   REQUIRE(AddVectoredExceptionHandler(1, on_exception) != NULL);
}

void
fault_step_begin(struct fault_step *s)
{
   published = claimed = false;
   current = s;
   if (HAVE_STEPS)
      RaiseException(STEP_EXCEPTION, 0, 0, NULL);
}

void
fault_step_end(void)
{
   current = NULL;
}

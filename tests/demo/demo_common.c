/* SPDX-License-Identifier: MIT */
#include "demo_common.h"

#include <stdarg.h>
#include <stdio.h>

void
demo_fail(const char *format, ...)
{
   va_list args;

   va_start(args, format);
   fflush(stdout);
   fprintf(stderr, "demo: FAILED: ");
   vfprintf(stderr, format, args);
   fprintf(stderr, "\n");
   fflush(stderr);
   va_end(args);
   /* A queue may be waiting for a process that is gone. */
   TerminateProcess(GetCurrentProcess(), DEMO_FAILED);
}

void
demo_check(VkResult result, const char *what)
{
   if (result != VK_SUCCESS)
      demo_fail("%s: VkResult %d%s", what, (int)result,
                result == VK_TIMEOUT ? " (time-out)" : "");
}

double
demo_now_ms(void)
{
   LARGE_INTEGER count, frequency;

   QueryPerformanceCounter(&count);
   QueryPerformanceFrequency(&frequency);
   return (double)count.QuadPart * 1000.0 / (double)frequency.QuadPart;
}

void
demo_pipe_write(HANDLE pipe, const void *data, DWORD size)
{
   DWORD written;

   if (!WriteFile(pipe, data, size, &written, NULL) || written != size)
      demo_fail("the other process has closed its pipe");
}

void
demo_pipe_read(HANDLE pipe, void *data, DWORD size)
{
   char *at = data;
   DWORD got;

   for (; size; size -= got, at += got) {
      if (!ReadFile(pipe, at, size, &got, NULL) || !got)
         demo_fail("the other process has closed its pipe");
   }
}

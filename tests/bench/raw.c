/* SPDX-License-Identifier: MIT */
#include "raw.h"

#include <string.h>

struct bench_raw bench_raw;

static void
resolve(const char *symbol, void *member)
{
   FARPROC proc = GetProcAddress(GetModuleHandleA("ntdll.dll"), symbol);

   REQUIRE(proc != NULL);
   /* Copied, since the types of the pointers differ */
   memcpy(member, &proc, sizeof(proc));
}

void
bench_raw_init(void)
{
   resolve("NtSetEvent", &bench_raw.set_event);
   resolve("NtReleaseSemaphore", &bench_raw.release);
   resolve("NtWaitForSingleObject", &bench_raw.wait);
   resolve("NtWaitForKeyedEvent", &bench_raw.keyed_wait);
   resolve("NtReleaseKeyedEvent", &bench_raw.keyed_release);
}

/* SPDX-License-Identifier: MIT */

/* 5,000 times: allocate for export, export, import in each way, touch, free. */
#include "memory.h"

#include <psapi.h>

#define CYCLES 5000
#define WARM_UP 500
#define SIZE 100000

static void
cycle(struct vkt_device *device, struct vkt_device *other)
{
   struct memory *a = memory_create(device, SIZE, MEMORY_BOTH_TYPES);
   HANDLE handle = memory_export(a);
   struct memory *b = memory_import(other, SIZE, handle), *c, *refused;

   REQUIRE_OK(memory_try_import(other, SIZE, VKT_OPAQUE_WIN32_KMT,
                                memory_number(a), NULL, &c));
   EXPECT_RESULT(memory_try_import(other, SIZE + 1, VKT_OPAQUE_WIN32, handle,
                                   NULL, &refused),
                 VK_ERROR_INVALID_EXTERNAL_HANDLE);
   test_close(handle);
   ((volatile uint8_t *)memory_map(a))[SIZE - 1] = 0x21;
   EXPECT_U64(((volatile uint8_t *)memory_map(b))[SIZE - 1], 0x21);
   EXPECT_U64(((volatile uint8_t *)memory_map(c))[SIZE - 1], 0x21);
   memory_free(c);
   memory_free(b);
   memory_free(a);
}

static uint64_t
private_bytes(void)
{
   PROCESS_MEMORY_COUNTERS counters = {.cb = sizeof(counters)};

   REQUIRE(K32GetProcessMemoryInfo(GetCurrentProcess(), &counters,
                                   sizeof(counters)));
   return counters.PagefileUsage;
}

static unsigned
count_views(void)
{
   MEMORY_BASIC_INFORMATION info;
   const uint8_t *at = NULL;
   unsigned views = 0;

   for (; VirtualQuery(at, &info, sizeof(info)); at += info.RegionSize) {
      views += info.State == MEM_COMMIT && info.Type == MEM_MAPPED &&
               info.BaseAddress == info.AllocationBase;
   }
   return views;
}

static void
cycles(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open(), *other = vkt_open();

   for (unsigned i = 0; i < WARM_UP; i++)
      cycle(device, other);

   const unsigned handles = test_count_handles();
   const unsigned views = count_views();
   const uint64_t bytes = private_bytes();

   for (unsigned i = 0; i < CYCLES && !test_failed(); i++)
      cycle(device, other);

   const int64_t more = private_bytes() - bytes;
   test_diag("private memory: %lld bytes more, %u views", (long long)more,
             views);
   EXPECT_U64(test_count_handles(), handles);
   EXPECT_U64(count_views(), views);
   /* A leak of 32 bytes a cycle would be more. */
   EXPECT(more < 160 * 1024);
}

const struct test_case test_cases[] = {
   {"cycles", cycles, 0, 400},
   {0},
};

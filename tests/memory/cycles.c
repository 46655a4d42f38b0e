/* SPDX-License-Identifier: MIT */

/* 5,000 times: allocate for export, export, import, touch, free. */
#include "memory.h"

#include <psapi.h>

#define CYCLES 5000
#define WARM_UP 500

enum way {
   BY_HANDLE,
   BY_NUMBER,
   REFUSED,
};

static void
cycle(struct vkt_device *device, struct vkt_device *other, enum way way,
      VkDeviceSize size)
{
   struct memory *a = memory_create(device, size, MEMORY_BOTH_TYPES);
   struct memory *b = NULL;

   if (way == BY_NUMBER) {
      REQUIRE_OK(memory_try_import(other, size, VKT_OPAQUE_WIN32_KMT,
                                   memory_number(a), NULL, &b));
   } else {
      HANDLE handle = memory_export(a);

      if (way == BY_HANDLE)
         b = memory_import(other, size, handle);
      else
         EXPECT_RESULT(memory_try_import(other, size + 1, VKT_OPAQUE_WIN32,
                                         handle, NULL, &b),
                       VK_ERROR_INVALID_EXTERNAL_HANDLE);
      test_close(handle);
   }
   if (b) {
      ((volatile uint8_t *)memory_map(a))[size - 1] = 0x21;
      EXPECT_U64(((volatile uint8_t *)memory_map(b))[size - 1], 0x21);
      memory_free(b);
   }
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
cycles(intptr_t way)
{
   const VkDeviceSize size = 100000;
   struct vkt_device *device = vkt_open(), *other = vkt_open();

   for (unsigned i = 0; i < WARM_UP; i++)
      cycle(device, other, (enum way)way, size);

   const unsigned handles = test_count_handles();
   const unsigned views = count_views();
   const uint64_t bytes = private_bytes();
   const double start = test_now_ms();

   for (unsigned i = 0; i < CYCLES && !test_failed(); i++)
      cycle(device, other, (enum way)way, size);

   const int64_t more = private_bytes() - bytes;
   test_diag("%u cycles of %.3f ms each; private memory: %lld bytes more, "
             "%u views", CYCLES, (test_now_ms() - start) / CYCLES,
             (long long)more, views);
   EXPECT_U64(test_count_handles(), handles);
   EXPECT_U64(count_views(), views);
   /* A leak of 32 bytes a cycle would be more. */
   EXPECT(more < 160 * 1024);
}

static const struct test_case cases[] = {
   {"cycles_by_handle", cycles, BY_HANDLE, 200},
   {"cycles_by_number", cycles, BY_NUMBER, 200},
   {"cycles_of_refusals", cycles, REFUSED, 200},
   {0},
};

int
main(int argc, char **argv)
{
   return test_main(argc, argv, cases, NULL);
}

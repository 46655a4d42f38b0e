/* SPDX-License-Identifier: MIT */

/* 100,000 times: create, export, import, be refused, signal, wait, destroy. And
 * instances with a device, which are created and destroyed.
 */
#include "vkt.h"


#define CYCLES (100000 / 3)
#define WARM_UP 4000

struct pair_of_devices {
   struct vkt_device *device, *other;
   /* What no import takes */
   HANDLE event, zeros;
};

static void
cycle(const struct pair_of_devices *devices, enum vkt_kind kind, unsigned n)
{
   const bool by_number = n % 2 == 0, zeros = n % 4 >= 2;
   const VkFlags type = by_number ? VKT_OPAQUE_WIN32_KMT : VKT_OPAQUE_WIN32;
   struct vkt_object *a = vkt_create_for(devices->device, kind, type);
   struct vkt_object *b = vkt_create(devices->other, kind);
   struct vkt_object *c = vkt_create(devices->device, kind);
   HANDLE handle = by_number ? vkt_number(a) : vkt_export(a);

   REQUIRE_OK(vkt_try_import(b, type, false, handle, NULL));
   REQUIRE_OK(vkt_try_import(c, type, kind != VKT_TIMELINE, handle, NULL));
   EXPECT_RESULT(vkt_try_import(b, type, zeros && kind != VKT_TIMELINE,
                                zeros ? devices->zeros : devices->event,
                                NULL),
                 VK_ERROR_INVALID_EXTERNAL_HANDLE);
   if (!by_number)
      test_close(handle);
   if (kind == VKT_TIMELINE)
      vkt_host_signal(a, 1);
   else
      vkt_queue_signal(a, 0);
   if (kind == VKT_BINARY)
      vkt_take(b, 0);
   else
      EXPECT_OK(vkt_wait(b, 1, VKT_LONG_MS));
   vkt_destroy(c);
   vkt_destroy(b);
   vkt_destroy(a);
}

static unsigned
count_views(void)
{
   MEMORY_BASIC_INFORMATION info;
   const char *at = NULL;
   void *last = NULL;
   unsigned views = 0;

   while (VirtualQuery(at, &info, sizeof(info)) == sizeof(info)) {
      if (info.State != MEM_FREE && info.Type == MEM_MAPPED &&
          info.AllocationBase != last) {
         views++;
         last = info.AllocationBase;
      }
      at = (const char *)info.BaseAddress + info.RegionSize;
   }
   return views;
}

static void
run_cycles(const struct pair_of_devices *devices, enum vkt_kind kind,
           unsigned count)
{
   while (count-- && !test_failed())
      cycle(devices, kind, count);
   /* What a queue's thread still holds is let go once the queue is idle. */
   vkt_wait_idle(devices->device);
   vkt_wait_idle(devices->other);
}

static void
cycles(intptr_t kind)
{
   const struct pair_of_devices devices = {
      .device = vkt_open(),
      .other = vkt_open(),
      .event = test_own_handle(CreateEventW(NULL, TRUE, FALSE, NULL)),
      .zeros = test_own_handle(CreateFileMappingW(
         INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 65536, NULL)),
   };

   run_cycles(&devices, kind, WARM_UP);

   const unsigned handles = test_count_handles(), views = count_views();
   const uint64_t bytes = vkt_private_bytes();

   run_cycles(&devices, kind, CYCLES);

   const uint64_t more = vkt_private_bytes() - bytes;
   test_diag("private memory: %lld bytes more", (long long)more);
   /* A thread of llvmpipe or Wine may open some, and this one and those of the
    * two queues have a bell each once they have blocked, but not each cycle.
    */
   EXPECT(test_count_handles() <= handles + 16);
   EXPECT(count_views() <= views + 4);
   /* A leak of 16 bytes a cycle would be twice that. */
   EXPECT((int64_t)more < 256 * 1024);
}

#define INSTANCES 40

static void
open_and_close(unsigned count)
{
   while (count--)
      vkt_close_device(vkt_open());
}

/* Another instance keeps the driver loaded, see vkt_device.c: winpthreads, in
 * a DLL that MinGW has linked, leaves handles behind whenever it is unloaded.
 * It also makes an event for a mutex when threads first meet there, so that a
 * few more handles mean nothing; one for each instance does.
 */
static void
instances(UNUSED intptr_t arg)
{
   unsigned before, after;

   open_and_close(INSTANCES / 4);
   before = test_count_handles();
   open_and_close(INSTANCES);
   after = test_count_handles();
   test_diag("%u handles, and %u after %u instances", before, after,
             INSTANCES);
   EXPECT(after < before + INSTANCES / 4);
}

const struct test_case test_cases[] = {
   {"instances_leave_no_handle", instances},
   {"cycles_leave_nothing_fence", cycles, VKT_FENCE, 200},
   {"cycles_leave_nothing_binary", cycles, VKT_BINARY, 200},
   {"cycles_leave_nothing_timeline", cycles, VKT_TIMELINE, 200},
   {0},
};

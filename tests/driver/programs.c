/* SPDX-License-Identifier: MIT */

/* What programs rely on that know nothing of external objects. */
#include "vkt.h"

#include <string.h>

static VkPhysicalDeviceLimits
get_limits(VkPhysicalDevice physical)
{
   VkPhysicalDeviceProperties properties;

   vkGetPhysicalDeviceProperties(physical, &properties);
   return properties.limits;
}

static void
mapped_memory_is_aligned(UNUSED intptr_t arg)
{
   static const VkDeviceSize sizes[] = {
      1, 16, 48, 64, 100, 4096, 4097, 65536, 1 << 20, (1 << 20) + 16,
   };
   struct vkt_device *device = vkt_open();
   const size_t alignment = get_limits(device->physical).minMemoryMapAlignment;
   VkDeviceMemory memory[TEST_COUNT(sizes)];

   EXPECT(alignment >= 64);
   for (unsigned i = 0; i < TEST_COUNT(sizes); i++) {
      void *data;

      memory[i] = gpu_allocate(&device->gpu, sizes[i], NULL);
      data = gpu_map(&device->gpu, memory[i]);
      EXPECT_U64((uintptr_t)data % alignment, 0);
      memset(data, 0x5a, sizes[i]);
   }
   for (unsigned i = 0; i < TEST_COUNT(sizes); i++)
      vkFreeMemory(device->handle, memory[i], NULL);
}

static void
too_much_memory_is_an_error(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   VkDeviceMemory memory = VK_NULL_HANDLE;
   const VkMemoryAllocateInfo info = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
      .allocationSize = UINT64_C(1) << 46,
   };

   EXPECT(vkAllocateMemory(device->handle, &info, NULL, &memory) ==
          VK_ERROR_OUT_OF_DEVICE_MEMORY);
}

static uint64_t
ticks_now(void)
{
   LARGE_INTEGER ticks;

   QueryPerformanceCounter(&ticks);
   return (uint64_t)ticks.QuadPart;
}

static void
timestamps_are_calibrated(UNUSED intptr_t arg)
{
   struct vkt_device *device = vkt_open();
   VkDevice handle = vkt_create_bare_device(
      device->physical, VK_EXT_CALIBRATED_TIMESTAMPS_EXTENSION_NAME);
   PFN_vkGetPhysicalDeviceCalibrateableTimeDomainsEXT get_domains =
      (PFN_vkGetPhysicalDeviceCalibrateableTimeDomainsEXT)
         vkGetInstanceProcAddr(
            device->gpu.instance,
            "vkGetPhysicalDeviceCalibrateableTimeDomainsEXT");
   PFN_vkGetCalibratedTimestampsEXT get_timestamps =
      (PFN_vkGetCalibratedTimestampsEXT)
         vkGetDeviceProcAddr(handle, "vkGetCalibratedTimestampsEXT");
   VkTimeDomainEXT domains[8];
   uint32_t count = TEST_COUNT(domains);
   bool device_domain = false, ticks_domain = false;

   REQUIRE(get_domains != NULL && get_timestamps != NULL);
   REQUIRE_OK(get_domains(device->physical, &count, domains));
   for (uint32_t i = 0; i < count; i++) {
      device_domain |= domains[i] == VK_TIME_DOMAIN_DEVICE_EXT;
      ticks_domain |=
         domains[i] == VK_TIME_DOMAIN_QUERY_PERFORMANCE_COUNTER_EXT;
      EXPECT(domains[i] != VK_TIME_DOMAIN_CLOCK_MONOTONIC_EXT);
   }
   EXPECT(device_domain && ticks_domain);

   const VkCalibratedTimestampInfoEXT infos[] = {
      { .sType = VK_STRUCTURE_TYPE_CALIBRATED_TIMESTAMP_INFO_EXT,
        .timeDomain = VK_TIME_DOMAIN_DEVICE_EXT },
      { .sType = VK_STRUCTURE_TYPE_CALIBRATED_TIMESTAMP_INFO_EXT,
        .timeDomain = VK_TIME_DOMAIN_QUERY_PERFORMANCE_COUNTER_EXT },
   };
   uint64_t first[2], second[2], deviation;
   LARGE_INTEGER frequency;

   QueryPerformanceFrequency(&frequency);
   const uint64_t before = ticks_now();
   REQUIRE_OK(get_timestamps(handle, 2, infos, first, &deviation));
   EXPECT(before <= first[1] && first[1] <= ticks_now());
   EXPECT(deviation > 0);

   /* Both clocks run at the rate that they are said to have. */
   Sleep(50);
   REQUIRE_OK(get_timestamps(handle, 2, infos, second, &deviation));
   const double device_ms = (double)(second[0] - first[0]) *
                            get_limits(device->physical).timestampPeriod /
                            1e6;
   const double ticks_ms = (double)(second[1] - first[1]) * 1e3 /
                           (double)frequency.QuadPart;
   test_diag("%.3f ms of the device, %.3f ms of the counter", device_ms,
             ticks_ms);
   EXPECT(device_ms >= 49 && ticks_ms >= 49);
   EXPECT(device_ms - ticks_ms < 5 && ticks_ms - device_ms < 5);

   vkDestroyDevice(handle, NULL);
}

/* Too many of them, too few, or none where there should be some */
static void
timeline_values_without_timelines_are_ignored(UNUSED intptr_t arg)
{
   static const uint64_t some[] = { 5, 6, 7 };
   static const struct {
      uint32_t count;
      const uint64_t *values;
   } cases[] = { { 3, some }, { 1, some }, { 2, NULL } };
   struct vkt_device *device = vkt_open();
   struct vkt_object *first = vkt_create(device, VKT_BINARY);
   struct vkt_object *second = vkt_create(device, VKT_BINARY);
   struct vkt_object *fence = vkt_create(device, VKT_FENCE);
   const VkSemaphore semaphores[] = { first->semaphore, second->semaphore };
   const VkPipelineStageFlags stages[] = {
      VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
   };

   for (unsigned i = 0; i < TEST_COUNT(cases); i++) {
      const VkTimelineSemaphoreSubmitInfo values = {
         .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
         .waitSemaphoreValueCount = cases[i].count,
         .pWaitSemaphoreValues = cases[i].values,
         .signalSemaphoreValueCount = cases[i].count,
         .pSignalSemaphoreValues = cases[i].values,
      };
      const VkSubmitInfo submits[] = {
         { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .pNext = &values,
           .signalSemaphoreCount = 2, .pSignalSemaphores = semaphores },
         { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .pNext = &values,
           .waitSemaphoreCount = 2, .pWaitSemaphores = semaphores,
           .pWaitDstStageMask = stages },
         { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .pNext = &values },
      };

      test_diag("%u values", (unsigned)cases[i].count);
      REQUIRE_OK(vkQueueSubmit(device->queue, TEST_COUNT(submits), submits,
                               fence->fence));
      vkt_expect_done(fence);
      vkt_reset(fence);
   }
}

/* Windows that are none, as programs have them that go on after the user has
 * closed theirs.
 */
struct rig {
   VkInstance instance;
   VkPhysicalDevice physical;
   VkDevice device;
   VkSurfaceKHR surface;
   VkSwapchainKHR swapchain;
};

static struct rig
open_rig(HWND window)
{
   static const char *const extensions[] = {
      VK_KHR_SURFACE_EXTENSION_NAME,
      VK_KHR_WIN32_SURFACE_EXTENSION_NAME,
   };
   const VkWin32SurfaceCreateInfoKHR info = {
      .sType = VK_STRUCTURE_TYPE_WIN32_SURFACE_CREATE_INFO_KHR,
      .hinstance = GetModuleHandleW(NULL),
      .hwnd = window,
   };
   struct rig rig = {
      .instance = vkt_create_instance_with(VK_API_VERSION_1_1, extensions,
                                           TEST_COUNT(extensions)),
   };

   rig.physical = vkt_pick_lavapipe(rig.instance);
   rig.device =
      vkt_create_bare_device(rig.physical, VK_KHR_SWAPCHAIN_EXTENSION_NAME);
   REQUIRE_OK(vkCreateWin32SurfaceKHR(rig.instance, &info, NULL,
                                      &rig.surface));
   return rig;
}

static void
close_rig(struct rig *rig)
{
   vkDestroySwapchainKHR(rig->device, rig->swapchain, NULL);
   vkDestroySurfaceKHR(rig->instance, rig->surface, NULL);
   vkDestroyDevice(rig->device, NULL);
   vkDestroyInstance(rig->instance, NULL);
}

static VkResult
create_swapchain(struct rig *rig)
{
   const VkSwapchainCreateInfoKHR info = {
      .sType = VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR,
      .surface = rig->surface,
      .minImageCount = 2,
      .imageFormat = VK_FORMAT_B8G8R8A8_UNORM,
      .imageExtent = {64, 64},
      .imageArrayLayers = 1,
      .imageUsage = VK_IMAGE_USAGE_TRANSFER_DST_BIT,
      .preTransform = VK_SURFACE_TRANSFORM_IDENTITY_BIT_KHR,
      .compositeAlpha = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR,
      .presentMode = VK_PRESENT_MODE_FIFO_KHR,
   };

   return vkCreateSwapchainKHR(rig->device, &info, NULL, &rig->swapchain);
}

static void
window_that_is_none(intptr_t window)
{
   struct rig rig = open_rig((HWND)window);
   VkSurfaceCapabilitiesKHR capabilities;
   VkBool32 supported;

   EXPECT_OK(vkGetPhysicalDeviceSurfaceSupportKHR(rig.physical, 0,
                                                  rig.surface, &supported));
   EXPECT_RESULT(vkGetPhysicalDeviceSurfaceCapabilitiesKHR(
                    rig.physical, rig.surface, &capabilities),
                 VK_ERROR_SURFACE_LOST_KHR);
   EXPECT_RESULT(create_swapchain(&rig), VK_ERROR_SURFACE_LOST_KHR);
   close_rig(&rig);
}

static void
present(struct rig *rig, VkFence fence, VkResult want)
{
   uint32_t image;
   const VkPresentInfoKHR info = {
      .sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
      .swapchainCount = 1,
      .pSwapchains = &rig->swapchain,
      .pImageIndices = &image,
   };
   VkQueue queue;

   vkGetDeviceQueue(rig->device, 0, 0, &queue);
   REQUIRE_OK(vkAcquireNextImageKHR(rig->device, rig->swapchain, UINT64_MAX,
                                    VK_NULL_HANDLE, fence, &image));
   REQUIRE_OK(vkWaitForFences(rig->device, 1, &fence, VK_TRUE, UINT64_MAX));
   REQUIRE_OK(vkResetFences(rig->device, 1, &fence));
   EXPECT_RESULT(vkQueuePresentKHR(queue, &info), want);
}

static void
window_that_is_closed(UNUSED intptr_t arg)
{
   const VkFenceCreateInfo fence_info = {
      .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
   };
   HWND window = CreateWindowW(L"STATIC", L"", WS_POPUP | WS_VISIBLE, 0, 0, 64,
                               64, NULL, NULL, NULL, NULL);
   struct rig rig;
   VkFence fence;

   REQUIRE(window != NULL);
   rig = open_rig(window);
   REQUIRE_OK(vkCreateFence(rig.device, &fence_info, NULL, &fence));
   REQUIRE_OK(create_swapchain(&rig));
   present(&rig, fence, VK_SUCCESS);

   REQUIRE(DestroyWindow(window));
   present(&rig, fence, VK_ERROR_SURFACE_LOST_KHR);

   vkDestroyFence(rig.device, fence, NULL);
   close_rig(&rig);
}

const struct test_case test_cases[] = {
   {"mapped_memory_is_aligned", mapped_memory_is_aligned},
   {"too_much_memory_is_an_error", too_much_memory_is_an_error},
   {"timestamps_are_calibrated", timestamps_are_calibrated},
   {"timeline_values_without_timelines_are_ignored",
    timeline_values_without_timelines_are_ignored},
   {"window_NULL", window_that_is_none},
   {"window_that_never_was", window_that_is_none, 0x5a5a5a},
   {"window_that_is_closed", window_that_is_closed},
   {0},
};

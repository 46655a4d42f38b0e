/* SPDX-License-Identifier: MIT */

/* Windows that are none, as programs have them that go on after the user has
 * closed theirs.
 */
#include "vkt.h"

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
present(VkDevice device, VkSwapchainKHR swapchain, VkFence fence, VkResult want)
{
   uint32_t image;
   const VkPresentInfoKHR info = {
      .sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
      .swapchainCount = 1,
      .pSwapchains = &swapchain,
      .pImageIndices = &image,
   };
   VkQueue queue;

   vkGetDeviceQueue(device, 0, 0, &queue);
   REQUIRE_OK(vkAcquireNextImageKHR(device, swapchain, UINT64_MAX,
                                    VK_NULL_HANDLE, fence, &image));
   REQUIRE_OK(vkWaitForFences(device, 1, &fence, VK_TRUE, UINT64_MAX));
   REQUIRE_OK(vkResetFences(device, 1, &fence));
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
   present(rig.device, rig.swapchain, fence, VK_SUCCESS);

   REQUIRE(DestroyWindow(window));
   present(rig.device, rig.swapchain, fence, VK_ERROR_SURFACE_LOST_KHR);

   vkDestroyFence(rig.device, fence, NULL);
   close_rig(&rig);
}

const struct test_case test_cases[] = {
   {"window_NULL", window_that_is_none},
   {"window_that_never_was", window_that_is_none, 0x5a5a5a},
   {"window_that_is_closed", window_that_is_closed},
   {0},
};

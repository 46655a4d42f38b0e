/* SPDX-License-Identifier: MIT */
#include "icd.h"

#include <stdio.h>
#include <string.h>

typedef void (*any_proc)(void);
typedef VkResult (VKAPI_PTR *negotiate_func)(uint32_t *version);

static PFN_vkVoidFunction
instance_proc(struct bench_icd *icd, const char *name)
{
   PFN_vkVoidFunction proc = icd->GetInstanceProcAddr(icd->instance, name);

   if (proc == NULL)
      fprintf(stderr, "the driver lacks %s\n", name);
   BENCH_REQUIRE(proc != NULL);
   return proc;
}

static void
load_driver(struct bench_icd *icd, const char *dll)
{
   uint32_t version = 5;

   if (dll == NULL) {
      bench_abandon("this case needs both --ours and --upstream");
   }
   icd->module = LoadLibraryA(dll);
   if (icd->module == NULL)
      fprintf(stderr, "cannot load %s\n", dll);
   BENCH_REQUIRE(icd->module != NULL);

   negotiate_func negotiate = (negotiate_func)(any_proc)
      GetProcAddress(icd->module, "vk_icdNegotiateLoaderICDInterfaceVersion");
   icd->GetInstanceProcAddr = (PFN_vkGetInstanceProcAddr)(any_proc)
      GetProcAddress(icd->module, "vk_icdGetInstanceProcAddr");
   BENCH_REQUIRE(negotiate != NULL && icd->GetInstanceProcAddr != NULL);
   BENCH_REQUIRE(negotiate(&version) == VK_SUCCESS);
}

static void
create_instance(struct bench_icd *icd)
{
   const VkApplicationInfo application = {
      .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
      .apiVersion = VK_API_VERSION_1_3,
   };
   const VkInstanceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
      .pApplicationInfo = &application,
   };
   PFN_vkCreateInstance create =
      (PFN_vkCreateInstance)instance_proc(icd, "vkCreateInstance");

   BENCH_REQUIRE(create(&info, NULL, &icd->instance) == VK_SUCCESS);
}

static void
create_device(struct bench_icd *icd, bool exports)
{
   VkPhysicalDeviceVulkan13Features features13 = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
      .dynamicRendering = VK_TRUE,
   };
   VkPhysicalDeviceVulkan12Features features12 = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
      .pNext = &features13,
      .timelineSemaphore = VK_TRUE,
   };
   const float priority = 1.0f;
   const VkDeviceQueueCreateInfo queue = {
      .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
      .queueCount = 1,
      .pQueuePriorities = &priority,
   };
   static const char *const extensions[] = {
      VK_KHR_EXTERNAL_FENCE_WIN32_EXTENSION_NAME,
      VK_KHR_EXTERNAL_MEMORY_WIN32_EXTENSION_NAME,
      VK_KHR_EXTERNAL_SEMAPHORE_WIN32_EXTENSION_NAME,
   };
   const VkDeviceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
      .pNext = &features12,
      .enabledExtensionCount = exports ? BENCH_COUNT(extensions) : 0,
      .ppEnabledExtensionNames = extensions,
      .queueCreateInfoCount = 1,
      .pQueueCreateInfos = &queue,
   };
   PFN_vkEnumeratePhysicalDevices enumerate = (PFN_vkEnumeratePhysicalDevices)
      instance_proc(icd, "vkEnumeratePhysicalDevices");
   PFN_vkCreateDevice create =
      (PFN_vkCreateDevice)instance_proc(icd, "vkCreateDevice");
   VkPhysicalDevice physical;
   uint32_t count = 1;

   BENCH_REQUIRE(enumerate(icd->instance, &count, &physical) == VK_SUCCESS);
   BENCH_REQUIRE(count == 1);
   BENCH_REQUIRE(create(physical, &info, NULL, &icd->device) == VK_SUCCESS);
}

static void
load_commands(struct bench_icd *icd)
{
   icd->GetDeviceProcAddr = (PFN_vkGetDeviceProcAddr)
      instance_proc(icd, "vkGetDeviceProcAddr");

#define LOAD(name) \
   icd->name = (PFN_vk##name)icd->GetDeviceProcAddr(icd->device, \
                                                    "vk" #name); \
   BENCH_REQUIRE(icd->name != NULL);
   BENCH_ICD_COMMANDS(LOAD)
#undef LOAD
}

void
bench_icd_open(struct bench_icd *icd, const char *dll, bool exports)
{
   bench_stage(dll != NULL ? dll : "opening a driver");
   memset(icd, 0, sizeof(*icd));
   load_driver(icd, dll);
   create_instance(icd);
   create_device(icd, exports);
   load_commands(icd);
   icd->GetDeviceQueue(icd->device, 0, 0, &icd->queue);
}

void
bench_icd_close(struct bench_icd *icd)
{
   PFN_vkDestroyInstance destroy = (PFN_vkDestroyInstance)
      instance_proc(icd, "vkDestroyInstance");

   bench_stage("waiting until a device is idle");
   icd->DeviceWaitIdle(icd->device);
   bench_stage("destroying a device and its instance");
   icd->DestroyDevice(icd->device, NULL);
   destroy(icd->instance, NULL);
   bench_stage("unloading a driver");
   FreeLibrary(icd->module);
}

VkSemaphore
bench_icd_timeline(struct bench_icd *icd)
{
   const VkSemaphoreTypeCreateInfo type = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
      .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
   };
   const VkSemaphoreCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
      .pNext = &type,
   };
   VkSemaphore semaphore;

   BENCH_REQUIRE(icd->CreateSemaphore(icd->device, &info, NULL,
                                      &semaphore) == VK_SUCCESS);
   return semaphore;
}

VkSemaphore
bench_icd_binary(struct bench_icd *icd, bool exported)
{
   const VkExportSemaphoreCreateInfo export = {
      .sType = VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO,
      .handleTypes = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_WIN32_BIT,
   };
   const VkSemaphoreCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
      .pNext = exported ? &export : NULL,
   };
   VkSemaphore semaphore;

   BENCH_REQUIRE(icd->CreateSemaphore(icd->device, &info, NULL,
                                      &semaphore) == VK_SUCCESS);
   return semaphore;
}

static VkFence
create_fence(struct bench_icd *icd, const void *chain)
{
   const VkFenceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
      .pNext = chain,
   };
   VkFence fence;

   BENCH_REQUIRE(icd->CreateFence(icd->device, &info, NULL, &fence) ==
                 VK_SUCCESS);
   return fence;
}

VkFence
bench_icd_fence(struct bench_icd *icd)
{
   return create_fence(icd, NULL);
}

VkFence
bench_icd_exported_fence(struct bench_icd *icd)
{
   const VkExportFenceCreateInfo export = {
      .sType = VK_STRUCTURE_TYPE_EXPORT_FENCE_CREATE_INFO,
      .handleTypes = VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_WIN32_BIT,
   };

   return create_fence(icd, &export);
}

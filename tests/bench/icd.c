/* SPDX-License-Identifier: MIT */
#include "icd.h"

#include <stdlib.h>

typedef void (*any_proc)(void);
typedef VkResult (VKAPI_PTR *negotiate_func)(uint32_t *version);

static void
on_failure(const char *file, int line, const char *call, VkResult result)
{
   test_fail(true, file, line, "%s gave VkResult %d", call, (int)result);
}

void
bench_icd_open(struct bench_icd *icd, enum bench_side side, bool exports)
{
   static const char *const extensions[] = {
      VK_KHR_EXTERNAL_FENCE_WIN32_EXTENSION_NAME,
      VK_KHR_EXTERNAL_MEMORY_WIN32_EXTENSION_NAME,
      VK_KHR_EXTERNAL_SEMAPHORE_WIN32_EXTENSION_NAME,
   };
   const char *dll = getenv(side == BENCH_OURS ? "LVP_SYNC_OURS"
                                               : "LVP_SYNC_UPSTREAM");
   uint32_t version = 5;

   REQUIRE(dll != NULL);
   *icd = (struct bench_icd) {.gpu.fail = on_failure};
   icd->module = LoadLibraryA(dll);
   if (icd->module == NULL)
      test_fail(true, __FILE__, __LINE__, "cannot load %s: error %lu", dll,
                (unsigned long)GetLastError());

   negotiate_func negotiate = (negotiate_func)(any_proc)
      GetProcAddress(icd->module, "vk_icdNegotiateLoaderICDInterfaceVersion");
   icd->gpu.GetInstanceProcAddr = (PFN_vkGetInstanceProcAddr)(any_proc)
      GetProcAddress(icd->module, "vk_icdGetInstanceProcAddr");
   REQUIRE(negotiate != NULL && icd->gpu.GetInstanceProcAddr != NULL);
   REQUIRE(negotiate(&version) == VK_SUCCESS);
   gpu_open_instance(&icd->gpu);
   gpu_open(&icd->gpu, extensions, exports ? TEST_COUNT(extensions) : 0);
}

void
bench_icd_close(struct bench_icd *icd)
{
   PFN_vkDestroyInstance destroy = (PFN_vkDestroyInstance)
      icd->gpu.GetInstanceProcAddr(icd->gpu.instance, "vkDestroyInstance");

   icd->gpu.DeviceWaitIdle(icd->gpu.device);
   gpu_close(&icd->gpu);
   destroy(icd->gpu.instance, NULL);
   FreeLibrary(icd->module);
}

/* SPDX-License-Identifier: MIT */

/* The identifiers of interfaces are defined here. */
#include <initguid.h>

#include "share.h"

#include <stdlib.h>

#include "child.h"

/* D3D12 -------------------------------------------------------------------- */

static struct runtime runtime;

/* The double, unless somebody wants another runtime */
static void
choose_folder(void)
{
   char folder[MAX_PATH], dll[2 * MAX_PATH];

   if (getenv(RUNTIME_PATH_VARIABLE))
      return;
   child_sibling_program("double", folder, sizeof(folder));
   snprintf(dll, sizeof(dll), "%s\\d3d12.dll", folder);
   if (GetFileAttributesA(dll) == INVALID_FILE_ATTRIBUTES)
      test_skip("there is no %s, and " RUNTIME_PATH_VARIABLE " names no other "
                "folder", dll);
   REQUIRE(!_putenv_s(RUNTIME_PATH_VARIABLE, folder));
}

/* By its full path, since Wine and Windows have their own of this name */
static HMODULE
load(const char *name)
{
   char path[2 * MAX_PATH];
   HMODULE module;

   snprintf(path, sizeof(path), "%s\\%s", runtime.folder, name);
   module = LoadLibraryA(path);
   if (module == NULL)
      test_fail(true, __FILE__, __LINE__, "%s: error %lu", path,
                (unsigned long)GetLastError());
   return module;
}

static void *
find(HMODULE module, const char *name)
{
   return (void *)(uintptr_t)GetProcAddress(module, name);
}

/* With another runtime than the double, its functions are NULL. */
static const struct runtime *
load_any(void)
{
   HMODULE dxgi, d3d12;

   if (runtime.create_device)
      return &runtime;
   choose_folder();
   snprintf(runtime.folder, sizeof(runtime.folder), "%s",
            getenv(RUNTIME_PATH_VARIABLE));
   dxgi = load("dxgi.dll");
   d3d12 = load("d3d12.dll");
   runtime.create_factory = find(dxgi, "CreateDXGIFactory2");
   runtime.on_factory = find(dxgi, "double_on_factory");
   runtime.dxgi_objects = find(dxgi, "double_live_objects");
   runtime.create_device = find(d3d12, "D3D12CreateDevice");
   runtime.on_removed_reason = find(d3d12, "double_on_removed_reason");
   runtime.remove_device = find(d3d12, "double_remove_device");
   runtime.d3d12_objects = find(d3d12, "double_live_objects");
   REQUIRE(runtime.create_factory && runtime.create_device);
   return &runtime;
}

const struct runtime *
runtime_load(void)
{
   if (!load_any()->remove_device)
      test_skip("%s has another runtime than the test double, or Wine takes "
                "its own: WINEDLLOVERRIDES must have d3d12,dxgi=n,b",
                runtime.folder);
   return &runtime;
}

static void
release(void *object)
{
   IUnknown_Release((IUnknown *)object);
}

void *
runtime_own(void *object)
{
   test_defer(release, object);
   return object;
}

IDXGIAdapter1 *
runtime_warp_adapter(void)
{
   void *factory = NULL, *adapter = NULL;

   load_any();
   REQUIRE_HR(runtime.create_factory(0, &IID_IDXGIFactory4, &factory));
   runtime_own(factory);
   REQUIRE_HR(IDXGIFactory4_EnumWarpAdapter((IDXGIFactory4 *)factory,
                                            &IID_IDXGIAdapter1, &adapter));
   return runtime_own(adapter);
}

ID3D12Device *
runtime_warp(void)
{
   IUnknown *adapter = (IUnknown *)runtime_warp_adapter();
   void *device = NULL;

   REQUIRE_HR(runtime.create_device(adapter, D3D_FEATURE_LEVEL_11_0,
                                    &IID_ID3D12Device, &device));
   return runtime_own(device);
}

ID3D12Fence *
runtime_fence(ID3D12Device *device, UINT64 value, D3D12_FENCE_FLAGS flags)
{
   void *fence = NULL;

   REQUIRE_HR(ID3D12Device_CreateFence(device, value, flags, &IID_ID3D12Fence,
                                       &fence));
   return runtime_own(fence);
}

HANDLE
runtime_share(ID3D12Device *device, ID3D12Fence *fence, const WCHAR *name)
{
   HANDLE handle = NULL;

   REQUIRE_HR(ID3D12Device_CreateSharedHandle(device,
                                              (ID3D12DeviceChild *)fence, NULL,
                                              GENERIC_ALL, name, &handle));
   return test_own_handle(handle);
}

ID3D12Fence *
runtime_open(ID3D12Device *device, HANDLE handle)
{
   void *fence = NULL;

   REQUIRE_HR(ID3D12Device_OpenSharedHandle(device, handle, &IID_ID3D12Fence,
                                            &fence));
   return runtime_own(fence);
}

void
runtime_signal(ID3D12Fence *fence, UINT64 value)
{
   REQUIRE_HR(ID3D12Fence_Signal(fence, value));
}

HANDLE
runtime_event(void)
{
   HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);

   REQUIRE(event != NULL);
   return test_own_handle(event);
}

HANDLE
runtime_event_at(ID3D12Fence *fence, UINT64 value)
{
   HANDLE event = runtime_event();

   REQUIRE_HR(ID3D12Fence_SetEventOnCompletion(fence, value, event));
   return event;
}

void
runtime_expect_value(ID3D12Fence *fence, UINT64 value)
{
   HANDLE event = runtime_event_at(fence, value);

   EXPECT(WaitForSingleObject(event, VKT_LONG_MS) == WAIT_OBJECT_0);
   test_close(event);
   EXPECT_U64(ID3D12Fence_GetCompletedValue(fence), value);
}

static void
unset(void *variable)
{
   SetEnvironmentVariableA(variable, NULL);
}

void
runtime_set_variable(const char *variable, const char *value)
{
   SetEnvironmentVariableA(variable, value);
   test_defer(unset, (void *)variable);
}

/* Vulkan ------------------------------------------------------------------- */

struct vkt_device *
share_open(void)
{
   const struct runtime *runtime = load_any();
   struct vkt_device *device = vkt_open();

   if (!share_query(device, VKT_BINARY, SHARE_D3D12)
           .externalSemaphoreFeatures)
      test_skip("%s has no Direct3D 12 that can share fences",
                runtime->folder);
   return device;
}

VkExternalSemaphoreProperties
share_query(struct vkt_device *device, enum vkt_kind kind, VkFlags type)
{
   const VkSemaphoreTypeCreateInfo type_info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
      .semaphoreType = kind == VKT_TIMELINE ? VK_SEMAPHORE_TYPE_TIMELINE
                                            : VK_SEMAPHORE_TYPE_BINARY,
   };
   const bool is_fence = kind == VKT_FENCE;
   const VkPhysicalDeviceExternalSemaphoreInfo info = {
      .sType = is_fence
                  ? VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_FENCE_INFO
                  : VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_SEMAPHORE_INFO,
      .pNext = is_fence ? NULL : &type_info,
      .handleType = (VkExternalSemaphoreHandleTypeFlagBits)type,
   };
   VkExternalSemaphoreProperties properties = {
      .sType = is_fence ? VK_STRUCTURE_TYPE_EXTERNAL_FENCE_PROPERTIES
                        : VK_STRUCTURE_TYPE_EXTERNAL_SEMAPHORE_PROPERTIES,
      /* What the driver leaves as it was shows. */
      .exportFromImportedHandleTypes = ~0u,
      .compatibleHandleTypes = ~0u,
      .externalSemaphoreFeatures = ~0u,
   };

   if (is_fence)
      vkGetPhysicalDeviceExternalFenceProperties(
         device->physical, (const VkPhysicalDeviceExternalFenceInfo *)&info,
         (VkExternalFenceProperties *)&properties);
   else
      vkGetPhysicalDeviceExternalSemaphoreProperties(device->physical, &info,
                                                     &properties);
   return properties;
}

struct vkt_object *
share_create(struct vkt_device *device, enum vkt_kind kind, uint64_t initial)
{
   return vkt_create_info(device, &(struct vkt_object_info){
                                     .kind = kind,
                                     .export_types = SHARE_D3D12,
                                     .initial = initial,
                                  });
}

HANDLE
share_export(struct vkt_object *object)
{
   HANDLE handle = NULL;

   REQUIRE_OK(vkt_try_export(object, SHARE_D3D12, &handle));
   REQUIRE(handle != NULL);
   return test_own_handle(handle);
}

VkResult
share_try_import(struct vkt_object *object, HANDLE handle, const wchar_t *name)
{
   return vkt_try_import(object, SHARE_D3D12, false, handle, name);
}

struct vkt_object *
share_import(struct vkt_device *device, enum vkt_kind kind, HANDLE handle)
{
   struct vkt_object *object = vkt_create(device, kind);

   REQUIRE_OK(share_try_import(object, handle, NULL));
   return object;
}

ID3D12Fence *
share_fence(struct vkt_object *object)
{
   return runtime_open(runtime_warp(), share_export(object));
}

struct share_pair
share_pair(enum vkt_kind kind, uint64_t value)
{
   struct share_pair pair = {.device = share_open()};
   ID3D12Device *warp = runtime_warp();

   pair.fence = runtime_fence(warp, value, D3D12_FENCE_FLAG_SHARED);
   pair.handle = runtime_share(warp, pair.fence, NULL);
   pair.semaphore = share_import(pair.device, kind, pair.handle);
   return pair;
}

static uint32_t
fill(const struct vkt_point *points, VkSemaphore *semaphores, uint64_t *values)
{
   uint32_t count = 0;

   for (; count < VKT_MAX_SEMAPHORES && points[count].semaphore; count++) {
      semaphores[count] = points[count].semaphore->semaphore;
      values[count] = points[count].value;
   }
   return count;
}

void
share_submit(struct vkt_device *device, const struct vkt_batch *batch,
             struct vkt_object *fence)
{
   VkPipelineStageFlags stages[VKT_MAX_SEMAPHORES];
   VkSemaphore waits[VKT_MAX_SEMAPHORES], signals[VKT_MAX_SEMAPHORES];
   uint64_t wait_values[VKT_MAX_SEMAPHORES];
   uint64_t signal_values[VKT_MAX_SEMAPHORES];
   const uint32_t wait_count = fill(batch->waits, waits, wait_values);
   const uint32_t signal_count = fill(batch->signals, signals, signal_values);
   VkTimelineSemaphoreSubmitInfo timelines = {
      .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
      .waitSemaphoreValueCount = wait_count,
      .pWaitSemaphoreValues = wait_values,
      .signalSemaphoreValueCount = signal_count,
      .pSignalSemaphoreValues = signal_values,
   };
   const VkD3D12FenceSubmitInfoKHR fences = {
      .sType = VK_STRUCTURE_TYPE_D3D12_FENCE_SUBMIT_INFO_KHR,
      .pNext = &timelines,
      .waitSemaphoreValuesCount = wait_count,
      .pWaitSemaphoreValues = wait_count ? wait_values : NULL,
      .signalSemaphoreValuesCount = signal_count,
      .pSignalSemaphoreValues = signal_count ? signal_values : NULL,
   };
   const VkSubmitInfo info = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
      .pNext = &fences,
      .waitSemaphoreCount = wait_count,
      .pWaitSemaphores = waits,
      .pWaitDstStageMask = stages,
      .commandBufferCount = batch->commands ? 1 : 0,
      .pCommandBuffers = &batch->commands,
      .signalSemaphoreCount = signal_count,
      .pSignalSemaphores = signals,
   };

   for (uint32_t i = 0; i < VKT_MAX_SEMAPHORES; i++)
      stages[i] = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
   REQUIRE_OK(vkQueueSubmit(device->queue, 1, &info,
                            fence ? fence->fence : VK_NULL_HANDLE));
}

void
share_queue_signal(struct vkt_object *object, uint64_t value)
{
   const struct vkt_batch batch = {.signals = {{object, value}}};

   share_submit(object->device, &batch, NULL);
}

struct vkt_object *
share_queue_wait(struct vkt_object *object, uint64_t value)
{
   struct vkt_object *fence = vkt_create(object->device, VKT_FENCE);
   const struct vkt_batch batch = {.waits = {{object, value}}};

   share_submit(object->device, &batch, fence);
   return fence;
}

void
share_expect_linked(struct vkt_object *object, ID3D12Fence *fence)
{
   const uint64_t value = ID3D12Fence_GetCompletedValue(fence);
   struct vkt_object *done;

   share_queue_signal(object, value + 1);
   runtime_expect_value(fence, value + 1);

   done = share_queue_wait(object, value + 2);
   EXPECT_U64(vkt_value(done), 0);
   runtime_signal(fence, value + 2);
   vkt_expect_done(done);
   vkt_destroy(done);
}

VkResult
share_try_signal(struct vkt_object *timeline, uint64_t value)
{
   const VkSemaphoreSignalInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
      .semaphore = timeline->semaphore,
      .value = value,
   };

   return vkSignalSemaphore(timeline->device->handle, &info);
}

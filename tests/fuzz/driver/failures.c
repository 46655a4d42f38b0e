/* SPDX-License-Identifier: MIT */

/* The driver's calls into the system fail, one at a time: whatever the entry
 * point makes of that, it is a code that it lists (see vkt_listed()), and
 * nothing is left behind.
 */
#include "fuzz.h"
#include "vkt.h"

#define SIZE 10000

struct scene {
   struct vkt_device *device;
   enum vkt_kind kind;
   VkFlags type;
   /* One that others are opened from, and what is imported into */
   struct vkt_object *source, *target;
   HANDLE handle;
   const wchar_t *name, *free_name;
   VkDeviceMemory memory;
   HANDLE memory_handle;
   uint64_t value;
};

static void
create(struct scene *scene)
{
   const struct vkt_object_info infos[] = {
      {.kind = scene->kind},
      {.kind = scene->kind, .export_types = scene->type},
      {.kind = scene->kind, .export_types = VKT_OPAQUE_WIN32,
       .win32_info = true, .name = scene->free_name},
   };

   for (unsigned i = 0; i < TEST_COUNT(infos); i++) {
      struct vkt_object *object;

      if (vkt_try_create(scene->device, &infos[i], &object) == VK_SUCCESS)
         vkt_destroy(object);
   }
}

static void
import(struct scene *scene)
{
   (void)vkt_try_import(scene->target, scene->type, false, scene->handle, NULL);
   if (scene->kind != VKT_TIMELINE)
      (void)vkt_try_import(scene->target, scene->type, true, scene->handle,
                           NULL);
   /* Not what fails by itself: Mesa's messages take memory for granted. */
   if (scene->type == VKT_OPAQUE_WIN32)
      (void)vkt_import_name(scene->target, scene->name);
}

static void
use(struct scene *scene)
{
   VkDevice device = scene->device->handle;
   VkSemaphore semaphore = scene->source->semaphore;
   const VkSemaphoreSignalInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
      .semaphore = semaphore,
      .value = scene->value + 1,
   };
   uint64_t value;

   if (scene->kind != VKT_BINARY)
      (void)vkt_wait(scene->source, scene->value + 1, 1);
   if (scene->kind == VKT_TIMELINE) {
      (void)vkGetSemaphoreCounterValue(device, semaphore, &value);
      (void)vkSignalSemaphore(device, &info);
      scene->value++;
   }
   if (scene->kind == VKT_FENCE &&
       vkGetFenceStatus(device, scene->source->fence) == VK_SUCCESS)
      (void)vkResetFences(device, 1, &scene->source->fence);
}

/* What one batch signals the next one waits for. */
static void
submit(struct scene *scene)
{
   const VkSemaphoreSubmitInfo semaphore = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
      .semaphore = scene->source->semaphore,
      .value = ++scene->value,
      .stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
   };
   const VkSubmitInfo2 submits[] = {
      {
         .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
         .signalSemaphoreInfoCount = 1,
         .pSignalSemaphoreInfos = &semaphore,
      },
      {
         .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
         .waitSemaphoreInfoCount = 1,
         .pWaitSemaphoreInfos = &semaphore,
      },
   };
   VkQueue queue = scene->device->queue;

   if (scene->kind == VKT_FENCE) {
      (void)vkQueueSubmit2(queue, 0, NULL, scene->source->fence);
      (void)vkQueueWaitIdle(queue);
      vkt_reset(scene->source);
   } else if (vkQueueSubmit2(queue, 1, &submits[0], VK_NULL_HANDLE) ==
              VK_SUCCESS) {
      /* One of these may be the call that fails. */
      for (unsigned i = 0; i < 2; i++) {
         if (vkQueueSubmit2(queue, 1, &submits[1], VK_NULL_HANDLE) ==
             VK_SUCCESS)
            break;
      }
   }
   (void)vkQueueWaitIdle(queue);
}

static void
try_allocate(struct scene *scene, const void *next)
{
   const VkMemoryAllocateInfo info = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
      .pNext = next,
      .allocationSize = SIZE,
   };
   VkDeviceMemory memory;

   if (vkAllocateMemory(scene->device->handle, &info, NULL, &memory) ==
       VK_SUCCESS)
      vkFreeMemory(scene->device->handle, memory, NULL);
}

static void
allocate(struct scene *scene)
{
   const VkExportMemoryWin32HandleInfoKHR win32 = {
      .sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_WIN32_HANDLE_INFO_KHR,
      .name = scene->free_name,
   };
   const VkExportMemoryAllocateInfo export_info = {
      .sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
      .pNext = scene->type == VKT_OPAQUE_WIN32 ? &win32 : NULL,
      .handleTypes = scene->type,
   };
   const VkImportMemoryWin32HandleInfoKHR import_info = {
      .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_WIN32_HANDLE_INFO_KHR,
      .handleType = (VkExternalMemoryHandleTypeFlagBits)scene->type,
      .handle = scene->memory_handle,
   };

   try_allocate(scene, &export_info);
   try_allocate(scene, &import_info);
}

static VkResult
get_memory_handle(struct scene *scene, HANDLE *handle)
{
   const VkMemoryGetWin32HandleInfoKHR info = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_GET_WIN32_HANDLE_INFO_KHR,
      .memory = scene->memory,
      .handleType = (VkExternalMemoryHandleTypeFlagBits)scene->type,
   };

   return scene->device->GetMemoryWin32Handle(scene->device->handle, &info,
                                              handle);
}

static void
export(struct scene *scene)
{
   HANDLE handle;

   if (vkt_try_export(scene->source, scene->type, &handle) == VK_SUCCESS &&
       scene->type == VKT_OPAQUE_WIN32)
      CloseHandle(handle);
   if (get_memory_handle(scene, &handle) == VK_SUCCESS &&
       scene->type == VKT_OPAQUE_WIN32)
      CloseHandle(handle);
}

static const struct {
   const char *name;
   void (*run)(struct scene *scene);
   /* Whether it gives handles away */
   bool exports;
   /* Whether it calls the system each time, whatever is shared and how */
   bool calls;
} operations[] = {
   {"create", create, false, true},
   {"import", import, false, true},
   {"export", export, true, false},
   {"use", use, false, false},
   {"submit", submit, false, true},
   {"allocate", allocate, false, true},
};

static void
free_memory(void *data)
{
   struct scene *scene = data;

   vkFreeMemory(scene->device->handle, scene->memory, NULL);
}

static void
open_scene(struct scene *scene, enum vkt_kind kind, VkFlags type)
{
   const VkExportMemoryAllocateInfo export_info = {
      .sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
      .handleTypes = type,
   };
   struct vkt_device *device = vkt_open();

   fuzz_hook_module(GetModuleHandleA("vulkan_lvp.dll"));
   *scene = (struct scene){
      .device = device,
      .kind = kind,
      .type = type,
      .name = vkt_make_name(L""),
      .free_name = vkt_make_name(L""),
      .target = vkt_create(device, kind),
      .memory = gpu_allocate(&device->gpu, SIZE, &export_info),
   };
   test_defer(free_memory, scene);
   scene->source = vkt_create_info(device, &(struct vkt_object_info){
      .kind = kind,
      .export_types = type,
      .win32_info = type == VKT_OPAQUE_WIN32,
      .name = scene->name,
   });
   REQUIRE_OK(vkt_try_export(scene->source, type, &scene->handle));
   REQUIRE_OK(get_memory_handle(scene, &scene->memory_handle));
   if (type == VKT_OPAQUE_WIN32) {
      test_own_handle(scene->handle);
      test_own_handle(scene->memory_handle);
   }
}

static void
fail_each(struct scene *scene, unsigned operation)
{
   static const DWORD errors[] = {
      ERROR_NOT_ENOUGH_MEMORY, ERROR_ACCESS_DENIED, ERROR_ALREADY_EXISTS,
      ERROR_INVALID_HANDLE,
   };
   void (*run)(struct scene *scene) = operations[operation].run;
   unsigned failures = 0;

   /* What is made once, and what the last import has brought */
   run(scene);
   run(scene);
   const struct fuzz_counts before = fuzz_count();

   for (unsigned i = 0; i < TEST_COUNT(errors); i++) {
      bool failed = true;

      for (uint32_t nth = 1; failed; nth++) {
         fuzz_fail(nth, errors[i]);
         run(scene);
         failed = !fuzz_will_fail();
         fuzz_fail(0, 0);
         failures += failed;
      }
   }
   run(scene);
   fuzz_expect_counts(&before, !operations[operation].exports, false);
   test_diag("%s: %u failures", operations[operation].name, failures);
   EXPECT(failures > 0 || !operations[operation].calls);
}

static void
failures(intptr_t kind)
{
   static const VkFlags types[] = {VKT_OPAQUE_WIN32, VKT_OPAQUE_WIN32_KMT};
   static struct scene scenes[TEST_COUNT(types)];

   for (unsigned i = 0; i < TEST_COUNT(types); i++) {
      open_scene(&scenes[i], (enum vkt_kind)kind, types[i]);
      for (unsigned o = 0; o < TEST_COUNT(operations); o++)
         fail_each(&scenes[i], o);
      if (kind != VKT_TIMELINE)
         vkt_expect_works(scenes[i].source);
   }
}

const struct test_case test_cases[] = {
   VKT_CASES("failures", failures),
   {0},
};

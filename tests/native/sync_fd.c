/* SPDX-License-Identifier: MIT */

/* Fences and binary semaphores as sync files */
#include "native.h"

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum kind {
   FENCE,
   BINARY,
};

#define FENCE_SYNC_FD VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT
#define SEMAPHORE_SYNC_FD VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT

static bool
sync_fd_reported(UNUSED intptr_t arg)
{
   return driver_has("VK_KHR_external_fence_fd") &&
          driver_has("VK_KHR_external_semaphore_fd");
}

struct object {
   struct gpu *gpu;
   enum kind kind;
   VkFence fence;
   VkSemaphore semaphore;
};

static struct object
object_create(struct gpu *gpu, enum kind kind, bool exportable)
{
   struct object object = {.gpu = gpu, .kind = kind};

   if (kind == FENCE)
      object.fence = gpu_fence(gpu, 0, exportable ? FENCE_SYNC_FD : 0);
   else
      object.semaphore = gpu_semaphore(gpu, VK_SEMAPHORE_TYPE_BINARY, 0,
                                       exportable ? SEMAPHORE_SYNC_FD : 0);
   return object;
}

static VkResult
try_export(const struct object *object, int *fd)
{
   struct gpu *gpu = object->gpu;

   if (object->kind == FENCE) {
      const VkFenceGetFdInfoKHR info = {
         .sType = VK_STRUCTURE_TYPE_FENCE_GET_FD_INFO_KHR,
         .fence = object->fence,
         .handleType = FENCE_SYNC_FD,
      };
      return driver.GetFenceFdKHR(gpu->device, &info, fd);
   } else {
      const VkSemaphoreGetFdInfoKHR info = {
         .sType = VK_STRUCTURE_TYPE_SEMAPHORE_GET_FD_INFO_KHR,
         .semaphore = object->semaphore,
         .handleType = SEMAPHORE_SYNC_FD,
      };
      return driver.GetSemaphoreFdKHR(gpu->device, &info, fd);
   }
}

/* Sync files can only be imported temporarily. */
static void
import(const struct object *object, int fd)
{
   struct gpu *gpu = object->gpu;

   if (object->kind == FENCE) {
      const VkImportFenceFdInfoKHR info = {
         .sType = VK_STRUCTURE_TYPE_IMPORT_FENCE_FD_INFO_KHR,
         .fence = object->fence,
         .flags = VK_FENCE_IMPORT_TEMPORARY_BIT,
         .handleType = FENCE_SYNC_FD,
         .fd = fd,
      };
      REQUIRE_OK(driver.ImportFenceFdKHR(gpu->device, &info));
   } else {
      const VkImportSemaphoreFdInfoKHR info = {
         .sType = VK_STRUCTURE_TYPE_IMPORT_SEMAPHORE_FD_INFO_KHR,
         .semaphore = object->semaphore,
         .flags = VK_SEMAPHORE_IMPORT_TEMPORARY_BIT,
         .handleType = SEMAPHORE_SYNC_FD,
         .fd = fd,
      };
      REQUIRE_OK(driver.ImportSemaphoreFdKHR(gpu->device, &info));
   }
}

static void
queue_signal(const struct object *object)
{
   const struct batch batch = {.signal = object->semaphore};

   if (object->kind == FENCE)
      submit(object->gpu, 1, 0, NULL, object->fence);
   else
      submit(object->gpu, 2, 1, &batch, VK_NULL_HANDLE);
}

/* Waits until it is signalled, and leaves it unsignalled. */
static void
expect_signalled(const struct object *object)
{
   struct gpu *gpu = object->gpu;
   const struct batch batch = {.wait = object->semaphore};
   VkFence fence = object->fence;

   if (object->kind == BINARY) {
      fence = gpu_fence(gpu, 0, 0);
      submit(gpu, 1, 1, &batch, fence);
   }
   CHECK_RESULT(fence_wait(gpu, fence, LONG_MS), VK_SUCCESS);
   REQUIRE_OK(gpu->ResetFences(gpu->device, 1, &fence));
}

static int
export(const struct object *object)
{
   int fd = -2;

   REQUIRE_OK(try_export(object, &fd));
   REQUIRE(fd >= 0);
   return fd;
}

static bool
readable(int fd)
{
   struct pollfd file = {.fd = fd, .events = POLLIN};

   return poll(&file, 1, 0) == 1 && file.revents == POLLIN;
}

static void
export_and_import(intptr_t kind)
{
   struct gpu *a = device_open(), *b = device_open();
   const struct object from = object_create(a, (enum kind)kind, true);
   const struct object to = object_create(b, (enum kind)kind, true);
   int fd;

   for (unsigned round = 0; round < 3; round++) {
      queue_signal(&from);
      fd = export(&from);
      CHECK(readable(fd));
      import(&to, fd);
      expect_signalled(&to);
   }
   /* The export has taken the signal, and the wait or the reset has restored
    * the payload that it had before.
    */
   if (kind == FENCE) {
      CHECK_RESULT(a->GetFenceStatus(a->device, from.fence), VK_NOT_READY);
      CHECK_RESULT(b->GetFenceStatus(b->device, to.fence), VK_NOT_READY);
   }

   /* Export from an imported payload */
   queue_signal(&from);
   import(&to, export(&from));
   fd = export(&to);
   CHECK(readable(fd));
   import(&from, fd);
   expect_signalled(&from);
   queue_signal(&from);
   queue_signal(&to);
   expect_signalled(&from);
   expect_signalled(&to);
   device_close(b);
   device_close(a);
}

struct export_call {
   const struct object *object;
   VkResult result;
   int fd;
   volatile bool returned;
};

static void
call_export(void *data)
{
   struct export_call *call = data;

   call->result = try_export(call->object, &call->fd);
   call->returned = true;
}

/* Exports wait until nothing is left to do. */
static void
export_pending(intptr_t kind)
{
   struct gpu *gpu = device_open();
   const struct object object = object_create(gpu, (enum kind)kind, true);
   struct export_call call = {.object = &object, .fd = -2};
   const struct batch batch = {
      .wait = timeline_create(gpu, 0),
      .wait_value = 1,
      .signal = object.semaphore,
   };
   struct later *later;

   submit(gpu, 1, 1, &batch, object.fence);
   later = do_later(0, call_export, &call);
   sleep_ms(2 * PENDING_MS);
   CHECK(!call.returned);
   timeline_signal(gpu, batch.wait, 1);
   join_later(later);
   CHECK_RESULT(call.result, VK_SUCCESS);
   CHECK(readable(call.fd));
   close(call.fd);
   queue_signal(&object);
   expect_signalled(&object);
   device_close(gpu);
}

static void
import_signalled(intptr_t kind)
{
   struct gpu *gpu = device_open();
   const struct object object = object_create(gpu, (enum kind)kind, false);

   /* That is what -1 means. */
   import(&object, -1);
   expect_signalled(&object);
   /* The next import replaces the one before. */
   import(&object, eventfd(0, EFD_CLOEXEC));
   import(&object, -1);
   expect_signalled(&object);
   queue_signal(&object);
   expect_signalled(&object);
   device_close(gpu);
}

static void
signal_event(void *data)
{
   const uint64_t one = 1;

   CHECK(write(*(int *)data, &one, sizeof(one)) == sizeof(one));
}

/* A file that is not signalled yet: of these the driver makes none. */
static void
import_pending_fence(UNUSED intptr_t arg)
{
   int fd = eventfd(0, EFD_CLOEXEC), ours = dup(fd);
   struct gpu *gpu = device_open();
   const struct object object = object_create(gpu, FENCE, false);
   const VkFence others[] = {
      gpu_fence(gpu, VK_FENCE_CREATE_SIGNALED_BIT, 0), object.fence,
   };
   struct later *later;

   import(&object, fd);
   CHECK_RESULT(gpu->GetFenceStatus(gpu->device, object.fence),
                VK_NOT_READY);
   CHECK_RESULT(fence_wait(gpu, object.fence, PENDING_MS), VK_TIMEOUT);
   CHECK_RESULT(fences_wait(gpu, 2, others, false, 1), VK_SUCCESS);
   CHECK_RESULT(fences_wait(gpu, 2, others, true, 1), VK_TIMEOUT);
   later = do_later(PENDING_MS, signal_event, &ours);
   CHECK_RESULT(fences_wait(gpu, 2, others, true, LONG_MS), VK_SUCCESS);
   join_later(later);
   CHECK_RESULT(gpu->GetFenceStatus(gpu->device, object.fence),
                VK_SUCCESS);
   REQUIRE_OK(gpu->ResetFences(gpu->device, 1, &object.fence));
   CHECK_RESULT(gpu->GetFenceStatus(gpu->device, object.fence),
                VK_NOT_READY);
   device_close(gpu);
}

/* Two batches of one call, which wait for such files */
static void
import_pending_semaphores(intptr_t version)
{
   struct gpu *gpu = device_open();
   const struct gpu_buffer buffer = buffer_create(gpu, 0, NULL);
   VkFence fence = gpu_fence(gpu, 0, 0);
   struct object objects[2];
   struct batch batches[2] = {{0}};
   int ours[2];

   memset(buffer.map, 0, 2 * sizeof(uint32_t));
   for (unsigned i = 0; i < 2; i++) {
      int fd = eventfd(0, EFD_CLOEXEC);

      ours[i] = dup(fd);
      objects[i] = object_create(gpu, BINARY, false);
      import(&objects[i], fd);
      batches[i].wait = objects[i].semaphore;
      batches[i].commands = fill_commands(gpu, &buffer, i, 1, 1);
   }
   submit(gpu, version, 2, batches, fence);
   signal_event(&ours[version - 1]);
   CHECK_RESULT(fence_wait(gpu, fence, PENDING_MS), VK_TIMEOUT);
   CHECK(count_other(&buffer, 1, 1, 0) == 0);
   signal_event(&ours[2 - version]);
   CHECK_RESULT(fence_wait(gpu, fence, LONG_MS), VK_SUCCESS);
   CHECK(count_other(&buffer, 0, 2, 1) == 0);
   for (unsigned i = 0; i < 2; i++) {
      queue_signal(&objects[i]);
      expect_signalled(&objects[i]);
   }
   device_close(gpu);
}

/* A wait consumes the signal, also when the batch is merged with one before
 * it. Nothing but an export can tell, which waits for a signal: there must be
 * none until this case gives one.
 */
static void
merged_wait(intptr_t waits_before)
{
   struct gpu *gpu = device_open();
   const struct gpu_buffer buffer = buffer_create(gpu, 0, NULL);
   const struct object object = object_create(gpu, BINARY, true);
   const struct object before = object_create(gpu, BINARY, true);
   struct export_call call = {.object = &object, .fd = -2};
   struct batch batches[2] = {{0}};
   struct later *later;

   queue_signal(&object);
   if (waits_before) {
      queue_signal(&before);
      batches[0].wait = before.semaphore;
   }
   batches[0].commands = fill_commands(gpu, &buffer, 0, 1, 1);
   batches[1].wait = object.semaphore;
   submit(gpu, 1, 2, batches, VK_NULL_HANDLE);
   REQUIRE_OK(gpu->QueueWaitIdle(gpu->queue));

   later = do_later(0, call_export, &call);
   /* If a signal were left, it would return at once, given time to start. */
   for (unsigned i = 0; i < 20 && !call.returned; i++)
      sleep_ms(PENDING_MS);
   CHECK(!call.returned);
   if (!call.returned)
      queue_signal(&object);
   join_later(later);
   device_close(gpu);
}

#define SYNC_FD(name, run, arg) {"sync_fd: " name, run, arg, sync_fd_reported}

const struct native_case sync_fd_cases[] = {
   SYNC_FD("fence, export and import", export_and_import, FENCE),
   SYNC_FD("semaphore, export and import", export_and_import, BINARY),
   SYNC_FD("fence, export while pending", export_pending, FENCE),
   SYNC_FD("semaphore, export while pending", export_pending, BINARY),
   SYNC_FD("fence, import of signalled ones", import_signalled, FENCE),
   SYNC_FD("semaphore, import of signalled ones", import_signalled, BINARY),
   SYNC_FD("fence, import of a pending one", import_pending_fence, 0),
   SYNC_FD("submit waits for imported ones", import_pending_semaphores, 1),
   SYNC_FD("submit2 waits for imported ones", import_pending_semaphores, 2),
   SYNC_FD("merged wait, first of its call", merged_wait, 0),
   SYNC_FD("merged wait, second of its call", merged_wait, 1),
   {0},
};

/* SPDX-License-Identifier: MIT */

/* Fences and binary semaphores as sync files, and all kinds as opaque file
 * descriptors where the driver reports them
 */
#include "native.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum kind {
   FENCE,
   BINARY,
   TIMELINE,
};

/* The same bits for fences and for semaphores */
#define OPAQUE_FD 1u
#define FENCE_SYNC_FD VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT
#define SEMAPHORE_SYNC_FD VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT

static bool
sync_fd_reported(void)
{
   if (driver_has("VK_KHR_external_fence_fd") &&
       driver_has("VK_KHR_external_semaphore_fd"))
      return true;
   say("not reported");
   return false;
}

struct object {
   struct device *device;
   enum kind kind;
   VkFence fence;
   VkSemaphore semaphore;
};

static struct object
object_create(struct device *device, enum kind kind, bool exportable)
{
   struct object object = {.device = device, .kind = kind};

   if (kind == FENCE)
      object.fence = fence_create(device, false,
                                  exportable ? FENCE_SYNC_FD : 0);
   else
      object.semaphore = binary_create(device,
                                       exportable ? SEMAPHORE_SYNC_FD : 0);
   return object;
}

static VkResult
try_export(const struct object *object, int *fd)
{
   struct device *device = object->device;

   if (object->kind == FENCE) {
      const VkFenceGetFdInfoKHR info = {
         .sType = VK_STRUCTURE_TYPE_FENCE_GET_FD_INFO_KHR,
         .fence = object->fence,
         .handleType = FENCE_SYNC_FD,
      };
      return device->GetFenceFdKHR(device->handle, &info, fd);
   } else {
      const VkSemaphoreGetFdInfoKHR info = {
         .sType = VK_STRUCTURE_TYPE_SEMAPHORE_GET_FD_INFO_KHR,
         .semaphore = object->semaphore,
         .handleType = SEMAPHORE_SYNC_FD,
      };
      return device->GetSemaphoreFdKHR(device->handle, &info, fd);
   }
}

/* Sync files can only be imported temporarily. */
static void
import(const struct object *object, int fd)
{
   struct device *device = object->device;

   if (object->kind == FENCE) {
      const VkImportFenceFdInfoKHR info = {
         .sType = VK_STRUCTURE_TYPE_IMPORT_FENCE_FD_INFO_KHR,
         .fence = object->fence,
         .flags = VK_FENCE_IMPORT_TEMPORARY_BIT,
         .handleType = FENCE_SYNC_FD,
         .fd = fd,
      };
      REQUIRE_OK(device->ImportFenceFdKHR(device->handle, &info));
   } else {
      const VkImportSemaphoreFdInfoKHR info = {
         .sType = VK_STRUCTURE_TYPE_IMPORT_SEMAPHORE_FD_INFO_KHR,
         .semaphore = object->semaphore,
         .flags = VK_SEMAPHORE_IMPORT_TEMPORARY_BIT,
         .handleType = SEMAPHORE_SYNC_FD,
         .fd = fd,
      };
      REQUIRE_OK(device->ImportSemaphoreFdKHR(device->handle, &info));
   }
}

static void
queue_signal(const struct object *object)
{
   const struct batch batch = {.signal = object->semaphore};

   if (object->kind == FENCE)
      submit(object->device, 0, NULL, object->fence);
   else
      submit2(object->device, 1, &batch, VK_NULL_HANDLE);
}

/* Waits until it is signalled, and leaves it unsignalled. */
static void
expect_signalled(const struct object *object)
{
   struct device *device = object->device;
   const struct batch batch = {.wait = object->semaphore};
   VkFence fence = object->fence;

   if (object->kind == BINARY) {
      fence = fence_create(device, false, 0);
      submit(device, 1, &batch, fence);
   }
   CHECK_RESULT(fence_wait(device, fence, LONG_MS), VK_SUCCESS);
   REQUIRE_OK(device->ResetFences(device->handle, 1, &fence));
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
   struct device *a, *b;
   struct object from, to;

   if (!sync_fd_reported())
      return;
   a = device_open();
   b = device_open();
   from = object_create(a, (enum kind)kind, true);
   to = object_create(b, (enum kind)kind, true);
   for (unsigned round = 0; round < 3; round++) {
      int fd;

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
      CHECK_RESULT(a->GetFenceStatus(a->handle, from.fence), VK_NOT_READY);
      CHECK_RESULT(b->GetFenceStatus(b->handle, to.fence), VK_NOT_READY);
   }
   queue_signal(&to);
   expect_signalled(&to);
   device_close(b);
   device_close(a);
}

static void
export_again(intptr_t kind)
{
   struct device *device;
   struct object from, to;
   int fd;

   if (!sync_fd_reported())
      return;
   device = device_open();
   from = object_create(device, (enum kind)kind, true);
   to = object_create(device, (enum kind)kind, true);
   queue_signal(&from);
   fd = export(&from);
   import(&to, fd);
   /* From an imported payload */
   fd = export(&to);
   CHECK(readable(fd));
   import(&from, fd);
   expect_signalled(&from);
   queue_signal(&from);
   queue_signal(&to);
   expect_signalled(&from);
   expect_signalled(&to);
   device_close(device);
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
   struct device *device;
   struct object object;
   struct export_call call = {.object = &object, .fd = -2};
   struct later *later;
   struct batch batch = {.wait_value = 1};

   if (!sync_fd_reported())
      return;
   device = device_open();
   object = object_create(device, (enum kind)kind, true);
   batch.wait = timeline_create(device, 0);
   batch.signal = object.semaphore;
   submit(device, 1, &batch, object.fence);
   later = do_later(0, call_export, &call);
   sleep_ms(2 * PENDING_MS);
   CHECK(!call.returned);
   timeline_signal(device, batch.wait, 1);
   join_later(later);
   CHECK_RESULT(call.result, VK_SUCCESS);
   CHECK(readable(call.fd));
   close(call.fd);
   queue_signal(&object);
   expect_signalled(&object);
   device_close(device);
}

static void
import_signalled(intptr_t kind)
{
   struct device *device;
   struct object object;

   if (!sync_fd_reported())
      return;
   device = device_open();
   object = object_create(device, (enum kind)kind, false);
   /* That is what -1 means. */
   import(&object, -1);
   expect_signalled(&object);
   /* The next import replaces the one before. */
   import(&object, eventfd(0, EFD_CLOEXEC));
   import(&object, -1);
   expect_signalled(&object);
   queue_signal(&object);
   expect_signalled(&object);
   device_close(device);
}

static void
signal_event(void *data)
{
   const uint64_t one = 1;

   CHECK(write(*(int *)data, &one, sizeof(one)) == sizeof(one));
}

/* A file that is not signalled yet: of these the driver makes none. */
static void
import_pending_fence(intptr_t arg)
{
   int fd = eventfd(0, EFD_CLOEXEC), ours = dup(fd);
   struct device *device;
   VkFence others[2];
   struct object object;
   struct later *later;

   (void)arg;
   if (!sync_fd_reported())
      return;
   device = device_open();
   object = object_create(device, FENCE, false);
   import(&object, fd);
   CHECK_RESULT(device->GetFenceStatus(device->handle, object.fence),
                VK_NOT_READY);
   CHECK_RESULT(fence_wait(device, object.fence, PENDING_MS), VK_TIMEOUT);
   others[0] = fence_create(device, true, 0);
   others[1] = object.fence;
   CHECK_RESULT(device->WaitForFences(device->handle, 2, others, VK_FALSE,
                                      1000000), VK_SUCCESS);
   CHECK_RESULT(device->WaitForFences(device->handle, 2, others, VK_TRUE,
                                      1000000), VK_TIMEOUT);
   later = do_later(PENDING_MS, signal_event, &ours);
   CHECK_RESULT(device->WaitForFences(device->handle, 2, others, VK_TRUE,
                                      LONG_MS * UINT64_C(1000000)),
                VK_SUCCESS);
   join_later(later);
   CHECK_RESULT(device->GetFenceStatus(device->handle, object.fence),
                VK_SUCCESS);
   REQUIRE_OK(device->ResetFences(device->handle, 1, &object.fence));
   CHECK_RESULT(device->GetFenceStatus(device->handle, object.fence),
                VK_NOT_READY);
   device_close(device);
}

/* Two batches of one call, which wait for such files */
static void
import_pending_semaphores(intptr_t version)
{
   int fds[2], ours[2];
   struct device *device;
   struct object objects[2];
   struct batch batches[2] = {{0}};
   struct buffer buffer;
   VkFence fence;

   if (!sync_fd_reported())
      return;
   device = device_open();
   buffer = buffer_create(device, VK_NULL_HANDLE, 0);
   fence = fence_create(device, false, 0);
   for (unsigned i = 0; i < 2; i++) {
      buffer.words[i] = 0;
      fds[i] = eventfd(0, EFD_CLOEXEC);
      ours[i] = dup(fds[i]);
      objects[i] = object_create(device, BINARY, false);
      import(&objects[i], fds[i]);
      batches[i].wait = objects[i].semaphore;
      batches[i].commands = fill_commands(device, &buffer, i, 1, 1);
   }
   if (version == 2)
      submit2(device, 2, batches, fence);
   else
      submit(device, 2, batches, fence);
   signal_event(&ours[version - 1]);
   CHECK_RESULT(fence_wait(device, fence, PENDING_MS), VK_TIMEOUT);
   CHECK(buffer.words[1] == 0);
   signal_event(&ours[2 - version]);
   CHECK_RESULT(fence_wait(device, fence, LONG_MS), VK_SUCCESS);
   CHECK(count_other(&buffer, 0, 2, 1) == 0);
   for (unsigned i = 0; i < 2; i++) {
      queue_signal(&objects[i]);
      expect_signalled(&objects[i]);
   }
   device_close(device);
}

/* A wait consumes the signal, also when the batch is merged with one before
 * it. Nothing but an export can tell, which waits for a signal: there must be
 * none until this case gives one.
 */
static void
merged_wait(intptr_t waits_before)
{
   struct device *device;
   struct buffer buffer;
   struct object object, before;
   struct export_call call = {.object = &object, .fd = -2};
   struct batch batches[2] = {{0}};
   struct later *later;

   if (!sync_fd_reported())
      return;
   device = device_open();
   buffer = buffer_create(device, VK_NULL_HANDLE, 0);
   object = object_create(device, BINARY, true);
   before = object_create(device, BINARY, true);
   queue_signal(&object);
   if (waits_before) {
      queue_signal(&before);
      batches[0].wait = before.semaphore;
   }
   batches[0].commands = fill_commands(device, &buffer, 0, 1, 1);
   batches[1].wait = object.semaphore;
   submit(device, 2, batches, VK_NULL_HANDLE);
   REQUIRE_OK(device->QueueWaitIdle(device->queue));

   later = do_later(0, call_export, &call);
   /* If a signal were left, it would return at once: time enough for the thread */
   for (unsigned i = 0; i < 20 && !call.returned; i++)
      sleep_ms(PENDING_MS);
   CHECK(!call.returned);
   if (!call.returned)
      queue_signal(&object);
   join_later(later);
   device_close(device);
}

static void
opaque_fd(intptr_t kind)
{
   VkFlags features = 0;

   if (kind == FENCE) {
      const VkPhysicalDeviceExternalFenceInfo info = {
         .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_FENCE_INFO,
         .handleType = (VkExternalFenceHandleTypeFlagBits)OPAQUE_FD,
      };
      VkExternalFenceProperties out = {
         .sType = VK_STRUCTURE_TYPE_EXTERNAL_FENCE_PROPERTIES,
      };
      driver.GetPhysicalDeviceExternalFenceProperties(driver.physical, &info,
                                                      &out);
      features = out.externalFenceFeatures;
   } else {
      const VkSemaphoreTypeCreateInfo type = {
         .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
         .semaphoreType = kind == TIMELINE ? VK_SEMAPHORE_TYPE_TIMELINE
                                           : VK_SEMAPHORE_TYPE_BINARY,
      };
      const VkPhysicalDeviceExternalSemaphoreInfo info = {
         .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_SEMAPHORE_INFO,
         .pNext = &type,
         .handleType = (VkExternalSemaphoreHandleTypeFlagBits)OPAQUE_FD,
      };
      VkExternalSemaphoreProperties out = {
         .sType = VK_STRUCTURE_TYPE_EXTERNAL_SEMAPHORE_PROPERTIES,
      };
      driver.GetPhysicalDeviceExternalSemaphoreProperties(driver.physical,
                                                          &info, &out);
      features = out.externalSemaphoreFeatures;
   }
   /* This release of Mesa's lavapipe has none of these to be tried. */
   CHECK(features == 0);
   say("not reported");
}

const struct native_case sync_fd_cases[] = {
   {"sync_fd: fence, export and import", export_and_import, FENCE},
   {"sync_fd: semaphore, export and import", export_and_import, BINARY},
   {"sync_fd: fence, export of what was imported", export_again, FENCE},
   {"sync_fd: semaphore, export of what was imported", export_again, BINARY},
   {"sync_fd: fence, export while pending", export_pending, FENCE},
   {"sync_fd: semaphore, export while pending", export_pending, BINARY},
   {"sync_fd: fence, import of signalled ones", import_signalled, FENCE},
   {"sync_fd: semaphore, import of signalled ones", import_signalled, BINARY},
   {"sync_fd: fence, import of a pending one", import_pending_fence, 0},
   {"sync_fd: submit waits for imported ones", import_pending_semaphores, 1},
   {"sync_fd: submit2 waits for imported ones", import_pending_semaphores, 2},
   {"sync_fd: merged wait, first of its call", merged_wait, 0},
   {"sync_fd: merged wait, second of its call", merged_wait, 1},
   {"opaque_fd: fence", opaque_fd, FENCE},
   {"opaque_fd: binary semaphore", opaque_fd, BINARY},
   {"opaque_fd: timeline semaphore", opaque_fd, TIMELINE},
   {0},
};

/* SPDX-License-Identifier: MIT */
#include "vkt.h"

#include <sddl.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

const wchar_t *
vkt_make_name(const wchar_t *prefix)
{
   enum { SIZE = 96 };
   static volatile LONG serial;
   wchar_t *name = malloc(SIZE * sizeof(*name));

   REQUIRE(name != NULL);
   test_defer(free, name);
   /* Unlike test_random(), no two runs beside each other have the same. */
   swprintf(name, SIZE, L"%lslvp-test-%lu-%ld-%llx", prefix,
            (unsigned long)GetCurrentProcessId(),
            (long)InterlockedIncrement(&serial),
            (unsigned long long)GetTickCount64());
   return name;
}

static void
free_descriptor(void *data)
{
   LocalFree(data);
}

SECURITY_ATTRIBUTES
vkt_attributes(const wchar_t *sddl)
{
   SECURITY_ATTRIBUTES attributes = {.nLength = sizeof(attributes)};

   REQUIRE(ConvertStringSecurityDescriptorToSecurityDescriptorW(
      sddl, SDDL_REVISION_1, &attributes.lpSecurityDescriptor, NULL));
   test_defer(free_descriptor, attributes.lpSecurityDescriptor);
   return attributes;
}

struct vkt_object *
vkt_create_for(struct vkt_device *device, enum vkt_kind kind,
               VkFlags export_types)
{
   return vkt_create_info(device, &(struct vkt_object_info){
                                     .kind = kind,
                                     .export_types = export_types,
                                  });
}

VkResult
vkt_try_create_win32(struct vkt_device *device, enum vkt_kind kind,
                     VkFlags export_types,
                     const SECURITY_ATTRIBUTES *attributes,
                     const wchar_t *name, struct vkt_object **object)
{
   return vkt_try_create(device,
                         &(struct vkt_object_info){
                            .kind = kind,
                            .export_types = export_types,
                            .win32_info = true,
                            .attributes = attributes,
                            .access = GENERIC_ALL,
                            .name = name,
                         },
                         object);
}

struct vkt_object *
vkt_create_win32(struct vkt_device *device, enum vkt_kind kind,
                 VkFlags export_types, const SECURITY_ATTRIBUTES *attributes,
                 const wchar_t *name)
{
   struct vkt_object *object;

   REQUIRE_OK(vkt_try_create_win32(device, kind, export_types, attributes,
                                   name, &object));
   return object;
}

HANDLE
vkt_number(struct vkt_object *object)
{
   HANDLE number = NULL;

   REQUIRE_OK(vkt_try_export(object, VKT_OPAQUE_WIN32_KMT, &number));
   REQUIRE(number != NULL);
   return number;
}

VkResult
vkt_import_number(struct vkt_object *object, HANDLE number)
{
   return vkt_try_import(object, VKT_OPAQUE_WIN32_KMT, false, number, NULL);
}

VkResult
vkt_import_name(struct vkt_object *object, const wchar_t *name)
{
   return vkt_try_import(object, VKT_OPAQUE_WIN32, false, NULL, name);
}

struct vkt_object *
vkt_share(struct vkt_object *object, struct vkt_device *device)
{
   return vkt_alias(device, object->kind, vkt_export(object));
}

struct vkt_pair
vkt_open_pair(enum vkt_kind kind)
{
   struct vkt_object *a = vkt_create_exportable(vkt_open(), kind);

   return (struct vkt_pair){a, vkt_share(a, vkt_open())};
}

void
vkt_expect_shared(struct vkt_object *a, struct vkt_object *b)
{
   vkt_expect_linked(a, b);
   vkt_expect_linked(b, a);
}

void
vkt_take(struct vkt_object *semaphore, uint64_t value)
{
   struct vkt_object *done = vkt_queue_wait(semaphore, value);

   vkt_expect_done(done);
   vkt_destroy(done);
}

void
vkt_queue_chain(struct vkt_object *waits, uint64_t wait_value,
                struct vkt_object *signals, uint64_t signal_value)
{
   const struct vkt_batch batch = {
      .waits = {{waits, wait_value}},
      .signals = {{signals, signal_value}},
   };

   vkt_submit(waits->device, &batch, NULL);
}

VkResult
vkt_wait_many(struct vkt_object *const *objects, unsigned count,
              uint64_t value, bool all, uint64_t timeout_ms)
{
   VkDevice device = objects[0]->device->handle;
   VkFence fences[VKT_MAX_WAITS];
   VkSemaphore semaphores[VKT_MAX_WAITS];
   uint64_t values[VKT_MAX_WAITS];
   const VkSemaphoreWaitInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
      .flags = all ? 0 : VK_SEMAPHORE_WAIT_ANY_BIT,
      .semaphoreCount = count,
      .pSemaphores = semaphores,
      .pValues = values,
   };

   REQUIRE(count <= VKT_MAX_WAITS);
   for (unsigned i = 0; i < count; i++) {
      fences[i] = objects[i]->fence;
      semaphores[i] = objects[i]->semaphore;
      values[i] = value;
   }
   REQUIRE(objects[0]->kind != VKT_BINARY);
   if (objects[0]->kind == VKT_FENCE)
      return vkWaitForFences(device, count, fences, all,
                             timeout_ms * 1000000);
   return vkWaitSemaphores(device, &info, timeout_ms * 1000000);
}

VkResult
vkt_wait(struct vkt_object *object, uint64_t value, uint64_t timeout_ms)
{
   return vkt_wait_many(&object, 1, value, true, timeout_ms);
}

struct vkt_object *
vkt_signal_behind_gate(struct vkt_object *object, uint64_t value)
{
   struct vkt_object *gate = vkt_create(object->device, VKT_TIMELINE);
   const struct vkt_batch wait = {.waits = {{gate, 1}}};

   if (object->kind == VKT_FENCE)
      vkt_submit(object->device, &wait, object);
   else
      vkt_queue_chain(gate, 1, object, value);
   return gate;
}

void
vkt_expect_message(struct vkt_device *device, VkResult result,
                   const char *text)
{
   const char *name = vkt_result_name(result);
   char message[1024];

   EXPECT_U64(vkt_message_count(device), 1);
   vkt_last_message(device, message, sizeof(message));
   if (strncmp(message, text, strcspn(text, "%")) ||
       !strstr(message, name) || strlen(message) <= strlen(name) + 10)
      test_fail(false, __FILE__, __LINE__, "\"%s\", not \"%s (%s)\"",
                message, text, name);
   vkt_clear_messages(device);
}

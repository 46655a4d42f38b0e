/* SPDX-License-Identifier: MIT */

/* Fences of Direct3D 12, as far as vk_win32_d3d12.h has them: in place of the
 * source that calls Microsoft's runtime.
 */
#include "nt_shim_private.h"

#include <stdlib.h>

#include "vk_win32_d3d12.h"

/* So that requests without end are noticed */
#define MAX_PENDING 64

struct fence_event {
   struct list_head node;
   struct nt_shim_object *event;
   uint64_t value;
};

static struct nt_shim_object *
find_fence(const struct vk_win32_d3d12_fence *fence)
{
   struct nt_shim_object *object = nt_shim_find_object(fence->handle);

   NT_SHIM_CHECK(object != NULL && object->type == OBJECT_FENCE);
   return object;
}

/* With nt_shim_objects_mutex held */
static void
free_event(struct fence_event *pending)
{
   list_del(&pending->node);
   nt_shim_unref_object(pending->event);
   free(pending);
}

void
nt_shim_finish_fence(struct nt_shim_object *object)
{
   list_for_each_entry_safe(struct fence_event, pending, &object->pending, node)
      free_event(pending);
}

bool
vk_win32_d3d12_is_available(void)
{
   return true;
}

HRESULT
vk_win32_d3d12_create_fence(struct vk_win32_d3d12_fence *fence,
                            uint64_t value,
                            const SECURITY_ATTRIBUTES *attributes,
                            const wchar_t *name)
{
   (void)attributes;
   pthread_mutex_lock(&nt_shim_objects_mutex);
   struct nt_shim_object *object = nt_shim_create_object(OBJECT_FENCE, name);
   object->value = value;
   fence->handle = nt_shim_add_handle(object);
   pthread_mutex_unlock(&nt_shim_objects_mutex);
   return S_OK;
}

HRESULT
vk_win32_d3d12_open_fence(struct vk_win32_d3d12_fence *fence, HANDLE foreign,
                          const wchar_t *name)
{
   const struct nt_shim_object *object = nt_shim_find_object(foreign);

   NT_SHIM_CHECK(name == NULL && object != NULL &&
                 object->type == OBJECT_FENCE);
   DuplicateHandle(GetCurrentProcess(), foreign, GetCurrentProcess(),
                   &fence->handle, 0, FALSE, DUPLICATE_SAME_ACCESS);
   return S_OK;
}

void
vk_win32_d3d12_close_fence(struct vk_win32_d3d12_fence *fence)
{
   CloseHandle(fence->handle);
}

uint64_t
vk_win32_d3d12_get_value(const struct vk_win32_d3d12_fence *fence)
{
   struct nt_shim_object *object = find_fence(fence);

   nt_shim_disturb();
   pthread_mutex_lock(&object->mutex);
   const uint64_t value = object->value;
   pthread_mutex_unlock(&object->mutex);
   return value;
}

bool
vk_win32_d3d12_is_removed(const struct vk_win32_d3d12_fence *fence)
{
   (void)fence;
   return false;
}

HRESULT
vk_win32_d3d12_signal(const struct vk_win32_d3d12_fence *fence,
                      uint64_t value)
{
   struct nt_shim_object *object = find_fence(fence);

   nt_shim_disturb();
   pthread_mutex_lock(&object->mutex);
   object->value = value;
   list_for_each_entry_safe(struct fence_event, pending, &object->pending,
                            node) {
      if (pending->value > value)
         continue;
      nt_shim_release_object(pending->event, 1);
      pthread_mutex_lock(&nt_shim_objects_mutex);
      free_event(pending);
      pthread_mutex_unlock(&nt_shim_objects_mutex);
   }
   pthread_mutex_unlock(&object->mutex);
   return S_OK;
}

static void
add_pending(struct nt_shim_object *object, uint64_t value,
            struct nt_shim_object *event)
{
   struct fence_event *pending = malloc(sizeof(*pending));

   NT_SHIM_CHECK(pending != NULL);
   NT_SHIM_CHECK(list_length(&object->pending) < MAX_PENDING);
   pending->event = event;
   pending->value = value;
   list_addtail(&pending->node, &object->pending);

   pthread_mutex_lock(&nt_shim_objects_mutex);
   event->refcount++;
   pthread_mutex_unlock(&nt_shim_objects_mutex);
}

HRESULT
vk_win32_d3d12_set_event(const struct vk_win32_d3d12_fence *fence,
                         uint64_t value, HANDLE event)
{
   struct nt_shim_object *object = find_fence(fence);
   struct nt_shim_object *target = nt_shim_find_object(event);

   NT_SHIM_CHECK(target != NULL && target->type == OBJECT_EVENT);
   nt_shim_disturb();
   pthread_mutex_lock(&object->mutex);
   if (object->value >= value)
      nt_shim_release_object(target, 1);
   else
      add_pending(object, value, target);
   pthread_mutex_unlock(&object->mutex);
   return S_OK;
}

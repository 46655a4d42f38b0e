/* SPDX-License-Identifier: MIT */
#include "runtime.h"
#include "section.h"

static struct vk_sync *
view_for(struct fuzz_rng *rng, const struct fuzz_bystander *bystander)
{
   return bystander->views[fuzz_below(rng, 2)];
}

static void
create_shared(struct fuzz_bystander *bystander, struct vk_device *device)
{
   struct vk_sync *sync = fuzz_shared_sync(device, bystander->kind,
                                           NULL, bystander->kind ==
                                           VK_SYNC_WIN32_KIND_FENCE);
   struct vk_sync *peer = fuzz_sync(device, bystander->kind, 0);
   HANDLE handle = fuzz_export(device, sync);
   const struct fuzz_import_info info =
      fuzz_import_info(handle);

   REQUIRE(fuzz_import(device, peer, &info) == VK_SUCCESS);
   CloseHandle(handle);
   fuzz_learn(fuzz_layout(sync));
   bystander->views[0] = sync;
   bystander->views[1] = peer;
}

void
fuzz_bystanders_create(struct fuzz_bystanders *bystanders,
                       struct vk_device *device)
{
   static const enum vk_sync_win32_kind kinds[FUZZ_BYSTANDERS] = {
      VK_SYNC_WIN32_KIND_TIMELINE, VK_SYNC_WIN32_KIND_BINARY,
      VK_SYNC_WIN32_KIND_TIMELINE, VK_SYNC_WIN32_KIND_BINARY,
      VK_SYNC_WIN32_KIND_FENCE,
   };

   *bystanders = (struct fuzz_bystanders) { .device = device };
   for (unsigned i = 0; i < FUZZ_BYSTANDERS; i++) {
      struct fuzz_bystander *bystander = &bystanders->all[i];

      bystander->kind = kinds[i];
      if (i < 2) {
         bystander->views[0] = fuzz_sync(device, kinds[i], 0);
         bystander->views[1] = bystander->views[0];
      } else {
         create_shared(bystander, device);
      }
   }
}

static void
check_state(struct fuzz_thread *self, struct vk_device *device,
            const struct fuzz_bystander *bystander)
{
   struct vk_sync *view = view_for(&self->rng, bystander);
   uint64_t value = 0;

   if (bystander->kind == VK_SYNC_WIN32_KIND_TIMELINE) {
      FUZZ_CHECK(self, vk_sync_get_value(device, view, &value) == VK_SUCCESS);
      FUZZ_CHECK(self, value == bystander->value);
      FUZZ_CHECK(self, vk_sync_wait(device, view, value,
                                    VK_SYNC_WAIT_COMPLETE, 0) == VK_SUCCESS);
      FUZZ_CHECK(self, vk_sync_wait(device, view, value + 1,
                                    VK_SYNC_WAIT_COMPLETE, 0) == VK_TIMEOUT);
   } else {
      FUZZ_CHECK(self, vk_sync_wait(device, view, 0, VK_SYNC_WAIT_COMPLETE,
                                    0) ==
                       (bystander->value ? VK_SUCCESS : VK_TIMEOUT));
   }
}

static void
signal_it(struct fuzz_thread *self, struct vk_device *device,
          struct fuzz_bystander *bystander)
{
   struct vk_sync *view = view_for(&self->rng, bystander);
   uint64_t value = 0;

   if (bystander->kind == VK_SYNC_WIN32_KIND_TIMELINE)
      value = bystander->value += 1 + fuzz_below(&self->rng, 3);
   else
      bystander->value = 1;
   FUZZ_CHECK(self, vk_sync_signal(device, view, value) == VK_SUCCESS);
}

void
fuzz_bystanders_use(struct fuzz_thread *self,
                    struct fuzz_bystanders *bystanders)
{
   struct vk_device *device = bystanders->device;
   struct fuzz_bystander *bystander =
      &bystanders->all[fuzz_below(&self->rng, FUZZ_BYSTANDERS)];

   fuzz_enter(self, "a bystander", (uint64_t)(bystander - bystanders->all));
   switch (fuzz_below(&self->rng, 3)) {
   case 0:
      signal_it(self, device, bystander);
      break;
   case 1:
      if (bystander->kind == VK_SYNC_WIN32_KIND_TIMELINE)
         break;
      bystander->value = 0;
      FUZZ_CHECK(self, vk_sync_reset(device, view_for(&self->rng,
                                                      bystander)) ==
                       VK_SUCCESS);
      break;
   default:
      break;
   }
   check_state(self, device, bystander);
   fuzz_leave(self, 0);
}

struct vk_sync_wait
fuzz_bystanders_wait(struct fuzz_thread *self,
                     struct fuzz_bystanders *bystanders, unsigned index,
                     bool reached)
{
   struct fuzz_bystander *bystander = &bystanders->all[index];
   struct vk_sync_wait wait = { .sync = view_for(&self->rng, bystander) };

   if (bystander->kind == VK_SYNC_WIN32_KIND_TIMELINE) {
      wait.wait_value = reached ? bystander->value :
                        bystander->value + 1 + fuzz_below(&self->rng, 2);
   } else if ((bystander->value != 0) != reached) {
      if (reached)
         signal_it(self, bystanders->device, bystander);
      else
         FUZZ_CHECK(self, vk_sync_reset(bystanders->device, wait.sync) ==
                          VK_SUCCESS);
      bystander->value = reached;
   }
   return wait;
}

/* Nobody waits for it any more. */
static void
check_left(struct fuzz_thread *self, const struct vk_sync *view)
{
   struct vk_sync_win32_layout *layout;

   if (!vk_sync_win32_payload_is_section(fuzz_payload(view)))
      return;

   layout = fuzz_layout(view);
   FUZZ_CHECK(self, (layout->armed[0] | layout->armed[1]) == 0);
   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++)
      FUZZ_CHECK(self, layout->slots[i].owner == 0);
}

void
fuzz_bystanders_destroy(struct fuzz_thread *self,
                        struct fuzz_bystanders *bystanders)
{
   for (unsigned i = 0; i < FUZZ_BYSTANDERS; i++) {
      struct fuzz_bystander *bystander = &bystanders->all[i];

      check_state(self, bystanders->device, bystander);
      check_left(self, bystander->views[0]);
      if (bystander->views[1] != bystander->views[0])
         vk_sync_destroy(bystanders->device, bystander->views[1]);
      vk_sync_destroy(bystanders->device, bystander->views[0]);
   }
}

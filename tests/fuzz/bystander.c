/* SPDX-License-Identifier: MIT */
#include "runtime.h"
#include "section.h"

static bool
is_timeline(const struct fuzz_bystander *bystander)
{
   return bystander->kind == VK_SYNC_WIN32_KIND_TIMELINE;
}

static struct vk_sync *
any_view(const struct fuzz_bystander *bystander)
{
   return bystander->views[fuzz_below(2)];
}

static void
create_shared(struct fuzz_bystander *bystander)
{
   struct vk_sync *sync =
      fuzz_shared_sync(bystander->kind, NULL,
                       bystander->kind == VK_SYNC_WIN32_KIND_FENCE);
   HANDLE handle = fuzz_export(sync);

   bystander->views[0] = sync;
   bystander->views[1] = fuzz_open(bystander->kind, handle);
   CloseHandle(handle);
   fuzz_learn(fuzz_layout(sync));
}

void
fuzz_bystanders_create(struct fuzz_bystander bystanders[FUZZ_BYSTANDERS])
{
   static const enum vk_sync_win32_kind kinds[FUZZ_BYSTANDERS] = {
      VK_SYNC_WIN32_KIND_TIMELINE, VK_SYNC_WIN32_KIND_BINARY,
      VK_SYNC_WIN32_KIND_TIMELINE, VK_SYNC_WIN32_KIND_BINARY,
      VK_SYNC_WIN32_KIND_FENCE,
   };

   for (unsigned i = 0; i < FUZZ_BYSTANDERS; i++) {
      struct fuzz_bystander *bystander = &bystanders[i];

      *bystander = (struct fuzz_bystander) { .kind = kinds[i] };
      if (i < 2)
         bystander->views[0] = bystander->views[1] = fuzz_sync(kinds[i], 0);
      else
         create_shared(bystander);
   }
}

static void
check_state(const struct fuzz_bystander *bystander)
{
   struct vk_sync *view = any_view(bystander);
   uint64_t value = 0;

   if (is_timeline(bystander)) {
      FUZZ_CHECK(vk_sync_get_value(fuzz_device, view, &value) == VK_SUCCESS);
      FUZZ_CHECK(value == bystander->value);
      FUZZ_CHECK(fuzz_wait(view, value, 0) == VK_SUCCESS);
      FUZZ_CHECK(fuzz_wait(view, value + 1, 0) == VK_TIMEOUT);
   } else {
      FUZZ_CHECK(fuzz_wait(view, 0, 0) ==
                 (bystander->value ? VK_SUCCESS : VK_TIMEOUT));
   }
}

static void
signal_it(struct fuzz_bystander *bystander)
{
   uint64_t value = 0;

   if (is_timeline(bystander))
      value = bystander->value += 1 + fuzz_below(3);
   else
      bystander->value = 1;
   FUZZ_CHECK(vk_sync_signal(fuzz_device, any_view(bystander), value) ==
              VK_SUCCESS);
}

static void
reset_it(struct fuzz_bystander *bystander)
{
   bystander->value = 0;
   FUZZ_CHECK(vk_sync_reset(fuzz_device, any_view(bystander)) == VK_SUCCESS);
}

void
fuzz_bystanders_use(struct fuzz_bystander bystanders[FUZZ_BYSTANDERS])
{
   const uint32_t which = fuzz_below(FUZZ_BYSTANDERS);
   struct fuzz_bystander *bystander = &bystanders[which];
   const uint32_t dice = fuzz_below(3);

   fuzz_enter("a bystander", which);
   if (dice == 0)
      signal_it(bystander);
   else if (dice == 1 && !is_timeline(bystander))
      reset_it(bystander);
   check_state(bystander);
   fuzz_leave(0);
}

struct vk_sync_wait
fuzz_bystander_wait(struct fuzz_bystander *bystander, bool reached)
{
   struct vk_sync_wait wait = { .sync = any_view(bystander) };

   if (is_timeline(bystander))
      wait.wait_value = bystander->value + (reached ? 0 : 1 + fuzz_below(2));
   else if (reached)
      signal_it(bystander);
   else
      reset_it(bystander);
   return wait;
}

/* Nobody waits for it any more. */
static void
check_left(const struct vk_sync *view)
{
   struct vk_sync_win32_layout *layout;

   if (!vk_sync_win32_payload_is_section(fuzz_payload(view)))
      return;

   layout = fuzz_layout(view);
   FUZZ_CHECK((layout->armed[0] | layout->armed[1]) == 0);
   for (unsigned i = 0; i < VK_SYNC_WIN32_SLOTS; i++)
      FUZZ_CHECK(layout->slots[i].owner == 0);
}

void
fuzz_bystanders_destroy(struct fuzz_bystander bystanders[FUZZ_BYSTANDERS])
{
   for (unsigned i = 0; i < FUZZ_BYSTANDERS; i++) {
      struct fuzz_bystander *bystander = &bystanders[i];

      check_state(bystander);
      check_left(bystander->views[0]);
      if (bystander->views[1] != bystander->views[0])
         fuzz_destroy(bystander->views[1]);
      fuzz_destroy(bystander->views[0]);
   }
}

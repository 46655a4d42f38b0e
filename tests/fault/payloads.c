/* SPDX-License-Identifier: MIT */
#include "fault.h"

static void
open_or_share(struct vk_sync **sync, const struct peer_run *run,
              struct vk_device *device, bool create,
              enum vk_sync_win32_kind kind, const char *name, uint32_t lane)
{
   char text[24];

   snprintf(text, sizeof(text), "%s%u", name, lane);
   *sync = create ? peer_share(run, device, kind, text) :
                    peer_open(run, device, kind, text);
}

void
fault_payloads_open(struct fault_payloads *payloads,
                    const struct peer_run *run, struct vk_device *device,
                    uint32_t lane, bool create)
{
   *payloads = (struct fault_payloads) {0};

   for (uint32_t i = 0; i < FAULT_LANES; i++) {
      if (lane != FAULT_ALL_LANES && lane != i)
         continue;
      open_or_share(&payloads->up[i], run, device, create,
                    VK_SYNC_WIN32_KIND_TIMELINE, "up", i);
      open_or_share(&payloads->up_binary[i], run, device, create,
                    VK_SYNC_WIN32_KIND_BINARY, "up-binary", i);
      open_or_share(&payloads->down[i], run, device, create,
                    VK_SYNC_WIN32_KIND_TIMELINE, "down", i);
      open_or_share(&payloads->down_binary[i], run, device, create,
                    VK_SYNC_WIN32_KIND_BINARY, "down-binary", i);
   }
   open_or_share(&payloads->gate, run, device, create,
                 VK_SYNC_WIN32_KIND_TIMELINE, "gate", 0);
   open_or_share(&payloads->claim, run, device, create,
                 VK_SYNC_WIN32_KIND_TIMELINE, "claim", 0);
}

typedef void (*payload_visitor)(struct vk_device *device, const char *name,
                                struct vk_sync *sync);

static void
visit(struct fault_payloads *payloads, struct vk_device *device,
      payload_visitor visitor)
{
   const struct {
      const char *name;
      struct vk_sync **syncs;
      unsigned count;
   } groups[] = {
      { "up", payloads->up, FAULT_LANES },
      { "up-binary", payloads->up_binary, FAULT_LANES },
      { "down", payloads->down, FAULT_LANES },
      { "down-binary", payloads->down_binary, FAULT_LANES },
      { "gate", &payloads->gate, 1 },
      { "claim", &payloads->claim, 1 },
   };

   for (unsigned i = 0; i < TEST_COUNT(groups); i++) {
      for (unsigned j = 0; j < groups[i].count; j++) {
         char name[24];

         snprintf(name, sizeof(name), "%s%u", groups[i].name, j);
         if (groups[i].syncs[j] != NULL)
            visitor(device, name, groups[i].syncs[j]);
      }
   }
}

static void
close_one(struct vk_device *device, const char *name, struct vk_sync *sync)
{
   (void)name;
   vk_sync_destroy(device, sync);
}

static void
dump_one(struct vk_device *device, const char *name, struct vk_sync *sync)
{
   (void)device;
   peer_dump(name, sync);
}

void
fault_payloads_close(struct fault_payloads *payloads,
                     struct vk_device *device)
{
   visit(payloads, device, close_one);
   *payloads = (struct fault_payloads) {0};
}

void
fault_payloads_dump(struct fault_payloads *payloads)
{
   visit(payloads, NULL, dump_one);
}

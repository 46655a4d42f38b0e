/* SPDX-License-Identifier: MIT */
#include "kill.h"

enum vk_sync_win32_kind
kill_payload_kind(unsigned payload)
{
   const bool binary =
      (payload >= KILL_UP_BINARY && payload < KILL_DOWN) ||
      (payload >= KILL_DOWN_BINARY && payload < KILL_GATE);

   return binary ? VK_SYNC_WIN32_KIND_BINARY : VK_SYNC_WIN32_KIND_TIMELINE;
}

static void
format_name(char name[24], unsigned payload)
{
   static const char *const names[] = {
      "up", "up-binary", "down", "down-binary",
   };

   if (payload < KILL_GATE)
      snprintf(name, 24, "%s%u", names[payload / KILL_LANES],
               payload % KILL_LANES);
   else
      snprintf(name, 24, "%s", payload == KILL_GATE ? "gate" : "claim");
}

static struct vk_sync *
open_payload(kill_open open, const struct peer_run *run,
             struct vk_device *device, unsigned payload)
{
   char name[24];

   format_name(name, payload);
   return open(run, device, kill_payload_kind(payload), name);
}

struct vk_sync *
kill_open_one(const struct peer_run *run, struct vk_device *device,
              unsigned payload)
{
   return open_payload(peer_open, run, device, payload);
}

void
kill_payloads_open(struct kill_payloads *payloads, kill_open open,
                   const struct peer_run *run, struct vk_device *device,
                   uint32_t lane)
{
   *payloads = (struct kill_payloads) {0};
   for (unsigned i = 0; i < KILL_PAYLOADS; i++) {
      if (i >= KILL_GATE || lane == KILL_ALL_LANES || i % KILL_LANES == lane)
         payloads->syncs[i] = open_payload(open, run, device, i);
   }
}

void
kill_payloads_close(struct kill_payloads *payloads, struct vk_device *device)
{
   for (unsigned i = 0; i < KILL_PAYLOADS; i++) {
      if (payloads->syncs[i] != NULL)
         vk_sync_destroy(device, payloads->syncs[i]);
   }
}

void
kill_payloads_dump(struct kill_payloads *payloads)
{
   for (unsigned i = 0; i < KILL_PAYLOADS; i++) {
      char name[24];

      format_name(name, i);
      if (payloads->syncs[i] != NULL)
         peer_dump(name, payloads->syncs[i]);
   }
}

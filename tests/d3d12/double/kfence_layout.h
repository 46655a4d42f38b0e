/* SPDX-License-Identifier: MIT */
#ifndef LVP_D3D12_DOUBLE_KFENCE_LAYOUT_H
#define LVP_D3D12_DOUBLE_KFENCE_LAYOUT_H

#include <assert.h>
#include <stddef.h>

#include "kfence.h"

/* In the shared handles there is nothing for the eye to take for a payload of
 * the driver's: neither a section of the pagefile nor a beginning like its.
 */
#define KFENCE_MAGIC UINT64_C(0x656c62756f443244) /* D2Double */

enum kfence_event_state {
   KFENCE_EVENT_FREE,
   KFENCE_EVENT_PENDING,
   /* Set by another process; its owner has yet to close the handle. */
   KFENCE_EVENT_SET,
};

struct kfence_event {
   volatile LONG state;
   /* A process id is reused; the time tells who it was. */
   UINT32 process;
   UINT64 process_created;
   UINT64 owner;
   UINT64 value;
   /* The process's handle */
   UINT64 handle;
};

/* The same for 32 and 64 bits */
struct kfence_layout {
   UINT64 magic;
   UINT32 flags;
   UINT32 reserved;
   UINT64 adapter;
   volatile LONG64 value;
   /* A signal under way. Whoever takes the lock from a process that died with
    * it ends its signal, so that a signal happens wholly or not at all.
    */
   volatile LONG64 next_value;
   volatile LONG signalling;
   UINT32 reserved2;
   struct kfence_event events[DOUBLE_MAX_EVENTS];
   WCHAR mutex_name[64];
   WCHAR path[MAX_PATH];
};

static_assert(sizeof(struct kfence_event) == 40, "shared layout");
static_assert(offsetof(struct kfence_layout, events) == 48, "shared layout");

#endif

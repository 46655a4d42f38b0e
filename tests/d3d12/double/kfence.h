/* SPDX-License-Identifier: MIT */
#ifndef LVP_D3D12_DOUBLE_KFENCE_H
#define LVP_D3D12_DOUBLE_KFENCE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../double.h"

/* What Windows' kernel keeps of a fence, and what a process does with it.
 *
 * The state is a temporary file, which is mapped by every process that has
 * the fence open. Each shared handle is a section of that file: an NT object
 * of its own, with a name of its own or none, that keeps the fence alive and
 * whose name ends with its last handle, whatever becomes of the fence. So it
 * is with the objects that D3DKMTShareObjects makes.
 *
 * A pending event is a handle in the process that waits. Whoever signals
 * duplicates it from there and sets it, before the signal returns: no thread
 * of the waiting process has a part in it.
 */

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
   volatile LONG64 value;
   UINT32 flags; /* D3D12_FENCE_FLAGS */
   UINT32 reserved;
   struct kfence_event events[DOUBLE_MAX_EVENTS];
   WCHAR path[MAX_PATH];
};

static_assert(sizeof(struct kfence_event) == 40, "shared layout");
static_assert(offsetof(struct kfence_layout, events) == 24, "shared layout");

struct kfence {
   struct kfence_layout *layout;
   HANDLE file;
   HANDLE mutex;
};

HRESULT kfence_create(UINT64 value, UINT32 flags, struct kfence *fence);
/* From a shared handle, which stays the caller's */
HRESULT kfence_open(HANDLE section, struct kfence *fence);
void kfence_close(struct kfence *fence);

HRESULT kfence_share(struct kfence *fence,
                     const SECURITY_ATTRIBUTES *attributes,
                     const WCHAR *name, HANDLE *handle);
HRESULT kfence_open_name(const WCHAR *name, HANDLE *handle);

UINT64 kfence_value(struct kfence *fence);
/* What follows needs the lock. It lets in who has it already. */
void kfence_lock(struct kfence *fence);
void kfence_unlock(struct kfence *fence);
void kfence_signal(struct kfence *fence, UINT64 value);
/* Sets the event at once, or when the value is reached. The caller may close
 * it thereafter.
 */
HRESULT kfence_set_event(struct kfence *fence, UINT64 owner, UINT64 value,
                         HANDLE event);
/* Forgets the pending events of an owner in this process. */
void kfence_drop_events(struct kfence *fence, UINT64 owner, bool set);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef LVP_D3D12_DOUBLE_KFENCE_H
#define LVP_D3D12_DOUBLE_KFENCE_H

#include <stdbool.h>
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
#define KFENCE_SHARED (1u << 0)
#define KFENCE_CROSS_ADAPTER (1u << 1)

struct kfence_layout;

struct kfence {
   struct kfence_layout *layout;
   HANDLE file;
   HANDLE mutex;
};

HRESULT kfence_create(UINT64 value, UINT32 flags, UINT64 adapter,
                      struct kfence *fence);
/* From a shared handle, which stays the caller's */
HRESULT kfence_open(HANDLE section, struct kfence *fence);
void kfence_close(struct kfence *fence);

UINT32 kfence_flags(const struct kfence *fence);
UINT64 kfence_adapter(const struct kfence *fence);

HRESULT kfence_share(struct kfence *fence,
                     const SECURITY_ATTRIBUTES *attributes,
                     const WCHAR *name, HANDLE *handle);
HRESULT kfence_open_name(const WCHAR *name, HANDLE *handle);

/* kfence_value() takes the lock only while a signal is under way. The others
 * need it. It lets in who has it already.
 */
UINT64 kfence_value(struct kfence *fence);
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

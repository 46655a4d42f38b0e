/* SPDX-License-Identifier: MIT */
#ifndef LVP_D3D12_DOUBLE_DEVICE_H
#define LVP_D3D12_DOUBLE_DEVICE_H

#include "common.h"

#include <d3d12.h>

#include "kfence.h"

/* One for each adapter and process, as documented of D3D12CreateDevice. No
 * process here uses more than one adapter.
 */
extern ID3D12Device double_device;
bool double_device_is_removed(void);

struct double_fence {
   ID3D12Fence iface;
   volatile LONG references;
   struct kfence kernel;
   /* Tells its pending events from those of other fences for the same */
   UINT64 id;

   struct double_fence *next;
};

/* All of them, to be removed along with the device */
extern SRWLOCK double_fences_lock;
extern struct double_fence *double_fences;

/* Takes over the kernel's fence, also on failure. */
HRESULT double_fence_create(struct kfence *kernel, REFIID riid, void **out);
/* NULL if it is none of the double's */
struct double_fence *double_fence_from(ID3D12DeviceChild *object);
/* Under the lock */
void double_fence_remove(struct double_fence *fence,
                         enum double_removal removal);

#endif

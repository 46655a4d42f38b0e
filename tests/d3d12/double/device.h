/* SPDX-License-Identifier: MIT */
#ifndef LVP_D3D12_DOUBLE_DEVICE_H
#define LVP_D3D12_DOUBLE_DEVICE_H

#include "common.h"

#include <d3d12.h>

#include "kfence.h"

struct double_fence;

/* One for each adapter and process, as documented of D3D12CreateDevice */
struct double_device {
   ID3D12Device iface;
   volatile LONG references;
   UINT32 luid;
   volatile LONG removed_reason;

   /* Under the lock of the devices */
   struct double_fence *fences;
};

extern SRWLOCK double_devices_lock;

bool double_device_is_removed(struct double_device *device);

struct double_fence {
   ID3D12Fence iface;
   volatile LONG references;
   struct double_device *device;
   struct kfence kernel;
   /* Tells its pending events from those of other fences for the same */
   UINT64 id;

   struct double_fence *next;
};

/* Takes over the kernel's fence, also on failure. */
HRESULT double_fence_create(struct double_device *device,
                            struct kfence *kernel, REFIID riid, void **out);
/* NULL if it is none of the double's */
struct double_fence *double_fence_from(ID3D12DeviceChild *object);
/* Under the lock of the devices */
void double_fence_remove(struct double_fence *fence,
                         enum double_removal removal);

#endif

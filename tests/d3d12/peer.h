/* SPDX-License-Identifier: MIT */
#ifndef LVP_D3D12_PEER_H
#define LVP_D3D12_PEER_H

/* A child process that does with D3D12 what its parent asks: the D3D12
 * program of tests that share fences with one. It has a device on each
 * adapter, and keeps fences in numbered slots.
 */
#include "child.h"
#include "runtime.h"

#define PEER_SLOTS 4

enum peer_op {
   PEER_CREATE,  /* value, flags; named if there is a name; gives the handle */
   PEER_OPEN,    /* handle */
   PEER_OPEN_NAME,
   PEER_SHARE,   /* named if there is a name; gives the handle */
   PEER_CLOSE,   /* handle */
   PEER_RELEASE,
   PEER_SIGNAL,
   PEER_VALUE,
   PEER_WAIT,    /* with a NULL event */
   PEER_ARM,     /* has an event set at the value */
   PEER_IS_SET,  /* whether the last one is, or will be within value ms */
   PEER_ECHO,    /* waits for 1 to value here, signals each on other */
   PEER_STORM,   /* signals value, value + 1, ... until it is killed */
   PEER_REMOVE,  /* the device; flags: enum double_removal */
   PEER_REMOVED_REASON,
   PEER_MAKE_FAIL, /* steps: the name */
   PEER_HANDLES,   /* how many are open */
};

struct peer_request {
   enum peer_op op;
   UINT32 slot;
   UINT32 other;
   UINT32 luid; /* 0: WARP */
   UINT32 flags;
   UINT64 value;
   UINT64 handle;
   WCHAR name[RUNTIME_NAME_SIZE];
};

struct peer_reply {
   HRESULT result;
   UINT64 value;
};

/* Goes into the program's table of roles. */
#define PEER_ROLE {"d3d12_peer", peer_main}
int peer_main(int argc, char **argv);

struct child *peer_start(const HANDLE *handles, unsigned handle_count);
struct child *peer_start_inheriting(void);
/* Ends it and expects that it had no complaints. */
void peer_finish(struct child *peer);

/* post starts what may block, collect waits for its end. */
void peer_post(struct child *peer, const struct peer_request *request);
struct peer_reply peer_collect(struct child *peer);
bool peer_is_busy(struct child *peer);
struct peer_reply peer_call(struct child *peer,
                            const struct peer_request *request);

/* These expect success. */
HANDLE peer_create(struct child *peer, UINT32 slot, UINT64 value,
                   const WCHAR *name);
void peer_open(struct child *peer, UINT32 slot, HANDLE handle);
void peer_open_name(struct child *peer, UINT32 slot, const WCHAR *name);
void peer_signal(struct child *peer, UINT32 slot, UINT64 value);
UINT64 peer_value(struct child *peer, UINT32 slot);
void peer_arm(struct child *peer, UINT32 slot, UINT64 value);
bool peer_is_set(struct child *peer, unsigned within_ms);
void peer_post_wait(struct child *peer, UINT32 slot, UINT64 value);

/* Copies across; the parent's belongs to the case. */
HANDLE peer_give(struct child *peer, HANDLE handle);
HANDLE peer_take(struct child *peer, HANDLE handle);

#endif

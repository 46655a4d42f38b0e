/* SPDX-License-Identifier: MIT */
#ifndef LVP_D3D12_PEER_H
#define LVP_D3D12_PEER_H

/* A child process that does with D3D12 what its parent asks: the D3D12
 * program of tests that share fences with one. It has a device on WARP, and
 * keeps fences in numbered slots. Whatever it fails in ends it.
 */
#include "child.h"
#include "runtime.h"

#define PEER_SLOTS 2

enum peer_op {
   PEER_CREATE, /* named if there is a name; gives the handle */
   PEER_OPEN,   /* the value: a handle of the peer's */
   PEER_OPEN_NAME,
   PEER_SIGNAL,
   PEER_VALUE,
   PEER_WAIT,   /* with a NULL event */
   PEER_ARM,    /* has an event set at the value */
   PEER_IS_SET, /* whether the last one is, or will be within value ms */
   PEER_ECHO,   /* waits for 1 to value here, signals each on the next slot */
   PEER_STORM,  /* signals value, value + 1, ... until it is killed */
   PEER_REMOVE, /* the device; the value: enum double_removal */
   PEER_FAIL,   /* in the step that the name says */
};

/* Goes into the program's table of roles. */
#define PEER_ROLE {"d3d12_peer", peer_main}
int peer_main(int argc, char **argv);

struct child *peer_start(void);
/* One that has a fence in its slot 0, whose handle it inherits */
struct child *peer_start_with(HANDLE handle);
/* Ends it and expects that it had no complaints. */
void peer_finish(struct child *peer);

/* post starts what may block, collect waits for its end. */
void peer_post(struct child *peer, enum peer_op op, UINT32 slot, UINT64 value);
UINT64 peer_collect(struct child *peer);
bool peer_is_busy(struct child *peer);
/* Both; the second one for what takes a name, which may be NULL */
UINT64 peer_do(struct child *peer, enum peer_op op, UINT32 slot, UINT64 value);
UINT64 peer_do_named(struct child *peer, enum peer_op op, UINT32 slot,
                     const WCHAR *name);

/* What PEER_CREATE gives, copied across; belongs to the case. */
HANDLE peer_create(struct child *peer, UINT32 slot, const WCHAR *name);

#endif

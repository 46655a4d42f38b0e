/* SPDX-License-Identifier: MIT */
#ifndef LVP_AGENT_H
#define LVP_AGENT_H

#include "child.h"
#include "vkt.h"

/* A child process that has a device of its own and does what its parent
 * asks. It keeps objects in numbered slots.
 */
#define AGENT_SLOTS 16
#define AGENT_NAME_SIZE 64

enum agent_op {
   AGENT_CREATE,       /* kind, types; named if there is a name */
   AGENT_IMPORT,       /* kind, types: one, value: handle or 0 with a name,
                          flag: temporary */
   AGENT_EXPORT,       /* types: one; gives the handle */
   AGENT_DESTROY,
   AGENT_HOST_SIGNAL,  /* value */
   AGENT_QUEUE_SIGNAL, /* value */
   AGENT_QUEUE_WAIT,   /* value; the fence that tells its end goes to other */
   AGENT_QUEUE_CHAIN,  /* wait for value, then signal value + 1 on other */
   AGENT_WAIT,         /* value, timeout_ms */
   AGENT_WAIT_ANY,     /* fences or timelines in slots [slot, other] */
   AGENT_VALUE,
   AGENT_RESET,
   AGENT_PING_PONG,    /* flag: mode, value: rounds */

   /* Memory, in slots of its own */
   AGENT_MEMORY_IMPORT, /* types: one, value: handle, size; freed at once */
   AGENT_SHARE_CREATE,  /* flag: AGENT_SHARE(), types; named if there is a
                           name */
   AGENT_SHARE_IMPORT,  /* flag: AGENT_SHARE(), types: one, value: handle or 0
                           with a name */
   AGENT_SHARE_EXPORT,  /* types: one; gives the handle */
   AGENT_SHARE_WRITE,   /* flag: method, tag; signals value on other */
   AGENT_SHARE_READ,    /* flag: method, tag; waits for value on other; gives
                           the number of wrong words */
};

#define AGENT_SHARE(kind, suballocated) \
   ((uint32_t)(kind) | (uint32_t)(suballocated) << 8)

struct agent_request {
   enum agent_op op;
   enum vkt_kind kind;
   uint32_t slot;
   uint32_t other;
   uint32_t flag;
   uint32_t types; /* 0: VKT_OPAQUE_WIN32 */
   uint32_t timeout_ms;
   uint32_t tag;
   uint64_t value;
   uint64_t size;
   wchar_t name[AGENT_NAME_SIZE];
};

struct agent_reply {
   VkResult result;
   uint64_t value;
};

/* Goes into the program's table of roles. */
#define AGENT_ROLE {"agent", agent_main}
int agent_main(int argc, char **argv);

struct agent {
   struct child *child;
};

struct agent agent_start(const HANDLE *handles, unsigned handle_count);
struct agent agent_start_inheriting(void);

/* post starts what may block, collect waits for its end. */
void agent_post(struct agent *agent, const struct agent_request *request);
struct agent_reply agent_collect(struct agent *agent);
bool agent_is_busy(struct agent *agent);
struct agent_reply agent_call(struct agent *agent,
                              const struct agent_request *request);

VkResult agent_create(struct agent *agent, uint32_t slot, enum vkt_kind kind,
                      const wchar_t *name);
VkResult agent_import(struct agent *agent, uint32_t slot, enum vkt_kind kind,
                      HANDLE handle);
VkResult agent_import_temporary(struct agent *agent, uint32_t slot,
                                enum vkt_kind kind, HANDLE handle);
VkResult agent_import_name(struct agent *agent, uint32_t slot,
                           enum vkt_kind kind, const wchar_t *name);
VkResult agent_create_kmt(struct agent *agent, uint32_t slot,
                          enum vkt_kind kind);
VkResult agent_import_kmt(struct agent *agent, uint32_t slot,
                          enum vkt_kind kind, HANDLE number);
void agent_destroy(struct agent *agent, uint32_t slot);
void agent_host_signal(struct agent *agent, uint32_t slot, uint64_t value);
void agent_queue_signal(struct agent *agent, uint32_t slot, uint64_t value);
void agent_queue_wait(struct agent *agent, uint32_t slot, uint64_t value,
                      uint32_t fence_slot);
void agent_queue_chain(struct agent *agent, uint32_t wait_slot,
                       uint64_t value, uint32_t signal_slot);
VkResult agent_wait(struct agent *agent, uint32_t slot, uint64_t value,
                    uint32_t timeout_ms);
void agent_post_wait(struct agent *agent, uint32_t slot, uint64_t value,
                     uint32_t timeout_ms);
uint64_t agent_value(struct agent *agent, uint32_t slot);
void agent_reset(struct agent *agent, uint32_t slot);

/* Copies of handles across; the parent's belong to the case. */
HANDLE agent_give(struct agent *agent, HANDLE handle);
HANDLE agent_take_export(struct agent *agent, uint32_t slot);
/* Numbers are the same in every process. */
HANDLE agent_kmt(struct agent *agent, uint32_t slot);

/* Ends the agent and expects that it had no complaints. */
void agent_finish(struct agent *agent);

/* Signals on one side and waits on the other, both ways. */
void agent_expect_linked(struct agent *agent, uint32_t slot,
                         struct vkt_object *object);

void agent_make_name(wchar_t name[AGENT_NAME_SIZE]);

enum ping_pong {
   PING_HOST_TIMELINE,
   PING_QUEUE_TIMELINE,
   PING_QUEUED_AHEAD_TIMELINE,
   PING_FENCE,
   PING_BINARY,
};

/* One side's part. objects: what this side signals and what it waits for;
 * a timeline that is both and, for binary semaphores, says what has been
 * submitted. The side that is first makes the first move.
 */
void ping_pong_run(enum ping_pong mode, bool first, uint64_t rounds,
                   struct vkt_object *signals, struct vkt_object *waits,
                   struct vkt_object *timeline);

#endif

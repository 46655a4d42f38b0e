/* SPDX-License-Identifier: MIT */
#ifndef LVP_AGENT_H
#define LVP_AGENT_H

#include "child.h"
#include "vkt.h"

/* A child process that has a device of its own and does what its parent
 * asks. It keeps objects in numbered slots.
 */
#define AGENT_SLOTS 4
#define AGENT_DONE (AGENT_SLOTS - 1)
#define AGENT_NAME_SIZE 96

enum agent_op {
   AGENT_CREATE,       /* kind, types */
   AGENT_IMPORT,       /* kind, types: one, value: handle or 0 with a name,
                          flag: temporary */
   AGENT_EXPORT,       /* types: one; gives the handle */
   AGENT_HOST_SIGNAL,  /* value */
   AGENT_QUEUE_SIGNAL, /* value */
   AGENT_QUEUE_WAIT,   /* value; the fence that tells its end goes to
                          AGENT_DONE */
   AGENT_QUEUE_CHAIN,  /* wait for value, then signal value + 1 */
   AGENT_WAIT,         /* value */
   AGENT_VALUE,
   AGENT_RESET,

   /* One memory; its semaphore is in slot 0. */
   AGENT_SHARE_CREATE,  /* flag: AGENT_SHARE(), types; named if there is a
                           name */
   AGENT_SHARE_IMPORT,  /* flag: AGENT_SHARE(), types: one, value: handle or 0
                           with a name */
   AGENT_SHARE_EXPORT,  /* types: one; gives the handle */
   AGENT_SHARE_WRITE,   /* flag: method, tag; signals value */
   AGENT_SHARE_READ,    /* flag: method, tag; waits for value; gives the
                           number of wrong words */
};

#define AGENT_SHARE(kind, suballocated) \
   ((uint32_t)(kind) | (uint32_t)(suballocated) << 8)

struct agent_request {
   enum agent_op op;
   enum vkt_kind kind;
   uint32_t slot;
   uint32_t flag;
   uint32_t types;
   uint32_t tag;
   uint64_t value;
   wchar_t name[AGENT_NAME_SIZE];
};

struct agent_reply {
   VkResult result;
   uint64_t value;
};

/* Goes into the program's table of roles. */
#define AGENT_ROLE {"agent", agent_main}
int agent_main(int argc, char **argv);

/* Inherits the handle, unless it is NULL. */
struct child *agent_start(HANDLE handle);

/* post starts what may block, collect waits for its end. */
void agent_post(struct child *agent, const struct agent_request *request);
struct agent_reply agent_collect(struct child *agent);
bool agent_is_busy(struct child *agent);

/* What has to succeed; gives the reply's value. */
uint64_t agent_call(struct child *agent, const struct agent_request *request);
/* What needs no more than that */
uint64_t agent_do(struct child *agent, enum agent_op op, uint32_t slot,
                  uint64_t value);

void agent_create(struct child *agent, uint32_t slot, enum vkt_kind kind,
                  VkFlags types);
void agent_import(struct child *agent, uint32_t slot, enum vkt_kind kind,
                  VkFlags type, HANDLE handle);
void agent_post_wait(struct child *agent, uint32_t slot, uint64_t value);
void agent_expect_done(struct child *agent, uint32_t slot, uint64_t value);
/* Submits a wait operation that has to end. */
void agent_take(struct child *agent, uint32_t slot, uint64_t value);

/* Copies of handles across; the parent's belong to the case. Numbers are the
 * same in every process. Exported is what is in slot 0, or the memory.
 */
HANDLE agent_give(struct child *agent, HANDLE handle);
HANDLE agent_export(struct child *agent, enum agent_op op, VkFlags type);

/* Ends the agent and expects that it had no complaints. */
void agent_finish(struct child *agent);

/* Signals on one side and waits on the other, both ways; slot 0. */
void agent_expect_linked(struct child *agent, struct vkt_object *object);

/* A payload that this process and an agent hold, in its slot 0. The handle is
 * one that agents may inherit.
 */
struct agent_pair {
   struct vkt_object *object;
   HANDLE handle;
   struct child *agent;
};

struct agent_pair agent_open_pair(enum vkt_kind kind);
struct child *agent_start_holder(enum vkt_kind kind, HANDLE handle);

#endif

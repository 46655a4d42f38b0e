/* SPDX-License-Identifier: MIT */
#ifndef FAULT_PEER_H
#define FAULT_PEER_H

/* Other processes of a run, which may be killed at any moment.  So they hold
 * no pipe and owe no answer: all that is said between processes stands in the
 * board, a piece of memory that they share beside the payloads under test.
 */
#include "fixture.h"

struct peer_run {
   /* Of the board; the names of the run's payloads begin with it */
   char name[48];
   void *board;
};

/* In the parent, until the case ends.  The board is zeroed. */
struct peer_run peer_run_create(size_t board_size);
/* In a child, whose first argument is the run's name */
struct peer_run peer_run_open(int argc, char **argv, size_t board_size);

/* A payload with a name: made by the parent, opened by the others.  Any thread
 * may do so, and destroys what it has.
 */
struct vk_sync *peer_share(const struct peer_run *run,
                           struct vk_device *device,
                           enum vk_sync_win32_kind kind, const char *name);
struct vk_sync *peer_open(const struct peer_run *run,
                          struct vk_device *device,
                          enum vk_sync_win32_kind kind, const char *name);

struct peer {
   HANDLE process;
   DWORD id;
};

/* Started instead of this program, unless NULL */
extern const char *peer_program;

/* This program in one of its roles, with the run's name and `number` as its
 * arguments.  It ends with this process at the latest.
 */
struct peer *peer_start(const struct peer_run *run, const char *role,
                        unsigned number);
/* The same, and waits until the child has set `ready` in the board, which is 0
 * until then.
 */
struct peer *peer_start_ready(const struct peer_run *run, const char *role,
                              unsigned number, uint32_t *ready);
void peer_kill(struct peer *peer, UINT status);
bool peer_ended(struct peer *peer, unsigned timeout_ms, DWORD *status);
/* It has to end by itself, and well. */
void peer_join(struct peer *peer);
/* Kills it if need be. */
void peer_release(struct peer *peer);

/* What a process holds */
struct peer_usage {
   uint32_t handles;
   uint32_t views;
   uint64_t heap;
};

struct peer_usage peer_measure(void);

/* The word, and the slots that have owners */
void peer_dump(const char *name, struct vk_sync *sync);

/* Slots of that process, whatever for */
unsigned peer_count_slots(struct vk_sync *sync, DWORD process);

static inline uint64_t
peer_word(struct vk_sync *sync)
{
   return vk_sync_win32_load64(unit_payload(sync)->word);
}

/* Of a binary payload */
static inline uint32_t
peer_signals(struct vk_sync *sync)
{
   return (uint32_t)peer_word(sync);
}

static inline uint32_t
peer_consumed(struct vk_sync *sync)
{
   return (uint32_t)(peer_word(sync) >> 32);
}

/* Only what goes wrong takes so long. */
#define PATIENCE_S 30

/* Ends the case, or the child, unless the condition comes true. */
#define PEER_AWAIT(condition) \
   do { \
      const double peer_until_ms = test_now_ms() + 1000.0 * PATIENCE_S; \
      while (!(condition)) { \
         if (test_now_ms() > peer_until_ms) \
            test_fail(true, __FILE__, __LINE__, "in vain: %s", #condition); \
         Sleep(1); \
      } \
   } while (0)

/* test_random_below() belongs to one thread of one process. */
static inline uint32_t
peer_random_below(uint64_t *state, uint32_t limit)
{
   return (uint32_t)((test_next_random(state) >> 32) * limit >> 32);
}

#endif

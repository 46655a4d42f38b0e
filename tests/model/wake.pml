/* SPDX-License-Identifier: MIT */

/* The wake protocol of src/vulkan_win32_sync, for Spin
 *
 * Two processes share a payload.  In each, two threads wait for it to reach
 * 1 and 2, and somewhere two threads signal it.  Names are those of the C, and
 * comments say which function a step is in.  README.md tells what must hold,
 * what is left out and why; check.py lists what is run, made with -D:
 *
 *    BINARY          tickets instead of timeline values
 *    S0, S1          the processes that signal first and second
 *    TIMED0, TIMED1  waiters that may time out
 *    DEATH           process 1 may die; it must have just one signaller
 *    HALF            only process 0 has waiters, with any targets, any
 *                    time-outs and the signallers anywhere
 *    LAZY            stores may come late also where nothing depends on it
 *    NO_..., RING_FIRST  mutants
 */

#define PROCESSES 2
#define WAITERS 2 /* of each process */
#define SIGNALS 2

#ifdef HALF
byte target[WAITERS];
byte timed;
#define TARGET(w) target[w]
#define TIMED(w) (timed & (1 << (w)))
#else
#ifndef S0
#define S0 0
#endif
#ifndef S1
#define S1 1
#endif
#ifndef TIMED0
#define TIMED0 255
#endif
#ifndef TIMED1
#define TIMED1 255
#endif
#define TARGET(w) (1 + (w) % WAITERS)
#define TIMED(w) ((w) == TIMED0 || (w) == TIMED1)
#endif

/* Waiters of process p */
#define FIRST(p) ((p) * WAITERS)
#define SECOND(p) ((p) * WAITERS + 1)
#define OTHER(w) ((w) % WAITERS == 0 -> (w) + 1 : (w) - 1)
#define BIT(w) (1 << ((w) % WAITERS))

#define MAX 7      /* UINT64_MAX: no target */
#define ANY 0      /* what a binary payload's `wanted` is while waited for */
#define NOTHING 6  /* no store is pending */
#define NOBODY 7
#define ALL 7

/* The section: word, armed and slots[].wanted.  Process p has slot p. */
byte word;
byte armed;
byte slot_wanted[PROCESSES] = MAX;

/* struct vk_sync_win32_payload of each process; `linked` is its tree */
byte wanted[PROCESSES] = MAX;
bit lock[PROCESSES];
bit linked[PROCESSES * WAITERS];

/* The variables of vk_sync_win32_shared_wait.c in each process */
bit shared_lock[PROCESSES];
byte leader[PROCESSES] = NOBODY;
bit doorbell[PROCESSES];

/* struct vk_sync_win32_waiter; GONE while its thread is not waiting, or no
 * longer: then the stack it lives on holds something else.
 */
mtype = { GONE, RUNNING, PARKED, LEADING, PROMOTED, RELEASED };
mtype state[PROCESSES * WAITERS] = GONE;
bit token[PROCESSES * WAITERS];

/* Stores that their processor holds back from the others: those made under
 * the payload's lock, with the thread that made them, and the word.  They
 * arrive in the order in which they were made.  armed is changed by atomic
 * operations, whose effect may also come late.
 */
byte pending_by[PROCESSES];
byte pending_slot_wanted[PROCESSES] = NOTHING;
byte pending_armed[PROCESSES]; /* 1: set the bit, 2: clear it */
byte pending_wanted[PROCESSES] = NOTHING;
byte pending_word;
byte pending_word_by;

/* What the environment does; see monitor */
bit over[SIGNALS];
bit recheck[PROCESSES];
byte turn = ALL;
#ifdef DEATH
bit dead[PROCESSES];
chan kill[4] = [0] of { bit };
#define ALIVE(p) !dead[p]
#else
#define ALIVE(p) true
#endif

/* Within one step only: not part of the state */
hidden byte low;
hidden byte other;

/* What must not be; see README.md */
hidden byte lost_wakeup;
hidden byte no_leader;
hidden byte two_leaders;
hidden byte early_success;
hidden byte wrong_release;
hidden byte wrong_unpark;
hidden byte stuck;

/* Every thread has `p`, its process, and `me`, its id.  A thread waits for its
 * own stores before it goes on, except where the C has a barrier: there the
 * barrier is written out as BARRIER, for mutants to leave out.
 */
#define MY_TURN (turn == ALL || turn == p)
#define BARRIER (pending_by[p] != me)
#ifdef LAZY
#define STEP MY_TURN
#else
#define STEP (MY_TURN && BARRIER)
#endif

/* Whoever takes a lock sees what was stored under it. */
#define LOCK_IS_FREE (!lock[p] && (pending_by[p] == 0 || pending_by[p] == me))
#define CAN_CHANGE (!lock[p] && pending_by[p] == 0)

#define SAY(what) printf("process %d thread %d ", p, me); printf(what)

#define TARGET_OF(w) (linked[w] -> TARGET(w) : MAX)
#define LOWEST_TARGET \
   (TARGET_OF(FIRST(p)) < TARGET_OF(SECOND(p)) -> TARGET_OF(FIRST(p)) : TARGET_OF(SECOND(p)))

/* update_wanted(), section_want(), arm(), disarm().  While the bit is clear
 * only we can set it, and nobody reads what the slot wants: so what it wants
 * need not be held back.
 */
inline update_wanted()
{
   assert(pending_by[p] == 0);
   low = LOWEST_TARGET;
   if
   :: low == MAX ->
      pending_armed[p] = (armed & (1 << p) -> 2 : 0)
   :: low != MAX && !(armed & (1 << p)) ->
      slot_wanted[p] = low;
      pending_armed[p] = 1
   :: low != MAX && (armed & (1 << p)) ->
      pending_slot_wanted[p] = (slot_wanted[p] == low -> NOTHING : low)
   fi;
#ifdef BINARY
   low = (low == MAX -> MAX : ANY);
#endif
   pending_wanted[p] = (wanted[p] == low -> NOTHING : low);
   pending_by[p] = (pending_slot_wanted[p] == NOTHING && pending_armed[p] == 0 &&
                    pending_wanted[p] == NOTHING -> 0 : me);
   low = 0
}

#ifdef NO_SIGNALLER_BARRIER
#define WORD (pending_word_by == me -> pending_word : word)
#else
#define WORD word
#endif

/* vk_sync_win32_waiter_satisfy() */
inline satisfy(x)
{
   wrong_release = state[x] == GONE || TARGET(x) > WORD;
   assert(!wrong_release);
   linked[x] = 0;
   if
   :: state[x] == PARKED -> wakes = wakes | BIT(x)
   :: state[x] == LEADING -> wake_leader = 1
   :: else
   fi;
   state[x] = RELEASED
}

/* parker->unpark().  A keyed one blocks until its thread parks, an alert does
 * not: no difference, since the thread has nothing to do but to park.
 */
inline unpark(x)
{
   wrong_unpark = state[x] == GONE || token[x];
   assert(!wrong_unpark);
   token[x] = 1
}

#define UNPARK_STEPS(again) \
   :: atomic { (wakes & 2) && STEP -> unpark(SECOND(p)); wakes = wakes & 1; goto again } \
   :: atomic { wakes == 1 && STEP -> unpark(FIRST(p)); wakes = 0; goto again }

/* vk_sync_win32_payload_collect(): first the lock and the word ... */
inline load_word()
{
   todo = (TARGET_OF(FIRST(p)) <= WORD -> 1 : 0) | (TARGET_OF(SECOND(p)) <= WORD -> 2 : 0);
   lock[p] = (todo != 0)
}

/* ... then the records.  Nothing tells the last one from update_wanted(). */
#define SATISFY_STEPS(unlock, next) \
satisfied: \
   if \
   :: atomic { todo == 3 && STEP -> satisfy(FIRST(p)); todo = 2; goto satisfied } \
   :: atomic { todo < 3 && STEP && pending_by[p] == 0 -> \
         if \
         :: todo == 1 -> satisfy(FIRST(p)) \
         :: todo == 2 -> satisfy(SECOND(p)) \
         fi; \
         todo = 0; \
         update_wanted(); \
         lock[p] = 0; \
         unlock; \
         goto next \
      } \
   fi

/* The lower half of vk_sync_win32_shared_wait_leave() */
inline hand_over()
{
   early_success = success && TARGET(w) > word;
   assert(!early_success);
   assert(!token[w]);
   state[w] = GONE;
   if
   :: leader[p] == w -> leader[p] = NOBODY
   :: else
   fi;
   other = OTHER(w);
   if
#ifndef NO_PROMOTION
   :: leader[p] == NOBODY && state[other] == PARKED ->
      state[other] = PROMOTED;
      wakes = BIT(other)
#endif
   :: else
   fi;
   other = 0;
   shared_lock[p] = 0;
   leads = 0; success = 0; late = 0
}

/* vk_sync_win32_wait_records() for one shared record */
proctype waiter(byte p; byte w; byte me)
{
   byte todo, wakes;
   bit wake_leader, leads, success, late;
   {
   /* vk_sync_win32_shared_wait_enter(), vk_sync_win32_record_link() */
   atomic {
      STEP && !shared_lock[p] && CAN_CHANGE ->
      SAY("links its record\n");
      shared_lock[p] = 1;
      state[w] = RUNNING;
      linked[w] = 1;
      update_wanted()
   }
   if
#ifdef NO_SECOND_LOOK
   :: atomic { STEP -> shared_lock[p] = 0; goto block }
#else
#ifdef NO_WAITER_BARRIER
#define MAY_LOOK MY_TURN
#else
#define MAY_LOOK (STEP && BARRIER)
#endif
   :: atomic { MAY_LOOK && TARGET(w) > word -> SAY("looks again, in vain\n"); shared_lock[p] = 0; goto block }
   :: atomic { MAY_LOOK && TARGET(w) <= word && LOCK_IS_FREE ->
         SAY("looks again\n");
         load_word();
         if
         :: todo == 0 -> shared_lock[p] = 0; goto block
         :: else -> goto satisfied
         fi
      }
#endif
   fi;

   /* The upper half of sweep(), for the leader: vk_sync_win32_payload_rearm() */
sweep:
   atomic {
      STEP && !shared_lock[p] && CAN_CHANGE ->
      SAY("sweeps\n");
      assert(leader[p] == w);
      shared_lock[p] = 1;
#ifndef NO_REARM
      update_wanted()
#endif
   }
#ifdef NO_REARM_BARRIER
#define MAY_COLLECT MY_TURN
#else
#define MAY_COLLECT (STEP && BARRIER)
#endif
   atomic {
      MAY_COLLECT && LOCK_IS_FREE ->
      load_word();
      if
      :: todo == 0 -> SAY("finds nobody\n"); shared_lock[p] = 0; goto block
      :: else -> SAY("finds somebody\n")
      fi
   }
   /* For both.  A leader that has satisfied itself need not wake itself. */
   SATISFY_STEPS(shared_lock[p] = 0; wake_leader = wake_leader && !leads, block);

block:
   if
   UNPARK_STEPS(block)
   :: atomic { wakes == 0 && wake_leader && STEP -> SAY("rings its own leader\n"); doorbell[p] = 1; wake_leader = 0; goto block }
   :: atomic { wakes == 0 && !wake_leader && !leads && STEP && !shared_lock[p] ->
         /* park_or_lead() */
         if
         :: leader[p] == NOBODY -> leader[p] = w; low = LEADING
         :: else -> low = PARKED
         fi;
         if
#ifdef NO_PARKING_SWAP
         :: state[w] != RUNNING && low == LEADING -> success = 1; goto leave
#else
         :: state[w] != RUNNING ->
            success = 1;
            if
            :: low == LEADING -> low = 0; goto leave
            :: else -> low = 0; SAY("leaves\n"); hand_over(); goto left
            fi
#endif
         :: else -> state[w] = low
         fi;
         leads = (low == LEADING);
         low = 0;
         if
         :: leads -> SAY("leads\n"); two_leaders = state[OTHER(w)] == LEADING; assert(!two_leaders); goto block
         :: else -> SAY("parks\n")
         fi
      }
      /* vk_sync_win32_waiter_park() */
      atomic {
         if
         :: MY_TURN && token[w] && (state[w] != RELEASED || !shared_lock[p])
         :: MY_TURN && TIMED(w) ->
            SAY("times out\n");
#ifdef NO_CLAIM
            goto leave
#endif
            if
            :: state[w] == PARKED -> state[w] = RUNNING; goto leave
            :: else -> MY_TURN && token[w] && (state[w] != RELEASED || !shared_lock[p])
            fi
         fi;
         SAY("is unparked\n");
         token[w] = 0;
         if
         :: state[w] == PROMOTED -> state[w] = RUNNING; goto block
         :: else -> SAY("leaves\n"); success = 1; hand_over(); goto left
         fi
      }
   :: atomic { wakes == 0 && !wake_leader && leads && STEP ->
         /* lead() */
         if
         :: state[w] == RELEASED && !shared_lock[p] -> SAY("leaves\n"); success = 1; hand_over(); goto left
         :: state[w] != RELEASED && TIMED(w) -> SAY("times out\n"); state[w] = RUNNING; goto leave
         :: state[w] != RELEASED && !late
         fi
      }
      /* wait_for_ring() */
      atomic {
         if
         :: MY_TURN && doorbell[p] -> SAY("hears the bell\n"); doorbell[p] = 0
         :: MY_TURN && recheck[p] -> recheck[p] = 0
         :: MY_TURN && TIMED(w) -> late = 1
         fi;
         goto sweep
      }
   fi;

   /* vk_sync_win32_shared_wait_leave(): whoever is unlinked stays so. */
leave:
   if
   :: atomic { linked[w] && STEP && !shared_lock[p] && CAN_CHANGE ->
         SAY("unlinks its record\n");
         shared_lock[p] = 1;
         linked[w] = 0;
         update_wanted()
      }
      atomic { STEP -> SAY("leaves\n"); hand_over() }
   :: atomic { !linked[w] && STEP && !shared_lock[p] -> SAY("leaves\n"); hand_over() }
   fi;
left:
   if
   UNPARK_STEPS(left)
   :: false
   fi
   }
#ifdef DEATH
   unless {
      atomic {
         kill[(p == 1 -> w - FIRST(1) : 3)]?_ ->
         todo = 0; wakes = 0; wake_leader = 0; leads = 0; success = 0; late = 0;
         kill[w - FIRST(1) + 1]!0
      }
   };
   false
#endif
}

inline signal_is_over()
{
   over[s] = 1;
   turn = (over[0] && over[1] -> 0 : ALL);
   value = 0
}

/* vk_sync_win32_wake(), as far as it goes without other steps */
inline wake()
{
   if
   :: wakes == 0 && !wake_leader -> signal_is_over(); goto end
   :: else -> goto last
   fi
}

/* vk_sync_win32_payload_signal() */
proctype signaller(byte p; byte s; byte me)
{
   byte todo, wakes, value;
   bit wake_leader;
   {
   atomic {
      pending_word_by == 0 ->
#ifdef BINARY
      value = word + 1;
#else
      value = s + 1;
      if
      :: value <= word -> SAY("is too late\n"); signal_is_over(); goto end
      :: else
      fi;
#endif
      SAY("changes the word\n");
#ifdef NO_SIGNALLER_BARRIER
      pending_word = value;
      pending_word_by = me
#else
      word = value
#endif
   }
   /* publish() */
   atomic {
#ifdef BINARY
      if :: wanted[p] == MAX -> goto peers :: else fi
#else
      if :: value < wanted[p] -> goto peers :: else fi
#endif
   }
   atomic {
      LOCK_IS_FREE ->
      load_word();
      if
      :: todo == 0 -> goto peers
      :: else -> SAY("finds somebody\n")
      fi
   }
   SATISFY_STEPS(skip, peers);

#ifdef NO_RING_SELF
#define RING_SELF wake_leader = 0
#else
#define RING_SELF doorbell[p] = 1; wake_leader = 0
#endif

   /* vk_sync_win32_section_ring(): there is one other slot. */
peers:
   atomic { STEP ->
      if
      :: armed & (2 >> p)
      :: else -> wake()
      fi
   }
   atomic { STEP ->
      if
      :: slot_wanted[1 - p] <= value
      :: else -> wake()
      fi
   }
#ifdef RING_FIRST
   atomic { STEP -> doorbell[1 - p] = ALIVE(1 - p) }
   atomic { STEP -> armed = armed & ~(2 >> p); wake() }
#else
   atomic { STEP -> SAY("disarms\n"); armed = armed & ~(2 >> p) }
   atomic { STEP -> SAY("rings\n"); doorbell[1 - p] = ALIVE(1 - p); wake() }
#endif

   /* vk_sync_win32_wake() */
last:
   if
   UNPARK_STEPS(last)
   :: atomic { wakes == 0 && wake_leader && STEP -> SAY("rings its own leader\n"); RING_SELF; signal_is_over() }
   :: atomic { wakes == 0 && !wake_leader && STEP -> signal_is_over() }
   fi;
end:
   false
   }
#ifdef DEATH
   unless {
      atomic {
         kill[(p == 1 -> 2 : 3)]?_ ->
         todo = 0; wakes = 0; wake_leader = 0;
         signal_is_over()
      }
   };
   false
#endif
}

/* The processors get round to the stores that are pending: first those to the
 * section, which only other processes read, then the one that only this
 * process reads, and who tells the two apart?  LAZY does.
 */
inline section_arrives(q)
{
   slot_wanted[q] = (pending_slot_wanted[q] == NOTHING -> slot_wanted[q] : pending_slot_wanted[q]);
   armed = (pending_armed[q] == 1 -> armed | (1 << q) : armed);
   armed = (pending_armed[q] == 2 -> armed & ~(1 << q) : armed);
   pending_slot_wanted[q] = NOTHING;
   pending_armed[q] = 0
}

inline payload_arrives(q)
{
   wanted[q] = (pending_wanted[q] == NOTHING -> wanted[q] : pending_wanted[q]);
   pending_wanted[q] = NOTHING;
   pending_by[q] = 0
}

#define SECTION_PENDING(q) (pending_slot_wanted[q] != NOTHING || pending_armed[q] != 0)

#ifdef LAZY
#define ARRIVE(q) \
   :: atomic { SECTION_PENDING(q) -> \
         section_arrives(q); \
         pending_by[q] = (pending_wanted[q] == NOTHING -> 0 : pending_by[q]) } \
   :: atomic { pending_by[q] != 0 && !SECTION_PENDING(q) -> payload_arrives(q) }
#else
#define ARRIVE(q) \
   :: atomic { pending_by[q] != 0 -> section_arrives(q); payload_arrives(q) }
#endif

active proctype memory()
{
   do
   ARRIVE(0)
   ARRIVE(1)
#ifdef NO_SIGNALLER_BARRIER
   :: atomic { pending_word_by != 0 -> word = pending_word; pending_word = 0; pending_word_by = 0 }
#endif
   od
}

#define STRANDED(w) (state[w] != GONE && TARGET(w) <= word)
#define UNLED(p) \
   (state[FIRST(p)] == PARKED && (state[SECOND(p)] == PARKED || state[SECOND(p)] == GONE) || \
    state[SECOND(p)] == PARKED && state[FIRST(p)] == GONE)

active proctype monitor()
{
#ifdef DEATH
   bit rechecked;
#endif
   do
   :: atomic { UNLED(0) || UNLED(1) -> no_leader = true; assert(!no_leader) }
   :: atomic {
         timeout ->
         stuck = turn == ALL || lock[turn] || shared_lock[turn];
         assert(!stuck);
         if
#ifdef DEATH
#ifndef NO_RECHECK
         :: dead[1] && turn == 0 && leader[0] != NOBODY && !rechecked -> recheck[0] = 1; rechecked = 1
#endif
#endif
         :: else ->
            lost_wakeup = STRANDED(FIRST(turn)) || STRANDED(SECOND(turn));
            assert(!lost_wakeup);
            turn++;
            if
            :: turn == PROCESSES -> break
            :: else
            fi
         fi
      }
   od
}

#ifdef DEATH
/* What nobody can see any more is cleared, to have fewer states. */
proctype reaper()
{
   atomic {
      turn == ALL ->
      dead[1] = 1;
      lock[1] = 0; linked[2] = 0; linked[3] = 0;
      shared_lock[1] = 0; leader[1] = NOBODY; doorbell[1] = 0;
      state[2] = GONE; state[3] = GONE; token[2] = 0; token[3] = 0;
      kill[0]!0
   }
}
#endif

init
{
#ifdef HALF
   byte home0, home1;
   atomic {
      select(timed : 0 .. 3);
      if
      :: target[0] = 1; target[1] = 1
      :: target[0] = 1; target[1] = 2
      :: target[0] = 2; target[1] = 2
      fi;
      select(home0 : 0 .. 1);
      select(home1 : 0 .. 1);
      run waiter(0, 0, 1); run waiter(0, 1, 2);
      run signaller(home0, 0, 5); run signaller(home1, 1, 6);
      home0 = 0; home1 = 0
   }
#else
   atomic {
      run waiter(0, 0, 1); run waiter(0, 1, 2);
      run waiter(1, 2, 3); run waiter(1, 3, 4);
      run signaller(S0, 0, 5); run signaller(S1, 1, 6);
#ifdef DEATH
      run reaper()
#endif
   }
#endif
}

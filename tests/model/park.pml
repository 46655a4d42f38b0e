/* SPDX-License-Identifier: MIT */

/* Private payloads and parking: src/vulkan_win32_sync/vk_sync_win32_park.c,
 * _wait.c, _waiter.c and the private backend of _payload.c
 *
 * Two that wait twice each, for 1 or for 2; two that signal.  README.md tells
 * what must hold; check.py lists what is run, made with -D:
 *
 *    TREE     0: two take turns on the seat; 1: who finds it taken parks in the
 *             tree; 2: both do
 *    FUTEX    parks by WaitOnAddress, or with BELL by a bell, which strangers
 *             ring, too; else by keyed event
 *    TWO      with TREE=2: the first waits for another payload as well, in
 *             whose tree nobody else is, and which the second signaller signals
 *    TIMED    a wait may run out of time
 *    MORTAL   who may stop for ever, at any step without the lock
 *    BOUNDS   what may end at any time: 1 collecting, 2 releasing
 *    MUTANT   what is left out or wrong
 *
 * State and target are stored in any order, and loaded in any order.  What is
 * done with the lock is one step.
 */

mtype:mutant = {
   NONE, NO_WAITER_BARRIER, NO_SIGNALLER_BARRIER, NO_LOOK, NO_REARM, ALWAYS_COLLECTS, NO_COLLECTING,
   VACANT_FIRST, PLAIN_LEAVE, PLAIN_NOTIFY, TRUSTS_WAKE, PARKED_LATE, TOUCHES, NO_BOUND, NO_LOOKING,
   UNOWED
};
#define IS(mutant) (MUTANT == mutant)

/* The payload.  The places to park are the seat and each waiter's own, which
 * has its number.  `linked` is the tree, a bit for each waiter.
 */
#define SEAT 3
#define MAX 7 /* no target */
mtype:state = { VACANT, PARKED, NOTIFIED };
mtype:state state[SEAT + 1] = VACANT;
byte target[SEAT + 1];
byte word, linked;
bit word2, linked2;   /* of the other payload */

#define THREADS 5     /* and one, 0 being nobody */
byte asleep[THREADS]; /* at which place */
bit bell[THREADS];
bit dead[THREADS];
bit nudge[THREADS];   /* the monitor ends a bounded wait */
bit releasing[THREADS], collecting[THREADS];
byte gave_up;         /* as BOUNDS: what has ended early */
bit started;
byte goal[THREADS];   /* for what must hold, as is what follows */
byte sitting;
hidden byte lost_wakeup, early_success, wasted, touched, stuck, lost_seat;

#define DO(x) atomic { !dead[me] -> x }
#define WHEN(condition, x) atomic { !dead[me] && (condition) -> x }
#define SAY(what) printf("thread %d ", me); printf(what)
#define BIT(w) (1 << (w))
#define BOUND_IS_OVER(kind) (nudge[me] || (BOUNDS & (kind)))
#define END_BOUND(kind) gave_up = gave_up | (nudge[me] -> 0 : kind); nudge[me] = 0

#define VACATE state[my] = VACANT; sitting = (my == SEAT -> 0 : sitting)
#define OWED (!woken || IS(ALWAYS_COLLECTS))
#define BLOCKS (asleep[me] || BELL)
#define IN_TWO (TWO && me == 1)
#define REACHED(w, value) (word >= (value) || (TWO && (w) == 1 && word2))
/* Of two threads alike, one comes first: which is the same. */
#define MAY_WAIT (rounds < 2 && (rounds > 0 || me == 1 || started || dead[1] || TWO))
#define MAY_SIGNAL (me == 3 || word > 0 || dead[3])

inline collect()
{
   DO(asleep[me] = (FUTEX -> 0 : my); collecting[me] = !FUTEX)
   if
   :: WHEN(!asleep[me], collecting[me] = 0)
   :: WHEN(asleep[me] && BOUND_IS_OVER(1), SAY("stops collecting\n"); collecting[me] = 0; asleep[me] = 0; END_BOUND(1))
   fi
}

proctype waiter(byte me)
{
   byte rounds, my, mine;
   bit woken, timed, late, early;

wait:
   atomic {
      if
      :: !dead[me] && MAY_WAIT && TREE < 2 && state[SEAT] == VACANT ->
         SAY("sits down\n"); my = SEAT; sitting = me; state[SEAT] = NOTIFIED
      :: !dead[me] && MAY_WAIT && TREE > 0 && (TREE == 2 || state[SEAT] != VACANT) -> my = me
      fi;
      if :: mine = 1 :: mine = 2 fi;
      if :: TIMED -> timed = 1 :: skip fi;
      goal[me] = mine; rounds++; started = 1; early = IS(NO_LOOK)
   }
   if
   :: WHEN(my == SEAT, state[SEAT] = PARKED); DO(target[SEAT] = mine; goto look)
   :: DO(target[my] = mine)
   fi;
arm:
   if
   :: WHEN(IS(NO_WAITER_BARRIER), early = word < mine); DO(state[my] = PARKED)
   :: DO(state[my] = (IS(PARKED_LATE) -> VACANT : PARKED))
   fi;
   if
   :: WHEN(my == me && !IN_TWO, linked = linked | BIT(me))
   :: WHEN(IN_TWO, linked = linked | BIT(me)); DO(linked2 = 1)
   :: WHEN(my == SEAT, goto look)
   fi;

look: /* Here is the barrier.  An early look has been in vain. */
   DO(woken = 0;
      if
      :: early -> early = 0
      :: !early && (REACHED(me, mine) || late) -> goto leave
      :: !early && !REACHED(me, mine) && !late
      fi)

   if
   :: WHEN(state[my] != PARKED && IS(PARKED_LATE), state[my] = PARKED; asleep[me] = my)
   :: WHEN(state[my] != PARKED && !BELL, goto parked)
   :: WHEN(state[my] == PARKED && FUTEX && !BELL, asleep[me] = my)
   :: WHEN(state[my] == PARKED && !FUTEX, skip); DO(asleep[me] = my)
   :: WHEN(BELL, skip)
   fi;
   if
   :: WHEN(!BLOCKS || bell[me], SAY("is woken\n"); bell[me] = 0; woken = 1; early_success = IS(TRUSTS_WAKE) && !REACHED(me, mine); assert(!early_success))
   :: WHEN(BLOCKS && timed, SAY("runs out of time\n"); asleep[me] = 0; late = 1)
   :: WHEN(BLOCKS && nudge[me], SAY("looks for itself\n"); asleep[me] = 0; nudge[me] = 0)
   fi;
parked:
   if
   :: WHEN(state[my] != NOTIFIED || (IS(NO_REARM) && woken), goto look)
   :: WHEN(state[my] == NOTIFIED && !OWED, goto arm)
   :: WHEN(state[my] == NOTIFIED && OWED, skip); collect(); DO(goto arm)
   fi;

leave:
   if
   :: WHEN(my == me && !IN_TWO, linked = linked & ~BIT(me))
   :: WHEN(IN_TWO, linked = linked & ~BIT(me)); DO(linked2 = 0)
   :: WHEN(my == SEAT, skip)
   fi;
   if
   :: WHEN(state[my] == PARKED && !IS(PLAIN_LEAVE), VACATE)
   :: WHEN(state[my] == VACANT, skip)
   :: WHEN(state[my] == PARKED && IS(PLAIN_LEAVE), skip); DO(VACATE)
   :: WHEN(state[my] == NOTIFIED && IS(VACANT_FIRST), VACATE); collect()
   :: WHEN(state[my] == NOTIFIED && IS(NO_COLLECTING), VACATE)
   :: WHEN(state[my] == NOTIFIED, skip); collect(); DO(VACATE)
   fi;
   DO(goal[me] = 0; my = 0; mine = 0; timed = 0; late = 0; goto wait)
}

/* For each place to release, blocks until somebody waits for its key, with one
 * bound; those who are there come first.  An address or a bell does not block.
 */
#define RELEASES(w) (asleep[w] && (release & BIT(asleep[w])))
inline unpark()
{
   do
   :: WHEN(RELEASES(1), release = release & ~BIT(asleep[1]); asleep[1] = 0)
   :: WHEN(RELEASES(2), release = release & ~BIT(asleep[2]); asleep[2] = 0)
   :: WHEN(release && !RELEASES(1) && !RELEASES(2) && FUTEX,
           bell[1] = bell[1] || (BELL && (release & BIT(1)));
           bell[2] = bell[2] || (BELL && (release & BIT(2)));
           release = 0)
   :: WHEN(release && !RELEASES(1) && !RELEASES(2) && !FUTEX && !IS(NO_BOUND) && BOUND_IS_OVER(2),
           SAY("stops releasing\n"); END_BOUND(2); release = 0)
   :: WHEN((release & BIT(1)) && state[1] != NOTIFIED && IS(TOUCHES), touched = 1; assert(!touched))
   :: WHEN(!release, releasing[me] = 0; break)
   od
}

#define TARGET_OF(w) ((linked & BIT(w)) -> target[w] : MAX)
#define WANTED (TARGET_OF(1) < TARGET_OF(2) -> TARGET_OF(1) : TARGET_OF(2))
#define WANTS_WORD(w) (TARGET_OF(w) <= word -> BIT(w) : 0)
#define IF_PARKED(w) (state[w] == PARKED || IS(UNOWED) -> BIT(w) : 0)
#define NOTIFY(w) state[w] = ((release & BIT(w)) -> NOTIFIED : state[w])
proctype signaller(byte me)
{
   byte v, release;
   byte wanted = 0; /* if that was loaded early */
   bit seen;

   if
   :: WHEN(!IS(NO_SIGNALLER_BARRIER) && MAY_SIGNAL, SAY("signals\n"); word++; v = word)
   :: WHEN(IS(NO_SIGNALLER_BARRIER), wanted = WANTED; seen = (state[SEAT] == PARKED))
      WHEN(MAY_SIGNAL, SAY("signals\n"); word++; v = word; seen = seen && target[SEAT] <= v)
   fi;

   /* Here is the barrier.  Then the tree, with the lock */
   if
   :: WHEN(wanted <= v && WANTED <= v,
           release = WANTS_WORD(1) | WANTS_WORD(2);
           linked = linked & ~release;
           release = release & (IF_PARKED(1) | IF_PARKED(2));
           NOTIFY(1); NOTIFY(2);
           releasing[me] = release > 0)
      unpark()
   :: WHEN(wanted > v || WANTED > v, skip)
   fi;

   if
   :: WHEN(!IS(NO_SIGNALLER_BARRIER), seen = target[SEAT] <= v); DO(seen = seen && state[SEAT] == PARKED)
   :: WHEN(!IS(NO_SIGNALLER_BARRIER), seen = (state[SEAT] == PARKED)); DO(seen = seen && target[SEAT] <= v)
   :: WHEN(IS(NO_SIGNALLER_BARRIER), skip)
   fi;
   if
   :: WHEN(seen && (state[SEAT] == PARKED || IS(PLAIN_NOTIFY)),
           release = BIT(SEAT); state[SEAT] = NOTIFIED; releasing[me] = 1)
      unpark()
   :: WHEN(!(seen && (state[SEAT] == PARKED || IS(PLAIN_NOTIFY))), seen = 0)
   fi
}

/* Whom somebody else has notified is unlinked, and not released again. */
proctype other_signaller(byte me)
{
   byte release;

   DO(SAY("signals the other\n"); word2 = 1)
   DO(release = (linked2 -> IF_PARKED(1) : 0); linked2 = 0; NOTIFY(1); releasing[me] = release > 0)
   unpark()
}

/* A signal of a shared payload, in the same wait, which slots.pml has */
proctype stranger() { bell[1] = 1 }

/* Whoever is terminated leaves its wait, and whoever is suspended does not. */
#define STOP(w) :: (MORTAL & BIT(w)) -> dead[w] = 1; if :: asleep[w] = 0 :: skip fi
proctype reaper() { atomic { if STOP(1) STOP(2) STOP(3) STOP(4) fi } }

/* When nothing else happens: bounds end for one after the other, and should
 * not have to where nobody has stopped.
 */
#define SIGNALLER_STOPPED (dead[3] || dead[4])
#define SOMEBODY_STOPPED (dead[1] || dead[2] || SIGNALLER_STOPPED)
#define STRANDED(w) (goal[w] != 0 && !dead[w] && REACHED(w, goal[w]))
#define BLOCKED(w) (!dead[w] && (releasing[w] || collecting[w]))
#define MAY_LOOK(w) (!IS(NO_LOOKING) && (SIGNALLER_STOPPED || (gave_up & 2)) && STRANDED(w))
#define GRANT(w, may) :: bounds < 4 && (may) -> nudge[w] = 1; bounds++
active proctype monitor()
{
   byte bounds;
   do
   :: atomic {
         timeout ->
         stuck = BLOCKED(1) || BLOCKED(2) || BLOCKED(3) || BLOCKED(4);
         wasted = stuck && !SOMEBODY_STOPPED && !gave_up;
         assert(!wasted);
         if
         GRANT(1, BLOCKED(1) || MAY_LOOK(1))
         GRANT(2, BLOCKED(2) || MAY_LOOK(2))
         GRANT(3, BLOCKED(3))
         GRANT(4, BLOCKED(4))
         :: else ->
            lost_wakeup = STRANDED(1) || STRANDED(2);
            lost_seat = state[SEAT] != VACANT && !sitting;
            assert(!stuck); assert(!lost_wakeup); assert(!lost_seat);
            break
         fi
      }
   od
}

init
{
   atomic {
      run waiter(1); run waiter(2); run signaller(3);
      if :: TWO -> run other_signaller(4) :: else -> run signaller(4) fi;
      if :: MORTAL -> run reaper() :: else fi;
      if :: BELL -> run stranger() :: else fi
   }
}

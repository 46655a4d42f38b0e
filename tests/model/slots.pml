/* SPDX-License-Identifier: MIT */

/* Slots and bells: src/vulkan_win32_sync/vk_sync_win32_slots.c and _bell.c
 *
 * Threads that wait for shared payloads, and signal them.  Nobody looks for
 * himself except where LOOKS allows it.  README.md tells what must hold and
 * what is left out; check.py lists what is run, made with -D:
 *
 *    HANDOVER   two that wait, ROUNDS times each, the second from SECOND on;
 *               two that signal
 *    RELAY      one that waits twice, one that signals, one that signals once
 *               that wait is over
 *    ANY        one that waits for either of two payloads, two for one each
 *    PINGPONG   two that signal and wait in turn
 *    SLOTS      of each payload
 *    TIMED      who may run out of time, a bit each
 *    MORTAL     who may stop for ever, at any step; DIES: with its process,
 *               which is_dead() notices, or does not (yet)
 *    LOOKS      how often each may look for itself, when nothing else happens
 *    UNOPENABLE no bell can be opened
 *    the mutants, in capitals below
 *
 * Loads that come early, stores that come late: what one thread stores between
 * two barriers arrives in any order, and what a signaller loads after its
 * barrier may be older than what it loads before.  Barriers, and orders that
 * the C asks for, are what mutants leave out.
 */

#ifndef SLOTS
#define SLOTS 2
#endif
#ifdef ANY
#define PAYLOADS 2
#else
#define PAYLOADS 1
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef SECOND
#define SECOND 1
#endif
#ifndef TIMED
#define TIMED 0
#endif
#ifndef MORTAL
#define MORTAL 0
#endif
#ifndef LOOKS
#define LOOKS 0
#endif

#define ALL_SLOTS (PAYLOADS * SLOTS)
#define THREADS 6 /* and one, 0 being nobody */
#define NONE 7
#define S(p, k) ((p) * SLOTS + (k))

/* The sections.  A bell's id is its thread's number, in two halves. */
byte word[PAYLOADS];
byte armed[PAYLOADS];
byte failed[PAYLOADS];
byte owner[ALL_SLOTS];
byte target[ALL_SLOTS];
byte half0[ALL_SLOTS];
#ifdef HALVES
byte half1[ALL_SLOTS];
#endif

bit bell[THREADS];
bit dead[THREADS];
bit nudge[THREADS];

/* Of two threads alike, one comes first: which is the same. */
bit started;
#ifdef HANDOVER
#define MAY_START ((me != 2 || SECOND != 1 || started || dead[1]) && (me != 4 || word[0] > 0 || dead[3]))
#elif defined(RELAY)
#define MAY_START (me != 4 || goal[1] == 2)
#else
#define MAY_START true
#endif


/* For what must hold: what a thread waits for, 0 if it does not */
byte goal[THREADS];
byte watched[THREADS];
hidden byte lost_wakeup, early_success, two_owners;

#if MORTAL != 0
#define STEP !dead[me]
#else
#define STEP true
#endif
#define SAY(what) printf("thread %d ", me); printf(what)

#define REACHED(p, t) (word[p] >= (t))
#if PAYLOADS == 2
#define ANY_REACHED(m, t) ((((m) & 1) && REACHED(0, t)) || (((m) & 2) && REACHED(1, t)))
#else
#define ANY_REACHED(m, t) (((m) & 1) && REACHED(0, t))
#endif

#ifdef DIES
#define MAY_TAKE_OVER(i) (owner[i] != 0 && dead[owner[i]])
#elif defined(WRONG_DEAD)
#define MAY_TAKE_OVER(i) true
#else
#define MAY_TAKE_OVER(i) false
#endif
#define FREE(i) (owner[i] == 0 || MAY_TAKE_OVER(i))
#if SLOTS == 2
#define FREE_IN(p) (FREE(S(p, 0)) || FREE(S(p, 1)))
#define NONE_FREE(p) (owner[S(p, 0)] != 0 && owner[S(p, 1)] != 0)
#else
#define FREE_IN(p) FREE(p)
#define NONE_FREE(p) (owner[p] != 0)
#endif
#if PAYLOADS == 2
#define COULD_CLAIM (((lacks & 1) && FREE_IN(0)) || ((lacks & 2) && FREE_IN(1)))
#else
#define COULD_CLAIM ((lacks & 1) && FREE_IN(0))
#endif

#define BIT(i) (1 << ((i) % SLOTS))
#define FIRST_WATCHED ((watch & 1) -> 0 : 1)

inline next_watched()
{
   p++;
   if
   :: p < PAYLOADS && !(watch & (1 << p)) -> p++
   :: else
   fi
}

inline disarm_slot()
{
   armed[p] = armed[p] & ~BIT(i)
}

inline free_slot()
{
   two_owners = (owner[i] != me);
   assert(!two_owners);
   target[i] = 0;
   owner[i] = 0
}

/* Waits for any of the payloads in `watch` to reach `first`, `first` + 1, ...;
 * signals payload `before` - 1 before, `after` - 1 after that.
 */
proctype thread(byte me; byte watch; byte first; byte rounds; byte before; byte after)
{
   byte p, k, i, v, todo, seen, lacks, polls;
   byte slot[PAYLOADS];
#ifdef EARLY
   byte early[SLOTS];
#endif
   bit success, flag;

   atomic {
      watched[me] = watch; slot[0] = NONE; slot[PAYLOADS - 1] = NONE;
      if :: before -> goto signal :: else -> goto wait fi
   }

wait:
   atomic { STEP && MAY_START ->
      if
      :: rounds == 0 && after -> goto signal
      :: rounds == 0 && !after -> goto end
      :: else -> goal[me] = first; p = FIRST_WATCHED
      fi;
#ifdef NO_WAITER_BARRIER
      goto look_early
#endif
   }

arm:
   if
   :: atomic { STEP && slot[p] == NONE ->
         if
         :: owner[S(p, 0)] == 0 -> i = S(p, 0)
#if SLOTS == 2
         :: owner[S(p, 1)] == 0 -> i = S(p, 1)
#endif
         /* recover() */
         :: NONE_FREE(p) && MAY_TAKE_OVER(S(p, 0)) -> i = S(p, 0); flag = 1
#if SLOTS == 2
         :: NONE_FREE(p) && MAY_TAKE_OVER(S(p, 1)) -> i = S(p, 1); flag = 1
#endif
         :: NONE_FREE(p) -> SAY("finds no slot\n"); lacks = lacks | (1 << p); goto armed_one
         fi;
         SAY("claims\n");
         lacks = lacks & ~(1 << p);
         slot[p] = i;
         todo = 3;
#ifdef PLAIN_CLAIM
      }
      atomic { STEP ->
#endif
         owner[i] = me;
         started = started || me == 1
      }
#ifdef DIES
      if
      :: atomic { STEP && flag ->
#ifdef NO_DISARM
            /* The look whether it is armed already comes early. */
            seen = armed[p] & BIT(i);
#else
            disarm_slot();
#endif
            flag = 0 }
      :: !flag
      fi;
#endif
#ifdef ARM_FIRST
      atomic { STEP -> armed[p] = armed[p] | BIT(i) }
#endif
      do
      :: atomic { STEP && (todo & 1) -> target[i] = first; todo = todo & 2 }
#ifdef HALVES
      :: atomic { STEP && (todo & 2) && half0[i] != me -> half0[i] = me }
      :: atomic { STEP && (todo & 2) && half0[i] == me -> half1[i] = me; todo = todo & 1 }
#else
      :: atomic { STEP && (todo & 2) -> half0[i] = me; todo = todo & 1 }
#endif
      :: atomic { STEP && todo == 0 ->
#ifndef ARM_FIRST
            armed[p] = (seen -> armed[p] : armed[p] | BIT(i));
            seen = 0;
#endif
            goto armed_one
         }
      od
   :: atomic { STEP && slot[p] != NONE -> i = slot[p]; armed[p] = armed[p] | BIT(i) }
   fi;
armed_one:
   atomic {
      i = 0;
      next_watched();
      if
      :: p < PAYLOADS -> goto arm
      :: else -> p = FIRST_WATCHED
      fi;
#ifdef NO_SECOND_LOOK
      if
      :: !flag -> flag = 1; goto park
      :: else -> flag = 0
      fi
#endif
#ifdef NO_WAITER_BARRIER
      /* or the loads have come early */
      if
      :: flag -> flag = 0; goto park
      :: !flag
      fi
#endif
   }

   /* Here is the barrier. */
look:
   atomic { STEP ->
      if
      :: slot[p] != NONE && (failed[p] & BIT(slot[p])) ->
         failed[p] = failed[p] & ~BIT(slot[p]);
#ifndef NO_NOTICING
         polls = polls | (1 << p)
#endif
      :: else
      fi;
      if
      :: REACHED(p, first) -> success = 1; goto leave
      :: else ->
         next_watched();
         if
         :: p < PAYLOADS -> goto look
         :: else -> p = FIRST_WATCHED
         fi
      fi
   }

park:
   atomic {
      if
      :: STEP && bell[me] -> bell[me] = 0; SAY("is rung\n");
#ifdef TRUSTS_RING
         success = 1; goto leave
#endif
      :: STEP && nudge[me] -> nudge[me] = 0; SAY("looks for itself\n")
      /* A poll, of which those that see nothing new are left out */
      :: STEP && lacks && (COULD_CLAIM || ANY_REACHED(lacks, first))
      :: STEP && ANY_REACHED(polls, first)
      :: STEP && (TIMED & (1 << me)) -> SAY("runs out of time\n"); goto leave
      fi;
#ifdef NO_REARM
      goto look
#elif defined(NO_WAITER_BARRIER)
      goto look_early
#else
      goto arm
#endif
   }

#ifdef NO_WAITER_BARRIER
look_early:
   atomic { STEP -> 
      if
      :: flag = !ANY_REACHED(watch, first)
      :: skip
      fi;
      goto arm
   }
#endif

leave:
   atomic {
      early_success = success && !ANY_REACHED(watch, first);
      assert(!early_success);
      success = 0; flag = 0; goal[me] = 0; lacks = 0; p = FIRST_WATCHED
   }
   do
   :: atomic { STEP && p < PAYLOADS && slot[p] != NONE ->
         i = slot[p];
#ifdef OWNER_FIRST
         free_slot()
#else
         disarm_slot()
#endif
      }
      atomic { STEP ->
#ifdef OWNER_FIRST
         disarm_slot();
#else
         free_slot();
#endif
         slot[p] = NONE; i = 0;
         next_watched()
      }
   :: atomic { p < PAYLOADS && slot[p] == NONE -> next_watched() }
   :: atomic { p >= PAYLOADS -> p = 0; first++; rounds--; goto wait }
   od;

signal:
#ifdef NO_SIGNALLER_BARRIER
   /* The loads come early. */
   atomic { STEP -> p = (before -> before : after) - 1; seen = armed[p] }
#endif
   atomic { STEP && MAY_START ->
      p = (before -> before : after) - 1;
      SAY("signals\n");
      word[p]++; v = word[p]
   }
   /* Here is the barrier, and then loads in any order. */
#ifdef EARLY
   atomic { STEP ->
      if :: early[0] = target[S(p, 0)] :: early[0] = NONE fi;
#if SLOTS == 2
      if :: early[1] = target[S(p, 1)] :: early[1] = NONE fi
#endif
   }
#endif
   atomic { STEP ->
#ifndef NO_SIGNALLER_BARRIER
      seen = armed[p];
#endif
      k = 0
   }
   do
   :: atomic { seen == 0 ->
         k = 0; p = 0; v = 0;
#ifdef EARLY
         early[0] = 0; early[SLOTS - 1] = 0;
#endif
         if
         :: before -> before = 0; goto wait
         :: else -> goto end
         fi
      }
   :: atomic { STEP && seen != 0 ->
         k = ((seen & 1) -> 0 : 1);
         seen = seen & ~(1 << k);
         i = target[S(p, k)];
#ifdef EARLY
         i = (early[k] == NONE -> i : early[k]);
#endif
         if
         :: i > v -> i = 0; goto next
         :: else -> i = 0
         fi
      }
#if defined(EARLY_BELL)
      atomic { STEP -> i = half0[S(p, k)] }
#elif defined(RING_FIRST)
      atomic { STEP -> i = half0[S(p, k)]; bell[i] = 1; i = 0 }
#endif
#ifdef PLAIN_DISARM
      atomic { STEP -> lacks = armed[p] }
      atomic { STEP -> flag = ((lacks >> k) & 1); armed[p] = lacks & ~(1 << k); lacks = 0;
#else
      atomic { STEP -> flag = ((armed[p] >> k) & 1); armed[p] = armed[p] & ~(1 << k);
#endif
         if
#ifdef RING_FIRST
         :: true -> flag = 0; goto next
#else
         :: flag -> flag = 0; SAY("disarms\n")
         :: else -> i = 0; goto next
#endif
         fi
      }
#if !defined(EARLY_BELL) && !defined(RING_FIRST)
      atomic { STEP -> i = half0[S(p, k)] }
#ifdef HALVES
      atomic { STEP -> i = (half1[S(p, k)] == i -> i : 0) }
#endif
#endif
      atomic { STEP ->
         if
#ifndef UNOPENABLE
         :: i != 0 -> printf("thread %d rings %d\n", me, i); bell[i] = 1
#endif
         :: else -> printf("thread %d fails to ring\n", me);
#if LOOKS != 0
            failed[p] = failed[p] | (1 << k)
#endif
         fi;
         i = 0
      }
next: skip
   od;
end:
   false
}

#define STRANDED(w) (goal[w] != 0 && !dead[w] && ANY_REACHED(watched[w], goal[w]))
#define GRANT(w) \
   if \
   :: STRANDED(w) && looked[w] < LOOKS -> looked[w]++; nudge[w] = 1; granted = 1 \
   :: else -> lost_wakeup = STRANDED(w); assert(!lost_wakeup) \
   fi

active proctype monitor()
{
   byte looked[THREADS];
   bit granted;
   do
   :: atomic {
         timeout ->
         granted = 0;
         GRANT(1); GRANT(2); GRANT(3); GRANT(4);
         if
         :: granted -> granted = 0
         :: else -> break
         fi
      }
   od
}

proctype reaper()
{
   atomic {
      if
      :: (MORTAL & 2) -> dead[1] = 1; printf("thread 1 stops\n")
      :: (MORTAL & 4) -> dead[2] = 1; printf("thread 2 stops\n")
      :: (MORTAL & 8) -> dead[3] = 1; printf("thread 3 stops\n")
      :: (MORTAL & 16) -> dead[4] = 1; printf("thread 4 stops\n")
      fi
   }
}

init
{
   atomic {
#if defined(HANDOVER)
      run thread(1, 1, 1, ROUNDS, 0, 0);
      run thread(2, 1, SECOND, ROUNDS, 0, 0);
      run thread(3, 0, 0, 0, 1, 0);
      run thread(4, 0, 0, 0, 1, 0);
#elif defined(ANY)
      run thread(1, 3, 1, 1, 0, 0);
      run thread(2, 1, 1, 1, 0, 0);
      run thread(3, 0, 0, 0, 1, 0);
      run thread(4, 0, 0, 0, 2, 0);
#elif defined(RELAY)
      run thread(1, 1, 1, 2, 0, 0);
      run thread(3, 0, 0, 0, 1, 0);
      run thread(4, 0, 0, 0, 1, 0);
#elif defined(PINGPONG)
      run thread(1, 1, 2, 1, 1, 0);
      run thread(2, 1, 1, 1, 0, 1);
#endif
      if :: MORTAL != 0 -> run reaper() :: else fi
   }
}

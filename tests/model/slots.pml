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

#define PAYLOADS (1 + ANY)

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
byte half1[ALL_SLOTS];

bit bell[THREADS];
bit dead[THREADS];
bit nudge[THREADS];

/* Of two threads alike, one comes first: which is the same. */
bit started;
#define MAY_START \
   ((!HANDOVER || ((me != 2 || SECOND != 1 || started || dead[1]) && (me != 4 || word[0] > 0 || dead[3]))) && \
    (!RELAY || me != 4 || goal[1] == 2))

/* For what must hold: what a thread waits for, 0 if it does not */
byte goal[THREADS];
byte watched[THREADS];
hidden byte lost_wakeup, early_success, two_owners;

#define STEP (!MORTAL || !dead[me])
#define SAY(what) printf("thread %d ", me); printf(what)

#define REACHED(p, t) (word[p] >= (t))
#define ANY_REACHED(m, t) ((((m) & 1) && REACHED(0, t)) || (((m) & 2) && REACHED(PAYLOADS - 1, t)))

#define MAY_TAKE_OVER(i) (WRONG_DEAD || (DIES && owner[i] != 0 && dead[owner[i]]))
#define FREE(i) (owner[i] == 0 || MAY_TAKE_OVER(i))
#define FREE_IN(p) (FREE(S(p, 0)) || FREE(S(p, SLOTS - 1)))
#define NONE_FREE(p) (owner[S(p, 0)] != 0 && owner[S(p, SLOTS - 1)] != 0)
#define COULD_CLAIM (((lacks & 1) && FREE_IN(0)) || ((lacks & 2) && FREE_IN(PAYLOADS - 1)))

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
   byte slot[PAYLOADS], early[SLOTS];
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
      if :: NO_WAITER_BARRIER -> goto look_early :: else fi
   }

arm:
   if
   :: atomic { STEP && slot[p] == NONE ->
         if
         :: owner[S(p, 0)] == 0 -> i = S(p, 0)
         :: SLOTS == 2 && owner[S(p, SLOTS - 1)] == 0 -> i = S(p, SLOTS - 1)
         /* recover() */
         :: NONE_FREE(p) && MAY_TAKE_OVER(S(p, 0)) -> i = S(p, 0); flag = 1
         :: SLOTS == 2 && NONE_FREE(p) && MAY_TAKE_OVER(S(p, SLOTS - 1)) -> i = S(p, SLOTS - 1); flag = 1
         :: NONE_FREE(p) -> SAY("finds no slot\n"); lacks = lacks | (1 << p); goto armed_one
         fi;
         SAY("claims\n");
         lacks = lacks & ~(1 << p);
         slot[p] = i;
         todo = 3;
#if PLAIN_CLAIM
      }
      atomic { STEP ->
#endif
         owner[i] = me;
         started = started || me == 1
      }
#if DIES
      if
      :: atomic { STEP && flag ->
            /* Or the look whether it is armed already comes early. */
            if :: NO_DISARM -> seen = armed[p] & BIT(i) :: else -> disarm_slot() fi;
            flag = 0
         }
      :: !flag
      fi;
#endif
#if ARM_FIRST
      atomic { STEP -> armed[p] = armed[p] | BIT(i) }
#endif
      do
      :: atomic { STEP && (todo & 1) -> target[i] = first; todo = todo & 2 }
      :: atomic { STEP && (todo & 2) && HALVES && half0[i] != me -> half0[i] = me }
      :: atomic { STEP && (todo & 2) && (!HALVES || half0[i] == me) -> half0[i] = me; half1[i] = me; todo = todo & 1 }
      :: atomic { STEP && todo == 0 ->
            armed[p] = (seen || ARM_FIRST -> armed[p] : armed[p] | BIT(i));
            seen = 0;
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
      /* or the loads have come early */
      if :: NO_WAITER_BARRIER && flag -> flag = 0; goto park :: else fi
   }

   /* Here is the barrier. */
look:
   atomic { STEP ->
      if
      :: slot[p] != NONE && (failed[p] & BIT(slot[p])) ->
         failed[p] = failed[p] & ~BIT(slot[p]);
         polls = polls | (NO_NOTICING -> 0 : 1 << p)
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
         if :: TRUSTS_RING -> success = 1; goto leave :: else fi
      :: STEP && nudge[me] -> nudge[me] = 0; SAY("looks for itself\n")
      /* A poll, of which those that see nothing new are left out */
      :: STEP && lacks && (COULD_CLAIM || ANY_REACHED(lacks, first))
      :: STEP && ANY_REACHED(polls, first)
      :: STEP && (TIMED & (1 << me)) -> SAY("runs out of time\n"); goto leave
      fi;
      if :: NO_REARM -> goto look :: NO_WAITER_BARRIER -> goto look_early :: else -> goto arm fi
   }

look_early:
   atomic { STEP ->
      if
      :: flag = !ANY_REACHED(watch, first)
      :: skip
      fi;
      goto arm
   }

leave:
   atomic {
      early_success = success && !ANY_REACHED(watch, first);
      assert(!early_success);
      success = 0; flag = 0; goal[me] = 0; lacks = 0; p = FIRST_WATCHED
   }
   do
   :: atomic { STEP && p < PAYLOADS && slot[p] != NONE ->
         i = slot[p];
         if :: OWNER_FIRST -> free_slot() :: else -> disarm_slot() fi
      }
      atomic { STEP ->
         if :: OWNER_FIRST -> disarm_slot() :: else -> free_slot() fi;
         slot[p] = NONE; i = 0;
         next_watched()
      }
   :: atomic { p < PAYLOADS && slot[p] == NONE -> next_watched() }
   :: atomic { p >= PAYLOADS -> p = 0; first++; rounds--; goto wait }
   od;

signal:
#if NO_SIGNALLER_BARRIER
   /* The loads come early. */
   atomic { STEP -> p = (before -> before : after) - 1; seen = armed[p] }
#endif
   atomic { STEP && MAY_START ->
      p = (before -> before : after) - 1;
      SAY("signals\n");
      word[p]++; v = word[p]
   }
   /* Here is the barrier, and then loads in any order. */
#if EARLY
   atomic { STEP ->
      if :: early[0] = target[S(p, 0)] :: early[0] = NONE fi;
      if :: SLOTS == 1 :: SLOTS == 2 -> early[SLOTS - 1] = target[S(p, SLOTS - 1)] :: SLOTS == 2 -> early[SLOTS - 1] = NONE fi
   }
#endif
   atomic { STEP ->
      seen = (NO_SIGNALLER_BARRIER -> seen : armed[p]);
      k = 0
   }
   do
   :: atomic { seen == 0 ->
         k = 0; p = 0; v = 0;
         early[0] = 0; early[SLOTS - 1] = 0;
         if
         :: before -> before = 0; goto wait
         :: else -> goto end
         fi
      }
   :: atomic { STEP && seen != 0 ->
         k = ((seen & 1) -> 0 : 1);
         seen = seen & ~(1 << k);
         i = (!EARLY || early[k] == NONE -> target[S(p, k)] : early[k]);
         if
         :: i > v -> i = 0; goto next
         :: else -> i = 0
         fi
      }
#if EARLY_BELL || RING_FIRST
      atomic { STEP -> i = half0[S(p, k)]; if :: RING_FIRST -> bell[i] = 1; i = 0 :: else fi }
#endif
#if PLAIN_DISARM
      atomic { STEP -> lacks = armed[p] }
      atomic { STEP -> flag = ((lacks >> k) & 1); armed[p] = lacks & ~(1 << k); lacks = 0;
#else
      atomic { STEP -> flag = ((armed[p] >> k) & 1); armed[p] = armed[p] & ~(1 << k);
#endif
         if
         :: RING_FIRST -> flag = 0; goto next
         :: !RING_FIRST && flag -> flag = 0; SAY("disarms\n")
         :: else -> i = 0; goto next
         fi
      }
#if !EARLY_BELL && !RING_FIRST
      atomic { STEP -> i = half0[S(p, k)] }
#if HALVES
      atomic { STEP -> i = (half1[S(p, k)] == i -> i : 0) }
#endif
#endif
      atomic { STEP ->
         if
         :: i != 0 && !UNOPENABLE -> printf("thread %d rings %d\n", me, i); bell[i] = 1
         :: else -> SAY("fails to ring\n"); failed[p] = failed[p] | (LOOKS -> 1 << k : 0)
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

#define STOP(w) :: (MORTAL & (1 << w)) -> dead[w] = 1; printf("thread %d stops\n", w)
proctype reaper() { atomic { if STOP(1) STOP(2) STOP(3) STOP(4) fi } }

init
{
   atomic {
#if HANDOVER
      run thread(1, 1, 1, ROUNDS, 0, 0);
      run thread(2, 1, SECOND, ROUNDS, 0, 0);
      run thread(3, 0, 0, 0, 1, 0);
      run thread(4, 0, 0, 0, 1, 0);
#elif ANY
      run thread(1, 3, 1, 1, 0, 0);
      run thread(2, 1, 1, 1, 0, 0);
      run thread(3, 0, 0, 0, 1, 0);
      run thread(4, 0, 0, 0, 2, 0);
#elif RELAY
      run thread(1, 1, 1, 2, 0, 0);
      run thread(3, 0, 0, 0, 1, 0);
      run thread(4, 0, 0, 0, 1, 0);
#elif PINGPONG
      run thread(1, 1, 2, 1, 1, 0);
      run thread(2, 1, 1, 1, 0, 1);
#endif
      if :: MORTAL != 0 -> run reaper() :: else fi
   }
}

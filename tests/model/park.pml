/* SPDX-License-Identifier: MIT */

/* Private payloads and parking: src/vulkan_win32_sync/vk_sync_win32_park.c,
 * _waiter.c and the private backend of _payload.c
 *
 * Threads of one process that wait for private payloads, and signal them.
 * Nobody looks for himself, and no bound ends a wait, except where somebody
 * has stopped for ever.  README.md tells what must hold; check.py lists what
 * is run, made with -D:
 *
 *    TWICE     two that wait for one payload, two times each; two that signal
 *    ANY       one that waits for either of two payloads, one for one of them
 *    PINGPONG  two that signal and wait in turn
 *    FUTEX     parks by WaitOnAddress; BELL: by a bell, which strangers ring,
 *              too; else by keyed event
 *    TIMED     who may run out of time, a bit each
 *    MORTAL    who may stop for ever, at any step without the lock
 *    BOUNDS    the bounds may end a wait at any time: safety only
 *    the mutants, in capitals below
 */

#if ANY
#define PAYLOADS 2
#else
#define PAYLOADS 1
#endif
#define KEYED (!FUTEX && !BELL)

#define THREADS 5 /* and one, 0 being nobody */
#define MAX 7     /* no target */

/* Each payload.  `linked` is its tree, a bit for each waiter, and `wanted` the
 * lowest target in it.
 */
byte word[PAYLOADS];
bit lock[PAYLOADS];
byte linked[PAYLOADS];
byte wanted[PAYLOADS] = MAX;

/* Each waiter, whose number is its thread's; it goes back to the pool and is
 * used again.
 */
mtype = { IDLE, PARKED, NOTIFIED };
mtype state[THREADS] = IDLE;
byte target[THREADS];

/* The kernel: who is in a wait for its key or address; bells */
bit asleep[THREADS];
#if BELL
bit bell[THREADS];
#endif

bit dead[THREADS];
bit nudge[THREADS]; /* the monitor ends a bounded wait */
bit releasing[THREADS], collecting[THREADS];

/* For what must hold */
byte goal[THREADS];
byte watched[THREADS];
hidden byte lost_wakeup, early_success, wasted, touched, stuck;

#if MORTAL != 0
#define STEP !dead[me]
#define SOMEBODY_STOPPED (dead[1] || dead[2] || dead[3] || dead[4])
#else
#define STEP true
#define SOMEBODY_STOPPED false
#endif
#if BOUNDS
#define BOUND_IS_OVER true
#else
#define BOUND_IS_OVER nudge[me]
#endif
#define SAY(what) printf("thread %d ", me); printf(what)
#define BIT(w) (1 << (w))
#define REACHED(p, t) (word[p] >= (t))
#if PAYLOADS == 2
#define ANY_REACHED(m, t) ((((m) & 1) && REACHED(0, t)) || (((m) & 2) && REACHED(1, t)))
#else
#define ANY_REACHED(m, t) (((m) & 1) && REACHED(0, t))
#endif

/* Of two threads alike, one comes first: which is the same. */
bit started;
#if TWICE
#define MAY_START ((me != 2 || started || dead[1]) && (me != 4 || word[0] > 0 || dead[3]))
#else
#define MAY_START true
#endif

#define FIRST_WATCHED ((watch & 1) -> 0 : 1)
inline next_watched()
{
   p++;
   if
   :: p < PAYLOADS && !(watch & (1 << p)) -> p++
   :: else
   fi
}

#define TARGET_OF(p, w) ((linked[p] & BIT(w)) -> target[w] : MAX)
#define LOWER(a, b) ((a) < (b) -> (a) : (b))
inline update_wanted()
{
   wanted[p] = LOWER(TARGET_OF(p, 1), TARGET_OF(p, 2))
}

/* Waits for any of the payloads in `watch` to reach `first`, `first` + 1, ...;
 * signals payload `before` - 1 before, `after` - 1 after that.
 */
proctype thread(byte me; byte watch; byte first; byte rounds; byte before; byte after)
{
   byte p, v, todo, release;
   bit success, released, flag;

   atomic {
      watched[me] = watch;
      if :: before -> goto signal :: else -> goto wait fi
   }

wait:
   atomic { STEP && MAY_START ->
      if
      :: rounds == 0 && after -> goto signal
      :: rounds == 0 && !after -> goto end
      :: else -> goal[me] = first; p = FIRST_WATCHED; started = started || me == 1
      fi;
      target[me] = first;
      released = 0
   }

arm:
#if !PARKED_LATE
   atomic { STEP ->
      state[me] = PARKED;
#if !KEEPS_RELEASED
      released = 0
#endif
   }
#endif
#if NO_WAITER_BARRIER
   /* The look comes early. */
   atomic { STEP ->
      if
      :: flag = !ANY_REACHED(watch, first)
      :: skip
      fi
   }
#endif
   do
   :: atomic { STEP && !lock[p] -> lock[p] = 1 }
      atomic { STEP ->
         linked[p] = linked[p] | BIT(me);
         update_wanted();
         lock[p] = 0;
         next_watched();
         if
         :: p < PAYLOADS
         :: else -> p = FIRST_WATCHED; break
         fi
      }
   od;

   /* Here is the barrier. */
#if !NO_SECOND_LOOK
   do
   :: atomic { STEP ->
         if
#if NO_WAITER_BARRIER
         :: flag -> flag = 0; break
         :: !flag && REACHED(p, first) -> success = 1; goto leave
         :: !flag && !REACHED(p, first) ->
#else
         :: REACHED(p, first) -> success = 1; goto leave
         :: else ->
#endif
            next_watched();
            if
            :: p < PAYLOADS
            :: else -> p = FIRST_WATCHED; break
            fi
         fi
      }
   od;
#endif
#if PARKED_LATE
   atomic { STEP -> state[me] = PARKED }
#endif

   /* park() */
#if BELL
   atomic {
      if
      :: STEP && bell[me] -> bell[me] = 0; released = 1; SAY("is rung\n")
#else
   atomic { STEP ->
#if FUTEX
      if
      :: state[me] == PARKED -> asleep[me] = 1
      :: else
      fi
#else
      asleep[me] = 1
#endif
   }
   atomic {
      if
      :: STEP && !asleep[me] -> released = 1; SAY("is woken\n")
#endif
      :: STEP && (TIMED & BIT(me)) -> SAY("runs out of time\n");
#if !BELL
         released = !asleep[me]; asleep[me] = 0;
#endif
         goto leave
      :: STEP && BOUND_IS_OVER -> SAY("looks for itself\n"); nudge[me] = 0;
#if !BELL
         released = !asleep[me]; asleep[me] = 0
#endif
      fi;
#if TRUSTS_WAKE
      success = success || released;
      if :: success -> goto leave :: else fi;
#endif
      /* A wake that belonged to a wait before is none. */
      released = released && state[me] == NOTIFIED;
      goto arm
   }

leave:
   atomic { STEP ->
      p = FIRST_WATCHED;
      early_success = success && !ANY_REACHED(watch, first);
      assert(!early_success);
      success = 0
   }
#if COLLECTS_FIRST
   atomic { STEP -> flag = (state[me] == NOTIFIED && !released) }
#endif
   do
   :: atomic { STEP && !lock[p] -> lock[p] = 1 }
      atomic { STEP ->
         linked[p] = linked[p] & ~BIT(me);
         update_wanted();
         lock[p] = 0;
         next_watched();
         if
         :: p < PAYLOADS
         :: else -> p = FIRST_WATCHED; break
         fi
      }
   od;
#if KEYED && !NO_COLLECTING
   /* Nobody notifies us any more.  Who has, comes and releases us. */
   if
#if COLLECTS_FIRST
   :: atomic { STEP && flag ->
#else
   :: atomic { STEP && state[me] == NOTIFIED && !released ->
#endif
         asleep[me] = 1; collecting[me] = 1 }
      atomic {
         if
         :: STEP && !asleep[me] -> SAY("collects\n")
         :: STEP && asleep[me] && BOUND_IS_OVER -> SAY("stops collecting\n"); asleep[me] = 0; nudge[me] = 0
         fi;
         collecting[me] = 0
      }
#if COLLECTS_FIRST
   :: atomic { STEP && !flag -> skip }
#else
   :: atomic { STEP && (state[me] != NOTIFIED || released) -> skip }
#endif
   fi;
#endif
   atomic { STEP ->
      flag = 0;
      state[me] = IDLE; target[me] = 0; goal[me] = 0; released = 0; p = 0;
      first++; rounds--;
      goto wait
   }

signal:
#if NO_SIGNALLER_BARRIER
   atomic { STEP -> p = (before -> before : after) - 1; todo = wanted[p] }
#endif
   atomic { STEP && MAY_START ->
      p = (before -> before : after) - 1;
      SAY("signals\n");
      word[p]++; v = word[p]
   }
   /* Here is the barrier. */
   atomic { STEP ->
#if !NO_SIGNALLER_BARRIER
      todo = wanted[p];
#endif
      if
      :: todo > v -> todo = 0; goto signalled
      :: else -> todo = 0
      fi
   }
   atomic { STEP && !lock[p] -> lock[p] = 1; todo = linked[p] }
   do
   :: atomic { STEP && todo ->
         success = ((todo & 2) == 0); /* the waiter: 1 or 2 */
         todo = todo & ~BIT(1 + success);
         if
         :: target[1 + success] > v -> success = 0; goto next
         :: else
         fi;
         linked[p] = linked[p] & ~BIT(1 + success)
#if NO_SWAP
         ; flag = 1
      }
      atomic { STEP ->
         state[1 + success] = NOTIFIED;
#else
         ;
         flag = (state[1 + success] == PARKED);
         state[1 + success] = (flag -> NOTIFIED : state[1 + success]);
#endif
         release = release | (flag -> BIT(1 + success) : 0);
         flag = 0; success = 0
      }
next: skip
   :: atomic { STEP && !todo -> update_wanted(); lock[p] = 0; break }
   od;

#if TOUCHES
   /* It looks at the waiter again. */
   atomic { STEP ->
      touched = ((release & 2) && state[1] != NOTIFIED) || ((release & 4) && state[2] != NOTIFIED);
      assert(!touched)
   }
#endif
   /* Keys go to whom is there already; then, with a bound, to whom comes. */
#define RELEASE(w) \
      :: STEP && (release & BIT(w)) && asleep[w] -> asleep[w] = 0; release = release & ~BIT(w)
#define GIVE_UP_ON(w) \
      :: STEP && (release & BIT(w)) && !asleep[w] && BOUND_IS_OVER -> \
         SAY("stops releasing\n"); release = 0; nudge[me] = 0
   do
   :: atomic { STEP && !release -> releasing[me] = 0; break }
#if BELL
   :: atomic { STEP && (release & 2) -> bell[1] = 1; release = release & ~2 }
   :: atomic { STEP && release == 4 -> bell[2] = 1; release = 0 }
#elif FUTEX
   :: atomic { STEP && (release & 2) -> asleep[1] = 0; release = release & ~2 }
   :: atomic { STEP && release == 4 -> asleep[2] = 0; release = 0 }
#else
   :: atomic { STEP && release ->
         releasing[me] = 1;
         if
         RELEASE(1)
         RELEASE(2)
#if !NO_BOUND
         GIVE_UP_ON(1)
         GIVE_UP_ON(2)
#endif
         fi
      }
#endif
   od;
signalled:
   atomic { STEP ->
      p = 0; v = 0;
      if
      :: before -> before = 0; goto wait
      :: else
      fi
   }
end:
   false
}

#if BELL
/* A signal of a shared payload, in the same wait, which slots.pml has */
proctype stranger()
{
   bell[1] = 1
}
#endif

#if MORTAL != 0
#if PAYLOADS == 2
#define UNLOCKED (!lock[0] && !lock[1])
#else
#define UNLOCKED (!lock[0])
#endif
#define STOP(w) :: (MORTAL & BIT(w)) && UNLOCKED -> dead[w] = 1; printf("thread %d stops\n", w)
proctype reaper()
{
   atomic {
      if
      STOP(1)
      STOP(2)
      STOP(3)
      STOP(4)
      fi
   }
}
#endif

/* When nothing else happens: bounds end for one after the other, and should
 * not have to where nobody has stopped.
 */
#define STRANDED(w) (goal[w] != 0 && !dead[w] && ANY_REACHED(watched[w], goal[w]))
#define BLOCKED(w) (!dead[w] && (releasing[w] || collecting[w]))
#if NO_LOOKING
#define MAY_LOOK(w) false
#else
#define MAY_LOOK(w) (SIGNALLER_STOPPED && STRANDED(w) && !BLOCKED(w))
#endif
#if PINGPONG
#define SIGNALLER_STOPPED (dead[1] || dead[2])
#else
#define SIGNALLER_STOPPED (dead[3] || dead[4])
#endif
#define GRANT(w) \
   if \
   :: !granted && BLOCKED(w) && SOMEBODY_STOPPED && bounds < 6 -> nudge[w] = 1; granted = 1; bounds++ \
   :: else \
   fi
#define GRANT_LOOK(w) \
   if \
   :: !granted && MAY_LOOK(w) && bounds < 6 -> nudge[w] = 1; granted = 1; bounds++ \
   :: else \
   fi
active proctype monitor()
{
   byte bounds;
   bit granted;
   do
   :: atomic {
         timeout ->
         granted = 0;
         GRANT(1); GRANT(2); GRANT(3); GRANT(4);
         GRANT_LOOK(1); GRANT_LOOK(2);
         if
         :: granted -> granted = 0
         :: else ->
            wasted = !SOMEBODY_STOPPED && (BLOCKED(1) || BLOCKED(2) || BLOCKED(3) || BLOCKED(4));
            assert(!wasted);
            stuck = BLOCKED(1) || BLOCKED(2) || BLOCKED(3) || BLOCKED(4);
            assert(!stuck);
            lost_wakeup = STRANDED(1) || STRANDED(2);
            assert(!lost_wakeup);
            break
         fi
      }
   od
}

init
{
   atomic {
#if TWICE
      run thread(1, 1, 1, 2, 0, 0);
      run thread(2, 1, 1, 2, 0, 0);
      run thread(3, 0, 0, 0, 1, 0);
      run thread(4, 0, 0, 0, 1, 0);
#elif ANY
      run thread(1, 3, 1, 1, 0, 0);
      run thread(2, 1, 1, 1, 0, 0);
      run thread(3, 0, 0, 0, 1, 0);
      run thread(4, 0, 0, 0, 2, 0);
#elif PINGPONG
      run thread(1, 1, 2, 1, 1, 0);
      run thread(2, 1, 1, 1, 0, 1);
#endif
#if BELL
      run stranger();
#endif
#if MORTAL != 0
      run reaper()
#endif
   }
}

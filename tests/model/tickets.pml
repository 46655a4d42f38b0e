/* SPDX-License-Identifier: MIT */

/* Tickets: src/vulkan_win32_sync/vk_sync_win32_slots.c, from take_ticket on
 *
 * A producer in lock-step with its consumers: it signals only once somebody
 * has answered the signal before.  Each consumer is a process of its own;
 * REAP of those in MORTAL are killed, at any step.  README.md tells what must
 * hold; check.py lists what is run, made with -D:
 *
 *    MORTAL   who may be killed, a bit each
 *    A1..A3   how many tickets a consumer takes ahead; 0: it only imports
 *    W1..W3   how many it wants in all
 *    DROPS    who may destroy all its tickets unseen, once, from either end
 *    SUCCESSOR  one more consumer, once 2 and 3 have imported
 *    RESETS   how often somebody resets the payload, at any time
 *    FREE     the producer signals whenever it can: safety only
 *    ERRS     is_dead() may take somebody dead for alive: safety only
 *    BREAKS   patience ends whenever it likes: safety only
 *    the mutants, in capitals below
 */

#define GONE 5  /* an owner whom is_dead() always takes for dead */
#define RECOVERING 8 /* added to an owner */
#define NONE 7
#define MAX_TICKET 10

/* The section.  Ticket 0 is none. */
byte signals, consumed;
byte owner[SLOTS];
byte noted[SLOTS];

byte answers;
bit dead[8];

/* For what must hold: who has taken a ticket and not seen it satisfied; who is
 * between scanning and taking; who waits for company; who is in one of the two
 * windows; who waits for a signal.
 */
byte who[MAX_TICKET];
bit taking[6];
bit company[6];
bit window[6];
bit waits[6];
#define MAY_START (me != 4 || imported == 12)
byte imported;
byte slotless[6];
short seen;
bit excused;

hidden byte t1, t2, judged;
hidden byte lost, counted_twice, two_owners, stuck;

#define STEP !dead[me]
#define SAY(what) printf("%d ", me); printf(what)

#define IS_DEAD(o) (WRONG_DEAD -> ((o) & 7) != 0 && ((o) & 7) != me : dead[(o) & 7])
inline judge(o)
{
   if
   :: STALE_CENSUS && (o) != 0 && (o) == living -> judged = 0
   :: STALE_CENSUS && (o) != 0 && (o) != living -> judged = IS_DEAD(o); living = (judged -> living : (o))
   :: STALE_CENSUS && (o) == 0 -> judged = 0
   :: !STALE_CENSUS -> judged = IS_DEAD(o)
   :: ERRS && IS_DEAD(o) -> judged = 0
   fi
}
#define HAS_COMPANY(o) (((o) & RECOVERING) && (!IS_DEAD(o) || (STALE_CENSUS && living == (o))))

#define CLAIMANT (me | RECOVERING * !NO_MARK)
#define FREER (me | RECOVERING * !(FREES_UNMARKED || EARLY_TARGET))

/* Why a consumer looks for what to give back */
#define TAKE 0
#define IMPORT 1
#define NEED 2
#define DROP 3

/* d will not see its tickets from t0 on: nothing is promised where somebody
 * who lives had a later one by then, or was about to take it.
 */
inline excuse(d, t0)
{
   t1 = t0;
   do
   :: t1 > consumed -> break
   :: else ->
      if
      :: who[t1] == d ->
         t2 = t1 + 1;
         do
         :: t2 > consumed -> break
         :: else -> excused = excused || (who[t2] != d && !dead[who[t2]]); t2++
         od;
         excused = excused || (taking[1] && d != 1) || (taking[2] && d != 2) || (taking[3] && d != 3) || taking[4]
      :: else
      fi;
      t1++
   od;
   t1 = 0; t2 = 0
}

/* vk_sync_win32_word_unconsume() */
inline unconsume(t)
{
   if
   :: GIVE_ALWAYS -> SAY("gives back\n"); consumed--
   :: !GIVE_ALWAYS && consumed == t -> SAY("gives back\n"); consumed--; who[t] = 0
   :: else -> SAY("cannot give back\n")
   fi
}

/* The wait for ticket t, which has slot i */
inline answer()
{
   SAY("answers\n");
   who[t] = 0;
   answers++; want--;
   counted_twice = answers > signals || (seen & (1 << t));
   assert(!counted_twice);
   seen = seen | (1 << t)
}

inline clear_note()
{
   if :: i != NONE -> noted[i] = 0 :: else fi
}

/* From me or whatever I have claimed it with, to nobody or whoever had it */
inline give_up(s, from, to)
{
   two_owners = (owner[s] != (from)); assert(!two_owners);
   owner[s] = to
}

inline free_slot()
{
   if
   :: i != NONE -> give_up(i, me, 0)
   :: else -> slotless[me]--
   fi
}

inline again()
{
   i = 0; o = 0; newest = 0; match = 0; c = NONE
}

inline proceed()
{
   if
   :: why == TAKE -> goto take
   :: why == DROP -> goto drop
   :: else -> goto free
   fi
}

proctype consumer(byte me; byte ahead; byte want)
{
   byte i, o, t, k, held;
   byte slot[2], ticket[2];
   byte newest, why;
   byte c = NONE; /* a slot that a living process is giving back */
   bit match, dropped, cleared;
   byte living; /* of an older census */

   /* At import, and at vkQueueSubmit.  Then give_back_newest() */
start:
   atomic { STEP && MAY_START ->
      taking[me] = (ahead != 0);
      why = (ahead == 0 -> IMPORT : TAKE);
      living = 0;
      if :: ONLY_AT_IMPORT && why == TAKE -> goto take :: else fi;
      newest = consumed;
      goto scan
   }
look:
   atomic { STEP -> newest = consumed }
scan:
   do
   :: atomic { STEP && i < SLOTS ->
         newest = (CLAIMS_ANY && noted[i] != 0 -> noted[i] : newest);
         match = (noted[i] != 0 && noted[i] == newest && (!UNREACHED_ONLY || signals < newest));
         /* If there is company only after this, we could as well have come
          * later.
          */
         if
         :: !match && !(owner[i] & RECOVERING) -> i++; goto scan
         :: else
         fi
      }
      atomic { STEP ->
         o = owner[i];
         judge(o);
         if
         :: match && judged -> match = 0; c = NONE; goto claim
         :: !(match && judged) && (o & RECOVERING) && !judged -> c = (NO_WAITING -> c : i)
         :: !(match && judged) && !((o & RECOVERING) && !judged)
         fi;
         match = 0; o = 0; i++
      }
   :: atomic { STEP && i == SLOTS ->
         i = 0;
         if :: newest != consumed && !NO_LAST_LOOK && !CLAIMS_ANY -> c = NONE; newest = 0; goto look :: else fi;
         newest = 0;
         if :: c == NONE -> proceed() :: else -> company[me] = 1; break fi
      }
   od;
   if
   :: atomic { STEP && !HAS_COMPANY(owner[c]) -> company[me] = 0; c = NONE; goto look }
#if BREAKS
   :: atomic { STEP -> company[me] = 0; c = NONE; proceed() }
#endif
   fi;

   /* give_back() */
claim:
   atomic { STEP ->
      if
      :: owner[i] == o -> SAY("claims a slot of the dead\n"); owner[i] = CLAIMANT
      :: else -> again(); goto look
      fi;
      /* Nobody else writes to the slot from here on. */
      if :: noted[i] == newest :: else -> goto changed fi
   }
   atomic { STEP ->
      if :: consumed == newest || NO_SECOND_LOOK || CLAIMS_ANY :: else -> goto put_back fi;
      if :: !SUBTRACT_FIRST && !NO_CLEARING -> noted[i] = 0; window[me] = 1 :: else fi
   }
   atomic { STEP -> unconsume(newest); window[me] = 0 }
#if SUBTRACT_FIRST
   atomic { STEP -> noted[i] = 0 }
#endif
   atomic { STEP -> give_up(i, CLAIMANT, 0); again(); goto look }
changed:
#if FREES_CHANGED
   atomic { STEP -> SAY("clears what it has not looked at\n"); noted[i] = 0 }
   atomic { STEP -> give_up(i, CLAIMANT, 0); again(); goto look }
#endif
put_back:
   atomic { STEP -> SAY("puts it back\n"); give_up(i, CLAIMANT, o); again(); goto look }

   /* The rest of vk_sync_win32_slots_recover() */
free:
   do
   :: atomic { STEP && i < SLOTS ->
         o = owner[i];
         judge(o);
         if :: judged || (EARLY_TARGET && o != 0) :: else -> i++; o = 0; goto free fi
      }
      atomic { STEP -> if :: why == IMPORT && noted[i] != 0 -> i++; o = 0; goto free :: else fi }
#if EARLY_TARGET
      atomic { STEP -> judge(o); if :: judged :: else -> i++; o = 0; goto free fi }
#endif
      atomic { STEP -> if :: owner[i] == o -> owner[i] = FREER :: else -> i++; o = 0; goto free fi }
      if
      :: atomic { STEP && why == IMPORT && noted[i] != 0 && !FREES_NOTED && !EARLY_TARGET -> SAY("leaves it\n") }
         atomic { STEP -> give_up(i, FREER, o); i++; o = 0; goto free }
      :: atomic { STEP && (!(why == IMPORT && noted[i] != 0) || FREES_NOTED || EARLY_TARGET) ->
            SAY("frees a slot\n"); noted[i] = 0
         }
      fi;
      atomic { STEP -> give_up(i, FREER, 0); i++; o = 0 }
   :: atomic { STEP && i == SLOTS ->
         i = 0;
         if
         :: why == IMPORT -> imported = imported | (1 << me); goto end
         :: else -> why = TAKE; break
         fi
      }
   od;

take:
   atomic { STEP ->
      k = 0;
      do
      :: k == SLOTS -> k = NONE; break
      :: k < SLOTS && owner[k] == 0 -> owner[k] = me; break
      :: else -> k++
      od;
      if
      :: k == NONE && !cleared -> SAY("finds no slot\n"); cleared = 1; k = 0; why = NEED; goto look
      :: else
      fi
   }
#if NOTE_FIRST
   atomic { STEP -> noted[k] = consumed + 1 }
#endif
   atomic { STEP ->
      SAY("takes a ticket\n");
      consumed++;
      ticket[held] = consumed; slot[held] = k; who[consumed] = me;
      taking[me] = 0;
      window[me] = 1
   }
   atomic { STEP ->
      window[me] = 0;
      if
      :: k != NONE -> noted[k] = ticket[held]
      :: else -> slotless[me]++ /* this one cannot be given back */
      fi;
      k = 0;
      cleared = 0;
      held++;
      if
      :: held < ahead && held < want -> goto start
      :: else -> waits[me] = 1
      fi
   }

wait:
   if
   :: atomic { STEP && signals >= ticket[0] ->
         i = slot[0]; t = ticket[0];
         slot[0] = slot[1]; ticket[0] = ticket[1]; slot[1] = 0; ticket[1] = 0;
         waits[me] = 0; held--;
         /* The wait returns only after the note is cleared. */
         if
         :: OWNER_FIRST -> free_slot()
         :: ANSWER_FIRST -> answer()
         :: else -> clear_note(); answer()
         fi
      }
#if ANSWER_FIRST
      atomic { STEP -> clear_note() }
#endif
      atomic { STEP ->
         if :: OWNER_FIRST -> clear_note(); answer() :: else -> free_slot() fi;
         i = 0; t = 0;
         if
         :: want == 0 && held == 0 -> goto end
         :: want > held -> goto start
         :: else -> waits[me] = 1
         fi
      }
      goto wait
   :: atomic { STEP && (DROPS & (1 << me)) && !dropped -> SAY("destroys its tickets\n"); dropped = 1; waits[me] = 0; k = 0 }
   :: atomic { STEP && (DROPS & (1 << me)) && !dropped && held == 2 -> SAY("destroys its tickets, newest first\n"); dropped = 1; waits[me] = 0; k = 1 }
   fi;

   /* vk_sync_win32_slots_abandon_ticket() */
drop:
   if
   :: atomic { STEP && held > 0 ->
         i = slot[k]; t = ticket[k];
         if
         :: k == 0 -> slot[0] = slot[1]; ticket[0] = ticket[1]
         :: else
         fi;
         slot[1] = 0; ticket[1] = 0;
         k = 0;
         held--;
         excuse(me, t);
         who[t] = GONE;
         why = DROP;
         living = 0;
         if
         :: i == NONE -> slotless[me]--; excused = 1; i = 0; t = 0; goto drop
         :: i != NONE && DROPS_AT_ONCE && consumed == t -> noted[i] = 0; consumed--; who[t] = 0
         :: i != NONE && DROPS_AT_ONCE && consumed != t -> noted[i] = 0
         :: i != NONE && !DROPS_AT_ONCE -> give_up(i, me, GONE); i = 0; t = 0; goto look
         fi
      }
      atomic { STEP -> give_up(i, me, 0); i = 0; t = 0; goto drop }
   :: atomic { STEP && held == 0 -> goto start }
   fi;
end:
   false
}

proctype producer()
{
   byte round;
   do
   :: atomic { round < SIGNALS && (FREE -> signals <= consumed : answers >= round) ->
         if
         :: signals <= consumed -> printf("signal\n"); signals++
         :: else
         fi;
         round++
      }
   :: atomic { round == SIGNALS -> break }
   od
}

proctype reaper()
{
   byte d, n;
   do
   :: atomic {
         n < REAP ->
         if
         :: (MORTAL & 2) && !dead[1] -> d = 1
         :: (MORTAL & 4) && !dead[2] -> d = 2
         :: (MORTAL & 8) && !dead[3] -> d = 3
         fi;
         printf("%d is killed\n", d);
         excuse(d, 1);
         excused = excused || window[d] || slotless[d];
         dead[d] = 1; waits[d] = 0; taking[d] = 0; company[d] = 0; window[d] = 0;
         n++; d = 0
      }
   :: n == REAP -> break
   od
}

/* vk_sync_win32_word_reset(): whoever resets has seen all signals. */
proctype resetter()
{
   byte n;
   do
   :: atomic {
         n < RESETS ->
         n++;
         do
         :: consumed < signals ->
            consumed++; printf("reset takes %d\n", consumed);
            answers++;
            counted_twice = (seen & (1 << consumed)); assert(!counted_twice);
            seen = seen | (1 << consumed)
         :: else -> break
         od;
         consumed = (RESET_LOWERS -> signals : consumed)
      }
   :: n == RESETS -> break
   od
}

/* Somebody who waits for company in vain; a signal that nobody has seen, and
 * somebody who waits
 */
#define SAFETY_ONLY (ERRS || BREAKS || FREE)
active proctype monitor()
{
   atomic {
      timeout ->
      stuck = !SAFETY_ONLY &&
              (taking[1] || taking[2] || taking[3] || taking[4] || company[1] || company[2] || company[3] || company[4]);
      assert(!stuck);
      lost = !SAFETY_ONLY && !excused && answers < signals && (waits[1] || waits[2] || waits[3] || waits[4]);
      assert(!lost)
   }
}

init
{
   atomic {
      dead[GONE] = 1;
      run producer();
      run consumer(1, A1, W1);
      if :: A2 != 9 -> run consumer(2, A2, W2) :: else fi;
      if :: A3 != 9 -> run consumer(3, A3, W3) :: else fi;
      if :: SUCCESSOR -> run consumer(4, 1, 2) :: else fi;
      if :: RESETS -> run resetter() :: else fi;
      if :: MORTAL != 0 -> run reaper() :: else fi
   }
}

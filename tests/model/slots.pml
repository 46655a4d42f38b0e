/* SPDX-License-Identifier: MIT */

/* Who owns a slot of the section: src/vulkan_win32_sync/vk_sync_win32_slots.c
 *
 * Three processes with one thread each, which leads, contend for one slot.
 * Process 0 may die at any step, and whoever has what it waits for gives its
 * slot back.  Two threads of a fourth process signal.  Names are those of the
 * C; see README.md, and check.py for the mutants: NO_CLAIM_DISARM, LATE_ID,
 * EARLY_ID.
 */

#define PROCESSES 3
#define TARGET(p) ((p) == 1 -> 2 : 1)
#define NOTHING 7

/* The section.  An owner or one half of a doorbell's id is the process's
 * number and one.
 */
byte word;
bit armed;
byte owner;
byte id0, id1;
byte wanted;
bit unreachable;

/* Each process's stores that the others have yet to see, in their order: the
 * two halves of the id and the flags, with how many are left of them; what
 * the slot wants; the bit.
 */
byte pending_claim[PROCESSES];
byte pending_wanted[PROCESSES] = NOTHING;
bit pending_arm[PROCESSES];
#define DRAINED(p) (pending_claim[p] == 0 && pending_wanted[p] == NOTHING && !pending_arm[p])

bit has_slot[PROCESSES];
bit must_poll[PROCESSES];
bit doorbell[PROCESSES];
bit waits[PROCESSES];

bit dead[PROCESSES]; /* of which only [0] is ever set */
byte polls[PROCESSES] = 1;
bit poll_now[PROCESSES];

/* What must not be; see README.md.  Not part of the state. */
hidden byte lost_wakeup;
hidden byte early_success;
hidden byte two_owners;

/* The kernel takes a process for dead when its threads have stopped, on
 * processors that hold back nothing any more.
 */
#define IS_ABANDONED(o) ((o) != 0 && dead[(o) - 1] && DRAINED((o) - 1))
#define STEP !dead[p]
#define SAY(what) printf("process %d ", p); printf(what)

/* update_wanted(), section_want() and arm() for the one record there is */
inline want()
{
   if
   :: has_slot[p] ->
      pending_wanted[p] = (wanted == TARGET(p) -> NOTHING : TARGET(p));
      pending_arm[p] = !armed
   :: else
   fi
}

proctype process(byte p)
{
   /* vk_sync_win32_shared_wait_enter(): claim_slot(), thorough */
   atomic { STEP ->
      waits[p] = 1;
      if
      :: owner == 0 -> SAY("takes the free slot\n"); owner = p + 1; goto claimed
      :: else
      fi
   }
   atomic { STEP ->
      if
      :: IS_ABANDONED(owner) -> SAY("takes over the slot\n"); owner = p + 1
      :: else -> SAY("finds no slot\n"); must_poll[p] = 1; goto look
      fi
   }
claimed:
#ifndef NO_CLAIM_DISARM
   atomic { STEP && DRAINED(p) -> armed = 0 }
#endif
   atomic { STEP && DRAINED(p) ->
      pending_claim[p] = 3;
      has_slot[p] = 1;
      must_poll[p] = 0;
      want()
   }

   /* vk_sync_win32_record_link() and payload_rearm(), after the barrier */
look:
   atomic { STEP && DRAINED(p) ->
      if
      :: word >= TARGET(p) -> goto leave
      :: else -> SAY("looks in vain\n")
      fi
   }

   /* wait_for_ring(), a few times of which may be as short as it likes */
   atomic {
      if
      :: STEP && doorbell[p] -> SAY("hears the bell\n"); doorbell[p] = 0
      :: STEP && must_poll[p] && polls[p] > 0 -> polls[p]--
      :: STEP && poll_now[p] -> poll_now[p] = 0
      fi
   }

   /* sweep(): must_poll_for(), not thorough, and payload_rearm() */
   atomic { STEP ->
      if
      :: !has_slot[p] && owner == 0 -> SAY("takes the free slot\n"); owner = p + 1; goto claimed
      :: !has_slot[p] && owner != 0 -> must_poll[p] = 1
      :: has_slot[p] -> must_poll[p] = unreachable; unreachable = 0
      fi;
      want();
      goto look
   }

   /* vk_sync_win32_record_unlink(), section_release_slot() */
leave:
   atomic { STEP -> SAY("leaves\n");
      early_success = word < TARGET(p);
      assert(!early_success);
      waits[p] = 0;
      if
      :: !has_slot[p] -> goto end
      :: else -> armed = 0
      fi
   }
   atomic { STEP ->
      two_owners = owner != p + 1;
      assert(!two_owners);
      owner = 0; has_slot[p] = 0; must_poll[p] = 0
   }
end:
   false
}

/* vk_sync_win32_payload_signal() in a process that waits for nothing */
proctype signaller(byte value)
{
   byte first, second;

   atomic {
      if
      :: value <= word -> goto end
      :: else -> printf("signals %d\n", value); word = value
      fi
   }
   /* vk_sync_win32_section_ring(), ring_slot() */
   atomic { armed }
   atomic {
      if
      :: wanted <= value
      :: else -> goto end
      fi
   }
#ifdef EARLY_ID
   atomic { first = id0; second = id1 }
   atomic { armed = 0 }
#else
   atomic { printf("value %d disarms\n", value); armed = 0 }
   atomic { first = id0 }
   atomic { second = id1 }
#endif
   atomic {
      if
      :: first != second || first == 0 -> unreachable = 1
      :: first == second && first != 0 && !dead[first - 1] ->
         printf("value %d rings process %d\n", value, first - 1);
         doorbell[first - 1] = 1
      /* If it was opened before, it is still there. */
      :: first == second && first != 0 && dead[first - 1]
      :: first == second && first != 0 && dead[first - 1] -> unreachable = 1
      fi;
      first = 0; second = 0
   }
end:
   false
}

#ifdef LATE_ID
#define MAY_ARRIVE(p) (pending_wanted[p] == NOTHING && !pending_arm[p])
#define MAY_BE_WANTED(p) true
#else
#define MAY_ARRIVE(p) true
#define MAY_BE_WANTED(p) (pending_claim[p] == 0)
#endif

#define ARRIVE(p) \
   :: atomic { pending_claim[p] == 3 && MAY_ARRIVE(p) -> id0 = p + 1; pending_claim[p] = 2 } \
   :: atomic { pending_claim[p] == 2 && MAY_ARRIVE(p) -> id1 = p + 1; pending_claim[p] = 1 } \
   :: atomic { pending_claim[p] == 1 && MAY_ARRIVE(p) -> unreachable = 0; pending_claim[p] = 0 } \
   :: atomic { pending_wanted[p] != NOTHING && MAY_BE_WANTED(p) -> \
         wanted = pending_wanted[p]; pending_wanted[p] = NOTHING } \
   :: atomic { pending_arm[p] && pending_wanted[p] == NOTHING && MAY_BE_WANTED(p) -> \
         armed = 1; pending_arm[p] = 0 }

active proctype memory()
{
   do
   ARRIVE(0)
   ARRIVE(1)
   ARRIVE(2)
   od
}

proctype reaper()
{
   atomic { dead[0] = 1; waits[0] = 0 }
}

#define STRANDED(p) (waits[p] && TARGET(p) <= word)
#define GRANT(p) \
   if \
   :: STRANDED(p) && must_poll[p] && !(granted & (1 << p)) -> \
      granted = granted | (1 << p); poll_now[p] = 1 \
   :: else -> lost_wakeup = STRANDED(p); assert(!lost_wakeup) \
   fi

/* Once nothing else can happen: whoever still waits for what has come must be
 * polling, and then looks once more.
 */
active proctype monitor()
{
   byte granted;
   do
   :: atomic { timeout -> GRANT(0); GRANT(1); GRANT(2); if :: !poll_now[0] && !poll_now[1] && !poll_now[2] -> break :: else fi }
   od
}

init
{
   atomic {
      run process(0); run process(1); run process(2);
      run signaller(1); run signaller(2);
      run reaper()
   }
}

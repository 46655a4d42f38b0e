#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: check.py [--only TEXT]... SPIN DIRECTORY CC [ARGUMENT]...

TAP: Spin searches all states of each configuration of the models and finds no
error, and finds the error of each mutant. A search that is cut off fails.
SPIN is run, and what it writes compiled with CC, in a folder made in DIRECTORY.
With LVP_SYNC_LONG set there are more configurations. --only runs those whose
names contain the text.
"""

import argparse
import concurrent.futures
import dataclasses
from functools import partial
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'ci'))
from lib import tap

HERE = os.path.dirname(os.path.abspath(__file__))
# Of each search. Beyond it, pan gives up, and says so.
MEMORY_MB = 2400
JOBS = min(os.cpu_count() or 1, 4)
TRACE_LINES = 60


@dataclasses.dataclass
class Case:
    name: str
    model: str
    defines: tuple
    # What a mutant is expected to violate: the name of a variable of the model.
    violates: str = ''
    long: bool = False
    # Of the search; a run expected to be cut off has one that is too low.
    depth: int = 10000
    cut_off: bool = False


def make(model, name, *defines, **rest):
    return Case(f'{model}: {name}', model, defines, **rest)


slots, park, tickets = (partial(make, model) for model in ('slots', 'park', 'tickets'))
# What a case does not define is 0, or this.
DEFAULTS = {
    'slots': {'SLOTS': 2, 'ROUNDS': 2, 'SECOND': 1},
    'park': {'MUTANT': 'NONE'},
    'tickets': {'SLOTS': 3, 'SIGNALS': 2, 'MORTAL': 2, 'REAP': 1, 'A1': 1, 'A2': 1, 'A3': 9, 'W1': 2, 'W2': 2, 'W3': 2},
}

# Of sets: bit 1 << n is thread n, or consumer n.
CASES = [
    slots('a slot changes hands, early loads, halves of ids', 'HANDOVER', 'SLOTS=1', 'EARLY', 'HALVES', long=True),
    slots('a slot changes hands, early loads', 'HANDOVER', 'SLOTS=1', 'EARLY'),
    slots('two slots change hands', 'HANDOVER', 'SLOTS=2', long=True),
    slots('two payloads in one wait, early loads', 'ANY', 'SLOTS=1', 'EARLY'),
    slots('signallers wait on the same payload, early loads, halves of ids', 'PINGPONG', 'EARLY', 'HALVES'),
    slots('a wait may time out', 'HANDOVER', 'SLOTS=1', 'TIMED=2'),
    slots('a waiter may stop, two payloads in one wait', 'ANY', 'SLOTS=1', 'MORTAL=6'),
    slots('a waiter may stop, two slots', 'HANDOVER', 'SLOTS=2', 'MORTAL=6', long=True),
    slots('a waiter may die, and its slot goes on', 'HANDOVER', 'SLOTS=1', 'MORTAL=6', 'DIES'),
    slots('a signaller may stop', 'HANDOVER', 'SLOTS=1', 'MORTAL=24', 'LOOKS=1'),
    slots('one that signals and waits may stop', 'PINGPONG', 'MORTAL=6', 'LOOKS=1'),
    slots('no bell can be opened, two waiters', 'HANDOVER', 'SLOTS=1', 'UNOPENABLE', 'LOOKS=1'),
    slots('no bell can be opened, which is noticed', 'RELAY', 'SLOTS=1', 'UNOPENABLE', 'LOOKS=1'),

    slots('mutant that reads the bell before it claims the bit', 'HANDOVER', 'SLOTS=1', 'EARLY_BELL', violates='lost_wakeup'),
    slots('mutant that rings before it clears the bit', 'HANDOVER', 'SLOTS=1', 'RING_FIRST', violates='lost_wakeup'),
    slots('mutant that clears the bit by a load and a store', 'HANDOVER', 'SLOTS=2', 'ROUNDS=1', 'SECOND=2', 'PLAIN_DISARM', violates='lost_wakeup'),
    slots('mutant that does not arm again when rung', 'HANDOVER', 'SLOTS=1', 'NO_REARM', violates='lost_wakeup'),
    slots('mutant without the barrier of the waiter', 'HANDOVER', 'SLOTS=1', 'NO_WAITER_BARRIER', violates='lost_wakeup'),
    slots('mutant without the barrier of the signaller', 'HANDOVER', 'SLOTS=1', 'NO_SIGNALLER_BARRIER', violates='lost_wakeup'),
    slots('mutant that arms before it says for what and whom', 'HANDOVER', 'SLOTS=1', 'ARM_FIRST', violates='lost_wakeup'),
    slots('mutant that gives the slot away before it disarms', 'HANDOVER', 'SLOTS=1', 'OWNER_FIRST', violates='lost_wakeup'),
    slots('mutant that claims without a compare-and-swap', 'HANDOVER', 'SLOTS=1', 'PLAIN_CLAIM', violates='two_owners'),
    slots('mutant that takes the living for dead', 'HANDOVER', 'SLOTS=1', 'WRONG_DEAD', violates='two_owners'),
    slots('mutant that leaves the slot of the dead armed', 'HANDOVER', 'SLOTS=1', 'MORTAL=6', 'DIES', 'NO_DISARM', violates='lost_wakeup'),
    slots('mutant that takes a ring for success', 'HANDOVER', 'SLOTS=1', 'TRUSTS_RING', violates='early_success'),
    slots('mutant that does not notice the failed mark', 'RELAY', 'SLOTS=1', 'UNOPENABLE', 'LOOKS=1', 'NO_NOTICING', violates='lost_wakeup'),
    slots('mutant that never looks for itself', 'HANDOVER', 'SLOTS=1', 'MORTAL=24', violates='lost_wakeup'),

    park('two take turns, waits may time out', 'TIMED'),
    park('who finds the seat taken parks in the tree', 'TREE'),
    park('who finds the seat taken parks in the tree, waits may time out', 'TREE', 'TIMED', long=True),
    park('two park in the tree, waits may time out', 'TREE=2', 'TIMED'),
    park('one parks in two trees, waits may time out', 'TREE=2', 'TWO', 'TIMED'),
    park('a thread may stop, waits may time out', 'TIMED', 'MORTAL=30'),
    park('a thread may stop, who finds the seat taken parks in the tree', 'TREE', 'MORTAL=30', long=True),
    park('a thread may stop, two park in the tree', 'TREE=2', 'MORTAL=30'),
    park('a release may come later than anybody collects it', 'TIMED', 'BOUNDS=1'),
    park('bounds may end at any time', 'TIMED', 'BOUNDS=3'),
    park('bounds may end at any time, two park in the tree', 'TREE=2', 'BOUNDS=3'),
    park('bounds may end at any time, a thread may stop', 'BOUNDS=3', 'MORTAL=30'),
    park('addresses', 'FUTEX', 'TIMED'),
    park('addresses, who finds the seat taken parks in the tree', 'FUTEX', 'TREE', long=True),
    park('addresses, two park in the tree', 'FUTEX', 'TREE=2', 'TIMED'),
    park('addresses, a thread may stop', 'FUTEX', 'TIMED', 'MORTAL=30'),
    park('addresses, a thread may stop, two park in the tree', 'FUTEX', 'TREE=2', 'MORTAL=30'),
    park('bells', 'FUTEX', 'BELL', 'TREE=2', 'TIMED'),
    park('bells, a thread may stop', 'FUTEX', 'BELL', 'TREE=2', 'MORTAL=30', long=True),

    park('mutant without the barrier of the waiter', 'MUTANT=NO_WAITER_BARRIER', violates='lost_wakeup'),
    park('mutant without the barrier of the waiter, tree', 'TREE=2', 'MUTANT=NO_WAITER_BARRIER', violates='lost_wakeup'),
    park('mutant without the barrier of the signaller', 'MUTANT=NO_SIGNALLER_BARRIER', violates='lost_wakeup'),
    park('mutant without the barrier of the signaller, tree', 'TREE=2', 'MUTANT=NO_SIGNALLER_BARRIER', violates='lost_wakeup'),
    park('mutant that does not look after sitting down', 'MUTANT=NO_LOOK', violates='lost_wakeup'),
    park('mutant that says that it parks after the look', 'TREE=2', 'MUTANT=PARKED_LATE', violates='lost_wakeup'),
    park('mutant that releases whom another signaller has notified', 'TREE=2', 'TWO', 'MUTANT=UNOWED', violates='wasted'),
    park('mutant that notifies without a compare-and-swap', 'MUTANT=PLAIN_NOTIFY', violates='wasted'),
    park('mutant that notifies without a compare-and-swap, addresses', 'FUTEX', 'MUTANT=PLAIN_NOTIFY', violates='lost_seat'),
    park('mutant that leaves without a compare-and-swap', 'MUTANT=PLAIN_LEAVE', violates='wasted'),
    park('mutant that leaves without collecting', 'MUTANT=NO_COLLECTING', violates='wasted'),
    park('mutant that gives the seat away before it collects', 'MUTANT=VACANT_FIRST', violates='wasted'),
    park('mutant that is not parked again when woken', 'MUTANT=NO_REARM', violates='wasted'),
    park('mutant that collects although it was woken', 'MUTANT=ALWAYS_COLLECTS', violates='wasted'),
    park('mutant that takes a wake for success', 'MUTANT=TRUSTS_WAKE', violates='early_success'),
    park('mutant that takes a ring for success', 'FUTEX', 'BELL', 'TREE=2', 'MUTANT=TRUSTS_WAKE', violates='early_success'),
    park('mutant that touches the waiter after unlocking', 'FUTEX', 'TREE=2', 'MUTANT=TOUCHES', violates='touched'),
    park('mutant that releases without a bound', 'MORTAL=6', 'MUTANT=NO_BOUND', violates='stuck'),
    park('mutant that never looks for itself', 'MORTAL=24', 'MUTANT=NO_LOOKING', violates='lost_wakeup'),

    tickets('a consumer may be killed'),
    tickets('a consumer of two tickets may be killed, somebody imports', 'A1=2', 'A3=0'),
    tickets('two import after a consumer of two tickets was killed', 'A1=2', 'A2=0', 'A3=0', 'SUCCESSOR'),
    tickets('a consumer may be killed, and another who gives back', 'A3=1', 'MORTAL=6', 'REAP=2'),
    tickets('a consumer may be killed, and who imports', 'A3=0', 'MORTAL=10', 'REAP=2'),
    tickets('a consumer of two tickets may be killed, and who gives back', 'A1=2', 'A3=1', 'MORTAL=6', 'REAP=2', long=True),
    tickets('a consumer of two tickets may be killed, two go on', 'A1=2', 'A3=1', long=True),
    tickets('there is one slot for two', 'SLOTS=1'),
    tickets('there is one slot for three', 'A3=1', 'SLOTS=1', long=True),
    tickets('tickets are destroyed unseen, in either order', 'A1=2', 'W1=3', 'DROPS=2', 'SIGNALS=3'),
    tickets('two destroy their tickets', 'MORTAL=0', 'DROPS=6'),
    tickets('two destroy their tickets, somebody imports', 'MORTAL=0', 'A3=0', 'W1=1', 'W2=1', 'DROPS=6', long=True),
    tickets('somebody resets', 'RESETS=1'),
    tickets('somebody resets, the producer waits for nobody', 'FREE', 'RESETS=1'),
    tickets('somebody resets, somebody imports, the producer waits for nobody', 'A3=0', 'FREE', 'RESETS=1', long=True),
    tickets('a dead consumer may seem alive', 'A3=0', 'ERRS'),
    tickets('patience may end', 'A3=0', 'BREAKS'),
    tickets('two destroy their tickets, one goes on', 'MORTAL=0', 'A3=0', 'W1=1', 'DROPS=6', 'SLOTS=2', long=True),
    tickets('the producer waits for nobody', 'A1=2', 'A3=0', 'FREE', long=True),
    tickets('a dead consumer of two tickets may seem alive', 'A1=2', 'A3=0', 'ERRS', long=True),
    tickets('patience may end, two tickets', 'A1=2', 'A3=0', 'BREAKS', long=True),

    tickets('mutant that does not give back before it takes', 'ONLY_AT_IMPORT', violates='lost'),
    tickets('mutant that gives back only what was not reached', 'UNREACHED_ONLY', violates='lost'),
    tickets('mutant that claims what is not the newest', 'A1=2', 'CLAIMS_ANY', violates='lost'),
    tickets('mutant that claims without saying what for', 'A3=0', 'NO_MARK', violates='lost'),
    tickets('mutant that does not wait for company', 'A3=0', 'NO_WAITING', violates='lost'),
    tickets('mutant that does not look at consumed again after the scan', 'A1=2', 'A3=0', 'NO_LAST_LOOK', violates='lost'),
    tickets('mutant that does not look at consumed again after claiming', 'A1=2', 'A3=0', 'NO_SECOND_LOOK', violates='lost'),
    tickets('mutant that frees what has changed hands', 'A1=2', 'A3=0', 'FREES_CHANGED', violates='lost'),
    tickets('mutant that remembers who lived at the look before', 'A3=0', 'MORTAL=10', 'REAP=2', 'STALE_CENSUS', violates='stuck'),
    tickets('mutant that subtracts before it clears the note', 'A3=0', 'MORTAL=10', 'REAP=2', 'SUBTRACT_FIRST', violates='counted_twice'),
    tickets('mutant that does not clear the note', 'A3=1', 'MORTAL=6', 'REAP=2', 'NO_CLEARING', violates='counted_twice'),
    tickets('mutant that subtracts below a later ticket', 'A3=0', 'FREE', 'GIVE_ALWAYS', violates='counted_twice'),
    tickets('mutant that asks who is dead after it looks for a note', 'A3=0', 'EARLY_TARGET', violates='lost'),
    tickets('mutant that frees a slot without looking again', 'MORTAL=0', 'A3=0', 'W1=1', 'W2=1', 'DROPS=6', 'FREES_NOTED', violates='lost'),
    tickets('mutant that frees a slot without saying so', 'MORTAL=0', 'A3=0', 'W1=1', 'W2=1', 'DROPS=6', 'FREES_UNMARKED', violates='lost'),
    tickets('mutant that does not keep what it destroys', 'MORTAL=0', 'A1=2', 'W1=3', 'DROPS=2', 'DROPS_AT_ONCE', violates='lost'),
    tickets('mutant that notes the ticket before it takes it', 'NOTE_FIRST', violates='counted_twice'),
    tickets('mutant whose wait returns before the note is cleared', 'ANSWER_FIRST', violates='counted_twice'),
    tickets('mutant that gives the slot away before the note is cleared', 'A3=1', 'OWNER_FIRST', violates='counted_twice'),
    tickets('mutant that takes the living for dead', 'MORTAL=0', 'WRONG_DEAD', violates='two_owners'),
    tickets('mutant whose reset takes tickets away', 'MORTAL=0', 'A2=9', 'RESETS=1', 'RESET_LOWERS', violates='counted_twice'),

    slots('a search that is cut off is noticed', 'HANDOVER', 'SLOTS=1', depth=40, cut_off=True),
]


def run(command, directory, check=False):
    done = subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=check)
    return done.returncode, done.stdout


def verdict(status, output):
    """'complete', 'cut off', or what is violated, from the output of pan.

    It exits with 0 in any case, and has "errors: 0" of a search that was cut
    off, too. So the verdict is "complete" only if nothing speaks against it.
    """
    errors = re.search(r'errors: (\d+)$', output, re.MULTILINE)
    if status != 0 or errors is None:
        return f'broken (exit status {status})'
    violated = re.search(r'^pan:\d+: (.*) \(at depth \d+\)', output, re.MULTILINE)
    if violated:
        name = re.fullmatch(r'assertion violated\s+!\((\w+)\)', violated.group(1))
        return name.group(1) if name else violated.group(1)
    if errors.group(1) != '0':
        return 'an error that it does not name'
    if not re.search(r'^Full statespace search', output, re.MULTILINE):
        return 'not exhaustive'
    if re.search(r'^error:|^pan: (?!elapsed|rate)|not completed|out of memory|truncated', output, re.MULTILINE):
        return 'cut off'
    return 'complete'


def trace(spin, case, directory):
    """What the model says on its way to the error."""
    if not os.path.exists(os.path.join(directory, f'{case.model}.pml.trail')):
        return []
    # The folder is the current one here, and Spin wants both in it.
    shutil.copy(source(case), directory)
    output = run([spin, '-T', '-t', *flags(case), f'{case.model}.pml'], directory)[1]
    said = [line for line in output.splitlines() if line.strip()]
    end = next((i for i, line in enumerate(said) if line.startswith('spin: trail ends')), len(said))
    return said[:end][-TRACE_LINES:]


def source(case):
    return os.path.join(HERE, f'{case.model}.pml')


def flags(case):
    names = {define.partition('=')[0] for other in CASES if other.model == case.model for define in other.defines}
    given = dict(define.partition('=')[::2] for define in case.defines)
    values = {**dict.fromkeys(sorted(names), 0), **DEFAULTS[case.model], **given}
    return [f'-D{name}={1 if value == "" else value}' for name, value in values.items()]


def check(case, spin, compiler, directory):
    """(whether it is as it should be, lines of remarks)"""
    run([spin, '-a', *flags(case), source(case)], directory, check=True)
    # Mutants end so soon that compiling them takes longer.
    quick = case.violates or case.cut_off
    run([*compiler, '-O0' if quick else '-O1', '-w',
         # Assertions only, and no partial order reduction: nearly every step is
         # one that others can see, as far as Spin can tell.
         '-DSAFETY', '-DNOREDUCE', f'-DMEMLIM={MEMORY_MB}', *(['-DCOLLAPSE'] if case.long else []),
         '-o', 'pan', 'pan.c'], directory, check=True)
    start = time.monotonic()
    # -E: a thread may well wait for what never comes. The models tell.
    status, output = run(['./pan', '-E', f'-m{case.depth}', '-w20' if quick else '-w24'], directory)
    seconds = time.monotonic() - start

    found = verdict(status, output)
    wanted = 'cut off' if case.cut_off else case.violates or 'complete'
    states = re.search(r'(\d+) states, stored', output)
    remarks = [f'{found}: {states.group(1) if states else "?"} states, {seconds:.1f} s']
    if found == wanted:
        return True, remarks
    remarks += [f'should be: {wanted}', 'flags: ' + ' '.join(flags(case))]
    remarks += trace(spin, case, directory) or output.splitlines()[:TRACE_LINES]
    return False, remarks


def attempt(case, spin, compiler, parent):
    with tempfile.TemporaryDirectory(prefix='model-', dir=parent) as directory:
        try:
            return check(case, spin, compiler, directory)
        except subprocess.CalledProcessError as e:
            return False, [str(e), *e.output.splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', action='append', default=[])
    parser.add_argument('spin')
    parser.add_argument('directory')
    parser.add_argument('compiler', nargs=argparse.REMAINDER)
    options = parser.parse_args()

    cases = [case for case in CASES
             if (not case.long or os.environ.get('LVP_SYNC_LONG'))
             and (not options.only or any(text in case.name for text in options.only))]
    os.makedirs(options.directory, exist_ok=True)

    results = tap.Tap(len(cases))
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        checks = [pool.submit(attempt, case, options.spin, options.compiler, options.directory)
                  for case in cases]
        for case, done in zip(cases, checks):
            passed, remarks = done.result()
            results.check(passed, case.name, *remarks)
            if passed:
                print('#', *remarks)
    return results.end()


if __name__ == '__main__':
    sys.exit(main())

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
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
# Of each search. Beyond it, pan gives up, and says so.
MEMORY_MB = 3500
JOBS = min(os.cpu_count() or 1, 4)
TRACE_LINES = 60


@dataclasses.dataclass
class Case:
    name: str
    model: str
    defines: list
    # What a mutant is expected to violate: the name of a variable of the model.
    violates: str = ''
    long: bool = False
    # Of the search; a run expected to be cut off has one that is too low.
    depth: int = 10000
    cut_off: bool = False


def wake(name, *defines, **rest):
    return Case(f'wake: {name}', 'wake.pml', list(defines), **rest)


def slots(name, *defines, **rest):
    return Case(f'slots: {name}', 'slots.pml', list(defines), **rest)


# The longest first: they determine how long it takes.
CASES = [
    wake('process 1 may die at any step', 'DEATH'),
    wake('process 1 may die, which signals first', 'DEATH', 'S0=1', 'S1=0', long=True),
    wake('process 1 may die, tickets', 'DEATH', 'BINARY', long=True),
    wake('process 1 may die, late stores', 'DEATH', 'LAZY', long=True),
    wake('a wait of each process may time out', 'TIMED0=0', 'TIMED1=3', long=True),
    wake('a wait may time out', 'TIMED0=0'),
    wake('each process signals', ),
    wake('each process signals, late stores', 'LAZY', long=True),
    wake('each process signals, tickets', 'BINARY', long=True),
    wake('one process signals twice', 'S1=0'),
    wake('one process signals twice, late stores', 'S1=0', 'LAZY', long=True),
    wake('one process signals twice, tickets', 'S1=0', 'BINARY', long=True),
    wake('one process waits in any way, late stores', 'HALF', 'LAZY'),
    wake('one process waits in any way, late stores, tickets', 'HALF', 'LAZY', 'BINARY'),
    slots('processes contend for a slot, one may die'),

    wake('mutant without the barrier in record_link()', 'NO_WAITER_BARRIER', violates='lost_wakeup'),
    wake('mutant without the barrier in payload_rearm()', 'S1=0', 'NO_REARM_BARRIER', violates='lost_wakeup'),
    wake('mutant without the barrier in publish()', 'NO_SIGNALLER_BARRIER', violates='lost_wakeup'),
    wake('mutant that does not look again after arming', 'NO_SECOND_LOOK', violates='lost_wakeup'),
    wake('mutant that does not arm again when rung', 'S1=0', 'NO_REARM', violates='lost_wakeup'),
    wake('mutant that rings before it disarms', 'S1=0', 'RING_FIRST', violates='lost_wakeup'),
    wake('mutant that does not ring its own leader', 'NO_RING_SELF', violates='lost_wakeup'),
    wake('mutant that parks without a compare-and-swap', 'NO_PARKING_SWAP', violates='lost_wakeup'),
    wake('mutant whose leader promotes nobody', 'NO_PROMOTION', violates='no_leader'),
    wake('mutant that times out without a claim', 'TIMED0=0', 'NO_CLAIM', violates='wrong_unpark'),
    wake('mutant that never looks by itself', 'DEATH', 'NO_RECHECK', violates='lost_wakeup'),
    slots('mutant that takes a slot as it is', 'NO_CLAIM_DISARM', violates='lost_wakeup'),
    slots('mutant that arms before it says whom to ring', 'LATE_ID', violates='lost_wakeup'),
    slots('mutant that looks whom to ring before it disarms', 'EARLY_ID', violates='lost_wakeup'),

    wake('a search that is cut off is noticed', 'HALF', depth=40, cut_off=True),
]


class Failure(Exception):
    """Holds what to show."""


def run(command, directory):
    done = subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def must_run(command, directory):
    status, output = run(command, directory)
    if status != 0:
        raise Failure(f'{" ".join(command)}\nexit status {status}\n{output}')
    return output


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
    trail = os.path.join(directory, case.model + '.trail')
    if not os.path.exists(trail):
        return []
    # The folder is the current one here, and Spin wants both in it.
    shutil.copy(os.path.join(HERE, case.model), directory)
    output = run([spin, '-T', '-t', *flags(case), case.model], directory)[1]
    said = [line for line in output.splitlines() if line.strip()]
    end = next((i for i, line in enumerate(said) if line.startswith('spin: trail ends')), len(said))
    return said[:end][-TRACE_LINES:]


def flags(case):
    return ['-D' + define for define in case.defines]


def check(case, spin, compiler, directory):
    """(whether it is as it should be, lines of remarks)"""
    must_run([spin, '-a', *flags(case), os.path.join(HERE, case.model)], directory)
    # Mutants end so soon that compiling them takes longer.
    quick = case.violates or case.cut_off
    must_run([*compiler, '-O0' if quick else '-O2', '-w',
              # Assertions only, and no partial order reduction: nearly every
              # step is one that others can see, as far as Spin can tell.
              '-DSAFETY', '-DNOREDUCE', f'-DMEMLIM={MEMORY_MB}',
              *(['-DCOLLAPSE'] if case.long else []),
              '-o', 'pan', 'pan.c'], directory)
    start = time.monotonic()
    # -E: a thread may well wait for what never comes. The models tell.
    status, output = run(['./pan', '-E', f'-m{case.depth}', '-w20' if quick else '-w24'], directory)
    seconds = time.monotonic() - start

    found = verdict(status, output)
    wanted = 'cut off' if case.cut_off else case.violates or 'complete'
    figures = [re.search(pattern, output) for pattern in
               (r'(\d+) states, stored', r'(\d+) transitions', r'depth reached (\d+)')]
    remarks = [f'{found}: ' + ', '.join(
        f'{figure.group(1) if figure else "?"} {what}' for figure, what in
        zip(figures, ('states', 'transitions', 'steps deep'))) + f', {seconds:.1f} s']
    if found == wanted:
        return True, remarks
    remarks += [f'should be: {wanted}', 'flags: ' + ' '.join(flags(case))]
    remarks += trace(spin, case, directory) or output.splitlines()[:TRACE_LINES]
    return False, remarks


def attempt(case, spin, compiler, parent):
    with tempfile.TemporaryDirectory(prefix='model-', dir=parent) as directory:
        try:
            return check(case, spin, compiler, directory)
        except Failure as failure:
            return False, str(failure).splitlines()


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

    print(f'1..{len(cases)}', flush=True)
    good = True
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        results = [pool.submit(attempt, case, options.spin, options.compiler, options.directory)
                   for case in cases]
        for number, (case, result) in enumerate(zip(cases, results), 1):
            passed, remarks = result.result()
            good &= passed
            print(f'{"ok" if passed else "not ok"} {number} - {case.name}')
            for remark in remarks:
                print(f'# {remark}')
            sys.stdout.flush()
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())

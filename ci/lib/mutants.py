#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: mutants.py names ROOT [NAME]... | mutants.py check ROOT BUILD
       | mutants.py run TREE [--all] [NAME]...

names: those that are meant. check: TAP, that each line of tests/mutants.txt
still fits the sources and the tests. run: what ci/mutants does once there is
a tree that may be spoilt.
"""

import fnmatch
import json
from pathlib import Path
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import tap

SUITES = ['unit', 'driver', 'process', 'fault', 'fuzz', 'stress', 'soak', 'd3d12', 'memory']
LINE = re.compile(r'(\S+) (\S+) `([^`]+)` -> `([^`]*)` (\S.*)')
DRIVER = 'dist/vulkan_lvp.dll'
LEAST_SECONDS, TIMES_AS_LONG = 60, 6


class Mutant:
    def __init__(self, root, line):
        match = LINE.fullmatch(line)
        if not match:
            sys.exit(f'mutants.txt: no mutant: {line}')
        self.name, self.file, old, self.new, tests = match.groups()
        self.tests = tests.split()
        self.root = root
        # Any white space stands for any other: the list has a line for each.
        self.old = re.compile(r'\s+'.join(map(re.escape, old.split())))

    @property
    def path(self):
        if '/' in self.file:
            return next(iter(self.root.glob('subprojects/mesa-*/meson.build'))).parent / self.file
        return self.root / 'src' / 'vulkan_win32_sync' / self.file

    def count(self):
        return len(self.old.findall(self.path.read_text(encoding='utf-8')))


def read_list(root):
    lines = (root / 'tests' / 'mutants.txt').read_text(encoding='utf-8').splitlines()
    return [Mutant(root, line) for line in lines if line and not line.startswith('#')]


def choose(root, patterns):
    mutants = [m for m in read_list(root) if not patterns or any(fnmatch.fnmatch(m.name, p) for p in patterns)]
    for pattern in patterns:
        if not any(fnmatch.fnmatch(m.name, pattern) for m in mutants):
            sys.exit(f'there is no mutant {pattern}: tests/mutants.txt has a list')
    return mutants


def find_tests(build):
    """The tests of ours: name -> (suites, seconds, what has to be built)"""
    said = subprocess.run(['meson', 'introspect', '--tests', build], stdout=subprocess.PIPE, check=True)
    tests = {}
    for test in json.loads(said.stdout):
        suites = [s.partition(':')[2] for s in test['suite']]
        targets = [os.path.relpath(part, build) for part in test['cmd'] if part.startswith(f'{build}/')]
        if suites[0] not in ('unit', 'stress', 'fault', 'soak', 'fuzz') or test['name'] in ('fuzz/driver', 'fuzz/failures'):
            targets.append(DRIVER)
        tests[test['name']] = suites, test['timeout'], targets
    return tests


def check(root, build):
    mutants = read_list(root)
    tests = find_tests(build)
    names = [mutant.name for mutant in mutants]
    results = []
    for mutant in mutants:
        faults = [f'there is no test {test}' for test in mutant.tests if test not in tests]
        if names.count(mutant.name) > 1:
            faults.append('the name is there twice')
        count = mutant.count() if mutant.path.is_file() else 0
        if count != 1:
            faults.append(f'the text is in {mutant.path.name} {count} times')
        results.append((mutant.name, faults))
    return tap.report(results)


class Tree:
    def __init__(self, tree):
        self.build = str(tree / 'build' / 'mingw')
        self.tests = find_tests(self.build)
        self.seconds = {}
        # What is spoilt just now, for ci/mutants where this run is killed
        self.spoilt = tree.parent / 'spoilt'
        self.good = tree.parent / 'good'

    def undo(self):
        shutil.copyfile(self.good, self.spoilt.read_text())
        self.spoilt.unlink()

    def apply(self, mutant):
        shutil.copyfile(mutant.path, self.good)
        self.spoilt.write_text(str(mutant.path))
        text = mutant.path.read_text(encoding='utf-8')
        mutant.path.write_text(mutant.old.sub(lambda _: mutant.new, text), encoding='utf-8')

    def ninja(self, test):
        """Whether it builds."""
        jobs = os.environ.get('LVP_SYNC_JOBS', str(os.cpu_count()))
        done = subprocess.run(['ninja', '-C', self.build, '-j', jobs, *self.tests[test][2]],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding='utf-8',
                              errors='replace', check=False)
        if done.returncode:
            print(*re.findall(r'^.*error: .*', done.stdout, re.MULTILINE)[:3] or [done.stdout[-1000:]], sep='\n')
        return done.returncode == 0

    def verify(self, test):
        """That it passes as it is, or at least does so the second time, where the machine is busy."""
        if test not in self.seconds:
            bad = not self.ninja(test) or self.meson(test) and self.meson(test)
            if bad:
                sys.exit(f'{test} fails as it is: {bad}')

    def meson(self, test):
        """None, or which case failed."""
        limit = max(LEAST_SECONDS, TIMES_AS_LONG * self.seconds[test]) if test in self.seconds else 600
        log = Path(self.build, 'meson-logs', 'mutants.json')
        log.unlink(missing_ok=True)
        start = time.monotonic()
        status = subprocess.run(['meson', 'test', '-C', self.build, '--no-rebuild', '--logbase', 'mutants',
                                 '--timeout-multiplier', str(limit / self.tests[test][1]), test],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                check=False).returncode
        if status == 0:
            self.seconds[test] = max(self.seconds.get(test, 0), time.monotonic() - start)
            return None
        result = json.loads(log.read_text(encoding='utf-8', errors='replace').splitlines()[-1])
        if result['result'] == 'TIMEOUT':
            # Whatever it has left behind
            subprocess.run(['wineserver', '-k'], check=False)
        if result['result'] != 'TIMEOUT':
            case = re.search(r'^(?:not ok \d+ (?:- )?|Bail out! )(.*)', result['stdout'] or '', re.MULTILINE)
            if case:
                return case.group(1)
        return result['result'].lower()


def try_mutant(tree, mutant, tests):
    """The line that says what became of it, and whether it was found."""
    for test in tests:
        tree.verify(test)
        start = time.monotonic()
        tree.apply(mutant)
        try:
            if not tree.ninja(test):
                return 'DOES NOT BUILD', False
            found = tree.meson(test)
        finally:
            tree.undo()
        if found == 'timeout':
            # A machine that is busy finds nothing.
            tree.ninja(test)
            found = None if tree.meson(test) else found
        if found:
            return f'found by {test} after {time.monotonic() - start:.0f} s: {found}', True
    return f'SURVIVED {" ".join(tests)}', False


def run(root, every, patterns):
    mutants = choose(root, patterns)
    tree = Tree(root)
    for mutant in mutants:
        if mutant.count() != 1:
            sys.exit(f'{mutant.name}: mutants.txt is stale: ci/test --suite static says more')

    rest = [t for s in SUITES for t, (suites, _, _) in tree.tests.items() if s in suites and 'long' not in suites]
    found = 0
    for mutant in mutants:
        said, is_found = try_mutant(tree, mutant, list(dict.fromkeys(mutant.tests + (rest if every else []))))
        found += is_found
        print(f'{mutant.name}: {said}', flush=True)
    print(f'{found} found, {len(mutants) - found} survived')
    return 0 if found == len(mutants) else 1


def main():
    # Undo what is spoilt first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    command, root, *rest = sys.argv[1:]
    if command == 'check':
        return check(Path(root), rest[0])
    names = [name for name in rest if name != '--all']
    if command == 'names':
        print(*[mutant.name for mutant in choose(Path(root), names)], sep='\n')
        return 0
    return run(Path(root), '--all' in rest, names)


if __name__ == '__main__':
    sys.exit(main())

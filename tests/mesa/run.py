#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: run.py targets BUILD
       run.py run BUILD RESULTS.json WRAPPER
       run.py check RESULTS.json UPSTREAM.json

Mesa's own tests of a cross build: name the files that ninja has to make, run
them, compare the results with those of another build, in TAP. Tests are run by
WRAPPER. Results are {test: {case: "pass" | "fail" | "skip"}}; the case "" is
the program itself. See ci/mesa-tests.
"""

import concurrent.futures
import json
import os
from pathlib import Path
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'ci'))
from lib import tap

# Those of the compiler have nothing to do with the series, and take longer to
# build than all others.
SUITES = {'mesa:util', 'mesa:format', 'mesa:gallium', 'mesa:llvmpipe', 'mesa'}
GTEST = re.compile(r'\[ +(OK|FAILED|SKIPPED) +\] ([\w/]+\.[\w/]+)')
STATE = {'OK': 'pass', 'FAILED': 'fail', 'SKIPPED': 'skip'}
SKIPPED = 77
OUTPUT_LINES = 10


def tests(build):
    with open(build / 'meson-info' / 'intro-tests.json', encoding='utf-8') as f:
        for test in json.load(f):
            if SUITES & set(test['suite']) and test['cmd'][0].endswith('.exe'):
                yield test


def run(test, wrapper):
    """The results of the cases, and the end of what the program said."""
    # Some write files where they are started.
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen(
            [wrapper, *test['cmd']], cwd=test['workdir'] or folder,
            env={**os.environ, **test['env']}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace',
            start_new_session=True) as process:
        try:
            output, _ = process.communicate(timeout=test['timeout'] * 2)
        except subprocess.TimeoutExpired as e:
            # And Wine's program, which holds the output open.
            os.killpg(process.pid, signal.SIGKILL)
            return {'': 'fail'}, [f'no end after {e.timeout} s']
    status = {0: 'pass', SKIPPED: 'skip'}.get(process.returncode, 'fail')
    cases = {'': status}
    for state, case in GTEST.findall(output):
        cases[case] = STATE[state]
    said = [] if status == 'pass' else output.splitlines()[-OUTPUT_LINES:]
    return cases, [*said, f'exit status {process.returncode}'] if said else said


def run_all(build, results, wrapper):
    found = sorted(tests(build), key=lambda t: -t['timeout'])
    assert found, f'{build} has no tests'
    state = {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        def timed(test):
            start = time.monotonic()
            cases, said = run(test, wrapper)
            # Wine on a busy machine fails now and then, and results are kept.
            if 'fail' in cases.values():
                cases, said = run(test, wrapper)
            return cases, said, time.monotonic() - start
        for test, (cases, said, seconds) in zip(found, pool.map(timed, found)):
            assert test['name'] not in state, test['name']
            state[test['name']] = {'cases': cases, 'said': said}
            bad = [c or 'the program' for c, r in cases.items() if r == 'fail']
            print(f'{test["name"]}: {len(cases) - 1} cases, {seconds:.1f} s',
                  *(['failed:', *bad, *said] if bad else []), flush=True)
    results.write_text(json.dumps(state, indent=1, sort_keys=True) + '\n', encoding='utf-8')


def check(ours, upstream):
    ours, upstream = (json.loads(Path(p).read_text(encoding='utf-8')) for p in (ours, upstream))
    names = sorted({*ours, *upstream})
    results = tap.Tap(len(names))
    for name in names:
        a, b = (half.get(name, {'cases': {}, 'said': []}) for half in (ours, upstream))
        bad = [f'{case or "the program"}: {a["cases"].get(case, "not there")} with the series, '
               f'{b["cases"].get(case, "not there")} without'
               for case in sorted({*a['cases'], *b['cases']})
               if a['cases'].get(case) != b['cases'].get(case)]
        both = [case or 'the program' for case, result in a['cases'].items() if result == 'fail']
        if both and not bad:
            print(f'# fails in both halves: {", ".join(both)}')
            for line in a['said']:
                print('#', line)
        results.check(not bad, f'{name}, {max(len(a["cases"]) - 1, 1)} cases', *bad,
                      *[f'with the series: {line}' for line in a['said']])
    return results.end()


def main():
    command, *args = sys.argv[1:]
    if command == 'targets':
        build = Path(args[0])
        for target in sorted({os.path.relpath(t['cmd'][0], build) for t in tests(build)}):
            print(target)
    elif command == 'run':
        run_all(Path(args[0]), Path(args[1]), args[2])
    else:
        return check(*args)
    return 0


if __name__ == '__main__':
    sys.exit(main())

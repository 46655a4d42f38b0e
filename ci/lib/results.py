#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: results.py STATUS TESTLOG.json...: count the cases in Meson's logs of runs.

Each sub-test of a TAP test is a case, and so is a test without sub-tests. A
test that dies, times out or prints bad TAP is one more failed case; so is a
bad exit status of Meson that no case explains. The last line is
"N passed, M failed[, K skipped]".
"""

import itertools
import json
import re
import sys

TAP = re.compile(r'(not )?ok\b\s*\d*\s*-?\s*([^#]*)(#\s*SKIP\b)?', re.IGNORECASE)
REMARK_LINES = 12
BAD = {'FAIL', 'ERROR', 'TIMEOUT', 'INTERRUPT', 'UNEXPECTEDPASS'}


def is_comment(line):
    return line.startswith('#')


def cases(test):
    """(name, 'passed' | 'failed' | 'skipped', remark) of each case of a test."""
    name = test['name'].split(' / ', 1)[-1]
    found = 0
    failed = False
    lines = (test['stdout'] or '').splitlines()
    for number, line in enumerate(lines):
        m = TAP.match(line)
        if not m:
            continue
        found += 1
        case = f'{name}: {m.group(2).strip() or found}'
        if m.group(3):
            yield case, 'skipped', line
        elif m.group(1):
            failed = True
            before = list(itertools.takewhile(is_comment, reversed(lines[:number])))
            after = list(itertools.takewhile(is_comment, lines[number + 1:]))
            remark = before[REMARK_LINES - 1::-1] + after[:REMARK_LINES]
            yield case, 'failed', '\n'.join(remark)
        else:
            yield case, 'passed', ''
    result = test['result']
    if result in BAD and not (failed and result == 'FAIL'):
        code = test.get('returncode')
        # A non-zero status is how a TAP program repeats that cases failed.
        if not (failed and result == 'ERROR' and code == 1):
            remark = [f'{result.lower()}, exit status {code}, after {found} cases']
            remark += (test.get('stderr') or '').strip().splitlines()[-REMARK_LINES:]
            yield name, 'failed', '\n'.join(remark)
    elif not found:
        yield name, 'skipped' if result == 'SKIP' else 'passed', ''


def main():
    count = {'passed': 0, 'failed': 0, 'skipped': 0}
    failures = []
    tests = []
    for log in sys.argv[2:]:
        ran = len(tests)
        try:
            with open(log, encoding='utf-8', errors='replace') as f:
                tests += [json.loads(line) for line in f]
        except OSError:
            pass
        if len(tests) == ran:
            count['failed'] += 1
            failures.append((log, 'no test ran'))
    for test in tests:
        for name, state, remark in cases(test):
            count[state] += 1
            if state == 'failed':
                failures.append((name, remark))
    if sys.argv[1] != '0' and not failures:
        count['failed'] += 1
        failures.append(('meson test', f'exit status {sys.argv[1]}'))
    if failures:
        print('\nFailed:')
        for name, remark in failures:
            print(f'  {name}')
            for line in remark.splitlines():
                print(f'      {line}')
    skipped = f', {count["skipped"]} skipped' if count['skipped'] else ''
    print(f'\n{count["passed"]} passed, {count["failed"]} failed{skipped}')
    return 1 if count['failed'] or not count['passed'] else 0


if __name__ == '__main__':
    sys.exit(main())

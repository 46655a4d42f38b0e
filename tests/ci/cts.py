#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: cts.py ROOT

TAP: the Vulkan CTS's deqp-vk.exe in the folder $LVP_SYNC_CTS, run by
ci/run-deqp; a spread of its cases, or with $LVP_SYNC_LONG all of the suite. A
line for each group of cases.
"""

from collections import Counter, defaultdict
import os
from pathlib import Path
import re
import subprocess
import sys

ROOT = Path(sys.argv[1]).resolve()
OUTPUT = Path(os.environ.get('LVP_SYNC_BUILD', ROOT / 'build')) / 'deqp' / 'cts'
GOOD = {'Pass', 'Skip', 'Warn', 'ExpectedFail'}


def main():
    folder = os.environ.get('LVP_SYNC_CTS')
    if not folder:
        print('1..0 # SKIP set LVP_SYNC_CTS to a folder with the deqp-vk.exe of the Vulkan CTS')
        return 0

    suite = 'win32' if os.environ.get('LVP_SYNC_LONG') else 'win32-quick'
    run = subprocess.run([ROOT / 'ci' / 'run-deqp', '--suite', suite, '--output', OUTPUT, folder],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         encoding='utf-8', errors='replace', check=False)
    groups = defaultdict(dict)
    results = OUTPUT / 'results.csv'
    if run.returncode in (0, 1) and results.exists():
        for line in results.read_text(encoding='utf-8').splitlines():
            case, status = line.split(',')[:2]
            groups[re.match(r'[^.]*\.[^.]*(\.[^.]*(?=\.))?', case)[0]][case] = status

    print(f'1..{len(groups) + 1}')
    good = run.returncode == 0 and bool(groups)
    for line in run.stdout.splitlines()[-30:]:
        print('#', line)
    print(f'{"" if good else "not "}ok 1 - ci/run-deqp --suite {suite}')
    for number, (group, cases) in enumerate(sorted(groups.items()), 2):
        # A flake, with which deqp-runner is content, is a failure here.
        bad = {case: status for case, status in cases.items() if status not in GOOD}
        for case, status in bad.items():
            print(f'# {case},{status}')
        counts = ', '.join(f'{count} {status}' for status, count in sorted(Counter(cases.values()).items()))
        print(f'{"not " if bad else ""}ok {number} - {group}: {counts}')
        good = good and not bad
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())

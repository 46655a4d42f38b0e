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

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'ci'))
from lib import tap

ROOT = Path(sys.argv[1]).resolve()
OUTPUT = Path(os.environ.get('LVP_SYNC_BUILD', ROOT / 'build')) / 'deqp' / 'cts'
GOOD = {'Pass', 'Skip', 'Warn', 'ExpectedFail'}


def main():
    folder = os.environ.get('LVP_SYNC_CTS')
    if not folder:
        return tap.skip_all('set LVP_SYNC_CTS to a folder with the deqp-vk.exe of the Vulkan CTS')

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

    said = run.stdout.splitlines()[-30:]
    results = [(f'ci/run-deqp --suite {suite}', [] if run.returncode == 0 and groups else said or ['said nothing'])]
    for group, cases in sorted(groups.items()):
        # A flake, with which deqp-runner is content, is a failure here.
        bad = [f'{case},{status}' for case, status in cases.items() if status not in GOOD]
        counts = ', '.join(f'{count} {status}' for status, count in sorted(Counter(cases.values()).items()))
        results.append((f'{group}: {counts}', bad))
    return tap.report(results)


if __name__ == '__main__':
    sys.exit(main())
